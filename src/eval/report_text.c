/* report_text.c - the report for people: one table a question, floors beside figures. */
#include "data/calendar.h"
#include "eval/report_internal.h"

#include <math.h>
#include <string.h>

/* The columns of every table: a name, then cells of a number with its deviation in brackets. */
#define NAME_WIDTH 34
#define CELL_WIDTH 17

void report_print_name(FILE *out, const char *name)
{
    fprintf(out, "  %-*s", NAME_WIDTH, name);
}

static void print_text_cell(FILE *out, const char *text)
{
    fprintf(out, " %*.*s", CELL_WIDTH - 1, CELL_WIDTH - 1, text);
}

/* As many digits as are worth reading: four, and none behind the point of large numbers. */
static void format_number(char *text, size_t size, double x)
{
    if (isnan(x))
        snprintf(text, size, "-");
    else if (fabs(x) >= 1000.0)
        snprintf(text, size, "%.0f", x);
    else if (fabs(x) >= 100.0)
        snprintf(text, size, "%.1f", x);
    else if (fabs(x) >= 10.0)
        snprintf(text, size, "%.2f", x);
    else
        snprintf(text, size, "%.4f", x);
}

/* "0.0312 (0.0004)", or the number alone where there is no deviation. */
void report_print_cell(FILE *out, double x, double deviation)
{
    char number[40], spread[40], cell[96];
    format_number(number, sizeof number, x);
    format_number(spread, sizeof spread, deviation);
    if (isnan(x) || isnan(deviation))
        snprintf(cell, sizeof cell, "%s", number);
    else
        snprintf(cell, sizeof cell, "%s (%s)", number, spread);
    print_text_cell(out, cell);
}

/* The file's name without its folder, which is what tells twins and models apart. */
const char *report_short_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* The same as the heading of a column: without the .h5 that all models have. */
static void print_file_cell(FILE *out, const char *path)
{
    const char *name = report_short_name(path);
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".h5") == 0)
        length -= 3;
    char cell[CELL_WIDTH];
    snprintf(cell, sizeof cell, "%.*s", (int)length, name);
    print_text_cell(out, cell);
}

static void print_average_cell(FILE *out, const struct comparison_average *average, size_t offset,
                               double scale)
{
    report_print_cell(out, scale * number_at(&average->mean, offset),
                      scale * number_at(&average->deviation, offset));
}

/* ---- likelihood --------------------------------------------------------------------------- */

static void print_ratio_cell(FILE *out, const struct host_ratio *ratio, double unit)
{
    char cell[96];
    if (isnan(ratio->standard_error))
        snprintf(cell, sizeof cell, "%.3f", ratio->mean / unit);
    else
        snprintf(cell, sizeof cell, "%.3f (%.3f)", ratio->mean / unit,
                 ratio->standard_error / unit);
    print_text_cell(out, cell);
}

/* One line: each model's figure, then the differences of the later ones from the first. column:
 * an attribute, or NLL_TOTAL. */
static void print_likelihood_row(FILE *out, const struct report *report, const char *name,
                                 int column, double unit)
{
    report_print_name(out, name);
    for (size_t m = 0; m < report->n_models; m++) {
        const struct nll *nll = &report->models[m].nll;
        if (column == NLL_TOTAL)
            print_ratio_cell(out, &nll->total, unit);
        else if ((nll->attributes & ATTRIBUTE_BIT(column)) != 0)
            print_ratio_cell(out, &nll->by_attribute[column], unit);
        else
            print_text_cell(out, "-");
    }
    for (size_t m = 1; m < report->n_models; m++) {
        const struct nll_difference *difference = &report->models[m].difference;
        print_ratio_cell(
            out, column == NLL_TOTAL ? &difference->total : &difference->by_attribute[column],
            unit);
    }
    fputc('\n', out);
}

/* Of the bin that holds the value, which says less than the value. */
static void print_bins(FILE *out, const struct report *report)
{
    char name[64];
    snprintf(name, sizeof name, "%s, of its bin", attribute_infos[report->bins_attribute].name);
    report_print_name(out, name);
    for (size_t m = 0; m < report->n_models; m++)
        print_ratio_cell(out, &report->models[m].bins, 1.0);
    fputc('\n', out);
    report_print_name(out, "  number of bins");
    for (size_t m = 0; m < report->n_models; m++) {
        snprintf(name, sizeof name, "%zu", report->models[m].n_bins);
        print_text_cell(out, name);
    }
    fputc('\n', out);
}

static void print_likelihood(FILE *out, const struct report *report)
{
    uint32_t attributes = 0;
    fprintf(
        out,
        "\nNegative log-likelihood, nats per flow (standard error over %zu hosts), %zu flows in "
        "order of end time\n\n",
        report->models[0].nll.n_hosts, report->models[0].nll.n_flows);
    report_print_name(out, "");
    for (size_t m = 0; m < report->n_models; m++) {
        print_file_cell(out, report->models[m].name);
        attributes |= report->models[m].nll.attributes;
    }
    for (size_t m = 1; m < report->n_models; m++) {
        char heading[64];
        snprintf(heading, sizeof heading, "%zu. less 1.", m + 1);
        print_text_cell(out, heading);
    }
    fputc('\n', out);
    print_likelihood_row(out, report, "all", NLL_TOTAL, 1.0);
    print_likelihood_row(out, report, "all, bits", NLL_TOTAL, log(2.0));
    for (int i = 0; i < N_ATTRIBUTES; i++) {
        enum attribute a = attribute_report_order[i];
        if ((attributes & ATTRIBUTE_BIT(a)) != 0)
            print_likelihood_row(out, report, attribute_infos[a].name, (int)a, 1.0);
    }
    if (report->bins_attribute >= 0)
        print_bins(out, report);
}

/* ---- distances ---------------------------------------------------------------------------- */

/* Headings of tables with a column for the floor and one for each twin. */
static void print_distance_headings(FILE *out, const struct report *report)
{
    print_text_cell(out, "floor");
    for (size_t t = 0; t < report->n_twins; t++)
        print_file_cell(out, report->twins[t].name);
}

void report_print_headings(FILE *out, const struct report *report)
{
    report_print_name(out, "");
    print_distance_headings(out, report);
    fputc('\n', out);
}

static void print_floor_cell(FILE *out, const struct report *report, size_t offset, double scale)
{
    if (report->floor.n > 0)
        print_average_cell(out, &report->floor, offset, scale);
    else
        print_text_cell(out, "-");
}

static void print_distance_cells(FILE *out, const struct report *report, size_t offset)
{
    print_floor_cell(out, report, offset, 1.0);
    for (size_t t = 0; t < report->n_twins; t++)
        print_average_cell(out, &report->twins[t].average, offset, 1.0);
}

/* What is said of the distribution of each attribute: its name, and where it stands in struct
 * distribution_distance. */
struct distribution_figure {
    const char *name;
    size_t offset;
};

/* Figures side by side, each with its floor. */
static void print_distribution_columns(FILE *out, const struct report *report,
                                       const struct distribution_figure *figures, size_t n)
{
    fputc('\n', out);
    report_print_name(out, "");
    for (size_t f = 0; f < n; f++)
        fprintf(out, "%*s", CELL_WIDTH * (1 + (int)report->n_twins), figures[f].name);
    fputc('\n', out);
    report_print_name(out, "");
    for (size_t f = 0; f < n; f++)
        print_distance_headings(out, report);
    fputc('\n', out);
    for (int i = 0; i < N_ATTRIBUTES; i++) {
        enum attribute a = attribute_report_order[i];
        if (a >= N_CODED || !report_has_distribution(report, a))
            continue;
        report_print_name(out, attribute_infos[a].name);
        for (size_t f = 0; f < n; f++)
            print_distance_cells(out, report, DISTANCE_AT(distributions[a]) + figures[f].offset);
        fputc('\n', out);
    }
}

/* Two figures: side by side as long as a screen has room for them. */
static void print_distributions(FILE *out, const struct report *report, const char *caption,
                                size_t all_day, size_t hourly)
{
    const struct distribution_figure figures[] = {
        { "over the whole time", all_day },
        { "mean over hours of the day", hourly },
    };
    fprintf(out, "\n%s\n", caption);
    if (report->n_twins == 1) {
        print_distribution_columns(out, report, figures, 2);
    } else {
        print_distribution_columns(out, report, &figures[0], 1);
        print_distribution_columns(out, report, &figures[1], 1);
    }
}

/* Of bytes, which a user's day shows in most. */
static void print_hours(FILE *out, const struct report *report)
{
    if (!report_has_distribution(report, ATTRIBUTE_BYTES))
        return;
    fprintf(out, "\nJensen-Shannon divergence of bytes by hour of the day, nats\n\n");
    report_print_headings(out, report);
    for (int hour = 0; hour < N_HOURS; hour++) {
        size_t offset = DISTANCE_AT(distributions[ATTRIBUTE_BYTES].js_by_hour[hour]);
        if (isnan(number_at(&report->twins[0].average.mean, offset)))
            continue;
        char name[64];
        snprintf(name, sizeof name, "%02d:00 to %02d:59", hour, hour);
        report_print_name(out, name);
        print_distance_cells(out, report, offset);
        fputc('\n', out);
    }
}

static void print_netshare(FILE *out, const struct report *report)
{
    fprintf(out,
            "\nNetShare's figures (EMD: first Wasserstein distance on raw values); x: times the "
            "floor\n\n");
    report_print_name(out, "");
    print_text_cell(out, "floor");
    for (size_t t = 0; t < report->n_twins; t++) {
        print_file_cell(out, report->twins[t].name);
        print_text_cell(out, "x");
    }
    fputc('\n', out);
    for (int f = 0; f < N_NETSHARE_FIGURES; f++) {
        size_t offset = DISTANCE_AT(netshare.values[f]);
        char name[64];
        snprintf(name, sizeof name, "%s, %s", netshare_infos[f].words, netshare_infos[f].unit);
        report_print_name(out, name);
        print_floor_cell(out, report, offset, 1.0);
        for (size_t t = 0; t < report->n_twins; t++) {
            const struct comparison_average *average = &report->twins[t].average;
            print_average_cell(out, average, offset, 1.0);
            double floor = report->floor.n > 0 ? number_at(&report->floor.mean, offset)
                                               : (double)NAN;
            report_print_cell(out, number_at(&average->mean, offset) / floor, NAN);
        }
        fputc('\n', out);
    }
}

static void print_hosts(FILE *out, const struct report *report)
{
    double at_size = comparison_size_factor((double)report->n_hosts,
                                            (double)report->twins[0].n_hosts);
    fprintf(out, "\nFlows of a host in a day\n\n");
    report_print_headings(out, report);
    report_print_name(out, "JS of the counts in octaves, nats");
    print_distance_cells(out, report, DISTANCE_AT(js_host_counts));
    fprintf(out, "\nHosts count alike: a perfect twin has about %.2f of this floor.\n", at_size);
}

static void print_pairs(FILE *out, const struct report *report)
{
    fprintf(out, "\nTotal variation of joint histograms, 0..1\n\n");
    report_print_headings(out, report);
    report_print_name(out, "two attributes, mean of pairs");
    print_distance_cells(out, report, DISTANCE_AT(pairs.mean_same_row));
    fputc('\n', out);
    report_print_name(out, "one and its next row, mean");
    print_distance_cells(out, report, DISTANCE_AT(pairs.mean_next_row));
    fputc('\n', out);
    for (int i = 0; i < N_ATTRIBUTES; i++) {
        enum attribute a = attribute_report_order[i];
        if (a >= N_CODED || !report_has_attribute(report, a))
            continue;
        char name[64];
        snprintf(name, sizeof name, "  %s and its next", attribute_infos[a].name);
        report_print_name(out, name);
        print_distance_cells(out, report, DISTANCE_AT(pairs.next_row[a]));
        fputc('\n', out);
    }
}

/* ---- portraits ---------------------------------------------------------------------------- */

static void print_portrait_headings(FILE *out, const struct report *report)
{
    report_print_name(out, "");
    print_text_cell(out, "real");
    for (size_t t = 0; t < report->n_twins; t++)
        print_file_cell(out, report->twins[t].name);
    print_text_cell(out, "halves differ by");
    fputc('\n', out);
}

static void print_portrait_row(FILE *out, const struct report *report, const char *name,
                               size_t offset, double scale)
{
    report_print_name(out, name);
    report_print_cell(out, scale * number_at(&report->twins[0].average.mean, real_at(offset)), NAN);
    for (size_t t = 0; t < report->n_twins; t++)
        print_average_cell(out, &report->twins[t].average, synthetic_at(offset), scale);
    double floor = report->floor.n > 0 ? number_at(&report->floor.mean, difference_at(offset))
                                       : (double)NAN;
    report_print_cell(out, scale * floor, NAN);
    fputc('\n', out);
}

static void print_conversations(FILE *out, const struct report *report)
{
    fprintf(out, "\nConversations, %% of flows\n\n");
    print_portrait_headings(out, report);
    for (int c = 0; c < N_CONVERSATION_FIGURES; c++) {
        if (c > 0 && conversation_infos[c].scale != conversation_infos[c - 1].scale)
            fprintf(out, "  mean number of\n");
        print_portrait_row(out, report, conversation_infos[c].words, conversation_infos[c].offset,
                           conversation_infos[c].scale);
    }
}

static void print_rules(FILE *out, const struct report *report)
{
    fprintf(out, "\nRules, %% of the flows they are about that keep them\n\n");
    print_portrait_headings(out, report);
    for (int r = 0; r < N_RULES; r++)
        print_portrait_row(out, report, rule_infos[r].words, PORTRAIT_AT(rules.rates[r]), 100.0);
}

static void print_autocorrelation_row(FILE *out, const struct report *report, int series, int lag)
{
    size_t r = PORTRAIT_AT(autocorrelation[series].mean[lag - 1]);
    size_t band = PORTRAIT_AT(autocorrelation[series].deviation[lag - 1]);
    const struct comparison *first = &report->twins[0].average.mean;
    char name[64];
    snprintf(name, sizeof name, "%s, lag %d", series == ACF_GAP ? "gap" : "log bytes", lag);
    report_print_name(out, name);
    report_print_cell(out, number_at(first, real_at(r)), number_at(first, real_at(band)));
    for (size_t t = 0; t < report->n_twins; t++) {
        const struct comparison *mean = &report->twins[t].average.mean;
        report_print_cell(out, number_at(mean, synthetic_at(r)),
                          number_at(mean, synthetic_at(band)));
    }
    report_print_cell(
        out, report->floor.n > 0 ? number_at(&report->floor.mean, difference_at(r)) : (double)NAN,
        (double)NAN);
    fputc('\n', out);
}

static void print_autocorrelation(FILE *out, const struct report *report)
{
    static const int lags[] = { 1, 2, 5, 10, 20, 50 };
    fprintf(out, "\nAutocorrelation, mean (deviation) over hosts of %d flows or more\n\n",
            AUTOCORRELATION_ROWS);
    print_portrait_headings(out, report);
    for (int series = 0; series < N_ACF_SERIES; series++)
        for (size_t k = 0; k < ARRAY_LEN(lags); k++)
            print_autocorrelation_row(out, report, series, lags[k]);
}

/* Headings that fit over the columns of a square. */
static const char *const short_names[N_CODED] = {
    [ATTRIBUTE_GAP] = "gap",          [ATTRIBUTE_REMOTE] = "remote",
    [ATTRIBUTE_DIRECTION] = "dir",    [ATTRIBUTE_PROTOCOL] = "proto",
    [ATTRIBUTE_LOCAL_PORT] = "lport", [ATTRIBUTE_REMOTE_PORT] = "rport",
    [ATTRIBUTE_FLAGS] = "flags",      [ATTRIBUTE_TOS] = "tos",
    [ATTRIBUTE_FORWARDING] = "fwd",   [ATTRIBUTE_LABEL] = "label",
    [ATTRIBUTE_PACKETS] = "pkts",     [ATTRIBUTE_BYTES] = "bytes",
    [ATTRIBUTE_DURATION] = "dur",
};

/* A square over attributes as far as they have it. offset: of its first number. */
struct square {
    const struct comparison *comparison;
    size_t offset;
};

/* Two symmetric squares in one: one above the diagonal, the other below. */
static void print_squares(FILE *out, const struct report *report, struct square above,
                          struct square below, bool has(const struct report *, enum attribute))
{
    fprintf(out, "  %-12s", "");
    for (int b = 0; b < N_CODED; b++)
        if (has(report, (enum attribute)b))
            fprintf(out, " %6s", short_names[b]);
    fputc('\n', out);
    for (int a = 0; a < N_CODED; a++) {
        if (!has(report, (enum attribute)a))
            continue;
        fprintf(out, "  %-12s", attribute_infos[a].name);
        for (int b = 0; b < N_CODED; b++) {
            const struct square *square = b > a ? &above : &below;
            size_t at = square->offset + (size_t)(a * N_CODED + b) * sizeof(double);
            if (!has(report, (enum attribute)b))
                continue;
            if (a == b)
                fprintf(out, " %6s", ".");
            else
                fprintf(out, " %6.2f", number_at(square->comparison, at));
        }
        fputc('\n', out);
    }
}

/* Mean of |twin - real| over the pairs of a square. */
static double mean_of_pairs(const struct comparison *comparison, size_t offset)
{
    double sum = 0.0, n = 0.0;
    for (int a = 0; a < N_CODED; a++) {
        for (int b = 0; b < a; b++) {
            double x = number_at(comparison, difference_at(offset) +
                                                 (size_t)(a * N_CODED + b) * sizeof(double));
            sum += isnan(x) ? 0.0 : x;
            n += isnan(x) ? 0.0 : 1.0;
        }
    }
    return sum / n;
}

static void print_dependence(FILE *out, const struct report *report, const struct report_twin *twin,
                             const char *what, size_t offset,
                             bool has(const struct report *, enum attribute))
{
    fprintf(out, "\n%s: real above the diagonal, %s below; they differ by %.3f in the mean", what,
            report_short_name(twin->name), mean_of_pairs(&twin->average.mean, offset));
    if (report->floor.n > 0)
        fprintf(out, ", real halves by %.3f", mean_of_pairs(&report->floor.mean, offset));
    fprintf(out, "\n\n");
    const struct comparison *mean = &twin->average.mean;
    print_squares(out, report, (struct square){ mean, real_at(offset) },
                  (struct square){ mean, synthetic_at(offset) }, has);
}

/* The floor of pairs above the diagonal, a twin below. */
static void print_pair_squares(FILE *out, const struct report *report,
                               const struct report_twin *twin)
{
    const struct comparison *floor = report->floor.n > 0 ? &report->floor.mean : NULL;
    const struct comparison *mean = &twin->average.mean;
    size_t offset = DISTANCE_AT(pairs.same_row);
    fprintf(out, "\nTotal variation of pairs: %s above the diagonal, %s below\n\n",
            floor != NULL ? "floor" : "the same", report_short_name(twin->name));
    print_squares(out, report, (struct square){ floor != NULL ? floor : mean, offset },
                  (struct square){ mean, offset }, report_has_attribute);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void print_twins(FILE *out, const struct report *report)
{
    for (size_t t = 0; t < report->n_twins; t++) {
        const struct report_twin *twin = &report->twins[t];
        fprintf(out, "%sTwin %s: %zu flows of %zu hosts", t == 0 ? "\n" : "", twin->name,
                twin->n_flows, twin->n_hosts);
        if (twin->is_drawn)
            fprintf(out, "; %zu hosts without a flow, %zu ran away", twin->n_silent,
                    twin->n_runaway);
        if (report->n_repeats > 1)
            fprintf(out, "; figures are means over %zu twins (deviation)", report->n_repeats);
        fputc('\n', out);
    }
    if (report->floor.n > 0)
        fprintf(
            out,
            "Floor: real against real, mean over %zu random halvings of the hosts (deviation)."
            "\nHalves are smaller than the sides compared: a perfect twin has about %.2f of the "
            "floor's JS.\n",
            report->floor.n,
            comparison_size_factor(report->effective_hosts, report->twins[0].effective_hosts));
    else
        fprintf(out, "Floor: none, since a single host has no halves.\n");
    print_distributions(out, report,
                        "Jensen-Shannon divergence, nats (0 the same, 0.693 nothing in common; "
                        "bits: divide by 0.693)",
                        offsetof(struct distribution_distance, js),
                        offsetof(struct distribution_distance, js_hourly_mean));
    print_hours(out, report);
    print_distributions(out, report, "Kullback-Leibler divergence of real from twin, nats",
                        offsetof(struct distribution_distance, kl),
                        offsetof(struct distribution_distance, kl_hourly_mean));
    print_netshare(out, report);
    print_hosts(out, report);
    print_conversations(out, report);
    print_autocorrelation(out, report);
    print_rules(out, report);
    print_pairs(out, report);
    report_print_judges(out, report);
    for (size_t t = 0; t < report->n_twins; t++) {
        print_pair_squares(out, report, &report->twins[t]);
        print_dependence(out, report, &report->twins[t], "Normalised mutual information",
                         PORTRAIT_AT(dependence.nmi), report_has_attribute);
        print_dependence(out, report, &report->twins[t], "Correlation",
                         PORTRAIT_AT(dependence.correlation), report_has_correlation);
    }
}

void report_print(const struct report *report, FILE *out)
{
    char from[CALENDAR_TEXT_SIZE], until[CALENDAR_TEXT_SIZE];
    calendar_format(report->from, from);
    calendar_format(report->until, until);
    fprintf(out, "Real: %s, %s: %zu flows of %zu hosts, %s to %s\n", report->data, report->part,
            report->n_flows, report->n_hosts, from, until);
    if (report->n_models > 0)
        print_likelihood(out, report);
    report_print_gains(out, report);
    report_print_membership(out, report);
    if (report->n_twins > 0)
        print_twins(out, report);
}
