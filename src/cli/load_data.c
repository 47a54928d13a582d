#include "cli/load_data.h"

#include "cli/command.h"
#include "data/hdf5_dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Whether the file begins as HDF5 does. "-" and what is no file are left to the import. */
static bool is_hdf5(const char *path)
{
    static const char magic[] = { '\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n' };
    char start[sizeof magic] = { 0 };
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return false;
    FILE *file = fopen(path, "re");
    size_t n = file != NULL ? fread(start, 1, sizeof start, file) : 0;
    if (file != NULL)
        fclose(file);
    return n == sizeof start && memcmp(start, magic, sizeof magic) == 0;
}

/* What is chosen on the way in has been chosen in a dataset. */
static enum status refuse_settings(const char *path, const struct import_settings *settings,
                                   struct error *err)
{
    const struct option_table table = { import_options, n_import_options,
                                        (void *)(uintptr_t)settings, "" };
    for (size_t i = 0; i < n_import_options; i++) {
        RETURN_IF(!option_is_default(&table, &import_options[i]), err, STATUS_USAGE,
                  "%s is for flow files, and %s is a dataset, whose hosts are chosen already",
                  import_options[i].name, path);
    }
    return STATUS_OK;
}

enum status load_data(const char *path, const struct import_settings *settings,
                      const struct address_set *monitored, struct dataset **data, struct error *err)
{
    if (is_hdf5(path)) {
        FORWARD(refuse_settings(path, settings, err));
        return hdf5_dataset_read(path, data, err);
    }
    struct import_settings adapted = *settings;
    adapted.seed = 1; /* as `flowtwin import` has it where it is not told */
    const char *hosts[1] = { NULL };
    char *text = NULL;
    if (settings->hosts.n == 0 && monitored != NULL && monitored->n_ranges > 0) {
        hosts[0] = text = address_set_text(monitored);
        adapted.hosts = (struct text_list){ hosts, 1 };
    }
    struct import_report report;
    enum status status = import_flows(&path, 1, &adapted, data, &report, err);
    free(text);
    if (status == STATUS_OK)
        say_import_report(&report);
    return status;
}

/* "lines 3, 17, 20, ...", as many as are known of n. */
static void format_lines(char *text, size_t size, const uint64_t lines[BAD_LINES_KEPT], uint64_t n)
{
    size_t length = 0, n_shown = 0;
    for (; n_shown < BAD_LINES_KEPT && lines[n_shown] > 0 && length < size; n_shown++)
        length += (size_t)snprintf(text + length, size - length, "%s%llu",
                                   n_shown > 0 ? ", " : (n > 1 ? "lines " : "line "),
                                   (unsigned long long)lines[n_shown]);
    if (n > n_shown && length < size)
        snprintf(text + length, size - length, ", ...");
}

void say_import_report(const struct import_report *report)
{
    for (int kind = 0; kind < N_BAD_ROWS; kind++) {
        uint64_t n = report->n_refused[kind];
        char lines[160];
        if (n == 0)
            continue;
        format_lines(lines, sizeof lines, report->lines[kind], n);
        say("refused %llu row%s with %s (%s, %s)", (unsigned long long)n, n == 1 ? "" : "s",
            bad_row_words((enum bad_row)kind),
            strcmp(report->file_of[kind], "-") == 0 ? "standard input" : report->file_of[kind],
            lines);
    }
}
