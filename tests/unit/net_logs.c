/* net_logs.c - job.log and job.output through the socket, while the test is the worker. */
#include "tests/unit/net_rig.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/core/core.h"
#include "daemon/broker/logs/logs.h"

#define AT_MS	INT64_C(1700000000000)

static struct rig	rig;
static struct peer	peer;

static int
open_rig(void **state)
{
	(void)state;
	rig_open(&rig, NULL);
	peer_open(&peer, &rig, false);
	return 0;
}

static int
close_rig(void **state)
{
	(void)state;
	peer_close(&peer);
	rig_close(&rig);
	return 0;
}

static uint64_t
submit(const char *more)
{
	peer_sayf(&peer, "{\"id\":1,\"method\":\"job.submit\",\"params\":{\"type\":\"work\","
	    "\"durability\":\"memory\"%s}}", more);
	return (uint64_t)line_int(peer_line(&peer), "id\":1,\"result\":{\"id");
}

static void
say_bytes(uint64_t job, enum log_stream s, const char *p, size_t len)
{
	logs_add(&rig.b, rig_attempt(&rig, job), s, AT_MS, p, len);
}

static void
say(uint64_t job, enum log_stream s, const char *text)
{
	say_bytes(job, s, text, strlen(text));
}

/* Before an attempt's end its worker tells that it says nothing more. */
static void
succeed(uint64_t job)
{
	logs_ended(&rig.b, rig_attempt(&rig, job));
	rig_succeed(&rig, job, "null");
}

static void
fail_attempt(uint64_t job)
{
	logs_ended(&rig.b, rig_attempt(&rig, job));
	rig_fail(&rig, job, "it failed", NULL);
}

static const char *
ask_log(uint64_t job, const char *more)
{
	peer_sayf(&peer, "{\"id\":2,\"method\":\"job.log\",\"params\":{\"id\":%llu%s}}",
	    (unsigned long long)job, more);
	return peer_line(&peer);
}

static void
test_a_stream_is_read_from_an_offset_on(void **state)
{
	uint64_t	job = submit("");
	const char	*line;

	(void)state;
	say(job, LOG_STDOUT, "hello ");
	say(job, LOG_STDERR, "oh");
	say(job, LOG_STDOUT, "world\n");
	line = ask_log(job, ",\"stream\":\"stdout\"");
	assert_has(line, "\"data\":\"hello world\\n\"");
	assert_has(line, "\"at_ms\":1700000000000");
	assert_has(line, "\"next\":12,\"bytes\":12,\"eof\":false,\"truncated\":false");
	line = ask_log(job, ",\"stream\":\"stdout\",\"offset\":3,\"limit\":4");
	assert_has(line, "\"offset\":3,");
	assert_has(line, "\"data\":\"lo w\"");
	assert_has(line, "\"next\":7,");
	line = ask_log(job, ",\"stream\":\"stderr\"");
	assert_has(line, "\"data\":\"oh\"");
	succeed(job);
	line = ask_log(job, ",\"stream\":\"stdout\",\"offset\":12");
	assert_has(line, "\"state\":\"succeeded\"");
	assert_has(line, "\"data\":\"\"");
	assert_has(line, "\"eof\":true");
}

static void
test_all_streams_are_read_in_order(void **state)
{
	uint64_t	job = submit("");
	const char	*line;

	(void)state;
	say(job, LOG_STDOUT, "a");
	say(job, LOG_STDERR, "b");
	say(job, LOG_NOTE, "c");
	line = ask_log(job, "");
	assert_has(line, "\"pieces\":[{\"stream\":\"stdout\",\"offset\":0,\"at_ms\":1700000000000,\"data\":\"a\"},"
	    "{\"stream\":\"stderr\",\"offset\":0,\"at_ms\":1700000000000,\"data\":\"b\"},"
	    "{\"stream\":\"note\",\"offset\":0,\"at_ms\":1700000000000,\"data\":\"c\"}],\"next\":3,");
	line = ask_log(job, ",\"offset\":1,\"limit\":1");
	assert_has(line, "\"pieces\":[{\"stream\":\"stderr\"");
	assert_has(line, "\"data\":\"b\"}],\"next\":2,");
	succeed(job);
}

static void
test_what_is_no_text_is_base64(void **state)
{
	uint64_t	job = submit("");

	(void)state;
	say_bytes(job, LOG_STDOUT, "\0\xff\n", 3);
	assert_has(ask_log(job, ",\"stream\":\"stdout\""), "\"data_base64\":\"AP8K\"");
	assert_has(ask_log(job, ""), "\"data_base64\":\"AP8K\"");
	succeed(job);
}

static void
test_a_job_that_has_said_nothing_has_an_empty_log(void **state)
{
	uint64_t	job = submit(",\"delay_ms\":1000000");

	(void)state;
	assert_has(ask_log(job, ""), "\"attempt\":0,\"state\":\"scheduled\",\"offset\":0,\"pieces\":[],"
	    "\"next\":0,\"bytes\":0,\"eof\":false,\"truncated\":false}");
}

static void
test_attempts_are_apart(void **state)
{
	uint64_t	job = submit(",\"retry\":{\"max_attempts\":2,\"backoff_ms\":1}");

	(void)state;
	say(job, LOG_STDOUT, "one");
	fail_attempt(job);
	assert_has(ask_log(job, ",\"stream\":\"stdout\""), "\"attempt\":1,");
	rig_skip(&rig, 1000);
	say(job, LOG_STDOUT, "two");
	assert_has(ask_log(job, ",\"stream\":\"stdout\""), "\"data\":\"two\"");
	assert_has(ask_log(job, ",\"stream\":\"stdout\",\"attempt\":1"), "\"data\":\"one\",\"next\":3,"
	    "\"bytes\":3,\"eof\":true");
	assert_kind(ask_log(job, ",\"attempt\":3"), "not_found");
	succeed(job);
}

static void
test_a_long_log_comes_in_pieces_that_fit(void **state)
{
	enum { LONG = 64 << 10 };
	uint64_t	job = submit("");
	char		*text = malloc(LONG);
	int64_t		next = 0;
	char		more[64];
	unsigned	replies = 0;

	(void)state;
	memset(text, '\x01', LONG);	/* each takes six bytes */
	say_bytes(job, LOG_STDOUT, text, LONG);
	for (; next < LONG; replies++) {
		const char	*line;

		snprintf(more, sizeof(more), ",\"stream\":\"stdout\",\"offset\":%lld", (long long)next);
		line = ask_log(job, more);
		assert_in_range(strlen(line), 1, 60 << 10);
		assert_true(line_int(line, "next") > next);
		next = line_int(line, "next");
		snprintf(more, sizeof(more), ",\"offset\":%lld", (long long)next);
		assert_in_range(strlen(ask_log(job, more)), 1, 60 << 10);
	}
	assert_int_equal(next, LONG);
	assert_in_range(replies, 6, 8);
	succeed(job);
	free(text);
}

static void
test_a_stream_that_is_none_is_refused(void **state)
{
	uint64_t	job = submit("");

	(void)state;
	assert_has(ask_log(job, ",\"stream\":\"stdin\""), "\"member\":\"stream\"");
	assert_kind(ask_log(job + 1000, ""), "not_found");
	succeed(job);
}

static void
test_nothing_is_heard_of_an_attempt_whose_job_has_ended(void **state)
{
	uint64_t	job = submit("");
	struct attempt	*at = rig_attempt(&rig, job);
	struct attempt	 gone = *at;

	(void)state;
	succeed(job);
	gone.job = NULL;
	logs_add(&rig.b, &gone, LOG_STDOUT, AT_MS, "late", 4);
	assert_null(logs_find(&rig.b, job));
}

#define LOGS_TEST(name)	cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		LOGS_TEST(test_a_stream_is_read_from_an_offset_on),
		LOGS_TEST(test_all_streams_are_read_in_order),
		LOGS_TEST(test_what_is_no_text_is_base64),
		LOGS_TEST(test_a_job_that_has_said_nothing_has_an_empty_log),
		LOGS_TEST(test_attempts_are_apart),
		LOGS_TEST(test_a_long_log_comes_in_pieces_that_fit),
		LOGS_TEST(test_a_stream_that_is_none_is_refused),
		LOGS_TEST(test_nothing_is_heard_of_an_attempt_whose_job_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
