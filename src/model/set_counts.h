/* set_counts.h - smoothed counts over a set of values, with an escape for values never seen.
 *
 * Witten and Bell (1991), method C: of n observations of d distinct values, a value seen c times
 * has probability c / (n + d), and d / (n + d) is left for the escape, which is shared evenly by
 * the support - d values that were not seen. Where all were seen, or nothing was, the formula keeps
 * its sum of 1 (see the .c).
 *
 *     struct set_counts counts;
 *     set_counts_fit(&counts, values, n, 256);
 *     double nats = -set_counts_log_mass(&counts, value);
 */
#ifndef FLOWTWIN_MODEL_SET_COUNTS_H
#define FLOWTWIN_MODEL_SET_COUNTS_H

#include "base/rng.h"
#include "data/hdf5_file.h"

struct set_counts {
    int64_t support; /* values are 0 .. support - 1 */
    size_t n_seen;
    int64_t *values;    /* [n_seen], ascending */
    double *counts;     /* [n_seen] */
    double *cumulative; /* [n_seen], of the counts, for draws */
    double log_total;   /* of the denominator */
    double escape;      /* probability of all values that were not seen */
};

void set_counts_fit(struct set_counts *set, const int64_t *values, size_t n, int64_t support);
void set_counts_release(struct set_counts *set);

/* ln P(value); -inf outside the support. */
double set_counts_log_mass(const struct set_counts *set, int64_t value);
int64_t set_counts_draw(const struct set_counts *set, struct rng *rng);

/* As a group of that name. */
enum status set_counts_save(const struct set_counts *set, struct hdf5_group *parent,
                            const char *name, struct error *err);
enum status set_counts_load(struct set_counts *set, struct hdf5_group *parent, const char *name,
                            struct error *err);

#endif
