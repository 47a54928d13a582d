/* page_report.h - an evaluation as a page: the summary first, then the plots behind it.
 *
 *     FORWARD(report_write_page(&report, "report.html", err));
 *
 * The report needs the profiles of its sides. docs/report.md says how the page is read.
 */
#ifndef FLOWTWIN_EVAL_PAGE_REPORT_H
#define FLOWTWIN_EVAL_PAGE_REPORT_H

#include "eval/report.h"

/* Written whole or not at all. */
enum status report_write_page(const struct report *report, const char *path, struct error *err);

#endif
