#include "nn/logistic_mixture.h"

#include "base/error.h"

#include <math.h>

/* 1 / (1 + exp(-x)) with e = exp(-|x|) */
static double logistic_of(double x, double e)
{
    return (x >= 0.0 ? 1.0 : e) / (1.0 + e);
}

static double logistic(double x)
{
    return logistic_of(x, exp(-fabs(x)));
}

/* A component's part in the mass of an interval. */
struct component {
    double weight;    /* after the softmax */
    double log_joint; /* of weight times mass */
    double share;     /* of the whole mass */
    /* Derivatives of its log mass. */
    double d_mean, d_log_scale;
};

/* log(F(v) - F(u)) = log(1 - exp(-width)) - softplus(-v) - softplus(u), u < v, with the difference
 * width given, since it may be far smaller than either; and its derivatives. inverse: 1 / scale. */
static double log_mass(double u, double v, double width, double inverse, struct component *part)
{
    double e_u = exp(-fabs(u)), e_v = exp(-fabs(v));
    double inside = width > 0.69 ? 1.0 - exp(-width) : -expm1(-width);
    double below = logistic_of(u, e_u), above = logistic_of(-v, e_v);
    double u_below = below > 0.0 ? u * below : 0.0, v_above = above > 0.0 ? -v * above : 0.0;
    double narrow = isinf(width) ? 0.0 : width > 0.0 ? width * (1.0 - inside) / inside : 1.0;
    part->d_mean = inverse * (below - above);
    part->d_log_scale = u_below + v_above - narrow;
    return log(inside / ((1.0 + e_u) * (1.0 + e_v))) - fmax(u, 0.0) - fmax(-v, 0.0);
}

/* The weights before the softmax become exp(weight - the largest), which is returned. */
static double soften(const real *weights, size_t G, double *shares)
{
    double highest = (double)weights[0];
    for (size_t g = 1; g < G; g++)
        highest = fmax(highest, (double)weights[g]);
    for (size_t g = 0; g < G; g++)
        shares[g] = exp((double)weights[g] - highest);
    return highest;
}

/* All parts; returns the log of the mass of [lo, hi). */
static double weigh_parts(const real *params, size_t G, double lo, double hi,
                          struct component *parts)
{
    if (G < 1 || G > LOGISTIC_MIXTURE_MAX || !(lo < hi))
        BUG("%zu components, interval %g..%g", G, lo, hi);
    const real *weights = params, *means = params + G, *log_scales = params + 2 * G;
    double shares[LOGISTIC_MIXTURE_MAX], total = 0.0, most = -(double)INFINITY, sum = 0.0;
    double highest = soften(weights, G, shares);
    for (size_t g = 0; g < G; g++)
        total += parts[g].weight = shares[g];
    double log_total = highest + log(total);
    for (size_t g = 0; g < G; g++) {
        double inverse = exp(-(double)log_scales[g]), mean = (double)means[g];
        parts[g].weight /= total;
        parts[g].log_joint = (double)weights[g] - log_total +
                             log_mass((lo - mean) * inverse, (hi - mean) * inverse,
                                      (hi - lo) * inverse, inverse, &parts[g]);
        most = fmax(most, parts[g].log_joint);
    }
    for (size_t g = 0; g < G; g++)
        sum += parts[g].share = exp(parts[g].log_joint - most);
    for (size_t g = 0; g < G; g++)
        parts[g].share /= sum;
    return most + log(sum);
}

double logistic_mixture_log_mass(const real *params, size_t G, double lo, double hi, double factor,
                                 double *d_params)
{
    struct component parts[LOGISTIC_MIXTURE_MAX];
    double sum = weigh_parts(params, G, lo, hi, parts);
    for (size_t g = 0; d_params != NULL && g < G; g++) {
        double share = factor * parts[g].share;
        d_params[g] += share - factor * parts[g].weight;
        d_params[G + g] += share * parts[g].d_mean;
        d_params[2 * G + g] += share * parts[g].d_log_scale;
    }
    return sum;
}

/* From the whole line, a component by its weight. */
static double draw_anywhere(const real *params, size_t G, struct rng *rng)
{
    const real *means = params + G, *log_scales = params + 2 * G;
    double shares[LOGISTIC_MIXTURE_MAX];
    soften(params, G, shares);
    size_t g = rng_choice(rng, shares, G);
    double f = rng_uniform(rng);
    return (double)means[g] + exp((double)log_scales[g]) * (log(f) - log1p(-f));
}

/* By the masses of the components in the range, however small. */
static double draw_inside(const real *params, size_t G, double range_lo, double range_hi,
                          struct rng *rng)
{
    struct component parts[LOGISTIC_MIXTURE_MAX];
    double shares[LOGISTIC_MIXTURE_MAX];
    weigh_parts(params, G, range_lo, range_hi, parts);
    for (size_t g = 0; g < G; g++)
        shares[g] = parts[g].share;
    size_t g = rng_choice(rng, shares, G);
    double mean = (double)params[G + g], scale = exp((double)params[2 * G + g]);
    double u = (range_lo - mean) / scale, v = (range_hi - mean) / scale;
    /* Inverts F in the tail that is the smaller, where F is known to all its digits. */
    bool mirrored = u + v > 0.0;
    double low = mirrored ? -v : u, high = mirrored ? -u : v;
    double from = logistic(low), to = logistic(high);
    double f = from + rng_uniform(rng) * (to - from);
    double z = fmin(fmax(log(f) - log1p(-f), low), high);
    double x = mean + scale * (mirrored ? -z : z);
    return fmin(fmax(x, range_lo), nextafter(range_hi, -INFINITY));
}

/* Few ranges leave out much, so that a draw from the whole line is mostly inside. */
#define TRIES 8

double logistic_mixture_draw(const real *params, size_t G, double range_lo, double range_hi,
                             struct rng *rng)
{
    for (int i = 0; i < TRIES; i++) {
        double x = draw_anywhere(params, G, rng);
        if (isfinite(x) && x >= range_lo && x < range_hi)
            return x;
    }
    return draw_inside(params, G, range_lo, range_hi, rng);
}
