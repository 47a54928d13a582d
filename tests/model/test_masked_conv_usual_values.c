/* What is usual at a host: counted plainly, and found again. */
#include "testing.h"

#include "base/memory.h"
#include "masked_conv_fixture.h"
#include "model/masked_conv/usual_values.h"
#include "model_fixture.h"

#include <stdlib.h>

enum { GRID = 4 };

/* Whether the links are of one kind, and the matches had the same value, or none is there. */
static bool has_like_match(enum attribute attribute, const struct usual_facts *a,
                           const struct usual_facts *b)
{
    if (a->kind != b->kind || (a->match == NULL) != (b->match == NULL))
        return false;
    if (a->match == NULL)
        return true;
    int64_t x = a->match->value[attribute], y = b->match->value[attribute];
    if (attribute != ATTRIBUTE_PACKETS || x <= 16 || y <= 16)
        return x == y;
    int octaves = 0; /* from 2^k - 1 on */
    for (x++, y++; x > 1 || y > 1; x /= 2, y /= 2)
        octaves += (x > 1) - (y > 1);
    return octaves == 0;
}

/* What rows of one kind have in common beside the service. */
static bool is_alike(enum usual_values_of of, const struct usual_facts *a,
                     const struct usual_facts *b)
{
    const int64_t *x = a->row->value, *y = b->row->value;
    int64_t port_x = x[ATTRIBUTE_LOCAL_PORT], port_y = y[ATTRIBUTE_LOCAL_PORT];
    bool is_local_x = port_x < x[ATTRIBUTE_REMOTE_PORT];
    bool is_local_y = port_y < y[ATTRIBUTE_REMOTE_PORT];
    port_x = is_local_x ? port_x : x[ATTRIBUTE_REMOTE_PORT];
    port_y = is_local_y ? port_y : y[ATTRIBUTE_REMOTE_PORT];
    if (port_x != port_y || is_local_x != is_local_y ||
        x[ATTRIBUTE_PROTOCOL] != y[ATTRIBUTE_PROTOCOL] ||
        x[ATTRIBUTE_DIRECTION] != y[ATTRIBUTE_DIRECTION])
        return false;
    bool same_flags = x[ATTRIBUTE_FLAGS] == y[ATTRIBUTE_FLAGS];
    int octaves = 0;
    for (int64_t p = x[ATTRIBUTE_PACKETS] + 1; p > 1; p /= 2)
        octaves++;
    for (int64_t p = y[ATTRIBUTE_PACKETS] + 1; p > 1; p /= 2)
        octaves--;
    switch (of) {
    case USUAL_FLAGS_OF_SERVICE:
        return true;
    case USUAL_FLAGS_OF_MATCH:
        return has_like_match(ATTRIBUTE_FLAGS, a, b);
    case USUAL_PACKETS_OF_MATCH:
        return same_flags && has_like_match(ATTRIBUTE_PACKETS, a, b);
    case USUAL_BYTES_OF_MATCH:
        return same_flags && x[ATTRIBUTE_PACKETS] == y[ATTRIBUTE_PACKETS] &&
               has_like_match(ATTRIBUTE_BYTES, a, b);
    case USUAL_TOS_OF_FLAGS:
    case USUAL_PACKETS_OF_FLAGS:
        return same_flags;
    case USUAL_DURATION_NEAR:
    case USUAL_BYTES_NEAR:
        return same_flags && octaves == 0;
    default:
        return same_flags && x[ATTRIBUTE_PACKETS] == y[ATTRIBUTE_PACKETS];
    }
}

static const struct usual_value *value_of(const struct usual_values *usual,
                                          const struct usual_kind *kind, int64_t value)
{
    for (size_t v = 0; v < kind->n; v++)
        if (usual->values[kind->first + v].value == value)
            return &usual->values[kind->first + v];
    return NULL;
}

/* Of each row, with matches of their own. Caller frees both. */
static struct usual_facts *facts_of(const struct sequence *sequence, struct row **matches)
{
    struct conversation_memory *memory = conversation_memory_create();
    struct usual_facts *facts = memory_alloc(sequence->n_rows, sizeof *facts);
    *matches = memory_alloc(sequence->n_rows, sizeof **matches);
    int64_t clock = sequence->start;
    for (size_t i = 0; i < sequence->n_rows; i++) {
        const struct row *row = &sequence->rows[i];
        struct link link = conversation_link(memory, row);
        const struct past_row *match = conversation_match(memory, &link);
        facts[i] = (struct usual_facts){ row, link.kind, match != NULL ? *matches + i : NULL };
        if (match != NULL)
            (*matches)[i] = match->row;
        clock += row->value[ATTRIBUTE_GAP];
        conversation_note(memory, row, clock);
    }
    conversation_memory_free(memory);
    return facts;
}

START_TEST(values_are_kept_that_enough_flows_of_a_kind_had)
{
    enum { ROWS = 1500 };
    struct sequence_set *set = _i == 0 ? fixture_network(3, 2, 5) : crowded_sequence(3, ROWS);
    const struct sequence *sequence = &set->items[_i == 0];
    struct usual_values usual;
    usual_values_learn(&usual, sequence, GRID);
    struct row *matches;
    struct usual_facts *facts = facts_of(sequence, &matches);
    size_t n_kept = 0, n_rare = 0, n_none = 0, n_of_match = 0;
    for (size_t i = 0; i < sequence->n_rows && i < ROWS; i += 31) {
        const struct row *row = &sequence->rows[i];
        for (enum usual_values_of of = 0; of < N_USUAL_VALUES; of++) {
            int64_t own = usual_value_of(row, of, GRID);
            uint32_t n_flows = 0, n_equal = 0;
            for (size_t j = 0; j < sequence->n_rows; j++) {
                bool alike = is_alike(of, &facts[i], &facts[j]);
                n_flows += alike;
                n_equal += alike && usual_value_of(&sequence->rows[j], of, GRID) == own;
            }
            const struct usual_kind *kind = usual_values_find(&usual, of, &facts[i]);
            const struct usual_value *kept = kind != NULL ? value_of(&usual, kind, own) : NULL;
            if (kind != NULL)
                ck_assert_uint_eq(kind->n_flows, n_flows);
            if (own >= 0 && n_equal >= USUAL_VALUE_MIN &&
                (kind == NULL || kind->n < USUAL_KIND_MAX)) {
                ck_assert_ptr_nonnull(kept);
                ck_assert_uint_eq(kept->n, n_equal);
            } else if (n_equal < USUAL_VALUE_MIN) {
                ck_assert_ptr_null(kept);
            }
            n_kept += kept != NULL;
            n_of_match += kept != NULL && of == USUAL_PACKETS_OF_MATCH && facts[i].match != NULL;
            n_rare += kind != NULL && kept == NULL;
            n_none += kind == NULL;
        }
    }
    ck_assert_uint_gt(n_kept, 20);
    ck_assert_uint_gt(n_rare, 0);
    ck_assert_uint_gt(n_none, 0);
    ck_assert(n_of_match > 0 || _i > 0);
    free(facts);
    free(matches);
    usual_values_release(&usual);
    sequence_set_free(set);
}
END_TEST

START_TEST(nothing_is_usual_without_flows)
{
    struct usual_values usual;
    struct row row = { { [ATTRIBUTE_PACKETS] = 1 } };
    usual_values_learn(&usual, &(const struct sequence){ .rows = &row, .n_rows = 0 }, GRID);
    const struct usual_facts facts = { .row = &row, .kind = LINK_NEW };
    ck_assert_ptr_null(usual_values_find(&usual, USUAL_BYTES_NEAR, &facts));
    ck_assert_ptr_null(usual_values_find(NULL, USUAL_BYTES_NEAR, &facts));
    usual_values_release(&usual);
}
END_TEST

/* 16 bins an octave of durations in steps, 64 of bytes, one by one below. */
static const struct {
    enum attribute attribute;
    int64_t value, step, lowest, highest;
} bins[] = {
    { ATTRIBUTE_BYTES, 0, 1, 0, 0 },          { ATTRIBUTE_BYTES, 126, 1, 126, 126 },
    { ATTRIBUTE_BYTES, 1023, 1, 1023, 1038 }, { ATTRIBUTE_BYTES, 1100, 1, 1087, 1102 },
    { ATTRIBUTE_DURATION, 60, 4, 60, 60 },    { ATTRIBUTE_DURATION, 256, 4, 252, 264 },
};

START_TEST(bins_hold_what_is_near)
{
    struct value_bin bin = value_bin_of(bins[_i].attribute, bins[_i].value, bins[_i].step);
    ck_assert_int_eq(bin.lowest, bins[_i].lowest);
    ck_assert_int_eq(bin.highest, bins[_i].highest);
}
END_TEST

START_TEST(a_code_tells_flows_and_how_many_are_usual)
{
    const struct usual_value values[] = { { 1, 10 }, { 7, 20 } };
    struct usual_values usual = { .values = (struct usual_value[]){ values[0], values[1] },
                                  .n_values = 2 };
    struct usual_kind kind = { .n_flows = 30, .n = 2 };
    ck_assert_int_eq(usual_kind_code(&usual, &kind), 1 * 8 + 7); /* all of 30 */
    kind.n_flows = 300;
    ck_assert_int_eq(usual_kind_code(&usual, &kind), 3 * 8 + 1); /* a tenth of 300 */
    kind.n_flows = 45;
    kind.n = 1;
    ck_assert_int_eq(usual_kind_code(&usual, &kind), 1 * 8 + 1); /* two ninths of 45 */
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/usual_values");
    testing_add_loop(suite, values_are_kept_that_enough_flows_of_a_kind_had, 2);
    testing_add(suite, nothing_is_usual_without_flows);
    testing_add_loop(suite, bins_hold_what_is_near, ARRAY_LEN(bins));
    testing_add(suite, a_code_tells_flows_and_how_many_are_usual);
    return suite;
}
