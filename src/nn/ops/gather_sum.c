/* gather_sum.c - sums of rows that are looked up: embeddings, and the choice of rows.
 *   y[r] = base[r] + sum_f x[index[r,f]]
 * x [V,C]  index [R,F]  base [R,C]  ->  y [R,C]
 * The backward pass scatters dy to the rows of x. Each thread takes some of the channels and all
 * rows in their order, so that a sum never depends on who computed it. */
#include "nn/op.h"

#include <omp.h>
#include <string.h>

enum { X, BASE };

struct params {
    const int32_t *index;
    size_t R, F;
};

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct params *params = node->params;
    const struct tensor *x = node->inputs[X], *base = node->inputs[BASE];
    RETURN_IF(base != NULL &&
                  (tensor_rows(base) != params->R || tensor_channels(base) != tensor_channels(x)),
              err, STATUS_RANGE, "base is %s for %zu rows of x %s", shape_text(&base->shape),
              params->R, shape_text(&x->shape));
    for (size_t i = 0; i < params->R * params->F; i++)
        RETURN_IF(params->index[i] != GATHER_NONE &&
                      (params->index[i] < 0 || (size_t)params->index[i] >= tensor_rows(x)),
                  err, STATUS_RANGE, "row %zu asks for row %d of x %s", i / params->F,
                  (int)params->index[i], shape_text(&x->shape));
    *out = SHAPE(params->R, tensor_channels(x));
    return STATUS_OK;
}

static void forward(struct op_node *node)
{
    const struct params *params = node->params;
    size_t C = tensor_channels(node->output), F = params->F;
    const real *x = node->inputs[X]->data;
    const real *base = node->inputs[BASE] != NULL ? node->inputs[BASE]->data : NULL;
#pragma omp parallel for schedule(static) if (OP_MANY(params->R * F * C))
    for (size_t r = 0; r < params->R; r++) {
        real *restrict y = node->output->data + r * C;
        if (base != NULL)
            memcpy(y, base + r * C, C * sizeof *y);
        else
            memset(y, 0, C * sizeof *y);
        for (size_t f = 0; f < F; f++) {
            int32_t row = params->index[r * F + f];
            if (row == GATHER_NONE)
                continue;
            const real *restrict x_row = x + (size_t)row * C;
            for (size_t c = 0; c < C; c++)
                y[c] += x_row[c];
        }
    }
}

/* Channels to a thread where there are several: one line of memory. */
#define SLICE (ARENA_ALIGNMENT / sizeof(real))

/* dx[index[r,f]] += dy[r], for n channels from where dx and dy point. */
static void scatter(real *dx, const real *dy, const struct params *params, size_t C, size_t n)
{
    for (size_t r = 0; r < params->R; r++, dy += C) {
        for (size_t f = 0; f < params->F; f++) {
            int32_t row = params->index[r * params->F + f];
            if (row == GATHER_NONE)
                continue;
            real *restrict dx_row = dx + (size_t)row * C;
            const real *restrict dy_row = dy;
            for (size_t c = 0; c < n; c++)
                dx_row[c] += dy_row[c];
        }
    }
}

static void backward(struct op_node *node)
{
    const struct params *params = node->params;
    size_t C = tensor_channels(node->output);
    const real *dy = node->output->grad;
    if (op_wants(node, X)) {
        real *dx = grad_add(node->tape, node->inputs[X]);
        bool is_alone = omp_in_parallel() || !OP_MANY(params->R * params->F * C);
        size_t slice = is_alone || omp_get_max_threads() == 1 ? C : SLICE;
#pragma omp parallel for schedule(static) if (!is_alone)
        for (size_t first = 0; first < C; first += slice)
            scatter(dx + first, dy + first, params, C, first + slice < C ? slice : C - first);
    }
    if (op_wants(node, BASE))
        grad_pass(node, BASE);
}

#ifdef NN_GRADCHECK
static const int32_t two_fields[] = { 0, 3, 1, 1, 4, GATHER_NONE, 2, 0 };
static const struct params embedding = { two_fields, 4, 2 };
static const struct params choice = { two_fields, 5, 1 };
static const struct gradcheck_case cases[] = {
    { .note = "two fields, a row twice, a field left out",
      .shapes = { { 5, 3 } },
      .params = &embedding },
    { .note = "a choice of rows", .shapes = { { 5, 19 } }, .params = &choice },
    { .note = "onto a base", .shapes = { { 5, 3 }, { 2, 2, 3 } }, .params = &embedding },
};
#endif

const struct op_def op_gather_sum = { .name = "gather_sum",
                                      .n_inputs = 2,
                                      .n_optional = 1,
                                      .params_size = sizeof(struct params),
                                      .infer_shape = infer_shape,
                                      .forward = forward,
                                      .backward = backward,
                                      OP_CASES(cases) };

struct tensor *gather_sum_onto(struct tape *tape, struct tensor *base, struct tensor *x,
                               const int32_t *index, size_t R, size_t F)
{
    return tape_apply(tape, OP_GATHER_SUM, (struct tensor *[]){ x, base },
                      &(struct params){ index, R, F });
}

struct tensor *gather_sum(struct tape *tape, struct tensor *x, const int32_t *index, size_t R,
                          size_t F)
{
    return gather_sum_onto(tape, NULL, x, index, R, F);
}
