#include "testing.h"

#include "nn/op.h"

#include <math.h>

static const real numbers[] = { 1, 2, 3, 4, 5, 6 };

START_TEST(first_failure_stays_and_names_the_operation)
{
    struct tape *tape = tape_create();
    struct error err;
    tape_reset(tape, TAPE_TRAIN);
    struct tensor *x = tape_input(tape, SHAPE(2, 3), numbers);
    struct tensor *w = tape_input(tape, SHAPE(2, 2), numbers);
    struct tensor *y = linear(tape, x, w, NULL);
    ck_assert_ptr_null(y);
    ck_assert_ptr_null(add(tape, y, y));
    ck_assert_ptr_null(slice(tape, x, 7, 1));
    assert_fails(tape_status(tape, &err), STATUS_RANGE, err,
                 "linear: input has 3 channels but the weight is [2,2] (x [2,3])");
    tape_backward(tape, y); /* does nothing */
    tape_reset(tape, TAPE_TRAIN);
    assert_ok(tape_status(tape, &err), err);
    tape_free(tape);
}
END_TEST

static const int32_t index_7[] = { 7 }, target_3[] = { 3 }, starts_0_2[] = { 0, 2 };
static const int32_t starts_0_0[] = { 0, 0 }, starts_0_1[] = { 0, 1 }, zero[] = { 0 };
static const uint16_t name_1[] = { 1 }, name_3[] = { 3 };
static const uint8_t unavailable[] = { 0, 1, 1 };
static const double ones[] = { 1.0 };

#define X(...) tape_input(tape, SHAPE(__VA_ARGS__), numbers)

/* clang-format off */
static void make_mistake(struct tape *tape, int i)
{
    struct tensor *list[] = { X(2, 1), X(1, 2) };
    switch (i) {
    case 0: linear(tape, X(2, 2), X(2, 3), X(2)); break;
    case 1: linear_onto(tape, X(2, 2), X(2, 1), X(1, 3), NULL); break;
    case 2: conv1d(tape, X(2, 2), X(1, 2, 2), NULL, NULL, NULL, (struct conv1d_params){ 1, 0, false }); break;
    case 3: conv1d(tape, X(1, 2, 2), X(1, 3, 2), NULL, NULL, NULL, (struct conv1d_params){ 1, 0, false }); break;
    case 4: conv1d(tape, X(1, 2, 2), X(1, 2, 2), NULL, NULL, NULL, (struct conv1d_params){ 0, 0, false }); break;
    case 5: conv1d(tape, X(1, 2, 2), X(1, 2, 3), NULL, NULL, NULL, (struct conv1d_params){ 1, 0, true }); break;
    case 6: conv1d(tape, X(1, 2, 2), X(1, 2, 2), NULL, X(1, 2, 1), NULL, (struct conv1d_params){ 1, 0, false }); break;
    case 7: masked_linear(tape, X(2, 2), X(2, 2), NULL, &(struct masked_linear_params){ 1, { 3 }, { 2 } }); break;
    case 8: masked_linear(tape, X(2, 2), X(2, 2), NULL, &(struct masked_linear_params){ 1, { 2 }, { 3 } }); break;
    case 9: gather_sum(tape, X(2, 2), index_7, 1, 1); break;
    case 10: concat(tape, list, 2); break;
    case 11: reshape(tape, X(2, 2), SHAPE(3)); break;
    case 12: rms_norm(tape, X(2, 2), X(3)); break;
    case 13: dropout(tape, X(2, 2), (struct dropout_params){ 1.5, 0, 0 }); break;
    case 14: softmax_nll(tape, X(1, 3), (struct softmax_nll_params){ target_3, NULL }); break;
    case 15: pair_scores(tape, X(1, 3), X(2, 2), NULL, (struct pair_scores_params){ 1, zero, zero, 1.0 }); break;
    case 16: pair_scores(tape, X(1, 2), X(2, 2), NULL, (struct pair_scores_params){ 1, index_7, zero, 1.0 }); break;
    case 17: slots_nll(tape, X(1, 3), X(1), (struct slots_nll_params){ zero, starts_0_2, NULL }); break;
    case 18: slots_nll(tape, X(1, 3), X(1), (struct slots_nll_params){ zero, starts_0_1, unavailable }); break;
    case 19: routes_nll(tape, X(1, 3), NULL, (struct routes_nll_params){ .start = starts_0_0, .route = zero }); break;
    case 20: routes_nll(tape, X(1, 3), NULL, (struct routes_nll_params){ .start = starts_0_1, .route = zero, .available = unavailable }); break;
    case 21: logistic_cell(tape, X(1, 3), (struct logistic_cell_params){ ones, ones, .first = 0 }); break;
    case 22: logistic_cell(tape, X(1, 2), (struct logistic_cell_params){ ones, ones, .first = 0 }); break;
    case 23: add(tape, X(2), X(3)); break;
    case 24: channel_sum(tape, X(1, 3), X(3), (struct channel_sum_params){ name_1, 1, 0, 0, 2, 1 }); break;
    case 25: channel_sum(tape, X(1, 3), X(3), (struct channel_sum_params){ name_1, 1, 0, 0, 1, 2 }); break;
    case 26: channel_sum(tape, X(1, 3), X(3), (struct channel_sum_params){ name_3, 1, 0, 0, 1, 1 }); break;
    case 27: channel_sum(tape, X(1, 3), X(3), (struct channel_sum_params){ name_3, 1, 1, 0, 1, 1 }); break;
    case 28: masked_linear(tape, X(2, 2), X(2, 2), NULL, &(struct masked_linear_params){ 2, { 2, 1 }, { 1, 1 } }); break;
    default: BUG("case %d", i);
    }
}
/* clang-format on */

static const char *const messages[] = {
    "linear: bias is [2] but the weight [2,3]",
    "linear: base is [2,2] but the result [2,3]",
    "conv1d: x and weight need three sizes",
    "conv1d: input has 2 channels but weight expects 3 (x [1,2,2], w [1,3,2])",
    "conv1d: kernel 1 with dilation 0",
    "conv1d: a gate halves the channels, but there are 3",
    "conv1d: context and its weight come together",
    "masked_linear: block 0 sees 3 channels of 2",
    "masked_linear: the blocks have 3 outputs but the weight is [2,2]",
    "gather_sum: row 0 asks for row 7 of x [2,2]",
    "concat: input 1 is [1,2] but the first [2,1]",
    "reshape: [3] does not have the size of [2,2]",
    "norm: gain is [3] and bias none",
    "dropout: rate 1.5",
    "softmax_nll: row 0 has target 3 of 3 categories",
    "pair_scores: query is [1,3] but key [2,2]",
    "pair_scores: pair 0 is rows 7 and 0",
    "slots_nll: row 0 has slots 0..2 of 1",
    "slots_nll: row 0 has target 0 of 3 choices and 1 slots",
    "routes_nll: no route leads to the value of row 0",
    "routes_nll: row 0 takes route 0, which is not there",
    "logistic_cell: row 0 has the interval 1..1",
    "logistic_cell: x [1,2] is not 3 times",
    "add: a is [2] but b [3]",
    "channel_sum: 2 sums from 0 on of 1 channels by 1 and 0 names (x is [1,3])",
    "channel_sum: row 0 has name 1 of [1,3]",
    "channel_sum: row 0 has name 3 of [1,3]",
    "channel_sum: row 0 has name 3 of [3]",
    "masked_linear: block 1 sees 1 channels, fewer than the 2 of the one before",
};

START_TEST(wrong_shapes_and_values_are_errors)
{
    struct tape *tape = tape_create();
    struct error err;
    tape_reset(tape, TAPE_TRAIN);
    make_mistake(tape, _i);
    assert_fails(tape_status(tape, &err), STATUS_RANGE, err, messages[_i]);
    tape_free(tape);
}
END_TEST

START_TEST(gradients_of_several_uses_add_up)
{
    struct tape *tape = tape_create();
    for (int step = 0; step < 2; step++) {
        tape_reset(tape, TAPE_TRAIN);
        struct tensor *x = tape_input(tape, SHAPE(2, 3), numbers);
        x->needs_grad = true;
        /* 2 (x + x) + x + 1/2 of it: 5.5 */
        struct tensor *twice = add(tape, x, x);
        struct tensor *y = add(tape, add(tape, twice, twice), reshape(tape, x, SHAPE(2, 3)));
        struct tensor *loss = add(tape, total(tape, y, 1.0), total(tape, x, 0.5));
        ck_assert(loss->data[0] == 21 * (real)5.5);
        tape_backward(tape, loss);
        for (size_t i = 0; i < 6; i++)
            ck_assert(x->grad[i] == (real)5.5);
    }
    tape_free(tape);
}
END_TEST

START_TEST(inference_keeps_nothing_and_drops_nothing)
{
    struct tape *tape = tape_create();
    tape_reset(tape, TAPE_INFER);
    struct tensor *x = tape_input(tape, SHAPE(2, 3), numbers);
    x->needs_grad = true;
    ck_assert_ptr_eq(dropout(tape, x, (struct dropout_params){ 0.5, 1, 1 }), x);
    struct tensor *y = total(tape, x, 1.0);
    ck_assert(!y->needs_grad);
    tape_backward(tape, y);
    ck_assert_ptr_null(x->grad);
    tape_free(tape);
}
END_TEST

START_TEST(dropout_keeps_its_share_and_its_mean)
{
    enum { SIZE = 100000 };
    struct tape *tape = tape_create();
    tape_reset(tape, TAPE_TRAIN);
    struct tensor *x = tape_buffer(tape, SHAPE(SIZE));
    for (size_t i = 0; i < SIZE; i++)
        x->data[i] = 1;
    x->needs_grad = true;
    const struct tensor *y = dropout(tape, x, (struct dropout_params){ 0.25, 1, 5 });
    const struct tensor *other = dropout(tape, x, (struct dropout_params){ 0.25, 1, 6 });
    double n_kept = 0.0, n_same = 0.0;
    for (size_t i = 0; i < SIZE; i++) {
        ck_assert(y->data[i] == 0 || y->data[i] == (real)(4.0 / 3.0));
        n_kept += y->data[i] > 0;
        n_same += (y->data[i] > 0) == (other->data[i] > 0);
    }
    assert_near(n_kept / SIZE, 0.75, 5.0 * sqrt(0.75 * 0.25 / SIZE));
    assert_near(n_same / SIZE, 0.625, 0.01);
    tape_free(tape);
}
END_TEST

START_TEST(numeric_failure_has_an_address)
{
    struct tape *tape = tape_create();
    struct error err;
    tape_reset(tape, TAPE_TRAIN);
    real w[] = { 1, 0, (real)INFINITY };
    struct tensor *x = tape_input(tape, SHAPE(2, 3), numbers);
    struct tensor *weight = tape_input(tape, SHAPE(3, 1), w);
    weight->needs_grad = true;
    weight->name = "head.weight";
    struct tensor *y = linear(tape, x, weight, NULL);
    total(tape, activate(tape, y, ACTIVATION_RELU), 1.0);
    assert_fails(tape_check_finite(tape, &err), STATUS_NUMERIC, err,
                 "linear (head.weight) gave inf or nan (result [2,1])");
    tape_free(tape);
}
END_TEST

START_TEST(heads_without_rows_are_nothing)
{
    struct tape *tape = tape_create();
    struct error err;
    tape_reset(tape, TAPE_TRAIN);
    struct tensor *x = tape_input(tape, SHAPE(2, 3), numbers);
    struct tensor *w = tape_input(tape, SHAPE(3, 2), numbers);
    x->needs_grad = w->needs_grad = true;
    struct tensor *none = gather_sum(tape, x, zero, 0, 1);
    struct tensor *nll = softmax_nll(tape, linear(tape, none, w, NULL),
                                     (struct softmax_nll_params){ .target = zero });
    struct tensor *loss = total(tape, nll, 1.0);
    assert_ok(tape_status(tape, &err), err);
    ck_assert(loss->data[0] == 0);
    tape_backward(tape, loss);
    for (size_t i = 0; i < 6; i++)
        ck_assert(x->grad[i] == 0 && w->grad[i] == 0);
    tape_free(tape);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("nn/tape");
    testing_add(suite, first_failure_stays_and_names_the_operation);
    testing_add_loop(suite, wrong_shapes_and_values_are_errors, ARRAY_LEN(messages));
    testing_add(suite, gradients_of_several_uses_add_up);
    testing_add(suite, inference_keeps_nothing_and_drops_nothing);
    testing_add(suite, dropout_keeps_its_share_and_its_mean);
    testing_add(suite, numeric_failure_has_an_address);
    testing_add(suite, heads_without_rows_are_nothing);
    return suite;
}
