/* When conversations and remotes are due again. */
#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "model/masked_conv/beats.h"

#include <stdlib.h>
#include <string.h>

/* ---- one beat ----------------------------------------------------------------------------- */

START_TEST(a_beat_is_from_start_to_start)
{
    static const struct {
        int64_t clock, start;
        int32_t period;
        uint8_t n_steady;
    } flows[] = {
        { 100, 100, 0, 0 },   { 109, 100, 0, 0 },   { 160, 160, 60, 0 }, { 161, 160, 60, 0 },
        { 221, 221, 61, 1 },  { 281, 281, 60, 2 },  { 343, 343, 62, 0 }, { 405, 405, 62, 1 },
        { 505, 505, 100, 0 }, { 607, 607, 102, 1 }, { 706, 706, 99, 0 },
    };
    struct beat beat = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
        beat = beat_next(i > 0 ? &beat : NULL, flows[i].clock);
        ck_assert_int_eq(beat.start, flows[i].start);
        ck_assert_int_eq(beat.rhythms[0].period, flows[i].period);
        ck_assert_uint_eq(beat.rhythms[0].n_steady, flows[i].n_steady);
    }
    beat.rhythms[0].n_steady = UINT8_MAX;
    ck_assert_uint_eq(beat_next(&beat, 706 + 99).rhythms[0].n_steady, UINT8_MAX);
    ck_assert_int_eq(beat_next(&beat, INT64_C(1) << 40).rhythms[0].period, INT32_MAX);
}
END_TEST

static struct beat beat_of(const int64_t *clocks, size_t n)
{
    struct beat beat = { 0 };
    for (size_t i = 0; i < n; i++)
        beat = beat_next(i > 0 ? &beat : NULL, clocks[i]);
    return beat;
}

/* After starts every 60 s. */
START_TEST(a_rhythm_goes_on_after_something_else)
{
    static const struct {
        size_t n;
        int64_t clocks[7];
        uint8_t n_steady; /* of the rhythm of 60 s, if it comes first; else it does not */
    } cases[] = {
        { 3, { 60, 120, 180 }, 1 },                /* the second period is the first steady one */
        { 5, { 60, 120, 180, 240, 265 }, 0 },      /* something else */
        { 6, { 60, 120, 180, 240, 265, 300 }, 3 }, /* on it again */
        { 6, { 60, 120, 180, 240, 265, 325 }, 0 }, /* by another phase */
        { 5, { 60, 120, 180, 240, 480 }, 2 },      /* three missed */
        { 5, { 60, 120, 180, 240, 540 }, 0 },      /* four */
        { 3, { 60, 120, 240 }, 0 },                /* one, but it was not sure */
        { 7, { 60, 120, 180, 240, 265, 290, 301 }, 3 }, /* a second late, after two others */
    };
    struct beat beat = beat_of(cases[_i].clocks, cases[_i].n);
    bool is_first = beat.rhythms[0].ago == 0 && abs(beat.rhythms[0].period - 60) <= 1 &&
                    beat.rhythms[0].n_steady > 0;
    ck_assert_int_eq(is_first, cases[_i].n_steady > 0);
    if (is_first)
        ck_assert_uint_eq(beat.rhythms[0].n_steady, cases[_i].n_steady);
}
END_TEST

START_TEST(pairs_have_a_rhythm)
{
    struct beat beat = beat_of((const int64_t[]){ 0, 12, 300, 312, 600 }, 5);
    const struct rhythm *pair = &beat.rhythms[RHYTHM_PAIR];
    ck_assert_int_eq(pair->period, 300);
    ck_assert_uint_eq(pair->n_steady, 2);
    ck_assert_int_eq(rhythm_due(&beat, pair), 612);
    beat = beat_next(&beat, 650);
    ck_assert_int_eq(beat.rhythms[RHYTHM_PAIR].period, 338);
    ck_assert_uint_eq(beat.rhythms[RHYTHM_PAIR].n_steady, 0);
    ck_assert_int_eq(beat_of((const int64_t[]){ 0, 12 }, 2).rhythms[RHYTHM_PAIR].period, 0);
}
END_TEST

/* ---- when it is due ----------------------------------------------------------------------- */

static const struct beat none = { .start = 1000 };
static const struct usual_period no_period = { 0 };

static struct beat every(int32_t period, uint8_t n_steady)
{
    return (struct beat){ 1000, { { 0, period, n_steady } } };
}

START_TEST(a_beat_is_due)
{
    static const struct {
        int32_t period;
        uint8_t n_steady;
        struct usual_period usual_period;
        int64_t from;
        size_t n;
        struct beat_due due; /* the last one */
    } cases[] = {
        { 0, 0, { 0 }, 0, 0, { 0 } },
        { 60, 0, { 0 }, 1060, 1, { 1060, 60, BEAT_ONCE } },
        { 60, 0, { 0 }, 1061, 0, { 0 } },
        { 60, 1, { 0 }, 1061, 0, { 0 } },
        { 60, 1, { 0 }, 1001, 1, { 1060, 60, BEAT_TWICE } },
        { 60, 2, { 0 }, 1060, 1, { 1060, 60, BEAT_AGAIN } },
        { 60, 3, { 0 }, 1060, 1, { 1060, 60, BEAT_AGAIN } },
        { 60, 4, { 0 }, 1060, 1, { 1060, 60, BEAT_OFTEN } },
        { 60, 8, { 0 }, 1060, 1, { 1060, 60, BEAT_STEADY } },
        { 60, 24, { 0 }, 1060, 1, { 1060, 60, BEAT_LASTING } },
        { 60, 2, { 0 }, 1061, 1, { 1120, 60, BEAT_MISSED } },
        { 60, 8, { 0 }, 1121, 1, { 1180, 60, BEAT_MISSED } },
        { 60, 8, { 0 }, 1240, 1, { 1240, 60, BEAT_MISSED } },
        { 60, 8, { 0 }, 1241, 0, { 0 } },
        { 60, 8, { 300, 3 }, 1001, 2, { 1300, 300, BEAT_USUAL + 3 } },
        { 0, 0, { 300, 3 }, 1300, 1, { 1300, 300, BEAT_USUAL + 3 } },
        { 0, 0, { 300, 3 }, 1301, 0, { 0 } },
    };
    struct beat_due dues[BEAT_DUES];
    const struct beat beat = every(cases[_i].period, cases[_i].n_steady);
    size_t n = beat_dues(&beat, cases[_i].usual_period, cases[_i].from, dues);
    ck_assert_uint_eq(n, cases[_i].n);
    if (n == 0)
        return;
    ck_assert_int_eq(dues[n - 1].clock, cases[_i].due.clock);
    ck_assert_int_eq(dues[n - 1].period, cases[_i].due.period);
    ck_assert_int_eq((int)dues[n - 1].level, (int)cases[_i].due.level);
}
END_TEST

START_TEST(every_rhythm_is_due)
{
    const struct beat beat = { 1000, { { 0, 60, 8 }, { 25, 40, 0 }, { 12, 300, 2 } } };
    struct beat_due dues[BEAT_DUES];
    ck_assert_uint_eq(beat_dues(&beat, (struct usual_period){ 70, 0 }, 1001, dues), BEAT_DUES);
    static const int64_t clocks[BEAT_DUES] = { 1060, 1015, 1288, 1070 };
    for (size_t i = 0; i < BEAT_DUES; i++)
        ck_assert_int_eq(dues[i].clock, clocks[i]);
}
END_TEST

START_TEST(timers_have_classes_of_their_own)
{
    ck_assert_uint_eq(period_class(60), period_class(59));
    ck_assert_uint_eq(period_class(60), period_class(61));
    ck_assert_uint_ne(period_class(60), period_class(58));
    ck_assert_uint_ne(period_class(60), period_class(64));
    ck_assert_uint_eq(period_class(50), period_class(58));
    ck_assert_uint_ne(period_class(11), period_class(17));
    ck_assert_uint_eq(period_class(3599), period_class(3600));
    for (int64_t period = 0; period <= INT32_MAX; period = 2 * period + 1)
        ck_assert_uint_lt(period_class((int32_t)period), PERIOD_CLASSES);
}
END_TEST

/* ---- many of them ------------------------------------------------------------------------- */

static struct row row_of(int64_t remote, int64_t local_port)
{
    return (struct row){ { [ATTRIBUTE_REMOTE] = remote,
                           [ATTRIBUTE_PROTOCOL] = PROTOCOL_TCP,
                           [ATTRIBUTE_LOCAL_PORT] = local_port,
                           [ATTRIBUTE_REMOTE_PORT] = 443 } };
}

static void note_remote(struct beats *beats, int64_t remote, const struct beat *beat,
                        int32_t usual_period)
{
    const struct row row = row_of(remote, 1);
    beats_note(beats, &row, &none, beat, (struct usual_period){ usual_period, 2 }, 0);
}

static void check_due(const struct beats *beats, int64_t clock, size_t n, const int32_t *gaps,
                      const uint8_t *levels)
{
    struct beats_due due;
    beats_find(beats, clock, &due);
    ck_assert_uint_eq(due.n, n);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(due.items[i].gap, gaps[i]);
        ck_assert_uint_eq(due.items[i].level, levels[i]);
    }
}

START_TEST(surer_ones_come_first_then_sooner_ones)
{
    const struct beat kept[] = { every(500, 0), every(20, 0),  every(900, 5),
                                 every(300, 1), every(400, 0), every(300, 3) };
    struct beats beats = { 0 };
    check_due(&beats, 0, 0, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        note_remote(&beats, (int64_t)i, &kept[i], 0);
    ck_assert_uint_eq(beats.n, 6);
    check_due(&beats, 1010, 5, (const int32_t[]){ 290, 890, 10, 390, 490 },
              (const uint8_t[]){ BEAT_AGAIN, BEAT_OFTEN, BEAT_ONCE, BEAT_ONCE, BEAT_ONCE });
    check_due(&beats, 1021, 5, (const int32_t[]){ 279, 879, -1, 379, 479 },
              (const uint8_t[]){ BEAT_AGAIN, BEAT_OFTEN, BEAT_ONCE, BEAT_ONCE, BEAT_ONCE });
    check_due(&beats, 1450, 3, (const int32_t[]){ 450, 150, 50 },
              (const uint8_t[]){ BEAT_OFTEN, BEAT_MISSED, BEAT_ONCE }); /* the others are late */
    note_remote(&beats, 6, &none, 700);
    check_due(&beats, 1010, 6, (const int32_t[]){ 290, 890, 690, 10, 390, 490 },
              (const uint8_t[]){ BEAT_AGAIN, BEAT_OFTEN, BEAT_USUAL + 2, BEAT_ONCE, BEAT_ONCE,
                                 BEAT_ONCE });
    for (int64_t i = 0; i < 3; i++) { /* a time is told once, by the surest */
        const struct beat beat = every(300, (uint8_t)(4 * i));
        note_remote(&beats, 7 + i, &beat, 0);
    }
    check_due(&beats, 1010, 6, (const int32_t[]){ 290, 890, 690, 10, 390, 490 },
              (const uint8_t[]){ BEAT_STEADY, BEAT_OFTEN, BEAT_USUAL + 2, BEAT_ONCE, BEAT_ONCE,
                                 BEAT_ONCE });
    for (int32_t i = 0; i < BEATS_DUE; i++) { /* what is less sure makes room */
        const struct beat beat = every(2000 + 10 * i, 2);
        note_remote(&beats, 20 + i, &beat, 0);
    }
    check_due(&beats, 1010, BEATS_DUE,
              (const int32_t[]){ 290, 890, 1990, 2000, 2010, 2020, 2030, 2040 },
              (const uint8_t[]){ BEAT_STEADY, BEAT_OFTEN, BEAT_AGAIN, BEAT_AGAIN, BEAT_AGAIN,
                                 BEAT_AGAIN, BEAT_AGAIN, BEAT_AGAIN });
}
END_TEST

START_TEST(conversations_and_remotes_are_kept_once)
{
    struct beats beats = { 0 };
    const struct beat steady = every(60, 4);
    const struct row row = row_of(1, 1), other = row_of(1, 2);
    struct row echo = row_of(1, 1);
    echo.value[ATTRIBUTE_PROTOCOL] = PROTOCOL_ICMP;
    beats_note(&beats, &row, &steady, &none, no_period, 0); /* the remote has other conversations */
    ck_assert_uint_eq(beats.n, 1);
    beats_note(&beats, &row, &steady, &steady, no_period, 0);
    beats_note(&beats, &row, &steady, &steady, no_period, 0);
    ck_assert_uint_eq(beats.n, 2);
    beats_note(&beats, &other, &steady, &none, no_period, 0); /* the remote loses its beat */
    ck_assert_uint_eq(beats.n, 2);
    beats_note(&beats, &echo, &steady, &none, no_period, 0);
    echo.value[ATTRIBUTE_LOCAL_PORT] = 7; /* which is no part of the conversation */
    beats_note(&beats, &echo, &steady, &none, no_period, 0);
    ck_assert_uint_eq(beats.n, 3);
}
END_TEST

START_TEST(what_is_not_steady_makes_room)
{
    struct beats beats = { 0 };
    const struct beat once = every(50, 0), steady = every(60, 4);
    note_remote(&beats, 0, &steady, 0);
    for (int64_t remote = 1; remote < BEATS_KEPT + 3; remote++)
        note_remote(&beats, remote, &once, 0);
    ck_assert_uint_eq(beats.n, BEATS_KEPT);
    check_due(&beats, 1020, 2, (const int32_t[]){ 40, 30 },
              (const uint8_t[]){ BEAT_OFTEN, BEAT_ONCE });
    for (int64_t remote = 1; remote < BEATS_KEPT + 3; remote++)
        note_remote(&beats, 1000 + remote, &steady, 0);
    ck_assert_uint_eq(beats.n, BEATS_KEPT);
    check_due(&beats, 1020, 1, (const int32_t[]){ 40 }, (const uint8_t[]){ BEAT_OFTEN });
}
END_TEST

/* ---- how likely each is ------------------------------------------------------------------- */

enum { SERVICES = 50 };

static struct beats_due random_dues(struct rng *rng)
{
    struct beats_due due = { .n = (uint8_t)rng_below(rng, BEATS_DUE + 1) };
    for (size_t i = 0; i < due.n; i++)
        due.items[i] = (struct due_time){ (int32_t)rng_below(rng, 5000) - 1,
                                          (uint16_t)rng_below(rng, SERVICES),
                                          (uint8_t)rng_below(rng, N_BEAT_LEVELS),
                                          (uint8_t)rng_below(rng, BEAT_KINDS),
                                          (uint8_t)rng_below(rng, PERIOD_CODES) };
    return due;
}

static bool is_of_table(size_t aspect)
{
    return aspect >= BEAT_ASPECTS - BEAT_TABLE_ASPECTS;
}

/* Each aspect has numbers of its own, among the outputs or in the table. */
START_TEST(names_are_of_one_aspect)
{
    enum { FIRST = 100 };
    size_t n_outputs = FIRST + beat_outputs(), n_entries = beat_table_size(SERVICES);
    uint8_t *owners = memory_zalloc(n_outputs + n_entries, sizeof *owners);
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    for (int k = 0; k < 5000; k++) {
        struct beats_due due = random_dues(&rng);
        uint16_t names[BEAT_ASPECTS * BEAT_ROUTES];
        beat_names(k > 0 ? &due : NULL, BEAT_ROUTES, FIRST, names);
        for (size_t a = 0; a < BEAT_ASPECTS; a++)
            for (size_t i = 0; i < BEAT_ROUTES; i++) {
                size_t name = names[a * BEAT_ROUTES + i];
                assert_quick(name < (is_of_table(a) ? n_entries : n_outputs));
                assert_quick(is_of_table(a) || name >= FIRST);
                if (i < due.n * (size_t)ROUTES_OF_BEAT && k > 0)
                    owners[is_of_table(a) ? n_outputs + name : name] |= (uint8_t)(1 << a);
            }
    }
    size_t n_used = 0;
    for (size_t i = 0; i < n_outputs + n_entries; i++) {
        assert_quick((owners[i] & (owners[i] - 1)) == 0);
        n_used += owners[i] != 0;
    }
    ck_assert_uint_gt(n_used, (n_outputs + n_entries - FIRST) * 9 / 10);
    free(owners);
}
END_TEST

/* Any difference in what is due has another name. */
START_TEST(names_tell_dues_apart)
{
    static const struct due_time other[] = { { 41, 3, 2, 1, 60 }, { 40, 4, 2, 1, 60 },
                                             { 90, 3, 2, 1, 60 }, { 40, 3, 3, 1, 60 },
                                             { 40, 3, 2, 2, 60 }, { 40, 3, 2, 1, 61 } };
    struct beats_due due = { .n = 1, .items = { { 40, 3, 2, 1, 60 } } };
    uint16_t names[2][BEAT_ASPECTS * BEAT_ROUTES];
    beat_names(&due, BEAT_ROUTES, 0, names[0]);
    due.items[0] = other[_i];
    beat_names(&due, BEAT_ROUTES, 0, names[1]);
    ck_assert_int_eq(memcmp(names[0], names[1], sizeof names[0]) == 0, _i == 0);
    for (size_t a = 0; a < BEAT_ASPECTS - 1; a++) /* but for a service, so has every route */
        ck_assert(a == 1 || names[1][a * BEAT_ROUTES] != names[1][a * BEAT_ROUTES + 1]);
}
END_TEST

START_TEST(numbers_are_added_by_their_names)
{
    enum { FIRST = 7 };
    size_t n_outputs = FIRST + beat_outputs(), n_entries = beat_table_size(SERVICES);
    real *outputs = memory_alloc(n_outputs, sizeof *outputs);
    real *table = memory_alloc(n_entries, sizeof *table);
    struct rng rng = rng_stream(2, RNG_TEST, 0, 0);
    for (size_t i = 0; i < n_outputs; i++)
        outputs[i] = (real)rng_normal(&rng);
    for (size_t i = 0; i < n_entries; i++)
        table[i] = (real)rng_normal(&rng);
    for (int k = 0; k < 100; k++) {
        struct beats_due due = random_dues(&rng);
        uint16_t names[BEAT_ASPECTS * BEAT_ROUTES];
        real logits[BEAT_ROUTES] = { 0 };
        beat_names(&due, BEAT_ROUTES, FIRST, names);
        beat_add(&due, BEAT_ROUTES, FIRST, outputs, table, logits);
        uint16_t first_names[BEAT_ASPECTS * DUE_ROUTES];
        real first_logits[DUE_ROUTES] = { 0 };
        beat_names(&due, DUE_ROUTES, FIRST, first_names); /* as those of the first one */
        beat_add(&due, DUE_ROUTES, FIRST, outputs, table, first_logits);
        for (size_t i = 0; i < DUE_ROUTES; i++) {
            ck_assert(first_logits[i] == logits[i]);
            for (size_t a = 0; a < BEAT_ASPECTS; a++)
                ck_assert_uint_eq(first_names[a * DUE_ROUTES + i], names[a * BEAT_ROUTES + i]);
        }
        for (size_t i = 0; i < BEAT_ROUTES; i++) {
            double sum = 0.0;
            for (size_t a = 0; i < due.n * (size_t)ROUTES_OF_BEAT && a < BEAT_ASPECTS; a++)
                sum += (double)(is_of_table(a) ? table : outputs)[names[a * BEAT_ROUTES + i]];
            assert_near((double)logits[i], sum, 1e-5);
        }
    }
    free(outputs);
    free(table);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/beats");
    testing_add(suite, a_beat_is_from_start_to_start);
    testing_add_loop(suite, a_rhythm_goes_on_after_something_else, 8);
    testing_add(suite, pairs_have_a_rhythm);
    testing_add_loop(suite, a_beat_is_due, 17);
    testing_add(suite, every_rhythm_is_due);
    testing_add(suite, timers_have_classes_of_their_own);
    testing_add(suite, surer_ones_come_first_then_sooner_ones);
    testing_add(suite, conversations_and_remotes_are_kept_once);
    testing_add(suite, what_is_not_steady_makes_room);
    testing_add(suite, names_are_of_one_aspect);
    testing_add_loop(suite, names_tell_dues_apart, 6);
    testing_add(suite, numbers_are_added_by_their_names);
    return suite;
}
