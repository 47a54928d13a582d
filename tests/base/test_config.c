#include "testing.h"

#include "base/config.h"
#include "base/rng.h"

#include <string.h>

static const char whole[] = "; what a configuration looks like\n"
                            "model = gmm\n"
                            "\n"
                            "# numbers, words and flags\n"
                            "components = 12\n"
                            "rate = 0.002 ; with a comment behind\n"
                            "edges = bytes<-packets+previous.bytes,packets<-previous.packets\n"
                            "windows=yes\n"
                            "  seed   =   7  \n";

START_TEST(keys_and_values_are_read)
{
    static const struct {
        const char *key, *value;
        int line;
    } expected[] = {
        { "model", "gmm", 2 },
        { "components", "12", 5 },
        { "rate", "0.002", 6 },
        { "edges", "bytes<-packets+previous.bytes,packets<-previous.packets", 7 },
        { "windows", "yes", 8 },
        { "seed", "7", 9 },
    };
    struct error err;
    struct config config;
    assert_ok(config_read(&config, testing_write("whole.ini", whole), &err), err);
    ck_assert_uint_eq(config.n_entries, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        ck_assert_str_eq(config.entries[i].key, expected[i].key);
        ck_assert_str_eq(config.entries[i].value, expected[i].value);
        ck_assert_int_eq(config.entries[i].line, expected[i].line);
        ck_assert_str_eq(config_value(&config, expected[i].key), expected[i].value);
    }
    ck_assert_ptr_null(config_value(&config, "blocks"));
    config_release(&config);
}
END_TEST

/* A configuration with bytes put in, taken out and cut off: entries with a key, or a
 * message with the line; nothing else. */
START_TEST(damaged_configurations_are_read_or_told)
{
    enum { N_TRIALS = 1000 };
    struct rng rng = rng_stream(11, RNG_TEST, 0, 0);
    const char *path = testing_path("damaged.ini");
    size_t n_told = 0;
    for (int trial = 0; trial < N_TRIALS; trial++) {
        char text[sizeof whole];
        size_t n = sizeof whole - 1;
        memcpy(text, whole, n);
        for (uint64_t i = rng_below(&rng, 4); i > 0; i--)
            text[rng_below(&rng, n)] = "=[];#\n\r\t \"\0\xff\x80z"[rng_below(&rng, 15)];
        if (trial % 4 == 0)
            n = rng_below(&rng, n);
        FILE *file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        fwrite(text, 1, n, file);
        fclose(file);

        struct error err = { 0 };
        struct config config;
        enum status status = config_read(&config, path, &err);
        if (status != STATUS_OK) {
            ck_assert_int_eq(status, STATUS_USAGE);
            testing_assert_words(err.message, "damaged.ini:");
            n_told++;
        }
        for (size_t i = 0; i < config.n_entries; i++) {
            ck_assert_uint_gt(strlen(config.entries[i].key), 0);
            ck_assert(config.entries[i].line >= 1);
            ck_assert_ptr_null(strchr(config.entries[i].value, '\n'));
        }
        config_release(&config);
    }
    ck_assert(n_told > N_TRIALS / 10 && n_told < N_TRIALS);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("base/config");
    testing_add(suite, keys_and_values_are_read);
    testing_add(suite, damaged_configurations_are_read_or_told);
    return suite;
}
