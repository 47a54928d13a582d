/* total.c - the sum of everything, scaled: how a loss ends.
 *   y = scale sum_i x[i]
 * x [..]  ->  y [1]
 * Summed in double, pieces in their order. */
#include "nn/op.h"

#define PIECE 4096

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    (void)node;
    (void)err;
    *out = SHAPE(1);
    return STATUS_OK;
}

static void forward(struct op_node *node)
{
    const struct tensor *x = node->inputs[0];
    const double *scale = node->params;
    size_t n = tensor_size(x), n_pieces = (n + PIECE - 1) / PIECE;
    double *sums = arena_zalloc(tape_work(node->tape), n_pieces, sizeof *sums);
#pragma omp parallel for schedule(static) if (OP_MANY(n))
    for (size_t piece = 0; piece < n_pieces; piece++)
        for (size_t i = piece * PIECE; i < n && i < (piece + 1) * PIECE; i++)
            sums[piece] += (double)x->data[i];
    double sum = 0.0;
    for (size_t piece = 0; piece < n_pieces; piece++)
        sum += sums[piece];
    node->output->data[0] = (real)(*scale * sum);
}

static void backward(struct op_node *node)
{
    const double *scale = node->params;
    real dx_i = (real)*scale * node->output->grad[0];
    real *dx = grad_add(node->tape, node->inputs[0]);
    size_t n = tensor_size(node->inputs[0]);
#pragma omp parallel for simd schedule(static) if (parallel : OP_MANY(n))
    for (size_t i = 0; i < n; i++)
        dx[i] += dx_i;
}

#ifdef NN_GRADCHECK
static const double third = 1.0 / 3.0;
static const struct gradcheck_case cases[] = {
    { .note = "a third", .shapes = { { 5, 3 } }, .params = &third },
};
#endif

const struct op_def op_total = { .name = "total",
                                 .n_inputs = 1,
                                 .params_size = sizeof(double),
                                 .infer_shape = infer_shape,
                                 .forward = forward,
                                 .backward = backward,
                                 OP_CASES(cases) };

struct tensor *total(struct tape *tape, struct tensor *x, double scale)
{
    return tape_apply(tape, OP_TOTAL, &x, &scale);
}
