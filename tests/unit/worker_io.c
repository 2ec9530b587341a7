/* worker_io.c - the io worker over a real channel; the test is the broker. */
#include "tests/unit/worker_rig.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/alloc.h"
#include "lib/clock.h"

#define NAPS	5000

static void
test_the_io_worker_runs_the_async_and_thread_lanes(void **state)
{
	(void)state;
	rig_run("echo", LANE_ASYNC, "[1,2.50]", OUT_CAP);
	rig_expect(CHANNEL_OK, "[1,2.50]");
	rig_run("echo", LANE_THREAD, "{\"a\" : 1}", OUT_CAP);
	rig_expect(CHANNEL_OK, "{\"a\" : 1}");
	rig_run("echo", LANE_PROCESS, "1", OUT_CAP);
	rig_expect(CHANNEL_FAILED, "no handler for type echo in lane process");
	rig_run("sleep", LANE_THREAD, "{\"ms\":1}", OUT_CAP);
	rig_expect(CHANNEL_FAILED, "no handler for type sleep in lane thread");
	rig_run("bench.io", LANE_ASYNC, "{\"ms\":1}", OUT_CAP);
	rig_expect(CHANNEL_FAILED, "no handler for type bench.io in lane async");
	rig_run("sleep", LANE_ASYNC, "{\"ms\":\"1\"}", OUT_CAP);
	rig_expect(CHANNEL_FAILED, "args.ms must be an integer");
}

/* Five thousand waits at once, in little memory; all of them are told to end. */
static void
test_the_io_worker_waits_on_thousands_of_timers(void **state)
{
	struct outcome	*naps = mem_zalloc(NAPS, sizeof(*naps));
	uint64_t	*tokens = mem_zalloc(NAPS, sizeof(*tokens));
	unsigned	 n = 0;
	char		 status[4096];
	long		 rss_kb;

	(void)state;
	for (int i = 0; i < NAPS; i++)
		tokens[i] = rig_submit_run("sleep", LANE_ASYNC, "{\"ms\":86400000}", 256, &naps[i]);
	channel_publish(rig.channel);
	rig_await_title("jobd: io worker 1 [5000 waiting, 0 in threads]");
	rig_read_proc("status", status, sizeof(status));
	rss_kb = atol(strstr(status, "VmRSS:") + 6);
	print_message("%d sleeps: RSS of the io worker %ld KiB\n", NAPS, rss_kb);
#ifndef SANITIZED
	assert_in_range(rss_kb, 1, 30 << 10);
#endif
	for (int i = 0; i < NAPS; i++)
		channel_cancel(rig.channel, tokens[i]);
	while (n < NAPS)
		n += rig_harvest_some();
	for (int i = 0; i < NAPS; i++) {
		assert_int_equal(naps[i].status, CHANNEL_CANCELLED);
		free(naps[i].text);
	}
	free(naps);
	free(tokens);
}

static void
test_thousands_of_timers_end_by_themselves_and_none_too_early(void **state)
{
	struct outcome	*naps = mem_zalloc(NAPS, sizeof(*naps));
	unsigned	 n = 0;

	(void)state;
	for (int i = 0; i < NAPS; i++)
		rig_submit_run("sleep", LANE_ASYNC, "{\"ms\":200}", 256, &naps[i]);
	channel_publish(rig.channel);
	while (n < NAPS)
		n += rig_harvest_some();
	for (int i = 0; i < NAPS; i++) {
		assert_int_equal(naps[i].status, CHANNEL_OK);
		assert_true(atoi(strchr(naps[i].text, ':') + 1) >= 200);
		free(naps[i].text);
	}
	free(naps);
}

static void
test_the_io_worker_ends_what_is_cancelled(void **state)
{
	static struct outcome	naps[100], blocked, other;
	uint64_t		tokens[100], token, last;

	(void)state;
	last = rig_submit_run("sleep", LANE_ASYNC, "{\"ms\":86400000}", 256, &other);
	for (size_t i = 0; i < COUNT(naps); i++)
		tokens[i] = rig_submit_run("sleep", LANE_ASYNC, "{\"ms\":86400000}", 256, &naps[i]);
	token = rig_submit_run("bench.io", LANE_THREAD, "{\"ms\":86400000}", 256, &blocked);
	channel_publish(rig.channel);
	rig_await_title("jobd: io worker 1 [101 waiting, 1 in threads]");
	channel_cancel(rig.channel, token);
	for (size_t i = 0; i < COUNT(naps); i++)
		channel_cancel(rig.channel, tokens[i]);
	for (size_t i = 0; i < COUNT(naps); i++) {
		rig_await(&naps[i]);
		assert_int_equal(naps[i].status, CHANNEL_CANCELLED);
		free(naps[i].text);
	}
	rig_await(&blocked);
	assert_int_equal(blocked.status, CHANNEL_CANCELLED);
	rig_await_title("jobd: io worker 1 [1 waiting, 0 in threads]");
	assert_false(other.done);
	channel_cancel(rig.channel, last);
	rig_await(&other);
	free(other.text);
	free(blocked.text);
}

/* A blocking attempt can be stopped only while it runs: so the eighth runs beside the others. */
static void
test_threads_block_side_by_side_and_the_loop_goes_on(void **state)
{
	static struct outcome	blocked[8];
	uint64_t		tokens[8];

	(void)state;
	for (size_t i = 0; i < COUNT(blocked); i++)
		tokens[i] = rig_submit_run("bench.io", LANE_THREAD, "{\"ms\":86400000}", 256,
		    &blocked[i]);
	rig_run("sleep", LANE_ASYNC, "{\"ms\":1}", 256);
	assert_int_equal(rig_one.status, CHANNEL_OK);
	for (size_t i = COUNT(blocked); i-- > 0;) {
		channel_cancel(rig.channel, tokens[i]);
		rig_await(&blocked[i]);
		assert_int_equal(blocked[i].status, CHANNEL_CANCELLED);
		free(blocked[i].text);
	}
}

/* Processor time so far, of the thread that is the loop. */
static int64_t
loop_cpu_ns(void)
{
	char	text[128];

	rig_read_proc("schedstat", text, sizeof(text));
	return strtoll(text, NULL, 10);
}

/* While it waits for the last timer it must not spin. */
static void
test_a_stopped_io_worker_finishes_what_it_has_asleep(void **state)
{
	static struct outcome	last;
	struct rusage		usage;
	int64_t			cpu_ns;
	int			status;

	(void)state;
	rig_submit_run("sleep", LANE_ASYNC, "{\"ms\":2000}", 256, &last);
	channel_publish(rig.channel);
	rig_await_title("jobd: io worker 1 [1 waiting, 0 in threads]");
	cpu_ns = loop_cpu_ns();
	channel_stop(rig.channel);
	rig_await(&last);
	assert_int_equal(last.status, CHANNEL_OK);
	status = rig_reap(&usage);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	cpu_ns = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_S +
	    (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000 - cpu_ns;
	assert_true(cpu_ns < NS_PER_S);		/* of two; a sanitizer's own end is in it */
	free(last.text);
}

static void
test_the_io_worker_ends_when_its_broker_is_gone(void **state)
{
	int	status;

	(void)state;
	rig_run("echo", LANE_ASYNC, "1", OUT_CAP);
	channel_free(rig.channel);
	rig.channel = NULL;
	status = rig_reap(NULL);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define with_io(test)	cmocka_unit_test_setup_teardown(test, rig_start_io, rig_end)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		with_io(test_the_io_worker_runs_the_async_and_thread_lanes),
		with_io(test_the_io_worker_waits_on_thousands_of_timers),
		with_io(test_thousands_of_timers_end_by_themselves_and_none_too_early),
		with_io(test_the_io_worker_ends_what_is_cancelled),
		with_io(test_threads_block_side_by_side_and_the_loop_goes_on),
		with_io(test_a_stopped_io_worker_finishes_what_it_has_asleep),
		with_io(test_the_io_worker_ends_when_its_broker_is_gone),
	};

	rig_find_binary();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
