/* integer_mixture_fit.c - samples, cross-validation, and the choice of the number of components. */
#include "base/memory.h"
#include "model/integer_mixture_internal.h"
#include "model/mixture_em.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- samples ------------------------------------------------------------------------------ */

static int compare_values(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct integer_sample integer_sample_create(const int64_t *values, size_t n)
{
    struct integer_sample sample = { .values = memory_alloc(n, sizeof *values) };
    if (n > 0)
        memcpy(sample.values, values, n * sizeof *values);
    qsort(sample.values, n, sizeof *values, compare_values);
    sample.counts = memory_alloc(n, sizeof *sample.counts);
    for (size_t i = 0; i < n; i++) {
        if (sample.n == 0 || sample.values[sample.n - 1] != sample.values[i]) {
            sample.values[sample.n] = sample.values[i];
            sample.counts[sample.n++] = 0.0;
        }
        sample.counts[sample.n - 1] += 1.0;
    }
    sample.values = memory_resize(sample.values, sample.n, sizeof *sample.values);
    sample.counts = memory_resize(sample.counts, sample.n, sizeof *sample.counts);
    return sample;
}

void integer_sample_release(struct integer_sample *sample)
{
    free(sample->values);
    free(sample->counts);
    *sample = (struct integer_sample){ 0 };
}

/* ---- fitting ------------------------------------------------------------------------------ */

/* Numbers of components, each half as many again. A fit goes through them in order. */
static const size_t candidates[] = { 1, 2, 3, 5, 7, 10, 14, 20, 28, 40, 56, 80, 112 };

/* Distinct values below which a round of EM is too short to be worth waking threads for. */
#define PARALLEL_LEAST 1000

/* held_out[n_folds][grid->n]: how often each value stands in each fold; counts: in all. */
static void fit_on_grid(struct integer_mixture *mixture, const struct mixture_grid *grid,
                        const double *counts, const double *held_out, size_t n_folds,
                        const struct integer_mixture_settings *settings)
{
    bool is_chosen = settings->components == 0 && n_folds > 1;
    size_t most = settings->components > 0 ? settings->components : settings->max_components;
    size_t max_iterations = settings->max_iterations;
    if (most == 0)
        BUG("a mixture without components");

    /* Run 0 is on all values, run f on all but those of fold f - 1. */
    size_t n_runs = is_chosen ? n_folds + 1 : 1;
    struct mixture_run *runs = memory_alloc(n_runs, sizeof *runs);
    double *kept = memory_alloc(memory_product(n_folds, grid->n), sizeof *kept);
    runs[0] = mixture_run_create(grid, counts, most, mixture->lowest, mixture->highest);
    for (size_t f = 0; f + 1 < n_runs; f++) {
        for (size_t i = 0; i < grid->n; i++)
            kept[f * grid->n + i] = counts[i] - held_out[f * grid->n + i];
        runs[f + 1] = mixture_run_create(grid, kept + f * grid->n, most, mixture->lowest,
                                         mixture->highest);
    }

    double best = -HUGE_VAL;
    int n_worse = 0;
    for (size_t c = 0;; c++) {
        bool is_last = c + 1 == ARRAY_LEN(candidates) || candidates[c] >= most;
        size_t n_components = is_last ? most : candidates[c];
        size_t n_before = runs[0].mixture.n_components;
#pragma omp parallel for schedule(dynamic, 1) if (grid->n >= PARALLEL_LEAST)
        for (size_t r = 0; r < n_runs; r++)
            mixture_run_extend(&runs[r], n_components, max_iterations);

        double score = 0.0;
        for (size_t f = 0; f + 1 < n_runs; f++)
            for (size_t i = 0; i < grid->n; i++)
                score += held_out[f * grid->n + i] * runs[f + 1].log_masses[i];
        if (!is_chosen || score > best) {
            best = score;
            n_worse = 0;
            mixture_copy(mixture, &runs[0].mixture);
        } else {
            n_worse++;
        }
        bool is_stuck = runs[0].mixture.n_components <= n_before;
        if (is_last || is_stuck || n_worse == 3)
            break;
    }
    for (size_t r = 0; r < n_runs; r++)
        mixture_run_release(&runs[r]);
    free(runs);
    free(kept);
    mixture_sort(mixture);
    mixture_bound(mixture);
}

static void fit(struct integer_mixture *mixture, const struct integer_sample *sample,
                const double *held_out, size_t n_folds, int64_t lowest, int64_t highest,
                const struct integer_mixture_settings *settings)
{
    if (sample->n > 0 && (sample->values[0] < lowest || sample->values[sample->n - 1] > highest))
        BUG("a value outside %lld..%lld", (long long)lowest, (long long)highest);
    size_t most = settings->components > 0 ? settings->components : settings->max_components;
    *mixture = mixture_create(most, lowest, highest);
    struct mixture_grid grid = mixture_grid_create(sample->values, sample->n, lowest);
    fit_on_grid(mixture, &grid, sample->counts, held_out, n_folds, settings);
    mixture_grid_release(&grid);
}

void integer_mixture_fit(struct integer_mixture *mixture, const struct integer_sample *sample,
                         int64_t lowest, int64_t highest,
                         const struct integer_mixture_settings *settings, uint64_t seed)
{
    size_t n_folds = settings->folds;
    double *held_out = memory_zalloc(memory_product(n_folds, sample->n), sizeof *held_out);
    for (size_t i = 0; i < sample->n && n_folds > 0; i++) {
        struct rng rng = rng_stream(seed, RNG_FIT, 0, i);
        for (double k = 0.0; k < sample->counts[i]; k += 1.0)
            held_out[rng_below(&rng, n_folds) * sample->n + i] += 1.0;
    }
    fit(mixture, sample, held_out, n_folds, lowest, highest, settings);
    free(held_out);
}

/* Of all parts together. */
static struct integer_sample samples_merge(const struct integer_sample *parts, size_t n_parts)
{
    size_t n = 0, at = 0;
    for (size_t p = 0; p < n_parts; p++)
        n += parts[p].n;
    int64_t *values = memory_alloc(n, sizeof *values);
    for (size_t p = 0; p < n_parts; p++) {
        memcpy(values + at, parts[p].values, parts[p].n * sizeof *values);
        at += parts[p].n;
    }
    struct integer_sample all = integer_sample_create(values, n);
    memset(all.counts, 0, all.n * sizeof *all.counts);
    free(values);
    return all;
}

void integer_mixture_fit_parts(struct integer_mixture *mixture, const struct integer_sample *parts,
                               size_t n_parts, int64_t lowest, int64_t highest,
                               const struct integer_mixture_settings *settings)
{
    struct integer_sample all = samples_merge(parts, n_parts);
    double *held_out = memory_zalloc(memory_product(n_parts, all.n), sizeof *held_out);
    for (size_t p = 0; p < n_parts; p++) {
        size_t i = 0;
        for (size_t k = 0; k < parts[p].n; k++) {
            while (all.values[i] < parts[p].values[k])
                i++;
            held_out[p * all.n + i] = parts[p].counts[k];
            all.counts[i] += parts[p].counts[k];
        }
    }
    fit(mixture, &all, held_out, n_parts, lowest, highest, settings);
    free(held_out);
    integer_sample_release(&all);
}

double integer_mixture_improve(struct integer_mixture *mixture, const struct integer_sample *sample,
                               size_t max_iterations)
{
    struct mixture_grid grid = mixture_grid_create(sample->values, sample->n, mixture->lowest);
    struct mixture_run run = mixture_run_create(&grid, sample->counts, mixture->n_components,
                                                mixture->lowest, mixture->highest);
    mixture_copy(&run.mixture, mixture);
    if (run.n > 0.0)
        mixture_run_improve(&run, max_iterations);
    mixture_copy(mixture, &run.mixture);
    mixture_sort(mixture);
    mixture_bound(mixture);
    double log_likelihood = run.n > 0.0 ? run.log_likelihood : 0.0;
    mixture_run_release(&run);
    mixture_grid_release(&grid);
    return log_likelihood;
}
