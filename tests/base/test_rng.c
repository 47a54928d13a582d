#include "testing.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

/* Random123's own known answer for philox4x32-10 with counter and key 0 (kat_vectors). */
START_TEST(first_block_is_the_published_one)
{
    struct rng rng = { .next = 4 };
    ck_assert_uint_eq(rng_u32(&rng), 0x6627e8d5u);
    ck_assert_uint_eq(rng_u32(&rng), 0xe169c58du);
    ck_assert_uint_eq(rng_u32(&rng), 0xbc57ac4cu);
    ck_assert_uint_eq(rng_u32(&rng), 0x9b00dbd8u);
}
END_TEST

START_TEST(streams_differ_in_every_part_of_their_name)
{
    struct rng streams[] = {
        rng_stream(1, RNG_TEST, 2, 3),
        rng_stream(2, RNG_TEST, 2, 3),
        rng_stream(1ull << 32, RNG_TEST, 2, 3),
        rng_stream(1, RNG_SAMPLE, 2, 3),
        rng_stream(1, RNG_TEST, 3, 3),
        rng_stream(1, RNG_TEST, 2, 4),
        rng_stream(1, RNG_TEST, 2, 3 + (1ull << 32)),
    };
    uint64_t first[ARRAY_LEN(streams)];
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        first[i] = rng_u64(&streams[i]);
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(first[i], first[j]);
    }
    struct rng again = rng_stream(1, RNG_TEST, 2, 3);
    ck_assert_uint_eq(rng_u64(&again), first[0]);
}
END_TEST

/* Mean and variance of n draws, each within five of its standard errors. */
static void check_moments(double (*draw)(struct rng *), double mean, double variance, double fourth)
{
    enum { N = 200000 };
    struct rng rng = rng_stream(7, RNG_TEST, 0, 0);
    double sum = 0.0, square = 0.0;
    for (int i = 0; i < N; i++) {
        double x = draw(&rng) - mean;
        sum += x;
        square += x * x;
    }
    assert_near(sum / N, 0.0, 5.0 * sqrt(variance / N));
    assert_near(square / N, variance, 5.0 * sqrt((fourth - variance * variance) / N));
}

static double draw_gamma_half(struct rng *rng)
{
    return rng_gamma(rng, 0.5);
}

static double draw_gamma_three(struct rng *rng)
{
    return rng_gamma(rng, 3.0);
}

START_TEST(many_words_are_those_of_single_calls)
{
    static const size_t lengths[] = { 1, 3, 64, 0, 200, 63, 129 };
    struct rng one = rng_stream(9, RNG_TEST, 8, 7), many = one;
    for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
        uint32_t words[200];
        rng_fill(&many, words, lengths[k]);
        for (size_t i = 0; i < lengths[k]; i++)
            ck_assert_uint_eq(words[i], rng_u32(&one));
    }
}
END_TEST

START_TEST(moments_are_those_of_the_distributions)
{
    check_moments(rng_uniform, 0.5, 1.0 / 12.0, 1.0 / 80.0);
    check_moments(rng_normal, 0.0, 1.0, 3.0);
    check_moments(rng_exponential, 1.0, 1.0, 9.0);
    check_moments(draw_gamma_half, 0.5, 0.5, 3.0 * 0.25 + 6.0 * 0.5);
    check_moments(draw_gamma_three, 3.0, 3.0, 3.0 * 9.0 + 6.0 * 3.0);
}
END_TEST

START_TEST(below_is_even)
{
    enum { N = 70000, SIDES = 7 };
    struct rng rng = rng_stream(9, RNG_TEST, 0, 0);
    double counts[SIDES] = { 0 }, statistic = 0.0;
    for (int i = 0; i < N; i++)
        counts[rng_below(&rng, SIDES)] += 1.0;
    for (int i = 0; i < SIDES; i++)
        statistic += (counts[i] - N / SIDES) * (counts[i] - N / SIDES) / (N / SIDES);
    ck_assert_double_gt(testing_chi_square_p(statistic, SIDES - 1), 1e-6);
}
END_TEST

START_TEST(choice_follows_weights_and_never_takes_zero)
{
    const double weights[] = { 0.0, 1.0, 0.0, 3.0, 0.0 };
    struct rng rng = rng_stream(11, RNG_TEST, 0, 0);
    int counts[5] = { 0 };
    for (int i = 0; i < 40000; i++)
        counts[rng_choice(&rng, weights, 5)]++;
    ck_assert_int_eq(counts[0] + counts[2] + counts[4], 0);
    assert_near(counts[1] / 40000.0, 0.25, 5.0 * sqrt(0.25 * 0.75 / 40000));
}
END_TEST

START_TEST(shuffle_keeps_every_item)
{
    size_t items[100];
    bool seen[100] = { false };
    for (size_t i = 0; i < 100; i++)
        items[i] = i;
    struct rng rng = rng_stream(13, RNG_TEST, 0, 0);
    rng_shuffle(&rng, items, 100, sizeof *items);
    size_t n_moved = 0;
    for (size_t i = 0; i < 100; i++) {
        ck_assert(!seen[items[i]]);
        seen[items[i]] = true;
        n_moved += items[i] != i;
    }
    ck_assert_uint_gt(n_moved, 80);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("base/rng");
    testing_add(suite, first_block_is_the_published_one);
    testing_add(suite, streams_differ_in_every_part_of_their_name);
    testing_add(suite, many_words_are_those_of_single_calls);
    testing_add(suite, moments_are_those_of_the_distributions);
    testing_add(suite, below_is_even);
    testing_add(suite, choice_follows_weights_and_never_takes_zero);
    testing_add(suite, shuffle_keeps_every_item);
    return suite;
}
