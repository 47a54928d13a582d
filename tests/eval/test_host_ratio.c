#include "testing.h"

#include "base/rng.h"
#include "eval/host_ratio.h"

#include <math.h>

START_TEST(values_are_those_worked_out_by_hand)
{
    /* R = 30 / 10 = 3; residuals 2 - 3, 8 - 6, 20 - 21: squares 1 + 4 + 1. */
    const double sums[] = { 2.0, 8.0, 20.0 }, flows[] = { 1.0, 2.0, 7.0 };
    struct host_ratio ratio = host_ratio_of(sums, 1, flows, 3);
    assert_near(ratio.mean, 3.0, 1e-15);
    assert_near(ratio.standard_error, sqrt(1.5 * 6.0) / 10.0, 1e-15);
    ck_assert(isnan(host_ratio_of(sums, 1, flows, 1).standard_error));
}
END_TEST

START_TEST(columns_are_taken_by_stride)
{
    const double table[] = { 1.0, 2.0, 9.0, 8.0, 9.0, 20.0 }, flows[] = { 1.0, 2.0, 7.0 };
    assert_near(host_ratio_of(table + 1, 2, flows, 3).mean, 3.0, 1e-15);
}
END_TEST

/* Hosts of very different sizes, whose means differ: the formula against the spread of the mean
 * when whole hosts are drawn again and again, with replacement. */
START_TEST(the_error_is_that_of_a_bootstrap_over_hosts)
{
    enum { N_HOSTS = 200, N_DRAWS = 4000 };
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    double sums[N_HOSTS], flows[N_HOSTS];
    for (int h = 0; h < N_HOSTS; h++) {
        flows[h] = ceil(exp(4.0 + rng_normal(&rng)));
        sums[h] = flows[h] * (20.0 + 3.0 * rng_normal(&rng));
    }
    struct host_ratio ratio = host_ratio_of(sums, 1, flows, N_HOSTS);
    double mean = 0.0, square = 0.0;
    for (int d = 0; d < N_DRAWS; d++) {
        double sum = 0.0, n = 0.0;
        for (int i = 0; i < N_HOSTS; i++) {
            size_t h = rng_below(&rng, N_HOSTS);
            sum += sums[h];
            n += flows[h];
        }
        mean += sum / n / N_DRAWS;
        square += sum / n * (sum / n) / N_DRAWS;
    }
    double bootstrap = sqrt(square - mean * mean);
    assert_near(ratio.standard_error / bootstrap, 1.0, 0.1);
    assert_near(ratio.mean, mean, bootstrap);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/host_ratio");
    testing_add(suite, values_are_those_worked_out_by_hand);
    testing_add(suite, columns_are_taken_by_stride);
    testing_add(suite, the_error_is_that_of_a_bootstrap_over_hosts);
    return suite;
}
