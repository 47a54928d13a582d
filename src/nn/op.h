/* op.h - what an operation is, for the files in src/nn/ops and for the test that walks them all.
 *
 * An operation is one file with, in this order: equation and shapes, infer_shape, forward,
 * backward, gradient-check cases, descriptor, and the public constructor, which fills in the inputs
 * and calls tape_apply. docs/adding-an-op.md is the checklist.
 */
#ifndef FLOWTWIN_NN_OP_H
#define FLOWTWIN_NN_OP_H

#include "base/arena.h"
#include "base/error.h"
#include "nn/ops.h"
#include "nn/tape.h"

#define OP_MAX_INPUTS 6

/* An operation as it stands on the tape. */
struct op_node {
    const struct op_def *def;
    struct tape *tape;
    struct tensor *inputs[OP_MAX_INPUTS]; /* NULL where an optional one is left out */
    struct tensor *output;
    const void *params; /* a copy of what the constructor was given */
    void *saved;        /* what forward keeps for backward */
    size_t part;        /* whose time it counts to */
    struct op_node *previous;
};

#ifdef NN_GRADCHECK
/* One set of shapes and parameters under which gradients are checked. */
struct gradcheck_case {
    const char *note;
    size_t shapes[OP_MAX_INPUTS][TENSOR_MAX_DIMS + 1]; /* ended by 0; all 0 leaves an input out */
    const void *params;
    double scale;  /* standard deviation of the inputs; 0 means 1 */
    double margin; /* inputs keep this distance from 0, for functions with a kink there */
};
#define OP_CASES(array) .cases = (array), .n_cases = ARRAY_LEN(array),
#else
#define OP_CASES(array)
#endif

struct op_def {
    const char *name;
    size_t n_inputs;
    size_t n_optional; /* the last so many inputs may be NULL */
    size_t params_size;
    bool is_view; /* the output is the first input's memory in another shape */
    /* The output's shape, or a message about the inputs' shapes. */
    enum status (*infer_shape)(const struct op_node *node, struct shape *out, struct error *err);
    void (*forward)(struct op_node *node);
    /* Adds to the gradients of those inputs that need one. May destroy what forward saved. */
    void (*backward)(struct op_node *node);
#ifdef NN_GRADCHECK
    const struct gradcheck_case *cases;
    size_t n_cases;
#endif
};

/* ops/op_list.h gives the enum, the declarations and (in tape.c) the registry. */
enum op_kind {
#define OP(KIND, name) OP_##KIND,
#include "nn/ops/op_list.h"
#undef OP
    OP_COUNT
};
#define OP(KIND, name) extern const struct op_def op_##name;
#include "nn/ops/op_list.h"
#undef OP
extern const struct op_def *const op_registry[OP_COUNT];

/* Checks, computes and notes one operation. Inputs are `def->n_inputs` tensors. NULL, with the
 * message on the tape, where something does not fit. */
struct tensor *tape_apply(struct tape *tape, enum op_kind kind, struct tensor *const *inputs,
                          const void *params);

/* ---- for forward and backward ------------------------------------------------------------- */

/* Whether this step is one of training. */
bool tape_trains(const struct tape *tape);

/* Whether input i is there and wants a gradient; whether any does. */
bool op_wants(const struct op_node *node, size_t i);
bool op_wants_any(const struct op_node *node);

/* Whether so many numbers are worth the microseconds that it takes to start the threads; for the
 * `if` of a parallel loop. Results do not depend on it. */
#define OP_MANY(n) ((n) >= 16384)

/* Memory that lives until the tape is reset. */
void *op_save(struct op_node *node, size_t count, size_t size);

/* Memory of the running operation: one arena for all threads, emptied by each call, and one for
 * the calling thread, likewise. */
struct arena *tape_work(struct tape *tape);
struct arena *tape_scratch(struct tape *tape);

/* The gradient of a tensor, to add to. */
real *grad_add(struct tape *tape, struct tensor *x);
/* The same for code that can as well write: *add says which of both it has to do. */
real *grad_write(struct tape *tape, struct tensor *x, bool *add);
/* Adds a gradient that stands in memory of op_save, as large as x; where x has none yet that memory
 * becomes its gradient. */
void grad_take(struct tape *tape, struct tensor *x, real *grad);
/* Adds the output's gradient to that of input i, of the same size; where the input has none yet it
 * takes over the memory, so this has to be the last use of the output's gradient. */
void grad_pass(struct op_node *node, size_t i);

#endif
