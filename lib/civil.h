/*
 * civil.h - the Gregorian calendar, without time zones: dates and times of day to seconds and back.
 *
 * Seconds count from 1970-01-01 00:00:00 of the clock that is meant, days of 86,400 of them; years from
 * -100,000 to 1,000,000.
 */
#ifndef LIB_CIVIL_H
#define LIB_CIVIL_H

#include <stdint.h>

#define CIVIL_DAY	INT64_C(86400)	/* seconds */

struct civil {
	int32_t	year;
	int8_t	month, day;		/* from 1 */
	int8_t	hour, minute, second;
};

/* Days since 1970-01-01; month 1..12, day 1..31. */
int64_t civil_days(int64_t year, int month, int day);
/* 0: Sunday. */
int civil_weekday(int64_t days);
int civil_month_length(int64_t year, int month);
int64_t civil_seconds(const struct civil *c);
void civil_from_seconds(int64_t seconds, struct civil *out);

/* Division that rounds down, also below 0. */
static inline int64_t
civil_floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

#endif
