/* command.h - the commands of the program, one file each, and the table of them.
 *
 * A command says what can be set in option tables, which main.c parses, and runs. It prints its
 * results to standard output, as text or, with --json, as one JSON object; words for people go to
 * standard error through say(). A new command is one file and one line in command_list.
 */
#ifndef FLOWTWIN_CLI_COMMAND_H
#define FLOWTWIN_CLI_COMMAND_H

#include "base/error.h"
#include "base/options.h"

#include <jansson.h>

#define COMMAND_TABLES_MAX 12

/* What every command takes. */
struct common_settings {
    bool help, json, quiet;
    int64_t threads;
};

struct command_line {
    struct text_list arguments; /* words that are no options */
    struct common_settings common;
    /* The words as they came, for commands that read a configuration file between the defaults and
     * the command line. */
    int argc;
    char *const *argv;
};

struct command {
    const char *name;
    const char *summary;     /* one line, no full stop */
    const char *arguments;   /* "CONFIG", "FILE ..." */
    const char *description; /* for --help and the man page; lines of up to 80 characters */
    /* Writes the command's option tables, with targets that are static in its file, and returns
     * how many. */
    size_t (*tables)(struct option_table tables[COMMAND_TABLES_MAX]);
    enum status (*run)(const struct command_line *line, struct error *err);
};

extern const struct command command_import, command_describe, command_train, command_sample,
    command_eval, command_simulate, command_export_embeddings;

/* All commands, in the order of --help; the list ends with NULL. */
extern const struct command *const command_list[];

/* The options that every command takes, as the last of its tables. */
struct option_table common_table(struct common_settings *settings);

/* A line for people on standard error; nothing with --quiet. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints a result as JSON, indented, with the keys in the order in which they were set. Takes
 * ownership. */
enum status print_json(json_t *result, struct error *err);

#endif
