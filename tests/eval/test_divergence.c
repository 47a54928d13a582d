#include "testing.h"

#include "eval/divergence.h"

#include <math.h>

START_TEST(the_same_is_0_and_nothing_in_common_is_ln_2)
{
    const double a[] = { 3.0, 1.0, 0.0, 0.0 }, b[] = { 0.0, 0.0, 5.0, 2.0 };
    const double a_thrice[] = { 9.0, 3.0, 0.0, 0.0 };
    assert_near(divergence_jensen_shannon(a, a_thrice, 4), 0.0, 1e-15);
    assert_near(divergence_jensen_shannon(a, b, 4), log(2.0), 1e-15);
    assert_near(divergence_jensen_shannon(b, a, 4), log(2.0), 1e-15);
    assert_near(divergence_total_variation(a, a_thrice, 4), 0.0, 1e-15);
    assert_near(divergence_total_variation(a, b, 4), 1.0, 1e-15);
}
END_TEST

START_TEST(values_are_those_worked_out_by_hand)
{
    /* p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4) */
    const double a[] = { 4.0, 0.0 }, b[] = { 3.0, 3.0 };
    double by_hand = 0.5 * log(4.0 / 3.0) + 0.5 * (0.5 * log(2.0 / 3.0) + 0.5 * log(2.0));
    assert_near(divergence_jensen_shannon(a, b, 2), by_hand, 1e-15);
    assert_near(divergence_jensen_shannon(b, a, 2), by_hand, 1e-15);
    assert_near(divergence_total_variation(a, b, 2), 0.5, 1e-15);
    /* q gets half a count in each of the two classes: (3.5, 3.5) / 7. */
    assert_near(divergence_kullback_leibler(a, b, 2), log(2.0), 1e-15);
    /* and p as the approximation: (4.5, 0.5) / 5. */
    assert_near(divergence_kullback_leibler(b, a, 2), 0.5 * log(0.5 / 0.9) + 0.5 * log(0.5 / 0.1),
                1e-15);
}
END_TEST

START_TEST(classes_that_no_side_has_change_nothing)
{
    const double a[] = { 4.0, 1.0 }, b[] = { 1.0, 2.0 };
    const double a_wide[] = { 0.0, 4.0, 0.0, 1.0 }, b_wide[] = { 0.0, 1.0, 0.0, 2.0 };
    assert_near(divergence_jensen_shannon(a_wide, b_wide, 4), divergence_jensen_shannon(a, b, 2),
                1e-15);
    assert_near(divergence_kullback_leibler(a_wide, b_wide, 4),
                divergence_kullback_leibler(a, b, 2), 1e-15);
}
END_TEST

START_TEST(an_empty_side_has_no_distance)
{
    const double a[] = { 1.0, 1.0 }, none[] = { 0.0, 0.0 };
    ck_assert(isnan(divergence_jensen_shannon(a, none, 2)));
    ck_assert(isnan(divergence_jensen_shannon(none, a, 2)));
    ck_assert(isnan(divergence_total_variation(none, none, 2)));
    ck_assert(isnan(divergence_kullback_leibler(none, a, 2)));
    /* Smoothed, an empty approximation is even: the cost is that of ln 2 less the entropy, 0. */
    assert_near(divergence_kullback_leibler(a, none, 2), 0.0, 1e-15);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/divergence");
    testing_add(suite, the_same_is_0_and_nothing_in_common_is_ln_2);
    testing_add(suite, values_are_those_worked_out_by_hand);
    testing_add(suite, classes_that_no_side_has_change_nothing);
    testing_add(suite, an_empty_side_has_no_distance);
    return suite;
}
