#include "simulate/ar.h"

#include <math.h>

/* ln(2 pi) / 2 */
#define HALF_LOG_TWO_PI 0.918938533204672741780

struct ar_process ar_start(uint64_t seed)
{
    struct ar_process process = { .rng = rng_stream(seed, RNG_SIMULATE, 0, 0) };
    /* The variance v of x solves v = 0.81 v + 0.01. */
    process.x = AR_DEVIATION / sqrt(1.0 - AR_COEFFICIENT * AR_COEFFICIENT) *
                rng_normal(&process.rng);
    return process;
}

struct ar_row ar_next(struct ar_process *process)
{
    struct ar_row row;
    row.x = AR_COEFFICIENT * process->x + AR_DEVIATION * rng_normal(&process->rng);
    row.y = AR_COEFFICIENT * row.x + AR_DEVIATION * rng_normal(&process->rng);
    process->x = row.x;
    return row;
}

static double normal_nll(double x, double mean)
{
    double z = (x - mean) / AR_DEVIATION;
    return HALF_LOG_TWO_PI + log(AR_DEVIATION) + 0.5 * z * z;
}

double ar_nll(double previous_x, struct ar_row row)
{
    return normal_nll(row.x, AR_COEFFICIENT * previous_x) +
           normal_nll(row.y, AR_COEFFICIENT * row.x);
}

double ar_best_nll(void)
{
    return 2.0 * (HALF_LOG_TWO_PI + log(AR_DEVIATION) + 0.5);
}
