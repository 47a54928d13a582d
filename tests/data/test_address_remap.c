#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "data/address_remap.h"

#include <stdlib.h>
#include <string.h>

/* The key and the traces that come with the scheme's first program (Crypto-PAn 1.0, sample.cpp). */
static const char sample_key[] = "1522178d33a4cf80130a5b1649907d10"
                                 "d8988f837979652762574c2d2a842202";

static struct address_remap *create(const char *key)
{
    struct address_remap *remap;
    struct error err;
    assert_ok(address_remap_create(&remap, key, &err), err);
    return remap;
}

static uint32_t parse(const char *text)
{
    uint32_t address;
    ck_assert_msg(address_parse(text, strlen(text), &address), "%s", text);
    return address;
}

static const struct image_case {
    const char *address, *image;
} image_cases[] = {
    { "128.11.68.132", "135.242.180.132" },   { "129.118.74.4", "134.136.186.123" },
    { "130.132.252.244", "133.68.164.234" },  { "141.223.7.43", "141.167.8.160" },
    { "141.233.145.108", "141.129.237.235" }, { "152.163.225.39", "151.140.114.167" },
    { "156.29.3.236", "147.225.12.42" },      { "165.247.96.84", "162.9.99.234" },
    { "166.107.77.190", "160.132.178.185" },  { "192.102.249.13", "252.138.62.131" },
};

START_TEST(images_are_those_of_the_scheme)
{
    struct address_remap *remap = create(sample_key);
    char image[ADDRESS_TEXT_SIZE];
    address_format(address_remap_apply(remap, parse(image_cases[_i].address)), image);
    ck_assert_str_eq(image, image_cases[_i].image);
    address_remap_free(remap);
}
END_TEST

static int common_bits(uint32_t a, uint32_t b)
{
    return a == b ? 32 : __builtin_clz(a ^ b);
}

START_TEST(prefixes_are_kept)
{
    struct address_remap *remap = create(sample_key);
    int n_with_length[33] = { 0 };
    for (uint64_t i = 0; i < 20000; i++) {
        struct rng rng = rng_stream(1, RNG_TEST, 0, i);
        uint32_t a = rng_u32(&rng), b = a ^ rng_u32(&rng) >> rng_below(&rng, 32);
        int kept = common_bits(a, b);
        ck_assert_int_eq(common_bits(address_remap_apply(remap, a), address_remap_apply(remap, b)),
                         kept);
        n_with_length[kept]++;
    }
    for (int length = 0; length < 32; length++)
        ck_assert_int_gt(n_with_length[length], 0);
    address_remap_free(remap);
}
END_TEST

START_TEST(a_prefix_is_permuted)
{
    struct address_remap *remap = create(sample_key);
    bool *is_taken = memory_zalloc(65536, sizeof *is_taken);
    uint32_t prefix = address_remap_apply(remap, 0x2adb0000) >> 16;
    size_t n_unmoved = 0;
    for (uint32_t low = 0; low < 65536; low++) {
        uint32_t image = address_remap_apply(remap, 0x2adb0000 | low);
        ck_assert_uint_eq(image >> 16, prefix);
        ck_assert(!is_taken[image & 65535]);
        is_taken[image & 65535] = true;
        n_unmoved += (image & 65535) == low;
    }
    ck_assert_uint_lt(n_unmoved, 6554);
    free(is_taken);
    address_remap_free(remap);
}
END_TEST

START_TEST(sets_have_the_images_of_their_addresses)
{
    static const char *const texts[] = { "42.219.0.0/16", "10.0.0.7", "10.0.0.3,10.0.0.4,10.0.0.5",
                                         "0.0.0.0/0", "192.0.2.0/25,192.0.2.200" };
    struct address_remap *remap = create(sample_key);
    struct address_set set = { 0 };
    struct error err;
    assert_ok(address_set_add_text(&set, texts[_i], &err), err);
    struct address_set images = address_remap_set(remap, &set);
    ck_assert_uint_eq(address_set_size(&images), address_set_size(&set));
    for (uint64_t i = 0; i < 20000; i++) {
        struct rng rng = rng_stream(2, RNG_TEST, 0, i);
        const struct address_range *range = &set.ranges[rng_below(&rng, set.n_ranges)];
        uint32_t near = range->first - 8 +
                        (uint32_t)rng_below(&rng, (uint64_t)range->last - range->first + 17);
        ck_assert_int_eq(address_set_has(&images, address_remap_apply(remap, near)),
                         address_set_has(&set, near));
    }
    address_set_release(&set);
    address_set_release(&images);
    address_remap_free(remap);
}
END_TEST

START_TEST(keys_may_be_written_in_several_ways)
{
    const uint32_t address = 0x01020304;
    static const char hex[] = "6162636465666768696a6b6c6d6e6f707172737475767778797a303132333435";
    char at_file[512], with_mark[80], upper[80];
    snprintf(at_file, sizeof at_file, "@%s",
             testing_write("key", "abcdefghijklmnopqrstuvwxyz012345\n"));
    snprintf(with_mark, sizeof with_mark, "0x%s", hex);
    for (size_t i = 0; i < sizeof hex; i++)
        upper[i] = hex[i] >= 'a' ? (char)(hex[i] - 32) : hex[i];
    const char *const ways[] = { "abcdefghijklmnopqrstuvwxyz012345", with_mark, upper, at_file };
    struct address_remap *remap = create(hex);
    uint32_t image = address_remap_apply(remap, address);
    address_remap_free(remap);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        remap = create(ways[i]);
        ck_assert_uint_eq(address_remap_apply(remap, address), image);
        address_remap_free(remap);
    }
    /* Both halves of the key matter. */
    static const char *const others[] = { "Abcdefghijklmnopqrstuvwxyz012345",
                                          "abcdefghijklmnopqrstuvwxyz01234-" };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        remap = create(others[i]);
        ck_assert_uint_ne(address_remap_apply(remap, address), image);
        address_remap_free(remap);
    }
}
END_TEST

START_TEST(bad_keys_are_refused_without_showing_them)
{
    struct address_remap *remap;
    struct error err;
    assert_fails(address_remap_create(&remap, "secret", &err), STATUS_USAGE, err,
                 "the key has 6 characters; a key is 64 hex digits");
    ck_assert_ptr_null(strstr(err.message, "secret"));
    assert_fails(address_remap_create(&remap, "", &err), STATUS_USAGE, err, "0 characters");
    /* 64 characters, but not of hex */
    assert_fails(address_remap_create(&remap,
                                      "6162636465666768696a6b6c6d6e6f70717273747576777879"
                                      "7a30313233343x",
                                      &err),
                 STATUS_USAGE, err, "64 characters");
    char at_file[512];
    snprintf(at_file, sizeof at_file, "@%s", testing_write("short", "too short a key\n"));
    assert_fails(address_remap_create(&remap, at_file, &err), STATUS_USAGE, err, "short has 15");
    assert_fails(address_remap_create(&remap, "@/no/such/key", &err), STATUS_IO, err,
                 "/no/such/key");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/address_remap");
    testing_add_loop(suite, images_are_those_of_the_scheme, ARRAY_LEN(image_cases));
    testing_add(suite, prefixes_are_kept);
    testing_add(suite, a_prefix_is_permuted);
    testing_add_loop(suite, sets_have_the_images_of_their_addresses, 5);
    testing_add(suite, keys_may_be_written_in_several_ways);
    testing_add(suite, bad_keys_are_refused_without_showing_them);
    return suite;
}
