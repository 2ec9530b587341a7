/* client_command.c - commands on the command line: submit --, map --, signal, worker. */
#include "tests/unit/client_rig.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/signals.h"
#include "lib/fd.h"

#define GOOD(id)	RESULT(id, "{\"id\":41,\"state\":\"succeeded\",\"result\":{\"exit_code\":0}}")

static char	here[PATH_MAX];

/* ---- submit ---- */

static void
test_a_command_is_handed_in_with_our_directory_and_named_variables(void **state)
{
	char			job[PATH_MAX + 400];
	const struct step	steps[] = {
		{ job, RESULT(2, "{\"id\":41,\"state\":\"ready\"}") }, { 0 }
	};

	(void)state;
	snprintf(job, sizeof(job), "\"job.submit\",\"params\":{\"type\":\"command\",\"args\":{"
	    "\"argv\":[\"sort\",\"-n\",\"a b\",\"{}\",\"\"],\"cwd\":\"%s\","
	    "\"env\":{\"B\":\"=two\",\"HERE\":\"mine\",\"A\":\"3\"}},\"queue\":\"q\"}", here);
	setenv("HERE", "mine", 1);
	unsetenv("NOT_HERE");
	rig_start(steps);
	assert_int_equal(JOBCTL(W("submit"), W("-q"), W("q"), W("-eA=1"), W("-e"), W("B==two"),
	    W("--env=HERE"), W("-eNOT_HERE"), W("-eA=3"), W("--"), W("sort"), W("-n"), W("a b"),
	    W("{}"), W("")), 0);
	assert_string_equal(last.out, "41\n");
	rig_assert_content();
}

static void
test_a_relative_directory_goes_from_here_and_stdin_can_stay_open(void **state)
{
	char			job[PATH_MAX + 200];
	const struct step	steps[] = {
		{ job, RESULT(2, "{\"id\":41,\"state\":\"ready\"}") }, { 0 }
	};

	(void)state;
	snprintf(job, sizeof(job), "{\"argv\":[\"cat\"],\"cwd\":\"%s/sub\",\"stdin_stream\":true}", here);
	rig_start(steps);
	assert_int_equal(JOBCTL(W("submit"), W("-i"), W("-C"), W("sub"), W("--"), W("cat")), 0);
	rig_assert_content();
}

static void
test_words_that_say_no_command_are_usage_errors(void **state)
{
	static const struct step	nothing[] = { { "never", NULL }, { 0 } };

	(void)state;
	rig_start_to_leave(nothing);
	assert_int_equal(JOBCTL(W("submit"), W("-e"), W("A=1"), W("echo")), 2);
	rig_assert_said("--env is of commands");
	assert_int_equal(JOBCTL(W("submit"), W("-e"), W("=1"), W("--"), W("echo")), 2);
	rig_assert_said("write NAME[=VALUE]");
	assert_int_equal(JOBCTL(W("map"), W("--"), W("echo"), W("hi")), 2);
	rig_assert_said("no {}, where the line goes");
	assert_int_equal(JOBCTL(W("map"), W("--lines=k"), W("--"), W("echo"), W("{}")), 2);
	rig_assert_said("--lines is of types");
	assert_int_equal(JOBCTL(W("map"), W("echo"), W("more")), 2);
	rig_assert_said("usage: jobctl map TYPE");
	assert_int_equal(JOBCTL(W("map"), W("--"), W("echo"), W("{}"), W("\xff")), 2);
	rig_assert_said("is not UTF-8");
	assert_int_equal(JOBCTL(W("signal"), W("LOUD"), W("4")), 2);
	rig_assert_said("'LOUD' is no signal");
	rig_leave();
}

/* ---- map ---- */

#define KNOWN	{ "\"type.show\",\"params\":{\"name\":\"command\"}", RESULT(2, "{\"name\":\"command\"}") }

static void
test_each_line_takes_the_place_of_the_braces_as_it_is(void **state)
{
	const struct step	steps[] = {
		KNOWN,
		{ "\"argv\":[\"mv\",\"-f\",\"a 'b' \\\"c\\\"\",\"x/a 'b' \\\"c\\\".a 'b' \\\"c\\\"\"],\"cwd\"",
		    GOOD(3) },
		{ "\"argv\":[\"mv\",\"-f\",\"-rf\",\"x/-rf.-rf\"]", GOOD(4) },
		{ "\"argv\":[\"mv\",\"-f\",\"\",\"x/.\"]", GOOD(5) },
		{ "\"argv\":[\"mv\",\"-f\",\"{}$(id)\",\"x/{}$(id).{}$(id)\"]", GOOD(6) },
		{ RIG_STAY, NULL }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL_INPUT("a 'b' \"c\"\n-rf\n\n{}$(id)\n", W("map"), W("-j1"), W("--"),
	    W("mv"), W("-f"), W("{}"), W("x/{}.{}")), 0);
	rig_assert_said("4 jobs: 4 succeeded");
	rig_assert_content();
}

static void
test_a_line_that_ends_in_a_nul_may_have_newlines(void **state)
{
	const struct step	steps[] = {
		KNOWN, { "\"argv\":[\"cat\",\"a\\nb\"]", GOOD(3) }, { "\"argv\":[\"cat\",\"c\"]", GOOD(4) },
		{ RIG_STAY, NULL }, { 0 }
	};
	char			*words[] = { W("map"), W("-0j1"), W("--"), W("cat"), W("{}"), NULL };

	(void)state;
	rig_start(steps);
	assert_int_equal(rig_jobctl_bytes("a\nb\0c", 5, words), 0);
	rig_assert_content();
}

static void
test_a_line_that_no_argument_can_be_is_refused_alone(void **state)
{
	const struct step	steps[] = {
		KNOWN, { "\"argv\":[\"cat\",\"c\"]", GOOD(3) }, { RIG_STAY, NULL }, { 0 }
	};
	char			*words[] = { W("map"), W("--"), W("cat"), W("{}"), NULL };

	(void)state;
	rig_start(steps);
	assert_int_equal(rig_jobctl_bytes("a\0b\n\xff\nc\n", 8, words), 1);
	rig_assert_said("3 jobs: 1 succeeded, 2 refused");
	assert_non_null(strstr(last.out, "\"index\":0,\"id\":null,\"state\":\"refused\""));
	assert_non_null(strstr(last.out, "has a NUL"));
	rig_assert_content();
}

/* ---- signal ---- */

static void
test_a_signal_goes_to_each_job_by_its_name(void **state)
{
	const struct step	steps[] = {
		{ "\"job.signal\",\"params\":{\"id\":4,\"signal\":\"USR1\"}", RESULT(2, "{\"id\":4}") },
		{ "\"job.signal\",\"params\":{\"id\":5,\"signal\":\"USR1\"}",
		    ERROR(3, "conflict", "it does not run") }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("signal"), W("sigusr1"), W("4-5")), 8);
	assert_string_equal(last.out, "4\n");
	rig_assert_said("job 5: it does not run (conflict)");
	rig_assert_content();
}

static void
test_signals_have_one_name_however_they_are_given(void **state)
{
	static const struct {
		const char	*word, *name;
	} rows[] = {
		{ "TERM", "TERM" }, { "SIGTERM", "TERM" }, { "sigterm", "TERM" }, { "15", "TERM" },
		{ "9", "KILL" }, { "hup", "HUP" }, { "0", NULL }, { "99", NULL }, { "", NULL },
		{ "SIG", NULL }, { "15x", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char	*name = signal_name_of(rows[i].word);

		if (rows[i].name == NULL)
			assert_null(name);
		else
			assert_string_equal(name, rows[i].name);
	}
	assert_int_equal(signal_number_of("SIGSEGV"), SIGSEGV);
}

/* ---- type show, type check ---- */

static void
test_a_type_shows_where_it_comes_from_and_what_its_jobs_get(void **state)
{
	const struct step	steps[] = {
		{ "\"type.show\",\"params\":{\"name\":\"thumb\"}",
		    RESULT(2, "{\"name\":\"thumb\",\"pool\":\"exec:web\",\"file\":\"/etc/jobd/jobs.d/thumb.job\","
		    "\"plugin\":null,\"role\":\"operator\",\"grace_ms\":10000,\"defaults\":{\"queue\":\"images\","
		    "\"priority\":-5,\"timeout_ms\":300000,\"ttl_ms\":0,\"on_lost\":\"fail\"}}") }, { 0 } };

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("type"), W("show"), W("thumb")), 0);
	assert_non_null(strstr(last.out, "file     /etc/jobd/jobs.d/thumb.job\n"));
	assert_non_null(strstr(last.out, "pool     exec:web\n"));
	assert_non_null(strstr(last.out, "role     operator\n"));
	assert_non_null(strstr(last.out, "queue images, priority -5, timeout 5m00s, grace 10.0s, "
	    "not run again when lost\n"));
	rig_assert_content();
}

static void
write_file(const char *name, const char *text)
{
	int	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void
test_files_are_checked_without_a_daemon_by_line_and_key(void **state)
{
	char	dir[] = "/tmp/jobctl-check-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	write_file("good.job", "summary = lists\nargv = [\"ls\", \"-l\"]\n");
	write_file("bad.job", "summary = lists\nargv = ls -l\n");
	write_file("bad.worker", "worker = [\"python3\"]\ncount = many\ntypes = a\n");
	write_file("Upper.job", "");
	write_file("readme", "");
	assert_int_equal(JOBCTL(W("type"), W("check"), W("good.job")), 0);
	assert_string_equal(last.out, "good.job: type good is right\n");
	assert_int_equal(JOBCTL(W("type"), W("check"), W("good.job"), W("bad.job"), W("bad.worker"),
	    W("Upper.job"), W("readme"), W("gone.job")), 5);
	assert_non_null(strstr(last.out, "good.job: type good is right\nbad.job:2: argv "));
	assert_non_null(strstr(last.out, "\nbad.worker:2: count "));
	assert_non_null(strstr(last.out, "\nUpper.job: 'Upper' is no name"));
	assert_non_null(strstr(last.out, "\nreadme: its name must end in .job or .worker\n"));
	assert_non_null(strstr(last.out, "\ngone.job: cannot be read: No such file"));
	assert_int_equal(JOBCTL(W("type"), W("check"), W("-ojson"), W("bad.job"), W("good.job")), 5);
	assert_non_null(strstr(last.out, "[{\"file\":\"bad.job\",\"line\":2,\"key\":\"argv\",\"message\":"));
	assert_int_equal(JOBCTL(W("type"), W("check"), W("-ojson"), W("good.job")), 0);
	assert_string_equal(last.out, "[]\n");
	for (size_t i = 0; i < 5; i++)
		unlink((const char *[]){ "good.job", "bad.job", "bad.worker", "Upper.job", "readme" }[i]);
	assert_int_equal(chdir(here), 0);
	rmdir(dir);
}

/* ---- worker ---- */

static void
test_a_worker_is_drained_and_recycled_by_its_name(void **state)
{
	const struct step	drain[] = {
		{ "\"worker.drain\",\"params\":{\"name\":\"cpu-1\"}", RESULT(2, "{\"name\":\"cpu-1\"}") },
		{ 0 } };
	const struct step	recycle[] = {
		{ "\"worker.recycle\",\"params\":{\"name\":\"x\"}", ERROR(2, "not_found", "no worker x") },
		{ 0 } };

	(void)state;
	rig_start(drain);
	assert_int_equal(JOBCTL(W("worker"), W("drain"), W("cpu-1")), 0);
	rig_assert_said("cpu-1 takes no new jobs");
	rig_assert_content();
	rig_start(recycle);
	assert_int_equal(JOBCTL(W("worker"), W("recycle"), W("x")), 3);
	rig_assert_said("no worker x (not_found)");
	rig_assert_content();
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_a_command_is_handed_in_with_our_directory_and_named_variables),
		cmocka_unit_test(test_a_relative_directory_goes_from_here_and_stdin_can_stay_open),
		cmocka_unit_test(test_words_that_say_no_command_are_usage_errors),
		cmocka_unit_test(test_each_line_takes_the_place_of_the_braces_as_it_is),
		cmocka_unit_test(test_a_line_that_ends_in_a_nul_may_have_newlines),
		cmocka_unit_test(test_a_line_that_no_argument_can_be_is_refused_alone),
		cmocka_unit_test(test_a_signal_goes_to_each_job_by_its_name),
		cmocka_unit_test(test_signals_have_one_name_however_they_are_given),
		cmocka_unit_test(test_a_type_shows_where_it_comes_from_and_what_its_jobs_get),
		cmocka_unit_test(test_files_are_checked_without_a_daemon_by_line_and_key),
		cmocka_unit_test(test_a_worker_is_drained_and_recycled_by_its_name),
	};

	if (getcwd(here, sizeof(here)) == NULL)
		return 1;
	return cmocka_run_group_tests_name("client command", tests, rig_set_up, rig_tear_down);
}
