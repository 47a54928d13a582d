#include "model/integer_mixture.h"

#include "base/memory.h"
#include "model/integer_mixture_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* No component becomes narrower. The cells of small values are thousands of times as wide: one
 * component can hold all of 0 ms, of 40 bytes, of port 443. */
#define DEVIATION_FLOOR 1e-6

/* Largest value that is drawn: 2^53. */
#define VALUE_LIMIT (INT64_C(1) << 53)

/* ---- masses ------------------------------------------------------------------------------- */

/* Of lowest + first .. lowest + last. The width is not found as a difference of two edges, which
 * for large values lie closer together than doubles do. */
struct mixture_cell mixture_cell_of(double first, double last)
{
    if (first == 0.0)
        return (struct mixture_cell){ .kind = CELL_BELOW, .edge = log(last + 1.5) };
    double width = log1p((last - first + 1.0) / (first + 0.5));
    return (struct mixture_cell){
        .kind = CELL_INSIDE,
        .middle = log(first + 0.5) + 0.5 * width,
        .width = width,
    };
}

struct normal_interval mixture_component_mass(const struct integer_mixture *mixture, size_t g,
                                              const struct mixture_cell *cell)
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

/* No less than ln of the component's mass in the cell, by the distance of the two alone. */
static double component_bound(const struct integer_mixture *mixture, size_t g,
                              const struct mixture_cell *cell)
{
    double distance = 0.0, mean = mixture->means[g];
    if (cell->kind == CELL_INSIDE)
        distance = fabs(cell->middle - mean) - 0.5 * cell->width;
    else if (cell->kind == CELL_BELOW)
        distance = mean - cell->edge;
    else if (cell->kind == CELL_ABOVE)
        distance = cell->edge - mean;
    distance = fmax(distance, 0.0) / mixture->deviations[g];
    return -0.5 * distance * distance;
}

/* ln sum_g w_g mass_g(cell), as a running log-sum-exp. */
double mixture_cell_log_mass(const struct integer_mixture *mixture, const struct mixture_cell *cell)
{
    double top = -HUGE_VAL, sum = 0.0;
    for (size_t g = 0; g < mixture->n_components; g++) {
        if (component_bound(mixture, g, cell) < top - NEGLIGIBLE)
            continue;
        double term = log(mixture->weights[g]) + mixture_component_mass(mixture, g, cell).log_mass;
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
        return -HUGE_VAL;
    double from = (double)first - (double)mixture->lowest;
    struct mixture_cell cell = mixture_cell_of(from, (double)last - (double)mixture->lowest);
    if (last == INT64_MAX) { /* all that lies above */
        cell.kind = cell.kind == CELL_BELOW ? CELL_ALL : CELL_ABOVE;
        cell.edge = log(from + 0.5);
    }
    return fmin(mixture_cell_log_mass(mixture, &cell) - mixture->log_bounded, 0.0);
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

/* ---- components --------------------------------------------------------------------------- */

struct integer_mixture mixture_create(size_t capacity, int64_t lowest, int64_t highest)
{
    return (struct integer_mixture){
        .weights = memory_alloc(capacity, sizeof(double)),
        .means = memory_alloc(capacity, sizeof(double)),
        .deviations = memory_alloc(capacity, sizeof(double)),
        .lowest = lowest,
        .highest = highest,
    };
}

void mixture_add(struct integer_mixture *mixture, double weight, double mean, double deviation)
{
    size_t g = mixture->n_components++;
    mixture->weights[g] = weight;
    mixture->means[g] = mean;
    mixture->deviations[g] = fmax(deviation, DEVIATION_FLOOR);
}

/* `to` has room for them. */
void mixture_copy(struct integer_mixture *to, const struct integer_mixture *from)
{
    size_t bytes = from->n_components * sizeof(double);
    memcpy(to->weights, from->weights, bytes);
    memcpy(to->means, from->means, bytes);
    memcpy(to->deviations, from->deviations, bytes);
    to->n_components = from->n_components;
    to->log_bounded = from->log_bounded;
}

/* What lies above `highest`. */
struct mixture_cell mixture_cell_beyond(const struct integer_mixture *mixture)
{
    double span = (double)mixture->highest - (double)mixture->lowest;
    return (struct mixture_cell){ .kind = CELL_ABOVE, .edge = log(span + 1.5) };
}

void mixture_bound(struct integer_mixture *mixture)
{
    mixture->log_bounded = 0.0;
    if (mixture->highest == INT64_MAX)
        return;
    struct mixture_cell inside = { .kind = CELL_BELOW, .edge = mixture_cell_beyond(mixture).edge };
    mixture->log_bounded = mixture_cell_log_mass(mixture, &inside);
}

void mixture_sort(struct integer_mixture *mixture)
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

/* ---- files -------------------------------------------------------------------------------- */

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
