/* page_embeddings.c - maps of what models have learned about ports, remotes, protocols, hosts. */
#include "base/memory.h"
#include "eval/chart.h"
#include "eval/page_report_internal.h"
#include "eval/report_tables.h"
#include "eval/row_chart.h"

#include <math.h>
#include <stdlib.h>

bool page_has_embeddings(const struct report *report)
{
    for (size_t m = 0; m < report->n_models; m++)
        if (report->models[m].maps.n > 0 || report->models[m].gain.is_measured)
            return true;
    return false;
}

static void write_map(struct page *page, const struct embedding_map *map, int color)
{
    const char **labels = memory_alloc(map->n, sizeof *labels);
    for (size_t i = 0; i < map->n; i++)
        labels[i] = map->is_known[i] ? map->labels[i] : NULL;
    char *note = memory_format("%zu values; %s", map->n,
                               map->method == PLANE_TSNE ? "t-SNE" : "principal components");
    char *title = memory_strdup(map->name);
    for (char *at = title; *at != '\0'; at++)
        *at = *at == '_' ? ' ' : *at;
    struct chart chart = {
        .title = title,
        .note = note,
        .x = { .title = "first direction, no unit" },
        .y = { .title = "second direction, no unit" },
    };
    chart_add(&chart, (struct series){ MARK_POINTS, color, map->name, map->x, map->y, NULL, map->n,
                                       labels });
    chart_write(&chart, page);
    free(title);
    free(note);
    free(labels);
}

/* A task learned with ports in each form, from few flows and from many. */
static void write_gain(struct page *page, const struct embedding_gain *gain, int color)
{
    static const char *const labels[N_PORT_FORMS] = { "ports as numbers", "one-hot", "embedding" };
    const int colors[N_GAIN_SIZES] = { COLOR_FLOOR, color };
    char few[48], many[48];
    snprintf(few, sizeof few, "learned from %zu flows", gain->n_train[GAIN_FEW]);
    snprintf(many, sizeof many, "learned from %zu flows", gain->n_train[GAIN_MANY]);
    const struct legend_entry entries[N_GAIN_SIZES] = { { colors[GAIN_FEW], few },
                                                        { colors[GAIN_MANY], many } };
    struct row_mark marks[N_PORT_FORMS * N_GAIN_SIZES];
    for (size_t form = 0; form < N_PORT_FORMS; form++) {
        for (size_t size = 0; size < N_GAIN_SIZES; size++) {
            const struct host_ratio *score = &gain->macro_f1[size][form];
            double error = isfinite(score->standard_error) ? score->standard_error : 0.0;
            marks[form * N_GAIN_SIZES + size] = (struct row_mark){ colors[size], entries[size].name,
                                                                   &score->mean, 1, error };
        }
    }
    struct row_chart chart = {
        .title = "Protocol of a flow, by the form of its ports",
        .note = "longer is better; whiskers: standard error over hosts",
        .x = { .title = "macro-F1 on hosts that it has not seen", .from_zero = true },
        .kind = ROWS_OF_BARS,
        .labels = labels,
        .n_rows = N_PORT_FORMS,
        .marks = marks,
        .n_marks = N_GAIN_SIZES,
    };
    fputs("<div>", page->out);
    row_chart_write(&chart, page);
    page_legend(page, entries, N_GAIN_SIZES);
    fputs("</div>\n", page->out);
}

static void write_forecast_gain(struct page *page, const struct forecast_gain *gain)
{
    struct table table = forecast_gain_table(gain);
    table_write(&table, page);
    table_release(&table);
    page_paragraph(page, forecast_gain_meaning);
}

void page_write_embeddings(struct page *page, const struct report *report)
{
    page_section(page, "embeddings", "What the model has learned about values",
                 "Each point is a value, placed so that those lie near each other which the model "
                 "treats alike; services that people know are named where there is room. Only "
                 "nearness means "
                 "something: neither directions nor distances between far groups do.");
    for (size_t m = 0; m < report->n_models; m++) {
        const struct embedding_maps *maps = &report->models[m].maps;
        const struct embedding_gain *gain = &report->models[m].gain;
        if (maps->n == 0 && !gain->is_measured)
            continue;
        char *name = short_file_name(report->models[m].name);
        page_subheading(page, name);
        free(name);
        page_panels(page, PANELS_NORMAL);
        for (size_t t = 0; t < maps->n; t++)
            write_map(page, &maps->items[t], model_color(report, m));
        if (gain->is_measured)
            write_gain(page, gain, model_color(report, m));
        page_panels_end(page);
        if (gain->is_measured)
            page_paragraph(page, embedding_gain_meaning);
        if (gain->is_measured && gain->forecast.n_train > 0)
            write_forecast_gain(page, &gain->forecast);
    }
    page_section_end(page);
}
