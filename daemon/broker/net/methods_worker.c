/* methods_worker.c - worker.*.  Runs in: broker, loop thread. */
#include <errno.h>
#include <string.h>

#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"

/* Whose a job is, is not for everybody. */
static bool
is_seen(const struct net *n, uint64_t id)
{
	const struct job	*j = n->call.conn->role >= ROLE_operator ? NULL :
	    core_find(n->broker->core, id);

	return j == NULL || auth_owns(n->call.conn, j->by->principal);
}

static void
print_now(struct buf *out, const struct net *n, const struct worker_view *v)
{
	print_next(out, "state");
	print_string(out, worker_state_names[v->state]);
	print_next(out, "job");
	print_i64_or_null(out, is_seen(n, v->job) ? (int64_t)v->job : 0, 0);
	print_next(out, "type");
	print_string_or_null(out, v->type);
	print_next(out, "inflight");
	buf_put_u64(out, v->inflight);
	print_next(out, "since_ms");
	buf_put_i64(out, v->since_ms);
}

/* Of language and remote workers. */
static void
print_language(struct buf *out, const struct worker_view *v)
{
	if (v->pool == NULL)
		return;
	print_next(out, "pool");
	print_string(out, v->pool);
	print_next(out, "language");
	print_string(out, v->language == NULL ? "" : v->language);
	print_next(out, "types");
	buf_putc(out, '[');
	buf_append(out, v->types.p, v->types.len);
	buf_putc(out, ']');
	if (v->why == NULL)
		return;
	print_next(out, "why");
	buf_put_json(out, v->why, strlen(v->why));
}

static bool
print_worker(const struct net *n, size_t *at, struct buf *out)
{
	struct worker_view	v;

	if (!lanes_worker_next(n->broker->lanes, at, &v))
		return false;
	print_literal(out, "{\"name\":");
	print_string(out, v.name);
	print_next(out, "lane");
	print_string(out, v.lane);
	print_next(out, "user");
	print_string(out, v.user == NULL ? n->user : v.user);
	print_next(out, "pid");
	print_i64_or_null(out, v.pid > 0 ? v.pid : 0, 0);
	print_now(out, n, &v);
	print_next(out, "done");
	buf_put_u64(out, v.done);
	print_next(out, "crashes");
	buf_put_u64(out, v.crashes);
	print_next(out, "generation");
	buf_put_u64(out, v.generation);
	print_next(out, "rss_bytes");
	buf_put_i64(out, v.rss_bytes);
	print_language(out, &v);
	buf_putc(out, '}');
	return true;
}

/* ---- worker.drain, worker.recycle ---- */

static int
answer(struct call *call, bool again, struct rpc_error *err)
{
	const struct rpc_value	*name = call_param(call, PARAM_name);
	struct lanes		*l = call->net->broker->lanes;
	struct worker_view	 v;
	struct buf		*out;
	int			 rc;

	for (size_t at = 0; lanes_worker_next(l, &at, &v); ) {
		if (strlen(v.name) != name->len || memcmp(v.name, name->p, name->len) != 0)
			continue;
		if ((rc = lanes_drain(l, v.number, again)) == -EOPNOTSUPP)
			return rpc_fail(err, RPC_conflict, "worker %s is remote, and not started here: "
			    "drain it, and start another where it runs", v.name);
		if (rc != 0)
			return rpc_fail(err, RPC_conflict, "worker %s is %s", v.name,
			    worker_state_names[v.state]);
		out = reply_begin(&call->reply);
		print_literal(out, "{\"name\":");
		buf_putc(out, '"');
		buf_append(out, name->p, name->len);
		print_literal(out, "\",\"state\":");
		print_string(out, worker_state_names[lanes_worker_state(l, v.number)]);
		buf_putc(out, '}');
		return METHOD_ANSWERED;
	}
	return rpc_fail(err, RPC_not_found, "there is no worker '%.*s'", (int)name->len, name->p);
}

int
method_worker_drain(struct call *call, struct rpc_error *err)
{
	return answer(call, false, err);
}

int
method_worker_recycle(struct call *call, struct rpc_error *err)
{
	return answer(call, true, err);
}

int
method_worker_list(struct call *call, struct rpc_error *err)
{
	return page_walk(call, print_worker, err);
}
