/*
 * rpc.c - libFuzzer target: any line, as a request and as a batch.
 *
 * What is accepted keeps the promises of rpc.h and is what jansson reads; what is refused is
 * refused as JSON exactly when it is none; every reply that is printed is JSON.
 */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "proto/json_scan.h"
#include "proto/rpc.h"
#include "proto/rpc_rows.h"

static const struct rpc_limits	limits = { BOUND_DEPTH, 1000 };

static bool
is_json(const char *text, size_t len)
{
	return scan_check(text, len, BOUND_DEPTH) == NULL;
}

static void
check_id(struct span id)
{
	require(id.len >= 1 && id.len <= BOUND_RPC_ID_BYTES && is_json(id.p, id.len));
	require(id.p[0] != '{' && id.p[0] != '[' && id.p[0] != 't' && id.p[0] != 'f');
}

static void
check_replies(const struct rpc_call *call, const struct rpc_error *err)
{
	struct buf	out = { 0 };

	rpc_print_error(&out, call->id, err);
	require(buf_data(&out)[buf_len(&out) - 1] == '\n');
	require(memchr(buf_data(&out), '\n', buf_len(&out) - 1) == NULL);
	require(is_json(buf_data(&out), buf_len(&out)));
	buf_consume(&out, buf_len(&out));
	rpc_reply_begin(&out, call->id);
	buf_puts(&out, "null");
	rpc_reply_end(&out);
	require(is_json(buf_data(&out), buf_len(&out)));
	buf_free(&out);
}

static void
check_ids(const struct rpc_value *v, const json_t *want)
{
	uint64_t	*ids = calloc((size_t)v->i, sizeof(*ids));

	require(v->i <= BOUND_WAIT_IDS && json_array_size(want) == (size_t)v->i);
	rpc_ids(v, ids);
	for (size_t i = 0; i < (size_t)v->i; i++)
		require(ids[i] == (uint64_t)json_integer_value(json_array_get(want, i)));
	free(ids);
}

static void
check_raw(const struct rpc_value *v, const json_t *want)
{
	json_t	*got;

	require(is_json(v->p, v->len));
	got = json_loadb(v->p, v->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	require(got != NULL && json_equal(got, want));
	json_decref(got);
}

static void
check_value(const struct rpc_param_row *row, const struct rpc_value *v, const json_t *want)
{
	require(want != NULL);
	switch (row->type) {
	case TYPE_NAME:
	case TYPE_STRING:
		require(json_is_string(want) && json_string_length(want) == v->len);
		require(memcmp(json_string_value(want), v->p, v->len) == 0);
		require(v->len >= row->min && v->len <= row->max);
		break;
	case TYPE_INT:
		require(json_is_integer(want) && json_integer_value(want) == v->i);
		require(v->i >= row->min && v->i <= row->max);
		break;
	case TYPE_DECIMAL:		/* in thousandths */
		require(json_is_number(want));
		require(fabs(json_number_value(want) * 1000 - (double)v->i) < 0.5);
		require(v->i >= row->min && v->i <= row->max);
		break;
	case TYPE_BOOL:
		require(json_is_boolean(want) && json_is_true(want) == (v->i != 0));
		break;
	case TYPE_IDS:
		check_ids(v, want);
		break;
	case TYPE_OBJECT:
		require(json_is_object(want) && json_object_size(want) == (size_t)v->i);
		require(v->i <= row->max);
		check_raw(v, want);
		break;
	case TYPE_ARRAY:
		require(json_is_array(want) && json_array_size(want) == (size_t)v->i);
		require(v->i <= row->max);
		check_raw(v, want);
		break;
	case TYPE_ANY:
		check_raw(v, want);
		break;
	}
}

/* jansson's view of the line; NULL only where it cannot hold a number or a key of args. */
static void
check_against_tree(const struct rpc_call *call, const char *line, size_t len)
{
	const struct rpc_method_row	*row = &rpc_methods[call->method];
	json_error_t			 error;
	json_t				*tree, *params;
	size_t				 given = 0;

	if ((tree = json_loadb(line, len, JSON_ALLOW_NUL, &error)) == NULL) {
		require(json_error_code(&error) == json_error_numeric_overflow ||
		    json_error_code(&error) == json_error_null_byte_in_key);
		return;
	}
	require(strcmp(json_string_value(json_object_get(tree, "method")), row->name) == 0);
	params = json_object_get(tree, "params");
	for (int i = 0; i < RPC_PARAMS; i++) {
		const json_t	*want = json_object_get(params, rpc_params[i].name);

		if (want != NULL)
			require((row->params & RPC_BIT(i)) != 0);
		require(call->params[i].given ==
		    (want != NULL && (!json_is_null(want) || rpc_params[i].type == TYPE_ANY)));
		require(call->params[i].given || (row->required & RPC_BIT(i)) == 0);
		given += want != NULL;
		if (call->params[i].given)
			check_value(&rpc_params[i], &call->params[i], want);
	}
	require(given == json_object_size(params));
	json_decref(tree);
}

static void
one_request(const char *line, size_t len)
{
	struct rpc_call		call;
	struct rpc_error	err;
	const char		*wrong = scan_check(line, len, limits.depth);

	if (rpc_parse(line, len, &limits, &call, &err) == 0) {
		require(wrong == NULL);
		check_against_tree(&call, line, len);
		rpc_fail(&err, RPC_internal, "%s", "");
	} else if (err.kind == RPC_parse_error) {
		require(wrong != NULL || strncmp(err.message, "too many values", 15) == 0);
		require(!call.notification);
	} else {
		require(wrong == NULL);
	}
	check_id(call.id);
	check_replies(&call, &err);
	rpc_call_fini(&call);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char		*line = (const char *)data;
	struct rpc_error	err;
	struct span		element;
	size_t			at = 0;
	int			rc;

	one_request(line, size);
	while ((rc = rpc_array_next(line, size, &at, &limits, &element, &err)) == 1)
		one_request(element.p, element.len);
	if (rc == 0)
		require(is_json(line, size));
	return 0;
}
