#include "simulate/demo_network.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/calendar.h"
#include "data/text_order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { LABEL_BACKGROUND, LABEL_SCAN };

/* Streams of a host: its hours, what it is like, and its favourite remotes by rank. */
#define ROW_PROFILE    (UINT64_C(1) << 46)
#define ROW_FAVOURITES (UINT64_C(1) << 45)
/* The host number of streams that all hosts share. */
#define EVERYBODY UINT32_MAX

#define N_FAVOURITES     200
#define LONGEST_MS       600000 /* of a flow */
#define FIRST_PORT       32768
#define N_PORTS          28232 /* 32768 .. 60999, as Linux has it */
#define DURATION_GRID_MS 4

struct profile {
    double rate; /* factor on its number of sessions, median 1 */
    uint32_t resolver;
    bool has_timestamps; /* TCP option: headers of 52 bytes and not of 40 */
    uint8_t tos;
};

struct demo_network {
    struct demo_network_settings settings;
    struct profile *profiles;
    struct label_list labels;
    struct flow *pending; /* end in this hour or later */
    size_t n_pending, capacity;
    size_t n_given; /* of pending, to the caller */
    size_t hour;    /* the next one */
};

/* What a host does in one hour. */
struct hour {
    struct demo_network *network;
    struct rng rng;
    size_t host;
    int64_t begin; /* ms */
    uint16_t port; /* the client port that was used last */
};

/* ---- hosts and remotes -------------------------------------------------------------------- */

uint32_t demo_network_host_address(size_t h)
{
    return DEMO_NETWORK_ADDRESS + (uint32_t)(h / 250 + 1) * 256 + (uint32_t)(h % 250 + 1);
}

enum demo_network_role demo_network_host_role(size_t h)
{
    switch (h % 10) {
    case 1:
    case 6:
        return ROLE_SERVER;
    case 4:
        return ROLE_SCANNER;
    default:
        return ROLE_CLIENT;
    }
}

/* Anywhere but 10.0.0.0/8 and what is no place of a host. */
static uint32_t remote_address(struct rng *rng)
{
    uint32_t octet = 11 + (uint32_t)rng_below(rng, 208);
    return (octet == 127 ? 8 : octet) << 24 | (rng_u32(rng) >> 8);
}

/* Of the remotes that a host comes back to. Every second rank is the same for all hosts: large
 * sites that everybody visits. */
static uint32_t favourite(const struct demo_network *network, size_t host, size_t rank)
{
    struct rng rng = rng_stream(network->settings.seed, RNG_SIMULATE,
                                rank % 2 == 0 ? EVERYBODY : host, ROW_FAVOURITES + rank);
    return remote_address(&rng);
}

/* Log-uniform: rank r has a share of about 1 / (r + 1), as Zipf has it. */
static size_t zipf_rank(struct rng *rng)
{
    return (size_t)exp(rng_uniform(rng) * log(N_FAVOURITES));
}

static struct profile make_profile(const struct demo_network *network, size_t h)
{
    struct rng rng = rng_stream(network->settings.seed, RNG_SIMULATE, h, ROW_PROFILE);
    struct profile profile = { .rate = exp(0.5 * rng_normal(&rng)) };
    /* Host 1 is the first server: it resolves names for every second host. */
    profile.resolver = rng_below(&rng, 2) == 0 && h != 1 && network->settings.n_hosts > 1
                           ? demo_network_host_address(1)
                           : favourite(network, EVERYBODY, 0);
    profile.has_timestamps = rng_below(&rng, 2) == 0;
    static const uint8_t types_of_service[] = { 0, 0, 0, 0, 0, 0, 40, 72 };
    profile.tos = types_of_service[rng_below(&rng, ARRAY_LEN(types_of_service))];
    return profile;
}

struct demo_network *demo_network_create(const struct demo_network_settings *settings)
{
    if (settings->n_hosts < 1 || settings->n_hosts > DEMO_NETWORK_HOSTS_MAX)
        BUG("a network of %zu hosts", settings->n_hosts);
    struct demo_network *network = memory_zalloc(1, sizeof *network);
    network->settings = *settings;
    label_list_add(&network->labels, "background", strlen("background"));
    label_list_add(&network->labels, "scan44", strlen("scan44"));
    network->profiles = memory_alloc(settings->n_hosts, sizeof *network->profiles);
    for (size_t h = 0; h < settings->n_hosts; h++)
        network->profiles[h] = make_profile(network, h);
    return network;
}

void demo_network_free(struct demo_network *network)
{
    if (network == NULL)
        return;
    label_list_release(&network->labels);
    free(network->profiles);
    free(network->pending);
    free(network);
}

const struct label_list *demo_network_labels(const struct demo_network *network)
{
    return &network->labels;
}

/* ---- single flows ------------------------------------------------------------------------- */

/* Who talks with whom. */
struct conversation {
    uint32_t client, server;
    uint16_t client_port, server_port;
    uint8_t protocol, tos, label;
    unsigned header; /* bytes of IP and TCP header in each packet */
};

/* What one side of it sends. */
struct side {
    uint64_t packets, bytes;
    double duration; /* ms */
    uint8_t flags;
};

static double log_normal(struct rng *rng, double median, double sigma)
{
    return median * exp(sigma * rng_normal(rng));
}

static bool happens(struct rng *rng, double probability)
{
    return rng_uniform(rng) < probability;
}

/* 0, 1, 2, ... with the given mean. */
static unsigned geometric(struct rng *rng, double mean)
{
    double n = floor(log(rng_uniform(rng)) / log(mean / (1.0 + mean)));
    return n < 50.0 ? (unsigned)n : 50;
}

/* A flow begins at `start` and is cut at LONGEST_MS; files hold the second in which it ends. */
static void put(struct hour *hour, const struct conversation *talk, bool is_reply, double start,
                const struct side *side)
{
    struct demo_network *network = hour->network;
    double steps = floor(side->duration / DURATION_GRID_MS);
    uint32_t duration = side->packets > 1 && steps > 0.0 ? (uint32_t)steps * DURATION_GRID_MS : 0;
    duration = duration < LONGEST_MS ? duration : LONGEST_MS;
    int64_t end = hour->begin + (int64_t)start + duration;
    network->pending = memory_grow(network->pending, &network->capacity, network->n_pending + 1,
                                   sizeof *network->pending);
    network->pending[network->n_pending++] = (struct flow){
        .end = end - end % MS_PER_SECOND,
        .packets = side->packets,
        .bytes = side->bytes,
        .duration = duration,
        .source = is_reply ? talk->server : talk->client,
        .destination = is_reply ? talk->client : talk->server,
        .source_port = is_reply ? talk->server_port : talk->client_port,
        .destination_port = is_reply ? talk->client_port : talk->server_port,
        .protocol = talk->protocol,
        .flags = side->flags,
        .tos = talk->tos,
        .label = talk->label,
    };
}

/* So much payload in segments of full size, beside packets without any. */
static struct side tcp_side(const struct conversation *talk, double payload, unsigned n_empty,
                            double duration, uint8_t flags)
{
    uint64_t n_bytes = (uint64_t)payload, segment = 1500 - talk->header;
    uint64_t packets = n_empty + (n_bytes + segment - 1) / segment;
    return (struct side){ packets, packets * talk->header + n_bytes, duration, flags };
}

/* ms; most are between 8 and 50. */
static double round_trip(struct rng *rng)
{
    return log_normal(rng, 20.0, 0.6);
}

/* ---- conversations ------------------------------------------------------------------------ */

struct service {
    uint16_t port;
    double client_weight, server_weight; /* share of connections */
    double request, reply;               /* bytes, median of log-normals */
    double sigma;
    double duration; /* ms, median; sigma 1.5 */
};

static const struct service services[] = {
    { 443, 0.62, 0.35, 900.0, 4200.0, 1.3, 900.0 },   /* web, encrypted */
    { 80, 0.28, 0.40, 450.0, 2600.0, 1.3, 250.0 },    /* web */
    { 25, 0.04, 0.15, 3500.0, 420.0, 0.9, 1500.0 },   /* mail */
    { 993, 0.04, 0.04, 600.0, 1500.0, 0.8, 2500.0 },  /* mailboxes */
    { 22, 0.02, 0.06, 2600.0, 3400.0, 1.2, 12000.0 }, /* shells */
};

static size_t choose_service(struct rng *rng, bool is_server)
{
    double weights[ARRAY_LEN(services)];
    for (size_t s = 0; s < ARRAY_LEN(services); s++)
        weights[s] = is_server ? services[s].server_weight : services[s].client_weight;
    return rng_choice(rng, weights, ARRAY_LEN(services));
}

static uint16_t next_port(struct hour *hour)
{
    unsigned step = 1 + (unsigned)rng_below(&hour->rng, 3);
    hour->port = (uint16_t)(FIRST_PORT + (hour->port - FIRST_PORT + step) % N_PORTS);
    return hour->port;
}

/* A connection as a rule: both sides open it, send, and close it; and later perhaps more of it, as
 * a flow of its own. */
static void talk_tcp(struct hour *hour, const struct conversation *talk,
                     const struct service *service, double start)
{
    struct rng *rng = &hour->rng;
    double outcome = rng_uniform(rng), trip = round_trip(rng);
    if (outcome < 0.04) { /* nobody there: one SYN, or three of them */
        unsigned n = happens(rng, 0.5) ? 1 : 3;
        struct side knock = { n, n * (talk->header + 8), n == 3 ? 9000.0 : 0.0, SYN };
        put(hour, talk, false, start, &knock);
        return;
    }
    if (outcome < 0.07) { /* refused */
        struct side knock = { 1, talk->header + 8, 0.0, SYN }, no = { 1, 40, 0.0, ACK | RST };
        put(hour, talk, false, start, &knock);
        put(hour, talk, true, start + trip, &no);
        return;
    }
    double request = log_normal(rng, service->request, 0.6 * service->sigma);
    double reply = log_normal(rng, service->reply, service->sigma);
    double duration = 2.0 * trip + log_normal(rng, service->duration, 1.5);
    unsigned n_empty = 3 + geometric(rng, 1.0);
    /* Every second segment is acknowledged. */
    unsigned n_acks = (unsigned)fmin(reply / 2920.0, 20000.0);
    uint8_t flags = FIN | SYN | PSH | ACK;
    if (happens(rng, 0.1))
        flags = RST | SYN | PSH | ACK;
    struct side asks = tcp_side(talk, request, n_empty + n_acks, duration, flags);
    struct side answers = tcp_side(talk, reply, n_empty, duration - trip + round_trip(rng), flags);
    put(hour, talk, false, start, &asks);
    put(hour, talk, true, start + trip, &answers);

    double later = start + duration;
    while (happens(rng, 0.22)) {
        later += log_normal(rng, 15000.0, 0.4);
        if (later > start + LONGEST_MS)
            break;
        struct side alive = { 1, talk->header, 0.0, happens(rng, 0.5) ? ACK | FIN : ACK };
        put(hour, talk, false, later, &alive);
        if (happens(rng, 0.8))
            put(hour, talk, true, later + round_trip(rng), &alive);
    }
}

static void talk_dns(struct hour *hour, uint32_t client, uint32_t server, double start)
{
    struct rng *rng = &hour->rng;
    struct conversation talk = { .client = client,
                                 .server = server,
                                 .client_port = next_port(hour),
                                 .server_port = 53,
                                 .protocol = PROTOCOL_UDP };
    static const unsigned usual[] = { 64, 64, 60, 72 };
    uint64_t bytes = happens(rng, 0.5) ? usual[rng_below(rng, ARRAY_LEN(usual))]
                                       : 56 + rng_below(rng, 40);
    struct side asks = { 1, bytes, 0.0, ACK };
    struct side answers = { 1, bytes + 16 * (1 + geometric(rng, 2.0)), 0.0, ACK };
    put(hour, &talk, false, start, &asks);
    if (happens(rng, 0.97))
        put(hour, &talk, true, start + round_trip(rng), &answers);
}

static void talk_ntp(struct hour *hour, uint32_t client, uint32_t server, double start)
{
    struct conversation talk = { .client = client,
                                 .server = server,
                                 .client_port = 123,
                                 .server_port = 123,
                                 .protocol = PROTOCOL_UDP,
                                 .tos = 184 };
    struct side packet = { 1, 76, 0.0, ACK };
    put(hour, &talk, false, start, &packet);
    put(hour, &talk, true, start + round_trip(&hour->rng), &packet);
}

/* Echo request (type 8) and reply (type 0): the type stands where others have the port. */
static void talk_ping(struct hour *hour, uint32_t client, uint32_t server, double start)
{
    struct rng *rng = &hour->rng;
    struct conversation talk = {
        .client = client, .server = server, .server_port = 8 * 256, .protocol = PROTOCOL_ICMP
    };
    uint64_t n = happens(rng, 0.7) ? 1 : 4;
    struct side echo = { n, 84 * n, 1000.0 * (double)(n - 1), ACK };
    put(hour, &talk, false, start, &echo);
    talk.server_port = 0;
    if (happens(rng, 0.9))
        put(hour, &talk, true, start + round_trip(rng), &echo);
}

/* ---- sessions ----------------------------------------------------------------------------- */

static struct conversation tcp_conversation(struct hour *hour, uint32_t client, uint32_t server,
                                            uint16_t port, uint8_t tos)
{
    const struct profile *profile = &hour->network->profiles[hour->host];
    return (struct conversation){ .client = client,
                                  .server = server,
                                  .client_port = next_port(hour),
                                  .server_port = port,
                                  .protocol = PROTOCOL_TCP,
                                  .tos = tos,
                                  .header = profile->has_timestamps ? 52 : 40 };
}

/* A client looks something up and opens a few connections to it. */
static void visit_out(struct hour *hour, double start)
{
    struct rng *rng = &hour->rng;
    const struct demo_network *network = hour->network;
    const struct profile *profile = &network->profiles[hour->host];
    uint32_t self = demo_network_host_address(hour->host), server;
    double place = rng_uniform(rng);
    if (place < 0.08 && hour->host != 6 && network->settings.n_hosts > 6)
        server = demo_network_host_address(6); /* the house's own web server */
    else if (place < 0.15)
        server = remote_address(rng);
    else
        server = favourite(network, hour->host, zipf_rank(rng));
    if (happens(rng, 0.6)) {
        talk_dns(hour, self, profile->resolver, start);
        start += round_trip(rng);
    }
    const struct service *service = &services[choose_service(rng, false)];
    unsigned n = 1 + geometric(rng, 1.2);
    for (unsigned i = 0; i < n; i++) {
        struct conversation talk = tcp_conversation(hour, self, server, service->port,
                                                    profile->tos);
        talk_tcp(hour, &talk, service, start);
        start += happens(rng, 0.7) ? 40.0 * rng_exponential(rng) : 4000.0 * rng_exponential(rng);
    }
}

/* Somebody from outside visits a server. */
static void visit_in(struct hour *hour, double start)
{
    struct rng *rng = &hour->rng;
    const struct demo_network *network = hour->network;
    uint32_t visitor = happens(rng, 0.1) ? remote_address(rng)
                                         : favourite(network, hour->host, zipf_rank(rng) | 1);
    const struct service *service = &services[choose_service(rng, true)];
    unsigned n = 1 + geometric(rng, 0.8);
    static const uint8_t types_of_service[] = { 0, 0, 0, 40, 72 };
    uint8_t tos = types_of_service[visitor % ARRAY_LEN(types_of_service)];
    hour->port = (uint16_t)(FIRST_PORT + rng_below(rng, N_PORTS));
    for (unsigned i = 0; i < n; i++) {
        struct conversation talk = tcp_conversation(
            hour, visitor, demo_network_host_address(hour->host), service->port, tos);
        talk_tcp(hour, &talk, service, start);
        start += happens(rng, 0.7) ? 40.0 * rng_exponential(rng) : 4000.0 * rng_exponential(rng);
    }
}

/* Somebody from outside tries a port. */
static void probe_in(struct hour *hour, double start)
{
    static const uint16_t ports[] = { 23, 23, 445, 22, 1433, 3389, 8080 };
    struct rng *rng = &hour->rng;
    struct conversation talk = { .client = remote_address(rng),
                                 .server = demo_network_host_address(hour->host),
                                 .client_port = (uint16_t)(1024 + rng_below(rng, 64512)),
                                 .server_port = ports[rng_below(rng, ARRAY_LEN(ports))],
                                 .protocol = PROTOCOL_TCP };
    struct side knock = { 1, 40, 0.0, SYN }, no = { 1, 40, 0.0, ACK | RST };
    put(hour, &talk, false, start, &knock);
    if (happens(rng, 0.4))
        put(hour, &talk, true, start + round_trip(rng), &no);
}

/* A scanner walks through addresses, some tens a second. */
static void sweep(struct hour *hour, double start)
{
    static const uint16_t ports[] = { 22, 23, 80, 443, 445, 3389 };
    struct rng *rng = &hour->rng;
    uint32_t target = remote_address(rng) & ~UINT32_C(1023);
    struct conversation talk = { .client = demo_network_host_address(hour->host),
                                 .client_port = next_port(hour),
                                 .server_port = ports[rng_below(rng, ARRAY_LEN(ports))],
                                 .protocol = PROTOCOL_TCP,
                                 .label = LABEL_SCAN };
    unsigned n = 20 + (unsigned)rng_below(rng, 100);
    for (unsigned i = 0; i < n; i++) {
        talk.server = target + i;
        struct side knock = { 1, 40, 0.0, SYN }, no = { 1, 40, 0.0, ACK | RST };
        put(hour, &talk, false, start, &knock);
        if (happens(rng, 0.15))
            put(hour, &talk, true, start + round_trip(rng), &no);
        start += 300.0 * rng_exponential(rng);
    }
}

static void keep_in_touch(struct hour *hour, double start)
{
    uint32_t self = demo_network_host_address(hour->host);
    if (happens(&hour->rng, 0.7))
        talk_ntp(hour, self, favourite(hour->network, EVERYBODY, 2), start);
    else
        talk_ping(hour, self, favourite(hour->network, hour->host, zipf_rank(&hour->rng)), start);
}

/* ---- hours -------------------------------------------------------------------------------- */

/* What hosts do, and how often in an hour of average activity. */
static const struct habit {
    void (*act)(struct hour *hour, double start);
    double rates[3];     /* by enum demo_network_role */
    double rhythm_share; /* 1 follows people's day, 0 does not */
} habits[] = {
    { visit_out, { 12.0, 3.0, 4.0 }, 1.0 },    { visit_in, { 0.0, 22.0, 0.0 }, 0.6 },
    { probe_in, { 4.0, 6.0, 4.0 }, 0.0 },      { sweep, { 0.0, 0.0, 0.5 }, 0.0 },
    { keep_in_touch, { 2.0, 2.0, 2.0 }, 0.0 },
};

/* Activity of people by the hour; the mean is 1. */
static const double rhythm[24] = { 0.45, 0.35, 0.25, 0.20, 0.20, 0.25, 0.40, 0.70,
                                   1.20, 1.65, 1.75, 1.70, 1.60, 1.30, 1.35, 1.45,
                                   1.50, 1.40, 1.25, 1.15, 1.15, 1.10, 0.95, 0.70 };
#define WEEKEND_FACTOR 0.6

static double activity(int64_t time)
{
    double weekend = calendar_weekday(time) >= 5 ? WEEKEND_FACTOR : 1.0;
    return weekend * rhythm[calendar_hour(time)];
}

/* Each habit is a Poisson process of its own. */
static void live_one_hour(struct demo_network *network, size_t host, size_t hour_index)
{
    struct hour hour = {
        .network = network,
        .rng = rng_stream(network->settings.seed, RNG_SIMULATE, host, hour_index),
        .host = host,
        /* The first of them lies before the start, so that the start is like any other time. */
        .begin = network->settings.start + ((int64_t)hour_index - 1) * MS_PER_HOUR,
    };
    hour.port = (uint16_t)(FIRST_PORT + rng_below(&hour.rng, N_PORTS));
    for (size_t a = 0; a < ARRAY_LEN(habits); a++) {
        const struct habit *habit = &habits[a];
        double rate = habit->rates[demo_network_host_role(host)] * network->profiles[host].rate *
                      (1.0 + habit->rhythm_share * (activity(hour.begin) - 1.0));
        if (rate <= 0.0)
            continue;
        double mean_wait = (double)MS_PER_HOUR / rate;
        for (double time = mean_wait * rng_exponential(&hour.rng); time < (double)MS_PER_HOUR;
             time += mean_wait * rng_exponential(&hour.rng))
            habit->act(&hour, time);
    }
}

#define COMPARE(field)                                                                             \
    if (x->field != y->field)                                                                      \
    return x->field < y->field ? -1 : 1
static int compare_flows(const void *a, const void *b)
{
    const struct flow *x = a, *y = b;
    COMPARE(end);
    int order = text_order(x, y);
    if (order != 0)
        return order;
    COMPARE(protocol);
    COMPARE(packets);
    COMPARE(bytes);
    COMPARE(flags);
    COMPARE(tos);
    COMPARE(label);
    return 0;
}
#undef COMPARE

bool demo_network_next_hour(struct demo_network *network, const struct flow **flows, size_t *n)
{
    const struct demo_network_settings *settings = &network->settings;
    if (network->hour >= settings->n_hours)
        return false;
    network->n_pending -= network->n_given;
    if (network->n_given > 0)
        memmove(network->pending, network->pending + network->n_given,
                network->n_pending * sizeof *network->pending);
    for (size_t h = 0; network->hour == 0 && h < settings->n_hosts; h++)
        live_one_hour(network, h, 0);
    for (size_t h = 0; h < settings->n_hosts; h++)
        live_one_hour(network, h, network->hour + 1);

    /* No flow of a later hour ends before that hour begins, so what ends before is complete. */
    int64_t begin = settings->start + (int64_t)network->hour * MS_PER_HOUR;
    if (network->n_pending > 0)
        qsort(network->pending, network->n_pending, sizeof *network->pending, compare_flows);
    size_t first = 0;
    while (first < network->n_pending && network->pending[first].end < begin)
        first++;
    network->n_given = first;
    while (network->n_given < network->n_pending &&
           network->pending[network->n_given].end < begin + MS_PER_HOUR)
        network->n_given++;
    *flows = network->pending + first;
    *n = network->n_given - first;
    network->hour++;
    return true;
}
