#include "testing.h"

#include "base/memory.h"
#include "base/threads.h"
#include "model/integer_mixture_internal.h" /* to make mixtures that no fit would find */

#include <math.h>
#include <stdlib.h>

static const struct integer_mixture_settings chosen = { 0, 10, 5, 200 };

static struct integer_mixture_settings with_components(int64_t n)
{
    return (struct integer_mixture_settings){ n, 20, 5, 1000 };
}

/* Mixtures as a fit may leave them: narrow, wide, beyond their bounds, far from everything. */
static const struct made_case {
    int64_t lowest, highest;
    size_t n_components;
    double weights[3], means[3], deviations[3];
} made[] = {
    { 0, INT64_MAX, 1, { 1.0 }, { 2.0 }, { 1.0 } },
    { 1, INT64_MAX, 1, { 1.0 }, { -30.0 }, { 1.0 } },
    { 0, INT64_MAX, 3, { 0.2, 0.3, 0.5 }, { 0.0, 3.7, 4.0 }, { 1e-6, 1e-3, 1.5 } },
    { 1, INT64_MAX, 2, { 1e-12, 1.0 }, { 0.0, 5.0 }, { 2.0, 1e-4 } },
    { 0, 65535, 2, { 0.9, 0.1 }, { 11.0, 3.0 }, { 0.4, 0.001 } },
    { 0, 65535, 1, { 1.0 }, { 20.0 }, { 0.5 } },
};

/* Caller releases. */
static struct integer_mixture make_mixture(const struct made_case *from)
{
    struct integer_mixture mixture = mixture_create(from->n_components, from->lowest,
                                                    from->highest);
    for (size_t g = 0; g < from->n_components; g++)
        mixture_add(&mixture, from->weights[g], from->means[g], from->deviations[g]);
    mixture_bound(&mixture);
    return mixture;
}

static struct integer_mixture make(int i)
{
    return make_mixture(&made[i]);
}

static double log_likelihood(const struct integer_mixture *mixture,
                             const struct integer_sample *sample)
{
    double sum = 0.0;
    for (size_t i = 0; i < sample->n; i++)
        sum += sample->counts[i] * integer_mixture_log_mass(mixture, sample->values[i]);
    return sum;
}

static struct integer_sample draw_sample(const struct integer_mixture *mixture, size_t n,
                                         uint64_t stream)
{
    struct rng rng = rng_stream(3, RNG_TEST, stream, 0);
    int64_t *values = memory_alloc(n, sizeof *values);
    for (size_t i = 0; i < n; i++)
        values[i] = integer_mixture_draw(mixture, &rng);
    struct integer_sample sample = integer_sample_create(values, n);
    free(values);
    return sample;
}

static bool same_bits(const struct integer_mixture *a, const struct integer_mixture *b)
{
    bool same = a->n_components == b->n_components && a->log_bounded == b->log_bounded &&
                a->lowest == b->lowest && a->highest == b->highest;
    for (size_t g = 0; same && g < a->n_components; g++)
        same = a->weights[g] == b->weights[g] && a->means[g] == b->means[g] &&
               a->deviations[g] == b->deviations[g];
    return same;
}

/* ---- masses and draws --------------------------------------------------------------------- */

START_TEST(samples_are_sorted_and_counted)
{
    struct integer_sample sample = integer_sample_create((int64_t[]){ 9, -2, 9, 0, 9, -2 }, 6);
    ck_assert_uint_eq(sample.n, 3);
    ck_assert_int_eq(sample.values[0], -2);
    ck_assert_int_eq(sample.values[2], 9);
    assert_near(sample.counts[0], 2.0, 0.0);
    assert_near(sample.counts[2], 3.0, 0.0);
    integer_sample_release(&sample);
}
END_TEST

/* One by one as far as 2^17, in growing pieces above. */
START_TEST(masses_sum_to_one)
{
    struct integer_mixture mixture = make(_i);
    int64_t end = mixture.highest < 1 << 17 ? mixture.highest + 1 : 1 << 17;
    double sum = 0.0;
    for (int64_t x = mixture.lowest; x < end; x++)
        sum += exp(integer_mixture_log_mass(&mixture, x));
    for (int64_t first = end; first <= mixture.highest;) {
        int64_t last = first < INT64_C(1) << 61 ? 2 * first : INT64_MAX;
        sum += exp(integer_mixture_log_mass_between(&mixture, first, last));
        if (last >= mixture.highest)
            break;
        first = last + 1;
    }
    assert_near(sum, 1.0, 1e-11);
    assert_near(integer_mixture_log_mass_between(&mixture, mixture.lowest, mixture.highest), 0.0,
                1e-13);
    ck_assert(isinf(integer_mixture_log_mass(&mixture, mixture.lowest - 1)));
    if (mixture.highest < INT64_MAX)
        ck_assert(isinf(integer_mixture_log_mass(&mixture, mixture.highest + 1)));
    integer_mixture_release(&mixture);
}
END_TEST

START_TEST(mass_between_is_the_sum_of_masses)
{
    struct integer_mixture mixture = make(_i);
    for (int64_t first = mixture.lowest; first < 300; first += 37) {
        double sum = 0.0;
        for (int64_t x = first; x < first + 100; x++)
            sum += exp(integer_mixture_log_mass(&mixture, x));
        double mass = exp(integer_mixture_log_mass_between(&mixture, first, first + 99));
        assert_near(mass, sum, 1e-9 * sum);
    }
    integer_mixture_release(&mixture);
}
END_TEST

/* Every value up to 2^53 has a mass, however far it is from the components. */
START_TEST(log_masses_are_finite)
{
    struct integer_mixture mixture = make(_i);
    for (int64_t x = 1; x <= INT64_C(1) << 53 && x <= mixture.highest; x *= 2) {
        double log_mass = integer_mixture_log_mass(&mixture, x);
        ck_assert_msg(isfinite(log_mass) && log_mass <= 0.0, "%g at %lld", log_mass, (long long)x);
    }
    integer_mixture_release(&mixture);
}
END_TEST

/* Against values that were made so that each expects at least five draws. */
static void check_draws(const struct integer_mixture *mixture, uint64_t stream)
{
    enum { N = 100000 };
    struct integer_sample sample = draw_sample(mixture, N, stream);
    double statistic = 0.0, expected = 0.0, seen = 0.0, degrees = -1.0;
    int64_t first = mixture->lowest, width = 1;
    size_t i = 0;
    while (first <= mixture->highest) {
        int64_t last = first < INT64_C(1) << 61 ? first + width - 1 : INT64_MAX;
        if (last > mixture->highest)
            last = mixture->highest;
        expected += N * exp(integer_mixture_log_mass_between(mixture, first, last));
        for (; i < sample.n && sample.values[i] <= last; i++)
            seen += sample.counts[i];
        double rest = last < mixture->highest ? N * exp(integer_mixture_log_mass_between(
                                                        mixture, last + 1, mixture->highest))
                                              : 0.0;
        if ((expected >= 5.0 && rest >= 5.0) || last == mixture->highest) {
            statistic += (seen - expected) * (seen - expected) / expected;
            degrees += 1.0;
            seen = expected = 0.0;
        }
        if (last == INT64_MAX)
            break;
        first = last + 1;
        width = 1 + (first - mixture->lowest) / 64;
    }
    ck_assert_uint_eq(i, sample.n);
    if (degrees > 0.0)
        ck_assert_double_gt(testing_chi_square_p(statistic, degrees), 1e-6);
    integer_sample_release(&sample);
}

START_TEST(draws_follow_the_masses)
{
    struct integer_mixture mixture = make(_i);
    if (mixture.log_bounded > -5.0)
        check_draws(&mixture, (uint64_t)_i);
    integer_mixture_release(&mixture);
}
END_TEST

/* ---- fitting ------------------------------------------------------------------------------ */

START_TEST(a_known_mixture_is_found_again)
{
    const struct made_case known = { 0, INT64_MAX, 2, { 0.3, 0.7 }, { 1.0, 6.0 }, { 0.5, 1.0 } };
    const struct integer_mixture_settings two = with_components(2);
    struct integer_mixture truth = make_mixture(&known), mixture;
    struct integer_sample sample = draw_sample(&truth, 200000, 1);

    integer_mixture_fit(&mixture, &sample, 0, INT64_MAX, &two, 1);
    ck_assert_uint_eq(mixture.n_components, 2);
    for (size_t g = 0; g < 2; g++) {
        assert_near(mixture.weights[g], truth.weights[g], 0.006);
        assert_near(mixture.means[g], truth.means[g], 0.02);
        assert_near(mixture.deviations[g], truth.deviations[g], 0.02);
    }
    ck_assert_double_gt(log_likelihood(&mixture, &sample), log_likelihood(&truth, &sample));
    integer_mixture_release(&mixture);

    /* Cross-validation sees that a third is not worth it, or next to nothing. */
    integer_mixture_fit(&mixture, &sample, 0, INT64_MAX, &chosen, 1);
    ck_assert_uint_ge(mixture.n_components, 2);
    assert_near(log_likelihood(&mixture, &sample) / 200000.0,
                log_likelihood(&truth, &sample) / 200000.0, 2e-4);
    integer_mixture_release(&mixture);
    integer_mixture_release(&truth);
    integer_sample_release(&sample);
}
END_TEST

/* What lies beyond the bound was not seen: the fit of a normal cut at its middle has to find the
 * whole of it, not the half. */
START_TEST(a_bound_is_allowed_for)
{
    const struct made_case cut = { 0, 65535, 1, { 1.0 }, { 11.0 }, { 0.4 } };
    const struct integer_mixture_settings one = with_components(1);
    struct integer_mixture truth = make_mixture(&cut), mixture;
    struct integer_sample sample = draw_sample(&truth, 200000, 2);
    integer_mixture_fit(&mixture, &sample, 0, 65535, &one, 1);
    for (int i = 0; i < 20; i++)
        integer_mixture_improve(&mixture, &sample, 1000);
    assert_near(mixture.means[0], 11.0, 0.05);
    assert_near(mixture.deviations[0], 0.4, 0.02);
    check_draws(&mixture, 9);
    integer_mixture_release(&mixture);
    integer_mixture_release(&truth);
    integer_sample_release(&sample);
}
END_TEST

START_TEST(em_never_lowers_the_likelihood)
{
    const struct integer_mixture_settings settings = { 7, 20, 5, 1 };
    struct integer_mixture truth = make(_i), mixture;
    struct integer_sample sample = draw_sample(&truth, 20000, 40 + (uint64_t)_i);
    integer_mixture_fit(&mixture, &sample, truth.lowest, truth.highest, &settings, 1);
    double before = log_likelihood(&mixture, &sample);
    for (int i = 0; i < 100; i++) {
        double after = integer_mixture_improve(&mixture, &sample, 1);
        ck_assert_msg(after >= before - 1e-9 * fabs(before), "round %d: from %.12g to %.12g", i,
                      before, after);
        /* What EM believes to have is what the masses say. */
        assert_near(log_likelihood(&mixture, &sample), after, 1e-7 * fabs(after) + 1e-6);
        before = after;
    }
    integer_mixture_release(&mixture);
    integer_mixture_release(&truth);
    integer_sample_release(&sample);
}
END_TEST

static const int64_t constants[] = { 0, 1, 40, 64, 1500, 65535, 552055604, INT64_C(1) << 53 };

START_TEST(equal_values_break_nothing)
{
    int64_t x = constants[_i], values[1000];
    for (size_t n = 1; n <= 1000; n *= 10) {
        for (size_t i = 0; i < n; i++)
            values[i] = x;
        struct integer_sample sample = integer_sample_create(values, n);
        struct integer_mixture mixture;
        integer_mixture_fit(&mixture, &sample, 0, x <= 65535 && n == 10 ? 65535 : INT64_MAX,
                            &chosen, 1);
        for (size_t g = 0; g < mixture.n_components; g++)
            ck_assert(isfinite(mixture.means[g]) && mixture.deviations[g] > 0.0);
        double log_mass = integer_mixture_log_mass(&mixture, x);
        /* The floor of the deviation is wider than the cells of the largest values. */
        ck_assert_msg(x > 100000 ? log_mass > -30.0 : log_mass > -1e-3, "ln P(%lld) = %g",
                      (long long)x, log_mass);
        ck_assert(isfinite(integer_mixture_log_mass(&mixture, 12345)));
        integer_mixture_release(&mixture);
        integer_sample_release(&sample);
    }
}
END_TEST

/* Half of all values are one of two, the rest is spread out: both must be seen as what they are. */
START_TEST(spikes_get_components_of_their_own)
{
    enum { N = 20000 };
    int64_t *values = memory_alloc(N, sizeof *values);
    struct rng rng = rng_stream(17, RNG_TEST, 0, 0);
    for (size_t i = 0; i < N; i++)
        values[i] = i % 4 == 0 ? 443 : i % 4 == 1 ? 40 : (int64_t)exp(5.0 + 2.0 * rng_normal(&rng));
    struct integer_sample sample = integer_sample_create(values, N);
    struct integer_mixture mixture;
    integer_mixture_fit(&mixture, &sample, 0, INT64_MAX, &chosen, 1);
    assert_near(exp(integer_mixture_log_mass(&mixture, 443)), 0.25, 0.01);
    assert_near(exp(integer_mixture_log_mass(&mixture, 40)), 0.25, 0.01);
    ck_assert_double_lt(integer_mixture_log_mass(&mixture, 442), log(0.01));
    ck_assert_double_lt(integer_mixture_log_mass(&mixture, 41), log(0.01));
    integer_mixture_release(&mixture);
    integer_sample_release(&sample);
    free(values);
}
END_TEST

START_TEST(threads_do_not_change_a_bit)
{
    struct integer_mixture truth = make(2), one, two;
    struct integer_sample sample = draw_sample(&truth, 20000, 60);
    struct integer_sample parts[3];
    for (uint64_t p = 0; p < 3; p++)
        parts[p] = draw_sample(&truth, 1000, 61 + p);
    for (int by_parts = 0; by_parts < 2; by_parts++) {
        for (int n_threads = 1; n_threads <= 2; n_threads++) {
            struct integer_mixture *mixture = n_threads == 1 ? &one : &two;
            threads_set(n_threads);
            if (by_parts)
                integer_mixture_fit_parts(mixture, parts, 3, 0, INT64_MAX, &chosen);
            else
                integer_mixture_fit(mixture, &sample, 0, INT64_MAX, &chosen, 1);
        }
        ck_assert(same_bits(&one, &two));
        integer_mixture_release(&one);
        integer_mixture_release(&two);
    }
    for (int p = 0; p < 3; p++)
        integer_sample_release(&parts[p]);
    integer_sample_release(&sample);
    integer_mixture_release(&truth);
}
END_TEST

/* Parts that are all of one kind each: what is learnt from the others does not hold for the one
 * held out, and fewer components are better than many. */
START_TEST(parts_are_the_folds)
{
    const struct integer_mixture_settings settings = { 0, 20, 0, 200 };
    struct integer_sample parts[4];
    int64_t values[400];
    for (int p = 0; p < 4; p++) {
        for (int i = 0; i < 400; i++)
            values[i] = (int64_t[]){ 20, 90, 800, 6000 }[p];
        parts[p] = integer_sample_create(values, 400);
    }
    struct integer_mixture mixture;
    integer_mixture_fit_parts(&mixture, parts, 4, 0, INT64_MAX, &settings);
    ck_assert_uint_eq(mixture.n_components, 1);
    assert_near(mixture.means[0], log(21.0 * 91.0 * 801.0 * 6001.0) / 4.0, 1e-3);
    integer_mixture_release(&mixture);
    for (int p = 0; p < 4; p++)
        integer_sample_release(&parts[p]);
}
END_TEST

START_TEST(nothing_gives_one_broad_component)
{
    const struct integer_sample nothing = { 0 };
    struct integer_mixture mixture;
    integer_mixture_fit(&mixture, &nothing, 0, 65535, &chosen, 1);
    ck_assert_uint_eq(mixture.n_components, 1);
    ck_assert(isfinite(integer_mixture_log_mass(&mixture, 0)));
    ck_assert(isfinite(integer_mixture_log_mass(&mixture, 65535)));
    integer_mixture_release(&mixture);
}
END_TEST

/* ---- files -------------------------------------------------------------------------------- */

START_TEST(files_give_the_same_bits)
{
    struct error err;
    struct hdf5_group *file;
    struct integer_mixture mixture = make(_i), again;
    const char *path = testing_path("mixture.h5");
    assert_ok(hdf5_file_create(path, &file, &err), err);
    assert_ok(integer_mixture_save(&mixture, file, "bytes", &err), err);
    assert_ok(hdf5_group_close(file, &err), err);
    assert_ok(hdf5_file_open(path, &file, &err), err);
    assert_ok(integer_mixture_load(&again, file, "bytes", &err), err);
    assert_ok(hdf5_group_close(file, &err), err);
    ck_assert(same_bits(&mixture, &again));
    integer_mixture_release(&mixture);
    integer_mixture_release(&again);
}
END_TEST

static const struct bad_case {
    int64_t lowest, highest;
    double weights[2], means[2], deviations[2];
    const char *words;
} bad_cases[] = {
    { 0, 9, { 0.5, 0.6 }, { 0.0, 1.0 }, { 1.0, 1.0 }, "weights sum to 1.1" },
    { 0, 9, { 0.0, 1.0 }, { 0.0, 1.0 }, { 1.0, 1.0 }, "component 0 has weight 0" },
    { 0, 9, { 0.5, 0.5 }, { 0.0, NAN }, { 1.0, 1.0 }, "component 1 has weight" },
    { 0, 9, { 0.5, 0.5 }, { 0.0, 1.0 }, { 1.0, 0.0 }, "deviation 0" },
    { 9, 0, { 0.5, 0.5 }, { 0.0, 1.0 }, { 1.0, 1.0 }, "from 9 to 0" },
};

START_TEST(bad_files_are_refused)
{
    const struct bad_case *bad = &bad_cases[_i];
    struct error err;
    struct hdf5_group *file, *group;
    struct integer_mixture mixture;
    const char *path = testing_path("bad.h5");
    const size_t two = 2;
    assert_ok(hdf5_file_create(path, &file, &err), err);
    assert_ok(hdf5_group_create(file, "gap", &group, &err), err);
    assert_ok(hdf5_write_integer(group, "lowest", bad->lowest, &err), err);
    assert_ok(hdf5_write_integer(group, "highest", bad->highest, &err), err);
    assert_ok(hdf5_write_array(group, "weights", HDF5_F64, bad->weights, 1, &two, &err), err);
    assert_ok(hdf5_write_array(group, "means", HDF5_F64, bad->means, 1, &two, &err), err);
    assert_ok(hdf5_write_array(group, "deviations", HDF5_F64, bad->deviations, 1, &two, &err), err);
    assert_ok(hdf5_group_close(group, &err), err);
    assert_ok(hdf5_group_close(file, &err), err);
    assert_ok(hdf5_file_open(path, &file, &err), err);
    assert_fails(integer_mixture_load(&mixture, file, "gap", &err), STATUS_FORMAT, err, bad->words);
    assert_ok(hdf5_group_close(file, &err), err);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/integer_mixture");
    testing_add(suite, samples_are_sorted_and_counted);
    testing_add_loop(suite, masses_sum_to_one, ARRAY_LEN(made));
    testing_add_loop(suite, mass_between_is_the_sum_of_masses, ARRAY_LEN(made));
    testing_add_loop(suite, log_masses_are_finite, ARRAY_LEN(made));
    testing_add_loop(suite, draws_follow_the_masses, ARRAY_LEN(made));
    testing_add(suite, a_known_mixture_is_found_again);
    testing_add(suite, a_bound_is_allowed_for);
    testing_add_loop(suite, em_never_lowers_the_likelihood, 5);
    testing_add_loop(suite, equal_values_break_nothing, ARRAY_LEN(constants));
    testing_add(suite, spikes_get_components_of_their_own);
    testing_add(suite, threads_do_not_change_a_bit);
    testing_add(suite, parts_are_the_folds);
    testing_add(suite, nothing_gives_one_broad_component);
    testing_add_loop(suite, files_give_the_same_bits, ARRAY_LEN(made));
    testing_add_loop(suite, bad_files_are_refused, ARRAY_LEN(bad_cases));
    return suite;
}
