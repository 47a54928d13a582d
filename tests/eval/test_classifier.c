#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "eval/classifier.h"

#include <math.h>
#include <stdlib.h>

static struct classifier_settings quick(size_t n_steps)
{
    struct classifier_settings settings = CLASSIFIER_DEFAULTS;
    settings.width = 16;
    settings.hidden = 16;
    settings.n_examples = 32;
    settings.n_steps = n_steps;
    settings.n_epochs = 100;
    settings.dropout = 0.0;
    return settings;
}

static struct classifier *fit(const struct example_set *train, size_t n_steps)
{
    struct classifier *classifier = NULL;
    struct error err;
    struct classifier_settings settings = quick(n_steps);
    assert_ok(classifier_fit(&classifier, train, &settings, &err), err);
    return classifier;
}

static double *score(const struct classifier *classifier, const struct example_set *set)
{
    struct error err;
    double *scores = memory_alloc(set->n * set->shape.n_outputs, sizeof *scores);
    assert_ok(classifier_score(classifier, set, scores, &err), err);
    return scores;
}

static double share_right(const struct classifier *classifier, const struct example_set *set)
{
    double *scores = score(classifier, set), n_right = 0.0;
    for (size_t i = 0; i < set->n; i++)
        n_right += (scores[2 * i + 1] > scores[2 * i]) == (set->classes[i] == 1);
    free(scores);
    return n_right / (double)set->n;
}

/* Class 1 where exactly one of two codes is 1: no sum of single codes tells it. */
static struct example_set *draw_either_or(size_t n, uint64_t stream)
{
    struct example_shape shape = { .length = 1, .n_fields = 2, .n_codes = 4, .n_outputs = 2 };
    struct example_set *set = example_set_create(&shape, n);
    struct rng rng = rng_stream(1, RNG_TEST, 0, stream);
    for (size_t i = 0; i < n; i++) {
        int32_t a = (int32_t)rng_below(&rng, 2), b = (int32_t)rng_below(&rng, 2);
        set->codes[2 * i] = a;
        set->codes[2 * i + 1] = 2 + b;
        set->classes[i] = a != b;
    }
    return set;
}

START_TEST(either_or_is_learned)
{
    threads_set(1); /* so small a network is slower on two */
    struct example_set *train = draw_either_or(400, 1), *test = draw_either_or(200, 2);
    struct classifier *classifier = fit(train, 150);
    ck_assert_double_ge(share_right(classifier, test), 1.0);
    double *scores = score(classifier, test);
    for (size_t i = 0; i < test->n; i++)
        assert_near(exp(scores[2 * i]) + exp(scores[2 * i + 1]), 1.0, 1e-6);
    free(scores);
    classifier_free(classifier);
    example_set_free(train);
    example_set_free(test);
}
END_TEST

/* Windows of the same rows: class 1 where a 1 is followed by a 2 somewhere, 0 where by a 3. */
static struct example_set *draw_orders(size_t n, uint64_t stream)
{
    enum { LENGTH = 8 };
    struct example_shape shape = { .length = LENGTH, .n_fields = 1, .n_codes = 4, .n_outputs = 2 };
    struct example_set *set = example_set_create(&shape, n);
    struct rng rng = rng_stream(2, RNG_TEST, 0, stream);
    for (size_t i = 0; i < n; i++) {
        int32_t *codes = set->codes + i * LENGTH;
        bool is_one = rng_below(&rng, 2) == 1;
        size_t at = (size_t)rng_below(&rng, 3), other = at + 2 + (size_t)rng_below(&rng, 3);
        codes[at] = 1;
        codes[at + 1] = is_one ? 2 : 3;
        codes[other] = 1;
        codes[other + 1] = 0;
        codes[LENGTH - 1] = is_one ? 3 : 2;
        set->classes[i] = is_one;
    }
    return set;
}

START_TEST(the_order_of_rows_is_seen)
{
    threads_set(1);
    struct example_set *train = draw_orders(800, 1), *test = draw_orders(200, 2);
    struct classifier *classifier = fit(train, 200);
    ck_assert_double_ge(share_right(classifier, test), 0.98);
    classifier_free(classifier);
    example_set_free(train);
    example_set_free(test);
}
END_TEST

/* y = 1000 + 50 x, x around 10^6: nothing is near 0 or 1. */
static struct example_set *draw_line(size_t n, uint64_t stream)
{
    struct example_shape shape = {
        .length = 1, .n_numbers = 2, .n_outputs = 1, .is_regression = true
    };
    struct example_set *set = example_set_create(&shape, n);
    struct rng rng = rng_stream(3, RNG_TEST, 0, stream);
    for (size_t i = 0; i < n; i++) {
        double x = rng_normal(&rng);
        set->numbers[2 * i] = (float)(1e6 + 1e3 * x);
        set->numbers[2 * i + 1] = 7.0f; /* a number that never changes */
        set->targets[i] = (float)(1000.0 + 50.0 * x);
    }
    return set;
}

START_TEST(numbers_are_told_on_their_scale)
{
    threads_set(1);
    struct example_set *train = draw_line(500, 1), *test = draw_line(200, 2);
    struct classifier *classifier = fit(train, 400);
    double *scores = score(classifier, test), error = 0.0;
    for (size_t i = 0; i < test->n; i++)
        error += fabs(scores[i] - (double)test->targets[i]) / (double)test->n;
    ck_assert_double_lt(error, 5.0); /* the mean alone is off by 40 */
    free(scores);
    classifier_free(classifier);
    example_set_free(train);
    example_set_free(test);
}
END_TEST

/* An example's score is a matter of that example and of training alone. */
START_TEST(scores_do_not_depend_on_what_else_is_scored)
{
    struct example_set *train = draw_line(300, 1), *test = draw_line(200, 2);
    struct classifier *classifier = fit(train, 50);
    double *before = score(classifier, test);
    for (size_t i = 100; i < test->n; i++)
        test->numbers[2 * i] *= 3.0f;
    double *after = score(classifier, test);
    for (size_t i = 0; i < 100; i++)
        ck_assert_double_eq(before[i], after[i]);
    ck_assert_double_ne(before[150], after[150]);
    free(before);
    free(after);
    classifier_free(classifier);
    example_set_free(train);
    example_set_free(test);
}
END_TEST

START_TEST(threads_change_nothing)
{
    struct example_set *train = draw_orders(600, 1);
    double *scores[2];
    for (int i = 0; i < 2; i++) {
        threads_set(1 + i);
        struct classifier *classifier = fit(train, 5);
        scores[i] = score(classifier, train);
        classifier_free(classifier);
    }
    for (size_t i = 0; i < 2 * train->n; i++)
        ck_assert_double_eq(scores[0][i], scores[1][i]);
    free(scores[0]);
    free(scores[1]);
    example_set_free(train);
}
END_TEST

START_TEST(nothing_cannot_be_learned_from)
{
    struct example_shape shape = { .length = 1, .n_numbers = 1, .n_outputs = 2 };
    struct example_set *none = example_set_create(&shape, 0);
    struct classifier *classifier = NULL;
    struct classifier_settings settings = quick(10);
    struct error err;
    assert_fails(classifier_fit(&classifier, none, &settings, &err), STATUS_RANGE, err,
                 "no example");
    ck_assert_ptr_null(classifier);
    example_set_free(none);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/classifier");
    testing_add(suite, either_or_is_learned);
    testing_add(suite, the_order_of_rows_is_seen);
    testing_add(suite, numbers_are_told_on_their_scale);
    testing_add(suite, scores_do_not_depend_on_what_else_is_scored);
    testing_add(suite, threads_change_nothing);
    testing_add(suite, nothing_cannot_be_learned_from);
    return suite;
}
