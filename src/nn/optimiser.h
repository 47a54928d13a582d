/* optimiser.h - AdamW with warm-up, cosine decay and clipping by the global norm.
 *
 *     m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g^2
 *     w = w - rate (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon) + decay w)
 *
 * Kingma and Ba, "Adam" (ICLR 2015); Loshchilov and Hutter, "Decoupled weight decay regularization"
 * (ICLR 2019), with which only weights of two and more sizes decay: biases and gains do not.
 *
 *     struct optimiser *optimiser = optimiser_create(params, &options);
 *     ...
 *     tape_backward(tape, loss);
 *     FORWARD(optimiser_step(optimiser, &gradient_norm, err));
 */
#ifndef FLOWTWIN_NN_OPTIMISER_H
#define FLOWTWIN_NN_OPTIMISER_H

#include "base/error.h"
#include "nn/params.h"

struct optimiser_options {
    double rate;         /* at its highest */
    double beta1, beta2; /* how much of the old moments stays */
    double epsilon;
    double decay;
    double clip_norm;   /* gradients longer than this are shortened to it; 0 leaves them */
    size_t n_warm_up;   /* steps in which the rate rises from 0 */
    size_t n_steps;     /* at which the cosine ends; 0 keeps the rate */
    double final_share; /* of the rate that is left then */
};

#define OPTIMISER_DEFAULTS                                                                         \
    ((struct optimiser_options){ .rate = 1e-3,                                                     \
                                 .beta1 = 0.9,                                                     \
                                 .beta2 = 0.99,                                                    \
                                 .epsilon = 1e-8,                                                  \
                                 .clip_norm = 5.0,                                                 \
                                 .n_warm_up = 50,                                                  \
                                 .final_share = 0.01 })

/* What a checkpoint has to hold besides the parameters: the moments are blocks of params->size. */
struct optimiser_state {
    size_t n_steps_done;
    real *first, *second;
};

struct optimiser;

/* params: borrowed until optimiser_free. Caller frees. */
struct optimiser *optimiser_create(struct params *params, const struct optimiser_options *options);
void optimiser_free(struct optimiser *optimiser);

/* One step along the gradients, which are 0 afterwards. The norm before clipping goes to *norm
 * where that is not NULL. STATUS_NUMERIC, with nothing changed, where it is not finite. The same
 * bits at any number of threads. */
enum status optimiser_step(struct optimiser *optimiser, double *norm, struct error *err);

/* Moves the step at which the cosine ends: a schedule that fits itself to a budget of time. */
void optimiser_set_end(struct optimiser *optimiser, size_t n_steps);

/* The rate of a step, counted from 0. */
double optimiser_rate(const struct optimiser_options *options, size_t step);

/* Borrowed; a checkpoint reads it, and writes it when it is loaded. */
struct optimiser_state *optimiser_state(struct optimiser *optimiser);

#endif
