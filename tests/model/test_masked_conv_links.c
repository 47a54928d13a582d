#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "masked_conv_fixture.h"
#include "model/masked_conv/live.h"
#include "model_fixture.h"

#include <stdlib.h>
#include <string.h>

/* ---- contexts ----------------------------------------------------------------------------- */

static void assert_same_row(const struct seen_row *a, const struct seen_row *b)
{
    assert_quick((a->row != NULL) == (b->row != NULL));
    if (a->row == NULL)
        return;
    assert_quick(memcmp(a->row, b->row, sizeof *a->row) == 0);
    assert_quick(a->clock == b->clock);
    assert_quick(a->index == b->index);
}

static int compare_words(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The same numbers, in any order. */
static void assert_same_words(const uint16_t *a, size_t n_a, const uint16_t *b, size_t n_b)
{
    assert_quick(n_a == n_b);
    uint16_t *sorted = memory_alloc(2 * n_a, sizeof *sorted);
    memcpy(sorted, a, n_a * sizeof *sorted);
    memcpy(sorted + n_a, b, n_a * sizeof *sorted);
    qsort(sorted, n_a, sizeof *sorted, compare_words);
    qsort(sorted + n_a, n_a, sizeof *sorted, compare_words);
    assert_quick(memcmp(sorted, sorted + n_a, n_a * sizeof *sorted) == 0);
    free(sorted);
}

/* The same like rows, and the same codes of how numbers came back in them. */
static void assert_same_like_rows(const struct row_context *a, const struct row_context *b)
{
    assert_quick((a->like != NULL) == (b->like != NULL));
    for (enum likeness likeness = 0; a->like != NULL && likeness < N_LIKENESSES; likeness++) {
        struct like_walk walks[] = {
            like_walk_begin(a->past, a->like, (int32_t)a->index, likeness),
            like_walk_begin(b->past, b->like, (int32_t)b->index, likeness),
        };
        const struct row *rows[2];
        assert_quick(a->like[likeness] == b->like[likeness]);
        do {
            for (size_t i = 0; i < 2; i++)
                rows[i] = like_walk_next(&walks[i]);
            assert_quick((rows[0] == NULL) == (rows[1] == NULL));
            assert_quick(rows[0] == NULL || memcmp(rows[0], rows[1], sizeof *rows[0]) == 0);
        } while (rows[0] != NULL);
    }
    for (enum recollection r = 0; a->like != NULL && r < N_RECOLLECTIONS; r++)
        assert_quick(like_rows_code(a->past, a->like, r) == like_rows_code(b->past, b->like, r));
}

static void assert_same_context(const struct row_context *a, const struct row_context *b)
{
    assert_quick(memcmp(a->row, b->row, sizeof *a->row) == 0);
    assert_quick(a->clock == b->clock);
    assert_quick(a->index == b->index);
    assert_quick(a->n_in_second == b->n_in_second);
    assert_same_row(&a->previous, &b->previous);
    assert_quick(a->previous_flows == b->previous_flows);
    assert_quick(a->previous_steps == b->previous_steps);
    assert_same_row(&a->last_new, &b->last_new);
    assert_quick(a->link.kind == b->link.kind);
    assert_quick(a->link.rank == b->link.rank);
    assert_quick(a->n_conversations == b->n_conversations);
    assert_quick(a->n_remotes == b->n_remotes);
    assert_same_row(&a->match, &b->match);
    assert_quick(a->match_flows == b->match_flows);
    assert_quick(a->match_in_hour == b->match_in_hour);
    assert_quick(a->room == b->room);
    const struct beats_due *due = row_context_beats(a), *other = row_context_beats(b);
    assert_quick(due->n == other->n);
    for (size_t i = 0; i < due->n; i++) {
        const struct due_time *x = &due->items[i], *y = &other->items[i];
        assert_quick(x->gap == y->gap && x->service == y->service && x->level == y->level);
        assert_quick(x->kind == y->kind && x->period == y->period);
    }
    assert_same_row(&a->before_match, &b->before_match);
    for (size_t r = 0; r < N_REFERENCES; r++)
        assert_same_row(&a->references[r], &b->references[r]);
    assert_same_like_rows(a, b);
    assert_quick(memcmp(a->shown, b->shown, sizeof a->shown) == 0);
    assert_quick(a->is_icmp_kept == b->is_icmp_kept);
    assert_same_words(a->kept_ports, a->n_kept_ports, b->kept_ports, b->n_kept_ports);
    assert_same_words(a->kept_atoms, a->n_kept_atoms, b->kept_atoms, b->n_kept_atoms);
    assert_quick(a->n_full_octets == b->n_full_octets);
    assert_quick(memcmp(a->full_octets, b->full_octets, a->n_full_octets) == 0);
    assert_quick(a->n_kept_octets == b->n_kept_octets);
    assert_quick(memcmp(a->kept_octets, b->kept_octets, a->n_kept_octets) == 0);
}

/* ---- worlds ------------------------------------------------------------------------------- */

/* Hosts of the simulated network; or crowded rows, before which in the second one a sweep has met
 * all of the neighbours. */
enum { WORLD_NETWORK, WORLD_CROWDED, WORLD_SWEPT, N_WORLDS };

enum { SWEPT = 300 };

static struct sequence_set *world(int which)
{
    if (which == WORLD_NETWORK)
        return fixture_network(3, 7, 4);
    struct sequence_set *set = crowded_sequence(3, 1500);
    for (size_t i = 0; which == WORLD_SWEPT && i < SWEPT; i++)
        set->rows[i].value[ATTRIBUTE_REMOTE] = 0x0b000100 + (int64_t)i;
    for (size_t i = SWEPT; which == WORLD_SWEPT && i < set->n_rows; i++)
        if (i % 5 == 0) /* another remote near by */
            set->rows[i].value[ATTRIBUTE_REMOTE] = 0x0b000000 + (int64_t)(i * 37 % 65536);
    return set;
}

/* Atoms of remotes are learned from less of the same world, so that there are others too. */
static struct vocabulary vocabulary_of(int which)
{
    struct sequence_set *set = which == WORLD_NETWORK ? fixture_network(3, 3, 2)
                                                      : crowded_sequence(4, 4000);
    struct vocabulary vocabulary;
    vocabulary_learn(&vocabulary, set);
    ck_assert_uint_gt(vocabulary.lists[ATTRIBUTE_REMOTE].n, 5);
    sequence_set_free(set);
    return vocabulary;
}

START_TEST(contexts_put_together_are_those_of_the_live_memory)
{
    struct sequence_set *set = world(_i);
    struct vocabulary vocabulary = vocabulary_of(_i);
    size_t n_of_kind[N_LINK_KINDS] = { 0 }, n_ports = 0, n_atoms = 0, n_full = 0, n_icmp = 0;
    for (size_t s = 0; s < set->n; s++) {
        const struct sequence *sequence = &set->items[s];
        struct linked_sequence *linked = linked_sequence_create(sequence, &vocabulary, true, true,
                                                                NULL);
        struct live_past *past = live_past_create(&vocabulary, sequence->start);
        ck_assert_ptr_eq(linked_sequence_source(linked), sequence);
        for (size_t i = 0; i < sequence->n_rows; i++) {
            struct row_context context, live;
            linked_sequence_context(linked, i, &context);
            live_past_context(past, &sequence->rows[i], &live);
            assert_same_context(&context, &live);
            assert_quick(linked_sequence_clock(linked, i) == past->clock);
            live_past_note(past, &sequence->rows[i]);
            n_of_kind[context.link.kind]++;
            n_ports += context.n_kept_ports;
            n_atoms += context.n_kept_atoms;
            n_full += context.n_full_octets;
            n_icmp += context.is_icmp_kept;
        }
        live_past_free(past);
        linked_sequence_free(linked);
    }
    for (size_t kind = 0; kind < N_LINK_KINDS; kind++)
        ck_assert_uint_gt(n_of_kind[kind], 0);
    ck_assert_uint_gt(n_ports, 0);
    ck_assert_uint_gt(n_atoms, 0);
    ck_assert_uint_gt(n_icmp, 0);
    ck_assert_int_eq(n_full > 0, _i != WORLD_NETWORK);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

START_TEST(contexts_can_be_had_in_any_order)
{
    struct sequence_set *set = world(_i);
    struct vocabulary vocabulary = vocabulary_of(_i);
    const struct sequence *sequence = &set->items[0];
    struct linked_sequence *linked = linked_sequence_create(sequence, &vocabulary, true, true,
                                                            NULL);
    size_t n = sequence->n_rows, *order = memory_alloc(n, sizeof *order);
    struct row_context *contexts = memory_alloc(n, sizeof *contexts), again;
    for (size_t i = 0; i < n; i++) {
        order[i] = i;
        linked_sequence_context(linked, i, &contexts[i]);
    }
    struct rng rng = rng_stream(5, RNG_TEST, 0, 0);
    rng_shuffle(&rng, order, n, sizeof *order);
    for (size_t i = 0; i < n; i++) {
        linked_sequence_context(linked, order[i], &again);
        assert_same_context(&again, &contexts[order[i]]);
    }
    free(contexts);
    free(order);
    linked_sequence_free(linked);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

/* ---- exclusions --------------------------------------------------------------------------- */

static bool is_among(const uint8_t *octets, size_t n, int64_t octet)
{
    for (size_t i = 0; i < n; i++)
        if (octets[i] == octet)
            return true;
    return false;
}

/* What the row would be with another value. */
static enum link_kind kind_with(const struct conversation_memory *memory, struct row row,
                                enum attribute attribute, int64_t value)
{
    row.value[attribute] = value;
    return conversation_link(memory, &row).kind;
}

static void check_remote_exclusions(const struct live_past *past, const struct row_context *context)
{
    bool *is_kept = memory_zalloc(65536, sizeof *is_kept);
    for (size_t i = 0; i < context->n_kept_ports; i++) {
        assert_quick(!is_kept[context->kept_ports[i]]);
        is_kept[context->kept_ports[i]] = true;
    }
    for (int64_t port = 0; port < 65536; port++) {
        enum link_kind kind = kind_with(past->memory, *context->row, ATTRIBUTE_REMOTE_PORT, port);
        assert_quick((kind != LINK_REMOTE) == is_kept[port]);
    }
    free(is_kept);
    enum link_kind kind = kind_with(past->memory, *context->row, ATTRIBUTE_PROTOCOL, PROTOCOL_ICMP);
    assert_quick((kind != LINK_REMOTE) == context->is_icmp_kept);
}

static void check_new_exclusions(const struct live_past *past, const struct row_context *context)
{
    const struct value_list *atoms = &past->vocabulary->lists[ATTRIBUTE_REMOTE];
    size_t n_kept = 0;
    for (size_t a = 0; a < atoms->n; a++) {
        bool is_kept = n_kept < context->n_kept_atoms && context->kept_atoms[n_kept] == a;
        enum link_kind kind = kind_with(past->memory, *context->row, ATTRIBUTE_REMOTE,
                                        atoms->values[a]);
        assert_quick((kind != LINK_NEW) == is_kept);
        n_kept += is_kept;
    }
    assert_quick(n_kept == context->n_kept_atoms);

    /* A remote that is spelt is neither kept nor an atom. */
    int64_t address = context->row->value[ATTRIBUTE_REMOTE];
    for (int64_t third = 0; third < 256; third++) {
        bool is_own = third == (address >> 8 & 255), has_room = false;
        for (int64_t fourth = 0; fourth < 256; fourth++) {
            int64_t other = (address & ~INT64_C(0xffff)) | third << 8 | fourth;
            bool is_open = kind_with(past->memory, *context->row, ATTRIBUTE_REMOTE, other) ==
                               LINK_NEW &&
                           value_list_find(atoms, other) < 0;
            has_room |= is_open;
            if (is_own)
                assert_quick(is_among(context->kept_octets, context->n_kept_octets, fourth) ==
                             !is_open);
        }
        assert_quick(is_among(context->full_octets, context->n_full_octets, third) == !has_room);
    }
}

START_TEST(exclusions_are_what_would_be_written_otherwise)
{
    struct sequence_set *set = world(_i);
    struct vocabulary vocabulary = vocabulary_of(_i);
    size_t n_checked[N_LINK_KINDS] = { 0 };
    for (size_t s = 0; s < set->n; s++) {
        const struct sequence *sequence = &set->items[s];
        struct live_past *past = live_past_create(&vocabulary, sequence->start);
        for (size_t i = 0; i < sequence->n_rows; i++) {
            struct row_context context;
            live_past_context(past, &sequence->rows[i], &context);
            size_t *n = &n_checked[context.link.kind];
            bool is_turn = i % 7 == 0 && *n < 12;
            if (is_turn && context.link.kind == LINK_REMOTE &&
                conversation_has_ports(context.row->value[ATTRIBUTE_PROTOCOL])) {
                check_remote_exclusions(past, &context);
                ++*n;
            } else if (is_turn && context.link.kind == LINK_NEW) {
                check_new_exclusions(past, &context);
                ++*n;
            }
            live_past_note(past, &sequence->rows[i]);
        }
        live_past_free(past);
    }
    ck_assert_uint_eq(n_checked[LINK_REMOTE], 12);
    ck_assert_uint_eq(n_checked[LINK_NEW], 12);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

/* ---- without memory ----------------------------------------------------------------------- */

START_TEST(without_memory_every_row_is_new)
{
    struct sequence_set *set = world(_i);
    struct vocabulary vocabulary = vocabulary_of(_i);
    const struct sequence *sequence = &set->items[0];
    struct linked_sequence *linked = linked_sequence_create(sequence, &vocabulary, false, true,
                                                            NULL);
    for (size_t i = 0; i < sequence->n_rows; i++) {
        struct row_context context;
        linked_sequence_context(linked, i, &context);
        assert_quick(context.link.kind == LINK_NEW);
        assert_quick(context.n_conversations + context.n_remotes + context.match_flows == 0);
        assert_quick(context.n_kept_ports + context.n_kept_atoms + context.n_full_octets == 0);
        assert_quick(!context.is_icmp_kept);
        assert_quick(context.match.row == NULL);
        for (size_t r = 0; r < N_REFERENCES; r++)
            assert_quick(context.references[r].row == NULL);
        for (size_t s = 0; s < CONVERSATIONS_SHOWN; s++)
            assert_quick(context.shown[s] == 0);
        /* What is left is the row before, which began something new like all others. */
        const struct row *before = i > 0 ? &sequence->rows[i - 1] : NULL;
        assert_quick(context.previous.row == before);
        assert_quick(context.last_new.row == before);
        /* Atoms are not spelt, with or without memory. */
        for (int64_t octet = 0; octet < 256; octet++) {
            int64_t other = (context.row->value[ATTRIBUTE_REMOTE] & ~INT64_C(255)) | octet;
            bool is_atom = value_list_find(&vocabulary.lists[ATTRIBUTE_REMOTE], other) >= 0;
            assert_quick(is_among(context.kept_octets, context.n_kept_octets, octet) == is_atom);
        }
    }
    linked_sequence_free(linked);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

/* ---- codes -------------------------------------------------------------------------------- */

START_TEST(states_of_conversations_have_a_code_each)
{
    static const int64_t protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP };
    static const int64_t ages[] = { 0, 2, 10, 60, 300, 301 };
    bool is_taken[SHOWN_CODES] = { true };
    for (int64_t direction = 0; direction < 2; direction++) {
        for (uint32_t flows = 1; flows <= 4; flows++) {
            for (size_t p = 0; p < ARRAY_LEN(protocols); p++) {
                for (size_t a = 0; a < ARRAY_LEN(ages); a++) {
                    struct past_row past = { .clock = 1000, .n_flows = flows };
                    past.row.value[ATTRIBUTE_DIRECTION] = direction;
                    past.row.value[ATTRIBUTE_PROTOCOL] = protocols[p];
                    uint8_t code = conversation_code(&past, 1000 + ages[a]);
                    ck_assert_uint_lt(code, SHOWN_CODES);
                    ck_assert(!is_taken[code]);
                    is_taken[code] = true;
                    if (a > 0) /* from just above the age before up to this one */
                        ck_assert_uint_eq(conversation_code(&past, 1000 + ages[a - 1] + 1), code);
                }
            }
        }
    }
    for (size_t code = 0; code < SHOWN_CODES; code++)
        ck_assert(is_taken[code]);
    struct past_row many = { .clock = 0, .n_flows = 1000000 }, four = { .clock = 0, .n_flows = 4 };
    ck_assert_uint_eq(conversation_code(&many, 0), conversation_code(&four, 0));
}
END_TEST

/* More remotes than the memory keeps come and go, some of them atoms. */
START_TEST(a_live_host_keeps_up_with_the_atoms_that_it_knows)
{
    enum { ATOMS = 300, ADDRESSES = 6000, ROWS = 20000 };
    int64_t atoms[ATOMS];
    for (int a = 0; a < ATOMS; a++)
        atoms[a] = 1 + a * (ADDRESSES / ATOMS);
    const struct vocabulary vocabulary = {
        .lists = { [ATTRIBUTE_REMOTE] = { atoms, ATOMS } },
        .duration_grid = 1,
    };
    struct live_host host;
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    live_host_init(&host, &vocabulary, 0, true, true, true);
    size_t n_kept = 0;
    for (int i = 0; i < ROWS; i++) {
        struct row row = { 0 };
        row.value[ATTRIBUTE_REMOTE] = 1 + (int64_t)rng_below(&rng, ADDRESSES);
        row.value[ATTRIBUTE_PACKETS] = 1;
        live_begin_known(&host, &row);
        live_end(&host);
        if (i % 97 != 0)
            continue;
        uint16_t kept[ATOMS];
        n_kept = kept_atoms_of(host.memory, &vocabulary, kept);
        live_begin(&host);
        live_exclude_atoms(&host);
        assert_same_words(kept, n_kept, host.context.kept_atoms, host.context.n_kept_atoms);
    }
    ck_assert_uint_gt(n_kept, 100); /* some were forgotten */
    ck_assert_uint_lt(n_kept, ATOMS);
    live_host_release(&host);
}
END_TEST

/* What comes in the hour of the clock before row i, by its links in a sequence; but no row from
 * `end` on. */
static void count_to_come(const struct linked_sequence *linked, size_t i, size_t end, int64_t hour,
                          struct pace_counts *counts)
{
    for (; i < end; i++)
        if (linked_sequence_clock(linked, i + 1) / SECONDS_PER_HOUR == hour)
            pace_add(counts, mark_of_row(linked, i, NULL), 1);
}

/* A host that begins anew knows what a host knows that did just that: n_past rows, and then its
 * own; but it has the pace of what comes in truth, after its end too, and nothing of another host's
 * rows is due. */
START_TEST(a_host_that_begins_anew_knows_no_more)
{
    enum { FIRST = 400, N = 150, N_WHOLE = 1500 };
    static const size_t n_pasts[] = { 0, 1, 90 };
    struct sequence_set *set = crowded_sequence(3, N_WHOLE), *others = crowded_sequence(9, 200);
    struct vocabulary vocabulary;
    vocabulary_learn(&vocabulary, set);
    size_t n_past = n_pasts[_i];
    const struct sequence *sequence = &set->items[0];
    struct linked_sequence *whole = linked_sequence_create(sequence, &vocabulary, true, true, NULL);
    struct linked_sequence *anew = linked_sequence_restart(whole, FIRST, N, others->rows, n_past);
    const struct sequence *source = linked_sequence_source(anew);
    ck_assert_uint_eq(source->n_rows, n_past + N);
    ck_assert_uint_eq(source->host, sequence->host);
    ck_assert_mem_eq(source->rows, others->rows, n_past * sizeof *source->rows);
    ck_assert_mem_eq(source->rows + n_past, sequence->rows + FIRST, N * sizeof *source->rows);
    struct linked_sequence *as_such = linked_sequence_create(source, &vocabulary, true, true, NULL);
    size_t n_due_of_past = 0;
    size_t n_beyond = 0; /* rows of which the hour goes on after the piece */
    for (size_t i = 0; i < n_past + N; i++) {
        struct row_context context, expected, in_whole;
        linked_sequence_context(anew, i, &context);
        linked_sequence_context(as_such, i, &expected);
        linked_sequence_context(whole, i < n_past ? FIRST : FIRST + i - n_past, &in_whole);
        assert_quick(context.like == NULL); /* and it recalls nothing */
        expected.like = NULL;
        if (n_past > 0) {
            n_due_of_past += i == n_past ? row_context_beats(&expected)->n : 0u;
            assert_quick(i > n_past || row_context_beats(&context)->n == 0);
            expected.beats = context.beats;
        }
        assert_same_context(&context, &expected);
        struct pace pace, of_whole;
        linked_sequence_pace(anew, i, &pace);
        linked_sequence_pace(whole, i < n_past ? FIRST : FIRST + i - n_past, &of_whole);
        struct pace_counts left = { 0 };
        int64_t hour = context.clock / SECONDS_PER_HOUR;
        count_to_come(anew, i, n_past + N, hour, &left);
        size_t n_within = (size_t)pace_flows(&left);
        count_to_come(whole, FIRST + N, N_WHOLE, hour, &left);
        n_beyond += (size_t)pace_flows(&left) > n_within;
        assert_quick(memcmp(&pace.left, &left, sizeof left) == 0);
        assert_quick(pace.next == of_whole.next);
        assert_quick(i < n_past || context.clock == in_whole.clock);
    }
    ck_assert_uint_gt(n_beyond, 0);
    ck_assert_int_eq(n_due_of_past > 0, n_past == 90);
    linked_sequence_free(as_such);
    linked_sequence_free(anew);
    linked_sequence_free(whole);
    vocabulary_release(&vocabulary);
    sequence_set_free(others);
    sequence_set_free(set);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/links");
    testing_add_loop(suite, contexts_put_together_are_those_of_the_live_memory, N_WORLDS);
    testing_add_loop(suite, contexts_can_be_had_in_any_order, N_WORLDS);
    testing_add_loop(suite, exclusions_are_what_would_be_written_otherwise, N_WORLDS);
    testing_add_loop(suite, without_memory_every_row_is_new, N_WORLDS);
    testing_add_loop(suite, a_host_that_begins_anew_knows_no_more, 3);
    testing_add(suite, a_live_host_keeps_up_with_the_atoms_that_it_knows);
    testing_add(suite, states_of_conversations_have_a_code_each);
    return suite;
}
