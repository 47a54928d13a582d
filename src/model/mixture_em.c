#include "model/mixture_em.h"

#include "base/memory.h"
#include "model/integer_mixture_internal.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LOG_SQRT_2PI 0.91893853320467274178

/* EM has arrived when a round gains less than this share of the log-likelihood. */
#define GAIN_TOLERANCE 3e-6

/* ---- cells and runs
 * ---------------------------------------------------------------------------------------
 */

struct mixture_grid mixture_grid_create(const int64_t *values, size_t n, int64_t lowest)
{
    struct mixture_grid grid = {
        .n = n,
        .middles = memory_alloc(n, sizeof(double)),
        .widths = memory_alloc(n, sizeof(double)),
        .log_widths = memory_alloc(n, sizeof(double)),
    };
    for (size_t i = 0; i < n; i++) {
        double offset = (double)values[i] - (double)lowest;
        struct mixture_cell cell = mixture_cell_of(offset, offset);
        bool is_inside = cell.kind == CELL_INSIDE;
        grid.middles[i] = is_inside ? cell.middle : 0.0;
        grid.widths[i] = is_inside ? cell.width : HUGE_VAL;
        grid.log_widths[i] = is_inside ? log(cell.width) : 0.0;
        if (!is_inside)
            grid.first_edge = cell.edge;
    }
    return grid;
}

static double cell_lower(const struct mixture_grid *grid, size_t i)
{
    return isinf(grid->widths[i]) ? -grid->first_edge : grid->middles[i] - 0.5 * grid->widths[i];
}

static double cell_upper(const struct mixture_grid *grid, size_t i)
{
    return isinf(grid->widths[i]) ? grid->first_edge : grid->middles[i] + 0.5 * grid->widths[i];
}

void mixture_grid_release(struct mixture_grid *grid)
{
    free(grid->middles);
    free(grid->widths);
    free(grid->log_widths);
}

/* Values that go through the steps of an expectation together, while they are in the cache. */
#define BLOCK 256

/* A cell this much narrower than the component is seen at its middle, with its second-order
 * correction: the error in ln mass is (z / NARROW)^4 / 2880. */
#define NARROW 32.0

/* Beyond so many deviations, where a component has 1e-32 of its mass, its size there is only
 * estimated: what matters is that it falls like exp(-z^2 / 2) for values that no component is
 * near to. */
#define FAR     12.0
#define LOG_FAR 2.48490664978800031023

struct mixture_run mixture_run_create(const struct mixture_grid *grid, const double *counts,
                                      size_t capacity, int64_t lowest, int64_t highest)
{
    struct mixture_run run = {
        .grid = grid,
        .counts = counts,
        .mixture = mixture_create(capacity, lowest, highest),
        .capacity = capacity,
        .log_masses = memory_alloc(grid->n, sizeof(double)),
        .work = memory_alloc(3 * BLOCK * capacity, sizeof(double)),
        .near = memory_alloc(capacity, sizeof(size_t)),
        .sums = memory_alloc(3 * capacity, sizeof(double)),
    };
    for (size_t i = 0; i < grid->n; i++)
        run.n += counts[i];
    return run;
}

void mixture_run_release(struct mixture_run *run)
{
    integer_mixture_release(&run->mixture);
    free(run->log_masses);
    free(run->work);
    free(run->near);
    free(run->sums);
}

/* e^x for EXP_LEAST <= x <= 0 to 1 part in 10^14, without a branch or a call, so that a loop over
 * it is vectorised: 2^k e^r with |r| <= ln 2 / 2. */
#define EXP_LEAST (-700.0)
static inline double exp_of_negative(double x)
{
    const double shift =
        0x1.8p52; /* added, it rounds to whole numbers and leaves them in the low bits */
    double shifted = x * 1.44269504088896340736 + shift, k = shifted - shift;
    double r = (x - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33;
    double sum = 1.0 / 479001600.0;
    sum = sum * r + 1.0 / 39916800.0;
    sum = sum * r + 1.0 / 3628800.0;
    sum = sum * r + 1.0 / 362880.0;
    sum = sum * r + 1.0 / 40320.0;
    sum = sum * r + 1.0 / 5040.0;
    sum = sum * r + 1.0 / 720.0;
    sum = sum * r + 1.0 / 120.0;
    sum = sum * r + 1.0 / 24.0;
    sum = sum * r + 1.0 / 6.0;
    sum = sum * r + 0.5;
    sum = sum * r + 1.0;
    sum = sum * r + 1.0;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* ln(w_g mass_g) of n cells, and the first two moments of z = (y - mean) / deviation in each. */
static void component_terms(const struct mixture_run *run, size_t g, size_t start, size_t n,
                            double *restrict terms, double *restrict first, double *restrict second)
{
    const double *middles = run->grid->middles + start, *widths = run->grid->widths + start;
    const double *log_widths = run->grid->log_widths + start;
    double mean = run->mixture.means[g], deviation = run->mixture.deviations[g];
    double inverse = 1.0 / deviation, log_weight = log(run->mixture.weights[g]);

    size_t i = 0;
    for (; i < n && widths[i] * NARROW > deviation; i++) { /* widths fall */
        struct normal_interval part;
        double z = (middles[i] - mean) * inverse, d = widths[i] * inverse;
        double near = fabs(z) - 0.5 * d;
        if (isinf(d))
            part = normal_below((run->grid->first_edge - mean) * inverse);
        else if (near < FAR)
            part = normal_inside(z, d);
        else
            part = (struct normal_interval){
                .log_mass = -0.5 * near * near - LOG_SQRT_2PI - LOG_FAR,
                .mean = copysign(near, z),
                .square = near * near,
            };
        terms[i] = log_weight + part.log_mass;
        first[i] = part.mean;
        second[i] = part.square;
    }
    double constant = log_weight - log(deviation) - LOG_SQRT_2PI;
#pragma omp simd
    for (size_t j = i; j < n; j++) {
        double z = (middles[j] - mean) * inverse, d = widths[j] * inverse;
        double square = z * z, spread = d * d * (1.0 / 12.0);
        terms[j] = constant + log_widths[j] - 0.5 * square + 0.5 * spread * (square - 1.0);
        first[j] = z - z * spread;
        second[j] = square * (1.0 - 2.0 * spread) + spread;
    }
}

/* The components that matter somewhere in cells start .. start + n - 1; how many. Of one that is
 * seen at the middles of its cells, ln(w mass) is concave in y and so at least the smaller of its
 * values at the two ends; no component exceeds what it would have with its peak as near as the
 * block lets it. A narrow component is thus left out of nearly every block. */
static size_t components_near(const struct mixture_run *run, size_t start, size_t n, size_t *near)
{
    const struct integer_mixture *mixture = &run->mixture;
    const struct mixture_grid *grid = run->grid;
    const size_t end = start + n - 1;
    double lower = cell_lower(grid, start), upper = cell_upper(grid, end), least = -HUGE_VAL;
    size_t n_near = 0;
    for (size_t g = 0; g < mixture->n_components; g++) {
        double mean = mixture->means[g], inverse = 1.0 / mixture->deviations[g];
        if (grid->widths[start] * NARROW * inverse > 1.0)
            continue;
        double z0 = (grid->middles[start] - mean) * inverse;
        double z1 = (grid->middles[end] - mean) * inverse;
        double ends = fmin(grid->log_widths[start] - 0.5 * z0 * z0,
                           grid->log_widths[end] - 0.5 * z1 * z1);
        least = fmax(least, ends + log(mixture->weights[g] * inverse) - LOG_SQRT_2PI);
    }
    for (size_t g = 0; g < mixture->n_components; g++) {
        double mean = mixture->means[g], inverse = 1.0 / mixture->deviations[g];
        double distance = fmax(fmax(lower - mean, mean - upper), 0.0) * inverse;
        double density = fmin(grid->widths[start] * inverse, 1.0);
        if (isinf(grid->widths[start]) ||
            log(mixture->weights[g] * density) - 0.5 * distance * distance > least - NEGLIGIBLE)
            near[n_near++] = g;
    }
    return n_near;
}

/* Adds the responsibilities of one block to the sums, and sets its log masses. */
static void run_expect_block(struct mixture_run *run, size_t start, size_t n)
{
    double *terms = run->work, *first = terms + run->capacity * BLOCK;
    double *second = first + run->capacity * BLOCK;
    double top[BLOCK], sum[BLOCK], share[BLOCK];
    size_t n_near = components_near(run, start, n, run->near);

    for (size_t i = 0; i < n; i++) {
        top[i] = -HUGE_VAL;
        sum[i] = 0.0;
    }
    for (size_t c = 0; c < n_near; c++) {
        double *term = terms + c * BLOCK;
        component_terms(run, run->near[c], start, n, term, first + c * BLOCK, second + c * BLOCK);
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            top[i] = term[i] > top[i] ? term[i] : top[i];
    }
    for (size_t c = 0; c < n_near; c++) {
        double *term = terms + c * BLOCK;
        /* A loop of its own: together, GCC 12 makes e^EXP_LEAST a branch and vectorises neither. */
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            double x = term[i] - top[i];
            term[i] = x > EXP_LEAST ? x : EXP_LEAST;
        }
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            term[i] = exp_of_negative(term[i]);
            sum[i] += term[i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        run->log_masses[start + i] = top[i] + log(sum[i]);
        share[i] = run->counts[start + i] / sum[i];
    }
    for (size_t c = 0; c < n_near; c++) {
        const double *term = terms + c * BLOCK;
        const double *one = first + c * BLOCK, *two = second + c * BLOCK;
        double sum0 = 0.0, sum1 = 0.0, sum2 = 0.0;
#pragma omp simd reduction(+ : sum0, sum1, sum2)
        for (size_t i = 0; i < n; i++) {
            double responsibility = share[i] * term[i];
            sum0 += responsibility;
            sum1 += responsibility * one[i];
            sum2 += responsibility * two[i];
        }
        double *sums = run->sums + 3 * run->near[c];
        sums[0] += sum0;
        sums[1] += sum1;
        sums[2] += sum2;
    }
}

/* The E step: sums, log masses and log-likelihood of the components as they are. */
static void run_expect(struct mixture_run *run)
{
    struct integer_mixture *mixture = &run->mixture;
    memset(run->sums, 0, 3 * mixture->n_components * sizeof *run->sums);
    for (size_t start = 0; start < run->grid->n; start += BLOCK)
        run_expect_block(run, start, run->grid->n - start < BLOCK ? run->grid->n - start : BLOCK);

    mixture_bound(mixture);
    double log_bounded = mixture->log_bounded, log_likelihood = 0.0;
#pragma omp simd reduction(+ : log_likelihood)
    for (size_t i = 0; i < run->grid->n; i++) {
        run->log_masses[i] -= log_bounded;
        log_likelihood += run->counts[i] * run->log_masses[i];
    }
    run->log_likelihood = log_likelihood;
    /* With a bound, what was seen is what is left of n / bounded draws: those beyond the bound,
     * which were not seen, count with their expectation. */
    if (mixture->highest == INT64_MAX)
        return;
    struct mixture_cell beyond = mixture_cell_beyond(mixture);
    for (size_t g = 0; g < mixture->n_components; g++) {
        struct normal_interval part = mixture_component_mass(mixture, g, &beyond);
        double unseen = run->n * mixture->weights[g] * exp(part.log_mass - mixture->log_bounded);
        run->sums[3 * g] += unseen;
        run->sums[3 * g + 1] += unseen * part.mean;
        run->sums[3 * g + 2] += unseen * part.square;
    }
}

/* The M step. A component that has lost everything is dropped. */
static void run_maximise(struct mixture_run *run)
{
    struct integer_mixture *mixture = &run->mixture;
    double total = 0.0;
    for (size_t g = 0; g < mixture->n_components; g++)
        total += run->sums[3 * g];
    size_t n_components = mixture->n_components;
    mixture->n_components = 0;
    for (size_t g = 0; g < n_components; g++) {
        double weight = run->sums[3 * g];
        if (weight < 1e-12 * total)
            continue;
        double step = run->sums[3 * g + 1] / weight, square = run->sums[3 * g + 2] / weight;
        double mean = mixture->means[g], deviation = mixture->deviations[g];
        mixture_add(mixture, weight / total, mean + deviation * step,
                    deviation * sqrt(fmax(square - step * step, 0.0)));
    }
}

void mixture_run_improve(struct mixture_run *run, size_t max_iterations)
{
    run_expect(run);
    for (size_t i = 0; i < max_iterations; i++) {
        double before = run->log_likelihood;
        run_maximise(run);
        run_expect(run);
        if (run->log_likelihood - before <= GAIN_TOLERANCE * fabs(before))
            break;
    }
}

/* ---- adding components -------------------------------------------------------------------- */

/* Values first .. last - 1, of which there are more than the components expect. */
struct window {
    size_t first, last;
    double n_seen, n_expected;
    double gain; /* of log-likelihood, were the window given its own share */
};

/* By gain, the largest first; the order of equal ones is fixed too. */
static int compare_windows(const void *a, const void *b)
{
    const struct window *x = a, *y = b;
    if (x->gain != y->gain)
        return x->gain > y->gain ? -1 : 1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->last > y->last) - (x->last < y->last);
}

/* Widths of the windows that are looked at, in units of y, from the widest; single values come
 * besides. */
static const double window_widths[] = { 4.0, 2.0, 1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125 };

/* Kulldorff's scan statistic (1997): ln of the likelihood ratio of "inside the window another rate
 * than outside" to "what the components expect". */
static double window_gain(double n_seen, double n_expected, double n)
{
    n_expected = fmax(n_expected, 1e-300);
    if (n_seen <= n_expected)
        return 0.0;
    double outside = n - n_seen;
    return n_seen * log(n_seen / n_expected) +
           (outside > 0.0 ? outside * log(outside / (n - n_expected)) : 0.0);
}

static double window_expected(const struct mixture_run *run, size_t first, size_t last)
{
    if (last - first == 1)
        return run->n * exp(run->log_masses[first]);
    double lower = cell_lower(run->grid, first), upper = cell_upper(run->grid, last - 1);
    struct mixture_cell cell = { .kind = CELL_INSIDE,
                                 .middle = 0.5 * (lower + upper),
                                 .width = upper - lower };
    if (isinf(run->grid->widths[first]))
        cell = (struct mixture_cell){ .kind = CELL_BELOW, .edge = upper };
    return run->n * exp(mixture_cell_log_mass(&run->mixture, &cell) - run->mixture.log_bounded);
}

struct window_list {
    struct window *items;
    size_t n, capacity;
};

static void window_consider(struct window_list *list, const struct mixture_run *run, size_t first,
                            size_t last, double n_seen)
{
    struct window window = { .first = first, .last = last, .n_seen = n_seen };
    if (n_seen == 0.0)
        return;
    window.n_expected = window_expected(run, first, last);
    window.gain = window_gain(n_seen, window.n_expected, run->n);
    if (!(window.gain > 0.0))
        return;
    list->items = memory_grow(list->items, &list->capacity, list->n + 1, sizeof *list->items);
    list->items[list->n++] = window;
}

static struct window_list windows_create(const struct mixture_run *run)
{
    const struct mixture_grid *grid = run->grid;
    struct window_list list = { 0 };
    for (size_t i = 0; i < grid->n; i++)
        window_consider(&list, run, i, i + 1, run->counts[i]);
    for (size_t w = 0; w < ARRAY_LEN(window_widths); w++) {
        for (int half = 0; half < 2; half++) { /* so that no cluster is cut in every row of them */
            size_t first = 0;
            double n_seen = 0.0;
            for (size_t i = 0; i < grid->n; i++) {
                double scale = 1.0 / window_widths[w];
                n_seen += run->counts[i];
                if (i + 1 < grid->n && floor(grid->middles[i] * scale + 0.5 * half) ==
                                           floor(grid->middles[i + 1] * scale + 0.5 * half))
                    continue;
                if (i > first)
                    window_consider(&list, run, first, i + 1, n_seen);
                first = i + 1;
                n_seen = 0.0;
            }
        }
    }
    if (list.n > 0)
        qsort(list.items, list.n, sizeof *list.items, compare_windows);
    return list;
}

/* Adds a component with mean and deviation of the values of a window. A single value gets one that
 * its cell holds within four deviations on either side. */
static void run_add_window(struct mixture_run *run, size_t first, size_t last, double weight)
{
    const struct mixture_grid *grid = run->grid;
    double n = 0.0, sum = 0.0, square = 0.0;
    double centre = grid->middles[first + (last - first) / 2];
    for (size_t i = first; i < last; i++) {
        double y = grid->middles[i] - centre;
        n += run->counts[i];
        sum += run->counts[i] * y;
        square += run->counts[i] * y * y;
    }
    double mean = sum / n, variance = fmax(square / n - mean * mean, 0.0);
    double width = cell_upper(grid, first) - cell_lower(grid, first);
    mixture_add(&run->mixture, weight, centre + mean, fmax(sqrt(variance), width / 8.0));
}

/* Adds up to `n_new` components where the present ones explain least: the windows with the highest
 * gains that do not overlap. */
static void run_grow(struct mixture_run *run, size_t n_new)
{
    struct integer_mixture *mixture = &run->mixture;
    struct window_list windows = windows_create(run);
    struct window *chosen = memory_alloc(n_new, sizeof *chosen);
    size_t n_chosen = 0;
    double added = 0.0;
    for (size_t w = 0; w < windows.n && n_chosen < n_new; w++) {
        bool overlaps = false;
        for (size_t c = 0; c < n_chosen; c++)
            overlaps |= windows.items[w].first < chosen[c].last &&
                        chosen[c].first < windows.items[w].last;
        if (overlaps)
            continue;
        chosen[n_chosen++] = windows.items[w];
        added += (windows.items[w].n_seen - windows.items[w].n_expected) / run->n;
    }
    /* Each brings the share that was missing; the old ones give way, but do not vanish. */
    double room = fmin(1.0, 0.9 / added);
    for (size_t g = 0; g < mixture->n_components; g++)
        mixture->weights[g] *= 1.0 - added * room;
    for (size_t c = 0; c < n_chosen; c++)
        run_add_window(run, chosen[c].first, chosen[c].last,
                       (chosen[c].n_seen - chosen[c].n_expected) / run->n * room);
    free(chosen);
    free(windows.items);
}

void mixture_run_extend(struct mixture_run *run, size_t n_components, size_t max_iterations)
{
    struct integer_mixture *mixture = &run->mixture;
    if (run->n == 0.0) { /* nothing seen: all but anything */
        mixture->n_components = 0;
        mixture_add(mixture, 1.0, 3.0, 3.0);
        run_expect(run);
        return;
    }
    if (mixture->n_components == 0)
        run_add_window(run, 0, run->grid->n, 1.0);
    else if (mixture->n_components < n_components)
        run_grow(run, n_components - mixture->n_components);
    mixture_run_improve(run, max_iterations);
}
