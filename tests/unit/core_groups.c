/* core_groups.c - what the simulation does not reach of groups and changes: many, and the disk. */
#include "tests/unit/offers.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/core/core_internal.h"
#include "lib/alloc.h"

#define MEMBERS	1000	/* more than one slice of a stop */

struct world {
	struct core		*c;
	struct core_time	 now;
	struct type		*type;
	struct submitter	*by;
	uint64_t		 next_id;
	unsigned		 finished, started, ended, forgotten;	/* effects so far */
	struct group		*reduce;	/* of the last EFFECT_GROUP_REDUCE */
};

static int
set_up(void **state)
{
	static const struct core_config	cfg = { .keep_finished = 10, .keep_finished_ms = 1000,
	    .keep_finished_bytes = 1 << 20, .keep_failed_ms = 1000, .keep_groups_ms = 5000,
	    .max_waiting = 100000, .max_waiting_bytes = 1 << 30, .grace_ms = 1000 };
	struct world	*w = mem_zalloc(1, sizeof(*w));
	char		 name[] = "echo";
	struct type	 declared = { .name = name };
	const uint32_t	 slots[LANES] = { [LANE_ASYNC] = 10 };

	w->now = (struct core_time){ .mono_ns = 1000, .real_ms = 1700000000000 };
	w->c = core_new(&cfg);
	w->type = core_type_define(w->c, &declared);
	w->by = submitter_new("uid:0", "test", "unix");
	w->next_id = 1;
	offer_up(w->c, w->now, 1, slots, 0);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world	*w = *state;

	core_free(w->c);
	submitter_unref(w->by);
	free(w);
	return 0;
}

static struct group *
make(struct world *w)
{
	struct group_spec	 spec = { .number = w->next_id++, .max_fails = -1 };
	struct group		*g;

	assert_int_equal(core_group_create(w->c, w->now, &spec, &g), 0);
	return g;
}

static struct job *
submit(struct world *w, const struct group *g)
{
	struct jobspec	 spec = { .queue = { "q", 1 }, .args = { "1", 1 }, .lane = -1 };
	struct job	*j;

	if (g != NULL)
		spec.group = (struct span){ g->name, strlen(g->name) };
	assert_int_equal(core_submit(w->c, w->now, w->next_id++, &spec, w->type, LANE_ASYNC, w->by,
	    &j), 0);
	return j;
}

static void
settle(struct world *w)
{
	struct effect	e;

	while (core_next_effect(w->c, w->now, &e)) {
		w->finished += e.kind == EFFECT_FINISHED;
		w->started += e.kind == EFFECT_START;
		w->ended += e.kind == EFFECT_GROUP_FINISHED;
		w->forgotten += e.kind == EFFECT_GROUP_FORGOTTEN;
		if (e.kind == EFFECT_GROUP_REDUCE)
			w->reduce = e.group;
		core_check(w->c);
	}
}

static void
test_a_stop_of_more_members_than_one_slice_ends_them_all(void **state)
{
	struct world	*w = *state;
	struct group	*g = make(w);

	for (int i = 0; i < MEMBERS; i++)
		submit(w, g);
	settle(w);
	assert_int_equal(w->started, 10);
	assert_int_equal(core_group_stop(w->c, g, GROUP_CANCELLED, "enough"), 0);
	settle(w);
	assert_int_equal(w->finished, MEMBERS - 10);
	assert_int_equal(w->ended, 0);			/* ten were told, and run */
	assert_int_equal(w->started, 10);
	w->now.mono_ns += INT64_C(2000000000);		/* their grace is over */
	core_tick(w->c, w->now);
	settle(w);
	assert_int_equal(w->finished, MEMBERS);
	assert_int_equal(w->ended, 1);
	assert_int_equal(g->states[JOB_cancelled], MEMBERS);
}

static void
test_members_wait_for_the_disk_and_others_do_not(void **state)
{
	struct world	*w = *state;
	struct group	*g = make(w), *later;
	struct buf	 out = { 0 };
	struct job	*j;

	core_groups_hold(w->c, true);
	j = submit(w, g);
	later = make(w);
	submit(w, later);
	submit(w, NULL);
	settle(w);
	assert_int_equal(w->started, 1);
	core_explain(w->c, w->now, j, NULL, &out);
	buf_putc(&out, '\0');
	assert_non_null(strstr(buf_data(&out), "\"kind\":\"group_disk\",\"group\":\"1\""));
	buf_free(&out);
	core_groups_hold(w->c, false);
	settle(w);
	assert_int_equal(w->started, 3);
}

static void
test_changes_are_kept_from_the_first_wish_on_and_no_more_than_wished(void **state)
{
	struct world	*w = *state;
	struct job	*j = submit(w, NULL);

	settle(w);
	assert_int_equal(core_changes_next(w->c), 0);
	core_changes_keep(w->c, 16);
	assert_null(core_change(w->c, 0));
	core_cancel(w->c, w->now, j);
	for (int i = 0; i < 20; i++)
		j = submit(w, NULL);
	assert_int_equal(core_changes_next(w->c), 20);
	assert_int_equal(core_changes_first(w->c), 4);
	assert_null(core_change(w->c, 3));
	assert_null(core_change(w->c, 20));
	assert_int_equal(core_change(w->c, 19)->id, j->id);
	assert_int_equal(core_change(w->c, 19)->how.state, JOB_ready);
	core_changes_keep(w->c, 1000);			/* once is enough */
	assert_int_equal(core_changes_first(w->c), 4);
	core_changes_resize(w->c, 5);
	assert_int_equal(core_changes_first(w->c), 15);
	assert_null(core_change(w->c, 14));
	assert_int_equal(core_change(w->c, 19)->id, j->id);
	core_changes_resize(w->c, 7);			/* those that were dropped do not come back */
	assert_int_equal(core_changes_first(w->c), 15);
	assert_int_equal(core_change(w->c, 19)->id, j->id);
	for (int i = 0; i < 3; i++)
		j = submit(w, NULL);
	assert_int_equal(core_changes_first(w->c), 16);
	assert_int_equal(core_change(w->c, 22)->id, j->id);
}

/* ---- groups that come back ---- */

#define NUMBER	7

/* Closed, durable, with a reduce job, and as it was when nothing else had happened. */
static struct group_saved
saved(void)
{
	return (struct group_saved){
		.spec = { .name = { "crowd", 5 }, .number = NUMBER, .max_running = 2,
		    .max_fails = 1, .reduces = true, .durable = true },
		.state = GROUP_CLOSED, .created_ms = 1699999999000,
	};
}

static struct group *
restore(struct world *w, const struct group_saved *s)
{
	struct group	*g;

	w->next_id = NUMBER + 1;
	assert_int_equal(core_group_restore(w->c, w->now, s, &g), 0);
	return g;
}

static struct job *
rejoin(struct world *w, struct group *g, uint64_t index)
{
	struct job	*j = submit(w, NULL);

	group_rejoin(g, j, index, true);
	group_count(j, (enum job_state)j->state, 1);
	return j;
}

static void
test_a_group_comes_back_as_it_was_written_down(void **state)
{
	struct world		*w = *state;
	struct group_saved	 was = saved(), is;
	struct group		*g, *other;

	was.stopped = GROUP_CANCELLED;
	was.why = (struct span){ "enough", 6 };
	was.reduce_id = 99;
	g = restore(w, &was);
	is = core_group_save(g);
	assert_memory_equal(is.spec.name.p, "crowd", is.spec.name.len);
	assert_memory_equal(is.why.p, "enough", is.why.len);
	assert_int_equal(is.spec.number, NUMBER);
	assert_int_equal(is.spec.max_running, 2);
	assert_int_equal(is.spec.max_fails, 1);
	assert_true(is.spec.reduces && is.spec.durable);
	assert_int_equal(is.state, GROUP_CLOSED);
	assert_int_equal(is.stopped, GROUP_CANCELLED);
	assert_int_equal(is.reduce_id, 99);
	assert_int_equal(is.created_ms, was.created_ms);
	assert_ptr_equal(core_group_find(w->c, "crowd", 5), g);
	assert_ptr_equal(core_group_numbered(w->c, NUMBER), g);
	assert_int_equal(core_group_restore(w->c, w->now, &was, &other), -EEXIST);
	was.spec.number++;
	assert_int_equal(core_group_restore(w->c, w->now, &was, &other), -EEXIST);
}

static void
test_groups_that_come_back_in_any_order_are_listed_newest_first(void **state)
{
	static const uint64_t	 numbers[] = { 5, 9, 2, 7 }, order[] = { 9, 7, 5, 2 };
	struct world		*w = *state;
	struct group_saved	 s = saved();
	struct group		*g = NULL;

	s.spec.name.len = 0;
	for (int i = 0; i < 4; i++) {
		s.spec.number = numbers[i];
		restore(w, &s);
	}
	for (int i = 0; i < 4; i++) {
		g = core_group_next(w->c, g);
		assert_int_equal(g->number, order[i]);
	}
	assert_null(core_group_next(w->c, g));
}

static void
test_a_group_of_which_all_have_ended_asks_for_its_reduce_job_again(void **state)
{
	struct world		*w = *state;
	struct group_saved	 s = saved();
	struct group		*g;
	struct job		*j;

	s.state = GROUP_REDUCING;
	g = restore(w, &s);
	core_group_restore_ended(g, JOB_succeeded, 3);
	core_group_restore_ended(g, JOB_failed, 1);
	core_groups_restored(w->c);
	settle(w);
	assert_ptr_equal(w->reduce, g);
	assert_int_equal(g->count, 4);
	assert_int_equal(g->state, GROUP_REDUCING);
	assert_int_equal(core_groups_reducing(w->c), 1);
	j = submit(w, NULL);
	core_group_reduce(w->c, w->now, g, j, NULL);
	core_cancel(w->c, w->now, j);
	settle(w);
	assert_int_equal(g->state, GROUP_FAILED);
	assert_int_equal(core_groups_reducing(w->c), 0);
}

static void
test_members_that_have_not_ended_are_waited_for_after_a_crash(void **state)
{
	struct world		*w = *state;
	struct group_saved	 s = saved();
	struct group		*g = restore(w, &s);
	struct job		*j;

	core_group_restore_ended(g, JOB_succeeded, 2);
	j = rejoin(w, g, 2);
	core_groups_restored(w->c);
	assert_int_equal(g->count, 3);
	settle(w);
	assert_null(w->reduce);
	core_cancel(w->c, w->now, j);
	w->now.mono_ns += INT64_C(2000000000);
	core_tick(w->c, w->now);
	settle(w);
	assert_ptr_equal(w->reduce, g);
	assert_int_equal(g->states[JOB_cancelled], 1);
}

static void
test_a_group_that_bore_too_many_failures_stops_after_a_crash_too(void **state)
{
	struct world		*w = *state;
	struct group_saved	 s = saved();
	struct group		*g = restore(w, &s);

	core_group_restore_ended(g, JOB_failed, 1);
	core_group_restore_ended(g, JOB_expired, 1);
	rejoin(w, g, 2);
	core_groups_restored(w->c);
	settle(w);
	assert_int_equal(g->stopped, GROUP_FAILED);
	assert_string_equal(g->why, "2 members failed, and max_fails is 1");
	assert_int_equal(w->started, 0);
	assert_null(w->reduce);
}

static void
test_a_reduce_job_that_is_live_is_the_groups(void **state)
{
	struct world		*w = *state;
	struct group_saved	 s = saved();
	struct group		*g = restore(w, &s);
	struct job		*j = submit(w, NULL);

	core_group_restore_ended(g, JOB_succeeded, 2);
	group_rejoin_reduce(w->c, g, j, true);
	core_groups_restored(w->c);
	settle(w);
	assert_ptr_equal(w->reduce, g);			/* what it reads is to be written again */
	assert_int_equal(g->state, GROUP_REDUCING);
	assert_ptr_equal(g->reduce, j);
	assert_int_equal(g->reduce_id, j->id);
	core_group_stop(w->c, g, GROUP_CANCELLED, "enough");
	settle(w);
	assert_true(j->cancel_asked);
}

static void
test_a_restored_reduce_job_does_not_run_before_its_file_is_there_again(void **state)
{
	static const struct transition	 moves[] = { { 1, JOB_ready, REASON_submitted } };
	struct world			*w = *state;
	struct group_saved		 was = saved();
	struct group			*g = restore(w, &was);
	struct job_saved		 s = { .id = w->next_id++, .type = w->type, .by = w->by,
	    .lane = LANE_ASYNC, .group = g, .reduces = true, .state = JOB_ready, .moves = moves,
	    .moves_len = 1, .spec = { .queue = { "q", 1 }, .args = { "1", 1 }, .lane = -1,
	    .durability = DURABILITY_COMMIT } };

	core_restore(w->c, w->now, &s);
	core_groups_restored(w->c);
	settle(w);
	assert_ptr_equal(w->reduce, g);
	assert_int_equal(w->started, 0);
	core_group_reduce_ready(w->c, g);
	settle(w);
	assert_int_equal(w->started, 1);
	core_group_reduce_ready(w->c, g);		/* twice is once */
	settle(w);
	assert_int_equal(w->started, 1);
}

static void
test_a_reduce_job_that_has_ended_is_asked_for_by_its_id(void **state)
{
	struct world		*w = *state;
	struct group_saved	 s = saved();
	struct group		*g;

	s.reduce_id = 42;
	g = restore(w, &s);
	core_group_restore_ended(g, JOB_succeeded, 2);
	core_groups_restored(w->c);
	settle(w);
	assert_ptr_equal(w->reduce, g);
	assert_int_equal(w->reduce->reduce_id, 42);
	core_group_reduced(w->c, w->now, g, JOB_succeeded);
	settle(w);
	assert_int_equal(g->state, GROUP_SUCCEEDED);
	assert_int_equal(w->ended, 1);
}

static void
test_a_finished_group_is_kept_for_what_is_left_of_its_time(void **state)
{
	struct world		*w = *state;
	struct group_saved	 s = saved();

	s.state = GROUP_SUCCEEDED;
	s.finished_ms = w->now.real_ms - 4000;
	restore(w, &s);
	s.spec.number++;
	s.spec.name = (struct span){ "later", 5 };
	s.finished_ms = w->now.real_ms + 60000;		/* the clock went back */
	restore(w, &s);
	core_groups_restored(w->c);
	settle(w);
	assert_int_equal(w->forgotten, 0);
	w->now.mono_ns += INT64_C(1001000000);
	settle(w);
	assert_int_equal(w->forgotten, 1);
	assert_null(core_group_numbered(w->c, NUMBER));
	w->now.mono_ns += INT64_C(4000000000);
	settle(w);
	assert_int_equal(w->forgotten, 2);
}

static void
test_a_retried_member_of_history_does_not_count_twice(void **state)
{
	struct world		*w = *state;
	struct group_saved	 s = saved();
	struct group		*g = restore(w, &s);
	struct job		*j = submit(w, NULL);

	core_group_restore_ended(g, JOB_succeeded, 1);
	core_group_restore_ended(g, JOB_failed, 1);
	group_rejoin(g, j, 1, false);
	core_groups_restored(w->c);
	core_cancel(w->c, w->now, j);
	settle(w);
	assert_int_equal(g->count, 2);
	assert_int_equal(g->states[JOB_cancelled], 0);
	assert_ptr_equal(w->reduce, g);
}

/* ---- what cannot be written down ---- */

static void
test_members_that_could_not_be_stored_leave_no_hole(void **state)
{
	struct world	*w = *state;
	struct group	*g = make(w);
	struct job	*j[6];

	core_groups_hold(w->c, true);
	for (int i = 0; i < 5; i++)
		j[i] = submit(w, g);
	group_unjoin(w->c, w->now, j[2]);
	assert_int_equal(g->count, 2);
	assert_int_equal(g->states[JOB_ready], 2);
	j[5] = submit(w, g);				/* before the others were heard of */
	assert_int_equal(core_membership(j[5])->index, 2);
	group_unjoin(w->c, w->now, j[3]);
	group_unjoin(w->c, w->now, j[4]);
	assert_int_equal(g->count, 3);
	assert_int_equal(g->states[JOB_ready], 3);
	core_group_close(w->c, g);
	core_groups_hold(w->c, false);
	settle(w);
	assert_int_equal(w->started, 6);		/* nobody took them from the line */
}

static void
test_a_reduce_job_that_could_not_be_stored_fails_its_group(void **state)
{
	struct world		*w = *state;
	struct group_saved	 s = saved();
	struct group		*g = restore(w, &s);
	struct job		*j = submit(w, NULL);

	core_groups_restored(w->c);
	core_groups_hold(w->c, true);
	settle(w);
	assert_ptr_equal(w->reduce, g);
	core_group_reduce(w->c, w->now, g, j, NULL);
	group_unjoin(w->c, w->now, j);
	settle(w);
	assert_int_equal(g->state, GROUP_FAILED);
	assert_null(g->reduce);
	assert_int_equal(w->ended, 1);
}

static void
test_a_group_that_could_not_be_stored_gives_its_name_back(void **state)
{
	struct world		*w = *state;
	struct group_spec	 spec = { .name = { "once", 4 }, .number = 1, .max_fails = -1,
				     .durable = true };
	struct group		*g, *again;
	struct job		*j;

	w->next_id = 2;
	assert_int_equal(core_group_create(w->c, w->now, &spec, &g), 0);
	j = submit(w, g);
	core_group_withdraw(w->c, g, "the disk is full");
	assert_null(core_group_find(w->c, "once", 4));
	spec.number = w->next_id++;
	assert_int_equal(core_group_create(w->c, w->now, &spec, &again), 0);
	settle(w);
	assert_int_equal(w->finished, 1);
	assert_int_equal(w->forgotten, 1);
	assert_int_equal(core_membership(j)->group->state, GROUP_FAILED);
	assert_ptr_equal(core_group_find(w->c, "once", 4), again);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_a_stop_of_more_members_than_one_slice_ends_them_all),
		T(test_members_wait_for_the_disk_and_others_do_not),
		T(test_changes_are_kept_from_the_first_wish_on_and_no_more_than_wished),
		T(test_a_group_comes_back_as_it_was_written_down),
		T(test_groups_that_come_back_in_any_order_are_listed_newest_first),
		T(test_a_group_of_which_all_have_ended_asks_for_its_reduce_job_again),
		T(test_members_that_have_not_ended_are_waited_for_after_a_crash),
		T(test_a_group_that_bore_too_many_failures_stops_after_a_crash_too),
		T(test_a_reduce_job_that_is_live_is_the_groups),
		T(test_a_restored_reduce_job_does_not_run_before_its_file_is_there_again),
		T(test_a_reduce_job_that_has_ended_is_asked_for_by_its_id),
		T(test_a_finished_group_is_kept_for_what_is_left_of_its_time),
		T(test_a_retried_member_of_history_does_not_count_twice),
		T(test_members_that_could_not_be_stored_leave_no_hole),
		T(test_a_reduce_job_that_could_not_be_stored_fails_its_group),
		T(test_a_group_that_could_not_be_stored_gives_its_name_back),
	};

	return cmocka_run_group_tests_name("core_groups", tests, NULL, NULL);
}
