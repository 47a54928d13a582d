#include "eval/slots.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY_SECONDS 86400

static float *values_at(const struct slot_table *table, size_t host, size_t slot)
{
    return table->values + (host * table->n_slots + slot) * N_FORECASTS;
}

struct slot_table slot_table_count(const struct traffic *traffic)
{
    struct slot_table table = { .n_hosts = traffic->n_hosts };
    if (traffic->n_hosts == 0)
        return table;
    struct traffic_period period = traffic_period(traffic);
    table.first = period.first / SLOT_SECONDS;
    table.n_slots = (size_t)(period.last / SLOT_SECONDS - table.first);
    size_t n = memory_product(memory_product(table.n_hosts, table.n_slots), N_FORECASTS);
    double *sums = memory_zalloc(n, sizeof *sums);
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        const struct traffic_host *host = &traffic->hosts[h];
        for (size_t i = host->first; i < host->first + host->n_rows; i++) {
            size_t slot = (size_t)(traffic->columns->ends[i] / SLOT_SECONDS - table.first);
            if (slot >= table.n_slots)
                continue;
            double *of_slot = sums + (h * table.n_slots + slot) * N_FORECASTS;
            of_slot[FORECAST_BYTES] += (double)traffic->columns->values[ATTRIBUTE_BYTES][i];
            of_slot[FORECAST_FLOWS] += 1.0;
        }
    }
    table.values = memory_alloc(n, sizeof *table.values);
    for (size_t i = 0; i < n; i++)
        table.values[i] = (float)log1p(sums[i]);
    free(sums);
    return table;
}

void slot_table_release(struct slot_table *table)
{
    free(table->values);
    *table = (struct slot_table){ 0 };
}

/* ---- places ------------------------------------------------------------------------------- */

struct slot_list slot_list_all(const struct slot_table *table)
{
    size_t n_of_host = table->n_slots > SLOTS_SEEN ? table->n_slots - SLOTS_SEEN : 0;
    struct slot_list list = { .items = memory_alloc(memory_product(table->n_hosts, n_of_host),
                                                    sizeof *list.items) };
    for (size_t h = 0; h < table->n_hosts; h++)
        for (size_t s = SLOTS_SEEN; s < SLOTS_SEEN + n_of_host; s++)
            list.items[list.n++] = (struct slot_place){ h, s };
    return list;
}

void slot_list_mix(struct slot_list *list, struct rng *rng)
{
    rng_shuffle(rng, list->items, list->n, sizeof *list->items);
}

void slot_list_release(struct slot_list *list)
{
    free(list->items);
    *list = (struct slot_list){ 0 };
}

/* ---- what networks see and tell ----------------------------------------------------------- */

static float mean_before(const struct slot_table *table, const struct slot_place *place, int series)
{
    double sum = 0.0;
    for (size_t back = 1; back <= SLOTS_SEEN; back++)
        sum += (double)values_at(table, place->host, place->slot - back)[series];
    return (float)(sum / SLOTS_SEEN);
}

void slot_write_numbers(const struct slot_table *table, const struct slot_place *place,
                        float *numbers)
{
    memcpy(numbers, values_at(table, place->host, place->slot - SLOTS_SEEN),
           SLOTS_SEEN * N_FORECASTS * sizeof *numbers);
    numbers += SLOTS_SEEN * N_FORECASTS;
    for (int f = 0; f < N_FORECASTS; f++)
        *numbers++ = mean_before(table, place, f);
    int64_t clock = (table->first + (int64_t)place->slot) * SLOT_SECONDS;
    double angle = 2.0 * acos(-1.0) * (double)(clock % DAY_SECONDS) / DAY_SECONDS;
    for (int harmonic = 1; harmonic <= 2; harmonic++) {
        *numbers++ = (float)sin(harmonic * angle);
        *numbers++ = (float)cos(harmonic * angle);
    }
}

void slot_write_targets(const struct slot_table *table, const struct slot_place *place,
                        float *targets)
{
    for (int f = 0; f < N_FORECASTS; f++)
        targets[f] = values_at(table, place->host, place->slot)[f] - mean_before(table, place, f);
}

void slot_add_mean(const struct slot_table *table, const struct slot_list *list, double *told)
{
    for (size_t i = 0; i < list->n; i++)
        for (int f = 0; f < N_FORECASTS; f++)
            told[i * N_FORECASTS + (size_t)f] += (double)mean_before(table, &list->items[i], f);
}

void slot_tell_last(const struct slot_table *table, const struct slot_list *list, double *told)
{
    for (size_t i = 0; i < list->n; i++)
        for (int f = 0; f < N_FORECASTS; f++)
            told[i * N_FORECASTS + (size_t)f] = (double)values_at(table, list->items[i].host,
                                                                  list->items[i].slot - 1)[f];
}

/* ---- errors ------------------------------------------------------------------------------- */

struct slot_errors slot_errors_sum(const struct slot_table *table, const struct slot_list *list,
                                   const double *told, int series)
{
    size_t n_hosts = table->n_hosts;
    struct slot_errors errors = {
        .absolute = memory_zalloc(n_hosts, sizeof *errors.absolute),
        .squares = memory_zalloc(n_hosts, sizeof *errors.squares),
        .counts = memory_zalloc(n_hosts, sizeof *errors.counts),
        .n_hosts = n_hosts,
    };
    for (size_t i = 0; i < list->n; i++) {
        const struct slot_place *place = &list->items[i];
        double error = told[i * N_FORECASTS + (size_t)series] -
                       (double)values_at(table, place->host, place->slot)[series];
        errors.absolute[place->host] += fabs(error);
        errors.squares[place->host] += error * error;
        errors.counts[place->host] += 1.0;
    }
    return errors;
}

void slot_errors_release(struct slot_errors *errors)
{
    free(errors->absolute);
    free(errors->squares);
    free(errors->counts);
    *errors = (struct slot_errors){ 0 };
}

struct forecast_score slot_score(const struct slot_errors *errors)
{
    return (struct forecast_score){
        .mae = host_ratio_of(errors->absolute, 1, errors->counts, errors->n_hosts),
        .mse = host_ratio_of(errors->squares, 1, errors->counts, errors->n_hosts),
    };
}

struct host_ratio slot_errors_compare(const struct slot_errors *errors,
                                      const struct slot_errors *others)
{
    double *differences = memory_alloc(errors->n_hosts, sizeof *differences);
    for (size_t h = 0; h < errors->n_hosts; h++)
        differences[h] = errors->absolute[h] - others->absolute[h];
    struct host_ratio ratio = host_ratio_of(differences, 1, others->absolute, errors->n_hosts);
    free(differences);
    return ratio;
}
