#include "base/memory.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void (*exhausted_handler)(size_t bytes);
static atomic_size_t n_requests;

void memory_set_exhausted_handler(void (*handler)(size_t bytes))
{
    exhausted_handler = handler;
}

static _Noreturn void exhausted(size_t bytes)
{
    if (exhausted_handler != NULL)
        exhausted_handler(bytes);
    BUG("no memory for %zu bytes", bytes);
}

size_t memory_product(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        exhausted(SIZE_MAX);
    return bytes;
}

void memory_count_request(void)
{
    atomic_fetch_add_explicit(&n_requests, 1, memory_order_relaxed);
}

size_t memory_requests(void)
{
    return atomic_load_explicit(&n_requests, memory_order_relaxed);
}

void *memory_alloc(size_t count, size_t size)
{
    return memory_resize(NULL, count, size);
}

void *memory_zalloc(size_t count, size_t size)
{
    size_t bytes = memory_product(count, size);
    memory_count_request();
    void *memory = calloc(bytes > 0 ? bytes : 1, 1);
    if (memory == NULL)
        exhausted(bytes);
    return memory;
}

void *memory_resize(void *old, size_t count, size_t size)
{
    size_t bytes = memory_product(count, size);
    memory_count_request();
    void *memory = realloc(old, bytes > 0 ? bytes : 1);
    if (memory == NULL)
        exhausted(bytes);
    return memory;
}

void *memory_grow(void *old, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return old;
    size_t doubled = *capacity > SIZE_MAX / 2 ? needed : 2 * *capacity;
    *capacity = needed > doubled ? needed : doubled;
    return memory_resize(old, *capacity, size);
}

char *memory_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(memory_alloc(bytes, 1), text, bytes);
}

char *memory_format(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        BUG("bad format: %s", format);
    char *text = memory_alloc((size_t)length + 1, 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

size_t memory_peak(void)
{
    /* Not getrusage: what that says begins with the size of the program that started this one. */
    FILE *status = fopen("/proc/self/status", "re");
    size_t kilobytes = 0;
    char line[256];
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmHWM: %zu kB", &kilobytes) == 1)
            break;
    if (status != NULL)
        fclose(status);
    return kilobytes * 1024;
}
