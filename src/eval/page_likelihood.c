/* page_likelihood.c - how well models predict the flows, and how their trainings went. */
#include "base/memory.h"
#include "eval/chart.h"
#include "eval/page_report_internal.h"
#include "eval/row_chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct names {
    char **items;
    size_t n;
};

static struct names model_names(const struct report *report)
{
    struct names names = { memory_alloc(report->n_models, sizeof *names.items), report->n_models };
    for (size_t m = 0; m < names.n; m++)
        names.items[m] = short_file_name(report->models[m].name);
    return names;
}

static void names_release(struct names *names)
{
    for (size_t m = 0; m < names->n; m++)
        free(names->items[m]);
    free(names->items);
}

static void write_legend(struct page *page, const struct report *report, const struct names *names)
{
    struct legend_entry *entries = memory_alloc(names->n, sizeof *entries);
    for (size_t m = 0; m < names->n; m++)
        entries[m] = (struct legend_entry){ model_color(report, m), names->items[m] };
    page_legend(page, entries, names->n);
    free(entries);
}

/* ---- likelihood --------------------------------------------------------------------------- */

static void write_ratio(FILE *out, const struct host_ratio *ratio)
{
    char mean[NUMBER_TEXT_SIZE], error[NUMBER_TEXT_SIZE];
    number_format(ratio->mean, mean);
    number_format(ratio->standard_error, error);
    if (isfinite(ratio->standard_error))
        markup_format(out, "<td>%s <small>(%s)</small></td>", mean, error);
    else
        markup_format(out, "<td>%s</td>", mean);
}

static void write_models(struct page *page, const struct report *report, const struct names *names)
{
    static const char *const headings[] = { "", "kind", "nats per flow", "bits per flow",
                                            "less the first" };
    page_table(page, "Models (standard error over hosts in brackets)", headings,
               report->n_models > 1 ? 5 : 4);
    for (size_t m = 0; m < report->n_models; m++) {
        const struct report_model *model = &report->models[m];
        struct host_ratio bits = { model->nll.total.mean / log(2.0),
                                   model->nll.total.standard_error / log(2.0) };
        page_row(page, names->items[m]);
        page_cell(page, model->kind);
        write_ratio(page->out, &model->nll.total);
        write_ratio(page->out, &bits);
        if (report->n_models > 1 && m == 0)
            page_cell(page, "");
        else if (report->n_models > 1)
            write_ratio(page->out, &model->difference.total);
        page_row_end(page);
    }
    page_table_end(page);
}

/* Of all models, or, where `behind`, of those after the first: what they lose against it. */
static void write_attributes(struct page *page, const struct report *report,
                             const struct names *names, bool behind)
{
    const char *labels[N_ATTRIBUTES];
    size_t n_rows = 0;
    uint32_t attributes = 0;
    struct row_mark *marks = memory_alloc(N_ATTRIBUTES * names->n, sizeof *marks);
    for (size_t m = 0; m < names->n; m++)
        attributes |= report->models[m].nll.attributes;
    size_t first = behind ? 1 : 0, n_marks = names->n - first;
    for (int i = 0; i < N_ATTRIBUTES; i++) {
        enum attribute a = attribute_report_order[i];
        if ((attributes & ATTRIBUTE_BIT(a)) == 0)
            continue;
        for (size_t m = first; m < names->n; m++) {
            const struct report_model *model = &report->models[m];
            bool has = behind || (model->nll.attributes & ATTRIBUTE_BIT(a)) != 0;
            const struct host_ratio *ratio = behind ? &model->difference.by_attribute[a]
                                                    : &model->nll.by_attribute[a];
            marks[n_rows * n_marks + m - first] = (struct row_mark){
                model_color(report, m), names->items[m], &ratio->mean, has ? 1 : 0,
                has && isfinite(ratio->standard_error) ? ratio->standard_error : 0.0
            };
        }
        labels[n_rows++] = attribute_infos[a].name;
    }
    struct row_chart chart = {
        .title = behind ? "Difference from the first model" : "By attribute",
        .note = behind ? "left is better; paired, flow by flow; whiskers: standard error over hosts"
                       : "shorter is better; whiskers: standard error over hosts",
        .x = { .title = "nats per flow", .from_zero = true },
        .kind = ROWS_OF_BARS,
        .labels = labels,
        .n_rows = n_rows,
        .marks = marks,
        .n_marks = n_marks,
    };
    row_chart_write(&chart, page);
    free(marks);
}

void page_write_likelihood(struct page *page, const struct report *report)
{
    struct names names = model_names(report);
    page_section(page, "likelihood", "Likelihood",
                 "How well a model predicts the real flows, each given those before it: negative "
                 "log-likelihood on the data's own units. Lower is better, and it means the same "
                 "for every model.");
    write_models(page, report, &names);
    write_legend(page, report, &names);
    page_panels(page, PANELS_NORMAL);
    write_attributes(page, report, &names, false);
    if (report->n_models > 1)
        write_attributes(page, report, &names, true);
    page_panels_end(page);
    page_section_end(page);
    names_release(&names);
}

/* ---- training ----------------------------------------------------------------------------- */

static size_t find_column(const struct fit_history *history, const char *name)
{
    for (size_t c = 0; c < history->n_columns; c++)
        if (strcmp(history->columns[c], name) == 0)
            return c;
    return history->n_columns;
}

static const char *column_words(const char *name)
{
    static const char *const words[][2] = {
        { "nll", "training rows" },
        { "nll_hosts", "hosts kept for validation" },
        { "nll_time", "last rows of training hosts" },
    };
    for (size_t w = 0; w < ARRAY_LEN(words); w++)
        if (strcmp(words[w][0], name) == 0)
            return words[w][1];
    return name;
}

/* One panel a model: each column of likelihoods is a line. */
static void write_history(struct page *page, const struct fit_history *history, const char *name)
{
    size_t x_column = find_column(history, "rows"), n = history->n_rows;
    struct legend_entry *entries = memory_alloc(history->n_columns, sizeof *entries);
    double *columns = memory_alloc(history->n_columns * n, sizeof *columns);
    for (size_t c = 0; c < history->n_columns; c++)
        for (size_t i = 0; i < n; i++)
            columns[c * n + i] = history->values[i * history->n_columns + c];
    struct chart chart = {
        .title = name,
        .x = { .title = x_column < history->n_columns ? "flows trained on" : history->columns[0],
               .is_tight = true },
        .y = { .title = "nats per flow" },
    };
    const double *x = columns + (x_column < history->n_columns ? x_column : 0) * n;
    size_t n_lines = 0;
    for (size_t c = 0; c < history->n_columns; c++) {
        if (strncmp(history->columns[c], "nll", 3) != 0)
            continue;
        int color = COLOR_FIRST_TWIN + (int)n_lines;
        const char *words = column_words(history->columns[c]);
        entries[n_lines++] = (struct legend_entry){ color, words };
        chart_add(&chart,
                  (struct series){ MARK_LINE, color, words, x, columns + c * n, NULL, .n = n });
    }
    fputs("<div>", page->out);
    chart_write(&chart, page);
    page_legend(page, entries, n_lines);
    fputs("</div>\n", page->out);
    free(columns);
    free(entries);
}

void page_write_training(struct page *page, const struct report *report)
{
    struct names names = model_names(report);
    page_section(page, "training", "Training",
                 "What the training noted on its way. A line of validation that rises while that "
                 "of training falls means that the model learns its training flows by heart.");
    page_panels(page, PANELS_NORMAL);
    for (size_t m = 0; m < report->n_models; m++)
        if (report->models[m].history.n_rows > 0)
            write_history(page, &report->models[m].history, names.items[m]);
    page_panels_end(page);
    page_section_end(page);
    names_release(&names);
}
