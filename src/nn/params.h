/* params.h - the weights of a model: one block of numbers, one of gradients, and the table that
 * says what lies where.
 *
 * Parameters are declared one by one and get their memory and first values together, so that
 * clipping, optimiser and checkpoint are single loops over a block. Each lies on a multiple of 64
 * bytes; what is between them is 0 and stays so.
 *
 *     struct params *params = params_create();
 *     struct tensor *w = params_add(params, SHAPE(Cin, Cout), INIT_FAN_IN(Cin), "head.weight");
 *     struct tensor *b = params_add(params, SHAPE(Cout), INIT_CONSTANT(0), "head.bias");
 *     params_finish(params, seed);
 */
#ifndef FLOWTWIN_NN_PARAMS_H
#define FLOWTWIN_NN_PARAMS_H

#include "nn/tensor.h"

#include <stdint.h>

enum init_kind {
    INIT_KIND_CONSTANT,
    INIT_KIND_NORMAL,
};

struct init {
    enum init_kind kind;
    double value; /* the constant, or the standard deviation */
};

#define INIT_CONSTANT(constant) ((struct init){ INIT_KIND_CONSTANT, (constant) })
#define INIT_NORMAL(deviation)  ((struct init){ INIT_KIND_NORMAL, (deviation) })
/* Keeps the variance of a sum over n inputs (LeCun 1998). */
#define INIT_FAN_IN(n) INIT_NORMAL(1.0 / sqrt((double)(n)))

struct parameter {
    struct tensor *tensor;
    size_t offset; /* in values and grads */
    struct init init;
};

struct params {
    struct arena *arena;
    struct parameter *table;
    size_t n;
    size_t capacity;
    /* After params_finish: */
    real *values;
    real *grads;
    size_t size; /* of each of the two, with the gaps */
};

/* Caller frees with params_free. */
struct params *params_create(void);
void params_free(struct params *params);

/* Declares a parameter by the name that `format` gives. The tensor lives as long as params; its
 * numbers are there after params_finish. */
struct tensor *params_add(struct params *params, struct shape shape, struct init init,
                          const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Takes the memory and draws the first values, each parameter from a stream of its own. */
void params_finish(struct params *params, uint64_t seed);

/* Instead of params_finish: the numbers of `original`, which has the same declarations, and
 * gradients of its own. So several threads can differentiate the same weights at once; their
 * gradients are then added up with params_add_grads. Borrows original's numbers. */
void params_finish_sharing(struct params *params, const struct params *original);

/* Adds the gradients of n replicas, in their order, to those of params, and sets them to 0. The
 * same bits at any number of threads. */
void params_add_grads(struct params *params, struct params *const *replicas, size_t n);

/* Weights in all, without the gaps. */
size_t params_count(const struct params *params);
/* NULL where no parameter has this name. */
struct tensor *params_find(const struct params *params, const char *name);

void params_zero_grads(struct params *params);

#endif
