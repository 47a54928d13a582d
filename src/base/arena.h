/* arena.h - memory that is handed out in pieces and taken back all at once.
 *
 * An arena has one lifetime: the model's, one training step's, one operation's. Pieces are aligned
 * to 64 bytes and never freed singly. The first rounds may grow the arena chunk by chunk; a reset
 * joins the chunks into one of the size that was needed, so that from then on a round of the same
 * work asks the system for nothing.
 *
 *     struct arena *step = arena_create(1 << 20);
 *     while (training) {
 *         arena_reset(step);
 *         float *activations = arena_alloc(step, n_rows * n_channels, sizeof *activations);
 *         ...
 *     }
 *     arena_free(step);
 */
#ifndef FLOWTWIN_BASE_ARENA_H
#define FLOWTWIN_BASE_ARENA_H

#include <stddef.h>

#define ARENA_ALIGNMENT 64

struct arena;

/* An arena that starts with `bytes` in one chunk. Caller frees with arena_free. */
struct arena *arena_create(size_t bytes);
void arena_free(struct arena *arena);

/* `count` elements of `size` bytes, uninitialised or zeroed; lives until the next reset.
 * Never NULL (see memory.h). */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
void *arena_zalloc(struct arena *arena, size_t count, size_t size);

/* Takes everything back. Under AddressSanitizer the memory is poisoned until it is handed out
 * again, and pieces are kept apart by a red zone. */
void arena_reset(struct arena *arena);

/* A mark to which arena_rewind returns, taking back only what was handed out since. */
struct arena_mark {
    void *chunk;
    size_t used;
};
struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);

/* Bytes in use now, and the most that were in use at once. */
size_t arena_used(const struct arena *arena);
size_t arena_peak(const struct arena *arena);

#endif
