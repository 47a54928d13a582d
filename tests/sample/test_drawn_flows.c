#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "sample/drawn_flows.h"

enum { HOSTS = 7 };

/* A flow of a random host and second; packets tell when it was added. */
static struct drawn_flow some_flow(struct rng *rng, uint64_t number)
{
    return (struct drawn_flow){ .flow = { .packets = number },
                                .host = (uint32_t)rng_below(rng, HOSTS),
                                .second = (uint32_t)rng_below(rng, SAMPLE_WINDOW_SECONDS) };
}

static bool is_before(const struct drawn_flow *a, const struct drawn_flow *b)
{
    if (a->second != b->second)
        return a->second < b->second;
    return a->host != b->host ? a->host < b->host : a->flow.packets < b->flow.packets;
}

/* Flows fall into windows at random; each is in order when its turn comes, and none is lost. */
START_TEST(windows_come_out_in_order)
{
    enum { WINDOWS = 1000 };
    static const size_t per_window[] = { 0, 1, 50, 128, 700 };
    static size_t n_of_window[WINDOWS + DRAWN_WINDOWS];
    struct drawn_flows *drawn = drawn_flows_create(HOSTS);
    struct rng rng = rng_stream(1, RNG_TEST, 0, (uint64_t)_i);
    uint64_t n_added = 0, n_ordered = 0, n_wrong = 0;
    memset(n_of_window, 0, sizeof n_of_window);
    for (uint64_t w = 0; w < WINDOWS; w++) {
        for (size_t i = 0; i < per_window[_i]; i++) {
            uint64_t window = w + rng_below(&rng, DRAWN_WINDOWS);
            struct drawn_flow flow = some_flow(&rng, n_added++);
            drawn_flows_add(drawn, window, &flow);
            n_of_window[window]++;
        }
        const struct drawn_flow *const *flows;
        size_t n = drawn_flows_order(drawn, w, &flows);
        ck_assert_uint_eq(n, n_of_window[w]);
        for (size_t i = 1; i < n; i++)
            n_wrong += !is_before(flows[i - 1], flows[i]);
        n_ordered += n;
        ck_assert_uint_eq(drawn_flows_count(drawn), n_added - n_ordered + n);
        drawn_flows_drop(drawn, w);
        ck_assert_uint_eq(drawn_flows_count(drawn), n_added - n_ordered);
    }
    ck_assert_uint_eq(n_wrong, 0);
    drawn_flows_free(drawn);
}
END_TEST

START_TEST(memory_is_used_again)
{
    enum { FLOWS = 5000 };
    struct drawn_flows *drawn = drawn_flows_create(HOSTS);
    struct rng rng = rng_stream(2, RNG_TEST, 0, 0);
    size_t n_requests = 0;
    for (uint64_t w = 0; w < 100; w++) {
        const struct drawn_flow *const *flows;
        for (uint64_t i = 0; i < FLOWS; i++) {
            struct drawn_flow flow = some_flow(&rng, i);
            drawn_flows_add(drawn, w, &flow);
        }
        ck_assert_uint_eq(drawn_flows_order(drawn, w, &flows), FLOWS);
        drawn_flows_drop(drawn, w);
        if (w == 0)
            n_requests = memory_requests();
    }
    ck_assert_uint_eq(memory_requests(), n_requests);
    drawn_flows_free(drawn);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("sample/drawn_flows");
    testing_add_loop(suite, windows_come_out_in_order, 5);
    testing_add(suite, memory_is_used_again);
    return suite;
}
