/*
 * net_auth.c - who gets in, and what the whole table of methods says to strangers and to garbage.
 */
#include "tests/unit/net_rig.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/broker/net/auth.h"
#include "daemon/broker/net/net.h"
#include "proto/rpc.h"
#include "proto/rpc_rows.h"

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

static void
hello(struct peer *p, const char *token)
{
	peer_sayf(p, "{'id':1,'method':'hello','params':{'token':'%s'}}", token);
}

/* ---- logging in ---- */

static void
test_the_token_opens_tcp_and_names_the_principal(void **state)
{
	struct peer	p;
	char		token[128];

	(void)state;
	peer_open(&p, &rig, true);
	peer_ask(&p, "{'id':1,'method':'hello'}");
	assert_has(p.line, "'principal':'nobody','role':'anybody'");
	assert_kind(peer_ask(&p, "{'id':1,'method':'job.list'}"), "unauthenticated");
	hello(&p, rig_token(&rig, token, sizeof(token)));
	assert_has(peer_line(&p), "'principal':'token:client','role':'admin'");
	peer_ask(&p, "{'id':1,'method':'job.submit','params':{'type':'work'}}");
	assert_has(p.line, "'result'");
	assert_has(peer_ask(&p, "{'id':1,'method':'job.list'}"), "'by':'token:client'");
	rig_skip(&rig, 2 * BOUND_AUTH_MS);
	assert_has(peer_ask(&p, "{'id':1,'method':'ping'}"), "pong");
	peer_close(&p);
}

static void
test_wrong_tokens_are_answered_late_and_the_third_closes(void **state)
{
	struct peer	p;

	(void)state;
	peer_open(&p, &rig, true);
	for (int i = 0; i < AUTH_FAILURES; i++) {
		hello(&p, "client.00000000000000000000000000000000");
		peer_say(&p, "{'id':5,'method':'ping'}");
		peer_silent(&p);
		rig_skip(&rig, AUTH_DELAY_MS + 100);
		assert_kind(peer_line(&p), "unauthenticated");
		if (i + 1 < AUTH_FAILURES)
			assert_has(peer_line(&p), "'id':5,'result'");
	}
	assert_null(peer_line(&p));
	peer_close(&p);
}

static void
test_strangers_have_little_time_short_lines_and_no_second_chance(void **state)
{
	struct peer	late, talker, stray;
	char		line[17000];

	(void)state;
	memset(line, ' ', sizeof(line));
	peer_open(&late, &rig, true);
	assert_has(peer_ask(&late, "{'id':1,'method':'ping'}"), "pong");
	rig_skip(&rig, BOUND_AUTH_MS - 1000);
	peer_silent(&late);
	rig_skip(&rig, BOUND_AUTH_MS + 1000);
	assert_kind(peer_line(&late), "too_slow");
	assert_null(peer_line(&late));
	peer_open(&talker, &rig, true);
	peer_send(&talker, line, sizeof(line));
	assert_kind(peer_line(&talker), "line_too_long");
	assert_null(peer_line(&talker));
	peer_open(&stray, &rig, true);
	assert_kind(peer_ask(&stray, "POST / HTTP/1.1"), "parse_error");
	assert_null(peer_line(&stray));
	peer_close(&late);
	peer_close(&talker);
	peer_close(&stray);
}

/* ---- the whole table ---- */

static void
test_no_method_serves_strangers_but_hello_and_ping(void **state)
{
	struct peer	p;

	(void)state;
	peer_open(&p, &rig, true);
	for (int m = 0; m < RPC_METHODS; m++) {
		bool	open = rpc_methods[m].role == ROLE_anybody;

		peer_sayf(&p, "{'id':1,'method':'%s','params':{'x':1}}", rpc_methods[m].name);
		assert_kind(peer_line(&p), open ? "invalid_params" : "unauthenticated");
	}
	peer_close(&p);
}

static const char	*const garbage[] = {
	"null", "true", "false", "0", "1", "-1", "1.5", "1e300", "9007199254740992",
	"18446744073709551616", "''", "'x'", "'\\u0000'", "'%s%n'", "'../../etc/passwd'", "[]",
	"[null]", "[1]", "[[]]", "['x']", "{}",
	"{'x':1}", "{'state':7}", "{'label':[]}", "[{'type':'echo'},1]", "'\xc3\xa9'",
};

/* Every answer is a result or a known error, never `internal`. */
static void
assert_polite(const char *line, const char *asked)
{
	if (line == NULL)
		fail_msg("closed by %s", asked);
	if (strstr(line, "\"kind\":\"internal\"") != NULL ||
	    (strstr(line, ",\"result\":") == NULL && strstr(line, "\"data\":{\"kind\":\"") == NULL))
		fail_msg("%s was answered by %s", asked, line);
}

/* Watches that garbage began tell of what garbage did to jobs: those lines are no answers. */
static const char *
peer_answer(struct peer *p)
{
	const char	*line;

	do
		line = peer_line(p);
	while (line != NULL && strstr(line, "\"method\":\"job.changed\"") != NULL);
	return line;
}

static void
try_member(struct peer *p, int method, int member, const char *value)
{
	char	line[512];
	size_t	at = (size_t)snprintf(line, sizeof(line), "{'id':1,'method':'%s','params':{'%s':%s",
	    rpc_methods[method].name, rpc_params[member].name, value);

	if ((rpc_methods[method].params & RPC_BIT(PARAM_type)) != 0 && member != PARAM_type)
		at += (size_t)snprintf(line + at, sizeof(line) - at, ",'type':'work'");
	if (method == METHOD_job_call && member != PARAM_wait_ms)
		at += (size_t)snprintf(line + at, sizeof(line) - at, ",'wait_ms':0");
	if (method == METHOD_job_wait && member != PARAM_timeout_ms)
		at += (size_t)snprintf(line + at, sizeof(line) - at, ",'timeout_ms':0");
	snprintf(line + at, sizeof(line) - at, "}}");
	peer_say(p, line);
	/* What waits for long is cancelled with its connection, or over by then. */
	rig_turn(&rig);
	rig_skip(&rig, INT64_C(1) << 40);
	assert_polite(peer_answer(p), line);
}

static void
test_garbage_in_any_member_of_any_method_is_answered_politely(void **state)
{
	struct peer	p;

	(void)state;
	peer_open(&p, &rig, false);
	for (int m = 0; m < RPC_METHODS; m++) {
		if (m == METHOD_job_cancel)	/* waits for the end of job 1, which never comes */
			continue;
		for (int member = 0; member < RPC_PARAMS; member++) {
			if ((rpc_methods[m].params & RPC_BIT(member)) == 0)
				continue;
			/* null counts as not given: a job.call without wait_ms waits for ever */
			for (size_t i = member == PARAM_wait_ms; i < COUNT(garbage); i++)
				try_member(&p, m, member, garbage[i]);
		}
	}
	assert_has(peer_ask(&p, "{'id':1,'method':'ping'}"), "pong");
	peer_close(&p);
}

static void
test_params_of_any_shape_are_answered_politely_by_every_method(void **state)
{
	struct peer	p;
	char		line[256];

	(void)state;
	peer_open(&p, &rig, false);
	for (int m = 0; m < RPC_METHODS; m++) {
		for (size_t i = 0; i < COUNT(garbage); i++) {
			snprintf(line, sizeof(line), "{'id':1,'method':'%s','params':%s}",
			    rpc_methods[m].name, garbage[i]);
			peer_say(&p, line);
			assert_polite(peer_line(&p), line);
		}
	}
	peer_close(&p);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
	const struct CMUnitTest	tests[] = {
		TEST(test_the_token_opens_tcp_and_names_the_principal),
		TEST(test_wrong_tokens_are_answered_late_and_the_third_closes),
		TEST(test_strangers_have_little_time_short_lines_and_no_second_chance),
		TEST(test_no_method_serves_strangers_but_hello_and_ping),
		TEST(test_garbage_in_any_member_of_any_method_is_answered_politely),
		TEST(test_params_of_any_shape_are_answered_politely_by_every_method),
	};

	return cmocka_run_group_tests_name("who gets in, and garbage", tests, NULL, NULL);
}
