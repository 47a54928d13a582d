/* error.h - how functions say that they failed.
 *
 * Three classes of failure are kept apart: an impossible state is a BUG() and aborts; bad input (a
 * file, a value, a size) is a returned status with one complete sentence in struct error; a wrong
 * command line is STATUS_USAGE and becomes exit status 2.
 *
 *     enum status dataset_check(const struct dataset *data, struct error *err)
 *     {
 *         RETURN_IF(data->n_hosts == 0, err, STATUS_FORMAT, "%s: no hosts", data->source);
 *         FORWARD(dataset_check_times(data, err));
 *         return STATUS_OK;
 *     }
 *
 * The error is the last argument, is untouched on success, and is never printed below src/cli.
 */
#ifndef FLOWTWIN_BASE_ERROR_H
#define FLOWTWIN_BASE_ERROR_H

#include <stdarg.h>

enum status {
    STATUS_OK = 0,
    STATUS_USAGE,       /* wrong command line or configuration; exit 2 */
    STATUS_IO,          /* the system refused: open, read, write, rename */
    STATUS_FORMAT,      /* a file or value is not what it has to be */
    STATUS_RANGE,       /* a size, shape or number is outside what is possible */
    STATUS_NUMERIC,     /* a computation gave inf or nan */
    STATUS_INTERRUPTED, /* the user asked to stop and the work was saved; exit 130 */
};

struct error {
    enum status code;
    char message[1024];
};

/* Records a failure and returns its code, so that `return error_set(...)` reads as one step.
 * Anything already in err is replaced. err may be NULL where the caller does not want the words. */
enum status error_set(struct error *err, enum status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts words in front of the message that is there: "day1.csv: " + "line 3 ...". */
void error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For functions that own nothing; one that owns something jumps to its `cleanup` label instead. */
#define RETURN_IF(condition, err, code, ...)                                                       \
    do {                                                                                           \
        if (condition)                                                                             \
            return error_set(err, code, __VA_ARGS__);                                              \
    } while (0)

#define FORWARD(call)                                                                              \
    do {                                                                                           \
        enum status forward_status_ = (call);                                                      \
        if (forward_status_ != STATUS_OK)                                                          \
            return forward_status_;                                                                \
    } while (0)

/* An impossible state: says where, and aborts. */
#define BUG(...) error_bug(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void error_bug(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif
