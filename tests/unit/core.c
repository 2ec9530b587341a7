/* core.c - the scheduler's rules, one world and a few events each. */
#include "tests/unit/offers.h"
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
	.keep_failed_ms = 600000, .max_waiting = 1000, .max_waiting_bytes = 1 << 20,
	.grace_ms = 1000,
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
	const char	*queue, *key, *args, *tenant, *limit_key;
	struct type	*type;
	enum lane	 lane;
	int		 priority;
	int64_t		 delay_ms, ttl_ms, timeout_ms, run_at_ms, keep_ms;
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
		.tenant = span(wish.tenant), .limit_key = span(wish.limit_key),
		.order_key = span(wish.key), .args = span(wish.args == NULL ? "null" : wish.args),
		.lane = -1, .priority = wish.priority, .delay_ms = wish.delay_ms,
		.ttl_ms = wish.ttl_ms, .keep_ms = wish.keep_ms,
		.timeout_ms = wish.timeout_ms, .run_at_ms = wish.run_at_ms, .on_lost = wish.on_lost,
	};

	return core_submit(w->c, w->now, w->next_id++, &spec,
	    wish.type == NULL ? w->type : wish.type, wish.lane, w->by, out);
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
limit_type(struct world *w, const char *name, uint32_t max_running)
{
	core_type_limit(w->c, w->now, name, max_running, (struct rate){ 0 });
}

static void
limit_queue(struct world *w, const char *name, struct queue_settings s)
{
	core_queue_set(w->c, w->now, span(name), &s);
}

static void
worker_up(struct world *w, uint32_t number, enum lane lane, uint32_t slots)
{
	uint32_t	all[LANES] = { 0 };

	all[lane] = slots;
	offer_up(w->c, w->now, number, all, 0);
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
		w->jobs[w->count] = e.job != NULL ? e.job->id : e.attempt != NULL ?
		    e.attempt->job_id : 0;
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
	assert_non_null(job_attempt(j));
	core_attempt_done(w->c, w->now, job_attempt(j), end, &o);
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
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llu",
			    len > 0 ? " " : "", (unsigned long long)w->jobs[i]);
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

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? " " : "",
		    started(w));
		done(w, j);
	}
	return text;
}

static enum suspicion
suspect_ids(void *ctx, const struct job *j)
{
	for (const uint64_t *id = ctx; *id != 0; id++)
		if (*id == j->id)
			return SUSPECT_YES;
	return SUSPECT_NO;
}

static enum suspicion
suspect_any(void *ctx, const struct job *j)
{
	(void)ctx;
	(void)j;
	return SUSPECT_AMONG;
}

/* And another takes its place. */
static void
die_unexplained(struct world *w, uint32_t slots)
{
	core_worker_lost(w->c, w->now, 0, "killed by SIGKILL", suspect_any, NULL);
	core_check(w->c);
	worker_up(w, 0, LANE_THREAD, slots);
	settle(w);
}

static void
die(struct world *w, uint32_t number, uint64_t suspect)
{
	uint64_t	ids[] = { suspect, 0 };

	core_worker_lost(w->c, w->now, number, "killed by SIGSEGV", suspect_ids, ids);
	core_check(w->c);
}

static char *
explain(struct world *w, const struct job *j)
{
	struct buf	out = { 0 };

	core_explain(w->c, w->now, j, NULL, &out);
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
	assert_explains(w, j, "{\"kind\":\"lane_busy\",\"lane\":\"process\",\"running\":1,"
	    "\"slots\":1,\"ahead\":0,\"tenant\":\"uid:1\",\"tenants_before\":0}");
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
		on[job_attempt(jobs[i])->worker]++;
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

	limit_type(w, "work", 1);
	worker_up(w, 0, LANE_THREAD, 8);
	first = submit_in(w, LANE_THREAD);
	second = submit_in(w, LANE_THREAD);
	submit_in(w, LANE_THREAD, .queue = "b");
	submit_in(w, LANE_THREAD, .type = other);
	settle(w);
	assert_string_equal(started(w), "1 4");
	assert_explains(w, second, "{\"kind\":\"type_limit\",\"type\":\"work\",\"running\":1,"
	    "\"limit\":1}");
	done(w, first);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 1);
}

static void
test_a_type_with_room_again_serves_all_its_queues_and_lanes(void **state)
{
	struct world	*w = *state;

	limit_type(w, "work", 1);
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

	limit_type(w, "later", 3);
	assert_null(core_type_find(w->c, "later", 5));
	assert_int_equal(define(w, "later")->gate.max_running, 3);
}

static void
test_a_queue_at_its_limit_leaves_the_turns(void **state)
{
	struct world	*w = *state;
	struct job	*first, *second;

	limit_queue(w, "a", (struct queue_settings){ .max_running = 1 });
	worker_up(w, 0, LANE_THREAD, 8);
	first = submit_in(w, LANE_THREAD, .queue = "a");
	second = submit_in(w, LANE_THREAD, .queue = "a");
	submit_in(w, LANE_THREAD, .queue = "b");
	settle(w);
	assert_string_equal(started(w), "1 3");
	assert_explains(w, second, "{\"kind\":\"queue_limit\",\"queue\":\"a\",\"running\":1,"
	    "\"limit\":1}");
	done(w, first);
	settle(w);
	assert_string_equal(started(w), "2");
}

static void
test_a_raised_limit_starts_what_waited(void **state)
{
	struct world	*w = *state;

	limit_queue(w, "a", (struct queue_settings){ .max_running = 1 });
	limit_type(w, "work", 2);
	worker_up(w, 0, LANE_THREAD, 8);
	for (int i = 0; i < 4; i++)
		submit_in(w, LANE_THREAD, .queue = "a");
	settle(w);
	assert_string_equal(started(w), "1");
	limit_queue(w, "a", (struct queue_settings){ .max_running = 0 });
	settle(w);
	assert_string_equal(started(w), "2");
	limit_type(w, "work", 0);
	settle(w);
	assert_string_equal(started(w), "3 4");
}

/* ---- tenants, limit keys, rates, pauses ---- */

static void
test_tenants_take_turns_inside_a_queue(void **state)
{
	struct world	*w = *state;

	for (int i = 0; i < 6; i++)
		submit_in(w, LANE_THREAD, .tenant = "ann");
	submit_in(w, LANE_THREAD, .tenant = "bob");
	submit_in(w, LANE_THREAD, .tenant = "bob");
	submit_in(w, LANE_THREAD);			/* the principal is a tenant, too */
	worker_up(w, 0, LANE_THREAD, 1);
	assert_string_equal(run_all(w), "1 7 9 2 8 3 4 5 6");
}

static void
test_a_tenant_with_a_weight_has_so_many_starts_in_a_turn(void **state)
{
	struct world	*w = *state;

	core_queue_weight(w->c, span("default"), span("ann"), 3);
	for (int i = 0; i < 5; i++)
		submit_in(w, LANE_THREAD, .tenant = "ann");
	for (int i = 0; i < 3; i++)
		submit_in(w, LANE_THREAD, .tenant = "bob");
	worker_up(w, 0, LANE_THREAD, 1);
	assert_string_equal(run_all(w), "1 2 3 6 4 5 7 8");
}

static void
test_a_priority_comes_first_whatever_its_tenant(void **state)
{
	struct world	*w = *state;

	submit_in(w, LANE_THREAD, .tenant = "bob");
	for (int i = 0; i < 3; i++)
		submit_in(w, LANE_THREAD, .tenant = "ann", .priority = 1);
	submit_in(w, LANE_THREAD, .tenant = "bob", .priority = 1);
	worker_up(w, 0, LANE_THREAD, 1);
	assert_string_equal(run_all(w), "5 2 3 4 1");
}

static void
test_a_tenant_that_waits_says_how_many_come_before(void **state)
{
	struct world	*w = *state;
	struct job	*last;

	worker_up(w, 0, LANE_THREAD, 1);
	submit_in(w, LANE_THREAD);
	settle(w);
	submit_in(w, LANE_THREAD, .tenant = "ann");
	submit_in(w, LANE_THREAD, .tenant = "bob");
	submit_in(w, LANE_THREAD, .tenant = "eve", .priority = -1);
	last = submit_in(w, LANE_THREAD, .tenant = "eve", .priority = -2);
	assert_explains(w, last, "\"ahead\":1,\"tenant\":\"eve\",\"tenants_before\":2}");
	assert_explains(w, last, "2 tenants have a turn before eve");
}

static void
test_limits_per_tenant_and_per_key_hold_inside_their_queue(void **state)
{
	struct world	*w = *state;
	struct job	*ann, *key;

	limit_queue(w, "a", (struct queue_settings){ .max_running_per_tenant = 2,
	    .max_running_per_key = 1 });
	worker_up(w, 0, LANE_THREAD, 8);
	for (int i = 0; i < 2; i++)
		submit_in(w, LANE_THREAD, .queue = "a", .tenant = "ann");
	ann = submit_in(w, LANE_THREAD, .queue = "a", .tenant = "ann");
	submit_in(w, LANE_THREAD, .queue = "a", .tenant = "bob", .limit_key = "db");
	key = submit_in(w, LANE_THREAD, .queue = "a", .tenant = "eve", .limit_key = "db");
	submit_in(w, LANE_THREAD, .queue = "b", .tenant = "ann", .limit_key = "db");
	settle(w);
	assert_string_equal(started(w), "1 6 4 2");
	assert_explains(w, ann, "{\"kind\":\"tenant_limit\",\"tenant\":\"ann\",\"running\":2,"
	    "\"limit\":2}");
	assert_explains(w, key, "{\"kind\":\"key_limit\",\"limit_key\":\"db\",\"running\":1,"
	    "\"limit\":1}");
	done(w, core_find(w->c, 4));
	settle(w);
	assert_string_equal(started(w), "5");
}

static void
test_a_rate_lets_its_burst_begin_and_then_one_at_a_time(void **state)
{
	struct world	*w = *state;
	struct job	*j;

	limit_queue(w, "a", (struct queue_settings){ .rate = { 5000, 2 } });
	worker_up(w, 0, LANE_THREAD, 8);
	for (int i = 0; i < 3; i++)
		submit_in(w, LANE_THREAD, .queue = "a");
	j = submit_in(w, LANE_THREAD, .queue = "a");
	settle(w);
	assert_string_equal(started(w), "1 2");
	assert_explains(w, j, "{\"kind\":\"rate\",\"queue\":\"a\",\"rate\":5.000,\"burst\":2,"
	    "\"next_in_ms\":200}");
	assert_int_equal(core_next_ns(w->c), w->now.mono_ns + 200 * MS);
	pass(w, 200);
	settle(w);
	assert_string_equal(started(w), "3");
	pass(w, 10000);			/* what was not used is saved up, but not for ever */
	for (int i = 0; i < 3; i++)
		submit_in(w, LANE_THREAD, .queue = "a");
	settle(w);
	assert_string_equal(started(w), "4 5");
}

static void
test_a_paused_queue_starts_nothing_and_takes_jobs(void **state)
{
	struct world	*w = *state;
	struct job	*j;

	core_queue_pause(w->c, span("a"), true);
	worker_up(w, 0, LANE_THREAD, 8);
	j = submit_in(w, LANE_THREAD, .queue = "a");
	settle(w);
	assert_string_equal(started(w), "");
	assert_explains(w, j, "{\"kind\":\"paused\",\"queue\":\"a\"}");
	core_queue_pause(w->c, span("a"), false);
	settle(w);
	assert_string_equal(started(w), "1");
}

static void
test_a_draining_queue_refuses_jobs_and_runs_what_it_has(void **state)
{
	struct world	*w = *state;
	struct job	*j;

	submit_in(w, LANE_THREAD, .queue = "a");
	core_queue_drain(w->c, span("a"), true);
	assert_int_equal(core_room(w->c, span("a"), 0).why, ROOM_DRAINING);
	assert_int_equal(try_submit(w, (struct wish){ .queue = "a" }, &j), -ENOSPC);
	worker_up(w, 0, LANE_THREAD, 8);
	settle(w);
	assert_string_equal(started(w), "1");
}

static void
test_purged_jobs_are_cancelled_and_running_ones_are_not(void **state)
{
	struct world	*w = *state;
	uint64_t	 at = 0, purged = 0;

	worker_up(w, 0, LANE_THREAD, 1);
	submit_in(w, LANE_THREAD, .queue = "a");
	settle(w);
	submit_in(w, LANE_THREAD, .queue = "a");
	submit_in(w, LANE_THREAD, .queue = "a", .delay_ms = 1000);
	submit_in(w, LANE_THREAD, .queue = "b");
	assert_false(core_queue_purge(w->c, w->now, span("a"), core_newest_id(w->c), &at,
	    &purged));
	assert_int_equal(purged, 2);
	assert_int_equal(core_find(w->c, 1)->state, JOB_running);
	assert_int_equal(core_find(w->c, 2)->state, JOB_cancelled);
	assert_int_equal(core_find(w->c, 3)->state, JOB_cancelled);
	assert_int_equal(core_find(w->c, 4)->state, JOB_ready);
}

static void
test_a_purge_of_many_is_done_in_steps(void **state)
{
	struct world	*w = *state;
	uint64_t	 at = 0, purged = 0;
	unsigned	 steps = 1;

	for (int i = 0; i < 900; i++) {
		struct job	*j;

		assert_int_equal(try_submit(w, (struct wish){ .queue = "a" }, &j), 0);
	}
	while (core_queue_purge(w->c, w->now, span("a"), 900, &at, &purged))
		steps++;
	assert_int_equal(purged, 900);
	assert_in_range(steps, 2, 10);
}

static void
test_all_jobs_run_one_at_a_time_in_order_when_sequential(void **state)
{
	struct world		*w = *state;
	struct core_config	 cfg = defaults;

	cfg.sequential = true;
	again(w, &cfg);
	submit_in(w, LANE_THREAD, .queue = "a", .delay_ms = 1000);
	submit_in(w, LANE_THREAD, .queue = "b", .priority = 9);
	submit_in(w, LANE_THREAD, .queue = "a");
	worker_up(w, 0, LANE_THREAD, 8);
	settle(w);
	assert_string_equal(started(w), "");
	assert_explains(w, core_find(w->c, 3),
	    "{\"kind\":\"sequential\",\"behind\":2,\"held_by\":1}");
	pass(w, 1000);
	settle(w);
	assert_string_equal(started(w), "1");
	done(w, core_find(w->c, 1));
	settle(w);
	assert_string_equal(started(w), "2");
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

/* ---- time ---- */

static void
test_a_delayed_job_is_scheduled_until_its_time(void **state)
{
	struct world	*w = *state;
	struct job	*j = submit(w, .delay_ms = 500);

	worker_up(w, 0, LANE_PROCESS, 1);
	assert_int_equal(j->state, JOB_scheduled);
	assert_int_equal(core_next_ns(w->c), w->now.mono_ns + 500 * MS);
	assert_explains(w, j, "{\"kind\":\"scheduled\",\"due_in_ms\":500}");
	pass(w, 499);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 0);
	pass(w, 1);
	settle(w);
	assert_string_equal(started(w), "1");
}

static void
test_a_run_at_time_in_the_past_is_at_once(void **state)
{
	struct world	*w = *state;

	assert_int_equal(submit(w, .run_at_ms = w->now.real_ms - 1)->state, JOB_ready);
	assert_int_equal(submit(w, .run_at_ms = w->now.real_ms + 50)->state, JOB_scheduled);
	assert_int_equal(core_next_ns(w->c), w->now.mono_ns + 50 * MS);
}

static void
test_the_longest_durations_never_overflow(void **state)
{
	struct world	*w = *state;
	int64_t		 longest = INT64_C(1) << 45;
	struct job	*j;

	submit(w, .delay_ms = longest);
	submit(w, .ttl_ms = longest);
	submit(w, .run_at_ms = INT64_C(1) << 53);
	j = submit(w, .timeout_ms = longest, .priority = 1);
	worker_up(w, 0, LANE_PROCESS, 1);
	settle(w);
	assert_int_equal(j->state, JOB_running);
	assert_int_equal(core_next_ns(w->c), INT64_MAX);
	pass(w, 1000);
	settle(w);
	assert_int_equal(w->count, 0);
}

static void
test_ttl_ends_waiting_jobs_only(void **state)
{
	struct world	*w = *state;
	struct job	*runs = submit(w, .ttl_ms = 100), *waits = submit(w, .ttl_ms = 100);
	struct job	*later = submit(w, .ttl_ms = 100, .delay_ms = 5000);

	worker_up(w, 0, LANE_PROCESS, 1);
	settle(w);
	pass(w, 100);
	settle(w);
	assert_int_equal(runs->state, JOB_running);
	assert_int_equal(waits->state, JOB_expired);
	assert_int_equal(later->state, JOB_expired);
	assert_int_equal(count_of(w, EFFECT_FINISHED), 2);
}

static void
test_a_job_whose_ttl_is_over_does_not_start_before_the_tick(void **state)
{
	struct world	*w = *state;
	struct job	*j = submit(w, .ttl_ms = 100);

	submit(w);
	worker_up(w, 0, LANE_PROCESS, 1);
	w->now.mono_ns += 200 * MS;
	settle(w);
	assert_string_equal(started(w), "2");
	assert_int_equal(j->state, JOB_expired);
	assert_non_null(about(w, EFFECT_FINISHED, j));
}

static void
test_a_job_that_started_once_cannot_expire_any_more(void **state)
{
	struct world	*w = *state;
	struct job	*head = submit(w, .ttl_ms = 100), *behind;

	w->type->samples = 20;
	behind = submit(w, .ttl_ms = 100);
	worker_up(w, 0, LANE_PROCESS, 4);
	settle(w);
	assert_int_equal(behind->state, JOB_running);
	die(w, 0, 0);
	pass(w, 200);
	assert_int_equal(head->state, JOB_ready);
	assert_int_equal(behind->state, JOB_expired);	/* certainly never started */
}

/* ---- order keys ---- */

static void
test_one_key_runs_one_at_a_time_in_order_and_ignores_priority(void **state)
{
	struct world	*w = *state;

	for (uint32_t i = 0; i < 3; i++)
		worker_up(w, i, LANE_PROCESS, 1);
	submit(w, .key = "k");
	submit(w, .key = "k", .priority = 100, .queue = "other");
	submit(w, .key = "k", .priority = 50);
	submit(w, .key = "l", .priority = -100);
	settle(w);
	assert_string_equal(started(w), "1 4");
	assert_explains(w, core_find(w->c, 3), "{\"kind\":\"order_key\",\"key\":\"k\",\"behind\":2,"
	    "\"held_by\":1}");
	done(w, core_find(w->c, 1));
	assert_string_equal(run_all(w), "2 3");
}

static void
test_a_delayed_job_holds_its_key(void **state)
{
	struct world	*w = *state;
	struct job	*second;

	worker_up(w, 0, LANE_PROCESS, 1);
	submit(w, .key = "k", .delay_ms = 300);
	second = submit(w, .key = "k");
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 0);
	assert_int_equal(second->state, JOB_ready);
	pass(w, 300);
	assert_string_equal(run_all(w), "1 2");
}

static void
test_the_key_passes_on_however_its_holder_ends(void **state)
{
	struct world	*w = *state;
	struct job	*j[6];

	worker_up(w, 0, LANE_PROCESS, 1);
	j[0] = submit(w, .key = "k");
	j[1] = submit(w, .key = "k", .ttl_ms = 100);
	for (int i = 2; i < 6; i++)
		j[i] = submit(w, .key = "k");
	settle(w);
	end_as(w, j[0], ATTEMPT_FAILED);
	assert_int_equal(j[1]->state, JOB_ready);
	pass(w, 100);
	assert_int_equal(j[1]->state, JOB_expired);
	settle(w);
	assert_string_equal(started(w), "3");
	core_cancel(w->c, w->now, j[3]);		/* in the middle of the line */
	core_cancel(w->c, w->now, j[2]);
	end_as(w, j[2], ATTEMPT_CANCELLED);
	assert_int_equal(j[2]->state, JOB_cancelled);
	assert_string_equal(run_all(w), "5 6");
}

static void
test_a_job_that_goes_back_keeps_its_key(void **state)
{
	struct world	*w = *state;

	worker_up(w, 0, LANE_THREAD, 1);
	worker_up(w, 1, LANE_THREAD, 1);
	submit_in(w, LANE_THREAD, .key = "k");
	submit_in(w, LANE_THREAD, .key = "k");
	settle(w);
	die(w, job_attempt(core_find(w->c, 1))->worker, 0);
	settle(w);
	assert_string_equal(started(w), "1");
}

/* ---- cancel and timeout ---- */

static void
test_cancel_ends_a_waiting_job_at_once(void **state)
{
	struct world	*w = *state;
	struct job	*ready = submit(w), *scheduled = submit(w, .delay_ms = 100);

	assert_int_equal(core_cancel(w->c, w->now, ready), 0);
	assert_int_equal(core_cancel(w->c, w->now, scheduled), 0);
	assert_int_equal(ready->state, JOB_cancelled);
	assert_int_equal(scheduled->state, JOB_cancelled);
	assert_int_equal(core_cancel(w->c, w->now, ready), -EALREADY);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_FINISHED), 2);
	assert_int_equal(core_next_ns(w->c), w->now.mono_ns + 60 * S);	/* to forget them */
}

struct end_row {
	const char	*what;
	bool		 cancel;
	int64_t		 timeout_ms;
	enum attempt_end end;
	enum job_state	 state;
	enum failure_kind kind;
};

/* What an attempt that was told to end says counts, unless it says just that it ended. */
static void
test_an_attempt_that_was_told_to_end_may_have_finished_before(void **state)
{
	static const struct end_row	rows[] = {
		{ "ok", false, 0, ATTEMPT_OK, JOB_succeeded, 0 },
		{ "failed", false, 0, ATTEMPT_FAILED, JOB_failed, FAILURE_error },
		{ "ended early unasked", false, 0, ATTEMPT_CANCELLED, JOB_failed, FAILURE_error },
		{ "cancel, ok", true, 0, ATTEMPT_OK, JOB_succeeded, 0 },
		{ "cancel, failed", true, 0, ATTEMPT_FAILED, JOB_failed, FAILURE_error },
		{ "cancel, ended", true, 0, ATTEMPT_CANCELLED, JOB_cancelled, 0 },
		{ "timeout, ok", false, 50, ATTEMPT_OK, JOB_succeeded, 0 },
		{ "timeout, failed", false, 50, ATTEMPT_FAILED, JOB_failed, FAILURE_error },
		{ "timeout, ended", false, 50, ATTEMPT_CANCELLED, JOB_failed, FAILURE_timeout },
		{ "timeout and cancel, ended", true, 50, ATTEMPT_CANCELLED, JOB_cancelled, 0 },
	};
	struct world	*w = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		enum lane	 lane = i % 2 == 0 ? LANE_PROCESS : LANE_THREAD;
		struct job	*j;

		again(w, &defaults);
		worker_up(w, 0, lane, 1);
		j = submit_in(w, lane, .timeout_ms = rows[i].timeout_ms);
		settle(w);
		pass(w, 50);
		if (rows[i].cancel)
			core_cancel(w->c, w->now, j);
		settle(w);
		assert_int_equal(count_of(w, EFFECT_TELL),
		    rows[i].cancel || rows[i].timeout_ms > 0);
		end_as(w, j, rows[i].end);
		if (j->state != rows[i].state || (j->state == JOB_failed &&
		    job_outcome(j)->kind != rows[i].kind))
			fail_msg("%s: %s", rows[i].what, job_state_names[j->state]);
	}
}

static void
test_a_cpu_worker_is_killed_after_the_grace_and_its_death_ends_the_job(void **state)
{
	struct world	*w = *state;
	struct job	*slow, *neighbour;

	w->type->samples = 20;
	worker_up(w, 7, LANE_PROCESS, 4);
	slow = submit(w, .timeout_ms = 30000);
	neighbour = submit(w, .timeout_ms = 30000);
	settle(w);
	assert_int_equal(job_attempt(neighbour)->worker, 7);
	pass(w, 30000);
	settle(w);
	assert_int_equal(w->count, 1);			/* the head is told, not its neighbour */
	assert_non_null(about(w, EFFECT_TELL, slow));
	pass(w, 1000);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_KILL), 1);
	assert_int_equal(w->effects[0].worker, 7);
	assert_int_equal(slow->state, JOB_running);	/* until the death is confirmed */
	die(w, 7, 0);
	assert_int_equal(slow->state, JOB_failed);
	assert_int_equal(job_outcome(slow)->kind, FAILURE_timeout);
	assert_string_equal(job_outcome(slow)->text, "timed out after 30 s");
	assert_int_equal(neighbour->state, JOB_ready);
	assert_int_equal(neighbour->suspicions, 0);
}

static void
test_the_next_in_a_fifo_starts_when_the_one_before_is_harvested(void **state)
{
	struct world	*w = *state;
	struct job	*first, *second;

	w->type->samples = 20;
	worker_up(w, 0, LANE_PROCESS, 4);
	first = submit(w, .timeout_ms = 100);
	second = submit(w, .timeout_ms = 100);
	settle(w);
	assert_explains(w, second, "{\"kind\":\"window\",\"worker\":0,\"attempt\":1,\"ahead\":1}");
	pass(w, 80);
	done(w, first);
	assert_int_equal(job_attempt(second)->started_ns, w->now.mono_ns);
	assert_int_equal(core_next_ns(w->c), w->now.mono_ns + 100 * MS);
	pass(w, 80);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_TELL), 0);
	pass(w, 20);
	settle(w);
	assert_non_null(about(w, EFFECT_TELL, second));
}

static void
test_waits_of_plugins_get_their_own_workers_and_no_others(void **state)
{
	struct world	*w = *state;
	char		 name[] = "foreign";
	struct type	 declared = { .name = name, .pool = core_pool_get(w->c, span("plugin")) };
	struct type	*foreign = core_type_define(w->c, &declared);
	struct job	*waits, *second, *own;
	struct worker_offer offer = { .slots = { [LANE_ASYNC] = 1, [LANE_THREAD] = 1 } };

	worker_up(w, 0, LANE_ASYNC, 4);
	worker_up(w, 1, LANE_PROCESS, 1);
	waits = submit_in(w, LANE_ASYNC, .type = foreign);
	settle(w);
	assert_string_equal(started(w), "");
	assert_explains(w, waits, "{\"kind\":\"no_worker\",\"lane\":\"async\"");
	assert_explains(w, waits, "no worker serves the async lane of plugins");
	offer.pool = declared.pool;
	core_worker_up(w->c, w->now, 2, &offer);
	second = submit_in(w, LANE_ASYNC, .type = foreign);
	own = submit_in(w, LANE_ASYNC);
	settle(w);
	assert_int_equal(job_attempt(waits)->worker, 2);
	assert_int_equal(job_attempt(own)->worker, 0);
	assert_explains(w, second, "{\"kind\":\"lane_busy\",\"lane\":\"async\","
	    "\"pool\":\"plugin\",\"running\":1,\"slots\":1");
	submit_in(w, LANE_THREAD);			/* the plugins' threads are not for it */
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 0);
	submit(w, .type = foreign);			/* the process lane is everybody's */
	settle(w);
	assert_string_equal(started(w), "5");
	done(w, waits);
	settle(w);
	assert_int_equal(job_attempt(second)->worker, 2);
}

static void
test_a_type_may_be_declared_anew_with_its_own_texts(void **state)
{
	struct world	*w = *state;
	char		 name[] = "work", summary[] = "a summary", schema[] = "true", spec[] = "{}";
	struct type	 declared = {
		.name = name, .summary = summary, .args_schema = schema, .spec = spec,
	};

	core_type_define(w->c, &declared);
	declared.summary = w->type->summary;
	declared.args_schema = w->type->args_schema;
	declared.spec = w->type->spec;
	core_type_define(w->c, &declared);
	assert_string_equal(w->type->summary, "a summary");
	assert_string_equal(w->type->args_schema, "true");
	assert_string_equal(w->type->spec, "{}");
}

static void
test_a_type_that_gets_another_pool_takes_its_waiting_jobs_along(void **state)
{
	struct world	*w = *state;
	char		 name[] = "work";
	struct type	 declared = { .name = name, .pool = core_pool_get(w->c, span("pool:a")) };
	struct worker_offer offer = { .pool = declared.pool, .slots = { [LANE_ASYNC] = 4 } };
	struct job	*waits = submit_in(w, LANE_ASYNC), *late, *behind;

	limit_type(w, "work", 2);
	behind = submit_in(w, LANE_ASYNC);
	late = submit_in(w, LANE_ASYNC, .delay_ms = 50);
	assert_ptr_equal(core_type_define(w->c, &declared), w->type);
	worker_up(w, 0, LANE_ASYNC, 4);
	core_worker_up(w->c, w->now, 1, &offer);
	settle(w);
	assert_string_equal(started(w), "");	/* before all of them are there */
	assert_explains(w, waits, "the type work moves to another pool of workers");
	assert_int_equal(core_next_ns(w->c), 0);
	pass(w, 50);
	settle(w);
	assert_int_equal(job_attempt(waits)->worker, 1);
	assert_int_equal(job_attempt(behind)->worker, 1);
	done(w, waits);
	settle(w);
	assert_int_equal(job_attempt(late)->worker, 1);
}

static void
test_a_type_declared_again_by_its_own_words_keeps_them(void **state)
{
	struct world	*w = *state;
	char		 name[] = "tasks", summary[] = "makes an image smaller", args[] = "{\"type\":\"object\"}";
	char		 file[] = "/etc/jobd/jobs.d/tasks.worker", queue[] = "images";
	struct type	 declared = { .name = name, .summary = summary, .args_schema = args, .file = file,
		.defaults = { .queue = queue } };
	struct type	*t = core_type_define(w->c, &declared);

	declared = *t;
	assert_ptr_equal(core_type_define(w->c, &declared), t);
	assert_string_equal(t->summary, summary);
	assert_string_equal(t->args_schema, args);
	assert_string_equal(t->file, file);
	assert_string_equal(t->defaults.queue, queue);
}

static void
test_a_thread_that_does_not_return_is_stuck_and_holds_what_it_holds(void **state)
{
	struct world		*w = *state;
	struct job		*stuck;
	struct attempt		*at;
	struct core_stats	 stats;
	struct outcome		 late = { .text = mem_strdup("1"), .len = 1 };

	limit_type(w, "work", 1);
	worker_up(w, 0, LANE_THREAD, 2);
	stuck = submit_in(w, LANE_THREAD, .timeout_ms = 100, .key = "k");
	submit_in(w, LANE_THREAD, .key = "k", .type = define(w, "other"));
	submit_in(w, LANE_THREAD);
	settle(w);
	at = job_attempt(stuck);
	pass(w, 100);
	settle(w);
	pass(w, 1000);
	settle(w);
	assert_int_equal(stuck->state, JOB_failed);
	assert_int_equal(job_outcome(stuck)->kind, FAILURE_timeout);
	assert_string_equal(job_outcome(stuck)->text,
	    "timed out after 100 ms; it was told to end and has not");
	assert_null(at->job);
	assert_int_equal(count_of(w, EFFECT_START), 0);	/* key, limit: both are held */
	core_stats(w->c, &stats);
	assert_int_equal(stats.stuck, 1);
	assert_int_equal(core_worker_stuck_threads(w->c, 0), 1);
	assert_explains(w, core_find(w->c, 2), "\"held_by\":1");
	core_attempt_done(w->c, w->now, at, ATTEMPT_OK, &late);
	assert_int_equal(stuck->state, JOB_failed);	/* one outcome */
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 2);
}

static void
test_a_worker_whose_threads_are_stuck_is_idle_and_its_death_frees_them(void **state)
{
	struct world	*w = *state;
	struct job	*stuck;

	limit_type(w, "work", 1);
	worker_up(w, 0, LANE_THREAD, 1);
	stuck = submit_in(w, LANE_THREAD, .timeout_ms = 100);
	submit_in(w, LANE_THREAD);
	settle(w);
	core_worker_retire(w->c, w->now, 0);
	worker_up(w, 1, LANE_THREAD, 1);
	pass(w, 100);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_WORKER_IDLE), 0);
	pass(w, 1000);
	settle(w);
	assert_int_equal(stuck->state, JOB_failed);
	assert_int_equal(count_of(w, EFFECT_WORKER_IDLE), 1);
	assert_int_equal(count_of(w, EFFECT_START), 0);
	die(w, 0, stuck->id);
	settle(w);
	assert_string_equal(started(w), "2");
}

/* ---- deaths ---- */

static void
test_what_a_dead_worker_had_goes_back_to_where_it_stood(void **state)
{
	struct world	*w = *state;

	worker_up(w, 0, LANE_THREAD, 3);
	for (int i = 0; i < 3; i++)
		submit_in(w, LANE_THREAD);
	settle(w);
	for (int i = 0; i < 2; i++)
		submit_in(w, LANE_THREAD);
	submit_in(w, LANE_THREAD, .priority = 1);
	die(w, 0, 0);
	worker_up(w, 0, LANE_THREAD, 1);
	assert_string_equal(run_all(w), "6 1 2 3 4 5");
}

static void
test_workers_that_die_one_after_the_other_give_their_jobs_back_in_order(void **state)
{
	struct world	*w = *state;

	for (uint32_t i = 0; i < 3; i++)
		worker_up(w, i, LANE_THREAD, 4);
	for (int i = 0; i < 12; i++)
		submit_in(w, LANE_THREAD);
	settle(w);
	submit_in(w, LANE_THREAD);
	for (uint32_t i = 3; i > 0; i--)
		die(w, i - 1, 0);
	worker_up(w, 0, LANE_THREAD, 1);
	assert_string_equal(run_all(w), "1 2 3 4 5 6 7 8 9 10 11 12 13");
}

static void
test_of_a_cpu_worker_the_oldest_is_the_suspect_and_runs_alone(void **state)
{
	struct world		*w = *state;
	struct job		*jobs[3];
	const uint32_t		 slots[LANES] = { [LANE_PROCESS] = 1 };

	w->type->samples = 20;
	worker_up(w, 0, LANE_PROCESS, 4);
	for (int i = 0; i < 3; i++)
		jobs[i] = submit(w);
	settle(w);
	die(w, 0, jobs[2]->id);			/* what the worker hints counts for nothing here */
	for (int i = 0; i < 3; i++)
		assert_int_equal(jobs[i]->suspicions, i == 0);
	worker_up(w, 0, LANE_PROCESS, 4);
	settle(w);
	assert_string_equal(started(w), "2 3");
	assert_non_null(about(w, EFFECT_START_ALONE, jobs[0]));
	assert_explains(w, jobs[0], "{\"kind\":\"alone\",\"suspicions\":1,\"running\":1,"
	    "\"slots\":2,\"starting\":true}");
	offer_up(w->c, w->now, 9, slots, jobs[0]->id);
	submit(w);
	settle(w);
	assert_int_equal(job_attempt(jobs[0])->worker, 9);
	done(w, jobs[0]);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_WORKER_IDLE), 1);	/* it ran its one job */
}

static void
test_of_an_io_worker_its_hints_name_the_suspects(void **state)
{
	struct world	*w = *state;
	struct job	*jobs[3];

	worker_up(w, 0, LANE_THREAD, 4);
	for (int i = 0; i < 3; i++)
		jobs[i] = submit_in(w, LANE_THREAD);
	settle(w);
	die(w, 0, jobs[1]->id);
	for (int i = 0; i < 3; i++)
		assert_int_equal(jobs[i]->suspicions, i == 1);
}

static void
test_a_poison_job_fails_at_its_third_death(void **state)
{
	struct world	*w = *state;
	struct job	*j = submit(w);
	const uint32_t	 slots[LANES] = { [LANE_PROCESS] = 1 };

	worker_up(w, 0, LANE_PROCESS, 1);
	settle(w);
	die(w, 0, 0);
	for (uint32_t i = 1; i < 3; i++) {
		settle(w);
		assert_non_null(about(w, EFFECT_START_ALONE, j));
		offer_up(w->c, w->now, i, slots, j->id);
		settle(w);
		die(w, i, 0);
	}
	assert_int_equal(j->state, JOB_failed);
	assert_int_equal(job_outcome(j)->kind, FAILURE_crash);
	assert_int_equal(job_attempts(j), 3);
	assert_explains(w, j,
	    "failed (crash) in attempt 3: its worker died 3 times while it ran this job; "
	    "the last was killed by SIGSEGV");
}

static void
test_on_lost_fail_counts_for_what_may_have_begun(void **state)
{
	struct world	*w = *state;
	struct job	*head, *behind, *thread;

	w->type->samples = 20;
	worker_up(w, 0, LANE_PROCESS, 4);
	worker_up(w, 1, LANE_THREAD, 4);
	head = submit(w, .on_lost = ON_LOST_FAIL);
	behind = submit(w, .on_lost = ON_LOST_FAIL);
	thread = submit_in(w, LANE_THREAD, .on_lost = ON_LOST_FAIL);
	settle(w);
	die(w, 0, 0);
	die(w, 1, 0);
	assert_int_equal(head->state, JOB_failed);
	assert_int_equal(job_outcome(head)->kind, FAILURE_lost);
	assert_int_equal(behind->state, JOB_ready);
	assert_int_equal(job_outcome(thread)->kind, FAILURE_lost);
}

static void
test_who_is_beside_five_deaths_with_ever_others_runs_alone(void **state)
{
	struct world	*w = *state;
	struct job	*poison;

	worker_up(w, 0, LANE_THREAD, 20);
	poison = submit_in(w, LANE_THREAD);
	for (int death = 1; death <= 5; death++) {
		struct job	*others[12];

		for (int i = 0; i < 12; i++)
			others[i] = submit_in(w, LANE_THREAD);
		settle(w);
		die_unexplained(w, 20);
		assert_int_equal(poison->suspicions, death == 5);
		for (int i = 0; i < 12; i++) {
			assert_int_equal(others[i]->suspicions, 0);
			assert_int_equal(others[i]->state, JOB_running);
			done(w, others[i]);
		}
	}
	assert_int_equal(count_of(w, EFFECT_START_ALONE), 1);
	assert_int_equal(poison->state, JOB_ready);
}

static void
test_of_a_crowd_the_last_eight_run_alone_each_time_until_twenty_deaths_end_it(void **state)
{
	struct world	*w = *state;
	struct job	*jobs[150];
	char		*said;

	worker_up(w, 0, LANE_THREAD, 200);
	for (int i = 0; i < 150; i++)
		jobs[i] = submit_in(w, LANE_THREAD);
	settle(w);
	for (int death = 1; death < 20; death++) {
		die_unexplained(w, 200);
		for (int i = 0; i < 150; i++)
			assert_int_equal(jobs[i]->suspicions, i >= 150 - 8 * (death - 4));
	}
	assert_int_equal(jobs[0]->state, JOB_running);
	die_unexplained(w, 200);
	for (int i = 0; i < 150; i++)
		assert_int_equal(jobs[i]->state == JOB_failed, i < 150 - 8 * 16);
	assert_int_equal(job_run(jobs[0])->outcome.kind, FAILURE_crash);
	said = mem_strndup(job_run(jobs[0])->outcome.text, job_run(jobs[0])->outcome.len);
	assert_string_equal(said, "its worker died 20 times while it ran this job and others, and which "
	    "of them did it is not known; the last was killed by SIGKILL");
	free(said);
}

static void
test_only_two_workers_alone_exist_and_the_others_wait_in_line(void **state)
{
	struct world	*w = *state;
	struct job	*jobs[4];

	worker_up(w, 0, LANE_THREAD, 4);
	for (int i = 0; i < 4; i++)
		jobs[i] = submit_in(w, LANE_THREAD);
	settle(w);
	core_worker_lost(w->c, w->now, 0, "exit 1", suspect_ids, (uint64_t[]){ 1, 2, 3, 4, 0 });
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START_ALONE), 2);
	assert_explains(w, jobs[3], "{\"kind\":\"alone\",\"suspicions\":1,\"running\":2,"
	    "\"slots\":2,\"ahead\":1}");
	core_alone_failed(w->c, w->now, 1);
	settle(w);
	assert_int_equal(w->count, 0);			/* it would only fail again */
	pass(w, 1000);
	settle(w);
	assert_non_null(about(w, EFFECT_START_ALONE, jobs[0]));
	core_cancel(w->c, w->now, jobs[0]);
	offer_up(w->c, w->now, 5, (uint32_t[LANES]){ [LANE_THREAD] = 1 }, 1);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_WORKER_IDLE), 1);	/* nobody wants it any more */
	assert_non_null(about(w, EFFECT_START_ALONE, jobs[2]));
}

static void
test_a_refused_attempt_was_none_and_the_worker_is_left_alone(void **state)
{
	struct world	*w = *state;
	struct job	*first, *second;

	worker_up(w, 0, LANE_THREAD, 4);
	first = submit_in(w, LANE_THREAD);
	settle(w);
	second = submit_in(w, LANE_THREAD);
	settle(w);
	core_attempt_refused(w->c, w->now, job_attempt(second));
	assert_int_equal(second->state, JOB_ready);
	assert_int_equal(job_attempts(second), 0);
	settle(w);
	assert_int_equal(w->count, 0);
	done(w, first);					/* something ended there: try again */
	settle(w);
	assert_non_null(about(w, EFFECT_START, second));
	core_attempt_refused(w->c, w->now, job_attempt(second));
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 0);
	pass(w, 10);					/* nothing will end there: try after a
							 * while */
	settle(w);
	assert_non_null(about(w, EFFECT_START, second));
}

/* ---- the window of a cpu worker ---- */

struct window_row {
	const char	*what;
	uint64_t	 head_samples, next_samples;
	int64_t		 head_mean_ns, next_mean_ns;
	size_t		 next_bytes;
	unsigned	 in_flight;		/* of head, next, next, with 2 slots */
};

static void
test_a_cpu_worker_gets_a_second_attempt_only_where_both_are_short(void **state)
{
	static const struct window_row	rows[] = {
		{ "both short", 20, 20, 49999, 49999, 10, 2 },
		{ "head unknown", 19, 20, 100, 100, 10, 1 },
		{ "next unknown", 20, 19, 100, 100, 10, 1 },
		{ "head long", 20, 20, 50000, 100, 10, 1 },
		{ "next long", 20, 20, 100, 50000, 10, 1 },
		{ "next fits the bytes", 20, 20, 100, 100, (256 << 10) - 4, 2 },
		{ "next above the bytes", 20, 20, 100, 100, (256 << 10) - 3, 1 },
	};
	struct world	*w = *state;
	char		*big = mem_zalloc(1, 256 << 10);

	memset(big, '1', (256 << 10) - 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct window_row	*r = &rows[i];
		struct type		*next;
		char			*args = mem_strndup(big, r->next_bytes);

		again(w, &defaults);
		next = define(w, "next");
		w->type->samples = r->head_samples;
		w->type->mean_ns = r->head_mean_ns;
		next->samples = r->next_samples;
		next->mean_ns = r->next_mean_ns;
		worker_up(w, 0, LANE_PROCESS, 2);
		submit(w);
		settle(w);
		submit(w, .type = next, .args = args);
		submit(w, .type = next, .args = "1");
		settle(w);
		if (1 + count_of(w, EFFECT_START) != r->in_flight)
			fail_msg("%s", r->what);
		free(args);
	}
	free(big);
}

static void
test_a_large_payload_goes_to_any_worker_with_room_for_it(void **state)
{
	struct world	*w = *state;
	char		*big = mem_zalloc(1, 200001);
	struct job	*large, *other;

	memset(big, '1', 200000);
	w->type->samples = 20;
	worker_up(w, 1, LANE_PROCESS, 8);
	submit(w);
	submit(w);
	settle(w);
	worker_up(w, 0, LANE_PROCESS, 8);
	large = submit(w, .args = big);
	settle(w);
	assert_int_equal(job_attempt(large)->worker, 0);
	other = submit(w, .args = big);
	settle(w);
	assert_int_equal(other->state, JOB_running);
	assert_int_equal(job_attempt(other)->worker, 1);	/* which has more to do */
	submit(w, .args = big);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 0);
	free(big);
}

static void
test_a_type_that_turns_out_to_be_short_opens_the_window_of_all_workers(void **state)
{
	struct world	*w = *state;
	struct job	*first, *second;

	w->type->samples = 19;
	worker_up(w, 0, LANE_PROCESS, 2);
	worker_up(w, 1, LANE_PROCESS, 2);
	first = submit(w);
	second = submit(w);
	for (int i = 0; i < 4; i++)
		submit(w);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 2);
	done(w, first);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 3);	/* two where there is none, one behind */
	assert_int_equal(second->state, JOB_running);
}

static void
test_a_long_job_whose_turn_it_is_is_not_passed_by_short_ones(void **state)
{
	struct world	*w = *state;
	struct type	*longer = define(w, "longer");
	struct job	*first, *waits;

	w->type->samples = 20;
	worker_up(w, 0, LANE_PROCESS, 8);
	first = submit(w);
	waits = submit(w, .type = longer);
	submit(w);
	submit(w, .queue = "b");
	settle(w);
	assert_string_equal(started(w), "1 4");		/* queue b had its turn in between */
	done(w, first);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 0);
	done(w, core_find(w->c, 4));
	settle(w);
	assert_non_null(about(w, EFFECT_START, waits));
	assert_int_equal(count_of(w, EFFECT_START), 1);
}

static void
test_a_type_is_measured_by_what_its_attempts_took(void **state)
{
	struct world	*w = *state;

	worker_up(w, 0, LANE_PROCESS, 1);
	for (int i = 0; i < 20; i++) {
		struct job	*j = submit(w);

		settle(w);
		w->now.mono_ns += 100000;
		job_attempt(j)->ran_ns = i < 10 ? 0 : 10000;
		done(w, j);
	}
	assert_int_equal(w->type->samples, 20);
	assert_in_range(w->type->mean_ns, 10000, 100000);
	for (int i = 0; i < 100; i++) {
		struct job	*j = submit(w);

		settle(w);
		w->now.mono_ns += 20000;
		job_attempt(j)->ran_ns = 90000;		/* cannot be: the shorter one counts */
		done(w, j);
	}
	assert_in_range(w->type->mean_ns, 19900, 20100);
}

/* An attempt of the type that ran for so long. */
static void
run_for(struct world *w, int64_t ns)
{
	struct job	*j = submit(w);

	settle(w);
	w->now.mono_ns += ns;
	done(w, j);
}

static bool
is_short(const struct type *t)
{
	return t->mean_ns < BOUND_WINDOW_MEAN_NS;
}

static void
test_a_short_type_becomes_long_by_three_long_attempts_not_by_one(void **state)
{
	struct world	*w = *state;

	worker_up(w, 0, LANE_PROCESS, 1);
	for (int i = 0; i < 20; i++)
		run_for(w, 1000);
	run_for(w, 5 * MS);			/* preempted */
	assert_true(is_short(w->type));
	for (int i = 0; i < 50; i++)
		run_for(w, 1000);
	for (int i = 0; i < 3; i++) {
		assert_true(is_short(w->type));
		run_for(w, 5 * MS);
	}
	assert_false(is_short(w->type));
	for (int i = 0; i < 200; i++)		/* and then its mean is what it takes */
		run_for(w, 5 * MS);
	assert_in_range(w->type->mean_ns, 49 * MS / 10, 5 * MS);
}

/* ---- inline ---- */

static void
test_an_inline_job_runs_in_the_caller_where_it_may(void **state)
{
	struct world	*w = *state;
	struct job	*now = submit_in(w, LANE_INLINE),
	    *later = submit_in(w, LANE_INLINE, .delay_ms = 10);
	struct outcome	 o = { .text = mem_strdup("[1]"), .len = 3 };

	assert_true(core_inline_ready(w->c, now));
	assert_false(core_inline_ready(w->c, later));
	core_inline_done(w->c, w->now, now, &o);
	assert_int_equal(now->state, JOB_succeeded);
	assert_string_equal(job_outcome(now)->text, "[1]");
	settle(w);
	assert_int_equal(count_of(w, EFFECT_START), 0);
	pass(w, 10);
	for (bool more = true; more; ) {
		struct effect	e;

		more = core_next_effect(w->c, w->now, &e);
		if (!more || e.kind != EFFECT_START)
			continue;
		assert_int_equal(e.attempt->lane, LANE_INLINE);
		assert_int_equal(e.attempt->worker, CORE_WORKER_INLINE);
		done(w, later);
	}
	assert_int_equal(later->state, JOB_succeeded);
}

static void
test_an_inline_job_waits_for_limits_and_its_key(void **state)
{
	struct world	*w = *state;

	limit_queue(w, "q", (struct queue_settings){ .max_running = 1 });
	limit_type(w, "rare", 1);
	worker_up(w, 0, LANE_PROCESS, 1);
	worker_up(w, 1, LANE_THREAD, 4);
	submit(w, .queue = "q", .key = "k");
	submit_in(w, LANE_THREAD, .type = define(w, "rare"));
	settle(w);
	assert_false(core_inline_ready(w->c, submit_in(w, LANE_INLINE, .queue = "q")));
	assert_false(core_inline_ready(w->c, submit_in(w, LANE_INLINE, .key = "k")));
	assert_false(core_inline_ready(w->c, submit_in(w, LANE_INLINE, .type = define(w, "rare"))));
	assert_true(core_inline_ready(w->c, submit_in(w, LANE_INLINE)));
}

/* ---- records ---- */

static void
test_each_transition_is_recorded_with_its_time_and_reason(void **state)
{
	static const struct {
		enum job_state	state;
		enum job_reason	reason;
		int64_t		ms;
	} expected[] = {
		{ JOB_scheduled, REASON_delayed, 0 }, { JOB_ready, REASON_due, 10 },
		{ JOB_running, REASON_started, 15 }, { JOB_ready, REASON_worker_died, 20 },
		{ JOB_running, REASON_started, 25 }, { JOB_failed, REASON_handler_error, 30 },
	};
	struct world			*w = *state;
	struct job			*j = submit_in(w, LANE_THREAD, .delay_ms = 10);

	pass(w, 10);
	pass(w, 5);
	worker_up(w, 0, LANE_THREAD, 1);
	settle(w);
	pass(w, 5);
	die(w, 0, 0);
	pass(w, 5);
	worker_up(w, 3, LANE_THREAD, 1);
	settle(w);
	pass(w, 5);
	end_as(w, j, ATTEMPT_FAILED);
	assert_int_equal(job_moves_len(j), COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		assert_int_equal(job_move_at(j, i).state, expected[i].state);
		assert_int_equal(job_move_at(j, i).reason, expected[i].reason);
		assert_int_equal(job_move_at(j, i).at_ms, job_created_ms(j) + expected[i].ms);
	}
	assert_int_equal(job_run(j)->tries_len, 2);
	assert_int_equal(job_run(j)->tries[0].end, REASON_worker_died);
	assert_string_equal(core_worker_name(w->c, &job_run(j)->tries[0]), "worker-0");
	assert_string_equal(core_worker_name(w->c, &job_run(j)->tries[1]), "worker-3");
	assert_int_equal(job_run(j)->tries[1].number, 2);
	assert_int_equal(job_run(j)->tries[1].started_ms, job_created_ms(j) + 25);
	assert_int_equal(job_run(j)->tries[1].ended_ms, job_created_ms(j) + 30);
	assert_int_equal(job_run(j)->tries[1].fence, (UINT64_C(7) << 32) + 2);
}

static void
test_a_timeout_of_any_number_of_digits_is_kept(void **state)
{
	static const int64_t	timeouts[] = {
		0, 1, 8191, 8192, 8200, 12345, 30000, 5400000, 86400000, 8191000000, 8192000000,
		81910000000, BOUND_DURATION_MS - 1, BOUND_DURATION_MS,
	};
	struct world		*w = *state;

	for (size_t i = 0; i < COUNT(timeouts); i++) {
		struct job	*j = submit_in(w, LANE_THREAD, .timeout_ms = timeouts[i]);

		assert_int_equal(job_timeout_ms(j), timeouts[i]);
	}
}

static void
test_records_of_a_job_are_bounded(void **state)
{
	struct world			*w = *state;
	struct job			*j = submit_in(w, LANE_THREAD);

	for (int i = 0; i < 500; i++) {
		worker_up(w, 0, LANE_THREAD, 1);
		settle(w);
		pass(w, 1);
		die(w, 0, 0);
	}
	assert_int_equal(job_moves_len(j), CORE_MOVES_KEPT);
	assert_int_equal(job_move_at(j, 0).reason, REASON_submitted);
	assert_int_equal(job_last_move(j).at_ms, w->now.real_ms);
	assert_int_equal(job_run(j)->tries_len, CORE_TRIES_KEPT);
	assert_int_equal(job_run(j)->tries[0].number, 500 - CORE_TRIES_KEPT + 1);
	assert_int_equal(job_attempts(j), 500);
}

/* ---- retention ---- */

static void
finish_some(struct world *w, int count, enum attempt_end end)
{
	for (int i = 0; i < count; i++) {
		struct job	*j = submit(w);

		settle(w);
		end_as(w, j, end);
	}
	settle(w);
}

static void
test_the_newest_finished_jobs_are_kept_for_a_time(void **state)
{
	struct world		*w = *state;
	struct core_config	 cfg = defaults;

	cfg.keep_finished = 3;
	again(w, &cfg);
	worker_up(w, 0, LANE_PROCESS, 1);
	finish_some(w, 5, ATTEMPT_OK);
	finish_some(w, 5, ATTEMPT_FAILED);
	for (uint64_t id = 1; id <= 10; id++)
		assert_int_equal(core_find(w->c, id) != NULL, (id > 2 && id <= 5) || id > 7);
	assert_int_equal(core_oldest_id(w->c), 3);
	assert_int_equal(core_newest_id(w->c), 10);
	pass(w, 60000);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_FORGOTTEN), 3);
	assert_null(core_find(w->c, 5));
	assert_non_null(core_find(w->c, 8));		/* failed jobs are kept longer */
	pass(w, 540000);
	settle(w);
	assert_int_equal(count_of(w, EFFECT_FORGOTTEN), 3);
	assert_int_equal(core_next_ns(w->c), INT64_MAX);
}

static void
test_finished_jobs_are_bounded_by_their_bytes(void **state)
{
	struct world		*w = *state;
	struct core_config	 cfg = defaults;
	struct core_stats	 stats;

	cfg.keep_finished_bytes = 10;		/* "null" and "1": two of them */
	again(w, &cfg);
	worker_up(w, 0, LANE_PROCESS, 1);
	finish_some(w, 4, ATTEMPT_OK);
	assert_null(core_find(w->c, 2));
	assert_non_null(core_find(w->c, 3));
	core_stats(w->c, &stats);
	assert_int_equal(stats.kept_bytes, 10);
}

static void
test_no_job_is_forgotten_before_its_end_was_told(void **state)
{
	struct world		*w = *state;
	struct core_config	 cfg = defaults;
	struct job		*j;
	struct effect		 e;

	cfg.keep_finished = 0;
	again(w, &cfg);
	j = submit(w);
	core_cancel(w->c, w->now, j);
	pass(w, 1000000);
	assert_ptr_equal(core_find(w->c, 1), j);
	assert_true(core_next_effect(w->c, w->now, &e));
	assert_int_equal(e.kind, EFFECT_FINISHED);
	assert_true(core_next_effect(w->c, w->now, &e));
	assert_int_equal(e.kind, EFFECT_FORGOTTEN);
	assert_ptr_equal(e.job, j);
	assert_null(core_find(w->c, 1));
	assert_false(core_next_effect(w->c, w->now, &e));
}

static void
test_a_job_that_says_so_is_forgotten_before_others(void **state)
{
	struct world	*w = *state;
	uint64_t	 ids[3] = { submit(w, .keep_ms = 0)->id, submit(w, .keep_ms = 5000)->id,
	    submit(w, .keep_ms = 90000)->id };

	for (int i = 0; i < 3; i++)
		core_cancel(w->c, w->now, core_find(w->c, ids[i]));
	settle(w);
	pass(w, 4999);
	settle(w);
	assert_non_null(core_find(w->c, ids[1]));
	pass(w, 1);
	settle(w);
	assert_null(core_find(w->c, ids[1]));
	assert_non_null(core_find(w->c, ids[0]));
	pass(w, 55000);				/* longer than what core keeps: not in core */
	settle(w);
	assert_null(core_find(w->c, ids[0]));
	assert_null(core_find(w->c, ids[2]));
}

/* What the principal has now: jobs that wait or run, and bytes of those that wait, as many jobs' as given. */
static void
expect_account(const struct account *a, int64_t unfinished, int64_t waiting, const struct job *each)
{
	assert_int_equal(a->unfinished, unfinished);
	assert_int_equal(a->waiting_bytes, waiting * core_job_bytes(each));
}

static void
test_a_principal_has_its_jobs_until_they_end_and_their_memory_while_they_wait(void **state)
{
	struct world	*w = *state;
	struct account	 a = { 0 };
	struct job	*first, *second, *late;

	w->by->account = &a;
	first = submit(w);
	second = submit(w);
	late = submit(w, .delay_ms = 5000);
	expect_account(&a, 3, 3, first);
	worker_up(w, 0, LANE_PROCESS, 1);
	settle(w);
	assert_int_equal(first->state, JOB_running);
	expect_account(&a, 3, 2, first);
	end_as(w, first, ATTEMPT_FAILED);
	settle(w);
	assert_int_equal(second->state, JOB_running);
	expect_account(&a, 2, 1, first);
	assert_int_equal(core_retry(w->c, w->now, first), 0);
	expect_account(&a, 3, 2, first);
	die(w, 0, 0);
	settle(w);
	assert_int_equal(second->state, JOB_ready);
	expect_account(&a, 3, 3, first);
	core_cancel(w->c, w->now, first);
	core_cancel(w->c, w->now, second);
	core_cancel(w->c, w->now, late);
	settle(w);
	expect_account(&a, 0, 0, first);
}

static void
test_a_queue_is_gone_with_its_last_job_unless_it_is_configured(void **state)
{
	struct world		*w = *state;
	struct core_config	 cfg = defaults;
	struct queue_view	 view;
	size_t			 at = 0;

	cfg.keep_finished = 0;
	again(w, &cfg);
	limit_queue(w, "kept", (struct queue_settings){ .max_running = 3 });
	core_cancel(w->c, w->now, submit(w, .queue = "passing"));
	settle(w);
	assert_true(core_queue_next(w->c, &at, &view));
	assert_string_equal(view.name, "kept");
	assert_int_equal(view.set.max_running, 3);
	assert_false(core_queue_next(w->c, &at, &view));
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
		TEST(test_tenants_take_turns_inside_a_queue),
		TEST(test_a_tenant_with_a_weight_has_so_many_starts_in_a_turn),
		TEST(test_a_priority_comes_first_whatever_its_tenant),
		TEST(test_a_tenant_that_waits_says_how_many_come_before),
		TEST(test_limits_per_tenant_and_per_key_hold_inside_their_queue),
		TEST(test_a_rate_lets_its_burst_begin_and_then_one_at_a_time),
		TEST(test_a_paused_queue_starts_nothing_and_takes_jobs),
		TEST(test_a_draining_queue_refuses_jobs_and_runs_what_it_has),
		TEST(test_purged_jobs_are_cancelled_and_running_ones_are_not),
		TEST(test_a_purge_of_many_is_done_in_steps),
		TEST(test_all_jobs_run_one_at_a_time_in_order_when_sequential),
		TEST(test_too_many_waiting_jobs_are_refused),
		TEST(test_a_delayed_job_is_scheduled_until_its_time),
		TEST(test_a_run_at_time_in_the_past_is_at_once),
		TEST(test_the_longest_durations_never_overflow),
		TEST(test_ttl_ends_waiting_jobs_only),
		TEST(test_a_job_whose_ttl_is_over_does_not_start_before_the_tick),
		TEST(test_a_job_that_started_once_cannot_expire_any_more),
		TEST(test_one_key_runs_one_at_a_time_in_order_and_ignores_priority),
		TEST(test_a_delayed_job_holds_its_key),
		TEST(test_the_key_passes_on_however_its_holder_ends),
		TEST(test_a_job_that_goes_back_keeps_its_key),
		TEST(test_cancel_ends_a_waiting_job_at_once),
		TEST(test_an_attempt_that_was_told_to_end_may_have_finished_before),
		TEST(test_a_cpu_worker_is_killed_after_the_grace_and_its_death_ends_the_job),
		TEST(test_the_next_in_a_fifo_starts_when_the_one_before_is_harvested),
		TEST(test_waits_of_plugins_get_their_own_workers_and_no_others),
		TEST(test_a_type_may_be_declared_anew_with_its_own_texts),
		TEST(test_a_type_that_gets_another_pool_takes_its_waiting_jobs_along),
		TEST(test_a_type_declared_again_by_its_own_words_keeps_them),
		TEST(test_a_thread_that_does_not_return_is_stuck_and_holds_what_it_holds),
		TEST(test_a_worker_whose_threads_are_stuck_is_idle_and_its_death_frees_them),
		TEST(test_what_a_dead_worker_had_goes_back_to_where_it_stood),
		TEST(test_workers_that_die_one_after_the_other_give_their_jobs_back_in_order),
		TEST(test_of_a_cpu_worker_the_oldest_is_the_suspect_and_runs_alone),
		TEST(test_of_an_io_worker_its_hints_name_the_suspects),
		TEST(test_who_is_beside_five_deaths_with_ever_others_runs_alone),
		TEST(test_of_a_crowd_the_last_eight_run_alone_each_time_until_twenty_deaths_end_it),
		TEST(test_a_poison_job_fails_at_its_third_death),
		TEST(test_on_lost_fail_counts_for_what_may_have_begun),
		TEST(test_only_two_workers_alone_exist_and_the_others_wait_in_line),
		TEST(test_a_refused_attempt_was_none_and_the_worker_is_left_alone),
		TEST(test_a_cpu_worker_gets_a_second_attempt_only_where_both_are_short),
		TEST(test_a_large_payload_goes_to_any_worker_with_room_for_it),
		TEST(test_a_type_that_turns_out_to_be_short_opens_the_window_of_all_workers),
		TEST(test_a_long_job_whose_turn_it_is_is_not_passed_by_short_ones),
		TEST(test_a_type_is_measured_by_what_its_attempts_took),
		TEST(test_a_short_type_becomes_long_by_three_long_attempts_not_by_one),
		TEST(test_an_inline_job_runs_in_the_caller_where_it_may),
		TEST(test_an_inline_job_waits_for_limits_and_its_key),
		TEST(test_each_transition_is_recorded_with_its_time_and_reason),
		TEST(test_a_timeout_of_any_number_of_digits_is_kept),
		TEST(test_records_of_a_job_are_bounded),
		TEST(test_the_newest_finished_jobs_are_kept_for_a_time),
		TEST(test_finished_jobs_are_bounded_by_their_bytes),
		TEST(test_no_job_is_forgotten_before_its_end_was_told),
		TEST(test_a_job_that_says_so_is_forgotten_before_others),
		TEST(test_a_principal_has_its_jobs_until_they_end_and_their_memory_while_they_wait),
		TEST(test_a_queue_is_gone_with_its_last_job_unless_it_is_configured),
	};

	return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
