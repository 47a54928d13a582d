#include "model/masked_conv/heads_internal.h"

/* ---- gaps --------------------------------------------------------------------------------- */

static struct range open_gaps(const struct row_context *context)
{
    return (struct range){ context->lowest_gap,
                           context->highest_gap > 0 ? context->highest_gap : INT64_MAX };
}

/* What is due first of what is surest; NULL where nothing is but what came once. */
static const struct due_time *due_first(const struct row_context *context)
{
    const struct beats_due *due = row_context_beats(context);
    bool is_there = due != NULL && due->n > 0 && due->items[0].level > BEAT_ONCE;
    return is_there ? &due->items[0] : NULL;
}

struct range due_gaps(const struct row_context *context, enum due_class which)
{
    const struct due_time *due = due_first(context);
    struct range gaps = open_gaps(context);
    int64_t first = (int64_t)due->gap - BEAT_REACH, last = (int64_t)due->gap + BEAT_REACH;
    if (which == DUE_BEFORE && gaps.highest >= first)
        gaps.highest = first - 1;
    if (which == DUE_NOW && gaps.highest > last)
        gaps.highest = last;
    if (which == DUE_NOW && gaps.lowest < first)
        gaps.lowest = first;
    if (which == DUE_AFTER && gaps.lowest <= last)
        gaps.lowest = last + 1;
    return gaps;
}

static bool is_empty(struct range range)
{
    return range.lowest > range.highest;
}

bool due_is_open(const struct row_context *context)
{
    return due_first(context) != NULL && !is_empty(due_gaps(context, DUE_NOW)) &&
           (!is_empty(due_gaps(context, DUE_BEFORE)) || !is_empty(due_gaps(context, DUE_AFTER)));
}

enum due_class due_class_of(const struct row_context *context)
{
    int64_t gap = context->row->value[ATTRIBUTE_GAP];
    enum due_class which = DUE_BEFORE;
    while (which < DUE_AFTER && gap > due_gaps(context, which).highest)
        which++;
    return which;
}

int64_t head_first_due(const struct row_context *context, enum due_class which)
{
    return due_gaps(context, which).lowest;
}

bool head_due_reaches(const struct row_context *context, enum due_class which, int64_t gap)
{
    struct range gaps = due_gaps(context, which);
    return !is_empty(gaps) && gaps.highest >= gap;
}

/* ---- durations ---------------------------------------------------------------------------- */

/* By what the order leaves. */
static struct range open_durations(const struct row_context *context)
{
    if (!order_is_open(context))
        return (struct range){ 0, INT64_MAX };
    int64_t previous = context->previous.row->value[ATTRIBUTE_DURATION];
    return order_is_kept(context) ? (struct range){ previous, INT64_MAX }
                                  : (struct range){ 0, previous - 1 };
}

bool instant_is_open(const struct heads *heads, const struct row_context *context)
{
    struct range durations = open_durations(context);
    return heads->vocabulary->one_packet_is_instant &&
           context->row->value[ATTRIBUTE_PACKETS] == 1 && durations.lowest == 0 &&
           durations.highest > 0;
}

/* By what the order leaves, and that a single packet, where that was asked, takes time. */
static struct range lasting_durations(const struct heads *heads, const struct row_context *context)
{
    struct range durations = open_durations(context);
    durations.lowest += instant_is_open(heads, context);
    return durations;
}

bool fit_is_open(const struct heads *heads, const struct row_context *context)
{
    struct range durations = lasting_durations(heads, context);
    return context->room > 0 && context->room <= heads->vocabulary->highest_duration &&
           durations.lowest < context->room && durations.highest >= context->room;
}

struct range fit_durations(const struct heads *heads, const struct row_context *context, bool fits)
{
    struct range durations = lasting_durations(heads, context);
    if (fits)
        durations.highest = context->room - 1;
    else
        durations.lowest = context->room;
    return durations;
}

int64_t head_first_fit(const struct heads *heads, const struct row_context *context, bool fits)
{
    return fit_durations(heads, context, fits).lowest;
}

/* ---- all ---------------------------------------------------------------------------------- */

struct range head_legal_range(const struct heads *heads, enum head head,
                              const struct row_context *context)
{
    switch (head) {
    case HEAD_GAP:
        return due_is_open(context) ? due_gaps(context, due_class_of(context)) : open_gaps(context);
    case HEAD_PACKETS:
        return (struct range){ 1, INT64_MAX };
    case HEAD_DURATION:
        return fit_is_open(heads, context) ? fit_durations(heads, context, duration_fits(context))
                                           : lasting_durations(heads, context);
    default:
        return (struct range){ 0, INT64_MAX };
    }
}

int64_t head_highest_trained(const struct heads *heads, enum head head)
{
    return head == HEAD_GAP        ? heads->vocabulary->highest_gap
           : head == HEAD_PACKETS  ? heads->vocabulary->highest_packets
           : head == HEAD_DURATION ? heads->vocabulary->highest_duration
                                   : INT64_MAX;
}

struct range head_usual_range(const struct heads *heads, enum head head,
                              const struct row_context *context)
{
    const int64_t *value = context->row->value;
    struct range range = head_legal_range(heads, head, context);
    bool is_instant = heads->vocabulary->one_packet_is_instant;
    if (head == HEAD_PACKETS && is_instant && order_is_open(context) && order_is_kept(context))
        range.lowest = 2;
    else if (head == HEAD_DURATION && is_instant && value[ATTRIBUTE_PACKETS] == 1)
        range.highest = 0;
    else if (head == HEAD_BYTES)
        vocabulary_bytes_range(heads->vocabulary, value[ATTRIBUTE_PROTOCOL],
                               value[ATTRIBUTE_PACKETS], &range.lowest, &range.highest);
    int64_t highest = head_highest_trained(heads, head);
    range.highest = range.highest < highest ? range.highest : highest;
    return range;
}

bool port_is_kept(const struct row_context *context, int64_t port)
{
    for (size_t i = 0; i < context->n_kept_ports; i++)
        if (context->kept_ports[i] == port)
            return true;
    return false;
}

size_t n_ports_kept(const struct row_context *context, int64_t block)
{
    size_t n = 0;
    for (size_t i = 0; i < context->n_kept_ports; i++)
        n += context->kept_ports[i] / PORTS_OF_BLOCK == block;
    return n;
}

int64_t head_n_escape(const struct heads *heads, enum head head, const struct row_context *context)
{
    enum attribute attribute = head_infos[head].attribute;
    int64_t n = attribute_infos[attribute].support - (int64_t)heads->vocabulary->lists[attribute].n;
    bool has_icmp = value_list_find(&heads->vocabulary->lists[ATTRIBUTE_PROTOCOL], PROTOCOL_ICMP) >=
                    0;
    if (head == HEAD_PROTOCOL && context->is_icmp_kept && !has_icmp)
        n--;
    return n;
}

size_t n_older_ranks(const struct row_context *context)
{
    size_t n = context->link.kind == LINK_REMOTE ? context->n_remotes : context->n_conversations;
    return n - near_ranks(context->link.kind);
}
