#include "model/masked_conv/vocabulary.h"

#include "base/memory.h"
#include "model/masked_conv/services.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A host's count of a value enters only up to this. */
#define COUNT_OF_HOST_MAX 100
/* Values of less weight than this are not learned by heart, except in small sets. */
#define WEIGHT_MIN 8
/* A value of one host alone is learned only where there are no more hosts than this. */
#define FEW_HOSTS 4
/* What training has above this is beyond what doubles tell apart, and is not learned. */
#define HIGHEST_MAX (INT64_C(1) << 53)
/* So large a share of the flows of one packet has to take no time for a rule. */
#define INSTANT_SHARE 0.99
/* So large a share of the durations above 0 has to lie on the grid. */
#define GRID_SHARE 0.999

/* A port strays in a kind of protocol that has a smaller share of its flows, of so many at least.
 */
#define STRAY_SHARE     0.01
#define STRAY_FLOWS_MIN 1000

/* Bins that are wider than an octave are cut by octaves, of which there can be so many. */
#define OCTAVES_MAX 54

static const struct list_size {
    int list;
    size_t n_max;
} list_sizes[] = {
    { ATTRIBUTE_REMOTE, 1024 },
    { ATTRIBUTE_PROTOCOL, 256 },
    { ATTRIBUTE_LOCAL_PORT, PORT_ATOMS_MAX },
    { ATTRIBUTE_REMOTE_PORT, PORT_ATOMS_MAX },
    { ATTRIBUTE_FLAGS, 256 },
    { ATTRIBUTE_TOS, 256 },
    { ATTRIBUTE_FORWARDING, 256 },
    { ATTRIBUTE_LABEL, 256 },
    { ATTRIBUTE_BYTES, 256 },
    { ATTRIBUTE_DURATION, 384 },
    { LIST_RATIO, 96 },
    { LIST_SERVICE, SERVICES_MAX },
    { LIST_STRAY, STRAYS_MAX },
    { LIST_HALF_HOUR, HALF_HOURS },
    { LIST_GAP_BIN, 48 + OCTAVES_MAX },
    { LIST_PACKETS_BIN, 32 + OCTAVES_MAX },
    { LIST_BYTES_BIN, 80 + OCTAVES_MAX },
    { LIST_DURATION_BIN, 80 + OCTAVES_MAX },
};

/* The attribute that a list of bins is of; N_CODED of other lists. */
static enum attribute binned_attribute(int list)
{
    switch (list) {
    case LIST_GAP_BIN:
        return ATTRIBUTE_GAP;
    case LIST_PACKETS_BIN:
        return ATTRIBUTE_PACKETS;
    case LIST_BYTES_BIN:
        return ATTRIBUTE_BYTES;
    case LIST_DURATION_BIN:
        return ATTRIBUTE_DURATION;
    default:
        return N_CODED;
    }
}

size_t value_list_lower(const struct value_list *list, int64_t value)
{
    if (list->n == 0)
        return 0;
    /* Halves are taken without a branch, which would be mispredicted every other time. */
    const int64_t *first = list->values;
    size_t n = list->n;
    while (n > 1) {
        size_t half = n / 2;
        first += first[half - 1] < value ? half : 0;
        n -= half;
    }
    return (size_t)(first - list->values) + (*first < value);
}

int value_list_find(const struct value_list *list, int64_t value)
{
    size_t place = value_list_lower(list, value);
    return place < list->n && list->values[place] == value ? (int)place : -1;
}

/* ---- learning ----------------------------------------------------------------------------- */

struct weighted_value {
    int64_t value;
    int64_t weight;
    size_t n_hosts;
};

static int compare_values(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int by_value(const void *a, const void *b)
{
    return compare_values(&((const struct weighted_value *)a)->value,
                          &((const struct weighted_value *)b)->value);
}

static int by_weight(const void *a, const void *b)
{
    const struct weighted_value *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return by_value(a, b);
}

/* The value of a row in a list; false where the row has none. */
static bool listed_value(const struct row *row, int list, int64_t *value)
{
    if (list == LIST_SERVICE) {
        uint32_t service;
        bool has_service = service_of(row, &service);
        *value = service;
        return has_service;
    }
    if (list != LIST_RATIO) {
        *value = row->value[list];
        return true;
    }
    *value = row->value[ATTRIBUTE_BYTES] / row->value[ATTRIBUTE_PACKETS];
    return row->value[ATTRIBUTE_BYTES] % row->value[ATTRIBUTE_PACKETS] == 0;
}

/* Appends one host's distinct values with their bounded counts. */
static void count_host(const struct sequence *sequence, int list, int64_t *scratch,
                       struct weighted_value **counts, size_t *n_counts, size_t *capacity)
{
    size_t n = 0;
    for (size_t i = sequence->first_scored; i < sequence->n_rows; i++)
        n += listed_value(&sequence->rows[i], list, &scratch[n]);
    qsort(scratch, n, sizeof *scratch, compare_values);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && scratch[end] == scratch[i];)
            end++;
        int64_t weight = (int64_t)(end - i);
        *counts = memory_grow(*counts, capacity, *n_counts + 1, sizeof **counts);
        (*counts)[(*n_counts)++] = (struct weighted_value){
            .value = scratch[i],
            .weight = weight < COUNT_OF_HOST_MAX ? weight : COUNT_OF_HOST_MAX,
            .n_hosts = 1,
        };
    }
}

static struct value_list learn_list(const struct sequence_set *train, int list, size_t n_max,
                                    int64_t *scratch)
{
    struct weighted_value *counts = NULL;
    size_t n = 0, capacity = 0;
    for (size_t s = 0; s < train->n; s++)
        count_host(&train->items[s], list, scratch, &counts, &n, &capacity);
    if (n > 0)
        qsort(counts, n, sizeof *counts, by_value);
    size_t n_distinct = 0;
    for (size_t i = 0; i < n; i++) {
        if (n_distinct > 0 && counts[n_distinct - 1].value == counts[i].value) {
            counts[n_distinct - 1].weight += counts[i].weight;
            counts[n_distinct - 1].n_hosts++;
        } else {
            counts[n_distinct++] = counts[i];
        }
    }
    if (n_distinct > 0)
        qsort(counts, n_distinct, sizeof *counts, by_weight);
    bool is_small_set = list < N_CODED && attribute_infos[list].kind == KIND_SET;
    struct value_list values = { .values = memory_alloc(n_max, sizeof *values.values) };
    size_t n_hosts_min = train->n < FEW_HOSTS ? 1 : 2;
    for (size_t i = 0; i < n_distinct && values.n < n_max; i++)
        if (is_small_set || (counts[i].weight >= WEIGHT_MIN && counts[i].n_hosts >= n_hosts_min))
            values.values[values.n++] = counts[i].value;
    qsort(values.values, values.n, sizeof *values.values, compare_values);
    free(counts);
    return values;
}

/* Of the ports in the vocabulary; the loops go through them in ascending order. */
static struct value_list learn_strays(const struct vocabulary *vocabulary,
                                      const struct sequence_set *train)
{
    enum { N_PORTS = 65536 };
    static const enum attribute attributes[N_SERVICE_SIDES] = {
        [SERVICE_SERVED] = ATTRIBUTE_LOCAL_PORT, [SERVICE_USED] = ATTRIBUTE_REMOTE_PORT
    };
    struct value_list strays = { .values = memory_alloc(STRAYS_MAX, sizeof *strays.values) };
    uint32_t *counts = memory_zalloc((size_t)N_SHARES * N_SERVICE_SIDES * N_PORTS, sizeof *counts);
    for (size_t s = 0; s < train->n; s++) {
        for (size_t i = train->items[s].first_scored; i < train->items[s].n_rows; i++) {
            const int64_t *value = train->items[s].rows[i].value;
            enum share share = share_of(value[ATTRIBUTE_PROTOCOL]);
            for (enum service_side side = 0; side < N_SERVICE_SIDES; side++)
                counts[stray_port(share, side, value[attributes[side]])]++;
        }
    }
    for (enum share share = 0; share < N_SHARES; share++) {
        for (enum service_side side = 0; side < N_SERVICE_SIDES; side++) {
            const struct value_list *ports = &vocabulary->lists[attributes[side]];
            for (size_t p = 0; p < ports->n; p++) {
                uint64_t n = 0;
                for (enum share any = 0; any < N_SHARES; any++)
                    n += counts[stray_port(any, side, ports->values[p])];
                int64_t number = stray_port(share, side, ports->values[p]);
                if (n >= STRAY_FLOWS_MIN && counts[number] < STRAY_SHARE * (double)n)
                    strays.values[strays.n++] = number;
            }
        }
    }
    free(counts);
    return strays;
}

/* Of the clocks before the rows. */
static struct value_list learn_half_hours(const struct sequence_set *train)
{
    bool is_there[HALF_HOURS] = { false };
    struct value_list list = { .values = memory_alloc(HALF_HOURS, sizeof *list.values) };
    for (size_t s = 0; s < train->n; s++) {
        const struct sequence *sequence = &train->items[s];
        int64_t clock = sequence->start;
        for (size_t i = 0; i < sequence->n_rows; i++) {
            if (i >= sequence->first_scored)
                is_there[half_hour_of(clock)] = true;
            clock += sequence->rows[i].value[ATTRIBUTE_GAP];
        }
    }
    for (int64_t half_hour = 0; half_hour < HALF_HOURS; half_hour++)
        if (is_there[half_hour])
            list.values[list.n++] = half_hour;
    return list;
}

/* So many rows of a host count, evenly taken. */
#define BINNED_OF_HOST_MAX 1000

/* Ends of bins with as many values each, or an octave wide; values that the attribute's list has,
 * and small gaps and packets, do not count. */
static struct value_list learn_bins(const struct vocabulary *vocabulary,
                                    const struct sequence_set *train, int list, size_t n_max,
                                    int64_t *scratch)
{
    enum attribute attribute = binned_attribute(list);
    const struct value_list *known = &vocabulary->lists[attribute];
    struct value_list ends = { .values = memory_alloc(n_max, sizeof *ends.values) };
    size_t n = 0;
    for (size_t s = 0; s < train->n; s++) {
        const struct sequence *sequence = &train->items[s];
        size_t n_rows = sequence->n_rows - sequence->first_scored;
        size_t n_taken = n_rows < BINNED_OF_HOST_MAX ? n_rows : BINNED_OF_HOST_MAX;
        for (size_t i = 0; i < n_taken; i++) {
            size_t row = sequence->first_scored + i * n_rows / n_taken;
            int64_t value = sequence->rows[row].value[attribute];
            bool is_small = (attribute == ATTRIBUTE_GAP && value < SMALL_GAPS) ||
                            (attribute == ATTRIBUTE_PACKETS && value <= SMALL_PACKETS);
            if (!is_small && value <= HIGHEST_MAX && value_list_find(known, value) < 0)
                scratch[n++] = value;
        }
    }
    qsort(scratch, n, sizeof *scratch, compare_values);
    size_t n_bins = n_max - OCTAVES_MAX;
    for (size_t i = 0; i < n_bins && n >= n_bins; i++) {
        int64_t end = scratch[n * (i + 1) / n_bins - 1];
        int64_t last = ends.n > 0 ? ends.values[ends.n - 1] : scratch[0];
        for (; ends.n > 0 && end > 2 * last + 1; last = ends.values[ends.n - 1])
            ends.values[ends.n++] = 2 * last + 1;
        if (ends.n == 0 || end > last)
            ends.values[ends.n++] = end;
    }
    return ends;
}

static const int64_t grid_steps[] = { 1000, 100, 64, 40, 20, 16, 10, 8, 5, 4, 2, 1 };

/* The largest of a few steps that nearly all durations above 0 are multiples of. */
static int64_t learn_grid(const struct sequence_set *train)
{
    size_t n_on_grid[ARRAY_LEN(grid_steps)] = { 0 }, n = 0;
    for (size_t s = 0; s < train->n; s++) {
        for (size_t i = train->items[s].first_scored; i < train->items[s].n_rows; i++) {
            int64_t duration = train->items[s].rows[i].value[ATTRIBUTE_DURATION];
            n += duration > 0;
            for (size_t g = 0; g < ARRAY_LEN(grid_steps); g++)
                n_on_grid[g] += duration > 0 && duration % grid_steps[g] == 0;
        }
    }
    for (size_t g = 0; g < ARRAY_LEN(grid_steps); g++)
        if (n > 0 && (double)n_on_grid[g] >= GRID_SHARE * (double)n)
            return grid_steps[g];
    return 1;
}

static int64_t learn_highest(const struct sequence_set *train, enum attribute attribute)
{
    int64_t highest = attribute_infos[attribute].lowest;
    for (size_t s = 0; s < train->n; s++)
        for (size_t i = train->items[s].first_scored; i < train->items[s].n_rows; i++)
            if (train->items[s].rows[i].value[attribute] > highest)
                highest = train->items[s].rows[i].value[attribute];
    return highest < HIGHEST_MAX ? highest : HIGHEST_MAX;
}

static bool learn_instant(const struct sequence_set *train)
{
    size_t n = 0, n_instant = 0;
    for (size_t s = 0; s < train->n; s++) {
        for (size_t i = train->items[s].first_scored; i < train->items[s].n_rows; i++) {
            const int64_t *value = train->items[s].rows[i].value;
            n += value[ATTRIBUTE_PACKETS] == 1;
            n_instant += value[ATTRIBUTE_PACKETS] == 1 && value[ATTRIBUTE_DURATION] == 0;
        }
    }
    return n > 0 && (double)n_instant >= INSTANT_SHARE * (double)n;
}

static void learn_ratios(struct vocabulary *vocabulary, const struct sequence_set *train)
{
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        vocabulary->ratio_lowest[is_tcp] = INFINITY;
        vocabulary->ratio_highest[is_tcp] = 0.0;
    }
    for (size_t s = 0; s < train->n; s++) {
        for (size_t i = train->items[s].first_scored; i < train->items[s].n_rows; i++) {
            const int64_t *value = train->items[s].rows[i].value;
            int is_tcp = value[ATTRIBUTE_PROTOCOL] == PROTOCOL_TCP;
            double ratio = (double)value[ATTRIBUTE_BYTES] / (double)value[ATTRIBUTE_PACKETS];
            vocabulary->ratio_lowest[is_tcp] = fmin(vocabulary->ratio_lowest[is_tcp], ratio);
            vocabulary->ratio_highest[is_tcp] = fmax(vocabulary->ratio_highest[is_tcp], ratio);
        }
    }
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        if (vocabulary->ratio_lowest[is_tcp] > vocabulary->ratio_highest[is_tcp]) {
            vocabulary->ratio_lowest[is_tcp] = 20.0; /* an IPv4 header alone */
            vocabulary->ratio_highest[is_tcp] = 65535.0;
        }
    }
}

void vocabulary_learn(struct vocabulary *vocabulary, const struct sequence_set *train)
{
    *vocabulary = (struct vocabulary){ .duration_grid = learn_grid(train),
                                       .highest_gap = learn_highest(train, ATTRIBUTE_GAP),
                                       .highest_packets = learn_highest(train, ATTRIBUTE_PACKETS),
                                       .highest_duration = learn_highest(train, ATTRIBUTE_DURATION),
                                       .one_packet_is_instant = learn_instant(train) };
    int64_t *scratch = memory_alloc(train->n_rows, sizeof *scratch);
    for (size_t i = 0; i < ARRAY_LEN(list_sizes); i++)
        if (binned_attribute(list_sizes[i].list) < N_CODED) /* after the attribute's own */
            vocabulary->lists[list_sizes[i].list] = learn_bins(
                vocabulary, train, list_sizes[i].list, list_sizes[i].n_max, scratch);
        else if (list_sizes[i].list != LIST_STRAY && list_sizes[i].list != LIST_HALF_HOUR)
            vocabulary->lists[list_sizes[i].list] = learn_list(train, list_sizes[i].list,
                                                               list_sizes[i].n_max, scratch);
    free(scratch);
    vocabulary->lists[LIST_STRAY] = learn_strays(vocabulary, train);
    vocabulary->lists[LIST_HALF_HOUR] = learn_half_hours(train);
    learn_ratios(vocabulary, train);
}

void vocabulary_release(struct vocabulary *vocabulary)
{
    for (size_t l = 0; l < N_VALUE_LISTS; l++)
        free(vocabulary->lists[l].values);
    *vocabulary = (struct vocabulary){ 0 };
}

void vocabulary_bytes_range(const struct vocabulary *vocabulary, int64_t protocol, int64_t packets,
                            int64_t *lowest, int64_t *highest)
{
    int is_tcp = protocol == PROTOCOL_TCP;
    const double most = 0x1p62;
    *lowest = (int64_t)fmin(ceil(vocabulary->ratio_lowest[is_tcp] * (double)packets), most);
    *highest = (int64_t)fmin(floor(vocabulary->ratio_highest[is_tcp] * (double)packets), most);
    if (*highest < *lowest) /* no whole number lies between: the nearest one is legal */
        *highest = *lowest;
}

/* ---- files -------------------------------------------------------------------------------- */

static const char *list_name(size_t list)
{
    switch (list) {
    case LIST_RATIO:
        return "bytes_per_packet";
    case LIST_SERVICE:
        return "service";
    case LIST_STRAY:
        return "stray_port";
    case LIST_HALF_HOUR:
        return "half_hour";
    case LIST_GAP_BIN:
        return "gap_bin";
    case LIST_PACKETS_BIN:
        return "packets_bin";
    case LIST_BYTES_BIN:
        return "bytes_bin";
    case LIST_DURATION_BIN:
        return "duration_bin";
    default:
        return attribute_infos[list].name;
    }
}

enum status vocabulary_save(const struct vocabulary *vocabulary, struct hdf5_group *parent,
                            struct error *err)
{
    struct hdf5_group *group = NULL;
    FORWARD(hdf5_group_create(parent, "vocabulary", &group, err));
    enum status status = hdf5_write_integer(group, "duration_grid", vocabulary->duration_grid, err);
    if (status == STATUS_OK)
        status = hdf5_write_integer(group, "highest_gap", vocabulary->highest_gap, err);
    if (status == STATUS_OK)
        status = hdf5_write_integer(group, "highest_packets", vocabulary->highest_packets, err);
    if (status == STATUS_OK)
        status = hdf5_write_integer(group, "highest_duration", vocabulary->highest_duration, err);
    if (status == STATUS_OK)
        status = hdf5_write_integer(group, "one_packet_is_instant",
                                    vocabulary->one_packet_is_instant, err);
    for (size_t i = 0; status == STATUS_OK && i < ARRAY_LEN(list_sizes); i++) {
        const struct value_list *list = &vocabulary->lists[list_sizes[i].list];
        status = hdf5_write_array(group, list_name((size_t)list_sizes[i].list), HDF5_I64,
                                  list->values, 1, &list->n, err);
    }
    if (status == STATUS_OK)
        status = hdf5_write_array(group, "ratio_lowest", HDF5_F64, vocabulary->ratio_lowest, 1,
                                  (size_t[]){ 2 }, err);
    if (status == STATUS_OK)
        status = hdf5_write_array(group, "ratio_highest", HDF5_F64, vocabulary->ratio_highest, 1,
                                  (size_t[]){ 2 }, err);
    enum status closed = hdf5_group_close(group, status == STATUS_OK ? err : NULL);
    return status != STATUS_OK ? status : closed;
}

/* The values that a list may hold: those of its attribute. */
static bool is_in_support(int64_t value, int list)
{
    if (list == LIST_RATIO)
        return value >= 0;
    if (list == LIST_SERVICE)
        return value >= 0 && value < N_SERVICES;
    if (list == LIST_STRAY)
        return value >= 0 && value < stray_port(N_SHARES, 0, 0);
    if (list == LIST_HALF_HOUR)
        return value >= 0 && value < HALF_HOURS;
    if (binned_attribute(list) < N_CODED)
        return value >= 0 && value <= HIGHEST_MAX;
    const struct attribute_info *info = &attribute_infos[list];
    return value >= info->lowest && (info->support == 0 || value < info->support);
}

static enum status load_list(struct value_list *list, int which, size_t n_max,
                             struct hdf5_group *group, struct error *err)
{
    const char *name = list_name((size_t)which);
    FORWARD(hdf5_array_size(group, name, 1, &list->n, err));
    RETURN_IF(list->n > n_max, err, STATUS_FORMAT, "vocabulary/%s has %zu values, not up to %zu",
              name, list->n, n_max);
    list->values = memory_alloc(list->n, sizeof *list->values);
    FORWARD(hdf5_read_array(group, name, HDF5_I64, list->values, list->n, err));
    for (size_t i = 1; i < list->n; i++)
        RETURN_IF(list->values[i - 1] >= list->values[i], err, STATUS_FORMAT,
                  "vocabulary/%s is not in ascending order", name);
    RETURN_IF(list->n > 0 && (!is_in_support(list->values[0], which) ||
                              !is_in_support(list->values[list->n - 1], which)),
              err, STATUS_FORMAT, "vocabulary/%s has a value that cannot be", name);
    return STATUS_OK;
}

static enum status load_grid(struct vocabulary *vocabulary, struct hdf5_group *group,
                             struct error *err)
{
    int64_t is_instant;
    FORWARD(hdf5_read_integer(group, "highest_gap", &vocabulary->highest_gap, err));
    FORWARD(hdf5_read_integer(group, "highest_packets", &vocabulary->highest_packets, err));
    FORWARD(hdf5_read_integer(group, "highest_duration", &vocabulary->highest_duration, err));
    const int64_t highest[] = { vocabulary->highest_gap, vocabulary->highest_packets,
                                vocabulary->highest_duration };
    for (size_t h = 0; h < ARRAY_LEN(highest); h++)
        RETURN_IF(highest[h] < (h == 1) || highest[h] > HIGHEST_MAX, err, STATUS_FORMAT,
                  "vocabulary: %lld is no highest gap, packets or duration", (long long)highest[h]);
    FORWARD(hdf5_read_integer(group, "one_packet_is_instant", &is_instant, err));
    vocabulary->one_packet_is_instant = is_instant != 0;
    FORWARD(hdf5_read_integer(group, "duration_grid", &vocabulary->duration_grid, err));
    for (size_t g = 0; g < ARRAY_LEN(grid_steps); g++)
        if (grid_steps[g] == vocabulary->duration_grid)
            return STATUS_OK;
    return error_set(err, STATUS_FORMAT, "vocabulary/duration_grid is %lld, which is no grid",
                     (long long)vocabulary->duration_grid);
}

static enum status load_ratios(struct vocabulary *vocabulary, struct hdf5_group *group,
                               struct error *err)
{
    double *lowest = vocabulary->ratio_lowest, *highest = vocabulary->ratio_highest;
    FORWARD(hdf5_read_array(group, "ratio_lowest", HDF5_F64, lowest, 2, err));
    FORWARD(hdf5_read_array(group, "ratio_highest", HDF5_F64, highest, 2, err));
    for (int is_tcp = 0; is_tcp < 2; is_tcp++)
        RETURN_IF(!(lowest[is_tcp] >= 0.0 && lowest[is_tcp] <= highest[is_tcp] &&
                    isfinite(highest[is_tcp])),
                  err, STATUS_FORMAT, "vocabulary: bytes a packet in %g..%g", lowest[is_tcp],
                  highest[is_tcp]);
    return STATUS_OK;
}

enum status vocabulary_load(struct vocabulary *vocabulary, struct hdf5_group *parent,
                            struct error *err)
{
    struct hdf5_group *group = NULL;
    *vocabulary = (struct vocabulary){ 0 };
    FORWARD(hdf5_group_open(parent, "vocabulary", &group, err));
    enum status status = load_grid(vocabulary, group, err);
    for (size_t i = 0; status == STATUS_OK && i < ARRAY_LEN(list_sizes); i++) {
        int which = list_sizes[i].list;
        status = load_list(&vocabulary->lists[which], which, list_sizes[i].n_max, group, err);
    }
    if (status == STATUS_OK)
        status = load_ratios(vocabulary, group, err);
    hdf5_group_close(group, NULL);
    if (status != STATUS_OK)
        vocabulary_release(vocabulary);
    return status;
}
