/* load_data.h - a dataset from a file of ours, or from flows that are imported on the way. */
#ifndef FLOWTWIN_CLI_LOAD_DATA_H
#define FLOWTWIN_CLI_LOAD_DATA_H

#include "data/import.h"

/* By the first bytes of the file: a dataset is read, anything else imported with these settings.
 * Settings that choose among the flows of a dataset are STATUS_USAGE: nothing would come of them.
 * Where no hosts are chosen for an import, `monitored` (a model's, or NULL) says which they are.
 * --limit-hosts draws those that an import with the standard seed draws. */
enum status load_data(const char *path, const struct import_settings *settings,
                      const struct address_set *monitored, struct dataset **data,
                      struct error *err);

/* What an import refused, as lines on standard error. */
void say_import_report(const struct import_report *report);

#endif
