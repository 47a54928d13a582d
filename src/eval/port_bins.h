/* port_bins.h - frequent ports, and prefixes of the others, as inputs of a network. */
#ifndef FLOWTWIN_EVAL_PORT_BINS_H
#define FLOWTWIN_EVAL_PORT_BINS_H

#include "data/bins.h"
#include "eval/traffic.h"

/* Of the ports of one side that these flows have: at most so many single ones, each seen a few
 * times, and so many prefixes. Caller frees with bins_free. */
struct bins *port_bins_learn(const struct traffic *traffic, enum attribute port, size_t n_atoms,
                             size_t n_prefixes);

#endif
