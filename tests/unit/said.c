/* said.c - what a language worker may say, line by line. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/lanes/ready.h"
#include "daemon/broker/lanes/said.h"
#include "lib/alloc.h"

#define ANY	"\"job\":7,\"attempt\":1,\"fence\":4294967297"

static int
read_text(const char *text, struct said *out, char *why, size_t size)
{
	return said_read((struct span){ text, strlen(text) }, out, why, size);
}

static struct said
must(const char *text)
{
	struct said	s;
	char		why[160];

	if (read_text(text, &s, why, sizeof(why)) != 0)
		fail_msg("%s: %s", text, why);
	return s;
}

static void
assert_span(struct span got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.p, want, got.len);
}

/* ---- what is good ---- */

static void
test_a_result_names_what_it_answers(void **state)
{
	struct said	s = must("{\"id\":4294967297,\"result\":{\"a\":[1,2]}}");

	(void)state;
	assert_int_equal(s.kind, SAID_RESULT);
	assert_int_equal(s.id, 4294967297);
	assert_span(s.result, "{\"a\":[1,2]}");
	assert_null(s.bad_result);
	s = must(" { \"result\" : null , \"jsonrpc\" : \"2.0\" , \"id\" : 1 } ");
	assert_int_equal(s.id, 1);
	assert_span(s.result, "null");
}

static void
test_members_of_error_data_say_what_to_do(void **state)
{
	struct said	s = must("{\"id\":5,\"error\":{\"code\":-32000,\"message\":\"no \\u0041\",\"data\":"
	    "{\"retryable\":false,\"retry_after_ms\":500,\"traceback\":\"x\"}}}");

	(void)state;
	assert_int_equal(s.kind, SAID_ERROR);
	assert_span(s.message, "no \\u0041");
	assert_true(s.final && !s.cancelled && !s.is_bad_result);
	assert_int_equal(s.retry_after_ms, 500);
	assert_span(s.data, "{\"retryable\":false,\"retry_after_ms\":500,\"traceback\":\"x\"}");
	s = must("{\"id\":5,\"error\":{\"data\":{\"cancelled\":true}}}");
	assert_true(s.cancelled && !s.final && s.message.len == 0);
	s = must("{\"id\":5,\"error\":{\"message\":\"\",\"data\":{\"kind\":\"bad_result\"}}}");
	assert_true(s.is_bad_result);
	s = must("{\"id\":5,\"error\":{}}");
	assert_true(s.data.len == 0 && s.retry_after_ms == 0);
}

static void
test_hints_of_another_type_mean_nothing(void **state)
{
	struct said	s = must("{\"id\":5,\"error\":{\"data\":{\"retryable\":0,\"cancelled\":\"true\","
	    "\"retry_after_ms\":-4,\"kind\":7}}}");

	(void)state;
	assert_true(!s.final && !s.cancelled && !s.is_bad_result && s.retry_after_ms == 0);
	s = must("{\"id\":5,\"error\":{\"data\":{\"retry_after_ms\":99999999999999999999}}}");
	assert_int_equal(s.retry_after_ms, BOUND_DURATION_MS);
	s = must("{\"id\":5,\"error\":{\"data\":[1,2]}}");
	assert_span(s.data, "[1,2]");
}

static void
test_progress_may_be_a_fraction(void **state)
{
	struct said	s = must("{\"method\":\"attempt.progress\",\"params\":{" ANY
	    ",\"done\":2.75,\"total\":1e3,\"text\":\"page\"}}");

	(void)state;
	assert_int_equal(s.kind, SAID_PROGRESS);
	assert_true(s.job == 7 && s.attempt == 1 && s.fence == 4294967297);
	assert_true(s.done == 2 && s.total == 1000);
	assert_span(s.text, "page");
	s = must("{\"jsonrpc\":\"2.0\",\"method\":\"attempt.progress\",\"params\":{" ANY "}}");
	assert_true(s.done == 0 && s.total == 0 && s.text.len == 0);
}

static void
test_a_log_line_has_a_level(void **state)
{
	struct said	s = must("{\"method\":\"attempt.log\",\"params\":{" ANY
	    ",\"level\":\"warn\",\"text\":\"two\\nlines\"}}");

	(void)state;
	assert_int_equal(s.kind, SAID_LOG);
	assert_span(s.level, "warn");
	assert_span(s.text, "two\\nlines");
}

static void
test_ready_may_be_a_request(void **state)
{
	struct said	s = must("{\"id\":\"a\",\"method\":\"worker.ready\",\"params\":{\"protocol\":1}}");

	(void)state;
	assert_int_equal(s.kind, SAID_READY);
	assert_span(s.request, "\"a\"");
	assert_span(s.params, "{\"protocol\":1}");
	s = must("{\"method\":\"worker.ready\",\"params\":{}}");
	assert_int_equal(s.request.len, 0);
}

/* ---- what is too much for a result, and not for its worker ---- */

static char *
nested(size_t depth)
{
	struct buf	b = { 0 };

	buf_puts(&b, "{\"result\":");
	for (size_t i = 0; i < depth; i++)
		buf_putc(&b, '[');
	for (size_t i = 0; i < depth; i++)
		buf_putc(&b, ']');
	buf_puts(&b, ",\"id\":9}");
	return buf_take_string(&b);
}

static void
test_a_result_that_is_too_deep_is_a_bad_result(void **state)
{
	char		*line = nested(BOUND_DEPTH);
	struct said	 s = must(line);

	(void)state;
	assert_null(s.bad_result);
	free(line);
	line = nested(BOUND_DEPTH + 1);
	s = must(line);
	assert_int_equal(s.id, 9);
	assert_non_null(s.bad_result);
	free(line);
}

static void
test_what_is_too_deep_for_anybody_is_garbage(void **state)
{
	char		*line = nested(5000), why[160];
	struct said	 s;

	(void)state;
	assert_int_equal(read_text(line, &s, why, sizeof(why)), -1);
	free(line);
}

/* ---- garbage ---- */

static const struct {
	const char	*line, *why;
}	garbage[] = {
	{ "", "ends too early" },
	{ "hello", "byte 0" },
	{ "[]", "not an object" },
	{ "{\"id\":1,\"result\":NaN}", "byte" },
	{ "{\"id\":1,\"result\":1}x", "byte" },
	{ "{\"id\":1,\"result\":1,\"result\":2}", "'result' twice" },
	{ "{\"id\":1,\"result\":1,\"fence\":2}", "a member 'fence'" },
	{ "{\"id\":1,\"result\":1,\"error\":{}}", "neither a method nor one of" },
	{ "{\"id\":1}", "neither a method nor one of" },
	{ "{\"result\":1}", "its id is no id" },
	{ "{\"id\":\"1\",\"result\":1}", "its id is no id" },
	{ "{\"id\":-1,\"result\":1}", "its id is no id" },
	{ "{\"id\":1.0,\"result\":1}", "its id is no id" },
	{ "{\"id\":99999999999999999999,\"result\":1}", "its id is no id" },
	{ "{\"id\":1,\"error\":null}", "error of the line is not an object" },
	{ "{\"id\":1,\"error\":{\"message\":7}}", "message of error is not a string" },
	{ "{\"id\":1,\"error\":{\"wrong\":7}}", "error has a member 'wrong'" },
	{ "{\"id\":1,\"result\":1,\"params\":{}}", "it has params and no method" },
	{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":1}", "jsonrpc is not" },
	{ "{\"method\":\"job.submit\",\"params\":{}}", "no worker says 'job.submit'" },
	{ "{\"method\":\"attempt.log\",\"id\":1,\"params\":{}}", "has an id, and is not answered" },
	{ "{\"method\":\"worker.ready\",\"result\":1}", "it has a method, and answers too" },
	{ "{\"method\":\"worker.ready\",\"id\":{},\"params\":{}}", "the id is no number or string" },
	{ "{\"method\":\"attempt.log\",\"params\":[]}", "params of the line is not an object" },
	{ "{\"method\":\"attempt.log\",\"params\":{" ANY ",\"level\":\"loud\",\"text\":\"\"}}", "is not debug" },
	{ "{\"method\":\"attempt.log\",\"params\":{" ANY ",\"level\":\"info\"}}", "no member 'text'" },
	{ "{\"method\":\"attempt.progress\",\"params\":{\"job\":7}}", "no member 'attempt'" },
	{ "{\"method\":\"attempt.progress\",\"params\":{" ANY ",\"done\":-1}}", "is not a number from 0" },
	{ "{\"method\":\"attempt.progress\",\"params\":{" ANY ",\"done\":1e99}}", "is not a number from 0" },
	{ "{\"method\":\"attempt.progress\",\"params\":{" ANY ",\"done\":\"1\"}}", "is not a number from 0" },
	{ "{\"method\":\"worker.credit\",\"params\":{\"n\":0}}", "is not 1 to" },
	{ "{\"method\":\"worker.credit\",\"params\":{\"n\":1000001}}", "is not 1 to" },
	{ "{\"method\":\"worker.credit\"}", "no member 'n'" },
	{ "{\"id\":1,\"result\":\"\xff\"}", "UTF-8" },
};

static void
test_garbage_is_refused_with_a_reason(void **state)
{
	struct said	s;
	char		why[160];

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		if (read_text(garbage[i].line, &s, why, sizeof(why)) == 0)
			fail_msg("taken: %s", garbage[i].line);
		if (strstr(why, garbage[i].why) == NULL)
			fail_msg("%s: said \"%s\", not \"%s\"", garbage[i].line, why, garbage[i].why);
	}
}

/* ---- texts ---- */

static void
test_a_text_is_cut_between_characters(void **state)
{
	struct buf	b = { 0 };

	(void)state;
	said_text((struct span){ "gr\\u00fcn", 9 }, 3, &b);	/* g r and half of an u umlaut */
	assert_int_equal(buf_len(&b), 2);
	buf_free(&b);
	said_text((struct span){ "a\\u0000b", 8 }, 100, &b);
	assert_memory_equal(buf_data(&b), "a\\u0000b", buf_len(&b));
	buf_free(&b);
	said_text((struct span){ "", 0 }, 10, &b);
	assert_int_equal(buf_len(&b), 0);
	buf_free(&b);
}

/* ---- worker.ready ---- */

static int
read_ready(const char *text, bool remote, struct ready *r, char *why)
{
	return ready_read((struct span){ text, strlen(text) }, remote, r, why, 200);
}

static void
test_a_ready_worker_has_types_and_slots(void **state)
{
	struct ready	r;
	char		why[200];

	(void)state;
	assert_int_equal(read_ready("{\"protocol\":1,\"language\":\"sh\",\"types\":["
	    "{\"name\":\"a\",\"args_schema\":{\"type\":\"object\"}},{\"name\":\"b\",\"lane\":\"thread\"}],"
	    "\"slots\":{\"thread\":3},\"max_line_bytes\":65536}", false, &r, why), 0);
	assert_int_equal(r.types_len, 2);
	assert_string_equal(r.types[0].args_schema, "{\"type\":\"object\"}");
	assert_string_equal(r.types[1].args_schema, "true");
	assert_int_equal(r.slots[LANE_PROCESS], 1);
	assert_int_equal(r.slots[LANE_THREAD], 3);
	assert_int_equal(r.slots[LANE_ASYNC], 0);	/* no type is */
	assert_int_equal(r.max_line, 65536);
	ready_free(&r);
}

static void
test_a_remote_worker_has_a_session_too(void **state)
{
	struct ready	r;
	char		why[200];

	(void)state;
	assert_int_equal(read_ready("{\"protocol\":1,\"types\":[{\"name\":\"a\"}],\"slots\":{\"process\":4},"
	    "\"pool\":\"gpu\",\"name\":\"Host-1\",\"session\":\"0123456789abcdef\",\"credit\":0,"
	    "\"running\":[{\"job\":7,\"attempt\":1,\"fence\":9}]}", true, &r, why), 0);
	assert_int_equal(r.slots[LANE_PROCESS], 4);
	assert_int_equal(r.credit, 0);
	assert_int_equal(r.running_len, 1);
	assert_int_equal(r.running[0].fence, 9);
	ready_free(&r);
}

#define T	"\"protocol\":1,\"types\":[{\"name\":\"a\"}]"
#define R	T ",\"pool\":\"p\",\"name\":\"n\""

static const struct {
	const char	*params;
	bool		 remote;
	const char	*why;
}	not_ready[] = {
	{ "{}", false, "protocol is not 1" },
	{ "{\"protocol\":2}", false, "protocol is not 1" },
	{ "{\"protocol\":1}", false, "types is no array" },
	{ "{\"protocol\":1,\"types\":[]}", false, "types is no array" },
	{ "{\"protocol\":1,\"types\":[7]}", false, "a type is no object" },
	{ "{\"protocol\":1,\"types\":[{}]}", false, "name is missing" },
	{ "{\"protocol\":1,\"types\":[{\"name\":\"A\"}]}", false, "name has characters other than" },
	{ "{\"protocol\":1,\"types\":[{\"name\":\"a\"},{\"name\":\"a\"}]}", false, "type a is there twice" },
	{ "{\"protocol\":1,\"types\":[{\"name\":\"a\",\"lane\":\"inline\"}]}", false, "lane is not" },
	{ "{\"protocol\":1,\"types\":[{\"name\":\"a\",\"lane\":7}]}", false, "lane is not" },
	{ "{\"protocol\":1,\"types\":[{\"name\":\"a\",\"args_schema\":1}]}", false, "args_schema is no" },
	{ "{\"protocol\":1,\"types\":[{\"name\":\"a\",\"x\":1}]}", false, "a type has a member 'x'" },
	{ "{" T ",\"slots\":{\"process\":2}}", false, "process is no number from 1 to 1" },
	{ "{" T ",\"slots\":{\"async\":10001}}", false, "async is no number" },
	{ "{" T ",\"slots\":[]}", false, "slots is no object" },
	{ "{" T ",\"max_line_bytes\":100}", false, "max_line_bytes is no number" },
	{ "{" T ",\"pool\":\"p\"}", false, "has a member 'pool'" },
	{ "{" T "}", true, "pool is missing" },
	{ "{" R "}", true, "session is missing" },
	{ "{" R ",\"session\":\"short\"}", true, "session has 5 bytes" },
	{ "{" R ",\"session\":\"0123456789abcde/\"}", true, "session has characters" },
	{ "{" R ",\"session\":\"0123456789abcdef\",\"credit\":-1}", true, "credit is no number" },
	{ "{" R ",\"session\":\"0123456789abcdef\",\"running\":{}}", true, "running is no array" },
	{ "{" R ",\"session\":\"0123456789abcdef\",\"running\":[{\"job\":0}]}", true, "job is no number" },
	{ "{\"protocol\":1,\"protocol\":1}", false, "duplicate" },
};

static void
test_a_worker_that_is_not_ready_is_told_why(void **state)
{
	struct ready	r;
	char		why[200];

	(void)state;
	for (size_t i = 0; i < sizeof(not_ready) / sizeof(not_ready[0]); i++) {
		if (read_ready(not_ready[i].params, not_ready[i].remote, &r, why) == 0)
			fail_msg("taken: %s", not_ready[i].params);
		if (strstr(why, not_ready[i].why) == NULL)
			fail_msg("%s: said \"%s\", not \"%s\"", not_ready[i].params, why, not_ready[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_a_result_names_what_it_answers),
		cmocka_unit_test(test_members_of_error_data_say_what_to_do),
		cmocka_unit_test(test_hints_of_another_type_mean_nothing),
		cmocka_unit_test(test_progress_may_be_a_fraction),
		cmocka_unit_test(test_a_log_line_has_a_level),
		cmocka_unit_test(test_ready_may_be_a_request),
		cmocka_unit_test(test_a_result_that_is_too_deep_is_a_bad_result),
		cmocka_unit_test(test_what_is_too_deep_for_anybody_is_garbage),
		cmocka_unit_test(test_garbage_is_refused_with_a_reason),
		cmocka_unit_test(test_a_text_is_cut_between_characters),
		cmocka_unit_test(test_a_ready_worker_has_types_and_slots),
		cmocka_unit_test(test_a_remote_worker_has_a_session_too),
		cmocka_unit_test(test_a_worker_that_is_not_ready_is_told_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
