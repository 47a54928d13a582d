#include "eval/window_sample.h"

#include "base/memory.h"

#include <stdlib.h>

struct window_sample window_sample_draw(const struct traffic *traffic, size_t length,
                                        size_t n_of_host, struct rng *rng)
{
    size_t n_max = 0;
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        size_t n = traffic->hosts[h].n_rows / length;
        n_max += n < n_of_host ? n : n_of_host;
    }
    struct window_sample sample = {
        .rows = memory_alloc(n_max, sizeof *sample.rows),
        .hosts = memory_alloc(n_max, sizeof *sample.hosts),
    };
    for (size_t h = 0; h < traffic->n_hosts; h++) {
        const struct traffic_host *host = &traffic->hosts[h];
        size_t n = host->n_rows / length;
        size_t *order = memory_alloc(n, sizeof *order);
        for (size_t w = 0; w < n; w++)
            order[w] = w;
        rng_shuffle(rng, order, n, sizeof *order);
        for (size_t w = 0; w < n && w < n_of_host; w++) {
            sample.rows[sample.n] = host->first + order[w] * length;
            sample.hosts[sample.n++] = h;
        }
        free(order);
    }
    return sample;
}

size_t window_sample_share(size_t n_of_host, size_t n_in_all, size_t n_hosts)
{
    size_t share = n_hosts > 0 ? n_in_all / n_hosts : n_in_all;
    share = share > 0 ? share : 1;
    return share < n_of_host ? share : n_of_host;
}

void window_sample_mix(struct window_sample *sample, size_t n, struct rng *rng)
{
    size_t *order = memory_alloc(sample->n, sizeof *order);
    size_t *rows = memory_alloc(sample->n, sizeof *rows);
    size_t *hosts = memory_alloc(sample->n, sizeof *hosts);
    for (size_t w = 0; w < sample->n; w++)
        order[w] = w;
    rng_shuffle(rng, order, sample->n, sizeof *order);
    sample->n = n < sample->n ? n : sample->n;
    for (size_t w = 0; w < sample->n; w++) {
        rows[w] = sample->rows[order[w]];
        hosts[w] = sample->hosts[order[w]];
    }
    window_sample_release(&(struct window_sample){ 0, sample->rows, sample->hosts });
    sample->rows = rows;
    sample->hosts = hosts;
    free(order);
}

void window_sample_release(struct window_sample *sample)
{
    free(sample->rows);
    free(sample->hosts);
    *sample = (struct window_sample){ 0 };
}
