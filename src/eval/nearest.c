/* nearest.c - how near windows of the twin come to training windows, against held-out ones.
 *
 * Two flows differ by the sum of |difference| / deviation of the logarithms of gap, packets, bytes
 * and duration (deviations of training flows), and 1 for each of the other fields in which they are
 * not the same. Windows differ by the mean over their flows in order. */
#include "base/memory.h"
#include "eval/privacy_internal.h"
#include "eval/roc.h"
#include "eval/window_sample.h"

#include <math.h>
#include <stdlib.h>

/* Of a host, and in all; windows cost as much as the flows in them. */
#define WINDOWS_OF_HOST 1000
#define TRAINING_FLOWS  40000
#define QUERIED_FLOWS   2000
#define LONGEST_FEWER   4 /* windows of many flows are fewer by this */
#define VERY_NEAR_SHARE 0.05

static const enum attribute counts[] = { ATTRIBUTE_GAP, ATTRIBUTE_PACKETS, ATTRIBUTE_BYTES,
                                         ATTRIBUTE_DURATION };
static const enum attribute values[] = { ATTRIBUTE_REMOTE,      ATTRIBUTE_DIRECTION,
                                         ATTRIBUTE_PROTOCOL,    ATTRIBUTE_LOCAL_PORT,
                                         ATTRIBUTE_REMOTE_PORT, ATTRIBUTE_FLAGS,
                                         ATTRIBUTE_TOS };
enum { N_COUNTS = ARRAY_LEN(counts), N_VALUES = ARRAY_LEN(values) };

/* A flow as it is compared. */
struct point {
    float counts[N_COUNTS];
    uint32_t values[N_VALUES];
};

struct point_list {
    struct window_sample windows;
    struct point *points; /* [windows.n, length] */
    double *distances;    /* [windows.n] to the nearest of training */
};

static struct point point_of(const struct traffic_columns *columns, size_t row,
                             const double deviations[N_COUNTS])
{
    struct point point;
    for (int c = 0; c < N_COUNTS; c++)
        point.counts[c] = (float)(log1p((double)columns->values[counts[c]][row]) / deviations[c]);
    for (int v = 0; v < N_VALUES; v++)
        point.values[v] = (uint32_t)columns->values[values[v]][row];
    return point;
}

/* Of the logarithms, over the flows of all hosts; 1 where they are all the same. */
static void learn_deviations(const struct traffic *traffic, double deviations[N_COUNTS])
{
    for (int c = 0; c < N_COUNTS; c++) {
        double sum = 0.0, squares = 0.0, n = (double)traffic->n_rows;
        for (size_t h = 0; h < traffic->n_hosts; h++) {
            const struct traffic_host *host = &traffic->hosts[h];
            for (size_t i = host->first; i < host->first + host->n_rows; i++) {
                double x = log1p((double)traffic->columns->values[counts[c]][i]);
                sum += x;
                squares += x * x;
            }
        }
        double variance = squares / n - sum / n * (sum / n);
        deviations[c] = variance > 1e-12 ? sqrt(variance) : 1.0;
    }
}

static struct point_list draw_points(const struct traffic *traffic, size_t length, size_t n,
                                     const double deviations[N_COUNTS], struct rng *rng)
{
    struct point_list list = { .windows = window_sample_draw(traffic, length, WINDOWS_OF_HOST,
                                                             rng) };
    window_sample_mix(&list.windows, n, rng);
    list.points = memory_alloc(memory_product(list.windows.n, length), sizeof *list.points);
    list.distances = memory_alloc(list.windows.n, sizeof *list.distances);
    for (size_t w = 0; w < list.windows.n; w++)
        for (size_t i = 0; i < length; i++)
            list.points[w * length + i] = point_of(traffic->columns, list.windows.rows[w] + i,
                                                   deviations);
    return list;
}

static void list_release(struct point_list *list)
{
    window_sample_release(&list->windows);
    free(list->points);
    free(list->distances);
}

/* The distance of two windows; stops where it is no longer below `limit`. */
static float distance_of(const struct point *a, const struct point *b, size_t length, float limit)
{
    float sum = 0.0f;
    for (size_t i = 0; i < length && sum < limit; i++) {
        for (int c = 0; c < N_COUNTS; c++)
            sum += fabsf(a[i].counts[c] - b[i].counts[c]);
        for (int v = 0; v < N_VALUES; v++)
            sum += a[i].values[v] != b[i].values[v] ? 1.0f : 0.0f;
    }
    return sum;
}

static void find_nearest(struct point_list *list, const struct point_list *training, size_t length)
{
#pragma omp parallel for schedule(dynamic, 16)
    for (size_t w = 0; w < list->windows.n; w++) {
        float nearest = INFINITY;
        for (size_t t = 0; t < training->windows.n; t++) {
            float distance = distance_of(list->points + w * length, training->points + t * length,
                                         length, nearest);
            nearest = distance < nearest ? distance : nearest;
        }
        list->distances[w] = (double)nearest / (double)length;
    }
}

/* ---- figures ------------------------------------------------------------------------------ */

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void take_quantiles(double quantiles[N_NEAREST], const double *distances, size_t n)
{
    static const double shares[N_NEAREST] = { 0.05, 0.5, 0.95 };
    double *sorted = memory_alloc(n, sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = distances[i];
    if (n > 0)
        qsort(sorted, n, sizeof *sorted, compare_numbers);
    for (int q = 0; q < N_NEAREST; q++)
        quantiles[q] = n > 0 ? sorted[(size_t)(shares[q] * (double)(n - 1))] : (double)NAN;
    free(sorted);
}

/* Share of the list below a limit, and of what is at it that share which makes held-out items come
 * to VERY_NEAR_SHARE. */
static double share_near(const struct point_list *list, double limit, double share_of_equal)
{
    double sum = 0.0;
    for (size_t w = 0; w < list->windows.n; w++) {
        double distance = list->distances[w];
        sum += distance < limit ? 1.0 : distance == limit ? share_of_equal : 0.0;
    }
    return sum / (double)list->windows.n;
}

static double very_near(const struct point_list *synthetic, const struct point_list *held_out,
                        double limit)
{
    double below = share_near(held_out, limit, 0.0);
    double equal = share_near(held_out, limit, 1.0) - below;
    return share_near(synthetic, limit, equal > 0.0 ? (VERY_NEAR_SHARE - below) / equal : 0.0);
}

/* How often an item of the one list is nearer than one of the other, with the error over hosts. */
static struct host_ratio compare_distances(const struct point_list lists[2],
                                           const size_t n_hosts[2])
{
    struct roc_hosts found = { .n = { n_hosts[0], n_hosts[1] } };
    for (size_t s = 0; s < 2; s++) {
        size_t n = lists[s].windows.n;
        double *placements = memory_alloc(n, sizeof *placements);
        found.sums[s] = memory_zalloc(n_hosts[s], sizeof(double));
        found.counts[s] = memory_zalloc(n_hosts[s], sizeof(double));
        roc_placements(placements, lists[s].distances, n, lists[1 - s].distances,
                       lists[1 - s].windows.n);
        for (size_t w = 0; w < n; w++) { /* near is what scores high */
            found.sums[s][lists[s].windows.hosts[w]] += 1.0 - placements[w];
            found.counts[s][lists[s].windows.hosts[w]] += 1.0;
        }
        free(placements);
    }
    struct host_ratio ratio = roc_area_of_hosts(&found);
    for (size_t s = 0; s < 2; s++) {
        free(found.sums[s]);
        free(found.counts[s]);
    }
    return ratio;
}

struct nearest nearest_of_windows(const struct privacy_sides *sides, size_t length)
{
    size_t fewer = length > 1 ? LONGEST_FEWER : 1;
    double deviations[N_COUNTS];
    struct rng rng = rng_stream(sides->seed, RNG_EVAL, 0, 200 + length);
    learn_deviations(sides->training, deviations);
    struct point_list training = draw_points(sides->training, length, TRAINING_FLOWS / fewer,
                                             deviations, &rng);
    const struct traffic *const traffic[] = { sides->held_out, sides->synthetic };
    struct point_list lists[2];
    size_t n_hosts[2];
    for (size_t s = 0; s < 2; s++) {
        lists[s] = draw_points(traffic[s], length, QUERIED_FLOWS / fewer, deviations, &rng);
        n_hosts[s] = traffic[s]->n_hosts;
        find_nearest(&lists[s], &training, length);
    }
    struct nearest nearest = {
        .n_held_out = lists[0].windows.n,
        .n_synthetic = lists[1].windows.n,
        .n_training = training.windows.n,
        .nearer = { (double)NAN, (double)NAN },
        .very_near = (double)NAN,
    };
    take_quantiles(nearest.held_out, lists[0].distances, lists[0].windows.n);
    take_quantiles(nearest.synthetic, lists[1].distances, lists[1].windows.n);
    if (nearest.n_held_out > 0 && nearest.n_synthetic > 0 && nearest.n_training > 0) {
        nearest.nearer = compare_distances(lists, n_hosts);
        nearest.very_near = very_near(&lists[1], &lists[0], nearest.held_out[NEAREST_5_PERCENT]);
    }
    for (size_t s = 0; s < 2; s++)
        list_release(&lists[s]);
    list_release(&training);
    return nearest;
}
