/* page_sides.h - sections of a page that show one side, or several over each other: an evaluation
 * has the real flows and their twins, a description the flows of one dataset.
 *
 *     struct page_side sides[] = { { "real", COLOR_REAL, real, &real_portrait }, ... };
 *     page_write_hours(&page, sides, n);
 */
#ifndef FLOWTWIN_EVAL_PAGE_SIDES_H
#define FLOWTWIN_EVAL_PAGE_SIDES_H

#include "eval/comparison.h"
#include "eval/page.h"
#include "eval/profile.h"

struct page_side {
    const char *name;
    int color;
    const struct profile *profile;
    const struct portrait *portrait; /* NULL where none was made */
};

/* Flows and bytes by the hour of the day. */
void page_write_hours(struct page *page, const struct page_side *sides, size_t n);
/* Histograms of bytes, packets, duration and gap; protocols. */
void page_write_values(struct page *page, const struct page_side *sides, size_t n);
/* Bytes of a flow given the hour of the day: quantiles, and a histogram an hour. */
void page_write_values_by_hour(struct page *page, const struct page_side *sides, size_t n);
/* Autocorrelation with its band over hosts. */
void page_write_order(struct page *page, const struct page_side *sides, size_t n);
/* Replies, repeats and known remotes; flows of a conversation; remotes of a host. */
void page_write_conversations(struct page *page, const struct page_side *sides, size_t n);
/* Volumes of hosts, and how popular ports and remotes are, by rank. */
void page_write_ranks(struct page *page, const struct page_side *sides, size_t n);

/* Nothing for a single side. */
void page_side_legend(struct page *page, const struct page_side *sides, size_t n);

#endif
