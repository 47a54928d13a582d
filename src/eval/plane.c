#include "eval/plane.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/progress.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *const plane_method_names[] = { "pca", "t-sne", NULL };

/* ---- principal components ----------------------------------------------------------------- */

#define POWER_STEPS 500

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* covariance [width, width] of centred vectors. */
static double *covariance_of(const double *centred, size_t n, size_t width)
{
    double *covariance = memory_zalloc(memory_product(width, width), sizeof *covariance);
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < width; i++)
            for (size_t j = 0; j < width; j++)
                covariance[i * width + j] += centred[r * width + i] * centred[r * width + j];
    return covariance;
}

static void make_unit(double *x, size_t n)
{
    double length = sqrt(dot(x, x, n));
    for (size_t i = 0; i < n; i++)
        x[i] = length > 0.0 ? x[i] / length : 0.0;
}

/* The direction of the largest variance that is orthogonal to `other` (NULL: any), by the power
 * method. */
static void find_direction(double *direction, const double *covariance, const double *other,
                           size_t width)
{
    double *next = memory_alloc(width, sizeof *next);
    for (size_t i = 0; i < width; i++)
        direction[i] = 1.0 + 0.5 * sin((double)(i + 1)); /* along no axis */
    for (int step = 0; step < POWER_STEPS; step++) {
        for (size_t i = 0; i < width; i++)
            next[i] = dot(covariance + i * width, direction, width);
        double along = other != NULL ? dot(next, other, width) : 0.0;
        for (size_t i = 0; i < width; i++)
            direction[i] = next[i] - (other != NULL ? along * other[i] : 0.0);
        make_unit(direction, width);
    }
    free(next);
}

void plane_components(double *map, const double *vectors, size_t n, size_t width)
{
    double *centred = memory_alloc(memory_product(n, width), sizeof *centred);
    double *directions = memory_alloc(2 * width, sizeof *directions);
    for (size_t i = 0; i < width; i++) {
        double mean = 0.0;
        for (size_t r = 0; r < n; r++)
            mean += vectors[r * width + i] / (double)n;
        for (size_t r = 0; r < n; r++)
            centred[r * width + i] = vectors[r * width + i] - mean;
    }
    double *covariance = covariance_of(centred, n, width);
    find_direction(directions, covariance, NULL, width);
    find_direction(directions + width, covariance, directions, width);
    for (size_t r = 0; r < n; r++)
        for (size_t k = 0; k < 2; k++)
            map[2 * r + k] = dot(centred + r * width, directions + k * width, width);
    free(covariance);
    free(directions);
    free(centred);
}

/* ---- t-SNE -------------------------------------------------------------------------------- */

#define PERPLEXITY     30.0
#define TSNE_STEPS     600
#define EXAGGERATED    150 /* first steps, in which near points draw harder */
#define EXAGGERATION   12.0
#define MOMENTUM_EARLY 0.5
#define MOMENTUM       0.8
#define MOMENTUM_STEP  200
/* Below so many points, starting threads takes longer than a step. */
#define FEW_POINTS 150

struct tsne {
    size_t n;
    double *p;                   /* [n, n] how near points are, sum 1 */
    double *y, *step, *gains;    /* [n, 2] */
    double *gradient, *row_sums; /* [n, 2], [n] */
};

/* exp(-d / (2 s^2)) of a point to the others, normalised, with s such that the perplexity (the
 * exponential of the entropy) is as wanted. p: squared distances in, shares out. */
static void find_shares(double *p, size_t n, size_t self, double perplexity)
{
    double *distances = memory_alloc(n, sizeof *distances);
    double low = 0.0, high = INFINITY, precision = 1.0, nearest = INFINITY;
    memcpy(distances, p, n * sizeof *distances);
    for (size_t j = 0; j < n; j++)
        if (j != self && distances[j] < nearest)
            nearest = distances[j];
    for (int step = 0; step < 100; step++) {
        double sum = 0.0, weighted = 0.0;
        for (size_t j = 0; j < n; j++) {
            double gap = distances[j] - nearest;
            p[j] = j == self ? 0.0 : exp(-precision * gap);
            sum += p[j];
            weighted += p[j] * gap;
        }
        double entropy = log(sum) + precision * weighted / sum;
        for (size_t j = 0; j < n; j++)
            p[j] /= sum;
        if (fabs(entropy - log(perplexity)) < 1e-5)
            break;
        if (entropy > log(perplexity)) {
            low = precision;
            precision = isinf(high) ? 2.0 * precision : 0.5 * (low + high);
        } else {
            high = precision;
            precision = 0.5 * (low + high);
        }
    }
    free(distances);
}

static void find_neighbours(struct tsne *tsne, const double *vectors, size_t width)
{
    size_t n = tsne->n;
    double perplexity = fmin(PERPLEXITY, (double)(n - 1) / 3.0);
#pragma omp parallel for schedule(static) if (n >= FEW_POINTS)
    for (size_t i = 0; i < n; i++) {
        double *row = tsne->p + i * n;
        for (size_t j = 0; j < n; j++) {
            double sum = 0.0;
            for (size_t k = 0; k < width; k++) {
                double gap = vectors[i * width + k] - vectors[j * width + k];
                sum += gap * gap;
            }
            row[j] = sum;
        }
        find_shares(row, n, i, perplexity);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            double p = (tsne->p[i * n + j] + tsne->p[j * n + i]) / (2.0 * (double)n);
            tsne->p[i * n + j] = tsne->p[j * n + i] = fmax(p, 1e-12);
        }
    }
}

/* 1 / (1 + squared distance on the map) */
static double nearness(const double *y, size_t i, size_t j)
{
    double dx = y[2 * i] - y[2 * j], dy = y[2 * i + 1] - y[2 * j + 1];
    return 1.0 / (1.0 + dx * dx + dy * dy);
}

/* dC/dy_i = 4 sum_j (p_ij - q_ij) (y_i - y_j) nearness_ij; each point's sum in the order of the
 * others, so that threads change nothing. */
static void find_gradient(struct tsne *tsne, double exaggeration)
{
    size_t n = tsne->n;
    const double *y = tsne->y;
#pragma omp parallel for schedule(static) if (n >= FEW_POINTS)
    for (size_t i = 0; i < n; i++) {
        tsne->row_sums[i] = 0.0;
        for (size_t j = 0; j < n; j++)
            tsne->row_sums[i] += j == i ? 0.0 : nearness(y, i, j);
    }
    double total = 0.0;
    for (size_t i = 0; i < n; i++)
        total += tsne->row_sums[i];
#pragma omp parallel for schedule(static) if (n >= FEW_POINTS)
    for (size_t i = 0; i < n; i++) {
        double sums[2] = { 0.0, 0.0 };
        for (size_t j = 0; j < n; j++) {
            double near = nearness(y, i, j);
            double force = (exaggeration * tsne->p[i * n + j] - near / total) * near;
            for (size_t k = 0; k < 2; k++)
                sums[k] += force * (y[2 * i + k] - y[2 * j + k]);
        }
        tsne->gradient[2 * i] = 4.0 * sums[0];
        tsne->gradient[2 * i + 1] = 4.0 * sums[1];
    }
}

/* A step with momentum and a gain for each number (Jacobs 1988); the map stays centred. */
static void move_points(struct tsne *tsne, double rate, double momentum)
{
    double mean[2] = { 0.0, 0.0 };
    for (size_t i = 0; i < 2 * tsne->n; i++) {
        bool is_turned = (tsne->gradient[i] > 0.0) != (tsne->step[i] > 0.0);
        tsne->gains[i] = fmax(is_turned ? tsne->gains[i] + 0.2 : 0.8 * tsne->gains[i], 0.01);
        tsne->step[i] = momentum * tsne->step[i] - rate * tsne->gains[i] * tsne->gradient[i];
        tsne->y[i] += tsne->step[i];
        mean[i % 2] += tsne->y[i] / (double)tsne->n;
    }
    for (size_t i = 0; i < 2 * tsne->n; i++)
        tsne->y[i] -= mean[i % 2];
}

/* The components, so small that they only say where to begin. */
static void begin_map(struct tsne *tsne, const double *vectors, size_t width)
{
    double largest = 0.0;
    plane_components(tsne->y, vectors, tsne->n, width);
    for (size_t i = 0; i < 2 * tsne->n; i++)
        largest = fmax(largest, fabs(tsne->y[i]));
    for (size_t i = 0; i < 2 * tsne->n; i++) {
        tsne->y[i] *= largest > 0.0 ? 1e-2 / largest : 0.0;
        tsne->gains[i] = 1.0;
    }
}

static enum status run_tsne(struct tsne *tsne, struct error *err)
{
    struct progress progress = progress_start("map", TSNE_STEPS, "steps");
    double rate = fmax(50.0, (double)tsne->n / EXAGGERATION); /* Belkina et al. 2019 */
    for (int step = 0; step < TSNE_STEPS && !interrupt_requested(); step++) {
        find_gradient(tsne, step < EXAGGERATED ? EXAGGERATION : 1.0);
        move_points(tsne, rate, step < MOMENTUM_STEP ? MOMENTUM_EARLY : MOMENTUM);
        progress_update(&progress, step, NULL);
    }
    progress_finish(&progress);
    RETURN_IF(interrupt_requested(), err, STATUS_INTERRUPTED, "interrupted");
    return STATUS_OK;
}

enum status plane_map(double *map, const double *vectors, size_t n, size_t width,
                      enum plane_method *method, struct error *err)
{
    *method = n >= PLANE_FEWEST && n <= PLANE_MOST ? PLANE_TSNE : PLANE_COMPONENTS;
    if (*method == PLANE_COMPONENTS) {
        plane_components(map, vectors, n, width);
        return STATUS_OK;
    }
    struct tsne tsne = {
        .n = n,
        .p = memory_zalloc(memory_product(n, n), sizeof *tsne.p),
        .y = map,
        .step = memory_zalloc(2 * n, sizeof *tsne.step),
        .gains = memory_alloc(2 * n, sizeof *tsne.gains),
        .gradient = memory_alloc(2 * n, sizeof *tsne.gradient),
        .row_sums = memory_alloc(n, sizeof *tsne.row_sums),
    };
    find_neighbours(&tsne, vectors, width);
    begin_map(&tsne, vectors, width);
    enum status status = run_tsne(&tsne, err);
    free(tsne.p);
    free(tsne.step);
    free(tsne.gains);
    free(tsne.gradient);
    free(tsne.row_sums);
    return status;
}
