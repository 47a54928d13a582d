/* pair_scores.c - inner products of chosen pairs of rows.
 *   y[i] = scale query[query_row[i]] . key[key_row[i]] + bias[i]
 * query [Q,C]  key [M,C]  bias [n]  ->  y [n]
 * Both gradients are scatters; as in gather_sum.c each thread takes some channels and all pairs. */
#include "nn/op.h"

enum { QUERY, KEY, BIAS };

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct pair_scores_params *params = node->params;
    const struct tensor *query = node->inputs[QUERY], *key = node->inputs[KEY];
    const struct tensor *bias = node->inputs[BIAS];
    RETURN_IF(tensor_channels(query) != tensor_channels(key), err, STATUS_RANGE,
              "query is %s but key %s", shape_text(&query->shape), shape_text(&key->shape));
    RETURN_IF(bias != NULL && tensor_size(bias) != params->n, err, STATUS_RANGE,
              "bias is %s for %zu pairs", shape_text(&bias->shape), params->n);
    for (size_t i = 0; i < params->n; i++) {
        int32_t q = params->query_row[i], k = params->key_row[i];
        RETURN_IF(q < 0 || (size_t)q >= tensor_rows(query) || k < 0 ||
                      (size_t)k >= tensor_rows(key),
                  err, STATUS_RANGE, "pair %zu is rows %d and %d of query %s and key %s", i, (int)q,
                  (int)k, shape_text(&query->shape), shape_text(&key->shape));
    }
    *out = SHAPE(params->n);
    return STATUS_OK;
}

static void forward(struct op_node *node)
{
    const struct pair_scores_params *params = node->params;
    size_t C = tensor_channels(node->inputs[QUERY]);
    const real *query = node->inputs[QUERY]->data, *key = node->inputs[KEY]->data;
    const real *bias = node->inputs[BIAS] != NULL ? node->inputs[BIAS]->data : NULL;
    const real scale = (real)params->scale;
#pragma omp parallel for schedule(static) if (OP_MANY(params->n * C))
    for (size_t i = 0; i < params->n; i++) {
        const real *q = query + (size_t)params->query_row[i] * C;
        const real *k = key + (size_t)params->key_row[i] * C;
        real sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t c = 0; c < C; c++)
            sum += q[c] * k[c];
        node->output->data[i] = scale * sum + (bias != NULL ? bias[i] : 0);
    }
}

/* dx[to[i]] += scale dy[i] other[from[i]] */
static void scatter(real *dx, const int32_t *to, const real *dy, const real *other,
                    const int32_t *from, size_t n, size_t C, real scale)
{
    const size_t slice = ARENA_ALIGNMENT / sizeof(real);
#pragma omp parallel for schedule(static) if (OP_MANY(n * C))
    for (size_t first = 0; first < C; first += slice) {
        size_t last = first + slice < C ? first + slice : C;
        for (size_t i = 0; i < n; i++) {
            real *dx_i = dx + (size_t)to[i] * C;
            const real *other_i = other + (size_t)from[i] * C;
            real factor = scale * dy[i];
            for (size_t c = first; c < last; c++)
                dx_i[c] += factor * other_i[c];
        }
    }
}

static void backward(struct op_node *node)
{
    const struct pair_scores_params *params = node->params;
    size_t C = tensor_channels(node->inputs[QUERY]);
    const real *dy = node->output->grad, scale = (real)params->scale;
    if (op_wants(node, QUERY))
        scatter(grad_add(node->tape, node->inputs[QUERY]), params->query_row, dy,
                node->inputs[KEY]->data, params->key_row, params->n, C, scale);
    if (op_wants(node, KEY))
        scatter(grad_add(node->tape, node->inputs[KEY]), params->key_row, dy,
                node->inputs[QUERY]->data, params->query_row, params->n, C, scale);
    if (op_wants(node, BIAS))
        grad_pass(node, BIAS);
}

#ifdef NN_GRADCHECK
static const int32_t queries[] = { 0, 0, 1, 2, 2, 2 }, keys[] = { 0, 3, 3, 1, 2, 0 };
static const struct pair_scores_params pairs = { 6, queries, keys, 0.5 };
static const struct gradcheck_case cases[] = {
    { .note = "keys shared", .shapes = { { 3, 5 }, { 2, 2, 5 }, { 6 } }, .params = &pairs },
    { .note = "no bias", .shapes = { { 3, 19 }, { 4, 19 } }, .params = &pairs },
};
#endif

const struct op_def op_pair_scores = { .name = "pair_scores",
                                       .n_inputs = 3,
                                       .n_optional = 1,
                                       .params_size = sizeof(struct pair_scores_params),
                                       .infer_shape = infer_shape,
                                       .forward = forward,
                                       .backward = backward,
                                       OP_CASES(cases) };

struct tensor *pair_scores(struct tape *tape, struct tensor *query, struct tensor *key,
                           struct tensor *bias, struct pair_scores_params params)
{
    return tape_apply(tape, OP_PAIR_SCORES, (struct tensor *[]){ query, key, bias }, &params);
}
