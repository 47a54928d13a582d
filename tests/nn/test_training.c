/* A small network with every kind of head, as a whole: its gradient, its memory, its threads. */
#include "testing.h"

#include "gradcheck.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "nn/optimiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_N = 3, MAX_L = 600, FIELDS = 3, CODES = 11, FEATURES = 5, BLOCKS = 3, G = 2 };
enum { MAX_R = MAX_N * MAX_L, CATEGORIES = 9, ROUTES = 5, SLOTS = 4, CHOICES = 3 };

struct net {
    struct params *params;
    size_t C;
    struct tensor *table, *dense, *gain, *attributes, *attributes_bias;
    struct tensor *conv[BLOCKS], *bias[BLOCKS], *context[BLOCKS], *mix[BLOCKS], *skip[BLOCKS];
    struct tensor *category, *route, *mixture, *choice, *query, *key, *rank;
};

/* Rows of N sequences of L, the later two thirds of which are targets. */
struct batch {
    size_t N, L, R, n_heads, n_slots;
    int32_t codes[MAX_R * FIELDS], heads[MAX_R], target[MAX_R], n_valid[MAX_R];
    int32_t hit_start[MAX_R + 1], hits[2 * MAX_R], slot_start[MAX_R + 1], slot_target[MAX_R];
    int32_t slot_row[MAX_R * SLOTS], slot_key[MAX_R * SLOTS], slot_rank[MAX_R * SLOTS];
    real features[MAX_R * FEATURES];
    double lo[MAX_R], hi[MAX_R], range_lo[MAX_R], range_hi[MAX_R];
};

static struct net net_create(size_t C)
{
    struct net net = { .params = params_create(), .C = C };
    struct params *p = net.params;
    struct init init = INIT_FAN_IN(C), small = INIT_NORMAL(0.1);
    net.table = params_add(p, SHAPE(CODES, C), INIT_NORMAL(0.5), "table");
    net.dense = params_add(p, SHAPE(FEATURES, C), init, "dense");
    for (size_t b = 0; b < BLOCKS; b++) {
        net.conv[b] = params_add(p, SHAPE(2, C, 2 * C), init, "%zu.conv", b);
        net.bias[b] = params_add(p, SHAPE(2 * C), small, "%zu.bias", b);
        net.context[b] = params_add(p, SHAPE(FEATURES, 2 * C), init, "%zu.context", b);
        if (b + 1 < BLOCKS)
            net.mix[b] = params_add(p, SHAPE(C, C), init, "%zu.mix", b);
        net.skip[b] = params_add(p, SHAPE(C, C), init, "%zu.skip", b);
    }
    net.gain = params_add(p, SHAPE(C), INIT_CONSTANT(1), "gain");
    net.attributes = params_add(p, SHAPE(2 * C, 4 * C), init, "attributes");
    net.attributes_bias = params_add(p, SHAPE(4 * C), small, "attributes_bias");
    net.category = params_add(p, SHAPE(C, CATEGORIES), init, "category");
    net.route = params_add(p, SHAPE(C, ROUTES), init, "route");
    net.mixture = params_add(p, SHAPE(C, 3 * G), init, "mixture");
    net.choice = params_add(p, SHAPE(C, CHOICES), init, "choice");
    net.query = params_add(p, SHAPE(C, C), init, "query");
    net.key = params_add(p, SHAPE(C, C), init, "key");
    net.rank = params_add(p, SHAPE(SLOTS, 1), small, "rank");
    params_finish(p, 5);
    return net;
}

static void batch_draw(struct batch *batch, size_t N, size_t L, uint64_t stream)
{
    struct rng rng = rng_stream(4, RNG_TEST, stream, 0);
    *batch = (struct batch){ .N = N, .L = L, .R = N * L };
    for (size_t i = 0; i < batch->R * FIELDS; i++)
        batch->codes[i] = (int32_t)rng_below(&rng, CODES);
    for (size_t i = 0; i < batch->R * FEATURES; i++)
        batch->features[i] = (real)rng_normal(&rng);
    for (size_t row = 0; row < batch->R; row++) {
        if (row % L < L / 3)
            continue;
        size_t h = batch->n_heads++;
        batch->heads[h] = (int32_t)row;
        batch->n_valid[h] = 1 + (int32_t)rng_below(&rng, CATEGORIES);
        batch->target[h] = (int32_t)rng_below(&rng, (uint64_t)batch->n_valid[h]);
        int32_t hit = (int32_t)rng_below(&rng, ROUTES);
        batch->hits[batch->hit_start[h]] = hit;
        batch->hit_start[h + 1] = batch->hit_start[h] + 1;
        if (hit != ROUTES - 1)
            batch->hits[batch->hit_start[h + 1]++] = ROUTES - 1;
        double x = 20.0 * rng_uniform(&rng);
        batch->lo[h] = log(x);
        batch->hi[h] = log(x + 1.0);
        batch->range_lo[h] = -(double)INFINITY;
        batch->range_hi[h] = log(40.0);
        batch->slot_start[h + 1] = batch->slot_start[h];
        for (int32_t s = 0; s < (int32_t)(h % (SLOTS + 1)); s++) {
            size_t slot = (size_t)batch->slot_start[h + 1]++;
            batch->slot_row[slot] = (int32_t)h;
            batch->slot_key[slot] = (int32_t)rng_below(&rng, row + 1);
            batch->slot_rank[slot] = s;
        }
        batch->slot_target[h] = (int32_t)rng_below(&rng, CHOICES + h % (SLOTS + 1));
    }
    batch->n_slots = (size_t)batch->slot_start[batch->n_heads];
}

struct task {
    struct net *net;
    struct batch *batch;
    size_t step;
};

static struct tensor *loss_of(struct tape *tape, void *context)
{
    const struct task *task = context;
    const struct net *net = task->net;
    const struct batch *batch = task->batch;
    size_t N = batch->N, L = batch->L, C = net->C, H = batch->n_heads;
    struct tensor *features = tape_input(tape, SHAPE(N, L, FEATURES), batch->features);
    struct tensor *x = gather_sum(tape, net->table, batch->codes, batch->R, FIELDS);
    x = reshape(tape, x, SHAPE(N, L, C));
    x = linear_onto(tape, x, features, net->dense, NULL);
    struct tensor *skips = x;
    for (size_t b = 0; b < BLOCKS; b++) {
        struct tensor *h = conv1d(
            tape, x, net->conv[b], net->bias[b], features, net->context[b],
            (struct conv1d_params){ .dilation = 1u << b, .delay = b == 0, .gated = true });
        h = dropout(tape, h, (struct dropout_params){ 0.1, 1, BLOCKS * task->step + b });
        skips = linear_onto(tape, skips, h, net->skip[b], NULL);
        if (b + 1 < BLOCKS)
            x = linear_onto(tape, x, h, net->mix[b], NULL);
    }
    struct tensor *rows = gather_sum(tape, rms_norm(tape, skips, net->gain), batch->heads, H, 1);
    struct tensor *both = concat(tape, (struct tensor *[]){ rows, rows }, 2);
    struct masked_linear_params order = { 2, { C, 2 * C }, { 2 * C, 2 * C } };
    struct tensor *a = masked_linear(tape, both, net->attributes, net->attributes_bias, &order);
    a = activate(tape, a, ACTIVATION_SILU);
    struct tensor *first = slice(tape, a, 0, C), *second = slice(tape, a, C, C);
    struct tensor *third = slice(tape, a, 2 * C, C), *fourth = slice(tape, a, 3 * C, C);

    struct tensor *category = softmax_nll(
        tape, linear(tape, first, net->category, NULL),
        (struct softmax_nll_params){ batch->target, batch->n_valid });
    struct tensor *mass = logistic_cell(
        tape, linear(tape, second, net->mixture, NULL),
        (struct logistic_cell_params){ batch->lo, batch->hi, batch->range_lo, batch->range_hi,
                                       .first = 0 });
    struct tensor *route = routes_nll(
        tape, linear(tape, third, net->route, NULL), mass,
        (struct routes_nll_params){ .start = batch->hit_start, .route = batch->hits });
    struct tensor *scores = pair_scores(
        tape, linear(tape, fourth, net->query, NULL), linear(tape, skips, net->key, NULL),
        gather_sum(tape, net->rank, batch->slot_rank, batch->n_slots, 1),
        (struct pair_scores_params){ batch->n_slots, batch->slot_row, batch->slot_key, 0.3 });
    struct tensor *slot = slots_nll(
        tape, linear(tape, fourth, net->choice, NULL), scores,
        (struct slots_nll_params){ batch->slot_target, batch->slot_start, NULL });
    return total(tape, add(tape, add(tape, category, route), slot), 1.0 / (double)H);
}

START_TEST(gradient_of_the_whole_loss_is_the_difference)
{
    static struct batch batch;
    struct net net = net_create(4);
    struct error err;
    batch_draw(&batch, 2, 12, 0);
    struct task task = { &net, &batch, 0 };
    assert_ok(gradcheck_loss(net.params, loss_of, &task, 12, &err), err);
    params_free(net.params);
}
END_TEST

/* Trains; returns the loss of the last step. */
static double train(struct net *net, size_t n_steps, size_t N, size_t L)
{
    static struct batch batch;
    struct tape *tape = tape_create();
    struct optimiser *optimiser = optimiser_create(net->params, &OPTIMISER_DEFAULTS);
    double loss = 0.0;
    for (size_t step = 0; step < n_steps; step++) {
        struct error err;
        struct task task = { net, &batch, step };
        batch_draw(&batch, N, L, step);
        tape_reset(tape, TAPE_TRAIN);
        struct tensor *y = loss_of(tape, &task);
        assert_ok(tape_status(tape, &err), err);
        tape_backward(tape, y);
        assert_ok(optimiser_step(optimiser, NULL, &err), err);
        loss = (double)y->data[0];
    }
    optimiser_free(optimiser);
    tape_free(tape);
    return loss;
}

START_TEST(threads_change_no_bit)
{
    const int counts[] = { 1, 2, 3 };
    struct net nets[3];
    double losses[3];
    for (size_t i = 0; i < 3; i++) {
        threads_set(counts[i]);
        nets[i] = net_create(20);
        losses[i] = train(&nets[i], 4, 3, 600);
        ck_assert(losses[i] == losses[0]);
        ck_assert_mem_eq(nets[i].params->values, nets[0].params->values,
                         nets[0].params->size * sizeof(real));
    }
    for (size_t i = 0; i < 3; i++)
        params_free(nets[i].params);
}
END_TEST

START_TEST(a_step_asks_for_no_memory)
{
    static struct batch batch;
    struct net net = net_create(20);
    struct tape *tape = tape_create();
    struct optimiser *optimiser = optimiser_create(net.params, &OPTIMISER_DEFAULTS);
    struct error err;
    batch_draw(&batch, 2, 200, 0);
    size_t before = 0;
    for (size_t step = 0; step < 5; step++) {
        struct task task = { &net, &batch, step };
        if (step == 2)
            before = memory_requests();
        tape_reset(tape, TAPE_TRAIN);
        struct tensor *y = loss_of(tape, &task);
        tape_backward(tape, y);
        assert_ok(optimiser_step(optimiser, NULL, &err), err);
    }
    ck_assert_uint_gt(before, 0);
    ck_assert_uint_eq(memory_requests(), before);
    optimiser_free(optimiser);
    tape_free(tape);
    params_free(net.params);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("nn/training");
    testing_add(suite, gradient_of_the_whole_loss_is_the_difference);
    testing_add(suite, threads_change_no_bit);
    testing_add(suite, a_step_asks_for_no_memory);
    return suite;
}
