#include "eval/comparison.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/progress.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>

static_assert(sizeof(struct comparison) % sizeof(double) == 0, "a comparison is doubles only");
static_assert(sizeof(struct portrait) % sizeof(double) == 0, "a portrait is doubles only");

#define N_COMPARISON_NUMBERS (sizeof(struct comparison) / sizeof(double))
#define N_PORTRAIT_NUMBERS   (sizeof(struct portrait) / sizeof(double))

static void measure_portrait(struct portrait *portrait, const struct side *side)
{
    portrait->dependence = dependence_measure(side);
#pragma omp parallel sections
    {
#pragma omp section
        portrait->conversations = conversations_measure(side->traffic);
#pragma omp section
        portrait->rules = rules_measure(side->traffic);
#pragma omp section
        portrait->host_counts = host_counts_measure(side->traffic);
#pragma omp section
        for (int series = 0; series < N_ACF_SERIES; series++)
            portrait->autocorrelation[series] = autocorrelation_measure(side->traffic, series);
    }
}

static void fill_with_nan(double *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        numbers[i] = NAN;
}

struct comparison comparison_make(const struct side *real, const struct side *synthetic)
{
    struct comparison comparison;
    fill_with_nan((double *)&comparison, N_COMPARISON_NUMBERS);
#pragma omp parallel for schedule(dynamic)
    for (int a = 0; a < N_CODED; a++)
        if (classes_has_fine(real->classes, (enum attribute)a))
            comparison.distributions[a] = distribution_compare(real, synthetic, (enum attribute)a);
    comparison.netshare = netshare_compare(real->traffic, synthetic->traffic);
    comparison.pairs = pairs_compare(real, synthetic);
    measure_portrait(&comparison.real, real);
    measure_portrait(&comparison.synthetic, synthetic);
    comparison.js_host_counts = host_counts_compare(&comparison.real.host_counts,
                                                    &comparison.synthetic.host_counts);
    const double *a = (const double *)&comparison.real, *b = (const double *)&comparison.synthetic;
    double *difference = (double *)&comparison.difference;
    for (size_t i = 0; i < N_PORTRAIT_NUMBERS; i++)
        difference[i] = fabs(b[i] - a[i]);
    return comparison;
}

/* ---- averages ----------------------------------------------------------------------------- */

void comparison_average_add(struct comparison_average *average, const struct comparison *one)
{
    average->items = memory_grow(average->items, &average->capacity, average->n + 1,
                                 sizeof *average->items);
    average->items[average->n++] = *one;
}

void comparison_average_finish(struct comparison_average *average)
{
    double *mean = (double *)&average->mean, *deviation = (double *)&average->deviation;
    for (size_t i = 0; i < N_COMPARISON_NUMBERS; i++) {
        double sum = 0.0, squares = 0.0, n = 0.0;
        for (size_t c = 0; c < average->n; c++) {
            double x = ((const double *)&average->items[c])[i];
            sum += isnan(x) ? 0.0 : x;
            n += isnan(x) ? 0.0 : 1.0;
        }
        mean[i] = n > 0.0 ? sum / n : (double)NAN;
        for (size_t c = 0; c < average->n; c++) {
            double residual = ((const double *)&average->items[c])[i] - mean[i];
            squares += isnan(residual) ? 0.0 : residual * residual;
        }
        deviation[i] = n > 1.0 ? sqrt(squares / (n - 1.0)) : (double)NAN;
    }
}

void comparison_average_release(struct comparison_average *average)
{
    free(average->items);
    *average = (struct comparison_average){ 0 };
}

/* ---- the floor ---------------------------------------------------------------------------- */

static struct comparison compare_halves(const struct side *whole, uint64_t seed, size_t halving)
{
    struct traffic *halves[2];
    traffic_halves(whole->traffic, seed, halving, halves);
    struct side a = side_part(whole, halves[0]), b = side_part(whole, halves[1]);
    struct comparison comparison = comparison_make(&a, &b);
    traffic_free(halves[0]);
    traffic_free(halves[1]);
    return comparison;
}

enum status comparison_floor(const struct traffic *real, size_t n_halvings, uint64_t seed,
                             struct comparison_average *floor, struct error *err)
{
    struct classes *classes = classes_create(real, NULL);
    struct side whole = side_create(real, classes);
    struct progress progress = progress_start("floor", (double)n_halvings, "halvings");
    size_t n_done = 0;
    floor->items = memory_grow(floor->items, &floor->capacity, n_halvings, sizeof *floor->items);
    floor->n = n_halvings;
    /* One halving a thread: within it, all runs on that thread. */
#pragma omp parallel for schedule(dynamic) reduction(+ : n_done)
    for (size_t i = 0; i < n_halvings; i++) {
        if (interrupt_requested())
            continue;
        floor->items[i] = compare_halves(&whole, seed, i);
        n_done++;
        if (omp_get_thread_num() == 0)
            progress_update(&progress, (double)n_done * omp_get_num_threads(), NULL);
    }
    progress_finish(&progress);
    side_release(&whole);
    classes_free(classes);
    RETURN_IF(interrupt_requested(), err, STATUS_INTERRUPTED, "interrupted");
    comparison_average_finish(floor);
    return STATUS_OK;
}

double comparison_size_factor(double n_real_hosts, double n_synthetic_hosts)
{
    return (1.0 / n_real_hosts + 1.0 / n_synthetic_hosts) / (4.0 / n_real_hosts);
}
