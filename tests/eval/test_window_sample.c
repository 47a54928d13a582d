#include "eval_fixture.h"
#include "testing.h"

#include "eval/window_sample.h"

#include <stdlib.h>

enum { N_HOSTS = 3 };

static const size_t n_rows[N_HOSTS] = { 100, 7, 35 };

START_TEST(windows_are_whole_and_apart)
{
    struct row *rows = fixture_varied_rows(1, 1, 142);
    struct sequence_set *set = fixture_set(rows, n_rows, N_HOSTS);
    struct traffic *traffic = traffic_create(set);
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    struct window_sample sample = window_sample_draw(traffic, 10, 4, &rng);
    size_t of_host[N_HOSTS] = { 0 };
    bool is_used[142] = { false };
    for (int mixed = 0; mixed < 2; mixed++) {
        ck_assert_uint_eq(sample.n, 4 + 0 + 3);
        for (size_t w = 0; w < sample.n; w++) {
            const struct traffic_host *host = &traffic->hosts[sample.hosts[w]];
            ck_assert_uint_ge(sample.rows[w], host->first);
            ck_assert_uint_le(sample.rows[w] + 10, host->first + host->n_rows);
            ck_assert_uint_eq((sample.rows[w] - host->first) % 10, 0);
            ck_assert(is_used[sample.rows[w]] == mixed); /* each once, and the same after mixing */
            is_used[sample.rows[w]] = true;
            of_host[sample.hosts[w]]++;
        }
        window_sample_mix(&sample, 100, &rng);
    }
    ck_assert_uint_eq(of_host[0], 2 * 4);
    window_sample_mix(&sample, 2, &rng);
    ck_assert_uint_eq(sample.n, 2);
    window_sample_release(&sample);
    traffic_free(traffic);
    fixture_set_free(set);
    free(rows);
}
END_TEST

START_TEST(many_hosts_share_what_there_is)
{
    ck_assert_uint_eq(window_sample_share(256, 8192, 18), 256);
    ck_assert_uint_eq(window_sample_share(256, 8192, 64), 128);
    ck_assert_uint_eq(window_sample_share(256, 8192, 100000), 1);
    ck_assert_uint_eq(window_sample_share(256, 8192, 0), 256);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/window_sample");
    testing_add(suite, windows_are_whole_and_apart);
    testing_add(suite, many_hosts_share_what_there_is);
    return suite;
}
