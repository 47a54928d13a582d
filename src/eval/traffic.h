/* traffic.h - the flows of one side of a comparison, column by column.
 *
 * Real flows are one side, a twin the other. Metrics run over hosts, and over the rows of each, in
 * order; columns hold one attribute of all rows. A part of the hosts shares the columns of the
 * whole, so that halves for the real-against-real floor cost nothing.
 *
 *     struct traffic *real = traffic_create(set);
 *     for (size_t h = 0; h < real->n_hosts; h++) {
 *         const struct traffic_host *host = &real->hosts[h];
 *         for (size_t i = host->first; i < host->first + host->n_rows; i++)
 *             use(real->columns->values[ATTRIBUTE_BYTES][i], real->columns->hours[i]);
 *     }
 *     traffic_free(real);
 */
#ifndef FLOWTWIN_EVAL_TRAFFIC_H
#define FLOWTWIN_EVAL_TRAFFIC_H

#include "base/rng.h"
#include "data/sequence.h"

#define N_HOURS 24

struct traffic_host {
    uint32_t address;
    size_t first; /* of its rows in the columns */
    size_t n_rows;
};

struct traffic_columns {
    size_t n_rows;
    int64_t *values[N_CODED];
    int64_t *ends;  /* s since 1970 */
    uint8_t *hours; /* of the end, 0..23 */
};

struct traffic {
    struct traffic_host *hosts;
    size_t n_hosts;
    size_t n_rows; /* of these hosts */
    const struct traffic_columns *columns;
    uint32_t attributes;                  /* bit per attribute that the format has */
    const struct address_set *monitored;  /* borrowed from the set */
    struct traffic_columns owned_columns; /* of the whole; empty in a part */
};

/* The scored rows of a set, which must outlive it. Rows before the first scored one are history of
 * the model's; both sides of a comparison are seen as if their observation began with the first row
 * that counts. Caller frees with traffic_free. */
struct traffic *traffic_create(const struct sequence_set *set);
/* The part of the hosts hosts[order[0..n-1]]; the whole must outlive it. Caller frees. */
struct traffic *traffic_part(const struct traffic *whole, const size_t *order, size_t n);
void traffic_free(struct traffic *traffic);

/* Two random halves of the hosts (an odd one is left out). Needs two hosts. Caller frees both. */
void traffic_halves(const struct traffic *whole, uint64_t seed, uint64_t halving,
                    struct traffic *halves[2]);

/* How many hosts of equal size say as much about flows as these: (sum n_h)^2 / sum n_h^2 (Kish,
 * Survey Sampling, 1965). A host of one flow beside large ones hardly counts. */
double traffic_effective_hosts(const struct traffic *traffic);

/* When the first flow and the last one end, s since 1970. */
struct traffic_period {
    int64_t first, last;
};
struct traffic_period traffic_period(const struct traffic *traffic);

/* The values of one attribute of these hosts, one after another. Caller frees with free(). */
int64_t *traffic_gather(const struct traffic *traffic, enum attribute attribute);

#endif
