/* lanes.h - what one step of training computes: the loss of some pieces and its gradient.
 *
 * A step's pieces are shared out to lanes, each a thread's work from batch to gradients. Their
 * number is fixed, and so is what a step computes, whatever the number of threads.
 *
 *     struct lanes *lanes = lanes_create(model, attributes, seed);
 *     lanes_clear(lanes);
 *     for (each piece) lanes_add(lanes, &piece);
 *     FORWARD(lanes_train(lanes, step, &nll, &n_rows, err));
 *     FORWARD(optimiser_step(optimiser, NULL, err));
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_LANES_H
#define FLOWTWIN_MODEL_MASKED_CONV_LANES_H

#include "model/masked_conv/masked_conv.h"

struct lanes;

/* model: borrowed; its settings say how large a step is. attributes: those that are modelled. seed:
 * of what is left out at random. Caller frees with lanes_free. */
struct lanes *lanes_create(struct masked_conv *model, uint32_t attributes, uint64_t seed);
void lanes_free(struct lanes *lanes);

void lanes_clear(struct lanes *lanes);
/* The piece is copied; false where there is no room for one more (settings.pieces, rounded up). */
bool lanes_add(struct lanes *lanes, const struct piece *piece);

/* Adds the gradient of the mean NLL of the pieces' rows to that of the model's parameters. *nll is
 * that mean, over *n_rows. step names the draws of this step. */
enum status lanes_train(struct lanes *lanes, uint64_t step, double *nll, size_t *n_rows,
                        struct error *err);
/* The mean alone. */
enum status lanes_score(struct lanes *lanes, double *nll, size_t *n_rows, struct error *err);

/* Seconds that all lanes have spent, since lanes_measure, on batches and on each network_part. */
struct lanes_seconds {
    double batches, parts[N_NETWORK_PARTS], sum;
};
void lanes_measure(struct lanes *lanes);
struct lanes_seconds lanes_seconds(const struct lanes *lanes);
/* The most bytes that tapes and replicas have taken. */
size_t lanes_peak(const struct lanes *lanes);

/* One lane's batch and network, to look at. */
const struct batch *lanes_batch(const struct lanes *lanes, size_t lane);

#endif
