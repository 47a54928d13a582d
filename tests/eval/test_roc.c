#include "testing.h"

#include "base/rng.h"
#include "eval/roc.h"

#include <math.h>

/* Areas that can be counted by hand: pairs won, ties half. */
static const struct area_case {
    const char *note;
    double positive[6], negative[6];
    size_t n_positive, n_negative;
    double area, found_at_0, found_at_half;
} area_cases[] = {
    { "all above", { 3, 4 }, { 1, 2 }, 2, 2, 1.0, 1.0, 1.0 },
    { "all below", { 1, 2 }, { 3, 4 }, 2, 2, 0.0, 0.0, 0.0 },
    { "all equal", { 1, 1, 1 }, { 1, 1 }, 3, 2, 0.5, 0.0, 0.0 },
    { "one tie in four", { 2, 3 }, { 1, 2 }, 2, 2, 3.5 / 4.0, 0.5, 1.0 },
    { "in turns", { 1, 3, 5 }, { 0, 2, 4, 6 }, 3, 4, 6.0 / 12.0, 0.0, 2.0 / 3.0 },
    { "unsorted, with ties", { 5, 1, 3, 3 }, { 3, 2, 9 }, 4, 3, 5.0 / 12.0, 0.0, 0.25 },
    { "one against one", { -1e9 }, { 1e9 }, 1, 1, 0.0, 0.0, 0.0 },
};

START_TEST(areas_are_exact)
{
    const struct area_case *c = &area_cases[_i];
    assert_near(roc_area(c->positive, c->n_positive, c->negative, c->n_negative), c->area, 1e-15);
    /* Turned round it is the rest. */
    assert_near(roc_area(c->negative, c->n_negative, c->positive, c->n_positive), 1.0 - c->area,
                1e-15);
    assert_near(roc_found_at(c->positive, c->n_positive, c->negative, c->n_negative, 0.0),
                c->found_at_0, 0.0);
    assert_near(roc_found_at(c->positive, c->n_positive, c->negative, c->n_negative, 0.5),
                c->found_at_half, 1e-15);
    assert_near(roc_found_at(c->positive, c->n_positive, c->negative, c->n_negative, 1.0), 1.0,
                0.0);
}
END_TEST

START_TEST(an_empty_group_has_no_area)
{
    const double one = 1.0;
    ck_assert(isnan(roc_area(&one, 1, &one, 0)));
    ck_assert(isnan(roc_area(&one, 0, &one, 1)));
    ck_assert(isnan(roc_found_at(&one, 0, &one, 1, 0.1)));
}
END_TEST

START_TEST(one_percent_of_a_hundred_is_one)
{
    double positive[100], negative[100];
    for (int i = 0; i < 100; i++) {
        negative[i] = i;
        positive[i] = 98.5;
    }
    assert_near(roc_found_at(positive, 100, negative, 100, 0.01), 1.0, 0.0);
    assert_near(roc_found_at(positive, 100, negative, 100, 0.0099), 0.0, 0.0);
}
END_TEST

/* Hosts of one item each: the error is DeLong's, which can be written out. */
START_TEST(errors_are_those_of_placements)
{
    const double positive[] = { 1, 3, 4, 6 }, negative[] = { 0, 2, 5 };
    double of_positive[4], of_negative[3], ones[4] = { 1, 1, 1, 1 };
    roc_placements(of_positive, positive, 4, negative, 3);
    roc_placements(of_negative, negative, 3, positive, 4);
    const double expected[] = { 1.0 / 3, 2.0 / 3, 2.0 / 3, 1.0 };
    double variance = 0.0, area = 2.0 / 3.0;
    for (int i = 0; i < 4; i++) {
        assert_near(of_positive[i], expected[i], 1e-15);
        variance += (expected[i] - area) * (expected[i] - area) / (4.0 * 3.0);
    }
    const double negatives[] = { 0.0, 0.25, 0.75 };
    for (int i = 0; i < 3; i++) {
        assert_near(of_negative[i], negatives[i], 1e-15);
        variance += (negatives[i] - 1.0 / 3) * (negatives[i] - 1.0 / 3) / (3.0 * 2.0);
    }
    struct roc_hosts hosts = { { of_negative, of_positive }, { ones, ones }, { 3, 4 } };
    struct host_ratio ratio = roc_area_of_hosts(&hosts);
    assert_near(ratio.mean, area, 1e-15);
    assert_near(ratio.standard_error, sqrt(variance), 1e-15);
}
END_TEST

/* The spread of areas over draws of hosts is what the error says. */
START_TEST(errors_hold_over_draws)
{
    enum { DRAWS = 400, HOSTS = 20, ITEMS = 10 };
    double sum = 0.0, squares = 0.0, errors = 0.0;
    for (uint64_t d = 0; d < DRAWS; d++) {
        double scores[2][HOSTS * ITEMS], placements[2][HOSTS * ITEMS];
        double sums[2][HOSTS] = { 0 }, counts[2][HOSTS] = { 0 };
        for (uint64_t s = 0; s < 2; s++) {
            struct rng rng = rng_stream(1, RNG_TEST, s, d);
            for (size_t h = 0; h < HOSTS; h++) {
                double level = rng_normal(&rng) + 0.5 * (double)s;
                for (size_t i = 0; i < ITEMS; i++)
                    scores[s][h * ITEMS + i] = level + rng_normal(&rng);
            }
        }
        for (size_t s = 0; s < 2; s++) {
            roc_placements(placements[s], scores[s], HOSTS * ITEMS, scores[1 - s], HOSTS * ITEMS);
            for (size_t i = 0; i < HOSTS * ITEMS; i++) {
                sums[s][i / ITEMS] += placements[s][i];
                counts[s][i / ITEMS] += 1.0;
            }
        }
        struct roc_hosts hosts = { { sums[0], sums[1] },
                                   { counts[0], counts[1] },
                                   { HOSTS, HOSTS } };
        struct host_ratio ratio = roc_area_of_hosts(&hosts);
        sum += ratio.mean;
        squares += ratio.mean * ratio.mean;
        errors += ratio.standard_error;
    }
    double mean = sum / DRAWS, deviation = sqrt(squares / DRAWS - mean * mean);
    /* P(x > y) of normals with variance 2 each, half apart. */
    assert_near(mean, 0.5 * (1.0 + erf(0.25 / sqrt(2.0))), 0.02);
    assert_near(errors / DRAWS / deviation, 1.0, 0.1);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/roc");
    testing_add_loop(suite, areas_are_exact, ARRAY_LEN(area_cases));
    testing_add(suite, an_empty_group_has_no_area);
    testing_add(suite, one_percent_of_a_hundred_is_one);
    testing_add(suite, errors_are_those_of_placements);
    testing_add(suite, errors_hold_over_draws);
    return suite;
}
