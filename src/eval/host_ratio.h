/* host_ratio.h - a mean over flows, and its standard error over hosts.
 *
 * Flows of one host are alike, so the error of a mean over flows is that of drawing hosts, not
 * flows. With y_h the sum and n_h the number of flows of host h, the mean is the ratio estimator
 * (Cochran, Sampling Techniques, 1977, section 6.3)
 *
 *     R = sum y_h / sum n_h,   se(R) = sqrt(H / (H - 1) sum (y_h - R n_h)^2) / sum n_h.
 */
#ifndef FLOWTWIN_EVAL_HOST_RATIO_H
#define FLOWTWIN_EVAL_HOST_RATIO_H

#include <stddef.h>

struct host_ratio {
    double mean;
    double standard_error; /* NaN with a single host */
};

/* sums[h * stride] and flows[h] of n hosts; summed in their order. */
struct host_ratio host_ratio_of(const double *sums, size_t stride, const double *flows, size_t n);

#endif
