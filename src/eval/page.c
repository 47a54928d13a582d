#include "eval/page.h"

#include "base/output_path.h"
#include "eval/page_style.h"

#include <errno.h>
#include <string.h>

const char *page_color_class(int color)
{
    static const char *const classes[] = { "c1", "c2", "c3", "c4", "c5", "c6" };
    if (color == COLOR_REAL)
        return "c0";
    return color == COLOR_FLOOR ? "cf" : classes[(color - COLOR_FIRST_TWIN) % PAGE_COLORS];
}

/* ---- skeleton ----------------------------------------------------------------------------- */

void page_begin(struct page *page, const char *title, const char *subtitle)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
          "<meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n",
          page->out);
    markup_format(page->out, "<title>%s</title>\n<style>", title);
    for (size_t r = 0; page_style[r] != NULL; r++)
        fputs(page_style[r], page->out);
    markup_format(page->out,
                  "</style>\n</head>\n<body>\n<header>\n<h1>%s</h1>\n"
                  "<p class=\"subtitle\">%s</p>\n</header>\n<main>\n",
                  title, subtitle);
}

void page_end(struct page *page, const char *colophon)
{
    markup_format(page->out, "</main>\n<footer><p>%s</p></footer>\n</body>\n</html>\n", colophon);
}

void page_section(struct page *page, const char *id, const char *title, const char *intro)
{
    markup_format(page->out, "<section id=\"%s\">\n<h2>%s</h2>\n", id, title);
    if (intro != NULL)
        markup_format(page->out, "<p class=\"intro\">%s</p>\n", intro);
}

void page_section_end(struct page *page)
{
    fputs("</section>\n", page->out);
}

void page_paragraph(struct page *page, const char *text)
{
    markup_format(page->out, "<p>%s</p>\n", text);
}

void page_subheading(struct page *page, const char *text)
{
    markup_format(page->out, "<h3>%s</h3>\n", text);
}

void page_legend(struct page *page, const struct legend_entry *entries, size_t n)
{
    fputs("<ul class=\"legend\">\n", page->out);
    for (size_t i = 0; i < n; i++)
        markup_format(page->out,
                      "<li class=\"%s\"><svg viewBox=\"0 0 26 12\" aria-hidden=\"true\">"
                      "<rect class=\"band\" width=\"26\" height=\"12\"/>"
                      "<path class=\"line\" d=\"M0 6H26\"/></svg>%s</li>\n",
                      page_color_class(entries[i].color), entries[i].name);
    fputs("</ul>\n", page->out);
}

void page_panels(struct page *page, enum panel_grid grid)
{
    fputs(grid == PANELS_SMALL ? "<div class=\"panels small\">\n" : "<div class=\"panels\">\n",
          page->out);
}

void page_panels_end(struct page *page)
{
    fputs("</div>\n", page->out);
}

/* ---- tables ------------------------------------------------------------------------------- */

void page_table(struct page *page, const char *caption, const char *const *headings, size_t n)
{
    /* The caption does not scroll with a wide table, which can be reached by keyboard. */
    int table = ++page->n_tables;
    markup_format(page->out,
                  "<div class=\"table\">\n<p class=\"caption\" id=\"c%d\">%s</p>\n"
                  "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"c%d\">\n"
                  "<table aria-labelledby=\"c%d\">\n",
                  table, caption, table, table);
    if (n > 0)
        fputs("<thead><tr>", page->out);
    for (size_t i = 0; i < n; i++)
        markup_format(page->out, "<th scope=\"col\">%s</th>", headings[i]);
    fputs(n > 0 ? "</tr></thead>\n<tbody>\n" : "<tbody>\n", page->out);
}

void page_row_group(struct page *page, const char *words, size_t n_columns)
{
    markup_format(page->out,
                  "<tr class=\"group\"><th colspan=\"%z\" scope=\"rowgroup\">%s</th>"
                  "</tr>\n",
                  n_columns, words);
}

void page_row(struct page *page, const char *name)
{
    markup_format(page->out, "<tr><th scope=\"row\">%s</th>", name);
}

void page_cell(struct page *page, const char *text)
{
    markup_format(page->out, "<td>%s</td>", text);
}

void page_cell_number(struct page *page, double x)
{
    char text[NUMBER_TEXT_SIZE];
    number_format(x, text);
    page_cell(page, text);
}

void page_cell_verdict(struct page *page, enum verdict verdict, const char *words)
{
    markup_format(page->out, "<td class=\"words\"><span class=\"verdict v%d\">%s</span></td>",
                  (int)verdict, words);
}

void page_row_end(struct page *page)
{
    fputs("</tr>\n", page->out);
}

void page_table_end(struct page *page)
{
    fputs("</tbody>\n</table>\n</div>\n</div>\n", page->out);
}

void page_tables(struct page *page)
{
    fputs("<div class=\"tables\">\n", page->out);
}

void page_tables_end(struct page *page)
{
    fputs("</div>\n", page->out);
}

/* ---- file --------------------------------------------------------------------------------- */

enum status page_write(const char *path, page_writer *writer, const void *what, struct error *err)
{
    struct output_path output;
    FORWARD(output_path_begin(&output, path, err));
    enum status status = STATUS_OK;
    FILE *file = fopen(output.temporary, "we");
    if (file != NULL) {
        struct page page = { .out = file };
        writer(&page, what);
        bool failed = ferror(file) != 0;
        failed |= fclose(file) != 0;
        if (failed)
            status = error_set(err, STATUS_IO, "cannot write all of %s", path);
    } else {
        status = error_set(err, STATUS_IO, "cannot write %s: %s", path, strerror(errno));
    }
    if (status == STATUS_OK)
        status = output_path_commit(&output, err);
    output_path_release(&output);
    return status;
}
