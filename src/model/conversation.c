#include "model/conversation.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* What tells conversations apart, in one word: remote and ports; the protocol stands beside. */
typedef uint64_t endpoint_key;

/* Services are kept in a table that a newer one with the same place overwrites. */
#define SERVICES_KEPT 2048

struct remote {
    uint32_t address;
    struct past_row last;
    struct past_row last_of[2]; /* by direction; n_flows is 0 where there was none */
};

struct service {
    uint64_t key; /* 0: empty */
    struct past_row last;
};

/* Numbers of places, most recent first. */
struct recency {
    uint16_t *places;
    size_t n;
};

struct conversation_memory {
    uint64_t n_rows;

    struct recency conversations;
    endpoint_key conversation_keys[CONVERSATIONS_KEPT];
    uint8_t conversation_protocols[CONVERSATIONS_KEPT];
    struct past_row *conversation_rows; /* [CONVERSATIONS_KEPT] */

    struct recency remotes;
    struct remote *remote_places; /* [REMOTES_KEPT] */
    uint16_t *remote_table;       /* open addressing; place + 1, 0: empty */

    struct service *same_services, *like_services; /* [SERVICES_KEPT] */
};

#define REMOTE_TABLE_SIZE (2 * REMOTES_KEPT)

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

static endpoint_key key_of(uint32_t remote, int64_t protocol, int64_t local_port,
                           int64_t remote_port)
{
    uint64_t ports = 0;
    if (conversation_has_ports(protocol))
        ports = (uint64_t)local_port << 16 | (uint64_t)remote_port;
    return (uint64_t)remote << 32 | ports;
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

/* ---- remotes ------------------------------------------------------------------------------ */

/* The cell of the table that holds the address, or the empty one where it would go. */
static size_t remote_cell(const struct conversation_memory *memory, uint32_t address)
{
    size_t cell = mix(address) % REMOTE_TABLE_SIZE;
    while (memory->remote_table[cell] != 0 &&
           memory->remote_places[memory->remote_table[cell] - 1].address != address)
        cell = (cell + 1) % REMOTE_TABLE_SIZE;
    return cell;
}

/* Takes an address out of the table; those behind it that hashed before it move up (Knuth 6.4,
 * algorithm R). */
static void remote_table_remove(struct conversation_memory *memory, uint32_t address)
{
    size_t hole = remote_cell(memory, address), cell = hole;
    memory->remote_table[hole] = 0;
    for (;;) {
        cell = (cell + 1) % REMOTE_TABLE_SIZE;
        uint16_t entry = memory->remote_table[cell];
        if (entry == 0)
            return;
        size_t home = mix(memory->remote_places[entry - 1].address) % REMOTE_TABLE_SIZE;
        size_t from_home = (cell + REMOTE_TABLE_SIZE - home) % REMOTE_TABLE_SIZE;
        size_t from_hole = (cell + REMOTE_TABLE_SIZE - hole) % REMOTE_TABLE_SIZE;
        if (from_home >= from_hole) {
            memory->remote_table[hole] = entry;
            memory->remote_table[cell] = 0;
            hole = cell;
        }
    }
}

/* The place of a remote, or -1. */
static int find_remote(const struct conversation_memory *memory, uint32_t address)
{
    return (int)memory->remote_table[remote_cell(memory, address)] - 1;
}

static void note_remote(struct conversation_memory *memory, const struct past_row *past)
{
    uint32_t address = (uint32_t)past->row.value[ATTRIBUTE_REMOTE];
    int place = find_remote(memory, address);
    size_t rank;
    if (place >= 0) {
        rank = recency_rank(&memory->remotes, (uint16_t)place);
    } else {
        rank = memory->remotes.n;
        place = (int)rank;
        if (rank == REMOTES_KEPT) { /* the oldest one makes room */
            rank--;
            place = memory->remotes.places[rank];
            remote_table_remove(memory, memory->remote_places[place].address);
        }
        memory->remote_places[place] = (struct remote){ .address = address };
        memory->remote_table[remote_cell(memory, address)] = (uint16_t)(place + 1);
    }
    recency_front(&memory->remotes, rank, (uint16_t)place);
    struct remote *remote = &memory->remote_places[place];
    struct past_row *last = &remote->last_of[past->row.value[ATTRIBUTE_DIRECTION]];
    uint32_t n_flows = remote->last.n_flows + 1, n_of_direction = last->n_flows + 1;
    remote->last = *last = *past;
    remote->last.n_flows = n_flows;
    last->n_flows = n_of_direction;
}

/* ---- conversations ------------------------------------------------------------------------ */

/* The place of a conversation, or -1. */
static int find_conversation(const struct conversation_memory *memory, endpoint_key key,
                             int64_t protocol)
{
    size_t n = memory->conversations.n;
    for (size_t place = 0; place < n; place++)
        if (memory->conversation_keys[place] == key &&
            memory->conversation_protocols[place] == protocol)
            return (int)place;
    return -1;
}

static int find_conversation_of(const struct conversation_memory *memory, const struct row *row)
{
    const int64_t *value = row->value;
    return find_conversation(memory,
                             key_of((uint32_t)value[ATTRIBUTE_REMOTE], value[ATTRIBUTE_PROTOCOL],
                                    value[ATTRIBUTE_LOCAL_PORT], value[ATTRIBUTE_REMOTE_PORT]),
                             value[ATTRIBUTE_PROTOCOL]);
}

static void note_conversation(struct conversation_memory *memory, struct past_row *past)
{
    const int64_t *value = past->row.value;
    int place = find_conversation_of(memory, &past->row);
    size_t rank;
    if (place >= 0) {
        rank = recency_rank(&memory->conversations, (uint16_t)place);
        past->n_flows = memory->conversation_rows[place].n_flows + 1;
    } else {
        rank = memory->conversations.n;
        place = (int)rank;
        if (rank == CONVERSATIONS_KEPT) {
            rank--;
            place = memory->conversations.places[rank];
        }
        past->n_flows = 1;
        memory->conversation_keys[place] = key_of(
            (uint32_t)value[ATTRIBUTE_REMOTE], value[ATTRIBUTE_PROTOCOL],
            value[ATTRIBUTE_LOCAL_PORT], value[ATTRIBUTE_REMOTE_PORT]);
        memory->conversation_protocols[place] = (uint8_t)value[ATTRIBUTE_PROTOCOL];
    }
    recency_front(&memory->conversations, rank, (uint16_t)place);
    memory->conversation_rows[place] = *past;
}

/* ---- the memory --------------------------------------------------------------------------- */

struct conversation_memory *conversation_memory_create(void)
{
    struct conversation_memory *memory = memory_zalloc(1, sizeof *memory);
    memory->conversations.places = memory_alloc(CONVERSATIONS_KEPT, sizeof(uint16_t));
    memory->conversation_rows = memory_zalloc(CONVERSATIONS_KEPT, sizeof(struct past_row));
    memory->remotes.places = memory_alloc(REMOTES_KEPT, sizeof(uint16_t));
    memory->remote_places = memory_zalloc(REMOTES_KEPT, sizeof(struct remote));
    memory->remote_table = memory_zalloc(REMOTE_TABLE_SIZE, sizeof(uint16_t));
    memory->same_services = memory_zalloc(SERVICES_KEPT, sizeof(struct service));
    memory->like_services = memory_zalloc(SERVICES_KEPT, sizeof(struct service));
    return memory;
}

void conversation_memory_free(struct conversation_memory *memory)
{
    if (memory == NULL)
        return;
    free(memory->conversations.places);
    free(memory->conversation_rows);
    free(memory->remotes.places);
    free(memory->remote_places);
    free(memory->remote_table);
    free(memory->same_services);
    free(memory->like_services);
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
    int place = find_conversation_of(memory, row);
    if (place >= 0) {
        const struct past_row *past = &memory->conversation_rows[place];
        bool is_repeat = past->row.value[ATTRIBUTE_DIRECTION] == row->value[ATTRIBUTE_DIRECTION];
        return (struct link){
            is_repeat ? LINK_REPEAT : LINK_REPLY,
            (uint32_t)recency_rank(&memory->conversations, (uint16_t)place),
        };
    }
    place = find_remote(memory, (uint32_t)row->value[ATTRIBUTE_REMOTE]);
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
    return find_remote(memory, remote) >= 0;
}

bool conversation_is_kept(const struct conversation_memory *memory, uint32_t remote,
                          int64_t protocol, int64_t local_port, int64_t remote_port)
{
    return find_conversation(memory, key_of(remote, protocol, local_port, remote_port), protocol) >=
           0;
}

static const struct past_row *find_service(const struct service *services, uint64_t key)
{
    const struct service *service = &services[mix(key) % SERVICES_KEPT];
    return service->key == key ? &service->last : NULL;
}

static void note_service(struct service *services, uint64_t key, const struct past_row *past)
{
    services[mix(key) % SERVICES_KEPT] = (struct service){ key, *past };
}

struct past_references conversation_references(const struct conversation_memory *memory,
                                               const struct row *row)
{
    struct past_references references = {
        .same_service = find_service(memory->same_services, service_key(row, true)),
        .like_service = find_service(memory->like_services, service_key(row, false)),
    };
    int place = find_remote(memory, (uint32_t)row->value[ATTRIBUTE_REMOTE]);
    if (place >= 0) {
        const struct past_row *last =
            &memory->remote_places[place].last_of[row->value[ATTRIBUTE_DIRECTION]];
        references.same_remote = last->n_flows > 0 ? last : NULL;
    }
    return references;
}

void conversation_note(struct conversation_memory *memory, const struct row *row, int64_t clock)
{
    struct past_row past = { .row = *row, .clock = clock, .index = memory->n_rows++ };
    note_conversation(memory, &past);
    note_remote(memory, &past);
    note_service(memory->same_services, service_key(row, true), &past);
    note_service(memory->like_services, service_key(row, false), &past);
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
