#include "model/masked_conv/pace.h"

#include "base/memory.h"
#include "base/rng.h"
#include "data/calendar.h"

#include <math.h>
#include <stdlib.h>

/* An hour of the day that was observed for less has no rates of its own. */
#define SECONDS_MIN 600.0

enum { RATES_PER_HOST = PACE_RATES * (HOURS_PER_DAY + 1) };

/* ---- counts ------------------------------------------------------------------------------- */

static int64_t sum_of(const int32_t *flows, size_t n, size_t stride)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += flows[i * stride];
    return sum;
}

int64_t pace_flows(const struct pace_counts *counts)
{
    return sum_of(counts->of_class, PACE_CLASSES, 1);
}

int64_t pace_flows_out(const struct pace_counts *counts)
{
    int64_t sum = 0;
    for (size_t share = 0; share < N_SHARES; share++)
        sum += pace_flows_of_form(counts, DIRECTION_OUT * N_SHARES + share);
    return sum;
}

int64_t pace_flows_of_kind(const struct pace_counts *counts, enum link_kind kind)
{
    return sum_of(counts->of_class + (size_t)kind * PACE_FORMS, PACE_FORMS, 1);
}

int64_t pace_flows_of_form(const struct pace_counts *counts, size_t form)
{
    return sum_of(counts->of_class + form, N_LINK_KINDS, PACE_FORMS);
}

int64_t pace_flows_of_depths(const struct pace_counts *counts, size_t from, size_t end)
{
    return sum_of(counts->of_depth + from, end - from, 1);
}

void pace_add(struct pace_counts *counts, enum link_kind kind, const struct row *row,
              size_t n_in_second, int32_t n)
{
    counts->of_class[pace_class(kind, row)] += n;
    counts->of_depth[pace_depth_of(row, n_in_second)] += n;
}

void pace_take(struct pace_counts *counts, enum link_kind kind, const struct row *row,
               size_t n_in_second)
{
    size_t class = pace_class(kind, row);
    if (counts->of_class[class] == 0)
        for (size_t c = 0; c < PACE_CLASSES; c++)
            if (counts->of_class[c] > counts->of_class[class])
                class = c;
    counts->of_class[class] -= counts->of_class[class] > 0;
    int32_t *of_depth = &counts->of_depth[pace_depth_of(row, n_in_second)];
    *of_depth -= *of_depth > 0;
}

void pace_shorten(struct pace_counts *counts, int64_t seconds)
{
    int64_t over = 0; /* of a flow: goes to the next class */
    for (size_t c = 0; c < PACE_CLASSES; c++) {
        over += counts->of_class[c] * seconds;
        counts->of_class[c] = (int32_t)(over / SECONDS_PER_HOUR);
        over %= SECONDS_PER_HOUR;
    }
    for (size_t d = 0; d < PACE_DEPTHS; d++)
        counts->of_depth[d] = (int32_t)(counts->of_depth[d] * seconds / SECONDS_PER_HOUR);
}

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

static void count_flows(double *rates, const struct sequence *sequence, bool has_memory)
{
    struct conversation_memory *memory = conversation_memory_create();
    int64_t clock = sequence->start;
    size_t n_in_second = 0; /* rows so far that end at the clock */
    for (size_t i = 0; i < sequence->n_rows; i++) {
        const struct row *row = &sequence->rows[i];
        struct link link = conversation_link(memory, row);
        clock += row->value[ATTRIBUTE_GAP];
        size_t depth = pace_depth_of(row, n_in_second);
        n_in_second = row->value[ATTRIBUTE_GAP] == 0 ? n_in_second + 1 : 1;
        if (has_memory)
            conversation_note(memory, row, clock);
        if (i < sequence->first_scored)
            continue;
        double *of_hour = rates + PACE_RATES * (clock / SECONDS_PER_HOUR % HOURS_PER_DAY);
        of_hour[pace_class(link.kind, row)] += 1.0;
        of_hour[PACE_CLASSES + depth] += 1.0;
    }
    conversation_memory_free(memory);
}

/* Counts to rates, and those of the whole day. */
static void rate_flows(double *rates, const double seconds[HOURS_PER_DAY])
{
    double *whole = rates + (size_t)PACE_RATES * HOURS_PER_DAY, all_seconds = 0.0;
    for (size_t hour = 0; hour < HOURS_PER_DAY; hour++) {
        all_seconds += seconds[hour];
        for (size_t r = 0; r < PACE_RATES; r++) {
            double *rate = &rates[PACE_RATES * hour + r];
            whole[r] += *rate;
            *rate *= seconds[hour] > 0.0 ? (double)SECONDS_PER_HOUR / seconds[hour] : 0.0;
        }
    }
    for (size_t r = 0; r < PACE_RATES; r++)
        whole[r] *= all_seconds > 0.0 ? (double)SECONDS_PER_HOUR / all_seconds : 0.0;
}

void hourly_flows_learn(struct hourly_flows *hourly, const struct sequence_set *train,
                        bool has_memory, int64_t from, int64_t until)
{
    *hourly = (struct hourly_flows){ .n_hosts = train->n };
    hourly->rates = memory_zalloc(memory_product(train->n, RATES_PER_HOST), sizeof(double));
    observe(hourly->seconds, from / MS_PER_SECOND, (until + MS_PER_SECOND - 1) / MS_PER_SECOND);
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t s = 0; s < train->n; s++) {
        double *rates = hourly->rates + s * RATES_PER_HOST;
        count_flows(rates, &train->items[s], has_memory);
        rate_flows(rates, hourly->seconds);
    }
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
                       uint64_t stream, struct pace_counts *flows)
{
    struct rng rng = rng_stream(seed, RNG_SAMPLE_PACE, stream, (uint64_t)hour);
    int64_t of_day = hour % HOURS_PER_DAY;
    int64_t at = hourly->seconds[of_day] >= SECONDS_MIN ? of_day : HOURS_PER_DAY;
    const double *rates = hourly->rates + host * RATES_PER_HOST + PACE_RATES * at;
    for (size_t c = 0; c < PACE_CLASSES; c++)
        flows->of_class[c] = draw_poisson(rates[c], &rng);
    for (size_t d = 0; d < PACE_DEPTHS; d++)
        flows->of_depth[d] = draw_poisson(rates[PACE_CLASSES + d], &rng);
}

/* ---- files -------------------------------------------------------------------------------- */

enum status hourly_flows_save(const struct hourly_flows *hourly, struct hdf5_group *parent,
                              struct error *err)
{
    const size_t n_hours = HOURS_PER_DAY,
                 size[] = { hourly->n_hosts, HOURS_PER_DAY + 1, PACE_RATES };
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
