#include "data/coding.h"

#include "base/error.h"
#include "data/calendar.h"

#include <string.h>

const struct attribute_info attribute_infos[N_ATTRIBUTES] = {
    [ATTRIBUTE_GAP] = { "gap", "s", KIND_COUNT, 0, 0 },
    [ATTRIBUTE_REMOTE] = { "remote", "", KIND_ADDRESS, 0, INT64_C(1) << 32 },
    [ATTRIBUTE_DIRECTION] = { "direction", "", KIND_SET, 0, 2 },
    [ATTRIBUTE_PROTOCOL] = { "protocol", "", KIND_SET, 0, 256 },
    [ATTRIBUTE_LOCAL_PORT] = { "local_port", "", KIND_PORT, 0, 65536 },
    [ATTRIBUTE_REMOTE_PORT] = { "remote_port", "", KIND_PORT, 0, 65536 },
    [ATTRIBUTE_FLAGS] = { "flags", "", KIND_SET, 0, 256 },
    [ATTRIBUTE_TOS] = { "tos", "", KIND_SET, 0, 256 },
    [ATTRIBUTE_FORWARDING] = { "fwd", "", KIND_SET, 0, 256 },
    [ATTRIBUTE_LABEL] = { "label", "", KIND_SET, 0, 256 },
    [ATTRIBUTE_PACKETS] = { "packets", "packets", KIND_COUNT, 1, 0 },
    [ATTRIBUTE_BYTES] = { "bytes", "bytes", KIND_COUNT, 0, 0 },
    [ATTRIBUTE_DURATION] = { "duration", "ms", KIND_COUNT, 0, 0 },
    [ATTRIBUTE_LINK] = { "link", "", KIND_LINK, 0, 0 },
};

const enum attribute attribute_report_order[N_ATTRIBUTES] = {
    ATTRIBUTE_GAP,      ATTRIBUTE_LINK,       ATTRIBUTE_REMOTE,      ATTRIBUTE_DIRECTION,
    ATTRIBUTE_PROTOCOL, ATTRIBUTE_LOCAL_PORT, ATTRIBUTE_REMOTE_PORT, ATTRIBUTE_FLAGS,
    ATTRIBUTE_TOS,      ATTRIBUTE_FORWARDING, ATTRIBUTE_LABEL,       ATTRIBUTE_PACKETS,
    ATTRIBUTE_BYTES,    ATTRIBUTE_DURATION,
};

int attribute_find(const char *name)
{
    for (int a = 0; a < N_ATTRIBUTES; a++)
        if (strcmp(attribute_infos[a].name, name) == 0)
            return a;
    return -1;
}

void coding_encode(struct row *row, const struct flow *flow, uint32_t host, int64_t clock)
{
    bool is_out = flow->source == host;
    if (!is_out && flow->destination != host)
        BUG("a flow that is not its host's");
    int64_t *value = row->value;
    value[ATTRIBUTE_GAP] = flow->end / MS_PER_SECOND - clock;
    value[ATTRIBUTE_REMOTE] = is_out ? flow->destination : flow->source;
    value[ATTRIBUTE_DIRECTION] = is_out ? DIRECTION_OUT : DIRECTION_IN;
    value[ATTRIBUTE_PROTOCOL] = flow->protocol;
    value[ATTRIBUTE_LOCAL_PORT] = is_out ? flow->source_port : flow->destination_port;
    value[ATTRIBUTE_REMOTE_PORT] = is_out ? flow->destination_port : flow->source_port;
    value[ATTRIBUTE_FLAGS] = flow->flags;
    value[ATTRIBUTE_TOS] = flow->tos;
    value[ATTRIBUTE_FORWARDING] = flow->forwarding;
    value[ATTRIBUTE_LABEL] = flow->label;
    value[ATTRIBUTE_PACKETS] = (int64_t)flow->packets;
    value[ATTRIBUTE_BYTES] = (int64_t)flow->bytes;
    value[ATTRIBUTE_DURATION] = flow->duration;
}

void coding_decode(struct flow *flow, const struct row *row, uint32_t host, int64_t clock)
{
    const int64_t *value = row->value;
    bool is_out = value[ATTRIBUTE_DIRECTION] == DIRECTION_OUT;
    uint32_t remote = (uint32_t)value[ATTRIBUTE_REMOTE];
    uint16_t local_port = (uint16_t)value[ATTRIBUTE_LOCAL_PORT];
    uint16_t remote_port = (uint16_t)value[ATTRIBUTE_REMOTE_PORT];
    *flow = (struct flow){
        .end = clock * MS_PER_SECOND,
        .packets = (uint64_t)value[ATTRIBUTE_PACKETS],
        .bytes = (uint64_t)value[ATTRIBUTE_BYTES],
        .duration = (uint32_t)value[ATTRIBUTE_DURATION],
        .source = is_out ? host : remote,
        .destination = is_out ? remote : host,
        .source_port = is_out ? local_port : remote_port,
        .destination_port = is_out ? remote_port : local_port,
        .protocol = (uint8_t)value[ATTRIBUTE_PROTOCOL],
        .flags = (uint8_t)value[ATTRIBUTE_FLAGS],
        .forwarding = (uint8_t)value[ATTRIBUTE_FORWARDING],
        .tos = (uint8_t)value[ATTRIBUTE_TOS],
        .label = (uint8_t)value[ATTRIBUTE_LABEL],
    };
}

bool coding_row_is_legal(const struct row *row)
{
    for (int a = 0; a < N_CODED; a++) {
        const struct attribute_info *info = &attribute_infos[a];
        int64_t value = row->value[a];
        if (value < info->lowest || (info->support > 0 && value >= info->support))
            return false;
    }
    return row->value[ATTRIBUTE_DURATION] <= UINT32_MAX;
}
