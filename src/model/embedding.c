#include "model/embedding.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void embedding_set_release(struct embedding_set *set)
{
    for (size_t t = 0; t < set->n; t++) {
        free(set->tables[t].values);
        free(set->tables[t].vectors);
    }
    free(set->tables);
    *set = (struct embedding_set){ 0 };
}

const struct embedding_table *embedding_find(const struct embedding_set *set, const char *name)
{
    for (size_t t = 0; t < set->n; t++)
        if (strcmp(set->tables[t].name, name) == 0)
            return &set->tables[t];
    return NULL;
}

const double *embedding_vector(const struct embedding_table *table, int64_t value)
{
    size_t low = 0, high = table->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low < table->n && table->values[low] == value;
    return is_there ? table->vectors + low * table->width : NULL;
}
