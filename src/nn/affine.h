/* affine.h - the matrix products that linear layers and convolutions are made of.
 *
 *     y[l] = base[l] + bias + sum_t x_t[l - shift_t] W_t          l = 0..L-1, rows outside are 0
 *
 * x_t [L, n_in]  W_t [n_in, n_out]  bias [n_out]  base, y [L, n_out]
 *
 * A linear layer is one term with shift 0, a causal dilated convolution one term a tap, the
 * gradient in x the same with W transposed and the shifts turned round. All terms are summed in
 * registers, so that y is written once. The many rows by few channels of our networks are where
 * this beats sgemm. The gradients of the weights, sums over many rows, are in affine_weights.c; two
 * taps of the same x in three products for two rows, instead of four, in affine_taps.c.
 *
 *     real *packed = arena_alloc(work, affine_packed_size(n_in, n_out), sizeof *packed);
 *     affine_pack(packed, w, n_out, n_in, n_out);
 *     struct affine_term term = { .x = x, .x_stride = n_in, .n_in = n_in, .packed = packed };
 *     affine_rows(y, n_out, &term, 1, bias, NULL, 0, n_rows, n_out);
 *
 * Kernels promise nothing about overlap, except that base may be y itself.
 */
#ifndef FLOWTWIN_NN_AFFINE_H
#define FLOWTWIN_NN_AFFINE_H

#include "base/arena.h"
#include "nn/tensor.h"

#define AFFINE_MAX_TERMS   8
#define AFFINE_MAX_WEIGHTS 32

/* Rows that one thread takes at a time. */
#define AFFINE_TASK_ROWS 128

struct affine_term {
    const real *x;   /* row l at x + l * x_stride */
    size_t x_stride; /* elements from row to row */
    size_t n_in;
    ptrdiff_t shift;    /* row l of y sees row l - shift of x */
    const real *packed; /* of affine_pack */
};

/* Weights in the order in which the kernel reads them. W [n_in, n_out] has its rows w_stride apart;
 * the transposed form packs W^T, for W [n_out, n_in]. */
size_t affine_packed_size(size_t n_in, size_t n_out);
void affine_pack(real *packed, const real *w, size_t w_stride, size_t n_in, size_t n_out);
void affine_pack_transposed(real *packed, const real *w, size_t w_stride, size_t n_in,
                            size_t n_out);

/* n_rows rows of y, with no shifts: the kernel itself, on the calling thread. bias and base may be
 * NULL. */
void affine_rows(real *y, size_t y_stride, const struct affine_term *terms, size_t n_terms,
                 const real *bias, const real *base, size_t base_stride, size_t n_rows,
                 size_t n_out);

/* Rows first..last-1 of one sequence of `length` rows, shifts as above. y and base are at row
 * `first`, every x at row 0. On the calling thread. */
void affine_sequence(real *y, size_t y_stride, const struct affine_term *terms, size_t n_terms,
                     const real *bias, const real *base, size_t base_stride, size_t first,
                     size_t last, size_t length, size_t n_out);

/* Two taps of one x, `dilation` >= 1 rows apart:
 *
 *     x[l - shift] W_near + x[l - shift - dilation] W_far
 *
 * Also packed is their sum. */
struct affine_taps {
    const real *x;
    size_t x_stride, n_in;
    ptrdiff_t shift;
    size_t dilation;
    const real *near, *far, *both;
};

/* affine_sequence with two taps before its other terms, which have no shift, for at most
 * AFFINE_TASK_ROWS rows.
 * Rounds differently, but a row still depends on the rows that it sees alone. */
void affine_taps_sequence(real *y, size_t y_stride, const struct affine_taps *taps,
                          const struct affine_term *terms, size_t n_terms, const real *bias,
                          const real *base, size_t base_stride, size_t first, size_t last,
                          size_t length, size_t n_out, real *scratch);
size_t affine_taps_scratch_size(size_t n_in, size_t n_out);

/* N sequences of L rows, on all threads. */
void affine_map(real *y, size_t y_stride, const struct affine_term *terms, size_t n_terms,
                const real *bias, const real *base, size_t base_stride, size_t N, size_t L,
                size_t n_out);

/* The pieces that affine_map is cut into, for code that does more with each of them. */
struct affine_task {
    size_t sequence, first, last; /* rows first..last-1 */
};
size_t affine_n_tasks(size_t N, size_t L);
struct affine_task affine_task(size_t L, size_t task);

/* One term's share in the gradient of its weights: dW[i,o] += sum_l x[l - shift, i] dy[l, o]. */
struct affine_weight_grad {
    const real *x;
    size_t x_stride;
    size_t n_in;
    size_t shift;
    real *dw; /* [n_in, n_out], rows dw_stride apart */
    size_t dw_stride;
    size_t first_out; /* outputs before it are not computed from x: dw is left alone there */

    /* Of a second tap, `dilation` rows further back; or NULL. Both in three products for two rows.
     */
    size_t dilation;
    real *dw_far;
};

/* Adds the gradients of several weights that share dy [N, L, n_out], and of the bias where d_bias
 * is not NULL. On all threads: sums over a number of chunks that depends on N and L alone, then
 * over the chunks in their order. `work` is memory for them. */
void affine_add_weight_grads(const struct affine_weight_grad *terms, size_t n_terms, real *d_bias,
                             const real *dy, size_t dy_stride, size_t N, size_t L, size_t n_out,
                             struct arena *work);

#endif
