#include "data/flow_reader.h"

#include "base/memory.h"
#include "base/threads.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_PER_THREAD 8

struct flow_reader {
    const struct address_set *monitored;
    size_t block_bytes;
    /* A ring: block i of the source is in blocks[i % n_blocks], is filled, parsed and taken, and
     * makes room for block i + n_blocks. */
    struct flow_block *blocks;
    bool *is_parsed;
    size_t n_blocks;

    /* Under the lock: what has been done, and who is at it. Filling and taking go in order and are
     * done by one thread at a time. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t n_filled, n_parsing, n_taken; /* n_parsing: the parsing of so many has begun */
    bool is_filling, is_taking;
    bool is_at_end; /* of the source, or at its failure */
    bool has_enough;

    /* Of the thread that fills. */
    struct text_source *source;
    const char *rest; /* the torn line after the last block, inside that block */
    size_t rest_length;
    bool is_at_start;
    bool is_in_long_line; /* whose start was handed out as a row */
    enum status status;
    struct error err;

    /* Of the thread that takes. */
    flow_block_taker *take;
    void *context;
};

struct flow_reader *flow_reader_create(const struct address_set *monitored, size_t block_bytes)
{
    struct flow_reader *reader = memory_zalloc(1, sizeof *reader);
    reader->monitored = monitored;
    reader->block_bytes = block_bytes < FLOW_BLOCK_LEAST ? FLOW_BLOCK_LEAST : block_bytes;
    reader->n_blocks = (size_t)threads_count() * BLOCKS_PER_THREAD;
    reader->blocks = memory_zalloc(reader->n_blocks, sizeof *reader->blocks);
    reader->is_parsed = memory_zalloc(reader->n_blocks, sizeof *reader->is_parsed);
    size_t most_flows = (reader->block_bytes + 1) / (UGR16_LINE_MIN + 1);
    for (size_t b = 0; b < reader->n_blocks; b++) {
        struct flow_block *block = &reader->blocks[b];
        /* One more for the newline that a torn line gets. */
        block->text = memory_alloc(reader->block_bytes + 1, 1);
        block->flows = memory_alloc(most_flows, sizeof *block->flows);
        block->hosts = memory_alloc(most_flows, sizeof *block->hosts);
    }
    if (pthread_mutex_init(&reader->lock, NULL) != 0 ||
        pthread_cond_init(&reader->changed, NULL) != 0)
        BUG("no lock to be had");
    return reader;
}

void flow_reader_free(struct flow_reader *reader)
{
    if (reader == NULL)
        return;
    for (size_t b = 0; b < reader->n_blocks; b++) {
        struct flow_block *block = &reader->blocks[b];
        free(block->text);
        free(block->flows);
        free(block->hosts);
        label_list_release(&block->labels);
    }
    pthread_cond_destroy(&reader->changed);
    pthread_mutex_destroy(&reader->lock);
    free(reader->is_parsed);
    free(reader->blocks);
    free(reader);
}

/* ---- filling ------------------------------------------------------------------------------ */

/* Takes what is left of a long line from the front of the text; returns the length that stays. */
static size_t drop_long_line(struct flow_reader *reader, char *text, size_t length)
{
    const char *newline = memchr(text, '\n', length);
    if (newline == NULL)
        return 0;
    reader->is_in_long_line = false;
    length -= (size_t)(newline + 1 - text);
    memmove(text, newline + 1, length);
    return length;
}

/* Fills a block with whole lines; its length is 0 at the end of the source. */
static enum status fill_block(struct flow_reader *reader, struct flow_block *block)
{
    size_t length = reader->rest_length;
    if (length > 0)
        memcpy(block->text, reader->rest, length);
    reader->rest_length = 0;
    for (bool is_at_end = false; length < reader->block_bytes && !is_at_end;) {
        size_t wanted = reader->block_bytes - length, n;
        FORWARD(text_source_read(reader->source, block->text + length, wanted, &n, &reader->err));
        is_at_end = n < wanted;
        length += n;
        if (reader->is_in_long_line)
            length = drop_long_line(reader, block->text, length);
    }
    size_t whole = length;
    while (whole > 0 && block->text[whole - 1] != '\n')
        whole--;
    if (length == reader->block_bytes && whole > 0) {
        reader->rest = block->text + whole;
        reader->rest_length = length - whole;
        length = whole;
    } else if (length > whole) {
        /* The last line of the source, or one that is longer than the block. */
        reader->is_in_long_line = length == reader->block_bytes;
        block->text[length++] = '\n';
    }
    block->length = length;
    block->position = text_source_position(reader->source);
    block->is_first = reader->is_at_start;
    reader->is_at_start = false;
    return STATUS_OK;
}

/* ---- parsing ------------------------------------------------------------------------------ */

/* The index of a label in the block; LABELS_MAX where there is no room for it. */
static size_t number_label(struct flow_block *block, const struct ugr16_label *label)
{
    int index = label_list_add(&block->labels, label->text, label->length);
    if (index < 0)
        block->extra_label = *label;
    return index < 0 ? LABELS_MAX : (size_t)index;
}

static void take_refused(struct flow_block *block, enum ugr16_column fault, const char *line,
                         size_t length)
{
    uint64_t n = block->n_refused[fault]++;
    if (n < FLOW_REFUSED_KEPT)
        block->refused[fault][n] = (struct refused_line){ block->n_lines, line, length };
}

static void parse_block(const struct address_set *monitored, struct flow_block *block)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    block->n_flows = 0;
    block->n_lines = block->n_rows = block->n_elsewhere = 0;
    memset(block->n_refused, 0, sizeof block->n_refused);
    block->extra_label = (struct ugr16_label){ 0 };
    label_list_release(&block->labels);

    struct ugr16_reader reader = { 0 };
    size_t label_index = 0, n_label_changes = 0; /* of the last label that was numbered */
    const char *line = block->text, *end = block->text + block->length;
    if (block->is_first && block->length > 3 && memcmp(line, byte_order_mark, 3) == 0)
        line += 3;
    for (const char *newline; line < end; line = newline + 1, block->n_lines++) {
        newline = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)(newline - line);
        length -= length > 0 && line[length - 1] == '\r';
        if (length == 0 ||
            (block->is_first && block->n_lines == 0 && ugr16_is_header(line, length)))
            continue;
        block->n_rows++;
        struct flow flow;
        struct ugr16_label label;
        uint32_t host;
        enum ugr16_column fault = ugr16_parse(&reader, line, length, &flow, &label);
        if (fault != UGR16_FINE) {
            take_refused(block, fault, line, length);
        } else if (!dataset_flow_host(monitored, &flow, &host)) {
            block->n_elsewhere++;
        } else {
            if (n_label_changes != reader.n_label_changes)
                label_index = number_label(block, &label);
            n_label_changes = reader.n_label_changes;
            flow.label = (uint8_t)label_index;
            block->flows[block->n_flows] = flow;
            block->hosts[block->n_flows++] = host;
        }
    }
}

/* ---- the pipeline ------------------------------------------------------------------------- */

static void take_next(struct flow_reader *reader)
{
    size_t b = reader->n_taken % reader->n_blocks;
    reader->is_taking = true;
    pthread_mutex_unlock(&reader->lock);
    bool goes_on = reader->take(reader->context, &reader->blocks[b]);
    pthread_mutex_lock(&reader->lock);
    reader->is_taking = false;
    reader->is_parsed[b] = false;
    reader->has_enough = !goes_on;
    reader->n_taken++;
}

static void fill_next(struct flow_reader *reader)
{
    struct flow_block *block = &reader->blocks[reader->n_filled % reader->n_blocks];
    reader->is_filling = true;
    pthread_mutex_unlock(&reader->lock);
    enum status status = fill_block(reader, block);
    pthread_mutex_lock(&reader->lock);
    reader->is_filling = false;
    reader->status = status;
    reader->is_at_end = status != STATUS_OK || block->length == 0;
    reader->n_filled += !reader->is_at_end;
}

static void parse_next(struct flow_reader *reader)
{
    size_t b = reader->n_parsing++ % reader->n_blocks;
    pthread_mutex_unlock(&reader->lock);
    parse_block(reader->monitored, &reader->blocks[b]);
    pthread_mutex_lock(&reader->lock);
    reader->is_parsed[b] = true;
}

/* What every thread does: the most urgent of what there is to do, until all is done. A thread that
 * finds nothing sleeps rather than spins, so that another program can have its core. */
static void work(struct flow_reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    while (!reader->has_enough && !(reader->is_at_end && reader->n_taken == reader->n_filled)) {
        bool can_take = !reader->is_taking && reader->n_taken < reader->n_parsing &&
                        reader->is_parsed[reader->n_taken % reader->n_blocks];
        bool can_fill = !reader->is_filling && !reader->is_at_end &&
                        reader->n_filled - reader->n_taken < reader->n_blocks;
        if (can_take)
            take_next(reader);
        else if (can_fill)
            fill_next(reader);
        else if (reader->n_parsing < reader->n_filled)
            parse_next(reader);
        else {
            pthread_cond_wait(&reader->changed, &reader->lock);
            continue;
        }
        pthread_cond_broadcast(&reader->changed);
    }
    pthread_mutex_unlock(&reader->lock);
}

enum status flow_reader_run(struct flow_reader *reader, struct text_source *source,
                            flow_block_taker *take, void *context, struct error *err)
{
    reader->source = source;
    reader->rest_length = 0;
    reader->is_at_start = true;
    reader->is_in_long_line = false;
    reader->take = take;
    reader->context = context;
    reader->n_filled = reader->n_parsing = reader->n_taken = 0;
    reader->is_at_end = reader->has_enough = false;
    memset(reader->is_parsed, 0, reader->n_blocks * sizeof *reader->is_parsed);
#pragma omp parallel
    work(reader);
    if (reader->has_enough || reader->status == STATUS_OK)
        return STATUS_OK;
    return error_set(err, reader->status, "%s", reader->err.message);
}
