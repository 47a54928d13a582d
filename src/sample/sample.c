#include "sample/sample.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/rng.h"
#include "data/calendar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct sample_settings, field)
const struct option sample_options[] = {
    { "hosts", 0, OPTION_INT, AT(hosts), "20", .minimum = 1, .maximum = 1e7, .argument = "N",
      .help = "how many hosts" },
    { "days", 0, OPTION_REAL, AT(days), "1", .minimum = 1e-4, .maximum = 36500, .argument = "D",
      .help = "for how many days" },
    { "start", 0, OPTION_TEXT, AT(start), NULL, .argument = "DATE",
      .help = "from when, YYYY-MM-DD [hh:mm:ss]; the first day of training where not given" },
    { "seed", 0, OPTION_INT, AT(seed), "1", .minimum = 0, .maximum = 0x1p53, .argument = "S",
      .help = "same seed, same flows" },
    { "max-flows", 0, OPTION_INT, AT(max_flows), "0", .minimum = 0, .maximum = 0x1p53,
      .argument = "N", .help = "stop after so many; 0 for no limit" },
};
#undef AT
const size_t n_sample_options = ARRAY_LEN(sample_options);

/* ---- the plan ----------------------------------------------------------------------------- */

static uint32_t address_at(const struct address_set *set, uint64_t index)
{
    for (size_t r = 0; r < set->n_ranges; r++) {
        uint64_t size = (uint64_t)set->ranges[r].last - set->ranges[r].first + 1;
        if (index < size)
            return set->ranges[r].first + (uint32_t)index;
        index -= size;
    }
    BUG("address %llu of a set that has fewer", (unsigned long long)index);
}

/* n distinct addresses of the set, ascending, that are not `taken` (sorted, part of the set): one
 * from each of n equal parts of what is left. */
static void draw_addresses(const struct address_set *set, const uint32_t *taken, size_t n_taken,
                           uint64_t seed, uint32_t *addresses, size_t n)
{
    double n_free = (double)(address_set_size(set) - n_taken);
    struct rng rng = rng_stream(seed, RNG_SAMPLE_HOST, 0, 0);
    size_t n_passed = 0; /* of the taken ones */
    for (size_t i = 0; i < n; i++) {
        uint64_t first = (uint64_t)(n_free * (double)i / (double)n);
        uint64_t last = (uint64_t)(n_free * (double)(i + 1) / (double)n);
        uint64_t index = first + rng_below(&rng, last - first);
        while (n_passed < n_taken && taken[n_passed] <= address_at(set, index + n_passed))
            n_passed++;
        addresses[i] = address_at(set, index + n_passed);
    }
}

enum status sample_plan_create(struct sample_plan *plan, const struct model *model,
                               const struct sample_settings *settings, struct error *err)
{
    int64_t start = calendar_midnight(model->trained_on.from);
    RETURN_IF(settings->start != NULL &&
                  !calendar_parse(settings->start, strlen(settings->start), &start),
              err, STATUS_USAGE, "start: \"%s\" is no date like 2016-04-12 or 2016-04-12 08:00:00",
              settings->start);
    size_t n = (size_t)settings->hosts;
    uint64_t n_addresses = address_set_size(&model->monitored);
    RETURN_IF(n > n_addresses, err, STATUS_USAGE,
              "hosts: the model's hosts live in %llu addresses; %zu cannot be drawn from them",
              (unsigned long long)n_addresses, n);

    bool has_others = n_addresses - model->trained_on.n_hosts >= n;
    uint32_t *addresses = memory_alloc(n, sizeof *addresses);
    draw_addresses(&model->monitored, model->trained_on.hosts,
                   has_others ? model->trained_on.n_hosts : 0, (uint64_t)settings->seed, addresses,
                   n);
    *plan = (struct sample_plan){
        .hosts = memory_alloc(n, sizeof *plan->hosts),
        .n_hosts = n,
        .start = start / MS_PER_SECOND,
        .end = start / MS_PER_SECOND + (int64_t)llround(settings->days * 86400.0),
        .seed = (uint64_t)settings->seed,
        .max_flows = (uint64_t)settings->max_flows,
    };
    for (size_t h = 0; h < n; h++)
        plan->hosts[h] = (struct sampler_host){ .address = addresses[h],
                                                .stream = h,
                                                .start = plan->start };
    free(addresses);
    return STATUS_OK;
}

void sample_plan_release(struct sample_plan *plan)
{
    free(plan->hosts);
    *plan = (struct sample_plan){ 0 };
}

/* ---- drawing ------------------------------------------------------------------------------ */

/* A flow of the current window. */
struct drawn_flow {
    struct flow flow;
    uint32_t host;
    uint32_t order; /* of drawing, within the window */
};

struct drawing {
    const struct sample_plan *plan;
    struct sampler *sampler;
    /* Each host has its next row drawn already, and the clock at which that flow ends. */
    struct row *next_rows;
    int64_t *next_clocks;
    uint64_t *n_flows;           /* of each host */
    uint64_t *n_flows_at_window; /* when the window began */
    size_t *which;
    struct row *rows; /* scratch for sampler_advance */
    struct drawn_flow *flows;
    size_t n_drawn, capacity;
};

static void drawing_release(struct drawing *drawing)
{
    sampler_free(drawing->sampler);
    free(drawing->next_rows);
    free(drawing->next_clocks);
    free(drawing->n_flows);
    free(drawing->n_flows_at_window);
    free(drawing->which);
    free(drawing->rows);
    free(drawing->flows);
}

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

static void drawing_start(struct drawing *drawing, const struct model *model,
                          const struct sample_plan *plan)
{
    size_t n = plan->n_hosts;
    *drawing = (struct drawing){
        .plan = plan,
        .sampler = model_sampler(model, plan->hosts, n,
                                 &(struct sampler_settings){ .seed = plan->seed }),
        .next_rows = memory_alloc(n, sizeof *drawing->next_rows),
        .next_clocks = memory_alloc(n, sizeof *drawing->next_clocks),
        .n_flows = memory_zalloc(n, sizeof *drawing->n_flows),
        .n_flows_at_window = memory_alloc(n, sizeof *drawing->n_flows_at_window),
        .which = memory_alloc(n, sizeof *drawing->which),
        .rows = memory_alloc(n, sizeof *drawing->rows),
    };
    for (size_t h = 0; h < n; h++) {
        drawing->next_clocks[h] = plan->hosts[h].start;
        drawing->which[h] = h;
    }
}

static void keep_flow(struct drawing *drawing, size_t host)
{
    drawing->flows = memory_grow(drawing->flows, &drawing->capacity, drawing->n_drawn + 1,
                                 sizeof *drawing->flows);
    struct drawn_flow *drawn = &drawing->flows[drawing->n_drawn];
    drawn->host = (uint32_t)host;
    drawn->order = (uint32_t)drawing->n_drawn++;
    coding_decode(&drawn->flow, &drawing->next_rows[host], drawing->plan->hosts[host].address,
                  drawing->next_clocks[host]);
    drawing->n_flows[host]++;
}

/* Advances every host until its next flow lies at or beyond `until`. */
static enum status draw_window(struct drawing *drawing, int64_t until, struct sample_report *report,
                               struct error *err)
{
    size_t n_hosts = drawing->plan->n_hosts;
    drawing->n_drawn = 0;
    memcpy(drawing->n_flows_at_window, drawing->n_flows, n_hosts * sizeof *drawing->n_flows);
    size_t n_active = 0;
    for (size_t h = 0; h < n_hosts; h++)
        if (drawing->next_clocks[h] < until)
            drawing->which[n_active++] = h;
    while (n_active > 0) {
        for (size_t i = 0; i < n_active; i++)
            keep_flow(drawing, drawing->which[i]);
        FORWARD(advance(drawing, n_active, err));
        size_t n_left = 0;
        for (size_t i = 0; i < n_active; i++) {
            size_t host = drawing->which[i];
            uint64_t n_of_window = drawing->n_flows[host] - drawing->n_flows_at_window[host];
            if (n_of_window >= SAMPLE_FLOWS_PER_WINDOW) {
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

static int compare_drawn(const void *a, const void *b)
{
    const struct drawn_flow *x = a, *y = b;
    if (x->flow.end != y->flow.end)
        return x->flow.end < y->flow.end ? -1 : 1;
    if (x->host != y->host)
        return x->host < y->host ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static enum status run_windows(struct drawing *drawing, flow_sink *sink, void *user,
                               struct sample_report *report, struct error *err)
{
    const struct sample_plan *plan = drawing->plan;
    struct progress progress = progress_start("sample", (double)(plan->end - plan->start),
                                              "seconds");
    enum status status = advance(drawing, plan->n_hosts, err);
    while (status == STATUS_OK && report->clock < plan->end) {
        int64_t until = report->clock + SAMPLE_WINDOW_SECONDS;
        until = until < plan->end ? until : plan->end;
        status = draw_window(drawing, until, report, err);
        if (status != STATUS_OK)
            break;
        qsort(drawing->flows, drawing->n_drawn, sizeof *drawing->flows, compare_drawn);
        for (size_t i = 0; status == STATUS_OK && i < drawing->n_drawn; i++) {
            if (plan->max_flows > 0 && report->n_flows == plan->max_flows) {
                report->clock = drawing->flows[i].flow.end / MS_PER_SECOND;
                progress_finish(&progress);
                return STATUS_OK;
            }
            status = sink(user, &drawing->flows[i].flow, drawing->flows[i].host, err);
            report->n_flows++;
        }
        report->clock = until;
        progress_update(&progress, (double)(until - plan->start), "%llu flows",
                        (unsigned long long)report->n_flows);
        if (status == STATUS_OK && interrupt_requested() && until < plan->end)
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
        report->n_silent += drawing.n_flows[h] == 0;
    drawing_release(&drawing);
    return status;
}
