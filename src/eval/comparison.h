/* comparison.h - two sides, compared in everything; and many such comparisons, averaged.
 *
 * A comparison is a struct of doubles and nothing else, so that comparisons of several twins, or of
 * several halvings of the real hosts, are averaged number by number, whatever they measure. A new
 * metric is a member here and a line in comparison_make.
 *
 *     struct comparison one = comparison_make(&real_side, &synthetic_side);
 *     struct comparison_average twins = { 0 };
 *     comparison_average_add(&twins, &one);
 *     comparison_average_finish(&twins);
 *     print(twins.mean.distributions[ATTRIBUTE_BYTES].js);
 *     comparison_average_release(&twins);
 */
#ifndef FLOWTWIN_EVAL_COMPARISON_H
#define FLOWTWIN_EVAL_COMPARISON_H

#include "eval/autocorrelation.h"
#include "eval/conversations.h"
#include "eval/dependence.h"
#include "eval/distribution.h"
#include "eval/host_counts.h"
#include "eval/netshare.h"
#include "eval/pairs.h"
#include "eval/rules.h"

/* What is measured on one side alone. */
struct portrait {
    struct conversations conversations;
    struct host_counts host_counts;
    struct rule_rates rules;
    struct dependence dependence;
    struct autocorrelation autocorrelation[N_ACF_SERIES];
};

struct comparison {
    struct distribution_distance distributions[N_CODED]; /* NaN where there are no fine classes */
    struct netshare_figures netshare;
    struct pair_distances pairs;
    double js_host_counts;
    struct portrait real, synthetic;
    struct portrait difference; /* |synthetic - real|, number by number */
};

struct comparison comparison_make(const struct side *real, const struct side *synthetic);

/* Mean and deviation (of the sample, n - 1) of each number over the comparisons in which it is a
 * number. */
struct comparison_average {
    struct comparison *items;
    size_t n, capacity;
    struct comparison mean, deviation; /* after comparison_average_finish */
};
void comparison_average_add(struct comparison_average *average, const struct comparison *one);
void comparison_average_finish(struct comparison_average *average);
void comparison_average_release(struct comparison_average *average);

/* Real against real: the floor that a perfect twin would reach. n_halvings random halves of the
 * hosts, compared in the same way. Needs two hosts. STATUS_INTERRUPTED where the user asked to
 * stop. */
enum status comparison_floor(const struct traffic *real, size_t n_halvings, uint64_t seed,
                             struct comparison_average *floor, struct error *err);

/* What a perfect twin would have in a squared distance (JS) at the sizes compared, as a share of
 * the floor. Halves of n hosts have n/2 on each side, and the expectation of a squared distance
 * between two samples of hosts goes with 1/n_a + 1/n_b; the numbers are those of
 * traffic_effective_hosts. */
double comparison_size_factor(double n_real_hosts, double n_synthetic_hosts);

#endif
