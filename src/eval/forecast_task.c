/* forecast_task.c - bytes and flows of a host in the next 5 minutes, from the hour before. */
#include "base/memory.h"
#include "eval/classifier.h"
#include "eval/slots.h"
#include "eval/tasks_internal.h"

#include <stdlib.h>

struct forecast_task {
    const struct task_sides *sides;
    size_t n; /* training examples of each mix */
    struct slot_table train[N_TASK_SIDES], test;
    struct slot_list train_places[N_TASK_SIDES], test_places;
    double *told[N_MIXES]; /* [test_places.n, N_FORECASTS] */
};

struct forecast_task *forecast_task_create(const struct task_sides *sides)
{
    struct forecast_task *task = memory_zalloc(1, sizeof *task);
    task->sides = sides;
    task->n = SIZE_MAX;
    for (int s = 0; s < N_TASK_SIDES; s++) {
        struct rng rng = rng_stream(sides->seed, RNG_EVAL, (uint64_t)s, 101);
        task->train[s] = slot_table_count(sides->train[s]);
        task->train_places[s] = slot_list_all(&task->train[s]);
        slot_list_mix(&task->train_places[s], &rng);
        task->n = task->train_places[s].n < task->n ? task->train_places[s].n : task->n;
    }
    task->test = slot_table_count(sides->test);
    task->test_places = slot_list_all(&task->test);
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
        slot_table_release(&task->train[s]);
        slot_list_release(&task->train_places[s]);
    }
    for (int m = 0; m < N_MIXES; m++)
        free(task->told[m]);
    slot_table_release(&task->test);
    slot_list_release(&task->test_places);
    free(task);
}

/* ---- one network -------------------------------------------------------------------------- */

static const struct example_shape forecast_shape = {
    .length = 1, .n_numbers = SLOT_NUMBERS, .n_outputs = N_FORECASTS, .is_regression = true
};

static void write_examples(struct example_set *set, size_t at, const struct slot_table *table,
                           const struct slot_place *places, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        slot_write_numbers(table, &places[i], set->numbers + (at + i) * SLOT_NUMBERS);
        slot_write_targets(table, &places[i], set->targets + (at + i) * N_FORECASTS);
    }
}

static enum status fit_and_tell(struct forecast_task *task, int mix,
                                const struct example_set *train, const struct example_set *test,
                                struct error *err)
{
    struct classifier_settings settings = CLASSIFIER_DEFAULTS;
    settings.seed = task->sides->seed;
    settings.width = 64;
    settings.n_examples = 64;
    struct classifier *classifier = NULL;
    FORWARD(classifier_fit(&classifier, train, &settings, err));
    enum status status = classifier_score(classifier, test, task->told[mix], err);
    classifier_free(classifier);
    return status;
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
    enum status status = fit_and_tell(task, mix, train, test, err);
    slot_add_mean(&task->test, &task->test_places, task->told[mix]);
    example_set_free(train);
    example_set_free(test);
    return status;
}

/* ---- scores ------------------------------------------------------------------------------- */

static struct forecast_score score_of(const struct forecast_task *task, const double *told,
                                      int series)
{
    struct slot_errors errors = slot_errors_sum(&task->test, &task->test_places, told, series);
    struct forecast_score score = slot_score(&errors);
    slot_errors_release(&errors);
    return score;
}

static struct host_ratio loss_of(const struct forecast_task *task, int series)
{
    struct slot_errors errors[2];
    static const int mixes[2] = { MIX_SYNTHETIC, MIX_REAL };
    for (int i = 0; i < 2; i++)
        errors[i] = slot_errors_sum(&task->test, &task->test_places, task->told[mixes[i]], series);
    struct host_ratio loss = slot_errors_compare(&errors[0], &errors[1]);
    for (int i = 0; i < 2; i++)
        slot_errors_release(&errors[i]);
    return loss;
}

void forecast_task_finish(const struct forecast_task *task, struct tasks *result)
{
    size_t n = memory_product(task->test_places.n, N_FORECASTS);
    double *mean = memory_zalloc(n, sizeof *mean), *last = memory_alloc(n, sizeof *last);
    slot_add_mean(&task->test, &task->test_places, mean);
    slot_tell_last(&task->test, &task->test_places, last);
    result->n_train_windows = task->n;
    result->n_test_windows = task->test_places.n;
    for (int f = 0; f < N_FORECASTS; f++) {
        for (int m = 0; m < N_MIXES; m++)
            result->forecast[m][f] = score_of(task, task->told[m], f);
        result->last_value[f] = score_of(task, last, f);
        result->mean_of_hour[f] = score_of(task, mean, f);
        result->loss.mae[f] = loss_of(task, f);
    }
    free(mean);
    free(last);
}
