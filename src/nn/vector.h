/* vector.h - the vectors of the compiler, so that the kernels of matrix products are the same text
 * for float and double and for every machine.
 *
 * A tile holds its sums in registers: TILE_ROWS rows by 2 vectors take 24 of the 32 registers of
 * AVX-512, or 12 of the 16 of AVX2.
 */
#ifndef FLOWTWIN_NN_VECTOR_H
#define FLOWTWIN_NN_VECTOR_H

#include "nn/tensor.h"

#include <stdint.h>

#ifdef __AVX512F__
#define VECTOR_BYTES 64
#define TILE_ROWS    12
#else
#define VECTOR_BYTES 32
#define TILE_ROWS    6
#endif

#define LANES (VECTOR_BYTES / sizeof(real)) /* numbers of a vector */
#define PANEL (2 * LANES)                   /* columns of a tile */

typedef real vector __attribute__((vector_size(VECTOR_BYTES)));
typedef real vector_anywhere __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real))));

/* Calls f(n, arguments) for n = n_rows with n a constant, so that what is inlined in it keeps its
 * sums in registers. */
#define VECTOR_CASE(n, f, ...)                                                                     \
    case n:                                                                                        \
        f(n, __VA_ARGS__);                                                                         \
        break;
#if TILE_ROWS == 12
#define VECTOR_MORE_CASES(f, ...)                                                                  \
    VECTOR_CASE(7, f, __VA_ARGS__)                                                                 \
    VECTOR_CASE(8, f, __VA_ARGS__)                                                                 \
    VECTOR_CASE(9, f, __VA_ARGS__)                                                                 \
    VECTOR_CASE(10, f, __VA_ARGS__)                                                                \
    VECTOR_CASE(11, f, __VA_ARGS__)                                                                \
    VECTOR_CASE(12, f, __VA_ARGS__)
#else
#define VECTOR_MORE_CASES(f, ...)
#endif
#define VECTOR_TILE(n_rows, f, ...)                                                                \
    switch (n_rows) {                                                                              \
        VECTOR_CASE(1, f, __VA_ARGS__)                                                             \
        VECTOR_CASE(2, f, __VA_ARGS__)                                                             \
        VECTOR_CASE(3, f, __VA_ARGS__)                                                             \
        VECTOR_CASE(4, f, __VA_ARGS__)                                                             \
        VECTOR_CASE(5, f, __VA_ARGS__)                                                             \
        VECTOR_CASE(6, f, __VA_ARGS__)                                                             \
        VECTOR_MORE_CASES(f, __VA_ARGS__)                                                          \
    default:                                                                                       \
        BUG("a tile of %zu rows", (size_t)(n_rows));                                               \
    }

/* n things in tiles of nearly the same number of rows: where tile t begins. */
static inline size_t vector_n_tiles(size_t n)
{
    return (n + TILE_ROWS - 1) / TILE_ROWS;
}
static inline size_t vector_tile_start(size_t n, size_t t)
{
    return n * t / vector_n_tiles(n);
}

/* Asks for one of n_parts of `size` numbers from `start` on, which are needed soon. Nothing is
 * read: start may be NULL, and the numbers need not be there. */
static inline void vector_fetch(const real *start, size_t size, size_t part, size_t n_parts)
{
    const size_t line = 64;
    uintptr_t from = (uintptr_t)start + size * part / n_parts * sizeof(real);
    uintptr_t end = (uintptr_t)start + size * (part + 1) / n_parts * sizeof(real);
    for (uintptr_t at = from / line * line; start != NULL && at < end; at += line)
        __builtin_prefetch((const void *)at, 0, 2);
}

#endif
