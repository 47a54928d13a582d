/* divergence.h - how far two distributions over the same classes are apart.
 *
 * All take counts (or weights) a[n] and b[n], which are divided by their sums first. Natural
 * logarithms: nats; divide by ln 2 for bits.
 *
 *     double nats = divergence_jensen_shannon(real, synthetic, n);     // 0 .. ln 2
 */
#ifndef FLOWTWIN_EVAL_DIVERGENCE_H
#define FLOWTWIN_EVAL_DIVERGENCE_H

#include <stddef.h>

/* Jensen-Shannon divergence (Lin 1991): JS = KL(a || m) / 2 + KL(b || m) / 2, m = (a + b) / 2.
 * In 0..ln 2; the square of a distance. NaN where a or b is empty. */
double divergence_jensen_shannon(const double *a, const double *b, size_t n);

/* Kullback-Leibler divergence of a from b: sum a ln(a / b), where b gets half a count in each of
 * the classes in which a or b has any (Krichevsky and Trofimov 1981), so that a class that b lacks
 * costs much but not everything. NaN where a is empty. */
double divergence_kullback_leibler(const double *a, const double *b, size_t n);

/* Total variation: half the sum of |a - b|. In 0..1. NaN where a or b is empty. */
double divergence_total_variation(const double *a, const double *b, size_t n);

#endif
