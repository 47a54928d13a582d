/* affine_weights.c - the gradients of the weights of affine maps: sums over many rows.
 *
 *     dW[i,o] += sum_l x[l - shift, i] dy[l, o]
 *
 * x and dy are copied, a block of rows at a time, into the order in which the kernel reads them.
 * All terms share what is copied of dy. */
#include "base/error.h"
#include "nn/affine.h"
#include "nn/vector.h"

#include <string.h>

/* Rows of a block, at most: with PANEL columns of dy in the first cache, with all of x in the
 * second.
 */
#define BLOCK_ROWS 128

/* Enough chunks for the threads of a workstation, none so small that adding up the chunks would
 * cost much. */
#define MAX_CHUNKS     8
#define MIN_CHUNK_ROWS 1024

struct weights {
    const struct affine_weight_grad *terms;
    size_t n_terms, n_in; /* of all terms */
    const real *dy;
    size_t dy_stride, L, n_out;
    bool has_bias;
};

/* n rows of one term's inputs. */
struct rows {
    const real *x;
    size_t stride, n;
};

/* sum[r,o] += sum_l x[l,r] dy[l,o], for n_rows inputs r by n_vectors vectors of outputs. */
static inline __attribute__((always_inline)) void tile(const size_t n_rows, const size_t n_vectors,
                                                       real *sum, size_t stride,
                                                       const struct rows *rows, const real *dy)
{
    const real *x = rows->x;
    vector sums[TILE_ROWS][2];
    for (size_t r = 0; r < n_rows; r++)
        for (size_t v = 0; v < n_vectors; v++)
            sums[r][v] = *(const vector_anywhere *)(sum + r * stride + v * LANES);
    for (size_t l = 0; l < rows->n; l++, x += rows->stride, dy += n_vectors * LANES) {
        vector dy_l[2];
        for (size_t v = 0; v < n_vectors; v++)
            dy_l[v] = *(const vector_anywhere *)(dy + v * LANES);
#pragma GCC unroll 12
        for (size_t r = 0; r < n_rows; r++)
            for (size_t v = 0; v < n_vectors; v++)
                sums[r][v] += x[r] * dy_l[v];
    }
    for (size_t r = 0; r < n_rows; r++)
        for (size_t v = 0; v < n_vectors; v++)
            *(vector_anywhere *)(sum + r * stride + v * LANES) = sums[r][v];
}

static void tile_of(size_t n_rows, size_t n_vectors, real *sum, size_t stride,
                    const struct rows *rows, const real *dy)
{
    if (n_vectors == 2)
        VECTOR_TILE(n_rows, tile, 2, sum, stride, rows, dy)
    else
        VECTOR_TILE(n_rows, tile, 1, sum, stride, rows, dy)
}

/* The last columns where they fill no vectors. */
static void partial_tile(size_t n_rows, size_t n_vectors, real *sum, size_t stride,
                         const struct rows *rows, const real *dy, size_t width)
{
    real whole[TILE_ROWS * PANEL] = { 0 };
    for (size_t r = 0; r < n_rows; r++)
        memcpy(whole + r * PANEL, sum + r * stride, width * sizeof *sum);
    tile_of(n_rows, n_vectors, whole, PANEL, rows, dy);
    for (size_t r = 0; r < n_rows; r++)
        memcpy(sum + r * stride, whole + r * PANEL, width * sizeof *sum);
}

/* A panel of dy, with 0 beyond its width; what it adds to the bias. */
static void copy_dy(real *to, size_t room, const real *dy, size_t dy_stride, size_t n, size_t width,
                    real *d_bias)
{
    real sums[PANEL] = { 0 };
    for (size_t l = 0; l < n; l++, to += room, dy += dy_stride) {
        if (width < room)
            memset(to, 0, room * sizeof *to);
        for (size_t o = 0; o < width; o++) {
            to[o] = dy[o];
            sums[o] += dy[o];
        }
    }
    for (size_t o = 0; d_bias != NULL && o < width; o++)
        d_bias[o] += sums[o];
}

/* Where the sums go: of each term dw, and the bias. */
struct sums {
    real *dw[AFFINE_MAX_TERMS];
    size_t dw_stride[AFFINE_MAX_TERMS];
    real *d_bias;
};

/* One term's rows pass over dy [rows.n, room], of which `width` columns are there. */
static void add_term(const struct affine_weight_grad *term, real *dw, size_t dw_stride,
                     struct rows rows, const real *dy, size_t room, size_t width)
{
    for (size_t t = 0; t < vector_n_tiles(term->n_in); t++) {
        size_t i = vector_tile_start(term->n_in, t);
        size_t n_rows = vector_tile_start(term->n_in, t + 1) - i;
        struct rows here = { rows.x + i, rows.stride, rows.n };
        if (width == room)
            tile_of(n_rows, room / LANES, dw + i * dw_stride, dw_stride, &here, dy);
        else
            partial_tile(n_rows, room / LANES, dw + i * dw_stride, dw_stride, &here, dy, width);
    }
}

/* Rows first..first+n-1, of one sequence that starts at row `start`. */
static void add_block(const struct weights *weights, const struct sums *sums, size_t start,
                      size_t first, size_t n, real *scratch)
{
    for (size_t column = 0; column < weights->n_out; column += PANEL) {
        size_t left = weights->n_out - column, width = left < PANEL ? left : PANEL;
        size_t room = left > LANES ? PANEL : LANES;
        copy_dy(scratch, room, weights->dy + first * weights->dy_stride + column,
                weights->dy_stride, n, width, sums->d_bias != NULL ? sums->d_bias + column : NULL);
        for (size_t t = 0; t < weights->n_terms; t++) {
            const struct affine_weight_grad *term = &weights->terms[t];
            /* Rows at the start of the sequence see nothing. */
            size_t blind = start + term->shift > first ? start + term->shift - first : 0;
            if (blind >= n)
                continue;
            struct rows rows = { term->x + (first + blind - term->shift) * term->x_stride,
                                 term->x_stride, n - blind };
            add_term(term, sums->dw[t] + column, sums->dw_stride[t], rows, scratch + blind * room,
                     room, width);
        }
    }
}

/* Rows first..last-1 of all. */
static void add_chunk(const struct weights *weights, const struct sums *sums, size_t first,
                      size_t last, real *scratch)
{
    for (size_t row = first, end; row < last; row = end) {
        size_t start = row / weights->L * weights->L;
        end = start + weights->L < last ? start + weights->L : last;
        end = end - row < BLOCK_ROWS ? end : row + BLOCK_ROWS;
        add_block(weights, sums, start, row, end - row, scratch);
    }
}

/* Sums of a chunk of its own, [n_in + 1, n_out], zeroed: row i of all the weights in turn, the bias
 * last. */
static struct sums place_sums(const struct weights *weights, real *place)
{
    struct sums sums;
    memset(place, 0, (weights->n_in + 1) * weights->n_out * sizeof *place);
    for (size_t t = 0; t < weights->n_terms; t++) {
        sums.dw[t] = place;
        sums.dw_stride[t] = weights->n_out;
        place += weights->terms[t].n_in * weights->n_out;
    }
    sums.d_bias = weights->has_bias ? place : NULL;
    return sums;
}

static void add_up(const struct weights *weights, real *d_bias, const real *chunks, size_t n_chunks)
{
    size_t n_in = weights->n_in, n_out = weights->n_out, chunk_size = (n_in + 1) * n_out;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row <= n_in; row++) {
        size_t t = 0, i = row;
        while (t < weights->n_terms && i >= weights->terms[t].n_in)
            i -= weights->terms[t++].n_in;
        real *total = d_bias;
        if (t < weights->n_terms)
            total = weights->terms[t].dw + i * weights->terms[t].dw_stride;
        if (total == NULL)
            continue;
        for (size_t chunk = 0; chunk < n_chunks; chunk++)
            for (size_t o = 0; o < n_out; o++)
                total[o] += chunks[chunk * chunk_size + row * n_out + o];
    }
}

void affine_add_weight_grads(const struct affine_weight_grad *terms, size_t n_terms, real *d_bias,
                             const real *dy, size_t dy_stride, size_t N, size_t L, size_t n_out,
                             struct arena *work)
{
    if (n_terms > AFFINE_MAX_TERMS)
        BUG("%zu terms", n_terms);
    struct weights weights = { terms, n_terms, 0, dy, dy_stride, L, n_out, d_bias != NULL };
    struct sums whole = { .d_bias = d_bias };
    for (size_t t = 0; t < n_terms; t++) {
        weights.n_in += terms[t].n_in;
        whole.dw[t] = terms[t].dw;
        whole.dw_stride[t] = terms[t].dw_stride;
    }
    size_t n_rows = N * L, n_chunks = n_rows / MIN_CHUNK_ROWS;
    const size_t scratch_size = BLOCK_ROWS * PANEL;
    if (n_chunks <= 1) {
        add_chunk(&weights, &whole, 0, n_rows, arena_alloc(work, scratch_size, sizeof(real)));
        return;
    }
    n_chunks = n_chunks > MAX_CHUNKS ? MAX_CHUNKS : n_chunks;
    size_t chunk_rows = (n_rows + n_chunks - 1) / n_chunks;
    size_t chunk_size = (weights.n_in + 1) * n_out;
    real *chunks = arena_alloc(work, n_chunks * chunk_size, sizeof *chunks);
    real *scratch = arena_alloc(work, n_chunks * scratch_size, sizeof *scratch);
#pragma omp parallel for schedule(static)
    for (size_t chunk = 0; chunk < n_chunks; chunk++) {
        size_t first = chunk * chunk_rows;
        size_t last = first + chunk_rows < n_rows ? first + chunk_rows : n_rows;
        struct sums sums = place_sums(&weights, chunks + chunk * chunk_size);
        add_chunk(&weights, &sums, first, last, scratch + chunk * scratch_size);
    }
    add_up(&weights, d_bias, chunks, n_chunks);
}
