/* sample.h - a twin of the traffic: hosts are drawn side by side, and their flows put in order.
 *
 * Time is cut into windows. Each thread takes the hosts that are furthest behind, draws some rows
 * of each, and gives them back; a window that all hosts have left behind is handed on in time order
 * (ties by host, then as drawn). So hosts run ahead of each other, by up to SAMPLE_FLOWS_AHEAD
 * flows in all, and a thread has many to draw side by side even where a few of them have most of
 * the flows. Memory holds that many flows and one window, however long the output becomes. A host's
 * flows depend on the model, the seed and the host alone: not on the other hosts, the windows or
 * the number of threads.
 *
 * A host with a past begins where that ends, which may be before the plan does: what it does until
 * then is drawn, and not handed on.
 *
 *     struct sample_plan plan;                    // see sample/sample_plan.h
 *     status = sample_run(model, &plan, write_flow, writer, &report, err);
 */
#ifndef FLOWTWIN_SAMPLE_SAMPLE_H
#define FLOWTWIN_SAMPLE_SAMPLE_H

#include "sample/drawn_flows.h"
#include "sample/sample_plan.h"

struct sample_report {
    uint64_t n_flows;
    size_t n_silent;  /* hosts without a flow */
    size_t n_runaway; /* hosts that were stopped, see SAMPLE_FLOWS_PER_WINDOW */
    int64_t clock;    /* s since 1970: how far it got */
};

/* A host that draws this many flows within one window (a quarter of an hour of the clock) has run
 * away, and is stopped. */
#define SAMPLE_FLOWS_PER_WINDOW 2000000

/* Where so many flows wait for the hosts that are furthest behind, only these go on. */
#define SAMPLE_FLOWS_AHEAD 1000000

/* Takes the flows of the plan in time order, with addresses as they are written; host is an index
 * into the plan's. One call at a time, from any thread. */
typedef enum status flow_sink(void *user, const struct flow *flow, size_t host, struct error *err);

/* STATUS_INTERRUPTED where the user asked to stop: what was handed on is whole, and the report says
 * how far it got. */
enum status sample_run(const struct model *model, const struct sample_plan *plan, flow_sink *sink,
                       void *user, struct sample_report *report, struct error *err);

#endif
