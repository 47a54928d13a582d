#include "testing.h"

#include "base/output_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void assert_content(const char *path, const char *text)
{
    char content[64] = "";
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(content, sizeof content, file));
    fclose(file);
    ck_assert_str_eq(content, text);
}

START_TEST(the_target_changes_only_with_the_commit)
{
    struct error err = { 0 };
    struct output_path path;
    const char *target = testing_write("target", "old");
    assert_ok(output_path_begin(&path, target, &err), err);
    char *temporary = strdup(path.temporary);
    write_text(temporary, "new");
    assert_content(target, "old");
    assert_ok(output_path_commit(&path, &err), err);
    output_path_release(&path);
    assert_content(target, "new");
    ck_assert_int_ne(access(temporary, F_OK), 0);
    free(temporary);
}
END_TEST

START_TEST(what_is_not_committed_leaves_nothing)
{
    struct error err = { 0 };
    struct output_path path;
    assert_ok(output_path_begin(&path, testing_path("never"), &err), err);
    char *temporary = strdup(path.temporary);
    ck_assert_int_eq(access(temporary, F_OK), 0);
    output_path_release(&path);
    ck_assert_int_ne(access(temporary, F_OK), 0);
    ck_assert_int_ne(access(testing_path("never"), F_OK), 0);
    free(temporary);
}
END_TEST

START_TEST(a_device_is_written_directly_and_stays_a_device)
{
    struct error err = { 0 };
    struct output_path path;
    assert_ok(output_path_begin(&path, "/dev/null", &err), err);
    ck_assert_str_eq(path.temporary, "/dev/null");
    assert_ok(output_path_commit(&path, &err), err);
    output_path_release(&path);
    struct stat info;
    ck_assert_int_eq(stat("/dev/null", &info), 0);
    ck_assert(S_ISCHR(info.st_mode));
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_found_out_at_once)
{
    struct error err = { 0 };
    struct output_path path;
    assert_fails(output_path_begin(&path, "/nowhere/at/all", &err), STATUS_IO, err,
                 "/nowhere/at/all: No such file");
    output_path_release(&path);
    assert_fails(output_path_begin(&path, "/tmp", &err), STATUS_IO, err, "is a folder");
    output_path_release(&path);
}
END_TEST

START_TEST(folders_are_made_with_those_above)
{
    struct error err = { 0 };
    char deep[300];
    snprintf(deep, sizeof deep, "%s", testing_path("a"));
    assert_ok(output_folder_create(deep, &err), err);
    assert_ok(output_folder_create(deep, &err), err);
    struct stat info;
    ck_assert_int_eq(stat(deep, &info), 0);
    ck_assert(S_ISDIR(info.st_mode));
    rmdir(deep);
    assert_fails(output_folder_create(testing_write("file", "x"), &err), STATUS_IO, err,
                 "Not a directory");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("base/output_path");
    testing_add(suite, the_target_changes_only_with_the_commit);
    testing_add(suite, what_is_not_committed_leaves_nothing);
    testing_add(suite, a_device_is_written_directly_and_stays_a_device);
    testing_add(suite, a_folder_that_is_not_there_is_found_out_at_once);
    testing_add(suite, folders_are_made_with_those_above);
    return suite;
}
