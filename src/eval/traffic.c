#include "eval/traffic.h"

#include "base/memory.h"
#include "data/calendar.h"

#include <stdlib.h>
#include <string.h>

static void append_rows(struct traffic_columns *columns, const struct sequence *sequence)
{
    int64_t clock = sequence->start;
    for (size_t i = 0; i < sequence->n_rows; i++) {
        const struct row *row = &sequence->rows[i];
        clock += row->value[ATTRIBUTE_GAP];
        if (i < sequence->first_scored)
            continue;
        size_t at = columns->n_rows++;
        for (int a = 0; a < N_CODED; a++)
            columns->values[a][at] = row->value[a];
        columns->ends[at] = clock;
        columns->hours[at] = (uint8_t)calendar_hour(clock * MS_PER_SECOND);
    }
}

struct traffic *traffic_create(const struct sequence_set *set)
{
    struct traffic *traffic = memory_zalloc(1, sizeof *traffic);
    struct traffic_columns *columns = &traffic->owned_columns;
    for (int a = 0; a < N_CODED; a++)
        columns->values[a] = memory_alloc(set->n_scored, sizeof *columns->values[a]);
    columns->ends = memory_alloc(set->n_scored, sizeof *columns->ends);
    columns->hours = memory_alloc(set->n_scored, sizeof *columns->hours);
    traffic->hosts = memory_alloc(set->n, sizeof *traffic->hosts);
    for (size_t s = 0; s < set->n; s++) {
        size_t first = columns->n_rows;
        append_rows(columns, &set->items[s]);
        traffic->hosts[s] = (struct traffic_host){ set->items[s].host, first,
                                                   columns->n_rows - first };
    }
    traffic->n_hosts = set->n;
    traffic->n_rows = columns->n_rows;
    traffic->columns = columns;
    traffic->attributes = set->attributes;
    traffic->monitored = &set->monitored;
    return traffic;
}

struct traffic *traffic_part(const struct traffic *whole, const size_t *order, size_t n)
{
    struct traffic *part = memory_alloc(1, sizeof *part);
    *part = (struct traffic){
        .hosts = memory_alloc(n, sizeof *part->hosts),
        .n_hosts = n,
        .columns = whole->columns,
        .attributes = whole->attributes,
        .monitored = whole->monitored,
    };
    for (size_t h = 0; h < n; h++) {
        part->hosts[h] = whole->hosts[order[h]];
        part->n_rows += part->hosts[h].n_rows;
    }
    return part;
}

void traffic_free(struct traffic *traffic)
{
    if (traffic == NULL)
        return;
    for (int a = 0; a < N_CODED; a++)
        free(traffic->owned_columns.values[a]);
    free(traffic->owned_columns.ends);
    free(traffic->owned_columns.hours);
    free(traffic->hosts);
    free(traffic);
}

void traffic_halves(const struct traffic *whole, uint64_t seed, uint64_t halving,
                    struct traffic *halves[2])
{
    if (whole->n_hosts < 2)
        BUG("halves of %zu hosts", whole->n_hosts);
    size_t n = whole->n_hosts, half = n / 2;
    size_t *order = memory_alloc(n, sizeof *order);
    for (size_t h = 0; h < n; h++)
        order[h] = h;
    struct rng rng = rng_stream(seed, RNG_SPLIT, 0, halving);
    rng_shuffle(&rng, order, n, sizeof *order);
    halves[0] = traffic_part(whole, order, half);
    halves[1] = traffic_part(whole, order + half, half);
    free(order);
}

double traffic_effective_hosts(const struct traffic *traffic)
{
    double squares = 0.0, n_rows = (double)traffic->n_rows;
    for (size_t h = 0; h < traffic->n_hosts; h++)
        squares += (double)traffic->hosts[h].n_rows * (double)traffic->hosts[h].n_rows;
    return n_rows * n_rows / squares;
}

struct traffic_period traffic_period(const struct traffic *traffic)
{
    struct traffic_period period = { INT64_MAX, INT64_MIN };
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        const struct traffic_host *host = &traffic->hosts[h];
        if (host->n_rows == 0)
            continue;
        int64_t first = traffic->columns->ends[host->first];
        int64_t last = traffic->columns->ends[host->first + host->n_rows - 1];
        period.first = first < period.first ? first : period.first;
        period.last = last > period.last ? last : period.last;
    }
    return period;
}

int64_t *traffic_gather(const struct traffic *traffic, enum attribute attribute)
{
    int64_t *values = memory_alloc(traffic->n_rows, sizeof *values);
    size_t n = 0;
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        const struct traffic_host *host = &traffic->hosts[h];
        memcpy(values + n, traffic->columns->values[attribute] + host->first,
               host->n_rows * sizeof *values);
        n += host->n_rows;
    }
    return values;
}
