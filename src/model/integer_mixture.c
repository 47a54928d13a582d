#include "model/integer_mixture.h"

#include "base/memory.h"
#include "model/normal_interval.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LOG_SQRT_2PI 0.91893853320467274178

/* No component becomes narrower. The cells of small values are thousands of times as wide: one
 * component can hold all of 0 ms, of 40 bytes, of port 443. */
#define DEVIATION_FLOOR 1e-6

/* Largest value that is drawn: 2^53. */
#define VALUE_LIMIT (INT64_C(1) << 53)

/* EM has arrived when a round gains less than this share of the log-likelihood. */
#define GAIN_TOLERANCE 3e-6

/* ---- samples ----------------------------------------------------------------------------------
 */

static int compare_values(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct integer_sample integer_sample_create(const int64_t *values, size_t n)
{
    struct integer_sample sample = { .values = memory_alloc(n, sizeof *values) };
    if (n > 0)
        memcpy(sample.values, values, n * sizeof *values);
    qsort(sample.values, n, sizeof *values, compare_values);
    sample.counts = memory_alloc(n, sizeof *sample.counts);
    for (size_t i = 0; i < n; i++) {
        if (sample.n == 0 || sample.values[sample.n - 1] != sample.values[i]) {
            sample.values[sample.n] = sample.values[i];
            sample.counts[sample.n++] = 0.0;
        }
        sample.counts[sample.n - 1] += 1.0;
    }
    sample.values = memory_resize(sample.values, sample.n, sizeof *sample.values);
    sample.counts = memory_resize(sample.counts, sample.n, sizeof *sample.counts);
    return sample;
}

void integer_sample_release(struct integer_sample *sample)
{
    free(sample->values);
    free(sample->counts);
    *sample = (struct integer_sample){ 0 };
}

/* ---- masses -----------------------------------------------------------------------------------
 */

/* The part of the y axis that belongs to some whole numbers in a row. */
struct cell {
    enum { CELL_INSIDE, CELL_BELOW, CELL_ABOVE, CELL_ALL } kind;
    double edge;          /* of one that reaches down to -inf or up to inf */
    double middle, width; /* of one that does neither */
};

/* Of lowest + first .. lowest + last. The width is not found as a difference of two edges, which
 * for large values lie closer together than doubles do. */
static struct cell cell_of(double first, double last)
{
    if (first == 0.0)
        return (struct cell){ .kind = CELL_BELOW, .edge = log(last + 1.5) };
    double width = log1p((last - first + 1.0) / (first + 0.5));
    return (struct cell){
        .kind = CELL_INSIDE,
        .middle = log(first + 0.5) + 0.5 * width,
        .width = width,
    };
}

static struct normal_interval component_mass(const struct integer_mixture *mixture, size_t g,
                                             const struct cell *cell)
{
    double mean = mixture->means[g], deviation = mixture->deviations[g];
    switch (cell->kind) {
    case CELL_INSIDE:
        return normal_inside((cell->middle - mean) / deviation, cell->width / deviation);
    case CELL_BELOW:
        return normal_below((cell->edge - mean) / deviation);
    case CELL_ABOVE:
        return normal_above((cell->edge - mean) / deviation);
    case CELL_ALL:
        return (struct normal_interval){ 0.0, 0.0, 1.0 };
    }
    BUG("cell of kind %d", (int)cell->kind);
}

/* ln sum_g w_g mass_g(cell), as a running log-sum-exp. */
static double mixture_log_mass(const struct integer_mixture *mixture, const struct cell *cell)
{
    double top = -INFINITY, sum = 0.0;
    for (size_t g = 0; g < mixture->n_components; g++) {
        double term = log(mixture->weights[g]) + component_mass(mixture, g, cell).log_mass;
        if (term <= top) {
            sum += exp(term - top);
        } else {
            sum = sum * exp(top - term) + 1.0;
            top = term;
        }
    }
    return top + log(sum);
}

double integer_mixture_log_mass(const struct integer_mixture *mixture, int64_t x)
{
    return integer_mixture_log_mass_between(mixture, x, x);
}

double integer_mixture_log_mass_between(const struct integer_mixture *mixture, int64_t first,
                                        int64_t last)
{
    if (first < mixture->lowest)
        first = mixture->lowest;
    if (last > mixture->highest)
        last = mixture->highest;
    if (first > last)
        return -INFINITY;
    double from = (double)first - (double)mixture->lowest;
    struct cell cell = cell_of(from, (double)last - (double)mixture->lowest);
    if (last == INT64_MAX) { /* all that lies above */
        cell.kind = cell.kind == CELL_BELOW ? CELL_ALL : CELL_ABOVE;
        cell.edge = log(from + 0.5);
    }
    return fmin(mixture_log_mass(mixture, &cell) - mixture->log_bounded, 0.0);
}

int64_t integer_mixture_draw(const struct integer_mixture *mixture, struct rng *rng)
{
    for (;;) {
        size_t g = rng_choice(rng, mixture->weights, mixture->n_components);
        double y = mixture->means[g] + mixture->deviations[g] * rng_normal(rng);
        double offset = fmax(floor(exp(y) - 0.5), 0.0);
        if (offset > (double)VALUE_LIMIT)
            continue;
        int64_t x = mixture->lowest + (int64_t)offset;
        if (x <= mixture->highest && x <= VALUE_LIMIT)
            return x;
    }
}

/* ---- components -------------------------------------------------------------------------------
 */

static struct integer_mixture mixture_create(size_t capacity, int64_t lowest, int64_t highest)
{
    return (struct integer_mixture){
        .weights = memory_alloc(capacity, sizeof(double)),
        .means = memory_alloc(capacity, sizeof(double)),
        .deviations = memory_alloc(capacity, sizeof(double)),
        .lowest = lowest,
        .highest = highest,
    };
}

static void mixture_add(struct integer_mixture *mixture, double weight, double mean,
                        double deviation)
{
    size_t g = mixture->n_components++;
    mixture->weights[g] = weight;
    mixture->means[g] = mean;
    mixture->deviations[g] = fmax(deviation, DEVIATION_FLOOR);
}

/* `to` has room for them. */
static void mixture_copy(struct integer_mixture *to, const struct integer_mixture *from)
{
    size_t bytes = from->n_components * sizeof(double);
    memcpy(to->weights, from->weights, bytes);
    memcpy(to->means, from->means, bytes);
    memcpy(to->deviations, from->deviations, bytes);
    to->n_components = from->n_components;
    to->log_bounded = from->log_bounded;
}

/* What lies above `highest`. */
static struct cell cell_beyond(const struct integer_mixture *mixture)
{
    double span = (double)mixture->highest - (double)mixture->lowest;
    return (struct cell){ .kind = CELL_ABOVE, .edge = log(span + 1.5) };
}

static void mixture_bound(struct integer_mixture *mixture)
{
    mixture->log_bounded = 0.0;
    if (mixture->highest == INT64_MAX)
        return;
    struct cell inside = { .kind = CELL_BELOW, .edge = cell_beyond(mixture).edge };
    mixture->log_bounded = mixture_log_mass(mixture, &inside);
}

static void mixture_sort(struct integer_mixture *mixture)
{
    for (size_t g = 1; g < mixture->n_components; g++) {
        for (size_t i = g; i > 0 && mixture->means[i - 1] > mixture->means[i]; i--) {
            double *columns[] = { mixture->weights, mixture->means, mixture->deviations };
            for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
                double value = columns[c][i];
                columns[c][i] = columns[c][i - 1];
                columns[c][i - 1] = value;
            }
        }
    }
}

void integer_mixture_release(struct integer_mixture *mixture)
{
    free(mixture->weights);
    free(mixture->means);
    free(mixture->deviations);
    *mixture = (struct integer_mixture){ 0 };
}

/* ---- EM ---------------------------------------------------------------------------------------
 */

/* The cells of distinct values, shared by all runs of EM on them. */
struct grid {
    size_t n;
    double *middles, *widths, *log_widths; /* a first cell without lower edge: width inf */
    double first_edge;                     /* upper edge of that one */
};

static struct grid grid_create(const int64_t *values, size_t n, int64_t lowest)
{
    struct grid grid = {
        .n = n,
        .middles = memory_alloc(n, sizeof(double)),
        .widths = memory_alloc(n, sizeof(double)),
        .log_widths = memory_alloc(n, sizeof(double)),
    };
    for (size_t i = 0; i < n; i++) {
        double offset = (double)values[i] - (double)lowest;
        struct cell cell = cell_of(offset, offset);
        bool is_inside = cell.kind == CELL_INSIDE;
        grid.middles[i] = is_inside ? cell.middle : 0.0;
        grid.widths[i] = is_inside ? cell.width : HUGE_VAL;
        grid.log_widths[i] = is_inside ? log(cell.width) : 0.0;
        if (!is_inside)
            grid.first_edge = cell.edge;
    }
    return grid;
}

static double cell_lower(const struct grid *grid, size_t i)
{
    return isinf(grid->widths[i]) ? -grid->first_edge : grid->middles[i] - 0.5 * grid->widths[i];
}

static double cell_upper(const struct grid *grid, size_t i)
{
    return isinf(grid->widths[i]) ? grid->first_edge : grid->middles[i] + 0.5 * grid->widths[i];
}

static void grid_release(struct grid *grid)
{
    free(grid->middles);
    free(grid->widths);
    free(grid->log_widths);
}

/* One run of EM: components and what they are fitted to. */
struct run {
    const struct grid *grid;
    const double *counts; /* [grid->n] */
    double n;             /* their sum */
    struct integer_mixture mixture;
    size_t capacity;       /* of components */
    double *log_masses;    /* [grid->n], of the last expectation, bound included */
    double *work;          /* 3 * capacity * BLOCK */
    size_t *near;          /* capacity: components that matter in a block */
    double *sums;          /* 3 * capacity: of responsibilities, of z and of z^2 */
    double log_likelihood; /* of counts */
};

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

static struct run run_create(const struct grid *grid, const double *counts, size_t capacity,
                             int64_t lowest, int64_t highest)
{
    struct run run = {
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

static void run_release(struct run *run)
{
    integer_mixture_release(&run->mixture);
    free(run->log_masses);
    free(run->work);
    free(run->near);
    free(run->sums);
}

/* e^x for x <= 0 to 1 part in 10^14, without a branch or a call, so that a loop over it is
 * vectorised: 2^k e^r with |r| <= ln 2 / 2. Below -700, e^-700. */
static inline double exp_of_negative(double x)
{
    const double shift =
        0x1.8p52; /* added, it rounds to whole numbers and leaves them in the low bits */
    x = x < -700.0 ? -700.0 : x;
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
static void component_terms(const struct run *run, size_t g, size_t start, size_t n,
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

/* Relative to the likeliest component of every cell of a block, e^-NEGLIGIBLE is less than the
 * rounding of a double. */
#define NEGLIGIBLE 40.0

/* The components that matter somewhere in cells start .. start + n - 1; how many. Of one that is
 * seen at the middles of its cells, ln(w mass) is concave in y and so at least the smaller of its
 * values at the two ends; no component exceeds what it would have with its peak as near as the
 * block lets it. A narrow component is thus left out of nearly every block. */
static size_t components_near(const struct run *run, size_t start, size_t n, size_t *near)
{
    const struct integer_mixture *mixture = &run->mixture;
    const struct grid *grid = run->grid;
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
static void run_expect_block(struct run *run, size_t start, size_t n)
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
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            term[i] = exp_of_negative(term[i] - top[i]);
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
static void run_expect(struct run *run)
{
    struct integer_mixture *mixture = &run->mixture;
    memset(run->sums, 0, 3 * mixture->n_components * sizeof *run->sums);
    for (size_t start = 0; start < run->grid->n; start += BLOCK)
        run_expect_block(run, start, run->grid->n - start < BLOCK ? run->grid->n - start : BLOCK);

    mixture_bound(mixture);
    run->log_likelihood = 0.0;
    for (size_t i = 0; i < run->grid->n; i++) {
        run->log_masses[i] -= mixture->log_bounded;
        run->log_likelihood += run->counts[i] * run->log_masses[i];
    }
    /* With a bound, what was seen is what is left of n / bounded draws: those beyond the bound,
     * which were not seen, count with their expectation. */
    if (mixture->highest == INT64_MAX)
        return;
    struct cell beyond = cell_beyond(mixture);
    for (size_t g = 0; g < mixture->n_components; g++) {
        struct normal_interval part = component_mass(mixture, g, &beyond);
        double unseen = run->n * mixture->weights[g] * exp(part.log_mass - mixture->log_bounded);
        run->sums[3 * g] += unseen;
        run->sums[3 * g + 1] += unseen * part.mean;
        run->sums[3 * g + 2] += unseen * part.square;
    }
}

/* The M step. A component that has lost everything is dropped. */
static void run_maximise(struct run *run)
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

/* Leaves log masses and log-likelihood of the components that it ends with. */
static void run_improve(struct run *run, size_t max_iterations)
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

/* ---- adding components ------------------------------------------------------------------------
 */

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

static double window_expected(const struct run *run, size_t first, size_t last)
{
    if (last - first == 1)
        return run->n * exp(run->log_masses[first]);
    double lower = cell_lower(run->grid, first), upper = cell_upper(run->grid, last - 1);
    struct cell cell = { .kind = CELL_INSIDE,
                         .middle = 0.5 * (lower + upper),
                         .width = upper - lower };
    if (isinf(run->grid->widths[first]))
        cell = (struct cell){ .kind = CELL_BELOW, .edge = upper };
    return run->n * exp(mixture_log_mass(&run->mixture, &cell) - run->mixture.log_bounded);
}

struct window_list {
    struct window *items;
    size_t n, capacity;
};

static void window_consider(struct window_list *list, const struct run *run, size_t first,
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

static struct window_list windows_create(const struct run *run)
{
    const struct grid *grid = run->grid;
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
static void run_add_window(struct run *run, size_t first, size_t last, double weight)
{
    const struct grid *grid = run->grid;
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
static void run_grow(struct run *run, size_t n_new)
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

/* From what it has, if anything, to `n_components` (less where nothing is left to explain). */
static void run_extend(struct run *run, size_t n_components, size_t max_iterations)
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
    run_improve(run, max_iterations);
}

/* ---- fitting ----------------------------------------------------------------------------------
 */

/* Numbers of components, each half as many again. A fit goes through them in order. */
static const size_t candidates[] = { 1, 2, 3, 5, 7, 10, 14, 20, 28, 40, 56, 80, 112 };

/* held_out[n_folds][grid->n]: how often each value stands in each fold; counts: in all. */
static void fit_on_grid(struct integer_mixture *mixture, const struct grid *grid,
                        const double *counts, const double *held_out, size_t n_folds,
                        const struct integer_mixture_settings *settings)
{
    bool is_chosen = settings->components == 0 && n_folds > 1;
    size_t most = settings->components > 0 ? settings->components : settings->max_components;
    size_t max_iterations = settings->max_iterations;
    if (most == 0)
        BUG("a mixture without components");

    /* Run 0 is on all values, run f on all but those of fold f - 1. */
    size_t n_runs = is_chosen ? n_folds + 1 : 1;
    struct run *runs = memory_alloc(n_runs, sizeof *runs);
    double *kept = memory_alloc(memory_product(n_folds, grid->n), sizeof *kept);
    runs[0] = run_create(grid, counts, most, mixture->lowest, mixture->highest);
    for (size_t f = 0; f + 1 < n_runs; f++) {
        for (size_t i = 0; i < grid->n; i++)
            kept[f * grid->n + i] = counts[i] - held_out[f * grid->n + i];
        runs[f + 1] = run_create(grid, kept + f * grid->n, most, mixture->lowest, mixture->highest);
    }

    double best = -HUGE_VAL;
    int n_worse = 0;
    for (size_t c = 0;; c++) {
        bool is_last = c + 1 == ARRAY_LEN(candidates) || candidates[c] >= most;
        size_t n_components = is_last ? most : candidates[c];
        size_t n_before = runs[0].mixture.n_components;
#pragma omp parallel for schedule(dynamic, 1)
        for (size_t r = 0; r < n_runs; r++)
            run_extend(&runs[r], n_components, max_iterations);

        double score = 0.0;
        for (size_t f = 0; f + 1 < n_runs; f++)
            for (size_t i = 0; i < grid->n; i++)
                score += held_out[f * grid->n + i] * runs[f + 1].log_masses[i];
        if (!is_chosen || score > best) {
            best = score;
            n_worse = 0;
            mixture_copy(mixture, &runs[0].mixture);
        } else {
            n_worse++;
        }
        bool is_stuck = runs[0].mixture.n_components <= n_before;
        if (is_last || is_stuck || n_worse == 3)
            break;
    }
    for (size_t r = 0; r < n_runs; r++)
        run_release(&runs[r]);
    free(runs);
    free(kept);
    mixture_sort(mixture);
    mixture_bound(mixture);
}

static void fit(struct integer_mixture *mixture, const struct integer_sample *sample,
                const double *held_out, size_t n_folds, int64_t lowest, int64_t highest,
                const struct integer_mixture_settings *settings)
{
    if (sample->n > 0 && (sample->values[0] < lowest || sample->values[sample->n - 1] > highest))
        BUG("a value outside %lld..%lld", (long long)lowest, (long long)highest);
    size_t most = settings->components > 0 ? settings->components : settings->max_components;
    *mixture = mixture_create(most, lowest, highest);
    struct grid grid = grid_create(sample->values, sample->n, lowest);
    fit_on_grid(mixture, &grid, sample->counts, held_out, n_folds, settings);
    grid_release(&grid);
}

void integer_mixture_fit(struct integer_mixture *mixture, const struct integer_sample *sample,
                         int64_t lowest, int64_t highest,
                         const struct integer_mixture_settings *settings, uint64_t seed)
{
    size_t n_folds = settings->folds;
    double *held_out = memory_zalloc(memory_product(n_folds, sample->n), sizeof *held_out);
    for (size_t i = 0; i < sample->n && n_folds > 0; i++) {
        struct rng rng = rng_stream(seed, RNG_FIT, 0, i);
        for (double k = 0.0; k < sample->counts[i]; k += 1.0)
            held_out[rng_below(&rng, n_folds) * sample->n + i] += 1.0;
    }
    fit(mixture, sample, held_out, n_folds, lowest, highest, settings);
    free(held_out);
}

/* Of all parts together. */
static struct integer_sample samples_merge(const struct integer_sample *parts, size_t n_parts)
{
    size_t n = 0, at = 0;
    for (size_t p = 0; p < n_parts; p++)
        n += parts[p].n;
    int64_t *values = memory_alloc(n, sizeof *values);
    for (size_t p = 0; p < n_parts; p++) {
        memcpy(values + at, parts[p].values, parts[p].n * sizeof *values);
        at += parts[p].n;
    }
    struct integer_sample all = integer_sample_create(values, n);
    memset(all.counts, 0, all.n * sizeof *all.counts);
    free(values);
    return all;
}

void integer_mixture_fit_parts(struct integer_mixture *mixture, const struct integer_sample *parts,
                               size_t n_parts, int64_t lowest, int64_t highest,
                               const struct integer_mixture_settings *settings)
{
    struct integer_sample all = samples_merge(parts, n_parts);
    double *held_out = memory_zalloc(memory_product(n_parts, all.n), sizeof *held_out);
    for (size_t p = 0; p < n_parts; p++) {
        size_t i = 0;
        for (size_t k = 0; k < parts[p].n; k++) {
            while (all.values[i] < parts[p].values[k])
                i++;
            held_out[p * all.n + i] = parts[p].counts[k];
            all.counts[i] += parts[p].counts[k];
        }
    }
    fit(mixture, &all, held_out, n_parts, lowest, highest, settings);
    free(held_out);
    integer_sample_release(&all);
}

double integer_mixture_improve(struct integer_mixture *mixture, const struct integer_sample *sample,
                               size_t max_iterations)
{
    struct grid grid = grid_create(sample->values, sample->n, mixture->lowest);
    struct run run = run_create(&grid, sample->counts, mixture->n_components, mixture->lowest,
                                mixture->highest);
    mixture_copy(&run.mixture, mixture);
    if (run.n > 0.0)
        run_improve(&run, max_iterations);
    mixture_copy(mixture, &run.mixture);
    mixture_sort(mixture);
    mixture_bound(mixture);
    double log_likelihood = run.n > 0.0 ? run.log_likelihood : 0.0;
    run_release(&run);
    grid_release(&grid);
    return log_likelihood;
}

/* ---- files ------------------------------------------------------------------------------------
 */

enum status integer_mixture_save(const struct integer_mixture *mixture, struct hdf5_group *parent,
                                 const char *name, struct error *err)
{
    struct hdf5_group *group;
    FORWARD(hdf5_group_create(parent, name, &group, err));
    const size_t *n = &mixture->n_components;
    enum status status = hdf5_write_integer(group, "lowest", mixture->lowest, err);
    if (status == STATUS_OK)
        status = hdf5_write_integer(group, "highest", mixture->highest, err);
    if (status == STATUS_OK)
        status = hdf5_write_array(group, "weights", HDF5_F64, mixture->weights, 1, n, err);
    if (status == STATUS_OK)
        status = hdf5_write_array(group, "means", HDF5_F64, mixture->means, 1, n, err);
    if (status == STATUS_OK)
        status = hdf5_write_array(group, "deviations", HDF5_F64, mixture->deviations, 1, n, err);
    enum status closed = hdf5_group_close(group, status == STATUS_OK ? err : NULL);
    return status != STATUS_OK ? status : closed;
}

static enum status mixture_check(const struct integer_mixture *mixture, const char *name,
                                 struct error *err)
{
    double total = 0.0;
    RETURN_IF(mixture->lowest < 0 || mixture->highest < mixture->lowest, err, STATUS_FORMAT,
              "%s: a mixture from %lld to %lld", name, (long long)mixture->lowest,
              (long long)mixture->highest);
    for (size_t g = 0; g < mixture->n_components; g++) {
        double weight = mixture->weights[g], deviation = mixture->deviations[g];
        RETURN_IF(!(weight > 0.0 && weight <= 1.0) || !isfinite(mixture->means[g]) ||
                      !(deviation > 0.0 && isfinite(deviation)),
                  err, STATUS_FORMAT, "%s: component %zu has weight %g, mean %g, deviation %g",
                  name, g, weight, mixture->means[g], deviation);
        total += weight;
    }
    RETURN_IF(!(fabs(total - 1.0) < 1e-6), err, STATUS_FORMAT, "%s: the weights sum to %.9g", name,
              total);
    return STATUS_OK;
}

enum status integer_mixture_load(struct integer_mixture *mixture, struct hdf5_group *parent,
                                 const char *name, struct error *err)
{
    struct hdf5_group *group;
    *mixture = (struct integer_mixture){ 0 };
    FORWARD(hdf5_group_open(parent, name, &group, err));
    int64_t lowest = 0, highest = 0;
    size_t n = 0;
    enum status status = hdf5_read_integer(group, "lowest", &lowest, err);
    if (status == STATUS_OK)
        status = hdf5_read_integer(group, "highest", &highest, err);
    if (status == STATUS_OK)
        status = hdf5_array_size(group, "weights", 1, &n, err);
    if (status == STATUS_OK) {
        *mixture = mixture_create(n, lowest, highest);
        mixture->n_components = n;
        status = hdf5_read_array(group, "weights", HDF5_F64, mixture->weights, n, err);
    }
    if (status == STATUS_OK)
        status = hdf5_read_array(group, "means", HDF5_F64, mixture->means, n, err);
    if (status == STATUS_OK)
        status = hdf5_read_array(group, "deviations", HDF5_F64, mixture->deviations, n, err);
    if (status == STATUS_OK)
        status = mixture_check(mixture, name, err);
    hdf5_group_close(group, NULL);
    if (status == STATUS_OK)
        mixture_bound(mixture);
    else
        integer_mixture_release(mixture);
    return status;
}
