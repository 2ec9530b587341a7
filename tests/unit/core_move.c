/* core_move.c - a type changes its lane: what becomes of its jobs that wait. */
#include "tests/unit/offers.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/core/core.h"
#include "lib/alloc.h"

#define MS	INT64_C(1000000)
#define MANY	5000

/* A core without workers, so that what is ready stays in line, and its clock. */
struct world {
	struct core		*c;
	struct core_time	 now;
	struct submitter	*by;
	struct type		*type, *other;
	uint64_t		 next_id;
};

static int
set_up(void **state)
{
	struct core_config	 cfg = {
		.keep_finished_ms = 60000, .keep_finished = 100, .keep_finished_bytes = 1 << 20,
		.keep_failed_ms = 600000, .max_waiting = 200000, .max_waiting_bytes = 1 << 28,
		.grace_ms = 1000, .fence_base = UINT64_C(7) << 32,
	};
	struct type		 declared = { .name = (char *)(size_t)"work" };
	struct type		 another = { .name = (char *)(size_t)"other" };
	struct world		*w = mem_zalloc(1, sizeof(*w));

	w->c = core_new(&cfg);
	w->now = (struct core_time){ .mono_ns = 1000 * MS, .real_ms = 1700000000000 };
	w->by = submitter_new("uid:1", "", "unix");
	w->type = core_type_define(w->c, &declared);
	w->other = core_type_define(w->c, &another);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world	*w = *state;

	core_check(w->c);
	core_free(w->c);
	submitter_unref(w->by);
	free(w);
	return 0;
}

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
	const char	*queue = wish.queue == NULL ? "default" : wish.queue;
	const char	*key = wish.key == NULL ? "" : wish.key;
	const char	*tenant = wish.tenant == NULL ? "" : wish.tenant;
	struct jobspec	 spec = {
		.queue = { queue, strlen(queue) }, .order_key = { key, strlen(key) },
		.tenant = { tenant, strlen(tenant) }, .args = { "null", 4 },
		.lane = wish.asks ? (int)lane : -1, .priority = wish.priority, .delay_ms = wish.delay_ms,
	};
	struct job	*j;

	assert_int_equal(core_submit(w->c, w->now, ++w->next_id, &spec,
	    wish.type == NULL ? w->type : wish.type, lane, w->by, &j), 0);
	return j;
}
#define submit(w, lane, ...) submit_as(w, lane, (struct wish){ __VA_ARGS__ })

static void
pass(struct world *w, int64_t ms)
{
	w->now.mono_ns += ms * MS;
	w->now.real_ms += ms;
	core_tick(w->c, w->now);
	core_check(w->c);
}

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
	pass(w, 0);
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
	pass(w, 0);
	worker_up(w, LANE_PROCESS, 1);
	assert_string_equal(started(w), "1");
	worker_up(w, LANE_THREAD, 10);
	assert_string_equal(started(w), "2");
}

static void
test_other_types_stay_where_they_are(void **state)
{
	struct world	*w = *state;

	submit(w, LANE_PROCESS, .type = w->other);
	submit(w, LANE_PROCESS);
	submit(w, LANE_ASYNC);
	core_type_move(w->c, w->type, LANE_PROCESS, LANE_THREAD);
	pass(w, 0);
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
	pass(w, 0);
	worker_up(w, LANE_THREAD, 10);
	assert_string_equal(started(w), "");
	pass(w, 50);
	assert_string_equal(started(w), "2");
	assert_int_equal(first->lane, LANE_THREAD);
	pass(w, 50);
	assert_string_equal(started(w), "1");
}

static void
test_a_type_that_comes_back_takes_its_jobs_along(void **state)
{
	struct world	*w = *state;

	submit(w, LANE_PROCESS);
	core_type_move(w->c, w->type, LANE_PROCESS, LANE_THREAD);
	pass(w, 0);
	submit(w, LANE_THREAD);
	core_type_move(w->c, w->type, LANE_THREAD, LANE_ASYNC);
	pass(w, 0);
	core_type_move(w->c, w->type, LANE_ASYNC, LANE_PROCESS);
	pass(w, 0);
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
	pass(w, 0);
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
	pass(w, 0);
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
