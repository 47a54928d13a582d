#include "model/masked_conv/heads.h"

#include "base/error.h"
#include "model/masked_conv/heads_internal.h"

const struct head_info head_infos[N_HEADS] = {
    [HEAD_DUE] = { "due", STAGE_BEFORE, ATTRIBUTE_GAP, false },
    [HEAD_GAP] = { "gap", STAGE_BEFORE, ATTRIBUTE_GAP, true },
    [HEAD_ORDER] = { "order", STAGE_GAP, ATTRIBUTE_DURATION, false },
    [HEAD_LINK] = { "link", STAGE_ORDER, ATTRIBUTE_LINK, false },
    [HEAD_OLDER] = { "older", STAGE_LINK, ATTRIBUTE_LINK, false },
    [HEAD_DIRECTION] = { "direction", STAGE_MATCH, ATTRIBUTE_DIRECTION, false },
    [HEAD_PROTOCOL] = { "protocol", STAGE_DIRECTION, ATTRIBUTE_PROTOCOL, false },
    [HEAD_LOCAL_PORT] = { "local_port", STAGE_PROTOCOL, ATTRIBUTE_LOCAL_PORT, false },
    [HEAD_REMOTE_PORT] = { "remote_port", STAGE_LOCAL_PORT, ATTRIBUTE_REMOTE_PORT, false },
    [HEAD_REMOTE] = { "remote", STAGE_PORTS, ATTRIBUTE_REMOTE, false },
    [HEAD_OCTET_1] = { "octet_1", STAGE_PORTS, ATTRIBUTE_REMOTE, false },
    [HEAD_OCTET_2] = { "octet_2", STAGE_OCTET_1, ATTRIBUTE_REMOTE, false },
    [HEAD_OCTET_3] = { "octet_3", STAGE_OCTET_2, ATTRIBUTE_REMOTE, false },
    [HEAD_OCTET_4] = { "octet_4", STAGE_OCTET_3, ATTRIBUTE_REMOTE, false },
    [HEAD_FLAGS] = { "flags", STAGE_REMOTE, ATTRIBUTE_FLAGS, false },
    [HEAD_TOS] = { "tos", STAGE_FLAGS, ATTRIBUTE_TOS, false },
    [HEAD_FORWARDING] = { "fwd", STAGE_TOS, ATTRIBUTE_FORWARDING, false },
    [HEAD_LABEL] = { "label", STAGE_TOS, ATTRIBUTE_LABEL, false },
    [HEAD_PACKETS] = { "packets", STAGE_LABEL, ATTRIBUTE_PACKETS, true },
    [HEAD_INSTANT] = { "instant", STAGE_PACKETS, ATTRIBUTE_DURATION, false },
    [HEAD_FITS] = { "fits", STAGE_PACKETS, ATTRIBUTE_DURATION, false },
    [HEAD_DURATION] = { "duration", STAGE_PACKETS, ATTRIBUTE_DURATION, true },
    [HEAD_BYTES] = { "bytes", STAGE_DURATION, ATTRIBUTE_BYTES, true },
};

static void find_recalled(struct heads *heads, enum head head)
{
    size_t first = 0, n = 0;
    enum attribute attribute = head_infos[head].attribute;
    bool tells_value = head_is_count(head) || head_is_set(head) || head_is_port(head) ||
                       head == HEAD_DIRECTION || (head_is_octet(head) && head != HEAD_OCTET_4);
    while (tells_value && first + n < N_RECOLLECTIONS) {
        bool is_of_head = recollection_infos[first + n].attribute == attribute;
        if (!is_of_head && n > 0)
            break;
        n += is_of_head;
        first += !is_of_head;
    }
    heads->first_recalled[head] = first;
    heads->n_recalled[head] = n * head_recalled_parts(head);
}

static void find_usual(struct heads *heads, enum head head)
{
    bool tells_value = head_is_count(head) || head_is_set(head);
    for (size_t of = N_USUAL_VALUES; tells_value && of-- > 0;)
        if (usual_values_infos[of].attribute == head_infos[head].attribute) {
            heads->first_usual[head] = of;
            heads->n_usual[head]++;
        }
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
        else if (head == HEAD_DIRECTION || head == HEAD_ORDER || head == HEAD_INSTANT ||
                 head == HEAD_FITS)
            n = 2;
        else if (head == HEAD_DUE)
            n = N_DUE_CLASSES;
        else if (head_is_octet(head))
            n = 256;
        else if (head_is_set(head) || head == HEAD_REMOTE)
            n = n_atoms + 1; /* and the escape */
        else if (head_is_port(head))
            n = n_atoms + head_n_relative(heads, head) + PORT_NEAR + PORT_BLOCKS;
        if (head == HEAD_GAP)
            n_atoms = SMALL_GAPS;
        if (head == HEAD_PACKETS)
            n_atoms = SMALL_PACKETS;
        if (head_is_count(head))
            n = n_atoms + head_n_relative(heads, head) + head_n_bins(heads, head) +
                2; /* and any value, and the mixture */
        find_recalled(heads, head);
        find_usual(heads, head);
        n += heads->n_recalled[head] + heads->n_usual[head];
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
        return kind != LINK_NEW && context->link.rank >= near_ranks(kind);
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
    case HEAD_DUE:
        return due_is_open(context);
    case HEAD_ORDER:
        return order_is_open(context);
    case HEAD_INSTANT:
        return instant_is_open(heads, context);
    case HEAD_FITS:
        return fit_is_open(heads, context) &&
               (!instant_is_open(heads, context) || value[ATTRIBUTE_DURATION] > 0);
    case HEAD_DURATION:
        return !instant_is_open(heads, context) || value[ATTRIBUTE_DURATION] > 0;
    default:
        return true;
    }
}
