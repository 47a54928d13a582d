/* When remotes are due again. */
#include "testing.h"

#include "model/masked_conv/beats.h"

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
        ck_assert_int_eq(beat.period, flows[i].period);
        ck_assert_uint_eq(beat.n_steady, flows[i].n_steady);
    }
    beat.n_steady = UINT8_MAX;
    ck_assert_uint_eq(beat_next(&beat, 706 + 99).n_steady, UINT8_MAX);
    ck_assert_int_eq(beat_next(&beat, INT64_C(1) << 40).period, INT32_MAX);
}
END_TEST

START_TEST(what_is_usual_counts_until_a_beat_is_steady)
{
    static const struct {
        struct beat beat;
        uint32_t usual_period;
        bool has_due;
        int64_t due;
        enum beat_level level;
    } cases[] = {
        { { 1000, 0, 0 }, 0, false, 0, BEAT_ONCE },
        { { 1000, 60, 0 }, 0, true, 1060, BEAT_ONCE },
        { { 1000, 60, 0 }, 300, true, 1300, BEAT_USUAL },
        { { 1000, 0, 0 }, 300, true, 1300, BEAT_USUAL },
        { { 1000, 60, 1 }, 300, true, 1060, BEAT_TWICE },
        { { 1000, 60, 3 }, 300, true, 1060, BEAT_STEADY },
    };
    int64_t due;
    enum beat_level level;
    ck_assert(beat_due(&cases[_i].beat, cases[_i].usual_period, &due, &level) == cases[_i].has_due);
    ck_assert(!cases[_i].has_due || due == cases[_i].due);
    ck_assert(!cases[_i].has_due || level == cases[_i].level);
}
END_TEST

/* ---- many of them ------------------------------------------------------------------------- */

static void check_due(const struct beats *beats, int64_t clock, bool is_usual_known, size_t n,
                      const int32_t *gaps, const uint8_t *levels)
{
    struct beats_due due;
    beats_find(beats, clock, is_usual_known, &due);
    ck_assert_uint_eq(due.n, n);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(due.gaps[i], gaps[i]);
        ck_assert_uint_eq(due.levels[i], levels[i]);
    }
}

START_TEST(surer_ones_come_first_then_sooner_ones)
{
    static const struct beat kept[] = {
        { 1000, 500, 0 }, { 1000, 20, 0 },  { 1000, 900, 5 },
        { 1000, 300, 1 }, { 1000, 400, 0 }, { 1000, 0, 0 },
    };
    struct beats beats = { 0 };
    check_due(&beats, 0, true, 0, NULL, NULL);
    for (uint32_t i = 0; i < ARRAY_LEN(kept); i++)
        beats_note(&beats, i, &kept[i], i == 5 ? 700 : 0);
    ck_assert_uint_eq(beats.n, 6);
    check_due(&beats, 1010, true, 4, (const int32_t[]){ 290, 690, 890, 10 },
              (const uint8_t[]){ BEAT_TWICE, BEAT_USUAL, BEAT_STEADY, BEAT_ONCE });
    check_due(&beats, 1020, false, 4, (const int32_t[]){ 280, 880, 0, 380 },
              (const uint8_t[]){ BEAT_TWICE, BEAT_STEADY, BEAT_ONCE, BEAT_ONCE });
    check_due(&beats, 1450, false, 2, (const int32_t[]){ 450, 50 },
              (const uint8_t[]){ BEAT_STEADY, BEAT_ONCE }); /* the others are late */
}
END_TEST

START_TEST(a_remote_is_kept_once_and_the_oldest_makes_room)
{
    struct beats beats = { 0 };
    struct beat steady = { 1000, 60, 4 }, none = { 1000, 0, 0 };
    for (uint32_t remote = 0; remote < BEATS_KEPT + 3; remote++) {
        beats_note(&beats, remote, &steady, 0);
        beats_note(&beats, remote, &steady, 0);
    }
    ck_assert_uint_eq(beats.n, BEATS_KEPT);
    for (size_t i = 0; i < beats.n; i++)
        ck_assert_uint_eq(beats.items[i].remote, BEATS_KEPT + 2 - i);
    beats_note(&beats, BEATS_KEPT + 2, &none, 0); /* the beat is lost */
    beats_note(&beats, 1, &none, 0);
    ck_assert_uint_eq(beats.n, BEATS_KEPT - 1);
    ck_assert_uint_eq(beats.items[0].remote, BEATS_KEPT + 1);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/beats");
    testing_add(suite, a_beat_is_from_start_to_start);
    testing_add_loop(suite, what_is_usual_counts_until_a_beat_is_steady, 6);
    testing_add(suite, surer_ones_come_first_then_sooner_ones);
    testing_add(suite, a_remote_is_kept_once_and_the_oldest_makes_room);
    return suite;
}
