#include "data/flow_writer.h"

#include "base/memory.h"
#include "base/output_path.h"
#include "data/ugr16.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct flow_writer {
    struct output_path path;
    bool is_standard_output;
    FILE *file;
    const struct label_list *labels;
};

static enum status write_bytes(struct flow_writer *writer, const char *bytes, size_t n,
                               struct error *err)
{
    RETURN_IF(fwrite(bytes, 1, n, writer->file) != n, err, STATUS_IO, "cannot write %s: %s",
              writer->is_standard_output ? "standard output" : writer->path.target,
              strerror(errno));
    return STATUS_OK;
}

enum status flow_writer_open(struct flow_writer **result, const char *path,
                             const struct label_list *labels, bool with_header, struct error *err)
{
    struct flow_writer *writer = memory_zalloc(1, sizeof *writer);
    writer->labels = labels;
    writer->is_standard_output = strcmp(path, "-") == 0;
    enum status status = STATUS_OK;
    if (writer->is_standard_output) {
        writer->file = stdout;
    } else {
        status = output_path_begin(&writer->path, path, err);
        if (status != STATUS_OK)
            goto cleanup;
        writer->file = fopen(writer->path.temporary, "we");
        if (writer->file == NULL) {
            status = error_set(err, STATUS_IO, "cannot write %s: %s", path, strerror(errno));
            goto cleanup;
        }
    }
    if (with_header)
        status = write_bytes(writer, UGR16_HEADER, strlen(UGR16_HEADER), err);

cleanup:
    if (status != STATUS_OK)
        flow_writer_abandon(writer);
    else
        *result = writer;
    return status;
}

enum status flow_writer_put(struct flow_writer *writer, const struct flow *flow, struct error *err)
{
    char line[UGR16_LINE_MAX];
    return write_bytes(writer, line, ugr16_format(flow, writer->labels, line), err);
}

enum status flow_writer_commit(struct flow_writer *writer, struct error *err)
{
    enum status status = STATUS_OK;
    int failed = writer->is_standard_output ? fflush(writer->file) : fclose(writer->file);
    writer->file = NULL;
    if (failed)
        status = error_set(err, STATUS_IO, "cannot write %s: %s",
                           writer->is_standard_output ? "standard output" : writer->path.target,
                           strerror(errno));
    else if (!writer->is_standard_output)
        status = output_path_commit(&writer->path, err);
    flow_writer_abandon(writer);
    return status;
}

void flow_writer_abandon(struct flow_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->file != NULL && !writer->is_standard_output)
        fclose(writer->file);
    output_path_release(&writer->path);
    free(writer);
}
