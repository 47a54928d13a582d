/* cmd_sample.c - flowtwin sample: a model in, flows out. */
#include "base/memory.h"
#include "base/output_path.h"
#include "base/progress.h"
#include "cli/command.h"
#include "data/calendar.h"
#include "data/flow_writer.h"
#include "sample/sample.h"

#include <stdlib.h>

static struct settings {
    const char *output, *per_host;
    bool header;
} settings;

static struct sample_settings sample_settings;

#define AT(field) offsetof(struct settings, field)
static const struct option options[] = {
    { "output", 'o', OPTION_TEXT, AT(output), NULL, .argument = "FILE",
      .help = "where the flows go; - for standard output" },
    { "per-host", 0, OPTION_TEXT, AT(per_host), NULL, .argument = "FOLDER",
      .help = "one file a host instead, named by its address" },
    { "header", 0, OPTION_FLAG, AT(header), "no", .help = "begin with the names of the columns" },
};
#undef AT

static size_t tables(struct option_table *table)
{
    table[0] = (struct option_table){ options, ARRAY_LEN(options), &settings, "Output" };
    table[1] = (struct option_table){ sample_options, n_sample_options, &sample_settings,
                                      "What is drawn" };
    return 2;
}

/* One file, or one a host. Folders keep all files open: their number is that of the hosts. */
struct writers {
    struct flow_writer **items;
    size_t n;
    bool is_per_host;
};

static enum status put_flow(void *user, const struct flow *flow, size_t host, struct error *err)
{
    struct writers *writers = user;
    return flow_writer_put(writers->items[writers->is_per_host ? host : 0], flow, err);
}

static enum status writers_open(struct writers *writers, const struct sample_plan *plan,
                                const struct label_list *labels, struct error *err)
{
    writers->is_per_host = settings.per_host != NULL;
    size_t n = writers->is_per_host ? plan->n_hosts : 1;
    writers->items = memory_alloc(n, sizeof *writers->items);
    if (!writers->is_per_host) {
        FORWARD(
            flow_writer_open(&writers->items[0], settings.output, labels, settings.header, err));
        writers->n = 1;
        return STATUS_OK;
    }
    FORWARD(output_folder_create(settings.per_host, err));
    for (size_t h = 0; h < n; h++) {
        char address[ADDRESS_TEXT_SIZE];
        address_format(plan->hosts[h].address, address);
        char *path = memory_format("%s/%s.csv", settings.per_host, address);
        enum status status = flow_writer_open(&writers->items[h], path, labels, settings.header,
                                              err);
        free(path);
        FORWARD(status);
        writers->n++;
    }
    return STATUS_OK;
}

/* Keeps what was written, also after an interrupt: it ends at a whole row. */
static enum status writers_close(struct writers *writers, enum status status, struct error *err)
{
    for (size_t i = 0; i < writers->n; i++) {
        if (status == STATUS_OK || status == STATUS_INTERRUPTED) {
            enum status committed = flow_writer_commit(writers->items[i], err);
            status = committed != STATUS_OK ? committed : status;
        } else {
            flow_writer_abandon(writers->items[i]);
        }
    }
    free(writers->items);
    return status;
}

static enum status print_report(const struct command_line *line, const struct sample_plan *plan,
                                const struct sample_report *report, double seconds,
                                struct error *err)
{
    char start[CALENDAR_TEXT_SIZE], clock[CALENDAR_TEXT_SIZE];
    calendar_format(plan->start * MS_PER_SECOND, start);
    calendar_format(report->clock * MS_PER_SECOND, clock);
    say("%llu flows of %zu hosts from %s to %s in %.2f s (%.0f flows/s)",
        (unsigned long long)report->n_flows, plan->n_hosts, start, clock, seconds,
        (double)report->n_flows / seconds);
    if (report->n_silent > 0)
        say("%zu hosts have no flow in that time", report->n_silent);
    if (report->n_runaway > 0)
        say("%zu hosts ran away and were stopped: more than %d flows in %d minutes",
            report->n_runaway, SAMPLE_FLOWS_PER_WINDOW, SAMPLE_WINDOW_SECONDS / 60);
    if (!line->common.json)
        return STATUS_OK;
    return print_json(json_pack("{s:I, s:I, s:I, s:I, s:s, s:s, s:f}", "flows",
                                (json_int_t)report->n_flows, "hosts", (json_int_t)plan->n_hosts,
                                "silent_hosts", (json_int_t)report->n_silent, "runaway_hosts",
                                (json_int_t)report->n_runaway, "start", start, "end", clock,
                                "seconds", seconds),
                      err);
}

static enum status run(const struct command_line *line, struct error *err)
{
    RETURN_IF(line->arguments.n != 1, err, STATUS_USAGE, "give one model file");
    RETURN_IF((settings.output != NULL) == (settings.per_host != NULL), err, STATUS_USAGE,
              "say where the flows go: --output FILE or --per-host FOLDER");
    RETURN_IF(line->common.json && settings.output != NULL && settings.output[0] == '-' &&
                  settings.output[1] == '\0',
              err, STATUS_USAGE, "--json and the flows cannot both go to standard output");
    struct model *model = NULL;
    struct sample_plan plan = { 0 };
    struct writers writers = { 0 };
    struct sample_report report;
    double started = progress_clock();
    enum status status = model_load(line->arguments.items[0], &model, err);
    if (status == STATUS_OK)
        status = sample_plan_create(&plan, model, &sample_settings, err);
    if (status == STATUS_OK) {
        status = writers_open(&writers, &plan, &model->labels, err);
        if (status == STATUS_OK)
            status = sample_run(model, &plan, put_flow, &writers, &report, err);
        status = writers_close(&writers, status, err);
    }
    if (status == STATUS_OK || status == STATUS_INTERRUPTED) {
        enum status printed = print_report(line, &plan, &report, progress_clock() - started, err);
        status = printed != STATUS_OK ? printed : status;
    }
    sample_plan_release(&plan);
    model_free(model);
    return status;
}

const struct command command_sample = {
    .name = "sample",
    .summary = "draw flows from a model",
    .arguments = "MODEL",
    .description =
        "Draws the flows of new hosts from a trained model and writes them in time order, in\n"
        "the format of the flows that the model was trained on. The same model, options and\n"
        "seed give the same bytes, with any number of threads.",
    .tables = tables,
    .run = run,
};
