/* rpc.c - rules of proto/rpc: which lines are requests, what is refused and how it is said. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "proto/json_scan.h"
#include "proto/rpc.h"
#include "proto/rpc_rows.h"

static const struct rpc_limits	limits = { BOUND_DEPTH, BOUND_VALUES };

static int
parse(const char *line, struct rpc_call *call, struct rpc_error *err)
{
	return rpc_parse(line, strlen(line), &limits, call, err);
}

static void
assert_text(const char *p, size_t len, const char *want)
{
	if (len != strlen(want) || memcmp(p, want, len) != 0)
		fail_msg("`%.*s` is not `%s`", (int)len, p, want);
}

/* `head`, then count times `item` with commas between, then `tail`; the caller frees. */
static char *
repeated(const char *head, const char *item, size_t count, const char *tail)
{
	struct buf	b = { 0 };

	buf_puts(&b, head);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_putc(&b, ',');
		buf_puts(&b, item);
	}
	buf_puts(&b, tail);
	return buf_take_string(&b);
}

static void
test_a_call_comes_out_with_its_params(void **state)
{
	static const char	line[] = "{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"job.call\",\"params\":"
	    "{\"type\":\"echo\",\"args\":{\"a\": [1.0, \"x\"]},\"queue\":\"mail\",\"priority\":-5,"
	    "\"cancel_on_disconnect\":true,\"wait_ms\":0,\"labels\":{\"a\":\"b\"},\"ttl_ms\":null}}";
	struct rpc_call		call;
	struct rpc_error	err;

	(void)state;
	assert_int_equal(parse(line, &call, &err), 0);
	assert_int_equal(call.method, METHOD_job_call);
	assert_false(call.notification);
	assert_text(call.id.p, call.id.len, "17");
	assert_text(call.params[PARAM_type].p, call.params[PARAM_type].len, "echo");
	assert_text(call.params[PARAM_args].p, call.params[PARAM_args].len, "{\"a\": [1.0, \"x\"]}");
	assert_text(call.params[PARAM_labels].p, call.params[PARAM_labels].len, "{\"a\":\"b\"}");
	assert_int_equal(call.params[PARAM_labels].i, 1);
	assert_int_equal(call.params[PARAM_priority].i, -5);
	assert_true(call.params[PARAM_cancel_on_disconnect].given);
	assert_int_equal(call.params[PARAM_cancel_on_disconnect].i, 1);
	assert_true(call.params[PARAM_wait_ms].given);
	assert_false(call.params[PARAM_ttl_ms].given);
	assert_false(call.params[PARAM_lane].given);
	assert_null(call.scratch.bytes);	/* nothing had to be decoded */
	rpc_call_fini(&call);
}

static void
test_the_order_of_members_and_their_spelling_do_not_matter(void **state)
{
	static const char *const	lines[] = {
		"{\"id\":1,\"method\":\"job.get\",\"params\":{\"id\":42}}",
		"{\"params\":{\"id\":42},\"method\":\"job.get\",\"id\":1}",
		" { \"params\" : { \"\\u0069d\" : 42 } , \"met\\u0068od\" : \"job\\u002eget\" , \"id\" : 1 } ",
	};
	struct rpc_call		call;
	struct rpc_error	err;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		assert_int_equal(parse(lines[i], &call, &err), 0);
		assert_int_equal(call.method, METHOD_job_get);
		assert_int_equal(call.params[PARAM_id].i, 42);
		assert_text(call.id.p, call.id.len, "1");
		rpc_call_fini(&call);
	}
}

static void
test_decoded_strings_do_not_move_while_more_are_decoded(void **state)
{
	static const char	line[] = "{\"method\":\"job.submit\",\"params\":{\"t\\u0079pe\":\"\\u0065cho\","
	    "\"que\\u0075e\":\"\\u006dail\",\"order_key\":\"\\u20ac\\ud83d\\ude00\\n\"}}";
	struct rpc_call		call;
	struct rpc_error	err;

	(void)state;
	assert_int_equal(parse(line, &call, &err), 0);
	assert_text(call.params[PARAM_type].p, call.params[PARAM_type].len, "echo");
	assert_text(call.params[PARAM_queue].p, call.params[PARAM_queue].len, "mail");
	assert_text(call.params[PARAM_order_key].p, call.params[PARAM_order_key].len,
	    "\xe2\x82\xac\xf0\x9f\x98\x80\n");
	rpc_call_fini(&call);
}

static void
test_a_long_name_that_nobody_knows_does_not_move_them_either(void **state)
{
	char			*line = repeated("{\"m\\u0065thod\":\"job\\u002ewait\",\"params\":{\"\\u0078",
	    "xxxxxxxxxxxxxxx", 1000, "\":1}}");
	struct rpc_call		 call;
	struct rpc_error	 err;

	(void)state;
	assert_int_equal(parse(line, &call, &err), -1);
	assert_int_equal(call.method, METHOD_job_wait);
	assert_int_equal(err.kind, RPC_invalid_params);
	rpc_call_fini(&call);
	free(line);
}

static void
test_ids_are_echoed_and_their_absence_makes_a_notification(void **state)
{
	static const struct {
		const char	*line, *id;
		bool		 notification;
	} rows[] = {
		{ "{\"id\":1.50,\"method\":\"ping\"}", "1.50", false },
		{ "{\"id\":\"a\\u0062\",\"method\":\"ping\"}", "\"a\\u0062\"", false },
		{ "{\"id\":null,\"method\":\"ping\",\"jsonrpc\":\"2.0\"}", "null", false },
		{ "{\"method\":\"ping\"}", "null", false },
		{ "{\"method\":\"ping\",\"jsonrpc\":\"2.0\"}", "null", true },
		{ "{\"method\":\"ping\",\"id\":-9007199254740993000}", "-9007199254740993000", false },
		{ "{\"method\":\"ping\",\"params\":null,\"id\":3}", "3", false },
		{ "{\"method\":\"ping\",\"params\":{},\"id\":3}", "3", false },
	};
	struct rpc_call		call;
	struct rpc_error	err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(parse(rows[i].line, &call, &err), 0);
		assert_text(call.id.p, call.id.len, rows[i].id);
		assert_int_equal(call.notification, rows[i].notification);
		assert_int_equal(call.method, METHOD_ping);
		rpc_call_fini(&call);
	}
}

#define CALL(method, params)	"{\"id\":7,\"method\":\"" method "\",\"params\":" params "}"
#define SUBMIT(members)		CALL("job.submit", "{\"type\":\"echo\"," members "}")

static const struct refusal {
	const char		*line;
	enum rpc_error_kind	 kind;
	const char		*message, *data, *id;
} refusals[] = {
	/* not JSON */
	{ "", RPC_parse_error, "the text ends too early, at byte 0", "", "null" },
	{ "{\"id\":1,\"method\":\"ping\"", RPC_parse_error, "the text ends too early, at byte 23", "", "1" },
	{ "{\"id\":1,\"method\":\"ping\"}x", RPC_parse_error, "something follows the value, at byte 24", "", "1" },
	{ "{\"method\":\"pi\xff\"}", RPC_parse_error, "bad UTF-8, at byte 13", "", "null" },
	{ "{\"method\":5,\"params\":{\"x\":1},\"id\":\"\t\"}", RPC_parse_error,
	    "control byte in a string, at byte 35", "", "null" },
	{ "nope", RPC_parse_error, "not a JSON value, at byte 0", "", "null" },

	/* not a request */
	{ "5", RPC_invalid_request, "a request must be an object, not 5", "", "null" },
	{ "[]", RPC_invalid_request, "a request must be an object, not an array", "", "null" },
	{ "{}", RPC_invalid_request, "a request needs 'method'", "", "null" },
	{ CALL("ping", "\"x\""), RPC_invalid_request, "params must be an object, not \"x\"", "", "7" },
	{ CALL("ping", "0"), RPC_invalid_request, "params must be an object, not 0", "", "7" },
	{ "{\"id\":9}", RPC_invalid_request, "a request needs 'method'", "", "9" },
	{ "{\"id\":true,\"method\":\"ping\"}", RPC_invalid_request,
	    "id must be a string, a number or null, not true", "", "null" },
	{ "{\"id\":[1],\"method\":\"ping\"}", RPC_invalid_request,
	    "id must be a string, a number or null, not an array", "", "null" },
	{ "{\"method\":5,\"id\":1}", RPC_invalid_request, "method must be a string, not 5", "", "1" },
	{ "{\"method\":\"p\\u0000\",\"id\":1}", RPC_invalid_request,
	    "method must be a string without NUL (\\u0000)", "", "1" },
	{ "{\"jsonrpc\":\"1.0\",\"id\":2,\"method\":\"ping\"}", RPC_invalid_request,
	    "jsonrpc must be \"2.0\", not \"1.0\"", "", "2" },
	{ "{\"jsonrpc\":2.0,\"id\":2,\"method\":\"ping\"}", RPC_invalid_request,
	    "jsonrpc must be \"2.0\", not 2.0", "", "2" },
	{ "{\"id\":1,\"method\":\"ping\",\"i\\u0064\":2}", RPC_invalid_request,
	    "a request has 'id' twice", "", "1" },
	{ "{\"id\":1,\"method\":\"ping\",\"parms\":{}}", RPC_invalid_request,
	    "a request has no member 'parms', only jsonrpc, id, method and params", "", "1" },
	{ "{\"jsonrpc\":1,\"params\":{\"x\":1},\"method\":\"x\",\"id\":4}", RPC_invalid_request,
	    "jsonrpc must be \"2.0\", not 1", "", "4" },

	/* not a method */
	{ CALL("job.calls", "{}"), RPC_method_not_found, "there is no method 'job.calls'", "", "7" },
	{ CALL("", "{}"), RPC_method_not_found, "there is no method ''", "", "7" },
	{ CALL("JOB.CALL", "{\"x\":1}"), RPC_method_not_found, "there is no method 'JOB.CALL'", "", "7" },
	{ "{\"params\":{\"nope\":1},\"method\":\"a\\u00e9\",\"id\":8}", RPC_method_not_found,
	    "there is no method 'a\xc3\xa9'", "", "8" },

	/* params */
	{ CALL("job.get", "[1]"), RPC_invalid_params, "params must be an object", "", "7" },
	{ CALL("job.get", "{}"), RPC_invalid_params, "params needs 'id'", "\"member\":\"id\"", "7" },
	{ CALL("job.get", "null"), RPC_invalid_params, "params needs 'id'", "\"member\":\"id\"", "7" },
	{ CALL("job.get", "{\"id\":null}"), RPC_invalid_params, "params needs 'id'", "\"member\":\"id\"", "7" },
	{ CALL("job.get", "{\"id\":1,\"id\":1}"), RPC_invalid_params, "params has 'id' twice",
	    "\"member\":\"id\"", "7" },
	{ CALL("job.get", "{\"id\":null,\"\\u0069d\":1}"), RPC_invalid_params, "params has 'id' twice",
	    "\"member\":\"id\"", "7" },
	{ SUBMIT("\"tiemout_ms\":5"), RPC_invalid_params, "params has no member 'tiemout_ms'",
	    "\"member\":\"tiemout_ms\"", "7" },
	{ SUBMIT("\"a\\\"\\u000a\":5"), RPC_invalid_params, "params has no member 'a\"\n'",
	    "\"member\":\"a\\\"\\n\"", "7" },
	{ SUBMIT("\"\":5"), RPC_invalid_params, "params has no member ''", "\"member\":\"\"", "7" },
	{ SUBMIT("\"\\u0000\":5"), RPC_invalid_params, "params has no member '\\u0000'",
	    "\"member\":\"\\\\u0000\"", "7" },
	{ CALL("ping", "{\"type\":\"echo\"}"), RPC_invalid_params, "params has no member 'type'",
	    "\"member\":\"type\"", "7" },
	{ CALL("ping", "{\"type\":5}"), RPC_invalid_params, "params has no member 'type'",
	    "\"member\":\"type\"", "7" },
	{ CALL("ping", "{\"unique_key\":{}}"), RPC_invalid_params, "params has no member 'unique_key'",
	    "\"member\":\"unique_key\"", "7" },
	{ SUBMIT("\"keep_ms\":-1"), RPC_invalid_params,
	    "keep_ms must be an integer from 0 to 35184372088832, not -1", "\"member\":\"keep_ms\"", "7" },

	/* types and ranges */
	{ CALL("job.submit", "{\"type\":5}"), RPC_invalid_params,
	    "type must be a string of 1 to 64 characters of A-Z a-z 0-9 _ . -, not 5", "\"member\":\"type\"", "7" },
	{ CALL("job.submit", "{\"type\":\"a b\"}"), RPC_invalid_params,
	    "type must be a string of 1 to 64 characters of A-Z a-z 0-9 _ . -, not \"a b\"",
	    "\"member\":\"type\"", "7" },
	{ CALL("job.submit", "{\"type\":\"\"}"), RPC_invalid_params,
	    "type must be a string of 1 to 64 characters of A-Z a-z 0-9 _ . -, not \"\"",
	    "\"member\":\"type\"", "7" },
	{ SUBMIT("\"priority\":101"), RPC_invalid_params, "priority must be an integer from -100 to 100, not 101",
	    "\"member\":\"priority\"", "7" },
	{ SUBMIT("\"priority\":1.0"), RPC_invalid_params, "priority must be an integer from -100 to 100, not 1.0",
	    "\"member\":\"priority\"", "7" },
	{ SUBMIT("\"priority\":1e1"), RPC_invalid_params, "priority must be an integer from -100 to 100, not 1e1",
	    "\"member\":\"priority\"", "7" },
	{ SUBMIT("\"priority\":\"1\""), RPC_invalid_params,
	    "priority must be an integer from -100 to 100, not \"1\"", "\"member\":\"priority\"", "7" },
	{ SUBMIT("\"delay_ms\":99999999999999999999"), RPC_invalid_params,
	    "delay_ms must be an integer from 0 to 35184372088832, not 99999999999999999999",
	    "\"member\":\"delay_ms\"", "7" },
	{ SUBMIT("\"order_key\":\"\""), RPC_invalid_params, "order_key must have 1 to 256 bytes, not 0",
	    "\"member\":\"order_key\"", "7" },
	{ SUBMIT("\"order_key\":\"\\u0000\""), RPC_invalid_params,
	    "order_key must be a string without NUL (\\u0000)", "\"member\":\"order_key\"", "7" },
	{ SUBMIT("\"order_key\":{\"a\":1}"), RPC_invalid_params, "order_key must be a string, not an object",
	    "\"member\":\"order_key\"", "7" },
	{ SUBMIT("\"labels\":[]"), RPC_invalid_params, "labels must be an object, not an array",
	    "\"member\":\"labels\"", "7" },
	{ SUBMIT("\"labels\":{\"a\":\"1\",\"\\u0061\":\"2\"}"), RPC_invalid_params, "labels has 'a' twice",
	    "\"member\":\"labels\"", "7" },
	{ CALL("job.call", "{\"type\":\"echo\",\"cancel_on_disconnect\":1}"), RPC_invalid_params,
	    "cancel_on_disconnect must be true or false, not 1", "\"member\":\"cancel_on_disconnect\"", "7" },
	{ CALL("job.wait", "{\"ids\":5}"), RPC_invalid_params, "ids must be an array of job ids, not 5",
	    "\"member\":\"ids\"", "7" },
	{ CALL("job.wait", "{\"ids\":[]}"), RPC_invalid_params, "ids must have 1 to 10000 elements, not 0",
	    "\"member\":\"ids\"", "7" },
	{ CALL("job.wait", "{\"ids\":[1,2,0]}"), RPC_invalid_params,
	    "ids[2] must be a job id, an integer from 1, not 0", "\"member\":\"ids\"", "7" },
	{ CALL("job.wait", "{\"ids\":[\"1\"]}"), RPC_invalid_params,
	    "ids[0] must be a job id, an integer from 1, not \"1\"", "\"member\":\"ids\"", "7" },
	{ CALL("job.submit_many", "{\"jobs\":{}}"), RPC_invalid_params, "jobs must be an array, not an object",
	    "\"member\":\"jobs\"", "7" },
	{ CALL("job.submit_many", "{\"jobs\":[]}"), RPC_invalid_params, "jobs must have 1 to 1000 elements, not 0",
	    "\"member\":\"jobs\"", "7" },
};

static void
test_each_wrong_line_is_refused_with_what_is_wrong_in_it(void **state)
{
	struct rpc_call		call;
	struct rpc_error	err;

	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		const struct refusal	*row = &refusals[i];

		if (parse(row->line, &call, &err) != -1)
			fail_msg("accepted: %s", row->line);
		assert_string_equal(err.message, row->message);
		assert_string_equal(rpc_errors[err.kind].kind, rpc_errors[row->kind].kind);
		assert_string_equal(err.data, row->data);
		assert_text(call.id.p, call.id.len, row->id);
		rpc_call_fini(&call);
	}
}

static void
test_a_wrong_notification_is_known_as_one_unless_it_is_no_request(void **state)
{
	static const struct {
		const char	*line;
		bool		 notification;
	} rows[] = {
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"nope\"}", true },
		{ "{\"params\":{\"x\":1},\"method\":\"ping\",\"jsonrpc\":\"2.0\"}", true },
		{ "{\"jsonrpc\":\"2.0\",\"method\":5}", false },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"ping\"", false },
	};
	struct rpc_call		call;
	struct rpc_error	err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(parse(rows[i].line, &call, &err), -1);
		assert_int_equal(call.notification, rows[i].notification);
		rpc_call_fini(&call);
	}
}

static const char *
kind_of(char *line)
{
	struct rpc_call		 call;
	struct rpc_error	 err;
	const char		*kind = parse(line, &call, &err) == 0 ? "fine" : rpc_errors[err.kind].kind;

	rpc_call_fini(&call);
	free(line);
	return kind;
}

static void
test_limits_hold_at_their_edges(void **state)
{
	static const char	submit[] = "{\"method\":\"job.submit\",\"params\":{\"type\":\"x\",\"args\":[";
	static const char	misspelt[] = "{\"method\":\"job.submit\",\"params\":{\"tipe\":1,\"\\u0061rgs\":[";
	static const char	wait[] = "{\"method\":\"job.wait\",\"params\":{\"ids\":[";
	static const char	many[] = "{\"method\":\"job.submit_many\",\"params\":{\"jobs\":[";
	static const char	many_args[] =
	    "{\"method\":\"job.submit_many\",\"params\":{\"jobs\":[{\"args\":[";
	static const char	many_odd[] = "{\"method\":\"job.submit_many\",\"params\":{\"jobs\":[[";
	static const struct {
		const char	*head, *item, *tail;
		size_t		 count;
		const char	*kind;
	} rows[] = {
		/* values are not counted inside args and ids, whatever else is wrong */
		{ submit, "[1]", "]}}", BOUND_VALUES + 1, "fine" },
		{ misspelt, "[1]", "]}}", BOUND_VALUES + 1, "invalid_params" },
		{ many_args, "1", "]}]}}", BOUND_VALUES + 1, "fine" },
		{ wait, "1", "]}}", BOUND_WAIT_IDS, "fine" },
		{ wait, "1", "]}}", BOUND_WAIT_IDS + 1, "invalid_params" },
		{ many, "{\"type\":\"x\"}", "]}}", BOUND_SUBMIT_MANY, "fine" },
		{ many, "{\"type\":\"x\"}", "]}}", BOUND_SUBMIT_MANY + 1, "invalid_params" },
		/* elsewhere they are: the request, its method, params, jobs and its element are five */
		{ many_odd, "1", "]]}}", BOUND_VALUES - 5, "fine" },
		{ many_odd, "1", "]]}}", BOUND_VALUES - 4, "parse_error" },
		{ "{\"x\":[", "1", "]}", BOUND_VALUES, "parse_error" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(kind_of(repeated(rows[i].head, rows[i].item, rows[i].count, rows[i].tail)),
		    rows[i].kind);
}

static void
test_a_limit_is_named_where_it_is_met(void **state)
{
	static const struct {
		const char	*item, *message;
	} rows[] = {
		{ "1", "too many values (10000 at most, outside args and lists of ids), at byte 20007" },
		{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "nested too deep (32 levels at most), at byte 43" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char			*line = repeated("{\"id\":1,\"x\":[", rows[i].item, 20000, "]}");
		struct rpc_call		 call;
		struct rpc_error	 err;

		assert_int_equal(parse(line, &call, &err), -1);
		assert_string_equal(err.message, rows[i].message);
		rpc_call_fini(&call);
		free(line);
	}
}

static void
test_depth_is_counted_from_the_line(void **state)
{
	char	line[256], open[64] = "", closed[64] = "";

	(void)state;
	for (int depth = 28; depth < 34; depth++) {
		memset(open, '[', (size_t)depth);
		memset(closed, ']', (size_t)depth);
		open[depth] = closed[depth] = '\0';
		snprintf(line, sizeof(line), SUBMIT("\"args\":%s%s"), open, closed);
		assert_string_equal(kind_of(strdup(line)), depth + 2 <= BOUND_DEPTH ? "fine" : "parse_error");
	}
}

static void
assert_valid_utf8(const char *text)
{
	char	quoted[512];
	size_t	n = (size_t)snprintf(quoted, sizeof(quoted), text[0] == '"' ? "%s" : "\"%s\"", text);

	assert_null(scan_check(quoted, n, 1));
}

static void
test_long_ids_and_names_are_cut_in_messages_and_never_echoed(void **state)
{
	char			*line = repeated("{\"method\":\"ping\",\"id\":\"", "xxxx\xc3\xa9", 60, "\"}");
	struct rpc_call		 call;
	struct rpc_error	 err;

	(void)state;
	assert_int_equal(parse(line, &call, &err), -1);
	assert_text(call.id.p, call.id.len, "null");
	assert_string_equal(err.message, "id must have at most 256 bytes, not 421");
	rpc_call_fini(&call);
	free(line);

	line = repeated("{\"id\":1,\"method\":\"ping\",\"params\":{\"", "\xe2\x82\xac\xe2\x82\xac", 100, "\":1}}");
	assert_int_equal(parse(line, &call, &err), -1);
	assert_int_equal(strlen(err.message), strlen("params has no member '...'") + 42);
	assert_valid_utf8(err.message);
	assert_int_equal(strlen(err.data), strlen("\"member\":\"\"") + 31);
	assert_valid_utf8(err.data + strlen("\"member\":"));
	rpc_call_fini(&call);
	free(line);
}

static void
test_messages_are_cut_between_characters(void **state)
{
	struct rpc_error	err;
	char			text[400];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'x', shift);
		for (size_t i = shift; i + 4 < sizeof(text); i += 4)
			memcpy(text + i, "\xf0\x9f\x98\x80", 5);
		assert_int_equal(rpc_fail(&err, RPC_internal, "%s", text), -1);
		assert_int_equal(strlen(err.message), 252 + shift);
		assert_valid_utf8(err.message);
	}
}

static void
test_members_of_one_object_are_read_alone(void **state)
{
	static const struct {
		const char	*text;
		const char	*message;	/* NULL: fine */
	} rows[] = {
		{ "{\"type\":\"e\\u0063ho\",\"priority\":3}", NULL },
		{ "{\"priority\":3}", "params needs 'type'" },
		{ "{\"type\":\"x\",\"wait_ms\":3}", "params has no member 'wait_ms'" },
		{ "{\"type\":\"x\",\"keep_ms\":-1}", "keep_ms must be an integer from 0 to 35184372088832, not -1" },
		{ "{\"type\":\"x\",\"keep_ms\":null}", NULL },
		{ "5", "an object is wanted, not 5" }, { "\"x\"", "an object is wanted, not \"x\"" },
		{ "{\"type\":", "the text ends too early, at byte 8" },
		{ "{\"type\":\"x\"}}", "something follows the value, at byte 12" },
		{ "[", "the text ends too early, at byte 1" },
	};
	const struct rpc_method_row	*row = &rpc_methods[METHOD_job_submit];
	struct rpc_value		 params[RPC_PARAMS];
	struct rpc_error		 err;
	struct buf			 scratch = { 0 };

	(void)state;
	memset(params, 0xff, sizeof(params));
	for (size_t i = 0; i < COUNT(rows); i++) {
		int	rc = rpc_parse_members(rows[i].text, strlen(rows[i].text), row->params, row->required,
		    &limits, params, &scratch, &err);

		assert_int_equal(rc, rows[i].message == NULL ? 0 : -1);
		if (rc != 0)
			assert_string_equal(err.message, rows[i].message);
		else if (i == 0)
			assert_text(params[PARAM_type].p, params[PARAM_type].len, "echo");
	}
	buf_free(&scratch);
}

static void
test_array_elements_come_one_by_one_and_only_from_a_whole_array(void **state)
{
	static const struct {
		const char	*text;
		const char	*elements[4];
		const char	*message;	/* NULL: an array */
	} rows[] = {
		{ " [ ] ", { NULL }, NULL }, { "[1]", { "1" }, NULL },
		{ "[1, {\"a\":[2]} ,\"]\"]\t", { "1", "{\"a\":[2]}", "\"]\"" }, NULL },
		{ "[1,2", { NULL }, "the text ends too early, at byte 4" },
		{ "[1,2]]", { NULL }, "something follows the value, at byte 5" },
		{ "{}", { NULL }, "an array is wanted, not an object" },
		{ "", { NULL }, "the text ends too early, at byte 0" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t			len = strlen(rows[i].text), at = 0, n = 0;
		struct rpc_error	err;
		struct span		out;
		int			rc;

		while ((rc = rpc_array_next(rows[i].text, len, &at, &limits, &out, &err)) == 1)
			assert_text(out.p, out.len, rows[i].elements[n++]);
		assert_int_equal(rc, rows[i].message == NULL ? 0 : -1);
		assert_null(rows[i].elements[n]);
		if (rc != 0)
			assert_string_equal(err.message, rows[i].message);
		else	/* and it stays at the end */
			assert_int_equal(rpc_array_next(rows[i].text, len, &at, &limits, &out, &err), 0);
	}
}

static void
test_ids_are_read_whatever_space_is_between_them(void **state)
{
	struct rpc_call		call;
	struct rpc_error	err;
	uint64_t		ids[3];

	(void)state;
	assert_int_equal(parse(CALL("job.wait", "{\"ids\":[ 1,22\t, 9007199254740992]}"), &call, &err), 0);
	assert_int_equal(call.params[PARAM_ids].i, 3);
	rpc_ids(&call.params[PARAM_ids], ids);
	assert_int_equal(ids[0], 1);
	assert_int_equal(ids[1], 22);
	assert_int_equal(ids[2], 9007199254740992);
	rpc_call_fini(&call);
}

static void
test_every_name_is_found_and_nothing_else_is(void **state)
{
	(void)state;
	for (int i = 0; i < RPC_METHODS; i++)
		assert_int_equal(rpc_method_find(rpc_methods[i].name, strlen(rpc_methods[i].name)), i);
	for (int i = 0; i < RPC_PARAMS; i++)
		assert_int_equal(rpc_param_find(rpc_params[i].name, strlen(rpc_params[i].name)), i);
	for (int i = 0; i < RPC_ERRORS; i++)
		assert_int_equal(rpc_error_find(rpc_errors[i].kind, strlen(rpc_errors[i].kind)), i);
	assert_int_equal(rpc_method_find("", 0), -1);
	assert_int_equal(rpc_method_find("pong", 4), -1);
	assert_int_equal(rpc_method_find("ping.", 5), -1);
	assert_int_equal(rpc_param_find("typ", 3), -1);
	assert_int_equal(rpc_error_find("not_foun", 8), -1);
}

static void
test_rows_fit_what_reads_them(void **state)
{
	(void)state;
	for (int i = 0; i < RPC_PARAMS; i++) {
		const struct rpc_param_row	*row = &rpc_params[i];

		assert_true(row->min <= row->max);
		if (row->type == TYPE_OBJECT)
			assert_in_range(row->max, 1, 32);
	}
	for (int i = 0; i < RPC_METHODS; i++)
		assert_true((rpc_methods[i].required & ~rpc_methods[i].params) == 0);
	assert_true(rpc_methods[METHOD_job_get].required == RPC_BIT(PARAM_id));
	assert_true(rpc_methods[METHOD_job_list].params ==
	    (RPC_BIT(PARAM_filter) | RPC_BIT(PARAM_limit) | RPC_BIT(PARAM_cursor) |
	    RPC_BIT(PARAM_attempts)));
	for (int i = 0; i < RPC_PARAMS; i++)
		assert_int_equal(rpc_set_first(RPC_BIT(i) | RPC_BIT(RPC_PARAMS - 1)), i);
	assert_int_equal(rpc_set_first((rpc_set)1 << 127), 127);
	assert_int_equal(rpc_methods[METHOD_server_drain].role, ROLE_admin);
	assert_string_equal(rpc_role_names[rpc_methods[METHOD_ping].role], "anybody");
}

static void
test_replies_and_errors_are_one_line_each(void **state)
{
	struct buf		 out = { 0 };
	struct rpc_error	 err;
	char			*text;

	(void)state;
	rpc_reply_begin(&out, (struct span){ "\"a\"", 3 });
	buf_puts(&out, "[1]");
	rpc_reply_end(&out);
	rpc_fail(&err, RPC_queue_full, "queue '%s' is \"full\"\n", "mail");
	strcpy(err.data, "\"queue\":\"mail\"");
	rpc_print_error(&out, (struct span){ "null", 4 }, &err);
	rpc_fail(&err, RPC_not_found, "no");
	rpc_print_error(&out, (struct span){ "3", 1 }, &err);
	text = buf_take_string(&out);
	assert_string_equal(text,
	    "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":[1]}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32011,\"message\":\"queue 'mail' is \\\"full\\\"\\n\","
	    "\"data\":{\"kind\":\"queue_full\",\"retryable\":true,\"queue\":\"mail\"}}}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32001,\"message\":\"no\",\"data\":{\"kind\":\"not_found\"}}}\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_a_call_comes_out_with_its_params),
		cmocka_unit_test(test_the_order_of_members_and_their_spelling_do_not_matter),
		cmocka_unit_test(test_decoded_strings_do_not_move_while_more_are_decoded),
		cmocka_unit_test(test_a_long_name_that_nobody_knows_does_not_move_them_either),
		cmocka_unit_test(test_ids_are_echoed_and_their_absence_makes_a_notification),
		cmocka_unit_test(test_each_wrong_line_is_refused_with_what_is_wrong_in_it),
		cmocka_unit_test(test_a_wrong_notification_is_known_as_one_unless_it_is_no_request),
		cmocka_unit_test(test_limits_hold_at_their_edges),
		cmocka_unit_test(test_a_limit_is_named_where_it_is_met),
		cmocka_unit_test(test_depth_is_counted_from_the_line),
		cmocka_unit_test(test_long_ids_and_names_are_cut_in_messages_and_never_echoed),
		cmocka_unit_test(test_messages_are_cut_between_characters),
		cmocka_unit_test(test_members_of_one_object_are_read_alone),
		cmocka_unit_test(test_array_elements_come_one_by_one_and_only_from_a_whole_array),
		cmocka_unit_test(test_ids_are_read_whatever_space_is_between_them),
		cmocka_unit_test(test_every_name_is_found_and_nothing_else_is),
		cmocka_unit_test(test_rows_fit_what_reads_them),
		cmocka_unit_test(test_replies_and_errors_are_one_line_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
