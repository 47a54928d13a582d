#include "base/rng.h"

#include "base/error.h"

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

struct rng rng_stream(uint64_t seed, enum rng_purpose purpose, uint64_t host, uint64_t row)
{
    if (host > UINT32_MAX || row >> 48 != 0)
        BUG("stream of host %llu, row %llu", (unsigned long long)host, (unsigned long long)row);
    return (struct rng){
        .key = { (uint32_t)seed, (uint32_t)(seed >> 32) },
        .counter = { 0, (uint32_t)row, (uint32_t)host,
                     (uint32_t)purpose << 16 | (uint32_t)(row >> 32) },
        .next = 4,
    };
}

uint32_t rng_u32(struct rng *rng)
{
    if (rng->next == 4) {
        philox4x32_ctr_t counter;
        philox4x32_key_t key;
        memcpy(counter.v, rng->counter, sizeof rng->counter);
        memcpy(key.v, rng->key, sizeof rng->key);
        counter = philox4x32(counter, key);
        memcpy(rng->words, counter.v, sizeof rng->words);
        rng->counter[0]++;
        rng->next = 0;
    }
    return rng->words[rng->next++];
}

/* FILL_BLOCKS blocks at once, written so that the compiler makes vectors of it: philox4x32-10 of
 * Salmon et al. (SC 2011), as in Random123. */
#define FILL_BLOCKS 16
static void fill_blocks(const struct rng *rng, uint32_t *restrict words)
{
    uint32_t c0[FILL_BLOCKS], c1[FILL_BLOCKS], c2[FILL_BLOCKS], c3[FILL_BLOCKS];
    for (uint32_t b = 0; b < FILL_BLOCKS; b++) {
        c0[b] = rng->counter[0] + b;
        c1[b] = rng->counter[1];
        c2[b] = rng->counter[2];
        c3[b] = rng->counter[3];
    }
    uint32_t k0 = rng->key[0], k1 = rng->key[1];
    for (int round = 0; round < 10; round++, k0 += PHILOX_W32_0, k1 += PHILOX_W32_1) {
#pragma omp simd
        for (size_t b = 0; b < FILL_BLOCKS; b++) {
            uint64_t p0 = (uint64_t)PHILOX_M4x32_0 * c0[b], p1 = (uint64_t)PHILOX_M4x32_1 * c2[b];
            c0[b] = (uint32_t)(p1 >> 32) ^ c1[b] ^ k0;
            c1[b] = (uint32_t)p1;
            c2[b] = (uint32_t)(p0 >> 32) ^ c3[b] ^ k1;
            c3[b] = (uint32_t)p0;
        }
    }
    for (size_t b = 0; b < FILL_BLOCKS; b++) {
        words[4 * b] = c0[b];
        words[4 * b + 1] = c1[b];
        words[4 * b + 2] = c2[b];
        words[4 * b + 3] = c3[b];
    }
}

void rng_fill(struct rng *rng, uint32_t *words, size_t n)
{
    size_t i = 0;
    while (i < n && rng->next < 4)
        words[i++] = rng->words[rng->next++];
    for (; n - i >= 4 * FILL_BLOCKS; i += 4 * FILL_BLOCKS) {
        fill_blocks(rng, words + i);
        rng->counter[0] += FILL_BLOCKS;
    }
    while (i < n)
        words[i++] = rng_u32(rng);
}

uint64_t rng_u64(struct rng *rng)
{
    uint64_t high = rng_u32(rng);
    return high << 32 | rng_u32(rng);
}

double rng_uniform(struct rng *rng)
{
    /* (k + 1/2) / 2^52 for k of 52 bits: exact, and inside (0, 1) on both sides. */
    return ((double)(rng_u64(rng) >> 12) + 0.5) * 0x1p-52;
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
    if (n == 0)
        BUG("a draw from nothing");
    /* Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019). */
    __extension__ typedef unsigned __int128 uint128;
    uint128 product = (uint128)rng_u64(rng) * n;
    if ((uint64_t)product < n) {
        uint64_t threshold = (0 - n) % n;
        while ((uint64_t)product < threshold)
            product = (uint128)rng_u64(rng) * n;
    }
    return (uint64_t)(product >> 64);
}

double rng_normal(struct rng *rng)
{
    const double two_pi = 6.283185307179586476925;
    double radius = sqrt(-2.0 * log(rng_uniform(rng)));
    return radius * cos(two_pi * rng_uniform(rng));
}

double rng_exponential(struct rng *rng)
{
    return -log(rng_uniform(rng));
}

double rng_gamma(struct rng *rng, double shape)
{
    if (!(shape > 0.0))
        BUG("gamma with shape %g", shape);
    if (shape < 1.0) { /* section 6 of the paper */
        double boost = pow(rng_uniform(rng), 1.0 / shape);
        return boost * rng_gamma(rng, shape + 1.0);
    }
    double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        double x = rng_normal(rng), v = 1.0 + c * x;
        if (v <= 0.0)
            continue;
        v = v * v * v;
        if (log(rng_uniform(rng)) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

size_t rng_choice(struct rng *rng, const double *weights, size_t n)
{
    double total = 0.0;
    for (size_t i = 0; i < n; i++)
        total += weights[i];
    if (!(total > 0.0))
        BUG("a choice among %zu weights with sum %g", n, total);
    double u = rng_uniform(rng) * total;
    size_t last = 0;
    for (size_t i = 0; i < n; i++) {
        if (weights[i] <= 0.0)
            continue;
        last = i;
        u -= weights[i];
        if (u < 0.0)
            return i;
    }
    return last;
}

static void swap_bytes(unsigned char *a, unsigned char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

void rng_shuffle(struct rng *rng, void *items, size_t n, size_t size)
{
    unsigned char *bytes = items;
    for (size_t i = n; i > 1; i--) {
        size_t other = (size_t)rng_below(rng, i);
        swap_bytes(bytes + (i - 1) * size, bytes + other * size, size);
    }
}
