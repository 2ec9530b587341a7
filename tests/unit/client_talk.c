/* client_talk.c - jobctl against a daemon that says what the test wants: tests/unit/client_rig.h. */
#include "tests/unit/client_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/fd.h"

/* ---- call ---- */

static void
test_call_prints_the_result_exactly_as_it_was_spelt(void **state)
{
	const struct step	steps[] = {
		{ "\"job.call\",\"params\":{\"type\":\"echo\",\"args\":{\"b\":1.0,  \"a\":1e999}}",
		    RESULT(2, "{\"id\":41,\"state\":\"succeeded\","
		    "\"result\":{\"b\":1.0,  \"a\":1e999}}") }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("call"), W("echo"), W("{\"b\":1.0,  \"a\":1e999}")), 0);
	assert_string_equal(last.out, "{\"b\":1.0,  \"a\":1e999}\n");
	assert_string_equal(last.err, "");
	rig_assert_content();
}

static void
test_a_null_result_is_a_result(void **state)
{
	const struct step	steps[] = {
		{ "\"job.call\"",
		    RESULT(2, "{\"id\":41,\"state\":\"succeeded\",\"result\":null}") }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("call"), W("echo")), 0);
	assert_string_equal(last.out, "null\n");
	rig_assert_content();
}

static void
test_call_exits_as_its_job_did(void **state)
{
	static const struct {
		const char	*reply;
		int		 code;
		const char	*said;
	} rows[] = {
		{ RESULT(2, "{\"id\":4,\"state\":\"failed\",\"failure\":{\"kind\":\"error\","
		    "\"message\":\"no file\"}}"),
		    1, "job 4 failed (error): no file" },
		{ RESULT(2, "{\"id\":4,\"state\":\"failed\",\"failure\":{\"kind\":\"timeout\","
		    "\"message\":\"slow\"}}"),
		    124, "job 4 failed (timeout): slow" },
		{ RESULT(2, "{\"id\":4,\"state\":\"cancelled\","
		    "\"reason\":\"cancelled on request\"}"),
		    1, "job 4 cancelled on request" },
		{ ERROR(2, "forbidden", "not you"), 126, "not you (forbidden)" },
		{ ERROR(2, "queue_full", "too many"), 125, "too many (queue_full)" },
		{ ERROR(2, "wait_timeout", "time is over"), 125, "time is over (wait_timeout)" },
		{ RESULT(2, "{\"id\":4}"), 125, "lacks what it should say" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct step	steps[] = { { "\"job.call\"", rows[i].reply }, { 0 } };

		rig_start(steps);
		assert_int_equal(JOBCTL(W("call"), W("x")), rows[i].code);
		assert_string_equal(last.out, "");
		rig_assert_said(rows[i].said);
		rig_assert_content();
	}
}

static void
test_an_unknown_type_is_127_with_the_one_that_was_meant(void **state)
{
	const struct step	steps[] = {
		{ "\"job.call\"", ERROR(2, "unknown_type", "no handler has the type 'ehco'") },
		{ "\"type.list\"",
		    RESULT(3, "{\"items\":[{\"name\":\"sleep\"},{\"name\":\"echo\"}],"
		    "\"next\":null}") },
		{ 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("call"), W("ehco"), W("1")), 127);
	rig_assert_said("did you mean echo?");
	rig_assert_content();
}

static void
test_a_long_result_is_read_in_pieces_and_printed_whole(void **state)
{
	const struct step	steps[] = {
		{ "\"job.call\"",
		    RESULT(2, "{\"id\":4,\"state\":\"succeeded\",\"result_bytes\":12}") },
		{ "\"job.result\",\"params\":{\"id\":4,\"offset\":0,",
		    RESULT(3, "{\"data\":\"[\\\"\\u00fc\\\\n\",\"offset\":0,"
		    "\"total\":12,\"eof\":false}") },
		{ "\"offset\":6,",
		    RESULT(4, "{\"data\":\"\\\", 7]\",\"offset\":6,\"total\":11,\"eof\":true}") },
		{ 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("call"), W("x")), 0);
	assert_string_equal(last.out, "[\"ü\\n\", 7]\n");
	rig_assert_content();
}

static void
test_pieces_that_lead_nowhere_are_refused(void **state)
{
	static const char *const replies[] = {
		RESULT(3, "{\"data\":\"\",\"offset\":0,\"total\":9,\"eof\":false}"),
		RESULT(3, "{\"data\":\"abc\",\"offset\":1,\"total\":9,\"eof\":false}"),
		RESULT(3, "{\"data\":\"abc\",\"offset\":0,\"total\":9,\"eof\":true}"),
		RESULT(3, "{\"data\":7,\"offset\":0,\"total\":9,\"eof\":true}"),
		RESULT(3, "{}"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		const struct step	steps[] = {
			{ "\"job.call\"",
			    RESULT(2, "{\"id\":4,\"state\":\"succeeded\",\"result_bytes\":9}") },
			{ "\"job.result\"", replies[i] }, { 0 }
		};

		rig_start(steps);
		assert_int_equal(JOBCTL(W("call"), W("x")), 125);
		rig_assert_said("the reply to job.result");
		rig_assert_content();
	}
}

static void
test_an_argument_that_is_not_json_is_explained(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		rig_start_to_leave((const struct step[]){ { "nothing", NULL }, { 0 } });
		assert_int_equal(i == 0 ? JOBCTL(W("submit"), W("echo"), W("hi")) :
		    JOBCTL(W("call"), W("echo"), W("hi")), i == 0 ? 2 : 125);
		rig_assert_said("a string wants its quotes: '\"hi\"'");
		waitpid(rig_daemon, NULL, 0);
	}
}

/* ---- what may go wrong with a daemon ---- */

static void
test_a_daemon_that_talks_nonsense_is_not_believed(void **state)
{
	static const struct {
		const char	*reply, *said;
	} rows[] = {
		{ "HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak jobd's protocol" },
		{ "{\"id\":2,\"result\":{}\n", "does not speak jobd's protocol" },
		{ "[]\n", "does not speak jobd's protocol" },
		{ "{\"id\":2}\n", "a reply to nothing that was asked" },
		{ "{\"id\":7,\"result\":{}}\n", "a reply to nothing that was asked" },
		{ "{\"id\":\"2\",\"result\":{}}\n", "a reply to nothing that was asked" },
		{ "{\"id\":1,\"result\":{}}\n", "a second reply to one request" },
		{ "{\"id\":2,\"result\":{}", "closed the connection in the middle of a reply" },
		{ "", "closed the connection without an answer" },
		{ "{\"id\":null,\"error\":{\"message\":\"go away\","
		    "\"data\":{\"kind\":\"too_slow\"}}}\n", "go away" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct step	steps[] = { { "\"ping\"", rows[i].reply }, { 0 } };
		int			code = i + 1 == COUNT(rows) ? 5 : 6;

		rig_start(steps);
		assert_int_equal(JOBCTL(W("ping")), code);
		assert_string_equal(last.out, "");
		rig_assert_said(rows[i].said);
		rig_assert_content();
		rig_start((const struct step[]){ { "\"job.call\"", rows[i].reply }, { 0 } });
		assert_int_equal(JOBCTL(W("call"), W("x")), 125);
		rig_assert_content();
	}
}

static void
test_a_line_without_an_end_is_given_up(void **state)
{
	char	*noise = mem_zalloc(1, ((size_t)6 << 20) + 1);

	(void)state;
	memset(noise, 'x', (size_t)6 << 20);
	rig_start_to_leave((const struct step[]){ { "\"ping\"", noise }, { 0 } });
	assert_int_equal(JOBCTL(W("ping")), 6);
	rig_assert_said("a line longer than was agreed");
	waitpid(rig_daemon, NULL, 0);
	free(noise);
}

static void
test_nobody_there_is_6_or_125(void **state)
{
	(void)state;
	assert_int_equal(JOBCTL(W("-H"), W("unix:/nonexistent/s"), W("ping")), 6);
	rig_assert_said("unix:/nonexistent/s: No such file or directory; is jobd running?");
	assert_int_equal(JOBCTL(W("-H"), W("unix:/nonexistent/s"), W("call"), W("x")), 125);
	assert_int_equal(JOBCTL(W("-H"), W("unix:/nonexistent/s"), W("result"), W("7")), 125);
	assert_int_equal(JOBCTL(W("-H"), W("/x"), W("ping")), 2);
	assert_int_equal(JOBCTL(W("-H"), W("unix:/nonexistent/s"), W("version")), 0);
}

static void
test_usage_errors_are_2_before_anybody_is_asked(void **state)
{
	(void)state;
	assert_int_equal(JOBCTL(W("-H"), W("unix:/nonexistent/s"), W("wait"), W("x")), 2);
	assert_int_equal(JOBCTL(W("wait")), 2);
	assert_int_equal(JOBCTL(W("cancel"), W("1"), W("--state"), W("ready")), 2);
	assert_int_equal(JOBCTL(W("pnig")), 2);
	rig_assert_said("did you mean ping?");
	assert_int_equal(JOBCTL(W("ping"), W("x")), 2);
	assert_int_equal(JOBCTL(W("-oid"), W("ping")), 2);
	assert_int_equal(JOBCTL(W("map"), W("x"), W("-j"), W("99999")), 2);
	assert_int_equal(JOBCTL(W("call")), 125);
}

static void
test_words_of_the_daemon_cannot_command_the_terminal(void **state)
{
	const struct step	steps[] = {
		{ "\"ping\"", ERROR(2, "internal", "\\u001b[31mred\\n") }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("ping")), 5);
	rig_assert_said("\\x1b[31mred\\x0a");
	rig_assert_content();
}

/* ---- hello ---- */

static void
test_hello_says_who_asks_and_how_long_a_line_it_reads(void **state)
{
	const struct step	steps[] = {
		{ "\"hello\",\"params\":{\"client\":\"jobctl/" PACKAGE_VERSION "\","
		    "\"max_line_bytes\":4194304}", HELLO },
		{ "\"ping\"", RESULT(2, "{\"pong\":true}") }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("ping"), W("-ojson")), 0);
	assert_string_equal(last.out, "{\"pong\":true}\n");
	rig_assert_content();
}

static void
test_over_tcp_the_token_is_found_and_sent(void **state)
{
	struct sockaddr_in	sa = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t		len = sizeof(sa);
	char			where[40], path[] = "/tmp/jobctl-token-XXXXXX";
	int			saved = rig_listener, token = mkstemp(path);
	const struct step	steps[] = {
		{ "\"token\":\"client.secret\"", HELLO }, { "\"ping\"", RESULT(2, "{}") }, { 0 }
	};

	(void)state;
	assert_int_equal(write(token, "client.secret\n", 14), 14);
	rig_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(rig_listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(rig_listener, 1), 0);
	getsockname(rig_listener, (struct sockaddr *)&sa, &len);
	snprintf(where, sizeof(where), "tcp:127.0.0.1:%u", ntohs(sa.sin_port));
	rig_start_to_leave((const struct step[]){ { "\"hello\"", NULL }, { 0 } });
	setenv("JOBD_TOKEN_FILE", "/nonexistent/token", 1);
	assert_int_equal(JOBCTL(W("-H"), where, W("ping")), 5);
	rig_assert_said("wants a token and there is none (/nonexistent/token: No such file or "
	    "directory)");
	waitpid(rig_daemon, NULL, 0);
	setenv("JOBD_TOKEN_FILE", path, 1);
	rig_start(steps);
	assert_int_equal(JOBCTL(W("-H"), where, W("ping")), 0);
	rig_assert_content();
	rig_start((const struct step[]){
		{ "\"hello\"", ERROR(1, "unauthenticated", "no such token") }, { 0 }
	});
	assert_int_equal(JOBCTL(W("-H"), where, W("call"), W("x")), 126);
	rig_assert_said("no such token (unauthenticated)");
	rig_assert_content();
	unsetenv("JOBD_TOKEN_FILE");
	unlink(path);
	close(token);
	close(rig_listener);
	rig_listener = saved;
}

/* ---- lists and selection ---- */

static void
test_ls_walks_the_pages_and_prints_aligned_columns(void **state)
{
	const struct step	steps[] = {
		{ "\"job.list\",\"params\":{\"limit\":1000,\"filter\":{\"state\":\"failed\"}}",
		    RESULT(2, "{\"items\":[{\"id\":1041,\"state\":\"failed\",\"type\":\"echo\","
		    "\"queue\":\"default\","
		    "\"reason\":\"timed_out\"}],\"next\":\"77\"}") },
		{ "\"cursor\":\"77\"", RESULT(3, "{\"items\":[],\"next\":\"60\"}") },
		{ "\"cursor\":\"60\"",
		    RESULT(4, "{\"items\":[{\"id\":7,\"state\":\"failed\",\"type\":\"a\\tb\"}],"
		    "\"next\":null}") }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("ls"), W("--state"), W("failed"), W("--all")), 0);
	assert_string_equal(last.out,
	    "  ID  STATE   TYPE    QUEUE    LANE  AGE  WHY\n"
	    "1041  failed  echo    default  -       -  timed out\n"
	    "   7  failed  a\\x09b  -        -       -  -\n");
	rig_assert_content();
}

static void
test_every_format_of_ls(void **state)
{
	static const struct {
		const char	*option, *out;
	} rows[] = {
		{ "-ojson", "[{\"id\":2,\"x\":1.0},\n {\"id\":1}]\n" },
		{ "-ondjson", "{\"id\":2,\"x\":1.0}\n{\"id\":1}\n" },
		{ "-oid", "2\n1\n" },
	};
	const struct step	steps[] = {
		{ "\"job.list\"",
		    RESULT(2, "{\"items\":[{\"id\":2,\"x\":1.0},{\"id\":1}],\"next\":null}") },
		{ 0 }
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		rig_start(steps);
		/* bare jobctl is ls */
		assert_int_equal(JOBCTL((char *)(size_t)rows[i].option), 0);
		assert_string_equal(last.out, rows[i].out);
		rig_assert_content();
	}
}

static void
test_last_asks_for_the_users_own_newest_jobs(void **state)
{
	const struct step	steps[] = {
		{ "{\"limit\":2,\"filter\":{\"by\":\"uid:7\"}}",
		    RESULT(2, "{\"items\":[{\"id\":9},{\"id\":5}],\"next\":\"4\"}") },
		{ "\"job.cancel\",\"params\":{\"id\":5}", NULL },
		{ "\"job.cancel\",\"params\":{\"id\":9}",
		    RESULT(4, "{\"id\":9,\"state\":\"cancelled\"}")
		    ERROR(3, "conflict", "it has ended") }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("cancel"), W("@last:2")), 8);
	assert_string_equal(last.out, "9\n");
	rig_assert_said("job 5: it has ended (conflict)");
	rig_assert_content();
}

/* ---- wait ---- */

static void
test_wait_says_how_each_job_ended(void **state)
{
	const struct step	steps[] = {
		{ "\"job.wait\",\"params\":{\"id\":3}", NULL },
		{ "{\"id\":4}", NULL },
		{ "{\"id\":5}", RESULT(4, "{\"id\":5,\"state\":\"succeeded\",\"result\":1}")
		    RESULT(2, "{\"id\":3,\"state\":\"failed\",\"failure\":{\"kind\":\"crash\","
		    "\"message\":\"it died\"}}")
		    RESULT(3, "{\"id\":4,\"state\":\"succeeded\",\"result\":2}") }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL(W("wait"), W("3-5")), 1);
	assert_string_equal(last.out, "5  succeeded\n3  failed  crash: it died\n4  succeeded\n");
	rig_assert_said("1 of 3 jobs did not succeed");
	rig_assert_content();
}

static void
test_wait_tells_unknown_late_and_any_apart(void **state)
{
	static const struct {
		const char	*words[5], *reply_first, *reply_second;
		int		 code;
		const char	*said;
	} rows[] = {
		{ { "wait", "3", "4" }, ERROR(2, "not_found", "there is no job 3"),
		    RESULT(3, "{\"id\":4,\"state\":\"succeeded\",\"result\":2}"), 3,
		    "job 3: there is no job 3" },
		{ { "wait", "3", "4", "--timeout=1s" },
		    RESULT(2, "{\"id\":3,\"state\":\"succeeded\",\"result\":2}"),
		    ERROR(3, "wait_timeout", "over"), 4, "1 of 2 jobs not finished" },
		{ { "wait", "--any", "3", "4" }, NULL,
		    RESULT(3, "{\"id\":4,\"state\":\"succeeded\",\"result\":2}"),
		    0, "" },
		{ { "wait", "--any", "3", "4" }, NULL,
		    RESULT(3, "{\"id\":4,\"state\":\"expired\",\"reason\":\"x\"}"),
		    1, "1 of 1 jobs did not succeed" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct step	steps[] = {
			{ "{\"id\":3", rows[i].reply_first }, { "{\"id\":4", rows[i].reply_second },
			    { 0 }
		};
		char			*words[5];

		memcpy(words, rows[i].words, sizeof(words));
		rig_start(steps);
		assert_int_equal(rig_jobctl("", words), rows[i].code);
		rig_assert_said(rows[i].said);
		rig_assert_content();
	}
}

/* ---- map ---- */

#define TYPE_KNOWN	\
	{ "\"type.show\",\"params\":{\"name\":\"echo\"}", RESULT(2, "{\"name\":\"echo\"}") }
#define GOOD(request, id, result) \
	RESULT(request, "{\"id\":" #id ",\"state\":\"succeeded\",\"result\":" result "}")

static void
test_map_prints_outcomes_as_they_come(void **state)
{
	const struct step	steps[] = {
		TYPE_KNOWN,
		{ "\"args\":1,\"labels\":{\"map\":\"m\"}}", NULL },
		{ "\"args\":{\"x\": 2}", NULL },
		{ "\"args\":3", GOOD(5, 13, "3") GOOD(3, 11, "1")
		    RESULT(4, "{\"id\":12,\"state\":\"failed\",\"failure\":{\"kind\":\"error\","
		    "\"message\":\"no\"}}") },
		{ 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL_INPUT("1\n{\"x\": 2}\n\n3\n", W("map"), W("echo"), W("-lmap=m")),
	    1);
	assert_string_equal(last.out,
	    "{\"index\":3,\"id\":13,\"state\":\"succeeded\",\"result\":3}\n"
	    "{\"index\":0,\"id\":11,\"state\":\"succeeded\",\"result\":1}\n"
	    "{\"index\":1,\"id\":12,\"state\":\"failed\",\"failure\":{\"kind\":\"error\","
	    "\"message\":\"no\"}}\n");
	rig_assert_said("3 jobs: 2 succeeded, 1 failed in ");
	rig_assert_said("; the failed: jobctl ls -l map=m --state failed\n");
	rig_assert_content();
}

static void
test_map_gathers_in_the_order_of_the_input(void **state)
{
	const struct step	steps[] = {
		TYPE_KNOWN, { "{\"t\":\"a \\\"b\\\"\"}", NULL }, { "{\"t\":\"\"}", NULL },
		{ "{\"t\":\"c\\nd\"}", GOOD(5, 13, "3") GOOD(4, 12, "2") GOOD(3, 11, "1") }, { 0 }
	};
	static const char	input[] = "a \"b\"\0\0c\nd";

	(void)state;
	rig_start(steps);
	assert_int_equal(rig_jobctl_bytes(input, sizeof(input) - 1, (char *[]){ W("map"),
	    W("echo"), W("--gather"), W("-0"), W("--lines=t"), W("-ojson"), NULL }), 0);
	assert_string_equal(last.out,
	    "[{\"index\":0,\"id\":11,\"state\":\"succeeded\",\"result\":1},\n"
	    " {\"index\":1,\"id\":12,\"state\":\"succeeded\",\"result\":2},\n"
	    " {\"index\":2,\"id\":13,\"state\":\"succeeded\",\"result\":3}]\n");
	rig_assert_said("3 jobs: 3 succeeded in ");
	rig_assert_content();
}

static void
test_map_reports_lines_that_nobody_takes(void **state)
{
	const struct step	steps[] = {
		TYPE_KNOWN, { "\"args\":7", NULL },
		{ "\"args\":8", ERROR(4, "queue_full", "full") GOOD(3, 11, "7") }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL_INPUT("oops\n7\n8\n", W("map"), W("echo"), W("--gather")), 1);
	assert_non_null(strstr(last.out,
	    "{\"index\":0,\"id\":null,\"state\":\"refused\",\"failure\":"
	    "{\"kind\":\"parse_error\","));
	assert_non_null(strstr(last.out,
	    "{\"index\":2,\"id\":null,\"state\":\"refused\",\"failure\":"
	    "{\"kind\":\"queue_full\",\"message\":\"full\"}}\n"));
	rig_assert_said("line 1 is not JSON");
	rig_assert_said("3 jobs: 1 succeeded, 2 refused");
	rig_assert_content();
}

static void
test_map_stops_at_an_error_that_every_line_would_meet(void **state)
{
	const struct step	unknown[] = {
		{ "\"type.show\"", ERROR(2, "not_found", "there is no type 'ehco'") },
		{ "\"type.list\"", RESULT(3, "{\"items\":[{\"name\":\"echo\"}]}") }, { 0 }
	};
	const struct step	draining[] = {
		TYPE_KNOWN, { "\"args\":1", ERROR(3, "draining", "no new jobs") }, { 0 }
	};

	(void)state;
	rig_start(unknown);
	assert_int_equal(JOBCTL_INPUT("1\n", W("map"), W("ehco")), 5);
	rig_assert_said("did you mean echo?");
	rig_assert_content();
	rig_start(draining);
	assert_int_equal(JOBCTL_INPUT("1\n2\n3\n", W("map"), W("echo"), W("-j1")), 7);
	assert_string_equal(last.out, "");
	rig_assert_content();
}

static void
test_map_fetches_long_results_one_after_the_other(void **state)
{
	const struct step	steps[] = {
		TYPE_KNOWN, { "\"args\":1", NULL },
		{ "\"args\":2", RESULT(3, "{\"id\":11,\"state\":\"succeeded\",\"result_bytes\":4}")
		    RESULT(4, "{\"id\":12,\"state\":\"succeeded\",\"result_bytes\":4}") },
		{ "\"job.result\",\"params\":{\"id\":11,\"offset\":0",
		    RESULT(5, "{\"data\":\"[1\",\"offset\":0,\"total\":4,\"eof\":false}") },
		{ "{\"id\":11,\"offset\":2",
		    RESULT(6, "{\"data\":\" ]\",\"offset\":2,\"total\":4,\"eof\":true}") },
		{ "{\"id\":12,\"offset\":0", ERROR(7, "not_found", "forgotten") }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL_INPUT("1\n2\n", W("map"), W("echo")), 1);
	assert_string_equal(last.out,
	    "{\"index\":0,\"id\":11,\"state\":\"succeeded\",\"result\":[1 ]}\n"
	    "{\"index\":1,\"id\":12,\"state\":\"succeeded\",\"failure\":{\"kind\":\"bad_result\","
	    "\"message\":\"forgotten\"}}\n");
	rig_assert_content();
}

static void
test_map_says_what_it_does_not_know_when_the_daemon_is_gone(void **state)
{
	const struct step	steps[] = {
		TYPE_KNOWN, { "\"args\":1", NULL }, { "\"args\":2", GOOD(3, 11, "1") }, { 0 }
	};

	(void)state;
	rig_start(steps);
	assert_int_equal(JOBCTL_INPUT("1\n2\n", W("map"), W("echo")), 6);
	assert_string_equal(last.out,
	    "{\"index\":0,\"id\":11,\"state\":\"succeeded\",\"result\":1}\n");
	rig_assert_said("closed the connection");
	rig_assert_said("2 jobs: 1 succeeded, 1 not known");
	rig_assert_content();
}

/* Two calls run; then Ctrl-C: they are found by their label and cancelled; outcomes still come. */
static void
test_ctrl_c_cancels_what_map_has_running(void **state)
{
	const struct step	steps[] = {
		TYPE_KNOWN, { "\"args\":1", NULL }, { "\"args\":2", RIG_TELL },
		{ "\"filter\":{\"state\":\"scheduled\",\"label\":{\"map\":",
		    RESULT(5, "{\"items\":[],\"next\":null}") },
		{ "\"filter\":{\"state\":\"ready\"",
		    RESULT(6, "{\"items\":[{\"id\":12}],\"next\":null}") },
		{ "\"filter\":{\"state\":\"running\"",
		    RESULT(7, "{\"items\":[{\"id\":11}],\"next\":null}") },
		{ "\"job.cancel\",\"params\":{\"id\":12}",
		    RESULT(8, "{\"id\":12,\"state\":\"cancelled\"}")
		    RESULT(4, "{\"id\":12,\"state\":\"cancelled\",\"reason\":\"r\"}") },
		{ "\"job.cancel\",\"params\":{\"id\":11}",
		    RESULT(9, "{\"id\":11,\"state\":\"cancelled\"}")
		    RESULT(3, "{\"id\":11,\"state\":\"cancelled\",\"reason\":\"r\"}") },
		{ 0 }
	};
	char			*words[] = { W("map"), W("echo"), NULL };
	int			 out, err;
	pid_t			 pid;

	(void)state;
	rig_start(steps);
	pid = rig_start_jobctl("1\n2\n", 4, words, &out, &err);
	rig_told();
	kill(pid, SIGINT);
	rig_finish_jobctl(pid, out, err);
	assert_true(WIFSIGNALED(last.status));
	assert_int_equal(WTERMSIG(last.status), SIGINT);
	assert_non_null(strstr(last.out, "\"id\":11,\"state\":\"cancelled\""));
	assert_non_null(strstr(last.out, "\"id\":12,\"state\":\"cancelled\""));
	rig_assert_said("2 jobs: 0 succeeded, 2 cancelled");
	rig_assert_content();
}

/*
 * A daemon that writes long replies and reads nothing while they are not taken: who only writes
 * first and reads later would wait for ever.  It also checks that no more than -j calls are ever
 * open.
 */
static void
play_echo(unsigned most)
{
	static char	line[65536], reply[16384], padding[8192];
	int		fd = rig_accept();
	unsigned	held = 0, id = 2;

	memset(padding, 'y', sizeof(padding) - 1);
	rig_must(rig_read_line(fd, line, sizeof(line)), "hello", "the end");
	rig_say(fd, HELLO);
	rig_must(rig_read_line(fd, line, sizeof(line)), "type.show", "the end");
	rig_say(fd, RESULT(2, "{}"));
	while (rig_read_line(fd, line, sizeof(line))) {
		struct pollfd	p = { .fd = fd, .events = POLLIN };

		held++;
		rig_must(held <= most, "no more calls than -j", line);
		if (held < most && poll(&p, 1, 0) == 1)
			continue;
		for (; held > 0; held--) {
			snprintf(reply, sizeof(reply),
			    "{\"id\":%u,\"result\":{\"id\":%u,\"state\":\"succeeded\","
			    "\"result\":\"%s\"}}\n", id + 1, id, padding);
			id++;
			rig_say(fd, reply);
		}
	}
	_exit(id == 2 + 2000 ? 0 : 98);
}

static void
test_map_reads_while_it_writes_and_keeps_to_its_limit(void **state)
{
	struct buf	input = { 0 };
	char		*words[] = { W("map"), W("echo"), W("-j"), W("500"), W("-oid"), NULL };
	size_t		 lines = 0;

	(void)state;
	for (int i = 0; i < 2000; i++)
		buf_printf(&input, "\"%0*d\"\n", 400, i);
	buf_putc(&input, '\0');
	fflush(NULL);
	if ((rig_daemon = fork()) == 0)
		play_echo(500);
	assert_int_equal(rig_jobctl(buf_data(&input), words), 0);
	for (const char *p = last.out; *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 2000);
	buf_free(&input);
	rig_assert_content();
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_call_prints_the_result_exactly_as_it_was_spelt),
		cmocka_unit_test(test_a_null_result_is_a_result),
		cmocka_unit_test(test_call_exits_as_its_job_did),
		cmocka_unit_test(test_an_unknown_type_is_127_with_the_one_that_was_meant),
		cmocka_unit_test(test_a_long_result_is_read_in_pieces_and_printed_whole),
		cmocka_unit_test(test_pieces_that_lead_nowhere_are_refused),
		cmocka_unit_test(test_an_argument_that_is_not_json_is_explained),
		cmocka_unit_test(test_a_daemon_that_talks_nonsense_is_not_believed),
		cmocka_unit_test(test_a_line_without_an_end_is_given_up),
		cmocka_unit_test(test_nobody_there_is_6_or_125),
		cmocka_unit_test(test_usage_errors_are_2_before_anybody_is_asked),
		cmocka_unit_test(test_words_of_the_daemon_cannot_command_the_terminal),
		cmocka_unit_test(test_hello_says_who_asks_and_how_long_a_line_it_reads),
		cmocka_unit_test(test_over_tcp_the_token_is_found_and_sent),
		cmocka_unit_test(test_ls_walks_the_pages_and_prints_aligned_columns),
		cmocka_unit_test(test_every_format_of_ls),
		cmocka_unit_test(test_last_asks_for_the_users_own_newest_jobs),
		cmocka_unit_test(test_wait_says_how_each_job_ended),
		cmocka_unit_test(test_wait_tells_unknown_late_and_any_apart),
		cmocka_unit_test(test_map_prints_outcomes_as_they_come),
		cmocka_unit_test(test_map_gathers_in_the_order_of_the_input),
		cmocka_unit_test(test_map_reports_lines_that_nobody_takes),
		cmocka_unit_test(test_map_stops_at_an_error_that_every_line_would_meet),
		cmocka_unit_test(test_map_fetches_long_results_one_after_the_other),
		cmocka_unit_test(test_map_says_what_it_does_not_know_when_the_daemon_is_gone),
		cmocka_unit_test(test_ctrl_c_cancels_what_map_has_running),
		cmocka_unit_test(test_map_reads_while_it_writes_and_keeps_to_its_limit),
	};

	return cmocka_run_group_tests_name("client talk", tests, rig_set_up, rig_tear_down);
}
