/* testing.h - what every test program shares.
 *
 *     #include "testing.h"
 *     START_TEST(counts_are_kept) { ck_assert_uint_eq(...); } END_TEST
 *
 *     Suite *test_suite(void)
 *     {
 *         Suite *suite = suite_create("data/coding");
 *         testing_add(suite, counts_are_kept);
 *         testing_add_loop(suite, legal_rows, ARRAY_LEN(cases));      // _i is the index of the
 * case return suite;
 *     }
 *
 * Each test runs in a process of its own. Nothing may start threads (OpenMP, BLAS) before that:
 * a forked child of a threaded parent hangs. CK_FORK=no runs all in one process, for a debugger.
 */
#ifndef FLOWTWIN_TESTS_TESTING_H
#define FLOWTWIN_TESTS_TESTING_H

#include "base/error.h"

#include <check.h>
#include <stdbool.h>

/* Each test program defines this one; tests/testing.c has main(). */
Suite *test_suite(void);

#define testing_add(suite, test)         testing_add_named(suite, #test, test, 1)
#define testing_add_loop(suite, test, n) testing_add_named(suite, #test, test, (int)(n))
void testing_add_named(Suite *suite, const char *name, const TTest *test, int n);

/* Asserts that a call succeeded, and shows its message where it did not. */
#define assert_ok(call, err) ck_assert_msg((call) == STATUS_OK, "%s: %s", #call, (err).message)
/* Asserts that it failed with that status, and that the message has these words. */
#define assert_fails(call, expected, err, words)                                                   \
    do {                                                                                           \
        ck_assert_int_eq((call), (expected));                                                      \
        testing_assert_words((err).message, (words));                                              \
    } while (0)
void testing_assert_words(const char *message, const char *words);

/* ck_assert for inner loops: Check's own writes a note to a pipe each time, also where it holds. */
#define assert_quick(condition)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("%s", #condition);                                                        \
    } while (0)

/* |a - b| <= tolerance, with both shown. */
#define assert_near(a, b, tolerance)                                                               \
    testing_assert_near((a), (b), (tolerance), #a, __FILE__, __LINE__)
void testing_assert_near(double a, double b, double tolerance, const char *what, const char *file,
                         int line);

/* A name for a scratch file in a folder of this process that is removed at its end.
 * Borrowed until the next 8 calls. */
const char *testing_path(const char *name);

/* Writes a text file there and returns its name. */
const char *testing_write(const char *name, const char *text);

/* The real day (data/ugr16-day1.csv.gz beside the project, or FLOWTWIN_REAL_DATA), or NULL. A test
 * that wants it and gets NULL calls testing_skip and returns. */
const char *testing_real_data(void);
void testing_skip(const char *test, const char *reason);

/* The p-value of a chi-square statistic with that many degrees of freedom. */
double testing_chi_square_p(double statistic, double degrees);

#endif
