#include "eval/page_report.h"

#include "base/memory.h"
#include "data/calendar.h"
#include "eval/page_report_internal.h"
#include "eval/page_sides.h"

#include <stdlib.h>
#include <string.h>

char *short_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = memory_strdup(slash != NULL && slash[1] != '\0' ? slash + 1 : path);
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".h5") == 0)
        name[length - 3] = '\0';
    return name;
}

int model_color(const struct report *report, size_t m)
{
    int twin = report->models[m].twin;
    /* Models without a twin follow behind the twins. */
    return COLOR_FIRST_TWIN + (twin >= 0 ? twin : (int)(report->n_twins + m));
}

/* ---- sides -------------------------------------------------------------------------------- */

struct sides {
    struct page_side *items;
    char **names;
    size_t n;
};

static struct sides make_sides(const struct report *report)
{
    struct sides sides = { .n = 1 + report->n_twins };
    sides.items = memory_zalloc(sides.n, sizeof *sides.items);
    sides.names = memory_alloc(sides.n, sizeof *sides.names);
    sides.names[0] = memory_strdup("real");
    sides.items[0] = (struct page_side){ sides.names[0], COLOR_REAL, report->profile,
                                         report->n_twins > 0 ? &report->twins[0].average.mean.real
                                                             : NULL };
    for (size_t t = 0; t < report->n_twins; t++) {
        sides.names[1 + t] = short_file_name(report->twins[t].name);
        sides.items[1 + t] = (struct page_side){ sides.names[1 + t], COLOR_FIRST_TWIN + (int)t,
                                                 report->twins[t].profile,
                                                 &report->twins[t].average.mean.synthetic };
    }
    return sides;
}

static void sides_release(struct sides *sides)
{
    for (size_t s = 0; s < sides->n; s++)
        free(sides->names[s]);
    free(sides->names);
    free(sides->items);
}

/* ---- the whole ---------------------------------------------------------------------------- */

struct content {
    const char *id, *words;
    bool is_there;
};

static bool has_history(const struct report *report)
{
    for (size_t m = 0; m < report->n_models; m++)
        if (report->models[m].history.n_rows > 0)
            return true;
    return false;
}

static bool has_judges(const struct report *report)
{
    for (size_t t = 0; t < report->n_twins; t++)
        if (report->twins[t].two_sample.is_measured || report->twins[t].tasks.is_measured ||
            report->twins[t].privacy.is_measured)
            return true;
    for (size_t m = 0; m < report->n_models; m++)
        if (report->models[m].membership.is_measured)
            return true;
    return false;
}

static void write_contents(struct page *page, const struct report *report)
{
    bool has_twins = report->n_twins > 0, has_models = report->n_models > 0;
    const struct content contents[] = {
        { "summary", "Summary", true },
        { "likelihood", "Likelihood", has_models },
        { "training", "Training", has_history(report) },
        { "judges", "Judges", has_judges(report) },
        { "embeddings", "Embeddings", page_has_embeddings(report) },
        { "distances", "Distances", has_twins },
        { "hours", "Time of day", true },
        { "values", "Single flows", true },
        { "byhour", "By the hour", true },
        { "order", "Order", has_twins },
        { "conversations", "Conversations", true },
        { "ranks", "Volumes and popularity", true },
        { "figures", "All figures", has_twins },
    };
    fputs("<nav aria-label=\"Sections\">\n", page->out);
    for (size_t c = 0; c < ARRAY_LEN(contents); c++)
        if (contents[c].is_there)
            markup_format(page->out, "<a href=\"#%s\">%s</a>\n", contents[c].id, contents[c].words);
    fputs("</nav>\n", page->out);
}

static void write_page(struct page *page, const void *what)
{
    const struct report *report = what;
    char from[CALENDAR_TEXT_SIZE], until[CALENDAR_TEXT_SIZE], n_flows[NUMBER_TEXT_SIZE];
    calendar_format(report->from, from);
    calendar_format(report->until, until);
    count_format((double)report->n_flows, n_flows);
    char *subtitle = memory_format("Real flows: %s, part %s: %s flows of %zu hosts, %s to %s.",
                                   report->data, report->part, n_flows, report->n_hosts, from,
                                   until);
    page_begin(page,
               report->n_twins > 0 ? "Is the twin as good as the real flows?"
                                   : "How well do the models know the real flows?",
               subtitle);
    free(subtitle);
    write_contents(page, report);
    page_write_summary(page, report);
    if (report->n_models > 0)
        page_write_likelihood(page, report);
    if (has_history(report))
        page_write_training(page, report);
    if (has_judges(report))
        page_write_judges(page, report);
    if (page_has_embeddings(report))
        page_write_embeddings(page, report);
    if (report->n_twins > 0)
        page_write_distances(page, report);
    struct sides sides = make_sides(report);
    page_write_hours(page, sides.items, sides.n);
    page_write_values(page, sides.items, sides.n);
    page_write_values_by_hour(page, sides.items, sides.n);
    if (report->n_twins > 0)
        page_write_order(page, sides.items, sides.n);
    page_write_conversations(page, sides.items, sides.n);
    page_write_ranks(page, sides.items, sides.n);
    sides_release(&sides);
    if (report->n_twins > 0)
        page_write_figures(page, report);
    char *colophon = memory_format("flowtwin %s, eval, seed %llu. Plots of a twin show its first "
                                   "repeat; figures are means over all. docs/report.md says how "
                                   "this page is read, docs/evaluation.md defines every figure.",
                                   FLOWTWIN_VERSION, (unsigned long long)report->seed);
    page_end(page, colophon);
    free(colophon);
}

enum status report_write_page(const struct report *report, const char *path, struct error *err)
{
    return page_write(path, write_page, report, err);
}
