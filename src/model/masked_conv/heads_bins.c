#include "model/masked_conv/heads_internal.h"

static const struct value_list *ends_of(const struct heads *heads, enum head head)
{
    static const enum derived_list lists[N_HEADS] = {
        [HEAD_GAP] = LIST_GAP_BIN,
        [HEAD_PACKETS] = LIST_PACKETS_BIN,
        [HEAD_BYTES] = LIST_BYTES_BIN,
        [HEAD_DURATION] = LIST_DURATION_BIN,
    };
    return &heads->vocabulary->lists[lists[head]];
}

size_t head_n_bins(const struct heads *heads, enum head head)
{
    return head_is_count(head) ? ends_of(heads, head)->n : 0;
}

size_t head_first_bin(const struct heads *heads, enum head head)
{
    return heads->n_routes[head] - 2 - head_n_bins(heads, head);
}

struct range head_bin_at(const struct heads *heads, enum head head, const struct range *range,
                         size_t i)
{
    const struct value_list *ends = ends_of(heads, head);
    int64_t step = head_step(heads, head);
    int64_t lowest = i > 0 ? ends->values[i - 1] + 1 : 0, highest = ends->values[i];
    lowest = lowest > range->lowest ? lowest : range->lowest;
    highest = highest < range->highest ? highest : range->highest;
    return (struct range){ (lowest + step - 1) / step * step, highest / step * step };
}

size_t head_bin_of(const struct heads *heads, enum head head, int64_t value)
{
    const struct value_list *ends = ends_of(heads, head);
    return value % head_step(heads, head) == 0 ? value_list_lower(ends, value) : ends->n;
}
