#include "testing.h"

#include "base/rng.h"
#include "data/address_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(addresses_are_read_back)
{
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    for (int i = 0; i < 100000; i++) {
        uint32_t address = rng_u32(&rng) >> rng_below(&rng, 32), back;
        char text[ADDRESS_TEXT_SIZE];
        address_format(address, text);
        ck_assert(address_parse(text, strlen(text), &back));
        ck_assert_uint_eq(back, address);
    }
    uint32_t address;
    ck_assert(address_parse("255.0.42.1 ", 10, &address));
    ck_assert_uint_eq(address, 0xff002a01);
}
END_TEST

static const char *const no_addresses[] = {
    "",          "1.2.3",    "1.2.3.",  "1.2.3.4.",  "1.2.3.4.5", "256.1.1.1", "1.2.3.1000",
    "1.2.3.04",  "00.1.1.1", "1..2.3",  ".1.2.3.4",  "1.2.3.4 ",  " 1.2.3.4",  "1.2.3.-4",
    "0x1.2.3.4", "::1",      "1,2,3,4", "1.2.3.4\n", "1234",      "a.b.c.d",
};

START_TEST(other_words_are_no_addresses)
{
    uint32_t address;
    ck_assert_msg(!address_parse(no_addresses[_i], strlen(no_addresses[_i]), &address), "\"%s\"",
                  no_addresses[_i]);
}
END_TEST

static const struct {
    const char *added, *text;
    uint64_t size;
} sets[] = {
    { "", "", 0 },
    { "42.219.0.0/16", "42.219.0.0/16", 65536 },
    { "10.0.0.7,10.0.0.6 10.0.0.8", "10.0.0.6/31,10.0.0.8", 3 },
    { "10.0.0.0/24,10.0.0.128/25", "10.0.0.0/24", 256 },
    { "10.0.0.128/25\n10.0.0.0/25", "10.0.0.0/24", 256 },
    { "0.0.0.0/0", "0.0.0.0/0", UINT64_C(1) << 32 },
    { "128.0.0.0/1,0.0.0.0/1", "0.0.0.0/0", UINT64_C(1) << 32 },
    { "255.255.255.255,0.0.0.0", "0.0.0.0,255.255.255.255", 2 },
    { "255.255.255.255,255.255.255.254", "255.255.255.254/31", 2 },
    { "1.1.1.1/32,1.1.1.1", "1.1.1.1", 1 },
    { "10.0.0.4,10.0.0.0,10.0.0.2,10.0.0.0/29", "10.0.0.0/29", 8 },
};

START_TEST(sets_are_joined_and_read_back)
{
    struct error err = { 0 };
    struct address_set set = { 0 }, again = { 0 };
    assert_ok(address_set_add_text(&set, sets[_i].added, &err), err);
    char *text = address_set_text(&set);
    ck_assert_str_eq(text, sets[_i].text);
    ck_assert_uint_eq(address_set_size(&set), sets[_i].size);
    assert_ok(address_set_add_text(&again, text, &err), err);
    ck_assert_uint_eq(again.n_ranges, set.n_ranges);
    if (set.n_ranges > 0)
        ck_assert_mem_eq(again.ranges, set.ranges, set.n_ranges * sizeof *set.ranges);
    free(text);
    address_set_release(&set);
    address_set_release(&again);
}
END_TEST

/* A set over a few addresses at both ends of the space, beside a plain table of them. */
START_TEST(membership_agrees_with_a_table)
{
    enum { HALF = 64 };
    struct rng rng = rng_stream(2, RNG_TEST, 0, 0);
    for (int round = 0; round < 2000; round++) {
        struct address_set set = { 0 };
        bool table[2 * HALF] = { false };
        for (uint64_t n = rng_below(&rng, 8); n > 0; n--) {
            bool is_high = rng_below(&rng, 2) == 1;
            uint32_t base = is_high ? UINT32_MAX - HALF + 1 : 0;
            uint32_t first = (uint32_t)rng_below(&rng, HALF);
            uint32_t last = first + (uint32_t)rng_below(&rng, HALF - first);
            address_set_add_range(&set, base + first, base + last);
            for (uint32_t a = first; a <= last; a++)
                table[a + (is_high ? HALF : 0)] = true;
        }
        uint64_t size = 0;
        for (uint32_t a = 0; a < 2 * HALF; a++) {
            uint32_t address = a < HALF ? a : UINT32_MAX - 2 * HALF + 1 + a;
            ck_assert(address_set_has(&set, address) == table[a]);
            size += table[a];
        }
        ck_assert_uint_eq(address_set_size(&set), size);
        ck_assert(!address_set_has(&set, 1u << 31));
        for (size_t i = 1; i < set.n_ranges; i++)
            ck_assert_uint_gt(set.ranges[i].first, set.ranges[i - 1].last + 1);
        address_set_release(&set);
    }
}
END_TEST

START_TEST(lists_say_where_an_address_stands)
{
    static const uint32_t list[] = { 0, 7, 8, 1000, UINT32_MAX };
    static const struct {
        uint32_t address;
        size_t place;
        bool is_there;
    } cases[] = {
        { 0, 0, true },  { 1, 1, false },   { 7, 1, true },     { 8, 2, true },
        { 9, 3, false }, { 1000, 3, true }, { 1001, 4, false }, { UINT32_MAX, 4, true },
    };
    size_t place;
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        ck_assert_int_eq(address_list_find(list, ARRAY_LEN(list), cases[c].address, &place),
                         cases[c].is_there);
        ck_assert_uint_eq(place, cases[c].place);
    }
    ck_assert(!address_list_find(list, 4, UINT32_MAX, &place));
    ck_assert_uint_eq(place, 4);
    ck_assert(!address_list_find(NULL, 0, 5, &place));
    ck_assert_uint_eq(place, 0);
}
END_TEST

START_TEST(wrong_words_say_what_is_meant)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        { "42.219.0.0/33", "0 to 32 bits" },
        { "42.219.0.0/", "0 to 32 bits" },
        { "42.219.0.0/+8", "0 to 32 bits" },
        { "42.219.155.0/16", "did you mean 42.219.0.0/16?" },
        { "10.0.0.1,foo", "foo is no IPv4 address" },
        { "@/nonexistent/hosts", "cannot read the hosts in /nonexistent/hosts" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct address_set set = { 0 };
        struct error err = { 0 };
        assert_fails(address_set_add_text(&set, cases[i].text, &err), STATUS_USAGE, err,
                     cases[i].words);
        address_set_release(&set);
    }
}
END_TEST

START_TEST(files_of_hosts_are_read)
{
    struct error err = { 0 };
    struct address_set set = { 0 };
    const char *path = testing_write("hosts.txt", "# ours\n10.0.0.1\r\n10.0.0.3, 10.0.0.5 # two\n\n"
                                                  "192.168.0.0/24");
    char word[300];
    snprintf(word, sizeof word, "172.16.0.0/12,@%s", path);
    assert_ok(address_set_add_text(&set, word, &err), err);
    ck_assert_uint_eq(address_set_size(&set), (1 << 20) + 3 + 256);
    ck_assert(address_set_has(&set, 10 << 24 | 5));
    path = testing_write("bad.txt", "10.0.0.1\n@other\n");
    snprintf(word, sizeof word, "@%s", path);
    assert_fails(address_set_add_text(&set, word, &err), STATUS_USAGE, err, "bad.txt:2: @other");
    address_set_release(&set);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/address_set");
    testing_add(suite, addresses_are_read_back);
    testing_add_loop(suite, other_words_are_no_addresses, ARRAY_LEN(no_addresses));
    testing_add_loop(suite, sets_are_joined_and_read_back, ARRAY_LEN(sets));
    testing_add(suite, membership_agrees_with_a_table);
    testing_add(suite, lists_say_where_an_address_stands);
    testing_add(suite, wrong_words_say_what_is_meant);
    testing_add(suite, files_of_hosts_are_read);
    return suite;
}
