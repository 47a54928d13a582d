#include "model/conversation.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* What tells conversations or remotes apart. */
struct place_key {
    uint64_t endpoints; /* remote and ports */
    uint8_t protocol;
};

/* Where things are kept: places by key, open addressing with twice as many cells as places, of
 * which there are a power of 2. */
struct place_table {
    uint16_t *cells; /* place + 1; 0: empty */
    size_t last_cell;
    uint64_t *endpoints; /* of the key of each place */
    uint8_t *protocols;
};

/* Rows of the past are kept once, in a pool, and named by their numbers in it wherever something
 * remembers them; 0 is none. A row that nothing remembers any more makes room for a new one, so
 * that the pool is as large as the memory is full. */
struct row_pool {
    struct past_row *rows; /* n_flows: of its conversation, with it */
    uint8_t *n_uses;
    uint32_t *unused; /* numbers */
    size_t n, n_unused, capacity;
};

struct remote {
    uint32_t last, before;       /* rows: the last one, and the one before */
    uint32_t n_flows, n_in_hour; /* in all; in the hour of the last one */
    struct beat beat;
};

/* Numbers of places, most recent first. */
struct recency {
    uint16_t *places;
    size_t n;
};

struct conversation_memory {
    uint64_t n_rows;
    struct row_pool pool;

    struct recency conversations;
    struct place_table conversation_table;
    uint32_t *conversation_rows; /* [CONVERSATIONS_KEPT] */

    struct recency remotes;
    struct place_table remote_table;
    struct remote *remote_places;  /* [REMOTES_KEPT] */
    struct past_row *shown_remote; /* what conversation_remote_at returns */
};

/* ---- rows ---------------------------------------------------------------------------------- */

enum { POOL_FIRST_ROWS = 256 };

static void pool_grow(struct row_pool *pool)
{
    size_t capacity = pool->capacity > 0 ? 2 * pool->capacity : POOL_FIRST_ROWS;
    pool->rows = memory_resize(pool->rows, capacity, sizeof *pool->rows);
    pool->n_uses = memory_resize(pool->n_uses, capacity, sizeof *pool->n_uses);
    pool->unused = memory_resize(pool->unused, capacity, sizeof *pool->unused);
    pool->capacity = capacity;
}

/* A number that nothing uses yet. */
static uint32_t pool_take(struct row_pool *pool)
{
    if (pool->n_unused > 0)
        return pool->unused[--pool->n_unused];
    if (pool->n == pool->capacity)
        pool_grow(pool);
    pool->n_uses[pool->n] = 0;
    return (uint32_t)pool->n++;
}

/* Lets a row go from where it was remembered. */
static void pool_drop(struct row_pool *pool, uint32_t *slot)
{
    uint32_t number = *slot;
    *slot = 0;
    if (number != 0 && --pool->n_uses[number] == 0)
        pool->unused[pool->n_unused++] = number;
}

/* Remembers a row where another one may have been. */
static void pool_hold(struct row_pool *pool, uint32_t *slot, uint32_t number)
{
    pool->n_uses[number]++;
    pool_drop(pool, slot);
    *slot = number;
}

static const struct past_row *pool_row(const struct row_pool *pool, uint32_t number)
{
    return number != 0 ? &pool->rows[number] : NULL;
}

/* ---- recency ------------------------------------------------------------------------------ */

static size_t recency_rank(const struct recency *recency, uint16_t place)
{
    size_t rank = 0;
    while (recency->places[rank] != place)
        rank++;
    return rank;
}

/* Moves the place at `rank` to the front, or puts a new one there (rank n). */
static void recency_front(struct recency *recency, size_t rank, uint16_t place)
{
    memmove(recency->places + 1, recency->places, rank * sizeof *recency->places);
    recency->places[0] = place;
    if (rank == recency->n)
        recency->n++;
}

/* ---- keys --------------------------------------------------------------------------------- */

bool conversation_has_ports(int64_t protocol)
{
    return protocol != PROTOCOL_ICMP;
}

static struct place_key key_of(uint32_t remote, int64_t protocol, int64_t local_port,
                               int64_t remote_port)
{
    uint64_t ports = 0;
    if (conversation_has_ports(protocol))
        ports = (uint64_t)local_port << 16 | (uint64_t)remote_port;
    return (struct place_key){ (uint64_t)remote << 32 | ports, (uint8_t)protocol };
}

static struct place_key key_of_row(const struct row *row)
{
    const int64_t *value = row->value;
    return key_of((uint32_t)value[ATTRIBUTE_REMOTE], value[ATTRIBUTE_PROTOCOL],
                  value[ATTRIBUTE_LOCAL_PORT], value[ATTRIBUTE_REMOTE_PORT]);
}

static struct place_key key_of_remote(uint32_t address)
{
    return (struct place_key){ address, 0 };
}

/* ---- places ------------------------------------------------------------------------------- */

_Static_assert((CONVERSATIONS_KEPT & (CONVERSATIONS_KEPT - 1)) == 0 &&
                   (REMOTES_KEPT & (REMOTES_KEPT - 1)) == 0,
               "cells are found by a mask");

static struct place_table place_table_create(size_t n_places)
{
    return (struct place_table){
        .cells = memory_zalloc(2 * n_places, sizeof(uint16_t)),
        .last_cell = 2 * n_places - 1,
        .endpoints = memory_zalloc(n_places, sizeof(uint64_t)),
        .protocols = memory_zalloc(n_places, sizeof(uint8_t)),
    };
}

static void place_table_release(struct place_table *table)
{
    free(table->cells);
    free(table->endpoints);
    free(table->protocols);
}

static size_t home_cell(const struct place_table *table, struct place_key key)
{
    return hash_mix(key.endpoints ^ (uint64_t)key.protocol << 56) & table->last_cell;
}

static struct place_key key_at(const struct place_table *table, size_t place)
{
    return (struct place_key){ table->endpoints[place], table->protocols[place] };
}

/* The cell that holds the key's place, or the empty one where it would go. */
static size_t cell_of(const struct place_table *table, struct place_key key)
{
    size_t cell = home_cell(table, key);
    for (; table->cells[cell] != 0; cell = (cell + 1) & table->last_cell) {
        size_t place = table->cells[cell] - 1u;
        if (table->endpoints[place] == key.endpoints && table->protocols[place] == key.protocol)
            break;
    }
    return cell;
}

/* The place of a key, or -1. */
static int find_place(const struct place_table *table, struct place_key key)
{
    return (int)table->cells[cell_of(table, key)] - 1;
}

/* Takes a place out of the table; those behind it that hashed before it move up (Knuth 6.4,
 * algorithm R). */
static void forget_place(struct place_table *table, size_t place)
{
    size_t hole = cell_of(table, key_at(table, place)), cell = hole;
    table->cells[hole] = 0;
    for (;;) {
        cell = (cell + 1) & table->last_cell;
        uint16_t entry = table->cells[cell];
        if (entry == 0)
            return;
        size_t home = home_cell(table, key_at(table, entry - 1u));
        size_t from_home = (cell - home) & table->last_cell;
        size_t from_hole = (cell - hole) & table->last_cell;
        if (from_home >= from_hole) {
            table->cells[hole] = entry;
            table->cells[cell] = 0;
            hole = cell;
        }
    }
}

static void name_place(struct place_table *table, size_t place, struct place_key key)
{
    table->endpoints[place] = key.endpoints;
    table->protocols[place] = key.protocol;
    table->cells[cell_of(table, key)] = (uint16_t)(place + 1);
}

/* Moves the key to the front of the most recent ones, as a new one where it is not kept yet; the
 * oldest makes room. Returns its place; *is_new says whether what stands there is another's. */
static size_t front_place(struct place_table *table, struct recency *recency, size_t n_places,
                          struct place_key key, bool *is_new)
{
    int found = find_place(table, key);
    *is_new = found < 0;
    if (found >= 0) {
        recency_front(recency, recency_rank(recency, (uint16_t)found), (uint16_t)found);
        return (size_t)found;
    }
    size_t rank = recency->n, place = rank;
    if (rank == n_places) {
        rank--;
        place = recency->places[rank];
        forget_place(table, place);
    }
    name_place(table, place, key);
    recency_front(recency, rank, (uint16_t)place);
    return place;
}

static int32_t clamp_seconds(int64_t s)
{
    return s < INT32_MAX ? (int32_t)s : INT32_MAX;
}

bool periods_are_alike(int64_t period, int64_t other)
{
    int64_t change = period - other, most = other / 50;
    return other > 0 && (change < 0 ? -change : change) <= (most > 1 ? most : 1);
}

static uint8_t one_more(uint8_t n)
{
    return n < UINT8_MAX ? (uint8_t)(n + 1) : n;
}

/* A rhythm at the next start, `since` s after the one before: ago 0 where that keeps to it. */
static struct rhythm rhythm_next(const struct rhythm *rhythm, int64_t since)
{
    int64_t elapsed = rhythm->ago + since, period = rhythm->period, times = 1;
    int64_t misses = rhythm_misses(rhythm);
    if (periods_are_alike(elapsed, period))
        return (struct rhythm){ 0, clamp_seconds(elapsed), one_more(rhythm->n_steady) };
    if (misses > 0)
        times = (elapsed + period / 2) / period;
    bool is_kept = times > 1 && times <= 1 + misses &&
                   periods_are_alike(elapsed - (times - 1) * period, period);
    return (struct rhythm){ is_kept ? 0 : clamp_seconds(elapsed), rhythm->period,
                            rhythm->n_steady };
}

/* That of pairs: from a start to the one after the next. */
static struct rhythm pair_next(const struct rhythm *pair, int64_t since)
{
    int64_t elapsed = pair->ago + since;
    bool is_first = pair->ago == 0, is_steady = periods_are_alike(elapsed, pair->period);
    return (struct rhythm){ clamp_seconds(since), is_first ? 0 : clamp_seconds(elapsed),
                            is_steady ? one_more(pair->n_steady) : 0 };
}

/* Whether a rhythm has been missed too often to go on, or never was. */
static bool is_over(const struct rhythm *rhythm)
{
    return rhythm->ago > (1 + rhythm_misses(rhythm)) * rhythm->period;
}

struct beat beat_next(const struct beat *before, int64_t clock)
{
    if (before == NULL)
        return (struct beat){ .start = clock };
    int64_t since = clock - before->start;
    if (since < BEAT_REST)
        return *before;
    struct beat beat = { .start = clock };
    for (size_t r = 0; r < RHYTHM_SINGLE; r++)
        beat.rhythms[r] = rhythm_next(&before->rhythms[r], since);
    beat.rhythms[RHYTHM_PAIR] = pair_next(&before->rhythms[RHYTHM_PAIR], since);
    const struct rhythm *first = &before->rhythms[0], *second = &before->rhythms[1];
    if (beat.rhythms[0].ago == 0 && first->period > 0)
        return beat;
    if (beat.rhythms[1].ago == 0 && second->period > 0) {
        struct rhythm kept = beat.rhythms[0];
        beat.rhythms[0] = beat.rhythms[1];
        beat.rhythms[1] = kept;
        return beat;
    }
    if (!is_over(&beat.rhythms[0]) &&
        (is_over(&beat.rhythms[1]) || second->n_steady <= first->n_steady))
        beat.rhythms[1] = beat.rhythms[0];
    beat.rhythms[0] = (struct rhythm){ .period = clamp_seconds(since) };
    return beat;
}

int64_t past_row_room(const struct past_row *past, int64_t direction, int64_t clock)
{
    if (past == NULL || past->ended[direction] == PAST_NEVER)
        return 0;
    int64_t seconds = clamp_seconds(clock - past->ended[direction]);
    return (seconds + 1) * MS_PER_SECOND;
}

static const struct past_row *show_remote(const struct conversation_memory *memory,
                                          const struct remote *remote)
{
    *memory->shown_remote = memory->pool.rows[remote->last];
    memory->shown_remote->n_flows = remote->n_flows;
    memory->shown_remote->n_in_hour = remote->n_in_hour;
    memory->shown_remote->beat = remote->beat;
    return memory->shown_remote;
}

static void note_remote(struct conversation_memory *memory, uint32_t number)
{
    bool is_new;
    const struct past_row *past = &memory->pool.rows[number];
    const int64_t *value = past->row.value;
    size_t place = front_place(&memory->remote_table, &memory->remotes, REMOTES_KEPT,
                               key_of_remote((uint32_t)value[ATTRIBUTE_REMOTE]), &is_new);
    struct remote *remote = &memory->remote_places[place];
    if (is_new) {
        pool_drop(&memory->pool, &remote->last);
        pool_drop(&memory->pool, &remote->before);
        remote->n_flows = 0;
    }
    uint32_t n_in_hour = 0;
    if (remote->n_flows > 0) {
        pool_hold(&memory->pool, &remote->before, remote->last);
        n_in_hour = past_row_in_hour(show_remote(memory, remote), past->clock);
    }
    remote->beat = beat_next(remote->n_flows > 0 ? &remote->beat : NULL, past->clock);
    remote->n_flows++;
    remote->n_in_hour = n_in_hour + 1;
    pool_hold(&memory->pool, &remote->last, number);
}

static void note_conversation(struct conversation_memory *memory, uint32_t number)
{
    bool is_new;
    struct past_row *past = &memory->pool.rows[number];
    size_t place = front_place(&memory->conversation_table, &memory->conversations,
                               CONVERSATIONS_KEPT, key_of_row(&past->row), &is_new);
    uint32_t *slot = &memory->conversation_rows[place];
    const struct past_row *before = is_new ? NULL : &memory->pool.rows[*slot];
    past->beat = past_row_beat(before, past->clock);
    for (size_t d = 0; d < ARRAY_LEN(past->ended); d++)
        past->ended[d] = before != NULL ? before->ended[d] : PAST_NEVER;
    past->ended[past->row.value[ATTRIBUTE_DIRECTION]] = past->clock;
    past->n_flows = (is_new ? 0 : before->n_flows) + 1;
    past->n_in_hour = past_row_in_hour(before, past->clock) + 1;
    pool_hold(&memory->pool, slot, number);
}

/* ---- the memory --------------------------------------------------------------------------- */

struct conversation_memory *conversation_memory_create(void)
{
    struct conversation_memory *memory = memory_zalloc(1, sizeof *memory);
    memory->conversations.places = memory_alloc(CONVERSATIONS_KEPT, sizeof(uint16_t));
    memory->conversation_table = place_table_create(CONVERSATIONS_KEPT);
    memory->conversation_rows = memory_zalloc(CONVERSATIONS_KEPT, sizeof(uint32_t));
    pool_grow(&memory->pool);
    memory->pool.n = 1; /* 0 is none */
    memory->shown_remote = memory_zalloc(1, sizeof *memory->shown_remote);
    memory->remotes.places = memory_alloc(REMOTES_KEPT, sizeof(uint16_t));
    memory->remote_places = memory_zalloc(REMOTES_KEPT, sizeof(struct remote));
    memory->remote_table = place_table_create(REMOTES_KEPT);
    return memory;
}

void conversation_memory_free(struct conversation_memory *memory)
{
    if (memory == NULL)
        return;
    free(memory->pool.rows);
    free(memory->pool.n_uses);
    free(memory->pool.unused);
    free(memory->conversations.places);
    free(memory->conversation_rows);
    place_table_release(&memory->conversation_table);
    free(memory->remotes.places);
    free(memory->remote_places);
    free(memory->shown_remote);
    place_table_release(&memory->remote_table);
    free(memory);
}

size_t conversation_count(const struct conversation_memory *memory)
{
    return memory->conversations.n;
}

size_t conversation_remote_count(const struct conversation_memory *memory)
{
    return memory->remotes.n;
}

struct link conversation_link(const struct conversation_memory *memory, const struct row *row)
{
    int place = find_place(&memory->conversation_table, key_of_row(row));
    if (place >= 0) {
        const struct past_row *past = pool_row(&memory->pool, memory->conversation_rows[place]);
        bool is_repeat = past->row.value[ATTRIBUTE_DIRECTION] == row->value[ATTRIBUTE_DIRECTION];
        return (struct link){
            is_repeat ? LINK_REPEAT : LINK_REPLY,
            (uint32_t)recency_rank(&memory->conversations, (uint16_t)place),
        };
    }
    place = find_place(&memory->remote_table,
                       key_of_remote((uint32_t)row->value[ATTRIBUTE_REMOTE]));
    if (place >= 0)
        return (struct link){ LINK_REMOTE,
                              (uint32_t)recency_rank(&memory->remotes, (uint16_t)place) };
    return (struct link){ LINK_NEW, 0 };
}

const struct past_row *conversation_at(const struct conversation_memory *memory, size_t rank)
{
    if (rank >= memory->conversations.n)
        BUG("conversation %zu of %zu", rank, memory->conversations.n);
    size_t place = memory->conversations.places[rank];
    return pool_row(&memory->pool, memory->conversation_rows[place]);
}

const struct past_row *conversation_remote_at(const struct conversation_memory *memory, size_t rank)
{
    if (rank >= memory->remotes.n)
        BUG("remote %zu of %zu", rank, memory->remotes.n);
    return show_remote(memory, &memory->remote_places[memory->remotes.places[rank]]);
}

const struct past_row *conversation_of_remote(const struct conversation_memory *memory,
                                              uint32_t address)
{
    int place = find_place(&memory->remote_table, key_of_remote(address));
    return place >= 0 ? show_remote(memory, &memory->remote_places[place]) : NULL;
}

const struct past_row *conversation_match(const struct conversation_memory *memory,
                                          const struct link *link)
{
    switch (link->kind) {
    case LINK_REPLY:
    case LINK_REPEAT:
        return conversation_at(memory, link->rank);
    case LINK_REMOTE:
        return conversation_remote_at(memory, link->rank);
    case LINK_NEW:
        return NULL;
    case N_LINK_KINDS:
        break;
    }
    BUG("link of kind %d", (int)link->kind);
}

const struct past_row *conversation_before(const struct conversation_memory *memory,
                                           const struct link *link)
{
    if (link->kind != LINK_REMOTE || link->rank >= memory->remotes.n)
        BUG("a row before the last one of a link of kind %d", (int)link->kind);
    return pool_row(&memory->pool,
                    memory->remote_places[memory->remotes.places[link->rank]].before);
}

bool conversation_knows_remote(const struct conversation_memory *memory, uint32_t remote)
{
    return find_place(&memory->remote_table, key_of_remote(remote)) >= 0;
}

void conversation_count_remotes(const struct conversation_memory *memory, uint32_t address,
                                uint16_t counts[256])
{
    memset(counts, 0, 256 * sizeof *counts);
    const uint64_t *remotes = memory->remote_table.endpoints;
    for (size_t place = 0; place < memory->remotes.n; place++)
        if ((remotes[place] ^ address) >> 16 == 0)
            counts[remotes[place] >> 8 & 255]++;
}

bool conversation_is_kept(const struct conversation_memory *memory, uint32_t remote,
                          int64_t protocol, int64_t local_port, int64_t remote_port)
{
    return find_place(&memory->conversation_table,
                      key_of(remote, protocol, local_port, remote_port)) >= 0;
}

size_t conversation_remote_ports(const struct conversation_memory *memory, const struct row *row,
                                 uint16_t *ports)
{
    int64_t protocol = row->value[ATTRIBUTE_PROTOCOL];
    if (!conversation_has_ports(protocol))
        return 0;
    uint64_t wanted = key_of_row(row).endpoints >> 16;
    const uint64_t *endpoints = memory->conversation_table.endpoints;
    size_t n = 0;
    for (size_t place = 0; place < memory->conversations.n; place++)
        if (endpoints[place] >> 16 == wanted &&
            memory->conversation_table.protocols[place] == protocol)
            ports[n++] = (uint16_t)endpoints[place];
    return n;
}

void conversation_note(struct conversation_memory *memory, const struct row *row, int64_t clock)
{
    struct row_pool *pool = &memory->pool;
    struct past_row past = { .row = *row, .clock = clock, .index = memory->n_rows++ };
    uint32_t number = pool_take(pool);
    pool->rows[number] = past;
    note_conversation(memory, number);
    note_remote(memory, number);
}

void conversation_continue(struct row *row, const struct past_row *past, enum link_kind kind)
{
    static const enum attribute kept[] = { ATTRIBUTE_REMOTE, ATTRIBUTE_PROTOCOL };
    static const enum attribute ports[] = { ATTRIBUTE_LOCAL_PORT, ATTRIBUTE_REMOTE_PORT };
    const int64_t *value = past->row.value;
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        row->value[kept[i]] = value[kept[i]];
    row->value[ATTRIBUTE_DIRECTION] = kind == LINK_REPEAT ? value[ATTRIBUTE_DIRECTION]
                                                          : !value[ATTRIBUTE_DIRECTION];
    if (conversation_has_ports(value[ATTRIBUTE_PROTOCOL]))
        for (size_t i = 0; i < ARRAY_LEN(ports); i++)
            row->value[ports[i]] = value[ports[i]];
}
