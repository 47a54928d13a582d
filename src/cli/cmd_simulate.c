/* cmd_simulate.c - flowtwin simulate: made-up flows, or a process whose entropy is known. */
#include "base/interrupt.h"
#include "base/output_path.h"
#include "base/progress.h"
#include "cli/command.h"
#include "data/calendar.h"
#include "data/flow_writer.h"
#include "simulate/ar.h"
#include "simulate/demo_network.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { PROCESS_NETWORK, PROCESS_AR };
static const char *const process_names[] = { "network", "ar", NULL };

static struct settings {
    int process;
    int64_t hosts, rows, seed;
    double days;
    const char *start, *output;
    bool header;
} settings;

#define AT(field) offsetof(struct settings, field)
static const struct option options[] = {
    { "output", 'o', OPTION_TEXT, AT(output), NULL, .argument = "FILE",
      .help = "where the rows go; - for standard output; a network's in .gz or .zst packed" },
    { "process", 0, OPTION_CHOICE, AT(process), "network", .choices = process_names,
      .argument = "NAME", .help = "what is simulated" },
    { "hosts", 0, OPTION_INT, AT(hosts), "20", .minimum = 1, .maximum = DEMO_NETWORK_HOSTS_MAX,
      .argument = "N", .needs = "process=network", .help = "network: number of hosts" },
    { "days", 0, OPTION_REAL, AT(days), "1", .minimum = 0.04, .maximum = 3660, .argument = "D",
      .needs = "process=network", .help = "network: number of days, in whole hours" },
    { "start", 0, OPTION_TEXT, AT(start), "2016-04-11", .argument = "DATE",
      .needs = "process=network",
      .help = "network: when it begins, YYYY-MM-DD or \"YYYY-MM-DD hh:mm:ss\"" },
    { "header", 0, OPTION_FLAG, AT(header), "no", .needs = "process=network",
      .help = "network: begin with the names of the columns" },
    { "rows", 0, OPTION_INT, AT(rows), "100000", .minimum = 1, .maximum = 1e12, .argument = "N",
      .needs = "process=ar", .help = "ar: number of rows" },
    { "seed", 0, OPTION_INT, AT(seed), "1", .minimum = 0, .maximum = 0x1p53, .argument = "S",
      .help = "same seed, same bytes" },
};
#undef AT

static size_t tables(struct option_table *table)
{
    table[0] = (struct option_table){ options, ARRAY_LEN(options), &settings, "Simulation" };
    return 1;
}

/* ---- the network -------------------------------------------------------------------------- */

/* Whole hours until the end or an interrupt. */
static enum status write_network(struct demo_network *network, size_t n_hours,
                                 struct flow_writer *writer, uint64_t *n_flows, struct error *err)
{
    struct progress progress = progress_start("simulate", (double)n_hours, "hours");
    enum status status = STATUS_OK;
    const struct flow *flows;
    size_t n;
    for (size_t hour = 0; status == STATUS_OK && demo_network_next_hour(network, &flows, &n);
         hour++) {
        for (size_t i = 0; status == STATUS_OK && i < n; i++)
            status = flow_writer_put(writer, &flows[i], err);
        *n_flows += n;
        progress_update(&progress, (double)hour + 1.0, "%llu flows", (unsigned long long)*n_flows);
        if (status == STATUS_OK && interrupt_requested())
            status = error_set(err, STATUS_INTERRUPTED, "stopped after %zu of %zu hours", hour + 1,
                               n_hours);
    }
    progress_finish(&progress);
    return status;
}

static enum status simulate_network(uint64_t *n_rows, struct error *err)
{
    struct demo_network_settings network_settings = { .n_hosts = (size_t)settings.hosts,
                                                      .n_hours = (size_t)ceil(24.0 * settings.days),
                                                      .seed = (uint64_t)settings.seed };
    RETURN_IF(!calendar_parse(settings.start, strlen(settings.start), &network_settings.start), err,
              STATUS_USAGE, "start: \"%s\" is no date", settings.start);
    struct demo_network *network = demo_network_create(&network_settings);
    struct flow_writer *writer = NULL;
    const struct flow_writer_settings writer_settings = { .labels = demo_network_labels(network),
                                                          .with_header = settings.header };
    enum status status = flow_writer_open(&writer, settings.output, &writer_settings, err);
    if (status == STATUS_OK) {
        status = write_network(network, network_settings.n_hours, writer, n_rows, err);
        if (status == STATUS_OK || status == STATUS_INTERRUPTED) {
            enum status committed = flow_writer_commit(writer, NULL, err);
            status = committed != STATUS_OK ? committed : status;
        } else {
            flow_writer_abandon(writer);
        }
    }
    demo_network_free(network);
    return status;
}

/* ---- the process of two variables --------------------------------------------------------- */

#define ROWS_BETWEEN_LOOKS 4096

static enum status write_ar(FILE *file, uint64_t *n_rows, struct error *err)
{
    struct ar_process process = ar_start((uint64_t)settings.seed);
    struct progress progress = progress_start("simulate", (double)settings.rows, "rows");
    enum status status = STATUS_OK;
    bool failed = fputs("x,y\n", file) == EOF;
    uint64_t n = 0;
    for (; status == STATUS_OK && !failed && n < (uint64_t)settings.rows; n++) {
        struct ar_row row = ar_next(&process);
        failed = fprintf(file, "%.9g,%.9g\n", row.x, row.y) < 0;
        if (n % ROWS_BETWEEN_LOOKS != 0)
            continue;
        progress_update(&progress, (double)n, NULL);
        if (interrupt_requested())
            status = error_set(err, STATUS_INTERRUPTED, "stopped after %llu of %lld rows",
                               (unsigned long long)n + 1, (long long)settings.rows);
    }
    progress_finish(&progress);
    *n_rows = n;
    RETURN_IF(failed || fflush(file) != 0, err, STATUS_IO, "cannot write %s: %s", settings.output,
              strerror(errno));
    return status;
}

static enum status simulate_ar(uint64_t *n_rows, struct error *err)
{
    if (strcmp(settings.output, "-") == 0)
        return write_ar(stdout, n_rows, err);
    struct output_path path;
    FORWARD(output_path_begin(&path, settings.output, err));
    FILE *file = fopen(path.temporary, "we");
    enum status status;
    if (file == NULL)
        status = error_set(err, STATUS_IO, "cannot write %s: %s", settings.output, strerror(errno));
    else
        status = write_ar(file, n_rows, err);
    if (file != NULL && fclose(file) != 0 && status != STATUS_IO)
        status = error_set(err, STATUS_IO, "cannot write %s: %s", settings.output, strerror(errno));
    if (status == STATUS_OK || status == STATUS_INTERRUPTED) {
        enum status committed = output_path_commit(&path, err);
        status = committed != STATUS_OK ? committed : status;
    }
    output_path_release(&path);
    return status;
}

/* ---- the command -------------------------------------------------------------------------- */

static enum status run(const struct command_line *line, struct error *err)
{
    RETURN_IF(line->arguments.n > 0, err, STATUS_USAGE, "simulate takes no files: \"%s\"",
              line->arguments.items[0]);
    RETURN_IF(settings.output == NULL, err, STATUS_USAGE,
              "say where the rows go: --output demo.csv");
    struct option_table all[COMMAND_TABLES_MAX];
    FORWARD(options_check_needs(all, tables(all), err));
    RETURN_IF(line->common.json && strcmp(settings.output, "-") == 0, err, STATUS_USAGE,
              "--json and the rows cannot both go to standard output");
    double started = progress_clock();
    uint64_t n_rows = 0;
    bool is_ar = settings.process == PROCESS_AR;
    enum status status = is_ar ? simulate_ar(&n_rows, err) : simulate_network(&n_rows, err);
    if (status != STATUS_OK && status != STATUS_INTERRUPTED)
        return status;
    double seconds = progress_clock() - started;
    say("%llu %s in %.2f s (%.0f/s)", (unsigned long long)n_rows, is_ar ? "rows" : "flows", seconds,
        (double)n_rows / seconds);
    if (is_ar)
        say("the best possible NLL is %.4f nats per row", ar_best_nll());
    if (line->common.json) {
        json_t *result = json_pack("{s:s, s:I, s:f}", "process", process_names[settings.process],
                                   is_ar ? "rows" : "flows", (json_int_t)n_rows, "seconds",
                                   seconds);
        if (is_ar)
            json_object_set_new(result, "best_nll", json_real(ar_best_nll()));
        enum status printed = print_json(result, err);
        status = printed != STATUS_OK ? printed : status;
    }
    return status;
}

const struct command command_simulate = {
    .name = "simulate",
    .summary = "make up the flows of a small network, without any data",
    .arguments = "-o FILE",
    .description =
        "Writes the flows of a made-up network (clients, servers and scanners at\n"
        "10.20.0.0/16) in the format of UGR'16, so that everything can be tried without any\n"
        "data; or, with --process ar, rows of two numbers x,y whose entropy is known exactly.",
    .tables = tables,
    .run = run,
};
