/* config.h - configuration files: `key = value` lines, keys as the long options.
 *
 * The parser is inih. Its Debian build cuts lines at 200 bytes without a word, so every line is
 * measured here and a longer one is an error with its number, like every other line that inih does
 * not take. Sections are not used, and said not to be.
 *
 *     struct config config;
 *     FORWARD(config_read(&config, "configs/gmm.ini", err));
 *     const char *name = config_value(&config, "model");
 *     status = config_apply(&config, tables, n_tables, err);
 *     config_release(&config);
 */
#ifndef FLOWTWIN_BASE_CONFIG_H
#define FLOWTWIN_BASE_CONFIG_H

#include "base/error.h"
#include "base/options.h"

struct config_entry {
    char *key;
    char *value;
    int line;
};

struct config {
    char *path;
    struct config_entry *entries;
    size_t n_entries;
};

/* Reads the file whole. A key that stands twice is an error. Released with config_release, also
 * after a failure. */
enum status config_read(struct config *config, const char *path, struct error *err);
void config_release(struct config *config);

/* The value of a key, or NULL. Borrowed until config_release. */
const char *config_value(const struct config *config, const char *key);

/* Sets the options of the tables. An unknown key or a wrong value is STATUS_USAGE with file, line
 * and the nearest key. */
enum status config_apply(const struct config *config, const struct option_table *tables,
                         size_t n_tables, struct error *err);

#endif
