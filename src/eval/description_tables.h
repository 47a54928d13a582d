/* description_tables.h - the tables of a description, as text and page show them. A new row goes
 * into description_tables.c, a new table into the list here as well. */
#ifndef FLOWTWIN_EVAL_DESCRIPTION_TABLES_H
#define FLOWTWIN_EVAL_DESCRIPTION_TABLES_H

#include "eval/description.h"
#include "eval/table.h"

/* In the order of the text. */
enum description_table {
    TABLE_FLOWS,
    TABLE_ORIGIN,
    TABLE_TYPES,
    TABLE_SIZES,
    TABLE_TOP_HOSTS,
    TABLE_COUNTS,
    TABLE_PROTOCOLS,
    TABLE_PORTS,
    TABLE_CONVERSATIONS,
    TABLE_RULES,
    TABLE_AUTOCORRELATION,
    N_DESCRIPTION_TABLES,
};

/* Caller releases with table_release. */
struct table description_table(const struct description *description, enum description_table which);

#endif
