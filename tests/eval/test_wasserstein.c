#include "testing.h"

#include "base/rng.h"
#include "eval/integer_sort.h"
#include "eval/wasserstein.h"

#include <math.h>
#include <stdlib.h>

START_TEST(a_shift_is_its_length)
{
    const int64_t a[] = { 1, 5, 5, 90 }, b[] = { 8, 12, 12, 97 };
    assert_near(wasserstein_distance(a, 4, b, 4), 7.0, 1e-12);
    assert_near(wasserstein_distance(b, 4, a, 4), 7.0, 1e-12);
    assert_near(wasserstein_distance(a, 4, a, 4), 0.0, 0.0);
}
END_TEST

START_TEST(sizes_may_differ)
{
    /* One at 0 against one at 0 and three at 10: 3/4 of the earth moves by 10. */
    const int64_t a[] = { 0 }, b[] = { 0, 10, 10, 10 };
    assert_near(wasserstein_distance(a, 1, b, 4), 7.5, 1e-12);
    /* {0, 6} against {0, 3, 6}: quantiles differ by 3 between 1/3 and 2/3. */
    const int64_t c[] = { 0, 6 }, d[] = { 0, 3, 6 };
    assert_near(wasserstein_distance(c, 2, d, 3), 1.0, 1e-12);
    ck_assert(isnan(wasserstein_distance(a, 1, b, 0)));
}
END_TEST

/* For equally many values it is the mean distance of those of equal rank. */
START_TEST(equal_sizes_match_rank_by_rank)
{
    enum { N = 1000 };
    struct rng rng = rng_stream(3, RNG_TEST, 0, 0);
    int64_t a[N], b[N];
    for (int i = 0; i < N; i++) {
        a[i] = (int64_t)rng_below(&rng, 500) - 100;
        b[i] = (int64_t)exp(10.0 * rng_uniform(&rng));
    }
    integer_sort(a, N);
    integer_sort(b, N);
    double sum = 0.0;
    for (int i = 0; i < N; i++)
        sum += fabs((double)(a[i] - b[i]));
    assert_near(wasserstein_distance(a, N, b, N), sum / N, 1e-9 * sum / N);
}
END_TEST

static int compare_integers(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* _i: how many bits the values have. */
START_TEST(sorting_is_that_of_qsort)
{
    enum { N = 3000 };
    struct rng rng = rng_stream(5, RNG_TEST, 0, (uint64_t)_i);
    int64_t a[N], b[N];
    for (size_t i = 0; i < N; i++)
        a[i] = b[i] = (int64_t)rng_u64(&rng) >> (63 - _i);
    integer_sort(a, N);
    qsort(b, N, sizeof *b, compare_integers);
    ck_assert_mem_eq(a, b, sizeof a);
    integer_sort(a, 0);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/wasserstein");
    testing_add(suite, a_shift_is_its_length);
    testing_add(suite, sizes_may_differ);
    testing_add(suite, equal_sizes_match_rank_by_rank);
    testing_add_loop(suite, sorting_is_that_of_qsort, 64);
    return suite;
}
