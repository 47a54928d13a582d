#include "model/conversation.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* What tells conversations or remotes apart. */
struct place_key {
    uint64_t endpoints; /* remote and ports */
    uint8_t protocol;
};

/* Where things are kept: places by key, open addressing with twice as many cells as places. */
struct place_table {
    uint16_t *cells; /* place + 1; 0: empty */
    size_t n_cells;
    uint64_t *endpoints; /* of the key of each place */
    uint8_t *protocols;
};

/* Services are kept in a table that a newer one with the same place overwrites. */
#define SERVICES_KEPT 2048

struct remote {
    struct past_row last;
    struct past_row last_of[2]; /* by direction; n_flows is 0 where there was none */
};

struct service {
    uint64_t key; /* 0: empty */
    size_t n;     /* rows so far; the newest is at (n - 1) % RECENT */
    struct past_row rows[RECENT];
};

struct single {
    uint64_t key; /* 0: empty */
    struct past_row row;
};

/* Numbers of places, most recent first. */
struct recency {
    uint16_t *places;
    size_t n;
};

struct conversation_memory {
    uint64_t n_rows;

    struct recency conversations;
    struct place_table conversation_table;
    struct past_row *conversation_rows; /* [CONVERSATIONS_KEPT] */

    struct recency remotes;
    struct place_table remote_table;
    struct remote *remote_places; /* [REMOTES_KEPT] */

    struct service *same_services, *like_services; /* [SERVICES_KEPT] */
    struct single *same_packets, *like_packets;    /* [SERVICES_KEPT] */
};

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

/* splitmix64's finaliser (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

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

static uint64_t service_key(const struct row *row, bool with_remote)
{
    int64_t local_port = row->value[ATTRIBUTE_LOCAL_PORT];
    int64_t remote_port = row->value[ATTRIBUTE_REMOTE_PORT];
    uint64_t service = (uint64_t)(local_port < remote_port ? local_port : remote_port);
    uint64_t side = local_port < remote_port; /* whose service it is */
    uint64_t key = UINT64_C(1) << 63 | service << 10 | side << 9 |
                   (uint64_t)row->value[ATTRIBUTE_PROTOCOL] << 1 |
                   (uint64_t)row->value[ATTRIBUTE_DIRECTION];
    return with_remote ? key | (uint64_t)row->value[ATTRIBUTE_REMOTE] << 27 : key;
}

/* ---- places ------------------------------------------------------------------------------- */

static struct place_table place_table_create(size_t n_places)
{
    return (struct place_table){
        .cells = memory_zalloc(2 * n_places, sizeof(uint16_t)),
        .n_cells = 2 * n_places,
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
    return mix(key.endpoints ^ (uint64_t)key.protocol << 56) % table->n_cells;
}

static struct place_key key_at(const struct place_table *table, size_t place)
{
    return (struct place_key){ table->endpoints[place], table->protocols[place] };
}

/* The cell that holds the key's place, or the empty one where it would go. */
static size_t cell_of(const struct place_table *table, struct place_key key)
{
    size_t cell = home_cell(table, key);
    for (; table->cells[cell] != 0; cell = (cell + 1) % table->n_cells) {
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
        cell = (cell + 1) % table->n_cells;
        uint16_t entry = table->cells[cell];
        if (entry == 0)
            return;
        size_t home = home_cell(table, key_at(table, entry - 1u));
        size_t from_home = (cell + table->n_cells - home) % table->n_cells;
        size_t from_hole = (cell + table->n_cells - hole) % table->n_cells;
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

static void note_remote(struct conversation_memory *memory, const struct past_row *past)
{
    bool is_new;
    uint32_t address = (uint32_t)past->row.value[ATTRIBUTE_REMOTE];
    size_t place = front_place(&memory->remote_table, &memory->remotes, REMOTES_KEPT,
                               key_of_remote(address), &is_new);
    struct remote *remote = &memory->remote_places[place];
    if (is_new)
        *remote = (struct remote){ 0 };
    struct past_row *last = &remote->last_of[past->row.value[ATTRIBUTE_DIRECTION]];
    uint32_t n_flows = remote->last.n_flows + 1, n_of_direction = last->n_flows + 1;
    remote->last = *last = *past;
    remote->last.n_flows = n_flows;
    last->n_flows = n_of_direction;
}

static void note_conversation(struct conversation_memory *memory, struct past_row *past)
{
    bool is_new;
    size_t place = front_place(&memory->conversation_table, &memory->conversations,
                               CONVERSATIONS_KEPT, key_of_row(&past->row), &is_new);
    past->n_flows = is_new ? 1 : memory->conversation_rows[place].n_flows + 1;
    memory->conversation_rows[place] = *past;
}

/* ---- the memory --------------------------------------------------------------------------- */

struct conversation_memory *conversation_memory_create(void)
{
    struct conversation_memory *memory = memory_zalloc(1, sizeof *memory);
    memory->conversations.places = memory_alloc(CONVERSATIONS_KEPT, sizeof(uint16_t));
    memory->conversation_table = place_table_create(CONVERSATIONS_KEPT);
    memory->conversation_rows = memory_zalloc(CONVERSATIONS_KEPT, sizeof(struct past_row));
    memory->remotes.places = memory_alloc(REMOTES_KEPT, sizeof(uint16_t));
    memory->remote_places = memory_zalloc(REMOTES_KEPT, sizeof(struct remote));
    memory->remote_table = place_table_create(REMOTES_KEPT);
    memory->same_services = memory_zalloc(SERVICES_KEPT, sizeof(struct service));
    memory->like_services = memory_zalloc(SERVICES_KEPT, sizeof(struct service));
    memory->same_packets = memory_zalloc(SERVICES_KEPT, sizeof(struct single));
    memory->like_packets = memory_zalloc(SERVICES_KEPT, sizeof(struct single));
    return memory;
}

void conversation_memory_free(struct conversation_memory *memory)
{
    if (memory == NULL)
        return;
    free(memory->conversations.places);
    free(memory->conversation_rows);
    place_table_release(&memory->conversation_table);
    free(memory->remotes.places);
    free(memory->remote_places);
    place_table_release(&memory->remote_table);
    free(memory->same_services);
    free(memory->like_services);
    free(memory->same_packets);
    free(memory->like_packets);
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
        const struct past_row *past = &memory->conversation_rows[place];
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
    return &memory->conversation_rows[memory->conversations.places[rank]];
}

const struct past_row *conversation_remote_at(const struct conversation_memory *memory, size_t rank)
{
    if (rank >= memory->remotes.n)
        BUG("remote %zu of %zu", rank, memory->remotes.n);
    return &memory->remote_places[memory->remotes.places[rank]].last;
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

/* A service with a number of packets. */
static uint64_t packets_key(uint64_t service, const struct row *row)
{
    return mix(service + (uint64_t)row->value[ATTRIBUTE_PACKETS] * UINT64_C(0x9e3779b97f4a7c15)) |
           UINT64_C(1) << 63;
}

static void find_service(const struct service *services, uint64_t key,
                         const struct past_row *references[RECENT])
{
    const struct service *service = &services[mix(key) % SERVICES_KEPT];
    size_t n = service->key != key ? 0 : service->n < RECENT ? service->n : RECENT;
    for (size_t i = 0; i < RECENT; i++)
        references[i] = i < n ? &service->rows[(service->n - 1 - i) % RECENT] : NULL;
}

static void note_service(struct service *services, uint64_t key, const struct past_row *past)
{
    struct service *service = &services[mix(key) % SERVICES_KEPT];
    if (service->key != key)
        *service = (struct service){ .key = key };
    service->rows[service->n++ % RECENT] = *past;
}

static const struct past_row *find_single(const struct single *singles, uint64_t key)
{
    const struct single *single = &singles[key % SERVICES_KEPT];
    return single->key == key ? &single->row : NULL;
}

static void note_single(struct single *singles, uint64_t key, const struct past_row *past)
{
    singles[key % SERVICES_KEPT] = (struct single){ key, *past };
}

void conversation_references(const struct conversation_memory *memory, const struct row *row,
                             const struct past_row *references[N_REFERENCES])
{
    uint64_t same = service_key(row, true), like = service_key(row, false);
    for (size_t r = 0; r < N_REFERENCES; r++)
        references[r] = NULL;
    find_service(memory->like_services, like, references + REFERENCE_LIKE);
    references[REFERENCE_LIKE_PACKETS] = find_single(memory->like_packets, packets_key(like, row));
    int place = find_place(&memory->remote_table,
                           key_of_remote((uint32_t)row->value[ATTRIBUTE_REMOTE]));
    if (place < 0)
        return;
    const struct past_row *last =
        &memory->remote_places[place].last_of[row->value[ATTRIBUTE_DIRECTION]];
    references[REFERENCE_REMOTE] = last->n_flows > 0 ? last : NULL;
    find_service(memory->same_services, same, references + REFERENCE_SERVICE);
    references[REFERENCE_SERVICE_PACKETS] = find_single(memory->same_packets,
                                                        packets_key(same, row));
}

void conversation_note(struct conversation_memory *memory, const struct row *row, int64_t clock)
{
    struct past_row past = { .row = *row, .clock = clock, .index = memory->n_rows++ };
    note_conversation(memory, &past);
    note_remote(memory, &past);
    uint64_t same = service_key(row, true), like = service_key(row, false);
    note_service(memory->same_services, same, &past);
    note_service(memory->like_services, like, &past);
    note_single(memory->same_packets, packets_key(same, row), &past);
    note_single(memory->like_packets, packets_key(like, row), &past);
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
