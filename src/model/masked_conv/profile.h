/* profile.h - what a host does in the long run: how its flows divide over services and sizes.
 *
 * A host that asks name servers does so all day, though hundreds of scans lie between two of its
 * questions; what the network looks back on forgets it. The profile does not: shares of the host's
 * flows by service (on whose side, protocol, lower port), by what they have in common with the flow
 * before, gap, type of service, flags, packets, bytes and duration; and its most frequent services
 * themselves (services.h), and the values that its flows usually have (usual_values.h). Like the
 * pace (pace.h) it is shown in a part of training, and in drawing, where a host keeps to what a
 * training host did. Likelihoods are those without.
 *
 *     struct host_profile profile;
 *     host_profile_learn(&profile, sequence, &vocabulary);
 *     profile_features(&profile.profile, features);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_PROFILE_H
#define FLOWTWIN_MODEL_MASKED_CONV_PROFILE_H

#include "model/masked_conv/services.h"
#include "model/masked_conv/usual_values.h"
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
    PROFILE_FEATURES = PROFILE_BINS + 1, /* the bins' shares, and how many flows there are */
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
/* features [PROFILE_FEATURES]: shares on a log scale of 0..1; without flows, and of NULL, all are
 * 0. */
void profile_features(const struct profile *profile, real *features);

/* Of one host. */
struct host_profile {
    struct profile profile;
    struct service_lists services;
    struct usual_values usual;
};

/* Of the scored rows of a host. Caller releases. */
void host_profile_learn(struct host_profile *profile, const struct sequence *sequence,
                        const struct vocabulary *vocabulary);
void host_profile_release(struct host_profile *profile);

enum status host_profiles_save(const struct host_profile *profiles, size_t n_hosts,
                               struct hdf5_group *parent, struct error *err);
/* Into room for n_hosts; caller releases each, also after an error. STATUS_FORMAT where the file's
 * are not those of so many, or cannot be. */
enum status host_profiles_load(struct host_profile *profiles, size_t n_hosts,
                               struct hdf5_group *parent, struct error *err);

#endif
