#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "data/text_source.h"

#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

/* ---- helpers ------------------------------------------------------------------------------ */

struct bytes {
    unsigned char *at;
    size_t n, capacity;
};

static void append(struct bytes *bytes, const void *more, size_t n)
{
    bytes->at = memory_grow(bytes->at, &bytes->capacity, bytes->n + n + 1, 1);
    if (n > 0)
        memcpy(bytes->at + bytes->n, more, n);
    bytes->n += n;
}

/* Text that compresses to about a third. */
static struct bytes make_text(size_t n)
{
    struct bytes text = { malloc(n + 1), n, n + 1 };
    struct rng rng = rng_stream(1, RNG_TEST, n, 0);
    for (size_t i = 0; i < n; i++)
        text.at[i] = i % 61 == 60 ? '\n' : (unsigned char)("0123456789.,:-"[rng_below(&rng, 14)]);
    return text;
}

static void append_gzip(struct bytes *out, const unsigned char *text, size_t n)
{
    struct isal_zstream stream;
    isal_deflate_init(&stream);
    size_t room = n + n / 8 + 1000;
    unsigned char *packed = malloc(room);
    stream.next_in = (uint8_t *)(uintptr_t)text;
    stream.avail_in = (uint32_t)n;
    stream.next_out = packed;
    stream.avail_out = (uint32_t)room;
    stream.end_of_stream = 1;
    stream.gzip_flag = IGZIP_GZIP;
    ck_assert_int_eq(isal_deflate(&stream), COMP_OK);
    append(out, packed, stream.total_out);
    free(packed);
}

static void append_zstd(struct bytes *out, const unsigned char *text, size_t n)
{
    size_t room = ZSTD_compressBound(n);
    unsigned char *packed = malloc(room);
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    size_t length = ZSTD_compress2(context, packed, room, text, n);
    ck_assert(!ZSTD_isError(length));
    ZSTD_freeCCtx(context);
    append(out, packed, length);
    free(packed);
}

static const char *write_bytes(const char *name, const void *bytes, size_t n)
{
    const char *path = testing_path(name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

/* All of a source, read in pieces of that size. */
static enum status read_all(struct text_source *source, size_t piece, struct bytes *text,
                            struct error *err)
{
    char *buffer = malloc(piece);
    size_t n = piece;
    enum status status = STATUS_OK;
    while (n == piece && status == STATUS_OK) {
        status = text_source_read(source, buffer, piece, &n, err);
        append(text, buffer, status == STATUS_OK ? n : 0);
    }
    free(buffer);
    return status;
}

static void check_reads(struct text_source *source, size_t piece, const struct bytes *expected)
{
    struct error err = { 0 };
    struct bytes text = { 0 };
    assert_ok(read_all(source, piece, &text, &err), err);
    ck_assert_uint_eq(text.n, expected->n);
    ck_assert(memcmp(text.at, expected->at, expected->n) == 0);
    free(text.at);
}

/* Opens the file, reads it in pieces of some sizes, and again after a rewind. */
static void check_file(const char *path, const struct bytes *expected)
{
    static const size_t pieces[] = { 1 << 20, 4096, 777 };
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        struct error err = { 0 };
        struct text_source *source;
        assert_ok(text_source_open(&source, path, true, &err), err);
        ck_assert(text_source_can_reopen(source));
        ck_assert_str_eq(text_source_name(source), path);
        check_reads(source, pieces[i], expected);
        ck_assert_uint_eq(text_source_position(source), text_source_size(source));
        assert_ok(text_source_rewind(source, &err), err);
        check_reads(source, pieces[i], expected);
        text_source_close(source);
    }
}

static enum status read_file(const char *path, struct error *err)
{
    struct text_source *source;
    enum status status = text_source_open(&source, path, false, err);
    struct bytes text = { 0 };
    if (status == STATUS_OK)
        status = read_all(source, 65536, &text, err);
    free(text.at);
    text_source_close(source);
    return status;
}

/* ---- tests -------------------------------------------------------------------------------- */

static const size_t sizes[] = { 0, 1, 5, 6, 1000, 262143, 262144, 262145, 1500000 };

START_TEST(all_encodings_give_the_same_text)
{
    struct bytes text = make_text(sizes[_i]), gzip = { 0 }, zstd = { 0 };
    append_gzip(&gzip, text.at, text.n);
    append_zstd(&zstd, text.at, text.n);
    check_file(write_bytes("plain", text.at, text.n), &text);
    check_file(write_bytes("gzip", gzip.at, gzip.n), &text);
    check_file(write_bytes("zstd", zstd.at, zstd.n), &text);
    free(text.at);
    free(gzip.at);
    free(zstd.at);
}
END_TEST

/* Members end at every place relative to the input buffer and to the pieces that are read. */
START_TEST(members_and_frames_follow_one_another)
{
    struct bytes text = make_text(900000), gzip = { 0 }, zstd = { 0 };
    struct rng rng = rng_stream(3, RNG_TEST, 0, 0);
    for (size_t at = 0, n; at < text.n; at += n) {
        n = (size_t)rng_below(&rng, rng_below(&rng, 4) == 0 ? 60000 : 300);
        n = n < text.n - at ? n : text.n - at;
        append_gzip(&gzip, text.at + at, n);
        append_zstd(&zstd, text.at + at, n);
    }
    check_file(write_bytes("gzip", gzip.at, gzip.n), &text);
    check_file(write_bytes("zstd", zstd.at, zstd.n), &text);
    free(text.at);
    free(gzip.at);
    free(zstd.at);
}
END_TEST

START_TEST(damage_is_told)
{
    struct error err = { 0 };
    struct bytes text = make_text(400000), gzip = { 0 }, zstd = { 0 };
    append_gzip(&gzip, text.at, text.n);
    append_zstd(&zstd, text.at, text.n);
    static const size_t cuts[] = { 1, 4, 8, 100, 100000 };
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        assert_fails(read_file(write_bytes("cut.gz", gzip.at, gzip.n - cuts[i]), &err),
                     STATUS_FORMAT, err, "cut.gz ends in the middle of the compressed data");
        assert_fails(read_file(write_bytes("cut.zst", zstd.at, zstd.n - cuts[i]), &err),
                     STATUS_FORMAT, err, "cut.zst ends in the middle of the compressed data");
    }
    assert_fails(read_file(write_bytes("header.gz", gzip.at, 5), &err), STATUS_FORMAT, err,
                 "header.gz ends in the middle");

    gzip.at[gzip.n - 6] ^= 1;
    assert_fails(read_file(write_bytes("crc.gz", gzip.at, gzip.n), &err), STATUS_FORMAT, err,
                 "crc.gz: its checksum is wrong");
    gzip.at[gzip.n - 6] ^= 1;
    zstd.at[zstd.n - 2] ^= 1;
    assert_fails(read_file(write_bytes("crc.zst", zstd.at, zstd.n), &err), STATUS_FORMAT, err,
                 "crc.zst: the compressed data is damaged");
    zstd.at[zstd.n - 2] ^= 1;

    append(&gzip, "more", 4);
    append(&zstd, "more", 4);
    assert_fails(read_file(write_bytes("more.gz", gzip.at, gzip.n), &err), STATUS_FORMAT, err,
                 "more.gz: something that is not gzip follows");
    assert_fails(read_file(write_bytes("more.zst", zstd.at, zstd.n), &err), STATUS_FORMAT, err,
                 "more.zst: the compressed data is damaged");
    free(text.at);
    free(gzip.at);
    free(zstd.at);
}
END_TEST

/* Whatever byte is flipped: an error or a text, and no step outside. */
START_TEST(flipped_bytes_do_no_harm)
{
    struct bytes text = make_text(3000), gzip = { 0 }, zstd = { 0 };
    append_gzip(&gzip, text.at, text.n);
    append_zstd(&zstd, text.at, text.n);
    struct bytes *both[] = { &gzip, &zstd };
    for (int kind = 0; kind < 2; kind++) {
        size_t n_told = 0;
        for (size_t i = 0; i < both[kind]->n; i += 7) {
            struct error err = { 0 };
            both[kind]->at[i] ^= 0x55;
            n_told += read_file(write_bytes("flipped", both[kind]->at, both[kind]->n), &err) !=
                      STATUS_OK;
            both[kind]->at[i] ^= 0x55;
        }
        ck_assert_uint_gt(n_told, both[kind]->n / 7 * 9 / 10);
    }
    free(text.at);
    free(gzip.at);
    free(zstd.at);
}
END_TEST

static const struct {
    const char *start, *words;
} foreign[] = {
    { "\xfd"
      "7zXZ--",
      "is in the format of xz; give what `xz -dc FILE` writes as -" },
    { "BZh91AY", "is in the format of bzip2" },
    { "PK\x03\x04--", "is in the format of zip" },
    { "\x89HDF\r\n\x1a\n", "is an HDF5 file, not flows as text" },
};

START_TEST(foreign_files_are_named)
{
    struct error err = { 0 };
    const char *path = write_bytes("foreign", foreign[_i].start, strlen(foreign[_i].start));
    assert_fails(read_file(path, &err), STATUS_FORMAT, err, foreign[_i].words);
}
END_TEST

START_TEST(what_cannot_be_read_is_told)
{
    struct error err = { 0 };
    assert_fails(read_file("/nonexistent/day1.csv", &err), STATUS_IO, err,
                 "cannot read /nonexistent/day1.csv: No such file");
    assert_fails(read_file("/tmp", &err), STATUS_IO, err, "/tmp is a folder");
}
END_TEST

/* Standard input as a pipe that a child fills: 0 plain, 1 gzip, 2 zstd. */
START_TEST(a_pipe_is_read_twice_from_its_copy)
{
    struct error err = { 0 };
    struct bytes text = make_text(700000), sent = { 0 };
    if (_i == 0)
        append(&sent, text.at, text.n);
    else if (_i == 1)
        append_gzip(&sent, text.at, text.n);
    else
        append_zstd(&sent, text.at, text.n);
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        for (size_t at = 0; at < sent.n; at += 3) /* small pieces at the start */
            if (write(ends[1], sent.at + at, at < 300 ? 3 : sent.n - at) < 0 || at >= 300)
                break;
        _exit(0);
    }
    close(ends[1]);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    struct text_source *source;
    assert_ok(text_source_open(&source, "-", true, &err), err);
    ck_assert_str_eq(text_source_name(source), "standard input");
    ck_assert(!text_source_can_reopen(source));
    ck_assert_uint_eq(text_source_size(source), 0);
    check_reads(source, 10000, &text);
    assert_ok(text_source_rewind(source, &err), err);
    check_reads(source, 10000, &text);
    assert_ok(text_source_rewind(source, &err), err);
    check_reads(source, 1000000, &text);
    text_source_close(source);
    waitpid(child, NULL, 0);
    free(text.at);
    free(sent.at);
}
END_TEST

START_TEST(a_file_as_standard_input_is_rewound_to_where_it_began)
{
    struct error err = { 0 };
    struct bytes text = make_text(5000);
    int fd = open(write_bytes("plain", text.at, text.n), O_RDONLY);
    ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(lseek(STDIN_FILENO, 61, SEEK_SET), 61);
    struct bytes rest = { text.at + 61, text.n - 61, 0 };
    struct text_source *source;
    assert_ok(text_source_open(&source, "-", true, &err), err);
    check_reads(source, 100, &rest);
    assert_ok(text_source_rewind(source, &err), err);
    check_reads(source, 100, &rest);
    text_source_close(source);
    free(text.at);
}
END_TEST

START_TEST(no_room_for_the_copy_is_told)
{
    struct error err = { 0 };
    setenv("TMPDIR", "/nonexistent", 1);
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    struct text_source *source;
    assert_fails(text_source_open(&source, "-", true, &err), STATUS_IO, err,
                 "cannot create a temporary file /nonexistent/flowtwin-");
    ck_assert_ptr_null(source);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/text_source");
    testing_add_loop(suite, all_encodings_give_the_same_text, ARRAY_LEN(sizes));
    testing_add(suite, members_and_frames_follow_one_another);
    testing_add(suite, damage_is_told);
    testing_add(suite, flipped_bytes_do_no_harm);
    testing_add_loop(suite, foreign_files_are_named, ARRAY_LEN(foreign));
    testing_add(suite, what_cannot_be_read_is_told);
    testing_add_loop(suite, a_pipe_is_read_twice_from_its_copy, 3);
    testing_add(suite, a_file_as_standard_input_is_rewound_to_where_it_began);
    testing_add(suite, no_room_for_the_copy_is_told);
    return suite;
}
