/* links.h - what a row's past tells masked-conv about it.
 *
 * A row context gathers what the heads and features of a row may look at: the host's previous row,
 * the row's link and the row that it matches, like rows of the past, what its way of being written
 * excludes. In sampling it comes from the live memory (conversation.h). For training and scoring, a
 * sequence is linked once: each row gets a short record from which its context is put together
 * again at any time, in any order.
 *
 *     struct linked_sequence *linked = linked_sequence_create(sequence, vocabulary, true, true,
 *                                                             NULL);
 *     struct row_context context;
 *     linked_sequence_context(linked, i, &context);
 *     linked_sequence_free(linked);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_LINKS_H
#define FLOWTWIN_MODEL_MASKED_CONV_LINKS_H

#include "model/like_rows.h"
#include "model/masked_conv/candidates.h"
#include "model/masked_conv/pace.h"
#include "model/masked_conv/services.h"
#include "model/masked_conv/usual_values.h"
#include "model/masked_conv/vocabulary.h"

/* How many of the most recent conversations are shown to the network as they stand. */
#define CONVERSATIONS_SHOWN 8

/* A row of the past; row is NULL where there is none. */
struct seen_row {
    const struct row *row;
    int64_t clock;
    uint64_t index;
};

struct row_context {
    const struct row *row; /* the row itself: as far as it is known */
    int64_t clock;         /* s: end of the host's previous row */
    uint64_t index;        /* the host's how-manieth row it is */
    size_t n_in_second;    /* rows before it that end at the clock */
    bool is_unordered;     /* whether rows of one second stand in any order */
    struct seen_row previous;
    uint32_t previous_flows;  /* with its remote, it included; 0 without memory */
    uint8_t previous_steps;   /* candidate_steps from the one before it with its remote, or 0 */
    struct seen_row last_new; /* the last one that began a conversation */
    struct link link;
    size_t n_conversations, n_remotes;
    struct seen_row match;
    struct seen_row before_match; /* of a link to a remote: the last but one with it */
    uint32_t match_flows;         /* of the conversation, or with the remote, so far */
    uint32_t match_in_hour;       /* of these, those in the hour in which the row ends */
    int64_t room; /* ms: see past_row_room; 0 where the link is to no conversation */
    struct seen_row references[N_REFERENCES];
    /* The last like rows of each likeness that is known of so far, or -1 (like_rows.h); NULL
     * without memory. */
    const struct like_rows *past;
    const int32_t *like;
    const struct service_lists *services; /* of the host; NULL where they are not looked at */
    const struct usual_values *usual;     /* likewise */
    bool is_usual_own;                    /* whether the row is among the flows of `usual` */
    const struct pace *pace;              /* NULL where it is not looked at */
    bool is_usual_known;                  /* whether the periods of services are looked at */
    const struct beats_due *beats;      /* [2] of the clock: without these periods, and with them */
    int64_t lowest_gap, highest_gap;    /* in drawing, where there can be no others; or 0 */
    uint8_t shown[CONVERSATIONS_SHOWN]; /* codes of conversation_code, below SHOWN_CODES */
    /* LINK_REMOTE: remote ports that would make it a conversation that is kept, given the protocol
     * and the local port; and whether ICMP would. */
    const uint16_t *kept_ports;
    size_t n_kept_ports;
    bool is_icmp_kept;
    /* LINK_NEW: atoms of remotes that are kept; third octets that lead to nothing but kept remotes
     * and atoms, given the first two; and last octets that lead to one, given the first three. */
    const uint16_t *kept_atoms;
    size_t n_kept_atoms;
    const uint8_t *full_octets;
    size_t n_full_octets;
    const uint8_t *kept_octets;
    size_t n_kept_octets;
};

/* What is usual at the host among flows like the row, so far as it is known; or NULL. */
static inline const struct usual_kind *row_context_usual(const struct row_context *context,
                                                         enum usual_values_of of)
{
    const struct usual_facts facts = { context->row, context->link.kind, context->match.row };
    return usual_values_find(context->usual, of, &facts);
}

static inline const struct beats_due *row_context_beats(const struct row_context *context)
{
    return context->beats != NULL ? &context->beats[context->is_usual_known] : NULL;
}

/* The state of a kept conversation in one number: 0 for none, else by direction of its last flow,
 * how many flows it has, its protocol and its age. */
enum { SHOWN_CODES = 1 + 2 * 4 * 3 * 6 };
uint8_t conversation_code(const struct past_row *past, int64_t clock);

struct linked_sequence;

/* Links the rows of a sequence. Without memory every row is a new remote that excludes nothing;
 * where it does not recall, there are no like rows but the references. Its pace tells flows apart
 * by the services of its host, or NULL. Borrows the sequence's rows, the vocabulary and the
 * services until it is freed. */
struct linked_sequence *linked_sequence_create(const struct sequence *sequence,
                                               const struct vocabulary *vocabulary, bool has_memory,
                                               bool recalls, const struct service_lists *services);
/* Rows first .. first + n - 1 as if the host had been observed from the first of them on, or as if
 * n_past rows of any host were all that it had done before; but with the pace of the whole. */
struct linked_sequence *linked_sequence_restart(const struct linked_sequence *linked, size_t first,
                                                size_t n, const struct row *past, size_t n_past);
void linked_sequence_free(struct linked_sequence *linked);

/* The context of row i, without a pace. Borrowed from the linked sequence. */
void linked_sequence_context(const struct linked_sequence *linked, size_t i,
                             struct row_context *context);
/* The near conversations and remotes before row i. */
void linked_sequence_candidates(const struct linked_sequence *linked, size_t i,
                                struct candidate_list *conversations,
                                struct candidate_list *remotes);
/* What came in truth from row i on. */
void linked_sequence_pace(const struct linked_sequence *linked, size_t i, struct pace *pace);
/* And in the whole of an hour (s since 1970 / 3600). */
void linked_sequence_hour(const struct linked_sequence *linked, int64_t hour,
                          struct pace_counts *counts);
const struct sequence *linked_sequence_source(const struct linked_sequence *linked);
/* s: end of row i - 1, or the start. */
int64_t linked_sequence_clock(const struct linked_sequence *linked, size_t i);

/* What a new remote excludes, for linking and sampling alike; all return how many they wrote.
 * Atoms of kept remotes: into room for the vocabulary's. */
size_t kept_atoms_of(const struct conversation_memory *memory, const struct vocabulary *vocabulary,
                     uint16_t *atoms);
/* Third octets of the /16 of `address` whose /24 is kept or atoms throughout: into room for 256. */
size_t full_octets_of(const struct conversation_memory *memory, const struct vocabulary *vocabulary,
                      uint32_t address, uint8_t *octets);
/* Last octets of the /24 of `address` that are kept or atoms: into room for 256. */
size_t kept_octets_of(const struct conversation_memory *memory, const struct vocabulary *vocabulary,
                      uint32_t address, uint8_t *octets);
#endif
