#include "data/text_sink.h"

#include "base/memory.h"
#include "base/output_path.h"

#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum { BLOCK_BYTES = 1 << 20, SMALL_BLOCK_BYTES = 1 << 16, ZSTD_LEVEL = 3 };

const char *const text_packing_names[] = { "by-name", "none", "gzip", "zstd", NULL };

const char *text_packing_suffix(enum text_packing packing)
{
    return packing == PACKING_GZIP ? ".gz" : packing == PACKING_ZSTD ? ".zst" : "";
}

struct block {
    char *bytes;
    size_t length, capacity;
};

struct text_sink {
    struct output_path path; /* no target: standard output */
    int fd;                  /* -1 while closed */
    bool is_one_of_many;
    enum text_packing packing;
    struct digest *digest; /* NULL: not wanted */
    size_t block_bytes;
    bool has_written;
    struct block block; /* being gathered */

    /* What the thread shares: a block that it works on until its length is 0 again. */
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct block handed_over;
    bool is_closing;
    struct error failure; /* the first of the thread; its code is STATUS_OK before */
};

static const char *name_of(const struct text_sink *sink)
{
    return sink->path.target != NULL ? sink->path.target : "standard output";
}

/* ---- blocks ------------------------------------------------------------------------------- */

/* The block as one gzip member. Caller frees. */
static void *pack_gzip(const struct block *block, size_t *n)
{
    const size_t room = block->length + block->length / 8 + 1024;
    struct isal_zstream *stream = memory_alloc(1, sizeof *stream);
    unsigned char *packed = memory_alloc(room, 1);
    isal_deflate_stateless_init(stream);
    stream->level = 2;
    stream->level_buf_size = ISAL_DEF_LVL2_DEFAULT;
    stream->level_buf = memory_alloc(ISAL_DEF_LVL2_DEFAULT, 1);
    stream->gzip_flag = IGZIP_GZIP;
    stream->end_of_stream = 1;
    stream->flush = NO_FLUSH;
    stream->next_in = (unsigned char *)block->bytes;
    stream->avail_in = (uint32_t)block->length;
    stream->next_out = packed;
    stream->avail_out = (uint32_t)room;
    if (isal_deflate_stateless(stream) != COMP_OK)
        BUG("%zu bytes do not fit into a gzip member of %zu", block->length, room);
    *n = stream->total_out;
    free(stream->level_buf);
    free(stream);
    return packed;
}

/* The block as one zstd frame with its checksum. Caller frees. */
static void *pack_zstd(const struct block *block, size_t *n)
{
    const size_t room = ZSTD_compressBound(block->length);
    void *packed = memory_alloc(room, 1);
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    if (zstd == NULL)
        BUG("no memory left for zstd");
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
    *n = ZSTD_compress2(zstd, packed, room, block->bytes, block->length);
    if (ZSTD_isError(*n))
        BUG("zstd: %s", ZSTD_getErrorName(*n));
    ZSTD_freeCCtx(zstd);
    return packed;
}

static enum status open_file(struct text_sink *sink, struct error *err)
{
    if (sink->fd >= 0)
        return STATUS_OK;
    sink->fd = open(sink->path.temporary, O_WRONLY | O_APPEND | O_CLOEXEC);
    RETURN_IF(sink->fd < 0, err, STATUS_IO, "cannot write %s: %s", sink->path.target,
              strerror(errno));
    return STATUS_OK;
}

static enum status close_file(struct text_sink *sink, struct error *err)
{
    int failed = sink->fd >= 0 && sink->path.target != NULL && close(sink->fd) != 0;
    sink->fd = sink->path.target != NULL ? -1 : sink->fd;
    RETURN_IF(failed, err, STATUS_IO, "cannot write %s: %s", name_of(sink), strerror(errno));
    return STATUS_OK;
}

static enum status write_all(struct text_sink *sink, const char *bytes, size_t n, struct error *err)
{
    while (n > 0) {
        ssize_t written = write(sink->fd, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        RETURN_IF(written < 0, err, STATUS_IO, "cannot write %s: %s", name_of(sink),
                  strerror(errno));
        bytes += written;
        n -= (size_t)written;
    }
    return STATUS_OK;
}

/* Packs and writes a block, and empties it. */
static enum status put_block(struct text_sink *sink, struct block *block, struct error *err)
{
    if (sink->digest != NULL)
        digest_add(sink->digest, block->bytes, block->length);
    size_t n = block->length;
    void *packed = NULL;
    if (sink->packing == PACKING_GZIP)
        packed = pack_gzip(block, &n);
    else if (sink->packing == PACKING_ZSTD)
        packed = pack_zstd(block, &n);
    enum status status = open_file(sink, err);
    if (status == STATUS_OK)
        status = write_all(sink, packed != NULL ? packed : block->bytes, n, err);
    if (status == STATUS_OK && sink->is_one_of_many)
        status = close_file(sink, err);
    free(packed);
    block->length = 0;
    return status;
}

/* ---- the thread --------------------------------------------------------------------------- */

static void *work(void *argument)
{
    struct text_sink *sink = argument;
    pthread_mutex_lock(&sink->mutex);
    for (;;) {
        while (sink->handed_over.length == 0 && !sink->is_closing)
            pthread_cond_wait(&sink->changed, &sink->mutex);
        if (sink->handed_over.length == 0)
            break;
        /* Nobody else touches the block, the file or the digest as long as it has a length. */
        pthread_mutex_unlock(&sink->mutex);
        struct block block = sink->handed_over;
        struct error failure = { 0 };
        if (sink->failure.code == STATUS_OK)
            put_block(sink, &block, &failure);
        pthread_mutex_lock(&sink->mutex);
        if (failure.code != STATUS_OK)
            sink->failure = failure;
        sink->handed_over.length = 0;
        pthread_cond_signal(&sink->changed);
    }
    pthread_mutex_unlock(&sink->mutex);
    return NULL;
}

static void start_thread(struct text_sink *sink)
{
    pthread_mutex_init(&sink->mutex, NULL);
    pthread_cond_init(&sink->changed, NULL);
    sink->has_thread = pthread_create(&sink->thread, NULL, work, sink) == 0;
    if (sink->has_thread)
        return;
    /* Without one the sink does the work itself. */
    pthread_mutex_destroy(&sink->mutex);
    pthread_cond_destroy(&sink->changed);
}

static void end_thread(struct text_sink *sink)
{
    if (!sink->has_thread)
        return;
    pthread_mutex_lock(&sink->mutex);
    sink->is_closing = true;
    pthread_cond_signal(&sink->changed);
    pthread_mutex_unlock(&sink->mutex);
    pthread_join(sink->thread, NULL);
    pthread_mutex_destroy(&sink->mutex);
    pthread_cond_destroy(&sink->changed);
    sink->has_thread = false;
}

static enum status first_failure(const struct text_sink *sink, struct error *err)
{
    RETURN_IF(sink->failure.code != STATUS_OK, err, sink->failure.code, "%s",
              sink->failure.message);
    return STATUS_OK;
}

/* Gives the gathered block away: to the thread, once that has done with the one before. */
static enum status hand_over(struct text_sink *sink, struct error *err)
{
    sink->has_written = true;
    if (!sink->has_thread)
        return put_block(sink, &sink->block, err);
    pthread_mutex_lock(&sink->mutex);
    while (sink->handed_over.length > 0)
        pthread_cond_wait(&sink->changed, &sink->mutex);
    struct block empty = sink->handed_over;
    sink->handed_over = sink->block;
    sink->block = empty;
    enum status status = first_failure(sink, err);
    pthread_cond_signal(&sink->changed);
    pthread_mutex_unlock(&sink->mutex);
    return status;
}

/* ---- sinks -------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), n = strlen(end);
    return length >= n && strcmp(text + length - n, end) == 0;
}

enum text_packing text_packing_of_name(const char *path)
{
    if (ends_with(path, ".gz"))
        return PACKING_GZIP;
    return ends_with(path, ".zst") ? PACKING_ZSTD : PACKING_NONE;
}

enum status text_sink_open(struct text_sink **result, const char *path,
                           const struct text_sink_settings *settings, struct error *err)
{
    struct text_sink *sink = memory_zalloc(1, sizeof *sink);
    bool is_standard_output = strcmp(path, "-") == 0;
    sink->fd = is_standard_output ? STDOUT_FILENO : -1;
    sink->packing = settings->packing != PACKING_BY_NAME ? (enum text_packing)settings->packing
                                                         : text_packing_of_name(path);
    sink->block_bytes = settings->is_one_of_many ? SMALL_BLOCK_BYTES : BLOCK_BYTES;
    enum status status = STATUS_OK;
    if (!is_standard_output)
        status = output_path_begin(&sink->path, path, err);
    /* What is no file is never closed before its end: its reader would take that for the end. */
    sink->is_one_of_many = settings->is_one_of_many && !is_standard_output && !sink->path.is_direct;
    if (status == STATUS_OK && !sink->is_one_of_many)
        status = open_file(sink, err);
    if (status != STATUS_OK) {
        text_sink_abandon(sink);
        return status;
    }
    if (settings->with_digest)
        sink->digest = digest_create();
    if (!settings->is_one_of_many)
        start_thread(sink);
    *result = sink;
    return STATUS_OK;
}

bool text_sink_is_file(const struct text_sink *sink)
{
    return sink->path.target != NULL && !sink->path.is_direct;
}

enum status text_sink_write(struct text_sink *sink, const char *piece, size_t n, struct error *err)
{
    struct block *block = &sink->block;
    if (block->length > 0 && block->length + n > sink->block_bytes)
        FORWARD(hand_over(sink, err));
    if (block->length + n > block->capacity)
        block->bytes = memory_grow(block->bytes, &block->capacity, block->length + n, 1);
    memcpy(block->bytes + block->length, piece, n);
    block->length += n;
    return STATUS_OK;
}

enum status text_sink_commit(struct text_sink *sink, char digest[DIGEST_TEXT_SIZE],
                             struct error *err)
{
    enum status status = STATUS_OK;
    if (sink->block.length > 0)
        status = hand_over(sink, err);
    end_thread(sink);
    if (status == STATUS_OK)
        status = first_failure(sink, err);
    /* No text at all is a member or frame too. */
    if (status == STATUS_OK && !sink->has_written)
        status = put_block(sink, &sink->block, err);
    if (status == STATUS_OK)
        status = close_file(sink, err);
    if (status == STATUS_OK && sink->path.target != NULL)
        status = output_path_commit(&sink->path, err);
    if (status == STATUS_OK && sink->digest != NULL) {
        digest_finish(sink->digest, digest);
        sink->digest = NULL;
    }
    text_sink_abandon(sink);
    return status;
}

void text_sink_abandon(struct text_sink *sink)
{
    if (sink == NULL)
        return;
    end_thread(sink);
    close_file(sink, NULL);
    output_path_release(&sink->path);
    digest_finish(sink->digest, NULL);
    free(sink->block.bytes);
    free(sink->handed_over.bytes);
    free(sink);
}
