#include "eval_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "eval/row_coder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_ROWS = 40, LENGTH = 4 };

static const size_t n_rows[] = { N_ROWS };

/* Codes and numbers of the window from row `first`, by vocabularies of `known`. */
struct coded {
    int32_t codes[LENGTH * ROW_FIELDS_MAX];
    float numbers[LENGTH * ROW_NUMBERS];
    size_t n_fields;
};

static struct coded code(const struct row *known, const struct row *rows, size_t first,
                         size_t length, int without)
{
    struct sequence_set *known_set = fixture_set(known, n_rows, 1);
    struct sequence_set *set = fixture_set(rows, n_rows, 1);
    struct traffic *known_traffic = traffic_create(known_set), *traffic = traffic_create(set);
    struct row_coder *coder = row_coder_create((const struct traffic *const[]){ known_traffic }, 1,
                                               length, without);
    struct coded coded = { .n_fields = coder->n_fields };
    ck_assert_uint_le(coder->n_fields, ROW_FIELDS_MAX);
    row_coder_write(coder, traffic->columns, first, coded.codes, coded.numbers);
    for (size_t i = 0; i < length * coder->n_fields; i++) {
        ck_assert_int_ge(coded.codes[i], 0);
        ck_assert_uint_lt((size_t)coded.codes[i], coder->n_codes);
    }
    row_coder_free(coder);
    traffic_free(traffic);
    traffic_free(known_traffic);
    fixture_set_free(set);
    fixture_set_free(known_set);
    return coded;
}

static bool is_equal(const struct coded *a, const struct coded *b)
{
    return memcmp(a->codes, b->codes, sizeof a->codes) == 0 &&
           memcmp(a->numbers, b->numbers, sizeof a->numbers) == 0;
}

/* What is not to be seen leaves no trace, and everything else does. */
START_TEST(what_is_left_out_leaves_no_trace)
{
    struct row *known = fixture_varied_rows(1, 1, N_ROWS);
    struct row *rows = fixture_varied_rows(1, 1, N_ROWS);
    static const int others[] = { ATTRIBUTE_DIRECTION,  ATTRIBUTE_PROTOCOL, ATTRIBUTE_REMOTE_PORT,
                                  ATTRIBUTE_LOCAL_PORT, ATTRIBUTE_FLAGS,    ATTRIBUTE_BYTES,
                                  ATTRIBUTE_DURATION,   ATTRIBUTE_GAP,      ATTRIBUTE_PACKETS };
    for (size_t k = 0; k < ARRAY_LEN(others); k++) {
        struct row kept = rows[5];
        struct coded seen = code(known, rows, 5, 1, -1);
        struct coded hidden = code(known, rows, 5, 1, ATTRIBUTE_PROTOCOL);
        ck_assert_uint_eq(seen.n_fields, hidden.n_fields + 1);
        rows[5].value[others[k]] = rows[6].value[others[k]] == kept.value[others[k]]
                                       ? rows[5].value[others[k]] ^ 1
                                       : rows[6].value[others[k]];
        if (others[k] == ATTRIBUTE_PROTOCOL)
            rows[5].value[ATTRIBUTE_PROTOCOL] = kept.value[ATTRIBUTE_PROTOCOL] == PROTOCOL_TCP
                                                    ? PROTOCOL_UDP
                                                    : PROTOCOL_TCP;
        struct coded seen_after = code(known, rows, 5, 1, -1);
        struct coded hidden_after = code(known, rows, 5, 1, ATTRIBUTE_PROTOCOL);
        ck_assert_msg(!is_equal(&seen, &seen_after), "attribute %d is not seen", others[k]);
        ck_assert_msg(is_equal(&hidden, &hidden_after) == (others[k] == ATTRIBUTE_PROTOCOL),
                      "attribute %d with the protocol hidden", others[k]);
        rows[5] = kept;
    }
    free(known);
    free(rows);
}
END_TEST

/* A window says what comes again in it and not which: other remotes and other hosts are the same.
 */
START_TEST(windows_say_what_comes_again)
{
    struct row *rows = fixture_varied_rows(2, 1, N_ROWS);
    for (int i = 0; i < N_ROWS; i++) {
        rows[i] = fixture_row();
        rows[i].value[ATTRIBUTE_REMOTE] += i % 10;
        rows[i].value[ATTRIBUTE_LOCAL_PORT] = 40000 + i;
        rows[i].value[ATTRIBUTE_REMOTE_PORT] = 80;
    }
    struct coded apart = code(rows, rows, 0, LENGTH, -1);
    struct row *other = memory_alloc(N_ROWS, sizeof *other);
    memcpy(other, rows, N_ROWS * sizeof *other);
    for (int i = 0; i < N_ROWS; i++)
        other[i].value[ATTRIBUTE_REMOTE] ^= 0x00345600;
    struct coded renamed = code(rows, other, 0, LENGTH, -1);
    ck_assert(is_equal(&apart, &renamed));

    /* The same remote again; then the same conversation; then its reverse. */
    memcpy(other, rows, N_ROWS * sizeof *other);
    other[2].value[ATTRIBUTE_REMOTE] = other[1].value[ATTRIBUTE_REMOTE];
    struct coded remote = code(rows, other, 0, LENGTH, -1);
    other[2].value[ATTRIBUTE_LOCAL_PORT] = other[1].value[ATTRIBUTE_LOCAL_PORT];
    struct coded repeat = code(rows, other, 0, LENGTH, -1);
    other[2].value[ATTRIBUTE_DIRECTION] = DIRECTION_IN;
    struct coded reply = code(rows, other, 0, LENGTH, -1);
    ck_assert(!is_equal(&apart, &remote));
    ck_assert(!is_equal(&remote, &repeat));
    ck_assert(!is_equal(&repeat, &reply));
    /* Row 2 says so, and no row before it. */
    size_t before = 2 * apart.n_fields * sizeof apart.codes[0];
    ck_assert_int_eq(memcmp(apart.codes, reply.codes, before), 0);
    /* Seen from a window that begins later, it is not known. */
    struct coded later = code(rows, other, 2, LENGTH, -1);
    other[1].value[ATTRIBUTE_REMOTE] += 100;
    struct coded later_after = code(rows, other, 2, LENGTH, -1);
    ck_assert(is_equal(&later, &later_after));
    free(other);
    free(rows);
}
END_TEST

START_TEST(what_vocabularies_lack_is_coded_too)
{
    struct row known[N_ROWS], rows[N_ROWS];
    for (int i = 0; i < N_ROWS; i++)
        known[i] = rows[i] = fixture_row();
    int64_t *value = rows[0].value;
    value[ATTRIBUTE_REMOTE] = 0xffffffff;
    value[ATTRIBUTE_PROTOCOL] = 255;
    value[ATTRIBUTE_LABEL] = 255;
    value[ATTRIBUTE_TOS] = 255;
    value[ATTRIBUTE_LOCAL_PORT] = 65535;
    value[ATTRIBUTE_BYTES] = INT64_MAX;
    value[ATTRIBUTE_DURATION] = UINT32_MAX;
    value[ATTRIBUTE_PACKETS] = INT64_C(1) << 50;
    value[ATTRIBUTE_GAP] = INT64_C(1) << 40;
    struct coded coded = code(known, rows, 0, 1, -1);
    for (int i = 0; i < ROW_NUMBERS; i++)
        ck_assert(isfinite((double)coded.numbers[i]));
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/row_coder");
    testing_add(suite, what_is_left_out_leaves_no_trace);
    testing_add(suite, windows_say_what_comes_again);
    testing_add(suite, what_vocabularies_lack_is_coded_too);
    return suite;
}
