#include "nn/params.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct params *params_create(void)
{
    struct params *params = memory_zalloc(1, sizeof *params);
    params->arena = arena_create(1 << 12);
    return params;
}

void params_free(struct params *params)
{
    if (params == NULL)
        return;
    arena_free(params->arena);
    free(params->table);
    free(params);
}

struct tensor *params_add(struct params *params, struct shape shape, struct init init,
                          const char *format, ...)
{
    char name[128];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    if (params->values != NULL || length < 0 || (size_t)length >= sizeof name ||
        params_find(params, name) != NULL)
        BUG("parameter \"%s\" comes too late, is too long or is there already", name);

    struct tensor *tensor = arena_zalloc(params->arena, 1, sizeof *tensor);
    char *copy = arena_alloc(params->arena, (size_t)length + 1, 1);
    tensor->name = memcpy(copy, name, (size_t)length + 1);
    tensor->shape = shape;
    tensor->needs_grad = true;

    size_t per_line = ARENA_ALIGNMENT / sizeof(real);
    params->table = memory_grow(params->table, &params->capacity, params->n + 1,
                                sizeof *params->table);
    params->table[params->n++] = (struct parameter){ tensor, params->size, init };
    params->size += (shape_size(&shape) + per_line - 1) / per_line * per_line;
    return tensor;
}

static void draw(const struct parameter *parameter, struct rng rng)
{
    real *values = parameter->tensor->data;
    for (size_t i = 0; i < tensor_size(parameter->tensor); i++) {
        double value = parameter->init.value;
        if (parameter->init.kind == INIT_KIND_NORMAL)
            value *= rng_normal(&rng);
        values[i] = (real)value;
    }
}

static void place_tensors(struct params *params)
{
    for (size_t i = 0; i < params->n; i++) {
        struct parameter *parameter = &params->table[i];
        parameter->tensor->data = params->values + parameter->offset;
        parameter->tensor->grad = params->grads + parameter->offset;
    }
}

void params_finish(struct params *params, uint64_t seed)
{
    params->values = arena_zalloc(params->arena, params->size, sizeof(real));
    params->grads = arena_zalloc(params->arena, params->size, sizeof(real));
    place_tensors(params);
    for (size_t i = 0; i < params->n; i++)
        draw(&params->table[i], rng_stream(seed, RNG_INIT, i, 0));
}

void params_finish_sharing(struct params *params, const struct params *original)
{
    if (params->size != original->size || params->n != original->n)
        BUG("the declarations differ: %zu weights and %zu", params->size, original->size);
    params->values = original->values;
    params->grads = arena_zalloc(params->arena, params->size, sizeof(real));
    place_tensors(params);
}

/* Numbers that one thread takes at a time: in its first cache. */
#define PIECE 2048

void params_add_grads(struct params *params, struct params *const *replicas, size_t n)
{
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < params->size; first += PIECE) {
        size_t n_here = params->size - first < PIECE ? params->size - first : PIECE;
        real *restrict sum = params->grads + first;
        for (size_t r = 0; r < n; r++) {
            real *restrict grads = replicas[r]->grads + first;
            for (size_t i = 0; i < n_here; i++)
                sum[i] += grads[i];
            memset(grads, 0, n_here * sizeof *grads);
        }
    }
}

size_t params_count(const struct params *params)
{
    size_t count = 0;
    for (size_t i = 0; i < params->n; i++)
        count += tensor_size(params->table[i].tensor);
    return count;
}

struct tensor *params_find(const struct params *params, const char *name)
{
    for (size_t i = 0; i < params->n; i++)
        if (strcmp(params->table[i].tensor->name, name) == 0)
            return params->table[i].tensor;
    return NULL;
}

void params_zero_grads(struct params *params)
{
    memset(params->grads, 0, params->size * sizeof *params->grads);
}
