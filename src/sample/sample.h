/* sample.h - a twin of the traffic: hosts are drawn side by side, and their flows put in order.
 *
 * Time is cut into windows. Within one, every host advances until its next flow lies beyond the
 * end; the window's flows are then handed on in time order (ties by host, then as drawn). Memory
 * holds one window, however long the output becomes. A host's flows depend on the model, the seed
 * and the host alone: not on the other hosts, the windows or the number of threads.
 *
 *     struct sample_settings settings;            // filled through sample_options
 *     struct sample_plan plan;
 *     FORWARD(sample_plan_create(&plan, model, &settings, err));
 *     status = sample_run(model, &plan, write_flow, writer, &report, err);
 *     sample_plan_release(&plan);
 */
#ifndef FLOWTWIN_SAMPLE_SAMPLE_H
#define FLOWTWIN_SAMPLE_SAMPLE_H

#include "model/model.h"

struct sample_settings {
    int64_t hosts;
    double days;
    const char *start; /* a date, or NULL: the first day that the model was trained on */
    int64_t seed;
    int64_t max_flows; /* in all; 0: no limit */
};

/* --hosts, --days, --start, --seed, --max-flows */
extern const struct option sample_options[];
extern const size_t n_sample_options;

/* Which hosts are drawn, and when. */
struct sample_plan {
    struct sampler_host *hosts; /* by address */
    size_t n_hosts;
    int64_t start, end; /* s since 1970: flows end in [start, end) */
    uint64_t seed;
    uint64_t max_flows;
};

/* Plans new hosts: addresses drawn from those that the model's hosts live in, none of which it was
 * trained on as long as there are others. STATUS_USAGE for a wrong date or more hosts than there
 * are addresses. */
enum status sample_plan_create(struct sample_plan *plan, const struct model *model,
                               const struct sample_settings *settings, struct error *err);
void sample_plan_release(struct sample_plan *plan);

struct sample_report {
    uint64_t n_flows;
    size_t n_silent;  /* hosts without a flow */
    size_t n_runaway; /* hosts that were stopped, see SAMPLE_FLOWS_PER_WINDOW */
    int64_t clock;    /* s since 1970: how far it got */
};

/* A host that draws more flows than this within one window has run away, and is stopped. */
#define SAMPLE_WINDOW_SECONDS   900
#define SAMPLE_FLOWS_PER_WINDOW 2000000

/* Takes the flows of the plan in time order; host is an index into the plan's. */
typedef enum status flow_sink(void *user, const struct flow *flow, size_t host, struct error *err);

/* STATUS_INTERRUPTED where the user asked to stop: what was handed on is whole, and the report says
 * how far it got. */
enum status sample_run(const struct model *model, const struct sample_plan *plan, flow_sink *sink,
                       void *user, struct sample_report *report, struct error *err);

#endif
