/* copies.c - flows and conversations that occur exactly in the training flows. */
#include "base/memory.h"
#include "eval/privacy_internal.h"

#include <stdlib.h>

/* All that a flow says but who the host is and when it was. */
static const enum attribute compared[] = {
    ATTRIBUTE_REMOTE,    ATTRIBUTE_PROTOCOL, ATTRIBUTE_LOCAL_PORT, ATTRIBUTE_REMOTE_PORT,
    ATTRIBUTE_DIRECTION, ATTRIBUTE_FLAGS,    ATTRIBUTE_TOS,        ATTRIBUTE_FORWARDING,
    ATTRIBUTE_LABEL,     ATTRIBUTE_PACKETS,  ATTRIBUTE_BYTES,      ATTRIBUTE_DURATION,
};
/* The first of them make a conversation. */
#define N_CONVERSATION_KEYS 4
#define FEWEST_FLOWS        2

/* A flow, or the flows of a conversation in their order: a slice of the side's rows. */
struct item {
    uint64_t hash;
    size_t first, n;
    size_t host;
};

struct item_list {
    const struct traffic_columns *columns;
    size_t *rows; /* what the slices are of */
    struct item *items;
    size_t n;
};

static uint64_t mix_hash(uint64_t hash, uint64_t x)
{
    hash = (hash ^ x) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static uint64_t hash_slice(const struct item_list *list, size_t first, size_t n)
{
    uint64_t hash = n;
    for (size_t i = first; i < first + n; i++)
        for (size_t k = 0; k < ARRAY_LEN(compared); k++)
            hash = mix_hash(hash, (uint64_t)list->columns->values[compared[k]][list->rows[i]]);
    return hash;
}

static bool is_equal(const struct item_list *a, const struct item *x, const struct item_list *b,
                     const struct item *y)
{
    if (x->hash != y->hash || x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++)
        for (size_t k = 0; k < ARRAY_LEN(compared); k++)
            if (a->columns->values[compared[k]][a->rows[x->first + i]] !=
                b->columns->values[compared[k]][b->rows[y->first + i]])
                return false;
    return true;
}

static void list_add(struct item_list *list, size_t first, size_t n, size_t host)
{
    list->items[list->n++] = (struct item){ hash_slice(list, first, n), first, n, host };
}

/* ---- items -------------------------------------------------------------------------------- */

/* A row and what its conversation is, for sorting. */
struct keyed_row {
    int64_t keys[N_CONVERSATION_KEYS];
    size_t row;
};

static bool is_same_conversation(const struct keyed_row *a, const struct keyed_row *b)
{
    for (size_t k = 0; k < N_CONVERSATION_KEYS; k++)
        if (a->keys[k] != b->keys[k])
            return false;
    return true;
}

static int compare_keyed(const void *a, const void *b)
{
    const struct keyed_row *x = a, *y = b;
    for (size_t k = 0; k < N_CONVERSATION_KEYS; k++)
        if (x->keys[k] != y->keys[k])
            return x->keys[k] < y->keys[k] ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static void add_conversations(struct item_list *list, const struct traffic *traffic, size_t host,
                              size_t first)
{
    const struct traffic_host *from = &traffic->hosts[host];
    struct keyed_row *keyed = memory_alloc(from->n_rows, sizeof *keyed);
    for (size_t i = 0; i < from->n_rows; i++) {
        keyed[i].row = from->first + i;
        for (size_t k = 0; k < N_CONVERSATION_KEYS; k++)
            keyed[i].keys[k] = traffic->columns->values[compared[k]][from->first + i];
    }
    qsort(keyed, from->n_rows, sizeof *keyed, compare_keyed);
    for (size_t i = 0; i < from->n_rows; i++)
        list->rows[first + i] = keyed[i].row;
    for (size_t i = 0, end; i < from->n_rows; i = end) {
        for (end = i + 1; end < from->n_rows && is_same_conversation(&keyed[i], &keyed[end]);)
            end++;
        if (end - i >= FEWEST_FLOWS)
            list_add(list, first + i, end - i, host);
    }
    free(keyed);
}

/* The flows of a side, or its conversations. Released with list_release. */
static struct item_list list_items(const struct traffic *traffic, bool is_conversations)
{
    struct item_list list = {
        .columns = traffic->columns,
        .rows = memory_alloc(traffic->n_rows, sizeof *list.rows),
        .items = memory_alloc(traffic->n_rows, sizeof *list.items),
    };
    size_t first = 0;
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        const struct traffic_host *host = &traffic->hosts[h];
        if (is_conversations)
            add_conversations(&list, traffic, h, first);
        for (size_t i = 0; !is_conversations && i < host->n_rows; i++) {
            list.rows[first + i] = host->first + i;
            list_add(&list, first + i, 1, h);
        }
        first += host->n_rows;
    }
    return list;
}

static void list_release(struct item_list *list)
{
    free(list->rows);
    free(list->items);
}

/* ---- looking up --------------------------------------------------------------------------- */

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = ((const struct item *)a)->hash, y = ((const struct item *)b)->hash;
    return (x > y) - (x < y);
}

/* training: sorted by hash. */
static bool is_found(const struct item_list *training, const struct item_list *list,
                     const struct item *item)
{
    size_t low = 0, high = training->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (training->items[middle].hash < item->hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < training->n && training->items[low].hash == item->hash; low++)
        if (is_equal(training, &training->items[low], list, item))
            return true;
    return false;
}

/* The share of a side's items that are found, and how many those are. */
static struct host_ratio look_up(const struct item_list *training, const struct traffic *traffic,
                                 bool is_conversations, size_t *n, size_t *n_found)
{
    struct item_list list = list_items(traffic, is_conversations);
    double *found = memory_zalloc(traffic->n_hosts, sizeof *found);
    double *counts = memory_zalloc(traffic->n_hosts, sizeof *counts);
    *n = list.n;
    *n_found = 0;
    for (size_t i = 0; i < list.n; i++) {
        bool is_copy = is_found(training, &list, &list.items[i]);
        *n_found += is_copy;
        found[list.items[i].host] += is_copy;
        counts[list.items[i].host] += 1.0;
    }
    struct host_ratio ratio = host_ratio_of(found, 1, counts, traffic->n_hosts);
    free(found);
    free(counts);
    list_release(&list);
    return ratio;
}

static struct copies count_copies(const struct privacy_sides *sides, bool is_conversations)
{
    struct copies copies = { 0 };
    struct item_list training = list_items(sides->training, is_conversations);
    qsort(training.items, training.n, sizeof *training.items, compare_hashes);
    copies.synthetic = look_up(&training, sides->synthetic, is_conversations, &copies.n_synthetic,
                               &copies.n_synthetic_found);
    copies.held_out = look_up(&training, sides->held_out, is_conversations, &copies.n_held_out,
                              &copies.n_held_out_found);
    double shared = copies.n_held_out > 0 ? copies.held_out.mean : 0.0;
    double beyond = (double)copies.n_synthetic_found - shared * (double)copies.n_synthetic;
    copies.beyond = beyond > 0.0 ? beyond : 0.0;
    list_release(&training);
    return copies;
}

struct copies copies_of_flows(const struct privacy_sides *sides)
{
    return count_copies(sides, false);
}

struct copies copies_of_conversations(const struct privacy_sides *sides)
{
    return count_copies(sides, true);
}
