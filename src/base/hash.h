/* hash.h - numbers to places of tables. */
#ifndef FLOWTWIN_BASE_HASH_H
#define FLOWTWIN_BASE_HASH_H

#include <stdint.h>

/* splitmix64's finaliser (Steele, Lea, Flood 2014): every bit of the result depends on all of x. */
static inline uint64_t hash_mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* A hash of what `hash` is of and one number more. */
static inline uint64_t hash_with(uint64_t hash, int64_t number)
{
    return hash_mix(hash + (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15));
}

#endif
