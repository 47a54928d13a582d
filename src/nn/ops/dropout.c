/* dropout.c - leaves out elements at random (Srivastava et al., JMLR 2014).
 *   y[i] = x[i] keep[i] / (1 - rate),  P(keep[i] = 1) = 1 - rate
 * x [..]  ->  y [..] */
#include "base/rng.h"
#include "nn/op.h"

#include <string.h>

/* Elements of one random stream, whatever the number of threads. */
#define PIECE 4096
/* Of these, so many are drawn at a time, two from a word of random bits. */
#define DRAWS 256

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct dropout_params *params = node->params;
    RETURN_IF(!(params->rate >= 0.0 && params->rate < 1.0), err, STATUS_RANGE,
              "rate %g is outside 0..1", params->rate);
    *out = node->inputs[0]->shape;
    return STATUS_OK;
}

static void forward(struct op_node *node)
{
    const struct dropout_params *params = node->params;
    const real *x = node->inputs[0]->data;
    real *y = node->output->data;
    size_t n = tensor_size(node->output);
    uint8_t *keep = op_save(node, n, sizeof *keep);
    const real scale = (real)(1.0 / (1.0 - params->rate));
    const uint16_t threshold = (uint16_t)(params->rate * 0x1p16);
#pragma omp parallel for schedule(static) if (OP_MANY(n))
    for (size_t first = 0; first < n; first += PIECE) {
        struct rng rng = rng_stream(params->seed, RNG_DROPOUT, first / PIECE, params->index);
        size_t last = first + PIECE < n ? first + PIECE : n;
        for (size_t from = first; from < last; from += DRAWS) {
            uint32_t words[DRAWS / 2];
            uint16_t draws[DRAWS];
            size_t n_draws = last - from < DRAWS ? last - from : DRAWS;
            rng_fill(&rng, words, DRAWS / 2);
            memcpy(draws, words, sizeof draws);
#pragma omp simd
            for (size_t i = 0; i < n_draws; i++) {
                keep[from + i] = draws[i] >= threshold;
                y[from + i] = draws[i] >= threshold ? scale * x[from + i] : 0;
            }
        }
    }
}

static void backward(struct op_node *node)
{
    const struct dropout_params *params = node->params;
    const uint8_t *keep = node->saved;
    const real *dy = node->output->grad;
    bool adds;
    real *dx = grad_write(node->tape, node->inputs[0], &adds);
    size_t n = tensor_size(node->output);
    const real scale = (real)(1.0 / (1.0 - params->rate));
#pragma omp parallel for simd schedule(static) if (parallel : OP_MANY(n))
    for (size_t i = 0; i < n; i++)
        dx[i] = (adds ? dx[i] : 0) + (keep[i] ? scale * dy[i] : 0);
}

#ifdef NN_GRADCHECK
static const struct dropout_params third = { .rate = 1.0 / 3.0, .seed = 1, .index = 2 };
static const struct gradcheck_case cases[] = {
    { .note = "a third", .shapes = { { 5, 7 } }, .params = &third },
};
#endif

const struct op_def op_dropout = { .name = "dropout",
                                   .n_inputs = 1,
                                   .params_size = sizeof(struct dropout_params),
                                   .infer_shape = infer_shape,
                                   .forward = forward,
                                   .backward = backward,
                                   OP_CASES(cases) };

struct tensor *dropout(struct tape *tape, struct tensor *x, struct dropout_params params)
{
    if (params.rate == 0.0 || !tape_trains(tape))
        return x;
    return tape_apply(tape, OP_DROPOUT, &x, &params);
}
