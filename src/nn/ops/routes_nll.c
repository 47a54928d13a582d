/* routes_nll.c - the negative log-likelihood of a value to which several routes lead, in nats.
 *   y[r] = log sum_{k available} exp(logits[r,k]) - log sum_{k in hits(r)} exp(logits[r,k] + m_k)
 *   m_k = log_mass[r] for k = V - 1, else the log_share of the hit
 * logits [R,V or more]  log_mass [R]  ->  y [R]
 * With p the softmax over what is available and q that over the hits (of logits + m):
 *   dlogits = dy (p - q), dlog_mass = -dy q_{V-1}. Derivation: docs/math-nn.md, section 6. */
#include "nn/op.h"
#include "nn/stable.h"

enum { LOGITS, LOG_MASS };

/* The routes are the first V of the W channels. */
static size_t n_routes(const struct op_node *node)
{
    const struct routes_nll_params *params = node->params;
    return params->n_routes > 0 ? params->n_routes : tensor_channels(node->inputs[LOGITS]);
}

static bool is_available(const struct routes_nll_params *params, size_t r, size_t V, size_t k)
{
    return params->available == NULL || params->available[r * V + k] != 0;
}

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct routes_nll_params *params = node->params;
    const struct tensor *logits = node->inputs[LOGITS], *log_mass = node->inputs[LOG_MASS];
    size_t R = tensor_rows(logits), V = n_routes(node);
    RETURN_IF(V > tensor_channels(logits), err, STATUS_RANGE, "%zu routes (logits %s)", V,
              shape_text(&logits->shape));
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

/* Saved: p [R,W], not yet divided by its sum; 1 / sum [R]; then q, one for each hit. */
struct saved {
    real *p, *inverse, *q;
};

static struct saved saved_of(const struct op_node *node)
{
    const struct tensor *logits = node->inputs[LOGITS];
    real *p = node->saved, *inverse = p + tensor_size(logits);
    return (struct saved){ p, inverse, inverse + tensor_rows(logits) };
}

/* The mass that the value of row r has on the route of hit i. */
static real hit_log_mass(const struct routes_nll_params *params, const struct tensor *log_mass,
                         size_t r, size_t V, size_t i)
{
    if (log_mass != NULL && (size_t)params->route[i] == V - 1)
        return log_mass->data[r];
    return params->log_share != NULL ? (real)params->log_share[i] : 0;
}

/* p = exp(x - max x) where available (NULL: everywhere), else 0; returns the log of the sum of
 * exp(x) over what is available, and 1 / sum p. */
static double weigh_routes(real *p, const real *x, const uint8_t *restrict available, size_t V,
                           real *inverse)
{
    if (available != NULL) {
#pragma omp simd
        for (size_t k = 0; k < V; k++)
            p[k] = available[k] != 0 ? x[k] : -(real)INFINITY;
        x = p;
    }
    real most = stable_max(x, V), sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t k = 0; k < V; k++) {
        real e = elementary_exp(x[k] - most);
        p[k] = e;
        sum += e;
    }
    *inverse = 1 / sum;
    return (double)most + log((double)sum);
}

static void forward(struct op_node *node)
{
    const struct routes_nll_params *params = node->params;
    const struct tensor *logits = node->inputs[LOGITS], *log_mass = node->inputs[LOG_MASS];
    size_t R = tensor_rows(logits), W = tensor_channels(logits), V = n_routes(node);
    op_save(node, R * (W + 1) + (R > 0 ? (size_t)params->start[R] : 0), sizeof(real));
    struct saved saved = saved_of(node);
#pragma omp parallel for schedule(static) if (OP_MANY(R * V))
    for (size_t r = 0; r < R; r++) {
        const real *x = logits->data + r * W;
        const uint8_t *available = params->available != NULL ? params->available + r * V : NULL;
        double log_sum = weigh_routes(saved.p + r * W, x, available, V, &saved.inverse[r]);
        size_t first = (size_t)params->start[r], n_hits = (size_t)params->start[r + 1] - first;
        real *q = saved.q + first;
        for (size_t i = 0; i < n_hits; i++) {
            size_t k = (size_t)params->route[first + i];
            q[i] = x[k] + hit_log_mass(params, log_mass, r, V, first + i);
        }
        node->output->data[r] = (real)(log_sum - stable_softmax(q, q, n_hits));
    }
}

/* The gradient in the logits of row r takes the place of p. */
static void take_place(const struct op_node *node, size_t r)
{
    const struct routes_nll_params *params = node->params;
    size_t W = tensor_channels(node->inputs[LOGITS]), V = n_routes(node);
    struct saved saved = saved_of(node);
    real *p = saved.p + r * W, dy = node->output->grad[r], factor = dy * saved.inverse[r];
    for (size_t k = 0; k < V; k++)
        p[k] *= factor;
    for (size_t k = V; k < W; k++)
        p[k] = 0;
    for (size_t i = (size_t)params->start[r]; i < (size_t)params->start[r + 1]; i++)
        p[params->route[i]] -= dy * saved.q[i];
}

static void backward(struct op_node *node)
{
    const struct routes_nll_params *params = node->params;
    struct tensor *logits = node->inputs[LOGITS], *log_mass = node->inputs[LOG_MASS];
    size_t R = tensor_rows(logits), V = n_routes(node);
    const real *q = saved_of(node).q, *dy = node->output->grad;
    if (op_wants(node, LOGITS)) {
#pragma omp parallel for schedule(static) if (OP_MANY(R * V))
        for (size_t r = 0; r < R; r++)
            take_place(node, r);
        grad_take(node->tape, logits, node->saved);
    }
    real *dlog_mass = op_wants(node, LOG_MASS) ? grad_add(node->tape, log_mass) : NULL;
    for (size_t r = 0; dlog_mass != NULL && r < R; r++)
        for (size_t i = (size_t)params->start[r]; i < (size_t)params->start[r + 1]; i++)
            if ((size_t)params->route[i] == V - 1)
                dlog_mass[r] -= dy[r] * q[i];
}

#ifdef NN_GRADCHECK
static const int32_t starts[] = { 0, 1, 3, 6 }, routes[] = { 3, 0, 3, 1, 2, 3 };
static const uint8_t which[] = { 0, 0, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1 };
static const double shares[] = { 0.0, -1.0, -0.5, 0.0, -2.0, -0.1 };
static const struct routes_nll_params all = { .start = starts, .route = routes };
static const struct routes_nll_params some = { .start = starts,
                                               .route = routes,
                                               .available = which };
static const struct routes_nll_params shared = { starts, routes, which, shares, 0 };
static const struct routes_nll_params first_ones = { starts, routes, which, shares, 4 };
static const struct gradcheck_case cases[] = {
    { .note = "with the mass of the last", .shapes = { { 3, 4 }, { 3 } }, .params = &all },
    { .note = "not all available", .shapes = { { 3, 4 }, { 3 } }, .params = &some, .scale = 3.0 },
    { .note = "shares", .shapes = { { 3, 4 }, { 3 } }, .params = &shared },
    { .note = "other channels behind", .shapes = { { 3, 6 }, { 3 } }, .params = &first_ones },
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
