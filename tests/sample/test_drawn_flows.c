#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "data/text_order.h"
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
    struct drawn_flows *drawn = drawn_flows_create(HOSTS, false);
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

/* Few sources, so that ties are common; those stay as they were added. */
START_TEST(flows_of_a_second_come_out_in_text_order)
{
    enum { FLOWS = 40000 };
    struct drawn_flows *drawn = drawn_flows_create(HOSTS, true);
    struct rng rng = rng_stream(3, RNG_TEST, 0, 0);
    size_t n_ties = 0, n_as_added = 0;
    for (uint64_t i = 0; i < FLOWS; i++) {
        struct drawn_flow flow = some_flow(&rng, i);
        flow.second /= 30; /* so that many are of one host and second */
        flow.flow.source = (uint32_t)rng_below(&rng, 200);
        drawn_flows_add(drawn, 0, &flow);
    }
    const struct drawn_flow *const *flows;
    ck_assert_uint_eq(drawn_flows_order(drawn, 0, &flows), FLOWS);
    for (size_t i = 1; i < FLOWS; i++) {
        const struct drawn_flow *a = flows[i - 1], *b = flows[i];
        if (a->second != b->second || a->host != b->host) {
            assert_quick(is_before(a, b));
            continue;
        }
        int order = text_order(&a->flow, &b->flow);
        assert_quick(order < 0 || (order == 0 && a->flow.packets < b->flow.packets));
        n_ties += order == 0;
        n_as_added += a->flow.packets < b->flow.packets;
    }
    ck_assert_uint_gt(n_ties, 1000);
    ck_assert_uint_lt(n_as_added, FLOWS * 6 / 10);
    drawn_flows_free(drawn);
}
END_TEST

START_TEST(memory_is_used_again)
{
    enum { FLOWS = 5000 };
    struct drawn_flows *drawn = drawn_flows_create(HOSTS, false);
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
    testing_add(suite, flows_of_a_second_come_out_in_text_order);
    testing_add(suite, memory_is_used_again);
    return suite;
}
