#include "model_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "base/options.h"
#include "base/threads.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* With the kind's defaults, but fewer components. */
static struct model *fit(const struct sequence_set *train)
{
    const struct model_kind *kind = model_kind_find("gmm");
    ck_assert_ptr_nonnull(kind);
    void *settings = memory_zalloc(1, kind->settings_size);
    struct option_table table = { kind->options, kind->n_options, settings, "model gmm" };
    struct training_record record = fixture_record(train);
    struct model *model;
    struct error err;
    options_set_defaults(&table, 1);
    assert_ok(options_set(&table, 1, "max-components", "10", &err), err);
    assert_ok(model_fit(kind, settings, train, &record, 1, "model = gmm\n", &model, &err), err);
    free(settings);
    return model;
}

/* [set->n_scored][N_ATTRIBUTES] of all sequences. Caller frees. */
static double *log_masses_of(const struct model *model, const struct sequence_set *set)
{
    double *log_masses = memory_alloc(set->n_scored * N_ATTRIBUTES, sizeof *log_masses);
    double *next = log_masses;
    struct error err;
    for (size_t s = 0; s < set->n; s++) {
        assert_ok(model_log_mass(model, &set->items[s], next, &err), err);
        next += (set->items[s].n_rows - set->items[s].first_scored) * N_ATTRIBUTES;
    }
    return log_masses;
}

/* Masses of values 0 .. TABLE - 1 of every attribute: row v asks for v everywhere. Nearly all that
 * the fixture has lies below; its remotes all do. */
enum { TABLE = 1 << 17 };
static double *mass_table(const struct model *model)
{
    struct row *rows = memory_alloc(TABLE, sizeof *rows);
    for (size_t v = 0; v < TABLE; v++)
        for (size_t a = 0; a < N_CODED; a++)
            rows[v].value[a] = (int64_t)v;
    struct sequence_set *set = fixture_sequence_of(rows, TABLE);
    double *masses = log_masses_of(model, set);
    for (size_t i = 0; i < (size_t)TABLE * N_ATTRIBUTES; i++)
        masses[i] = exp(masses[i]);
    sequence_set_free(set);
    free(rows);
    return masses;
}

/* Draws n rows of one host. Caller frees. */
static struct row *draw(const struct model *model, uint64_t stream, size_t n)
{
    const struct sampler_host host = { .address = 0x0a000001,
                                       .stream = stream,
                                       .start = 1460332800 };
    const size_t first = 0;
    struct sampler *sampler = model_sampler(model, &host, 1,
                                            &(struct sampler_settings){ .seed = 5 });
    struct row *rows = memory_alloc(n, sizeof *rows);
    struct error err;
    for (size_t i = 0; i < n; i++)
        assert_ok(sampler_advance(sampler, &first, 1, &rows[i], &err), err);
    sampler_free(sampler);
    return rows;
}

START_TEST(masses_of_every_head_sum_to_one)
{
    struct sequence_set *train = fixture_sequences(1, 12, 500);
    struct model *model = fit(train);
    double *masses = mass_table(model);
    for (int a = 0; a < N_CODED; a++) {
        double sum = 0.0;
        for (size_t v = 0; v < TABLE; v++)
            sum += masses[v * N_ATTRIBUTES + a];
        if (attribute_infos[a].kind == KIND_ADDRESS) /* the rest of them, of which none was seen */
            sum += (0x1p32 - TABLE) * masses[a];
        if (attribute_infos[a].kind == KIND_COUNT)
            ck_assert_msg(sum > 0.999 && sum < 1.0 + 1e-12, "%s: %.15g", attribute_infos[a].name,
                          sum);
        else
            ck_assert_msg(fabs(sum - 1.0) < 1e-11, "%s: %.15g", attribute_infos[a].name, sum);
    }
    free(masses);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

static void check_attribute(const double *masses, const struct row *rows, size_t n, int a)
{
    double *seen = memory_zalloc(TABLE + 1, sizeof *seen);
    double statistic = 0.0, expected = 0.0, found = 0.0, rest = (double)n;
    double n_bins = 0.0;
    for (size_t i = 0; i < n; i++)
        seen[rows[i].value[a] < TABLE ? rows[i].value[a] : TABLE] += 1.0;
    for (size_t v = 0; v <= TABLE; v++) { /* pooled so that every bin expects 5 or more */
        double mass = v < TABLE ? (double)n * masses[v * N_ATTRIBUTES + a] : fmax(rest, 0.0);
        expected += mass;
        rest -= mass;
        found += seen[v];
        if ((expected < 5.0 || rest < 5.0) && v < TABLE)
            continue;
        if (expected < 1e-6) /* a set that has nothing beyond its support */
            ck_assert_double_eq(found, 0.0);
        else
            statistic += (found - expected) * (found - expected) / expected;
        n_bins += expected >= 1e-6;
        expected = found = 0.0;
    }
    double p = n_bins > 1.0 ? testing_chi_square_p(statistic, n_bins - 1.0) : 1.0;
    ck_assert_msg(p > 1e-6, "%s: chi-square %g with %g bins", attribute_infos[a].name, statistic,
                  n_bins);
    free(seen);
}

START_TEST(draws_follow_the_masses)
{
    enum { N = 40000 };
    struct sequence_set *train = fixture_sequences(2, 12, 500);
    struct model *model = fit(train);
    double *masses = mass_table(model);
    struct row *rows = draw(model, 3, N);
    for (size_t i = 0; i < N; i++)
        ck_assert(coding_row_is_legal(&rows[i]));
    for (int a = 0; a < N_CODED; a++)
        check_attribute(masses, rows, N, a);
    free(rows);
    free(masses);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

/* Autocorrelation of log bytes at a lag. */
static double autocorrelation(const struct row *rows, size_t n, size_t lag)
{
    double mean = 0.0, variance = 0.0, covariance = 0.0;
    double *y = memory_alloc(n, sizeof *y);
    for (size_t i = 0; i < n; i++) {
        y[i] = log(1.0 + (double)rows[i].value[ATTRIBUTE_BYTES]);
        mean += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        variance += (y[i] - mean) * (y[i] - mean);
        covariance += i + lag < n ? (y[i] - mean) * (y[i + lag] - mean) : 0.0;
    }
    free(y);
    return covariance / variance;
}

/* The rows it was fitted to hang together; what it draws does not. */
START_TEST(drawn_rows_are_independent)
{
    enum { N = 40000 };
    struct sequence_set *train = fixture_sequences(3, 12, 500);
    struct model *model = fit(train);
    struct row *rows = draw(model, 4, N);
    ck_assert_double_gt(autocorrelation(train->items[0].rows, 500, 1), 0.2);
    for (size_t lag = 1; lag <= 10; lag++)
        assert_near(autocorrelation(rows, N, lag), 0.0, 4.0 / sqrt(N));
    free(rows);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

START_TEST(equal_rows_break_nothing)
{
    enum { N = 300 };
    struct row rows[N];
    for (size_t i = 0; i < N; i++)
        rows[i] = (struct row){ .value = { [ATTRIBUTE_REMOTE] = 7,
                                           [ATTRIBUTE_PROTOCOL] = 6,
                                           [ATTRIBUTE_LOCAL_PORT] = 443,
                                           [ATTRIBUTE_PACKETS] = 1,
                                           [ATTRIBUTE_BYTES] = 64 } };
    struct sequence_set *train = fixture_sequence_of(rows, N);
    struct model *model = fit(train);
    double *log_masses = log_masses_of(model, train);
    for (int a = 0; a < N_CODED; a++) {
        const struct attribute_info *info = &attribute_infos[a];
        bool has_escape = info->kind == KIND_SET || info->kind == KIND_ADDRESS;
        double least = has_escape ? log(N / (N + 1.0)) - 1e-9 : -1e-3;
        ck_assert_msg(log_masses[a] >= least && log_masses[a] <= 0.0, "%s: %g", info->name,
                      log_masses[a]);
    }
    free(log_masses);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

START_TEST(threads_do_not_change_a_bit)
{
    enum { HOSTS = 600 };
    struct sequence_set *train = fixture_sequences(4, 12, 200);
    double *log_masses[2];
    struct row rows[2][HOSTS];
    for (int t = 0; t < 2; t++) {
        struct sampler_host hosts[HOSTS];
        size_t which[HOSTS];
        struct error err;
        threads_set(t + 1);
        struct model *model = fit(train);
        log_masses[t] = log_masses_of(model, train);
        for (size_t h = 0; h < HOSTS; h++) {
            hosts[h] = (struct sampler_host){ .address = (uint32_t)h, .stream = h, .start = 0 };
            which[h] = HOSTS - 1 - h;
        }
        struct sampler *sampler = model_sampler(model, hosts, HOSTS,
                                                &(struct sampler_settings){ .seed = 9 });
        for (int i = 0; i < 3; i++)
            assert_ok(sampler_advance(sampler, which, HOSTS, rows[t], &err), err);
        sampler_free(sampler);
        model_free(model);
    }
    ck_assert_mem_eq(log_masses[0], log_masses[1], train->n_scored * N_ATTRIBUTES * sizeof(double));
    ck_assert_mem_eq(rows[0], rows[1], sizeof rows[0]);
    free(log_masses[0]);
    free(log_masses[1]);
    sequence_set_free(train);
}
END_TEST

START_TEST(a_host_is_the_same_whatever_is_drawn_beside_it)
{
    struct sequence_set *train = fixture_sequences(5, 12, 200);
    struct model *model = fit(train);
    struct row *alone = draw(model, 77, 10);
    const struct sampler_host hosts[] = { { .address = 1, .stream = 5 },
                                          { .address = 2, .stream = 77 },
                                          { .address = 3, .stream = 8 } };
    struct sampler *sampler = model_sampler(model, hosts, 3,
                                            &(struct sampler_settings){ .seed = 5 });
    struct row rows[3];
    struct error err;
    for (size_t i = 0; i < 10; i++) {
        size_t which[] = { 2, 1, 0 }, n = i % 2 == 0 ? 3 : 2;
        assert_ok(sampler_advance(sampler, which, n, rows, &err), err);
        ck_assert_mem_eq(&rows[1], &alone[i], sizeof rows[1]);
    }
    ck_assert_mem_ne(&alone[0], &alone[1], sizeof alone[0]);
    sampler_free(sampler);
    free(alone);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

START_TEST(what_the_format_lacks_is_not_modelled)
{
    struct sequence_set *train = fixture_sequences(6, 12, 200);
    train->attributes &= ~(ATTRIBUTE_BIT(ATTRIBUTE_FLAGS) | ATTRIBUTE_BIT(ATTRIBUTE_PACKETS));
    struct model *model = fit(train);
    ck_assert_uint_eq(model->attributes, train->attributes);
    double *log_masses = log_masses_of(model, train);
    struct row *rows = draw(model, 1, 5);
    for (size_t i = 0; i < train->n_scored; i++) {
        for (int a = 0; a < N_ATTRIBUTES; a++) {
            double log_mass = log_masses[i * N_ATTRIBUTES + a];
            if (a == ATTRIBUTE_LINK || a == ATTRIBUTE_FLAGS || a == ATTRIBUTE_PACKETS)
                ck_assert_double_eq(log_mass, 0.0);
            else
                ck_assert(isfinite(log_mass) && log_mass <= 0.0);
        }
    }
    for (size_t i = 0; i < 5; i++) {
        ck_assert(coding_row_is_legal(&rows[i]));
        ck_assert_int_eq(rows[i].value[ATTRIBUTE_PACKETS], 1);
    }
    free(rows);
    free(log_masses);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

/* Rows before first_scored are there to look at, and the gmm looks at nothing. */
START_TEST(history_is_neither_learnt_nor_scored)
{
    struct sequence_set *all = fixture_sequences(7, 1, 400);
    struct sequence_set *late = fixture_sequence_of(all->rows + 100, 300);
    all->items[0].first_scored = 100;
    all->n_scored = 300;
    struct model *of_all = fit(all), *of_late = fit(late);
    double *one = log_masses_of(of_all, all), *two = log_masses_of(of_late, late);
    ck_assert_mem_eq(one, two, 300 * N_ATTRIBUTES * sizeof *one);
    free(one);
    free(two);
    model_free(of_all);
    model_free(of_late);
    sequence_set_free(all);
    sequence_set_free(late);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/gmm");
    testing_add(suite, masses_of_every_head_sum_to_one);
    testing_add(suite, draws_follow_the_masses);
    testing_add(suite, drawn_rows_are_independent);
    testing_add(suite, equal_rows_break_nothing);
    testing_add(suite, threads_do_not_change_a_bit);
    testing_add(suite, a_host_is_the_same_whatever_is_drawn_beside_it);
    testing_add(suite, what_the_format_lacks_is_not_modelled);
    testing_add(suite, history_is_neither_learnt_nor_scored);
    return suite;
}
