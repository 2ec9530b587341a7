/* methods_type.c - type.*.  Runs in: broker, loop thread. */
#include <string.h>

#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"
#include "daemon/broker/net/print_confinement.h"
#include "daemon/broker/net/print_left_out.h"
#include "daemon/broker/net/print_route.h"
#include "daemon/broker/route/route.h"

#define SMALL_ARGS_BYTES	64	/* for which type.show asks the tree */

/* What type.list says too, without the closing brace. */
static void
print_type_head(struct buf *out, const struct core *c, const struct type *t)
{
	print_literal(out, "{\"name\":");
	print_string(out, t->name);
	print_next(out, "summary");
	print_string(out, t->summary == NULL ? "" : t->summary);
	print_next(out, "lanes");
	print_lanes(out, t->lanes);
	print_next(out, "lane");
	print_lane_now(out, t);
	print_next(out, "mode");
	print_mode(out, t);
	print_next(out, "pool");
	print_string(out, core_pool_name(c, t->pool).p);
	print_next(out, "served");
	print_bool(out, !t->unserved);
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
	print_type_head(out, n->broker->core, t);
	buf_putc(out, '}');
	return true;
}

/* ---- files that were left out ---- */

/* Before the items of the first page: what fits into half of it. */
static void
print_all_left_out(struct page *p)
{
	const struct lanes	*l = p->call->net->broker->lanes;
	struct left_out		 row;
	size_t			 mark, room = reply_room(&p->call->reply) / 2;
	bool			 first = true;

	print_literal(p->out, "{\"left_out\":[");
	for (size_t at = 0; p->from == 0 && lanes_left_out_next(l, &at, &row); first = false) {
		mark = buf_len(p->out);
		if (!first)
			buf_putc(p->out, ',');
		print_left_out(p->out, &row);
		if (reply_room(&p->call->reply) < room) {
			p->out->tail = p->out->head + mark;
			break;
		}
	}
	print_literal(p->out, "],\"items\":[");
}

int
method_type_list(struct call *call, struct rpc_error *err)
{
	struct page	p;

	if (page_read(&p, call, err) != 0)
		return -1;
	p.out = reply_begin(&call->reply);
	print_all_left_out(&p);
	return page_items(&p, print_type_row);
}

/* The file of this name was left out: that is why there is no such type. */
static bool
why_left_out(const struct lanes *l, const struct rpc_value *name, struct rpc_error *err)
{
	struct left_out	 row;
	const char	*base;

	for (size_t at = 0; lanes_left_out_next(l, &at, &row); ) {
		base = row.file == NULL ? "" : strrchr(row.file, '/') == NULL ? row.file :
		    strrchr(row.file, '/') + 1;
		if (strncmp(base, name->p, name->len) != 0 || base[name->len] != '.')
			continue;
		rpc_fail(err, RPC_not_found, "there is no type '%.*s': %s:%lld: %s%s%s", (int)name->len,
		    name->p, row.file, (long long)row.line, row.key == NULL ? "" : row.key,
		    row.key == NULL || row.key[0] == '\0' ? "" : ": ",
		    row.message == NULL ? "" : row.message);
		return true;
	}
	return false;
}

/* A pool has types, and is none. */
static bool
is_pool(const struct lanes *l, const struct rpc_value *name, struct rpc_error *err)
{
	struct buf	types = { 0 };
	bool		yes = lanes_pool_types(l, (struct span){ name->p, name->len }, &types);

	if (yes)
		rpc_fail(err, RPC_not_found, "there is no type '%.*s': it is a pool, and its types are %.*s",
		    (int)name->len, name->p, (int)buf_len(&types), buf_data(&types));
	buf_free(&types);
	return yes;
}

/* ---- type.show ---- */

static void
print_defaults(struct buf *out, const struct type_defaults *d)
{
	print_literal(out, "{\"queue\":");
	print_string_or_null(out, d->queue);
	print_next(out, "priority");
	buf_put_i64(out, d->priority);
	print_next(out, "timeout_ms");
	buf_put_i64(out, d->timeout_ms);
	print_next(out, "ttl_ms");
	buf_put_i64(out, d->ttl_ms);
	print_next(out, "on_lost");
	print_string(out, d->on_lost == ON_LOST_FAIL ? "fail" : "requeue");
	buf_putc(out, '}');
}

/* Where it comes from, and what its jobs get. */
static void
print_origin(struct buf *out, const struct broker *b, const struct type *t)
{
	const char	*why = lanes_pool_why(b->lanes, t);

	if (why != NULL) {
		print_next(out, "why");
		buf_put_json(out, why, strlen(why));
	}
	print_next(out, "plugin");
	print_string_or_null(out, t->plugin);
	print_next(out, "file");
	print_string_or_null(out, t->file);
	print_next(out, "role");
	print_string(out, rpc_role_names[t->role > ROLE_submitter ? t->role : ROLE_submitter]);
	print_next(out, "defaults");
	print_defaults(out, &t->defaults);
	print_next(out, "grace_ms");
	buf_put_i64(out, t->grace_ms > 0 ? t->grace_ms : b->config.grace_ms);
}

int
method_type_show(struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*name = call_param(call, PARAM_name);
	const struct type	*t = core_type_find(call->net->broker->core, name->p, name->len);
	struct route		 route;
	struct buf		*out;

	if ((t == NULL || t->unserved) && (why_left_out(call->net->broker->lanes, name, err) ||
	    is_pool(call->net->broker->lanes, name, err)))
		return -1;
	if (t == NULL)
		return rpc_fail(err, RPC_not_found, "there is no type '%.*s'", (int)name->len,
		    name->p);
	route_choose(t, -1, SMALL_ARGS_BYTES, &route);
	out = reply_begin(&call->reply);
	print_type_head(out, call->net->broker->core, t);
	print_origin(out, call->net->broker, t);
	print_next(out, "confinement");
	print_confinement(out, t->spec);
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
