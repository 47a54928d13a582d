/* shuffle_deflate.h - HDF5's filters "shuffle" and "deflate", at the speed of ISA-L.
 *
 * A chunk of values of `size` bytes is laid out byte by byte (all first bytes, then all second
 * bytes, ...) and packed as a zlib stream, whose Adler-32 finds damage. Every HDF5 library reads
 * such chunks; its own zlib would take ten times as long to write them. Knows nothing of HDF5, and
 * chunks are independent, so that they are packed and unpacked by several threads.
 *
 *     struct packed_chunk chunk = { 0 };
 *     struct pack_room room = { 0 };
 *     shuffle_deflate_pack(&chunk, &room, &flows[0].packets, sizeof *flows, n_flows, 8, n_flows);
 *     ... chunk.bytes[0 .. chunk.n_bytes - 1] ...
 *     packed_chunk_release(&chunk);
 *     pack_room_release(&room);
 */
#ifndef FLOWTWIN_DATA_SHUFFLE_DEFLATE_H
#define FLOWTWIN_DATA_SHUFFLE_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>

/* Both are used again and again, and only grow. */
struct packed_chunk {
    unsigned char *bytes;
    size_t n_bytes, capacity;
};

/* What packing and unpacking need on the way: one a thread. */
struct pack_room {
    unsigned char *shuffled;
    size_t capacity;
    unsigned char *level_buffer;
};

void packed_chunk_release(struct packed_chunk *chunk);
void pack_room_release(struct pack_room *room);
/* Room for n_bytes, for whoever fills chunk->bytes from elsewhere. */
void packed_chunk_reserve(struct packed_chunk *chunk, size_t n_bytes);

/* Packs n values of `size` bytes that stand `stride` bytes apart; those from n to n_chunk are 0. */
void shuffle_deflate_pack(struct packed_chunk *chunk, struct pack_room *room, const void *values,
                          size_t stride, size_t n, size_t size, size_t n_chunk);
/* The opposite. False where the bytes are not the zlib stream of n_chunk values. */
bool shuffle_deflate_unpack(const struct packed_chunk *chunk, struct pack_room *room, void *values,
                            size_t stride, size_t n, size_t size, size_t n_chunk);

#endif
