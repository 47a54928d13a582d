/* beats.h - when the conversations and remotes of a host are due again.
 *
 * A time server is asked every 64 seconds, a page every minute, a tunnel begins anew every five. A
 * network that sees how long ago something was, in steps of half an octave, and tells a gap without
 * knowing who comes after it, cannot keep such a beat. So what has one is told, with the times at
 * which it is due: the gap has routes that lead there (heads.h).
 *
 *     struct beats beats = { 0 };
 *     beats_find(&beats, clock, &due);
 *     ...
 *     beats_note(&beats, &row, &beat, &remote_beat, usual_period, service);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_BEATS_H
#define FLOWTWIN_MODEL_MASKED_CONV_BEATS_H

#include "model/conversation.h"
#include "nn/ops.h"

/* A period that is usual for a service at a host; and how large a share of what begins anew there
 * comes after it: below a quarter, a half, four fifths, or more. */
enum { USUAL_SHARES = 4 };
struct usual_period {
    int32_t seconds; /* 0 where there is none */
    uint8_t share;   /* below USUAL_SHARES */
};

/* How sure it is that something is due: its period came once; it is usual, by its share; it was
 * steady, but nothing came when it was due last; it was steady once, two or three times, up to 7
 * times, up to 23 times, more often. */
enum beat_level {
    BEAT_ONCE,
    BEAT_USUAL,
    BEAT_MISSED = BEAT_USUAL + USUAL_SHARES,
    BEAT_TWICE,
    BEAT_AGAIN,
    BEAT_OFTEN,
    BEAT_STEADY,
    BEAT_LASTING,
    N_BEAT_LEVELS,
};

/* When something is due: after each of its rhythms for the first time from a clock on; and after
 * the period that is usual for its service, where there is one. Returns how many times, at most
 * BEAT_DUES. */
struct beat_due {
    int64_t clock;  /* s since 1970 */
    int32_t period; /* s */
    enum beat_level level;
};
enum { BEAT_DUES = BEAT_RHYTHMS + 1 };
size_t beat_dues(const struct beat *beat, struct usual_period usual_period, int64_t from,
                 struct beat_due dues[BEAT_DUES]);

/* What timers are set to, each by itself; and other periods by octave: below PERIOD_CLASSES. */
enum { PERIOD_CLASSES = 32 };
unsigned period_class(int32_t period);

/* What may have a beat, most recent first; what is not steady makes room before what is. */
enum { BEATS_KEPT = 128 };
struct beats {
    size_t n;
    struct kept_beat {
        uint64_t key; /* of the conversation or remote */
        struct beat beat;
        struct usual_period usual_period;
        uint16_t service; /* of its last row: a code, as in candidates.h */
        uint8_t kind;     /* below BEAT_KINDS */
    } items[BEATS_KEPT];
};
enum { BEAT_KINDS = 6 }; /* of conversations and of remotes, by transport */
/* After a row: its conversation's beat and its remote's, with it. */
void beats_note(struct beats *beats, const struct row *row, const struct beat *of_conversation,
                const struct beat *of_remote, struct usual_period usual_period, uint16_t service);

/* The times, from a second before a clock on, at which something is due next, as gaps in s: first
 * those of what was steady twice and more, then those of what came once, each ascending. None comes
 * twice. */
enum { BEATS_DUE = 8 };
struct beats_due {
    uint8_t n;
    struct due_time {
        int32_t gap;
        uint16_t service;
        uint8_t level, kind, period; /* the last one a code, below PERIOD_CODES */
    } items[BEATS_DUE];
};
enum { PERIOD_CODES = 208 };
void beats_find(const struct beats *beats, int64_t clock, struct beats_due *due);

/* The gap's routes to these times, and so far from them. */
enum {
    BEAT_REACH = 1,
    ROUTES_OF_BEAT = 2 * BEAT_REACH + 1,
    BEAT_ROUTES = BEATS_DUE * ROUTES_OF_BEAT,
};
/* And before the gap is told, whether it ends before the first of them, then, or later. */
enum { DUE_ROUTES = ROUTES_OF_BEAT };

/* As candidates of a link (candidates.h), they are told apart by what they are like: how sure they
 * are, how soon, after how long, and of what. Of their names the last ones are entries of a table.
 * n_services: number of codes of services. */
enum { BEAT_ASPECTS = 6, BEAT_TABLE_ASPECTS = 4 };
size_t beat_outputs(void);
size_t beat_table_size(size_t n_services);

/* names [BEAT_ASPECTS, n_routes] of a row: of BEAT_ROUTES or DUE_ROUTES; due: NULL for none. first:
 * the number of the head's first output for names. */
void beat_names(const struct beats_due *due, size_t n_routes, size_t first, uint16_t *names);
/* Adds them up for one row in drawing: to the logits of these routes, from all of the head's
 * outputs and the table. */
void beat_add(const struct beats_due *due, size_t n_routes, size_t first, const real *outputs,
              const real *table, real *logits);
/* How names [R, BEAT_ASPECTS, n_routes] of R rows are added up: to channels from first_route on, of
 * `first`. */
struct channel_sum_params beat_sums(const uint16_t *names, size_t first_route, size_t n_routes,
                                    size_t first);

#endif
