#include "eval/roc.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double *sorted_copy(const double *items, size_t n)
{
    double *sorted = memory_alloc(n, sizeof *sorted);
    memcpy(sorted, items, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_numbers);
    return sorted;
}

/* How many of the sorted numbers are below x, or, with `or_equal`, not above it. */
static size_t count_below(const double *sorted, size_t n, double x, int or_equal)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < x || (or_equal && sorted[middle] == x))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void roc_placements(double *placements, const double *items, size_t n, const double *others,
                    size_t m)
{
    double *sorted = sorted_copy(others, m);
    for (size_t i = 0; i < n; i++)
        placements[i] = 0.5 *
                        (double)(count_below(sorted, m, items[i], 0) +
                                 count_below(sorted, m, items[i], 1)) /
                        (double)m;
    free(sorted);
}

double roc_area(const double *positive, size_t n_positive, const double *negative,
                size_t n_negative)
{
    if (n_positive == 0 || n_negative == 0)
        return (double)NAN;
    double *placements = memory_alloc(n_positive, sizeof *placements), sum = 0.0;
    roc_placements(placements, positive, n_positive, negative, n_negative);
    for (size_t i = 0; i < n_positive; i++)
        sum += placements[i];
    free(placements);
    return sum / (double)n_positive;
}

double roc_found_at(const double *positive, size_t n_positive, const double *negative,
                    size_t n_negative, double false_share)
{
    if (n_positive == 0 || n_negative == 0)
        return (double)NAN;
    /* Everything above the first negative that may not be taken is found. */
    double *sorted = sorted_copy(negative, n_negative);
    size_t n_allowed = (size_t)floor(false_share * (double)n_negative + 1e-9), n_found = 0;
    for (size_t i = 0; i < n_positive; i++)
        n_found += n_allowed >= n_negative || positive[i] > sorted[n_negative - 1 - n_allowed];
    free(sorted);
    return (double)n_found / (double)n_positive;
}

struct host_ratio roc_area_of_hosts(const struct roc_hosts *hosts)
{
    struct host_ratio negative = host_ratio_of(hosts->sums[0], 1, hosts->counts[0], hosts->n[0]);
    struct host_ratio area = host_ratio_of(hosts->sums[1], 1, hosts->counts[1], hosts->n[1]);
    area.standard_error = hypot(area.standard_error, negative.standard_error);
    return area;
}
