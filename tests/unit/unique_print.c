/* unique_print.c - when are two submissions the same? */
#include "daemon/broker/unique_print.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/store/record.h"
#include "proto/bounds.h"
#include "proto/rpc_params.h"
#include "proto/rpc_rows.h"
#include "tests/unit/unit.h"

/* The print of a job with these members besides its type. */
static struct unique_print
print_of(const char *members)
{
	static const struct rpc_limits	limits = { .depth = BOUND_DEPTH, .values = BOUND_VALUES };
	struct buf			text = { 0 }, scratch = { 0 };
	struct rpc_value		params[RPC_PARAMS];
	struct unique_print		p;
	struct jobspec			spec;
	struct rpc_error		err;

	buf_printf(&text, "{\"type\":\"echo\"%s%s}", members[0] == '\0' ? "" : ",", members);
	if (rpc_parse_members(buf_data(&text), buf_len(&text), jobspec_params, jobspec_required,
	    &limits, params, &scratch, &err) != 0 || jobspec_read(params, &spec, &err) != 0)
		fail_msg("%s: %s", members, err.message);
	unique_print_make(&spec, &p);
	jobspec_fini(&spec);
	buf_free(&text);
	buf_free(&scratch);
	return p;
}

static const char *
differs(const char *a, const char *b)
{
	struct unique_print	first = print_of(a), second = print_of(b);

	return unique_print_differs(&first, &second);
}

static void
test_submissions_that_say_the_same_are_the_same(void **state)
{
	static const char *const	rows[][2] = {
		{ "", "\"args\":null,\"queue\":\"default\",\"priority\":0,\"hold\":false" },
		{ "\"args\":[1, {\"a\" : \"x y\"}]", "\"args\":[1,{\"a\":\"x y\"}]" },
		{ "\"args\":\"\\\" \\\\\"", "\"args\":  \"\\\" \\\\\"  " },
		{ "\"labels\":{\"a\": \"b\"}", "\"labels\":{\"a\":\"b\"}" },
		{ "\"retry\":{\"factor\":2,\"max_attempts\":3}", "\"retry\":{\"max_attempts\":3,\"factor\":2.0}" },
		{ "\"unique_key\":\"a\"", "\"unique_key\":\"b\"" },
		{ "\"durability\":\"memory\"", "" },
		/* who asks again is in another trace */
		{ "\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"", "" },
		{ "\"priority\":5,\"ttl_ms\":9", "\"ttl_ms\":9,\"priority\":5" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (differs(rows[i][0], rows[i][1]) != NULL)
			fail_msg("%s and %s differ", rows[i][0], rows[i][1]);
}

static void
test_each_member_that_is_not_the_same_is_named(void **state)
{
	static const struct {
		const char	*a, *b, *member;
	} rows[] = {
		{ "\"args\":1", "\"args\":2", "args" },
		{ "\"args\":\"a b\"", "\"args\":\"ab\"", "args" },
		{ "\"args\":{\"a\":1,\"b\":2}", "\"args\":{\"b\":2,\"a\":1}", "args" },
		{ "", "\"queue\":\"q\"", "queue" },
		{ "\"priority\":1", "\"priority\":2", "priority" },
		{ "\"delay_ms\":1", "\"delay_ms\":2", "delay_ms" },
		{ "\"run_at_ms\":1", "\"run_at_ms\":2", "run_at_ms" },
		{ "\"timeout_ms\":1", "", "timeout_ms" },
		{ "\"ttl_ms\":1", "", "ttl_ms" },
		{ "\"on_lost\":\"fail\"", "", "on_lost" },
		{ "\"retry\":{\"max_attempts\":2}", "\"retry\":{\"max_attempts\":3}", "retry" },
		{ "\"order_key\":\"k\"", "", "order_key" },
		{ "\"limit_key\":\"k\"", "", "limit_key" },
		{ "\"tenant\":\"k\"", "", "tenant" },
		{ "\"order_key\":\"k\"", "\"order_key\":\"k\",\"on_order_failure\":\"block\"", "on_order_failure" },
		{ "\"after\":[1,23]", "\"after\":[12,3]", "after" },
		{ "\"after\":[1]", "\"after\":[1],\"on_parent_failure\":\"run\"", "on_parent_failure" },
		{ "\"hold\":true", "", "hold" },
		{ "\"lane\":\"inline\"", "", "lane" },
		{ "\"labels\":{\"a\":\"b\"}", "\"labels\":{\"a\":\"c\"}", "labels" },
		{ "\"group\":\"g\"", "", "group" },
		{ "\"unique_key\":\"k\",\"unique_ms\":5", "\"unique_key\":\"k\"", "unique_ms" },
		{ "\"keep_ms\":5", "\"keep_ms\":6", "keep_ms" },
	};
	rpc_set		seen = RPC_BIT(PARAM_type) | RPC_BIT(PARAM_unique_key) | RPC_BIT(PARAM_durability) |
	    RPC_BIT(PARAM_traceparent);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char	*member = differs(rows[i].a, rows[i].b);

		if (member == NULL || strcmp(member, rows[i].member) != 0)
			fail_msg("%s and %s: %s", rows[i].a, rows[i].b, member == NULL ? "same" : member);
		for (int p = 0; p < RPC_PARAMS; p++)
			if (strcmp(rpc_params[p].name, member) == 0)
				seen |= RPC_BIT(p);
	}
	for (int p = 0; p < RPC_PARAMS; p++)
		if ((jobspec_params & ~seen & RPC_BIT(p)) != 0)
			fail_msg("%s is compared by nothing here", rpc_params[p].name);
}

/* They are on disk: a print that comes out otherwise makes conflicts of what is the same. */
static void
test_prints_are_for_ever_and_survive_as_text(void **state)
{
	struct unique_print	p = print_of("\"args\":[1,2],\"queue\":\"mail\",\"after\":[7]"), back;
	struct buf		text = { 0 };
	char			*hex;

	(void)state;
	record_print_unique(&text, &p);
	assert_true(record_read_unique((struct span){ buf_data(&text), buf_len(&text) }, &back));
	assert_memory_equal(&p, &back, sizeof(p));
	assert_false(record_read_unique((struct span){ buf_data(&text), buf_len(&text) - 1 }, &back));
	buf_data(&text)[5] = 'g';
	assert_false(record_read_unique((struct span){ buf_data(&text), buf_len(&text) }, &back));
	buf_data(&text)[5] = 'A';
	assert_false(record_read_unique((struct span){ buf_data(&text), buf_len(&text) }, &back));
	buf_consume(&text, buf_len(&text));
	record_print_unique(&text, &p);
	hex = buf_take_string(&text);
	assert_string_equal(hex, "493e2690642a2f0a81daa37c0e89c37b"
	    "1903b700000000000000000000001f000000000000000000");
	free(hex);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_submissions_that_say_the_same_are_the_same),
		cmocka_unit_test(test_each_member_that_is_not_the_same_is_named),
		cmocka_unit_test(test_prints_are_for_ever_and_survive_as_text),
	};

	return cmocka_run_group_tests_name("unique_print", tests, NULL, NULL);
}
