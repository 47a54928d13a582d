/* affine_weights.c - the gradients of the weights of affine maps: sums over many rows.
 *
 *     dW[i,o] += sum_l x[l - shift, i] dy[l, o]
 *
 * x and dy are copied, a block of rows at a time, into the order in which the kernel reads them.
 * Two taps of the same x are three products for two rows, the transpose of affine_taps.c: with a
 * row l, its partner l + d and the rows u0, u1 and u2 of x that they see,
 *
 *     dW0 += u1^T (dy[l] + dy[l+d]) + (u2 - u1)^T dy[l+d]
 *     dW1 += u1^T (dy[l] + dy[l+d]) + (u0 - u1)^T dy[l]
 *
 * where what they share is a sum of its own, added to both at the end. */
#include "base/error.h"
#include "nn/affine.h"
#include "nn/affine_pairs.h"
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
    size_t n_terms;
    size_t n_in; /* rows of all sums: of the terms, and of what two taps share */
    const real *dy;
    size_t dy_stride, L, n_out;
    bool has_bias;
};

/* Sums that a term needs: of one tap; of two, and what they share. */
static size_t n_parts(const struct affine_weight_grad *term)
{
    return term->dw_far != NULL ? 3 : 1;
}

/* ---- the kernel --------------------------------------------------------------------------- */

/* sum[r,o] += sum_l x[l,r] dy[l,o] over n rows l, for n_rows inputs r, packed, by n_vectors vectors
 * of outputs. */
static inline __attribute__((always_inline)) void tile(const size_t n_rows, const size_t n_vectors,
                                                       real *sum, size_t stride, const real *x,
                                                       const real *dy, size_t n)
{
    vector sums[TILE_ROWS][2];
    for (size_t r = 0; r < n_rows; r++)
        for (size_t v = 0; v < n_vectors; v++)
            sums[r][v] = *(const vector_anywhere *)(sum + r * stride + v * LANES);
    for (size_t l = 0; l < n; l++, x += n_rows, dy += n_vectors * LANES) {
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

static void tile_of(size_t n_rows, size_t n_vectors, real *sum, size_t stride, const real *x,
                    const real *dy, size_t n)
{
    if (n_vectors == 2)
        VECTOR_TILE(n_rows, tile, 2, sum, stride, x, dy, n)
    else
        VECTOR_TILE(n_rows, tile, 1, sum, stride, x, dy, n)
}

/* Columns from..to-1 alone, where they do not fill the vectors. */
static void partial_tile(size_t n_rows, size_t n_vectors, real *sum, size_t stride, const real *x,
                         const real *dy, size_t n, size_t from, size_t to)
{
    real whole[TILE_ROWS * PANEL] = { 0 };
    size_t size = (to - from) * sizeof *sum;
    for (size_t r = 0; r < n_rows; r++)
        memcpy(whole + r * PANEL + from, sum + r * stride + from, size);
    tile_of(n_rows, n_vectors, whole, PANEL, x, dy, n);
    for (size_t r = 0; r < n_rows; r++)
        memcpy(sum + r * stride + from, whole + r * PANEL + from, size);
}

/* x, or x - minus, of n rows: tile after tile of inputs, in each the rows. */
static inline __attribute__((always_inline)) void pack_tile(const size_t n_rows, real *restrict to,
                                                            const real *x, const real *minus,
                                                            size_t stride, size_t n)
{
    if (minus == NULL) {
        for (size_t l = 0; l < n; l++, to += n_rows, x += stride)
            memcpy(to, x, n_rows * sizeof *to);
        return;
    }
    for (size_t l = 0; l < n; l++, to += n_rows, x += stride, minus += stride)
        for (size_t r = 0; r < n_rows; r++)
            to[r] = x[r] - minus[r];
}

static void pack(real *packed, const real *x, const real *minus, size_t stride, size_t n_in,
                 struct affine_pairs rows)
{
    for (size_t t = 0; t < vector_n_tiles(n_in); t++) {
        size_t i = vector_tile_start(n_in, t), n_rows = vector_tile_start(n_in, t + 1) - i;
        for (size_t s = 0; s < rows.n_sets; s++, packed += rows.n * n_rows) {
            size_t place = s * rows.set_step * stride + i;
            const real *less = minus != NULL ? minus + place : NULL;
            VECTOR_TILE(n_rows, pack_tile, packed, x + place, less, rows.step * stride, rows.n)
        }
    }
}

/* ---- blocks of rows ----------------------------------------------------------------------- */

/* Where the panel that starts at `column` is, of n rows. */
static size_t panel_place(size_t column, size_t n)
{
    return column * n;
}

static size_t panel_room(size_t n_out, size_t column)
{
    return n_out - column > LANES ? PANEL : LANES;
}

/* dy in panels, with 0 beyond its columns; what it adds to the bias. */
static void pack_dy(real *packed, const real *dy, size_t dy_stride, size_t n, size_t n_out,
                    real *d_bias)
{
    for (size_t l = 0; l < n; l++, dy += dy_stride) {
        size_t column = 0;
        for (; column + PANEL <= n_out; column += PANEL)
            memcpy(packed + panel_place(column, n) + l * PANEL, dy + column, PANEL * sizeof *dy);
        if (column < n_out) {
            size_t room = panel_room(n_out, column), width = n_out - column;
            width = width < room ? width : room;
            real *to = packed + panel_place(column, n) + l * room;
            memcpy(to, dy + column, width * sizeof *dy);
            memset(to + width, 0, (room - width) * sizeof *dy);
        }
        for (size_t o = 0; d_bias != NULL && o < n_out; o++)
            d_bias[o] += dy[o];
    }
}

/* A panel of a block's dy: all rows, and of those in pairs the first, the second, and their sum. */
enum { ALL, FIRST, SECOND, SUM, N_PANELS };

/* dw += x^T dy, where x is packed, and dy is n rows of a panel from `row` on. */
struct product {
    const real *x;
    size_t n_in, n;
    int panel;
    size_t row;
    real *dw; /* rows dw_stride apart, from column first_out on */
    size_t dw_stride, first_out;
};

/* Two taps: at the start of a sequence, of pairs, at the end of a block. */
#define MAX_PRODUCTS (AFFINE_MAX_WEIGHTS + 6)

/* What a thread works with. */
struct scratch {
    real *panels[N_PANELS];
    real *dy; /* all panels of all rows */
    real *x;  /* packed, of all products */
    struct product products[MAX_PRODUCTS];
    size_t n_products;
};

/* Where the sums go: of each term dw, dw_far and what both share, and the bias. */
struct sums {
    struct term_sums {
        real *dw, *far, *both;
        size_t stride;
    } terms[AFFINE_MAX_WEIGHTS];
    real *d_bias;
};

static struct scratch *scratch_create(const struct weights *weights, struct arena *work)
{
    struct scratch *scratch = arena_zalloc(work, 1, sizeof *scratch);
    size_t n_in = 0;
    bool has_pairs = false;
    for (size_t t = 0; t < weights->n_terms; t++) {
        bool is_two = weights->terms[t].dw_far != NULL;
        n_in += weights->terms[t].n_in * (is_two ? 2 : 1);
        has_pairs |= is_two;
    }
    scratch->x = arena_alloc(work, BLOCK_ROWS * n_in, sizeof(real));
    scratch->dy = arena_alloc(work, BLOCK_ROWS * (weights->n_out + PANEL), sizeof(real));
    for (size_t i = FIRST; has_pairs && i < N_PANELS; i++)
        scratch->panels[i] = arena_alloc(work, BLOCK_ROWS * PANEL, sizeof(real));
    return scratch;
}

/* Rows first..first+n-1 of all, of the sequence that starts at row `start`. */
struct block {
    size_t start, first, n;
};

/* Adds a product of x (or x - minus) with a panel; returns where the next one's x is packed. */
static real *add_product(struct scratch *scratch, real *packed, const real *x, const real *minus,
                         size_t x_stride, struct affine_pairs rows, struct product product)
{
    product.x = packed;
    product.n = affine_pairs_count(rows);
    pack(packed, x, minus, x_stride, product.n_in, rows);
    scratch->products[scratch->n_products++] = product;
    return packed + product.n_in * product.n;
}

/* One tap of rows first..last-1 of the block; those at the start of the sequence see nothing. */
static real *add_tap(struct scratch *scratch, real *packed, const struct affine_weight_grad *term,
                     size_t shift, real *dw, size_t dw_stride, struct block block, size_t first,
                     size_t last)
{
    size_t sees = block.start + shift;
    size_t blind = sees > block.first ? sees - block.first : 0;
    first = blind > first ? blind : first;
    if (first >= last)
        return packed;
    const real *x = term->x + (block.first + first - shift) * term->x_stride;
    struct product product = {
        .n_in = term->n_in,
        .panel = ALL,
        .row = first,
        .dw = dw,
        .dw_stride = dw_stride,
        .first_out = term->first_out,
    };
    return add_product(scratch, packed, x, NULL, term->x_stride,
                       (struct affine_pairs){ 1, 0, last - first, 1 }, product);
}

static real *add_taps(struct scratch *scratch, real *packed, const struct affine_weight_grad *term,
                      const struct term_sums *sums, struct block block, size_t first, size_t last)
{
    packed = add_tap(scratch, packed, term, term->shift, sums->dw, sums->stride, block, first,
                     last);
    if (term->dw_far == NULL)
        return packed;
    return add_tap(scratch, packed, term, term->shift + term->dilation, sums->far, sums->stride,
                   block, first, last);
}

/* The rows of a block that have partners begin at row `from` of it. */
struct pairs {
    size_t from, distance;
    struct affine_pairs rows;
};

static struct pairs pairs_of(const struct affine_weight_grad *term, struct block block)
{
    struct pairs pairs = { .distance = term->dilation };
    size_t sees = block.start + term->shift + term->dilation;
    pairs.from = sees > block.first ? sees - block.first : 0;
    if (term->dw_far != NULL && pairs.from < block.n)
        pairs.rows = affine_pairs(block.n - pairs.from, term->dilation);
    return pairs;
}

static real *add_pairs(struct scratch *scratch, real *packed, const struct affine_weight_grad *term,
                       const struct term_sums *sums, struct block block, struct pairs pairs)
{
    size_t stride = term->x_stride, reach = term->dilation * stride;
    const real *u1 = term->x + (block.first + pairs.from - term->shift) * stride;
    const struct {
        const real *x, *minus;
        int panel;
        real *dw;
    } parts[] = { { u1, NULL, SUM, sums->both },
                  { u1 + reach, u1, SECOND, sums->dw },
                  { u1 - reach, u1, FIRST, sums->far } };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct product product = { .n_in = term->n_in,
                                   .panel = parts[i].panel,
                                   .dw = parts[i].dw,
                                   .dw_stride = sums->stride,
                                   .first_out = term->first_out };
        packed = add_product(scratch, packed, parts[i].x, parts[i].minus, stride, pairs.rows,
                             product);
    }
    return packed;
}

/* The panels of pairs, from that of all rows. */
static inline __attribute__((always_inline)) void split_panel(const struct scratch *scratch,
                                                              struct pairs pairs, const size_t room)
{
    real *restrict first = scratch->panels[FIRST], *restrict second = scratch->panels[SECOND];
    real *restrict sum = scratch->panels[SUM];
    for (size_t s = 0; s < pairs.rows.n_sets; s++) {
        const real *dy = scratch->panels[ALL] + (pairs.from + s * pairs.rows.set_step) * room;
        const real *later = dy + pairs.distance * room;
        size_t step = pairs.rows.step * room;
        for (size_t i = 0; i < pairs.rows.n; i++, dy += step, later += step) {
            for (size_t o = 0; o < room; o++) {
                first[o] = dy[o];
                second[o] = later[o];
                sum[o] = dy[o] + later[o];
            }
            first += room, second += room, sum += room;
        }
    }
}

/* The columns of one panel, which has room for `room` and of which `width` are there. */
static void run_product(const struct product *product, const struct scratch *scratch, size_t column,
                        size_t room, size_t width)
{
    if (product->first_out >= column + width)
        return;
    size_t from = product->first_out > column ? product->first_out - column : 0;
    const real *dy = scratch->panels[product->panel] + product->row * room;
    size_t stride = product->dw_stride, n = product->n;
    for (size_t t = 0; t < vector_n_tiles(product->n_in); t++) {
        size_t i = vector_tile_start(product->n_in, t);
        size_t n_rows = vector_tile_start(product->n_in, t + 1) - i;
        real *dw = product->dw + i * stride + column;
        if (from == 0 && width == room)
            tile_of(n_rows, room / LANES, dw, stride, product->x + i * n, dy, n);
        else
            partial_tile(n_rows, room / LANES, dw, stride, product->x + i * n, dy, n, from, width);
    }
}

static void add_block(const struct weights *weights, const struct sums *sums, struct block block,
                      struct scratch *scratch)
{
    struct pairs pairs = { 0 };
    real *packed = scratch->x;
    scratch->n_products = 0;
    for (size_t t = 0; t < weights->n_terms; t++) {
        const struct affine_weight_grad *term = &weights->terms[t];
        struct pairs here = pairs_of(term, block);
        size_t head = block.n, tail = block.n;
        if (affine_pairs_count(here.rows) > 0) {
            pairs = here;
            head = here.from;
            tail = head + 2 * affine_pairs_count(here.rows);
            packed = add_pairs(scratch, packed, term, &sums->terms[t], block, here);
        }
        packed = add_taps(scratch, packed, term, &sums->terms[t], block, 0, head);
        packed = add_taps(scratch, packed, term, &sums->terms[t], block, tail, block.n);
    }
    pack_dy(scratch->dy, weights->dy + block.first * weights->dy_stride, weights->dy_stride,
            block.n, weights->n_out, sums->d_bias);
    for (size_t column = 0; column < weights->n_out; column += PANEL) {
        size_t left = weights->n_out - column, width = left < PANEL ? left : PANEL;
        size_t room = panel_room(weights->n_out, column);
        scratch->panels[ALL] = scratch->dy + panel_place(column, block.n);
        if (affine_pairs_count(pairs.rows) > 0 && room == PANEL)
            split_panel(scratch, pairs, PANEL);
        else if (affine_pairs_count(pairs.rows) > 0)
            split_panel(scratch, pairs, LANES);
        for (size_t i = 0; i < scratch->n_products; i++)
            run_product(&scratch->products[i], scratch, column, room, width);
    }
}

/* ---- chunks ------------------------------------------------------------------------------- */

/* Rows first..last-1 of all. */
static void add_chunk(const struct weights *weights, const struct sums *sums, size_t first,
                      size_t last, struct scratch *scratch)
{
    for (size_t row = first, end; row < last; row = end) {
        size_t start = row / weights->L * weights->L;
        end = start + weights->L < last ? start + weights->L : last;
        end = end - row < BLOCK_ROWS ? end : row + BLOCK_ROWS;
        add_block(weights, sums, (struct block){ start, row, end - row }, scratch);
    }
}

/* Sums of a chunk of its own, [n_in + 1, n_out], zeroed: row i of all the weights in turn, the bias
 * last. */
static struct sums place_sums(const struct weights *weights, real *place)
{
    struct sums sums;
    memset(place, 0, (weights->n_in + 1) * weights->n_out * sizeof *place);
    for (size_t t = 0; t < weights->n_terms; t++) {
        struct term_sums *term = &sums.terms[t];
        real **parts[] = { &term->dw, &term->far, &term->both };
        for (size_t i = 0; i < n_parts(&weights->terms[t]); i++) {
            *parts[i] = place;
            place += weights->terms[t].n_in * weights->n_out;
        }
        term->stride = weights->n_out;
    }
    sums.d_bias = weights->has_bias ? place : NULL;
    return sums;
}

static void add_chunks(real *total, const real *chunks, size_t chunk_size, size_t n_chunks,
                       size_t n_out)
{
    for (size_t chunk = 0; chunk < n_chunks; chunk++)
        for (size_t o = 0; o < n_out; o++)
            total[o] += chunks[chunk * chunk_size + o];
}

static void add_up(const struct weights *weights, real *d_bias, const real *chunks, size_t n_chunks)
{
    size_t n_out = weights->n_out, chunk_size = (weights->n_in + 1) * n_out;
    for (size_t t = 0; t < weights->n_terms; t++) {
        const struct affine_weight_grad *term = &weights->terms[t];
        size_t part = term->n_in * n_out;
#pragma omp parallel for schedule(static)
        for (size_t i = 0; i < term->n_in; i++) {
            const real *here = chunks + i * n_out;
            add_chunks(term->dw + i * term->dw_stride, here, chunk_size, n_chunks, n_out);
            if (term->dw_far == NULL)
                continue;
            real *far = term->dw_far + i * term->dw_stride;
            add_chunks(term->dw + i * term->dw_stride, here + 2 * part, chunk_size, n_chunks,
                       n_out);
            add_chunks(far, here + part, chunk_size, n_chunks, n_out);
            add_chunks(far, here + 2 * part, chunk_size, n_chunks, n_out);
        }
        chunks += n_parts(term) * part;
    }
    if (d_bias != NULL)
        add_chunks(d_bias, chunks, chunk_size, n_chunks, n_out);
}

void affine_add_weight_grads(const struct affine_weight_grad *terms, size_t n_terms, real *d_bias,
                             const real *dy, size_t dy_stride, size_t N, size_t L, size_t n_out,
                             struct arena *work)
{
    struct weights weights = { terms, n_terms, 0, dy, dy_stride, L, n_out, d_bias != NULL };
    struct sums whole = { .d_bias = d_bias };
    bool has_two = n_terms > 0 && terms[0].dw_far != NULL;
    for (size_t t = 0; t < n_terms; t++) {
        if (n_terms > AFFINE_MAX_WEIGHTS || (t > 0 && terms[t].dw_far != NULL))
            BUG("%zu terms, term %zu with%s two taps", n_terms, t,
                terms[t].dw_far != NULL ? "" : "out");
        weights.n_in += n_parts(&terms[t]) * terms[t].n_in;
        whole.terms[t] = (struct term_sums){ .dw = terms[t].dw, .stride = terms[t].dw_stride };
    }
    size_t n_rows = N * L, n_chunks = n_rows / MIN_CHUNK_ROWS;
    if (n_chunks <= 1 && !has_two) {
        add_chunk(&weights, &whole, 0, n_rows, scratch_create(&weights, work));
        return;
    }
    n_chunks = n_chunks > MAX_CHUNKS ? MAX_CHUNKS : n_chunks > 0 ? n_chunks : 1;
    size_t chunk_rows = (n_rows + n_chunks - 1) / n_chunks;
    size_t chunk_size = (weights.n_in + 1) * n_out;
    real *chunks = arena_alloc(work, n_chunks * chunk_size, sizeof *chunks);
    struct scratch *scratch[MAX_CHUNKS];
    for (size_t chunk = 0; chunk < n_chunks; chunk++)
        scratch[chunk] = scratch_create(&weights, work);
#pragma omp parallel for schedule(static) if (n_chunks > 1)
    for (size_t chunk = 0; chunk < n_chunks; chunk++) {
        size_t first = chunk * chunk_rows;
        size_t last = first + chunk_rows < n_rows ? first + chunk_rows : n_rows;
        struct sums sums = place_sums(&weights, chunks + chunk * chunk_size);
        add_chunk(&weights, &sums, first, last, scratch[chunk]);
    }
    add_up(&weights, d_bias, chunks, n_chunks);
}
