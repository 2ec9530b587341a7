/* methods_route.c - type.pin, type.advice: how types are routed.  Runs in: broker, loop thread. */
#include <string.h>

#include "daemon/broker/keep.h"
#include "daemon/broker/net/kept.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"
#include "daemon/broker/net/print_route.h"
#include "daemon/broker/net/watch.h"
#include "daemon/broker/router.h"

/* ---- type.pin ---- */

static int
index_of(const char *const *names, int count, const struct rpc_value *v)
{
	for (int i = 0; i < count; i++)
		if (strlen(names[i]) == v->len && memcmp(names[i], v->p, v->len) == 0)
			return i;
	return -1;
}

/* A lane pins to it; a mode alone says the rest.  0, or -1 with *err. */
static int
read_wish(const struct call *call, int *mode, int *lane, struct rpc_error *err)
{
	const struct rpc_value	*m = call_param(call, PARAM_mode);
	const struct rpc_value	*l = call_param(call, PARAM_lane);

	*lane = l->given ? index_of(lane_names, LANES, l) : -1;
	*mode = m->given ? index_of(route_mode_names, ROUTE_MODES, m) : ROUTE_PIN;
	if (!m->given && !l->given)
		return rpc_fail_member(err, RPC_invalid_params, "lane", 4,
		    "type.pin needs a lane, or a mode: auto, advice, pin");
	if (l->given && *lane < 0)
		return rpc_fail_member(err, RPC_invalid_params, "lane", 4,
		    "lane is one of inline, async, thread, process");
	if (*mode < 0)
		return rpc_fail_member(err, RPC_invalid_params, "mode", 4,
		    "mode is one of auto, advice, pin");
	if (l->given && *mode != ROUTE_PIN)
		return rpc_fail_member(err, RPC_invalid_params, "mode", 4,
		    "a lane goes with the mode pin only");
	return 0;
}

static int
refuse_lane(const struct type *t, int lane, struct rpc_error *err)
{
	char	safe[64] = "";

	for (int i = 0; i < LANES; i++)
		if (route_is_safe(t, (enum lane)i)) {
			strcat(safe, safe[0] == '\0' ? "" : ", ");
			strcat(safe, lane_names[i]);
		}
	return rpc_fail(err, RPC_lane_refused,
	    "lane %s is not safe for type %s, which declares: %s", lane_names[lane], t->name, safe);
}

void
pin_print(const struct net *n, struct span name, struct buf *out)
{
	const struct type	*t = core_type_find(n->broker->core, name.p, name.len);

	print_literal(out, "{\"name\":");
	print_string(out, t->name);
	print_next(out, "lane");
	print_lane_now(out, t);
	print_next(out, "routing");
	print_routing(out, t);
	buf_putc(out, '}');
}

int
method_type_pin(struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*name = call_param(call, PARAM_name);
	struct broker		*b = call->net->broker;
	struct type		*t = core_type_find(b->core, name->p, name->len);
	char			 by[ROUTE_BY];
	int			 mode, lane;

	if (t == NULL)
		return rpc_fail(err, RPC_not_found, "there is no type '%.*s'", (int)name->len,
		    name->p);
	if (read_wish(call, &mode, &lane, err) != 0 || watch_allowed(call, 1, err) != 0)
		return -1;
	snprintf(by, sizeof(by), "%s", auth_principal(call->conn));
	if (router_set(b, t, (enum route_mode)mode, lane, by) != 0)
		return refuse_lane(t, lane, err);
	return kept_answer(call, keep_pin(b, t), (struct span){ t->name, strlen(t->name) },
	    pin_print);
}

/* ---- type.advice ---- */

static bool
print_advice(const struct net *n, size_t *at, struct buf *out)
{
	const struct type	*t = core_type_next(n->broker->core, at);
	struct route_advice	 a;

	if (t == NULL)
		return false;
	route_advise(t, &a);
	print_literal(out, "{\"name\":");
	print_string(out, t->name);
	print_next(out, "mode");
	print_mode(out, t);
	print_next(out, "traits");
	print_traits(out, t->traits);
	print_next(out, "lanes");
	print_lanes(out, t->lanes);
	print_next(out, "measured");
	print_measured(out, t);
	print_next(out, "lane");
	print_string(out, lane_names[a.lane]);
	print_next(out, "would_run_in");
	print_string(out, lane_names[a.would]);
	print_next(out, "reason");
	print_string(out, a.reason);
	print_next(out, "change");
	print_string_or_null(out, a.change[0] == '\0' ? NULL : a.change);
	buf_putc(out, '}');
	return true;
}

int
method_type_advice(struct call *call, struct rpc_error *err)
{
	return page_walk(call, print_advice, err);
}
