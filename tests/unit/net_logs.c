/* net_logs.c - job.log and job.output through the socket, while the test is the worker. */
#include "tests/unit/net_rig.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/core/core.h"
#include "daemon/broker/ledger.h"
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

/* So little is kept that a test can say more. */
static int
open_small_rig(void **state)
{
	static const char *const	settings[] = { "logs.max_bytes=1M", NULL };

	(void)state;
	rig_open(&rig, settings);
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

/* ---- followers ---- */

static void
follow(uint64_t job, const char *more)
{
	char	all[200];

	snprintf(all, sizeof(all), ",\"follow\":true%s", more);
	assert_has(ask_log(job, all), "\"id\":2,\"result\":{\"attempt\":");
}

static void
assert_output(const char *members)
{
	const char	*line = peer_line(&peer);

	assert_has(line, "\"method\":\"job.output\"");
	assert_has(line, members);
}

static void
test_a_follower_hears_what_was_said_and_what_is_said(void **state)
{
	uint64_t	job = submit("");

	(void)state;
	say(job, LOG_STDOUT, "before");
	follow(job, "");
	assert_output("\"stream\":\"stdout\",\"offset\":0,\"at_ms\":1700000000000,\"data\":\"before\",\"next\":6}");
	say(job, LOG_STDERR, "then");
	say(job, LOG_STDOUT, "after\n");
	assert_output("\"stream\":\"stderr\",\"offset\":0,\"at_ms\":1700000000000,\"data\":\"then\",\"next\":10}");
	assert_output("\"stream\":\"stdout\",\"offset\":6,\"at_ms\":1700000000000,\"data\":\"after\\n\",\"next\":16}");
	succeed(job);
	assert_output("\"eof\":true,\"truncated\":false,\"state\":\"succeeded\",\"next\":16}");
	peer_silent(&peer);
}

static void
test_a_follower_goes_on_at_an_offset(void **state)
{
	uint64_t	job = submit("");

	(void)state;
	say(job, LOG_STDOUT, "0123456789");
	say(job, LOG_STDERR, "abc");
	follow(job, ",\"offset\":4,\"stream\":\"stdout\"");
	assert_output("\"offset\":4,\"at_ms\":1700000000000,\"data\":\"456789\",\"next\":10}");
	say(job, LOG_STDERR, "def");
	say(job, LOG_STDOUT, "!");
	assert_output("\"offset\":10,\"at_ms\":1700000000000,\"data\":\"!\",\"next\":11}");
	succeed(job);
	assert_output("\"eof\":true");
}

static void
test_a_follower_is_there_before_the_job_and_through_its_retries(void **state)
{
	uint64_t	job = submit(",\"delay_ms\":1000,\"retry\":{\"max_attempts\":2,\"backoff_ms\":1}");

	(void)state;
	follow(job, "");
	rig_skip(&rig, 2000);
	say(job, LOG_STDOUT, "one");
	assert_output("\"attempt\":1,\"stream\":\"stdout\"");
	fail_attempt(job);
	rig_skip(&rig, 1000);
	say(job, LOG_STDOUT, "two");
	assert_output("\"attempt\":2,\"stream\":\"stdout\",\"offset\":0,");
	fail_attempt(job);
	assert_output("\"eof\":true,\"truncated\":false,\"state\":\"failed\"");
}

static void
test_who_goes_onwards_misses_nothing_whatever_has_begun_meanwhile(void **state)
{
	uint64_t	job = submit(",\"retry\":{\"max_attempts\":2,\"backoff_ms\":1}");

	(void)state;
	say(job, LOG_STDOUT, "one");
	fail_attempt(job);
	rig_skip(&rig, 1000);
	say(job, LOG_STDOUT, "two");
	follow(job, ",\"attempt\":1,\"offset\":1,\"onwards\":true");
	assert_output("\"attempt\":1,\"stream\":\"stdout\",\"offset\":1,\"at_ms\":1700000000000,\"data\":\"ne\","
	    "\"next\":3}");
	assert_output("\"attempt\":2,\"stream\":\"stdout\",\"offset\":0,\"at_ms\":1700000000000,"
	    "\"data\":\"two\",\"next\":3}");
	ask_log(job, ",\"follow\":false");
	follow(job, ",\"attempt\":0,\"onwards\":true");
	assert_output("\"attempt\":1,\"stream\":\"stdout\",\"offset\":0,");
	assert_output("\"attempt\":2,\"stream\":\"stdout\",\"offset\":0,");
	succeed(job);
	assert_output("\"attempt\":2,\"eof\":true");
	peer_silent(&peer);
}

static void
test_onwards_is_for_who_follows(void **state)
{
	uint64_t	job = submit("");

	(void)state;
	assert_kind(ask_log(job, ",\"onwards\":true"), "invalid_params");
	assert_kind(ask_log(job, ",\"attempt\":0"), "invalid_params");
	assert_kind(ask_log(job, ",\"attempt\":0,\"follow\":true"), "invalid_params");
	assert_kind(ask_log(job, ",\"attempt\":9,\"follow\":true,\"onwards\":true"), "not_found");
	succeed(job);
}

static void
test_a_follower_of_one_attempt_ends_with_it(void **state)
{
	uint64_t	job = submit(",\"retry\":{\"max_attempts\":2,\"backoff_ms\":1}");

	(void)state;
	say(job, LOG_STDOUT, "one");
	follow(job, ",\"attempt\":1");
	assert_output("\"data\":\"one\"");
	fail_attempt(job);
	assert_output("\"attempt\":1,\"eof\":true");
	rig_skip(&rig, 1000);
	say(job, LOG_STDOUT, "two");
	peer_silent(&peer);
	succeed(job);
}

static void
test_a_call_is_answered_behind_what_its_job_said(void **state)
{
	uint64_t	job;

	(void)state;
	peer_say(&peer, "{\"id\":1,\"method\":\"job.call\",\"params\":{\"type\":\"work\"}}");
	peer_ask(&peer, "{\"id\":3,\"method\":\"ping\"}");
	job = core_newest_id(rig.b.core);
	rig_attempt(&rig, job);
	follow(job, ",\"hold\":true");
	say(job, LOG_STDOUT, "said");
	succeed(job);
	assert_output("\"data\":\"said\"");
	assert_output("\"eof\":true");
	assert_has(peer_line(&peer), "\"id\":1,\"result\":{\"id\":");
}

static const char *
ask_hold(struct peer *p, uint64_t job)
{
	peer_sayf(p, "{\"id\":1,\"method\":\"job.log\",\"params\":{\"id\":%llu,\"follow\":true,"
	    "\"hold\":true}}", (unsigned long long)job);
	return peer_line(p);
}

/* On a connection of another principal not, on another one of its own it does. */
static void
test_only_who_handed_a_job_in_holds_it(void **state)
{
	uint64_t	job = submit("");
	struct peer	other, again;
	char		token[128];

	(void)state;
	peer_open(&other, &rig, true);
	peer_sayf(&other, "{\"id\":2,\"method\":\"hello\",\"params\":{\"token\":\"%s\"}}",
	    rig_token(&rig, token, sizeof(token)));
	assert_has(peer_line(&other), "'principal':'token:client'");
	assert_kind(ask_hold(&other, job), "forbidden");
	peer_close(&other);
	peer_open(&again, &rig, false);
	assert_has(ask_hold(&again, job), "'next':0");
	peer_close(&again);
	succeed(job);
}

static void
test_following_can_end(void **state)
{
	uint64_t	job = submit("");

	(void)state;
	say(job, LOG_STDOUT, "a");
	follow(job, "");
	assert_output("\"data\":\"a\"");
	assert_kind(ask_log(job, ",\"follow\":true"), "conflict");
	assert_has(ask_log(job, ",\"follow\":false"), "\"pieces\":[{");
	say(job, LOG_STDOUT, "b");
	peer_silent(&peer);
	succeed(job);
	peer_silent(&peer);
}

#define PIECE	((size_t)64 << 10)

/* Each offset is said by its bytes. */
static void
fill(char *text, uint64_t offset)
{
	for (size_t i = 0; i < PIECE; i += 16)
		snprintf(text + i, 17, "%015llu\n", (unsigned long long)(offset + i));
}

static void
say_much(uint64_t job, uint64_t bytes)
{
	char	*text = malloc(PIECE + 1);

	for (uint64_t said = 0; said < bytes; said += PIECE) {
		fill(text, said);
		say_bytes(job, LOG_STDOUT, text, PIECE);
	}
	free(text);
}

/* What a line tells of stdout is what was said at that place.  Returns how many bytes it tells. */
static uint64_t
check_data(const char *line)
{
	const char	*data = strstr(line, "\"data\":\"");
	uint64_t	 at = (uint64_t)line_int(line, "offset"), n = 0;

	if (data == NULL || strstr(line, "\"stream\":\"stdout\"") == NULL)
		return 0;
	for (data += 8; *data != '"'; data++, n++) {
		char	digits[32];

		snprintf(digits, sizeof(digits), "%015llu\n", (unsigned long long)((at + n) & ~UINT64_C(15)));
		if (*data == '\\') {
			assert_int_equal(*++data, 'n');
			assert_int_equal((at + n) % 16, 15);
		} else {
			assert_int_equal(*data, digits[(at + n) % 16]);
		}
	}
	return n;
}

/* Reads job.output lines until the last one: *told of stdout and *gap in all. */
static const char *
read_to_end(uint64_t *told, uint64_t *gap)
{
	const char	*line;

	*told = *gap = 0;
	do {
		line = peer_line(&peer);
		if (strstr(line, "\"gap\":") != NULL)
			*gap += (uint64_t)line_int(line, "gap");
		if (strstr(line, "\"stream\":\"stdout\"") != NULL) {
			assert_int_equal(line_int(line, "offset"), *told + *gap);
			*told += check_data(line);
		}
	} while (strstr(line, "\"eof\":true") == NULL);
	return line;
}

static void
test_a_slow_follower_gets_a_gap_and_holds_nobody(void **state)
{
	uint64_t	job = submit(""), told, gap;
	const char	*line;

	(void)state;
	follow(job, ",\"stream\":\"stdout\"");
	say_much(job, 64 * PIECE);
	assert_false(logs_held(&rig.b, rig_attempt(&rig, job)));
	succeed(job);
	line = read_to_end(&told, &gap);
	assert_true(gap > 0);
	assert_int_equal(told + gap, 64 * PIECE);
	assert_in_range(told, 1 << 20, 2 << 20);
	assert_has(line, "\"truncated\":true");
}

static void
test_a_slow_follower_reads_what_it_missed_from_the_file(void **state)
{
	uint64_t	job = submit(""), told, gap;
	const char	*line;

	(void)state;
	follow(job, ",\"stream\":\"stdout\"");
	say_much(job, 64 * PIECE);
	succeed(job);
	line = read_to_end(&told, &gap);
	assert_int_equal(gap, 0);
	assert_int_equal(told, 64 * PIECE);
	assert_has(line, "\"truncated\":false");
}

static void
test_a_follower_that_comes_late_hears_all_in_order(void **state)
{
	uint64_t	job = submit(""), told, gap;

	(void)state;
	say(job, LOG_STDERR, "first");
	say_much(job, 10 * PIECE);
	say(job, LOG_STDERR, "last");
	succeed(job);
	follow(job, "");
	assert_output("\"stream\":\"stderr\",\"offset\":0,");
	read_to_end(&told, &gap);
	assert_int_equal(gap, 0);
	assert_int_equal(told, 10 * PIECE);
	follow(job, ",\"offset\":655361");
	assert_output("\"stream\":\"stdout\",\"offset\":655356,");
	assert_output("\"data\":\"last\"");
	assert_output("\"eof\":true");
}

static void
test_a_log_is_read_from_its_file(void **state)
{
	uint64_t	job = submit("");
	uint64_t	next = 0;
	const char	*line;
	char		more[80];

	(void)state;
	say_much(job, 10 * PIECE);
	succeed(job);
	do {
		snprintf(more, sizeof(more), ",\"stream\":\"stdout\",\"offset\":%llu", (unsigned long long)next);
		line = ask_log(job, more);
		assert_int_equal(line_int(line, "offset"), next);
		next = (uint64_t)line_int(line, "next");
	} while (strstr(line, "\"eof\":true") == NULL);
	assert_int_equal(next, 10 * PIECE);
	assert_has(line, "\"truncated\":false");
	snprintf(more, sizeof(more), ",\"offset\":%llu,\"limit\":32", (unsigned long long)(9 * PIECE + 16));
	assert_has(ask_log(job, more), "\"data\":\"000000000589840\\n000000000589856\\n\"}],\"next\":589872,");
}

/* More than is kept was said: where it ends the log says so, and what is not there is passed over. */
static void
test_a_log_ends_at_its_limit_with_a_notice(void **state)
{
	uint64_t	job = submit("");
	const char	*line;

	(void)state;
	say_much(job, 20 * PIECE);
	say(job, LOG_STDERR, "goes on");
	succeed(job);
	line = ask_log(job, ",\"stream\":\"stdout\",\"offset\":1048576");
	assert_has(line, "\"data\":\"\",\"next\":1310720,\"bytes\":1310720,\"eof\":true,\"truncated\":true");
	line = ask_log(job, ",\"stream\":\"note\"");
	assert_has(line, "\"data\":\"jobd: stdout is truncated: what comes after 1048576 bytes is not kept\\n\"");
	line = ask_log(job, ",\"stream\":\"stderr\"");
	assert_has(line, "\"data\":\"goes on\",\"next\":7,\"bytes\":7,\"eof\":true,\"truncated\":false");
}

static bool
has_file(uint64_t job, unsigned attempt)
{
	char	path[160];

	snprintf(path, sizeof(path), "%s/logs/%llu.%u", rig.dir, (unsigned long long)job, attempt);
	return access(path, F_OK) == 0;
}

/* The log thread has done what it was asked for: it answers in order. */
static void
wait_for_files(uint64_t job)
{
	ask_log(job, ",\"stream\":\"stdout\",\"offset\":200000");
}

static void
test_the_files_of_a_job_go_with_it(void **state)
{
	uint64_t	other = submit(""), job;

	(void)state;
	say_much(other, 10 * PIECE);
	succeed(other);
	job = submit("");
	say_much(job, 10 * PIECE);
	succeed(job);
	wait_for_files(other);
	assert_true(has_file(job, 1));
	peer_sayf(&peer, "{\"id\":4,\"method\":\"job.forget\",\"params\":{\"id\":%llu}}", (unsigned long long)job);
	assert_has(peer_line(&peer), "\"forgotten\":true");
	wait_for_files(other);
	assert_false(has_file(job, 1));
	assert_true(has_file(other, 1));
}

static void
test_files_of_jobs_that_nobody_remembers_are_swept(void **state)
{
	uint64_t	job = submit("");
	char		path[160];

	(void)state;
	say_much(job, 10 * PIECE);
	wait_for_files(job);
	snprintf(path, sizeof(path), "%s/logs/4711.3", rig.dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ledger_serve(&rig.b);
	rig.b.now.mono_ns += INT64_C(700) * 1000 * 1000 * 1000;
	logs_run(&rig.b);
	while (has_file(4711, 3))
		rig_turn(&rig);
	assert_true(has_file(job, 1));
	succeed(job);
}

/* The file cannot be written: what the job says goes on being told, and its outcome is not touched. */
static void
test_a_file_that_cannot_be_written_truncates_the_log(void **state)
{
	uint64_t	job = submit("");
	char		path[160];
	const char	*line;

	(void)state;
	snprintf(path, sizeof(path), "%s/logs/%llu.1", rig.dir, (unsigned long long)job);
	assert_int_equal(mkdir(path, 0700), 0);
	say_much(job, 10 * PIECE);
	rig_turn(&rig);
	do
		line = ask_log(job, ",\"stream\":\"note\"");
	while (strstr(line, "Is a directory") == NULL);
	say(job, LOG_STDOUT, "more");
	succeed(job);
	line = ask_log(job, ",\"stream\":\"stdout\",\"offset\":65536");
	assert_has(line, "\"data\":\"\",\"next\":655364,\"bytes\":655364,\"eof\":true,\"truncated\":true");
	assert_has(line, "\"state\":\"succeeded\"");
	assert_int_equal(rmdir(path), 0);
}

static void
test_a_follower_that_holds_its_job_misses_nothing(void **state)
{
	uint64_t	job = submit("");
	char		*text = malloc(PIECE);
	uint64_t	said = 0, heard = 0, held = 0;
	const char	*line, *data;

	(void)state;
	memset(text, 'x', PIECE);
	follow(job, ",\"hold\":true");
	while (said < 64 * PIECE) {
		if (logs_held(&rig.b, rig_attempt(&rig, job))) {
			held++;
		} else {
			say_bytes(job, LOG_STDOUT, text, PIECE);
			said += PIECE;
			rig_turn(&rig);
			continue;
		}
		line = peer_line(&peer);
		assert_null(strstr(line, "\"gap\":"));
		assert_null(strstr(line, "\"note\""));	/* that not all is kept is nothing to it */
		if ((data = strstr(line, "\"data\":\"")) != NULL) {
			assert_int_equal(line_int(line, "offset"), heard);
			heard += strspn(data + 8, "x");
		}
	}
	assert_true(held > 0);
	succeed(job);
	do {
		line = peer_line(&peer);
		if ((data = strstr(line, "\"data\":\"")) != NULL)
			heard += strspn(data + 8, "x");
	} while (strstr(line, "\"eof\":true") == NULL);
	assert_int_equal(heard, said);
	assert_true(rig_output_wanted > 0);
	free(text);
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
		LOGS_TEST(test_a_follower_hears_what_was_said_and_what_is_said),
		LOGS_TEST(test_a_follower_goes_on_at_an_offset),
		LOGS_TEST(test_a_follower_is_there_before_the_job_and_through_its_retries),
		LOGS_TEST(test_who_goes_onwards_misses_nothing_whatever_has_begun_meanwhile),
		LOGS_TEST(test_onwards_is_for_who_follows),
		LOGS_TEST(test_a_follower_of_one_attempt_ends_with_it),
		LOGS_TEST(test_a_call_is_answered_behind_what_its_job_said),
		LOGS_TEST(test_only_who_handed_a_job_in_holds_it),
		LOGS_TEST(test_following_can_end),
		cmocka_unit_test_setup_teardown(test_a_slow_follower_gets_a_gap_and_holds_nobody,
		    open_small_rig, close_rig),
		LOGS_TEST(test_a_slow_follower_reads_what_it_missed_from_the_file),
		LOGS_TEST(test_a_follower_that_comes_late_hears_all_in_order),
		LOGS_TEST(test_a_log_is_read_from_its_file),
		cmocka_unit_test_setup_teardown(test_a_log_ends_at_its_limit_with_a_notice,
		    open_small_rig, close_rig),
		LOGS_TEST(test_the_files_of_a_job_go_with_it),
		LOGS_TEST(test_files_of_jobs_that_nobody_remembers_are_swept),
		LOGS_TEST(test_a_file_that_cannot_be_written_truncates_the_log),
		cmocka_unit_test_setup_teardown(test_a_follower_that_holds_its_job_misses_nothing,
		    open_small_rig, close_rig),
		LOGS_TEST(test_nothing_is_heard_of_an_attempt_whose_job_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
