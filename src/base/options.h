/* options.h - one table per command says what can be set, on the command line and in a file.
 *
 * A row of the table names the field of a plain struct that it fills. From the tables come
 * parsing, --help, the man page, configuration files (keys are the long names), suggestions for
 * misspelled names, and the resolved configuration that is kept with a model. Where several tables
 * of a command have an option of the same name and type, it sets all of them.
 *
 *     struct sample_settings { int64_t hosts; double days; const char *output; bool quiet; };
 *
 *     #define AT(field) offsetof(struct sample_settings, field)
 *     static const struct option options[] = {
 *         { "hosts", 0, OPTION_INT, AT(hosts), "20", .minimum = 1, .maximum = 1e6,
 *           .argument = "N", .help = "number of hosts" },
 *         { "output", 'o', OPTION_TEXT, AT(output), NULL, .argument = "FILE",
 *           .help = "where the flows go; - for standard output" },
 *         ...
 *     };
 *     struct option_table table = { options, ARRAY_LEN(options), &settings, "sample" };
 *     options_set_defaults(&table, 1);
 *     FORWARD(options_parse(&table, 1, argc, argv, &arguments, err));
 */
#ifndef FLOWTWIN_BASE_OPTIONS_H
#define FLOWTWIN_BASE_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_type {
    OPTION_FLAG,   /* bool; --name or --no-name; in a file yes or no */
    OPTION_INT,    /* int64_t in minimum..maximum */
    OPTION_REAL,   /* double in minimum..maximum */
    OPTION_TEXT,   /* const char *, NULL where not given; owned by the option tables */
    OPTION_CHOICE, /* int, the index in choices */
    OPTION_LIST,   /* struct text_list: may be given several times */
};

struct text_list {
    const char **items;
    size_t n;
};

struct option {
    const char *name;
    char letter; /* 0 for none */
    enum option_type type;
    size_t offset;
    const char *standard; /* the default as text; NULL for none */
    double minimum, maximum;
    const char *const *choices; /* ends with NULL */
    const char *argument;       /* what --help calls the value: N, FILE */
    const char *help;           /* one sentence, no full stop */
    bool command_line_only;     /* no key of a configuration file, not kept with a model */
    /* Where it has an effect: one of "draw=yes|synthetic", options of the same table that have that
     * value, or any but their default. NULL: everywhere. */
    const char *needs;
};

struct option_table {
    const struct option *options;
    size_t n;
    void *target;      /* the struct to fill; NULL: recognise, but do not store */
    const char *owner; /* what the options belong to, for messages: "sample", "model gmm" */
};

/* Gives every field of the targets its default. */
void options_set_defaults(const struct option_table *tables, size_t n_tables);

/* Reads the words of a command line (without the command's name): --name value, --name=value,
 * -n value, flags, `--` before words that begin with a dash. Words that are no options go to
 * `arguments`. A wrong word is STATUS_USAGE with the nearest right one. */
enum status options_parse(const struct option_table *tables, size_t n_tables, int argc,
                          char *const *argv, struct text_list *arguments, struct error *err);

/* Sets one option by name, as a configuration file does. STATUS_USAGE as above. */
enum status options_set(const struct option_table *tables, size_t n_tables, const char *name,
                        const char *value, struct error *err);

/* Whether an option of a table has the value that it has where it is not given. */
bool option_is_default(const struct option_table *table, const struct option *option);

/* STATUS_USAGE for an option that is set, but would have no effect without what it needs. */
enum status options_check_needs(const struct option_table *tables, size_t n_tables,
                                struct error *err);

/* The option of that name, or NULL. `table` may be NULL. */
const struct option *options_find(const struct option_table *tables, size_t n_tables,
                                  const char *name, const struct option_table **table);

/* The value of an option as text that options_set takes; NULL where there is none.
 * Caller frees with free(). */
char *options_value_text(const struct option_table *table, const struct option *option);

/* What is set in the tables, as `key = value` lines that a configuration file could have: all but
 * options for the command line only and those without a value. Caller frees with free(). */
char *options_resolved_text(const struct option_table *tables, size_t n_tables);

/* The options with their help, two columns, as --help shows them. */
void options_print_help(const struct option_table *tables, size_t n_tables, FILE *out);

/* The item of names[0..n-1] that is nearest to `word` by edits (Damerau-Levenshtein), or NULL
 * where none is near enough to be meant. */
const char *nearest_word(const char *word, const char *const *names, size_t n);

/* Appends to a list; the text is not copied. Released with text_list_release. */
void text_list_add(struct text_list *list, const char *text);
void text_list_release(struct text_list *list);

/* Empties the OPTION_LISTs of a table's target. */
void options_release_lists(const struct option_table *table);

/* Frees all texts that options_set and options_parse have stored so far. */
void options_release(void);

#endif
