#include "testing.h"

#include "nn/logistic_mixture.h"

#include <math.h>

#define INF ((double)INFINITY)

static const real three[] = { 0.3f, -1.0f, 0.5f, 1.0f, 4.0f, 9.0f, -1.0f, 0.2f, -3.0f };

/* Integers 0, 1, 2 ... by the logarithm of x + 1: cells that tile the line. */
static double cell_low(int x)
{
    return x == 0 ? -INF : log(x + 0.5);
}

static double mass(const real *params, size_t G, double lo, double hi)
{
    return exp(logistic_mixture_log_mass(params, G, lo, hi, 0.0, NULL));
}

START_TEST(masses_of_all_cells_sum_to_one)
{
    enum { N = 100000 };
    double sum = 0.0;
    for (int x = 0; x < N; x++)
        sum += mass(three, 3, cell_low(x), cell_low(x + 1));
    assert_near(sum + mass(three, 3, cell_low(N), INF), 1.0, 1e-11);
    assert_near(mass(three, 3, -INF, INF), 1.0, 1e-15);
}
END_TEST

/* One logistic at 0 with scale 1: F(x) = 1 / (1 + exp(-x)). */
START_TEST(tails_keep_their_digits)
{
    static const real standard[] = { 0, 0, 0 };
    static const struct {
        double lo, hi, log_mass;
    } known[] = {
        { -INF, 0.0, -0.69314718055994531 },
        { 0.0, INF, -0.69314718055994531 },
        { 700.0, INF, -700.0 },
        { -INF, -700.0, -700.0 },
        { 700.0, 701.0, -700.0 + -0.45867514538708189 }, /* log(exp(-700) - exp(-701)) */
        { -701.0, -700.0, -700.0 + -0.45867514538708189 },
        { 3.0, 3.0 + 1e-9, -23.82044054 }, /* log(1e-9 f(3)), f(x) = F(x) F(-x) */
        { 1e5, 1e5 + 1.0, -100000.45867514539 },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        assert_near(logistic_mixture_log_mass(standard, 1, known[i].lo, known[i].hi, 0.0, NULL),
                    known[i].log_mass, 1e-6 + 1e-15 * fabs(known[i].log_mass));
}
END_TEST

START_TEST(gradients_are_finite_everywhere)
{
    static const double edges[] = { -INF, -1e6, -30.0, -1.0, 0.0, 1e-12, 1.0, 30.0, 1e6, INF };
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        for (size_t j = i + 1; j < ARRAY_LEN(edges); j++) {
            double gradient[9] = { 0.0 };
            ck_assert(
                isfinite(logistic_mixture_log_mass(three, 3, edges[i], edges[j], 1.0, gradient)));
            for (size_t k = 0; k < 9; k++)
                ck_assert_msg(isfinite(gradient[k]), "%g..%g: %zu is %g", edges[i], edges[j], k,
                              gradient[k]);
        }
    }
}
END_TEST

static const struct {
    double lo, hi;
} ranges[] = { { -INF, INF }, { 1.0, 6.0 }, { -INF, -3.0 }, { 12.0, INF }, { 12.0, 13.0 } };

/* Draws fall into the cells of their range as often as the masses say. */
START_TEST(draws_follow_the_masses)
{
    enum { N = 40000, CELLS = 12 };
    double lo = ranges[_i].lo, hi = ranges[_i].hi, whole = mass(three, 3, lo, hi);
    double from = isinf(lo) ? (hi < 0.0 ? -9.0 : -4.0) : lo;
    double to = isinf(hi) ? from + 12.0 : hi, width = (to - from) / CELLS;
    double counts[CELLS + 2] = { 0.0 }, statistic = 0.0;
    struct rng rng = rng_stream(3, RNG_TEST, 0, (uint64_t)_i);
    for (int i = 0; i < N; i++) {
        double x = logistic_mixture_draw(three, 3, lo, hi, &rng);
        ck_assert(x >= lo && x < hi);
        double cell = floor((x - from) / width);
        counts[(size_t)fmin(fmax(cell + 1.0, 0.0), CELLS + 1.0)] += 1.0;
    }
    int degrees = -1;
    for (int cell = 0; cell < CELLS + 2; cell++) {
        double low = cell == 0 ? lo : from + width * (cell - 1);
        double high = cell == CELLS + 1 ? hi : from + width * cell;
        double expected = low < high ? N * mass(three, 3, low, high) / whole : 0.0;
        if (expected < 5.0)
            continue;
        statistic += (counts[cell] - expected) * (counts[cell] - expected) / expected;
        degrees++;
    }
    ck_assert_int_ge(degrees, 3);
    ck_assert_double_gt(testing_chi_square_p(statistic, degrees), 1e-6);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("nn/logistic_mixture");
    testing_add(suite, masses_of_all_cells_sum_to_one);
    testing_add(suite, tails_keep_their_digits);
    testing_add(suite, gradients_are_finite_everywhere);
    testing_add_loop(suite, draws_follow_the_masses, ARRAY_LEN(ranges));
    return suite;
}
