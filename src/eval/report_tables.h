/* report_tables.h - the tables of a report that text and page both show. */
#ifndef FLOWTWIN_EVAL_REPORT_TABLES_H
#define FLOWTWIN_EVAL_REPORT_TABLES_H

#include "eval/report.h"
#include "eval/table.h"

/* What was copied from the flows that were trained on, and what lies near them. name: the twin's.
 * Caller releases with table_release. */
struct table privacy_table(const char *name, const struct privacy *privacy);

bool report_has_membership(const struct report *report);
/* One row a model that was asked. Caller releases with table_release. */
struct table membership_table(const struct report *report);

/* The forms in which a forecast sees ports, one row each. Caller releases with table_release. */
struct table forecast_gain_table(const struct forecast_gain *gain);

#endif
