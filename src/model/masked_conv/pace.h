/* pace.h - how many flows a host has in an hour: what a drawing keeps to.
 *
 * What a host does next follows from what it did: in drawing, from what was drawn. Small errors add
 * up there, and a busy host that happens to slow down looks like a quiet one from then on: its
 * rate wanders, and time is spent where it is low. So the network learns what it means that so many
 * flows are still to come in the hour (struct pace), in half of what it is trained on; in drawing
 * the hours of a training host say how many there are to be. Likelihoods are those without: no row
 * is scored with what comes after it.
 *
 *     struct hourly_flows hourly;
 *     hourly_flows_learn(&hourly, train, from, until);
 *     hourly_flows_draw(&hourly, host, hour, seed, stream, flows);   // [2]: out, in
 *     hourly_flows_release(&hourly);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_PACE_H
#define FLOWTWIN_MODEL_MASKED_CONV_PACE_H

#include "data/hdf5_file.h"
#include "data/sequence.h"

#define SECONDS_PER_HOUR INT64_C(3600)
#define HOURS_PER_DAY    24

/* What is still to come in the hour of a host's clock. */
struct pace {
    bool is_known;
    int32_t seconds; /* to its end */
    int32_t left[2]; /* flows, by direction */
    int32_t next;    /* flows of the next hour */
};

/* Flows of training hosts by hour of the day. */
struct hourly_flows {
    size_t n_hosts;
    double *rates;                 /* [n_hosts, HOURS_PER_DAY + 1, 2] flows an hour; the last: the
                                    * mean over all that was observed */
    double seconds[HOURS_PER_DAY]; /* that each hour of the day was observed, over all days */
};

/* Learns from the scored rows of the hosts, observed from `from` until `until` (ms since 1970). */
void hourly_flows_learn(struct hourly_flows *hourly, const struct sequence_set *train, int64_t from,
                        int64_t until);
void hourly_flows_release(struct hourly_flows *hourly);

/* Draws the flows of a host like training host `host` in one hour (s since 1970 / 3600): Poisson
 * numbers around the rates of that hour of the day, or of the whole day where the hour was not
 * observed. The same seed, stream and hour give the same numbers. */
void hourly_flows_draw(const struct hourly_flows *hourly, size_t host, int64_t hour, uint64_t seed,
                       uint64_t stream, int32_t flows[2]);

enum status hourly_flows_save(const struct hourly_flows *hourly, struct hdf5_group *parent,
                              struct error *err);
/* STATUS_FORMAT where the file's are not those of n_hosts hosts. */
enum status hourly_flows_load(struct hourly_flows *hourly, size_t n_hosts,
                              struct hdf5_group *parent, struct error *err);

#endif
