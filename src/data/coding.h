/* coding.h - flows as their host sees them: the rows that every model reads and writes.
 *
 * Seen from its host, a flow has a gap since the host's previous flow, a direction, a remote
 * address, a local and a remote port, and what it carried. A row holds these as whole numbers in
 * the data's own units; there is no scaling, no binning and no loss: decode(encode(flow)) is flow.
 * Training, likelihood and sampling use these two functions and no others.
 *
 *     struct row row;
 *     coding_encode(&row, &flow, host, clock);     // clock: end of the previous flow, s
 *     clock += row.value[ATTRIBUTE_GAP];
 *     coding_decode(&flow, &row, host, clock);     // clock: end of this flow, s
 */
#ifndef FLOWTWIN_DATA_CODING_H
#define FLOWTWIN_DATA_CODING_H

#include "data/dataset.h"

enum attribute {
    ATTRIBUTE_GAP,         /* s since the host's previous flow ended; >= 0 */
    ATTRIBUTE_REMOTE,      /* 32-bit address */
    ATTRIBUTE_DIRECTION,   /* DIRECTION_OUT, DIRECTION_IN */
    ATTRIBUTE_PROTOCOL,    /* 0..255 */
    ATTRIBUTE_LOCAL_PORT,  /* 0..65535 */
    ATTRIBUTE_REMOTE_PORT, /* 0..65535 */
    ATTRIBUTE_FLAGS,       /* 0..255 */
    ATTRIBUTE_TOS,         /* 0..255 */
    ATTRIBUTE_FORWARDING,  /* 0..255 */
    ATTRIBUTE_LABEL,       /* 0..254, index in a label list; 255: a label that the list lacks */
    ATTRIBUTE_PACKETS,     /* >= 1 */
    ATTRIBUTE_BYTES,       /* >= 0 */
    ATTRIBUTE_DURATION,    /* ms, >= 0 */
    N_CODED,
    /* Not in a row, but paid for by models that know conversations: which one a flow belongs to. */
    ATTRIBUTE_LINK = N_CODED,
    N_ATTRIBUTES,
};

enum { DIRECTION_OUT, DIRECTION_IN };

enum attribute_kind {
    KIND_SET,     /* a small set: 0 .. support - 1 */
    KIND_ADDRESS, /* 0 .. 2^32 - 1, without order */
    KIND_PORT,    /* 0 .. 65535 */
    KIND_COUNT,   /* from `lowest` up, without bound */
    KIND_LINK,
};

struct attribute_info {
    const char *name; /* as in reports and JSON: "remote_port" */
    const char *unit; /* "" where there is none */
    enum attribute_kind kind;
    int64_t lowest;
    int64_t support; /* number of values; 0 for counts, which have no bound */
};

/* Indexed by enum attribute. */
extern const struct attribute_info attribute_infos[N_ATTRIBUTES];
/* The order in which people expect them in a table: gap, link, remote, ... */
extern const enum attribute attribute_report_order[N_ATTRIBUTES];
/* The attribute of that name, or -1. */
int attribute_find(const char *name);

#define ATTRIBUTE_BIT(attribute) (UINT32_C(1) << (attribute))
/* Attributes that UGR'16 has: all of them. */
#define ATTRIBUTES_ALL (ATTRIBUTE_BIT(N_CODED) - 1)

struct row {
    int64_t value[N_CODED];
};

/* The row of a flow of that host. clock: seconds since 1970 at which the host's previous flow
 * ended, or its observation began; not after flow->end. */
void coding_encode(struct row *row, const struct flow *flow, uint32_t host, int64_t clock);
/* The flow of a row of that host. clock: seconds since 1970 at which this flow ends. */
void coding_decode(struct flow *flow, const struct row *row, uint32_t host, int64_t clock);

/* Whether every value is inside its support. */
bool coding_row_is_legal(const struct row *row);

#endif
