/* integer_mixture.h - Gaussian mixtures on the log scale as distributions of whole numbers.
 *
 * A value x >= lowest is seen at y = log(x - lowest + 1). Its probability is the mixture's mass of
 * the cell [log(x - lowest + 1/2), log(x - lowest + 3/2)); the first cell reaches down to -inf. So
 * the masses of all x sum to 1, exactly, whatever the components are. With an upper bound the
 * masses are divided by what lies below it. docs/math-mixtures.md derives the updates.
 *
 *     struct integer_mixture mixture;
 *     integer_mixture_fit(&mixture, &sample, 0, INT64_MAX, &settings, seed);  // EM
 *     double nats = -integer_mixture_log_mass(&mixture, 64);
 *     int64_t x = integer_mixture_draw(&mixture, &rng);
 *     integer_mixture_release(&mixture);
 */
#ifndef FLOWTWIN_MODEL_INTEGER_MIXTURE_H
#define FLOWTWIN_MODEL_INTEGER_MIXTURE_H

#include "base/rng.h"
#include "data/hdf5_file.h"

struct integer_mixture {
    size_t n_components;
    double *weights, *means, *deviations; /* of y; [n_components], by mean */
    int64_t lowest;
    int64_t highest;    /* INT64_MAX: no bound */
    double log_bounded; /* log of the mixture's mass up to `highest` */
};

/* Distinct values with how often they were seen, ascending. */
struct integer_sample {
    int64_t *values;
    double *counts;
    size_t n;
};

/* Collects n values (any order). Caller frees with integer_sample_release. */
struct integer_sample integer_sample_create(const int64_t *values, size_t n);
void integer_sample_release(struct integer_sample *sample);

struct integer_mixture_settings {
    int64_t components;     /* 0: chosen by cross-validation */
    int64_t max_components; /* the most that cross-validation tries */
    int64_t folds;
    int64_t max_iterations; /* of EM, each time that components were added */
};

/* Fits by EM on the masses of the cells (so that a spike of equal values has a likelihood of at
 * most 1 and breaks nothing). An empty sample gives one broad component. Folds of cross-validation
 * are drawn per observation. The result does not depend on the number of threads. */
void integer_mixture_fit(struct integer_mixture *mixture, const struct integer_sample *sample,
                         int64_t lowest, int64_t highest,
                         const struct integer_mixture_settings *settings, uint64_t seed);
/* The same, where the caller knows which observations belong together (a host's): fits to all parts
 * at once, and each part is one fold. settings->folds is not looked at. */
void integer_mixture_fit_parts(struct integer_mixture *mixture, const struct integer_sample *parts,
                               size_t n_parts, int64_t lowest, int64_t highest,
                               const struct integer_mixture_settings *settings);
/* Goes on with EM from where the mixture stands; returns the log-likelihood that it arrives at. */
double integer_mixture_improve(struct integer_mixture *mixture, const struct integer_sample *sample,
                               size_t max_iterations);
void integer_mixture_release(struct integer_mixture *mixture);

/* ln P(x), evaluated without cancellation in either tail; -inf outside the support. */
double integer_mixture_log_mass(const struct integer_mixture *mixture, int64_t x);
/* ln P(first <= x <= last): the same, of many cells at once. */
double integer_mixture_log_mass_between(const struct integer_mixture *mixture, int64_t first,
                                        int64_t last);
/* Draws x with exactly these probabilities (values beyond 2^53 are drawn again). */
int64_t integer_mixture_draw(const struct integer_mixture *mixture, struct rng *rng);

/* As a group of that name. */
enum status integer_mixture_save(const struct integer_mixture *mixture, struct hdf5_group *parent,
                                 const char *name, struct error *err);
enum status integer_mixture_load(struct integer_mixture *mixture, struct hdf5_group *parent,
                                 const char *name, struct error *err);

#endif
