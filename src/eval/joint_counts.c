#include "eval/joint_counts.h"

#include "base/memory.h"

size_t joint_counts_size(const struct classes *classes, enum attribute a, enum attribute b)
{
    return memory_product(classes->coarse[a]->n, classes->coarse[b]->n);
}

double *joint_counts_create(const struct side *side, enum attribute a, enum attribute b,
                            bool next_row)
{
    size_t n_b = side->classes->coarse[b]->n, step = next_row ? 1 : 0;
    double *counts = memory_zalloc(joint_counts_size(side->classes, a, b), sizeof *counts);
    for (size_t h = 0; h < side->traffic->n_hosts; h++) {
        const struct traffic_host *host = &side->traffic->hosts[h];
        const uint8_t *x = side->coarse[a] + host->first;
        const uint8_t *y = side->coarse[b] + host->first + step;
        for (size_t i = 0; i + step < host->n_rows; i++)
            counts[x[i] * n_b + y[i]] += 1.0;
    }
    return counts;
}
