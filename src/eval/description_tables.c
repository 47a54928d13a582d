#include "eval/description_tables.h"

#include "eval/report_internal.h"

#include <math.h>

static void add_number(struct table *table, const char *name, double x)
{
    table_row(table, name);
    table_number(table, x);
}

static void add_count(struct table *table, const char *name, double n)
{
    table_row(table, name);
    table_count(table, n);
}

/* ---- overview ----------------------------------------------------------------------------- */

static void fill_flows(struct table *table, const struct description *description)
{
    double n_flows = (double)description->n_flows;
    table_begin(table, "Flows", NULL, 2);
    add_count(table, "flows", n_flows);
    add_number(table, "flows that the host sends, %", 100.0 * description->profile->out);
    add_count(table, "hosts", (double)description->n_hosts);
    add_number(table, "hosts of equal size that say as much", description->effective_hosts);
    add_count(table, "bytes", description->n_bytes);
    add_count(table, "packets", description->n_packets);
    add_number(table, "flows in a second, all hosts", n_flows / description->seconds);
    add_number(table, "bytes in a second, all hosts", description->n_bytes / description->seconds);
    add_count(table, "flows in the busiest minute", description->busiest_minute);
}

static void fill_origin(struct table *table, const struct description *description)
{
    table_begin(table, "Where they come from", NULL, 2);
    add_count(table, "rows read", (double)description->n_rows_read);
    add_count(table, "rows refused", (double)description->n_rows_refused);
    add_count(table, "rows of other hosts", (double)description->n_rows_elsewhere);
}

/* ---- hosts -------------------------------------------------------------------------------- */

static void fill_types(struct table *table, const struct description *description)
{
    static const char *const headings[] = { "", "hosts", "flows", "% of flows" };
    static const char *const words[N_HOST_TYPES] = {
        [HOST_BOTH] = "send and receive",
        [HOST_SENDS] = "only send",
        [HOST_RECEIVES] = "only receive",
        [HOST_INTERNAL] = "talk with monitored hosts only",
    };
    table_begin(table, "Hosts by their flows with addresses that are not monitored", headings,
                ARRAY_LEN(headings));
    for (int t = 0; t < N_HOST_TYPES; t++) {
        double n_flows = (double)description->flows_of_type[t];
        table_row(table, words[t]);
        table_count(table, (double)description->hosts_of_type[t]);
        table_count(table, n_flows);
        table_number(table, 100.0 * n_flows / (double)description->n_flows);
    }
}

static void add_spread(struct table *table, const char *name, const struct spread *spread)
{
    table_row(table, name);
    table_number(table, spread->lowest);
    table_number(table, spread->quarter);
    table_number(table, spread->median);
    table_number(table, spread->three_quarters);
    table_number(table, spread->highest);
}

static void fill_sizes(struct table *table, const struct description *description)
{
    static const char *const headings[] = { "", "lowest", "25 %", "median", "75 %", "highest" };
    table_begin(table, "How much a host does", headings, ARRAY_LEN(headings));
    add_spread(table, "flows", &description->flows_per_host);
    add_spread(table, "flows in an hour", &description->flows_per_hour);
}

static void fill_top_hosts(struct table *table, const struct description *description)
{
    static const char *const headings[] = { "", "type", "flows", "bytes", "% sent", "remotes" };
    table_begin(table, "Hosts with most flows", headings, ARRAY_LEN(headings));
    for (size_t k = 0; k < description->n_top_hosts; k++) {
        const struct described_host *host = &description->top_hosts[k];
        char address[ADDRESS_TEXT_SIZE];
        address_format(host->address, address);
        table_row(table, address);
        table_text(table, host_type_names[host->type]);
        table_count(table, host->n_flows);
        table_count(table, host->n_bytes);
        table_number(table, 100.0 * host->out);
        table_count(table, host->n_remotes);
    }
}

/* ---- single flows ------------------------------------------------------------------------- */

static void fill_counts(struct table *table, const struct description *description)
{
    static const char *const headings[] = { "",     "% that are 0", "5 %",  "25 %", "median",
                                            "75 %", "90 %",         "99 %", "mean", "highest" };
    static const int shown[] = { QUANTILE_5,  QUANTILE_25, QUANTILE_50,
                                 QUANTILE_75, QUANTILE_90, QUANTILE_99 };
    table_begin(table, "Values of a flow", headings, ARRAY_LEN(headings));
    for (int c = 0; c < N_PROFILE_COUNTS; c++) {
        const struct profile_count *count = &description->profile->counts[c];
        const struct attribute_info *info = &attribute_infos[profile_attributes[c]];
        char name[48];
        bool has_unit = profile_attributes[c] == ATTRIBUTE_GAP ||
                        profile_attributes[c] == ATTRIBUTE_DURATION;
        snprintf(name, sizeof name, has_unit ? "%s, %s" : "%s", info->name, info->unit);
        table_row(table, name);
        table_number(table, 100.0 * count->zero);
        for (size_t q = 0; q < ARRAY_LEN(shown); q++)
            table_number(table, count->quantiles[shown[q]]);
        table_number(table, count->mean);
        table_number(table, count->highest);
    }
}

static void fill_protocols(struct table *table, const struct description *description)
{
    static const char *const headings[] = { "", "% of flows", "% of bytes" };
    table_begin(table, "Protocols", headings, ARRAY_LEN(headings));
    for (int p = 0; p < 256; p++) {
        if (description->profile->protocols[p] == 0.0)
            continue;
        table_row(table, protocol_name((uint8_t)p));
        table_number(table, 100.0 * description->profile->protocols[p]);
        table_number(table, 100.0 * description->bytes_by_protocol[p]);
    }
}

static void add_port(struct table *table, const struct described_port *ports, size_t n, size_t k)
{
    char port[16] = "";
    if (k < n)
        snprintf(port, sizeof port, "%u", (unsigned)ports[k].port);
    table_text(table, port);
    if (k < n)
        table_number(table, 100.0 * ports[k].share);
    else
        table_text(table, "");
}

static void fill_ports(struct table *table, const struct description *description)
{
    static const char *const headings[] = { "rank", "local port", "% of flows", "remote port",
                                            "% of flows" };
    table_begin(table, "Most frequent ports, TCP and UDP", headings, ARRAY_LEN(headings));
    for (size_t k = 0; k < description->n_top_local || k < description->n_top_remote; k++) {
        char rank[24];
        snprintf(rank, sizeof rank, "%zu", k + 1);
        table_row(table, rank);
        add_port(table, description->top_local, description->n_top_local, k);
        add_port(table, description->top_remote, description->n_top_remote, k);
    }
}

/* ---- how they hang together --------------------------------------------------------------- */

static void fill_conversations(struct table *table, const struct description *description)
{
    table_begin(table, "Conversations", NULL, 2);
    for (int c = 0; c < N_CONVERSATION_FIGURES; c++) {
        const struct conversation_info *info = &conversation_infos[c];
        char name[64];
        snprintf(name, sizeof name, "%s, %s", info->words,
                 info->scale == 1.0 ? "mean" : "% of flows");
        add_number(table, name,
                   info->scale * portrait_number(&description->portrait, info->offset));
    }
}

static void fill_rules(struct table *table, const struct description *description)
{
    table_begin(table, "Rules: % of the flows they are about that keep them", NULL, 2);
    for (int r = 0; r < N_RULES; r++)
        add_number(table, rule_infos[r].words, 100.0 * description->portrait.rules.rates[r]);
}

static void fill_autocorrelation(struct table *table, const struct description *description)
{
    static const size_t lags[] = { 1, 2, 5, 10, 20, 50 };
    static const char *const headings[] = { "", "lag 1", "2", "5", "10", "20", "50" };
    char caption[128];
    snprintf(caption, sizeof caption,
             "Autocorrelation of a host's flows: mean and deviation over %.0f hosts of %d flows "
             "or more",
             description->portrait.autocorrelation[0].n_hosts, AUTOCORRELATION_ROWS);
    table_begin(table, caption, headings, ARRAY_LEN(headings));
    for (int s = 0; s < N_ACF_SERIES; s++) {
        const struct autocorrelation *acf = &description->portrait.autocorrelation[s];
        table_row(table, s == ACF_GAP ? "gap" : "log bytes");
        for (size_t k = 0; k < ARRAY_LEN(lags); k++)
            table_number(table, acf->mean[lags[k] - 1]);
        table_row(table, "  deviation");
        for (size_t k = 0; k < ARRAY_LEN(lags); k++)
            table_number(table, acf->deviation[lags[k] - 1]);
    }
}

struct table description_table(const struct description *description, enum description_table which)
{
    static void (*const fill[N_DESCRIPTION_TABLES])(struct table *, const struct description *) = {
        [TABLE_FLOWS] = fill_flows,
        [TABLE_ORIGIN] = fill_origin,
        [TABLE_TYPES] = fill_types,
        [TABLE_SIZES] = fill_sizes,
        [TABLE_TOP_HOSTS] = fill_top_hosts,
        [TABLE_COUNTS] = fill_counts,
        [TABLE_PROTOCOLS] = fill_protocols,
        [TABLE_PORTS] = fill_ports,
        [TABLE_CONVERSATIONS] = fill_conversations,
        [TABLE_RULES] = fill_rules,
        [TABLE_AUTOCORRELATION] = fill_autocorrelation,
    };
    struct table table;
    fill[which](&table, description);
    return table;
}
