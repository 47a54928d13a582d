#include "nn/categorical.h"

#include "base/error.h"
#include "nn/elementary.h"

#include <math.h>
#include <string.h>

/* Weights are summed lane by lane: a draw finds its lane, and in it its place. */
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

/* The same of all n, and of what is not available to the end of the lanes; returns the largest. */
static real mask_all(real *x, const real *logits, const uint8_t *available, size_t n)
{
    lanes most = all_lanes(-FAR_BELOW);
    size_t k = 0;
    for (; k + N_LANES <= n; k += N_LANES)
        most = mask(x + k, most, logits + k, available + k);
    if (k < n) {
        real last_logits[N_LANES] = { 0 };
        uint8_t last_available[N_LANES] = { 0 };
        memcpy(last_logits, logits + k, (n - k) * sizeof *logits);
        memcpy(last_available, available + k, n - k);
        most = mask(x + k, most, last_logits, last_available);
    }
    real largest = most[0];
    for (size_t l = 1; l < N_LANES; l++)
        largest = most[l] > largest ? most[l] : largest;
    return largest;
}

/* x becomes exp(x - most). Sums over it by lanes, and over it times x - most. */
struct sums {
    lanes weight, energy;
};

static struct sums weigh_all(real *x, real most, size_t n)
{
    struct sums sums = { { 0 }, { 0 } };
    for (size_t k = 0; k < n; k += N_LANES) {
        real weights[N_LANES], energies[N_LANES];
#pragma omp simd
        for (size_t l = 0; l < N_LANES; l++) {
            real below = x[k + l] - most, weight = elementary_exp(below);
            x[k + l] = weights[l] = weight;
            energies[l] = weight * below;
        }
        sums.weight += *(const lanes_anywhere *)weights;
        sums.energy += *(const lanes_anywhere *)energies;
    }
    return sums;
}

static double total_of(lanes sums)
{
    double total = 0.0;
    for (size_t l = 0; l < N_LANES; l++)
        total += (double)sums[l];
    return total;
}

/* Where u falls among the weights, which are put one lane after another. */
static size_t find(const real *weights, lanes sums, size_t n, double u)
{
    size_t lane = 0; /* the one that holds it; by rounding the last one that has weights */
    for (size_t l = 0; l < N_LANES; l++) {
        if (sums[l] <= 0)
            continue;
        lane = l;
        if (u < (double)sums[l])
            break;
        u -= (double)sums[l];
    }
    size_t last = lane;
    for (size_t k = lane; k < n; k += N_LANES) {
        if (weights[k] <= 0)
            continue;
        last = k;
        u -= (double)weights[k];
        if (u < 0.0)
            break;
    }
    return last; /* by rounding the last one of the lane */
}

/* The smallest weight that is drawn; at most 1, that of the largest logit. An entropy is not worked
 * out where it cannot decide: sqrt(truncation) exp(-entropy) is sqrt(truncation) / n or more. */
static double least_weight(size_t n, double total, lanes energy, double truncation)
{
    if (truncation <= 0.0 || (double)n * sqrt(truncation) < 0.99)
        return fmin(1.0, total * truncation);
    double entropy = log(total) - total_of(energy) / total;
    return fmin(1.0, total * fmin(truncation, sqrt(truncation) * exp(-entropy)));
}

size_t categorical_draw(const real *logits, const uint8_t *available, size_t n, double truncation,
                        struct rng *rng)
{
    if (n > CATEGORICAL_MAX || n == 0)
        BUG("a draw from %zu", n);
    real x[CATEGORICAL_MAX];
    real most = mask_all(x, logits, available, n);
    if (!(most > -FAR_BELOW / 2))
        BUG("a draw from %zu of which none is available", n);
    struct sums sums = weigh_all(x, most, n);
    double total = total_of(sums.weight), least = least_weight(n, total, sums.energy, truncation);
    for (;;) { /* truncated weights are drawn and thrown away: they are few */
        size_t k = find(x, sums.weight, n, rng_uniform(rng) * total);
        if ((double)x[k] >= least)
            return k;
    }
}

real categorical_highest(const real *logits, const uint8_t *available, size_t n)
{
    real highest = -(real)INFINITY;
    for (size_t k = 0; k < n; k++)
        if (available[k] != 0 && logits[k] > highest)
            highest = logits[k];
    return highest;
}
