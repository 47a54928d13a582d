/* report_judges.c - what the judges of a twin found, for people. */
#include "eval/report_internal.h"
#include "eval/report_tables.h"

#include <math.h>
#include <string.h>

#define PARAGRAPH_WIDTH 96

/* Words, in lines that fit on a screen. */
static void print_paragraph(FILE *out, const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        bool is_first = column == 0;
        if (!is_first && column + 1 + length > PARAGRAPH_WIDTH) {
            fputc('\n', out);
            is_first = true;
        }
        fprintf(out, "%s%.*s", is_first ? "  " : " ", (int)length, text);
        column = is_first ? length : column + 1 + length;
        text += length + strspn(text + length, " ");
    }
    fputc('\n', out);
}

static void print_table(FILE *out, struct table table)
{
    table_print(&table, out);
    table_release(&table);
}

static void print_figure_rows(FILE *out, const struct report *report, const char *name,
                              double floor, double floor_deviation,
                              struct host_ratio figure(const struct report_twin *twin))
{
    report_print_name(out, name);
    report_print_cell(out, floor, floor_deviation);
    for (size_t t = 0; t < report->n_twins; t++) {
        struct host_ratio ratio = figure(&report->twins[t]);
        report_print_cell(out, ratio.mean, ratio.standard_error);
    }
    fputc('\n', out);
}

static struct host_ratio auc_of_windows(const struct report_twin *twin)
{
    return twin->two_sample.windows.auc;
}

static struct host_ratio auc_of_flows(const struct report_twin *twin)
{
    return twin->two_sample.flows.auc;
}

static struct host_ratio trained_auc_of_windows(const struct report_twin *twin)
{
    return twin->two_sample_trained.windows.auc;
}

static struct host_ratio trained_auc_of_flows(const struct report_twin *twin)
{
    return twin->two_sample_trained.flows.auc;
}

static void print_two_sample(FILE *out, const struct report *report)
{
    const struct report_twin *first = &report->twins[0];
    const struct two_sample_figure *windows = &first->two_sample.windows;
    const struct two_sample_floor *floor = &report->two_sample_floor;
    bool has_floor = floor->n_halvings > 0;
    char name[64];
    fprintf(out, "\nTwo-sample test: area under the ROC curve of a network that tells the twin's "
                 "flows from real ones,\non hosts that it has not seen (error over hosts; of the "
                 "floor: deviation over halvings)\n\n");
    report_print_headings(out, report);
    snprintf(name, sizeof name, "%d consecutive flows", TWO_SAMPLE_WINDOW);
    print_figure_rows(out, report, name, has_floor ? floor->windows : (double)NAN,
                      floor->windows_deviation, auc_of_windows);
    print_figure_rows(out, report, "single flows", has_floor ? floor->flows : (double)NAN,
                      floor->flows_deviation, auc_of_flows);
    if (first->two_sample_trained.is_measured) {
        print_figure_rows(out, report, "the same, trained on", (double)NAN, (double)NAN,
                          trained_auc_of_windows);
        print_figure_rows(out, report, "single, trained on", (double)NAN, (double)NAN,
                          trained_auc_of_flows);
    }
    fprintf(out, "  Of %zu real and %zu synthetic windows.\n", windows->n_windows[0],
            windows->n_windows[1]);
    print_paragraph(out, two_sample_meaning);
    if (first->two_sample_trained.is_measured)
        print_paragraph(out, two_sample_trained_meaning);
}

/* ---- tasks -------------------------------------------------------------------------------- */

static void print_ratios(FILE *out, const char *name, const struct host_ratio *ratios, size_t n)
{
    report_print_name(out, name);
    for (size_t i = 0; i < n; i++)
        report_print_cell(out, ratios[i].mean, ratios[i].standard_error);
    fputc('\n', out);
}

static void print_protocol(FILE *out, const struct tasks *tasks)
{
    struct host_ratio accuracy[N_MIXES + 1], macro_f1[N_MIXES + 1];
    for (int m = 0; m < N_MIXES; m++) {
        accuracy[m] = tasks->protocol[m].accuracy;
        macro_f1[m] = tasks->protocol[m].macro_f1;
    }
    accuracy[N_MIXES] = tasks->majority.accuracy;
    macro_f1[N_MIXES] = tasks->majority.macro_f1;
    report_print_name(out, "Protocol from the other fields");
    for (int m = 0; m < N_MIXES; m++)
        fprintf(out, "   %3.0f %% synthetic", 100.0 * mix_shares[m]);
    fprintf(out, "   majority guess\n");
    print_ratios(out, "accuracy", accuracy, N_MIXES + 1);
    print_ratios(out, "macro-F1", macro_f1, N_MIXES + 1);
}

static void print_forecast(FILE *out, const struct tasks *tasks)
{
    report_print_name(out, "Forecast of the next 5 minutes");
    for (int m = 0; m < N_MIXES; m++)
        fprintf(out, "   %3.0f %% synthetic", 100.0 * mix_shares[m]);
    fprintf(out, "       last value     mean of hour\n");
    for (int f = 0; f < N_FORECASTS; f++) {
        struct host_ratio mae[N_MIXES + 2], mse[N_MIXES + 2];
        for (int m = 0; m < N_MIXES; m++) {
            mae[m] = tasks->forecast[m][f].mae;
            mse[m] = tasks->forecast[m][f].mse;
        }
        mae[N_MIXES] = tasks->last_value[f].mae;
        mse[N_MIXES] = tasks->last_value[f].mse;
        mae[N_MIXES + 1] = tasks->mean_of_hour[f].mae;
        mse[N_MIXES + 1] = tasks->mean_of_hour[f].mse;
        char name[64];
        snprintf(name, sizeof name, "ln(1 + %s), mean |error|", forecast_names[f]);
        print_ratios(out, name, mae, N_MIXES + 2);
        snprintf(name, sizeof name, "ln(1 + %s), mean error^2", forecast_names[f]);
        print_ratios(out, name, mse, N_MIXES + 2);
    }
}

static void print_tasks(FILE *out, const struct report_twin *twin)
{
    const struct tasks *tasks = &twin->tasks;
    const struct task_loss *loss = &tasks->loss;
    fprintf(
        out,
        "\nTasks learned from real flows, from %s and from mixes, tested on %zu real hosts that "
        "none has seen\n(error over them); real flows to learn from: %s\n\n",
        report_short_name(twin->name), tasks->n_test_hosts,
        tasks->is_half ? "half of the hosts" : "those that the model was trained on");
    print_protocol(out, tasks);
    fprintf(out, "  %zu training flows, %zu test flows, %zu protocols of 20 of them and more\n\n",
            tasks->n_train_flows, tasks->n_test_flows, tasks->n_protocols);
    print_forecast(out, tasks);
    fprintf(out, "  %zu training windows, %zu test windows\n\n", tasks->n_train_windows,
            tasks->n_test_windows);
    fprintf(
        out,
        "  Learned from the twin instead of from real flows: macro-F1 %+.4f (%.4f), error of "
        "bytes %+.1f %% (%.1f),\n  of flows %+.1f %% (%.1f).\n",
        loss->macro_f1.mean, loss->macro_f1.standard_error, 100.0 * loss->mae[FORECAST_BYTES].mean,
        100.0 * loss->mae[FORECAST_BYTES].standard_error, 100.0 * loss->mae[FORECAST_FLOWS].mean,
        100.0 * loss->mae[FORECAST_FLOWS].standard_error);
    print_paragraph(out, tasks_meaning);
}

void report_print_gains(FILE *out, const struct report *report)
{
    for (size_t m = 0; m < report->n_models; m++) {
        const struct embedding_gain *gain = &report->models[m].gain;
        if (!gain->is_measured)
            continue;
        fprintf(out,
                "\nEmbeddings of %s: macro-F1 of the protocol told from ports, direction and "
                "counts (error over hosts)\n\n",
                report_short_name(report->models[m].name));
        report_print_name(out, "the ports as");
        fprintf(out, "          numbers          one-hot        embedding  gain on numbers  "
                     "gain on one-hot\n");
        for (int s = 0; s < N_GAIN_SIZES; s++) {
            char name[64];
            snprintf(name, sizeof name, "learned from %zu flows", gain->n_train[s]);
            const struct host_ratio *f1 = gain->macro_f1[s], *more = gain->gain[s];
            const struct host_ratio ratios[] = { f1[PORTS_AS_NUMBERS], f1[PORTS_ONE_HOT],
                                                 f1[PORTS_EMBEDDED], more[PORTS_AS_NUMBERS],
                                                 more[PORTS_ONE_HOT] };
            print_ratios(out, name, ratios, ARRAY_LEN(ratios));
        }
        print_paragraph(out, embedding_gain_meaning);
        if (gain->forecast.n_train == 0)
            continue;
        print_table(out, forecast_gain_table(&gain->forecast));
        print_paragraph(out, forecast_gain_meaning);
    }
}

/* ---- privacy ------------------------------------------------------------------------------ */

static void print_privacy(FILE *out, const struct report_twin *twin)
{
    print_table(out, privacy_table(report_short_name(twin->name), &twin->privacy));
    print_paragraph(out, copies_meaning);
    print_paragraph(out, nearest_meaning);
}

void report_print_membership(FILE *out, const struct report *report)
{
    if (!report_has_membership(report))
        return;
    print_table(out, membership_table(report));
    print_paragraph(out, membership_meaning);
}

void report_print_judges(FILE *out, const struct report *report)
{
    if (report->twins[0].two_sample.is_measured)
        print_two_sample(out, report);
    for (size_t t = 0; t < report->n_twins; t++)
        if (report->twins[t].tasks.is_measured)
            print_tasks(out, &report->twins[t]);
    for (size_t t = 0; t < report->n_twins; t++)
        if (report->twins[t].privacy.is_measured)
            print_privacy(out, &report->twins[t]);
}
