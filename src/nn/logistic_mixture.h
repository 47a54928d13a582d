/* logistic_mixture.h - mixtures of logistic distributions, and the mass that they give to
 * intervals.
 *
 * With u = (lo - mean) / scale and v = (hi - mean) / scale, the mass of [lo, hi) under a logistic
 * is
 *
 *     log(F(v) - F(u)) = log(1 - exp(u - v)) - softplus(-v) - softplus(u)
 *
 * which neither cancels in a tail nor needs a case for an infinite edge. An integer x whose
 * logarithm is modelled has the cell [log(x - 1/2), log(x + 1/2)), or any other edges that tile the
 * line. Discretised logistics: Salimans et al., "PixelCNN++" (ICLR 2017); gradients:
 * docs/math-nn.md, section 5.
 */
#ifndef FLOWTWIN_NN_LOGISTIC_MIXTURE_H
#define FLOWTWIN_NN_LOGISTIC_MIXTURE_H

#include "base/rng.h"
#include "nn/tensor.h"

#define LOGISTIC_MIXTURE_MAX 32

/* log P(lo <= x < hi), lo < hi, for params [3 G]: weights before a softmax, means, logarithms of
 * scales. The gradient in params is added to d_params [3 G], times `factor`, where that is not
 * NULL. */
double logistic_mixture_log_mass(const real *params, size_t G, double lo, double hi, double factor,
                                 double *d_params);

/* A draw of x given range_lo <= x < range_hi (infinite: no bound). */
double logistic_mixture_draw(const real *params, size_t G, double range_lo, double range_hi,
                             struct rng *rng);

#endif
