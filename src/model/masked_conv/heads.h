/* heads.h - how each attribute of a row is told: the ways to a value, and their exact masses.
 *
 * A head is one softmax over routes. An exact route stands for one value: a value learned by heart,
 * a value near one of a reference row, the link itself. A broad route shares its probability over
 * many values by a fixed rule: a block of ports, an octave. The last route of heads of counts is a
 * mixture of logistics on the log scale, which the network shapes. A value's probability is the sum
 * over the routes that lead to it:
 *     P(x) = sum_k softmax(logits)_k mass_k(x)
 * Routes that lead nowhere legal in a row are not available in it, so that the sum over all legal x
 * is 1. Training, scoring and sampling use the same routes.
 *
 * What a row's heads pay for together is the row: the link and what the link leaves open.
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_HEADS_H
#define FLOWTWIN_MODEL_MASKED_CONV_HEADS_H

#include "base/rng.h"
#include "model/masked_conv/features.h"
#include "nn/tensor.h"

/* In the order in which a row is written. */
enum head {
    HEAD_DUE, /* whether the gap ends before what is due first, then, or later: enum due_class */
    HEAD_GAP,
    HEAD_ORDER,     /* within a second: order_is_kept */
    HEAD_LINK,      /* N_LINK_CODES */
    HEAD_OLDER,     /* the octave of a rank that is not near */
    HEAD_DIRECTION, /* this and the next ones where the link leaves them open */
    HEAD_PROTOCOL,
    HEAD_LOCAL_PORT,
    HEAD_REMOTE_PORT,
    HEAD_REMOTE, /* an atom, or none of them */
    HEAD_OCTET_1,
    HEAD_OCTET_2,
    HEAD_OCTET_3,
    HEAD_OCTET_4,
    HEAD_FLAGS,
    HEAD_TOS,
    HEAD_FORWARDING,
    HEAD_LABEL,
    HEAD_PACKETS,
    HEAD_INSTANT, /* of a single packet: whether it takes no time */
    HEAD_FITS, /* whether the flow began after the one before it in its conversation and direction
                * had ended: whether the duration is below the context's room */
    HEAD_DURATION,
    HEAD_BYTES,
    N_HEADS,
};

/* Of these the last ones stand relative to what the match had, each to an origin of its own. */
#define MIXTURE_COMPONENTS 7
#define MIXTURE_RELATIVE   3

struct head_info {
    const char *name;
    enum stage sees;          /* the last stage that it may look at */
    enum attribute attribute; /* whose likelihood it is part of */
    bool has_mixture;         /* as its last route */
};
extern const struct head_info head_infos[N_HEADS];

struct heads {
    const struct vocabulary *vocabulary;
    size_t n_routes[N_HEADS];
    size_t n_atoms[N_HEADS]; /* the first routes: values of a list, or small numbers */
    size_t first_recalled[N_HEADS], n_recalled[N_HEADS]; /* recollection, routes */
    size_t first_usual[N_HEADS], n_usual[N_HEADS];       /* enum usual_values_of, routes */
};

static inline bool head_is_port(enum head head)
{
    return head == HEAD_LOCAL_PORT || head == HEAD_REMOTE_PORT;
}

/* vocabulary: borrowed. */
void heads_init(struct heads *heads, const struct vocabulary *vocabulary);

/* The first output for names that are added to its logits (candidates.h, beats.h): behind those of
 * its routes and its mixture. */
static inline size_t heads_first_named(const struct heads *heads, enum head head)
{
    size_t n_mixture = head_infos[head].has_mixture ? 3 * MIXTURE_COMPONENTS : 0;
    return heads->n_routes[head] + n_mixture;
}

/* Of a head with names of beats: its first route that they are added to, and how many there are; 0
 * of others. */
static inline size_t heads_first_beat(const struct heads *heads, enum head head)
{
    return head == HEAD_GAP ? heads->n_atoms[head] : 0;
}
static inline size_t heads_beat_routes(enum head head)
{
    return head == HEAD_GAP ? BEAT_ROUTES : head == HEAD_DUE ? DUE_ROUTES : 0;
}

/* Whether the head has something to say in this row, given the stages that it sees. */
bool head_applies(const struct heads *heads, enum head head, const struct row_context *context);

/* Which routes lead somewhere legal: available [n_routes], 0 or 1. */
void head_available(const struct heads *heads, enum head head, const struct row_context *context,
                    uint8_t *available);

/* By a second on either side. */
enum due_class { DUE_BEFORE, DUE_NOW, DUE_AFTER, N_DUE_CLASSES };

/* The lowest gap of a class, which may be empty; and whether some gap of it is as long as that:
 * while HEAD_DUE is open. */
int64_t head_first_due(const struct row_context *context, enum due_class which);
bool head_due_reaches(const struct row_context *context, enum due_class which, int64_t gap);

/* The lowest duration that fits or does not, and that keeps what the row's duration says of the
 * order and of a single packet: while HEAD_FITS is open. */
int64_t head_first_fit(const struct heads *heads, const struct row_context *context, bool fits);

/* Whether a port, of a head of ports, strays in the row's protocol (vocabulary.h), as does a source
 * port above 0 where there are no ports: NetFlow keeps ICMP's type and code in the other. Some
 * flows have such: a likelihood allows for them, but where draws are truncated they are part of
 * what is cut off. */
bool head_value_strays(const struct heads *heads, enum head head, const struct row_context *context,
                       int64_t port);

struct route_hit {
    int32_t route;
    double log_share; /* log of the share of the route's probability that the value has */
};
#define HEAD_HITS_MAX 128

/* All routes but the mixture that lead to the row's own value; at least one. */
size_t head_hits(const struct heads *heads, enum head head, const struct row_context *context,
                 struct route_hit hits[HEAD_HITS_MAX]);

/* Of a mixture, on its log scale: the cell of the row's own value, and the range of what is legal.
 * Where the mixture does not lead to the value, is_hit is false and the cell is the range. */
struct log_cell {
    double lo, hi, range_lo, range_hi;
    double origin[MIXTURE_RELATIVE]; /* of the relative components: by the match's value; else 0 */
    bool is_hit;
};
struct log_cell head_cell(const struct heads *heads, enum head head,
                          const struct row_context *context);

/* The components where they stand: mixture, placed [3 * MIXTURE_COMPONENTS]. */
void head_place_mixture(const struct log_cell *cell, const real *mixture, real *placed);

/* Draws a value: a route in proportion to exp(logits) over the available ones, then a value on it.
 * logits [n_routes]; mixture [3 * MIXTURE_COMPONENTS], NULL where there is none. Returns a value of
 * the attribute; for the link its code, for an older link its rank, for a remote the number of its
 * atom (as many as there are: none of them), for octets the octet, for what is due the class, for
 * the order whether it is kept, for a single packet whether it takes no time, and whether a flow
 * fits. Before a gap is drawn, the row's gap says which class it is of. With a truncation
 * (nn/categorical.h) no count is above all of training's, where one below is legal. Before a
 * duration is drawn, the row's duration says whether the order is kept, whether it is 0, and
 * whether the flow fits. */
int64_t head_draw(const struct heads *heads, enum head head, const struct row_context *context,
                  const uint8_t *available, const real *logits, const real *mixture,
                  double truncation, struct rng *rng);

#endif
