#include "model/masked_conv/heads_internal.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

/* ---- which ones lead somewhere ------------------------------------------------------------ */

static void link_available(const struct row_context *context, uint8_t *available)
{
    size_t n_conversations = context->n_conversations, n_remotes = context->n_remotes;
    for (size_t rank = 0; rank < NEAR_CONVERSATIONS; rank++) {
        available[LINK_CODE_REPLY + rank] = rank < n_conversations;
        available[LINK_CODE_REPEAT + rank] = rank < n_conversations;
    }
    for (size_t rank = 0; rank < NEAR_REMOTES; rank++)
        available[LINK_CODE_REMOTE + rank] = rank < n_remotes;
    available[LINK_CODE_OLDER_REPLY] = n_conversations > NEAR_CONVERSATIONS;
    available[LINK_CODE_OLDER_REPEAT] = n_conversations > NEAR_CONVERSATIONS;
    available[LINK_CODE_OLDER_REMOTE] = n_remotes > NEAR_REMOTES;
    available[LINK_CODE_NEW] = 1;
}

static void recalled_available(const struct heads *heads, enum head head,
                               const struct row_context *context, uint8_t *available)
{
    struct range range = head_usual_range(heads, head, context);
    available += head_first_recalled(heads, head);
    for (size_t i = 0; i < heads->n_recalled[head]; i++)
        available[i] = head_recalls(heads, head, context, i, &range);
    available += heads->n_recalled[head];
    for (size_t i = 0; i < heads->n_usual[head]; i++)
        available[i] = head_has_usual(heads, head, context, i, &range);
}

/* The exact routes of a count that lead out of the range are not available. */
static void count_available(const struct heads *heads, enum head head,
                            const struct row_context *context, uint8_t *available)
{
    struct range range = head_usual_range(heads, head, context);
    size_t n_atoms = heads->n_atoms[head], n_routes = heads->n_routes[head];
    size_t first = 0, end = n_atoms;
    if (head == HEAD_DURATION || head == HEAD_BYTES) { /* atoms ascend */
        const struct value_list *atoms = &heads->vocabulary->lists[head_infos[head].attribute];
        first = value_list_lower(atoms, range.lowest);
        if (range.highest < INT64_MAX)
            end = value_list_lower(atoms, range.highest + 1);
        end = end > first ? end : first;
        memset(available, 0, first);
        memset(available + end, 0, n_atoms - end);
    } else {
        for (size_t a = 0; a < n_atoms; a++)
            available[a] = range_holds(&range, (int64_t)a + (head == HEAD_PACKETS));
    }
    available[n_routes - 1] = range.lowest <= range.highest;
    for (size_t i = 0, bin = head_first_bin(heads, head); i < head_n_bins(heads, head); i++) {
        struct range values = head_bin_at(heads, head, &range, i);
        available[bin + i] = values.lowest <= values.highest;
    }
    if (head == HEAD_DURATION && range.highest > UINT32_MAX) /* files hold no longer one */
        range.highest = UINT32_MAX;
    int64_t values[RELATIVE_MAX];
    size_t n = head_relative_values(heads, head, context, values);
    for (size_t i = 0; i < n; i++)
        available[n_atoms + i] = range_holds(&range, values[i]);
}

/* Ports that the context keeps are written in another way. */
static void port_available(const struct heads *heads, enum head head,
                           const struct row_context *context, uint8_t *available)
{
    const struct value_list *atoms = &heads->vocabulary->lists[head_infos[head].attribute];
    size_t n_atoms = heads->n_atoms[head], n_routes = heads->n_routes[head];
    size_t n_kept = context->n_kept_ports;
    uint16_t n_of_block[PORT_BLOCKS] = { 0 };
    uint64_t lowest_bits[PORTS_OF_BLOCK / 64] = { 0 }; /* of kept ports: few others have the same */
    int64_t values[RELATIVE_MAX];
    size_t n = head_relative_values(heads, head, context, values);
    for (size_t i = 0; i < n; i++)
        available[n_atoms + i] = values[i] >= 0 && values[i] <= 65535;
    int32_t sizes[PORT_NEAR];
    port_reach_sizes(head, context, sizes);
    for (size_t i = 0; i < PORT_NEAR; i++)
        available[n_routes - PORT_BLOCKS - PORT_NEAR + i] = sizes[i] > 0;
    if (head != HEAD_REMOTE_PORT || n_kept == 0)
        return;
    for (size_t i = 0; i < n_kept; i++) {
        int atom = value_list_find(atoms, context->kept_ports[i]);
        if (atom >= 0)
            available[atom] = 0;
        n_of_block[context->kept_ports[i] / PORTS_OF_BLOCK]++;
        size_t bits = context->kept_ports[i] % PORTS_OF_BLOCK;
        lowest_bits[bits / 64] |= UINT64_C(1) << bits % 64;
    }
    for (size_t i = 0; i < n; i++) {
        size_t bits = (size_t)values[i] % PORTS_OF_BLOCK;
        if (available[n_atoms + i] && (lowest_bits[bits / 64] >> bits % 64 & 1) != 0)
            available[n_atoms + i] = !port_is_kept(context, values[i]);
    }
    for (size_t block = 0; block < PORT_BLOCKS; block++)
        available[n_routes - PORT_BLOCKS + block] = n_of_block[block] < PORTS_OF_BLOCK;
}

void head_available(const struct heads *heads, enum head head, const struct row_context *context,
                    uint8_t *available)
{
    size_t n_routes = heads->n_routes[head];
    memset(available, 1, n_routes);
    recalled_available(heads, head, context, available);
    if (head == HEAD_DUE) {
        for (enum due_class which = 0; which < N_DUE_CLASSES; which++)
            available[which] = head_due_reaches(context, which, 0);
    } else if (head == HEAD_LINK) {
        link_available(context, available);
    } else if (head == HEAD_OLDER) {
        for (int o = 0; o < OLDER_OCTAVES; o++)
            available[o] = octave_first(o) < n_older_ranks(context);
    } else if (head == HEAD_REMOTE) {
        for (size_t i = 0; i < context->n_kept_atoms; i++)
            available[context->kept_atoms[i]] = 0;
    } else if (head == HEAD_OCTET_3) {
        for (size_t i = 0; i < context->n_full_octets; i++)
            available[context->full_octets[i]] = 0;
    } else if (head == HEAD_OCTET_4) {
        for (size_t i = 0; i < context->n_kept_octets; i++)
            available[context->kept_octets[i]] = 0;
    } else if (head_is_set(head)) {
        int icmp = value_list_find(&heads->vocabulary->lists[ATTRIBUTE_PROTOCOL], PROTOCOL_ICMP);
        if (head == HEAD_PROTOCOL && context->is_icmp_kept && icmp >= 0)
            available[icmp] = 0;
        available[n_routes - 1] = head_n_escape(heads, head, context) > 0;
    } else if (head_is_port(head)) {
        port_available(heads, head, context, available);
    } else if (head_is_count(head)) {
        count_available(heads, head, context, available);
    }
}

/* ---- which ones lead to the value --------------------------------------------------------- */

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

static void add_recalled_hits(const struct heads *heads, enum head head,
                              const struct row_context *context, int64_t value,
                              struct route_hit *hits, size_t *n)
{
    struct range range = head_usual_range(heads, head, context);
    size_t first = head_first_recalled(heads, head);
    for (size_t i = 0; i < heads->n_recalled[head]; i++) {
        double share = head_recalled_share(heads, head, context, i, &range, value);
        if (share > 0.0)
            add_hit(hits, n, first + i, log(share));
    }
    first += heads->n_recalled[head];
    for (size_t i = 0; i < heads->n_usual[head]; i++) {
        double share = head_usual_share(heads, head, context, i, &range, value);
        if (share > 0.0)
            add_hit(hits, n, first + i, log(share));
    }
}

static size_t count_hits(const struct heads *heads, enum head head,
                         const struct row_context *context, struct route_hit *hits)
{
    int64_t value = context->row->value[head_infos[head].attribute];
    struct range range = head_legal_range(heads, head, context);
    struct range usual = head_usual_range(heads, head, context);
    bool is_usual = range_holds(&usual, value);
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
    size_t n_values = head_relative_values(heads, head, context, values);
    for (size_t i = 0; i < n_values; i++)
        if (values[i] == value && is_usual)
            add_hit(hits, &n, n_atoms + i, 0.0);
    add_recalled_hits(heads, head, context, value, hits, &n);
    size_t bin = head_bin_of(heads, head, value);
    if (bin < head_n_bins(heads, head) && is_usual) {
        struct range in_bin = head_bin_at(heads, head, &usual, bin);
        add_hit(hits, &n, head_first_bin(heads, head) + bin,
                -log((double)head_n_of_range(heads, head, &in_bin)));
    }
    add_hit(hits, &n, heads->n_routes[head] - 2, any_value_log_share(&range, value));
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
    size_t n_values = head_relative_values(heads, head, context, values);
    for (size_t i = 0; i < n_values; i++)
        if (values[i] == value)
            add_hit(hits, &n, n_atoms + i, 0.0);
    int32_t sizes[PORT_NEAR];
    size_t reaches[2], n_reaches = port_reach_find(head, context, value, reaches);
    if (n_reaches > 0)
        port_reach_sizes(head, context, sizes);
    for (size_t i = 0; i < n_reaches; i++)
        add_hit(hits, &n, heads->n_routes[head] - PORT_BLOCKS - PORT_NEAR + reaches[i],
                -log((double)sizes[reaches[i]]));
    size_t block = (size_t)(value / PORTS_OF_BLOCK);
    size_t n_kept = head == HEAD_REMOTE_PORT ? n_ports_kept(context, (int64_t)block) : 0;
    add_recalled_hits(heads, head, context, value, hits, &n);
    add_hit(hits, &n, heads->n_routes[head] - PORT_BLOCKS + block,
            -log((double)(PORTS_OF_BLOCK - n_kept)));
    return n;
}

size_t head_hits(const struct heads *heads, enum head head, const struct row_context *context,
                 struct route_hit hits[HEAD_HITS_MAX])
{
    if (head_is_count(head))
        return count_hits(heads, head, context, hits);
    if (head_is_port(head))
        return port_hits(heads, head, context, hits);
    const int64_t *value = context->row->value;
    size_t n = 0;
    if (head == HEAD_LINK) {
        add_hit(hits, &n, (size_t)link_code(&context->link), 0.0);
    } else if (head == HEAD_OLDER) {
        uint64_t rank = context->link.rank - near_ranks(context->link.kind);
        int octave = octave_of(rank);
        uint64_t end = octave_first(octave + 1);
        end = end < n_older_ranks(context) ? end : n_older_ranks(context);
        add_hit(hits, &n, (size_t)octave, -log((double)(end - octave_first(octave))));
    } else if (head == HEAD_DIRECTION) {
        add_hit(hits, &n, (size_t)value[ATTRIBUTE_DIRECTION], 0.0);
        add_recalled_hits(heads, head, context, value[ATTRIBUTE_DIRECTION], hits, &n);
    } else if (head == HEAD_ORDER) {
        add_hit(hits, &n, order_is_kept(context), 0.0);
    } else if (head == HEAD_INSTANT) {
        add_hit(hits, &n, value[ATTRIBUTE_DURATION] == 0, 0.0);
    } else if (head == HEAD_DUE) {
        add_hit(hits, &n, due_class_of(context), 0.0);
    } else if (head == HEAD_FITS) {
        add_hit(hits, &n, duration_fits(context), 0.0);
    } else if (head_is_octet(head)) {
        int64_t octet = value[ATTRIBUTE_REMOTE] >> octet_shift(head) & 255;
        add_hit(hits, &n, (size_t)octet, 0.0);
        add_recalled_hits(heads, head, context, octet, hits, &n);
    } else {
        enum attribute attribute = head_infos[head].attribute;
        int atom = value_list_find(&heads->vocabulary->lists[attribute], value[attribute]);
        bool is_remote = head == HEAD_REMOTE; /* its escape is told by octets */
        if (atom >= 0)
            add_hit(hits, &n, (size_t)atom, 0.0);
        else
            add_hit(hits, &n, heads->n_routes[head] - 1,
                    is_remote ? 0.0 : -log((double)head_n_escape(heads, head, context)));
        add_recalled_hits(heads, head, context, value[attribute], hits, &n);
    }
    return n;
}

/* ---- the mixture -------------------------------------------------------------------------- */

/* The lower edge of a value's cell on the log scale of its head, -inf for the lowest one. */
static double lower_edge(double value, double lowest, double scale)
{
    return value <= lowest ? -(double)INFINITY : log((value - 0.5) / scale);
}

/* The match's value on the log scale of the head; 0 where there is none. Of durations the second
 * origin is that of a flow that began with the match, the third one that of a flow that began when
 * the one before it in its conversation and direction ended. */
static void find_origins(const struct heads *heads, enum head head,
                         const struct row_context *context, double origins[MIXTURE_RELATIVE])
{
    const struct row *match = context->match.row;
    double origin = 0.0, grid = (double)heads->vocabulary->duration_grid;
    if (match != NULL && head == HEAD_PACKETS)
        origin = log((double)match->value[ATTRIBUTE_PACKETS]);
    else if (match != NULL && head == HEAD_BYTES)
        origin = log(fmax((double)match->value[ATTRIBUTE_BYTES], 1.0) /
                     (double)match->value[ATTRIBUTE_PACKETS]);
    else if (match != NULL && head == HEAD_DURATION)
        origin = log((double)match->value[ATTRIBUTE_DURATION] / grid + 1.0);
    for (size_t i = 0; i < MIXTURE_RELATIVE; i++)
        origins[i] = origin;
    if (match == NULL || head != HEAD_DURATION)
        return;
    int64_t room = context->room - MS_PER_SECOND;
    double age = (double)(context->clock + context->row->value[ATTRIBUTE_GAP] -
                          context->match.clock);
    origins[1] = log(((double)match->value[ATTRIBUTE_DURATION] + age * MS_PER_SECOND) / grid + 1.0);
    if (room > 0)
        origins[2] = log((double)room / grid + 1.0);
}

void head_place_mixture(const struct log_cell *cell, const real *mixture, real *placed)
{
    enum { FIRST = MIXTURE_COMPONENTS - MIXTURE_RELATIVE };
    memcpy(placed, mixture, 3 * MIXTURE_COMPONENTS * sizeof *placed);
    for (size_t i = 0; i < MIXTURE_RELATIVE; i++)
        placed[MIXTURE_COMPONENTS + FIRST + i] += (real)cell->origin[i];
}

struct log_cell head_cell(const struct heads *heads, enum head head,
                          const struct row_context *context)
{
    const int64_t *value = context->row->value;
    struct log_cell cell = { .range_lo = -(double)INFINITY,
                             .range_hi = (double)INFINITY,
                             .is_hit = true };
    find_origins(heads, head, context, cell.origin);
    int64_t x = value[head_infos[head].attribute];
    struct range range = head_usual_range(heads, head, context);
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
    cell.is_hit = cell.is_hit && range_holds(&range, x);
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
