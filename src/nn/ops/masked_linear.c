/* masked_linear.c - a linear map with a block-triangular weight: attributes one after another.
 *   y[r,o] = bias[o] + sum_{i < n_inputs[b]} x[r,i] W[i,o]      o in output block b
 * x [R,Cin]  W [Cin,Cout]  bias [Cout]  ->  y [R,Cout]
 * The mask of MADE (Germain et al., ICML 2015) and of the colours of PixelCNN (van den Oord et al.,
 * ICML 2016) as loop bounds, so a block sees no fewer inputs than the one before: what is masked is
 * neither read nor multiplied, and gets no gradient. Gradients: docs/math-nn.md, section 1. */
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
        RETURN_IF(b > 0 && params->n_inputs[b] < params->n_inputs[b - 1], err, STATUS_RANGE,
                  "block %zu sees %zu channels, fewer than the %zu of the one before", b,
                  params->n_inputs[b], params->n_inputs[b - 1]);
        Cout += params->n_outputs[b];
    }
    RETURN_IF(Cout != weight->shape.dims[1] || (bias != NULL && tensor_size(bias) != Cout), err,
              STATUS_RANGE, "the blocks have %zu outputs but the weight is %s and the bias %s",
              Cout, shape_text(&weight->shape), bias != NULL ? shape_text(&bias->shape) : "none");
    *out = x->shape;
    out->dims[out->n_dims - 1] = Cout;
    return STATUS_OK;
}

/* So many rows pass over all blocks while they are in the first cache. */
#define SLICE_ROWS 24

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
    size_t n_slices = (R + SLICE_ROWS - 1) / SLICE_ROWS;
#pragma omp parallel for schedule(static) if (n_slices > 1)
    for (size_t slice = 0; slice < n_slices; slice++) {
        size_t first = slice * SLICE_ROWS, n = R - first < SLICE_ROWS ? R - first : SLICE_ROWS;
        real *y_rows = node->output->data + first * Cout;
        for (size_t b = 0, o = 0; b < params->n_blocks; o += params->n_outputs[b++]) {
            struct affine_term term = { x->data + first * Cin, Cin, params->n_inputs[b], 0,
                                        packed[b] };
            affine_rows(y_rows + o, Cout, &term, 1, bias != NULL ? bias + o : NULL, NULL, 0, n,
                        params->n_outputs[b]);
        }
    }
}

/* The inputs first..last-1, which all outputs from first_out on see and none before it. */
struct input_group {
    size_t first, last, first_out;
};

/* At most n_blocks + 1 groups: the last one is what no output sees. */
static size_t group_inputs(const struct masked_linear_params *params, size_t Cin, size_t Cout,
                           struct input_group *groups)
{
    size_t n = 0, first = 0;
    for (size_t b = 0, o = 0; b < params->n_blocks; o += params->n_outputs[b++]) {
        if (params->n_inputs[b] == first)
            continue;
        groups[n++] = (struct input_group){ first, params->n_inputs[b], o };
        first = params->n_inputs[b];
    }
    if (first < Cin)
        groups[n++] = (struct input_group){ first, Cin, Cout };
    return n;
}

static void backward_x(struct op_node *node, const struct input_group *groups, size_t n_groups)
{
    const struct tensor *x = node->inputs[X];
    const real *weight = node->inputs[WEIGHT]->data, *dy = node->output->grad;
    size_t R = tensor_rows(x), Cin = tensor_channels(x), Cout = tensor_channels(node->output);
    bool adds;
    real *dx = grad_write(node->tape, node->inputs[X], &adds);
    struct arena *work = tape_work(node->tape);
    real *packed[MASKED_LINEAR_MAX_BLOCKS + 1];
    for (size_t g = 0; g < n_groups; g++) {
        size_t n_in = Cout - groups[g].first_out, n_out = groups[g].last - groups[g].first;
        packed[g] = arena_alloc(work, affine_packed_size(n_in, n_out), sizeof(real));
        affine_pack_transposed(packed[g], weight + groups[g].first * Cout + groups[g].first_out,
                               Cout, n_in, n_out);
    }
    size_t n_slices = (R + SLICE_ROWS - 1) / SLICE_ROWS;
#pragma omp parallel for schedule(static) if (n_slices > 1)
    for (size_t slice = 0; slice < n_slices; slice++) {
        size_t first = slice * SLICE_ROWS, n = R - first < SLICE_ROWS ? R - first : SLICE_ROWS;
        for (size_t g = 0; g < n_groups; g++) {
            struct affine_term term = { dy + first * Cout + groups[g].first_out, Cout,
                                        Cout - groups[g].first_out, 0, packed[g] };
            real *dx_rows = dx + first * Cin + groups[g].first;
            affine_rows(dx_rows, Cin, &term, 1, NULL, adds ? dx_rows : NULL, Cin, n,
                        groups[g].last - groups[g].first);
        }
    }
}

static void backward_weights(struct op_node *node, const struct input_group *groups,
                             size_t n_groups)
{
    const struct tensor *x = node->inputs[X];
    size_t R = tensor_rows(x), Cin = tensor_channels(x), Cout = tensor_channels(node->output);
    real *dw = op_wants(node, WEIGHT) ? grad_add(node->tape, node->inputs[WEIGHT]) : NULL;
    real *d_bias = op_wants(node, BIAS) ? grad_add(node->tape, node->inputs[BIAS]) : NULL;
    struct affine_weight_grad terms[MASKED_LINEAR_MAX_BLOCKS];
    size_t n_terms = 0;
    for (size_t g = 0; dw != NULL && g < n_groups && groups[g].first_out < Cout; g++)
        terms[n_terms++] = (struct affine_weight_grad){ .x = x->data + groups[g].first,
                                                        .x_stride = Cin,
                                                        .n_in = groups[g].last - groups[g].first,
                                                        .dw = dw + groups[g].first * Cout,
                                                        .dw_stride = Cout,
                                                        .first_out = groups[g].first_out };
    affine_add_weight_grads(terms, n_terms, d_bias, node->output->grad, Cout, 1, R, Cout,
                            tape_work(node->tape));
}

static void backward(struct op_node *node)
{
    size_t Cin = tensor_channels(node->inputs[X]), Cout = tensor_channels(node->output);
    struct input_group groups[MASKED_LINEAR_MAX_BLOCKS + 1];
    size_t n_groups = group_inputs(node->params, Cin, Cout, groups);
    if (op_wants(node, X))
        backward_x(node, groups, n_groups);
    if (op_wants(node, WEIGHT) || op_wants(node, BIAS))
        backward_weights(node, groups, n_groups);
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
