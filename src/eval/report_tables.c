#include "eval/report_tables.h"

#include "base/memory.h"
#include "eval/report_internal.h"
#include "eval/two_sample.h"

#include <math.h>
#include <stdlib.h>

static void add_ratio(struct table *table, const struct host_ratio *ratio, double scale)
{
    table_spread(table, scale * ratio->mean, scale * ratio->standard_error);
}

/* In words of its own: what it is to be like real, and what it is not to be. */
static void add_judgement(struct table *table, enum verdict verdict, const char *fine,
                          const char *worry)
{
    table_verdict(table, verdict,
                  verdict == VERDICT_NONE        ? verdict_words[verdict]
                  : verdict == VERDICT_LIKE_REAL ? fine
                                                 : worry);
}

/* ---- privacy ------------------------------------------------------------------------------ */

static void add_found(struct table *table, size_t n_found, size_t n)
{
    char found[NUMBER_TEXT_SIZE], all[NUMBER_TEXT_SIZE], text[2 * NUMBER_TEXT_SIZE + 4];
    count_format((double)n_found, found);
    count_format((double)n, all);
    snprintf(text, sizeof text, "%s of %s", found, all);
    table_text(table, text);
}

static void add_copies(struct table *table, const char *name, const struct copies *copies)
{
    table_row(table, name);
    add_ratio(table, &copies->synthetic, 100.0);
    add_ratio(table, &copies->held_out, 100.0);
    add_judgement(table, verdict_of_copies(copies), "no more than other users share",
                  "more than other users share");
    table_row(table, "  found");
    add_found(table, copies->n_synthetic_found, copies->n_synthetic);
    add_found(table, copies->n_held_out_found, copies->n_held_out);
    table_row(table, "  beyond the held-out share");
    table_count(table, copies->beyond);
}

/* what: "flows", "16 flows in a row" */
static void add_nearest(struct table *table, const char *what, const struct nearest *nearest)
{
    static const char *const quantiles[N_NEAREST] = { "5 %", "half", "95 %" };
    for (int q = 0; q < N_NEAREST; q++) {
        char name[96];
        if (q == 0)
            snprintf(name, sizeof name, "%s: %s are nearer than", what, quantiles[q]);
        else
            snprintf(name, sizeof name, "  %s", quantiles[q]);
        table_row(table, name);
        table_number(table, nearest->synthetic[q]);
        table_number(table, nearest->held_out[q]);
    }
    table_row(table, "  nearer than a held-out one, share");
    add_ratio(table, &nearest->nearer, 1.0);
    table_number(table, 0.5);
    add_judgement(table, verdict_of_nearest(nearest), "no closer than other users",
                  "closer than other users");
    table_row(table, "  nearer than 95 % of those, %");
    table_number(table, 100.0 * nearest->very_near);
    table_number(table, 5.0);
}

struct table privacy_table(const char *name, const struct privacy *privacy)
{
    static const char *const headings[] = { "", "twin", "held-out hosts", "" };
    struct table table;
    char *caption = memory_format("Privacy of %s: closeness to the flows that were trained on",
                                  name);
    char windows[32];
    table_begin(&table, caption, headings, ARRAY_LEN(headings));
    add_copies(&table, "flows that occur there exactly, %", &privacy->flows);
    add_copies(&table, "conversations of 2 flows and more, %", &privacy->conversations);
    add_nearest(&table, "flows", &privacy->rows);
    snprintf(windows, sizeof windows, "%d flows in a row", TWO_SAMPLE_WINDOW);
    add_nearest(&table, windows, &privacy->windows);
    free(caption);
    return table;
}

/* ---- membership --------------------------------------------------------------------------- */

bool report_has_membership(const struct report *report)
{
    for (size_t m = 0; m < report->n_models; m++)
        if (report->models[m].membership.is_measured)
            return true;
    return false;
}

static void add_inference(struct table *table, const struct inference *inference)
{
    const struct host_ratio *auc = &inference->auc;
    bool may_be_chance = auc->mean - 2.0 * auc->standard_error <= 0.5;
    add_judgement(table, verdict_of_membership(inference), "hardly better than guessing",
                  may_be_chance ? "better than guessing, but within its error"
                                : "better than guessing");
}

struct table membership_table(const struct report *report)
{
    static const char *const headings[] = {
        "", "AUC", "found at 1 %, %", "nats, training", "nats, held out", "hosts", ""
    };
    struct table table;
    table_begin(&table,
                "Membership: does the likelihood tell which hosts were trained on? (error over "
                "hosts)",
                headings, ARRAY_LEN(headings));
    for (size_t m = 0; m < report->n_models; m++) {
        const struct membership *membership = &report->models[m].membership;
        if (!membership->is_measured)
            continue;
        table_row(&table, report_short_name(report->models[m].name));
        add_ratio(&table, &membership->by_nll.auc, 1.0);
        table_number(&table, 100.0 * membership->by_nll.found_at_1_percent);
        for (int side = 0; side < 2; side++)
            add_ratio(&table, &membership->nats_per_flow[side], 1.0);
        char hosts[64];
        snprintf(hosts, sizeof hosts, "%zu, %zu", membership->n_hosts[0], membership->n_hosts[1]);
        table_text(&table, hosts);
        add_inference(&table, &membership->by_nll);
        if (isnan(membership->by_gain.auc.mean))
            continue;
        table_row(&table, "  against a reference");
        add_ratio(&table, &membership->by_gain.auc, 1.0);
        table_number(&table, 100.0 * membership->by_gain.found_at_1_percent);
        for (int i = 0; i < 3; i++)
            table_text(&table, "");
        add_inference(&table, &membership->by_gain);
    }
    return table;
}

/* ---- embeddings --------------------------------------------------------------------------- */

struct table forecast_gain_table(const struct forecast_gain *gain)
{
    static const char *const words[N_FORECAST_FORMS] = {
        [PORTS_AS_NUMBERS] = "ports as numbers",
        [PORTS_ONE_HOT] = "ports one-hot",
        [PORTS_EMBEDDED] = "ports embedded",
        [PORTS_UNSEEN] = "without ports",
    };
    static const char *const headings[] = { "seen of its last hour", "bytes", "flows",
                                            "embedding: bytes, %", "flows, %" };
    struct table table;
    char caption[192];
    snprintf(
        caption, sizeof caption,
        "Forecast of ln(1 + x) in a host's next 5 minutes, learned from %zu slots: mean |error| "
        "(error over hosts), and how much the embedding changes it",
        gain->n_train);
    table_begin(&table, caption, headings, ARRAY_LEN(headings));
    for (int f = 0; f < N_FORECAST_FORMS; f++) {
        table_row(&table, words[f]);
        for (int series = 0; series < N_FORECASTS; series++)
            add_ratio(&table, &gain->mae[f][series], 1.0);
        for (int series = 0; series < N_FORECASTS && f != PORTS_EMBEDDED; series++)
            add_ratio(&table, &gain->change[f][series], 100.0);
    }
    return table;
}
