#include "testing.h"

#include "base/memory.h"
#include "model/set_counts.h"

#include <math.h>
#include <stdlib.h>

#define ADDRESSES (INT64_C(1) << 32)

static double sum_of_masses(const struct set_counts *set)
{
    double sum = 0.0;
    for (int64_t value = 0; value < set->support; value++)
        sum += exp(set_counts_log_mass(set, value));
    return sum;
}

/* Seen: none, one, some, all but one, all of a support of 6. */
static const struct seen_case {
    int64_t values[8];
    size_t n;
    double escape;
} seen_cases[] = {
    { { 0 }, 0, 1.0 },
    { { 3 }, 1, 0.5 },
    { { 5, 0, 5, 5, 0 }, 5, 2.0 / 7.0 },
    { { 0, 1, 2, 3, 4 }, 5, 0.5 },
    { { 0, 1, 2, 3, 4, 5, 5, 5 }, 8, 0.0 },
};

START_TEST(masses_sum_to_one)
{
    const struct seen_case *seen = &seen_cases[_i];
    struct set_counts set;
    set_counts_fit(&set, seen->values, seen->n, 6);
    assert_near(set.escape, seen->escape, 1e-15);
    assert_near(sum_of_masses(&set), 1.0, 1e-14);
    ck_assert(isinf(set_counts_log_mass(&set, -1)));
    ck_assert(isinf(set_counts_log_mass(&set, 6)));
    set_counts_release(&set);
}
END_TEST

START_TEST(masses_are_those_of_witten_and_bell)
{
    const int64_t values[] = { 17, 6, 6, 1, 6, 6, 6, 17, 6, 6 };
    struct set_counts set;
    set_counts_fit(&set, values, 10, 256);
    assert_near(set_counts_log_mass(&set, 6), log(7.0 / 13.0), 1e-15);
    assert_near(set_counts_log_mass(&set, 1), log(1.0 / 13.0), 1e-15);
    assert_near(set_counts_log_mass(&set, 255), log(3.0 / 13.0 / 253.0), 1e-14);
    assert_near(sum_of_masses(&set), 1.0, 1e-13);
    set_counts_release(&set);
}
END_TEST

START_TEST(addresses_have_the_whole_space_to_escape_to)
{
    const int64_t values[] = { ADDRESSES - 1, 0, 719036255, 719036255 };
    struct set_counts set;
    set_counts_fit(&set, values, 4, ADDRESSES);
    assert_near(set_counts_log_mass(&set, 719036255), log(2.0 / 7.0), 1e-15);
    assert_near(set_counts_log_mass(&set, 5), log(3.0 / 7.0 / (0x1p32 - 3.0)), 1e-14);
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    double n_escaped = 0.0, sum = 0.0;
    for (int i = 0; i < 20000; i++) {
        int64_t value = set_counts_draw(&set, &rng);
        ck_assert(value >= 0 && value < ADDRESSES);
        if (set_counts_log_mass(&set, value) < -2.0) {
            n_escaped += 1.0;
            sum += (double)value / 0x1p32;
        }
    }
    assert_near(n_escaped / 20000.0, 3.0 / 7.0, 5.0 * sqrt(12.0 / 49.0 / 20000.0));
    assert_near(sum / n_escaped, 0.5, 5.0 * sqrt(1.0 / 12.0 / n_escaped));
    set_counts_release(&set);
}
END_TEST

/* Each value of the support on its own, those that were not seen too. */
START_TEST(draws_follow_the_masses)
{
    enum { N = 60000, SUPPORT = 6 };
    const struct seen_case *seen = &seen_cases[_i];
    struct set_counts set;
    set_counts_fit(&set, seen->values, seen->n, SUPPORT);
    struct rng rng = rng_stream(5, RNG_TEST, 0, (uint64_t)_i);
    double counts[SUPPORT] = { 0.0 }, statistic = 0.0;
    for (int i = 0; i < N; i++)
        counts[set_counts_draw(&set, &rng)] += 1.0;
    for (int64_t value = 0; value < SUPPORT; value++) {
        double expected = N * exp(set_counts_log_mass(&set, value));
        ck_assert_double_gt(expected, 0.0);
        statistic += (counts[value] - expected) * (counts[value] - expected) / expected;
    }
    ck_assert_double_gt(testing_chi_square_p(statistic, SUPPORT - 1), 1e-6);
    set_counts_release(&set);
}
END_TEST

static void round_trip(const int64_t *values, size_t n, int64_t support)
{
    struct error err;
    struct hdf5_group *file;
    struct set_counts set, again;
    set_counts_fit(&set, values, n, support);
    const char *path = testing_path("set.h5");
    assert_ok(hdf5_file_create(path, &file, &err), err);
    assert_ok(set_counts_save(&set, file, "remote", &err), err);
    assert_ok(hdf5_group_close(file, &err), err);
    assert_ok(hdf5_file_open(path, &file, &err), err);
    assert_ok(set_counts_load(&again, file, "remote", &err), err);
    assert_ok(hdf5_group_close(file, &err), err);
    for (int64_t value = 0; value < 300; value++)
        ck_assert(set_counts_log_mass(&set, value) == set_counts_log_mass(&again, value) ||
                  value >= support);
    ck_assert_int_eq(again.support, support);
    set_counts_release(&set);
    set_counts_release(&again);
}

START_TEST(files_give_the_same_bits)
{
    round_trip(NULL, 0, 256);
    round_trip((const int64_t[]){ 7, 255, 7 }, 3, 256);
    round_trip((const int64_t[]){ 7, 255, 7, 4000000000 }, 4, ADDRESSES);
}
END_TEST

/* What a file may not hold: values out of order or outside, counts that are none. */
static const struct bad_case {
    int64_t support, values[2];
    double counts[2];
    const char *words;
} bad_cases[] = {
    { 256, { 9, 9 }, { 1.0, 1.0 }, "out of order" },
    { 256, { 9, 256 }, { 1.0, 1.0 }, "not in 0..255" },
    { 256, { -1, 4 }, { 1.0, 1.0 }, "not in 0..255" },
    { 256, { 1, 4 }, { 1.0, 0.0 }, "the count of value 4 is 0" },
    { 256, { 1, 4 }, { 1.5, 1.0 }, "the count of value 1 is 1.5" },
    { 256, { 1, 4 }, { NAN, 1.0 }, "the count of value 1 is" },
    { 0, { 1, 4 }, { 1.0, 1.0 }, "a set of 0 values" },
};

START_TEST(bad_files_are_refused)
{
    const struct bad_case *bad = &bad_cases[_i];
    struct error err;
    struct hdf5_group *file, *group;
    struct set_counts set;
    const char *path = testing_path("bad.h5");
    const size_t two = 2;
    assert_ok(hdf5_file_create(path, &file, &err), err);
    assert_ok(hdf5_group_create(file, "flags", &group, &err), err);
    assert_ok(hdf5_write_integer(group, "support", bad->support, &err), err);
    assert_ok(hdf5_write_array(group, "values", HDF5_I64, bad->values, 1, &two, &err), err);
    assert_ok(hdf5_write_array(group, "counts", HDF5_F64, bad->counts, 1, &two, &err), err);
    assert_ok(hdf5_group_close(group, &err), err);
    assert_ok(hdf5_group_close(file, &err), err);
    assert_ok(hdf5_file_open(path, &file, &err), err);
    assert_fails(set_counts_load(&set, file, "flags", &err), STATUS_FORMAT, err, bad->words);
    assert_ok(hdf5_group_close(file, &err), err);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/set_counts");
    testing_add_loop(suite, masses_sum_to_one, ARRAY_LEN(seen_cases));
    testing_add(suite, masses_are_those_of_witten_and_bell);
    testing_add(suite, addresses_have_the_whole_space_to_escape_to);
    testing_add_loop(suite, draws_follow_the_masses, ARRAY_LEN(seen_cases));
    testing_add(suite, files_give_the_same_bits);
    testing_add_loop(suite, bad_files_are_refused, ARRAY_LEN(bad_cases));
    return suite;
}
