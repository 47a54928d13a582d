#include "model/masked_conv/beats.h"

#include <string.h>

bool beat_due(const struct beat *beat, uint32_t usual_period, int64_t *due, enum beat_level *level)
{
    int64_t period = beat->period;
    if (beat->n_steady > 0) {
        *level = beat->n_steady < 3 ? BEAT_TWICE : BEAT_STEADY;
    } else if (usual_period > 0) {
        *level = BEAT_USUAL;
        period = usual_period;
    } else {
        *level = BEAT_ONCE;
    }
    *due = beat->start + period;
    return period > 0;
}

void beats_note(struct beats *beats, uint32_t remote, const struct beat *beat,
                uint32_t usual_period)
{
    size_t place = 0;
    while (place < beats->n && beats->items[place].remote != remote)
        place++;
    bool has_beat = beat->period > 0 || usual_period > 0;
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
        place--;
    memmove(beats->items + 1, beats->items, place * sizeof *beats->items);
    beats->items[0] = (struct kept_beat){ remote, usual_period, *beat };
}

void beats_find(const struct beats *beats, int64_t clock, bool is_usual_known,
                struct beats_due *due)
{
    *due = (struct beats_due){ 0 };
    for (size_t i = 0; i < beats->n; i++) {
        const struct kept_beat *kept = &beats->items[i];
        enum beat_level level;
        int64_t at;
        if (!beat_due(&kept->beat, is_usual_known ? kept->usual_period : 0, &at, &level) ||
            at < clock || at - clock > INT32_MAX)
            continue;
        int32_t gap = (int32_t)(at - clock);
        /* Its place among those found so far, which are in the order of is_sure, then gap. */
        size_t place = due->n;
        while (place > 0 && ((level > BEAT_ONCE && due->levels[place - 1] == BEAT_ONCE) ||
                             ((level > BEAT_ONCE) == (due->levels[place - 1] > BEAT_ONCE) &&
                              gap < due->gaps[place - 1])))
            place--;
        if (place == BEATS_DUE)
            continue;
        due->n = due->n < BEATS_DUE ? due->n + 1 : BEATS_DUE;
        for (size_t k = due->n - 1u; k > place; k--) {
            due->gaps[k] = due->gaps[k - 1];
            due->levels[k] = due->levels[k - 1];
        }
        due->gaps[place] = gap;
        due->levels[place] = (uint8_t)level;
    }
}
