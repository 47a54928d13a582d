/* bayes_net_node.h - one attribute of the Bayesian network: P(bin | hour, bins of its parents).
 *
 *     P(B | A_1 .. A_k, T)  =  P(B) P(T | B) P(A_1 | B) .. P(A_k | B) / Z(A_1 .. A_k, T)
 *
 * as the seed of this project has it for one parent, the attribute's value a row before. All tables
 * are smoothed counts, P(A | B) = (c(A, B) + s) / (c(B) + s |A|), likewise P(T | B); a denominator
 * of 0 (s = 0 and B never seen) gives equal mass. docs/math-bayes-net.md.
 *
 * P(A | B) is kept as base(B) + excess(A, B), where only the excess depends on A, and only pairs
 * that were seen have one. So a table takes the room of the pairs that were seen, and Z falls into
 * sums that are made when the node is: of all bins for each hour, and of the bins seen with each
 * bin of a parent. A mass then costs a search in each table; with two parents also a sum over the
 * bins that were seen with both.
 *
 *     node_fit(&node, &rows, n_bins, 1.0, true, NULL);
 *     double nats = -node_log_mass(&node, hour, parents, bin);
 *     uint32_t bin = node_draw(&node, hour, parents, &rng);
 */
#ifndef FLOWTWIN_MODEL_BAYES_NET_NODE_H
#define FLOWTWIN_MODEL_BAYES_NET_NODE_H

#include "base/rng.h"
#include "data/hdf5_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODE_HOURS       24
#define NODE_PARENTS_MAX 2
#define NODE_NO_BIN      UINT32_MAX /* of a parent in a row that is not there */

/* How often each bin of a parent came with each bin of the attribute: the pairs that were seen,
 * sorted by parent bin, then bin. */
struct pair_table {
    size_t n_parent_bins;
    size_t n_pairs;
    uint32_t *parent_bins, *bins, *counts; /* [n_pairs] */
    /* Derived. */
    size_t *starts;     /* [n_parent_bins + 1] of each parent bin's pairs */
    double *base;       /* [n_bins] P(A | B) of a pair that was not seen */
    double *excess;     /* [n_pairs] what P(A | B) has above that */
    uint32_t *by_count; /* [n_pairs] the pairs of each parent bin, most frequent first */
    double *totals; /* [hours, n_parent_bins] sums of weight, excess and the other parent's base */
};

struct node {
    size_t n_bins;
    bool uses_hour;
    double smoothing;
    double *log_prior;     /* [n_bins] ln P(B) */
    uint32_t *hour_counts; /* [NODE_HOURS, n_bins] */
    size_t n_parents;
    struct pair_table parents[NODE_PARENTS_MAX];
    /* Derived; `weight` is P(B) P(T | B) over the largest of its hour, one row where the node does
     * not use the hour. */
    double *prior_cumulative;  /* [n_bins] */
    double *log_weight;        /* [hours, n_bins] */
    double *weight;            /* [hours, n_bins] */
    double *smooth_cumulative; /* [hours, n_bins] of weight times every parent's base */
    uint32_t *smooth_best;     /* [hours] where that product is largest */
};

/* The training rows as the node sees them. */
struct node_rows {
    size_t n;
    const uint32_t *bins;                      /* [n] */
    const uint32_t *hours;                     /* [n] 0 .. NODE_HOURS - 1 */
    const uint32_t *parents[NODE_PARENTS_MAX]; /* [n] each; NODE_NO_BIN: the row has no such */
    size_t n_parent_bins[NODE_PARENTS_MAX];
    size_t n_parents;
};

/* Counts the rows, with P(B) from `log_prior` [n_bins], which is copied, or where that is NULL from
 * smoothed counts. Released with node_release. */
void node_fit(struct node *node, const struct node_rows *rows, size_t n_bins, double smoothing,
              bool uses_hour, const double *log_prior);
void node_release(struct node *node);

/* ln P(bin | hour, parents). parents[n_parents]: their bins; NULL for P(bin) alone. */
double node_log_mass(const struct node *node, int hour, const uint32_t *parents, uint32_t bin);
/* A bin with these probabilities. */
uint32_t node_draw(const struct node *node, int hour, const uint32_t *parents, struct rng *rng);
/* The most probable bin; of equals the lowest. */
uint32_t node_best(const struct node *node, int hour, const uint32_t *parents);

/* Counts pairs that occur in both columns (neither is NODE_NO_BIN) as a table without its derived
 * part. Released with pair_table_release. */
void pair_table_count(struct pair_table *table, const uint32_t *parent_bins, size_t n_parent_bins,
                      const uint32_t *bins, size_t n_bins, size_t n_rows);
void pair_table_release(struct pair_table *table);

/* As a group of that name. */
enum status node_save(const struct node *node, struct hdf5_group *parent, const char *name,
                      struct error *err);
/* n_bins, and the bins of each parent, are what the rest of the file says; another size is
 * STATUS_FORMAT. */
enum status node_load(struct node *node, size_t n_bins, const size_t *n_parent_bins,
                      size_t n_parents, struct hdf5_group *parent, const char *name,
                      struct error *err);

#endif
