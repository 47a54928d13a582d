#include "eval/dependence.h"

#include "base/memory.h"
#include "eval/joint_counts.h"

#include <math.h>
#include <stdlib.h>

/* - sum p ln p of counts with that sum. */
static double entropy(const double *counts, size_t n, double total)
{
    double nats = 0.0;
    for (size_t i = 0; i < n; i++)
        if (counts[i] > 0.0)
            nats -= counts[i] / total * log(counts[i] / total);
    return nats;
}

double dependence_nmi(const double *counts, size_t n_x, size_t n_y)
{
    double *sum_x = memory_zalloc(n_x, sizeof *sum_x), *sum_y = memory_zalloc(n_y, sizeof *sum_y);
    double total = 0.0;
    for (size_t x = 0; x < n_x; x++) {
        for (size_t y = 0; y < n_y; y++) {
            sum_x[x] += counts[x * n_y + y];
            sum_y[y] += counts[x * n_y + y];
        }
        total += sum_x[x];
    }
    double h_x = entropy(sum_x, n_x, total), h_y = entropy(sum_y, n_y, total);
    double information = h_x + h_y - entropy(counts, n_x * n_y, total);
    free(sum_x);
    free(sum_y);
    return h_x > 0.0 && h_y > 0.0 ? fmax(2.0 * information / (h_x + h_y), 0.0) : 0.0;
}

/* ---- correlation -------------------------------------------------------------------------- */

static bool has_order(int attribute)
{
    enum attribute_kind kind = attribute_infos[attribute].kind;
    return kind == KIND_COUNT || kind == KIND_PORT || attribute == ATTRIBUTE_DIRECTION;
}

/* The attribute on its scale, less its mean, over its root of squares (0 where it never varies).
 * Caller frees with free(). */
static double *standardise(const struct traffic *traffic, int attribute)
{
    const struct attribute_info *info = &attribute_infos[attribute];
    int64_t *values = traffic_gather(traffic, (enum attribute)attribute);
    size_t n = traffic->n_rows;
    double *scaled = memory_alloc(n, sizeof *scaled), sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        double x = (double)(values[i] - info->lowest);
        scaled[i] = info->kind == KIND_COUNT ? log1p(x) : x;
        sum += scaled[i];
    }
    for (size_t i = 0; i < n; i++) {
        scaled[i] -= sum / (double)n;
        squares += scaled[i] * scaled[i];
    }
    double norm = squares > 0.0 ? 1.0 / sqrt(squares) : 0.0;
    for (size_t i = 0; i < n; i++)
        scaled[i] *= norm;
    free(values);
    return scaled;
}

static void correlate(const struct side *side, double correlation[N_CODED][N_CODED])
{
    double *scaled[N_CODED] = { NULL };
#pragma omp parallel for schedule(dynamic)
    for (int a = 0; a < N_CODED; a++)
        if (side->coarse[a] != NULL && has_order(a))
            scaled[a] = standardise(side->traffic, a);
#pragma omp parallel for schedule(dynamic)
    for (int a = 0; a < N_CODED; a++) {
        for (int b = 0; b <= a; b++) {
            double sum = scaled[a] != NULL && scaled[b] != NULL ? 0.0 : (double)NAN;
            for (size_t i = 0; !isnan(sum) && i < side->traffic->n_rows; i++)
                sum += scaled[a][i] * scaled[b][i];
            correlation[a][b] = correlation[b][a] = sum;
        }
    }
    for (int a = 0; a < N_CODED; a++)
        free(scaled[a]);
}

struct dependence dependence_measure(const struct side *side)
{
    struct dependence dependence;
#pragma omp parallel for schedule(dynamic)
    for (int a = 0; a < N_CODED; a++) {
        for (int b = 0; b <= a; b++) {
            double nmi = NAN;
            if (side->coarse[a] != NULL && side->coarse[b] != NULL) {
                double *counts = joint_counts_create(side, (enum attribute)a, (enum attribute)b,
                                                     false);
                nmi = dependence_nmi(counts, side->classes->coarse[a]->n,
                                     side->classes->coarse[b]->n);
                free(counts);
            }
            dependence.nmi[a][b] = dependence.nmi[b][a] = nmi;
        }
    }
    correlate(side, dependence.correlation);
    return dependence;
}
