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
 *     hourly_flows_init(&hourly, n_hosts, from, until);
 *     hourly_flows_learn(&hourly, host, sequence, services, true);
 *     hourly_flows_draw(&hourly, host, hour, seed, stream, &flows);
 *     hourly_flows_release(&hourly);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_PACE_H
#define FLOWTWIN_MODEL_MASKED_CONV_PACE_H

#include "base/rng.h"
#include "data/bins.h"
#include "data/hdf5_file.h"
#include "model/conversation.h"
#include "model/masked_conv/services.h"

#define HOURS_PER_DAY 24

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

/* And by turn: how often their conversation or remote has had a turn in the hour, by octaves. */
enum { PACE_TURNS = 12 };
static inline size_t pace_turn(uint32_t n_in_hour)
{
    return bins_octave(n_in_hour, PACE_TURNS);
}

/* And by the gap before them, by octaves, for each kind of link that the flow before had. */
enum { PACE_GAPS = 12, PACE_GAPS_OF_KINDS = N_LINK_KINDS * PACE_GAPS };
static inline size_t pace_gap(int64_t gap)
{
    return bins_octave(gap, PACE_GAPS);
}

/* And by how they go on from the flow before: its kind of link, the gap (0 s, 1 or 2, more), and
 * their own kind. */
enum { PACE_PAUSES = 3, PACE_STATES = N_LINK_KINDS * PACE_PAUSES };
static inline size_t pace_state(enum link_kind before, int64_t gap)
{
    return (size_t)before * PACE_PAUSES + (gap > 0) + (gap > 2);
}

/* Services and turns are told apart by kind of link. */
enum {
    PACE_SERVICES = N_LINK_KINDS * SERVICE_SLOTS,
    PACE_TURNS_OF_KINDS = N_LINK_KINDS * PACE_TURNS,
    PACE_COUNTS = PACE_CLASSES + PACE_DEPTHS + PACE_SERVICES + PACE_TURNS_OF_KINDS +
                  PACE_GAPS_OF_KINDS + PACE_STATES * N_LINK_KINDS,
};

/* Flows of an hour: how many of each class, of each depth, .. */
struct pace_counts {
    union {
        struct {
            int32_t of_class[PACE_CLASSES];
            int32_t of_depth[PACE_DEPTHS];
            int32_t of_service[PACE_SERVICES];
            int32_t of_turn[PACE_TURNS_OF_KINDS];
            int32_t of_gap[PACE_GAPS_OF_KINDS];
            int32_t of_step[PACE_STATES * N_LINK_KINDS];
        };
        int32_t all[PACE_COUNTS];
    };
};

/* Where a flow counts. */
struct pace_mark {
    uint8_t class, depth, service, turn, gap, step;
};
static inline uint8_t pace_slot(struct pace_mark mark) /* service_slot of its row */
{
    return mark.service % SERVICE_SLOTS;
}
struct pace_facts {
    const struct row *row;
    enum link_kind kind, before; /* of its link, and of that of the row before; LINK_NEW for none */
    size_t n_in_second;          /* rows before it that end at the clock */
    uint32_t n_in_hour; /* flows before it of its conversation, or with its remote where the link is
                         * to that, that end in its hour */
};
/* services: of the host, or NULL. */
struct pace_mark pace_mark(const struct pace_facts *facts, const struct service_lists *services);
int64_t pace_flows(const struct pace_counts *counts);
int64_t pace_flows_out(const struct pace_counts *counts);
int64_t pace_flows_of_kind(const struct pace_counts *counts, enum link_kind kind);
int64_t pace_flows_of_form(const struct pace_counts *counts, size_t form);
/* Of depths from .. end - 1. */
int64_t pace_flows_of_depths(const struct pace_counts *counts, size_t from, size_t end);
/* counts += n times the flow; += n times others. */
void pace_add(struct pace_counts *counts, struct pace_mark mark, int32_t n);
void pace_add_counts(struct pace_counts *counts, const struct pace_counts *others, int32_t n);
/* Takes a flow away: of its class, service, turn, gap and step, or, where there is none left of
 * that, of the one that has most; and of its depth. */
void pace_take(struct pace_counts *counts, struct pace_mark mark);
/* What is to come of an hour of which so many seconds are left. */
void pace_shorten(struct pace_counts *counts, int64_t seconds);

/* A host that is drawn has as many flows as are to come, but of what kinds they are it does not
 * quite keep to. So training takes an hour's counts for Poisson numbers around them, each by
 * itself, so that the network learns how far to trust them: error becomes by how much such numbers
 * miss, and what is left of the hour is as if there had been so many; but the flows of all classes
 * together stay as many as there are. */
void pace_draw_error(const struct pace_counts *of_hour, struct rng *rng, struct pace_counts *error);
void pace_blur(struct pace_counts *left, const struct pace_counts *error);

/* What is still to come in the hour of a host's clock. */
struct pace {
    int32_t seconds; /* to its end */
    struct pace_counts left;
    int32_t next;           /* flows of the next hour */
    bool is_next_hour;      /* whether the row ends in another hour */
    struct pace_counts due; /* what is to come in the hour in which it ends, itself included */
};

/* Flows of training hosts by hour of the day. */
struct hourly_flows {
    size_t n_hosts;
    double *rates; /* [n_hosts, HOURS_PER_DAY + 1, PACE_COUNTS] an hour; the last: the mean over all
                    * that was observed */
    double seconds[HOURS_PER_DAY]; /* that each hour of the day was observed, over all days */
};

/* Room for hosts that were observed from `from` until `until` (ms since 1970), and what one of them
 * did: the scored rows of its sequence, with the services of its profile. Without memory every flow
 * is one with a new remote. */
void hourly_flows_init(struct hourly_flows *hourly, size_t n_hosts, int64_t from, int64_t until);
void hourly_flows_learn(struct hourly_flows *hourly, size_t host, const struct sequence *sequence,
                        const struct service_lists *services, bool has_memory);
void hourly_flows_release(struct hourly_flows *hourly);

/* Draws the flows of a host like training host `host` in one hour (s since 1970 / 3600): the rates
 * of that hour of the day, or of the whole day where the hour was not observed, times one number
 * that deviates as much as a Poisson number of all flows does, and rounded by one other; so what
 * belongs together comes together. The same seed, stream and hour give the same numbers. */
void hourly_flows_draw(const struct hourly_flows *hourly, size_t host, int64_t hour, uint64_t seed,
                       uint64_t stream, struct pace_counts *flows);

/* How many flows that draws in all. */
int64_t hourly_flows_of_hour(const struct hourly_flows *hourly, size_t host, int64_t hour,
                             uint64_t seed, uint64_t stream);

enum status hourly_flows_save(const struct hourly_flows *hourly, struct hdf5_group *parent,
                              struct error *err);
/* STATUS_FORMAT where the file's are not those of n_hosts hosts. */
enum status hourly_flows_load(struct hourly_flows *hourly, size_t n_hosts,
                              struct hdf5_group *parent, struct error *err);

#endif
