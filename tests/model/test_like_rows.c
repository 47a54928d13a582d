#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "model/like_rows.h"

#include <stdlib.h>
#include <string.h>

/* ---- a plain search ----------------------------------------------------------------------- */

/* What rows of a likeness have in common, number by number; nothing where n is 0. */
struct tuple {
    size_t n;
    int64_t numbers[8];
};

static void add(struct tuple *tuple, int64_t number)
{
    tuple->numbers[tuple->n++] = number;
}

static bool is_same(const struct tuple *a, const struct tuple *b)
{
    return a->n > 0 && a->n == b->n &&
           memcmp(a->numbers, b->numbers, a->n * sizeof *a->numbers) == 0;
}

/* Rows so far, with what their likenesses go by; the last one is the one at hand. */
struct plain {
    size_t n;
    struct row *rows, *matches;
    enum link_kind *kinds;
    bool *has_match;
    struct tuple (*tuples)[N_LIKENESSES];
    int32_t (*found)[N_LIKENESSES];
};

static void add_service(struct tuple *tuple, const struct row *row)
{
    const int64_t *value = row->value;
    bool is_local = value[ATTRIBUTE_LOCAL_PORT] < value[ATTRIBUTE_REMOTE_PORT];
    add(tuple, value[ATTRIBUTE_DIRECTION]);
    add(tuple, value[ATTRIBUTE_PROTOCOL]);
    add(tuple, is_local);
    add(tuple, value[is_local ? ATTRIBUTE_LOCAL_PORT : ATTRIBUTE_REMOTE_PORT]);
}

static int64_t short_gap(const struct row *row)
{
    return row->value[ATTRIBUTE_GAP] < 3 ? row->value[ATTRIBUTE_GAP] : 3;
}

static int64_t of_match(const struct plain *plain, size_t i, enum attribute attribute)
{
    return plain->has_match[i] ? plain->matches[i].value[attribute] : -1;
}

static struct tuple after_tuple(const struct plain *plain, size_t i, enum likeness likeness)
{
    struct tuple tuple = { 0 };
    if (i == 0)
        return tuple;
    const struct row *last = &plain->rows[i - 1];
    if (likeness == LIKE_AFTER_SERVICE)
        add_service(&tuple, last);
    else
        add(&tuple, last->value[ATTRIBUTE_REMOTE]);
    if (likeness == LIKE_NEXT_OF_TWO)
        add(&tuple, i > 1 ? last[-1].value[ATTRIBUTE_REMOTE] : -1);
    if (likeness != LIKE_AFTER_GAP)
        add(&tuple, (int64_t)plain->kinds[i - 1]);
    if (likeness == LIKE_AFTER_REMOTE || likeness == LIKE_NEXT)
        add(&tuple, last->value[ATTRIBUTE_DIRECTION]);
    else if (likeness != LIKE_NEXT_OF_TWO)
        add(&tuple, short_gap(last));
    if (likeness == LIKE_AFTER_GAP)
        add(&tuple, i > 1 && last[-1].value[ATTRIBUTE_REMOTE] == last->value[ATTRIBUTE_REMOTE]);
    if (likeness == LIKE_NEXT || likeness == LIKE_NEXT_OF_TWO)
        add(&tuple, short_gap(&plain->rows[i]));
    return tuple;
}

static struct tuple tuple_of(const struct plain *plain, size_t i, enum likeness likeness)
{
    struct tuple tuple = { 0 };
    const struct row *row = &plain->rows[i];
    const int64_t *value = row->value;
    int32_t before = plain->found[i][LIKE_SERVICE_REMOTE];
    int64_t bytes_before = before >= 0 ? plain->rows[before].value[ATTRIBUTE_BYTES] : -1;
    if (likeness < LIKE_OPENED)
        return after_tuple(plain, i, likeness);
    if (likeness == LIKE_OPENED) {
        bool is_open = plain->kinds[i] == LINK_REMOTE || plain->kinds[i] == LINK_NEW;
        if (is_open)
            add(&tuple, plain->kinds[i] == LINK_NEW ? -1 : value[ATTRIBUTE_REMOTE]);
        return tuple;
    }
    if (likeness == LIKE_REMOTE) {
        add(&tuple, value[ATTRIBUTE_REMOTE]);
        add(&tuple, value[ATTRIBUTE_DIRECTION]);
        return tuple;
    }
    add_service(&tuple, row);
    if (likeness >= LIKE_PACKETS)
        add(&tuple, value[ATTRIBUTE_PACKETS]);
    if (likeness == LIKE_SERVICE_REMOTE || likeness == LIKE_PACKETS_REMOTE ||
        likeness == LIKE_REMOTE_MATCH_PACKETS || likeness == LIKE_REMOTE_MATCH_DURATION ||
        likeness == LIKE_PACKETS_REMOTE_MATCH_BYTES)
        add(&tuple, value[ATTRIBUTE_REMOTE]);
    if (likeness == LIKE_SERVICE_KIND)
        add(&tuple, (int64_t)plain->kinds[i]);
    if (likeness == LIKE_SERVICE_MATCH_BYTES || likeness == LIKE_PACKETS_MATCH_BYTES ||
        likeness == LIKE_PACKETS_REMOTE_MATCH_BYTES)
        add(&tuple, of_match(plain, i, ATTRIBUTE_BYTES));
    if (likeness == LIKE_FLAGS || likeness == LIKE_PACKETS_FLAGS ||
        likeness == LIKE_FLAGS_MATCH_PACKETS || likeness == LIKE_PACKETS_FLAGS_MATCH_PACKETS)
        add(&tuple, value[ATTRIBUTE_FLAGS]);
    if (likeness == LIKE_REMOTE_MATCH_PACKETS || likeness == LIKE_FLAGS_MATCH_PACKETS ||
        likeness == LIKE_PACKETS_FLAGS_MATCH_PACKETS)
        add(&tuple, of_match(plain, i, ATTRIBUTE_PACKETS));
    if (likeness == LIKE_PACKETS_MATCH_DURATION || likeness == LIKE_REMOTE_MATCH_DURATION)
        add(&tuple, of_match(plain, i, ATTRIBUTE_DURATION));
    if (likeness == LIKE_SERVICE_BYTES_BEFORE || likeness == LIKE_PACKETS_BYTES_BEFORE)
        add(&tuple, bytes_before);
    if (likeness == LIKE_PACKETS_DURATION)
        add(&tuple, value[ATTRIBUTE_DURATION]);
    return tuple;
}

/* Finds what is like the last row. */
static void plain_find(struct plain *plain)
{
    size_t i = plain->n - 1;
    for (enum likeness likeness = 0; likeness < N_LIKENESSES; likeness++) {
        plain->found[i][likeness] = -1;
        plain->tuples[i][likeness] = tuple_of(plain, i, likeness);
        for (size_t j = i; j-- > 0 && i - j < LIKE_HORIZON;)
            if (is_same(&plain->tuples[i][likeness], &plain->tuples[j][likeness])) {
                plain->found[i][likeness] = (int32_t)j;
                break;
            }
    }
}

static struct plain plain_create(size_t n_rows)
{
    return (struct plain){
        .rows = memory_zalloc(n_rows, sizeof(struct row)),
        .matches = memory_zalloc(n_rows, sizeof(struct row)),
        .kinds = memory_zalloc(n_rows, sizeof(enum link_kind)),
        .has_match = memory_zalloc(n_rows, sizeof(bool)),
        .tuples = memory_zalloc(n_rows, sizeof(struct tuple[N_LIKENESSES])),
        .found = memory_zalloc(n_rows, sizeof(int32_t[N_LIKENESSES])),
    };
}

static void plain_release(struct plain *plain)
{
    free(plain->rows);
    free(plain->matches);
    free(plain->kinds);
    free(plain->has_match);
    free(plain->tuples);
    free(plain->found);
}

/* ---- chains ------------------------------------------------------------------------------- */

static struct row random_row(struct rng *rng, uint64_t n_remotes)
{
    static const int64_t protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP };
    struct row row = { 0 };
    row.value[ATTRIBUTE_GAP] = (int64_t)rng_below(rng, 5);
    row.value[ATTRIBUTE_REMOTE] = (int64_t)(rng_below(rng, n_remotes) * 0x01010101u);
    row.value[ATTRIBUTE_DIRECTION] = (int64_t)rng_below(rng, 2);
    row.value[ATTRIBUTE_PROTOCOL] = protocols[rng_below(rng, ARRAY_LEN(protocols))];
    row.value[ATTRIBUTE_LOCAL_PORT] = (int64_t)rng_below(rng, 3);
    row.value[ATTRIBUTE_REMOTE_PORT] = (int64_t)rng_below(rng, 3);
    row.value[ATTRIBUTE_FLAGS] = (int64_t)rng_below(rng, 2);
    row.value[ATTRIBUTE_PACKETS] = 1 + (int64_t)rng_below(rng, 3);
    row.value[ATTRIBUTE_BYTES] = 40 * (1 + (int64_t)rng_below(rng, 3));
    row.value[ATTRIBUTE_DURATION] = (int64_t)rng_below(rng, 3);
    return row;
}

/* Adds a row to the plain ones, as the conversations so far have it. */
static struct like_facts plain_add(struct plain *plain, const struct row *row,
                                   const struct conversation_memory *memory)
{
    size_t i = plain->n++;
    struct link link = conversation_link(memory, row);
    plain->rows[i] = *row;
    plain->kinds[i] = link.kind;
    plain->has_match[i] = link.kind == LINK_REPLY || link.kind == LINK_REPEAT;
    if (plain->has_match[i])
        plain->matches[i] = conversation_match(memory, &link)->row;
    return (struct like_facts){ row, link.kind, plain->has_match[i] ? &plain->matches[i] : NULL };
}

static const enum reference all_of_service[] = { REFERENCE_SERVICE, REFERENCE_SERVICE + 1,
                                                 REFERENCE_SERVICE + 2, REFERENCE_SERVICE + 3 };

/* Everything that is found of the last row, which comes next to `past`. */
static void check_found(const struct like_rows *past, const struct plain *plain,
                        const int32_t *found)
{
    size_t i = plain->n - 1;
    for (enum likeness likeness = 0; likeness < N_LIKENESSES; likeness++) {
        ck_assert_int_eq(found[likeness], plain->found[i][likeness]);
        struct like_walk walk = like_walk_begin(past, found, (int32_t)i, likeness);
        const struct row *row;
        int32_t number = found[likeness];
        int n = 0;
        for (; (row = like_walk_next(&walk)) != NULL; n++) {
            ck_assert_int_eq(walk.last, number);
            ck_assert_mem_eq(row, &plain->rows[number], sizeof *row);
            ck_assert_int_eq(like_rows_kind(past, number), plain->kinds[number]);
            number = plain->found[number][likeness];
        }
        bool is_over = number < 0 || (int32_t)i - number >= LIKE_HORIZON;
        ck_assert(is_over || n == LIKE_ROWS_MAX);
    }
    int32_t number = found[LIKE_SERVICE_REMOTE];
    for (size_t nth = 0; nth < ARRAY_LEN(all_of_service); nth++) {
        if (number >= 0 && (int32_t)i - number >= LIKE_HORIZON)
            number = -1;
        ck_assert_int_eq(like_rows_reference(past, found, (int32_t)i, all_of_service[nth]), number);
        number = number >= 0 ? plain->found[number][LIKE_SERVICE_REMOTE] : -1;
    }
    static const struct {
        enum reference reference;
        enum likeness likeness;
    } newest[] = {
        { REFERENCE_REMOTE, LIKE_REMOTE },
        { REFERENCE_LIKE, LIKE_SERVICE },
        { REFERENCE_SERVICE_PACKETS, LIKE_PACKETS_REMOTE },
        { REFERENCE_LIKE_PACKETS, LIKE_PACKETS },
    };
    for (size_t r = 0; r < ARRAY_LEN(newest); r++)
        ck_assert_int_eq(like_rows_reference(past, found, (int32_t)i, newest[r].reference),
                         found[newest[r].likeness]);
}

static const struct {
    size_t n_rows, stride; /* every stride-th row is searched for */
    uint64_t n_remotes;
} cases[] = {
    { 900, 1, 5 }, { 9000, 61, 300 }, /* beyond the horizon */
};

/* Piece by piece before the row, and as noted, where rows are kept and where they are borrowed. */
START_TEST(they_are_what_a_plain_search_finds)
{
    size_t n_rows = cases[_i].n_rows, n_beyond = 0;
    static const enum likeness parts[] = {
        0,          LIKE_NEXT,    LIKE_OPENED,           LIKE_REMOTE,
        LIKE_FLAGS, LIKE_PACKETS, LIKE_PACKETS_DURATION, N_LIKENESSES
    };
    struct plain plain = plain_create(n_rows);
    struct conversation_memory *memory = conversation_memory_create();
    struct like_rows *kept = like_rows_create(NULL, 0, true);
    struct like_rows *borrowed = like_rows_create(plain.rows, n_rows, true);
    struct rng rng = rng_stream(1, RNG_TEST, (uint64_t)_i, 0);
    int64_t clock = 100;
    for (size_t i = 0; i < n_rows; i++) {
        struct row row = random_row(&rng, cases[_i].n_remotes);
        struct like_facts facts = plain_add(&plain, &row, memory);
        plain_find(&plain);
        int32_t found[N_LIKENESSES];
        for (size_t p = 0; p + 1 < ARRAY_LEN(parts); p++)
            like_rows_find(kept, &facts, parts[p], parts[p + 1], found);
        if (i % cases[_i].stride == 0)
            check_found(kept, &plain, found);
        for (enum likeness likeness = 0; likeness < N_LIKENESSES; likeness++)
            n_beyond += found[likeness] >= 0 && i - (size_t)found[likeness] > LIKE_HORIZON / 2;
        clock += row.value[ATTRIBUTE_GAP];
        like_rows_note(kept, &facts, clock);
        like_rows_note(borrowed, &facts, clock);
        ck_assert_int_eq(like_rows_clock(kept, (int32_t)i), clock);
        ck_assert_mem_eq(like_rows_found(kept, (int32_t)i), found, sizeof found);
        ck_assert_mem_eq(like_rows_found(borrowed, (int32_t)i), found, sizeof found);
        for (enum recollection r = 0; r < N_RECOLLECTIONS; r++) {
            ck_assert_int_eq(like_rows_level(kept, (int32_t)i, r),
                             like_rows_level(borrowed, (int32_t)i, r));
            ck_assert_int_eq(like_rows_code(kept, found, r), like_rows_code(borrowed, found, r));
        }
        conversation_note(memory, &row, clock);
    }
    like_rows_seal(borrowed);
    for (size_t i = 0; i < n_rows; i++)
        ck_assert_mem_eq(like_rows_found(borrowed, (int32_t)i), plain.found[i],
                         sizeof plain.found[i]);
    ck_assert_int_eq(n_beyond > 0, _i == 1);
    like_rows_free(kept);
    like_rows_free(borrowed);
    conversation_memory_free(memory);
    plain_release(&plain);
}
END_TEST

/* Without recollections the references are the same, and there is nothing else. */
START_TEST(references_need_no_recollections)
{
    enum { N = 600 };
    struct plain plain = plain_create(N);
    struct conversation_memory *memory = conversation_memory_create();
    struct like_rows *full = like_rows_create(NULL, 0, true);
    struct like_rows *bare = like_rows_create(NULL, 0, false);
    struct rng rng = rng_stream(2, RNG_TEST, 0, 0);
    size_t n_references = 0;
    for (int32_t i = 0; i < N; i++) {
        struct row row = random_row(&rng, 5);
        struct like_facts facts = plain_add(&plain, &row, memory);
        int32_t found[N_LIKENESSES], bare_found[N_LIKENESSES];
        like_rows_find(full, &facts, 0, N_LIKENESSES, found);
        like_rows_find(bare, &facts, 0, N_LIKENESSES, bare_found);
        for (enum reference r = 0; r < N_REFERENCES; r++) {
            int32_t number = like_rows_reference(full, found, i, r);
            ck_assert_int_eq(like_rows_reference(bare, bare_found, i, r), number);
            n_references += number >= 0;
        }
        ck_assert_int_eq(bare_found[LIKE_OPENED], -1);
        ck_assert_int_eq(bare_found[LIKE_PACKETS_DURATION], -1);
        like_rows_note(full, &facts, i);
        like_rows_note(bare, &facts, i);
        ck_assert_uint_eq(like_rows_level(bare, i, PACKETS_SERVICE_REMOTE), 0);
        conversation_note(memory, &row, i);
    }
    ck_assert_uint_gt(n_references, N);
    like_rows_free(full);
    like_rows_free(bare);
    conversation_memory_free(memory);
    plain_release(&plain);
}
END_TEST

/* ---- levels ------------------------------------------------------------------------------- */

/* Notes a row of always the same service and remote. */
static void note_packets(struct like_rows *past, int64_t packets)
{
    struct row row = { { [ATTRIBUTE_REMOTE] = 7,
                         [ATTRIBUTE_PROTOCOL] = PROTOCOL_TCP,
                         [ATTRIBUTE_LOCAL_PORT] = 80,
                         [ATTRIBUTE_REMOTE_PORT] = 5000,
                         [ATTRIBUTE_PACKETS] = packets } };
    const struct like_facts facts = { &row, LINK_REMOTE, NULL };
    like_rows_note(past, &facts, 0);
}

START_TEST(a_level_says_how_often_a_number_comes_back)
{
    struct like_rows *same = like_rows_create(NULL, 0, true);
    struct like_rows *other = like_rows_create(NULL, 0, true);
    struct like_rows *either = like_rows_create(NULL, 0, true);
    for (int32_t i = 0; i < 100; i++) {
        note_packets(same, 5);
        note_packets(other, 1 + i);
        note_packets(either, i % 2 == 0 ? 5 : 1000 + i);
        if (i == 0) { /* there is no chain yet */
            ck_assert_uint_eq(like_rows_level(same, i, PACKETS_SERVICE_REMOTE), 0);
            continue;
        }
        ck_assert_uint_eq(like_rows_level(same, i, PACKETS_SERVICE_REMOTE), LEVEL_CODES - 1);
        ck_assert_uint_eq(like_rows_level(other, i, PACKETS_SERVICE_REMOTE), 1);
        ck_assert(like_rows_is_back(same, i, PACKETS_SERVICE_REMOTE));
        ck_assert(!like_rows_is_back(other, i, PACKETS_SERVICE_REMOTE));
        ck_assert_int_eq(like_rows_is_back(either, i, PACKETS_SERVICE_REMOTE), i % 2 == 0);
    }
    uint8_t level = like_rows_level(either, 99, PACKETS_SERVICE_REMOTE);
    ck_assert_uint_gt(level, 2);
    ck_assert_uint_lt(level, LEVEL_CODES - 2);
    like_rows_free(same);
    like_rows_free(other);
    like_rows_free(either);
}
END_TEST

/* So many other numbers may come between. */
START_TEST(a_number_comes_back_while_it_is_in_reach)
{
    for (int between = 14; between <= 17; between++) {
        struct like_rows *past = like_rows_create(NULL, 0, true);
        note_packets(past, 5);
        for (int i = 0; i < between; i++)
            note_packets(past, 100 + i);
        note_packets(past, 5);
        ck_assert_int_eq(like_rows_is_back(past, between + 1, PACKETS_SERVICE_REMOTE),
                         between < 16);
        like_rows_free(past);
    }
}
END_TEST

START_TEST(a_code_tells_rows_levels_and_the_last_two)
{
    struct like_rows *past = like_rows_create(NULL, 0, true);
    int32_t found[N_LIKENESSES];
    for (enum likeness likeness = 0; likeness < N_LIKENESSES; likeness++)
        found[likeness] = -1;
    ck_assert_int_eq(like_rows_code(past, found, PACKETS_SERVICE_REMOTE), -1);
    int last = -1, n_codes = 0;
    for (int32_t i = 0; i < 80; i++) { /* changes with 1, 2, 3, 4, 8 and 32 rows */
        note_packets(past, 5);
        found[LIKE_SERVICE_REMOTE] = i;
        int code = like_rows_code(past, found, PACKETS_SERVICE_REMOTE);
        ck_assert_int_ge(code, 0);
        ck_assert_int_lt(code, RECALL_CODES);
        n_codes += code != last;
        last = code;
    }
    ck_assert_int_eq(n_codes, 6);
    for (int64_t packets = 6; packets <= 7; packets++) { /* the last one is not back, nor two */
        note_packets(past, packets);
        found[LIKE_SERVICE_REMOTE]++;
        int code = like_rows_code(past, found, PACKETS_SERVICE_REMOTE);
        ck_assert_int_ne(code, last);
        last = code;
    }
    like_rows_free(past);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/like_rows");
    testing_add_loop(suite, they_are_what_a_plain_search_finds, ARRAY_LEN(cases));
    testing_add(suite, references_need_no_recollections);
    testing_add(suite, a_level_says_how_often_a_number_comes_back);
    testing_add(suite, a_number_comes_back_while_it_is_in_reach);
    testing_add(suite, a_code_tells_rows_levels_and_the_last_two);
    return suite;
}
