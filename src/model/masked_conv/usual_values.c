#include "model/masked_conv/usual_values.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "model/like_rows.h"
#include "model/masked_conv/octaves.h"

#include <stdlib.h>

const struct usual_values_info usual_values_infos[N_USUAL_VALUES] = {
    [USUAL_FLAGS_OF_SERVICE] = { ATTRIBUTE_FLAGS, false },
    [USUAL_FLAGS_OF_MATCH] = { ATTRIBUTE_FLAGS, false },
    [USUAL_TOS_OF_FLAGS] = { ATTRIBUTE_TOS, false },
    [USUAL_PACKETS_OF_FLAGS] = { ATTRIBUTE_PACKETS, false },
    [USUAL_PACKETS_OF_MATCH] = { ATTRIBUTE_PACKETS, false },
    [USUAL_DURATION_OF_PACKETS] = { ATTRIBUTE_DURATION, false },
    [USUAL_DURATION_NEAR] = { ATTRIBUTE_DURATION, true },
    [USUAL_BYTES_OF_PACKETS] = { ATTRIBUTE_BYTES, false },
    [USUAL_BYTES_OF_MATCH] = { ATTRIBUTE_BYTES, false },
    [USUAL_BYTES_NEAR] = { ATTRIBUTE_BYTES, true },
};

/* ---- values ------------------------------------------------------------------------------- */

struct value_bin value_bin_of(enum attribute attribute, int64_t value, int64_t step)
{
    int64_t n_bins = attribute == ATTRIBUTE_DURATION ? 16 : 64;
    int octave = octave_of((uint64_t)(value / step));
    int64_t first = (int64_t)octave_first(octave), width = (INT64_C(1) << octave) / n_bins;
    width = width > 1 ? width : 1;
    first += (value / step - first) / width * width;
    return (struct value_bin){ first * step, (first + width - 1) * step };
}

int64_t usual_value_of(const struct row *row, enum usual_values_of of, int64_t duration_grid)
{
    enum attribute attribute = usual_values_infos[of].attribute;
    int64_t value = row->value[attribute];
    int64_t step = attribute == ATTRIBUTE_DURATION ? duration_grid : 1;
    if (!usual_values_infos[of].is_near)
        return value;
    return value % step == 0 ? value_bin_of(attribute, value, step).lowest : -1;
}

/* ---- kinds -------------------------------------------------------------------------------- */

static bool goes_by_match(enum usual_values_of of)
{
    return of == USUAL_FLAGS_OF_MATCH || of == USUAL_PACKETS_OF_MATCH || of == USUAL_BYTES_OF_MATCH;
}

/* What the match had: packets one by one up to 16, the others by octave. */
static int64_t of_match(enum usual_values_of of, const struct row *match)
{
    enum { NONE = -1, FEW_PACKETS = 16 };
    if (match == NULL)
        return NONE;
    int64_t value = match->value[usual_values_infos[of].attribute];
    if (of == USUAL_PACKETS_OF_MATCH && value > FEW_PACKETS)
        return FEW_PACKETS + octave_of((uint64_t)value);
    return value;
}

static uint64_t key_of(enum usual_values_of of, const struct usual_facts *facts)
{
    const int64_t *value = facts->row->value;
    uint64_t key = hash_with(hash_mix((uint64_t)of + 1), like_rows_service(facts->row));
    if (goes_by_match(of))
        key = hash_with(hash_with(key, (int64_t)facts->kind), of_match(of, facts->match));
    if (of != USUAL_FLAGS_OF_SERVICE && of != USUAL_FLAGS_OF_MATCH)
        key = hash_with(key, value[ATTRIBUTE_FLAGS]);
    if (of == USUAL_DURATION_OF_PACKETS || of == USUAL_BYTES_OF_PACKETS ||
        of == USUAL_BYTES_OF_MATCH)
        key = hash_with(key, value[ATTRIBUTE_PACKETS]);
    else if (usual_values_infos[of].is_near)
        key = hash_with(key, octave_of((uint64_t)value[ATTRIBUTE_PACKETS]));
    return key;
}

const struct usual_kind *usual_values_find(const struct usual_values *usual,
                                           enum usual_values_of of, const struct usual_facts *facts)
{
    if (usual == NULL || usual->n_kinds == 0)
        return NULL;
    /* Keys are spread evenly: it is near the place that it would have if they were exactly so. */
    uint64_t key = key_of(of, facts);
    size_t place = (size_t)((key >> 32) * usual->n_kinds >> 32);
    const struct usual_kind *kind = usual->kinds + place, *end = usual->kinds + usual->n_kinds;
    while (kind > usual->kinds && kind->key > key)
        kind--;
    while (kind < end && kind->key < key)
        kind++;
    return kind < end && kind->key == key ? kind : NULL;
}

int usual_kind_code(const struct usual_values *usual, const struct usual_kind *kind)
{
    static const uint32_t counts[] = { 16, 64, 256 };
    static const double shares[] = { 0.1, 0.3, 0.5, 0.7, 0.85, 0.95, 0.985 };
    const struct usual_value *values = usual->values + kind->first;
    uint32_t n_usual = 0;
    for (size_t i = 0; i < kind->n; i++)
        n_usual += values[i].n;
    int code = 0, level = 0;
    while (code < (int)ARRAY_LEN(counts) && kind->n_flows >= counts[code])
        code++;
    while (level < (int)ARRAY_LEN(shares) && n_usual >= shares[level] * kind->n_flows)
        level++;
    return code * 8 + level;
}

/* ---- learning ----------------------------------------------------------------------------- */

struct keyed_value {
    uint64_t key;
    int64_t value;
    uint32_t n, of;
};

static int by_key_and_value(const void *a, const void *b)
{
    const struct keyed_value *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

static int by_count(const void *a, const void *b)
{
    const struct keyed_value *x = a, *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

/* The number of every kind that each scored row has; in the order of keys and values. */
static struct keyed_value *list_values(const struct sequence *sequence, int64_t duration_grid,
                                       size_t *n)
{
    size_t n_rows = sequence->n_rows - sequence->first_scored;
    struct keyed_value *all = memory_alloc(memory_product(n_rows, N_USUAL_VALUES), sizeof *all);
    struct conversation_memory *memory = conversation_memory_create();
    int64_t clock = sequence->start;
    *n = 0;
    for (size_t i = 0; i < sequence->n_rows; i++) {
        const struct row *row = &sequence->rows[i];
        struct link link = conversation_link(memory, row);
        const struct past_row *match = conversation_match(memory, &link);
        const struct usual_facts facts = { row, link.kind, match != NULL ? &match->row : NULL };
        for (enum usual_values_of of = 0; i >= sequence->first_scored && of < N_USUAL_VALUES;
             of++) {
            int64_t value = usual_value_of(row, of, duration_grid);
            all[(*n)++] = (struct keyed_value){ key_of(of, &facts), value, 1, of };
        }
        clock += row->value[ATTRIBUTE_GAP];
        conversation_note(memory, row, clock);
    }
    conversation_memory_free(memory);
    if (*n > 0)
        qsort(all, *n, sizeof *all, by_key_and_value);
    return all;
}

/* One kind, of n values in their order: those that enough flows had. */
static void add_kind(struct usual_values *usual, struct keyed_value *values, size_t n)
{
    struct usual_kind kind = { values[0].key, values[0].of, (uint32_t)n, (uint32_t)usual->n_values,
                               0 };
    size_t n_kept = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && values[end].value == values[i].value;)
            end++;
        if (end - i >= USUAL_VALUE_MIN && values[i].value >= 0)
            values[n_kept++] = (struct keyed_value){ kind.key, values[i].value, (uint32_t)(end - i),
                                                     kind.of };
    }
    if (n_kept == 0)
        return;
    qsort(values, n_kept, sizeof *values, by_count);
    n_kept = n_kept < USUAL_KIND_MAX ? n_kept : USUAL_KIND_MAX;
    qsort(values, n_kept, sizeof *values, by_key_and_value);
    for (size_t i = 0; i < n_kept; i++)
        usual->values[usual->n_values++] = (struct usual_value){ values[i].value, values[i].n };
    kind.n = (uint32_t)n_kept;
    usual->kinds[usual->n_kinds++] = kind;
}

void usual_values_learn(struct usual_values *usual, const struct sequence *sequence,
                        int64_t duration_grid)
{
    size_t n;
    struct keyed_value *all = list_values(sequence, duration_grid, &n);
    size_t most = n / USUAL_VALUE_MIN;
    *usual = (struct usual_values){ .kinds = memory_alloc(most, sizeof *usual->kinds),
                                    .values = memory_alloc(most, sizeof *usual->values) };
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && all[end].key == all[i].key;)
            end++;
        add_kind(usual, all + i, end - i);
    }
    free(all);
    usual->kinds = memory_resize(usual->kinds, usual->n_kinds, sizeof *usual->kinds);
    usual->values = memory_resize(usual->values, usual->n_values, sizeof *usual->values);
}

void usual_values_release(struct usual_values *usual)
{
    free(usual->kinds);
    free(usual->values);
    *usual = (struct usual_values){ 0 };
}

/* ---- files -------------------------------------------------------------------------------- */

static const struct hdf5_column kind_columns[] = {
    { "key", HDF5_U64, offsetof(struct usual_kind, key) },
    { "of", HDF5_U32, offsetof(struct usual_kind, of) },
    { "flows", HDF5_U32, offsetof(struct usual_kind, n_flows) },
    { "first", HDF5_U32, offsetof(struct usual_kind, first) },
    { "values", HDF5_U32, offsetof(struct usual_kind, n) },
};
static const struct hdf5_column value_columns[] = {
    { "value", HDF5_I64, offsetof(struct usual_value, value) },
    { "value_flows", HDF5_U32, offsetof(struct usual_value, n) },
};

/* How many kinds and values each host has, and how many all have. */
struct sizes {
    uint64_t (*of_host)[2];
    uint64_t kinds, values;
};

static enum status save_arrays(const struct sizes *sizes, size_t n_hosts,
                               const struct usual_kind *kinds, const struct usual_value *values,
                               struct hdf5_group *group, struct error *err)
{
    const size_t dimensions[] = { n_hosts, 2 };
    FORWARD(hdf5_write_array(group, "sizes", HDF5_U64, sizes->of_host, 2, dimensions, err));
    FORWARD(hdf5_write_table(group, kind_columns, ARRAY_LEN(kind_columns), kinds, sizeof *kinds,
                             sizes->kinds, err));
    return hdf5_write_table(group, value_columns, ARRAY_LEN(value_columns), values, sizeof *values,
                            sizes->values, err);
}

enum status usual_values_save(const struct usual_values *const *usual, size_t n_hosts,
                              struct hdf5_group *parent, struct error *err)
{
    struct sizes sizes = { .of_host = memory_alloc(n_hosts, sizeof *sizes.of_host) };
    for (size_t h = 0; h < n_hosts; h++) {
        sizes.kinds += sizes.of_host[h][0] = usual[h]->n_kinds;
        sizes.values += sizes.of_host[h][1] = usual[h]->n_values;
    }
    struct usual_kind *kinds = memory_alloc(sizes.kinds, sizeof *kinds), *kind = kinds;
    struct usual_value *values = memory_alloc(sizes.values, sizeof *values), *value = values;
    for (size_t h = 0; h < n_hosts; h++) {
        for (size_t i = 0; i < usual[h]->n_kinds; i++)
            *kind++ = usual[h]->kinds[i];
        for (size_t i = 0; i < usual[h]->n_values; i++)
            *value++ = usual[h]->values[i];
    }
    struct hdf5_group *group;
    enum status status = hdf5_group_create(parent, "usual", &group, err);
    if (status == STATUS_OK) {
        status = save_arrays(&sizes, n_hosts, kinds, values, group, err);
        enum status closing = hdf5_group_close(group, status == STATUS_OK ? err : NULL);
        status = status == STATUS_OK ? closing : status;
    }
    free(sizes.of_host);
    free(kinds);
    free(values);
    return status;
}

/* Whether a flow can have the value; counts go as far as the log scale tells them apart. */
#define USUAL_HIGHEST (INT64_C(1) << 53)
static bool is_legal(int64_t value, enum usual_values_of of)
{
    const struct attribute_info *info = &attribute_infos[usual_values_infos[of].attribute];
    return value >= info->lowest && (info->support == 0 || value - info->lowest < info->support) &&
           value <= USUAL_HIGHEST;
}

/* Whether the kinds are in order and their values are there. */
static bool is_sound(const struct usual_values *usual)
{
    for (size_t i = 0; i < usual->n_kinds; i++) {
        const struct usual_kind *kind = &usual->kinds[i];
        if ((i > 0 && kind->key <= kind[-1].key) || kind->of >= N_USUAL_VALUES || kind->n == 0 ||
            kind->first > usual->n_values || kind->n > usual->n_values - kind->first)
            return false;
        uint64_t n = 0;
        for (size_t v = kind->first; v < kind->first + kind->n; v++) {
            if (!is_legal(usual->values[v].value, (enum usual_values_of)kind->of) ||
                usual->values[v].n < USUAL_VALUE_MIN)
                return false;
            n += usual->values[v].n;
        }
        if (n > kind->n_flows)
            return false;
    }
    return true;
}

static enum status take_hosts(struct usual_values *const *usual, size_t n_hosts,
                              const struct sizes *sizes, const struct usual_kind *kinds,
                              const struct usual_value *values, struct error *err)
{
    for (size_t h = 0; h < n_hosts; h++) {
        *usual[h] = (struct usual_values){ .n_kinds = sizes->of_host[h][0],
                                           .n_values = sizes->of_host[h][1] };
        usual[h]->kinds = memory_alloc(usual[h]->n_kinds, sizeof *usual[h]->kinds);
        usual[h]->values = memory_alloc(usual[h]->n_values, sizeof *usual[h]->values);
        for (size_t i = 0; i < usual[h]->n_kinds; i++)
            usual[h]->kinds[i] = *kinds++;
        for (size_t i = 0; i < usual[h]->n_values; i++)
            usual[h]->values[i] = *values++;
        RETURN_IF(!is_sound(usual[h]), err, STATUS_FORMAT,
                  "usual: host %zu has kinds that cannot be", h);
    }
    return STATUS_OK;
}

/* Sums that do not overflow: no array of a file is so long. */
static bool add_sizes(struct sizes *sizes, size_t n_hosts)
{
    for (size_t h = 0; h < n_hosts; h++) {
        if (sizes->of_host[h][0] > UINT32_MAX || sizes->of_host[h][1] > UINT32_MAX)
            return false;
        sizes->kinds += sizes->of_host[h][0];
        sizes->values += sizes->of_host[h][1];
    }
    return true;
}

static enum status load_arrays(struct usual_values *const *usual, size_t n_hosts,
                               struct sizes *sizes, struct hdf5_group *group, struct error *err)
{
    size_t n_kinds, n_values;
    FORWARD(hdf5_read_array(group, "sizes", HDF5_U64, sizes->of_host, 2 * n_hosts, err));
    FORWARD(hdf5_array_size(group, "key", 1, &n_kinds, err));
    FORWARD(hdf5_array_size(group, "value", 1, &n_values, err));
    RETURN_IF(!add_sizes(sizes, n_hosts) || sizes->kinds != n_kinds || sizes->values != n_values,
              err, STATUS_FORMAT, "usual: %zu kinds and %zu values, not those of all hosts",
              n_kinds, n_values);
    struct usual_kind *kinds = memory_alloc(n_kinds, sizeof *kinds);
    struct usual_value *values = memory_alloc(n_values, sizeof *values);
    enum status status = hdf5_read_table(group, kind_columns, ARRAY_LEN(kind_columns), kinds,
                                         sizeof *kinds, n_kinds, err);
    if (status == STATUS_OK)
        status = hdf5_read_table(group, value_columns, ARRAY_LEN(value_columns), values,
                                 sizeof *values, n_values, err);
    if (status == STATUS_OK)
        status = take_hosts(usual, n_hosts, sizes, kinds, values, err);
    free(kinds);
    free(values);
    return status;
}

enum status usual_values_load(struct usual_values *const *usual, size_t n_hosts,
                              struct hdf5_group *parent, struct error *err)
{
    struct hdf5_group *group;
    FORWARD(hdf5_group_open(parent, "usual", &group, err));
    struct sizes sizes = { .of_host = memory_alloc(n_hosts, sizeof *sizes.of_host) };
    enum status status = load_arrays(usual, n_hosts, &sizes, group, err);
    free(sizes.of_host);
    enum status closing = hdf5_group_close(group, status == STATUS_OK ? err : NULL);
    return status == STATUS_OK ? closing : status;
}
