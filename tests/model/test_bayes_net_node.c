/* The tables of one attribute, against the formula written out. */
#include "testing.h"

#include "base/memory.h"
#include "model/bayes_net_node.h"

#include <math.h>
#include <stdlib.h>

enum { N_ROWS = 3000, N_BINS = 7, N_A = 5, N_B = 11 };

/* Rows in which bin 5 and parent bin 3 are never seen, with dependent columns. */
struct made_rows {
    uint32_t bins[N_ROWS], hours[N_ROWS], a[N_ROWS], b[N_ROWS];
};

static struct node_rows make_rows(struct made_rows *made, size_t n_parents)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        struct rng rng = rng_stream(1, RNG_TEST, 0, i);
        uint32_t bin = (uint32_t)(rng_below(&rng, N_BINS) * rng_below(&rng, N_BINS)) % N_BINS;
        made->bins[i] = bin == 5 ? 0 : bin;
        made->hours[i] = (uint32_t)rng_below(&rng, 6) + made->bins[i];
        made->a[i] = rng_below(&rng, 3) == 0 ? (uint32_t)rng_below(&rng, 2) : made->bins[i] % 3;
        made->b[i] = (uint32_t)rng_below(&rng, 4) + made->bins[i];
        if (i % 500 == 0)
            made->a[i] = NODE_NO_BIN; /* a host's first row */
    }
    return (struct node_rows){
        .n = N_ROWS,
        .bins = made->bins,
        .hours = made->hours,
        .parents = { made->a, made->b },
        .n_parent_bins = { N_A, N_B },
        .n_parents = n_parents,
    };
}

/* (c + s) / (n + s k), or 1 / k for 0 / 0. */
static double smoothed(double count, double n, double smoothing, double k)
{
    return n + smoothing * k > 0.0 ? (count + smoothing) / (n + smoothing * k) : 1.0 / k;
}

/* How often rows have that bin and, where column is not NULL, that value (or any but none). */
static double count(const struct made_rows *made, uint32_t bin, const uint32_t *column,
                    int64_t value)
{
    double n = 0.0;
    for (size_t i = 0; i < N_ROWS; i++)
        n += made->bins[i] == bin &&
             (column == NULL || (value >= 0 ? column[i] == value : column[i] != NODE_NO_BIN));
    return n;
}

static const struct {
    size_t n_parents;
    double smoothing;
    bool uses_hour;
} cases[] = {
    { 0, 1.0, false }, { 0, 1.0, true },  { 1, 1.0, false }, { 1, 1.0, true }, { 1, 0.1, true },
    { 2, 1.0, true },  { 2, 0.5, false }, { 1, 0.0, true },  { 2, 0.0, true }, { 0, 0.0, true },
};

/* Every mass against the formula, and the sum over the bins, for every hour and all parents. */
START_TEST(masses_are_those_of_the_formula_and_sum_to_one)
{
    struct made_rows made;
    struct node_rows rows = make_rows(&made, cases[_i].n_parents);
    double smoothing = cases[_i].smoothing;
    struct node node;
    node_fit(&node, &rows, N_BINS, smoothing, cases[_i].uses_hour, NULL);

    double n_bin[N_BINS], with_a[N_BINS], of_a[N_A][N_BINS], of_b[N_B][N_BINS];
    double of_hour[NODE_HOURS][N_BINS];
    for (uint32_t bin = 0; bin < N_BINS; bin++) {
        n_bin[bin] = count(&made, bin, NULL, 0);
        with_a[bin] = count(&made, bin, made.a, -1);
        for (int64_t a = 0; a < N_A; a++)
            of_a[a][bin] = smoothed(count(&made, bin, made.a, a), with_a[bin], smoothing, N_A);
        for (int64_t b = 0; b < N_B; b++)
            of_b[b][bin] = smoothed(count(&made, bin, made.b, b), n_bin[bin], smoothing, N_B);
        for (int64_t hour = 0; hour < NODE_HOURS; hour++)
            of_hour[hour][bin] = smoothed(count(&made, bin, made.hours, hour), n_bin[bin],
                                          smoothing, NODE_HOURS);
    }
    for (int hour = 0; hour < NODE_HOURS; hour++) {
        for (uint32_t a = 0; a < N_A; a++) {
            for (uint32_t b = 0; b < N_B; b++) {
                double mass[N_BINS], all = 0.0, sum = 0.0;
                for (uint32_t bin = 0; bin < N_BINS; bin++) {
                    mass[bin] = smoothed(n_bin[bin], N_ROWS, smoothing, N_BINS);
                    mass[bin] *= cases[_i].uses_hour ? of_hour[hour][bin] : 1.0;
                    mass[bin] *= cases[_i].n_parents > 0 ? of_a[a][bin] : 1.0;
                    mass[bin] *= cases[_i].n_parents > 1 ? of_b[b][bin] : 1.0;
                    all += mass[bin];
                }
                for (uint32_t bin = 0; bin < N_BINS; bin++) {
                    double got = exp(node_log_mass(&node, hour, (uint32_t[]){ a, b }, bin));
                    assert_near(got, all > 0.0 ? mass[bin] / all : 1.0 / N_BINS, 1e-12);
                    sum += got;
                }
                assert_near(sum, 1.0, 1e-12);
            }
        }
    }
    double sum = 0.0;
    for (uint32_t bin = 0; bin < N_BINS; bin++)
        sum += exp(node_log_mass(&node, 0, NULL, bin));
    assert_near(sum, 1.0, 1e-12);
    node_release(&node);
}
END_TEST

static void check_draws(const struct node *node, int hour, const uint32_t *parents, uint64_t stream)
{
    enum { N = 20000 };
    double counts[N_BINS] = { 0.0 }, statistic = 0.0, n_possible = 0.0;
    struct rng rng = rng_stream(2, RNG_TEST, stream, 0);
    for (int i = 0; i < N; i++)
        counts[node_draw(node, hour, parents, &rng)] += 1.0;
    for (uint32_t bin = 0; bin < N_BINS; bin++) {
        double expected = N * exp(node_log_mass(node, hour, parents, bin));
        if (expected < 1e-6) {
            ck_assert_double_eq(counts[bin], 0.0);
            continue;
        }
        statistic += (counts[bin] - expected) * (counts[bin] - expected) / expected;
        n_possible += 1.0;
    }
    if (n_possible > 1.0)
        ck_assert_double_gt(testing_chi_square_p(statistic, n_possible - 1.0), 1e-6);
}

START_TEST(draws_and_the_best_follow_the_masses)
{
    struct made_rows made;
    struct node_rows rows = make_rows(&made, cases[_i].n_parents);
    struct node node;
    node_fit(&node, &rows, N_BINS, cases[_i].smoothing, cases[_i].uses_hour, NULL);
    const uint32_t parents[][2] = { { 0, 0 }, { 1, 3 }, { 2, 8 }, { 3, 10 } };
    const int hours[] = { 0, 5, 11, 23 };
    for (size_t p = 0; p < ARRAY_LEN(parents); p++) {
        check_draws(&node, hours[p], parents[p], p);
        uint32_t best = node_best(&node, hours[p], parents[p]);
        for (uint32_t bin = 0; bin < N_BINS; bin++)
            ck_assert_double_le(node_log_mass(&node, hours[p], parents[p], bin),
                                node_log_mass(&node, hours[p], parents[p], best));
    }
    check_draws(&node, 0, NULL, 99);
    node_release(&node);
}
END_TEST

/* Priors from a mixture can be as small as they like. */
START_TEST(tiny_priors_do_not_underflow)
{
    struct made_rows made;
    struct node_rows rows = make_rows(&made, 1);
    const double log_prior[N_BINS] = {
        -2000.0, -2001.0, -2002.0, -2500.0, -2001.5, -9000.0, -2000.0
    };
    struct node node;
    node_fit(&node, &rows, N_BINS, 1.0, true, log_prior);
    for (uint32_t a = 0; a < N_A; a++) {
        double sum = 0.0;
        for (uint32_t bin = 0; bin < N_BINS; bin++) {
            double log_mass = node_log_mass(&node, 3, &a, bin);
            ck_assert(isfinite(log_mass));
            sum += exp(log_mass);
        }
        assert_near(sum, 1.0, 1e-12);
    }
    ck_assert_double_lt(node_log_mass(&node, 3, (uint32_t[]){ 0 }, 5), -6000.0);
    node_release(&node);
}
END_TEST

/* Counted in full or by sorting, a table is the same, and has a row only for what was seen. */
START_TEST(tables_hold_what_was_seen)
{
    enum { WIDE = 3000, N = 5000 };
    uint32_t *a = memory_alloc(N, sizeof *a), *b = memory_alloc(N, sizeof *b);
    for (size_t i = 0; i < N; i++) {
        struct rng rng = rng_stream(3, RNG_TEST, 0, i);
        a[i] = i % 100 == 0 ? NODE_NO_BIN : (uint32_t)rng_below(&rng, 30);
        b[i] = (uint32_t)rng_below(&rng, 40);
    }
    struct pair_table full, sorted;
    pair_table_count(&full, a, 30, b, 40, N);
    pair_table_count(&sorted, a, WIDE, b, WIDE, N);
    ck_assert_uint_eq(full.n_pairs, sorted.n_pairs);
    ck_assert_uint_le(full.n_pairs, 30 * 40);
    ck_assert_mem_eq(full.parent_bins, sorted.parent_bins, full.n_pairs * sizeof *a);
    ck_assert_mem_eq(full.bins, sorted.bins, full.n_pairs * sizeof *a);
    ck_assert_mem_eq(full.counts, sorted.counts, full.n_pairs * sizeof *a);
    size_t total = 0;
    for (size_t i = 0; i < full.n_pairs; i++)
        total += full.counts[i];
    ck_assert_uint_eq(total, N - N / 100);
    pair_table_release(&full);
    pair_table_release(&sorted);
    free(a);
    free(b);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/bayes_net_node");
    testing_add_loop(suite, masses_are_those_of_the_formula_and_sum_to_one, ARRAY_LEN(cases));
    testing_add_loop(suite, draws_and_the_best_follow_the_masses, ARRAY_LEN(cases));
    testing_add(suite, tiny_priors_do_not_underflow);
    testing_add(suite, tables_hold_what_was_seen);
    return suite;
}
