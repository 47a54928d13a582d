/* rng.h - random numbers that depend on what they are for, not on when they are drawn.
 *
 * Philox4x32-10 of Random123 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1,
 * 2, 3", SC 2011) turns a counter into random words. A stream is named by (seed, purpose, host,
 * row): the same name gives the same numbers on any thread, in any order, and a draw added in one
 * place moves nothing in another.
 *
 *     struct rng rng = rng_stream(seed, RNG_SAMPLE, host, row);
 *     double u = rng_uniform(&rng);
 */
#ifndef FLOWTWIN_BASE_RNG_H
#define FLOWTWIN_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* Add at the end: a number is part of what makes an output repeatable. */
enum rng_purpose {
    RNG_TEST = 1,
    RNG_SAMPLE,       /* drawing flows from a model */
    RNG_SAMPLE_HOST,  /* choosing the addresses of sampled hosts */
    RNG_CHOOSE_HOSTS, /* import --limit-hosts */
    RNG_SPLIT,        /* random halves and folds */
    RNG_FIT,          /* starting points of EM, order of training */
    RNG_SIMULATE,     /* the simulated network */
    RNG_INIT,         /* initial weights */
    RNG_SHUFFLE,      /* order of training chunks */
    RNG_DROPOUT,
    RNG_EVAL,
    RNG_SAMPLE_PACE, /* how many flows a sampled host has in an hour */
    RNG_BLUR_PACE,   /* and how many one that is trained on is taken to have */
};

struct rng {
    uint32_t key[2];
    uint32_t counter[4]; /* block, row, host, purpose and high bits of row */
    uint32_t words[4];   /* the current block */
    unsigned next;       /* words of it that are used up */
};

/* host < 2^32, row < 2^48. */
struct rng rng_stream(uint64_t seed, enum rng_purpose purpose, uint64_t host, uint64_t row);

uint32_t rng_u32(struct rng *rng);
/* words[n] as n calls of rng_u32 would give them, several times as fast. */
void rng_fill(struct rng *rng, uint32_t *words, size_t n);
uint64_t rng_u64(struct rng *rng);
/* Uniform in the open interval (0, 1), 53 bits: never 0, never 1. */
double rng_uniform(struct rng *rng);
/* Uniform in 0..n-1, without bias (Lemire 2019); n > 0. */
uint64_t rng_below(struct rng *rng, uint64_t n);
/* Standard normal (Box and Muller 1958, one of the pair). */
double rng_normal(struct rng *rng);
/* Exponential with mean 1. */
double rng_exponential(struct rng *rng);
/* Gamma with the given shape > 0 and scale 1 (Marsaglia and Tsang 2000). */
double rng_gamma(struct rng *rng, double shape);
/* Index drawn in proportion to weights[0..n-1] (not all 0). */
size_t rng_choice(struct rng *rng, const double *weights, size_t n);
/* Fisher-Yates shuffle of n items of `size` bytes each. */
void rng_shuffle(struct rng *rng, void *items, size_t n, size_t size);

#endif
