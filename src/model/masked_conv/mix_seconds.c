#include "model/masked_conv/mix_seconds.h"

#include "base/hash.h"
#include "base/memory.h"

#include <stdlib.h>

/* A row among those of its second. */
struct second_row {
    struct row row;
    uint64_t turn; /* of its remote */
    size_t place;  /* as drawn */
};

/* Whether a row goes from the port of a service to that of a client. */
static bool is_answer(const struct row *row)
{
    const int64_t *value = row->value;
    bool serves = value[ATTRIBUTE_LOCAL_PORT] < value[ATTRIBUTE_REMOTE_PORT];
    return serves == (value[ATTRIBUTE_DIRECTION] == DIRECTION_OUT);
}

static int64_t compare_in_second(const struct second_row *x, const struct second_row *y)
{
    static const enum attribute keys[] = { ATTRIBUTE_REMOTE, ATTRIBUTE_PROTOCOL,
                                           ATTRIBUTE_LOCAL_PORT, ATTRIBUTE_REMOTE_PORT };
    if (x->turn != y->turn)
        return x->turn < y->turn ? -1 : 1;
    for (size_t k = 0; k < ARRAY_LEN(keys); k++)
        if (x->row.value[keys[k]] != y->row.value[keys[k]])
            return x->row.value[keys[k]] - y->row.value[keys[k]];
    if (is_answer(&x->row) != is_answer(&y->row))
        return is_answer(&x->row) ? 1 : -1;
    return x->place < y->place ? -1 : 1;
}

static int compare_second_rows(const void *a, const void *b)
{
    int64_t order = compare_in_second(a, b);
    return order < 0 ? -1 : order > 0;
}

void mix_seconds(struct row *rows, size_t n, struct rng *rng)
{
    struct second_row *sorted = NULL;
    size_t capacity = 0;
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && rows[end].value[ATTRIBUTE_GAP] == 0;)
            end++;
        int64_t gap = rows[first].value[ATTRIBUTE_GAP];
        uint64_t second = rng_below(rng, UINT64_MAX);
        rows[first].value[ATTRIBUTE_GAP] = 0;
        rng_shuffle(rng, rows + first, end - first, sizeof *rows);
        sorted = memory_grow(sorted, &capacity, end - first, sizeof *sorted);
        for (size_t i = 0; i < end - first; i++)
            sorted[i] = (struct second_row){
                rows[first + i],
                hash_mix((uint64_t)rows[first + i].value[ATTRIBUTE_REMOTE] ^ second), i
            };
        qsort(sorted, end - first, sizeof *sorted, compare_second_rows);
        for (size_t i = 0; i < end - first; i++)
            rows[first + i] = sorted[i].row;
        rows[first].value[ATTRIBUTE_GAP] = gap;
    }
    free(sorted);
}
