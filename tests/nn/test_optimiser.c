#include "testing.h"

#include "base/arena.h"
#include "base/threads.h"
#include "nn/optimiser.h"

#include <math.h>
#include <string.h>

#define TOLERANCE (sizeof(real) == sizeof(float) ? 2e-6 : 1e-12)

enum { ROWS = 5, COLUMNS = 7, SIZE = ROWS * COLUMNS };

struct fixture {
    struct params *params;
    struct tensor *w, *b;
};

static struct fixture make(void)
{
    struct fixture made = { .params = params_create() };
    made.w = params_add(made.params, SHAPE(ROWS, COLUMNS), INIT_NORMAL(1.0), "w");
    made.b = params_add(made.params, SHAPE(COLUMNS), INIT_CONSTANT(0.5), "b%d", 1);
    params_finish(made.params, 7);
    return made;
}

START_TEST(parameters_lie_in_one_block_that_the_table_describes)
{
    struct fixture made = make(), again = make();
    ck_assert_ptr_eq(params_find(made.params, "b1"), made.b);
    ck_assert_ptr_null(params_find(made.params, "b2"));
    ck_assert_uint_eq(params_count(made.params), SIZE + COLUMNS);
    ck_assert_ptr_eq(made.w->data, made.params->values);
    ck_assert_ptr_eq(made.b->data, made.params->values + made.params->table[1].offset);
    ck_assert_ptr_eq(made.b->grad, made.params->grads + made.params->table[1].offset);
    ck_assert_uint_eq((uintptr_t)made.b->data % ARENA_ALIGNMENT, 0);
    ck_assert_mem_eq(made.params->values, again.params->values, made.params->size * sizeof(real));
    ck_assert(made.b->data[3] == (real)0.5 && made.w->data[0] != made.w->data[1]);
    params_free(made.params);
    params_free(again.params);
}
END_TEST

/* The two lines of the header, one number at a time, in double. */
START_TEST(steps_are_those_of_adamw)
{
    struct fixture made = make();
    struct optimiser_options options = OPTIMISER_DEFAULTS;
    options.rate = 0.1;
    options.n_warm_up = 3;
    options.n_steps = 9;
    options.decay = 0.2;
    options.clip_norm = 4.0;
    struct optimiser *optimiser = optimiser_create(made.params, &options);
    double w[SIZE + COLUMNS], m[SIZE + COLUMNS] = { 0 }, v[SIZE + COLUMNS] = { 0 };
    for (size_t i = 0; i < SIZE + COLUMNS; i++)
        w[i] = (double)(i < SIZE ? made.w->data[i] : made.b->data[i - SIZE]);
    for (size_t t = 0; t < 12; t++) {
        double g[SIZE + COLUMNS], squares = 0.0, norm;
        for (size_t i = 0; i < SIZE + COLUMNS; i++) {
            g[i] = (double)(real)(sin((double)(i + 1)) * (t % 2 == 0 ? 2.0 : 0.1));
            squares += g[i] * g[i];
            *(i < SIZE ? &made.w->grad[i] : &made.b->grad[i - SIZE]) = (real)g[i];
        }
        struct error err;
        assert_ok(optimiser_step(optimiser, &norm, &err), err);
        assert_near(norm, sqrt(squares), 1e-5);
        double rate = optimiser_rate(&options, t);
        double scale = norm > 4.0 ? 4.0 / norm : 1.0;
        for (size_t i = 0; i < SIZE + COLUMNS; i++) {
            m[i] = 0.9 * m[i] + 0.1 * scale * g[i];
            v[i] = 0.99 * v[i] + 0.01 * scale * scale * g[i] * g[i];
            double n = (double)(t + 1);
            double first = m[i] / (1.0 - pow(0.9, n)), second = v[i] / (1.0 - pow(0.99, n));
            double decay = i < SIZE ? 0.2 : 0.0;
            w[i] -= rate * (first / (sqrt(second) + 1e-8) + decay * w[i]);
            const struct tensor *x = i < SIZE ? made.w : made.b;
            size_t j = i < SIZE ? i : i - SIZE;
            assert_near((double)x->data[j], w[i], TOLERANCE * (double)(t + 1));
            ck_assert(x->grad[j] == 0);
        }
    }
    ck_assert_uint_eq(optimiser_state(optimiser)->n_steps_done, 12);
    optimiser_free(optimiser);
    params_free(made.params);
}
END_TEST

START_TEST(rate_rises_and_falls)
{
    struct optimiser_options options = OPTIMISER_DEFAULTS;
    options.rate = 2.0;
    options.n_warm_up = 10;
    options.n_steps = 110;
    options.final_share = 0.1;
    assert_near(optimiser_rate(&options, 0), 0.2, 1e-12);
    assert_near(optimiser_rate(&options, 9), 2.0, 1e-12);
    assert_near(optimiser_rate(&options, 10), 2.0, 1e-12);
    assert_near(optimiser_rate(&options, 60), 2.0 * 0.55, 1e-12);
    assert_near(optimiser_rate(&options, 110), 0.2, 1e-12);
    assert_near(optimiser_rate(&options, 500), 0.2, 1e-12);
    options.n_steps = 0;
    assert_near(optimiser_rate(&options, 500), 2.0, 1e-12);
}
END_TEST

START_TEST(gradients_that_are_not_finite_change_nothing)
{
    struct fixture made = make();
    struct optimiser *optimiser = optimiser_create(made.params, &OPTIMISER_DEFAULTS);
    real before = made.w->data[4];
    struct error err;
    made.w->grad[4] = (real)NAN;
    assert_fails(optimiser_step(optimiser, NULL, &err), STATUS_NUMERIC, err,
                 "step 0: the gradient's norm is");
    ck_assert(made.w->data[4] == before);
    ck_assert_uint_eq(optimiser_state(optimiser)->n_steps_done, 0);
    optimiser_free(optimiser);
    params_free(made.params);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("nn/optimiser");
    testing_add(suite, parameters_lie_in_one_block_that_the_table_describes);
    testing_add(suite, steps_are_those_of_adamw);
    testing_add(suite, rate_rises_and_falls);
    testing_add(suite, gradients_that_are_not_finite_change_nothing);
    return suite;
}
