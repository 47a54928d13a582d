#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "model/masked_conv/heads.h"
#include "model/masked_conv/vocabulary.h"
#include "model_fixture.h"

#include <math.h>
#include <stdlib.h>

/* Rows that are legal: one packet each. */
static struct sequence_set *legal_rows(size_t n_hosts, size_t n_rows_each)
{
    struct sequence_set *set = fixture_empty(n_hosts, n_rows_each);
    for (size_t i = 0; i < set->n_rows; i++)
        set->rows[i].value[ATTRIBUTE_PACKETS] = 1;
    return set;
}

static struct vocabulary learned(const struct sequence_set *set)
{
    struct vocabulary vocabulary;
    vocabulary_learn(&vocabulary, set);
    return vocabulary;
}

static bool knows(const struct vocabulary *vocabulary, int list, int64_t value)
{
    return value_list_find(&vocabulary->lists[list], value) >= 0;
}

/* ---- lists -------------------------------------------------------------------------------- */

/* A value that stands in the first `times` rows of the first hosts. */
static const struct home_case {
    size_t n_hosts, n_at_home, times;
    int attribute;
    bool is_learned;
} home_cases[] = {
    { 3, 1, 8, ATTRIBUTE_LOCAL_PORT, true },
    { 3, 1, 7, ATTRIBUTE_LOCAL_PORT, false },   /* too seldom */
    { 4, 1, 150, ATTRIBUTE_LOCAL_PORT, false }, /* of one host alone */
    { 4, 2, 4, ATTRIBUTE_LOCAL_PORT, true },
    { 4, 2, 3, ATTRIBUTE_LOCAL_PORT, false },
    { 4, 1, 150, ATTRIBUTE_REMOTE, false },
    { 4, 2, 4, ATTRIBUTE_REMOTE, true },
    { 4, 2, 4, ATTRIBUTE_BYTES, true },
    { 4, 2, 3, ATTRIBUTE_DURATION, false },
    { 4, 1, 1, ATTRIBUTE_TOS, true }, /* small sets are learned whole */
    { 4, 1, 1, ATTRIBUTE_PROTOCOL, true },
};

START_TEST(values_are_learned_where_they_are_at_home)
{
    const struct home_case *c = &home_cases[_i];
    enum { VALUE = 77 };
    struct sequence_set *set = legal_rows(c->n_hosts, 150);
    for (size_t h = 0; h < c->n_at_home; h++)
        for (size_t i = 0; i < c->times; i++)
            set->rows[h * 150 + i].value[c->attribute] = VALUE;
    struct vocabulary vocabulary = learned(set);
    ck_assert_int_eq(knows(&vocabulary, c->attribute, VALUE), c->is_learned);
    /* History is looked at by nobody. */
    vocabulary_release(&vocabulary);
    for (size_t h = 0; h < set->n; h++)
        set->items[h].first_scored = c->times;
    vocabulary = learned(set);
    ck_assert(!knows(&vocabulary, c->attribute, VALUE));
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

/* A list that is full takes what most hosts have: a value with 2000 rows on two hosts counts 200,
 * one with 67 rows on three hosts 201. */
START_TEST(a_busy_host_does_not_fill_the_list)
{
    enum { FULL = 256, TIMES = 67, BUSY = 60000 };
    size_t n_each = FULL * TIMES + 1000;
    for (size_t n_others = FULL - 1; n_others <= FULL; n_others++) {
        struct sequence_set *set = legal_rows(3, n_each);
        for (size_t i = 0; i < set->n_rows; i++) {
            size_t place = i % n_each;
            int64_t *port = &set->rows[i].value[ATTRIBUTE_REMOTE_PORT];
            if (place < n_others * TIMES)
                *port = 1 + (int64_t)(place / TIMES);
            else
                *port = i < 2 * n_each ? BUSY : 50000 + (int64_t)place % 1000;
        }
        struct vocabulary vocabulary = learned(set);
        const struct value_list *list = &vocabulary.lists[ATTRIBUTE_REMOTE_PORT];
        ck_assert_uint_eq(list->n, FULL);
        for (size_t i = 0; i + 1 < FULL; i++)
            ck_assert_int_eq(list->values[i], 1 + (int64_t)i);
        ck_assert_int_eq(list->values[FULL - 1], n_others == FULL ? FULL : BUSY);
        vocabulary_release(&vocabulary);
        sequence_set_free(set);
    }
}
END_TEST

START_TEST(lists_find_what_they_hold)
{
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    int64_t values[40];
    struct value_list list = { values, 0 };
    ck_assert_int_eq(value_list_find(&list, 3), -1);
    for (int64_t value = 0; list.n < ARRAY_LEN(values); value += 1 + (int64_t)rng_below(&rng, 3))
        values[list.n++] = value;
    for (int64_t value = -2; value <= values[list.n - 1] + 2; value++) {
        int expected = -1;
        for (size_t i = 0; i < list.n; i++)
            if (values[i] == value)
                expected = (int)i;
        ck_assert_int_eq(value_list_find(&list, value), expected);
    }
}
END_TEST

/* ---- durations ---------------------------------------------------------------------------- */

/* 10000 durations: multiples of a step, of which so many lie off it. */
static const struct grid_case {
    int64_t step, n_off, expected;
} grid_cases
    [] = {
        { 4, 0, 4 },   { 4, 10, 4 },     { 4, 11, 1 }, { 1000, 0, 1000 },
        { 64, 0, 64 }, { 1000, 300, 1 }, { 1, 0, 1 },  { 100, 3, 100 },
        { 6, 0, 2 },   { 10, 0, 10 },    { 0, 0, 1 }, /* none above 0: nothing is known */
    };

START_TEST(the_grid_is_the_largest_that_nearly_all_durations_are_on)
{
    const struct grid_case *c = &grid_cases[_i];
    enum { N = 10000 };
    struct sequence_set *set = legal_rows(1, 2 * N); /* every other one is 0 */
    for (size_t i = 0; i < N; i++)
        set->rows[2 * i].value[ATTRIBUTE_DURATION] = c->step * (int64_t)(1 + i % 997) +
                                                     ((int64_t)i < c->n_off);
    struct vocabulary vocabulary = learned(set);
    ck_assert_int_eq(vocabulary.duration_grid, c->expected);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

START_TEST(the_highest_of_counts_is_that_of_all_hosts)
{
    struct sequence_set *set = legal_rows(3, 50);
    for (size_t i = 0; i < 150; i++) {
        set->rows[i].value[ATTRIBUTE_GAP] = i == 70 ? 5000 : (int64_t)i;
        set->rows[i].value[ATTRIBUTE_PACKETS] = i == 149 ? 900 : 1 + (int64_t)i;
        set->rows[i].value[ATTRIBUTE_DURATION] = i == 0 ? 70000 : 4 * (int64_t)i;
    }
    struct vocabulary vocabulary = learned(set);
    ck_assert_int_eq(vocabulary.highest_gap, 5000);
    ck_assert_int_eq(vocabulary.highest_packets, 900);
    ck_assert_int_eq(vocabulary.highest_duration, 70000);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

/* A rule has exceptions, up to 1 in 100; where no flow has one packet there is none. */
START_TEST(one_packet_takes_no_time_where_training_says_so)
{
    static const struct {
        size_t n_instant, n_lasting;
        bool is_rule;
    } cases[] = { { 990, 10, true }, { 989, 11, false }, { 1, 0, true }, { 0, 0, false } };
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        size_t n_one = cases[c].n_instant + cases[c].n_lasting;
        struct sequence_set *set = legal_rows(1, n_one + 500);
        for (size_t i = 0; i < n_one + 500; i++) {
            bool is_lasting = i >= cases[c].n_instant;
            set->rows[i].value[ATTRIBUTE_PACKETS] = i < n_one ? 1 : 2;
            set->rows[i].value[ATTRIBUTE_DURATION] = is_lasting ? 40 : 0;
        }
        struct vocabulary vocabulary = learned(set);
        ck_assert_int_eq(vocabulary.one_packet_is_instant, cases[c].is_rule);
        vocabulary_release(&vocabulary);
        sequence_set_free(set);
    }
}
END_TEST

/* ---- bytes per packet --------------------------------------------------------------------- */

START_TEST(ratios_are_bounded_by_what_training_has)
{
    struct sequence_set *set = legal_rows(1, 4);
    static const int64_t seen[4][3] = { /* protocol, packets, bytes */
                                        { PROTOCOL_TCP, 3, 122 },
                                        { PROTOCOL_TCP, 1, 1500 },
                                        { PROTOCOL_UDP, 2, 57 },
                                        { PROTOCOL_ICMP, 1, 28 }
    };
    for (size_t i = 0; i < 4; i++) {
        set->rows[i].value[ATTRIBUTE_PROTOCOL] = seen[i][0];
        set->rows[i].value[ATTRIBUTE_PACKETS] = seen[i][1];
        set->rows[i].value[ATTRIBUTE_BYTES] = seen[i][2];
    }
    struct vocabulary vocabulary = learned(set);
    static const struct {
        int64_t protocol, packets, lowest, highest;
    } cases[] = {
        { PROTOCOL_TCP, 1, 41, 1500 },
        { PROTOCOL_TCP, 3, 122, 4500 },
        { PROTOCOL_UDP, 1, 28, 28 }, /* 28 .. 28.5 */
        { PROTOCOL_UDP, 2, 56, 57 },
        { PROTOCOL_ICMP, 3, 84, 85 },
        { 47, 4, 112, 114 },
        { PROTOCOL_UDP, INT64_MAX, INT64_C(1) << 62, INT64_C(1) << 62 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t lowest, highest;
        vocabulary_bytes_range(&vocabulary, cases[i].protocol, cases[i].packets, &lowest, &highest);
        ck_assert_int_eq(lowest, cases[i].lowest);
        ck_assert_int_eq(highest, cases[i].highest);
    }
    /* Where no whole number of bytes lies between the bounds, one is legal all the same. */
    vocabulary.ratio_lowest[0] = vocabulary.ratio_highest[0] = 28.5;
    int64_t lowest, highest;
    vocabulary_bytes_range(&vocabulary, PROTOCOL_UDP, 1, &lowest, &highest);
    ck_assert_int_eq(lowest, 29);
    ck_assert_int_eq(highest, 29);
    vocabulary_release(&vocabulary);

    /* A protocol that training has not: all that IP allows. */
    for (size_t i = 0; i < 4; i++)
        set->rows[i].value[ATTRIBUTE_PROTOCOL] = PROTOCOL_TCP;
    vocabulary = learned(set);
    vocabulary_bytes_range(&vocabulary, PROTOCOL_UDP, 2, &lowest, &highest);
    ck_assert_int_eq(lowest, 40);
    ck_assert_int_eq(highest, 131070);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

START_TEST(whole_ratios_are_learned_and_others_not)
{
    struct sequence_set *set = legal_rows(2, 40);
    for (size_t i = 0; i < set->n_rows; i++) {
        int64_t *value = set->rows[i].value;
        value[ATTRIBUTE_PACKETS] = 1 + (int64_t)(i % 4);
        value[ATTRIBUTE_BYTES] = (i % 8 < 4 ? 52 : 90) * value[ATTRIBUTE_PACKETS] + (i % 8 >= 4);
    }
    struct vocabulary vocabulary = learned(set);
    const struct value_list *ratios = &vocabulary.lists[LIST_RATIO];
    ck_assert_uint_eq(ratios->n, 2); /* 52, and 91 of single packets */
    ck_assert_int_eq(ratios->values[0], 52);
    ck_assert_int_eq(ratios->values[1], 91);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

/* ---- files -------------------------------------------------------------------------------- */

static enum status save(const struct vocabulary *vocabulary, const char *path, struct error *err)
{
    struct hdf5_group *file;
    FORWARD(hdf5_file_create(path, &file, err));
    enum status status = vocabulary_save(vocabulary, file, err);
    hdf5_group_close(file, NULL);
    return status;
}

static enum status load(struct vocabulary *vocabulary, const char *path, struct error *err)
{
    struct hdf5_group *file;
    FORWARD(hdf5_file_open(path, &file, err));
    enum status status = vocabulary_load(vocabulary, file, err);
    hdf5_group_close(file, NULL);
    return status;
}

/* Those of the clocks before the scored rows. */
START_TEST(half_hours_are_those_of_training_rows)
{
    struct sequence_set *set = legal_rows(1, 4);
    static const int64_t gaps[] = { 0, 3600, 1, 86400 };
    static const struct {
        size_t first_scored, n;
        int64_t half_hours[2];
    } cases[] = { { 0, 2, { 14, 16 } }, { 2, 1, { 16 } } };
    set->items[0].start = 5 * 86400 + 7 * 3600 + 100;
    for (size_t i = 0; i < ARRAY_LEN(gaps); i++)
        set->rows[i].value[ATTRIBUTE_GAP] = gaps[i];
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        set->items[0].first_scored = cases[c].first_scored;
        struct vocabulary vocabulary = learned(set);
        const struct value_list *list = &vocabulary.lists[LIST_HALF_HOUR];
        ck_assert_uint_eq(list->n, cases[c].n);
        for (size_t i = 0; i < list->n; i++)
            ck_assert_int_eq(list->values[i], cases[c].half_hours[i]);
        vocabulary_release(&vocabulary);
    }
    ck_assert_int_eq(half_hour_of(86399), 47);
    ck_assert_int_eq(half_hour_of(-1), 47);
    sequence_set_free(set);
}
END_TEST

/* Bins have the same number of flows, of those whose gap is not one of the small ones; the highest
 * value, far beyond, ends bins of an octave each. */
START_TEST(bins_share_out_what_is_not_learned_by_heart)
{
    enum { N = 48 * 10, HIGHEST = 10000 };
    struct sequence_set *set = legal_rows(1, 2 * N);
    for (size_t i = 0; i < 2 * N; i++)
        set->rows[i].value[ATTRIBUTE_GAP] = i < N ? (int64_t)i % SMALL_GAPS
                                                  : SMALL_GAPS + (int64_t)(i - N);
    set->rows[2 * N - 1].value[ATTRIBUTE_GAP] = HIGHEST;
    struct vocabulary vocabulary = learned(set);
    const struct value_list *ends = &vocabulary.lists[LIST_GAP_BIN];
    for (size_t i = 0; i < 47; i++)
        ck_assert_int_eq(ends->values[i], SMALL_GAPS + 10 * (int64_t)i + 9);
    ck_assert_uint_gt(ends->n, 48);
    ck_assert_int_eq(ends->values[ends->n - 1], HIGHEST);
    for (size_t i = 47; i < ends->n; i++) {
        ck_assert_int_gt(ends->values[i], ends->values[i - 1]);
        ck_assert_int_le(ends->values[i], 2 * ends->values[i - 1] + 1);
    }
    ck_assert_uint_eq(vocabulary.lists[LIST_PACKETS_BIN].n, 0); /* all are small */
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

START_TEST(a_vocabulary_comes_back_from_its_file)
{
    struct sequence_set *set = fixture_network(1, 10, 6);
    struct vocabulary vocabulary = learned(set), again;
    struct error err = { 0 };
    const char *path = testing_path("vocabulary.h5");
    assert_ok(save(&vocabulary, path, &err), err);
    assert_ok(load(&again, path, &err), err);
    ck_assert_int_eq(again.duration_grid, 4);
    size_t n_values = 0;
    for (size_t l = 0; l < N_VALUE_LISTS; l++) {
        ck_assert_uint_eq(again.lists[l].n, vocabulary.lists[l].n);
        for (size_t i = 0; i < again.lists[l].n; i++)
            ck_assert_int_eq(again.lists[l].values[i], vocabulary.lists[l].values[i]);
        n_values += again.lists[l].n;
    }
    ck_assert_uint_gt(n_values, 100);
    ck_assert_int_eq(again.one_packet_is_instant, vocabulary.one_packet_is_instant);
    ck_assert_int_eq(again.highest_gap, vocabulary.highest_gap);
    ck_assert_int_eq(again.highest_packets, vocabulary.highest_packets);
    ck_assert_int_eq(again.highest_duration, vocabulary.highest_duration);
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        ck_assert(again.ratio_lowest[is_tcp] == vocabulary.ratio_lowest[is_tcp]);
        ck_assert(again.ratio_highest[is_tcp] == vocabulary.ratio_highest[is_tcp]);
    }
    vocabulary_release(&again);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

START_TEST(a_damaged_vocabulary_is_refused)
{
    struct sequence_set *set = fixture_network(1, 10, 2);
    struct vocabulary again;
    struct error err = { 0 };
    const char *path = testing_path("vocabulary.h5");

    struct vocabulary vocabulary = learned(set);
    vocabulary.duration_grid = 0;
    assert_ok(save(&vocabulary, path, &err), err);
    assert_fails(load(&again, path, &err), STATUS_FORMAT, err, "duration_grid is 0");

    vocabulary.duration_grid = 4;
    struct value_list *list = &vocabulary.lists[ATTRIBUTE_REMOTE_PORT];
    ck_assert_uint_gt(list->n, 2);
    list->values[0] = list->values[1];
    assert_ok(save(&vocabulary, path, &err), err);
    assert_fails(load(&again, path, &err), STATUS_FORMAT, err, "remote_port is not in ascending");

    free(list->values);
    list->n = 257;
    list->values = memory_alloc(list->n, sizeof *list->values);
    for (size_t i = 0; i < list->n; i++)
        list->values[i] = (int64_t)i;
    assert_ok(save(&vocabulary, path, &err), err);
    assert_fails(load(&again, path, &err), STATUS_FORMAT, err, "not up to 256");
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

/* ---- stray ports -------------------------------------------------------------------------- */

/* Port 53 on the remote's side in so many flows of UDP, and of TCP; does it stray in TCP? */
static const struct stray_case {
    size_t n_udp, n_tcp;
    bool strays;
} stray_cases[] = {
    { 1995, 5, true },
    { 1980, 20, false }, /* one in a hundred */
    { 2000, 0, true },
    { 990, 5, false }, /* too few to tell */
};

START_TEST(a_port_strays_where_nearly_all_its_flows_are_of_other_protocols)
{
    const struct stray_case *c = &stray_cases[_i];
    enum { PORT = 53, N = 2500 };
    struct sequence_set *set = legal_rows(1, N);
    for (size_t i = 0; i < N; i++) {
        int64_t *value = set->rows[i].value;
        bool is_udp = i < c->n_udp, has_port = i < c->n_udp + c->n_tcp;
        value[ATTRIBUTE_PROTOCOL] = is_udp ? PROTOCOL_UDP : PROTOCOL_TCP;
        value[ATTRIBUTE_LOCAL_PORT] = 20000 + (int64_t)i;
        value[ATTRIBUTE_REMOTE_PORT] = has_port ? PORT : 40000 + (int64_t)i;
    }
    struct vocabulary vocabulary = learned(set);
    ck_assert(knows(&vocabulary, ATTRIBUTE_REMOTE_PORT, PORT));
    ck_assert_int_eq(knows(&vocabulary, LIST_STRAY, stray_port(SHARE_TCP, SERVICE_USED, PORT)),
                     c->strays);
    ck_assert(!knows(&vocabulary, LIST_STRAY, stray_port(SHARE_UDP, SERVICE_USED, PORT)));
    ck_assert(!knows(&vocabulary, LIST_STRAY, stray_port(SHARE_TCP, SERVICE_SERVED, PORT)));

    struct heads heads;
    heads_init(&heads, &vocabulary);
    struct row row = set->rows[0];
    const struct row_context context = { .row = &row };
    ck_assert(!head_value_strays(&heads, HEAD_REMOTE_PORT, &context, PORT)); /* in UDP */
    row.value[ATTRIBUTE_PROTOCOL] = PROTOCOL_TCP;
    ck_assert_int_eq(head_value_strays(&heads, HEAD_REMOTE_PORT, &context, PORT), c->strays);
    ck_assert(!head_value_strays(&heads, HEAD_LOCAL_PORT, &context, PORT));
    ck_assert(!head_value_strays(&heads, HEAD_REMOTE_PORT, &context, PORT + 1));
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/vocabulary");
    testing_add_loop(suite, values_are_learned_where_they_are_at_home, ARRAY_LEN(home_cases));
    testing_add(suite, a_busy_host_does_not_fill_the_list);
    testing_add(suite, lists_find_what_they_hold);
    testing_add_loop(suite, the_grid_is_the_largest_that_nearly_all_durations_are_on,
                     ARRAY_LEN(grid_cases));
    testing_add(suite, the_highest_of_counts_is_that_of_all_hosts);
    testing_add(suite, one_packet_takes_no_time_where_training_says_so);
    testing_add(suite, ratios_are_bounded_by_what_training_has);
    testing_add(suite, whole_ratios_are_learned_and_others_not);
    testing_add_loop(suite, a_port_strays_where_nearly_all_its_flows_are_of_other_protocols,
                     ARRAY_LEN(stray_cases));
    testing_add(suite, half_hours_are_those_of_training_rows);
    testing_add(suite, bins_share_out_what_is_not_learned_by_heart);
    testing_add(suite, a_vocabulary_comes_back_from_its_file);
    testing_add(suite, a_damaged_vocabulary_is_refused);
    return suite;
}
