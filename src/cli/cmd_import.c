/* cmd_import.c - flowtwin import: flow files in, a dataset out. */
#include "base/memory.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/load_data.h"
#include "data/calendar.h"
#include "data/hdf5_dataset.h"

#include <string.h>

static struct settings {
    const char *output;
    int64_t seed;
} settings;

static struct import_settings import_settings;

#define AT(field) offsetof(struct settings, field)
static const struct option options[] = {
    { "output", 'o', OPTION_TEXT, AT(output), NULL, .argument = "FILE",
      .help = "where the dataset goes" },
    { "seed", 0, OPTION_INT, AT(seed), "1", .minimum = 0, .maximum = 0x1p53, .argument = "S",
      .help = "same seed, same hosts drawn by --limit-hosts" },
};
#undef AT

static size_t tables(struct option_table *table)
{
    table[0] = (struct option_table){ options, ARRAY_LEN(options), &settings, "Importing" };
    table[1] = (struct option_table){ import_options, n_import_options, &import_settings,
                                      "Which hosts, and how strictly" };
    return 2;
}

/* ---- the summary -------------------------------------------------------------------------- */

struct summary {
    const struct dataset *data;
    const struct import_report *report;
    size_t n_by_type[N_HOST_TYPES];
    uint64_t n_by_label[LABELS_MAX];
    char first[CALENDAR_TEXT_SIZE], last[CALENDAR_TEXT_SIZE]; /* ends of flows */
    double seconds, rows_per_second;
};

static struct summary summarise(const struct dataset *data, const struct import_report *report,
                                double seconds)
{
    struct summary summary = { .data = data, .report = report, .seconds = seconds };
    summary.rows_per_second = (double)report->n_rows_read / seconds;
    int64_t first = INT64_MAX;
    for (size_t h = 0; h < data->n_hosts; h++) {
        summary.n_by_type[data->hosts[h].type]++;
        int64_t end = data->flows[data->hosts[h].first].end;
        first = end < first ? end : first;
    }
    for (size_t i = 0; i < data->n_flows; i++)
        summary.n_by_label[data->flows[i].label]++;
    calendar_format(first, summary.first);
    calendar_format(data->end - MS_PER_SECOND, summary.last);
    return summary;
}

static void print_text(const struct summary *summary)
{
    const struct import_report *report = summary->report;
    const struct dataset *data = summary->data;
    printf("rows     %llu read: %llu kept, %llu refused, %llu of other hosts\n",
           (unsigned long long)report->n_rows_read, (unsigned long long)report->n_rows_kept,
           (unsigned long long)report->n_rows_refused,
           (unsigned long long)report->n_rows_elsewhere);
    printf("hosts    %zu", data->n_hosts);
    if (report->n_hosts_kept < report->n_hosts_found)
        printf(" of %zu with flows", report->n_hosts_found);
    for (int type = 0; type < N_HOST_TYPES; type++)
        printf("%s %zu %s", type == 0 ? ":" : ",", summary->n_by_type[type], host_type_names[type]);
    printf("\nperiod   %s to %s\n", summary->first, summary->last);
    printf("labels  ");
    for (size_t l = 0; l < data->labels.n; l++)
        printf("%s %s %llu", l > 0 ? "," : "", data->labels.names[l],
               (unsigned long long)summary->n_by_label[l]);
    printf("\ntime     %.2f s, %.2f M rows/s, %.0f MB of memory\n", summary->seconds,
           1e-6 * summary->rows_per_second, 1e-6 * (double)memory_peak());
    printf("written  %s\n", settings.output);
}

static json_t *refused_as_json(const struct import_report *report)
{
    json_t *kinds = json_object();
    for (int kind = 0; kind < N_BAD_ROWS; kind++) {
        if (report->n_refused[kind] == 0)
            continue;
        json_t *lines = json_array();
        for (size_t i = 0; i < BAD_LINES_KEPT && report->lines[kind][i] > 0; i++)
            json_array_append_new(lines, json_integer((json_int_t)report->lines[kind][i]));
        json_object_set_new(kinds, bad_row_name((enum bad_row)kind),
                            json_pack("{s:I, s:s, s:o}", "rows",
                                      (json_int_t)report->n_refused[kind], "file",
                                      report->file_of[kind], "lines", lines));
    }
    return kinds;
}

static enum status print_as_json(const struct summary *summary, struct error *err)
{
    const struct import_report *report = summary->report;
    const struct dataset *data = summary->data;
    json_t *hosts = json_pack("{s:I, s:I}", "found", (json_int_t)report->n_hosts_found, "kept",
                              (json_int_t)report->n_hosts_kept);
    for (int type = 0; type < N_HOST_TYPES; type++)
        json_object_set_new(hosts, host_type_names[type],
                            json_integer((json_int_t)summary->n_by_type[type]));
    json_t *labels = json_object();
    for (size_t l = 0; l < data->labels.n; l++)
        json_object_set_new(labels, data->labels.names[l],
                            json_integer((json_int_t)summary->n_by_label[l]));
    json_t *rows = json_pack("{s:I, s:I, s:I, s:I}", "read", (json_int_t)report->n_rows_read,
                             "kept", (json_int_t)report->n_rows_kept, "refused",
                             (json_int_t)report->n_rows_refused, "elsewhere",
                             (json_int_t)report->n_rows_elsewhere);
    return print_json(json_pack("{s:o, s:o, s:o, s:{s:s, s:s}, s:o, s:f, s:f, s:I, s:s}", "rows",
                                rows, "refused", refused_as_json(report), "hosts", hosts, "period",
                                "first", summary->first, "last", summary->last, "labels", labels,
                                "seconds", summary->seconds, "rows_per_second",
                                summary->rows_per_second, "peak_bytes", (json_int_t)memory_peak(),
                                "output", settings.output),
                      err);
}

/* ---- the command -------------------------------------------------------------------------- */

static enum status run(const struct command_line *line, struct error *err)
{
    const struct text_list *files = &line->arguments;
    RETURN_IF(files->n == 0, err, STATUS_USAGE,
              "say which flow files to import (- for standard input)");
    RETURN_IF(settings.output == NULL, err, STATUS_USAGE,
              "say where the dataset goes: --output day1.h5");
    import_settings.seed = settings.seed;
    double started = progress_clock();
    struct dataset *data = NULL;
    struct import_report report;
    enum status status = import_flows(files->items, files->n, &import_settings, &data, &report,
                                      err);
    say_import_report(&report);
    if (status == STATUS_OK)
        status = hdf5_dataset_write(data, settings.output, err);
    if (status == STATUS_OK) {
        struct summary summary = summarise(data, &report, progress_clock() - started);
        if (line->common.json)
            status = print_as_json(&summary, err);
        else
            print_text(&summary);
    }
    dataset_free(data);
    return status;
}

const struct command command_import = {
    .name = "import",
    .summary = "read flow files, choose hosts, write a dataset",
    .arguments = "--hosts WHICH -o DATASET FILE...",
    .description = "Reads flows in the format of UGR'16 (plain, gzip or zstd; - for standard\n"
                   "input), keeps those of the monitored hosts, and writes them as a dataset.\n"
                   "Rows that are not legal are skipped, counted by kind and reported with their\n"
                   "first line numbers.",
    .tables = tables,
    .run = run,
};
