/* page.h - the skeleton of a page: one HTML file that needs nothing else.
 *
 * Styles and charts stand in the file itself; there is no script and no reference to anywhere. It
 * follows the reader's choice of light or dark, and is light on paper. All markup is closed, so
 * that an XML parser reads it as well.
 *
 *     struct page page = { .out = file };
 *     page_begin(&page, "One day of traffic", "day1.h5: 1,000 flows");
 *     page_section(&page, "hours", "Time of day", "When the hosts are active.");
 *     page_legend(&page, entries, n);
 *     page_panels(&page);
 *     chart_write(&chart, &page); ...
 *     page_panels_end(&page);
 *     page_section_end(&page);
 *     page_end(&page, "how it was made");
 */
#ifndef FLOWTWIN_EVAL_PAGE_H
#define FLOWTWIN_EVAL_PAGE_H

#include "base/error.h"
#include "eval/markup.h"
#include "eval/verdict.h"

#include <stdbool.h>
#include <stddef.h>

struct page {
    FILE *out;
    int n_panels, n_tables; /* so far: they are numbered */
};

/* What a colour means is the same on the whole page: real flows, the floor, and twin (or model)
 * number t. The palette is Okabe and Ito's (2008), which the colour-blind can tell apart; beyond
 * the colours lines differ by their dashes. */
enum { COLOR_REAL = 0, COLOR_FLOOR = -1, COLOR_FIRST_TWIN = 1 };
#define PAGE_COLORS 6
/* The CSS class of a colour: "c0", "cf", "c1" .. "c6", and round again. */
const char *page_color_class(int color);

struct legend_entry {
    int color;
    const char *name;
};

void page_begin(struct page *page, const char *title, const char *subtitle);
void page_end(struct page *page, const char *colophon);

/* id: of letters and digits, once on the page. intro may be NULL. */
void page_section(struct page *page, const char *id, const char *title, const char *intro);
void page_section_end(struct page *page);
void page_paragraph(struct page *page, const char *text);
/* A heading inside a section. */
void page_subheading(struct page *page, const char *text);
void page_legend(struct page *page, const struct legend_entry *entries, size_t n);

/* Charts stand in a grid of as many columns as there is room for. */
enum panel_grid { PANELS_NORMAL, PANELS_SMALL };
void page_panels(struct page *page, enum panel_grid grid);
void page_panels_end(struct page *page);

/* Tables: the first column names the row, the others hold numbers. A wide one scrolls by itself.
 *     page_table(&page, "Flows", headings, n);
 *     page_row(&page, "TCP"); page_cell(&page, "12"); page_cell(&page, "3"); page_row_end(&page);
 *     page_table_end(&page); */
/* Without headings where n is 0. */
void page_table(struct page *page, const char *caption, const char *const *headings, size_t n);
/* A line that divides the rows into groups, over n columns. */
void page_row_group(struct page *page, const char *words, size_t n_columns);
void page_row(struct page *page, const char *name);
void page_cell(struct page *page, const char *text);
void page_cell_number(struct page *page, double x);
/* Words with the colour of a verdict. */
void page_cell_verdict(struct page *page, enum verdict verdict, const char *words);
void page_row_end(struct page *page);
void page_table_end(struct page *page);
/* Around tables that stand side by side where there is room. */
void page_tables(struct page *page);
void page_tables_end(struct page *page);

/* Writes a page to a file, whole or not at all. */
typedef void page_writer(struct page *page, const void *what);
enum status page_write(const char *path, page_writer *writer, const void *what, struct error *err);

#endif
