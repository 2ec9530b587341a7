/* core_move.c - a type changes its lane: what becomes of its jobs that wait. */
#include "tests/unit/core_rig.h"
#include "tests/unit/offers.h"

#include <string.h>

#include "daemon/broker/core/core.h"

#define MANY	5000

struct wish {
	struct type	*type;
	const char	*queue, *key, *tenant;
	bool		 asks;		/* for its lane */
	int		 priority;
	int64_t		 delay_ms;
};

static struct job *
submit_as(struct world *w, enum lane lane, struct wish wish)
{
	return world_submit(w, wish.type == NULL ? w->type : wish.type, lane, (struct jobspec){
	    .queue = span(wish.queue), .order_key = span(wish.key), .tenant = span(wish.tenant),
	    .lane = wish.asks ? (int)lane : -1, .priority = wish.priority,
	    .delay_ms = wish.delay_ms });
}
#define submit(w, lane, ...) submit_as(w, lane, (struct wish){ __VA_ARGS__ })

static void
worker_up(struct world *w, enum lane lane, uint32_t slots)
{
	uint32_t	all[LANES] = { 0 };

	all[lane] = slots;
	offer_up(w->c, w->now, 1 + (uint32_t)lane, all, 0);
}

/* The ids that start now, in order: "1 3 2". */
static const char *
started(struct world *w)
{
	static char	text[4096];
	struct effect	e;
	size_t		len = 0;

	text[0] = '\0';
	while (core_next_effect(w->c, w->now, &e)) {
		core_check(w->c);
		assert_int_equal(e.kind, EFFECT_START);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llu",
		    len > 0 ? " " : "", (unsigned long long)e.attempt->job_id);
	}
	return text;
}

static void
test_jobs_in_line_follow_their_type_in_order(void **state)
{
	struct world	*w = *state;

	submit(w, LANE_PROCESS);
	submit(w, LANE_PROCESS, .priority = 5);
	submit(w, LANE_PROCESS, .priority = -1);
	submit(w, LANE_PROCESS);
	submit(w, LANE_PROCESS);
	core_type_move(w->c, w->type, LANE_PROCESS, LANE_THREAD);
	assert_int_equal(core_next_ns(w->c), 0);
	world_pass(w, 0);
	assert_true(core_next_ns(w->c) > w->now.mono_ns);
	worker_up(w, LANE_PROCESS, 10);
	assert_string_equal(started(w), "");
	worker_up(w, LANE_THREAD, 10);
	assert_string_equal(started(w), "2 1 4 5 3");
}

static void
test_a_job_that_asked_for_its_lane_stays_there(void **state)
{
	struct world	*w = *state;

	submit(w, LANE_PROCESS, .asks = true);
	submit(w, LANE_PROCESS);
	submit(w, LANE_PROCESS, .asks = true);
	core_type_move(w->c, w->type, LANE_PROCESS, LANE_THREAD);
	world_pass(w, 0);
	worker_up(w, LANE_PROCESS, 1);
	assert_string_equal(started(w), "1");
	worker_up(w, LANE_THREAD, 10);
	assert_string_equal(started(w), "2");
}

static void
test_other_types_stay_where_they_are(void **state)
{
	struct world	*w = *state;

	submit(w, LANE_PROCESS, .type = world_define(w, "other"));
	submit(w, LANE_PROCESS);
	submit(w, LANE_ASYNC);
	core_type_move(w->c, w->type, LANE_PROCESS, LANE_THREAD);
	world_pass(w, 0);
	worker_up(w, LANE_THREAD, 10);
	assert_string_equal(started(w), "2");
	worker_up(w, LANE_ASYNC, 10);
	assert_string_equal(started(w), "3");
}

static void
test_what_gets_in_line_later_follows_too(void **state)
{
	struct world	*w = *state;
	struct job	*first;

	submit(w, LANE_PROCESS, .delay_ms = 100);
	first = submit(w, LANE_PROCESS, .key = "k", .delay_ms = 50);
	submit(w, LANE_PROCESS, .key = "k");
	core_type_move(w->c, w->type, LANE_PROCESS, LANE_THREAD);
	world_pass(w, 0);
	worker_up(w, LANE_THREAD, 10);
	assert_string_equal(started(w), "");
	world_pass(w, 50);
	assert_string_equal(started(w), "2");
	assert_int_equal(first->lane, LANE_THREAD);
	world_pass(w, 50);
	assert_string_equal(started(w), "1");
}

static void
test_a_type_that_comes_back_takes_its_jobs_along(void **state)
{
	struct world	*w = *state;

	submit(w, LANE_PROCESS);
	core_type_move(w->c, w->type, LANE_PROCESS, LANE_THREAD);
	world_pass(w, 0);
	submit(w, LANE_THREAD);
	core_type_move(w->c, w->type, LANE_THREAD, LANE_ASYNC);
	world_pass(w, 0);
	core_type_move(w->c, w->type, LANE_ASYNC, LANE_PROCESS);
	world_pass(w, 0);
	submit(w, LANE_PROCESS);
	worker_up(w, LANE_ASYNC, 10);
	worker_up(w, LANE_THREAD, 10);
	assert_string_equal(started(w), "");
	worker_up(w, LANE_PROCESS, 10);
	assert_string_equal(started(w), "1");	/* not short: one at a time */
}

/* What waits for a process may be too large to run in the broker. */
static void
test_nothing_is_moved_into_the_inline_lane(void **state)
{
	struct world	*w = *state;

	submit(w, LANE_PROCESS);
	core_type_move(w->c, w->type, LANE_PROCESS, LANE_INLINE);
	world_pass(w, 0);
	assert_string_equal(started(w), "");
	worker_up(w, LANE_PROCESS, 1);
	assert_string_equal(started(w), "1");
}

/* Their seats on the old bench go with their last jobs, while they are being walked over. */
static void
test_tenants_with_one_job_each_are_moved(void **state)
{
	struct world	*w = *state;
	char		 tenant[16];

	for (int i = 0; i < 50; i++) {
		snprintf(tenant, sizeof(tenant), "t%d", i);
		submit(w, LANE_PROCESS, .tenant = tenant);
	}
	core_type_move(w->c, w->type, LANE_PROCESS, LANE_THREAD);
	world_pass(w, 0);
	for (uint64_t id = 1; id <= 50; id++)
		assert_int_equal(core_find(w->c, id)->lane, LANE_THREAD);
}

static void
test_thousands_are_moved_a_bounded_number_at_a_time(void **state)
{
	struct world		*w = *state;
	unsigned		 ticks = 0;
	char			 tenant[16];
	struct core_stats	 stats;

	for (int i = 0; i < MANY; i++) {
		snprintf(tenant, sizeof(tenant), "t%d", i % 700);
		submit(w, LANE_PROCESS, .tenant = tenant, .priority = i % 3,
		    .queue = i % 2 == 0 ? "a" : "b");
	}
	core_type_move(w->c, w->type, LANE_PROCESS, LANE_THREAD);
	for (; core_next_ns(w->c) == 0; ticks++)
		core_tick(w->c, w->now);
	assert_int_equal(ticks, MANY / 1024 + 1);
	core_check(w->c);
	for (uint64_t id = 1; id <= MANY; id++)
		assert_int_equal(core_find(w->c, id)->lane, LANE_THREAD);
	core_stats(w->c, &stats);
	assert_int_equal(stats.states[JOB_ready], MANY);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest	tests[] = {
		TEST(test_jobs_in_line_follow_their_type_in_order),
		TEST(test_a_job_that_asked_for_its_lane_stays_there),
		TEST(test_other_types_stay_where_they_are),
		TEST(test_what_gets_in_line_later_follows_too),
		TEST(test_a_type_that_comes_back_takes_its_jobs_along),
		TEST(test_nothing_is_moved_into_the_inline_lane),
		TEST(test_tenants_with_one_job_each_are_moved),
		TEST(test_thousands_are_moved_a_bounded_number_at_a_time),
	};

	return cmocka_run_group_tests_name("core_move", tests, NULL, NULL);
}
