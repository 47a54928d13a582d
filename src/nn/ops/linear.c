/* linear.c - a linear map, on top of something where that is given.
 *   y[r,o] = base[r,o] + bias[o] + sum_i x[r,i] W[i,o]
 * x [R,Cin]  W [Cin,Cout]  bias [Cout]  base [R,Cout]  ->  y [R,Cout]
 * Gradients: docs/math-nn.md, section 1. */
#include "nn/affine.h"
#include "nn/op.h"

enum { X, WEIGHT, BIAS, BASE };

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct tensor *x = node->inputs[X], *weight = node->inputs[WEIGHT];
    const struct tensor *bias = node->inputs[BIAS], *base = node->inputs[BASE];
    RETURN_IF(weight->shape.n_dims != 2 || weight->shape.dims[0] != tensor_channels(x), err,
              STATUS_RANGE, "input has %zu channels but the weight is %s (x %s)",
              tensor_channels(x), shape_text(&weight->shape), shape_text(&x->shape));
    *out = x->shape;
    out->dims[out->n_dims - 1] = weight->shape.dims[1];
    RETURN_IF(bias != NULL && tensor_size(bias) != weight->shape.dims[1], err, STATUS_RANGE,
              "bias is %s but the weight %s", shape_text(&bias->shape), shape_text(&weight->shape));
    RETURN_IF(base != NULL && !shape_equal(&base->shape, out), err, STATUS_RANGE,
              "base is %s but the result %s", shape_text(&base->shape), shape_text(out));
    return STATUS_OK;
}

static void forward(struct op_node *node)
{
    const struct tensor *x = node->inputs[X], *weight = node->inputs[WEIGHT];
    const struct tensor *bias = node->inputs[BIAS], *base = node->inputs[BASE];
    size_t Cin = tensor_channels(x), Cout = tensor_channels(node->output);
    real *packed = arena_alloc(tape_work(node->tape), affine_packed_size(Cin, Cout), sizeof(real));
    affine_pack(packed, weight->data, Cout, Cin, Cout);
    struct affine_term term = { .x = x->data, .x_stride = Cin, .n_in = Cin, .packed = packed };
    affine_map(node->output->data, Cout, &term, 1, bias != NULL ? bias->data : NULL,
               base != NULL ? base->data : NULL, Cout, 1, tensor_rows(x), Cout);
}

static void backward(struct op_node *node)
{
    struct tensor *x = node->inputs[X], *weight = node->inputs[WEIGHT];
    size_t R = tensor_rows(x), Cin = tensor_channels(x), Cout = tensor_channels(node->output);
    const real *dy = node->output->grad;
    if (op_wants(node, X)) {
        bool adds;
        real *dx = grad_write(node->tape, x, &adds);
        real *packed = arena_alloc(tape_work(node->tape), affine_packed_size(Cout, Cin),
                                   sizeof(real));
        affine_pack_transposed(packed, weight->data, Cout, Cout, Cin);
        struct affine_term term = { .x = dy, .x_stride = Cout, .n_in = Cout, .packed = packed };
        affine_map(dx, Cin, &term, 1, NULL, adds ? dx : NULL, Cin, 1, R, Cin);
    }
    if (op_wants(node, WEIGHT) || op_wants(node, BIAS)) {
        struct affine_weight_grad term = { .x = x->data, .x_stride = Cin, .n_in = Cin };
        size_t n_terms = op_wants(node, WEIGHT) ? 1 : 0;
        if (n_terms > 0) {
            term.dw = grad_add(node->tape, weight);
            term.dw_stride = Cout;
        }
        real *d_bias = op_wants(node, BIAS) ? grad_add(node->tape, node->inputs[BIAS]) : NULL;
        affine_add_weight_grads(&term, n_terms, d_bias, dy, Cout, 1, R, Cout,
                                tape_work(node->tape));
    }
    if (op_wants(node, BASE))
        grad_pass(node, BASE);
}

#ifdef NN_GRADCHECK
static const struct gradcheck_case cases[] = {
    { .note = "plain", .shapes = { { 5, 3 }, { 3, 4 }, { 4 } } },
    { .note = "no bias, one output", .shapes = { { 7, 2 }, { 2, 1 } } },
    { .note = "sequences onto a base", .shapes = { { 2, 7, 5 }, { 5, 19 }, { 19 }, { 2, 7, 19 } } },
};
#endif

const struct op_def op_linear = { .name = "linear",
                                  .n_inputs = 4,
                                  .n_optional = 2,
                                  .infer_shape = infer_shape,
                                  .forward = forward,
                                  .backward = backward,
                                  OP_CASES(cases) };

struct tensor *linear(struct tape *tape, struct tensor *x, struct tensor *weight,
                      struct tensor *bias)
{
    return linear_onto(tape, NULL, x, weight, bias);
}

struct tensor *linear_onto(struct tape *tape, struct tensor *base, struct tensor *x,
                           struct tensor *weight, struct tensor *bias)
{
    return tape_apply(tape, OP_LINEAR, (struct tensor *[]){ x, weight, bias, base }, NULL);
}
