/* row_chart.h - charts with a row for each of several names: bars, or boxes over many values.
 *
 *     const char *const labels[] = { "bytes", "packets" };
 *     struct row_mark marks[] = {                    // [n_rows * n_marks]
 *         { COLOR_REAL, "real", &real[0], 1 }, { 1, "twin", &twin[0], 1 },
 *         { COLOR_REAL, "real", &real[1], 1 }, { 1, "twin", &twin[1], 1 },
 *     };
 *     struct row_chart chart = { .title = "...", .x = { .title = "nats", .from_zero = true },
 *                                .kind = ROWS_OF_BARS, .labels = labels, .n_rows = 2,
 *                                .marks = marks, .n_marks = 2 };
 *     row_chart_write(&chart, &page);
 */
#ifndef FLOWTWIN_EVAL_ROW_CHART_H
#define FLOWTWIN_EVAL_ROW_CHART_H

#include "eval/axis.h"
#include "eval/page.h"

enum row_kind {
    ROWS_OF_BARS,  /* the first value, with its number written beside it */
    ROWS_OF_BOXES, /* quartiles, median and extremes; up to ROW_POINTS values one by one */
};
#define ROW_POINTS 4

struct row_mark {
    int color;
    const char *name;
    const double *values; /* borrowed */
    size_t n;
    double error; /* of a bar: a whisker to both sides; 0 for none */
};

struct row_chart {
    const char *title, *note;
    struct axis x;
    enum row_kind kind;
    const char *const *labels;
    size_t n_rows;
    const struct row_mark *marks;
    size_t n_marks; /* of a row */
};

void row_chart_write(const struct row_chart *chart, struct page *page);

/* The quantile of ascending values, 0..1, between neighbours by their distance (type 7 of Hyndman
 * and Fan 1996). n > 0. */
double quantile_of(const double *sorted, size_t n, double share);

#endif
