#include "eval/chart.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Units of the picture; about a pixel each where there is room. */
struct layout {
    double width, height;
    double left, right, top, bottom; /* the edges of the plot */
    size_t n_ticks_x, n_ticks_y;
};

#define DIGIT_WIDTH 6.3

bool chart_add(struct chart *chart, struct series series)
{
    if (chart->n_series == CHART_SERIES_MAX)
        return false;
    chart->series[chart->n_series++] = series;
    return true;
}

/* ---- what can be seen --------------------------------------------------------------------- */

static bool is_visible(const struct chart *chart, const struct series *series, size_t i)
{
    bool visible = axis_takes(&chart->x, series->x[i]) && axis_takes(&chart->y, series->y[i]);
    if (series->mark == MARK_STEPS)
        visible = visible && axis_takes(&chart->x, series->x[i + 1]);
    if (series->mark == MARK_BAND || series->mark == MARK_INNER_BAND)
        visible = visible && axis_takes(&chart->y, series->y2[i]);
    return visible;
}

/* The height from which on a class of a histogram counts for the range: empty ones never do. */
static double least_height(const struct chart *chart, const struct series *series)
{
    double highest = 0.0;
    for (size_t i = 0; i < series->n; i++)
        if (is_visible(chart, series, i))
            highest = fmax(highest, series->y[i]);
    return fmax(chart->trim * highest, DBL_MIN);
}

static void include_series(struct chart *chart, const struct series *series)
{
    double least = series->mark == MARK_STEPS ? least_height(chart, series) : 0.0;
    for (size_t i = 0; i < series->n; i++) {
        if (!is_visible(chart, series, i))
            continue;
        if (series->mark == MARK_STEPS && series->y[i] < least)
            continue;
        axis_include(&chart->x, series->x[i]);
        axis_include(&chart->y, series->y[i]);
        if (series->mark == MARK_STEPS)
            axis_include(&chart->x, series->x[i + 1]);
        if (series->y2 != NULL)
            axis_include(&chart->y, series->y2[i]);
    }
}

static void include_all(struct chart *chart)
{
    for (size_t s = 0; s < chart->n_series; s++)
        include_series(chart, &chart->series[s]);
}

void chart_share_axes(struct chart *charts, size_t n)
{
    for (size_t c = 0; c < n; c++)
        include_all(&charts[c]);
    for (size_t c = 1; c < n; c++) {
        if (!charts[c].x.has_range || !charts[c].y.has_range)
            continue;
        axis_include(&charts[0].x, charts[c].x.low);
        axis_include(&charts[0].x, charts[c].x.high);
        axis_include(&charts[0].y, charts[c].y.low);
        axis_include(&charts[0].y, charts[c].y.high);
    }
    if (n == 0 || !charts[0].x.has_range || !charts[0].y.has_range)
        return;
    axis_finish(&charts[0].x);
    axis_finish(&charts[0].y);
    for (size_t c = 0; c < n; c++) {
        charts[c].has_axes = true;
        const char *x_title = charts[c].x.title, *y_title = charts[c].y.title;
        charts[c].x = charts[0].x;
        charts[c].y = charts[0].y;
        charts[c].x.title = x_title;
        charts[c].y.title = y_title;
    }
}

/* ---- text alternative --------------------------------------------------------------------- */

static void describe_series(const struct chart *chart, const struct series *series, FILE *out)
{
    size_t lowest = series->n, highest = series->n, n = 0;
    for (size_t i = 0; i < series->n; i++) {
        if (!is_visible(chart, series, i))
            continue;
        n++;
        lowest = lowest == series->n || series->y[i] < series->y[lowest] ? i : lowest;
        highest = highest == series->n || series->y[i] > series->y[highest] ? i : highest;
    }
    if (n == 0) {
        markup_format(out, " %s: no values.", series->name);
        return;
    }
    char low[NUMBER_TEXT_SIZE], high[NUMBER_TEXT_SIZE];
    char low_at[NUMBER_TEXT_SIZE], high_at[NUMBER_TEXT_SIZE];
    number_format(series->y[lowest], low);
    number_format(series->y[highest], high);
    number_format(series->x[lowest], low_at);
    number_format(series->x[highest], high_at);
    markup_format(out, " %s: %z values, lowest %s at %s, highest %s at %s.", series->name, n, low,
                  low_at, high, high_at);
}

static void write_alternative(const struct chart *chart, int panel, FILE *out)
{
    markup_format(out, "<title id=\"t%d\">%s</title>\n<desc id=\"d%d\">%s against %s.", panel,
                  chart->title, panel, chart->y.title, chart->x.title);
    for (size_t s = 0; s < chart->n_series; s++)
        if (chart->series[s].mark != MARK_BAND && chart->series[s].mark != MARK_INNER_BAND)
            describe_series(chart, &chart->series[s], out);
    fputs("</desc>\n", out);
}

/* ---- axes --------------------------------------------------------------------------------- */

static struct layout layout_of(const struct chart *chart)
{
    struct layout layout = chart->is_small
                               ? (struct layout){ .width = 176, .height = 112, .top = 8 }
                               : (struct layout){ .width = 360, .height = 236, .top = 24 };
    layout.n_ticks_x = chart->is_small ? 3 : 6;
    layout.n_ticks_y = chart->is_small ? 2 : 5;
    layout.right = layout.width - (chart->is_small ? 8 : 14);
    layout.bottom = layout.height - (chart->is_small ? 16 : 36);
    struct ticks ticks = axis_ticks(&chart->y, layout.n_ticks_y);
    size_t longest = 1;
    for (size_t t = 0; t < ticks.n; t++) {
        char label[AXIS_LABEL_SIZE];
        axis_label(ticks.at[t], label);
        longest = strlen(label) > longest ? strlen(label) : longest;
    }
    layout.left = 10.0 + DIGIT_WIDTH * (double)longest;
    return layout;
}

static double place_x(const struct chart *chart, const struct layout *layout, double x)
{
    return layout->left + (layout->right - layout->left) * axis_place(&chart->x, x);
}

static double place_y(const struct chart *chart, const struct layout *layout, double y)
{
    return layout->bottom - (layout->bottom - layout->top) * axis_place(&chart->y, y);
}

static void write_axes(const struct chart *chart, const struct layout *layout, FILE *out)
{
    char label[AXIS_LABEL_SIZE];
    struct ticks ticks = axis_ticks(&chart->y, layout->n_ticks_y);
    for (size_t t = 0; t < ticks.n; t++) {
        double y = place_y(chart, layout, ticks.at[t]);
        axis_label(ticks.at[t], label);
        markup_format(out,
                      "<path class=\"grid\" d=\"M%f %fH%f\"/>"
                      "<text x=\"%f\" y=\"%f\" text-anchor=\"end\">%s</text>\n",
                      layout->left, y, layout->right, layout->left - 5.0, y + 3.8, label);
    }
    ticks = axis_ticks(&chart->x, layout->n_ticks_x);
    double taken = 0.0; /* up to where there are labels */
    for (size_t t = 0; t < ticks.n; t++) {
        double x = place_x(chart, layout, ticks.at[t]);
        axis_label(ticks.at[t], label);
        double room = DIGIT_WIDTH * (double)strlen(label) / 2.0;
        double at = fmin(x, layout->width - room); /* the last one must not be cut */
        markup_format(out, "<path class=\"grid\" d=\"M%f %fV%f\"/>", x, layout->top,
                      layout->bottom);
        if (at - room > taken)
            markup_format(out, "<text x=\"%f\" y=\"%f\" text-anchor=\"middle\">%s</text>\n", at,
                          layout->bottom + 13.5, label);
        taken = at - room > taken ? at + room + 3.0 : taken;
    }
    markup_format(out, "<path class=\"frame\" d=\"M%f %fV%fH%f\"/>\n", layout->left, layout->top,
                  layout->bottom, layout->right);
    if (!chart->is_small)
        markup_format(out,
                      "<text x=\"2\" y=\"12\">%s</text>"
                      "<text x=\"%f\" y=\"%f\" text-anchor=\"middle\">%s</text>\n",
                      chart->y.title, (layout->left + layout->right) / 2.0, layout->height - 5.0,
                      chart->x.title);
}

/* ---- marks -------------------------------------------------------------------------------- */

static void write_line(const struct chart *chart, const struct layout *layout,
                       const struct series *series, FILE *out)
{
    fputs("<path class=\"line\" d=\"", out);
    bool is_down = false;
    for (size_t i = 0; i < series->n; i++) {
        if (!is_visible(chart, series, i)) {
            is_down = false;
            continue;
        }
        /* A value between gaps would be a line without length: it gets a short one. */
        bool is_alone = !is_down && (i + 1 == series->n || !is_visible(chart, series, i + 1));
        markup_format(out, is_down ? "L%f %f" : "M%f %f", place_x(chart, layout, series->x[i]),
                      place_y(chart, layout, series->y[i]));
        if (is_alone)
            fputs("h2", out);
        is_down = true;
    }
    fputs("\"/>\n", out);
}

/* Each run of visible values: along the upper edge and back along the lower one. */
static void write_band(const struct chart *chart, const struct layout *layout,
                       const struct series *series, FILE *out)
{
    markup_format(out, "<path class=\"%s\" d=\"",
                  series->mark == MARK_BAND ? "band" : "band inner");
    for (size_t first = 0, end; first < series->n; first = end + 1) {
        for (end = first; end < series->n && is_visible(chart, series, end); end++)
            markup_format(out, end == first ? "M%f %f" : "L%f %f",
                          place_x(chart, layout, series->x[end]),
                          place_y(chart, layout, series->y2[end]));
        for (size_t i = end; i > first; i--)
            markup_format(out, "L%f %f", place_x(chart, layout, series->x[i - 1]),
                          place_y(chart, layout, series->y[i - 1]));
        if (end > first)
            fputc('Z', out);
    }
    fputs("\"/>\n", out);
}

static void write_steps(const struct chart *chart, const struct layout *layout,
                        const struct series *series, FILE *out)
{
    fputs("<path class=\"steps\" d=\"", out);
    bool is_open = false;
    for (size_t i = 0; i < series->n; i++) {
        bool is_inside = is_visible(chart, series, i) && series->x[i + 1] > chart->x.low &&
                         series->x[i] < chart->x.high;
        if (is_inside && !is_open)
            markup_format(out, "M%f %f", place_x(chart, layout, series->x[i]), layout->bottom);
        if (is_inside)
            markup_format(out, "V%fH%f", place_y(chart, layout, series->y[i]),
                          place_x(chart, layout, series->x[i + 1]));
        if (!is_inside && is_open)
            markup_format(out, "V%f", layout->bottom);
        is_open = is_inside;
    }
    if (is_open)
        markup_format(out, "V%f", layout->bottom);
    fputs("\"/>\n", out);
}

/* Names of points, on top of all of them; of those that would overlap the first one. */
static void write_names(const struct chart *chart, const struct layout *layout,
                        const struct series *series, FILE *out)
{
    enum { MOST = 64 };
    double lefts[MOST], rights[MOST], heights[MOST];
    size_t n = 0;
    for (size_t i = 0; i < series->n && n < MOST; i++) {
        if (series->labels[i] == NULL || !is_visible(chart, series, i))
            continue;
        double x = place_x(chart, layout, series->x[i]);
        double y = place_y(chart, layout, series->y[i]);
        double width = 4.0 + DIGIT_WIDTH * (double)strlen(series->labels[i]);
        bool is_left = x > (layout->left + layout->right) / 2.0; /* away from the nearer edge */
        lefts[n] = is_left ? x - width : x;
        rights[n] = is_left ? x : x + width;
        heights[n] = y;
        bool is_free = true;
        for (size_t k = 0; k < n; k++)
            is_free &= rights[k] < lefts[n] || lefts[k] > rights[n] || fabs(heights[k] - y) > 11.0;
        if (!is_free)
            continue;
        n++;
        markup_format(
            out, "<text class=\"name halo\" x=\"%f\" y=\"%f\" text-anchor=\"%s\">%s</text>\n",
            is_left ? x - 4.0 : x + 4.0, y + 3.5, is_left ? "end" : "start", series->labels[i]);
    }
}

static void write_points(const struct chart *chart, const struct layout *layout,
                         const struct series *series, FILE *out)
{
    for (size_t i = 0; i < series->n; i++)
        if (is_visible(chart, series, i))
            markup_format(out, "<circle class=\"dot\" cx=\"%f\" cy=\"%f\" r=\"2.2\"/>\n",
                          place_x(chart, layout, series->x[i]),
                          place_y(chart, layout, series->y[i]));
    if (series->labels != NULL)
        write_names(chart, layout, series, out);
}

static void write_series(const struct chart *chart, const struct layout *layout,
                         const struct series *series, FILE *out)
{
    markup_format(out, "<g class=\"%s\">", page_color_class(series->color));
    switch (series->mark) {
    case MARK_LINE:
        write_line(chart, layout, series, out);
        break;
    case MARK_BAND:
    case MARK_INNER_BAND:
        write_band(chart, layout, series, out);
        break;
    case MARK_STEPS:
        write_steps(chart, layout, series, out);
        break;
    case MARK_POINTS:
        write_points(chart, layout, series, out);
        break;
    }
    fputs("</g>\n", out);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void write_caption(FILE *out, const char *title, const char *note)
{
    markup_format(out, "<figcaption>%s", title);
    if (note != NULL)
        markup_format(out, "<span>%s</span>", note);
    fputs("</figcaption>\n", out);
}

void chart_write_empty(struct page *page, const char *title, const char *why)
{
    int panel = ++page->n_panels;
    markup_format(page->out, "<figure class=\"panel\" id=\"panel%d\">\n", panel);
    write_caption(page->out, title, NULL);
    markup_format(page->out, "<div class=\"nodata\">%s</div>\n</figure>\n", why);
}

static bool has_something(const struct chart *chart)
{
    for (size_t s = 0; s < chart->n_series; s++)
        for (size_t i = 0; i < chart->series[s].n; i++)
            if (is_visible(chart, &chart->series[s], i))
                return true;
    return false;
}

void chart_write(const struct chart *chart, struct page *page)
{
    struct chart finished = *chart;
    if (!chart->has_axes)
        include_all(&finished);
    if (!has_something(chart) || !finished.x.has_range || !finished.y.has_range) {
        chart_write_empty(page, chart->title, "No data to show.");
        return;
    }
    if (!chart->has_axes) {
        axis_finish(&finished.x);
        axis_finish(&finished.y);
    }
    FILE *out = page->out;
    int panel = ++page->n_panels;
    struct layout layout = layout_of(&finished);
    markup_format(out, "<figure class=\"panel\" id=\"panel%d\">\n", panel);
    write_caption(out, chart->title, chart->note);
    markup_format(out, "<svg viewBox=\"0 0 %f %f\" role=\"img\" aria-labelledby=\"t%d d%d\">\n",
                  layout.width, layout.height, panel, panel);
    write_alternative(&finished, panel, out);
    write_axes(&finished, &layout, out);
    for (size_t s = 0; s < finished.n_series; s++)
        write_series(&finished, &layout, &finished.series[s], out);
    fputs("</svg>\n</figure>\n", out);
}
