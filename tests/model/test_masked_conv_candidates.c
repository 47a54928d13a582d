/* The conversations and remotes that a flow may belong to, as rows and as names. */
#include "testing.h"

#include "base/memory.h"
#include "masked_conv_fixture.h"
#include "model/masked_conv/live.h"
#include "model_fixture.h"

#include <stdlib.h>
#include <string.h>

/* ---- lists -------------------------------------------------------------------------------- */

static void assert_same_list(const struct candidate_list *a, const struct candidate_list *b)
{
    assert_quick(a->n == b->n);
    for (size_t rank = 0; rank < a->n; rank++) {
        const struct candidate *x = &a->items[rank], *y = &b->items[rank];
        assert_quick(x->clock == y->clock);
        assert_quick(x->interval == y->interval);
        assert_quick(x->index == y->index);
        assert_quick(x->n_flows == y->n_flows);
        assert_quick(x->n_in_hour == y->n_in_hour);
        assert_quick(x->slot == y->slot);
        assert_quick(x->steps == y->steps);
        assert_quick(x->remote == y->remote);
        assert_quick(x->level == y->level);
        assert_quick(x->look.service == y->look.service);
        assert_quick(x->look.remote == y->look.remote);
        assert_quick(x->look.form == y->look.form);
        assert_quick(x->look.flags == y->look.flags);
        assert_quick(x->look.size == y->look.size);
        assert_quick(x->beat.start == y->beat.start);
        for (size_t r = 0; r < BEAT_RHYTHMS; r++) {
            assert_quick(x->beat.rhythms[r].ago == y->beat.rhythms[r].ago);
            assert_quick(x->beat.rhythms[r].period == y->beat.rhythms[r].period);
            assert_quick(x->beat.rhythms[r].n_steady == y->beat.rhythms[r].n_steady);
        }
        assert_quick(x->usual_period.seconds == y->usual_period.seconds);
        assert_quick(x->usual_period.share == y->usual_period.share);
    }
}

/* before: the clock of the flow before it of the same conversation or remote. */
static struct candidate candidate_of(const struct vocabulary *vocabulary,
                                     const struct like_rows *like_rows, const struct past_row *past,
                                     int64_t before)
{
    return (struct candidate){ .clock = past->clock,
                               .interval = past->n_flows > 1 ? past->clock - before : 0,
                               .index = past->index,
                               .n_flows = past->n_flows,
                               .n_in_hour = past->n_in_hour,
                               .slot = (uint8_t)service_slot(NULL, &past->row),
                               .look = candidate_look(vocabulary, &past->row),
                               .remote = (uint32_t)past->row.value[ATTRIBUTE_REMOTE],
                               .level = like_rows_level(like_rows, (int32_t)past->index,
                                                        PACKETS_SERVICE_REMOTE),
                               .beat = past->beat };
}

/* Clocks of the flows before each row, of its conversation and with its remote. */
struct clocks_before {
    int64_t *of_conversation, *of_remote;
};

/* What the memory says that is near. */
static void read_memory(const struct conversation_memory *memory,
                        const struct vocabulary *vocabulary, const struct like_rows *like_rows,
                        const struct clocks_before *before_rows,
                        struct candidate_list *conversations, struct candidate_list *remotes)
{
    conversations->n = conversation_count(memory);
    remotes->n = conversation_remote_count(memory);
    conversations->n = conversations->n < NEAR_CONVERSATIONS ? conversations->n
                                                             : NEAR_CONVERSATIONS;
    remotes->n = remotes->n < NEAR_REMOTES ? remotes->n : NEAR_REMOTES;
    for (size_t rank = 0; rank < conversations->n; rank++) {
        const struct past_row *last = conversation_at(memory, rank);
        conversations->items[rank] = candidate_of(vocabulary, like_rows, last,
                                                  before_rows->of_conversation[last->index]);
    }
    for (size_t rank = 0; rank < remotes->n; rank++) {
        struct link link = { LINK_REMOTE, (uint32_t)rank };
        const struct past_row *last = conversation_remote_at(memory, rank);
        const struct past_row *before = conversation_before(memory, &link);
        remotes->items[rank] = candidate_of(vocabulary, like_rows, last,
                                            before_rows->of_remote[last->index]);
        assert_quick((before != NULL) == (last->n_flows > 1));
        if (before != NULL)
            remotes->items[rank].steps = candidate_steps(&before->row, &last->row);
    }
}

/* A host's lists in drawing and those of a linked sequence, read forwards and backwards, are what
 * the memory says; the crowded rows have remotes that were long out of sight. */
START_TEST(near_ones_are_those_of_the_memory)
{
    struct sequence_set *set = _i == 0 ? fixture_network(3, 7, 4) : crowded_sequence(3, 1500);
    struct vocabulary vocabulary;
    vocabulary_learn(&vocabulary, set);
    size_t n_far = 0, n_intervals = 0;
    for (size_t s = 0; s < set->n; s++) {
        const struct sequence *sequence = &set->items[s];
        struct linked_sequence *linked = linked_sequence_create(sequence, &vocabulary, true, true,
                                                                NULL);
        struct candidate_list(*expected)[2] = memory_zalloc(sequence->n_rows, sizeof *expected);
        struct candidate_list conversations, remotes;
        struct clocks_before before = { memory_zalloc(sequence->n_rows, sizeof(int64_t)),
                                        memory_zalloc(sequence->n_rows, sizeof(int64_t)) };
        struct live_host host;
        live_host_init(&host, &vocabulary, sequence->start, true, true, true);
        for (size_t i = 0; i < sequence->n_rows; i++) {
            read_memory(host.memory, &vocabulary, host.past, &before, &expected[i][0],
                        &expected[i][1]);
            assert_same_list(&host.conversations, &expected[i][0]);
            assert_same_list(&host.remotes, &expected[i][1]);
            linked_sequence_candidates(linked, i, &conversations, &remotes);
            assert_same_list(&conversations, &expected[i][0]);
            assert_same_list(&remotes, &expected[i][1]);
            live_begin_known(&host, &sequence->rows[i]);
            const struct link *link = &host.context.link;
            n_far += link->kind != LINK_NEW && link->rank >= near_ranks(link->kind);
            const struct past_row *with_remote = conversation_of_remote(
                host.memory, (uint32_t)sequence->rows[i].value[ATTRIBUTE_REMOTE]);
            if (link_is_of_conversation(link->kind))
                before.of_conversation[i] = host.context.match.clock;
            if (with_remote != NULL)
                before.of_remote[i] = with_remote->clock;
            live_end(&host);
            n_intervals += host.conversations.items[0].interval > 0;
        }
        for (size_t i = sequence->n_rows; i-- > 0;) {
            linked_sequence_candidates(linked, i, &conversations, &remotes);
            assert_same_list(&conversations, &expected[i][0]);
            assert_same_list(&remotes, &expected[i][1]);
        }
        live_host_release(&host);
        linked_sequence_free(linked);
        free(expected);
        free(before.of_conversation);
        free(before.of_remote);
    }
    ck_assert_uint_gt(n_intervals, 0);
    ck_assert_uint_gt(n_far, 0);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

START_TEST(without_memory_there_are_none)
{
    struct sequence_set *set = crowded_sequence(3, 100);
    struct vocabulary vocabulary;
    vocabulary_learn(&vocabulary, set);
    struct linked_sequence *linked = linked_sequence_create(&set->items[0], &vocabulary, false,
                                                            true, NULL);
    struct live_host host;
    live_host_init(&host, &vocabulary, set->items[0].start, false, true, true);
    for (size_t i = 0; i < set->items[0].n_rows; i++) {
        struct candidate_list conversations, remotes;
        linked_sequence_candidates(linked, i, &conversations, &remotes);
        ck_assert_uint_eq(conversations.n + remotes.n, 0);
        live_begin_known(&host, &set->items[0].rows[i]);
        live_end(&host);
        ck_assert_uint_eq(host.conversations.n + host.remotes.n, 0);
    }
    live_host_release(&host);
    linked_sequence_free(linked);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

START_TEST(the_last_makes_room_in_a_full_list)
{
    struct candidate_list list = { .n_max = 3 };
    static const struct {
        size_t rank;
        uint64_t index, expected[3];
    } steps[] = {
        { 0, 1, { 1 } },       { 7, 2, { 2, 1 } },
        { 2, 3, { 3, 2, 1 } }, { 1, 4, { 4, 3, 1 } }, /* 2 moves to the front, as 4 */
        { 2, 5, { 5, 4, 3 } },                        /* so does 1 */
        { 3, 6, { 6, 5, 4 } },                        /* 3 is let go */
        { 0, 7, { 7, 5, 4 } },
    };
    for (size_t s = 0; s < ARRAY_LEN(steps); s++) {
        candidate_front(&list, steps[s].rank, &(struct candidate){ .index = steps[s].index });
        ck_assert_uint_eq(list.n, s < 3 ? s + 1 : 3);
        for (size_t i = 0; i < list.n; i++)
            ck_assert_uint_eq(list.items[i].index, steps[s].expected[i]);
    }
}
END_TEST

/* ---- names -------------------------------------------------------------------------------- */

static int64_t two_ports[] = { 53, 80 }, two_remotes[] = { 7, 9 }, one_flag[] = { 2 };
static const struct vocabulary vocabulary = {
    .lists = { [ATTRIBUTE_REMOTE_PORT] = { two_ports, 2 },
               [ATTRIBUTE_REMOTE] = { two_remotes, 2 },
               [ATTRIBUTE_FLAGS] = { one_flag, 1 } },
};

static struct row flow(void)
{
    return (struct row){ .value = { [ATTRIBUTE_REMOTE] = 7,
                                    [ATTRIBUTE_PROTOCOL] = PROTOCOL_TCP,
                                    [ATTRIBUTE_LOCAL_PORT] = 40000,
                                    [ATTRIBUTE_REMOTE_PORT] = 80,
                                    [ATTRIBUTE_FLAGS] = 2,
                                    [ATTRIBUTE_PACKETS] = 3 } };
}

enum { CLOCK = 10000, INDEX = 50 };

/* Three of these were with remote 8, one of them a reply or repeat. */
static const struct followers followed = {
    .n = { 5, 2 },
    .remotes = { { 8, 8, 9, 8, 10 }, { 8, 11 } },
    .is_of_conversation = { { false, true, false, false, true }, { false, false } },
};

/* Flows that are to come, by service and turn: of each kind of link the same. */
static const struct pace_counts to_come = {
    .of_service = { [LINK_REPLY * SERVICE_SLOTS + 1] = 8,
                    [LINK_REPLY * SERVICE_SLOTS + 2] = 1,
                    [LINK_REPEAT * SERVICE_SLOTS + 1] = 4,
                    [LINK_REMOTE * SERVICE_SLOTS + 3] = 9 },
    .of_turn = { [LINK_REPLY * PACE_TURNS + 2] = 3, [LINK_REMOTE * PACE_TURNS + 0] = 1 },
};

static struct candidate usual(void)
{
    struct row row = flow();
    return (struct candidate){ .clock = CLOCK - 100,
                               .interval = 100,
                               .index = INDEX - 9,
                               .n_flows = 2,
                               .n_in_hour = 2,
                               .slot = 1,
                               .level = 4,
                               .remote = 7,
                               .look = candidate_look(&vocabulary, &row),
                               .beat = { CLOCK - 100, { { 0, 100, 3 } } },
                               .usual_period = { 70, 1 } };
}

/* The names of one candidate as a conversation and as a remote, by aspect, at rank 3 of a list of
 * others: [reply, repeat, remote]. */
static void names_of(const struct candidate *candidate, uint16_t names[3][CANDIDATE_ASPECTS])
{
    static uint16_t all[CANDIDATE_ASPECTS * CANDIDATE_ROUTES];
    static const size_t routes[] = { LINK_CODE_REPLY, LINK_CODE_REPEAT, LINK_CODE_REMOTE };
    struct candidate_list list = { .n = 5 };
    for (size_t rank = 0; rank < list.n; rank++)
        list.items[rank] = usual();
    list.items[3] = *candidate;
    candidate_names(&vocabulary, &list, &list, &followed, &to_come, CLOCK, INDEX, all);
    for (size_t r = 0; r < 3; r++)
        for (size_t a = 0; a < CANDIDATE_ASPECTS; a++)
            names[r][a] = all[a * CANDIDATE_ROUTES + routes[r] + 3];
}

/* What a change of a candidate changes of its names: bit 3 a + r for aspect a of route r. */
static uint64_t change_of(const struct candidate *candidate)
{
    struct candidate before = usual();
    uint16_t old[3][CANDIDATE_ASPECTS], new[3][CANDIDATE_ASPECTS];
    uint64_t changed = 0;
    names_of(&before, old);
    names_of(candidate, new);
    for (unsigned a = 0; a < CANDIDATE_ASPECTS; a++)
        for (unsigned r = 0; r < 3; r++)
            changed |= (uint64_t)(old[r][a] != new[r][a]) << (3 * a + r);
    return changed;
}

#define ALL_ROUTES   UINT64_C(7)
#define CONVERSATION UINT64_C(3) /* replies and repeats */
#define REMOTE       UINT64_C(4)

enum {
    STATE = 0, /* shifts */
    FLOWS = 3,
    AGE = 6,
    BEAT = 9,
    LEVEL = 12,
    FOLLOWS = 15,
    FOLLOWS_TWO = 18,
    SERVICE_DUE = 21,
    TURN_DUE = 24,
    ONTIME = 27,
    PERIOD = 30,
    LAST = 33,  /* of conversations the size, of remotes the rows since */
    STEPS = 36, /* of conversations the interval */
    FLAGS = 39,
    SERVICE = 42,
    PERSON = 45, /* the remote: by age, */
    PERSON_FLOWS = 48,
};

START_TEST(a_name_says_what_a_candidate_is_like)
{
    struct candidate candidate = usual();
    ck_assert_uint_eq(change_of(&candidate), 0);
    candidate.n_flows = 8; /* more than one before as well */
    ck_assert_uint_eq(change_of(&candidate),
                      ALL_ROUTES << STATE | ALL_ROUTES << FLOWS | ALL_ROUTES << PERSON_FLOWS);
    candidate.n_flows = 1;
    ck_assert_uint_eq(change_of(&candidate),
                      ALL_ROUTES << STATE | ALL_ROUTES << FLOWS | ALL_ROUTES << BEAT |
                          ALL_ROUTES << FLAGS | ALL_ROUTES << SERVICE | ALL_ROUTES << PERSON_FLOWS);
    candidate = usual();
    candidate.interval = 1000;
    ck_assert_uint_eq(change_of(&candidate), ALL_ROUTES << BEAT | CONVERSATION << STEPS);
    candidate = usual();
    candidate.slot = 2; /* replies of it are to come, but fewer for each */
    ck_assert_uint_eq(change_of(&candidate), (UINT64_C(1) | UINT64_C(2)) << SERVICE_DUE);
    candidate.slot = 3;
    ck_assert_uint_eq(change_of(&candidate), ALL_ROUTES << SERVICE_DUE);
    candidate = usual();
    candidate.n_in_hour = 1; /* turn 1, of which none are to come: as for two before it */
    ck_assert_uint_eq(change_of(&candidate), UINT64_C(1) << TURN_DUE);
    candidate.n_in_hour = 3; /* the same turn */
    ck_assert_uint_eq(change_of(&candidate), 0);
    candidate = usual();
    candidate.level = 5;
    ck_assert_uint_eq(change_of(&candidate), ALL_ROUTES << LEVEL);
    candidate = usual();
    candidate.remote = 8; /* two and one of five, one of two */
    ck_assert_uint_eq(change_of(&candidate), ALL_ROUTES << FOLLOWS | REMOTE << FOLLOWS_TWO);
    candidate.remote = 11;
    ck_assert_uint_eq(change_of(&candidate), REMOTE << FOLLOWS_TWO);
    candidate.remote = 9;
    ck_assert_uint_eq(change_of(&candidate), REMOTE << FOLLOWS);
    candidate.remote = 10;
    ck_assert_uint_eq(change_of(&candidate), CONVERSATION << FOLLOWS);
    candidate = usual();
    candidate.steps = 3;
    ck_assert_uint_eq(change_of(&candidate), REMOTE << STEPS);
    candidate = usual();
    candidate.index--;
    ck_assert_uint_eq(change_of(&candidate), 0);
    candidate.index -= 8;
    ck_assert_uint_eq(change_of(&candidate), REMOTE << LAST);
    candidate = usual();
    candidate.clock = CLOCK - 70; /* sooner than it would be due, in the same coarse age */
    ck_assert_uint_eq(change_of(&candidate), ALL_ROUTES << AGE | ALL_ROUTES << BEAT);
    candidate.clock = CLOCK;
    ck_assert_uint_eq(change_of(&candidate), ALL_ROUTES << AGE | ALL_ROUTES << BEAT |
                                                 ALL_ROUTES << FLAGS | ALL_ROUTES << SERVICE |
                                                 ALL_ROUTES << PERSON);
}
END_TEST

/* How late it is for the beat, by steps, and how sure that is. */
START_TEST(a_name_says_how_late_a_candidate_is)
{
    static const struct {
        struct beat beat;
        int32_t usual_period;
        uint64_t changed;
    } cases[] = {
        { { CLOCK - 100, { { 0, 100, 2 } } }, 70, 0 },
        { { CLOCK - 100, { { 0, 100, 4 } } }, 70, ALL_ROUTES << ONTIME },
        { { CLOCK - 101, { { 0, 100, 3 } } }, 70, ALL_ROUTES << ONTIME }, /* a second late */
        { { CLOCK - 99, { { 0, 100, 3 } } }, 70, ALL_ROUTES << ONTIME },
        { { CLOCK - 102, { { 0, 100, 3 } } }, 70, ALL_ROUTES << ONTIME },
        { { CLOCK - 200, { { 0, 200, 3 } } }, 70, 0 },
        { { CLOCK - 100, { { 5, 60, 0 }, { 0, 100, 3 } } }, 70, 0 }, /* the second is now */
        { { CLOCK - 100, { { 0, 400, 9 }, { 0, 100, 3 } } }, 70, 0 },
        { { CLOCK - 100, { { 0, 100, 3 }, { 0, 101, 8 } } }, 70, ALL_ROUTES << ONTIME },
        { { CLOCK - 100, { { 0, 100, 0 } } }, 70, ALL_ROUTES << ONTIME | ALL_ROUTES << PERIOD },
        { { CLOCK - 60, { { 0, 60, 1 } } }, 70, ALL_ROUTES << ONTIME | ALL_ROUTES << PERIOD },
        { { CLOCK - 100, { { 0, 0, 0 } } }, 100, ALL_ROUTES << ONTIME | ALL_ROUTES << PERIOD },
        { { CLOCK - 100, { { 0, 0, 0 } } }, 0, ALL_ROUTES << ONTIME },
        { { CLOCK - 9, { { 0, 100, 3 } } }, 70, ALL_ROUTES << ONTIME },
    };
    struct candidate candidate = usual();
    candidate.beat = cases[_i].beat;
    candidate.usual_period.seconds = cases[_i].usual_period;
    ck_assert_uint_eq(change_of(&candidate), cases[_i].changed);
}
END_TEST

static struct candidate looks_like(const struct row *row)
{
    struct candidate candidate = usual();
    candidate.look = candidate_look(&vocabulary, row);
    return candidate;
}

START_TEST(a_look_is_that_of_the_last_flow)
{
    static const struct {
        enum attribute attribute;
        int64_t value;
        uint64_t changed;
    } changes[] = {
        { ATTRIBUTE_REMOTE, 9, ALL_ROUTES << PERSON | ALL_ROUTES << PERSON_FLOWS },
        { ATTRIBUTE_REMOTE, 8, ALL_ROUTES << PERSON | ALL_ROUTES << PERSON_FLOWS },
        { ATTRIBUTE_DIRECTION, 1, ALL_ROUTES << STATE },
        { ATTRIBUTE_PROTOCOL, PROTOCOL_UDP, ALL_ROUTES << STATE },
        { ATTRIBUTE_REMOTE_PORT, 53, ALL_ROUTES << SERVICE },
        { ATTRIBUTE_LOCAL_PORT, 79, ALL_ROUTES << SERVICE }, /* the lower one, of a block */
        { ATTRIBUTE_LOCAL_PORT, 50000, 0 },
        { ATTRIBUTE_FLAGS, 16, ALL_ROUTES << FLAGS },
        { ATTRIBUTE_PACKETS, 2, 0 },
        { ATTRIBUTE_PACKETS, 1, CONVERSATION << LAST },
        { ATTRIBUTE_DURATION, 5, CONVERSATION << LAST },
        { ATTRIBUTE_BYTES, 5, 0 },
    };
    struct row row = flow();
    row.value[changes[_i].attribute] = changes[_i].value;
    struct candidate candidate = looks_like(&row);
    ck_assert_uint_eq(change_of(&candidate), changes[_i].changed);
}
END_TEST

/* Replies, repeats and remotes have names of their own, all of them within the outputs and the
 * table, whatever the candidate. */
START_TEST(names_are_of_one_kind_of_route)
{
    size_t n_outputs = candidate_outputs(), n_entries = candidate_table_size(&vocabulary);
    uint8_t *owners = memory_zalloc(n_outputs + n_entries, sizeof *owners);
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    for (int i = 0; i < 20000; i++) {
        struct row row = crowded_row(&rng);
        row.value[ATTRIBUTE_REMOTE] = (int64_t)rng_below(&rng, 12);
        row.value[ATTRIBUTE_PACKETS] = INT64_C(1) << rng_below(&rng, 40);
        struct candidate candidate = looks_like(&row);
        candidate.n_flows = 1 + (uint32_t)rng_below(&rng, 30);
        candidate.clock = CLOCK - ((INT64_C(1) << rng_below(&rng, 40)) - 1);
        candidate.interval = (INT64_C(1) << rng_below(&rng, 40)) - 1;
        candidate.index = rng_below(&rng, INDEX);
        candidate.steps = (uint8_t)rng_below(&rng, 10);
        candidate.level = (uint8_t)rng_below(&rng, LEVEL_CODES);
        candidate.remote = (uint32_t)rng_below(&rng, 12);
        candidate.slot = (uint8_t)rng_below(&rng, SERVICE_SLOTS);
        candidate.n_in_hour = 1 + (uint32_t)rng_below(&rng, 3000);
        candidate.beat = (struct beat){ CLOCK - (int64_t)rng_below(&rng, 200),
                                        { { 0, (int32_t)rng_below(&rng, 200),
                                            (uint8_t)rng_below(&rng, 12) } } };
        candidate.usual_period = (struct usual_period){ rng_below(&rng, 2) > 0 ? 60 : 0,
                                                        (uint8_t)rng_below(&rng, USUAL_SHARES) };
        uint16_t names[3][CANDIDATE_ASPECTS];
        names_of(&candidate, names);
        for (size_t r = 0; r < 3; r++)
            for (size_t a = 0; a < CANDIDATE_ASPECTS; a++) {
                bool is_output = a < CANDIDATE_OUTPUT_ASPECTS;
                size_t name = is_output ? names[r][a] - (size_t)N_LINK_CODES : names[r][a];
                ck_assert_uint_lt(name, is_output ? n_outputs : n_entries);
                owners[is_output ? name : n_outputs + name] |= (uint8_t)(1 << r);
            }
    }
    size_t n_used = 0;
    for (size_t i = 0; i < n_outputs + n_entries; i++) {
        ck_assert((owners[i] & (owners[i] - 1)) == 0);
        n_used += i < n_outputs && owners[i] != 0;
    }
    ck_assert_uint_gt(n_used, 2 * n_outputs / 5);
    free(owners);
}
END_TEST

/* What drawing adds up is what the names say. */
START_TEST(numbers_are_added_by_their_names)
{
    struct rng rng = rng_stream(2, RNG_TEST, 0, 0);
    size_t n_outputs = N_LINK_CODES + candidate_outputs(),
           n_entries = candidate_table_size(&vocabulary);
    real *outputs = memory_alloc(n_outputs, sizeof *outputs);
    real *table = memory_alloc(n_entries, sizeof *table);
    uint16_t names[CANDIDATE_ASPECTS * CANDIDATE_ROUTES];
    struct candidate_list conversations = { .n = 21 }, remotes = { .n = NEAR_REMOTES };
    for (size_t i = 0; i < n_outputs; i++)
        outputs[i] = (real)rng_normal(&rng);
    for (size_t i = 0; i < n_entries; i++)
        table[i] = (real)rng_normal(&rng);
    for (size_t rank = 0; rank < NEAR_REMOTES; rank++) {
        struct row row = crowded_row(&rng);
        struct candidate candidate = looks_like(&row);
        candidate.clock = CLOCK - (int64_t)rng_below(&rng, 2000);
        candidate.interval = (int64_t)rng_below(&rng, 2000);
        candidate.n_flows = 1 + (uint32_t)rng_below(&rng, 60);
        candidate.remote = (uint32_t)rng_below(&rng, 12);
        candidate.slot = (uint8_t)rng_below(&rng, 5);
        candidate.n_in_hour = 1 + (uint32_t)rng_below(&rng, 8);
        candidate.beat = (struct beat){ CLOCK - (int64_t)rng_below(&rng, 200),
                                        { { 0, (int32_t)rng_below(&rng, 200), 1 } } };
        remotes.items[rank] = candidate;
        conversations.items[rank] = candidate;
    }
    const struct pace_counts *due = _i == 0 ? &to_come : NULL;
    candidate_names(&vocabulary, &conversations, &remotes, &followed, due, CLOCK, INDEX, names);
    real *added = memory_alloc(n_outputs, sizeof *added);
    memcpy(added, outputs, n_outputs * sizeof *added);
    candidate_add(&vocabulary, &conversations, &remotes, &followed, due, CLOCK, INDEX, table,
                  added);
    for (size_t route = 0; route < n_outputs; route++) {
        struct link link = route < CANDIDATE_ROUTES ? link_of_code((int)route)
                                                    : (struct link){ LINK_NEW, 0 };
        double sum = (double)outputs[route];
        bool is_there = link.kind == LINK_REMOTE ||
                        (link.kind != LINK_NEW && link.rank < conversations.n);
        for (size_t a = 0; is_there && a < CANDIDATE_ASPECTS; a++) {
            uint16_t name = names[a * CANDIDATE_ROUTES + route];
            sum += (double)(a < CANDIDATE_OUTPUT_ASPECTS ? outputs : table)[name];
        }
        assert_near((double)added[route], sum, 1e-5);
    }
    free(outputs);
    free(table);
    free(added);
}
END_TEST

START_TEST(codes_of_links_can_be_read_back)
{
    for (int code = 0; code < N_LINK_CODES; code++) {
        struct link link = link_of_code(code);
        ck_assert_int_eq(link_code(&link), code);
        ck_assert_int_eq(link.kind != LINK_NEW && link.rank >= near_ranks(link.kind),
                         code >= LINK_CODE_OLDER_REPLY && code < LINK_CODE_NEW);
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/candidates");
    testing_add_loop(suite, near_ones_are_those_of_the_memory, 2);
    testing_add(suite, without_memory_there_are_none);
    testing_add(suite, the_last_makes_room_in_a_full_list);
    testing_add(suite, a_name_says_what_a_candidate_is_like);
    testing_add_loop(suite, a_name_says_how_late_a_candidate_is, 14);
    testing_add_loop(suite, a_look_is_that_of_the_last_flow, 12);
    testing_add(suite, names_are_of_one_kind_of_route);
    testing_add_loop(suite, numbers_are_added_by_their_names, 2);
    testing_add(suite, codes_of_links_can_be_read_back);
    return suite;
}
