/* concat.c - channels side by side.
 *   y[r] = (x_0[r], x_1[r], ...)
 * x_i [R,C_i]  ->  y [R, C_0 + C_1 + ...] */
#include "nn/op.h"

#include <string.h>

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    *out = node->inputs[0]->shape;
    size_t C = 0;
    for (size_t i = 0; i < OP_MAX_INPUTS && node->inputs[i] != NULL; i++) {
        const struct tensor *x = node->inputs[i];
        RETURN_IF(tensor_rows(x) != tensor_rows(node->inputs[0]), err, STATUS_RANGE,
                  "input %zu is %s but the first %s", i, shape_text(&x->shape),
                  shape_text(&node->inputs[0]->shape));
        C += tensor_channels(x);
    }
    out->dims[out->n_dims - 1] = C;
    return STATUS_OK;
}

static void forward(struct op_node *node)
{
    size_t R = tensor_rows(node->output), C = tensor_channels(node->output);
    real *y = node->output->data;
    for (size_t i = 0; i < OP_MAX_INPUTS && node->inputs[i] != NULL; i++) {
        const real *x = node->inputs[i]->data;
        size_t C_i = tensor_channels(node->inputs[i]);
#pragma omp parallel for schedule(static) if (OP_MANY(R * C))
        for (size_t r = 0; r < R; r++)
            memcpy(y + r * C, x + r * C_i, C_i * sizeof *y);
        y += C_i;
    }
}

static void backward(struct op_node *node)
{
    size_t R = tensor_rows(node->output), C = tensor_channels(node->output);
    const real *dy = node->output->grad;
    for (size_t i = 0; i < OP_MAX_INPUTS && node->inputs[i] != NULL; i++) {
        size_t C_i = tensor_channels(node->inputs[i]);
        if (op_wants(node, i)) {
            real *dx = grad_add(node->tape, node->inputs[i]);
#pragma omp parallel for schedule(static) if (OP_MANY(R * C))
            for (size_t r = 0; r < R; r++)
                for (size_t c = 0; c < C_i; c++)
                    dx[r * C_i + c] += dy[r * C + c];
        }
        dy += C_i;
    }
}

#ifdef NN_GRADCHECK
static const struct gradcheck_case cases[] = {
    { .note = "three", .shapes = { { 2, 2, 3 }, { 2, 2, 1 }, { 4, 2 } } },
};
#endif

const struct op_def op_concat = { .name = "concat",
                                  .n_inputs = OP_MAX_INPUTS,
                                  .n_optional = OP_MAX_INPUTS - 1,
                                  .infer_shape = infer_shape,
                                  .forward = forward,
                                  .backward = backward,
                                  OP_CASES(cases) };

struct tensor *concat(struct tape *tape, struct tensor *const *inputs, size_t n_inputs)
{
    struct tensor *all[OP_MAX_INPUTS] = { NULL };
    if (n_inputs > OP_MAX_INPUTS)
        BUG("concat of %zu tensors", n_inputs);
    memcpy(all, inputs, n_inputs * sizeof *inputs);
    return tape_apply(tape, OP_CONCAT, all, NULL);
}
