#include "nn/categorical.h"

#include "base/error.h"
#include "nn/elementary.h"

/* Weights that are summed in float, and looked through one by one. */
#define BLOCK 64

/* The largest available logit, -inf where there is none. */
static real largest(const real *logits, const uint8_t *available, size_t n)
{
    real most = -(real)INFINITY;
#pragma omp simd reduction(max : most)
    for (size_t k = 0; k < n; k++) {
        real logit = available[k] != 0 ? logits[k] : -(real)INFINITY;
        most = logit > most ? logit : most;
    }
    return most;
}

/* weights = exp(logits - most), 0 for what is not available; returns their sum. */
static real weigh(real *weights, const real *logits, const uint8_t *available, real most, size_t n)
{
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t k = 0; k < n; k++) {
        real weight = elementary_exp(logits[k] - most);
        weight = available[k] != 0 ? weight : 0;
        weights[k] = weight;
        sum += weight;
    }
    return sum;
}

size_t categorical_draw(const real *logits, const uint8_t *available, size_t n, struct rng *rng)
{
    if (n > CATEGORICAL_MAX)
        BUG("a draw from %zu", n);
    real weights[CATEGORICAL_MAX], sums[CATEGORICAL_MAX / BLOCK];
    real most = largest(logits, available, n);
    double total = 0.0;
    for (size_t first = 0, b = 0; first < n; first += BLOCK, b++) {
        size_t size = n - first < BLOCK ? n - first : BLOCK;
        sums[b] = weigh(weights + first, logits + first, available + first, most, size);
        total += (double)sums[b];
    }
    if (!(total > 0.0))
        BUG("a draw from %zu weights with sum %g", n, total);
    double u = rng_uniform(rng) * total;
    size_t last = 0;
    for (size_t first = 0, b = 0; first < n; first += BLOCK, b++) {
        if (u >= (double)sums[b] && first + BLOCK < n) {
            u -= (double)sums[b];
            continue;
        }
        size_t end = n - first < BLOCK ? n : first + BLOCK;
        for (size_t k = first; k < end; k++) {
            if (weights[k] <= 0)
                continue;
            last = k;
            u -= (double)weights[k];
            if (u < 0.0)
                return k;
        }
        /* By rounding a hair more than the block's sum: the next block, or the last weight. */
    }
    while (weights[last] <= 0)
        last++;
    return last;
}
