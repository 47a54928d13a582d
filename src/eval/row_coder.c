#include "eval/row_coder.h"

#include "base/memory.h"
#include "eval/integer_sort.h"

#include <math.h>
#include <stdlib.h>

/* Values with a code of their own, and prefixes for the others. */
#define ATOMS    256
#define PREFIXES 32
/* Seen as often as this. */
#define FEWEST_OF_A_VALUE 5.0
/* Exact counts from here on are one value: only their numbers differ. */
#define COUNTS (INT64_C(1) << 20)

/* How a flow hangs on to those before it in its window. The first ones are distances: 0 for none,
 * else rows back. */
enum relation {
    SAME_REMOTE,
    REPEATED,
    REPLIED,
    SAME_LOCAL_PORT,
    SAME_REMOTE_PORT,
    N_DISTANCES,
    LOCAL_PORT_STEP = N_DISTANCES, /* from the last flow with the same remote */
    REMOTE_PORT_STEP,
    SAME_COUNTS, /* which of packets, bytes and duration are those of that flow */
    N_RELATIONS,
};
#define RELATION_CODES 64

/* The value of an attribute that is coded. */
static int64_t coded_value(int attribute, int64_t value)
{
    if (attribute == ATTRIBUTE_REMOTE)
        return value >> 24;
    if (attribute_infos[attribute].kind == KIND_COUNT)
        return value < COUNTS ? value : COUNTS - 1;
    return value;
}

static struct bins *create_bins(int attribute, const struct bins_sample *samples, size_t n)
{
    const struct attribute_info *info = &attribute_infos[attribute];
    if (info->kind == KIND_SET || info->kind == KIND_ADDRESS)
        return bins_create_set(samples, n, 256);
    int64_t support = info->kind == KIND_COUNT ? COUNTS : info->support;
    return bins_create_atoms(samples, n, support, ATOMS, FEWEST_OF_A_VALUE, PREFIXES);
}

static struct bins *learn_bins(int attribute, const struct traffic *const *sides, size_t n_sides)
{
    struct bins_sample samples[2];
    int64_t *values[2];
    for (size_t s = 0; s < n_sides; s++) {
        values[s] = traffic_gather(sides[s], (enum attribute)attribute);
        for (size_t i = 0; i < sides[s]->n_rows; i++)
            values[s][i] = coded_value(attribute, values[s][i]);
        integer_sort(values[s], sides[s]->n_rows);
        samples[s] = (struct bins_sample){ values[s], NULL, sides[s]->n_rows };
    }
    struct bins *bins = create_bins(attribute, samples, n_sides);
    for (size_t s = 0; s < n_sides; s++)
        free(values[s]);
    return bins;
}

struct row_coder *row_coder_create(const struct traffic *const *sides, size_t n_sides,
                                   size_t length, int without)
{
    struct row_coder *coder = memory_zalloc(1, sizeof *coder);
    coder->length = length;
    coder->without = without;
    uint32_t attributes = ATTRIBUTES_ALL;
    for (size_t s = 0; s < n_sides; s++)
        attributes &= sides[s]->attributes;
    for (int a = 0; a < N_CODED; a++) {
        if ((attributes & ATTRIBUTE_BIT(a)) == 0 || a == without)
            continue;
        coder->bins[a] = learn_bins(a, sides, n_sides);
        coder->first_code[a] = coder->n_codes;
        coder->n_codes += coder->bins[a]->n;
        coder->n_fields++;
    }
    coder->first_relation = coder->n_codes;
    if (length > 1) {
        coder->n_codes += N_RELATIONS * RELATION_CODES;
        coder->n_fields += N_RELATIONS;
    }
    return coder;
}

void row_coder_free(struct row_coder *coder)
{
    if (coder == NULL)
        return;
    for (int a = 0; a < N_CODED; a++)
        bins_free(coder->bins[a]);
    free(coder);
}

/* ---- relations ---------------------------------------------------------------------------- */

static bool is_same(const struct traffic_columns *columns, enum attribute attribute, size_t i,
                    size_t j)
{
    return columns->values[attribute][i] == columns->values[attribute][j];
}

/* A step between ports: none, one up or down, few, many, or the same. */
static int step_code(int64_t step)
{
    int size = step == 0 ? 0 : llabs(step) == 1 ? 1 : llabs(step) < 16 ? 2 : 3;
    return 1 + 2 * size + (step < 0);
}

/* What row i says about the rows `first`..i - 1 of its window. */
static void find_relations(const struct traffic_columns *columns, size_t first, size_t i,
                           int codes[N_RELATIONS])
{
    for (int r = 0; r < N_RELATIONS; r++)
        codes[r] = 0;
    for (size_t j = i; j-- > first;) {
        bool is_remote = is_same(columns, ATTRIBUTE_REMOTE, i, j);
        bool is_local_port = is_same(columns, ATTRIBUTE_LOCAL_PORT, i, j);
        bool is_remote_port = is_same(columns, ATTRIBUTE_REMOTE_PORT, i, j);
        bool is_conversation = is_remote && is_local_port && is_remote_port &&
                               is_same(columns, ATTRIBUTE_PROTOCOL, i, j);
        bool is_direction = is_same(columns, ATTRIBUTE_DIRECTION, i, j);
        const bool holds[N_DISTANCES] = {
            [SAME_REMOTE] = is_remote,
            [REPEATED] = is_conversation && is_direction,
            [REPLIED] = is_conversation && !is_direction,
            [SAME_LOCAL_PORT] = is_local_port,
            [SAME_REMOTE_PORT] = is_remote_port,
        };
        for (int r = 0; r < N_DISTANCES; r++)
            if (holds[r] && codes[r] == 0)
                codes[r] = (int)(i - j < RELATION_CODES ? i - j : RELATION_CODES - 1);
    }
    if (codes[SAME_REMOTE] == 0)
        return;
    size_t last = i - (size_t)codes[SAME_REMOTE];
    const int64_t *local = columns->values[ATTRIBUTE_LOCAL_PORT];
    const int64_t *remote = columns->values[ATTRIBUTE_REMOTE_PORT];
    codes[LOCAL_PORT_STEP] = step_code(local[i] - local[last]);
    codes[REMOTE_PORT_STEP] = step_code(remote[i] - remote[last]);
    codes[SAME_COUNTS] = 1 + is_same(columns, ATTRIBUTE_PACKETS, i, last) +
                         2 * is_same(columns, ATTRIBUTE_BYTES, i, last) +
                         4 * is_same(columns, ATTRIBUTE_DURATION, i, last);
}

/* ---- writing ------------------------------------------------------------------------------ */

static void write_numbers(const struct traffic_columns *columns, size_t i, float *numbers)
{
    double gap = (double)columns->values[ATTRIBUTE_GAP][i];
    double packets = (double)columns->values[ATTRIBUTE_PACKETS][i];
    double bytes = (double)columns->values[ATTRIBUTE_BYTES][i];
    double duration = (double)columns->values[ATTRIBUTE_DURATION][i];
    numbers[0] = (float)log1p(gap);
    numbers[1] = (float)log1p(packets);
    numbers[2] = (float)log1p(bytes);
    numbers[3] = (float)log1p(duration);
    numbers[4] = (float)log1p(packets > 0.0 ? bytes / packets : 0.0);
}

void row_coder_write(const struct row_coder *coder, const struct traffic_columns *columns,
                     size_t first, int32_t *codes, float *numbers)
{
    for (size_t i = first; i < first + coder->length; i++, numbers += ROW_NUMBERS) {
        for (int a = 0; a < N_CODED; a++)
            if (coder->bins[a] != NULL)
                *codes++ = (int32_t)(coder->first_code[a] +
                                     bins_find(coder->bins[a],
                                               coded_value(a, columns->values[a][i])));
        write_numbers(columns, i, numbers);
        if (coder->length == 1)
            continue;
        int relations[N_RELATIONS];
        find_relations(columns, first, i, relations);
        for (int r = 0; r < N_RELATIONS; r++)
            *codes++ = (int32_t)(coder->first_relation) + r * RELATION_CODES + relations[r];
    }
}
