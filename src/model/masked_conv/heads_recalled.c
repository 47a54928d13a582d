#include "base/error.h"
#include "model/masked_conv/heads_internal.h"

static enum recollection recollection_of(const struct heads *heads, enum head head, size_t i)
{
    return (enum recollection)(heads->first_recalled[head] + i / head_recalled_parts(head));
}

static enum recalled_part part_of(enum head head, size_t i)
{
    return (enum recalled_part)(i % head_recalled_parts(head));
}

/* The rows whose numbers a route leads to. */
static struct like_walk walk_of(const struct heads *heads, enum head head,
                                const struct row_context *context, size_t i)
{
    return like_walk_begin(context->past, context->like, (int32_t)context->index,
                           recollection_infos[recollection_of(heads, head, i)].likeness);
}

/* ---- bins --------------------------------------------------------------------------------- */

int64_t head_step(const struct heads *heads, enum head head)
{
    return head == HEAD_DURATION ? heads->vocabulary->duration_grid : 1;
}

struct range head_bin(const struct heads *heads, enum head head, const struct range *range,
                      int64_t value)
{
    int64_t step = head_step(heads, head);
    if (value % step != 0)
        return (struct range){ 0, -1 };
    struct value_bin values = value_bin_of(head_infos[head].attribute, value, step);
    struct range bin = { values.lowest, values.highest };
    if (bin.lowest < range->lowest)
        bin.lowest = (range->lowest + step - 1) / step * step;
    if (bin.highest > range->highest)
        bin.highest = range->highest / step * step;
    return bin;
}

int64_t head_n_of_range(const struct heads *heads, enum head head, const struct range *range)
{
    return (range->highest - range->lowest) / head_step(heads, head) + 1;
}

int64_t head_draw_of_range(const struct heads *heads, enum head head, const struct range *range,
                           struct rng *rng)
{
    uint64_t step = rng_below(rng, (uint64_t)head_n_of_range(heads, head, range));
    return range->lowest + (int64_t)step * head_step(heads, head);
}

/* ---- routes ------------------------------------------------------------------------------- */

/* What a head tells of a like row. */
static int64_t value_of(enum head head, const struct row *row)
{
    int64_t value = row->value[head_infos[head].attribute];
    return head_is_octet(head) ? value >> octet_shift(head) & 255 : value;
}

/* Of a remote that begins as the one at hand does. */
static bool is_open_octet(enum head head, const struct row_context *context, const struct row *row,
                          int64_t octet)
{
    uint64_t address = (uint64_t)row->value[ATTRIBUTE_REMOTE],
             known = (uint64_t)context->row->value[ATTRIBUTE_REMOTE];
    if ((address ^ known) >> (octet_shift(head) + 8) != 0)
        return false;
    for (size_t i = 0; head == HEAD_OCTET_3 && i < context->n_full_octets; i++)
        if (context->full_octets[i] == octet)
            return false;
    return true;
}

/* Whether the row at hand may have what the like row had that came last: in the range, and of the
 * route's part; and of rows that opened something with the remote, what goes with the direction and
 * the protocol that are known. */
static bool is_open(const struct heads *heads, enum head head, const struct row_context *context,
                    size_t i, const struct range *range, const struct like_walk *walk,
                    const struct row *row)
{
    const int64_t *value = row->value, *known = context->row->value;
    int64_t own = value_of(head, row);
    if (head_is_octet(head))
        return is_open_octet(head, context, row, own);
    if (!range_holds(range, own))
        return false;
    if (part_of(head, i) == RECALLED_NEAR)
        return own % head_step(heads, head) == 0;
    if (like_rows_is_back(context->past, walk->last, recollection_of(heads, head, i)) !=
        (part_of(head, i) == RECALLED_BACK))
        return false;
    if (head == HEAD_PROTOCOL)
        return value[ATTRIBUTE_DIRECTION] == known[ATTRIBUTE_DIRECTION] &&
               !(context->is_icmp_kept && own == PROTOCOL_ICMP);
    if (head == HEAD_LOCAL_PORT)
        return value[ATTRIBUTE_DIRECTION] == known[ATTRIBUTE_DIRECTION] &&
               value[ATTRIBUTE_PROTOCOL] == known[ATTRIBUTE_PROTOCOL];
    return true;
}

size_t head_first_recalled(const struct heads *heads, enum head head)
{
    if (head == HEAD_DIRECTION)
        return 2;
    return head_is_octet(head) ? 256 : heads->n_atoms[head] + head_n_relative(heads, head);
}

bool head_recalls(const struct heads *heads, enum head head, const struct row_context *context,
                  size_t i, const struct range *range)
{
    if (context->like == NULL)
        return false;
    struct like_walk walk = walk_of(heads, head, context, i);
    for (const struct row *row; (row = like_walk_next(&walk)) != NULL;)
        if (is_open(heads, head, context, i, range, &walk, row))
            return true;
    return false;
}

double head_recalled_share(const struct heads *heads, enum head head,
                           const struct row_context *context, size_t i, const struct range *range,
                           int64_t value)
{
    struct range bin = { value, value };
    size_t n = 0, n_equal = 0;
    if (context->like == NULL || !range_holds(range, value))
        return 0.0;
    if (part_of(head, i) == RECALLED_NEAR)
        bin = head_bin(heads, head, range, value);
    struct like_walk walk = walk_of(heads, head, context, i);
    for (const struct row *row; (row = like_walk_next(&walk)) != NULL;) {
        bool counts = is_open(heads, head, context, i, range, &walk, row);
        n += counts;
        n_equal += counts && range_holds(&bin, value_of(head, row));
    }
    if (n_equal == 0)
        return 0.0;
    double n_values = part_of(head, i) == RECALLED_NEAR ? (double)head_n_of_range(heads, head, &bin)
                                                        : 1.0;
    return (double)n_equal / (double)n / n_values;
}

int64_t head_draw_recalled(const struct heads *heads, enum head head,
                           const struct row_context *context, size_t i, const struct range *range,
                           struct rng *rng)
{
    int64_t values[LIKE_ROWS_MAX];
    size_t n = 0;
    struct like_walk walk = walk_of(heads, head, context, i);
    for (const struct row *row; (row = like_walk_next(&walk)) != NULL;)
        if (is_open(heads, head, context, i, range, &walk, row))
            values[n++] = value_of(head, row);
    if (n == 0)
        BUG("a route of %s that recalls nothing", head_infos[head].name);
    int64_t value = values[rng_below(rng, n)];
    if (part_of(head, i) != RECALLED_NEAR)
        return value;
    struct range bin = head_bin(heads, head, range, value);
    return head_draw_of_range(heads, head, &bin, rng);
}
