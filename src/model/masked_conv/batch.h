/* batch.h - rows made ready for the network: numbers of embeddings, ways to values, legal ranges.
 *
 * A batch holds pieces of up to n_pieces sequences, each of up to n_history rows that only lend
 * their past and n_scored rows that are scored. What it needs of memory is taken once.
 *
 *     struct batch *batch = batch_create(&space, &heads, n_pieces, n_history, n_scored);
 *     batch_clear(batch);
 *     batch_add(batch, &piece);
 *     batch_finish(batch);
 *     ... network_nll(network, tape, batch) ...
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_BATCH_H
#define FLOWTWIN_MODEL_MASKED_CONV_BATCH_H

#include "model/masked_conv/heads.h"
#include "model/masked_conv/profile.h"
#include "model/masked_conv/windows.h"

/* What is told of a row's slot. */
enum { CONTEXT_FEATURES = SLOT_FEATURES + PROFILE_FEATURES };

/* A sequence with all that batches need of it. */
struct prepared_sequence {
    struct linked_sequence *linked;
    struct window_series *windows;
    int32_t host; /* row of the host table */
};

/* Rows first .. first + n - 1 of a sequence, to be scored. */
struct piece {
    const struct prepared_sequence *sequence;
    size_t first, n;
    int32_t host; /* row of the host table, which may be that of the unknown host */
    bool shows_pace;
    const struct host_profile *profile; /* NULL: not shown */
    /* As if its host had been observed from here on, or as if n_past rows were all that it had done
     * before: another host's, of which it was mistaken for one. */
    bool is_cold;
    const struct row *past;
    size_t n_past;
};

/* What one head needs of the rows that it applies to. */
struct head_batch {
    size_t n;
    int32_t *rows;  /* [n]: which of the scored rows */
    int32_t *start; /* [n + 1], of hits */
    int32_t *route;
    double *log_share;
    size_t n_hits;
    uint8_t *available;                    /* [n, n_routes] */
    double *lo, *hi, *range_lo, *range_hi; /* [n], where it has a mixture */
    double *origin;                        /* [n, MIXTURE_RELATIVE], likewise */
    uint16_t *names; /* of the link's: [n, CANDIDATE_ASPECTS, CANDIDATE_ROUTES];
                      * of what is due, and of the gap's: [n, BEAT_ASPECTS, heads_beat_routes] */
};

struct batch {
    const struct feature_space *space;
    const struct heads *heads;
    size_t n_pieces_max, n_rows_max; /* pieces; rows of a piece, with history */
    bool drop_windows, drop_clock;
    /* How often a feature is left out at random, in training; and the name of these draws. */
    double feature_dropout;
    uint64_t noise_seed, noise_index;

    size_t n_pieces;
    size_t n_scored;
    int32_t *features;    /* [n_pieces_max * n_rows_max, n_features]; FEATURE_NONE beyond a piece */
    int32_t *contexts_of; /* [n_pieces_max * n_rows_max], into contexts */
    int32_t *hosts_of;    /* the same, into the host table */
    size_t n_contexts;
    real *contexts;     /* [n_contexts, CONTEXT_FEATURES] */
    int32_t *scored;    /* [n_scored], into the rows of all pieces */
    int32_t *scored_at; /* of each row of all pieces: its place in scored, or GATHER_NONE */
    /* The other rows, that only lend their past. */
    size_t n_past;
    int32_t *past_at;          /* of each row of all pieces: which of them it is, or GATHER_NONE */
    int32_t *past_features;    /* [n_past, n_features] */
    int32_t *stages[N_STAGES]; /* [n_scored, n_of_stage] */
    struct head_batch head[N_HEADS];

    /* While pieces are added: */
    struct piece *pieces;
    struct prepared_sequence *restarts; /* [n_pieces_max], of those that are cold */
    size_t n_history, n_scored_max;
};

struct batch *batch_create(const struct feature_space *space, const struct heads *heads,
                           size_t n_pieces, size_t n_history, size_t n_scored);
void batch_free(struct batch *batch);

void batch_clear(struct batch *batch);
/* The piece is copied. At most n_pieces, of at most n_scored rows each. */
void batch_add(struct batch *batch, const struct piece *piece);
/* Works the pieces out, with all threads. */
void batch_finish(struct batch *batch);

#endif
