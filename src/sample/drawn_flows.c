#include "sample/drawn_flows.h"

#include "base/error.h"
#include "base/memory.h"
#include "data/text_order.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_FLOWS = 128, SLAB_CHUNKS = 256 };

struct chunk {
    struct chunk *next;
    size_t n;
    struct drawn_flow flows[CHUNK_FLOWS];
};

/* Chunks are asked for in slabs. */
struct slab {
    struct slab *next;
    struct chunk chunks[SLAB_CHUNKS];
};

struct bucket {
    struct chunk *first, *last;
    size_t n;
};

struct drawn_flows {
    struct bucket buckets[DRAWN_WINDOWS];
    bool in_text_order;
    size_t n; /* in all */
    struct chunk *unused;
    struct slab *slabs;

    /* Scratch of drawn_flows_order: */
    const struct drawn_flow **by_host, **order;
    size_t by_host_capacity, order_capacity, n_hosts;
    size_t *host_places;
};

struct drawn_flows *drawn_flows_create(size_t n_hosts, bool in_text_order)
{
    struct drawn_flows *drawn = memory_zalloc(1, sizeof *drawn);
    drawn->in_text_order = in_text_order;
    drawn->n_hosts = n_hosts;
    drawn->host_places = memory_alloc(n_hosts, sizeof *drawn->host_places);
    return drawn;
}

void drawn_flows_free(struct drawn_flows *drawn)
{
    while (drawn->slabs != NULL) {
        struct slab *slab = drawn->slabs;
        drawn->slabs = slab->next;
        free(slab);
    }
    free(drawn->by_host);
    free(drawn->order);
    free(drawn->host_places);
    free(drawn);
}

static struct bucket *bucket_of(struct drawn_flows *drawn, uint64_t window)
{
    return &drawn->buckets[window % DRAWN_WINDOWS];
}

static struct chunk *take_chunk(struct drawn_flows *drawn)
{
    if (drawn->unused == NULL) {
        struct slab *slab = memory_alloc(1, sizeof *slab);
        slab->next = drawn->slabs;
        drawn->slabs = slab;
        for (size_t c = 0; c < SLAB_CHUNKS; c++) {
            slab->chunks[c].next = drawn->unused;
            drawn->unused = &slab->chunks[c];
        }
    }
    struct chunk *chunk = drawn->unused;
    drawn->unused = chunk->next;
    chunk->next = NULL;
    chunk->n = 0;
    return chunk;
}

void drawn_flows_add(struct drawn_flows *drawn, uint64_t window, const struct drawn_flow *flow)
{
    struct bucket *bucket = bucket_of(drawn, window);
    if (bucket->last == NULL || bucket->last->n == CHUNK_FLOWS) {
        struct chunk *chunk = take_chunk(drawn);
        if (bucket->last == NULL)
            bucket->first = chunk;
        else
            bucket->last->next = chunk;
        bucket->last = chunk;
    }
    bucket->last->flows[bucket->last->n++] = *flow;
    bucket->n++;
    drawn->n++;
}

void drawn_flows_drop(struct drawn_flows *drawn, uint64_t window)
{
    struct bucket *bucket = bucket_of(drawn, window);
    if (bucket->last == NULL)
        return;
    bucket->last->next = drawn->unused;
    drawn->unused = bucket->first;
    drawn->n -= bucket->n;
    *bucket = (struct bucket){ 0 };
}

size_t drawn_flows_count(const struct drawn_flows *drawn)
{
    return drawn->n;
}

/* ---- order -------------------------------------------------------------------------------- */

/* Turns counts into the places where each key's first item goes. */
static void places_of_counts(size_t *counts, size_t n)
{
    size_t place = 0;
    for (size_t k = 0; k < n; k++) {
        size_t count = counts[k];
        counts[k] = place;
        place += count;
    }
}

/* Sorts n flows of one host and second; flows that nothing tells apart stay as they were. */
static void sort_as_text(const struct drawn_flow **flows, size_t n,
                         const struct drawn_flow **scratch)
{
    if (n < 2)
        return;
    size_t half = n / 2, a = 0, b = half;
    sort_as_text(flows, half, scratch);
    sort_as_text(flows + half, n - half, scratch);
    for (size_t i = 0; i < n; i++) {
        bool is_second = a == half || (b < n && text_order(&flows[a]->flow, &flows[b]->flow) > 0);
        scratch[i] = is_second ? flows[b++] : flows[a++];
    }
    memcpy(flows, scratch, n * sizeof *flows);
}

static void sort_seconds(struct drawn_flows *drawn, size_t n)
{
    for (size_t first = 0, end; first < n; first = end) {
        const struct drawn_flow *flow = drawn->order[first];
        for (end = first + 1; end < n && drawn->order[end]->host == flow->host &&
                              drawn->order[end]->second == flow->second;)
            end++;
        sort_as_text(drawn->order + first, end - first, drawn->by_host);
    }
}

/* Two counting sorts, then each second of a host by itself. */
size_t drawn_flows_order(struct drawn_flows *drawn, uint64_t window,
                         const struct drawn_flow *const **flows)
{
    const struct bucket *bucket = bucket_of(drawn, window);
    size_t n = bucket->n, *host_places = drawn->host_places;
    size_t second_places[SAMPLE_WINDOW_SECONDS] = { 0 };
    drawn->order = memory_grow(drawn->order, &drawn->order_capacity, n, sizeof *drawn->order);
    drawn->by_host = memory_grow(drawn->by_host, &drawn->by_host_capacity, n,
                                 sizeof *drawn->by_host);
    memset(host_places, 0, drawn->n_hosts * sizeof *host_places);
    for (const struct chunk *chunk = bucket->first; chunk != NULL; chunk = chunk->next)
        for (size_t i = 0; i < chunk->n; i++) {
            host_places[chunk->flows[i].host]++;
            second_places[chunk->flows[i].second]++;
        }
    places_of_counts(host_places, drawn->n_hosts);
    places_of_counts(second_places, SAMPLE_WINDOW_SECONDS);
    for (const struct chunk *chunk = bucket->first; chunk != NULL; chunk = chunk->next)
        for (size_t i = 0; i < chunk->n; i++)
            drawn->by_host[host_places[chunk->flows[i].host]++] = &chunk->flows[i];
    for (size_t i = 0; i < n; i++)
        drawn->order[second_places[drawn->by_host[i]->second]++] = drawn->by_host[i];
    if (drawn->in_text_order)
        sort_seconds(drawn, n);
    *flows = drawn->order;
    return n;
}
