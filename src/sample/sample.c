#include "sample/sample.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/progress.h"
#include "data/calendar.h"

#include <stdlib.h>
#include <string.h>

/* A flow of the current window. */
struct drawn_flow {
    struct flow flow;
    uint32_t host;
    uint32_t second; /* of the window */
};

struct drawing {
    const struct sample_plan *plan;
    struct sampler *sampler;
    /* Each host has its next row drawn already, and the clock at which that flow ends. */
    struct row *next_rows;
    int64_t *next_clocks;
    uint32_t *n_rows_of_window; /* of each host */
    bool *has_flow;             /* handed on */
    size_t *which;
    struct row *rows; /* scratch for sampler_advance */

    int64_t window; /* its start, s since 1970 */
    struct drawn_flow *flows;
    size_t n_drawn, flow_capacity;
    uint32_t *order, *by_host; /* indices of flows; by_host is scratch */
    size_t order_capacity, by_host_capacity;
    uint32_t *host_places;
};

static void drawing_release(struct drawing *drawing)
{
    sampler_free(drawing->sampler);
    free(drawing->next_rows);
    free(drawing->next_clocks);
    free(drawing->n_rows_of_window);
    free(drawing->has_flow);
    free(drawing->which);
    free(drawing->rows);
    free(drawing->flows);
    free(drawing->order);
    free(drawing->by_host);
    free(drawing->host_places);
}

static void drawing_start(struct drawing *drawing, const struct model *model,
                          const struct sample_plan *plan)
{
    size_t n = plan->n_hosts;
    struct sampler_settings settings = { .seed = plan->seed };
    memcpy(settings.temperature, plan->temperature, sizeof settings.temperature);
    *drawing = (struct drawing){
        .plan = plan,
        .sampler = model_sampler(model, plan->hosts, n, &settings),
        .next_rows = memory_alloc(n, sizeof *drawing->next_rows),
        .next_clocks = memory_alloc(n, sizeof *drawing->next_clocks),
        .n_rows_of_window = memory_alloc(n, sizeof *drawing->n_rows_of_window),
        .has_flow = memory_zalloc(n, sizeof *drawing->has_flow),
        .which = memory_alloc(n, sizeof *drawing->which),
        .rows = memory_alloc(n, sizeof *drawing->rows),
        .host_places = memory_alloc(n + 1, sizeof *drawing->host_places),
        .window = plan->start,
    };
    for (size_t h = 0; h < n; h++) {
        drawing->next_clocks[h] = plan->hosts[h].start;
        drawing->which[h] = h;
        if (plan->hosts[h].start < drawing->window)
            drawing->window = plan->hosts[h].start;
    }
    /* Windows of the clock, whichever hosts there are. */
    int64_t into_window = drawing->window % SAMPLE_WINDOW_SECONDS;
    drawing->window -= into_window < 0 ? into_window + SAMPLE_WINDOW_SECONDS : into_window;
}

/* ---- one window --------------------------------------------------------------------------- */

/* Draws the next row of the hosts which[0..n-1]. */
static enum status advance(struct drawing *drawing, size_t n, struct error *err)
{
    FORWARD(sampler_advance(drawing->sampler, drawing->which, n, drawing->rows, err));
    for (size_t i = 0; i < n; i++) {
        size_t host = drawing->which[i];
        if (!coding_row_is_legal(&drawing->rows[i]))
            BUG("the model drew a row that cannot be");
        drawing->next_rows[host] = drawing->rows[i];
        drawing->next_clocks[host] += drawing->rows[i].value[ATTRIBUTE_GAP];
    }
    return STATUS_OK;
}

static void keep_flow(struct drawing *drawing, size_t host)
{
    drawing->n_rows_of_window[host]++;
    int64_t clock = drawing->next_clocks[host];
    if (clock < drawing->plan->start)
        return;
    drawing->flows = memory_grow(drawing->flows, &drawing->flow_capacity, drawing->n_drawn + 1,
                                 sizeof *drawing->flows);
    struct drawn_flow *drawn = &drawing->flows[drawing->n_drawn++];
    drawn->host = (uint32_t)host;
    drawn->second = (uint32_t)(clock - drawing->window);
    coding_decode(&drawn->flow, &drawing->next_rows[host], drawing->plan->hosts[host].address,
                  clock);
}

/* Advances every host until its next flow lies at or beyond `until`. */
static enum status draw_window(struct drawing *drawing, int64_t until, struct sample_report *report,
                               struct error *err)
{
    size_t n_hosts = drawing->plan->n_hosts, n_active = 0;
    drawing->n_drawn = 0;
    memset(drawing->n_rows_of_window, 0, n_hosts * sizeof *drawing->n_rows_of_window);
    for (size_t h = 0; h < n_hosts; h++)
        if (drawing->next_clocks[h] < until)
            drawing->which[n_active++] = h;
    while (n_active > 0) {
        for (size_t i = 0; i < n_active; i++)
            keep_flow(drawing, drawing->which[i]);
        FORWARD(advance(drawing, n_active, err));
        RETURN_IF(interrupt_requested(), err, STATUS_INTERRUPTED, "stopped after %llu flows",
                  (unsigned long long)report->n_flows);
        size_t n_left = 0;
        for (size_t i = 0; i < n_active; i++) {
            size_t host = drawing->which[i];
            if (drawing->n_rows_of_window[host] >= SAMPLE_FLOWS_PER_WINDOW) {
                report->n_runaway++;
                drawing->next_clocks[host] = drawing->plan->end;
            }
            if (drawing->next_clocks[host] < until)
                drawing->which[n_left++] = host;
        }
        n_active = n_left;
    }
    return STATUS_OK;
}

/* Turns counts into the places where each key's first item goes. */
static void places_of_counts(uint32_t *counts, size_t n)
{
    uint32_t place = 0;
    for (size_t k = 0; k < n; k++) {
        uint32_t count = counts[k];
        counts[k] = place;
        place += count;
    }
}

/* The window's flows by second, ties by host, then as drawn: two counting sorts. */
static void order_window(struct drawing *drawing)
{
    size_t n = drawing->n_drawn, n_hosts = drawing->plan->n_hosts;
    if (n > UINT32_MAX)
        BUG("%zu flows in one window", n);
    drawing->order = memory_grow(drawing->order, &drawing->order_capacity, n, sizeof(uint32_t));
    drawing->by_host = memory_grow(drawing->by_host, &drawing->by_host_capacity, n,
                                   sizeof(uint32_t));
    uint32_t *by_host = drawing->by_host, *host_places = drawing->host_places;
    memset(host_places, 0, n_hosts * sizeof *host_places);
    uint32_t second_places[SAMPLE_WINDOW_SECONDS] = { 0 };
    for (size_t i = 0; i < n; i++) {
        host_places[drawing->flows[i].host]++;
        second_places[drawing->flows[i].second]++;
    }
    places_of_counts(host_places, n_hosts);
    places_of_counts(second_places, SAMPLE_WINDOW_SECONDS);
    for (size_t i = 0; i < n; i++)
        by_host[host_places[drawing->flows[i].host]++] = (uint32_t)i;
    for (size_t i = 0; i < n; i++)
        drawing->order[second_places[drawing->flows[by_host[i]].second]++] = by_host[i];
}

static void remap_window(struct drawing *drawing)
{
    const struct sample_plan *plan = drawing->plan;
#pragma omp parallel for schedule(static) if (drawing->n_drawn > 256)
    for (size_t i = 0; i < drawing->n_drawn; i++) {
        struct flow *flow = &drawing->flows[i].flow;
        uint32_t host = plan->hosts[drawing->flows[i].host].address;
        uint32_t written = plan->addresses[drawing->flows[i].host];
        flow->source = flow->source == host ? written
                                            : address_remap_apply(plan->remap, flow->source);
        flow->destination = flow->destination == host
                                ? written
                                : address_remap_apply(plan->remap, flow->destination);
    }
}

/* ---- all windows -------------------------------------------------------------------------- */

/* Hands the window's flows on. Sets *is_full where there may be no more. */
static enum status hand_on(struct drawing *drawing, flow_sink *sink, void *user,
                           struct sample_report *report, bool *is_full, struct error *err)
{
    const struct sample_plan *plan = drawing->plan;
    order_window(drawing);
    if (plan->remap != NULL)
        remap_window(drawing);
    for (size_t i = 0; i < drawing->n_drawn; i++) {
        const struct drawn_flow *drawn = &drawing->flows[drawing->order[i]];
        if (plan->max_flows > 0 && report->n_flows == plan->max_flows) {
            report->clock = drawn->flow.end / MS_PER_SECOND;
            *is_full = true;
            return STATUS_OK;
        }
        FORWARD(sink(user, &drawn->flow, drawn->host, err));
        drawing->has_flow[drawn->host] = true;
        report->n_flows++;
    }
    return STATUS_OK;
}

static enum status run_windows(struct drawing *drawing, flow_sink *sink, void *user,
                               struct sample_report *report, struct error *err)
{
    const struct sample_plan *plan = drawing->plan;
    const int64_t first = drawing->window;
    struct progress progress = progress_start("sample", (double)(plan->end - first), "seconds");
    enum status status = advance(drawing, plan->n_hosts, err);
    bool is_full = false;
    while (status == STATUS_OK && !is_full && drawing->window < plan->end) {
        int64_t next = drawing->window + SAMPLE_WINDOW_SECONDS;
        int64_t until = next < plan->end ? next : plan->end;
        status = draw_window(drawing, until, report, err);
        if (status == STATUS_OK)
            status = hand_on(drawing, sink, user, report, &is_full, err);
        if (status != STATUS_OK || is_full)
            break;
        drawing->window = next;
        report->clock = until > plan->start ? until : plan->start;
        progress_update(&progress, (double)(until - first), "%llu flows",
                        (unsigned long long)report->n_flows);
        if (interrupt_requested() && until < plan->end)
            status = error_set(err, STATUS_INTERRUPTED, "stopped after %llu flows",
                               (unsigned long long)report->n_flows);
    }
    progress_finish(&progress);
    return status;
}

enum status sample_run(const struct model *model, const struct sample_plan *plan, flow_sink *sink,
                       void *user, struct sample_report *report, struct error *err)
{
    struct drawing drawing;
    *report = (struct sample_report){ .clock = plan->start };
    drawing_start(&drawing, model, plan);
    enum status status = run_windows(&drawing, sink, user, report, err);
    for (size_t h = 0; h < plan->n_hosts; h++)
        report->n_silent += !drawing.has_flow[h];
    drawing_release(&drawing);
    return status;
}
