/* gradcheck.h - are the gradients right? Central differences in double, for operations and for
 * whole losses. Only in builds with NN_GRADCHECK; in those that compute in float (the sanitizers')
 * everything runs, but nothing is compared. */
#ifndef FLOWTWIN_TESTS_GRADCHECK_H
#define FLOWTWIN_TESTS_GRADCHECK_H

#include "nn/op.h"
#include "nn/params.h"

/* What may lie between a gradient and its difference, relative to the larger of both. */
#define GRADCHECK_TOLERANCE 1e-6

#ifdef NN_GRADCHECK
/* One case of an operation: every element of every input, alone and together with the others, into
 * fresh gradients and on top of what is there. */
enum status gradcheck_op(enum op_kind kind, const struct gradcheck_case *example,
                         struct error *err);
#endif

/* A loss as a function of parameters: builds it on the tape. */
typedef struct tensor *gradcheck_loss_function(struct tape *tape, void *context);

/* At most n_each elements of each parameter, evenly spread. A parameter whose gradient is 0
 * throughout is a failure too: nothing in a loss may go unused. */
enum status gradcheck_loss(struct params *params, gradcheck_loss_function *loss, void *context,
                           size_t n_each, struct error *err);

#endif
