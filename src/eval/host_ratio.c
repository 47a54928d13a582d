#include "eval/host_ratio.h"

#include <math.h>

struct host_ratio host_ratio_of(const double *sums, size_t stride, const double *flows, size_t n)
{
    double sum = 0.0, n_flows = 0.0, squares = 0.0;
    for (size_t h = 0; h < n; h++) {
        sum += sums[h * stride];
        n_flows += flows[h];
    }
    struct host_ratio ratio = { sum / n_flows, NAN };
    for (size_t h = 0; h < n; h++) {
        double residual = sums[h * stride] - ratio.mean * flows[h];
        squares += residual * residual;
    }
    if (n > 1)
        ratio.standard_error = sqrt((double)n / (double)(n - 1) * squares) / n_flows;
    return ratio;
}
