/* kept.c - changes of settings that are answered when they are on disk.
 * Runs in: broker, loop thread. */
#include "daemon/broker/net/kept.h"

#include "daemon/broker/ledger.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/watch.h"

int
kept_answer(struct call *call, struct list *waiters, struct span name, kept_print *print)
{
	if (waiters == NULL) {
		print(call->net, name, reply_begin(&call->reply));
		return METHOD_ANSWERED;
	}
	list_push_back(waiters, &watch_new(call, WATCH_KEPT, 1)->node.link);
	return METHOD_LATER;
}

void
net_kept(struct net *n, struct list *waiters, bool queue, struct span name, enum store_result result)
{
	kept_print		*print = queue ? queue_print : pin_print;
	struct rpc_error	 err;

	while (!list_empty(waiters)) {
		struct watch	*w = list_entry(waiters->next, struct watch, node.link);
		struct reply	 r;

		if (result != STORE_OK) {
			ledger_error(result, &err);
			watch_refuse(w, &err);
			continue;
		}
		r = watch_take(w);
		print(n, name, reply_begin(&r));
		reply_end(&r);
		watch_free(w);
	}
}
