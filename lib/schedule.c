/* schedule.c - the times that a schedule names.  Runs in: broker, jobctl. */
#include "lib/schedule.h"

#define YEARS		60		/* looked ahead: a leap day on a given weekday takes 40 */
#define MINUTES_A_DAY	1440
#define NEVER		INT64_MAX

static bool
is_day(const struct schedule *s, const struct civil *c, int64_t days)
{
	bool	day = (s->days >> c->day & 1) != 0;
	bool	weekday = (s->weekdays >> civil_weekday(days) & 1) != 0;

	return s->any_day || s->any_weekday ? day && weekday : day || weekday;
}

/* The first minute of a day that is named, from `from` on; -1: there is none. */
static int
minute_of_day(const struct schedule *s, int from)
{
	for (int hour = from / 60, minute = from % 60; hour < 24; hour++, minute = 0) {
		uint64_t	left = s->minutes >> minute << minute;

		if ((s->hours >> hour & 1) != 0 && left != 0)
			return hour * 60 + __builtin_ctzll(left);
	}
	return -1;
}

/* On a clock that is never set: the first time named from `from` on, in seconds of that clock. */
static int64_t
next_on_clock(const struct schedule *s, int64_t from)
{
	int64_t		minutes = -civil_floor_div(-from, 60);
	int64_t		day = civil_floor_div(minutes, MINUTES_A_DAY), last = day + YEARS * 366;
	int		minute = (int)(minutes - day * MINUTES_A_DAY);
	struct civil	c;

	for (; day <= last; minute = 0) {
		civil_from_seconds(day * CIVIL_DAY, &c);
		if ((s->months >> c.month & 1) == 0) {
			day += civil_month_length(c.year, c.month) - c.day + 1;
			continue;
		}
		if (is_day(s, &c, day) && (minute = minute_of_day(s, minute)) >= 0)
			return day * CIVIL_DAY + minute * 60;
		day++;
	}
	return NEVER;
}

/* The schedule goes with the clock, whatever that does. */
static int64_t
next_with_clock(const struct schedule *s, const struct zone *zone, int64_t after)
{
	struct zone_span	span;
	int64_t			at = after + 1, shown;

	for (;; at = span.until) {
		zone_find(zone, at, &span);
		if ((shown = next_on_clock(s, at + span.offset)) == NEVER)
			return NEVER;
		if (shown - span.offset < span.until)
			return shown - span.offset;
	}
}

/* The latest time that the clock has shown up to then: more than it shows, when it was set back. */
static int64_t
shown_until(const struct zone *zone, int64_t at)
{
	struct zone_span	span;
	int64_t			latest, before;

	zone_find(zone, at, &span);
	latest = at + span.offset;
	while (span.from > at - 2 * ZONE_OFFSET_MAX) {
		before = span.from - 1;
		zone_find(zone, before, &span);
		if (before + span.offset > latest)
			latest = before + span.offset;
	}
	return latest;
}

/*
 * Each time on the clock comes once, at the first moment at which the clock shows it or a later one.
 * That is what makes it come behind a gap, and not again when the clock is set back.
 */
static int64_t
next_once(const struct schedule *s, const struct zone *zone, int64_t after)
{
	int64_t			shown = next_on_clock(s, shown_until(zone, after) + 1);
	struct zone_span	span = { .until = after };

	if (shown == NEVER)
		return NEVER;
	do
		zone_find(zone, span.until, &span);
	while (shown - span.offset >= span.until);
	return shown - span.offset > span.from ? shown - span.offset : span.from;
}

int64_t
schedule_next(const struct schedule *s, const struct zone *zone, int64_t anchor_ms, int64_t after_ms)
{
	int64_t	at;

	if (s->every_ms > 0) {
		if (after_ms < anchor_ms)
			return anchor_ms + s->every_ms;
		return after_ms - (after_ms - anchor_ms) % s->every_ms + s->every_ms;
	}
	at = civil_floor_div(after_ms, 1000);
	at = s->any_hour ? next_with_clock(s, zone, at) : next_once(s, zone, at);
	return at == NEVER ? NEVER : at * 1000;
}
