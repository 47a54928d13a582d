#include "nn/categorical.h"

#include "base/error.h"
#include "nn/elementary.h"

#include <math.h>
#include <string.h>

/* Weights whose sum is kept, to be looked through one by one where a draw falls among them. */
#define BLOCK   32
#define N_LANES 16

/* Below any logit, so far that its exponential is 0. */
#define FAR_BELOW ((real)1e30)
/* Logits beyond this, and what is no number, count as this: weights gone wild must not lead to what
 * is not available. */
#define LIMIT ((real)1e29)

/* All lanes at once, and what comparing them gives. */
#ifdef NN_DOUBLE
typedef int64_t whole;
#else
typedef int32_t whole;
#endif
typedef real lanes __attribute__((vector_size(N_LANES * sizeof(real))));
typedef real lanes_anywhere
    __attribute__((vector_size(N_LANES * sizeof(real)), aligned(sizeof(real))));
typedef whole choice __attribute__((vector_size(N_LANES * sizeof(whole))));
typedef uint8_t marks __attribute__((vector_size(N_LANES)));
typedef int16_t wide_marks __attribute__((vector_size(N_LANES * sizeof(int16_t))));

static inline lanes choose(choice which, lanes yes, lanes no)
{
    return (lanes)((which & (choice)yes) | (~which & (choice)no));
}

static inline lanes all_lanes(real x)
{
    return x - (lanes){ 0 };
}

/* By way of numbers of two bytes: a compiler makes single steps of a longer way. */
static inline choice is_marked(const uint8_t *available)
{
    marks here;
    memcpy(&here, available, sizeof here);
    return __builtin_convertvector(__builtin_convertvector(here, wide_marks), choice) != 0;
}

/* x = logits, or far below where they are not available; returns the larger of it and most. */
static inline lanes mask(real *x, lanes most, const real *logits, const uint8_t *available)
{
    const lanes limit = all_lanes(LIMIT);
    lanes logit = *(const lanes_anywhere *)logits;
    logit = choose(logit < limit, logit, limit);
    logit = choose(logit > -limit, logit, -limit);
    logit = choose(is_marked(available), logit, all_lanes(-FAR_BELOW));
    *(lanes_anywhere *)x = logit;
    return choose(logit > most, logit, most);
}

/* The same of n logits, to the end of their block; returns the largest. */
static real mask_all(real *x, const real *logits, const uint8_t *available, size_t n)
{
    lanes most = all_lanes(-FAR_BELOW);
    size_t k = 0;
    for (; k + N_LANES <= n; k += N_LANES)
        most = mask(x + k, most, logits + k, available + k);
    for (; k < n || k % BLOCK != 0; k += N_LANES) { /* with what is not available */
        real last_logits[N_LANES] = { 0 };
        uint8_t last_available[N_LANES] = { 0 };
        size_t n_left = k < n ? n - k : 0;
        memcpy(last_logits, logits + k, n_left * sizeof *logits);
        memcpy(last_available, available + k, n_left);
        most = mask(x + k, most, last_logits, last_available);
    }
    real largest = most[0];
    for (size_t l = 1; l < N_LANES; l++)
        largest = most[l] > largest ? most[l] : largest;
    return largest;
}

/* Halves added up until one is left. */
static inline real sum_of_lanes(lanes sums)
{
    sums += __builtin_shuffle(
        sums, (choice){ 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15 });
    sums += __builtin_shuffle(sums, (choice){ 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7 });
    sums += __builtin_shuffle(sums, (choice){ 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3 });
    return sums[0] + sums[1];
}

/* x becomes exp(x - most), whose sum is returned; to energy is added exp(x - most) times x - most.
 */
static inline real weigh(real *restrict x, real most, lanes *energy)
{
    real weights[N_LANES], energies[N_LANES];
    lanes sum = { 0 };
    for (size_t first = 0; first < BLOCK; first += N_LANES) {
#pragma omp simd
        for (size_t l = 0; l < N_LANES; l++) {
            real below = x[first + l] - most, weight = elementary_exp(below);
            x[first + l] = weights[l] = weight;
            energies[l] = weight * below;
        }
        sum += *(const lanes_anywhere *)weights;
        *energy += *(const lanes_anywhere *)energies;
    }
    return sum_of_lanes(sum);
}

/* Finds u in the row of weights, by their blocks' sums. */
static size_t find(const real *weights, const real *sums, size_t n, double u)
{
    for (size_t b = 0; b * BLOCK < n; b++) {
        if (u >= (double)sums[b]) {
            u -= (double)sums[b];
            continue;
        }
        for (size_t k = b * BLOCK; k < (b + 1) * BLOCK; k++) {
            u -= (double)weights[k];
            if (u < 0.0)
                return k;
        }
    }
    /* By rounding u was a hair more than is left: the last one that has a weight. */
    size_t last = n - 1;
    while (weights[last] <= 0)
        last--;
    return last;
}

/* The smallest weight that is drawn; at most 1, that of the largest logit. An entropy is not worked
 * out where it cannot decide: sqrt(truncation) exp(-entropy) is sqrt(truncation) / n or more. */
static double least_weight(size_t n, double total, lanes energy, double truncation)
{
    if (truncation <= 0.0 || (double)n * sqrt(truncation) < 0.99)
        return fmin(1.0, total * truncation);
    double entropy = log(total) - (double)sum_of_lanes(energy) / total;
    return fmin(1.0, total * fmin(truncation, sqrt(truncation) * exp(-entropy)));
}

size_t categorical_draw(const real *logits, const uint8_t *available, size_t n, double truncation,
                        struct rng *rng)
{
    if (n > CATEGORICAL_MAX || n == 0)
        BUG("a draw from %zu", n);
    real x[CATEGORICAL_MAX], sums[CATEGORICAL_MAX / BLOCK];
    lanes energy = { 0 };
    real most = mask_all(x, logits, available, n);
    if (!(most > -FAR_BELOW / 2))
        BUG("a draw from %zu of which none is available", n);
    double total = 0.0;
    for (size_t b = 0; b * BLOCK < n; b++) {
        sums[b] = weigh(x + b * BLOCK, most, &energy);
        total += (double)sums[b];
    }
    double least = least_weight(n, total, energy, truncation);
    for (;;) { /* truncated weights are drawn and thrown away: they are few */
        size_t k = find(x, sums, n, rng_uniform(rng) * total);
        if ((double)x[k] >= least)
            return k;
    }
}
