/* routes_nll.c - the negative log-likelihood of a value to which several routes lead, in nats.
 *   y[r] = log sum_{k available} exp(logits[r,k]) - log sum_{k in hits(r)} exp(logits[r,k] + m_k)
 *   m_k = log_mass[r] for k = V - 1, else the log_share of the hit
 * logits [R,V]  log_mass [R]  ->  y [R]
 * With p the softmax over what is available and q that over the hits (of logits + m):
 *   dlogits = dy (p - q), dlog_mass = -dy q_{V-1}. Derivation: docs/math-nn.md, section 6. */
#include "nn/op.h"
#include "nn/stable.h"

#include <string.h>

enum { LOGITS, LOG_MASS };

static bool is_available(const struct routes_nll_params *params, size_t r, size_t V, size_t k)
{
    return params->available == NULL || params->available[r * V + k] != 0;
}

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct routes_nll_params *params = node->params;
    const struct tensor *logits = node->inputs[LOGITS], *log_mass = node->inputs[LOG_MASS];
    size_t R = tensor_rows(logits), V = tensor_channels(logits);
    RETURN_IF(log_mass != NULL && tensor_size(log_mass) != R, err, STATUS_RANGE,
              "log mass is %s (logits %s)", shape_text(&log_mass->shape),
              shape_text(&logits->shape));
    for (size_t r = 0; r < R; r++) {
        RETURN_IF(params->start[r] >= params->start[r + 1], err, STATUS_RANGE,
                  "no route leads to the value of row %zu", r);
        for (int32_t i = params->start[r]; i < params->start[r + 1]; i++) {
            int32_t k = params->route[i];
            RETURN_IF(k < 0 || (size_t)k >= V || !is_available(params, r, V, (size_t)k), err,
                      STATUS_RANGE, "row %zu takes route %d, which is not there (logits %s)", r,
                      (int)k, shape_text(&logits->shape));
        }
    }
    *out = SHAPE(R);
    return STATUS_OK;
}

/* Saved: p [R,V], then q, one for each hit. */
static real *hit_shares(const struct op_node *node)
{
    return (real *)node->saved + tensor_size(node->inputs[LOGITS]);
}

/* The mass that the value of row r has on the route of hit i. */
static real hit_log_mass(const struct routes_nll_params *params, const struct tensor *log_mass,
                         size_t r, size_t V, size_t i)
{
    if (log_mass != NULL && (size_t)params->route[i] == V - 1)
        return log_mass->data[r];
    return params->log_share != NULL ? (real)params->log_share[i] : 0;
}

static void forward(struct op_node *node)
{
    const struct routes_nll_params *params = node->params;
    const struct tensor *logits = node->inputs[LOGITS], *log_mass = node->inputs[LOG_MASS];
    size_t R = tensor_rows(logits), V = tensor_channels(logits);
    real *p_all = op_save(node, R * V + (R > 0 ? (size_t)params->start[R] : 0), sizeof(real));
#pragma omp parallel for schedule(static) if (OP_MANY(R * V))
    for (size_t r = 0; r < R; r++) {
        const real *x = logits->data + r * V;
        real *p = p_all + r * V;
        for (size_t k = 0; k < V; k++)
            p[k] = is_available(params, r, V, k) ? x[k] : (real)-INFINITY;
        double log_available = stable_softmax(p, p, V);
        size_t first = (size_t)params->start[r], n_hits = (size_t)params->start[r + 1] - first;
        real *q = hit_shares(node) + first;
        for (size_t i = 0; i < n_hits; i++) {
            size_t k = (size_t)params->route[first + i];
            q[i] = x[k] + hit_log_mass(params, log_mass, r, V, first + i);
        }
        node->output->data[r] = (real)(log_available - stable_softmax(q, q, n_hits));
    }
}

static void backward(struct op_node *node)
{
    const struct routes_nll_params *params = node->params;
    struct tensor *logits = node->inputs[LOGITS], *log_mass = node->inputs[LOG_MASS];
    size_t R = tensor_rows(logits), V = tensor_channels(logits);
    const real *p = node->saved, *q = hit_shares(node), *dy = node->output->grad;
    real *dlogits = op_wants(node, LOGITS) ? grad_add(node->tape, logits) : NULL;
    real *dlog_mass = op_wants(node, LOG_MASS) ? grad_add(node->tape, log_mass) : NULL;
#pragma omp parallel for schedule(static) if (OP_MANY(R * V))
    for (size_t r = 0; r < R; r++) {
        for (size_t k = 0; dlogits != NULL && k < V; k++)
            dlogits[r * V + k] += dy[r] * p[r * V + k];
        for (size_t i = (size_t)params->start[r]; i < (size_t)params->start[r + 1]; i++) {
            size_t k = (size_t)params->route[i];
            if (dlogits != NULL)
                dlogits[r * V + k] -= dy[r] * q[i];
            if (dlog_mass != NULL && k == V - 1)
                dlog_mass[r] -= dy[r] * q[i];
        }
    }
}

#ifdef NN_GRADCHECK
static const int32_t starts[] = { 0, 1, 3, 6 }, routes[] = { 3, 0, 3, 1, 2, 3 };
static const uint8_t which[] = { 0, 0, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1 };
static const double shares[] = { 0.0, -1.0, -0.5, 0.0, -2.0, -0.1 };
static const struct routes_nll_params all = { .start = starts, .route = routes };
static const struct routes_nll_params some = { .start = starts,
                                               .route = routes,
                                               .available = which };
static const struct routes_nll_params shared = { starts, routes, which, shares };
static const struct gradcheck_case cases[] = {
    { .note = "with the mass of the last", .shapes = { { 3, 4 }, { 3 } }, .params = &all },
    { .note = "not all available", .shapes = { { 3, 4 }, { 3 } }, .params = &some, .scale = 3.0 },
    { .note = "shares", .shapes = { { 3, 4 }, { 3 } }, .params = &shared },
    { .note = "no mass", .shapes = { { 3, 4 } }, .params = &some },
};
#endif

const struct op_def op_routes_nll = { .name = "routes_nll",
                                      .n_inputs = 2,
                                      .n_optional = 1,
                                      .params_size = sizeof(struct routes_nll_params),
                                      .infer_shape = infer_shape,
                                      .forward = forward,
                                      .backward = backward,
                                      OP_CASES(cases) };

struct tensor *routes_nll(struct tape *tape, struct tensor *logits, struct tensor *log_mass,
                          struct routes_nll_params params)
{
    return tape_apply(tape, OP_ROUTES_NLL, (struct tensor *[]){ logits, log_mass }, &params);
}
