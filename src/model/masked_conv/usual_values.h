/* usual_values.h - which values a host's flows of a kind usually have.
 *
 * A tunnel's flows take five minutes each, a probe's answer has 58 bytes: what is usual at a host
 * is not what is usual at others, and a drawn host that goes by its own drawn past alone forgets
 * it. Of each kind of flow (service and flags, service and packets, ...) the values that several of
 * the host's flows had are kept, with how many. Part of the profile (profile.h), shown where that
 * is.
 *
 *     struct usual_values usual;
 *     usual_values_learn(&usual, sequence, duration_grid);
 *     const struct usual_facts facts = { row, link.kind, match };
 *     const struct usual_kind *kind = usual_values_find(&usual, USUAL_BYTES_OF_PACKETS, &facts);
 *     ...
 *     usual_values_release(&usual);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_USUAL_VALUES_H
#define FLOWTWIN_MODEL_MASKED_CONV_USUAL_VALUES_H

#include "data/hdf5_file.h"
#include "data/sequence.h"
#include "model/conversation.h"

/* What is usual among flows that have something else in common. Services are those of like_rows.h.
 * Those of one attribute stand together. */
enum usual_values_of {
    USUAL_FLAGS_OF_SERVICE,
    USUAL_FLAGS_OF_MATCH, /* the match's, and service, as of all that follow, and kind of link */
    USUAL_TOS_OF_FLAGS,
    USUAL_PACKETS_OF_FLAGS,
    USUAL_PACKETS_OF_MATCH,    /* the match's, and flags and kind of link */
    USUAL_DURATION_OF_PACKETS, /* and flags */
    USUAL_DURATION_NEAR,       /* bins of durations, of flags and the octave of packets */
    USUAL_BYTES_OF_PACKETS,
    USUAL_BYTES_OF_MATCH, /* the match's, and flags, packets and kind of link */
    USUAL_BYTES_NEAR,
    N_USUAL_VALUES,
};
struct usual_values_info {
    enum attribute attribute;
    bool is_near; /* values are the lowest ones of bins */
};
extern const struct usual_values_info usual_values_infos[N_USUAL_VALUES];

enum {
    USUAL_VALUE_MIN = 4, /* flows that had a value that is kept */
    USUAL_KIND_MAX = 64, /* values of a kind, at most: the most frequent ones */
};

struct usual_value {
    int64_t value;
    uint32_t n; /* flows */
};

/* Flows with something in common, and their usual values, ascending. */
struct usual_kind {
    uint64_t key;
    uint32_t of; /* enum usual_values_of */
    uint32_t n_flows;
    uint32_t first, n; /* of values */
};

struct usual_values {
    size_t n_kinds, n_values;
    struct usual_kind *kinds; /* by key */
    struct usual_value *values;
};

/* Values in steps (of the grid of durations in ms, else 1), from the lowest to the highest. */
struct value_bin {
    int64_t lowest, highest;
};
/* The values near one, a multiple of the step: 64 bins an octave of bytes, 16 of durations. */
struct value_bin value_bin_of(enum attribute attribute, int64_t value, int64_t step);

/* Of the scored rows of a host. Caller releases. */
void usual_values_learn(struct usual_values *usual, const struct sequence *sequence,
                        int64_t duration_grid);
void usual_values_release(struct usual_values *usual);

/* A row, its link and the row that it matches; NULL where that is to nothing. */
struct usual_facts {
    const struct row *row;
    enum link_kind kind;
    const struct row *match;
};

/* The value of a row as it is kept; below 0 for a duration off the grid. */
int64_t usual_value_of(const struct row *row, enum usual_values_of of, int64_t duration_grid);

/* What is usual among flows like the row, so far as it is known; NULL where nothing is, or where
 * usual is NULL. */
const struct usual_kind *usual_values_find(const struct usual_values *usual,
                                           enum usual_values_of of,
                                           const struct usual_facts *facts);

/* How many flows a kind has, and how many of them a usual value, in one code. */
enum { USUAL_VALUE_CODES = 4 * 8 };
int usual_kind_code(const struct usual_values *usual, const struct usual_kind *kind);

enum status usual_values_save(const struct usual_values *const *usual, size_t n_hosts,
                              struct hdf5_group *parent, struct error *err);
/* usual [n_hosts]. STATUS_FORMAT where the file's are not those of so many, or cannot be. */
enum status usual_values_load(struct usual_values *const *usual, size_t n_hosts,
                              struct hdf5_group *parent, struct error *err);

#endif
