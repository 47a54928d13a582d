/* sequence.h - the coded rows of hosts: what models are fitted to and scored on.
 *
 *     struct sequence_set *train = sequence_set_create(data, &choice, NULL);
 *     for (size_t s = 0; s < train->n; s++)
 *         use(train->items[s].rows, train->items[s].n_rows);
 *     sequence_set_free(train);
 */
#ifndef FLOWTWIN_DATA_SEQUENCE_H
#define FLOWTWIN_DATA_SEQUENCE_H

#include "data/coding.h"

/* One host's rows, in order. Rows before first_scored are history: a model may look at them, but
 * they are neither trained on nor scored. */
struct sequence {
    uint32_t host;
    int64_t start; /* s since 1970: the clock before the first row */
    const struct row *rows;
    size_t n_rows;
    size_t first_scored;
};

struct sequence_set {
    struct sequence *items; /* by host address */
    size_t n;
    size_t n_rows;   /* in all */
    size_t n_scored; /* in all, from first_scored on */
    struct row *rows;
    struct label_list labels; /* what ATTRIBUTE_LABEL indexes */
    uint32_t attributes;      /* bit per attribute that the format has */
    struct address_set monitored;
    int64_t start, end; /* s: the dataset's period, from a midnight to after its last flow */
};

/* Which rows of a host are taken: those that end before `until`, of which those from `from` on are
 * scored (ms since 1970). An empty range leaves the host out. */
struct row_range {
    int64_t from, until;
};

/* Codes the chosen rows. ranges[n_hosts]: one per host of the dataset; NULL takes everything.
 * labels: the list that labels are coded by (a model's); NULL for those of the chosen rows alone,
 * so that not even the name of a label comes from elsewhere. Hosts without
 * a scored row are left out. Caller frees with sequence_set_free. */
struct sequence_set *sequence_set_create(const struct dataset *data, const struct row_range *ranges,
                                         const struct label_list *labels);
void sequence_set_free(struct sequence_set *set);

#endif
