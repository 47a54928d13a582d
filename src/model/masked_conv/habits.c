#include "model/masked_conv/habits.h"

#include "base/memory.h"

#include <stdlib.h>

void habits_learn(struct habits *habits, const struct sequence_set *train,
                  const struct vocabulary *vocabulary, bool has_memory, int64_t from, int64_t until)
{
    hourly_flows_init(&habits->hourly, train->n, from, until);
    habits->profiles = memory_zalloc(train->n, sizeof *habits->profiles);
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t s = 0; s < train->n; s++) {
        const struct sequence *sequence = &train->items[s];
        host_profile_learn(&habits->profiles[s], sequence, vocabulary);
        hourly_flows_learn(&habits->hourly, s, sequence, &habits->profiles[s].services, has_memory);
    }
}

void habits_release(struct habits *habits)
{
    size_t n_hosts = habits->profiles != NULL ? habits->hourly.n_hosts : 0;
    hourly_flows_release(&habits->hourly);
    for (size_t h = 0; h < n_hosts; h++)
        host_profile_release(&habits->profiles[h]);
    free(habits->profiles);
    habits->profiles = NULL;
}

enum status habits_save(const struct habits *habits, struct hdf5_group *parent, struct error *err)
{
    FORWARD(hourly_flows_save(&habits->hourly, parent, err));
    return host_profiles_save(habits->profiles, habits->hourly.n_hosts, parent, err);
}

enum status habits_load(struct habits *habits, size_t n_hosts, struct hdf5_group *parent,
                        struct error *err)
{
    *habits = (struct habits){ .profiles = memory_zalloc(n_hosts, sizeof *habits->profiles) };
    FORWARD(hourly_flows_load(&habits->hourly, n_hosts, parent, err));
    return host_profiles_load(habits->profiles, n_hosts, parent, err);
}
