/* slots_nll.c - the negative log-likelihood of one choice among fixed ones and slots, in nats.
 *   y[r] = log( sum_f exp(logits[r,f]) + sum_{s in slots(r)} exp(scores[s]) ) - chosen
 * logits [R,F]  scores [n]  start [R+1]  ->  y [R]
 * The gradient of each logit and score is dy (its probability - [it is the target]). */
#include "nn/op.h"
#include "nn/stable.h"

enum { LOGITS, SCORES };

static enum status check_row(const struct slots_nll_params *params, size_t r, size_t F, size_t n,
                             struct error *err)
{
    int32_t from = params->start[r], to = params->start[r + 1], target = params->target[r];
    RETURN_IF(from < 0 || to < from || (size_t)to > n, err, STATUS_RANGE,
              "row %zu has slots %d..%d of %zu", r, (int)from, (int)to, n);
    bool is_there = target == TARGET_NONE ||
                    (target >= 0 && (size_t)target < F + (size_t)(to - from));
    if (is_there && target >= 0 && (size_t)target < F && params->available != NULL)
        is_there = params->available[r * F + (size_t)target] != 0;
    RETURN_IF(!is_there, err, STATUS_RANGE, "row %zu has target %d of %zu choices and %d slots", r,
              (int)target, F, (int)(to - from));
    return STATUS_OK;
}

static enum status infer_shape(const struct op_node *node, struct shape *out, struct error *err)
{
    const struct slots_nll_params *params = node->params;
    const struct tensor *logits = node->inputs[LOGITS];
    size_t R = tensor_rows(logits);
    for (size_t r = 0; r < R; r++)
        FORWARD(
            check_row(params, r, tensor_channels(logits), tensor_size(node->inputs[SCORES]), err));
    *out = SHAPE(R);
    return STATUS_OK;
}

/* Saved, row by row: F + slots probabilities. */
static real *probabilities(const struct op_node *node, size_t r)
{
    const struct slots_nll_params *params = node->params;
    return (real *)node->saved + r * tensor_channels(node->inputs[LOGITS]) + params->start[r];
}

static void forward(struct op_node *node)
{
    const struct slots_nll_params *params = node->params;
    const struct tensor *logits = node->inputs[LOGITS], *scores = node->inputs[SCORES];
    size_t R = tensor_rows(logits), F = tensor_channels(logits);
    op_save(node, R * F + tensor_size(scores), sizeof(real));
#pragma omp parallel for schedule(static) if (OP_MANY(R * F))
    for (size_t r = 0; r < R; r++) {
        size_t n_slots = (size_t)(params->start[r + 1] - params->start[r]);
        real *p = probabilities(node, r);
        for (size_t f = 0; f < F; f++) {
            bool is_there = params->available == NULL || params->available[r * F + f] != 0;
            p[f] = is_there ? logits->data[r * F + f] : (real)-INFINITY;
        }
        for (size_t s = 0; s < n_slots; s++)
            p[F + s] = scores->data[(size_t)params->start[r] + s];
        int32_t target = params->target[r];
        double chosen = target != TARGET_NONE ? (double)p[target] : 0.0;
        double log_sum = target != TARGET_NONE ? stable_softmax(p, p, F + n_slots) : 0.0;
        node->output->data[r] = (real)(log_sum - chosen);
    }
}

static void backward(struct op_node *node)
{
    const struct slots_nll_params *params = node->params;
    struct tensor *logits = node->inputs[LOGITS], *scores = node->inputs[SCORES];
    size_t R = tensor_rows(logits), F = tensor_channels(logits);
    real *dlogits = op_wants(node, LOGITS) ? grad_add(node->tape, logits) : NULL;
    real *dscores = op_wants(node, SCORES) ? grad_add(node->tape, scores) : NULL;
#pragma omp parallel for schedule(static) if (OP_MANY(R * F))
    for (size_t r = 0; r < R; r++) {
        if (params->target[r] == TARGET_NONE)
            continue;
        real *p = probabilities(node, r), dy = node->output->grad[r];
        p[params->target[r]] -= 1;
        for (size_t f = 0; dlogits != NULL && f < F; f++)
            dlogits[r * F + f] += dy * p[f];
        size_t first = (size_t)params->start[r], last = (size_t)params->start[r + 1];
        for (size_t s = first; dscores != NULL && s < last; s++)
            dscores[s] += dy * p[F + s - first];
    }
}

#ifdef NN_GRADCHECK
static const int32_t targets[] = { 0, 4, TARGET_NONE, 2 }, starts[] = { 0, 3, 5, 6, 6 };
static const uint8_t choices[] = { 1, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1 };
static const struct slots_nll_params all = { targets, starts, NULL };
static const struct slots_nll_params some = { targets, starts, choices };
static const struct gradcheck_case cases[] = {
    { .note = "rows with 3, 2, 1 and no slots", .shapes = { { 4, 3 }, { 6 } }, .params = &all },
    { .note = "some choices only", .shapes = { { 4, 3 }, { 6 } }, .params = &some },
};
#endif

const struct op_def op_slots_nll = { .name = "slots_nll",
                                     .n_inputs = 2,
                                     .params_size = sizeof(struct slots_nll_params),
                                     .infer_shape = infer_shape,
                                     .forward = forward,
                                     .backward = backward,
                                     OP_CASES(cases) };

struct tensor *slots_nll(struct tape *tape, struct tensor *logits, struct tensor *scores,
                         struct slots_nll_params params)
{
    return tape_apply(tape, OP_SLOTS_NLL, (struct tensor *[]){ logits, scores }, &params);
}
