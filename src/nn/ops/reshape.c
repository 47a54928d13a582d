/* reshape.c - the same numbers under another shape.
 * x [..]  ->  y, of the same size: the same memory, and the same gradient. */
#include "nn/op.h"

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct shape *shape = node->params;
    RETURN_IF(shape_size(shape) != tensor_size(node->inputs[0]), err, STATUS_RANGE,
              "%s does not have the size of %s", shape_text(shape),
              shape_text(&node->inputs[0]->shape));
    *out = *shape;
    return STATUS_OK;
}

static void forward(struct op_node *node)
{
    (void)node; /* a view: see is_view */
}

static void backward(struct op_node *node)
{
    grad_pass(node, 0);
}

#ifdef NN_GRADCHECK
static const struct shape rows = { 2, { 6, 2 } };
static const struct gradcheck_case cases[] = {
    { .note = "sequences to rows", .shapes = { { 2, 3, 2 } }, .params = &rows },
};
#endif

const struct op_def op_reshape = { .name = "reshape",
                                   .n_inputs = 1,
                                   .params_size = sizeof(struct shape),
                                   .is_view = true,
                                   .infer_shape = infer_shape,
                                   .forward = forward,
                                   .backward = backward,
                                   OP_CASES(cases) };

struct tensor *reshape(struct tape *tape, struct tensor *x, struct shape shape)
{
    return tape_apply(tape, OP_RESHAPE, &x, &shape);
}
