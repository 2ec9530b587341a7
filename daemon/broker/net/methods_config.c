/* methods_config.c - server.reload, server.config.  Runs in: broker, loop thread. */
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/watch.h"
#include "daemon/broker/reload.h"

int
method_server_reload(struct call *call, struct rpc_error *err)
{
	struct watch	*w;
	uint64_t	 number;

	if (watch_allowed(call, 1, err) != 0)
		return -1;
	if ((number = reload_ask(call->net->broker)) == 0)
		return rpc_fail(err, RPC_draining, "the supervisor does not listen: jobd ends");
	w = watch_new(call, WATCH_RELOAD, 1);
	w->ticket = number;
	list_push_back(&call->net->reloads, &w->node.link);
	return METHOD_LATER;
}

static void
answer(struct watch *w, struct span result, const struct rpc_error *err)
{
	struct reply	r;

	if (err != NULL) {
		watch_refuse(w, err);
		return;
	}
	r = watch_take(w);
	buf_append(reply_begin(&r), result.p, result.len);
	reply_end(&r);
	watch_free(w);
}

void
net_reloaded(struct net *n, uint64_t asks, struct span result, const struct rpc_error *err)
{
	while (!list_empty(&n->reloads)) {
		struct watch	*w = list_entry(n->reloads.next, struct watch, node.link);

		if (w->ticket > asks)
			return;		/* what was read may be older than its wish */
		answer(w, result, err);
	}
}

int
method_server_config(struct call *call, struct rpc_error *err)
{
	(void)err;
	reload_print(call->net->broker, reply_begin(&call->reply));
	return METHOD_ANSWERED;
}
