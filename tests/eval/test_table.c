#include "eval/table.h"
#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const headings[] = { "", "flows", "share of the bytes", "" };

static void fill(struct table *table, bool has_headings)
{
    table_begin(table, "Who & what", has_headings ? headings : NULL, ARRAY_LEN(headings));
    table_row(table, "TCP");
    table_count(table, 1234567.0);
    table_spread(table, 0.25, 0.01);
    table_verdict(table, VERDICT_FAR, "too many");
    table_row(table, "a name that is longer than most of them");
    table_text(table, "<none>"); /* and nothing in the last columns */
    table_row(table, "ICMP");
    table_number(table, 0.25);
    table_spread(table, 12.0, (double)NAN);
    table_verdict(table, VERDICT_NONE, "no verdict");
    table_row(table, "UDP");
}

/* What a writer of a table says, as a new string. */
static char *text_of(bool is_page, bool has_headings)
{
    struct table table;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    fill(&table, has_headings);
    if (is_page)
        table_write(&table, &(struct page){ .out = out });
    else
        table_print(&table, out);
    table_release(&table);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

START_TEST(columns_are_as_wide_as_what_is_in_them)
{
    char *text = text_of(false, true);
    ck_assert_str_eq(
        text,
        "\nWho & what\n\n"
        "                                               flows  share of the bytes\n"
        "  TCP                                      1,234,567     0.2500 (0.0100)  too many\n"
        "  a name that is longer than most of them     <none>\n"
        "  ICMP                                        0.2500               12.00  no verdict\n"
        "  UDP\n");
    free(text);
    text = text_of(false, false);
    ck_assert_str_eq(
        text, "\nWho & what\n\n"
              "  TCP                                      1,234,567  0.2500 (0.0100)  too many\n"
              "  a name that is longer than most of them     <none>\n"
              "  ICMP                                        0.2500            12.00  no verdict\n"
              "  UDP\n");
    free(text);
}
END_TEST

START_TEST(pages_have_every_cell)
{
    char *text = text_of(true, true);
    static const char *const words[] = {
        "Who &amp; what",
        "<th scope=\"col\"></th><th scope=\"col\">flows</th>"
        "<th scope=\"col\">share of the bytes</th><th scope=\"col\"></th></tr></thead>\n<tbody>\n"
        "<tr><th scope=\"row\">TCP</th><td>1,234,567</td><td>0.2500 (0.0100)</td>"
        "<td class=\"words\"><span class=\"verdict v3\">too many</span></td></tr>",
        "<td>&lt;none&gt;</td><td></td><td></td></tr>",
        "<td>12.00</td><td class=\"words\"><span class=\"verdict v4\">no verdict</span></td></tr>",
        "<th scope=\"row\">UDP</th><td></td><td></td><td></td></tr>",
    };
    for (size_t w = 0; w < ARRAY_LEN(words); w++)
        testing_assert_words(text, words[w]);
    free(text);
    text = text_of(true, false);
    ck_assert_ptr_null(strstr(text, "<thead>"));
    testing_assert_words(text, "<tbody>\n<tr><th scope=\"row\">TCP</th>");
    free(text);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/table");
    testing_add(suite, columns_are_as_wide_as_what_is_in_them);
    testing_add(suite, pages_have_every_cell);
    return suite;
}
