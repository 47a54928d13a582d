/* features.h - what masked-conv sees of a row, as numbers of embeddings.
 *
 * The attributes of a row are modelled one after another. Each step of that order, a stage, makes
 * something known: the stages' features are looked up in one table and added up, so that a head
 * sees the sum over all stages up to its own, and no later one.
 *
 *     struct feature_space space;
 *     feature_space_init(&space, &vocabulary);
 *     int32_t index[FEATURES_MAX];
 *     size_t n = features_of_stage(&space, STAGE_GAP, &context, index);   // rows of the table
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_FEATURES_H
#define FLOWTWIN_MODEL_MASKED_CONV_FEATURES_H

#include "model/masked_conv/links.h"

/* In the order in which a row is written. */
enum stage {
    STAGE_BEFORE, /* what the memory shows before the row */
    STAGE_GAP,
    STAGE_ORDER, /* whether the duration keeps the order within the second */
    STAGE_LINK,  /* which link, but for the rank of an older one */
    STAGE_MATCH, /* the whole link, and the row that it matches */
    STAGE_DIRECTION,
    STAGE_PROTOCOL,
    STAGE_LOCAL_PORT,
    STAGE_PORTS,   /* both, and the rows of the past that they lead to */
    STAGE_OCTET_1, /* of a new remote that is no atom */
    STAGE_OCTET_2,
    STAGE_OCTET_3,
    STAGE_REMOTE,
    STAGE_FLAGS,
    STAGE_TOS,
    STAGE_LABEL, /* and forwarding status */
    STAGE_PACKETS,
    STAGE_DURATION,
    STAGE_BYTES,
    N_STAGES,
};

#define FEATURES_MAX 184

/* Codes of the link as a stage and a head tell it. */
enum {
    LINK_CODE_REPLY = 0,
    LINK_CODE_REPEAT = NEAR_CONVERSATIONS,
    LINK_CODE_REMOTE = 2 * NEAR_CONVERSATIONS,
    LINK_CODE_OLDER_REPLY = LINK_CODE_REMOTE + NEAR_REMOTES,
    LINK_CODE_OLDER_REPEAT,
    LINK_CODE_OLDER_REMOTE,
    LINK_CODE_NEW,
    N_LINK_CODES,
};
int link_code(const struct link *link);
/* Of an older one, whose rank is still to be told, the lowest that it can have. */
struct link link_of_code(int code);

/* Small numbers one by one, then four steps an octave: below COUNT_CODES. */
enum { COUNT_CODES = 128 };
int count_code(int64_t x);

/* Whether the duration is not below that of the row before in the same second: the order in which
 * flow files stand. It tells something only where there is such a row and its duration is above 0.
 */
bool order_is_open(const struct row_context *context);
bool order_is_kept(const struct row_context *context);

struct feature_space {
    const struct vocabulary *vocabulary;
    size_t n_features;
    size_t n_rows;                   /* of the table */
    size_t n_of_stage[N_STAGES];     /* features */
    int32_t first_row[FEATURES_MAX]; /* of each feature, in the table */
};

/* vocabulary: borrowed. */
void feature_space_init(struct feature_space *space, const struct vocabulary *vocabulary);

/* The row of the table that atom 0 of an attribute's list has, as the row's own value; the other
 * atoms follow it. Of local_port, remote_port, remote, protocol, flags and tos. */
size_t feature_space_own(const struct feature_space *space, enum attribute attribute);

/* Writes the rows of the table for the features of a stage, FEATURE_NONE where one has nothing to
 * say; returns n_of_stage. */
#define FEATURE_NONE (-1)
size_t features_of_stage(const struct feature_space *space, enum stage stage,
                         const struct row_context *context, int32_t *index);

#endif
