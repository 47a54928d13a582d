/* masked_linear.c - a linear map with a block-triangular weight: attributes one after another.
 *   y[r,o] = bias[o] + sum_{i < n_inputs[b]} x[r,i] W[i,o]      o in output block b
 * x [R,Cin]  W [Cin,Cout]  bias [Cout]  ->  y [R,Cout]
 * The mask of MADE (Germain et al., ICML 2015) and of the colours of PixelCNN (van den Oord et al.,
 * ICML 2016) as loop bounds: what is masked is neither read nor multiplied, and gets no gradient.
 * Gradients: docs/math-nn.md, section 1. */
#include "nn/affine.h"
#include "nn/op.h"

enum { X, WEIGHT, BIAS };

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct tensor *x = node->inputs[X], *weight = node->inputs[WEIGHT];
    const struct tensor *bias = node->inputs[BIAS];
    const struct masked_linear_params *params = node->params;
    RETURN_IF(weight->shape.n_dims != 2 || weight->shape.dims[0] != tensor_channels(x), err,
              STATUS_RANGE, "input has %zu channels but the weight is %s (x %s)",
              tensor_channels(x), shape_text(&weight->shape), shape_text(&x->shape));
    size_t Cout = 0;
    for (size_t b = 0; b < params->n_blocks; b++) {
        RETURN_IF(params->n_inputs[b] > tensor_channels(x), err, STATUS_RANGE,
                  "block %zu sees %zu channels of %zu", b, params->n_inputs[b], tensor_channels(x));
        Cout += params->n_outputs[b];
    }
    RETURN_IF(Cout != weight->shape.dims[1] || (bias != NULL && tensor_size(bias) != Cout), err,
              STATUS_RANGE, "the blocks have %zu outputs but the weight is %s and the bias %s",
              Cout, shape_text(&weight->shape), bias != NULL ? shape_text(&bias->shape) : "none");
    *out = x->shape;
    out->dims[out->n_dims - 1] = Cout;
    return STATUS_OK;
}

static void forward(struct op_node *node)
{
    const struct masked_linear_params *params = node->params;
    const struct tensor *x = node->inputs[X];
    const real *weight = node->inputs[WEIGHT]->data;
    const real *bias = node->inputs[BIAS] != NULL ? node->inputs[BIAS]->data : NULL;
    size_t R = tensor_rows(x), Cin = tensor_channels(x), Cout = tensor_channels(node->output);
    real *y = node->output->data;
    for (size_t b = 0, o = 0; b < params->n_blocks; o += params->n_outputs[b++]) {
        size_t n_in = params->n_inputs[b], n_out = params->n_outputs[b];
        real *packed = arena_alloc(tape_work(node->tape), affine_packed_size(n_in, n_out),
                                   sizeof(real));
        affine_pack(packed, weight + o, Cout, n_in, n_out);
        struct affine_term term = { x->data, Cin, n_in, 0, packed };
        affine_map(y + o, Cout, &term, 1, bias != NULL ? bias + o : NULL, NULL, 0, 1, R, n_out);
    }
}

static void backward(struct op_node *node)
{
    const struct masked_linear_params *params = node->params;
    struct tape *tape = node->tape;
    const struct tensor *x = node->inputs[X];
    const real *weight = node->inputs[WEIGHT]->data, *dy = node->output->grad;
    size_t R = tensor_rows(x), Cin = tensor_channels(x), Cout = tensor_channels(node->output);
    real *dx = op_wants(node, X) ? grad_add(tape, node->inputs[X]) : NULL;
    real *dw = op_wants(node, WEIGHT) ? grad_add(tape, node->inputs[WEIGHT]) : NULL;
    real *d_bias = op_wants(node, BIAS) ? grad_add(tape, node->inputs[BIAS]) : NULL;
    for (size_t b = 0, o = 0; b < params->n_blocks; o += params->n_outputs[b++]) {
        size_t n_in = params->n_inputs[b], n_out = params->n_outputs[b];
        if (dx != NULL) {
            real *packed = arena_alloc(tape_work(tape), affine_packed_size(n_out, n_in),
                                       sizeof(real));
            affine_pack_transposed(packed, weight + o, Cout, n_out, n_in);
            struct affine_term term = { dy + o, Cout, n_out, 0, packed };
            affine_map(dx, Cin, &term, 1, NULL, dx, Cin, 1, R, n_in);
        }
        struct affine_weight_grad term = { x->data, Cin, n_in, 0, NULL, Cout };
        if (dw != NULL)
            term.dw = dw + o;
        if (dw != NULL || d_bias != NULL)
            affine_add_weight_grads(&term, dw != NULL, d_bias != NULL ? d_bias + o : NULL, dy + o,
                                    Cout, 1, R, n_out, tape_work(tape));
    }
}

#ifdef NN_GRADCHECK
static const struct masked_linear_params three_blocks = { 3, { 0, 2, 5 }, { 2, 3, 18 } };
static const struct masked_linear_params one_block = { 1, { 3 }, { 2 } };
static const struct gradcheck_case cases[] = {
    { .note = "the first block sees nothing",
      .shapes = { { 2, 4, 6 }, { 6, 23 }, { 23 } },
      .params = &three_blocks },
    { .note = "no bias", .shapes = { { 5, 3 }, { 3, 2 } }, .params = &one_block },
};
#endif

const struct op_def op_masked_linear = { .name = "masked_linear",
                                         .n_inputs = 3,
                                         .n_optional = 1,
                                         .params_size = sizeof(struct masked_linear_params),
                                         .infer_shape = infer_shape,
                                         .forward = forward,
                                         .backward = backward,
                                         OP_CASES(cases) };

struct tensor *masked_linear(struct tape *tape, struct tensor *x, struct tensor *weight,
                             struct tensor *bias, const struct masked_linear_params *params)
{
    return tape_apply(tape, OP_MASKED_LINEAR, (struct tensor *[]){ x, weight, bias }, params);
}
