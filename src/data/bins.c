#include "data/bins.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

const char *const bins_rule_names[] = { "freedman-diaconis", "square-root", "fixed", NULL };

/* ---- samples ------------------------------------------------------------------------------ */

/* Distinct values of all samples, ascending. cumulative[i]: of the counts before value i; one more
 * at the end. */
struct distinct {
    int64_t *values;
    double *cumulative;
    size_t n;
};

static struct distinct distinct_create(const struct bins_sample *samples, size_t n_samples)
{
    size_t total = 0;
    for (size_t s = 0; s < n_samples; s++)
        total += samples[s].n;
    struct distinct all = { .values = memory_alloc(total, sizeof *all.values),
                            .cumulative = memory_zalloc(total + 1, sizeof *all.cumulative) };
    size_t *next = memory_zalloc(n_samples, sizeof *next);
    for (;;) {
        const struct bins_sample *least = NULL;
        for (size_t s = 0; s < n_samples; s++)
            if (next[s] < samples[s].n &&
                (least == NULL ||
                 samples[s].values[next[s]] < least->values[next[least - samples]]))
                least = &samples[s];
        if (least == NULL)
            break;
        size_t i = next[least - samples]++;
        if (i > 0 && least->values[i] < least->values[i - 1])
            BUG("a sample that is not in order");
        if (all.n == 0 || least->values[i] != all.values[all.n - 1]) {
            all.values[all.n++] = least->values[i];
            all.cumulative[all.n] = all.cumulative[all.n - 1];
        }
        all.cumulative[all.n] += least->counts != NULL ? least->counts[i] : 1.0;
    }
    free(next);
    return all;
}

static void distinct_release(struct distinct *all)
{
    free(all->values);
    free(all->cumulative);
}

/* How many distinct values lie below x. */
static size_t distinct_below(const struct distinct *all, int64_t x)
{
    size_t low = 0, high = all->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (all->values[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static double distinct_total(const struct distinct *all)
{
    return all->cumulative[all->n];
}

/* The smallest value with at least that share of the counts up to it. */
static int64_t distinct_quantile(const struct distinct *all, double share)
{
    size_t i = 0;
    while (i + 1 < all->n && all->cumulative[i + 1] < share * distinct_total(all))
        i++;
    return all->values[i];
}

/* ---- looking up --------------------------------------------------------------------------- */

/* How many of the atoms lie below x. */
static size_t atoms_below(const struct bins *bins, int64_t x)
{
    size_t low = 0, high = bins->n_atoms;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bins->atoms[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t bins_find(const struct bins *bins, int64_t x)
{
    if (x < bins->lowest || x > bins->highest)
        return bins->n;
    size_t atom = atoms_below(bins, x);
    if (atom < bins->n_atoms && bins->atoms[atom] == x)
        return bins->n_ranges + atom;
    size_t low = 0, high = bins->n_ranges; /* firsts[low] <= x < firsts[high] */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (bins->firsts[middle] <= x)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int64_t bins_first(const struct bins *bins, size_t bin)
{
    return bin < bins->n_ranges ? bins->firsts[bin] : bins->atoms[bin - bins->n_ranges];
}

int64_t bins_last(const struct bins *bins, size_t bin)
{
    if (bin >= bins->n_ranges)
        return bins->atoms[bin - bins->n_ranges];
    return bin + 1 < bins->n_ranges ? bins->firsts[bin + 1] - 1 : bins->highest;
}

static bool is_open(const struct bins *bins, size_t bin)
{
    return bins->octave > 0 && bin + 1 == bins->n_ranges;
}

/* An octave of the open bin: `width` values from `start` (as an offset) share `mass`. */
struct octave {
    uint64_t start, width;
    double mass;
    bool is_last;
};

static struct octave octave_first(const struct bins *bins)
{
    uint64_t total = bins->widths[bins->n_ranges - 1];
    if (total <= bins->octave)
        return (struct octave){ .width = total, .mass = 1.0, .is_last = true };
    return (struct octave){ .width = bins->octave, .mass = 0.5 };
}

static void octave_advance(const struct bins *bins, struct octave *octave)
{
    octave->start += octave->width;
    uint64_t left = bins->widths[bins->n_ranges - 1] - octave->start;
    octave->is_last = left / 2 <= octave->width;
    octave->width = octave->is_last ? left : 2 * octave->width;
    octave->mass *= octave->is_last ? 1.0 : 0.5;
}

double bins_log_share(const struct bins *bins, size_t bin, int64_t x)
{
    if (!is_open(bins, bin))
        return -log((double)bins->widths[bin]);
    uint64_t offset = (uint64_t)x - (uint64_t)bins->firsts[bin];
    struct octave octave = octave_first(bins);
    while (offset - octave.start >= octave.width)
        octave_advance(bins, &octave);
    return log(octave.mass) - log((double)octave.width);
}

int64_t bins_draw(const struct bins *bins, size_t bin, struct rng *rng)
{
    if (bins->widths[bin] == 1 && bin >= bins->n_ranges)
        return bins->atoms[bin - bins->n_ranges];
    if (is_open(bins, bin)) {
        struct octave octave = octave_first(bins);
        while (!octave.is_last && rng_uniform(rng) < 0.5)
            octave_advance(bins, &octave);
        return (int64_t)((uint64_t)bins->firsts[bin] + octave.start + rng_below(rng, octave.width));
    }
    /* The k-th value of the range that is no atom: k and as many as the atoms before it. Between
     * them, atoms[a] - a counts the values that are none, and never falls. */
    int64_t k = bins->firsts[bin] + (int64_t)rng_below(rng, bins->widths[bin]);
    size_t before = atoms_below(bins, bins->firsts[bin]);
    size_t low = before, high = bins->n_atoms;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bins->atoms[middle] - (int64_t)(middle - before) <= k)
            low = middle + 1;
        else
            high = middle;
    }
    return k + (int64_t)(low - before);
}

/* ---- making them -------------------------------------------------------------------------- */

/* Counts the values in each bin, and drops the ranges that their atoms have emptied. */
static void finish(struct bins *bins)
{
    bins->widths = memory_alloc(bins->n_ranges + bins->n_atoms, sizeof *bins->widths);
    size_t n = 0;
    for (size_t r = 0; r < bins->n_ranges; r++) {
        int64_t first = n == 0 ? bins->lowest : bins->firsts[r], last = bins_last(bins, r);
        size_t until = last < bins->highest ? atoms_below(bins, last + 1) : bins->n_atoms;
        uint64_t width = (uint64_t)last - (uint64_t)first + 1 - (until - atoms_below(bins, first));
        if (width > 0) {
            bins->firsts[n] = first;
            bins->widths[n++] = width;
        }
    }
    bins->n_ranges = n;
    bins->n = n + bins->n_atoms;
    for (size_t bin = n; bin < bins->n; bin++)
        bins->widths[bin] = 1;
}

void bins_free(struct bins *bins)
{
    if (bins == NULL)
        return;
    free(bins->firsts);
    free(bins->atoms);
    free(bins->widths);
    free(bins);
}

/* Standard deviation of y over the sample. */
static double log_deviation(const struct distinct *all, int64_t lowest)
{
    double sum = 0.0, square = 0.0, total = distinct_total(all);
    for (int pass = 0; pass < 2; pass++) {
        double mean = sum / total;
        for (size_t i = 0; i < all->n; i++) {
            double count = all->cumulative[i + 1] - all->cumulative[i];
            double y = log((double)(all->values[i] - lowest) + 1.0);
            if (pass == 0)
                sum += count * y;
            else
                square += count * (y - mean) * (y - mean);
        }
    }
    return sqrt(square / total);
}

/* How many ranges the rule asks for over a span of y. */
static size_t rule_ranges(const struct bins_settings *settings, const struct distinct *all,
                          int64_t lowest, double span)
{
    double total = distinct_total(all), wanted = 1.0;
    switch ((enum bins_rule)settings->rule) {
    case BINS_FREEDMAN_DIACONIS: {
        double upper = log((double)(distinct_quantile(all, 0.75) - lowest) + 1.0);
        double lower = log((double)(distinct_quantile(all, 0.25) - lowest) + 1.0);
        double spread = 2.0 * (upper - lower);
        if (!(spread > 0.0))
            spread = 3.49 * log_deviation(all, lowest);
        wanted = spread > 0.0 ? fmin(ceil(span * cbrt(total) / spread), BINS_MOST) : 1.0;
        break;
    }
    case BINS_SQUARE_ROOT:
        wanted = ceil(sqrt(total));
        break;
    case BINS_FIXED:
        wanted = (double)settings->number;
        break;
    }
    return wanted > 1.0 ? (size_t)wanted : 1;
}

struct bins *bins_create_ranges(const struct bins_sample *samples, size_t n_samples, int64_t lowest,
                                int64_t highest, const struct bins_settings *settings)
{
    struct distinct all = distinct_create(samples, n_samples);
    struct bins *bins = memory_zalloc(1, sizeof *bins);
    *bins = (struct bins){ .lowest = lowest, .highest = highest, .octave = 1 };
    if (all.n == 0) {
        bins->firsts = memory_alloc(1, sizeof *bins->firsts);
        bins->firsts[bins->n_ranges++] = lowest;
    } else {
        int64_t smallest = all.values[0], largest = all.values[all.n - 1];
        if (smallest < lowest || largest > highest)
            BUG("a value outside the support %lld..%lld", (long long)lowest, (long long)highest);
        double from = log((double)(smallest - lowest) + 1.0);
        double span = log((double)(largest - lowest) + 1.0) - from;
        size_t wanted = rule_ranges(settings, &all, lowest, span);
        bins->firsts = memory_alloc(wanted + 2, sizeof *bins->firsts);
        bins->firsts[bins->n_ranges++] = lowest;
        if (smallest > lowest)
            bins->firsts[bins->n_ranges++] = smallest;
        for (size_t i = 1; i < wanted; i++) {
            double edge = ceil(exp(from + span * (double)i / (double)wanted) - 1.0);
            if (edge > (double)(largest - lowest))
                break;
            int64_t first = lowest + (int64_t)edge;
            if (first > bins->firsts[bins->n_ranges - 1] && first <= largest)
                bins->firsts[bins->n_ranges++] = first;
        }
        if (largest < highest) {
            bins->firsts[bins->n_ranges++] = largest + 1;
            bins->octave = (uint64_t)(largest - lowest) + 1;
        } else {
            bins->octave = 0;
        }
    }
    finish(bins);
    distinct_release(&all);
    return bins;
}

/* A value and how often it was seen, for choosing the most frequent. */
struct candidate {
    int64_t value;
    double count;
};

static int more_frequent(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

static int by_value(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Makes atoms of the most frequent values, and leaves the others in `all`. */
static void take_atoms(struct bins *bins, struct distinct *all, size_t max_atoms, double min_count)
{
    struct candidate *candidates = memory_alloc(all->n, sizeof *candidates);
    for (size_t i = 0; i < all->n; i++)
        candidates[i] = (struct candidate){ all->values[i],
                                            all->cumulative[i + 1] - all->cumulative[i] };
    qsort(candidates, all->n, sizeof *candidates, more_frequent);
    size_t n_atoms = 0;
    while (n_atoms < all->n && n_atoms < max_atoms && candidates[n_atoms].count >= min_count)
        n_atoms++;
    qsort(candidates, n_atoms, sizeof *candidates, by_value);
    qsort(candidates + n_atoms, all->n - n_atoms, sizeof *candidates, by_value);

    bins->n_atoms = n_atoms;
    bins->atoms = memory_alloc(n_atoms, sizeof *bins->atoms);
    for (size_t a = 0; a < n_atoms; a++)
        bins->atoms[a] = candidates[a].value;
    all->n -= n_atoms;
    for (size_t i = 0; i < all->n; i++) {
        all->values[i] = candidates[n_atoms + i].value;
        all->cumulative[i + 1] = all->cumulative[i] + candidates[n_atoms + i].count;
    }
    free(candidates);
}

struct bins *bins_create_atoms(const struct bins_sample *samples, size_t n_samples, int64_t support,
                               size_t max_atoms, double min_count, size_t max_ranges)
{
    struct distinct rest = distinct_create(samples, n_samples);
    if (rest.n > 0 && (rest.values[0] < 0 || rest.values[rest.n - 1] >= support))
        BUG("a value outside the support of %lld", (long long)support);
    struct bins *bins = memory_zalloc(1, sizeof *bins);
    bins->highest = support - 1;
    take_atoms(bins, &rest, max_atoms, min_count);

    /* Each range's first value and how often its rest was seen; halved in no order, sorted last. */
    struct candidate *ranges = memory_alloc(max_ranges, sizeof *ranges);
    int64_t *lengths = memory_alloc(max_ranges, sizeof *lengths);
    ranges[0] = (struct candidate){ 0, distinct_total(&rest) };
    lengths[0] = support;
    size_t n = 1;
    while (n < max_ranges) {
        size_t most = n;
        for (size_t r = 0; r < n; r++)
            if (lengths[r] > 1 && ranges[r].count > 0.0 && ranges[r].count >= min_count &&
                (most == n || ranges[r].count > ranges[most].count))
                most = r;
        if (most == n)
            break;
        int64_t half = lengths[most] / 2, middle = ranges[most].value + half;
        double below = rest.cumulative[distinct_below(&rest, middle)] -
                       rest.cumulative[distinct_below(&rest, ranges[most].value)];
        ranges[n] = (struct candidate){ middle, ranges[most].count - below };
        lengths[n++] = lengths[most] - half;
        ranges[most].count = below;
        lengths[most] = half;
    }
    bins->n_ranges = n;
    bins->firsts = memory_alloc(n, sizeof *bins->firsts);
    for (size_t r = 0; r < n; r++)
        bins->firsts[r] = ranges[r].value;
    qsort(bins->firsts, n, sizeof *bins->firsts, by_number);
    free(ranges);
    free(lengths);
    distinct_release(&rest);
    finish(bins);
    return bins;
}

struct bins *bins_create_set(const struct bins_sample *samples, size_t n_samples, int64_t support)
{
    return bins_create_atoms(samples, n_samples, support, SIZE_MAX, 0.0, 1);
}

/* ---- files -------------------------------------------------------------------------------- */

enum status bins_save(const struct bins *bins, struct hdf5_group *parent, const char *name,
                      struct error *err)
{
    struct hdf5_group *group;
    FORWARD(hdf5_group_create(parent, name, &group, err));
    enum status status = hdf5_write_array(group, "firsts", HDF5_I64, bins->firsts, 1,
                                          &bins->n_ranges, err);
    if (status == STATUS_OK)
        status = hdf5_write_array(group, "atoms", HDF5_I64, bins->atoms, 1, &bins->n_atoms, err);
    if (status == STATUS_OK)
        status = hdf5_write_integer(group, "octave", (int64_t)bins->octave, err);
    enum status closed = hdf5_group_close(group, status == STATUS_OK ? err : NULL);
    return status != STATUS_OK ? status : closed;
}

static bool ascends_within(const int64_t *values, size_t n, int64_t lowest, int64_t highest)
{
    for (size_t i = 0; i < n; i++)
        if (values[i] < lowest || values[i] > highest || (i > 0 && values[i] <= values[i - 1]))
            return false;
    return true;
}

static enum status load_values(int64_t **values, size_t *n, struct hdf5_group *group,
                               const char *name, struct error *err)
{
    FORWARD(hdf5_array_size(group, name, 1, n, err));
    *values = memory_alloc(*n, sizeof **values);
    return hdf5_read_array(group, name, HDF5_I64, *values, *n, err);
}

enum status bins_load(struct bins **loaded, int64_t lowest, int64_t highest,
                      struct hdf5_group *parent, const char *name, struct error *err)
{
    struct hdf5_group *group;
    FORWARD(hdf5_group_open(parent, name, &group, err));
    struct bins *bins = memory_zalloc(1, sizeof *bins);
    bins->lowest = lowest;
    bins->highest = highest;
    int64_t octave = 0;
    enum status status = load_values(&bins->firsts, &bins->n_ranges, group, "firsts", err);
    if (status == STATUS_OK)
        status = load_values(&bins->atoms, &bins->n_atoms, group, "atoms", err);
    if (status == STATUS_OK)
        status = hdf5_read_integer(group, "octave", &octave, err);
    hdf5_group_close(group, NULL);
    if (status == STATUS_OK) {
        size_t n_ranges = bins->n_ranges;
        bool is_sound = octave >= 0 && ascends_within(bins->firsts, n_ranges, lowest, highest) &&
                        ascends_within(bins->atoms, bins->n_atoms, lowest, highest) &&
                        (octave == 0 || (bins->n_atoms == 0 && n_ranges > 0)) &&
                        (n_ranges > 0 ? bins->firsts[0] == lowest
                                      : bins->n_atoms > 0 &&
                                            (uint64_t)(highest - lowest) == bins->n_atoms - 1);
        bins->octave = (uint64_t)octave;
        finish(bins);
        if (!is_sound || bins->n_ranges != n_ranges)
            status = error_set(err, STATUS_FORMAT, "%s: these are no bins of %lld..%lld", name,
                               (long long)lowest, (long long)highest);
    }
    if (status == STATUS_OK)
        *loaded = bins;
    else
        bins_free(bins);
    return status;
}
