/* joint_counts.h - two-dimensional histograms of one side, on coarse classes. */
#ifndef FLOWTWIN_EVAL_JOINT_COUNTS_H
#define FLOWTWIN_EVAL_JOINT_COUNTS_H

#include "eval/classes.h"

/* How often class x of attribute a stands with class y of attribute b: in the same row, or, with
 * `next_row`, with b in the host's next row. [n_a, n_b] of the coarse classes; caller frees with
 * free(). */
double *joint_counts_create(const struct side *side, enum attribute a, enum attribute b,
                            bool next_row);
/* n_a * n_b */
size_t joint_counts_size(const struct classes *classes, enum attribute a, enum attribute b);

#endif
