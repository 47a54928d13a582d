/* chart.h - charts of one panel: lines, bands, step histograms and points over two axes.
 *
 * A chart borrows the numbers that it shows until it is written. What is no number, or cannot stand
 * on an axis (0 on a log axis), is left out and breaks the line; a chart of which nothing is left
 * says so instead of showing empty axes. Every chart has a text alternative with its extremes.
 *
 *     struct chart chart = {
 *         .title = "Flows by hour",
 *         .x = { .title = "hour of the day", .is_tight = true },
 *         .y = { .title = "flows per host", .from_zero = true },
 *     };
 *     chart_add(&chart, (struct series){ MARK_LINE, COLOR_REAL, "real", hours, flows, .n = 24 });
 *     chart_write(&chart, &page);
 *
 * Panels that are to be compared get the same axes:
 *     chart_share_axes(charts, n);
 */
#ifndef FLOWTWIN_EVAL_CHART_H
#define FLOWTWIN_EVAL_CHART_H

#include "eval/axis.h"
#include "eval/page.h"

enum mark {
    MARK_LINE,
    MARK_BAND,       /* from y to y2 */
    MARK_INNER_BAND, /* the same, darker */
    MARK_STEPS,      /* a histogram: y[i] from x[i] to x[i + 1], so that x has n + 1 values */
    MARK_POINTS,
};

struct series {
    enum mark mark;
    int color;        /* as in page.h */
    const char *name; /* in the text alternative */
    const double *x, *y, *y2;
    size_t n;
    const char *const *labels; /* of points, NULL for those without; or NULL for none at all */
};

#define CHART_SERIES_MAX 24

struct chart {
    const char *title;
    const char *note; /* a line under the title, or NULL */
    struct axis x, y;
    /* Classes of a histogram below this share of its highest one do not widen the axes. */
    double trim;
    bool is_small; /* for a grid of many: fewer ticks, and no titles at the axes */
    struct series series[CHART_SERIES_MAX];
    size_t n_series;
    bool has_axes; /* shared ones, which are finished */
};

/* Beyond CHART_SERIES_MAX series there is no place, and no eye that could tell them apart: false,
 * and the series is not shown. */
bool chart_add(struct chart *chart, struct series series);
/* Gives n charts the range of all. */
void chart_share_axes(struct chart *charts, size_t n);
void chart_write(const struct chart *chart, struct page *page);

/* A panel that says why there is nothing in it. */
void chart_write_empty(struct page *page, const char *title, const char *why);

#endif
