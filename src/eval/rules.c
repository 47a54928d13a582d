#include "eval/rules.h"

#include <math.h>

const struct rule_info rule_infos[N_RULES] = {
    [RULE_WEB_IS_TCP] = { "web_is_tcp", "port 80 or 443 is TCP" },
    [RULE_DNS_IS_UDP] = { "dns_is_udp", "port 53 is UDP" },
    [RULE_BYTES_PER_PACKET] = { "bytes_per_packet", "28 (TCP 40) to 1500 bytes a packet" },
    [RULE_ONE_PACKET_NO_TIME] = { "one_packet_no_time", "one packet takes no time" },
    [RULE_ONE_SIDE_LOCAL] = { "one_side_local", "one side is local, one is not" },
    [RULE_SOURCE_IS_UNICAST] = { "source_is_unicast", "the source is a unicast address" },
    [RULE_ICMP_FORM] = { "icmp_form", "ICMP has source port 0" },
    [RULE_UDP_FORM] = { "udp_form", "UDP has no TCP flags" },
    [RULE_TCP_FORM] = { "tcp_form", "TCP has flags" },
    [RULE_PORTS_ABOVE_ZERO] = { "ports_above_zero", "TCP and UDP have ports above 0" },
};

enum { FLAG_ACK = 16 };

/* What the rules look at, of one flow. */
struct facts {
    int64_t source, source_port, destination_port, protocol, flags, packets, bytes, duration;
    bool is_remote_outside;
};

static struct facts facts_of(const struct traffic *traffic, const struct traffic_host *host,
                             size_t i)
{
    int64_t *const *values = traffic->columns->values;
    bool is_out = values[ATTRIBUTE_DIRECTION][i] == DIRECTION_OUT;
    int64_t remote = values[ATTRIBUTE_REMOTE][i];
    int64_t local_port = values[ATTRIBUTE_LOCAL_PORT][i];
    int64_t remote_port = values[ATTRIBUTE_REMOTE_PORT][i];
    return (struct facts){
        .source = is_out ? host->address : remote,
        .source_port = is_out ? local_port : remote_port,
        .destination_port = is_out ? remote_port : local_port,
        .protocol = values[ATTRIBUTE_PROTOCOL][i],
        .flags = values[ATTRIBUTE_FLAGS][i],
        .packets = values[ATTRIBUTE_PACKETS][i],
        .bytes = values[ATTRIBUTE_BYTES][i],
        .duration = values[ATTRIBUTE_DURATION][i],
        .is_remote_outside = !address_set_has(traffic->monitored, (uint32_t)remote),
    };
}

static bool uses_port(const struct facts *flow, int64_t port)
{
    return flow->source_port == port || flow->destination_port == port;
}

static bool is_about(enum rule rule, const struct facts *flow)
{
    bool is_tcp = flow->protocol == PROTOCOL_TCP, is_udp = flow->protocol == PROTOCOL_UDP;
    switch (rule) {
    case RULE_WEB_IS_TCP:
        return uses_port(flow, 80) || uses_port(flow, 443);
    case RULE_DNS_IS_UDP:
        return uses_port(flow, 53);
    case RULE_ONE_PACKET_NO_TIME:
        return flow->packets == 1;
    case RULE_ICMP_FORM:
        return flow->protocol == PROTOCOL_ICMP;
    case RULE_UDP_FORM:
        return is_udp;
    case RULE_TCP_FORM:
        return is_tcp;
    case RULE_PORTS_ABOVE_ZERO:
        return is_tcp || is_udp;
    default:
        return true;
    }
}

static bool holds(enum rule rule, const struct facts *flow)
{
    int64_t first_octet = flow->source >> 24;
    switch (rule) {
    case RULE_WEB_IS_TCP:
        return flow->protocol == PROTOCOL_TCP;
    case RULE_DNS_IS_UDP:
        return flow->protocol == PROTOCOL_UDP;
    case RULE_BYTES_PER_PACKET:
        /* Divided, not multiplied: packets may be near 2^63. */
        return flow->bytes / flow->packets >= (flow->protocol == PROTOCOL_TCP ? 40 : 28) &&
               (flow->bytes - 1) / 1500 < flow->packets;
    case RULE_ONE_PACKET_NO_TIME:
        return flow->duration == 0;
    case RULE_ONE_SIDE_LOCAL:
        return flow->is_remote_outside;
    case RULE_SOURCE_IS_UNICAST:
        return first_octet >= 1 && first_octet <= 223 && first_octet != 127;
    case RULE_ICMP_FORM:
        return flow->source_port == 0;
    case RULE_UDP_FORM:
        return (flow->flags & ~FLAG_ACK) == 0;
    case RULE_TCP_FORM:
        return flow->flags != 0;
    case RULE_PORTS_ABOVE_ZERO:
    default:
        return !uses_port(flow, 0);
    }
}

struct rule_rates rules_measure(const struct traffic *traffic)
{
    size_t n_about[N_RULES] = { 0 }, n_kept[N_RULES] = { 0 };
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        const struct traffic_host *host = &traffic->hosts[h];
        for (size_t i = host->first; i < host->first + host->n_rows; i++) {
            struct facts flow = facts_of(traffic, host, i);
            for (int r = 0; r < N_RULES; r++) {
                bool counts = is_about((enum rule)r, &flow);
                n_about[r] += counts;
                n_kept[r] += counts && holds((enum rule)r, &flow);
            }
        }
    }
    struct rule_rates rates;
    for (int r = 0; r < N_RULES; r++)
        rates.rates[r] = n_about[r] > 0 ? (double)n_kept[r] / (double)n_about[r] : (double)NAN;
    return rates;
}
