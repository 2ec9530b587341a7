/* outcomes_store.c - outcomes of durable groups: in the store, where their members' ends are.
 * Runs in: broker, loop thread.
 *
 * A member's end is written down before anybody is told of it, so there is nothing to add.  What
 * cannot be read or written now, as a disk is full, is asked for again.
 */
#include "daemon/broker/outcomes.h"

#include <event2/event.h>
#include <stdlib.h>

#include "daemon/broker/gather.h"
#include "daemon/broker/ledger.h"
#include "daemon/broker/store/outcome_print.h"
#include "daemon/broker/store/spool.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define AGAIN_S		1
#define FRAME_BYTES	160	/* of an outcome: all but its result, or its failure's data */

struct asked {
	struct ledger_query lq;		/* first: it comes back as this */
	struct list	 link;		/* in outcomes->asked or ->again */
	uint64_t	 group, ticket;
	uint64_t	 id;		/* of a reduce job */
	size_t		 room;
	char		*path;
};

static void
ask(struct broker *b, const struct group *g, struct asked *a)
{
	a->group = a->lq.q.group = g->number;
	list_push_back(&b->outcomes->asked, &a->link);
	ledger_ask(b, &a->lq);
}

static void
asked_free(struct asked *a)
{
	list_remove(&a->link);
	store_query_fini(&a->lq.q);
	free(a->path);
	free(a);
}

/* ---- again ---- */

static void
ask_again(evutil_socket_t fd, short what, void *arg)
{
	struct broker	*b = arg;
	struct list	*node;

	(void)fd;
	(void)what;
	while ((node = list_pop(&b->outcomes->again)) != NULL) {
		list_push_back(&b->outcomes->asked, node);
		ledger_ask(b, &list_entry(node, struct asked, link)->lq);
	}
}

static void
try_later(struct broker *b, struct asked *a, const struct group *g)
{
	static const struct timeval	tv = { .tv_sec = AGAIN_S };
	struct outcomes_open		*o = b->outcomes;

	log_error("a group waits for its outcomes group=%s reason=\"%s\"", g->name, a->lq.q.why);
	store_query_fini(&a->lq.q);
	list_remove(&a->link);
	if (o->later == NULL)
		o->later = event_new(b->base, -1, 0, ask_again, b);
	if (list_empty(&o->again))
		event_add(o->later, &tv);
	list_push_back(&o->again, &a->link);
}

/* ---- members' ends ---- */

static void
add(struct broker *b, const struct membership *m, const struct job *j)
{
	(void)b;
	(void)m;
	(void)j;
}

/* Of the first one, what can be long is left out when it does not fit. */
static void
print_page(struct buf *out, const struct asked *a, uint64_t *next)
{
	const struct store_query	*q = &a->lq.q;

	for (uint32_t i = 0; i < q->rows_len && q->rows[i].end.index == *next; i++) {
		size_t	mark = buf_len(out);
		size_t	left = a->room > mark + FRAME_BYTES ? a->room - mark - FRAME_BYTES : 0;

		if (i > 0)
			buf_putc(out, ',');
		outcome_print(out, &q->rows[i], true, i == 0 ? left : SIZE_MAX);
		if (i > 0 && buf_len(out) > a->room) {
			out->tail = out->head + mark;
			return;
		}
		++*next;
	}
}

static void
have_read(struct broker *b, struct ledger_query *lq)
{
	struct asked		*a = (struct asked *)(void *)lq;
	struct group		*g = core_group_numbered(b->core, a->group);
	struct outcomes_page	 page = { .next = lq->q.from };
	struct buf		 out = { 0 };

	if (lq->q.result == STORE_OK)
		print_page(&out, a, &page.next);
	else
		page.why = lq->q.why;
	page.items = (struct span){ buf_data(&out), buf_len(&out) };
	gather_outcomes(b, g, a->ticket, &page);
	buf_free(&out);
	asked_free(a);
}

static void
read_some(struct broker *b, const struct group *g, uint64_t ticket, uint64_t from, uint64_t count,
    size_t bytes)
{
	struct asked	*a = mem_zalloc(1, sizeof(*a));

	a->ticket = ticket;
	a->room = bytes;
	a->lq.done = have_read;
	a->lq.q.what = STORE_MEMBERS;
	a->lq.q.from = from;
	a->lq.q.limit = (uint32_t)count;
	a->lq.q.bytes = bytes;
	ask(b, g, a);
}

/* ---- the file ---- */

static void
have_written(struct broker *b, struct ledger_query *lq)
{
	struct asked	*a = (struct asked *)(void *)lq;
	struct group	*g = core_group_numbered(b->core, a->group);

	if (g != NULL && lq->q.result != STORE_OK) {
		try_later(b, a, g);
		return;
	}
	if (g != NULL && lq->q.next != g->count)
		gather_lost(b, g, "the store has not all of them");
	else if (g != NULL)
		gather_file(b, g, a->path);
	asked_free(a);
}

static void
write_file(struct broker *b, const struct group *g)
{
	struct asked	*a = mem_zalloc(1, sizeof(*a));

	a->path = mem_printf("%s/groups/%llu.ndjson", b->state_dir,
	    (unsigned long long)g->number);
	a->lq.done = have_written;
	a->lq.q.what = STORE_REDUCE;
	a->lq.q.path = a->path;
	ask(b, g, a);
}

static void
forget(struct broker *b, const struct group *g)
{
	ledger_drop_group(b, g->number);
	spool_forget(b->outcomes->spool, g->number);	/* the file */
}

const struct outcomes outcomes_store = {
	.add = add, .read = read_some, .file = write_file, .forget = forget,
};

/* ---- the reduce job's end ---- */

static void
have_got(struct broker *b, struct ledger_query *lq)
{
	struct asked		*a = (struct asked *)(void *)lq;
	struct group		*g = core_group_numbered(b->core, a->group);
	const struct store_row	*row = lq->q.rows_len == 0 ? NULL : &lq->q.rows[0];

	if (g != NULL && lq->q.result != STORE_OK) {
		try_later(b, a, g);
		return;
	}
	if (g != NULL)
		gather_reduced(b, g, row == NULL || row->live ? NULL : row);
	asked_free(a);
}

void
outcomes_ask_reduced(struct broker *b, const struct group *g)
{
	struct asked	*a = mem_zalloc(1, sizeof(*a));

	a->id = g->reduce_id;
	a->lq.done = have_got;
	a->lq.q.what = STORE_GET;
	a->lq.q.ids = &a->id;
	a->lq.q.ids_len = 1;
	ask(b, g, a);
}

/* ---- life ---- */

void
outcomes_store_close(struct broker *b)
{
	struct outcomes_open	*o = b->outcomes;
	struct list		*node;

	while ((node = list_pop(&o->asked)) != NULL || (node = list_pop(&o->again)) != NULL)
		asked_free(list_entry(node, struct asked, link));
	if (o->later != NULL)
		event_free(o->later);
}
