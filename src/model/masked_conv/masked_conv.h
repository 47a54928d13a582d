/* masked_conv.h - the model itself, for the files of this folder.
 *
 * masked_conv.c    the model behind model/model.h: settings, likelihood, files
 * training.c       fits it
 * sampling.c       draws from it, row by row
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_MASKED_CONV_H
#define FLOWTWIN_MODEL_MASKED_CONV_MASKED_CONV_H

#include "model/masked_conv/network.h"
#include "model/model.h"

struct masked_conv_settings {
    /* The network. */
    int64_t width, hidden, context, blocks, kernel;
    /* What it goes without, for comparison. */
    bool windows, clock, host_embedding, memory;
    /* Training. */
    int64_t pieces, piece_rows; /* of a step */
    double epochs, minutes;     /* until the first of them that is not 0 */
    double rate, final_share, clip, decay, beta2;
    int64_t warm_up;
    double host_dropout; /* how often a host is taken for the unknown one */
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
};

/* A model with first weights for those hosts (moved) and that vocabulary (moved). */
struct masked_conv *masked_conv_create(const struct masked_conv_settings *settings,
                                       struct vocabulary *vocabulary, uint32_t *hosts,
                                       size_t n_hosts, uint64_t seed);
void masked_conv_free(struct model *model);

/* The host's row of the host table: 0 for one that is not known, or where there is no table. */
int32_t masked_conv_host(const struct masked_conv *model, uint32_t address);

struct prepared_sequence masked_conv_prepare(const struct masked_conv *model,
                                             const struct sequence *sequence);
void prepared_sequence_release(struct prepared_sequence *prepared);

struct batch *masked_conv_batch(const struct masked_conv *model, size_t n_pieces, size_t n_scored);

/* training.c */
enum status masked_conv_fit(const void *settings, const struct sequence_set *train, uint64_t seed,
                            struct model **model, struct error *err);

#endif
