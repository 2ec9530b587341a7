/* core_load.c - durable jobs whose arguments are in the store alone until their turn comes. */
#include "tests/unit/core_rig.h"
#include "tests/unit/offers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/core/core.h"
#include "lib/alloc.h"

#define ROOM		16384		/* bytes for arguments in memory */
#define TEXT_BYTES	32		/* that each take besides their length */
#define ARGS_LEN	68
#define LABELS		"{\"colour\":\"green\"}"
#define JOBS_MAX	20000

/* What was submitted is written down at once; what core wants to read waits for read_all. */
struct seen {
	uint64_t	 wanted[JOBS_MAX], started[JOBS_MAX];
	struct attempt	*running[JOBS_MAX];
	size_t		 wanted_len, started_len, running_len, asked, most_wanted;
	uint64_t	 last_finished;
};

static int
set_up(void **state)
{
	struct core_config	 cfg = world_config;
	struct world		*w;

	cfg.spec_memory = ROOM;
	cfg.retry.backoff_ms = cfg.retry.max_backoff_ms = 1;
	w = world_open(&cfg);
	w->seen = mem_zalloc(1, sizeof(*w->seen));
	*state = w;
	return 0;
}

/* ---- the store ---- */

static struct span
args_of(uint64_t id)
{
	static char	text[ARGS_LEN + 1];

	snprintf(text, sizeof(text), "[\"%064llu\"]", (unsigned long long)id);
	return (struct span){ text, ARGS_LEN };
}

static void
starts(struct world *w, struct attempt *at)
{
	struct span	args = args_of(at->job_id);

	assert_int_equal(job_args_len(at->job), args.len);
	assert_memory_equal(job_args(at->job), args.p, args.len);
	w->seen->started[w->seen->started_len++] = at->job_id;
	w->seen->running[w->seen->running_len++] = at;
}

static void
settle(struct world *w)
{
	struct effect	e;

	while (core_next_effect(w->c, w->now, &e)) {
		if (e.kind == EFFECT_START)
			starts(w, e.attempt);
		else if (e.kind == EFFECT_FINISHED)
			w->seen->last_finished = e.job->id;
		else if (e.kind == EFFECT_RECORD)
			core_recorded(w->c, w->now, e.job, e.record);
		else if (e.kind == EFFECT_LOAD)
			w->seen->wanted[w->seen->wanted_len++] = e.job->id;
	}
	if (w->seen->wanted_len > w->seen->most_wanted)
		w->seen->most_wanted = w->seen->wanted_len;
	core_check(w->c);
}

/* What was wanted until now is answered; the number of that. */
static size_t
read_all(struct world *w)
{
	size_t	len = w->seen->wanted_len;

	w->seen->wanted_len = 0;
	w->seen->asked += len;
	for (size_t i = 0; i < len; i++)
		core_loaded(w->c, w->now, w->seen->wanted[i], args_of(w->seen->wanted[i]));
	settle(w);
	return len;
}

static void
pass(struct world *w, int64_t ms)
{
	world_pass(w, ms);
	settle(w);
}

/* ---- jobs ---- */

static struct job *
submit(struct world *w, struct jobspec spec)
{
	struct job	*j;

	spec.args = args_of(w->next_id);
	spec.lane = -1;
	spec.durability = DURABILITY_COMMIT;
	j = world_submit(w, w->type, LANE_THREAD, spec);
	core_stored(w->c, w->now, j);
	return j;
}

static void
submit_many(struct world *w, int count)
{
	for (int i = 0; i < count; i++)
		submit(w, (struct jobspec){ 0 });
	settle(w);
}

/* The room is full after this: whatever comes now goes away. */
static void
fill(struct world *w)
{
	for (int i = 0; i <= ROOM / (ARGS_LEN + TEXT_BYTES); i++) {
		char	name[16];

		snprintf(name, sizeof(name), "full%d", i / 50);
		core_queue_pause(w->c, span(name), true);
		submit(w, (struct jobspec){ .queue = span(name) });
	}
	settle(w);
}

static void
worker_up(struct world *w, uint32_t slots)
{
	uint32_t	lanes[LANES] = { [LANE_THREAD] = slots };

	offer_up(w->c, w->now, 0, lanes, 0);
	settle(w);
}

/* Whatever runs succeeds. */
static size_t
finish_all(struct world *w)
{
	size_t	len = w->seen->running_len;

	w->seen->running_len = 0;
	for (size_t i = 0; i < len; i++)
		world_done(w, w->seen->running[i], ATTEMPT_OK);
	settle(w);
	return len;
}

/* A job that is away, and whose arguments were just asked for. */
static struct job *
job_being_read(struct world *w)
{
	struct job	*j;

	fill(w);
	j = submit(w, (struct jobspec){ 0 });
	settle(w);
	assert_true(j->away);
	worker_up(w, 1);
	assert_int_equal(w->seen->wanted_len, 1);
	assert_int_equal(w->seen->wanted[0], j->id);
	assert_true(j->loading);
	return j;
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

/* ---- going away ---- */

static void
test_arguments_go_away_when_there_is_no_more_room_for_them(void **state)
{
	struct world	*w = *state;
	struct job	*first = submit(w, (struct jobspec){ 0 }), *last = NULL;
	struct core_stats stats;

	for (int i = 1; i < 1000; i++)
		last = submit(w, (struct jobspec){ .labels = span(LABELS) });
	assert_false(first->away);
	assert_true(last->away);
	assert_int_equal(job_args_len(last), ARGS_LEN);
	assert_memory_equal(job_labels(last), LABELS, job_labels_len(last));
	core_stats(w->c, &stats);
	assert_int_equal(stats.waiting_bytes, 1000 * (JOB_BYTES + ARGS_LEN) + 999 * strlen(LABELS));
	for (uint64_t id = 1; id <= 1000; id++)
		if (id * (ARGS_LEN + TEXT_BYTES) > ROOM * 3 / 4)
			assert_true(core_find(w->c, id)->away);
	assert_null(core_find(w->c, 1)->body->extra);
}

static void
test_a_job_that_is_away_and_asks_for_nothing_costs_its_place_only(void **state)
{
	struct world	*w = *state;

	fill(w);
	submit_many(w, 100);
	assert_null(core_find(w->c, w->next_id - 1)->body);
}

static void
test_a_job_whose_turn_is_near_keeps_its_arguments(void **state)
{
	struct world	*w = *state;
	struct job	*j;

	submit_many(w, 1000);
	assert_true(core_find(w->c, 1000)->away);
	j = submit(w, (struct jobspec){ .queue = span("other") });
	assert_false(j->away);
}

static void
test_memory_jobs_stay(void **state)
{
	struct world	*w = *state;
	struct job	*j;

	fill(w);
	j = world_submit(w, w->type, LANE_THREAD, (struct jobspec){ .args = args_of(w->next_id),
	    .lane = -1, .durability = DURABILITY_MEMORY });
	assert_false(j->away);
	worker_up(w, 1);
	assert_int_equal(w->seen->started_len, 1);
	assert_int_equal(w->seen->wanted_len, 0);
}

/* ---- coming back ---- */

static void
test_all_jobs_run_in_order_with_their_arguments(void **state)
{
	struct world	*w = *state;

	submit_many(w, 5000);
	worker_up(w, 4);
	while (read_all(w) + finish_all(w) > 0)
		continue;
	assert_int_equal(w->seen->started_len, 5000);
	for (uint64_t i = 0; i < 5000; i++)
		assert_int_equal(w->seen->started[i], i + 1);
}

static void
test_arguments_are_read_before_the_turn_comes(void **state)
{
	struct world	*w = *state;
	size_t		 idle = 0;

	submit_many(w, 10000);
	worker_up(w, 4);
	while (w->seen->started_len < 10000) {
		idle += w->seen->running_len < 4;
		read_all(w);
		finish_all(w);
	}
	assert_in_range(idle, 0, 1);
	assert_in_range(w->seen->most_wanted, 512, 1024);
}

static void
test_no_more_is_read_at_once_than_there_is_room_for(void **state)
{
	struct world	*w = *state;
	char		 name[16];

	fill(w);
	for (int i = 0; i < 6000; i++) {
		snprintf(name, sizeof(name), "q%d", i);
		submit(w, (struct jobspec){ .queue = span(name) });
	}
	worker_up(w, 4);
	assert_int_equal(w->seen->wanted_len, 2048);
	for (int i = 0; w->seen->started_len < 6000 && i < 10000; i++) {
		read_all(w);
		finish_all(w);
	}
	assert_int_equal(w->seen->started_len, 6000);
	assert_int_equal(w->seen->asked, 6000);
}

static void
test_others_run_while_a_job_is_read(void **state)
{
	struct world	*w = *state;
	struct job	*j = job_being_read(w);

	assert_explained(w, j, "its arguments are being read from the disk");
	core_queue_pause(w->c, span("full0"), false);
	settle(w);
	assert_int_equal(w->seen->started_len, 1);
	read_all(w);
	finish_all(w);
	finish_all(w);
	assert_int_equal(w->seen->started_len, 3);
	assert_true(w->seen->started[1] == j->id || w->seen->started[2] == j->id);
}

static void
test_a_job_with_a_higher_priority_that_is_away_comes_first(void **state)
{
	struct world	*w = *state;
	struct job	*j;

	submit_many(w, 1000);
	fill(w);
	j = submit(w, (struct jobspec){ .priority = 9 });
	assert_true(j->away);
	worker_up(w, 1);
	assert_int_equal(w->seen->wanted[0], j->id);
	read_all(w);
	finish_all(w);
	assert_int_equal(w->seen->started[1], j->id);
}

static void
test_jobs_with_one_order_key_keep_their_order(void **state)
{
	struct world	*w = *state;

	fill(w);
	for (int i = 0; i < 500; i++)
		submit(w, (struct jobspec){ .order_key = i % 2 == 0 ? span("a") : span("b") });
	worker_up(w, 4);
	while (read_all(w) + finish_all(w) > 0)
		continue;
	assert_int_equal(w->seen->started_len, 500);
	for (int i = 2; i < 500; i++)
		for (int k = i - 1; k >= 0; k--)
			assert_true((w->seen->started[i] - w->seen->started[k]) % 2 == 1 ||
			    w->seen->started[i] > w->seen->started[k]);
}

static void
test_restored_jobs_without_their_arguments_run_with_them(void **state)
{
	struct world		*w = *state;
	const struct transition	 submitted = { .at_ms = w->now.real_ms, .state = JOB_ready,
	    .reason = REASON_submitted };

	for (uint64_t id = 1; id <= 100; id++) {
		struct job_saved	s = { .id = id, .type = w->type, .lane = LANE_THREAD,
		    .by = w->by, .state = JOB_ready, .moves = &submitted, .moves_len = 1,
		    .spec = { .queue = span("default"), .lane = -1, .labels = span(LABELS),
		        .durability = DURABILITY_COMMIT, .args = { NULL, ARGS_LEN } } };
		struct job		*j = core_restore(w->c, w->now, &s);

		assert_true(j->away);
		assert_int_equal(job_args_len(j), ARGS_LEN);
		assert_memory_equal(job_labels(j), LABELS, job_labels_len(j));
	}
	worker_up(w, 4);
	while (read_all(w) + finish_all(w) > 0)
		continue;
	assert_int_equal(w->seen->started_len, 100);
}

/* ---- what happens to a job meanwhile ---- */

static void
test_a_job_that_is_read_can_be_cancelled(void **state)
{
	struct world	*w = *state;
	struct job	*j = job_being_read(w);

	assert_int_equal(core_cancel(w->c, w->now, j), 0);
	settle(w);
	assert_int_equal(j->state, JOB_cancelled);
	assert_int_equal(w->seen->last_finished, j->id);
	read_all(w);
	assert_int_equal(w->seen->started_len, 0);
	assert_int_equal(core_retry(w->c, w->now, j), 0);
	settle(w);
	core_stored(w->c, w->now, j);
	settle(w);
	assert_int_equal(w->seen->wanted_len, 1);
	read_all(w);
	assert_int_equal(w->seen->started[0], j->id);
}

static void
test_a_job_that_is_forgotten_is_not_asked_for(void **state)
{
	struct world	*w = *state;
	struct job	*j = job_being_read(w);

	core_cancel(w->c, w->now, j);
	settle(w);
	core_forget(w->c, w->now, j);
	settle(w);
	assert_null(core_find(w->c, w->seen->wanted[0]));
	read_all(w);
}

static void
test_a_job_that_is_read_can_be_held_and_released(void **state)
{
	struct world	*w = *state;
	struct job	*j = job_being_read(w);

	assert_int_equal(core_hold(w->c, w->now, j), 0);
	settle(w);
	assert_int_equal(j->state, JOB_scheduled);
	read_all(w);
	assert_int_equal(w->seen->started_len, 0);
	assert_false(j->away);
	assert_int_equal(core_release(w->c, w->now, j), 0);
	settle(w);
	assert_int_equal(w->seen->started[0], j->id);
}

static void
test_a_job_released_before_it_was_read_is_asked_for_again(void **state)
{
	struct world	*w = *state;
	struct job	*j = job_being_read(w);

	core_hold(w->c, w->now, j);
	core_release(w->c, w->now, j);
	settle(w);
	assert_int_equal(w->seen->wanted_len, 2);
	assert_int_equal(w->seen->wanted[1], j->id);
	read_all(w);
	assert_int_equal(w->seen->started_len, 1);
	finish_all(w);
	assert_int_equal(j->state, JOB_succeeded);
}

static void
test_a_job_that_is_read_can_be_changed(void **state)
{
	struct world	*w = *state;
	struct job	*j = job_being_read(w);
	struct amendment later = { .due_in_ms = 500, .timeout_ms = 12345, .priority_given = true,
	    .priority = 7 };

	assert_int_equal(core_amend(w->c, w->now, j, &later), 0);
	settle(w);
	read_all(w);
	assert_int_equal(j->state, JOB_scheduled);
	pass(w, 500);
	assert_int_equal(w->seen->started[0], j->id);
	assert_int_equal(j->priority, 7);
	assert_int_equal(job_timeout_ms(j), 12345);
}

static void
test_a_job_that_is_read_gets_its_new_priority_at_once(void **state)
{
	struct world	*w = *state;
	struct job	*j = job_being_read(w);
	struct amendment first = { .due_in_ms = -1, .timeout_ms = -1, .priority_given = true,
	    .priority = 7 };

	assert_int_equal(core_amend(w->c, w->now, j, &first), 0);
	settle(w);
	read_all(w);
	assert_int_equal(w->seen->started[0], j->id);
}

static void
test_time_goes_on_for_a_job_that_is_read(void **state)
{
	struct world	*w = *state;
	struct job	*j;

	fill(w);
	j = submit(w, (struct jobspec){ .ttl_ms = 100 });
	worker_up(w, 1);
	assert_true(j->loading);
	pass(w, 100);
	assert_int_equal(j->state, JOB_expired);
	read_all(w);
	assert_int_equal(w->seen->started_len, 0);
}

static void
test_a_queue_with_jobs_that_are_read_is_purged(void **state)
{
	struct world	*w = *state;
	uint64_t	 at = 0, purged = 0;

	fill(w);
	for (int i = 0; i < 3000; i++)
		submit(w, (struct jobspec){ 0 });
	worker_up(w, 1);
	assert_true(w->seen->wanted_len > 0);
	while (core_queue_purge(w->c, w->now, span("default"), w->next_id, &at, &purged))
		settle(w);
	settle(w);
	assert_int_equal(purged, 3000);
	read_all(w);
	assert_int_equal(w->seen->started_len, 0);
	assert_true(core_queue_empty(w->c, span("default")));
}

static void
test_a_job_that_is_read_follows_its_type_to_another_lane(void **state)
{
	struct world	*w = *state;
	struct job	*j = job_being_read(w);
	uint32_t	 lanes[LANES] = { [LANE_PROCESS] = 1 };

	core_type_move(w->c, w->type, LANE_THREAD, LANE_PROCESS);
	pass(w, 1);
	read_all(w);
	assert_int_equal(j->lane, LANE_PROCESS);
	assert_int_equal(w->seen->started_len, 0);
	offer_up(w->c, w->now, 1, lanes, 0);
	settle(w);
	assert_int_equal(w->seen->started[0], j->id);
}

static void
test_a_stopped_group_ends_members_that_are_read(void **state)
{
	struct world	*w = *state;
	struct group	*g;
	struct job	*j;

	assert_int_equal(core_group_create(w->c, w->now, &(struct group_spec){ .name = span("g"),
	    .number = 1 }, &g), 0);
	fill(w);
	j = submit(w, (struct jobspec){ .group = span("g") });
	worker_up(w, 1);
	assert_true(j->loading);
	assert_int_equal(core_group_stop(w->c, g, GROUP_CANCELLED, "enough"), 0);
	pass(w, 1);
	assert_int_equal(j->state, JOB_cancelled);
	read_all(w);
	assert_int_equal(w->seen->started_len, 0);
}

static void
test_a_job_whose_arguments_are_gone_fails_as_lost(void **state)
{
	struct world	*w = *state;
	struct job	*j = job_being_read(w);

	core_load_failed(w->c, w->now, j->id);
	settle(w);
	assert_int_equal(j->state, JOB_failed);
	assert_int_equal(job_outcome(j)->kind, FAILURE_lost);
	assert_string_equal(job_outcome(j)->text, "its arguments are not in the store any more");
}

static void
test_arguments_of_another_length_are_not_taken(void **state)
{
	struct world	*w = *state;
	struct job	*j = job_being_read(w);

	core_loaded(w->c, w->now, j->id, span("[]"));
	settle(w);
	assert_int_equal(j->state, JOB_failed);
	assert_int_equal(job_outcome(j)->kind, FAILURE_lost);
}

static void
test_a_core_with_jobs_being_read_has_not_drained(void **state)
{
	struct world	*w = *state;
	struct job	*j;

	core_queue_pause(w->c, span("default"), true);
	for (int i = 0; i < 1000; i++)
		j = submit(w, (struct jobspec){ 0 });
	for (uint64_t id = 1; id < j->id; id++)
		core_cancel(w->c, w->now, core_find(w->c, id));
	settle(w);
	assert_true(j->away);
	core_queue_pause(w->c, span("default"), false);
	worker_up(w, 1);
	assert_true(j->loading);
	assert_false(core_drained(w->c));
	core_durable_hold(w->c, "the daemon stops");
	assert_true(core_drained(w->c));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
	const struct CMUnitTest	tests[] = {
		TEST(test_arguments_go_away_when_there_is_no_more_room_for_them),
		TEST(test_a_job_that_is_away_and_asks_for_nothing_costs_its_place_only),
		TEST(test_a_job_whose_turn_is_near_keeps_its_arguments),
		TEST(test_memory_jobs_stay),
		TEST(test_all_jobs_run_in_order_with_their_arguments),
		TEST(test_arguments_are_read_before_the_turn_comes),
		TEST(test_no_more_is_read_at_once_than_there_is_room_for),
		TEST(test_others_run_while_a_job_is_read),
		TEST(test_a_job_with_a_higher_priority_that_is_away_comes_first),
		TEST(test_jobs_with_one_order_key_keep_their_order),
		TEST(test_restored_jobs_without_their_arguments_run_with_them),
		TEST(test_a_job_that_is_read_can_be_cancelled),
		TEST(test_a_job_that_is_forgotten_is_not_asked_for),
		TEST(test_a_job_that_is_read_can_be_held_and_released),
		TEST(test_a_job_released_before_it_was_read_is_asked_for_again),
		TEST(test_a_job_that_is_read_can_be_changed),
		TEST(test_a_job_that_is_read_gets_its_new_priority_at_once),
		TEST(test_time_goes_on_for_a_job_that_is_read),
		TEST(test_a_queue_with_jobs_that_are_read_is_purged),
		TEST(test_a_job_that_is_read_follows_its_type_to_another_lane),
		TEST(test_a_stopped_group_ends_members_that_are_read),
		TEST(test_a_job_whose_arguments_are_gone_fails_as_lost),
		TEST(test_arguments_of_another_length_are_not_taken),
		TEST(test_a_core_with_jobs_being_read_has_not_drained),
	};

	return cmocka_run_group_tests_name("arguments on disk", tests, NULL, NULL);
}
