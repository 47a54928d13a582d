#include "model/normal_interval.h"

#include <math.h>

#define LOG_SQRT_2PI     0.91893853320467274178
#define SQRT_HALF        0.70710678118654752440
#define SQRT_HALF_PI     1.25331413731550025121
#define INVERSE_SQRT_2PI 0.39894228040143267794

static double density(double z)
{
    return INVERSE_SQRT_2PI * exp(-0.5 * z * z);
}

/* Mills' ratio Q(a) / density(a) for a >= 0. Beyond 25 its asymptotic series (Abramowitz and
 * Stegun, 26.2.12) has 15 digits after seven terms. */
static double mills(double a)
{
    if (a < 25.0)
        return SQRT_HALF_PI * exp(0.5 * a * a) * erfc(a * SQRT_HALF);
    double q = 1.0 / (a * a);
    return (1.0 -
            q * (1.0 -
                 3.0 * q *
                     (1.0 - 5.0 * q * (1.0 - 7.0 * q * (1.0 - 9.0 * q * (1.0 - 11.0 * q)))))) /
           a;
}

/* Narrow: density(z + u) / density(z) is the sum of He_n(z) (-u)^n / n!, integrated term by term
 * over |u| <= d/2. The first term left out is below (z d)^8 / 10^8. */
static struct normal_interval narrow(double z, double d)
{
    double q = d * d, u2 = q / 12.0, u4 = q * q / 80.0, u6 = q * q * q / 448.0,
           u8 = q * q * q * q / 2304.0; /* mean of u^2, u^4, ... */
    double s = z * z;
    double h1 = z, h2 = s - 1.0, h3 = z * (s - 3.0), h4 = s * (s - 6.0) + 3.0,
           h5 = z * (s * (s - 10.0) + 15.0), h6 = s * (s * (s - 15.0) + 45.0) - 15.0,
           h7 = z * (s * (s * (s - 21.0) + 105.0) - 105.0);
    double mass = h2 / 2.0 * u2 + h4 / 24.0 * u4 + h6 / 720.0 * u6; /* less 1 */
    double first = -(h1 * u2 + h3 / 6.0 * u4 + h5 / 120.0 * u6 + h7 / 5040.0 * u8) / (1.0 + mass);
    double second = (u2 + h2 / 2.0 * u4 + h4 / 24.0 * u6 + h6 / 720.0 * u8) / (1.0 + mass);
    return (struct normal_interval){
        .log_mass = log1p(mass) + log(d) - 0.5 * s - LOG_SQRT_2PI,
        .mean = z + first,
        .square = s + 2.0 * z * first + second,
    };
}

struct normal_interval normal_inside(double middle, double width)
{
    if (width * fmax(1.0, fabs(middle)) <= 0.25)
        return narrow(middle, width);

    double sign = middle < 0.0 ? -1.0 : 1.0, z = fabs(middle);
    double a = z - 0.5 * width, b = z + 0.5 * width;
    struct normal_interval part;
    if (a > 0.0) { /* density(b) / density(a) = exp(-z d) */
        double fall = exp(-z * width), mass = mills(a) - (fall > 0.0 ? fall * mills(b) : 0.0);
        part.log_mass = log(mass) - 0.5 * a * a - LOG_SQRT_2PI;
        part.mean = -expm1(-z * width) / mass;
        part.square = 1.0 + (a - (fall > 0.0 ? b * fall : 0.0)) / mass;
    } else {
        double mass = 0.5 * (erf(b * SQRT_HALF) - erf(a * SQRT_HALF));
        part.log_mass = log(mass);
        part.mean = (density(a) - density(b)) / mass;
        part.square = 1.0 + (a * density(a) - b * density(b)) / mass;
    }
    part.mean *= sign;
    return part;
}

struct normal_interval normal_above(double edge)
{
    if (edge > 0.0) {
        double mass = mills(edge);
        return (struct normal_interval){
            .log_mass = log(mass) - 0.5 * edge * edge - LOG_SQRT_2PI,
            .mean = 1.0 / mass,
            .square = 1.0 + edge / mass,
        };
    }
    double rest = 0.5 * erfc(-edge * SQRT_HALF), mass = 1.0 - rest;
    return (struct normal_interval){
        .log_mass = log1p(-rest),
        .mean = density(edge) / mass,
        .square = 1.0 + edge * density(edge) / mass,
    };
}

struct normal_interval normal_below(double edge)
{
    struct normal_interval part = normal_above(-edge);
    part.mean = -part.mean;
    return part;
}
