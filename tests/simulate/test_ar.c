#include "testing.h"

#include "simulate/ar.h"

#include <math.h>

START_TEST(best_nll_is_the_known_one)
{
    const double pi = 3.14159265358979323846, e = 2.71828182845904523536;
    assert_near(ar_best_nll(), 2.0 * (0.5 * log(2.0 * pi * e) + log(0.1)), 1e-12);
    assert_near(ar_best_nll(), -1.7673, 5e-5);
}
END_TEST

/* The true density, scored on a long sample, gives it within four standard errors: the NLL of a row
 * is a constant plus half a chi-square of two degrees, whose deviation is 1. */
START_TEST(true_density_scores_the_best_nll)
{
    enum { N = 400000 };
    struct ar_process process = ar_start(1);
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < N; i++) {
        double previous = process.x;
        double nll = ar_nll(previous, ar_next(&process));
        sum += nll;
        squares += (nll - ar_best_nll()) * (nll - ar_best_nll());
    }
    assert_near(squares / N, 1.0, 0.05);
    assert_near(sum / N, ar_best_nll(), 4.0 / sqrt(N));
}
END_TEST

/* Over many seeds the first rows have the stationary variance 0.01 / 0.19 already. */
START_TEST(start_is_stationary)
{
    enum { N = 20000 };
    double first = 0.0, products = 0.0, variance = 0.01 / 0.19;
    for (uint64_t seed = 0; seed < N; seed++) {
        struct ar_process process = ar_start(seed);
        struct ar_row row = ar_next(&process);
        first += row.x * row.x;
        products += row.x * row.y;
    }
    assert_near(first / N, variance, 5.0 * variance * sqrt(2.0 / N));
    assert_near(products / N, 0.9 * variance, 5.0 * 2.0 * variance / sqrt(N));
}
END_TEST

START_TEST(same_seed_same_rows)
{
    struct ar_process a = ar_start(4), b = ar_start(4), other = ar_start(5);
    for (int i = 0; i < 100; i++) {
        struct ar_row x = ar_next(&a), y = ar_next(&b), z = ar_next(&other);
        ck_assert(x.x == y.x && x.y == y.y && x.x != z.x);
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("simulate/ar");
    testing_add(suite, best_nll_is_the_known_one);
    testing_add(suite, true_density_scores_the_best_nll);
    testing_add(suite, start_is_stationary);
    testing_add(suite, same_seed_same_rows);
    return suite;
}
