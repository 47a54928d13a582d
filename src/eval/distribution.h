/* distribution.h - how far the values of one attribute are apart on two sides: over the whole time,
 * and hour by hour of the day.
 *
 * The hour is that of the flow's end. Hours are compared on the same classes as the whole. The mean
 * over hours is that over the hours in which the real side has flows; where the synthetic side has
 * none in such an hour, the hour counts with the most there is (JS: ln 2), so that silence is no
 * way to come closer.
 */
#ifndef FLOWTWIN_EVAL_DISTRIBUTION_H
#define FLOWTWIN_EVAL_DISTRIBUTION_H

#include "eval/classes.h"

/* Doubles only: comparisons are averaged number by number (comparison.h). */
struct distribution_distance {
    double js, kl; /* nats; kl of the real side from the synthetic one */
    double js_hourly_mean, kl_hourly_mean;
    double js_by_hour[N_HOURS], kl_by_hour[N_HOURS]; /* NaN in hours without real flows */
};

/* Of an attribute with fine classes. */
struct distribution_distance distribution_compare(const struct side *real,
                                                  const struct side *synthetic,
                                                  enum attribute attribute);

#endif
