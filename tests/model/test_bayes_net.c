#include "model_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "base/options.h"
#include "base/threads.h"
#include "model/bayes_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SETTINGS_MOST 4
/* Options in pairs, ending with NULL. */
static const char *const structures[][2 * SETTINGS_MOST + 1] = {
    { "structure", "previous", NULL },
    { "structure", "previous", "hour", "no", "prior", "counts", NULL },
    { "structure", "hour", NULL },
    { "structure", "alone", "bins", "square-root", NULL },
    { "structure", "tree", "prior", "counts", NULL },
    { "structure", "edges", "edges", "bytes<-packets+previous.bytes,tos<-direction", "more-edges",
      "direction<-protocol+previous.direction,flags<-protocol", "bins", "fixed", NULL },
};

static struct model *fit(const struct sequence_set *train, const char *const *pairs)
{
    const struct model_kind *kind = model_kind_find("bayes-net");
    ck_assert_ptr_nonnull(kind);
    void *settings = memory_zalloc(1, kind->settings_size);
    struct option_table table = { kind->options, kind->n_options, settings, "model bayes-net" };
    struct training_record record = fixture_record(train);
    struct model *model;
    struct error err;
    options_set_defaults(&table, 1);
    for (size_t i = 0; pairs[i] != NULL; i += 2)
        assert_ok(options_set(&table, 1, pairs[i], pairs[i + 1], &err), err);
    assert_ok(model_fit(kind, settings, train, &record, 1, "", &model, &err), err);
    options_release_lists(&table);
    free(settings);
    return model;
}

/* Scores one sequence; for loops, where Check would write to a file for each assert_ok. */
static void score(const struct model *model, const struct sequence *sequence, double *log_mass)
{
    struct error err;
    if (model_log_mass(model, sequence, log_mass, &err) != STATUS_OK)
        ck_abort_msg("%s", err.message);
}

static double row_log_mass(const double *log_mass)
{
    double sum = 0.0;
    for (size_t a = 0; a < N_ATTRIBUTES; a++)
        sum += log_mass[a];
    return sum;
}

/* Over every row that there is of direction, protocol and tos, after a row of the data. */
START_TEST(masses_of_all_rows_sum_to_one)
{
    struct sequence_set *train = fixture_sequences(1, 12, 500);
    train->attributes = ATTRIBUTE_BIT(ATTRIBUTE_DIRECTION) | ATTRIBUTE_BIT(ATTRIBUTE_PROTOCOL) |
                        ATTRIBUTE_BIT(ATTRIBUTE_TOS);
    struct model *model = fit(train, structures[_i]);
    double log_mass[N_ATTRIBUTES], first = 0.0, second = 0.0;
    struct row rows[2] = { train->rows[3], train->rows[4] };
    struct sequence sequence = {
        .start = 1460332800, .rows = rows, .n_rows = 2, .first_scored = 1
    };
    struct sequence alone = { .start = 1460332800, .rows = rows + 1, .n_rows = 1 };
    for (int direction = 0; direction < 2; direction++) {
        for (int protocol = 0; protocol < 256; protocol++) {
            for (int tos = 0; tos < 256; tos++) {
                rows[1].value[ATTRIBUTE_DIRECTION] = direction;
                rows[1].value[ATTRIBUTE_PROTOCOL] = protocol;
                rows[1].value[ATTRIBUTE_TOS] = tos;
                score(model, &sequence, log_mass);
                second += exp(row_log_mass(log_mass));
                score(model, &alone, log_mass);
                first += exp(row_log_mass(log_mass));
            }
        }
    }
    assert_near(first, 1.0, 1e-10);
    assert_near(second, 1.0, 1e-10);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

/* Draws n rows of one host after another. Caller frees. */
static struct row *draw(const struct model *model, uint64_t stream, size_t n)
{
    const struct sampler_host host = { .address = 0x0a000001,
                                       .stream = stream,
                                       .start = 1460332800 };
    const size_t only = 0;
    struct sampler *sampler = model_sampler(model, &host, 1,
                                            &(struct sampler_settings){ .seed = 5 });
    struct row *rows = memory_alloc(n, sizeof *rows);
    struct error err;
    for (size_t i = 0; i < n; i++)
        if (sampler_advance(sampler, &only, 1, &rows[i], &err) != STATUS_OK)
            ck_abort_msg("%s", err.message);
    sampler_free(sampler);
    return rows;
}

/* Along one host's drawn rows, a value comes as often as its masses say: each row's mass is given
 * the drawn row before it and what the row has drawn already, so that the differences have mean 0
 * and the sum of P (1 - P) as variance. */
static void check_value(const struct model *model, const struct row *rows, size_t n,
                        enum attribute attribute, int64_t value)
{
    double log_mass[N_ATTRIBUTES], difference = 0.0, variance = 0.0;
    int64_t clock = 1460332800;
    for (size_t i = 1; i < n; i++) {
        struct row pair[2] = { rows[i - 1], rows[i] };
        struct sequence sequence = { .start = clock, .rows = pair, .n_rows = 2, .first_scored = 1 };
        clock += rows[i - 1].value[ATTRIBUTE_GAP];
        pair[1].value[attribute] = value;
        score(model, &sequence, log_mass);
        double mass = exp(log_mass[attribute]);
        difference += (rows[i].value[attribute] == value) - mass;
        variance += mass * (1.0 - mass);
    }
    ck_assert_msg(fabs(difference) <= 5.0 * sqrt(variance) + 1e-9,
                  "%s = %lld: %g off, deviation %g", attribute_infos[attribute].name,
                  (long long)value, difference, sqrt(variance));
    ck_assert_double_gt(variance, 1.0);
}

START_TEST(draws_follow_the_masses)
{
    enum { N = 12000 };
    static const struct {
        enum attribute attribute;
        int64_t value;
    } checks[] = {
        { ATTRIBUTE_GAP, 0 },       { ATTRIBUTE_GAP, 3 },     { ATTRIBUTE_DIRECTION, DIRECTION_IN },
        { ATTRIBUTE_PROTOCOL, 17 }, { ATTRIBUTE_TOS, 72 },    { ATTRIBUTE_FLAGS, 27 },
        { ATTRIBUTE_REMOTE, 1000 }, { ATTRIBUTE_BYTES, 40 },  { ATTRIBUTE_REMOTE_PORT, 53 },
        { ATTRIBUTE_PACKETS, 1 },   { ATTRIBUTE_PACKETS, 2 }, { ATTRIBUTE_DURATION, 0 },
    };
    struct sequence_set *train = fixture_sequences(2, 12, 500);
    struct model *model = fit(train, structures[_i]);
    struct row *rows = draw(model, 3, N);
    for (size_t i = 0; i < N; i++)
        if (!coding_row_is_legal(&rows[i]))
            ck_abort_msg("row %zu is not legal", i);
    for (size_t c = 0; c < ARRAY_LEN(checks); c++)
        check_value(model, rows, N, checks[c].attribute, checks[c].value);
    free(rows);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

/* Bytes of the fixture hang on from row to row: what each structure makes of that. */
static double correlation_of_bytes(const struct row *rows, size_t n)
{
    double mean = 0.0, top = 0.0, bottom = 0.0;
    for (size_t i = 0; i < n; i++)
        mean += log((double)rows[i].value[ATTRIBUTE_BYTES] + 1.0) / (double)n;
    for (size_t i = 0; i + 1 < n; i++) {
        double x = log((double)rows[i].value[ATTRIBUTE_BYTES] + 1.0) - mean;
        double y = log((double)rows[i + 1].value[ATTRIBUTE_BYTES] + 1.0) - mean;
        top += x * y;
        bottom += x * x;
    }
    return top / bottom;
}

START_TEST(previous_hangs_on_and_hour_does_not)
{
    enum { N = 8000 };
    struct sequence_set *train = fixture_sequences(3, 12, 2000);
    struct model *previous = fit(train, (const char *const[]){ "bins", "fixed", "bins-number", "30",
                                                               "structure", "previous", NULL });
    struct model *hour = fit(train, (const char *const[]){ "structure", "hour", NULL });
    struct row *a = draw(previous, 1, N), *b = draw(hour, 1, N);
    double of_data = correlation_of_bytes(train->rows, train->n_rows);
    assert_near(correlation_of_bytes(a, N), of_data, 0.25 * of_data);
    assert_near(correlation_of_bytes(b, N), 0.0, 5.0 / sqrt(N));
    free(a);
    free(b);
    model_free(previous);
    model_free(hour);
    sequence_set_free(train);
}
END_TEST

/* Hosts that go on after a row of the data. If their first rows are drawn given that row, its
 * knowledge makes them likelier on average; if they were drawn without it, less likely (Gibbs). */
START_TEST(the_first_row_after_a_past_follows_it)
{
    enum { N = 12000, LATER = 7 * 3600 };
    struct sequence_set *train = fixture_sequences(9, 12, 1000);
    struct model *model = fit(train, structures[_i]);
    struct sampler_host *hosts = memory_zalloc(N, sizeof *hosts);
    struct sequence *pasts = memory_zalloc(N, sizeof *pasts);
    size_t *which = memory_alloc(N, sizeof *which);
    struct row *rows = memory_alloc(N, sizeof *rows);
    for (size_t h = 0; h < N; h++) {
        pasts[h] = (struct sequence){ .rows = train->rows + h % 11000, .n_rows = 1 + h % 3 };
        hosts[h] = (struct sampler_host){
            .address = (uint32_t)h, .stream = h, .start = 1460332800 + LATER, .past = &pasts[h]
        };
        which[h] = h;
    }
    struct sampler *sampler = model_sampler(model, hosts, N,
                                            &(struct sampler_settings){ .seed = 6 });
    memset(pasts, 0, N * sizeof *pasts); /* it is borrowed until here */
    struct error err;
    assert_ok(sampler_advance(sampler, which, N, rows, &err), err);

    double with[N_ATTRIBUTES], without[N_ATTRIBUTES], gain = 0.0;
    bool has_previous = false;
    for (size_t h = 0; h < N; h++) {
        struct row pair[2] = { train->rows[h % 11000 + h % 3], rows[h] };
        struct sequence sequence = { .start = hosts[h].start - pair[0].value[ATTRIBUTE_GAP],
                                     .rows = pair,
                                     .n_rows = 2,
                                     .first_scored = 1 };
        score(model, &sequence, with);
        score(model, &(struct sequence){ .start = hosts[h].start, .rows = &rows[h], .n_rows = 1 },
              without);
        double gain_of_row = row_log_mass(with) - row_log_mass(without);
        has_previous |= gain_of_row != 0.0;
        gain += gain_of_row;
    }
    ck_assert_int_eq(has_previous, _i != 2 && _i != 3); /* hour, alone */
    ck_assert(!has_previous || gain > 0.02 * N);
    sampler_free(sampler);
    free(hosts);
    free(pasts);
    free(which);
    free(rows);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

START_TEST(the_first_row_of_a_host_comes_from_the_prior)
{
    struct sequence_set *train = fixture_sequences(4, 12, 300);
    struct model *previous = fit(train, (const char *const[]){ "structure", "previous", NULL });
    struct model *alone = fit(train, (const char *const[]){ "structure", "alone", NULL });
    double a[N_ATTRIBUTES], b[N_ATTRIBUTES];
    struct error err;
    struct sequence one = train->items[2], later = train->items[2];
    one.n_rows = 1;
    assert_ok(model_log_mass(previous, &one, a, &err), err);
    assert_ok(model_log_mass(alone, &one, b, &err), err);
    for (size_t i = 0; i < N_ATTRIBUTES; i++)
        assert_near(a[i], b[i], 1e-12);
    later.n_rows = 2, later.first_scored = 1; /* the same row with history is not first */
    assert_ok(model_log_mass(previous, &later, a, &err), err);
    assert_ok(model_log_mass(alone, &later, b, &err), err);
    ck_assert_double_ne(row_log_mass(a), row_log_mass(b));
    model_free(previous);
    model_free(alone);
    sequence_set_free(train);
}
END_TEST

/* The gap sees the hour of the row before, all others that of their own end. */
START_TEST(attributes_see_the_hour_of_the_clock)
{
    enum { PER_HOST = 2400 };
    struct sequence_set *train = fixture_sequences(5, 2, PER_HOST);
    for (size_t i = 0; i < train->n_rows; i++) { /* one flow in 36 s; tos tells the hour */
        int64_t clock = 36 * (int64_t)(i % PER_HOST + 1);
        train->rows[i].value[ATTRIBUTE_GAP] = 36;
        train->rows[i].value[ATTRIBUTE_TOS] = clock / 3600 % 24;
    }
    struct model *model = fit(train, (const char *const[]){ "structure", "hour", NULL });
    double log_mass[N_ATTRIBUTES];
    struct error err;
    struct row row = train->rows[0];
    struct sequence sequence = { .start = 1460332800 + 5 * 3600 - 36, .rows = &row, .n_rows = 1 };
    row.value[ATTRIBUTE_TOS] = 5; /* ends at 05:00:00 */
    assert_ok(model_log_mass(model, &sequence, log_mass, &err), err);
    ck_assert_double_gt(exp(log_mass[ATTRIBUTE_TOS]), 0.6);
    row.value[ATTRIBUTE_TOS] = 4;
    assert_ok(model_log_mass(model, &sequence, log_mass, &err), err);
    ck_assert_double_lt(exp(log_mass[ATTRIBUTE_TOS]), 0.05);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

START_TEST(values_never_seen_cost_finite_nats)
{
    static const struct row strange = { {
        [ATTRIBUTE_GAP] = INT64_C(1) << 40,
        [ATTRIBUTE_REMOTE] = UINT32_MAX,
        [ATTRIBUTE_DIRECTION] = DIRECTION_IN,
        [ATTRIBUTE_PROTOCOL] = 255,
        [ATTRIBUTE_LOCAL_PORT] = 1,
        [ATTRIBUTE_REMOTE_PORT] = 65535,
        [ATTRIBUTE_FLAGS] = 255,
        [ATTRIBUTE_TOS] = 255,
        [ATTRIBUTE_FORWARDING] = 255,
        [ATTRIBUTE_LABEL] = 255,
        [ATTRIBUTE_PACKETS] = INT64_MAX,
        [ATTRIBUTE_BYTES] = INT64_MAX,
        [ATTRIBUTE_DURATION] = UINT32_MAX,
    } };
    struct sequence_set *train = fixture_sequences(6, 12, 300);
    struct model *model = fit(train, structures[_i]);
    const struct row rows[] = { train->rows[0], strange, strange, train->rows[1] };
    struct sequence_set *set = fixture_sequence_of(rows, ARRAY_LEN(rows));
    double log_mass[ARRAY_LEN(rows) * N_ATTRIBUTES];
    struct error err;
    assert_ok(model_log_mass(model, &set->items[0], log_mass, &err), err);
    for (size_t i = 0; i < ARRAY_LEN(log_mass); i++)
        ck_assert_msg(log_mass[i] > -200.0 && log_mass[i] <= 1e-12, "%s: %g",
                      attribute_infos[i % N_ATTRIBUTES].name, log_mass[i]);
    sequence_set_free(set);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

START_TEST(a_value_costs_its_bin_and_its_share_of_it)
{
    struct sequence_set *train = fixture_sequences(7, 12, 100);
    struct model *model = fit(train, structures[0]);
    const struct sequence *sequence = &train->items[1];
    double of_values[100 * N_ATTRIBUTES], of_bins[100 * N_ATTRIBUTES];
    struct error err;
    assert_ok(model_log_mass(model, sequence, of_values, &err), err);
    assert_ok(bayes_net_log_mass_of_bins(model, sequence, of_bins, &err), err);
    for (size_t i = 0; i < sequence->n_rows; i++) {
        for (enum attribute a = 0; a < N_CODED; a++) {
            const struct bins *bins = bayes_net_bins(model, a);
            int64_t value = sequence->rows[i].value[a];
            double share = bins_log_share(bins, bins_find(bins, value), value);
            assert_near(of_values[i * N_ATTRIBUTES + a], of_bins[i * N_ATTRIBUTES + a] + share,
                        1e-12);
        }
    }
    model_free(model);
    sequence_set_free(train);
}
END_TEST

/* Alone or beside 149 others, on one thread or two. */
START_TEST(the_same_stream_gives_the_same_rows)
{
    enum { N_HOSTS = 150, N_ROWS = 20 };
    struct sequence_set *train = fixture_sequences(8, 12, 300);
    struct model *model = fit(train, structures[_i]);
    struct sampler_host hosts[N_HOSTS];
    size_t which[N_HOSTS];
    struct error err;
    for (size_t h = 0; h < N_HOSTS; h++) {
        hosts[h] = (struct sampler_host){ .address = 0x0a000001 + (uint32_t)h,
                                          .stream = h,
                                          .start = 1460332800 };
        which[h] = h;
    }
    struct row *rows[2];
    for (int threads = 1; threads <= 2; threads++) {
        threads_set(threads);
        struct sampler *sampler = model_sampler(model, hosts, N_HOSTS,
                                                &(struct sampler_settings){ .seed = 5 });
        rows[threads - 1] = memory_alloc(N_HOSTS * N_ROWS, sizeof(struct row));
        for (size_t i = 0; i < N_ROWS; i++)
            assert_ok(
                sampler_advance(sampler, which, N_HOSTS, rows[threads - 1] + i * N_HOSTS, &err),
                err);
        sampler_free(sampler);
    }
    ck_assert_mem_eq(rows[0], rows[1], N_HOSTS * N_ROWS * sizeof(struct row));
    struct row *alone = draw(model, 17, N_ROWS);
    for (size_t i = 0; i < N_ROWS; i++)
        ck_assert_mem_eq(&alone[i], &rows[0][i * N_HOSTS + 17], sizeof(struct row));
    free(alone);
    free(rows[0]);
    free(rows[1]);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

START_TEST(one_and_two_threads_fit_the_same_bits)
{
    struct sequence_set *train = fixture_sequences(9, 12, 300);
    double *log_mass[2];
    struct error err;
    for (int threads = 1; threads <= 2; threads++) {
        threads_set(threads);
        struct model *model = fit(train, structures[_i]);
        log_mass[threads - 1] = memory_alloc(300 * N_ATTRIBUTES, sizeof(double));
        assert_ok(model_log_mass(model, &train->items[3], log_mass[threads - 1], &err), err);
        model_free(model);
    }
    ck_assert_mem_eq(log_mass[0], log_mass[1], 300 * N_ATTRIBUTES * sizeof(double));
    free(log_mass[0]);
    free(log_mass[1]);
    sequence_set_free(train);
}
END_TEST

/* The masses and rows of a file that was loaded are tested for all kinds of models (test_model.c);
 * here, that every structure comes back, and that a file holds pairs that were seen and no more. */
START_TEST(files_are_small_and_give_the_same_structure)
{
    struct sequence_set *train = fixture_sequences(10, 12, 1000);
    struct model *model = fit(train, structures[_i]), *again;
    const char *path = testing_path("net.h5");
    struct error err;
    struct stat file;
    assert_ok(model_save(model, path, &err), err);
    assert_ok(model_load(path, &again, &err), err);
    ck_assert_int_eq(stat(path, &file), 0);
    ck_assert_int_lt(file.st_size, 400000); /* 12,000 rows */
    double one[1000 * N_ATTRIBUTES], two[1000 * N_ATTRIBUTES];
    assert_ok(model_log_mass(model, &train->items[5], one, &err), err);
    assert_ok(model_log_mass(again, &train->items[5], two, &err), err);
    ck_assert_mem_eq(one, two, sizeof one);
    for (int a = 0; a < N_CODED; a++) {
        char *edges = bayes_net_edges(model, a), *loaded = bayes_net_edges(again, a);
        ck_assert_str_eq(edges, loaded);
        free(edges);
        free(loaded);
    }
    model_free(model);
    model_free(again);
    sequence_set_free(train);
}
END_TEST

/* With the likeliest bin taken each time, a host soon repeats itself. */
START_TEST(argmax_does_not_draw)
{
    struct sequence_set *train = fixture_sequences(11, 12, 300);
    struct model *model = fit(train, (const char *const[]){ "argmax", "yes", "hour", "no", NULL });
    struct row *a = draw(model, 1, 30), *b = draw(model, 2, 30);
    for (size_t i = 0; i < 30; i++) {
        ck_assert_int_eq(a[i].value[ATTRIBUTE_PROTOCOL], PROTOCOL_TCP);
        ck_assert_int_eq(a[i].value[ATTRIBUTE_TOS], 0);
        ck_assert_int_eq(b[i].value[ATTRIBUTE_FLAGS], a[i].value[ATTRIBUTE_FLAGS]);
    }
    free(a);
    free(b);
    model_free(model);
    sequence_set_free(train);
}
END_TEST

START_TEST(edges_need_their_structure)
{
    const struct model_kind *kind = model_kind_find("bayes-net");
    struct sequence_set *train = fixture_sequences(12, 4, 50);
    void *settings = memory_zalloc(1, kind->settings_size);
    struct option_table table = { kind->options, kind->n_options, settings, "model bayes-net" };
    struct model *model;
    struct error err;
    options_set_defaults(&table, 1);
    assert_ok(options_set(&table, 1, "edges", "bytes<-packets", &err), err);
    assert_fails(kind->fit(settings, train, 1, NULL, &model, &err), STATUS_USAGE, err,
                 "the structure is previous");
    assert_ok(options_set(&table, 1, "structure", "edges", &err), err);
    assert_ok(options_set(&table, 1, "more-edges", "packets<-bytes", &err), err);
    assert_fails(kind->fit(settings, train, 1, NULL, &model, &err), STATUS_USAGE, err,
                 "depends on itself");
    options_release_lists(&table);
    free(settings);
    sequence_set_free(train);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/bayes_net");
    testing_add_loop(suite, masses_of_all_rows_sum_to_one, ARRAY_LEN(structures));
    testing_add_loop(suite, draws_follow_the_masses, ARRAY_LEN(structures));
    testing_add(suite, previous_hangs_on_and_hour_does_not);
    testing_add_loop(suite, the_first_row_after_a_past_follows_it, ARRAY_LEN(structures));
    testing_add(suite, the_first_row_of_a_host_comes_from_the_prior);
    testing_add(suite, attributes_see_the_hour_of_the_clock);
    testing_add_loop(suite, values_never_seen_cost_finite_nats, ARRAY_LEN(structures));
    testing_add(suite, a_value_costs_its_bin_and_its_share_of_it);
    testing_add_loop(suite, the_same_stream_gives_the_same_rows, ARRAY_LEN(structures));
    testing_add_loop(suite, one_and_two_threads_fit_the_same_bits, ARRAY_LEN(structures));
    testing_add_loop(suite, files_are_small_and_give_the_same_structure, ARRAY_LEN(structures));
    testing_add(suite, argmax_does_not_draw);
    testing_add(suite, edges_need_their_structure);
    return suite;
}
