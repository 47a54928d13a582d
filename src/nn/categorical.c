#include "nn/categorical.h"

#include "base/error.h"
#include "nn/elementary.h"

#include <math.h>
#include <string.h>

/* Weights that are summed lane by lane, and looked through one by one. */
#define BLOCK 32
#define LANES 16

/* Below any logit, so far that its exponential is 0. */
#define FAR_BELOW ((real)1e30)
/* Logits beyond this, and what is no number, count as this: weights gone wild must not lead to what
 * is not available. */
#define LIMIT ((real)1e29)

/* x = logits, or far below where they are not available; most = the larger of it and x, by lanes.
 */
static void mask(real *restrict x, real *restrict most, const real *restrict logits,
                 const uint8_t *restrict available)
{
    for (size_t first = 0; first < BLOCK; first += LANES)
#pragma omp simd
        for (size_t l = 0; l < LANES; l++) {
            real logit = logits[first + l] < LIMIT ? logits[first + l] : LIMIT;
            logit = logit > -LIMIT ? logit : -LIMIT;
            logit = available[first + l] != 0 ? logit : -FAR_BELOW;
            x[first + l] = logit;
            most[l] = logit > most[l] ? logit : most[l];
        }
}

/* x becomes exp(x - most); returns their sum. */
static real weigh(real *restrict x, real most)
{
    real sums[LANES] = { 0 };
    for (size_t first = 0; first < BLOCK; first += LANES)
#pragma omp simd
        for (size_t l = 0; l < LANES; l++) {
            real weight = elementary_exp(x[first + l] - most);
            x[first + l] = weight;
            sums[l] += weight;
        }
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++)
            sums[l] += sums[l + half];
    return sums[0];
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

/* Sets the weights that are too small to 0, and their blocks' sums anew; returns the sum of all. */
static double truncate_weights(real *weights, real *sums, const real *logits, real most, size_t n,
                               double total, double truncation)
{
    double energy = 0.0;
    for (size_t k = 0; k < n; k++)
        if (weights[k] > 0)
            energy += (double)weights[k] * (double)(logits[k] - most);
    double entropy = log(total) - energy / total;
    double least = total * fmin(truncation, sqrt(truncation) * exp(-entropy)), left = 0.0;
    for (size_t b = 0; b * BLOCK < n; b++) {
        sums[b] = 0;
        for (size_t k = b * BLOCK; k < (b + 1) * BLOCK; k++) {
            weights[k] = (double)weights[k] < least ? 0 : weights[k];
            sums[b] += weights[k];
        }
        left += (double)sums[b];
    }
    return left;
}

size_t categorical_draw(const real *logits, const uint8_t *available, size_t n, double truncation,
                        struct rng *rng)
{
    if (n > CATEGORICAL_MAX || n == 0)
        BUG("a draw from %zu", n);
    real x[CATEGORICAL_MAX], sums[CATEGORICAL_MAX / BLOCK], lanes[LANES];
    size_t n_whole = n / BLOCK * BLOCK;
    for (size_t l = 0; l < LANES; l++)
        lanes[l] = -FAR_BELOW;
    for (size_t first = 0; first < n_whole; first += BLOCK)
        mask(x + first, lanes, logits + first, available + first);
    if (n_whole < n) { /* with what is not available to the end of the block */
        real last_logits[BLOCK] = { 0 };
        uint8_t last_available[BLOCK] = { 0 };
        memcpy(last_logits, logits + n_whole, (n - n_whole) * sizeof *logits);
        memcpy(last_available, available + n_whole, n - n_whole);
        mask(x + n_whole, lanes, last_logits, last_available);
    }
    real most = lanes[0];
    for (size_t l = 1; l < LANES; l++)
        most = lanes[l] > most ? lanes[l] : most;
    if (!(most > -FAR_BELOW / 2))
        BUG("a draw from %zu of which none is available", n);
    double total = 0.0;
    for (size_t b = 0; b * BLOCK < n; b++) {
        sums[b] = weigh(x + b * BLOCK, most);
        total += (double)sums[b];
    }
    if (truncation > 0.0)
        total = truncate_weights(x, sums, logits, most, n, total, truncation);
    return find(x, sums, n, rng_uniform(rng) * total);
}
