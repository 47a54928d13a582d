/* flow_reader.h - the flows of a text source, block by block, read by all threads.
 *
 * A block is a piece of the text that ends with a line. While the threads parse the blocks of one
 * batch, one of them fills those of the next; batches are handed out in the order of the text, so
 * that what is made of them does not depend on the number of threads. Memory is a fixed number of
 * blocks, whatever the file.
 *
 *     struct flow_reader *reader = flow_reader_create(&monitored, FLOW_BLOCK_BYTES);
 *     flow_reader_start(reader, source);
 *     do {
 *         status = flow_reader_next(reader, &blocks, &n, err);
 *         for (size_t b = 0; status == STATUS_OK && b < n; b++)
 *             use(blocks[b].flows, blocks[b].n_flows);
 *     } while (status == STATUS_OK && n > 0);
 *     flow_reader_free(reader);
 */
#ifndef FLOWTWIN_DATA_FLOW_READER_H
#define FLOWTWIN_DATA_FLOW_READER_H

#include "data/dataset.h"
#include "data/text_source.h"
#include "data/ugr16.h"

#define FLOW_REFUSED_KEPT 5

struct flow_block {
    /* Rows that are flows of a monitored host, in order, and the address of that host. */
    struct flow *flows;
    uint32_t *hosts;
    size_t n_flows;
    struct label_list labels;       /* what flow.label indexes, in this block */
    struct ugr16_label extra_label; /* one that labels has no room for; NULL where there is none */

    /* Every row is one of the flows above, a legal one of no monitored host, or refused. Blank
     * lines and a header are no rows. */
    uint64_t n_lines, n_rows, n_elsewhere;
    uint64_t n_refused[UGR16_FINE]; /* by fault */
    /* The first ones of each fault. */
    struct refused_line {
        uint64_t line; /* from 0, in this block */
        const char *text;
        size_t length;
    } refused[UGR16_FINE][FLOW_REFUSED_KEPT];

    char *text; /* whole lines, each with its newline */
    size_t length;
    bool is_first; /* of its source */
};

struct flow_reader;

/* Fits the cache of a core. */
#define FLOW_BLOCK_BYTES 262144
/* The least that a block can be; no legal line is longer. */
#define FLOW_BLOCK_LEAST 512

/* monitored: borrowed until flow_reader_free. A line that is longer than a block is one refused
 * row. */
struct flow_reader *flow_reader_create(const struct address_set *monitored, size_t block_bytes);
void flow_reader_free(struct flow_reader *reader);

/* Begins with a source, borrowed until the last block of it has been handed out. */
void flow_reader_start(struct flow_reader *reader, struct text_source *source);

/* The next blocks, borrowed until the next call; *n = 0 after the last. */
enum status flow_reader_next(struct flow_reader *reader, struct flow_block **blocks, size_t *n,
                             struct error *err);

#endif
