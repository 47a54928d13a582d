/* octaves.h - numbers from 0 on by how large they are. */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_OCTAVES_H
#define FLOWTWIN_MODEL_MASKED_CONV_OCTAVES_H

#include <stdint.h>

/* Octave o holds the numbers 2^o - 1 .. 2^(o+1) - 2. */
static inline int octave_of(uint64_t x)
{
    return 63 - __builtin_clzll(x + 1);
}

static inline uint64_t octave_first(int octave)
{
    return (UINT64_C(1) << octave) - 1;
}

#endif
