#include "eval/port_bins.h"

#include "eval/integer_sort.h"

#include <stdlib.h>

#define FEWEST_OF_A_PORT 5.0

struct bins *port_bins_learn(const struct traffic *traffic, enum attribute port, size_t n_atoms,
                             size_t n_prefixes)
{
    int64_t *values = traffic_gather(traffic, port);
    integer_sort(values, traffic->n_rows);
    struct bins_sample sample = { values, NULL, traffic->n_rows };
    struct bins *bins = bins_create_atoms(&sample, 1, attribute_infos[port].support, n_atoms,
                                          FEWEST_OF_A_PORT, n_prefixes);
    free(values);
    return bins;
}
