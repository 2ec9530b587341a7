/* ledger.c - between core and the store.  Runs in: broker, loop thread.
 *
 * Operations name jobs by id: a job that is refused is gone before what was put behind it comes back.
 */
#include "daemon/broker/ledger.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/logs/logs.h"
#include "daemon/broker/net/net.h"
#include "daemon/broker/store/record.h"
#include "daemon/broker/store/running.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"

/* Above this, what is durable does not start: its outcomes would wait in memory. */
#define BACKLOG_OPS	100000
#define BACKLOG_BYTES	((uint64_t)64 << 20)
#define KEPT_TEXT	((size_t)64 << 10)	/* of the buffer that operations are printed in */

struct ledger {
	struct event	*event;
	struct buf	 text;		/* of the operation that is being made */
	struct list	 pending;	/* operations at the store, oldest first */
	struct list	 asked;		/* questions there */
	bool		 backlog;	/* durable jobs are held for it */
};

struct ledger_op {
	struct store_op	 op;
	struct list	 link;		/* in ledger->pending */
	struct list	 waits;
	uint8_t		 record;	/* enum record; RECORD_NONE: ADD, or of no job */
	char		 text[];
};

/* ---- operations ---- */

/* Text of an operation: an offset while it is printed, a place when it is made. */
static struct span
mark_text(const struct ledger *l, size_t from)
{
	return (struct span){ (const char *)from, buf_len(&l->text) - from };
}

static void
place_text(struct span *s, const char *base)
{
	s->p = s->len == 0 ? "" : base + (size_t)s->p;
}

static struct span
put_text(struct ledger *l, const char *p, size_t len)
{
	size_t	from = buf_len(&l->text);

	buf_append(&l->text, p, len);
	return mark_text(l, from);
}

static struct span
put_word(struct ledger *l, const char *word)
{
	return put_text(l, word, strlen(word));
}

static struct span *
texts_of(struct store_op *op, size_t i)
{
	struct span	*const all[] = {
		&op->spec, &op->args, &op->labels, &op->past, &op->log, &op->unique_key, &op->unique_print, &op->kind, &op->name,
		&op->text, &op->end.type, &op->end.queue, &op->end.tenant, &op->end.principal,
		&op->end.text, &op->end.failure,
	};

	return i < sizeof(all) / sizeof(all[0]) ? all[i] : NULL;
}

/* Hands over an operation whose texts were printed into l->text. */
static void
hand_over(struct broker *b, const struct store_op *op, enum record what, struct ledger_wait *w)
{
	struct ledger		*l = b->ledger;
	size_t			 len = buf_len(&l->text);
	struct ledger_op	*o = mem_alloc(sizeof(*o) + len);
	struct span		*text;

	o->op = *op;
	o->record = (uint8_t)what;
	if (len > 0)
		memcpy(o->text, buf_data(&l->text), len);
	for (size_t i = 0; (text = texts_of(&o->op, i)) != NULL; i++)
		place_text(text, o->text);
	list_init(&o->waits);
	if (w != NULL)
		list_push_back(&o->waits, &w->link);
	list_push_back(&l->pending, &o->link);
	buf_consume(&l->text, len);
	if (l->text.cap > KEPT_TEXT)
		buf_free(&l->text);
	store_put(b->store, &o->op);
}

/* What the store is told of the key that the job holds. */
static void
put_unique(struct broker *b, const struct job *j, struct store_op *op)
{
	const struct unique	*u = job_unique(j);
	size_t			 from;

	if (u == NULL || !u->held)
		return;
	op->unique_key = put_text(b->ledger, u->key, u->key_len);
	op->unique_over = true;
	if (u->until_ns == 0)
		return;
	op->unique_until_ms = b->now.real_ms + (u->until_ns - b->now.mono_ns) / NS_PER_MS;
	from = buf_len(&b->ledger->text);
	record_print_unique(&b->ledger->text, &u->print);
	op->unique_print = mark_text(b->ledger, from);
}

void
ledger_add(struct broker *b, const struct job *j, const struct jobspec *spec)
{
	const struct membership	*m = core_membership(j);
	struct ledger		*l = b->ledger;
	struct store_op		 op = { .verb = STORE_ADD, .id = j->id };

	op.must = m != NULL && m->reduces;	/* its group was accepted with it */

	record_print_spec(&l->text, b->now, j, spec);
	op.spec = mark_text(l, 0);
	op.args = put_text(l, spec->args.p, spec->args.len);
	op.labels = put_text(l, spec->labels.p, spec->labels.len);
	put_unique(b, j, &op);
	hand_over(b, &op, RECORD_NONE, NULL);
}

static struct store_end
print_end(struct broker *b, const struct job *j)
{
	struct ledger		*l = b->ledger;
	const struct job_run	*run = job_run(j);
	const struct membership	*m = core_membership(j);
	struct store_end	 end = { .state = run->end_state, .created_ms = job_created_ms(j),
					 .ended_ms = run->end_ms, .keep_ms = job_keep_ms(j) };
	size_t			 from;

	end.blocks = core_will_block(j);
	end.type = put_word(l, job_type(j)->name);
	end.queue = put_word(l, core_job_queue(j));
	end.tenant = put_word(l, core_job_tenant(j));
	end.principal = put_word(l, j->by->principal);
	end.group = m == NULL || m->reduces ? 0 : m->group->number;
	end.index = m == NULL ? 0 : m->index;
	if (run->end_state == JOB_succeeded || run->end_state == JOB_failed)
		end.text = put_text(l, run->outcome.text, run->outcome.len);
	else
		end.text = put_word(l, job_reason_texts[run->end_reason]);
	if (run->end_state == JOB_failed) {
		from = buf_len(&l->text);
		record_print_failure(&l->text, j);
		end.failure = mark_text(l, from);
	}
	return end;
}

void
ledger_record(struct broker *b, struct job *j, enum record what)
{
	static const uint8_t	verbs[] = {
		[RECORD_CHANGE] = STORE_CHANGE, [RECORD_BEGIN] = STORE_CHANGE,
		[RECORD_AGAIN] = STORE_AGAIN, [RECORD_END] = STORE_END,
	};
	struct ledger		*l = b->ledger;
	struct store_op		 op = { .verb = verbs[what], .id = j->id };
	size_t			 from;

	record_print_past(&l->text, b->core, b->now, j);
	op.past = mark_text(l, 0);
	if (what != RECORD_AGAIN) {
		from = buf_len(&l->text);
		logs_print(b, j->id, &l->text);
		op.log = mark_text(l, from);
	}
	if (what == RECORD_END)
		op.end = print_end(b, j);
	if (what == RECORD_END || what == RECORD_AGAIN)
		put_unique(b, j, &op);
	hand_over(b, &op, what, NULL);
}

static void
put_item(struct broker *b, bool must, const char *kind, struct span name, struct span text,
    struct ledger_wait *w)
{
	struct ledger	*l = b->ledger;
	struct store_op	 op = { .verb = STORE_PUT, .must = must };

	op.kind = put_word(l, kind);
	op.name = put_text(l, name.p, name.len);
	op.text = put_text(l, text.p, text.len);
	hand_over(b, &op, RECORD_NONE, w);
}

void
ledger_put(struct broker *b, const char *kind, struct span name, struct span text,
    struct ledger_wait *w)
{
	put_item(b, false, kind, name, text, w);
}

void
ledger_put_must(struct broker *b, const char *kind, struct span name, struct span text,
    struct ledger_wait *w)
{
	put_item(b, true, kind, name, text, w);
}

void
ledger_delete(struct broker *b, const char *kind, struct span name, struct ledger_wait *w)
{
	struct ledger	*l = b->ledger;
	struct store_op	 op = { .verb = STORE_DELETE };

	op.kind = put_word(l, kind);
	op.name = put_text(l, name.p, name.len);
	hand_over(b, &op, RECORD_NONE, w);
}

void
ledger_forget(struct broker *b, uint64_t id, struct ledger_wait *w)
{
	hand_over(b, &(struct store_op){ .verb = STORE_FORGET, .id = id }, RECORD_NONE, w);
}

void
ledger_drop_group(struct broker *b, uint64_t number)
{
	hand_over(b, &(struct store_op){ .verb = STORE_DROP, .id = number }, RECORD_NONE, NULL);
}

/* ---- waiting ---- */

/* What core has to write down at this moment. */
static void
record_all(struct broker *b)
{
	struct effect	e;

	while (core_next_record(b->core, &e))
		ledger_record(b, e.job, e.record);
}

bool
ledger_wait_last(struct broker *b, struct ledger_wait *w)
{
	struct ledger	*l = b->ledger;

	if (list_empty(&l->pending))
		return false;
	list_push_back(&list_entry(l->pending.prev, struct ledger_op, link)->waits, &w->link);
	return true;
}

bool
ledger_wait(struct broker *b, struct ledger_wait *w)
{
	record_all(b);
	return ledger_wait_last(b, w);
}

void
ledger_leave(struct ledger_wait *w)
{
	list_remove(&w->link);
}

/* ---- errors ---- */

int
ledger_error(enum store_result r, struct rpc_error *err)
{
	if (r == STORE_FULL)
		return rpc_fail(err, RPC_store_full, "the disk of the state directory is full: nothing "
		    "durable is taken until there is room");
	return rpc_fail(err, RPC_store_unavailable, "the store did not take it: %s",
	    store_result_names[r]);
}

int
ledger_refuses(const struct broker *b, struct rpc_error *err)
{
	return store_load(b->store).full ? ledger_error(STORE_FULL, err) : 0;
}

/* ---- news ---- */

/* Two owners would have to have recorded an end each: what is on disk is the truth. */
static void
check_applied(const struct ledger_op *o)
{
	if (o->op.result == STORE_OK)
		return;
	log_fatal("the store refused what is known here job=%llu verb=%d result=%s",
	    (unsigned long long)o->op.id, o->op.verb, store_result_names[o->op.result]);
}

static void
refused(struct broker *b, struct job *j, enum store_result r)
{
	struct rpc_error	err;

	ledger_error(r, &err);
	net_job_refused(b->net, j, &err);
	logs_job_forgotten(b, j);
	core_unstored(b->core, b->now, j);
}

static void
job_done(struct broker *b, const struct ledger_op *o)
{
	struct job	*j = core_find(b->core, o->op.id);

	if (j == NULL)
		return;
	if (o->op.verb == STORE_ADD || o->op.verb == STORE_AGAIN) {
		if (o->op.result == STORE_OK)
			core_stored(b->core, b->now, j);
		else
			refused(b, j, o->op.result);
	} else {
		check_applied(o);
		if (job_attempt(j) == NULL)
			running_clear(b->running, j->id);
		core_recorded(b->core, b->now, j, o->record);
	}
}

static bool
is_of_job(const struct ledger_op *o)
{
	return o->op.verb == STORE_ADD || o->record != RECORD_NONE;
}

/* Who waits hears of it when core knows; what was refused is told while it is still there. */
static void
done(struct broker *b, struct ledger_op *o)
{
	struct list	*node;

	list_remove(&o->link);
	if (is_of_job(o) && o->op.result == STORE_OK)
		job_done(b, o);
	while ((node = list_pop(&o->waits)) != NULL) {
		struct ledger_wait	*w = list_entry(node, struct ledger_wait, link);

		w->done(b, w, o->op.result);
	}
	if (is_of_job(o) && o->op.result != STORE_OK)
		job_done(b, o);
	free(o);
}

/* Outcomes that wait for the disk are in memory: no more of them than that. */
static void
watch_backlog(struct broker *b)
{
	struct store_load	load = store_load(b->store);
	bool			much = load.ops > BACKLOG_OPS || load.bytes > BACKLOG_BYTES;
	bool			little = load.ops < BACKLOG_OPS / 2 && load.bytes < BACKLOG_BYTES / 2;

	if (b->ledger->backlog ? !little : !much)
		return;
	b->ledger->backlog = much;
	broker_refresh_hold(b);
	log_info("%s", much ? "durable jobs wait for the disk" : "durable jobs go on");
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	struct broker		*b = arg;
	struct store_op		*op;
	struct store_query	*q;

	(void)fd;
	(void)what;
	broker_clocks(b);
	while ((op = store_done(b->store)) != NULL)
		done(b, list_entry(op, struct ledger_op, op));
	while ((q = store_answered(b->store)) != NULL) {
		struct ledger_query	*lq = list_entry(q, struct ledger_query, q);

		list_remove(&lq->link);
		lq->done(b, lq);
	}
}

void
ledger_ask(struct broker *b, struct ledger_query *q)
{
	list_push_back(&b->ledger->asked, &q->link);
	store_ask(b->store, &q->q);
}

bool
ledger_behind(const struct broker *b)
{
	return b->ledger->backlog;
}

void
ledger_publish(struct broker *b)
{
	store_publish(b->store);
	watch_backlog(b);
}

/* ---- life ---- */

void
ledger_open(struct broker *b)
{
	b->ledger = mem_zalloc(1, sizeof(*b->ledger));
	list_init(&b->ledger->pending);
	list_init(&b->ledger->asked);
}

void
ledger_serve(struct broker *b)
{
	b->ledger->event = event_new(b->base, store_fd(b->store), EV_READ | EV_PERSIST, on_news, b);
	event_add(b->ledger->event, NULL);
}

void
ledger_close(struct broker *b)
{
	struct list	*node;

	if (b->ledger == NULL)
		return;
	core_give_up(b->core, b->now);
	record_all(b);
	store_publish(b->store);
	store_close(b->store);
	running_close(b->running);
	while ((node = list_pop(&b->ledger->pending)) != NULL) {
		struct ledger_op	*o = list_entry(node, struct ledger_op, link);

		while (list_pop(&o->waits) != NULL)
			continue;
		free(o);
	}
	while ((node = list_pop(&b->ledger->asked)) != NULL) {
		struct ledger_query	*q = list_entry(node, struct ledger_query, link);

		if (q->drop != NULL)
			q->drop(q);
	}
	if (b->ledger->event != NULL)
		event_free(b->ledger->event);
	buf_free(&b->ledger->text);
	free(b->ledger);
	b->ledger = NULL;
}
