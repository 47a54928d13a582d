#include "testing.h"

#include "base/memory.h"
#include "base/threads.h"
#include "data/calendar.h"
#include "model/masked_conv/lanes.h"
#include "model_fixture.h"
#include "nn/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HOSTS = 3, ROWS = 90, PIECES = 4, PIECE_ROWS = 25 };

struct small {
    struct sequence_set *train;
    struct masked_conv *model;
    struct prepared_sequence prepared[HOSTS];
};

static struct small create_small(void)
{
    struct small small = { .train = fixture_sequences(3, HOSTS, ROWS) };
    struct masked_conv_settings settings = {
        .width = 12,
        .hidden = 20,
        .context = 5,
        .blocks = 2,
        .kernel = 2,
        .windows = true,
        .clock = true,
        .memory = true,
        .host_embedding = true,
        .pieces = PIECES,
        .piece_rows = PIECE_ROWS,
        .dropout = 0.2,
        .feature_dropout = 0.1,
    };
    struct vocabulary vocabulary;
    struct habits habits;
    vocabulary_learn(&vocabulary, small.train);
    habits_learn(&habits, small.train, &vocabulary, true, 0, MS_PER_SECOND * small.train->end);
    uint32_t *hosts = memory_alloc(HOSTS, sizeof *hosts);
    for (size_t s = 0; s < HOSTS; s++)
        hosts[s] = small.train->items[s].host;
    small.model = masked_conv_create(&settings, &vocabulary, hosts, HOSTS, &habits, 1);
    for (size_t s = 0; s < HOSTS; s++)
        small.prepared[s] = masked_conv_prepare(small.model, &small.train->items[s]);
    return small;
}

static void small_release(struct small *small)
{
    for (size_t s = 0; s < HOSTS; s++)
        prepared_sequence_release(&small->prepared[s]);
    masked_conv_free(&small->model->base);
    sequence_set_free(small->train);
}

/* Pieces with and without history and pace, one of them shorter than the others. */
static struct piece piece_of(const struct small *small, size_t p)
{
    const struct prepared_sequence *prepared = &small->prepared[p % HOSTS];
    return (struct piece){
        .sequence = prepared,
        .first = 21 * p,
        .n = p == 2 ? PIECE_ROWS - 8 : PIECE_ROWS,
        .host = prepared->host,
        .shows_pace = p % 2 == 1,
        .is_cold = p == 3,
    };
}

static void train_once(const struct small *small, struct lanes *lanes, double *nll)
{
    struct error err;
    size_t n_rows;
    lanes_clear(lanes);
    for (size_t p = 0; p < PIECES; p++) {
        struct piece piece = piece_of(small, p);
        ck_assert(lanes_add(lanes, &piece));
    }
    struct piece more = piece_of(small, 0);
    ck_assert(!lanes_add(lanes, &more));
    ck_assert_msg(lanes_train(lanes, 7, nll, &n_rows, &err) == STATUS_OK, "%s", err.message);
    ck_assert_uint_eq(n_rows, PIECES * PIECE_ROWS - 8);
}

START_TEST(any_number_of_threads_gives_the_same_bits)
{
    struct small small = create_small();
    struct params *params = small.model->network->params;
    struct lanes *lanes = lanes_create(small.model, small.train->attributes, 5);
    real *first = memory_zalloc(params->size, sizeof *first);
    double nll_first = 0.0, nll;
    for (int threads = 1; threads <= 3; threads++) {
        threads_set(threads);
        train_once(&small, lanes, threads == 1 ? &nll_first : &nll);
        if (threads == 1)
            memcpy(first, params->grads, params->size * sizeof *first);
        else
            ck_assert(nll == nll_first);
        ck_assert_mem_eq(params->grads, first, params->size * sizeof *first);
        params_zero_grads(params);
    }
    free(first);
    lanes_free(lanes);
    small_release(&small);
}
END_TEST

/* Head by head, each on a tape that the next one overwrites, or all on one tape. */
START_TEST(heads_one_by_one_give_the_gradient_of_all_at_once)
{
    struct small small = create_small();
    struct network *network = small.model->network;
    struct params *params = network->params;
    struct batch *batch = masked_conv_batch(small.model, PIECES, PIECE_ROWS);
    for (size_t p = 0; p < PIECES; p++) {
        struct piece piece = piece_of(&small, p);
        batch_add(batch, &piece);
    }
    batch_finish(batch);
    struct network_noise noise = { 0.2, 5, 3 };
    struct tape *tape = tape_create(), *head_tape = tape_create();

    struct tensor *nll[N_HEADS], *loss = NULL;
    tape_reset(tape, TAPE_TRAIN);
    network_nll(network, tape, batch, small.train->attributes, noise, nll);
    for (enum head h = 0; h < N_HEADS; h++) {
        if (nll[h] == NULL)
            continue;
        struct tensor *part = total(tape, nll[h], 0.25);
        loss = loss == NULL ? part : add(tape, loss, part);
    }
    tape_backward(tape, loss);
    ck_assert_int_eq(tape_status(tape, NULL), STATUS_OK);
    double loss_at_once = (double)loss->data[0], loss_one_by_one;
    real *at_once = memory_alloc(params->size, sizeof *at_once);
    memcpy(at_once, params->grads, params->size * sizeof *at_once);
    params_zero_grads(params);

    struct error err;
    tape_reset(tape, TAPE_TRAIN);
    enum status status = network_train(network, tape, head_tape, batch, small.train->attributes,
                                       noise, 0.25, &loss_one_by_one, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.message);
    double tolerance = sizeof(real) == sizeof(float) ? 2e-5 : 1e-12, length = 0.0;
    assert_near(loss_one_by_one, loss_at_once, tolerance * loss_at_once);
    for (size_t i = 0; i < params->size; i++)
        length += (double)at_once[i] * (double)at_once[i];
    for (size_t i = 0; i < params->size; i++)
        assert_near((double)params->grads[i], (double)at_once[i], tolerance * sqrt(length));
    ck_assert(length > 0.0);

    free(at_once);
    tape_free(tape);
    tape_free(head_tape);
    batch_free(batch);
    small_release(&small);
}
END_TEST

START_TEST(a_loss_that_is_not_finite_names_the_operation)
{
    struct small small = create_small();
    struct lanes *lanes = lanes_create(small.model, small.train->attributes, 5);
    struct error err = { .code = STATUS_OK };
    double nll;
    size_t n_rows;
    small.model->network->head[HEAD_BYTES].out_bias->data[0] = (real)NAN;
    struct piece piece = piece_of(&small, 0);
    lanes_clear(lanes);
    lanes_add(lanes, &piece);
    ck_assert_int_eq(lanes_train(lanes, 0, &nll, &n_rows, &err), STATUS_NUMERIC);
    ck_assert_msg(strstr(err.message, "linear (bytes.out_bias)") != NULL, "%s", err.message);
    ck_assert_int_eq(lanes_score(lanes, &nll, &n_rows, &err), STATUS_NUMERIC);
    ck_assert_msg(strstr(err.message, "linear (bytes.out_bias)") != NULL, "%s", err.message);
    lanes_free(lanes);
    small_release(&small);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv_lanes");
    testing_add(suite, any_number_of_threads_gives_the_same_bits);
    testing_add(suite, heads_one_by_one_give_the_gradient_of_all_at_once);
    testing_add(suite, a_loss_that_is_not_finite_names_the_operation);
    return suite;
}
