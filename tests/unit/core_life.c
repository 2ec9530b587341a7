/* core_life.c - what becomes of a job between its submission and its end: attempts that follow each
 * other. */
#include "tests/unit/core_rig.h"
#include "tests/unit/offers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/core/core.h"
#include "lib/alloc.h"

struct seen {
	struct attempt	*last;		/* that was started */
	uint64_t	 last_finished, last_forgotten;
};

/* With one cpu worker of one slot and an io worker of eight. */
static int
set_up(void **state)
{
	uint32_t	 cpu[LANES] = { [LANE_PROCESS] = 1 };
	uint32_t	 io[LANES] = { [LANE_ASYNC] = 8, [LANE_THREAD] = 8 };
	struct world	*w = world_open(&world_config);

	w->seen = mem_zalloc(1, sizeof(*w->seen));
	offer_up(w->c, w->now, 0, cpu, 0);
	offer_up(w->c, w->now, 1, io, 0);
	*state = w;
	return 0;
}

/* ---- events ---- */

static void
settle(struct world *w)
{
	struct effect	e;

	while (core_next_effect(w->c, w->now, &e)) {
		if (e.kind == EFFECT_START)
			w->seen->last = e.attempt;
		else if (e.kind == EFFECT_FINISHED)
			w->seen->last_finished = e.job->id;
		else if (e.kind == EFFECT_FORGOTTEN)
			w->seen->last_forgotten = e.job->id;
	}
	core_check(w->c);
}

static void
pass(struct world *w, int64_t ms)
{
	world_pass(w, ms);
	settle(w);
}

static struct job *
submit(struct world *w, enum lane lane, struct jobspec spec)
{
	struct job	*j;

	spec.lane = -1;
	j = world_submit(w, w->type, lane, spec);
	settle(w);
	return j;
}

/* The attempt of this job fails. */
static void
goes_wrong(struct world *w, struct job *j, struct outcome how)
{
	assert_int_equal(j->state, JOB_running);
	if (how.text == NULL)
		how.text = mem_strdup("no luck");
	how.len = (uint32_t)strlen(how.text);
	core_attempt_done(w->c, w->now, job_attempt(j), ATTEMPT_FAILED, &how);
	settle(w);
}

static void
succeed(struct world *w, struct job *j)
{
	assert_int_equal(j->state, JOB_running);
	world_done(w, job_attempt(j), ATTEMPT_OK);
	settle(w);
}

static enum job_reason
reason(const struct job *j)
{
	return job_last_move(j).reason;
}

static int64_t
due_in_ms(const struct world *w, const struct job *j)
{
	return (job_due_ns(j) - w->now.mono_ns) / MS;
}

static void
assert_explained(struct world *w, const struct job *j, const char *what)
{
	struct buf	 out = { 0 };
	char		*text;

	core_explain(w->c, w->now, j, NULL, &out);
	text = buf_take_string(&out);
	if (strstr(text, what) == NULL)
		fail_msg("not explained by %s: %s", what, text);
	free(text);
}

static struct retry_policy
policy(uint32_t max_attempts, int64_t backoff_ms)
{
	return (struct retry_policy){ .said = 1u << RETRY_max_attempts | 1u << RETRY_backoff_ms,
	    .max_attempts = max_attempts, .backoff_ms = backoff_ms };
}

/* ---- delays ---- */

static void
test_a_delay_grows_by_the_factor_up_to_its_bound(void **state)
{
	static const struct {
		uint32_t	failures, factor;
		int64_t		backoff_ms, max_backoff_ms, longest_ms;
	} rows[] = {
		{ 1, 2000, 100, 60000, 100 },
		{ 2, 2000, 100, 60000, 200 },
		{ 5, 2000, 100, 60000, 1600 },
		{ 5, 1000, 100, 60000, 100 },
		{ 3, 1500, 100, 60000, 225 },
		{ 3, 1500, 1, 60000, 2 },
		{ 12, 2000, 100, 60000, 60000 },
		{ 1, 2000, 5000, 3000, 3000 },
		{ 1, 2000, 0, 3000, 0 },
		{ 9, 2000, 0, 3000, 0 },
		{ 1000, 100000, BOUND_DURATION_MS, BOUND_DURATION_MS, BOUND_DURATION_MS },
		{ 1000, 1001, 1, BOUND_DURATION_MS, 2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct retry_policy	p = { .said = 15, .max_attempts = 5,
		    .factor = rows[i].factor, .backoff_ms = rows[i].backoff_ms,
		    .max_backoff_ms = rows[i].max_backoff_ms };

		if (i != COUNT(rows) - 1)
			assert_int_equal(retry_longest_ms(rows[i].failures, &p),
			    rows[i].longest_ms);
		assert_int_equal(retry_delay_ms(rows[i].failures, &p, 0), 0);
		assert_true(retry_delay_ms(rows[i].failures, &p, UINT64_MAX) <=
		    rows[i].max_backoff_ms);
	}
}

static void
test_a_delay_is_anything_up_to_the_longest(void **state)
{
	struct retry_policy	p = { .said = 15, .factor = 2000, .backoff_ms = 3,
	    .max_backoff_ms = 1000 };

	(void)state;
	for (uint64_t rnd = 0; rnd < 14; rnd++)
		assert_int_equal(retry_delay_ms(2, &p, rnd), (int64_t)(rnd % 7));
}

/* ---- attempts that follow each other ---- */

static void
test_a_job_whose_handler_fails_is_tried_again_after_a_delay(void **state)
{
	struct world	*w = *state;
	struct job	*j = submit(w, LANE_PROCESS, (struct jobspec){ .retry = policy(3, 100) });

	goes_wrong(w, j, (struct outcome){ 0 });
	assert_int_equal(j->state, JOB_scheduled);
	assert_int_equal(reason(j), REASON_retry_wait);
	assert_true(due_in_ms(w, j) >= 1 && due_in_ms(w, j) <= 100);
	assert_explained(w, j, "\"kind\":\"retry\"");
	assert_explained(w, j, "\"failures\":1,\"max_attempts\":3,\"failure\":\"error\"");
	assert_explained(w, j, "attempt 1 failed (error): no luck");
	pass(w, due_in_ms(w, j));
	goes_wrong(w, j, (struct outcome){ 0 });
	assert_true(due_in_ms(w, j) >= 1 && due_in_ms(w, j) <= 200);
	pass(w, due_in_ms(w, j));
	goes_wrong(w, j, (struct outcome){ .text = mem_strdup("no luck at all") });
	assert_int_equal(j->state, JOB_failed);
	assert_int_equal(job_attempts(j), 3);
	assert_string_equal(job_outcome(j)->text, "no luck at all");
	assert_string_equal(job_run(j)->tries[0].message, "no luck");
	assert_int_equal(w->seen->last_finished, j->id);
}

static void
test_a_job_that_succeeds_in_its_last_attempt_has_succeeded(void **state)
{
	struct world	*w = *state;
	struct job	*j = submit(w, LANE_PROCESS, (struct jobspec){ .retry = policy(2, 0) });

	goes_wrong(w, j, (struct outcome){ 0 });
	pass(w, 1);
	succeed(w, j);
	assert_int_equal(j->state, JOB_succeeded);
	assert_int_equal(job_attempts(j), 2);
}

static void
test_what_a_handler_says_of_trying_again_counts(void **state)
{
	struct world	*w = *state;
	struct job	*j = submit(w, LANE_PROCESS, (struct jobspec){ .retry = policy(5, 100) });

	goes_wrong(w, j, (struct outcome){ .retry_after_ms = 7777 });
	assert_int_equal(due_in_ms(w, j), 7777);
	pass(w, 7777);
	goes_wrong(w, j, (struct outcome){ .final = true });
	assert_int_equal(j->state, JOB_failed);
	assert_int_equal(job_attempts(j), 2);
}

static void
test_time_over_is_tried_again_and_a_wrong_result_and_a_cancel_are_not(void **state)
{
	struct world	*w = *state;
	struct outcome	 none = { 0 };
	struct job	*j = submit(w, LANE_ASYNC,
	    (struct jobspec){ .retry = policy(9, 100), .timeout_ms = 50 });

	pass(w, 50);
	core_attempt_done(w->c, w->now, job_attempt(j), ATTEMPT_CANCELLED, &none);
	settle(w);
	assert_int_equal(j->state, JOB_scheduled);
	assert_explained(w, j, "\"failure\":\"timeout\"");
	assert_int_equal(core_cancel(w->c, w->now, j), 0);
	assert_int_equal(j->state, JOB_cancelled);
	j = submit(w, LANE_PROCESS, (struct jobspec){ .retry = policy(9, 100) });
	goes_wrong(w, j, (struct outcome){ .kind = FAILURE_bad_result });
	assert_int_equal(j->state, JOB_failed);
	j = submit(w, LANE_PROCESS, (struct jobspec){ .retry = policy(9, 100) });
	core_cancel(w->c, w->now, j);
	goes_wrong(w, j, (struct outcome){ 0 });
	assert_int_equal(j->state, JOB_failed);
	assert_int_equal(job_attempts(j), 1);
}

static void
test_each_member_of_a_policy_comes_from_the_first_that_says_it(void **state)
{
	struct world		*w = *state;
	struct retry_policy	 of_type = { 0 }, of_queue = { 0 }, p;
	struct job		*j;

	retry_policy_set(&of_type, RETRY_max_attempts, 4);
	retry_policy_set(&of_queue, RETRY_max_attempts, 9);
	retry_policy_set(&of_queue, RETRY_factor, 3);
	core_type_retry(w->c, "work", &of_type);
	core_queue_retry(w->c, "q", &of_queue);
	j = submit(w, LANE_PROCESS, (struct jobspec){ .queue = span("q"),
	    .retry = { .said = 1u << RETRY_backoff_ms, .backoff_ms = 5 } });
	p = core_retry_policy(w->c, j);
	assert_int_equal(p.max_attempts, 4);
	assert_int_equal(p.factor, 3000);
	assert_int_equal(p.backoff_ms, 5);
	assert_int_equal(p.max_backoff_ms, world_config.retry.max_backoff_ms);
}

static void
test_between_attempts_a_job_keeps_its_order_key_and_nothing_else(void **state)
{
	struct world	*w = *state;
	struct jobspec	 ordered = { .order_key = span("k"), .retry = policy(2, 100) };
	struct job	*j, *behind, *other;

	core_type_limit(w->c, w->now, "work", 1, (struct rate){ 0 });
	j = submit(w, LANE_PROCESS, ordered);
	behind = submit(w, LANE_PROCESS, ordered);
	other = submit(w, LANE_PROCESS, (struct jobspec){ 0 });
	goes_wrong(w, j, (struct outcome){ 0 });
	assert_int_equal(other->state, JOB_running);
	succeed(w, other);
	assert_int_equal(behind->state, JOB_ready);
	assert_explained(w, behind, "\"kind\":\"order_key\"");
	pass(w, 100);
	succeed(w, j);
	assert_int_equal(behind->state, JOB_running);
}

static void
test_a_job_with_an_order_key_waits_for_its_own_stuck_attempt(void **state)
{
	struct world	*w = *state;
	struct outcome	 late = { 0 };
	struct attempt	*stuck;
	struct job	*j = submit(w, LANE_THREAD, (struct jobspec){ .order_key = span("k"),
	    .retry = policy(2, 100), .timeout_ms = 50 });

	stuck = job_attempt(j);
	pass(w, 50);			/* told */
	pass(w, 1000);			/* given up */
	assert_int_equal(j->state, JOB_scheduled);
	pass(w, 100);
	assert_int_equal(j->state, JOB_ready);
	assert_explained(w, j, "was given up, and has not ended yet");
	late.text = mem_strdup("\"late\"");
	core_attempt_done(w->c, w->now, stuck, ATTEMPT_OK, &late);
	settle(w);
	assert_int_equal(j->state, JOB_running);
	succeed(w, j);
}

static void
test_attempts_lost_with_their_worker_do_not_count(void **state)
{
	struct world	*w = *state;
	uint32_t	 cpu[LANES] = { [LANE_PROCESS] = 1 };
	struct job	*j = submit(w, LANE_PROCESS, (struct jobspec){ .retry = policy(2, 100) });

	core_worker_lost(w->c, w->now, 0, "killed", NULL, NULL);
	settle(w);
	offer_up(w->c, w->now, 2, cpu, j->id);
	settle(w);
	goes_wrong(w, j, (struct outcome){ 0 });
	assert_int_equal(j->state, JOB_scheduled);
	assert_int_equal(job_failures(j), 1);
	assert_int_equal(job_attempts(j), 2);
	pass(w, 100);
	assert_explained(w, j, "\"kind\":\"alone\"");
}

/* ---- jobs that wait for others ---- */

static struct job *
submit_after(struct world *w, struct job *parent, enum on_parent_failure then)
{
	uint64_t	after[] = { parent->id };

	return submit(w, LANE_ASYNC, (struct jobspec){ .after = after, .after_len = 1,
	    .on_parent_failure = then });
}

static void
test_a_job_runs_when_all_that_it_waits_for_have_succeeded(void **state)
{
	struct world	*w = *state;
	struct job	*a = submit(w, LANE_ASYNC, (struct jobspec){ 0 });
	struct job	*b = submit(w, LANE_ASYNC, (struct jobspec){ 0 });
	uint64_t	 after[] = { a->id, b->id, a->id };
	struct job	*child = submit(w, LANE_ASYNC,
	    (struct jobspec){ .after = after, .after_len = 3 });

	assert_int_equal(child->state, JOB_scheduled);
	assert_int_equal(reason(child), REASON_parents_wait);
	assert_explained(w, child, "{\"kind\":\"parents\",\"left\":3,\"of\":3,\"first\":[1,2,1]}");
	succeed(w, a);
	assert_explained(w, child, "\"left\":1,\"of\":3,\"first\":[2]}");
	succeed(w, b);
	assert_int_equal(child->state, JOB_running);
}

static void
test_a_parent_that_does_not_succeed_fails_those_that_wait_for_it_or_frees_them(void **state)
{
	struct world	*w = *state;
	struct job	*parent = submit(w, LANE_ASYNC, (struct jobspec){ 0 });
	struct job	*strict = submit_after(w, parent, ON_PARENT_FAILURE_CANCEL);
	struct job	*grandchild = submit_after(w, strict, ON_PARENT_FAILURE_CANCEL);
	struct job	*free = submit_after(w, parent, ON_PARENT_FAILURE_RUN);
	struct job	*late;

	goes_wrong(w, parent, (struct outcome){ 0 });
	assert_int_equal(strict->state, JOB_failed);
	assert_int_equal(job_outcome(strict)->kind, FAILURE_dependency);
	assert_string_equal(job_outcome(strict)->text, "job 1, which it waited for, failed");
	assert_string_equal(job_outcome(strict)->data, "{\"parent\":1,\"state\":\"failed\"}");
	assert_int_equal(grandchild->state, JOB_failed);
	assert_string_equal(job_outcome(grandchild)->data, "{\"parent\":2,\"state\":\"failed\"}");
	assert_int_equal(free->state, JOB_running);
	late = submit_after(w, parent, ON_PARENT_FAILURE_CANCEL);
	assert_int_equal(late->state, JOB_failed);
	late = submit_after(w, parent, ON_PARENT_FAILURE_RUN);
	assert_int_equal(late->state, JOB_running);
}

static void
test_a_chain_of_a_hundred_thousand_fails_as_one(void **state)
{
	struct world	*w = *state;
	struct job	*first = submit(w, LANE_ASYNC, (struct jobspec){ .hold = true });
	uint64_t	 after[1];
	struct job	*last = first;
	struct jobspec	 spec = { .lane = -1, .after = after, .after_len = 1 };
	struct core_stats s;

	for (int i = 0; i < 100000; i++) {
		after[0] = last->id;
		last = world_submit(w, w->type, LANE_ASYNC, spec);
	}
	assert_int_equal(core_cancel(w->c, w->now, first), 0);
	for (int i = 0; i < 200 && core_next_ns(w->c) == 0; i++)
		pass(w, 0);
	while (!core_idle(w->c))
		pass(w, 0);
	core_stats(w->c, &s);
	assert_int_equal(s.finished[JOB_failed], 100000);
}

static void
test_a_parent_that_is_not_known_is_named(void **state)
{
	struct world	*w = *state;
	struct job	*j = submit(w, LANE_ASYNC, (struct jobspec){ 0 });
	uint64_t	 after[] = { j->id, 77 };
	struct jobspec	 spec = { .after = after, .after_len = 2 };

	assert_int_equal(core_missing_parent(w->c, &spec), 77);
	spec.after_len = 1;
	assert_int_equal(core_missing_parent(w->c, &spec), 0);
}

static void
test_a_waiting_child_can_be_cancelled_and_expires(void **state)
{
	struct world	*w = *state;
	struct job	*parent = submit(w, LANE_ASYNC, (struct jobspec){ 0 });
	uint64_t	 after[] = { parent->id };
	struct job	*child = submit_after(w, parent, ON_PARENT_FAILURE_CANCEL);
	struct job	*mortal = submit(w, LANE_ASYNC,
	    (struct jobspec){ .after = after, .after_len = 1, .ttl_ms = 50 });

	core_cancel(w->c, w->now, child);
	assert_int_equal(child->state, JOB_cancelled);
	pass(w, 50);
	assert_int_equal(mortal->state, JOB_expired);
	succeed(w, parent);
	assert_int_equal(child->state, JOB_cancelled);
}

/* ---- order keys that a failure blocks ---- */

static void
test_a_failure_blocks_its_order_key_until_somebody_deals_with_it(void **state)
{
	struct world	*w = *state;
	struct jobspec	 blocking = { .order_key = span("k"),
	    .on_order_failure = ON_ORDER_FAILURE_BLOCK };
	struct job	*first = submit(w, LANE_ASYNC, blocking);
	struct job	*second = submit(w, LANE_ASYNC, blocking);
	struct job	*third = submit(w, LANE_ASYNC, blocking);

	goes_wrong(w, first, (struct outcome){ 0 });
	assert_int_equal(second->state, JOB_ready);
	assert_explained(w, second, "{\"kind\":\"order_blocked\",\"key\":\"k\",\"behind\":1,"
	    "\"held_by\":1}");
	assert_explained(w, third, "job 1 failed and blocks its order key");
	assert_true(core_drained(w->c));
	pass(w, 3600 * 1000);			/* longer than failed jobs are kept */
	assert_ptr_equal(core_find(w->c, 1), first);
	assert_int_equal(core_retry(w->c, w->now, first), 0);
	settle(w);
	assert_int_equal(first->state, JOB_running);
	goes_wrong(w, first, (struct outcome){ 0 });
	assert_int_equal(second->state, JOB_ready);
	assert_int_equal(core_cancel(w->c, w->now, first), 0);
	settle(w);
	assert_int_equal(first->state, JOB_failed);
	assert_int_equal(second->state, JOB_running);
	goes_wrong(w, second, (struct outcome){ 0 });
	assert_int_equal(core_forget(w->c, w->now, second), 0);
	settle(w);
	assert_int_equal(w->seen->last_forgotten, 2);
	assert_int_equal(third->state, JOB_running);
}

/* ---- hold, change, run again, forget ---- */

static void
test_a_held_job_keeps_its_order_key_and_does_not_run(void **state)
{
	struct world	*w = *state;
	struct jobspec	 ordered = { .order_key = span("k"), .hold = true };
	struct job	*held = submit(w, LANE_ASYNC, ordered), *behind;

	ordered.hold = false;
	behind = submit(w, LANE_ASYNC, ordered);
	assert_int_equal(held->state, JOB_scheduled);
	assert_explained(w, held, "[{\"kind\":\"held\"}]");
	assert_int_equal(behind->state, JOB_ready);
	assert_true(core_drained(w->c));
	assert_int_equal(core_hold(w->c, w->now, held), 0);
	assert_int_equal(core_release(w->c, w->now, held), 0);
	settle(w);
	assert_int_equal(held->state, JOB_running);
	assert_int_equal(core_hold(w->c, w->now, held), -EALREADY);
	assert_int_equal(core_release(w->c, w->now, held), -EALREADY);
	assert_false(core_drained(w->c));
	assert_int_equal(core_hold(w->c, w->now, behind), 0);
	succeed(w, held);
	assert_int_equal(behind->state, JOB_scheduled);
	assert_true(core_drained(w->c));
}

static void
test_a_job_that_waits_is_changed(void **state)
{
	struct world		*w = *state;
	struct job		*running = submit(w, LANE_PROCESS, (struct jobspec){ 0 });
	struct job		*first = submit(w, LANE_PROCESS, (struct jobspec){ 0 });
	struct job		*second = submit(w, LANE_PROCESS, (struct jobspec){ 0 });
	struct job		*later = submit(w, LANE_PROCESS,
	    (struct jobspec){ .delay_ms = 600000 });
	struct amendment	 up = { .priority_given = true, .priority = 5, .due_in_ms = -1,
	    .timeout_ms = -1 };
	struct amendment	 now = { .due_in_ms = 0, .timeout_ms = 70, .ttl_ms = 1000,
	    .retry = policy(3, 0) };

	assert_int_equal(core_amend(w->c, w->now, second, &up), 0);
	assert_int_equal(core_amend(w->c, w->now, later, &now), 0);
	assert_int_equal(later->state, JOB_ready);
	assert_int_equal(reason(later), REASON_updated);
	assert_int_equal(core_retry_policy(w->c, later).max_attempts, 3);
	assert_int_equal(core_amend(w->c, w->now, running, &up), -EBUSY);
	succeed(w, running);
	assert_int_equal(core_amend(w->c, w->now, running, &up), -EALREADY);
	assert_int_equal(second->state, JOB_running);
	succeed(w, second);
	succeed(w, first);
	goes_wrong(w, later, (struct outcome){ 0 });
	assert_int_equal(core_amend(w->c, w->now, later, &now), -EINVAL);	/* its ttl */
	now.ttl_ms = 0;
	assert_int_equal(core_amend(w->c, w->now, later, &now), 0);
	settle(w);
	assert_int_equal(later->state, JOB_running);
	pass(w, 70);
	assert_int_equal(job_attempt(later)->told, REASON_timed_out);
}

static void
test_what_failed_runs_again_under_its_id(void **state)
{
	struct world	*w = *state;
	struct job	*j = submit(w, LANE_ASYNC, (struct jobspec){ .retry = policy(2, 0) });

	assert_int_equal(core_retry(w->c, w->now, j), -EALREADY);
	goes_wrong(w, j, (struct outcome){ 0 });
	pass(w, 1);
	goes_wrong(w, j, (struct outcome){ 0 });
	assert_int_equal(j->state, JOB_failed);
	assert_int_equal(core_retry(w->c, w->now, j), 0);
	settle(w);
	assert_int_equal(j->state, JOB_running);
	goes_wrong(w, j, (struct outcome){ 0 });
	assert_int_equal(j->state, JOB_scheduled);	/* its attempts were counted anew */
	pass(w, 1);
	succeed(w, j);
	assert_int_equal(job_attempts(j), 4);
	assert_int_equal(core_retry(w->c, w->now, j), -EALREADY);
	pass(w, 60000);
	assert_null(core_find(w->c, 1));
}

static void
test_only_what_has_ended_is_forgotten(void **state)
{
	struct world	*w = *state;
	struct job	*j = submit(w, LANE_ASYNC, (struct jobspec){ 0 });

	assert_int_equal(core_forget(w->c, w->now, j), -EBUSY);
	core_cancel(w->c, w->now, j);
	core_attempt_done(w->c, w->now, job_attempt(j), ATTEMPT_CANCELLED, &(struct outcome){ 0 });
	assert_int_equal(core_forget(w->c, w->now, j), 0);	/* before anybody was told */
	assert_int_equal(core_retry(w->c, w->now, j), -ENOENT);
	settle(w);
	assert_int_equal(w->seen->last_finished, 1);
	assert_int_equal(w->seen->last_forgotten, 1);
	assert_null(core_find(w->c, 1));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
	const struct CMUnitTest	tests[] = {
		TEST(test_a_delay_grows_by_the_factor_up_to_its_bound),
		TEST(test_a_delay_is_anything_up_to_the_longest),
		TEST(test_a_job_whose_handler_fails_is_tried_again_after_a_delay),
		TEST(test_a_job_that_succeeds_in_its_last_attempt_has_succeeded),
		TEST(test_what_a_handler_says_of_trying_again_counts),
		TEST(test_time_over_is_tried_again_and_a_wrong_result_and_a_cancel_are_not),
		TEST(test_each_member_of_a_policy_comes_from_the_first_that_says_it),
		TEST(test_between_attempts_a_job_keeps_its_order_key_and_nothing_else),
		TEST(test_a_job_with_an_order_key_waits_for_its_own_stuck_attempt),
		TEST(test_attempts_lost_with_their_worker_do_not_count),
		TEST(test_a_job_runs_when_all_that_it_waits_for_have_succeeded),
		TEST(test_a_parent_that_does_not_succeed_fails_those_that_wait_for_it_or_frees_them),
		TEST(test_a_chain_of_a_hundred_thousand_fails_as_one),
		TEST(test_a_parent_that_is_not_known_is_named),
		TEST(test_a_waiting_child_can_be_cancelled_and_expires),
		TEST(test_a_failure_blocks_its_order_key_until_somebody_deals_with_it),
		TEST(test_a_held_job_keeps_its_order_key_and_does_not_run),
		TEST(test_a_job_that_waits_is_changed),
		TEST(test_what_failed_runs_again_under_its_id),
		TEST(test_only_what_has_ended_is_forgotten),
	};

	return cmocka_run_group_tests_name("a job's life", tests, NULL, NULL);
}
