#include "model/masked_conv/beats.h"

#include "base/hash.h"
#include "model/masked_conv/features.h"

#include <stdlib.h>
#include <string.h>

static enum beat_level level_of(const struct rhythm *rhythm, bool is_missed)
{
    if (is_missed)
        return BEAT_MISSED;
    if (rhythm->n_steady > 23)
        return BEAT_LASTING;
    if (rhythm->n_steady > 7)
        return BEAT_STEADY;
    if (rhythm->n_steady > 3)
        return BEAT_OFTEN;
    if (rhythm->n_steady > 1)
        return BEAT_AGAIN;
    return rhythm->n_steady == 1 ? BEAT_TWICE : BEAT_ONCE;
}

size_t beat_dues(const struct beat *beat, struct usual_period usual_period, int64_t from,
                 struct beat_due dues[BEAT_DUES])
{
    size_t n = 0;
    for (size_t r = 0; r < BEAT_RHYTHMS; r++) {
        const struct rhythm *rhythm = &beat->rhythms[r];
        int64_t due = rhythm_due(beat, rhythm), period = rhythm->period;
        if (period == 0 || from > due + rhythm_misses(rhythm) * period)
            continue;
        bool is_missed = from > due;
        if (is_missed)
            due += (from - due + period - 1) / period * period;
        dues[n++] = (struct beat_due){ due, rhythm->period, level_of(rhythm, is_missed) };
    }
    int64_t usual = beat->start + usual_period.seconds;
    if (usual_period.seconds > 0 && usual >= from)
        dues[n++] = (struct beat_due){ usual, usual_period.seconds,
                                       BEAT_USUAL + usual_period.share };
    return n;
}

static bool is_steady(const struct beat *beat)
{
    return beat->rhythms[0].n_steady > 0 || beat->rhythms[1].n_steady > 0;
}

/* Where a new one goes that none has made room for. */
static size_t place_of_least(const struct beats *beats)
{
    size_t place = BEATS_KEPT - 1;
    while (place > 0 && is_steady(&beats->items[place].beat))
        place--;
    return is_steady(&beats->items[place].beat) ? BEATS_KEPT - 1 : place;
}

static void note(struct beats *beats, const struct kept_beat *kept)
{
    size_t place = 0;
    while (place < beats->n && beats->items[place].key != kept->key)
        place++;
    bool has_beat = kept->beat.rhythms[0].period > 0 || kept->usual_period.seconds > 0;
    if (place == beats->n && !has_beat)
        return;
    if (!has_beat) { /* a service without one has come after another with one */
        memmove(beats->items + place, beats->items + place + 1,
                (beats->n - place - 1) * sizeof *beats->items);
        beats->n--;
        return;
    }
    if (place == beats->n && beats->n < BEATS_KEPT)
        beats->n++;
    else if (place == beats->n)
        place = place_of_least(beats);
    memmove(beats->items + 1, beats->items, place * sizeof *beats->items);
    beats->items[0] = *kept;
}

void beats_note(struct beats *beats, const struct row *row, const struct beat *of_conversation,
                const struct beat *of_remote, struct usual_period usual_period, uint16_t service)
{
    const int64_t *value = row->value, protocol = value[ATTRIBUTE_PROTOCOL];
    uint64_t remote = (uint64_t)value[ATTRIBUTE_REMOTE], key = hash_mix(remote + 1);
    uint8_t kind = (uint8_t)(2 * transport_of(protocol));
    note(beats, &(struct kept_beat){ key, *of_remote, usual_period, service, kind + 1 });
    if (conversation_has_ports(protocol))
        key = hash_with(hash_with(key, value[ATTRIBUTE_LOCAL_PORT]), value[ATTRIBUTE_REMOTE_PORT]);
    key = hash_with(key, protocol);
    note(beats, &(struct kept_beat){ key, *of_conversation, usual_period, service, kind });
}

static int how_sure(uint8_t level)
{
    bool is_mostly = level == BEAT_USUAL + USUAL_SHARES - 1;
    return is_mostly || level >= BEAT_AGAIN ? 2 : level > BEAT_ONCE;
}

/* Whether one goes before another. */
static bool is_before(const struct due_time *one, const struct due_time *other)
{
    int sure = how_sure(one->level), other_sure = how_sure(other->level);
    if (sure != other_sure)
        return sure > other_sure;
    return one->gap < other->gap || (one->gap == other->gap && one->level > other->level);
}

static void add_due(struct beats_due *due, const struct due_time *added)
{
    struct due_time *items = due->items;
    size_t place = due->n, same = 0;
    while (place > 0 && is_before(added, &items[place - 1]))
        place--;
    if (place == BEATS_DUE)
        return;
    while (same < due->n && items[same].gap != added->gap)
        same++;
    if (same < place) /* a surer one is due then */
        return;
    if (same == due->n)
        same = due->n < BEATS_DUE ? due->n++ : BEATS_DUE - 1;
    memmove(items + place + 1, items + place, (same - place) * sizeof *items);
    items[place] = *added;
}

unsigned period_class(int32_t period)
{
    static const struct {
        int32_t period, spread;
    } timers[] = { { 15, 1 },  { 30, 1 },  { 45, 1 },   { 60, 1 },   { 64, 2 },
                   { 90, 1 },  { 120, 1 }, { 180, 1 },  { 240, 1 },  { 300, 1 },
                   { 600, 1 }, { 900, 1 }, { 1200, 1 }, { 1800, 1 }, { 3600, 1 } };
    for (unsigned t = 0; t < ARRAY_LEN(timers); t++)
        if (abs(period - timers[t].period) <= timers[t].spread)
            return t;
    unsigned octave = 31u - (unsigned)__builtin_clz((unsigned)period | 1u);
    unsigned class = ARRAY_LEN(timers) + (octave > 3 ? octave - 3 : 0);
    return class < PERIOD_CLASSES ? class : PERIOD_CLASSES - 1;
}

/* Each by itself at first, in s; then four an octave, whole minutes apart. */
static uint8_t period_code(int32_t period)
{
    enum { SINGLE = 128 };
    if (period < SINGLE)
        return (uint8_t)period;
    int code = SINGLE + 2 * (count_code(period) - count_code(SINGLE)) + (period % 60 == 0);
    return (uint8_t)(code < PERIOD_CODES ? code : PERIOD_CODES - 1);
}

void beats_find(const struct beats *beats, int64_t clock, struct beats_due *due)
{
    *due = (struct beats_due){ 0 };
    for (size_t i = 0; i < beats->n; i++) {
        const struct kept_beat *kept = &beats->items[i];
        struct beat_due dues[BEAT_DUES];
        size_t n = beat_dues(&kept->beat, kept->usual_period, clock - 1, dues);
        for (size_t k = 0; k < n; k++) {
            int64_t gap = dues[k].clock - clock;
            if (gap > INT32_MAX)
                continue;
            add_due(due, &(struct due_time){ (int32_t)gap, kept->service, (uint8_t)dues[k].level,
                                             kept->kind, period_code(dues[k].period) });
        }
    }
}

/* ---- how likely each is ------------------------------------------------------------------- */

enum {
    SOON_CODES = 24, /* s until something is due, two an octave */
    OF_LEVEL = 0,
    OF_SOON = OF_LEVEL + N_BEAT_LEVELS * ROUTES_OF_BEAT,
    OF_BEAT = OF_SOON + SOON_CODES,
};

size_t beat_outputs(void)
{
    return OF_BEAT;
}

/* Entries of the table, all of them by level; those of services come last. */
enum {
    ENTRY_SOON = 0,
    ENTRY_PERIOD = ENTRY_SOON + N_BEAT_LEVELS * SOON_CODES * ROUTES_OF_BEAT,
    ENTRY_KIND = ENTRY_PERIOD + N_BEAT_LEVELS * PERIOD_CODES * ROUTES_OF_BEAT,
    ENTRY_SERVICE = ENTRY_KIND + N_BEAT_LEVELS * BEAT_KINDS * ROUTES_OF_BEAT,
};

size_t beat_table_size(size_t n_services)
{
    return ENTRY_SERVICE + N_BEAT_LEVELS * n_services;
}

static unsigned soon_code(int32_t gap)
{
    if (gap < 2)
        return gap > 0;
    unsigned octave = 31u - (unsigned)__builtin_clz((unsigned)gap);
    unsigned code = 2 * octave + ((unsigned)gap >> (octave - 1) & 1u);
    return code < SOON_CODES ? code : SOON_CODES - 1;
}

/* Of route i: numbers of outputs behind the first one, then of entries. */
static void name_route(const struct beats_due *due, size_t i, uint16_t codes[BEAT_ASPECTS])
{
    const struct due_time *item = &due->items[i / ROUTES_OF_BEAT];
    unsigned level = item->level, soon = soon_code(item->gap), of = (unsigned)(i % ROUTES_OF_BEAT);
    codes[0] = (uint16_t)(OF_LEVEL + level * ROUTES_OF_BEAT + of);
    codes[1] = (uint16_t)(OF_SOON + soon);
    codes[2] = (uint16_t)(ENTRY_SOON + (level * SOON_CODES + soon) * ROUTES_OF_BEAT + of);
    codes[3] = (uint16_t)(ENTRY_PERIOD + (level * PERIOD_CODES + item->period) * ROUTES_OF_BEAT +
                          of);
    codes[4] = (uint16_t)(ENTRY_KIND + (level * BEAT_KINDS + item->kind) * ROUTES_OF_BEAT + of);
    codes[5] = (uint16_t)(ENTRY_SERVICE + item->service * N_BEAT_LEVELS + level);
}

static bool is_output(size_t aspect)
{
    return aspect < BEAT_ASPECTS - BEAT_TABLE_ASPECTS;
}

void beat_names(const struct beats_due *due, size_t n_routes, size_t first, uint16_t *names)
{
    size_t n = due != NULL ? due->n * (size_t)ROUTES_OF_BEAT : 0;
    for (size_t i = 0; i < n_routes; i++) {
        uint16_t codes[BEAT_ASPECTS] = { 0 };
        if (i < n)
            name_route(due, i, codes);
        for (size_t a = 0; a < BEAT_ASPECTS; a++)
            names[a * n_routes + i] = (uint16_t)(codes[a] + (is_output(a) ? first : 0));
    }
}

void beat_add(const struct beats_due *due, size_t n_routes, size_t first, const real *outputs,
              const real *table, real *logits)
{
    size_t n = due != NULL ? due->n * (size_t)ROUTES_OF_BEAT : 0;
    for (size_t i = 0; i < n && i < n_routes; i++) {
        uint16_t codes[BEAT_ASPECTS];
        name_route(due, i, codes);
        for (size_t a = 0; a < BEAT_ASPECTS; a++)
            logits[i] += is_output(a) ? outputs[first + codes[a]] : table[codes[a]];
    }
}

struct channel_sum_params beat_sums(const uint16_t *names, size_t first_route, size_t n_routes,
                                    size_t first)
{
    return (struct channel_sum_params){ .name = names,
                                        .n_names = BEAT_ASPECTS,
                                        .n_of_table = BEAT_TABLE_ASPECTS,
                                        .first_summed = first_route,
                                        .n_summed = n_routes,
                                        .n_out = first };
}
