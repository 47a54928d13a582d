#include "eval/classifier.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/rng.h"
#include "nn/ops.h"
#include "nn/optimiser.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define SCORED_AT_ONCE 256
/* Scaled numbers are cut off here, so that a twin's outlier cannot blow up an example. */
#define NUMBER_MAX 8.0
/* Of Huber's loss, in deviations of the target. */
#define HUBER 0.2
enum { N_BLOCKS = 2, KERNEL = 3 };

/* x -> (x - mean) / deviation */
struct scale {
    double mean, deviation;
};

struct classifier {
    struct example_shape shape;
    struct classifier_settings settings;
    struct params *params;
    struct scale *numbers; /* [n_numbers] */
    struct scale *targets; /* [n_outputs], in regression */
    struct tensor *embeddings, *number_weight, *row_bias;
    struct tensor *conv[N_BLOCKS], *conv_bias[N_BLOCKS], *gain;
    struct tensor *hidden_weight, *hidden_bias, *out_weight, *out_bias;
};

/* Examples side by side, as the network takes them. */
struct example_batch {
    size_t n;
    int32_t *codes, *classes, *rows;
    real *numbers, *targets;
};

struct example_set *example_set_create(const struct example_shape *shape, size_t n)
{
    struct example_set *set = memory_zalloc(1, sizeof *set);
    size_t n_rows = memory_product(n, shape->length);
    set->shape = *shape;
    set->n = n;
    set->codes = memory_zalloc(memory_product(n_rows, shape->n_fields), sizeof *set->codes);
    set->numbers = memory_zalloc(memory_product(n_rows, shape->n_numbers), sizeof *set->numbers);
    if (shape->is_regression)
        set->targets = memory_zalloc(memory_product(n, shape->n_outputs), sizeof *set->targets);
    else
        set->classes = memory_zalloc(n, sizeof *set->classes);
    return set;
}

void example_set_free(struct example_set *set)
{
    if (set == NULL)
        return;
    free(set->codes);
    free(set->numbers);
    free(set->classes);
    free(set->targets);
    free(set);
}

/* ---- the network -------------------------------------------------------------------------- */

static void declare_network(struct classifier *classifier)
{
    const struct classifier_settings *settings = &classifier->settings;
    const struct example_shape *shape = &classifier->shape;
    struct params *params = classifier->params = params_create();
    size_t width = settings->width, hidden = settings->hidden;
    if (shape->n_fields > 0)
        classifier->embeddings = params_add(params, SHAPE(shape->n_codes, width),
                                            INIT_FAN_IN(shape->n_fields), "embeddings");
    if (shape->n_numbers > 0)
        classifier->number_weight = params_add(params, SHAPE(shape->n_numbers, width),
                                               INIT_FAN_IN(shape->n_numbers), "numbers.weight");
    classifier->row_bias = params_add(params, SHAPE(width), INIT_CONSTANT(0), "row.bias");
    for (size_t b = 0; shape->length > 1 && b < N_BLOCKS; b++) {
        classifier->conv[b] = params_add(params, SHAPE(KERNEL, width, 2 * width),
                                         INIT_FAN_IN(KERNEL * width), "%zu.weight", b);
        classifier->conv_bias[b] = params_add(params, SHAPE(2 * width), INIT_CONSTANT(0),
                                              "%zu.bias", b);
    }
    classifier->gain = params_add(params, SHAPE(width), INIT_CONSTANT(1), "gain");
    classifier->hidden_weight = params_add(params, SHAPE(width, hidden), INIT_FAN_IN(width),
                                           "hidden.weight");
    classifier->hidden_bias = params_add(params, SHAPE(hidden), INIT_CONSTANT(0), "hidden.bias");
    classifier->out_weight = params_add(params, SHAPE(hidden, shape->n_outputs), INIT_NORMAL(0.01),
                                        "out.weight");
    classifier->out_bias = params_add(params, SHAPE(shape->n_outputs), INIT_CONSTANT(0),
                                      "out.bias");
    params_finish(params, settings->seed);
}

/* [R, width] of the rows of a batch: embeddings of the codes and a map of the numbers. */
static struct tensor *look_at_rows(const struct classifier *classifier, struct tape *tape,
                                   const struct example_batch *batch)
{
    const struct example_shape *shape = &classifier->shape;
    size_t R = batch->n * shape->length;
    struct tensor *codes = NULL;
    if (shape->n_fields > 0)
        codes = gather_sum(tape, classifier->embeddings, batch->codes, R, shape->n_fields);
    if (shape->n_numbers == 0)
        return codes;
    struct tensor *numbers = tape_input(tape, SHAPE(R, shape->n_numbers), batch->numbers);
    return linear_onto(tape, codes, numbers, classifier->number_weight, classifier->row_bias);
}

/* Outputs [n, n_outputs]. draws: names what is dropped in this step. */
static struct tensor *run_network(const struct classifier *classifier, struct tape *tape,
                                  const struct example_batch *batch, uint64_t draws)
{
    const struct classifier_settings *settings = &classifier->settings;
    size_t L = classifier->shape.length, N = batch->n;
    struct tensor *x = look_at_rows(classifier, tape, batch);
    x = activate(tape, x, ACTIVATION_SILU);
    if (L > 1) {
        size_t width = settings->width;
        x = reshape(tape, x, SHAPE(N, L, width));
        for (size_t b = 0; b < N_BLOCKS; b++) {
            struct conv1d_params params = { .dilation = b == 0 ? 1 : KERNEL, .gated = true };
            x = add(
                tape, x,
                conv1d(tape, x, classifier->conv[b], classifier->conv_bias[b], NULL, NULL, params));
        }
        x = gather_sum(tape, reshape(tape, x, SHAPE(N * L, width)), batch->rows, N, L);
    }
    x = rms_norm(tape, x, classifier->gain);
    x = linear(tape, x, classifier->hidden_weight, classifier->hidden_bias);
    x = dropout(tape, activate(tape, x, ACTIVATION_SILU),
                (struct dropout_params){ settings->dropout, settings->seed, draws });
    return linear(tape, x, classifier->out_weight, classifier->out_bias);
}

/* ---- batches ------------------------------------------------------------------------------ */

static struct example_batch batch_create(const struct example_shape *shape, size_t n)
{
    size_t n_rows = n * shape->length;
    struct example_batch batch = {
        .codes = memory_alloc(memory_product(n_rows, shape->n_fields), sizeof *batch.codes),
        .numbers = memory_alloc(memory_product(n_rows, shape->n_numbers), sizeof *batch.numbers),
        .classes = memory_alloc(n, sizeof *batch.classes),
        .targets = memory_alloc(memory_product(n, shape->n_outputs), sizeof *batch.targets),
        .rows = memory_alloc(n_rows, sizeof *batch.rows),
    };
    for (size_t r = 0; r < n_rows; r++)
        batch.rows[r] = (int32_t)r;
    return batch;
}

static void batch_release(struct example_batch *batch)
{
    free(batch->codes);
    free(batch->numbers);
    free(batch->classes);
    free(batch->targets);
    free(batch->rows);
}

static real scaled(const struct scale *scale, float x)
{
    double y = ((double)x - scale->mean) / scale->deviation;
    return (real)fmax(-NUMBER_MAX, fmin(NUMBER_MAX, y));
}

static void batch_add(const struct classifier *classifier, struct example_batch *batch,
                      const struct example_set *set, size_t example)
{
    const struct example_shape *shape = &classifier->shape;
    size_t n_codes = shape->length * shape->n_fields, n_numbers = shape->length * shape->n_numbers;
    size_t at = batch->n++;
    for (size_t i = 0; i < n_codes; i++)
        batch->codes[at * n_codes + i] = set->codes[example * n_codes + i];
    for (size_t i = 0; i < n_numbers; i++)
        batch->numbers[at * n_numbers + i] = scaled(&classifier->numbers[i % shape->n_numbers],
                                                    set->numbers[example * n_numbers + i]);
    for (size_t o = 0; set->targets != NULL && o < shape->n_outputs; o++)
        batch->targets[at * shape->n_outputs + o] = scaled(
            &classifier->targets[o], set->targets[example * shape->n_outputs + o]);
    if (set->classes != NULL)
        batch->classes[at] = set->classes[example];
}

/* ---- training ----------------------------------------------------------------------------- */

/* Mean and deviation of each of n_columns columns. */
static struct scale *learn_scales(const float *values, size_t n_rows, size_t n_columns)
{
    struct scale *scales = memory_alloc(n_columns, sizeof *scales);
    for (size_t c = 0; c < n_columns; c++) {
        double sum = 0.0, squares = 0.0;
        for (size_t r = 0; r < n_rows; r++)
            sum += (double)values[r * n_columns + c];
        double mean = sum / (double)n_rows;
        for (size_t r = 0; r < n_rows; r++) {
            double residual = (double)values[r * n_columns + c] - mean;
            squares += residual * residual;
        }
        double deviation = sqrt(squares / (double)n_rows);
        scales[c] = (struct scale){ mean, deviation > 1e-9 ? deviation : 1.0 };
    }
    return scales;
}

/* The gradient of the mean of Huber's loss over all outputs. */
static void huber_gradient(real *dy, const struct tensor *y, const real *targets)
{
    size_t n = tensor_size(y);
    for (size_t i = 0; i < n; i++) {
        double error = (double)(y->data[i] - targets[i]) / HUBER;
        dy[i] = (real)(fmax(-1.0, fmin(1.0, error)) / (double)n);
    }
}

static enum status train_step(struct classifier *classifier, struct tape *tape,
                              const struct example_batch *batch, uint64_t draws,
                              struct optimiser *optimiser, struct error *err)
{
    tape_reset(tape, TAPE_TRAIN);
    struct tensor *y = run_network(classifier, tape, batch, draws);
    if (classifier->shape.is_regression) {
        FORWARD(tape_status(tape, err));
        struct tensor *dy = tape_buffer(tape, y->shape);
        huber_gradient(dy->data, y, batch->targets);
        tape_backward_from(tape, y, dy->data);
    } else {
        struct tensor *nll = softmax_nll(tape, y,
                                         (struct softmax_nll_params){ .target = batch->classes });
        struct tensor *loss = total(tape, nll, 1.0 / (double)batch->n);
        FORWARD(tape_status(tape, err));
        tape_backward(tape, loss);
    }
    return optimiser_step(optimiser, NULL, err);
}

static size_t count_steps(const struct classifier_settings *settings, size_t n_examples)
{
    size_t n = (settings->n_epochs * n_examples + settings->n_examples - 1) / settings->n_examples;
    return n < settings->n_steps ? n : settings->n_steps;
}

static enum status train_network(struct classifier *classifier, const struct example_set *train,
                                 struct error *err)
{
    const struct classifier_settings *settings = &classifier->settings;
    struct optimiser_options options = OPTIMISER_DEFAULTS;
    options.rate = settings->rate;
    options.decay = settings->decay;
    options.n_steps = count_steps(settings, train->n);
    struct optimiser *optimiser = optimiser_create(classifier->params, &options);
    struct tape *tape = tape_create();
    struct example_batch batch = batch_create(&train->shape, settings->n_examples);
    size_t *order = memory_alloc(train->n, sizeof *order), at = train->n;
    for (size_t i = 0; i < train->n; i++)
        order[i] = i;
    enum status status = STATUS_OK;
    for (size_t step = 0, epoch = 0; status == STATUS_OK && step < options.n_steps; step++) {
        batch.n = 0;
        while (batch.n < settings->n_examples) {
            if (at == train->n) {
                struct rng rng = rng_stream(settings->seed, RNG_SHUFFLE, 0, epoch++);
                rng_shuffle(&rng, order, train->n, sizeof *order);
                at = 0;
            }
            batch_add(classifier, &batch, train, order[at++]);
        }
        status = train_step(classifier, tape, &batch, step, optimiser, err);
        if (status == STATUS_OK && interrupt_requested())
            status = error_set(err, STATUS_INTERRUPTED, "interrupted");
    }
    free(order);
    batch_release(&batch);
    tape_free(tape);
    optimiser_free(optimiser);
    return status;
}

enum status classifier_fit(struct classifier **classifier, const struct example_set *train,
                           const struct classifier_settings *settings, struct error *err)
{
    const struct example_shape *shape = &train->shape;
    RETURN_IF(train->n == 0, err, STATUS_RANGE, "there is no example to learn from");
    struct classifier *made = memory_zalloc(1, sizeof *made);
    made->shape = *shape;
    made->settings = *settings;
    made->numbers = learn_scales(train->numbers, train->n * shape->length, shape->n_numbers);
    if (shape->is_regression)
        made->targets = learn_scales(train->targets, train->n, shape->n_outputs);
    declare_network(made);
    enum status status = train_network(made, train, err);
    if (status == STATUS_OK)
        *classifier = made;
    else
        classifier_free(made);
    return status;
}

void classifier_free(struct classifier *classifier)
{
    if (classifier == NULL)
        return;
    params_free(classifier->params);
    free(classifier->numbers);
    free(classifier->targets);
    free(classifier);
}

/* ---- scoring ------------------------------------------------------------------------------ */

/* Outputs as they are wanted: numbers on their own scale, classes as ln P. */
static void write_scores(const struct classifier *classifier, const real *outputs, double *scores)
{
    size_t n = classifier->shape.n_outputs;
    double highest = -INFINITY, sum = 0.0;
    for (size_t o = 0; o < n; o++)
        highest = fmax(highest, (double)outputs[o]);
    for (size_t o = 0; o < n; o++)
        sum += exp((double)outputs[o] - highest);
    for (size_t o = 0; o < n; o++)
        scores[o] = classifier->targets != NULL
                        ? classifier->targets[o].mean +
                              classifier->targets[o].deviation * (double)outputs[o]
                        : (double)outputs[o] - highest - log(sum);
}

enum status classifier_score(const struct classifier *classifier, const struct example_set *set,
                             double *scores, struct error *err)
{
    size_t n_outputs = classifier->shape.n_outputs;
    struct tape *tape = tape_create();
    struct example_batch batch = batch_create(&set->shape, SCORED_AT_ONCE);
    enum status status = STATUS_OK;
    for (size_t first = 0; status == STATUS_OK && first < set->n; first += batch.n) {
        batch.n = 0;
        while (batch.n < SCORED_AT_ONCE && first + batch.n < set->n)
            batch_add(classifier, &batch, set, first + batch.n);
        tape_reset(tape, TAPE_INFER);
        const struct tensor *y = run_network(classifier, tape, &batch, 0);
        status = tape_status(tape, err);
        for (size_t i = 0; status == STATUS_OK && i < batch.n; i++)
            write_scores(classifier, y->data + i * n_outputs, scores + (first + i) * n_outputs);
    }
    batch_release(&batch);
    tape_free(tape);
    return status;
}

enum status run_network_jobs(const char *label, size_t n, network_job *job, void *user,
                             struct error *err)
{
    struct progress progress = progress_start(label, (double)n, "networks");
    enum status status = STATUS_OK;
    size_t n_done = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : n_done)
    for (size_t j = 0; j < n; j++) {
        struct error own = { 0 };
        if (interrupt_requested())
            continue;
        enum status of_job = job(user, j, &own);
        if (of_job != STATUS_OK) {
#pragma omp critical(network_job_failure)
            {
                status = of_job;
                *err = own;
            }
        }
        n_done++;
        if (omp_get_thread_num() == 0)
            progress_update(&progress, (double)n_done * omp_get_num_threads(), NULL);
    }
    progress_finish(&progress);
    RETURN_IF(interrupt_requested(), err, STATUS_INTERRUPTED, "interrupted");
    return status;
}
