#include "model/masked_conv/heads_internal.h"

#include <math.h>

/* A run of exact routes around one number of a row of the past: base + first .. base + last, in
 * steps. */
enum base {
    BASE_REFERENCE, /* + enum reference */
    BASE_MATCH = BASE_REFERENCE + N_REFERENCES,
    BASE_PREVIOUS,
    BASE_LAST_NEW,
};

struct run {
    int base, first, last;
};

static const struct run port_runs[] = {
    { BASE_MATCH, -16, 16 },
    { BASE_LAST_NEW, -16, 16 },
    { BASE_PREVIOUS, -4, 4 },
};
static const struct run packets_runs[] = {
    { BASE_MATCH, -1, 1 },           { REFERENCE_REMOTE, -1, 1 },
    { REFERENCE_SERVICE, -1, 1 },    { REFERENCE_SERVICE + 1, 0, 0 },
    { REFERENCE_SERVICE + 2, 0, 0 }, { REFERENCE_SERVICE + 3, 0, 0 },
    { REFERENCE_LIKE, -1, 1 },       { REFERENCE_LIKE + 1, 0, 0 },
    { REFERENCE_LIKE + 2, 0, 0 },    { REFERENCE_LIKE + 3, 0, 0 },
};
static const struct run duration_runs[] = {
    { BASE_MATCH, -16, 16 },
    { REFERENCE_REMOTE, -2, 2 },
    { REFERENCE_SERVICE, -2, 2 },
    { REFERENCE_SERVICE + 1, -1, 1 },
    { REFERENCE_SERVICE + 2, -1, 1 },
    { REFERENCE_SERVICE + 3, -1, 1 },
    { REFERENCE_LIKE, -2, 2 },
    { REFERENCE_LIKE + 1, 0, 0 },
    { REFERENCE_LIKE + 2, 0, 0 },
    { REFERENCE_LIKE + 3, 0, 0 },
    { REFERENCE_SERVICE_PACKETS, -2, 2 },
    { REFERENCE_LIKE_PACKETS, -2, 2 },
    { BASE_PREVIOUS, 0, 16 },
};
static const struct run bytes_runs[] = {
    { BASE_MATCH, -8, 8 },
    { REFERENCE_REMOTE, -4, 4 },
    { REFERENCE_SERVICE, -4, 4 },
    { REFERENCE_SERVICE + 1, -1, 1 },
    { REFERENCE_SERVICE + 2, -1, 1 },
    { REFERENCE_SERVICE + 3, -1, 1 },
    { REFERENCE_LIKE, -4, 4 },
    { REFERENCE_LIKE + 1, 0, 0 },
    { REFERENCE_LIKE + 2, 0, 0 },
    { REFERENCE_LIKE + 3, 0, 0 },
    { REFERENCE_SERVICE_PACKETS, -4, 4 },
    { REFERENCE_LIKE_PACKETS, -4, 4 },
    { BASE_PREVIOUS, 0, 0 },
};
/* Bytes: as many as the packets at the bytes per packet of these. */
static const int ratio_bases[] = { BASE_MATCH, REFERENCE_REMOTE, REFERENCE_SERVICE,
                                   REFERENCE_LIKE };

static const struct run *runs_of(enum head head, size_t *n_runs)
{
    switch (head) {
    case HEAD_LOCAL_PORT:
    case HEAD_REMOTE_PORT:
        *n_runs = ARRAY_LEN(port_runs);
        return port_runs;
    case HEAD_PACKETS:
        *n_runs = ARRAY_LEN(packets_runs);
        return packets_runs;
    case HEAD_DURATION:
        *n_runs = ARRAY_LEN(duration_runs);
        return duration_runs;
    case HEAD_BYTES:
        *n_runs = ARRAY_LEN(bytes_runs);
        return bytes_runs;
    default:
        *n_runs = 0;
        return NULL;
    }
}

size_t head_n_relative(const struct heads *heads, enum head head)
{
    size_t n_runs, n = 0;
    const struct run *runs = runs_of(head, &n_runs);
    for (size_t i = 0; i < n_runs; i++)
        n += (size_t)(runs[i].last - runs[i].first + 1);
    if (head == HEAD_GAP)
        n += BEAT_ROUTES;
    if (head_is_port(head))
        n += SERVICES_LISTED;
    if (head == HEAD_BYTES)
        n += heads->vocabulary->lists[LIST_RATIO].n + ARRAY_LEN(ratio_bases);
    return n;
}

static const struct row *base_row(const struct row_context *context, int base)
{
    switch (base) {
    case BASE_MATCH:
        return context->match.row;
    case BASE_PREVIOUS:
        return context->previous.row;
    case BASE_LAST_NEW:
        return context->last_new.row;
    default:
        return context->references[base - BASE_REFERENCE].row;
    }
}

static size_t beat_gaps(const struct row_context *context, int64_t *gaps)
{
    const struct beats_due *beats = row_context_beats(context);
    for (size_t i = 0; i < BEAT_ROUTES; i++) {
        size_t of = i / ROUTES_OF_BEAT;
        bool is_there = beats != NULL && of < beats->n;
        gaps[i] = is_there ? beats->items[of].gap + (int64_t)(i % ROUTES_OF_BEAT) - BEAT_REACH : -1;
    }
    return BEAT_ROUTES;
}

/* What no head takes for a value, as nothing below 0. */
#define NO_VALUE (-1)

/* Wraps to below 0 where it leads too far: no value either. */
static int64_t moved_by(int64_t value, int64_t offset)
{
    return (int64_t)((uint64_t)value + (uint64_t)offset);
}

static int64_t at_ratio(int64_t packets, int64_t ratio)
{
    int64_t bytes;
    return __builtin_mul_overflow(packets, ratio, &bytes) ? NO_VALUE : bytes;
}

static int64_t at_ratio_of(int64_t packets, const struct row *row)
{
    double bytes = (double)row->value[ATTRIBUTE_BYTES] / (double)row->value[ATTRIBUTE_PACKETS] *
                   (double)packets;
    return bytes < 0x1p62 ? llround(bytes) : NO_VALUE;
}

size_t head_relative_values(const struct heads *heads, enum head head,
                            const struct row_context *context, int64_t *values)
{
    enum attribute attribute = head_infos[head].attribute;
    int64_t step = head == HEAD_DURATION ? heads->vocabulary->duration_grid : 1;
    size_t n_runs, n = 0;
    if (head == HEAD_GAP)
        return beat_gaps(context, values);
    const struct run *runs = runs_of(head, &n_runs);
    for (size_t i = 0; i < n_runs; i++) {
        const struct row *row = base_row(context, runs[i].base);
        size_t n_of_run = (size_t)(runs[i].last - runs[i].first + 1);
        for (size_t k = 0; k < n_of_run; k++)
            values[n + k] = row == NULL ? NO_VALUE
                                        : moved_by(row->value[attribute],
                                                   step * (runs[i].first + (int64_t)k));
        n += n_of_run;
    }
    if (head_is_port(head)) {
        enum service_side side = head_port_side(head);
        const struct service_list *list = service_list_of(
            context->services, context->row->value[ATTRIBUTE_PROTOCOL], side);
        for (size_t i = 0; i < SERVICES_LISTED; i++)
            values[n++] = list != NULL && i < list->n ? list->ports[i] : NO_VALUE;
    }
    if (head == HEAD_BYTES) {
        int64_t packets = context->row->value[ATTRIBUTE_PACKETS];
        const struct value_list *ratios = &heads->vocabulary->lists[LIST_RATIO];
        for (size_t i = 0; i < ratios->n; i++)
            values[n++] = at_ratio(packets, ratios->values[i]);
        for (size_t i = 0; i < ARRAY_LEN(ratio_bases); i++) {
            const struct row *row = base_row(context, ratio_bases[i]);
            values[n++] = row != NULL ? at_ratio_of(packets, row) : NO_VALUE;
        }
    }
    return n;
}

/* ---- reaches of ports --------------------------------------------------------------------- */

static const int reach_bases[] = { BASE_MATCH, BASE_LAST_NEW };

struct range port_reach(enum head head, const struct row_context *context, size_t i)
{
    const struct row *row = base_row(context, reach_bases[i / (2 * PORT_REACHES)]);
    if (row == NULL)
        return (struct range){ 0, -1 };
    int64_t port = row->value[head_infos[head].attribute];
    int64_t beyond = INT64_C(16) << i % PORT_REACHES;
    bool is_above = i / PORT_REACHES % 2 == 0;
    struct range reach = is_above ? (struct range){ port + beyond + 1, port + 2 * beyond }
                                  : (struct range){ port - 2 * beyond, port - beyond - 1 };
    reach.lowest = reach.lowest > 0 ? reach.lowest : 0;
    reach.highest = reach.highest < 65535 ? reach.highest : 65535;
    return reach;
}

size_t port_reach_find(enum head head, const struct row_context *context, int64_t port,
                       size_t found[2])
{
    size_t n = 0;
    for (size_t b = 0; b < ARRAY_LEN(reach_bases); b++) {
        const struct row *row = base_row(context, reach_bases[b]);
        int64_t step = row != NULL ? port - row->value[head_infos[head].attribute] : 0;
        uint64_t distance = (uint64_t)(step < 0 ? -step : step);
        if (distance <= 16 || distance > UINT64_C(16) << PORT_REACHES)
            continue;
        size_t reach = (size_t)(63 - __builtin_clzll(distance - 1)) - 4;
        found[n++] = (2 * b + (step < 0)) * PORT_REACHES + reach;
    }
    return n;
}

void port_reach_sizes(enum head head, const struct row_context *context, int32_t *sizes)
{
    for (size_t i = 0; i < PORT_NEAR; i++) {
        struct range reach = port_reach(head, context, i);
        sizes[i] = reach.highest >= reach.lowest ? (int32_t)(reach.highest - reach.lowest + 1) : 0;
    }
    for (size_t k = 0; head == HEAD_REMOTE_PORT && k < context->n_kept_ports; k++) {
        size_t found[2], n = port_reach_find(head, context, context->kept_ports[k], found);
        for (size_t i = 0; i < n; i++)
            sizes[found[i]]--;
    }
}
