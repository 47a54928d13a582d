#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "model/conversation.h"

#include <stdlib.h>
#include <string.h>

/* ---- the same with lists, searched from the front ------------------------------------------ */

struct plain_entry {
    struct past_row past;       /* of the conversation or remote: the last row */
    struct past_row last_of[2]; /* by direction; n_flows 0: none */
};

struct plain_list {
    struct plain_entry *entries; /* most recent first */
    size_t n, n_max;
};

struct plain_memory {
    struct plain_list conversations, remotes;
    struct row *rows; /* all of them */
    int64_t *clocks;
    size_t n;
};

static bool is_same_conversation(const struct row *a, const struct row *b)
{
    const int64_t *x = a->value, *y = b->value;
    if (x[ATTRIBUTE_REMOTE] != y[ATTRIBUTE_REMOTE] ||
        x[ATTRIBUTE_PROTOCOL] != y[ATTRIBUTE_PROTOCOL])
        return false;
    return x[ATTRIBUTE_PROTOCOL] == PROTOCOL_ICMP ||
           (x[ATTRIBUTE_LOCAL_PORT] == y[ATTRIBUTE_LOCAL_PORT] &&
            x[ATTRIBUTE_REMOTE_PORT] == y[ATTRIBUTE_REMOTE_PORT]);
}

static bool is_same_remote(const struct row *a, const struct row *b)
{
    return a->value[ATTRIBUTE_REMOTE] == b->value[ATTRIBUTE_REMOTE];
}

typedef bool is_same_function(const struct row *a, const struct row *b);

/* The rank of the entry that a row belongs to, or n. */
static size_t plain_rank(const struct plain_list *list, is_same_function *is_same,
                         const struct row *row)
{
    size_t rank = 0;
    while (rank < list->n && !is_same(&list->entries[rank].past.row, row))
        rank++;
    return rank;
}

static void plain_front(struct plain_list *list, is_same_function *is_same,
                        const struct past_row *past)
{
    size_t rank = plain_rank(list, is_same, &past->row);
    struct plain_entry entry = { 0 };
    if (rank < list->n)
        entry = list->entries[rank];
    else if (list->n < list->n_max)
        list->n++;
    else
        rank = list->n - 1;
    memmove(list->entries + 1, list->entries, rank * sizeof *list->entries);
    struct past_row *last = &entry.last_of[past->row.value[ATTRIBUTE_DIRECTION]];
    uint32_t n_flows = entry.past.n_flows + 1, n_of_direction = last->n_flows + 1;
    uint32_t n_in_hour = entry.past.n_in_hour;
    int64_t last_clock = entry.past.clock;
    entry.past = *last = *past;
    bool is_same_hour = n_flows > 1 &&
                        last_clock / SECONDS_PER_HOUR == past->clock / SECONDS_PER_HOUR;
    entry.past.n_flows = n_flows;
    entry.past.n_in_hour = (is_same_hour ? n_in_hour : 0) + 1;
    last->n_flows = n_of_direction;
    list->entries[0] = entry;
}

static struct plain_memory plain_create(size_t n_rows)
{
    return (struct plain_memory){
        .conversations = { memory_zalloc(CONVERSATIONS_KEPT, sizeof(struct plain_entry)), 0,
                           CONVERSATIONS_KEPT },
        .remotes = { memory_zalloc(REMOTES_KEPT, sizeof(struct plain_entry)), 0, REMOTES_KEPT },
        .rows = memory_alloc(n_rows, sizeof(struct row)),
        .clocks = memory_alloc(n_rows, sizeof(int64_t)),
    };
}

static void plain_release(struct plain_memory *plain)
{
    free(plain->conversations.entries);
    free(plain->remotes.entries);
    free(plain->rows);
    free(plain->clocks);
}

static void plain_note(struct plain_memory *plain, const struct row *row, int64_t clock)
{
    struct past_row past = { .row = *row, .clock = clock, .index = plain->n };
    plain_front(&plain->conversations, is_same_conversation, &past);
    plain_front(&plain->remotes, is_same_remote, &past);
    plain->rows[plain->n] = *row;
    plain->clocks[plain->n++] = clock;
}

static struct link plain_link(const struct plain_memory *plain, const struct row *row)
{
    size_t rank = plain_rank(&plain->conversations, is_same_conversation, row);
    if (rank < plain->conversations.n) {
        const struct row *last = &plain->conversations.entries[rank].past.row;
        bool is_repeat = last->value[ATTRIBUTE_DIRECTION] == row->value[ATTRIBUTE_DIRECTION];
        return (struct link){ is_repeat ? LINK_REPEAT : LINK_REPLY, (uint32_t)rank };
    }
    rank = plain_rank(&plain->remotes, is_same_remote, row);
    if (rank < plain->remotes.n)
        return (struct link){ LINK_REMOTE, (uint32_t)rank };
    return (struct link){ LINK_NEW, 0 };
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* How many of each the rows are drawn from. */
struct world {
    uint64_t n_remotes, n_ports;
};

static struct row random_row(struct rng *rng, const struct world *world)
{
    static const int64_t protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP, 47 };
    struct row row = { 0 };
    row.value[ATTRIBUTE_REMOTE] = (int64_t)(rng_below(rng, world->n_remotes) * 0x01010101u);
    row.value[ATTRIBUTE_DIRECTION] = (int64_t)rng_below(rng, 2);
    row.value[ATTRIBUTE_PROTOCOL] = protocols[rng_below(rng, ARRAY_LEN(protocols))];
    row.value[ATTRIBUTE_LOCAL_PORT] = (int64_t)rng_below(rng, world->n_ports);
    row.value[ATTRIBUTE_REMOTE_PORT] = 65535 - (int64_t)rng_below(rng, world->n_ports);
    row.value[ATTRIBUTE_PACKETS] = 1 + (int64_t)rng_below(rng, 3);
    return row;
}

static void assert_past(const struct past_row *found, const struct past_row *expected)
{
    ck_assert_ptr_nonnull(found);
    ck_assert_uint_eq(found->index, expected->index);
    ck_assert_int_eq(found->clock, expected->clock);
    ck_assert_uint_eq(found->n_flows, expected->n_flows);
    ck_assert_uint_eq(found->n_in_hour, expected->n_in_hour);
    ck_assert_mem_eq(&found->row, &expected->row, sizeof found->row);
}

static void check_room(const struct past_row *found, const struct plain_entry *expected)
{
    int64_t clock = found->clock + 7;
    for (int64_t direction = 0; direction < 2; direction++) {
        const struct past_row *last = &expected->last_of[direction];
        int64_t room = last->n_flows > 0 ? 1000 * (clock - last->clock + 1) : 0;
        ck_assert_int_eq(past_row_room(found, direction, clock), room);
    }
}

static int compare_ports(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void check_kept_ports(const struct conversation_memory *memory,
                             const struct plain_memory *plain, const struct row *row)
{
    uint16_t ports[CONVERSATIONS_KEPT], expected[CONVERSATIONS_KEPT];
    size_t n = conversation_remote_ports(memory, row, ports), n_expected = 0;
    for (size_t rank = 0; rank < plain->conversations.n; rank++) {
        const int64_t *value = plain->conversations.entries[rank].past.row.value;
        if (row->value[ATTRIBUTE_PROTOCOL] != PROTOCOL_ICMP &&
            value[ATTRIBUTE_REMOTE] == row->value[ATTRIBUTE_REMOTE] &&
            value[ATTRIBUTE_PROTOCOL] == row->value[ATTRIBUTE_PROTOCOL] &&
            value[ATTRIBUTE_LOCAL_PORT] == row->value[ATTRIBUTE_LOCAL_PORT])
            expected[n_expected++] = (uint16_t)value[ATTRIBUTE_REMOTE_PORT];
    }
    ck_assert_uint_eq(n, n_expected);
    qsort(ports, n, sizeof *ports, compare_ports);
    qsort(expected, n, sizeof *expected, compare_ports);
    ck_assert(n == 0 || memcmp(ports, expected, n * sizeof *ports) == 0);
}

/* Everything that can be asked before a row is noted. */
static struct link check_row(const struct conversation_memory *memory,
                             const struct plain_memory *plain, const struct row *row,
                             bool is_thorough)
{
    struct link link = conversation_link(memory, row), expected = plain_link(plain, row);
    ck_assert_int_eq(link.kind, expected.kind);
    ck_assert_uint_eq(link.rank, expected.rank);
    ck_assert_uint_eq(conversation_count(memory), plain->conversations.n);
    ck_assert_uint_eq(conversation_remote_count(memory), plain->remotes.n);
    const int64_t *value = row->value;
    bool is_kept = link.kind == LINK_REPLY || link.kind == LINK_REPEAT;
    ck_assert_int_eq(conversation_knows_remote(memory, (uint32_t)value[ATTRIBUTE_REMOTE]),
                     plain_rank(&plain->remotes, is_same_remote, row) < plain->remotes.n);
    ck_assert_int_eq(conversation_is_kept(memory, (uint32_t)value[ATTRIBUTE_REMOTE],
                                          value[ATTRIBUTE_PROTOCOL], value[ATTRIBUTE_LOCAL_PORT],
                                          value[ATTRIBUTE_REMOTE_PORT]),
                     is_kept);

    const struct past_row *match = conversation_match(memory, &link);
    if (link.kind == LINK_NEW) {
        ck_assert_ptr_null(match);
    } else if (link.kind == LINK_REMOTE) {
        assert_past(match, &plain->remotes.entries[link.rank].past);
    } else {
        assert_past(match, &plain->conversations.entries[link.rank].past);
        check_room(match, &plain->conversations.entries[link.rank]);
    }
    check_kept_ports(memory, plain, row);
    for (size_t rank = 0; is_thorough && rank < plain->conversations.n; rank++)
        assert_past(conversation_at(memory, rank), &plain->conversations.entries[rank].past);
    for (size_t rank = 0; is_thorough && rank < plain->remotes.n; rank++)
        assert_past(conversation_remote_at(memory, rank), &plain->remotes.entries[rank].past);
    return link;
}

/* Few remotes and ports: all collide. More of them: both lists overflow. */
static const struct {
    struct world world;
    size_t n_rows;
    bool overflows;
} cases[] = {
    { { 3, 2 }, 4000, false },
    { { 40, 12 }, 8000, false },
    { { 6000, 2 }, 12000, true },
};

START_TEST(it_is_what_a_search_through_lists_finds)
{
    size_t n_rows = cases[_i].n_rows, n_of_kind[N_LINK_KINDS] = { 0 };
    struct conversation_memory *memory = conversation_memory_create();
    struct plain_memory plain = plain_create(n_rows);
    struct rng rng = rng_stream(3, RNG_TEST, (uint64_t)_i, 0);
    int64_t clock = 1000;
    for (size_t i = 0; i < n_rows; i++) {
        struct row row = random_row(&rng, &cases[_i].world);
        n_of_kind[check_row(memory, &plain, &row, i % 997 == 0).kind]++;
        clock += (int64_t)rng_below(&rng, 3);
        conversation_note(memory, &row, clock);
        plain_note(&plain, &row, clock);
    }
    for (size_t kind = 0; kind < N_LINK_KINDS; kind++)
        ck_assert_uint_gt(n_of_kind[kind], 0);
    ck_assert_int_eq(plain.remotes.n == REMOTES_KEPT, cases[_i].overflows);
    if (cases[_i].overflows)
        ck_assert_uint_eq(plain.conversations.n, CONVERSATIONS_KEPT);
    plain_release(&plain);
    conversation_memory_free(memory);
}
END_TEST

static struct row row_of(int64_t protocol, int64_t direction, int64_t local_port,
                         int64_t remote_port)
{
    struct row row = { 0 };
    row.value[ATTRIBUTE_REMOTE] = 0xc0000201;
    row.value[ATTRIBUTE_PROTOCOL] = protocol;
    row.value[ATTRIBUTE_DIRECTION] = direction;
    row.value[ATTRIBUTE_LOCAL_PORT] = local_port;
    row.value[ATTRIBUTE_REMOTE_PORT] = remote_port;
    row.value[ATTRIBUTE_PACKETS] = 1;
    return row;
}

START_TEST(an_echo_and_its_reply_are_one_conversation)
{
    struct conversation_memory *memory = conversation_memory_create();
    struct row echo = row_of(PROTOCOL_ICMP, DIRECTION_OUT, 0, 2048);
    struct row reply = row_of(PROTOCOL_ICMP, DIRECTION_IN, 0, 0);
    struct row datagram = row_of(PROTOCOL_UDP, DIRECTION_OUT, 0, 2048);
    struct row answer = row_of(PROTOCOL_UDP, DIRECTION_IN, 0, 0);
    conversation_note(memory, &echo, 10);
    conversation_note(memory, &datagram, 10);
    ck_assert_int_eq(conversation_link(memory, &reply).kind, LINK_REPLY);
    ck_assert_uint_eq(conversation_link(memory, &reply).rank, 1);
    ck_assert_int_eq(conversation_link(memory, &answer).kind, LINK_REMOTE);
    uint16_t ports[CONVERSATIONS_KEPT];
    ck_assert_uint_eq(conversation_remote_ports(memory, &reply, ports), 0);
    ck_assert_uint_eq(conversation_remote_ports(memory, &answer, ports), 1);
    ck_assert_uint_eq(ports[0], 2048);
    conversation_memory_free(memory);
}
END_TEST

/* What continues a conversation links to it, and nothing else of the row changes. */
START_TEST(what_continues_a_conversation_links_to_it)
{
    struct conversation_memory *memory = conversation_memory_create();
    const struct world world = { 5, 4 };
    struct rng rng = rng_stream(4, RNG_TEST, 0, 0);
    for (size_t i = 0; i < 200; i++) {
        struct row row = random_row(&rng, &world);
        conversation_note(memory, &row, (int64_t)i);
    }
    for (size_t rank = 0; rank < conversation_count(memory); rank++) {
        for (enum link_kind kind = LINK_REPLY; kind <= LINK_REPEAT; kind++) {
            struct row row;
            for (size_t a = 0; a < N_CODED; a++)
                row.value[a] = 60000 + (int64_t)a;
            struct row before = row;
            conversation_continue(&row, conversation_at(memory, rank), kind);
            struct link link = conversation_link(memory, &row);
            ck_assert_int_eq(link.kind, kind);
            ck_assert_uint_eq(link.rank, rank);
            bool has_ports = conversation_has_ports(row.value[ATTRIBUTE_PROTOCOL]);
            for (size_t a = 0; a < N_CODED; a++) {
                bool is_port = a == ATTRIBUTE_LOCAL_PORT || a == ATTRIBUTE_REMOTE_PORT;
                bool is_given = a == ATTRIBUTE_REMOTE || a == ATTRIBUTE_DIRECTION ||
                                a == ATTRIBUTE_PROTOCOL || (is_port && has_ports);
                ck_assert_int_eq(row.value[a] == before.value[a], !is_given);
            }
        }
    }
    conversation_memory_free(memory);
}
END_TEST

START_TEST(an_empty_memory_knows_nothing)
{
    struct conversation_memory *memory = conversation_memory_create();
    struct row row = row_of(PROTOCOL_TCP, DIRECTION_OUT, 0, 0);
    row.value[ATTRIBUTE_REMOTE] = 0;
    ck_assert_int_eq(conversation_link(memory, &row).kind, LINK_NEW);
    ck_assert_uint_eq(conversation_count(memory), 0);
    ck_assert(!conversation_knows_remote(memory, 0));
    ck_assert(!conversation_is_kept(memory, 0, 0, 0, 0));
    conversation_memory_free(memory);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/conversation");
    testing_add_loop(suite, it_is_what_a_search_through_lists_finds, ARRAY_LEN(cases));
    testing_add(suite, an_echo_and_its_reply_are_one_conversation);
    testing_add(suite, what_continues_a_conversation_links_to_it);
    testing_add(suite, an_empty_memory_knows_nothing);
    return suite;
}
