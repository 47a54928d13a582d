/* output_path.h - output files that are either whole or not there.
 *
 * A file is written under a temporary name in the same folder and renamed when it is complete, so
 * that a reader, a crash or a full disk never meets half of one.
 *
 *     struct output_path path;
 *     FORWARD(output_path_begin(&path, "twin.csv", err));
 *     ... write to path.temporary, and close it ...
 *     status = output_path_commit(&path, err);     // flush to disk, rename
 *   cleanup:
 *     output_path_release(&path);                  // removes what was not committed
 *
 * Where the target exists and is no regular file (/dev/null, a pipe), it is written directly.
 */
#ifndef FLOWTWIN_BASE_OUTPUT_PATH_H
#define FLOWTWIN_BASE_OUTPUT_PATH_H

#include "base/error.h"

#include <stdbool.h>

struct output_path {
    char *target;    /* NULL before begin and after release */
    char *temporary; /* the name to write to */
    bool is_direct;
    bool is_committed;
};

/* Creates the temporary file, empty, so that a folder that cannot be written is found out before
 * the work and not after it. */
enum status output_path_begin(struct output_path *path, const char *target, struct error *err);
enum status output_path_commit(struct output_path *path, struct error *err);
void output_path_release(struct output_path *path);

/* Creates a folder and those above it where they are missing. */
enum status output_folder_create(const char *folder, struct error *err);

#endif
