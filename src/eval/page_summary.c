/* page_summary.c - the answer of an evaluation in short, and the table of all its figures. */
#include "base/memory.h"
#include "eval/page_report_internal.h"

#include <math.h>
#include <stdlib.h>

/* A verdict is a word with a sign before it, not a colour alone. */
static const char *const signs[] = { "\xe2\x9c\x93", "\xe2\x89\x88", "\xe2\x89\xa0", "\xe2\x9c\x97",
                                     "\xe2\x80\x93" }; /* check, about, not equal, cross, dash */

static void write_verdict(FILE *out, enum verdict verdict)
{
    markup_format(out, "<span class=\"verdict v%d\">%s %s</span>", (int)verdict, signs[verdict],
                  verdict_words[verdict]);
}

/* ---- figures of a twin -------------------------------------------------------------------- */

struct findings {
    struct figure figures[FIGURES_MAX];
    size_t n;
    struct finding *items; /* [n_twins, n] */
};

static struct findings find_all(const struct report *report)
{
    struct findings all;
    all.n = figures_list(report, all.figures);
    all.items = memory_alloc(report->n_twins * all.n, sizeof *all.items);
    for (size_t t = 0; t < report->n_twins; t++)
        for (size_t f = 0; f < all.n; f++)
            all.items[t * all.n + f] = figure_find(&all.figures[f], report, &report->twins[t]);
    return all;
}

/* The worst verdict among a group's figures of the summary; none where there is none. */
static enum verdict worst_of_group(const struct findings *all, size_t t, enum figure_group group)
{
    int worst = -1;
    for (size_t f = 0; f < all->n; f++) {
        int verdict = (int)all->items[t * all->n + f].verdict;
        if (all->figures[f].group == group && all->figures[f].is_key && verdict != VERDICT_NONE &&
            verdict > worst)
            worst = verdict;
    }
    return worst < 0 ? VERDICT_NONE : (enum verdict)worst;
}

/* The figure of the summary that is farthest from its floor; n where none is beyond it. */
static size_t farthest(const struct findings *all, size_t t)
{
    size_t best = all->n;
    for (size_t f = 0; f < all->n; f++) {
        const struct finding *finding = &all->items[t * all->n + f];
        if (!all->figures[f].is_key || !isfinite(finding->ratio) || all->figures[f].judge != NULL ||
            finding->verdict == VERDICT_LIKE_REAL || finding->verdict == VERDICT_NONE)
            continue;
        if (best == all->n || finding->ratio > all->items[t * all->n + best].ratio)
            best = f;
    }
    return best;
}

static void write_farthest(FILE *out, const struct findings *all, size_t t)
{
    size_t f = farthest(all, t);
    if (f == all->n)
        return;
    const struct figure *figure = &all->figures[f];
    const struct finding *finding = &all->items[t * all->n + f];
    char value[NUMBER_TEXT_SIZE], other[NUMBER_TEXT_SIZE], floor[NUMBER_TEXT_SIZE];
    number_format(figure->scale * (figure->has_sides ? finding->synthetic : finding->distance),
                  value);
    number_format(figure->scale * finding->real, other);
    number_format(figure->scale * finding->floor, floor);
    markup_format(out, "<p>Farthest off: %s: %s", figure->words, value);
    if (figure->has_sides)
        markup_format(out, " instead of %s", other);
    markup_format(out, ", where real users differ by %s.</p>\n", floor);
}

static void write_card(struct page *page, const struct report *report, const struct findings *all,
                       size_t t)
{
    FILE *out = page->out;
    size_t counts[VERDICT_NONE + 1] = { 0 }, n = 0;
    for (size_t f = 0; f < all->n; f++) {
        enum verdict verdict = all->items[t * all->n + f].verdict;
        if (all->figures[f].is_key) {
            counts[verdict]++;
            n += verdict != VERDICT_NONE;
        }
    }
    char *name = short_file_name(report->twins[t].name);
    markup_format(out, "<div class=\"card %s\">\n<h3>%s</h3>\n",
                  page_color_class(COLOR_FIRST_TWIN + (int)t), name);
    free(name);
    if (n > 0)
        markup_format(out,
                      "<p>Of %z figures %z are like real, %z close, %z apart, %z far off.</p>\n<p>",
                      n, counts[VERDICT_LIKE_REAL], counts[VERDICT_CLOSE], counts[VERDICT_APART],
                      counts[VERDICT_FAR]);
    else
        fputs("<p>There is no floor, so that no verdict can be given.</p>\n<p>", out);
    for (int group = 0; n > 0 && group < N_FIGURE_GROUPS; group++) {
        enum verdict worst = worst_of_group(all, t, (enum figure_group)group);
        if (worst == VERDICT_NONE)
            continue;
        write_verdict(out, worst);
        markup_format(out, " %s<br/>\n", figure_group_words[group]);
    }
    fputs("</p>\n", out);
    write_farthest(out, all, t);
    fputs("</div>\n", out);
}

/* ---- tables ------------------------------------------------------------------------------- */

/* "0.0312 (0.0004)" */
static void write_with_spread(FILE *out, double x, double spread)
{
    char number[NUMBER_TEXT_SIZE], deviation[NUMBER_TEXT_SIZE];
    number_format(x, number);
    number_format(spread, deviation);
    if (isfinite(x) && isfinite(spread))
        markup_format(out, "%s <small>(%s)</small>", number, deviation);
    else
        markup_format(out, "%s", number);
}

static void write_figure_row(struct page *page, const struct report *report,
                             const struct findings *all, size_t f)
{
    FILE *out = page->out;
    const struct figure *figure = &all->figures[f];
    const struct finding *first = &all->items[f];
    page_row(page, figure->words);
    if (figure->has_sides)
        page_cell_number(page, figure->scale * first->real);
    else
        page_cell(page, "");
    fputs("<td>", out);
    write_with_spread(out, figure->scale * first->floor, figure->scale * first->floor_deviation);
    fputs("</td>", out);
    for (size_t t = 0; t < report->n_twins; t++) {
        const struct finding *finding = &all->items[t * all->n + f];
        fputs("<td>", out);
        write_with_spread(
            out, figure->scale * (figure->has_sides ? finding->synthetic : finding->distance),
            figure->scale * finding->deviation);
        fputs("</td><td class=\"words\">", out);
        write_verdict(out, finding->verdict);
        fputs("</td>", out);
    }
    page_row_end(page);
}

static void write_figure_table(struct page *page, const struct report *report,
                               const struct findings *all, bool only_key, const char *caption)
{
    size_t n_columns = 3 + 2 * report->n_twins;
    char **names = memory_zalloc(n_columns, sizeof *names);
    const char **headings = memory_alloc(n_columns, sizeof *headings);
    headings[0] = "";
    headings[1] = "real";
    headings[2] = "floor";
    for (size_t t = 0; t < report->n_twins; t++) {
        headings[3 + 2 * t] = names[3 + 2 * t] = short_file_name(report->twins[t].name);
        headings[4 + 2 * t] = "";
    }
    page_table(page, caption, headings, n_columns);
    int group = -1;
    for (size_t f = 0; f < all->n; f++) {
        if (only_key && !all->figures[f].is_key)
            continue;
        if ((int)all->figures[f].group != group) {
            group = (int)all->figures[f].group;
            page_row_group(page, figure_group_words[group], n_columns);
        }
        write_figure_row(page, report, all, f);
    }
    page_table_end(page);
    for (size_t c = 0; c < n_columns; c++)
        free(names[c]);
    free(names);
    free(headings);
}

/* ---- sections ----------------------------------------------------------------------------- */

static void write_likelihood_line(struct page *page, const struct report *report)
{
    size_t best = 0;
    for (size_t m = 1; m < report->n_models; m++)
        if (report->models[m].nll.total.mean < report->models[best].nll.total.mean)
            best = m;
    const struct host_ratio *total = &report->models[best].nll.total;
    char nats[NUMBER_TEXT_SIZE], error[NUMBER_TEXT_SIZE];
    number_format(total->mean, nats);
    number_format(total->standard_error, error);
    char *name = short_file_name(report->models[best].name);
    markup_format(page->out, "<p><strong>Likelihood.</strong> %s %s: %s nats per flow (%s).</p>\n",
                  report->n_models > 1 ? "The best prediction of these flows is that of"
                                       : "The model is",
                  name, nats, error);
    free(name);
}

static void write_how_to_read(struct page *page, const struct report *report)
{
    char effective[NUMBER_TEXT_SIZE];
    number_format(report->effective_hosts, effective);
    char *text = memory_format(
        "The floor is the same distance between two random halves of the real hosts (mean of %zu "
        "halvings, deviation in brackets), taken to the sizes compared: what a perfect twin, made "
        "of other users, would have. Verdicts: like real, not above the floor and twice its "
        "deviation; close, up to %d times the floor; apart, up to %d times; far off, beyond. "
        "Judges have scales of their own (docs/report.md). The "
        "%zu real hosts count as %s equal ones, since a few have most of the flows: the fewer, "
        "the higher the floor, and the less does \"like real\" say.",
        report->floor.n, VERDICT_CLOSE_TIMES, VERDICT_APART_TIMES, report->n_hosts, effective);
    page_section(page, "reading", "How to read this", text);
    page_section_end(page);
    free(text);
}

void page_write_summary(struct page *page, const struct report *report)
{
    page_section(page, "summary", "Summary", NULL);
    if (report->n_models > 0)
        write_likelihood_line(page, report);
    if (report->n_twins > 0) {
        struct findings all = find_all(report);
        page_paragraph(page, "For each subject the verdict of the worst figure:");
        fputs("<div class=\"cards\">\n", page->out);
        for (size_t t = 0; t < report->n_twins; t++)
            write_card(page, report, &all, t);
        fputs("</div>\n", page->out);
        write_figure_table(
            page, report, &all, true,
            "Each figure of the summary: the real number where there is one, else a distance "
            "(0 is best), beside its floor and the verdict");
        free(all.items);
    }
    page_section_end(page);
    if (report->n_twins > 0 && report->floor.n > 0)
        write_how_to_read(page, report);
}

void page_write_figures(struct page *page, const struct report *report)
{
    struct findings all = find_all(report);
    page_section(page, "figures", "All figures",
                 "As in the summary, with the figures that it leaves out.");
    write_figure_table(page, report, &all, false, "Numbers and distances, floors and verdicts");
    page_section_end(page);
    free(all.items);
}
