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
        size_t k = categorical_draw(logits, available, n, &rng);
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
            ck_assert_uint_eq(categorical_draw(logits, available, SIZE, &rng), k);
        available[k] = 0;
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("nn/categorical");
    testing_add_loop(suite, draws_are_as_frequent_as_the_softmax_says, ARRAY_LEN(sizes));
    testing_add(suite, one_choice_is_no_choice);
    return suite;
}
