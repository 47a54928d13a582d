/* Rows of a second in the order in which things happen. */
#include "masked_conv_fixture.h"
#include "model/masked_conv/mix_seconds.h"
#include "testing.h"

#include <string.h>

enum { N = 900 };

/* Crowded rows, some of them in one second. */
static void make_rows(struct row rows[N])
{
    struct rng rng = rng_stream(5, RNG_TEST, 0, 0);
    for (size_t i = 0; i < N; i++) {
        rows[i] = crowded_row(&rng);
        rows[i].value[ATTRIBUTE_GAP] = rng_below(&rng, 12) == 0 ? 1 + (int64_t)rng_below(&rng, 9)
                                                                : 0;
    }
}

static bool is_same_but_for_gap(const struct row *a, const struct row *b)
{
    for (size_t k = 0; k < N_CODED; k++)
        if (k != ATTRIBUTE_GAP && a->value[k] != b->value[k])
            return false;
    return true;
}

static int64_t compare_ports(const struct row *a, const struct row *b)
{
    static const enum attribute keys[] = { ATTRIBUTE_PROTOCOL, ATTRIBUTE_LOCAL_PORT,
                                           ATTRIBUTE_REMOTE_PORT };
    for (size_t k = 0; k < ARRAY_LEN(keys); k++)
        if (a->value[keys[k]] != b->value[keys[k]])
            return a->value[keys[k]] - b->value[keys[k]];
    return 0;
}

/* Each second has the rows that it had, those of a remote stand together, by their ports. */
START_TEST(a_remote_has_its_rows_together)
{
    static struct row rows[N], mixed[N];
    struct rng rng = rng_stream(1, RNG_TEST, 1, 0);
    size_t n_moved = 0, n_shared = 0;
    make_rows(rows);
    memcpy(mixed, rows, sizeof rows);
    mix_seconds(mixed, N, &rng);
    for (size_t first = 0, end; first < N; first = end) {
        bool is_used[N] = { false };
        for (end = first + 1; end < N && rows[end].value[ATTRIBUTE_GAP] == 0;)
            end++;
        for (size_t i = first; i < end; i++) {
            size_t j = first;
            while (j < end && (is_used[j] || !is_same_but_for_gap(&mixed[i], &rows[j])))
                j++;
            ck_assert_uint_lt(j, end);
            is_used[j] = true;
            n_moved += j != i;
            ck_assert_int_eq(mixed[i].value[ATTRIBUTE_GAP], rows[i].value[ATTRIBUTE_GAP]);
            int64_t remote = mixed[i].value[ATTRIBUTE_REMOTE];
            for (size_t k = first; k < i; k++) {
                if (mixed[k].value[ATTRIBUTE_REMOTE] != remote)
                    continue;
                ck_assert_int_eq(mixed[i - 1].value[ATTRIBUTE_REMOTE], remote);
                ck_assert_int_le(compare_ports(&mixed[k], &mixed[i]), 0);
                n_shared++;
            }
        }
    }
    ck_assert_uint_gt(n_moved, N / 4);
    ck_assert_uint_gt(n_shared, 20);
}
END_TEST

/* A client's request is sent before the reply comes, a server's answer after the request. */
START_TEST(requests_come_before_their_replies)
{
    for (int is_server = 0; is_server < 2; is_server++)
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct row rows[2] = { { .value = { [ATTRIBUTE_PROTOCOL] = PROTOCOL_UDP,
                                                [ATTRIBUTE_LOCAL_PORT] = is_server ? 53 : 40000,
                                                [ATTRIBUTE_REMOTE_PORT] = is_server ? 40000
                                                                                    : 53 } } };
            rows[1] = rows[0];
            rows[seed % 2].value[ATTRIBUTE_DIRECTION] = DIRECTION_OUT;
            rows[1 - seed % 2].value[ATTRIBUTE_DIRECTION] = DIRECTION_IN;
            rows[0].value[ATTRIBUTE_GAP] = 3;
            struct rng rng = rng_stream(seed, RNG_TEST, 2, 0);
            mix_seconds(rows, 2, &rng);
            ck_assert_int_eq(rows[0].value[ATTRIBUTE_DIRECTION],
                             is_server ? DIRECTION_IN : DIRECTION_OUT);
            ck_assert_int_eq(rows[1].value[ATTRIBUTE_DIRECTION],
                             is_server ? DIRECTION_OUT : DIRECTION_IN);
            ck_assert_int_eq(rows[0].value[ATTRIBUTE_GAP], 3);
            ck_assert_int_eq(rows[1].value[ATTRIBUTE_GAP], 0);
        }
}
END_TEST

/* Remotes, and what is of one conversation and direction, come in any order. */
START_TEST(what_happens_at_once_comes_in_any_order)
{
    enum { SEEDS = 200 };
    size_t n_first[3] = { 0 };
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct row rows[3] = { { .value = { [ATTRIBUTE_REMOTE] = 7, [ATTRIBUTE_BYTES] = 0 } },
                               { .value = { [ATTRIBUTE_REMOTE] = 7, [ATTRIBUTE_BYTES] = 1 } },
                               { .value = { [ATTRIBUTE_REMOTE] = 9, [ATTRIBUTE_BYTES] = 2 } } };
        struct rng rng = rng_stream(seed, RNG_TEST, 3, 0);
        mix_seconds(rows, 3, &rng);
        n_first[rows[0].value[ATTRIBUTE_BYTES]]++;
    }
    ck_assert_uint_gt(n_first[0], SEEDS / 8);
    ck_assert_uint_gt(n_first[1], SEEDS / 8);
    ck_assert_uint_gt(n_first[2], SEEDS / 3);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/mix_seconds");
    testing_add(suite, a_remote_has_its_rows_together);
    testing_add(suite, requests_come_before_their_replies);
    testing_add(suite, what_happens_at_once_comes_in_any_order);
    return suite;
}
