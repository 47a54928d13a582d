/* profile.h - what the plots of one side show: histograms, hours of the day, ranks.
 *
 * All profiles have the same classes and hours, so that sides are drawn over each other. Times are
 * those of the flows' ends.
 *
 *     struct profile *profile = profile_create(traffic);
 *     plot(profile_edges(), profile->counts[PROFILE_BYTES].shares, PROFILE_CLASSES);
 *     plot(profile->remotes.x, profile->remotes.y, profile->remotes.n);
 *     profile_free(profile);
 */
#ifndef FLOWTWIN_EVAL_PROFILE_H
#define FLOWTWIN_EVAL_PROFILE_H

#include "eval/traffic.h"

#include <jansson.h>

/* Classes of counts: 0, 1, 2, ... one by one, and from 6 on each a fifth wider than the last; the
 * last takes what lies above. */
#define PROFILE_CLASSES 160
/* The first value of each class, and after them the one after the last: PROFILE_CLASSES + 1. */
const double *profile_edges(void);

enum { PROFILE_GAP, PROFILE_PACKETS, PROFILE_BYTES, PROFILE_DURATION, N_PROFILE_COUNTS };
extern const enum attribute profile_attributes[N_PROFILE_COUNTS];

/* Quantiles of a count: */
#define N_QUANTILES 7
extern const double profile_quantiles[N_QUANTILES]; /* 0.05 .. 0.99 */
enum { QUANTILE_5, QUANTILE_10, QUANTILE_25, QUANTILE_50, QUANTILE_75, QUANTILE_90, QUANTILE_99 };

struct profile_count {
    double shares[PROFILE_CLASSES]; /* of flows */
    double zero;                    /* share of flows in which it is 0 */
    double mean, lowest, highest;
    double quantiles[N_QUANTILES];
};

/* A curve of up to CURVE_POINTS points; longer ones are thinned evenly on the log scale of x. */
#define CURVE_POINTS 160
struct curve {
    double x[CURVE_POINTS], y[CURVE_POINTS];
    size_t n;
    double length; /* of the whole: how many hosts, ports, remotes, conversations */
};

struct profile {
    size_t n_flows, n_hosts;
    double n_hours; /* clock hours from the first flow's to the last one's */
    /* Mean per host and clock hour; NaN for hours of the day that the time does not touch. */
    double flows_by_hour[N_HOURS], bytes_by_hour[N_HOURS];
    struct profile_count counts[N_PROFILE_COUNTS];
    /* Bytes of a flow by the hour of the day; NaN in hours without flows. */
    double bytes_shares[N_HOURS][PROFILE_CLASSES];
    double bytes_quantiles[N_QUANTILES][N_HOURS];
    double protocols[256]; /* share of flows */
    double out;            /* share of flows that the host sends */
    /* Rank (from 1), largest first: */
    struct curve host_flows, host_bytes, host_remotes; /* their number */
    struct curve local_ports, remote_ports, remotes;   /* share of flows */
    struct curve conversations; /* x flows or more: share of the conversations */
};

/* Caller frees. */
struct profile *profile_create(const struct traffic *traffic);
void profile_free(struct profile *profile);

/* Caller frees with json_decref. docs/report.md lists the keys. */
json_t *profile_json(const struct profile *profile);

#endif
