/* jobspec.c - what a client may say of a job, checked.  Runs in: broker. */
#include "proto/jobspec.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "proto/json_scan.h"
#include "proto/rpc_params.h"
#include "proto/rpc_rows.h"
#include "proto/traceparent.h"

const char *const lane_names[LANES] = {
	[LANE_INLINE] = "inline",
	[LANE_ASYNC] = "async",
	[LANE_THREAD] = "thread",
	[LANE_PROCESS] = "process",
};

const rpc_set jobspec_required = RPC_BIT(PARAM_type);
const rpc_set jobspec_params = RPC_BIT(PARAM_type) | RPC_BIT(PARAM_args) | RPC_BIT(PARAM_queue) |
    RPC_BIT(PARAM_priority) | RPC_BIT(PARAM_delay_ms) | RPC_BIT(PARAM_run_at_ms) |
    RPC_BIT(PARAM_timeout_ms) | RPC_BIT(PARAM_ttl_ms) | RPC_BIT(PARAM_on_lost) |
    RPC_BIT(PARAM_order_key) | RPC_BIT(PARAM_limit_key) | RPC_BIT(PARAM_tenant) |
    RPC_BIT(PARAM_retry) | RPC_BIT(PARAM_lane) | RPC_BIT(PARAM_durability) |
    RPC_BIT(PARAM_labels) | RPC_BIT(PARAM_group) | RPC_BIT(PARAM_on_order_failure) |
    RPC_BIT(PARAM_after) | RPC_BIT(PARAM_on_parent_failure) | RPC_BIT(PARAM_hold) |
    RPC_BIT(PARAM_unique_key) | RPC_BIT(PARAM_unique_ms) | RPC_BIT(PARAM_keep_ms) |
    RPC_BIT(PARAM_traceparent);

/* Index of a word in a list of count words, or -1. */
static int
find_word(const char *const *words, int count, const char *word, size_t len)
{
	for (int i = 0; i < count; i++)
		if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0)
			return i;
	return -1;
}

int
lane_find(const char *name, size_t len)
{
	return find_word(lane_names, LANES, name, len);
}

static struct span
span_of(const struct rpc_value *v, const char *otherwise)
{
	if (v->given)
		return (struct span){ v->p, v->len };
	return (struct span){ otherwise, strlen(otherwise) };
}

static int
wrong_word(struct rpc_error *err, enum rpc_param param, const struct rpc_value *v,
    const char *wanted)
{
	const char	*name = rpc_params[param].name;

	return rpc_fail_member(err, RPC_invalid_params, name, strlen(name),
	    "%s must be %s, not '%.*s'", name, wanted, (int)v->len, v->p);
}

static int
read_lane(const struct rpc_value *v, struct jobspec *out, struct rpc_error *err)
{
	out->lane = -1;
	if (v->given && (out->lane = lane_find(v->p, v->len)) < 0)
		return wrong_word(err, PARAM_lane, v, "inline, async, thread or process");
	return 0;
}

/* One of two words; the first is the default. */
static int
read_either(const struct rpc_value *v, enum rpc_param param, const char *first, const char *second,
    int *out, struct rpc_error *err)
{
	const char *const	words[] = { first, second };
	char			wanted[32];

	*out = 0;
	if (!v->given || (*out = find_word(words, 2, v->p, v->len)) >= 0)
		return 0;
	snprintf(wanted, sizeof(wanted), "%s or %s", first, second);
	return wrong_word(err, param, v, wanted);
}

/* A member that means nothing without another. */
static int
needs(const struct rpc_value *params, enum rpc_param param, enum rpc_param other,
    struct rpc_error *err)
{
	const char	*name = rpc_params[param].name;

	if (!params[param].given || params[other].given)
		return 0;
	return rpc_fail_member(err, RPC_invalid_params, name, strlen(name), "%s goes with %s", name,
	    rpc_params[other].name);
}

static int
read_choices(const struct rpc_value *params, struct jobspec *out, struct rpc_error *err)
{
	int	lost, order, parent;

	if (read_either(&params[PARAM_on_lost], PARAM_on_lost, "requeue", "fail", &lost, err) != 0 ||
	    read_either(&params[PARAM_on_order_failure], PARAM_on_order_failure, "skip", "block",
	    &order, err) != 0 ||
	    read_either(&params[PARAM_on_parent_failure], PARAM_on_parent_failure, "cancel", "run",
	    &parent, err) != 0 ||
	    needs(params, PARAM_on_order_failure, PARAM_order_key, err) != 0 ||
	    needs(params, PARAM_on_parent_failure, PARAM_after, err) != 0 ||
	    needs(params, PARAM_unique_ms, PARAM_unique_key, err) != 0)
		return -1;
	out->on_lost = (enum on_lost)lost;
	out->on_order_failure = (enum on_order_failure)order;
	out->on_parent_failure = (enum on_parent_failure)parent;
	return 0;
}

static void
read_after(const struct rpc_value *v, struct jobspec *out)
{
	out->after = NULL;
	out->after_len = v->given ? (uint32_t)v->i : 0;
	if (out->after_len == 0)
		return;
	out->after = mem_alloc(out->after_len * sizeof(*out->after));
	rpc_ids(v, out->after);
}

void
jobspec_fini(struct jobspec *spec)
{
	free(spec->after);
	spec->after = NULL;
	spec->after_len = 0;
}

int
jobspec_read_durability(const struct rpc_value *v, enum durability *out, struct rpc_error *err)
{
	static const char *const	words[] = {
		[DURABILITY_UNSAID] = "", [DURABILITY_COMMIT] = "commit", [DURABILITY_MEMORY] = "memory",
	};
	int				found;

	*out = DURABILITY_UNSAID;
	if (!v->given)
		return 0;
	if ((found = find_word(words, 3, v->p, v->len)) <= 0)
		return wrong_word(err, PARAM_durability, v, "commit or memory");
	*out = (enum durability)found;
	return 0;
}

static int
read_times(const struct rpc_value *params, struct jobspec *out, struct rpc_error *err)
{
	const char	*name = rpc_params[PARAM_run_at_ms].name;

	if (params[PARAM_delay_ms].given && params[PARAM_run_at_ms].given)
		return rpc_fail_member(err, RPC_invalid_params, name, strlen(name),
		    "give either delay_ms or run_at_ms, not both");
	out->delay_ms = params[PARAM_delay_ms].i;
	out->run_at_ms = params[PARAM_run_at_ms].i;
	out->timeout_ms = params[PARAM_timeout_ms].i;
	out->ttl_ms = params[PARAM_ttl_ms].i;
	return 0;
}

/* ---- labels ---- */

static int
wrong_label(struct rpc_error *err, const char *what, enum scan_type type, struct span came)
{
	return rpc_fail_member(err, RPC_invalid_params, "labels", strlen("labels"), "%s, not %s",
	    what, rpc_excerpt(type, came).text);
}

/* The key that was just scanned, escapes and all. */
static bool
is_label_name(const struct scan *s, struct span key)
{
	struct buf	text = { 0 };
	bool		ok;

	if (!s->escaped)
		return rpc_is_name(key);
	ok = scan_decode(key, &text) &&
	    rpc_is_name((struct span){ buf_data(&text), buf_len(&text) });
	buf_free(&text);
	return ok;
}

static bool
has_nul(struct span string)
{
	struct buf	text = { 0 };
	bool		ok = scan_decode((struct span){ string.p + 1, string.len - 2 }, &text);

	buf_free(&text);
	return !ok;
}

/* Their number, and that no name stands twice, was seen to when the params were read. */
static int
check_labels(struct span labels, struct rpc_error *err)
{
	struct scan	s;
	enum scan_type	type;
	struct span	key, value;

	scan_init(&s, labels.p, labels.len, BOUND_DEPTH, UINT32_MAX);
	scan_object(&s);
	while (scan_member(&s, &key)) {
		if (!is_label_name(&s, key))
			return wrong_label(err, "a label's name must be 1 to 64 characters of "
			    RPC_NAME_CHARACTERS, SCAN_STRING, key);
		if (!scan_value(&s, &type, &value))
			break;
		if (type != SCAN_STRING)
			return wrong_label(err, "a label's value must be a string", type, value);
		if (s.escaped && has_nul(value))
			return wrong_label(err, "a label's value must be a string without NUL",
			    type, value);
	}
	return 0;
}

static int
read_labels(const struct rpc_value *v, struct jobspec *out, struct rpc_error *err)
{
	out->labels = (struct span){ NULL, 0 };
	if (!v->given || v->i == 0)
		return 0;
	if (v->len > BOUND_LABELS_BYTES)
		return rpc_fail_member(err, RPC_invalid_params, "labels", strlen("labels"),
		    "labels must be an object of at most %d bytes, not %" PRIu32,
		    BOUND_LABELS_BYTES, v->len);
	out->labels = (struct span){ v->p, v->len };
	return check_labels(out->labels, err);
}

static int
read_traceparent(const struct rpc_value *v, struct jobspec *out, struct rpc_error *err)
{
	out->traceparent = span_of(v, "");
	if (!v->given || traceparent_is(v->p, v->len))
		return 0;
	return wrong_word(err, PARAM_traceparent, v,
	    "as W3C Trace Context has it, 00-TRACE-PARENT-FLAGS in lower-case hexadecimal digits");
}

static rpc_set
said(const struct rpc_value params[RPC_PARAMS])
{
	rpc_set	bits = 0;

	for (unsigned i = 0; i < RPC_PARAMS; i++)
		if (params[i].given)
			bits |= RPC_BIT(i);
	return bits & jobspec_params;
}

int
jobspec_read(const struct rpc_value params[RPC_PARAMS], struct jobspec *out, struct rpc_error *err)
{
	out->said = said(params);
	out->type = span_of(&params[PARAM_type], "");
	out->args = span_of(&params[PARAM_args], "null");
	out->queue = span_of(&params[PARAM_queue], "default");
	out->order_key = span_of(&params[PARAM_order_key], "");
	out->group = span_of(&params[PARAM_group], "");
	out->limit_key = span_of(&params[PARAM_limit_key], "");
	out->tenant = span_of(&params[PARAM_tenant], "");
	out->unique_key = span_of(&params[PARAM_unique_key], "");
	out->unique_ms = params[PARAM_unique_ms].i;
	out->keep_ms = params[PARAM_keep_ms].i;
	out->after = NULL;
	out->after_len = 0;
	out->priority = (int)params[PARAM_priority].i;
	if (read_times(params, out, err) != 0 ||
	    read_choices(params, out, err) != 0 ||
	    read_lane(&params[PARAM_lane], out, err) != 0 ||
	    jobspec_read_durability(&params[PARAM_durability], &out->durability, err) != 0 ||
	    retry_policy_read(&params[PARAM_retry], &out->retry, err) != 0)
		return -1;
	out->hold = params[PARAM_hold].i != 0;
	if (read_labels(&params[PARAM_labels], out, err) != 0 ||
	    read_traceparent(&params[PARAM_traceparent], out, err) != 0)
		return -1;
	read_after(&params[PARAM_after], out);
	return 0;
}

/* ---- copies ---- */

static const size_t spans[] = {
	offsetof(struct jobspec, type), offsetof(struct jobspec, args),
	offsetof(struct jobspec, queue), offsetof(struct jobspec, order_key),
	offsetof(struct jobspec, limit_key), offsetof(struct jobspec, tenant),
	offsetof(struct jobspec, group), offsetof(struct jobspec, unique_key),
	offsetof(struct jobspec, labels), offsetof(struct jobspec, traceparent),
};

static struct span *
span_at(struct jobspec *s, size_t i)
{
	return (struct span *)(void *)((char *)s + spans[i]);
}

struct jobspec *
jobspec_copy(const struct jobspec *s, size_t *bytes)
{
	struct jobspec	 from = *s, *copy;
	char		*at;

	size_t		 after = s->after_len * sizeof(*s->after);

	*bytes = sizeof(*copy) + after;
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		*bytes += span_at(&from, i)->len;
	copy = mem_alloc(*bytes);
	*copy = from;
	at = (char *)(copy + 1);
	copy->after = s->after_len == 0 ? NULL : (uint64_t *)(void *)at;
	if (after > 0)
		memcpy(copy->after, s->after, after);
	at += after;
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		struct span	*span = span_at(copy, i);

		if (span->len > 0)
			memcpy(at, span->p, span->len);
		span->p = at;
		at += span->len;
	}
	return copy;
}
