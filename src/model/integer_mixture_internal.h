/* integer_mixture_internal.h - what integer_mixture.c shares with the files that fit it. */
#ifndef FLOWTWIN_MODEL_INTEGER_MIXTURE_INTERNAL_H
#define FLOWTWIN_MODEL_INTEGER_MIXTURE_INTERNAL_H

#include "model/integer_mixture.h"
#include "model/normal_interval.h"

/* Relative to the likeliest component, e^-NEGLIGIBLE is less than the rounding of a double. */
#define NEGLIGIBLE 40.0

/* The part of the y axis that belongs to some whole numbers in a row. */
struct mixture_cell {
    enum { CELL_INSIDE, CELL_BELOW, CELL_ABOVE, CELL_ALL } kind;
    double edge;          /* of one that reaches down to -inf or up to inf */
    double middle, width; /* of one that does neither */
};

/* Of lowest + first .. lowest + last. */
struct mixture_cell mixture_cell_of(double first, double last);
/* What lies above `highest`. */
struct mixture_cell mixture_cell_beyond(const struct integer_mixture *mixture);

/* One component's mass there, and moments of z = (y - mean) / deviation. */
struct normal_interval mixture_component_mass(const struct integer_mixture *mixture, size_t g,
                                              const struct mixture_cell *cell);
/* ln sum_g w_g mass_g(cell), not divided by what lies below the bound. */
double mixture_cell_log_mass(const struct integer_mixture *mixture,
                             const struct mixture_cell *cell);

/* Without components, but with room for them. Released with integer_mixture_release. */
struct integer_mixture mixture_create(size_t capacity, int64_t lowest, int64_t highest);
void mixture_add(struct integer_mixture *mixture, double weight, double mean, double deviation);
/* `to` has room for the components of `from`. */
void mixture_copy(struct integer_mixture *to, const struct integer_mixture *from);
void mixture_sort(struct integer_mixture *mixture);
/* Sets log_bounded. */
void mixture_bound(struct integer_mixture *mixture);

#endif
