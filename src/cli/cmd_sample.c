/* cmd_sample.c - flowtwin sample: a model in, flows out. */
#include "base/memory.h"
#include "base/output_path.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/load_data.h"
#include "cli/sidecar.h"
#include "data/calendar.h"
#include "data/flow_writer.h"
#include "sample/sample.h"

#include <stdlib.h>
#include <string.h>

static struct settings {
    const char *output, *per_host, *sidecar, *from, *past, *remap;
    int packing; /* enum text_packing */
    bool header;
} settings;

static struct sample_settings sample_settings;

#define AT(field) offsetof(struct settings, field)
static const struct option options[] = {
    { "output", 'o', OPTION_TEXT, AT(output), NULL, .argument = "FILE", .command_line_only = true,
      .help = "where the flows go, .gz and .zst compressed; - for standard output" },
    { "per-host", 0, OPTION_TEXT, AT(per_host), NULL, .argument = "FOLDER",
      .command_line_only = true, .help = "one file a host instead, named by its address" },
    { "compress", 0, OPTION_CHOICE, AT(packing), "by-name", .choices = text_packing_names,
      .argument = "HOW", .command_line_only = true,
      .help = "how the output is compressed, where its name does not say" },
    { "header", 0, OPTION_FLAG, AT(header), "no", .help = "begin with the names of the columns" },
    { "remap", 0, OPTION_TEXT, AT(remap), NULL, .argument = "KEY", .command_line_only = true,
      .help = "write other addresses, by a key that keeps prefixes: 64 hex digits, or @FILE" },
    { "continue", 0, OPTION_TEXT, AT(past), NULL, .argument = "FILE",
      .help = "go on where these flows end, with their hosts: a dataset or a flow file" },
    { "sidecar", 0, OPTION_TEXT, AT(sidecar), NULL, .argument = "FILE", .command_line_only = true,
      .help = "where to keep how this was made, or none; else beside the output, as OUTPUT.json" },
    { "from", 0, OPTION_TEXT, AT(from), NULL, .argument = "FILE", .command_line_only = true,
      .help = "make again what a sidecar describes; other options that are given win" },
};
#undef AT

static size_t tables(struct option_table *table)
{
    table[0] = (struct option_table){ options, ARRAY_LEN(options), &settings, "Output and input" };
    table[1] = (struct option_table){ sample_options, n_sample_options, &sample_settings,
                                      "What is drawn" };
    return 2;
}

/* What a run holds. */
struct work {
    const char *model_path;
    struct sidecar from; /* where settings.from says one */
    char model_digest[DIGEST_TEXT_SIZE], past_digest[DIGEST_TEXT_SIZE];
    struct model *model;
    struct sequence_set *past;
    struct address_remap *remap;
    struct sample_plan plan;
    struct sample_report report;

    /* One file, or one a host. */
    struct flow_writer **writers;
    size_t n_writers;
    char text_digest[DIGEST_TEXT_SIZE];
    char *sidecar_path; /* NULL: none is written */
    double seconds;
};

static void work_release(struct work *work)
{
    sample_plan_release(&work->plan);
    address_remap_free(work->remap);
    sequence_set_free(work->past);
    model_free(work->model);
    sidecar_release(&work->from);
    free(work->sidecar_path);
}

/* ---- what is asked for -------------------------------------------------------------------- */

/* Sets what the sidecar of --from says, and once more what the command line says. */
static enum status take_sidecar(struct work *work, const struct command_line *line,
                                struct error *err)
{
    struct option_table all[COMMAND_TABLES_MAX + 1];
    size_t n = tables(all);
    FORWARD(sidecar_read(&work->from, settings.from, err));
    options_set_defaults(all, n);
    FORWARD(sidecar_set_options(&work->from, all, n, err));
    struct common_settings common = { 0 };
    all[n] = common_table(&common);
    struct text_list words = { 0 };
    enum status status = options_parse(all, n + 1, line->argc, line->argv, &words, err);
    text_list_release(&words);
    return status;
}

/* The name says how the output is compressed; --compress is for names that do not. */
static enum status check_packing(struct error *err)
{
    enum text_packing named = settings.output != NULL ? text_packing_of_name(settings.output)
                                                      : PACKING_NONE;
    RETURN_IF(settings.packing != PACKING_BY_NAME && named != PACKING_NONE &&
                  (int)named != settings.packing,
              err, STATUS_USAGE, "--compress %s, but the name of %s says %s",
              text_packing_names[settings.packing], settings.output, text_packing_names[named]);
    return STATUS_OK;
}

static enum status check_settings(const struct work *work, const struct command_line *line,
                                  struct error *err)
{
    bool to_standard_output = settings.output != NULL && strcmp(settings.output, "-") == 0;
    RETURN_IF(line->arguments.n > 1, err, STATUS_USAGE, "one model is drawn from, not %zu",
              line->arguments.n);
    RETURN_IF(line->arguments.n == 0 && settings.from == NULL, err, STATUS_USAGE,
              "give one model file");
    RETURN_IF(settings.output == NULL && settings.per_host == NULL, err, STATUS_USAGE,
              "say where the flows go: --output FILE or --per-host FOLDER");
    RETURN_IF(settings.output != NULL && settings.per_host != NULL, err, STATUS_USAGE,
              "--output and --per-host each say where the flows go; give one");
    RETURN_IF(line->common.json && to_standard_output, err, STATUS_USAGE,
              "--json and the flows cannot both go to standard output");
    RETURN_IF(settings.past != NULL && strcmp(settings.past, "-") == 0, err, STATUS_USAGE,
              "--continue needs a file, which can be read again, not standard input");
    RETURN_IF(settings.from != NULL && work->from.is_remapped && settings.remap == NULL, err,
              STATUS_USAGE,
              "%s was made with --remap; give the same key again, which is kept nowhere",
              settings.from);
    FORWARD(check_packing(err));
    struct option_table all[COMMAND_TABLES_MAX];
    return options_check_needs(all, tables(all), err);
}

/* ---- what it is drawn from ---------------------------------------------------------------- */

/* Where a file is named by a sidecar, says so, and what to do about it. */
static enum status name_sidecar(enum status status, const char *advice, struct error *err)
{
    if (status == STATUS_IO)
        error_prefix(err, "%s names a file that cannot be read (%s): ", settings.from, advice);
    return status;
}

static enum status load_past(struct work *work, struct error *err)
{
    bool is_named = work->from.past == NULL || strcmp(settings.past, work->from.past) != 0;
    enum status status = digest_file(settings.past, work->past_digest, err);
    FORWARD(is_named ? status : name_sidecar(status, "give another --continue", err));
    if (settings.from != NULL && work->from.past != NULL)
        FORWARD(sidecar_check_digest(&work->from, "file to continue", settings.past,
                                     work->past_digest, work->from.past_digest, err));
    struct import_settings everything;
    struct option_table table = { import_options, n_import_options, &everything, "" };
    options_set_defaults(&table, 1);
    struct dataset *data = NULL;
    FORWARD(load_data(settings.past, &everything, &work->model->monitored, &data, err));
    work->past = sequence_set_create(data, NULL, &work->model->labels);
    dataset_free(data);
    return STATUS_OK;
}

static enum status load(struct work *work, const struct command_line *line, struct error *err)
{
    bool is_named = line->arguments.n > 0;
    work->model_path = is_named ? line->arguments.items[0] : work->from.model;
    enum status status = model_load(work->model_path, &work->model, err);
    FORWARD(is_named ? status : name_sidecar(status, "give the model as argument", err));
    FORWARD(digest_file(work->model_path, work->model_digest, err));
    if (settings.from != NULL)
        FORWARD(sidecar_check_digest(&work->from, "model", work->model_path, work->model_digest,
                                     work->from.model_digest, err));
    if (settings.remap != NULL)
        FORWARD(address_remap_create(&work->remap, settings.remap, err));
    if (settings.past != NULL)
        FORWARD(load_past(work, err));
    sample_settings.past = work->past;
    sample_settings.remap = work->remap;
    return sample_plan_create(&work->plan, work->model, &sample_settings, err);
}

/* ---- where it goes ------------------------------------------------------------------------ */

static enum status put_flow(void *user, const struct flow *flow, size_t host, struct error *err)
{
    struct work *work = user;
    return flow_writer_put(work->writers[settings.per_host != NULL ? host : 0], flow, err);
}

/* The output's name and .json, where there is an output with a name. Caller frees. */
static char *sidecar_path_of(const struct work *work)
{
    if (settings.sidecar != NULL)
        return strcmp(settings.sidecar, "none") != 0 ? memory_strdup(settings.sidecar) : NULL;
    if (settings.output != NULL)
        return flow_writer_is_file(work->writers[0]) ? memory_format("%s.json", settings.output)
                                                     : NULL;
    int length = (int)strlen(settings.per_host);
    while (length > 1 && settings.per_host[length - 1] == '/')
        length--;
    return memory_format("%.*s.json", length, settings.per_host);
}

static enum status open_folder(struct work *work, const struct flow_writer_settings *wanted,
                               struct error *err)
{
    FORWARD(output_folder_create(settings.per_host, err));
    const char *suffix = text_packing_suffix((enum text_packing)settings.packing);
    for (size_t h = 0; h < work->plan.n_hosts; h++) {
        char address[ADDRESS_TEXT_SIZE];
        address_format(work->plan.addresses[h], address);
        char *path = memory_format("%s/%s.csv%s", settings.per_host, address, suffix);
        enum status status = flow_writer_open(&work->writers[h], path, wanted, err);
        free(path);
        FORWARD(status);
        work->n_writers++;
    }
    return STATUS_OK;
}

static enum status open_writers(struct work *work, struct error *err)
{
    const struct flow_writer_settings wanted = {
        .labels = &work->model->labels,
        .with_header = settings.header,
        .sink = { .packing = settings.packing,
                  .is_one_of_many = settings.per_host != NULL,
                  .with_digest = true },
    };
    work->writers = memory_alloc(settings.per_host != NULL ? work->plan.n_hosts : 1,
                                 sizeof *work->writers);
    if (settings.per_host != NULL)
        FORWARD(open_folder(work, &wanted, err));
    else
        FORWARD(flow_writer_open(&work->writers[0], settings.output, &wanted, err));
    work->n_writers = settings.per_host != NULL ? work->n_writers : 1;
    work->sidecar_path = sidecar_path_of(work);
    return STATUS_OK;
}

/* Keeps what was written, also after an interrupt: it ends at a whole row. The digest of several
 * files is that of their digests, in order. */
static enum status close_writers(struct work *work, enum status status, struct error *err)
{
    struct digest *digest = digest_create();
    for (size_t i = 0; i < work->n_writers; i++) {
        if (status == STATUS_OK || status == STATUS_INTERRUPTED) {
            enum status committed = flow_writer_commit(work->writers[i], work->text_digest, err);
            status = committed != STATUS_OK ? committed : status;
            if (committed == STATUS_OK)
                digest_add(digest, work->text_digest, DIGEST_TEXT_SIZE - 1);
        } else {
            flow_writer_abandon(work->writers[i]);
        }
    }
    digest_finish(digest, settings.per_host != NULL ? work->text_digest : NULL);
    free(work->writers);
    return status;
}

/* ---- what is said about it ---------------------------------------------------------------- */

/* The command that makes the same again. Caller frees. */
static char *command_again(const struct work *work)
{
    return memory_format("flowtwin sample --from %s %s%s %s", work->sidecar_path,
                         settings.remap != NULL ? "--remap KEY " : "",
                         settings.per_host != NULL ? "--per-host" : "-o",
                         settings.per_host != NULL ? settings.per_host : settings.output);
}

/* Nothing in here depends on when, where or how fast it was made. */
static json_t *describe(const struct work *work, bool is_interrupted)
{
    struct option_table all[COMMAND_TABLES_MAX];
    json_t *values = sidecar_options(all, tables(all));
    char start[CALENDAR_TEXT_SIZE], clock[CALENDAR_TEXT_SIZE], *again = command_again(work);
    calendar_format(work->plan.start * MS_PER_SECOND, start);
    calendar_format(work->report.clock * MS_PER_SECOND, clock);
    json_object_set_new(values, "start", json_string(start));
    if (settings.past == NULL && sample_settings.twin_of == NULL)
        json_object_set_new(values, "hosts", json_integer((json_int_t)work->plan.n_hosts));
    /* So that the same again stops where this did. */
    if (is_interrupted)
        json_object_set_new(values, "max-flows", json_integer((json_int_t)work->report.n_flows));

    json_t *root = json_pack("{s:s, s:i, s:s, s:s, s:{s:s, s:s, s:s}}", "format", SIDECAR_FORMAT,
                             "version", SIDECAR_VERSION, "flowtwin", FLOWTWIN_VERSION, "again",
                             again, "model", "file", work->model_path, "kind",
                             work->model->kind->name, "sha256", work->model_digest);
    if (settings.past != NULL)
        json_object_set_new(
            root, "continued",
            json_pack("{s:s, s:s}", "file", settings.past, "sha256", work->past_digest));
    json_object_set_new(root, "options", values);
    json_t *rest = json_pack(
        "{s:b, s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:b}", "remapped", settings.remap != NULL,
        "sha256", work->text_digest, "flows", (json_int_t)work->report.n_flows, "hosts",
        (json_int_t)work->plan.n_hosts, "silent_hosts", (json_int_t)work->report.n_silent,
        "runaway_hosts", (json_int_t)work->report.n_runaway, "start", start, "end", clock,
        "interrupted", is_interrupted);
    json_object_update(root, rest);
    json_decref(rest);
    free(again);
    return root;
}

static enum status write_sidecar(const struct work *work, bool is_interrupted, struct error *err)
{
    /* What was stopped before its first row is nothing to make again. */
    if (work->sidecar_path == NULL || (is_interrupted && work->report.n_flows == 0))
        return STATUS_OK;
    json_t *root = describe(work, is_interrupted);
    enum status status = sidecar_write(work->sidecar_path, root, err);
    json_decref(root);
    return status;
}

static bool is_reproduced(const struct work *work)
{
    return settings.from != NULL && strcmp(work->text_digest, work->from.text_digest) == 0;
}

static void say_report(const struct work *work)
{
    const struct sample_report *report = &work->report;
    char start[CALENDAR_TEXT_SIZE], clock[CALENDAR_TEXT_SIZE];
    calendar_format(work->plan.start * MS_PER_SECOND, start);
    calendar_format(report->clock * MS_PER_SECOND, clock);
    say("%llu flows of %zu hosts from %s to %s in %.2f s (%.0f flows/s)",
        (unsigned long long)report->n_flows, work->plan.n_hosts, start, clock, work->seconds,
        (double)report->n_flows / work->seconds);
    if (report->n_silent > 0)
        say("%zu hosts have no flow in that time", report->n_silent);
    if (report->n_runaway > 0)
        say("%zu hosts ran away and were stopped: %d flows in %d minutes", report->n_runaway,
            SAMPLE_FLOWS_PER_WINDOW, SAMPLE_WINDOW_SECONDS / 60);
    if (work->remap != NULL) {
        struct address_set written = address_remap_set(work->remap, &work->model->monitored);
        char *text = address_set_text(&written);
        say("the hosts live in %s now", text);
        free(text);
        address_set_release(&written);
    }
    if (settings.from != NULL)
        say("the flows are %s those of %s", is_reproduced(work) ? "byte for byte" : "not",
            settings.from);
}

static enum status print_report(const struct work *work, struct error *err)
{
    char start[CALENDAR_TEXT_SIZE], clock[CALENDAR_TEXT_SIZE];
    calendar_format(work->plan.start * MS_PER_SECOND, start);
    calendar_format(work->report.clock * MS_PER_SECOND, clock);
    json_t *result = json_pack(
        "{s:I, s:I, s:I, s:I, s:s, s:s, s:f, s:s}", "flows", (json_int_t)work->report.n_flows,
        "hosts", (json_int_t)work->plan.n_hosts, "silent_hosts", (json_int_t)work->report.n_silent,
        "runaway_hosts", (json_int_t)work->report.n_runaway, "start", start, "end", clock,
        "seconds", work->seconds, "sha256", work->text_digest);
    if (work->sidecar_path != NULL)
        json_object_set_new(result, "sidecar", json_string(work->sidecar_path));
    if (settings.from != NULL)
        json_object_set_new(result, "reproduced", json_boolean(is_reproduced(work)));
    return print_json(result, err);
}

static enum status draw(struct work *work, struct error *err)
{
    enum status status = open_writers(work, err);
    if (status == STATUS_OK)
        status = sample_run(work->model, &work->plan, put_flow, work, &work->report, err);
    return close_writers(work, status, err);
}

static enum status run(const struct command_line *line, struct error *err)
{
    double started = progress_clock();
    struct work work = { 0 };
    enum status status = STATUS_OK;
    if (settings.from != NULL)
        status = take_sidecar(&work, line, err);
    if (status == STATUS_OK)
        status = check_settings(&work, line, err);
    if (status == STATUS_OK)
        status = load(&work, line, err);
    if (status == STATUS_OK) {
        status = draw(&work, err);
        work.seconds = progress_clock() - started;
        if (status == STATUS_OK || status == STATUS_INTERRUPTED) {
            say_report(&work);
            enum status kept = write_sidecar(&work, status == STATUS_INTERRUPTED, err);
            status = kept != STATUS_OK ? kept : status;
        }
    }
    if (status == STATUS_OK && line->common.json)
        status = print_report(&work, err);
    work_release(&work);
    return status;
}

const struct command command_sample = {
    .name = "sample",
    .summary = "draw flows from a model",
    .arguments = "MODEL",
    .description =
        "Draws flows from a trained model: of new hosts, of twins of hosts that it was trained\n"
        "on (--twin-of), or of a real network that goes on from where its flows end\n"
        "(--continue). They are written in time order, in the format of the flows that the\n"
        "model was trained on. The same model, options and seed give the same bytes, with any\n"
        "number of threads; FILE.json beside the output says what they were, and\n"
        "flowtwin sample --from FILE.json -o COPY makes the same again.",
    .tables = tables,
    .run = run,
};
