#include "model/masked_conv/services.h"

#include "base/memory.h"
#include "data/bins.h"
#include "model/conversation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists -------------------------------------------------------------------------------- */

const struct service_list *service_list_of(const struct service_lists *lists, int64_t protocol,
                                           enum service_side side)
{
    if (lists == NULL || (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP))
        return NULL;
    return &lists->lists[protocol == PROTOCOL_UDP][side];
}

bool service_of(const struct row *row, uint32_t *service)
{
    const int64_t *value = row->value;
    int64_t local = value[ATTRIBUTE_LOCAL_PORT], remote = value[ATTRIBUTE_REMOTE_PORT];
    bool is_udp = value[ATTRIBUTE_PROTOCOL] == PROTOCOL_UDP;
    enum service_side side = local <= remote ? SERVICE_SERVED : SERVICE_USED;
    *service = (uint32_t)is_udp << 17 | (uint32_t)side << 16 |
               (uint32_t)(side == SERVICE_SERVED ? local : remote);
    return is_udp || value[ATTRIBUTE_PROTOCOL] == PROTOCOL_TCP;
}

size_t service_list_find(const struct service_list *list, int64_t port)
{
    for (size_t place = 0; place < list->n; place++)
        if (list->ports[place] == port)
            return place;
    return SERVICES_LISTED;
}

/* Where the row's service is listed; NULL where it is not. */
static const struct service_list *find_listed(const struct service_lists *lists,
                                              const struct row *row, size_t *place)
{
    uint32_t service;
    if (lists == NULL || !service_of(row, &service))
        return NULL;
    const struct service_list *list = &lists->lists[service >> 17][service_side_of(service)];
    *place = service_list_find(list, service_port_of(service));
    return *place < SERVICES_LISTED ? list : NULL;
}

uint8_t service_usual(const struct service_lists *lists, const struct row *row, enum usual usual)
{
    size_t place;
    const struct service_list *list = find_listed(lists, row, &place);
    return list != NULL ? list->usual[place][row->value[ATTRIBUTE_DIRECTION]][usual] : USUAL_NONE;
}

/* Which of the periods is that of a row; SERVICE_PERIODS for none. */
static size_t find_period(const struct service_lists *lists, const struct row *row)
{
    enum share share = share_of(row->value[ATTRIBUTE_PROTOCOL]);
    if (share > SHARE_UDP)
        return SERVICE_PERIODS - (share == SHARE_ICMP ? 2 : 1);
    size_t place;
    const struct service_list *list = find_listed(lists, row, &place);
    if (list == NULL)
        return SERVICE_PERIODS;
    return (size_t)(list - &lists->lists[0][0]) * SERVICES_LISTED + place;
}

struct usual_period service_period(const struct service_lists *lists, const struct row *row)
{
    size_t period = find_period(lists, row);
    return lists != NULL && period < SERVICE_PERIODS ? lists->periods[period]
                                                     : (struct usual_period){ 0 };
}

size_t service_slot(const struct service_lists *lists, const struct row *row)
{
    size_t place;
    const struct service_list *list = find_listed(lists, row, &place);
    if (list == NULL || place >= SLOTS_OF_LIST)
        return SLOT_OTHERS + (size_t)share_of(row->value[ATTRIBUTE_PROTOCOL]);
    return (size_t)(list - &lists->lists[0][0]) * SLOTS_OF_LIST + place;
}

/* ---- counting ----------------------------------------------------------------------------- */

uint8_t share_level(double n, double n_all)
{
    if (n <= 0.0)
        return 0;
    double level = 1.0 - floor(2.0 * log2(n / n_all) + 0.5);
    return (uint8_t)(level < SERVICE_LEVELS - 1 ? level : SERVICE_LEVELS - 1);
}

/* Keeps the best ones in order: by count, then port. */
static void insert(struct service_list *list, uint32_t *counts, uint16_t port, uint32_t n)
{
    size_t i = list->n < SERVICES_LISTED ? list->n++ : SERVICES_LISTED;
    if (i == SERVICES_LISTED) {
        i--;
        if (n < counts[i] || (n == counts[i] && port > list->ports[i]))
            return;
    }
    for (; i > 0 && (n > counts[i - 1] || (n == counts[i - 1] && port < list->ports[i - 1])); i--) {
        counts[i] = counts[i - 1];
        list->ports[i] = list->ports[i - 1];
    }
    counts[i] = n;
    list->ports[i] = port;
}

/* The most frequent services of the scored rows. */
static void list_services(struct service_lists *lists, const struct sequence *sequence)
{
    uint32_t *counts = memory_zalloc(N_SERVICES, sizeof *counts), n_flows[2] = { 0 };
    uint32_t of_listed[2][N_SERVICE_SIDES][SERVICES_LISTED], service;
    for (size_t i = sequence->first_scored; i < sequence->n_rows; i++)
        if (service_of(&sequence->rows[i], &service)) {
            counts[service]++;
            n_flows[service >> 17]++;
        }
    memset(lists, 0, sizeof *lists);
    for (service = 0; service < N_SERVICES; service++) {
        size_t is_udp = service >> 17, side = service_side_of(service);
        if (counts[service] > 0)
            insert(&lists->lists[is_udp][side], of_listed[is_udp][side], service_port_of(service),
                   counts[service]);
    }
    free(counts);
    for (size_t p = 0; p < 2; p++)
        for (size_t side = 0; side < N_SERVICE_SIDES; side++)
            for (size_t i = 0; i < lists->lists[p][side].n; i++)
                lists->lists[p][side].levels[i] = share_level(of_listed[p][side][i], n_flows[p]);
}

/* ---- what is usual ------------------------------------------------------------------------ */

/* Flows of one service and direction, by octave. */
struct usual_counts {
    uint32_t n, of_octave[N_USUAL][USUAL_OCTAVES];
};

/* The octave below which at most a quarter of n lies, or three. */
static size_t quartile(const uint32_t counts[USUAL_OCTAVES], uint32_t n, uint32_t which)
{
    size_t octave = 0;
    uint64_t sum = counts[0];
    while (4 * sum <= (uint64_t)which * n && octave + 1 < USUAL_OCTAVES)
        sum += counts[++octave];
    return octave;
}

/* ---- periods ------------------------------------------------------------------------------ */

/* So many flows, and so large a share of those that begin anew, have to come at a steady beat. */
#define STEADY_MIN   4
#define STEADY_SHARE 0.25

struct begun_flow {
    uint32_t of; /* which of the periods */
    bool is_steady;
    int32_t period; /* its own */
};

/* Those that are steady come last. */
static int by_period(const void *a, const void *b)
{
    const struct begun_flow *x = a, *y = b;
    if (x->of != y->of)
        return x->of < y->of ? -1 : 1;
    if (x->is_steady != y->is_steady)
        return x->is_steady ? 1 : -1;
    return (x->period > y->period) - (x->period < y->period);
}

static size_t count_steady(const struct begun_flow *flows, size_t n)
{
    size_t n_steady = 0;
    for (size_t i = 0; i < n; i++)
        n_steady += flows[i].is_steady;
    return n_steady;
}

/* Of the n flows of a service that begin anew: the middle one of the steady periods, where these
 * are many. */
static struct usual_period usual_of(const struct begun_flow *flows, size_t n)
{
    static const double shares[USUAL_SHARES - 1] = { 0.25, 0.5, 0.8 };
    size_t n_steady = count_steady(flows, n), n_usual = 0;
    if (n_steady < STEADY_MIN || (double)n_steady < STEADY_SHARE * (double)n)
        return (struct usual_period){ 0 };
    struct usual_period usual = { .seconds = flows[n - n_steady + n_steady / 2].period };
    for (size_t i = 0; i < n; i++)
        n_usual += periods_are_alike(flows[i].period, usual.seconds);
    while (usual.share < ARRAY_LEN(shares) && (double)n_usual >= shares[usual.share] * (double)n)
        usual.share++;
    return usual;
}

/* The beat of a conversation where that is steady, else of its remote. */
static void learn_periods(struct service_lists *lists, const struct sequence *sequence)
{
    struct begun_flow *flows = memory_alloc(sequence->n_rows, sizeof *flows);
    struct conversation_memory *memory = conversation_memory_create();
    int64_t clock = sequence->start;
    size_t n = 0;
    for (size_t i = 0; i < sequence->n_rows; i++) {
        const struct row *row = &sequence->rows[i];
        clock += row->value[ATTRIBUTE_GAP];
        conversation_note(memory, row, clock);
        const struct beat *beat = &conversation_at(memory, 0)->beat;
        if (beat->rhythms[0].n_steady == 0)
            beat = &conversation_remote_at(memory, 0)->beat;
        const struct rhythm *rhythm = &beat->rhythms[0];
        size_t of = find_period(lists, row);
        if (i >= sequence->first_scored && of < SERVICE_PERIODS && beat->start == clock &&
            rhythm->period > 0)
            flows[n++] = (struct begun_flow){ (uint32_t)of, rhythm->n_steady > 0, rhythm->period };
    }
    conversation_memory_free(memory);
    if (n > 0)
        qsort(flows, n, sizeof *flows, by_period);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && flows[end].of == flows[i].of;)
            end++;
        lists->periods[flows[i].of] = usual_of(flows + i, end - i);
    }
    free(flows);
}

void service_lists_learn(struct service_lists *lists, const struct sequence *sequence)
{
    static const enum attribute attributes[N_USUAL] = { ATTRIBUTE_PACKETS, ATTRIBUTE_DURATION,
                                                        ATTRIBUTE_BYTES };
    static const int shifts[N_USUAL] = { [USUAL_DURATION] = 5, [USUAL_BYTES] = 3 };
    list_services(lists, sequence);
    learn_periods(lists, sequence);

    enum { N_LISTS = 2 * N_SERVICE_SIDES };
    struct usual_counts(*counts)[SERVICES_LISTED][2] = memory_zalloc(N_LISTS, sizeof *counts);
    struct service_list *first = &lists->lists[0][0];
    for (size_t i = sequence->first_scored; i < sequence->n_rows; i++) {
        const int64_t *value = sequence->rows[i].value;
        size_t place;
        const struct service_list *list = find_listed(lists, &sequence->rows[i], &place);
        if (list == NULL)
            continue;
        struct usual_counts *of = &counts[list - first][place][value[ATTRIBUTE_DIRECTION]];
        of->n++;
        for (size_t u = 0; u < N_USUAL; u++)
            of->of_octave[u][bins_octave(value[attributes[u]] >> shifts[u], USUAL_OCTAVES)]++;
    }
    for (size_t l = 0; l < N_LISTS; l++)
        for (size_t s = 0; s < first[l].n; s++)
            for (size_t direction = 0; direction < 2; direction++)
                for (size_t u = 0; u < N_USUAL; u++) {
                    const struct usual_counts *of = &counts[l][s][direction];
                    first[l].usual[s][direction][u] =
                        of->n == 0
                            ? USUAL_NONE
                            : (uint8_t)(quartile(of->of_octave[u], of->n, 1) * USUAL_OCTAVES +
                                        quartile(of->of_octave[u], of->n, 3));
                }
    free(counts);
}
