/* tensor.h - the arrays that networks are made of.
 *
 * A tensor is a contiguous block of numbers with up to three sizes, the last one running fastest.
 * Sequences are [N, L, C]: rows lie one after another with their channels together, so that most
 * operations see a plain matrix of N * L rows by C channels.
 *
 * The letters that stand for sizes, here and everywhere in src/nn:
 *     N batch (sequences)      L length (rows of a sequence)   R rows in all, N * L
 *     C channels (Cin, Cout)   K kernel width                  V categories
 *     G mixture components     F fields of a row
 * A gradient is d + name; dx is the gradient of the loss in x.
 */
#ifndef FLOWTWIN_NN_TENSOR_H
#define FLOWTWIN_NN_TENSOR_H

#include <stdbool.h>
#include <stddef.h>

/* The element of every tensor: float, or double in the build that checks gradients. */
#ifdef NN_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#define TENSOR_MAX_DIMS 3

struct shape {
    size_t n_dims;
    size_t dims[TENSOR_MAX_DIMS];
};

/* SHAPE(N, L, C), SHAPE(R, C), SHAPE(R) */
#define SHAPE(...)                                                                                 \
    ((struct shape){ sizeof((size_t[]){ __VA_ARGS__ }) / sizeof(size_t), { __VA_ARGS__ } })

struct op_node;

struct tensor {
    struct shape shape;
    real *data;
    real *grad;               /* NULL until something is added to it; of parameters always there */
    struct op_node *producer; /* NULL for parameters and inputs */
    const char *name;         /* of a parameter; NULL for what an operation made */
    bool needs_grad;
};

/* Elements in all; the last size; and the number of rows of that size. */
size_t shape_size(const struct shape *shape);
size_t shape_channels(const struct shape *shape);
size_t shape_rows(const struct shape *shape);
bool shape_equal(const struct shape *a, const struct shape *b);

size_t tensor_size(const struct tensor *x);
size_t tensor_channels(const struct tensor *x);
size_t tensor_rows(const struct tensor *x);

/* "[32,100,12]" for messages. Borrowed until the next 8 calls of this thread. */
const char *shape_text(const struct shape *shape);

#endif
