/* civil.c - the Gregorian calendar.  Runs in: every process. */
#include "lib/civil.h"

#include <stdbool.h>

#define DAYS_PER_ERA	146097		/* 400 years, after which the calendar repeats */
#define EPOCH_DAYS	719468		/* from 0000-03-01 to 1970-01-01 */

/*
 * Years are counted from March here, so that the day that some years have more is their last one.
 * Months from March on have 31, 30, 31, 30, 31, 31 ... days, which is what 153 days in five months
 * come to.
 */
int64_t
civil_days(int64_t year, int month, int day)
{
	int64_t	y = month <= 2 ? year - 1 : year;
	int64_t	era = civil_floor_div(y, 400), year_of_era = y - era * 400;
	int64_t	from_march = month > 2 ? month - 3 : month + 9;
	int64_t	day_of_year = (153 * from_march + 2) / 5 + day - 1;
	int64_t	day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * DAYS_PER_ERA + day_of_era - EPOCH_DAYS;
}

int
civil_weekday(int64_t days)
{
	int64_t	since_sunday = days + 4;	/* 1970-01-01 was a Thursday */

	return (int)(since_sunday - civil_floor_div(since_sunday, 7) * 7);
}

int
civil_month_length(int64_t year, int month)
{
	static const int8_t	days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool			leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

int64_t
civil_seconds(const struct civil *c)
{
	return civil_days(c->year, c->month, c->day) * CIVIL_DAY + c->hour * 3600 +
	    c->minute * 60 + c->second;
}

void
civil_from_seconds(int64_t seconds, struct civil *out)
{
	int64_t	days = civil_floor_div(seconds, CIVIL_DAY), of_day = seconds - days * CIVIL_DAY;
	int64_t	era = civil_floor_div(days + EPOCH_DAYS, DAYS_PER_ERA);
	int64_t	day_of_era = days + EPOCH_DAYS - era * DAYS_PER_ERA;
	int64_t	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
		    day_of_era / 146096) / 365;
	int64_t	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t	from_march = (5 * day_of_year + 2) / 153;

	out->month = (int8_t)(from_march < 10 ? from_march + 3 : from_march - 9);
	out->year = (int32_t)(era * 400 + year_of_era + (out->month <= 2));
	out->day = (int8_t)(day_of_year - (153 * from_march + 2) / 5 + 1);
	out->hour = (int8_t)(of_day / 3600);
	out->minute = (int8_t)(of_day / 60 % 60);
	out->second = (int8_t)(of_day % 60);
}
