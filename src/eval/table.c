#include "eval/table.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* At the least, so that the columns of most tables stand below each other. */
#define NAME_WIDTH 24
#define CELL_WIDTH 8

void table_release(struct table *table)
{
    for (size_t i = 0; i < table->n_cells; i++)
        free(table->cells[i].text);
    free(table->cells);
    free(table->caption);
    *table = (struct table){ 0 };
}

static struct table_cell *add_cell(struct table *table, const char *text)
{
    table->cells = memory_grow(table->cells, &table->capacity, table->n_cells + 1,
                               sizeof *table->cells);
    struct table_cell *cell = &table->cells[table->n_cells++];
    *cell = (struct table_cell){ .text = memory_strdup(text) };
    return cell;
}

/* A cell of the row that has begun. */
static struct table_cell *add_to_row(struct table *table, const char *text)
{
    if (table->n_cells % table->n_columns == 0)
        BUG("a row of more than %zu columns in the table \"%s\"", table->n_columns, table->caption);
    return add_cell(table, text);
}

void table_begin(struct table *table, const char *caption, const char *const *headings,
                 size_t n_columns)
{
    *table = (struct table){ .caption = memory_strdup(caption),
                             .headings = headings,
                             .n_columns = n_columns };
    for (size_t c = 0; headings != NULL && c < n_columns; c++)
        add_cell(table, headings[c]);
}

void table_row(struct table *table, const char *name)
{
    while (table->n_cells % table->n_columns != 0)
        add_cell(table, "");
    add_cell(table, name);
}

void table_text(struct table *table, const char *text)
{
    add_to_row(table, text);
}

void table_verdict(struct table *table, enum verdict verdict, const char *words)
{
    struct table_cell *cell = add_to_row(table, words);
    cell->is_verdict = true;
    cell->verdict = verdict;
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

void table_spread(struct table *table, double x, double spread)
{
    char number[NUMBER_TEXT_SIZE], deviation[NUMBER_TEXT_SIZE], text[2 * NUMBER_TEXT_SIZE + 4];
    number_format(x, number);
    number_format(spread, deviation);
    bool has_spread = isfinite(x) && isfinite(spread);
    snprintf(text, sizeof text, has_spread ? "%s (%s)" : "%s", number, deviation);
    table_text(table, text);
}

/* ---- text --------------------------------------------------------------------------------- */

static int column_width(const struct table *table, size_t column)
{
    size_t width = column == 0 ? NAME_WIDTH : CELL_WIDTH;
    for (size_t i = column; i < table->n_cells; i += table->n_columns) {
        size_t length = strlen(table->cells[i].text);
        width = length > width ? length : width;
    }
    return (int)width;
}

/* Numbers stand at the right of their column, names and verdicts at the left. */
static void print_row(const struct table *table, const struct table_cell *cells, size_t n,
                      FILE *out)
{
    while (n > 0 && cells[n - 1].text[0] == '\0') /* no blanks at the end of a line */
        n--;
    for (size_t c = 0; c < n; c++) {
        bool is_left = c == 0 || cells[c].is_verdict;
        int width = is_left && c + 1 == n ? 0 : column_width(table, c);
        fprintf(out, "  %*s", is_left ? -width : width, cells[c].text);
    }
    fputc('\n', out);
}

static size_t row_length(const struct table *table, size_t first)
{
    size_t n_left = table->n_cells - first;
    return n_left < table->n_columns ? n_left : table->n_columns;
}

void table_print(const struct table *table, FILE *out)
{
    fprintf(out, "\n%s\n\n", table->caption);
    for (size_t i = 0; i < table->n_cells; i += table->n_columns)
        print_row(table, &table->cells[i], row_length(table, i), out);
}

/* ---- page --------------------------------------------------------------------------------- */

void table_write(const struct table *table, struct page *page)
{
    bool has_headings = table->headings != NULL;
    page_table(page, table->caption, table->headings, has_headings ? table->n_columns : 0);
    for (size_t i = has_headings ? table->n_columns : 0; i < table->n_cells;
         i += table->n_columns) {
        size_t n = row_length(table, i);
        page_row(page, table->cells[i].text);
        for (size_t c = 1; c < table->n_columns; c++) {
            const struct table_cell *cell = c < n ? &table->cells[i + c] : NULL;
            if (cell != NULL && cell->is_verdict)
                page_cell_verdict(page, cell->verdict, cell->text);
            else
                page_cell(page, cell != NULL ? cell->text : "");
        }
        page_row_end(page);
    }
    page_table_end(page);
}
