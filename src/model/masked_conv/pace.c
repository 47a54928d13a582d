#include "model/masked_conv/pace.h"

#include "base/memory.h"
#include "base/rng.h"
#include "data/calendar.h"

#include <math.h>
#include <stdlib.h>

/* An hour of the day that was observed for less has no rates of its own. */
#define SECONDS_MIN 600.0

enum { RATES_PER_HOST = 2 * (HOURS_PER_DAY + 1) };

/* ---- learning ----------------------------------------------------------------------------- */

static void observe(double seconds[HOURS_PER_DAY], int64_t from, int64_t until)
{
    for (int64_t clock = from; clock < until;) {
        int64_t hour = clock / SECONDS_PER_HOUR, next = (hour + 1) * SECONDS_PER_HOUR;
        next = next < until ? next : until;
        seconds[hour % HOURS_PER_DAY] += (double)(next - clock);
        clock = next;
    }
}

static void learn_host(double *rates, const struct sequence *sequence,
                       const double seconds[HOURS_PER_DAY])
{
    int64_t clock = sequence->start;
    for (size_t i = 0; i < sequence->n_rows; i++) {
        const int64_t *value = sequence->rows[i].value;
        clock += value[ATTRIBUTE_GAP];
        if (i >= sequence->first_scored)
            rates[2 * (clock / SECONDS_PER_HOUR % HOURS_PER_DAY) + value[ATTRIBUTE_DIRECTION]] += 1;
    }
    double *whole = rates + 2 * HOURS_PER_DAY, all_seconds = 0.0;
    for (int hour = 0; hour < HOURS_PER_DAY; hour++) {
        all_seconds += seconds[hour];
        for (int direction = 0; direction < 2; direction++) {
            double *rate = &rates[2 * hour + direction];
            whole[direction] += *rate;
            *rate *= seconds[hour] > 0.0 ? (double)SECONDS_PER_HOUR / seconds[hour] : 0.0;
        }
    }
    for (int direction = 0; direction < 2; direction++)
        whole[direction] *= all_seconds > 0.0 ? (double)SECONDS_PER_HOUR / all_seconds : 0.0;
}

void hourly_flows_learn(struct hourly_flows *hourly, const struct sequence_set *train, int64_t from,
                        int64_t until)
{
    *hourly = (struct hourly_flows){ .n_hosts = train->n };
    hourly->rates = memory_zalloc(memory_product(train->n, RATES_PER_HOST), sizeof(double));
    observe(hourly->seconds, from / MS_PER_SECOND, (until + MS_PER_SECOND - 1) / MS_PER_SECOND);
    for (size_t s = 0; s < train->n; s++)
        learn_host(hourly->rates + s * RATES_PER_HOST, &train->items[s], hourly->seconds);
}

void hourly_flows_release(struct hourly_flows *hourly)
{
    free(hourly->rates);
    *hourly = (struct hourly_flows){ 0 };
}

/* ---- drawing ------------------------------------------------------------------------------ */

/* A Poisson number: the arrivals of a unit of time where their mean is small (Knuth 1969), a
 * rounded normal one where it is not. */
static int32_t draw_poisson(double mean, struct rng *rng)
{
    if (mean > 64.0)
        return (int32_t)fmin(fmax(round(mean + sqrt(mean) * rng_normal(rng)), 0.0), 1e9);
    int32_t n = 0;
    for (double time = rng_exponential(rng); time < mean; time += rng_exponential(rng))
        n++;
    return n;
}

void hourly_flows_draw(const struct hourly_flows *hourly, size_t host, int64_t hour, uint64_t seed,
                       uint64_t stream, int32_t flows[2])
{
    struct rng rng = rng_stream(seed, RNG_SAMPLE_PACE, stream, (uint64_t)hour);
    int64_t of_day = hour % HOURS_PER_DAY;
    int64_t at = hourly->seconds[of_day] >= SECONDS_MIN ? of_day : HOURS_PER_DAY;
    const double *rates = hourly->rates + host * RATES_PER_HOST + 2 * at;
    for (int direction = 0; direction < 2; direction++)
        flows[direction] = draw_poisson(rates[direction], &rng);
}

/* ---- files -------------------------------------------------------------------------------- */

enum status hourly_flows_save(const struct hourly_flows *hourly, struct hdf5_group *parent,
                              struct error *err)
{
    const size_t n_hours = HOURS_PER_DAY, size[] = { hourly->n_hosts, HOURS_PER_DAY + 1, 2 };
    FORWARD(
        hdf5_write_array(parent, "hourly_seconds", HDF5_F64, hourly->seconds, 1, &n_hours, err));
    return hdf5_write_array(parent, "hourly_flows", HDF5_F64, hourly->rates, 3, size, err);
}

enum status hourly_flows_load(struct hourly_flows *hourly, size_t n_hosts,
                              struct hdf5_group *parent, struct error *err)
{
    size_t n_rates = memory_product(n_hosts, RATES_PER_HOST);
    *hourly = (struct hourly_flows){ .n_hosts = n_hosts };
    hourly->rates = memory_alloc(n_rates, sizeof *hourly->rates);
    FORWARD(
        hdf5_read_array(parent, "hourly_seconds", HDF5_F64, hourly->seconds, HOURS_PER_DAY, err));
    FORWARD(hdf5_read_array(parent, "hourly_flows", HDF5_F64, hourly->rates, n_rates, err));
    for (size_t i = 0; i < n_rates; i++)
        RETURN_IF(!(hourly->rates[i] >= 0.0 && hourly->rates[i] < 1e9), err, STATUS_FORMAT,
                  "hourly_flows holds %g flows in an hour", hourly->rates[i]);
    return STATUS_OK;
}
