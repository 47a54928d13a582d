#include "nn/affine.h"

#include "base/error.h"
#include "nn/blas.h"

#include <string.h>

/* Vectors of the compiler, so that the kernel is the same text for float and double and for every
 * machine. A tile of 6 rows by 2 vectors holds its sums in 12 of the 16 registers of AVX2. */
#define LANES     (32 / sizeof(real))
#define PANEL     (2 * LANES) /* columns of y that a tile computes */
#define TILE_ROWS 6
/* Rows that pass over all panels while they are in the first cache. */
#define BLOCK_ROWS 48

typedef real vector __attribute__((vector_size(32)));
typedef real vector_anywhere __attribute__((vector_size(32), aligned(sizeof(real))));

/* ---- packing ------------------------------------------------------------------------------ */

/* Panels one after another; in each, the rows of W with PANEL columns, zeros beyond the last. */

static size_t n_panels(size_t n_out)
{
    return (n_out + PANEL - 1) / PANEL;
}

size_t affine_packed_size(size_t n_in, size_t n_out)
{
    return n_panels(n_out) * PANEL * n_in;
}

void affine_pack(real *packed, const real *w, size_t w_stride, size_t n_in, size_t n_out)
{
    for (size_t panel = 0; panel < n_out; panel += PANEL) {
        size_t width = n_out - panel < PANEL ? n_out - panel : PANEL;
        for (size_t i = 0; i < n_in; i++, packed += PANEL) {
            memcpy(packed, w + i * w_stride + panel, width * sizeof *packed);
            memset(packed + width, 0, (PANEL - width) * sizeof *packed);
        }
    }
}

void affine_pack_transposed(real *packed, const real *w, size_t w_stride, size_t n_in, size_t n_out)
{
    for (size_t panel = 0; panel < n_out; panel += PANEL, packed += n_in * PANEL) {
        for (size_t o = 0; o < PANEL; o++) {
            const real *w_o = w + (panel + o) * w_stride;
            bool is_there = panel + o < n_out;
            for (size_t i = 0; i < n_in; i++)
                packed[i * PANEL + o] = is_there ? w_o[i] : 0;
        }
    }
}

/* ---- the kernel --------------------------------------------------------------------------- */

/* One panel's columns of n_rows <= TILE_ROWS rows, from `row` on; y, bias and base are at these
 * columns. n_rows is a constant where this is inlined, so that the sums stay in registers. */
static inline __attribute__((always_inline)) void tile(
    const size_t n_rows, real *y, size_t y_stride, const struct affine_term *terms, size_t n_terms,
    const real *bias, const real *base, size_t base_stride, size_t row, size_t panel)
{
    vector sums[TILE_ROWS][2];
    for (size_t r = 0; r < n_rows; r++) {
        sums[r][0] = *(const vector_anywhere *)bias;
        sums[r][1] = *(const vector_anywhere *)(bias + LANES);
        if (base != NULL) {
            sums[r][0] += *(const vector_anywhere *)(base + r * base_stride);
            sums[r][1] += *(const vector_anywhere *)(base + r * base_stride + LANES);
        }
    }
    for (size_t t = 0; t < n_terms; t++) {
        size_t n_in = terms[t].n_in, stride = terms[t].x_stride;
        const real *x = terms[t].x + row * stride;
        const real *w = terms[t].packed + panel * n_in * PANEL;
        for (size_t i = 0; i < n_in; i++) {
            vector w0 = *(const vector_anywhere *)(w + i * PANEL);
            vector w1 = *(const vector_anywhere *)(w + i * PANEL + LANES);
#pragma GCC unroll 6
            for (size_t r = 0; r < n_rows; r++) {
                real x_ri = x[r * stride + i];
                sums[r][0] += x_ri * w0;
                sums[r][1] += x_ri * w1;
            }
        }
    }
    for (size_t r = 0; r < n_rows; r++) {
        *(vector_anywhere *)(y + r * y_stride) = sums[r][0];
        *(vector_anywhere *)(y + r * y_stride + LANES) = sums[r][1];
    }
}

static void tile_of(size_t n_rows, real *y, size_t y_stride, const struct affine_term *terms,
                    size_t n_terms, const real *bias, const real *base, size_t base_stride,
                    size_t row, size_t panel)
{
    switch (n_rows) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        tile(n, y, y_stride, terms, n_terms, bias, base, base_stride, row, panel);                 \
        break;
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
#undef CASE
    default:
        BUG("a tile of %zu rows", n_rows);
    }
}

/* Several panels of few rows at once, in the same order of sums: with few rows a tile of one panel
 * waits for its own sums. n_rows and n_wide are constants where this is inlined. */
static inline __attribute__((always_inline)) void wide_tile(
    const size_t n_rows, const size_t n_wide, real *y, size_t y_stride,
    const struct affine_term *terms, size_t n_terms, const real *bias, const real *base,
    size_t base_stride, size_t row, size_t panel)
{
    vector sums[3][4][2];
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t v = 0; v < 2 * n_wide; v++) {
            sums[r][v / 2][v % 2] = (vector){ 0 };
            if (bias != NULL)
                sums[r][v / 2][v % 2] = *(const vector_anywhere *)(bias + v * LANES);
            if (base != NULL)
                sums[r][v / 2][v % 2] += *(const vector_anywhere *)(base + r * base_stride +
                                                                    v * LANES);
        }
    }
    for (size_t t = 0; t < n_terms; t++) {
        size_t n_in = terms[t].n_in, stride = terms[t].x_stride;
        const real *x = terms[t].x + row * stride;
        const real *w = terms[t].packed + panel * n_in * PANEL;
        for (size_t i = 0; i < n_in; i++) {
#pragma GCC unroll 4
            for (size_t p = 0; p < n_wide; p++) {
                const real *w_p = w + (p * n_in + i) * PANEL;
                vector w0 = *(const vector_anywhere *)w_p;
                vector w1 = *(const vector_anywhere *)(w_p + LANES);
#pragma GCC unroll 3
                for (size_t r = 0; r < n_rows; r++) {
                    real x_ri = x[r * stride + i];
                    sums[r][p][0] += x_ri * w0;
                    sums[r][p][1] += x_ri * w1;
                }
            }
        }
    }
    for (size_t r = 0; r < n_rows; r++)
        for (size_t v = 0; v < 2 * n_wide; v++)
            *(vector_anywhere *)(y + r * y_stride + v * LANES) = sums[r][v / 2][v % 2];
}

/* All whole panels but a few last ones, of 1..3 rows; returns how many. */
static size_t few_rows(size_t n_rows, real *y, size_t y_stride, const struct affine_term *terms,
                       size_t n_terms, const real *bias, const real *base, size_t base_stride,
                       size_t row, size_t n_out)
{
    static const size_t widths[] = { 0, 4, 3, 2 };
    size_t panel = 0, n_wide = widths[n_rows];
    for (; (panel + n_wide) * PANEL <= n_out; panel += n_wide) {
        size_t column = panel * PANEL;
        const real *bias_here = bias != NULL ? bias + column : NULL;
        const real *base_here = base != NULL ? base + column : NULL;
        if (n_rows == 1)
            wide_tile(1, 4, y + column, y_stride, terms, n_terms, bias_here, base_here, base_stride,
                      row, panel);
        else if (n_rows == 2)
            wide_tile(2, 3, y + column, y_stride, terms, n_terms, bias_here, base_here, base_stride,
                      row, panel);
        else
            wide_tile(3, 2, y + column, y_stride, terms, n_terms, bias_here, base_here, base_stride,
                      row, panel);
    }
    return panel;
}

/* The last panel where it is not full: by way of a tile of its own. */
static void partial_tile(size_t n_rows, real *y, size_t y_stride, const struct affine_term *terms,
                         size_t n_terms, const real *bias, const real *base, size_t base_stride,
                         size_t row, size_t panel, size_t width)
{
    real whole[TILE_ROWS * PANEL] = { 0 };
    for (size_t r = 0; base != NULL && r < n_rows; r++)
        memcpy(whole + r * PANEL, base + r * base_stride, width * sizeof *y);
    tile_of(n_rows, whole, PANEL, terms, n_terms, bias, whole, PANEL, row, panel);
    for (size_t r = 0; r < n_rows; r++)
        memcpy(y + r * y_stride, whole + r * PANEL, width * sizeof *y);
}

void affine_rows(real *y, size_t y_stride, const struct affine_term *terms, size_t n_terms,
                 const real *bias, const real *base, size_t base_stride, size_t n_rows,
                 size_t n_out)
{
    for (size_t first = 0; first < n_rows; first += BLOCK_ROWS) {
        size_t last = first + BLOCK_ROWS < n_rows ? first + BLOCK_ROWS : n_rows;
        size_t n_done = 0;
        if (last - first <= 3)
            n_done = few_rows(last - first, y + first * y_stride, y_stride, terms, n_terms, bias,
                              base != NULL ? base + first * base_stride : NULL, base_stride, first,
                              n_out);
        for (size_t panel = n_done; panel < n_panels(n_out); panel++) {
            size_t column = panel * PANEL;
            size_t width = n_out - column < PANEL ? n_out - column : PANEL;
            real panel_bias[PANEL] = { 0 };
            if (bias != NULL)
                memcpy(panel_bias, bias + column, width * sizeof *bias);
            for (size_t row = first; row < last; row += TILE_ROWS) {
                size_t rows = last - row < TILE_ROWS ? last - row : TILE_ROWS;
                real *y_row = y + row * y_stride + column;
                const real *base_row = base != NULL ? base + row * base_stride + column : NULL;
                if (width == PANEL)
                    tile_of(rows, y_row, y_stride, terms, n_terms, panel_bias, base_row,
                            base_stride, row, panel);
                else
                    partial_tile(rows, y_row, y_stride, terms, n_terms, panel_bias, base_row,
                                 base_stride, row, panel, width);
            }
        }
    }
}

/* ---- sequences ---------------------------------------------------------------------------- */

void affine_sequence(real *y, size_t y_stride, const struct affine_term *terms, size_t n_terms,
                     const real *bias, const real *base, size_t base_stride, size_t first,
                     size_t last, size_t length, size_t n_out)
{
    if (n_terms > AFFINE_MAX_TERMS)
        BUG("%zu terms", n_terms);
    /* Stretches of rows on which the same terms are inside the sequence. */
    for (size_t l = first, end; l < last; l = end) {
        struct affine_term live[AFFINE_MAX_TERMS];
        size_t n_live = 0;
        end = last;
        for (size_t t = 0; t < n_terms; t++) {
            ptrdiff_t begins = terms[t].shift, ends = (ptrdiff_t)length + terms[t].shift;
            if ((ptrdiff_t)l < begins) {
                end = (size_t)begins < end ? (size_t)begins : end;
            } else if ((ptrdiff_t)l < ends) {
                end = (size_t)ends < end ? (size_t)ends : end;
                live[n_live] = terms[t];
                live[n_live++].x += ((ptrdiff_t)l - begins) * (ptrdiff_t)terms[t].x_stride;
            }
        }
        affine_rows(y, y_stride, live, n_live, bias, base, base_stride, end - l, n_out);
        y += (end - l) * y_stride;
        if (base != NULL)
            base += (end - l) * base_stride;
    }
}

static size_t tasks_per_sequence(size_t L)
{
    return (L + AFFINE_TASK_ROWS - 1) / AFFINE_TASK_ROWS;
}

size_t affine_n_tasks(size_t N, size_t L)
{
    return N * tasks_per_sequence(L);
}

struct affine_task affine_task(size_t L, size_t task)
{
    size_t per_sequence = tasks_per_sequence(L);
    size_t first = task % per_sequence * AFFINE_TASK_ROWS;
    size_t last = first + AFFINE_TASK_ROWS;
    return (struct affine_task){ task / per_sequence, first, last < L ? last : L };
}

void affine_map(real *y, size_t y_stride, const struct affine_term *terms, size_t n_terms,
                const real *bias, const real *base, size_t base_stride, size_t N, size_t L,
                size_t n_out)
{
    size_t n_tasks = affine_n_tasks(N, L);
#pragma omp parallel for schedule(static) if (n_tasks > 1)
    for (size_t i = 0; i < n_tasks; i++) {
        struct affine_task task = affine_task(L, i);
        struct affine_term here[AFFINE_MAX_TERMS];
        for (size_t t = 0; t < n_terms; t++) {
            here[t] = terms[t];
            here[t].x += task.sequence * L * terms[t].x_stride;
        }
        size_t row = task.sequence * L + task.first;
        affine_sequence(y + row * y_stride, y_stride, here, n_terms, bias,
                        base != NULL ? base + row * base_stride : NULL, base_stride, task.first,
                        task.last, L, n_out);
    }
}

/* ---- gradients of weights ----------------------------------------------------------------- */

/* Enough chunks for the threads of a workstation, none too small to be worth a matrix product. */
#define MAX_CHUNKS     8
#define MIN_CHUNK_ROWS 128

/* One chunk's sum over rows first..last-1 of all N * L, into `sum` [n_in, n_out], zeroed. */
static void add_chunk(real *sum, const struct affine_weight_grad *term, const real *dy,
                      size_t dy_stride, size_t L, size_t n_out, size_t first, size_t last)
{
    for (size_t row = first; row < last;) {
        size_t start = row / L * L; /* of this row's sequence */
        size_t end = start + L < last ? start + L : last;
        size_t from = row > start + term->shift ? row : start + term->shift;
        if (from < end)
            blas_add_xt_y(sum, n_out, term->x + (from - term->shift) * term->x_stride,
                          term->x_stride, dy + from * dy_stride, dy_stride, end - from, term->n_in,
                          n_out);
        row = end;
    }
}

static void add_columns(real *sum, const real *dy, size_t dy_stride, size_t n_out, size_t first,
                        size_t last)
{
    for (size_t row = first; row < last; row++)
        for (size_t o = 0; o < n_out; o++)
            sum[o] += dy[row * dy_stride + o];
}

void affine_add_weight_grads(const struct affine_weight_grad *terms, size_t n_terms, real *d_bias,
                             const real *dy, size_t dy_stride, size_t N, size_t L, size_t n_out,
                             struct arena *work)
{
    size_t n_rows = N * L;
    size_t n_chunks = n_rows / MIN_CHUNK_ROWS;
    n_chunks = n_chunks < 1 ? 1 : n_chunks > MAX_CHUNKS ? MAX_CHUNKS : n_chunks;
    size_t chunk_rows = (n_rows + n_chunks - 1) / n_chunks;
    size_t n_in = 0; /* of all terms, and one row for the bias */
    for (size_t t = 0; t < n_terms; t++)
        n_in += terms[t].n_in;
    size_t chunk_size = (n_in + 1) * n_out;
    real *sums = arena_alloc(work, n_chunks * chunk_size, sizeof *sums);

#pragma omp parallel for schedule(static)
    for (size_t chunk = 0; chunk < n_chunks; chunk++) {
        size_t first = chunk * chunk_rows;
        size_t last = first + chunk_rows < n_rows ? first + chunk_rows : n_rows;
        real *sum = sums + chunk * chunk_size;
        memset(sum, 0, chunk_size * sizeof *sum);
        for (size_t t = 0; t < n_terms; sum += terms[t++].n_in * n_out)
            add_chunk(sum, &terms[t], dy, dy_stride, L, n_out, first, last);
        if (d_bias != NULL)
            add_columns(sum, dy, dy_stride, n_out, first, last);
    }

    /* Row i of all the weights in turn, the bias last. */
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row <= n_in; row++) {
        size_t t = 0, i = row;
        while (t < n_terms && i >= terms[t].n_in)
            i -= terms[t++].n_in;
        real *total = t < n_terms ? terms[t].dw + i * terms[t].dw_stride : d_bias;
        if (total == NULL)
            continue;
        for (size_t chunk = 0; chunk < n_chunks; chunk++) {
            const real *sum = sums + chunk * chunk_size + row * n_out;
            for (size_t o = 0; o < n_out; o++)
                total[o] += sum[o];
        }
    }
}
