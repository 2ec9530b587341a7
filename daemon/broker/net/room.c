/* room.c - calls that wait for a queue to have room, or to be empty.  Runs in: broker, loop thread. */
#include "daemon/broker/net/room.h"

#include "daemon/broker/net/stored.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/duplicate.h"
#include "daemon/broker/net/print_job.h"
#include "daemon/broker/net/refer.h"
#include "daemon/broker/net/state.h"
#include "daemon/broker/net/watch.h"
#include "daemon/broker/unique_key.h"
#include "lib/alloc.h"
#include "lib/clock.h"

#define SERVED_AT_ONCE	1000	/* submits let in in one turn, so that no other waits long */

/* Who waits for one queue. */
struct line {
	struct list	 link;		/* net->lines */
	struct queue	*queue;		/* core's; watched as long as this lives */
	struct list	 rooms;		/* watch->node.link, in order of asking */
	struct list	 empties;
	bool		 changed;	/* something became less since they were served */
};

/* A job to submit, and what becomes of its call. */
struct room_wish {
	struct jobspec	*spec;
	size_t		 bytes;
	int64_t		 until_ns;	/* of job.call: when its own wait is over; INT64_MAX */
	bool		 call;		/* answered with the outcome */
	bool		 cancel_on_disconnect;
};

/* ---- lines ---- */

static struct line *
line_find(const struct net *n, struct span queue)
{
	list_for(node, &n->lines) {
		struct line	*l = list_entry(node, struct line, link);
		struct span	 name = core_queue_name(l->queue);

		if (name.len == queue.len && memcmp(name.p, queue.p, queue.len) == 0)
			return l;
	}
	return NULL;
}

static struct line *
line_get(struct net *n, struct span queue)
{
	struct line	*l = line_find(n, queue);

	if (l != NULL)
		return l;
	l = mem_zalloc(1, sizeof(*l));
	l->queue = core_queue_watch(n->broker->core, queue);
	list_init(&l->rooms);
	list_init(&l->empties);
	list_push_back(&n->lines, &l->link);
	return l;
}

static void
line_free(struct net *n, struct line *l)
{
	list_remove(&l->link);
	core_queue_unwatch(n->broker->core, l->queue);
	free(l);
}

bool
room_has_line(const struct net *n, struct span queue)
{
	const struct line	*l = line_find(n, queue);

	return l != NULL && !list_empty(&l->rooms);
}

void
room_queue_less(struct net *n, const struct queue *q)
{
	list_for(node, &n->lines) {
		struct line	*l = list_entry(node, struct line, link);

		if (l->queue == q)
			l->changed = true;
	}
}

void
room_free(struct net *n)
{
	while (!list_empty(&n->lines))
		line_free(n, list_entry(n->lines.next, struct line, link));
}

/* ---- asking for room ---- */

static bool
may_wait(const struct call *call, size_t bytes)
{
	const struct net	*n = call->net;

	return call->conn->room_waits < BOUND_ROOM_WAITS && n->room_waits < BOUND_ROOM_WAITS_ALL &&
	    n->room_bytes + bytes <= BOUND_ROOM_BYTES;
}

static struct room_wish *
wish_new(struct call *call, struct jobspec *spec, size_t bytes)
{
	struct room_wish	*wish = mem_zalloc(1, sizeof(*wish));
	int64_t			 wait_ms = call_int(call, PARAM_wait_ms, -1);

	wish->spec = spec;
	wish->bytes = bytes;
	wish->call = call->rpc.method == METHOD_job_call;
	wish->cancel_on_disconnect = call_int(call, PARAM_cancel_on_disconnect, 0) != 0;
	wish->until_ns = wait_ms < 0 ? INT64_MAX :
	    clock_after_ms(call->net->broker->now.mono_ns, wait_ms);
	call->conn->room_waits++;
	call->net->room_waits++;
	call->net->room_bytes += bytes;
	return wish;
}

void
room_wish_free(struct watch *w)
{
	struct net	*n = w->conn->net;

	if (w->wish == NULL)
		return;
	w->conn->room_waits--;
	n->room_waits--;
	n->room_bytes -= w->wish->bytes;
	free(w->wish->spec);
	free(w->wish);
	w->wish = NULL;
}

int
room_wait(struct call *call, const struct jobspec *spec, int64_t wait_ms, struct rpc_error *err)
{
	struct jobspec	*copy;
	struct watch	*w;
	size_t		 bytes;

	if (!may_wait(call, sizeof(*spec) + spec->args.len + spec->labels.len))
		return -1;
	if (watch_allowed(call, 1, err) != 0)
		return -1;
	copy = jobspec_copy(spec, &bytes);
	w = watch_new(call, WATCH_ROOM, 1);
	w->wish = wish_new(call, copy, bytes);
	list_push_back(&line_get(call->net, spec->queue)->rooms, &w->node.link);
	watch_timeout(w, wait_ms);
	core_want_room(call->net->broker->core);
	return METHOD_LATER;
}

/* As a submit at this moment would be answered: with queue_full and the numbers of now. */
void
room_time_over(struct watch *w, struct rpc_error *err)
{
	const struct room_view	room = core_room(w->conn->net->broker->core, w->wish->spec->queue,
	    core_spec_bytes(w->wish->spec));

	broker_refuse_room(w->wish->spec, &room, err);
}

void
room_wait_empty(struct call *call, struct span queue, int64_t wait_ms)
{
	struct watch	*w = watch_new(call, WATCH_EMPTY, 1);

	list_push_back(&line_get(call->net, queue)->empties, &w->node.link);
	if (wait_ms >= 0)
		watch_timeout(w, wait_ms);
}

/* ---- room ---- */

static void
answer_submit(struct watch *w, const struct job *j)
{
	struct reply	 r = watch_take(w);
	struct buf	*out = reply_begin(&r);

	if (w->wish->call)
		print_outcome(out, j, reply_room(&r));
	else
		print_id_state(out, j);
	reply_end(&r);
	watch_free(w);
}

/* From now on it is a job.call that found room at once. */
static void
go_on(struct watch *w, struct job *j)
{
	struct net	*n = w->conn->net;
	int64_t		 until_ns = w->wish->until_ns;

	list_remove(&w->node.link);
	heap_remove(&n->timers, &w->timer);
	w->node.kind = WATCH_CALL;
	w->cancel_on_disconnect = w->wish->cancel_on_disconnect;
	room_wish_free(w);
	watch_job(w, j);
	if (until_ns != INT64_MAX)
		heap_set(&n->timers, &w->timer, until_ns);
}

/* It is in, as this job. */
static void
let_in(struct watch *w, struct job *j)
{
	if (!w->wish->call && j->unstored)
		stored_from(w, j->id, stored_answer_id_state);
	else if (!w->wish->call || job_state_finished(j->state))
		answer_submit(w, j);
	else
		go_on(w, j);
}

/* It is another that came in before, by its unique key. */
static void
let_in_duplicate(struct watch *w, const struct unique *held)
{
	struct job	*j = held->job;

	w->deduplicated = true;
	if (!w->wish->call && j != NULL && j->unstored) {
		stored_from(w, j->id, stored_answer_id_state);
		return;
	}
	if (!w->wish->call || j == NULL || job_state_finished(j->state)) {
		duplicate_let_in(w, held, w->wish->call);
		return;
	}
	w->wish->cancel_on_disconnect = false;
	go_on(w, j);
}

/* As broker_submit, and 1 when it was answered as a duplicate. */
static int
submit(struct net *n, struct watch *w, struct job **out, struct rpc_error *err)
{
	const struct unique	*held;
	int			 rc = refer_key_allowed(w->conn, w->wish->spec->unique_key, err);

	if (rc == 0)
		rc = unique_key_find(n->broker, w->wish->spec, &held, err);
	if (rc == 0 && quota_allows_spec(w->conn, w->wish->spec, err) != 0)
		return -1;
	if (rc == 0)
		return broker_submit(n->broker, w->wish->spec, connection_submitter(w->conn), out, err);
	if (rc > 0)
		let_in_duplicate(w, held);
	return rc;
}

/* Lets in whom there is room for; false: so many that the rest waits for the next turn. */
static bool
serve_rooms(struct net *n, struct line *l, unsigned *left)
{
	while (!list_empty(&l->rooms)) {
		struct watch		*w = list_entry(l->rooms.next, struct watch, node.link);
		struct rpc_error	 err;
		struct job		*j;
		int			 rc;

		if ((*left)-- == 0)
			return false;
		if ((rc = submit(n, w, &j, &err)) == 0)
			let_in(w, j);
		if (rc >= 0) {
			n->again = true;
		} else if (err.kind == RPC_queue_full) {
			core_want_room(n->broker->core);
			return true;
		} else {
			watch_refuse(w, &err);
		}
	}
	return true;
}

static void
serve_empties(struct net *n, struct line *l)
{
	if (!core_queue_empty(n->broker->core, core_queue_name(l->queue)))
		return;
	while (!list_empty(&l->empties)) {
		struct watch	*w = list_entry(l->empties.next, struct watch, node.link);
		struct reply	 r = watch_take(w);

		print_literal(reply_begin(&r), "{\"empty\":true}");
		reply_end(&r);
		watch_free(w);
	}
}

static bool
line_is_left(const struct line *l)
{
	return list_empty(&l->rooms) && list_empty(&l->empties);
}

void
room_run(struct net *n)
{
	unsigned	left = SERVED_AT_ONCE;

	list_for_safe(node, after, &n->lines) {
		struct line	*l = list_entry(node, struct line, link);

		if (l->changed) {
			serve_empties(n, l);
			l->changed = !serve_rooms(n, l, &left);
			n->again |= l->changed;
		}
		if (line_is_left(l))
			line_free(n, l);
		if (left == 0)
			break;
	}
}
