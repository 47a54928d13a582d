/* logistic_cell.c - log mass of an interval under a mixture of logistics, within a range.
 *   y[r] = log P(lo_r <= X < hi_r) - log P(range_lo_r <= X < range_hi_r)
 * x [R,first+3G], from channel `first` on: weights before a softmax, means, logarithms of scales
 *   ->  y [R]
 * To the means of the last n_relative components K origin_(r,1) .. origin_(r,K) are added.
 * In double inside (nn/logistic_mixture.h). Gradients: docs/math-nn.md, section 5. */
#include "nn/logistic_mixture.h"
#include "nn/op.h"

#include <math.h>

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct logistic_cell_params *params = node->params;
    const struct tensor *x = node->inputs[0];
    size_t R = tensor_rows(x), C = tensor_channels(x), first = params->first;
    RETURN_IF(first >= C || (C - first) % 3 != 0 || C - first > 3 * LOGISTIC_MIXTURE_MAX, err,
              STATUS_RANGE, "x %s is not 3 times up to %d components from channel %zu on",
              shape_text(&x->shape), LOGISTIC_MIXTURE_MAX, first);
    RETURN_IF(params->n_relative > (C - first) / 3, err, STATUS_RANGE,
              "%zu relative components of %zu", params->n_relative, (C - first) / 3);
    for (size_t r = 0; r < R; r++) {
        bool has_range = params->range_lo != NULL;
        double lowest = has_range ? params->range_lo[r] : -(double)INFINITY;
        double highest = has_range ? params->range_hi[r] : (double)INFINITY;
        RETURN_IF(
            !(lowest <= params->lo[r] && params->lo[r] < params->hi[r] && params->hi[r] <= highest),
            err, STATUS_RANGE, "row %zu has the interval %g..%g in the range %g..%g", r,
            params->lo[r], params->hi[r], lowest, highest);
    }
    *out = SHAPE(R);
    return STATUS_OK;
}

/* The components of row r where they stand. */
static const real *place_components(const struct logistic_cell_params *params, const real *x,
                                    size_t G, size_t r, real placed[3 * LOGISTIC_MIXTURE_MAX])
{
    if (params->origin == NULL)
        return x;
    for (size_t i = 0; i < 3 * G; i++)
        placed[i] = x[i];
    size_t K = params->n_relative;
    for (size_t k = 0; k < K; k++)
        placed[G + G - K + k] += (real)params->origin[r * K + k];
    return placed;
}

/* y of row r, and with d_params not NULL, zeroed, its gradient. Most rows have no range or fill it.
 */
static double log_share(const struct logistic_cell_params *params, const real *x, size_t G,
                        size_t r, double *d_params)
{
    double lo = params->lo[r], hi = params->hi[r];
    double lowest = params->range_lo != NULL ? params->range_lo[r] : -(double)INFINITY;
    double highest = params->range_lo != NULL ? params->range_hi[r] : (double)INFINITY;
    if (lo == lowest && hi == highest)
        return 0.0;
    real placed[3 * LOGISTIC_MIXTURE_MAX];
    x = place_components(params, x, G, r, placed);
    double y = logistic_mixture_log_mass(x, G, lo, hi, 1.0, d_params);
    if (isinf(lowest) && isinf(highest))
        return y;
    return y - logistic_mixture_log_mass(x, G, lowest, highest, -1.0, d_params);
}

static void forward(struct op_node *node)
{
    const struct logistic_cell_params *params = node->params;
    const struct tensor *x = node->inputs[0];
    size_t R = tensor_rows(x), C = tensor_channels(x), G = (C - params->first) / 3;
    /* The gradient costs little more than the mass: both at once, [R,3G]. */
    bool wanted = op_wants_any(node);
    real *gradients = wanted ? op_save(node, R * 3 * G, sizeof *gradients) : NULL;
#pragma omp parallel for schedule(static) if (OP_MANY(100 * R))
    for (size_t r = 0; r < R; r++) {
        double gradient[3 * LOGISTIC_MIXTURE_MAX];
        for (size_t i = 0; i < 3 * G; i++)
            gradient[i] = 0.0;
        node->output->data[r] = (real)log_share(params, x->data + r * C + params->first, G, r,
                                                wanted ? gradient : NULL);
        for (size_t i = 0; wanted && i < 3 * G; i++)
            gradients[r * 3 * G + i] = (real)gradient[i];
    }
}

static void backward(struct op_node *node)
{
    const struct logistic_cell_params *params = node->params;
    struct tensor *x = node->inputs[0];
    size_t R = tensor_rows(x), C = tensor_channels(x), n = C - params->first;
    const real *gradients = node->saved, *dy = node->output->grad;
    real *dx = grad_add(node->tape, x) + params->first;
#pragma omp parallel for schedule(static) if (OP_MANY(R * n))
    for (size_t r = 0; r < R; r++)
        for (size_t c = 0; c < n; c++)
            dx[r * C + c] += dy[r] * gradients[r * n + c];
}

#ifdef NN_GRADCHECK
static const double lows[] = { -0.5, -INFINITY, 1.0, 6.0 };
static const double highs[] = { 0.5, 0.0, INFINITY, 6.000001 };
static const double lowest[] = { -1.0, -INFINITY, 0.5, -2.0 };
static const double highest[] = { 2.0, 4.0, INFINITY, 9.0 };
static const double origins[] = { 0.5, 0.0, -1.0, 1.0, 0.0, 0.2, 5.0, -2.0 };
static const struct logistic_cell_params whole = { lows, highs, NULL, NULL, 0, NULL, 0 };
static const struct logistic_cell_params ranged = { lows, highs, lowest, highest, 0, NULL, 0 };
static const struct logistic_cell_params behind = { lows, highs, lowest, highest, 2, NULL, 0 };
static const struct logistic_cell_params relative = { lows, highs, lowest, highest, 1, origins, 2 };
static const struct gradcheck_case cases[] = {
    { .note = "one component", .shapes = { { 4, 3 } }, .params = &whole },
    { .note = "a range", .shapes = { { 4, 9 } }, .params = &ranged },
    { .note = "behind other channels", .shapes = { { 4, 8 } }, .params = &behind },
    { .note = "two relative components", .shapes = { { 4, 10 } }, .params = &relative },
    { .note = "far in the tails", .shapes = { { 4, 6 } }, .params = &whole, .scale = 2.0 },
};
#endif

const struct op_def op_logistic_cell = { .name = "logistic_cell",
                                         .n_inputs = 1,
                                         .params_size = sizeof(struct logistic_cell_params),
                                         .infer_shape = infer_shape,
                                         .forward = forward,
                                         .backward = backward,
                                         OP_CASES(cases) };

struct tensor *logistic_cell(struct tape *tape, struct tensor *x,
                             struct logistic_cell_params params)
{
    return tape_apply(tape, OP_LOGISTIC_CELL, &x, &params);
}
