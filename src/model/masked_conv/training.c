/* training.c - fits masked-conv by the exact negative log-likelihood, in nats per flow. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/progress.h"
#include "model/masked_conv/lanes.h"
#include "model/masked_conv/mix_seconds.h"
#include "nn/optimiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of the hosts, one in so many is kept to validate with, where there are that many; and of the rest
 * the last piece of the longest sequences. */
#define HOSTS_PER_VALIDATION_HOST 16
#define VALIDATION_PIECES_MAX     32
/* Validations in a training, evenly. */
#define VALIDATIONS 20

/* What a step trains on: the rows of a sequence from `first`. */
struct training_piece {
    uint32_t sequence;
    uint32_t first;
};

struct piece_list {
    struct training_piece *items;
    size_t n, capacity;
};

struct training {
    struct masked_conv *model;
    const struct masked_conv_settings *settings;
    const struct sequence_set *train;
    uint64_t seed;
    struct fit_control *control;
    struct prepared_sequence *prepared; /* [train->n] */
    /* Where files are sorted within seconds: the same in another order, for what drawing learns
     * from. Else NULL and the above. */
    struct sequence *mixed;
    struct prepared_sequence *mixed_prepared;
    struct piece_list pieces, validation_hosts, validation_time;
    size_t *order;  /* of the pieces, in this epoch */
    uint64_t epoch; /* that the order is of */
    struct lanes *lanes;
    struct optimiser *optimiser;
    real *weights; /* of the last step, where the network has the best ones, for checkpoints */
    double started, seconds_before;
    double saved; /* when the last checkpoint was kept */
};

/* ---- what is trained on ------------------------------------------------------------------- */

/* The same host with the rows of each second in another order. */
static struct sequence mixed_sequence(const struct sequence_set *train, size_t s, uint64_t seed)
{
    struct sequence sequence = train->items[s];
    struct rng rng = rng_stream(seed, RNG_SHUFFLE, 1, s);
    struct row *rows = memory_alloc(sequence.n_rows, sizeof *rows);
    memcpy(rows, sequence.rows, sequence.n_rows * sizeof *rows);
    mix_seconds(rows, sequence.n_rows, &rng);
    sequence.rows = rows;
    return sequence;
}

static struct sequence *mix_sequences(const struct sequence_set *train, uint64_t seed)
{
    struct sequence *mixed = memory_alloc(train->n, sizeof *mixed);
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t s = 0; s < train->n; s++)
        mixed[s] = mixed_sequence(train, s, seed);
    return mixed;
}

static void prepare_sequences(struct training *training)
{
    size_t n = training->train->n;
    training->prepared = memory_zalloc(n, sizeof *training->prepared);
    if (training->mixed != NULL)
        training->mixed_prepared = memory_zalloc(n, sizeof *training->mixed_prepared);
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t s = 0; s < n; s++) {
        training->prepared[s] = masked_conv_prepare(training->model, &training->train->items[s]);
        if (training->mixed == NULL)
            continue;
        training->mixed_prepared[s] = masked_conv_prepare(training->model, &training->mixed[s]);
    }
}

static void release_sequences(struct training *training)
{
    for (size_t s = 0; s < training->train->n; s++) {
        prepared_sequence_release(&training->prepared[s]);
        if (training->mixed == NULL)
            continue;
        prepared_sequence_release(&training->mixed_prepared[s]);
        free((void *)(uintptr_t)training->mixed[s].rows);
    }
    free(training->prepared);
    free(training->mixed);
    free(training->mixed_prepared);
}

static void add_to_list(struct piece_list *list, size_t sequence, size_t first)
{
    list->items = memory_grow(list->items, &list->capacity, list->n + 1, sizeof *list->items);
    list->items[list->n++] = (struct training_piece){ (uint32_t)sequence, (uint32_t)first };
}

/* Keeps at most VALIDATION_PIECES_MAX, evenly spread. */
static void thin_out(struct piece_list *list)
{
    size_t n = list->n < VALIDATION_PIECES_MAX ? list->n : VALIDATION_PIECES_MAX;
    for (size_t i = 0; i < n; i++)
        list->items[i] = list->items[i * list->n / n];
    list->n = n;
}

/* How many times as often as its share the pieces of a host of n_rows come: those with fewer rows
 * than the mean more often, so that a network that is trained by the row hears of them too. */
static double times_of(const struct training *training, size_t n_rows)
{
    double mean = (double)training->train->n_scored / (double)training->train->n;
    double rows = fmax((double)n_rows, (double)training->settings->piece_rows);
    return fmax(pow(mean / rows, training->settings->balance), 1.0);
}

/* Cuts the sequences into pieces to train on, and to validate on by host and by time. */
static void cut_pieces(struct training *training)
{
    size_t piece_rows = (size_t)training->settings->piece_rows, n = training->train->n;
    size_t *hosts = memory_alloc(n, sizeof *hosts);
    bool *is_held_out = memory_zalloc(n, sizeof *is_held_out);
    struct rng rng = rng_stream(training->seed, RNG_SPLIT, 0, 0);
    for (size_t s = 0; s < n; s++)
        hosts[s] = s;
    rng_shuffle(&rng, hosts, n, sizeof *hosts);
    for (size_t h = 0; h < n / HOSTS_PER_VALIDATION_HOST; h++)
        is_held_out[hosts[h]] = true;

    for (size_t s = 0; s < n; s++) {
        const struct sequence *sequence = &training->train->items[s];
        size_t n_rows = sequence->n_rows - sequence->first_scored;
        size_t n_pieces = (n_rows + piece_rows - 1) / piece_rows;
        double times = times_of(training, n_rows);
        for (size_t p = 0; p < n_pieces; p++) {
            struct piece_list *list = &training->pieces;
            if (is_held_out[s])
                list = &training->validation_hosts;
            else if (p == n_pieces - 1 && n_pieces >= 8)
                list = &training->validation_time;
            size_t n_times = list == &training->pieces
                                 ? (size_t)((double)(p + 1) * times) - (size_t)((double)p * times)
                                 : 1;
            while (n_times-- > 0)
                add_to_list(list, s, sequence->first_scored + p * piece_rows);
        }
    }
    thin_out(&training->validation_hosts);
    thin_out(&training->validation_time);
    training->order = memory_alloc(training->pieces.n, sizeof *training->order);
    free(hosts);
    free(is_held_out);
}

/* The order of the pieces in an epoch: a function of the seed and the epoch alone. */
static void shuffle_pieces(struct training *training, uint64_t epoch)
{
    struct rng rng = rng_stream(training->seed, RNG_SHUFFLE, 0, epoch);
    for (size_t p = 0; p < training->pieces.n; p++)
        training->order[p] = p;
    rng_shuffle(&rng, training->order, training->pieces.n, sizeof *training->order);
    training->epoch = epoch;
}

/* A piece as a batch takes it. */
static struct piece piece_of(const struct training *training, const struct training_piece *piece,
                             bool is_unknown)
{
    const struct prepared_sequence *prepared = &training->prepared[piece->sequence];
    size_t left = training->train->items[piece->sequence].n_rows - piece->first;
    size_t piece_rows = (size_t)training->settings->piece_rows;
    return (struct piece){ .sequence = prepared,
                           .first = piece->first,
                           .n = left < piece_rows ? left : piece_rows,
                           .host = is_unknown ? 0 : prepared->host };
}

/* Gives the piece any other one for its past. */
static void lend_past(const struct training *training, struct piece *piece, struct rng *rng)
{
    size_t at = (size_t)rng_below(rng, training->pieces.n);
    struct piece past = piece_of(training, &training->pieces.items[at], true);
    const struct sequence *of = training->mixed != NULL ? training->mixed : training->train->items;
    piece->past = of[training->pieces.items[at].sequence].rows + past.first;
    piece->n_past = 1 + (size_t)rng_below(rng, past.n);
}

/* The place-th piece since the beginning. */
static struct piece next_piece(struct training *training, uint64_t place)
{
    if (place / training->pieces.n != training->epoch)
        shuffle_pieces(training, place / training->pieces.n);
    size_t at = training->order[place % training->pieces.n];
    struct rng rng = rng_stream(training->seed, RNG_DROPOUT, 0, place);
    bool is_unknown = rng_uniform(&rng) < training->settings->host_dropout;
    bool shows_pace = training->settings->pace &&
                      rng_uniform(&rng) >= training->settings->pace_dropout;
    struct piece piece = piece_of(training, &training->pieces.items[at], is_unknown);
    piece.shows_pace = shows_pace;
    if (shows_pace && training->mixed != NULL)
        piece.sequence = &training->mixed_prepared[training->pieces.items[at].sequence];
    if (shows_pace && training->settings->profile)
        piece.profile = &training->model->habits.profiles[training->pieces.items[at].sequence];
    piece.is_cold = piece.shows_pace && rng_uniform(&rng) < training->settings->cold_share;
    if (piece.is_cold && rng_uniform(&rng) < training->settings->strange_share)
        lend_past(training, &piece, &rng);
    return piece;
}

/* ---- steps -------------------------------------------------------------------------------- */

/* Says in which step it was that something failed. */
static enum status name_step(const struct training *training, enum status status, struct error *err)
{
    if (status != STATUS_OK)
        error_prefix(err, "step %zu, ", training->model->training.n_steps);
    return status;
}

static enum status train_step(struct training *training, double *nll, size_t *n_rows,
                              struct error *err)
{
    size_t n_pieces = (size_t)training->settings->pieces;
    uint64_t step = training->model->training.n_steps;
    lanes_clear(training->lanes);
    for (size_t i = 0; i < n_pieces; i++) {
        struct piece piece = next_piece(training, step * n_pieces + i);
        lanes_add(training->lanes, &piece);
    }
    FORWARD(name_step(training, lanes_train(training->lanes, step, nll, n_rows, err), err));
    return optimiser_step(training->optimiser, NULL, err);
}

/* ---- validation --------------------------------------------------------------------------- */

/* Nats per flow over the pieces, nan where there are none. Hosts that were held out are unknown. */
static enum status score_pieces(struct training *training, const struct piece_list *list,
                                bool is_unknown, double *nll, struct error *err)
{
    double sum = 0.0;
    size_t n_rows = 0;
    for (size_t next = 0; next < list->n;) {
        lanes_clear(training->lanes);
        for (; next < list->n; next++) {
            struct piece piece = piece_of(training, &list->items[next], is_unknown);
            if (!lanes_add(training->lanes, &piece))
                break;
        }
        double mean;
        size_t n;
        FORWARD(name_step(training, lanes_score(training->lanes, &mean, &n, err), err));
        sum += mean * (double)n;
        n_rows += n;
    }
    *nll = n_rows > 0 ? sum / (double)n_rows : (double)NAN;
    return STATUS_OK;
}

static double mean_of_known(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) ? b : a;
    return 0.5 * (a + b);
}

static double seconds_so_far(const struct training *training)
{
    return training->seconds_before + progress_clock() - training->started;
}

/* Times are kept only where the training goes by them: else the same seed and data give the same
 * file. */
static double seconds_to_keep(const struct training *training)
{
    return training->settings->minutes > 0.0 ? seconds_so_far(training) : 0.0;
}

/* Scores the validation rows, notes it in the history and keeps the weights where they are the
 * best so far. Without rows to validate on, the last weights are the best. */
static enum status validate(struct training *training, double rate, struct error *err)
{
    struct training_state *state = &training->model->training;
    double nll_hosts, nll_time;
    FORWARD(score_pieces(training, &training->validation_hosts, true, &nll_hosts, err));
    FORWARD(score_pieces(training, &training->validation_time, false, &nll_time, err));
    state->history = memory_resize(state->history, state->n_notes + 1, sizeof *state->history);
    state->history[state->n_notes++] = (struct training_note){
        .step = (double)state->n_steps,
        .rows = (double)state->n_rows,
        .seconds = seconds_to_keep(training),
        .nll = state->nll,
        .nll_hosts = nll_hosts,
        .nll_time = nll_time,
        .rate = rate,
    };
    double nll = mean_of_known(nll_hosts, nll_time);
    bool is_better = isnan(nll) || isnan(state->best_nll) || nll < state->best_nll;
    state->n_worse = is_better ? 0 : state->n_worse + 1;
    if (is_better) {
        const struct params *params = training->model->network->params;
        memcpy(training->weights, params->values, params->size * sizeof *params->values);
        state->best_nll = nll;
    }
    return STATUS_OK;
}

/* ---- checkpoints -------------------------------------------------------------------------- */

static void swap_blocks(real *a, real *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        real value = a[i];
        a[i] = b[i];
        b[i] = value;
    }
}

/* Keeps the model as it stands: its weights are the best so far, and those of the last step and the
 * moments are kept beside them. */
static enum status keep_checkpoint(struct training *training, struct error *err)
{
    struct training_state *state = &training->model->training;
    struct params *params = training->model->network->params;
    struct optimiser_state *moments = optimiser_state(training->optimiser);
    bool has_best = state->n_notes > 0;
    state->seconds = seconds_so_far(training);
    if (has_best)
        swap_blocks(params->values, training->weights, params->size);
    state->weights = has_best ? training->weights : params->values;
    state->first_moments = moments->first;
    state->second_moments = moments->second;
    enum status status = fit_checkpoint(training->control, &training->model->base, err);
    state->weights = state->first_moments = state->second_moments = NULL;
    if (has_best)
        swap_blocks(params->values, training->weights, params->size);
    training->saved = progress_clock();
    return status;
}

/* Goes on from what a checkpoint has kept. */
static void restore(struct training *training)
{
    struct training_state *state = &training->model->training;
    struct params *params = training->model->network->params;
    struct optimiser_state *moments = optimiser_state(training->optimiser);
    size_t bytes = params->size * sizeof(real);
    memcpy(training->weights, params->values, bytes);
    memcpy(params->values, state->weights, bytes);
    memcpy(moments->first, state->first_moments, bytes);
    memcpy(moments->second, state->second_moments, bytes);
    moments->n_steps_done = state->n_steps;
    free(state->weights);
    free(state->first_moments);
    free(state->second_moments);
    state->weights = state->first_moments = state->second_moments = NULL;
    training->seconds_before = state->seconds;
}

/* ---- the whole training ------------------------------------------------------------------- */

/* How the schedule stands: the step at which it ends, and the share that is done. */
struct schedule {
    struct optimiser_options options;
    size_t n_steps, n_of_epochs; /* of the latter 0 where there is no limit */
    double share;
};

/* Epochs give the end, or a time budget, whose end moves to where it will be used up at the pace so
 * far: whichever comes first. */
static void update_schedule(struct training *training, struct schedule *schedule)
{
    double budget = 60.0 * training->settings->minutes;
    size_t n_done = training->model->training.n_steps, n_of_epochs = schedule->n_of_epochs;
    schedule->share = n_of_epochs > 0 ? (double)n_done / (double)n_of_epochs : 0.0;
    if (budget <= 0.0)
        return;
    double used = seconds_so_far(training) / budget;
    schedule->share = fmax(schedule->share, used);
    schedule->n_steps = n_done < 10 ? 100000 : (size_t)((double)n_done / used);
    if (n_of_epochs > 0 && n_of_epochs < schedule->n_steps)
        schedule->n_steps = n_of_epochs;
    optimiser_set_end(training->optimiser, schedule->n_steps);
    schedule->options.n_steps = schedule->n_steps;
}

static enum status stop_early(struct training *training, struct error *err)
{
    FORWARD(keep_checkpoint(training, err));
    const struct training_state *state = &training->model->training;
    if (training->control->checkpoint == NULL)
        return error_set(err, STATUS_INTERRUPTED, "stopped after %zu steps", state->n_steps);
    return error_set(err, STATUS_INTERRUPTED,
                     "stopped after %zu steps and kept in %s; --resume goes on from there",
                     state->n_steps, training->control->checkpoint);
}

static enum status run_steps(struct training *training, struct schedule *schedule,
                             struct progress *progress, struct error *err)
{
    const struct masked_conv_settings *settings = training->settings;
    struct training_state *state = &training->model->training;
    for (;;) {
        update_schedule(training, schedule);
        bool is_over = schedule->share >= 1.0;
        if (is_over || schedule->share >= state->next_validation) {
            FORWARD(validate(training, optimiser_rate(&schedule->options, state->n_steps), err));
            while (state->next_validation <= schedule->share)
                state->next_validation += 1.0 / VALIDATIONS;
            if (is_over || (settings->patience > 0 && state->n_worse >= settings->patience))
                return STATUS_OK;
        }
        if (interrupt_requested())
            return stop_early(training, err);
        if (progress_clock() - training->saved >= 60.0 * settings->checkpoint_minutes)
            FORWARD(keep_checkpoint(training, err));

        double nll = 0.0;
        size_t n_rows = 0;
        FORWARD(train_step(training, &nll, &n_rows, err));
        state->n_steps++;
        state->n_rows += n_rows;
        state->nll = isnan(state->nll) ? nll : state->nll + 0.02 * (nll - state->nll);
        const struct training_note *last = state->n_notes > 0 ? &state->history[state->n_notes - 1]
                                                              : NULL;
        progress->total = (double)schedule->n_steps;
        progress_update(progress, (double)state->n_steps,
                        "nll %.2f, unseen hosts %.2f, %.1f k rows/s", state->nll,
                        last != NULL ? last->nll_hosts : (double)NAN,
                        1e-3 * (double)state->n_rows / seconds_so_far(training));
    }
}

static void training_release(struct training *training)
{
    lanes_free(training->lanes);
    optimiser_free(training->optimiser);
    release_sequences(training);
    free(training->pieces.items);
    free(training->validation_hosts.items);
    free(training->validation_time.items);
    free(training->order);
    free(training->weights);
}

static struct masked_conv *first_model(const struct masked_conv_settings *settings,
                                       const struct sequence_set *train, struct sequence *mixed,
                                       const struct training_record *record, uint64_t seed)
{
    struct vocabulary vocabulary;
    struct habits habits;
    vocabulary_learn(&vocabulary, train);
    if (!settings->clock)
        vocabulary.lists[LIST_HALF_HOUR].n = 0;
    struct sequence_set as_drawn = *train;
    if (mixed != NULL)
        as_drawn.items = mixed;
    habits_learn(&habits, &as_drawn, &vocabulary, settings->memory, record->from, record->until);
    uint32_t *hosts = memory_alloc(train->n, sizeof *hosts);
    for (size_t s = 0; s < train->n; s++)
        hosts[s] = train->items[s].host;
    struct masked_conv *model = masked_conv_create(settings, &vocabulary, hosts, train->n, &habits,
                                                   seed);
    model->training.nll = model->training.best_nll = (double)NAN;
    model->training.next_validation = 1.0 / VALIDATIONS;
    return model;
}

enum status masked_conv_fit(const void *settings_of_model, const struct sequence_set *train,
                            uint64_t seed, struct fit_control *control, struct model **result,
                            struct error *err)
{
    const struct masked_conv_settings *settings = settings_of_model;
    RETURN_IF(settings->epochs <= 0.0 && settings->minutes <= 0.0, err, STATUS_USAGE,
              "say how long to train: epochs or minutes above 0");
    bool is_resumed = control->resumed != NULL,
         is_mixed = settings->pace && control->is_in_text_order;
    struct sequence *mixed = is_mixed ? mix_sequences(train, seed) : NULL;
    struct masked_conv *model = is_resumed
                                    ? (struct masked_conv *)control->resumed
                                    : first_model(settings, train, mixed, control->record, seed);
    struct training training = {
        .model = model,
        .settings = settings,
        .train = train,
        .seed = seed,
        .control = control,
        .mixed = mixed,
        .started = progress_clock(),
        .saved = progress_clock(),
        .weights = memory_alloc(model->network->params->size, sizeof(real)),
    };
    prepare_sequences(&training);
    cut_pieces(&training);
    shuffle_pieces(&training, 0);
    training.lanes = lanes_create(model, train->attributes, seed);
    double steps_of_epoch = (double)training.pieces.n / (double)settings->pieces;
    size_t n_of_epochs = (size_t)ceil(settings->epochs * steps_of_epoch);
    struct schedule schedule = {
        .n_steps = n_of_epochs,
        .n_of_epochs = n_of_epochs,
        .options = { .rate = settings->rate,
                     .beta1 = 0.9,
                     .beta2 = settings->beta2,
                     .epsilon = 1e-8,
                     .decay = settings->decay,
                     .clip_norm = settings->clip,
                     .n_warm_up = (size_t)settings->warm_up,
                     .final_share = settings->final_share },
    };
    schedule.options.n_steps = schedule.n_steps;
    training.optimiser = optimiser_create(model->network->params, &schedule.options);
    if (is_resumed)
        restore(&training);

    struct progress progress = progress_start("train", (double)schedule.n_steps, "steps");
    enum status status = run_steps(&training, &schedule, &progress, err);
    progress_finish(&progress);
    if (status == STATUS_OK) {
        struct params *params = model->network->params;
        memcpy(params->values, training.weights, params->size * sizeof *params->values);
        model->training.seconds = seconds_to_keep(&training);
        model->training.is_finished = true;
    }
    training_release(&training);
    if (status != STATUS_OK)
        model_free(&model->base);
    else
        *result = &model->base;
    return status;
}
