#include "testing.h"

#include "data/calendar.h"

#include <string.h>
#include <time.h>

/* Every day of 1970..2199 at one second of it, against the C library. */
START_TEST(every_day_agrees_with_timegm)
{
    int64_t days_seen = 0;
    for (int64_t ms = 0;; ms += MS_PER_DAY) {
        int64_t clock = ms + ms / MS_PER_DAY * 7919 % 86400 * MS_PER_SECOND;
        time_t seconds = (time_t)(clock / MS_PER_SECOND);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        if (tm.tm_year + 1900 == 2200)
            break;
        char expected[CALENDAR_TEXT_SIZE], text[CALENDAR_TEXT_SIZE];
        strftime(expected, sizeof expected, "%Y-%m-%d %H:%M:%S", &tm);
        calendar_format(clock + 999, text);
        ck_assert_str_eq(text, expected);
        int64_t back;
        ck_assert(calendar_parse(text, 19, &back));
        ck_assert_int_eq(back, clock);
        ck_assert(calendar_parse(text, 10, &back));
        ck_assert_int_eq(back, ms);
        ck_assert_int_eq(calendar_midnight(clock), ms);
        ck_assert_int_eq(calendar_hour(clock), tm.tm_hour);
        ck_assert_int_eq(calendar_weekday(clock), (tm.tm_wday + 6) % 7);
        days_seen++;
    }
    ck_assert_int_eq(days_seen, 230 * 365 + 56);
}
END_TEST

START_TEST(times_before_1970_have_a_clock_too)
{
    char text[CALENDAR_TEXT_SIZE];
    calendar_format(-1, text);
    ck_assert_str_eq(text, "1969-12-31 23:59:59");
    ck_assert_int_eq(calendar_midnight(-1), -MS_PER_DAY);
    ck_assert_int_eq(calendar_midnight(-MS_PER_DAY), -MS_PER_DAY);
    ck_assert_int_eq(calendar_hour(-1), 23);
    ck_assert_int_eq(calendar_weekday(-1), 2);
}
END_TEST

static const char *const impossible[] = {
    "2016-02-30",          "2015-02-29",
    "2100-02-29",          "2016-13-01",
    "2016-00-01",          "2016-04-31",
    "2016-04-00",          "1969-12-31",
    "2200-01-01",          "16-04-11",
    "2016/04/11",          "2016-4-11",
    "2016-04-1x",          "",
    "2016-04-11 24:00:00", "2016-04-11 23:60:00",
    "2016-04-11 23:59:60", "2016-04-11 23:59",
    "2016-04-11 2:59:00 ", "2016-04-11x12:00:00",
    "2016-04-11 12:00:0:", "2016-04-11 12:00:00 ",
    "2016-04-11 12-00-00", " 2016-04-1",
};

START_TEST(impossible_times_are_refused)
{
    int64_t ms;
    ck_assert_msg(!calendar_parse(impossible[_i], strlen(impossible[_i]), &ms), "%s",
                  impossible[_i]);
}
END_TEST

START_TEST(both_separators_are_taken)
{
    int64_t with_space, with_t;
    ck_assert(calendar_parse("2016-02-29 12:34:56", 19, &with_space));
    ck_assert(calendar_parse("2016-02-29T12:34:56", 19, &with_t));
    ck_assert_int_eq(with_space, INT64_C(1456749296000));
    ck_assert_int_eq(with_t, with_space);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/calendar");
    testing_add(suite, every_day_agrees_with_timegm);
    testing_add(suite, times_before_1970_have_a_clock_too);
    testing_add_loop(suite, impossible_times_are_refused, ARRAY_LEN(impossible));
    testing_add(suite, both_separators_are_taken);
    return suite;
}
