/* heads_internal.h - what the files of the heads share.
 *   heads.c           which heads there are, of how many routes, and when they apply
 *   heads_legal.c     the values that an attribute can have in a row, and the usual ones
 *   heads_relative.c  the exact routes to values near those of earlier rows
 *   heads_recalled.c  the routes to what like rows had
 *   heads_usual.c     the routes to what is usual at the host
 *   heads_bins.c      the routes to bins of values, each as likely in training as the others
 *   heads_routes.c    which routes are available, and which lead to a row's own value
 *   heads_draw.c      drawing a value
 * The routes of a head stand in this order: atoms; relative ones; recalled ones; usual ones; and
 * for ports the reaches and the blocks, for counts the bins, any value and the mixture, for sets
 * the escape.
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_HEADS_INTERNAL_H
#define FLOWTWIN_MODEL_MASKED_CONV_HEADS_INTERNAL_H

#include "model/masked_conv/heads.h"
#include "model/masked_conv/octaves.h"

enum {
    PORT_BLOCKS = 64,
    PORTS_OF_BLOCK = 1024,
    OLDER_OCTAVES = 12, /* of ranks up to REMOTES_KEPT - NEAR_REMOTES */
    COUNT_OCTAVES = 63,
    RELATIVE_MAX = 512, /* relative routes of a head */
    PORT_REACHES = 8,   /* 17..32, 33..64, .. from a port, either way, of two rows */
    PORT_NEAR = 2 * 2 * PORT_REACHES,
};

/* ---- kinds of heads ----------------------------------------------------------------------- */

static inline bool head_is_set(enum head head)
{
    return head == HEAD_PROTOCOL || head == HEAD_FLAGS || head == HEAD_TOS ||
           head == HEAD_FORWARDING || head == HEAD_LABEL;
}

/* Of a head of ports. */
static inline enum service_side head_port_side(enum head head)
{
    return head == HEAD_LOCAL_PORT ? SERVICE_SERVED : SERVICE_USED;
}

static inline bool head_is_count(enum head head)
{
    return head_infos[head].has_mixture;
}

static inline bool head_is_octet(enum head head)
{
    return head >= HEAD_OCTET_1 && head <= HEAD_OCTET_4;
}

/* Bits behind an octet of an address. */
static inline int octet_shift(enum head head)
{
    return 8 * (3 - (int)(head - HEAD_OCTET_1));
}

/* ---- what is legal ------------------------------------------------------------------------ */

struct range {
    int64_t lowest, highest;
};

static inline bool range_holds(const struct range *range, int64_t value)
{
    return value >= range->lowest && value <= range->highest;
}

/* Whether HEAD_INSTANT has something to say: of a single packet, whose duration can be 0 and more,
 * where that is rarely more. */
bool instant_is_open(const struct heads *heads, const struct row_context *context);

/* Whether HEAD_DUE has something to say: where there is something that is due at a legal time,
 * surely or not, and other gaps are legal too. The legal gaps of a class, and the class of the
 * row's gap. */
bool due_is_open(const struct row_context *context);
struct range due_gaps(const struct row_context *context, enum due_class which);
enum due_class due_class_of(const struct row_context *context);

/* Whether HEAD_FITS has something to say: where the duration can be below the room and not; and the
 * durations that are left then. */
bool fit_is_open(const struct heads *heads, const struct row_context *context);
struct range fit_durations(const struct heads *heads, const struct row_context *context, bool fits);
static inline bool duration_fits(const struct row_context *context)
{
    return context->row->value[ATTRIBUTE_DURATION] < context->room;
}

/* The values that the head's attribute can have in this row. */
struct range head_legal_range(const struct heads *heads, enum head head,
                              const struct row_context *context);

/* Of the legal values of a count the usual ones, which exact routes and the mixture keep to:
 * nothing above all of training, and bytes a packet as there; where one packet takes no time, none
 * for one, and more than one for a flow that is to end after another that took time. May be
 * empty. The route to any value leads to the rest, so that nothing legal has no mass. */
struct range head_usual_range(const struct heads *heads, enum head head,
                              const struct row_context *context);

/* INT64_MAX where none is kept. */
int64_t head_highest_trained(const struct heads *heads, enum head head);

/* Values that the escape of a set is shared by. */
int64_t head_n_escape(const struct heads *heads, enum head head, const struct row_context *context);

/* Whether the context keeps this remote port from being drawn, and how many of a block of ports. */
bool port_is_kept(const struct row_context *context, int64_t port);
size_t n_ports_kept(const struct row_context *context, int64_t block);

/* How many ranks beyond the near ones there are for a link of the row's kind. */
size_t n_older_ranks(const struct row_context *context);

/* ---- relative routes ---------------------------------------------------------------------- */

/* How many a head has; 0 but for ports and counts. */
size_t head_n_relative(const struct heads *heads, enum head head);

/* The values that they lead to, in their order; below 0, which no head takes, where there is none:
 * values [RELATIVE_MAX]. Returns how many. */
size_t head_relative_values(const struct heads *heads, enum head head,
                            const struct row_context *context, int64_t *values);

/* Ports further from that of an earlier row than relative routes lead, by how far and on which
 * side: reach i of PORT_NEAR, empty where there is no such row. */
struct range port_reach(enum head head, const struct row_context *context, size_t i);
/* Of all reaches, how many ports of theirs are not excluded: sizes [PORT_NEAR]. */
void port_reach_sizes(enum head head, const struct row_context *context, int32_t *sizes);
/* The reaches that hold a port: at most two, numbers to found; returns how many. */
size_t port_reach_find(enum head head, const struct row_context *context, int64_t port,
                       size_t found[2]);

/* ---- recalled routes ---------------------------------------------------------------------- */

/* They lead to the values that the rows of one likeness had, so far as they are in the range, as
 * often as they had them. Of each recollection one route is of the rows whose value had come back,
 * one of those that had it first; of bytes and durations a third one leads to the values near those
 * of all of them: evenly to the bins that these are in, so many an octave. Octets have one, of the
 * remotes that begin with the octets that are known. */
enum recalled_part { RECALLED_BACK, RECALLED_FIRST, RECALLED_NEAR, RECALLED_PARTS };
static inline size_t head_recalled_parts(enum head head)
{
    if (head_is_octet(head))
        return 1;
    return head == HEAD_BYTES || head == HEAD_DURATION ? RECALLED_PARTS : RECALLED_NEAR;
}
/* The first of them. */
size_t head_first_recalled(const struct heads *heads, enum head head);
/* The bin of a value, in the range; empty where the value is off the grid of durations. */
struct range head_bin(const struct heads *heads, enum head head, const struct range *range,
                      int64_t value);
/* From one of its values to the next: the grid of durations, else 1; and how many a range has. */
int64_t head_step(const struct heads *heads, enum head head);
int64_t head_n_of_range(const struct heads *heads, enum head head, const struct range *range);
/* One of these, drawn evenly; the range begins with one. */
int64_t head_draw_of_range(const struct heads *heads, enum head head, const struct range *range,
                           struct rng *rng);

/* Whether route i of these leads to any. */
bool head_recalls(const struct heads *heads, enum head head, const struct row_context *context,
                  size_t i, const struct range *range);
/* The share of its rows that had the value: 0 where it does not lead there. */
double head_recalled_share(const struct heads *heads, enum head head,
                           const struct row_context *context, size_t i, const struct range *range,
                           int64_t value);
/* What one of its rows had, drawn evenly; it has to lead somewhere. */
int64_t head_draw_recalled(const struct heads *heads, enum head head,
                           const struct row_context *context, size_t i, const struct range *range,
                           struct rng *rng);

/* ---- usual routes ------------------------------------------------------------------------- */

/* After the recalled ones: to what is usual at the host among flows like the row (usual_values.h),
 * so far as it is in the range, as often as it is; or evenly to the bins of that. A row that is one
 * of these flows itself does not count. */
bool head_has_usual(const struct heads *heads, enum head head, const struct row_context *context,
                    size_t i, const struct range *range);
double head_usual_share(const struct heads *heads, enum head head,
                        const struct row_context *context, size_t i, const struct range *range,
                        int64_t value);
int64_t head_draw_usual(const struct heads *heads, enum head head,
                        const struct row_context *context, size_t i, const struct range *range,
                        struct rng *rng);

/* ---- bins --------------------------------------------------------------------------------- */

/* Of a count, the last routes before any value and the mixture: each leads evenly to the values of
 * a bin of the vocabulary, so far as they are in the range. What no exact route leads to need not
 * have the shape of a mixture then: timeouts and retransmissions make peaks of their own. */
size_t head_n_bins(const struct heads *heads, enum head head);
size_t head_first_bin(const struct heads *heads, enum head head);
/* The values of bin i that are in the range; empty where there are none. */
struct range head_bin_at(const struct heads *heads, enum head head, const struct range *range,
                         size_t i);
/* The bin of a value; head_n_bins where it has none. */
size_t head_bin_of(const struct heads *heads, enum head head, int64_t value);

#endif
