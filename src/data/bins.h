/* bins.h - whole numbers sorted into bins: ranges, and single values that have a bin of their own.
 *
 * The bins of a support lowest..highest are ranges that cover it without a gap, and atoms: values
 * that are taken out of their range and have a bin each. Every value lies in exactly one bin and
 * every bin has at least one value. Counts (bytes, seconds) are binned by ranges of equal width on
 * the log scale, sets by one atom for each value that was seen and one range for all the others,
 * ports and addresses by atoms for the frequent ones and prefixes for the rest.
 *
 * Inside a bin every value is equally likely, so that a mass of bins is a mass of values. Only the
 * open bin, which takes what lies above everything seen, cannot be even: see bins_create_ranges.
 *
 *     struct bins_sample sides[] = { { real, NULL, n_real }, { drawn, NULL, n_drawn } };
 *     struct bins *bins = bins_create_ranges(sides, 2, 0, INT64_MAX, &settings);   // shared edges
 *     histogram[bins_find(bins, x)]++;
 *     double log_mass_of_value = log_mass_of_bin + bins_log_share(bins, bin, x);
 *     bins_free(bins);
 */
#ifndef FLOWTWIN_DATA_BINS_H
#define FLOWTWIN_DATA_BINS_H

#include "base/rng.h"
#include "data/hdf5_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values in ascending order, equal ones allowed, with how often each was seen (NULL: once). */
struct bins_sample {
    const int64_t *values;
    const double *counts;
    size_t n;
};

enum bins_rule { BINS_FREEDMAN_DIACONIS, BINS_SQUARE_ROOT, BINS_FIXED };
/* "freedman-diaconis", "square-root", "fixed", NULL: choices of an option. */
extern const char *const bins_rule_names[];

struct bins_settings {
    int rule;       /* enum bins_rule */
    int64_t number; /* of bins, for BINS_FIXED */
};

struct bins {
    size_t n;        /* of bins: ranges first, then atoms */
    size_t n_ranges; /* bin r < n_ranges: values from firsts[r] to the next first, less the atoms */
    size_t n_atoms;  /* bin n_ranges + a: atoms[a] alone */
    int64_t *firsts; /* [n_ranges] ascending */
    int64_t *atoms;  /* [n_atoms] ascending */
    int64_t lowest, highest;
    uint64_t octave; /* values in the first octave of the open bin, the last range; 0: not open */
    /* Derived from the above. */
    uint64_t *widths; /* [n] values in each bin */
};

/* Ranges over lowest..highest that have equal widths on the scale y = log(x - lowest + 1), between
 * the smallest and the largest value of all samples together. How many:
 *   freedman-diaconis  widths of 2 IQR / cbrt(n) (Freedman and Diaconis 1981), quartiles of y;
 * where ties make the IQR 0, 3.49 deviations / cbrt(n) (Scott 1979); where all values are equal,
 * one bin. At most BINS_MOST. square-root        sqrt(n), rounded up fixed              as told
 * Edges are moved up to the next whole number, and bins that hold none are dropped, so that there
 * may be fewer. What lies below the smallest value is one more bin, which reaches down to `lowest`,
 * and what lies above the largest is another, the open bin: half its mass goes evenly to the next M
 * values, where M values lie in all ranges below it, a quarter to the 2 M after them, and so on;
 * the last octave ends at `highest` and takes all that is left. An empty sample gives the open bin
 * alone. */
#define BINS_MOST 4096
struct bins *bins_create_ranges(const struct bins_sample *samples, size_t n_samples, int64_t lowest,
                                int64_t highest, const struct bins_settings *settings);

/* For values 0..support - 1 without a scale. The most frequent values, at most max_atoms, each seen
 * at least min_count times, are atoms. The rest of the support is halved, always the range that
 * was seen most often, until there are max_ranges (>= 1) or the rest holds less than min_count in
 * each: ranges are prefixes where support is a power of 2. */
struct bins *bins_create_atoms(const struct bins_sample *samples, size_t n_samples, int64_t support,
                               size_t max_atoms, double min_count, size_t max_ranges);

/* One atom for each value seen, and a range for the others. */
struct bins *bins_create_set(const struct bins_sample *samples, size_t n_samples, int64_t support);

void bins_free(struct bins *bins);

/* The bin of a value; bins->n outside the support. */
size_t bins_find(const struct bins *bins, int64_t x);
/* The values first..last of a bin that is a range (its atoms among them) or an atom. */
int64_t bins_first(const struct bins *bins, size_t bin);
int64_t bins_last(const struct bins *bins, size_t bin);

/* ln of the share of the bin's mass that its value x has. */
double bins_log_share(const struct bins *bins, size_t bin, int64_t x);
/* A value of the bin, with those shares. */
int64_t bins_draw(const struct bins *bins, size_t bin, struct rng *rng);

/* As a group of that name. Caller frees what was loaded with bins_free; STATUS_FORMAT for bins that
 * are none of the support lowest..highest. */
enum status bins_save(const struct bins *bins, struct hdf5_group *parent, const char *name,
                      struct error *err);
enum status bins_load(struct bins **bins, int64_t lowest, int64_t highest,
                      struct hdf5_group *parent, const char *name, struct error *err);

/* The octave of x: 0 for what is not above 0, else 1 + floor(log2 x); at most n - 1. */
static inline size_t bins_octave(int64_t x, size_t n)
{
    size_t octave = x > 0 ? 64 - (size_t)__builtin_clzll((uint64_t)x) : 0;
    return octave < n ? octave : n - 1;
}

#endif
