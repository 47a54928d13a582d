/* services.h - the services that a host's flows belong to most.
 *
 * A service is TCP or UDP with the lower of a flow's ports, on the host's side (it serves) or on
 * the remote's (it uses). The most frequent ones of each kind are ways to a port (heads.h),
 * whatever their numbers: what the network learns is how a host keeps to its services, not which
 * they are.
 *
 *     struct service_lists lists;
 *     service_lists_learn(&lists, sequence);
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_SERVICES_H
#define FLOWTWIN_MODEL_MASKED_CONV_SERVICES_H

#include "data/sequence.h"
#include "model/masked_conv/beats.h"

enum {
    SERVICES_LISTED = 16,
    SERVICE_LEVELS = 16, /* of a share: 0 for none, 1 for above 2^-1/2, then half an octave each */
};

enum service_side { SERVICE_USED, SERVICE_SERVED, N_SERVICE_SIDES };

/* What is usual among flows of a service: the octaves (0 for 0, else 1 + floor(log2 x)) of the
 * lower and the upper quartile of packets, durations in steps of 32 ms and bytes in steps of 8, in
 * one code; USUAL_NONE where there are no flows. */
enum usual { USUAL_PACKETS, USUAL_DURATION, USUAL_BYTES, N_USUAL };
enum { USUAL_OCTAVES = 15, USUAL_CODES = USUAL_OCTAVES * USUAL_OCTAVES, USUAL_NONE = 255 };

/* Most frequent first. */
struct service_list {
    uint16_t ports[SERVICES_LISTED];
    uint8_t levels[SERVICES_LISTED];            /* of the protocol's flows */
    uint8_t usual[SERVICES_LISTED][2][N_USUAL]; /* by direction */
    uint16_t n;
};

/* Protocols that are told apart where flows are counted. */
enum share { SHARE_TCP, SHARE_UDP, SHARE_ICMP, SHARE_OTHERS, N_SHARES };
static inline enum share share_of(int64_t protocol)
{
    return protocol == PROTOCOL_TCP    ? SHARE_TCP
           : protocol == PROTOCOL_UDP  ? SHARE_UDP
           : protocol == PROTOCOL_ICMP ? SHARE_ICMP
                                       : SHARE_OTHERS;
}

/* The level of n of n_all; 0 where n is. */
uint8_t share_level(double n, double n_all);

/* Of the places of the lists, one list after another; and of ICMP, and of other protocols. */
enum { SERVICE_PERIODS = 2 * N_SERVICE_SIDES * SERVICES_LISTED + 2 };

struct service_lists {
    struct service_list lists[2][N_SERVICE_SIDES]; /* of TCP, of UDP */
    struct usual_period periods[SERVICE_PERIODS];  /* after which remotes usually come again */
};

/* The list for a protocol, NULL for one without services. lists may be NULL. */
const struct service_list *service_list_of(const struct service_lists *lists, int64_t protocol,
                                           enum service_side side);

/* The place of a port; SERVICES_LISTED where it is not listed. */
size_t service_list_find(const struct service_list *list, int64_t port);

/* What is usual in the service and direction of a row whose ports are known; USUAL_NONE where its
 * service is not listed. */
uint8_t service_usual(const struct service_lists *lists, const struct row *row, enum usual usual);

/* The usual period of a row's service, or of its protocol where that has none. */
struct usual_period service_period(const struct service_lists *lists, const struct row *row);

/* The number of the service of a row's lower port, below N_SERVICES; false where the protocol has
 * no services (the number then tells side and port all the same). */
enum { N_SERVICES = 1 << 18 };
bool service_of(const struct row *row, uint32_t *service);
static inline enum service_side service_side_of(uint32_t service)
{
    return service >> 16 & 1;
}
static inline uint16_t service_port_of(uint32_t service)
{
    return (uint16_t)service;
}

/* The slot of a row's service: one for each of the SLOTS_OF_LIST most frequent ones of each kind,
 * and for all others, or where there are no lists, one for TCP, UDP, ICMP and the other protocols.
 */
enum {
    SLOTS_OF_LIST = 8,
    SLOT_OTHERS = 2 * N_SERVICE_SIDES * SLOTS_OF_LIST, /* + enum share */
    SERVICE_SLOTS = SLOT_OTHERS + N_SHARES,
};
size_t service_slot(const struct service_lists *lists, const struct row *row);
/* The first slot of a protocol's list, one of SHARE_TCP and SHARE_UDP. */
static inline size_t service_first_slot(enum share share, enum service_side side)
{
    return ((size_t)(share == SHARE_UDP) * N_SERVICE_SIDES + side) * SLOTS_OF_LIST;
}

/* Lists the services of a host's scored rows, and what is usual among them. */
void service_lists_learn(struct service_lists *lists, const struct sequence *sequence);

#endif
