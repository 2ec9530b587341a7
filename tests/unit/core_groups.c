/* core_groups.c - what the simulation does not reach of groups and changes: many, and the disk. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/core/core.h"
#include "lib/alloc.h"

#define MEMBERS	1000	/* more than one slice of a stop */

struct world {
	struct core		*c;
	struct core_time	 now;
	struct type		*type;
	struct submitter	*by;
	uint64_t		 next_id;
	unsigned		 finished, started, ended;	/* effects so far */
};

static int
set_up(void **state)
{
	static const struct core_config	cfg = { .keep_finished = 10, .keep_finished_ms = 1000,
	    .keep_finished_bytes = 1 << 20, .keep_failed_ms = 1000, .max_waiting = 100000,
	    .max_waiting_bytes = 1 << 30, .grace_ms = 1000 };
	struct world	*w = mem_zalloc(1, sizeof(*w));
	char		 name[] = "echo";
	struct type	 declared = { .name = name };
	const uint32_t	 slots[LANES] = { [LANE_ASYNC] = 10 };

	w->now = (struct core_time){ .mono_ns = 1000, .real_ms = 1700000000000 };
	w->c = core_new(&cfg);
	w->type = core_type_define(w->c, &declared);
	w->by = submitter_new("uid:0", "test", "unix");
	w->next_id = 1;
	core_worker_up(w->c, w->now, 1, slots, 0);
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
	core_explain(w->c, w->now, j, &out);
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
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_a_stop_of_more_members_than_one_slice_ends_them_all),
		T(test_members_wait_for_the_disk_and_others_do_not),
		T(test_changes_are_kept_from_the_first_wish_on_and_no_more_than_wished),
	};

	return cmocka_run_group_tests_name("core_groups", tests, NULL, NULL);
}
