/* net_jobs.c - what calls about jobs answer, and when: outcomes, waits, cancels, lists, results. */
#include "tests/unit/net_rig.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/broker/net/net.h"
#include "lib/alloc.h"

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

/* Hands in a job whose other members are `more` ("" or `,"queue":"q"`); returns its id. */
static uint64_t
submit(const char *type, const char *more)
{
	peer_sayf(&peer, "{'id':1,'method':'job.submit','params':{'type':'%s'%s}}", type, more);
	return (uint64_t)line_int(peer_line(&peer), "result':{'id");
}

static void
say_id(const char *method, uint64_t job, const char *more)
{
	peer_sayf(&peer, "{'id':2,'method':'%s','params':{'id':%" PRIu64 "%s}}", method, job, more);
}

static const char *
ask_id(const char *method, uint64_t job, const char *more)
{
	say_id(method, job, more);
	return peer_line(&peer);
}

/* ---- outcomes ---- */

static void
test_a_call_is_answered_with_the_result_as_the_handler_wrote_it(void **state)
{
	uint64_t	job;

	(void)state;
	peer_say(&peer, "{'id':'x','method':'job.call',"
	    "'params':{'type':'work','args':{'b':1.50}}}");
	peer_silent(&peer);
	job = core_newest_id(rig.b.core);
	rig_succeed(&rig, job, "{'z':1.0,\n 'a':[1e300,'\\n']}");
	assert_has(peer_line(&peer), "{'jsonrpc':'2.0','id':'x','result':{'id':");
	assert_has(peer.line, "'state':'succeeded','result':{'z':1.0,  'a':[1e300,'\\n']}}}");
	assert_has(ask_id("job.get", job, ""), "'args':{'b':1.50}");
}

static void
test_a_failure_is_an_answer_with_kind_message_attempt_and_data(void **state)
{
	uint64_t	job = submit("work", "");

	(void)state;
	rig_fail(&rig, job, "no 'such' file", "{'errno':\n2}");
	assert_has(ask_id("job.wait", job, ""), "'state':'failed','failure':{'kind':'error',"
	    "'message':'no \\'such\\' file','attempt':1,'data':{'errno': 2}}}}");
	assert_kind(ask_id("job.result", job, ""), "no_result");
	assert_has(ask_id("job.get", job, ""), "'failure':{'kind':'error'");
}

static void
test_expired_and_cancelled_jobs_tell_their_reason(void **state)
{
	uint64_t	later = submit("work", ",'delay_ms':100000,'ttl_ms':5");

	(void)state;
	rig.b.now.mono_ns += 10 * 1000000;
	core_tick(rig.b.core, rig.b.now);
	broker_settle(&rig.b);
	ask_id("job.wait", later, "");
	assert_has(peer.line, "'state':'expired','reason':'not started within ttl_ms'");
	later = submit("work", ",'delay_ms':100000");
	assert_has(ask_id("job.cancel", later, ""), "'state':'cancelled'}}");
	ask_id("job.wait", later, "");
	assert_has(peer.line, "'state':'cancelled','reason':'cancelled on request'");
}

/* A JSON string of so many bytes in all. */
static char *
long_string(size_t bytes)
{
	char	*text = mem_alloc(bytes + 1);

	memset(text, 's', bytes);
	text[0] = text[bytes - 1] = '"';
	text[bytes] = '\0';
	return text;
}

static void
test_results_that_do_not_fit_are_given_by_their_length(void **state)
{
	static const struct {
		size_t	bytes;
		bool	fits;
	} rows[] = {
		{ 1000, true }, { 60000, true }, { 61200, true }, { 61440, false },
		{ 100000, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char		*text = long_string(rows[i].bytes);
		uint64_t	 job = submit("work", "");
		const char	*line;

		rig_succeed(&rig, job, text);
		line = ask_id("job.wait", job, "");
		assert_in_range(strlen(line), 1, BOUND_REPLY_BYTES - 1);
		if (rows[i].fits)
			assert_has(line, "'result':'sss");
		else
			assert_int_equal(line_int(line, "result_bytes"), rows[i].bytes);
		line = ask_id("job.get", job, "");
		assert_in_range(strlen(line), 1, BOUND_REPLY_BYTES - 1);
		free(text);
	}
}

static void
test_failure_data_that_does_not_fit_is_given_by_its_length(void **state)
{
	char		*data = long_string(64000);
	uint64_t	 job = submit("work", "");

	(void)state;
	rig_fail(&rig, job, "large", data);
	ask_id("job.wait", job, "");
	assert_has(peer.line, "'message':'large','attempt':1,'data_bytes':64000}}}");
	free(data);
}

/* ---- waiting ---- */

static void
test_everybody_who_waits_for_a_job_is_answered_once(void **state)
{
	struct peer	others[5];
	uint64_t	job = submit("work", "");

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		peer_open(&others[i], &rig, false);
		peer_sayf(&others[i], "{'id':%zu,'method':'job.wait','params':{'id':%" PRIu64 "}}",
		    i, job);
		peer_silent(&others[i]);
	}
	peer_close(&others[2]);
	rig_turn(&rig);
	rig_succeed(&rig, job, "5");
	for (size_t i = 0; i < COUNT(others); i++) {
		if (i == 2)
			continue;
		assert_int_equal(line_int(peer_line(&others[i]), "id"), i);
		assert_has(others[i].line, "'result':5");
		peer_silent(&others[i]);
		peer_close(&others[i]);
	}
}

static void
test_waits_end_in_time_and_the_job_goes_on(void **state)
{
	uint64_t	job = submit("work", "");
	const char	*line;

	(void)state;
	say_id("job.wait", job, ",'timeout_ms':5000");
	peer_silent(&peer);
	rig_skip(&rig, 4900);
	peer_silent(&peer);
	rig_skip(&rig, 5100);
	line = peer_line(&peer);
	assert_kind(line, "wait_timeout");
	assert_int_equal(line_int(line, "retryable':true,'id"), job);
	peer_say(&peer, "{'id':4,'method':'job.call','params':{'type':'work','wait_ms':0}}");
	assert_kind(peer_line(&peer), "wait_timeout");
	rig_succeed(&rig, job, "1");
	peer_silent(&peer);
	assert_has(ask_id("job.wait", job, ""), "'result':1");
}

static void
test_many_jobs_are_waited_for_all_or_any(void **state)
{
	uint64_t	a = submit("wait", ""), b = submit("wait", ""), c = submit("echo", "");
	char		want[128];

	(void)state;
	peer_sayf(&peer, "{'id':3,'method':'job.wait','params':{'ids':[%" PRIu64 ",%" PRIu64 "],"
	    "'any':true}}", a, b);
	peer_sayf(&peer, "{'id':4,'method':'job.wait','params':{'ids':[%" PRIu64 ", %" PRIu64
	    " ,%" PRIu64 "]}}", a, b, c);
	peer_silent(&peer);
	rig_fail(&rig, b, "b failed", NULL);
	assert_has(peer_line(&peer), "'id':3,'result':{'outcomes':[{'id':");
	snprintf(want, sizeof(want), "'pending':[%" PRIu64 "]}}", a);
	assert_has(peer.line, want);
	peer_silent(&peer);
	rig_succeed(&rig, a, "[1,2]");
	assert_has(peer_line(&peer), "'id':4,'result':{'outcomes':[{'id':");
	assert_has(peer.line, "'result':null},{'id':");
	assert_has(peer.line, "b failed");
	assert_has(peer.line, "'result':[1,2]}],'pending':[]}}");
}

static void
test_a_wait_for_many_keeps_outcomes_of_jobs_that_are_forgotten_meanwhile(void **state)
{
	static const char	*const settings[] = { "jobs.keep_finished=1", NULL };
	uint64_t		ids[3];

	(void)state;
	close_rig(NULL);
	rig_open(&rig, settings);
	peer_open(&peer, &rig, false);
	for (int i = 0; i < 3; i++)
		ids[i] = submit("wait", "");
	peer_sayf(&peer, "{'id':3,'method':'job.wait','params':{'ids':[%" PRIu64 ",%" PRIu64
	    ",%" PRIu64 "]}}", ids[0], ids[1], ids[2]);
	rig_turn(&rig);
	for (int i = 0; i < 3; i++) {
		char	text[16];

		snprintf(text, sizeof(text), "'r%d'", i);
		rig_succeed(&rig, ids[i], text);
		rig_turn(&rig);
	}
	assert_null(core_find(rig.b.core, ids[0]));
	assert_has(peer_line(&peer), "'result':'r0'},{'id':");
	assert_has(peer.line, "'result':'r2'}],'pending':[]");
	assert_kind(ask_id("job.wait", ids[0], ""), "not_found");
}

static void
test_unknown_jobs_are_not_found_and_nothing_waits(void **state)
{
	static const char	*const methods[] = {
		"job.get", "job.wait", "job.cancel", "job.result", "job.explain",
	};
	uint64_t		job = submit("work", "");

	(void)state;
	for (size_t i = 0; i < COUNT(methods); i++) {
		assert_kind(ask_id(methods[i], 1 << 30, ""), "not_found");
		assert_int_equal(line_int(peer.line, "not_found','id"), 1 << 30);
	}
	peer_sayf(&peer, "{'id':3,'method':'job.wait','params':{'ids':[%" PRIu64 ",99999999]}}",
	    job);
	assert_kind(peer_line(&peer), "not_found");
	assert_null(job_run(core_find(rig.b.core, job))->watchers);
}

static void
test_open_calls_are_limited_and_cancel_is_still_served(void **state)
{
	uint64_t	job = submit("work", "");
	struct buf	out = { 0 };
	char		*nine_thousand;

	(void)state;
	peer_ask(&peer, "{'id':1,'method':'hello','params':{'max_line_bytes':4000000}}");
	buf_puts(&out, "{'id':5,'method':'job.wait','params':{'ids':[");
	for (int i = 0; i < 9000; i++)
		buf_printf(&out, "%s%" PRIu64, i == 0 ? "" : ",", job);
	buf_puts(&out, "]}}");
	nine_thousand = buf_take_string(&out);
	peer_say(&peer, nine_thousand);
	peer_silent(&peer);
	assert_kind(peer_ask(&peer, nine_thousand), "too_many_calls");
	for (int i = 0; i < BOUND_OPEN_CALLS - 9000; i++)
		say_id("job.wait", job, "");
	peer_silent(&peer);
	assert_kind(ask_id("job.wait", job, ""), "too_many_calls");
	assert_kind(peer_ask(&peer, "{'id':1,'method':'job.call','params':{'type':'work'}}"),
	    "too_many_calls");
	assert_int_equal(core_newest_id(rig.b.core), job);
	say_id("job.cancel", job, "");
	assert_true(rig_told(&rig, job));
	rig_end_cancelled(&rig, job);
	for (int i = 0; i < BOUND_OPEN_CALLS - 9000 + 2; i++)
		assert_has(peer_line(&peer), "'result':");
	assert_has(ask_id("job.wait", job, ""), "cancelled");
	free(nine_thousand);
}

static void
test_a_batch_that_waits_counts_with_all_its_calls(void **state)
{
	struct buf	out = { 0 };
	uint64_t	job = submit("work", "");
	char		*batch;

	(void)state;
	buf_printf(&out, "[{'id':1,'method':'job.wait','params':{'id':%" PRIu64 "}}", job);
	for (int i = 0; i < 999; i++)
		buf_puts(&out, ",{'id':2,'method':'ping'}");
	buf_puts(&out, "]");
	batch = buf_take_string(&out);
	for (int i = 0; i < BOUND_OPEN_CALLS / 1000; i++)
		peer_say(&peer, batch);
	peer_silent(&peer);
	assert_kind(peer_ask(&peer, batch), "too_many_calls");
	rig_succeed(&rig, job, "1");
	for (int i = 0; i < BOUND_OPEN_CALLS / 1000; i++)
		assert_memory_equal(peer_line(&peer), "[{", 2);
	assert_has(peer_ask(&peer, batch), "'result':1}}");
	free(batch);
}

/* ---- cancelling and leaving ---- */

static void
test_cancel_answers_when_the_job_has_ended(void **state)
{
	uint64_t	job = submit("work", "");

	(void)state;
	say_id("job.cancel", job, "");
	assert_true(rig_told(&rig, job));
	peer_silent(&peer);
	rig_end_cancelled(&rig, job);
	assert_has(peer_line(&peer), "'id':2,'result':{'id':");
	assert_has(peer.line, "'state':'cancelled'}}");
	assert_kind(ask_id("job.cancel", job, ""), "conflict");
	assert_has(peer.line, "'state':'cancelled'");
}

static void
test_only_calls_that_asked_for_it_are_cancelled_with_their_connection(void **state)
{
	(void)state;
	for (int half = 0; half < 2; half++) {
		struct peer	p;
		uint64_t	kept, dropped;

		peer_open(&p, &rig, false);
		peer_ask(&p, "{'id':1,'method':'ping'}");
		peer_say(&p, "{'id':1,'method':'job.call','params':{'type':'wait'}}");
		rig_turn(&rig);
		kept = core_newest_id(rig.b.core);
		peer_say(&p, "{'id':2,'method':'job.call',"
		    "'params':{'type':'wait','cancel_on_disconnect':true}}");
		rig_turn(&rig);
		dropped = core_newest_id(rig.b.core);
		rig_attempt(&rig, dropped);
		if (half)
			shutdown(p.fd, SHUT_WR);
		else
			peer_close(&p);
		assert_true(rig_told(&rig, dropped));
		assert_false(rig_told(&rig, kept));
		rig_end_cancelled(&rig, dropped);
		rig_succeed(&rig, kept, "1");
		assert_has(ask_id("job.wait", kept, ""), "succeeded");
		if (half) {
			assert_has(peer_line(&p), "'id':2,'result':");
			assert_has(peer_line(&p), "'id':1,'result':");
			assert_null(peer_line(&p));
			peer_close(&p);
		}
	}
}

static void
test_drain_answers_when_nothing_is_left(void **state)
{
	uint64_t	job = submit("work", "");

	(void)state;
	peer_say(&peer, "{'id':9,'method':'server.drain'}");
	peer_silent(&peer);
	peer_ask(&peer, "{'id':1,'method':'job.submit','params':{'type':'echo'}}");
	assert_kind(peer.line, "draining");
	rig_succeed(&rig, job, "1");
	assert_has(peer_line(&peer), "'id':9,'result':{'drained':true}");
	assert_has(peer_ask(&peer, "{'id':1,'method':'server.stats'}"), "'draining':true");
	assert_has(peer_ask(&peer, "{'id':9,'method':'server.drain'}"), "'drained':true");
}

/* ---- submit_many ---- */

static void
test_of_many_jobs_each_is_accepted_or_refused_alone(void **state)
{
	(void)state;
	peer_ask(&peer, "{'id':1,'method':'job.submit_many','params':{'jobs':[{'type':'echo'},"
	    "{'type':'nope'},5,{'type':'work','lane':'async'},"
	    "{'type':'ec\\u0068o','queue':'\\u0071'}]}}");
	assert_has(peer.line, ",null,null,null,");
	assert_has(peer.line, "'errors':[{'index':1,'kind':'unknown_type','message':'");
	assert_has(peer.line, "{'index':2,'kind':'invalid_params'");
	assert_has(peer.line, "{'index':3,'kind':'lane_refused'");
	assert_int_equal(line_int(peer.line, "errors_total"), 3);
	assert_has(peer_ask(&peer, "{'id':1,'method':'queue.list'}"), "'name':'q'");
}

static char *
many_line(const char *job, int count)
{
	struct buf	out = { 0 };

	buf_puts(&out, "{'id':1,'method':'job.submit_many','params':{'jobs':[");
	for (int i = 0; i < count; i++)
		buf_printf(&out, "%s%s", i == 0 ? "" : ",", job);
	buf_puts(&out, "]}}");
	return buf_take_string(&out);
}

static void
test_the_ids_of_a_thousand_jobs_fit_and_so_do_their_errors(void **state)
{
	char		*good = many_line("{'type':'work'}", 1000);
	char		*bad = many_line("{'typo':1}", 1000);
	uint64_t	 newest;

	(void)state;
	peer_ask(&peer, good);
	assert_int_equal(line_int(peer.line, "errors_total"), 0);
	peer_ask(&peer, bad);
	assert_int_equal(line_int(peer.line, "errors_total"), 1000);
	assert_has(peer.line, "{'index':99,");
	assert_null(strstr(peer.line, "{'index':100,"));
	newest = core_newest_id(rig.b.core);
	peer_ask(&peer, "{'id':1,'method':'hello','params':{'max_line_bytes':4000}}");
	assert_kind(peer_ask(&peer, good), "reply_too_long");
	assert_int_equal(core_newest_id(rig.b.core), newest);
	free(good);
	free(bad);
}

/* ---- results in pieces ---- */

/* A result with characters of every length and everything that a JSON string escapes. */
static char *
difficult_result(void)
{
	struct buf	out = { 0 };

	buf_putc(&out, '[');
	for (int i = 0; i < 4000; i++) {
		buf_puts(&out, i == 0 ? "" : ",");
		buf_printf(&out, "\"%d\\n\\u0041\x7f \xc3\xa9", i);
		buf_puts(&out, "\xe2\x82\xac\xf0\x9f\x98\x80\",\n\t");
		buf_printf(&out, "\"%.*s\"", i % 7, "\x7f\x7f\x7f\x7f\x7f\x7f\x7f");
	}
	buf_putc(&out, ']');
	return buf_take_string(&out);
}

static void
test_pieces_of_a_result_make_the_result(void **state)
{
	static const int	limits[] = { 1, 7, 1000, 1000000 };
	char			*text = difficult_result();
	uint64_t		 job = submit("work", "");

	(void)state;
	rig_succeed(&rig, job, text);
	for (size_t i = 0; i < COUNT(limits); i++) {
		size_t	at = limits[i] < 100 ? strlen(text) - 500 : 0;
		bool	eof = false;

		while (((unsigned char)text[at] & 0xc0) == 0x80)
			at++;
		while (!eof) {
			char	more[80];
			json_t	*v, *r, *data;

			snprintf(more, sizeof(more), ",'offset':%zu,'limit':%d", at, limits[i]);
			ask_id("job.result", job, more);
			assert_in_range(strlen(peer.line), 1, BOUND_REPLY_BYTES - 1);
			assert_int_equal(line_int(peer.line, "offset"), at);
			assert_int_equal(line_int(peer.line, "total"), strlen(text));
			v = json_loads(peer.line, 0, NULL);
			r = json_object_get(v, "result");
			data = json_object_get(r, "data");
			assert_memory_equal(json_string_value(data), text + at,
			    json_string_length(data));
			at += json_string_length(data);
			eof = json_is_true(json_object_get(r, "eof"));
			json_decref(v);
		}
		assert_int_equal(at, strlen(text));
	}
	free(text);
}

static void
test_a_piece_begins_at_a_character(void **state)
{
	uint64_t	job = submit("work", "");

	(void)state;
	rig_succeed(&rig, job, "'\xc3\xa9'");
	assert_kind(ask_id("job.result", job, ",'offset':2"), "invalid_params");
	ask_id("job.result", job, ",'offset':1,'limit':1");
	assert_has(peer.line, "'data':'\xc3\xa9','offset':1,'total':4,'eof':false");
	ask_id("job.result", job, ",'offset':4");
	assert_has(peer.line, "'data':'','offset':4,'total':4,'eof':true");
	ask_id("job.result", job, ",'offset':400");
	assert_has(peer.line, "'data':'','offset':400,'total':4,'eof':true");
}

/* ---- looking ---- */

static void
test_a_job_tells_all_about_itself(void **state)
{
	uint64_t	job;
	const char	*line;

	(void)state;
	peer_ask(&peer, "{'id':1,'method':'hello','params':{'client':'a \\'test\\''}}");
	job = submit("work", ",'queue':'q','priority':-3,'order_key':'k\\'1',"
	    "'labels':{'a':'\\u0062'},"
	    "'lane':'process','timeout_ms':600000,'ttl_ms':900000,'on_lost':'fail','args':[1],"
	    "'retry':{'backoff_ms':0,'factor':1.50}");
	rig_attempt(&rig, job);
	line = ask_id("job.get", job, "");
	assert_has(line, "'state':'running','reason':'started','type':'work',"
	    "'queue':'q','priority':-3,"
	    "'lane':'process','order_key':'k\\'1','labels':{'a':'\\u0062'},'lane_asked':'process'");
	assert_has(line, "'timeout_ms':600000,'on_lost':'fail','retry':{'max_attempts':1,'backoff_ms':0,"
	    "'factor':1.5,'max_backoff_ms':600000},'on_order_failure':'skip','submitted_by':{'principal':'uid:");
	assert_has(line, "'client':'a \\'test\\'','addr':'unix'}");
	assert_has(line, "'attempts':[{'number':1,'lane':'process','worker':'worker-1','fence':");
	assert_has(line, "'state':'ready','reason':'submitted'},{'at_ms':");
	assert_has(line, "'total':100,'text':'half \\'way\\''},'args':[1]}");
	assert_true(line_int(line, "expires_ms") > line_int(line, "created_ms"));
	assert_has(ask_id("job.explain", job, ""), "'state':'running','text':'");
	assert_has(peer.line, "'route':{'lane':'process','questions':["
	    "{'question':'Was a lane asked for?','answer':'yes'");
	rig_succeed(&rig, job, "1");
}

/* Walks a whole job.list by its cursors; returns how many items and checks that ids fall. */
static int
walk(const char *params)
{
	char	cursor[64] = "";
	int	count = 0;
	int64_t	last = INT64_MAX;
	bool	more = true;

	while (more) {
		json_t	*v, *items, *next;
		size_t	 i;
		json_t	*item;

		peer_sayf(&peer, "{'id':1,'method':'job.list','params':{%s%s}}", params, cursor);
		v = json_loads(peer_line(&peer), 0, NULL);
		items = json_object_get(json_object_get(v, "result"), "items");
		if (!json_is_array(items))
			fail_msg("no list: %s", peer.line);
		json_array_foreach(items, i, item) {
			assert_true(json_integer_value(json_object_get(item, "id")) < last);
			last = json_integer_value(json_object_get(item, "id"));
			count++;
		}
		next = json_object_get(json_object_get(v, "result"), "next");
		more = json_is_string(next);
		snprintf(cursor, sizeof(cursor), ",'cursor':'%s'",
		    more ? json_string_value(next) : "");
		json_decref(v);
	}
	return count;
}

static void
test_jobs_are_listed_by_page_and_by_filter(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++) {
		char	more[128];

		snprintf(more, sizeof(more),
		    ",'queue':'q%d','labels':{'n\\u0061me':'v\\u00e9%d','x':'y'}%s", i % 5, i % 10,
		    i % 2 == 0 ? ",'order_key':'ke\\ty'" : "");
		submit(i < 250 ? "echo" : "work", more);
	}
	assert_int_equal(walk("'limit':7"), 500);
	assert_int_equal(walk("'limit':1000"), 500);
	assert_int_equal(walk("'limit':50,'filter':{'queue':'q3'}"), 100);
	assert_int_equal(walk("'limit':3,'filter':{'queue':'q3','type':'work'}"), 50);
	assert_int_equal(walk("'limit':100,'filter':{'label':{'name':'v\\u00e97'}}"), 50);
	assert_int_equal(walk("'limit':100,'filter':{'label':{'name':'v\xc3\xa9" "7','x':'y'},"
	    "'type':'echo'}"), 25);
	assert_int_equal(walk("'limit':100,'filter':{'label':{'name':'v'}}"), 0);
	assert_int_equal(walk("'limit':100,'filter':{'order_key':'ke\\ty'}"), 250);
	assert_int_equal(walk("'limit':100,'filter':{'by':'nobody'}"), 0);
	assert_int_equal(walk("'limit':100,'filter':{'state':'expired'}"), 0);
}

static void
test_filters_that_mean_nothing_are_refused_by_name(void **state)
{
	static const struct {
		const char	*filter, *word;
	} rows[] = {
		{ "{'stat':'ready'}", "stat" }, { "{'state':'flying'}", "flying" },
		{ "{'state':5}", "state" }, { "{'label':'x'}", "label" },
		{ "{'label':{'k':1}}", "k" },
		{ "{'type':null}", "type" }, { "{'by':'\\u0000'}", "NUL" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		peer_sayf(&peer, "{'id':1,'method':'job.list','params':{'filter':%s}}",
		    rows[i].filter);
		assert_kind(peer_line(&peer), "invalid_params");
		assert_has(peer.line, rows[i].word);
	}
	peer_ask(&peer, "{'id':1,'method':'job.list','params':{'cursor':'x'}}");
	assert_kind(peer.line, "invalid_params");
}

static void
test_other_lists_go_page_by_page(void **state)
{
	(void)state;
	assert_has(peer_ask(&peer, "{'id':1,'method':'worker.list','params':{'limit':2}}"),
	    "'items':[{'name':'test-1','lane':'process','user':'");
	assert_has(peer.line, "'pid':null,'state':'running','job':null,'type':null");
	assert_has(peer.line, "'next':'2'}}");
	peer_ask(&peer, "{'id':1,'method':'worker.list','params':{'limit':2,'cursor':'2'}}");
	assert_has(peer.line, "'next':null}}");
	peer_ask(&peer, "{'id':1,'method':'type.list','params':{'limit':3}}");
	assert_has(peer.line, "'next':null}}");
	assert_has(peer_ask(&peer, "{'id':1,'method':'queue.list'}"), "{'items':[],'next':null}");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
	const struct CMUnitTest	tests[] = {
		TEST(test_a_call_is_answered_with_the_result_as_the_handler_wrote_it),
		TEST(test_a_failure_is_an_answer_with_kind_message_attempt_and_data),
		TEST(test_expired_and_cancelled_jobs_tell_their_reason),
		TEST(test_results_that_do_not_fit_are_given_by_their_length),
		TEST(test_failure_data_that_does_not_fit_is_given_by_its_length),
		TEST(test_everybody_who_waits_for_a_job_is_answered_once),
		TEST(test_waits_end_in_time_and_the_job_goes_on),
		TEST(test_many_jobs_are_waited_for_all_or_any),
		TEST(test_a_wait_for_many_keeps_outcomes_of_jobs_that_are_forgotten_meanwhile),
		TEST(test_unknown_jobs_are_not_found_and_nothing_waits),
		TEST(test_open_calls_are_limited_and_cancel_is_still_served),
		TEST(test_a_batch_that_waits_counts_with_all_its_calls),
		TEST(test_cancel_answers_when_the_job_has_ended),
		TEST(test_only_calls_that_asked_for_it_are_cancelled_with_their_connection),
		TEST(test_drain_answers_when_nothing_is_left),
		TEST(test_of_many_jobs_each_is_accepted_or_refused_alone),
		TEST(test_the_ids_of_a_thousand_jobs_fit_and_so_do_their_errors),
		TEST(test_pieces_of_a_result_make_the_result),
		TEST(test_a_piece_begins_at_a_character),
		TEST(test_a_job_tells_all_about_itself),
		TEST(test_jobs_are_listed_by_page_and_by_filter),
		TEST(test_filters_that_mean_nothing_are_refused_by_name),
		TEST(test_other_lists_go_page_by_page),
	};

	return cmocka_run_group_tests_name("calls about jobs", tests, NULL, NULL);
}
