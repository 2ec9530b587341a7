/* methods_type.c - type.*.  Runs in: broker, loop thread. */
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"
#include "daemon/broker/net/print_route.h"
#include "daemon/broker/route/route.h"

#define SMALL_ARGS_BYTES	64	/* for which type.show asks the tree */

static void
print_text(struct buf *out, const char *text)
{
	print_string(out, text == NULL ? "" : text);
}

/* What type.list says too, without the closing brace. */
static void
print_type_head(struct buf *out, const struct type *t)
{
	print_literal(out, "{\"name\":");
	print_string(out, t->name);
	print_next(out, "summary");
	print_text(out, t->summary);
	print_next(out, "lanes");
	print_lanes(out, t->lanes);
	print_next(out, "lane");
	print_lane_now(out, t);
	print_next(out, "mode");
	print_mode(out, t);
	print_next(out, "running");
	buf_put_u64(out, t->gate.running);
	print_next(out, "max_running");
	buf_put_u64(out, t->gate.max_running);
	print_next(out, "succeeded");
	buf_put_u64(out, t->succeeded);
	print_next(out, "failed");
	buf_put_u64(out, t->failed);
	print_next(out, "cancelled");
	buf_put_u64(out, t->cancelled);
}

static bool
print_type_row(const struct net *n, size_t *at, struct buf *out)
{
	const struct type	*t = core_type_next(n->broker->core, at);

	if (t == NULL)
		return false;
	print_type_head(out, t);
	buf_putc(out, '}');
	return true;
}

int
method_type_list(struct call *call, struct rpc_error *err)
{
	return page_walk(call, print_type_row, err);
}

int
method_type_show(struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*name = call_param(call, PARAM_name);
	const struct type	*t = core_type_find(call->net->broker->core, name->p, name->len);
	struct route		 route;
	struct buf		*out;

	if (t == NULL)
		return rpc_fail(err, RPC_not_found, "there is no type '%.*s'", (int)name->len,
		    name->p);
	route_choose(t, -1, SMALL_ARGS_BYTES, &route);
	out = reply_begin(&call->reply);
	print_type_head(out, t);
	print_next(out, "plugin");
	if (t->plugin == NULL)
		print_literal(out, "null");
	else
		print_string(out, t->plugin);
	print_next(out, "args_schema");
	buf_puts(out, t->args_schema);
	print_next(out, "traits");
	print_traits(out, t->traits);
	print_next(out, "measured");
	print_measured(out, t);
	print_next(out, "routing");
	print_routing(out, t);
	print_next(out, "route");
	route_print(&route, out);
	buf_putc(out, '}');
	return METHOD_ANSWERED;
}
