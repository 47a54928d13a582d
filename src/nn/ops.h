/* ops.h - what can be computed on a tape. Each operation is one file in nn/ops, which has the
 * equation; docs/math-nn.md has the derivations.
 *
 * Rows and channels are what most operations see: [N, L, C] counts as N * L rows of C channels.
 * Every function returns a tensor that lives until the tape is reset, or NULL where the tape has
 * failed (see tape.h). Arrays in parameters are borrowed until then.
 */
#ifndef FLOWTWIN_NN_OPS_H
#define FLOWTWIN_NN_OPS_H

#include "nn/tape.h"

#include <stdint.h>

/* ---- linear maps -------------------------------------------------------------------------- */

/* x [.., Cin] W [Cin, Cout] + bias [Cout] -> [.., Cout]; bias may be NULL. */
struct tensor *linear(struct tape *tape, struct tensor *x, struct tensor *weight,
                      struct tensor *bias);
/* base + x W + bias, for residuals and sums of skips; base [.., Cout]. */
struct tensor *linear_onto(struct tape *tape, struct tensor *base, struct tensor *x,
                           struct tensor *weight, struct tensor *bias);

/* A linear map whose output block b sees only the first n_inputs[b] channels of x and nothing of
 * what comes after: one attribute after another. Blocks that are not seen cost no arithmetic. */
#define MASKED_LINEAR_MAX_BLOCKS 32
struct masked_linear_params {
    size_t n_blocks;
    size_t n_inputs[MASKED_LINEAR_MAX_BLOCKS];  /* channels of x that block b sees */
    size_t n_outputs[MASKED_LINEAR_MAX_BLOCKS]; /* its own channels; together Cout */
};
struct tensor *masked_linear(struct tape *tape, struct tensor *x, struct tensor *weight,
                             struct tensor *bias, const struct masked_linear_params *params);

/* Causal dilated convolution, x [N, L, Cin] W [K, Cin, Cout] -> [N, L, Cout]: row l sees rows
 * l - delay - k * dilation, k < K, of the same sequence, and 0 before its start. With delay 1 a row
 * does not see itself. */
struct conv1d_params {
    size_t dilation;
    size_t delay;
    bool gated; /* the output is tanh(first half) * logistic(second half): [N, L, Cout / 2] */
};
/* context [N, L, Ccontext] context_weight [Ccontext, Cout] adds what each row knows besides (both
 * NULL: nothing); bias [Cout] may be NULL. */
struct tensor *conv1d(struct tape *tape, struct tensor *x, struct tensor *weight,
                      struct tensor *bias, struct tensor *context, struct tensor *context_weight,
                      struct conv1d_params params);

/* ---- looking up --------------------------------------------------------------------------- */

/* y[r] = sum_f x[index[r, f]]: the sum of F embeddings, or a choice of rows (F = 1). x [.., C] is a
 * table or any tensor; index [R, F] has its rows, or GATHER_NONE, which adds nothing -> [R, C]. */
#define GATHER_NONE (-1)
struct tensor *gather_sum(struct tape *tape, struct tensor *x, const int32_t *index, size_t R,
                          size_t F);

/* ---- element by element ------------------------------------------------------------------- */

enum activation {
    ACTIVATION_RELU,
    ACTIVATION_SILU, /* x * logistic(x) */
    ACTIVATION_TANH,
    ACTIVATION_LOGISTIC,
};
struct tensor *activate(struct tape *tape, struct tensor *x, enum activation activation);

/* a + b, of the same shape. */
struct tensor *add(struct tape *tape, struct tensor *a, struct tensor *b);

/* The same numbers in the same order under another shape of the same size. */
struct tensor *reshape(struct tape *tape, struct tensor *x, struct shape shape);

/* ---- losses ------------------------------------------------------------------------------- */

/* scale * sum of all elements -> [1], summed in double. */
struct tensor *total(struct tape *tape, struct tensor *x, double scale);

/* -log softmax(logits[r])[target[r]] in nats; logits [R, V] -> [R]. Row r has n_valid[r]
 * categories, the first ones (NULL: all V); target TARGET_NONE gives 0 and no gradient. */
#define TARGET_NONE (-1)
struct softmax_nll_params {
    const int32_t *target;
    const int32_t *n_valid;
};
struct tensor *softmax_nll(struct tape *tape, struct tensor *logits,
                           struct softmax_nll_params params);

#endif
