/* norm.c - layer norm, and RMS norm, which leaves the mean where it is.
 *   h[r,c] = (x[r,c] - mean_r) / sqrt(variance_r + epsilon)      mean 0 in RMS norm
 *   y[r,c] = h[r,c] gain[c] + bias[c]
 * x [R,C]  gain, bias [C]  ->  y [R,C]
 * Ba, Kiros and Hinton (2016); Zhang and Sennrich (2019). With e = dy gain and means over c:
 *   dx = (e - [mean e] - h mean(e h)) / sqrt(variance + epsilon),  [..] in layer norm only. */
#include "nn/elementary.h"
#include "nn/op.h"

#define EPSILON ((real)1e-5)

enum { X, GAIN, BIAS };

struct params {
    bool centres;
};

/* Kept of each row. */
struct moments {
    real mean, inverse; /* 1 / sqrt(variance + epsilon) */
};

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct tensor *x = node->inputs[X], *gain = node->inputs[GAIN];
    const struct tensor *bias = node->inputs[BIAS];
    RETURN_IF(tensor_size(gain) != tensor_channels(x) ||
                  (bias != NULL && tensor_size(bias) != tensor_channels(x)),
              err, STATUS_RANGE, "gain is %s and bias %s (x %s)", shape_text(&gain->shape),
              bias != NULL ? shape_text(&bias->shape) : "none", shape_text(&x->shape));
    *out = x->shape;
    return STATUS_OK;
}

static struct moments moments_of(const real *x, size_t C, bool centres)
{
    real sum = 0, squares = 0;
    for (size_t c = 0; centres && c < C; c++)
        sum += x[c];
    real mean = sum / (real)C;
#pragma omp simd reduction(+ : squares)
    for (size_t c = 0; c < C; c++)
        squares += (x[c] - mean) * (x[c] - mean);
    return (struct moments){ mean, 1 / elementary_sqrt(squares / (real)C + EPSILON) };
}

static void forward(struct op_node *node)
{
    const struct params *params = node->params;
    const struct tensor *x = node->inputs[X];
    size_t R = tensor_rows(x), C = tensor_channels(x);
    const real *gain = node->inputs[GAIN]->data;
    const real *bias = node->inputs[BIAS] != NULL ? node->inputs[BIAS]->data : NULL;
    struct moments *moments = op_save(node, R, sizeof *moments);
#pragma omp parallel for schedule(static) if (OP_MANY(R * C))
    for (size_t r = 0; r < R; r++) {
        const real *x_r = x->data + r * C;
        real *y_r = node->output->data + r * C;
        struct moments m = moments[r] = moments_of(x_r, C, params->centres);
#pragma omp simd
        for (size_t c = 0; c < C; c++)
            y_r[c] = (x_r[c] - m.mean) * m.inverse * gain[c] + (bias != NULL ? bias[c] : 0);
    }
}

static void backward_x(struct op_node *node)
{
    const struct params *params = node->params;
    const struct tensor *x = node->inputs[X];
    const struct moments *moments = node->saved;
    const real *gain = node->inputs[GAIN]->data, *dy = node->output->grad;
    size_t R = tensor_rows(x), C = tensor_channels(x);
    real *dx = grad_add(node->tape, node->inputs[X]);
#pragma omp parallel for schedule(static) if (OP_MANY(R * C))
    for (size_t r = 0; r < R; r++) {
        const real *x_r = x->data + r * C, *dy_r = dy + r * C;
        struct moments m = moments[r];
        real sum_e = 0, sum_eh = 0;
#pragma omp simd reduction(+ : sum_e, sum_eh)
        for (size_t c = 0; c < C; c++) {
            real e = dy_r[c] * gain[c];
            sum_e += e;
            sum_eh += e * (x_r[c] - m.mean) * m.inverse;
        }
        real mean_e = params->centres ? sum_e / (real)C : 0, mean_eh = sum_eh / (real)C;
#pragma omp simd
        for (size_t c = 0; c < C; c++) {
            real h = (x_r[c] - m.mean) * m.inverse;
            dx[r * C + c] += m.inverse * (dy_r[c] * gain[c] - mean_e - h * mean_eh);
        }
    }
}

/* Channels to a thread, which takes all rows in their order: one line of memory. */
#define SLICE (ARENA_ALIGNMENT / sizeof(real))

static void backward_parameters(struct op_node *node)
{
    const struct tensor *x = node->inputs[X];
    const struct moments *moments = node->saved;
    const real *dy = node->output->grad;
    size_t R = tensor_rows(x), C = tensor_channels(x);
    real *d_gain = op_wants(node, GAIN) ? grad_add(node->tape, node->inputs[GAIN]) : NULL;
    real *d_bias = op_wants(node, BIAS) ? grad_add(node->tape, node->inputs[BIAS]) : NULL;
#pragma omp parallel for schedule(static) if (OP_MANY(R * C))
    for (size_t first = 0; first < C; first += SLICE) {
        size_t n = C - first < SLICE ? C - first : SLICE;
        real sum_dy[SLICE] = { 0 }, sum_dy_h[SLICE] = { 0 };
        for (size_t r = 0; r < R; r++) {
            for (size_t c = 0; c < n; c++) {
                real dy_rc = dy[r * C + first + c];
                sum_dy[c] += dy_rc;
                sum_dy_h[c] += dy_rc * (x->data[r * C + first + c] - moments[r].mean) *
                               moments[r].inverse;
            }
        }
        for (size_t c = 0; c < n; c++) {
            if (d_gain != NULL)
                d_gain[first + c] += sum_dy_h[c];
            if (d_bias != NULL)
                d_bias[first + c] += sum_dy[c];
        }
    }
}

static void backward(struct op_node *node)
{
    if (op_wants(node, X))
        backward_x(node);
    if (op_wants(node, GAIN) || op_wants(node, BIAS))
        backward_parameters(node);
}

#ifdef NN_GRADCHECK
static const struct params rms = { .centres = false }, layer = { .centres = true };
static const struct gradcheck_case cases[] = {
    { .note = "RMS norm", .shapes = { { 2, 3, 5 }, { 5 } }, .params = &rms },
    { .note = "layer norm", .shapes = { { 4, 19 }, { 19 }, { 19 } }, .params = &layer },
};
#endif

const struct op_def op_norm = { .name = "norm",
                                .n_inputs = 3,
                                .n_optional = 1,
                                .params_size = sizeof(struct params),
                                .infer_shape = infer_shape,
                                .forward = forward,
                                .backward = backward,
                                OP_CASES(cases) };

struct tensor *rms_norm(struct tape *tape, struct tensor *x, struct tensor *gain)
{
    return tape_apply(tape, OP_NORM, (struct tensor *[]){ x, gain, NULL },
                      &(struct params){ .centres = false });
}

struct tensor *layer_norm(struct tape *tape, struct tensor *x, struct tensor *gain,
                          struct tensor *bias)
{
    return tape_apply(tape, OP_NORM, (struct tensor *[]){ x, gain, bias },
                      &(struct params){ .centres = true });
}
