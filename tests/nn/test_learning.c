/* Learns a process whose best likelihood is known:
 *
 *     x_t = 0.9 x_{t-1} + 0.1 e        y_t = 0.9 x_t + 0.1 e'        e, e' standard normal
 *
 * No model gives a row (x_t, y_t) less than 2 (log 0.1 + log(2 pi e) / 2) = -1.7673 nats as a
 * density. */
#include "testing.h"

#include "base/rng.h"
#include "nn/ops.h"
#include "nn/optimiser.h"

#include <math.h>

enum { N = 2, L = 512, R = N * L, C = 8, G = 3, N_STEPS = 2000, N_HELD_OUT = 80 };

/* Numbers count as cells of this width: the density is mass / width. */
static const double width = 1e-3;

struct rows {
    real xy[R][2];
    double lo[2][R], hi[2][R];
};

static void draw_rows(struct rows *rows, uint64_t stream)
{
    for (uint64_t n = 0; n < N; n++) {
        struct rng rng = rng_stream(1, RNG_TEST, n, stream);
        double x = 0.1 / sqrt(1.0 - 0.81) * rng_normal(&rng);
        for (size_t r = n * L; r < (n + 1) * L; r++) {
            x = 0.9 * x + 0.1 * rng_normal(&rng);
            double y = 0.9 * x + 0.1 * rng_normal(&rng);
            rows->xy[r][0] = (real)x;
            rows->xy[r][1] = (real)y;
            rows->lo[0][r] = x - width / 2.0;
            rows->hi[0][r] = x + width / 2.0;
            rows->lo[1][r] = y - width / 2.0;
            rows->hi[1][r] = y + width / 2.0;
        }
    }
}

struct model {
    struct params *params;
    struct tensor *past, *past_bias, *order, *order_bias;
};

static struct model model_create(void)
{
    struct model model = { .params = params_create() };
    struct params *p = model.params;
    model.past = params_add(p, SHAPE(2, 2, C), INIT_FAN_IN(4), "past");
    model.past_bias = params_add(p, SHAPE(C), INIT_CONSTANT(0), "past_bias");
    model.order = params_add(p, SHAPE(C + 2, 6 * G), INIT_NORMAL(0.1), "order");
    model.order_bias = params_add(p, SHAPE(6 * G), INIT_NORMAL(0.5), "order_bias");
    params_finish(p, 3);
    return model;
}

/* Nats per row: -log p(x_t | rows before) - log p(y_t | rows before, x_t). */
static struct tensor *nll(struct tape *tape, const struct model *model, const struct rows *rows)
{
    /* p(x) sees the past, p(y) the past and x, and nothing sees y. */
    static const struct masked_linear_params order = { 2, { C, C + 1 }, { 3 * G, 3 * G } };
    struct tensor *now = tape_input(tape, SHAPE(N, L, 2), &rows->xy[0][0]);
    struct tensor *past = conv1d(tape, now, model->past, model->past_bias, NULL, NULL,
                                 (struct conv1d_params){ .dilation = 1, .delay = 1 });
    struct tensor *seen = concat(tape, (struct tensor *[]){ past, now }, 2);
    struct tensor *both = masked_linear(tape, seen, model->order, model->order_bias, &order);
    struct tensor *x = logistic_cell(
        tape, slice(tape, both, 0, 3 * G),
        (struct logistic_cell_params){ .lo = rows->lo[0], .hi = rows->hi[0] });
    struct tensor *y = logistic_cell(
        tape, slice(tape, both, 3 * G, 3 * G),
        (struct logistic_cell_params){ .lo = rows->lo[1], .hi = rows->hi[1] });
    return total(tape, add(tape, x, y), -1.0 / R);
}

/* What these rows cost under the process itself, as a density. */
static double nll_of_process(const struct rows *rows)
{
    double squares = 0.0;
    for (size_t r = 0; r < R; r++) {
        double x = (double)rows->xy[r][0], y = (double)rows->xy[r][1];
        bool is_first = r % L == 0; /* then x has its standard deviation for all times */
        double before = is_first ? 0.0 : (double)rows->xy[r - 1][0];
        double share = is_first ? 1.0 - 0.81 : 1.0;
        squares += 100.0 * (share * (x - 0.9 * before) * (x - 0.9 * before) +
                            (y - 0.9 * x) * (y - 0.9 * x)) -
                   log(share);
    }
    return 0.5 * squares / R + log(0.01 * 2.0 * acos(-1.0));
}

START_TEST(an_autoregressive_process_is_learned_to_a_hundredth_of_a_nat)
{
#ifdef NN_GRADCHECK
    testing_skip("nn/learning", "the builds that check are too slow to learn in");
    return;
#endif
    static struct rows rows;
    struct model model = model_create();
    struct tape *tape = tape_create();
    struct optimiser_options options = OPTIMISER_DEFAULTS;
    options.rate = 0.03;
    options.n_steps = N_STEPS;
    struct optimiser *optimiser = optimiser_create(model.params, &options);
    struct error err;
    for (uint64_t step = 0; step < N_STEPS; step++) {
        draw_rows(&rows, step);
        tape_reset(tape, TAPE_TRAIN);
        struct tensor *loss = nll(tape, &model, &rows);
        assert_ok(tape_status(tape, &err), err);
        tape_backward(tape, loss);
        assert_ok(optimiser_step(optimiser, NULL, &err), err);
    }

    const double truth = 2.0 * log(0.1) + log(2.0 * acos(-1.0) * exp(1.0));
    assert_near(truth, -1.7673, 1e-4);
    double mean = 0.0, best = 0.0;
    for (uint64_t i = 0; i < N_HELD_OUT; i++) {
        draw_rows(&rows, N_STEPS + i);
        tape_reset(tape, TAPE_INFER);
        mean += ((double)nll(tape, &model, &rows)->data[0] + log(width * width)) / N_HELD_OUT;
        best += nll_of_process(&rows) / N_HELD_OUT;
    }
    /* On the same rows, and against the expectation, of which these rows are a sample. */
    assert_near(mean - best, 0.0, 0.01);
    assert_near(mean, truth, 0.01 + 3.0 / sqrt(N_HELD_OUT * R));
    optimiser_free(optimiser);
    tape_free(tape);
    params_free(model.params);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("nn/learning");
    testing_add(suite, an_autoregressive_process_is_learned_to_a_hundredth_of_a_nat);
    return suite;
}
