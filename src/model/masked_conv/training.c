/* training.c - fits masked-conv by the exact negative log-likelihood. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/progress.h"
#include "model/masked_conv/masked_conv.h"
#include "nn/ops.h"
#include "nn/optimiser.h"

#include <math.h>
#include <stdlib.h>

/* What a step trains on: the rows of a sequence from `first`. */
struct training_piece {
    uint32_t sequence;
    uint32_t first;
};

/* A step's pieces are shared out to lanes, each a thread's work from batch to gradients. Their
 * number is fixed, and so is what a step computes, whatever the number of threads. */
#define LANES 2

struct lane {
    struct network *network; /* a replica */
    struct batch *batch;
    struct tape *tape;
    double nll; /* sum over the rows of the step */
    enum status status;
    struct error err;
};

struct training {
    struct masked_conv *model;
    const struct masked_conv_settings *settings;
    const struct sequence_set *train;
    uint64_t seed;
    struct prepared_sequence *prepared; /* [train->n] */
    struct training_piece *pieces;
    size_t *order; /* of the pieces, in this epoch */
    size_t n_pieces;
    uint64_t epoch; /* that the order is of */
    struct lane lanes[LANES];
    struct optimiser *optimiser;
    size_t n_steps; /* done */
};

static void prepare_sequences(struct training *training)
{
    size_t n = training->train->n;
    training->prepared = memory_zalloc(n, sizeof *training->prepared);
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t s = 0; s < n; s++)
        training->prepared[s] = masked_conv_prepare(training->model, &training->train->items[s]);
}

static void cut_pieces(struct training *training)
{
    size_t piece_rows = (size_t)training->settings->piece_rows;
    for (size_t s = 0; s < training->train->n; s++) {
        const struct sequence *sequence = &training->train->items[s];
        training->n_pieces += (sequence->n_rows - sequence->first_scored + piece_rows - 1) /
                              piece_rows;
    }
    training->pieces = memory_alloc(training->n_pieces, sizeof *training->pieces);
    training->order = memory_alloc(training->n_pieces, sizeof *training->order);
    size_t n = 0;
    for (size_t s = 0; s < training->train->n; s++) {
        const struct sequence *sequence = &training->train->items[s];
        for (size_t first = sequence->first_scored; first < sequence->n_rows; first += piece_rows)
            training->pieces[n++] = (struct training_piece){ (uint32_t)s, (uint32_t)first };
    }
}

/* The order of the pieces in an epoch: a function of the seed and the epoch alone. */
static void shuffle_pieces(struct training *training, uint64_t epoch)
{
    struct rng rng = rng_stream(training->seed, RNG_SHUFFLE, 0, epoch);
    for (size_t p = 0; p < training->n_pieces; p++)
        training->order[p] = p;
    rng_shuffle(&rng, training->order, training->n_pieces);
    training->epoch = epoch;
}

/* The place-th piece since the beginning. */
static void add_piece(struct training *training, struct batch *batch, uint64_t place)
{
    const struct masked_conv_settings *settings = training->settings;
    if (place / training->n_pieces != training->epoch)
        shuffle_pieces(training, place / training->n_pieces);
    const struct training_piece *piece =
        &training->pieces[training->order[place % training->n_pieces]];
    const struct prepared_sequence *prepared = &training->prepared[piece->sequence];
    size_t left = training->train->items[piece->sequence].n_rows - piece->first;
    size_t piece_rows = (size_t)settings->piece_rows;
    struct rng rng = rng_stream(training->seed, RNG_DROPOUT, 0, place);
    bool is_unknown = rng_uniform(&rng) < settings->host_dropout;
    batch_add(batch, &(struct piece){ prepared, piece->first, left < piece_rows ? left : piece_rows,
                                      is_unknown ? 0 : prepared->host });
}

/* Forward and backward over one lane's pieces; the loss is a part of the step's mean over
 * n_scored rows. */
static void run_lane(struct training *training, struct lane *lane, size_t n_scored)
{
    struct tape *tape = lane->tape;
    struct tensor *nlls[N_HEADS], *loss = NULL;
    batch_finish(lane->batch);
    tape_reset(tape, TAPE_TRAIN);
    network_nll(lane->network, tape, lane->batch, training->train->attributes, nlls);
    for (enum head h = 0; h < N_HEADS; h++) {
        if (nlls[h] == NULL)
            continue;
        struct tensor *part = total(tape, nlls[h], 1.0 / (double)n_scored);
        loss = loss == NULL ? part : add(tape, loss, part);
    }
    lane->status = tape_status(tape, &lane->err);
    if (lane->status != STATUS_OK)
        return;
    lane->nll = (double)loss->data[0];
    if (isfinite(lane->nll)) {
        tape_backward(tape, loss);
        return;
    }
    lane->status = tape_check_finite(tape, &lane->err);
    if (lane->status == STATUS_OK)
        lane->status = error_set(&lane->err, STATUS_NUMERIC, "the loss is %g", lane->nll);
}

/* One step; *nll is the mean over its rows, in nats. */
static enum status train_step(struct training *training, double *nll, size_t *n_rows,
                              struct error *err)
{
    size_t n_pieces = (size_t)training->settings->pieces;
    *n_rows = 0;
    for (size_t l = 0; l < LANES; l++)
        batch_clear(training->lanes[l].batch);
    for (size_t i = 0; i < n_pieces; i++) {
        struct batch *batch = training->lanes[i * LANES / n_pieces].batch;
        add_piece(training, batch, (uint64_t)training->n_steps * n_pieces + i);
        *n_rows += batch->pieces[batch->n_pieces - 1].n;
    }
    size_t n_scored = *n_rows;
#pragma omp parallel for schedule(static, 1)
    for (size_t l = 0; l < LANES; l++)
        run_lane(training, &training->lanes[l], n_scored);
    *nll = 0.0;
    struct params *replicas[LANES];
    for (size_t l = 0; l < LANES; l++) {
        const struct lane *lane = &training->lanes[l];
        if (lane->status != STATUS_OK)
            return error_set(err, lane->status, "%s", lane->err.message);
        *nll += lane->nll;
        replicas[l] = lane->network->params;
    }
    params_add_grads(training->model->network->params, replicas, LANES);
    return optimiser_step(training->optimiser, NULL, err);
}

static enum status run_steps(struct training *training, struct error *err)
{
    const struct masked_conv_settings *settings = training->settings;
    size_t steps_of_epoch = (training->n_pieces + (size_t)settings->pieces - 1) /
                            (size_t)settings->pieces;
    size_t n_steps = (size_t)ceil(settings->epochs * (double)steps_of_epoch);
    double started = progress_clock(), budget = 60.0 * settings->minutes, mean = NAN;
    size_t n_rows = 0;
    struct progress progress = progress_start("train", budget > 0.0 ? budget : (double)n_steps,
                                              budget > 0.0 ? "s" : "steps");
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        double elapsed = progress_clock() - started;
        if (budget > 0.0) {
            if (elapsed >= budget)
                break;
            /* The schedule's end is where the budget will be used up at the pace so far. */
            n_steps = (size_t)((double)training->n_steps * budget / elapsed) + 1000 * (elapsed < 1);
            optimiser_set_end(training->optimiser, n_steps);
        } else if (training->n_steps == n_steps) {
            break;
        }
        double nll = 0.0;
        size_t n_rows_of_step = 0;
        status = train_step(training, &nll, &n_rows_of_step, err);
        if (status != STATUS_OK) {
            error_prefix(err, "step %zu: ", training->n_steps);
            break;
        }
        training->n_steps++;
        n_rows += n_rows_of_step;
        mean = isnan(mean) ? nll : mean + 0.02 * (nll - mean);
        if (getenv("FT_TRACE") && training->n_steps % 20 == 0)
            fprintf(stderr, "%6.1f s %6zu steps %8zu rows %.3f\n", elapsed, training->n_steps,
                    n_rows, mean);
        progress_update(&progress, budget > 0.0 ? elapsed : (double)training->n_steps,
                        "nll %.3f, %.1f k rows/s", mean, (double)n_rows / elapsed / 1e3);
    }
    progress_finish(&progress);
    return status;
}

enum status masked_conv_fit(const void *settings_of_model, const struct sequence_set *train,
                            uint64_t seed, struct model **result, struct error *err)
{
    const struct masked_conv_settings *settings = settings_of_model;
    struct vocabulary vocabulary;
    vocabulary_learn(&vocabulary, train);
    uint32_t *hosts = memory_alloc(train->n, sizeof *hosts);
    for (size_t s = 0; s < train->n; s++)
        hosts[s] = train->items[s].host;
    struct masked_conv *model = masked_conv_create(settings, &vocabulary, hosts, train->n, seed);

    struct training training = {
        .model = model, .settings = settings, .train = train, .seed = seed
    };
    prepare_sequences(&training);
    cut_pieces(&training);
    shuffle_pieces(&training, 0);
    for (size_t l = 0; l < LANES; l++) {
        training.lanes[l].network = network_replica(model->network);
        training.lanes[l].batch = masked_conv_batch(
            model, ((size_t)settings->pieces + LANES - 1) / LANES, (size_t)settings->piece_rows);
        training.lanes[l].tape = tape_create();
    }
    struct optimiser_options optimiser_options = {
        .rate = settings->rate,
        .beta1 = 0.9,
        .beta2 = settings->beta2,
        .epsilon = 1e-8,
        .decay = settings->decay,
        .clip_norm = settings->clip,
        .n_warm_up = (size_t)settings->warm_up,
        .final_share = settings->final_share,
        .n_steps = (size_t)ceil(settings->epochs * (double)training.n_pieces /
                                (double)settings->pieces),
    };
    training.optimiser = optimiser_create(model->network->params, &optimiser_options);
    enum status status = run_steps(&training, err);

    optimiser_free(training.optimiser);
    for (size_t l = 0; l < LANES; l++) {
        network_free(training.lanes[l].network);
        batch_free(training.lanes[l].batch);
        tape_free(training.lanes[l].tape);
    }
    for (size_t s = 0; s < train->n; s++)
        prepared_sequence_release(&training.prepared[s]);
    free(training.prepared);
    free(training.pieces);
    free(training.order);
    if (status != STATUS_OK)
        masked_conv_free(&model->base);
    else
        *result = &model->base;
    return status;
}
