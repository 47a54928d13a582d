#include "model/masked_conv/features.h"

#include "base/error.h"

/* Whose row a feature looks at. */
enum source {
    REFERENCE, /* + enum reference */
    OWN = REFERENCE + N_REFERENCES,
    MATCH,
    PREVIOUS, /* the row before, where it ends in the same second */
    LAST,     /* the row before */
    CONTEXT,  /* none: the context itself */
};

/* What it looks at there. */
enum aspect {
    GAP,
    DIRECTION,
    PROTOCOL,
    FORM, /* protocol and direction in one */
    LOCAL_PORT,
    REMOTE_PORT,
    SERVICE_PORT,
    REMOTE,
    OCTET_1,
    OCTET_2,
    OCTET_3,
    FLAGS,
    TOS,
    LABEL,
    PACKETS,
    BYTES,
    BYTES_ATOM,
    RATIO,
    DURATION,
    AGE,
    ROWS_AGO,
    /* Of the context: */
    LINK,
    MATCH_FLOWS,
    REMOTES_KNOWN,
    LAST_FLOWS, /* of the last row's remote */
    LAST_STEPS,
    IN_SECOND, /* rows that end at the clock */
    HALF_HOUR, /* of the clock, where training has it */
    ORDER,
    STEP_LOCAL, /* of the ports of the match from the row before it */
    STEP_REMOTE,
    AGREEMENT,   /* of direction and protocol with the match's */
    PACE_LEFT,   /* flows still to come in the hour */
    PACE_GAP,    /* tenths of a second for each */
    PACE_OUT,    /* eighths of them that go out */
    PACE_STARTS, /* quarters of them for each that ends later than the one before */
    PACE_NEXT,   /* flows of the next hour */
    ROOM,        /* seconds of room for the duration */
    BEAT_DUE,    /* BEAT_DUE + i: when remote i with a beat is due */
    SERVICE_STEADY = BEAT_DUE +
                     2, /* which numbers stayed the same over the last rows of the service */
    LIKE_STEADY,
    SERVED, /* SERVED + g: levels of the services 2 g and 2 g + 1 of the protocol */
    USED = SERVED + 3,
    /* Levels of what is still to come, of number 2 g and 2 g + 1 in one: by kind of link, by form,
     * and by form for the row's link. */
    PACE_KIND = USED + 3,
    PACE_FORM = PACE_KIND + N_LINK_KINDS / 2,
    PACE_LINK_FORM = PACE_FORM + PACE_FORMS / 2,
    PACE_DEPTH = PACE_LINK_FORM + PACE_FORMS / 2, /* and by depth_groups */
    USUAL = PACE_DEPTH + 2,                       /* USUAL + enum usual: in the row's service */
    SHOWN = USUAL + N_USUAL,                      /* SHOWN + s: conversation s */
    /* As PACE_KIND and PACE_FORM, in the hour in which the row ends, where that is another one. */
    DUE_KIND = SHOWN + CONVERSATIONS_SHOWN,
    DUE_FORM = DUE_KIND + N_LINK_KINDS / 2,
    DUE_SIDES = DUE_FORM +
                PACE_FORMS / 2, /* for the row's link and protocol: served, and in no slot */
    USUALLY = DUE_SIDES + 1,    /* USUALLY + enum usual_values_of */
    RECALLED = USUALLY + N_USUAL_VALUES, /* RECALLED + r: recollection r */
};

static const struct feature {
    uint8_t stage, source, aspect;
} features[] = {
    { STAGE_BEFORE, CONTEXT, REMOTES_KNOWN },
    { STAGE_BEFORE, LAST, GAP },
    { STAGE_BEFORE, LAST, FORM },
    { STAGE_BEFORE, LAST, PACKETS },
    { STAGE_BEFORE, LAST, DURATION },
    { STAGE_BEFORE, CONTEXT, LAST_FLOWS },
    { STAGE_BEFORE, CONTEXT, LAST_STEPS },
    { STAGE_BEFORE, CONTEXT, PACE_LEFT },
    { STAGE_BEFORE, CONTEXT, PACE_GAP },
    { STAGE_BEFORE, CONTEXT, PACE_OUT },
    { STAGE_BEFORE, CONTEXT, IN_SECOND },
    { STAGE_BEFORE, CONTEXT, HALF_HOUR },
    { STAGE_BEFORE, CONTEXT, PACE_STARTS },
    { STAGE_BEFORE, CONTEXT, PACE_NEXT },
    { STAGE_BEFORE, CONTEXT, PACE_DEPTH + 0 },
    { STAGE_BEFORE, CONTEXT, PACE_DEPTH + 1 },
    { STAGE_BEFORE, CONTEXT, PACE_KIND + 0 },
    { STAGE_BEFORE, CONTEXT, PACE_KIND + 1 },
    { STAGE_BEFORE, CONTEXT, PACE_FORM + 0 },
    { STAGE_BEFORE, CONTEXT, PACE_FORM + 1 },
    { STAGE_BEFORE, CONTEXT, PACE_FORM + 2 },
    { STAGE_BEFORE, CONTEXT, PACE_FORM + 3 },
    { STAGE_BEFORE, CONTEXT, SHOWN + 0 },
    { STAGE_BEFORE, CONTEXT, SHOWN + 1 },
    { STAGE_BEFORE, CONTEXT, SHOWN + 2 },
    { STAGE_BEFORE, CONTEXT, SHOWN + 3 },
    { STAGE_BEFORE, CONTEXT, SHOWN + 4 },
    { STAGE_BEFORE, CONTEXT, SHOWN + 5 },
    { STAGE_BEFORE, CONTEXT, SHOWN + 6 },
    { STAGE_BEFORE, CONTEXT, SHOWN + 7 },
    { STAGE_BEFORE, CONTEXT, BEAT_DUE + 0 },
    { STAGE_BEFORE, CONTEXT, BEAT_DUE + 1 },
    { STAGE_BEFORE, CONTEXT, RECALLED + GAP_AFTER_REMOTE },
    { STAGE_BEFORE, CONTEXT, RECALLED + GAP_AFTER_SERVICE },
    { STAGE_BEFORE, CONTEXT, RECALLED + GAP_AFTER_GAP },
    { STAGE_GAP, OWN, GAP },
    { STAGE_GAP, PREVIOUS, DURATION },
    { STAGE_GAP, CONTEXT, DUE_KIND + 0 },
    { STAGE_GAP, CONTEXT, DUE_KIND + 1 },
    { STAGE_GAP, CONTEXT, DUE_FORM + 0 },
    { STAGE_GAP, CONTEXT, DUE_FORM + 1 },
    { STAGE_GAP, CONTEXT, DUE_FORM + 2 },
    { STAGE_GAP, CONTEXT, DUE_FORM + 3 },
    { STAGE_ORDER, CONTEXT, ORDER },
    { STAGE_LINK, CONTEXT, LINK },
    { STAGE_MATCH, CONTEXT, MATCH_FLOWS },
    { STAGE_MATCH, CONTEXT, ROOM },
    { STAGE_MATCH, CONTEXT, PACE_LINK_FORM + 0 },
    { STAGE_MATCH, CONTEXT, PACE_LINK_FORM + 1 },
    { STAGE_MATCH, CONTEXT, PACE_LINK_FORM + 2 },
    { STAGE_MATCH, CONTEXT, PACE_LINK_FORM + 3 },
    { STAGE_MATCH, CONTEXT, STEP_LOCAL },
    { STAGE_MATCH, CONTEXT, STEP_REMOTE },
    { STAGE_MATCH, MATCH, AGE },
    { STAGE_MATCH, MATCH, ROWS_AGO },
    { STAGE_MATCH, MATCH, DIRECTION },
    { STAGE_MATCH, MATCH, PROTOCOL },
    { STAGE_MATCH, MATCH, SERVICE_PORT },
    { STAGE_MATCH, MATCH, LOCAL_PORT },
    { STAGE_MATCH, MATCH, REMOTE_PORT },
    { STAGE_MATCH, MATCH, REMOTE },
    { STAGE_MATCH, MATCH, FLAGS },
    { STAGE_MATCH, MATCH, TOS },
    { STAGE_MATCH, MATCH, PACKETS },
    { STAGE_MATCH, MATCH, BYTES },
    { STAGE_MATCH, MATCH, BYTES_ATOM },
    { STAGE_MATCH, MATCH, RATIO },
    { STAGE_MATCH, MATCH, DURATION },
    { STAGE_MATCH, CONTEXT, RECALLED + DIRECTION_OPENED },
    { STAGE_MATCH, CONTEXT, RECALLED + PROTOCOL_OPENED },
    { STAGE_MATCH, CONTEXT, RECALLED + LOCAL_PORT_OPENED },
    { STAGE_DIRECTION, OWN, DIRECTION },
    { STAGE_PROTOCOL, OWN, PROTOCOL },
    { STAGE_PROTOCOL, OWN, FORM },
    { STAGE_PROTOCOL, CONTEXT, SERVED + 0 },
    { STAGE_PROTOCOL, CONTEXT, SERVED + 1 },
    { STAGE_PROTOCOL, CONTEXT, SERVED + 2 },
    { STAGE_PROTOCOL, CONTEXT, USED + 0 },
    { STAGE_PROTOCOL, CONTEXT, USED + 1 },
    { STAGE_PROTOCOL, CONTEXT, USED + 2 },
    { STAGE_PROTOCOL, CONTEXT, AGREEMENT },
    { STAGE_PROTOCOL, CONTEXT, DUE_SIDES },
    { STAGE_LOCAL_PORT, OWN, LOCAL_PORT },
    { STAGE_PORTS, OWN, REMOTE_PORT },
    { STAGE_PORTS, REFERENCE_REMOTE, AGE },
    { STAGE_PORTS, REFERENCE_REMOTE, FLAGS },
    { STAGE_PORTS, REFERENCE_REMOTE, TOS },
    { STAGE_PORTS, REFERENCE_REMOTE, PACKETS },
    { STAGE_PORTS, REFERENCE_REMOTE, BYTES },
    { STAGE_PORTS, REFERENCE_REMOTE, DURATION },
    { STAGE_PORTS, REFERENCE_SERVICE, AGE },
    { STAGE_PORTS, REFERENCE_SERVICE, FLAGS },
    { STAGE_PORTS, REFERENCE_SERVICE, TOS },
    { STAGE_PORTS, REFERENCE_SERVICE, PACKETS },
    { STAGE_PORTS, REFERENCE_SERVICE, BYTES },
    { STAGE_PORTS, REFERENCE_SERVICE, BYTES_ATOM },
    { STAGE_PORTS, REFERENCE_SERVICE, DURATION },
    { STAGE_PORTS, REFERENCE_SERVICE + 1, PACKETS },
    { STAGE_PORTS, REFERENCE_SERVICE + 1, BYTES },
    { STAGE_PORTS, REFERENCE_SERVICE + 1, DURATION },
    { STAGE_PORTS, REFERENCE_LIKE, AGE },
    { STAGE_PORTS, REFERENCE_LIKE, FLAGS },
    { STAGE_PORTS, REFERENCE_LIKE, TOS },
    { STAGE_PORTS, REFERENCE_LIKE, PACKETS },
    { STAGE_PORTS, REFERENCE_LIKE, BYTES },
    { STAGE_PORTS, REFERENCE_LIKE, DURATION },
    { STAGE_PORTS, REFERENCE_LIKE + 1, PACKETS },
    { STAGE_PORTS, REFERENCE_LIKE + 1, BYTES },
    { STAGE_PORTS, REFERENCE_LIKE + 1, DURATION },
    { STAGE_PORTS, CONTEXT, SERVICE_STEADY },
    { STAGE_PORTS, CONTEXT, LIKE_STEADY },
    { STAGE_PORTS, CONTEXT, USUAL + USUAL_PACKETS },
    { STAGE_PORTS, CONTEXT, USUAL + USUAL_DURATION },
    { STAGE_PORTS, CONTEXT, USUAL + USUAL_BYTES },
    { STAGE_PORTS, CONTEXT, USUALLY + USUAL_FLAGS_OF_SERVICE },
    { STAGE_PORTS, CONTEXT, USUALLY + USUAL_FLAGS_OF_MATCH },
    { STAGE_PORTS, CONTEXT, RECALLED + FLAGS_SERVICE_REMOTE },
    { STAGE_PORTS, CONTEXT, RECALLED + FLAGS_SERVICE_KIND },
    { STAGE_PORTS, CONTEXT, RECALLED + FLAGS_MATCH_BYTES },
    { STAGE_PORTS, CONTEXT, RECALLED + FLAGS_MATCH_PACKETS },
    { STAGE_PORTS, CONTEXT, RECALLED + PACKETS_SERVICE_REMOTE },
    { STAGE_PORTS, CONTEXT, RECALLED + PACKETS_MATCH_BYTES },
    { STAGE_PORTS, CONTEXT, RECALLED + PACKETS_BYTES_BEFORE },
    { STAGE_PORTS, CONTEXT, RECALLED + PACKETS_MATCH_PACKETS },
    { STAGE_PORTS, CONTEXT, RECALLED + DURATION_SERVICE_REMOTE },
    { STAGE_PORTS, CONTEXT, RECALLED + DURATION_REMOTE_MATCH_DURATION },
    { STAGE_OCTET_1, OWN, OCTET_1 },
    { STAGE_OCTET_2, OWN, OCTET_2 },
    { STAGE_OCTET_3, OWN, OCTET_3 },
    { STAGE_REMOTE, OWN, REMOTE },
    { STAGE_FLAGS, OWN, FLAGS },
    { STAGE_FLAGS, CONTEXT, USUALLY + USUAL_TOS_OF_FLAGS },
    { STAGE_FLAGS, CONTEXT, USUALLY + USUAL_PACKETS_OF_FLAGS },
    { STAGE_FLAGS, CONTEXT, USUALLY + USUAL_PACKETS_OF_MATCH },
    { STAGE_FLAGS, CONTEXT, RECALLED + PACKETS_FLAGS },
    { STAGE_FLAGS, CONTEXT, RECALLED + PACKETS_FLAGS_MATCH_PACKETS },
    { STAGE_TOS, OWN, TOS },
    { STAGE_LABEL, OWN, LABEL },
    { STAGE_PACKETS, OWN, PACKETS },
    { STAGE_PACKETS, REFERENCE_SERVICE_PACKETS, AGE },
    { STAGE_PACKETS, REFERENCE_SERVICE_PACKETS, BYTES },
    { STAGE_PACKETS, REFERENCE_SERVICE_PACKETS, DURATION },
    { STAGE_PACKETS, REFERENCE_LIKE_PACKETS, AGE },
    { STAGE_PACKETS, REFERENCE_LIKE_PACKETS, BYTES },
    { STAGE_PACKETS, REFERENCE_LIKE_PACKETS, DURATION },
    { STAGE_PACKETS, CONTEXT, USUALLY + USUAL_DURATION_OF_PACKETS },
    { STAGE_PACKETS, CONTEXT, USUALLY + USUAL_DURATION_NEAR },
    { STAGE_PACKETS, CONTEXT, USUALLY + USUAL_BYTES_OF_PACKETS },
    { STAGE_PACKETS, CONTEXT, USUALLY + USUAL_BYTES_OF_MATCH },
    { STAGE_PACKETS, CONTEXT, USUALLY + USUAL_BYTES_NEAR },
    { STAGE_PACKETS, CONTEXT, RECALLED + DURATION_PACKETS },
    { STAGE_PACKETS, CONTEXT, RECALLED + DURATION_PACKETS_REMOTE },
    { STAGE_PACKETS, CONTEXT, RECALLED + DURATION_FLAGS },
    { STAGE_PACKETS, CONTEXT, RECALLED + DURATION_MATCH_DURATION },
    { STAGE_PACKETS, CONTEXT, RECALLED + BYTES_PACKETS },
    { STAGE_PACKETS, CONTEXT, RECALLED + BYTES_PACKETS_REMOTE },
    { STAGE_PACKETS, CONTEXT, RECALLED + BYTES_REMOTE_MATCH_BYTES },
    { STAGE_PACKETS, CONTEXT, RECALLED + BYTES_FLAGS },
    { STAGE_PACKETS, CONTEXT, RECALLED + BYTES_FLAGS_MATCH_PACKETS },
    { STAGE_PACKETS, CONTEXT, RECALLED + BYTES_MATCH_BYTES },
    { STAGE_PACKETS, CONTEXT, RECALLED + BYTES_BYTES_BEFORE },
    { STAGE_DURATION, OWN, DURATION },
    { STAGE_DURATION, CONTEXT, RECALLED + BYTES_DURATION },
    { STAGE_BYTES, OWN, BYTES },
    { STAGE_BYTES, OWN, RATIO },
};
_Static_assert(ARRAY_LEN(features) <= FEATURES_MAX, "FEATURES_MAX");
_Static_assert(N_LINK_KINDS == 4 && PACE_FORMS == 8, "one feature for two");
_Static_assert(CONVERSATIONS_SHOWN == 8, "one feature a conversation that is shown");

int link_code(const struct link *link)
{
    bool is_near = link->rank < near_ranks(link->kind);
    switch (link->kind) {
    case LINK_REPLY:
        return is_near ? LINK_CODE_REPLY + (int)link->rank : LINK_CODE_OLDER_REPLY;
    case LINK_REPEAT:
        return is_near ? LINK_CODE_REPEAT + (int)link->rank : LINK_CODE_OLDER_REPEAT;
    case LINK_REMOTE:
        return is_near ? LINK_CODE_REMOTE + (int)link->rank : LINK_CODE_OLDER_REMOTE;
    case LINK_NEW:
        return LINK_CODE_NEW;
    case N_LINK_KINDS:
        break;
    }
    BUG("link of kind %d", (int)link->kind);
}

struct link link_of_code(int code)
{
    static const int first[] = { LINK_CODE_REPLY, LINK_CODE_REPEAT, LINK_CODE_REMOTE };
    if (code == LINK_CODE_NEW)
        return (struct link){ LINK_NEW, 0 };
    if (code >= LINK_CODE_OLDER_REPLY) {
        enum link_kind kind = (enum link_kind)(code - LINK_CODE_OLDER_REPLY);
        return (struct link){ kind, near_ranks(kind) };
    }
    enum link_kind kind = LINK_REMOTE;
    while (code < first[kind])
        kind--;
    return (struct link){ kind, (uint32_t)(code - first[kind]) };
}

int count_code(int64_t x)
{
    if (x < 16)
        return (int)x;
    int octave = 63 - __builtin_clzll((uint64_t)x);
    int code = 16 + 4 * (octave - 4) + (int)(x >> (octave - 2) & 3);
    return code < COUNT_CODES ? code : COUNT_CODES - 1;
}

bool order_is_open(const struct row_context *context)
{
    return !context->is_unordered && context->previous.row != NULL &&
           context->row->value[ATTRIBUTE_GAP] == 0 &&
           context->previous.row->value[ATTRIBUTE_DURATION] > 0;
}

bool order_is_kept(const struct row_context *context)
{
    return context->row->value[ATTRIBUTE_DURATION] >=
           context->previous.row->value[ATTRIBUTE_DURATION];
}

/* ---- codes -------------------------------------------------------------------------------- */

/* An atom, or what lies between two of them: the list's values and one more. */
static int atom_code(const struct vocabulary *vocabulary, int list, int64_t value)
{
    int atom = value_list_find(&vocabulary->lists[list], value);
    return atom >= 0 ? atom : (int)vocabulary->lists[list].n;
}

/* An atom, or a block of 256 ports. */
static int port_code(const struct vocabulary *vocabulary, int list, int64_t port)
{
    int atom = value_list_find(&vocabulary->lists[list], port);
    return atom >= 0 ? atom : (int)vocabulary->lists[list].n + (int)(port >> 8);
}

/* Of three numbers, how long each stayed the same. */
enum { STEADY_CODES = RECENT * RECENT * RECENT };

/* Up to STEP_MAX either way, or beyond. */
enum { STEP_MAX = 8, STEP_CODES = 2 * (STEP_MAX + 1) + 1 };

/* None left; or how many eighths. */
enum { PACE_OUT_CODES = 10 };

static size_t aspect_size(const struct vocabulary *vocabulary, int aspect)
{
    const struct value_list *lists = vocabulary->lists;
    switch (aspect) {
    case DIRECTION:
        return 2;
    case PROTOCOL:
        return lists[ATTRIBUTE_PROTOCOL].n + 1;
    case LOCAL_PORT:
        return lists[ATTRIBUTE_LOCAL_PORT].n + 256;
    case REMOTE_PORT:
    case SERVICE_PORT:
        return lists[ATTRIBUTE_REMOTE_PORT].n + 256;
    case REMOTE:
        return lists[ATTRIBUTE_REMOTE].n + 1;
    case OCTET_1:
    case OCTET_2:
    case OCTET_3:
        return 256;
    case FLAGS:
        return lists[ATTRIBUTE_FLAGS].n + 1;
    case TOS:
        return lists[ATTRIBUTE_TOS].n + 1;
    case LABEL:
        return lists[ATTRIBUTE_LABEL].n + 1;
    case BYTES_ATOM:
        return lists[ATTRIBUTE_BYTES].n + 1;
    case LINK:
        return N_LINK_CODES;
    case ORDER:
        return 2;
    case SERVED:
    case SERVED + 1:
    case SERVED + 2:
    case USED:
    case USED + 1:
    case USED + 2:
        return SERVICE_LEVELS * SERVICE_LEVELS;
    case USUAL + USUAL_PACKETS:
    case USUAL + USUAL_DURATION:
    case USUAL + USUAL_BYTES:
        return USUAL_CODES;
    case STEP_LOCAL:
    case STEP_REMOTE:
        return STEP_CODES;
    case AGREEMENT:
        return 4;
    case FORM:
        return 2 * (lists[ATTRIBUTE_PROTOCOL].n + 1);
    case HALF_HOUR:
        return HALF_HOURS;
    case PACE_OUT:
        return PACE_OUT_CODES;
    case BEAT_DUE:
    case BEAT_DUE + 1:
        return N_BEAT_LEVELS * COUNT_CODES;
    case SERVICE_STEADY:
    case LIKE_STEADY:
        return STEADY_CODES;
    default:
        if ((aspect >= PACE_KIND && aspect < USUAL) || (aspect >= DUE_KIND && aspect <= DUE_SIDES))
            return SERVICE_LEVELS * SERVICE_LEVELS;
        if (aspect >= USUALLY)
            return aspect >= RECALLED ? RECALL_CODES : USUAL_VALUE_CODES;
        return aspect >= SHOWN ? SHOWN_CODES : COUNT_CODES;
    }
}

static int row_code(const struct vocabulary *vocabulary, const struct row *row, int aspect)
{
    const int64_t *value = row->value;
    switch (aspect) {
    case GAP:
        return count_code(value[ATTRIBUTE_GAP]);
    case DIRECTION:
        return (int)value[ATTRIBUTE_DIRECTION];
    case PROTOCOL:
        return atom_code(vocabulary, ATTRIBUTE_PROTOCOL, value[ATTRIBUTE_PROTOCOL]);
    case FORM:
        return 2 * atom_code(vocabulary, ATTRIBUTE_PROTOCOL, value[ATTRIBUTE_PROTOCOL]) +
               (int)value[ATTRIBUTE_DIRECTION];
    case LOCAL_PORT:
        return port_code(vocabulary, ATTRIBUTE_LOCAL_PORT, value[ATTRIBUTE_LOCAL_PORT]);
    case REMOTE_PORT:
        return port_code(vocabulary, ATTRIBUTE_REMOTE_PORT, value[ATTRIBUTE_REMOTE_PORT]);
    case SERVICE_PORT:
        return port_code(vocabulary, ATTRIBUTE_REMOTE_PORT,
                         value[ATTRIBUTE_LOCAL_PORT] < value[ATTRIBUTE_REMOTE_PORT]
                             ? value[ATTRIBUTE_LOCAL_PORT]
                             : value[ATTRIBUTE_REMOTE_PORT]);
    case REMOTE:
        return atom_code(vocabulary, ATTRIBUTE_REMOTE, value[ATTRIBUTE_REMOTE]);
    case OCTET_1:
        return (int)(value[ATTRIBUTE_REMOTE] >> 24);
    case OCTET_2:
        return (int)(value[ATTRIBUTE_REMOTE] >> 16 & 255);
    case OCTET_3:
        return (int)(value[ATTRIBUTE_REMOTE] >> 8 & 255);
    case FLAGS:
        return atom_code(vocabulary, ATTRIBUTE_FLAGS, value[ATTRIBUTE_FLAGS]);
    case TOS:
        return atom_code(vocabulary, ATTRIBUTE_TOS, value[ATTRIBUTE_TOS]);
    case LABEL:
        return atom_code(vocabulary, ATTRIBUTE_LABEL, value[ATTRIBUTE_LABEL]);
    case PACKETS:
        return count_code(value[ATTRIBUTE_PACKETS]);
    case BYTES:
        return count_code(value[ATTRIBUTE_BYTES]);
    case BYTES_ATOM:
        return atom_code(vocabulary, ATTRIBUTE_BYTES, value[ATTRIBUTE_BYTES]);
    case RATIO:
        return count_code(value[ATTRIBUTE_BYTES] / value[ATTRIBUTE_PACKETS]);
    case DURATION:
        return count_code(value[ATTRIBUTE_DURATION] / vocabulary->duration_grid);
    default:
        BUG("aspect %d of a row", aspect);
    }
}

/* For packets, bytes and duration: in how many of the last rows, one after another, the number is
 * that of the last one. */
static int steady_code(const struct row_context *context, int reference)
{
    static const enum attribute attributes[] = { ATTRIBUTE_PACKETS, ATTRIBUTE_BYTES,
                                                 ATTRIBUTE_DURATION };
    const struct seen_row *rows = context->references + reference;
    if (rows[0].row == NULL)
        return FEATURE_NONE;
    int code = 0;
    for (size_t a = 0; a < ARRAY_LEN(attributes); a++) {
        int n = 0;
        while (n + 1 < RECENT && rows[n + 1].row != NULL &&
               rows[n + 1].row->value[attributes[a]] == rows[0].row->value[attributes[a]])
            n++;
        code = code * RECENT + n;
    }
    return code;
}

static int agreement_code(const struct row_context *context)
{
    const int64_t *value = context->row->value;
    if (context->match.row == NULL)
        return FEATURE_NONE;
    const int64_t *match = context->match.row->value;
    return 2 * (value[ATTRIBUTE_PROTOCOL] == match[ATTRIBUTE_PROTOCOL]) +
           (value[ATTRIBUTE_DIRECTION] == match[ATTRIBUTE_DIRECTION]);
}

/* Flows to come by service, of the kind of the row's link. */
static const int32_t *due_of_link(const struct row_context *context)
{
    return context->pace->due.of_service + context->link.kind * SERVICE_SLOTS;
}

static int64_t due_of_list(const int32_t *due, enum share share, enum service_side side)
{
    int64_t sum = 0;
    for (size_t i = 0; i < SLOTS_OF_LIST; i++)
        sum += due[service_first_slot(share, side) + i];
    return sum;
}

static int64_t due_of_protocol(const int32_t *due, enum share share)
{
    return due_of_list(due, share, SERVICE_USED) + due_of_list(due, share, SERVICE_SERVED) +
           due[SLOT_OTHERS + share];
}

static int due_sides_code(const struct row_context *context)
{
    enum share share = share_of(context->row->value[ATTRIBUTE_PROTOCOL]);
    if (context->pace == NULL || share > SHARE_UDP)
        return FEATURE_NONE;
    const int32_t *due = due_of_link(context);
    double all = (double)due_of_protocol(due, share);
    double served = (double)due_of_list(due, share, SERVICE_SERVED);
    return share_level(served, all) * SERVICE_LEVELS + share_level(due[SLOT_OTHERS + share], all);
}

static int service_levels_code(const struct row_context *context, enum service_side side, int pair)
{
    const struct service_list *list = service_list_of(
        context->services, context->row->value[ATTRIBUTE_PROTOCOL], side);
    if (list == NULL)
        return FEATURE_NONE;
    if (context->pace != NULL) {
        enum share share = share_of(context->row->value[ATTRIBUTE_PROTOCOL]);
        const int32_t *of_link = due_of_link(context);
        const int32_t *due = of_link + service_first_slot(share, side) + 2 * pair;
        double all = (double)due_of_protocol(of_link, share);
        return share_level(due[0], all) * SERVICE_LEVELS + share_level(due[1], all);
    }
    return list->levels[2 * pair] * SERVICE_LEVELS + list->levels[2 * pair + 1];
}

static int usual_code(const struct row_context *context, int usual)
{
    uint8_t code = service_usual(context->services, context->row, (enum usual)usual);
    return code != USUAL_NONE ? code : FEATURE_NONE;
}

static int pace_code(const struct pace *pace, int aspect)
{
    if (pace == NULL)
        return FEATURE_NONE;
    int64_t left = pace_flows(&pace->left), starts = pace->left.of_depth[0];
    switch (aspect) {
    case PACE_LEFT:
        return count_code(left);
    case PACE_GAP:
        return count_code(10 * (int64_t)pace->seconds / (left > 0 ? left : 1));
    case PACE_OUT:
        return left > 0 ? 1 + (int)(8 * pace_flows_out(&pace->left) / left) : 0;
    case PACE_STARTS:
        return count_code(starts > 0 ? 4 * left / starts : 0);
    default:
        return count_code(pace->next);
    }
}

/* Flows that are not the first of their second: up to the 4th, the 8th, the 32nd, and beyond. */
static const size_t depth_groups[] = { 1, 4, 6, 9, PACE_DEPTHS };

/* Levels of what is still to come. */
static int pace_levels_code(const struct row_context *context, int aspect)
{
    bool is_of_link = aspect >= PACE_LINK_FORM && aspect < PACE_DEPTH, is_due = aspect >= DUE_KIND;
    if (context->pace == NULL || (is_due && !context->pace->is_next_hour))
        return FEATURE_NONE;
    enum link_kind kind = context->link.kind;
    const struct pace_counts *left = is_due || is_of_link ? &context->pace->due
                                                          : &context->pace->left;
    if (is_due)
        aspect = PACE_KIND + aspect - DUE_KIND;
    int64_t n[2], of = is_of_link ? pace_flows_of_kind(left, kind) : pace_flows(left);
    for (int i = 0; i < 2; i++) {
        if (aspect < PACE_FORM)
            n[i] = pace_flows_of_kind(left, (enum link_kind)(2 * (aspect - PACE_KIND) + i));
        else if (aspect < PACE_LINK_FORM)
            n[i] = pace_flows_of_form(left, (size_t)(2 * (aspect - PACE_FORM) + i));
        else if (aspect >= PACE_DEPTH)
            n[i] = pace_flows_of_depths(left, depth_groups[2 * (aspect - PACE_DEPTH) + i],
                                        depth_groups[2 * (aspect - PACE_DEPTH) + i + 1]);
        else
            n[i] = left->of_class[kind * PACE_FORMS + 2 * (aspect - PACE_LINK_FORM) + i];
    }
    return share_level((double)n[0], (double)of) * SERVICE_LEVELS +
           share_level((double)n[1], (double)of);
}

static int step_code(const struct row_context *context, enum attribute attribute)
{
    if (context->before_match.row == NULL)
        return FEATURE_NONE;
    int64_t step = context->match.row->value[attribute] -
                   context->before_match.row->value[attribute];
    step = step > STEP_MAX ? STEP_MAX + 1 : step < -STEP_MAX ? -STEP_MAX - 1 : step;
    return (int)step + STEP_MAX + 1;
}

static int half_hour_code(const struct vocabulary *vocabulary, int64_t clock)
{
    int code = value_list_find(&vocabulary->lists[LIST_HALF_HOUR], half_hour_of(clock));
    return code >= 0 ? code : FEATURE_NONE;
}

static int usual_value_code(const struct row_context *context, enum usual_values_of of)
{
    const struct usual_kind *kind = row_context_usual(context, of);
    return kind != NULL ? usual_kind_code(context->usual, kind) : FEATURE_NONE;
}

static int beat_code(const struct row_context *context, int i)
{
    const struct beats_due *beats = row_context_beats(context);
    if (beats == NULL || i >= beats->n)
        return FEATURE_NONE;
    const struct due_time *due = &beats->items[i];
    return due->level * COUNT_CODES + count_code(due->gap > 0 ? due->gap : 0);
}

static int recalled_code(const struct row_context *context, enum recollection recollection)
{
    if (context->like == NULL)
        return FEATURE_NONE;
    return like_rows_code(context->past, context->like, recollection);
}

static int context_code(const struct vocabulary *vocabulary, const struct row_context *context,
                        int aspect)
{
    if ((aspect >= PACE_KIND && aspect < USUAL) || (aspect >= DUE_KIND && aspect < DUE_SIDES))
        return pace_levels_code(context, aspect);
    switch (aspect) {
    case HALF_HOUR:
        return half_hour_code(vocabulary, context->clock);
    case PACE_LEFT:
    case PACE_GAP:
    case PACE_OUT:
    case PACE_STARTS:
    case PACE_NEXT:
        return pace_code(context->pace, aspect);
    case LAST_FLOWS:
        return count_code(context->previous_flows);
    case LAST_STEPS:
        return context->previous_steps;
    case STEP_LOCAL:
        return step_code(context, ATTRIBUTE_LOCAL_PORT);
    case STEP_REMOTE:
        return step_code(context, ATTRIBUTE_REMOTE_PORT);
    case IN_SECOND:
        return count_code((int64_t)context->n_in_second);
    case LINK:
        return link_code(&context->link);
    case MATCH_FLOWS:
        return count_code(context->match_flows);
    case ROOM:
        return context->room > 0 ? count_code(context->room / MS_PER_SECOND) : FEATURE_NONE;
    case REMOTES_KNOWN:
        return count_code((int64_t)context->n_remotes);
    case ORDER:
        return order_is_open(context) ? order_is_kept(context) : FEATURE_NONE;
    case SERVED:
    case SERVED + 1:
    case SERVED + 2:
        return service_levels_code(context, SERVICE_SERVED, aspect - SERVED);
    case USED:
    case USED + 1:
    case USED + 2:
        return service_levels_code(context, SERVICE_USED, aspect - USED);
    case USUAL + USUAL_PACKETS:
    case USUAL + USUAL_DURATION:
    case USUAL + USUAL_BYTES:
        return usual_code(context, aspect - USUAL);
    case BEAT_DUE:
    case BEAT_DUE + 1:
        return beat_code(context, aspect - BEAT_DUE);
    case AGREEMENT:
        return agreement_code(context);
    case DUE_SIDES:
        return due_sides_code(context);
    case SERVICE_STEADY:
        return steady_code(context, REFERENCE_SERVICE);
    case LIKE_STEADY:
        return steady_code(context, REFERENCE_LIKE);
    default:
        if (aspect >= USUALLY && aspect < RECALLED)
            return usual_value_code(context, (enum usual_values_of)(aspect - USUALLY));
        if (aspect >= RECALLED)
            return recalled_code(context, (enum recollection)(aspect - RECALLED));
        return context->shown[aspect - SHOWN];
    }
}

static const struct seen_row *source_row(const struct row_context *context, int source)
{
    switch (source) {
    case MATCH:
        return &context->match;
    case PREVIOUS:
    case LAST:
        return &context->previous;
    default:
        return &context->references[source - REFERENCE];
    }
}

/* The octets of a remote matter, and are known before it, only where a new one is spelt out. */
static bool is_spelt(const struct vocabulary *vocabulary, const struct row_context *context)
{
    return context->link.kind == LINK_NEW &&
           value_list_find(&vocabulary->lists[ATTRIBUTE_REMOTE],
                           context->row->value[ATTRIBUTE_REMOTE]) < 0;
}

static int feature_code(const struct vocabulary *vocabulary, const struct feature *feature,
                        const struct row_context *context)
{
    int aspect = feature->aspect;
    if (feature->source == CONTEXT)
        return context_code(vocabulary, context, aspect);
    if (feature->source == OWN) {
        bool is_octet = aspect >= OCTET_1 && aspect <= OCTET_3;
        if (is_octet && !is_spelt(vocabulary, context))
            return FEATURE_NONE;
        return row_code(vocabulary, context->row, aspect);
    }
    const struct seen_row *past = source_row(context, feature->source);
    if (past->row == NULL)
        return FEATURE_NONE;
    if (feature->source == PREVIOUS && context->row->value[ATTRIBUTE_GAP] > 0)
        return FEATURE_NONE;
    if (aspect == AGE)
        return count_code(context->clock + context->row->value[ATTRIBUTE_GAP] - past->clock);
    if (aspect == ROWS_AGO)
        return count_code((int64_t)(context->index - past->index));
    return row_code(vocabulary, past->row, aspect);
}

/* ---- the space ---------------------------------------------------------------------------- */

void feature_space_init(struct feature_space *space, const struct vocabulary *vocabulary)
{
    *space = (struct feature_space){ .vocabulary = vocabulary, .n_features = ARRAY_LEN(features) };
    for (size_t f = 0; f < ARRAY_LEN(features); f++) {
        if (f > 0 && features[f].stage < features[f - 1].stage)
            BUG("feature %zu is not in the order of stages", f);
        space->first_row[f] = (int32_t)space->n_rows;
        space->n_rows += aspect_size(vocabulary, features[f].aspect);
        space->n_of_stage[features[f].stage]++;
    }
}

size_t feature_space_own(const struct feature_space *space, enum attribute attribute)
{
    static const int aspects[N_CODED] = {
        [ATTRIBUTE_LOCAL_PORT] = LOCAL_PORT, [ATTRIBUTE_REMOTE_PORT] = REMOTE_PORT,
        [ATTRIBUTE_REMOTE] = REMOTE,         [ATTRIBUTE_PROTOCOL] = PROTOCOL,
        [ATTRIBUTE_FLAGS] = FLAGS,           [ATTRIBUTE_TOS] = TOS,
    };
    for (size_t f = 0; f < ARRAY_LEN(features); f++)
        if (aspects[attribute] != 0 && features[f].source == OWN &&
            features[f].aspect == aspects[attribute])
            return (size_t)space->first_row[f];
    BUG("no feature of its own for %s", attribute_infos[attribute].name);
}

size_t features_of_stage(const struct feature_space *space, enum stage stage,
                         const struct row_context *context, int32_t *index)
{
    size_t first = 0;
    for (size_t s = 0; s < (size_t)stage; s++)
        first += space->n_of_stage[s];
    size_t n = space->n_of_stage[stage];
    for (size_t i = 0; i < n; i++) {
        int code = feature_code(space->vocabulary, &features[first + i], context);
        index[i] = code >= 0 ? space->first_row[first + i] + code : FEATURE_NONE;
    }
    return n;
}
