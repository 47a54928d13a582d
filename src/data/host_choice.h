/* host_choice.h - which of the hosts that were found are taken, by what their flows are like.
 *
 *     struct host_counts counts = { 0 };
 *     for each flow: host_counts_add(&counts, &monitored, &flow, host);
 *     FORWARD(host_counts_choose(&counts, &choice, err));
 *     size_t h = host_counts_find(&counts, host);
 *     if (h < counts.n && counts.hosts[h].is_chosen) ...
 *     host_counts_release(&counts);
 */
#ifndef FLOWTWIN_DATA_HOST_CHOICE_H
#define FLOWTWIN_DATA_HOST_CHOICE_H

#include "data/import.h"

struct host_count {
    uint32_t address;
    bool sends, receives; /* with addresses that are not monitored */
    bool is_chosen;
    uint64_t n_flows;
};

/* Hosts in the order in which they were found, and a hash table of them. Starts as zeros. */
struct host_counts {
    struct host_count *hosts;
    size_t n, capacity;
    uint32_t *slots; /* index + 1 in hosts, 0 for an empty one; open addressing */
    size_t n_slots;  /* a power of two, more than half of them empty */
};

void host_counts_release(struct host_counts *counts);

/* The index of a host; n where it is not there. */
size_t host_counts_find(const struct host_counts *counts, uint32_t address);
/* The index of a host, which is added where it is new: chosen, and without flows. */
size_t host_counts_index(struct host_counts *counts, uint32_t address);
/* Counts a flow of that host. */
void host_counts_add(struct host_counts *counts, const struct address_set *monitored,
                     const struct flow *flow, uint32_t address);

/* Whether these settings leave hosts out by what their flows are like. */
bool host_choice_is_needed(const struct import_settings *settings);
/* Chooses: first by type and number of flows; of those the `top` with most flows, lower addresses
 * first where they are equal; of those `limit_hosts` drawn with the seed from the middle half by
 * number of flows. STATUS_FORMAT where none is left. */
enum status host_counts_choose(struct host_counts *counts, const struct import_settings *settings,
                               struct error *err);

/* The prefix of 8, 16 or 24 bits that looks like the monitored network: the longest one that has
 * nearly all of these flows on one side or both, and the share of them, 0..1. n > 0. */
void suggest_prefix(const struct flow *flows, size_t n, uint32_t *prefix, int *length,
                    double *share);

#endif
