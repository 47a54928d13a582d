/* pace.h - how many flows a host has in an hour: what a drawing keeps to.
 *
 * What a host does next follows from what it did: in drawing, from what was drawn. Small errors add
 * up there, and a busy host that happens to slow down looks like a quiet one from then on: its
 * rate wanders, and time is spent where it is low; and a host that happened to be scanned is one
 * that is scanned from then on. So the network learns what it means that so many flows of each
 * class are still to come in the hour (struct pace), in a part of what it is trained on; in drawing
 * the hours of a training host say how many there are to be. Likelihoods are those without: no row
 * is scored with what comes after it.
 *
 *     struct hourly_flows hourly;
 *     hourly_flows_learn(&hourly, train, true, from, until);
 *     hourly_flows_draw(&hourly, host, hour, seed, stream, &flows);
 *     hourly_flows_release(&hourly);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_PACE_H
#define FLOWTWIN_MODEL_MASKED_CONV_PACE_H

#include "data/hdf5_file.h"
#include "model/conversation.h"
#include "model/masked_conv/services.h"

#define SECONDS_PER_HOUR INT64_C(3600)
#define HOURS_PER_DAY    24

/* Flows are told apart by how they go on what was before (enum link_kind) and by their form:
 * direction and kind of protocol. */
enum { PACE_FORMS = 2 * N_SHARES, PACE_CLASSES = N_LINK_KINDS * PACE_FORMS };
static inline size_t pace_class(enum link_kind kind, const struct row *row)
{
    return (size_t)kind * PACE_FORMS + (size_t)row->value[ATTRIBUTE_DIRECTION] * N_SHARES +
           share_of(row->value[ATTRIBUTE_PROTOCOL]);
}

/* And by depth: the how-manieth a flow is of those that end in the same second, one by one up to
 * the 4th, then up to the 6th, 8th, 12th, 16th, 32nd and 64th, and beyond. */
enum { PACE_DEPTHS = 11, PACE_DEPTH_9 = 6 };
static inline size_t pace_depth(size_t n_before)
{
    return n_before < 4 ? n_before
                        : 4u + (n_before >= 6) + (n_before >= 8) + (n_before >= 12) +
                              (n_before >= 16) + (n_before >= 32) + (n_before >= 64);
}

/* Of a row before which n_in_second rows end at the clock. */
static inline size_t pace_depth_of(const struct row *row, size_t n_in_second)
{
    return pace_depth(row->value[ATTRIBUTE_GAP] == 0 ? n_in_second : 0);
}

/* Flows of an hour. */
struct pace_counts {
    int32_t of_class[PACE_CLASSES];
    int32_t of_depth[PACE_DEPTHS];
};
int64_t pace_flows(const struct pace_counts *counts);
int64_t pace_flows_out(const struct pace_counts *counts);
int64_t pace_flows_of_kind(const struct pace_counts *counts, enum link_kind kind);
int64_t pace_flows_of_form(const struct pace_counts *counts, size_t form);
/* Of depths from .. end - 1. */
int64_t pace_flows_of_depths(const struct pace_counts *counts, size_t from, size_t end);
/* counts += n times the row, before which n_in_second rows end at the clock. */
void pace_add(struct pace_counts *counts, enum link_kind kind, const struct row *row,
              size_t n_in_second, int32_t n);
/* Takes a flow away: of its class, or, where there is none left of it, of that which has most; and
 * of its depth. */
void pace_take(struct pace_counts *counts, enum link_kind kind, const struct row *row,
               size_t n_in_second);
/* What is to come of an hour of which so many seconds are left. */
void pace_shorten(struct pace_counts *counts, int64_t seconds);

/* What is still to come in the hour of a host's clock. */
struct pace {
    bool is_known;
    int32_t seconds; /* to its end */
    struct pace_counts left;
    int32_t next; /* flows of the next hour */
};

enum { PACE_RATES = PACE_CLASSES + PACE_DEPTHS }; /* of the classes, then of the depths */

/* Flows of training hosts by hour of the day. */
struct hourly_flows {
    size_t n_hosts;
    double *rates; /* [n_hosts, HOURS_PER_DAY + 1, PACE_RATES] an hour; the last: the mean over all
                    * that was observed */
    double seconds[HOURS_PER_DAY]; /* that each hour of the day was observed, over all days */
};

/* Learns from the scored rows of the hosts, observed from `from` until `until` (ms since 1970).
 * Without memory every flow is one with a new remote. */
void hourly_flows_learn(struct hourly_flows *hourly, const struct sequence_set *train,
                        bool has_memory, int64_t from, int64_t until);
void hourly_flows_release(struct hourly_flows *hourly);

/* Draws the flows of a host like training host `host` in one hour (s since 1970 / 3600): Poisson
 * numbers around the rates of that hour of the day, or of the whole day where the hour was not
 * observed. The same seed, stream and hour give the same numbers. */
void hourly_flows_draw(const struct hourly_flows *hourly, size_t host, int64_t hour, uint64_t seed,
                       uint64_t stream, struct pace_counts *flows);

enum status hourly_flows_save(const struct hourly_flows *hourly, struct hdf5_group *parent,
                              struct error *err);
/* STATUS_FORMAT where the file's are not those of n_hosts hosts. */
enum status hourly_flows_load(struct hourly_flows *hourly, size_t n_hosts,
                              struct hdf5_group *parent, struct error *err);

#endif
