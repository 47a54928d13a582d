/* slice.c - some of the channels.
 *   y[r,c] = x[r, first + c]
 * x [R,C]  ->  y [R,n] */
#include "nn/op.h"

#include <string.h>

struct params {
    size_t first, n;
};

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct params *params = node->params;
    const struct tensor *x = node->inputs[0];
    RETURN_IF(params->first > tensor_channels(x) || params->n > tensor_channels(x) - params->first,
              err, STATUS_RANGE, "channels %zu..%zu are not in x %s", params->first,
              params->first + params->n, shape_text(&x->shape));
    *out = x->shape;
    out->dims[out->n_dims - 1] = params->n;
    return STATUS_OK;
}

static void forward(struct op_node *node)
{
    const struct params *params = node->params;
    const struct tensor *x = node->inputs[0];
    size_t R = tensor_rows(x), C = tensor_channels(x), n = params->n;
    const real *from = x->data + params->first;
    real *y = node->output->data;
#pragma omp parallel for schedule(static) if (OP_MANY(R * n))
    for (size_t r = 0; r < R; r++)
        memcpy(y + r * n, from + r * C, n * sizeof *y);
}

static void backward(struct op_node *node)
{
    const struct params *params = node->params;
    struct tensor *x = node->inputs[0];
    size_t R = tensor_rows(x), C = tensor_channels(x), n = params->n;
    real *dx = grad_add(node->tape, x) + params->first;
    const real *dy = node->output->grad;
#pragma omp parallel for schedule(static) if (OP_MANY(R * n))
    for (size_t r = 0; r < R; r++)
        for (size_t c = 0; c < n; c++)
            dx[r * C + c] += dy[r * n + c];
}

#ifdef NN_GRADCHECK
static const struct params inside = { 1, 2 }, to_the_end = { 3, 2 };
static const struct gradcheck_case cases[] = {
    { .note = "inside", .shapes = { { 2, 3, 5 } }, .params = &inside },
    { .note = "to the end", .shapes = { { 4, 5 } }, .params = &to_the_end },
};
#endif

const struct op_def op_slice = { .name = "slice",
                                 .n_inputs = 1,
                                 .params_size = sizeof(struct params),
                                 .infer_shape = infer_shape,
                                 .forward = forward,
                                 .backward = backward,
                                 OP_CASES(cases) };

struct tensor *slice(struct tape *tape, struct tensor *x, size_t first, size_t n)
{
    return tape_apply(tape, OP_SLICE, &x, &(struct params){ first, n });
}
