#include "data/flow_writer.h"

#include "base/memory.h"
#include "data/ugr16.h"

#include <stdlib.h>
#include <string.h>

struct flow_writer {
    struct text_sink *sink;
    const struct label_list *labels;
};

enum status flow_writer_open(struct flow_writer **writer, const char *path,
                             const struct flow_writer_settings *settings, struct error *err)
{
    struct text_sink *sink;
    FORWARD(text_sink_open(&sink, path, &settings->sink, err));
    if (settings->with_header) {
        enum status status = text_sink_write(sink, UGR16_HEADER, strlen(UGR16_HEADER), err);
        if (status != STATUS_OK) {
            text_sink_abandon(sink);
            return status;
        }
    }
    *writer = memory_alloc(1, sizeof **writer);
    **writer = (struct flow_writer){ .sink = sink, .labels = settings->labels };
    return STATUS_OK;
}

enum status flow_writer_put(struct flow_writer *writer, const struct flow *flow, struct error *err)
{
    char line[UGR16_LINE_MAX];
    return text_sink_write(writer->sink, line, ugr16_format(flow, writer->labels, line), err);
}

enum status flow_writer_commit(struct flow_writer *writer, char digest[DIGEST_TEXT_SIZE],
                               struct error *err)
{
    enum status status = text_sink_commit(writer->sink, digest, err);
    free(writer);
    return status;
}

void flow_writer_abandon(struct flow_writer *writer)
{
    if (writer == NULL)
        return;
    text_sink_abandon(writer->sink);
    free(writer);
}

bool flow_writer_is_file(const struct flow_writer *writer)
{
    return text_sink_is_file(writer->sink);
}
