#include "model/masked_conv/lanes.h"

#include "base/memory.h"
#include "base/progress.h"

#include <math.h>
#include <stdlib.h>

#define LANES 2

struct lane {
    struct network *network; /* the model's own in the first lane, then replicas */
    struct batch *batch;
    struct tape *tape, *head_tape;
    double nll; /* this lane's part of the step's mean */
    enum status status;
    struct error err;
    bool is_measured;
    double batch_seconds, seconds, part_seconds[N_NETWORK_PARTS];
};

struct lanes {
    struct masked_conv *model;
    uint32_t attributes;
    uint64_t seed;
    struct piece *pieces;
    size_t n_pieces, n_pieces_max;
    struct lane items[LANES];
};

struct lanes *lanes_create(struct masked_conv *model, uint32_t attributes, uint64_t seed)
{
    struct lanes *lanes = memory_zalloc(1, sizeof *lanes);
    size_t pieces_of_lane = ((size_t)model->settings.pieces + LANES - 1) / LANES;
    lanes->model = model;
    lanes->attributes = attributes;
    lanes->seed = seed;
    lanes->n_pieces_max = pieces_of_lane * LANES;
    lanes->pieces = memory_alloc(lanes->n_pieces_max, sizeof *lanes->pieces);
    for (size_t l = 0; l < LANES; l++) {
        struct lane *lane = &lanes->items[l];
        lane->network = l == 0 ? model->network : network_replica(model->network);
        lane->batch = masked_conv_batch(model, pieces_of_lane, (size_t)model->settings.piece_rows);
        lane->tape = tape_create();
        lane->head_tape = tape_create();
    }
    return lanes;
}

void lanes_free(struct lanes *lanes)
{
    if (lanes == NULL)
        return;
    for (size_t l = 0; l < LANES; l++) {
        if (l > 0)
            network_free(lanes->items[l].network);
        batch_free(lanes->items[l].batch);
        tape_free(lanes->items[l].tape);
        tape_free(lanes->items[l].head_tape);
    }
    free(lanes->pieces);
    free(lanes);
}

void lanes_clear(struct lanes *lanes)
{
    lanes->n_pieces = 0;
}

bool lanes_add(struct lanes *lanes, const struct piece *piece)
{
    if (lanes->n_pieces == lanes->n_pieces_max)
        return false;
    lanes->pieces[lanes->n_pieces++] = *piece;
    return true;
}

/* Lane l's pieces, worked out. */
static void make_batch(const struct lanes *lanes, size_t l, bool is_training, uint64_t draws)
{
    struct batch *batch = lanes->items[l].batch;
    batch_clear(batch);
    for (size_t p = 0; p < lanes->n_pieces; p++)
        if (p * LANES / lanes->n_pieces == l)
            batch_add(batch, &lanes->pieces[p]);
    batch->feature_dropout = is_training ? lanes->model->settings.feature_dropout : 0.0;
    batch->noise_seed = lanes->seed;
    batch->noise_index = draws;
    batch_finish(batch);
}

/* The lane's part of the loss alone. */
static enum status score(const struct lanes *lanes, struct lane *lane, size_t n_rows,
                         struct error *err)
{
    struct tensor *nll[N_HEADS];
    tape_reset(lane->tape, TAPE_INFER);
    network_nll(lane->network, lane->tape, lane->batch, lanes->attributes,
                (struct network_noise){ 0 }, nll);
    FORWARD(tape_status(lane->tape, err));
    for (enum head h = 0; h < N_HEADS; h++)
        for (size_t i = 0; nll[h] != NULL && i < tensor_size(nll[h]); i++)
            lane->nll += (double)nll[h]->data[i] / (double)n_rows;
    if (isfinite(lane->nll))
        return STATUS_OK;
    /* A tape only knows its operations where it is to be differentiated. */
    tape_reset(lane->tape, TAPE_TRAIN);
    network_nll(lane->network, lane->tape, lane->batch, lanes->attributes,
                (struct network_noise){ 0 }, nll);
    FORWARD(tape_check_finite(lane->tape, err));
    return error_set(err, STATUS_NUMERIC, "the loss is %g", lane->nll);
}

/* With its gradient. */
static enum status train(const struct lanes *lanes, struct lane *lane, size_t n_rows,
                         uint64_t draws, struct error *err)
{
    struct network_noise noise = { lanes->model->settings.dropout, lanes->seed, draws };
    tape_reset(lane->tape, TAPE_TRAIN);
    return network_train(lane->network, lane->tape, lane->head_tape, lane->batch, lanes->attributes,
                         noise, 1.0 / (double)n_rows, &lane->nll, err);
}

static void run_lane(struct lanes *lanes, size_t l, size_t n_rows, bool is_training, uint64_t step)
{
    struct lane *lane = &lanes->items[l];
    uint64_t draws = step * LANES + l;
    lane->nll = 0.0;
    lane->status = STATUS_OK;
    double started = lane->is_measured ? progress_clock() : 0.0;
    make_batch(lanes, l, is_training, draws);
    double made = lane->is_measured ? progress_clock() : 0.0;
    if (lane->batch->n_pieces > 0)
        lane->status = is_training ? train(lanes, lane, n_rows, draws, &lane->err)
                                   : score(lanes, lane, n_rows, &lane->err);
    if (lane->is_measured) {
        lane->batch_seconds += made - started;
        lane->seconds += progress_clock() - started;
    }
}

static enum status run(struct lanes *lanes, bool is_training, uint64_t step, double *nll,
                       size_t *n_rows, struct error *err)
{
    size_t n = 0;
    for (size_t p = 0; p < lanes->n_pieces; p++)
        n += lanes->pieces[p].n;
#pragma omp parallel for schedule(static, 1)
    for (size_t l = 0; l < LANES; l++)
        run_lane(lanes, l, n, is_training, step);
    *nll = 0.0;
    *n_rows = n;
    for (size_t l = 0; l < LANES; l++) {
        const struct lane *lane = &lanes->items[l];
        RETURN_IF(lane->status != STATUS_OK, err, lane->status, "batch %zu: %s", l,
                  lane->err.message);
        *nll += lane->nll;
    }
    return STATUS_OK;
}

enum status lanes_train(struct lanes *lanes, uint64_t step, double *nll, size_t *n_rows,
                        struct error *err)
{
    FORWARD(run(lanes, true, step, nll, n_rows, err));
    struct params *replicas[LANES - 1];
    for (size_t l = 1; l < LANES; l++)
        replicas[l - 1] = lanes->items[l].network->params;
    params_add_grads(lanes->model->network->params, replicas, LANES - 1);
    return STATUS_OK;
}

enum status lanes_score(struct lanes *lanes, double *nll, size_t *n_rows, struct error *err)
{
    return run(lanes, false, 0, nll, n_rows, err);
}

void lanes_measure(struct lanes *lanes)
{
    for (size_t l = 0; l < LANES; l++) {
        struct lane *lane = &lanes->items[l];
        lane->is_measured = true;
        lane->batch_seconds = lane->seconds = 0.0;
        for (size_t p = 0; p < N_NETWORK_PARTS; p++)
            lane->part_seconds[p] = 0.0;
        tape_measure(lane->tape, lane->part_seconds);
        tape_measure(lane->head_tape, lane->part_seconds);
    }
}

struct lanes_seconds lanes_seconds(const struct lanes *lanes)
{
    struct lanes_seconds seconds = { 0 };
    for (size_t l = 0; l < LANES; l++) {
        const struct lane *lane = &lanes->items[l];
        seconds.batches += lane->batch_seconds;
        seconds.sum += lane->seconds;
        for (size_t p = 0; p < N_NETWORK_PARTS; p++)
            seconds.parts[p] += lane->part_seconds[p];
    }
    return seconds;
}

size_t lanes_peak(const struct lanes *lanes)
{
    size_t peak = (LANES - 1) * lanes->model->network->params->size * sizeof(real);
    for (size_t l = 0; l < LANES; l++)
        peak += tape_peak(lanes->items[l].tape) + tape_peak(lanes->items[l].head_tape);
    return peak;
}

const struct batch *lanes_batch(const struct lanes *lanes, size_t lane)
{
    return lane < LANES ? lanes->items[lane].batch : NULL;
}
