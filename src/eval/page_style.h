/* page_style.h - the style sheet of a page, as rules. */
#ifndef FLOWTWIN_EVAL_PAGE_STYLE_H
#define FLOWTWIN_EVAL_PAGE_STYLE_H

/* Ends with NULL. */
extern const char *const page_style[];

#endif
