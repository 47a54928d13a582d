#include "model/masked_conv/heads.h"

#include "base/error.h"
#include "nn/categorical.h"
#include "nn/logistic_mixture.h"

#include <math.h>
#include <string.h>

const struct head_info head_infos[N_HEADS] = {
    [HEAD_GAP] = { "gap", STAGE_BEFORE, ATTRIBUTE_GAP, true, false },
    [HEAD_ORDER] = { "order", STAGE_GAP, ATTRIBUTE_DURATION, false, true },
    [HEAD_LINK] = { "link", STAGE_ORDER, ATTRIBUTE_LINK, false, false },
    [HEAD_OLDER] = { "older", STAGE_LINK, ATTRIBUTE_LINK, false, true },
    [HEAD_DIRECTION] = { "direction", STAGE_MATCH, ATTRIBUTE_DIRECTION, false, true },
    [HEAD_PROTOCOL] = { "protocol", STAGE_DIRECTION, ATTRIBUTE_PROTOCOL, false, true },
    [HEAD_LOCAL_PORT] = { "local_port", STAGE_PROTOCOL, ATTRIBUTE_LOCAL_PORT, false, true },
    [HEAD_REMOTE_PORT] = { "remote_port", STAGE_LOCAL_PORT, ATTRIBUTE_REMOTE_PORT, false, true },
    [HEAD_REMOTE] = { "remote", STAGE_PORTS, ATTRIBUTE_REMOTE, false, true },
    [HEAD_OCTET_1] = { "octet_1", STAGE_PORTS, ATTRIBUTE_REMOTE, false, true },
    [HEAD_OCTET_2] = { "octet_2", STAGE_OCTET_1, ATTRIBUTE_REMOTE, false, true },
    [HEAD_OCTET_3] = { "octet_3", STAGE_OCTET_2, ATTRIBUTE_REMOTE, false, true },
    [HEAD_OCTET_4] = { "octet_4", STAGE_OCTET_3, ATTRIBUTE_REMOTE, false, true },
    [HEAD_FLAGS] = { "flags", STAGE_REMOTE, ATTRIBUTE_FLAGS, false, false },
    [HEAD_TOS] = { "tos", STAGE_FLAGS, ATTRIBUTE_TOS, false, false },
    [HEAD_FORWARDING] = { "fwd", STAGE_TOS, ATTRIBUTE_FORWARDING, false, false },
    [HEAD_LABEL] = { "label", STAGE_TOS, ATTRIBUTE_LABEL, false, false },
    [HEAD_PACKETS] = { "packets", STAGE_LABEL, ATTRIBUTE_PACKETS, true, false },
    [HEAD_DURATION] = { "duration", STAGE_PACKETS, ATTRIBUTE_DURATION, true, false },
    [HEAD_BYTES] = { "bytes", STAGE_DURATION, ATTRIBUTE_BYTES, true, false },
};

/* ---- relative routes ---------------------------------------------------------------------- */

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

enum {
    PORT_BLOCKS = 256,
    PORTS_OF_BLOCK = 256,
    SMALL_GAPS = 64,    /* gaps 0..63 are atoms */
    SMALL_PACKETS = 64, /* packets 1..64 */
    OLDER_OCTAVES = 12, /* of ranks up to REMOTES_KEPT - NEAR_RANKS */
    COUNT_OCTAVES = 63,
};

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

static size_t n_relative(enum head head)
{
    size_t n_runs, n = 0;
    const struct run *runs = runs_of(head, &n_runs);
    for (size_t i = 0; i < n_runs; i++)
        n += (size_t)(runs[i].last - runs[i].first + 1);
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

/* What no head takes for a value. */
#define NO_VALUE (-1)

static int64_t moved_by(int64_t value, int64_t offset)
{
    int64_t sum;
    return __builtin_add_overflow(value, offset, &sum) ? NO_VALUE : sum;
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

/* The values of a head's relative routes and ratios, in the order of the routes after the atoms;
 * NO_VALUE where there is none. */
static size_t relative_values(const struct heads *heads, enum head head,
                              const struct row_context *context, int64_t *values)
{
    enum attribute attribute = head_infos[head].attribute;
    int64_t step = head == HEAD_DURATION ? heads->vocabulary->duration_grid : 1;
    size_t n_runs, n = 0;
    const struct run *runs = runs_of(head, &n_runs);
    for (size_t i = 0; i < n_runs; i++) {
        const struct row *row = base_row(context, runs[i].base);
        for (int offset = runs[i].first; offset <= runs[i].last; offset++)
            values[n++] = row != NULL ? moved_by(row->value[attribute], step * offset) : NO_VALUE;
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

#define RELATIVE_MAX 512

/* ---- what is legal ------------------------------------------------------------------------ */

struct range {
    int64_t lowest, highest;
};

/* The values that the head's attribute can have in this row. */
static struct range legal_range(enum head head, const struct row_context *context)
{
    switch (head) {
    case HEAD_GAP:
        return (struct range){ context->lowest_gap,
                               context->highest_gap > 0 ? context->highest_gap : INT64_MAX };
    case HEAD_PACKETS:
        return (struct range){ 1, INT64_MAX };
    case HEAD_LOCAL_PORT:
    case HEAD_REMOTE_PORT:
        return (struct range){ 0, 65535 };
    case HEAD_DURATION:
        if (order_is_open(context)) {
            int64_t previous = context->previous.row->value[ATTRIBUTE_DURATION];
            return order_is_kept(context) ? (struct range){ previous, INT64_MAX }
                                          : (struct range){ 0, previous - 1 };
        }
        return (struct range){ 0, INT64_MAX };
    default:
        return (struct range){ 0, INT64_MAX };
    }
}

static int64_t highest_trained(const struct heads *heads, enum head head)
{
    return head == HEAD_GAP        ? heads->vocabulary->highest_gap
           : head == HEAD_PACKETS  ? heads->vocabulary->highest_packets
           : head == HEAD_DURATION ? heads->vocabulary->highest_duration
                                   : INT64_MAX;
}

/* Of the legal values of a count the usual ones, which exact routes and the mixture keep to:
 * nothing above all of training, and bytes a packet as there; where one packet takes no time, no
 * time for one, and more than one for a flow that is to end after another that took time. May be
 * empty. The route to any value leads to the rest, so that nothing legal has no mass. */
static struct range usual_range(const struct heads *heads, enum head head,
                                const struct row_context *context)
{
    const int64_t *value = context->row->value;
    struct range range = legal_range(head, context);
    bool is_instant = heads->vocabulary->one_packet_is_instant;
    if (head == HEAD_PACKETS && is_instant && order_is_open(context) && order_is_kept(context))
        range.lowest = 2;
    else if (head == HEAD_DURATION && is_instant && value[ATTRIBUTE_PACKETS] == 1)
        range.highest = 0;
    else if (head == HEAD_BYTES)
        vocabulary_bytes_range(heads->vocabulary, value[ATTRIBUTE_PROTOCOL],
                               value[ATTRIBUTE_PACKETS], &range.lowest, &range.highest);
    int64_t highest = highest_trained(heads, head);
    range.highest = range.highest < highest ? range.highest : highest;
    return range;
}

static bool is_within(const struct range *range, int64_t value)
{
    return value >= range->lowest && value <= range->highest;
}

static bool is_kept_port(const struct row_context *context, int64_t port)
{
    for (size_t i = 0; i < context->n_kept_ports; i++)
        if (context->kept_ports[i] == port)
            return true;
    return false;
}

static size_t n_kept_in_block(const struct row_context *context, int64_t block)
{
    size_t n = 0;
    for (size_t i = 0; i < context->n_kept_ports; i++)
        n += context->kept_ports[i] / PORTS_OF_BLOCK == block;
    return n;
}

/* ---- heads -------------------------------------------------------------------------------- */

static bool is_set_head(enum head head)
{
    return head == HEAD_PROTOCOL || head == HEAD_FLAGS || head == HEAD_TOS ||
           head == HEAD_FORWARDING || head == HEAD_LABEL;
}

static bool is_port_head(enum head head)
{
    return head == HEAD_LOCAL_PORT || head == HEAD_REMOTE_PORT;
}

static bool is_count_head(enum head head)
{
    return head_infos[head].has_mixture;
}

static bool is_octet_head(enum head head)
{
    return head >= HEAD_OCTET_1 && head <= HEAD_OCTET_4;
}

void heads_init(struct heads *heads, const struct vocabulary *vocabulary)
{
    *heads = (struct heads){ .vocabulary = vocabulary };
    for (enum head head = 0; head < N_HEADS; head++) {
        size_t n_atoms = head_infos[head].attribute < N_CODED
                             ? vocabulary->lists[head_infos[head].attribute].n
                             : 0;
        size_t n = 0;
        if (head == HEAD_LINK)
            n = N_LINK_CODES;
        else if (head == HEAD_OLDER)
            n = OLDER_OCTAVES;
        else if (head == HEAD_DIRECTION || head == HEAD_ORDER)
            n = 2;
        else if (is_octet_head(head))
            n = 256;
        else if (is_set_head(head) || head == HEAD_REMOTE)
            n = n_atoms + 1; /* and the escape */
        else if (is_port_head(head))
            n = n_atoms + n_relative(head) + PORT_BLOCKS;
        if (head == HEAD_GAP)
            n_atoms = SMALL_GAPS;
        if (head == HEAD_PACKETS)
            n_atoms = SMALL_PACKETS;
        if (is_count_head(head))
            n = n_atoms + n_relative(head) + 2; /* and any value, and the mixture */
        if (head == HEAD_BYTES)
            n += vocabulary->lists[LIST_RATIO].n + ARRAY_LEN(ratio_bases);
        heads->n_routes[head] = n;
        heads->n_atoms[head] = n_atoms;
        if (n > n_atoms + RELATIVE_MAX)
            BUG("head %s has %zu routes", head_infos[head].name, n);
    }
}

bool head_applies(const struct heads *heads, enum head head, const struct row_context *context)
{
    enum link_kind kind = context->link.kind;
    bool is_open = kind == LINK_REMOTE || kind == LINK_NEW;
    const int64_t *value = context->row->value;
    switch (head) {
    case HEAD_OLDER:
        return kind != LINK_NEW && context->link.rank >= NEAR_RANKS;
    case HEAD_DIRECTION:
    case HEAD_PROTOCOL:
        return is_open;
    case HEAD_LOCAL_PORT:
    case HEAD_REMOTE_PORT:
        return is_open || !conversation_has_ports(value[ATTRIBUTE_PROTOCOL]);
    case HEAD_REMOTE:
        return kind == LINK_NEW;
    case HEAD_OCTET_1:
    case HEAD_OCTET_2:
    case HEAD_OCTET_3:
    case HEAD_OCTET_4:
        return kind == LINK_NEW && value_list_find(&heads->vocabulary->lists[ATTRIBUTE_REMOTE],
                                                   value[ATTRIBUTE_REMOTE]) < 0;
    case HEAD_ORDER:
        return order_is_open(context);
    default:
        return true;
    }
}

/* Values that an escape of a set is shared by. */
static int64_t n_escape(const struct heads *heads, enum head head,
                        const struct row_context *context)
{
    enum attribute attribute = head_infos[head].attribute;
    int64_t n = attribute_infos[attribute].support - (int64_t)heads->vocabulary->lists[attribute].n;
    bool has_icmp = value_list_find(&heads->vocabulary->lists[ATTRIBUTE_PROTOCOL], PROTOCOL_ICMP) >=
                    0;
    if (head == HEAD_PROTOCOL && context->is_icmp_kept && !has_icmp)
        n--;
    return n;
}

static void link_available(const struct row_context *context, uint8_t *available)
{
    size_t n_conversations = context->n_conversations, n_remotes = context->n_remotes;
    for (size_t rank = 0; rank < NEAR_RANKS; rank++) {
        available[LINK_CODE_REPLY + rank] = rank < n_conversations;
        available[LINK_CODE_REPEAT + rank] = rank < n_conversations;
        available[LINK_CODE_REMOTE + rank] = rank < n_remotes;
    }
    available[LINK_CODE_OLDER_REPLY] = n_conversations > NEAR_RANKS;
    available[LINK_CODE_OLDER_REPEAT] = n_conversations > NEAR_RANKS;
    available[LINK_CODE_OLDER_REMOTE] = n_remotes > NEAR_RANKS;
    available[LINK_CODE_NEW] = 1;
}

/* How many ranks beyond NEAR_RANKS there are for a link of this kind. */
static size_t n_older(const struct row_context *context)
{
    size_t n = context->link.kind == LINK_REMOTE ? context->n_remotes : context->n_conversations;
    return n - NEAR_RANKS;
}

/* Octave o holds the numbers 2^o - 1 .. 2^(o+1) - 2. */
static int octave_of(uint64_t x)
{
    return 63 - __builtin_clzll(x + 1);
}

static uint64_t octave_first(int octave)
{
    return (UINT64_C(1) << octave) - 1;
}

/* The exact routes that lead out of the range are not available. */
static void exact_available(const struct heads *heads, enum head head,
                            const struct row_context *context, const struct range *range,
                            uint8_t *available)
{
    size_t n_atoms = heads->n_atoms[head];
    const struct value_list *atoms = &heads->vocabulary->lists[head_infos[head].attribute];
    if (head == HEAD_GAP || head == HEAD_PACKETS)
        for (size_t a = 0; a < n_atoms; a++)
            available[a] = is_within(range, (int64_t)a + (head == HEAD_PACKETS));
    if (head == HEAD_DURATION || head == HEAD_BYTES) { /* atoms ascend */
        size_t first = 0, end = n_atoms;
        while (first < n_atoms && atoms->values[first] < range->lowest)
            first++;
        while (end > first && atoms->values[end - 1] > range->highest)
            end--;
        memset(available, 0, first);
        memset(available + end, 0, n_atoms - end);
    }
    for (size_t i = 0; head == HEAD_REMOTE_PORT && i < context->n_kept_ports; i++) {
        int atom = value_list_find(atoms, context->kept_ports[i]);
        if (atom >= 0)
            available[atom] = 0;
    }
    int64_t values[RELATIVE_MAX];
    size_t n = relative_values(heads, head, context, values);
    /* Files hold no longer duration. */
    int64_t lowest = range->lowest, highest = range->highest;
    if (head == HEAD_DURATION && highest > UINT32_MAX)
        highest = UINT32_MAX;
    for (size_t i = 0; i < n; i++)
        available[n_atoms + i] = values[i] >= lowest && values[i] <= highest;
    for (size_t i = 0; head == HEAD_REMOTE_PORT && context->n_kept_ports > 0 && i < n; i++)
        if (is_kept_port(context, values[i]))
            available[n_atoms + i] = 0;
}

void head_available(const struct heads *heads, enum head head, const struct row_context *context,
                    uint8_t *available)
{
    size_t n_routes = heads->n_routes[head], n_atoms = heads->n_atoms[head];
    memset(available, 1, n_routes);
    if (head == HEAD_LINK) {
        link_available(context, available);
    } else if (head == HEAD_OLDER) {
        for (int o = 0; o < OLDER_OCTAVES; o++)
            available[o] = octave_first(o) < n_older(context);
    } else if (head == HEAD_REMOTE) {
        for (size_t i = 0; i < context->n_kept_atoms; i++)
            available[context->kept_atoms[i]] = 0;
    } else if (head == HEAD_OCTET_3) {
        for (size_t i = 0; i < context->n_full_octets; i++)
            available[context->full_octets[i]] = 0;
    } else if (head == HEAD_OCTET_4) {
        for (size_t i = 0; i < context->n_kept_octets; i++)
            available[context->kept_octets[i]] = 0;
    } else if (is_set_head(head)) {
        int icmp = value_list_find(&heads->vocabulary->lists[ATTRIBUTE_PROTOCOL], PROTOCOL_ICMP);
        if (head == HEAD_PROTOCOL && context->is_icmp_kept && icmp >= 0)
            available[icmp] = 0;
        available[n_atoms] = n_escape(heads, head, context) > 0;
    } else if (is_port_head(head)) {
        struct range range = legal_range(head, context);
        exact_available(heads, head, context, &range, available);
        uint8_t *blocks = available + n_routes - PORT_BLOCKS;
        for (size_t i = 0; head == HEAD_REMOTE_PORT && i < context->n_kept_ports; i++) {
            int64_t block = context->kept_ports[i] / PORTS_OF_BLOCK;
            blocks[block] = n_kept_in_block(context, block) < PORTS_OF_BLOCK;
        }
    } else if (is_count_head(head)) {
        struct range range = usual_range(heads, head, context);
        exact_available(heads, head, context, &range, available);
        available[n_routes - 1] = range.lowest <= range.highest;
    }
}

/* ---- the ways to a value ------------------------------------------------------------------ */

static void add_hit(struct route_hit *hits, size_t *n, size_t route, double log_share)
{
    if (*n == HEAD_HITS_MAX)
        BUG("more than %d routes lead to a value", HEAD_HITS_MAX);
    hits[(*n)++] = (struct route_hit){ (int32_t)route, log_share };
}

/* Any number at all, by octaves above the lowest legal one; or evenly, where there is a highest. */
static double any_value_log_share(const struct range *range, int64_t value)
{
    if (range->highest < INT64_MAX)
        return -log((double)(range->highest - range->lowest + 1));
    int octave = octave_of((uint64_t)(value - range->lowest));
    return -log(COUNT_OCTAVES) - octave * log(2.0);
}

static size_t count_hits(const struct heads *heads, enum head head,
                         const struct row_context *context, struct route_hit *hits)
{
    int64_t value = context->row->value[head_infos[head].attribute];
    struct range range = legal_range(head, context);
    struct range usual = usual_range(heads, head, context);
    bool is_usual = is_within(&usual, value);
    size_t n = 0, n_atoms = heads->n_atoms[head];
    int64_t atom = -1;
    if (head == HEAD_GAP)
        atom = value < SMALL_GAPS ? value : -1;
    else if (head == HEAD_PACKETS)
        atom = value <= SMALL_PACKETS ? value - 1 : -1;
    else
        atom = value_list_find(&heads->vocabulary->lists[head_infos[head].attribute], value);
    if (atom >= 0 && is_usual)
        add_hit(hits, &n, (size_t)atom, 0.0);
    int64_t values[RELATIVE_MAX];
    size_t n_values = relative_values(heads, head, context, values);
    for (size_t i = 0; i < n_values; i++)
        if (values[i] == value && is_usual)
            add_hit(hits, &n, n_atoms + i, 0.0);
    add_hit(hits, &n, n_atoms + n_values, any_value_log_share(&range, value));
    return n;
}

static size_t port_hits(const struct heads *heads, enum head head,
                        const struct row_context *context, struct route_hit *hits)
{
    int64_t value = context->row->value[head_infos[head].attribute];
    size_t n = 0, n_atoms = heads->n_atoms[head];
    int atom = value_list_find(&heads->vocabulary->lists[head_infos[head].attribute], value);
    if (atom >= 0)
        add_hit(hits, &n, (size_t)atom, 0.0);
    int64_t values[RELATIVE_MAX];
    size_t n_values = relative_values(heads, head, context, values);
    for (size_t i = 0; i < n_values; i++)
        if (values[i] == value)
            add_hit(hits, &n, n_atoms + i, 0.0);
    size_t block = (size_t)(value / PORTS_OF_BLOCK);
    size_t n_kept = head == HEAD_REMOTE_PORT ? n_kept_in_block(context, (int64_t)block) : 0;
    add_hit(hits, &n, n_atoms + n_values + block, -log((double)(PORTS_OF_BLOCK - n_kept)));
    return n;
}

static int octet_shift(enum head head)
{
    return 8 * (3 - (int)(head - HEAD_OCTET_1));
}

size_t head_hits(const struct heads *heads, enum head head, const struct row_context *context,
                 struct route_hit hits[HEAD_HITS_MAX])
{
    if (is_count_head(head))
        return count_hits(heads, head, context, hits);
    if (is_port_head(head))
        return port_hits(heads, head, context, hits);
    const int64_t *value = context->row->value;
    size_t n = 0;
    if (head == HEAD_LINK) {
        add_hit(hits, &n, (size_t)link_code(&context->link), 0.0);
    } else if (head == HEAD_OLDER) {
        uint64_t rank = context->link.rank - NEAR_RANKS;
        int octave = octave_of(rank);
        uint64_t end = octave_first(octave + 1);
        end = end < n_older(context) ? end : n_older(context);
        add_hit(hits, &n, (size_t)octave, -log((double)(end - octave_first(octave))));
    } else if (head == HEAD_DIRECTION) {
        add_hit(hits, &n, (size_t)value[ATTRIBUTE_DIRECTION], 0.0);
    } else if (head == HEAD_ORDER) {
        add_hit(hits, &n, order_is_kept(context), 0.0);
    } else if (is_octet_head(head)) {
        add_hit(hits, &n, (size_t)(value[ATTRIBUTE_REMOTE] >> octet_shift(head) & 255), 0.0);
    } else {
        enum attribute attribute = head_infos[head].attribute;
        int atom = value_list_find(&heads->vocabulary->lists[attribute], value[attribute]);
        bool is_remote = head == HEAD_REMOTE; /* its escape is told by octets */
        if (atom >= 0)
            add_hit(hits, &n, (size_t)atom, 0.0);
        else
            add_hit(hits, &n, heads->n_atoms[head],
                    is_remote ? 0.0 : -log((double)n_escape(heads, head, context)));
    }
    return n;
}

/* ---- the mixture -------------------------------------------------------------------------- */

/* The lower edge of a value's cell on the log scale of its head, -inf for the lowest one. */
static double lower_edge(double value, double lowest, double scale)
{
    return value <= lowest ? -(double)INFINITY : log((value - 0.5) / scale);
}

struct log_cell head_cell(const struct heads *heads, enum head head,
                          const struct row_context *context)
{
    const int64_t *value = context->row->value;
    struct log_cell cell = { .range_lo = -(double)INFINITY,
                             .range_hi = (double)INFINITY,
                             .is_hit = true };
    int64_t x = value[head_infos[head].attribute];
    struct range range = usual_range(heads, head, context);
    if (head == HEAD_GAP || head == HEAD_PACKETS) {
        int64_t below = attribute_infos[head_infos[head].attribute].lowest - 1;
        double shifted = (double)(x - below);
        cell.range_lo = lower_edge((double)(range.lowest - below), 1.0, 1.0);
        cell.range_hi = log((double)(range.highest - below) + 0.5);
        cell.lo = lower_edge(shifted, 1.0, 1.0);
        cell.hi = log(shifted + 0.5);
    } else if (head == HEAD_DURATION) {
        int64_t grid = heads->vocabulary->duration_grid;
        int64_t first = (range.lowest + grid - 1) / grid; /* of the grid's steps */
        cell.range_lo = lower_edge((double)first + 1.0, 1.0, 1.0);
        if (range.highest < INT64_MAX)
            cell.range_hi = log((double)(range.highest / grid) + 1.5);
        cell.is_hit = x % grid == 0;
        cell.lo = lower_edge((double)(x / grid) + 1.0, 1.0, 1.0);
        cell.hi = log((double)(x / grid) + 1.5);
    } else {
        double packets = (double)value[ATTRIBUTE_PACKETS];
        cell.range_lo = lower_edge((double)range.lowest, 0.0, packets);
        cell.range_hi = log(((double)range.highest + 0.5) / packets);
        cell.lo = lower_edge((double)x, 0.0, packets);
        cell.hi = log(((double)x + 0.5) / packets);
    }
    cell.is_hit = cell.is_hit && is_within(&range, x);
    /* Numbers so large that the log scale does not tell them apart are left to the other routes. */
    if (!(cell.range_lo < cell.range_hi)) {
        cell.range_lo = -(double)INFINITY;
        cell.range_hi = (double)INFINITY;
        cell.is_hit = false;
    }
    if (!cell.is_hit || !(cell.lo < cell.hi)) {
        cell.is_hit = false;
        cell.lo = cell.range_lo;
        cell.hi = cell.range_hi;
    }
    return cell;
}

/* ---- drawing ------------------------------------------------------------------------------ */

/* Values above this are never drawn: files and the tools that read them hold no larger durations,
 * and no larger bytes of so many packets; and a gap of more than 48 days, which no training knows
 * of, would be the end of its host. */
static int64_t highest_drawn(enum head head)
{
    if (head == HEAD_GAP)
        return INT64_C(1) << 22;
    if (head == HEAD_DURATION)
        return UINT32_MAX;
    return INT64_C(1) << (head == HEAD_PACKETS ? 37 : 53);
}

/* Up to `highest`, if there is one that is legal. */
static int64_t draw_any_value(const struct range *range, int64_t highest, struct rng *rng)
{
    if (range->highest < INT64_MAX)
        return range->lowest +
               (int64_t)rng_below(rng, (uint64_t)(range->highest - range->lowest + 1));
    int64_t value;
    if (highest <= range->lowest)
        return range->lowest;
    do {
        int octave = (int)rng_below(rng, COUNT_OCTAVES);
        value = (int64_t)octave_first(octave) + (int64_t)rng_below(rng, UINT64_C(1) << octave);
    } while (value > highest - range->lowest);
    return range->lowest + value;
}

/* A value whose cell holds a draw of the mixture. */
static int64_t draw_mixture(const struct heads *heads, enum head head,
                            const struct row_context *context, const real *mixture, struct rng *rng)
{
    struct log_cell cell = head_cell(heads, head, context);
    int64_t grid = heads->vocabulary->duration_grid;
    struct range range = usual_range(heads, head, context);
    double scale = 1.0;
    if (head == HEAD_BYTES) {
        scale = (double)context->row->value[ATTRIBUTE_PACKETS];
    } else if (head == HEAD_DURATION) {
        range.lowest = (range.lowest + grid - 1) / grid;
        range.highest /= range.highest < INT64_MAX ? grid : 1;
    }
    double y = logistic_mixture_draw(mixture, MIXTURE_COMPONENTS, cell.range_lo, cell.range_hi,
                                     rng);
    double shifted = fmin(exp(y) * scale, (double)highest_drawn(head));
    int64_t value = (int64_t)floor(shifted + 0.5);
    value -= head == HEAD_GAP || head == HEAD_DURATION;
    value = value < range.lowest ? range.lowest : value;
    value = value > range.highest ? range.highest : value;
    if (head != HEAD_DURATION)
        return value;
    value *= grid;
    return value < highest_drawn(head) ? value : highest_drawn(head);
}

/* Evenly among the values of a support that a set has not seen. */
static int64_t draw_escape(const struct heads *heads, enum head head,
                           const struct row_context *context, struct rng *rng)
{
    enum attribute attribute = head_infos[head].attribute;
    for (;;) {
        int64_t value = (int64_t)rng_below(rng, (uint64_t)attribute_infos[attribute].support);
        bool is_kept = head == HEAD_PROTOCOL && context->is_icmp_kept && value == PROTOCOL_ICMP;
        if (!is_kept && value_list_find(&heads->vocabulary->lists[attribute], value) < 0)
            return value;
    }
}

static int64_t draw_port_of_block(enum head head, const struct row_context *context, size_t block,
                                  struct rng *rng)
{
    for (;;) {
        int64_t port = (int64_t)(block * PORTS_OF_BLOCK + rng_below(rng, PORTS_OF_BLOCK));
        if (head != HEAD_REMOTE_PORT || !is_kept_port(context, port))
            return port;
    }
}

static int64_t atom_value(const struct heads *heads, enum head head, size_t atom)
{
    if (head == HEAD_GAP)
        return (int64_t)atom;
    if (head == HEAD_PACKETS)
        return (int64_t)atom + 1;
    return heads->vocabulary->lists[head_infos[head].attribute].values[atom];
}

int64_t head_draw(const struct heads *heads, enum head head, const struct row_context *context,
                  const uint8_t *available, const real *logits, const real *mixture,
                  double truncation, struct rng *rng)
{
    size_t n_atoms = heads->n_atoms[head], n_routes = heads->n_routes[head];
    size_t route = categorical_draw(logits, available, n_routes, truncation, rng);
    if (head == HEAD_OLDER) {
        uint64_t first = octave_first((int)route), end = octave_first((int)route + 1);
        end = end < n_older(context) ? end : n_older(context);
        return (int64_t)(NEAR_RANKS + first + rng_below(rng, end - first));
    }
    if (is_set_head(head))
        return route < n_atoms ? atom_value(heads, head, route)
                               : draw_escape(heads, head, context, rng);
    if (!is_port_head(head) && !is_count_head(head))
        return (int64_t)route; /* link code, direction, order, octet, number of a remote's atom */
    if (route < n_atoms)
        return atom_value(heads, head, route);
    int64_t values[RELATIVE_MAX];
    size_t n_values = relative_values(heads, head, context, values);
    route -= n_atoms;
    if (route < n_values)
        return values[route];
    route -= n_values;
    if (is_port_head(head))
        return draw_port_of_block(head, context, route, rng);
    struct range range = legal_range(head, context);
    if (route > 0)
        return draw_mixture(heads, head, context, mixture, rng);
    int64_t highest = highest_drawn(head);
    if (truncation > 0.0 && highest_trained(heads, head) < highest)
        highest = highest_trained(heads, head);
    return draw_any_value(&range, highest, rng);
}
