#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "data/hdf5_file.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct hdf5_group *create(const char *name)
{
    struct error err;
    struct hdf5_group *file = NULL;
    assert_ok(hdf5_file_create(testing_path(name), &file, &err), err);
    return file;
}

static struct hdf5_group *open_again(struct hdf5_group *file, const char *name)
{
    struct error err;
    assert_ok(hdf5_group_close(file, &err), err);
    assert_ok(hdf5_file_open(testing_path(name), &file, &err), err);
    return file;
}

static void finish(struct hdf5_group *file)
{
    struct error err;
    assert_ok(hdf5_group_close(file, &err), err);
}

START_TEST(attributes_come_back)
{
    struct error err;
    struct hdf5_group *file = create("a.h5"), *group = NULL;
    assert_ok(hdf5_write_text(file, "format", "flowtwin-test", &err), err);
    assert_ok(hdf5_write_text(file, "empty", "", &err), err);
    assert_ok(hdf5_write_number(file, "pi", 3.14159265358979, &err), err);
    assert_ok(hdf5_group_create(file, "inner", &group, &err), err);
    assert_ok(hdf5_write_text(group, "note", "für Übung", &err), err);
    assert_ok(hdf5_write_integer(group, "least", INT64_MIN, &err), err);
    finish(group);

    file = open_again(file, "a.h5");
    char *text = NULL;
    double number = 0.0;
    int64_t integer = 0;
    assert_ok(hdf5_read_text(file, "format", &text, &err), err);
    ck_assert_str_eq(text, "flowtwin-test");
    free(text);
    assert_ok(hdf5_read_text(file, "empty", &text, &err), err);
    ck_assert_str_eq(text, "");
    free(text);
    assert_ok(hdf5_read_number(file, "pi", &number, &err), err);
    ck_assert_double_eq(number, 3.14159265358979);
    ck_assert(hdf5_has(file, "inner") && hdf5_has(file, "pi") && !hdf5_has(file, "outer"));
    assert_ok(hdf5_group_open(file, "inner", &group, &err), err);
    assert_ok(hdf5_read_text(group, "note", &text, &err), err);
    ck_assert_str_eq(text, "für Übung");
    free(text);
    assert_ok(hdf5_read_integer(group, "least", &integer, &err), err);
    ck_assert_int_eq(integer, INT64_MIN);

    assert_fails(hdf5_read_text(group, "absent", &text, &err), STATUS_FORMAT, err,
                 "a.h5 has no attribute inner/absent");
    assert_fails(hdf5_read_text(file, "pi", &text, &err), STATUS_FORMAT, err, "pi is not a text");
    assert_fails(hdf5_read_integer(file, "pi", &integer, &err), STATUS_FORMAT, err,
                 "pi is not a whole number");
    assert_fails(hdf5_read_number(file, "format", &number, &err), STATUS_FORMAT, err,
                 "format is not a real number");
    finish(group);
    assert_fails(hdf5_group_open(file, "outer", &group, &err), STATUS_FORMAT, err,
                 "has no group outer");
    finish(file);
}
END_TEST

/* Configurations and tables of names may be longer than what fits in an object's header. */
START_TEST(long_text_comes_back)
{
    struct error err;
    struct hdf5_group *file = create("long.h5");
    char *text = memory_alloc(200001, 1), *again = NULL;
    memset(text, 'x', 200000);
    text[200000] = '\0';
    assert_ok(hdf5_write_text(file, "config", text, &err), err);
    file = open_again(file, "long.h5");
    assert_ok(hdf5_read_text(file, "config", &again, &err), err);
    ck_assert_str_eq(text, again);
    free(text);
    free(again);
    finish(file);
}
END_TEST

/* Around every edge: empty, compact, one chunk, a chunk exactly, several, several dimensions. */
static const struct array_case {
    enum hdf5_type type;
    size_t size, n_dimensions, dimensions[HDF5_DIMENSIONS_MAX];
    bool is_noise; /* does not shrink */
} array_cases[] = {
    { HDF5_U8, 1, 1, { 0 }, false },           { HDF5_U8, 1, 1, { 1 }, false },
    { HDF5_I64, 8, 1, { 512 }, false },        { HDF5_I64, 8, 1, { 513 }, false },
    { HDF5_U64, 8, 1, { 65536 }, false },      { HDF5_U16, 2, 1, { 65537 }, false },
    { HDF5_U32, 4, 1, { 1000000 }, false },    { HDF5_U64, 8, 1, { 700001 }, true },
    { HDF5_U8, 1, 1, { 300000 }, true },       { HDF5_I32, 4, 2, { 1000, 131 }, false },
    { HDF5_F32, 4, 3, { 7, 96, 257 }, true },  { HDF5_F64, 8, 2, { 2, 100000 }, false },
    { HDF5_F64, 8, 4, { 3, 0, 5, 2 }, false }, { HDF5_F32, 4, 4, { 5, 40, 30, 20 }, false },
};

START_TEST(arrays_come_back)
{
    const struct array_case *test = &array_cases[_i];
    struct error err;
    size_t n = 1, dimensions[HDF5_DIMENSIONS_MAX];
    for (size_t d = 0; d < test->n_dimensions; d++)
        n *= test->dimensions[d];
    unsigned char *values = memory_zalloc(n, test->size), *again = memory_zalloc(n, test->size);
    struct rng rng = rng_stream(1, RNG_TEST, 0, (uint64_t)_i);
    for (size_t b = 0; b < n * test->size; b++)
        if (test->is_noise ? (b % test->size != 3 || test->size != 4) : b % test->size == 0)
            values[b] = (unsigned char)rng_u32(&rng);

    struct hdf5_group *file = create("arrays.h5");
    assert_ok(hdf5_write_array(file, "values", test->type, values, test->n_dimensions,
                               test->dimensions, &err),
              err);
    file = open_again(file, "arrays.h5");
    assert_ok(hdf5_array_size(file, "values", test->n_dimensions, dimensions, &err), err);
    for (size_t d = 0; d < test->n_dimensions; d++)
        ck_assert_uint_eq(dimensions[d], test->dimensions[d]);
    assert_ok(hdf5_read_array(file, "values", test->type, again, n, &err), err);
    ck_assert_mem_eq(values, again, n * test->size);

    assert_fails(hdf5_read_array(file, "values", test->type, again, n + 1, &err), STATUS_FORMAT,
                 err, "values, not");
    assert_fails(hdf5_array_size(file, "values", test->n_dimensions % 4 + 1, dimensions, &err),
                 STATUS_FORMAT, err, "dimensions, not");
    free(values);
    free(again);
    finish(file);
}
END_TEST

START_TEST(tables_come_back)
{
    enum { N = 150000 };
    struct record {
        uint64_t wide;
        uint16_t narrow;
        uint8_t byte;
    } *records = memory_zalloc(N, sizeof *records), *again = memory_zalloc(N, sizeof *again);
    static const struct hdf5_column columns[] = {
        { "w", HDF5_U64, offsetof(struct record, wide) },
        { "n", HDF5_U16, offsetof(struct record, narrow) },
        { "b", HDF5_U8, offsetof(struct record, byte) },
    };
    for (size_t i = 0; i < N; i++)
        records[i] = (struct record){ i * i, (uint16_t)i, (uint8_t)(i >> 8) };
    struct error err;
    struct hdf5_group *file = create("columns.h5");
    assert_ok(hdf5_write_table(file, columns, 3, records, sizeof *records, N, &err), err);
    /* 600 bytes, 1200 and 4800: some are compact and one is not. */
    struct hdf5_group *few = NULL;
    assert_ok(hdf5_group_create(file, "few", &few, &err), err);
    assert_ok(hdf5_write_table(few, columns, 3, records, sizeof *records, 600, &err), err);
    finish(few);
    file = open_again(file, "columns.h5");
    assert_ok(hdf5_group_open(file, "few", &few, &err), err);
    assert_ok(hdf5_read_table(few, columns, 3, again, sizeof *again, 600, &err), err);
    for (size_t i = 0; i < 600; i++)
        if (records[i].wide != again[i].wide || records[i].narrow != again[i].narrow ||
            records[i].byte != again[i].byte)
            ck_abort_msg("record %zu of few", i);
    finish(few);
    assert_fails(hdf5_read_table(file, columns, 3, again, sizeof *again, N - 1, &err),
                 STATUS_FORMAT, err, "w has 150000 values, not 149999");
    assert_ok(hdf5_read_table(file, columns, 3, again, sizeof *again, N, &err), err);
    for (size_t i = 0; i < N; i++)
        if (records[i].wide != again[i].wide || records[i].narrow != again[i].narrow ||
            records[i].byte != again[i].byte)
            ck_abort_msg("record %zu", i);
    finish(file);
    free(records);
    free(again);
}
END_TEST

/* The same numbers through HDF5's own filters, which an array of a wider type goes through. */
START_TEST(whole_numbers_become_wider_and_never_narrower)
{
    enum { N = 200000 };
    uint16_t *narrow = memory_alloc(N, sizeof *narrow);
    int64_t *wide = memory_alloc(N, sizeof *wide);
    for (size_t i = 0; i < N; i++)
        narrow[i] = (uint16_t)(i * 7);
    struct error err;
    struct hdf5_group *file = create("wide.h5");
    assert_ok(hdf5_write_array(file, "n", HDF5_U16, narrow, 1, (size_t[]){ N }, &err), err);
    file = open_again(file, "wide.h5");
    assert_ok(hdf5_read_array(file, "n", HDF5_I64, wide, N, &err), err);
    for (size_t i = 0; i < N; i++)
        if (narrow[i] != wide[i])
            ck_abort_msg("%d became %lld", narrow[i], (long long)wide[i]);
    assert_fails(hdf5_read_array(file, "n", HDF5_U8, narrow, N, &err), STATUS_FORMAT, err,
                 "wide.h5: n holds values of another type");
    assert_fails(hdf5_read_array(file, "n", HDF5_F64, wide, N, &err), STATUS_FORMAT, err,
                 "another type");
    finish(file);
    free(narrow);
    free(wide);
}
END_TEST

START_TEST(texts_come_back)
{
    struct error err;
    char first[] = "background", second[] = "", third[] = "Schädling", **texts = NULL;
    char *const list[] = { first, second, third };
    size_t n = 0;
    struct hdf5_group *file = create("texts.h5");
    assert_ok(hdf5_write_texts(file, "names", list, 3, &err), err);
    assert_ok(hdf5_write_texts(file, "none", list, 0, &err), err);
    char *many[2000];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = memory_format("option-%zu", i);
    assert_ok(hdf5_write_texts(file, "many", many, ARRAY_LEN(many), &err), err);
    file = open_again(file, "texts.h5");
    assert_ok(hdf5_read_texts(file, "names", &texts, &n, &err), err);
    ck_assert_uint_eq(n, 3);
    for (size_t i = 0; i < n; i++) {
        ck_assert_str_eq(texts[i], list[i]);
        free(texts[i]);
    }
    free(texts);
    assert_ok(hdf5_read_texts(file, "none", &texts, &n, &err), err);
    ck_assert_uint_eq(n, 0);
    free(texts);
    assert_ok(hdf5_read_texts(file, "many", &texts, &n, &err), err);
    ck_assert_uint_eq(n, ARRAY_LEN(many));
    for (size_t i = 0; i < n; i++) {
        ck_assert_str_eq(texts[i], many[i]);
        free(texts[i]);
        free(many[i]);
    }
    free(texts);
    assert_fails(hdf5_read_texts(file, "absent", &texts, &n, &err), STATUS_FORMAT, err,
                 "has no array absent");
    finish(file);
}
END_TEST

START_TEST(dimensions_are_named)
{
    struct error err;
    const uint32_t hosts[] = { 1, 2, 3 };
    struct hdf5_group *file = create("scales.h5");
    assert_ok(hdf5_dimension_create(file, "flow", 3, &err), err);
    assert_ok(hdf5_write_array(file, "host", HDF5_U32, hosts, 1, (size_t[]){ 3 }, &err), err);
    assert_ok(hdf5_dimension_from_array(file, "host", &err), err);
    assert_ok(hdf5_write_array(file, "te", HDF5_U32, hosts, 1, (size_t[]){ 3 }, &err), err);
    assert_ok(hdf5_dimension_attach(file, "te", "flow", &err), err);
    assert_ok(hdf5_array_write_text(file, "te", "units", "s", &err), err);
    assert_ok(hdf5_array_write_values(file, "te", "flag_values", HDF5_U32, hosts, 3, &err), err);
    assert_fails(hdf5_dimension_attach(file, "te", "remote", &err), STATUS_IO, err,
                 "cannot write te");
    assert_fails(hdf5_array_write_text(file, "td", "units", "s", &err), STATUS_IO, err,
                 "cannot write td");
    finish(file);
}
END_TEST

START_TEST(other_files_are_refused)
{
    struct error err;
    struct hdf5_group *file = NULL;
    assert_fails(hdf5_file_open(testing_path("absent.h5"), &file, &err), STATUS_IO, err,
                 "absent.h5: No such file");
    assert_fails(hdf5_file_open("/tmp", &file, &err), STATUS_IO, err, "/tmp: not a regular file");
    assert_fails(hdf5_file_open(testing_write("empty.h5", ""), &file, &err), STATUS_FORMAT, err,
                 "empty.h5 is empty");
    assert_fails(hdf5_file_open(testing_write("text.h5", "te,td,sa,da\n"), &file, &err),
                 STATUS_FORMAT, err, "text.h5 is not an HDF5 file");
    assert_fails(hdf5_file_create("/nowhere/at/all.h5", &file, &err), STATUS_IO, err,
                 "cannot write /nowhere/at/all.h5");
}
END_TEST

START_TEST(files_cut_short_are_refused)
{
    enum { N = 20000 };
    struct error err;
    uint32_t values[N];
    for (uint32_t i = 0; i < N; i++)
        values[i] = i * 2654435761u;
    struct hdf5_group *file = create("cut.h5");
    assert_ok(hdf5_write_array(file, "values", HDF5_U32, values, 1, (size_t[]){ N }, &err), err);
    finish(file);
    struct stat info;
    ck_assert_int_eq(stat(testing_path("cut.h5"), &info), 0);
    ck_assert_int_eq(truncate(testing_path("cut.h5"), info.st_size / 2), 0);
    assert_fails(hdf5_file_open(testing_path("cut.h5"), &file, &err), STATUS_FORMAT, err,
                 "cut.h5 is cut short or damaged");
}
END_TEST

/* Every byte of the data is under zlib's checksum, whether it shrank or not. */
START_TEST(damaged_data_are_refused)
{
    enum { N = 20000 };
    struct error err;
    uint32_t *values = memory_alloc(N, sizeof *values);
    struct rng rng = rng_stream(3, RNG_TEST, 0, 0);
    for (uint32_t i = 0; i < N; i++)
        values[i] = rng_u32(&rng);
    struct hdf5_group *file = create("damaged.h5");
    assert_ok(hdf5_write_array(file, "values", HDF5_U32, values, 1, (size_t[]){ N }, &err), err);
    finish(file);
    int fd = open(testing_path("damaged.h5"), O_RDWR | O_CLOEXEC);
    struct stat info;
    ck_assert_int_eq(fstat(fd, &info), 0);
    unsigned char byte = 0;
    ck_assert_int_eq(pread(fd, &byte, 1, info.st_size / 2), 1);
    byte ^= 4;
    ck_assert_int_eq(pwrite(fd, &byte, 1, info.st_size / 2), 1);
    close(fd);
    assert_ok(hdf5_file_open(testing_path("damaged.h5"), &file, &err), err);
    assert_fails(hdf5_read_array(file, "values", HDF5_U32, values, N, &err), STATUS_FORMAT, err,
                 "damaged.h5: chunk 0 of values is damaged");
    finish(file);
    free(values);
}
END_TEST

/* HDF5 1.10 forgets a few hundred bytes of its own when it cannot write: no leak of ours. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

START_TEST(a_full_disk_is_noticed)
{
    if (access("/dev/full", W_OK) != 0) {
        testing_skip("a_full_disk_is_noticed", "no /dev/full");
        return;
    }
    enum { N = 200000 };
    struct error err = { STATUS_OK, "" };
    uint32_t *values = memory_zalloc(N, sizeof *values);
    struct hdf5_group *file = NULL;
    enum status status = hdf5_file_create("/dev/full", &file, &err);
    if (status == STATUS_OK)
        status = hdf5_write_array(file, "values", HDF5_U32, values, 1, (size_t[]){ N }, &err);
    enum status closing = hdf5_group_close(file, status == STATUS_OK ? &err : NULL);
    ck_assert_int_eq(status != STATUS_OK ? status : closing, STATUS_IO);
    testing_assert_words(err.message, "/dev/full");
    free(values);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/hdf5_file");
    testing_add(suite, attributes_come_back);
    testing_add(suite, long_text_comes_back);
    testing_add_loop(suite, arrays_come_back, ARRAY_LEN(array_cases));
    testing_add(suite, tables_come_back);
    testing_add(suite, whole_numbers_become_wider_and_never_narrower);
    testing_add(suite, texts_come_back);
    testing_add(suite, dimensions_are_named);
    testing_add(suite, other_files_are_refused);
    testing_add(suite, files_cut_short_are_refused);
    testing_add(suite, damaged_data_are_refused);
    testing_add(suite, a_full_disk_is_noticed);
    return suite;
}
