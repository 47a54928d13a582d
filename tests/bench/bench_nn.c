/* bench_nn.c - the speed of src/nn, as shares of the rate of a large sgemm in the same run.
 *
 * Operations forward and backward at the sizes of the model, and a training step of a stack of
 * gated blocks: forward, backward, clipping and AdamW. scripts/bench_torch.py runs the same step.
 */
#include "bench/report.h"

#include "base/arena.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "nn/ops.h"
#include "nn/optimiser.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 32, L = 512, R = N * L, REPEATS = 12 };

/* ---- one operation ------------------------------------------------------------------------ */

#define MAX_TENSORS 5

struct op_bench {
    const char *name;
    struct tensor *(*build)(struct tape *tape, struct tensor *const *inputs);
    struct shape shapes[MAX_TENSORS];
    double multiply_adds; /* of the forward pass; 0 where no matrix product is the work */
};

struct op_run {
    const struct op_bench *bench;
    struct tape *tape;
    struct params *params;
    real *dy;
};

static void run_op(void *context)
{
    struct op_run *run = context;
    struct tensor *inputs[MAX_TENSORS] = { NULL };
    for (size_t i = 0; i < run->params->n; i++)
        inputs[i] = run->params->table[i].tensor;
    tape_reset(run->tape, TAPE_TRAIN);
    /* What comes in is what another operation made: its gradient is written, not added to. */
    inputs[0] = tape_input(run->tape, inputs[0]->shape, inputs[0]->data);
    inputs[0]->needs_grad = true;
    tape_backward_from(run->tape, run->bench->build(run->tape, inputs), run->dy);
}

static struct tensor *build_linear(struct tape *tape, struct tensor *const *inputs)
{
    return linear(tape, inputs[0], inputs[1], inputs[2]);
}

static struct tensor *build_conv_1(struct tape *tape, struct tensor *const *inputs)
{
    return conv1d(tape, inputs[0], inputs[1], inputs[2], NULL, NULL,
                  (struct conv1d_params){ .dilation = 1 });
}

static struct tensor *build_conv_64(struct tape *tape, struct tensor *const *inputs)
{
    return conv1d(tape, inputs[0], inputs[1], inputs[2], NULL, NULL,
                  (struct conv1d_params){ .dilation = 64, .delay = 1 });
}

static struct tensor *build_gated_64(struct tape *tape, struct tensor *const *inputs)
{
    return conv1d(tape, inputs[0], inputs[1], inputs[2], inputs[3], inputs[4],
                  (struct conv1d_params){ .dilation = 64, .gated = true });
}

static struct tensor *build_masked_linear(struct tape *tape, struct tensor *const *inputs)
{
    static const struct masked_linear_params blocks = { 8,
                                                        { 0, 32, 64, 96, 128, 160, 192, 224 },
                                                        { 32, 32, 32, 32, 32, 32, 32, 32 } };
    return masked_linear(tape, inputs[0], inputs[1], inputs[2], &blocks);
}

static struct tensor *build_silu(struct tape *tape, struct tensor *const *inputs)
{
    return activate(tape, inputs[0], ACTIVATION_SILU);
}

static struct tensor *build_norm(struct tape *tape, struct tensor *const *inputs)
{
    return rms_norm(tape, inputs[0], inputs[1]);
}

enum { FIELDS = 12, TABLE = 4096 };

static struct tensor *build_gather_sum(struct tape *tape, struct tensor *const *inputs)
{
    static int32_t index[R * FIELDS];
    for (size_t i = 0; i < R * FIELDS; i++)
        index[i] = (int32_t)(i * 2654435761u % TABLE);
    return gather_sum(tape, inputs[0], index, R, FIELDS);
}

static struct tensor *build_softmax_nll(struct tape *tape, struct tensor *const *inputs)
{
    static const int32_t target[R];
    return softmax_nll(tape, inputs[0], (struct softmax_nll_params){ .target = target });
}

static struct tensor *build_logistic_cell(struct tape *tape, struct tensor *const *inputs)
{
    static double lo[R], hi[R], range_lo[R], range_hi[R];
    for (size_t r = 0; r < R; r++) {
        double x = (double)(r % 1000 + 1);
        lo[r] = log(x);
        hi[r] = log(x + 1.0);
        range_lo[r] = 0.0;
        range_hi[r] = 20.0;
    }
    return logistic_cell(tape, inputs[0],
                         (struct logistic_cell_params){ lo, hi, range_lo, range_hi, .first = 0 });
}

#define LINEAR(in, out)                                                                            \
    {                                                                                              \
        "linear_" #in "x" #out, build_linear,                                                      \
            { { 3, { N, L, in } }, { 2, { in, out } }, { 1, { out } } }, (double)(in) * (out)      \
    }
#define CONV(name, build, kernel, in, out)                                                         \
    {                                                                                              \
        name, build, { { 3, { N, L, in } }, { 3, { kernel, in, out } }, { 1, { out } } },          \
            (double)(kernel) * (in) * (out)                                                        \
    }

static const struct op_bench op_benches[] = {
    LINEAR(64, 64),
    LINEAR(64, 128),
    LINEAR(128, 128),
    LINEAR(128, 256),
    LINEAR(256, 256),
    CONV("conv1d_k2_d1_64x128", build_conv_1, 2, 64, 128),
    CONV("conv1d_k2_d64_64x128", build_conv_64, 2, 64, 128),
    CONV("conv1d_k3_d64_64x64", build_conv_64, 3, 64, 64),
    CONV("conv1d_k2_d64_128x256", build_conv_64, 2, 128, 256),
    CONV("conv1d_k3_d64_128x256", build_conv_64, 3, 128, 256),
    { "gated_conv1d_k2_d64_64",
      build_gated_64,
      { { 3, { N, L, 64 } },
        { 3, { 2, 64, 128 } },
        { 1, { 128 } },
        { 3, { N, L, 64 } },
        { 2, { 64, 128 } } },
      3.0 * 64 * 128 },
    { "gated_conv1d_k2_d64_128",
      build_gated_64,
      { { 3, { N, L, 128 } },
        { 3, { 2, 128, 256 } },
        { 1, { 256 } },
        { 3, { N, L, 128 } },
        { 2, { 128, 256 } } },
      3.0 * 128 * 256 },
    { "masked_linear_256x256",
      build_masked_linear,
      { { 3, { N, L, 256 } }, { 2, { 256, 256 } }, { 1, { 256 } } },
      32.0 * 32 * 28 },
    { "silu_128", build_silu, { { 3, { N, L, 128 } } }, 0.0 },
    { "rms_norm_128", build_norm, { { 3, { N, L, 128 } }, { 1, { 128 } } }, 0.0 },
    { "gather_sum_12x64", build_gather_sum, { { 2, { TABLE, 64 } } }, 0.0 },
    { "softmax_nll_256", build_softmax_nll, { { 2, { R, 256 } } }, 0.0 },
    { "logistic_cell_5", build_logistic_cell, { { 2, { R, 15 } } }, 0.0 },
};

static double time_op(const struct op_bench *bench)
{
    struct op_run run = { .bench = bench, .tape = tape_create(), .params = params_create() };
    for (size_t i = 0; i < MAX_TENSORS && bench->shapes[i].n_dims > 0; i++)
        params_add(run.params, bench->shapes[i], INIT_NORMAL(0.1), "%zu", i);
    params_finish(run.params, 1);
    run.dy = memory_alloc((size_t)R * 256, sizeof *run.dy);
    for (size_t i = 0; i < (size_t)R * 256; i++)
        run.dy[i] = 1e-3f;
    double seconds = report_best_time(run_op, &run, REPEATS);
    free(run.dy);
    params_free(run.params);
    tape_free(run.tape);
    return seconds;
}

static void report_op(struct report *report, const struct op_bench *bench, double seconds,
                      double sgemm_rate)
{
    char key[96];
    snprintf(key, sizeof key, "ops.%s.ms", bench->name);
    report_set(report, key, 1e3 * seconds);
    if (bench->multiply_adds == 0.0) {
        printf("%-28s %8.2f ms  %7.1f ns/row\n", bench->name, 1e3 * seconds, 1e9 * seconds / R);
        return;
    }
    double rate = 3.0 * 2.0 * R * bench->multiply_adds / seconds;
    snprintf(key, sizeof key, "ops.%s.gflops", bench->name);
    report_set(report, key, rate / 1e9);
    snprintf(key, sizeof key, "ops.%s.share", bench->name);
    report_set(report, key, rate / sgemm_rate);
    printf("%-28s %8.2f ms  %7.1f GFLOP/s  %4.0f %%\n", bench->name, 1e3 * seconds, rate / 1e9,
           100.0 * rate / sgemm_rate);
}

/* ---- one training step -------------------------------------------------------------------- */

enum { BLOCKS = 6, KERNEL = 2, CATEGORIES = 32 };

struct block {
    struct tensor *conv, *conv_bias, *residual, *residual_bias, *skip, *skip_bias;
};

struct step {
    size_t C;
    struct tape *tape;
    struct params *params;
    struct optimiser *optimiser;
    struct block blocks[BLOCKS];
    struct tensor *head, *head_bias;
    real *x;
    int32_t *target;
};

static void train(void *context)
{
    struct step *step = context;
    struct tape *tape = step->tape;
    tape_reset(tape, TAPE_TRAIN);
    struct tensor *x = tape_input(tape, SHAPE(N, L, step->C), step->x), *skips = NULL;
    for (size_t b = 0; b < BLOCKS; b++) {
        const struct block *block = &step->blocks[b];
        struct tensor *h = conv1d(tape, x, block->conv, block->conv_bias, NULL, NULL,
                                  (struct conv1d_params){ .dilation = 1u << b, .gated = true });
        skips = linear_onto(tape, skips, h, block->skip, block->skip_bias);
        if (b + 1 < BLOCKS)
            x = linear_onto(tape, x, h, block->residual, block->residual_bias);
    }
    struct tensor *logits = linear(tape, activate(tape, skips, ACTIVATION_RELU), step->head,
                                   step->head_bias);
    struct tensor *nll = softmax_nll(tape, logits,
                                     (struct softmax_nll_params){ .target = step->target });
    tape_backward(tape, total(tape, nll, 1.0 / R));
    struct error err;
    if (tape_status(tape, &err) != STATUS_OK ||
        optimiser_step(step->optimiser, NULL, &err) != STATUS_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
}

static struct step *step_create(size_t C)
{
    struct step *step = memory_zalloc(1, sizeof *step);
    struct params *params = step->params = params_create();
    struct init init = INIT_FAN_IN(C), zero = INIT_CONSTANT(0);
    step->C = C;
    step->tape = tape_create();
    for (size_t b = 0; b < BLOCKS; b++) {
        struct block *block = &step->blocks[b];
        block->conv = params_add(params, SHAPE(KERNEL, C, 2 * C), init, "%zu.conv", b);
        block->conv_bias = params_add(params, SHAPE(2 * C), zero, "%zu.conv_bias", b);
        block->skip = params_add(params, SHAPE(C, C), init, "%zu.skip", b);
        block->skip_bias = params_add(params, SHAPE(C), zero, "%zu.skip_bias", b);
        if (b + 1 == BLOCKS)
            break; /* nothing would follow the last residual */
        block->residual = params_add(params, SHAPE(C, C), init, "%zu.residual", b);
        block->residual_bias = params_add(params, SHAPE(C), zero, "%zu.residual_bias", b);
    }
    step->head = params_add(params, SHAPE(C, CATEGORIES), init, "head");
    step->head_bias = params_add(params, SHAPE(CATEGORIES), zero, "head_bias");
    params_finish(params, 1);
    step->optimiser = optimiser_create(params, &OPTIMISER_DEFAULTS);
    step->x = memory_alloc(R * C, sizeof *step->x);
    step->target = memory_alloc(R, sizeof *step->target);
    struct rng rng = rng_stream(1, RNG_TEST, 1, 0);
    for (size_t i = 0; i < R * C; i++)
        step->x[i] = (real)rng_normal(&rng);
    for (size_t r = 0; r < R; r++)
        step->target[r] = (int32_t)rng_below(&rng, CATEGORIES);
    return step;
}

static void step_free(struct step *step)
{
    optimiser_free(step->optimiser);
    params_free(step->params);
    tape_free(step->tape);
    free(step->x);
    free(step->target);
    free(step);
}

static void report_step(struct report *report, const struct step *step, double seconds,
                        double sgemm_rate)
{
    size_t C = step->C;
    double multiply_adds = (double)(BLOCKS * (KERNEL * 2 + 1) + BLOCKS - 1) * (double)(C * C) +
                           (double)(C * CATEGORIES);
    double rate = 3.0 * 2.0 * R * multiply_adds / seconds;
    double bytes = (double)tape_peak(step->tape) +
                   4.0 * (double)(step->params->size * sizeof(real));
    char key[96];
    snprintf(key, sizeof key, "step.%zu.rows_per_second", C);
    report_set(report, key, R / seconds);
    snprintf(key, sizeof key, "step.%zu.share", C);
    report_set(report, key, rate / sgemm_rate);
    snprintf(key, sizeof key, "step.%zu.peak_mb", C);
    report_set(report, key, bytes / 1e6);
    printf("step of width %-14zu %8.2f ms  %7.1f GFLOP/s  %4.0f %%  %.0f rows/s  %.0f MB\n", C,
           1e3 * seconds, rate / 1e9, 100.0 * rate / sgemm_rate, R / seconds, bytes / 1e6);
}

/* The step alone, its rows a second: for scripts/bench_torch.py, which takes turns with it. */
static int time_step(size_t C)
{
    struct step *step = step_create(C);
    printf("%.0f\n", R / report_best_time(train, step, REPEATS));
    step_free(step);
    return 0;
}

/* bench_nn [--step WIDTH] */
int main(int argc, char **argv)
{
    static const size_t widths[] = { 64, 128 };
    if (argc == 3 && strcmp(argv[1], "--step") == 0)
        return time_step((size_t)strtoul(argv[2], NULL, 10));
    struct step *steps[ARRAY_LEN(widths)];
    double step_seconds[ARRAY_LEN(widths)], op_seconds[ARRAY_LEN(op_benches)];
    /* The yardstick in between, its best counts: other work on the machine comes and goes. */
    double sgemm_rate = report_sgemm_rate();
    for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
        steps[i] = step_create(widths[i]);
        step_seconds[i] = report_best_time(train, steps[i], REPEATS);
        sgemm_rate = fmax(sgemm_rate, report_sgemm_rate());
    }
    for (size_t i = 0; i < ARRAY_LEN(op_benches); i++) {
        op_seconds[i] = time_op(&op_benches[i]);
        sgemm_rate = fmax(sgemm_rate, report_sgemm_rate());
    }

    struct report *report = report_open(REPORT_PATH);
    report_set(report, "threads", threads_count());
    report_set(report, "sgemm_gflops", sgemm_rate / 1e9);
    printf("%s, %d threads\n", threads_blas_description(), threads_count());
    printf("%-28s %20.1f GFLOP/s   100 %%\n", "sgemm of 2048", sgemm_rate / 1e9);
    for (size_t i = 0; i < ARRAY_LEN(op_benches); i++)
        report_op(report, &op_benches[i], op_seconds[i], sgemm_rate);
    for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
        report_step(report, steps[i], step_seconds[i], sgemm_rate);
        step_free(steps[i]);
    }
    report_close(report);
    return 0;
}
