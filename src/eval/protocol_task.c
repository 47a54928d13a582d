/* protocol_task.c - the protocol of a flow, from the other fields of its row. */
#include "base/memory.h"
#include "eval/classifier.h"
#include "eval/protocol_tally.h"
#include "eval/row_coder.h"
#include "eval/tasks_internal.h"
#include "eval/window_sample.h"

#include <stdlib.h>
#include <string.h>

/* Flows of a host at most, and in all. */
#define FLOWS_OF_HOST  1024
#define TRAINING_FLOWS 20000
#define TEST_FLOWS     40000
struct protocol_task {
    const struct task_sides *sides;
    size_t n; /* training flows of each mix */
    struct window_sample train[N_TASK_SIDES], test;
    uint8_t *told[N_MIXES]; /* [test.n] what each network says */
};

static int64_t protocol_of(const struct traffic *traffic, size_t row)
{
    return traffic->columns->values[ATTRIBUTE_PROTOCOL][row];
}

struct protocol_task *protocol_task_create(const struct task_sides *sides)
{
    struct protocol_task *task = memory_zalloc(1, sizeof *task);
    task->sides = sides;
    task->n = TRAINING_FLOWS;
    for (int s = 0; s < N_TASK_SIDES; s++) {
        struct rng rng = rng_stream(sides->seed, RNG_EVAL, (uint64_t)s, 100);
        task->train[s] = window_sample_draw(sides->train[s], 1, FLOWS_OF_HOST, &rng);
        window_sample_mix(&task->train[s], TRAINING_FLOWS, &rng);
        task->n = task->train[s].n < task->n ? task->train[s].n : task->n;
    }
    struct rng rng = rng_stream(sides->seed, RNG_EVAL, N_TASK_SIDES, 100);
    size_t n_of_host = window_sample_share(FLOWS_OF_HOST, TEST_FLOWS, sides->test->n_hosts);
    task->test = window_sample_draw(sides->test, 1, n_of_host, &rng);
    for (int m = 0; m < N_MIXES; m++)
        task->told[m] = memory_zalloc(task->test.n, 1);
    return task;
}

void protocol_task_free(struct protocol_task *task)
{
    if (task == NULL)
        return;
    for (int s = 0; s < N_TASK_SIDES; s++)
        window_sample_release(&task->train[s]);
    for (int m = 0; m < N_MIXES; m++)
        free(task->told[m]);
    window_sample_release(&task->test);
    free(task);
}

/* ---- one network -------------------------------------------------------------------------- */

/* Vocabularies of the sides that are trained on, and of no other. Caller frees. */
static struct row_coder *learn_coder(const struct protocol_task *task, int mix)
{
    const struct traffic *sides[N_TASK_SIDES];
    size_t n_sides = 0;
    for (int s = 0; s < N_TASK_SIDES; s++)
        if (mix_count(mix, s, task->n) > 0)
            sides[n_sides++] = task->sides->train[s];
    return row_coder_create(sides, n_sides, 1, ATTRIBUTE_PROTOCOL);
}

static struct example_set *create_examples(const struct row_coder *coder, size_t n_classes,
                                           size_t n)
{
    struct example_shape shape = {
        .length = 1,
        .n_fields = coder->n_fields,
        .n_codes = coder->n_codes,
        .n_numbers = ROW_NUMBERS,
        .n_outputs = n_classes,
    };
    return example_set_create(&shape, n);
}

static void write_example(struct example_set *set, size_t at, const struct row_coder *coder,
                          const struct traffic *traffic, size_t row)
{
    row_coder_write(coder, traffic->columns, row, set->codes + at * coder->n_fields,
                    set->numbers + at * ROW_NUMBERS);
}

/* The training flows of a mix; classes are the protocols among them, in protocols[n_classes]. */
static struct example_set *code_training(const struct protocol_task *task, int mix,
                                         const struct row_coder *coder, int64_t *protocols,
                                         size_t *n_classes)
{
    int class_of[PROTOCOLS];
    for (int p = 0; p < PROTOCOLS; p++)
        class_of[p] = -1;
    *n_classes = 0;
    for (int s = 0; s < N_TASK_SIDES; s++) {
        for (size_t i = 0; i < mix_count(mix, s, task->n); i++) {
            int64_t protocol = protocol_of(task->sides->train[s], task->train[s].rows[i]);
            if (class_of[protocol] < 0) {
                class_of[protocol] = (int)*n_classes;
                protocols[(*n_classes)++] = protocol;
            }
        }
    }
    struct example_set *set = create_examples(coder, *n_classes, task->n);
    size_t at = 0;
    for (int s = 0; s < N_TASK_SIDES; s++) {
        const struct traffic *traffic = task->sides->train[s];
        for (size_t i = 0; i < mix_count(mix, s, task->n); i++, at++) {
            size_t row = task->train[s].rows[i];
            write_example(set, at, coder, traffic, row);
            set->classes[at] = class_of[protocol_of(traffic, row)];
        }
    }
    return set;
}

/* What the network says of each test flow: the likeliest protocol. */
static enum status tell(struct protocol_task *task, int mix, const struct row_coder *coder,
                        const struct classifier *classifier, const int64_t *protocols,
                        size_t n_classes, struct error *err)
{
    struct example_set *test = create_examples(coder, n_classes, task->test.n);
    double *scores = memory_alloc(memory_product(test->n, n_classes), sizeof *scores);
    for (size_t i = 0; i < test->n; i++)
        write_example(test, i, coder, task->sides->test, task->test.rows[i]);
    enum status status = classifier_score(classifier, test, scores, err);
    for (size_t i = 0; i < test->n; i++) {
        size_t best = 0;
        for (size_t c = 1; c < n_classes; c++)
            if (scores[i * n_classes + c] > scores[i * n_classes + best])
                best = c;
        task->told[mix][i] = (uint8_t)protocols[best];
    }
    free(scores);
    example_set_free(test);
    return status;
}

enum status protocol_task_run(struct protocol_task *task, int mix, struct error *err)
{
    if (task->n == 0 || task->test.n == 0)
        return STATUS_OK;
    struct row_coder *coder = learn_coder(task, mix);
    int64_t protocols[PROTOCOLS];
    size_t n_classes;
    struct example_set *train = code_training(task, mix, coder, protocols, &n_classes);
    struct classifier_settings settings = CLASSIFIER_DEFAULTS;
    settings.seed = task->sides->seed;
    settings.n_examples = 128;
    settings.n_epochs = 30;
    struct classifier *classifier = NULL;
    enum status status = classifier_fit(&classifier, train, &settings, err);
    example_set_free(train);
    if (status == STATUS_OK)
        status = tell(task, mix, coder, classifier, protocols, n_classes, err);
    classifier_free(classifier);
    row_coder_free(coder);
    return status;
}

/* ---- scores ------------------------------------------------------------------------------- */

static struct protocol_tally count_told(const struct protocol_task *task, const uint8_t *told)
{
    uint8_t *is = memory_alloc(task->test.n, sizeof *is);
    for (size_t i = 0; i < task->test.n; i++)
        is[i] = (uint8_t)protocol_of(task->sides->test, task->test.rows[i]);
    struct protocol_tally tally = protocol_tally_count(task->sides->test->n_hosts, task->test.hosts,
                                                       is, told, task->test.n);
    free(is);
    return tally;
}

static int64_t most_frequent(const struct protocol_task *task)
{
    size_t counts[PROTOCOLS] = { 0 };
    int64_t best = 0;
    for (size_t i = 0; i < task->n; i++)
        counts[protocol_of(task->sides->train[TASK_REAL], task->train[TASK_REAL].rows[i])]++;
    for (int64_t p = 1; p < PROTOCOLS; p++)
        best = counts[p] > counts[best] ? p : best;
    return best;
}

/* All are taken for the most frequent one. */
static struct protocol_tally count_majority(const struct protocol_task *task)
{
    uint8_t *told = memory_alloc(task->test.n, sizeof *told);
    memset(told, (int)most_frequent(task), task->test.n);
    struct protocol_tally tally = count_told(task, told);
    free(told);
    return tally;
}

void protocol_task_finish(const struct protocol_task *task, struct tasks *result)
{
    bool counted[PROTOCOLS];
    struct protocol_tally tallies[N_MIXES];
    struct protocol_tally majority = count_majority(task);
    result->n_protocols = protocol_tally_choose(&majority, counted);
    result->n_train_flows = task->n;
    result->n_test_flows = task->test.n;
    result->n_test_hosts = task->sides->test->n_hosts;
    for (int m = 0; m < N_MIXES; m++) {
        tallies[m] = count_told(task, task->told[m]);
        result->protocol[m].accuracy = protocol_tally_accuracy(&tallies[m], NULL);
        result->protocol[m].macro_f1 = protocol_tally_macro_f1(&tallies[m], NULL, counted);
    }
    result->majority.accuracy = protocol_tally_accuracy(&majority, NULL);
    result->majority.macro_f1 = protocol_tally_macro_f1(&majority, NULL, counted);
    result->loss.accuracy = protocol_tally_accuracy(&tallies[MIX_SYNTHETIC], &tallies[MIX_REAL]);
    result->loss.macro_f1 = protocol_tally_macro_f1(&tallies[MIX_SYNTHETIC], &tallies[MIX_REAL],
                                                    counted);
    for (int m = 0; m < N_MIXES; m++)
        protocol_tally_release(&tallies[m]);
    protocol_tally_release(&majority);
}
