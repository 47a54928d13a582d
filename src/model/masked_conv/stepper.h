/* stepper.h - the network of masked-conv one row at a time, for many hosts side by side.
 *
 * Each host keeps, for every convolution, a ring of the columns that later rows still look at, as
 * many as the kernel reaches back: a row costs one column of each layer, and nothing is computed
 * twice. What windows, clock and host add to each layer is projected once a slot of 5 minutes. A
 * row is written stage by stage: the running sum of its features' embeddings is what the heads see,
 * and in the end the row's own column.
 *
 *     struct stepper *stepper = stepper_create(network, n_hosts);
 *     struct stepper_work *work = stepper_work_create(stepper);           // one a thread
 *     stepper_encode(stepper, work, hosts, host_rows, features, n);       // where the slot changed
 *     stepper_begin(stepper, work, hosts, n);                             // h of the next rows
 *     for (each stage) {
 *         stepper_add(stepper, work, i, index, n_index);                  // features of row i
 *         const real *logits = stepper_head(stepper, work, head, rows, n_rows);
 *         ...
 *     }
 *     stepper_end(stepper, work);                                         // the rows are whole
 *
 * All sums of a row are in an order of their own, so that a host's numbers are the same bits
 * whichever hosts stand beside it, and on any thread. After set-up nothing is allocated.
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_STEPPER_H
#define FLOWTWIN_MODEL_MASKED_CONV_STEPPER_H

#include "model/masked_conv/network.h"

/* Hosts that one thread takes at a time, and rows of them that a head is computed for at once. */
#define STEPPER_HOSTS     120
#define STEPPER_HEAD_ROWS 48

struct stepper;
struct stepper_work;

/* State of n hosts, all before their first row. Borrows the network. Caller frees with
 * stepper_free. */
struct stepper *stepper_create(const struct network *network, size_t n_hosts);
void stepper_free(struct stepper *stepper);
/* Bytes that it holds for each host. */
size_t stepper_bytes_per_host(const struct network_size *size);

/* Memory for one thread. Caller frees with stepper_work_free. */
struct stepper_work *stepper_work_create(const struct stepper *stepper);
void stepper_work_free(struct stepper_work *work);

/* Sets what the context adds to the layers of n <= STEPPER_HOSTS hosts, until the next call for
 * them: features [n, CONTEXT_FEATURES], and their rows of the host table. */
void stepper_encode(struct stepper *stepper, struct stepper_work *work, const size_t *hosts,
                    const int32_t *host_rows, const real *features, size_t n);

/* Begins the next row of n <= STEPPER_HOSTS different hosts: computes what the rows before say of
 * it. The hosts are the rows 0..n-1 of the work from here on. */
void stepper_begin(struct stepper *stepper, struct stepper_work *work, const size_t *hosts,
                   size_t n);

/* Has the embeddings of features brought near, for the stepper_add that follows soon. */
void stepper_fetch(const struct stepper *stepper, const int32_t *index, size_t n);

/* Adds the embeddings of n features, by their rows of the table (FEATURE_NONE: nothing). */
void stepper_add(const struct stepper *stepper, struct stepper_work *work, size_t row,
                 const int32_t *index, size_t n);

/* The outputs of a head, logits and then the mixture, for n <= STEPPER_HEAD_ROWS of the rows, given
 * the features that they have so far. Rows of *stride numbers; borrowed until the next call, and
 * the caller may change them. */
real *stepper_head(const struct stepper *stepper, struct stepper_work *work, enum head head,
                   const size_t *rows, size_t n, size_t *stride);

/* Ends the rows: all their features are known. */
void stepper_end(struct stepper *stepper, struct stepper_work *work);

#endif
