#include "model/masked_conv/windows.h"

#include "base/error.h"
#include "base/memory.h"
#include "data/calendar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Distinct remotes of a slot are counted by the bits that their hashes set (linear counting, Whang
 * et al. 1990): enough for a feature on the log scale, and of fixed size. */
#define REMOTE_BITS 2048

struct window {
    int64_t slot;                                /* which one it holds; -1: none yet */
    double n_flows[2], n_packets[2], n_bytes[2]; /* by direction */
    double n_of_protocol[3];                     /* TCP, UDP, all others */
    uint64_t remotes[REMOTE_BITS / 64];
};

struct window_log {
    int64_t first_slot;                 /* of the observation */
    struct window windows[WINDOWS + 1]; /* by slot modulo their number */
};

struct window_log *window_log_create(int64_t start)
{
    struct window_log *log = memory_zalloc(1, sizeof *log);
    log->first_slot = window_slot(start);
    for (size_t w = 0; w < WINDOWS + 1; w++)
        log->windows[w].slot = -1;
    return log;
}

void window_log_free(struct window_log *log)
{
    free(log);
}

int64_t window_slot(int64_t clock)
{
    return clock / WINDOW_SECONDS;
}

static void window_note(struct window *window, const struct row *row, int64_t slot)
{
    if (window->slot != slot) {
        memset(window, 0, sizeof *window);
        window->slot = slot;
    }
    const int64_t *value = row->value;
    int64_t direction = value[ATTRIBUTE_DIRECTION];
    window->n_flows[direction] += 1.0;
    window->n_packets[direction] += (double)value[ATTRIBUTE_PACKETS];
    window->n_bytes[direction] += (double)value[ATTRIBUTE_BYTES];
    window->n_of_protocol[transport_of(value[ATTRIBUTE_PROTOCOL])] += 1.0;
    uint64_t hash = (uint64_t)value[ATTRIBUTE_REMOTE] * UINT64_C(0x9e3779b97f4a7c15) >> 53;
    window->remotes[hash / 64] |= UINT64_C(1) << hash % 64;
}

void window_log_note(struct window_log *log, const struct row *row, int64_t clock)
{
    int64_t slot = window_slot(clock);
    window_note(&log->windows[slot % (WINDOWS + 1)], row, slot);
}

static double n_remotes(const struct window *window)
{
    int n_set = 0;
    for (size_t i = 0; i < REMOTE_BITS / 64; i++)
        n_set += __builtin_popcountll(window->remotes[i]);
    double n_clear = n_set < REMOTE_BITS ? REMOTE_BITS - n_set : 0.5;
    return -REMOTE_BITS * log(n_clear / REMOTE_BITS);
}

/* A count on a log scale of about 0..1. */
static real scaled(double count, double largest)
{
    return (real)(log1p(count) / log1p(largest));
}

static void window_features(const struct window *window, bool is_observed, real *features)
{
    memset(features, 0, WINDOW_FEATURES * sizeof *features);
    features[0] = is_observed;
    if (window == NULL)
        return;
    double n = window->n_flows[0] + window->n_flows[1];
    for (int direction = 0; direction < 2; direction++) {
        features[1 + direction] = scaled(window->n_flows[direction], 1e4);
        features[3 + direction] = scaled(window->n_packets[direction], 1e6);
        features[5 + direction] = scaled(window->n_bytes[direction], 1e9);
    }
    features[7] = scaled(n_remotes(window), 1e3);
    for (int protocol = 0; protocol < 3; protocol++)
        features[8 + protocol] = (real)(window->n_of_protocol[protocol] / n);
}

static void clock_features(int64_t slot, real *features)
{
    const double two_pi = 6.283185307179586;
    double middle = ((double)slot + 0.5) * WINDOW_SECONDS;
    double day = fmod(middle, 86400.0) / 86400.0;
    size_t n = 0;
    static const double turns[] = { 1.0, 2.0, 24.0 };
    for (size_t t = 0; t < 3; t++) {
        features[n++] = (real)sin(two_pi * turns[t] * day);
        features[n++] = (real)cos(two_pi * turns[t] * day);
    }
    int weekday = calendar_weekday(slot * WINDOW_SECONDS * MS_PER_SECOND);
    for (int d = 0; d < 7; d++)
        features[n++] = d == weekday;
}

void window_log_features(const struct window_log *log, int64_t slot, real *features)
{
    for (int64_t w = 0; w < WINDOWS; w++) {
        int64_t past = slot - 1 - w;
        bool is_observed = past >= log->first_slot;
        const struct window *window = past >= 0 ? &log->windows[past % (WINDOWS + 1)] : NULL;
        if (window != NULL && window->slot != past)
            window = NULL;
        window_features(window, is_observed, features + (WINDOWS - 1 - w) * WINDOW_FEATURES);
    }
    clock_features(slot, features + WINDOWS * WINDOW_FEATURES);
}

/* ---- whole sequences ---------------------------------------------------------------------- */

struct window_series {
    int64_t first_slot;
    size_t n_slots;
    real *features; /* [WINDOWS + n_slots, WINDOW_FEATURES]: from 3 hours before the first slot */
};

struct window_series *window_series_create(const struct sequence *sequence)
{
    int64_t clock = sequence->start;
    for (size_t i = 0; i < sequence->n_rows; i++)
        clock += sequence->rows[i].value[ATTRIBUTE_GAP];
    struct window_series *series = memory_alloc(1, sizeof *series);
    series->first_slot = window_slot(sequence->start);
    series->n_slots = (size_t)(window_slot(clock) - series->first_slot) + 1;
    size_t n_windows = WINDOWS + series->n_slots;
    series->features = memory_zalloc(n_windows * WINDOW_FEATURES, sizeof *series->features);
    real *observed = series->features + WINDOWS * WINDOW_FEATURES;
    for (size_t slot = 0; slot < series->n_slots; slot++)
        window_features(NULL, true, observed + slot * WINDOW_FEATURES);

    struct window window = { .slot = -1 };
    clock = sequence->start;
    for (size_t i = 0; i < sequence->n_rows; i++) {
        clock += sequence->rows[i].value[ATTRIBUTE_GAP];
        int64_t slot = window_slot(clock);
        window_note(&window, &sequence->rows[i], slot);
        bool is_last = i + 1 == sequence->n_rows ||
                       window_slot(clock + sequence->rows[i + 1].value[ATTRIBUTE_GAP]) != slot;
        if (is_last)
            window_features(&window, true,
                            observed + (slot - series->first_slot) * WINDOW_FEATURES);
    }
    return series;
}

void window_series_free(struct window_series *series)
{
    if (series == NULL)
        return;
    free(series->features);
    free(series);
}

void window_series_features(const struct window_series *series, int64_t slot, real *features)
{
    /* The windows slot - WINDOWS .. slot - 1 begin at this place of the array. */
    int64_t place = slot - series->first_slot;
    if (place < 0 || (size_t)place >= series->n_slots)
        BUG("slot %lld of a series of %zu", (long long)place, series->n_slots);
    memcpy(features, series->features + place * WINDOW_FEATURES,
           WINDOWS * WINDOW_FEATURES * sizeof *features);
    clock_features(slot, features + WINDOWS * WINDOW_FEATURES);
}

void window_features_drop(real *features, bool drop_windows, bool drop_clock)
{
    if (drop_windows)
        memset(features, 0, WINDOWS * WINDOW_FEATURES * sizeof *features);
    if (drop_clock)
        memset(features + WINDOWS * WINDOW_FEATURES, 0, CLOCK_FEATURES * sizeof *features);
}
