/* cmd_describe.c - flowtwin describe: what is in a dataset. */
#include "cli/command.h"
#include "cli/load_data.h"
#include "eval/description.h"

static struct settings {
    const char *report;
} settings;

static struct import_settings import_settings;

#define AT(field) offsetof(struct settings, field)
static const struct option options[] = {
    { "report", 0, OPTION_TEXT, AT(report), NULL, .argument = "FILE",
      .help = "write a page with the tables and plots, as HTML" },
};
#undef AT

static size_t tables(struct option_table *table)
{
    table[0] = (struct option_table){ options, ARRAY_LEN(options), &settings, "Description" };
    table[1] = (struct option_table){ import_options, n_import_options, &import_settings,
                                      "Where the data is a flow file" };
    return 2;
}

static enum status run(const struct command_line *line, struct error *err)
{
    RETURN_IF(line->arguments.n != 1, err, STATUS_USAGE,
              line->arguments.n == 0 ? "a dataset or a flow file is needed"
                                     : "one dataset or flow file at a time");
    struct dataset *data = NULL;
    FORWARD(load_data(line->arguments.items[0], &import_settings, NULL, &data, err));
    struct description *description = description_create(data);
    dataset_free(data);
    enum status status = STATUS_OK;
    if (settings.report != NULL) {
        status = description_write_page(description, settings.report, err);
        if (status == STATUS_OK)
            say("wrote %s", settings.report);
    }
    if (status == STATUS_OK && line->common.json)
        status = print_json(description_json(description), err);
    else if (status == STATUS_OK)
        description_print(description, stdout);
    description_free(description);
    return status;
}

const struct command command_describe = {
    .name = "describe",
    .summary = "say what is in a dataset: hosts, rates, ports, conversations",
    .arguments = "DATA",
    .description =
        "Hosts by type and size, rates, values of a flow, protocols, ports, conversations and\n"
        "autocorrelation of the flows of one dataset or flow file. docs/report.md explains\n"
        "the figures.",
    .tables = tables,
    .run = run,
};
