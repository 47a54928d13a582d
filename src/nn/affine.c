#include "nn/affine.h"

#include "base/error.h"
#include "nn/vector.h"

#include <string.h>

/* Rows that pass over all panels while they are in the first cache. */
#define BLOCK_ROWS 48

/* ---- packing ------------------------------------------------------------------------------ */

/* Panels one after another; in each, the rows of W with PANEL columns. The last one has one vector
 * where that is enough, and zeros beyond the last column. */

static size_t panel_width(size_t n_left)
{
    return n_left > LANES ? PANEL : LANES;
}

size_t affine_packed_size(size_t n_in, size_t n_out)
{
    return (n_out + LANES - 1) / LANES * LANES * n_in;
}

void affine_pack(real *packed, const real *w, size_t w_stride, size_t n_in, size_t n_out)
{
    for (size_t panel = 0; panel < n_out; panel += PANEL) {
        size_t room = panel_width(n_out - panel), n = n_out - panel < room ? n_out - panel : room;
        for (size_t i = 0; i < n_in; i++, packed += room) {
            memcpy(packed, w + i * w_stride + panel, n * sizeof *packed);
            memset(packed + n, 0, (room - n) * sizeof *packed);
        }
    }
}

void affine_pack_transposed(real *packed, const real *w, size_t w_stride, size_t n_in, size_t n_out)
{
    for (size_t panel = 0; panel < n_out; panel += PANEL) {
        size_t room = panel_width(n_out - panel);
        for (size_t o = 0; o < room; o++) {
            const real *w_o = w + (panel + o) * w_stride;
            bool is_there = panel + o < n_out;
            for (size_t i = 0; i < n_in; i++)
                packed[i * room + o] = is_there ? w_o[i] : 0;
        }
        packed += n_in * room;
    }
}

/* ---- the kernel --------------------------------------------------------------------------- */

/* What tiles of one panel share; y, bias and base are at its columns. */
struct panel {
    real *y;
    size_t y_stride;
    const struct affine_term *terms;
    size_t n_terms, column;
    const real *bias, *base;
    size_t base_stride;
};

/* n_rows rows from `row` on, of one panel of n_vectors vectors. Both are constants where this is
 * inlined. */
static inline __attribute__((always_inline)) void tile(const size_t n_rows, const size_t n_vectors,
                                                       const struct panel *panel, size_t row)
{
    vector sums[TILE_ROWS][2];
    real *y = panel->y + row * panel->y_stride;
    const real *base = panel->base;
    /* What is written at the end is fetched meanwhile. */
    for (size_t r = 0; r < n_rows; r++)
        for (size_t v = 0; v < n_vectors; v++)
            __builtin_prefetch(y + r * panel->y_stride + v * LANES, 1);
    for (size_t r = 0; r < n_rows; r++)
        for (size_t v = 0; v < n_vectors; v++)
            sums[r][v] = *(const vector_anywhere *)(panel->bias + v * LANES);
    if (base != NULL) {
        base += row * panel->base_stride;
        for (size_t r = 0; r < n_rows; r++)
            for (size_t v = 0; v < n_vectors; v++)
                sums[r][v] += *(const vector_anywhere *)(base + r * panel->base_stride + v * LANES);
    }
    for (size_t t = 0; t < panel->n_terms; t++) {
        size_t n_in = panel->terms[t].n_in, stride = panel->terms[t].x_stride;
        const real *x = panel->terms[t].x + row * stride;
        const real *w = panel->terms[t].packed + panel->column * n_in;
        for (size_t i = 0; i < n_in; i++, w += n_vectors * LANES) {
            vector w_i[2];
            for (size_t v = 0; v < n_vectors; v++)
                w_i[v] = *(const vector_anywhere *)(w + v * LANES);
#pragma GCC unroll 12
            for (size_t r = 0; r < n_rows; r++) {
                real x_ri = x[r * stride + i];
                for (size_t v = 0; v < n_vectors; v++)
                    sums[r][v] += x_ri * w_i[v];
            }
        }
    }
    for (size_t r = 0; r < n_rows; r++)
        for (size_t v = 0; v < n_vectors; v++)
            *(vector_anywhere *)(y + r * panel->y_stride + v * LANES) = sums[r][v];
}

static void tile_of(size_t n_rows, size_t n_vectors, const struct panel *panel, size_t row)
{
    if (n_vectors == 2)
        VECTOR_TILE(n_rows, tile, 2, panel, row)
    else
        VECTOR_TILE(n_rows, tile, 1, panel, row)
}

/* So few that a tile of one panel waits for its own sums; as many as leave the sums of two panels
 * in registers. */
#define FEW_ROWS (TILE_ROWS == 12 ? 4 : 3)

/* Several panels of few rows at once, in the same order of sums. n_rows and n_wide are constants
 * where this is inlined. */
static inline __attribute__((always_inline)) void wide_tile(
    const size_t n_rows, const size_t n_wide, real *y, size_t y_stride,
    const struct affine_term *terms, size_t n_terms, const real *bias, const real *base,
    size_t base_stride, size_t row, size_t panel)
{
    vector sums[FEW_ROWS][4][2];
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
#pragma GCC unroll 4
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

/* All whole panels but a few last ones, of up to FEW_ROWS rows; returns how many. */
static size_t few_rows(size_t n_rows, real *y, size_t y_stride, const struct affine_term *terms,
                       size_t n_terms, const real *bias, const real *base, size_t base_stride,
                       size_t row, size_t n_out)
{
    static const size_t widths[] = { 0, 4, 3, 2, 2 };
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
        else if (n_rows == 3)
            wide_tile(3, 2, y + column, y_stride, terms, n_terms, bias_here, base_here, base_stride,
                      row, panel);
        else
            wide_tile(4, 2, y + column, y_stride, terms, n_terms, bias_here, base_here, base_stride,
                      row, panel);
    }
    return panel;
}

/* The last panel where it is not full: by way of a tile of its own. */
static void partial_tile(size_t n_rows, size_t n_vectors, const struct panel *panel, size_t row,
                         size_t width)
{
    real whole[TILE_ROWS * PANEL] = { 0 };
    struct panel here = *panel;
    for (size_t r = 0; panel->base != NULL && r < n_rows; r++)
        memcpy(whole + r * PANEL, panel->base + (row + r) * panel->base_stride,
               width * sizeof *whole);
    struct affine_term terms[AFFINE_MAX_TERMS];
    for (size_t t = 0; t < panel->n_terms; t++) {
        terms[t] = panel->terms[t];
        terms[t].x += row * terms[t].x_stride;
    }
    here.terms = terms;
    here.y = whole;
    here.base = whole;
    here.y_stride = here.base_stride = PANEL;
    tile_of(n_rows, n_vectors, &here, 0);
    for (size_t r = 0; r < n_rows; r++)
        memcpy(panel->y + (row + r) * panel->y_stride, whole + r * PANEL, width * sizeof *whole);
}

/* A share of what the n rows from `row` on read. */
static void fetch_rows(const struct affine_term *terms, size_t n_terms, const real *base,
                       size_t base_stride, size_t row, size_t n, size_t part, size_t n_parts)
{
    for (size_t t = 0; t < n_terms; t++)
        vector_fetch(terms[t].x + row * terms[t].x_stride, n * terms[t].x_stride, part, n_parts);
    if (base != NULL)
        vector_fetch(base + row * base_stride, n * base_stride, part, n_parts);
}

void affine_rows(real *y, size_t y_stride, const struct affine_term *terms, size_t n_terms,
                 const real *bias, const real *base, size_t base_stride, size_t n_rows,
                 size_t n_out)
{
    for (size_t first = 0; first < n_rows; first += BLOCK_ROWS) {
        size_t n = n_rows - first < BLOCK_ROWS ? n_rows - first : BLOCK_ROWS, n_done = 0;
        size_t part = 0, n_parts = (n_out + PANEL - 1) / PANEL * vector_n_tiles(n);
        if (n <= FEW_ROWS)
            n_done = few_rows(n, y + first * y_stride, y_stride, terms, n_terms, bias,
                              base != NULL ? base + first * base_stride : NULL, base_stride, first,
                              n_out);
        for (size_t column = n_done * PANEL; column < n_out; column += PANEL) {
            size_t width = n_out - column < PANEL ? n_out - column : PANEL;
            size_t room = panel_width(n_out - column);
            real panel_bias[PANEL] = { 0 };
            const real *bias_here = panel_bias;
            if (bias != NULL && width == room)
                bias_here = bias + column;
            else if (bias != NULL)
                memcpy(panel_bias, bias + column, width * sizeof *bias);
            struct panel panel = { y + column,
                                   y_stride,
                                   terms,
                                   n_terms,
                                   column,
                                   bias_here,
                                   base != NULL ? base + column : NULL,
                                   base_stride };
            for (size_t t = 0; t < vector_n_tiles(n); t++) {
                size_t row = first + vector_tile_start(n, t);
                if (n == BLOCK_ROWS) /* many rows, so that the next ones are ours too */
                    fetch_rows(terms, n_terms, base, base_stride, first + n, n, part++, n_parts);
                size_t rows = first + vector_tile_start(n, t + 1) - row;
                if (width == room)
                    tile_of(rows, room / LANES, &panel, row);
                else
                    partial_tile(rows, room / LANES, &panel, row, width);
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
