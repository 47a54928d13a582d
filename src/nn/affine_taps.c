/* affine_taps.c - two taps, in three products for two rows instead of four.
 *
 *     y[l]     = u1 W0 + u0 W1          u0 = x[l - s - d]   u1 = x[l - s]   u2 = x[l - s + d]
 *     y[l + d] = u2 W0 + u1 W1
 *
 * share the middle row and the sum of the weights:
 *
 *     m        = u1 (W0 + W1)
 *     y[l]     = m + (u0 - u1) W1
 *     y[l + d] = m + (u2 - u1) W0
 *
 * The minimal filtering of Winograd (Arithmetic Complexity of Computations, 1980, F(2,2)) on rows
 * of channels. Neither row of y sees a row of x that it did not see before, so masks hold bit by
 * bit. Rows without a partner, or whose taps reach beyond the sequence, are summed as they are. */
#include "base/error.h"
#include "nn/affine.h"
#include "nn/affine_pairs.h"

/* What all pairs share. y and base are at row `first`. */
struct products {
    real *y;
    size_t y_stride;
    const struct affine_taps *taps;
    const struct affine_term *terms; /* the others */
    size_t n_terms;
    const real *bias, *base;
    size_t base_stride, first, n_out;
    real *scratch;
};

size_t affine_taps_scratch_size(size_t n_in, size_t n_out)
{
    return AFFINE_TASK_ROWS / 2 * (n_in + n_out);
}

/* d[i] = a[i] - b[i], n rows. */
static void subtract(real *restrict d, const real *a, const real *b, size_t stride, size_t n,
                     size_t n_in)
{
    for (size_t r = 0; r < n; r++, d += n_in, a += stride, b += stride)
        for (size_t i = 0; i < n_in; i++)
            d[i] = a[i] - b[i];
}

static void add(real *y, size_t y_stride, const real *base, size_t base_stride, const real *m,
                size_t n, size_t n_out)
{
    for (size_t r = 0; r < n; r++, y += y_stride, base += base_stride, m += n_out)
        for (size_t o = 0; o < n_out; o++)
            y[o] = base[o] + m[o];
}

/* y = m + base + difference W + the other terms, of the rows start, start + step, ... */
static void finish(const struct products *products, const real *m, const real *difference,
                   const real *packed, size_t start, size_t step, size_t n)
{
    const struct affine_taps *taps = products->taps;
    size_t n_out = products->n_out, row = start - products->first;
    size_t y_stride = step * products->y_stride;
    real *y = products->y + row * products->y_stride;
    struct affine_term terms[AFFINE_MAX_TERMS];
    terms[0] = (struct affine_term){
        .x = difference, .x_stride = taps->n_in, .n_in = taps->n_in, .packed = packed
    };
    for (size_t t = 0; t < products->n_terms; t++) {
        terms[t + 1] = products->terms[t];
        terms[t + 1].x += start * terms[t + 1].x_stride;
        terms[t + 1].x_stride *= step;
    }
    size_t m_stride = n_out;
    if (products->base != NULL) {
        add(y, y_stride, products->base + row * products->base_stride, step * products->base_stride,
            m, n, n_out);
        m = y;
        m_stride = y_stride;
    }
    affine_rows(y, y_stride, terms, products->n_terms + 1, NULL, m, m_stride, n, n_out);
}

/* Pairs whose first rows are n rows from `start` on, `step` rows apart. */
static void run_set(const struct products *products, size_t start, size_t step, size_t n)
{
    const struct affine_taps *taps = products->taps;
    size_t n_in = taps->n_in, n_out = products->n_out, stride = step * taps->x_stride;
    size_t reach = taps->dilation * taps->x_stride;
    const real *u1 = taps->x + ((ptrdiff_t)start - taps->shift) * (ptrdiff_t)taps->x_stride;
    real *m = products->scratch, *difference = m + AFFINE_TASK_ROWS / 2 * n_out;
    struct affine_term middle = { .x = u1, .x_stride = stride, .n_in = n_in, .packed = taps->both };
    affine_rows(m, n_out, &middle, 1, products->bias, NULL, 0, n, n_out);
    subtract(difference, u1 - reach, u1, stride, n, n_in);
    finish(products, m, difference, taps->far, start, step, n);
    subtract(difference, u1 + reach, u1, stride, n, n_in);
    finish(products, m, difference, taps->near, start + taps->dilation, step, n);
}

/* Rows first..last-1 as they are. */
static void run_rows(const struct products *products, size_t first, size_t last, size_t length)
{
    const struct affine_taps *taps = products->taps;
    struct affine_term terms[AFFINE_MAX_TERMS] = {
        { taps->x, taps->x_stride, taps->n_in, taps->shift, taps->near },
        { taps->x, taps->x_stride, taps->n_in, taps->shift + (ptrdiff_t)taps->dilation, taps->far },
    };
    for (size_t t = 0; t < products->n_terms; t++)
        terms[t + 2] = products->terms[t];
    size_t row = first - products->first;
    affine_sequence(products->y + row * products->y_stride, products->y_stride, terms,
                    products->n_terms + 2, products->bias,
                    products->base != NULL ? products->base + row * products->base_stride : NULL,
                    products->base_stride, first, last, length, products->n_out);
}

void affine_taps_sequence(real *y, size_t y_stride, const struct affine_taps *taps,
                          const struct affine_term *terms, size_t n_terms, const real *bias,
                          const real *base, size_t base_stride, size_t first, size_t last,
                          size_t length, size_t n_out, real *scratch)
{
    if (n_terms + 2 > AFFINE_MAX_TERMS || last - first > AFFINE_TASK_ROWS)
        BUG("%zu terms, %zu rows", n_terms, last - first);
    struct products products = { y,    y_stride,    taps,  terms, n_terms, bias,
                                 base, base_stride, first, n_out, scratch };
    /* From here to there both taps are inside the sequence. */
    size_t d = taps->dilation;
    ptrdiff_t reach = taps->shift + (ptrdiff_t)d, end = (ptrdiff_t)length + taps->shift;
    size_t from = reach > (ptrdiff_t)first ? (size_t)reach : first;
    size_t to = end < (ptrdiff_t)last ? (end > 0 ? (size_t)end : 0) : last;
    struct affine_pairs pairs = affine_pairs(from < to ? to - from : 0, d);
    size_t n_paired = 2 * affine_pairs_count(pairs);
    if (n_paired == 0)
        from = first;
    run_rows(&products, first, from, length);
    for (size_t s = 0; s < pairs.n_sets; s++)
        run_set(&products, from + s * pairs.set_step, pairs.step, pairs.n);
    run_rows(&products, from + n_paired, last, length);
}
