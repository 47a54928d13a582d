#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "data/calendar.h"
#include "masked_conv_fixture.h"
#include "model/masked_conv/windows.h"
#include "model_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIDNIGHT = 1460332800 /* 2016-04-11, a Monday */, HOUR = 3600, DAY = 86400 };

#define CLOCK_AT (WINDOWS * WINDOW_FEATURES)

/* ---- log and series ----------------------------------------------------------------------- */

/* Hosts that begin at such a second and of whose rows each so many-th comes after a long gap. */
static const struct habit {
    int64_t start, every, gap;
} habits[] = {
    { MIDNIGHT, 1000000, 0 },
    { MIDNIGHT + DAY - 1000, 1000000, 0 },   /* over midnight */
    { MIDNIGHT + 6 * DAY + 80000, 40, 900 }, /* over the end of the week, with empty windows */
    { MIDNIGHT + 299, 30, 3 * HOUR + 700 },  /* windows that are all forgotten in between */
    { MIDNIGHT + 1, 10, 40 * HOUR },
    { 0, 25, 2 * HOUR }, /* where clocks begin */
};

START_TEST(the_log_of_a_host_tells_what_the_series_does)
{
    const struct habit *habit = &habits[_i];
    struct sequence_set *set = crowded_sequence(1, 600);
    for (size_t i = 0; i < set->n_rows; i++) {
        int64_t *gap = &set->rows[i].value[ATTRIBUTE_GAP];
        *gap = (int64_t)i % habit->every == habit->every - 1 ? habit->gap : *gap % 60;
    }
    set->items[0].start = habit->start;
    const struct sequence *sequence = &set->items[0];
    struct window_series *series = window_series_create(sequence);
    struct window_log *log = window_log_create(sequence->start);
    real of_log[SLOT_FEATURES], of_series[SLOT_FEATURES];
    int64_t clock = sequence->start;
    size_t n_filled = 0;
    for (size_t i = 0; i < sequence->n_rows; i++) {
        /* A row sees the slot of the clock before it, and of its own end. */
        int64_t end = clock + sequence->rows[i].value[ATTRIBUTE_GAP];
        for (int64_t slot = window_slot(clock); slot <= window_slot(end); slot++) {
            window_log_features(log, slot, of_log);
            window_series_features(series, slot, of_series);
            assert_quick(memcmp(of_log, of_series, sizeof of_log) == 0);
        }
        clock = end;
        window_log_note(log, &sequence->rows[i], clock);
        n_filled += of_log[WINDOW_FEATURES * (WINDOWS - 1) + 8] > 0;
    }
    ck_assert_uint_gt(n_filled, 0);
    window_log_free(log);
    window_series_free(series);
    sequence_set_free(set);
}
END_TEST

/* ---- what a window says ------------------------------------------------------------------- */

static double scaled(double count, double largest)
{
    return log(1.0 + count) / log(1.0 + largest);
}

START_TEST(windows_hold_flows_packets_bytes_remotes_and_protocols)
{
    struct window_log *log = window_log_create(MIDNIGHT - 600);
    int64_t slot = window_slot(MIDNIGHT);
    for (int64_t i = 0; i < 10; i++) {
        const struct row row = { { [ATTRIBUTE_DIRECTION] = i < 4 ? DIRECTION_OUT : DIRECTION_IN,
                                   [ATTRIBUTE_REMOTE] = i % 5,
                                   [ATTRIBUTE_PACKETS] = 2,
                                   [ATTRIBUTE_BYTES] = 100,
                                   [ATTRIBUTE_PROTOCOL] = i < 5   ? PROTOCOL_TCP
                                                          : i < 8 ? PROTOCOL_UDP
                                                                  : PROTOCOL_ICMP } };
        window_log_note(log, &row, MIDNIGHT + 30 * i);
    }
    static const int ages[] = { 1, 5, WINDOWS };
    for (size_t a = 0; a < ARRAY_LEN(ages); a++) {
        real features[SLOT_FEATURES];
        window_log_features(log, slot + ages[a], features);
        const real *window = features + (WINDOWS - ages[a]) * WINDOW_FEATURES;
        const double expected[WINDOW_FEATURES] = {
            1.0, /* observed */
            scaled(4, 1e4),
            scaled(6, 1e4),
            scaled(8, 1e6),
            scaled(12, 1e6),
            scaled(400, 1e9),
            scaled(600, 1e9),
            scaled(5, 1e3),
            0.5,
            0.3,
            0.2,
        };
        for (size_t f = 0; f < WINDOW_FEATURES; f++)
            assert_near((double)window[f], expected[f], f == 7 ? 2e-3 : 1e-6);
        /* The others are empty: observed from two windows before on. */
        for (int w = 0; w < WINDOWS; w++) {
            int age = WINDOWS - w;
            if (age == ages[a])
                continue;
            for (size_t f = 0; f < WINDOW_FEATURES; f++) {
                bool is_observed = f == 0 && age <= ages[a] + 2;
                assert_quick(features[w * WINDOW_FEATURES + (int)f] == (real)is_observed);
            }
        }
    }
    /* One window later nothing of it is seen any more, and its own slot is not among them. */
    for (int age = 0; age <= WINDOWS + 1; age += WINDOWS + 1) {
        real features[SLOT_FEATURES];
        window_log_features(log, slot + age, features);
        for (int w = 0; w < WINDOWS; w++)
            for (int f = 1; f < WINDOW_FEATURES; f++)
                assert_quick(features[w * WINDOW_FEATURES + f] == 0);
    }
    window_log_free(log);
}
END_TEST

START_TEST(distinct_remotes_are_counted_well_enough)
{
    static const int numbers[] = { 1, 10, 100, 1000 };
    int64_t remotes[1000];
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    for (size_t i = 0; i < ARRAY_LEN(remotes); i++)
        remotes[i] = rng_u32(&rng);
    for (size_t n = 0; n < ARRAY_LEN(numbers); n++) {
        struct window_log *log = window_log_create(MIDNIGHT);
        for (int i = 0; i < 3 * numbers[n]; i++) {
            const struct row row = {
                { [ATTRIBUTE_REMOTE] = remotes[i % numbers[n]], [ATTRIBUTE_PACKETS] = 1 }
            };
            window_log_note(log, &row, MIDNIGHT);
        }
        real features[SLOT_FEATURES];
        window_log_features(log, window_slot(MIDNIGHT) + 1, features);
        double count = exp((double)features[(WINDOWS - 1) * WINDOW_FEATURES + 7] * log1p(1e3)) - 1;
        assert_near(count / numbers[n], 1.0, 0.1);
        window_log_free(log);
    }
}
END_TEST

/* ---- the clock ---------------------------------------------------------------------------- */

static const struct moment {
    int64_t clock;
    int weekday; /* as calendar.h counts */
    double day;  /* share of the day that is over in the middle of the slot */
} moments[] = {
    { MIDNIGHT, 0, 150.0 / DAY },
    { MIDNIGHT + 299, 0, 150.0 / DAY },
    { MIDNIGHT + 300, 0, 450.0 / DAY },
    { MIDNIGHT + DAY / 2, 0, 0.5 + 150.0 / DAY },
    { MIDNIGHT - 1, 6, 1.0 - 150.0 / DAY },
    { MIDNIGHT + 5 * DAY + 6 * HOUR, 5, 0.25 + 150.0 / DAY },
};

START_TEST(the_clock_tells_time_of_day_and_day_of_week)
{
    const struct moment *moment = &moments[_i];
    struct window_log *log = window_log_create(moment->clock);
    real features[SLOT_FEATURES];
    window_log_features(log, window_slot(moment->clock), features);
    const real *clock = features + CLOCK_AT;
    static const double turns[] = { 1, 2, 24 };
    for (size_t t = 0; t < 3; t++) {
        assert_near((double)clock[2 * t], sin(2 * M_PI * turns[t] * moment->day), 1e-5);
        assert_near((double)clock[2 * t + 1], cos(2 * M_PI * turns[t] * moment->day), 1e-5);
    }
    ck_assert_int_eq(calendar_weekday(moment->clock * MS_PER_SECOND), moment->weekday);
    for (int d = 0; d < 7; d++)
        ck_assert(clock[6 + d] == (real)(d == moment->weekday));
    window_log_free(log);
}
END_TEST

/* ---- ablations ---------------------------------------------------------------------------- */

START_TEST(what_is_dropped_is_0_and_nothing_else)
{
    bool drop_windows = _i & 1, drop_clock = _i & 2;
    real features[SLOT_FEATURES];
    for (size_t f = 0; f < SLOT_FEATURES; f++)
        features[f] = 1 + (real)f;
    window_features_drop(features, drop_windows, drop_clock);
    for (size_t f = 0; f < SLOT_FEATURES; f++) {
        bool is_dropped = f < CLOCK_AT ? drop_windows : drop_clock;
        assert_quick(features[f] == (is_dropped ? 0 : 1 + (real)f));
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/windows");
    testing_add_loop(suite, the_log_of_a_host_tells_what_the_series_does, ARRAY_LEN(habits));
    testing_add(suite, windows_hold_flows_packets_bytes_remotes_and_protocols);
    testing_add(suite, distinct_remotes_are_counted_well_enough);
    testing_add_loop(suite, the_clock_tells_time_of_day_and_day_of_week, ARRAY_LEN(moments));
    testing_add_loop(suite, what_is_dropped_is_0_and_nothing_else, 4);
    return suite;
}
