#include "eval/axis.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>

bool axis_takes(const struct axis *axis, double x)
{
    return isfinite(x) && (axis->scale != SCALE_LOG || x > 0.0) &&
           (axis->scale != SCALE_LOG1P || x >= 0.0);
}

void axis_include(struct axis *axis, double x)
{
    if (!axis_takes(axis, x))
        return;
    if (!axis->has_range || x < axis->low)
        axis->low = x;
    if (!axis->has_range || x > axis->high)
        axis->high = x;
    axis->has_range = true;
}

static double to_scale(const struct axis *axis, double x)
{
    switch (axis->scale) {
    case SCALE_LOG:
        return log10(x);
    case SCALE_LOG1P:
        return log1p(x);
    default:
        return x;
    }
}

/* The largest of 1, 2, 5 times a power of ten that makes at least `wanted` steps of a width. */
static double round_step(double width, size_t wanted)
{
    double raw = width / (double)wanted;
    double power = pow(10.0, floor(log10(raw)));
    double digit = raw / power;
    return power * (digit < 1.5 ? 1.0 : digit < 3.5 ? 2.0 : digit < 7.5 ? 5.0 : 10.0);
}

#define STEPS 5

void axis_finish(struct axis *axis)
{
    if (!axis->has_range)
        BUG("an axis without a value");
    if (axis->scale == SCALE_LINEAR && axis->from_zero) {
        axis->low = fmin(axis->low, 0.0);
        axis->high = fmax(axis->high, 0.0);
    }
    if (axis->low == axis->high) {
        double width = axis->low != 0.0 ? fabs(axis->low) : 1.0;
        bool is_log = axis->scale == SCALE_LOG;
        if (!(axis->from_zero || axis->scale == SCALE_LOG1P))
            axis->low = is_log ? axis->low / 10.0 : axis->low - width;
        axis->high = is_log ? axis->high * 10.0 : axis->high + width;
    }
    if (axis->is_tight)
        return;
    if (axis->scale == SCALE_LINEAR) {
        double step = round_step(axis->high - axis->low, STEPS);
        axis->low = step * floor(axis->low / step + 1e-9);
        axis->high = step * ceil(axis->high / step - 1e-9);
    } else if (axis->scale == SCALE_LOG && axis->high / axis->low > 10.0) {
        axis->low = pow(10.0, floor(log10(axis->low) + 1e-9));
        axis->high = pow(10.0, ceil(log10(axis->high) - 1e-9));
    }
}

double axis_place(const struct axis *axis, double x)
{
    double low = to_scale(axis, axis->low), high = to_scale(axis, axis->high);
    return fmin(fmax((to_scale(axis, x) - low) / (high - low), 0.0), 1.0);
}

static void add_tick(struct ticks *ticks, const struct axis *axis, double x)
{
    double slack = 1e-9 * (axis->high - axis->low);
    if (ticks->n < AXIS_TICKS_MAX && x >= axis->low - slack && x <= axis->high + slack)
        ticks->at[ticks->n++] = x;
}

/* Powers of ten, every so many-th; with 2 and 5 times them where there are few. */
static void add_log_ticks(struct ticks *ticks, const struct axis *axis, size_t wanted)
{
    double low = axis->scale == SCALE_LOG1P ? fmax(axis->low, 1.0) : axis->low;
    double first = floor(log10(low) + 1e-9), last = floor(log10(fmax(axis->high, low)) + 1e-9);
    double n_powers = last - first + 1.0;
    double every = fmax(1.0, ceil(n_powers / (double)wanted - 1e-9));
    static const double digits[] = { 1.0, 2.0, 5.0 };
    size_t n_digits = 2.0 * n_powers <= (double)wanted ? ARRAY_LEN(digits) : 1;
    if (axis->scale == SCALE_LOG1P)
        add_tick(ticks, axis, 0.0);
    /* Every many-th power: those that 10^0 is among, so that charts of one unit have the same. */
    for (double power = every * ceil(first / every - 1e-9); power <= last; power += every)
        for (size_t d = 0; d < n_digits; d++)
            add_tick(ticks, axis, digits[d] * pow(10.0, power));
}

struct ticks axis_ticks(const struct axis *axis, size_t wanted)
{
    struct ticks ticks = { .n = 0 };
    if (axis->scale == SCALE_LINEAR) {
        double step = axis->step > 0.0 ? axis->step : round_step(axis->high - axis->low, wanted);
        double first = ceil(axis->low / step - 1e-9);
        for (double k = first; k * step <= axis->high + 1e-9 * step; k += 1.0)
            add_tick(&ticks, axis, k * step + 0.0); /* + 0.0: no -0 */
    } else {
        add_log_ticks(&ticks, axis, wanted);
    }
    return ticks;
}

void axis_label(double x, char text[AXIS_LABEL_SIZE])
{
    static const struct {
        double unit;
        const char *letter;
    } units[] = { { 1e12, "T" }, { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } };
    for (size_t u = 0; u < ARRAY_LEN(units); u++) {
        if (fabs(x) >= units[u].unit && fabs(x) < 1e15) {
            snprintf(text, AXIS_LABEL_SIZE, "%.4g%s", x / units[u].unit, units[u].letter);
            return;
        }
    }
    if (x != 0.0 && fabs(x) < 1e-4) { /* without the leading 0 of the exponent */
        double power = floor(log10(fabs(x)) + 1e-9);
        snprintf(text, AXIS_LABEL_SIZE, "%.3ge%.0f", x / pow(10.0, power), power);
    } else {
        snprintf(text, AXIS_LABEL_SIZE, "%.4g", x);
    }
}
