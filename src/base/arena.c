#include "base/arena.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define RED_ZONE ARENA_ALIGNMENT
#else
#define ASAN_POISON_MEMORY_REGION(address, size)   ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define RED_ZONE                                   0
#endif

/* Chunks form a list, newest first; only the newest hands out memory. */
struct chunk {
    struct chunk *older;
    size_t size; /* of data */
    size_t used;
    unsigned char *data; /* aligned to ARENA_ALIGNMENT */
};

struct arena {
    struct chunk *newest;
    size_t used_in_older;
    size_t peak;
};

/* A large chunk is of huge pages where the system has them: the kernels of matrix products go
 * through many megabytes, and a training step of gated blocks takes a twentieth longer on pages of
 * 4 kB.
 */
#define HUGE_PAGE ((size_t)1 << 21)

static struct chunk *chunk_create(size_t size, struct chunk *older)
{
    struct chunk *chunk = memory_alloc(1, sizeof *chunk);
    size_t alignment = size < HUGE_PAGE ? ARENA_ALIGNMENT : HUGE_PAGE;
    size = (size + alignment - 1) / alignment * alignment;
    memory_count_request();
    chunk->data = aligned_alloc(alignment, size > 0 ? size : ARENA_ALIGNMENT);
#ifdef MADV_HUGEPAGE
    if (chunk->data != NULL && alignment == HUGE_PAGE)
        (void)madvise(chunk->data, size, MADV_HUGEPAGE);
#endif
    if (chunk->data == NULL) {
        /* memory_alloc reports the exhaustion in the way that the program has chosen. */
        free(memory_alloc(size, 2));
        BUG("no memory for a chunk of %zu bytes", size);
    }
    chunk->older = older;
    chunk->size = size;
    chunk->used = 0;
    ASAN_POISON_MEMORY_REGION(chunk->data, size);
    return chunk;
}

static struct chunk *chunk_free(struct chunk *chunk)
{
    struct chunk *older = chunk->older;
    ASAN_UNPOISON_MEMORY_REGION(chunk->data, chunk->size);
    free(chunk->data);
    free(chunk);
    return older;
}

struct arena *arena_create(size_t bytes)
{
    struct arena *arena = memory_zalloc(1, sizeof *arena);
    arena->newest = chunk_create(bytes > 0 ? bytes : ARENA_ALIGNMENT, NULL);
    return arena;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    for (struct chunk *chunk = arena->newest; chunk != NULL;)
        chunk = chunk_free(chunk);
    free(arena);
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    size_t bytes = memory_product(count, size);
    size_t room = memory_product((bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT, ARENA_ALIGNMENT);
    room += RED_ZONE;
    struct chunk *chunk = arena->newest;
    if (chunk->size - chunk->used < room) {
        arena->used_in_older += chunk->used;
        size_t doubled = 2 * chunk->size;
        chunk = arena->newest = chunk_create(room > doubled ? room : doubled, chunk);
    }
    unsigned char *piece = chunk->data + chunk->used;
    chunk->used += room;
    ASAN_UNPOISON_MEMORY_REGION(piece, bytes);
    if (arena_used(arena) > arena->peak)
        arena->peak = arena_used(arena);
    return piece;
}

void *arena_zalloc(struct arena *arena, size_t count, size_t size)
{
    return memset(arena_alloc(arena, count, size), 0, count * size);
}

void arena_reset(struct arena *arena)
{
    if (arena->newest->older != NULL) {
        for (struct chunk *chunk = arena->newest; chunk != NULL;)
            chunk = chunk_free(chunk);
        /* Some room to spare, so that needs that vary a little do not ask again and again. */
        arena->newest = chunk_create(arena->peak + arena->peak / 4, NULL);
    }
    arena->newest->used = 0;
    arena->used_in_older = 0;
    ASAN_POISON_MEMORY_REGION(arena->newest->data, arena->newest->size);
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){ arena->newest, arena->newest->used };
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    while (arena->newest != mark.chunk) {
        if (arena->newest->older == NULL)
            BUG("the mark is not of this arena, or the arena was reset after it");
        arena->newest = chunk_free(arena->newest);
        arena->used_in_older -= arena->newest->used;
    }
    arena->newest->used = mark.used;
    ASAN_POISON_MEMORY_REGION(arena->newest->data + mark.used, arena->newest->size - mark.used);
}

size_t arena_used(const struct arena *arena)
{
    return arena->used_in_older + arena->newest->used;
}

size_t arena_peak(const struct arena *arena)
{
    return arena->peak;
}
