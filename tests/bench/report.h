/* report.h - what benchmarks share: a clock, and the one file that all of them write into.
 *
 *     struct report *report = report_open("build/bench.json");
 *     report_set(report, "ops.linear.share", 0.93);
 *     report_close(report);
 *
 * scripts/bench removes the file first and then runs build/release/tests/bench/bench_* one after
 * another; each adds its keys to those that are there.
 */
#ifndef FLOWTWIN_TESTS_BENCH_REPORT_H
#define FLOWTWIN_TESTS_BENCH_REPORT_H

#define REPORT_PATH "build/bench.json"

struct report;

/* Reads what the file has so far. Ends the program where that is not possible. */
struct report *report_open(const char *path);
/* Sets a number; each dot in the key is a level. */
void report_set(struct report *report, const char *key, double value);
double report_get(const struct report *report, const char *key);
/* Writes the file. */
void report_close(struct report *report);

/* The least time in seconds of `repeats` calls after one that does not count. */
double report_best_time(void (*work)(void *context), void *context, int repeats);

/* The yardstick: floating-point operations a second of a large sgemm, on all threads. */
double report_sgemm_rate(void);

#endif
