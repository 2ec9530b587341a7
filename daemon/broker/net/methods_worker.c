/* methods_worker.c - worker.*.  Runs in: broker, loop thread. */
#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"

static void
print_u64_or_null(struct buf *out, uint64_t value)
{
	if (value == 0)
		print_literal(out, "null");
	else
		buf_put_u64(out, value);
}

static void
print_now(struct buf *out, const struct worker_view *v)
{
	print_next(out, "state");
	print_string(out, worker_state_names[v->state]);
	print_next(out, "job");
	print_u64_or_null(out, v->job);
	print_next(out, "type");
	if (v->type == NULL)
		print_literal(out, "null");
	else
		print_string(out, v->type);
	print_next(out, "inflight");
	buf_put_u64(out, v->inflight);
	print_next(out, "since_ms");
	buf_put_i64(out, v->since_ms);
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
	print_string(out, n->user);
	print_next(out, "pid");
	print_u64_or_null(out, v.pid > 0 ? (uint64_t)v.pid : 0);
	print_now(out, &v);
	print_next(out, "done");
	buf_put_u64(out, v.done);
	print_next(out, "crashes");
	buf_put_u64(out, v.crashes);
	print_next(out, "generation");
	buf_put_u64(out, v.generation);
	print_next(out, "rss_bytes");
	buf_put_i64(out, v.rss_bytes);
	buf_putc(out, '}');
	return true;
}

int
method_worker_list(struct call *call, struct rpc_error *err)
{
	return page_walk(call, print_worker, err);
}
