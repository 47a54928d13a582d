#include "testing.h"

#include "nn/elementary.h"
#include "nn/stable.h"

#include <float.h>

#define ULP (sizeof(real) == sizeof(float) ? (double)FLT_EPSILON : DBL_EPSILON)

static double square_root(double x)
{
    return sqrt(x);
}

static double logistic(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static real real_sqrt(real x)
{
    return elementary_sqrt(x);
}
static real real_exp(real x)
{
    return elementary_exp(x);
}
static real real_tanh(real x)
{
    return elementary_tanh(x);
}
static real real_logistic(real x)
{
    return elementary_logistic(x);
}

static const struct {
    real (*ours)(real x);
    double (*exact)(double x);
    double from, to, ulps; /* relative error, in units of the last place of 1 */
} functions[] = {
    { real_exp, exp, -86.9, 88.7, 2.0 },
    { real_tanh, tanh, -20.0, 20.0, 5.0 },
    { real_logistic, logistic, -86.9, 30.0, 4.0 },
    { real_sqrt, square_root, 0.0, 1e4, 1.0 },
};

START_TEST(errors_are_of_a_few_units_in_the_last_place)
{
    enum { POINTS = 200003 };
    double worst = 0.0, where = 0.0, width = functions[_i].to - functions[_i].from;
    for (size_t i = 0; i <= POINTS; i++) {
        real x = (real)(functions[_i].from + width * (double)i / POINTS);
        double exact = functions[_i].exact((double)x), ours = (double)functions[_i].ours(x);
        double error = ours == exact ? 0.0 : fabs(ours - exact) / (ULP * fabs(exact));
        if (!(error <= worst)) {
            worst = error;
            where = (double)x;
        }
    }
    ck_assert_msg(worst <= functions[_i].ulps, "off by %.2f at %.9g", worst, where);
}
END_TEST

START_TEST(ends_are_what_they_have_to_be)
{
    const real infinity = (real)INFINITY, nan = (real)NAN;
    ck_assert(elementary_exp(-infinity) == 0 && elementary_exp(infinity) == infinity);
    ck_assert(elementary_exp(0) == 1 && elementary_tanh(0) == 0);
    ck_assert(elementary_logistic(-infinity) == 0 && elementary_logistic(infinity) == 1);
    assert_near((double)elementary_tanh(infinity), 1.0, ULP);
    assert_near((double)elementary_tanh(-infinity), -1.0, ULP);
    ck_assert(isnan(elementary_exp(nan)) && isnan(elementary_tanh(nan)) &&
              isnan(elementary_logistic(nan)));
}
END_TEST

START_TEST(sums_of_exponentials_neither_overflow_nor_cancel)
{
    assert_near(stable_softplus(1000.0), 1000.0, 0.0);
    assert_near(stable_softplus(-50.0) / exp(-50.0), 1.0, 1e-12);
    assert_near(stable_log1mexp(1e-12), log(1e-12), 1e-11);
    assert_near(stable_log1mexp(40.0) / -exp(-40.0), 1.0, 1e-12);
    assert_near(stable_log_add(1000.0, 1000.0), 1000.0 + log(2.0), 1e-12);
    ck_assert(stable_log_add(-(double)INFINITY, -1.5) == -1.5);
    ck_assert(isinf(stable_log_add(-(double)INFINITY, -(double)INFINITY)));

    const real infinity = (real)INFINITY;
    real p[4], x[4] = { 1000, 999, -infinity, -1000 };
    assert_near(stable_softmax(p, x, 4), 1000.0 + log1p(exp(-1.0)), 1e-4);
    assert_near((double)(p[0] + p[1]), 1.0, 4 * ULP);
    assert_near((double)p[0], logistic(1.0), 4 * ULP);
    ck_assert(p[2] == 0 && p[3] == 0);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("nn/elementary");
    testing_add_loop(suite, errors_are_of_a_few_units_in_the_last_place, ARRAY_LEN(functions));
    testing_add(suite, ends_are_what_they_have_to_be);
    testing_add(suite, sums_of_exponentials_neither_overflow_nor_cancel);
    return suite;
}
