/* memory.h - heap memory for things that live long or grow.
 *
 * Sizes are count times element, checked for overflow. When the system has no memory left there is
 * nothing that a caller could do better than stop, so these functions never return NULL: they call
 * the handler that src/cli has set (a message and exit 1), or abort where none is set.
 *
 *     struct flow *flows = NULL;
 *     size_t capacity = 0;
 *     flows = memory_grow(flows, &capacity, n_flows + 1, sizeof *flows);
 *     ...
 *     free(flows);
 */
#ifndef FLOWTWIN_BASE_MEMORY_H
#define FLOWTWIN_BASE_MEMORY_H

#include <stddef.h>

/* Uninitialised, zeroed, and resized memory for `count` elements of `size` bytes. Caller frees with
 * free(). Count 0 gives a pointer that may be freed. */
void *memory_alloc(size_t count, size_t size);
void *memory_zalloc(size_t count, size_t size);
void *memory_resize(void *old, size_t count, size_t size);

/* Makes room for at least `needed` elements, at least doubling, so that appending is linear. */
void *memory_grow(void *old, size_t *capacity, size_t needed, size_t size);

char *memory_strdup(const char *text);
/* A new string made as printf would. Caller frees with free(). */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Called with the size that could not be had; must not return. */
void memory_set_exhausted_handler(void (*handler)(size_t bytes));

/* How often the functions above and the arenas have asked the system for memory so far: the test
 * that a training step asks for none reads it before and after. */
size_t memory_requests(void);
void memory_count_request(void);

/* The product, or the end of the program where it does not fit. */
size_t memory_product(size_t count, size_t size);

/* Largest resident size of this process so far, in bytes; 0 where the system does not say. */
size_t memory_peak(void);

#endif
