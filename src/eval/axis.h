/* axis.h - the axis of a chart: its range, its ticks, and where a value lies on it.
 *
 *     struct axis axis = { .title = "bytes per flow", .scale = SCALE_LOG1P };
 *     for each value: axis_include(&axis, value);
 *     axis_finish(&axis);
 *     struct ticks ticks = axis_ticks(&axis, 5);
 *     double place = axis_place(&axis, value);     // 0 at the low end, 1 at the high one
 */
#ifndef FLOWTWIN_EVAL_AXIS_H
#define FLOWTWIN_EVAL_AXIS_H

#include <stdbool.h>
#include <stddef.h>

enum scale {
    SCALE_LINEAR,
    SCALE_LOG,   /* positive values */
    SCALE_LOG1P, /* log(1 + x): counts, with a place for 0 */
};

struct axis {
    const char *title; /* with its unit */
    enum scale scale;
    double step;    /* between ticks, where they are not to be chosen: hours of a day */
    bool from_zero; /* linear: 0 is on it */
    bool is_tight;  /* ends where the values end, not at the next tick */
    bool has_range; /* some value has been taken in */
    double low, high;
};

/* Whether a value can stand on an axis of that scale. */
bool axis_takes(const struct axis *axis, double x);
/* Widens the range to hold x; what the axis cannot take changes nothing. */
void axis_include(struct axis *axis, double x);
/* Gives the range a width, and rounds its ends outwards to ticks. Needs has_range. */
void axis_finish(struct axis *axis);

/* The place of x, where the axis takes it; values outside the range lie at its ends. */
double axis_place(const struct axis *axis, double x);

#define AXIS_TICKS_MAX 24
struct ticks {
    double at[AXIS_TICKS_MAX];
    size_t n;
};
/* About `wanted` round values inside the range: 1, 2 or 5 times a power of ten. */
struct ticks axis_ticks(const struct axis *axis, size_t wanted);

#define AXIS_LABEL_SIZE 24
/* "0", "0.05", "12", "20k", "5M", "1e-6" */
void axis_label(double x, char text[AXIS_LABEL_SIZE]);

#endif
