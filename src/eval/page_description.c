/* page_description.c - a description as a page. */
#include "base/memory.h"
#include "data/calendar.h"
#include "eval/description_tables.h"
#include "eval/page_sides.h"

#include <stdlib.h>

static void write_contents(struct page *page)
{
    static const char *const contents[][2] = {
        { "overview", "Overview" },
        { "hosts", "Hosts" },
        { "tables", "Ports and values" },
        { "hours", "Time of day" },
        { "values", "Single flows" },
        { "byhour", "By the hour" },
        { "order", "Order" },
        { "conversations", "Conversations" },
        { "ranks", "Volumes and popularity" },
    };
    fputs("<nav aria-label=\"Sections\">\n", page->out);
    for (size_t c = 0; c < ARRAY_LEN(contents); c++)
        markup_format(page->out, "<a href=\"#%s\">%s</a>\n", contents[c][0], contents[c][1]);
    fputs("</nav>\n", page->out);
}

static void write_table(struct page *page, const struct description *description,
                        enum description_table which)
{
    struct table table = description_table(description, which);
    table_write(&table, page);
    table_release(&table);
}

/* Autocorrelation is left to the chart, which has every lag. */
static void write_tables(struct page *page, const struct description *description)
{
    page_section(page, "overview", "Overview", NULL);
    page_tables(page);
    write_table(page, description, TABLE_FLOWS);
    write_table(page, description, TABLE_CONVERSATIONS);
    write_table(page, description, TABLE_ORIGIN);
    page_tables_end(page);
    page_section_end(page);
    page_section(page, "hosts", "Hosts", NULL);
    page_tables(page);
    write_table(page, description, TABLE_TYPES);
    write_table(page, description, TABLE_SIZES);
    write_table(page, description, TABLE_TOP_HOSTS);
    page_tables_end(page);
    page_section_end(page);
    page_section(page, "tables", "Ports, protocols and values", NULL);
    write_table(page, description, TABLE_COUNTS);
    page_tables(page);
    write_table(page, description, TABLE_PROTOCOLS);
    write_table(page, description, TABLE_PORTS);
    write_table(page, description, TABLE_RULES);
    page_tables_end(page);
    page_section_end(page);
}

static void write_page(struct page *page, const void *what)
{
    const struct description *description = what;
    char from[CALENDAR_TEXT_SIZE], until[CALENDAR_TEXT_SIZE], flows[NUMBER_TEXT_SIZE];
    calendar_format(description->from, from);
    calendar_format(description->until, until);
    count_format((double)description->n_flows, flows);
    char *subtitle = memory_format("%s: %s flows of %zu hosts, %s to %s.", description->source,
                                   flows, description->n_hosts, from, until);
    page_begin(page, "What these flows are like", subtitle);
    free(subtitle);
    write_contents(page);
    write_tables(page, description);
    const struct page_side side = { "these flows", COLOR_REAL, description->profile,
                                    &description->portrait };
    page_write_hours(page, &side, 1);
    page_write_values(page, &side, 1);
    page_write_values_by_hour(page, &side, 1);
    page_write_order(page, &side, 1);
    page_write_conversations(page, &side, 1);
    page_write_ranks(page, &side, 1);
    page_end(page, "flowtwin " FLOWTWIN_VERSION ", describe. docs/report.md says how this page is "
                   "read, docs/evaluation.md defines the figures.");
}

enum status description_write_page(const struct description *description, const char *path,
                                   struct error *err)
{
    return page_write(path, write_page, description, err);
}
