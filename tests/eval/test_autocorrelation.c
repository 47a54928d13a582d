#include "eval_fixture.h"
#include "testing.h"

#include "eval/autocorrelation.h"

#include <math.h>
#include <stdlib.h>

START_TEST(a_first_order_process_decays_by_powers)
{
    enum { N = 200000 };
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    double *x = malloc(N * sizeof *x), r[N_LAGS], last = 0.0;
    for (int i = 0; i < N; i++)
        x[i] = last = 0.9 * last + rng_normal(&rng);
    ck_assert(autocorrelation_of(x, N, r));
    for (int lag = 1; lag <= N_LAGS; lag++)
        assert_near(r[lag - 1], pow(0.9, lag), 0.035); /* five standard errors (Bartlett 1946) */
    free(x);
}
END_TEST

START_TEST(short_series_are_those_worked_out_by_hand)
{
    const double x[] = { 1.0, 2.0, 3.0, 4.0 }; /* about 2.5: -1.5 -0.5 0.5 1.5, squares 5 */
    double r[N_LAGS];
    ck_assert(autocorrelation_of(x, 4, r));
    assert_near(r[0], (0.75 - 0.25 + 0.75) / 5.0, 1e-15);
    assert_near(r[1], (-0.75 - 0.75) / 5.0, 1e-15);
    assert_near(r[2], -2.25 / 5.0, 1e-15);
    assert_near(r[3], 0.0, 0.0); /* beyond its length */
    const double same[] = { 7.0, 7.0, 7.0 };
    ck_assert(!autocorrelation_of(same, 3, r));
}
END_TEST

START_TEST(hosts_count_alike_and_short_ones_not_at_all)
{
    /* Bytes 0, e - 1 and so on: the first host alternates, the second comes in pairs, the third
     * never varies, the fourth is short. */
    enum { LONG = 400, TWICE = 800, SHORT = AUTOCORRELATION_ROWS - 1 };
    const size_t n_rows[] = { LONG, TWICE, LONG, SHORT };
    static struct row rows[LONG + TWICE + LONG + SHORT];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rows[i] = fixture_row();
        rows[i].value[ATTRIBUTE_GAP] = i % 3 == 0;
        size_t in_second = i - LONG;
        if (i < LONG)
            rows[i].value[ATTRIBUTE_BYTES] = i % 2 * 1000;
        else if (in_second < TWICE)
            rows[i].value[ATTRIBUTE_BYTES] = in_second / 2 % 2 * 1000;
        else if (in_second < TWICE + LONG)
            rows[i].value[ATTRIBUTE_BYTES] = 64;
        else
            rows[i].value[ATTRIBUTE_BYTES] = (int64_t)i;
    }
    struct sequence_set *set = fixture_set(rows, n_rows, ARRAY_LEN(n_rows));
    struct traffic *traffic = traffic_create(set);
    struct autocorrelation acf = autocorrelation_measure(traffic, ACF_LOG_BYTES);
    assert_near(acf.n_hosts, 2.0, 0.0);
    assert_near(acf.mean[0], (-1.0 + 0.0) / 2.0, 0.01);
    assert_near(acf.mean[1], (1.0 - 1.0) / 2.0, 0.01);
    assert_near(acf.deviation[1], sqrt(2.0), 0.01);
    acf = autocorrelation_measure(traffic, ACF_GAP);
    assert_near(acf.n_hosts, 3.0, 0.0);
    assert_near(acf.mean[2], 1.0, 0.02);
    traffic_free(traffic);
    fixture_set_free(set);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/autocorrelation");
    testing_add(suite, a_first_order_process_decays_by_powers);
    testing_add(suite, short_series_are_those_worked_out_by_hand);
    testing_add(suite, hosts_count_alike_and_short_ones_not_at_all);
    return suite;
}
