/* jobspec.c - libFuzzer target: any text as one of the jobs of a submit_many. */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <string.h>

#include "proto/jobspec.h"
#include "proto/json_scan.h"

static const struct rpc_limits	limits = { BOUND_DEPTH, 1000 };

static void
check_name(struct span s)
{
	static const char	allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_.-";

	require(s.len >= 1 && s.len <= BOUND_NAME_BYTES);
	for (size_t i = 0; i < s.len; i++)
		require(s.p[i] != '\0' && strchr(allowed, s.p[i]) != NULL);
}

static void
check_labels(struct span labels)
{
	json_t		*tree;
	json_t		*value;
	const char	*name;

	if (labels.len == 0)
		return;
	require(labels.len <= BOUND_LABELS_BYTES);
	tree = json_loadb(labels.p, labels.len, JSON_REJECT_DUPLICATES, NULL);
	require(json_is_object(tree) && json_object_size(tree) <= BOUND_LABELS);
	json_object_foreach(tree, name, value) {
		check_name((struct span){ name, strlen(name) });
		require(json_is_string(value));
	}
	json_decref(tree);
}

static void
check_spec(const struct jobspec *spec)
{
	check_name(spec->type);
	check_name(spec->queue);
	require(scan_check(spec->args.p, spec->args.len, BOUND_DEPTH) == NULL);
	require(spec->order_key.len <= BOUND_KEY_BYTES);
	if (spec->order_key.len > 0)
		require(memchr(spec->order_key.p, '\0', spec->order_key.len) == NULL);
	require(spec->lane >= -1 && spec->lane < LANES);
	require(spec->priority >= -100 && spec->priority <= 100);
	require(spec->delay_ms >= 0 && spec->delay_ms <= BOUND_DURATION_MS);
	require(spec->run_at_ms >= 0 && spec->run_at_ms <= BOUND_JOB_ID);
	require(spec->delay_ms == 0 || spec->run_at_ms == 0);
	require(spec->timeout_ms >= 0 && spec->timeout_ms <= BOUND_DURATION_MS);
	require(spec->ttl_ms >= 0 && spec->ttl_ms <= BOUND_DURATION_MS);
	require(spec->on_lost == ON_LOST_REQUEUE || spec->on_lost == ON_LOST_FAIL);
	check_labels(spec->labels);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpc_value	params[RPC_PARAMS];
	struct rpc_error	err = { .kind = RPC_ERRORS };
	struct jobspec		spec;
	struct buf		scratch = { 0 };

	if (rpc_parse_members((const char *)data, size, jobspec_params, jobspec_required, &limits,
	    params, &scratch, &err) == 0 && jobspec_read(params, &spec, &err) == 0) {
		check_spec(&spec);
		jobspec_fini(&spec);
	} else
		require(err.kind == RPC_parse_error || err.kind == RPC_invalid_params);
	buf_free(&scratch);
	return 0;
}
