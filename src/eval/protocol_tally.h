/* protocol_tally.h - how often protocols were told right, host by host.
 *
 *     struct protocol_tally tally = protocol_tally_count(n_hosts, hosts, is, told, n);
 *     bool counted[PROTOCOLS];
 *     protocol_tally_choose(&tally, counted);
 *     struct host_ratio f1 = protocol_tally_macro_f1(&tally, NULL, counted);
 *     protocol_tally_release(&tally);
 */
#ifndef FLOWTWIN_EVAL_PROTOCOL_TALLY_H
#define FLOWTWIN_EVAL_PROTOCOL_TALLY_H

#include "eval/host_ratio.h"

#include <stdbool.h>
#include <stdint.h>

enum { PROTOCOLS = 256 };

struct protocol_tally {
    size_t n_hosts;
    double *right, *missed, *wrong; /* [n_hosts, PROTOCOLS] */
};

/* n flows: of host hosts[i], with protocol is[i], which was told to be told[i]. */
struct protocol_tally protocol_tally_count(size_t n_hosts, const size_t *hosts, const uint8_t *is,
                                           const uint8_t *told, size_t n);
void protocol_tally_release(struct protocol_tally *tally);

/* Which protocols count for macro-F1: those of PROTOCOL_FEWEST flows and more. Below that, one flow
 * would move the mean of all. Returns how many. */
#define PROTOCOL_FEWEST 20
size_t protocol_tally_choose(const struct protocol_tally *tally, bool counted[PROTOCOLS]);

/* Share of flows told right, less that of b where b is not NULL. */
struct host_ratio protocol_tally_accuracy(const struct protocol_tally *a,
                                          const struct protocol_tally *b);
/* The mean over the protocols of F1 = 2 right / (2 right + missed + wrong), less that of b; its
 * error by leaving out one host after another (Efron and Stein 1981). */
struct host_ratio protocol_tally_macro_f1(const struct protocol_tally *a,
                                          const struct protocol_tally *b,
                                          const bool counted[PROTOCOLS]);

#endif
