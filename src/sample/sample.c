#include "sample/sample.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/calendar.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What a thread draws between two looks at the others: so many rows, of so many hosts. */
enum { TURN_ROWS = 512, TURN_HOSTS = 16 };

#define NONE SIZE_MAX

struct drawn_host {
    struct row next_row; /* drawn already */
    int64_t next_clock;  /* at which that flow ends */
    uint64_t window;     /* of next_clock, when the host was last put in a queue */
    size_t next;         /* in its queue */
    uint64_t counted;    /* window that n_rows are of */
    uint32_t n_rows;
    bool has_flow; /* handed on */
};

/* Hosts that wait for a thread, first come, first served. */
struct queue {
    size_t first, last;
};

struct drawing {
    const struct sample_plan *plan;
    struct sampler *sampler;
    flow_sink *sink;
    void *user;
    struct sample_report *report;
    struct progress progress;
    int64_t origin; /* of window 0, s since 1970 */
    uint64_t n_windows;
    size_t n_threads;
    struct drawn_host *hosts;

    /* Hosts in a queue, and what follows, are for who holds the lock. A host in none is one
     * thread's, or has come to the end. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t window; /* the first one that is not handed on */
    bool is_handing_on, is_full, is_stopped;
    enum status status;
    struct error err;
    struct drawn_flows *drawn;
    /* Of window and the DRAWN_WINDOWS - 1 after it: */
    struct queue queues[DRAWN_WINDOWS];
    size_t n_of_window[DRAWN_WINDOWS]; /* hosts in the queue, or at a thread that took them from it
                                        */
    size_t n_near;                     /* the sum of these */
    struct queue later;
};

/* What one thread works with. */
struct turn {
    size_t which[TURN_HOSTS], n_hosts;
    uint64_t until; /* window */
    struct row rows[TURN_HOSTS];
    struct drawn_flow flows[TURN_ROWS];
    uint64_t windows[TURN_ROWS]; /* of flows */
    size_t n_flows, n_runaway;
};

/* ---- hosts in queues ---------------------------------------------------------------------- */

static void queue_add(struct drawing *drawing, struct queue *queue, size_t host)
{
    drawing->hosts[host].next = NONE;
    if (queue->first == NONE)
        queue->first = host;
    else
        drawing->hosts[queue->last].next = host;
    queue->last = host;
}

static size_t queue_take(struct drawing *drawing, struct queue *queue)
{
    size_t host = queue->first;
    queue->first = drawing->hosts[host].next;
    return host;
}

static uint64_t window_of(const struct drawing *drawing, int64_t clock)
{
    return (uint64_t)(clock - drawing->origin) / SAMPLE_WINDOW_SECONDS;
}

/* Where its next flow is; nowhere where that is beyond the end. */
static void put_in_queue(struct drawing *drawing, size_t h)
{
    struct drawn_host *host = &drawing->hosts[h];
    if (host->next_clock >= drawing->plan->end)
        return;
    host->window = window_of(drawing, host->next_clock);
    if (host->window >= drawing->window + DRAWN_WINDOWS) {
        queue_add(drawing, &drawing->later, h);
        return;
    }
    queue_add(drawing, &drawing->queues[host->window % DRAWN_WINDOWS], h);
    drawing->n_of_window[host->window % DRAWN_WINDOWS]++;
    drawing->n_near++;
}

/* All flows of the first window are handed on. */
static void next_window(struct drawing *drawing)
{
    struct queue later = drawing->later;
    drawing->window++;
    drawing->later.first = NONE;
    while (later.first != NONE)
        put_in_queue(drawing, queue_take(drawing, &later));
}

/* How many flows there may be of other windows than the first before only the hosts that hold the
 * first one up go on. */
static bool has_room(const struct drawing *drawing)
{
    uint64_t room = SAMPLE_FLOWS_AHEAD, most = drawing->plan->max_flows;
    if (most > 0 && most - drawing->report->n_flows < room)
        room = most - drawing->report->n_flows;
    return drawn_flows_count(drawing->drawn) < room;
}

/* Takes the hosts that are furthest behind, a thread's share of all; false where there is none. */
static bool take_hosts(struct drawing *drawing, struct turn *turn)
{
    bool may_run_ahead = has_room(drawing);
    uint64_t end = drawing->window + (may_run_ahead ? DRAWN_WINDOWS : 1);
    size_t n = may_run_ahead ? drawing->n_near
                             : drawing->n_of_window[drawing->window % DRAWN_WINDOWS];
    size_t share = (n + drawing->n_threads - 1) / drawing->n_threads;
    share = share < TURN_HOSTS ? share : TURN_HOSTS;
    turn->n_hosts = 0;
    for (uint64_t w = drawing->window; w < end && turn->n_hosts < share; w++) {
        struct queue *queue = &drawing->queues[w % DRAWN_WINDOWS];
        while (queue->first != NONE && turn->n_hosts < share)
            turn->which[turn->n_hosts++] = queue_take(drawing, queue);
    }
    turn->until = end;
    return turn->n_hosts > 0;
}

static void give_back(struct drawing *drawing, const struct turn *turn, const size_t *taken,
                      size_t n_taken)
{
    for (size_t i = 0; i < turn->n_flows; i++)
        drawn_flows_add(drawing->drawn, turn->windows[i], &turn->flows[i]);
    for (size_t i = 0; i < n_taken; i++) {
        drawing->n_of_window[drawing->hosts[taken[i]].window % DRAWN_WINDOWS]--;
        drawing->n_near--;
        put_in_queue(drawing, taken[i]);
    }
    drawing->report->n_runaway += turn->n_runaway;
}

/* ---- a thread's turn ---------------------------------------------------------------------- */

/* Draws the next rows of hosts. */
static enum status advance(struct drawing *drawing, const size_t *which, size_t n, struct row *rows,
                           struct error *err)
{
    FORWARD(sampler_advance(drawing->sampler, which, n, rows, err));
    for (size_t i = 0; i < n; i++) {
        struct drawn_host *host = &drawing->hosts[which[i]];
        if (!coding_row_is_legal(&rows[i]))
            BUG("the model drew a row that cannot be");
        host->next_row = rows[i];
        host->next_clock += rows[i].value[ATTRIBUTE_GAP];
    }
    return STATUS_OK;
}

static void remap_flow(const struct sample_plan *plan, struct flow *flow, size_t h)
{
    uint32_t host = plan->hosts[h].address, written = plan->addresses[h];
    flow->source = flow->source == host ? written : address_remap_apply(plan->remap, flow->source);
    flow->destination = flow->destination == host
                            ? written
                            : address_remap_apply(plan->remap, flow->destination);
}

static void keep_flow(const struct drawing *drawing, struct turn *turn, size_t h)
{
    const struct sample_plan *plan = drawing->plan;
    struct drawn_host *host = &drawing->hosts[h];
    uint64_t window = window_of(drawing, host->next_clock);
    host->n_rows = host->counted == window ? host->n_rows + 1 : 1;
    host->counted = window;
    if (host->next_clock < plan->start)
        return;
    turn->windows[turn->n_flows] = window;
    struct drawn_flow *drawn = &turn->flows[turn->n_flows++];
    drawn->host = (uint32_t)h;
    drawn->second = (uint32_t)((host->next_clock - drawing->origin) % SAMPLE_WINDOW_SECONDS);
    coding_decode(&drawn->flow, &host->next_row, plan->hosts[h].address, host->next_clock);
    if (plan->remap != NULL)
        remap_flow(plan, &drawn->flow, h);
}

static bool is_stopped(struct drawing *drawing)
{
    bool is_stopped;
#pragma omp atomic read
    is_stopped = drawing->is_stopped;
    return is_stopped || interrupt_requested();
}

/* Advances the hosts that were taken, until they come to the end or the turn does. */
static enum status draw_turn(struct drawing *drawing, struct turn *turn, struct error *err)
{
    const int64_t horizon = drawing->origin + (int64_t)turn->until * SAMPLE_WINDOW_SECONDS;
    const int64_t end = horizon < drawing->plan->end ? horizon : drawing->plan->end;
    size_t n_rows = 0, n = turn->n_hosts;
    turn->n_flows = turn->n_runaway = 0;
    while (n > 0 && n_rows + n <= TURN_ROWS && !is_stopped(drawing)) {
        for (size_t i = 0; i < n; i++)
            keep_flow(drawing, turn, turn->which[i]);
        FORWARD(advance(drawing, turn->which, n, turn->rows, err));
        n_rows += n;
        size_t n_left = 0;
        for (size_t i = 0; i < n; i++) {
            struct drawn_host *host = &drawing->hosts[turn->which[i]];
            if (host->n_rows >= SAMPLE_FLOWS_PER_WINDOW) {
                turn->n_runaway++;
                host->next_clock = drawing->plan->end;
            }
            if (host->next_clock < end)
                turn->which[n_left++] = turn->which[i];
        }
        n = n_left;
    }
    return STATUS_OK;
}

/* ---- what threads do ---------------------------------------------------------------------- */

static void stop(struct drawing *drawing, enum status status, const struct error *err)
{
    if (status != STATUS_OK && drawing->status == STATUS_OK) {
        drawing->status = status;
        drawing->err = *err;
    }
#pragma omp atomic write
    drawing->is_stopped = true;
}

/* Hands the flows of the first window on, while other threads draw. */
static void hand_on(struct drawing *drawing)
{
    const struct sample_plan *plan = drawing->plan;
    struct sample_report *report = drawing->report;
    const struct drawn_flow *const *flows;
    struct error err;
    enum status status = STATUS_OK;
    uint64_t n_flows = report->n_flows, window = drawing->window;
    int64_t until = drawing->origin + (int64_t)(window + 1) * SAMPLE_WINDOW_SECONDS;
    until = until < plan->end ? until : plan->end;
    drawing->is_handing_on = true;
    pthread_mutex_unlock(&drawing->lock);

    size_t n = drawn_flows_order(drawing->drawn, window, &flows), i = 0;
    bool is_full = false;
    for (; i < n && status == STATUS_OK; i++) {
        is_full = plan->max_flows > 0 && n_flows == plan->max_flows;
        if (is_full)
            break;
        status = drawing->sink(drawing->user, &flows[i]->flow, flows[i]->host, &err);
        drawing->hosts[flows[i]->host].has_flow |= status == STATUS_OK;
        n_flows += status == STATUS_OK;
    }
    report->clock = is_full               ? flows[i]->flow.end / MS_PER_SECOND
                    : until > plan->start ? until
                                          : plan->start;
    progress_update(&drawing->progress, (double)(until - drawing->origin), "%llu flows",
                    (unsigned long long)n_flows);

    pthread_mutex_lock(&drawing->lock);
    report->n_flows = n_flows;
    drawing->is_handing_on = false;
    drawing->is_full = is_full;
    drawn_flows_drop(drawing->drawn, window);
    if (is_full || status != STATUS_OK)
        stop(drawing, status, &err);
    else
        next_window(drawing);
}

static bool is_over(struct drawing *drawing)
{
    return drawing->window == drawing->n_windows || is_stopped(drawing);
}

/* Hands on what is complete, else draws what is furthest behind, else waits for another thread. */
static void work(struct drawing *drawing, struct turn *turn)
{
    size_t taken[TURN_HOSTS], n_taken;
    struct error err;
    pthread_mutex_lock(&drawing->lock);
    while (!is_over(drawing)) {
        if (drawing->n_of_window[drawing->window % DRAWN_WINDOWS] == 0 && !drawing->is_handing_on) {
            hand_on(drawing);
        } else if (take_hosts(drawing, turn)) {
            n_taken = turn->n_hosts;
            memcpy(taken, turn->which, n_taken * sizeof *taken);
            pthread_mutex_unlock(&drawing->lock);
            enum status status = draw_turn(drawing, turn, &err);
            pthread_mutex_lock(&drawing->lock);
            give_back(drawing, turn, taken, n_taken);
            if (status != STATUS_OK)
                stop(drawing, status, &err);
        } else {
            pthread_cond_wait(&drawing->changed, &drawing->lock);
            continue;
        }
        pthread_cond_broadcast(&drawing->changed);
    }
    pthread_cond_broadcast(&drawing->changed);
    pthread_mutex_unlock(&drawing->lock);
}

/* ---- all of it ---------------------------------------------------------------------------- */

static void drawing_start(struct drawing *drawing, const struct model *model,
                          const struct sample_plan *plan)
{
    size_t n = plan->n_hosts;
    struct sampler_settings settings = { .seed = plan->seed, .truncation = plan->truncation };
    memcpy(settings.temperature, plan->temperature, sizeof settings.temperature);
    drawing->plan = plan;
    drawing->sampler = model_sampler(model, plan->hosts, n, &settings);
    drawing->n_threads = (size_t)threads_count();
    drawing->hosts = memory_zalloc(n, sizeof *drawing->hosts);
    drawing->drawn = drawn_flows_create(n, model->is_in_text_order);
    drawing->origin = plan->start;
    for (size_t h = 0; h < n; h++) {
        drawing->hosts[h].next_clock = plan->hosts[h].start;
        if (plan->hosts[h].start < drawing->origin)
            drawing->origin = plan->hosts[h].start;
    }
    /* Windows of the clock, whichever hosts there are. */
    int64_t into_window = drawing->origin % SAMPLE_WINDOW_SECONDS;
    drawing->origin -= into_window < 0 ? into_window + SAMPLE_WINDOW_SECONDS : into_window;
    drawing->n_windows = plan->end > drawing->origin ? window_of(drawing, plan->end - 1) + 1 : 0;
    drawing->later.first = NONE;
    for (size_t w = 0; w < DRAWN_WINDOWS; w++)
        drawing->queues[w].first = NONE;
    if (pthread_mutex_init(&drawing->lock, NULL) != 0 ||
        pthread_cond_init(&drawing->changed, NULL) != 0)
        BUG("no lock could be made");
}

static void drawing_release(struct drawing *drawing)
{
    sampler_free(drawing->sampler);
    drawn_flows_free(drawing->drawn);
    pthread_cond_destroy(&drawing->changed);
    pthread_mutex_destroy(&drawing->lock);
    free(drawing->hosts);
}

static enum status draw_first_rows(struct drawing *drawing, struct error *err)
{
    size_t n = drawing->plan->n_hosts, *which = memory_alloc(n, sizeof *which);
    struct row *rows = memory_alloc(n, sizeof *rows);
    for (size_t h = 0; h < n; h++)
        which[h] = h;
    enum status status = advance(drawing, which, n, rows, err);
    free(which);
    free(rows);
    for (size_t h = 0; h < n && status == STATUS_OK; h++)
        put_in_queue(drawing, h);
    return status;
}

static enum status run(struct drawing *drawing, struct error *err)
{
    FORWARD(draw_first_rows(drawing, err));
    struct turn *turns = memory_alloc(drawing->n_threads, sizeof *turns);
#pragma omp parallel for schedule(static, 1) num_threads(drawing->n_threads)
    for (size_t t = 0; t < drawing->n_threads; t++)
        work(drawing, &turns[t]);
    free(turns);
    if (drawing->status != STATUS_OK)
        *err = drawing->err;
    FORWARD(drawing->status);
    RETURN_IF(drawing->window < drawing->n_windows && !drawing->is_full, err, STATUS_INTERRUPTED,
              "stopped after %llu flows", (unsigned long long)drawing->report->n_flows);
    return STATUS_OK;
}

enum status sample_run(const struct model *model, const struct sample_plan *plan, flow_sink *sink,
                       void *user, struct sample_report *report, struct error *err)
{
    struct drawing drawing = { .sink = sink, .user = user, .report = report };
    *report = (struct sample_report){ .clock = plan->start };
    drawing_start(&drawing, model, plan);
    drawing.progress = progress_start("sample", (double)(plan->end - drawing.origin), "seconds");
    enum status status = run(&drawing, err);
    progress_finish(&drawing.progress);
    for (size_t h = 0; h < plan->n_hosts; h++)
        report->n_silent += !drawing.hosts[h].has_flow;
    drawing_release(&drawing);
    return status;
}
