/* flow.h - one flow record, as every format is read into and written from.
 *
 * Times are milliseconds since 1970-01-01 00:00 of the clock that wrote the file: UGR'16 gives
 * local wall time without a zone, and so do we. Protocol names and flag strings are those of
 * nfdump, which made the files.
 */
#ifndef FLOWTWIN_DATA_FLOW_H
#define FLOWTWIN_DATA_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow {
    int64_t end;                            /* te: ms since 1970, whole seconds in UGR'16 */
    uint64_t packets;                       /* pkt: >= 1 */
    uint64_t bytes;                         /* byt: 0 .. 2^63 - 1 */
    uint32_t duration;                      /* td: ms */
    uint32_t source, destination;           /* sa, da: IPv4, most significant octet first */
    uint16_t source_port, destination_port; /* sp, dp; ICMP: 0 and type * 256 + code */
    uint8_t protocol;                       /* pr: IANA number */
    uint8_t flags;      /* flg: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, and ECE, CWR above */
    uint8_t forwarding; /* fwd: forwarding status */
    uint8_t tos;        /* stos: source type of service */
    uint8_t label;      /* index in the label_list of its dataset */
};

enum {
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
};

/* What protocols are told apart where only these matter. */
enum transport { TRANSPORT_TCP, TRANSPORT_UDP, TRANSPORT_OTHER };
static inline enum transport transport_of(int64_t protocol)
{
    return protocol == PROTOCOL_TCP   ? TRANSPORT_TCP
           : protocol == PROTOCOL_UDP ? TRANSPORT_UDP
                                      : TRANSPORT_OTHER;
}

/* Names of labels ("background", "blacklist"): up to 255 of them, by order of first use. */
struct label_list {
    char **names;
    size_t n;
};

/* How a label is written that the list does not have, as a model may draw one. */
#define LABEL_UNKNOWN  "unknown"
#define LABELS_MAX     255
#define LABEL_NAME_MAX 63 /* bytes */

/* The index of a name, which is added where it is new; -1 where the list is full or the name longer
 * than it may be. */
int label_list_add(struct label_list *labels, const char *name, size_t length);
/* The index of a name, or -1. */
int label_list_find(const struct label_list *labels, const char *name, size_t length);
struct label_list label_list_copy(const struct label_list *labels);
void label_list_release(struct label_list *labels);

/* The name nfdump prints for a protocol ("TCP"); a number it has no name for is printed as such. */
const char *protocol_name(uint8_t protocol);
/* The number of a name or of digits; -1 where it is neither. */
int protocol_number(const char *text, size_t length);

#define FLAGS_TEXT_SIZE 8
/* ".AP.SF" for values below 64, "0x%2x" above, as nfdump prints them; with terminator. */
void flags_format(uint8_t flags, char text[FLAGS_TEXT_SIZE]);
/* The value of such a text, -1 where it is none. */
int flags_parse(const char *text, size_t length);

#endif
