#include "eval/page_sides.h"

#include "base/memory.h"
#include "eval/chart.h"
#include "eval/report_internal.h"
#include "eval/row_chart.h"

#include <math.h>
#include <stdlib.h>

void page_side_legend(struct page *page, const struct page_side *sides, size_t n)
{
    if (n < 2)
        return;
    struct legend_entry *entries = memory_alloc(n, sizeof *entries);
    for (size_t s = 0; s < n; s++)
        entries[s] = (struct legend_entry){ sides[s].color, sides[s].name };
    page_legend(page, entries, n);
    free(entries);
}

/* A chart with one series a side, at that place of its profile: a histogram over edges, or a curve.
 */
static void add_steps(struct chart *chart, const struct page_side *sides, size_t n, size_t offset,
                      const double *edges, size_t n_classes)
{
    for (size_t s = 0; s < n; s++) {
        const void *shares = (const char *)sides[s].profile + offset;
        chart_add(chart, (struct series){ MARK_STEPS, sides[s].color, sides[s].name, edges, shares,
                                          .n = n_classes });
    }
}

static void add_curves(struct chart *chart, const struct page_side *sides, size_t n, size_t offset)
{
    for (size_t s = 0; s < n; s++) {
        const void *at = (const char *)sides[s].profile + offset;
        const struct curve *curve = at;
        chart_add(chart, (struct series){ MARK_LINE, sides[s].color, sides[s].name, curve->x,
                                          curve->y, .n = curve->n });
    }
}

/* ---- hours -------------------------------------------------------------------------------- */

static const double hour_edges[N_HOURS + 1] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                                                13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24 };
static const double hour_middles[N_HOURS] = { 0.5,  1.5,  2.5,  3.5,  4.5,  5.5,  6.5,  7.5,
                                              8.5,  9.5,  10.5, 11.5, 12.5, 13.5, 14.5, 15.5,
                                              16.5, 17.5, 18.5, 19.5, 20.5, 21.5, 22.5, 23.5 };

/* All 24 hours, whichever have flows. */
static struct axis hour_axis(void)
{
    struct axis axis = { .title = "hour of the day", .step = 6.0 };
    axis_include(&axis, 0.0);
    axis_include(&axis, 24.0);
    axis.is_tight = true;
    return axis;
}

void page_write_hours(struct page *page, const struct page_side *sides, size_t n)
{
    page_section(page, "hours", "Time of day",
                 "How much the hosts do in each hour, by the end of their flows: means per host "
                 "and hour, so that sides of another size can be compared.");
    page_side_legend(page, sides, n);
    page_panels(page, PANELS_NORMAL);
    struct chart flows = {
        .title = "Flows by hour",
        .x = hour_axis(),
        .y = { .title = "flows per host and hour", .from_zero = true },
    };
    add_steps(&flows, sides, n, offsetof(struct profile, flows_by_hour), hour_edges, N_HOURS);
    chart_write(&flows, page);
    struct chart bytes = {
        .title = "Bytes by hour",
        .x = hour_axis(),
        .y = { .title = "bytes per host and hour", .from_zero = true },
    };
    add_steps(&bytes, sides, n, offsetof(struct profile, bytes_by_hour), hour_edges, N_HOURS);
    chart_write(&bytes, page);
    page_panels_end(page);
    page_section_end(page);
}

/* Classes with less than a five-hundredth of the highest are no reason to make an axis longer. */
#define TRIM 0.002

/* ---- values ------------------------------------------------------------------------------- */

static void write_count(struct page *page, const struct page_side *sides, size_t n, int count,
                        const char *title, const char *unit)
{
    struct chart chart = {
        .title = title,
        .x = { .title = unit, .scale = SCALE_LOG1P, .is_tight = true },
        .y = { .title = "share of flows", .from_zero = true },
        .trim = TRIM,
    };
    add_steps(&chart, sides, n,
              offsetof(struct profile, counts) + (size_t)count * sizeof(struct profile_count) +
                  offsetof(struct profile_count, shares),
              profile_edges(), PROFILE_CLASSES);
    chart_write(&chart, page);
}

/* The protocols that are most frequent on the first side, with at least a thousandth anywhere. */
#define PROTOCOLS_SHOWN 6
static size_t choose_protocols(const struct page_side *sides, size_t n,
                               uint8_t chosen[PROTOCOLS_SHOWN])
{
    bool is_taken[256] = { false };
    size_t n_chosen = 0;
    for (; n_chosen < PROTOCOLS_SHOWN; n_chosen++) {
        int best = -1;
        double most = 0.0;
        for (int p = 0; p < 256; p++) {
            double share = 0.0;
            for (size_t s = 0; s < n; s++)
                share = fmax(share, sides[s].profile->protocols[p]);
            if (!is_taken[p] && share >= 0.001 && share > most) {
                best = p;
                most = share;
            }
        }
        if (best < 0)
            break;
        is_taken[best] = true;
        chosen[n_chosen] = (uint8_t)best;
    }
    return n_chosen;
}

static void write_protocols(struct page *page, const struct page_side *sides, size_t n)
{
    uint8_t chosen[PROTOCOLS_SHOWN];
    size_t n_rows = choose_protocols(sides, n, chosen);
    const char *labels[PROTOCOLS_SHOWN];
    struct row_mark *marks = memory_alloc(n_rows * n, sizeof *marks);
    double *percent = memory_alloc(n_rows * n, sizeof *percent);
    for (size_t r = 0; r < n_rows; r++) {
        labels[r] = protocol_name(chosen[r]);
        for (size_t s = 0; s < n; s++) {
            percent[r * n + s] = 100.0 * sides[s].profile->protocols[chosen[r]];
            marks[r * n + s] = (struct row_mark){ sides[s].color, sides[s].name,
                                                  &percent[r * n + s], 1, 0.0 };
        }
    }
    struct row_chart chart = {
        .title = "Protocols",
        .x = { .title = "% of flows", .from_zero = true },
        .kind = ROWS_OF_BARS,
        .labels = labels,
        .n_rows = n_rows,
        .marks = marks,
        .n_marks = n,
    };
    row_chart_write(&chart, page);
    free(marks);
    free(percent);
}

void page_write_values(struct page *page, const struct page_side *sides, size_t n)
{
    page_section(
        page, "values", "Single flows",
        "What one flow carries. Histograms: the classes are single values up to 6, and "
        "from there a fifth wider each; the scale is logarithmic with a place for 0. Tails with "
        "less than a five-hundredth of the highest class are not shown.");
    page_side_legend(page, sides, n);
    page_panels(page, PANELS_NORMAL);
    write_count(page, sides, n, PROFILE_BYTES, "Bytes per flow", "bytes");
    write_count(page, sides, n, PROFILE_PACKETS, "Packets per flow", "packets");
    write_count(page, sides, n, PROFILE_DURATION, "Duration of a flow", "ms");
    write_count(page, sides, n, PROFILE_GAP, "Gap to the host's previous flow", "s");
    write_protocols(page, sides, n);
    page_panels_end(page);
    page_section_end(page);
}

/* ---- values by hour ----------------------------------------------------------------------- */

static void write_quantiles(struct page *page, const struct page_side *sides, size_t n)
{
    struct chart *charts = memory_zalloc(n, sizeof *charts);
    for (size_t s = 0; s < n; s++) {
        const struct profile *profile = sides[s].profile;
        charts[s] = (struct chart){
            .title = sides[s].name,
            .x = hour_axis(),
            .y = { .title = "bytes per flow", .scale = SCALE_LOG1P, .is_tight = true },
        };
        struct series band = { MARK_BAND,
                               sides[s].color,
                               sides[s].name,
                               hour_middles,
                               profile->bytes_quantiles[QUANTILE_10],
                               profile->bytes_quantiles[QUANTILE_90],
                               .n = N_HOURS };
        struct series inner = { MARK_INNER_BAND,
                                sides[s].color,
                                sides[s].name,
                                hour_middles,
                                profile->bytes_quantiles[QUANTILE_25],
                                profile->bytes_quantiles[QUANTILE_75],
                                .n = N_HOURS };
        struct series median = { MARK_LINE,
                                 sides[s].color,
                                 "median",
                                 hour_middles,
                                 profile->bytes_quantiles[QUANTILE_50],
                                 NULL,
                                 .n = N_HOURS };
        chart_add(&charts[s], band);
        chart_add(&charts[s], inner);
        chart_add(&charts[s], median);
    }
    chart_share_axes(charts, n);
    page_panels(page, PANELS_NORMAL);
    for (size_t s = 0; s < n; s++)
        chart_write(&charts[s], page);
    page_panels_end(page);
    free(charts);
}

static void write_each_hour(struct page *page, const struct page_side *sides, size_t n)
{
    struct chart charts[N_HOURS] = { 0 };
    char titles[N_HOURS][16];
    for (size_t hour = 0; hour < N_HOURS; hour++) {
        snprintf(titles[hour], sizeof titles[hour], "%02zu:00", hour);
        charts[hour] = (struct chart){
            .title = titles[hour],
            .x = { .title = "bytes per flow", .scale = SCALE_LOG1P, .is_tight = true },
            .y = { .title = "share of the hour's flows", .from_zero = true },
            .trim = TRIM,
            .is_small = true,
        };
        add_steps(&charts[hour], sides, n,
                  offsetof(struct profile, bytes_shares) + hour * sizeof(double[PROFILE_CLASSES]),
                  profile_edges(), PROFILE_CLASSES);
    }
    chart_share_axes(charts, N_HOURS);
    page_subheading(page, "Bytes per flow, hour by hour: share of the hour's flows");
    page_panels(page, PANELS_SMALL);
    for (size_t hour = 0; hour < N_HOURS; hour++)
        chart_write(&charts[hour], page);
    page_panels_end(page);
}

void page_write_values_by_hour(struct page *page, const struct page_side *sides, size_t n)
{
    page_section(
        page, "byhour", "Single flows by the hour",
        "Bytes of a flow given the hour of the day. Panels of a kind have the same axes. In "
        "the first ones the line is the median; half of the flows lie in the dark band, "
        "four fifths in the light one.");
    page_side_legend(page, sides, n);
    write_quantiles(page, sides, n);
    write_each_hour(page, sides, n);
    page_section_end(page);
}

/* ---- order -------------------------------------------------------------------------------- */

static double lags[N_LAGS];

struct acf_band {
    double low[N_LAGS], high[N_LAGS];
};

static void add_acf(struct chart *chart, const struct page_side *side, int series,
                    struct acf_band *band, char *note, size_t note_size)
{
    const struct autocorrelation *acf = &side->portrait->autocorrelation[series];
    for (size_t k = 0; k < N_LAGS; k++) {
        lags[k] = (double)k + 1.0;
        band->low[k] = acf->mean[k] - acf->deviation[k];
        band->high[k] = acf->mean[k] + acf->deviation[k];
    }
    snprintf(note, note_size, "mean and deviation over %.0f hosts", acf->n_hosts);
    chart->note = note;
    chart_add(chart, (struct series){ MARK_BAND, side->color, side->name, lags, band->low,
                                      band->high, .n = N_LAGS });
    chart_add(chart, (struct series){ MARK_LINE, side->color, side->name, lags, acf->mean, NULL,
                                      .n = N_LAGS });
}

static void write_acf(struct page *page, const struct page_side *sides, size_t n, int series,
                      const char *what)
{
    struct chart *charts = memory_zalloc(n, sizeof *charts);
    struct acf_band *bands = memory_alloc(n, sizeof *bands);
    char(*notes)[64] = memory_alloc(n, sizeof *notes);
    for (size_t s = 0; s < n; s++) {
        charts[s] = (struct chart){
            .title = sides[s].name,
            .x = { .title = "lag in flows", .is_tight = true },
            .y = { .title = "autocorrelation", .from_zero = true },
        };
        add_acf(&charts[s], &sides[s], series, &bands[s], notes[s], sizeof notes[s]);
        if (sides[s].color != COLOR_REAL && sides[0].color == COLOR_REAL)
            chart_add(&charts[s], (struct series){ MARK_LINE, COLOR_REAL, sides[0].name, lags,
                                                   sides[0].portrait->autocorrelation[series].mean,
                                                   NULL, .n = N_LAGS });
    }
    chart_share_axes(charts, n);
    page_subheading(page, what);
    page_panels(page, PANELS_NORMAL);
    for (size_t s = 0; s < n; s++)
        chart_write(&charts[s], page);
    page_panels_end(page);
    free(charts);
    free(bands);
    free(notes);
}

void page_write_order(struct page *page, const struct page_side *sides, size_t n)
{
    char intro[480];
    snprintf(intro, sizeof intro,
             "How much a host's flow resembles those some flows earlier: autocorrelation at lags "
             "1 to %d over the hosts with %d flows or more. The band is the deviation over hosts. "
             "Rows that are drawn one by one lie at 0.%s",
             N_LAGS, AUTOCORRELATION_ROWS,
             n > 1 ? " Panels of a kind have the same axes, and the real mean once more." : "");
    page_section(page, "order", "Order of a host's flows", intro);
    page_side_legend(page, sides, n);
    write_acf(page, sides, n, ACF_LOG_BYTES, "Autocorrelation of log bytes");
    write_acf(page, sides, n, ACF_GAP, "Autocorrelation of gaps");
    page_section_end(page);
}

/* ---- conversations ------------------------------------------------------------------------ */

/* The shares of struct conversations come first in the list of its figures. */
#define N_SHARES (3 * N_WINDOWS)

static void write_conversation_shares(struct page *page, const struct page_side *sides, size_t n)
{
    static const char *const labels[N_SHARES] = {
        "reply, last 8",  "reply, last 64",  "reply, last 512",
        "repeat, last 8", "repeat, last 64", "repeat, last 512",
        "remote, last 8", "remote, last 64", "remote, last 512",
    };
    struct row_mark marks[N_SHARES * CHART_SERIES_MAX];
    double percent[N_SHARES * CHART_SERIES_MAX];
    n = n < CHART_SERIES_MAX ? n : CHART_SERIES_MAX;
    for (size_t r = 0; r < N_SHARES; r++) {
        for (size_t s = 0; s < n; s++) {
            percent[r * n + s] = 100.0 *
                                 portrait_number(sides[s].portrait, conversation_infos[r].offset);
            marks[r * n + s] = (struct row_mark){ sides[s].color, sides[s].name,
                                                  &percent[r * n + s], 1, 0.0 };
        }
    }
    struct row_chart chart = {
        .title = "Replies, repeats, known remotes",
        .note = "flows that answer or repeat one of the host's last flows, or have its remote",
        .x = { .title = "% of flows", .from_zero = true },
        .kind = ROWS_OF_BARS,
        .labels = labels,
        .n_rows = N_SHARES,
        .marks = marks,
        .n_marks = n,
    };
    row_chart_write(&chart, page);
}

void page_write_conversations(struct page *page, const struct page_side *sides, size_t n)
{
    page_section(page, "conversations", "Conversations",
                 "Whether flows belong together. A conversation of a host is what shares remote "
                 "address, protocol and both ports, in either direction.");
    page_side_legend(page, sides, n);
    page_panels(page, PANELS_NORMAL);
    if (sides[0].portrait != NULL)
        write_conversation_shares(page, sides, n);
    struct chart sizes = {
        .title = "Flows per conversation",
        .x = { .title = "flows of the conversation, or more", .scale = SCALE_LOG },
        .y = { .title = "share of conversations", .scale = SCALE_LOG },
    };
    add_curves(&sizes, sides, n, offsetof(struct profile, conversations));
    chart_write(&sizes, page);
    struct chart remotes = {
        .title = "Remotes per host",
        .x = { .title = "host, by rank", .scale = SCALE_LOG, .is_tight = true },
        .y = { .title = "distinct remote addresses", .scale = SCALE_LOG },
    };
    add_curves(&remotes, sides, n, offsetof(struct profile, host_remotes));
    chart_write(&remotes, page);
    page_panels_end(page);
    page_section_end(page);
}

/* ---- ranks -------------------------------------------------------------------------------- */

void page_write_ranks(struct page *page, const struct page_side *sides, size_t n)
{
    static const struct {
        const char *title, *x, *y;
        size_t offset;
    } ranks[] = {
        { "Flows per host", "host, by rank", "flows", offsetof(struct profile, host_flows) },
        { "Bytes per host", "host, by rank", "bytes", offsetof(struct profile, host_bytes) },
        { "Popularity of local ports", "local port, by rank", "share of flows",
          offsetof(struct profile, local_ports) },
        { "Popularity of remote ports", "remote port, by rank", "share of flows",
          offsetof(struct profile, remote_ports) },
        { "Popularity of remotes", "remote address, by rank", "share of flows",
          offsetof(struct profile, remotes) },
    };
    page_section(page, "ranks", "Volumes and popularity",
                 "Hosts, ports and remote addresses by rank, the largest first, both axes "
                 "logarithmic: how unequal the hosts are, and how much is concentrated on few "
                 "ports and remotes.");
    page_side_legend(page, sides, n);
    page_panels(page, PANELS_NORMAL);
    for (size_t r = 0; r < ARRAY_LEN(ranks); r++) {
        struct chart chart = {
            .title = ranks[r].title,
            .x = { .title = ranks[r].x, .scale = SCALE_LOG, .is_tight = true },
            .y = { .title = ranks[r].y, .scale = SCALE_LOG },
        };
        add_curves(&chart, sides, n, ranks[r].offset);
        chart_write(&chart, page);
    }
    page_panels_end(page);
    page_section_end(page);
}
