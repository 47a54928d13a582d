/* categorical.h - draws from a softmax that is not written out.
 *
 *     size_t k = categorical_draw(logits, available, n, 0.0, &rng);   // P(k) ~ exp(logits[k])
 *
 * One pass finds the largest logit, one takes the exponentials and their sums by lanes; a uniform
 * number then finds its lane, and in it its place. The numbers depend on the row alone, so that a
 * draw is the same whatever is drawn beside it.
 */
#ifndef FLOWTWIN_NN_CATEGORICAL_H
#define FLOWTWIN_NN_CATEGORICAL_H

#include "base/rng.h"
#include "nn/tensor.h"

#define CATEGORICAL_MAX 4096

/* An index below n in proportion to exp(logits) among those with available 1, not 0, of which there
 * has to be one. n <= CATEGORICAL_MAX. With a truncation e > 0, what has a
 * probability below min(e, sqrt(e) exp(-entropy)) is not drawn: what a network gives to all that it
 * cannot rule out (eta sampling; Hewitt, Manning and Liang 2022, "Truncation Sampling as Language
 * Model Desmoothing", equation 7). */
size_t categorical_draw(const real *logits, const uint8_t *available, size_t n, double truncation,
                        struct rng *rng);

/* The highest logit of what is available; -INFINITY where nothing is. */
real categorical_highest(const real *logits, const uint8_t *available, size_t n);

#endif
