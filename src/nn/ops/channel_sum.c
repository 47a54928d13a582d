/* channel_sum.c - adds to channels others that are named, row by row.
 *   y[r,F+k] = x[r,F+k] + sum_{j < J - T} x[r,n] + sum_{J - T <= j < J} table[n],  n = name[r,j,k]
 * for k < K, and y[r,v] = x[r,v] for the other v < V;   V <= name[r,j,k] < W for j < J - T
 * x [R,W]  table [S]  ->  y [R,V]
 * So a choice among slots is told by what each of them is like: what a slot has in common with
 * others is one number of the row, or of the table, whichever slot it stands in.
 * The gradient of each named number is the sum of the dy that it was added to. */
#include "nn/op.h"

#include <string.h>

enum { X, TABLE };

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct channel_sum_params *params = node->params;
    const struct tensor *x = node->inputs[X];
    size_t W = tensor_channels(x), S = tensor_size(node->inputs[TABLE]), V = params->n_out;
    RETURN_IF(params->first_summed + params->n_summed > V || V > W ||
                  params->n_of_table > params->n_names,
              err, STATUS_RANGE,
              "%zu sums from %zu on of %zu channels by %zu and %zu names (x is %s)",
              params->n_summed, params->first_summed, V, params->n_names - params->n_of_table,
              params->n_of_table, shape_text(&x->shape));
    const uint16_t *name = params->name;
    for (size_t r = 0; r < tensor_rows(x); r++)
        for (size_t j = 0; j < params->n_names; j++)
            for (size_t k = 0; k < params->n_summed; k++, name++) {
                bool is_of_table = j + params->n_of_table >= params->n_names;
                bool is_there = is_of_table ? *name < S : *name >= V && *name < W;
                RETURN_IF(!is_there, err, STATUS_RANGE, "row %zu has name %u of %s", r,
                          (unsigned)*name,
                          shape_text(is_of_table ? &node->inputs[TABLE]->shape : &x->shape));
            }
    *out = SHAPE(tensor_rows(x), V);
    return STATUS_OK;
}

/* y[k] += the numbers that row r names; y: the first channel that is summed */
static void add_named(const struct channel_sum_params *params, size_t r, const real *x,
                      const real *table, real *restrict y)
{
    size_t K = params->n_summed, J = params->n_names;
    const uint16_t *name = params->name + r * J * K;
    for (size_t j = 0; j < J; j++, name += K) {
        const real *from = j + params->n_of_table < J ? x : table;
#pragma omp simd
        for (size_t k = 0; k < K; k++)
            y[k] += from[name[k]];
    }
}

static void forward(struct op_node *node)
{
    const struct channel_sum_params *params = node->params;
    const struct tensor *x = node->inputs[X];
    size_t R = tensor_rows(x), W = tensor_channels(x), V = params->n_out;
#pragma omp parallel for schedule(static) if (OP_MANY(R * params->n_names * params->n_summed))
    for (size_t r = 0; r < R; r++) {
        real *y = node->output->data + r * V;
        memcpy(y, x->data + r * W, V * sizeof *y);
        add_named(params, r, x->data + r * W, node->inputs[TABLE]->data, y + params->first_summed);
    }
}

/* from[name] += dy for names j .. end - 1 of row r */
static void scatter(const struct channel_sum_params *params, const real *dy, size_t r, size_t j,
                    size_t end, real *from)
{
    size_t K = params->n_summed;
    const uint16_t *name = params->name + (r * params->n_names + j) * K;
    for (; j < end; j++, name += K)
        for (size_t k = 0; k < K; k++)
            from[name[k]] += dy[k];
}

static void backward(struct op_node *node)
{
    const struct channel_sum_params *params = node->params;
    struct tensor *x = node->inputs[X], *table = node->inputs[TABLE];
    size_t R = tensor_rows(x), W = tensor_channels(x), V = params->n_out;
    size_t J = params->n_names, first_of_table = J - params->n_of_table, F = params->first_summed;
    const real *dy = node->output->grad;
    real *dx = op_wants(node, X) ? grad_add(node->tape, x) : NULL;
    real *dtable = op_wants(node, TABLE) ? grad_add(node->tape, table) : NULL;
#pragma omp parallel for schedule(static) if (OP_MANY(R * J * params->n_summed))
    for (size_t r = 0; r < R; r++) {
        if (dx == NULL)
            continue;
        for (size_t k = 0; k < V; k++)
            dx[r * W + k] += dy[r * V + k];
        scatter(params, dy + r * V + F, r, 0, first_of_table, dx + r * W);
    }
    /* All rows share the table: one thread, so that its sums have one order. */
    for (size_t r = 0; dtable != NULL && r < R; r++)
        scatter(params, dy + r * V + F, r, first_of_table, J, dtable);
}

#ifdef NN_GRADCHECK
static const uint16_t names[] = { 4, 5, 3, 5, 0, 2, 5, 5, 3, 4, 1, 1 };
static const struct channel_sum_params sums = { names, 3, 1, 0, 2, 3 };
static const struct channel_sum_params table_only = { names + 4, 1, 1, 1, 2, 4 };
static const struct gradcheck_case cases[] = {
    { .note = "two channels and an entry", .shapes = { { 2, 6 }, { 3 } }, .params = &sums },
    { .note = "entries only", .shapes = { { 1, 4 }, { 3 } }, .params = &table_only },
};
#endif

const struct op_def op_channel_sum = { .name = "channel_sum",
                                       .n_inputs = 2,
                                       .params_size = sizeof(struct channel_sum_params),
                                       .infer_shape = infer_shape,
                                       .forward = forward,
                                       .backward = backward,
                                       OP_CASES(cases) };

struct tensor *channel_sum(struct tape *tape, struct tensor *x, struct tensor *table,
                           struct channel_sum_params params)
{
    return tape_apply(tape, OP_CHANNEL_SUM, (struct tensor *[]){ x, table }, &params);
}
