#include "testing.h"

#include "data/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(every_protocol_is_read_back)
{
    for (int p = 0; p < 256; p++) {
        const char *name = protocol_name((uint8_t)p);
        ck_assert_msg(protocol_number(name, strlen(name)) == p, "%d is written as %s", p, name);
        char digits[8];
        int length = snprintf(digits, sizeof digits, "%d", p);
        ck_assert_int_eq(protocol_number(digits, (size_t)length), p);
    }
}
END_TEST

START_TEST(protocols_have_the_names_of_nfdump)
{
    static const struct {
        int number;
        const char *name;
    } cases[] = {
        { 1, "ICMP" },   { 4, "IPIP" },   { 6, "TCP" },    { 17, "UDP" },  { 41, "IPv6" },
        { 47, "GRE" },   { 50, "ESP" },   { 58, "ICMP6" }, { 89, "OSPF" }, { 103, "PIM" },
        { 112, "VRRP" }, { 132, "SCTP" }, { 137, "MPLS" }, { 138, "138" }, { 255, "255" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_str_eq(protocol_name((uint8_t)cases[i].number), cases[i].name);
}
END_TEST

START_TEST(other_words_are_no_protocol)
{
    static const char *const words[] = { "",   "TC",  "TCPx", "256", "-1",    "+6",
                                         "06", "1e1", " 6",   "6 ",  "99999", "TCPTCP" };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        ck_assert_msg(protocol_number(words[i], strlen(words[i])) == -1, "\"%s\"", words[i]);
    ck_assert_int_eq(protocol_number("TCP\0\0", 5), -1);
    ck_assert_int_eq(protocol_number("tcp", 3), 6);
}
END_TEST

START_TEST(every_flag_byte_is_read_back)
{
    for (int f = 0; f < 256; f++) {
        char text[FLAGS_TEXT_SIZE];
        flags_format((uint8_t)f, text);
        ck_assert_msg(flags_parse(text, strlen(text)) == f, "%d is written as %s", f, text);
    }
    char text[FLAGS_TEXT_SIZE];
    flags_format(1 | 2 | 8 | 16, text);
    ck_assert_str_eq(text, ".AP.SF");
    flags_format(0xd8, text);
    ck_assert_str_eq(text, "0xd8");
}
END_TEST

START_TEST(other_words_are_no_flags)
{
    static const char *const words[] = { "",     ".AP.S", ".AP.SF.", "AP.SF.", ".ap.sf", "UAPRS ",
                                         "0xfg", "0x1",   "0x123",   "0X12",   "......x" };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        ck_assert_msg(flags_parse(words[i], strlen(words[i])) == -1, "\"%s\"", words[i]);
}
END_TEST

START_TEST(labels_keep_their_order_and_are_bounded)
{
    struct label_list labels = { 0 };
    ck_assert_int_eq(label_list_find(&labels, "background", 10), -1);
    ck_assert_int_eq(label_list_add(&labels, "background", 10), 0);
    ck_assert_int_eq(label_list_add(&labels, "back", 4), 1);
    ck_assert_int_eq(label_list_add(&labels, "backgroundx", 10), 0);
    ck_assert_int_eq(label_list_find(&labels, "back", 4), 1);
    ck_assert_int_eq(label_list_find(&labels, "backg", 5), -1);
    char name[80] = "";
    for (int i = 2; i < LABELS_MAX; i++) {
        int length = snprintf(name, sizeof name, "label-%d", i);
        ck_assert_int_eq(label_list_add(&labels, name, (size_t)length), i);
    }
    ck_assert_int_eq(label_list_add(&labels, "one too many", 12), -1);

    struct label_list copy = label_list_copy(&labels);
    label_list_release(&labels);
    ck_assert_uint_eq(copy.n, LABELS_MAX);
    ck_assert_str_eq(copy.names[1], "back");
    label_list_release(&copy);

    memset(name, 'x', sizeof name);
    ck_assert_int_eq(label_list_add(&labels, name, LABEL_NAME_MAX + 1), -1);
    ck_assert_int_eq(label_list_add(&labels, name, LABEL_NAME_MAX), 0);
    label_list_release(&labels);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/flow");
    testing_add(suite, every_protocol_is_read_back);
    testing_add(suite, protocols_have_the_names_of_nfdump);
    testing_add(suite, other_words_are_no_protocol);
    testing_add(suite, every_flag_byte_is_read_back);
    testing_add(suite, other_words_are_no_flags);
    testing_add(suite, labels_keep_their_order_and_are_bounded);
    return suite;
}
