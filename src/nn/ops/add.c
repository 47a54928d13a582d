/* add.c - the sum of two tensors.
 *   y = a + b
 * a, b [..]  ->  y [..] */
#include "nn/op.h"

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct tensor *a = node->inputs[0], *b = node->inputs[1];
    RETURN_IF(!shape_equal(&a->shape, &b->shape), err, STATUS_RANGE, "a is %s but b %s",
              shape_text(&a->shape), shape_text(&b->shape));
    *out = a->shape;
    return STATUS_OK;
}

static void forward(struct op_node *node)
{
    const real *a = node->inputs[0]->data, *b = node->inputs[1]->data;
    real *y = node->output->data;
    size_t n = tensor_size(node->output);
#pragma omp parallel for simd schedule(static) if (parallel : OP_MANY(n))
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

static void backward(struct op_node *node)
{
    if (op_wants(node, 0)) {
        const real *dy = node->output->grad;
        real *da = grad_add(node->tape, node->inputs[0]);
        size_t n = tensor_size(node->output);
#pragma omp parallel for simd schedule(static) if (parallel : OP_MANY(n))
        for (size_t i = 0; i < n; i++)
            da[i] += dy[i];
    }
    if (op_wants(node, 1))
        grad_pass(node, 1);
}

#ifdef NN_GRADCHECK
static const struct gradcheck_case cases[] = {
    { .note = "rows", .shapes = { { 5, 3 }, { 5, 3 } } },
    { .note = "numbers", .shapes = { { 1 }, { 1 } } },
};
#endif

const struct op_def op_add = { .name = "add",
                               .n_inputs = 2,
                               .infer_shape = infer_shape,
                               .forward = forward,
                               .backward = backward,
                               OP_CASES(cases) };

struct tensor *add(struct tape *tape, struct tensor *a, struct tensor *b)
{
    return tape_apply(tape, OP_ADD, (struct tensor *[]){ a, b }, NULL);
}
