/* masked_conv.h - the model itself, for the files of this folder.
 *
 * masked_conv.c    the model behind model/model.h: settings, likelihood, files
 * training.c       fits it, step by step: lanes.c
 * embeddings.c     what it has learned about values, as tables
 * sampling.c       draws from it, row by row
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_MASKED_CONV_H
#define FLOWTWIN_MODEL_MASKED_CONV_MASKED_CONV_H

#include "model/masked_conv/habits.h"
#include "model/masked_conv/network.h"
#include "model/model.h"

struct masked_conv_settings {
    /* The network. */
    int64_t width, hidden, context, blocks, kernel;
    /* What it goes without, for comparison. */
    bool windows, clock, host_embedding, memory, recall, pace, profile;
    /* Training. */
    int64_t pieces, piece_rows; /* of a step */
    double epochs, minutes;     /* epochs only where minutes are 0 */
    double rate, final_share, clip, decay, beta2;
    int64_t warm_up;
    double dropout, feature_dropout;
    double host_dropout;  /* how often a host is taken for the unknown one */
    double pace_dropout;  /* how often its pace is not shown */
    double balance;       /* of hosts with few rows and with many */
    double cold_share;    /* of the pieces that show it, those that show nothing before them */
    double strange_share; /* and of these, those that show what another host did */
    int64_t patience;     /* stop after so many validations without a better one; 0: never */
    double checkpoint_minutes;
};

/* One line of the history of a training. */
struct training_note {
    double step, rows;
    double seconds;   /* so far, in a training with a time budget; else 0 */
    double nll;       /* of training rows, a running mean, nats per flow */
    double nll_hosts; /* of validation hosts, nan where there are none */
    double nll_time;  /* of the last rows of training hosts */
    double rate;
};
enum { TRAINING_NOTE_COLUMNS = sizeof(struct training_note) / sizeof(double) };

/* Where a training stands: what it needs to go on as if it had never stopped. */
struct training_state {
    bool is_finished;
    size_t n_steps;
    uint64_t n_rows;
    double seconds;         /* as in notes, and in one that is not finished */
    double nll;             /* running mean over the steps, nan at the start */
    double best_nll;        /* of validation */
    int64_t n_worse;        /* validations since the best one */
    double next_validation; /* share of the training */
    struct training_note *history;
    size_t n_notes;
    /* While it is not finished, [params->size] each: the weights of the last step, where the
     * network holds the best ones, and the optimiser's moments. */
    real *weights, *first_moments, *second_moments;
};

struct masked_conv {
    struct model base;
    struct masked_conv_settings settings;
    struct vocabulary vocabulary;
    struct feature_space space;
    struct heads heads;
    struct network *network;
    uint32_t *hosts; /* sorted; host i has row i + 1 of the host table, row 0 is the unknown one */
    size_t n_hosts;
    struct habits habits; /* of the same */
    struct training_state training;
};

/* A model with first weights for those hosts (moved), their habits (moved) and that vocabulary
 * (moved). */
struct masked_conv *masked_conv_create(const struct masked_conv_settings *settings,
                                       struct vocabulary *vocabulary, uint32_t *hosts,
                                       size_t n_hosts, struct habits *habits, uint64_t seed);
void masked_conv_free(struct model *model);

/* Whether the host is one that was trained on, and its number. */
bool masked_conv_find_host(const struct masked_conv *model, uint32_t address, size_t *host);
/* The host's row of the host table: 0 for one that is not known, or where there is no table. */
int32_t masked_conv_host(const struct masked_conv *model, uint32_t address);

struct prepared_sequence masked_conv_prepare(const struct masked_conv *model,
                                             const struct sequence *sequence);
void prepared_sequence_release(struct prepared_sequence *prepared);

struct batch *masked_conv_batch(const struct masked_conv *model, size_t n_pieces, size_t n_scored);

void training_state_release(struct training_state *state);

/* training.c */
enum status masked_conv_fit(const void *settings, const struct sequence_set *train, uint64_t seed,
                            struct fit_control *control, struct model **model, struct error *err);

/* embeddings.c: of the values that have an atom, and of the training hosts. */
void masked_conv_embeddings(const struct model *model, struct embedding_set *set);

/* sampling.c */
struct sampler *masked_conv_sampler_create(const struct model *model,
                                           const struct sampler_host *hosts, size_t n_hosts,
                                           const struct sampler_settings *settings);
enum status masked_conv_sampler_advance(struct sampler *sampler, const size_t *which, size_t n,
                                        struct row *rows, struct error *err);
void masked_conv_sampler_free(struct sampler *sampler);

/* Looks on while rows are drawn, for tests: called after each draw of a head, with what it was
 * drawn from and the row with its new value. From several threads at once where there are several.
 */
typedef void draw_watch(void *user, enum head head, const struct row_context *context,
                        const uint8_t *available, const real *logits, const real *mixture);
void masked_conv_sampler_watch(struct sampler *sampler, draw_watch *watch, void *user);

#endif
