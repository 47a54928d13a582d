/* candidates.h - the conversations and remotes that a flow may belong to, and what they are like.
 *
 * The head of links chooses among the most recent conversations and remotes. It is told what each
 * of them is like by names: numbers of the head's own outputs, and of a table, that are added to
 * the logits of the routes that lead there (nn/ops.h, channel_sum). Candidates that are alike in an
 * aspect share its number, whatever their ranks.
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_CANDIDATES_H
#define FLOWTWIN_MODEL_MASKED_CONV_CANDIDATES_H

#include "model/like_rows.h"
#include "model/masked_conv/beats.h"
#include "model/masked_conv/pace.h"
#include "model/masked_conv/vocabulary.h"
#include "nn/ops.h"

/* Ranks below these are told apart one by one, higher ones by octave. Flows rarely belong to a
 * conversation that is older; a scanner comes back to a quiet host after many others. */
enum { NEAR_CONVERSATIONS = 32, NEAR_REMOTES = 128, NEAR_MAX = NEAR_REMOTES };
static inline uint32_t near_ranks(enum link_kind kind)
{
    return kind == LINK_REMOTE ? NEAR_REMOTES : NEAR_CONVERSATIONS;
}

/* What a row says of its conversation and its remote, as codes. */
struct candidate_look {
    uint16_t service; /* the lower port */
    uint16_t remote;
    uint8_t form; /* direction and protocol */
    uint8_t flags, size;
};
struct candidate_look candidate_look(const struct vocabulary *vocabulary, const struct row *row);

/* A conversation or remote that is kept. */
struct candidate {
    int64_t clock;    /* s: end of its last flow */
    int64_t interval; /* s from the flow before that, where it has two */
    uint64_t index;   /* the host's how-manieth row the last one was */
    uint32_t n_flows;
    uint32_t n_in_hour; /* of these, those in the hour of the clock */
    uint8_t slot;       /* service_slot of its last flow */
    uint8_t steps;      /* of a remote: candidate_steps of its last two flows, 0 where it has one */
    uint8_t level;      /* like_rows_level of its last flow, PACKETS_SERVICE_REMOTE */
    uint32_t remote;
    struct candidate_look look;
    struct beat beat;
    struct usual_period usual_period; /* service_period of its last flow */
};
/* Its turn (pace.h) in an hour that begins at `hour`, s. */
static inline size_t candidate_turn(const struct candidate *candidate, int64_t hour)
{
    return pace_turn(candidate->clock >= hour ? candidate->n_in_hour : 0);
}
/* How ports went on from one flow with a remote to the next, as a code above 0. */
uint8_t candidate_steps(const struct row *before, const struct row *row);

/* The near ones, at most n_max of them, most recent first. */
struct candidate_list {
    size_t n, n_max;
    struct candidate items[NEAR_MAX];
};

/* Moves the candidate at `rank` to the front, with what it is now; a rank that is not in the list
 * puts a new one there, for which the last of a full list makes room. */
void candidate_front(struct candidate_list *list, size_t rank, const struct candidate *candidate);

/* With whom the last rows were that came as the one at hand does: after the same remote, and after
 * the same two (LIKE_NEXT, LIKE_NEXT_OF_TWO). */
enum { FOLLOWERS_MAX = 16, FOLLOWER_KINDS = 2 };
struct followers {
    size_t n[FOLLOWER_KINDS];
    uint32_t remotes[FOLLOWER_KINDS][FOLLOWERS_MAX];
    bool is_of_conversation[FOLLOWER_KINDS][FOLLOWERS_MAX]; /* a reply or repeat */
};
/* Of the next-th row of a host; found may be NULL: none. */
void followers_find(struct followers *followers, const struct like_rows *past, const int32_t *found,
                    uint64_t next);

/* Routes of the link's head that lead to a candidate: replies, repeats, remotes, by rank. */
#define CANDIDATE_ROUTES (2 * NEAR_CONVERSATIONS + NEAR_REMOTES)
/* Names of each: of outputs, and of entries of the table. */
#define CANDIDATE_OUTPUT_ASPECTS 13
#define CANDIDATE_ASPECTS        (CANDIDATE_OUTPUT_ASPECTS + 4)

/* Outputs that the head has for names, behind those of its routes; and entries of the table. */
size_t candidate_outputs(void);
/* Codes of services, of a look. */
size_t candidate_services(const struct vocabulary *vocabulary);
size_t candidate_table_size(const struct vocabulary *vocabulary);

/* names [CANDIDATE_ASPECTS, CANDIDATE_ROUTES] of a row that ends at `clock` and is the index-th of
 * its host. Routes without a candidate get some name. due: flows that are to come in the hour in
 * which it ends, itself included; NULL where that is not looked at. */
void candidate_names(const struct vocabulary *vocabulary,
                     const struct candidate_list *conversations,
                     const struct candidate_list *remotes, const struct followers *followers,
                     const struct pace_counts *due, int64_t clock, uint64_t index, uint16_t *names);
/* Adds them up for one row in drawing: logits are the head's outputs, table the table's entries. */
void candidate_add(const struct vocabulary *vocabulary, const struct candidate_list *conversations,
                   const struct candidate_list *remotes, const struct followers *followers,
                   const struct pace_counts *due, int64_t clock, uint64_t index, const real *table,
                   real *logits);
/* How names [R, CANDIDATE_ASPECTS, CANDIDATE_ROUTES] of R rows are added up. */
struct channel_sum_params candidate_sums(const uint16_t *names);

#endif
