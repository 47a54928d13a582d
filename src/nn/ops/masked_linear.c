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
    RETURN_IF(params->n_blocks > MASKED_LINEAR_MAX_BLOCKS, err, STATUS_RANGE,
              "%zu blocks, more than %d", params->n_blocks, MASKED_LINEAR_MAX_BLOCKS);
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

/* All blocks of some rows before the next rows, so that x (or dx) is in the cache for each of them.
 */
static void forward(struct op_node *node)
{
    const struct masked_linear_params *params = node->params;
    const struct tensor *x = node->inputs[X];
    const real *weight = node->inputs[WEIGHT]->data;
    const real *bias = node->inputs[BIAS] != NULL ? node->inputs[BIAS]->data : NULL;
    size_t R = tensor_rows(x), Cin = tensor_channels(x), Cout = tensor_channels(node->output);
    struct arena *work = tape_work(node->tape);
    real *packed[MASKED_LINEAR_MAX_BLOCKS];
    for (size_t b = 0, o = 0; b < params->n_blocks; o += params->n_outputs[b++]) {
        size_t n_in = params->n_inputs[b], n_out = params->n_outputs[b];
        packed[b] = arena_alloc(work, affine_packed_size(n_in, n_out), sizeof(real));
        affine_pack(packed[b], weight + o, Cout, n_in, n_out);
    }
    size_t n_tasks = affine_n_tasks(1, R);
#pragma omp parallel for schedule(static) if (n_tasks > 1)
    for (size_t i = 0; i < n_tasks; i++) {
        struct affine_task task = affine_task(R, i);
        const real *x_rows = x->data + task.first * Cin;
        real *y_rows = node->output->data + task.first * Cout;
        for (size_t b = 0, o = 0; b < params->n_blocks; o += params->n_outputs[b++]) {
            struct affine_term term = { x_rows, Cin, params->n_inputs[b], 0, packed[b] };
            affine_rows(y_rows + o, Cout, &term, 1, bias != NULL ? bias + o : NULL, NULL, 0,
                        task.last - task.first, params->n_outputs[b]);
        }
    }
}

static void backward_x(struct op_node *node)
{
    const struct masked_linear_params *params = node->params;
    const struct tensor *x = node->inputs[X];
    const real *weight = node->inputs[WEIGHT]->data;
    size_t R = tensor_rows(x), Cin = tensor_channels(x), Cout = tensor_channels(node->output);
    real *dx = grad_add(node->tape, node->inputs[X]);
    struct arena *work = tape_work(node->tape);
    real *packed[MASKED_LINEAR_MAX_BLOCKS];
    for (size_t b = 0, o = 0; b < params->n_blocks; o += params->n_outputs[b++]) {
        size_t n_in = params->n_inputs[b], n_out = params->n_outputs[b];
        packed[b] = arena_alloc(work, affine_packed_size(n_out, n_in), sizeof(real));
        affine_pack_transposed(packed[b], weight + o, Cout, n_out, n_in);
    }
    size_t n_tasks = affine_n_tasks(1, R);
#pragma omp parallel for schedule(static) if (n_tasks > 1)
    for (size_t i = 0; i < n_tasks; i++) {
        struct affine_task task = affine_task(R, i);
        const real *dy_rows = node->output->grad + task.first * Cout;
        real *dx_rows = dx + task.first * Cin;
        for (size_t b = 0, o = 0; b < params->n_blocks; o += params->n_outputs[b++]) {
            struct affine_term term = { dy_rows + o, Cout, params->n_outputs[b], 0, packed[b] };
            affine_rows(dx_rows, Cin, &term, 1, NULL, dx_rows, Cin, task.last - task.first,
                        params->n_inputs[b]);
        }
    }
}

static void backward_weights(struct op_node *node)
{
    const struct masked_linear_params *params = node->params;
    const struct tensor *x = node->inputs[X];
    const real *dy = node->output->grad;
    size_t R = tensor_rows(x), Cin = tensor_channels(x), Cout = tensor_channels(node->output);
    real *dw = op_wants(node, WEIGHT) ? grad_add(node->tape, node->inputs[WEIGHT]) : NULL;
    real *d_bias = op_wants(node, BIAS) ? grad_add(node->tape, node->inputs[BIAS]) : NULL;
    for (size_t b = 0, o = 0; b < params->n_blocks; o += params->n_outputs[b++]) {
        struct affine_weight_grad term = { x->data, Cin, params->n_inputs[b], 0, NULL, Cout };
        if (dw != NULL)
            term.dw = dw + o;
        affine_add_weight_grads(&term, dw != NULL, d_bias != NULL ? d_bias + o : NULL, dy + o, Cout,
                                1, R, params->n_outputs[b], tape_work(node->tape));
    }
}

static void backward(struct op_node *node)
{
    if (op_wants(node, X))
        backward_x(node);
    if (op_wants(node, WEIGHT) || op_wants(node, BIAS))
        backward_weights(node);
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
