/* elementary.h - exp, tanh and the logistic function in forms that the compiler turns into vectors.
 *
 * In float they are polynomials and ratios without branches or calls, good to a few units in the
 * last place (tests/nn/test_elementary.c has the bounds); a loop over them under `#pragma omp simd`
 * runs eight at a time. In the double build they are the library's. NaN goes through.
 */
#ifndef FLOWTWIN_NN_ELEMENTARY_H
#define FLOWTWIN_NN_ELEMENTARY_H

#include "nn/tensor.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef NN_DOUBLE

static inline real elementary_exp(real x)
{
    return exp(x);
}

static inline real elementary_tanh(real x)
{
    return tanh(x);
}

static inline real elementary_sqrt(real x)
{
    return sqrt(x);
}

#else

/* exp(x) = 2^n exp(r), |r| <= log(2) / 2, with the polynomial of Cephes' expf (S. Moshier). 0 below
 * -87, where the result would leave the normal numbers; inf above 88.7. */
static inline real elementary_exp(real x)
{
    const real lowest = -87.0f, highest = 88.7228f;
    const real shifter = 0x1.8p23f; /* adding it rounds to a whole number, held in the low bits */
    real inside = x < lowest ? lowest : x;
    inside = inside > highest ? highest : inside;
    real shifted = inside * 1.44269504f + shifter;
    real n = shifted - shifter;
    real r = inside - n * 0.693359375f;
    r -= n * -2.12194440e-4f;
    real p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    /* 2^(n-1) * 2, since 2^128 is not a float. */
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 126u) << 23;
    real half_power;
    memcpy(&half_power, &bits, sizeof half_power);
    real y = p * half_power * 2.0f;
    y = x < lowest ? 0.0f : y;
    return x > highest ? INFINITY : y;
}

/* A ratio of polynomials in x (of degree 13 over 6, the minimax form that Eigen uses); beyond 7.9
 * tanh is 1 in float. */
static inline real elementary_tanh(real x)
{
    const real bound = 7.90531110763549805f;
    real inside = x < -bound ? -bound : x;
    inside = inside > bound ? bound : inside;
    real square = inside * inside;
    real p = -2.76076847742355e-16f;
    p = p * square + 2.00018790482477e-13f;
    p = p * square + -8.60467152213735e-11f;
    p = p * square + 5.12229709037114e-08f;
    p = p * square + 1.48572235717979e-05f;
    p = p * square + 6.37261928875436e-04f;
    p = p * square + 4.89352455891786e-03f;
    real q = 1.19825839466702e-06f;
    q = q * square + 1.18534705686654e-04f;
    q = q * square + 2.26843463243900e-03f;
    q = q * square + 4.89352518554385e-03f;
    return inside * p / q;
}

static inline real elementary_sqrt(real x)
{
    return sqrtf(x);
}

#endif

/* 1 / (1 + exp(-x)) */
static inline real elementary_logistic(real x)
{
    return 1 / (1 + elementary_exp(-x));
}

#endif
