/* watch.c - calls that wait, and what answers them.  Runs in: broker, loop thread. */
#include "daemon/broker/net/watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/net/auth.h"
#include "daemon/broker/net/batch.h"
#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/print_job.h"
#include "daemon/broker/net/recall.h"
#include "daemon/broker/net/room.h"
#include "daemon/broker/net/state.h"
#include "daemon/broker/net/watch_group.h"
#include "lib/alloc.h"
#include "lib/clock.h"

/* ---- the ring of a job ---- */

void
watcher_join(struct watcher *node, struct job *j)
{
	struct job_run	*r = job_run_get(j);

	node->job = j;
	if (r->watchers == NULL) {
		list_init(&node->link);
		r->watchers = &node->link;
	} else {
		list_insert_before(r->watchers, &node->link);
	}
}

void
watcher_leave(struct watcher *node)
{
	struct job	*j = node->job;

	if (j == NULL)
		return;
	if (job_run(j)->watchers == &node->link)
		job_run(j)->watchers = list_linked(&node->link) ? node->link.next : NULL;
	list_remove(&node->link);
	node->job = NULL;
}

/* ---- a watch's life ---- */

/* What a wait of count jobs costs: a batch pays for all its members when its first one waits. */
static uint32_t
cost(const struct batch *batch, uint32_t count)
{
	if (batch == NULL)
		return count;
	return count - 1 + (batch->weight == 0 ? batch->members : 0);
}

int
watch_allowed(const struct call *call, uint32_t count, struct rpc_error *err)
{
	if (call->conn->open_calls + cost(call->reply.batch, count) <= BOUND_OPEN_CALLS)
		return 0;
	return rpc_fail(err, RPC_too_many_calls, "%u calls of this connection wait already, of %d",
	    call->conn->open_calls, BOUND_OPEN_CALLS);
}

static struct watch *
watch_get(struct net *n)
{
	struct list	*node = list_pop(&n->spare_watches);

	if (node == NULL)
		return mem_alloc(sizeof(struct watch));
	n->spare_watch_count--;
	return list_entry(node, struct watch, link);
}

static void
keep_id(struct watch *w, struct span id)
{
	char	*to = w->id_short;

	w->id_len = (uint16_t)id.len;
	w->id_long = NULL;
	if (id.len > sizeof(w->id_short))
		to = w->id_long = mem_alloc(id.len);
	memcpy(to, id.p, id.len);
}

/* A batch counts as long as it is open, whatever happens to the watch that made it count. */
static void
count_open(struct watch *w, uint32_t count)
{
	struct batch	*batch = w->batch;

	w->conn->open_calls += cost(batch, count);
	w->weight = batch == NULL ? count : count - 1;
	if (batch != NULL && batch->weight == 0)
		batch->weight = batch->members;
}

static bool
is_counted(enum watch_kind kind)
{
	return kind != WATCH_CANCEL && kind != WATCH_LOGIN && kind != WATCH_STORED;
}

/* What waits for the disk is not refused beyond some number: the connection is not read. */
static void
count_stores(struct connection *c, int by)
{
	c->open_stores += (uint32_t)by;
	if (c->open_stores >= BOUND_OPEN_STORES)
		c->pause |= PAUSE_STORE;
	else if (c->open_stores <= BOUND_OPEN_STORES / 2)
		connection_resume(c, PAUSE_STORE);
}

struct watch *
watch_new(struct call *call, enum watch_kind kind, uint32_t count)
{
	struct watch	*w = watch_get(call->net);

	memset(w, 0, offsetof(struct watch, id_short));
	w->node.kind = (uint8_t)kind;
	list_init(&w->node.link);
	list_init(&w->stored.link);
	w->conn = call->conn;
	w->silent = call->reply.silent;
	w->method = (uint8_t)call->rpc.method;
	w->number = rpc_methods[call->rpc.method].role >= ROLE_submitter ? call->number : 0;
	w->batch = w->silent ? NULL : call->reply.batch;
	keep_id(w, call->reply.id);
	list_push_back(&w->conn->watches, &w->link);
	if (is_counted(kind))
		count_open(w, count);
	else if (kind == WATCH_STORED)
		count_stores(w->conn, 1);
	else
		w->conn->open_cancels++;
	return w;
}

/* It does not count as an open call any more, and is in no list but its connection's. */
void
watch_become_stored(struct watch *w)
{
	list_remove(&w->node.link);
	heap_remove(&w->conn->net->timers, &w->timer);
	w->conn->open_calls -= w->weight;
	w->node.kind = WATCH_STORED;
	count_stores(w->conn, 1);
}

void
watch_job(struct watch *w, struct job *j)
{
	watcher_join(&w->node, j);
}

void
watch_timeout(struct watch *w, int64_t ms)
{
	struct net	*n = w->conn->net;

	heap_set(&n->timers, &w->timer, clock_after_ms(n->broker->now.mono_ns, ms));
}

/* Out of every list: nothing answers it a second time. */
static void
detach(struct watch *w)
{
	struct connection	*c = w->conn;

	if (w->node.job != NULL)
		watcher_leave(&w->node);
	else
		list_remove(&w->node.link);	/* net->drains, a group's waiters, a line ... */
	heap_remove(&c->net->timers, &w->timer);
	list_remove(&w->link);
	if (is_counted(w->node.kind)) {
		c->open_calls -= w->weight;
	} else if (w->node.kind == WATCH_STORED) {
		ledger_leave(&w->stored);
		count_stores(c, -1);
	} else {
		c->open_cancels--;
	}
	connection_dirty(c);
}

struct reply
watch_take(struct watch *w)
{
	detach(w);
	return (struct reply){
		.conn = w->conn,
		.batch = w->batch,
		.id = { w->id_long != NULL ? w->id_long : w->id_short, w->id_len },
		.silent = w->silent,
		.number = w->number,
		.method = w->method,
	};
}

void
watch_free(struct watch *w)
{
	struct net	*n = w->conn->net;

	free(w->id_long);
	if (w->group != NULL)
		watch_group_free(w->group);
	room_wish_free(w);
	if (w->forget != NULL)
		w->forget(w->what);
	recall_leave(w);
	if (n->spare_watch_count >= NET_SPARE_WATCHES) {
		free(w);
		return;
	}
	n->spare_watch_count++;
	list_push_front(&n->spare_watches, &w->link);
}

void
watch_spare_free(struct net *n)
{
	struct list	*node;

	while ((node = list_pop(&n->spare_watches)) != NULL)
		free(list_entry(node, struct watch, link));
}

/* ---- the client is gone ---- */

static void
cancel_disconnected(struct watch *w)
{
	struct broker	*b = w->conn->net->broker;

	if (!w->cancel_on_disconnect || w->node.job == NULL)
		return;
	w->cancel_on_disconnect = false;
	core_cancel(b->core, b->now, w->node.job);
	w->conn->net->again = true;
}

void
watch_cancel_disconnected(struct connection *c)
{
	list_for(node, &c->watches)
		cancel_disconnected(list_entry(node, struct watch, link));
}

void
watch_drop_all(struct connection *c)
{
	while (!list_empty(&c->watches)) {
		struct watch	*w = list_entry(c->watches.next, struct watch, link);

		cancel_disconnected(w);
		detach(w);
		if (w->batch != NULL)
			batch_skipped(w->batch);
		watch_free(w);
	}
}

/* ---- answers ---- */

static void
answer_outcome(struct watch *w, const struct job *j)
{
	struct reply	r = watch_take(w);
	struct buf	*out = reply_begin(&r);

	if (w->node.kind == WATCH_CANCEL)
		print_id_state(out, j);
	else
		print_outcome(out, j, reply_room(&r));
	if (w->deduplicated)
		print_deduplicated(out);
	reply_end(&r);
	watch_free(w);
}

void
watch_refuse(struct watch *w, const struct rpc_error *err)
{
	struct reply	r = watch_take(w);

	reply_error(&r, err);
	watch_free(w);
}

void
watch_job_finished(struct net *n, struct job *j)
{
	(void)n;
	while (job_run(j)->watchers != NULL) {
		struct watcher	*node = list_entry(job_run(j)->watchers, struct watcher, link);

		if (node->kind == WATCH_GROUP)
			watch_group_finished(node);
		else
			answer_outcome(list_entry(node, struct watch, node), j);
	}
}

/* A job is forgotten long after its watchers were answered; if it is not so, they hear of it. */
void
watch_job_refused(struct job *j, const struct rpc_error *err)
{
	while (job_run(j) != NULL && job_run(j)->watchers != NULL) {
		struct watcher	*node = list_entry(job_run(j)->watchers, struct watcher, link);

		if (node->kind == WATCH_GROUP)
			watch_group_forgotten(node);
		else
			watch_refuse(list_entry(node, struct watch, node), err);
	}
}

void
watch_job_forgotten(struct net *n, struct job *j)
{
	struct rpc_error	err;

	(void)n;
	if (job_run(j) == NULL || job_run(j)->watchers == NULL)
		return;		/* nearly always: nothing is printed for that */
	rpc_fail(&err, RPC_not_found, "job %" PRIu64 " was forgotten", j->id);
	watch_job_refused(j, &err);
}

void
watch_drained(struct net *n)
{
	while (!list_empty(&n->drains)) {
		struct watch	*w = list_entry(n->drains.next, struct watch, node.link);
		struct reply	 r = watch_take(w);
		struct buf	*out = reply_begin(&r);

		print_literal(out, "{\"drained\":true}");
		reply_end(&r);
		watch_free(w);
	}
}

/* ---- time ---- */

static void
time_over(struct watch *w)
{
	struct connection	*c = w->conn;
	struct rpc_error	 err;
	bool			 login = w->node.kind == WATCH_LOGIN;

	if (login)
		rpc_fail(&err, RPC_unauthenticated, "the token is wrong, revoked or expired");
	else if (w->node.kind == WATCH_ROOM)
		room_time_over(w, &err);
	else if (w->node.kind == WATCH_EMPTY)
		rpc_fail(&err, RPC_wait_timeout, "the time to wait is over; the queue is not empty");
	else
		rpc_fail(&err, RPC_wait_timeout, "the time to wait is over; the %s goes on",
		    w->node.kind == WATCH_GROUP_END ? "group" : "job");
	if (w->node.job != NULL)
		snprintf(err.data, sizeof(err.data), "\"id\":%" PRIu64, w->node.job->id);
	watch_refuse(w, &err);
	if (login && !c->dead)
		auth_delay_over(c);
}

int64_t
watch_run(struct net *n, int64_t now_ns)
{
	struct heap_node	*node;

	while ((node = heap_min(&n->timers)) != NULL) {
		if (node->key > now_ns)
			return node->key;
		time_over((struct watch *)(void *)((char *)node - offsetof(struct watch, timer)));
	}
	return INT64_MAX;
}
