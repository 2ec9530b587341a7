/* items.c - what is remembered besides jobs: to text and back, and what is wrong with a text. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/items/group_item.h"
#include "daemon/broker/items/queue_item.h"
#include "daemon/broker/items/type_item.h"
#include "lib/alloc.h"

#define MS	INT64_C(1000000)

static const struct core_time	now = { .mono_ns = 500000 * MS, .real_ms = 1700000000000 };
static const struct span	mail = { "mail", 4 };
static const struct queue_settings	nothing;

static struct span
span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static struct core *
make_core(void)
{
	static const struct core_config	cfg = { .keep_finished = 10, .max_waiting = 100,
	    .max_waiting_bytes = 1 << 20 };

	return core_new(&cfg);
}

/* ---- queues ---- */

static char *
queue_text(const struct core *c, const struct queue_settings *file)
{
	struct buf	out = { 0 };

	queue_item_print(&out, c, mail, file);
	return buf_take_string(&out);
}

static void
assert_queue(const struct core *c, const struct queue_settings *file, const char *text)
{
	char	*is = queue_text(c, file);

	assert_string_equal(is, text);
	free(is);
}

static void
apply(struct core *c, const struct queue_settings *file, const char *text)
{
	struct rpc_error	err;

	assert_int_equal(queue_item_apply(c, now, mail, file, span_of(text), &err), 0);
}

static void
test_every_setting_of_a_queue_comes_back(void **state)
{
	static const char	all[] = "{\"max_running\":1,\"max_running_per_tenant\":2,"
	    "\"max_running_per_key\":3,\"rate_milli\":1500,\"burst\":4,\"max_jobs\":5,"
	    "\"max_bytes\":6,\"paused\":true,\"draining\":true,\"weights\":{\"a\\\"b\":7}}";
	struct core		*c = make_core();
	struct queue_settings	 s;

	(void)state;
	apply(c, &nothing, all);
	assert_queue(c, &nothing, all);
	s = core_queue_settings(c, mail);
	assert_int_equal(s.max_running, 1);
	assert_int_equal(s.max_running_per_tenant, 2);
	assert_int_equal(s.max_running_per_key, 3);
	assert_int_equal(s.rate.rate_milli, 1500);
	assert_int_equal(s.rate.burst, 4);
	assert_int_equal(s.max_jobs, 5);
	assert_int_equal(s.max_bytes, 6);
	core_free(c);
}

static void
test_a_queue_that_is_as_the_file_says_has_no_text(void **state)
{
	const struct queue_settings	 file = { .max_running = 4, .rate = { 1000, 2 } };
	struct core			*c = make_core();

	(void)state;
	assert_queue(c, &nothing, "");			/* nobody knows it */
	core_queue_set(c, now, mail, &file);
	assert_queue(c, &file, "");
	core_queue_pause(c, mail, true);
	assert_queue(c, &file, "{\"paused\":true}");
	core_queue_pause(c, mail, false);
	assert_queue(c, &file, "");
	core_free(c);
}

static void
test_what_an_operator_set_wins_over_the_file_and_only_that(void **state)
{
	const struct queue_settings	 file = { .max_running = 4, .max_jobs = 10 };
	const struct queue_settings	 later = { .max_running = 8, .max_jobs = 20 };
	struct core			*c = make_core();
	struct queue_settings		 s = file;

	(void)state;
	s.max_running = 0;				/* no limit, where the file has one */
	core_queue_set(c, now, mail, &s);
	assert_queue(c, &file, "{\"max_running\":0}");
	apply(c, &later, "{\"max_running\":0}");
	s = core_queue_settings(c, mail);
	assert_int_equal(s.max_running, 0);
	assert_int_equal(s.max_jobs, 20);
	core_free(c);
}

static void
test_a_text_undoes_what_was_set_since(void **state)
{
	struct core	*c = make_core();

	(void)state;
	apply(c, &nothing, "{\"paused\":true,\"max_jobs\":3,\"weights\":{\"a\":2,\"b\":3}}");
	apply(c, &nothing, "{\"weights\":{\"b\":4}}");
	assert_queue(c, &nothing, "{\"weights\":{\"b\":4}}");
	apply(c, &nothing, "");
	assert_queue(c, &nothing, "");
	core_free(c);
}

static void
test_a_wrong_queue_text_says_what_is_wrong_and_changes_nothing(void **state)
{
	static const struct {
		const char	*text, *why;
	} rows[] = {
		{ "{", "it is no JSON object" }, { "[]", "it is no JSON object" },
		{ "{\"max_running\":-1}", "max_running is not an integer from 0" },
		{ "{\"max_running\":\"1\"}", "max_running is not an integer" },
		{ "{\"burst\":4294967296}", "burst is not an integer" },
		{ "{\"max_jobs\":1.5}", "max_jobs is not an integer" },
		{ "{\"paused\":1}", "paused is not true or false" },
		{ "{\"weights\":[]}", "weights is no object" },
		{ "{\"weights\":{\"a\":0}}", "weights has one that is none" },
		{ "{\"weights\":{\"\":1}}", "weights has one that is none" },
		{ "{\"paused\":true,\"paused\":true}", "it is no JSON object: duplicate" },
	};
	struct core		*c = make_core();
	struct rpc_error	 err;

	(void)state;
	apply(c, &nothing, "{\"max_jobs\":3}");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(queue_item_apply(c, now, mail, &nothing, span_of(rows[i].text),
		    &err), -1);
		assert_memory_equal(err.message, rows[i].why, strlen(rows[i].why));
		assert_queue(c, &nothing, "{\"max_jobs\":3}");
	}
	apply(c, &nothing, "{\"max_jobs\":4,\"later\":{}}");	/* a later jobd's */
	assert_queue(c, &nothing, "{\"max_jobs\":4}");
	core_free(c);
}

/* ---- types ---- */

static struct type *
make_type(struct core *c)
{
	char		 name[] = "echo";
	struct type	 declared = { .name = name }, *t = core_type_define(c, &declared);

	t->route = mem_zalloc(1, sizeof(*t->route));
	t->route->pinned = -1;
	return t;
}

static void
test_a_pin_comes_back(void **state)
{
	static const char *const	texts[] = {
		"{\"mode\":\"auto\",\"by\":\"\"}",
		"{\"mode\":\"advice\",\"by\":\"configuration\"}",
		"{\"mode\":\"pin\",\"by\":\"uid:0\"}",
		"{\"mode\":\"pin\",\"lane\":\"thread\",\"by\":\"uid:0\"}",
	};
	struct pin_item		is;
	struct rpc_error	err;

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct type_route	tr = { 0 };
		struct buf		out = { 0 };

		assert_int_equal(pin_item_read(span_of(texts[i]), &is, &err), 0);
		tr.mode = (uint8_t)is.mode;
		tr.pinned = (int8_t)is.lane;
		strcpy(tr.by, is.by);
		pin_item_print(&out, &tr);
		assert_int_equal(buf_len(&out), strlen(texts[i]));
		assert_memory_equal(buf_data(&out), texts[i], buf_len(&out));
		buf_free(&out);
	}
	assert_int_equal(pin_item_read(span_of("{\"mode\":\"glue\"}"), &is, &err), -1);
	assert_int_equal(pin_item_read(span_of("{\"lane\":\"thread\"}"), &is, &err), -1);
	assert_int_equal(pin_item_read(span_of("{\"mode\":\"pin\",\"lane\":3}"), &is, &err), -1);
}

/* Some years of running, and a verdict four seconds ago. */
static void
measure(struct type *t)
{
	struct profile	*p = &t->route->profile;

	for (int i = 0; i < 100; i++) {
		const struct profile_sample	s = { .lane = LANE_THREAD, .ran_ns = 1000 + i * 7,
		    .share = 0.9 + i / 1001.0, .queue_known = i % 3 == 0 };

		profile_add(p, &s, now.mono_ns - 4000 * MS);
	}
	profile_stall(p, 77);
	t->samples = 100;
	t->mean_ns = 12345;
	t->out_hint = 512;
}

static void
test_a_profile_comes_back_to_the_last_bit(void **state)
{
	struct core_time	 later = { .mono_ns = 9000 * MS, .real_ms = now.real_ms + 1000 };
	struct core		*c = make_core(), *other = make_core();
	struct type		*t = make_type(c), *u = make_type(other);
	struct buf		 out = { 0 };
	struct rpc_error	 err;
	struct profile		 was;

	(void)state;
	measure(t);
	profile_item_print(&out, now, t);
	assert_int_equal(profile_item_apply(u, later, (struct span){ buf_data(&out),
	    buf_len(&out) }, &err), 0);
	was = t->route->profile;
	assert_int_equal(was.verdict, PROFILE_COMPUTES);
	was.verdict_ns = later.mono_ns - 5000 * MS;	/* it dwells for what is left of its time */
	assert_memory_equal(&u->route->profile, &was, sizeof(was));
	assert_int_equal(u->samples, 100);
	assert_int_equal(u->mean_ns, 12345);
	assert_int_equal(u->out_hint, 512);
	buf_free(&out);
	core_free(c);
	core_free(other);
}

static void
test_a_verdict_of_the_future_or_of_long_ago_dwells_as_one_that_can_be(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 ago_ns;
	} rows[] = {
		{ "{\"verdict\":\"waits\",\"verdict_ms\":1700000009999}", 0 },
		{ "{\"verdict\":\"waits\",\"verdict_ms\":1}", PROFILE_DWELL_NS },
		{ "{\"verdict\":\"waits\"}", 0 },
	};
	struct core		*c = make_core();
	struct type		*t = make_type(c);
	struct rpc_error	 err;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(profile_item_apply(t, now, span_of(rows[i].text), &err), 0);
		assert_int_equal(t->route->profile.verdict, PROFILE_WAITS);
		assert_int_equal(now.mono_ns - t->route->profile.verdict_ns, rows[i].ago_ns);
	}
	core_free(c);
}

static void
test_a_wrong_profile_changes_nothing(void **state)
{
	static const char *const	texts[] = {
		"{\"share\":{\"samples\":1,\"mean\":1.5}}", "{\"share\":7}",
		"{\"async\":{\"samples\":-1}}", "{\"async\":{\"mean\":\"x\"}}",
		"{\"verdict\":\"sleeps\"}", "{\"blocks\":1}", "{\"stall_ms\":4294967296}", "7", "",
	};
	struct core		*c = make_core();
	struct type		*t = make_type(c);
	struct profile		 was;
	struct rpc_error	 err;

	(void)state;
	measure(t);
	was = t->route->profile;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(profile_item_apply(t, now, span_of(texts[i]), &err), -1);
		assert_memory_equal(&t->route->profile, &was, sizeof(was));
	}
	core_free(c);
}

/* ---- groups ---- */

static void
test_a_group_comes_back(void **state)
{
	static const char *const	texts[] = {
		"{\"max_running\":0,\"max_fails\":-1,\"principal\":\"uid:0\",\"addr\":\"unix\","
		    "\"state\":\"open\",\"created_ms\":1}",
		"{\"name\":\"nightly\",\"max_running\":4,\"max_fails\":0,"
		    "\"reduce\":\"{\\\"type\\\":\\\"echo\\\"}\",\"principal\":\"uid:0\","
		    "\"client\":\"a\",\"addr\":\"unix\",\"state\":\"failed\","
		    "\"stopped\":\"cancelled\",\"why\":\"enough\",\"reduce_id\":9007199254740991,"
		    "\"created_ms\":1,\"finished_ms\":2,\"outcome\":\"{}\",\"brief\":\"{}\"}",
	};
	char			name[GROUP_ITEM_NAME];
	struct rpc_error	err;
	struct group_item	g;

	(void)state;
	group_item_name(42, name);
	assert_string_equal(name, "0000000000000042");
	for (int i = 0; i < 2; i++) {
		struct buf	out = { 0 };

		assert_int_equal(group_item_read(span_of(name), span_of(texts[i]), &g, &err), 0);
		assert_int_equal(g.saved.spec.number, 42);
		assert_true(g.saved.spec.durable);
		assert_int_equal(g.saved.spec.reduces, i == 1);
		group_item_print(&out, &g);
		assert_int_equal(buf_len(&out), strlen(texts[i]));
		assert_memory_equal(buf_data(&out), texts[i], buf_len(&out));
		buf_free(&out);
		group_item_fini(&g);
	}
}

static void
test_a_wrong_group_is_told(void **state)
{
	static const struct {
		const char	*name, *text, *why;
	} rows[] = {
		{ "x", "{}", "its name is no group's number" },
		{ "0", "{}", "its name is no group's number" },
		{ "7", "", "it is no JSON object" },
		{ "7", "{\"state\":\"asleep\"}", "state is not one of the words" },
		{ "7", "{\"stopped\":\"succeeded\"}", "stopped is neither failed nor cancelled" },
		{ "7", "{\"reduce\":{}}", "reduce is not a string" },
		{ "7", "{\"max_fails\":-2}", "max_fails is not an integer from -1" },
	};
	struct rpc_error	err;
	struct group_item	g;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(group_item_read(span_of(rows[i].name), span_of(rows[i].text), &g,
		    &err), -1);
		assert_memory_equal(err.message, rows[i].why, strlen(rows[i].why));
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_every_setting_of_a_queue_comes_back),
		cmocka_unit_test(test_a_queue_that_is_as_the_file_says_has_no_text),
		cmocka_unit_test(test_what_an_operator_set_wins_over_the_file_and_only_that),
		cmocka_unit_test(test_a_text_undoes_what_was_set_since),
		cmocka_unit_test(test_a_wrong_queue_text_says_what_is_wrong_and_changes_nothing),
		cmocka_unit_test(test_a_pin_comes_back),
		cmocka_unit_test(test_a_profile_comes_back_to_the_last_bit),
		cmocka_unit_test(test_a_verdict_of_the_future_or_of_long_ago_dwells_as_one_that_can_be),
		cmocka_unit_test(test_a_wrong_profile_changes_nothing),
		cmocka_unit_test(test_a_group_comes_back),
		cmocka_unit_test(test_a_wrong_group_is_told),
	};

	return cmocka_run_group_tests_name("items", tests, NULL, NULL);
}
