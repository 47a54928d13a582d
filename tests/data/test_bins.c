#include "testing.h"

#include "base/memory.h"
#include "data/bins.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Heavy-tailed values >= lowest with a spike, in order; caller frees. */
static int64_t *draw_values(size_t n, int64_t lowest, uint64_t seed)
{
    int64_t *values = memory_alloc(n, sizeof *values);
    struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
    for (size_t i = 0; i < n; i++)
        values[i] = lowest + 5 +
                    (rng_uniform(&rng) < 0.2 ? 40 : (int64_t)exp(2.0 * rng_normal(&rng) + 5.0));
    qsort(values, n, sizeof *values, ascending);
    return values;
}

/* Each bin holds what bins_find says, and its shares sum to 1. `most`: what is enumerated at most
 * of a bin. */
static void check_partition(const struct bins *bins, int64_t most)
{
    ck_assert_uint_eq(bins->n, bins->n_ranges + bins->n_atoms);
    uint64_t total = 0;
    for (size_t bin = 0; bin < bins->n; bin++) {
        int64_t first = bins_first(bins, bin), last = bins_last(bins, bin);
        ck_assert_int_le(first, last);
        ck_assert_uint_ge(bins->widths[bin], 1);
        total += bins->widths[bin];
        if (bin == 0)
            ck_assert_int_eq(first, bins->n_ranges > 0 ? bins->lowest : bins->atoms[0]);
        else if (bin < bins->n_ranges)
            ck_assert_int_eq(first, bins_last(bins, bin - 1) + 1);
        if (last - first >= most)
            continue;
        double sum = 0.0;
        uint64_t width = 0;
        for (int64_t x = first; x <= last; x++) {
            if (bins_find(bins, x) == bin) {
                sum += exp(bins_log_share(bins, bin, x));
                width++;
            } else {
                ck_assert_uint_ge(bins_find(bins, x), bins->n_ranges);
            }
        }
        ck_assert_uint_eq(width, bins->widths[bin]);
        assert_near(sum, 1.0, 1e-9);
    }
    if (bins->n_ranges > 0)
        ck_assert_int_eq(bins_last(bins, bins->n_ranges - 1), bins->highest);
    ck_assert_uint_eq(total, (uint64_t)bins->highest - (uint64_t)bins->lowest + 1);
    ck_assert_uint_eq(bins_find(bins, bins->lowest - 1), bins->n);
    if (bins->highest < INT64_MAX)
        ck_assert_uint_eq(bins_find(bins, bins->highest + 1), bins->n);
}

static const struct {
    int64_t lowest, highest;
    struct bins_settings settings;
    size_t at_most; /* ranges between the smallest and the largest value */
} range_cases[] = {
    { 0, INT64_MAX, { .rule = BINS_FREEDMAN_DIACONIS }, BINS_MOST },
    { 1, INT64_MAX, { .rule = BINS_SQUARE_ROOT }, 71 },
    { 0, UINT32_MAX, { .rule = BINS_FIXED, .number = 304 }, 304 },
    { 0, INT64_MAX, { .rule = BINS_FIXED, .number = 1 }, 1 },
};

START_TEST(ranges_cover_the_support)
{
    int64_t lowest = range_cases[_i].lowest;
    int64_t *values = draw_values(5000, lowest, 3);
    struct bins_sample sample = { values, NULL, 5000 };
    struct bins *bins = bins_create_ranges(&sample, 1, lowest, range_cases[_i].highest,
                                           &range_cases[_i].settings);
    check_partition(bins, 100000);
    ck_assert_uint_le(bins->n_ranges, range_cases[_i].at_most + 2);
    ck_assert_uint_ge(bins->n_ranges, 3);
    ck_assert_int_gt(values[0], lowest);
    ck_assert_int_eq(bins_first(bins, 1), values[0]);
    ck_assert_int_eq(bins_first(bins, bins->n_ranges - 1), values[4999] + 1);
    bins_free(bins);
    free(values);
}
END_TEST

/* Quartiles log(1 + 0), log(1 + 2) and n = 8 give a width of 2 log(3) / 2 = log(3): four bins over
 * a span of log(31), with edges at 31^(1/4), 31^(2/4), 31^(3/4) less 1: 1.36, 4.57, 12.14. */
START_TEST(freedman_diaconis_by_hand)
{
    const int64_t values[] = { 0, 0, 0, 1, 1, 2, 2, 30 }, firsts[] = { 0, 2, 5, 13, 31 };
    struct bins_sample sample = { values, NULL, 8 };
    struct bins *bins = bins_create_ranges(&sample, 1, 0, INT64_MAX, &(struct bins_settings){ 0 });
    ck_assert_uint_eq(bins->n_ranges, ARRAY_LEN(firsts));
    ck_assert_mem_eq(bins->firsts, firsts, sizeof firsts);
    bins_free(bins);
}
END_TEST

/* More than half of the values are equal: the IQR is 0, and Scott's width takes over. */
START_TEST(ties_do_not_make_one_bin_of_all)
{
    int64_t values[1000] = { 0 };
    for (int i = 0; i < 200; i++)
        values[800 + i] = 1 + i * i;
    struct bins_sample sample = { values, NULL, 1000 };
    struct bins *bins = bins_create_ranges(&sample, 1, 0, INT64_MAX, &(struct bins_settings){ 0 });
    ck_assert_uint_ge(bins->n_ranges, 10);
    check_partition(bins, 100000);
    bins_free(bins);

    sample.n = 800; /* all equal */
    bins = bins_create_ranges(&sample, 1, 0, INT64_MAX, &(struct bins_settings){ 0 });
    ck_assert_uint_eq(bins->n_ranges, 2);
    ck_assert_int_eq(bins->firsts[1], 1);
    bins_free(bins);
}
END_TEST

START_TEST(two_samples_share_their_edges)
{
    int64_t *low = draw_values(3000, 0, 5), *high = draw_values(1000, 100000, 6);
    struct bins_sample sides[] = { { low, NULL, 3000 }, { high, NULL, 1000 } };
    int64_t *both = memory_alloc(4000, sizeof *both);
    memcpy(both, low, 3000 * sizeof *both);
    memcpy(both + 3000, high, 1000 * sizeof *both);
    qsort(both, 4000, sizeof *both, ascending);
    struct bins_sample joined = { both, NULL, 4000 };
    struct bins_settings settings = { 0 };
    struct bins *a = bins_create_ranges(sides, 2, 0, INT64_MAX, &settings);
    struct bins *b = bins_create_ranges(&joined, 1, 0, INT64_MAX, &settings);
    ck_assert_uint_eq(a->n_ranges, b->n_ranges);
    ck_assert_mem_eq(a->firsts, b->firsts, a->n_ranges * sizeof *a->firsts);
    ck_assert_int_eq(a->firsts[a->n_ranges - 1], both[3999] + 1);
    bins_free(a);
    bins_free(b);
    free(low);
    free(high);
    free(both);
}
END_TEST

/* The octaves of the open bin have 1/2, 1/4, ... and the last all that is left. */
START_TEST(open_bin_halves_its_mass_with_each_octave)
{
    const int64_t values[] = { 0, 3, 9 };
    struct bins_sample sample = { values, NULL, 3 };
    struct bins_settings settings = { .rule = BINS_FIXED, .number = 2 };
    struct bins *bins = bins_create_ranges(&sample, 1, 0, 99, &settings);
    size_t open = bins->n_ranges - 1;
    ck_assert_uint_eq(bins->octave, 10);
    assert_near(bins_log_share(bins, open, 10), log(0.5 / 10.0), 1e-12);
    assert_near(bins_log_share(bins, open, 19), log(0.5 / 10.0), 1e-12);
    assert_near(bins_log_share(bins, open, 20), log(0.25 / 20.0), 1e-12);
    assert_near(bins_log_share(bins, open, 40), log(0.125 / 40.0), 1e-12);
    assert_near(bins_log_share(bins, open, 80), log(0.125 / 20.0), 1e-12);
    check_partition(bins, 1000);
    bins_free(bins);

    /* Up to the largest number: masses still fall, and nothing overflows. */
    bins = bins_create_ranges(&sample, 1, 0, INT64_MAX, &settings);
    assert_near(bins_log_share(bins, open, INT64_MAX), -62.5 * log(2.0), 62.5 * log(2.0));
    ck_assert_double_lt(bins_log_share(bins, open, INT64_MAX),
                        bins_log_share(bins, open, INT64_MAX / 8));
    bins_free(bins);
}
END_TEST

START_TEST(an_empty_sample_gives_the_open_bin)
{
    struct bins_sample sample = { NULL, NULL, 0 };
    struct bins *bins = bins_create_ranges(&sample, 1, 1, INT64_MAX, &(struct bins_settings){ 0 });
    ck_assert_uint_eq(bins->n, 1);
    ck_assert_uint_eq(bins_find(bins, 1), 0);
    ck_assert_uint_eq(bins_find(bins, INT64_MAX), 0);
    bins_free(bins);
    bins = bins_create_set(&sample, 1, 256);
    ck_assert_uint_eq(bins->n, 1);
    assert_near(bins_log_share(bins, 0, 17), -log(256.0), 1e-12);
    bins_free(bins);
}
END_TEST

START_TEST(sets_have_a_bin_a_value_and_one_for_the_rest)
{
    const int64_t values[] = { 1, 6, 17 };
    const double counts[] = { 2.0, 50.0, 30.0 };
    struct bins_sample sample = { values, counts, 3 };
    struct bins *bins = bins_create_set(&sample, 1, 256);
    ck_assert_uint_eq(bins->n, 4);
    ck_assert_uint_eq(bins->n_ranges, 1);
    assert_near(bins_log_share(bins, bins_find(bins, 6), 6), 0.0, 0.0);
    assert_near(bins_log_share(bins, bins_find(bins, 200), 200), -log(253.0), 1e-12);
    check_partition(bins, 1000);
    bins_free(bins);

    const int64_t directions[] = { 0, 1 };
    sample = (struct bins_sample){ directions, NULL, 2 };
    bins = bins_create_set(&sample, 1, 2); /* nothing is left for a range */
    ck_assert_uint_eq(bins->n, 2);
    ck_assert_uint_eq(bins->n_ranges, 0);
    check_partition(bins, 1000);
    bins_free(bins);
}
END_TEST

START_TEST(frequent_values_are_atoms_and_the_rest_is_halved)
{
    /* Port 80 often, ports 1024..1279 now and then, 50000 once. */
    int64_t values[258];
    double counts[258];
    values[0] = 80, counts[0] = 1000.0;
    for (int i = 0; i < 256; i++)
        values[1 + i] = 1024 + i, counts[1 + i] = 3.0;
    values[257] = 50000, counts[257] = 1.0;
    struct bins_sample sample = { values, counts, 258 };
    struct bins *bins = bins_create_atoms(&sample, 1, 65536, 100, 10.0, 20);
    ck_assert_uint_eq(bins->n_atoms, 1);
    ck_assert_int_eq(bins->atoms[0], 80);
    ck_assert_uint_eq(bins->n_ranges, 20);
    /* All ranges where something was seen are narrow, those where nothing was are wide. */
    ck_assert_uint_le(bins->widths[bins_find(bins, 1100)], 32);
    ck_assert_uint_eq(bins->widths[bins_find(bins, 40000)], 32768);
    check_partition(bins, 100000);
    bins_free(bins);

    /* The most atoms that are allowed: the most frequent, of equal ones the lowest. */
    bins = bins_create_atoms(&sample, 1, 65536, 3, 1.0, 1);
    ck_assert_uint_eq(bins->n_atoms, 3);
    ck_assert_int_eq(bins->atoms[1], 1024);
    ck_assert_int_eq(bins->atoms[2], 1025);
    check_partition(bins, 100000);
    bins_free(bins);
}
END_TEST

START_TEST(addresses_are_exact_over_the_whole_space)
{
    enum { N = 4000 };
    int64_t *values = memory_alloc(N, sizeof *values);
    struct rng rng = rng_stream(8, RNG_TEST, 0, 0);
    for (int i = 0; i < N; i++)
        values[i] = i % 4 == 0 ? 0x08080808 : (int64_t)(rng_u32(&rng) & 0x7fff00ff);
    qsort(values, N, sizeof *values, ascending);
    struct bins_sample sample = { values, NULL, N };
    struct bins *bins = bins_create_atoms(&sample, 1, INT64_C(1) << 32, 100, 2.0, 256);
    ck_assert_uint_eq(bins->n_ranges, 256);
    check_partition(bins, 1000);
    ck_assert_uint_lt(bins_find(bins, UINT32_MAX), bins->n);
    bins_free(bins);
    free(values);
}
END_TEST

/* Draws from one bin, compared with its shares value by value. */
static void check_draws(const struct bins *bins, size_t bin, int64_t until, uint64_t stream)
{
    enum { N = 40000 };
    int64_t first = bins_first(bins, bin);
    double *counts = memory_zalloc((size_t)(until - first) + 1, sizeof *counts);
    double beyond = 0.0, statistic = 0.0, left = 1.0;
    struct rng rng = rng_stream(21, RNG_TEST, stream, 0);
    for (int i = 0; i < N; i++) {
        int64_t x = bins_draw(bins, bin, &rng);
        ck_assert_uint_eq(bins_find(bins, x), bin);
        if (x <= until)
            counts[x - first] += 1.0;
        else
            beyond += 1.0;
    }
    double degrees = -1.0;
    for (int64_t x = first; x <= until; x++) {
        if (bins_find(bins, x) != bin)
            continue;
        double share = exp(bins_log_share(bins, bin, x)), expected = N * share;
        statistic += (counts[x - first] - expected) * (counts[x - first] - expected) / expected;
        left -= share;
        degrees += 1.0;
    }
    if (left > 1e-9) {
        statistic += (beyond - N * left) * (beyond - N * left) / (N * left);
        degrees += 1.0;
    }
    ck_assert_double_gt(testing_chi_square_p(statistic, degrees), 1e-6);
    free(counts);
}

START_TEST(draws_follow_the_shares)
{
    /* A range with atoms at both ends and in its middle, and the open bin. */
    const int64_t frequent[] = { 0, 7, 8, 30, 31 };
    struct bins_sample sample = { frequent, NULL, 5 };
    struct bins *bins = bins_create_set(&sample, 1, 32);
    check_draws(bins, 0, 31, 1);
    ck_assert_int_eq(bins_draw(bins, bins_find(bins, 30), &(struct rng){ 0 }), 30);
    bins_free(bins);

    struct bins_settings settings = { .rule = BINS_FIXED, .number = 3 };
    bins = bins_create_ranges(&sample, 1, 0, INT64_MAX, &settings);
    check_draws(bins, 0, bins_last(bins, 0), 2);
    check_draws(bins, bins->n_ranges - 1, 300, 3);
    bins_free(bins);
}
END_TEST

static void assert_same_bins(const struct bins *a, const struct bins *b)
{
    ck_assert_uint_eq(a->n, b->n);
    ck_assert_uint_eq(a->n_ranges, b->n_ranges);
    ck_assert_uint_eq(a->octave, b->octave);
    for (size_t bin = 0; bin < a->n; bin++) {
        ck_assert_int_eq(bins_first(a, bin), bins_first(b, bin));
        ck_assert_int_eq(bins_last(a, bin), bins_last(b, bin));
        ck_assert_uint_eq(a->widths[bin], b->widths[bin]);
    }
}

START_TEST(files_give_the_same_bins)
{
    const int64_t values[] = { 0, 1, 6, 6, 17, 90 };
    struct bins_sample sample = { values, NULL, 6 };
    struct bins_settings settings = { .rule = BINS_FIXED, .number = 5 };
    const struct {
        const char *name;
        struct bins *bins;
    } kinds[] = {
        { "ranges", bins_create_ranges(&sample, 1, 0, INT64_MAX, &settings) },
        { "set", bins_create_set(&sample, 1, 256) },
        { "atoms", bins_create_atoms(&sample, 1, 65536, 1, 2.0, 8) },
        { "full", bins_create_set(&(struct bins_sample){ values, NULL, 2 }, 1, 2) },
    };
    const char *path = testing_path("bins.h5");
    struct hdf5_group *root;
    struct error err;
    assert_ok(hdf5_file_create(path, &root, &err), err);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        assert_ok(bins_save(kinds[k].bins, root, kinds[k].name, &err), err);
    assert_ok(hdf5_group_close(root, &err), err);

    assert_ok(hdf5_file_open(path, &root, &err), err);
    struct bins *bins;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        assert_ok(bins_load(&bins, kinds[k].bins->lowest, kinds[k].bins->highest, root,
                            kinds[k].name, &err),
                  err);
        assert_same_bins(bins, kinds[k].bins);
        bins_free(bins);
    }
    /* Of another support. */
    assert_fails(bins_load(&bins, 1, INT64_MAX, root, "ranges", &err), STATUS_FORMAT, err,
                 "no bins of 1..");
    assert_fails(bins_load(&bins, 0, 16, root, "set", &err), STATUS_FORMAT, err,
                 "no bins of 0..16");
    assert_fails(bins_load(&bins, 0, 2, root, "full", &err), STATUS_FORMAT, err, "no bins of 0..2");
    hdf5_group_close(root, NULL);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        bins_free(kinds[k].bins);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/bins");
    testing_add_loop(suite, ranges_cover_the_support, ARRAY_LEN(range_cases));
    testing_add(suite, freedman_diaconis_by_hand);
    testing_add(suite, ties_do_not_make_one_bin_of_all);
    testing_add(suite, two_samples_share_their_edges);
    testing_add(suite, open_bin_halves_its_mass_with_each_octave);
    testing_add(suite, an_empty_sample_gives_the_open_bin);
    testing_add(suite, sets_have_a_bin_a_value_and_one_for_the_rest);
    testing_add(suite, frequent_values_are_atoms_and_the_rest_is_halved);
    testing_add(suite, addresses_are_exact_over_the_whole_space);
    testing_add(suite, draws_follow_the_shares);
    testing_add(suite, files_give_the_same_bins);
    return suite;
}
