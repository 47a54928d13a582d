#include "eval/host_counts.h"

#include "data/calendar.h"
#include "eval/divergence.h"

#include <math.h>

#define SECONDS_PER_DAY (MS_PER_DAY / MS_PER_SECOND)

static int64_t day_of(const struct traffic *traffic, size_t row)
{
    int64_t end = traffic->columns->ends[row], day = end / SECONDS_PER_DAY;
    return end % SECONDS_PER_DAY < 0 ? day - 1 : day;
}

static size_t class_of(size_t count)
{
    size_t octave = count == 0 ? 0 : 64 - (size_t)__builtin_clzll((uint64_t)count);
    return octave < HOST_COUNT_CLASSES ? octave : HOST_COUNT_CLASSES - 1;
}

/* Adds the counts of the days in which the host has flows; returns how many those are. */
static size_t count_days(const struct traffic *traffic, const struct traffic_host *host,
                         double counts[HOST_COUNT_CLASSES])
{
    size_t n_days = 0, end = host->first + host->n_rows;
    for (size_t first = host->first, next; first < end; first = next) {
        int64_t day = day_of(traffic, first);
        for (next = first + 1; next < end && day_of(traffic, next) == day;)
            next++;
        counts[class_of(next - first)] += 1.0;
        n_days++;
    }
    return n_days;
}

struct host_counts host_counts_measure(const struct traffic *traffic)
{
    struct host_counts counts = { .mean = (double)NAN };
    int64_t first_day = INT64_MAX, last_day = INT64_MIN;
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        const struct traffic_host *host = &traffic->hosts[h];
        if (host->n_rows == 0)
            continue;
        int64_t first = day_of(traffic, host->first);
        int64_t last = day_of(traffic, host->first + host->n_rows - 1);
        first_day = first < first_day ? first : first_day;
        last_day = last > last_day ? last : last_day;
    }
    if (last_day < first_day)
        return counts;
    size_t n_days = (size_t)(last_day - first_day + 1);
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
