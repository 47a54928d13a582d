/* split.h - which flows are trained on and which are kept to test with.
 *
 * By host: of the hosts of one type, by address, the first and every n-th after it is never trained
 * on. By time: what ends after a moment is never trained on. A model keeps the record of what it
 * was trained on (struct training_record), and evaluation scores what the record does not cover:
 * unseen hosts, and the same hosts at another time.
 */
#ifndef FLOWTWIN_DATA_SPLIT_H
#define FLOWTWIN_DATA_SPLIT_H

#include "base/options.h"
#include "data/sequence.h"

enum split_kind { SPLIT_NONE, SPLIT_HOST, SPLIT_TIME, SPLIT_BOTH };

struct split_settings {
    int kind;            /* enum split_kind */
    int64_t every;       /* of the hosts of that type, each so many-th is for testing */
    int type;            /* enum host_type, or N_HOST_TYPES for any */
    double train_share;  /* of the dataset's period that is trained on */
    int64_t train_every; /* of the hosts that are not for testing, each so many-th is trained on */
};

/* --split, --test-every, --test-type, --train-share, --train-every */
extern const struct option split_options[];
extern const size_t n_split_options;

/* What a model was trained on; kept with it. */
struct training_record {
    uint32_t *hosts; /* sorted */
    size_t n_hosts;
    int64_t from, until; /* ms since 1970 */
};
void training_record_release(struct training_record *record);
bool training_record_has(const struct training_record *record, uint32_t address);
/* What was trained on by either: all hosts of both, over the time of both. */
struct training_record training_record_union(const struct training_record *a,
                                             const struct training_record *b);

/* The rows to train on, and the record of them. STATUS_RANGE where nothing is left to train on. */
enum status split_training_set(const struct dataset *data, const struct split_settings *settings,
                               struct sequence_set **set, struct training_record *record,
                               struct error *err);

enum split_part {
    PART_UNSEEN,       /* what the record does not cover */
    PART_UNSEEN_HOSTS, /* of that: hosts never trained on */
    PART_UNSEEN_TIME,  /* of that: training hosts at another time */
    PART_TRAINED,      /* what it covers */
    PART_ALL,
};
/* "unseen", "unseen-hosts", "unseen-time", "trained", "all", NULL */
extern const char *const split_part_names[];

/* The rows of that part, coded by `labels`. STATUS_RANGE where the part is empty. */
enum status split_part_set(const struct dataset *data, const struct training_record *record,
                           enum split_part part, const struct label_list *labels,
                           struct sequence_set **set, struct error *err);

#endif
