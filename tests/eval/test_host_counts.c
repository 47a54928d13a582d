#include "eval_fixture.h"
#include "testing.h"

#include "eval/host_counts.h"

#include <math.h>
#include <stdlib.h>

enum { DAY = 86400 };

/* Flows of hosts, by their days: n_of_day[h][d] of them at noon of day d. */
enum { HOSTS = 4, DAYS = 3 };

static struct traffic *traffic_of(const size_t n_of_day[HOSTS][DAYS], struct sequence_set **set,
                                  struct row **rows)
{
    size_t n_rows[HOSTS] = { 0 }, n = 0;
    for (size_t h = 0; h < HOSTS; h++)
        for (size_t d = 0; d < DAYS; d++)
            n_rows[h] += n_of_day[h][d];
    for (size_t h = 0; h < HOSTS; h++)
        n += n_rows[h];
    *rows = malloc((n + 1) * sizeof **rows);
    n = 0;
    for (size_t h = 0; h < HOSTS; h++) {
        int64_t clock = 0;
        for (size_t d = 0; d < DAYS; d++)
            for (size_t i = 0; i < n_of_day[h][d]; i++) {
                int64_t end = (int64_t)d * DAY + DAY / 2;
                (*rows)[n] = fixture_row();
                (*rows)[n++].value[ATTRIBUTE_GAP] = end - clock;
                clock = end;
            }
    }
    *set = fixture_set(*rows, n_rows, HOSTS);
    return traffic_create(*set);
}

static struct host_counts measure(const size_t n_of_day[HOSTS][DAYS])
{
    struct sequence_set *set;
    struct row *rows;
    struct traffic *traffic = traffic_of(n_of_day, &set, &rows);
    struct host_counts counts = host_counts_measure(traffic);
    traffic_free(traffic);
    fixture_set_free(set);
    free(rows);
    return counts;
}

START_TEST(hosts_are_counted_by_the_day)
{
    static const size_t n_of_day[HOSTS][DAYS] = {
        { 1, 0, 2 }, { 3, 4, 7 }, { 8, 1, 0 }, { 0, 0, 100 }
    };
    struct host_counts counts = measure(n_of_day);
    static const double expected[HOST_COUNT_CLASSES] = {
        [0] = 4, [1] = 2, [2] = 2, [3] = 2, [4] = 1, [7] = 1
    };
    for (size_t k = 0; k < HOST_COUNT_CLASSES; k++)
        assert_near(counts.shares[k], expected[k] / 12.0, 1e-15);
    assert_near(counts.mean, 126.0 / 12.0, 1e-12);
}
END_TEST

/* Days before the first flow of all and after the last one are not seen. */
START_TEST(days_are_those_with_flows)
{
    static const size_t n_of_day[HOSTS][DAYS] = {
        { 0, 5, 0 }, { 0, 5, 0 }, { 0, 1, 0 }, { 0, 1, 0 }
    };
    struct host_counts counts = measure(n_of_day);
    assert_near(counts.shares[0], 0.0, 0.0);
    assert_near(counts.shares[1], 0.5, 0.0);
    assert_near(counts.shares[3], 0.5, 0.0);
    assert_near(counts.mean, 3.0, 1e-15);
}
END_TEST

START_TEST(distances_are_those_by_hand)
{
    static const size_t n_of_day[3][HOSTS][DAYS] = {
        { { 1, 0, 0 }, { 1, 0, 0 }, { 20, 0, 0 }, { 20, 0, 0 } },
        { { 1, 0, 0 }, { 1, 0, 0 }, { 16, 0, 0 }, { 31, 0, 0 } }, /* the same octaves */
        { { 1, 0, 0 }, { 1, 0, 0 }, { 40, 0, 0 }, { 40, 0, 0 } }, /* half of the hosts elsewhere */
    };
    struct host_counts counts[3];
    for (size_t i = 0; i < 3; i++)
        counts[i] = measure(n_of_day[i]);
    assert_near(host_counts_compare(&counts[0], &counts[1]), 0.0, 1e-15);
    assert_near(host_counts_compare(&counts[0], &counts[2]), 0.5 * log(2.0), 1e-12);
    static const size_t none[HOSTS][DAYS] = { { 0 } };
    struct host_counts nothing = measure(none);
    ck_assert(isnan(nothing.mean));
    ck_assert(isnan(host_counts_compare(&counts[0], &nothing)));
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/host_counts");
    testing_add(suite, hosts_are_counted_by_the_day);
    testing_add(suite, days_are_those_with_flows);
    testing_add(suite, distances_are_those_by_hand);
    return suite;
}
