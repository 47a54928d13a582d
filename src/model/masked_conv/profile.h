/* profile.h - what a host does in the long run: how its flows divide over services and sizes.
 *
 * A host that asks name servers does so all day, though hundreds of scans lie between two of its
 * questions; what the network looks back on forgets it. The profile does not: shares of the host's
 * flows by service (on whose side, protocol, lower port), type of service, flags, packets, bytes
 * and duration. In likelihoods a row sees that of the slots before its own. In drawing, and in the
 * part of training that shows what comes (pace.h), it is that of all that was observed of the host:
 * a drawn host keeps to what a training host did. The services themselves are in services.h.
 *
 *     struct profile_log *log = profile_log_create(&vocabulary);
 *     for (each row) {
 *         profile_features(profile_log_profile(log), false, features);   // of the slots before
 *         profile_log_note(log, row, slot_after);
 *     }
 *     profile_log_free(log);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_PROFILE_H
#define FLOWTWIN_MODEL_MASKED_CONV_PROFILE_H

#include "model/masked_conv/services.h"
#include "model/masked_conv/vocabulary.h"
#include "nn/tensor.h"

/* The ways to divide flows, and into how many bins. */
enum profile_group {
    PROFILE_GAP,
    PROFILE_STEP, /* what it has in common with the row before */
    PROFILE_SERVICE,
    PROFILE_TOS,
    PROFILE_FLAGS,
    PROFILE_PACKETS,
    PROFILE_BYTES,
    PROFILE_DURATION,
    PROFILE_GROUPS,
};
enum {
    PROFILE_GAP_BINS = 16,
    PROFILE_STEP_BINS = 7,
    /* The vocabulary's services, then others by side, protocol and whether the port is low. */
    PROFILE_SERVICE_BINS = SERVICES_MAX + 12,
    PROFILE_TOS_BINS = 64,
    PROFILE_FLAGS_BINS = 64,
    PROFILE_PACKETS_BINS = 12, /* octaves */
    PROFILE_BYTES_BINS = 20,
    PROFILE_DURATION_BINS = 20,
    PROFILE_BINS = PROFILE_GAP_BINS + PROFILE_STEP_BINS + PROFILE_SERVICE_BINS + PROFILE_TOS_BINS +
                   PROFILE_FLAGS_BINS + PROFILE_PACKETS_BINS + PROFILE_BYTES_BINS +
                   PROFILE_DURATION_BINS,
    /* The bins' shares, how many flows there are, and whether what comes is among them. */
    PROFILE_FEATURES = PROFILE_BINS + 2,
};

/* Flows by bin. */
struct profile {
    uint32_t n_flows;
    uint32_t counts[PROFILE_BINS];
};

/* The bins of a row, one of each group. previous: the host's row before, NULL for the first. */
void profile_bins(const struct vocabulary *vocabulary, const struct row *previous,
                  const struct row *row, uint16_t bins[PROFILE_GROUPS]);
void profile_note(struct profile *profile, const uint16_t bins[PROFILE_GROUPS]);
/* features [PROFILE_FEATURES]: shares on a log scale of 0..1. */
void profile_features(const struct profile *profile, bool is_ahead, real *features);

/* What is kept of a training host, for drawing. */
struct host_profile {
    struct profile profile;
    struct service_lists services;
};

/* Of the scored rows of a host. */
void host_profile_learn(struct host_profile *profile, const struct sequence *sequence,
                        const struct vocabulary *vocabulary);

enum status host_profiles_save(const struct host_profile *profiles, size_t n_hosts,
                               struct hdf5_group *parent, struct error *err);
/* Into room for n_hosts. STATUS_FORMAT where the file's are not those of so many, or cannot be. */
enum status host_profiles_load(struct host_profile *profiles, size_t n_hosts,
                               struct hdf5_group *parent, struct error *err);

/* The profile of one host as it goes: in each slot (windows.h) that of the slots before. */
struct profile_log;
/* vocabulary: borrowed. Caller frees with profile_log_free. */
struct profile_log *profile_log_create(const struct vocabulary *vocabulary);
void profile_log_free(struct profile_log *log);
/* Notes a row that ended in a slot; slots do not go back. */
void profile_log_note(struct profile_log *log, const struct row *row, int64_t slot);
/* Of the slots before the last noted row's; borrowed until the next is noted. */
const struct profile *profile_log_profile(const struct profile_log *log);
const struct service_lists *profile_log_services(const struct profile_log *log);

/* The same for a whole sequence at once. */
struct profile_series;
struct profile_series *profile_series_create(const struct sequence *sequence,
                                             const struct vocabulary *vocabulary);
void profile_series_free(struct profile_series *series);
/* Adds the flows of the slots from .. until - 1. */
void profile_series_add(const struct profile_series *series, int64_t from, int64_t until,
                        struct profile *profile);
/* Of the slots before one. */
const struct service_lists *profile_series_services(const struct profile_series *series,
                                                    int64_t slot);
/* Of all rows. */
const struct host_profile *profile_series_whole(const struct profile_series *series);

#endif
