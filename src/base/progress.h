/* progress.h - one line on the terminal that says how far long work is.
 *
 *     import  [#######.............]  36%   2.1 M rows/s   0:08 left
 *
 * The line is drawn only after src/cli has called progress_enable with a terminal; elsewhere the
 * calls cost a comparison. At most ten updates a second are written. Not thread-safe: call from the
 * thread that owns the loop.
 *
 *     struct progress progress = progress_start("train", n_steps, "steps");
 *     for (size_t step = 0; step < n_steps; step++) {
 *         progress_update(&progress, step, "nll %.3f", nll);
 *     }
 *     progress_finish(&progress);
 */
#ifndef FLOWTWIN_BASE_PROGRESS_H
#define FLOWTWIN_BASE_PROGRESS_H

#include <stdio.h>

struct progress {
    const char *label;
    const char *unit;
    double total; /* 0 where it is not known: no bar and no time left */
    double started;
    double drawn;
    int width; /* of the last line, so that a shorter one wipes it */
};

/* Lets progress lines appear on `terminal`; NULL switches them off (the start). */
void progress_enable(FILE *terminal);

struct progress progress_start(const char *label, double total, const char *unit);
/* `format` may be NULL; its words stand at the end of the line. */
void progress_update(struct progress *progress, double done, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Wipes the line. */
void progress_finish(struct progress *progress);

/* Seconds of a clock that never goes back. */
double progress_clock(void);

#endif
