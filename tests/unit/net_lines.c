/* net_lines.c - lines, batches, ends and pressure of connections, through real sockets. */
#include "tests/unit/net_rig.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/broker/net/net.h"
#include "lib/alloc.h"
#include "lib/clock.h"

static struct rig	rig;

static int
open_rig(void **state)
{
	(void)state;
	rig_open(&rig, NULL);
	return 0;
}

static int
close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

#define PING	"{\"id\":1,\"method\":\"ping\"}"
#define PONG	"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"pong\":true}}"

/* ---- lines ---- */

static void
test_a_line_may_come_byte_by_byte(void **state)
{
	static const char	text[] = PING "\r\n\n\r\n";
	struct peer		p;

	(void)state;
	peer_open(&p, &rig, false);
	for (const char *at = text; *at != '\0'; at++) {
		peer_send(&p, at, 1);
		rig_turn(&rig);
	}
	assert_string_equal(peer_line(&p), PONG);
	peer_silent(&p);
	peer_close(&p);
}

static void
test_many_lines_in_one_piece_are_all_answered_in_order(void **state)
{
	struct buf	out = { 0 };
	struct peer	p;
	char		*text;

	(void)state;
	peer_open(&p, &rig, false);
	for (int i = 0; i < 20000; i++)
		buf_printf(&out, "{'id':%d,'method':'ping'}\n", i);
	text = buf_take_string(&out);
	peer_say(&p, text);
	for (int i = 0; i < 20000; i++)
		assert_int_equal(line_int(peer_line(&p), "id"), i);
	free(text);
	peer_close(&p);
}

/* A line with a payload of so many bytes. */
static char *
echo_line(const char *lane, size_t bytes)
{
	struct buf	out = { 0 };

	buf_puts(&out, "{\"id\":7,\"method\":\"job.call\",\"params\":{\"type\":\"echo\",");
	buf_printf(&out, "\"lane\":\"%s\",\"args\":\"", lane);
	memset(buf_room(&out, bytes), 'x', bytes);
	buf_added(&out, bytes);
	buf_puts(&out, "\"}}\n");
	return buf_take_string(&out);
}

static void
test_a_long_line_among_short_ones_is_served_whole(void **state)
{
	char		*text = echo_line("process", 1000000);
	struct peer	 p;

	(void)state;
	peer_open(&p, &rig, false);
	peer_say(&p, PING);
	peer_send(&p, text, strlen(text));
	peer_say(&p, PING);
	assert_string_equal(peer_line(&p), PONG);
	assert_string_equal(peer_line(&p), PONG);
	rig_succeed(&rig, core_newest_id(rig.b.core), "1");
	assert_has(peer_line(&p), "'id':7,'result':{'id':");
	free(text);
	peer_close(&p);
}

static void
test_a_line_above_the_limit_is_refused_and_the_connection_ends(void **state)
{
	char		*text = echo_line("process", 1 << 20);
	struct peer	 p;

	(void)state;
	peer_open(&p, &rig, false);
	peer_send(&p, text, strlen(text));
	assert_kind(peer_line(&p), "line_too_long");
	assert_null(peer_line(&p));
	free(text);
	peer_close(&p);
}

static void
test_garbage_is_answered_and_the_next_line_is_served(void **state)
{
	static const char	*const lines[] = {
		"hello", "{", "}", "[", "[[]", "\x01\x02\x03", "\xff\xfe", "{'id':1,}", "'", "nul",
		"{'id':}",
		"GET / HTTP/1.1", "{'id':1,'method':'ping'} {}", "{'a':'\\ud800'}",
	};
	struct peer		p;

	(void)state;
	peer_open(&p, &rig, false);
	for (size_t i = 0; i < COUNT(lines); i++) {
		assert_kind(peer_ask(&p, lines[i]), "parse_error");
		assert_string_equal(peer_ask(&p, PING), PONG);
	}
	peer_close(&p);
}

static void
test_notifications_are_carried_out_and_not_answered(void **state)
{
	struct peer	p;
	uint64_t	job;

	(void)state;
	peer_open(&p, &rig, false);
	peer_say(&p, "{'jsonrpc':'2.0','method':'job.call',"
	    "'params':{'type':'work','queue':'quiet'}}");
	peer_say(&p, "{'jsonrpc':'2.0','method':'no.such'}");
	peer_say(&p, "{'jsonrpc':'2.0','method':'ping'}");
	peer_silent(&p);
	job = core_newest_id(rig.b.core);
	rig_succeed(&rig, job, "1");
	peer_silent(&p);
	assert_has(peer_ask(&p, "{'id':1,'method':'queue.list'}"), "'name':'quiet'");
	peer_close(&p);
}

/* ---- batches ---- */

static void
test_a_batch_is_one_line_when_its_last_call_is_answered(void **state)
{
	struct peer	p;
	const char	*line;

	(void)state;
	peer_open(&p, &rig, false);
	peer_say(&p, "[" PING ",{'jsonrpc':'2.0','method':'ping'},5,"
	    "{'id':2,'method':'job.call','params':{'type':'work'}},{'id':3,'method':'nope'}]");
	peer_silent(&p);
	rig_succeed(&rig, core_newest_id(rig.b.core), "{'a':\n1}");
	line = peer_line(&p);
	assert_memory_equal(line, "[" PONG ",{", sizeof("[" PONG ",{") - 1);
	assert_kind(line, "invalid_request");
	assert_kind(line, "method_not_found");
	assert_has(line, "'id':2,'result':");
	assert_has(line, "'result':{'a': 1}}}]");
	peer_close(&p);
}

static void
test_batches_of_notifications_only_are_not_answered(void **state)
{
	struct peer	p;

	(void)state;
	peer_open(&p, &rig, false);
	peer_say(&p, "[{'jsonrpc':'2.0','method':'ping'},{'jsonrpc':'2.0','method':'ping'}]");
	peer_silent(&p);
	peer_close(&p);
}

/* `[CALL,CALL,...]` */
static char *
batch_line(const char *call, int count)
{
	struct buf	out = { 0 };

	for (int i = 0; i < count; i++)
		buf_printf(&out, "%c%s", i == 0 ? '[' : ',', call);
	buf_puts(&out, "]");
	return buf_take_string(&out);
}

#define SUBMIT	"{'id':1,'method':'job.submit','params':{'type':'work'}}"

static void
test_batches_are_limited_in_calls_and_in_room_for_their_answers(void **state)
{
	char		*thousand = batch_line(PING, 1000), *more = batch_line(PING, 1001);
	char		*jobs = batch_line(SUBMIT, 600);
	char		*lists = batch_line("{'id':1,'method':'type.list'}", 500);
	uint64_t	 before = core_newest_id(rig.b.core);
	struct peer	 p;
	const char	*line;

	(void)state;
	peer_open(&p, &rig, false);
	assert_kind(peer_ask(&p, "[]"), "invalid_request");
	assert_kind(peer_ask(&p, more), "invalid_request");
	line = peer_ask(&p, thousand);
	assert_int_equal(strlen(line), 1 + 1000 * strlen(PONG) + 999 + 1);
	assert_kind(peer_ask(&p, jobs), "reply_too_long");
	assert_int_equal(core_newest_id(rig.b.core), before);
	assert_in_range(strlen(peer_ask(&p, lists)), 1, BOUND_REPLY_BYTES - 1);
	free(thousand);
	free(more);
	free(jobs);
	free(lists);
	peer_close(&p);
}

static void
test_what_does_not_fit_becomes_an_error_in_its_own_member(void **state)
{
	char		label[1001];
	struct peer	p;
	const char	*line;
	long long	job;

	(void)state;
	memset(label, 'l', 1000);
	label[1000] = '\0';
	peer_open(&p, &rig, false);
	assert_has(peer_ask(&p, "{'id':1,'method':'hello','params':{'max_line_bytes':1024}}"),
	    "reply_bytes':1024");
	peer_sayf(&p, "{'id':1,'method':'job.submit','params':{'type':'work','labels':{'x':'%s'}}}",
	    label);
	job = line_int(peer_line(&p), "result':{'id");
	peer_sayf(&p, "{'id':1,'method':'job.get','params':{'id':%lld}}", job);
	line = peer_line(&p);
	assert_kind(line, "reply_too_long");
	assert_in_range(line_int(line, "bytes"), 1025, 3000);
	peer_sayf(&p, "[" PING ",{'id':2,'method':'job.get','params':{'id':%lld}}," PING "]", job);
	line = peer_line(&p);
	assert_memory_equal(line, "[" PONG ",", sizeof("[" PONG ",") - 1);
	assert_kind(line, "reply_too_long");
	assert_has(line, "," PONG "]");
	peer_close(&p);
}

/* ---- ends ---- */

static void
test_after_end_of_file_everything_is_answered_then_it_closes(void **state)
{
	struct peer	p;

	(void)state;
	peer_open(&p, &rig, false);
	peer_say(&p, "{'id':2,'method':'job.call','params':{'type':'work'}}");
	peer_say(&p, PING);
	peer_send(&p, "{\"id\":3,\"method\":\"ping\"}", 24);
	shutdown(p.fd, SHUT_WR);
	assert_string_equal(peer_line(&p), PONG);
	assert_has(peer_line(&p), "the last line does not end with a line feed");
	peer_silent(&p);
	rig_succeed(&rig, core_newest_id(rig.b.core), "[1]");
	assert_has(peer_line(&p), "'id':2,'result':");
	assert_null(peer_line(&p));
	peer_close(&p);
}

static void
test_after_end_of_file_it_closes_though_nothing_was_to_be_answered(void **state)
{
	struct buf	out = { 0 };
	struct peer	p;

	(void)state;
	for (int i = 0; i < 3500; i++)
		buf_puts(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}\n");
	peer_open(&p, &rig, false);
	peer_send(&p, buf_data(&out), buf_len(&out));
	shutdown(p.fd, SHUT_WR);
	assert_null(peer_line(&p));
	buf_free(&out);
	peer_close(&p);
}

static struct net_stats
stats_now(void)
{
	struct net_stats	s;

	net_stats(rig.b.net, &s);
	return s;
}

/* Turns until so many connections are left. */
static void
until_connections(uint64_t count)
{
	int64_t	end = clock_mono_ns() + 20 * NS_PER_S;

	while (stats_now().connections != count) {
		rig_turn(&rig);
		if (clock_mono_ns() > end)
			fail_msg("%" PRIu64 " connections are left", stats_now().connections);
	}
}

static void
test_a_client_that_vanishes_after_half_closing_is_noticed(void **state)
{
	struct peer	p;

	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		const struct linger	hard = { 1, 0 };
		char			token[128];

		until_connections(0);
		peer_open(&p, &rig, tcp);
		if (tcp)
			peer_sayf(&p, "{'id':1,'method':'hello','params':{'token':'%s'}}",
			    rig_token(&rig, token, sizeof(token)));
		peer_say(&p, "{'id':2,'method':'job.call','params':{'type':'work'}}");
		shutdown(p.fd, SHUT_WR);
		for (int i = 0; i < 20; i++)
			rig_turn(&rig);
		assert_int_equal(stats_now().connections, 1);
		setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		peer_close(&p);
		until_connections(0);
		rig_succeed(&rig, core_newest_id(rig.b.core), "1");
	}
}

/* ---- time ---- */

static void
test_a_started_line_must_be_finished_in_time(void **state)
{
	struct peer	slow, idle;

	(void)state;
	peer_open(&slow, &rig, false);
	peer_open(&idle, &rig, false);
	assert_string_equal(peer_ask(&idle, PING), PONG);
	peer_send(&slow, PING "\n{\"id\"", sizeof(PING "\n{\"id\"") - 1);
	assert_string_equal(peer_line(&slow), PONG);
	rig_skip(&rig, BOUND_LINE_MS - 1000);
	peer_silent(&slow);
	rig_skip(&rig, BOUND_LINE_MS + 1000);
	assert_kind(peer_line(&slow), "too_slow");
	assert_null(peer_line(&slow));
	assert_string_equal(peer_ask(&idle, PING), PONG);
	peer_close(&slow);
	peer_close(&idle);
}

static void
test_a_line_that_ends_in_time_starts_no_clock_for_the_next(void **state)
{
	struct peer	p;

	(void)state;
	peer_open(&p, &rig, false);
	peer_send(&p, "{\"id\":1,", 8);
	rig_turn(&rig);
	peer_say(&p, "'method':'ping'}");
	assert_string_equal(peer_line(&p), PONG);
	rig_skip(&rig, 2 * BOUND_LINE_MS);
	assert_string_equal(peer_ask(&p, PING), PONG);
	peer_close(&p);
}

/* ---- pressure ---- */

static void
test_a_client_that_does_not_read_is_not_read(void **state)
{
	char		*line = echo_line("inline", 3000);
	struct peer	 p, other;
	uint64_t	 taken = 0;
	size_t		 sent = 0, len = strlen(line);
	int		 stuck = 0;

	(void)state;
	until_connections(0);
	peer_open(&p, &rig, false);
	peer_open(&other, &rig, false);
	while (stuck < 50) {
		ssize_t	n = send(p.fd, line + sent, len - sent, MSG_NOSIGNAL);

		rig_turn(&rig);
		if (n <= 0) {
			stuck++;
			continue;
		}
		stuck = 0;
		sent = (sent + (size_t)n) % len;
		taken += (uint64_t)n;
		assert_in_range(taken, 1, 16 << 20);
	}
	assert_string_equal(peer_ask(&other, PING), PONG);
	/* It reads again, and all is answered. */
	if (sent > 0)
		peer_send(&p, line + sent, len - sent);
	for (uint64_t i = 0; i < taken / len; i++)
		assert_has(peer_line(&p), "'state':'succeeded'");
	assert_string_equal(peer_ask(&other, PING), PONG);
	free(line);
	peer_close(&p);
	peer_close(&other);
}

/* So many open calls, each of whose results is large, and a client that reads none of them. */
static void
test_output_that_is_never_read_closes_the_connection(void **state)
{
	enum { JOBS = 60 };
	char		*result = mem_alloc(400002);
	uint64_t	 ids[JOBS];
	struct peer	 p;

	(void)state;
	memset(result, 'r', 400000);
	result[0] = result[399999] = '"';
	result[400000] = '\0';
	until_connections(0);
	peer_open(&p, &rig, false);
	peer_ask(&p, "{'id':0,'method':'hello','params':{'max_line_bytes':1000000}}");
	for (int i = 0; i < JOBS; i++) {
		peer_say(&p, "{'id':1,'method':'job.call','params':{'type':'work'}}");
		rig_turn(&rig);
		ids[i] = core_newest_id(rig.b.core);
	}
	assert_int_equal(stats_now().connections, 1);
	for (int i = 0; i < JOBS; i++)
		rig_succeed(&rig, ids[i], result);
	rig_turn(&rig);
	assert_int_equal(stats_now().connections, 0);
	free(result);
	peer_close(&p);
}

static void
test_one_busy_connection_does_not_keep_others_waiting(void **state)
{
	struct buf	out = { 0 };
	struct peer	busy, other;
	uint64_t	before;

	(void)state;
	peer_open(&busy, &rig, false);
	peer_open(&other, &rig, false);
	peer_ask(&busy, PING);
	peer_ask(&other, PING);
	for (int i = 0; i < 6000; i++)
		buf_puts(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}\n");
	assert_int_equal(send(busy.fd, buf_data(&out), buf_len(&out), 0), buf_len(&out));
	peer_say(&other, PING);
	before = stats_now().requests;
	rig_turn(&rig);
	/* One turn: a bounded part of the busy one's calls, and the other one's. */
	assert_in_range(stats_now().requests - before, 2, 1001 + 1);
	assert_string_equal(peer_line(&other), PONG);
	peer_ask(&busy, PING);
	assert_in_range(stats_now().requests - before, 6002, 6100);
	buf_free(&out);
	peer_close(&busy);
	peer_close(&other);
}

static void
test_refused_connections_are_told_why(void **state)
{
	static const char	*const settings[] = { "net.max_connections=16", NULL };
	struct peer		p[16], over;
	char			token[128];

	(void)state;
	rig_close(&rig);
	rig_open(&rig, settings);
	rig_token(&rig, token, sizeof(token));
	/* TCP leaves some places to administrators on the unix socket */
	for (int i = 0; i < 8; i++) {
		peer_open(&p[i], &rig, true);
		assert_string_equal(peer_ask(&p[i], PING), PONG);
	}
	peer_open(&over, &rig, true);
	assert_kind(peer_line(&over), "too_many_connections");
	assert_null(peer_line(&over));
	peer_close(&over);
	for (int i = 8; i < 16; i++) {
		peer_open(&p[i], &rig, false);
		assert_string_equal(peer_ask(&p[i], PING), PONG);
	}
	peer_open(&over, &rig, false);
	assert_kind(peer_line(&over), "too_many_connections");
	peer_close(&over);
	for (int i = 0; i < 16; i++)
		peer_close(&p[i]);
	until_connections(0);
	peer_open(&over, &rig, true);
	assert_string_equal(peer_ask(&over, PING), PONG);
	peer_close(&over);
}

static void
test_without_descriptors_accepting_pauses_and_goes_on(void **state)
{
	struct rlimit	old, none;
	struct peer	p;
	int		free_fd;

	(void)state;
	peer_open(&p, &rig, false);
	assert_return_code(getrlimit(RLIMIT_NOFILE, &old), errno);
	free_fd = dup(p.fd);
	close(free_fd);
	none = (struct rlimit){ (rlim_t)free_fd, old.rlim_max };
	assert_return_code(setrlimit(RLIMIT_NOFILE, &none), errno);
	rig_turn(&rig);
	/* It does not try again before its time, though the listener is readable. */
	assert_return_code(setrlimit(RLIMIT_NOFILE, &old), errno);
	peer_say(&p, PING);
	peer_silent(&p);
	assert_int_equal(stats_now().accepted, 0);
	rig_skip(&rig, 200);
	assert_string_equal(peer_line(&p), PONG);
	peer_close(&p);
}

static void
test_at_the_end_what_is_owed_is_sent_first(void **state)
{
	struct peer	p;

	(void)state;
	peer_open(&p, &rig, false);
	peer_ask(&p, PING);
	peer_say(&p, "{'id':4,'method':'job.call','params':{'type':'work'}}");
	rig_turn(&rig);
	rig_succeed(&rig, core_newest_id(rig.b.core), "true");
	assert_true(net_finish(rig.b.net));
	assert_has(peer_line(&p), "'result':true");
	assert_null(peer_line(&p));
	peer_close(&p);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
	const struct CMUnitTest	tests[] = {
		TEST(test_a_line_may_come_byte_by_byte),
		TEST(test_many_lines_in_one_piece_are_all_answered_in_order),
		TEST(test_a_long_line_among_short_ones_is_served_whole),
		TEST(test_a_line_above_the_limit_is_refused_and_the_connection_ends),
		TEST(test_garbage_is_answered_and_the_next_line_is_served),
		TEST(test_notifications_are_carried_out_and_not_answered),
		TEST(test_a_batch_is_one_line_when_its_last_call_is_answered),
		TEST(test_batches_of_notifications_only_are_not_answered),
		TEST(test_batches_are_limited_in_calls_and_in_room_for_their_answers),
		TEST(test_what_does_not_fit_becomes_an_error_in_its_own_member),
		TEST(test_after_end_of_file_everything_is_answered_then_it_closes),
		TEST(test_after_end_of_file_it_closes_though_nothing_was_to_be_answered),
		TEST(test_a_client_that_vanishes_after_half_closing_is_noticed),
		TEST(test_a_started_line_must_be_finished_in_time),
		TEST(test_a_line_that_ends_in_time_starts_no_clock_for_the_next),
		TEST(test_a_client_that_does_not_read_is_not_read),
		TEST(test_output_that_is_never_read_closes_the_connection),
		TEST(test_one_busy_connection_does_not_keep_others_waiting),
		TEST(test_refused_connections_are_told_why),
		TEST(test_without_descriptors_accepting_pauses_and_goes_on),
		TEST(test_at_the_end_what_is_owed_is_sent_first),
	};

	return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
