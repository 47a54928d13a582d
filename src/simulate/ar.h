/* ar.h - a process of two variables whose entropy is known exactly.
 *
 *     x_t = 0.9 x_{t-1} + 0.1 e_t      y_t = 0.9 x_t + 0.1 f_t      e, f standard normal
 *
 * Given the row before, a row costs 2 (1/2 ln(2 pi e) + ln 0.1) = -1.7673 nats on average, and no
 * model can do better (docs/simulate.md): later models are held against it.
 *
 *     struct ar_process process = ar_start(seed);
 *     for (size_t i = 0; i < n; i++) {
 *         struct ar_row row = ar_next(&process);
 *         printf("%.9g,%.9g\n", row.x, row.y);
 *     }
 */
#ifndef FLOWTWIN_SIMULATE_AR_H
#define FLOWTWIN_SIMULATE_AR_H

#include "base/rng.h"

#define AR_COEFFICIENT 0.9
#define AR_DEVIATION   0.1

struct ar_row {
    double x, y;
};

struct ar_process {
    struct rng rng;
    double x; /* of the last row; before the first, drawn from the stationary distribution */
};

struct ar_process ar_start(uint64_t seed);
struct ar_row ar_next(struct ar_process *process);

/* -ln of the density of a row given x of the row before, in nats; and its mean, exactly. */
double ar_nll(double previous_x, struct ar_row row);
double ar_best_nll(void);

#endif
