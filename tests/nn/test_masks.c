/* What may not see what: a change behind the mask leaves every bit, and gradients there are 0. */
#include "testing.h"

#include "base/rng.h"
#include "nn/ops.h"

#include <string.h>

enum { N = 2, L = 150, MAX_CIN = 32, MAX_COUT = 40 };

static void draw(real *x, size_t n, uint64_t stream)
{
    struct rng rng = rng_stream(2, RNG_TEST, stream, 0);
    for (size_t i = 0; i < n; i++)
        x[i] = (real)rng_normal(&rng);
}

static const struct {
    size_t kernel, Cin, Cout;
    struct conv1d_params params;
} convolutions[] = {
    { 2, 3, 20, { .dilation = 1 } },
    { 2, 3, 20, { .dilation = 64, .delay = 1 } },
    { 3, 3, 20, { .dilation = 4, .delay = 1, .gated = true } },
    { 3, 3, 20, { .dilation = 64, .gated = true } },
    { 2, 32, 40, { .dilation = 1, .delay = 1 } }, /* two taps in three products */
    { 2, 32, 40, { .dilation = 16, .gated = true } },
};

static struct tensor *convolve(struct tape *tape, struct tensor *x, int i)
{
    static real w[3 * MAX_CIN * MAX_COUT], b[MAX_COUT];
    size_t Cin = convolutions[i].Cin, Cout = convolutions[i].Cout;
    draw(w, ARRAY_LEN(w), 1);
    draw(b, ARRAY_LEN(b), 2);
    return conv1d(tape, x, tape_input(tape, SHAPE(convolutions[i].kernel, Cin, Cout), w),
                  tape_input(tape, SHAPE(Cout), b), NULL, NULL, convolutions[i].params);
}

START_TEST(convolutions_see_no_later_row)
{
    static real x[N * L * MAX_CIN], before[N * L * MAX_COUT], dy[N * L * MAX_COUT];
    struct tape *tape = tape_create();
    size_t delay = convolutions[_i].params.delay, Cin = convolutions[_i].Cin;
    draw(x, ARRAY_LEN(x), 0);
    for (size_t row = 0; row < N * L; row += 37) {
        size_t end_of_sequence = row / L * L + L;
        tape_reset(tape, TAPE_TRAIN);
        struct tensor *input = tape_input(tape, SHAPE(N, L, Cin), x);
        struct tensor *y = convolve(tape, input, _i);
        size_t C = tensor_channels(y);
        memcpy(before, y->data, tensor_size(y) * sizeof *before);
        x[row * Cin + 1] += 1;
        tape_reset(tape, TAPE_TRAIN);
        input = tape_input(tape, SHAPE(N, L, Cin), x);
        input->needs_grad = true;
        y = convolve(tape, input, _i);
        ck_assert_mem_eq(before, y->data, (row + delay) * C * sizeof *before);
        if (row + delay < end_of_sequence)
            ck_assert_mem_ne(before + (row + delay) * C, y->data + (row + delay) * C,
                             C * sizeof *before);
        ck_assert_mem_eq(before + end_of_sequence * C, y->data + end_of_sequence * C,
                         (N * L - end_of_sequence) * C * sizeof *before);

        /* A loss on rows up to this one has gradient 0 in what comes after. */
        memset(dy, 0, sizeof dy);
        draw(dy, (row + 1) * C, 3);
        tape_backward_from(tape, y, dy);
        for (size_t i = (row + 1 - (delay > 0)) * Cin; i < N * L * Cin; i++)
            ck_assert(input->grad[i] == 0);
    }
    tape_free(tape);
}
END_TEST

static const struct masked_linear_params order = { 4, { 2, 5, 5, 9 }, { 17, 3, 1, 20 } };

START_TEST(attributes_see_no_later_attribute)
{
    enum { R = 140, IN = 9, OUT = 41 };
    static real x[R * IN], w[IN * OUT], b[OUT], before[R * OUT], dy[R * OUT];
    draw(x, ARRAY_LEN(x), 0);
    draw(w, ARRAY_LEN(w), 1);
    draw(b, ARRAY_LEN(b), 2);
    struct tape *tape = tape_create();
    for (size_t i = 0; i < IN; i++) {
        size_t n_before = 0; /* outputs of blocks that do not see input i */
        for (size_t block = 0; block < order.n_blocks && order.n_inputs[block] <= i; block++)
            n_before += order.n_outputs[block];
        for (int changed = 0; changed < 2; changed++) {
            x[77 * IN + i] += (real)changed;
            tape_reset(tape, TAPE_TRAIN);
            struct tensor *input = tape_input(tape, SHAPE(R, IN), x);
            struct tensor *weight = tape_input(tape, SHAPE(IN, OUT), w);
            input->needs_grad = weight->needs_grad = true;
            struct tensor *y = masked_linear(tape, input, weight, tape_input(tape, SHAPE(OUT), b),
                                             &order);
            if (changed == 0) {
                memcpy(before, y->data, sizeof before);
                continue;
            }
            for (size_t r = 0; r < R; r++)
                ck_assert_mem_eq(before + r * OUT, y->data + r * OUT,
                                 (r == 77 ? n_before : OUT) * sizeof *before);
            ck_assert(n_before == OUT ||
                      before[77 * OUT + n_before] != y->data[77 * OUT + n_before]);

            /* A loss on the blocks that do not see it. */
            memset(dy, 0, sizeof dy);
            for (size_t r = 0; r < R; r++)
                draw(dy + r * OUT, n_before, r);
            tape_backward_from(tape, y, dy);
            for (size_t r = 0; r < R; r++)
                for (size_t j = i; j < IN; j++)
                    ck_assert(input->grad[r * IN + j] == 0);
            for (size_t o = 0; o < n_before; o++)
                ck_assert(weight->grad[i * OUT + o] == 0);
        }
    }
    tape_free(tape);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("nn/masks");
    testing_add_loop(suite, convolutions_see_no_later_row, ARRAY_LEN(convolutions));
    testing_add(suite, attributes_see_no_later_attribute);
    return suite;
}
