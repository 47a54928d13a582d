#include "eval/integer_sort.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The order of two's complement is that of unsigned numbers once the sign bit is turned. */
static uint64_t sort_key(int64_t value)
{
    return (uint64_t)value ^ UINT64_C(1) << 63;
}

void integer_sort(int64_t *values, size_t n)
{
    int64_t *from = values, *spare = memory_alloc(n, sizeof *spare), *to = spare;
    for (int shift = 0; shift < 64; shift += 8) {
        size_t starts[257] = { 0 };
        for (size_t i = 0; i < n; i++)
            starts[(sort_key(from[i]) >> shift & 255) + 1]++;
        if (n == 0 || starts[(sort_key(from[0]) >> shift & 255) + 1] == n)
            continue;
        for (int b = 1; b < 256; b++)
            starts[b] += starts[b - 1];
        for (size_t i = 0; i < n; i++)
            to[starts[sort_key(from[i]) >> shift & 255]++] = from[i];
        int64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != values)
        memcpy(values, from, n * sizeof *values);
    free(spare);
}
