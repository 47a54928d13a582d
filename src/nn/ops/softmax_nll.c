/* softmax_nll.c - the negative log-likelihood of one category of many, in nats.
 *   y[r] = log sum_{v < n_valid[r]} exp(logits[r,v]) - logits[r,target[r]]
 * logits [R,V]  target, n_valid [R]  ->  y [R]
 * dlogits = dy (softmax(logits) - [v = target]); what is not valid gets none. */
#include "nn/op.h"
#include "nn/stable.h"

#include <string.h>

static size_t n_valid_of(const struct softmax_nll_params *params, size_t r, size_t V)
{
    return params->n_valid != NULL ? (size_t)params->n_valid[r] : V;
}

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct softmax_nll_params *params = node->params;
    const struct tensor *logits = node->inputs[0];
    size_t R = tensor_rows(logits), V = tensor_channels(logits);
    for (size_t r = 0; r < R; r++) {
        size_t n = n_valid_of(params, r, V);
        int32_t target = params->target[r];
        RETURN_IF(n < 1 || n > V || (target != TARGET_NONE && (target < 0 || (size_t)target >= n)),
                  err, STATUS_RANGE, "row %zu has target %d of %zu categories (logits %s)", r,
                  (int)target, n, shape_text(&logits->shape));
    }
    *out = SHAPE(R);
    return STATUS_OK;
}

static void forward(struct op_node *node)
{
    const struct softmax_nll_params *params = node->params;
    const struct tensor *logits = node->inputs[0];
    size_t R = tensor_rows(logits), V = tensor_channels(logits);
    real *p = op_save(node, R * V, sizeof *p);
#pragma omp parallel for schedule(static) if (OP_MANY(R * V))
    for (size_t r = 0; r < R; r++) {
        const real *x = logits->data + r * V;
        double log_sum = stable_softmax(p + r * V, x, n_valid_of(params, r, V));
        int32_t target = params->target[r];
        node->output->data[r] = target != TARGET_NONE ? (real)(log_sum - (double)x[target]) : 0;
    }
}

static void backward(struct op_node *node)
{
    const struct softmax_nll_params *params = node->params;
    size_t R = tensor_rows(node->inputs[0]), V = tensor_channels(node->inputs[0]);
    const real *dy = node->output->grad, *p = node->saved;
    bool adds;
    real *dlogits = grad_write(node->tape, node->inputs[0], &adds);
#pragma omp parallel for schedule(static) if (OP_MANY(R * V))
    for (size_t r = 0; r < R; r++) {
        real *dx = dlogits + r * V;
        if (!adds)
            memset(dx, 0, V * sizeof *dx);
        if (params->target[r] == TARGET_NONE)
            continue;
        size_t n = n_valid_of(params, r, V);
        for (size_t v = 0; v < n; v++)
            dx[v] += dy[r] * p[r * V + v];
        dx[params->target[r]] -= dy[r];
    }
}

#ifdef NN_GRADCHECK
static const int32_t targets[] = { 2, 0, TARGET_NONE, 1 }, valid[] = { 3, 1, 4, 2 };
static const struct softmax_nll_params all = { .target = targets };
static const struct softmax_nll_params ragged = { .target = targets, .n_valid = valid };
static const struct gradcheck_case cases[] = {
    { .note = "all valid, one row without target", .shapes = { { 4, 5 } }, .params = &all },
    { .note = "ragged", .shapes = { { 2, 2, 4 } }, .params = &ragged },
    { .note = "far apart", .shapes = { { 4, 5 } }, .params = &all, .scale = 10.0 },
};
#endif

const struct op_def op_softmax_nll = { .name = "softmax_nll",
                                       .n_inputs = 1,
                                       .params_size = sizeof(struct softmax_nll_params),
                                       .infer_shape = infer_shape,
                                       .forward = forward,
                                       .backward = backward,
                                       OP_CASES(cases) };

struct tensor *softmax_nll(struct tape *tape, struct tensor *logits,
                           struct softmax_nll_params params)
{
    return tape_apply(tape, OP_SOFTMAX_NLL, &logits, &params);
}
