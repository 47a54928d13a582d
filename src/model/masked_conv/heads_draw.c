#include "model/masked_conv/heads_internal.h"

#include "nn/categorical.h"
#include "nn/logistic_mixture.h"

#include <string.h>

#include <math.h>

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
    struct range range = head_usual_range(heads, head, context);
    double scale = 1.0;
    if (head == HEAD_BYTES) {
        scale = (double)context->row->value[ATTRIBUTE_PACKETS];
    } else if (head == HEAD_DURATION) {
        range.lowest = (range.lowest + grid - 1) / grid;
        range.highest /= range.highest < INT64_MAX ? grid : 1;
    }
    real placed[3 * MIXTURE_COMPONENTS];
    head_place_mixture(&cell, mixture, placed);
    double y = logistic_mixture_draw(placed, MIXTURE_COMPONENTS, cell.range_lo, cell.range_hi, rng);
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

/* Of reaches and blocks, one of those ports that are not excluded; there has to be one. */
static int64_t draw_port_of(enum head head, const struct row_context *context, size_t route,
                            struct rng *rng)
{
    struct range ports;
    if (route < PORT_NEAR) {
        ports = port_reach(head, context, route);
    } else {
        ports.lowest = (int64_t)(route - PORT_NEAR) * PORTS_OF_BLOCK;
        ports.highest = ports.lowest + PORTS_OF_BLOCK - 1;
    }
    for (;;) {
        int64_t port = ports.lowest +
                       (int64_t)rng_below(rng, (uint64_t)(ports.highest - ports.lowest + 1));
        if (head != HEAD_REMOTE_PORT || !port_is_kept(context, port))
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

bool head_value_strays(const struct heads *heads, enum head head, const struct row_context *context,
                       int64_t port)
{
    const int64_t *value = context->row->value;
    enum share share = share_of(value[ATTRIBUTE_PROTOCOL]);
    bool is_source = (head == HEAD_LOCAL_PORT) == (value[ATTRIBUTE_DIRECTION] == DIRECTION_OUT);
    if (is_source && port != 0 && !conversation_has_ports(value[ATTRIBUTE_PROTOCOL]))
        return true;
    return value_list_find(&heads->vocabulary->lists[LIST_STRAY],
                           stray_port(share, head_port_side(head), port)) >= 0;
}

/* A link's kind keeps its probability; what is truncated is which conversation or remote it is. */
static size_t draw_link(const uint8_t *available, const real *logits, double truncation,
                        struct rng *rng)
{
    size_t route = categorical_draw(logits, available, N_LINK_CODES, 0.0, rng);
    struct link link = link_of_code((int)route);
    if (truncation <= 0.0 || link.kind == LINK_NEW)
        return route;
    struct link first = { link.kind, 0 }, older = { link.kind, near_ranks(link.kind) };
    size_t n_near = near_ranks(link.kind), near = (size_t)link_code(&first);
    real of_kind[NEAR_MAX + 1];
    uint8_t is_there[NEAR_MAX + 1];
    memcpy(of_kind, logits + near, n_near * sizeof *of_kind);
    memcpy(is_there, available + near, n_near);
    of_kind[n_near] = logits[link_code(&older)];
    is_there[n_near] = available[link_code(&older)];
    size_t rank = categorical_draw(of_kind, is_there, n_near + 1, truncation, rng);
    return rank < n_near ? near + rank : (size_t)link_code(&older);
}

/* As categorical_draw, but the bins of a count are truncated together: each has little by itself.
 */
static size_t draw_route(const struct heads *heads, enum head head, const uint8_t *available,
                         const real *logits, double truncation, struct rng *rng)
{
    size_t n_routes = heads->n_routes[head], n_bins = head_n_bins(heads, head);
    if (n_bins == 0 || truncation <= 0.0)
        return categorical_draw(logits, available, n_routes, truncation, rng);
    real pooled[CATEGORICAL_MAX];
    uint8_t is_there[CATEGORICAL_MAX];
    size_t first = head_first_bin(heads, head);
    real highest = categorical_highest(logits + first, available + first, n_bins), sum = 0;
    memcpy(pooled, logits, n_routes * sizeof *pooled);
    memcpy(is_there, available, n_routes);
    memset(is_there + first, 0, n_bins);
    for (size_t k = first; k < first + n_bins; k++)
        if (available[k] != 0)
            sum += (real)exp((double)(logits[k] - highest));
    if (sum > 0) {
        pooled[first] = highest + (real)log((double)sum);
        is_there[first] = 1;
    }
    size_t route = categorical_draw(pooled, is_there, n_routes, truncation, rng);
    if (route != first)
        return route;
    return first + categorical_draw(logits + first, available + first, n_bins, 0.0, rng);
}

int64_t head_draw(const struct heads *heads, enum head head, const struct row_context *context,
                  const uint8_t *available, const real *logits, const real *mixture,
                  double truncation, struct rng *rng)
{
    size_t n_atoms = heads->n_atoms[head], n_bins = head_n_bins(heads, head);
    if (head == HEAD_LINK)
        return (int64_t)draw_link(available, logits, truncation, rng);
    size_t route = draw_route(heads, head, available, logits, truncation, rng);
    if (head == HEAD_OLDER) {
        uint64_t first = octave_first((int)route), end = octave_first((int)route + 1);
        end = end < n_older_ranks(context) ? end : n_older_ranks(context);
        return (int64_t)(near_ranks(context->link.kind) + first + rng_below(rng, end - first));
    }
    size_t first = head_first_recalled(heads, head);
    size_t first_usual = first + heads->n_recalled[head];
    if (route >= first && route < first_usual + heads->n_usual[head]) {
        struct range range = head_usual_range(heads, head, context);
        if (route >= first_usual)
            return head_draw_usual(heads, head, context, route - first_usual, &range, rng);
        return head_draw_recalled(heads, head, context, route - first, &range, rng);
    }
    if (!head_is_port(head) && !head_is_count(head) && !head_is_set(head))
        return (int64_t)route; /* class, direction, order, octet, number of a remote's atom */
    if (route < n_atoms)
        return atom_value(heads, head, route);
    size_t n_relative = head_n_relative(heads, head);
    route -= n_atoms;
    if (route < n_relative) {
        int64_t values[RELATIVE_MAX];
        head_relative_values(heads, head, context, values);
        return values[route];
    }
    route -= n_relative + heads->n_recalled[head] + heads->n_usual[head];
    if (head_is_port(head))
        return draw_port_of(head, context, route, rng);
    if (head_is_set(head))
        return draw_escape(heads, head, context, rng);
    if (route < n_bins) {
        struct range usual = head_usual_range(heads, head, context);
        struct range bin = head_bin_at(heads, head, &usual, route);
        return head_draw_of_range(heads, head, &bin, rng);
    }
    struct range range = head_legal_range(heads, head, context);
    if (route > n_bins)
        return draw_mixture(heads, head, context, mixture, rng);
    int64_t highest = highest_drawn(head);
    if (truncation > 0.0 && head_highest_trained(heads, head) < highest)
        highest = head_highest_trained(heads, head);
    return draw_any_value(&range, highest, rng);
}
