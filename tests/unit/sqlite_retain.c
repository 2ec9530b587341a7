/* sqlite_retain.c - what of history is forgotten by itself, when, and what never is. */
#include "tests/unit/store_rig.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/broker/core/job.h"
#include "lib/alloc.h"
#include "lib/clock.h"

#define NOW	clock_real_ms()
#define DAY_MS	INT64_C(86400000)

static const char ids[] = "SELECT group_concat(id, ' ') FROM (SELECT id FROM history ORDER BY id)";

/* Until the table is so; it is never so by itself later than that. */
static void
wait_for(struct store_rig *r, const char *sql, const char *expected)
{
	const struct timespec	moment = { .tv_nsec = 2000000 };
	char			got[1024] = "";

	for (int64_t end_ns = clock_mono_ns() + 20 * NS_PER_S; clock_mono_ns() < end_ns; ) {
		rig_select(r, sql, got, sizeof(got));
		if (strcmp(got, expected) == 0)
			return;
		nanosleep(&moment, NULL);
	}
	fail_msg("%s: `%s', not `%s'", sql, got, expected);
}

struct ending {
	uint8_t		state;
	int64_t		ago_ms, keep_ms;
	uint64_t	group;
	bool		blocks;
	struct span	text;
};

static void
end_job(struct store_rig *r, uint64_t id, const struct ending *e)
{
	struct store_op	add = rig_add(id), end = rig_end(id, e->state);

	end.end.ended_ms = NOW - e->ago_ms;
	end.end.keep_ms = e->keep_ms;
	end.end.group = e->group;
	end.end.index = id;
	end.end.blocks = e->blocks;
	if (e->text.len > 0)
		end.end.text = e->text;
	assert_int_equal(rig_do(r, &add), STORE_OK);
	assert_int_equal(rig_do(r, &end), STORE_OK);
}

static void
end_many(struct store_rig *r, uint64_t first, uint64_t last, uint8_t state)
{
	for (uint64_t id = first; id <= last; id++)
		end_job(r, id, &(struct ending){ .state = state });
}

/* What is counted is what there is. */
static void
assert_totals(struct store_rig *r)
{
#define BYTES	"ifnull(sum(ifnull(length(spec),0)+ifnull(length(past),0)+ifnull(length(args),0)+" \
		"ifnull(length(labels),0)+ifnull(length(text),0)+ifnull(length(failure),0)),0)"
	rig_assert_select(r, "SELECT ifnull((SELECT value FROM meta WHERE name='kept'),0) ="
	    " (SELECT count(*) FROM history WHERE state <> 4)", "1");
	rig_assert_select(r, "SELECT ifnull((SELECT value FROM meta WHERE name='failed'),0) ="
	    " (SELECT count(*) FROM history WHERE state = 4)", "1");
	rig_assert_select(r, "SELECT ifnull((SELECT value FROM meta WHERE name='kept_bytes'),0) ="
	    " (SELECT " BYTES " FROM history WHERE state <> 4)", "1");
	rig_assert_select(r, "SELECT ifnull((SELECT value FROM meta WHERE name='failed_bytes'),0) ="
	    " (SELECT " BYTES " FROM history WHERE state = 4)", "1");
}

static void
reopen_with(struct store_rig *r, const struct store_config *cfg)
{
	r->cfg.keep_ms = cfg->keep_ms;
	r->cfg.keep_failed_ms = cfg->keep_failed_ms;
	r->cfg.keep_jobs = cfg->keep_jobs;
	r->cfg.keep_bytes = cfg->keep_bytes;
	r->cfg.keep_failed_jobs = cfg->keep_failed_jobs;
	r->cfg.keep_failed_bytes = cfg->keep_failed_bytes;
	rig_reopen(r);
}

/* ---- age ---- */

static void
test_jobs_that_failed_are_kept_longer(void **state)
{
	struct store_rig	*r = *state;

	end_job(r, 1, &(struct ending){ .state = JOB_succeeded, .ago_ms = 2 * DAY_MS });
	end_job(r, 2, &(struct ending){ .state = JOB_failed, .ago_ms = 2 * DAY_MS });
	end_job(r, 3, &(struct ending){ .state = JOB_succeeded, .ago_ms = DAY_MS / 2 });
	end_job(r, 4, &(struct ending){ .state = JOB_failed, .ago_ms = 31 * DAY_MS });
	end_job(r, 5, &(struct ending){ .state = JOB_cancelled, .ago_ms = 2 * DAY_MS });
	reopen_with(r, &(struct store_config){ .keep_ms = DAY_MS, .keep_failed_ms = 30 * DAY_MS });
	wait_for(r, ids, "2 3");
	assert_totals(r);
}

static void
test_a_job_says_itself_how_long_it_is_kept(void **state)
{
	struct store_rig	*r = *state;

	reopen_with(r, &(struct store_config){ .keep_ms = DAY_MS, .keep_failed_ms = DAY_MS });
	end_job(r, 1, &(struct ending){ .state = JOB_succeeded, .ago_ms = 2 * DAY_MS,
	    .keep_ms = 3 * DAY_MS });
	end_job(r, 2, &(struct ending){ .state = JOB_succeeded, .keep_ms = 50 });
	end_job(r, 3, &(struct ending){ .state = JOB_failed, .keep_ms = 1 });
	end_job(r, 4, &(struct ending){ .state = JOB_succeeded });
	wait_for(r, ids, "1 4");
	assert_totals(r);
}

static void
test_one_that_is_kept_shorter_does_not_wait_for_the_next_sweep(void **state)
{
	struct store_rig	*r = *state;
	int64_t			 before_ns;

	reopen_with(r, &(struct store_config){ .keep_ms = DAY_MS });
	end_job(r, 1, &(struct ending){ .state = JOB_succeeded });
	before_ns = clock_mono_ns();
	end_job(r, 2, &(struct ending){ .state = JOB_succeeded, .keep_ms = 200 });
	wait_for(r, ids, "1");
	assert_true(clock_mono_ns() - before_ns < 15 * NS_PER_S);
}

/* ---- number and bytes ---- */

static void
test_the_newest_so_many_are_kept_of_each_kind(void **state)
{
	struct store_rig	*r = *state;

	reopen_with(r, &(struct store_config){ .keep_jobs = 3, .keep_failed_jobs = 2 });
	end_many(r, 1, 4, JOB_failed);
	end_many(r, 5, 40, JOB_succeeded);
	wait_for(r, ids, "3 4 38 39 40");
	end_many(r, 41, 42, JOB_failed);
	wait_for(r, ids, "38 39 40 41 42");
	assert_totals(r);
}

static void
test_what_there_is_too_much_of_at_a_start_goes(void **state)
{
	struct store_rig	*r = *state;

	end_many(r, 1, 600, JOB_succeeded);
	reopen_with(r, &(struct store_config){ .keep_jobs = 5 });
	wait_for(r, ids, "596 597 598 599 600");
	assert_totals(r);
}

static void
test_long_results_are_counted_in_bytes(void **state)
{
	struct store_rig	*r = *state;
	char			*text = mem_alloc(100000);
	struct span		 long_text = { text, 100000 };

	memset(text, '7', 100000);
	reopen_with(r, &(struct store_config){ .keep_bytes = 250000, .keep_failed_bytes = 1000 });
	for (uint64_t id = 1; id <= 6; id++)
		end_job(r, id, &(struct ending){ .state = JOB_succeeded, .text = long_text });
	end_job(r, 7, &(struct ending){ .state = JOB_failed, .text = long_text });
	end_job(r, 8, &(struct ending){ .state = JOB_failed });
	wait_for(r, ids, "5 6 8");
	assert_totals(r);
	free(text);
}

/* ---- what never goes ---- */

static void
test_members_of_a_group_stay_until_it_is_dropped(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 drop = { .verb = STORE_DROP, .id = 77 };

	reopen_with(r, &(struct store_config){ .keep_jobs = 1, .keep_ms = DAY_MS });
	end_job(r, 1, &(struct ending){ .state = JOB_succeeded, .group = 77,
	    .ago_ms = 9 * DAY_MS });
	end_job(r, 2, &(struct ending){ .state = JOB_succeeded, .group = 77 });
	end_job(r, 3, &(struct ending){ .state = JOB_succeeded, .group = 78 });
	end_job(r, 4, &(struct ending){ .state = JOB_succeeded, .ago_ms = 2 * DAY_MS });
	wait_for(r, ids, "1 2 3");
	assert_int_equal(rig_do(r, &drop), STORE_OK);
	rig_reopen(r);
	wait_for(r, ids, "3");
	wait_for(r, "SELECT count(*) FROM dropped", "0");
	assert_totals(r);
}

static void
test_one_that_holds_up_others_stays_until_it_does_not(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 change = { .verb = STORE_CHANGE, .id = 1, .past = SPAN("{}") };

	reopen_with(r, &(struct store_config){ .keep_failed_ms = DAY_MS });
	end_job(r, 1, &(struct ending){ .state = JOB_failed, .ago_ms = 2 * DAY_MS,
	    .blocks = true });
	end_job(r, 2, &(struct ending){ .state = JOB_failed, .ago_ms = 2 * DAY_MS });
	wait_for(r, ids, "1");
	assert_int_equal(rig_do(r, &change), STORE_OK);
	rig_reopen(r);
	wait_for(r, ids, "");
	assert_totals(r);
}

static void
test_a_key_is_free_when_its_time_is_over(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 add = rig_add(1);

	add.unique_key = SPAN("k");
	add.unique_until_ms = NOW + 1;
	assert_int_equal(rig_do(r, &add), STORE_OK);
	rig_reopen(r);
	wait_for(r, "SELECT count(*) FROM uniq", "0");
}

/* ---- while it runs ---- */

static void
test_what_is_kept_can_be_changed_while_it_runs(void **state)
{
	struct store_rig	*r = *state;
	struct store_config	 cfg = { .keep_jobs = 4 };

	reopen_with(r, &(struct store_config){ .keep_jobs = 100, .keep_failed_jobs = 100 });
	for (uint64_t id = 1; id <= 10; id++)
		end_job(r, id, &(struct ending){ .state = JOB_succeeded });
	end_job(r, 11, &(struct ending){ .state = JOB_failed, .ago_ms = 5 * DAY_MS });
	rig_assert_select(r, "SELECT count(*) FROM history", "11");
	store_set_keep(r->s, &cfg);
	wait_for(r, "SELECT count(*) || ' from ' || min(id) FROM history WHERE state <> 4",
	    "4 from 7");
	rig_assert_select(r, "SELECT count(*) FROM history WHERE state = 4", "1");
	cfg.keep_failed_ms = DAY_MS;
	store_set_keep(r->s, &cfg);
	wait_for(r, "SELECT count(*) FROM history WHERE state = 4", "0");
	assert_totals(r);
}

/* ---- and submits go on ---- */

#define FLIGHT	100
#define ROUNDS	100

static void
test_forgetting_keeps_up_with_what_ends(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 ops[2 * FLIGHT];
	char			 got[64];

	reopen_with(r, &(struct store_config){ .keep_jobs = 500 });
	for (uint64_t round = 0; round < ROUNDS; round++) {
		for (uint64_t i = 0; i < FLIGHT; i++) {
			ops[i] = rig_add(round * FLIGHT + i + 1);
			ops[FLIGHT + i] = rig_end(round * FLIGHT + i + 1, JOB_succeeded);
		}
		for (int i = 0; i < 2 * FLIGHT; i++)
			store_put(r->s, &ops[i]);
		store_publish(r->s);
		for (int i = 0; i < 2 * FLIGHT; i++)
			assert_int_equal(rig_next_done(r)->result, STORE_OK);
	}
	rig_select(r, "SELECT count(*) FROM history", got, sizeof(got));
	assert_in_range(atoi(got), 500, 1000);
	wait_for(r, "SELECT count(*) FROM history", "500");
	assert_totals(r);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
#define T(name)	cmocka_unit_test_setup_teardown(name, store_rig_set_up, store_rig_tear_down)
		T(test_jobs_that_failed_are_kept_longer),
		T(test_a_job_says_itself_how_long_it_is_kept),
		T(test_one_that_is_kept_shorter_does_not_wait_for_the_next_sweep),
		T(test_the_newest_so_many_are_kept_of_each_kind),
		T(test_what_there_is_too_much_of_at_a_start_goes),
		T(test_long_results_are_counted_in_bytes),
		T(test_members_of_a_group_stay_until_it_is_dropped),
		T(test_one_that_holds_up_others_stays_until_it_does_not),
		T(test_a_key_is_free_when_its_time_is_over),
		T(test_what_is_kept_can_be_changed_while_it_runs),
		T(test_forgetting_keeps_up_with_what_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
