/* tape.h - one training step: what was computed, so that it can be differentiated.
 *
 * Operations (nn/ops.h) compute at once and note themselves on the tape; tape_backward walks the
 * notes from the last to the first. A tape lives as long as its model and is reset before each
 * step; after the first steps a step asks the system for no memory.
 *
 *     tape_reset(tape, TAPE_TRAIN);
 *     struct tensor *x = tape_input(tape, SHAPE(N, L, C), batch->features);
 *     struct tensor *h = activate(tape, linear(tape, x, w1, b1), ACTIVATION_SILU);
 *     struct tensor *loss = total(tape, softmax_nll(tape, linear(tape, h, w2, b2), target), 1.0);
 *     FORWARD(tape_status(tape, err));
 *     tape_backward(tape, loss);
 *
 * The first operation that cannot work (sizes that do not fit) leaves its message on the tape, and
 * it and every later one return NULL and do nothing: tape_status is asked once, when all is built.
 * Results do not depend on the number of threads: work is cut into pieces by size alone, and sums
 * over pieces run in their order.
 */
#ifndef FLOWTWIN_NN_TAPE_H
#define FLOWTWIN_NN_TAPE_H

#include "base/error.h"
#include "nn/tensor.h"

enum tape_mode {
    TAPE_TRAIN, /* keeps what gradients need; dropout drops */
    TAPE_INFER, /* no gradients */
};

struct tape;

/* Caller frees with tape_free. */
struct tape *tape_create(void);
void tape_free(struct tape *tape);

/* Forgets the last step: every tensor of it is gone. */
void tape_reset(struct tape *tape, enum tape_mode mode);

/* A tensor over the caller's numbers: borrowed until the next reset. */
struct tensor *tape_input(struct tape *tape, struct shape shape, const real *data);
/* One with memory of its own, for the caller to fill; lives until the next reset. */
struct tensor *tape_buffer(struct tape *tape, struct shape shape);

/* The first failure since the reset, or STATUS_OK. */
enum status tape_status(const struct tape *tape, struct error *err);

/* Adds the gradient of the scalar `loss` to every tensor that needs one. What operations made loses
 * its gradient on the way, as soon as it is used up; parameters and inputs keep theirs. Once a
 * step; does nothing on a tape that has failed. */
void tape_backward(struct tape *tape, struct tensor *loss);
/* The same from the gradient dy [size of y], for a loss that was computed elsewhere. */
void tape_backward_from(struct tape *tape, struct tensor *y, const real *dy);

/* For a loss in parts, each computed on a tape of its own, whose memory the next part takes over:
 *
 *     tape_hold_grad(trunk, h);                          // h was made on the tape `trunk`
 *     for (each part) {
 *         tape_reset(head, TAPE_TRAIN);
 *         tape_backward(head, part(head, h));            // adds to the gradient of h
 *     }
 *     tape_backward_held(trunk);
 *
 * tape_hold_grad gives x a gradient of 0 that lives as long as x; tape_backward_held goes on from
 * all that was added to such gradients. */
void tape_hold_grad(struct tape *tape, struct tensor *x);
void tape_backward_held(struct tape *tape);

/* STATUS_NUMERIC with the first operation whose result has an inf or nan where the loss has one;
 * meant for the moment when it does. */
enum status tape_check_finite(const struct tape *tape, struct error *err);

/* The most bytes that a step has taken so far. */
size_t tape_peak(const struct tape *tape);

/* Where the time goes: what is noted from now on belongs to part `part`, and the time that it
 * takes, forward and backward, is added to seconds[part]. tape_measure takes the array, borrowed
 * until the next call; NULL (the start) measures nothing. */
void tape_measure(struct tape *tape, double *seconds);
void tape_part(struct tape *tape, size_t part);

#endif
