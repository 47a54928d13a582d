#include "eval/pairs.h"

#include "eval/divergence.h"
#include "eval/joint_counts.h"

#include <math.h>
#include <stdlib.h>

static double joint_variation(const struct side *real, const struct side *synthetic, int a, int b,
                              bool next_row)
{
    if (real->coarse[a] == NULL || real->coarse[b] == NULL)
        return NAN;
    double *p = joint_counts_create(real, (enum attribute)a, (enum attribute)b, next_row);
    double *q = joint_counts_create(synthetic, (enum attribute)a, (enum attribute)b, next_row);
    size_t n = joint_counts_size(real->classes, (enum attribute)a, (enum attribute)b);
    double variation = divergence_total_variation(p, q, n);
    free(p);
    free(q);
    return variation;
}

struct pair_distances pairs_compare(const struct side *real, const struct side *synthetic)
{
    struct pair_distances pairs;
#pragma omp parallel for schedule(dynamic)
    for (int a = 0; a < N_CODED; a++) {
        for (int b = 0; b <= a; b++)
            pairs.same_row[a][b] = pairs.same_row[b][a] = joint_variation(real, synthetic, a, b,
                                                                          false);
        pairs.next_row[a] = joint_variation(real, synthetic, a, a, true);
    }
    double same_row = 0.0, next_row = 0.0;
    int n_same_row = 0, n_next_row = 0;
    for (int a = 0; a < N_CODED; a++) {
        for (int b = 0; b < a; b++) {
            if (!isnan(pairs.same_row[a][b])) {
                same_row += pairs.same_row[a][b];
                n_same_row++;
            }
        }
        if (!isnan(pairs.next_row[a])) {
            next_row += pairs.next_row[a];
            n_next_row++;
        }
    }
    pairs.mean_same_row = same_row / n_same_row;
    pairs.mean_next_row = next_row / n_next_row;
    return pairs;
}
