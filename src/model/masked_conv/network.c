#include "model/masked_conv/network.h"

#include "base/memory.h"
#include "model/masked_conv/candidates.h"
#include "nn/ops.h"

#include <math.h>
#include <stdlib.h>

/* ---- parameters --------------------------------------------------------------------------- */

static size_t context_hidden(const struct network_size *size)
{
    return 2 * size->context;
}

static void create_context(struct network *network)
{
    const struct network_size *size = &network->size;
    struct params *params = network->params;
    size_t hidden = context_hidden(size);
    network->hosts = params_add(params, SHAPE(size->n_hosts, size->context), INIT_NORMAL(0.05),
                                "hosts");
    network->context_weight[0] = params_add(params, SHAPE(CONTEXT_FEATURES, hidden),
                                            INIT_FAN_IN(CONTEXT_FEATURES), "context.0.weight");
    network->context_bias[0] = params_add(params, SHAPE(hidden), INIT_CONSTANT(0),
                                          "context.0.bias");
    network->context_weight[1] = params_add(params, SHAPE(hidden, size->context),
                                            INIT_FAN_IN(hidden), "context.1.weight");
    network->context_bias[1] = params_add(params, SHAPE(size->context), INIT_CONSTANT(0),
                                          "context.1.bias");
}

static void create_trunk(struct network *network)
{
    const struct network_size *size = &network->size;
    struct params *params = network->params;
    size_t C = size->width, K = size->kernel, context = size->context;
    network->enter_weight = params_add(params, SHAPE(K, C, C), INIT_FAN_IN(K * C), "enter.weight");
    network->enter_bias = params_add(params, SHAPE(C), INIT_CONSTANT(0), "enter.bias");
    network->enter_context = params_add(params, SHAPE(context, C), INIT_FAN_IN(context),
                                        "enter.context");
    size_t dilation = 1;
    for (size_t b = 0; b < size->n_blocks; b++) {
        struct block *block = &network->blocks[b];
        block->dilation = dilation;
        dilation *= K;
        block->weight = params_add(params, SHAPE(K, C, 2 * C), INIT_FAN_IN(K * C),
                                   "block.%zu.weight", b);
        block->bias = params_add(params, SHAPE(2 * C), INIT_CONSTANT(0), "block.%zu.bias", b);
        block->context = params_add(params, SHAPE(context, 2 * C), INIT_FAN_IN(context),
                                    "block.%zu.context", b);
        block->out_weight = params_add(params, SHAPE(C, C), INIT_FAN_IN(C), "block.%zu.out", b);
        block->out_bias = params_add(params, SHAPE(C), INIT_CONSTANT(0), "block.%zu.out_bias", b);
    }
    network->trunk_gain = params_add(params, SHAPE(C), INIT_CONSTANT(1), "trunk.gain");
}

static size_t n_outputs(const struct network *network, enum head head)
{
    size_t n = heads_first_named(network->heads, head);
    if (head == HEAD_LINK)
        n += candidate_outputs();
    if (heads_beat_routes(head) > 0)
        n += beat_outputs();
    return n;
}

static void create_heads(struct network *network)
{
    struct params *params = network->params;
    size_t C = network->size.width;
    for (enum head h = 0; h < N_HEADS; h++) {
        struct network_head *head = &network->head[h];
        const char *name = head_infos[h].name;
        size_t outputs = n_outputs(network, h);
        head->hidden = outputs < 16 ? 16 : network->size.hidden;
        head->trunk_weight = params_add(params, SHAPE(C, head->hidden), INIT_FAN_IN(2 * C),
                                        "%s.trunk", name);
        head->stage_weight = params_add(params, SHAPE(C, head->hidden), INIT_FAN_IN(2 * C),
                                        "%s.stage", name);
        head->bias = params_add(params, SHAPE(head->hidden), INIT_CONSTANT(0), "%s.bias", name);
        head->out_weight = params_add(params, SHAPE(head->hidden, outputs),
                                      INIT_NORMAL(0.1 / sqrt((double)head->hidden)), "%s.out",
                                      name);
        head->out_bias = params_add(params, SHAPE(outputs), INIT_CONSTANT(0), "%s.out_bias", name);
    }
    size_t n_entries = candidate_table_size(network->heads->vocabulary);
    network->candidates = params_add(params, SHAPE(n_entries), INIT_CONSTANT(0), "candidates");
    n_entries = beat_table_size(candidate_services(network->heads->vocabulary));
    for (enum head h = 0; h < N_HEADS; h++)
        if (heads_beat_routes(h) > 0)
            network->head[h].beats = params_add(params, SHAPE(n_entries), INIT_CONSTANT(0),
                                                "%s.beats", head_infos[h].name);
}

/* Mixtures start spread over the log scales of their attributes. */
static void spread_mixtures(struct network *network)
{
    static const double ranges[N_HEADS][2] = {
        [HEAD_GAP] = { 0.0, 8.0 },
        [HEAD_PACKETS] = { 0.0, 6.0 },
        [HEAD_DURATION] = { 0.0, 11.0 },
        [HEAD_BYTES] = { 3.7, 7.3 },
    };
    for (enum head h = 0; h < N_HEADS; h++) {
        if (!head_infos[h].has_mixture)
            continue;
        real *mixture = network->head[h].out_bias->data + network->heads->n_routes[h];
        double step = (ranges[h][1] - ranges[h][0]) / (MIXTURE_COMPONENTS - MIXTURE_RELATIVE);
        for (size_t g = 0; g < MIXTURE_COMPONENTS; g++) {
            bool is_relative = g >= MIXTURE_COMPONENTS - MIXTURE_RELATIVE;
            double mean = is_relative ? 0.0 : ranges[h][0] + step * ((double)g + 0.5);
            mixture[MIXTURE_COMPONENTS + g] = (real)mean;
            mixture[2 * MIXTURE_COMPONENTS + g] = (real)log(is_relative ? 0.25 : 0.5 * step);
        }
    }
}

static struct network *declare(const struct network_size *size, const struct feature_space *space,
                               const struct heads *heads)
{
    struct network *network = memory_zalloc(1, sizeof *network);
    network->size = *size;
    network->space = space;
    network->heads = heads;
    network->params = params_create();
    network->embeddings = params_add(network->params, SHAPE(space->n_rows, size->width),
                                     INIT_NORMAL(0.15), "embeddings");
    create_context(network);
    create_trunk(network);
    create_heads(network);
    return network;
}

struct network *network_create(const struct network_size *size, const struct feature_space *space,
                               const struct heads *heads, uint64_t seed)
{
    struct network *network = declare(size, space, heads);
    params_finish(network->params, seed);
    spread_mixtures(network);
    return network;
}

struct network *network_replica(const struct network *original)
{
    struct network *network = declare(&original->size, original->space, original->heads);
    params_finish_sharing(network->params, original->params);
    return network;
}

void network_free(struct network *network)
{
    if (network == NULL)
        return;
    params_free(network->params);
    free(network);
}

size_t network_receptive_field(const struct network_size *size)
{
    size_t field = size->kernel, dilation = 1;
    for (size_t b = 0; b < size->n_blocks; b++) {
        field += (size->kernel - 1) * dilation;
        dilation *= size->kernel;
    }
    return field;
}

/* ---- one batch ---------------------------------------------------------------------------- */

/* c [rows of all pieces, context] */
static struct tensor *encode_contexts(const struct network *network, struct tape *tape,
                                      const struct batch *batch)
{
    size_t n_rows = batch->n_pieces * batch->n_rows_max;
    struct tensor *x = tape_input(tape, SHAPE(batch->n_contexts, CONTEXT_FEATURES),
                                  batch->contexts);
    x = activate(tape, linear(tape, x, network->context_weight[0], network->context_bias[0]),
                 ACTIVATION_SILU);
    x = activate(tape, linear(tape, x, network->context_weight[1], network->context_bias[1]),
                 ACTIVATION_SILU);
    return gather_sum_onto(tape, gather_sum(tape, x, batch->contexts_of, n_rows, 1), network->hosts,
                           batch->hosts_of, n_rows, 1);
}

/* use: tells the draws of one batch apart. */
static struct tensor *drop(struct tape *tape, struct tensor *x, struct network_noise noise,
                           uint64_t use)
{
    if (noise.rate <= 0.0)
        return x;
    return dropout(tape, x,
                   (struct dropout_params){ .rate = noise.rate,
                                            .seed = noise.seed,
                                            .index = noise.index * (N_HEADS + 1) + use });
}

/* s_k of all stages of the scored rows [n_scored, width] */
static void sum_stages(const struct network *network, struct tape *tape, const struct batch *batch,
                       struct tensor *stages[N_STAGES])
{
    tape_part(tape, PART_STAGES);
    for (size_t s = 0; s < N_STAGES; s++)
        stages[s] = gather_sum_onto(tape, s > 0 ? stages[s - 1] : NULL, network->embeddings,
                                    batch->stages[s], batch->n_scored,
                                    network->space->n_of_stage[s]);
}

/* x of the rows of all pieces [N * L, width]: of those that are scored, it is the last stage. */
static struct tensor *embed_rows(const struct network *network, struct tape *tape,
                                 const struct batch *batch, struct tensor *last_stage)
{
    size_t n_rows = batch->n_pieces * batch->n_rows_max;
    struct tensor *past = gather_sum(tape, network->embeddings, batch->past_features, batch->n_past,
                                     network->space->n_features);
    struct tensor *scored = gather_sum(tape, last_stage, batch->scored_at, n_rows, 1);
    return gather_sum_onto(tape, scored, past, batch->past_at, n_rows, 1);
}

/* h of the scored rows [n_scored, width] */
static struct tensor *run_trunk(const struct network *network, struct tape *tape,
                                const struct batch *batch, struct network_noise noise,
                                struct tensor *last_stage)
{
    size_t N = batch->n_pieces, L = batch->n_rows_max, C = network->size.width;
    tape_part(tape, PART_CONTEXT);
    struct tensor *c = reshape(tape, encode_contexts(network, tape, batch),
                               SHAPE(N, L, network->size.context));
    tape_part(tape, PART_TRUNK);
    struct tensor *x = embed_rows(network, tape, batch, last_stage);
    struct tensor *h = conv1d(tape, reshape(tape, x, SHAPE(N, L, C)), network->enter_weight,
                              network->enter_bias, c, network->enter_context,
                              (struct conv1d_params){ .dilation = 1, .delay = 1 });
    for (size_t b = 0; b < network->size.n_blocks; b++) {
        const struct block *block = &network->blocks[b];
        struct tensor *gated = conv1d(
            tape, h, block->weight, block->bias, c, block->context,
            (struct conv1d_params){ .dilation = block->dilation, .gated = true });
        h = linear_onto(tape, h, gated, block->out_weight, block->out_bias);
    }
    h = gather_sum(tape, reshape(tape, h, SHAPE(N * L, C)), batch->scored, batch->n_scored, 1);
    return drop(tape, rms_norm(tape, h, network->trunk_gain), noise, N_HEADS);
}

static struct tensor *head_nll(const struct network *network, struct tape *tape,
                               const struct batch *batch, enum head h, struct network_noise noise,
                               struct tensor *trunk, struct tensor *stages)
{
    const struct network_head *weights = &network->head[h];
    const struct head_batch *rows = &batch->head[h];
    size_t n_routes = network->heads->n_routes[h];
    if (rows->n < batch->n_scored) {
        trunk = gather_sum(tape, trunk, rows->rows, rows->n, 1);
        stages = gather_sum(tape, stages, rows->rows, rows->n, 1);
    }
    struct tensor *z = linear_onto(tape, linear(tape, trunk, weights->trunk_weight, weights->bias),
                                   stages, weights->stage_weight, NULL);
    z = drop(tape, activate(tape, z, ACTIVATION_SILU), noise, h);
    struct tensor *y = linear(tape, z, weights->out_weight, weights->out_bias);
    if (h == HEAD_LINK)
        y = channel_sum(tape, y, network->candidates, candidate_sums(rows->names));
    if (heads_beat_routes(h) > 0)
        y = channel_sum(tape, y, weights->beats,
                        beat_sums(rows->names, heads_first_beat(network->heads, h),
                                  heads_beat_routes(h), heads_first_named(network->heads, h)));
    struct tensor *log_mass = NULL;
    if (head_infos[h].has_mixture)
        log_mass = logistic_cell(tape, y,
                                 (struct logistic_cell_params){ rows->lo, rows->hi, rows->range_lo,
                                                                rows->range_hi, n_routes,
                                                                rows->origin, MIXTURE_RELATIVE });
    return routes_nll(tape, y, log_mass,
                      (struct routes_nll_params){ rows->start, rows->route, rows->available,
                                                  rows->log_share, n_routes });
}

static bool is_scored(const struct batch *batch, enum head h, uint32_t attributes)
{
    enum attribute attribute = head_infos[h].attribute;
    bool is_modelled = attribute == ATTRIBUTE_LINK || attributes & ATTRIBUTE_BIT(attribute);
    return is_modelled && batch->head[h].n > 0;
}

void network_nll(const struct network *network, struct tape *tape, const struct batch *batch,
                 uint32_t attributes, struct network_noise noise, struct tensor *nll[N_HEADS])
{
    struct tensor *stages[N_STAGES];
    sum_stages(network, tape, batch, stages);
    struct tensor *trunk = run_trunk(network, tape, batch, noise, stages[N_STAGES - 1]);
    for (enum head h = 0; h < N_HEADS; h++) {
        nll[h] = NULL;
        if (is_scored(batch, h, attributes))
            nll[h] = head_nll(network, tape, batch, h, noise, trunk, stages[head_infos[h].sees]);
    }
}

enum status network_train(const struct network *network, struct tape *tape, struct tape *head_tape,
                          const struct batch *batch, uint32_t attributes,
                          struct network_noise noise, double scale, double *loss, struct error *err)
{
    struct tensor *stages[N_STAGES];
    sum_stages(network, tape, batch, stages);
    struct tensor *trunk = run_trunk(network, tape, batch, noise, stages[N_STAGES - 1]);
    FORWARD(tape_status(tape, err));
    tape_hold_grad(tape, trunk);
    for (size_t s = 0; s < N_STAGES; s++)
        tape_hold_grad(tape, stages[s]);
    *loss = 0.0;
    for (enum head h = 0; h < N_HEADS; h++) {
        if (!is_scored(batch, h, attributes))
            continue;
        tape_reset(head_tape, TAPE_TRAIN);
        tape_part(head_tape, (size_t)PART_HEADS + h);
        struct tensor *nll = head_nll(network, head_tape, batch, h, noise, trunk,
                                      stages[head_infos[h].sees]);
        struct tensor *sum = total(head_tape, nll, scale);
        FORWARD(tape_status(head_tape, err));
        *loss += (double)sum->data[0];
        if (!isfinite(*loss)) {
            FORWARD(tape_check_finite(tape, err));
            FORWARD(tape_check_finite(head_tape, err));
            return error_set(err, STATUS_NUMERIC, "the loss is %g", *loss);
        }
        tape_backward(head_tape, sum);
    }
    tape_backward_held(tape);
    return STATUS_OK;
}
