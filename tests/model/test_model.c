#include "model_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "base/options.h"
#include "model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The gmm stands for all kinds: what is tested here is what model.c does for each of them. */
static struct model *fit(const struct sequence_set *train)
{
    const struct model_kind *kind = model_kind_find("gmm");
    void *settings = memory_zalloc(1, kind->settings_size);
    struct option_table table = { kind->options, kind->n_options, settings, kind->name };
    struct training_record record = fixture_record(train);
    struct model *model;
    struct error err;
    options_set_defaults(&table, 1);
    assert_ok(model_fit(kind, settings, train, &record, 11, "seed = 11\n", &model, &err), err);
    ck_assert_ptr_null(record.hosts);
    free(settings);
    return model;
}

/* A small model in a file. Borrowed as testing_path. */
static const char *saved(const char *name)
{
    struct error err;
    struct sequence_set *train = fixture_sequences(1, 12, 100);
    struct model *model = fit(train);
    const char *path = testing_path(name);
    assert_ok(model_save(model, path, &err), err);
    model_free(model);
    sequence_set_free(train);
    return path;
}

START_TEST(kinds_are_found_by_name)
{
    for (size_t k = 0; model_kinds[k] != NULL; k++)
        ck_assert_ptr_eq(model_kind_find(model_kinds[k]->name), model_kinds[k]);
    ck_assert_ptr_null(model_kind_find("gmmm"));
    ck_assert_ptr_null(model_kind_find(""));
}
END_TEST

START_TEST(files_give_the_same_model)
{
    struct error err;
    struct sequence_set *train = fixture_sequences(2, 12, 100);
    struct model *model = fit(train), *again;
    const char *path = testing_path("model.h5");
    assert_ok(model_save(model, path, &err), err);
    assert_ok(model_load(path, &again, &err), err);

    ck_assert_str_eq(again->kind->name, "gmm");
    ck_assert_uint_eq(again->attributes, ATTRIBUTES_ALL);
    ck_assert_uint_eq(again->seed, 11);
    ck_assert_str_eq(again->configuration, "seed = 11\n");
    ck_assert_uint_eq(again->labels.n, 2);
    ck_assert_str_eq(again->labels.names[1], "blacklist");
    ck_assert_uint_eq(again->monitored.n_ranges, 1);
    ck_assert_uint_eq(again->monitored.ranges[0].last, 0x0affffff);
    ck_assert_uint_eq(again->trained_on.n_hosts, 12);
    ck_assert_uint_eq(again->trained_on.hosts[11], 0x0a00000c);
    ck_assert_int_eq(again->trained_on.from, model->trained_on.from);
    ck_assert_int_eq(again->trained_on.until, model->trained_on.until);

    const size_t n = 100 * N_ATTRIBUTES;
    double *one = memory_alloc(n, sizeof *one), *two = memory_alloc(n, sizeof *two);
    for (size_t s = 0; s < train->n; s++) {
        assert_ok(model_log_mass(model, &train->items[s], one, &err), err);
        assert_ok(model_log_mass(again, &train->items[s], two, &err), err);
        ck_assert_mem_eq(one, two, n * sizeof *one);
    }
    free(one);
    free(two);

    const struct sampler_host host = { .address = 0x0a000001, .stream = 0, .start = 1460332800 };
    struct sampler *samplers[] = {
        model_sampler(model, &host, 1, &(struct sampler_settings){ .seed = 3 }),
        model_sampler(again, &host, 1, &(struct sampler_settings){ .seed = 3 })
    };
    for (int i = 0; i < 20; i++) {
        const size_t first = 0;
        struct row rows[2];
        assert_ok(sampler_advance(samplers[0], &first, 1, &rows[0], &err), err);
        assert_ok(sampler_advance(samplers[1], &first, 1, &rows[1], &err), err);
        ck_assert_mem_eq(&rows[0], &rows[1], sizeof rows[0]);
    }
    sampler_free(samplers[0]);
    sampler_free(samplers[1]);
    model_free(model);
    model_free(again);
    sequence_set_free(train);
}
END_TEST

START_TEST(a_file_that_is_cut_short_is_refused)
{
    enum { N_CUTS = 16 };
    struct error err;
    struct model *model;
    const char *whole = saved("whole.h5"), *cut = testing_path("cut.h5");
    FILE *file = fopen(whole, "rbe");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(file);
    char *bytes = memory_alloc(size, 1);
    rewind(file);
    ck_assert_uint_eq(fread(bytes, 1, size, file), size);
    fclose(file);
    for (size_t part = 0; part < N_CUTS; part++) {
        file = fopen(cut, "wbe");
        ck_assert_ptr_nonnull(file);
        fwrite(bytes, 1, part == 0 ? size - 1 : size * part / N_CUTS, file);
        fclose(file);
        assert_fails(model_load(cut, &model, &err), STATUS_FORMAT, err, "cut.h5");
    }
    free(bytes);
}
END_TEST

START_TEST(a_file_that_is_not_ours_is_refused)
{
    struct error err;
    struct model *model;
    const char *text = testing_write("text.h5", "this is no HDF5 file, but long enough for one\n");
    assert_fails(model_load(text, &model, &err), STATUS_FORMAT, err, "text.h5");
    assert_fails(model_load(testing_path("nowhere.h5"), &model, &err), STATUS_IO, err,
                 "nowhere.h5");

    struct hdf5_group *file;
    const char *path = testing_path("other.h5");
    assert_ok(hdf5_file_create(path, &file, &err), err);
    assert_ok(hdf5_group_close(file, &err), err);
    assert_fails(model_load(path, &model, &err), STATUS_FORMAT, err, "other.h5: ");
}
END_TEST

/* What has to be right at the root: each is put wrong in turn. */
static const struct bad_case {
    const char *format, *kind;
    int64_t version;
    const char *words;
} bad_cases[] = {
    { "flowtwin-dataset", "gmm", 2, "flowtwin-dataset" },
    { "flowtwin-model", "gmm", 2, "version 2" },
    { "flowtwin-model", "gmm", 0, "version 0" },
    { "flowtwin-model", "transformer", 10, "transformer" },
    { "flowtwin-model", "gmm", 10, "parameters" }, /* which are not there */
};

START_TEST(a_file_of_something_else_is_refused)
{
    const struct bad_case *bad = &bad_cases[_i];
    struct error err;
    struct model *model;
    struct hdf5_group *file;
    const char *path = testing_path("bad.h5");
    assert_ok(hdf5_file_create(path, &file, &err), err);
    assert_ok(hdf5_write_text(file, "format", bad->format, &err), err);
    assert_ok(hdf5_write_integer(file, "version", bad->version, &err), err);
    assert_ok(hdf5_write_text(file, "kind", bad->kind, &err), err);
    assert_ok(hdf5_group_close(file, &err), err);
    assert_fails(model_load(path, &model, &err), STATUS_FORMAT, err, bad->words);
    testing_assert_words(err.message, "bad.h5: ");
}
END_TEST

START_TEST(a_file_that_cannot_be_written_says_so)
{
    struct error err;
    struct sequence_set *train = fixture_sequences(1, 1, 20);
    struct model *model = fit(train);
    assert_fails(model_save(model, testing_path("no/such/folder.h5"), &err), STATUS_IO, err,
                 "folder.h5");
    model_free(model);
    sequence_set_free(train);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/model");
    testing_add(suite, kinds_are_found_by_name);
    testing_add(suite, files_give_the_same_model);
    testing_add(suite, a_file_that_is_cut_short_is_refused);
    testing_add(suite, a_file_that_is_not_ours_is_refused);
    testing_add_loop(suite, a_file_of_something_else_is_refused, ARRAY_LEN(bad_cases));
    testing_add(suite, a_file_that_cannot_be_written_says_so);
    return suite;
}
