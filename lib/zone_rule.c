/* zone_rule.c - the rule of a time zone for all years to come.  Runs in: broker, jobctl. */
#include "lib/zone_rule.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/civil.h"

/* ---- the text ---- */

struct text {
	const char	*at, *end;
};

static bool
take(struct text *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

static bool
take_number(struct text *t, int max, int *out)
{
	const char	*begin = t->at;
	int		 n = 0;

	for (; t->at < t->end && *t->at >= '0' && *t->at <= '9' && n <= max; t->at++)
		n = n * 10 + (*t->at - '0');
	*out = n;
	return t->at > begin && n <= max;
}

/* `CET`, or `<+0330>`. */
static bool
take_name(struct text *t)
{
	bool		quoted = take(t, '<');
	const char	*begin = t->at;

	while (t->at < t->end && (isalpha((unsigned char)*t->at) || (quoted &&
	    (isdigit((unsigned char)*t->at) || *t->at == '+' || *t->at == '-'))))
		t->at++;
	return t->at - begin >= 3 && (!quoted || take(t, '>'));
}

/* `[+-]hh[:mm[:ss]]` */
static bool
take_time(struct text *t, int max_hours, int32_t *out)
{
	bool	negative = take(t, '-');
	int	hours, minutes = 0, seconds = 0;

	if (!negative)
		take(t, '+');
	if (!take_number(t, max_hours, &hours))
		return false;
	if (take(t, ':') && (!take_number(t, 59, &minutes) ||
	    (take(t, ':') && !take_number(t, 59, &seconds))))
		return false;
	*out = hours * 3600 + minutes * 60 + seconds;
	if (negative)
		*out = -*out;
	return true;
}

static bool
take_day(struct text *t, struct zone_day *d)
{
	memset(d, 0, sizeof(*d));
	if (take(t, 'M')) {
		d->kind = ZONE_DAY_WEEKDAY;
		if (!take_number(t, 12, &d->month) || d->month == 0 || !take(t, '.') ||
		    !take_number(t, 5, &d->week) || d->week == 0 || !take(t, '.') ||
		    !take_number(t, 6, &d->weekday))
			return false;
	} else if (take(t, 'J')) {
		d->kind = ZONE_DAY_NO_LEAP;
		if (!take_number(t, 365, &d->day) || d->day == 0)
			return false;
	} else {
		d->kind = ZONE_DAY_OF_YEAR;
		if (!take_number(t, 365, &d->day))
			return false;
	}
	d->seconds = 2 * 3600;
	return !take(t, '/') || take_time(t, 167, &d->seconds);
}

static bool
take_rule(struct text *t, struct zone_rule *r)
{
	if (!take_name(t) || !take_time(t, 24, &r->standard))
		return false;
	r->standard = -r->standard;	/* POSIX counts west of UTC */
	r->changes = t->at < t->end;
	if (!r->changes)
		return true;
	if (!take_name(t))
		return false;
	r->summer = r->standard + 3600;
	if (t->at < t->end && *t->at != ',') {
		if (!take_time(t, 24, &r->summer))
			return false;
		r->summer = -r->summer;
	}
	return take(t, ',') && take_day(t, &r->begins) && take(t, ',') && take_day(t, &r->ends);
}

int
zone_rule_parse(const char *text, size_t len, struct zone_rule *out)
{
	struct text		t = { text, text + len };
	struct zone_rule	r = { 0 };

	if (!take_rule(&t, &r) || t.at != t.end)
		return -EINVAL;
	*out = r;
	return 0;
}

/* ---- changes ---- */

static int64_t
day_in_year(const struct zone_day *d, int64_t year)
{
	int64_t	first = civil_days(year, 1, 1), day;

	if (d->kind == ZONE_DAY_OF_YEAR)
		return first + d->day;
	if (d->kind == ZONE_DAY_NO_LEAP)
		return first + d->day - 1 + (d->day > 59 && civil_month_length(year, 2) == 29);
	first = civil_days(year, d->month, 1);
	day = (d->weekday - civil_weekday(first) + 7) % 7 + (d->week - 1) * 7;
	if (day >= civil_month_length(year, d->month))
		day -= 7;
	return first + day;
}

struct change {
	int64_t	at;
	int32_t	offset;			/* from then on */
};

/* Around a year two more on each side: a change may lie a week outside the year that it is for. */
#define YEARS	5

static size_t
list_changes(const struct zone_rule *r, int64_t year, struct change changes[2 * YEARS])
{
	size_t	n = 0;

	for (int64_t y = year - YEARS / 2; y <= year + YEARS / 2; y++) {
		struct change	two[2] = {
			{ day_in_year(&r->begins, y) * CIVIL_DAY + r->begins.seconds - r->standard,
			    r->summer },
			{ day_in_year(&r->ends, y) * CIVIL_DAY + r->ends.seconds - r->summer,
			    r->standard },
		};
		int		first = two[1].at < two[0].at;

		changes[n++] = two[first];
		changes[n++] = two[!first];
	}
	return n;
}

void
zone_rule_span(const struct zone_rule *r, int64_t at, struct zone_span *out)
{
	struct change	changes[2 * YEARS];
	struct civil	local;
	size_t		n;

	*out = (struct zone_span){ INT64_MIN, INT64_MAX, r->standard };
	if (!r->changes)
		return;
	civil_from_seconds(at + r->standard, &local);
	n = list_changes(r, local.year, changes);
	/* Of two at one moment the later one of the list holds: summer time all year long ends and
	 * begins at new year. */
	for (size_t i = 0; i < n; i++) {
		if (changes[i].at <= at && changes[i].at >= out->from) {
			out->from = changes[i].at;
			out->offset = changes[i].offset;
		}
		if (changes[i].at > at && changes[i].at < out->until)
			out->until = changes[i].at;
	}
}
