/* text_sink.h - text into a file or standard output, compressed or not: the other side of
 * text_source.
 *
 * Text is gathered in blocks. A block ends with a whole piece of what was written, is compressed by
 * itself (a gzip member or zstd frame; any program reads them one after another as one text) and
 * handed to the system, so that memory does not grow with the text. A thread of its own does that
 * while the next block is gathered. A file is whole or not there (base/output_path.h).
 *
 *     struct text_sink *sink;
 *     struct text_sink_settings settings = { .packing = PACKING_BY_NAME };
 *     FORWARD(text_sink_open(&sink, "twin.csv.gz", &settings, err));
 *     status = text_sink_write(sink, line, length, err);
 *     ...
 *     status = text_sink_commit(sink, digest, err);    // and closes; text_sink_abandon gives up
 */
#ifndef FLOWTWIN_DATA_TEXT_SINK_H
#define FLOWTWIN_DATA_TEXT_SINK_H

#include "base/digest.h"

#include <stdbool.h>

enum text_packing {
    PACKING_BY_NAME, /* .gz: gzip; .zst: zstd; else none */
    PACKING_NONE,
    PACKING_GZIP,
    PACKING_ZSTD,
};
/* "by-name", "none", "gzip", "zstd", NULL: choices of an option. */
extern const char *const text_packing_names[];
/* What such a file's name ends with: "", ".gz" or ".zst". */
const char *text_packing_suffix(enum text_packing packing);
/* And what a name with such an end says; PACKING_NONE for any other. */
enum text_packing text_packing_of_name(const char *path);

struct text_sink_settings {
    int packing; /* enum text_packing */
    /* There are many sinks at once: blocks are smaller, the file is open only while a block goes
     * into it, and there is no thread. */
    bool is_one_of_many;
    bool with_digest;
};

struct text_sink;

/* "-" is standard output. Caller closes with text_sink_commit or text_sink_abandon. */
enum status text_sink_open(struct text_sink **sink, const char *path,
                           const struct text_sink_settings *settings, struct error *err);
/* Adds a piece, which no block is cut inside of. An error may be that of an earlier piece. */
enum status text_sink_write(struct text_sink *sink, const char *piece, size_t n, struct error *err);
/* digest: of the text, not of its packed form, where settings ask for it; else NULL. */
enum status text_sink_commit(struct text_sink *sink, char digest[DIGEST_TEXT_SIZE],
                             struct error *err);
void text_sink_abandon(struct text_sink *sink);

/* Whether it is a file that is there after the commit, and not standard output, a device or a
 * pipe. */
bool text_sink_is_file(const struct text_sink *sink);

#endif
