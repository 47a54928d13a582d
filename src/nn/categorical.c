#include "nn/categorical.h"

#include "base/error.h"
#include "nn/elementary.h"

#include <math.h>
#include <string.h>

/* Weights that are summed lane by lane, and looked through one by one. */
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

static inline lanes choose(choice which, lanes yes, lanes no)
{
    return (lanes)((which & (choice)yes) | (~which & (choice)no));
}

static inline lanes all_lanes(real x)
{
    return x - (lanes){ 0 };
}

/* Whether there is one in the block. */
static inline bool has_available(const uint8_t *available)
{
    uint64_t words[BLOCK / 8], any = 0;
    memcpy(words, available, BLOCK);
    for (size_t w = 0; w < BLOCK / 8; w++)
        any |= words[w];
    return any != 0;
}

/* x = logits, or far below where they are not available; most = the larger of it and x, by lanes.
 */
static void mask(real *restrict x, real *restrict most, const real *restrict logits,
                 const uint8_t *restrict available)
{
    const lanes limit = all_lanes(LIMIT);
    lanes largest = *(const lanes_anywhere *)most;
    for (size_t first = 0; first < BLOCK; first += N_LANES) {
        lanes logit = *(const lanes_anywhere *)(logits + first);
        marks is_available;
        memcpy(&is_available, available + first, sizeof is_available);
        logit = choose(logit < limit, logit, limit);
        logit = choose(logit > -limit, logit, -limit);
        logit = choose(__builtin_convertvector(is_available, choice) != 0, logit,
                       all_lanes(-FAR_BELOW));
        *(lanes_anywhere *)(x + first) = logit;
        largest = choose(logit > largest, logit, largest);
    }
    *(lanes_anywhere *)most = largest;
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

/* x becomes exp(x - most); returns their sum. To energy, by lanes, is added exp(x - most) times
 * x - most. */
static inline __attribute__((always_inline)) real weigh(real *restrict x, real most,
                                                        real *restrict energy)
{
    real sums[N_LANES] = { 0 };
    for (size_t first = 0; first < BLOCK; first += N_LANES)
#pragma omp simd
        for (size_t l = 0; l < N_LANES; l++) {
            real below = x[first + l] - most, weight = elementary_exp(below);
            x[first + l] = weight;
            sums[l] += weight;
            if (energy != NULL)
                energy[l] += weight * below;
        }
    return sum_of_lanes(*(const lanes_anywhere *)sums);
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

/* The smallest number that is at least x. */
static real at_least(double x)
{
    real y = (real)x;
#ifndef NN_DOUBLE
    if ((double)y < x)
        y = nextafterf(y, INFINITY);
#endif
    return y;
}

/* Whether a softmax of n may be so wide that its entropy decides what is not drawn:
 * sqrt(truncation) exp(-entropy) is sqrt(truncation) / n or more. */
static bool needs_entropy(size_t n, double truncation)
{
    return truncation > 0.0 && (double)n * sqrt(truncation) > 0.99;
}

/* The smallest weight that is drawn. */
static real least_weight(size_t n, double total, const real *energy_of_lane, double truncation)
{
    if (!needs_entropy(n, truncation))
        return at_least(total * truncation);
    double energy = 0.0;
    for (size_t l = 0; l < N_LANES; l++)
        energy += (double)energy_of_lane[l];
    double entropy = log(total) - energy / total;
    return at_least(total * fmin(truncation, sqrt(truncation) * exp(-entropy)));
}

/* Sets the weights below the least one to 0, and their blocks' sums anew; returns the sum of all.
 */
static double truncate_weights(real *weights, real *sums, size_t n, real least)
{
    double left = 0.0;
    for (size_t b = 0; b * BLOCK < n; b++) {
        real *block = weights + b * BLOCK;
        lanes left_of_block = { 0 };
        for (size_t first = 0; first < BLOCK; first += N_LANES) {
            lanes weight = *(const lanes_anywhere *)(block + first);
            weight = choose(weight >= least, weight, all_lanes(0));
            *(lanes_anywhere *)(block + first) = weight;
            left_of_block += weight;
        }
        sums[b] = sum_of_lanes(left_of_block);
        left += (double)sums[b];
    }
    return left;
}

size_t categorical_draw(const real *logits, const uint8_t *available, size_t n, double truncation,
                        struct rng *rng)
{
    if (n > CATEGORICAL_MAX || n == 0)
        BUG("a draw from %zu", n);
    enum { BLOCKS_MAX = CATEGORICAL_MAX / BLOCK };
    real x[CATEGORICAL_MAX], sums[BLOCKS_MAX], most_of_lane[N_LANES];
    real energy_of_lane[N_LANES] = { 0 };
    bool is_open[BLOCKS_MAX]; /* blocks where something is available */
    size_t n_whole = n / BLOCK * BLOCK;
    for (size_t l = 0; l < N_LANES; l++)
        most_of_lane[l] = -FAR_BELOW;
    for (size_t first = 0; first < n_whole; first += BLOCK) {
        is_open[first / BLOCK] = has_available(available + first);
        if (is_open[first / BLOCK])
            mask(x + first, most_of_lane, logits + first, available + first);
    }
    if (n_whole < n) { /* with what is not available to the end of the block */
        real last_logits[BLOCK] = { 0 };
        uint8_t last_available[BLOCK] = { 0 };
        memcpy(last_logits, logits + n_whole, (n - n_whole) * sizeof *logits);
        memcpy(last_available, available + n_whole, n - n_whole);
        mask(x + n_whole, most_of_lane, last_logits, last_available);
        is_open[n_whole / BLOCK] = true;
    }
    real most = most_of_lane[0];
    for (size_t l = 1; l < N_LANES; l++)
        most = most_of_lane[l] > most ? most_of_lane[l] : most;
    if (!(most > -FAR_BELOW / 2))
        BUG("a draw from %zu of which none is available", n);
    bool with_entropy = needs_entropy(n, truncation);
    double total = 0.0;
    for (size_t b = 0; b * BLOCK < n; b++) {
        real *block = x + b * BLOCK;
        if (!is_open[b])
            memset(block, 0, BLOCK * sizeof *block);
        sums[b] = !is_open[b]    ? 0
                  : with_entropy ? weigh(block, most, energy_of_lane)
                                 : weigh(block, most, NULL);
        total += (double)sums[b];
    }
    if (truncation > 0.0)
        total = truncate_weights(x, sums, n, least_weight(n, total, energy_of_lane, truncation));
    return find(x, sums, n, rng_uniform(rng) * total);
}
