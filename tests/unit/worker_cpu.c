/* worker_cpu.c - a cpu worker over a real channel; the test is the broker. */
#include "tests/unit/worker_rig.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "proto/bounds.h"

static void
test_a_cpu_worker_runs_the_process_lane_only(void **state)
{
	(void)state;
	rig_run("echo", LANE_PROCESS, "[1,2.50]", OUT_CAP);
	rig_expect(CHANNEL_OK, "[1,2.50]");
	assert_int_equal(rig_one.len, 8);
	rig_run("echo", LANE_ASYNC, "1", OUT_CAP);
	rig_expect(CHANNEL_FAILED, "no handler for type echo in lane async");
	rig_run("sleep", LANE_PROCESS, "{\"ms\":1}", OUT_CAP);
	rig_expect(CHANNEL_FAILED, "no handler for type sleep in lane process");
	rig_run("no.such", LANE_PROCESS, "null", OUT_CAP);
	rig_expect(CHANNEL_FAILED,
	    "{\"kind\":\"error\",\"message\":\"no handler for type no.such");
	rig_run("echo", (enum lane)77, "null", OUT_CAP);
	rig_expect(CHANNEL_FAILED, "no handler");
	rig_run("echo", LANE_PROCESS, "", 0);
	rig_expect(CHANNEL_OK, "");
}

static void
test_a_completion_says_how_long_the_handler_ran(void **state)
{
	(void)state;
	rig_run("bench.io", LANE_PROCESS, "{\"ms\":20}", OUT_CAP);
	assert_int_equal(rig_one.status, CHANNEL_OK);
	assert_in_range(rig_one.aux, 20 * NS_PER_MS, 10 * NS_PER_S);
}

static void
test_a_cpu_worker_runs_a_full_ring_in_order(void **state)
{
	static struct outcome	outcomes[BOUND_CHANNEL_DEPTH_FIFO];
	char			args[16];

	(void)state;
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < COUNT(outcomes); i++) {
			snprintf(args, sizeof(args), "%zu", i);
			rig_submit_run("echo", LANE_PROCESS, args, 256, &outcomes[i]);
		}
		channel_publish(rig.channel);
		for (size_t i = 0; i < COUNT(outcomes); i++) {
			rig_await(&outcomes[i]);
			assert_int_equal(outcomes[i].status, CHANNEL_OK);
			assert_int_equal(atoi(outcomes[i].text), i);
		}
	}
	for (size_t i = 0; i < COUNT(outcomes); i++)
		free(outcomes[i].text);
}

static void
test_a_finished_job_is_told_before_a_long_one_runs(void **state)
{
	static struct outcome	shorter, longer;
	uint64_t		token;

	(void)state;
	rig_submit_run("echo", LANE_PROCESS, "1", 256, &shorter);
	token = rig_submit_run("bench.cpu", LANE_PROCESS, "{\"ms\":86400000}", 256, &longer);
	channel_publish(rig.channel);
	rig_await(&shorter);
	assert_false(longer.done);
	channel_cancel(rig.channel, token);
	rig_await(&longer);
	assert_int_equal(longer.status, CHANNEL_CANCELLED);
	free(shorter.text);
	free(longer.text);
}

static void
test_a_cpu_worker_ends_what_is_cancelled(void **state)
{
	static struct outcome	running, waiting;
	uint64_t		first, second;

	(void)state;
	first = rig_submit_run("bench.cpu", LANE_PROCESS, "{\"ms\":86400000}", 256, &running);
	second = rig_submit_run("bench.cpu", LANE_PROCESS, "{\"ms\":86400000}", 256, &waiting);
	channel_publish(rig.channel);
	channel_cancel(rig.channel, second);
	channel_cancel(rig.channel, first);
	rig_await(&running);
	rig_await(&waiting);
	assert_int_equal(running.status, CHANNEL_CANCELLED);
	assert_int_equal(waiting.status, CHANNEL_CANCELLED);
	free(running.text);
	free(waiting.text);
}

static void
test_a_cpu_worker_shows_in_its_title_what_it_runs(void **state)
{
	static struct outcome	running;
	uint64_t		token;
	char			want[64], status[4096];

	(void)state;
	rig_await_title("jobd: cpu worker 1");
	rig.next_job = 41;
	token = rig_submit_run("bench.cpu", LANE_PROCESS, "{\"ms\":86400000}", 256, &running);
	channel_publish(rig.channel);
	snprintf(want, sizeof(want), "jobd: cpu worker 1 [42 bench.cpu]");
	rig_await_title(want);
	rig_read_proc("status", status, sizeof(status));
	assert_non_null(strstr(status, "NoNewPrivs:\t1"));
#ifndef SANITIZED
	assert_non_null(strstr(status, "Seccomp:\t2"));
	assert_non_null(strstr(status, "Threads:\t1\n"));
#endif
	channel_cancel(rig.channel, token);
	rig_await(&running);
	rig_await_title("jobd: cpu worker 1");
	free(running.text);
}

static void
test_a_killed_cpu_worker_leaves_finished_and_unfinished_jobs(void **state)
{
	static struct outcome	finished, running, waiting;
	uint64_t		token, walk = 0;
	int			status;

	(void)state;
	rig_submit_run("echo", LANE_PROCESS, "\"done\"", 256, &finished);
	rig_submit_run("bench.cpu", LANE_PROCESS, "{\"ms\":86400000}", 256, &running);
	rig_submit_run("echo", LANE_PROCESS, "1", 256, &waiting);
	channel_publish(rig.channel);
	rig_await(&finished);
	kill(rig.pid, SIGKILL);
	status = rig_reap(NULL);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(rig_harvest(), 0);
	assert_string_equal(finished.text, "\"done\"");
	assert_int_equal(channel_inflight(rig.channel), 2);
	assert_ptr_equal(channel_inflight_next(rig.channel, &walk, &token), &running);
	assert_true(channel_suspect(rig.channel, token));
	assert_ptr_equal(channel_inflight_next(rig.channel, &walk, &token), &waiting);
	assert_false(channel_suspect(rig.channel, token));
	free(finished.text);
}

static void
test_a_stopped_cpu_worker_finishes_what_it_has(void **state)
{
	static struct outcome	last;
	int			status;

	(void)state;
	rig_submit_run("bench.cpu", LANE_PROCESS, "{\"ms\":20}", 256, &last);
	channel_publish(rig.channel);
	channel_stop(rig.channel);
	rig_await(&last);
	assert_int_equal(last.status, CHANNEL_OK);
	status = rig_reap(NULL);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	free(last.text);
}

#define with_cpu(test)	cmocka_unit_test_setup_teardown(test, rig_start_cpu, rig_end)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		with_cpu(test_a_cpu_worker_runs_the_process_lane_only),
		with_cpu(test_a_completion_says_how_long_the_handler_ran),
		with_cpu(test_a_cpu_worker_runs_a_full_ring_in_order),
		with_cpu(test_a_finished_job_is_told_before_a_long_one_runs),
		with_cpu(test_a_cpu_worker_ends_what_is_cancelled),
		with_cpu(test_a_cpu_worker_shows_in_its_title_what_it_runs),
		with_cpu(test_a_killed_cpu_worker_leaves_finished_and_unfinished_jobs),
		with_cpu(test_a_stopped_cpu_worker_finishes_what_it_has),
	};

	rig_find_binary();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
