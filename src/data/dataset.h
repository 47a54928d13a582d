/* dataset.h - the flows of the monitored hosts, host by host, in memory.
 *
 * A host's flows stand together, by end time, ties in the order of the input. A flow between two
 * monitored hosts belongs to the lower address, so that both directions of a conversation stand in
 * one sequence. Hosts are sorted by address. Datasets come from import (src/data/import.h) or from
 * a file (src/data/hdf5_dataset.h).
 *
 *     for (size_t h = 0; h < data->n_hosts; h++) {
 *         const struct flow *flows = data->flows + data->hosts[h].first;
 *         for (size_t i = 0; i < data->hosts[h].n_flows; i++) ...
 *     }
 */
#ifndef FLOWTWIN_DATA_DATASET_H
#define FLOWTWIN_DATA_DATASET_H

#include "base/error.h"
#include "data/address_set.h"
#include "data/flow.h"

/* By its flows with addresses that are not monitored; internal: it has none. */
enum host_type {
    HOST_BOTH,     /* sends and receives */
    HOST_SENDS,    /* only sends */
    HOST_RECEIVES, /* only receives */
    HOST_INTERNAL, /* only talks with monitored hosts */
    N_HOST_TYPES,
};
/* "both", "sends", "receives", "internal", NULL: choices of an option. */
extern const char *const host_type_names[];
enum host_type host_type_of(bool sends, bool receives);

struct host {
    uint32_t address;
    enum host_type type;
    size_t first; /* of its flows in dataset.flows */
    size_t n_flows;
};

struct dataset {
    char *source; /* where the flows came from, for messages */
    struct flow *flows;
    size_t n_flows;
    struct host *hosts;
    size_t n_hosts;
    struct label_list labels;
    struct address_set monitored; /* what was asked for, not only what was found */
    uint32_t attributes;          /* bit per enum attribute (coding.h) that the format has */
    int64_t start;                /* ms: the midnight before the first flow */
    int64_t end;                  /* ms: the second after the last flow */
    /* What became of the rows of the input: read = kept + refused + not of a chosen host. */
    uint64_t n_rows_read, n_rows_refused, n_rows_elsewhere;
};

void dataset_free(struct dataset *data);

/* The host that a flow belongs to: the monitored side, the lower of two. False where neither is. */
bool dataset_flow_host(const struct address_set *monitored, const struct flow *flow,
                       uint32_t *address);

/* Takes flows in any order, with the host of each, and makes the dataset of them: hosts by
 * address, each one's flows by end time, ties kept in order. owners[n_flows] are indices into
 * addresses[n_addresses], which are distinct and in any order; those without a flow are dropped.
 * Takes ownership of flows, owners and addresses; labels and monitored are moved. n_flows > 0.
 * Caller frees with dataset_free. */
struct dataset *dataset_create(const char *source, struct flow *flows, uint32_t *owners,
                               size_t n_flows, uint32_t *addresses, size_t n_addresses,
                               struct label_list labels, struct address_set monitored);

/* The host of that address, or NULL. */
const struct host *dataset_find_host(const struct dataset *data, uint32_t address);

#endif
