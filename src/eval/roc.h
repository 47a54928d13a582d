/* roc.h - how well scores tell two groups apart.
 *
 * The area under the ROC curve (AUC) is the chance that a positive has a higher score than a
 * negative, ties counting half (Mann and Whitney 1947; Hanley and McNeil 1982). An item's placement
 * is the share of the other group that lies below it; the area is the mean placement, and its error
 * is that of the mean placements of both groups (DeLong, DeLong and Clarke-Pearson 1988), taken
 * over hosts where items of one host are alike (Obuchowski 1997).
 *
 *     double *placements = memory_alloc(n, sizeof *placements);
 *     roc_placements(placements, positive, n, negative, m);
 *     double area = roc_area(positive, n, negative, m);
 */
#ifndef FLOWTWIN_EVAL_ROC_H
#define FLOWTWIN_EVAL_ROC_H

#include "eval/host_ratio.h"

/* Above it lie positives. NaN where a group is empty. */
double roc_area(const double *positive, size_t n_positive, const double *negative,
                size_t n_negative);

/* placements[i]: the share of others[0..m-1] below items[i], equal ones counting half. */
void roc_placements(double *placements, const double *items, size_t n, const double *others,
                    size_t m);

/* The largest share of positives that some threshold finds while it takes no more than that share
 * of the negatives for positives. */
double roc_found_at(const double *positive, size_t n_positive, const double *negative,
                    size_t n_negative, double false_share);

/* The area where items come from hosts: sums and counts of the placements of each host's items, of
 * positives among negatives (index 1) and of negatives among positives (index 0). */
struct roc_hosts {
    double *sums[2], *counts[2]; /* [n[side]] */
    size_t n[2];
};
struct host_ratio roc_area_of_hosts(const struct roc_hosts *hosts);

#endif
