#include "model_fixture.h"

#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { START = 1460332800 }; /* 2016-04-11 */

static struct sequence_set *empty_set(size_t n_hosts, size_t n_rows_each)
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
    struct sequence_set *set = empty_set(n_hosts, n_rows_each);
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
    struct sequence_set *set = empty_set(1, n_rows);
    memcpy(set->rows, rows, n_rows * sizeof *rows);
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
