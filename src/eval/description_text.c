/* description_text.c - a description for people: one table a question. */
#include "data/calendar.h"
#include "eval/description.h"
#include "eval/markup.h"
#include "eval/report_internal.h"

#include <math.h>

#define NAME_WIDTH 30
#define CELL_WIDTH 13

static void print_name(FILE *out, const char *name)
{
    fprintf(out, "  %-*s", NAME_WIDTH, name);
}

static void print_cell(FILE *out, const char *text)
{
    fprintf(out, " %*s", CELL_WIDTH - 1, text);
}

static void print_number(FILE *out, double x)
{
    char text[NUMBER_TEXT_SIZE];
    number_format(x, text);
    print_cell(out, text);
}

static void print_count(FILE *out, double n)
{
    char text[NUMBER_TEXT_SIZE];
    count_format(n, text);
    print_cell(out, text);
}

static void print_headings(FILE *out, const char *caption, const char *const *headings, size_t n)
{
    fprintf(out, "\n%s\n\n", caption);
    print_name(out, "");
    for (size_t i = 0; i < n; i++)
        print_cell(out, headings[i]);
    fputc('\n', out);
}

/* ---- tables ------------------------------------------------------------------------------- */

static void print_types(FILE *out, const struct description *description)
{
    static const char *const headings[] = { "hosts", "flows", "% of flows" };
    static const char *const words[N_HOST_TYPES] = {
        [HOST_BOTH] = "send and receive",
        [HOST_SENDS] = "only send",
        [HOST_RECEIVES] = "only receive",
        [HOST_INTERNAL] = "talk with monitored hosts only",
    };
    print_headings(out, "Hosts by their flows with addresses that are not monitored", headings,
                   ARRAY_LEN(headings));
    for (int t = 0; t < N_HOST_TYPES; t++) {
        print_name(out, words[t]);
        print_count(out, (double)description->hosts_of_type[t]);
        print_count(out, (double)description->flows_of_type[t]);
        print_number(out,
                     100.0 * (double)description->flows_of_type[t] / (double)description->n_flows);
        fputc('\n', out);
    }
}

static void print_spread(FILE *out, const char *name, const struct spread *spread)
{
    print_name(out, name);
    print_number(out, spread->lowest);
    print_number(out, spread->quarter);
    print_number(out, spread->median);
    print_number(out, spread->three_quarters);
    print_number(out, spread->highest);
    fputc('\n', out);
}

static void print_rates(FILE *out, const struct description *description)
{
    static const char *const headings[] = { "lowest", "25 %", "median", "75 %", "highest" };
    print_headings(out, "Rates", headings, ARRAY_LEN(headings));
    print_spread(out, "flows of a host", &description->flows_per_host);
    print_spread(out, "flows of a host in an hour", &description->flows_per_hour);
    print_name(out, "flows in a second, all hosts");
    print_number(out, (double)description->n_flows / description->seconds);
    fputc('\n', out);
    print_name(out, "bytes in a second, all hosts");
    print_number(out, description->n_bytes / description->seconds);
    fputc('\n', out);
    print_name(out, "flows in the busiest minute");
    print_count(out, description->busiest_minute);
    fputc('\n', out);
}

static void print_top_hosts(FILE *out, const struct description *description)
{
    static const char *const headings[] = { "type", "flows", "bytes", "% sent", "remotes" };
    print_headings(out, "Hosts with most flows", headings, ARRAY_LEN(headings));
    for (size_t k = 0; k < description->n_top_hosts; k++) {
        const struct described_host *host = &description->top_hosts[k];
        char address[ADDRESS_TEXT_SIZE];
        address_format(host->address, address);
        print_name(out, address);
        print_cell(out, host_type_names[host->type]);
        print_count(out, host->n_flows);
        print_count(out, host->n_bytes);
        print_number(out, 100.0 * host->out);
        print_count(out, host->n_remotes);
        fputc('\n', out);
    }
}

static void print_counts(FILE *out, const struct description *description)
{
    static const char *const headings[] = { "% that are 0", "5 %",  "median", "90 %",
                                            "99 %",         "mean", "highest" };
    print_headings(out, "Values of a flow", headings, ARRAY_LEN(headings));
    for (int c = 0; c < N_PROFILE_COUNTS; c++) {
        const struct profile_count *count = &description->profile->counts[c];
        const struct attribute_info *info = &attribute_infos[profile_attributes[c]];
        char name[48];
        bool has_unit = profile_attributes[c] == ATTRIBUTE_GAP ||
                        profile_attributes[c] == ATTRIBUTE_DURATION;
        snprintf(name, sizeof name, has_unit ? "%s, %s" : "%s", info->name, info->unit);
        print_name(out, name);
        print_number(out, 100.0 * count->zero);
        print_number(out, count->quantiles[QUANTILE_5]);
        print_number(out, count->quantiles[QUANTILE_50]);
        print_number(out, count->quantiles[QUANTILE_90]);
        print_number(out, count->quantiles[QUANTILE_99]);
        print_number(out, count->mean);
        print_number(out, count->highest);
        fputc('\n', out);
    }
}

static void print_protocols(FILE *out, const struct description *description)
{
    static const char *const headings[] = { "% of flows", "% of bytes" };
    print_headings(out, "Protocols", headings, ARRAY_LEN(headings));
    for (int p = 0; p < 256; p++) {
        if (description->profile->protocols[p] == 0.0)
            continue;
        print_name(out, protocol_name((uint8_t)p));
        print_number(out, 100.0 * description->profile->protocols[p]);
        print_number(out, 100.0 * description->bytes_by_protocol[p]);
        fputc('\n', out);
    }
}

static void print_port(FILE *out, const struct described_port *port)
{
    char text[NUMBER_TEXT_SIZE];
    snprintf(text, sizeof text, "%u", (unsigned)port->port);
    print_cell(out, text);
    print_number(out, 100.0 * port->share);
}

static void print_ports(FILE *out, const struct description *description)
{
    static const char *const headings[] = { "local port", "% of flows", "remote port",
                                            "% of flows" };
    print_headings(out, "Most frequent ports, TCP and UDP", headings, ARRAY_LEN(headings));
    for (size_t k = 0; k < description->n_top_local || k < description->n_top_remote; k++) {
        char rank[24];
        snprintf(rank, sizeof rank, "%zu", k + 1);
        print_name(out, rank);
        if (k < description->n_top_local)
            print_port(out, &description->top_local[k]);
        else
            fprintf(out, "%*s", 2 * CELL_WIDTH, "");
        if (k < description->n_top_remote)
            print_port(out, &description->top_remote[k]);
        fputc('\n', out);
    }
}

static void print_autocorrelation(FILE *out, const struct description *description)
{
    static const size_t lags[] = { 1, 2, 5, 10, 20, 50 };
    static const char *const headings[] = { "lag 1", "2", "5", "10", "20", "50" };
    char caption[128];
    snprintf(caption, sizeof caption,
             "Autocorrelation of a host's flows: mean and deviation over %.0f hosts of %d flows "
             "or more",
             description->portrait.autocorrelation[0].n_hosts, AUTOCORRELATION_ROWS);
    print_headings(out, caption, headings, ARRAY_LEN(headings));
    for (int s = 0; s < N_ACF_SERIES; s++) {
        const struct autocorrelation *acf = &description->portrait.autocorrelation[s];
        print_name(out, s == ACF_GAP ? "gap" : "log bytes");
        for (size_t k = 0; k < ARRAY_LEN(lags); k++)
            print_number(out, acf->mean[lags[k] - 1]);
        fputc('\n', out);
        print_name(out, "  deviation");
        for (size_t k = 0; k < ARRAY_LEN(lags); k++)
            print_number(out, acf->deviation[lags[k] - 1]);
        fputc('\n', out);
    }
}

static void print_portrait(FILE *out, const struct description *description)
{
    fprintf(out, "\nConversations: %% of flows, and means\n\n");
    for (int c = 0; c < N_CONVERSATION_FIGURES; c++) {
        const struct conversation_info *info = &conversation_infos[c];
        print_name(out, info->words);
        print_number(out, info->scale * portrait_number(&description->portrait, info->offset));
        fputc('\n', out);
    }
    fprintf(out, "\nRules, %% of the flows they are about that keep them\n\n");
    for (int r = 0; r < N_RULES; r++) {
        fprintf(out, "  %-*s", NAME_WIDTH + 6, rule_infos[r].words);
        print_number(out, 100.0 * description->portrait.rules.rates[r]);
        fputc('\n', out);
    }
}

void description_print(const struct description *description, FILE *out)
{
    char from[CALENDAR_TEXT_SIZE], until[CALENDAR_TEXT_SIZE];
    char flows[NUMBER_TEXT_SIZE], bytes[NUMBER_TEXT_SIZE];
    calendar_format(description->from, from);
    calendar_format(description->until, until);
    count_format((double)description->n_flows, flows);
    count_format(description->n_bytes, bytes);
    fprintf(out, "%s: %s flows of %zu hosts, %s bytes, %s to %s\n", description->source, flows,
            description->n_hosts, bytes, from, until);
    fprintf(out, "%llu rows were read, %llu refused, %llu were of other hosts\n",
            (unsigned long long)description->n_rows_read,
            (unsigned long long)description->n_rows_refused,
            (unsigned long long)description->n_rows_elsewhere);
    print_types(out, description);
    print_rates(out, description);
    print_top_hosts(out, description);
    print_counts(out, description);
    print_protocols(out, description);
    print_ports(out, description);
    print_portrait(out, description);
    print_autocorrelation(out, description);
}
