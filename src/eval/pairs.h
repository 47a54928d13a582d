/* pairs.h - how far the joint distributions of two attributes are apart on two sides.
 *
 * Total variation (half the sum of absolute differences, 0..1) of the joint histograms on coarse
 * classes: of every pair of attributes in a row, and of each attribute with itself in the host's
 * next row.
 */
#ifndef FLOWTWIN_EVAL_PAIRS_H
#define FLOWTWIN_EVAL_PAIRS_H

#include "eval/classes.h"

/* Doubles only; see comparison.h. NaN for attributes that a side lacks. */
struct pair_distances {
    double same_row[N_CODED][N_CODED]; /* symmetric; on the diagonal that of the attribute alone */
    double next_row[N_CODED];
    double mean_same_row; /* over pairs of different attributes */
    double mean_next_row;
};

struct pair_distances pairs_compare(const struct side *real, const struct side *synthetic);

#endif
