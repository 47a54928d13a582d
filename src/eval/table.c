#include "eval/table.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* At the least, so that the columns of most tables stand below each other. */
#define NAME_WIDTH 24
#define CELL_WIDTH 8

void table_begin(struct table *table, const char *caption, const char *const *headings,
                 size_t n_columns)
{
    *table = (struct table){ .caption = memory_strdup(caption),
                             .headings = headings,
                             .n_columns = n_columns };
}

void table_release(struct table *table)
{
    for (size_t i = 0; i < table->n_cells; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table->caption);
    *table = (struct table){ 0 };
}

static void add_cell(struct table *table, const char *text)
{
    table->cells = memory_grow(table->cells, &table->capacity, table->n_cells + 1,
                               sizeof *table->cells);
    table->cells[table->n_cells++] = memory_strdup(text);
}

void table_row(struct table *table, const char *name)
{
    while (table->n_cells % table->n_columns != 0)
        add_cell(table, "");
    add_cell(table, name);
}

void table_text(struct table *table, const char *text)
{
    if (table->n_cells % table->n_columns == 0)
        BUG("a row of more than %zu columns in the table \"%s\"", table->n_columns, table->caption);
    add_cell(table, text);
}

void table_number(struct table *table, double x)
{
    char text[NUMBER_TEXT_SIZE];
    number_format(x, text);
    table_text(table, text);
}

void table_count(struct table *table, double n)
{
    char text[NUMBER_TEXT_SIZE];
    count_format(n, text);
    table_text(table, text);
}

/* ---- text --------------------------------------------------------------------------------- */

static int column_width(const struct table *table, size_t column)
{
    size_t width = column == 0 ? NAME_WIDTH : CELL_WIDTH;
    size_t heading = table->headings != NULL ? strlen(table->headings[column]) : 0;
    width = heading > width ? heading : width;
    for (size_t i = column; i < table->n_cells; i += table->n_columns) {
        size_t length = strlen(table->cells[i]);
        width = length > width ? length : width;
    }
    return (int)width;
}

static void print_row(const struct table *table, const char *const *cells, size_t n, FILE *out)
{
    while (n > 0 && cells[n - 1][0] == '\0') /* no blanks at the end of a line */
        n--;
    fprintf(out, "  %-*s", n > 1 ? column_width(table, 0) : 0, n > 0 ? cells[0] : "");
    for (size_t c = 1; c < n; c++)
        fprintf(out, "  %*s", column_width(table, c), cells[c]);
    fputc('\n', out);
}

void table_print(const struct table *table, FILE *out)
{
    fprintf(out, "\n%s\n\n", table->caption);
    if (table->headings != NULL)
        print_row(table, table->headings, table->n_columns, out);
    for (size_t i = 0; i < table->n_cells; i += table->n_columns) {
        size_t left = table->n_cells - i;
        print_row(table, (const char *const *)table->cells + i,
                  left < table->n_columns ? left : table->n_columns, out);
    }
}

/* ---- page --------------------------------------------------------------------------------- */

void table_write(const struct table *table, struct page *page)
{
    page_table(page, table->caption, table->headings,
               table->headings != NULL ? table->n_columns : 0);
    for (size_t i = 0; i < table->n_cells; i += table->n_columns) {
        page_row(page, table->cells[i]);
        for (size_t c = 1; c < table->n_columns; c++)
            page_cell(page, i + c < table->n_cells ? table->cells[i + c] : "");
        page_row_end(page);
    }
    page_table_end(page);
}
