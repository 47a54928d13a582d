#include "eval/autocorrelation.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

const char *const acf_series_names[N_ACF_SERIES] = { "log_bytes", "gap" };

/* In four sums of their own, so that the loop does not wait for each addition; the order is fixed.
 */
static double dot(const double *a, const double *b, size_t n)
{
    double sums[4] = { 0.0 };
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            sums[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sums[0] += a[i] * b[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

bool autocorrelation_of(const double *values, size_t n, double r[N_LAGS])
{
    double *x = memory_alloc(n, sizeof *x), sum = 0.0;
    bool varies = false;
    for (size_t i = 0; i < n; i++) {
        sum += values[i];
        varies |= values[i] != values[0];
    }
    for (size_t i = 0; i < n; i++)
        x[i] = values[i] - sum / (double)n;
    double variance = dot(x, x, n);
    for (size_t lag = 1; varies && lag <= N_LAGS; lag++)
        r[lag - 1] = lag < n ? dot(x, x + lag, n - lag) / variance : 0.0;
    free(x);
    return varies;
}

struct autocorrelation autocorrelation_measure(const struct traffic *traffic, int series)
{
    const int64_t *bytes = traffic->columns->values[ATTRIBUTE_BYTES];
    const int64_t *gaps = traffic->columns->values[ATTRIBUTE_GAP];
    struct autocorrelation acf = { 0 };
    double squares[N_LAGS] = { 0.0 };
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        const struct traffic_host *host = &traffic->hosts[h];
        if (host->n_rows < AUTOCORRELATION_ROWS)
            continue;
        double *values = memory_alloc(host->n_rows, sizeof *values), r[N_LAGS];
        for (size_t i = 0; i < host->n_rows; i++)
            values[i] = series == ACF_GAP ? (double)gaps[host->first + i]
                                          : log1p((double)bytes[host->first + i]);
        if (autocorrelation_of(values, host->n_rows, r)) {
            acf.n_hosts += 1.0;
            for (size_t k = 0; k < N_LAGS; k++) {
                acf.mean[k] += r[k];
                squares[k] += r[k] * r[k];
            }
        }
        free(values);
    }
    double n = acf.n_hosts;
    for (size_t k = 0; k < N_LAGS; k++) {
        acf.mean[k] = n > 0.0 ? acf.mean[k] / n : (double)NAN;
        double variance = (squares[k] - n * acf.mean[k] * acf.mean[k]) / (n - 1.0);
        acf.deviation[k] = n > 1.0 ? sqrt(fmax(variance, 0.0)) : (double)NAN;
    }
    return acf;
}
