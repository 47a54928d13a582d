#include "data/host_choice.h"

#include "base/memory.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

/* ---- counting ----------------------------------------------------------------------------- */

void host_counts_release(struct host_counts *counts)
{
    free(counts->hosts);
    free(counts->slots);
    *counts = (struct host_counts){ 0 };
}

/* The slot that has the address or would take it. Fibonacci hashing: Knuth, TAOCP 3, 6.4. */
static size_t find_slot(const struct host_counts *counts, uint32_t address)
{
    size_t slot = (size_t)(address * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (counts->n_slots - 1);
    while (counts->slots[slot] != 0 && counts->hosts[counts->slots[slot] - 1].address != address)
        slot = (slot + 1) & (counts->n_slots - 1);
    return slot;
}

size_t host_counts_find(const struct host_counts *counts, uint32_t address)
{
    uint32_t number = counts->n_slots > 0 ? counts->slots[find_slot(counts, address)] : 0;
    return number > 0 ? number - 1 : counts->n;
}

static void grow_slots(struct host_counts *counts)
{
    counts->n_slots = counts->n_slots > 0 ? 2 * counts->n_slots : 1024;
    free(counts->slots);
    counts->slots = memory_zalloc(counts->n_slots, sizeof *counts->slots);
    for (size_t h = 0; h < counts->n; h++)
        counts->slots[find_slot(counts, counts->hosts[h].address)] = (uint32_t)h + 1;
}

size_t host_counts_index(struct host_counts *counts, uint32_t address)
{
    if (2 * (counts->n + 1) > counts->n_slots)
        grow_slots(counts);
    size_t slot = find_slot(counts, address);
    if (counts->slots[slot] == 0) {
        counts->hosts = memory_grow(counts->hosts, &counts->capacity, counts->n + 1,
                                    sizeof *counts->hosts);
        counts->hosts[counts->n++] = (struct host_count){ .address = address, .is_chosen = true };
        counts->slots[slot] = (uint32_t)counts->n;
    }
    return counts->slots[slot] - 1;
}

void host_counts_add(struct host_counts *counts, const struct address_set *monitored,
                     const struct flow *flow, uint32_t address)
{
    size_t index = host_counts_index(counts, address); /* may move the hosts */
    struct host_count *host = &counts->hosts[index];
    bool is_out = flow->source == address;
    host->n_flows++;
    if (!(is_out ? host->sends : host->receives) &&
        !address_set_has(monitored, is_out ? flow->destination : flow->source))
        *(is_out ? &host->sends : &host->receives) = true;
}

/* ---- choosing ----------------------------------------------------------------------------- */

bool host_choice_is_needed(const struct import_settings *settings)
{
    return settings->type != N_HOST_TYPES || settings->min_flows > 0 || settings->max_flows > 0 ||
           settings->top > 0 || settings->limit_hosts > 0;
}

static bool has_type_and_size(const struct host_count *host, const struct import_settings *settings)
{
    return (settings->type == N_HOST_TYPES ||
            (int)host_type_of(host->sends, host->receives) == settings->type) &&
           host->n_flows >= (uint64_t)settings->min_flows &&
           (settings->max_flows == 0 || host->n_flows <= (uint64_t)settings->max_flows);
}

/* Most flows first, then by address. */
static int compare_sizes(const void *a, const void *b)
{
    const struct host_count *x = *(struct host_count *const *)a;
    const struct host_count *y = *(struct host_count *const *)b;
    if (x->n_flows != y->n_flows)
        return x->n_flows > y->n_flows ? -1 : 1;
    return (x->address > y->address) - (x->address < y->address);
}

enum status host_counts_choose(struct host_counts *counts, const struct import_settings *settings,
                               struct error *err)
{
    struct host_count **order = memory_alloc(counts->n, sizeof *order);
    size_t n = 0;
    for (size_t h = 0; h < counts->n; h++) {
        counts->hosts[h].is_chosen = false;
        if (has_type_and_size(&counts->hosts[h], settings))
            order[n++] = &counts->hosts[h];
    }
    qsort(order, n, sizeof *order, compare_sizes);
    if (settings->top > 0 && (uint64_t)settings->top < n)
        n = (size_t)settings->top;
    size_t first = 0;
    if (settings->limit_hosts > 0) {
        /* Between the quartiles. */
        first = n / 4;
        n -= first;
        size_t n_middle = n - first, n_drawn = 0;
        struct rng rng = rng_stream((uint64_t)settings->seed, RNG_CHOOSE_HOSTS, 0, 0);
        for (; n_drawn < n_middle && n_drawn < (uint64_t)settings->limit_hosts; n_drawn++) {
            size_t drawn = first + n_drawn + (size_t)rng_below(&rng, n_middle - n_drawn);
            struct host_count *host = order[drawn];
            order[drawn] = order[first + n_drawn];
            order[first + n_drawn] = host;
        }
        n = first + n_drawn;
    }
    for (size_t i = first; i < n; i++)
        order[i]->is_chosen = true;
    free(order);
    RETURN_IF(n == first, err, STATUS_FORMAT,
              "of %zu hosts with flows none is left by --type, --min-flows and --max-flows",
              counts->n);
    return STATUS_OK;
}

/* ---- suggesting --------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The prefix of that length that most flows have on a side, and how many have. */
static size_t most_frequent_prefix(const struct flow *flows, size_t n, int length, uint32_t *prefix)
{
    uint32_t *seen = memory_alloc(2 * n, sizeof *seen);
    size_t n_seen = 0, most = 0;
    uint32_t mask = UINT32_MAX << (32 - length);
    for (size_t i = 0; i < n; i++) {
        seen[n_seen++] = flows[i].source & mask;
        if (((flows[i].source ^ flows[i].destination) & mask) != 0)
            seen[n_seen++] = flows[i].destination & mask;
    }
    qsort(seen, n_seen, sizeof *seen, compare_numbers);
    for (size_t i = 0, run = 0; i < n_seen; i++) {
        run = i > 0 && seen[i] == seen[i - 1] ? run + 1 : 1;
        if (run > most) {
            most = run;
            *prefix = seen[i];
        }
    }
    free(seen);
    return most;
}

void suggest_prefix(const struct flow *flows, size_t n, uint32_t *prefix, int *length,
                    double *share)
{
    const double nearly_all = 0.95;
    for (*length = 24; *length >= 8; *length -= 8) {
        *share = (double)most_frequent_prefix(flows, n, *length, prefix) / (double)n;
        if (*share >= nearly_all)
            return;
    }
    *length = 16;
    *share = (double)most_frequent_prefix(flows, n, *length, prefix) / (double)n;
}
