/* habits.h - what a model keeps of its training hosts, for drawn hosts to keep to: their flows by
 * hour of the day (pace.h), and how these divide over services and sizes (profile.h).
 *
 *     struct habits habits;
 *     habits_learn(&habits, train, &vocabulary, true, from, until);
 *     ... habits.hourly, habits.profiles[host] ...
 *     habits_release(&habits);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_HABITS_H
#define FLOWTWIN_MODEL_MASKED_CONV_HABITS_H

#include "model/masked_conv/pace.h"
#include "model/masked_conv/profile.h"

struct habits {
    struct hourly_flows hourly;
    struct host_profile *profiles; /* [hourly.n_hosts] */
};

/* Learns from the scored rows of the hosts, observed from `from` until `until` (ms since 1970). */
void habits_learn(struct habits *habits, const struct sequence_set *train,
                  const struct vocabulary *vocabulary, bool has_memory, int64_t from,
                  int64_t until);
void habits_release(struct habits *habits);

enum status habits_save(const struct habits *habits, struct hdf5_group *parent, struct error *err);
/* STATUS_FORMAT where the file's are not those of n_hosts hosts. */
enum status habits_load(struct habits *habits, size_t n_hosts, struct hdf5_group *parent,
                        struct error *err);

#endif
