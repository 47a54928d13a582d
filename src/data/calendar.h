/* calendar.h - dates and clock times as milliseconds since 1970, without time zones.
 *
 * Proleptic Gregorian calendar, every day of 86,400 seconds: the wall time that flow files hold.
 */
#ifndef FLOWTWIN_DATA_CALENDAR_H
#define FLOWTWIN_DATA_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_PER_SECOND    INT64_C(1000)
#define SECONDS_PER_HOUR INT64_C(3600)
#define MS_PER_HOUR      INT64_C(3600000)
#define MS_PER_DAY       INT64_C(86400000)

/* "YYYY-MM-DD" or "YYYY-MM-DD hh:mm:ss" (or with T between), years 1970..2199. False where the
 * text is anything else, or names a day or a second that does not exist. */
bool calendar_parse(const char *text, size_t length, int64_t *ms);

#define CALENDAR_TEXT_SIZE 24
/* "YYYY-MM-DD hh:mm:ss", 19 characters and a terminator; ms are dropped. */
void calendar_format(int64_t ms, char text[CALENDAR_TEXT_SIZE]);

/* 0..23; 0..6 from Monday; the midnight at or before. Also for times before 1970. */
int calendar_hour(int64_t ms);
int calendar_weekday(int64_t ms);
int64_t calendar_midnight(int64_t ms);

#endif
