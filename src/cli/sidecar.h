/* sidecar.h - the JSON file beside a twin that says how it was made, and how to make it again.
 *
 *     struct sidecar sidecar;
 *     FORWARD(sidecar_read(&sidecar, "twin.csv.json", err));
 *     status = sidecar_set_options(&sidecar, tables, n_tables, err);
 *     ...
 *     sidecar_release(&sidecar);
 */
#ifndef FLOWTWIN_CLI_SIDECAR_H
#define FLOWTWIN_CLI_SIDECAR_H

#include "base/digest.h"
#include "base/options.h"

#include <jansson.h>

/* What a sidecar says that was read. */
struct sidecar {
    const char *path; /* borrowed */
    json_t *root;
    /* Of root: */
    const char *model, *model_digest; /* file, SHA-256 */
    const char *past, *past_digest;   /* of --continue; NULL where there was none */
    const char *text_digest;          /* of what was written */
    bool is_remapped;
    json_t *options;
};

/* STATUS_FORMAT for a file that is none. Caller frees with sidecar_release. */
enum status sidecar_read(struct sidecar *sidecar, const char *path, struct error *err);
void sidecar_release(struct sidecar *sidecar);

/* Sets what the sidecar's options say. */
enum status sidecar_set_options(const struct sidecar *sidecar, const struct option_table *tables,
                                size_t n_tables, struct error *err);
/* Whether a file is the one that a sidecar has the digest of: STATUS_FORMAT where it is not.
 * `found` is the file's digest, `what` a word for it. */
enum status sidecar_check_digest(const struct sidecar *sidecar, const char *what, const char *path,
                                 const char *found, const char *expected, struct error *err);

/* The options of the tables as JSON values, but for those for the command line only and those
 * without a value. Caller frees with json_decref. */
json_t *sidecar_options(const struct option_table *tables, size_t n_tables);
/* Writes a sidecar, whole or not at all. */
enum status sidecar_write(const char *path, json_t *root, struct error *err);

#define SIDECAR_FORMAT  "flowtwin-sample"
#define SIDECAR_VERSION 1

#endif
