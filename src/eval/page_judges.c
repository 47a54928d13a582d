/* page_judges.c - what the judges of a twin found: a classifier, tasks that are learned from it,
 * and those who would use it against the hosts that it was made from. */
#include "base/memory.h"
#include "eval/page_report_internal.h"
#include "eval/report_tables.h"
#include "eval/row_chart.h"

#include <math.h>
#include <stdlib.h>

/* The twins that have something to show, by name. */
struct judged {
    const struct report *report;
    char **names; /* [n_twins] */
};

static bool has_trained(const struct report *report)
{
    return report->n_twins > 0 && report->twins[0].two_sample_trained.is_measured;
}

static void write_twin_legend(struct page *page, const struct judged *judged, bool has_floor)
{
    size_t n_twins = judged->report->n_twins, n = 0;
    struct legend_entry *entries = memory_alloc(n_twins + 2, sizeof *entries);
    if (has_floor)
        entries[n++] = (struct legend_entry){ COLOR_FLOOR, "floor: real against real" };
    if (has_trained(judged->report))
        entries[n++] = (struct legend_entry){ COLOR_REAL, "trained on: the training hosts" };
    for (size_t t = 0; t < n_twins; t++)
        entries[n++] = (struct legend_entry){ COLOR_FIRST_TWIN + (int)t, judged->names[t] };
    page_legend(page, entries, n);
    free(entries);
}

static struct row_mark mark_of(int color, const char *name, const struct host_ratio *ratio,
                               bool is_measured)
{
    return (struct row_mark){ color, name, &ratio->mean, is_measured ? 1 : 0,
                              isfinite(ratio->standard_error) ? ratio->standard_error : 0.0 };
}

static struct row_mark ratio_mark(const struct judged *judged, size_t t,
                                  const struct host_ratio *ratio, bool is_measured)
{
    return mark_of(COLOR_FIRST_TWIN + (int)t, judged->names[t], ratio, is_measured);
}

/* ---- two samples -------------------------------------------------------------------------- */

static bool has_two_sample(const struct report *report)
{
    for (size_t t = 0; t < report->n_twins; t++)
        if (report->twins[t].two_sample.is_measured)
            return true;
    return false;
}

static void write_two_sample(struct page *page, const struct judged *judged)
{
    const struct report *report = judged->report;
    const struct two_sample_floor *floor = &report->two_sample_floor;
    const struct two_sample *trained = &report->twins[0].two_sample_trained;
    size_t n_marks = report->n_twins + (floor->n_halvings > 0) + trained->is_measured, at = 0;
    char windows[48];
    snprintf(windows, sizeof windows, "%d flows in a row", TWO_SAMPLE_WINDOW);
    const char *const labels[] = { windows, "single flows" };
    struct row_mark *marks = memory_zalloc(2 * n_marks, sizeof *marks);
    for (int row = 0; row < 2; row++) {
        if (floor->n_halvings > 0)
            marks[at++] = (struct row_mark){ COLOR_FLOOR, "floor",
                                             row == 0 ? &floor->windows : &floor->flows, 1,
                                             row == 0 ? floor->windows_deviation
                                                      : floor->flows_deviation };
        if (trained->is_measured)
            marks[at++] = mark_of(COLOR_REAL, "training hosts",
                                  row == 0 ? &trained->windows.auc : &trained->flows.auc, true);
        for (size_t t = 0; t < report->n_twins; t++) {
            const struct two_sample *result = &report->twins[t].two_sample;
            marks[at++] = ratio_mark(judged, t,
                                     row == 0 ? &result->windows.auc : &result->flows.auc,
                                     result->is_measured);
        }
    }
    struct axis axis = { .title = "AUC on hosts that it has not seen", .is_tight = true };
    axis_include(&axis, 0.0);
    axis_include(&axis, 1.0);
    for (size_t m = 0; m < 2 * n_marks; m++) /* there is nothing beyond 1 */
        if (marks[m].n > 0)
            marks[m].error = fmin(marks[m].error, 1.0 - *marks[m].values);
    struct row_chart chart = {
        .title = "Can a classifier tell twin from real?",
        .note = "0.5: it guesses; 1: it always can; whiskers: standard error over hosts",
        .x = axis,
        .kind = ROWS_OF_BARS,
        .labels = labels,
        .n_rows = 2,
        .marks = marks,
        .n_marks = n_marks,
    };
    row_chart_write(&chart, page);
    free(marks);
}

/* ---- tasks -------------------------------------------------------------------------------- */

static bool has_tasks(const struct report *report)
{
    for (size_t t = 0; t < report->n_twins; t++)
        if (report->twins[t].tasks.is_measured)
            return true;
    return false;
}

enum task_figure { TASK_MACRO_F1, TASK_ACCURACY, TASK_MAE_BYTES, TASK_MAE_FLOWS, N_TASK_FIGURES };
static const struct {
    const char *title, *note, *unit;
} task_infos[N_TASK_FIGURES] = {
    { "Protocol of a flow: macro-F1", "longer is better", "mean F1 over protocols" },
    { "Protocol of a flow: accuracy", "longer is better", "share of flows" },
    { "Forecast of bytes: error", "next 5 minutes of a host; shorter is better",
      "mean absolute error of ln(1 + bytes)" },
    { "Forecast of flows: error", "next 5 minutes of a host; shorter is better",
      "mean absolute error of ln(1 + flows)" },
};

/* The rows of a task: what was trained on, and what needs no training. */
#define N_TASK_ROWS (N_MIXES + 2)

static const struct host_ratio *task_ratio(const struct tasks *tasks, enum task_figure figure,
                                           size_t row)
{
    const struct protocol_score *protocol = row < N_MIXES ? &tasks->protocol[row]
                                                          : &tasks->majority;
    int series = figure == TASK_MAE_BYTES ? FORECAST_BYTES : FORECAST_FLOWS;
    switch (figure) {
    case TASK_MACRO_F1:
        return &protocol->macro_f1;
    case TASK_ACCURACY:
        return &protocol->accuracy;
    default:
        return row < N_MIXES    ? &tasks->forecast[row][series].mae
               : row == N_MIXES ? &tasks->last_value[series].mae
                                : &tasks->mean_of_hour[series].mae;
    }
}

static void write_task(struct page *page, const struct judged *judged, enum task_figure figure)
{
    const struct report *report = judged->report;
    bool is_forecast = figure == TASK_MAE_BYTES || figure == TASK_MAE_FLOWS;
    size_t n_rows = is_forecast ? N_TASK_ROWS : N_TASK_ROWS - 1;
    const char *const labels[N_TASK_ROWS] = {
        "real flows",
        "20 % twin",
        "50 % twin",
        "twin alone",
        is_forecast ? "last value" : "majority",
        "mean of the hour",
    };
    struct row_mark *marks = memory_zalloc(N_TASK_ROWS * report->n_twins, sizeof *marks);
    for (size_t r = 0; r < n_rows; r++)
        for (size_t t = 0; t < report->n_twins; t++)
            marks[r * report->n_twins + t] = ratio_mark(
                judged, t, task_ratio(&report->twins[t].tasks, figure, r),
                report->twins[t].tasks.is_measured);
    struct row_chart chart = {
        .title = task_infos[figure].title,
        .note = task_infos[figure].note,
        .x = { .title = task_infos[figure].unit, .from_zero = true },
        .kind = ROWS_OF_BARS,
        .labels = labels,
        .n_rows = n_rows,
        .marks = marks,
        .n_marks = report->n_twins,
    };
    row_chart_write(&chart, page);
    free(marks);
}

static void write_tasks(struct page *page, const struct judged *judged)
{
    page_subheading(page, "Is the twin as good to learn from?");
    page_paragraph(page,
                   "Small networks learn from real flows, from the twin and from mixes of the same "
                   "size; all are tested on real hosts that none has seen. \"Twin alone\" as good "
                   "as \"real flows\" means that the twin can stand in for them here.");
    page_paragraph(page, tasks_meaning);
    page_panels(page, PANELS_NORMAL);
    for (int figure = 0; figure < N_TASK_FIGURES; figure++)
        write_task(page, judged, (enum task_figure)figure);
    page_panels_end(page);
}

/* ---- privacy ------------------------------------------------------------------------------ */

static void write_table(struct page *page, struct table table)
{
    table_write(&table, page);
    table_release(&table);
}

static void write_privacy(struct page *page, const struct judged *judged)
{
    const struct report *report = judged->report;
    bool has_copies = false;
    for (size_t t = 0; t < report->n_twins; t++)
        has_copies |= report->twins[t].privacy.is_measured;
    if (!has_copies && !report_has_membership(report))
        return;
    page_subheading(page, "Does it give away the flows that it was made from?");
    page_paragraph(page,
                   "What held-out real hosts share with the training flows any other user would "
                   "share too: common requests, common answers.");
    for (size_t t = 0; t < report->n_twins; t++)
        if (report->twins[t].privacy.is_measured)
            write_table(page, privacy_table(judged->names[t], &report->twins[t].privacy));
    if (has_copies) {
        page_paragraph(page, copies_meaning);
        page_paragraph(page, nearest_meaning);
    }
    if (report_has_membership(report)) {
        write_table(page, membership_table(report));
        page_paragraph(page, membership_meaning);
    }
}

/* ---- the section -------------------------------------------------------------------------- */

void page_write_judges(struct page *page, const struct report *report)
{
    struct judged judged = { report, memory_alloc(report->n_twins, sizeof *judged.names) };
    for (size_t t = 0; t < report->n_twins; t++)
        judged.names[t] = short_file_name(report->twins[t].name);
    page_section(page, "judges", "Judges",
                 "What those find out who work with the twin: a classifier that tells it from real "
                 "flows, tasks that are learned from it, and those who look for the users that it "
                 "was made from.");
    if (has_two_sample(report))
        page_paragraph(page, two_sample_meaning);
    if (has_trained(report))
        page_paragraph(page, two_sample_trained_meaning);
    write_twin_legend(page, &judged, report->two_sample_floor.n_halvings > 0);
    if (has_two_sample(report)) {
        page_panels(page, PANELS_NORMAL);
        write_two_sample(page, &judged);
        page_panels_end(page);
    }
    if (has_tasks(report))
        write_tasks(page, &judged);
    write_privacy(page, &judged);
    page_section_end(page);
    for (size_t t = 0; t < report->n_twins; t++)
        free(judged.names[t]);
    free(judged.names);
}
