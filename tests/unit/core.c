/* core.c - the scheduler's rules, one world and a few events each. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/core/core.h"
#include "lib/alloc.h"

#define MS	INT64_C(1000000)
#define S	(1000 * MS)

/* A core, its clock, and all effects that it has given out. */
struct world {
	struct core		*c;
	struct core_time	 now;
	struct submitter	*by;
	struct type		*type;		/* "work" */
	uint64_t		 next_id;
	struct effect		 effects[256];
	uint64_t		 jobs[256];	/* of the effects */
	unsigned		 count;
};

static const struct core_config	defaults = {
	.keep_finished_ms = 60000, .keep_finished = 100, .keep_finished_bytes = 1 << 20,
	.keep_failed_ms = 600000, .max_waiting = 1000, .max_waiting_bytes = 1 << 20, .grace_ms = 1000,
	.fence_base = UINT64_C(7) << 32,
};

static struct type *
define(struct world *w, const char *name)
{
	struct type	t = { .name = (char *)(size_t)name };

	return core_type_define(w->c, &t);
}

static void
world_open(struct world *w, const struct core_config *cfg)
{
	memset(w, 0, sizeof(*w));
	w->c = core_new(cfg);
	w->now = (struct core_time){ .mono_ns = 5 * S, .real_ms = 1700000000000 };
	w->by = submitter_new("uid:1", "", "unix");
	w->next_id = 1;
	w->type = define(w, "work");
}

static void
world_close(struct world *w)
{
	core_check(w->c);
	core_free(w->c);
	submitter_unref(w->by);
}

static int
set_up(void **state)
{
	struct world	*w = mem_zalloc(1, sizeof(*w));

	world_open(w, &defaults);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	world_close(*state);
	free(*state);
	return 0;
}

static void
again(struct world *w, const struct core_config *cfg)
{
	world_close(w);
	world_open(w, cfg);
}

/* ---- events ---- */

struct wish {
	const char	*queue, *key, *args;
	struct type	*type;
	enum lane	 lane;
	int		 priority;
	int64_t		 delay_ms, ttl_ms, timeout_ms, run_at_ms;
	enum on_lost	 on_lost;
};

static struct span
span(const char *s)
{
	return (struct span){ s, s == NULL ? 0 : strlen(s) };
}

static int
try_submit(struct world *w, struct wish wish, struct job **out)
{
	struct jobspec	spec = {
		.queue = span(wish.queue == NULL ? "default" : wish.queue),
		.order_key = span(wish.key), .args = span(wish.args == NULL ? "null" : wish.args),
		.lane = -1, .priority = wish.priority, .delay_ms = wish.delay_ms, .ttl_ms = wish.ttl_ms,
		.timeout_ms = wish.timeout_ms, .run_at_ms = wish.run_at_ms, .on_lost = wish.on_lost,
	};

	return core_submit(w->c, w->now, w->next_id++, &spec, wish.type == NULL ? w->type : wish.type,
	    wish.lane, w->by, out);
}

static struct job *
submit_as(struct world *w, enum lane lane, struct wish wish)
{
	struct job	*j;

	wish.lane = lane;
	assert_int_equal(try_submit(w, wish, &j), 0);
	core_check(w->c);
	return j;
}
#define submit_in(w, lane, ...) submit_as(w, lane, (struct wish){ __VA_ARGS__ })
#define submit(w, ...) submit_in(w, LANE_PROCESS, __VA_ARGS__)

static void
worker_up(struct world *w, uint32_t number, enum lane lane, uint32_t slots)
{
	uint32_t	all[LANES] = { 0 };

	all[lane] = slots;
	core_worker_up(w->c, w->now, number, all, 0);
}

/* Takes all effects. */
static void
settle(struct world *w)
{
	struct effect	e;

	w->count = 0;
	while (core_next_effect(w->c, w->now, &e)) {
		core_check(w->c);
		assert_true(w->count < COUNT(w->effects));
		w->jobs[w->count] = e.job != NULL ? e.job->id : e.attempt != NULL ? e.attempt->job_id : 0;
		w->effects[w->count++] = e;
	}
}

static unsigned
count_of(const struct world *w, enum effect_kind kind)
{
	unsigned	n = 0;

	for (unsigned i = 0; i < w->count; i++)
		n += w->effects[i].kind == kind;
	return n;
}

/* The effect of this kind about this job; NULL: there was none. */
static const struct effect *
about(const struct world *w, enum effect_kind kind, const struct job *j)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->effects[i].kind == kind && w->jobs[i] == j->id)
			return &w->effects[i];
	return NULL;
}

static void
pass(struct world *w, int64_t ms)
{
	w->now.mono_ns += ms * MS;
	w->now.real_ms += ms;
	core_tick(w->c, w->now);
	core_check(w->c);
}

static void
end_as(struct world *w, struct job *j, enum attempt_end end)
{
	struct outcome	o = { 0 };

	if (end == ATTEMPT_OK)
		o.text = mem_strdup("1");
	else if (end == ATTEMPT_FAILED)
		o.text = mem_strdup("no");
	o.len = o.text == NULL ? 0 : (uint32_t)strlen(o.text);
	assert_non_null(j->attempt);
	core_attempt_done(w->c, w->now, j->attempt, end, &o);
	core_check(w->c);
}

static void
done(struct world *w, struct job *j)
{
	end_as(w, j, ATTEMPT_OK);
}

/* The ids that EFFECT_START named, in order: "1 3 2". */
static const char *
started(const struct world *w)
{
	static char	text[2048];
	size_t		len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < w->count; i++)
		if (w->effects[i].kind == EFFECT_START)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llu", len > 0 ? " " : "",
			    (unsigned long long)w->jobs[i]);
	return text;
}

/* Runs all that can run, one at a time through one slot; the order of the starts. */
static const char *
run_all(struct world *w)
{
	static char	text[2048];
	size_t		len = 0;

	text[0] = '\0';
	for (settle(w); started(w)[0] != '\0'; settle(w)) {
		struct job	*j = core_find(w->c, strtoull(started(w), NULL, 10));

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? " " : "", started(w));
		done(w, j);
	}
	return text;
}

static bool
suspect_ids(void *ctx, const struct job *j)
{
	for (const uint64_t *id = ctx; *id != 0; id++)
		if (*id == j->id)
			return true;
	return false;
}

static void
die(struct world *w, uint32_t number, uint64_t suspect)
{
	uint64_t	ids[] = { suspect, 0 };

	core_worker_lost(w->c, w->now, number, suspect_ids, ids);
	core_check(w->c);
}

static char *
explain(struct world *w, const struct job *j)
{
	struct buf	out = { 0 };

	core_explain(w->c, w->now, j, &out);
	return buf_take_string(&out);
}

static void
assert_explains(struct world *w, const struct job *j, const char *part)
{
	char	*text = explain(w, j);

	if (strstr(text, part) == NULL)
		fail_msg("%s is not in %s", part, text);
	free(text);
}

/* ---- order of running ---- */

static void
test_priorities_come_first_and_then_order_of_submission(void **state)
{
	struct world	*w = *state;

	submit(w, .priority = 0);
	submit(w, .priority = 5);
	submit(w, .priority = -100);
	submit(w, .priority = 5);
	submit(w, .priority = 100);
	submit(w, .priority = 0);
	worker_up(w, 0, LANE_PROCESS, 1);
	assert_string_equal(run_all(w), "5 2 4 1 6 3");
}

static void
test_queues_take_turns(void **state)
{
	struct world	*w = *state;

	for (int i = 0; i < 3; i++)
		submit(w, .queue = "a");
	for (int i = 0; i < 2; i++)
		submit(w, .queue = "b", .priority = 50);	/* counts inside its queue only */
	submit(w, .queue = "c");
	worker_up(w, 0, LANE_PROCESS, 1);
	assert_string_equal(run_all(w), "1 4 6 2 5 3");
}

static void
test_types_of_one_queue_stand_in_one_line(void **state)
{
	struct world	*w = *state;
	struct type	*other = define(w, "other");

	submit(w);
	submit(w, .type = other);
	submit(w, .type = other, .priority = 1);
	submit(w);
	worker_up(w, 0, LANE_PROCESS, 1);
	assert_string_equal(run_all(w), "3 1 2 4");
}

static void
test_a_lane_that_is_busy_holds_up_no_other(void **state)
{
	struct world	*w = *state;
	struct job	*j;

	submit(w);
	j = submit(w);
	submit_in(w, LANE_THREAD);
	worker_up(w, 0, LANE_PROCESS, 1);
	worker_up(w, 1, LANE_THREAD, 4);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 2);
	assert_int_equal(j->state, JOB_ready);
	assert_explains(w, j, "{\"kind\":\"lane_busy\",\"lane\":\"process\",\"running\":1,\"slots\":1,"
	    "\"ahead\":0}");
}

static void
test_work_spreads_over_the_least_loaded_workers(void **state)
{
	struct world	*w = *state;
	struct job	*jobs[6];
	unsigned	 on[3] = { 0 };

	for (uint32_t i = 0; i < 3; i++)
		worker_up(w, i, LANE_THREAD, 4);
	for (int i = 0; i < 6; i++)
		jobs[i] = submit_in(w, LANE_THREAD);
	settle(w);
	for (int i = 0; i < 6; i++)
		on[jobs[i]->attempt->worker]++;
	for (int i = 0; i < 3; i++)
		assert_int_equal(on[i], 2);
}

/* ---- limits ---- */

static void
test_a_type_at_its_limit_blocks_no_other(void **state)
{
	struct world	*w = *state;
	struct type	*other = define(w, "other");
	struct job	*first, *second;

	core_type_limit(w->c, "work", 1);
	worker_up(w, 0, LANE_THREAD, 8);
	first = submit_in(w, LANE_THREAD);
	second = submit_in(w, LANE_THREAD);
	submit_in(w, LANE_THREAD, .queue = "b");
	submit_in(w, LANE_THREAD, .type = other);
	settle(w);
	assert_string_equal(started(w), "1 4");
	assert_explains(w, second, "{\"kind\":\"type_limit\",\"type\":\"work\",\"running\":1,\"limit\":1}");
	done(w, first);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 1);
}

static void
test_a_type_with_room_again_serves_all_its_queues_and_lanes(void **state)
{
	struct world	*w = *state;

	core_type_limit(w->c, "work", 1);
	worker_up(w, 0, LANE_THREAD, 8);
	worker_up(w, 1, LANE_PROCESS, 1);
	submit_in(w, LANE_THREAD, .queue = "a");
	submit_in(w, LANE_THREAD, .queue = "b");
	submit_in(w, LANE_PROCESS, .queue = "a");
	submit_in(w, LANE_PROCESS, .queue = "c");
	submit_in(w, LANE_THREAD, .queue = "b");
	for (int i = 0; i < 5; i++) {
		settle(w);
		assert_int_equal(count_of(w, EFFECT_START), 1);
		done(w, core_find(w->c, strtoull(started(w), NULL, 10)));
	}
	settle(w);
	assert_true(core_idle(w->c));
}

static void
test_a_limit_for_a_type_not_yet_known_is_kept(void **state)
{
	struct world	*w = *state;

	core_type_limit(w->c, "later", 3);
	assert_null(core_type_find(w->c, "later", 5));
	assert_int_equal(define(w, "later")->max_running, 3);
}

static void
test_a_queue_at_its_limit_leaves_the_turns(void **state)
{
	struct world	*w = *state;
	struct job	*first, *second;

	core_queue_limit(w->c, "a", 1);
	worker_up(w, 0, LANE_THREAD, 8);
	first = submit_in(w, LANE_THREAD, .queue = "a");
	second = submit_in(w, LANE_THREAD, .queue = "a");
	submit_in(w, LANE_THREAD, .queue = "b");
	settle(w);
	assert_string_equal(started(w), "1 3");
	assert_explains(w, second, "{\"kind\":\"queue_limit\",\"queue\":\"a\",\"running\":1,\"limit\":1}");
	done(w, first);
	settle(w);
	assert_string_equal(started(w), "2");
}

static void
test_a_raised_limit_starts_what_waited(void **state)
{
	struct world	*w = *state;

	core_queue_limit(w->c, "a", 1);
	core_type_limit(w->c, "work", 2);
	worker_up(w, 0, LANE_THREAD, 8);
	for (int i = 0; i < 4; i++)
		submit_in(w, LANE_THREAD, .queue = "a");
	settle(w);
	assert_string_equal(started(w), "1");
	core_queue_limit(w->c, "a", 0);
	settle(w);
	assert_string_equal(started(w), "2");
	core_type_limit(w->c, "work", 0);
	settle(w);
	assert_string_equal(started(w), "3 4");
}

static void
test_too_many_waiting_jobs_are_refused(void **state)
{
	struct world		*w = *state;
	struct core_config	 cfg = defaults;
	struct job		*j;

	cfg.max_waiting = 2;
	again(w, &cfg);
	submit(w);
	submit(w);
	assert_int_equal(try_submit(w, (struct wish){ .lane = LANE_PROCESS }, &j), -ENOSPC);
	worker_up(w, 0, LANE_PROCESS, 1);
	settle(w);
	submit(w);
	cfg.max_waiting = 100;
	cfg.max_waiting_bytes = 2 * (int64_t)sizeof(struct job);
	again(w, &cfg);
	submit(w);
	assert_int_equal(try_submit(w, (struct wish){ .lane = LANE_PROCESS }, &j), -ENOSPC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_priorities_come_first_and_then_order_of_submission),
		TEST(test_queues_take_turns),
		TEST(test_types_of_one_queue_stand_in_one_line),
		TEST(test_a_lane_that_is_busy_holds_up_no_other),
		TEST(test_work_spreads_over_the_least_loaded_workers),
		TEST(test_a_type_at_its_limit_blocks_no_other),
		TEST(test_a_type_with_room_again_serves_all_its_queues_and_lanes),
		TEST(test_a_limit_for_a_type_not_yet_known_is_kept),
		TEST(test_a_queue_at_its_limit_leaves_the_turns),
		TEST(test_a_raised_limit_starts_what_waited),
		TEST(test_too_many_waiting_jobs_are_refused),
	};

	(void)end_as;
	(void)pass;
	(void)die;
	(void)about;
	return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
