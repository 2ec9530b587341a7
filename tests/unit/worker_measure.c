/* worker_measure.c - what workers say of how attempts spend their time; the test is the broker. */
#include "tests/unit/worker_rig.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "workers/measure.h"

#define MS	NS_PER_MS

/* ---- the rule ---- */

static void
test_the_share_is_of_the_time_without_the_run_queue(void **state)
{
	static const struct {
		const char		*what;
		struct measure		 spent;		/* in ms */
		struct channel_usage	 usage;
	} rows[] = {
		{ "computes", { 10, 10, 0 }, { true, true, 1000, 0 } },
		{ "waits", { 10, 0, 0 }, { true, true, 0, 0 } },
		{ "half and half", { 10, 5, 0 }, { true, true, 500, 0 } },
		{ "computes on a machine loaded sixfold", { 60, 10, 50 }, { true, true, 1000, 0 } },
		{ "waits on a loaded machine", { 60, 1, 19 }, { true, true, 24, 0 } },
		{ "the kernel does not say", { 60, 10, -1 }, { true, false, 166, 0 } },
		{ "clocks that disagree", { 10, 11, 0 }, { true, true, 1000, 0 } },
		{ "more queued than there was", { 10, 5, 30 }, { true, true, 1000, 0 } },
		{ "a cpu clock that went back", { 10, -1, 0 }, { true, true, 0, 0 } },
		{ "no time at all", { 0, 0, 0 }, { false, false, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct measure		m = rows[i].spent;
		struct channel_usage	u = { 0 };

		m.wall_ns *= MS;
		m.cpu_ns *= MS;
		m.queued_ns *= m.queued_ns < 0 ? 1 : MS;
		measure_usage(&m, &u);
		if (u.measured != rows[i].usage.measured ||
		    u.queue_known != rows[i].usage.queue_known ||
		    u.cpu_permille != rows[i].usage.cpu_permille || u.stall_ms != 0)
			fail_msg("%s: %u", rows[i].what, u.cpu_permille);
	}
}

static void
test_a_difference_knows_the_queue_when_both_ends_do(void **state)
{
	struct measure	a = { 100, 10, 5 }, b = { 200, 60, 25 }, blind = { 150, 20, -1 }, d;

	(void)state;
	d = measure_between(&a, &b);
	assert_true(d.wall_ns == 100 && d.cpu_ns == 50 && d.queued_ns == 20);
	assert_int_equal(measure_between(&a, &blind).queued_ns, -1);
	assert_int_equal(measure_between(&blind, &b).queued_ns, -1);
}

static unsigned
count_wanted(struct measure_plan *plan, unsigned of, int64_t took_ns)
{
	unsigned	n = 0;

	for (unsigned i = 0; i < of; i++) {
		n += measure_wanted(plan);
		measure_took(plan, took_ns);
	}
	return n;
}

static void
test_short_attempts_are_sampled_and_long_ones_all_measured(void **state)
{
	struct measure_plan	tiny = { 0 }, brief = { 0 }, tedious = { 0 };

	(void)state;
	assert_int_equal(count_wanted(&tiny, 32, 1000), 32);
	assert_int_equal(count_wanted(&tiny, 2560, 1000), 10);
	assert_int_equal(count_wanted(&brief, 32, 20000), 32);
	assert_int_equal(count_wanted(&brief, 1600, 20000), 100);
	assert_int_equal(count_wanted(&tedious, 1600, 20 * MS), 1600);
	/* one that was short and is long now is found out */
	count_wanted(&brief, 100, 100 * MS);
	assert_int_equal(count_wanted(&brief, 100, 100 * MS), 100);
}

/* ---- real workers ---- */

static void
expect_share(unsigned least, unsigned most)
{
	if (rig_one.status != CHANNEL_OK || !rig_one.usage.measured)
		fail_msg("status %d, not measured: %s", (int)rig_one.status, rig_one.text);
	if (rig_one.usage.cpu_permille < least || rig_one.usage.cpu_permille > most)
		fail_msg("%u of 1000, not %u to %u", rig_one.usage.cpu_permille, least, most);
	assert_true(rig_one.usage.queue_known);
}

static void
test_a_cpu_worker_tells_computing_from_blocking(void **state)
{
	(void)state;
	rig_run("bench.cpu", LANE_PROCESS, "{\"ms\":40}", OUT_CAP);
	expect_share(701, 1000);
	rig_run("bench.io", LANE_PROCESS, "{\"ms\":40}", OUT_CAP);
	expect_share(0, 200);
	rig_run("bench.says_waits", LANE_PROCESS, "{\"cpu_us\":40000,\"wait_us\":40000}", OUT_CAP);
	expect_share(200, 1000);	/* half, but for the wait that the run queue ate */
}

static void
test_an_io_worker_tells_computing_from_waiting_in_both_lanes(void **state)
{
	static const enum lane	lanes[] = { LANE_ASYNC, LANE_THREAD };

	(void)state;
	for (size_t i = 0; i < COUNT(lanes); i++) {
		rig_run("bench.says_waits", lanes[i], "{\"cpu_us\":40000}", OUT_CAP);
		expect_share(701, 1000);
		rig_run("bench.says_computes", lanes[i], "{\"wait_us\":40000}", OUT_CAP);
		expect_share(0, 200);
		rig_run("bench.says_waits", lanes[i], "{\"cpu_us\":40000,\"wait_us\":40000}",
		    OUT_CAP);
		expect_share(200, 1000);
	}
	/* what a callback computes before it ends the attempt is the attempt's */
	rig_run("bench.blocks", LANE_ASYNC, "{\"cpu_us\":40000}", OUT_CAP);
	expect_share(701, 1000);
}

/* Processes that compute until they are killed, three for each CPU. */
static unsigned
load_machine(pid_t *pids, unsigned most)
{
	long		cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned	n = cpus * 3 < most ? (unsigned)cpus * 3 : most;

	for (unsigned i = 0; i < n; i++) {
		if ((pids[i] = fork()) != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (volatile unsigned x = 0;; x++)
			;
	}
	return n;
}

static void
unload_machine(const pid_t *pids, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

/* cpu / wall would say that it waits: that is what the run queue does to it. */
static void
test_a_busy_loop_on_a_loaded_machine_computes(void **state)
{
	static const struct {
		const char	*type, *args;
		bool		 io;
		enum lane	 lane;
	} rows[] = {
		{ "bench.cpu", "{\"ms\":100}", false, LANE_PROCESS },
		{ "bench.cpu", "{\"ms\":100}", true, LANE_THREAD },
		{ "bench.says_waits", "{\"cpu_us\":100000}", true, LANE_ASYNC },
	};
	pid_t	 pids[384];
	unsigned n = load_machine(pids, COUNT(pids));

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		rig_start(rows[i].io, "workers.cpu_nice=0");
		rig_run(rows[i].type, rows[i].lane, rows[i].args, OUT_CAP);
		print_message("100 ms of CPU took %u ms; %u of 1000\n",
		    (unsigned)(rig_one.aux / MS), rig_one.usage.cpu_permille);
		expect_share(701, 1000);
		assert_true(rig_one.aux > 150 * MS);
		rig_end(NULL);
	}
	unload_machine(pids, n);
	rig_none(NULL);
}

/* ---- the loop ---- */

static void
test_an_attempt_that_kept_the_loop_is_named(void **state)
{
	(void)state;
	rig_run("bench.says_waits", LANE_ASYNC, "{\"cpu_us\":120000}", OUT_CAP);	/* its start */
	assert_in_range(rig_one.usage.stall_ms, 51, 60000);
	rig_run("bench.blocks", LANE_ASYNC, "{\"wait_us\":120000}", OUT_CAP);	/* its callback */
	assert_in_range(rig_one.usage.stall_ms, 51, 60000);
	rig_run("bench.says_waits", LANE_ASYNC, "{\"wait_us\":120000}", OUT_CAP);
	assert_int_equal(rig_one.usage.stall_ms, 0);
	rig_run("bench.says_waits", LANE_THREAD, "{\"cpu_us\":120000}", OUT_CAP);
	assert_int_equal(rig_one.usage.stall_ms, 0);
}

/* An hour in the loop: the worker must say so before it is over. */
static void
expect_live_stall(const char *type, const char *args)
{
	struct outcome	 one;
	uint32_t	 ms = 0;
	int64_t		 until_ns = clock_mono_ns() + 20 * NS_PER_S;
	void		*tag = NULL;

	rig_submit_run(type, LANE_ASYNC, args, OUT_CAP, &one);
	channel_publish(rig.channel);
	while ((tag = channel_stalled(rig.channel, &ms)) == NULL && clock_mono_ns() < until_ns)
		usleep(1000);
	assert_ptr_equal(tag, &one);
	assert_in_range(ms, 50, 20000);
	assert_null(channel_stalled(rig.channel, &ms));
}

static void
test_a_start_that_keeps_the_loop_is_told_while_it_does(void **state)
{
	(void)state;
	expect_live_stall("bench.says_waits", "{\"cpu_us\":3600000000}");
}

static void
test_a_callback_that_keeps_the_loop_is_told_while_it_does(void **state)
{
	(void)state;
	expect_live_stall("bench.blocks", "{\"wait_us\":3600000000}");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_the_share_is_of_the_time_without_the_run_queue),
		cmocka_unit_test(test_a_difference_knows_the_queue_when_both_ends_do),
		cmocka_unit_test(test_short_attempts_are_sampled_and_long_ones_all_measured),
		cmocka_unit_test_setup_teardown(test_a_cpu_worker_tells_computing_from_blocking,
		    rig_start_cpu, rig_end),
		cmocka_unit_test_setup_teardown(
		    test_an_io_worker_tells_computing_from_waiting_in_both_lanes, rig_start_io,
		    rig_end),
		cmocka_unit_test_setup_teardown(test_a_busy_loop_on_a_loaded_machine_computes,
		    rig_none, rig_end),
		cmocka_unit_test_setup_teardown(test_an_attempt_that_kept_the_loop_is_named,
		    rig_start_io, rig_end),
		cmocka_unit_test_setup_teardown(
		    test_a_start_that_keeps_the_loop_is_told_while_it_does, rig_start_io, rig_end),
		cmocka_unit_test_setup_teardown(
		    test_a_callback_that_keeps_the_loop_is_told_while_it_does, rig_start_io,
		    rig_end),
	};

	rig_find_binary();
	return cmocka_run_group_tests_name("worker_measure", tests, NULL, NULL);
}
