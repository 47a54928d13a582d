/* rules.h - what everybody who knows networks expects of flows, and how often it holds.
 *
 * The domain checks that STAN (Xu et al. 2021) takes over from Ring, Schloer, Landes, Hotho
 * ("Flow-based network traffic generation using generative adversarial networks", 2019), and some
 * that the flows themselves showed. Real flows break them too: a rate is read beside the real one.
 */
#ifndef FLOWTWIN_EVAL_RULES_H
#define FLOWTWIN_EVAL_RULES_H

#include "eval/traffic.h"

enum rule {
    RULE_WEB_IS_TCP,         /* a port is 80 or 443: TCP */
    RULE_DNS_IS_UDP,         /* a port is 53: UDP */
    RULE_BYTES_PER_PACKET,   /* TCP 40..1500, others 28..1500 */
    RULE_ONE_PACKET_NO_TIME, /* one packet: duration 0 */
    RULE_ONE_SIDE_LOCAL,     /* the remote address is not a monitored one */
    RULE_SOURCE_IS_UNICAST,  /* first octet 1..223 and not 127 */
    RULE_ICMP_FORM,          /* ICMP: source port 0 */
    RULE_UDP_FORM,           /* UDP: no flag but nfdump's .A.... or none */
    RULE_TCP_FORM,           /* TCP: at least one flag */
    RULE_PORTS_ABOVE_ZERO,   /* TCP and UDP: no port is 0 */
    N_RULES,
};

struct rule_info {
    const char *name;  /* in JSON */
    const char *words; /* in tables */
};
extern const struct rule_info rule_infos[N_RULES];

/* Doubles only; see comparison.h. */
struct rule_rates {
    double rates[N_RULES]; /* share of the flows it is about that keep it; NaN where it is about
                              none */
};

struct rule_rates rules_measure(const struct traffic *traffic);

#endif
