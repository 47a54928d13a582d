#include "model_fixture.h"

#include "base/memory.h"
#include "base/rng.h"
#include "simulate/demo_network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { START = 1460332800 }; /* 2016-04-11 */

struct sequence_set *fixture_empty(size_t n_hosts, size_t n_rows_each)
{
    struct sequence_set *set = memory_zalloc(1, sizeof *set);
    set->n = n_hosts;
    set->n_rows = set->n_scored = n_hosts * n_rows_each;
    set->items = memory_zalloc(n_hosts, sizeof *set->items);
    set->rows = memory_zalloc(set->n_rows, sizeof *set->rows);
    set->attributes = ATTRIBUTES_ALL;
    set->start = START;
    set->end = START + 86400;
    label_list_add(&set->labels, "background", strlen("background"));
    label_list_add(&set->labels, "blacklist", strlen("blacklist"));
    address_set_add_range(&set->monitored, 0x0a000000, 0x0affffff);
    for (size_t h = 0; h < n_hosts; h++)
        set->items[h] = (struct sequence){
            .host = 0x0a000001 + (uint32_t)h,
            .start = START,
            .rows = set->rows + h * n_rows_each,
            .n_rows = n_rows_each,
        };
    return set;
}

static int64_t log_normal(struct rng *rng, double mean, double deviation)
{
    return (int64_t)exp(mean + deviation * rng_normal(rng));
}

struct sequence_set *fixture_sequences(uint64_t seed, size_t n_hosts, size_t n_rows_each)
{
    struct sequence_set *set = fixture_empty(n_hosts, n_rows_each);
    for (size_t h = 0; h < n_hosts; h++) {
        double state = 0.0;
        for (size_t i = 0; i < n_rows_each; i++) {
            struct rng rng = rng_stream(seed, RNG_TEST, h, i);
            int64_t *value = set->rows[h * n_rows_each + i].value;
            bool is_tcp = rng_below(&rng, 5) > 0, is_out = rng_below(&rng, 2) == 0;
            state = 0.9 * state + 0.4 * rng_normal(&rng);
            value[ATTRIBUTE_GAP] = rng_below(&rng, 2) == 0 ? 0 : log_normal(&rng, 1.5, 1.0);
            value[ATTRIBUTE_REMOTE] = 1000 + (int64_t)(rng_below(&rng, 50) * rng_below(&rng, 21));
            value[ATTRIBUTE_DIRECTION] = is_out ? DIRECTION_OUT : DIRECTION_IN;
            value[ATTRIBUTE_PROTOCOL] = is_tcp ? PROTOCOL_TCP : PROTOCOL_UDP;
            value[ATTRIBUTE_LOCAL_PORT] = 1024 + (int64_t)rng_below(&rng, 64512);
            value[ATTRIBUTE_REMOTE_PORT] = is_tcp ? 443 : 53;
            value[ATTRIBUTE_FLAGS] = is_tcp ? 27 : 16;
            value[ATTRIBUTE_TOS] = rng_below(&rng, 10) == 0 ? 72 : 0;
            value[ATTRIBUTE_LABEL] = rng_below(&rng, 100) == 0;
            value[ATTRIBUTE_PACKETS] = 1 + log_normal(&rng, 0.0, 1.0);
            value[ATTRIBUTE_BYTES] = rng_below(&rng, 8) == 0 ? 40 : (int64_t)exp(6.0 + state);
            value[ATTRIBUTE_DURATION] = value[ATTRIBUTE_PACKETS] == 1
                                            ? 0
                                            : 4 * log_normal(&rng, 4.0, 1.5);
        }
    }
    return set;
}

struct sequence_set *fixture_sequence_of(const struct row *rows, size_t n_rows)
{
    struct sequence_set *set = fixture_empty(1, n_rows);
    memcpy(set->rows, rows, n_rows * sizeof *rows);
    return set;
}

struct sequence_set *fixture_network(uint64_t seed, size_t n_hosts, size_t n_hours)
{
    const struct demo_network_settings settings = {
        .n_hosts = n_hosts, .n_hours = n_hours, .start = START * INT64_C(1000), .seed = seed
    };
    struct demo_network *network = demo_network_create(&settings);
    struct address_set monitored = { 0 };
    address_set_add_range(&monitored, DEMO_NETWORK_ADDRESS, DEMO_NETWORK_ADDRESS + 0xffff);
    uint32_t *addresses = memory_alloc(n_hosts, sizeof *addresses), *owners = NULL, address;
    for (size_t h = 0; h < n_hosts; h++)
        addresses[h] = demo_network_host_address(h);
    const struct flow *hour;
    struct flow *flows = NULL;
    size_t n_hour, n = 0, flow_capacity = 0, owner_capacity = 0;
    while (demo_network_next_hour(network, &hour, &n_hour)) {
        flows = memory_grow(flows, &flow_capacity, n + n_hour, sizeof *flows);
        owners = memory_grow(owners, &owner_capacity, n + n_hour, sizeof *owners);
        for (size_t i = 0; i < n_hour; i++, n++) {
            flows[n] = hour[i];
            owners[n] = 0;
            dataset_flow_host(&monitored, &flows[n], &address);
            while (addresses[owners[n]] != address)
                owners[n]++;
        }
    }
    struct dataset *data = dataset_create("demo", flows, owners, n, addresses, n_hosts,
                                          label_list_copy(demo_network_labels(network)), monitored);
    struct sequence_set *set = sequence_set_create(data, NULL, NULL);
    dataset_free(data);
    demo_network_free(network);
    return set;
}

struct training_record fixture_record(const struct sequence_set *set)
{
    struct training_record record = {
        .hosts = memory_alloc(set->n, sizeof *record.hosts),
        .n_hosts = set->n,
        .from = set->start * 1000,
        .until = set->end * 1000,
    };
    for (size_t h = 0; h < set->n; h++)
        record.hosts[h] = set->items[h].host;
    return record;
}
