/* stable.h - sums and logarithms of exponentials that neither overflow nor cancel, once.
 *
 * The softmax of a row shares one form with training, likelihood and sampling.
 */
#ifndef FLOWTWIN_NN_STABLE_H
#define FLOWTWIN_NN_STABLE_H

#include "nn/elementary.h"

/* log(1 + exp(x)) */
static inline double stable_softplus(double x)
{
    return fmax(x, 0.0) + log1p(exp(-fabs(x)));
}

/* log(1 - exp(-x)) for x >= 0 (Maechler 2012: the two forms meet at log 2) */
static inline double stable_log1mexp(double x)
{
    return x > 0.69314718055994530942 ? log1p(-exp(-x)) : log(-expm1(-x));
}

/* log(exp(a) + exp(b)); either may be -inf */
static inline double stable_log_add(double a, double b)
{
    double high = fmax(a, b), low = fmin(a, b);
    return isinf(high) ? high : high + log1p(exp(low - high));
}

/* The largest of n > 0 numbers. */
static inline real stable_max(const real *x, size_t n)
{
    real most = x[0];
#pragma omp simd reduction(max : most)
    for (size_t i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

/* p = softmax(x), and log sum exp(x) is returned; n > 0. p may be x. */
static inline double stable_softmax(real *p, const real *x, size_t n)
{
    real most = stable_max(x, n), sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        real e = elementary_exp(x[i] - most);
        p[i] = e;
        sum += e;
    }
    real scale = 1 / sum;
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        p[i] *= scale;
    return (double)most + log((double)sum);
}

#endif
