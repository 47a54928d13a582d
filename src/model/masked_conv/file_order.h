/* file_order.h - in which order flow files have the rows of one second.
 *
 * Rows that end in the same second stand sorted as lines: by duration, then source and destination
 * address and ports, each as text. (In files of UGR'16 nine of ten neighbours of one second and one
 * duration are in that order; the others stand where two sorted parts meet.) So after a row, most
 * of the conversations that a host has cannot come next in the same second with the same duration.
 */
#ifndef FLOWTWIN_MODEL_MASKED_CONV_FILE_ORDER_H
#define FLOWTWIN_MODEL_MASKED_CONV_FILE_ORDER_H

#include "data/coding.h"

/* How rows of one host stand by source and destination address, then ports: below 0 where a comes
 * first, above 0 where b does, 0 where they are the same. */
int file_order(uint32_t host, const struct row *a, const struct row *b);
/* The same by addresses alone. */
int file_order_of_addresses(uint32_t host, const struct row *a, const struct row *b);

#endif
