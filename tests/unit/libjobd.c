/*
 * libjobd.c - the client library against a daemon that the test plays itself, on the other end of a
 * socket pair.  hello is request 1.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/jobd.h"
#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/fd.h"

#define HELLO	"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocol\":1,\"server\":\"jobd 9\"," \
		"\"limits\":{\"line_bytes\":2048}}}\n"

struct side {
	struct jobd	*j;
	int		 fd;		/* the daemon's end */
	struct buf	 in;		/* what it has read */
};

/* ---- the daemon's end ---- */

static void
say(struct side *s, const char *text)
{
	assert_int_equal(fd_write_all(s->fd, text, strlen(text)), 0);
}

/* All that the client has said so far; lent until the next call. */
static const char *
heard(struct side *s)
{
	ssize_t	n;

	buf_consume(&s->in, buf_len(&s->in));
	while ((n = recv(s->fd, buf_room(&s->in, 65536), 65536, MSG_DONTWAIT)) > 0)
		buf_added(&s->in, (size_t)n);
	buf_putc(&s->in, '\0');
	return buf_data(&s->in);
}

static void
attach(struct side *s, const struct jobd_options *o)
{
	struct jobd_error	err;
	int			fds[2];

	memset(s, 0, sizeof(*s));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	s->fd = fds[1];
	assert_int_equal(jobd_attach(fds[0], o, &s->j, &err), 0);
}

static void
greet(struct side *s, const struct jobd_options *o)
{
	attach(s, o);
	assert_int_equal(jobd_turn(s->j), 0);
	assert_non_null(strstr(heard(s), "\"method\":\"hello\""));
	say(s, HELLO);
	assert_int_equal(jobd_turn(s->j), 0);
	assert_non_null(jobd_hello(s->j));
	assert_int_equal(jobd_pending(s->j), 0);
}

static void
part(struct side *s)
{
	jobd_close(s->j);
	fd_close(&s->fd);
	buf_free(&s->in);
}

static void
turn(struct side *s)
{
	assert_int_equal(jobd_turn(s->j), 0);
}

static struct jobd_future *
started(struct jobd_future *f)
{
	assert_non_null(f);
	return f;
}

static struct jobd_future *
ping(struct side *s)
{
	return started(jobd_start(s->j, "ping", NULL, NULL));
}

static struct jobd_future *
call(struct side *s, const char *args)
{
	return started(jobd_start_call(s->j,
	    &(struct jobd_job){ .type = "echo", .args = args }, NULL));
}

/* ---- the header ---- */

static void
test_every_error_of_the_protocol_has_its_code_in_the_header(void **state)
{
	static const struct {
		const char	*kind;
		int		 code;
	} rows[] = {
#define ERROR(symbol, code, retryable, exit_code, text) { #symbol, code },
#include "proto/errors.def"
#undef ERROR
	};
	const char	*srcdir = getenv("srcdir");
	char		*path = mem_printf("%s/client/jobd.h", srcdir != NULL ? srcdir : ".");
	char		*header, want[80], name[64];
	size_t		 len;

	(void)state;
	if ((header = fd_read_file(path, 1 << 20, &len)) == NULL)
		fail_msg("%s: set srcdir to the source directory", path);
	free(path);
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (len = 0; rows[i].kind[len] != '\0'; len++)
			name[len] = (char)(rows[i].kind[len] >= 'a' && rows[i].kind[len] <= 'z' ?
			    rows[i].kind[len] - 'a' + 'A' : rows[i].kind[len]);
		name[len] = '\0';
		snprintf(want, sizeof(want), "= %d,", rows[i].code);
		if (strstr(header, name) == NULL || strstr(header, want) == NULL)
			fail_msg("client/jobd.h lacks a line `JOBD_%s %s`", name, want);
	}
	free(header);
}

static void
test_hello_is_sent_first_and_what_it_says_is_kept(void **state)
{
	struct side	s;

	(void)state;
	attach(&s, &(struct jobd_options){ .client = "me", .token = "secret",
	    .max_line_bytes = 5000 });
	assert_int_equal(jobd_want(s.j), JOBD_READ | JOBD_WRITE);
	turn(&s);
	assert_string_equal(heard(&s), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\",\"params\":"
	    "{\"client\":\"me\",\"max_line_bytes\":5000,\"token\":\"secret\"}}\n");
	assert_int_equal(jobd_want(s.j), JOBD_READ);
	assert_null(jobd_hello(s.j));
	say(&s, HELLO);
	turn(&s);
	assert_non_null(strstr(jobd_hello(s.j), "\"server\":\"jobd 9\""));
	part(&s);
}

static void
test_a_refused_hello_is_why_the_connection_is_lost(void **state)
{
	struct side		 s;
	struct jobd_future	*f;

	(void)state;
	attach(&s, NULL);
	f = ping(&s);
	turn(&s);
	say(&s, "{\"id\":1,\"error\":{\"code\":-32005,\"message\":\"no such token\","
	    "\"data\":{\"kind\":\"unauthenticated\"}}}\n");
	assert_int_equal(jobd_turn(s.j), JOBD_UNAUTHENTICATED);
	assert_true(jobd_done(f));
	assert_int_equal(jobd_code(f), JOBD_UNAUTHENTICATED);
	assert_string_equal(jobd_broken(s.j)->message, "no such token");
	part(&s);
}

static void
test_options_out_of_range_are_refused(void **state)
{
	static const struct jobd_options rows[] = {
		{ .max_line_bytes = 1023 },
		{ .max_line_bytes = ((size_t)64 << 20) + 1 },
		{ .client = "" },
		{ .timeout_ms = -5 },
	};
	struct jobd_error	 err;
	struct jobd		*j = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(jobd_attach(-1, &rows[i], &j, &err), JOBD_USAGE);
		assert_int_equal(jobd_open(&rows[i], &j, &err), JOBD_USAGE);
		assert_null(j);
	}
	assert_int_equal(jobd_open(&(struct jobd_options){ .address = "nowhere" }, &j, &err),
	    JOBD_USAGE);
	assert_non_null(strstr(err.message, "is no address"));
	assert_int_equal(jobd_open(&(struct jobd_options){ .address = "unix:/nonexistent/s" }, &j,
	    &err), JOBD_UNREACHABLE);
	assert_string_equal(err.kind, "unreachable");
}

/* ---- requests ---- */

static void
test_members_of_a_job_are_sent_where_they_are_given(void **state)
{
	static const struct {
		struct jobd_job	 job;
		const char	*line;
	} rows[] = {
		{ { .type = "echo" }, "\"job.call\",\"params\":{\"type\":\"echo\"}}\n" },
		{ { .type = "a", .args = "{\n\"n\": 1.10\r}" },
		    "{\"type\":\"a\",\"args\":{ \"n\": 1.10 }}}\n" },
		{ { .type = "a", .queue = "q\"", .order_key = "k", .lane = "async",
		    .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", .priority = -3,
		    .delay_ms = 4, .timeout_ms = 5, .ttl_ms = 6, .args = "null" },
		    "{\"type\":\"a\",\"queue\":\"q\\\"\",\"order_key\":\"k\",\"lane\":\"async\","
		    "\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\","
		    "\"priority\":-3,\"delay_ms\":4,\"timeout_ms\":5,\"ttl_ms\":6,"
		    "\"args\":null}}\n" },
		{ { .type = "a", .fields = "{ \"labels\" : {\"x\":\"y\"}, \"on_lost\":\"fail\" }" },
		    "{\"type\":\"a\",\"labels\":{\"x\":\"y\"},\"on_lost\":\"fail\"}}\n" },
		{ { .type = "a", .fields = "{}", .cancel_on_disconnect = true },
		    "{\"type\":\"a\",\"cancel_on_disconnect\":true}}\n" },
		{ { .type = "a", .cancellable = true },
		    "\"job.submit\",\"params\":{\"type\":\"a\"}}\n" },
	};
	struct side	s;

	(void)state;
	greet(&s, NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char	*said;

		started(jobd_start_call(s.j, &rows[i].job, NULL));
		turn(&s);
		said = heard(&s);
		if (strstr(said, rows[i].line) == NULL)
			fail_msg("row %zu: %s", i, said);
		assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	}
	part(&s);
}

static void
test_a_request_that_cannot_be_sent_leaves_nothing_behind(void **state)
{
	static char	long_text[3000];
	const struct {
		struct jobd_job	 job;
		int		 code;
		const char	*why;
	} rows[] = {
		{ { .args = "1" }, JOBD_USAGE, "needs a type" },
		{ { .type = "\xff" }, JOBD_USAGE, "not UTF-8" },
		{ { .type = "a", .args = "{" }, JOBD_USAGE, "not JSON" },
		{ { .type = "a", .args = "1}\n{" }, JOBD_USAGE, "not JSON" },
		{ { .type = "a", .fields = "[]" }, JOBD_USAGE, "not a JSON object" },
		{ { .type = "a", .args = long_text }, JOBD_LINE_TOO_LONG, "at most 2048" },
	};
	struct jobd_error	err;
	struct side		s;

	(void)state;
	memset(long_text, '1', sizeof(long_text) - 1);
	greet(&s, NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_null(jobd_start_call(s.j, &rows[i].job, &err));
		assert_int_equal(err.code, rows[i].code);
		assert_non_null(strstr(err.message, rows[i].why));
		assert_null(jobd_start_submit(s.j, &rows[i].job, NULL));
		assert_int_equal(jobd_call(s.j, &rows[i].job, 0, NULL, NULL), rows[i].code);
	}
	assert_null(jobd_start(s.j, "ping", "[]", &err));
	assert_int_equal(err.code, JOBD_USAGE);
	assert_int_equal(jobd_unsent(s.j), 0);
	ping(&s);
	turn(&s);
	assert_non_null(strstr(heard(&s), "\"id\":2,"));
	part(&s);
}

static void
test_what_is_on_its_way_is_bounded(void **state)
{
	struct jobd_error	err;
	struct side		s;
	size_t			n = 0;

	(void)state;
	greet(&s, &(struct jobd_options){ .max_requests = 3 });
	for (int i = 0; i < 3; i++)
		ping(&s);
	assert_null(jobd_start(s.j, "ping", NULL, &err));
	assert_int_equal(err.code, JOBD_FULL);
	turn(&s);
	say(&s, "{\"id\":3,\"result\":1}\n");
	turn(&s);
	ping(&s);
	part(&s);

	greet(&s, &(struct jobd_options){ .max_unsent_bytes = 1000 });
	while (jobd_start(s.j, "ping", NULL, &err) != NULL)
		n++;
	assert_int_equal(err.code, JOBD_FULL);
	assert_in_range(jobd_unsent(s.j), 1000, 1100);
	turn(&s);
	assert_int_equal(jobd_unsent(s.j), 0);
	assert_int_equal(jobd_pending(s.j), n);
	ping(&s);
	part(&s);
}

static void
test_a_peer_that_does_not_read_is_written_to_later(void **state)
{
	struct jobd_future	*f;
	struct side		 s;
	char			*args = mem_zalloc(1, 1900);
	size_t			 lines = 0;

	(void)state;
	memset(args, '7', 1899);
	greet(&s, NULL);
	for (int i = 0; i < 1000; i++)
		f = call(&s, args);
	turn(&s);
	assert_int_equal(jobd_want(s.j), JOBD_READ | JOBD_WRITE);
	while (lines < 1000) {
		for (const char *p = heard(&s); (p = strchr(p, '\n')) != NULL; p++)
			lines++;
		turn(&s);
	}
	assert_int_equal(jobd_want(s.j), JOBD_READ);
	assert_false(jobd_done(f));
	free(args);
	part(&s);
}

/* ---- answers ---- */

static void
test_results_come_as_they_were_spelt(void **state)
{
	struct jobd_error	 err;
	struct side		 s;
	char			*result;
	uint64_t		 id = 0;

	(void)state;
	greet(&s, NULL);
	say(&s, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"id\":41,\"state\":\"succeeded\","
	    "\"result\":{\"n\":1.10, \"n\":2}}}\n");
	assert_int_equal(jobd_call(s.j, &(struct jobd_job){ .type = "echo" }, JOBD_FOREVER,
	    &result, &err), 0);
	assert_string_equal(result, "{\"n\":1.10, \"n\":2}");
	free(result);
	say(&s, "{\"id\":3,\"result\":{\"id\":42,\"state\":\"ready\"}}\n");
	assert_int_equal(jobd_submit(s.j, &(struct jobd_job){ .type = "echo" }, JOBD_FOREVER, &id,
	    &err), 0);
	assert_int_equal(id, 42);
	say(&s, "{\"id\":4,\"result\":{\"id\":42,\"state\":\"succeeded\",\"result\":null}}\n");
	assert_int_equal(jobd_result_of(s.j, 42, JOBD_FOREVER, &result, &err), 0);
	assert_string_equal(result, "null");
	free(result);
	say(&s, "{\"id\":5,\"result\":{\"pong\":true}}\n");
	assert_int_equal(jobd_ask(s.j, "ping", NULL, JOBD_FOREVER, &result, &err), 0);
	assert_string_equal(result, "{\"pong\":true}");
	free(result);
	say(&s, "{\"id\":6,\"result\":{\"id\":42,\"state\":\"cancelled\"}}\n");
	assert_int_equal(jobd_cancel_job(s.j, 42, JOBD_FOREVER, &err), 0);
	assert_non_null(strstr(heard(&s), "\"job.cancel\",\"params\":{\"id\":42}"));
	part(&s);
}

static void
test_answers_find_their_futures_in_any_order_and_any_pieces(void **state)
{
	static const char	text[] =
	    "{\"id\":4,\"result\":\"c\"}\r\n\n{\"id\":2,\"result\":\"a\"}\n{\"id\":3,\"result\":\"b\"}\n";
	struct jobd_future	*f[3], *next;
	struct side		 s;

	(void)state;
	greet(&s, NULL);
	for (int i = 0; i < 3; i++)
		f[i] = ping(&s);
	for (const char *p = text; *p != '\0'; p++) {
		assert_int_equal(send(s.fd, p, 1, 0), 1);
		turn(&s);
	}
	assert_string_equal(jobd_result(f[0], NULL), "\"a\"");
	assert_string_equal(jobd_result(f[1], NULL), "\"b\"");
	assert_string_equal(jobd_result(f[2], NULL), "\"c\"");
	assert_int_equal(jobd_next(s.j, 0, &next), 0);
	assert_ptr_equal(next, f[2]);
	assert_int_equal(jobd_wait(f[0], 0), 0);
	assert_int_equal(jobd_next(s.j, 0, &next), 0);
	assert_ptr_equal(next, f[1]);
	assert_int_equal(jobd_next(s.j, JOBD_FOREVER, &next), JOBD_USAGE);
	part(&s);
}

static void
test_jobs_that_did_not_succeed_say_how(void **state)
{
	static const struct {
		const char	*outcome;
		int		 code;
		const char	*kind, *message, *text;
	} rows[] = {
		{ "{\"id\":7,\"state\":\"failed\",\"failure\":{\"kind\":\"timeout\","
		    "\"message\":\"too \\\"late\\\"\",\"attempt\":1,\"data\":{\"a\":1}}}",
		    JOBD_JOB_FAILED, "timeout", "too \"late\"", "\"data\":{\"a\":1}" },
		{ "{\"id\":7,\"state\":\"cancelled\",\"reason\":\"cancelled on request\"}",
		    JOBD_JOB_CANCELLED, "cancelled", "cancelled on request", NULL },
		{ "{\"id\":7,\"state\":\"expired\"}", JOBD_JOB_EXPIRED, "expired",
		    "does not say why", NULL },
	};
	struct side	s;

	(void)state;
	greet(&s, NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jobd_future	*f = call(&s, NULL);
		char			 line[300];

		snprintf(line, sizeof(line), "{\"id\":%zu,\"result\":%s}\n", i + 2,
		    rows[i].outcome);
		say(&s, line);
		assert_int_equal(jobd_wait(f, JOBD_FOREVER), 0);
		assert_int_equal(jobd_code(f), rows[i].code);
		assert_string_equal(jobd_error(f)->kind, rows[i].kind);
		assert_non_null(strstr(jobd_error(f)->message, rows[i].message));
		assert_int_equal(jobd_error(f)->job, 7);
		assert_null(jobd_result(f, NULL));
		if (rows[i].text != NULL)
			assert_non_null(strstr(jobd_error_text(f), rows[i].text));
		jobd_forget(f);
	}
	part(&s);
}

static void
test_errors_of_the_daemon_come_with_all_that_it_says(void **state)
{
	struct jobd_error	err;
	struct side		s;

	(void)state;
	greet(&s, NULL);
	say(&s, "{\"id\":2,\"error\":{\"code\":-32011,\"message\":\"full\",\"data\":{\"kind\":"
	    "\"queue_full\",\"retryable\":true,\"retry_after_ms\":250,\"id\":9}}}\n");
	assert_int_equal(jobd_ask(s.j, "x", NULL, JOBD_FOREVER, NULL, &err), JOBD_QUEUE_FULL);
	assert_string_equal(err.kind, "queue_full");
	assert_string_equal(err.message, "full");
	assert_true(err.retryable);
	assert_int_equal(err.retry_after_ms, 250);
	assert_int_equal(err.job, 9);
	say(&s, "{\"id\":3,\"error\":{\"code\":-1,\"message\":5}}\n");
	assert_int_equal(jobd_ask(s.j, "x", NULL, JOBD_FOREVER, NULL, &err), -1);
	say(&s, "{\"id\":4,\"error\":{}}\n");
	assert_int_equal(jobd_ask(s.j, "x", NULL, JOBD_FOREVER, NULL, &err), JOBD_INTERNAL);
	say(&s, "{\"id\":5,\"error\":{\"code\":0}}\n");	/* no error counts as success */
	assert_int_equal(jobd_ask(s.j, "x", NULL, JOBD_FOREVER, NULL, NULL), JOBD_INTERNAL);
	say(&s, "{\"id\":6,\"error\":{\"code\":-1,\"message\":\"\",\"data\":{\"kind\":\"\"}}}\n");
	assert_int_equal(jobd_ask(s.j, "x", NULL, JOBD_FOREVER, NULL, &err), -1);
	assert_string_not_equal(err.kind, "");		/* every error has a kind and words */
	assert_string_not_equal(err.message, "");
	part(&s);
}

static void
test_nonsense_loses_the_connection_with_a_reason(void **state)
{
	static const struct {
		const char	*line, *why;
	} rows[] = {
		{ "HTTP/1.1 400 Bad Request\r\n", "does not speak jobd's protocol" },
		{ "[]\n", "does not speak jobd's protocol" },
		{ "{\"id\":2,\"result\":{}\n", "does not speak jobd's protocol" },
		{ "{\"id\":2,\"result\":\"\xff\"}\n", "does not speak jobd's protocol" },
		{ "{\"id\":2}\n", "to nothing that was asked" },
		{ "{\"id\":2,\"result\":1,\"error\":{}}\n", "to nothing that was asked" },
		{ "{\"id\":77,\"result\":{}}\n", "to nothing that was asked" },
		{ "{\"id\":-1,\"result\":{}}\n", "to nothing that was asked" },
		{ "{\"id\":null,\"result\":{}}\n", "to nothing that was asked" },
		{ "{\"id\":1,\"result\":{}}\n", "a second reply" },
		{ "{\"id\":2,\"result\":{}}\n", "lacks what it should say" },
		{ "{\"id\":2,\"result\":{\"id\":0,\"state\":\"succeeded\",\"result\":1}}\n", "lacks" },
		{ "{\"id\":2,\"result\":{\"id\":1,\"state\":\"running\"}}\n", "lacks" },
		{ "{\"id\":2,\"result\":{\"id\":1,\"state\":\"succeeded\"}}\n", "lacks" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jobd_future	*f, *other, *next;
		struct side		 s;

		greet(&s, NULL);
		f = call(&s, NULL);
		other = ping(&s);
		turn(&s);
		say(&s, rows[i].line);
		assert_int_equal(jobd_wait(f, JOBD_FOREVER), 0);
		assert_int_equal(jobd_code(f), JOBD_BAD_REPLY);
		if (strstr(jobd_error(f)->message, rows[i].why) == NULL)
			fail_msg("row %zu: %s", i, jobd_error(f)->message);
		assert_int_equal(jobd_next(s.j, 0, &next), 0);
		assert_ptr_equal(next, other);
		assert_int_equal(jobd_want(s.j), 0);
		part(&s);
	}
}

static void
test_the_outcome_of_another_job_is_no_answer(void **state)
{
	struct jobd_error	err;
	struct side		s;

	(void)state;
	greet(&s, NULL);
	say(&s, "{\"id\":2,\"result\":{\"id\":7,\"state\":\"succeeded\",\"result\":1}}\n");
	assert_int_equal(jobd_result_of(s.j, 6, JOBD_FOREVER, NULL, &err), JOBD_BAD_REPLY);
	part(&s);
}

static void
test_a_line_longer_than_agreed_is_given_up(void **state)
{
	struct side	 s;
	char		*noise = mem_zalloc(1, 3000);

	(void)state;
	memset(noise, ' ', 2999);
	greet(&s, &(struct jobd_options){ .max_line_bytes = 1024 });
	ping(&s);
	say(&s, noise);
	assert_int_equal(jobd_turn(s.j), JOBD_BAD_REPLY);
	free(noise);
	part(&s);
}

/* ---- the end of a connection ---- */

static void
test_a_lost_connection_ends_every_future_and_takes_no_more(void **state)
{
	struct jobd_error	 err;
	struct jobd_future	*f[3], *next;
	struct side		 s;

	(void)state;
	greet(&s, NULL);
	for (int i = 0; i < 3; i++)
		f[i] = ping(&s);
	say(&s, "{\"id\":3,\"result\":1}\n");
	fd_close(&s.fd);
	assert_int_equal(jobd_wait_all(f, 3, JOBD_FOREVER), 0);
	assert_int_equal(jobd_code(f[0]), JOBD_LOST);
	assert_int_equal(jobd_code(f[1]), 0);		/* it had come */
	assert_int_equal(jobd_code(f[2]), JOBD_LOST);
	assert_true(jobd_error(f[0])->retryable);
	assert_null(jobd_start(s.j, "ping", NULL, &err));
	assert_int_equal(err.code, JOBD_LOST);
	assert_int_equal(jobd_next(s.j, JOBD_FOREVER, &next), JOBD_LOST);
	assert_int_equal(jobd_turn(s.j), JOBD_LOST);
	assert_int_equal(jobd_poll(s.j, JOBD_FOREVER), JOBD_LOST);
	part(&s);
}

static void
test_an_error_about_the_connection_is_its_end(void **state)
{
	struct jobd_future	*f;
	struct side		 s;

	(void)state;
	greet(&s, NULL);
	f = ping(&s);
	say(&s, "{\"id\":null,\"error\":{\"code\":-32014,\"message\":\"go\","
	    "\"data\":{\"kind\":\"too_slow\"}}}\n");
	assert_int_equal(jobd_wait(f, JOBD_FOREVER), 0);
	assert_int_equal(jobd_code(f), JOBD_TOO_SLOW);
	assert_int_equal(jobd_broken(s.j)->code, JOBD_TOO_SLOW);
	part(&s);
}

static void
test_a_timeout_ends_the_waiting_only(void **state)
{
	struct jobd_future	*f, *next;
	struct jobd_error	 err;
	struct side		 s;

	(void)state;
	greet(&s, NULL);
	f = ping(&s);
	assert_int_equal(jobd_wait(f, 0), JOBD_TIMED_OUT);
	assert_int_equal(jobd_wait(f, 5), JOBD_TIMED_OUT);
	assert_int_equal(jobd_next(s.j, 1, &next), JOBD_TIMED_OUT);
	assert_int_equal(jobd_poll(s.j, 1), JOBD_TIMED_OUT);
	assert_int_equal(jobd_ask(s.j, "ping", NULL, 1, NULL, &err), JOBD_TIMED_OUT);
	assert_string_equal(err.kind, "timed_out");
	say(&s, "{\"id\":3,\"result\":2}\n{\"id\":2,\"result\":1}\n");
	assert_int_equal(jobd_wait(f, JOBD_FOREVER), 0);
	assert_string_equal(jobd_result(f, NULL), "1");
	part(&s);
}

/* ---- long results ---- */

static void
test_a_long_result_comes_in_pieces_and_is_one(void **state)
{
	struct side		 s;
	struct jobd_future	*f;
	size_t			 len;

	(void)state;
	greet(&s, &(struct jobd_options){ .max_line_bytes = 1024 });
	f = call(&s, NULL);
	turn(&s);
	heard(&s);
	say(&s, "{\"id\":2,\"result\":{\"id\":9,\"state\":\"succeeded\",\"result_bytes\":10}}\n");
	turn(&s);
	assert_non_null(strstr(heard(&s),
	    "\"id\":3,\"method\":\"job.result\",\"params\":{\"id\":9,\"offset\":0,\"limit\":384}"));
	say(&s, "{\"id\":3,\"result\":{\"data\":\"[\\\"\\u00e4\",\"offset\":0,\"total\":10}}\n");
	turn(&s);
	assert_false(jobd_done(f));
	assert_non_null(strstr(heard(&s), "\"offset\":4,"));
	say(&s, "{\"id\":4,\"result\":{\"data\":\"\\\",12]\\n\",\"offset\":4,\"total\":10}}\n");
	turn(&s);
	assert_true(jobd_done(f));
	assert_string_equal(jobd_result(f, &len), "[\"\xc3\xa4\",12]\n");
	assert_int_equal(len, 10);
	part(&s);
}

static void
test_pieces_that_lead_nowhere_are_not_believed(void **state)
{
	static const char *const rows[] = {
		"{\"data\":\"\",\"offset\":0,\"total\":4}",
		"{\"data\":\"12\",\"offset\":1,\"total\":4}",
		"{\"data\":\"12\",\"offset\":0,\"total\":5}",
		"{\"data\":\"12345\",\"offset\":0,\"total\":4}",
		"{\"data\":\"1 2 \",\"offset\":0,\"total\":4}",
		"{\"data\":1234,\"offset\":0,\"total\":4}",
		"{\"data\":\"\\u0000123\",\"offset\":0,\"total\":4}",
		"[]",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jobd_future	*f;
		struct side		 s;
		char			 line[200];

		greet(&s, NULL);
		f = call(&s, NULL);
		turn(&s);
		say(&s, "{\"id\":2,\"result\":"
		    "{\"id\":9,\"state\":\"succeeded\",\"result_bytes\":4}}\n");
		turn(&s);
		snprintf(line, sizeof(line), "{\"id\":3,\"result\":%s}\n", rows[i]);
		say(&s, line);
		assert_int_equal(jobd_turn(s.j), JOBD_BAD_REPLY);
		assert_int_equal(jobd_code(f), JOBD_BAD_REPLY);
		part(&s);
	}
}

static void
test_a_result_above_the_limit_is_an_error_of_its_own(void **state)
{
	struct jobd_future	*f;
	struct side		 s;

	(void)state;
	greet(&s, &(struct jobd_options){ .max_result_bytes = 100 });
	f = call(&s, NULL);
	say(&s, "{\"id\":2,\"result\":{\"id\":9,\"state\":\"succeeded\",\"result_bytes\":101}}\n");
	assert_int_equal(jobd_wait(f, JOBD_FOREVER), 0);
	assert_int_equal(jobd_code(f), JOBD_REPLY_TOO_LONG);
	assert_int_equal(jobd_id(f), 9);
	assert_int_equal(jobd_broken(s.j)->code, 0);
	part(&s);
}

/* ---- futures ---- */

static void
test_waits_see_futures_of_several_connections(void **state)
{
	struct side		 a, b;
	struct jobd_future	*list[3];
	size_t			 at;

	(void)state;
	greet(&a, NULL);
	greet(&b, NULL);
	list[0] = ping(&a);
	list[1] = ping(&b);
	list[2] = ping(&b);
	assert_int_equal(jobd_wait_any(list, 0, 0, &at), JOBD_USAGE);
	assert_int_equal(jobd_wait_any(list, 3, 1, &at), JOBD_TIMED_OUT);
	say(&b, "{\"id\":3,\"result\":1}\n");
	assert_int_equal(jobd_wait_any(list, 3, JOBD_FOREVER, &at), 0);
	assert_int_equal(at, 2);
	assert_int_equal(jobd_wait_all(list, 3, 1), JOBD_TIMED_OUT);
	say(&a, "{\"id\":2,\"result\":1}\n");
	say(&b, "{\"id\":2,\"result\":1}\n");
	assert_int_equal(jobd_wait_all(list, 3, JOBD_FOREVER), 0);
	assert_ptr_equal(jobd_of(list[0]), a.j);
	part(&a);
	part(&b);
}

/* What comes while a wait sleeps wakes it, on whichever connection. */
static void
test_a_wait_sleeps_on_all_its_connections(void **state)
{
	struct side		 s[3];
	struct jobd_future	*list[3];
	size_t			 at;
	pid_t			 pid;

	(void)state;
	for (int i = 0; i < 3; i++) {
		greet(&s[i], NULL);
		list[i] = ping(&s[i]);
	}
	if ((pid = fork()) == 0) {
		poll(NULL, 0, 30);	/* so that the wait sleeps by then, as a rule */
		say(&s[1], "{\"id\":2,\"result\":1}\n");
		_exit(0);
	}
	assert_int_equal(jobd_wait_any(list, 3, 10000, &at), 0);
	assert_int_equal(at, 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 3; i++)
		part(&s[i]);
}

struct calls {
	int		 n;
	int		 wait_said, turn_said;
	struct side	*side;
};

static void
note(struct jobd_future *f, void *data)
{
	struct calls	*c = data;

	c->n++;
	c->wait_said = jobd_wait(ping(c->side), JOBD_FOREVER);
	c->turn_said = jobd_turn(c->side->j);
	jobd_forget(f);
}

static void
test_a_callback_is_called_once_and_may_forget_its_future(void **state)
{
	struct side		 s;
	struct calls		 c = { .side = &s };
	struct jobd_future	*f;

	(void)state;
	greet(&s, NULL);
	jobd_on_done(ping(&s), note, &c);
	turn(&s);
	assert_int_equal(c.n, 0);
	say(&s, "{\"id\":2,\"result\":1}\n");
	turn(&s);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.wait_said, JOBD_USAGE);
	assert_int_equal(c.turn_said, JOBD_USAGE);
	assert_int_equal(jobd_pending(s.j), 1);		/* what it started */
	say(&s, "{\"id\":3,\"result\":1}\n");
	f = ping(&s);
	say(&s, "{\"id\":4,\"result\":1}\n");
	assert_int_equal(jobd_wait(f, JOBD_FOREVER), 0);
	assert_int_equal(c.n, 1);
	c.side = &s;
	jobd_on_done(f, note, &c);			/* done already: at once */
	assert_int_equal(c.n, 2);
	part(&s);
}

static void
test_what_is_forgotten_is_answered_to_nobody(void **state)
{
	struct jobd_future	*f;
	struct side		 s;
	void			*data = &s;

	(void)state;
	greet(&s, NULL);
	f = ping(&s);
	jobd_set_data(f, data);
	assert_ptr_equal(jobd_data(f), data);
	jobd_forget(f);
	jobd_forget(NULL);
	f = ping(&s);
	say(&s, "{\"id\":2,\"result\":1}\n{\"id\":3,\"result\":2}\n");
	assert_int_equal(jobd_wait(f, JOBD_FOREVER), 0);
	assert_string_equal(jobd_result(f, NULL), "2");
	assert_int_equal(jobd_pending(s.j), 0);
	part(&s);
}

static void
test_a_call_is_cancelled_as_soon_as_its_id_is_known(void **state)
{
	struct jobd_job		 job = { .type = "sleep", .cancellable = true };
	struct jobd_error	 err;
	struct jobd_future	*f;
	struct side		 s;
	const char		*said;

	(void)state;
	greet(&s, NULL);
	f = started(jobd_start_call(s.j, &job, NULL));
	turn(&s);
	assert_non_null(strstr(heard(&s), "job.submit"));
	assert_int_equal(jobd_cancel(f, &err), 0);
	assert_int_equal(jobd_cancel(f, &err), 0);	/* once is enough */
	turn(&s);
	assert_string_equal(heard(&s), "");
	say(&s, "{\"id\":2,\"result\":{\"id\":5,\"state\":\"ready\"}}\n");
	turn(&s);
	said = heard(&s);
	assert_non_null(strstr(said, "\"id\":3,\"method\":\"job.cancel\",\"params\":{\"id\":5}"));
	assert_non_null(strstr(said, "\"id\":4,\"method\":\"job.wait\",\"params\":{\"id\":5}"));
	assert_int_equal(jobd_id(f), 5);
	say(&s, "{\"id\":4,\"result\":{\"id\":5,\"state\":\"cancelled\",\"reason\":\"asked\"}}\n"
	    "{\"id\":3,\"result\":{\"id\":5,\"state\":\"cancelled\"}}\n");
	turn(&s);
	assert_int_equal(jobd_code(f), JOBD_JOB_CANCELLED);
	assert_int_equal(jobd_cancel(f, &err), JOBD_USAGE);
	part(&s);
}

static void
test_only_what_has_a_job_can_be_cancelled(void **state)
{
	struct jobd_error	 err;
	struct jobd_future	*f;
	struct side		 s;

	(void)state;
	greet(&s, NULL);
	assert_int_equal(jobd_cancel(ping(&s), &err), JOBD_USAGE);
	assert_int_equal(jobd_cancel(call(&s, NULL), &err), JOBD_USAGE);
	turn(&s);
	heard(&s);
	assert_int_equal(jobd_cancel(started(jobd_start_wait(s.j, 6, NULL)), &err), 0);
	f = started(jobd_start_submit(s.j, &(struct jobd_job){ .type = "x" }, NULL));
	turn(&s);
	assert_non_null(strstr(heard(&s), "\"job.cancel\",\"params\":{\"id\":6}"));
	say(&s, "{\"id\":6,\"result\":{\"id\":8,\"state\":\"ready\"}}\n");
	turn(&s);
	assert_true(jobd_done(f));
	assert_int_equal(jobd_cancel(f, &err), 0);	/* submitted, and perhaps not ended */
	turn(&s);
	assert_non_null(strstr(heard(&s), "\"job.cancel\",\"params\":{\"id\":8}"));
	part(&s);
}

/* ---- map ---- */

struct mapping {
	struct side	*side;
	size_t		 n, nexts, most, done, failed;
	bool		 seen[64];
	size_t		 stop_at;
	uint64_t	 answered;	/* requests that the daemon's end has answered */
};

/* The daemon's end answers all that it has heard before it is asked for more. */
static const char *
next_item(void *ctx, size_t index)
{
	struct mapping	*m = ctx;
	static char	 text[32];

	assert_int_equal(index, m->nexts);
	if (m->nexts == m->n)
		return NULL;
	m->nexts++;
	if (m->nexts - m->done > m->most)
		m->most = m->nexts - m->done;
	snprintf(text, sizeof(text), index == 2 ? "{oops" : "%zu", index);
	return text;
}

static int
item_done(void *ctx, size_t index, struct jobd_future *f)
{
	struct mapping	*m = ctx;
	char		 want[32];

	assert_false(m->seen[index]);
	m->seen[index] = true;
	m->done++;
	if (jobd_code(f) != 0) {
		assert_int_equal(jobd_code(f), JOBD_USAGE);
		assert_int_equal(index, 2);
		m->failed++;
	} else {
		snprintf(want, sizeof(want), "%zu", index);
		assert_string_equal(jobd_result(f, NULL), want);
	}
	return m->stop_at != 0 && m->done == m->stop_at ? 77 : 0;
}

/* A child that echoes: a call's args are its result. */
static pid_t
echo_server(struct side *s)
{
	pid_t	pid;
	char	line[4096], reply[5000];
	FILE	*in;

	fflush(NULL);
	if ((pid = fork()) != 0)
		return pid;
	alarm(60);
	close(jobd_fd(s->j));
	in = fdopen(s->fd, "r");
	for (uint64_t id = 2; fgets(line, sizeof(line), in) != NULL; id++) {
		char	*args = strstr(line, "\"args\":");

		if (args == NULL)
			_exit(1);
		args += 7;
		args[strlen(args) - 3] = '\0';
		snprintf(reply, sizeof(reply), "{\"id\":%llu,\"result\":{\"id\":%llu,"
		    "\"state\":\"succeeded\",\"result\":%s}}\n", (unsigned long long)id,
		    (unsigned long long)id + 100, args);
		if (fd_write_all(s->fd, reply, strlen(reply)) != 0)
			break;
	}
	_exit(0);
}

static void
test_map_runs_so_many_at_once_and_tells_each(void **state)
{
	struct mapping		m = { .n = 40 };
	struct jobd_error	err;
	struct side		s;

	(void)state;
	greet(&s, NULL);
	echo_server(&s);
	assert_int_equal(jobd_map(s.j, &(struct jobd_job){ .type = "echo" }, 5, next_item,
	    item_done, &m, &err), 0);
	assert_int_equal(m.done, 40);
	assert_int_equal(m.failed, 1);
	assert_int_equal(m.most, 5);
	part(&s);
}

static void
test_map_lives_with_little_room(void **state)
{
	struct mapping		m = { .n = 40 };
	struct jobd_error	err;
	struct side		s;

	(void)state;
	greet(&s, &(struct jobd_options){ .max_requests = 2, .max_unsent_bytes = 1 });
	echo_server(&s);
	assert_int_equal(jobd_map(s.j, &(struct jobd_job){ .type = "echo" }, 0, next_item,
	    item_done, &m, &err), 0);
	assert_int_equal(m.done, 40);
	part(&s);
}

static void
test_map_ends_when_it_is_told_to_and_calls_back_no_more(void **state)
{
	struct mapping		 m = { .n = 40, .stop_at = 6 };
	struct jobd_error	 err;
	struct side		 s;
	char			*result;

	(void)state;
	greet(&s, NULL);
	echo_server(&s);
	assert_int_equal(jobd_map(s.j, &(struct jobd_job){ .type = "echo" }, 10, next_item,
	    item_done, &m, &err), 77);
	assert_int_equal(m.done, 6);
	assert_int_equal(jobd_call(s.j, &(struct jobd_job){ .type = "echo", .args = "\"on\"" },
	    JOBD_FOREVER, &result, &err), 0);
	assert_string_equal(result, "\"on\"");
	assert_int_equal(m.done, 6);
	free(result);
	part(&s);
}

static int
expect_lost(void *ctx, size_t index, struct jobd_future *f)
{
	struct mapping	*m = ctx;

	(void)index;
	m->done++;
	m->failed += jobd_code(f) == JOBD_LOST;
	return 0;
}

static void
test_map_tells_what_was_on_its_way_when_the_connection_went(void **state)
{
	struct mapping		m = { .n = 2 };
	struct jobd_error	err;
	struct side		s;

	(void)state;
	greet(&s, NULL);
	fd_close(&s.fd);
	assert_int_equal(jobd_map(s.j, &(struct jobd_job){ .type = "echo" }, 10, next_item,
	    expect_lost, &m, &err), JOBD_LOST);
	assert_int_equal(m.done, 2);
	assert_int_equal(m.failed, 2);
	part(&s);
}

/* ---- the rest ---- */

static void
keep_notice(struct jobd *j, const char *method, const char *params, void *data)
{
	char	**kept = data;

	assert_int_equal(jobd_turn(j), JOBD_USAGE);
	free(*kept);
	*kept = mem_printf("%s %s", method, params);
}

static void
test_notices_are_handed_on_or_passed_over(void **state)
{
	struct side	 s;
	char		*kept = NULL;

	(void)state;
	greet(&s, NULL);
	say(&s, "{\"jsonrpc\":\"2.0\",\"method\":\"job.changed\",\"params\":{\"id\":1}}\n");
	turn(&s);
	jobd_on_notice(s.j, keep_notice, &kept);
	say(&s, "{\"jsonrpc\":\"2.0\",\"method\":\"job.\\u0063hanged\",\"params\":{\"id\":2}}\n");
	turn(&s);
	assert_string_equal(kept, "job.changed {\"id\":2}");
	say(&s, "{\"jsonrpc\":\"2.0\",\"method\":\"gap\"}\n");
	turn(&s);
	assert_string_equal(kept, "gap ");
	free(kept);
	part(&s);
}

/* What was told, as one text. */
static void
keep_output(struct jobd *j, const struct jobd_output *said, void *data)
{
	struct buf	*kept = data;

	assert_int_equal(jobd_turn(j), JOBD_USAGE);
	buf_printf(kept, "%llu.%llu %d+%llu", (unsigned long long)said->job,
	    (unsigned long long)said->attempt, said->stream, (unsigned long long)said->offset);
	if (said->gap > 0)
		buf_printf(kept, " gap %llu", (unsigned long long)said->gap);
	buf_printf(kept, " [%.*s] at %lld", (int)said->len, said->bytes, (long long)said->at_ms);
	if (said->eof)
		buf_printf(kept, " %s%s", said->state, said->truncated ? ", truncated" : "");
	buf_printf(kept, " next %llu\n", (unsigned long long)said->next);
}

static void
note_answer(struct jobd_future *f, void *data)
{
	buf_puts(data, "answered\n");
	jobd_forget(f);
}

#define OUTPUT	"{\"jsonrpc\":\"2.0\",\"method\":\"job.output\",\"params\":{\"id\":7,\"attempt\":2,"

/* In order with what is answered, and none of it as a notice. */
static void
test_output_that_is_followed_comes_as_bytes(void **state)
{
	struct side	 s;
	struct buf	 kept = { 0 };
	char		*notice = NULL;

	(void)state;
	greet(&s, NULL);
	jobd_on_notice(s.j, keep_notice, &notice);
	jobd_on_output(s.j, keep_output, &kept);
	jobd_on_done(started(jobd_start(s.j, "job.log", "{\"id\":7,\"follow\":true}", NULL)),
	    note_answer, &kept);
	turn(&s);
	assert_non_null(strstr(heard(&s), "\"method\":\"job.log\""));
	say(&s, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n"
	    OUTPUT "\"stream\":\"stdout\",\"offset\":3,\"at_ms\":9,\"data\":\"a\\n\\u00e4\","
	    "\"next\":7}}\n"
	    OUTPUT "\"gap\":5,\"stream\":\"stderr\",\"offset\":0,\"at_ms\":10,"
	    "\"data_base64\":\"b28=\",\"next\":14}}\n"
	    OUTPUT "\"eof\":true,\"truncated\":true,\"state\":\"succeeded\",\"next\":14}}\n");
	turn(&s);
	buf_putc(&kept, '\0');
	assert_string_equal(buf_data(&kept), "answered\n"
	    "7.2 1+3 [a\n\xc3\xa4] at 9 next 7\n"
	    "7.2 2+0 gap 5 [oo] at 10 next 14\n"
	    "7.2 0+0 [] at 0 succeeded, truncated next 14\n");
	assert_null(notice);
	buf_free(&kept);
	part(&s);
}

static void
test_output_that_nobody_takes_is_a_notice(void **state)
{
	struct side	 s;
	char		*kept = NULL;

	(void)state;
	greet(&s, NULL);
	jobd_on_notice(s.j, keep_notice, &kept);
	say(&s, OUTPUT "\"eof\":true,\"truncated\":false,\"state\":null,\"next\":0}}\n");
	turn(&s);
	assert_string_equal(kept, "job.output {\"id\":7,\"attempt\":2,\"eof\":true,"
	    "\"truncated\":false,\"state\":null,\"next\":0}");
	free(kept);
	part(&s);
}

static void
test_output_that_makes_no_sense_loses_the_connection(void **state)
{
	struct side	s;
	struct buf	kept = { 0 };

	(void)state;
	greet(&s, NULL);
	jobd_on_output(s.j, keep_output, &kept);
	say(&s, OUTPUT "\"stream\":\"stdout\",\"data_base64\":\"!\",\"next\":1}}\n");
	assert_int_equal(jobd_turn(s.j), JOBD_BAD_REPLY);
	assert_int_equal(buf_len(&kept), 0);
	part(&s);
}

static void
test_text_is_quoted_as_json(void **state)
{
	char	*quoted = jobd_quote("a\"\\\n\xc3\xa4");

	(void)state;
	assert_string_equal(quoted, "\"a\\\"\\\\\\n\xc3\xa4\"");
	free(quoted);
	assert_null(jobd_quote("\xff"));
	assert_string_equal(jobd_version(), PACKAGE_VERSION);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_error_of_the_protocol_has_its_code_in_the_header),
		cmocka_unit_test(test_hello_is_sent_first_and_what_it_says_is_kept),
		cmocka_unit_test(test_a_refused_hello_is_why_the_connection_is_lost),
		cmocka_unit_test(test_options_out_of_range_are_refused),
		cmocka_unit_test(test_members_of_a_job_are_sent_where_they_are_given),
		cmocka_unit_test(test_a_request_that_cannot_be_sent_leaves_nothing_behind),
		cmocka_unit_test(test_what_is_on_its_way_is_bounded),
		cmocka_unit_test(test_a_peer_that_does_not_read_is_written_to_later),
		cmocka_unit_test(test_results_come_as_they_were_spelt),
		cmocka_unit_test(test_answers_find_their_futures_in_any_order_and_any_pieces),
		cmocka_unit_test(test_jobs_that_did_not_succeed_say_how),
		cmocka_unit_test(test_errors_of_the_daemon_come_with_all_that_it_says),
		cmocka_unit_test(test_nonsense_loses_the_connection_with_a_reason),
		cmocka_unit_test(test_the_outcome_of_another_job_is_no_answer),
		cmocka_unit_test(test_a_line_longer_than_agreed_is_given_up),
		cmocka_unit_test(test_a_lost_connection_ends_every_future_and_takes_no_more),
		cmocka_unit_test(test_an_error_about_the_connection_is_its_end),
		cmocka_unit_test(test_a_timeout_ends_the_waiting_only),
		cmocka_unit_test(test_a_long_result_comes_in_pieces_and_is_one),
		cmocka_unit_test(test_pieces_that_lead_nowhere_are_not_believed),
		cmocka_unit_test(test_a_result_above_the_limit_is_an_error_of_its_own),
		cmocka_unit_test(test_waits_see_futures_of_several_connections),
		cmocka_unit_test(test_a_wait_sleeps_on_all_its_connections),
		cmocka_unit_test(test_a_callback_is_called_once_and_may_forget_its_future),
		cmocka_unit_test(test_what_is_forgotten_is_answered_to_nobody),
		cmocka_unit_test(test_a_call_is_cancelled_as_soon_as_its_id_is_known),
		cmocka_unit_test(test_only_what_has_a_job_can_be_cancelled),
		cmocka_unit_test(test_map_runs_so_many_at_once_and_tells_each),
		cmocka_unit_test(test_map_lives_with_little_room),
		cmocka_unit_test(test_map_ends_when_it_is_told_to_and_calls_back_no_more),
		cmocka_unit_test(test_map_tells_what_was_on_its_way_when_the_connection_went),
		cmocka_unit_test(test_notices_are_handed_on_or_passed_over),
		cmocka_unit_test(test_output_that_is_followed_comes_as_bytes),
		cmocka_unit_test(test_output_that_nobody_takes_is_a_notice),
		cmocka_unit_test(test_output_that_makes_no_sense_loses_the_connection),
		cmocka_unit_test(test_text_is_quoted_as_json),
	};

	return cmocka_run_group_tests_name("libjobd", tests, NULL, NULL);
}
