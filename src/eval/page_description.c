/* page_description.c - a description as a page. */
#include "base/memory.h"
#include "data/calendar.h"
#include "eval/description.h"
#include "eval/page.h"
#include "eval/page_sides.h"
#include "eval/report_internal.h"
#include "eval/row_chart.h"

#include <math.h>
#include <stdlib.h>

/* ---- overview ----------------------------------------------------------------------------- */

static void write_fact(struct page *page, const char *name, double x, bool is_count)
{
    page_row(page, name);
    if (is_count)
        page_cell_count(page, x);
    else
        page_cell_number(page, x);
    page_row_end(page);
}

static void write_facts(struct page *page, const struct description *description)
{
    const struct conversations *conversations = &description->portrait.conversations;
    page_table(page, "Flows", NULL, 0);
    write_fact(page, "flows", (double)description->n_flows, true);
    write_fact(page, "hosts", (double)description->n_hosts, true);
    write_fact(page, "hosts of equal size that say as much", description->effective_hosts, false);
    write_fact(page, "bytes", description->n_bytes, true);
    write_fact(page, "packets", description->n_packets, true);
    write_fact(page, "flows in a second, all hosts",
               (double)description->n_flows / description->seconds, false);
    write_fact(page, "bytes in a second, all hosts", description->n_bytes / description->seconds,
               false);
    write_fact(page, "flows in the busiest minute", description->busiest_minute, true);
    page_table_end(page);
    page_table(page, "How they hang together", NULL, 0);
    write_fact(page, "flows that the host sends, %", 100.0 * description->profile->out, false);
    write_fact(page, "gaps of 0 s, % of flows",
               100.0 * description->profile->counts[PROFILE_GAP].zero, false);
    write_fact(page, "replies to one of the last 8 flows, %", 100.0 * conversations->reply[0],
               false);
    write_fact(page, "remote among the last 8 flows, %", 100.0 * conversations->remote[0], false);
    write_fact(page, "flows of a conversation, mean", conversations->flows_per_conversation, false);
    write_fact(page, "remotes of a host, mean", conversations->remotes_per_host, false);
    page_table_end(page);
    page_table(page, "Where they come from", NULL, 0);
    write_fact(page, "rows read", (double)description->n_rows_read, true);
    write_fact(page, "rows refused", (double)description->n_rows_refused, true);
    write_fact(page, "rows of other hosts", (double)description->n_rows_elsewhere, true);
    page_table_end(page);
}

/* ---- hosts -------------------------------------------------------------------------------- */

static void write_types(struct page *page, const struct description *description)
{
    static const char *const headings[] = { "", "hosts", "flows", "% of flows" };
    static const char *const words[N_HOST_TYPES] = {
        [HOST_BOTH] = "send and receive",
        [HOST_SENDS] = "only send",
        [HOST_RECEIVES] = "only receive",
        [HOST_INTERNAL] = "talk with monitored hosts only",
    };
    page_table(page, "Hosts by their flows with addresses that are not monitored", headings, 4);
    for (int t = 0; t < N_HOST_TYPES; t++) {
        page_row(page, words[t]);
        page_cell_count(page, (double)description->hosts_of_type[t]);
        page_cell_count(page, (double)description->flows_of_type[t]);
        page_cell_number(page, 100.0 * (double)description->flows_of_type[t] /
                                   (double)description->n_flows);
        page_row_end(page);
    }
    page_table_end(page);
}

static void write_spread(struct page *page, const char *name, const struct spread *spread)
{
    page_row(page, name);
    page_cell_number(page, spread->lowest);
    page_cell_number(page, spread->quarter);
    page_cell_number(page, spread->median);
    page_cell_number(page, spread->three_quarters);
    page_cell_number(page, spread->highest);
    page_row_end(page);
}

static void write_rates(struct page *page, const struct description *description)
{
    static const char *const headings[] = { "", "lowest", "25 %", "median", "75 %", "highest" };
    page_table(page, "How much a host does", headings, 6);
    write_spread(page, "flows", &description->flows_per_host);
    write_spread(page, "flows in an hour", &description->flows_per_hour);
    page_table_end(page);
}

static void write_top_hosts(struct page *page, const struct description *description)
{
    static const char *const headings[] = { "", "type", "flows", "bytes", "% sent", "remotes" };
    page_table(page, "Hosts with most flows", headings, 6);
    for (size_t k = 0; k < description->n_top_hosts; k++) {
        const struct described_host *host = &description->top_hosts[k];
        char address[ADDRESS_TEXT_SIZE];
        address_format(host->address, address);
        page_row(page, address);
        page_cell(page, host_type_names[host->type]);
        page_cell_count(page, host->n_flows);
        page_cell_count(page, host->n_bytes);
        page_cell_number(page, 100.0 * host->out);
        page_cell_count(page, host->n_remotes);
        page_row_end(page);
    }
    page_table_end(page);
}

/* ---- ports and values --------------------------------------------------------------------- */

static void write_counts(struct page *page, const struct description *description)
{
    static const char *const headings[] = { "",     "% that are 0", "5 %",  "25 %", "median",
                                            "75 %", "90 %",         "99 %", "mean", "highest" };
    static const int shown[] = { QUANTILE_5,  QUANTILE_25, QUANTILE_50,
                                 QUANTILE_75, QUANTILE_90, QUANTILE_99 };
    page_table(page, "Values of a flow", headings, ARRAY_LEN(headings));
    for (int c = 0; c < N_PROFILE_COUNTS; c++) {
        const struct profile_count *count = &description->profile->counts[c];
        const struct attribute_info *info = &attribute_infos[profile_attributes[c]];
        char name[48];
        bool has_unit = profile_attributes[c] == ATTRIBUTE_GAP ||
                        profile_attributes[c] == ATTRIBUTE_DURATION;
        snprintf(name, sizeof name, has_unit ? "%s, %s" : "%s", info->name, info->unit);
        page_row(page, name);
        page_cell_number(page, 100.0 * count->zero);
        for (size_t q = 0; q < ARRAY_LEN(shown); q++)
            page_cell_number(page, count->quantiles[shown[q]]);
        page_cell_number(page, count->mean);
        page_cell_number(page, count->highest);
        page_row_end(page);
    }
    page_table_end(page);
}

static void write_port(struct page *page, const struct described_port *ports, size_t n, size_t k)
{
    char port[16];
    snprintf(port, sizeof port, "%u", k < n ? (unsigned)ports[k].port : 0);
    page_cell(page, k < n ? port : "");
    if (k < n)
        page_cell_number(page, 100.0 * ports[k].share);
    else
        page_cell(page, "");
}

static void write_ports(struct page *page, const struct description *description)
{
    static const char *const headings[] = { "rank", "local port", "% of flows", "remote port",
                                            "% of flows" };
    page_table(page, "Most frequent ports, TCP and UDP", headings, 5);
    for (size_t k = 0; k < description->n_top_local || k < description->n_top_remote; k++) {
        char rank[24];
        snprintf(rank, sizeof rank, "%zu", k + 1);
        page_row(page, rank);
        write_port(page, description->top_local, description->n_top_local, k);
        write_port(page, description->top_remote, description->n_top_remote, k);
        page_row_end(page);
    }
    page_table_end(page);
}

static void write_protocols(struct page *page, const struct description *description)
{
    static const char *const headings[] = { "", "% of flows", "% of bytes" };
    page_table(page, "Protocols", headings, 3);
    for (int p = 0; p < 256; p++) {
        if (description->profile->protocols[p] == 0.0)
            continue;
        page_row(page, protocol_name((uint8_t)p));
        page_cell_number(page, 100.0 * description->profile->protocols[p]);
        page_cell_number(page, 100.0 * description->bytes_by_protocol[p]);
        page_row_end(page);
    }
    page_table_end(page);
}

static void write_rules(struct page *page, const struct description *description)
{
    page_table(page, "Rules: % of the flows they are about that keep them", NULL, 0);
    for (int r = 0; r < N_RULES; r++)
        write_fact(page, rule_infos[r].words, 100.0 * description->portrait.rules.rates[r], false);
    page_table_end(page);
}

/* ---- the whole ---------------------------------------------------------------------------- */

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

static void write_tables(struct page *page, const struct description *description)
{
    page_section(page, "overview", "Overview", NULL);
    page_tables(page);
    write_facts(page, description);
    page_tables_end(page);
    page_section_end(page);
    page_section(page, "hosts", "Hosts", NULL);
    page_tables(page);
    write_types(page, description);
    write_rates(page, description);
    write_top_hosts(page, description);
    page_tables_end(page);
    page_section_end(page);
    page_section(page, "tables", "Ports, protocols and values", NULL);
    write_counts(page, description);
    page_tables(page);
    write_protocols(page, description);
    write_ports(page, description);
    write_rules(page, description);
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
