/* netshare.h - the figures that NetShare reports, as its code has them.
 *
 * Yin, Lin, Jin, Fanti, Sekar: "Practical GAN-based synthetic IP header trace generation using
 * NetShare", SIGCOMM 2022. Jensen-Shannon divergences (the squared distance, in nats, at most ln
 * 2): addresses by rank of popularity - how often each occurs, sorted, addresses dropped, the
 * shorter side padded with zeros - ports over all 65,536, protocols by number. First Wasserstein
 * distances on raw values: start times from each side's first, durations, packets, bytes. A
 * distance in bytes says little by itself; divided by the same distance between two halves of the
 * real hosts it does.
 */
#ifndef FLOWTWIN_EVAL_NETSHARE_H
#define FLOWTWIN_EVAL_NETSHARE_H

#include "eval/traffic.h"

enum netshare_figure {
    NETSHARE_JS_SOURCE_ADDRESS,
    NETSHARE_JS_DESTINATION_ADDRESS,
    NETSHARE_JS_SOURCE_PORT,
    NETSHARE_JS_DESTINATION_PORT,
    NETSHARE_JS_PROTOCOL,
    NETSHARE_EMD_START,    /* s */
    NETSHARE_EMD_DURATION, /* s */
    NETSHARE_EMD_PACKETS,
    NETSHARE_EMD_BYTES,
    N_NETSHARE_FIGURES,
};

struct netshare_info {
    const char *name; /* in JSON: "js_sa", "emd_byt" */
    const char *unit;
    const char *words; /* in tables */
};
extern const struct netshare_info netshare_infos[N_NETSHARE_FIGURES];

/* Doubles only; see comparison.h. */
struct netshare_figures {
    double values[N_NETSHARE_FIGURES];
};

struct netshare_figures netshare_compare(const struct traffic *real,
                                         const struct traffic *synthetic);

/* JS of two lists of values by rank of popularity. Both are sorted on the way. */
double netshare_popularity(int64_t *a, size_t n_a, int64_t *b, size_t n_b);

#endif
