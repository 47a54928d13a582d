#include "data/text_source.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define INPUT_BYTES 262144

enum encoding { ENCODING_PLAIN, ENCODING_GZIP, ENCODING_ZSTD };

struct text_source {
    char *name;
    int fd;
    bool is_regular, is_standard_input;
    off_t first;   /* where it begins, for rewinding */
    uint64_t size; /* 0 where it is not known */
    int copy_fd;   /* what was read so far of what cannot be read again; -1 for none */

    enum encoding encoding;
    unsigned char *input; /* raw bytes */
    size_t input_length, input_at;
    uint64_t position;
    bool is_at_end; /* of the raw bytes */

    struct inflate_state *inflate;
    ZSTD_DCtx *zstd;
    bool is_inside; /* a member or frame has begun and not ended */
};

/* ---- raw bytes ---------------------------------------------------------------------------- */

static enum status write_copy(struct text_source *source, const void *bytes, size_t n,
                              struct error *err)
{
    for (const char *from = bytes; n > 0;) {
        ssize_t written = write(source->copy_fd, from, n);
        if (written < 0 && errno == EINTR)
            continue;
        RETURN_IF(written < 0, err, STATUS_IO, "cannot keep a copy of %s in a temporary file: %s",
                  source->name, strerror(errno));
        from += written;
        n -= (size_t)written;
    }
    return STATUS_OK;
}

/* Waits until a pipe or terminal has something, or its end. The signal of an interrupt may go to
 * another thread than the one that waits here, so the question is asked again and again. */
static enum status wait_for_input(struct text_source *source, struct error *err)
{
    const int ms_between_questions = 100;
    struct pollfd input = { .fd = source->fd, .events = POLLIN };
    int n_ready;
    while ((n_ready = poll(&input, 1, ms_between_questions)) <= 0) {
        RETURN_IF(interrupt_requested(), err, STATUS_INTERRUPTED, "interrupted while reading %s",
                  source->name);
        RETURN_IF(n_ready < 0 && errno != EINTR, err, STATUS_IO, "cannot read %s: %s", source->name,
                  strerror(errno));
    }
    return STATUS_OK;
}

/* Up to `size` bytes, 0 at the end. */
static enum status read_raw(struct text_source *source, void *bytes, size_t size, size_t *n,
                            struct error *err)
{
    if (!source->is_regular)
        FORWARD(wait_for_input(source, err));
    ssize_t got;
    while ((got = read(source->fd, bytes, size)) < 0)
        RETURN_IF(errno != EINTR, err, STATUS_IO, "cannot read %s: %s", source->name,
                  strerror(errno));
    *n = (size_t)got;
    source->position += *n;
    source->is_at_end = got == 0;
    return source->copy_fd >= 0 ? write_copy(source, bytes, *n, err) : STATUS_OK;
}

/* More bytes into an input buffer that is used up. */
static enum status refill(struct text_source *source, struct error *err)
{
    source->input_at = source->input_length = 0;
    return read_raw(source, source->input, INPUT_BYTES, &source->input_length, err);
}

/* ---- opening ------------------------------------------------------------------------------ */

static const struct {
    unsigned char bytes[6];
    size_t length;
    const char *name, *command;
} foreign_formats[] = {
    { "\xfd"
      "7zXZ",
      5, "xz", "xz -dc" },
    { "BZh", 3, "bzip2", "bzip2 -dc" },
    { "PK\x03\x04", 4, "zip", "unzip -p" },
    { "\x04\x22\x4d\x18", 4, "lz4", "lz4 -dc" },
};

static enum status recognise(struct text_source *source, struct error *err)
{
    static const unsigned char gzip_magic[] = { 0x1f, 0x8b },
                               hdf5_magic[] = { 0x89, 'H', 'D', 'F' };
    static const unsigned char zstd_magic[] = { 0x28, 0xb5, 0x2f, 0xfd };
    /* A pipe may give less than was asked for. */
    while (source->input_length < 6 && !source->is_at_end) {
        size_t n;
        FORWARD(read_raw(source, source->input + source->input_length,
                         INPUT_BYTES - source->input_length, &n, err));
        source->input_length += n;
    }
    const unsigned char *bytes = source->input;
    size_t n = source->input_length;
    RETURN_IF(n >= 4 && memcmp(bytes, hdf5_magic, 4) == 0, err, STATUS_FORMAT,
              "%s is an HDF5 file, not flows as text", source->name);
    for (size_t i = 0; i < ARRAY_LEN(foreign_formats); i++)
        RETURN_IF(n >= foreign_formats[i].length &&
                      memcmp(bytes, foreign_formats[i].bytes, foreign_formats[i].length) == 0,
                  err, STATUS_FORMAT, "%s is in the format of %s; give what `%s FILE` writes as -",
                  source->name, foreign_formats[i].name, foreign_formats[i].command);
    if (n >= 2 && memcmp(bytes, gzip_magic, 2) == 0) {
        source->encoding = ENCODING_GZIP;
        source->inflate = memory_alloc(1, sizeof *source->inflate);
        isal_inflate_init(source->inflate);
    } else if (n >= 4 && memcmp(bytes, zstd_magic, 4) == 0) {
        source->encoding = ENCODING_ZSTD;
        source->zstd = ZSTD_createDCtx();
        RETURN_IF(source->zstd == NULL, err, STATUS_IO, "%s: no memory left for zstd",
                  source->name);
    } else {
        source->encoding = ENCODING_PLAIN;
    }
    return STATUS_OK;
}

/* A file without a name. */
static enum status open_copy(struct text_source *source, struct error *err)
{
    const char *folder = getenv("TMPDIR");
    char *path = memory_format("%s/flowtwin-XXXXXX",
                               folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    source->copy_fd = mkstemp(path);
    enum status status = STATUS_OK;
    if (source->copy_fd < 0)
        status = error_set(err, STATUS_IO, "cannot create a temporary file %s for %s: %s", path,
                           source->name, strerror(errno));
    else
        unlink(path);
    free(path);
    return status;
}

static enum status start(struct text_source *source, const char *path, bool is_read_twice,
                         struct error *err)
{
    source->fd = source->is_standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    RETURN_IF(source->fd < 0 || fstat(source->fd, &info) != 0, err, STATUS_IO, "cannot read %s: %s",
              source->name, strerror(errno));
    RETURN_IF(S_ISDIR(info.st_mode), err, STATUS_IO, "%s is a folder, not a file", source->name);
    source->is_regular = S_ISREG(info.st_mode);
    if (source->is_regular) {
        source->first = lseek(source->fd, 0, SEEK_CUR);
        source->size = (uint64_t)(info.st_size - source->first);
    } else if (is_read_twice) {
        FORWARD(open_copy(source, err));
    }
    return recognise(source, err);
}

enum status text_source_open(struct text_source **source, const char *path, bool is_read_twice,
                             struct error *err)
{
    struct text_source *opened = memory_zalloc(1, sizeof *opened);
    opened->is_standard_input = strcmp(path, "-") == 0;
    opened->name = memory_strdup(opened->is_standard_input ? "standard input" : path);
    opened->fd = opened->copy_fd = -1;
    opened->input = memory_alloc(INPUT_BYTES, 1);
    enum status status = start(opened, path, is_read_twice, err);
    if (status != STATUS_OK) {
        text_source_close(opened);
        opened = NULL;
    }
    *source = opened;
    return status;
}

void text_source_close(struct text_source *source)
{
    if (source == NULL)
        return;
    if (source->fd >= 0 && source->fd != STDIN_FILENO)
        close(source->fd);
    if (source->copy_fd >= 0)
        close(source->copy_fd);
    ZSTD_freeDCtx(source->zstd);
    free(source->inflate);
    free(source->input);
    free(source->name);
    free(source);
}

enum status text_source_rewind(struct text_source *source, struct error *err)
{
    if (source->copy_fd >= 0) {
        if (source->fd != STDIN_FILENO)
            close(source->fd);
        source->fd = source->copy_fd;
        source->copy_fd = -1;
    }
    RETURN_IF(lseek(source->fd, source->first, SEEK_SET) < 0, err, STATUS_IO,
              "cannot read %s a second time: %s", source->name, strerror(errno));
    ZSTD_freeDCtx(source->zstd);
    free(source->inflate);
    source->zstd = NULL;
    source->inflate = NULL;
    source->input_at = source->input_length = 0;
    source->position = 0;
    source->is_at_end = source->is_inside = false;
    return recognise(source, err);
}

/* ---- text --------------------------------------------------------------------------------- */

static enum status read_plain(struct text_source *source, char *buffer, size_t size, size_t *n,
                              struct error *err)
{
    size_t n_kept = source->input_length - source->input_at;
    n_kept = n_kept < size ? n_kept : size;
    memcpy(buffer, source->input + source->input_at, n_kept);
    source->input_at += n_kept;
    for (*n = n_kept; *n < size && !source->is_at_end;) {
        size_t got;
        FORWARD(read_raw(source, buffer + *n, size - *n, &got, err));
        *n += got;
    }
    return STATUS_OK;
}

static const char *inflate_problem(int code)
{
    switch (code) {
    case ISAL_INCORRECT_CHECKSUM:
        return "its checksum is wrong";
    case ISAL_INVALID_WRAPPER:
    case ISAL_UNSUPPORTED_METHOD:
        return "a header of it is not gzip's";
    default:
        return "the compressed data is damaged";
    }
}

/* A member ends in its checksum, which ISA-L compares; another one may follow. */
static enum status inflate_some(struct text_source *source, char *buffer, size_t size, size_t *n,
                                struct error *err)
{
    struct inflate_state *state = source->inflate;
    if (!source->is_inside) {
        RETURN_IF(source->input[source->input_at] != 0x1f, err, STATUS_FORMAT,
                  "%s: something that is not gzip follows the compressed data", source->name);
        isal_inflate_reset(state);
        state->crc_flag = ISAL_GZIP;
        source->is_inside = true;
    }
    state->next_in = source->input + source->input_at;
    state->avail_in = (uint32_t)(source->input_length - source->input_at);
    state->next_out = (uint8_t *)buffer;
    state->avail_out = (uint32_t)(size < UINT32_MAX ? size : UINT32_MAX);
    int code = isal_inflate(state);
    RETURN_IF(code < 0, err, STATUS_FORMAT, "%s: %s", source->name, inflate_problem(code));
    *n = (size_t)((char *)state->next_out - buffer);
    source->input_at = source->input_length - state->avail_in;
    source->is_inside = state->block_state != ISAL_BLOCK_FINISH;
    return STATUS_OK;
}

static enum status unzstd_some(struct text_source *source, char *buffer, size_t size, size_t *n,
                               struct error *err)
{
    ZSTD_inBuffer in = { source->input, source->input_length, source->input_at };
    ZSTD_outBuffer out = { buffer, size, 0 };
    size_t left = ZSTD_decompressStream(source->zstd, &out, &in);
    RETURN_IF(ZSTD_isError(left), err, STATUS_FORMAT, "%s: the compressed data is damaged (%s)",
              source->name, ZSTD_getErrorName(left));
    source->is_inside = left != 0;
    source->input_at = in.pos;
    *n = out.pos;
    return STATUS_OK;
}

enum status text_source_read(struct text_source *source, char *buffer, size_t size, size_t *n,
                             struct error *err)
{
    *n = 0;
    if (source->encoding == ENCODING_PLAIN)
        return read_plain(source, buffer, size, n, err);
    while (*n < size) {
        if (source->input_at == source->input_length && !source->is_at_end)
            FORWARD(refill(source, err));
        bool has_input = source->input_at < source->input_length;
        if (!has_input && !source->is_inside)
            break;
        size_t got = 0;
        FORWARD(source->encoding == ENCODING_GZIP
                    ? inflate_some(source, buffer + *n, size - *n, &got, err)
                    : unzstd_some(source, buffer + *n, size - *n, &got, err));
        *n += got;
        RETURN_IF(!has_input && got == 0 && source->is_inside, err, STATUS_FORMAT,
                  "%s ends in the middle of the compressed data", source->name);
    }
    return STATUS_OK;
}

/* ---- questions ---------------------------------------------------------------------------- */

bool text_source_can_reopen(const struct text_source *source)
{
    return source->is_regular && !source->is_standard_input;
}

const char *text_source_name(const struct text_source *source)
{
    return source->name;
}

uint64_t text_source_position(const struct text_source *source)
{
    return source->position;
}

uint64_t text_source_size(const struct text_source *source)
{
    return source->size;
}
