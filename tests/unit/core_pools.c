/* core_pools.c - pools of workers, the slots that they share, and what attempts have used. */
#include "tests/unit/core_rig.h"

#include <string.h>

#include "daemon/broker/core/core.h"

static struct type *
define_in(struct world *w, const char *name, const char *pool)
{
	struct type	declared = { .name = (char *)(size_t)name,
	    .pool = core_pool_get(w->c, span(pool)) };

	return core_type_define(w->c, &declared);
}

static struct job *
submit(struct world *w, struct type *type, enum lane lane)
{
	return world_submit(w, type, lane, (struct jobspec){ .lane = -1, .timeout_ms = 100 });
}

static void
commands_up(struct world *w, uint32_t number, const char *pool)
{
	struct worker_offer	o = { .pool = core_pool_get(w->c, span(pool)),
	    .slots = { [LANE_PROCESS] = 100, [LANE_ASYNC] = 100 } };

	core_worker_up(w->c, w->now, number, &o);
}

/* Takes all effects; how many of this kind there were. */
static unsigned
settle(struct world *w, enum effect_kind kind)
{
	struct effect	e;
	unsigned	count = 0;

	while (core_next_effect(w->c, w->now, &e))
		count += e.kind == kind;
	core_check(w->c);
	return count;
}

static void
done(struct world *w, struct job *j)
{
	world_done(w, job_attempt(j), ATTEMPT_OK);
}

static void
assert_explains(struct world *w, const struct job *j, const char *words)
{
	struct buf	out = { 0 };

	core_explain(w->c, w->now, j, NULL, &out);
	buf_putc(&out, '\0');
	if (strstr(buf_data(&out), words) == NULL)
		fail_msg("%s is not in: %s", words, buf_data(&out));
	buf_free(&out);
}

/* ---- slots ---- */

static void
test_what_computes_in_any_pool_shares_the_cpu_slots(void **state)
{
	struct world	*w = *state;
	struct type	*a = define_in(w, "a", "exec"), *b = define_in(w, "b", "exec:www");
	struct job	*first, *other, *third;

	core_budgets(w->c, 2, 0);
	commands_up(w, 0, "exec");
	commands_up(w, 1, "exec:www");
	first = submit(w, a, LANE_PROCESS);
	other = submit(w, b, LANE_PROCESS);
	third = submit(w, b, LANE_PROCESS);
	assert_int_equal(settle(w, EFFECT_START), 2);
	assert_int_equal(other->state, JOB_running);
	assert_explains(w, third, "{\"kind\":\"cpu_slots\",\"running\":2,\"slots\":2}");
	assert_explains(w, third, "waits for a CPU slot: 2 of 2 are taken");
	done(w, first);
	assert_int_equal(settle(w, EFFECT_START), 1);
	assert_int_equal(third->state, JOB_running);
}

static void
test_a_command_that_waits_gives_its_cpu_slot_to_the_next(void **state)
{
	struct world			*w = *state;
	struct type			*a = define_in(w, "a", "exec");
	struct job			*waits, *next, *third;
	const struct attempt_record	*tries;
	size_t				 len;

	core_budgets(w->c, 1, 1);
	commands_up(w, 0, "exec");
	waits = submit(w, a, LANE_PROCESS);
	next = submit(w, a, LANE_PROCESS);
	settle(w, EFFECT_NONE);
	core_attempt_relane(w->c, w->now, job_attempt(waits), LANE_ASYNC);
	assert_int_equal(settle(w, EFFECT_START), 1);
	assert_int_equal(next->state, JOB_running);
	tries = job_tries(waits, &len);
	assert_int_equal(tries[len - 1].lane, LANE_ASYNC);
	third = submit(w, a, LANE_ASYNC);
	assert_int_equal(settle(w, EFFECT_START), 0);
	assert_explains(w, third, "waits for a waiting slot: 1 of 1 are taken");
	core_attempt_relane(w->c, w->now, job_attempt(next), LANE_ASYNC);	/* though none is free */
	assert_explains(w, third, "waits for a waiting slot: 2 of 1 are taken");
	done(w, waits);
	assert_int_equal(settle(w, EFFECT_START), 0);
	done(w, next);
	assert_int_equal(settle(w, EFFECT_START), 1);
}

static void
test_a_remote_pool_takes_no_slot_here_and_runs_nothing_alone(void **state)
{
	struct world		*w = *state;
	struct type		*here = define_in(w, "here", "exec"), *there;
	struct worker_offer	 o = { .slots = { [LANE_PROCESS] = 4 }, .killable = true };
	struct job		*j;

	o.pool = core_pool_get(w->c, span("pool:gpu"));
	core_pool_remote(w->c, o.pool, true);
	there = define_in(w, "there", "pool:gpu");
	core_budgets(w->c, 1, 0);
	commands_up(w, 0, "exec");
	core_worker_up(w->c, w->now, 1, &o);
	submit(w, here, LANE_PROCESS);
	j = submit(w, there, LANE_PROCESS);
	submit(w, there, LANE_PROCESS);
	assert_int_equal(settle(w, EFFECT_START), 3);
	j->suspicions = 1;			/* a worker died while it ran */
	core_attempt_refused(w->c, w->now, job_attempt(j));
	assert_false(j->alone);
}

static void
test_a_window_gives_its_slot_up_after_a_while_if_others_want_it(void **state)
{
	struct world		*w = *state;
	struct type		*quick = define_in(w, "quick", ""), *a = define_in(w, "a", "exec");
	struct worker_offer	 o = { .slots = { [LANE_PROCESS] = 8 }, .fifo = true, .killable = true };
	struct job		*head, *second, *third, *wants;

	quick->samples = 1000;		/* as if it was measured before */
	quick->mean_ns = 1000;
	core_budgets(w->c, 1, 0);
	core_worker_up(w->c, w->now, 0, &o);
	commands_up(w, 1, "exec");
	head = submit(w, quick, LANE_PROCESS);
	settle(w, EFFECT_NONE);
	wants = submit(w, a, LANE_PROCESS);
	second = submit(w, quick, LANE_PROCESS);
	assert_int_equal(settle(w, EFFECT_START), 1);
	assert_int_equal(second->state, JOB_running);
	world_pass(w, 10);
	third = submit(w, quick, LANE_PROCESS);
	assert_int_equal(settle(w, EFFECT_START), 0);
	done(w, head);
	done(w, second);
	assert_int_equal(settle(w, EFFECT_START), 1);
	done(w, wants->state == JOB_running ? wants : third);
	assert_int_equal(settle(w, EFFECT_START), 1);
	assert_true(wants->state != JOB_ready && third->state != JOB_ready);
	done(w, wants->state == JOB_running ? wants : third);
	settle(w, EFFECT_NONE);
	submit(w, quick, LANE_PROCESS);
	submit(w, quick, LANE_PROCESS);
	assert_int_equal(settle(w, EFFECT_START), 2);	/* it has a window again */
}

/* ---- remote workers ---- */

static struct type *
remote_up(struct world *w, uint32_t slots)
{
	struct worker_offer	o = { .slots = { [LANE_ASYNC] = slots } };

	o.pool = core_pool_get(w->c, span("pool:gpu"));
	core_pool_remote(w->c, o.pool, true);
	core_worker_up(w->c, w->now, 0, &o);
	return define_in(w, "a", "pool:gpu");
}

static void
test_a_worker_with_credit_is_given_no_more_than_that(void **state)
{
	struct world	*w = *state;
	struct type	*a = remote_up(w, 100);
	struct job	*first, *last;

	core_worker_credit(w->c, 0, 2);
	first = submit(w, a, LANE_ASYNC);
	for (int i = 0; i < 9; i++)
		last = submit(w, a, LANE_ASYNC);
	assert_int_equal(settle(w, EFFECT_START), 2);
	assert_explains(w, last, "1 of its 1 workers asks for no more (credit)");
	done(w, first);				/* which alone gives nothing back */
	assert_int_equal(settle(w, EFFECT_START), 0);
	core_worker_credit_more(w->c, 0, 3);
	assert_int_equal(settle(w, EFFECT_START), 3);
	core_worker_credit_more(w->c, 0, UINT32_MAX);	/* many, but counted */
	assert_int_equal(settle(w, EFFECT_START), 5);
	core_worker_credit(w->c, 0, 0);
	submit(w, a, LANE_ASYNC);
	assert_int_equal(settle(w, EFFECT_START), 0);
	core_worker_credit(w->c, 0, CORE_CREDIT_ANY);
	core_worker_credit_more(w->c, 0, 1);		/* of any number: still any */
	submit(w, a, LANE_ASYNC);
	submit(w, a, LANE_ASYNC);
	assert_int_equal(settle(w, EFFECT_START), 3);
	core_worker_credit(w->c, 7, 1);			/* nobody */
	core_worker_credit_more(w->c, 7, 1);
}

static void
test_an_attempt_that_was_refused_gives_its_credit_back(void **state)
{
	struct world	*w = *state;
	struct type	*a = remote_up(w, 100);
	struct job	*j;

	core_worker_credit(w->c, 0, 1);
	j = submit(w, a, LANE_ASYNC);
	assert_int_equal(settle(w, EFFECT_START), 1);
	core_attempt_refused(w->c, w->now, job_attempt(j));
	assert_int_equal(settle(w, EFFECT_START), 0);
	world_pass(w, 1000);
	assert_int_equal(settle(w, EFFECT_START), 1);
	assert_int_equal(j->state, JOB_running);
}

/* However often that happens it is no suspect, and it goes before those that came later. */
static void
test_a_lost_attempt_goes_back_where_it_stood(void **state)
{
	struct world			*w = *state;
	struct type			*a = remote_up(w, 1);
	struct job			*lost = submit(w, a, LANE_ASYNC), *later;
	const struct attempt_record	*tries;
	size_t				 len;

	later = submit(w, a, LANE_ASYNC);
	for (int i = 0; i < 10; i++) {
		settle(w, EFFECT_NONE);
		assert_int_equal(lost->state, JOB_running);
		core_attempt_lost(w->c, w->now, job_attempt(lost), "it came back without");
	}
	assert_int_equal(settle(w, EFFECT_START), 1);
	assert_int_equal(lost->suspicions, 0);
	assert_int_equal(later->state, JOB_ready);
	tries = job_tries(lost, &len);
	assert_int_equal(tries[len - 1].number, 11);
	assert_int_equal(tries[len - 2].end, REASON_worker_died);
	done(w, lost);
	settle(w, EFFECT_NONE);
	assert_int_equal(lost->state, JOB_succeeded);
}

static void
test_a_lost_attempt_fails_a_job_that_may_not_run_twice(void **state)
{
	struct world	*w = *state;
	struct type	*a = remote_up(w, 1);
	struct job	*j = submit(w, a, LANE_ASYNC);

	j->on_lost = ON_LOST_FAIL;
	settle(w, EFFECT_NONE);
	core_attempt_lost(w->c, w->now, job_attempt(j), "it came back without");
	settle(w, EFFECT_NONE);
	assert_int_equal(j->state, JOB_failed);
	assert_int_equal(job_outcome(j)->kind, FAILURE_lost);
	assert_non_null(strstr(job_outcome(j)->text, "it came back without"));
}

static void
test_a_lost_attempt_that_was_told_to_end_ends_its_job_so(void **state)
{
	struct world	*w = *state;
	struct type	*a = remote_up(w, 1);
	struct job	*j = submit(w, a, LANE_ASYNC);

	settle(w, EFFECT_NONE);
	core_cancel(w->c, w->now, j);
	assert_int_equal(settle(w, EFFECT_TELL), 1);
	core_attempt_lost(w->c, w->now, job_attempt(j), "it came back without");
	settle(w, EFFECT_NONE);
	assert_int_equal(j->state, JOB_cancelled);
}

/* Its job has an outcome; what is lost with it is the slot that it held. */
static void
test_a_lost_attempt_past_its_grace_frees_its_slot(void **state)
{
	struct world	*w = *state;
	struct type	*a = remote_up(w, 1);
	struct job	*j = submit(w, a, LANE_ASYNC), *next = submit(w, a, LANE_ASYNC);
	struct attempt	*at;

	settle(w, EFFECT_NONE);
	at = job_attempt(j);
	world_pass(w, 100);
	assert_int_equal(settle(w, EFFECT_TELL), 1);
	world_pass(w, 1000);
	settle(w, EFFECT_NONE);
	assert_int_equal(j->state, JOB_failed);
	assert_int_equal(next->state, JOB_ready);
	core_attempt_lost(w->c, w->now, at, "it came back without");
	assert_int_equal(settle(w, EFFECT_START), 1);
	assert_int_equal(next->state, JOB_running);
	assert_int_equal(j->state, JOB_failed);
}

static enum suspicion
perhaps(void *ctx, const struct job *j)
{
	(void)ctx;
	(void)j;
	return SUSPECT_AMONG;
}

static void
test_a_job_whose_remote_workers_are_lost_again_and_again_fails(void **state)
{
	struct world		*w = *state;
	struct type		*a = remote_up(w, 2);
	struct worker_offer	 o = { .pool = core_pool_get(w->c, span("pool:gpu")), .slots = { [LANE_ASYNC] = 2 } };
	struct job		*poison = submit(w, a, LANE_ASYNC), *innocent = NULL;

	for (int i = 1; i < BOUND_BESIDE; i++) {
		if (i == BOUND_BESIDE_SUSPECT)
			innocent = submit(w, a, LANE_ASYNC);
		settle(w, EFFECT_NONE);
		assert_int_equal(poison->state, JOB_running);
		if (i % 2 == 0) {
			core_worker_lost(w->c, w->now, 0, "gone", perhaps, NULL);
			core_worker_up(w->c, w->now, 0, &o);
		} else {
			core_attempt_lost(w->c, w->now, job_attempt(poison), "it came back without");
		}
		assert_int_equal(poison->suspicions, 0);
	}
	settle(w, EFFECT_NONE);
	core_worker_lost(w->c, w->now, 0, "gone", perhaps, NULL);
	assert_int_equal(poison->state, JOB_failed);
	assert_int_equal(job_run(poison)->outcome.kind, FAILURE_crash);
	assert_string_equal(job_run(poison)->outcome.text, "its remote workers were lost 20 times while they "
	    "had this job, and why is not known; the last: gone");
	assert_int_equal(innocent->state, JOB_ready);
	assert_int_equal(innocent->suspicions, 0);
}

/* ---- workers that are wanted ---- */

static void
test_a_pool_wants_a_worker_while_a_job_has_none(void **state)
{
	struct world	*w = *state;
	uint32_t	 pool = core_pool_get(w->c, span("exec:www"));
	struct type	*a = define_in(w, "a", "exec:www");
	struct job	*j;

	assert_false(core_pool_wants(w->c, pool));
	core_type_limit(w->c, w->now, "a", 1, (struct rate){ 0 });
	j = submit(w, a, LANE_PROCESS);
	assert_true(core_pool_wants(w->c, pool));
	assert_false(core_pool_wants(w->c, 0));
	assert_explains(w, j, "no worker serves the process lane of pool exec:www");
	commands_up(w, 0, "exec:www");
	assert_false(core_pool_wants(w->c, pool));
	settle(w, EFFECT_NONE);
	core_worker_retire(w->c, w->now, 0);
	submit(w, a, LANE_PROCESS);		/* at the limit of its type */
	assert_false(core_pool_wants(w->c, pool));
	done(w, j);
	assert_true(core_pool_wants(w->c, pool));
}

static void
test_a_thousand_pools_are_enough(void **state)
{
	struct world	*w = *state;
	struct job	*j = NULL;
	char		 name[32];

	core_budgets(w->c, 3, 0);
	for (uint32_t i = 1; i < CORE_POOLS_MAX; i++) {
		snprintf(name, sizeof(name), "pool:%u", i);
		assert_int_equal(core_pool_get(w->c, span(name)), i);
		j = submit(w, define_in(w, name, name), LANE_PROCESS);
		commands_up(w, i, name);
	}
	assert_int_equal(core_pool_get(w->c, span("pool:1000")), CORE_NO_POOL);
	assert_int_equal(core_pool_get(w->c, span("pool:7")), 7);
	assert_string_equal(core_pool_name(w->c, 7).p, "pool:7");
	for (unsigned started = 0; started < CORE_POOLS_MAX - 1; started += 3) {
		assert_int_equal(settle(w, EFFECT_START), 3);
		for (uint64_t id = started + 1; id <= started + 3; id++)
			done(w, core_find(w->c, id));	/* they took turns */
	}
	settle(w, EFFECT_NONE);
	assert_int_equal(j->state, JOB_succeeded);
}

/* ---- what types declare ---- */

static void
test_a_type_gets_the_grace_that_it_declares_and_commands_five_seconds_more(void **state)
{
	struct world	*w = *state;
	struct type	 declared = { .name = (char *)(size_t)"a", .grace_ms = 50,
	    .pool = core_pool_get(w->c, span("exec")) };
	struct job	*j;

	commands_up(w, 0, "exec");
	j = submit(w, core_type_define(w->c, &declared), LANE_PROCESS);
	settle(w, EFFECT_NONE);
	world_pass(w, 100);
	assert_int_equal(settle(w, EFFECT_TELL), 1);
	world_pass(w, 5049);
	settle(w, EFFECT_NONE);
	assert_int_equal(j->state, JOB_running);
	world_pass(w, 1);
	assert_int_equal(settle(w, EFFECT_KILL), 0);	/* others run there */
	assert_int_equal(j->state, JOB_failed);
}

static void
test_an_attempts_own_grace_counts_from_when_it_was_told(void **state)
{
	struct world	*w = *state;
	struct type	*a = define_in(w, "a", "exec");
	struct job	*longer, *shorter;

	commands_up(w, 0, "exec");
	longer = submit(w, a, LANE_PROCESS);
	shorter = submit(w, a, LANE_PROCESS);
	settle(w, EFFECT_NONE);
	core_attempt_grace(w->c, w->now, job_attempt(longer), 1);	/* it was not told: nothing */
	world_pass(w, 100);
	assert_int_equal(settle(w, EFFECT_TELL), 2);
	core_attempt_grace(w->c, w->now, job_attempt(longer), 7000);
	core_attempt_grace(w->c, w->now, job_attempt(shorter), 10);
	world_pass(w, 5010);
	settle(w, EFFECT_NONE);
	assert_int_equal(shorter->state, JOB_failed);
	world_pass(w, 12000 - 5010 - 1);
	settle(w, EFFECT_NONE);
	assert_int_equal(longer->state, JOB_running);
	world_pass(w, 1);
	settle(w, EFFECT_NONE);
	assert_int_equal(longer->state, JOB_failed);
}

static void
test_an_operators_limit_comes_before_the_declared_one(void **state)
{
	struct world	*w = *state;
	struct type	 declared = { .name = (char *)(size_t)"a", .declared_running = 2 };
	struct type	*t = core_type_define(w->c, &declared);

	assert_int_equal(t->gate.max_running, 2);
	core_type_limit(w->c, w->now, "a", 5, (struct rate){ 0 });
	core_type_define(w->c, &declared);
	assert_int_equal(t->gate.max_running, 5);
}

static void
test_jobs_of_a_type_that_is_gone_wait_until_it_is_back(void **state)
{
	struct world	*w = *state;
	struct type	*a = define_in(w, "a", "exec");
	struct job	*j;

	commands_up(w, 0, "exec");
	core_type_gone(w->c, a);
	j = submit(w, a, LANE_PROCESS);
	assert_int_equal(settle(w, EFFECT_START), 0);
	assert_explains(w, j, "no worker has a handler for the type a any more");
	define_in(w, "a", "exec");
	assert_int_equal(settle(w, EFFECT_START), 1);
}

/* ---- what attempts have used ---- */

static void
test_what_was_said_last_of_an_attempts_use_stays_with_it(void **state)
{
	struct world			*w = *state;
	struct job			*j;
	const struct attempt_record	*tries;
	size_t				 len;

	commands_up(w, 0, "exec");
	j = submit(w, define_in(w, "a", "exec"), LANE_PROCESS);
	settle(w, EFFECT_NONE);
	assert_null(job_tries(j, &len)[0].spent);
	core_attempt_spent(w->c, job_attempt(j), &(struct spent){ .user_us = 1 });
	core_attempt_spent(w->c, job_attempt(j), &(struct spent){ .user_us = 5, .read_bytes = 7 });
	done(w, j);
	settle(w, EFFECT_NONE);
	tries = job_tries(j, &len);
	assert_int_equal(len, 1);
	assert_int_equal(tries[0].spent->user_us, 5);
	assert_int_equal(tries[0].spent->read_bytes, 7);
}

static void
test_what_is_kept_of_logs_counts_for_how_long_jobs_are_remembered(void **state)
{
	struct world	*w = *state;
	struct job	*first, *second;

	commands_up(w, 0, "exec");
	first = submit(w, define_in(w, "a", "exec"), LANE_PROCESS);
	second = submit(w, define_in(w, "a", "exec"), LANE_PROCESS);
	settle(w, EFFECT_NONE);
	core_job_log(w->c, first, 600000);
	done(w, first);
	done(w, second);
	assert_int_equal(settle(w, EFFECT_FORGOTTEN), 0);
	core_job_log(w->c, second, 600000);	/* when its end was told already */
	assert_int_equal(settle(w, EFFECT_FORGOTTEN), 1);
	assert_null(core_find(w->c, 1));
	assert_non_null(core_find(w->c, 2));
}

#define with_world(test) cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		with_world(test_what_computes_in_any_pool_shares_the_cpu_slots),
		with_world(test_a_command_that_waits_gives_its_cpu_slot_to_the_next),
		with_world(test_a_remote_pool_takes_no_slot_here_and_runs_nothing_alone),
		with_world(test_a_window_gives_its_slot_up_after_a_while_if_others_want_it),
		with_world(test_a_worker_with_credit_is_given_no_more_than_that),
		with_world(test_an_attempt_that_was_refused_gives_its_credit_back),
		with_world(test_a_lost_attempt_goes_back_where_it_stood),
		with_world(test_a_lost_attempt_fails_a_job_that_may_not_run_twice),
		with_world(test_a_lost_attempt_that_was_told_to_end_ends_its_job_so),
		with_world(test_a_lost_attempt_past_its_grace_frees_its_slot),
		with_world(test_a_job_whose_remote_workers_are_lost_again_and_again_fails),
		with_world(test_a_pool_wants_a_worker_while_a_job_has_none),
		with_world(test_a_thousand_pools_are_enough),
		with_world(test_a_type_gets_the_grace_that_it_declares_and_commands_five_seconds_more),
		with_world(test_an_attempts_own_grace_counts_from_when_it_was_told),
		with_world(test_an_operators_limit_comes_before_the_declared_one),
		with_world(test_jobs_of_a_type_that_is_gone_wait_until_it_is_back),
		with_world(test_what_was_said_last_of_an_attempts_use_stays_with_it),
		with_world(test_what_is_kept_of_logs_counts_for_how_long_jobs_are_remembered),
	};

	return cmocka_run_group_tests_name("core_pools", tests, NULL, NULL);
}
