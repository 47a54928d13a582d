#include "nn/logistic_mixture.h"

#include "base/error.h"
#include "nn/stable.h"

#include <math.h>

/* log(F(v) - F(u)) with v - u = width given, since it may be far smaller than either. */
static double log_mass(double u, double v, double width)
{
    return stable_log1mexp(width) - stable_softplus(-v) - stable_softplus(u);
}

/* 1 / (1 + exp(-x)) */
static double logistic(double x)
{
    double e = exp(-fabs(x));
    return (x >= 0.0 ? 1.0 : e) / (1.0 + e);
}

/* x logistic(x), 0 at -inf */
static double x_logistic(double x)
{
    return isinf(x) && x < 0.0 ? 0.0 : x * logistic(x);
}

/* x / (exp(x) - 1): 1 at 0, 0 at inf */
static double x_over_expm1(double x)
{
    return isinf(x) ? 0.0 : x > 0.0 ? x / expm1(x) : 1.0;
}

/* log softmax of the weights plus each component's log mass of [lo, hi); returns the log of the sum
 * of their exponentials. */
static double joint_log_masses(const real *params, size_t G, double lo, double hi, double *joint)
{
    if (G < 1 || G > LOGISTIC_MIXTURE_MAX || !(lo < hi))
        BUG("%zu components, interval %g..%g", G, lo, hi);
    const real *weights = params, *means = params + G, *log_scales = params + 2 * G;
    double log_weights = -INFINITY, sum = -INFINITY;
    for (size_t g = 0; g < G; g++)
        log_weights = stable_log_add(log_weights, (double)weights[g]);
    for (size_t g = 0; g < G; g++) {
        double inverse = exp(-(double)log_scales[g]), mean = (double)means[g];
        joint[g] = (double)weights[g] - log_weights +
                   log_mass((lo - mean) * inverse, (hi - mean) * inverse, (hi - lo) * inverse);
        sum = stable_log_add(sum, joint[g]);
    }
    return sum;
}

double logistic_mixture_log_mass(const real *params, size_t G, double lo, double hi, double factor,
                                 double *d_params)
{
    double joint[LOGISTIC_MIXTURE_MAX];
    double sum = joint_log_masses(params, G, lo, hi, joint);
    if (d_params == NULL)
        return sum;
    double most = (double)params[0], weights = 0.0;
    for (size_t g = 1; g < G; g++)
        most = fmax(most, (double)params[g]);
    for (size_t g = 0; g < G; g++)
        weights += exp((double)params[g] - most);
    for (size_t g = 0; g < G; g++) {
        double inverse = exp(-(double)params[2 * G + g]), mean = (double)params[G + g];
        double u = (lo - mean) * inverse, v = (hi - mean) * inverse;
        double share = factor * exp(joint[g] - sum); /* of this component in the mass */
        d_params[g] += share - factor * exp((double)params[g] - most) / weights;
        d_params[G + g] += share * inverse * (logistic(u) - logistic(-v));
        d_params[2 * G + g] += share *
                               (x_logistic(u) + x_logistic(-v) - x_over_expm1((hi - lo) * inverse));
    }
    return sum;
}

double logistic_mixture_draw(const real *params, size_t G, double range_lo, double range_hi,
                             struct rng *rng)
{
    double joint[LOGISTIC_MIXTURE_MAX];
    double sum = joint_log_masses(params, G, range_lo, range_hi, joint);
    for (size_t g = 0; g < G; g++)
        joint[g] = exp(joint[g] - sum);
    size_t g = rng_choice(rng, joint, G);
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
