#include "eval/divergence.h"

#include <math.h>

static double sum_of(const double *counts, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += counts[i];
    return sum;
}

/* p ln(p / m), and its limit 0 at p = 0. */
static double relative_term(double p, double m)
{
    return p > 0.0 ? p * log(p / m) : 0.0;
}

double divergence_jensen_shannon(const double *a, const double *b, size_t n)
{
    double total_a = sum_of(a, n), total_b = sum_of(b, n);
    if (!(total_a > 0.0) || !(total_b > 0.0))
        return NAN;
    double nats = 0.0;
    for (size_t i = 0; i < n; i++) {
        double p = a[i] / total_a, q = b[i] / total_b, middle = 0.5 * (p + q);
        nats += 0.5 * (relative_term(p, middle) + relative_term(q, middle));
    }
    return fmax(nats, 0.0);
}

double divergence_kullback_leibler(const double *a, const double *b, size_t n)
{
    double total_a = sum_of(a, n), total_b = sum_of(b, n);
    if (!(total_a > 0.0))
        return NAN;
    for (size_t i = 0; i < n; i++)
        total_b += a[i] > 0.0 || b[i] > 0.0 ? 0.5 : 0.0;
    double nats = 0.0;
    for (size_t i = 0; i < n; i++)
        nats += relative_term(a[i] / total_a, (b[i] + 0.5) / total_b);
    return nats;
}

double divergence_total_variation(const double *a, const double *b, size_t n)
{
    double total_a = sum_of(a, n), total_b = sum_of(b, n);
    if (!(total_a > 0.0) || !(total_b > 0.0))
        return NAN;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += fabs(a[i] / total_a - b[i] / total_b);
    return 0.5 * sum;
}
