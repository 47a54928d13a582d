/* dependence.h - how much two attributes of a row tell about each other.
 *
 * NMI = 2 I(X; Y) / (H(X) + H(Y)) on coarse classes, 0 (independent) .. 1 (each gives the other); 0
 * where one of them never varies. Correlation is Pearson's, of ln(1 + x - lowest) for counts and of
 * the value for ports and the direction; the other attributes have no order, and NaN.
 */
#ifndef FLOWTWIN_EVAL_DEPENDENCE_H
#define FLOWTWIN_EVAL_DEPENDENCE_H

#include "eval/classes.h"

/* Doubles only; see comparison.h. NaN for attributes that a side lacks. */
struct dependence {
    double nmi[N_CODED][N_CODED];
    double correlation[N_CODED][N_CODED];
};

struct dependence dependence_measure(const struct side *side);

/* Of joint counts [n_x, n_y]. */
double dependence_nmi(const double *counts, size_t n_x, size_t n_y);

#endif
