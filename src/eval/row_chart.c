#include "eval/row_chart.h"

#include "base/memory.h"
#include "eval/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH       360.0
#define MARK_HEIGHT 11.0
#define ROW_GAP     8.0
#define TOP         6.0
#define LABEL_WIDTH 6.2
#define DIGIT_WIDTH 5.6  /* of the numbers beside bars */
#define VALUE_WIDTH 42.0 /* of a whole one */

struct rows_layout {
    double names; /* the right end of the rows' names */
    double left, right, bottom, height;
};

static int compare_values(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double quantile_of(const double *sorted, size_t n, double share)
{
    double at = share * (double)(n - 1);
    size_t below = (size_t)at;
    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

/* The values that the axis can take, ascending. Caller frees. */
static double *sort_values(const struct row_mark *mark, const struct axis *axis, size_t *n)
{
    double *sorted = memory_alloc(mark->n, sizeof *sorted);
    *n = 0;
    for (size_t i = 0; i < mark->n; i++)
        if (axis_takes(axis, mark->values[i]))
            sorted[(*n)++] = mark->values[i];
    qsort(sorted, *n, sizeof *sorted, compare_values);
    return sorted;
}

/* ---- marks -------------------------------------------------------------------------------- */

static double place(const struct row_chart *chart, const struct rows_layout *layout, double x)
{
    return layout->left + (layout->right - layout->left) * axis_place(&chart->x, x);
}

static void write_bar(const struct row_chart *chart, const struct rows_layout *layout,
                      const struct row_mark *mark, double y, FILE *out)
{
    char text[NUMBER_TEXT_SIZE];
    double value = mark->values[0];
    double zero = place(chart, layout, 0.0), end = place(chart, layout, value);
    number_format(value, text);
    markup_format(out, "<rect class=\"bar\" x=\"%f\" y=\"%f\" width=\"%f\" height=\"%f\"/>",
                  fmin(zero, end), y + 1.0, fmax(fabs(end - zero), 0.8), MARK_HEIGHT - 2.0);
    double inner = fmin(zero, end), outer = fmax(zero, end);
    if (mark->error > 0.0) {
        double low = place(chart, layout, value - mark->error);
        double high = place(chart, layout, value + mark->error);
        markup_format(out, "<path class=\"whisker\" d=\"M%f %fH%fM%f %fv4M%f %fv4\"/>", low,
                      y + MARK_HEIGHT / 2.0, high, low, y + MARK_HEIGHT / 2.0 - 2.0, high,
                      y + MARK_HEIGHT / 2.0 - 2.0);
        inner = fmin(inner, low);
        outer = fmax(outer, high);
    }
    bool is_left = value < 0.0;
    markup_format(out, "<text class=\"value\" x=\"%f\" y=\"%f\" text-anchor=\"%s\">%s</text>",
                  is_left ? inner - 3.0
                          : fmin(outer + 4.0, WIDTH - DIGIT_WIDTH * (double)strlen(text)),
                  y + MARK_HEIGHT - 2.2, is_left ? "end" : "start", text);
}

static void write_box(const struct row_chart *chart, const struct rows_layout *layout,
                      const double *sorted, size_t n, double y, FILE *out)
{
    double middle = y + MARK_HEIGHT / 2.0;
    double low = place(chart, layout, sorted[0]), high = place(chart, layout, sorted[n - 1]);
    if (n <= ROW_POINTS) {
        markup_format(out, "<path class=\"line\" d=\"M%f %fH%f\"/>", low, middle, high);
        for (size_t i = 0; i < n; i++)
            markup_format(out, "<circle class=\"dot\" cx=\"%f\" cy=\"%f\" r=\"3\"/>",
                          place(chart, layout, sorted[i]), middle);
        return;
    }
    double first = place(chart, layout, quantile_of(sorted, n, 0.25));
    double third = place(chart, layout, quantile_of(sorted, n, 0.75));
    double median = place(chart, layout, quantile_of(sorted, n, 0.5));
    markup_format(out, "<path class=\"line\" d=\"M%f %fH%fM%f %fH%f\"/>", low, middle, first, third,
                  middle, high);
    markup_format(out, "<rect class=\"boxfill\" x=\"%f\" y=\"%f\" width=\"%f\" height=\"%f\"/>",
                  first, y + 1.0, fmax(third - first, 0.8), MARK_HEIGHT - 2.0);
    markup_format(out, "<path class=\"median\" d=\"M%f %fv%f\"/>", median, y + 1.0,
                  MARK_HEIGHT - 2.0);
}

static void write_mark(const struct row_chart *chart, const struct rows_layout *layout,
                       const struct row_mark *mark, double y, FILE *out)
{
    size_t n;
    double *sorted = sort_values(mark, &chart->x, &n);
    if (n > 0) {
        markup_format(out, "<g class=\"%s\">", page_color_class(mark->color));
        if (chart->kind == ROWS_OF_BARS)
            write_bar(chart, layout, mark, y, out);
        else
            write_box(chart, layout, sorted, n, y, out);
        fputs("</g>\n", out);
    }
    free(sorted);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static bool include_all(struct row_chart *chart)
{
    for (size_t m = 0; m < chart->n_rows * chart->n_marks; m++) {
        const struct row_mark *mark = &chart->marks[m];
        size_t n = chart->kind == ROWS_OF_BARS && mark->n > 1 ? 1 : mark->n;
        for (size_t i = 0; i < n; i++) {
            axis_include(&chart->x, mark->values[i]);
            if (chart->kind == ROWS_OF_BARS) {
                axis_include(&chart->x, mark->values[i] - mark->error);
                axis_include(&chart->x, mark->values[i] + mark->error);
            }
        }
    }
    if (chart->x.has_range)
        axis_finish(&chart->x);
    return chart->x.has_range;
}

static void write_alternative(const struct row_chart *chart, int panel, FILE *out)
{
    markup_format(out, "<title id=\"t%d\">%s</title>\n<desc id=\"d%d\">%s.", panel, chart->title,
                  panel, chart->x.title);
    for (size_t r = 0; r < chart->n_rows; r++) {
        markup_format(out, " %s:", chart->labels[r]);
        for (size_t m = 0; m < chart->n_marks; m++) {
            const struct row_mark *mark = &chart->marks[r * chart->n_marks + m];
            char text[NUMBER_TEXT_SIZE];
            size_t n;
            double *sorted = sort_values(mark, &chart->x, &n);
            number_format(n > 0 ? quantile_of(sorted, n, 0.5) : (double)NAN, text);
            markup_format(out, "%s %s %s%s", m > 0 ? "," : "", mark->name, n > 1 ? "median " : "",
                          text);
            free(sorted);
        }
        fputc('.', out);
    }
    fputs("</desc>\n", out);
}

static void write_axis(const struct row_chart *chart, const struct rows_layout *layout, FILE *out)
{
    struct ticks ticks = axis_ticks(&chart->x, 5);
    for (size_t t = 0; t < ticks.n; t++) {
        char label[AXIS_LABEL_SIZE];
        double x = place(chart, layout, ticks.at[t]);
        axis_label(ticks.at[t], label);
        double room = LABEL_WIDTH * (double)strlen(label) / 2.0;
        markup_format(out,
                      "<path class=\"grid\" d=\"M%f %fV%f\"/>"
                      "<text x=\"%f\" y=\"%f\" text-anchor=\"middle\">%s</text>\n",
                      x, TOP, layout->bottom, fmin(x, WIDTH - room), layout->bottom + 13.5, label);
    }
    markup_format(out, "<path class=\"frame\" d=\"M%f %fV%fM%f %fH%f\"/>\n",
                  place(chart, layout, fmax(chart->x.low, 0.0)), TOP, layout->bottom, layout->left,
                  layout->bottom, layout->right);
    markup_format(out, "<text x=\"%f\" y=\"%f\" text-anchor=\"middle\">%s</text>\n",
                  (layout->left + layout->right) / 2.0, layout->height - 5.0, chart->x.title);
}

static struct rows_layout layout_of(const struct row_chart *chart)
{
    struct rows_layout layout = { .right = WIDTH - 14.0 };
    size_t longest = 0;
    for (size_t r = 0; r < chart->n_rows; r++)
        longest = strlen(chart->labels[r]) > longest ? strlen(chart->labels[r]) : longest;
    layout.left = 8.0 + LABEL_WIDTH * (double)longest;
    if (chart->kind == ROWS_OF_BARS) { /* room for the numbers at the ends of bars */
        layout.left += chart->x.low < 0.0 ? VALUE_WIDTH : 0.0;
        layout.right = WIDTH - (chart->x.high > 0.0 ? VALUE_WIDTH : 14.0);
    }
    layout.names = 3.0 + LABEL_WIDTH * (double)longest;
    layout.bottom = TOP + (double)chart->n_rows * (MARK_HEIGHT * (double)chart->n_marks + ROW_GAP);
    layout.height = layout.bottom + 36.0;
    return layout;
}

static void write_rows(const struct row_chart *chart, const struct rows_layout *layout, FILE *out)
{
    double row_height = MARK_HEIGHT * (double)chart->n_marks + ROW_GAP;
    for (size_t r = 0; r < chart->n_rows; r++) {
        double top = TOP + row_height * (double)r + ROW_GAP / 2.0;
        markup_format(out, "<text class=\"name\" x=\"%f\" y=\"%f\" text-anchor=\"end\">%s</text>\n",
                      layout->names, top + (row_height - ROW_GAP) / 2.0 + 3.8, chart->labels[r]);
        for (size_t m = 0; m < chart->n_marks; m++)
            write_mark(chart, layout, &chart->marks[r * chart->n_marks + m],
                       top + MARK_HEIGHT * (double)m, out);
    }
}

void row_chart_write(const struct row_chart *chart, struct page *page)
{
    struct row_chart finished = *chart;
    if (!include_all(&finished)) {
        chart_write_empty(page, chart->title, "No data to show.");
        return;
    }
    FILE *out = page->out;
    int panel = ++page->n_panels;
    struct rows_layout layout = layout_of(&finished);
    markup_format(out, "<figure class=\"panel\" id=\"panel%d\">\n<figcaption>%s", panel,
                  chart->title);
    if (chart->note != NULL)
        markup_format(out, "<span>%s</span>", chart->note);
    markup_format(out,
                  "</figcaption>\n<svg viewBox=\"0 0 %f %f\" role=\"img\" "
                  "aria-labelledby=\"t%d d%d\">\n",
                  WIDTH, layout.height, panel, panel);
    write_alternative(&finished, panel, out);
    write_axis(&finished, &layout, out);
    write_rows(&finished, &layout, out);
    fputs("</svg>\n</figure>\n", out);
}
