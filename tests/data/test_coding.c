#include "data_fixture.h"
#include "testing.h"

#include "data/calendar.h"
#include "data/coding.h"

static bool is_same_flow(const struct flow *a, const struct flow *b)
{
    return a->end == b->end && a->packets == b->packets && a->bytes == b->bytes &&
           a->duration == b->duration && a->source == b->source &&
           a->destination == b->destination && a->source_port == b->source_port &&
           a->destination_port == b->destination_port && a->protocol == b->protocol &&
           a->flags == b->flags && a->forwarding == b->forwarding && a->tos == b->tos &&
           a->label == b->label;
}

START_TEST(millions_of_legal_flows_come_back_as_they_were)
{
    struct rng rng = rng_stream(5, RNG_TEST, 1, 0);
    struct address_set monitored = { 0 };
    address_set_add_range(&monitored, FIXTURE_NETWORK, FIXTURE_NETWORK + 0xffffff);
    for (int i = 0; i < 2000000; i++) {
        struct flow flow = fixture_flow(&rng, 50), back;
        uint32_t host = 0;
        /* Check notes every assertion; here only what fails is worth it. */
        if (!dataset_flow_host(&monitored, &flow, &host))
            ck_abort_msg("a flow without a host");
        struct row row;
        int64_t clock = flow.end / MS_PER_SECOND - (int64_t)rng_below(&rng, 100000);
        coding_encode(&row, &flow, host, clock);
        if (!coding_row_is_legal(&row))
            ck_abort_msg("a row that is not legal");
        coding_decode(&back, &row, host, clock + row.value[ATTRIBUTE_GAP]);
        if (!is_same_flow(&flow, &back))
            ck_abort_msg("flow %d came back as another", i);
    }
    address_set_release(&monitored);
}
END_TEST

START_TEST(a_flow_is_seen_from_its_host)
{
    struct flow flow = { .end = 5000000,
                         .source = 1,
                         .destination = 2,
                         .source_port = 10,
                         .destination_port = 20,
                         .packets = 3,
                         .bytes = 120 };
    struct row row;
    coding_encode(&row, &flow, 1, 4000);
    ck_assert_int_eq(row.value[ATTRIBUTE_GAP], 1000);
    ck_assert_int_eq(row.value[ATTRIBUTE_DIRECTION], DIRECTION_OUT);
    ck_assert_int_eq(row.value[ATTRIBUTE_REMOTE], 2);
    ck_assert_int_eq(row.value[ATTRIBUTE_LOCAL_PORT], 10);
    ck_assert_int_eq(row.value[ATTRIBUTE_REMOTE_PORT], 20);
    coding_encode(&row, &flow, 2, 5000);
    ck_assert_int_eq(row.value[ATTRIBUTE_GAP], 0);
    ck_assert_int_eq(row.value[ATTRIBUTE_DIRECTION], DIRECTION_IN);
    ck_assert_int_eq(row.value[ATTRIBUTE_REMOTE], 1);
    ck_assert_int_eq(row.value[ATTRIBUTE_LOCAL_PORT], 20);
    ck_assert_int_eq(row.value[ATTRIBUTE_REMOTE_PORT], 10);
}
END_TEST

START_TEST(values_outside_their_support_are_not_legal)
{
    struct row legal = { { 0 } };
    legal.value[ATTRIBUTE_PACKETS] = 1;
    ck_assert(coding_row_is_legal(&legal));
    for (int a = 0; a < N_CODED; a++) {
        struct row row = legal;
        row.value[a] = attribute_infos[a].lowest - 1;
        ck_assert_msg(!coding_row_is_legal(&row), "%s", attribute_infos[a].name);
        if (attribute_infos[a].support > 0) {
            row.value[a] = attribute_infos[a].support;
            ck_assert_msg(!coding_row_is_legal(&row), "%s", attribute_infos[a].name);
        }
    }
}
END_TEST

START_TEST(every_attribute_is_reported_once_and_found_by_name)
{
    bool seen[N_ATTRIBUTES] = { false };
    for (int i = 0; i < N_ATTRIBUTES; i++) {
        enum attribute attribute = attribute_report_order[i];
        ck_assert(!seen[attribute]);
        seen[attribute] = true;
        ck_assert_int_eq(attribute_find(attribute_infos[attribute].name), (int)attribute);
    }
    ck_assert_int_eq(attribute_find("nothing"), -1);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/coding");
    testing_add(suite, millions_of_legal_flows_come_back_as_they_were);
    testing_add(suite, a_flow_is_seen_from_its_host);
    testing_add(suite, values_outside_their_support_are_not_legal);
    testing_add(suite, every_attribute_is_reported_once_and_found_by_name);
    return suite;
}
