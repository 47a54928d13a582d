/* cmd_export_embeddings.c - flowtwin export-embeddings: what a model has learned about values. */
#include "base/memory.h"
#include "base/output_path.h"
#include "cli/command.h"
#include "data/address_set.h"
#include "data/flow.h"
#include "eval/plane.h"
#include "model/model.h"

#include <inttypes.h>
#include <stdlib.h>

static struct settings {
    const char *output;
} settings;

#define AT(field) offsetof(struct settings, field)
static const struct option options[] = {
    { "output", 'o', OPTION_TEXT, AT(output), NULL, .argument = "FOLDER",
      .help = "where the files go, one a table" },
};
#undef AT

static size_t tables(struct option_table *table)
{
    table[0] = (struct option_table){ options, ARRAY_LEN(options), &settings, "Output" };
    return 1;
}

static void print_value(FILE *out, enum embedding_kind kind, int64_t value)
{
    char address[ADDRESS_TEXT_SIZE];
    switch (kind) {
    case EMBEDDING_ADDRESS:
        address_format((uint32_t)value, address);
        fputs(address, out);
        break;
    case EMBEDDING_PROTOCOL:
        fputs(protocol_name((uint8_t)value), out);
        break;
    case EMBEDDING_PORT:
        fprintf(out, "%" PRId64, value);
        break;
    }
}

/* A line of names, then one a value. */
static void print_table(FILE *out, const struct embedding_table *table, const double *map)
{
    fputs("value,x,y", out);
    for (size_t i = 0; i < table->width; i++)
        fprintf(out, ",e%zu", i);
    fputc('\n', out);
    for (size_t r = 0; r < table->n; r++) {
        print_value(out, table->kind, table->values[r]);
        fprintf(out, ",%.6g,%.6g", map[2 * r], map[2 * r + 1]);
        for (size_t i = 0; i < table->width; i++)
            fprintf(out, ",%.6g", table->vectors[r * table->width + i]);
        fputc('\n', out);
    }
}

static enum status write_file(const char *path, const struct embedding_table *table,
                              const double *map, struct error *err)
{
    struct output_path output;
    FORWARD(output_path_begin(&output, path, err));
    enum status status = STATUS_OK;
    FILE *file = fopen(output.temporary, "w");
    if (file != NULL)
        print_table(file, table, map);
    bool is_written = file != NULL && ferror(file) == 0;
    if ((file != NULL && fclose(file) != 0) || !is_written)
        status = error_set(err, STATUS_IO, "%s cannot be written", path);
    if (status == STATUS_OK)
        status = output_path_commit(&output, err);
    output_path_release(&output);
    return status;
}

/* Writes one table and adds it to the list of results. */
static enum status write_table(const struct embedding_table *table, json_t *results,
                               struct error *err)
{
    double *map = memory_alloc(memory_product(2, table->n), sizeof *map);
    char *path = memory_format("%s/%s.csv", settings.output, table->name);
    enum plane_method method = PLANE_COMPONENTS;
    enum status status = plane_map(map, table->vectors, table->n, table->width, &method, err);
    if (status == STATUS_OK)
        status = write_file(path, table, map, err);
    if (status == STATUS_OK) {
        say("%s: %zu values, %zu numbers each, map by %s", path, table->n, table->width,
            plane_method_names[method]);
        json_array_append_new(results, json_pack("{s:s, s:s, s:I, s:I, s:s}", "table", table->name,
                                                 "file", path, "values", (json_int_t)table->n,
                                                 "width", (json_int_t)table->width, "map",
                                                 plane_method_names[method]));
    }
    free(path);
    free(map);
    return status;
}

static enum status write_tables(const struct model *model, json_t *results, struct error *err)
{
    struct embedding_set set;
    FORWARD(model_embeddings(model, &set, err));
    enum status status = output_folder_create(settings.output, err);
    for (size_t t = 0; status == STATUS_OK && t < set.n; t++)
        if (set.tables[t].n > 0)
            status = write_table(&set.tables[t], results, err);
    embedding_set_release(&set);
    return status;
}

static enum status run(const struct command_line *line, struct error *err)
{
    RETURN_IF(line->arguments.n != 1, err, STATUS_USAGE, "give one model file");
    RETURN_IF(settings.output == NULL, err, STATUS_USAGE,
              "say where the files go: --output FOLDER");
    struct model *model = NULL;
    FORWARD(model_load(line->arguments.items[0], &model, err));
    json_t *results = json_array();
    enum status status = write_tables(model, results, err);
    model_free(model);
    if (status == STATUS_OK && line->common.json)
        return print_json(json_pack("{s:o}", "tables", results), err);
    json_decref(results);
    return status;
}

const struct command command_export_embeddings = {
    .name = "export-embeddings",
    .summary = "write what a model has learned about values, as CSV",
    .arguments = "MODEL",
    .description =
        "Writes the vectors that a model has learned for ports, remotes, protocols and hosts\n"
        "into a folder: local_port.csv, remote_port.csv, remote.csv, protocol.csv, host.csv.\n"
        "Each line has the value, its place on a two-dimensional map (x, y), and the vector\n"
        "(e0, e1, ...). Only models that learn embeddings have them: masked-conv.",
    .tables = tables,
    .run = run,
};
