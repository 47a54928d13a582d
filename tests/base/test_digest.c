#include "testing.h"

#include "base/digest.h"

#include <string.h>

/* FIPS 180-4's examples, and nothing at all. */
static const struct digest_case {
    const char *text, *digest;
} digest_cases[] = {
    { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

START_TEST(digests_are_known)
{
    const struct digest_case *one = &digest_cases[_i];
    char text[DIGEST_TEXT_SIZE];
    struct error err;
    struct digest *digest = digest_create();
    for (size_t i = 0; i < strlen(one->text); i++)
        digest_add(digest, one->text + i, 1);
    digest_finish(digest, text);
    ck_assert_str_eq(text, one->digest);
    assert_ok(digest_file(testing_write("text", one->text), text, &err), err);
    ck_assert_str_eq(text, one->digest);
}
END_TEST

START_TEST(files_that_cannot_be_read_are_named)
{
    char text[DIGEST_TEXT_SIZE];
    struct error err;
    assert_fails(digest_file("/no/such/file", text, &err), STATUS_IO, err, "/no/such/file");
    assert_fails(digest_file("/", text, &err), STATUS_IO, err, "cannot read /");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("base/digest");
    testing_add_loop(suite, digests_are_known, ARRAY_LEN(digest_cases));
    testing_add(suite, files_that_cannot_be_read_are_named);
    return suite;
}
