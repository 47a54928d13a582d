#include "eval_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "base/threads.h"
#include "eval/tasks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_HOSTS = 4, N_ROWS = 180 };

struct fixture_side {
    struct row *rows;
    struct sequence_set *set;
    struct traffic *traffic;
};

/* Flows whose protocol is told by their port: 53 is UDP, 80 is TCP, none is ICMP. */
static struct row *telling_rows(uint64_t seed)
{
    struct row *rows = fixture_varied_rows(seed, N_HOSTS, N_ROWS);
    struct rng rng = rng_stream(seed, RNG_TEST, 99, 0);
    for (size_t i = 0; i < N_HOSTS * N_ROWS; i++) {
        static const int64_t ports[] = { 80, 80, 80, 53, 0 };
        static const int64_t protocols[] = { PROTOCOL_TCP, PROTOCOL_TCP, PROTOCOL_TCP, PROTOCOL_UDP,
                                             PROTOCOL_ICMP };
        size_t kind = (size_t)rng_below(&rng, ARRAY_LEN(ports));
        rows[i].value[ATTRIBUTE_REMOTE_PORT] = ports[kind];
        rows[i].value[ATTRIBUTE_PROTOCOL] = protocols[kind];
    }
    return rows;
}

static struct fixture_side side_of(struct row *rows)
{
    size_t n_rows[N_HOSTS];
    for (int h = 0; h < N_HOSTS; h++)
        n_rows[h] = N_ROWS;
    struct fixture_side side = { .rows = rows, .set = fixture_set(rows, n_rows, N_HOSTS) };
    side.traffic = traffic_create(side.set);
    return side;
}

static void free_side(struct fixture_side *side)
{
    traffic_free(side->traffic);
    fixture_set_free(side->set);
    free(side->rows);
}

static struct tasks measure(const struct fixture_side *train, const struct fixture_side *test,
                            const struct fixture_side *synthetic)
{
    struct tasks tasks;
    struct error err;
    assert_ok(tasks_measure(&tasks, train->traffic, test->traffic, synthetic->traffic, 1, &err),
              err);
    ck_assert(tasks.is_measured);
    return tasks;
}

START_TEST(a_faithful_twin_costs_nothing)
{
    struct fixture_side train = side_of(telling_rows(1)), test = side_of(telling_rows(2));
    struct fixture_side twin = side_of(telling_rows(3));
    struct tasks tasks = measure(&train, &test, &twin);
    for (int m = 0; m < N_MIXES; m++) {
        ck_assert_double_gt(tasks.protocol[m].accuracy.mean, 0.93);
        ck_assert_double_gt(tasks.protocol[m].macro_f1.mean, 0.93);
    }
    assert_near(tasks.loss.macro_f1.mean, 0.0, 0.05);
    ck_assert_uint_eq(tasks.n_protocols, 3);
    ck_assert_uint_eq(tasks.n_test_hosts, N_HOSTS);
    ck_assert_uint_eq(tasks.n_test_flows, N_HOSTS * N_ROWS);
    assert_near(tasks.majority.accuracy.mean, 0.6, 0.05);
    /* All are taken for TCP: its F1 is 2 p / (1 + p), that of the two others 0. */
    double p = tasks.majority.accuracy.mean;
    assert_near(tasks.majority.macro_f1.mean, 2.0 * p / (1.0 + p) / 3.0, 1e-12);
    for (int f = 0; f < N_FORECASTS; f++)
        assert_near(tasks.loss.mae[f].mean, 0.0, 0.25);
    free_side(&train);
    free_side(&test);
    free_side(&twin);
}
END_TEST

/* A twin that has the protocols right and the pairs wrong. */
START_TEST(a_twin_that_mixes_up_protocols_costs_all)
{
    struct fixture_side train = side_of(telling_rows(1)), test = side_of(telling_rows(2));
    struct row *rows = telling_rows(3);
    for (size_t i = 0; i + 1 < N_HOSTS * N_ROWS; i++) /* that of the next flow */
        rows[i].value[ATTRIBUTE_PROTOCOL] = rows[i + 1].value[ATTRIBUTE_PROTOCOL];
    struct fixture_side twin = side_of(rows);
    struct tasks tasks = measure(&train, &test, &twin);
    ck_assert_double_gt(tasks.protocol[MIX_REAL].macro_f1.mean, 0.93);
    ck_assert_double_lt(tasks.protocol[MIX_SYNTHETIC].macro_f1.mean, 0.5);
    ck_assert_double_lt(tasks.loss.macro_f1.mean, -0.5);
    ck_assert_double_lt(tasks.loss.accuracy.mean, -0.2);
    free_side(&train);
    free_side(&test);
    free_side(&twin);
}
END_TEST

/* A protocol that nothing but itself tells is guessed by frequency: had a field let it through, it
 * would be known. */
START_TEST(the_protocol_itself_is_not_seen)
{
    struct fixture_side sides[3];
    for (uint64_t s = 0; s < 3; s++) {
        struct row *rows = telling_rows(s);
        struct rng rng = rng_stream(s, RNG_TEST, 98, 0);
        for (size_t i = 0; i < N_HOSTS * N_ROWS; i++)
            rows[i].value[ATTRIBUTE_PROTOCOL] = rng_below(&rng, 2) == 0 ? PROTOCOL_TCP
                                                                        : PROTOCOL_UDP;
        sides[s] = side_of(rows);
    }
    struct tasks tasks = measure(&sides[0], &sides[1], &sides[2]);
    for (int m = 0; m < N_MIXES; m++)
        assert_near(tasks.protocol[m].accuracy.mean, 0.5, 0.06);
    for (int s = 0; s < 3; s++)
        free_side(&sides[s]);
}
END_TEST

/* What is told of a host does not depend on what else is tested: tests of two parts add up to that
 * of both, so that neither scales nor vocabularies come from them. */
START_TEST(nothing_is_learned_from_test_flows)
{
    struct row *rows = telling_rows(2);
    for (size_t i = N_ROWS; i < N_HOSTS * N_ROWS; i++) { /* unlike the first host's */
        rows[i].value[ATTRIBUTE_LOCAL_PORT] = 1234;
        rows[i].value[ATTRIBUTE_BYTES] += 1000000;
        rows[i].value[ATTRIBUTE_DURATION] = 900000;
    }
    struct fixture_side train = side_of(telling_rows(1)), test = side_of(rows);
    struct traffic *parts[] = { traffic_part(test.traffic, (size_t[]){ 0 }, 1),
                                traffic_part(test.traffic, (size_t[]){ 1, 2, 3 }, 3),
                                traffic_part(test.traffic, (size_t[]){ 0, 1, 2, 3 }, 4) };
    double n_right[3];
    for (int p = 0; p < 3; p++) {
        struct tasks tasks;
        struct error err;
        assert_ok(tasks_measure(&tasks, train.traffic, parts[p], train.traffic, 1, &err), err);
        n_right[p] = tasks.protocol[MIX_REAL].accuracy.mean * (double)tasks.n_test_flows;
        traffic_free(parts[p]);
    }
    assert_near(n_right[0] + n_right[1], n_right[2], 1e-6);
    ck_assert_double_gt(n_right[0], 0.95 * N_ROWS);
    free_side(&train);
    free_side(&test);
}
END_TEST

/* Every flow has the same bytes and comes on the minute: what is next is what was last, and rules
 * make no error; the network nearly none. */
START_TEST(a_steady_host_is_forecast)
{
    struct fixture_side sides[3];
    for (uint64_t s = 0; s < 3; s++) {
        struct row *rows = telling_rows(s);
        for (size_t i = 0; i < N_HOSTS * N_ROWS; i++) {
            rows[i].value[ATTRIBUTE_GAP] = 60;
            rows[i].value[ATTRIBUTE_BYTES] = 1000;
        }
        for (size_t h = 0; h < N_HOSTS; h++)
            rows[h * N_ROWS].value[ATTRIBUTE_GAP] = 30;
        sides[s] = side_of(rows);
    }
    struct tasks tasks = measure(&sides[0], &sides[1], &sides[2]);
    for (int f = 0; f < N_FORECASTS; f++) {
        assert_near(tasks.last_value[f].mae.mean, 0.0, 1e-6);
        assert_near(tasks.mean_of_hour[f].mse.mean, 0.0, 1e-6);
        assert_near(tasks.forecast[MIX_REAL][f].mae.mean, 0.0, 0.02);
    }
    /* 180 minutes are 36 slots, 12 of which are only seen; the last one is cut off. */
    ck_assert_uint_eq(tasks.n_test_windows, N_HOSTS * (35 - 12));
    for (int s = 0; s < 3; s++)
        free_side(&sides[s]);
}
END_TEST

/* A flow every 5 minutes whose bytes nothing tells: whoever does better than chance has seen them.
 */
START_TEST(what_comes_next_is_not_seen)
{
    struct fixture_side sides[3];
    for (uint64_t s = 0; s < 3; s++) {
        struct row *rows = telling_rows(s);
        struct rng rng = rng_stream(s, RNG_TEST, 97, 0);
        for (size_t i = 0; i < N_HOSTS * N_ROWS; i++) {
            rows[i].value[ATTRIBUTE_GAP] = 300;
            rows[i].value[ATTRIBUTE_BYTES] = rng_below(&rng, 2) == 0 ? 100 : 100000;
        }
        sides[s] = side_of(rows);
    }
    struct tasks tasks = measure(&sides[0], &sides[1], &sides[2]);
    double gap = log1p(100000.0) - log1p(100.0);
    /* One of two values, as often each: half the gap, whatever is told between them. */
    assert_near(tasks.forecast[MIX_REAL][FORECAST_BYTES].mae.mean, 0.5 * gap, 0.05 * gap);
    assert_near(tasks.mean_of_hour[FORECAST_BYTES].mae.mean, 0.5 * gap, 0.02 * gap);
    assert_near(tasks.last_value[FORECAST_BYTES].mae.mean, 0.5 * gap, 0.05 * gap);
    for (int s = 0; s < 3; s++)
        free_side(&sides[s]);
}
END_TEST

START_TEST(threads_change_nothing)
{
    struct fixture_side sides[3];
    struct traffic *parts[3];
    struct tasks tasks[2];
    struct error err;
    for (uint64_t s = 0; s < 3; s++) {
        sides[s] = side_of(telling_rows(s));
        parts[s] = traffic_part(sides[s].traffic, (size_t[]){ 1 }, 1);
    }
    for (int i = 0; i < 2; i++) {
        threads_set(1 + 2 * i);
        assert_ok(tasks_measure(&tasks[i], parts[0], parts[1], parts[2], 1, &err), err);
    }
    for (int m = 0; m < N_MIXES; m++) {
        ck_assert_double_eq(tasks[0].protocol[m].accuracy.mean, tasks[1].protocol[m].accuracy.mean);
        ck_assert_double_eq(tasks[0].forecast[m][0].mae.mean, tasks[1].forecast[m][0].mae.mean);
    }
    for (int s = 0; s < 3; s++) {
        traffic_free(parts[s]);
        free_side(&sides[s]);
    }
}
END_TEST

START_TEST(halves_stand_in_for_training_flows)
{
    struct fixture_side real_side = side_of(telling_rows(1)), twin = side_of(telling_rows(3));
    struct tasks tasks;
    struct error err;
    assert_ok(tasks_measure_halves(&tasks, real_side.traffic, twin.traffic, 1, &err), err);
    ck_assert(tasks.is_half);
    ck_assert_uint_eq(tasks.n_test_hosts, N_HOSTS / 2);
    ck_assert_double_gt(tasks.protocol[MIX_REAL].accuracy.mean, 0.85);
    free_side(&real_side);
    free_side(&twin);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/tasks");
    testing_add(suite, a_faithful_twin_costs_nothing);
    testing_add(suite, a_twin_that_mixes_up_protocols_costs_all);
    testing_add(suite, the_protocol_itself_is_not_seen);
    testing_add(suite, nothing_is_learned_from_test_flows);
    testing_add(suite, a_steady_host_is_forecast);
    testing_add(suite, what_comes_next_is_not_seen);
    testing_add(suite, threads_change_nothing);
    testing_add(suite, halves_stand_in_for_training_flows);
    return suite;
}
