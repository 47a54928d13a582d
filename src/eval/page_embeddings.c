/* page_embeddings.c - maps of what models have learned about ports, remotes, protocols, hosts. */
#include "base/memory.h"
#include "eval/chart.h"
#include "eval/page_report_internal.h"

#include <stdlib.h>

bool page_has_embeddings(const struct report *report)
{
    for (size_t m = 0; m < report->n_models; m++)
        if (report->models[m].maps.n > 0)
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

void page_write_embeddings(struct page *page, const struct report *report)
{
    page_section(page, "embeddings", "What the model has learned about values",
                 "Each point is a value, placed so that those lie near each other which the model "
                 "treats alike; services that people know are named. Only nearness means "
                 "something: neither directions nor distances between far groups do.");
    for (size_t m = 0; m < report->n_models; m++) {
        const struct embedding_maps *maps = &report->models[m].maps;
        if (maps->n == 0)
            continue;
        char *name = short_file_name(report->models[m].name);
        page_subheading(page, name);
        free(name);
        page_panels(page, PANELS_NORMAL);
        for (size_t t = 0; t < maps->n; t++)
            write_map(page, &maps->items[t], model_color(report, m));
        page_panels_end(page);
    }
    page_section_end(page);
}
