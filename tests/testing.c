#include "testing.h"

#include "base/memory.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void remove_folder(void)
{
    DIR *entries = folder[0] != '\0' ? opendir(folder) : NULL;
    if (entries == NULL)
        return;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    closedir(entries);
    rmdir(folder);
}

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/flowtwin-test-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 1;
    }
    SRunner *runner = srunner_create(test_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    remove_folder();
    return failed == 0 ? 0 : 1;
}

void testing_add_named(Suite *suite, const char *name, const TTest *test, int n)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 300.0);
    tcase_add_loop_test(tcase, test, 0, n);
    suite_add_tcase(suite, tcase);
}

void testing_assert_words(const char *message, const char *words)
{
    ck_assert_msg(strstr(message, words) != NULL, "\"%s\" is not in \"%s\"", words, message);
}

void testing_assert_near(double a, double b, double tolerance, const char *what, const char *file,
                         int line)
{
    ck_assert_msg(fabs(a - b) <= tolerance, "%s:%d: %s is %.10g, not %.10g (+- %.3g)", file, line,
                  what, a, b, tolerance);
}

const char *testing_path(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *testing_write(const char *name, const char *text)
{
    const char *path = testing_path(name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

const char *testing_real_data(void)
{
    static const char beside[] = "../shared/data/ugr16-day1.csv.gz";
    const char *path = getenv("FLOWTWIN_REAL_DATA");
    if (path == NULL || path[0] == '\0')
        path = beside;
    return access(path, R_OK) == 0 ? path : NULL;
}

void testing_skip(const char *test, const char *reason)
{
    printf("skipped: %s: %s\n", test, reason);
    fflush(stdout);
}

double testing_chi_square_p(double statistic, double degrees)
{
    /* Wilson and Hilferty (1931): the cube root is close to normal. */
    double variance = 2.0 / (9.0 * degrees);
    double z = (cbrt(statistic / degrees) - (1.0 - variance)) / sqrt(variance);
    return 0.5 * erfc(z / sqrt(2.0));
}
