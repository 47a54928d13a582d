#include "eval/table.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

static const char *const headings[] = { "", "flows", "share of the bytes" };

static void fill(struct table *table, bool has_headings)
{
    table_begin(table, "Who & what", has_headings ? headings : NULL, 3);
    table_row(table, "TCP");
    table_count(table, 1234567.0);
    table_number(table, 0.25);
    table_row(table, "a name that is longer than most of them");
    table_text(table, "<none>"); /* and nothing in the last column */
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
    ck_assert_str_eq(text,
                     "\nWho & what\n\n"
                     "                                               flows  share of the bytes\n"
                     "  TCP                                      1,234,567              0.2500\n"
                     "  a name that is longer than most of them     <none>\n"
                     "  UDP\n");
    free(text);
    text = text_of(false, false);
    ck_assert_str_eq(text, "\nWho & what\n\n"
                           "  TCP                                      1,234,567    0.2500\n"
                           "  a name that is longer than most of them     <none>\n"
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
        "<th scope=\"col\">share of the bytes</th>",
        "<th scope=\"row\">TCP</th><td>1,234,567</td><td>0.2500</td></tr>",
        "<td>&lt;none&gt;</td><td></td></tr>",
        "<th scope=\"row\">UDP</th><td></td><td></td></tr>",
    };
    for (size_t w = 0; w < ARRAY_LEN(words); w++)
        testing_assert_words(text, words[w]);
    free(text);
    text = text_of(true, false);
    ck_assert_ptr_null(strstr(text, "<thead>"));
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
