#include "eval/verdict.h"
#include "testing.h"

#include "eval/tasks.h"
#include "eval/two_sample.h"

#include <math.h>

static const struct {
    double distance, floor, deviation, tolerance;
    enum verdict verdict;
} verdict_cases[] = {
    { 0.010, 0.010, 0.000, 0.0, VERDICT_LIKE_REAL },
    { 0.029, 0.010, 0.010, 0.0, VERDICT_LIKE_REAL }, /* within twice the deviation */
    { 0.020, 0.010, 0.001, 0.0, VERDICT_CLOSE },
    { 0.021, 0.010, 0.001, 0.0, VERDICT_APART },
    { 0.050, 0.010, 0.001, 0.0, VERDICT_APART },
    { 0.051, 0.010, 0.001, 0.0, VERDICT_FAR },
    { 0.001, 0.000, 0.000, 0.001, VERDICT_LIKE_REAL }, /* nobody would mind */
    { 0.002, 0.000, 0.000, 0.001, VERDICT_CLOSE },
    { 0.002, 0.000, 0.000, 0.000, VERDICT_FAR },
    { 0.000, 0.000, 0.000, 0.000, VERDICT_LIKE_REAL },
    { 0.010, (double)NAN, 0.0, 0.0, VERDICT_NONE },
    { (double)NAN, 0.010, 0.0, 0.0, VERDICT_NONE },
    { 0.020, 0.010, (double)NAN, 0.0, VERDICT_CLOSE },
};

START_TEST(verdicts_compare_with_the_floor)
{
    ck_assert_int_eq(verdict_of(verdict_cases[_i].distance, verdict_cases[_i].floor,
                                verdict_cases[_i].deviation, verdict_cases[_i].tolerance),
                     verdict_cases[_i].verdict);
}
END_TEST

/* A judge's figure at the end of like real, close and apart: up to it, and beyond it. */
static struct host_ratio ratio_of(double mean)
{
    return (struct host_ratio){ .mean = mean, .standard_error = (double)NAN };
}

static enum verdict of_nearest(double share)
{
    return verdict_of_nearest(&(struct nearest){ .nearer = ratio_of(share) });
}

static enum verdict of_membership(double auc)
{
    return verdict_of_membership(&(struct inference){ .auc = ratio_of(auc) });
}

static enum verdict of_loss(double lost)
{
    return verdict_of_macro_f1(-lost);
}

static const struct {
    enum verdict (*judge)(double x);
    double ends[3];
} judge_cases[] = {
    { verdict_of_two_sample, { 0.60, 0.75, 0.90 } }, { of_loss, { 0.02, 0.05, 0.15 } },
    { verdict_of_forecast, { 0.05, 0.15, 0.50 } },   { of_nearest, { 0.50, 0.60, 0.75 } },
    { of_membership, { 0.55, 0.65, 0.80 } },
};

START_TEST(judges_have_limits)
{
    enum verdict (*judge)(double) = judge_cases[_i].judge;
    for (int v = VERDICT_LIKE_REAL; v < VERDICT_FAR; v++) {
        ck_assert_int_eq(judge(judge_cases[_i].ends[v] - 1e-9), v);
        ck_assert_int_eq(judge(judge_cases[_i].ends[v] + 1e-9), v + 1);
    }
    ck_assert_int_eq(judge((double)NAN), VERDICT_NONE);
}
END_TEST

START_TEST(errors_give_slack)
{
    struct nearest nearest = { .nearer = { .mean = 0.56, .standard_error = 0.03 } };
    ck_assert_int_eq(verdict_of_nearest(&nearest), VERDICT_LIKE_REAL);
    nearest.nearer.standard_error = 0.02;
    ck_assert_int_eq(verdict_of_nearest(&nearest), VERDICT_CLOSE);
    struct copies copies = { .synthetic = { .mean = 0.11, .standard_error = 0.003 },
                             .held_out = { .mean = 0.10, .standard_error = 0.004 } };
    ck_assert_int_eq(verdict_of_copies(&copies), VERDICT_LIKE_REAL); /* twice 0.005 */
    copies.held_out.standard_error = 0.003;
    ck_assert_int_eq(verdict_of_copies(&copies), VERDICT_CLOSE);
}
END_TEST

/* Texts say the limits that verdicts keep to. */
START_TEST(texts_name_the_limits)
{
    testing_assert_words(two_sample_meaning, "above 0.75");
    testing_assert_words(tasks_meaning, "more than 0.02 or");
    testing_assert_words(tasks_meaning, "more than 5 %");
    testing_assert_words(nearest_meaning, "above 0.6,");
    testing_assert_words(membership_meaning, "above 0.55:");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/verdict");
    testing_add_loop(suite, verdicts_compare_with_the_floor, ARRAY_LEN(verdict_cases));
    testing_add_loop(suite, judges_have_limits, ARRAY_LEN(judge_cases));
    testing_add(suite, errors_give_slack);
    testing_add(suite, texts_name_the_limits);
    return suite;
}
