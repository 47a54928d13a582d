/* text_order.h - the order in which flow files have flows of one second.
 *
 * Files of UGR'16 stand sorted as text: the flows of a host that end in one second come by
 * duration, source and destination address, and ports, each compared letter by letter (so 10.5 s
 * before 9.0 s). Whatever reads flows in their order can tell a file that is not sorted so.
 */
#ifndef FLOWTWIN_DATA_TEXT_ORDER_H
#define FLOWTWIN_DATA_TEXT_ORDER_H

#include "data/sequence.h"

/* How two flows that end in the same second stand: below 0 where a comes first, above 0 where b
 * does, 0 where nothing tells them apart. */
int text_order(const struct flow *a, const struct flow *b);

/* Whether the flows of each host stand so, but for one pair of neighbours in a hundred. */
bool text_order_is_kept(const struct sequence_set *set);

#endif
