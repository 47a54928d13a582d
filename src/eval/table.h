/* table.h - a table that is said once and written twice: as text, and on a page.
 *
 *     struct table table;
 *     table_begin(&table, "Protocols", headings, ARRAY_LEN(headings));
 *     table_row(&table, "TCP");
 *     table_number(&table, 79.26);
 *     table_count(&table, 1024.0);
 *     table_verdict(&table, VERDICT_LIKE_REAL, "as on other days");
 *     table_print(&table, stdout);       and, or:
 *     table_write(&table, page);
 *     table_release(&table);
 *
 * The first column names the row; what a row does not say at its end is left empty.
 */
#ifndef FLOWTWIN_EVAL_TABLE_H
#define FLOWTWIN_EVAL_TABLE_H

#include "eval/page.h"
#include "eval/verdict.h"

struct table_cell {
    char *text;
    bool is_verdict; /* on what stands before it, in words: */
    enum verdict verdict;
};

struct table {
    char *caption;
    const char *const *headings; /* borrowed; NULL: none */
    size_t n_columns;
    struct table_cell *cells; /* [n_cells], row by row, headings first */
    size_t n_cells, capacity;
};

/* headings [n_columns], or NULL. All texts that follow are copied. Caller releases with
 * table_release. */
void table_begin(struct table *table, const char *caption, const char *const *headings,
                 size_t n_columns);
void table_release(struct table *table);

void table_row(struct table *table, const char *name);
/* The next cell of the row, which has to be one of n_columns. */
void table_text(struct table *table, const char *text);
void table_number(struct table *table, double x);
void table_count(struct table *table, double n);
/* "0.0312 (0.0004)", or the number alone where there is no spread (NaN). */
void table_spread(struct table *table, double x, double spread);
void table_verdict(struct table *table, enum verdict verdict, const char *words);

/* After an empty line: the caption, and columns as wide as what is in them. */
void table_print(const struct table *table, FILE *out);
void table_write(const struct table *table, struct page *page);

#endif
