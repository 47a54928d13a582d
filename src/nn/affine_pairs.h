/* affine_pairs.h - rows and their partners `distance` rows later, for what works on both at once.
 *
 * Groups of `distance` rows and as many partners follow one another. To work on as many rows at a
 * time as possible, the first rows of all pairs are taken in sets: group by group, or, where groups
 * are small, the r-th rows of all groups. */
#ifndef FLOWTWIN_NN_AFFINE_PAIRS_H
#define FLOWTWIN_NN_AFFINE_PAIRS_H

#include <stddef.h>

/* Row i of set s is s * set_step + i * step after the first row. */
struct affine_pairs {
    size_t n_sets, set_step, n, step;
};

/* All whole groups in n_rows rows. */
static inline struct affine_pairs affine_pairs(size_t n_rows, size_t distance)
{
    size_t n_groups = n_rows / (2 * distance);
    if (distance > n_groups)
        return (struct affine_pairs){ n_groups, 2 * distance, distance, 1 };
    return (struct affine_pairs){ distance, 1, n_groups, 2 * distance };
}

static inline size_t affine_pairs_count(struct affine_pairs pairs)
{
    return pairs.n_sets * pairs.n;
}

#endif
