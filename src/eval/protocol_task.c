/* protocol_task.c - the protocol of a flow, from the other fields of its row. */
#include "base/memory.h"
#include "eval/classifier.h"
#include "eval/row_coder.h"
#include "eval/tasks_internal.h"
#include "eval/window_sample.h"

#include <math.h>
#include <stdlib.h>

/* Flows of a host at most, and training flows in all. */
#define FLOWS_OF_HOST  1024
#define TRAINING_FLOWS 20000
/* A protocol counts for macro-F1 where so many of the test flows have it: below that, one flow
 * would move the mean of all. */
#define FEWEST_OF_A_PROTOCOL 20

enum { PROTOCOLS = 256 };

struct protocol_task {
    const struct task_sides *sides;
    size_t n; /* training flows of each mix */
    struct window_sample train[N_TASK_SIDES], test;
    uint8_t *told[N_MIXES]; /* [test.n] what each network says */
};

/* Predictions of one kind, counted host by host: [n_hosts, PROTOCOLS] each. */
struct tally {
    size_t n_hosts;
    double *right, *missed, *wrong;
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
    task->test = window_sample_draw(sides->test, 1, FLOWS_OF_HOST, &rng);
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

/* told: [test.n], or NULL where all are taken for `always`. */
static struct tally count_told(const struct protocol_task *task, const uint8_t *told,
                               int64_t always)
{
    size_t n_hosts = task->sides->test->n_hosts, size = memory_product(n_hosts, PROTOCOLS);
    struct tally tally = {
        .n_hosts = n_hosts,
        .right = memory_zalloc(size, sizeof *tally.right),
        .missed = memory_zalloc(size, sizeof *tally.missed),
        .wrong = memory_zalloc(size, sizeof *tally.wrong),
    };
    for (size_t i = 0; i < task->test.n; i++) {
        size_t host = task->test.hosts[i] * PROTOCOLS;
        int64_t is = protocol_of(task->sides->test, task->test.rows[i]);
        int64_t said = told != NULL ? told[i] : always;
        if (is == said) {
            tally.right[host + (size_t)is]++;
        } else {
            tally.missed[host + (size_t)is]++;
            tally.wrong[host + (size_t)said]++;
        }
    }
    return tally;
}

static void tally_release(struct tally *tally)
{
    free(tally->right);
    free(tally->missed);
    free(tally->wrong);
}

/* The sum over hosts but for one (n_hosts: for none). */
static double sum_but(const double *counts, size_t n_hosts, size_t protocol, size_t but)
{
    double sum = 0.0;
    for (size_t h = 0; h < n_hosts; h++)
        sum += h == but ? 0.0 : counts[h * PROTOCOLS + protocol];
    return sum;
}

static double macro_f1_but(const struct tally *tally, const bool *counted, size_t but)
{
    double sum = 0.0, n = 0.0;
    for (size_t p = 0; p < PROTOCOLS; p++) {
        if (!counted[p])
            continue;
        double right = sum_but(tally->right, tally->n_hosts, p, but);
        double missed = sum_but(tally->missed, tally->n_hosts, p, but);
        double wrong = sum_but(tally->wrong, tally->n_hosts, p, but);
        if (right + missed + wrong == 0.0) /* only that host had it */
            continue;
        sum += 2.0 * right / (2.0 * right + missed + wrong);
        n += 1.0;
    }
    return sum / n;
}

/* A function of all hosts, and its error by leaving out one after another (Efron and Stein 1981):
 * the macro-F1 of a, less that of b where that is given. */
static struct host_ratio jackknife_f1(const struct tally *a, const struct tally *b,
                                      const bool *counted)
{
    size_t n = a->n_hosts;
    double *values = memory_alloc(n + 1, sizeof *values), sum = 0.0, squares = 0.0;
    for (size_t but = 0; but <= n; but++)
        values[but] = macro_f1_but(a, counted, but) -
                      (b != NULL ? macro_f1_but(b, counted, but) : 0.0);
    for (size_t h = 0; h < n; h++)
        sum += values[h];
    for (size_t h = 0; h < n; h++)
        squares += (values[h] - sum / (double)n) * (values[h] - sum / (double)n);
    struct host_ratio ratio = { values[n], (double)NAN };
    if (n > 1)
        ratio.standard_error = sqrt((double)(n - 1) / (double)n * squares);
    free(values);
    return ratio;
}

/* Share of flows told right, less that of b where that is given. */
static struct host_ratio accuracy_of(const struct tally *a, const struct tally *b)
{
    double *right = memory_zalloc(a->n_hosts, sizeof *right);
    double *flows = memory_zalloc(a->n_hosts, sizeof *flows);
    for (size_t h = 0; h < a->n_hosts; h++) {
        for (size_t p = h * PROTOCOLS; p < (h + 1) * PROTOCOLS; p++) {
            right[h] += a->right[p] - (b != NULL ? b->right[p] : 0.0);
            flows[h] += a->right[p] + a->missed[p];
        }
    }
    struct host_ratio ratio = host_ratio_of(right, 1, flows, a->n_hosts);
    free(right);
    free(flows);
    return ratio;
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

static size_t choose_protocols(const struct tally *tally, bool counted[PROTOCOLS])
{
    size_t n = 0;
    for (size_t p = 0; p < PROTOCOLS; p++) {
        counted[p] = sum_but(tally->right, tally->n_hosts, p, tally->n_hosts) +
                         sum_but(tally->missed, tally->n_hosts, p, tally->n_hosts) >=
                     FEWEST_OF_A_PROTOCOL;
        n += counted[p];
    }
    return n;
}

void protocol_task_finish(const struct protocol_task *task, struct tasks *result)
{
    bool counted[PROTOCOLS];
    struct tally tallies[N_MIXES];
    struct tally majority = count_told(task, NULL, most_frequent(task));
    result->n_protocols = choose_protocols(&majority, counted);
    result->n_train_flows = task->n;
    result->n_test_flows = task->test.n;
    result->n_test_hosts = task->sides->test->n_hosts;
    for (int m = 0; m < N_MIXES; m++) {
        tallies[m] = count_told(task, task->told[m], 0);
        result->protocol[m].accuracy = accuracy_of(&tallies[m], NULL);
        result->protocol[m].macro_f1 = jackknife_f1(&tallies[m], NULL, counted);
    }
    result->majority.accuracy = accuracy_of(&majority, NULL);
    result->majority.macro_f1 = jackknife_f1(&majority, NULL, counted);
    result->loss.accuracy = accuracy_of(&tallies[MIX_SYNTHETIC], &tallies[MIX_REAL]);
    result->loss.macro_f1 = jackknife_f1(&tallies[MIX_SYNTHETIC], &tallies[MIX_REAL], counted);
    for (int m = 0; m < N_MIXES; m++)
        tally_release(&tallies[m]);
    tally_release(&majority);
}
