/* The services of a host: told from rows, counted, and listed by how frequent they are. */
#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "model/masked_conv/services.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct row row_of(int64_t protocol, int64_t local_port, int64_t remote_port)
{
    return (struct row){ { [ATTRIBUTE_PROTOCOL] = protocol,
                           [ATTRIBUTE_LOCAL_PORT] = local_port,
                           [ATTRIBUTE_REMOTE_PORT] = remote_port,
                           [ATTRIBUTE_PACKETS] = 1 } };
}

static void learn(struct service_lists *lists, const struct row *rows, size_t n)
{
    service_lists_learn(lists, &(const struct sequence){ .rows = rows, .n_rows = n });
}

static const struct {
    int64_t protocol, local_port, remote_port;
    bool has_service;
    enum service_side side;
    int64_t port;
} rows[] = {
    { PROTOCOL_TCP, 443, 50000, true, SERVICE_SERVED, 443 },
    { PROTOCOL_TCP, 50000, 443, true, SERVICE_USED, 443 },
    { PROTOCOL_UDP, 123, 123, true, SERVICE_SERVED, 123 },
    { PROTOCOL_UDP, 65535, 0, true, SERVICE_USED, 0 },
    { PROTOCOL_ICMP, 0, 2048, false, SERVICE_SERVED, 0 },
    { 47, 0, 0, false, SERVICE_SERVED, 0 },
};

START_TEST(a_row_belongs_to_the_service_of_its_lower_port)
{
    struct row row = row_of(rows[_i].protocol, rows[_i].local_port, rows[_i].remote_port);
    struct service_lists lists;
    uint32_t service;
    ck_assert_int_eq(service_of(&row, &service), rows[_i].has_service);
    learn(&lists, &row, 1);
    size_t n = 0;
    for (size_t i = 0; i < 4; i++)
        n += lists.lists[i / 2][i % 2].n;
    ck_assert_uint_eq(n, rows[_i].has_service);
    const struct service_list *list = service_list_of(&lists, rows[_i].protocol, rows[_i].side);
    ck_assert_int_eq(list != NULL, rows[_i].has_service);
    if (list != NULL) {
        ck_assert_uint_eq(list->ports[0], rows[_i].port);
        ck_assert_uint_eq(list->levels[0], 1);
    }
}
END_TEST

/* Port 100 + p is counted (p * 37 + 11) % 300 times: many services, of which most are not listed.
 */
START_TEST(the_most_frequent_ones_are_listed_in_order)
{
    enum { PORTS = 2000 };
    struct service_lists lists;
    struct rng rng = rng_stream(1, 0, 0, 0);
    static int64_t left[PORTS];
    int64_t counts[PORTS], n_flows = 0;
    for (int64_t p = 0; p < PORTS; p++)
        n_flows += left[p] = counts[p] = (p * 37 + 11) % 300;
    struct row *list_of_rows = memory_alloc((size_t)n_flows, sizeof *list_of_rows);
    for (int64_t noted = 0; noted < n_flows;) { /* in any order */
        int64_t p = (int64_t)rng_below(&rng, PORTS);
        if (left[p] == 0)
            continue;
        list_of_rows[noted++] = row_of(PROTOCOL_UDP, 60000, 100 + p);
        left[p]--;
    }
    learn(&lists, list_of_rows, (size_t)n_flows);
    free(list_of_rows);
    const struct service_list *list = service_list_of(&lists, PROTOCOL_UDP, SERVICE_USED);
    ck_assert_uint_eq(list->n, SERVICES_LISTED);
    for (size_t i = 0; i < list->n; i++) {
        size_t n_before = 0; /* services that come before it: of higher count, or of lower port */
        int64_t p = list->ports[i] - 100;
        for (int64_t q = 0; q < PORTS; q++)
            n_before += counts[q] > counts[p] || (counts[q] == counts[p] && q < p);
        ck_assert_uint_eq(n_before, i);
        double share = (double)counts[p] / (double)n_flows;
        ck_assert_int_eq(list->levels[i], (int)fmin(1 - floor(2 * log2(share) + 0.5), 15));
    }
    ck_assert_uint_eq(service_list_of(&lists, PROTOCOL_TCP, SERVICE_USED)->n, 0);
}
END_TEST

/* Eight services of each kind have a slot, in the order of the lists; all others share one by
 * protocol. */
START_TEST(a_service_has_a_slot_of_its_own)
{
    enum { N = 12 };
    struct row flows[N * (N + 1) / 2];
    size_t n = 0;
    for (int64_t port = 1; port <= N; port++) /* used, the lower the more often */
        for (int64_t i = port; i <= N; i++)
            flows[n++] = (struct row){ .value = { [ATTRIBUTE_PROTOCOL] = PROTOCOL_UDP,
                                                  [ATTRIBUTE_LOCAL_PORT] = 40000,
                                                  [ATTRIBUTE_REMOTE_PORT] = port } };
    struct sequence sequence = { .rows = flows, .n_rows = n };
    struct service_lists lists;
    service_lists_learn(&lists, &sequence);
    size_t first = service_first_slot(SHARE_UDP, SERVICE_USED), other = SLOT_OTHERS + SHARE_UDP;
    for (int64_t port = 1; port <= N + 1; port++) {
        struct row row = flows[0];
        row.value[ATTRIBUTE_REMOTE_PORT] = port;
        size_t slot = (size_t)port <= SLOTS_OF_LIST ? first + (size_t)port - 1 : other;
        ck_assert_uint_eq(service_slot(&lists, &row), slot);
        ck_assert_uint_eq(service_slot(NULL, &row), other);
        row.value[ATTRIBUTE_PROTOCOL] = 47; /* GRE has no services */
        ck_assert_uint_eq(service_slot(&lists, &row), SLOT_OTHERS + SHARE_OTHERS);
    }
    static const size_t firsts[] = { 0, 8, 16, 24 };
    for (size_t i = 0; i < ARRAY_LEN(firsts); i++)
        ck_assert_uint_eq(service_first_slot(i < 2 ? SHARE_TCP : SHARE_UDP, i % 2), firsts[i]);
}
END_TEST

START_TEST(levels_are_half_octaves_of_the_share)
{
    static const struct {
        int n, of;
        uint8_t level;
    } cases[] = { { 1, 1, 1 }, { 1, 2, 3 },    { 1, 4, 5 },
                  { 2, 3, 2 }, { 1, 128, 15 }, { 1, 5000, 15 } };
    struct service_lists lists;
    static struct row list[5000];
    for (int i = 0; i < cases[_i].of; i++)
        list[i] = i < cases[_i].n ? row_of(PROTOCOL_TCP, 80, 50000)
                                  : row_of(PROTOCOL_TCP, 50000, 443);
    learn(&lists, list, (size_t)cases[_i].of);
    ck_assert_uint_eq(service_list_of(&lists, PROTOCOL_TCP, SERVICE_SERVED)->levels[0],
                      cases[_i].level);
}
END_TEST

/* A host serves port 80 with 1 packet in and 8 out, and now and then more; and uses 53 once. */
START_TEST(what_is_usual_is_between_the_quartiles)
{
    enum { N = 101 };
    struct row list[N];
    for (size_t i = 0; i < N; i++) {
        bool is_out = i % 2 == 0, is_much = i % 10 > 7;
        list[i] = row_of(PROTOCOL_TCP, 80, 50000 + (int64_t)i);
        list[i].value[ATTRIBUTE_DIRECTION] = is_out ? DIRECTION_OUT : DIRECTION_IN;
        list[i].value[ATTRIBUTE_PACKETS] = is_much ? 1000 : is_out ? 8 : 1;
        list[i].value[ATTRIBUTE_DURATION] = i < 60 ? 0 : 32 * 5;
        list[i].value[ATTRIBUTE_BYTES] = 8 * 3;
    }
    list[N - 1] = row_of(PROTOCOL_UDP, 50000, 53);
    list[N - 1].value[ATTRIBUTE_DIRECTION] = DIRECTION_OUT;
    struct service_lists lists;
    learn(&lists, list, N);
    static const struct {
        size_t row;
        enum usual usual;
        int lower, upper; /* octaves; below 0: none */
    } usuals[] = {
        { 0, USUAL_PACKETS, 4, 4 }, { 1, USUAL_PACKETS, 1, 1 },   { 1, USUAL_DURATION, 0, 3 },
        { 2, USUAL_BYTES, 2, 2 },   { N - 1, USUAL_BYTES, 0, 0 },
    };
    for (size_t u = 0; u < ARRAY_LEN(usuals); u++)
        ck_assert_int_eq(service_usual(&lists, &list[usuals[u].row], usuals[u].usual),
                         usuals[u].lower * USUAL_OCTAVES + usuals[u].upper);
    struct row other = list[N - 1]; /* an answer, of which there was none */
    other.value[ATTRIBUTE_DIRECTION] = DIRECTION_IN;
    ck_assert_int_eq(service_usual(&lists, &other, USUAL_PACKETS), USUAL_NONE);
    other = row_of(PROTOCOL_TCP, 81, 50000);
    ck_assert_int_eq(service_usual(&lists, &other, USUAL_PACKETS), USUAL_NONE);
    other = row_of(PROTOCOL_ICMP, 0, 0);
    ck_assert_int_eq(service_usual(&lists, &other, USUAL_PACKETS), USUAL_NONE);
    ck_assert_int_eq(service_usual(NULL, &list[0], USUAL_PACKETS), USUAL_NONE);
}
END_TEST

/* A clock is asked every 64 s, an echo comes every 300 s (and in the second case once in between,
 * every 1500 s), a page is read after 20 and 50 s in turn. */
START_TEST(a_period_is_that_of_remotes_that_come_steadily)
{
    enum { SECONDS = 4000 };
    struct row *list = memory_alloc(3 * SECONDS, sizeof *list);
    const struct row clock = row_of(PROTOCOL_UDP, 50000, 123), echo = row_of(PROTOCOL_ICMP, 0, 0),
                     page = row_of(PROTOCOL_TCP, 50000, 80), other = row_of(47, 0, 0);
    size_t n = 0;
    for (int64_t t = 0, last = 0; t < SECONDS; t++) {
        bool is_echo = t % 300 == 7 || (_i == 1 && t % 1500 == 157);
        const struct row *found[] = { t % 64 == 0 ? &clock : NULL, is_echo ? &echo : NULL,
                                      t % 70 == 0 || t % 70 == 20 ? &page : NULL };
        for (size_t i = 0; i < ARRAY_LEN(found); i++) {
            if (found[i] == NULL)
                continue;
            list[n] = *found[i];
            list[n].value[ATTRIBUTE_REMOTE] = (int64_t)i;
            list[n++].value[ATTRIBUTE_GAP] = t - last;
            last = t;
        }
    }
    struct service_lists lists;
    learn(&lists, list, n);
    ck_assert_int_eq(service_period(&lists, &clock).seconds, 64);
    ck_assert_int_eq(service_period(&lists, &echo).seconds, 300);
    ck_assert_int_eq(service_period(&lists, &page).seconds, 0);
    ck_assert_int_eq(service_period(&lists, &other).seconds, 0);
    ck_assert_int_eq(service_period(NULL, &clock).seconds, 0);
    ck_assert_uint_eq(service_period(&lists, &clock).share, 3);
    ck_assert_uint_eq(service_period(&lists, &echo).share, _i == 0 ? 3 : 2);
    free(list);
}
END_TEST

START_TEST(a_share_of_nothing_has_level_0_and_all_of_it_1)
{
    ck_assert_int_eq(share_level(0, 8), 0);
    ck_assert_int_eq(share_level(8, 8), 1);
    ck_assert_int_eq(share_level(4, 8), 3);
    ck_assert_int_eq(share_level(2, 8), 5);
    ck_assert_int_eq(share_level(3, 8), 4);
    ck_assert_int_eq(share_level(1, 1e9), SERVICE_LEVELS - 1);
}
END_TEST

START_TEST(there_are_no_services_without_lists)
{
    ck_assert_ptr_null(service_list_of(NULL, PROTOCOL_TCP, SERVICE_USED));
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/services");
    testing_add_loop(suite, a_row_belongs_to_the_service_of_its_lower_port, ARRAY_LEN(rows));
    testing_add(suite, the_most_frequent_ones_are_listed_in_order);
    testing_add_loop(suite, levels_are_half_octaves_of_the_share, 6);
    testing_add(suite, a_service_has_a_slot_of_its_own);
    testing_add(suite, a_share_of_nothing_has_level_0_and_all_of_it_1);
    testing_add(suite, what_is_usual_is_between_the_quartiles);
    testing_add_loop(suite, a_period_is_that_of_remotes_that_come_steadily, 2);
    testing_add(suite, there_are_no_services_without_lists);
    return suite;
}
