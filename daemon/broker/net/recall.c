/* recall.c - calls that ask the store first.  Runs in: broker, loop thread. */
#include "daemon/broker/net/recall.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/dispatch.h"
#include "daemon/broker/net/state.h"
#include "daemon/broker/recover.h"
#include "daemon/broker/store/store.h"
#include "lib/alloc.h"

/* What one call may have put into core: a wait on thousands of jobs with long results. */
#define ROWS_BYTES	(64 << 20)
#define ROUNDS		16	/* a call asks so often at most */

/* ---- parking ---- */

bool
recall_allowed(const struct call *call)
{
	return call->recall == NULL && store_durable(call->net->broker->store);
}

static int
by_id(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool
was_asked(const struct recall *r, uint64_t id)
{
	return r->ask.q.ids_len > 0 &&
	    bsearch(&id, r->ids, r->ask.q.ids_len, sizeof(id), by_id) != NULL;
}

static bool
was_live(const struct recall *r, uint64_t id)
{
	for (uint32_t i = 0; i < r->ask.q.rows_len; i++)
		if (r->ask.q.rows[i].id == id)
			return r->ask.q.rows[i].live;
	return false;
}

/*
 * A job may leave core while the call waits for others: one that was there when these were asked
 * for, or was live then and has ended since.
 */
bool
recall_may_know(const struct call *call, uint64_t id)
{
	const struct recall	*r = call->recall;

	if (r == NULL || !store_durable(call->net->broker->store))
		return recall_allowed(call);
	return r->round < ROUNDS && (!was_asked(r, id) || was_live(r, id));
}

void
recall_free(struct recall *r)
{
	if (r == NULL)
		return;
	store_query_fini(&r->ask.q);
	job_filter_fini(&r->filter);
	free(r->labels);
	buf_free(&r->rows.text);
	free(r->rows.rows);
	free(r->ids);
	free(r->path);
	free(r->line);
	free(r);
}

static int
too_many(const struct call *call, struct rpc_error *err)
{
	return rpc_fail(err, RPC_too_many_calls,
	    "calls that wait for the store hold %zu bytes already, of %d", call->net->recall_bytes,
	    BOUND_RECALL_BYTES);
}

static size_t
bytes_of(const struct recall *r, const struct call *call)
{
	return sizeof(*r) + call->line.len + r->ask.q.ids_len * sizeof(r->ids[0]) +
	    buf_len(&r->rows.text) + r->rows.cap * sizeof(r->rows.rows[0]);
}

static void on_answer(struct broker *b, struct ledger_query *q);

static void
on_drop(struct ledger_query *q)
{
	recall_free((struct recall *)(void *)q);
}

int
recall_ask(struct call *call, struct recall *r, struct rpc_error *err)
{
	struct net	*n = call->net;
	int		 rc = 0;

	r->held = bytes_of(r, call);
	if (n->recall_bytes + r->held > BOUND_RECALL_BYTES)
		rc = too_many(call, err);
	if (rc != 0 || (rc = watch_allowed(call, 1, err)) != 0) {
		recall_free(r);
		return rc;
	}
	n->recall_bytes += r->held;
	r->number = ++n->last_recall;
	r->line_len = call->line.len;
	r->line = mem_dup(call->line.p, call->line.len);
	r->watch = watch_new(call, WATCH_RECALL, 1);
	r->watch->number = 0;		/* it is served again */
	call->parked = true;
	r->watch->recall = r;
	list_push_back(&n->recalls, &r->link);
	r->ask.done = on_answer;
	r->ask.drop = on_drop;
	r->ask.ctx = n;
	ledger_ask(n->broker, &r->ask);
	return METHOD_LATER;
}

/* Each id once. */
static uint32_t
sort_ids(uint64_t *ids, uint32_t count)
{
	uint32_t	len = 0;

	qsort(ids, count, sizeof(ids[0]), by_id);
	for (uint32_t i = 0; i < count; i++)
		if (len == 0 || ids[len - 1] != ids[i])
			ids[len++] = ids[i];
	return len;
}

int
recall_jobs(struct call *call, const uint64_t *ids, uint32_t count, struct rpc_error *err)
{
	const struct recall	*before = call->recall;
	struct recall		*r = mem_zalloc(1, sizeof(*r));
	uint32_t		 asked = before == NULL ? 0 : before->ask.q.ids_len;

	r->ids = mem_zalloc(count + asked, sizeof(ids[0]));
	memcpy(r->ids, ids, count * sizeof(ids[0]));
	if (asked > 0)
		memcpy(r->ids + count, before->ids, asked * sizeof(ids[0]));
	r->round = before == NULL ? 0 : before->round + 1;
	r->ask.q.what = STORE_GET;
	r->ask.q.ids = r->ids;
	r->ask.q.ids_len = sort_ids(r->ids, count + asked);
	r->ask.q.bytes = ROWS_BYTES;
	return recall_ask(call, r, err);
}

void
recall_leave(struct watch *w)
{
	if (w->recall != NULL)
		w->recall->watch = NULL;
	w->recall = NULL;
}

/* ---- the answer ---- */

static void
restore_rows(struct net *n, const struct store_query *q)
{
	struct broker	*b = n->broker;

	for (uint32_t i = 0; i < q->rows_len; i++) {
		const struct store_row	*row = &q->rows[i];

		if (row->live || core_find(b->core, row->id) != NULL ||
		    recall_is_forgotten(n, row->id))
			continue;
		recover_job(b, row);
	}
}

static int
check_answer(const struct store_query *q, struct rpc_error *err)
{
	if (q->result != STORE_OK && q->what != STORE_BACKUP)	/* that says it in its own way */
		return rpc_fail(err, RPC_internal, "%s", q->why);
	if (q->what == STORE_GET && q->next != 0)
		return rpc_fail(err, RPC_reply_too_long, "what is remembered of these %u jobs is "
		    "above %d bytes: ask for fewer at once", q->ids_len, ROWS_BYTES);
	return 0;
}

/* Its place among the calls that wait is free; the method may take one again. */
static void
serve_again(struct recall *r)
{
	struct watch	*w = r->watch;
	struct reply	 reply;

	recall_leave(w);
	reply = watch_take(w);
	watch_free(w);
	dispatch_again(reply.conn, reply.batch, r->line, r->line_len, r);
}

static void drop_marks(struct net *n);

static void
on_answer(struct broker *b, struct ledger_query *lq)
{
	struct recall		*r = (struct recall *)(void *)lq;
	struct net		*n = lq->ctx;
	struct rpc_error	 err;

	(void)b;
	list_remove(&r->link);
	n->recall_bytes -= r->held;
	if (r->watch == NULL) {
		/* nobody asks any more */
	} else if (check_answer(&r->ask.q, &err) != 0) {
		watch_refuse(r->watch, &err);
	} else {
		if (r->ask.q.what == STORE_GET)
			restore_rows(n, &r->ask.q);
		serve_again(r);
	}
	recall_free(r);
	drop_marks(n);
}

/* ---- what is being forgotten ---- */

/*
 * A question that was asked before a job was forgotten may be answered as if it were not.  So the
 * id is kept until all those have been.
 */
struct recall_mark {
	struct ledger_wait wait;
	struct list	 link;		/* net->marks, once it is on disk */
	struct net	*net;
	uint64_t	 id;
	uint64_t	 until;		/* the last question that may not know of it */
};

static void
on_forgotten(struct broker *b, struct ledger_wait *w, enum store_result r)
{
	struct recall_mark	*mark = (struct recall_mark *)(void *)w;

	(void)b;
	(void)r;
	mark->until = mark->net->last_recall;
	list_push_back(&mark->net->marks, &mark->link);
	drop_marks(mark->net);
}

void
recall_forget(struct net *n, uint64_t id)
{
	struct recall_mark	*mark;

	if (recall_is_forgotten(n, id))
		return;
	mark = mem_zalloc(1, sizeof(*mark));
	mark->id = id;
	mark->net = n;
	list_init(&mark->link);
	mark->wait.done = on_forgotten;
	idmap_put(&n->forgetting, id, mark);
	ledger_forget(n->broker, id, &mark->wait);
}

bool
recall_is_forgotten(const struct net *n, uint64_t id)
{
	return idmap_get(&n->forgetting, id) != NULL;
}

static void
mark_free(struct net *n, struct recall_mark *mark)
{
	if (idmap_get(&n->forgetting, mark->id) == mark)
		idmap_del(&n->forgetting, mark->id);
	list_remove(&mark->link);
	free(mark);
}

static uint64_t
oldest_asked(const struct net *n)
{
	return list_empty(&n->recalls) ? UINT64_MAX :
	    list_entry(n->recalls.next, struct recall, link)->number;
}

static void
drop_marks(struct net *n)
{
	uint64_t	oldest = oldest_asked(n);

	while (!list_empty(&n->marks)) {
		struct recall_mark	*m = list_entry(n->marks.next, struct recall_mark, link);

		if (m->until >= oldest)
			break;
		mark_free(n, m);
	}
}

/* Questions go on without us, until the ledger drops them. */
void
recall_close(struct net *n)
{
	size_t	 at = 0;
	void	*mark;

	while ((mark = idmap_next(&n->forgetting, &at)) != NULL) {
		ledger_leave(&((struct recall_mark *)mark)->wait);
		free(mark);
	}
	idmap_free(&n->forgetting);
}
