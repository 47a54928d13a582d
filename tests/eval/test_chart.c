#include "testing.h"

#include "eval/chart.h"
#include "eval/row_chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- axes --------------------------------------------------------------------------------- */

static struct axis axis_over(enum scale scale, double low, double high)
{
    struct axis axis = { .scale = scale };
    axis_include(&axis, low);
    axis_include(&axis, high);
    axis_finish(&axis);
    return axis;
}

static const struct {
    enum scale scale;
    double low, high;           /* of the values */
    double axis_low, axis_high; /* of the axis */
    const char *labels;         /* with five ticks wanted */
} axis_cases[] = {
    { SCALE_LINEAR, 0.0, 0.97, 0.0, 1.0, "0 0.2 0.4 0.6 0.8 1 " },
    { SCALE_LINEAR, 0.0, 100.0, 0.0, 100.0, "0 20 40 60 80 100 " },
    { SCALE_LINEAR, -0.12, 0.31, -0.2, 0.4, "-0.2 -0.1 0 0.1 0.2 0.3 0.4 " },
    { SCALE_LINEAR, 3.0, 3.0, 0.0, 6.0, "0 1 2 3 4 5 6 " },
    { SCALE_LINEAR, 12000.0, 31000.0, 10000.0, 35000.0, "10k 15k 20k 25k 30k 35k " },
    { SCALE_LOG, 0.0003, 0.4, 0.0001, 1.0, "0.0001 0.001 0.01 0.1 1 " },
    { SCALE_LOG, 2e-6, 0.9, 1e-6, 1.0, "1e-6 0.0001 0.01 1 " },
    { SCALE_LOG, 1.0, 8.0, 1.0, 8.0, "1 2 5 " },
    { SCALE_LOG, 5.0, 5.0, 0.1, 100.0, "0.1 1 10 100 " },
    { SCALE_LOG1P, 0.0, 2e6, 0.0, 2e6, "0 1 100 10k 1M " },
    { SCALE_LOG1P, 40.0, 9000.0, 40.0, 9000.0, "100 1k " },
    { SCALE_LOG1P, 0.0, 0.0, 0.0, 1.0, "0 1 " },
};

START_TEST(axes_have_round_ticks_inside)
{
    struct axis axis = axis_over(axis_cases[_i].scale, axis_cases[_i].low, axis_cases[_i].high);
    assert_near(axis.low, axis_cases[_i].axis_low, 1e-9);
    assert_near(axis.high, axis_cases[_i].axis_high, 1e-9 * axis.high);
    struct ticks ticks = axis_ticks(&axis, 5);
    char labels[256] = "";
    for (size_t t = 0; t < ticks.n; t++) {
        char label[AXIS_LABEL_SIZE];
        axis_label(ticks.at[t], label);
        strncat(labels, label, sizeof labels - strlen(labels) - 1);
        strncat(labels, " ", sizeof labels - strlen(labels) - 1);
        double place = axis_place(&axis, ticks.at[t]);
        ck_assert(place >= 0.0 && place <= 1.0);
        if (t > 0)
            ck_assert_double_gt(ticks.at[t], ticks.at[t - 1]);
    }
    ck_assert_str_eq(labels, axis_cases[_i].labels);
}
END_TEST

START_TEST(places_rise_from_end_to_end)
{
    for (int scale = SCALE_LINEAR; scale <= SCALE_LOG1P; scale++) {
        struct axis axis = axis_over((enum scale)scale, 1.0, 1e6);
        axis.low = 1.0;
        assert_near(axis_place(&axis, axis.low), 0.0, 1e-12);
        assert_near(axis_place(&axis, axis.high), 1.0, 1e-12);
        assert_near(axis_place(&axis, 2.0 * axis.high), 1.0, 1e-12);
        double last = -1.0;
        for (double x = 1.0; x <= axis.high; x *= 1.7) {
            ck_assert_double_gt(axis_place(&axis, x), last);
            last = axis_place(&axis, x);
        }
    }
    /* On a log axis a factor is a length. */
    struct axis axis = axis_over(SCALE_LOG, 1.0, 1e4);
    assert_near(axis_place(&axis, 100.0), 0.5, 1e-12);
}
END_TEST

START_TEST(axes_leave_out_what_they_cannot_show)
{
    struct axis axis = { .scale = SCALE_LOG };
    axis_include(&axis, 0.0);
    axis_include(&axis, -3.0);
    axis_include(&axis, (double)NAN);
    axis_include(&axis, (double)INFINITY);
    ck_assert(!axis.has_range);
    axis_include(&axis, 3.0);
    ck_assert(axis.has_range);
    assert_near(axis.high, 3.0, 0.0);
}
END_TEST

/* ---- markup ------------------------------------------------------------------------------- */

static const struct {
    const char *text, *escaped;
} text_cases[] = {
    { "plain", "plain" },
    { "<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" },
    { "a & \"b\"", "a &amp; &quot;b&quot;" },
    { "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
    { "latin \xe9.", "latin \xef\xbf\xbd." },
    { "bell \x07 stop", "bell \xef\xbf\xbd stop" },
    { "cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
    { "overlong \xc0\xaf", "overlong \xef\xbf\xbd\xef\xbf\xbd" },
    { "surrogate \xed\xa0\x80", "surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    { "two\nlines", "two\nlines" },
};

/* What is written to a stream, as a string that is freed by the caller. */
struct written {
    FILE *out;
    char *text;
    size_t size;
};

static void written_begin(struct written *written)
{
    *written = (struct written){ 0 };
    written->out = open_memstream(&written->text, &written->size);
}

static const char *written_end(struct written *written)
{
    ck_assert_int_eq(fclose(written->out), 0);
    return written->text;
}

START_TEST(text_cannot_break_out)
{
    struct written written;
    written_begin(&written);
    markup_format(written.out, "[%s]", text_cases[_i].text);
    char expected[256];
    snprintf(expected, sizeof expected, "[%s]", text_cases[_i].escaped);
    ck_assert_str_eq(written_end(&written), expected);
    free(written.text);
}
END_TEST

START_TEST(coordinates_are_short)
{
    struct written written;
    written_begin(&written);
    markup_format(written.out, "%f %f %f %f %d %z %%", 12.0, 1.26, -0.04, 1e3, -7, (size_t)9);
    ck_assert_str_eq(written_end(&written), "12 1.3 0 1000 -7 9 %");
    free(written.text);
}
END_TEST

static const struct {
    double x;
    const char *text;
} number_cases[] = {
    { 0.0, "0" },        { 0.00001, "0.0000" },      { 0.03124, "0.0312" },
    { 1.5, "1.500" },    { 45.601, "45.60" },        { 738.3, "738.3" },
    { 1234.4, "1,234" }, { -1234567, "-1,234,567" }, { 999999999999.0, "999,999,999,999" },
    { 3e18, "3e+18" },   { (double)NAN, "-" },       { (double)INFINITY, "-" },
};

START_TEST(numbers_are_for_people)
{
    char text[NUMBER_TEXT_SIZE];
    number_format(number_cases[_i].x, text);
    ck_assert_str_eq(text, number_cases[_i].text);
}
END_TEST

/* ---- charts ------------------------------------------------------------------------------- */

static const double xs[] = { 0, 1, 2, 3, 4, 5 };
static const double ys[] = { 1.0, 4.0, (double)NAN, 2.0, (double)INFINITY, 3.0 };
static const double highs[] = { 2.0, 5.0, 6.0, (double)NAN, 7.0, 3.5 };
static const double nothing[] = { (double)NAN, (double)NAN, (double)NAN,
                                  (double)NAN, (double)NAN, (double)NAN };

/* The value of the attribute d of the first path of that class; fails where there is none. */
static void path_of(const char *page, const char *class, char path[256])
{
    char start[64];
    snprintf(start, sizeof start, "class=\"%s\" d=\"", class);
    const char *at = strstr(page, start);
    ck_assert_msg(at != NULL, "no path of class %s", class);
    snprintf(path, 256, "%.*s", (int)strcspn(at + strlen(start), "\""), at + strlen(start));
}

static size_t count_of(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        n++;
    return n;
}

START_TEST(every_mark_is_drawn_without_what_is_no_number)
{
    for (int scale = SCALE_LINEAR; scale <= SCALE_LOG1P; scale++) {
        struct chart chart = {
            .title = "a <title>",
            .note = "a note",
            .x = { .title = "x", .scale = scale == SCALE_LOG ? SCALE_LINEAR : (enum scale)scale },
            .y = { .title = "y", .scale = (enum scale)scale },
        };
        for (int mark = MARK_LINE; mark <= MARK_POINTS; mark++)
            ck_assert(chart_add(&chart, (struct series){ (enum mark)mark, mark, "a & b", xs, ys,
                                                         highs, .n = mark == MARK_STEPS ? 5 : 6 }));
        struct written written;
        written_begin(&written);
        struct page page = { .out = written.out };
        chart_write(&chart, &page);
        ck_assert_int_eq(page.n_panels, 1);
        const char *text = written_end(&written);
        ck_assert_ptr_null(strstr(text, "nan"));
        ck_assert_ptr_null(strstr(text, "inf"));
        ck_assert_ptr_null(strstr(text, "<title>a <"));
        testing_assert_words(text, "a &lt;title&gt;");
        testing_assert_words(text, "aria-labelledby=\"t1 d1\"");
        testing_assert_words(text,
                             "a &amp; b: 4 values, lowest 1.000 at 0, highest 4.000 at 1.000");
        char path[256];
        path_of(text, "line", path); /* broken twice: three pieces, two of them single values */
        ck_assert_uint_eq(count_of(path, "M"), 3);
        ck_assert_uint_eq(count_of(path, "L"), 1);
        ck_assert_uint_eq(count_of(path, "h2"), 2);
        path_of(text, "band", path);
        ck_assert_uint_eq(count_of(path, "Z"), 2);
        path_of(text, "steps", path);
        ck_assert_uint_eq(count_of(path, "H"), 3);
        ck_assert_uint_eq(count_of(text, "<circle"), 4);
        free(written.text);
    }
}
END_TEST

START_TEST(lines_lie_where_their_values_are)
{
    static const double x[] = { 0.0, 10.0 }, y[] = { 0.0, 1.0 };
    struct chart chart = { .title = "t", .x = { .title = "x" }, .y = { .title = "y" } };
    chart_add(&chart, (struct series){ MARK_LINE, COLOR_REAL, "line", x, y, NULL, .n = 2 });
    struct written written;
    written_begin(&written);
    struct page page = { .out = written.out };
    chart_write(&chart, &page);
    char line[256], frame[256], expected[64];
    path_of(written_end(&written), "line", line);
    path_of(written.text, "frame", frame);
    /* "M left top V bottom H right": from the lower left corner to the upper right one. */
    double left, top, bottom, right;
    ck_assert_int_eq(sscanf(frame, "M%lf %lfV%lfH%lf", &left, &top, &bottom, &right), 4);
    snprintf(expected, sizeof expected, "M%.4g %.4gL%.4g %.4g", left, bottom, right, top);
    ck_assert_str_eq(line, expected);
    free(written.text);
}
END_TEST

START_TEST(empty_data_says_so)
{
    struct chart chart = { .title = "nothing", .x = { .title = "x" }, .y = { .title = "y" } };
    chart_add(&chart, (struct series){ MARK_LINE, COLOR_REAL, "real", xs, nothing, NULL, .n = 6 });
    const char *const labels[] = { "row" };
    const struct row_mark mark = { COLOR_REAL, "real", nothing, 6, 0.0 };
    struct row_chart rows = { .title = "no rows",
                              .x = { .title = "x" },
                              .labels = labels,
                              .n_rows = 1,
                              .marks = &mark,
                              .n_marks = 1 };
    struct written written;
    written_begin(&written);
    struct page page = { .out = written.out };
    chart_write(&chart, &page);
    row_chart_write(&rows, &page);
    ck_assert_int_eq(page.n_panels, 2);
    ck_assert_uint_eq(count_of(written_end(&written), "No data to show."), 2);
    ck_assert_ptr_null(strstr(written.text, "<svg"));
    free(written.text);
}
END_TEST

START_TEST(panels_to_compare_have_equal_axes)
{
    static const double small[] = { 0.1, 0.2 }, large[] = { 40.0, 70.0 }, x[] = { 1.0, 2.0 };
    struct chart charts[3] = { { .title = "a" }, { .title = "b" }, { .title = "empty" } };
    chart_add(&charts[0], (struct series){ MARK_LINE, 0, "a", x, small, NULL, .n = 2 });
    chart_add(&charts[1], (struct series){ MARK_LINE, 0, "b", x, large, NULL, .n = 2 });
    chart_add(&charts[2], (struct series){ MARK_LINE, 0, "c", x, nothing, NULL, .n = 2 });
    chart_share_axes(charts, 3);
    for (int c = 0; c < 3; c++) {
        assert_near(charts[c].y.low, 0.0, 0.0);
        assert_near(charts[c].y.high, 70.0, 0.0);
        assert_near(charts[c].x.low, charts[0].x.low, 0.0);
    }
    struct written written;
    written_begin(&written);
    struct page page = { .out = written.out };
    chart_write(&charts[2], &page); /* axes of others do not fill it */
    testing_assert_words(written_end(&written), "No data to show.");
    free(written.text);
}
END_TEST

START_TEST(thin_tails_do_not_widen_a_histogram)
{
    static const double edges[] = { 0, 1, 2, 3, 1000 }, shares[] = { 0.5, 0.499, 0.0009, 0.0001 };
    struct chart charts[2] = { { .title = "all" }, { .title = "trimmed", .trim = 0.002 } };
    for (int c = 0; c < 2; c++) {
        chart_add(&charts[c], (struct series){ MARK_STEPS, 0, "a", edges, shares, NULL, .n = 4 });
        charts[c].x.is_tight = true;
        chart_share_axes(&charts[c], 1);
    }
    assert_near(charts[0].x.high, 1000.0, 0.0);
    assert_near(charts[1].x.high, 2.0, 0.0);
}
END_TEST

START_TEST(there_is_an_end_to_series)
{
    struct chart chart = { .title = "many" };
    for (int s = 0; s < CHART_SERIES_MAX; s++)
        ck_assert(chart_add(&chart, (struct series){ MARK_LINE, s, "s", xs, ys, NULL, .n = 6 }));
    ck_assert(!chart_add(&chart, (struct series){ MARK_LINE, 0, "s", xs, ys, NULL, .n = 6 }));
}
END_TEST

START_TEST(boxes_hold_the_middle_half)
{
    static const double sorted[] = { 1.0, 2.0, 3.0, 4.0, 10.0 };
    assert_near(quantile_of(sorted, 5, 0.0), 1.0, 0.0);
    assert_near(quantile_of(sorted, 5, 0.25), 2.0, 0.0);
    assert_near(quantile_of(sorted, 5, 0.5), 3.0, 0.0);
    assert_near(quantile_of(sorted, 5, 0.9), 7.6, 1e-12);
    assert_near(quantile_of(sorted, 5, 1.0), 10.0, 0.0);
    assert_near(quantile_of(sorted, 1, 0.5), 1.0, 0.0);
}
END_TEST

START_TEST(rows_are_bars_or_boxes)
{
    static const double values[] = { 5.0, 1.0, 3.0, 2.0, 4.0 }, few[] = { 2.0, 3.0 };
    static const double below = -1.5;
    const char *const labels[] = { "first & last" };
    const struct row_mark marks[] = { { COLOR_FLOOR, "floor", values, 5, 0.0 },
                                      { COLOR_FIRST_TWIN, "few", few, 2, 0.0 },
                                      { COLOR_FIRST_TWIN + 1, "none", NULL, 0, 0.0 },
                                      { COLOR_FIRST_TWIN + 2, "below", &below, 1, 0.5 } };
    struct row_chart chart = { .title = "rows",
                               .x = { .title = "x", .from_zero = true },
                               .labels = labels,
                               .n_rows = 1,
                               .marks = marks,
                               .n_marks = ARRAY_LEN(marks) };
    for (int kind = ROWS_OF_BARS; kind <= ROWS_OF_BOXES; kind++) {
        chart.kind = (enum row_kind)kind;
        struct written written;
        written_begin(&written);
        struct page page = { .out = written.out };
        row_chart_write(&chart, &page);
        const char *text = written_end(&written);
        ck_assert_ptr_null(strstr(text, "nan"));
        testing_assert_words(text, ">first &amp; last</text>");
        testing_assert_words(text, "floor median 3.000, few median 2.500, none -, below -1.500.");
        ck_assert_uint_eq(count_of(text, "class=\"bar\""), kind == ROWS_OF_BARS ? 3 : 0);
        ck_assert_uint_eq(count_of(text, "class=\"whisker\""), kind == ROWS_OF_BARS ? 1 : 0);
        ck_assert_uint_eq(count_of(text, "class=\"boxfill\""), kind == ROWS_OF_BARS ? 0 : 1);
        ck_assert_uint_eq(count_of(text, "<circle"), kind == ROWS_OF_BARS ? 0 : 3);
        free(written.text);
    }
}
END_TEST

/* ---- pages -------------------------------------------------------------------------------- */

static void write_nothing_much(struct page *page, const void *what)
{
    page_begin(page, "title", what);
    page_end(page, "end");
}

START_TEST(pages_are_whole_or_not_there)
{
    struct error err;
    const char *path = testing_path("page.html");
    assert_ok(page_write(path, write_nothing_much, "<subtitle>", &err), err);
    FILE *file = fopen(path, "r");
    char text[16384] = "";
    ck_assert_ptr_nonnull(file);
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    ck_assert_uint_gt(n, 1000);
    testing_assert_words(text, "&lt;subtitle&gt;");
    ck_assert_str_eq(text + n - 8, "</html>\n");
    assert_fails(page_write("/nowhere/at/all.html", write_nothing_much, "", &err), STATUS_IO, err,
                 "/nowhere/at/all.html");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/chart");
    testing_add_loop(suite, axes_have_round_ticks_inside, ARRAY_LEN(axis_cases));
    testing_add(suite, places_rise_from_end_to_end);
    testing_add(suite, axes_leave_out_what_they_cannot_show);
    testing_add_loop(suite, text_cannot_break_out, ARRAY_LEN(text_cases));
    testing_add(suite, coordinates_are_short);
    testing_add_loop(suite, numbers_are_for_people, ARRAY_LEN(number_cases));
    testing_add(suite, every_mark_is_drawn_without_what_is_no_number);
    testing_add(suite, lines_lie_where_their_values_are);
    testing_add(suite, empty_data_says_so);
    testing_add(suite, panels_to_compare_have_equal_axes);
    testing_add(suite, thin_tails_do_not_widen_a_histogram);
    testing_add(suite, there_is_an_end_to_series);
    testing_add(suite, boxes_hold_the_middle_half);
    testing_add(suite, rows_are_bars_or_boxes);
    testing_add(suite, pages_are_whole_or_not_there);
    return suite;
}
