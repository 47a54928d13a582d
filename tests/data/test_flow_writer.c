#include "data_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "data/flow_writer.h"
#include "data/text_source.h"
#include "data/ugr16.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *label_names[] = { (char *)(uintptr_t) "background", (char *)(uintptr_t) "blacklist" };
static const struct label_list labels = { label_names, 2 };

static struct flow_writer *open_writer(const char *path,
                                       const struct flow_writer_settings *settings)
{
    struct flow_writer *writer;
    struct error err;
    assert_ok(flow_writer_open(&writer, path, settings, &err), err);
    return writer;
}

/* n made-up flows, the same ones each time. */
static void put_flows(struct flow_writer *writer, size_t n)
{
    struct error err;
    for (size_t i = 0; i < n; i++) {
        struct rng rng = rng_stream(1, RNG_TEST, 0, i);
        struct flow flow = fixture_flow(&rng, 5);
        assert_ok(flow_writer_put(writer, &flow, &err), err);
    }
}

static char *lines_of_flows(size_t n, size_t *length)
{
    char *lines = memory_alloc(n + 1, UGR16_LINE_MAX);
    *length = 0;
    for (size_t i = 0; i < n; i++) {
        struct rng rng = rng_stream(1, RNG_TEST, 0, i);
        struct flow flow = fixture_flow(&rng, 5);
        *length += ugr16_format(&flow, &labels, lines + *length);
    }
    return lines;
}

/* What a file unpacks to; of a packed one only if it is whole. Caller frees. */
static char *unpacked(const char *path, size_t room, size_t *length)
{
    char *text = memory_alloc(room, 1);
    struct text_source *source;
    struct error err;
    assert_ok(text_source_open(&source, path, false, &err), err);
    assert_ok(text_source_read(source, text, room, length, &err), err);
    text_source_close(source);
    return text;
}

static size_t n_files_in(const char *folder)
{
    DIR *dir = opendir(folder);
    ck_assert_ptr_nonnull(dir);
    size_t n = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static const char *new_folder(const char *name)
{
    const char *folder = testing_path(name);
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    return folder;
}

START_TEST(lines_are_exact)
{
    static const char expected[] =
        "te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label\n"
        "2016-04-11 00:01:38,6.004,165.133.210.175,42.219.155.19,34921,161,UDP,.A....,0,64,12,864,"
        "background\n"
        "2016-04-11 00:01:38,0.000,42.219.155.19,8.8.8.8,0,2048,ICMP,.A....,0,0,1,84,unknown\n"
        "2199-12-31 23:59:59,4294967.295,255.255.255.255,0.0.0.0,65535,1,TCP,0xff,255,255,"
        "9223372036854775807,0,blacklist\n";
    const struct flow flows[] = {
        { 1460332898000, 12, 864, 6004, 0xa585d2af, 0x2adb9b13, 34921, 161, 17, 16, 0, 64, 0 },
        { 1460332898000, 1, 84, 0, 0x2adb9b13, 0x08080808, 0, 2048, 1, 16, 0, 0, 2 },
        { 7258118399000, INT64_MAX, 0, UINT32_MAX, UINT32_MAX, 0, 65535, 1, 6, 255, 255, 255, 1 },
    };
    const char *path = testing_path("lines.csv");
    const struct flow_writer_settings settings = { .labels = &labels, .with_header = true };
    struct flow_writer *writer = open_writer(path, &settings);
    struct error err;
    for (size_t i = 0; i < ARRAY_LEN(flows); i++)
        assert_ok(flow_writer_put(writer, &flows[i], &err), err);
    ck_assert(flow_writer_is_file(writer));
    assert_ok(flow_writer_commit(writer, NULL, &err), err);
    size_t length;
    char *text = unpacked(path, 2 * sizeof expected, &length);
    ck_assert_uint_eq(length, sizeof expected - 1);
    ck_assert_mem_eq(text, expected, length);
    free(text);
}
END_TEST

/* Enough for several blocks of each kind, and none at all. */
enum { SEVERAL_BLOCKS = 25000 };

static const struct packed_case {
    const char *name;
    int packing;
    bool is_one_of_many;
    size_t n_flows;
    unsigned char magic[2];
} packed_cases[] = {
    { "a.csv", PACKING_BY_NAME, false, SEVERAL_BLOCKS, "20" },
    { "b.csv.gz", PACKING_BY_NAME, false, SEVERAL_BLOCKS, { 0x1f, 0x8b } },
    { "c.csv.zst", PACKING_BY_NAME, false, SEVERAL_BLOCKS, { 0x28, 0xb5 } },
    { "d.csv", PACKING_GZIP, false, SEVERAL_BLOCKS, { 0x1f, 0x8b } },
    { "e.csv", PACKING_ZSTD, false, SEVERAL_BLOCKS, { 0x28, 0xb5 } },
    { "f.gz", PACKING_NONE, false, SEVERAL_BLOCKS, "20" },
    { "g.csv", PACKING_BY_NAME, true, SEVERAL_BLOCKS, "20" },
    { "h.csv.gz", PACKING_BY_NAME, true, SEVERAL_BLOCKS, { 0x1f, 0x8b } },
    { "i.csv.zst", PACKING_BY_NAME, true, SEVERAL_BLOCKS, { 0x28, 0xb5 } },
    { "j.csv.gz", PACKING_BY_NAME, false, 1, { 0x1f, 0x8b } },
    { "k.csv.gz", PACKING_BY_NAME, false, 0, { 0x1f, 0x8b } },
    { "l.csv.zst", PACKING_BY_NAME, true, 0, { 0x28, 0xb5 } },
    { "m.csv", PACKING_BY_NAME, true, 0, { 0 } },
};

START_TEST(packed_or_not_the_lines_are_the_same)
{
    const struct packed_case *one = &packed_cases[_i];
    const struct flow_writer_settings settings = {
        .labels = &labels,
        .sink = { .packing = one->packing,
                  .is_one_of_many = one->is_one_of_many,
                  .with_digest = true },
    };
    size_t length, expected_length;
    char *expected = lines_of_flows(one->n_flows, &expected_length);
    const char *path = testing_path(one->name);
    struct flow_writer *writer = open_writer(path, &settings);
    put_flows(writer, one->n_flows);
    struct error err;
    char digest[DIGEST_TEXT_SIZE], expected_digest[DIGEST_TEXT_SIZE];
    assert_ok(flow_writer_commit(writer, digest, &err), err);

    char *text = unpacked(path, expected_length + 1, &length);
    ck_assert_uint_eq(length, expected_length);
    ck_assert_mem_eq(text, expected, length);
    struct digest *of_lines = digest_create();
    digest_add(of_lines, expected, expected_length);
    digest_finish(of_lines, expected_digest);
    ck_assert_str_eq(digest, expected_digest);

    unsigned char magic[2] = { 0 };
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_le(fread(magic, 1, 2, file), 2);
    ck_assert_mem_eq(magic, one->magic, 2);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    if (one->n_flows == SEVERAL_BLOCKS && magic[0] != '2')
        ck_assert_int_lt(size, (long)(0.7 * (double)expected_length));
    free(text);
    free(expected);
}
END_TEST

START_TEST(what_is_abandoned_leaves_nothing)
{
    char name[32], path[600];
    snprintf(name, sizeof name, "abandoned-%d", _i);
    const char *folder = new_folder(name);
    snprintf(path, sizeof path, "%s/twin.csv%s", folder, _i % 2 == 1 ? ".gz" : "");
    const struct flow_writer_settings settings = { .labels = &labels,
                                                   .sink.is_one_of_many = _i / 2 == 1 };
    struct flow_writer *writer = open_writer(path, &settings);
    put_flows(writer, SEVERAL_BLOCKS);
    ck_assert_uint_eq(n_files_in(folder), 1);
    flow_writer_abandon(writer);
    ck_assert_uint_eq(n_files_in(folder), 0);
    flow_writer_abandon(NULL);

    /* Nor does it touch what is there. */
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs("old\n", file);
    fclose(file);
    writer = open_writer(path, &settings);
    put_flows(writer, 10);
    flow_writer_abandon(writer);
    char line[16] = "";
    file = fopen(path, "re");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    fclose(file);
    ck_assert_str_eq(line, "old\n");
}
END_TEST

START_TEST(what_has_been_written_ends_with_a_line)
{
    /* The name under which a file is written has the target's as its start. */
    const char *folder = new_folder("unfinished");
    char path[600], command[1400];
    snprintf(path, sizeof path, "%s/twin.csv", folder);
    const struct flow_writer_settings settings = { .labels = &labels, .sink.is_one_of_many = true };
    struct flow_writer *writer = open_writer(path, &settings);
    put_flows(writer, SEVERAL_BLOCKS);
    snprintf(command, sizeof command, "test -s %s.tmp-* && tail -c 1 %s.tmp-* | grep -qx ''", path,
             path);
    ck_assert_int_eq(system(command), 0);
    flow_writer_abandon(writer);
}
END_TEST

START_TEST(paths_that_cannot_be_written_are_named)
{
    struct flow_writer *writer;
    struct error err;
    const struct flow_writer_settings settings = { .labels = &labels };
    assert_fails(flow_writer_open(&writer, "/no/such/folder/twin.csv", &settings, &err), STATUS_IO,
                 err, "/no/such/folder/twin.csv");
    const char *folder = new_folder("folder");
    assert_fails(flow_writer_open(&writer, folder, &settings, &err), STATUS_IO, err,
                 "is a folder, not a file");
}
END_TEST

/* A full disk is found out while writing or at the end, also where a thread finds it. */
START_TEST(a_full_disk_is_an_error)
{
    if (access("/dev/full", W_OK) != 0) {
        testing_skip("a_full_disk_is_an_error", "there is no /dev/full");
        return;
    }
    struct error err;
    const struct flow_writer_settings settings = { .labels = &labels,
                                                   .sink.is_one_of_many = _i == 1 };
    struct flow_writer *writer = open_writer("/dev/full", &settings);
    ck_assert(!flow_writer_is_file(writer));
    put_flows(writer, 1);
    assert_fails(flow_writer_commit(writer, NULL, &err), STATUS_IO, err, "cannot write /dev/full");

    writer = open_writer("/dev/full", &settings);
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    struct flow flow = fixture_flow(&rng, 5);
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < 10 * SEVERAL_BLOCKS; i++)
        status = flow_writer_put(writer, &flow, &err);
    ck_assert_int_eq(status, STATUS_IO);
    flow_writer_abandon(writer);
}
END_TEST

static void *read_pipe(void *path)
{
    char *text = memory_alloc(64 << 20, 1);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t *n = memory_alloc(1, sizeof *n);
    *n = fread(text, 1, 64 << 20, file);
    fclose(file);
    free(text);
    return n;
}

START_TEST(a_pipe_is_written_as_it_is)
{
    static char path[600];
    snprintf(path, sizeof path, "%s-%d", testing_path("pipe"), _i);
    ck_assert_int_eq(mkfifo(path, 0666), 0);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, read_pipe, path), 0);
    const struct flow_writer_settings settings = { .labels = &labels,
                                                   .sink.is_one_of_many = _i == 1 };
    struct flow_writer *writer = open_writer(path, &settings);
    ck_assert(!flow_writer_is_file(writer));
    put_flows(writer, SEVERAL_BLOCKS);
    struct error err;
    assert_ok(flow_writer_commit(writer, NULL, &err), err);
    void *n;
    pthread_join(thread, &n);
    size_t expected;
    free(lines_of_flows(SEVERAL_BLOCKS, &expected));
    ck_assert_uint_eq(*(size_t *)n, expected);
    free(n);
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert(S_ISFIFO(info.st_mode));
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/flow_writer");
    testing_add(suite, lines_are_exact);
    testing_add_loop(suite, packed_or_not_the_lines_are_the_same, ARRAY_LEN(packed_cases));
    testing_add_loop(suite, what_is_abandoned_leaves_nothing, 4);
    testing_add(suite, what_has_been_written_ends_with_a_line);
    testing_add(suite, paths_that_cannot_be_written_are_named);
    testing_add_loop(suite, a_full_disk_is_an_error, 2);
    testing_add_loop(suite, a_pipe_is_written_as_it_is, 2);
    return suite;
}
