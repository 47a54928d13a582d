#include "data/hdf5_dataset.h"

#include "base/memory.h"
#include "base/output_path.h"
#include "data/coding.h"
#include "data/hdf5_file.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_NAME    "flowtwin-dataset"
#define FORMAT_VERSION 1

/* The columns, named as in UGR'16. Times have the units that CF asks for, so that xarray makes
 * dates of them; durations are in "ms", which CF knows and xarray leaves as the numbers they are.
 */
static const struct column {
    struct hdf5_column array;
    const char *units;
    const char *long_name;
} columns[] = {
#define FIELD(field) offsetof(struct flow, field)
    { { "te", HDF5_I64, FIELD(end) },
      "milliseconds since 1970-01-01",
      "end of the flow, wall time" },
    { { "td", HDF5_U32, FIELD(duration) }, "ms", "duration" },
    { { "sa", HDF5_U32, FIELD(source) },
      NULL,
      "source IPv4 address, most significant octet first" },
    { { "da", HDF5_U32, FIELD(destination) },
      NULL,
      "destination IPv4 address, most significant octet first" },
    { { "sp", HDF5_U16, FIELD(source_port) }, NULL, "source port" },
    { { "dp", HDF5_U16, FIELD(destination_port) },
      NULL,
      "destination port; ICMP: type * 256 + code" },
    { { "pr", HDF5_U8, FIELD(protocol) }, NULL, "protocol, IANA number" },
    { { "flg", HDF5_U8, FIELD(flags) }, NULL, "TCP flags" },
    { { "fwd", HDF5_U8, FIELD(forwarding) }, NULL, "forwarding status" },
    { { "stos", HDF5_U8, FIELD(tos) }, NULL, "source type of service" },
    { { "pkt", HDF5_I64, FIELD(packets) }, NULL, "packets" },
    { { "byt", HDF5_I64, FIELD(bytes) }, "bytes", "bytes" },
    { { "label", HDF5_U8, FIELD(label) }, NULL, "label, index in label_names" },
#undef FIELD
};

/* A row of the host table as it is in the file. */
struct host_record {
    uint32_t address;
    uint8_t type;
    int64_t first, n_flows;
};

static const struct column host_columns[] = {
#define FIELD(field) offsetof(struct host_record, field)
    { { "host", HDF5_U32, FIELD(address) }, NULL, "IPv4 address, most significant octet first" },
    { { "host_type", HDF5_U8, FIELD(type) },
      NULL,
      "what the host does with addresses that are not monitored" },
    { { "host_first", HDF5_I64, FIELD(first) }, NULL, "index of the host's first flow" },
    { { "host_n_flows", HDF5_I64, FIELD(n_flows) }, NULL, "number of the host's flows" },
#undef FIELD
};

/* ---- writing ------------------------------------------------------------------------------ */

static void arrays_of(const struct column *from, size_t n, struct hdf5_column *arrays)
{
    for (size_t c = 0; c < n; c++)
        arrays[c] = from[c].array;
}

static enum status write_columns(struct hdf5_group *file, const struct column *written,
                                 size_t n_written, const char *dimension, const void *records,
                                 size_t stride, size_t n, struct error *err)
{
    struct hdf5_column arrays[HDF5_COLUMNS_MAX];
    arrays_of(written, n_written, arrays);
    FORWARD(hdf5_write_table(file, arrays, n_written, records, stride, n, err));
    for (size_t c = 0; c < n_written; c++) {
        const char *name = arrays[c].name;
        if (written[c].units != NULL)
            FORWARD(hdf5_array_write_text(file, name, "units", written[c].units, err));
        FORWARD(hdf5_array_write_text(file, name, "long_name", written[c].long_name, err));
        /* The coordinate comes first, so that the others can be said to have its dimension. */
        if (strcmp(name, dimension) == 0)
            FORWARD(hdf5_dimension_from_array(file, name, err));
        else
            FORWARD(hdf5_dimension_attach(file, name, dimension, err));
    }
    return STATUS_OK;
}

static enum status read_columns(struct hdf5_group *file, const struct column *read, size_t n_read,
                                void *records, size_t stride, size_t n, struct error *err)
{
    struct hdf5_column arrays[HDF5_COLUMNS_MAX];
    arrays_of(read, n_read, arrays);
    return hdf5_read_table(file, arrays, n_read, records, stride, n, err);
}

/* CF's flag_values or flag_masks with flag_meanings: what the numbers of a column stand for. */
static enum status write_meanings(struct hdf5_group *file, const char *column, const char *kind,
                                  const uint8_t *values, const char *const *meanings, size_t n,
                                  struct error *err)
{
    char *words = memory_strdup("");
    for (size_t i = 0; i < n; i++) {
        char *longer = memory_format("%s%s%s", words, i > 0 ? " " : "", meanings[i]);
        /* Blanks separate the words; those inside of one are shown as such. */
        for (char *c = longer + strlen(words) + (i > 0); *c != '\0'; c++)
            *c = *c == ' ' ? '_' : *c;
        free(words);
        words = longer;
    }
    enum status status = hdf5_array_write_values(file, column, kind, HDF5_U8, values, n, err);
    if (status == STATUS_OK)
        status = hdf5_array_write_text(file, column, "flag_meanings", words, err);
    free(words);
    return status;
}

static enum status write_all_meanings(struct hdf5_group *file, const struct label_list *labels,
                                      struct error *err)
{
    static const char *const flag_names[] = {
        "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"
    };
    static const uint8_t flag_masks[] = { 1, 2, 4, 8, 16, 32, 64, 128 };
    FORWARD(write_meanings(file, "flg", "flag_masks", flag_masks, flag_names, ARRAY_LEN(flag_masks),
                           err));

    uint8_t numbers[256], named[256];
    const char *names[256];
    size_t n_named = 0;
    for (unsigned i = 0; i < 256; i++) {
        numbers[i] = (uint8_t)i;
        const char *name = protocol_name((uint8_t)i);
        char digits[4];
        snprintf(digits, sizeof digits, "%u", i);
        if (strcmp(name, digits) != 0) {
            named[n_named] = (uint8_t)i;
            names[n_named++] = name;
        }
    }
    FORWARD(write_meanings(file, "pr", "flag_values", named, names, n_named, err));
    FORWARD(write_meanings(file, "host_type", "flag_values", numbers, host_type_names, N_HOST_TYPES,
                           err));
    if (labels->n == 0)
        return STATUS_OK;
    return write_meanings(file, "label", "flag_values", numbers, (const char *const *)labels->names,
                          labels->n, err);
}

static enum status write_attributes(struct hdf5_group *file, const struct dataset *data,
                                    struct error *err)
{
    FORWARD(hdf5_write_text(file, "format", FORMAT_NAME, err));
    FORWARD(hdf5_write_integer(file, "version", FORMAT_VERSION, err));
    FORWARD(hdf5_write_text(file, "source", data->source, err));
    FORWARD(hdf5_write_integer(file, "start", data->start, err));
    FORWARD(hdf5_write_integer(file, "end", data->end, err));
    FORWARD(hdf5_write_integer(file, "rows_read", (int64_t)data->n_rows_read, err));
    FORWARD(hdf5_write_integer(file, "rows_refused", (int64_t)data->n_rows_refused, err));
    FORWARD(hdf5_write_integer(file, "rows_elsewhere", (int64_t)data->n_rows_elsewhere, err));

    char *monitored = address_set_text(&data->monitored);
    enum status status = hdf5_write_text(file, "monitored", monitored, err);
    free(monitored);
    FORWARD(status);

    char names[512] = "";
    for (size_t a = 0, used = 0; a < N_CODED; a++)
        if ((data->attributes & ATTRIBUTE_BIT(a)) != 0)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? " " : "",
                                     attribute_infos[a].name);
    return hdf5_write_text(file, "attributes", names, err);
}

static enum status write_hosts(struct hdf5_group *file, const struct dataset *data,
                               struct error *err)
{
    struct host_record *records = memory_alloc(data->n_hosts, sizeof *records);
    for (size_t h = 0; h < data->n_hosts; h++) {
        const struct host *host = &data->hosts[h];
        records[h] = (struct host_record){ .address = host->address,
                                           .type = (uint8_t)host->type,
                                           .first = (int64_t)host->first,
                                           .n_flows = (int64_t)host->n_flows };
    }
    enum status status = write_columns(file, host_columns, ARRAY_LEN(host_columns), "host", records,
                                       sizeof *records, data->n_hosts, err);
    free(records);
    return status;
}

static enum status write_file(struct hdf5_group *file, const struct dataset *data,
                              struct error *err)
{
    FORWARD(write_attributes(file, data, err));
    FORWARD(hdf5_dimension_create(file, "flow", data->n_flows, err));
    FORWARD(write_columns(file, columns, ARRAY_LEN(columns), "flow", data->flows,
                          sizeof *data->flows, data->n_flows, err));
    FORWARD(hdf5_array_write_text(file, "te", "calendar", "proleptic_gregorian", err));
    FORWARD(write_hosts(file, data, err));
    FORWARD(hdf5_write_texts(file, "label_names", data->labels.names, data->labels.n, err));
    FORWARD(hdf5_dimension_from_array(file, "label_names", err));
    return write_all_meanings(file, &data->labels, err);
}

enum status hdf5_dataset_write(const struct dataset *data, const char *path, struct error *err)
{
    struct output_path output;
    FORWARD(output_path_begin(&output, path, err));
    struct hdf5_group *file = NULL;
    enum status status = hdf5_file_create(output.temporary, &file, err);
    if (status == STATUS_OK)
        status = write_file(file, data, err);
    enum status closing = hdf5_group_close(file, status == STATUS_OK ? err : NULL);
    if (status == STATUS_OK)
        status = closing;
    if (status == STATUS_OK)
        status = output_path_commit(&output, err);
    output_path_release(&output);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------ */

static enum status check_format(struct hdf5_group *file, const char *path, struct error *err)
{
    RETURN_IF(!hdf5_has(file, "format"), err, STATUS_FORMAT, "%s was not written by flowtwin",
              path);
    char *format = NULL;
    FORWARD(hdf5_read_text(file, "format", &format, err));
    enum status status = STATUS_OK;
    if (strcmp(format, FORMAT_NAME) != 0)
        status = error_set(err, STATUS_FORMAT, "%s is no dataset: its format is %s", path, format);
    free(format);
    FORWARD(status);
    int64_t version = 0;
    FORWARD(hdf5_read_integer(file, "version", &version, err));
    RETURN_IF(version != FORMAT_VERSION, err, STATUS_FORMAT,
              "%s is a dataset of version %lld; this program reads version %d", path,
              (long long)version, FORMAT_VERSION);
    return STATUS_OK;
}

static enum status read_count(struct hdf5_group *file, const char *path, const char *name,
                              uint64_t *count, struct error *err)
{
    int64_t number = 0;
    FORWARD(hdf5_read_integer(file, name, &number, err));
    RETURN_IF(number < 0, err, STATUS_FORMAT, "%s: %s is negative (%lld)", path, name,
              (long long)number);
    *count = (uint64_t)number;
    return STATUS_OK;
}

static enum status read_monitored(struct hdf5_group *file, const char *path,
                                  struct address_set *monitored, struct error *err)
{
    char *text = NULL;
    FORWARD(hdf5_read_text(file, "monitored", &text, err));
    enum status status = STATUS_OK;
    /* A set may name further files to read, but not from inside of one. */
    if (strchr(text, '@') != NULL)
        status = error_set(err, STATUS_FORMAT, "%s: monitored is no set of addresses: %.80s", path,
                           text);
    else if (text[0] != '\0') {
        struct error reason;
        if (address_set_add_text(monitored, text, &reason) != STATUS_OK)
            status = error_set(err, STATUS_FORMAT, "%s: monitored: %s", path, reason.message);
    }
    free(text);
    return status;
}

static enum status read_attributes(struct hdf5_group *file, const char *path, struct dataset *data,
                                   struct error *err)
{
    FORWARD(hdf5_read_text(file, "source", &data->source, err));
    FORWARD(hdf5_read_integer(file, "start", &data->start, err));
    FORWARD(hdf5_read_integer(file, "end", &data->end, err));
    FORWARD(read_count(file, path, "rows_read", &data->n_rows_read, err));
    FORWARD(read_count(file, path, "rows_refused", &data->n_rows_refused, err));
    FORWARD(read_count(file, path, "rows_elsewhere", &data->n_rows_elsewhere, err));
    FORWARD(read_monitored(file, path, &data->monitored, err));

    char *names = NULL;
    FORWARD(hdf5_read_text(file, "attributes", &names, err));
    enum status status = STATUS_OK;
    char *rest = NULL;
    for (char *name = strtok_r(names, " ", &rest); name != NULL && status == STATUS_OK;
         name = strtok_r(NULL, " ", &rest)) {
        int attribute = attribute_find(name);
        if (attribute < 0 || attribute >= N_CODED)
            status = error_set(err, STATUS_FORMAT, "%s has an attribute that is unknown here: %s",
                               path, name);
        else
            data->attributes |= ATTRIBUTE_BIT(attribute);
    }
    free(names);
    return status;
}

static enum status read_labels(struct hdf5_group *file, const char *path, struct label_list *labels,
                               struct error *err)
{
    FORWARD(hdf5_read_texts(file, "label_names", &labels->names, &labels->n, err));
    RETURN_IF(labels->n > LABELS_MAX, err, STATUS_FORMAT, "%s has %zu labels, more than %d", path,
              labels->n, LABELS_MAX);
    return STATUS_OK;
}

/* Hosts by address, whose flows stand one after another and are all there are. */
static enum status read_hosts(struct hdf5_group *file, const char *path, struct dataset *data,
                              struct error *err)
{
    FORWARD(hdf5_array_size(file, "host", 1, &data->n_hosts, err));
    RETURN_IF(data->n_hosts == 0, err, STATUS_FORMAT, "%s has no hosts", path);
    struct host_record *records = memory_zalloc(data->n_hosts, sizeof *records);
    enum status status = read_columns(file, host_columns, ARRAY_LEN(host_columns), records,
                                      sizeof *records, data->n_hosts, err);
    data->hosts = memory_zalloc(data->n_hosts, sizeof *data->hosts);
    size_t n_flows = 0;
    for (size_t h = 0; status == STATUS_OK && h < data->n_hosts; h++) {
        const struct host_record *record = &records[h];
        if (record->type >= N_HOST_TYPES || record->first != (int64_t)n_flows ||
            record->n_flows < 1 || (uint64_t)record->n_flows > data->n_flows - n_flows ||
            (h > 0 && record->address <= records[h - 1].address))
            status = error_set(err, STATUS_FORMAT, "%s: row %zu of the host table does not fit",
                               path, h);
        data->hosts[h] = (struct host){ .address = record->address,
                                        .type = record->type,
                                        .first = n_flows,
                                        .n_flows = (size_t)record->n_flows };
        n_flows += (size_t)record->n_flows;
    }
    if (status == STATUS_OK && n_flows != data->n_flows)
        status = error_set(err, STATUS_FORMAT, "%s: hosts have %zu flows, but the file has %zu",
                           path, n_flows, data->n_flows);
    free(records);
    return status;
}

static const char *fault_of_flow(const struct dataset *data, const struct host *host,
                                 const struct flow *flow, const struct flow *previous)
{
    if (flow->source != host->address && flow->destination != host->address)
        return "is not its host's";
    if (previous != NULL && flow->end < previous->end)
        return "ends before the one before it";
    if (flow->end < data->start || flow->end >= data->end)
        return "ends outside of the dataset's period";
    if (flow->packets < 1 || flow->packets > INT64_MAX)
        return "has no legal number of packets";
    if (flow->bytes > INT64_MAX)
        return "has a negative number of bytes";
    if (flow->label >= data->labels.n && data->labels.n > 0)
        return "has a label without a name";
    return NULL;
}

static enum status read_flows(struct hdf5_group *file, const char *path, struct dataset *data,
                              struct error *err)
{
    /* Zeroed, so that the padding of two equal datasets is equal too. */
    data->flows = memory_zalloc(data->n_flows, sizeof *data->flows);
    FORWARD(read_columns(file, columns, ARRAY_LEN(columns), data->flows, sizeof *data->flows,
                         data->n_flows, err));
    for (size_t h = 0; h < data->n_hosts; h++) {
        const struct host *host = &data->hosts[h];
        for (size_t i = host->first; i < host->first + host->n_flows; i++) {
            const struct flow *flow = &data->flows[i];
            const char *fault = fault_of_flow(data, host, flow, i > host->first ? flow - 1 : NULL);
            RETURN_IF(fault != NULL, err, STATUS_FORMAT, "%s: flow %zu %s", path, i, fault);
        }
    }
    return STATUS_OK;
}

static enum status read_file(struct hdf5_group *file, const char *path, struct dataset *data,
                             struct error *err)
{
    FORWARD(check_format(file, path, err));
    FORWARD(read_attributes(file, path, data, err));
    FORWARD(hdf5_array_size(file, "te", 1, &data->n_flows, err));
    FORWARD(read_labels(file, path, &data->labels, err));
    FORWARD(read_hosts(file, path, data, err));
    return read_flows(file, path, data, err);
}

enum status hdf5_dataset_read(const char *path, struct dataset **data, struct error *err)
{
    struct hdf5_group *file = NULL;
    FORWARD(hdf5_file_open(path, &file, err));
    struct dataset *read = memory_zalloc(1, sizeof *read);
    enum status status = read_file(file, path, read, err);
    enum status closing = hdf5_group_close(file, status == STATUS_OK ? err : NULL);
    if (status == STATUS_OK)
        status = closing;
    if (status == STATUS_OK)
        *data = read;
    else
        dataset_free(read);
    return status;
}
