#include "gradcheck.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

#define STEP      1e-5
#define LOSS_STEP 1e-3

/* Below this share of the largest gradient of the same input, a gradient is compared with that
 * share instead: what is nearly 0 has no relative error. */
#define FLOOR 1e-2

static bool is_close(double gradient, double difference, double largest)
{
    double scale = fmax(fmax(fabs(gradient), fabs(difference)), FLOOR * largest);
    return fabs(gradient - difference) <= GRADCHECK_TOLERANCE * scale;
}

/* ---- operations --------------------------------------------------------------------------- */

#ifdef NN_GRADCHECK

#define MAX_SIZE 4096

/* An operation's inputs, and the weights that turn its output into a number. */
struct trial {
    enum op_kind kind;
    const struct gradcheck_case *example;
    struct shape shapes[OP_MAX_INPUTS];
    real data[OP_MAX_INPUTS][MAX_SIZE];
    real weights[MAX_SIZE];
};

static void draw_inputs(struct trial *trial)
{
    const struct gradcheck_case *example = trial->example;
    struct rng rng = rng_stream(1, RNG_TEST, trial->kind, 0);
    double scale = example->scale > 0.0 ? example->scale : 1.0;
    for (size_t i = 0; i < OP_MAX_INPUTS; i++) {
        struct shape *shape = &trial->shapes[i];
        for (shape->n_dims = 0; example->shapes[i][shape->n_dims] != 0; shape->n_dims++)
            shape->dims[shape->n_dims] = example->shapes[i][shape->n_dims];
        if (shape->n_dims > 0 && shape_size(shape) > MAX_SIZE)
            BUG("%s has a case of more than %d elements", example->note, MAX_SIZE);
        for (size_t j = 0; shape->n_dims > 0 && j < shape_size(shape); j++) {
            double x = scale * rng_normal(&rng);
            trial->data[i][j] = (real)(x + copysign(example->margin, x));
        }
    }
    for (size_t j = 0; j < MAX_SIZE; j++)
        trial->weights[j] = (real)rng_normal(&rng);
}

/* Builds the operation; inputs of which the bit is set in `wanting` want a gradient. */
static struct tensor *build(struct trial *trial, struct tape *tape, unsigned wanting,
                            struct tensor *inputs[OP_MAX_INPUTS])
{
    for (size_t i = 0; i < OP_MAX_INPUTS; i++) {
        inputs[i] = NULL;
        if (trial->shapes[i].n_dims == 0)
            continue;
        inputs[i] = tape_input(tape, trial->shapes[i], trial->data[i]);
        inputs[i]->needs_grad = (wanting >> i & 1u) != 0;
    }
    return tape_apply(tape, trial->kind, inputs, trial->example->params);
}

static double value(struct trial *trial, struct tape *tape)
{
    struct tensor *inputs[OP_MAX_INPUTS];
    tape_reset(tape, TAPE_TRAIN);
    const struct tensor *y = build(trial, tape, 0, inputs);
    double sum = 0.0;
    for (size_t j = 0; j < tensor_size(y); j++)
        sum += (double)trial->weights[j] * (double)y->data[j];
    return sum;
}

static enum status check_input(struct trial *trial, struct tape *tape, size_t i,
                               const real *gradient, struct error *err)
{
    size_t n = shape_size(&trial->shapes[i]);
    double largest = 0.0;
    if (sizeof(real) < sizeof(double))
        return STATUS_OK;
    for (size_t j = 0; j < n; j++)
        largest = fmax(largest, fabs((double)gradient[j]));
    for (size_t j = 0; j < n; j++) {
        real *x = &trial->data[i][j], kept = *x;
        *x = kept + (real)STEP;
        double above = value(trial, tape);
        *x = kept - (real)STEP;
        double below = value(trial, tape);
        *x = kept;
        double difference = (above - below) / (2.0 * STEP);
        RETURN_IF(!is_close((double)gradient[j], difference, largest), err, STATUS_NUMERIC,
                  "%s (%s): gradient of input %zu at %zu is %.12g but the difference %.12g",
                  op_registry[trial->kind]->name, trial->example->note, i, j, (double)gradient[j],
                  difference);
    }
    return STATUS_OK;
}

/* The gradient of input i, where only it wants one and has `start` in it already. */
static enum status check_alone(struct trial *trial, struct tape *tape, size_t i,
                               const real *gradient, real start, struct error *err)
{
    struct tensor *inputs[OP_MAX_INPUTS];
    real alone[MAX_SIZE];
    size_t n = shape_size(&trial->shapes[i]);
    tape_reset(tape, TAPE_TRAIN);
    struct tensor *y = build(trial, tape, 1u << i, inputs);
    for (size_t j = 0; j < n; j++)
        alone[j] = start;
    inputs[i]->grad = alone;
    tape_backward_from(tape, y, trial->weights);
    for (size_t j = 0; j < n; j++) {
        double added = (double)alone[j] - (double)start;
        double slack = 1e4 * (sizeof(real) < sizeof(double) ? 0x1p-23 : 0x1p-52);
        RETURN_IF(fabs(added - (double)gradient[j]) > slack * (1.0 + fabs((double)gradient[j])),
                  err, STATUS_NUMERIC, "%s (%s): input %zu at %zu got %g alone and %g with others",
                  op_registry[trial->kind]->name, trial->example->note, i, j, added,
                  (double)gradient[j]);
    }
    return STATUS_OK;
}

static enum status check_trial(struct trial *trial, struct tape *tape, struct error *err)
{
    struct tensor *inputs[OP_MAX_INPUTS];
    static real gradients[OP_MAX_INPUTS][MAX_SIZE];
    tape_reset(tape, TAPE_TRAIN);
    struct tensor *y = build(trial, tape, ~0u, inputs);
    FORWARD(tape_status(tape, err));
    if (tensor_size(y) > MAX_SIZE)
        BUG("%s gives more than %d elements", trial->example->note, MAX_SIZE);
    tape_backward_from(tape, y, trial->weights);
    for (size_t i = 0; i < OP_MAX_INPUTS; i++) {
        RETURN_IF(inputs[i] != NULL && inputs[i]->grad == NULL, err, STATUS_NUMERIC,
                  "%s (%s): input %zu got no gradient", op_registry[trial->kind]->name,
                  trial->example->note, i);
        if (inputs[i] != NULL)
            memcpy(gradients[i], inputs[i]->grad, tensor_size(inputs[i]) * sizeof(real));
    }
    for (size_t i = 0; i < OP_MAX_INPUTS; i++) {
        if (trial->shapes[i].n_dims == 0)
            continue;
        FORWARD(check_input(trial, tape, i, gradients[i], err));
        FORWARD(check_alone(trial, tape, i, gradients[i], 0, err));
        FORWARD(check_alone(trial, tape, i, gradients[i], 1, err));
    }
    return STATUS_OK;
}

enum status gradcheck_op(enum op_kind kind, const struct gradcheck_case *example, struct error *err)
{
    static struct trial trial;
    trial.kind = kind;
    trial.example = example;
    draw_inputs(&trial);
    struct tape *tape = tape_create();
    enum status status = check_trial(&trial, tape, err);
    tape_free(tape);
    return status;
}

#endif

/* ---- losses ------------------------------------------------------------------------------- */

static double loss_value(struct tape *tape, gradcheck_loss_function *loss, void *context)
{
    tape_reset(tape, TAPE_TRAIN);
    const struct tensor *y = loss(tape, context);
    return y != NULL ? (double)y->data[0] : (double)NAN;
}

/* The derivative of the loss by *x, from five points: the step can be large enough for what a loss
 * of many parts rounds off, and the error still falls with its fourth power (Abramowitz and Stegun
 * 25.3.6). */
static double loss_derivative(struct tape *tape, real *x, gradcheck_loss_function *loss,
                              void *context)
{
    static const double steps[] = { -2.0, -1.0, 1.0, 2.0 }, weights[] = { 1.0, -8.0, 8.0, -1.0 };
    double sum = 0.0;
    real kept = *x;
    for (size_t s = 0; s < 4; s++) {
        *x = kept + (real)(steps[s] * LOSS_STEP);
        sum += weights[s] * loss_value(tape, loss, context);
    }
    *x = kept;
    return sum / (12.0 * LOSS_STEP);
}

static enum status check_parameter(struct tape *tape, const struct tensor *parameter,
                                   gradcheck_loss_function *loss, void *context, size_t n_each,
                                   struct error *err)
{
    size_t n = tensor_size(parameter), stride = n > n_each ? n / n_each : 1;
    double largest = 0.0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)parameter->grad[i]));
    RETURN_IF(largest == 0.0, err, STATUS_NUMERIC, "%s gets no gradient", parameter->name);
    if (sizeof(real) < sizeof(double))
        return STATUS_OK;
    for (size_t i = 0; i < n; i += stride) {
        double difference = loss_derivative(tape, &parameter->data[i], loss, context);
        RETURN_IF(!is_close((double)parameter->grad[i], difference, largest), err, STATUS_NUMERIC,
                  "%s: gradient at %zu is %.12g but the difference %.12g", parameter->name, i,
                  (double)parameter->grad[i], difference);
    }
    return STATUS_OK;
}

enum status gradcheck_loss(struct params *params, gradcheck_loss_function *loss, void *context,
                           size_t n_each, struct error *err)
{
    struct tape *tape = tape_create();
    tape_reset(tape, TAPE_TRAIN);
    struct tensor *y = loss(tape, context);
    enum status status = tape_status(tape, err);
    if (status == STATUS_OK) {
        params_zero_grads(params);
        tape_backward(tape, y);
    }
    for (size_t i = 0; i < params->n && status == STATUS_OK; i++)
        status = check_parameter(tape, params->table[i].tensor, loss, context, n_each, err);
    tape_free(tape);
    return status;
}
