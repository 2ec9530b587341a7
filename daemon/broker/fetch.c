/* fetch.c - arguments of jobs that are near their turn, from the store into core.
 * Runs in: broker, loop thread.
 *
 * What one turn wants is asked for in batches that are small enough for the first jobs to run while
 * the last are read.  A store that cannot be read at this moment is asked again: the jobs wait.
 */
#include "daemon/broker/fetch.h"

#include <event2/event.h>
#include <stdlib.h>

#include "daemon/broker/ledger.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define BATCH_JOBS	128
#define AGAIN_US	100000	/* after a read that failed */

struct batch {
	struct ledger_query lq;
	struct list	 link;		/* in fetch->batches */
	struct broker	*b;
	struct event	*again;		/* NULL: it has not failed yet */
	uint32_t	 len;
	uint64_t	 ids[BATCH_JOBS];
};

struct fetch {
	struct list	 batches;	/* asked for */
	struct batch	*next;		/* of this turn; NULL: none */
};

/* ---- batches ---- */

static void
batch_free(struct batch *t)
{
	if (t->again != NULL)
		event_free(t->again);
	store_query_fini(&t->lq.q);
	list_remove(&t->link);
	free(t);
}

static void batch_answered(struct broker *b, struct ledger_query *lq);

static void
batch_ask(struct batch *t)
{
	t->lq = (struct ledger_query){ .done = batch_answered, .ctx = t,
	    .q = { .what = STORE_ARGS, .ids = t->ids, .ids_len = t->len } };
	ledger_ask(t->b, &t->lq);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	batch_ask(arg);
}

static void
batch_failed(struct batch *t)
{
	static const struct timeval	later = { .tv_usec = AGAIN_US };

	if (t->again == NULL) {
		log_error("arguments cannot be read, again later jobs=%u reason=\"%s\"", t->len,
		    t->lq.q.why);
		t->again = evtimer_new(t->b->base, on_again, t);
	}
	store_query_fini(&t->lq.q);
	evtimer_add(t->again, &later);
}

/* Rows come in the order of the ids, without those that are not there. */
static void
batch_answered(struct broker *b, struct ledger_query *lq)
{
	struct batch			*t = lq->ctx;
	const struct store_query	*q = &lq->q;
	uint32_t			 row = 0;

	if (q->result != STORE_OK) {
		batch_failed(t);
		return;
	}
	for (uint32_t i = 0; i < t->len; i++) {
		if (row < q->rows_len && q->rows[row].id == t->ids[i])
			core_loaded(b->core, b->now, t->ids[i], q->rows[row++].args);
		else
			core_load_failed(b->core, b->now, t->ids[i]);
	}
	batch_free(t);
}

/* ---- what is wanted ---- */

void
fetch_publish(struct broker *b)
{
	struct batch	*t = b->fetch->next;

	if (t == NULL)
		return;
	b->fetch->next = NULL;
	list_push_back(&b->fetch->batches, &t->link);
	batch_ask(t);
}

void
fetch_want(struct broker *b, const struct job *j)
{
	struct batch	*t = b->fetch->next;

	if (t == NULL) {
		t = b->fetch->next = mem_zalloc(1, sizeof(*t));
		t->b = b;
		list_init(&t->link);
	}
	t->ids[t->len++] = j->id;
	if (t->len == BATCH_JOBS)
		fetch_publish(b);
}

/* ---- life ---- */

struct fetch *
fetch_new(void)
{
	struct fetch	*f = mem_zalloc(1, sizeof(*f));

	list_init(&f->batches);
	return f;
}

void
fetch_free(struct fetch *f)
{
	struct list	*node;

	if (f == NULL)
		return;
	while ((node = list_pop(&f->batches)) != NULL)
		batch_free(list_entry(node, struct batch, link));
	if (f->next != NULL)
		batch_free(f->next);
	free(f);
}
