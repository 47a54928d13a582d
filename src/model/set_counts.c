#include "model/set_counts.h"

#include "base/memory.h"
#include "model/integer_mixture.h"

#include <math.h>
#include <stdlib.h>

/* What follows from values and counts. Where everything was seen there is nothing to escape to, and
 * the counts share the whole; where nothing was, the escape has all of it. */
static void set_counts_finish(struct set_counts *set)
{
    double total = 0.0;
    set->cumulative = memory_alloc(set->n_seen, sizeof *set->cumulative);
    for (size_t i = 0; i < set->n_seen; i++) {
        total += set->counts[i];
        set->cumulative[i] = total;
    }
    double n_distinct = (double)set->n_seen;
    if (set->n_seen == 0)
        set->escape = 1.0;
    else if ((int64_t)set->n_seen == set->support)
        set->escape = 0.0;
    else
        set->escape = n_distinct / (total + n_distinct);
    set->log_total = log(set->escape > 0.0 ? total + n_distinct : total);
}

void set_counts_fit(struct set_counts *set, const int64_t *values, size_t n, int64_t support)
{
    struct integer_sample sample = integer_sample_create(values, n);
    if (support < 1)
        BUG("a set of %lld values", (long long)support);
    if (sample.n > 0 && (sample.values[0] < 0 || sample.values[sample.n - 1] >= support))
        BUG("a value outside 0..%lld", (long long)support - 1);
    *set = (struct set_counts){
        .support = support,
        .n_seen = sample.n,
        .values = sample.values,
        .counts = sample.counts,
    };
    set_counts_finish(set);
}

void set_counts_release(struct set_counts *set)
{
    free(set->values);
    free(set->counts);
    free(set->cumulative);
    *set = (struct set_counts){ 0 };
}

double set_counts_log_mass(const struct set_counts *set, int64_t value)
{
    if (value < 0 || value >= set->support)
        return -HUGE_VAL;
    size_t low = 0, high = set->n_seen;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < set->n_seen && set->values[low] == value)
        return log(set->counts[low]) - set->log_total;
    return log(set->escape) - log((double)(set->support - (int64_t)set->n_seen));
}

int64_t set_counts_draw(const struct set_counts *set, struct rng *rng)
{
    double n = set->n_seen > 0 ? set->cumulative[set->n_seen - 1] : 0.0;
    size_t low = 0, high = set->n_seen;
    if (rng_uniform(rng) >= set->escape) {
        double target = (double)rng_below(rng, (uint64_t)n);
        while (low < high) { /* the first whose cumulative count is above the target */
            size_t middle = low + (high - low) / 2;
            if (set->cumulative[middle] <= target)
                low = middle + 1;
            else
                high = middle;
        }
        return set->values[low];
    }
    /* The rank-th value that was not seen: values[i] - i of them stand below values[i]. */
    int64_t rank = (int64_t)rng_below(rng, (uint64_t)(set->support - (int64_t)set->n_seen));
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->values[middle] - (int64_t)middle <= rank)
            low = middle + 1;
        else
            high = middle;
    }
    return rank + (int64_t)low;
}

/* ---- files -------------------------------------------------------------------------------- */

enum status set_counts_save(const struct set_counts *set, struct hdf5_group *parent,
                            const char *name, struct error *err)
{
    struct hdf5_group *group;
    FORWARD(hdf5_group_create(parent, name, &group, err));
    enum status status = hdf5_write_integer(group, "support", set->support, err);
    /* Nothing seen, nothing written. */
    if (status == STATUS_OK && set->n_seen > 0)
        status = hdf5_write_array(group, "values", HDF5_I64, set->values, 1, &set->n_seen, err);
    if (status == STATUS_OK && set->n_seen > 0)
        status = hdf5_write_array(group, "counts", HDF5_F64, set->counts, 1, &set->n_seen, err);
    enum status closed = hdf5_group_close(group, status == STATUS_OK ? err : NULL);
    return status != STATUS_OK ? status : closed;
}

static enum status set_counts_check(const struct set_counts *set, const char *name,
                                    struct error *err)
{
    for (size_t i = 0; i < set->n_seen; i++) {
        bool is_ordered = i > 0 ? set->values[i] > set->values[i - 1] : set->values[i] >= 0;
        RETURN_IF(!is_ordered || set->values[i] >= set->support, err, STATUS_FORMAT,
                  "%s: value %zu is %lld, which is out of order or not in 0..%lld", name, i,
                  (long long)set->values[i], (long long)set->support - 1);
        /* Whole, because draws are made among whole numbers. */
        RETURN_IF(!(set->counts[i] >= 1.0 && set->counts[i] <= 0x1p53) ||
                      set->counts[i] != floor(set->counts[i]),
                  err, STATUS_FORMAT, "%s: the count of value %lld is %g", name,
                  (long long)set->values[i], set->counts[i]);
    }
    return STATUS_OK;
}

enum status set_counts_load(struct set_counts *set, struct hdf5_group *parent, const char *name,
                            struct error *err)
{
    struct hdf5_group *group;
    *set = (struct set_counts){ 0 };
    FORWARD(hdf5_group_open(parent, name, &group, err));
    enum status status = hdf5_read_integer(group, "support", &set->support, err);
    if (status == STATUS_OK && (set->support < 1 || set->support > INT64_C(1) << 53))
        status = error_set(err, STATUS_FORMAT, "%s: a set of %lld values", name,
                           (long long)set->support);
    if (status == STATUS_OK && hdf5_has(group, "values"))
        status = hdf5_array_size(group, "values", 1, &set->n_seen, err);
    if (status == STATUS_OK && set->n_seen > 0) {
        set->values = memory_alloc(set->n_seen, sizeof *set->values);
        set->counts = memory_alloc(set->n_seen, sizeof *set->counts);
        status = hdf5_read_array(group, "values", HDF5_I64, set->values, set->n_seen, err);
        if (status == STATUS_OK)
            status = hdf5_read_array(group, "counts", HDF5_F64, set->counts, set->n_seen, err);
    }
    if (status == STATUS_OK)
        status = set_counts_check(set, name, err);
    hdf5_group_close(group, NULL);
    if (status == STATUS_OK)
        set_counts_finish(set);
    else
        set_counts_release(set);
    return status;
}
