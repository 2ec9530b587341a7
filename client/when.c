/* when.c - a time of day or a date, as a person writes it.  Runs in: jobctl. */
#include "client/when.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "lib/parse.h"

/* Exactly n digits, as a number within min..max; *at moves on. */
static bool
digits(const char **at, size_t n, int64_t min, int64_t max, int *out)
{
	int64_t	v;

	if (strspn(*at, "0123456789") < n || parse_i64(*at, n, min, max, &v) != 0)
		return false;
	*out = (int)v;
	*at += n;
	return true;
}

static bool
clock_time(const char **at, struct tm *tm)
{
	if (!digits(at, 2, 0, 23, &tm->tm_hour) || *(*at)++ != ':' || !digits(at, 2, 0, 59,
	    &tm->tm_min))
		return false;
	if (**at != ':')
		return true;
	(*at)++;
	return digits(at, 2, 0, 59, &tm->tm_sec);
}

static bool
date(const char **at, struct tm *tm)
{
	if (!digits(at, 4, 1970, 9999, &tm->tm_year) || *(*at)++ != '-' ||
	    !digits(at, 2, 1, 12, &tm->tm_mon) || *(*at)++ != '-' || !digits(at, 2, 1, 31,
	    &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return true;
}

/*
 * Z or +HH:MM: *seconds east of Greenwich.  1: there was one; 0: the text ends; -1: something else.
 */
static int
zone(const char *at, int *seconds)
{
	int	hours, minutes, sign = *at == '-' ? -1 : 1;

	*seconds = 0;
	if (*at == '\0')
		return 0;
	if (strcmp(at, "Z") == 0)
		return 1;
	if (*at != '+' && *at != '-')
		return -1;
	at++;
	if (!digits(&at, 2, 0, 14, &hours) || *at++ != ':' || !digits(&at, 2, 0, 59, &minutes) ||
	    *at != '\0')
		return -1;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return 1;
}

/* mktime and timegm move the 31st of a short month into the next: such a date is refused. */
static int
finish(struct tm *tm, bool has_zone, int zone_s, int64_t *out)
{
	int	mday = tm->tm_mday;
	time_t	t = has_zone ? timegm(tm) : mktime(tm);

	if (t == (time_t)-1 || tm->tm_mday != mday)
		return -EINVAL;
	*out = ((int64_t)t - zone_s) * 1000;
	return 0;
}

static int
next_time_of_day(struct tm tm, int64_t now_ms, int64_t *out)
{
	time_t		now = (time_t)(now_ms / 1000);
	struct tm	today;
	int64_t		at;

	if (localtime_r(&now, &today) == NULL)
		return -EINVAL;
	tm.tm_year = today.tm_year;
	tm.tm_mon = today.tm_mon;
	tm.tm_mday = today.tm_mday;
	tm.tm_isdst = -1;
	for (int day = 0; day < 2; day++) {
		struct tm	try = tm;

		try.tm_mday += day;
		at = (int64_t)mktime(&try) * 1000;
		if (at > now_ms)
			break;
	}
	*out = at;
	return 0;
}

int
when_parse(const char *text, int64_t now_ms, int64_t *out)
{
	struct tm	 tm = { .tm_isdst = -1 };
	const char	*at = text;
	int64_t		 seconds;
	int		 has_zone, zone_s;

	if (text[0] == '@') {
		if (parse_i64(text + 1, strlen(text + 1), 0, INT64_MAX / 1000, &seconds) != 0)
			return -EINVAL;
		*out = seconds * 1000;
		return 0;
	}
	if (clock_time(&at, &tm))
		return *at == '\0' ? next_time_of_day(tm, now_ms, out) : -EINVAL;
	tm = (struct tm){ .tm_isdst = -1 };
	at = text;
	if (!date(&at, &tm))
		return -EINVAL;
	if (*at == ' ' || *at == 'T') {
		at++;
		if (!clock_time(&at, &tm))
			return -EINVAL;
	}
	if ((has_zone = zone(at, &zone_s)) < 0)
		return -EINVAL;
	return finish(&tm, has_zone == 1, zone_s, out);
}
