/* client_run.c - jobctl run, logs and write against a scripted daemon. */
#include "tests/unit/client_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/sink.h"
#include "lib/alloc.h"
#include "lib/fd.h"

#define SUBMITTED	RESULT(2, "{\"id\":41,\"state\":\"ready\"}")
#define LOG(id, pieces, rest) RESULT(id, "{\"attempt\":1,\"state\":\"running\",\"offset\":0," \
			"\"pieces\":[" pieces "]," rest ",\"truncated\":false}")
#define LOG_EMPTY(id)	LOG(id, "", "\"next\":0,\"bytes\":0,\"eof\":false")
#define OUTPUT_OF(attempt, members) "{\"jsonrpc\":\"2.0\",\"method\":\"job.output\",\"params\":{\"id\":41," \
			"\"attempt\":" #attempt "," members "}}\n"
#define OUTPUT(members)	OUTPUT_OF(1, members)
#define SAID(stream, next, data) \
			OUTPUT("\"stream\":\"" stream "\",\"offset\":0,\"next\":" #next ",\"at_ms\":1,\"data\":\"" \
			data "\"")
#define END		OUTPUT("\"eof\":true,\"truncated\":false,\"state\":\"succeeded\"")
#define GOOD(id, code)	RESULT(id, "{\"id\":41,\"state\":\"succeeded\",\"result\":{\"exit_code\":" #code "}}")
#define FAILED(id, kind, message, data) \
			RESULT(id, "{\"id\":41,\"state\":\"failed\",\"failure\":{\"kind\":\"" kind \
			"\",\"message\":\"" message "\",\"data\":" data "}}")
#define CANCELLED(id)	RESULT(id, "{\"id\":41,\"state\":\"cancelled\",\"reason\":\"cancelled on request\"}")
#define BEGINS		{ "\"job.submit\"", SUBMITTED }, { "\"job.log\"", LOG_EMPTY(3) }

/* ---- run ---- */

static void
test_run_asks_for_no_timeout_and_holds_the_job_to_our_speed(void **state)
{
	const struct step	steps[] = {
		{ "\"argv\":[\"make\",\"-k\",\"all\"],\"cwd\":\"/\",\"env\":{\"A\":\"1\"}},\"queue\":\"q\","
		    "\"timeout_ms\":0}", SUBMITTED },
		{ "\"job.log\",\"params\":{\"id\":41,\"attempt\":0,\"onwards\":true,\"follow\":true,"
		    "\"hold\":true}", LOG_EMPTY(3) },
		{ "\"job.wait\",\"params\":{\"id\":41}", END GOOD(4, 0) }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("run"), W("-nq"), W("q"), W("-C/"), W("-eA=1"), W("make"), W("-k"),
	    W("all")), 0);
	assert_string_equal(last.out, "");
	assert_string_equal(last.err, "");
	rig_assert_content();
}

static void
test_both_streams_come_out_apart_and_as_they_are(void **state)
{
	const struct step	steps[] = {
		{ "\"job.submit\"", SUBMITTED },
		{ "\"job.log\"", LOG(3, "{\"stream\":\"stdout\",\"offset\":0,\"data\":\"a\\n\"},"
		    "{\"stream\":\"stderr\",\"offset\":0,\"data_base64\":\"/wA=\"}",
		    "\"next\":4,\"bytes\":4,\"eof\":false") },
		{ "\"job.wait\"", SAID("stdout", 6, "b\\u00e4") SAID("stderr", 8, "\\\"e\\\"")
		    OUTPUT("\"stream\":\"stdout\",\"offset\":4,\"next\":9,\"at_ms\":1,"
		    "\"data_base64\":\"AP8K\"") END GOOD(4, 0) }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("run"), W("-n"), W("--"), W("x")), 0);
	assert_int_equal(last.out_len, 8);
	assert_memory_equal(last.out, "a\nb\xc3\xa4\0\xff\n", 8);
	assert_memory_equal(last.err, "\xff\0\"e\"", 6);
	rig_assert_content();
}

static void
test_run_exits_as_its_command(void **state)
{
	static const struct {
		const char	*outcome;
		int		 code;
		const char	*said;
	} rows[] = {
		{ GOOD(4, 0), 0, "" },
		{ GOOD(4, 3), 3, "" },			/* 3 means success to its type */
		{ RESULT(4, "{\"id\":41,\"state\":\"succeeded\",\"result\":[1]}"), 0, "" },
		{ FAILED(4, "exit", "exit 3", "{\"exit_code\":3,\"stdout\":\"\"}"), 3, "(exit): exit 3" },
		{ FAILED(4, "signal", "killed by SIGSEGV", "{\"signal\":11}"), 139, "SIGSEGV" },
		{ FAILED(4, "out_of_memory", "needs more", "{\"signal\":9}"), 137, "needs more" },
		{ FAILED(4, "timeout", "ran 5s", "{\"signal\":15}"), 124, "(timeout)" },
		{ FAILED(4, "spawn", "cannot start x", "{\"exit_code\":127}"), 127, "cannot start x" },
		{ FAILED(4, "spawn", "cannot start x", "null"), 126, "cannot start x" },
		{ FAILED(4, "lost", "its worker died", "null"), 1, "(lost)" },
		{ FAILED(4, "bad_result", "no JSON", "{\"exit_code\":0}"), 1, "no JSON" },
		{ CANCELLED(4), 1, "cancelled on request" },
		{ ERROR(4, "not_found", "forgotten"), 125, "forgotten (not_found)" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char			*reply = mem_printf("%s%s", END, rows[i].outcome);
		const struct step	 steps[] = { BEGINS, { "\"job.wait\"", reply }, { 0 } };

		rig_start(steps);
		assert_int_equal(JOBCTL(W("run"), W("-n"), W("--"), W("x")), rows[i].code);
		rig_assert_said(rows[i].said);
		rig_assert_content();
		free(reply);
	}
}

static void
test_who_may_not_run_commands_gets_126_and_a_daemon_without_them_127(void **state)
{
	const struct step	forbidden[] = {
		{ "\"job.submit\"", ERROR(2, "forbidden", "operators only") }, { 0 } };
	const struct step	unknown[] = {
		{ "\"job.submit\"", ERROR(2, "unknown_type", "no type command") },
		{ "\"type.list\"", RESULT(3, "{\"items\":[],\"next\":null}") }, { 0 } };

	(void)state;
	rig_start(forbidden);
	assert_int_equal(JOBCTL(W("run"), W("x")), 126);
	rig_assert_said("operators only (forbidden)");
	rig_assert_content();
	rig_start_to_leave(unknown);
	assert_int_equal(JOBCTL(W("run"), W("x")), 127);
	waitpid(rig_daemon, NULL, 0);
}

static void
test_detached_the_id_is_all(void **state)
{
	const struct step	steps[] = {
		{ "\"argv\":[\"cat\"],\"cwd\":\"/\",\"stdin_stream\":true}}", SUBMITTED }, { 0 } };

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("run"), W("-diC/"), W("cat")), 0);
	assert_string_equal(last.out, "41\n");
	rig_assert_content();
}

/* ---- stdin ---- */

static void
test_stdin_waits_until_the_job_takes_it_and_its_end_is_told(void **state)
{
	const struct step	steps[] = {
		{ "\"stdin_stream\":true},\"on_lost\":\"fail\",\"timeout_ms\":0}", SUBMITTED },
		{ "\"job.log\"", LOG_EMPTY(3) }, { "\"job.wait\"", NULL },
		{ "\"job.write\",\"params\":{\"id\":41,\"data_base64\":\"aGkKAP8=\"}",
		    ERROR(5, "conflict", "it does not run") },
		{ "\"job.write\",\"params\":{\"id\":41,\"data_base64\":\"aGkKAP8=\"}",
		    ERROR(6, "conflict", "it does not run") },
		{ "\"job.write\",\"params\":{\"id\":41,\"data_base64\":\"aGkKAP8=\"}", RESULT(7, "{\"id\":41}") },
		{ "\"job.write\",\"params\":{\"id\":41,\"eof\":true}",
		    RESULT(8, "{\"id\":41}") END GOOD(4, 0) }, { 0 }
	};
	char			*words[] = { W("run"), W("--"), W("cat"), NULL };

	(void)state;
	rig_start(steps);
	assert_int_equal(rig_jobctl_bytes("hi\n\0\xff", 5, words), 0);
	assert_string_equal(last.err, "");
	rig_assert_content();
}

static void
test_a_command_that_reads_no_more_is_left_to_end(void **state)
{
	const struct step	steps[] = {
		BEGINS, { "\"job.wait\"", NULL },
		{ "\"job.write\",\"params\":{\"id\":41,\"data_base64\":\"eA==\"}", RESULT(5, "{\"id\":41}") },
		{ "\"job.write\",\"params\":{\"id\":41,\"eof\":true}",
		    ERROR(6, "conflict", "nobody reads it") SAID("stdout", 1, "y") END GOOD(4, 0) }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL_INPUT("x", W("run"), W("true")), 0);
	assert_string_equal(last.out, "y");
	assert_string_equal(last.err, "");
	rig_assert_content();
}

static void
test_more_attempts_than_stdins_are_a_usage_error(void **state)
{
	static const struct step	nothing[] = { { "never", NULL }, { 0 } };

	(void)state;
	rig_start_to_leave(nothing);
	assert_int_equal(JOBCTL_INPUT("x", W("run"), W("-R3"), W("true")), 125);
	rig_assert_said("another attempt would have no stdin");
	waitpid(rig_daemon, NULL, 0);
}

/* ---- signals ---- */

static pid_t
start_and_wait(const struct step *steps, int *out, int *err)
{
	char	*words[] = { W("run"), W("-n"), W("--"), W("x"), NULL };
	pid_t	 pid;

	rig_start(steps);
	pid = rig_start_jobctl("", 0, words, out, err);
	rig_told();
	return pid;
}

static void
test_ctrl_c_cancels_and_the_second_one_kills(void **state)
{
	const struct step	steps[] = {
		BEGINS, { "\"job.wait\"", RIG_TELL },
		{ "\"job.cancel\",\"params\":{\"id\":41}", RIG_TELL },
		{ "\"job.signal\",\"params\":{\"id\":41,\"signal\":\"KILL\"}",
		    SAID("stdout", 4, "late") END CANCELLED(5) CANCELLED(4) }, { 0 }
	};
	int			 out, err;
	pid_t			 pid;

	(void)state;
	pid = start_and_wait(steps, &out, &err);
	kill(pid, SIGINT);
	rig_told();
	kill(pid, SIGINT);
	rig_finish_jobctl(pid, out, err);
	assert_true(WIFSIGNALED(last.status));
	assert_int_equal(WTERMSIG(last.status), SIGINT);
	assert_string_equal(last.out, "late");
	rig_assert_said("cancelling job 41; once more kills it");
	rig_assert_content();
}

static void
test_a_job_that_ends_well_in_spite_of_ctrl_c_has_ended_well(void **state)
{
	const struct step	steps[] = {
		BEGINS, { "\"job.wait\"", RIG_TELL },
		{ "\"job.cancel\"", ERROR(5, "conflict", "it has ended") END GOOD(4, 0) }, { 0 }
	};
	int			 out, err;
	pid_t			 pid;

	(void)state;
	pid = start_and_wait(steps, &out, &err);
	kill(pid, SIGTERM);
	rig_finish_jobctl(pid, out, err);
	assert_true(WIFEXITED(last.status));
	assert_int_equal(WEXITSTATUS(last.status), 0);
	rig_assert_content();
}

static void
test_a_third_ctrl_c_leaves_the_job_alone(void **state)
{
	const struct step	steps[] = {
		BEGINS, { "\"job.wait\"", RIG_TELL }, { "\"job.cancel\"", RIG_TELL },
		{ "\"KILL\"", RIG_TELL }, { "never", NULL }, { 0 }
	};
	char			*words[] = { W("run"), W("-n"), W("--"), W("x"), NULL };
	int			 out, err;
	pid_t			 pid;

	(void)state;
	rig_start_to_leave(steps);
	pid = rig_start_jobctl("", 0, words, &out, &err);
	rig_told();
	kill(pid, SIGINT);
	rig_told();
	kill(pid, SIGINT);
	rig_told();
	kill(pid, SIGINT);
	rig_finish_jobctl(pid, out, err);
	assert_true(WIFSIGNALED(last.status));
	waitpid(rig_daemon, NULL, 0);
}

static void
test_other_signals_are_handed_on(void **state)
{
	const struct step	steps[] = {
		BEGINS, { "\"job.wait\"", RIG_TELL },
		{ "\"job.signal\",\"params\":{\"id\":41,\"signal\":\"USR1\"}", RIG_TELL },
		{ "\"job.signal\",\"params\":{\"id\":41,\"signal\":\"HUP\"}",
		    END FAILED(4, "signal", "killed by SIGHUP", "{\"signal\":1}") }, { 0 }
	};
	int			 out, err;
	pid_t			 pid;

	(void)state;
	pid = start_and_wait(steps, &out, &err);
	kill(pid, SIGUSR1);
	rig_told();
	kill(pid, SIGHUP);
	rig_finish_jobctl(pid, out, err);
	assert_int_equal(WEXITSTATUS(last.status), 129);
	rig_assert_content();
}

static void
test_ctrl_z_stops_the_job_and_then_us(void **state)
{
	const struct step	steps[] = {
		BEGINS, { "\"job.wait\"", RIG_TELL },
		{ "\"job.signal\",\"params\":{\"id\":41,\"signal\":\"STOP\"}", RESULT(5, "{\"id\":41}") },
		{ "\"job.signal\",\"params\":{\"id\":41,\"signal\":\"CONT\"}", END GOOD(4, 0) }, { 0 }
	};
	int			 out, err, status;
	pid_t			 pid;

	(void)state;
	pid = start_and_wait(steps, &out, &err);
	kill(pid, SIGTSTP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	kill(pid, SIGCONT);
	rig_finish_jobctl(pid, out, err);
	assert_int_equal(WEXITSTATUS(last.status), 0);
	rig_assert_content();
}

static void
test_a_reader_that_is_gone_is_a_broken_pipe_for_the_job(void **state)
{
	const struct step	steps[] = {
		BEGINS, { "\"job.wait\"", SAID("stdout", 2, "y\\n") },
		{ "\"job.signal\",\"params\":{\"id\":41,\"signal\":\"PIPE\"}",
		    SAID("stdout", 4, "y\\n") END FAILED(4, "signal", "killed by SIGPIPE", "{\"signal\":13}") },
		{ 0 }
	};
	char			*words[] = { W("run"), W("-n"), W("--"), W("yes"), NULL };
	int			 ends[2], err;
	pid_t			 pid;

	(void)state;
	rig_start(steps);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	pid = rig_start_jobctl_with(open("/dev/null", O_RDONLY | O_CLOEXEC), ends[1], words, &err);
	close(ends[1]);
	rig_finish_jobctl(pid, -1, err);
	assert_int_equal(WEXITSTATUS(last.status), 141);
	rig_assert_content();
}

/* ---- a connection that is lost ---- */

static void
test_run_comes_back_and_goes_on_with_the_output_where_it_was(void **state)
{
	const struct step	steps[] = {
		BEGINS, { "\"job.wait\"", SAID("stdout", 5, "one \\n") }, { RIG_ANEW, NULL },
		{ "\"job.log\",\"params\":{\"id\":41,\"limit\":1}",
		    LOG(2, "", "\"next\":1,\"bytes\":6,\"eof\":false") },
		{ "\"job.log\",\"params\":{\"id\":41,\"attempt\":1,\"onwards\":true,\"offset\":5,"
		    "\"follow\":true,\"hold\":true}", LOG_EMPTY(3) },
		{ "\"job.wait\"", SAID("stdout", 9, "two\\n") SAID("stdout", 13, "end\\n") END GOOD(4, 0) },
		{ 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("run"), W("-n"), W("--"), W("x")), 0);
	assert_string_equal(last.out, "one \ntwo\nend\n");
	rig_assert_said("job 41 goes on, and so do we when the daemon is back");
	rig_assert_content();
}

static void
test_another_attempt_begins_anew(void **state)
{
	const struct step	steps[] = {
		BEGINS, { "\"job.wait\"", SAID("stdout", 4, "one\\n")
		    "{\"jsonrpc\":\"2.0\",\"method\":\"job.output\",\"params\":{\"id\":41,\"attempt\":2,"
		    "\"stream\":\"stdout\",\"offset\":0,\"next\":4,\"at_ms\":1,\"data\":\"one\\n\"}}\n"
		    END GOOD(4, 0) }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("run"), W("-n"), W("--"), W("x")), 0);
	assert_string_equal(last.out, "one\none\n");
	rig_assert_said("job 41: its attempt 2 begins");
	rig_assert_content();
}

/* Restarted, it runs the job anew: the rest of the first attempt comes before the second. */
static void
test_an_attempt_that_began_while_we_were_away_is_heard_from_its_start(void **state)
{
	const struct step	steps[] = {
		BEGINS, { "\"job.wait\"", SAID("stdout", 4, "one\\n") }, { RIG_ANEW, NULL },
		{ "{\"id\":41,\"limit\":1}", RESULT(2, "{\"attempt\":2,\"pieces\":[],\"next\":0}") },
		{ "{\"id\":41,\"attempt\":1,\"onwards\":true,\"offset\":4,\"follow\":true,\"hold\":true}",
		    RESULT(3, "{\"attempt\":1,\"pieces\":[],\"next\":4}") },
		{ "\"job.wait\"", OUTPUT("\"stream\":\"stdout\",\"offset\":4,\"next\":8,\"at_ms\":1,"
		    "\"data\":\"two\\n\"") OUTPUT_OF(2, "\"stream\":\"stdout\",\"offset\":0,\"next\":4,"
		    "\"at_ms\":1,\"data\":\"one\\n\"") END GOOD(4, 0) }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("run"), W("-n"), W("--"), W("x")), 0);
	assert_string_equal(last.out, "one\ntwo\none\n");
	rig_assert_said("job 41: its attempt 2 begins");
	rig_assert_content();
}

static void
test_stdin_that_was_on_its_way_is_not_sent_twice(void **state)
{
	const struct step	steps[] = {
		BEGINS, { "\"job.wait\"", NULL }, { "\"job.write\"", NULL }, { RIG_ANEW, NULL }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL_INPUT("x", W("run"), W("cat")), 125);
	rig_assert_said("stdin was on its way");
	rig_assert_said("jobctl logs -f --offset 0 41");
	rig_assert_said("jobctl result 41");
	rig_assert_content();
}

/* ---- logs ---- */

static void
test_logs_reads_answer_after_answer(void **state)
{
	const struct step	steps[] = {
		{ "\"job.log\",\"params\":{\"id\":41}", LOG(2, "{\"stream\":\"stdout\",\"data\":\"ab\"},"
		    "{\"stream\":\"note\",\"data\":\"n\"}", "\"next\":3,\"bytes\":5,\"eof\":false") },
		{ "\"job.log\",\"params\":{\"id\":41,\"attempt\":1,\"offset\":3}",
		    LOG(3, "{\"stream\":\"stdout\",\"data\":\"cd\"}", "\"next\":5,\"bytes\":5,\"eof\":false") },
		{ 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("logs"), W("41")), 0);
	assert_string_equal(last.out, "abcd");
	assert_string_equal(last.err, "n");
	rig_assert_content();
}

static void
test_one_stream_of_one_attempt_is_followed_to_its_end(void **state)
{
	const struct step	steps[] = {
		{ "{\"id\":41,\"stream\":\"stderr\",\"attempt\":1,\"offset\":7,\"follow\":true}",
		    RESULT(2, "{\"attempt\":1,\"state\":\"running\",\"offset\":7,\"data\":\"a\",\"next\":8,"
		    "\"bytes\":8,\"eof\":false,\"truncated\":false}") SAID("stderr", 9, "b")
		    OUTPUT("\"gap\":100,\"stream\":\"stderr\",\"offset\":109,\"next\":110,\"data\":\"c\"") END },
		{ 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("logs"), W("-f"), W("--stream"), W("stderr"), W("--attempt=1"),
	    W("--offset"), W("7"), W("41")), 0);
	assert_string_equal(last.out, "");
	rig_assert_said("ab");
	rig_assert_said("100 bytes of its output are not kept");
	rig_assert_content();
}

static void
test_logs_of_no_job_are_not_found(void **state)
{
	const struct step	steps[] = {
		{ "\"job.log\"", ERROR(2, "not_found", "no job 41") }, { 0 } };

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("logs"), W("-f"), W("41")), 3);
	rig_assert_said("no job 41 (not_found)");
	rig_assert_content();
}

/* ---- write ---- */

static void
test_write_ends_when_all_is_taken_and_closes_when_asked(void **state)
{
	const struct step	open[] = {
		{ "{\"id\":41,\"data_base64\":\"aGk=\"}", RESULT(2, "{\"id\":41}") }, { 0 } };
	const struct step	closed[] = {
		{ "{\"id\":41,\"data_base64\":\"aGk=\"}", RESULT(2, "{\"id\":41}") },
		{ "{\"id\":41,\"eof\":true}", RESULT(3, "{\"id\":41}") }, { 0 } };
	const struct step	refused[] = {
		{ "\"job.write\"", ERROR(2, "conflict", "it does not run") }, { 0 } };

	(void)state;
	rig_start(open);
	assert_int_equal(JOBCTL_INPUT("hi", W("write"), W("41")), 0);
	rig_assert_content();
	rig_start(closed);
	assert_int_equal(JOBCTL_INPUT("hi", W("write"), W("--eof"), W("41")), 0);
	rig_assert_content();
	rig_start(refused);
	assert_int_equal(JOBCTL_INPUT("hi", W("write"), W("41")), 8);
	rig_assert_said("it does not run (conflict)");
	rig_assert_content();
}

/* ---- sinks ---- */

static void
sink_into(int fd, int reader)
{
	struct sink	s;
	char		block[4096], back[4096];
	size_t		put = 0, got = 0;
	ssize_t		n;

	sink_init(&s, fd);
	while (!sink_full(&s)) {		/* nobody reads: it must not wait */
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = (char)((put + i) * 31 >> 3);
		sink_put(&s, block, sizeof(block));
		put += sizeof(block);
	}
	while (got < put) {
		n = read(reader, back, sizeof(back));
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++, got++)
			assert_int_equal(back[i], (char)(got * 31 >> 3));
		sink_turn(&s);
	}
	assert_int_equal(sink_poll_fd(&s), -1);
	close(reader);
	signal(SIGPIPE, SIG_IGN);
	sink_put(&s, block, sizeof(block));
	assert_int_equal(sink_finish(&s), -EPIPE);
	sink_put(&s, block, sizeof(block));
	assert_int_equal(buf_len(&s.waiting), 0);
	sink_fini(&s);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	close(fd);
}

static void
test_a_sink_never_waits_and_leaves_the_flags_of_others_alone(void **state)
{
	int	ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	sink_into(ends[1], ends[0]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	sink_into(ends[1], ends[0]);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_run_asks_for_no_timeout_and_holds_the_job_to_our_speed),
		cmocka_unit_test(test_both_streams_come_out_apart_and_as_they_are),
		cmocka_unit_test(test_run_exits_as_its_command),
		cmocka_unit_test(test_who_may_not_run_commands_gets_126_and_a_daemon_without_them_127),
		cmocka_unit_test(test_detached_the_id_is_all),
		cmocka_unit_test(test_stdin_waits_until_the_job_takes_it_and_its_end_is_told),
		cmocka_unit_test(test_a_command_that_reads_no_more_is_left_to_end),
		cmocka_unit_test(test_more_attempts_than_stdins_are_a_usage_error),
		cmocka_unit_test(test_ctrl_c_cancels_and_the_second_one_kills),
		cmocka_unit_test(test_a_job_that_ends_well_in_spite_of_ctrl_c_has_ended_well),
		cmocka_unit_test(test_a_third_ctrl_c_leaves_the_job_alone),
		cmocka_unit_test(test_other_signals_are_handed_on),
		cmocka_unit_test(test_ctrl_z_stops_the_job_and_then_us),
		cmocka_unit_test(test_a_reader_that_is_gone_is_a_broken_pipe_for_the_job),
		cmocka_unit_test(test_run_comes_back_and_goes_on_with_the_output_where_it_was),
		cmocka_unit_test(test_another_attempt_begins_anew),
		cmocka_unit_test(test_an_attempt_that_began_while_we_were_away_is_heard_from_its_start),
		cmocka_unit_test(test_stdin_that_was_on_its_way_is_not_sent_twice),
		cmocka_unit_test(test_logs_reads_answer_after_answer),
		cmocka_unit_test(test_one_stream_of_one_attempt_is_followed_to_its_end),
		cmocka_unit_test(test_logs_of_no_job_are_not_found),
		cmocka_unit_test(test_write_ends_when_all_is_taken_and_closes_when_asked),
		cmocka_unit_test(test_a_sink_never_waits_and_leaves_the_flags_of_others_alone),
	};

	return cmocka_run_group_tests_name("client run", tests, rig_set_up, rig_tear_down);
}
