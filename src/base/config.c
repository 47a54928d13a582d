#include "base/config.h"

#include "base/memory.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What inih's Debian build reads of a line, less the end of line and the terminator. */
#define LONGEST_LINE 192

struct reading {
    struct config *config;
    FILE *file;
    int line;
    struct error *err;
    enum status status;
};

/* inih's reader: one line, counted and measured. */
static char *read_line(char *buffer, int size, void *stream)
{
    struct reading *reading = stream;
    if (reading->status != STATUS_OK || fgets(buffer, size, reading->file) == NULL)
        return NULL;
    reading->line++;
    size_t length = strlen(buffer);
    bool is_whole = length > 0 && buffer[length - 1] == '\n';
    if (length - is_whole > LONGEST_LINE || (!is_whole && !feof(reading->file))) {
        reading->status = error_set(reading->err, STATUS_USAGE,
                                    "%s:%d: the line is longer than %d bytes",
                                    reading->config->path, reading->line, LONGEST_LINE);
        return NULL;
    }
    /* A line that begins with a space would go on with the value before it. */
    size_t indent = strspn(buffer, " \t\r\v\f");
    memmove(buffer, buffer + indent, length - indent + 1);
    return buffer;
}

static enum status not_an_entry(struct reading *reading, int line)
{
    return error_set(reading->err, STATUS_USAGE, "%s:%d: the line is not `key = value`",
                     reading->config->path, line);
}

/* inih's handler: returns 1 to go on, 0 to stop. */
static int take_entry(void *user, const char *section, const char *key, const char *value)
{
    struct reading *reading = user;
    struct config *config = reading->config;
    if (reading->status != STATUS_OK)
        return 0;
    if (section[0] != '\0') {
        reading->status = error_set(reading->err, STATUS_USAGE,
                                    "%s:%d: [%s]: sections are not used, only key = value",
                                    config->path, reading->line, section);
        return 0;
    }
    if (key[0] == '\0') {
        reading->status = not_an_entry(reading, reading->line);
        return 0;
    }
    for (size_t i = 0; i < config->n_entries; i++) {
        if (strcmp(config->entries[i].key, key) == 0) {
            reading->status = error_set(reading->err, STATUS_USAGE,
                                        "%s:%d: %s was set on line %d already", config->path,
                                        reading->line, key, config->entries[i].line);
            return 0;
        }
    }
    config->entries = memory_resize(config->entries, config->n_entries + 1,
                                    sizeof *config->entries);
    config->entries[config->n_entries++] = (struct config_entry){ .key = memory_strdup(key),
                                                                  .value = memory_strdup(value),
                                                                  .line = reading->line };
    return 1;
}

enum status config_read(struct config *config, const char *path, struct error *err)
{
    *config = (struct config){ .path = memory_strdup(path) };
    FILE *file = fopen(path, "re");
    RETURN_IF(file == NULL, err, STATUS_IO, "cannot read %s: %s", path, strerror(errno));
    struct reading reading = { .config = config, .file = file, .err = err };
    int bad_line = ini_parse_stream(read_line, &reading, take_entry, &reading);
    if (reading.status == STATUS_OK && ferror(file))
        reading.status = error_set(err, STATUS_IO, "cannot read %s: %s", path, strerror(errno));
    if (reading.status == STATUS_OK && bad_line != 0)
        reading.status = not_an_entry(&reading, bad_line);
    fclose(file);
    return reading.status;
}

void config_release(struct config *config)
{
    for (size_t i = 0; i < config->n_entries; i++) {
        free(config->entries[i].key);
        free(config->entries[i].value);
    }
    free(config->entries);
    free(config->path);
    *config = (struct config){ 0 };
}

const char *config_value(const struct config *config, const char *key)
{
    for (size_t i = 0; i < config->n_entries; i++)
        if (strcmp(config->entries[i].key, key) == 0)
            return config->entries[i].value;
    return NULL;
}

enum status config_apply(const struct config *config, const struct option_table *tables,
                         size_t n_tables, struct error *err)
{
    for (size_t i = 0; i < config->n_entries; i++) {
        const struct config_entry *entry = &config->entries[i];
        enum status status = options_set(tables, n_tables, entry->key, entry->value, err);
        if (status != STATUS_OK) {
            error_prefix(err, "%s:%d: ", config->path, entry->line);
            return status;
        }
    }
    return STATUS_OK;
}
