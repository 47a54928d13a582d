#include "model/masked_conv/services.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists -------------------------------------------------------------------------------- */

const struct service_list *service_list_of(const struct service_lists *lists, int64_t protocol,
                                           enum service_side side)
{
    if (lists == NULL || (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP))
        return NULL;
    return &lists->lists[protocol == PROTOCOL_UDP][side];
}

bool service_of(const struct row *row, uint32_t *service)
{
    const int64_t *value = row->value;
    int64_t local = value[ATTRIBUTE_LOCAL_PORT], remote = value[ATTRIBUTE_REMOTE_PORT];
    bool is_udp = value[ATTRIBUTE_PROTOCOL] == PROTOCOL_UDP;
    enum service_side side = local <= remote ? SERVICE_SERVED : SERVICE_USED;
    *service = (uint32_t)is_udp << 17 | (uint32_t)side << 16 |
               (uint32_t)(side == SERVICE_SERVED ? local : remote);
    return is_udp || value[ATTRIBUTE_PROTOCOL] == PROTOCOL_TCP;
}

/* ---- counting ----------------------------------------------------------------------------- */

struct counted {
    uint32_t key; /* 1 + the service; 0: none */
    uint32_t n;
};

struct service_counter {
    struct counted *items; /* [capacity], by hash; a power of two, at most half full */
    size_t n, capacity;
    uint32_t n_flows[2]; /* of TCP, of UDP */
};

struct service_counter *service_counter_create(void)
{
    struct service_counter *counter = memory_zalloc(1, sizeof *counter);
    counter->capacity = 64;
    counter->items = memory_zalloc(counter->capacity, sizeof *counter->items);
    return counter;
}

void service_counter_free(struct service_counter *counter)
{
    if (counter == NULL)
        return;
    free(counter->items);
    free(counter);
}

/* Where the key is, or belongs. */
static struct counted *find(const struct service_counter *counter, uint32_t key)
{
    size_t place = key * UINT32_C(2654435769) & (counter->capacity - 1);
    while (counter->items[place].key != 0 && counter->items[place].key != key)
        place = (place + 1) & (counter->capacity - 1);
    return &counter->items[place];
}

static void grow(struct service_counter *counter)
{
    struct counted *old = counter->items;
    size_t n = counter->capacity;
    counter->capacity *= 2;
    counter->items = memory_zalloc(counter->capacity, sizeof *counter->items);
    for (size_t i = 0; i < n; i++)
        if (old[i].key != 0)
            *find(counter, old[i].key) = old[i];
    free(old);
}

void service_counter_note(struct service_counter *counter, const struct row *row)
{
    uint32_t service;
    if (!service_of(row, &service))
        return;
    counter->n_flows[service >> 17]++;
    struct counted *counted = find(counter, service + 1);
    counted->n++;
    if (counted->key != 0)
        return;
    counted->key = service + 1;
    if (2 * ++counter->n > counter->capacity)
        grow(counter);
}

static uint8_t level_of(double share)
{
    double level = 1.0 - floor(2.0 * log2(share) + 0.5);
    return (uint8_t)(level < SERVICE_LEVELS - 1 ? level : SERVICE_LEVELS - 1);
}

/* Keeps the best ones in order: by count, then port. */
static void insert(struct service_list *list, uint32_t *counts, uint16_t port, uint32_t n)
{
    size_t i = list->n < SERVICES_LISTED ? list->n++ : SERVICES_LISTED;
    if (i == SERVICES_LISTED) {
        i--;
        if (n < counts[i] || (n == counts[i] && port > list->ports[i]))
            return;
    }
    for (; i > 0 && (n > counts[i - 1] || (n == counts[i - 1] && port < list->ports[i - 1])); i--) {
        counts[i] = counts[i - 1];
        list->ports[i] = list->ports[i - 1];
    }
    counts[i] = n;
    list->ports[i] = port;
}

void service_counter_list(const struct service_counter *counter, struct service_lists *lists)
{
    uint32_t counts[2][N_SERVICE_SIDES][SERVICES_LISTED];
    memset(lists, 0, sizeof *lists);
    for (size_t i = 0; i < counter->capacity; i++) {
        uint32_t key = counter->items[i].key, service = key - 1;
        if (key == 0)
            continue;
        size_t is_udp = service >> 17, side = service >> 16 & 1;
        insert(&lists->lists[is_udp][side], counts[is_udp][side], (uint16_t)service,
               counter->items[i].n);
    }
    for (size_t p = 0; p < 2; p++)
        for (size_t side = 0; side < N_SERVICE_SIDES; side++)
            for (size_t i = 0; i < lists->lists[p][side].n; i++)
                lists->lists[p][side].levels[i] = level_of((double)counts[p][side][i] /
                                                           (double)counter->n_flows[p]);
}
