#include "model/bayes_net_node.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- pairs -------------------------------------------------------------------------------- */

/* Puts the row numbers in `from` in the order of their keys, equal keys as they stood (counting
 * sort). starts[n_keys + 1] is scratch. */
static void sort_rows(uint32_t *to, const uint32_t *from, size_t n, const uint32_t *keys,
                      size_t n_keys, size_t *starts)
{
    memset(starts, 0, (n_keys + 1) * sizeof *starts);
    for (size_t i = 0; i < n; i++)
        starts[keys[from[i]] + 1]++;
    for (size_t key = 0; key < n_keys; key++)
        starts[key + 1] += starts[key];
    for (size_t i = 0; i < n; i++)
        to[starts[keys[from[i]]]++] = from[i];
}

/* Row numbers in the order of their pairs, without the rows that lack one; caller frees. */
static uint32_t *sort_by_pair(const uint32_t *parent_bins, size_t n_parent_bins,
                              const uint32_t *bins, size_t n_bins, size_t n_rows, size_t *n_sorted)
{
    uint32_t *rows = memory_alloc(n_rows, sizeof *rows);
    uint32_t *sorted = memory_alloc(n_rows, sizeof *sorted);
    size_t n_keys = n_bins > n_parent_bins ? n_bins : n_parent_bins, n = 0;
    size_t *starts = memory_alloc(n_keys + 1, sizeof *starts);
    for (size_t i = 0; i < n_rows; i++)
        if (parent_bins[i] != NODE_NO_BIN && bins[i] != NODE_NO_BIN)
            rows[n++] = (uint32_t)i;
    sort_rows(sorted, rows, n, bins, n_bins, starts);
    sort_rows(rows, sorted, n, parent_bins, n_parent_bins, starts);
    free(sorted);
    free(starts);
    *n_sorted = n;
    return rows;
}

static void add_pair(struct pair_table *table, size_t *capacity, uint32_t parent_bin, uint32_t bin,
                     uint32_t count)
{
    if (table->n_pairs == *capacity) {
        *capacity = *capacity < 64 ? 64 : *capacity * 2;
        table->parent_bins = memory_resize(table->parent_bins, *capacity, sizeof(uint32_t));
        table->bins = memory_resize(table->bins, *capacity, sizeof(uint32_t));
        table->counts = memory_resize(table->counts, *capacity, sizeof(uint32_t));
    }
    table->parent_bins[table->n_pairs] = parent_bin;
    table->bins[table->n_pairs] = bin;
    table->counts[table->n_pairs++] = count;
}

/* Tables with no more cells than this are counted in full: they stay in the cache. */
#define CELLS_MOST (1u << 20)

void pair_table_count(struct pair_table *table, const uint32_t *parent_bins, size_t n_parent_bins,
                      const uint32_t *bins, size_t n_bins, size_t n_rows)
{
    *table = (struct pair_table){ .n_parent_bins = n_parent_bins };
    size_t capacity = 0;
    if (n_bins * n_parent_bins <= CELLS_MOST) {
        uint32_t *cells = memory_zalloc(n_parent_bins * n_bins, sizeof *cells);
        for (size_t i = 0; i < n_rows; i++)
            if (parent_bins[i] != NODE_NO_BIN && bins[i] != NODE_NO_BIN)
                cells[parent_bins[i] * n_bins + bins[i]]++;
        for (uint32_t parent = 0; parent < n_parent_bins; parent++)
            for (uint32_t bin = 0; bin < n_bins; bin++)
                if (cells[parent * n_bins + bin] > 0)
                    add_pair(table, &capacity, parent, bin, cells[parent * n_bins + bin]);
        free(cells);
        return;
    }
    size_t n;
    uint32_t *rows = sort_by_pair(parent_bins, n_parent_bins, bins, n_bins, n_rows, &n);
    for (size_t i = 0, end; i < n; i = end) {
        uint32_t parent = parent_bins[rows[i]], bin = bins[rows[i]];
        for (end = i; end < n && parent_bins[rows[end]] == parent && bins[rows[end]] == bin;)
            end++;
        add_pair(table, &capacity, parent, bin, (uint32_t)(end - i));
    }
    free(rows);
}

void pair_table_release(struct pair_table *table)
{
    free(table->parent_bins);
    free(table->bins);
    free(table->counts);
    free(table->starts);
    free(table->base);
    free(table->excess);
    free(table->by_count);
    free(table->totals);
    *table = (struct pair_table){ 0 };
}

/* A pair, for sorting. */
struct frequent {
    uint32_t count, pair;
};

static int more_frequent(const void *a, const void *b)
{
    const struct frequent *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return (x->pair > y->pair) - (x->pair < y->pair);
}

static void sort_by_count(struct pair_table *table)
{
    struct frequent *pairs = memory_alloc(table->n_pairs, sizeof *pairs);
    for (size_t i = 0; i < table->n_pairs; i++)
        pairs[i] = (struct frequent){ table->counts[i], (uint32_t)i };
    for (size_t parent = 0; parent < table->n_parent_bins; parent++)
        qsort(pairs + table->starts[parent], table->starts[parent + 1] - table->starts[parent],
              sizeof *pairs, more_frequent);
    table->by_count = memory_alloc(table->n_pairs, sizeof *table->by_count);
    for (size_t i = 0; i < table->n_pairs; i++)
        table->by_count[i] = pairs[i].pair;
    free(pairs);
}

/* P(A | B) = (c(A, B) + s) / (c(B) + s |A|), or 1 / |A| where that is 0 / 0. */
static void pair_table_finish(struct pair_table *table, size_t n_bins, double smoothing)
{
    table->starts = memory_zalloc(table->n_parent_bins + 1, sizeof *table->starts);
    table->base = memory_zalloc(n_bins, sizeof *table->base);
    table->excess = memory_alloc(table->n_pairs, sizeof *table->excess);
    double *denominators = memory_alloc(n_bins, sizeof *denominators);
    for (size_t bin = 0; bin < n_bins; bin++)
        denominators[bin] = smoothing * (double)table->n_parent_bins;
    for (size_t i = 0; i < table->n_pairs; i++) {
        table->starts[table->parent_bins[i] + 1]++;
        denominators[table->bins[i]] += table->counts[i];
    }
    for (size_t parent = 0; parent < table->n_parent_bins; parent++)
        table->starts[parent + 1] += table->starts[parent];
    for (size_t bin = 0; bin < n_bins; bin++)
        table->base[bin] = denominators[bin] > 0.0 ? smoothing / denominators[bin]
                                                   : 1.0 / (double)table->n_parent_bins;
    for (size_t i = 0; i < table->n_pairs; i++)
        table->excess[i] = table->counts[i] / denominators[table->bins[i]];
    free(denominators);
    sort_by_count(table);
}

/* The first of the pairs low..high - 1 whose bin is not below `bin`; high where there is none. */
static size_t find_pair(const struct pair_table *table, size_t low, size_t high, uint32_t bin)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->bins[middle] < bin)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The excess of a pair, 0 where it was not seen. */
static double pair_excess(const struct pair_table *table, uint32_t parent, uint32_t bin)
{
    size_t end = table->starts[parent + 1];
    size_t pair = find_pair(table, table->starts[parent], end, bin);
    return pair < end && table->bins[pair] == bin ? table->excess[pair] : 0.0;
}

/* ---- sums over bins ----------------------------------------------------------------------- */

/* Row of the tables by hour. */
static size_t hour_row(const struct node *node, int hour)
{
    return node->uses_hour ? (size_t)hour : 0;
}

/* The bins that were seen with both of two parents, in order. */
struct both {
    const struct pair_table *a, *b; /* a has fewer pairs */
    size_t next_a, end_a, next_b, end_b;
};

static struct both both_start(const struct node *node, const uint32_t *parents)
{
    const struct pair_table *tables = node->parents;
    size_t n[2];
    for (size_t k = 0; k < 2; k++)
        n[k] = tables[k].starts[parents[k] + 1] - tables[k].starts[parents[k]];
    size_t a = n[0] <= n[1] ? 0 : 1, b = 1 - a;
    return (struct both){ .a = &tables[a],
                          .b = &tables[b],
                          .next_a = tables[a].starts[parents[a]],
                          .end_a = tables[a].starts[parents[a] + 1],
                          .next_b = tables[b].starts[parents[b]],
                          .end_b = tables[b].starts[parents[b] + 1] };
}

/* Sets the bin and the product of its two excesses; false at the end. */
static bool both_advance(struct both *both, uint32_t *bin, double *excess)
{
    while (both->next_a < both->end_a && both->next_b < both->end_b) {
        *bin = both->a->bins[both->next_a];
        /* Doubling steps, then halving: near what is near, whatever the lengths are. */
        size_t step = 1, low = both->next_b;
        while (low + step < both->end_b && both->b->bins[low + step] < *bin)
            low += step, step *= 2;
        size_t high = low + step < both->end_b ? low + step : both->end_b;
        both->next_b = find_pair(both->b, low, high, *bin);
        size_t pair = both->next_a++;
        if (both->next_b < both->end_b && both->b->bins[both->next_b] == *bin) {
            *excess = both->a->excess[pair] * both->b->excess[both->next_b++];
            return true;
        }
    }
    return false;
}

/* weight times excess of one pair of the k-th parent, times the base of the other parent. */
static double pair_term(const struct node *node, size_t hour, size_t k, size_t pair)
{
    uint32_t bin = node->parents[k].bins[pair];
    double term = node->weight[hour * node->n_bins + bin] * node->parents[k].excess[pair];
    return node->n_parents == 2 ? term * node->parents[1 - k].base[bin] : term;
}

static double smooth_total(const struct node *node, size_t hour)
{
    return node->smooth_cumulative[(hour + 1) * node->n_bins - 1];
}

static double parent_total(const struct node *node, size_t hour, size_t k, uint32_t parent)
{
    return node->parents[k].totals[hour * node->parents[k].n_parent_bins + parent];
}

/* Z, over the largest weight of the hour:
 *   sum w (base_1 + excess_1) (base_2 + excess_2), multiplied out. */
static double total(const struct node *node, size_t hour, const uint32_t *parents)
{
    double sum = smooth_total(node, hour);
    for (size_t k = 0; k < node->n_parents; k++)
        sum += parent_total(node, hour, k, parents[k]);
    if (node->n_parents == 2) {
        struct both both = both_start(node, parents);
        uint32_t bin;
        double excess;
        while (both_advance(&both, &bin, &excess))
            sum += node->weight[hour * node->n_bins + bin] * excess;
    }
    return sum;
}

/* ---- making a node ------------------------------------------------------------------------ */

static void count_hours(struct node *node, const struct node_rows *rows)
{
    node->hour_counts = memory_zalloc(NODE_HOURS * node->n_bins, sizeof *node->hour_counts);
    for (size_t i = 0; i < rows->n; i++)
        node->hour_counts[rows->hours[i] * node->n_bins + rows->bins[i]]++;
}

static double bin_count(const struct node *node, size_t bin)
{
    double count = 0.0;
    for (size_t hour = 0; hour < NODE_HOURS; hour++)
        count += node->hour_counts[hour * node->n_bins + bin];
    return count;
}

/* weight = P(B) P(T | B), divided by the largest of its hour: the usual step of a log-sum-exp, so
 * that no sum over bins underflows however small the prior is. */
static void weigh_hour(struct node *node, size_t hour)
{
    size_t n_bins = node->n_bins;
    double *log_weight = node->log_weight + hour * n_bins, largest = -HUGE_VAL;
    for (size_t bin = 0; bin < n_bins; bin++) {
        log_weight[bin] = node->log_prior[bin];
        if (node->uses_hour) {
            double numerator = node->hour_counts[hour * n_bins + bin] + node->smoothing;
            double denominator = bin_count(node, bin) + node->smoothing * NODE_HOURS;
            log_weight[bin] += denominator > 0.0 ? log(numerator / denominator)
                                                 : -log((double)NODE_HOURS);
        }
        largest = fmax(largest, log_weight[bin]);
    }
    double *weight = node->weight + hour * n_bins;
    double *cumulative = node->smooth_cumulative + hour * n_bins, sum = 0.0, best = 0.0;
    for (size_t bin = 0; bin < n_bins; bin++) {
        if (largest > -HUGE_VAL)
            log_weight[bin] -= largest;
        weight[bin] = exp(log_weight[bin]);
        double smooth = weight[bin];
        for (size_t k = 0; k < node->n_parents; k++)
            smooth *= node->parents[k].base[bin];
        cumulative[bin] = sum += smooth;
        if (smooth > best) {
            best = smooth;
            node->smooth_best[hour] = (uint32_t)bin;
        }
    }
}

/* Everything that follows from the counts and the prior. */
static void node_finish(struct node *node)
{
    size_t n_bins = node->n_bins, n_hours = node->uses_hour ? NODE_HOURS : 1;
    for (size_t k = 0; k < node->n_parents; k++)
        pair_table_finish(&node->parents[k], n_bins, node->smoothing);
    node->prior_cumulative = memory_alloc(n_bins, sizeof *node->prior_cumulative);
    double sum = 0.0;
    for (size_t bin = 0; bin < n_bins; bin++)
        node->prior_cumulative[bin] = sum += exp(node->log_prior[bin]);

    node->log_weight = memory_alloc(n_hours * n_bins, sizeof *node->log_weight);
    node->weight = memory_alloc(n_hours * n_bins, sizeof *node->weight);
    node->smooth_cumulative = memory_alloc(n_hours * n_bins, sizeof *node->smooth_cumulative);
    node->smooth_best = memory_zalloc(n_hours, sizeof *node->smooth_best);
    for (size_t hour = 0; hour < n_hours; hour++)
        weigh_hour(node, hour);
    for (size_t k = 0; k < node->n_parents; k++) {
        struct pair_table *table = &node->parents[k];
        table->totals = memory_zalloc(n_hours * table->n_parent_bins, sizeof *table->totals);
        for (size_t hour = 0; hour < n_hours; hour++)
            for (size_t i = 0; i < table->n_pairs; i++)
                table->totals[hour * table->n_parent_bins + table->parent_bins[i]] += pair_term(
                    node, hour, k, i);
    }
}

void node_fit(struct node *node, const struct node_rows *rows, size_t n_bins, double smoothing,
              bool uses_hour, const double *log_prior)
{
    *node = (struct node){ .n_bins = n_bins,
                           .uses_hour = uses_hour,
                           .smoothing = smoothing,
                           .n_parents = rows->n_parents,
                           .log_prior = memory_alloc(n_bins, sizeof *node->log_prior) };
    count_hours(node, rows);
    double denominator = (double)rows->n + smoothing * (double)n_bins;
    for (size_t bin = 0; bin < n_bins; bin++) {
        if (log_prior != NULL)
            node->log_prior[bin] = log_prior[bin];
        else if (denominator > 0.0)
            node->log_prior[bin] = log((bin_count(node, bin) + smoothing) / denominator);
        else
            node->log_prior[bin] = -log((double)n_bins);
    }
    for (size_t k = 0; k < rows->n_parents; k++)
        pair_table_count(&node->parents[k], rows->parents[k], rows->n_parent_bins[k], rows->bins,
                         n_bins, rows->n);
    node_finish(node);
}

void node_release(struct node *node)
{
    for (size_t k = 0; k < node->n_parents; k++)
        pair_table_release(&node->parents[k]);
    free(node->log_prior);
    free(node->hour_counts);
    free(node->prior_cumulative);
    free(node->log_weight);
    free(node->weight);
    free(node->smooth_cumulative);
    free(node->smooth_best);
    *node = (struct node){ 0 };
}

/* ---- masses and draws --------------------------------------------------------------------- */

double node_log_mass(const struct node *node, int hour, const uint32_t *parents, uint32_t bin)
{
    if (parents == NULL)
        return node->log_prior[bin];
    size_t row = hour_row(node, hour);
    double all = total(node, row, parents), factors = 1.0;
    if (!(all > 0.0))
        return -log((double)node->n_bins);
    for (size_t k = 0; k < node->n_parents; k++)
        factors *= node->parents[k].base[bin] + pair_excess(&node->parents[k], parents[k], bin);
    return node->log_weight[row * node->n_bins + bin] + log(factors / all);
}

/* The first i with u < cumulative[i]; the last that has a mass where rounding leaves none. */
static uint32_t draw_cumulative(const double *cumulative, size_t n, double u)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cumulative[middle] <= u)
            low = middle + 1;
        else
            high = middle;
    }
    while (low > 0 && cumulative[low] == cumulative[low - 1])
        low--;
    return (uint32_t)low;
}

/* The bin of one of the parent's pairs, in proportion to their terms, of which u < their sum. */
static uint32_t draw_pair(const struct node *node, size_t hour, size_t k, uint32_t parent, double u)
{
    const struct pair_table *table = &node->parents[k];
    uint32_t bin = 0;
    for (size_t i = table->starts[parent]; i < table->starts[parent + 1]; i++) {
        bin = table->bins[table->by_count[i]];
        u -= pair_term(node, hour, k, table->by_count[i]);
        if (u < 0.0)
            break;
    }
    return bin;
}

/* Z is a sum of parts, and so the draw is one of a part and then of a bin in it. */
uint32_t node_draw(const struct node *node, int hour, const uint32_t *parents, struct rng *rng)
{
    size_t n_bins = node->n_bins, row = hour_row(node, hour);
    if (parents == NULL)
        return draw_cumulative(node->prior_cumulative, n_bins,
                               rng_uniform(rng) * node->prior_cumulative[n_bins - 1]);
    double all = total(node, row, parents), smooth = smooth_total(node, row);
    if (!(all > 0.0))
        return (uint32_t)rng_below(rng, n_bins);
    double u = rng_uniform(rng) * all;
    if (u < smooth || node->n_parents == 0)
        return draw_cumulative(node->smooth_cumulative + row * n_bins, n_bins, u);
    u -= smooth;
    for (size_t k = 0; k < node->n_parents; k++) {
        double part = parent_total(node, row, k, parents[k]);
        if (u < part || (k == 0 && node->n_parents == 1))
            return draw_pair(node, row, k, parents[k], u);
        u -= part;
    }
    struct both both = both_start(node, parents);
    uint32_t bin = node->smooth_best[row];
    double excess;
    while (u >= 0.0 && both_advance(&both, &bin, &excess))
        u -= node->weight[row * n_bins + bin] * excess;
    return bin;
}

uint32_t node_best(const struct node *node, int hour, const uint32_t *parents)
{
    size_t row = hour_row(node, hour);
    /* A bin that was not seen with these parents has its smooth mass, so the best of those is the
     * best of all bins by smooth mass, or one that was seen. */
    uint32_t best = parents != NULL ? node->smooth_best[row] : 0;
    double most = node_log_mass(node, hour, parents, best);
    if (parents == NULL) {
        for (uint32_t bin = 1; bin < node->n_bins; bin++)
            if (node->log_prior[bin] > node->log_prior[best])
                best = bin;
        return best;
    }
    for (size_t k = 0; k < node->n_parents; k++) {
        const struct pair_table *table = &node->parents[k];
        for (size_t i = table->starts[parents[k]]; i < table->starts[parents[k] + 1]; i++) {
            double mass = node_log_mass(node, hour, parents, table->bins[i]);
            if (mass > most || (mass == most && table->bins[i] < best)) {
                most = mass;
                best = table->bins[i];
            }
        }
    }
    return best;
}

/* ---- files -------------------------------------------------------------------------------- */

static enum status save_pairs(const struct pair_table *table, struct hdf5_group *group, size_t k,
                              struct error *err)
{
    const struct {
        const char *name;
        const uint32_t *values;
    } columns[] = { { "parent_bin", table->parent_bins },
                    { "bin", table->bins },
                    { "count", table->counts } };
    char name[32];
    snprintf(name, sizeof name, "pairs_%zu", k);
    struct hdf5_group *pairs;
    FORWARD(hdf5_group_create(group, name, &pairs, err));
    enum status status = STATUS_OK;
    for (size_t c = 0; c < ARRAY_LEN(columns) && status == STATUS_OK; c++)
        status = hdf5_write_array(pairs, columns[c].name, HDF5_U32, columns[c].values, 1,
                                  &table->n_pairs, err);
    enum status closed = hdf5_group_close(pairs, status == STATUS_OK ? err : NULL);
    return status != STATUS_OK ? status : closed;
}

enum status node_save(const struct node *node, struct hdf5_group *parent, const char *name,
                      struct error *err)
{
    struct hdf5_group *group;
    FORWARD(hdf5_group_create(parent, name, &group, err));
    enum status status = hdf5_write_number(group, "smoothing", node->smoothing, err);
    if (status == STATUS_OK)
        status = hdf5_write_integer(group, "uses_hour", node->uses_hour, err);
    if (status == STATUS_OK)
        status = hdf5_write_array(group, "log_prior", HDF5_F64, node->log_prior, 1, &node->n_bins,
                                  err);
    if (status == STATUS_OK)
        status = hdf5_write_array(group, "hour_counts", HDF5_U32, node->hour_counts, 2,
                                  (size_t[]){ NODE_HOURS, node->n_bins }, err);
    for (size_t k = 0; k < node->n_parents && status == STATUS_OK; k++)
        status = save_pairs(&node->parents[k], group, k, err);
    enum status closed = hdf5_group_close(group, status == STATUS_OK ? err : NULL);
    return status != STATUS_OK ? status : closed;
}

/* Whether the pairs are in order, and none has a bin or a count that cannot be. */
static bool pairs_are_sound(const struct pair_table *table, size_t n_bins)
{
    for (size_t i = 0; i < table->n_pairs; i++) {
        uint32_t parent = table->parent_bins[i], bin = table->bins[i];
        if (parent >= table->n_parent_bins || bin >= n_bins || table->counts[i] == 0)
            return false;
        if (i > 0 && (parent < table->parent_bins[i - 1] ||
                      (parent == table->parent_bins[i - 1] && bin <= table->bins[i - 1])))
            return false;
    }
    return true;
}

static enum status load_pairs(struct pair_table *table, size_t n_bins, struct hdf5_group *group,
                              size_t k, struct error *err)
{
    char name[32];
    snprintf(name, sizeof name, "pairs_%zu", k);
    struct hdf5_group *pairs;
    FORWARD(hdf5_group_open(group, name, &pairs, err));
    enum status status = hdf5_array_size(pairs, "count", 1, &table->n_pairs, err);
    if (status == STATUS_OK) {
        table->parent_bins = memory_alloc(table->n_pairs, sizeof *table->parent_bins);
        table->bins = memory_alloc(table->n_pairs, sizeof *table->bins);
        table->counts = memory_alloc(table->n_pairs, sizeof *table->counts);
        status = hdf5_read_array(pairs, "count", HDF5_U32, table->counts, table->n_pairs, err);
    }
    if (status == STATUS_OK)
        status = hdf5_read_array(pairs, "bin", HDF5_U32, table->bins, table->n_pairs, err);
    if (status == STATUS_OK)
        status = hdf5_read_array(pairs, "parent_bin", HDF5_U32, table->parent_bins, table->n_pairs,
                                 err);
    if (status == STATUS_OK && !pairs_are_sound(table, n_bins))
        status = error_set(err, STATUS_FORMAT, "%s: the pairs of bins are not sound", name);
    hdf5_group_close(pairs, NULL);
    return status;
}

enum status node_load(struct node *node, size_t n_bins, const size_t *n_parent_bins,
                      size_t n_parents, struct hdf5_group *parent, const char *name,
                      struct error *err)
{
    *node = (struct node){ .n_bins = n_bins, .n_parents = n_parents };
    struct hdf5_group *group;
    FORWARD(hdf5_group_open(parent, name, &group, err));
    int64_t uses_hour = 0;
    enum status status = hdf5_read_number(group, "smoothing", &node->smoothing, err);
    if (status == STATUS_OK && !(node->smoothing >= 0.0 && node->smoothing < HUGE_VAL))
        status = error_set(err, STATUS_FORMAT, "%s: smoothing by %g", name, node->smoothing);
    if (status == STATUS_OK)
        status = hdf5_read_integer(group, "uses_hour", &uses_hour, err);
    node->uses_hour = uses_hour != 0;
    if (status == STATUS_OK) {
        node->log_prior = memory_alloc(n_bins, sizeof *node->log_prior);
        status = hdf5_read_array(group, "log_prior", HDF5_F64, node->log_prior, n_bins, err);
    }
    if (status == STATUS_OK) {
        node->hour_counts = memory_alloc(NODE_HOURS * n_bins, sizeof *node->hour_counts);
        status = hdf5_read_array(group, "hour_counts", HDF5_U32, node->hour_counts,
                                 NODE_HOURS * n_bins, err);
    }
    for (size_t bin = 0; bin < n_bins && status == STATUS_OK; bin++)
        if (!(node->log_prior[bin] <= 1e-9)) /* also nan */
            status = error_set(err, STATUS_FORMAT, "%s: a log probability of %g", name,
                               node->log_prior[bin]);
    for (size_t k = 0; k < n_parents && status == STATUS_OK; k++) {
        node->parents[k].n_parent_bins = n_parent_bins[k];
        status = load_pairs(&node->parents[k], n_bins, group, k, err);
    }
    hdf5_group_close(group, NULL);
    if (status == STATUS_OK)
        node_finish(node);
    return status;
}
