/* flow_reader.h - the flows of a text source, block by block, read by all threads.
 *
 * A block is a piece of the text that ends with a line. While one thread fills a block, others
 * parse those before it, and one hands out those that are parsed, in the order of the text, so that
 * what is made of them does not depend on the number of threads. Memory is a fixed number of
 * blocks, whatever the file.
 *
 *     static bool count_flows(void *context, const struct flow_block *block)
 *     {
 *         *(size_t *)context += block->n_flows;
 *         return true;
 *     }
 *     ...
 *     struct flow_reader *reader = flow_reader_create(&monitored, FLOW_BLOCK_BYTES);
 *     status = flow_reader_run(reader, source, count_flows, &n_flows, err);
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
    uint64_t position; /* of the source, after them: text_source_position */
    bool is_first;     /* of its source */
};

struct flow_reader;

#define FLOW_BLOCK_BYTES 131072
/* The least that a block can be; no legal line is longer. */
#define FLOW_BLOCK_LEAST 512

/* monitored: borrowed until flow_reader_free. A line that is longer than a block is one refused
 * row. Caller frees with flow_reader_free. */
struct flow_reader *flow_reader_create(const struct address_set *monitored, size_t block_bytes);
void flow_reader_free(struct flow_reader *reader);

/* Is given the blocks in order, each only during the call; one call at a time, but not always from
 * the same thread. Returns whether to go on. */
typedef bool flow_block_taker(void *context, const struct flow_block *block);

/* Hands all blocks of the source to `take`, or as many as it wants. Blocks that were read before
 * the source failed are handed out before the failure is returned. */
enum status flow_reader_run(struct flow_reader *reader, struct text_source *source,
                            flow_block_taker *take, void *context, struct error *err);

#endif
