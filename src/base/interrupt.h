/* interrupt.h - Ctrl-C as a question that long work asks, not as a sudden end.
 *
 * The first SIGINT or SIGTERM only sets a flag; long loops look at it, save what they have and
 * return STATUS_INTERRUPTED. A second one ends the program as it would without us.
 */
#ifndef FLOWTWIN_BASE_INTERRUPT_H
#define FLOWTWIN_BASE_INTERRUPT_H

void interrupt_install(void);
int interrupt_requested(void);

#endif
