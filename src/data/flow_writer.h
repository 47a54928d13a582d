/* flow_writer.h - flows out, as lines of UGR'16's CSV.
 *
 * A file is whole or not there (base/output_path.h); "-" is standard output. With a folder, each
 * host has a file of its own, named by its address.
 *
 *     struct flow_writer *writer;
 *     FORWARD(flow_writer_open(&writer, "twin.csv", &labels, false, err));
 *     status = flow_writer_put(writer, &flow, err);
 *     ...
 *     status = flow_writer_commit(writer, err);    // and closes; flow_writer_abandon gives up
 */
#ifndef FLOWTWIN_DATA_FLOW_WRITER_H
#define FLOWTWIN_DATA_FLOW_WRITER_H

#include "base/error.h"
#include "data/flow.h"

#include <stdbool.h>

struct flow_writer;

/* labels is borrowed until the writer is closed. with_header: the names of the columns first. */
enum status flow_writer_open(struct flow_writer **writer, const char *path,
                             const struct label_list *labels, bool with_header, struct error *err);
enum status flow_writer_put(struct flow_writer *writer, const struct flow *flow, struct error *err);
enum status flow_writer_commit(struct flow_writer *writer, struct error *err);
void flow_writer_abandon(struct flow_writer *writer);

#endif
