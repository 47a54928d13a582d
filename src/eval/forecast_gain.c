#include "eval/forecast_gain.h"

#include "base/memory.h"
#include "eval/classifier.h"
#include "eval/port_bins.h"
#include "eval/slots.h"

#include <math.h>
#include <stdlib.h>

/* Slots of a side at most. */
#define SLOTS_OF_SIDE 20000
/* Of the one-hot form: shares of flows, which need fewer bins than single flows. */
#define PORT_ATOMS    128
#define PORT_PREFIXES 32
enum { N_PORTS = 2, SIDE_TRAIN = 0, SIDE_TEST, N_SIDES };

static const enum attribute ports[N_PORTS] = { ATTRIBUTE_LOCAL_PORT, ATTRIBUTE_REMOTE_PORT };

struct gain_side {
    const struct traffic *traffic;
    struct slot_table table;
    struct slot_list list;
};

struct gain_task {
    struct gain_side sides[N_SIDES];
    const struct embedding_table *tables[N_PORTS];
    struct bins *bins[N_PORTS]; /* of the training flows' ports */
    uint64_t seed;
    double *told[N_FORECAST_FORMS]; /* [slots to test, N_FORECASTS] */
};

static struct gain_side side_of(const struct traffic *traffic, struct rng *rng)
{
    struct gain_side side = { .traffic = traffic, .table = slot_table_count(traffic) };
    side.list = slot_list_all(&side.table);
    slot_list_mix(&side.list, rng);
    side.list.n = side.list.n < SLOTS_OF_SIDE ? side.list.n : SLOTS_OF_SIDE;
    return side;
}

static void task_init(struct gain_task *task, const struct embedding_set *set,
                      const struct traffic *training, const struct traffic *test, uint64_t seed)
{
    const struct traffic *traffic[N_SIDES] = { training, test };
    *task = (struct gain_task){ .seed = seed };
    struct rng rng = rng_stream(seed, RNG_EVAL, 0, 301);
    for (int s = 0; s < N_SIDES; s++)
        task->sides[s] = side_of(traffic[s], &rng);
    for (int p = 0; p < N_PORTS; p++) {
        task->tables[p] = embedding_find(set, attribute_infos[ports[p]].name);
        task->bins[p] = port_bins_learn(training, ports[p], PORT_ATOMS, PORT_PREFIXES);
    }
    for (int f = 0; f < N_FORECAST_FORMS; f++)
        task->told[f] = memory_zalloc(memory_product(task->sides[SIDE_TEST].list.n, N_FORECASTS),
                                      sizeof(double));
}

static void task_release(struct gain_task *task)
{
    for (int s = 0; s < N_SIDES; s++) {
        slot_table_release(&task->sides[s].table);
        slot_list_release(&task->sides[s].list);
    }
    for (int p = 0; p < N_PORTS; p++)
        bins_free(task->bins[p]);
    for (int f = 0; f < N_FORECAST_FORMS; f++)
        free(task->told[f]);
}

/* ---- examples ----------------------------------------------------------------------------- */

/* Numbers that a port has in a form. */
static size_t port_width(const struct gain_task *task, int p, int form)
{
    return form == PORTS_AS_NUMBERS ? 2
           : form == PORTS_ONE_HOT  ? task->bins[p]->n
           : form == PORTS_EMBEDDED ? task->tables[p]->width
                                    : 0;
}

static size_t count_numbers(const struct gain_task *task, int form)
{
    return SLOT_NUMBERS + port_width(task, 0, form) + port_width(task, 1, form);
}

static void add_port(const struct gain_task *task, int p, int form, int64_t port, double share,
                     float *numbers)
{
    if (form == PORTS_ONE_HOT) {
        numbers[bins_find(task->bins[p], port)] += (float)share;
    } else if (form == PORTS_AS_NUMBERS) {
        numbers[0] += (float)(share * (double)port);
        numbers[1] += (float)(share * log1p((double)port));
    } else {
        const double *vector = embedding_vector(task->tables[p], port);
        for (size_t i = 0; vector != NULL && i < task->tables[p]->width; i++)
            numbers[i] += (float)(share * vector[i]);
    }
}

/* The first row of a host that ends at a moment or later. */
static size_t first_row_at(const struct traffic *traffic, const struct traffic_host *host,
                           int64_t moment)
{
    size_t low = host->first, high = host->first + host->n_rows;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (traffic->columns->ends[middle] < moment)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* In the mean over the flows of the hour before the slot; 0 where there are none. */
static void write_ports(const struct gain_task *task, const struct gain_side *side, int form,
                        const struct slot_place *place, float *numbers)
{
    const struct traffic_host *host = &side->traffic->hosts[place->host];
    int64_t end = (side->table.first + (int64_t)place->slot) * SLOT_SECONDS;
    size_t first = first_row_at(side->traffic, host, end - SLOTS_SEEN * SLOT_SECONDS);
    size_t last = first_row_at(side->traffic, host, end);
    for (int p = 0; p < N_PORTS; p++) {
        const int64_t *values = side->traffic->columns->values[ports[p]];
        for (size_t i = first; i < last; i++)
            add_port(task, p, form, values[i], 1.0 / (double)(last - first), numbers);
        numbers += port_width(task, p, form);
    }
}

static struct example_set *code_slots(const struct gain_task *task, const struct gain_side *side,
                                      int form)
{
    const struct example_shape shape = { .length = 1,
                                         .n_numbers = count_numbers(task, form),
                                         .n_outputs = N_FORECASTS,
                                         .is_regression = true };
    struct example_set *set = example_set_create(&shape, side->list.n);
    for (size_t i = 0; i < set->n; i++) {
        float *numbers = set->numbers + i * shape.n_numbers;
        slot_write_numbers(&side->table, &side->list.items[i], numbers);
        if (form != PORTS_UNSEEN)
            write_ports(task, side, form, &side->list.items[i], numbers + SLOT_NUMBERS);
        slot_write_targets(&side->table, &side->list.items[i], set->targets + i * N_FORECASTS);
    }
    return set;
}

/* ---- networks ----------------------------------------------------------------------------- */

static enum status do_job(void *user, size_t job, struct error *err)
{
    struct gain_task *task = user;
    const struct gain_side *test = &task->sides[SIDE_TEST];
    struct example_set *examples = code_slots(task, &task->sides[SIDE_TRAIN], (int)job);
    struct classifier_settings settings = CLASSIFIER_DEFAULTS;
    settings.seed = task->seed;
    settings.width = 64;
    settings.n_examples = 64;
    struct classifier *classifier = NULL;
    enum status status = classifier_fit(&classifier, examples, &settings, err);
    example_set_free(examples);
    if (status == STATUS_OK) {
        examples = code_slots(task, test, (int)job);
        status = classifier_score(classifier, examples, task->told[job], err);
        example_set_free(examples);
        slot_add_mean(&test->table, &test->list, task->told[job]);
    }
    classifier_free(classifier);
    return status;
}

static void take_scores(const struct gain_task *task, struct forecast_gain *result)
{
    const struct gain_side *test = &task->sides[SIDE_TEST];
    result->n_train = task->sides[SIDE_TRAIN].list.n;
    result->n_test = test->list.n;
    for (int series = 0; series < N_FORECASTS; series++) {
        struct slot_errors errors[N_FORECAST_FORMS];
        for (int f = 0; f < N_FORECAST_FORMS; f++)
            errors[f] = slot_errors_sum(&test->table, &test->list, task->told[f], series);
        for (int f = 0; f < N_FORECAST_FORMS; f++) {
            result->mae[f][series] = slot_score(&errors[f]).mae;
            result->change[f][series] = slot_errors_compare(&errors[PORTS_EMBEDDED], &errors[f]);
        }
        for (int f = 0; f < N_FORECAST_FORMS; f++)
            slot_errors_release(&errors[f]);
    }
}

enum status forecast_gain_measure(struct forecast_gain *result, const struct embedding_set *set,
                                  const struct traffic *training, const struct traffic *test,
                                  uint64_t seed, struct error *err)
{
    struct gain_task task;
    *result = (struct forecast_gain){ .n_train = 0 };
    task_init(&task, set, training, test, seed);
    enum status status = STATUS_OK;
    if (task.sides[SIDE_TRAIN].list.n > 0 && task.sides[SIDE_TEST].list.n > 0) {
        status = run_network_jobs("forecast", N_FORECAST_FORMS, do_job, &task, err);
        if (status == STATUS_OK)
            take_scores(&task, result);
    }
    task_release(&task);
    return status;
}
