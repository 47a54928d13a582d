#include "eval/classes.h"

#include "base/memory.h"
#include "eval/integer_sort.h"

#include <stdlib.h>

/* Of a port to be told apart from its neighbours. */
#define FEWEST_OF_A_PORT 5.0

static struct bins *create_fine(const struct attribute_info *info,
                                const struct bins_sample *samples, size_t n)
{
    const struct bins_settings rule = { .rule = BINS_FREEDMAN_DIACONIS };
    switch (info->kind) {
    case KIND_COUNT:
        return bins_create_ranges(samples, n, info->lowest, INT64_MAX, &rule);
    case KIND_SET:
        return bins_create_set(samples, n, info->support);
    case KIND_PORT:
        return bins_create_atoms(samples, n, info->support, FINE_PORTS, FEWEST_OF_A_PORT,
                                 FINE_PORT_PREFIXES);
    default: /* an address in one network says nothing about another's */
        return NULL;
    }
}

static struct bins *create_coarse(const struct attribute_info *info,
                                  const struct bins_sample *samples, size_t n)
{
    const struct bins_settings rule = { .rule = BINS_FIXED, .number = COARSE_RANGES };
    if (info->kind == KIND_COUNT)
        return bins_create_ranges(samples, n, info->lowest, INT64_MAX, &rule);
    return bins_create_atoms(samples, n, info->support, COARSE_ATOMS, 1.0, COARSE_PREFIXES);
}

struct classes *classes_create(const struct traffic *real, const struct traffic *synthetic)
{
    struct classes *classes = memory_zalloc(1, sizeof *classes);
    classes->attributes = real->attributes;
    if (synthetic != NULL)
        classes->attributes &= synthetic->attributes;
#pragma omp parallel for schedule(dynamic)
    for (int a = 0; a < N_CODED; a++) {
        if ((classes->attributes & ATTRIBUTE_BIT(a)) == 0)
            continue;
        const struct traffic *sides[] = { real, synthetic };
        struct bins_sample samples[2];
        int64_t *values[2];
        size_t n = synthetic != NULL ? 2 : 1;
        for (size_t s = 0; s < n; s++) {
            values[s] = traffic_gather(sides[s], (enum attribute)a);
            integer_sort(values[s], sides[s]->n_rows);
            samples[s] = (struct bins_sample){ values[s], NULL, sides[s]->n_rows };
        }
        classes->fine[a] = create_fine(&attribute_infos[a], samples, n);
        classes->coarse[a] = create_coarse(&attribute_infos[a], samples, n);
        for (size_t s = 0; s < n; s++)
            free(values[s]);
    }
    return classes;
}

void classes_free(struct classes *classes)
{
    if (classes == NULL)
        return;
    for (int a = 0; a < N_CODED; a++) {
        bins_free(classes->fine[a]);
        bins_free(classes->coarse[a]);
    }
    free(classes);
}

bool classes_has_fine(const struct classes *classes, enum attribute attribute)
{
    return classes->fine[attribute] != NULL;
}

struct side side_create(const struct traffic *traffic, const struct classes *classes)
{
    struct side side = { .traffic = traffic, .classes = classes };
    size_t n = traffic->columns->n_rows;
#pragma omp parallel for schedule(dynamic)
    for (int a = 0; a < N_CODED; a++) {
        const int64_t *values = traffic->columns->values[a];
        const struct bins *fine = classes->fine[a], *coarse = classes->coarse[a];
        side.fine[a] = fine != NULL ? memory_alloc(n, sizeof *side.fine[a]) : NULL;
        side.coarse[a] = coarse != NULL ? memory_alloc(n, sizeof *side.coarse[a]) : NULL;
        for (size_t i = 0; fine != NULL && i < n; i++)
            side.fine[a][i] = (uint16_t)bins_find(fine, values[i]);
        for (size_t i = 0; coarse != NULL && i < n; i++)
            side.coarse[a][i] = (uint8_t)bins_find(coarse, values[i]);
    }
    return side;
}

void side_release(struct side *side)
{
    for (int a = 0; a < N_CODED; a++) {
        free(side->fine[a]);
        free(side->coarse[a]);
    }
    *side = (struct side){ 0 };
}

struct side side_part(const struct side *whole, const struct traffic *part)
{
    struct side side = *whole;
    side.traffic = part;
    return side;
}
