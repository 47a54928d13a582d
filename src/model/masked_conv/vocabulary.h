/* vocabulary.h - the values that masked-conv has learned by heart.
 *
 * Values that come back again and again in the training rows (ports, remotes, bytes, durations,
 * ...) have a number of their own, their atom. What counts is on how many hosts a value is at home:
 * each host's count enters only up to a bound, so that one busy host does not fill the list.
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_VOCABULARY_H
#define FLOWTWIN_MODEL_MASKED_CONV_VOCABULARY_H

#include "data/hdf5_file.h"
#include "data/sequence.h"
#include "model/masked_conv/services.h"

/* Distinct values, ascending. */
struct value_list {
    int64_t *values;
    size_t n;
};

/* The place of the first value that is not below this one, n where all are. */
size_t value_list_lower(const struct value_list *list, int64_t value);
/* The place of a value in the list, or -1. */
int value_list_find(const struct value_list *list, int64_t value);

/* Lists of values that are not attributes themselves. */
enum derived_list {
    LIST_RATIO = N_CODED, /* bytes / packets, where it is whole */
    LIST_SERVICE,         /* numbers of service_of */
    LIST_STRAY,           /* numbers of stray_port */
    LIST_HALF_HOUR,       /* of the day, in which training has rows: half_hour_of */
    /* Where bins of an attribute's values end, the last one at the highest. Each has as many of the
     * values of training that are not learned by heart, or is an octave wide. */
    LIST_GAP_BIN,
    LIST_PACKETS_BIN,
    LIST_BYTES_BIN,
    LIST_DURATION_BIN,
    N_VALUE_LISTS,
};

enum {
    SMALL_GAPS = 64,    /* gaps 0..63 are learned by heart */
    SMALL_PACKETS = 64, /* packets 1..64 */
    SERVICES_MAX = 96,
    PORT_ATOMS_MAX = 256,
    STRAYS_MAX = N_SHARES * N_SERVICE_SIDES * PORT_ATOMS_MAX,
};

/* The number of a port in flows of one kind of protocol, on the host's side or the remote's. A port
 * strays where nearly all flows that have it are of other kinds: 53 in TCP, or 0, which stands for
 * none, in TCP and UDP. */
static inline int64_t stray_port(enum share share, enum service_side side, int64_t port)
{
    return ((int64_t)share * N_SERVICE_SIDES + (int64_t)side) << 16 | port;
}

enum { HALF_HOURS = 48 };
/* Of the day, of a time in s since 1970. */
static inline int64_t half_hour_of(int64_t clock)
{
    return (clock % 86400 + 86400) % 86400 / (86400 / HALF_HOURS);
}

struct vocabulary {
    struct value_list lists[N_VALUE_LISTS]; /* by enum attribute and enum derived_list */
    int64_t duration_grid; /* ms: durations are multiples of it, but for rare ones */
    int64_t highest_gap, highest_packets, highest_duration; /* of the training rows */
    /* Whether flows of one packet take no time, but for rare ones. */
    bool one_packet_is_instant;
    /* Bytes per packet in training, by whether the protocol is TCP. */
    double ratio_lowest[2], ratio_highest[2];
};

/* Learns from the scored rows. */
void vocabulary_learn(struct vocabulary *vocabulary, const struct sequence_set *train);
void vocabulary_release(struct vocabulary *vocabulary);

/* The legal bytes of so many packets of that protocol, by the ratios seen in training. */
void vocabulary_bytes_range(const struct vocabulary *vocabulary, int64_t protocol, int64_t packets,
                            int64_t *lowest, int64_t *highest);

enum status vocabulary_save(const struct vocabulary *vocabulary, struct hdf5_group *parent,
                            struct error *err);
enum status vocabulary_load(struct vocabulary *vocabulary, struct hdf5_group *parent,
                            struct error *err);

#endif
