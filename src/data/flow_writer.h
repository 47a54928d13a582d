/* flow_writer.h - flows out, as lines of UGR'16's CSV.
 *
 * A file is whole or not there; "-" is standard output; .gz and .zst are compressed
 * (data/text_sink.h). What is written ends with a whole line at any time.
 *
 *     struct flow_writer *writer;
 *     struct flow_writer_settings settings = { .labels = &labels };
 *     FORWARD(flow_writer_open(&writer, "twin.csv", &settings, err));
 *     status = flow_writer_put(writer, &flow, err);
 *     ...
 *     status = flow_writer_commit(writer, NULL, err);  // and closes; flow_writer_abandon gives up
 */
#ifndef FLOWTWIN_DATA_FLOW_WRITER_H
#define FLOWTWIN_DATA_FLOW_WRITER_H

#include "data/flow.h"
#include "data/text_sink.h"

struct flow_writer_settings {
    const struct label_list *labels; /* borrowed until the writer is closed */
    bool with_header;                /* the names of the columns first */
    struct text_sink_settings sink;
};

struct flow_writer;

enum status flow_writer_open(struct flow_writer **writer, const char *path,
                             const struct flow_writer_settings *settings, struct error *err);
enum status flow_writer_put(struct flow_writer *writer, const struct flow *flow, struct error *err);
/* digest: of the lines, where the settings ask for it; else NULL. */
enum status flow_writer_commit(struct flow_writer *writer, char digest[DIGEST_TEXT_SIZE],
                               struct error *err);
void flow_writer_abandon(struct flow_writer *writer);

/* text_sink_is_file of where the lines go. */
bool flow_writer_is_file(const struct flow_writer *writer);

#endif
