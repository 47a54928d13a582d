/* conv1d.c - causal dilated convolution, with context and gate.
 *   z[n,l,o] = bias[o] + sum_{k,i} x[n, l - delay - k dilation, i] W[k,i,o]
 *                      + sum_j context[n,l,j] V[j,o]
 *   y = z, or, gated, y[n,l,c] = tanh(z[n,l,c]) logistic(z[n,l,C+c])
 * x [N,L,Cin]  W [K,Cin,Cout]  bias [Cout]  context [N,L,J]  V [J,Cout]  ->  y [N,L,Cout], gated C
 * = Cout/2 The gated unit of WaveNet (van den Oord et al., 2016, eq. 2 and 3, with context). x
 * before the start of a sequence is 0. Gradients: docs/math-nn.md, section 2. Method: one term of
 * affine.h a tap, on shifted pointers, or, where K is 2, both taps in three products for two rows
 * (affine_taps.c). The gate keeps tanh and logistic, 2 C a row, and turns them into dz in place. */
#include "nn/affine.h"
#include "nn/elementary.h"
#include "nn/op.h"

enum { X, WEIGHT, BIAS, CONTEXT, CONTEXT_WEIGHT };

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct conv1d_params *params = node->params;
    const struct tensor *x = node->inputs[X], *weight = node->inputs[WEIGHT];
    const struct tensor *bias = node->inputs[BIAS], *context = node->inputs[CONTEXT];
    const struct tensor *context_weight = node->inputs[CONTEXT_WEIGHT];
    RETURN_IF(x->shape.n_dims != 3 || weight->shape.n_dims != 3, err, STATUS_RANGE,
              "x and weight need three sizes (x %s, w %s)", shape_text(&x->shape),
              shape_text(&weight->shape));
    size_t K = weight->shape.dims[0], Cout = weight->shape.dims[2];
    RETURN_IF(weight->shape.dims[1] != tensor_channels(x), err, STATUS_RANGE,
              "input has %zu channels but weight expects %zu (x %s, w %s)", tensor_channels(x),
              weight->shape.dims[1], shape_text(&x->shape), shape_text(&weight->shape));
    RETURN_IF(K < 1 || K >= AFFINE_MAX_TERMS || params->dilation < 1, err, STATUS_RANGE,
              "kernel %zu with dilation %zu (kernel 1..%d, dilation from 1)", K, params->dilation,
              AFFINE_MAX_TERMS - 1);
    RETURN_IF(params->gated && Cout % 2 != 0, err, STATUS_RANGE,
              "a gate halves the channels, but there are %zu", Cout);
    RETURN_IF(bias != NULL && tensor_size(bias) != Cout, err, STATUS_RANGE,
              "bias is %s but the weight %s", shape_text(&bias->shape), shape_text(&weight->shape));
    RETURN_IF((context == NULL) != (context_weight == NULL), err, STATUS_RANGE,
              "context and its weight come together");
    RETURN_IF(context != NULL &&
                  (tensor_rows(context) != tensor_rows(x) || context_weight->shape.n_dims != 2 ||
                   context_weight->shape.dims[0] != tensor_channels(context) ||
                   context_weight->shape.dims[1] != Cout),
              err, STATUS_RANGE, "context is %s and its weight %s (x %s, w %s)",
              shape_text(&context->shape), shape_text(&context_weight->shape),
              shape_text(&x->shape), shape_text(&weight->shape));
    *out = SHAPE(x->shape.dims[0], x->shape.dims[1], params->gated ? Cout / 2 : Cout);
    return STATUS_OK;
}

static size_t shift_of_tap(const struct conv1d_params *params, size_t k)
{
    return params->delay + k * params->dilation;
}

/* z[c] and z[C+c] become tanh and logistic; y is their product. */
static void gate(real *y, real *z, size_t n_rows, size_t C)
{
    for (size_t r = 0; r < n_rows; r++, y += C, z += 2 * C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++) {
            z[c] = elementary_tanh(z[c]);
            z[C + c] = elementary_logistic(z[C + c]);
            y[c] = z[c] * z[C + c];
        }
    }
}

/* tanh t and logistic s become the gradients before them:
 * da = dy s (1 - t^2), db = dy t s (1 - s). */
static void gate_backward(real *z, const real *dy, size_t n_rows, size_t C)
{
    for (size_t r = 0; r < n_rows; r++, dy += C, z += 2 * C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++) {
            real t = z[c], s = z[C + c], dy_s = dy[c] * s;
            z[c] = dy_s * (1 - t * t);
            z[C + c] = dy_s * (t * (1 - s));
        }
    }
}

/* The taps of x (or of dz, for the gradient in x: to_x), and after them other terms. */
struct sums {
    bool has_two; /* two taps, as one */
    struct affine_taps two;
    struct affine_term terms[AFFINE_MAX_TERMS];
    size_t n_terms;
    size_t scratch_size; /* of a task */
};

/* What two taps in three products save must be worth making their differences. */
#define MIN_CHANNELS 32

static bool takes_two_taps(const struct tensor *weight)
{
    const size_t *dims = weight->shape.dims;
    return dims[0] == 2 && dims[1] >= MIN_CHANNELS && dims[2] >= MIN_CHANNELS;
}

static struct sums sums_of_taps(const struct op_node *node, const real *x, bool to_x,
                                struct arena *work)
{
    const struct conv1d_params *params = node->params;
    const struct tensor *weight = node->inputs[WEIGHT];
    size_t K = weight->shape.dims[0], Cin = weight->shape.dims[1], Cout = weight->shape.dims[2];
    size_t n_in = to_x ? Cout : Cin, n_out = to_x ? Cin : Cout;
    struct sums sums = { .has_two = takes_two_taps(weight) };
    const real *packed[AFFINE_MAX_TERMS];
    real *both = NULL;
    if (sums.has_two) {
        both = arena_alloc(work, Cin * Cout, sizeof *both);
        for (size_t i = 0; i < Cin * Cout; i++)
            both[i] = weight->data[i] + weight->data[Cin * Cout + i];
    }
    for (size_t k = 0; k < K + sums.has_two; k++) {
        const real *w = k < K ? weight->data + k * Cin * Cout : both;
        real *to = arena_alloc(work, affine_packed_size(n_in, n_out), sizeof *to);
        if (to_x)
            affine_pack_transposed(to, w, Cout, n_in, n_out);
        else
            affine_pack(to, w, Cout, n_in, n_out);
        packed[k] = to;
    }
    ptrdiff_t sign = to_x ? -1 : 1;
    if (sums.has_two) {
        size_t near = to_x ? 1 : 0;
        sums.two = (struct affine_taps){ x,
                                         n_in,
                                         n_in,
                                         sign * (ptrdiff_t)shift_of_tap(params, near),
                                         params->dilation,
                                         packed[near],
                                         packed[1 - near],
                                         packed[2] };
        sums.scratch_size = affine_taps_scratch_size(n_in, n_out);
        return sums;
    }
    for (size_t k = 0; k < K; k++)
        sums.terms[sums.n_terms++] = (struct affine_term){
            x, n_in, n_in, sign * (ptrdiff_t)shift_of_tap(params, k), packed[k]
        };
    return sums;
}

/* One task of a pass: y and base are at its first row. */
static void run_task(const struct sums *sums, real *y, const real *bias, const real *base,
                     size_t n_out, size_t L, struct affine_task task, struct arena *scratch)
{
    size_t start = task.sequence * L;
    struct affine_term here[AFFINE_MAX_TERMS];
    for (size_t t = 0; t < sums->n_terms; t++) {
        here[t] = sums->terms[t];
        here[t].x += start * here[t].x_stride;
    }
    if (!sums->has_two) {
        affine_sequence(y, n_out, here, sums->n_terms, bias, base, n_out, task.first, task.last, L,
                        n_out);
        return;
    }
    struct affine_taps two = sums->two;
    two.x += start * two.x_stride;
    affine_taps_sequence(y, n_out, &two, here, sums->n_terms, bias, base, n_out, task.first,
                         task.last, L, n_out,
                         arena_alloc(scratch, sums->scratch_size, sizeof(real)));
}

/* One task of the forward pass. */
static void forward_task(const struct op_node *node, const struct sums *sums,
                         struct affine_task task)
{
    const struct conv1d_params *params = node->params;
    const struct tensor *y = node->output;
    size_t L = y->shape.dims[1], C = y->shape.dims[2], Cout = params->gated ? 2 * C : C;
    const real *bias = node->inputs[BIAS] != NULL ? node->inputs[BIAS]->data : NULL;
    size_t row = task.sequence * L + task.first, n_rows = task.last - task.first;
    struct arena *scratch = tape_scratch(node->tape);
    real *y_rows = y->data + row * C;
    /* z is kept for the gradient, is the result itself, or is needed for a moment only. */
    real *z_rows = y_rows;
    if (node->saved != NULL)
        z_rows = (real *)node->saved + row * Cout;
    else if (params->gated)
        z_rows = arena_alloc(scratch, n_rows * Cout, sizeof(real));
    run_task(sums, z_rows, bias, NULL, Cout, L, task, scratch);
    if (params->gated)
        gate(y_rows, z_rows, n_rows, C);
}

static void forward(struct op_node *node)
{
    const struct conv1d_params *params = node->params;
    const struct tensor *x = node->inputs[X], *context = node->inputs[CONTEXT];
    size_t N = x->shape.dims[0], L = x->shape.dims[1], Cout = node->inputs[WEIGHT]->shape.dims[2];
    struct arena *work = tape_work(node->tape);
    struct sums sums = sums_of_taps(node, x->data, false, work);
    if (context != NULL) {
        size_t J = tensor_channels(context);
        real *packed = arena_alloc(work, affine_packed_size(J, Cout), sizeof(real));
        affine_pack(packed, node->inputs[CONTEXT_WEIGHT]->data, Cout, J, Cout);
        sums.terms[sums.n_terms++] = (struct affine_term){ context->data, J, J, 0, packed };
    }
    if (params->gated && op_wants_any(node))
        op_save(node, N * L * Cout, sizeof(real));
    size_t n_tasks = affine_n_tasks(N, L);
#pragma omp parallel for schedule(static) if (n_tasks > 1)
    for (size_t i = 0; i < n_tasks; i++)
        forward_task(node, &sums, affine_task(L, i));
}

static void backward_x(struct op_node *node, const real *dz)
{
    struct tensor *x = node->inputs[X];
    size_t N = x->shape.dims[0], L = x->shape.dims[1], Cin = tensor_channels(x);
    bool adds;
    real *dx = grad_write(node->tape, x, &adds);
    struct sums sums = sums_of_taps(node, dz, true, tape_work(node->tape));
    size_t n_tasks = affine_n_tasks(N, L);
#pragma omp parallel for schedule(static) if (n_tasks > 1)
    for (size_t i = 0; i < n_tasks; i++) {
        struct affine_task task = affine_task(L, i);
        real *dx_rows = dx + (task.sequence * L + task.first) * Cin;
        run_task(&sums, dx_rows, NULL, adds ? dx_rows : NULL, Cin, L, task,
                 tape_scratch(node->tape));
    }
}

static void backward_context(struct op_node *node, const real *dz)
{
    struct tensor *context = node->inputs[CONTEXT];
    const struct tensor *weight = node->inputs[CONTEXT_WEIGHT];
    size_t J = tensor_channels(context), Cout = tensor_channels(weight);
    bool adds;
    real *dcontext = grad_write(node->tape, context, &adds);
    real *packed = arena_alloc(tape_work(node->tape), affine_packed_size(Cout, J), sizeof(real));
    affine_pack_transposed(packed, weight->data, Cout, Cout, J);
    struct affine_term term = { dz, Cout, Cout, 0, packed };
    affine_map(dcontext, J, &term, 1, NULL, adds ? dcontext : NULL, J, 1, tensor_rows(context), J);
}

static void backward_weights(struct op_node *node, const real *dz)
{
    const struct conv1d_params *params = node->params;
    const struct tensor *x = node->inputs[X], *context = node->inputs[CONTEXT];
    struct tensor *weight = node->inputs[WEIGHT];
    size_t Cin = tensor_channels(x), K = weight->shape.dims[0], Cout = weight->shape.dims[2];
    struct affine_weight_grad terms[AFFINE_MAX_TERMS];
    size_t n_terms = 0;
    if (op_wants(node, WEIGHT)) {
        real *dw = grad_add(node->tape, weight);
        bool has_two = takes_two_taps(weight);
        for (size_t k = 0; k < (has_two ? 1 : K); k++)
            terms[n_terms++] = (struct affine_weight_grad){ .x = x->data,
                                                            .x_stride = Cin,
                                                            .n_in = Cin,
                                                            .shift = shift_of_tap(params, k),
                                                            .dw = dw + k * Cin * Cout,
                                                            .dw_stride = Cout };
        if (has_two) {
            terms[0].dilation = params->dilation;
            terms[0].dw_far = dw + Cin * Cout;
        }
    }
    if (op_wants(node, CONTEXT_WEIGHT)) {
        size_t J = tensor_channels(context);
        real *dv = grad_add(node->tape, node->inputs[CONTEXT_WEIGHT]);
        terms[n_terms++] = (struct affine_weight_grad){
            .x = context->data, .x_stride = J, .n_in = J, .dw = dv, .dw_stride = Cout
        };
    }
    real *d_bias = op_wants(node, BIAS) ? grad_add(node->tape, node->inputs[BIAS]) : NULL;
    if (n_terms > 0 || d_bias != NULL)
        affine_add_weight_grads(terms, n_terms, d_bias, dz, Cout, x->shape.dims[0],
                                x->shape.dims[1], Cout, tape_work(node->tape));
}

static void backward(struct op_node *node)
{
    const struct conv1d_params *params = node->params;
    const struct tensor *y = node->output;
    const real *dz = y->grad;
    if (params->gated) {
        size_t R = tensor_rows(y), C = tensor_channels(y);
        real *z = node->saved;
#pragma omp parallel for schedule(static) if (OP_MANY(R * C))
        for (size_t r = 0; r < R; r++)
            gate_backward(z + 2 * r * C, dz + r * C, 1, C);
        dz = z;
    }
    if (op_wants(node, X))
        backward_x(node, dz);
    if (op_wants(node, CONTEXT))
        backward_context(node, dz);
    backward_weights(node, dz);
}

#ifdef NN_GRADCHECK
static const struct conv1d_params plain = { .dilation = 1 };
static const struct conv1d_params delayed = { .dilation = 2, .delay = 1 };
static const struct conv1d_params wide = { .dilation = 4, .delay = 1, .gated = true };
static const struct conv1d_params gated = { .dilation = 1, .gated = true };
static const struct conv1d_params paired = { .dilation = 2, .delay = 1, .gated = true };
static const struct gradcheck_case cases[] = {
    { .note = "kernel 1", .shapes = { { 2, 5, 3 }, { 1, 3, 4 }, { 4 } }, .params = &plain },
    { .note = "the first rows see nothing",
      .shapes = { { 2, 7, 2 }, { 3, 2, 3 }, { 3 } },
      .params = &delayed },
    { .note = "gated, reaching before the start",
      .shapes = { { 2, 6, 3 }, { 3, 3, 4 }, { 4 } },
      .params = &wide },
    { .note = "two taps in three products, gated, with context",
      .shapes = { { 2, 9, 32 }, { 2, 32, 34 }, { 34 }, { 2, 9, 2 }, { 2, 34 } },
      .params = &paired },
    { .note = "gated, with context",
      .shapes = { { 2, 9, 3 }, { 2, 3, 18 }, { 18 }, { 2, 9, 2 }, { 2, 18 } },
      .params = &gated },
};
#endif

const struct op_def op_conv1d = { .name = "conv1d",
                                  .n_inputs = 5,
                                  .n_optional = 3,
                                  .params_size = sizeof(struct conv1d_params),
                                  .infer_shape = infer_shape,
                                  .forward = forward,
                                  .backward = backward,
                                  OP_CASES(cases) };

struct tensor *conv1d(struct tape *tape, struct tensor *x, struct tensor *weight,
                      struct tensor *bias, struct tensor *context, struct tensor *context_weight,
                      struct conv1d_params params)
{
    return tape_apply(tape, OP_CONV1D,
                      (struct tensor *[]){ x, weight, bias, context, context_weight }, &params);
}
