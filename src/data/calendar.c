#include "data/calendar.h"

#define YEAR_FIRST 1970
#define YEAR_LAST  2199

/* Days since 1970-01-01 of a date, and the date of such a day. The year begins in March, so that
 * the day that comes and goes is its last; 400 years ("era") have 146,097 days.
 * Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2021), days_from_civil and back. */
static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_of_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                           day_of_era / 146096) /
                          365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * march_month + 2) / 5 + 1;
    *month = march_month < 10 ? march_month + 3 : march_month - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

/* The number that n digits stand for; -1 where one is none. */
static int64_t number_at(const char *text, int n)
{
    int64_t number = 0;
    for (int i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

bool calendar_parse(const char *text, size_t length, int64_t *ms)
{
    if ((length != 10 && length != 19) || text[4] != '-' || text[7] != '-')
        return false;
    int64_t year = number_at(text, 4), month = number_at(text + 5, 2);
    int64_t day = number_at(text + 8, 2);
    if (year < YEAR_FIRST || year > YEAR_LAST || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month))
        return false;
    int64_t hour = 0, minute = 0, second = 0;
    if (length == 19) {
        if ((text[10] != ' ' && text[10] != 'T') || text[13] != ':' || text[16] != ':')
            return false;
        hour = number_at(text + 11, 2);
        minute = number_at(text + 14, 2);
        second = number_at(text + 17, 2);
        if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
            return false;
    }
    *ms = days_of_date(year, month, day) * MS_PER_DAY + hour * MS_PER_HOUR +
          (minute * 60 + second) * MS_PER_SECOND;
    return true;
}

static void put_two(char *text, int64_t number)
{
    text[0] = (char)('0' + number / 10);
    text[1] = (char)('0' + number % 10);
}

void calendar_format(int64_t ms, char text[CALENDAR_TEXT_SIZE])
{
    int64_t midnight = calendar_midnight(ms), year, month, day;
    date_of_days(midnight / MS_PER_DAY, &year, &month, &day);
    int64_t seconds = (ms - midnight) / MS_PER_SECOND;
    put_two(text, year / 100 % 100);
    put_two(text + 2, year % 100);
    text[4] = '-';
    put_two(text + 5, month);
    text[7] = '-';
    put_two(text + 8, day);
    text[10] = ' ';
    put_two(text + 11, seconds / 3600);
    text[13] = ':';
    put_two(text + 14, seconds / 60 % 60);
    text[16] = ':';
    put_two(text + 17, seconds % 60);
    text[19] = '\0';
}

int64_t calendar_midnight(int64_t ms)
{
    int64_t into_day = ms % MS_PER_DAY;
    return ms - into_day - (into_day < 0 ? MS_PER_DAY : 0);
}

int calendar_hour(int64_t ms)
{
    return (int)((ms - calendar_midnight(ms)) / MS_PER_HOUR);
}

int calendar_weekday(int64_t ms)
{
    /* 1970-01-01 was a Thursday, which is 3 from Monday. */
    int64_t days = (calendar_midnight(ms) / MS_PER_DAY + 3) % 7;
    return (int)(days < 0 ? days + 7 : days);
}
