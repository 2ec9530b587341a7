/* methods_queue.c - queue.*.  Runs in: broker, loop thread. */
#include "daemon/broker/keep.h"
#include "daemon/broker/net/kept.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"
#include "daemon/broker/net/purge.h"
#include "daemon/broker/net/room.h"
#include "daemon/broker/net/watch.h"
#include "lib/parse.h"
#include "proto/json_scan.h"

#include <string.h>

/* ---- printing ---- */

static void
print_member(struct buf *out, const char *name, uint64_t value)
{
	buf_putc(out, ',');
	print_string(out, name);
	buf_putc(out, ':');
	buf_put_u64(out, value);
}

static void
print_settings(struct buf *out, const struct queue_settings *s)
{
	print_member(out, "max_running", s->max_running);
	print_member(out, "max_running_per_tenant", s->max_running_per_tenant);
	print_member(out, "max_running_per_key", s->max_running_per_key);
	buf_printf(out, ",\"rate\":%u.%03u", s->rate.rate_milli / 1000, s->rate.rate_milli % 1000);
	print_member(out, "burst", s->rate.burst == 0 ? 1 : s->rate.burst);
	print_member(out, "max_jobs", (uint64_t)s->max_jobs);
	print_member(out, "max_bytes", (uint64_t)s->max_bytes);
}

static void
print_weights(struct buf *out, const struct queue *q)
{
	struct span	tenant;
	size_t		at = 0;
	uint32_t	weight;
	bool		first = true;

	print_next(out, "weights");
	buf_putc(out, '{');
	while (q != NULL && (weight = core_queue_weight_next(q, &at, &tenant)) != 0) {
		if (!first)
			buf_putc(out, ',');
		first = false;
		buf_put_json(out, tenant.p, tenant.len);
		buf_putc(out, ':');
		buf_put_u64(out, weight);
	}
	buf_putc(out, '}');
}

static void
print_view(struct buf *out, struct span name, const struct queue_view *q)
{
	print_literal(out, "{\"name\":");
	buf_put_json(out, name.p, name.len);
	print_member(out, "scheduled", q->scheduled);
	print_member(out, "ready", q->ready);
	print_member(out, "running", q->running);
	print_member(out, "waiting_bytes", q->waiting_bytes);
	print_member(out, "tenants", q->tenants);
	print_next(out, "paused");
	print_bool(out, q->paused);
	print_next(out, "draining");
	print_bool(out, q->draining);
	print_settings(out, &q->set);
	print_weights(out, q->queue);
	buf_putc(out, '}');
}

static bool
print_queue(const struct net *n, size_t *at, struct buf *out)
{
	struct queue_view	q;

	if (!core_queue_next(n->broker->core, at, &q))
		return false;
	print_view(out, (struct span){ q.name, strlen(q.name) }, &q);
	return true;
}

int
method_queue_list(struct call *call, struct rpc_error *err)
{
	return page_walk(call, print_queue, err);
}

/* ---- pause, resume, drain ---- */

static struct span
name_of(const struct call *call)
{
	const struct rpc_value	*name = call_param(call, PARAM_name);

	return (struct span){ name->p, name->len };
}

void
queue_print(const struct net *n, struct span name, struct buf *out)
{
	struct queue_view	q;

	core_queue_view(n->broker->core, name, &q);
	print_view(out, name, &q);
}

static int
answer_queue(struct call *call)
{
	return kept_answer(call, keep_queue(call->net->broker, name_of(call)), name_of(call),
	    queue_print);
}

int
method_queue_pause(struct call *call, struct rpc_error *err)
{
	if (watch_allowed(call, 1, err) != 0)
		return -1;
	core_queue_pause(call->net->broker->core, name_of(call), true);
	return answer_queue(call);
}

int
method_queue_resume(struct call *call, struct rpc_error *err)
{
	if (watch_allowed(call, 1, err) != 0)
		return -1;
	core_queue_pause(call->net->broker->core, name_of(call), false);
	core_queue_drain(call->net->broker->core, name_of(call), false);
	return answer_queue(call);
}

int
method_queue_drain(struct call *call, struct rpc_error *err)
{
	if (watch_allowed(call, 1, err) != 0)
		return -1;
	core_queue_drain(call->net->broker->core, name_of(call), true);
	return answer_queue(call);
}

/* ---- set ---- */

/* Each weight: with a core to set it there, else only checked. */
static int
read_weights(const struct rpc_value *v, struct core *c, struct span queue, struct rpc_error *err)
{
	struct buf	tenant = { 0 };
	struct scan	s;
	struct span	key, raw;
	enum scan_type	type;
	int64_t		weight;
	int		rc = 0;

	scan_init(&s, v->p, v->len, BOUND_DEPTH, UINT32_MAX);
	scan_object(&s);
	while (rc == 0 && scan_member(&s, &key) && scan_value(&s, &type, &raw)) {
		tenant.head = tenant.tail = 0;
		if (!scan_decode(key, &tenant) || buf_len(&tenant) == 0 ||
		    buf_len(&tenant) > BOUND_KEY_BYTES)
			rc = rpc_fail_member(err, RPC_invalid_params, "weights", 7,
			    "a tenant in weights has 1 to %d bytes", BOUND_KEY_BYTES);
		else if (type != SCAN_INTEGER ||
		    parse_i64(raw.p, raw.len, 1, BOUND_WEIGHT, &weight) != 0)
			rc = rpc_fail_member(err, RPC_invalid_params, "weights", 7,
			    "a weight must be an integer from 1 to %d, not %.*s", BOUND_WEIGHT,
			    (int)(raw.len < 40 ? raw.len : 40), raw.p);
		else if (c != NULL)
			core_queue_weight(c, queue, (struct span){ buf_data(&tenant),
			    buf_len(&tenant) }, (uint32_t)weight);
	}
	buf_free(&tenant);
	return rc;
}

static void
read_settings(const struct call *call, struct queue_settings *s)
{
	s->max_running = (uint32_t)call_int(call, PARAM_max_running, s->max_running);
	s->max_running_per_tenant = (uint32_t)call_int(call, PARAM_max_running_per_tenant,
	    s->max_running_per_tenant);
	s->max_running_per_key = (uint32_t)call_int(call, PARAM_max_running_per_key,
	    s->max_running_per_key);
	s->rate.rate_milli = (uint32_t)call_int(call, PARAM_rate, s->rate.rate_milli);
	s->rate.burst = (uint32_t)call_int(call, PARAM_burst, s->rate.burst);
	s->max_jobs = call_int(call, PARAM_max_jobs, s->max_jobs);
	s->max_bytes = call_int(call, PARAM_max_bytes, s->max_bytes);
}

int
method_queue_set(struct call *call, struct rpc_error *err)
{
	struct broker		*b = call->net->broker;
	const struct rpc_value	*weights = call_param(call, PARAM_weights);
	struct queue_settings	 s = core_queue_settings(b->core, name_of(call));

	if ((weights->given && read_weights(weights, NULL, name_of(call), err) != 0) ||
	    watch_allowed(call, 1, err) != 0)
		return -1;
	read_settings(call, &s);
	core_queue_set(b->core, b->now, name_of(call), &s);
	if (weights->given)
		read_weights(weights, b->core, name_of(call), err);
	return answer_queue(call);
}

/* ---- purge, wait ---- */

int
method_queue_purge(struct call *call, struct rpc_error *err)
{
	if (watch_allowed(call, 1, err) != 0)
		return -1;
	purge_begin(call, name_of(call));
	return METHOD_LATER;
}

int
method_queue_wait(struct call *call, struct rpc_error *err)
{
	if (core_queue_empty(call->net->broker->core, name_of(call))) {
		print_literal(reply_begin(&call->reply), "{\"empty\":true}");
		return METHOD_ANSWERED;
	}
	if (watch_allowed(call, 1, err) != 0)
		return -1;
	room_wait_empty(call, name_of(call), call_int(call, PARAM_timeout_ms, -1));
	return METHOD_LATER;
}
