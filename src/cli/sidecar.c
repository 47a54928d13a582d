#include "cli/sidecar.h"

#include "base/memory.h"
#include "base/output_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ------------------------------------------------------------------------------ */

static enum status check(struct sidecar *sidecar, struct error *err)
{
    const char *format = json_string_value(json_object_get(sidecar->root, "format"));
    RETURN_IF(format == NULL || strcmp(format, SIDECAR_FORMAT) != 0, err, STATUS_FORMAT,
              "%s is JSON, but nothing that flowtwin sample has written", sidecar->path);
    json_int_t version = json_integer_value(json_object_get(sidecar->root, "version"));
    RETURN_IF(version != SIDECAR_VERSION, err, STATUS_FORMAT,
              "%s has version %lld; this flowtwin reads version %d", sidecar->path,
              (long long)version, SIDECAR_VERSION);
    int is_remapped = 0;
    json_error_t fault;
    RETURN_IF(json_unpack_ex(
                  sidecar->root, &fault, 0, "{s:{s:s, s:s}, s?:{s:s, s:s}, s:s, s:b, s:o}", "model",
                  "file", &sidecar->model, "sha256", &sidecar->model_digest, "continued", "file",
                  &sidecar->past, "sha256", &sidecar->past_digest, "sha256", &sidecar->text_digest,
                  "remapped", &is_remapped, "options", &sidecar->options) != 0,
              err, STATUS_FORMAT, "%s: %s", sidecar->path, fault.text);
    RETURN_IF(!json_is_object(sidecar->options), err, STATUS_FORMAT, "%s: options are no object",
              sidecar->path);
    sidecar->is_remapped = is_remapped != 0;
    return STATUS_OK;
}

enum status sidecar_read(struct sidecar *sidecar, const char *path, struct error *err)
{
    *sidecar = (struct sidecar){ .path = path };
    FILE *file = fopen(path, "re");
    RETURN_IF(file == NULL, err, STATUS_IO, "cannot open %s: %s", path, strerror(errno));
    json_error_t fault;
    sidecar->root = json_loadf(file, 0, &fault);
    fclose(file);
    RETURN_IF(sidecar->root == NULL, err, STATUS_FORMAT, "%s is no JSON: line %d: %s", path,
              fault.line, fault.text);
    enum status status = check(sidecar, err);
    if (status != STATUS_OK)
        sidecar_release(sidecar);
    return status;
}

void sidecar_release(struct sidecar *sidecar)
{
    json_decref(sidecar->root);
    *sidecar = (struct sidecar){ 0 };
}

/* A value as options_set takes it. Caller frees; NULL for what no option has. */
static char *text_of(const json_t *value)
{
    if (json_is_string(value))
        return memory_strdup(json_string_value(value));
    if (json_is_integer(value))
        return memory_format("%lld", (long long)json_integer_value(value));
    if (json_is_real(value))
        return memory_format("%.17g", json_real_value(value));
    if (json_is_boolean(value))
        return memory_strdup(json_is_true(value) ? "yes" : "no");
    return NULL;
}

enum status sidecar_set_options(const struct sidecar *sidecar, const struct option_table *tables,
                                size_t n_tables, struct error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach(sidecar->options, name, value)
    {
        char *text = text_of(value);
        enum status status = STATUS_FORMAT;
        if (text == NULL)
            error_set(err, STATUS_FORMAT, "the value of %s is none of an option", name);
        else
            status = options_set(tables, n_tables, name, text, err);
        free(text);
        if (status != STATUS_OK) {
            error_prefix(err, "%s: ", sidecar->path);
            return status;
        }
    }
    return STATUS_OK;
}

enum status sidecar_check_digest(const struct sidecar *sidecar, const char *what, const char *path,
                                 const char *found, const char *expected, struct error *err)
{
    RETURN_IF(expected == NULL || strcmp(found, expected) != 0, err, STATUS_FORMAT,
              "%s is not the %s that %s was made from (SHA-256 %.12s..., not %.12s...), so the "
              "same flows cannot come out; without --from it can be used all the same",
              path, what, sidecar->path, found, expected != NULL ? expected : "");
    return STATUS_OK;
}

/* ---- writing ------------------------------------------------------------------------------ */

static json_t *value_of(const struct option *option, const char *text)
{
    switch (option->type) {
    case OPTION_FLAG:
        return json_boolean(strcmp(text, "yes") == 0);
    case OPTION_INT:
        return json_integer(strtoll(text, NULL, 10));
    case OPTION_REAL:
        return json_real(strtod(text, NULL));
    default:
        return json_string(text);
    }
}

json_t *sidecar_options(const struct option_table *tables, size_t n_tables)
{
    json_t *values = json_object();
    for (size_t t = 0; t < n_tables; t++) {
        for (size_t i = 0; i < tables[t].n; i++) {
            const struct option *option = &tables[t].options[i];
            char *text = options_value_text(&tables[t], option);
            if (text != NULL && !option->command_line_only)
                json_object_set_new(values, option->name, value_of(option, text));
            free(text);
        }
    }
    return values;
}

enum status sidecar_write(const char *path, json_t *root, struct error *err)
{
    struct output_path output;
    FORWARD(output_path_begin(&output, path, err));
    enum status status = STATUS_OK;
    FILE *file = fopen(output.temporary, "we");
    bool failed = file == NULL ||
                  json_dumpf(root, file, JSON_INDENT(2) | JSON_PRESERVE_ORDER) != 0 ||
                  fputc('\n', file) == EOF;
    int reason = errno;
    if (file != NULL && fclose(file) != 0 && !failed) {
        failed = true;
        reason = errno;
    }
    if (failed)
        status = error_set(err, STATUS_IO, "cannot write %s: %s", path, strerror(reason));
    else
        status = output_path_commit(&output, err);
    output_path_release(&output);
    return status;
}
