/* text_source.h - the text of a file or of standard input, compressed or not.
 *
 * The first bytes say what it is: gzip (also of several members), zstd (also of several frames), or
 * plain text. What else is compressed is named in the error.
 *
 *     struct text_source *source;
 *     FORWARD(text_source_open(&source, "day1.csv.gz", false, err));
 *     do
 *         status = text_source_read(source, buffer, size, &n, err);
 *     while (status == STATUS_OK && n == size);
 *     text_source_close(source);
 */
#ifndef FLOWTWIN_DATA_TEXT_SOURCE_H
#define FLOWTWIN_DATA_TEXT_SOURCE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_source;

/* Opens a file; "-" is standard input. is_read_twice: text_source_rewind will be called, so what
 * is no regular file is copied, as it is read, into a temporary file that nobody else sees (in
 * TMPDIR or /tmp). Caller closes with text_source_close. */
enum status text_source_open(struct text_source **source, const char *path, bool is_read_twice,
                             struct error *err);
void text_source_close(struct text_source *source);

/* Fills the buffer; *n < size only where the text ends. STATUS_FORMAT where the compressed data is
 * cut short, damaged, or followed by something else. */
enum status text_source_read(struct text_source *source, char *buffer, size_t size, size_t *n,
                             struct error *err);

/* Back to the start, after all of it was read. */
enum status text_source_rewind(struct text_source *source, struct error *err);

/* Whether it is a file that could as well be closed and opened again. */
bool text_source_can_reopen(const struct text_source *source);

/* The path, or "standard input". Borrowed until text_source_close. */
const char *text_source_name(const struct text_source *source);
/* Bytes read of the file as it lies there, and its size; 0 where that is not known. */
uint64_t text_source_position(const struct text_source *source);
uint64_t text_source_size(const struct text_source *source);

#endif
