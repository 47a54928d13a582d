#include "model/masked_conv/batch.h"

#include "base/error.h"
#include "base/memory.h"
#include "model/masked_conv/candidates.h"

#include <stdlib.h>
#include <string.h>

struct batch *batch_create(const struct feature_space *space, const struct heads *heads,
                           size_t n_pieces, size_t n_history, size_t n_scored)
{
    struct batch *batch = memory_zalloc(1, sizeof *batch);
    size_t n_rows = n_history + n_scored;
    size_t n_all = n_pieces * n_rows, n_scored_all = n_pieces * n_scored;
    batch->space = space;
    batch->heads = heads;
    batch->n_pieces_max = n_pieces;
    batch->n_rows_max = n_rows;
    batch->n_history = n_history;
    batch->n_scored_max = n_scored;
    batch->pieces = memory_alloc(n_pieces, sizeof *batch->pieces);
    batch->restarts = memory_zalloc(n_pieces, sizeof *batch->restarts);
    batch->features = memory_alloc(n_all * space->n_features, sizeof *batch->features);
    batch->contexts_of = memory_alloc(n_all, sizeof *batch->contexts_of);
    batch->hosts_of = memory_alloc(n_all, sizeof *batch->hosts_of);
    batch->contexts = memory_alloc(n_all * CONTEXT_FEATURES, sizeof *batch->contexts);
    batch->scored = memory_alloc(n_scored_all, sizeof *batch->scored);
    batch->scored_at = memory_alloc(n_all, sizeof *batch->scored_at);
    batch->past_at = memory_alloc(n_all, sizeof *batch->past_at);
    batch->past_features = memory_alloc(n_all * space->n_features, sizeof *batch->past_features);
    for (size_t s = 0; s < N_STAGES; s++)
        batch->stages[s] = memory_alloc(n_scored_all * space->n_of_stage[s], sizeof(int32_t));
    for (size_t h = 0; h < N_HEADS; h++) {
        struct head_batch *head = &batch->head[h];
        head->rows = memory_alloc(n_scored_all, sizeof *head->rows);
        head->start = memory_alloc(n_scored_all + 1, sizeof *head->start);
        head->route = memory_alloc(n_scored_all * HEAD_HITS_MAX, sizeof *head->route);
        head->log_share = memory_alloc(n_scored_all * HEAD_HITS_MAX, sizeof *head->log_share);
        head->available = memory_alloc(n_scored_all * heads->n_routes[h], 1);
        if (h == HEAD_LINK)
            head->names = memory_alloc(n_scored_all * CANDIDATE_ASPECTS * CANDIDATE_ROUTES,
                                       sizeof *head->names);
        if (heads_beat_routes(h) > 0)
            head->names = memory_alloc(n_scored_all * BEAT_ASPECTS * heads_beat_routes(h),
                                       sizeof *head->names);
        if (!head_infos[h].has_mixture)
            continue;
        head->lo = memory_alloc(n_scored_all, sizeof *head->lo);
        head->hi = memory_alloc(n_scored_all, sizeof *head->hi);
        head->range_lo = memory_alloc(n_scored_all, sizeof *head->range_lo);
        head->range_hi = memory_alloc(n_scored_all, sizeof *head->range_hi);
        head->origin = memory_alloc(MIXTURE_RELATIVE * n_scored_all, sizeof *head->origin);
    }
    return batch;
}

static void free_restarts(struct batch *batch)
{
    for (size_t p = 0; p < batch->n_pieces_max; p++) {
        linked_sequence_free(batch->restarts[p].linked);
        window_series_free(batch->restarts[p].windows);
        batch->restarts[p] = (struct prepared_sequence){ 0 };
    }
}

void batch_free(struct batch *batch)
{
    if (batch == NULL)
        return;
    free_restarts(batch);
    free(batch->restarts);
    free(batch->pieces);
    free(batch->features);
    free(batch->contexts_of);
    free(batch->hosts_of);
    free(batch->contexts);
    free(batch->scored);
    free(batch->scored_at);
    free(batch->past_at);
    free(batch->past_features);
    for (size_t s = 0; s < N_STAGES; s++)
        free(batch->stages[s]);
    for (size_t h = 0; h < N_HEADS; h++) {
        struct head_batch *head = &batch->head[h];
        free(head->rows);
        free(head->start);
        free(head->route);
        free(head->log_share);
        free(head->available);
        free(head->lo);
        free(head->hi);
        free(head->range_lo);
        free(head->range_hi);
        free(head->origin);
        free(head->names);
    }
    free(batch);
}

void batch_clear(struct batch *batch)
{
    batch->n_pieces = 0;
    free_restarts(batch);
}

/* Begins the host of a piece anew. */
static void restart(struct piece *piece, struct prepared_sequence *restarted)
{
    restarted->linked = linked_sequence_restart(piece->sequence->linked, piece->first, piece->n,
                                                piece->past, piece->n_past);
    restarted->windows = window_series_create(linked_sequence_source(restarted->linked));
    piece->sequence = restarted;
    piece->first = piece->n_past;
}

void batch_add(struct batch *batch, const struct piece *piece)
{
    if (batch->n_pieces == batch->n_pieces_max || piece->n > batch->n_scored_max || piece->n == 0)
        BUG("piece %zu of %zu rows", batch->n_pieces, piece->n);
    struct piece *added = &batch->pieces[batch->n_pieces];
    *added = *piece;
    if (piece->is_cold)
        restart(added, &batch->restarts[batch->n_pieces]);
    batch->n_pieces++;
}

/* How many rows before the piece lend their past. */
static size_t history_of(const struct batch *batch, const struct piece *piece)
{
    return piece->first < batch->n_history ? piece->first : batch->n_history;
}

/* Encodes one context a slot: rows of a piece stand in time order. */
static void add_contexts(struct batch *batch, size_t p)
{
    const struct piece *piece = &batch->pieces[p];
    size_t n_history = history_of(batch, piece), first = piece->first - n_history;
    int64_t last_slot = -1;
    for (size_t i = 0; i < batch->n_rows_max; i++) {
        size_t place = p * batch->n_rows_max + i;
        bool is_row = i < n_history + piece->n;
        batch->hosts_of[place] = is_row ? piece->host : FEATURE_NONE;
        batch->contexts_of[place] = FEATURE_NONE;
        if (!is_row)
            continue;
        int64_t slot = window_slot(linked_sequence_clock(piece->sequence->linked, first + i));
        if (slot != last_slot) {
            real *context = batch->contexts + batch->n_contexts++ * CONTEXT_FEATURES;
            window_series_features(piece->sequence->windows, slot, context);
            window_features_drop(context, batch->drop_windows, batch->drop_clock);
            profile_features(piece->profile != NULL ? &piece->profile->profile : NULL,
                             context + SLOT_FEATURES);
            last_slot = slot;
        }
        batch->contexts_of[place] = (int32_t)batch->n_contexts - 1;
    }
}

static void add_features(struct batch *batch, size_t place, const struct row_context *context)
{
    int32_t *features = batch->features + place * batch->space->n_features;
    for (enum stage stage = 0; stage < N_STAGES; stage++)
        features += features_of_stage(batch->space, stage, context, features);
}

/* Leaves features out, so that no single one is all that a head goes by. */
static void drop_features(const struct batch *batch, size_t place)
{
    int32_t *features = batch->features + place * batch->space->n_features;
    uint64_t n_places = batch->n_pieces_max * batch->n_rows_max;
    struct rng rng = rng_stream(batch->noise_seed, RNG_DROPOUT, 1,
                                batch->noise_index * n_places + place);
    uint32_t limit = (uint32_t)(batch->feature_dropout * UINT32_MAX);
    uint32_t draws[FEATURES_MAX];
    rng_fill(&rng, draws, batch->space->n_features);
    for (size_t f = 0; f < batch->space->n_features; f++)
        if (draws[f] < limit)
            features[f] = FEATURE_NONE;
}

static void add_hits(struct batch *batch, enum head h, size_t i, const struct row_context *context)
{
    const struct heads *heads = batch->heads;
    struct head_batch *head = &batch->head[h];
    size_t n_routes = heads->n_routes[h];
    struct route_hit hits[HEAD_HITS_MAX];
    uint8_t *available = head->available + i * n_routes;
    head_available(heads, h, context, available);
    size_t n_hits = head_hits(heads, h, context, hits);
    if (head_infos[h].has_mixture) {
        struct log_cell cell = head_cell(heads, h, context);
        head->lo[i] = cell.lo;
        head->hi[i] = cell.hi;
        head->range_lo[i] = cell.range_lo;
        head->range_hi[i] = cell.range_hi;
        memcpy(head->origin + i * MIXTURE_RELATIVE, cell.origin, sizeof cell.origin);
        if (cell.is_hit)
            hits[n_hits++] = (struct route_hit){ (int32_t)n_routes - 1, 0.0 };
    }
    /* Rows are worked out in any order: each has its own room for hits, joined later. */
    head->start[i] = (int32_t)n_hits;
    for (size_t j = 0; j < n_hits; j++) {
        head->route[i * HEAD_HITS_MAX + j] = hits[j].route;
        head->log_share[i * HEAD_HITS_MAX + j] = hits[j].log_share;
    }
}

/* The number in its sequence of a row of a piece, by its place among the rows of all pieces. */
static size_t row_at(const struct batch *batch, size_t place)
{
    const struct piece *piece = &batch->pieces[place / batch->n_rows_max];
    return piece->first - history_of(batch, piece) + place % batch->n_rows_max;
}

/* Its context, but for the pace. */
static void context_of(const struct batch *batch, size_t place, struct row_context *context)
{
    const struct piece *piece = &batch->pieces[place / batch->n_rows_max];
    linked_sequence_context(piece->sequence->linked, row_at(batch, place), context);
    if (piece->shows_pace) {
        context->like = NULL; /* what is recalled strays in drawing */
        context->is_unordered = true;
        context->is_usual_known = true;
    }
    if (piece->profile != NULL) {
        context->services = &piece->profile->services;
        context->usual = &piece->profile->usual;
        context->is_usual_own = true; /* learned from the same rows */
    }
}

/* By how much the flows of an hour of a piece are missed. */
struct blur {
    size_t piece; /* 1 + its number, or 0 */
    int64_t hour;
    struct pace_counts error;
};

static void blur_hour(const struct batch *batch, size_t p, int64_t hour, struct blur *blur,
                      struct pace_counts *left)
{
    if (blur->piece != p + 1 || blur->hour != hour) {
        struct pace_counts of_hour;
        struct rng rng = rng_stream(batch->noise_seed, RNG_BLUR_PACE,
                                    batch->noise_index * batch->n_pieces_max + p, (uint64_t)hour);
        linked_sequence_hour(batch->pieces[p].sequence->linked, hour, &of_hour);
        pace_draw_error(&of_hour, &rng, &blur->error);
        blur->piece = p + 1;
        blur->hour = hour;
    }
    pace_blur(left, &blur->error);
}

/* Its pace, as if the hour's flows had been drawn, or NULL where it is not shown. */
static const struct pace *find_pace(const struct batch *batch, size_t place, struct blur *blur,
                                    struct pace *pace)
{
    size_t p = place / batch->n_rows_max, row = row_at(batch, place);
    const struct piece *piece = &batch->pieces[p];
    const struct linked_sequence *linked = piece->sequence->linked;
    if (!piece->shows_pace)
        return NULL;
    linked_sequence_pace(linked, row, pace);
    blur_hour(batch, p, linked_sequence_clock(linked, row) / SECONDS_PER_HOUR, blur, &pace->left);
    if (pace->is_next_hour)
        blur_hour(batch, p, linked_sequence_clock(linked, row + 1) / SECONDS_PER_HOUR, blur,
                  &pace->due);
    else
        pace->due = pace->left;
    return pace;
}

static void hide_levels(struct candidate_list *conversations, struct candidate_list *remotes)
{
    for (size_t rank = 0; rank < conversations->n; rank++)
        conversations->items[rank].level = 0;
    for (size_t rank = 0; rank < remotes->n; rank++)
        remotes->items[rank].level = 0;
}

static void add_candidate_names(struct batch *batch, size_t i, const struct row_context *context,
                                struct blur *blur)
{
    struct head_batch *head = &batch->head[HEAD_LINK];
    size_t place = (size_t)batch->scored[head->rows[i]], row = row_at(batch, place);
    const struct linked_sequence *linked =
        batch->pieces[place / batch->n_rows_max].sequence->linked;
    struct candidate_list conversations, remotes;
    struct followers followers;
    struct pace pace;
    const struct pace_counts *due = find_pace(batch, place, blur, &pace) != NULL ? &pace.due : NULL;
    followers_find(&followers, context->past, context->like, row);
    linked_sequence_candidates(linked, row, &conversations, &remotes);
    if (context->like == NULL)
        hide_levels(&conversations, &remotes);
    candidate_names(batch->heads->vocabulary, &conversations, &remotes, &followers, due,
                    linked_sequence_clock(linked, row + 1), row,
                    head->names + i * CANDIDATE_ASPECTS * CANDIDATE_ROUTES);
}

static void add_beat_names(struct batch *batch, enum head h, size_t i,
                           const struct row_context *context)
{
    size_t n_routes = heads_beat_routes(h);
    beat_names(row_context_beats(context), n_routes, heads_first_named(batch->heads, h),
               batch->head[h].names + i * BEAT_ASPECTS * n_routes);
}

static void add_head_row(struct batch *batch, enum head h, size_t i, struct blur *blur)
{
    struct row_context context;
    context_of(batch, (size_t)batch->scored[batch->head[h].rows[i]], &context);
    add_hits(batch, h, i, &context);
    if (h == HEAD_LINK)
        add_candidate_names(batch, i, &context, blur);
    if (heads_beat_routes(h) > 0)
        add_beat_names(batch, h, i, &context);
}

/* Moves the hits of all rows together; start becomes the offsets. */
static void join_hits(struct head_batch *head)
{
    size_t n = 0;
    for (size_t i = 0; i < head->n; i++) {
        size_t n_hits = (size_t)head->start[i];
        memmove(head->route + n, head->route + i * HEAD_HITS_MAX, n_hits * sizeof *head->route);
        memmove(head->log_share + n, head->log_share + i * HEAD_HITS_MAX,
                n_hits * sizeof *head->log_share);
        head->start[i] = (int32_t)n;
        n += n_hits;
    }
    head->start[head->n] = (int32_t)n;
    head->n_hits = n;
}

/* Which scored rows each head applies to. */
static void list_rows(struct batch *batch)
{
    batch->n_scored = 0;
    for (size_t h = 0; h < N_HEADS; h++)
        batch->head[h].n = 0;
    for (size_t p = 0; p < batch->n_pieces; p++) {
        size_t n_history = history_of(batch, &batch->pieces[p]);
        for (size_t i = 0; i < batch->pieces[p].n; i++) {
            struct row_context context;
            size_t place = p * batch->n_rows_max + n_history + i;
            context_of(batch, place, &context);
            for (enum head h = 0; h < N_HEADS; h++)
                if (head_applies(batch->heads, h, &context))
                    batch->head[h].rows[batch->head[h].n++] = (int32_t)batch->n_scored;
            batch->scored[batch->n_scored++] = (int32_t)place;
        }
    }
}

/* Tells rows that are scored from those that only lend their past, which have their features copied
 * together. */
static void list_past(struct batch *batch)
{
    size_t n_features = batch->space->n_features, n_all = batch->n_pieces * batch->n_rows_max;
    memset(batch->scored_at, 0xff, n_all * sizeof *batch->scored_at);
    memset(batch->past_at, 0xff, n_all * sizeof *batch->past_at);
    for (size_t i = 0; i < batch->n_scored; i++)
        batch->scored_at[batch->scored[i]] = (int32_t)i;
    batch->n_past = 0;
    for (size_t p = 0; p < batch->n_pieces; p++) {
        size_t first = p * batch->n_rows_max, n = history_of(batch, &batch->pieces[p]);
        for (size_t i = 0; i < n; i++)
            batch->past_at[first + i] = (int32_t)(batch->n_past + i);
        memcpy(batch->past_features + batch->n_past * n_features,
               batch->features + first * n_features, n * n_features * sizeof *batch->features);
        batch->n_past += n;
    }
}

static void add_row(struct batch *batch, size_t place, struct blur *blur)
{
    const struct piece *piece = &batch->pieces[place / batch->n_rows_max];
    size_t n_features = batch->space->n_features;
    int32_t *features = batch->features + place * n_features;
    if (place % batch->n_rows_max >= history_of(batch, piece) + piece->n) {
        for (size_t f = 0; f < n_features; f++)
            features[f] = FEATURE_NONE;
        return;
    }
    struct row_context context;
    struct pace pace;
    context_of(batch, place, &context);
    context.pace = find_pace(batch, place, blur, &pace);
    add_features(batch, place, &context);
    if (batch->feature_dropout > 0.0)
        drop_features(batch, place);
}

void batch_finish(struct batch *batch)
{
    size_t n_features = batch->space->n_features;
    batch->n_contexts = 0;
    for (size_t p = 0; p < batch->n_pieces; p++)
        add_contexts(batch, p);
    list_rows(batch);

    size_t n_all = batch->n_pieces * batch->n_rows_max;
#pragma omp parallel
    {
        struct blur blur = { 0 };
#pragma omp for schedule(dynamic, 64)
        for (size_t place = 0; place < n_all; place++)
            add_row(batch, place, &blur);
    }
    list_past(batch);
    for (size_t i = 0; i < batch->n_scored; i++) {
        const int32_t *features = batch->features + (size_t)batch->scored[i] * n_features;
        for (size_t s = 0; s < N_STAGES; s++) {
            size_t n = batch->space->n_of_stage[s];
            memcpy(batch->stages[s] + i * n, features, n * sizeof *features);
            features += n;
        }
    }
    for (enum head h = 0; h < N_HEADS; h++) {
        struct head_batch *head = &batch->head[h];
#pragma omp parallel
        {
            struct blur blur = { 0 };
#pragma omp for schedule(dynamic, 16)
            for (size_t i = 0; i < head->n; i++)
                add_head_row(batch, h, i, &blur);
        }
        join_hits(head);
    }
}
