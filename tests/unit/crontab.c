/* crontab.c - what becomes of occurrences, with a clock that goes, jumps and is cut off by crashes. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/items/cron_item.h"

#define SECOND	INT64_C(1000)
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)
#define DAY	(24 * HOUR)
#define NOON	INT64_C(1795348800000)		/* 2026-11-22 12:00:00 UTC */

static struct span
span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static struct cron_words
words_of(const char *name, const char *when, const char *zone)
{
	return (struct cron_words){
		.name = span_of(name), .when = span_of(when), .time_zone = span_of(zone),
		.job = span_of("{\"type\":\"echo\"}"),
	};
}

static struct cron *
set_in(struct crontab *t, int64_t now_ms, const char *when, const char *zone)
{
	struct cron_words	words = words_of("job", when, zone);
	struct cron_wish	wish;
	struct cron		*c = NULL;
	struct rpc_error	err;

	if (cron_read_wish(&words, &wish, &err) != 0)
		fail_msg("%s", err.message);
	wish.by = span_of("uid:1000");
	assert_int_equal(crontab_set(t, now_ms, &wish, NULL, &c, &err), 0);
	return c;
}

static struct cron *
set(struct crontab *t, int64_t now_ms, const char *when)
{
	return set_in(t, now_ms, when, "UTC");
}

/* All that is due runs: how many came. */
static unsigned
tick(struct crontab *t, int64_t now_ms)
{
	struct cron	*c;
	unsigned	 n = 0;

	while ((c = crontab_due(t, now_ms)) != NULL) {
		cron_begins(t, c);
		cron_ran(t, c, 1000 + n, now_ms);
		n++;
		assert_true(n < 100);
	}
	return n;
}

/* The clock goes on in steps: how many came. */
static unsigned
go(struct crontab *t, int64_t from_ms, int64_t to_ms, int64_t step_ms)
{
	unsigned	n = 0;

	for (int64_t now = from_ms; now <= to_ms; now += step_ms)
		n += tick(t, now);
	return n;
}

/* ---- the plan ---- */

static void
test_each_occurrence_comes_once(void **state)
{
	struct crontab	*t = crontab_new();
	struct cron	*c = set(t, NOON, "*/5 * * * *");

	(void)state;
	assert_true(c->next_ms == NOON + 5 * MINUTE);
	assert_true(crontab_next_ms(t) == c->next_ms);
	assert_null(crontab_due(t, NOON + 5 * MINUTE - 1));
	assert_int_equal(go(t, NOON, NOON + DAY + SECOND, 700), 288);
	assert_int_equal(c->past.jobs, 288);
	crontab_free(t);
}

static void
test_every_neither_drifts_nor_doubles(void **state)
{
	struct crontab	*t = crontab_new();
	struct cron	*c = set(t, NOON + 123, "@every 90s");

	(void)state;
	/* ticks that are always late, by another time each */
	assert_int_equal(go(t, NOON, NOON + DAY + 2 * SECOND, 777), 960);
	assert_true((c->next_ms - NOON - 123) % (90 * SECOND) == 0);
	crontab_free(t);
}

static void
test_an_outage_is_made_up_for_once(void **state)
{
	struct crontab	*t = crontab_new();
	struct cron	*c = set(t, NOON, "* * * * *");

	(void)state;
	assert_int_equal(go(t, NOON, NOON + 10 * MINUTE, SECOND), 10);
	/* down over fifty occurrences */
	assert_int_equal(tick(t, NOON + 60 * MINUTE + 30 * SECOND), 1);
	assert_true(c->past.last_ms == NOON + 11 * MINUTE);
	assert_true(c->next_ms == NOON + 61 * MINUTE);
	assert_int_equal(go(t, NOON + 60 * MINUTE + 30 * SECOND, NOON + 65 * MINUTE, SECOND), 5);
	crontab_free(t);
}

static void
test_a_clock_that_jumps_forward_is_an_outage(void **state)
{
	struct crontab	*t = crontab_new();

	(void)state;
	set(t, NOON, "0 * * * *");
	assert_int_equal(go(t, NOON, NOON + HOUR, SECOND), 1);
	assert_int_equal(go(t, NOON + 8 * HOUR + MINUTE, NOON + 9 * HOUR, SECOND), 2);
	crontab_free(t);
}

static void
test_a_clock_that_jumps_back_repeats_nothing(void **state)
{
	struct crontab	*t = crontab_new();

	(void)state;
	set(t, NOON, "0 * * * *");
	assert_int_equal(go(t, NOON, NOON + 3 * HOUR, SECOND), 3);
	/* two hours are shown again, and the next hour is a new one */
	assert_int_equal(go(t, NOON + HOUR - MINUTE, NOON + 4 * HOUR - SECOND, SECOND), 0);
	assert_int_equal(go(t, NOON + 4 * HOUR, NOON + 5 * HOUR, SECOND), 2);
	crontab_free(t);
}

static void
test_a_clock_that_was_far_ahead_stops_nothing(void **state)
{
	struct crontab	*t = crontab_new();
	struct cron	*c = set(t, NOON, "@every 1h");

	(void)state;
	assert_int_equal(tick(t, NOON + 4 * 365 * DAY), 1);
	/* and is put right: not four years without a job */
	assert_int_equal(go(t, NOON + MINUTE, NOON + 2 * HOUR + MINUTE, SECOND), 2);
	assert_true(c->past.anchor_ms == NOON);
	crontab_free(t);

	t = crontab_new();
	set(t, NOON + 4 * 365 * DAY, "@every 1h");	/* set by the wrong clock */
	assert_int_equal(go(t, NOON + 4 * 365 * DAY, NOON + 4 * 365 * DAY + MINUTE, SECOND), 0);
	assert_int_equal(go(t, NOON, NOON + 2 * HOUR, SECOND), 2);
	crontab_free(t);
}

static void
test_daylight_saving_runs_a_named_hour_once_a_day(void **state)
{
	struct crontab	*t = crontab_new();

	(void)state;
	/* Berlin's changes of 2026-03-29 and 2026-10-25, at 01:00 UTC: a year has 365 days */
	set_in(t, INT64_C(1767225600000), "30 2 * * *", "Europe/Berlin");
	assert_int_equal(go(t, INT64_C(1767225600000), INT64_C(1767225600000) + 365 * DAY, 10 * MINUTE),
	    365);
	crontab_free(t);
}

/* ---- changes of a schedule ---- */

static void
test_setting_the_same_again_changes_nothing_of_the_plan(void **state)
{
	struct crontab	*t = crontab_new();
	struct cron	*c = set(t, NOON, "@every 1h");
	uint64_t	 number = c->number;

	(void)state;
	/* a script that sets it every ten minutes does not starve it */
	for (int i = 1; i <= 18; i++) {
		assert_ptr_equal(set(t, NOON + i * 10 * MINUTE, "@every 1h"), c);
		tick(t, NOON + i * 10 * MINUTE);
	}
	assert_int_equal(c->past.jobs, 3);
	assert_int_equal(c->number, number);
	/* another time begins anew, and keeps what came */
	set(t, NOON + 5 * HOUR, "@every 2h");
	assert_true(c->next_ms == NOON + 7 * HOUR);
	assert_int_equal(c->past.jobs, 3);
	crontab_free(t);
}

static void
test_a_change_while_an_occurrence_is_written_down_keeps_both(void **state)
{
	struct crontab	*t = crontab_new();
	struct cron	*c = set(t, NOON, "0 * * * *");

	(void)state;
	assert_ptr_equal(crontab_due(t, NOON + HOUR), c);
	cron_begins(t, c);
	assert_null(crontab_due(t, NOON + 3 * HOUR));
	set(t, NOON + HOUR + 1, "30 * * * *");
	assert_null(crontab_due(t, NOON + 3 * HOUR));
	cron_ran(t, c, 7, NOON + HOUR);
	assert_true(c->past.last_ms == NOON + HOUR);
	assert_true(c->next_ms == NOON + HOUR + 30 * MINUTE);
	crontab_free(t);
}

static void
test_a_deleted_schedule_is_gone(void **state)
{
	struct crontab	*t = crontab_new();

	(void)state;
	crontab_delete(t, set(t, NOON, "* * * * *"));
	assert_null(crontab_find(t, "job", 3));
	assert_true(crontab_next_ms(t) == CRON_NEVER);
	assert_int_equal(tick(t, NOON + HOUR), 0);
	crontab_free(t);
}

/* ---- refused, skipped ---- */

static void
test_what_is_refused_is_tried_again_and_not_lost(void **state)
{
	struct crontab	*t = crontab_new();
	struct cron	*c = set(t, NOON, "0 * * * *");
	int64_t		 now = NOON + HOUR;
	int64_t		 delays[8] = { 1, 2, 4, 8, 16, 32, 60, 60 };

	(void)state;
	for (size_t i = 0; i < COUNT(delays); i++) {
		assert_ptr_equal(crontab_due(t, now), c);
		cron_begins(t, c);
		cron_refused(t, c, now, "queue mail: 10 jobs wait, of 10");
		assert_null(crontab_due(t, now + delays[i] * SECOND - 1));
		now += delays[i] * SECOND;
	}
	assert_string_equal(c->refusal, "queue mail: 10 jobs wait, of 10");
	assert_int_equal(c->past.refused, 8);
	assert_int_equal(tick(t, now), 1);
	assert_true(c->past.last_ms == NOON + HOUR);
	assert_null(c->refusal);
	assert_true(c->next_ms == NOON + 2 * HOUR);
	crontab_free(t);
}

static void
test_a_refusal_does_not_outlast_a_clock_put_back(void **state)
{
	struct crontab	*t = crontab_new();
	struct cron	*c = set(t, NOON, "@every 1s");

	(void)state;
	assert_ptr_equal(crontab_due(t, NOON + 20 * HOUR), c);
	cron_begins(t, c);
	cron_refused(t, c, NOON + 20 * HOUR, "full");
	assert_null(crontab_due(t, NOON + 2 * SECOND));
	assert_ptr_equal(crontab_due(t, NOON + 4 * SECOND), c);
	crontab_free(t);
}

static void
test_what_is_skipped_is_counted_and_settled(void **state)
{
	struct crontab	*t = crontab_new();
	struct cron	*c = set(t, NOON, "* * * * *");

	(void)state;
	assert_ptr_equal(crontab_due(t, NOON + 5 * MINUTE), c);
	cron_skipped(t, c, NOON + 5 * MINUTE);
	assert_int_equal(c->past.skipped, 1);
	assert_int_equal(c->past.jobs, 0);
	assert_true(c->past.last_ms == 0);
	assert_true(c->next_ms == NOON + 6 * MINUTE);
	crontab_free(t);
}

/* ---- crashes ---- */

/* What a new process reads from an item. */
static struct cron *
restore(struct crontab *t, int64_t now_ms, const char *text)
{
	struct cron_item	 item;
	struct cron_wish	 wish;
	struct cron		*c = NULL;
	struct rpc_error	 err = { .message = "" };

	if (cron_item_read(span_of(text), &item, &err) != 0)
		fail_msg("%s", err.message);
	item.words.name = span_of("job");
	if (cron_read_wish(&item.words, &wish, &err) != 0)
		fail_msg("%s", err.message);
	wish.by = item.by;
	assert_int_equal(crontab_set(t, now_ms, &wish, &item.past, &c, &err), 0);
	cron_item_fini(&item);
	return c;
}

static char *
item_of(const struct cron *c)
{
	struct buf	out = { 0 };

	cron_item_print(&out, c);
	return buf_take_string(&out);
}

static char *
key_of(const struct cron *c)
{
	struct buf	out = { 0 };

	cron_print_key(c, &out);
	return buf_take_string(&out);
}

static void
test_an_item_brings_back_all_of_a_schedule(void **state)
{
	struct crontab	*t = crontab_new(), *again = crontab_new();
	struct cron	*c = set_in(t, NOON + 5, "@every 90s", "Europe/Berlin"), *back;
	char		*text;

	(void)state;
	go(t, NOON, NOON + HOUR, SECOND);
	c->past.skipped = 3;
	c->past.refused = 4;
	text = item_of(c);
	back = restore(again, NOON + HOUR, text);
	assert_memory_equal(&back->past, &c->past, sizeof(c->past));
	assert_true(back->next_ms == c->next_ms);
	assert_string_equal(back->job, c->job);
	assert_string_equal(back->zone_name, "Europe/Berlin");
	assert_string_equal(back->by, "uid:1000");
	free(text);
	crontab_free(t);
	crontab_free(again);
}

/* Jobs on disk, by the keys that they hold. */
struct disk {
	char		*keys[2000];
	unsigned	 jobs, found;
};

static bool
has_job(const struct disk *d, const char *key)
{
	for (unsigned i = 0; i < d->jobs; i++)
		if (strcmp(d->keys[i], key) == 0)
			return true;
	return false;
}

/* Submits: a job under a key that is there is found, and not made. */
static void
submit(struct disk *d, const struct cron *c)
{
	char	*key = key_of(c);

	if (!has_job(d, key)) {
		assert_true(d->jobs < COUNT(d->keys));
		d->keys[d->jobs++] = key;
		return;
	}
	d->found++;
	free(key);
}

/*
 * Crashes before the job is on disk, between it and the item, and behind both.  A runner that named
 * occurrences by the time at which it deals with them would make more jobs than there were minutes; one
 * that wrote the item first would make fewer.
 */
static void
test_a_crash_neither_doubles_nor_loses_an_occurrence(void **state)
{
	enum { CRASH_BEFORE, CRASH_BETWEEN, CRASH_BEHIND, NO_CRASH } fate;
	unsigned	 chance = 12345, late = 0;
	struct disk	 disk = { .jobs = 0 };
	struct crontab	*t = crontab_new();
	struct cron	*c = set(t, NOON, "* * * * *");
	char		*item = item_of(c);
	int64_t		 now = NOON;

	(void)state;
	for (int step = 0; step < 3000; step++) {
		chance = chance * 1103515245 + 12345;
		fate = (chance >> 8) % 4;
		now += (chance >> 16) % 20000;
		if ((c = crontab_due(t, now)) == NULL)
			continue;
		late += now - c->next_ms > MINUTE;	/* two minutes become one job */
		cron_begins(t, c);
		if (fate != CRASH_BEFORE)
			submit(&disk, c);
		if (fate == CRASH_BEHIND || fate == NO_CRASH) {
			cron_ran(t, c, disk.jobs, now);
			free(item);
			item = item_of(c);
		}
		if (fate == NO_CRASH)
			continue;
		crontab_free(t);
		t = crontab_new();
		restore(t, now, item);
	}
	assert_true(disk.found > 50);
	assert_true(disk.jobs <= (now - NOON) / MINUTE);
	assert_true(disk.jobs + late + 2 >= (now - NOON) / MINUTE);
	for (unsigned i = 0; i < disk.jobs; i++)
		free(disk.keys[i]);
	free(item);
	crontab_free(t);
}

static void
test_a_broken_item_is_refused(void **state)
{
	static const char *const	texts[] = {
		"", "[]", "{\"when\":5}", "{\"settled_ms\":-1}", "{\"settled_ms\":1.5}", "{\"job\":{}}",
		"{\"configured\":1}", "{\"anchor_ms\":9223372036854775807}",
	};
	struct cron_item		item;
	struct rpc_error		err;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (cron_item_read(span_of(texts[i]), &item, &err) == 0)
			fail_msg("'%s' was taken", texts[i]);
		cron_item_fini(&item);
	}
}

/* ---- what is said ---- */

static void
test_what_is_wrong_with_a_wish_is_named(void **state)
{
	static const struct {
		const char	*when, *zone, *overlap, *job, *message;
	} rows[] = {
		{ "0 25 * * *", "UTC", "skip", "{\"type\":\"echo\"}", "when: field 2 (hour): 25 is above 23" },
		{ "@daily", "Mars/Olympus", "skip", "{\"type\":\"echo\"}",
		    "time_zone: there is no time zone 'Mars/Olympus' in /usr/share/zoneinfo" },
		{ "@daily", "../passwd", "skip", "{\"type\":\"echo\"}",
		    "time_zone: '../passwd' is not the name of a time zone: Europe/Berlin and UTC are" },
		{ "@daily", "UTC", "never", "{\"type\":\"echo\"}", "overlap must be skip or queue, not 'never'" },
		{ "@daily", "UTC", "queue", "{}", "job: params needs 'type'" },
		{ "@daily", "UTC", "queue", "{\"type\":\"echo\",\"run_at_ms\":5}",
		    "job: params has no member 'run_at_ms'" },
		{ "@daily", "UTC", "queue", "{\"type\":\"echo\",\"after\":[5]}",
		    "job: params has no member 'after'" },
		{ "@daily", "UTC", "queue", "{\"type\":\"echo\",\"unique_key\":\"k\"}",
		    "job: params has no member 'unique_key'" },
		{ "@daily", "UTC", "", "{\"type\":\"echo\",\"priority\":500}",
		    "job: priority must be an integer from -100 to 100, not 500" },
		{ "@daily", "UTC", "", "{\"type\":\"echo\"", "job: the text ends too early, at byte 14" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cron_words	words = {
			.name = span_of("job"), .when = span_of(rows[i].when),
			.time_zone = span_of(rows[i].zone), .overlap = span_of(rows[i].overlap),
			.job = span_of(rows[i].job),
		};
		struct cron_wish	wish;
		struct rpc_error	err = { .message = "" };

		assert_int_equal(cron_read_wish(&words, &wish, &err), -1);
		assert_int_equal(err.kind, RPC_invalid_params);
		assert_string_equal(err.message, rows[i].message);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_each_occurrence_comes_once),
		cmocka_unit_test(test_every_neither_drifts_nor_doubles),
		cmocka_unit_test(test_an_outage_is_made_up_for_once),
		cmocka_unit_test(test_a_clock_that_jumps_forward_is_an_outage),
		cmocka_unit_test(test_a_clock_that_jumps_back_repeats_nothing),
		cmocka_unit_test(test_a_clock_that_was_far_ahead_stops_nothing),
		cmocka_unit_test(test_daylight_saving_runs_a_named_hour_once_a_day),
		cmocka_unit_test(test_setting_the_same_again_changes_nothing_of_the_plan),
		cmocka_unit_test(test_a_change_while_an_occurrence_is_written_down_keeps_both),
		cmocka_unit_test(test_a_deleted_schedule_is_gone),
		cmocka_unit_test(test_what_is_refused_is_tried_again_and_not_lost),
		cmocka_unit_test(test_a_refusal_does_not_outlast_a_clock_put_back),
		cmocka_unit_test(test_what_is_skipped_is_counted_and_settled),
		cmocka_unit_test(test_an_item_brings_back_all_of_a_schedule),
		cmocka_unit_test(test_a_crash_neither_doubles_nor_loses_an_occurrence),
		cmocka_unit_test(test_a_broken_item_is_refused),
		cmocka_unit_test(test_what_is_wrong_with_a_wish_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
