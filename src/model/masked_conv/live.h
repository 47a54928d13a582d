/* live.h - what a host has done so far, kept up row by row: the context of its next row.
 *
 * The counterpart of links.h where the rows do not exist yet. A row becomes known piece by piece;
 * what depends on a piece is added to the context when it is there:
 *
 *     struct live_host host;
 *     live_host_init(&host, &vocabulary, start, true, true, true);
 *     live_begin(&host);                       // what the memory shows before the row
 *     host.row.value[ATTRIBUTE_GAP] = ...;
 *     live_gap(&host);
 *     live_link(&host, link);                  // the match, and what it settles
 *     ... direction, protocol, ports ...
 *     live_find_like(&host, LIKE_REMOTE, LIKE_FLAGS);  // rows like this one; more of them once
 *     ... all else ...                         // flags, packets, and the duration are known
 *     live_end(&host);                         // the row is part of the past
 *     live_host_release(&host);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_LIVE_H
#define FLOWTWIN_MODEL_MASKED_CONV_LIVE_H

#include "model/masked_conv/habits.h"
#include "model/masked_conv/links.h"
#include "model/masked_conv/windows.h"

struct live_host {
    const struct vocabulary *vocabulary;
    struct conversation_memory *memory;
    struct like_rows *past;     /* NULL without memory */
    int32_t like[N_LIKENESSES]; /* rows like the one at hand, as far as it is known */
    struct window_log *windows;
    bool has_memory, has_profile, recalls;
    bool is_unordered;  /* see struct row_context; false at first */
    int64_t clock;      /* s: end of the last row, or the start */
    uint64_t index;     /* rows so far */
    size_t n_in_second; /* of these, rows that end at the clock */
    struct row previous, last_new;
    enum link_kind kind_before; /* of the link of the previous row */
    int64_t last_new_clock;
    uint64_t last_new_index;
    bool has_last_new;
    struct candidate_list conversations, remotes; /* of the memory, what is near */
    struct beats beats;                           /* with what is usual, where it keeps to habits */
    struct beats_due beats_due[2]; /* see struct row_context; the other one is not kept up */
    uint16_t *kept_atoms;          /* remotes that the memory knows, ascending */
    size_t n_kept_atoms;
    /* Where habits is not NULL, it keeps to those of training host of_host. */
    const struct habits *habits;
    const struct host_profile *profile; /* of that host; NULL where it is not looked at */
    size_t of_host;
    uint64_t pace_seed, pace_stream;
    int64_t hour; /* that the pace is of */
    struct pace pace;
    /* The row at hand, and its context. */
    struct row row;
    struct row_context context;
};

/* start: s since 1970; vocabulary: borrowed. Without memory every row is a new remote; without a
 * profile there are no services in the context, and where it does not recall, no like rows. */
void live_host_init(struct live_host *host, const struct vocabulary *vocabulary, int64_t start,
                    bool has_memory, bool has_profile, bool recalls);
/* Keeps to the habits of a training host from the next row on: its gaps lead to hours that have
 * flows to come. habits: borrowed. */
void live_host_follow(struct live_host *host, const struct habits *habits, size_t of_host,
                      uint64_t seed, uint64_t stream);
void live_host_release(struct live_host *host);

/* The row at hand has every attribute at its lowest value until it is set. */
void live_begin(struct live_host *host);
void live_link(struct live_host *host, struct link link);
/* Where the gap is known: the hour in which the row ends begins. */
void live_gap(struct live_host *host);
/* The likenesses from .. to - 1, and the references that follow from them. */
void live_find_like(struct live_host *host, enum likeness from, enum likeness to);
void live_end(struct live_host *host);

/* Room for what a row excludes (see struct row_context); used by one row at a time. */
struct exclusions {
    uint16_t words[CONVERSATIONS_KEPT + 1024];
    uint8_t octets[256];
};

/* Points the context to what it excludes, so far as the row is known: remote ports of a link to a
 * known remote; of a new remote the atoms, third octets, or last octets. */
void live_exclude_ports(struct live_host *host, struct exclusions *room);
void live_exclude_atoms(struct live_host *host);
void live_exclude_third_octets(struct live_host *host, struct exclusions *room);
void live_exclude_last_octets(struct live_host *host, struct exclusions *room);

/* Begins a row that is known already, with the whole of its context but what it excludes. */
void live_begin_known(struct live_host *host, const struct row *row);

#endif
