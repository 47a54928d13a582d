/* gather_sum.c - sums of rows that are looked up: embeddings, and the choice of rows.
 *   y[r] = sum_f x[index[r,f]]
 * x [V,C]  index [R,F]  ->  y [R,C]
 * The backward pass scatters dy to the rows of x. Each thread takes some of the channels and all
 * rows in their order, so that a sum never depends on who computed it. */
#include "nn/op.h"

#include <string.h>

struct params {
    const int32_t *index;
    size_t R, F;
};

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct params *params = node->params;
    const struct tensor *x = node->inputs[0];
    for (size_t i = 0; i < params->R * params->F; i++)
        RETURN_IF(params->index[i] != GATHER_NONE &&
                      (params->index[i] < 0 || (size_t)params->index[i] >= tensor_rows(x)),
                  err, STATUS_RANGE, "row %zu asks for row %d of x %s", i / params->F,
                  (int)params->index[i], shape_text(&x->shape));
    *out = SHAPE(params->R, tensor_channels(x));
    return STATUS_OK;
}

static void forward(struct op_node *node)
{
    const struct params *params = node->params;
    size_t C = tensor_channels(node->output), F = params->F;
    const real *x = node->inputs[0]->data;
    real *y = node->output->data;
#pragma omp parallel for schedule(static) if (OP_MANY(params->R * F * C))
    for (size_t r = 0; r < params->R; r++) {
        memset(y + r * C, 0, C * sizeof *y);
        for (size_t f = 0; f < F; f++) {
            int32_t row = params->index[r * F + f];
            for (size_t c = 0; row != GATHER_NONE && c < C; c++)
                y[r * C + c] += x[(size_t)row * C + c];
        }
    }
}

/* Channels to a thread: one line of memory. */
#define SLICE (ARENA_ALIGNMENT / sizeof(real))

static void backward(struct op_node *node)
{
    const struct params *params = node->params;
    size_t C = tensor_channels(node->output), F = params->F;
    const real *dy = node->output->grad;
    real *dx = grad_add(node->tape, node->inputs[0]);
#pragma omp parallel for schedule(static) if (OP_MANY(params->R * F * C))
    for (size_t first = 0; first < C; first += SLICE) {
        size_t last = first + SLICE < C ? first + SLICE : C;
        for (size_t i = 0; i < params->R * F; i++) {
            int32_t row = params->index[i];
            for (size_t c = first; row != GATHER_NONE && c < last; c++)
                dx[(size_t)row * C + c] += dy[i / F * C + c];
        }
    }
}

#ifdef NN_GRADCHECK
static const int32_t two_fields[] = { 0, 3, 1, 1, 4, GATHER_NONE, 2, 0 };
static const struct params embedding = { two_fields, 4, 2 };
static const struct params choice = { two_fields, 5, 1 };
static const struct gradcheck_case cases[] = {
    { .note = "two fields, a row twice, a field left out",
      .shapes = { { 5, 3 } },
      .params = &embedding },
    { .note = "a choice of rows", .shapes = { { 5, 19 } }, .params = &choice },
};
#endif

const struct op_def op_gather_sum = { .name = "gather_sum",
                                      .n_inputs = 1,
                                      .params_size = sizeof(struct params),
                                      .infer_shape = infer_shape,
                                      .forward = forward,
                                      .backward = backward,
                                      OP_CASES(cases) };

struct tensor *gather_sum(struct tape *tape, struct tensor *x, const int32_t *index, size_t R,
                          size_t F)
{
    return tape_apply(tape, OP_GATHER_SUM, &x, &(struct params){ index, R, F });
}
