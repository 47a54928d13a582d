/* forecast_task.c - bytes and flows of a host in the next 5 minutes, from the hour before. */
#include "base/memory.h"
#include "eval/classifier.h"
#include "eval/tasks_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOT_SECONDS = 300,
    PAST = 12, /* slots that are seen */
    CLOCK_NUMBERS = 4,
    /* Those slots, their mean, and the time of day. */
    NUMBERS = N_FORECASTS * (PAST + 1) + CLOCK_NUMBERS,
};
#define DAY_SECONDS 86400

/* The slots of all hosts of a side: values [n_hosts, n_slots, N_FORECASTS], ln(1 + x). */
struct slot_table {
    size_t n_hosts, n_slots;
    int64_t first; /* number of the first slot since 1970 */
    float *values;
};

/* A slot to be told: host, and slot of the table with PAST before it. */
struct slot_place {
    size_t host, slot;
};

struct place_list {
    struct slot_place *items;
    size_t n;
};

struct forecast_task {
    const struct task_sides *sides;
    size_t n; /* training examples of each mix */
    struct slot_table train[N_TASK_SIDES], test;
    struct place_list train_places[N_TASK_SIDES], test_places;
    double *told[N_MIXES]; /* [test_places.n, N_FORECASTS] */
};

/* ---- slots -------------------------------------------------------------------------------- */

static float *values_at(const struct slot_table *table, size_t host, size_t slot)
{
    return table->values + (host * table->n_slots + slot) * N_FORECASTS;
}

/* Counts the rows of every host slot by slot, from the first flow of the side to its last: slots
 * that the time cuts are left out. */
static struct slot_table count_slots(const struct traffic *traffic)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        const struct traffic_host *host = &traffic->hosts[h];
        int64_t begin = traffic->columns->ends[host->first];
        int64_t end = traffic->columns->ends[host->first + host->n_rows - 1];
        first = begin < first ? begin : first;
        last = end > last ? end : last;
    }
    struct slot_table table = { .n_hosts = traffic->n_hosts };
    if (traffic->n_hosts == 0)
        return table;
    table.first = first / SLOT_SECONDS;
    table.n_slots = (size_t)(last / SLOT_SECONDS - table.first);
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

static struct place_list list_places(const struct slot_table *table)
{
    size_t n_of_host = table->n_slots > PAST ? table->n_slots - PAST : 0;
    struct place_list list = { .items = memory_alloc(memory_product(table->n_hosts, n_of_host),
                                                     sizeof *list.items) };
    for (size_t h = 0; h < table->n_hosts; h++)
        for (size_t s = PAST; s < PAST + n_of_host; s++)
            list.items[list.n++] = (struct slot_place){ h, s };
    return list;
}

static void mix_places(struct place_list *list, struct rng *rng)
{
    for (size_t i = list->n; i > 1; i--) {
        size_t other = (size_t)rng_below(rng, i);
        struct slot_place place = list->items[i - 1];
        list->items[i - 1] = list->items[other];
        list->items[other] = place;
    }
}

struct forecast_task *forecast_task_create(const struct task_sides *sides)
{
    struct forecast_task *task = memory_zalloc(1, sizeof *task);
    task->sides = sides;
    task->n = SIZE_MAX;
    for (int s = 0; s < N_TASK_SIDES; s++) {
        struct rng rng = rng_stream(sides->seed, RNG_EVAL, (uint64_t)s, 101);
        task->train[s] = count_slots(sides->train[s]);
        task->train_places[s] = list_places(&task->train[s]);
        mix_places(&task->train_places[s], &rng);
        task->n = task->train_places[s].n < task->n ? task->train_places[s].n : task->n;
    }
    task->test = count_slots(sides->test);
    task->test_places = list_places(&task->test);
    for (int m = 0; m < N_MIXES; m++)
        task->told[m] = memory_zalloc(memory_product(task->test_places.n, N_FORECASTS),
                                      sizeof(double));
    return task;
}

void forecast_task_free(struct forecast_task *task)
{
    if (task == NULL)
        return;
    for (int s = 0; s < N_TASK_SIDES; s++) {
        free(task->train[s].values);
        free(task->train_places[s].items);
    }
    for (int m = 0; m < N_MIXES; m++)
        free(task->told[m]);
    free(task->test.values);
    free(task->test_places.items);
    free(task);
}

/* ---- one network -------------------------------------------------------------------------- */

static float mean_of_past(const struct slot_table *table, const struct slot_place *place,
                          int series)
{
    double sum = 0.0;
    for (size_t back = 1; back <= PAST; back++)
        sum += (double)values_at(table, place->host, place->slot - back)[series];
    return (float)(sum / PAST);
}

/* What is known before the slot: nothing of the slot itself but when it is. */
static void write_numbers(const struct slot_table *table, const struct slot_place *place,
                          float *numbers)
{
    memcpy(numbers, values_at(table, place->host, place->slot - PAST),
           PAST * N_FORECASTS * sizeof *numbers);
    numbers += PAST * N_FORECASTS;
    for (int f = 0; f < N_FORECASTS; f++)
        *numbers++ = mean_of_past(table, place, f);
    int64_t clock = (table->first + (int64_t)place->slot) * SLOT_SECONDS;
    double angle = 2.0 * acos(-1.0) * (double)(clock % DAY_SECONDS) / DAY_SECONDS;
    for (int harmonic = 1; harmonic <= 2; harmonic++) {
        *numbers++ = (float)sin(harmonic * angle);
        *numbers++ = (float)cos(harmonic * angle);
    }
}

/* What a network tells is by how much the slot differs from the mean before it. */
static const struct example_shape forecast_shape = {
    .length = 1, .n_numbers = NUMBERS, .n_outputs = N_FORECASTS, .is_regression = true
};

static void write_examples(struct example_set *set, size_t at, const struct slot_table *table,
                           const struct slot_place *places, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        write_numbers(table, &places[i], set->numbers + (at + i) * NUMBERS);
        for (int f = 0; f < N_FORECASTS; f++)
            set->targets[(at + i) * N_FORECASTS + (size_t)f] = values_at(table, places[i].host,
                                                                         places[i].slot)[f] -
                                                               mean_of_past(table, &places[i], f);
    }
}

enum status forecast_task_run(struct forecast_task *task, int mix, struct error *err)
{
    if (task->n == 0 || task->test_places.n == 0)
        return STATUS_OK;
    struct example_set *train = example_set_create(&forecast_shape, task->n);
    struct example_set *test = example_set_create(&forecast_shape, task->test_places.n);
    size_t at = 0;
    for (int s = 0; s < N_TASK_SIDES; s++) {
        size_t n = mix_count(mix, s, task->n);
        write_examples(train, at, &task->train[s], task->train_places[s].items, n);
        at += n;
    }
    write_examples(test, 0, &task->test, task->test_places.items, test->n);
    struct classifier_settings settings = CLASSIFIER_DEFAULTS;
    settings.seed = task->sides->seed;
    settings.width = 64;
    settings.n_examples = 64;
    struct classifier *classifier = NULL;
    enum status status = classifier_fit(&classifier, train, &settings, err);
    if (status == STATUS_OK)
        status = classifier_score(classifier, test, task->told[mix], err);
    classifier_free(classifier);
    example_set_free(train);
    example_set_free(test);
    return status;
}

/* ---- scores ------------------------------------------------------------------------------- */

/* Sums over each host's slots of what |error| and error^2 are. */
struct error_sums {
    double *absolute, *squares, *counts;
};

/* What is told of a place: by network `mix`, or, below 0, by a rule. */
enum { BY_LAST_VALUE = -1, BY_MEAN = -2 };

static double told_of(const struct forecast_task *task, int by, size_t place, int series)
{
    const struct slot_place *at = &task->test_places.items[place];
    if (by == BY_LAST_VALUE)
        return (double)values_at(&task->test, at->host, at->slot - 1)[series];
    if (by == BY_MEAN)
        return (double)mean_of_past(&task->test, at, series);
    return (double)mean_of_past(&task->test, at, series) +
           task->told[by][place * N_FORECASTS + (size_t)series];
}

static struct error_sums sum_errors(const struct forecast_task *task, int by, int series)
{
    size_t n_hosts = task->test.n_hosts;
    struct error_sums sums = {
        .absolute = memory_zalloc(n_hosts, sizeof *sums.absolute),
        .squares = memory_zalloc(n_hosts, sizeof *sums.squares),
        .counts = memory_zalloc(n_hosts, sizeof *sums.counts),
    };
    for (size_t i = 0; i < task->test_places.n; i++) {
        const struct slot_place *place = &task->test_places.items[i];
        double error = told_of(task, by, i, series) -
                       (double)values_at(&task->test, place->host, place->slot)[series];
        sums.absolute[place->host] += fabs(error);
        sums.squares[place->host] += error * error;
        sums.counts[place->host] += 1.0;
    }
    return sums;
}

static void error_sums_release(struct error_sums *sums)
{
    free(sums->absolute);
    free(sums->squares);
    free(sums->counts);
}

static struct forecast_score score_of(const struct forecast_task *task, int by, int series)
{
    struct error_sums sums = sum_errors(task, by, series);
    struct forecast_score score = {
        .mae = host_ratio_of(sums.absolute, 1, sums.counts, task->test.n_hosts),
        .mse = host_ratio_of(sums.squares, 1, sums.counts, task->test.n_hosts),
    };
    error_sums_release(&sums);
    return score;
}

/* (sum of errors by the twin - by real flows) / by real flows, paired by host. */
static struct host_ratio loss_of(const struct forecast_task *task, int series)
{
    struct error_sums twin = sum_errors(task, MIX_SYNTHETIC, series);
    struct error_sums original = sum_errors(task, MIX_REAL, series);
    for (size_t h = 0; h < task->test.n_hosts; h++)
        twin.absolute[h] -= original.absolute[h];
    struct host_ratio loss = host_ratio_of(twin.absolute, 1, original.absolute, task->test.n_hosts);
    error_sums_release(&twin);
    error_sums_release(&original);
    return loss;
}

void forecast_task_finish(const struct forecast_task *task, struct tasks *result)
{
    result->n_train_windows = task->n;
    result->n_test_windows = task->test_places.n;
    for (int f = 0; f < N_FORECASTS; f++) {
        for (int m = 0; m < N_MIXES; m++)
            result->forecast[m][f] = score_of(task, m, f);
        result->last_value[f] = score_of(task, BY_LAST_VALUE, f);
        result->mean_of_hour[f] = score_of(task, BY_MEAN, f);
        result->loss.mae[f] = loss_of(task, f);
    }
}
