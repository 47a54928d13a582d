/* demo_network.h - a small made-up network, so that everything can be run without anybody's data.
 *
 * Clients, servers and scanners at 10.20.0.0/16 talk with each other and with remotes elsewhere, in
 * conversations of requests and replies, with a daily and weekly rhythm and the exact values that
 * come back again and again in real flows. docs/simulate.md has the distributions. What a host does
 * in an hour depends on (seed, host, hour) alone; hours are made one at a time, so that memory does
 * not grow with the number of days.
 *
 *     struct demo_network *network = demo_network_create(&(struct demo_network_settings){
 *         .n_hosts = 20, .n_hours = 24, .start = start, .seed = 1 });
 *     const struct flow *flows;
 *     size_t n;
 *     while (demo_network_next_hour(network, &flows, &n))
 *         write(flows, n, demo_network_labels(network));
 *     demo_network_free(network);
 */
#ifndef FLOWTWIN_SIMULATE_DEMO_NETWORK_H
#define FLOWTWIN_SIMULATE_DEMO_NETWORK_H

#include "data/flow.h"

#define DEMO_NETWORK_ADDRESS   UINT32_C(0x0a140000) /* 10.20.0.0/16 */
#define DEMO_NETWORK_HOSTS_MAX 60000

struct demo_network_settings {
    size_t n_hosts; /* 1 .. DEMO_NETWORK_HOSTS_MAX */
    size_t n_hours;
    int64_t start; /* ms since 1970, a whole second */
    uint64_t seed;
};

struct demo_network;

/* Caller frees with demo_network_free. */
struct demo_network *demo_network_create(const struct demo_network_settings *settings);
void demo_network_free(struct demo_network *network);

/* The flows that end in the next hour, by end time, within a second by duration and addresses, as
 * UGR'16 has them. Borrowed until the next call. False where all hours have been had. */
bool demo_network_next_hour(struct demo_network *network, const struct flow **flows, size_t *n);

/* Borrowed until demo_network_free. */
const struct label_list *demo_network_labels(const struct demo_network *network);

/* Of the host h, and what kind it is: of ten hosts seven are clients, two servers, one a scanner.
 */
enum demo_network_role { ROLE_CLIENT, ROLE_SERVER, ROLE_SCANNER };
uint32_t demo_network_host_address(size_t h);
enum demo_network_role demo_network_host_role(size_t h);

#endif
