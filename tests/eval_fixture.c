#include "eval_fixture.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

#define MIDNIGHT INT64_C(1460332800) /* 2016-04-11 */

struct row fixture_row(void)
{
    return (struct row){ .value = {
                             [ATTRIBUTE_GAP] = 1,
                             [ATTRIBUTE_REMOTE] = 0xc0000201,
                             [ATTRIBUTE_DIRECTION] = DIRECTION_OUT,
                             [ATTRIBUTE_PROTOCOL] = PROTOCOL_TCP,
                             [ATTRIBUTE_LOCAL_PORT] = 40000,
                             [ATTRIBUTE_REMOTE_PORT] = 80,
                             [ATTRIBUTE_FLAGS] = 27,
                             [ATTRIBUTE_PACKETS] = 5,
                             [ATTRIBUTE_BYTES] = 2500,
                             [ATTRIBUTE_DURATION] = 100,
                         } };
}

struct sequence_set *fixture_set(const struct row *rows, const size_t *n_rows, size_t n_hosts)
{
    struct sequence_set *set = memory_zalloc(1, sizeof *set);
    set->items = memory_zalloc(n_hosts, sizeof *set->items);
    set->n = n_hosts;
    set->attributes = ATTRIBUTES_ALL;
    address_set_add_range(&set->monitored, 0x0a000000, 0x0affffff);
    for (size_t h = 0; h < n_hosts; h++) {
        set->items[h] = (struct sequence){
            .host = 0x0a000001 + (uint32_t)h,
            .start = MIDNIGHT,
            .rows = rows + set->n_rows,
            .n_rows = n_rows[h],
        };
        set->n_rows += n_rows[h];
    }
    set->n_scored = set->n_rows;
    return set;
}

void fixture_set_free(struct sequence_set *set)
{
    address_set_release(&set->monitored);
    free(set->items);
    free(set);
}

struct row *fixture_varied_rows(uint64_t seed, size_t n_hosts, size_t n_rows)
{
    struct row *rows = memory_alloc(n_hosts * n_rows, sizeof *rows);
    int64_t mean_gap = (int64_t)(86000 / n_rows);
    for (size_t h = 0; h < n_hosts; h++) {
        struct rng rng = rng_stream(seed, RNG_TEST, h, 0);
        double level = 4.0 + 3.0 * rng_uniform(&rng);
        for (size_t i = 0; i < n_rows; i++) {
            struct row *row = &rows[h * n_rows + i];
            *row = fixture_row();
            int64_t *value = row->value;
            value[ATTRIBUTE_GAP] = (int64_t)rng_below(&rng, (uint64_t)(2 * mean_gap));
            value[ATTRIBUTE_REMOTE] += (int64_t)rng_below(&rng, 20);
            value[ATTRIBUTE_DIRECTION] = (int64_t)rng_below(&rng, 2);
            value[ATTRIBUTE_PROTOCOL] = rng_below(&rng, 4) == 0 ? PROTOCOL_UDP : PROTOCOL_TCP;
            value[ATTRIBUTE_LOCAL_PORT] = (int64_t)rng_below(&rng, 65536);
            value[ATTRIBUTE_REMOTE_PORT] = rng_below(&rng, 3) == 0 ? 443 : 80;
            value[ATTRIBUTE_FLAGS] = (int64_t)rng_below(&rng, 32);
            value[ATTRIBUTE_PACKETS] = 1 + (int64_t)exp(2.0 * rng_uniform(&rng));
            value[ATTRIBUTE_BYTES] = (int64_t)exp(level + rng_normal(&rng));
            value[ATTRIBUTE_DURATION] = (int64_t)rng_below(&rng, 1000);
        }
    }
    return rows;
}
