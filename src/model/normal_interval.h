/* normal_interval.h - the standard normal's mass and moments between two points.
 *
 * Exact to some 13 digits of the mass itself, however far out or however narrow the interval is:
 * nothing is found as a difference of two numbers close to each other. docs/math-mixtures.md has
 * the formulas.
 *
 *     struct normal_interval part = normal_inside(z, d);    // [z - d/2, z + d/2]
 *     double nats = -part.log_mass;
 */
#ifndef FLOWTWIN_MODEL_NORMAL_INTERVAL_H
#define FLOWTWIN_MODEL_NORMAL_INTERVAL_H

struct normal_interval {
    double log_mass;
    double mean, square; /* E[Z], E[Z^2] given that Z is inside */
};

/* Of [middle - width / 2, middle + width / 2], width > 0. */
struct normal_interval normal_inside(double middle, double width);
/* Of (-inf, edge] and [edge, inf). */
struct normal_interval normal_below(double edge);
struct normal_interval normal_above(double edge);

#endif
