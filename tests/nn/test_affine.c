#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "nn/affine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sums of some hundred products of numbers around 1. */
#define TOLERANCE (sizeof(real) == sizeof(float) ? 1e-4 : 1e-12)

static real *draw(size_t n, uint64_t stream)
{
    struct rng rng = rng_stream(1, RNG_TEST, stream, 0);
    real *x = memory_alloc(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (real)rng_normal(&rng);
    return x;
}

static const struct {
    size_t N, L, n_in, n_out;
    ptrdiff_t shifts[3];
    size_t n_terms;
    bool has_bias, has_base;
} cases[] = {
    { 1, 1, 1, 1, { 0 }, 1, false, false },
    { 1, 5, 3, 16, { 0 }, 1, true, false },
    { 1, 97, 7, 33, { 0 }, 1, true, true },
    { 3, 300, 4, 20, { 0, 1, 130 }, 3, true, false },
    { 2, 300, 4, 20, { 0, -1, -130 }, 3, false, true },
    { 2, 5, 3, 8, { 1, 4, 64 }, 3, true, false },
    { 2, 5, 3, 8, { -64, -2, 0 }, 3, true, true },
    { 1, 0, 3, 8, { 0 }, 1, true, false },
    { 1, 67, 24, 75, { 0 }, 1, true, true },
    { 2, 61, 8, 96, { 0, 3 }, 2, true, false },
};

/* y[l] = base[l] + bias + sum_t x[l - shift_t] W_t, one number at a time, in double. */
START_TEST(maps_are_the_sums_that_they_stand_for)
{
    size_t N = cases[_i].N, L = cases[_i].L, n_in = cases[_i].n_in, n_out = cases[_i].n_out;
    size_t n_terms = cases[_i].n_terms, x_stride = n_in + 1, y_stride = n_out + 2;
    real *x = draw(N * L * x_stride, 0), *w = draw(n_terms * n_in * n_out, 1);
    real *bias = draw(n_out, 2), *base = draw(N * L * y_stride, 3), *y = draw(N * L * y_stride, 4);
    real *packed = memory_alloc(n_terms * affine_packed_size(n_in, n_out), sizeof *packed);
    struct affine_term terms[3];
    for (size_t t = 0; t < n_terms; t++) {
        terms[t] = (struct affine_term){ x, x_stride, n_in, cases[_i].shifts[t],
                                         packed + t * affine_packed_size(n_in, n_out) };
        affine_pack(packed + t * affine_packed_size(n_in, n_out), w + t * n_in * n_out, n_out, n_in,
                    n_out);
    }
    real untouched = N * L > 0 ? y[n_out] : 0;
    affine_map(y, y_stride, terms, n_terms, cases[_i].has_bias ? bias : NULL,
               cases[_i].has_base ? base : NULL, y_stride, N, L, n_out);
    for (size_t row = 0; row < N * L; row++) {
        for (size_t o = 0; o < n_out; o++) {
            double sum = cases[_i].has_bias ? (double)bias[o] : 0.0;
            if (cases[_i].has_base)
                sum += (double)base[row * y_stride + o];
            for (size_t t = 0; t < n_terms; t++) {
                ptrdiff_t l = (ptrdiff_t)(row % L) - cases[_i].shifts[t];
                for (size_t i = 0; l >= 0 && l < (ptrdiff_t)L && i < n_in; i++)
                    sum += (double)x[(row / L * L + (size_t)l) * x_stride + i] *
                           (double)w[(t * n_in + i) * n_out + o];
            }
            assert_near((double)y[row * y_stride + o], sum, TOLERANCE);
        }
    }
    if (N * L > 0)
        ck_assert(y[n_out] == untouched);
    free(x), free(w), free(bias), free(base), free(y), free(packed);
}
END_TEST

/* Two taps: groups that are small and large, that are all of a task and none, and what surrounds
 * them. */
static const struct {
    size_t L, n_in, n_out;
    ptrdiff_t shift;
    size_t dilation;
    bool has_other, has_bias, has_base;
} tap_cases[] = {
    { 1, 3, 5, 0, 1, true, true, false },        { 130, 5, 33, 0, 1, false, true, false },
    { 130, 5, 20, 0, 3, true, true, true },      { 300, 7, 40, 1, 16, true, false, true },
    { 257, 4, 16, 0, 64, false, true, true },    { 100, 3, 9, 2, 65, true, true, false },
    { 130, 6, 33, -1, 1, false, false, true },   { 300, 5, 20, -17, 16, true, true, true },
    { 257, 4, 16, -64, 64, false, false, true }, { 20, 4, 16, -40, 20, false, false, false },
};

START_TEST(two_taps_are_the_sums_that_they_stand_for)
{
    size_t L = tap_cases[_i].L, n_in = tap_cases[_i].n_in, n_out = tap_cases[_i].n_out;
    size_t size = affine_packed_size(n_in, n_out), x_stride = n_in + 1, y_stride = n_out + 2;
    real *x = draw(L * x_stride, 0), *w = draw(4 * n_in * n_out, 1), *bias = draw(n_out, 2);
    real *base = draw(L * y_stride, 3), *y = draw(L * y_stride, 4);
    real *packed = memory_alloc(4 * size, sizeof *packed);
    real *scratch = memory_alloc(affine_taps_scratch_size(n_in, n_out), sizeof *scratch);
    for (size_t i = 0; i < n_in * n_out; i++) /* near, far, both, the other term's */
        w[2 * n_in * n_out + i] = w[i] + w[n_in * n_out + i];
    for (size_t k = 0; k < 4; k++)
        affine_pack(packed + k * size, w + k * n_in * n_out, n_out, n_in, n_out);
    ptrdiff_t shift = tap_cases[_i].shift, d = (ptrdiff_t)tap_cases[_i].dilation;
    const struct affine_taps taps = { x,         x_stride, n_in,          shift,
                                      (size_t)d, packed,   packed + size, packed + 2 * size };
    const struct affine_term other = { x, x_stride, n_in, 0, packed + 3 * size };
    const real *bias_or_not = tap_cases[_i].has_bias ? bias : NULL;
    const struct {
        size_t tap;
        ptrdiff_t shift;
        bool is_there;
    } terms[] = { { 0, shift, true }, { 1, shift + d, true }, { 3, 0, tap_cases[_i].has_other } };
    for (size_t i = 0; i < affine_n_tasks(1, L); i++) {
        struct affine_task task = affine_task(L, i);
        affine_taps_sequence(y + task.first * y_stride, y_stride, &taps, &other,
                             tap_cases[_i].has_other, bias_or_not,
                             tap_cases[_i].has_base ? base + task.first * y_stride : NULL, y_stride,
                             task.first, task.last, L, n_out, scratch);
    }
    for (size_t row = 0; row < L; row++) {
        for (size_t o = 0; o < n_out; o++) {
            double sum = tap_cases[_i].has_bias ? (double)bias[o] : 0.0;
            if (tap_cases[_i].has_base)
                sum += (double)base[row * y_stride + o];
            for (size_t t = 0; t < ARRAY_LEN(terms); t++) {
                ptrdiff_t l = (ptrdiff_t)row - terms[t].shift;
                for (size_t i = 0; terms[t].is_there && l >= 0 && l < (ptrdiff_t)L && i < n_in; i++)
                    sum += (double)x[(size_t)l * x_stride + i] *
                           (double)w[(terms[t].tap * n_in + i) * n_out + o];
            }
            assert_near((double)y[row * y_stride + o], sum, TOLERANCE);
        }
    }
    free(x), free(w), free(bias), free(base), free(y), free(packed), free(scratch);
}
END_TEST

START_TEST(transposed_weights_are_packed_the_same)
{
    enum { IN = 5, OUT = 37 };
    real *w = draw(IN * OUT, 1), transposed[OUT * IN];
    for (size_t i = 0; i < IN; i++)
        for (size_t o = 0; o < OUT; o++)
            transposed[o * IN + i] = w[i * OUT + o];
    size_t size = affine_packed_size(IN, OUT);
    real *a = memory_alloc(size, sizeof *a), *b = memory_alloc(size, sizeof *b);
    affine_pack(a, w, OUT, IN, OUT);
    affine_pack_transposed(b, transposed, IN, IN, OUT);
    ck_assert_mem_eq(a, b, size * sizeof *a);
    free(a), free(b), free(w);
}
END_TEST

/* One chunk and several, of tiles and panels that are full and that are not. */
static const struct {
    size_t N, L, n_in, n_out, shifts[2];
    bool has_two; /* two taps as one term */
    size_t first_out;
} weight_cases[] = {
    { 3, 40, 5, 7, { 0, 30 }, false, 0 },      { 2, 130, 29, 75, { 1, 200 }, false, 0 },
    { 5, 450, 13, 16, { 0, 300 }, false, 0 },  { 1, 2500, 12, 33, { 0, 1 }, false, 0 },
    { 3, 40, 5, 7, { 0, 1 }, true, 0 },        { 2, 130, 29, 75, { 1, 4 }, true, 40 },
    { 5, 450, 13, 16, { 1, 17 }, true, 0 },    { 1, 2500, 12, 33, { 0, 64 }, true, 3 },
    { 1, 2500, 12, 33, { 3, 70 }, false, 32 },
};

START_TEST(gradients_of_weights_are_sums_over_rows_on_top_of_what_is_there)
{
    enum { TERMS = 2 };
    size_t N = weight_cases[_i].N, L = weight_cases[_i].L, n_rows = N * L;
    size_t n_in = weight_cases[_i].n_in, n_out = weight_cases[_i].n_out;
    const size_t *shifts = weight_cases[_i].shifts;
    real *x = draw(n_rows * n_in, 0), *dy = draw(n_rows * n_out, 1);
    real *dw = memory_alloc(TERMS * n_in * n_out, sizeof *dw);
    real *d_bias = memory_alloc(n_out, sizeof *d_bias);
    struct affine_weight_grad terms[TERMS];
    size_t first_out = weight_cases[_i].first_out;
    for (size_t t = 0; t < TERMS; t++)
        terms[t] = (struct affine_weight_grad){ .x = x,
                                                .x_stride = n_in,
                                                .n_in = n_in,
                                                .shift = shifts[t],
                                                .dw = dw + t * n_in * n_out,
                                                .dw_stride = n_out,
                                                .first_out = first_out };
    if (weight_cases[_i].has_two) {
        terms[0].dilation = shifts[1] - shifts[0];
        terms[0].dw_far = terms[1].dw;
    }
    for (size_t i = 0; i < TERMS * n_in * n_out; i++)
        dw[i] = 1;
    for (size_t o = 0; o < n_out; o++)
        d_bias[o] = 2;
    struct arena *work = arena_create(1);
    affine_add_weight_grads(terms, weight_cases[_i].has_two ? 1 : TERMS, d_bias, dy, n_out, N, L,
                            n_out, work);
    double *sums = memory_zalloc(TERMS * n_in, sizeof *sums);
    for (size_t o = 0; o < n_out; o++) {
        double column = 0.0;
        memset(sums, 0, TERMS * n_in * sizeof *sums);
        for (size_t row = 0; row < n_rows; row++) {
            double dy_o = (double)dy[row * n_out + o];
            column += dy_o;
            for (size_t t = 0; t < TERMS; t++)
                for (size_t i = 0; row % L >= shifts[t] && i < n_in; i++)
                    sums[t * n_in + i] += dy_o * (double)x[(row - shifts[t]) * n_in + i];
        }
        assert_near((double)d_bias[o], 2.0 + column, 10 * TOLERANCE);
        for (size_t i = 0; i < TERMS * n_in; i++)
            assert_near((double)dw[i * n_out + o], 1.0 + (o >= first_out ? sums[i] : 0.0),
                        10 * TOLERANCE);
    }
    arena_free(work);
    free(x), free(dy), free(dw), free(d_bias), free(sums);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("nn/affine");
    testing_add_loop(suite, maps_are_the_sums_that_they_stand_for, ARRAY_LEN(cases));
    testing_add_loop(suite, two_taps_are_the_sums_that_they_stand_for, ARRAY_LEN(tap_cases));
    testing_add(suite, transposed_weights_are_packed_the_same);
    testing_add_loop(suite, gradients_of_weights_are_sums_over_rows_on_top_of_what_is_there,
                     ARRAY_LEN(weight_cases));
    return suite;
}
