#include "model/masked_conv/profile.h"

#include "base/memory.h"
#include "model/masked_conv/windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- bins --------------------------------------------------------------------------------- */

/* Services that the vocabulary lacks: by side, protocol, and whether the port is below 1024. */
static size_t other_service(const struct row *row)
{
    const int64_t *value = row->value;
    int64_t local = value[ATTRIBUTE_LOCAL_PORT], remote = value[ATTRIBUTE_REMOTE_PORT];
    int64_t port = local <= remote ? local : remote;
    size_t protocol = value[ATTRIBUTE_PROTOCOL] == PROTOCOL_TCP   ? 0
                      : value[ATTRIBUTE_PROTOCOL] == PROTOCOL_UDP ? 1
                                                                  : 2;
    return 4 * protocol + 2 * (local <= remote) + (port < 1024);
}

/* 0 for 0, else 1 + the octave. */
static size_t octave_bin(int64_t x, size_t n_bins)
{
    size_t bin = x > 0 ? (size_t)(64 - __builtin_clzll((uint64_t)x)) : 0;
    return bin < n_bins ? bin : n_bins - 1;
}

void profile_bins(const struct vocabulary *vocabulary, const struct row *row,
                  uint16_t bins[PROFILE_GROUPS])
{
    const int64_t *value = row->value;
    int64_t service;
    int known = vocabulary_service(row, &service)
                    ? value_list_find(&vocabulary->lists[LIST_SERVICE], service)
                    : -1;
    size_t places[PROFILE_GROUPS] = {
        [PROFILE_SERVICE] = known >= 0 ? (size_t)known : SERVICES_MAX + other_service(row),
        [PROFILE_TOS] = (size_t)value[ATTRIBUTE_TOS] >> 2,
        [PROFILE_FLAGS] = (size_t)value[ATTRIBUTE_FLAGS] & 63,
        [PROFILE_PACKETS] = octave_bin(value[ATTRIBUTE_PACKETS], PROFILE_PACKETS_BINS),
        [PROFILE_BYTES] = octave_bin(value[ATTRIBUTE_BYTES], PROFILE_BYTES_BINS),
        [PROFILE_DURATION] = octave_bin(value[ATTRIBUTE_DURATION], PROFILE_DURATION_BINS),
    };
    static const size_t sizes[PROFILE_GROUPS] = {
        PROFILE_SERVICE_BINS, PROFILE_TOS_BINS,   PROFILE_FLAGS_BINS,
        PROFILE_PACKETS_BINS, PROFILE_BYTES_BINS, PROFILE_DURATION_BINS,
    };
    size_t first = 0;
    for (size_t g = 0; g < PROFILE_GROUPS; g++) {
        bins[g] = (uint16_t)(first + places[g]);
        first += sizes[g];
    }
}

void profile_note(struct profile *profile, const uint16_t bins[PROFILE_GROUPS])
{
    profile->n_flows++;
    for (size_t g = 0; g < PROFILE_GROUPS; g++)
        profile->counts[bins[g]]++;
}

void profile_features(const struct profile *profile, bool is_ahead, real *features)
{
    memset(features, 0, PROFILE_FEATURES * sizeof *features);
    features[PROFILE_BINS + 1] = is_ahead;
    if (profile->n_flows == 0)
        return;
    const double scale = 1.0 / log1p(1000.0), per_flow = 1000.0 / (double)profile->n_flows;
    for (size_t b = 0; b < PROFILE_BINS; b++)
        if (profile->counts[b] > 0)
            features[b] = (real)(scale * log1p(per_flow * (double)profile->counts[b]));
    features[PROFILE_BINS] = (real)(log1p((double)profile->n_flows) / log1p(1e5));
}

/* ---- as it goes --------------------------------------------------------------------------- */

struct profile_log {
    const struct vocabulary *vocabulary;
    struct profile settled; /* of the slots before the current one */
    int64_t slot;           /* the current one */
    uint16_t (*rows)[PROFILE_GROUPS];
    size_t n_rows, capacity; /* of the current one */
};

struct profile_log *profile_log_create(const struct vocabulary *vocabulary)
{
    struct profile_log *log = memory_zalloc(1, sizeof *log);
    log->vocabulary = vocabulary;
    return log;
}

void profile_log_free(struct profile_log *log)
{
    if (log == NULL)
        return;
    free(log->rows);
    free(log);
}

void profile_log_note(struct profile_log *log, const struct row *row, int64_t slot)
{
    if (slot != log->slot) {
        for (size_t i = 0; i < log->n_rows; i++)
            profile_note(&log->settled, log->rows[i]);
        log->n_rows = 0;
        log->slot = slot;
    }
    log->rows = memory_grow(log->rows, &log->capacity, log->n_rows + 1, sizeof *log->rows);
    profile_bins(log->vocabulary, row, log->rows[log->n_rows++]);
}

void profile_log_features(const struct profile_log *log, int64_t slot, real *features)
{
    struct profile profile = log->settled;
    for (size_t i = 0; log->slot < slot && i < log->n_rows; i++)
        profile_note(&profile, log->rows[i]);
    profile_features(&profile, false, features);
}

/* ---- whole sequences ---------------------------------------------------------------------- */

struct profile_series {
    int64_t first_slot;
    size_t n_slots;
    size_t *first_row; /* [n_slots + 1]: of each slot */
    uint16_t (*rows)[PROFILE_GROUPS];
};

struct profile_series *profile_series_create(const struct sequence *sequence,
                                             const struct vocabulary *vocabulary)
{
    int64_t end = sequence->start;
    for (size_t i = 0; i < sequence->n_rows; i++)
        end += sequence->rows[i].value[ATTRIBUTE_GAP];
    struct profile_series *series = memory_zalloc(1, sizeof *series);
    series->first_slot = window_slot(sequence->start);
    series->n_slots = (size_t)(window_slot(end) - series->first_slot) + 1;
    series->first_row = memory_zalloc(series->n_slots + 1, sizeof *series->first_row);
    series->rows = memory_alloc(sequence->n_rows, sizeof *series->rows);
    int64_t clock = sequence->start;
    for (size_t i = 0; i < sequence->n_rows; i++) {
        clock += sequence->rows[i].value[ATTRIBUTE_GAP];
        profile_bins(vocabulary, &sequence->rows[i], series->rows[i]);
        series->first_row[window_slot(clock) - series->first_slot + 1] = i + 1;
    }
    for (size_t s = 0; s < series->n_slots; s++)
        if (series->first_row[s + 1] < series->first_row[s])
            series->first_row[s + 1] = series->first_row[s];
    return series;
}

void profile_series_free(struct profile_series *series)
{
    if (series == NULL)
        return;
    free(series->first_row);
    free(series->rows);
    free(series);
}

static size_t first_row_of(const struct profile_series *series, int64_t slot)
{
    int64_t place = slot - series->first_slot;
    if (place < 0)
        return 0;
    return series->first_row[(size_t)place < series->n_slots ? (size_t)place : series->n_slots];
}

void profile_series_add(const struct profile_series *series, int64_t from, int64_t until,
                        struct profile *profile)
{
    size_t end = first_row_of(series, until);
    for (size_t i = first_row_of(series, from); i < end; i++)
        profile_note(profile, series->rows[i]);
}
