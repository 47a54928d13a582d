/* autocorrelation.h - how much a host's flows resemble those some flows earlier.
 *
 * For one host with values x_1..x_n and mean m, r_k = sum (x_i - m)(x_{i+k} - m) / sum (x_i - m)^2
 * (Box and Jenkins). Of each side: mean and deviation of r_k over the hosts that have at least
 * AUTOCORRELATION_ROWS flows and more than one value; every host counts the same.
 */
#ifndef FLOWTWIN_EVAL_AUTOCORRELATION_H
#define FLOWTWIN_EVAL_AUTOCORRELATION_H

#include "eval/traffic.h"

#define N_LAGS               50
#define AUTOCORRELATION_ROWS (4 * N_LAGS)

enum { ACF_LOG_BYTES, ACF_GAP, N_ACF_SERIES };
extern const char *const acf_series_names[N_ACF_SERIES];

/* Doubles only; see comparison.h. */
struct autocorrelation {
    double mean[N_LAGS];      /* of lag 1.. over hosts; NaN where no host is long enough */
    double deviation[N_LAGS]; /* over hosts */
    double n_hosts;
};

/* ln(1 + bytes), or the gap in seconds. */
struct autocorrelation autocorrelation_measure(const struct traffic *traffic, int series);

/* r_1..r_{N_LAGS} of one series. False, and nothing set, where all values are equal. */
bool autocorrelation_of(const double *values, size_t n, double r[N_LAGS]);

#endif
