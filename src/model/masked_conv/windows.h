/* windows.h - what a host did in the past three hours, and what time it is.
 *
 * The clock is cut into slots of 5 minutes. A row sees the 36 whole slots before its own, each with
 * the flows, packets and bytes in and out, distinct remotes and shares of protocols (counts on the
 * log scale; the oldest window first), and the time of day and day of week of its slot. So the
 * context is the same for all rows of a slot, and is encoded once for them.
 *
 *     struct window_log *log = window_log_create(start);
 *     for (each row) {
 *         int64_t slot = window_slot(clock_before);
 *         window_log_features(log, slot, features);   // of the time before
 *         window_log_note(log, row, clock_after);
 *     }
 *     window_log_free(log);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_WINDOWS_H
#define FLOWTWIN_MODEL_MASKED_CONV_WINDOWS_H

#include "data/sequence.h"
#include "nn/tensor.h"

enum {
    WINDOWS = 36,
    WINDOW_SECONDS = 300,
    WINDOW_FEATURES = 11,
    CLOCK_FEATURES = 13, /* two harmonics of the day, one of the hour, seven days of the week */
    SLOT_FEATURES = WINDOWS * WINDOW_FEATURES + CLOCK_FEATURES,
};

/* The last windows of one host. */
struct window_log;

/* start: s since 1970; before it nothing was observed. Caller frees with window_log_free. */
struct window_log *window_log_create(int64_t start);
void window_log_free(struct window_log *log);

/* The number of the slot that holds a time (s since 1970). */
int64_t window_slot(int64_t clock);

/* Notes a row that ended at `clock`; clocks do not go back. */
void window_log_note(struct window_log *log, const struct row *row, int64_t clock);

/* features [SLOT_FEATURES] of a slot that is not before the last noted row's. */
void window_log_features(const struct window_log *log, int64_t slot, real *features);

/* The same for a whole sequence at once, whose slots can then be asked for in any order. */
struct window_series;
struct window_series *window_series_create(const struct sequence *sequence);
void window_series_free(struct window_series *series);
void window_series_features(const struct window_series *series, int64_t slot, real *features);

/* Sets the part of the features that an ablation goes without to 0. */
void window_features_drop(real *features, bool drop_windows, bool drop_clock);

#endif
