/* beats.h - when the remotes of a host are due again.
 *
 * A time server is asked every 64 seconds, a page every minute, a tunnel begins anew every five. A
 * network that sees how long ago something was, in steps of half an octave, and tells a gap without
 * knowing who comes after it, cannot keep such a beat. So the remotes that have one are told, with
 * the times at which they are due: the gap has routes that lead there (heads.h).
 *
 *     struct beats beats = { 0 };
 *     beats_find(&beats, clock, true, &due);
 *     ...
 *     beats_note(&beats, remote, &beat, usual_period);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_BEATS_H
#define FLOWTWIN_MODEL_MASKED_CONV_BEATS_H

#include "model/conversation.h"

/* How sure a beat is: the interval came once; it is usual for the service at the host; it came
 * twice or three times; more often. */
enum beat_level { BEAT_ONCE, BEAT_USUAL, BEAT_TWICE, BEAT_STEADY, N_BEAT_LEVELS };

/* When a beat is due next: s since 1970; false where there is no period. usual_period: of its
 * service, where that is to be looked at, or 0. */
bool beat_due(const struct beat *beat, uint32_t usual_period, int64_t *due, enum beat_level *level);

/* The most recent remotes that may have a beat, most recent first. */
enum { BEATS_KEPT = 64 };
struct beats {
    size_t n;
    struct kept_beat {
        uint32_t remote, usual_period;
        struct beat beat;
    } items[BEATS_KEPT];
};
/* beat: of the remote, its last row included. */
void beats_note(struct beats *beats, uint32_t remote, const struct beat *beat,
                uint32_t usual_period);

/* The times, from a clock on, at which remotes are due next, as gaps in s, ascending; surer ones
 * come before what came once. */
enum { BEATS_DUE = 4 };
struct beats_due {
    uint8_t n, levels[BEATS_DUE];
    int32_t gaps[BEATS_DUE];
};
void beats_find(const struct beats *beats, int64_t clock, bool is_usual_known,
                struct beats_due *due);

#endif
