#include "model/masked_conv/lanes.h"

#include "base/memory.h"
#include "base/progress.h"
#include "nn/ops.h"

#include <math.h>
#include <stdlib.h>

#define LANES 2

struct lane {
    struct network *network; /* a replica */
    struct batch *batch;
    struct tape *tape;
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
        lane->network = network_replica(model->network);
        lane->batch = masked_conv_batch(model, pieces_of_lane, (size_t)model->settings.piece_rows);
        lane->tape = tape_create();
    }
    return lanes;
}

void lanes_free(struct lanes *lanes)
{
    if (lanes == NULL)
        return;
    for (size_t l = 0; l < LANES; l++) {
        network_free(lanes->items[l].network);
        batch_free(lanes->items[l].batch);
        tape_free(lanes->items[l].tape);
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

/* Forward, and with `is_training` backward; the loss is a part of the mean over n_rows. */
static void run_network(const struct lanes *lanes, struct lane *lane, size_t n_rows,
                        bool is_training, uint64_t draws)
{
    struct tape *tape = lane->tape;
    struct tensor *nlls[N_HEADS], *loss = NULL;
    struct network_noise noise = {
        .rate = is_training ? lanes->model->settings.dropout : 0.0,
        .seed = lanes->seed,
        .index = draws,
    };
    tape_reset(tape, is_training ? TAPE_TRAIN : TAPE_INFER);
    network_nll(lane->network, tape, lane->batch, lanes->attributes, noise, nlls);
    for (enum head h = 0; h < N_HEADS; h++) {
        if (nlls[h] == NULL)
            continue;
        struct tensor *part = total(tape, nlls[h], 1.0 / (double)n_rows);
        loss = loss == NULL ? part : add(tape, loss, part);
    }
    lane->status = tape_status(tape, &lane->err);
    if (lane->status != STATUS_OK)
        return;
    lane->nll = (double)loss->data[0];
    if (isfinite(lane->nll)) {
        if (is_training)
            tape_backward(tape, loss);
        return;
    }
    lane->status = tape_check_finite(tape, &lane->err);
    if (lane->status == STATUS_OK)
        lane->status = error_set(&lane->err, STATUS_NUMERIC, "the loss is %g", lane->nll);
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
        run_network(lanes, lane, n_rows, is_training, draws);
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
        RETURN_IF(lane->status != STATUS_OK, err, lane->status, "%s", lane->err.message);
        *nll += lane->nll;
    }
    return STATUS_OK;
}

enum status lanes_train(struct lanes *lanes, uint64_t step, double *nll, size_t *n_rows,
                        struct error *err)
{
    FORWARD(run(lanes, true, step, nll, n_rows, err));
    struct params *replicas[LANES];
    for (size_t l = 0; l < LANES; l++)
        replicas[l] = lanes->items[l].network->params;
    params_add_grads(lanes->model->network->params, replicas, LANES);
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
    size_t peak = 0;
    for (size_t l = 0; l < LANES; l++)
        peak += tape_peak(lanes->items[l].tape) +
                lanes->items[l].network->params->size * sizeof(real);
    return peak;
}

const struct batch *lanes_batch(const struct lanes *lanes, size_t lane)
{
    return lane < LANES ? lanes->items[lane].batch : NULL;
}
