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

void pair_table_count(struct pair_table *table, const uint32_t *parent_bins, size_t n_parent_bins,
                      const uint32_t *bins, size_t n_bins, size_t n_rows)
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

    size_t n_pairs = 0;
    for (size_t i = 0; i < n; i++)
        n_pairs += i == 0 || parent_bins[rows[i]] != parent_bins[rows[i - 1]] ||
                   bins[rows[i]] != bins[rows[i - 1]];
    *table = (struct pair_table){
        .n_parent_bins = n_parent_bins,
        .n_pairs = n_pairs,
        .parent_bins = memory_alloc(n_pairs, sizeof *table->parent_bins),
        .bins = memory_alloc(n_pairs, sizeof *table->bins),
        .counts = memory_zalloc(n_pairs, sizeof *table->counts),
    };
    size_t pair = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t parent = parent_bins[rows[i]], bin = bins[rows[i]];
        if (i > 0 && (parent != table->parent_bins[pair] || bin != table->bins[pair]))
            pair++;
        table->parent_bins[pair] = parent;
        table->bins[pair] = bin;
        table->counts[pair]++;
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
    *table = (struct pair_table){ 0 };
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
}

/* The excess of a pair, 0 where it was not seen. */
static double pair_excess(const struct pair_table *table, uint32_t parent, uint32_t bin)
{
    size_t low = table->starts[parent], high = table->starts[parent + 1], end = high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->bins[middle] < bin)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && table->bins[low] == bin ? table->excess[low] : 0.0;
}

/* ---- what was seen with these parents ----------------------------------------------------- */

/* Walks, in order, over the bins that were seen with at least one of the parents. */
struct walk {
    const struct node *node;
    const double *weight; /* [n_bins] of the hour */
    size_t next[NODE_PARENTS_MAX], end[NODE_PARENTS_MAX];
    uint32_t bin; /* where it stands */
    double mass;  /* weight times every P(A | B) there */
    double extra; /* what that is above weight times every base */
};

static struct walk walk_start(const struct node *node, size_t hour, const uint32_t *parents)
{
    struct walk walk = { .node = node, .weight = node->weight + hour * node->n_bins };
    for (size_t k = 0; k < node->n_parents; k++) {
        walk.next[k] = node->parents[k].starts[parents[k]];
        walk.end[k] = node->parents[k].starts[parents[k] + 1];
    }
    return walk;
}

static bool walk_advance(struct walk *walk)
{
    const struct node *node = walk->node;
    uint32_t bin = NODE_NO_BIN;
    for (size_t k = 0; k < node->n_parents; k++)
        if (walk->next[k] < walk->end[k] && node->parents[k].bins[walk->next[k]] < bin)
            bin = node->parents[k].bins[walk->next[k]];
    if (bin == NODE_NO_BIN)
        return false;
    double smooth = walk->weight[bin], mass = smooth;
    for (size_t k = 0; k < node->n_parents; k++) {
        const struct pair_table *table = &node->parents[k];
        double excess = 0.0;
        if (walk->next[k] < walk->end[k] && table->bins[walk->next[k]] == bin)
            excess = table->excess[walk->next[k]++];
        smooth *= table->base[bin];
        mass *= table->base[bin] + excess;
    }
    walk->bin = bin;
    walk->mass = mass;
    walk->extra = mass - smooth;
    return true;
}

/* Row of the tables by hour. */
static size_t hour_row(const struct node *node, int hour)
{
    return node->uses_hour ? (size_t)hour : 0;
}

static double smooth_total(const struct node *node, size_t hour)
{
    return node->smooth_cumulative[(hour + 1) * node->n_bins - 1];
}

/* Z, over the largest weight of the hour. */
static double total(const struct node *node, size_t hour, const uint32_t *parents)
{
    if (node->n_parents == 0)
        return smooth_total(node, hour);
    if (node->totals != NULL)
        return node->totals[hour * node->parents[0].n_parent_bins + parents[0]];
    double sum = smooth_total(node, hour);
    struct walk walk = walk_start(node, hour, parents);
    while (walk_advance(&walk))
        sum += walk.extra;
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
    if (node->n_parents != 1)
        return;

    size_t n_parent_bins = node->parents[0].n_parent_bins;
    double *totals = memory_alloc(n_hours * n_parent_bins, sizeof *totals);
    for (size_t hour = 0; hour < n_hours; hour++)
        for (uint32_t parent = 0; parent < n_parent_bins; parent++)
            totals[hour * n_parent_bins + parent] = total(node, hour, &parent);
    node->totals = totals;
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
    free(node->totals);
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
    struct walk walk = walk_start(node, row, parents);
    while (walk_advance(&walk)) {
        u -= walk.extra;
        if (u < 0.0)
            break;
    }
    return walk.bin;
}

uint32_t node_best(const struct node *node, int hour, const uint32_t *parents)
{
    size_t row = hour_row(node, hour);
    if (parents == NULL) {
        uint32_t best = 0;
        for (uint32_t bin = 1; bin < node->n_bins; bin++)
            if (node->log_prior[bin] > node->log_prior[best])
                best = bin;
        return best;
    }
    /* A bin that was not seen with these parents has its smooth mass, so the best of those is the
     * best of all bins by smooth mass, or one that was seen. */
    uint32_t best = node->smooth_best[row];
    double most = node->weight[row * node->n_bins + best];
    for (size_t k = 0; k < node->n_parents; k++)
        most *= node->parents[k].base[best];
    struct walk walk = walk_start(node, row, parents);
    while (walk_advance(&walk)) {
        if (walk.mass > most || (walk.mass == most && walk.bin < best)) {
            most = walk.mass;
            best = walk.bin;
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
