#include "data/dataset.h"

#include "base/memory.h"
#include "base/threads.h"
#include "data/calendar.h"
#include "data/coding.h"

#include <stdlib.h>
#include <string.h>

const char *const host_type_names[] = { "both", "sends", "receives", "internal", NULL };

enum host_type host_type_of(bool sends, bool receives)
{
    if (sends && receives)
        return HOST_BOTH;
    if (sends)
        return HOST_SENDS;
    return receives ? HOST_RECEIVES : HOST_INTERNAL;
}

void dataset_free(struct dataset *data)
{
    if (data == NULL)
        return;
    free(data->source);
    free(data->flows);
    free(data->hosts);
    label_list_release(&data->labels);
    address_set_release(&data->monitored);
    free(data);
}

bool dataset_flow_host(const struct address_set *monitored, const struct flow *flow,
                       uint32_t *address)
{
    bool has_source = address_set_has(monitored, flow->source);
    bool has_destination = address_set_has(monitored, flow->destination);
    if (has_source && has_destination)
        *address = flow->source < flow->destination ? flow->source : flow->destination;
    else
        *address = has_source ? flow->source : flow->destination;
    return has_source || has_destination;
}

const struct host *dataset_find_host(const struct dataset *data, uint32_t address)
{
    size_t low = 0, high = data->n_hosts;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (data->hosts[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < data->n_hosts && data->hosts[low].address == address ? &data->hosts[low] : NULL;
}

/* ---- building ----------------------------------------------------------------------------- */

/* So many at once are worth a call to the system. */
#define FLOWS_GIVEN_BACK 65536

struct numbered_address {
    uint32_t address;
    uint32_t number;
};

static int compare_addresses(const void *a, const void *b)
{
    const struct numbered_address *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

/* The hosts that have flows, by address, with first and n_flows; rank[owner] is the host's index.
 */
static void count_hosts(struct dataset *data, const uint32_t *owners, const uint32_t *addresses,
                        size_t n_addresses, uint32_t *rank)
{
    size_t *n_flows = memory_zalloc(n_addresses, sizeof *n_flows);
    for (size_t i = 0; i < data->n_flows; i++)
        n_flows[owners[i]]++;
    struct numbered_address *order = memory_alloc(n_addresses, sizeof *order);
    for (size_t a = 0; a < n_addresses; a++)
        order[a] = (struct numbered_address){ addresses[a], (uint32_t)a };
    qsort(order, n_addresses, sizeof *order, compare_addresses);

    data->hosts = memory_alloc(n_addresses, sizeof *data->hosts);
    size_t first = 0;
    for (size_t a = 0; a < n_addresses; a++) {
        uint32_t owner = order[a].number;
        if (n_flows[owner] == 0)
            continue;
        rank[owner] = (uint32_t)data->n_hosts;
        data->hosts[data->n_hosts++] = (struct host){ .address = order[a].address,
                                                      .first = first,
                                                      .n_flows = n_flows[owner] };
        first += n_flows[owner];
    }
    free(order);
    free(n_flows);
}

/* The flows in the order of their hosts, those of one host in the order in which they came; frees
 * `flows`. They go from the last to the first, so that what has been moved can be given back on the
 * way and is not in memory twice. Threads share the hosts. */
static struct flow *move_to_hosts(const struct dataset *data, struct flow *flows,
                                  const uint32_t *owners, const uint32_t *rank)
{
    struct flow *moved = memory_alloc(data->n_flows, sizeof *moved);
    size_t *after = memory_alloc(data->n_hosts, sizeof *after); /* the place that was filled last */
    uint16_t *share_of = memory_alloc(data->n_hosts, sizeof *share_of);
    int n_shares = threads_count();
    for (size_t h = 0; h < data->n_hosts; h++) {
        const struct host *host = &data->hosts[h];
        after[h] = host->first + host->n_flows;
        double middle = (double)host->first + 0.5 * (double)host->n_flows;
        share_of[h] = (uint16_t)(middle / (double)data->n_flows * n_shares);
    }
    for (size_t begin, end = data->n_flows; end > 0; end = begin) {
        begin = end > FLOWS_GIVEN_BACK ? end - FLOWS_GIVEN_BACK : 0;
#pragma omp parallel for schedule(static)
        for (int share = 0; share < n_shares; share++) {
            for (size_t i = end; i-- > begin;) {
                uint32_t h = rank[owners[i]];
                if (share_of[h] == share)
                    moved[--after[h]] = flows[i];
            }
        }
        if (begin > 0)
            flows = memory_resize(flows, begin, sizeof *flows);
    }
    free(flows);
    free(share_of);
    free(after);
    return moved;
}

/* Merges two sorted halves. */
static void merge_halves(struct flow *flows, size_t half, size_t n, struct flow *spare)
{
    memcpy(spare, flows, half * sizeof *flows);
    for (size_t i = 0, j = half, out = 0; i < half; out++) {
        bool takes_right = j < n && flows[j].end < spare[i].end;
        flows[out] = takes_right ? flows[j++] : spare[i++];
    }
}

static bool is_in_order(const struct flow *flows, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (flows[i - 1].end > flows[i].end)
            return false;
    return true;
}

static void sort_with_spare(struct flow *flows, size_t n, struct flow *spare)
{
    if (is_in_order(flows, n))
        return;
    size_t half = n / 2;
    sort_with_spare(flows, half, spare);
    sort_with_spare(flows + half, n - half, spare);
    merge_halves(flows, half, n, spare);
}

/* Stable merge sort by end time; input files are nearly always in order already. */
static void sort_by_end(struct flow *flows, size_t n)
{
    if (is_in_order(flows, n))
        return;
    struct flow *spare = memory_alloc(n / 2, sizeof *spare);
    sort_with_spare(flows, n, spare);
    free(spare);
}

static enum host_type type_of_host(const struct dataset *data, const struct host *host)
{
    bool sends = false, receives = false;
    for (size_t i = host->first; i < host->first + host->n_flows && !(sends && receives); i++) {
        const struct flow *flow = &data->flows[i];
        bool is_out = flow->source == host->address;
        if (!address_set_has(&data->monitored, is_out ? flow->destination : flow->source)) {
            sends |= is_out;
            receives |= !is_out;
        }
    }
    return host_type_of(sends, receives);
}

struct dataset *dataset_create(const char *source, struct flow *flows, uint32_t *owners,
                               size_t n_flows, uint32_t *addresses, size_t n_addresses,
                               struct label_list labels, struct address_set monitored)
{
    struct dataset *data = memory_zalloc(1, sizeof *data);
    data->source = memory_strdup(source);
    data->n_flows = n_flows;
    data->labels = labels;
    data->monitored = monitored;
    data->attributes = ATTRIBUTES_ALL;
    uint32_t *rank = memory_alloc(n_addresses, sizeof *rank);
    count_hosts(data, owners, addresses, n_addresses, rank);
    free(addresses);

    data->flows = move_to_hosts(data, flows, owners, rank);
    free(rank);
    free(owners);

    int64_t earliest = INT64_MAX, latest = INT64_MIN;
#pragma omp parallel for schedule(dynamic) reduction(min : earliest) reduction(max : latest)
    for (size_t h = 0; h < data->n_hosts; h++) {
        struct host *host = &data->hosts[h];
        struct flow *own = data->flows + host->first;
        sort_by_end(own, host->n_flows);
        host->type = type_of_host(data, host);
        earliest = own[0].end < earliest ? own[0].end : earliest;
        latest = own[host->n_flows - 1].end > latest ? own[host->n_flows - 1].end : latest;
    }
    data->start = calendar_midnight(earliest);
    data->end = latest + MS_PER_SECOND;
    return data;
}
