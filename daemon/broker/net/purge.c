/* purge.c - queue.purge, step by step.  Runs in: broker, loop thread.
 *
 * Jobs are looked for by their ids, up to the newest one at the time of the call: what is submitted
 * meanwhile stays, and a purge ends however fast others submit.
 */
#include "daemon/broker/net/purge.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/print_job.h"
#include "daemon/broker/net/state.h"
#include "daemon/broker/net/stored.h"
#include "lib/alloc.h"

struct purge {
	struct list	 link;		/* net->purges */
	struct list	 calls;		/* watch->node.link: who asked, unless it is gone */
	uint64_t	 last, at, purged;
	size_t		 name_len;
	char		 name[];
};

void
purge_begin(struct call *call, struct span queue)
{
	struct purge	*p = mem_zalloc(1, sizeof(*p) + queue.len);
	struct watch	*w = watch_new(call, WATCH_PURGE, 1);

	list_init(&p->calls);
	list_push_back(&p->calls, &w->node.link);
	p->last = core_newest_id(call->net->broker->core);
	p->name_len = queue.len;
	memcpy(p->name, queue.p, queue.len);
	list_push_back(&call->net->purges, &p->link);
	call->net->again = true;
}

/* The number is where the watch keeps a job's. */
static void
answer_purged(struct watch *w, enum store_result r)
{
	uint64_t	 purged = w->job_id;
	struct reply	 reply = watch_take(w);
	struct buf	*out = reply_begin(&reply);

	(void)r;	/* an end is written down, sooner or later */
	print_literal(out, "{\"purged\":");
	buf_put_u64(out, purged);
	buf_putc(out, '}');
	reply_end(&reply);
	watch_free(w);
}

/* All that waited is on its way to its end. */
static void
done(struct purge *p)
{
	while (!list_empty(&p->calls))
		stored_from(list_entry(p->calls.next, struct watch, node.link), p->purged,
		    answer_purged);
	list_remove(&p->link);
	free(p);
}

void
purge_run(struct net *n)
{
	list_for_safe(node, after, &n->purges) {
		struct purge	*p = list_entry(node, struct purge, link);

		n->again = true;	/* to go on, or to tell whom it concerns */
		if (!core_queue_purge(n->broker->core, n->broker->now,
		    (struct span){ p->name, p->name_len }, p->last, &p->at, &p->purged))
			done(p);
	}
}

void
purge_free(struct net *n)
{
	while (!list_empty(&n->purges)) {
		struct purge	*p = list_entry(n->purges.next, struct purge, link);

		list_remove(&p->link);
		free(p);
	}
}
