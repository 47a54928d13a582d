#include "testing.h"

#include "model/normal_interval.h"

#include <math.h>

/* Reference: Simpson's rule in long double, relative to the density at the end nearest to 0, so
 * that nothing underflows; 4000 steps of a smooth function over at most a few units. */
static void reference(double middle, double width, double *log_mass, double *mean, double *square)
{
    enum { STEPS = 4000 };
    long double a = (long double)middle - 0.5L * width, b = (long double)middle + 0.5L * width;
    long double peak = a > 0.0L ? a : b < 0.0L ? b : 0.0L;
    /* Beyond 40 of its own scale from the peak there is nothing left to add up. */
    long double scale = 40.0L / fmaxl(1.0L, fabsl(peak));
    a = fmaxl(a, peak - scale);
    b = fminl(b, peak + scale);
    long double step = (b - a) / STEPS, sums[3] = { 0.0L, 0.0L, 0.0L };
    for (int i = 0; i <= STEPS; i++) {
        long double z = a + step * i, weight = i == 0 || i == STEPS ? 1.0L : i % 2 ? 4.0L : 2.0L;
        long double value = weight * expl(-0.5L * (z - peak) * (z + peak));
        sums[0] += value;
        sums[1] += value * z;
        sums[2] += value * z * z;
    }
    *log_mass = (double)(logl(sums[0] * step / 3.0L) - 0.5L * peak * peak -
                         0.918938533204672741780329736406L);
    *mean = (double)(sums[1] / sums[0]);
    *square = (double)(sums[2] / sums[0]);
}

static const double middles[] = { 0.0, 0.001, 0.3, 1.0, 2.5, 6.0, 12.0, 24.9, 25.1, 35.0 };
static const double widths[] = { 1e-9, 1e-5, 0.003, 0.0099, 0.05, 0.24, 0.26, 0.5, 1.0, 3.0, 9.0 };

START_TEST(inside_is_what_integration_finds)
{
    double z = middles[_i];
    for (size_t w = 0; w < ARRAY_LEN(widths); w++) {
        double log_mass, mean, square;
        reference(z, widths[w], &log_mass, &mean, &square);
        struct normal_interval part = normal_inside(z, widths[w]);
        struct normal_interval mirror = normal_inside(-z, widths[w]);
        assert_near(part.log_mass, log_mass, 1e-11 * fmax(1.0, fabs(log_mass)));
        assert_near(part.mean, mean, 1e-10 * fmax(1.0, fabs(mean)));
        assert_near(part.square, square, 1e-9 * fmax(1.0, square));
        assert_near(mirror.log_mass, part.log_mass, 0.0);
        assert_near(mirror.mean, -part.mean, 0.0);
        assert_near(mirror.square, part.square, 0.0);
    }
}
END_TEST

START_TEST(tails_are_what_erfc_says)
{
    for (double z = -35.0; z <= 35.0; z += 0.37) {
        long double mass = 0.5L * erfcl((long double)z * 0.707106781186547524400844362105L);
        long double ratio = expl(-0.5L * (long double)z * z) * 0.398942280401432677939946L / mass;
        struct normal_interval above = normal_above(z), below = normal_below(-z);
        double log_mass = (double)logl(mass);
        assert_near(above.log_mass, log_mass, 1e-12 * fabs(log_mass) + 1e-18);
        assert_near(above.mean, (double)ratio, 1e-10 * fmax(1.0, fabs(z)));
        assert_near(above.square, (double)(1.0L + z * ratio), 1e-9 * (1.0 + z * z));
        assert_near(below.log_mass, above.log_mass, 0.0);
        assert_near(below.mean, -above.mean, 0.0);
        assert_near(below.square, above.square, 0.0);
    }
}
END_TEST

/* Where the ways of computing meet, there is no step. */
START_TEST(ways_of_computing_agree_where_they_meet)
{
    for (double z = 0.0; z < 35.0; z += 0.1) {
        double d = 0.25 / fmax(1.0, z), slope = 1.0 / d;
        struct normal_interval low = normal_inside(z, d * (1.0 - 1e-9));
        struct normal_interval high = normal_inside(z, d * (1.0 + 1e-9));
        assert_near(high.log_mass - low.log_mass, slope * d * 2e-9, 1e-9);
    }
    struct normal_interval low = normal_above(25.0 - 1e-9), high = normal_above(25.0 + 1e-9);
    assert_near(low.log_mass - high.log_mass, 2e-9 * low.mean, 1e-11);
}
END_TEST

START_TEST(far_out_is_finite)
{
    struct normal_interval part = normal_inside(1e8, 1e-3);
    ck_assert(isfinite(part.log_mass) && part.log_mass < -4.9e15);
    ck_assert(isfinite(normal_inside(-1e8, 1e7).log_mass));
    ck_assert(isfinite(normal_above(1e8).log_mass));
    assert_near(normal_above(-1e8).log_mass, 0.0, 0.0);
    assert_near(normal_inside(0.0, 1e9).log_mass, 0.0, 0.0);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/normal_interval");
    testing_add_loop(suite, inside_is_what_integration_finds, ARRAY_LEN(middles));
    testing_add(suite, tails_are_what_erfc_says);
    testing_add(suite, ways_of_computing_agree_where_they_meet);
    testing_add(suite, far_out_is_finite);
    return suite;
}
