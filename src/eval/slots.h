/* slots.h - what hosts do in slots of 5 minutes, and forecasts of the next slot: what the tasks
 * that forecast share.
 *
 *     struct slot_table table = slot_table_count(traffic);
 *     struct slot_list list = slot_list_all(&table);
 *     slot_write_numbers(&table, &list.items[i], numbers);      // what is known before the slot
 *     slot_write_targets(&table, &list.items[i], targets);      // what a network is to tell
 *     slot_add_mean(&table, &list, told);                       // what it told, as forecasts
 *     struct slot_errors errors = slot_errors_sum(&table, &list, told, FORECAST_BYTES);
 */
#ifndef FLOWTWIN_EVAL_SLOTS_H
#define FLOWTWIN_EVAL_SLOTS_H

#include "base/rng.h"
#include "eval/tasks.h"

enum {
    SLOT_SECONDS = 300,
    SLOTS_SEEN = 12, /* before the slot that is told */
    SLOT_CLOCK_NUMBERS = 4,
    /* Those slots, their mean, and the time of day. */
    SLOT_NUMBERS = N_FORECASTS * (SLOTS_SEEN + 1) + SLOT_CLOCK_NUMBERS,
};

/* The slots of all hosts of a side, from the first flow of the side to its last; slots that the
 * time cuts are left out. */
struct slot_table {
    size_t n_hosts, n_slots;
    int64_t first; /* number of the first slot since 1970 */
    float *values; /* [n_hosts, n_slots, N_FORECASTS], ln(1 + x) */
};

struct slot_table slot_table_count(const struct traffic *traffic);
void slot_table_release(struct slot_table *table);

/* A slot to be told: host, and slot of the table with SLOTS_SEEN before it. */
struct slot_place {
    size_t host, slot;
};

struct slot_list {
    struct slot_place *items;
    size_t n;
};

/* All that can be told, host by host. */
struct slot_list slot_list_all(const struct slot_table *table);
void slot_list_mix(struct slot_list *list, struct rng *rng);
void slot_list_release(struct slot_list *list);

/* What is known before the slot, SLOT_NUMBERS: nothing of the slot itself but when it is. */
void slot_write_numbers(const struct slot_table *table, const struct slot_place *place,
                        float *numbers);
/* N_FORECASTS: by how much the slot differs from the mean of those before it. */
void slot_write_targets(const struct slot_table *table, const struct slot_place *place,
                        float *targets);

/* Forecasts of a list, told [n, N_FORECASTS]. Makes forecasts of differences from the mean. */
void slot_add_mean(const struct slot_table *table, const struct slot_list *list, double *told);
/* As in the slot before. */
void slot_tell_last(const struct slot_table *table, const struct slot_list *list, double *told);

/* Sums over each host's slots of |error| and error^2: [n_hosts] each. */
struct slot_errors {
    double *absolute, *squares, *counts;
    size_t n_hosts;
};
struct slot_errors slot_errors_sum(const struct slot_table *table, const struct slot_list *list,
                                   const double *told, int series);
void slot_errors_release(struct slot_errors *errors);

struct forecast_score slot_score(const struct slot_errors *errors);
/* (sum of |errors| - that of others) / that of others, paired by host. */
struct host_ratio slot_errors_compare(const struct slot_errors *errors,
                                      const struct slot_errors *others);

#endif
