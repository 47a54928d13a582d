#include "eval/embedding_gain.h"

#include "base/memory.h"
#include "eval/classifier.h"
#include "eval/forecast_gain.h"
#include "eval/port_bins.h"
#include "eval/protocol_tally.h"
#include "eval/window_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Flows of a host at most, and test flows in all. */
#define FLOWS_OF_HOST 1024
#define TEST_FLOWS    20000
#define PORT_ATOMS    384 /* of the one-hot form: as many as models embed */
#define PORT_PREFIXES 32
enum { N_PORTS = 2, OTHER_NUMBERS = 4, N_NETWORKS = N_GAIN_SIZES * N_PORT_FORMS };

const char *const port_form_names[N_PORT_FORMS] = { "numbers", "one_hot", "embedding" };
const char *const forecast_form_names[N_FORECAST_FORMS] = { "numbers", "one_hot", "embedding",
                                                            "none" };
const char *const embedding_gain_meaning =
    "The embedding helps where its macro-F1 is above that of the other forms by more than twice "
    "the error.";
const char *const forecast_gain_meaning =
    "The embedding helps where its error is below that of the other forms by more than twice the "
    "error of the difference.";

static const size_t sizes[N_GAIN_SIZES] = { 300, 20000 };
static const enum attribute ports[N_PORTS] = { ATTRIBUTE_LOCAL_PORT, ATTRIBUTE_REMOTE_PORT };

struct gain_task {
    const struct traffic *training, *test;
    const struct embedding_table *tables[N_PORTS];
    struct window_sample train_flows, test_flows;
    struct bins *bins[N_PORTS]; /* of the training flows' ports */
    uint64_t seed;
    uint8_t *told[N_NETWORKS]; /* [test_flows.n] */
};

static uint8_t protocol_of(const struct traffic *traffic, size_t row)
{
    return (uint8_t)traffic->columns->values[ATTRIBUTE_PROTOCOL][row];
}

static void task_init(struct gain_task *task, const struct embedding_set *set,
                      const struct traffic *training, const struct traffic *test, uint64_t seed)
{
    *task = (struct gain_task){ .training = training, .test = test, .seed = seed };
    struct rng rng = rng_stream(seed, RNG_EVAL, 0, 300);
    task->train_flows = window_sample_draw(training, 1, FLOWS_OF_HOST, &rng);
    window_sample_mix(&task->train_flows, sizes[GAIN_MANY], &rng);
    size_t n_of_host = window_sample_share(FLOWS_OF_HOST, TEST_FLOWS, test->n_hosts);
    task->test_flows = window_sample_draw(test, 1, n_of_host, &rng);
    for (int p = 0; p < N_PORTS; p++) {
        task->tables[p] = embedding_find(set, attribute_infos[ports[p]].name);
        task->bins[p] = port_bins_learn(training, ports[p], PORT_ATOMS, PORT_PREFIXES);
    }
    for (int i = 0; i < N_NETWORKS; i++)
        task->told[i] = memory_zalloc(task->test_flows.n, 1);
}

static void task_release(struct gain_task *task)
{
    window_sample_release(&task->train_flows);
    window_sample_release(&task->test_flows);
    for (int p = 0; p < N_PORTS; p++)
        bins_free(task->bins[p]);
    for (int i = 0; i < N_NETWORKS; i++)
        free(task->told[i]);
}

/* ---- examples ----------------------------------------------------------------------------- */

static size_t count_numbers(const struct gain_task *task, enum port_form form)
{
    size_t n = OTHER_NUMBERS;
    for (int p = 0; p < N_PORTS; p++)
        n += form == PORTS_AS_NUMBERS ? 2 : form == PORTS_EMBEDDED ? task->tables[p]->width : 0;
    return n;
}

static struct example_shape shape_of(const struct gain_task *task, enum port_form form)
{
    bool is_one_hot = form == PORTS_ONE_HOT;
    return (struct example_shape){
        .length = 1,
        .n_fields = is_one_hot ? N_PORTS : 0,
        .n_codes = is_one_hot ? task->bins[0]->n + task->bins[1]->n : 0,
        .n_numbers = count_numbers(task, form),
        .n_outputs = PROTOCOLS,
    };
}

static float *write_port(const struct gain_task *task, int p, int64_t port, enum port_form form,
                         int32_t *codes, float *numbers)
{
    if (form == PORTS_ONE_HOT) {
        codes[p] = (int32_t)((p > 0 ? task->bins[0]->n : 0) + bins_find(task->bins[p], port));
    } else if (form == PORTS_AS_NUMBERS) {
        *numbers++ = (float)port;
        *numbers++ = (float)log1p((double)port);
    } else {
        const double *vector = embedding_vector(task->tables[p], port);
        for (size_t i = 0; i < task->tables[p]->width; i++)
            *numbers++ = vector != NULL ? (float)vector[i] : 0.0f;
    }
    return numbers;
}

static void write_example(struct example_set *set, size_t at, const struct gain_task *task,
                          enum port_form form, const struct traffic *traffic, size_t row)
{
    static const enum attribute counts[] = { ATTRIBUTE_PACKETS, ATTRIBUTE_BYTES,
                                             ATTRIBUTE_DURATION };
    int64_t *const *values = traffic->columns->values;
    float *numbers = set->numbers + at * set->shape.n_numbers;
    for (int p = 0; p < N_PORTS; p++)
        numbers = write_port(task, p, values[ports[p]][row], form,
                             set->codes + at * set->shape.n_fields, numbers);
    *numbers++ = (float)values[ATTRIBUTE_DIRECTION][row];
    for (size_t c = 0; c < ARRAY_LEN(counts); c++)
        *numbers++ = (float)log1p((double)values[counts[c]][row]);
    set->classes[at] = protocol_of(traffic, row);
}

static struct example_set *code_flows(const struct gain_task *task, enum port_form form,
                                      const struct traffic *traffic,
                                      const struct window_sample *flows, size_t n)
{
    struct example_shape shape = shape_of(task, form);
    struct example_set *set = example_set_create(&shape, n < flows->n ? n : flows->n);
    for (size_t i = 0; i < set->n; i++)
        write_example(set, i, task, form, traffic, flows->rows[i]);
    return set;
}

/* ---- networks ----------------------------------------------------------------------------- */

static enum status tell(struct gain_task *task, int network, const struct classifier *classifier,
                        enum port_form form, struct error *err)
{
    struct example_set *test = code_flows(task, form, task->test, &task->test_flows,
                                          task->test_flows.n);
    double *scores = memory_alloc(memory_product(test->n, PROTOCOLS), sizeof *scores);
    enum status status = classifier_score(classifier, test, scores, err);
    for (size_t i = 0; status == STATUS_OK && i < test->n; i++) {
        size_t best = 0;
        for (size_t p = 1; p < PROTOCOLS; p++)
            if (scores[i * PROTOCOLS + p] > scores[i * PROTOCOLS + best])
                best = p;
        task->told[network][i] = (uint8_t)best;
    }
    free(scores);
    example_set_free(test);
    return status;
}

static enum status run_network(struct gain_task *task, int network, struct error *err)
{
    enum port_form form = (enum port_form)(network % N_PORT_FORMS);
    struct example_set *train = code_flows(task, form, task->training, &task->train_flows,
                                           sizes[network / N_PORT_FORMS]);
    struct classifier_settings settings = CLASSIFIER_DEFAULTS;
    settings.seed = task->seed;
    settings.n_examples = train->n < 1024 ? 32 : 128;
    settings.n_epochs = 60;
    struct classifier *classifier = NULL;
    enum status status = classifier_fit(&classifier, train, &settings, err);
    example_set_free(train);
    if (status == STATUS_OK)
        status = tell(task, network, classifier, form, err);
    classifier_free(classifier);
    return status;
}

static enum status do_job(void *user, size_t job, struct error *err)
{
    return run_network(user, N_NETWORKS - 1 - (int)job, err); /* long ones first */
}

static void take_scores(const struct gain_task *task, struct embedding_gain *result)
{
    size_t n = task->test_flows.n;
    uint8_t *is = memory_alloc(n, sizeof *is);
    for (size_t i = 0; i < n; i++)
        is[i] = protocol_of(task->test, task->test_flows.rows[i]);
    result->n_test = n;
    for (int size = 0; size < N_GAIN_SIZES; size++) {
        struct protocol_tally tallies[N_PORT_FORMS];
        bool counted[PROTOCOLS];
        size_t n_train = task->train_flows.n;
        result->n_train[size] = n_train < sizes[size] ? n_train : sizes[size];
        for (int f = 0; f < N_PORT_FORMS; f++)
            tallies[f] = protocol_tally_count(task->test->n_hosts, task->test_flows.hosts, is,
                                              task->told[size * N_PORT_FORMS + f], n);
        protocol_tally_choose(&tallies[0], counted);
        for (int f = 0; f < N_PORT_FORMS; f++) {
            result->accuracy[size][f] = protocol_tally_accuracy(&tallies[f], NULL);
            result->macro_f1[size][f] = protocol_tally_macro_f1(&tallies[f], NULL, counted);
            result->gain[size][f] = protocol_tally_macro_f1(&tallies[PORTS_EMBEDDED], &tallies[f],
                                                            counted);
        }
        for (int f = 0; f < N_PORT_FORMS; f++)
            protocol_tally_release(&tallies[f]);
    }
    free(is);
}

enum status embedding_gain_measure(struct embedding_gain *result, const struct embedding_set *set,
                                   const struct traffic *training, const struct traffic *test,
                                   uint64_t seed, struct error *err)
{
    *result = (struct embedding_gain){ .is_measured = false };
    for (int p = 0; p < N_PORTS; p++)
        if (embedding_find(set, attribute_infos[ports[p]].name) == NULL)
            return STATUS_OK;
    struct gain_task task;
    task_init(&task, set, training, test, seed);
    enum status status = run_network_jobs("embedding", N_NETWORKS, do_job, &task, err);
    if (status == STATUS_OK) {
        result->is_measured = true;
        take_scores(&task, result);
    }
    task_release(&task);
    if (status == STATUS_OK)
        status = forecast_gain_measure(&result->forecast, set, training, test, seed, err);
    return status;
}
