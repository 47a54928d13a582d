/* drawn_flows.h - flows that are drawn and not handed on yet, by windows of time.
 *
 * Hosts run ahead of each other, so that there are flows of many windows at once: those of the
 * first window that is not handed on, and of DRAWN_WINDOWS - 1 after it. They are kept as they
 * come, in chunks that are used again.
 *
 *     struct drawn_flows *drawn = drawn_flows_create(n_hosts, in_text_order);
 *     drawn_flows_add(drawn, window, &flow);                    // of each host in its order
 *     const struct drawn_flow **flows;
 *     size_t n = drawn_flows_order(drawn, window, &flows);      // nothing is added to it any more
 *     ...
 *     drawn_flows_drop(drawn, window);
 *     drawn_flows_free(drawn);
 *
 * One thread may order a window while another one adds to others.
 */
#ifndef FLOWTWIN_SAMPLE_DRAWN_FLOWS_H
#define FLOWTWIN_SAMPLE_DRAWN_FLOWS_H

#include "data/flow.h"

#define SAMPLE_WINDOW_SECONDS 900

/* Windows that there may be flows of at once: 32 hours. */
#define DRAWN_WINDOWS 128

struct drawn_flow {
    struct flow flow;
    uint32_t host;
    uint32_t second; /* of its window */
};

struct drawn_flows;

/* in_text_order: flows of one host and second are put in the order of data/text_order.h. Caller
 * frees with drawn_flows_free. */
struct drawn_flows *drawn_flows_create(size_t n_hosts, bool in_text_order);
void drawn_flows_free(struct drawn_flows *drawn);

/* Windows are told by their number; w and w + DRAWN_WINDOWS not both at a time. */
void drawn_flows_add(struct drawn_flows *drawn, uint64_t window, const struct drawn_flow *flow);

/* The flows of a window by second, ties by host, then in text order or as they were added: *flows
 * is borrowed until the next call. Returns how many there are. */
size_t drawn_flows_order(struct drawn_flows *drawn, uint64_t window,
                         const struct drawn_flow *const **flows);
void drawn_flows_drop(struct drawn_flows *drawn, uint64_t window);

/* In all windows. */
size_t drawn_flows_count(const struct drawn_flows *drawn);

#endif
