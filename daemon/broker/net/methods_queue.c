/* methods_queue.c - queue.*.  Runs in: broker, loop thread. */
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"

static bool
print_queue(const struct net *n, size_t *at, struct buf *out)
{
	struct queue_view	q;

	if (!core_queue_next(n->broker->core, at, &q))
		return false;
	print_literal(out, "{\"name\":");
	print_string(out, q.name);
	print_next(out, "scheduled");
	buf_put_u64(out, q.scheduled);
	print_next(out, "ready");
	buf_put_u64(out, q.ready);
	print_next(out, "running");
	buf_put_u64(out, q.running);
	print_next(out, "max_running");
	buf_put_u64(out, q.max_running);
	buf_putc(out, '}');
	return true;
}

int
method_queue_list(struct call *call, struct rpc_error *err)
{
	return page_walk(call, print_queue, err);
}
