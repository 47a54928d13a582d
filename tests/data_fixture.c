#include "data_fixture.h"

#include "base/memory.h"
#include "data/calendar.h"

#include <check.h>
#include <string.h>

/* 2016-04-11 00:00:00 */
#define FIXTURE_START INT64_C(1460332800000)

/* A number of up to `bits` bits, small ones as likely as large ones. */
static uint64_t any_magnitude(struct rng *rng, unsigned bits)
{
    return rng_u64(rng) >> (64 - bits + rng_below(rng, bits));
}

struct flow fixture_flow(struct rng *rng, uint32_t n_hosts)
{
    uint32_t host = FIXTURE_NETWORK + 1 + (uint32_t)rng_below(rng, n_hosts);
    uint32_t other = rng_below(rng, 10) == 0
                         ? FIXTURE_NETWORK + 1 + (uint32_t)rng_below(rng, n_hosts)
                         : UINT32_C(0x0b000000) + (rng_u32(rng) >> 2);
    bool is_out = rng_below(rng, 2) == 0;
    return (struct flow){
        .end = FIXTURE_START + MS_PER_SECOND * (int64_t)rng_below(rng, 86400),
        .packets = 1 + any_magnitude(rng, 62),
        .bytes = any_magnitude(rng, 63),
        .duration = (uint32_t)any_magnitude(rng, 32),
        .source = is_out ? host : other,
        .destination = is_out ? other : host,
        .source_port = (uint16_t)rng_u32(rng),
        .destination_port = (uint16_t)rng_u32(rng),
        .protocol = (uint8_t)rng_u32(rng),
        .flags = (uint8_t)rng_u32(rng),
        .forwarding = (uint8_t)rng_u32(rng),
        .tos = (uint8_t)rng_u32(rng),
        .label = (uint8_t)rng_below(rng, 2),
    };
}

struct dataset *fixture_dataset(uint64_t seed, uint32_t n_hosts, size_t n_flows, int64_t seconds)
{
    struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
    struct address_set monitored = { 0 };
    struct error err = { 0 };
    ck_assert_int_eq(address_set_add_text(&monitored, "10.0.0.0/8", &err), STATUS_OK);
    struct label_list labels = { 0 };
    label_list_add(&labels, "background", strlen("background"));
    label_list_add(&labels, "blacklist", strlen("blacklist"));

    struct flow *flows = memory_alloc(n_flows, sizeof *flows);
    uint32_t *owners = memory_alloc(n_flows, sizeof *owners);
    uint32_t *addresses = memory_alloc(n_hosts, sizeof *addresses);
    for (uint32_t h = 0; h < n_hosts; h++)
        addresses[h] = FIXTURE_NETWORK + n_hosts - h; /* not in order */
    for (size_t i = 0; i < n_flows; i++) {
        flows[i] = fixture_flow(&rng, n_hosts);
        flows[i].end = FIXTURE_START + MS_PER_SECOND * (int64_t)rng_below(&rng, (uint64_t)seconds);
        uint32_t host = 0;
        ck_assert(dataset_flow_host(&monitored, &flows[i], &host));
        owners[i] = FIXTURE_NETWORK + n_hosts - host;
    }
    return dataset_create("fixture", flows, owners, n_flows, addresses, n_hosts, labels, monitored);
}
