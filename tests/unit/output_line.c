/* output_line.c - job.output lines as a client reads them. */
#include <stdlib.h>
#include <string.h>

#include "client/output_line.h"
#include "lib/buf.h"
#include "tests/unit/unit.h"

#define HEAD	"{\"jsonrpc\":\"2.0\",\"method\":\"job.output\",\"params\":{"

static char	line[4096];

static int
read_line(const char *members, struct output_line *out)
{
	int	len = snprintf(line, sizeof(line), HEAD "%s}}", members);

	assert_true(output_line_is(line, (size_t)len));
	return output_line_read(line, (size_t)len, out);
}

static void
test_text_comes_with_its_place(void **state)
{
	struct output_line	o;

	(void)state;
	assert_int_equal(read_line("\"id\":42,\"attempt\":3,\"stream\":\"stderr\",\"offset\":7000000000,"
	    "\"next\":7000000011,\"at_ms\":1700000000000,\"data\":\"one\\ntwo\\\\\"", &o), 0);
	assert_int_equal(o.job, 42);
	assert_int_equal(o.attempt, 3);
	assert_int_equal(o.stream, OUTPUT_STDERR);
	assert_int_equal(o.offset, 7000000000);
	assert_int_equal(o.next, 7000000011);
	assert_int_equal(o.at_ms, 1700000000000);
	assert_int_equal(o.len, 8);
	assert_memory_equal(o.bytes, "one\ntwo\\", 8);
	assert_false(o.eof);
}

static void
test_every_escape_is_decoded(void **state)
{
	static const struct {
		const char	*json, *bytes;
	} rows[] = {
		{ "", "" }, { "plain", "plain" }, { "\\\"", "\"" }, { "\\\"\\\"", "\"\"" }, { "a\\\"b", "a\"b" },
		{ "\\\\\\\"", "\\\"" }, { "\\/\\b\\f\\n\\r\\t", "/\b\f\n\r\t" },
		{ "\\u0041\\u00e4\\u20ac\\ud83d\\ude00", "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xc3\xa4\\n\xe2\x82\xac", "\xc3\xa4\n\xe2\x82\xac" }, { "\\u001b[1m", "\x1b[1m" },
	};
	char			members[200];
	struct output_line	o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(members, sizeof(members), "\"stream\":\"stdout\",\"data\":\"%s\",\"offset\":9",
		    rows[i].json);
		assert_int_equal(read_line(members, &o), 0);
		assert_int_equal(o.len, strlen(rows[i].bytes));
		assert_memory_equal(o.bytes, rows[i].bytes, o.len);
		assert_int_equal(o.offset, 9);
	}
}

/* Whatever is written as JSON is read as it was, wherever in it the escapes are. */
static void
test_escapes_are_decoded_at_every_place(void **state)
{
	static const char	escaped[] = "\"\\\n\x01";
	struct output_line	o;

	(void)state;
	for (size_t len = 1; len <= 40; len++) {
		for (size_t at = 0; at < len * len; at++) {
			struct buf	members = { 0 };
			char		text[40], *json;

			memset(text, 'a', len);
			text[at / len] = escaped[at % 4];
			text[at % len] = escaped[(at / len + at) % 4];
			buf_puts(&members, "\"stream\":\"stdout\",\"data\":");
			buf_put_json(&members, text, len);
			json = buf_take_string(&members);
			assert_int_equal(read_line(json, &o), 0);
			assert_int_equal(o.len, len);
			assert_memory_equal(o.bytes, text, len);
			free(json);
		}
	}
}

static void
test_bytes_come_as_base64(void **state)
{
	struct output_line	o;

	(void)state;
	assert_int_equal(read_line("\"stream\":\"stdout\",\"offset\":0,\"data_base64\":\"AP8K\"", &o), 0);
	assert_int_equal(o.len, 3);
	assert_memory_equal(o.bytes, "\0\xff\n", 3);
}

static void
test_the_end_says_how_the_job_is(void **state)
{
	struct output_line	o;

	(void)state;
	assert_int_equal(read_line("\"id\":1,\"attempt\":1,\"next\":5,\"eof\":true,\"truncated\":true,"
	    "\"state\":\"failed\"", &o), 0);
	assert_true(o.eof);
	assert_true(o.truncated);
	assert_int_equal(o.stream, OUTPUT_NONE);
	assert_int_equal(o.state_len, 6);
	assert_memory_equal(o.state, "failed", 6);
	assert_int_equal(o.len, 0);
}

static void
test_a_gap_is_told(void **state)
{
	struct output_line	o;

	(void)state;
	assert_int_equal(read_line("\"id\":1,\"attempt\":1,\"gap\":123456", &o), 0);
	assert_int_equal(o.gap, 123456);
}

static void
test_what_is_wrong_is_refused(void **state)
{
	static const char *const	rows[] = { "", "\"data\"", "\"data\":", "\"data\":\"", "\"data\":\"\\",
	    "\"data\":\"\\x\"", "\"data\":\"\\u12\"", "\"data\":\"a\" ", "\"data\":\"a\",", "\"stream\":\"other\"",
	    "\"data_base64\":\"A\"", "\"id\":{}", "\"id\":[]", "data:1", "\"data\":\"a\"}", "\"id\":}" };
	static const char *const	others[] = { "", "{}", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", HEAD };
	struct output_line		o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(read_line(rows[i], &o), -1);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(line, sizeof(line), "%s", others[i]);
		assert_int_equal(output_line_read(line, strlen(line), &o), -1);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_text_comes_with_its_place),
		cmocka_unit_test(test_every_escape_is_decoded),
		cmocka_unit_test(test_escapes_are_decoded_at_every_place),
		cmocka_unit_test(test_bytes_come_as_base64),
		cmocka_unit_test(test_the_end_says_how_the_job_is),
		cmocka_unit_test(test_a_gap_is_told),
		cmocka_unit_test(test_what_is_wrong_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
