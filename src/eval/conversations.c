#include "eval/conversations.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

const size_t conversation_windows[N_WINDOWS] = { 8, 64, 512 };

#define NEVER SIZE_MAX

/* One slot for a conversation or, with the other fields of the key 0, for a remote. */
struct slot {
    uint64_t remote_and_ports; /* 32 + 16 + 16 bits */
    uint16_t protocol;         /* NO_KEY where the slot is free */
    size_t last[2];            /* index of the last flow in each direction */
    int64_t last_hour;         /* in which the remote was last counted for the fan-out */
};

#define NO_KEY     UINT16_MAX
#define REMOTE_KEY 256 /* beside the protocols */

/* Open addressing; as many slots as twice the entries that may come, a power of 2. */
struct slot_table {
    struct slot *slots;
    size_t n_slots, n_used;
};

static void table_clear(struct slot_table *table, size_t n_entries)
{
    size_t needed = 16;
    while (needed < 2 * n_entries)
        needed *= 2;
    if (needed > table->n_slots) {
        free(table->slots);
        table->slots = memory_alloc(needed, sizeof *table->slots);
    }
    table->n_slots = needed > table->n_slots ? needed : table->n_slots;
    table->n_used = 0;
    for (size_t s = 0; s < table->n_slots; s++)
        table->slots[s].protocol = NO_KEY;
}

/* The slot of that key, which is made where it is new. */
static struct slot *table_find(struct slot_table *table, uint64_t remote_and_ports,
                               uint16_t protocol)
{
    uint64_t hash = hash_mix(remote_and_ports ^ (uint64_t)protocol << 40);
    size_t s = (size_t)hash & (table->n_slots - 1);
    for (;; s = (s + 1) & (table->n_slots - 1)) {
        struct slot *slot = &table->slots[s];
        if (slot->protocol == NO_KEY) {
            *slot = (struct slot){ remote_and_ports, protocol, { NEVER, NEVER }, INT64_MIN };
            table->n_used++;
            return slot;
        }
        if (slot->remote_and_ports == remote_and_ports && slot->protocol == protocol)
            return slot;
    }
}

/* Adds one to counts[w] for each window that reaches back to flow `last` from flow `now`. */
static void count_within(double counts[N_WINDOWS], size_t last, size_t now)
{
    for (size_t w = 0; w < N_WINDOWS; w++)
        counts[w] += last != NEVER && now - last <= conversation_windows[w];
}

struct tally {
    struct conversations counts;
    double n_remotes, n_conversations, n_sending_hours, n_sent_to;
};

static void tally_host(struct tally *tally, const struct traffic *traffic,
                       const struct traffic_host *host, struct slot_table *conversations,
                       struct slot_table *remotes)
{
    table_clear(conversations, host->n_rows);
    table_clear(remotes, host->n_rows);
    int64_t *const *values = traffic->columns->values;
    int64_t sending_hour = INT64_MIN;
    for (size_t i = host->first; i < host->first + host->n_rows; i++) {
        uint64_t address = (uint64_t)values[ATTRIBUTE_REMOTE][i];
        uint64_t ports = (uint64_t)values[ATTRIBUTE_LOCAL_PORT][i] << 16 |
                         (uint64_t)values[ATTRIBUTE_REMOTE_PORT][i];
        size_t direction = (size_t)values[ATTRIBUTE_DIRECTION][i];
        struct slot *conversation = table_find(conversations, address << 32 | ports,
                                               (uint16_t)values[ATTRIBUTE_PROTOCOL][i]);
        struct slot *remote = table_find(remotes, address, REMOTE_KEY);
        count_within(tally->counts.reply, conversation->last[1 - direction], i);
        count_within(tally->counts.repeat, conversation->last[direction], i);
        count_within(tally->counts.remote, remote->last[0], i);
        conversation->last[direction] = i;
        remote->last[0] = i;

        int64_t hour = traffic->columns->ends[i] / 3600;
        if (direction != DIRECTION_OUT)
            continue;
        tally->n_sending_hours += hour != sending_hour;
        tally->n_sent_to += hour != remote->last_hour;
        sending_hour = remote->last_hour = hour;
    }
    tally->n_conversations += (double)conversations->n_used;
    tally->n_remotes += (double)remotes->n_used;
}

struct conversations conversations_measure(const struct traffic *traffic)
{
    struct tally tally = { 0 };
    struct slot_table conversations = { 0 }, remotes = { 0 };
    for (size_t h = 0; h < traffic->n_hosts; h++)
        tally_host(&tally, traffic, &traffic->hosts[h], &conversations, &remotes);
    free(conversations.slots);
    free(remotes.slots);

    struct conversations measured = tally.counts;
    double n = (double)traffic->n_rows;
    for (size_t w = 0; w < N_WINDOWS; w++) {
        measured.reply[w] /= n;
        measured.repeat[w] /= n;
        measured.remote[w] /= n;
    }
    measured.remotes_per_host = tally.n_remotes / (double)traffic->n_hosts;
    measured.flows_per_conversation = n / tally.n_conversations;
    measured.fan_out = tally.n_sent_to / tally.n_sending_hours;
    return measured;
}
