/* network.h - the network of masked-conv.
 *
 *     x_i   = sum of the embeddings of all features of row i
 *     c_i   = what the row's slot of 5 minutes says (windows, clock) + its host's embedding
 *     h_i   = a stack of gated causal convolutions over x_j, j < i, with c_i added to every block
 *     s_i,k = sum of the embeddings of row i's features up to stage k
 *     z     = silu(A h_i + B s_i,k + b),  logits and mixture of a head = W z + d
 *
 * so that the head of an attribute sees the rows before (through h), and of its own row the stages
 * up to k (through s), and nothing else: the mask is in what is added up. docs/masked-conv.md.
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_NETWORK_H
#define FLOWTWIN_MODEL_MASKED_CONV_NETWORK_H

#include "model/masked_conv/batch.h"
#include "nn/params.h"
#include "nn/tape.h"

enum { BLOCKS_MAX = 12 };

struct network_size {
    size_t width;   /* channels of rows and trunk */
    size_t hidden;  /* of a head */
    size_t context; /* of c */
    size_t n_blocks;
    size_t kernel;  /* taps of a convolution; dilations are its powers */
    size_t n_hosts; /* rows of the host table: the unknown host first */
};

struct network {
    struct network_size size;
    const struct feature_space *space;
    const struct heads *heads;
    struct params *params;
    struct tensor *embeddings; /* [n_rows of the space, width] */
    struct tensor *hosts;      /* [n_hosts, context] */
    struct tensor *context_weight[2], *context_bias[2];
    struct tensor *enter_weight, *enter_bias, *enter_context;
    struct block {
        struct tensor *weight, *bias, *context, *out_weight, *out_bias;
        size_t dilation;
    } blocks[BLOCKS_MAX];
    struct tensor *trunk_gain;
    struct network_head {
        size_t hidden;
        struct tensor *trunk_weight, *stage_weight, *bias, *out_weight, *out_bias;
        struct tensor *beats; /* the table of beat_names; NULL where it has none */
    } head[N_HEADS];
    struct tensor *candidates; /* and of candidate_names */
};

/* space, heads: borrowed. */
struct network *network_create(const struct network_size *size, const struct feature_space *space,
                               const struct heads *heads, uint64_t seed);
/* The same weights with gradients of their own (params_finish_sharing). Borrows the original. */
struct network *network_replica(const struct network *original);
void network_free(struct network *network);

/* How many rows before a row it depends on. */
size_t network_receptive_field(const struct network_size *size);

/* What is left out at random in training: the rate, and a name for the draws of a batch. */
struct network_noise {
    double rate;
    uint64_t seed, index;
};

/* Parts of the tape, for tape_measure: those of the heads follow PART_HEADS. */
enum network_part { PART_CONTEXT, PART_TRUNK, PART_STAGES, PART_HEADS };
enum { N_NETWORK_PARTS = (int)PART_HEADS + (int)N_HEADS };

/* -ln P of each head's rows of the batch, nll[h] [batch->head[h].n], NULL where it has none. Heads
 * of attributes that are not in the mask are left out. Failures stay on the tape. */
void network_nll(const struct network *network, struct tape *tape, const struct batch *batch,
                 uint32_t attributes, struct network_noise noise, struct tensor *nll[N_HEADS]);

/* Adds the gradient of scale * the sum of all heads' nll to those of the parameters, and sets *loss
 * to it. `tape`, reset for training, takes the trunk and the stages; each head in its turn has
 * head_tape alone, so that what it computes stays in the cache. STATUS_NUMERIC, with the first
 * operation that is to blame, where the loss is not finite. */
enum status network_train(const struct network *network, struct tape *tape, struct tape *head_tape,
                          const struct batch *batch, uint32_t attributes,
                          struct network_noise noise, double scale, double *loss,
                          struct error *err);

#endif
