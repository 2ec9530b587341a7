/* schedule.c - what a schedule's text means, and when it comes. */
#include "tests/unit/open_zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/schedule.h"

static int64_t
seconds_of(const char *text)
{
	struct civil	c;
	int		year, month, day, hour, minute, second = 0;

	assert_true(sscanf(text, "%d-%d-%d %d:%d:%d", &year, &month, &day, &hour, &minute, &second) >= 5);
	c = (struct civil){ year, (int8_t)month, (int8_t)day, (int8_t)hour, (int8_t)minute,
	    (int8_t)second };
	return civil_seconds(&c);
}

static const char *
text_of(int64_t ms)
{
	static char	text[64];
	struct civil	c;

	if (ms == INT64_MAX)
		return "never";
	civil_from_seconds(ms / 1000, &c);
	snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour,
	    c.minute, c.second);
	return text;
}

static struct schedule
must_parse(const char *text)
{
	struct schedule	s;
	char		why[256] = "";

	if (schedule_parse(text, strlen(text), &s, why, sizeof(why)) != 0)
		fail_msg("%s: %s", text, why);
	return s;
}

/* ---- tables of times: all in UTC, so that no row depends on what it tests ---- */

struct row {
	const char	*when, *zone, *after;
	const char	*times[6];
};

static void
check_row(const struct row *row)
{
	struct schedule	 s = must_parse(row->when);
	struct zone	*z = must_open(row->zone);
	int64_t		 at = seconds_of(row->after) * 1000;

	for (size_t i = 0; i < COUNT(row->times) && row->times[i] != NULL; i++) {
		at = schedule_next(&s, z, 0, at);
		if (strcmp(text_of(at), row->times[i]) != 0)
			fail_msg("%s in %s after %s: %zu is %s, not %s", row->when, row->zone, row->after,
			    i, text_of(at), row->times[i]);
	}
	zone_free(z);
}

static void
test_fields_name_times(void **state)
{
	static const struct row	rows[] = {
		{ "* * * * *", "UTC", "2026-01-31 23:59:30",
		    { "2026-02-01 00:00:00", "2026-02-01 00:01:00" } },
		{ "0 0 29 2 *", "UTC", "2096-02-28 00:00",
		    { "2096-02-29 00:00:00", "2104-02-29 00:00:00", "2108-02-29 00:00:00" } },
		{ "*/7 * * * *", "UTC", "2026-05-01 10:40",
		    { "2026-05-01 10:42:00", "2026-05-01 10:49:00", "2026-05-01 10:56:00",
		    "2026-05-01 11:00:00", "2026-05-01 11:07:00" } },
		{ "5-59/20 1,3 * * *", "UTC", "2026-05-01 01:30",
		    { "2026-05-01 01:45:00", "2026-05-01 03:05:00", "2026-05-01 03:25:00",
		    "2026-05-01 03:45:00", "2026-05-02 01:05:00" } },
		{ "0 9 * * mon-fri", "UTC", "2026-11-20 09:00",
		    { "2026-11-23 09:00:00", "2026-11-24 09:00:00" } },
		{ "0 9 * * FRI-SUN", "UTC", "2026-11-22 08:00",
		    { "2026-11-22 09:00:00", "2026-11-27 09:00:00", "2026-11-28 09:00:00" } },
		{ "0 0 * * 7", "UTC", "2026-11-22 00:00", { "2026-11-29 00:00:00" } },
		{ "0 0 31 * *", "UTC", "2026-01-31 00:00",
		    { "2026-03-31 00:00:00", "2026-05-31 00:00:00", "2026-07-31 00:00:00" } },
		{ "0 0 1 JAN,jul *", "UTC", "2026-01-01 00:00",
		    { "2026-07-01 00:00:00", "2027-01-01 00:00:00" } },
		/* both days are narrowed: one of them is enough */
		{ "0 0 13 * 5", "UTC", "2026-02-01 00:00",
		    { "2026-02-06 00:00:00", "2026-02-13 00:00:00", "2026-02-20 00:00:00",
		    "2026-02-27 00:00:00", "2026-03-06 00:00:00", "2026-03-13 00:00:00" } },
		/* a step of * narrows nothing in this sense: both must hold */
		{ "0 0 */2 * 1", "UTC", "2026-11-01 00:00",
		    { "2026-11-09 00:00:00", "2026-11-23 00:00:00", "2026-12-07 00:00:00" } },
		{ "@hourly", "UTC", "2026-11-22 10:00", { "2026-11-22 11:00:00" } },
		{ "@daily", "UTC", "2026-11-22 10:00", { "2026-11-23 00:00:00" } },
		{ "@midnight", "UTC", "2026-11-22 10:00", { "2026-11-23 00:00:00" } },
		{ "@weekly", "UTC", "2026-11-22 10:00", { "2026-11-29 00:00:00" } },
		{ "@monthly", "UTC", "2026-11-22 10:00", { "2026-12-01 00:00:00" } },
		{ "@yearly", "UTC", "2026-11-22 10:00", { "2027-01-01 00:00:00" } },
		{ "  0\t12 * * *  ", "UTC", "2026-11-22 10:00", { "2026-11-22 12:00:00" } },
		{ "0 12 * * *", "Asia/Kathmandu", "2026-11-22 00:00", { "2026-11-22 06:15:00" } },
		{ "0 0 29 2 */6", "UTC", "2026-01-01 00:00", { "2032-02-29 00:00:00",
		    "2048-02-29 00:00:00" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(&rows[i]);
}

static void
test_a_named_hour_comes_once_when_the_clock_is_set(void **state)
{
	static const struct row	rows[] = {
		/* New York, 2026-03-08: 02:00 EST is 03:00 EDT, at 07:00 UTC */
		{ "30 2 * * *", "America/New_York", "2026-03-06 12:00",
		    { "2026-03-07 07:30:00", "2026-03-08 07:00:00", "2026-03-09 06:30:00" } },
		{ "0,20,40 2 * * *", "America/New_York", "2026-03-07 12:00",
		    { "2026-03-08 07:00:00", "2026-03-09 06:00:00", "2026-03-09 06:20:00" } },
		{ "0 2,3 * * *", "America/New_York", "2026-03-08 00:00",
		    { "2026-03-08 07:00:00", "2026-03-09 06:00:00", "2026-03-09 07:00:00" } },
		{ "*/30 2 * * *", "America/New_York", "2026-03-08 00:00",
		    { "2026-03-08 07:00:00", "2026-03-09 06:00:00", "2026-03-09 06:30:00" } },
		/* 2026-11-01: 02:00 EDT is 01:00 EST, at 06:00 UTC */
		{ "30 1 * * *", "America/New_York", "2026-10-31 00:00",
		    { "2026-10-31 05:30:00", "2026-11-01 05:30:00", "2026-11-02 06:30:00" } },
		{ "0 1 * * *", "America/New_York", "2026-11-01 04:59:59",
		    { "2026-11-01 05:00:00", "2026-11-02 06:00:00" } },
		/* after the daemon was down in the first showing: it has been there */
		{ "30 1 * * *", "America/New_York", "2026-11-01 06:10",
		    { "2026-11-02 06:30:00" } },
		{ "0 2 * * *", "America/New_York", "2026-11-01 05:59", { "2026-11-01 07:00:00" } },
		/* Berlin, 2026-03-29 and 2026-10-25, both at 01:00 UTC */
		{ "30 2 * * *", "Europe/Berlin", "2026-03-28 00:00",
		    { "2026-03-28 01:30:00", "2026-03-29 01:00:00", "2026-03-30 00:30:00" } },
		{ "30 2 * * *", "Europe/Berlin", "2026-10-24 12:00",
		    { "2026-10-25 00:30:00", "2026-10-26 01:30:00" } },
		/* Lord Howe moves by half an hour: 2026-10-04 02:00 is 02:30, at 15:30 UTC the day before */
		{ "15 2 * * *", "Australia/Lord_Howe", "2026-10-02 20:00",
		    { "2026-10-03 15:30:00", "2026-10-04 15:15:00" } },
		{ "40 2 * * *", "Australia/Lord_Howe", "2026-10-03 12:00", { "2026-10-03 15:40:00" } },
		/* and 2026-04-05 02:00 is 01:30, at 15:00 UTC the day before */
		{ "45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00",
		    { "2026-04-04 14:45:00", "2026-04-05 15:15:00" } },
		/* Apia had no 2011-12-30: it went from 29 to 31 at 10:00 UTC */
		{ "0 12 30 12 *", "Pacific/Apia", "2011-12-01 00:00",
		    { "2011-12-30 10:00:00", "2012-12-29 22:00:00" } },
		{ "0 12 * * *", "Pacific/Apia", "2011-12-29 00:00",
		    { "2011-12-29 22:00:00", "2011-12-30 10:00:00", "2011-12-30 22:00:00" } },
		/* far behind the last change that the file lists */
		{ "30 2 * * *", "Europe/Berlin", "2096-03-24 12:00",
		    { "2096-03-25 01:00:00", "2096-03-26 00:30:00" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(&rows[i]);
}

static void
test_any_hour_goes_with_the_clock(void **state)
{
	static const struct row	rows[] = {
		{ "30 * * * *", "America/New_York", "2026-03-08 06:00",
		    { "2026-03-08 06:30:00", "2026-03-08 07:30:00", "2026-03-08 08:30:00" } },
		{ "30 * * * *", "America/New_York", "2026-11-01 05:00",
		    { "2026-11-01 05:30:00", "2026-11-01 06:30:00", "2026-11-01 07:30:00" } },
		{ "0 */2 * * *", "America/New_York", "2026-03-08 04:00",
		    { "2026-03-08 05:00:00", "2026-03-08 08:00:00", "2026-03-08 10:00:00" } },
		{ "*/30 * * * *", "Europe/Berlin", "2026-10-25 00:00",
		    { "2026-10-25 00:30:00", "2026-10-25 01:00:00", "2026-10-25 01:30:00",
		    "2026-10-25 02:00:00" } },
		/* 02:15 is skipped, and 02:45 is there */
		{ "15,45 * * * *", "Australia/Lord_Howe", "2026-10-03 14:45",
		    { "2026-10-03 15:15:00", "2026-10-03 15:45:00", "2026-10-03 16:15:00" } },
		/* 01:30 to 01:59 comes twice */
		{ "45 * * * *", "Australia/Lord_Howe", "2026-04-04 14:30",
		    { "2026-04-04 14:45:00", "2026-04-04 15:15:00", "2026-04-04 16:15:00" } },
		{ "0 * * * *", "Pacific/Apia", "2011-12-30 08:30",
		    { "2011-12-30 09:00:00", "2011-12-30 10:00:00", "2011-12-30 11:00:00" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(&rows[i]);
}

static void
test_every_counts_from_its_anchor(void **state)
{
	struct schedule	s = must_parse("@every 90s");
	int64_t		anchor = 1000000000123, at = anchor;

	(void)state;
	assert_true(s.every_ms == 90000);
	for (int i = 1; i <= 1000; i++) {
		at = schedule_next(&s, NULL, anchor, at);
		assert_true(at == anchor + i * INT64_C(90000));
	}
	assert_true(schedule_next(&s, NULL, anchor, anchor - 1) == anchor + 90000);
	assert_true(schedule_next(&s, NULL, anchor, anchor + 89999) == anchor + 90000);
	/* late by any time, it neither drifts nor comes twice */
	assert_true(schedule_next(&s, NULL, anchor, anchor + 90001) == anchor + 180000);
	assert_true(schedule_next(&s, NULL, anchor, anchor + 90000 * INT64_C(1000000) + 5) ==
	    anchor + 90000 * INT64_C(1000001));
}

/* ---- against the definition, minute by minute ---- */

static uint64_t	chance = 4711;

static unsigned
roll(unsigned n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (unsigned)(chance % n);
}

static bool
names_time(const struct schedule *s, const struct civil *c)
{
	int64_t	days = civil_days(c->year, c->month, c->day);
	bool	day = (s->days >> c->day & 1) != 0;
	bool	weekday = (s->weekdays >> civil_weekday(days) & 1) != 0;

	if ((s->minutes >> c->minute & 1) == 0 || (s->hours >> c->hour & 1) == 0 ||
	    (s->months >> c->month & 1) == 0)
		return false;
	return s->any_day || s->any_weekday ? day && weekday : day || weekday;
}

#define WINDOW	(4 * 1440)	/* minutes */

/* Marks the minutes of a window at which the schedule comes, by its definition alone. */
static void
mark(const struct schedule *s, const struct zone *z, int64_t from, bool comes[WINDOW])
{
	int64_t		latest = INT64_MIN, shown;
	struct civil	c;

	memset(comes, 0, WINDOW);
	for (int i = -3000; i < WINDOW; i++) {
		zone_civil(z, from + i * 60, &c);
		shown = civil_seconds(&c);
		if (s->any_hour) {
			if (i >= 0)
				comes[i] = names_time(s, &c);
			continue;
		}
		/* all times that the clock shows or passes for the first time */
		for (int64_t t = latest == INT64_MIN ? shown : latest + 60; t <= shown; t += 60) {
			civil_from_seconds(t, &c);
			if (i >= 0 && names_time(s, &c))
				comes[i] = true;
		}
		latest = shown > latest ? shown : latest;
	}
}

static void
random_schedule(char *out, size_t size)
{
	static const char *const	minutes[] = { "*", "0", "*/7", "15,45", "30", "5-50/15" };
	static const char *const	hours[] = { "*", "*/2", "2", "1,2,3", "0-3", "2-23/5", "*/5" };
	static const char *const	days[] = { "*", "*", "30", "1-15", "*/3" };
	static const char *const	weekdays[] = { "*", "*", "SUN", "1-5", "*/2" };

	snprintf(out, size, "%s %s %s * %s", minutes[roll(COUNT(minutes))], hours[roll(COUNT(hours))],
	    days[roll(COUNT(days))], weekdays[roll(COUNT(weekdays))]);
}

static void
test_what_comes_is_what_the_definition_says(void **state)
{
	static const struct {
		const char	*zone, *around;
	} places[] = {
		{ "America/New_York", "2026-03-08 07:00" }, { "America/New_York", "2026-11-01 06:00" },
		{ "Europe/Berlin", "2026-03-29 01:00" }, { "Europe/Berlin", "2026-10-25 01:00" },
		{ "Australia/Lord_Howe", "2026-10-03 15:30" }, { "Australia/Lord_Howe", "2026-04-04 15:00" },
		{ "Pacific/Apia", "2011-12-30 10:00" }, { "Africa/Casablanca", "2026-02-15 02:00" },
		{ "America/Sao_Paulo", "2018-11-04 03:00" }, { "Asia/Tokyo", "2026-05-05 00:00" },
	};
	bool		comes[WINDOW];
	char		text[64];
	unsigned	times = 0;

	(void)state;
	for (int n = 0; n < 400; n++) {
		size_t		 place = roll(COUNT(places));
		struct zone	*z = must_open(places[place].zone);
		int64_t		 from = seconds_of(places[place].around) - WINDOW / 2 * 60, at, next;
		struct schedule	 s;

		random_schedule(text, sizeof(text));
		s = must_parse(text);
		mark(&s, z, from, comes);
		at = schedule_next(&s, z, 0, (from - 1) * 1000);
		for (int i = 0; i < WINDOW; i++) {
			next = (from + i * 60) * 1000;
			if (comes[i] != (at == next))
				fail_msg("%s in %s: %s at %s", text, places[place].zone,
				    comes[i] ? "nothing" : "something", text_of(next));
			if (at == next) {
				at = schedule_next(&s, z, 0, at);
				times++;
			}
		}
		zone_free(z);
	}
	assert_true(times > 10000);
}

/* ---- what is refused ---- */

static void
test_what_is_wrong_is_named(void **state)
{
	static const struct {
		const char	*text, *why;
	} rows[] = {
		{ "0 25 * * *", "field 2 (hour): 25 is above 23" },
		{ "60 * * * *", "field 1 (minute): 60 is above 59" },
		{ "0 0 0 * *", "field 3 (day of month): 0 is below 1" },
		{ "0 0 * FOO *", "field 4 (month): 'FOO' is neither a number nor a name such as JAN" },
		{ "0 0 * * 8", "field 5 (day of week): 8 is above 7" },
		{ "0 0 * * MONDAY", "field 5 (day of week): 'MONDAY' is neither a number nor a name such as SUN" },
		{ "x * * * *", "field 1 (minute): 'x' is not a number" },
		{ "-5 * * * *", "field 1 (minute): '-5' is not a number" },
		{ "5- * * * *", "field 1 (minute): a number is missing" },
		{ "1,,2 * * * *", "field 1 (minute): a number is missing" },
		{ "9-5 * * * *", "field 1 (minute): 9-5 ends before it begins" },
		{ "*/0 * * * *", "field 1 (minute): the step '0' is not a number from 1" },
		{ "*/x * * * *", "field 1 (minute): the step 'x' is not a number from 1" },
		{ "*/90 * * * *", "field 1 (minute): the step 90 is above 59" },
		{ "5/15 * * * *", "field 1 (minute): a step goes with * or a range, as in 5-59/15" },
		{ "99999999999 * * * *", "field 1 (minute): 99999999999 is above 59" },
		{ "0 0 30 2 *", "field 3 (day of month): no month of field 4 has such a day" },
		{ "0 0 31 4,6 *", "field 3 (day of month): no month of field 4 has such a day" },
		{ "0 0 * *", "a schedule has five fields (minute, hour, day of month, month, day of week), not 4" },
		{ "0 0 0 * * *", "a schedule has five fields (minute, hour, day of month, month, day of week), not 6" },
		{ "", "a schedule has five fields (minute, hour, day of month, month, day of week), not 0" },
		{ "@reboot", "'@reboot' is none of @hourly, @daily, @weekly, @monthly, @yearly and @every 30s" },
		{ "@every 30", "@every takes a duration, such as 30s, 5m, 2h or 1d, not '30'" },
		{ "@every", "'@every' is none of @hourly, @daily, @weekly, @monthly, @yearly and @every 30s" },
		{ "@every 500ms", "@every takes a duration from 1s to 366d, not '500ms'" },
		{ "@every 1000d", "@every takes a duration from 1s to 366d, not '1000d'" },
	};
	struct schedule	s;
	char		why[256], long_text[SCHEDULE_BYTES + 2];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		why[0] = '\0';
		assert_int_equal(schedule_parse(rows[i].text, strlen(rows[i].text), &s, why, sizeof(why)),
		    -EINVAL);
		assert_string_equal(why, rows[i].why);
	}
	memset(long_text, ' ', sizeof(long_text));
	assert_int_equal(schedule_parse(long_text, sizeof(long_text), &s, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "a schedule has at most 256 bytes, not 258");
	assert_int_equal(schedule_parse("0 0 * * *\0", 10, &s, why, sizeof(why)), -EINVAL);
}

static void
test_days_that_one_field_allows_are_taken(void **state)
{
	(void)state;
	must_parse("0 0 30 2 1");	/* Mondays of February */
	must_parse("0 0 30 2,3 *");
	must_parse("0 0 29 2 *");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_fields_name_times),
		cmocka_unit_test(test_a_named_hour_comes_once_when_the_clock_is_set),
		cmocka_unit_test(test_any_hour_goes_with_the_clock),
		cmocka_unit_test(test_every_counts_from_its_anchor),
		cmocka_unit_test(test_what_comes_is_what_the_definition_says),
		cmocka_unit_test(test_what_is_wrong_is_named),
		cmocka_unit_test(test_days_that_one_field_allows_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
