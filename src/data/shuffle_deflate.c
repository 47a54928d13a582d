#include "data/shuffle_deflate.h"

#include "base/error.h"
#include "base/memory.h"

#include <isa-l/igzip_lib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Columns of flows come out 16 % smaller than at level 0, in the same time. */
#define LEVEL             1
#define LEVEL_BUFFER_SIZE ISAL_DEF_LVL1_DEFAULT

void packed_chunk_release(struct packed_chunk *chunk)
{
    free(chunk->bytes);
    *chunk = (struct packed_chunk){ 0 };
}

void pack_room_release(struct pack_room *room)
{
    free(room->shuffled);
    free(room->level_buffer);
    *room = (struct pack_room){ 0 };
}

void packed_chunk_reserve(struct packed_chunk *chunk, size_t n_bytes)
{
    if (n_bytes > chunk->capacity)
        chunk->bytes = memory_grow(chunk->bytes, &chunk->capacity, n_bytes, 1);
}

static void reserve_shuffled(struct pack_room *room, size_t n_bytes)
{
    if (n_bytes > room->capacity)
        room->shuffled = memory_grow(room->shuffled, &room->capacity, n_bytes, 1);
}

/* shuffled[b * n_chunk + i] = byte b of value i. One loop per size, with the bytes unrolled: each
 * value is loaded once. */
static void shuffle(unsigned char *shuffled, const unsigned char *values, size_t stride, size_t n,
                    size_t size, size_t n_chunk)
{
#define SHUFFLE(type)                                                                              \
    for (size_t i = 0; i < n; i++) {                                                               \
        type value;                                                                                \
        memcpy(&value, values + i * stride, sizeof value);                                         \
        for (size_t b = 0; b < sizeof value; b++)                                                  \
            shuffled[b * n_chunk + i] = (unsigned char)(value >> (8 * b));                         \
    }                                                                                              \
    break
    switch (size) {
    case 1:
        SHUFFLE(uint8_t);
    case 2:
        SHUFFLE(uint16_t);
    case 4:
        SHUFFLE(uint32_t);
    case 8:
        SHUFFLE(uint64_t);
    default:
        BUG("values of %zu bytes", size);
    }
#undef SHUFFLE
    for (size_t b = 0; b < size; b++)
        memset(shuffled + b * n_chunk + n, 0, n_chunk - n);
}

static void unshuffle(unsigned char *values, size_t stride, size_t n, size_t size, size_t n_chunk,
                      const unsigned char *shuffled)
{
#define UNSHUFFLE(type)                                                                            \
    for (size_t i = 0; i < n; i++) {                                                               \
        type value = 0;                                                                            \
        for (size_t b = 0; b < sizeof value; b++)                                                  \
            value = (type)(value | (type)((type)shuffled[b * n_chunk + i] << (8 * b)));            \
        memcpy(values + i * stride, &value, sizeof value);                                         \
    }                                                                                              \
    break
    switch (size) {
    case 1:
        UNSHUFFLE(uint8_t);
    case 2:
        UNSHUFFLE(uint16_t);
    case 4:
        UNSHUFFLE(uint32_t);
    case 8:
        UNSHUFFLE(uint64_t);
    default:
        BUG("values of %zu bytes", size);
    }
#undef UNSHUFFLE
}

void shuffle_deflate_pack(struct packed_chunk *chunk, struct pack_room *room, const void *values,
                          size_t stride, size_t n, size_t size, size_t n_chunk)
{
    size_t n_bytes = memory_product(n_chunk, size);
    if (n > n_chunk || n_bytes > UINT32_MAX / 2)
        BUG("%zu of %zu values of %zu bytes", n, n_chunk, size);
    reserve_shuffled(room, n_bytes);
    shuffle(room->shuffled, values, stride, n, size, n_chunk);

    /* What does not shrink is stored: 5 bytes for each 64 KiB, besides header and checksum. */
    packed_chunk_reserve(chunk, n_bytes + n_bytes / 1024 + 256);
    if (room->level_buffer == NULL)
        room->level_buffer = memory_alloc(LEVEL_BUFFER_SIZE, 1);
    struct isal_zstream stream;
    isal_deflate_stateless_init(&stream);
    stream.next_in = room->shuffled;
    stream.avail_in = (uint32_t)n_bytes;
    stream.next_out = chunk->bytes;
    stream.avail_out = (uint32_t)chunk->capacity;
    stream.end_of_stream = 1;
    stream.flush = NO_FLUSH;
    stream.gzip_flag = IGZIP_ZLIB;
    stream.level = LEVEL;
    stream.level_buf = room->level_buffer;
    stream.level_buf_size = LEVEL_BUFFER_SIZE;
    int result = isal_deflate_stateless(&stream);
    if (result != COMP_OK || stream.avail_in != 0)
        BUG("isal_deflate_stateless of %zu bytes: %d", n_bytes, result);
    chunk->n_bytes = stream.total_out;
}

bool shuffle_deflate_unpack(const struct packed_chunk *chunk, struct pack_room *room, void *values,
                            size_t stride, size_t n, size_t size, size_t n_chunk)
{
    size_t n_bytes = memory_product(n_chunk, size);
    if (n > n_chunk || n_bytes > UINT32_MAX / 2)
        BUG("%zu of %zu values of %zu bytes", n, n_chunk, size);
    reserve_shuffled(room, n_bytes);
    struct inflate_state state;
    isal_inflate_init(&state);
    state.next_in = chunk->bytes;
    state.avail_in = (uint32_t)chunk->n_bytes;
    state.next_out = room->shuffled;
    state.avail_out = (uint32_t)n_bytes;
    state.crc_flag = ISAL_ZLIB;
    if (isal_inflate_stateless(&state) != ISAL_DECOMP_OK || state.total_out != n_bytes)
        return false;
    unshuffle(values, stride, n, size, n_chunk, room->shuffled);
    return true;
}
