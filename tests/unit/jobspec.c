/* jobspec.c - rules of proto/jobspec: what a client may say of a job. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/jobspec.h"
#include "proto/rpc_rows.h"

static struct buf	scratch;

static int
read_job(const char *text, struct jobspec *out, struct rpc_error *err)
{
	static const struct rpc_limits	limits = { BOUND_DEPTH, BOUND_VALUES };
	struct rpc_value		params[RPC_PARAMS];

	buf_free(&scratch);
	if (rpc_parse_members(text, strlen(text), jobspec_params, jobspec_required, &limits, params, &scratch,
	    err) != 0)
		return -1;
	return jobspec_read(params, out, err);
}

static void
assert_span(struct span s, const char *want)
{
	assert_int_equal(s.len, strlen(want));
	assert_memory_equal(s.p, want, s.len);
}

static void
test_a_job_is_its_type_and_defaults(void **state)
{
	struct jobspec		spec;
	struct rpc_error	err;

	(void)state;
	memset(&spec, 0xff, sizeof(spec));
	assert_int_equal(read_job("{\"type\":\"echo\"}", &spec, &err), 0);
	assert_span(spec.type, "echo");
	assert_span(spec.args, "null");
	assert_span(spec.queue, "default");
	assert_int_equal(spec.order_key.len, 0);
	assert_int_equal(spec.labels.len, 0);
	assert_int_equal(spec.lane, -1);
	assert_int_equal(spec.priority, 0);
	assert_int_equal(spec.delay_ms, 0);
	assert_int_equal(spec.run_at_ms, 0);
	assert_int_equal(spec.timeout_ms, 0);
	assert_int_equal(spec.ttl_ms, 0);
	assert_int_equal(spec.on_lost, ON_LOST_REQUEUE);
}

static void
test_a_trace_is_one_of_the_w3c_or_refused(void **state)
{
	static const struct {
		const char	*text;
		bool		 good;
	} rows[] = {
		{ "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true },
		{ "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true },
		{ "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true },
		{ "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false },
		{ "00-00000000000000000000000000000000-00f067aa0ba902b7-01", false },
		{ "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false },
		{ "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false },
		{ "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01", false },
		{ "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g", false },
		{ "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", false },
		{ "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", false },
		{ "x", false },
	};
	struct jobspec		spec;
	struct rpc_error	err;
	char			line[160];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(line, sizeof(line), "{\"type\":\"echo\",\"traceparent\":\"%s\"}", rows[i].text);
		assert_int_equal(read_job(line, &spec, &err), rows[i].good ? 0 : -1);
		if (rows[i].good)
			assert_span(spec.traceparent, rows[i].text);
		else
			assert_non_null(strstr(err.data, "\"member\":\"traceparent\""));
	}
	assert_int_equal(read_job("{\"type\":\"echo\"}", &spec, &err), 0);
	assert_int_equal(spec.traceparent.len, 0);
}

static void
test_everything_said_of_a_job_is_kept(void **state)
{
	struct jobspec		spec;
	struct rpc_error	err;

	(void)state;
	assert_int_equal(read_job("{\"type\":\"file.digest\",\"args\":{\"path\":\"x\"},\"queue\":\"q\","
	    "\"priority\":-100,\"run_at_ms\":1700000000000,\"timeout_ms\":5,\"ttl_ms\":6,\"on_lost\":\"fail\","
	    "\"order_key\":\"k\\u00e9\",\"lane\":\"thread\",\"durability\":\"memory\","
	    "\"labels\":{\"a.b\":\"\",\"\\u0063\":\"\\u20ac\"}}", &spec, &err), 0);
	assert_span(spec.type, "file.digest");
	assert_span(spec.args, "{\"path\":\"x\"}");
	assert_span(spec.queue, "q");
	assert_span(spec.order_key, "k\xc3\xa9");
	assert_span(spec.labels, "{\"a.b\":\"\",\"\\u0063\":\"\\u20ac\"}");
	assert_int_equal(spec.lane, LANE_THREAD);
	assert_int_equal(spec.priority, -100);
	assert_int_equal(spec.delay_ms, 0);
	assert_int_equal(spec.run_at_ms, 1700000000000);
	assert_int_equal(spec.timeout_ms, 5);
	assert_int_equal(spec.ttl_ms, 6);
	assert_int_equal(spec.on_lost, ON_LOST_FAIL);
}

static void
test_what_a_job_says_of_trying_again_is_kept_member_by_member(void **state)
{
	struct jobspec		spec;
	struct rpc_error	err;

	(void)state;
	assert_int_equal(read_job("{\"type\":\"echo\",\"retry\":{\"factor\":1.25,\"max_attempts\":7}}", &spec,
	    &err), 0);
	assert_int_equal(spec.retry.said, 1u << RETRY_max_attempts | 1u << RETRY_factor);
	assert_int_equal(spec.retry.max_attempts, 7);
	assert_int_equal(spec.retry.factor, 1250);
	assert_int_equal(read_job("{\"type\":\"echo\",\"retry\":{\"factor\":100,\"backoff_ms\":0,"
	    "\"max_backoff_ms\":5}}", &spec, &err), 0);
	assert_int_equal(spec.retry.factor, 100000);
	assert_int_equal(spec.retry.backoff_ms, 0);
	assert_int_equal(spec.retry.max_backoff_ms, 5);
	assert_int_equal(read_job("{\"type\":\"echo\",\"retry\":null}", &spec, &err), 0);
	assert_int_equal(spec.retry.said, 0);
}

#define JOB(members)	"{\"type\":\"echo\"," members "}"

static void
test_what_a_job_cannot_be_is_refused_by_name(void **state)
{
	static const struct {
		const char		*text;
		enum rpc_error_kind	 kind;
		const char		*message, *data;
	} rows[] = {
		{ "{}", RPC_invalid_params, "params needs 'type'", "\"member\":\"type\"" },
		{ JOB("\"lane\":\"fast\""), RPC_invalid_params,
		    "lane must be inline, async, thread or process, not 'fast'", "\"member\":\"lane\"" },
		{ JOB("\"on_lost\":\"maybe\""), RPC_invalid_params, "on_lost must be requeue or fail, not 'maybe'",
		    "\"member\":\"on_lost\"" },
		{ JOB("\"durability\":\"disk\""), RPC_invalid_params, "durability must be commit or memory, "
		    "not 'disk'",
		    "\"member\":\"durability\"" },
		{ JOB("\"delay_ms\":0,\"run_at_ms\":1"), RPC_invalid_params,
		    "give either delay_ms or run_at_ms, not both", "\"member\":\"run_at_ms\"" },
		{ JOB("\"ttl_ms\":0"), RPC_invalid_params,
		    "ttl_ms must be an integer from 1 to 35184372088832, not 0", "\"member\":\"ttl_ms\"" },
		{ JOB("\"retry\":{\"max_attempts\":1001}"), RPC_invalid_params,
		    "retry.max_attempts must be an integer from 1 to 1000, not 1001",
		    "\"member\":\"retry.max_attempts\"" },
		{ JOB("\"retry\":{\"backoff_ms\":1.0}"), RPC_invalid_params,
		    "retry.backoff_ms must be an integer from 0 to 35184372088832, not 1.0",
		    "\"member\":\"retry.backoff_ms\"" },
		{ JOB("\"retry\":{\"factor\":1.0001}"), RPC_invalid_params,
		    "retry.factor must be a number from 1 to 100 with up to three digits behind the point, "
		    "not 1.0001", "\"member\":\"retry.factor\"" },
		{ JOB("\"retry\":{\"factor\":1e1}"), RPC_invalid_params,
		    "retry.factor must be a number from 1 to 100 with up to three digits behind the point, "
		    "not 1e1", "\"member\":\"retry.factor\"" },
		{ JOB("\"retry\":{\"factor\":100.001}"), RPC_invalid_params,
		    "retry.factor must be a number from 1 to 100 with up to three digits behind the point, "
		    "not 100.001", "\"member\":\"retry.factor\"" },
		{ JOB("\"retry\":{\"max_backoff_ms\":\"1s\"}"), RPC_invalid_params,
		    "retry.max_backoff_ms must be an integer from 0 to 35184372088832, not \"1s\"",
		    "\"member\":\"retry.max_backoff_ms\"" },
		{ JOB("\"retry\":{\"max\":1}"), RPC_invalid_params,
		    "retry has no member 'max'; it has max_attempts, backoff_ms, factor and max_backoff_ms",
		    "\"member\":\"retry\"" },
		{ JOB("\"retry\":[]"), RPC_invalid_params, "retry must be an object, not an array",
		    "\"member\":\"retry\"" },
		{ JOB("\"unique_key\":\"\""), RPC_invalid_params,
		    "unique_key must have 1 to 256 bytes, not 0", "\"member\":\"unique_key\"" },
		{ JOB("\"unique_key\":\"k\",\"unique_ms\":0"), RPC_invalid_params,
		    "unique_ms must be an integer from 1 to 35184372088832, not 0", "\"member\":\"unique_ms\"" },
		{ JOB("\"unique_ms\":5"), RPC_invalid_params, "unique_ms goes with unique_key",
		    "\"member\":\"unique_ms\"" },
		{ JOB("\"labels\":{\"a\":1}"), RPC_invalid_params, "a label's value must be a string, not 1",
		    "\"member\":\"labels\"" },
		{ JOB("\"labels\":{\"a\":{}}"), RPC_invalid_params,
		    "a label's value must be a string, not an object", "\"member\":\"labels\"" },
		{ JOB("\"labels\":{\"a\":\"\\u0000\"}"), RPC_invalid_params,
		    "a label's value must be a string without NUL, not \"\\u0000\"", "\"member\":\"labels\"" },
		{ JOB("\"labels\":{\"a b\":\"\"}"), RPC_invalid_params,
		    "a label's name must be 1 to 64 characters of A-Z a-z 0-9 _ . -, not a b",
		    "\"member\":\"labels\"" },
		{ JOB("\"labels\":{\"\":\"\"}"), RPC_invalid_params,
		    "a label's name must be 1 to 64 characters of A-Z a-z 0-9 _ . -, not ",
		    "\"member\":\"labels\"" },
		{ JOB("\"labels\":{\"a\":\"1\",\"a\":\"1\"}"), RPC_invalid_params, "labels has 'a' twice",
		    "\"member\":\"labels\"" },
	};
	struct jobspec		spec;
	struct rpc_error	err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (read_job(rows[i].text, &spec, &err) != -1)
			fail_msg("accepted: %s", rows[i].text);
		assert_string_equal(err.message, rows[i].message);
		assert_string_equal(rpc_errors[err.kind].kind, rpc_errors[rows[i].kind].kind);
		assert_string_equal(err.data, rows[i].data);
	}
}

/* A job with count labels, each with a value of value_bytes. */
static int
read_labels(int count, int value_bytes)
{
	struct buf		b = { 0 };
	struct jobspec		spec;
	struct rpc_error	err;
	char			*text;
	int			rc;

	buf_puts(&b, "{\"type\":\"x\",\"labels\":{");
	for (int i = 0; i < count; i++)
		buf_printf(&b, "%s\"l%d\":\"%*s\"", i > 0 ? "," : "", i, value_bytes, "v");
	buf_puts(&b, "}}");
	text = buf_take_string(&b);
	rc = read_job(text, &spec, &err);
	free(text);
	return rc;
}

static void
test_labels_are_bounded_in_number_and_bytes(void **state)
{
	(void)state;
	assert_int_equal(read_labels(0, 1), 0);
	assert_int_equal(read_labels(BOUND_LABELS, 1), 0);
	assert_int_equal(read_labels(BOUND_LABELS + 1, 1), -1);
	assert_int_equal(read_labels(200, 1), -1);
	assert_int_equal(read_labels(1, BOUND_LABELS_BYTES - (int)strlen("{\"l0\":\"\"}")), 0);
	assert_int_equal(read_labels(1, BOUND_LABELS_BYTES - (int)strlen("{\"l0\":\"\"}") + 1), -1);
}

static void
test_the_members_of_a_job_are_those_of_job_submit(void **state)
{
	(void)state;
	assert_true((jobspec_params | RPC_BIT(PARAM_room_wait_ms)) ==
	    rpc_methods[METHOD_job_submit].params);
	assert_true(jobspec_required == rpc_methods[METHOD_job_submit].required);
}

static void
test_lanes_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < LANES; i++)
		assert_int_equal(lane_find(lane_names[i], strlen(lane_names[i])), i);
	assert_int_equal(lane_find("", 0), -1);
	assert_int_equal(lane_find("threads", 7), -1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_what_a_job_says_of_trying_again_is_kept_member_by_member),
		cmocka_unit_test(test_a_job_is_its_type_and_defaults),
		cmocka_unit_test(test_a_trace_is_one_of_the_w3c_or_refused),
		cmocka_unit_test(test_everything_said_of_a_job_is_kept),
		cmocka_unit_test(test_what_a_job_cannot_be_is_refused_by_name),
		cmocka_unit_test(test_labels_are_bounded_in_number_and_bytes),
		cmocka_unit_test(test_the_members_of_a_job_are_those_of_job_submit),
		cmocka_unit_test(test_lanes_have_names),
	};
	int			rc = cmocka_run_group_tests(tests, NULL, NULL);

	buf_free(&scratch);
	return rc;
}
