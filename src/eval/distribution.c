#include "eval/distribution.h"

#include "base/memory.h"
#include "eval/divergence.h"

#include <math.h>
#include <stdlib.h>

/* [N_HOURS, n_classes]. Caller frees with free(). */
static double *count_by_hour(const struct side *side, enum attribute attribute, size_t n_classes)
{
    double *counts = memory_zalloc(memory_product(N_HOURS, n_classes), sizeof *counts);
    const uint16_t *classes = side->fine[attribute];
    const uint8_t *hours = side->traffic->columns->hours;
    for (size_t h = 0; h < side->traffic->n_hosts; h++) {
        const struct traffic_host *host = &side->traffic->hosts[h];
        for (size_t i = host->first; i < host->first + host->n_rows; i++)
            counts[hours[i] * n_classes + classes[i]] += 1.0;
    }
    return counts;
}

static double *sum_over_hours(const double *counts, size_t n_classes)
{
    double *sums = memory_zalloc(n_classes, sizeof *sums);
    for (size_t hour = 0; hour < N_HOURS; hour++)
        for (size_t c = 0; c < n_classes; c++)
            sums[c] += counts[hour * n_classes + c];
    return sums;
}

static bool is_empty(const double *counts, size_t n)
{
    for (size_t c = 0; c < n; c++)
        if (counts[c] > 0.0)
            return false;
    return true;
}

/* Over those that are a number; NaN where none is. */
static double mean_of_hours(const double by_hour[N_HOURS])
{
    double sum = 0.0;
    int n = 0;
    for (int hour = 0; hour < N_HOURS; hour++) {
        if (!isnan(by_hour[hour])) {
            sum += by_hour[hour];
            n++;
        }
    }
    return n > 0 ? sum / n : (double)NAN;
}

struct distribution_distance distribution_compare(const struct side *real,
                                                  const struct side *synthetic,
                                                  enum attribute attribute)
{
    size_t n = real->classes->fine[attribute]->n;
    double *a = count_by_hour(real, attribute, n), *b = count_by_hour(synthetic, attribute, n);
    struct distribution_distance distance;
    for (size_t hour = 0; hour < N_HOURS; hour++) {
        const double *a_hour = a + hour * n, *b_hour = b + hour * n;
        bool is_silent = !is_empty(a_hour, n) && is_empty(b_hour, n);
        distance.js_by_hour[hour] = is_silent ? log(2.0)
                                              : divergence_jensen_shannon(a_hour, b_hour, n);
        distance.kl_by_hour[hour] = divergence_kullback_leibler(a_hour, b_hour, n);
    }
    distance.js_hourly_mean = mean_of_hours(distance.js_by_hour);
    distance.kl_hourly_mean = mean_of_hours(distance.kl_by_hour);

    double *a_day = sum_over_hours(a, n), *b_day = sum_over_hours(b, n);
    distance.js = divergence_jensen_shannon(a_day, b_day, n);
    distance.kl = divergence_kullback_leibler(a_day, b_day, n);
    free(a_day);
    free(b_day);
    free(a);
    free(b);
    return distance;
}
