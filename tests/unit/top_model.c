/* top_model.c - rules of client/top_model: replies in, rows, rates and a layout out. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/top_model.h"

#define SECOND	INT64_C(1000000000)

static struct span
span(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static void
take_stats(struct top *t, const char *boot, int attempts, int failed, int64_t now_ns)
{
	char	text[640];

	snprintf(text, sizeof(text), "{\"server\":\"jobd 1\",\"boot_id\":\"%s\",\"uptime_ms\":5000,\"draining\":false,"
	    "\"rss_bytes\":1,\"connections\":2,\"requests\":%d,\"jobs\":{\"now\":{\"scheduled\":1,\"ready\":2,"
	    "\"running\":3,\"succeeded\":4,\"failed\":5,\"cancelled\":6,\"expired\":7},\"finished\":{\"succeeded\":%d,"
	    "\"failed\":%d,\"cancelled\":0,\"expired\":0},\"attempts\":%d},\"lanes\":{\"inline\":0,\"async\":0,"
	    "\"thread\":0,\"process\":%d}}", boot, attempts * 2, attempts, failed, attempts, attempts);
	top_take_stats(t, span(text), now_ns);
}

static void
take_workers(struct top *t, int done, int64_t now_ns)
{
	char	text[640];

	snprintf(text, sizeof(text), "{\"items\":["
	    "{\"name\":\"cpu-10\",\"lane\":\"process\",\"state\":\"idle\",\"job\":null,\"type\":null,"
	    "\"inflight\":0,\"since_ms\":1,\"done\":0,\"rss_bytes\":1},"
	    "{\"name\":\"cpu-2\",\"lane\":\"process\",\"state\":\"running\",\"job\":77,\"type\":\"work\","
	    "\"inflight\":1,\"since_ms\":2,\"done\":%d,\"rss_bytes\":1},"
	    "{\"name\":\"io-1\",\"lane\":\"async+thread\",\"state\":\"idle\",\"job\":null,\"type\":null,"
	    "\"inflight\":0,\"since_ms\":3,\"done\":0,\"rss_bytes\":1}],\"next\":null}", done);
	top_take_workers(t, span(text), now_ns);
}

static const struct top_lane *
lane(const struct top *t, const char *name)
{
	for (size_t i = 0; i < t->lists[TOP_LANES].len; i++) {
		const struct top_lane	*l = top_row(t, TOP_LANES, i);

		if (strcmp(l->row.name, name) == 0)
			return l;
	}
	fail_msg("no lane %s", name);
	return NULL;
}

static void
near(double a, double b)
{
	if (a < b - 0.001 || a > b + 0.001)
		fail_msg("%f is not %f", a, b);
}

static void
test_a_rate_is_what_came_between_two_looks(void **state)
{
	struct top	t;

	(void)state;
	top_init(&t);
	take_stats(&t, "a", 1000, 10, SECOND);
	near(t.starts.rate, 0);				/* of one look there is none */
	assert_int_equal(t.starts.past.len, 0);
	take_stats(&t, "a", 1050, 11, 3 * SECOND);
	near(t.starts.rate, 25);
	near(t.ends.rate, 25.5);
	near(t.failures.rate, 0.5);
	near(t.requests.rate, 50);
	near(lane(&t, "process")->starts.rate, 25);
	near(lane(&t, "async")->starts.rate, 0);
	assert_int_equal(t.now[0], 3);			/* running */
	assert_int_equal(t.now[3], 5);			/* failed */
	assert_int_equal(t.starts.past.len, 1);
	top_free(&t);
}

static void
test_a_daemon_that_came_back_counts_anew(void **state)
{
	struct top	t;

	(void)state;
	top_init(&t);
	take_stats(&t, "a", 1000, 0, SECOND);
	take_stats(&t, "a", 1100, 0, 2 * SECOND);
	top_lost(&t, "it is gone");
	assert_false(t.up);
	assert_string_equal(t.why, "it is gone");
	near(t.starts.rate, 0);
	assert_int_equal(t.now[0], 3);			/* what was known is still to be seen */
	take_stats(&t, "b", 5, 0, 9 * SECOND);
	assert_true(t.up);
	near(t.starts.rate, 0);
	take_stats(&t, "b", 15, 0, 10 * SECOND);
	near(t.starts.rate, 10);
	/* and one that was not seen to go */
	take_stats(&t, "c", 1000000, 0, 11 * SECOND);
	near(t.starts.rate, 0);
	top_free(&t);
}

static void
test_workers_stand_in_the_order_of_their_numbers_and_count_for_their_lanes(void **state)
{
	struct top	t;

	(void)state;
	top_init(&t);
	take_stats(&t, "a", 0, 0, SECOND);
	take_workers(&t, 5, SECOND);
	take_workers(&t, 9, 2 * SECOND);
	assert_int_equal(t.lists[TOP_WORKERS].len, 3);
	assert_string_equal(((const struct top_worker *)top_row(&t, TOP_WORKERS, 0))->row.name, "cpu-2");
	assert_string_equal(((const struct top_worker *)top_row(&t, TOP_WORKERS, 1))->row.name, "cpu-10");
	near(((const struct top_worker *)top_row(&t, TOP_WORKERS, 0))->done.rate, 4);
	assert_int_equal(lane(&t, "process")->workers, 2);
	assert_int_equal(lane(&t, "process")->busy, 1);
	assert_int_equal(lane(&t, "thread")->workers, 1);
	assert_int_equal(lane(&t, "async")->workers, 1);
	assert_int_equal(lane(&t, "inline")->workers, 0);
	t.panel = TOP_WORKERS;
	assert_int_equal(top_chosen_job(&t), 77);
	top_move(&t, 1);
	assert_int_equal(top_chosen_job(&t), 0);
	top_free(&t);
}

static const char	three[] = "{\"items\":[{\"name\":\"b\",\"ready\":2,\"scheduled\":1},{\"name\":\"a\"},"
    "{\"name\":\"c\",\"paused\":true}],\"next\":null}";

static void
test_the_chosen_row_is_followed_and_leaves_its_place_to_its_neighbour(void **state)
{
	struct top	t;

	(void)state;
	top_init(&t);
	top_take_queues(&t, span(three));
	assert_string_equal(top_chosen_queue(&t), "a");
	top_move(&t, 1);
	assert_string_equal(top_chosen_queue(&t), "b");
	/* others came before it */
	top_take_queues(&t, span("{\"items\":[{\"name\":\"A\"},{\"name\":\"a\"},{\"name\":\"aa\"},{\"name\":\"b\"}]}"));
	assert_string_equal(top_chosen_queue(&t), "b");
	top_take_queues(&t, span("{\"items\":[{\"name\":\"A\"},{\"name\":\"a\"}]}"));
	assert_string_equal(top_chosen_queue(&t), "a");
	top_move(&t, 100);
	assert_string_equal(top_chosen_queue(&t), "a");
	top_move(&t, -100);
	assert_string_equal(top_chosen_queue(&t), "A");
	top_take_queues(&t, span("{\"items\":[]}"));
	assert_null(top_chosen_queue(&t));
	top_move(&t, 1);
	top_take_queues(&t, span(three));
	assert_string_equal(top_chosen_queue(&t), "a");
	top_free(&t);
}

static void
test_a_queue_remembers_what_waited_as_long_as_it_is_there(void **state)
{
	struct top		 t;
	const struct top_queue	*b;

	(void)state;
	top_init(&t);
	for (int i = 0; i < TOP_SAMPLES + 5; i++)
		top_take_queues(&t, span(three));
	b = top_row(&t, TOP_QUEUES, 1);
	assert_string_equal(b->row.name, "b");
	assert_int_equal(b->waiting.len, TOP_SAMPLES);
	near(b->waiting.values[TOP_SAMPLES - 1], 3);
	assert_true(((const struct top_queue *)top_row(&t, TOP_QUEUES, 2))->paused);
	top_take_queues(&t, span("{\"items\":[{\"name\":\"a\"}]}"));
	top_take_queues(&t, span(three));
	assert_int_equal(((const struct top_queue *)top_row(&t, TOP_QUEUES, 1))->waiting.len, 1);
	top_free(&t);
}

static const char	jobs[] = "{\"items\":[{\"id\":9,\"state\":\"running\",\"type\":\"t\",\"queue\":\"mail\","
    "\"changed_ms\":5,\"attempts_total\":2,\"attempts\":[{\"worker\":\"cpu-9\",\"started_ms\":1},"
    "{\"worker\":\"cpu-1\",\"started_ms\":7}]},{\"id\":10,\"state\":\"running\",\"type\":\"t\",\"queue\":\"q\"}],"
    "\"next\":null}";

static void
test_jobs_come_newest_first_with_those_that_only_their_workers_know(void **state)
{
	struct top		 t;
	const struct top_job	*j;

	(void)state;
	top_init(&t);
	take_workers(&t, 0, SECOND);
	top_take_jobs(&t, span(jobs), 0);
	assert_int_equal(t.lists[TOP_JOBS].len, 3);
	assert_int_equal(((const struct top_job *)top_row(&t, TOP_JOBS, 0))->id, 77);
	assert_string_equal(((const struct top_job *)top_row(&t, TOP_JOBS, 0))->worker, "cpu-2");
	j = top_row(&t, TOP_JOBS, 2);
	assert_int_equal(j->id, 9);
	assert_string_equal(j->worker, "cpu-1");
	assert_int_equal(j->since_ms, 7);
	t.panel = TOP_JOBS;
	top_move(&t, 2);
	assert_int_equal(top_chosen_job(&t), 9);
	assert_string_equal(top_chosen_queue(&t), "mail");
	/* of another state the answer comes too late */
	top_next_state(&t);
	assert_int_equal(t.lists[TOP_JOBS].len, 0);
	top_take_jobs(&t, span(jobs), 0);
	assert_int_equal(t.lists[TOP_JOBS].len, 0);
	for (int i = 0; i < TOP_STATES - 1; i++)
		top_next_state(&t);
	assert_int_equal(t.shown, 0);
	top_free(&t);
}

static void
test_bars_are_as_high_as_their_samples_and_what_is_not_nothing_is_seen(void **state)
{
	struct top_series	s = { 0 };
	unsigned		levels[TOP_SAMPLES];

	(void)state;
	assert_int_equal(top_series_levels(&s, 10, 8, levels), 0);
	top_series_add(&s, 100000);		/* it does not fit: the others are against each other */
	top_series_add(&s, 0);
	top_series_add(&s, 0.001);
	top_series_add(&s, 50);
	top_series_add(&s, 100);
	assert_int_equal(top_series_levels(&s, 4, 8, levels), 4);
	assert_int_equal(levels[0], 0);
	assert_int_equal(levels[1], 1);
	assert_in_range(levels[2], 4, 5);
	assert_int_equal(levels[3], 8);
	assert_int_equal(top_series_levels(&s, TOP_SAMPLES, 8, levels), 5);
	assert_int_equal(levels[4], 1);
}

static unsigned
sum(const struct top_layout *l)
{
	return l->height[0] + l->height[1] + l->height[2] + l->height[3];
}

static void
test_panels_share_the_rows_that_there_are(void **state)
{
	struct top		t;
	struct top_layout	l;

	(void)state;
	top_init(&t);
	take_stats(&t, "a", 0, 0, SECOND);	/* 4 lanes */
	take_workers(&t, 0, SECOND);		/* 3 workers */
	top_take_queues(&t, span(three));	/* 3 queues, no job */
	l = top_lay_out(&t, 100);
	assert_int_equal(l.height[TOP_LANES], 5);
	assert_int_equal(l.height[TOP_QUEUES], 4);
	assert_int_equal(l.height[TOP_WORKERS], 4);
	assert_int_equal(l.height[TOP_JOBS], 2);
	for (unsigned rows = 0; rows < 20; rows++) {
		l = top_lay_out(&t, rows);
		assert_in_range(sum(&l), 0, rows);
		if (rows >= 2)
			assert_in_range(l.height[t.panel], 2, rows);
		if (rows >= 8)
			for (int p = 0; p < TOP_PANELS; p++)
				assert_in_range(l.height[p], 2, rows);
	}
	/* with the least of rows, the panel that has the keys has them */
	for (int p = 0; p < TOP_PANELS; p++) {
		l = top_lay_out(&t, 3);
		assert_in_range(l.height[t.panel], 2, 3);
		top_next_panel(&t, 1);
	}
	assert_int_equal(t.panel, TOP_QUEUES);
	top_next_panel(&t, -2);
	assert_int_equal(t.panel, TOP_JOBS);
	top_free(&t);
}

static void
test_what_is_not_as_it_should_be_is_passed_over(void **state)
{
	static const char *const	odd[] = {
		"{}", "[]", "{\"items\":3}", "{\"items\":[3,{},{\"name\":null},{\"name\":{\"a\":[]}}]}",
		"{\"items\":[{\"id\":\"x\",\"name\":\"x\",\"lane\":7,\"attempts\":{},\"ready\":\"y\"}]}",
	};
	struct top			t;

	(void)state;
	top_init(&t);
	for (size_t i = 0; i < COUNT(odd); i++) {
		top_take_stats(&t, span(odd[i]), SECOND);
		top_take_queues(&t, span(odd[i]));
		top_take_workers(&t, span(odd[i]), SECOND);
		top_take_jobs(&t, span(odd[i]), 0);
	}
	top_free(&t);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_a_rate_is_what_came_between_two_looks),
		cmocka_unit_test(test_a_daemon_that_came_back_counts_anew),
		cmocka_unit_test(test_workers_stand_in_the_order_of_their_numbers_and_count_for_their_lanes),
		cmocka_unit_test(test_the_chosen_row_is_followed_and_leaves_its_place_to_its_neighbour),
		cmocka_unit_test(test_a_queue_remembers_what_waited_as_long_as_it_is_there),
		cmocka_unit_test(test_jobs_come_newest_first_with_those_that_only_their_workers_know),
		cmocka_unit_test(test_bars_are_as_high_as_their_samples_and_what_is_not_nothing_is_seen),
		cmocka_unit_test(test_panels_share_the_rows_that_there_are),
		cmocka_unit_test(test_what_is_not_as_it_should_be_is_passed_over),
	};

	return cmocka_run_group_tests_name("top_model", tests, NULL, NULL);
}
