/* main.c - finds the command, parses its options, runs it, and turns its status into an exit. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/threads.h"
#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct command *const command_list[] = {
    &command_import,   &command_describe,          &command_train, &command_sample, &command_eval,
    &command_simulate, &command_export_embeddings, NULL,
};

static bool is_quiet;

void say(const char *format, ...)
{
    if (is_quiet)
        return;
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

enum status print_json(json_t *result, struct error *err)
{
    int failed = json_dumpf(result, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(result);
    failed |= putchar('\n') == EOF || fflush(stdout) != 0;
    RETURN_IF(failed, err, STATUS_IO, "cannot write to standard output");
    return STATUS_OK;
}

#define AT(field) offsetof(struct common_settings, field)
static const struct option common_options[] = {
    { "help", 'h', OPTION_FLAG, AT(help), "no", .help = "show this help",
      .command_line_only = true },
    { "json", 0, OPTION_FLAG, AT(json), "no", .help = "print results as JSON",
      .command_line_only = true },
    { "quiet", 'q', OPTION_FLAG, AT(quiet), "no", .help = "no messages and no progress",
      .command_line_only = true },
    { "threads", 't', OPTION_INT, AT(threads), "0", .minimum = 0, .maximum = 1024, .argument = "N",
      .help = "threads to work with; 0 takes what OMP_NUM_THREADS or the machine says",
      .command_line_only = true },
};
#undef AT

struct option_table common_table(struct common_settings *settings)
{
    return (struct option_table){ common_options, ARRAY_LEN(common_options), settings,
                                  "Every command" };
}

static void print_usage(FILE *out)
{
    fprintf(out, "flowtwin learns how the users of a network behave from its flow records, and "
                 "writes\na synthetic twin of that traffic.\n\nusage: flowtwin COMMAND [OPTION]... "
                 "[ARGUMENT]...\n\n");
    for (size_t i = 0; command_list[i] != NULL; i++)
        fprintf(out, "  %-17s %s\n", command_list[i]->name, command_list[i]->summary);
    fprintf(out, "\nflowtwin COMMAND --help shows the options of a command; flowtwin --version "
                 "what is linked.\n");
}

static void print_command_help(const struct command *command, const struct option_table *tables,
                               size_t n_tables)
{
    printf("usage: flowtwin %s [OPTION]... %s\n\n%s\n", command->name, command->arguments,
           command->description);
    options_print_help(tables, n_tables, stdout);
}

static void print_version(void)
{
    printf("flowtwin %s\n%s\n", FLOWTWIN_VERSION, threads_blas_description());
    if (!threads_blas_is_openmp())
        printf("warning: this OpenBLAS does not take its threads from OpenMP, so that two pools of "
               "threads compete; install libopenblas-openmp-dev\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; command_list[i] != NULL; i++)
        if (strcmp(command_list[i]->name, name) == 0)
            return command_list[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[16];
    size_t n = 0;
    for (; command_list[n] != NULL; n++)
        names[n] = command_list[n]->name;
    const char *nearest = nearest_word(name, names, n);
    fprintf(stderr, "flowtwin: unknown command %s", name);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean %s?", nearest);
    fprintf(stderr, "\n");
    return 2;
}

static int exit_status(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return 0;
    case STATUS_USAGE:
        return 2;
    case STATUS_INTERRUPTED:
        return 130;
    default:
        return 1;
    }
}

static void report_failure(const struct command *command, const struct error *err, bool as_json)
{
    fprintf(stderr, "flowtwin %s: %s\n", command->name, err->message);
    if (err->code == STATUS_USAGE)
        fprintf(stderr, "flowtwin %s --help shows what can be given\n", command->name);
    if (as_json)
        print_json(json_pack("{s:s}", "error", err->message), NULL);
}

/* Looks ahead for --json, so that a wrong option is reported in JSON too. */
static bool wants_json(int argc, char *const *argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

static int run_command(const struct command *command, int argc, char *const *argv)
{
    struct command_line line = { .argc = argc, .argv = argv };
    struct option_table tables[COMMAND_TABLES_MAX + 1];
    size_t n_tables = command->tables(tables);
    tables[n_tables++] = common_table(&line.common);

    struct error err = { 0 };
    options_set_defaults(tables, n_tables);
    enum status status = options_parse(tables, n_tables, argc, argv, &line.arguments, &err);
    if (status == STATUS_OK && line.common.help) {
        print_command_help(command, tables, n_tables);
    } else if (status == STATUS_OK) {
        is_quiet = line.common.quiet;
        if (!is_quiet && isatty(STDERR_FILENO))
            progress_enable(stderr);
        threads_set((int)line.common.threads);
        interrupt_install();
        status = command->run(&line, &err);
    }
    if (status != STATUS_OK)
        report_failure(command, &err, wants_json(argc, argv));
    if (fflush(stdout) != 0 && status == STATUS_OK) {
        fprintf(stderr, "flowtwin: cannot write to standard output\n");
        status = STATUS_IO;
    }
    for (size_t t = 0; t < n_tables; t++)
        options_release_lists(&tables[t]);
    text_list_release(&line.arguments);
    options_release();
    return exit_status(status);
}

static void out_of_memory(size_t bytes)
{
    fprintf(stderr, "flowtwin: no memory left (%zu bytes more were needed)\n", bytes);
    exit(1);
}

/* GCC's OpenMP lets a thread that waits for another spin for milliseconds, which on a busy machine
 * keeps the other one from its core. It reads how long from the environment, before main: so the
 * program starts itself once more with a shorter time, unless the user has said something. */
static void wait_without_spinning(char **argv)
{
    if (getenv("GOMP_SPINCOUNT") != NULL || getenv("OMP_WAIT_POLICY") != NULL)
        return;
    if (setenv("GOMP_SPINCOUNT", "2000", 0) == 0)
        execv("/proc/self/exe", argv); /* where it cannot, all goes on as it is */
}

int main(int argc, char **argv)
{
    wait_without_spinning(argv);
    memory_set_exhausted_handler(out_of_memory);
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) {
        print_version();
        return 0;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        char help[] = "--help";
        const struct command *topic = argc > 2 ? find_command(argv[2]) : NULL;
        if (topic != NULL)
            return run_command(topic, 1, (char *[]){ help });
        print_usage(stdout);
        return 0;
    }
    const struct command *command = find_command(word);
    return command != NULL ? run_command(command, argc - 2, argv + 2) : unknown_command(word);
}
