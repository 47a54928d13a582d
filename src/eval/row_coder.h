/* row_coder.h - flows as a classifier of eval sees them.
 *
 * Sets, frequent ports and frequent exact counts become codes (rows of an embedding table), counts
 * also become numbers on the log scale. In a window of consecutive flows each one also says how it
 * hangs on to those before it in the window: how long ago the same remote, the same conversation,
 * its reverse and the same ports were there. Addresses of monitored hosts are not seen at all, and
 * of remotes only the first octet and whether they come again, so that what is learned is how hosts
 * behave and not who they are.
 *
 *     struct row_coder *coder = row_coder_create(sides, 2, 16, -1);    // learns the vocabularies
 *     int32_t *codes = memory_alloc(16 * coder->n_fields, sizeof *codes);
 *     float *numbers = memory_alloc(16 * ROW_NUMBERS, sizeof *numbers);
 *     row_coder_write(coder, columns, first_row, codes, numbers);
 *     row_coder_free(coder);
 */
#ifndef FLOWTWIN_EVAL_ROW_CODER_H
#define FLOWTWIN_EVAL_ROW_CODER_H

#include "data/bins.h"
#include "eval/traffic.h"

enum { ROW_NUMBERS = 5, ROW_FIELDS_MAX = 24 };

struct row_coder {
    size_t length;  /* flows of a window */
    int without;    /* an attribute that is not to be seen, or -1 */
    size_t n_codes; /* in all; rows of the embedding table */
    size_t n_fields;
    struct bins *bins[N_CODED]; /* NULL where the attribute is no field */
    size_t first_code[N_CODED]; /* of its codes */
    size_t first_relation;      /* likewise; only in windows of two and more */
};

/* Learns what is frequent from all flows of the sides (one or two). `length` 1 is a flow alone.
 * Caller frees with row_coder_free. */
struct row_coder *row_coder_create(const struct traffic *const *sides, size_t n_sides,
                                   size_t length, int without);
void row_coder_free(struct row_coder *coder);

/* Codes [length, n_fields] and numbers [length, ROW_NUMBERS] of the flows from row `first`. */
void row_coder_write(const struct row_coder *coder, const struct traffic_columns *columns,
                     size_t first, int32_t *codes, float *numbers);

#endif
