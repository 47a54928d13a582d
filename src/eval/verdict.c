#include "eval/verdict.h"

#include <math.h>

const char *const verdict_names[] = { "like_real", "close", "apart", "far", "none" };
const char *const verdict_words[] = { "like real", "close", "apart", "far off", "no verdict" };

enum verdict verdict_of(double distance, double floor, double floor_deviation, double tolerance)
{
    if (!isfinite(distance) || !isfinite(floor))
        return VERDICT_NONE;
    double spread = isfinite(floor_deviation) ? 2.0 * floor_deviation : 0.0;
    if (distance <= floor + spread || distance <= tolerance)
        return VERDICT_LIKE_REAL;
    double base = fmax(floor, tolerance);
    return distance <= VERDICT_CLOSE_TIMES * base   ? VERDICT_CLOSE
           : distance <= VERDICT_APART_TIMES * base ? VERDICT_APART
                                                    : VERDICT_FAR;
}

/* Where the scale says by itself what is good: the upper ends of like real, close and apart. */
static enum verdict verdict_by_limits(double x, double like_real, double close, double apart)
{
    return isnan(x)         ? VERDICT_NONE
           : x <= like_real ? VERDICT_LIKE_REAL
           : x <= close     ? VERDICT_CLOSE
           : x <= apart     ? VERDICT_APART
                            : VERDICT_FAR;
}

enum verdict verdict_of_two_sample(double auc)
{
    return verdict_by_limits(auc, 0.60, WORRY_TWO_SAMPLE, 0.90);
}

enum verdict verdict_of_macro_f1(double change)
{
    return verdict_by_limits(-change, WORRY_MACRO_F1, 0.05, 0.15);
}

enum verdict verdict_of_forecast(double change)
{
    return verdict_by_limits(change, WORRY_FORECAST_PERCENT / 100.0, 0.15, 0.50);
}

static double error_of(const struct host_ratio *ratio)
{
    return isfinite(ratio->standard_error) ? ratio->standard_error : 0.0;
}

enum verdict verdict_of_copies(const struct copies *copies)
{
    return verdict_of(copies->synthetic.mean, copies->held_out.mean,
                      hypot(error_of(&copies->synthetic), error_of(&copies->held_out)), 0.0);
}

enum verdict verdict_of_nearest(const struct nearest *nearest)
{
    return verdict_by_limits(nearest->nearer.mean - 2.0 * error_of(&nearest->nearer), 0.50,
                             WORRY_NEARER, 0.75);
}

enum verdict verdict_of_membership(const struct inference *inference)
{
    return verdict_by_limits(inference->auc.mean, WORRY_MEMBERSHIP, 0.65, 0.80);
}
