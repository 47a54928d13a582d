/* host_counts.h - how many flows a host has in a day, and how that is spread over hosts.
 *
 * A count is that of one host in one calendar day; days are those that the side's flows touch, from
 * the first to the last, so that a host that has no flow in one of them counts with 0. Counts are
 * sorted into octaves: 0, 1, 2..3, 4..7, ... A network has few hosts, so that finer classes would
 * hold one each.
 */
#ifndef FLOWTWIN_EVAL_HOST_COUNTS_H
#define FLOWTWIN_EVAL_HOST_COUNTS_H

#include "eval/traffic.h"

/* The last one takes all counts from 2^(HOST_COUNT_CLASSES - 2) on. */
#define HOST_COUNT_CLASSES 28

/* Doubles only; see comparison.h. */
struct host_counts {
    double mean;                       /* flows of a host in a day */
    double shares[HOST_COUNT_CLASSES]; /* of the counts */
};

struct host_counts host_counts_measure(const struct traffic *traffic);

/* Jensen-Shannon divergence of the two sides' counts, nats. */
double host_counts_compare(const struct host_counts *real, const struct host_counts *synthetic);

#endif
