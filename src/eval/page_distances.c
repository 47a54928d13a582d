/* page_distances.c - how far the distributions of twins are from the real ones, as boxes over
 * repeats beside those of the floor over halvings. */
#include "base/memory.h"
#include "eval/page_report_internal.h"
#include "eval/report_internal.h"
#include "eval/row_chart.h"

#include <math.h>
#include <stdlib.h>

/* On a log axis smaller ones stand here. */
#define LEAST_JS 1e-4

/* The values of one figure over the comparisons of an average, times a factor. */
static struct row_mark mark_of(const struct comparison_average *average, size_t offset,
                               double factor, double *values)
{
    for (size_t i = 0; i < average->n; i++)
        values[i] = fmax(factor * number_at(&average->items[i], offset), LEAST_JS);
    return (struct row_mark){ .values = values, .n = average->n };
}

static void write_boxes(struct page *page, const struct report *report, char *const *names,
                        bool by_hour)
{
    size_t n_marks = 1 + report->n_twins, n_rows = 0, room = report->floor.n;
    for (size_t t = 0; t < report->n_twins; t++)
        room = report->twins[t].average.n > room ? report->twins[t].average.n : room;
    struct row_mark *marks = memory_zalloc(N_CODED * n_marks, sizeof *marks);
    double *values = memory_alloc(N_CODED * n_marks * room, sizeof *values);
    const char *labels[N_CODED];
    for (int i = 0; i < N_ATTRIBUTES; i++) {
        enum attribute a = attribute_report_order[i];
        if (a >= N_CODED || !report_has_distribution(report, a))
            continue;
        size_t offset = by_hour ? DISTANCE_AT(distributions[a].js_hourly_mean)
                                : DISTANCE_AT(distributions[a].js);
        for (size_t k = 0; k < n_marks; k++) {
            const struct comparison_average *average = k == 0 ? &report->floor
                                                              : &report->twins[k - 1].average;
            double factor = k > 0 ? 1.0
                                  : comparison_size_factor(report->effective_hosts,
                                                           report->twins[0].effective_hosts);
            size_t at = n_rows * n_marks + k;
            marks[at] = mark_of(average, offset, factor, values + at * room);
            marks[at].name = k == 0 ? "floor" : names[k - 1];
            marks[at].color = k == 0 ? COLOR_FLOOR : COLOR_FIRST_TWIN + (int)k - 1;
        }
        labels[n_rows++] = attribute_infos[a].name;
    }
    struct axis axis = { .title = "Jensen-Shannon divergence, nats", .scale = SCALE_LOG };
    axis_include(&axis, LEAST_JS);
    axis_include(&axis, log(2.0)); /* the most there is: equal axes whatever the twins */
    struct row_chart chart = {
        .title = by_hour ? "Mean over the hours of the day" : "Over the whole time",
        .note = "left is better; 0.693 is nothing in common; below 0.0001 drawn there",
        .x = axis,
        .kind = ROWS_OF_BOXES,
        .labels = labels,
        .n_rows = n_rows,
        .marks = marks,
        .n_marks = n_marks,
    };
    row_chart_write(&chart, page);
    free(marks);
    free(values);
}

void page_write_distances(struct page *page, const struct report *report)
{
    char **names = memory_alloc(report->n_twins, sizeof *names);
    struct legend_entry *entries = memory_alloc(report->n_twins + 1, sizeof *entries);
    entries[0] = (struct legend_entry){ COLOR_FLOOR, "floor: real against real" };
    for (size_t t = 0; t < report->n_twins; t++) {
        names[t] = short_file_name(report->twins[t].name);
        entries[1 + t] = (struct legend_entry){ COLOR_FIRST_TWIN + (int)t, names[t] };
    }
    char *intro = memory_format(
        "How far the values of each attribute are from the real ones. Boxes hold the middle half "
        "of the repeats (%zu) and, for the floor, of the halvings (%zu) at the sizes compared, "
        "with the median; lines reach to the extremes; up to %d repeats are shown one by one. A "
        "twin whose marks reach into the floor's box is as close as other users are.",
        report->n_repeats, report->floor.n, ROW_POINTS);
    page_section(page, "distances", "Distances of distributions", intro);
    page_legend(page, entries, report->n_twins + 1);
    page_panels(page, PANELS_NORMAL);
    write_boxes(page, report, names, false);
    write_boxes(page, report, names, true);
    page_panels_end(page);
    page_section_end(page);
    free(intro);
    for (size_t t = 0; t < report->n_twins; t++)
        free(names[t]);
    free(names);
    free(entries);
}
