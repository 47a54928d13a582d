/* mixture_em.h - EM for integer mixtures: one run on one sample, and how it gets more components.
 *
 * Exact for the masses of cells: the expectations are over the part of a component that lies in the
 * cell of a value, not at a point of it. A run works alone, in a fixed order, so that runs may go
 * side by side in threads and give the same bits. docs/math-mixtures.md derives the steps.
 *
 *     struct mixture_grid grid = mixture_grid_create(values, n, lowest);
 *     struct mixture_run run = mixture_run_create(&grid, counts, 20, lowest, highest);
 *     mixture_run_extend(&run, 1, 200);
 *     mixture_run_extend(&run, 2, 200);
 *     ... run.mixture, run.log_likelihood
 *     mixture_run_release(&run);
 *     mixture_grid_release(&grid);
 */
#ifndef FLOWTWIN_MODEL_MIXTURE_EM_H
#define FLOWTWIN_MODEL_MIXTURE_EM_H

#include "model/integer_mixture.h"

/* The cells of distinct values, shared by all runs of EM on them. */
struct mixture_grid {
    size_t n;
    double *middles, *widths, *log_widths; /* a first cell without lower edge: width inf */
    double first_edge;                     /* upper edge of that one */
};

/* One run of EM: components and what they are fitted to. */
struct mixture_run {
    const struct mixture_grid *grid;
    const double *counts; /* [grid->n] */
    double n;             /* their sum */
    struct integer_mixture mixture;
    size_t capacity;       /* of components */
    double *log_masses;    /* [grid->n], of the last expectation, bound included */
    double *work;          /* 3 * capacity * BLOCK */
    size_t *near;          /* capacity: components that matter in a block */
    double *sums;          /* 3 * capacity: of responsibilities, of z and of z^2 */
    double log_likelihood; /* of counts */
};

/* values: distinct, ascending. Caller releases with mixture_grid_release. */
struct mixture_grid mixture_grid_create(const int64_t *values, size_t n, int64_t lowest);
void mixture_grid_release(struct mixture_grid *grid);

/* A run without components and room for `capacity` of them. Grid and counts are borrowed. Caller
 * releases with mixture_run_release. */
struct mixture_run mixture_run_create(const struct mixture_grid *grid, const double *counts,
                                      size_t capacity, int64_t lowest, int64_t highest);
void mixture_run_release(struct mixture_run *run);

/* Adds components until there are `n_components` (less where nothing is left to explain), then
 * improves them all. The first is the sample's mean and deviation. */
void mixture_run_extend(struct mixture_run *run, size_t n_components, size_t max_iterations);
/* EM until a round gains next to nothing. Leaves log masses and log-likelihood of the components
 * that it ends with. */
void mixture_run_improve(struct mixture_run *run, size_t max_iterations);

#endif
