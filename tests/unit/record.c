/* record.c - a job as the store keeps it: what is printed of it comes back. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/store/record.h"
#include "lib/alloc.h"
#include "proto/jobspec.h"

static const struct core_time	submitted = { .mono_ns = INT64_C(5000000000), .real_ms = 1700000000000 };
/* another life: its clock began later, and an hour has passed */
static const struct core_time	later = { .mono_ns = INT64_C(1000000000), .real_ms = 1700003600000 };

struct world {
	struct core		*c;
	struct submitter	*by;
	struct type		*type;
};

static struct world
world_new(void)
{
	struct core_config	 cfg = {
		.keep_finished_ms = 60000, .keep_finished = 100, .keep_finished_bytes = 1 << 20,
		.keep_failed_ms = 600000, .max_waiting = 1000, .max_waiting_bytes = 1 << 20,
		.grace_ms = 1000, .retry = { .said = 15, .max_attempts = 3, .backoff_ms = 1000,
		    .factor = 2000, .max_backoff_ms = 10000 },
	};
	struct world		 w = { .c = core_new(&cfg) };

	w.by = submitter_new("uid:\"1\"", "a client", "unix");
	w.type = core_type_define(w.c, &(struct type){ .name = (char *)(size_t)"work" });
	return w;
}

static void
world_free(struct world *w)
{
	core_free(w->c);
	submitter_unref(w->by);
}

static struct job *
submit(struct world *w, uint64_t id, const struct jobspec *spec)
{
	struct job	*j;

	assert_int_equal(core_submit(w->c, submitted, id, spec, w->type, LANE_THREAD, w->by, &j), 0);
	return j;
}

static struct span
text_of(const struct buf *b)
{
	return (struct span){ buf_data(b), buf_len(b) };
}

static struct span
span(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static struct jobspec
plain(void)
{
	return (struct jobspec){ .type = span("work"), .queue = span("default"), .args = span("[1]"),
	    .lane = -1, .durability = DURABILITY_COMMIT };
}

/* Into another core, as after a crash. */
static struct job *
restore(struct world *to, const struct store_row *row)
{
	struct job_record	 rec;
	char			 why[200];
	struct job		*j;

	if (record_read(row, &rec, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	rec.saved.type = core_type_get(to->c, rec.type, core_pool_get(to->c, rec.pool));
	rec.saved.by = to->by;
	j = core_restore(to->c, later, &rec.saved);
	record_fini(&rec);
	return j;
}

static void
test_all_that_was_said_at_submission_comes_back(void **state)
{
	struct world	 a = world_new(), b = world_new();
	struct jobspec	 spec = plain();
	struct buf	 text = { 0 }, again = { 0 };
	uint64_t	 after[] = { 1 };
	struct job	*j;

	(void)state;
	submit(&a, 1, &(struct jobspec){ .type = span("work"), .queue = span("default"),
	    .args = span("0"), .lane = -1, .hold = true, .durability = DURABILITY_COMMIT });
	spec.queue = span("mail");
	spec.tenant = span("t\n1");
	spec.order_key = span("key \xc3\xa9");
	spec.limit_key = span("l");
	spec.traceparent = span("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
	spec.labels = span("{\"a\":\"b\"}");
	spec.priority = -7;
	spec.timeout_ms = 1500;
	spec.keep_ms = 7000;
	spec.delay_ms = 7200000;
	spec.ttl_ms = 10800000;
	spec.on_lost = ON_LOST_FAIL;
	spec.on_order_failure = ON_ORDER_FAILURE_BLOCK;
	spec.on_parent_failure = ON_PARENT_FAILURE_RUN;
	spec.lane = LANE_THREAD;
	spec.hold = true;
	spec.after = after;
	spec.after_len = 1;
	spec.retry = (struct retry_policy){ .said = 1u << RETRY_factor, .factor = 1500 };
	record_print_spec(&text, submitted, submit(&a, 2, &spec), &spec);
	submit(&b, 1, &(struct jobspec){ .type = span("work"), .queue = span("default"),
	    .args = span("0"), .lane = -1, .hold = true, .durability = DURABILITY_COMMIT });
	j = restore(&b, &(struct store_row){ .id = 2, .live = true, .spec = text_of(&text),
	    .args = spec.args, .labels = spec.labels });
	assert_string_equal(core_job_queue(j), "mail");
	assert_string_equal(core_job_tenant(j), "t\n1");
	assert_string_equal(core_job_limit_key(j), "l");
	assert_string_equal(job_traceparent(j), spec.traceparent.p);
	assert_int_equal(job_created_ms(j), submitted.real_ms);
	assert_int_equal(job_keep_ms(j), 7000);
	/* one of the two hours is over */
	assert_int_equal(job_due_ns(j), later.mono_ns + INT64_C(3600000000000));
	assert_int_equal(job_ttl_ns(j), later.mono_ns + INT64_C(7200000000000));
	spec.delay_ms = 0;
	spec.ttl_ms = 0;
	record_print_spec(&again, later, j, &spec);
	/* who submits is the caller's */
	assert_int_equal(buf_len(&again), buf_len(&text));
	assert_memory_equal(buf_data(&again), buf_data(&text), buf_len(&text));
	buf_free(&text);
	buf_free(&again);
	world_free(&a);
	world_free(&b);
}

static void
test_what_is_usual_is_not_written(void **state)
{
	struct world	 w = world_new();
	struct jobspec	 spec = plain();
	struct buf	 text = { 0 };

	(void)state;
	record_print_spec(&text, submitted, submit(&w, 1, &spec), &spec);
	buf_putc(&text, '\0');
	assert_string_equal(buf_data(&text), "{\"type\":\"work\",\"queue\":\"default\","
	    "\"routed\":\"thread\",\"created_ms\":1700000000000,\"principal\":\"uid:\\\"1\\\"\","
	    "\"client\":\"a client\",\"addr\":\"unix\"}");
	buf_free(&text);
	world_free(&w);
}

static void
test_a_past_says_all_that_has_changed(void **state)
{
	static const char	past[] = "{\"attempts\":2,\"suspicions\":1,\"beside\":7,\"priority\":3,\"failures\":1,"
	    "\"due_ms\":1700003660000,\"begun\":1,\"routed\":\"process\",\"later\":{\"unknown\":[1]},"
	    "\"moves\":[[1,\"ready\",\"submitted\"],[2,\"running\",\"started\"],"
	    "[3,\"scheduled\",\"retry_wait\"]],"
	    "\"tries\":[{\"number\":1,\"fence\":77,\"started_ms\":2,\"ended_ms\":3,\"worker\":\"io-1\","
	    "\"lane\":\"thread\",\"end\":\"handler_error\",\"kind\":\"error\",\"message\":\"no\\nway\","
	    "\"spent\":[1,2,3,4,5]},{\"number\":2,\"worker\":4,\"lane\":\"thread\"}]}";
	struct buf		 again = { 0 };
	struct world		 w = world_new();
	size_t			 len;
	struct job		*j;

	(void)state;
	j = restore(&w, &(struct store_row){ .id = 9, .live = true,
	    .spec = span("{\"type\":\"work\",\"held\":1,\"priority\":9}"), .past = span(past) });
	assert_int_equal(j->state, JOB_scheduled);
	assert_int_equal(j->priority, 3);
	assert_int_equal(j->suspicions, 1);
	assert_int_equal(job_run(j)->beside, 7);
	assert_int_equal(job_failures(j), 1);
	assert_int_equal(job_attempts(j), 2);
	assert_false(job_held(j));
	assert_int_equal(job_due_ns(j), later.mono_ns + INT64_C(60000000000));
	assert_int_equal(job_moves_len(j), 3);
	assert_int_equal(job_move_at(j, 0).at_ms, 1);
	assert_string_equal(job_tries(j, &len)[0].message, "no\nway");
	assert_int_equal(job_tries(j, &len)[0].fence, 77);
	assert_int_equal(job_tries(j, &len)[0].spent->user_us, 1);
	assert_int_equal(job_tries(j, &len)[0].spent->write_bytes, 5);
	record_print_past(&again, w.c, later, j);
	buf_putc(&again, '\0');
	assert_non_null(strstr(buf_data(&again), "{\"attempts\":2,\"suspicions\":1,\"beside\":7,"));
	assert_non_null(strstr(buf_data(&again), "\"message\":\"no\\nway\",\"spent\":[1,2,3,4,5]}"));
	assert_string_equal(core_worker_name(w.c, &job_tries(j, &len)[0]), "io-1");
	assert_non_null(strstr(buf_data(&again), "\"worker\":\"io-1\""));
	/* as a number it was another broker's */
	assert_string_equal(core_worker_name(w.c, &job_tries(j, &len)[1]), "");
	buf_free(&again);
	world_free(&w);
}

static void
test_a_type_is_of_the_pool_that_was_written_down_in_words_or_once_as_a_flag(void **state)
{
	static const struct {
		const char	*spec, *pool;
	} rows[] = {
		{ "{\"type\":\"a\"}", "" },
		{ "{\"type\":\"b\",\"plugin\":1}", "plugin" },
		{ "{\"type\":\"c\",\"pool\":\"exec:www\"}", "exec:www" },
	};
	struct world	 w = world_new();
	struct buf	 again = { 0 };
	struct job	*j = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		j = restore(&w, &(struct store_row){ .id = i + 1, .live = true,
		    .spec = span(rows[i].spec) });
		assert_string_equal(core_type_pool(job_type(j)).p, rows[i].pool);
	}
	record_print_spec(&again, later, j, &(struct jobspec){ .type = span("c"), .lane = -1 });
	buf_putc(&again, '\0');
	assert_non_null(strstr(buf_data(&again), "\"pool\":\"exec:www\""));
	buf_free(&again);
	world_free(&w);
}

static void
test_one_that_ended_is_as_it_was_last(void **state)
{
	struct world	 w = world_new();
	struct job	*j;

	(void)state;
	j = restore(&w, &(struct store_row){ .id = 9,
	    .spec = span("{\"type\":\"work\",\"held\":1,\"priority\":9,\"timeout_ms\":5}"),
	    .past = span("{\"timeout_ms\":7,\"end\":[5,\"cancelled\",\"cancel_asked\"],"
	    "\"moves\":[[1,\"scheduled\",\"held\"],[2,\"ready\",\"released\"]]}"),
	    .end = { .state = JOB_cancelled } });
	assert_false(job_held(j));
	assert_int_equal(j->priority, 0);
	assert_int_equal(job_timeout_ms(j), 7);
	world_free(&w);
}

static void
test_one_that_ended_has_its_outcome(void **state)
{
	struct world	 w = world_new();
	struct job	*j;

	(void)state;
	j = restore(&w, &(struct store_row){ .id = 9, .spec = span("{\"type\":\"work\"}"),
	    .past = span("{\"attempts\":1,\"end\":[5,\"failed\",\"handler_error\"],"
	    "\"moves\":[[1,\"ready\",\"submitted\"]]}"),
	    .end = { .state = JOB_failed, .text = span("boom"),
	    .failure = span("{\"kind\":\"error\",\"retryable\":false,\"data\":{\"a\":[1]}}") } });
	assert_int_equal(j->state, JOB_failed);
	assert_int_equal(job_last_move(j).reason, REASON_handler_error);
	assert_string_equal(job_outcome(j)->text, "boom");
	assert_string_equal(job_outcome(j)->data, "{\"a\":[1]}");
	assert_true(job_outcome(j)->final);
	world_free(&w);
}

static void
test_a_text_that_is_not_ours_is_refused_with_what_is_wrong(void **state)
{
	static const struct {
		const char	*spec, *past, *why;
	} rows[] = {
		{ "", "", "spec: the text ends too early at byte 0" },
		{ "{\"queue\":\"q\"}", "", "spec: it has no type" },
		{ "{\"type\":7}", "", "spec: type is not a text" },
		{ "{\"type\":\"x\",\"lane\":\"fast\"}", "", "spec: lane is not a known word" },
		{ "{\"type\":\"x\",\"after\":[\"1\"]}", "", "spec: after is not a number that it may be" },
		{ "{\"type\":\"x\"}", "{\"moves\":[]}", "past: it has no moves" },
		{ "{\"type\":\"x\"}", "{\"moves\":[[1,\"flying\",\"submitted\"]]}",
		    "past: moves is not a known word" },
		{ "{\"type\":\"x\"}", "{\"tries\":[{\"spent\":[1,2,3,4,5,6]}]}",
		    "past: tries is not five numbers" },
		{ "{\"type\":\"x\"}", "{\"tries\":[{\"number\":1},", "past: the text ends too early at byte 23" },
	};
	struct job_record	rec;
	char			why[200];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store_row	row = { .id = 1, .live = true, .spec = span(rows[i].spec),
						.past = span(rows[i].past) };

		assert_int_equal(record_read(&row, &rec, why, sizeof(why)), -1);
		assert_string_equal(why, rows[i].why);
		record_fini(&rec);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_all_that_was_said_at_submission_comes_back),
		cmocka_unit_test(test_what_is_usual_is_not_written),
		cmocka_unit_test(test_a_past_says_all_that_has_changed),
		cmocka_unit_test(test_a_type_is_of_the_pool_that_was_written_down_in_words_or_once_as_a_flag),
		cmocka_unit_test(test_one_that_ended_is_as_it_was_last),
		cmocka_unit_test(test_one_that_ended_has_its_outcome),
		cmocka_unit_test(test_a_text_that_is_not_ours_is_refused_with_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
