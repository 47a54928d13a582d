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
 *     do gap = draw(); while (!balance_accepts_gap(&balance, &left, before, gap, &rng));
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
    float n_turns[LINK_NEW], n_directions[N_LINK_KINDS], n_protocols[N_LINK_KINDS][2];
    float n_ports[N_LINK_KINDS][2][N_SERVICE_SIDES];
    struct balanced gaps[N_LINK_KINDS][PACE_GAPS];
    struct balanced kinds[PACE_STATES][N_LINK_KINDS];
    struct balanced services[LINK_NEW][SERVICE_SLOTS]; /* of the candidates of a kind */
    struct balanced turns[LINK_NEW][PACE_TURNS];
    struct balanced directions[N_LINK_KINDS][2], protocols[N_LINK_KINDS][2][N_SHARES];
    /* Of TCP and UDP by the side that the service is on; the last: none that is listed there. */
    struct balanced ports[N_LINK_KINDS][2][N_SERVICE_SIDES][SLOTS_OF_LIST + 1];
};

/* Whether a gap that was drawn is taken; else another one is to be drawn. left: what is to come in
 * the hour of the clock before it; before: the kind of link of the row before. */
bool balance_accepts_gap(struct balance *balance, const struct pace_counts *left,
                         enum link_kind before, int64_t gap, struct rng *rng);

/* Weighs the logits of the link's head [N_LINK_CODES], of which some routes are available. due:
 * what is to come in the hour, the row included. */
void balance_links(struct balance *balance, const struct pace_counts *due, enum link_kind before,
                   int64_t gap, const struct candidate_list *conversations,
                   const struct candidate_list *remotes, const uint8_t *available, real *logits);

/* And once more by how often the candidates have come in the hour of `clock`, in which the row
 * ends; the kinds keep their shares. */
void balance_turns(struct balance *balance, const struct pace_counts *due, int64_t clock,
                   const struct candidate_list *conversations, const struct candidate_list *remotes,
                   const uint8_t *available, real *logits);

/* Weighs the logits of direction [2], and of n protocols, of which `available` ones can be had, for
 * a row whose link leaves them open; the protocol, where the direction is known. */
void balance_directions(struct balance *balance, const struct pace_counts *due, enum link_kind kind,
                        const uint8_t *available, real *logits);
void balance_protocols(struct balance *balance, const struct pace_counts *due, enum link_kind kind,
                       int64_t direction, const int64_t *protocols, size_t n,
                       const uint8_t *available, real *logits);

/* Whether a port on a side of a row is taken, as with gaps. lists: the host's services. */
bool balance_accepts_port(struct balance *balance, const struct pace_counts *due,
                          enum link_kind kind, const struct row *row, enum service_side side,
                          int64_t port, const struct service_lists *lists, struct rng *rng);

#endif
