#include "eval/host_counts.h"

#include "data/bins.h"
#include "data/calendar.h"
#include "eval/divergence.h"

#include <math.h>

#define SECONDS_PER_DAY (MS_PER_DAY / MS_PER_SECOND)

static int64_t day_of(int64_t end)
{
    int64_t day = end / SECONDS_PER_DAY;
    return end % SECONDS_PER_DAY < 0 ? day - 1 : day;
}

/* Adds the counts of the days in which the host has flows; returns how many those are. */
static size_t count_days(const struct traffic *traffic, const struct traffic_host *host,
                         double counts[HOST_COUNT_CLASSES])
{
    const int64_t *ends = traffic->columns->ends;
    size_t n_days = 0, end = host->first + host->n_rows;
    for (size_t first = host->first, next; first < end; first = next) {
        int64_t day = day_of(ends[first]);
        for (next = first + 1; next < end && day_of(ends[next]) == day;)
            next++;
        counts[bins_octave((int64_t)(next - first), HOST_COUNT_CLASSES)] += 1.0;
        n_days++;
    }
    return n_days;
}

struct host_counts host_counts_measure(const struct traffic *traffic)
{
    struct host_counts counts = { .mean = (double)NAN };
    if (traffic->n_rows == 0)
        return counts;
    struct traffic_period period = traffic_period(traffic);
    size_t n_days = (size_t)(day_of(period.last) - day_of(period.first) + 1);
    for (size_t h = 0; h < traffic->n_hosts; h++)
        counts.shares[0] += (double)(n_days -
                                     count_days(traffic, &traffic->hosts[h], counts.shares));
    double n = (double)n_days * (double)traffic->n_hosts;
    counts.mean = (double)traffic->n_rows / n;
    for (size_t k = 0; k < HOST_COUNT_CLASSES; k++)
        counts.shares[k] /= n;
    return counts;
}

double host_counts_compare(const struct host_counts *real, const struct host_counts *synthetic)
{
    return divergence_jensen_shannon(real->shares, synthetic->shares, HOST_COUNT_CLASSES);
}
