#include "eval_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "base/threads.h"
#include "eval/two_sample.h"

#include <math.h>
#include <stdlib.h>

enum { N_HOSTS = 8, N_ROWS = 112 };

struct fixture_side {
    struct row *rows;
    struct sequence_set *set;
    struct traffic *traffic;
};

/* Hosts of the process of fixture_varied_rows but for a level of their own, so that what is seen of
 * one host holds for others. */
static struct fixture_side make_side(uint64_t seed, size_t n_hosts)
{
    struct fixture_side side = { .rows = fixture_varied_rows(seed, n_hosts, N_ROWS) };
    size_t *n_rows = memory_alloc(n_hosts, sizeof *n_rows);
    for (size_t h = 0; h < n_hosts; h++)
        n_rows[h] = N_ROWS;
    for (size_t i = 0; i < n_hosts * N_ROWS; i++)
        side.rows[i].value[ATTRIBUTE_BYTES] = 1000 + (int64_t)(i * 7919 % 1000);
    side.set = fixture_set(side.rows, n_rows, n_hosts);
    free(n_rows);
    return side;
}

static void finish_side(struct fixture_side *side)
{
    side->traffic = traffic_create(side->set);
}

static void free_side(struct fixture_side *side)
{
    traffic_free(side->traffic);
    fixture_set_free(side->set);
    free(side->rows);
}

static struct two_sample compare(const struct fixture_side *real,
                                 const struct fixture_side *synthetic)
{
    struct two_sample result;
    struct error err;
    assert_ok(two_sample_compare(&result, real->traffic, synthetic->traffic, 1, &err), err);
    ck_assert(result.is_measured);
    return result;
}

START_TEST(the_same_process_is_not_told_apart)
{
    struct fixture_side a = make_side(1, N_HOSTS), b = make_side(2, N_HOSTS);
    finish_side(&a);
    finish_side(&b);
    struct two_sample result = compare(&a, &b);
    assert_near(result.windows.auc.mean, 0.5, 0.12);
    assert_near(result.flows.auc.mean, 0.5, 0.06);
    ck_assert_double_gt(result.windows.auc.standard_error, 0.005);
    ck_assert_double_lt(result.windows.auc.standard_error, 0.1);
    ck_assert_uint_eq(result.windows.n_hosts[0], N_HOSTS);
    ck_assert_uint_eq(result.windows.n_windows[1], N_HOSTS * (N_ROWS / TWO_SAMPLE_WINDOW));
    free_side(&a);
    free_side(&b);
}
END_TEST

/* Each case spoils the twin; whether windows and single flows give it away. */
static const struct spoilt_case {
    const char *note;
    bool flows_tell;
} spoilt_cases[] = {
    { "a port that no real flow has", true },
    { "replies that real flows lack", false },
};

START_TEST(what_differs_is_found)
{
    struct fixture_side a = make_side(1, N_HOSTS), b = make_side(2, N_HOSTS);
    for (size_t i = 0; i < N_HOSTS * N_ROWS; i++) {
        int64_t *value = b.rows[i].value;
        if (_i == 0) {
            value[ATTRIBUTE_REMOTE_PORT] = 81;
        } else if (i % 4 == 1) { /* turned round, as often out as in */
            int64_t direction = value[ATTRIBUTE_DIRECTION];
            b.rows[i] = b.rows[i - 1];
            value[ATTRIBUTE_DIRECTION] = direction;
        }
    }
    finish_side(&a);
    finish_side(&b);
    struct two_sample result = compare(&a, &b);
    ck_assert_double_gt(result.windows.auc.mean, 0.95);
    if (spoilt_cases[_i].flows_tell)
        ck_assert_double_gt(result.flows.auc.mean, 0.99);
    else
        assert_near(result.flows.auc.mean, 0.5, 0.06);
    free_side(&a);
    free_side(&b);
}
END_TEST

/* Hosts that only know themselves by a port of their own are no twin's mark: it is learned from
 * other hosts and cannot help. */
START_TEST(hosts_are_judged_by_what_others_taught)
{
    struct fixture_side a = make_side(1, N_HOSTS), b = make_side(2, N_HOSTS);
    struct fixture_side *const sides[] = { &a, &b };
    for (int64_t s = 0; s < 2; s++)
        for (int64_t i = 0; i < N_HOSTS * N_ROWS; i++)
            sides[s]->rows[i].value[ATTRIBUTE_REMOTE_PORT] = 1000 + 500 * (2 * (i / N_ROWS) + s);
    finish_side(&a);
    finish_side(&b);
    struct two_sample result = compare(&a, &b);
    ck_assert_double_lt(result.flows.auc.mean, 0.75);
    free_side(&a);
    free_side(&b);
}
END_TEST

START_TEST(threads_change_nothing)
{
    struct fixture_side a = make_side(1, 4), b = make_side(2, 4);
    finish_side(&a);
    finish_side(&b);
    threads_set(1);
    struct two_sample one = compare(&a, &b);
    threads_set(3);
    struct two_sample three = compare(&a, &b);
    ck_assert_double_eq(one.windows.auc.mean, three.windows.auc.mean);
    ck_assert_double_eq(one.flows.auc.standard_error, three.flows.auc.standard_error);
    free_side(&a);
    free_side(&b);
}
END_TEST

START_TEST(one_host_cannot_be_judged)
{
    struct fixture_side a = make_side(1, 1), b = make_side(2, 3);
    finish_side(&a);
    finish_side(&b);
    struct two_sample result = compare(&a, &b);
    ck_assert(isnan(result.windows.auc.mean));
    ck_assert(isnan(result.flows.auc.mean));
    free_side(&a);
    free_side(&b);
}
END_TEST

START_TEST(halves_of_one_process_are_the_floor)
{
    struct fixture_side a = make_side(1, N_HOSTS);
    finish_side(&a);
    struct two_sample_floor floor;
    struct error err;
    assert_ok(two_sample_halves(&floor, a.traffic, 2, 1, &err), err);
    ck_assert_uint_eq(floor.n_halvings, 2);
    assert_near(floor.windows, 0.5, 0.15);
    assert_near(floor.flows, 0.5, 0.08);
    ck_assert(!isnan(floor.windows_deviation));
    free_side(&a);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/two_sample");
    testing_add(suite, the_same_process_is_not_told_apart);
    testing_add_loop(suite, what_differs_is_found, ARRAY_LEN(spoilt_cases));
    testing_add(suite, hosts_are_judged_by_what_others_taught);
    testing_add(suite, threads_change_nothing);
    testing_add(suite, one_host_cannot_be_judged);
    testing_add(suite, halves_of_one_process_are_the_floor);
    return suite;
}
