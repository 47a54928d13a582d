/* wasserstein.h - the earth mover's distance between two samples of whole numbers. */
#ifndef FLOWTWIN_EVAL_WASSERSTEIN_H
#define FLOWTWIN_EVAL_WASSERSTEIN_H

#include <stddef.h>
#include <stdint.h>

/* First Wasserstein distance, in the unit of the values: the area between the two empirical
 * distribution functions. Both ascending. NaN where one is empty. */
double wasserstein_distance(const int64_t *a, size_t n_a, const int64_t *b, size_t n_b);

#endif
