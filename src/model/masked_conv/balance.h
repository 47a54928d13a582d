/* balance.h - draws kinds of links, services and gaps as often as they are due.
 *
 * The network is told what is still to come in the hour (pace.h), but small errors add up all the
 * same: where it gives new remotes 3 % and 1 % is due, a twin has three times as many. So what it
 * gives is weighed by what is due against what it has given of late on average, and the more the
 * longer less is drawn than is due: octaves of gaps, by the kind of link of the flow before; kinds
 * of links, by that and whether there was a pause; and services among the candidates of a kind.
 * When which of them is likely is left to the network.
 *
 *     struct balance balance = { 0 };
 *     do gap = draw(); while (!balance_accepts(&balance, &left, before, gap, &rng));
 *     balance_links(&balance, &due, before, gap, &conversations, &remotes, available, logits);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_BALANCE_H
#define FLOWTWIN_MODEL_MASKED_CONV_BALANCE_H

#include "model/masked_conv/candidates.h"

/* One of several things that may be drawn: averages over the last rows, about. */
struct balanced {
    float given; /* share that the network gives */
    float drawn; /* share of it that is drawn, weighed */
    float push;  /* factor */
};

/* Of one host. n: rows of each average so far, at most those that it is over. */
struct balance {
    float n_gaps[N_LINK_KINDS], n_kinds[PACE_STATES], n_services[LINK_NEW];
    struct balanced gaps[N_LINK_KINDS][PACE_GAPS];
    struct balanced kinds[PACE_STATES][N_LINK_KINDS];
    struct balanced services[LINK_NEW][SERVICE_SLOTS]; /* of the candidates of a kind */
};

/* Whether a gap that was drawn is taken; else another one is to be drawn. left: what is to come in
 * the hour of the clock before it; before: the kind of link of the row before. */
bool balance_accepts(struct balance *balance, const struct pace_counts *left, enum link_kind before,
                     int64_t gap, struct rng *rng);

/* Weighs the logits of the link's head [N_LINK_CODES], of which some routes are available. due:
 * what is to come in the hour, the row included. */
void balance_links(struct balance *balance, const struct pace_counts *due, enum link_kind before,
                   int64_t gap, const struct candidate_list *conversations,
                   const struct candidate_list *remotes, const uint8_t *available, real *logits);

#endif
