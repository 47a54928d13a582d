/* description.h - one dataset alone: who is in it, how much they do, and what their flows are like.
 *
 *     struct description *description = description_create(data);
 *     description_print(description, stdout);
 *     json_t *json = description_json(description);
 *     FORWARD(description_write_page(description, "page.html", err));
 *     description_free(description);
 *
 * docs/report.md says what the figures mean and lists the keys.
 */
#ifndef FLOWTWIN_EVAL_DESCRIPTION_H
#define FLOWTWIN_EVAL_DESCRIPTION_H

#include "data/dataset.h"
#include "eval/comparison.h"
#include "eval/profile.h"

#include <stdio.h>

/* Of the JSON: raised when a key changes its meaning or goes. */
#define DESCRIPTION_VERSION 1

#define DESCRIPTION_TOP 10 /* hosts, ports */

struct described_host {
    uint32_t address;
    enum host_type type;
    double n_flows, n_bytes, n_remotes;
    double out; /* share of its flows that it sends */
};

struct described_port {
    uint16_t port;
    double share; /* of the flows of TCP and UDP */
};

/* Of the hosts: */
struct spread {
    double lowest, quarter, median, three_quarters, highest;
};

struct description {
    char *source;
    int64_t from, until; /* ms: the first flow's end, and the last one's */
    uint64_t n_rows_read, n_rows_refused, n_rows_elsewhere;
    uint32_t attributes;
    size_t n_flows, n_hosts;
    double n_bytes, n_packets;
    size_t hosts_of_type[N_HOST_TYPES], flows_of_type[N_HOST_TYPES];
    double seconds;        /* from the first flow's end to the last one's, 1 at least */
    double busiest_minute; /* flows that end in it */
    struct spread flows_per_host, flows_per_hour; /* the latter of a host, in the mean */
    double bytes_by_protocol[256];                /* share */
    struct described_host top_hosts[DESCRIPTION_TOP];
    struct described_port top_local[DESCRIPTION_TOP], top_remote[DESCRIPTION_TOP];
    size_t n_top_hosts, n_top_local, n_top_remote;
    double effective_hosts;
    struct portrait portrait; /* but for its dependence, which needs no table here */
    struct profile *profile;
};

/* data must have a flow. Caller frees with description_free. */
struct description *description_create(const struct dataset *data);
void description_free(struct description *description);

void description_print(const struct description *description, FILE *out);
/* Caller frees with json_decref. */
json_t *description_json(const struct description *description);
/* Written whole or not at all. */
enum status description_write_page(const struct description *description, const char *path,
                                   struct error *err);

#endif
