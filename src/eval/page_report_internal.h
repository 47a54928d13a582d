/* page_report_internal.h - the sections of the page of an evaluation, one file a subject. */
#ifndef FLOWTWIN_EVAL_PAGE_REPORT_INTERNAL_H
#define FLOWTWIN_EVAL_PAGE_REPORT_INTERNAL_H

#include "eval/figures.h"
#include "eval/page.h"

/* The file's name without its folder and without .h5, as models and twins are called. Caller frees
 * with free(). */
char *short_file_name(const char *path);

/* A model's colour: that of its twin, where it drew one. */
int model_color(const struct report *report, size_t m);

/* page_summary.c */
void page_write_summary(struct page *page, const struct report *report);
void page_write_figures(struct page *page, const struct report *report);

/* page_likelihood.c */
void page_write_likelihood(struct page *page, const struct report *report);
void page_write_training(struct page *page, const struct report *report);

/* page_distances.c */
void page_write_distances(struct page *page, const struct report *report);

/* page_embeddings.c */
bool page_has_embeddings(const struct report *report);
void page_write_embeddings(struct page *page, const struct report *report);

/* page_judges.c: what was asked of them; nothing where nothing was. */
void page_write_judges(struct page *page, const struct report *report);

#endif
