/* conversations.h - whether a host's flows belong together: replies, repeats, known remotes.
 *
 * A conversation of a host is what shares remote address, protocol, local port and remote port, in
 * either direction: the 5-tuple and its reverse. A flow is a reply within w where the same 5-tuple
 * reversed is among the host's previous w flows, a repeat where the same 5-tuple itself is, and its
 * remote is known where any of them has the same remote address. Shares are of all flows of the
 * side; a host's first flows, with fewer than w before them, count like all others.
 */
#ifndef FLOWTWIN_EVAL_CONVERSATIONS_H
#define FLOWTWIN_EVAL_CONVERSATIONS_H

#include "eval/traffic.h"

enum { N_WINDOWS = 3 };
extern const size_t conversation_windows[N_WINDOWS]; /* 8, 64, 512 flows */

/* Doubles only; see comparison.h. */
struct conversations {
    double reply[N_WINDOWS], repeat[N_WINDOWS], remote[N_WINDOWS]; /* shares of flows */
    double remotes_per_host;       /* distinct remote addresses, mean over hosts */
    double flows_per_conversation; /* mean over conversations */
    double fan_out; /* distinct remotes that a host sends to in a clock hour, mean over hosts and
                       hours in which it sends */
};

struct conversations conversations_measure(const struct traffic *traffic);

#endif
