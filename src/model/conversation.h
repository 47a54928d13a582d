/* conversation.h - what a host remembers of its recent conversations.
 *
 * A conversation is a remote address, a protocol and a pair of ports, in either direction; ICMP has
 * no ports, so that an echo and its reply are one. The memory holds the most recent conversations
 * and remotes of one host, each most recent first, with the last row of each. A row that several of
 * them remember is kept once.
 *
 * A row belongs to the memory in exactly one way, its link: the reply to or a repeat of the
 * conversation at some rank; else new ports with the remote at some rank; else a new remote. So a
 * likelihood that pays for the link, and then for what the link leaves open, is a true mass.
 *
 *     struct conversation_memory *memory = conversation_memory_create();
 *     for (each row) {
 *         struct link link = conversation_link(memory, row);
 *         const struct past_row *match = conversation_match(memory, &link);   // NULL: new remote
 *         ...
 *         conversation_note(memory, row, clock);
 *     }
 *     conversation_memory_free(memory);
 */
#ifndef FLOWTWIN_MODEL_CONVERSATION_H
#define FLOWTWIN_MODEL_CONVERSATION_H

#include "data/calendar.h"
#include "data/coding.h"

enum {
    CONVERSATIONS_KEPT = 1024,
    REMOTES_KEPT = 4096,
};

enum link_kind {
    LINK_REPLY,  /* to the last flow of conversation `rank`: other direction */
    LINK_REPEAT, /* of it: same direction */
    LINK_REMOTE, /* remote `rank`, in no conversation that is kept */
    LINK_NEW,    /* a remote that is not kept; rank 0 */
    N_LINK_KINDS,
};

/* A reply or a repeat. */
static inline bool link_is_of_conversation(enum link_kind kind)
{
    return kind == LINK_REPLY || kind == LINK_REPEAT;
}

struct link {
    enum link_kind kind;
    uint32_t rank; /* 0: the most recent */
};

/* How something comes again: flows less than BEAT_REST s after the first one of several belong to
 * it, a later one begins anew. It may keep to a rhythm, with something else in between, miss it
 * once or more, or come in pairs, so that only every other start is as long after the one two
 * before. */
#define BEAT_REST 10
struct rhythm {
    int32_t ago;      /* s: from the last flow of the rhythm to the start */
    int32_t period;   /* s; 0 where there is none */
    uint8_t n_steady; /* how many periods in a row were much as the one before: within 1 s or 2 % */
};
/* The one that it kept to last, or what may become one, comes first; then the one before. */
enum { RHYTHM_SINGLE = 2, RHYTHM_PAIR = RHYTHM_SINGLE, BEAT_RHYTHMS };
struct beat {
    int64_t start; /* s: end of the first flow of those that came last */
    struct rhythm rhythms[BEAT_RHYTHMS];
};
/* Periods without a flow after which a rhythm may still go on: where it has been steady as often.
 */
enum { RHYTHM_SURE = 2, RHYTHM_MISSES = 3 };
static inline int64_t rhythm_misses(const struct rhythm *rhythm)
{
    return rhythm->n_steady >= RHYTHM_SURE ? RHYTHM_MISSES : 0;
}
static inline int64_t rhythm_due(const struct beat *beat, const struct rhythm *rhythm)
{
    return beat->start - rhythm->ago + rhythm->period;
}
/* Whether a period is much as another one: within 1 s or 2 %. */
bool periods_are_alike(int64_t period, int64_t other);
/* With one flow more, that ends at a clock; before: NULL where it is the first. */
struct beat beat_next(const struct beat *before, int64_t clock);

/* A row of the past, with its place in time. */
struct past_row {
    struct row row;
    int64_t clock;      /* s: when it ended */
    uint64_t index;     /* the host's how-manieth row it was */
    uint32_t n_flows;   /* of its conversation, with it; 0 where that is not counted */
    uint32_t n_in_hour; /* of these, those in the hour of the clock */
    struct beat beat;   /* of its conversation, with it */
    int64_t ended[2];   /* s: clocks of its conversation's last flows in and out; or PAST_NEVER */
};
#define PAST_NEVER INT64_MIN

/* Flows of its conversation, or with its remote, in the hour of a later clock; 0 of NULL. */
static inline uint32_t past_row_in_hour(const struct past_row *past, int64_t clock)
{
    bool is_in_hour = past != NULL && past->clock / SECONDS_PER_HOUR == clock / SECONDS_PER_HOUR;
    return is_in_hour ? past->n_in_hour : 0;
}

/* The beat of its conversation, or of its remote, with one flow more; past: NULL where that is the
 * first. */
static inline struct beat past_row_beat(const struct past_row *past, int64_t clock)
{
    return beat_next(past != NULL ? &past->beat : NULL, clock);
}

/* ms: the duration of a flow that goes on in a conversation stays below this where it began after
 * the one before it in its direction had ended; 0 where there was none. clock: of its end, s. */
int64_t past_row_room(const struct past_row *past, int64_t direction, int64_t clock);

struct conversation_memory;

/* Caller frees with conversation_memory_free. */
struct conversation_memory *conversation_memory_create(void);
void conversation_memory_free(struct conversation_memory *memory);

/* The link of a row that has not been noted yet. Looks at its remote, direction, protocol, ports.
 */
struct link conversation_link(const struct conversation_memory *memory, const struct row *row);

size_t conversation_count(const struct conversation_memory *memory);
size_t conversation_remote_count(const struct conversation_memory *memory);

/* The last row of the conversation, or with the remote, that a link names; NULL for a new remote.
 * All that these return is borrowed until the next conversation_note; the row of a remote, whose
 * n_flows, n_in_hour and beat are those with the remote, only until the next one is asked for. */
const struct past_row *conversation_match(const struct conversation_memory *memory,
                                          const struct link *link);
/* The one before that with a remote that a link names; NULL where there has been no other. */
const struct past_row *conversation_before(const struct conversation_memory *memory,
                                           const struct link *link);
const struct past_row *conversation_at(const struct conversation_memory *memory, size_t rank);
const struct past_row *conversation_remote_at(const struct conversation_memory *memory,
                                              size_t rank);
/* The last row with an address; NULL where it is not kept. */
const struct past_row *conversation_of_remote(const struct conversation_memory *memory,
                                              uint32_t address);
bool conversation_knows_remote(const struct conversation_memory *memory, uint32_t remote);
/* How many remotes are kept of each /24 in the /16 of an address: counts [256]. */
void conversation_count_remotes(const struct conversation_memory *memory, uint32_t address,
                                uint16_t counts[256]);

/* Whether the row's conversation is kept: what LINK_REMOTE excludes. */
bool conversation_is_kept(const struct conversation_memory *memory, uint32_t remote,
                          int64_t protocol, int64_t local_port, int64_t remote_port);

/* The remote ports of the kept conversations that have the row's remote, protocol and local port:
 * into room for CONVERSATIONS_KEPT; returns how many. */
size_t conversation_remote_ports(const struct conversation_memory *memory, const struct row *row,
                                 uint16_t *ports);

/* Puts the row in front. */
void conversation_note(struct conversation_memory *memory, const struct row *row, int64_t clock);

/* Sets what a reply to or repeat of `past` has for certain: remote, direction, protocol, and the
 * ports where the protocol has them. */
void conversation_continue(struct row *row, const struct past_row *past, enum link_kind kind);

/* Whether the ports of a conversation are part of it. */
bool conversation_has_ports(int64_t protocol);

#endif
