/* cmd_train.c - flowtwin train: a configuration and data in, a model out. */
#include "base/config.h"
#include "base/memory.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/load_data.h"
#include "data/split.h"
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

static struct settings {
    const char *model, *data, *output;
    int64_t seed;
    bool resume;
} settings;

/* The files of the command line, in their order. */
struct config_list {
    struct config *items;
    size_t n;
};

static struct split_settings split_settings;
static struct import_settings import_settings;

#define AT(field) offsetof(struct settings, field)
static const struct option options[] = {
    { "model", 'm', OPTION_TEXT, AT(model), NULL, .argument = "KIND",
      .help = "which kind of model: gmm, bayes-net or masked-conv" },
    { "data", 'd', OPTION_TEXT, AT(data), NULL, .argument = "FILE",
      .help = "the flows to learn: a dataset, or a flow file with --hosts" },
    { "output", 'o', OPTION_TEXT, AT(output), NULL, .argument = "FILE",
      .help = "where the model goes" },
    { "seed", 0, OPTION_INT, AT(seed), "1", .minimum = 0, .maximum = 0x1p53, .argument = "S",
      .help = "same seed and data, same model" },
    { "resume", 0, OPTION_FLAG, AT(resume), "no", .command_line_only = true,
      .help = "go on with the unfinished training that --output holds" },
};
#undef AT

enum { N_OWN_TABLES = 3, N_KINDS_MAX = COMMAND_TABLES_MAX - N_OWN_TABLES };

/* The settings of each kind of model, by its place in model_kinds; made once, kept to the end. */
static void *kind_settings[N_KINDS_MAX];

static size_t tables(struct option_table *table)
{
    static char owners[N_KINDS_MAX][64];
    table[0] = (struct option_table){ options, ARRAY_LEN(options), &settings, "Training" };
    table[1] = (struct option_table){ split_options, n_split_options, &split_settings,
                                      "What is kept to test with" };
    table[2] = (struct option_table){ import_options, n_import_options, &import_settings,
                                      "Where the data is a flow file" };
    size_t n = N_OWN_TABLES;
    for (size_t k = 0; model_kinds[k] != NULL; k++, n++) {
        const struct model_kind *kind = model_kinds[k];
        if (kind_settings[k] == NULL)
            kind_settings[k] = memory_zalloc(1, kind->settings_size);
        snprintf(owners[k], sizeof owners[k], "Model %s", kind->name);
        table[n] = (struct option_table){ kind->options, kind->n_options, kind_settings[k],
                                          owners[k] };
    }
    return n;
}

/* A key or option that belongs to another kind of model: a clearer message than "unknown". */
static enum status name_owner(const struct option_table *all, size_t n_all,
                              const struct option_table *chosen, size_t n_chosen, const char *name,
                              const char *kind, struct error *err)
{
    const struct option_table *owner;
    if (options_find(chosen, n_chosen, name, NULL) == NULL &&
        options_find(all, n_all, name, &owner) != NULL)
        return error_set(err, STATUS_USAGE, "%s is an option of \"%s\"; the model is %s", name,
                         owner->owner, kind);
    return STATUS_OK;
}

static enum status check_owners(const struct option_table *all, size_t n_all,
                                const struct option_table *chosen, size_t n_chosen,
                                const struct config_list *configs, const struct command_line *line,
                                const char *kind, struct error *err)
{
    for (size_t c = 0; c < configs->n; c++) {
        const struct config *config = &configs->items[c];
        for (size_t i = 0; i < config->n_entries; i++) {
            const struct config_entry *entry = &config->entries[i];
            enum status status = name_owner(all, n_all, chosen, n_chosen, entry->key, kind, err);
            if (status != STATUS_OK)
                error_prefix(err, "%s:%d: ", config->path, entry->line);
            FORWARD(status);
        }
    }
    for (int i = 0; i < line->argc; i++) {
        if (strncmp(line->argv[i], "--", 2) != 0)
            continue;
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(line->argv[i] + 2, "="),
                 line->argv[i] + 2);
        FORWARD(name_owner(all, n_all, chosen, n_chosen, name, kind, err));
    }
    return STATUS_OK;
}

/* The kind of model that the command line or else the last file that has one names, or NULL. */
static const char *name_of_model(const struct config_list *configs)
{
    const char *name = settings.model;
    for (size_t c = configs->n; name == NULL && c > 0; c--)
        name = config_value(&configs->items[c - 1], "model");
    return name;
}

/* Default < configuration files < command line. Sets *kind and its settings. */
static enum status configure(const struct command_line *line, const struct config_list *configs,
                             const struct model_kind **kind, void **model_settings, char **resolved,
                             struct error *err)
{
    struct option_table all[COMMAND_TABLES_MAX], chosen[N_OWN_TABLES + 2];
    size_t n_all = tables(all), n_chosen = N_OWN_TABLES + 1;
    const char *name = name_of_model(configs);
    RETURN_IF(name == NULL, err, STATUS_USAGE,
              "say which model: `model = gmm` in the configuration, or --model gmm");

    *kind = NULL;
    struct text_list names = { 0 };
    for (size_t k = 0; model_kinds[k] != NULL; k++) {
        text_list_add(&names, model_kinds[k]->name);
        if (strcmp(model_kinds[k]->name, name) == 0) {
            *kind = model_kinds[k];
            *model_settings = kind_settings[k];
            chosen[N_OWN_TABLES] = all[N_OWN_TABLES + k];
        }
    }
    const char *nearest = nearest_word(name, names.items, names.n);
    text_list_release(&names);
    RETURN_IF(*kind == NULL, err, STATUS_USAGE, "there is no model %s%s%s%s", name,
              nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
              nearest != NULL ? "?" : "");
    memcpy(chosen, all, N_OWN_TABLES * sizeof *chosen);
    struct common_settings common = { 0 };
    chosen[n_chosen] = common_table(&common);

    FORWARD(check_owners(all, n_all, chosen, n_chosen + 1, configs, line, (*kind)->name, err));
    for (size_t t = 0; t < n_chosen; t++)
        options_release_lists(&chosen[t]);
    options_set_defaults(chosen, n_chosen);
    for (size_t c = 0; c < configs->n; c++)
        FORWARD(config_apply(&configs->items[c], chosen, n_chosen, err));
    struct text_list words = { 0 };
    enum status status = options_parse(chosen, n_chosen + 1, line->argc, line->argv, &words, err);
    text_list_release(&words);
    FORWARD(status);
    FORWARD(options_check_needs(chosen, n_chosen, err));
    *resolved = options_resolved_text(chosen, n_chosen);
    return STATUS_OK;
}

/* Whether a line of the configuration may differ between a training and its resumption. */
static bool is_free_line(const char *line)
{
    static const char *const keys[] = { "data = ", "output = ", "checkpoint-minutes = " };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strncmp(line, keys[i], strlen(keys[i])) == 0)
            return true;
    return false;
}

/* The first line that differs between two resolved configurations; false where none does. */
static bool find_difference(const char *a, const char *b, int *length_a, const char **line_a,
                            int *length_b, const char **line_b)
{
    while (*a != '\0' || *b != '\0') {
        *line_a = a;
        *line_b = b;
        *length_a = (int)strcspn(a, "\n");
        *length_b = (int)strcspn(b, "\n");
        bool is_same = *length_a == *length_b && strncmp(a, b, (size_t)*length_a) == 0;
        if (!is_same && !(is_free_line(a) && is_free_line(b)))
            return true;
        a += *length_a + (a[*length_a] == '\n');
        b += *length_b + (b[*length_b] == '\n');
    }
    return false;
}

/* The unfinished model in the output file, if it is this training's. */
static enum status load_unfinished(const struct model_kind *kind, const char *resolved,
                                   const struct training_record *record, struct model **unfinished,
                                   struct error *err)
{
    struct model *model;
    FORWARD(model_load(settings.output, &model, err));
    const char *line_a, *line_b;
    int length_a, length_b;
    enum status status = STATUS_OK;
    const struct training_record *trained = &model->trained_on;
    bool is_same_data = trained->n_hosts == record->n_hosts && trained->from == record->from &&
                        trained->until == record->until &&
                        (record->n_hosts == 0 ||
                         memcmp(trained->hosts, record->hosts,
                                record->n_hosts * sizeof *record->hosts) == 0);
    if (model->kind != kind)
        status = error_set(err, STATUS_USAGE, "%s holds a %s, not a %s", settings.output,
                           model->kind->name, kind->name);
    else if (!model_is_unfinished(model))
        status = error_set(err, STATUS_USAGE,
                           "%s holds a finished model: there is nothing to "
                           "resume",
                           settings.output);
    else if (find_difference(model->configuration, resolved, &length_a, &line_a, &length_b,
                             &line_b))
        status = error_set(err, STATUS_USAGE,
                           "%s was trained with \"%.*s\", and this is \"%.*s\": a training is "
                           "resumed as it was",
                           settings.output, length_a, line_a, length_b, line_b);
    else if (!is_same_data)
        status = error_set(err, STATUS_USAGE, "%s was trained on other hosts or times than %s has",
                           settings.output, settings.data);
    if (status != STATUS_OK)
        model_free(model);
    else
        *unfinished = model;
    return status;
}

static enum status print_summary(const struct command_line *line, const struct model_kind *kind,
                                 size_t n_flows, size_t n_hosts, double seconds, struct error *err)
{
    say("%s: %zu flows of %zu hosts in %.1f s; written to %s", kind->name, n_flows, n_hosts,
        seconds, settings.output);
    if (!line->common.json)
        return STATUS_OK;
    return print_json(json_pack("{s:s, s:s, s:I, s:I, s:f}", "model", kind->name, "output",
                                settings.output, "flows", (json_int_t)n_flows, "hosts",
                                (json_int_t)n_hosts, "seconds", seconds),
                      err);
}

static enum status train(const struct command_line *line, const struct config_list *configs,
                         struct error *err)
{
    const struct model_kind *kind;
    void *model_settings = NULL;
    char *resolved = NULL;
    struct dataset *data = NULL;
    struct sequence_set *set = NULL;
    struct training_record record = { 0 };
    struct model *model = NULL, *unfinished = NULL;
    double started = progress_clock();

    enum status status = configure(line, configs, &kind, &model_settings, &resolved, err);
    if (status == STATUS_OK && (settings.data == NULL || settings.output == NULL))
        status = error_set(err, STATUS_USAGE, "--data and --output are needed");
    if (status == STATUS_OK)
        status = load_data(settings.data, &import_settings, NULL, &data, err);
    if (status == STATUS_OK)
        status = split_training_set(data, &split_settings, &set, &record, err);
    if (status == STATUS_OK && settings.resume)
        status = load_unfinished(kind, resolved, &record, &unfinished, err);
    if (status == STATUS_OK) {
        size_t n_flows = set->n_scored, n_hosts = set->n;
        status = model_fit_kept(kind, model_settings, set, &record, (uint64_t)settings.seed,
                                resolved, settings.output, unfinished, &model, err);
        if (status == STATUS_OK)
            status = model_save(model, settings.output, err);
        if (status == STATUS_OK)
            status = print_summary(line, kind, n_flows, n_hosts, progress_clock() - started, err);
    }
    model_free(model);
    training_record_release(&record);
    sequence_set_free(set);
    dataset_free(data);
    free(resolved);
    return status;
}

static enum status run(const struct command_line *line, struct error *err)
{
    const struct text_list *paths = &line->arguments;
    struct config_list configs = { .items = memory_zalloc(paths->n, sizeof *configs.items) };
    enum status status = STATUS_OK;
    while (status == STATUS_OK && configs.n < paths->n) {
        status = config_read(&configs.items[configs.n], paths->items[configs.n], err);
        configs.n++;
    }
    if (status == STATUS_OK)
        status = train(line, &configs, err);
    for (size_t c = 0; c < configs.n; c++)
        config_release(&configs.items[c]);
    free(configs.items);
    return status;
}

const struct command command_train = {
    .name = "train",
    .summary = "fit a model to flows",
    .arguments = "[CONFIG ...]",
    .description =
        "Fits a model to a dataset and writes it to a file, with all that is needed to draw\n"
        "from it and to score with it. CONFIG is a file of `key = value` lines; keys are the\n"
        "options below without their dashes. Of several files the later one goes before the\n"
        "earlier one, and what the command line says before both.\n"
        "Ctrl-C keeps what a long training has reached; the same command with --resume goes on\n"
        "from there as if it had never stopped.",
    .tables = tables,
    .run = run,
};
