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
 * what comes after: one attribute after another, none seeing less than the one before. Blocks that
 * are not seen cost no arithmetic. */
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
/* base + the same; base [.., C] with R rows. */
struct tensor *gather_sum_onto(struct tape *tape, struct tensor *base, struct tensor *x,
                               const int32_t *index, size_t R, size_t F);

/* Channels side by side, of up to 6 tensors of equal rows: [.., C0], [.., C1] -> [.., C0 + C1 ...].
 */
struct tensor *concat(struct tape *tape, struct tensor *const *inputs, size_t n_inputs);

/* Channels first..first+n-1 of x [.., C] -> [.., n]. */
struct tensor *slice(struct tape *tape, struct tensor *x, size_t first, size_t n);

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

/* x / sqrt(mean of x^2 + 1e-5) * gain over the channels of each row; gain [C]. */
struct tensor *rms_norm(struct tape *tape, struct tensor *x, struct tensor *gain);
/* (x - mean) / sqrt(variance + 1e-5) * gain + bias; gain, bias [C]. */
struct tensor *layer_norm(struct tape *tape, struct tensor *x, struct tensor *gain,
                          struct tensor *bias);

/* Sets elements to 0 with probability `rate` and divides the others by 1 - rate; in TAPE_INFER x
 * itself. The choice is a function of (seed, index): a new index for every use and step. */
struct dropout_params {
    double rate;
    uint64_t seed, index;
};
struct tensor *dropout(struct tape *tape, struct tensor *x, struct dropout_params params);

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

/* Adds to channel first_summed + k, k < n_summed, of the first n_out of each row r the numbers that
 * name[r, 0..n_names-1, k] name: channels of the row behind the first n_out; and by the last
 * n_of_table names entries of the table. x [R, W], table [S] -> [R, n_out]. */
struct channel_sum_params {
    const uint16_t *name; /* [R, n_names, n_summed] */
    size_t n_names, n_of_table, first_summed, n_summed, n_out;
};
struct tensor *channel_sum(struct tape *tape, struct tensor *x, struct tensor *table,
                           struct channel_sum_params params);

/* How well candidates fit: y[i] = scale * query[query_row[i]] . key[key_row[i]] + bias[i]; query,
 * key
 * [.., C], bias [n] or NULL -> [n]. A query of several kinds is one [R, kinds * C] tensor, reshaped
 * to [R * kinds, C]. */
struct pair_scores_params {
    size_t n;
    const int32_t *query_row, *key_row;
    double scale;
};
struct tensor *pair_scores(struct tape *tape, struct tensor *query, struct tensor *key,
                           struct tensor *bias, struct pair_scores_params params);

/* One softmax over F fixed choices and a number of slots that differs from row to row: logits [R,
 * F], scores [n] -> [R]. Row r has the slots start[r]..start[r+1]-1 of scores and, where available
 * [R, F] is given, those fixed choices that are not 0 there. Targets 0..F-1 are fixed choices, F +
 * s is the row's slot s, TARGET_NONE gives 0. */
struct slots_nll_params {
    const int32_t *target;
    const int32_t *start; /* [R + 1] */
    const uint8_t *available;
};
struct tensor *slots_nll(struct tape *tape, struct tensor *logits, struct tensor *scores,
                         struct slots_nll_params params);

/* Several ways to the same value: -log sum_{k in hits(r)} softmax(logits[r])_k mass_k -> [R]. Row r
 * chooses among the routes (those that are not 0 in available [R, V], NULL: all), which are the
 * first V channels of logits; hits route[start[r]..start[r+1]-1], at least one, all available, give
 * the value that was seen. mass_k is exp(log_share) of the hit (NULL: 1), but for route V - 1
 * exp(log_mass[r]), where log_mass [R] is given. */
struct routes_nll_params {
    const int32_t *start; /* [R + 1] */
    const int32_t *route;
    const uint8_t *available;
    const double *log_share; /* one for each hit */
    size_t n_routes;         /* V; 0: all channels */
};
struct tensor *routes_nll(struct tape *tape, struct tensor *logits, struct tensor *log_mass,
                          struct routes_nll_params params);

/* log P(lo <= x < hi) under a mixture of G logistics, divided by P(range_lo <= x < range_hi) where
 * a range is given; edges may be infinite. x [R, first + 3 G] has from channel `first` on G weights
 * (before a softmax), G means and G logarithms of scales -> [R]. The means of the last n_relative
 * components are above their origins, where these are given. */
struct logistic_cell_params {
    const double *lo, *hi;
    const double *range_lo, *range_hi; /* both or none; they enclose lo and hi */
    size_t first;
    const double *origin; /* [R, n_relative] or NULL */
    size_t n_relative;
};
struct tensor *logistic_cell(struct tape *tape, struct tensor *x,
                             struct logistic_cell_params params);

#endif
