/* sampling.c - draws flows from masked-conv. docs/sampling.md has the account of it. */
#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "data/calendar.h"
#include "model/masked_conv/balance.h"
#include "model/masked_conv/live.h"
#include "model/masked_conv/masked_conv.h"
#include "model/masked_conv/stepper.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* How often a gap is drawn anew that would end before the host's start. */
#define GAP_TRIES 100000
/* And one of which too many have been drawn. */
#define GAP_TRIES_BALANCED 64
/* And a port that strays, or of which too many have been drawn. */
#define PORT_TRIES          100
#define PORT_TRIES_BALANCED 64

/* Which conversation goes on is told from hundreds, most of them long over; and protocols without
 * ports have few numbers in their place. What is rare there is truncated at so many times as much.
 */
#define NARROW_TRUNCATION 20.0

/* Fewer hosts than this are not worth a second thread. */
#define FEW_HOSTS 6

struct drawn_host {
    struct live_host live;
    struct habits *own; /* where it follows no training host's */
    struct balance balance;
    uint64_t stream;
    int32_t host_row; /* of the host table */
    int64_t slot;     /* that its layers know */
    int64_t silence;  /* s between the end of its last row and its start, until the first row */
};

/* What one thread works with. */
struct work {
    struct stepper_work *step;
    size_t n;
    struct drawn_host *hosts[STEPPER_HOSTS];
    struct rng rngs[STEPPER_HOSTS];
    size_t rows[STEPPER_HOSTS]; /* those that a head applies to */
    struct exclusions exclusions;
    uint8_t *available; /* [routes of any head] */
    /* Of hosts that have come to a new slot: */
    real *contexts; /* [STEPPER_HOSTS, CONTEXT_FEATURES] */
    size_t context_hosts[STEPPER_HOSTS];
    int32_t context_rows[STEPPER_HOSTS];
};

struct masked_conv_sampler {
    struct sampler base;
    const struct masked_conv *model;
    uint64_t seed;
    double temperature[N_ATTRIBUTES], truncation;
    bool is_finite;
    draw_watch *watch;
    void *watch_user;
    struct stepper *stepper;
    struct drawn_host *hosts;
    size_t n_hosts;
    struct work *works;
    size_t n_works;
};

/* ---- one row, stage by stage -------------------------------------------------------------- */

/* An address of the same first octets that is no atom: the octets are spelt out for such, and the
 * ones that are not known yet must not look like one. */
static int64_t open_address(const struct vocabulary *vocabulary, int64_t known)
{
    int64_t address = known;
    while (value_list_find(&vocabulary->lists[ATTRIBUTE_REMOTE], address) >= 0)
        address++;
    return address;
}

static void set_octet(struct live_host *live, int place, int64_t octet)
{
    int64_t *remote = &live->row.value[ATTRIBUTE_REMOTE];
    int shift = 8 * (3 - place);
    int64_t known = *remote >> (shift + 8) << (shift + 8);
    *remote = known | octet << shift;
    if (shift > 0)
        *remote = open_address(live->vocabulary, *remote);
}

static void set_value(const struct heads *heads, struct live_host *live, enum head head,
                      int64_t value)
{
    const struct value_list *remotes = &live->vocabulary->lists[ATTRIBUTE_REMOTE];
    int64_t *row = live->row.value;
    switch (head) {
    case HEAD_LINK:
        live->context.link = link_of_code((int)value);
        break;
    case HEAD_OLDER:
        live->context.link.rank = (uint32_t)value;
        break;
    case HEAD_REMOTE:
        row[ATTRIBUTE_REMOTE] = (size_t)value < remotes->n ? remotes->values[value]
                                                           : open_address(live->vocabulary, 0);
        break;
    case HEAD_OCTET_1:
    case HEAD_OCTET_2:
    case HEAD_OCTET_3:
    case HEAD_OCTET_4:
        set_octet(live, (int)(head - HEAD_OCTET_1), value);
        break;
    case HEAD_DUE:
        row[ATTRIBUTE_GAP] = head_first_due(&live->context, (enum due_class)value);
        break;
    case HEAD_ORDER:
        row[ATTRIBUTE_DURATION] = value != 0 ? live->context.previous.row->value[ATTRIBUTE_DURATION]
                                             : 0;
        break;
    case HEAD_INSTANT:
        row[ATTRIBUTE_DURATION] = value != 0 ? 0 : 1;
        break;
    case HEAD_FITS:
        row[ATTRIBUTE_DURATION] = head_first_fit(heads, &live->context, value != 0);
        break;
    default:
        row[head_infos[head].attribute] = value;
    }
}

/* What the context gains where a stage begins. */
static void prepare_stage(struct live_host *live, enum stage stage)
{
    if (stage == STAGE_MATCH)
        live_link(live, live->context.link);
    if (stage == STAGE_GAP) {
        live_gap(live);
        live_find_like(live, LIKE_NEXT, LIKE_OPENED);
    } else if (stage == STAGE_MATCH)
        live_find_like(live, LIKE_OPENED, LIKE_REMOTE);
    else if (stage == STAGE_PORTS)
        live_find_like(live, LIKE_REMOTE, LIKE_FLAGS);
    else if (stage == STAGE_FLAGS)
        live_find_like(live, LIKE_FLAGS, LIKE_PACKETS);
    else if (stage == STAGE_PACKETS)
        live_find_like(live, LIKE_PACKETS, LIKE_PACKETS_DURATION);
    else if (stage == STAGE_DURATION)
        live_find_like(live, LIKE_PACKETS_DURATION, N_LIKENESSES);
}

static void prepare_head(struct live_host *live, enum head head, struct exclusions *room)
{
    if (head == HEAD_REMOTE_PORT)
        live_exclude_ports(live, room);
    else if (head == HEAD_REMOTE)
        live_exclude_atoms(live);
    else if (head == HEAD_OCTET_3)
        live_exclude_third_octets(live, room);
    else if (head == HEAD_OCTET_4)
        live_exclude_last_octets(live, room);
}

/* Every route's probability to the power 1 / temperature; of the mixture the components' too, and
 * their tails, which fall like exp(-|y| / width), so that the width grows by the temperature. */
static void temper(real *logits, size_t n_routes, real *mixture, double temperature)
{
    real inverse = (real)(1.0 / temperature), wider = (real)log(temperature);
    for (size_t k = 0; k < n_routes; k++)
        logits[k] *= inverse;
    for (size_t g = 0; mixture != NULL && g < MIXTURE_COMPONENTS; g++) {
        mixture[g] *= inverse;
        mixture[2 * MIXTURE_COMPONENTS + g] += wider;
    }
}

/* Classes of gaps that end before a host's start are not available where another one does not. */
static void keep_silence(const struct drawn_host *host, uint8_t *available)
{
    const struct row_context *context = &host->live.context;
    if (!head_due_reaches(context, DUE_AFTER, host->silence))
        return;
    for (enum due_class which = 0; which < DUE_AFTER; which++)
        available[which] = available[which] && head_due_reaches(context, which, host->silence);
}

/* A host with a past has been silent for a while at its start: its first gap is at least that. */
static int64_t draw_gap(const struct heads *heads, struct drawn_host *host,
                        const uint8_t *available, const real *logits, const real *mixture,
                        double truncation, struct rng *rng)
{
    for (int i = 0; i < GAP_TRIES; i++) {
        int64_t gap = head_draw(heads, HEAD_GAP, &host->live.context, available, logits, mixture,
                                truncation, rng);
        if (gap < host->silence)
            continue;
        if (i >= GAP_TRIES_BALANCED || host->live.habits == NULL ||
            balance_accepts_gap(&host->balance, &host->live.pace.left, host->live.kind_before, gap,
                                rng))
            return gap;
    }
    return host->silence;
}

static bool accepts_port(struct drawn_host *host, enum head head, int64_t port, struct rng *rng)
{
    const struct live_host *live = &host->live;
    enum service_side side = head == HEAD_LOCAL_PORT ? SERVICE_SERVED : SERVICE_USED;
    return balance_accepts_port(&host->balance, &live->pace.due, live->context.link.kind,
                                &live->row, side, port,
                                &live->habits->profiles[live->of_host].services, rng);
}

/* A port that does not stray, if there is one to be had. */
static int64_t draw_port(const struct heads *heads, enum head head, struct drawn_host *host,
                         const uint8_t *available, const real *logits, double truncation,
                         struct rng *rng)
{
    const struct row_context *context = &host->live.context;
    int64_t port;
    for (int i = 0; i < PORT_TRIES; i++) {
        port = head_draw(heads, head, context, available, logits, NULL, truncation, rng);
        if (truncation > 0.0 && head_value_strays(heads, head, context, port))
            continue;
        if (i >= PORT_TRIES_BALANCED || host->live.habits == NULL ||
            accepts_port(host, head, port, rng))
            break;
    }
    return port;
}

static bool is_narrow(enum head head, const struct live_host *live)
{
    return head == HEAD_LINK ||
           (head_is_port(head) && !conversation_has_ports(live->row.value[ATTRIBUTE_PROTOCOL]));
}

/* What the link's candidates are like, added to the logits of the routes that lead to them. */
static void add_candidates(const struct masked_conv_sampler *sampler, const struct live_host *live,
                           real *logits)
{
    struct followers followers;
    followers_find(&followers, live->past, live->context.like, live->index);
    candidate_add(live->vocabulary, &live->conversations, &live->remotes, &followers,
                  live->habits != NULL ? &live->pace.due : NULL,
                  live->clock + live->row.value[ATTRIBUTE_GAP], live->index,
                  sampler->model->network->candidates->data, logits);
}

/* Where drawing keeps to a pace: heads whose routes are weighed by what is due. */
static void balance_head(const struct heads *heads, enum head head, struct drawn_host *host,
                         const uint8_t *available, real *logits)
{
    const struct live_host *live = &host->live;
    const struct pace_counts *due = &live->pace.due;
    const int64_t *row = live->row.value;
    const struct value_list *protocols = &live->vocabulary->lists[ATTRIBUTE_PROTOCOL];
    enum link_kind kind = live->context.link.kind;
    if (head == HEAD_LINK) {
        balance_links(&host->balance, due, live->kind_before, row[ATTRIBUTE_GAP],
                      &live->conversations, &live->remotes, available, logits);
        balance_turns(&host->balance, due, live->clock + row[ATTRIBUTE_GAP], &live->conversations,
                      &live->remotes, available, logits);
    } else if (head == HEAD_DIRECTION)
        balance_directions(&host->balance, due, kind, available, logits);
    else if (head == HEAD_PROTOCOL)
        balance_protocols(&host->balance, due, kind, row[ATTRIBUTE_DIRECTION], protocols->values,
                          heads->n_atoms[head], available, logits);
}

static void draw_value(const struct masked_conv_sampler *sampler, struct work *work, size_t row,
                       enum head head, real *logits)
{
    const struct heads *heads = &sampler->model->heads;
    struct drawn_host *host = work->hosts[row];
    size_t n_routes = heads->n_routes[head];
    real *mixture = head_infos[head].has_mixture ? logits + n_routes : NULL;
    double temperature = sampler->temperature[head_infos[head].attribute];
    if (head == HEAD_LINK)
        add_candidates(sampler, &host->live, logits);
    if (heads_beat_routes(head) > 0)
        beat_add(row_context_beats(&host->live.context), heads_beat_routes(head),
                 heads_first_named(heads, head), logits,
                 sampler->model->network->head[head].beats->data,
                 logits + heads_first_beat(heads, head));
    if (temperature != 1.0)
        temper(logits, n_routes, mixture, temperature);
    prepare_head(&host->live, head, &work->exclusions);
    head_available(heads, head, &host->live.context, work->available);
    if (head == HEAD_DUE)
        keep_silence(host, work->available);
    if (host->live.habits != NULL)
        balance_head(heads, head, host, work->available, logits);
    double truncation = sampler->truncation;
    if (is_narrow(head, &host->live))
        truncation *= NARROW_TRUNCATION;
    int64_t value;
    if (head == HEAD_GAP)
        value = draw_gap(heads, host, work->available, logits, mixture, truncation,
                         &work->rngs[row]);
    else if (head_is_port(head))
        value = draw_port(heads, head, host, work->available, logits, truncation, &work->rngs[row]);
    else
        value = head_draw(heads, head, &host->live.context, work->available, logits, mixture,
                          truncation, &work->rngs[row]);
    set_value(heads, &host->live, head, value);
    if (sampler->watch != NULL)
        sampler->watch(sampler->watch_user, head, &host->live.context, work->available, logits,
                       mixture);
}

static bool is_modelled(const struct masked_conv_sampler *sampler, enum head head)
{
    enum attribute attribute = head_infos[head].attribute;
    return attribute == ATTRIBUTE_LINK ||
           (sampler->model->base.attributes & ATTRIBUTE_BIT(attribute)) != 0;
}

static void draw_head(const struct masked_conv_sampler *sampler, struct work *work, enum head head)
{
    if (!is_modelled(sampler, head))
        return;
    size_t n = 0;
    for (size_t r = 0; r < work->n; r++)
        if (head_applies(&sampler->model->heads, head, &work->hosts[r]->live.context))
            work->rows[n++] = r;
    for (size_t first = 0; first < n; first += STEPPER_HEAD_ROWS) {
        size_t size = n - first < STEPPER_HEAD_ROWS ? n - first : STEPPER_HEAD_ROWS, stride;
        const size_t *rows = work->rows + first;
        real *outputs = stepper_head(sampler->stepper, work->step, head, rows, size, &stride);
        for (size_t i = 0; i < size; i++)
            draw_value(sampler, work, rows[i], head, outputs + i * stride);
    }
}

/* A row behind of looking them up, so that the embeddings are on their way when they are added. */
static void add_features(const struct masked_conv_sampler *sampler, struct work *work,
                         enum stage stage)
{
    const struct feature_space *space = &sampler->model->space;
    size_t n = space->n_of_stage[stage];
    int32_t index[2][FEATURES_MAX];
    for (size_t r = 0; r < work->n; r++) {
        features_of_stage(space, stage, &work->hosts[r]->live.context, index[r % 2]);
        stepper_fetch(sampler->stepper, index[r % 2], n);
        if (r > 0)
            stepper_add(sampler->stepper, work->step, r - 1, index[(r - 1) % 2], n);
    }
    stepper_add(sampler->stepper, work->step, work->n - 1, index[(work->n - 1) % 2], n);
}

/* ---- many rows ---------------------------------------------------------------------------- */

/* Takes the hosts which[0..n-1] for a step, and tells the layers where a slot has changed. */
static void begin(const struct masked_conv_sampler *sampler, struct work *work, const size_t *which,
                  size_t n)
{
    size_t n_changed = 0;
    work->n = n;
    for (size_t r = 0; r < n; r++) {
        struct drawn_host *host = work->hosts[r] = &sampler->hosts[which[r]];
        int64_t slot = window_slot(host->live.clock);
        if (slot == host->slot)
            continue;
        host->slot = slot;
        real *context = work->contexts + n_changed * CONTEXT_FEATURES;
        window_log_features(host->live.windows, slot, context);
        const struct host_profile *profile = host->live.profile;
        profile_features(profile != NULL ? &profile->profile : NULL, context + SLOT_FEATURES);
        window_features_drop(context, !sampler->model->settings.windows,
                             !sampler->model->settings.clock);
        work->context_hosts[n_changed] = which[r];
        work->context_rows[n_changed++] = host->host_row;
    }
    stepper_encode(sampler->stepper, work->step, work->context_hosts, work->context_rows,
                   work->contexts, n_changed);
    stepper_begin(sampler->stepper, work->step, which, n);
}

static void draw_rows(const struct masked_conv_sampler *sampler, struct work *work,
                      const size_t *which, size_t n, struct row *rows)
{
    begin(sampler, work, which, n);
    for (size_t r = 0; r < n; r++) {
        struct drawn_host *host = work->hosts[r];
        work->rngs[r] = rng_stream(sampler->seed, RNG_SAMPLE, host->stream, host->live.index);
        live_begin(&host->live);
        if (host->silence > 0) /* its pace did not know of that */
            host->live.context.highest_gap = 0;
    }
    enum head head = 0;
    for (enum stage stage = 0; stage < N_STAGES; stage++) {
        for (size_t r = 0; r < n; r++)
            prepare_stage(&work->hosts[r]->live, stage);
        add_features(sampler, work, stage);
        for (; head < N_HEADS && head_infos[head].sees == stage; head++)
            draw_head(sampler, work, head);
    }
    for (size_t r = 0; r < n; r++) {
        struct drawn_host *host = work->hosts[r];
        live_end(&host->live);
        rows[r] = host->live.row;
        rows[r].value[ATTRIBUTE_GAP] -= host->silence;
        host->silence = 0;
    }
    stepper_end(sampler->stepper, work->step);
}

enum status masked_conv_sampler_advance(struct sampler *base, const size_t *which, size_t n,
                                        struct row *rows, struct error *err)
{
    struct masked_conv_sampler *sampler = (struct masked_conv_sampler *)base;
    RETURN_IF(!sampler->is_finite, err, STATUS_NUMERIC,
              "the model has weights that are not finite numbers");
    /* Where threads call this side by side, each of them has work of its own. */
    size_t n_works = n < FEW_HOSTS || omp_in_parallel() ? 1 : sampler->n_works;
    size_t size = (n + n_works - 1) / n_works, caller = (size_t)omp_get_thread_num();
    size = size < STEPPER_HOSTS ? size : STEPPER_HOSTS;
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_works) if (n_works > 1)
    for (size_t first = 0; first < n; first += size) {
        size_t w = n_works > 1 ? (size_t)omp_get_thread_num() : caller;
        draw_rows(sampler, &sampler->works[w], which + first, n - first < size ? n - first : size,
                  rows + first);
    }
    return STATUS_OK;
}

/* ---- set-up ------------------------------------------------------------------------------- */

/* Runs what a host did through its memory, and as much as they look back on through its layers. */
static void relive(const struct masked_conv_sampler *sampler, struct work *work, size_t h,
                   const struct sequence *past, int64_t start)
{
    struct live_host *live = &sampler->hosts[h].live;
    size_t field = network_receptive_field(&sampler->model->network->size);
    for (size_t i = 0; i < past->n_rows; i++) {
        bool is_seen = i + field >= past->n_rows;
        if (is_seen)
            begin(sampler, work, &h, 1);
        live_begin_known(live, &past->rows[i]);
        for (enum stage stage = 0; is_seen && stage < N_STAGES; stage++)
            add_features(sampler, work, stage);
        live_end(live);
        if (is_seen)
            stepper_end(sampler->stepper, work->step);
    }
    if (live->clock > start)
        BUG("the past of a host ends %lld s after its start", (long long)(live->clock - start));
    sampler->hosts[h].silence = start - live->clock;
}

/* A past that is shorter says nothing of what a host does in an hour, s. */
#define PAST_MIN 600

/* Has the host follow the habits of its original, where it is a twin; its own, where it goes on
 * from a past; else those of a training host drawn by the seed. */
static void choose_habits(const struct masked_conv_sampler *sampler, struct drawn_host *host,
                          const struct sampler_host *from)
{
    const struct masked_conv *model = sampler->model;
    const struct habits *habits = &model->habits;
    size_t of_host = 0;
    bool is_known = from->is_twin && masked_conv_find_host(model, from->twin_of, &of_host);
    if (!is_known && from->past != NULL && from->start - from->past->start >= PAST_MIN) {
        struct sequence past = *from->past;
        const struct sequence_set set = { .items = &past, .n = 1, .n_rows = past.n_rows };
        past.first_scored = 0;
        host->own = memory_alloc(1, sizeof *host->own);
        habits_learn(host->own, &set, &model->vocabulary, model->settings.memory,
                     MS_PER_SECOND * past.start, MS_PER_SECOND * from->start);
        habits = host->own;
    } else if (!is_known) {
        struct rng rng = rng_stream(sampler->seed, RNG_SAMPLE_PACE, from->stream, 0);
        of_host = (size_t)rng_below(&rng, model->n_hosts);
    }
    live_host_follow(&host->live, habits, of_host, sampler->seed, from->stream);
}

/* Where drawing keeps to a pace, nothing is recalled, as in training. */
static bool follows_habits(const struct masked_conv *model)
{
    return model->settings.pace && model->n_hosts > 0;
}

static void create_host(const struct masked_conv_sampler *sampler, struct work *work, size_t h,
                        const struct sampler_host *from)
{
    const struct masked_conv *model = sampler->model;
    struct drawn_host *host = &sampler->hosts[h];
    *host = (struct drawn_host){
        .stream = from->stream,
        .host_row = from->is_twin ? masked_conv_host(model, from->twin_of) : 0,
        .slot = INT64_MIN,
    };
    live_host_init(&host->live, &model->vocabulary,
                   from->past != NULL ? from->past->start : from->start, model->settings.memory,
                   model->settings.profile, model->settings.recall && !follows_habits(model));
    host->live.is_unordered = follows_habits(model);
    if (from->past != NULL)
        relive(sampler, work, h, from->past, from->start);
    if (follows_habits(model))
        choose_habits(sampler, host, from);
}

static void work_init(struct work *work, const struct masked_conv_sampler *sampler)
{
    size_t n_routes = 0;
    for (enum head h = 0; h < N_HEADS; h++)
        if (sampler->model->heads.n_routes[h] > n_routes)
            n_routes = sampler->model->heads.n_routes[h];
    work->step = stepper_work_create(sampler->stepper);
    work->available = memory_alloc(n_routes, sizeof *work->available);
    work->contexts = memory_alloc((size_t)STEPPER_HOSTS * CONTEXT_FEATURES, sizeof(real));
}

static bool weights_are_finite(const struct params *params)
{
    for (size_t i = 0; i < params->size; i++)
        if (!isfinite(params->values[i]))
            return false;
    return true;
}

struct sampler *masked_conv_sampler_create(const struct model *base,
                                           const struct sampler_host *hosts, size_t n_hosts,
                                           const struct sampler_settings *settings)
{
    const struct masked_conv *model = (const struct masked_conv *)base;
    struct masked_conv_sampler *sampler = memory_zalloc(1, sizeof *sampler);
    sampler->model = model;
    sampler->seed = settings->seed;
    for (size_t a = 0; a < N_ATTRIBUTES; a++)
        sampler->temperature[a] = settings->temperature[a] > 0.0 ? settings->temperature[a] : 1.0;
    sampler->truncation = settings->truncation;
    sampler->is_finite = weights_are_finite(model->network->params);
    sampler->stepper = stepper_create(model->network, n_hosts);
    sampler->hosts = memory_alloc(n_hosts, sizeof *sampler->hosts);
    sampler->n_hosts = n_hosts;
    sampler->n_works = (size_t)threads_count();
    sampler->works = memory_zalloc(sampler->n_works, sizeof *sampler->works);
    for (size_t w = 0; w < sampler->n_works; w++)
        work_init(&sampler->works[w], sampler);
#pragma omp parallel for schedule(dynamic, 1) num_threads(sampler->n_works)
    for (size_t h = 0; h < n_hosts; h++)
        create_host(sampler, &sampler->works[omp_get_thread_num()], h, &hosts[h]);
    return &sampler->base;
}

static void release_host(struct drawn_host *host)
{
    live_host_release(&host->live);
    if (host->own != NULL)
        habits_release(host->own);
    free(host->own);
}

void masked_conv_sampler_free(struct sampler *base)
{
    struct masked_conv_sampler *sampler = (struct masked_conv_sampler *)base;
    for (size_t h = 0; h < sampler->n_hosts; h++)
        release_host(&sampler->hosts[h]);
    for (size_t w = 0; w < sampler->n_works; w++) {
        stepper_work_free(sampler->works[w].step);
        free(sampler->works[w].available);
        free(sampler->works[w].contexts);
    }
    stepper_free(sampler->stepper);
    free(sampler->hosts);
    free(sampler->works);
    free(sampler);
}

void masked_conv_sampler_watch(struct sampler *base, draw_watch *watch, void *user)
{
    struct masked_conv_sampler *sampler = (struct masked_conv_sampler *)base;
    sampler->watch = watch;
    sampler->watch_user = user;
}
