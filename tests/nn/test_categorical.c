#include "testing.h"

#include "base/memory.h"
#include "nn/categorical.h"

#include <math.h>
#include <stdlib.h>

/* Around the sizes of blocks and of vectors. */
static const size_t sizes[] = { 1, 2, 7, 16, 31, 32, 33, 64, 65, 300 };

START_TEST(draws_are_as_frequent_as_the_softmax_says)
{
    enum { N_DRAWS = 40000 };
    size_t n = sizes[_i];
    real *logits = memory_alloc(n, sizeof *logits);
    uint8_t *available = memory_alloc(n, 1);
    double *expected = memory_zalloc(n, sizeof *expected), total = 0.0, statistic = 0.0;
    size_t *counts = memory_zalloc(n, sizeof *counts);
    struct rng rng = rng_stream(1, RNG_TEST, n, 0);
    for (size_t k = 0; k < n; k++) {
        logits[k] = (real)(rng_normal(&rng) + 50.0); /* as good as without the 50 */
        available[k] = k == n / 2 || rng_below(&rng, 4) > 0;
        expected[k] = available[k] ? exp((double)logits[k] - 50.0) : 0.0;
        total += expected[k];
    }
    for (size_t i = 0; i < N_DRAWS; i++) {
        size_t k = categorical_draw(logits, available, n, 0.0, &rng);
        ck_assert_uint_lt(k, n);
        ck_assert_uint_eq(available[k], 1);
        counts[k]++;
    }
    double degrees = -1.0;
    for (size_t k = 0; k < n; k++) {
        double e = N_DRAWS * expected[k] / total, d = (double)counts[k] - e;
        degrees += available[k];
        statistic += available[k] ? d * d / e : 0.0;
    }
    if (degrees > 0.0)
        ck_assert_double_gt(testing_chi_square_p(statistic, degrees), 1e-4);
    free(logits);
    free(available);
    free(expected);
    free(counts);
}
END_TEST

/* However far apart the logits are, what is not available stays away. */
START_TEST(one_choice_is_no_choice)
{
    enum { SIZE = 100 };
    real logits[SIZE];
    uint8_t available[SIZE] = { 0 };
    struct rng rng = rng_stream(2, RNG_TEST, 0, 0);
    for (size_t k = 0; k < SIZE; k++)
        logits[k] = k % 2 ? (real)-3e4 : (real)3e4;
    for (size_t k = 0; k < SIZE; k++) {
        available[k] = 1;
        for (int i = 0; i < 10; i++)
            ck_assert_uint_eq(categorical_draw(logits, available, SIZE, 0.0, &rng), k);
        available[k] = 0;
    }
}
END_TEST

START_TEST(wild_logits_lead_to_nothing_that_is_not_available)
{
    static const double wild[] = { 1e38, -1e38, INFINITY, -INFINITY, NAN };
    enum { SIZE = 40 };
    real logits[SIZE];
    uint8_t available[SIZE];
    struct rng rng = rng_stream(4, RNG_TEST, 0, 0);
    for (size_t k = 0; k < SIZE; k++) {
        logits[k] = (real)wild[(k + (size_t)_i) % ARRAY_LEN(wild)];
        available[k] = k % 10 == 3;
    }
    for (int i = 0; i < 100; i++) {
        size_t k = categorical_draw(logits, available, SIZE, 0.0, &rng);
        ck_assert_uint_eq(k % 10, 3);
    }
}
END_TEST

/* Equation 7 of Hewitt, Manning and Liang (2022): below min(e, sqrt(e) exp(-entropy)). */
START_TEST(what_is_all_but_ruled_out_is_not_drawn)
{
    enum { SIZE = 70, N_DRAWS = 20000 };
    static const double truncations[] = { 1e-4, 1e-3, 1e-2 };
    double e = truncations[_i], p[SIZE], total = 0.0, entropy = 0.0, kept = 0.0;
    real logits[SIZE];
    uint8_t available[SIZE];
    size_t counts[SIZE] = { 0 }, n_kept = 0;
    struct rng rng = rng_stream(3, RNG_TEST, 0, 0);
    for (size_t k = 0; k < SIZE; k++) {
        logits[k] = (real)(-0.15 * (double)k);
        available[k] = k % 7 != 3;
        p[k] = available[k] ? exp((double)logits[k]) : 0.0;
        total += p[k];
    }
    for (size_t k = 0; k < SIZE; k++) {
        p[k] /= total;
        entropy -= p[k] > 0.0 ? p[k] * log(p[k]) : 0.0;
    }
    double least = fmin(e, sqrt(e) * exp(-entropy));
    for (size_t k = 0; k < SIZE; k++) {
        kept += p[k] >= least ? p[k] : 0.0;
        n_kept += p[k] >= least;
    }
    ck_assert(n_kept > 10 && n_kept < 60); /* some of both */
    for (int i = 0; i < N_DRAWS; i++)
        counts[categorical_draw(logits, available, SIZE, e, &rng)]++;
    double statistic = 0.0;
    for (size_t k = 0; k < SIZE; k++) {
        double expected = p[k] >= least ? N_DRAWS * p[k] / kept : 0.0;
        double difference = (double)counts[k] - expected;
        if (expected > 0.0)
            statistic += difference * difference / expected;
        else
            ck_assert_uint_eq(counts[k], 0);
    }
    ck_assert_double_gt(testing_chi_square_p(statistic, (double)n_kept - 1), 1e-4);
}
END_TEST

START_TEST(the_highest_is_of_what_is_available)
{
    const real logits[] = { 3, -2, 7, 1 };
    ck_assert(categorical_highest(logits, (const uint8_t[]){ 1, 1, 0, 1 }, 4) == 3);
    ck_assert(categorical_highest(logits, (const uint8_t[]){ 0, 1, 0, 0 }, 4) == -2);
    ck_assert(isinf(categorical_highest(logits, (const uint8_t[]){ 0, 0, 0, 0 }, 4)));
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("nn/categorical");
    testing_add_loop(suite, draws_are_as_frequent_as_the_softmax_says, ARRAY_LEN(sizes));
    testing_add(suite, one_choice_is_no_choice);
    testing_add_loop(suite, wild_logits_lead_to_nothing_that_is_not_available, 5);
    testing_add_loop(suite, what_is_all_but_ruled_out_is_not_drawn, 3);
    testing_add(suite, the_highest_is_of_what_is_available);
    return suite;
}
