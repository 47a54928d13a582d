/* activate.c - a function of each element.
 *   y = max(x, 0)   x logistic(x)   tanh(x)   logistic(x)
 * x [..]  ->  y [..]
 * SiLU: Elfwing, Uchibe and Doya (2018). Gradients from x and y: nothing is saved. */
#include "nn/elementary.h"
#include "nn/op.h"

/* Elements that one thread takes at a time. */
#define PIECE 4096

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    (void)err;
    *out = node->inputs[0]->shape;
    return STATUS_OK;
}

static void apply(enum activation activation, real *restrict y, const real *restrict x, size_t n)
{
    switch (activation) {
    case ACTIVATION_RELU:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            y[i] = x[i] > 0 ? x[i] : 0;
        break;
    case ACTIVATION_SILU:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            y[i] = x[i] * elementary_logistic(x[i]);
        break;
    case ACTIVATION_TANH:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            y[i] = elementary_tanh(x[i]);
        break;
    case ACTIVATION_LOGISTIC:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            y[i] = elementary_logistic(x[i]);
        break;
    }
}

static void add_gradient(enum activation activation, real *restrict dx, const real *restrict x,
                         const real *restrict y, const real *restrict dy, size_t n)
{
    switch (activation) {
    case ACTIVATION_RELU:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            dx[i] += x[i] > 0 ? dy[i] : 0;
        break;
    case ACTIVATION_SILU: /* s + x s (1 - s) = s + y (1 - s) */
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            real s = elementary_logistic(x[i]);
            dx[i] += dy[i] * (s + y[i] * (1 - s));
        }
        break;
    case ACTIVATION_TANH:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            dx[i] += dy[i] * (1 - y[i] * y[i]);
        break;
    case ACTIVATION_LOGISTIC:
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            dx[i] += dy[i] * y[i] * (1 - y[i]);
        break;
    }
}

static void forward(struct op_node *node)
{
    const enum activation *activation = node->params;
    const struct tensor *x = node->inputs[0];
    size_t n = tensor_size(x);
#pragma omp parallel for schedule(static) if (OP_MANY(n))
    for (size_t i = 0; i < n; i += PIECE)
        apply(*activation, node->output->data + i, x->data + i, n - i < PIECE ? n - i : PIECE);
}

static void backward(struct op_node *node)
{
    const enum activation *activation = node->params;
    const struct tensor *x = node->inputs[0], *y = node->output;
    size_t n = tensor_size(x);
    real *dx = grad_add(node->tape, node->inputs[0]);
#pragma omp parallel for schedule(static) if (OP_MANY(n))
    for (size_t i = 0; i < n; i += PIECE)
        add_gradient(*activation, dx + i, x->data + i, y->data + i, y->grad + i,
                     n - i < PIECE ? n - i : PIECE);
}

#ifdef NN_GRADCHECK
static const enum activation relu = ACTIVATION_RELU, silu = ACTIVATION_SILU;
static const enum activation tanh_of = ACTIVATION_TANH, logistic = ACTIVATION_LOGISTIC;
static const struct gradcheck_case cases[] = {
    { .note = "relu", .shapes = { { 5, 3 } }, .params = &relu, .margin = 0.01 },
    { .note = "silu", .shapes = { { 5, 3 } }, .params = &silu },
    { .note = "tanh", .shapes = { { 5, 3 } }, .params = &tanh_of },
    { .note = "logistic", .shapes = { { 2, 5, 3 } }, .params = &logistic },
};
#endif

const struct op_def op_activate = { .name = "activate",
                                    .n_inputs = 1,
                                    .params_size = sizeof(enum activation),
                                    .infer_shape = infer_shape,
                                    .forward = forward,
                                    .backward = backward,
                                    OP_CASES(cases) };

struct tensor *activate(struct tape *tape, struct tensor *x, enum activation activation)
{
    return tape_apply(tape, OP_ACTIVATE, &x, &activation);
}
