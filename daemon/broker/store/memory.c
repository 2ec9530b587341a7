/* memory.c - the store of a daemon whose jobs die with it: remembers ids, and nothing of the jobs.
 * Runs in: broker, loop thread.
 *
 * What is put is carried out, for nothing outlives the process, and core has it.  It comes back in
 * the turn after store_publish, as from any other engine.
 */
#include "daemon/broker/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/broker/store/engine.h"
#include "daemon/broker/store/ids.h"
#include "lib/alloc.h"
#include "lib/fd.h"

struct memory {
	struct store	 store;
	struct list	 put, done, answered;
	bool		 recovers, woken;
};

static struct memory *
memory_of(struct store *s)
{
	return (struct memory *)(void *)s;
}

static void
wake(struct memory *m)
{
	static const uint64_t	one = 1;

	if (!m->woken && write(m->store.event, &one, sizeof(one)) < 0)
		abort();	/* an eventfd of our own, without an excuse */
	m->woken = true;
}

/* The eventfd is quiet when there is nothing to fetch. */
static void
settle(struct memory *m)
{
	uint64_t	count;

	if (!m->woken || !list_empty(&m->done) || !list_empty(&m->answered) || m->recovers)
		return;
	if (read(m->store.event, &count, sizeof(count)) < 0)
		abort();
	m->woken = false;
}

static struct list *
take(struct memory *m, struct list *from)
{
	struct list	*node = list_pop(from);

	settle(m);
	return node;
}

static void
memory_put(struct store *s, struct store_op *op)
{
	op->result = STORE_OK;
	list_push_back(&memory_of(s)->put, &op->link);
}

static void
memory_publish(struct store *s)
{
	struct memory	*m = memory_of(s);
	struct list	*node;

	if (list_empty(&m->put))
		return;
	while ((node = list_pop(&m->put)) != NULL)
		list_push_back(&m->done, node);
	wake(m);
}

static struct store_op *
memory_done(struct store *s)
{
	struct memory	*m = memory_of(s);
	struct list	*node = take(m, &m->done);

	return node == NULL ? NULL : list_entry(node, struct store_op, link);
}

static struct store_stats
memory_stats(struct store *s)
{
	(void)s;
	return (struct store_stats){ 0 };
}

static struct store_load
memory_load(const struct store *s)
{
	(void)s;
	return (struct store_load){ 0 };
}

/* No job is found; only what would write a file has nothing to write. */
static void
memory_ask(struct store *s, struct store_query *q)
{
	q->result = STORE_OK;
	if (q->what == STORE_BACKUP || q->what == STORE_REDUCE) {
		q->result = STORE_UNAVAIL;
		snprintf(q->why, sizeof(q->why), "the memory engine keeps no jobs");
	}
	if (q->what == STORE_MEMBERS)
		q->next = q->from;
	list_push_back(&memory_of(s)->answered, &q->link);
	wake(memory_of(s));
}

static struct store_query *
memory_answered(struct store *s)
{
	struct memory	*m = memory_of(s);
	struct list	*node = take(m, &m->answered);

	return node == NULL ? NULL : list_entry(node, struct store_query, link);
}

static void
memory_recover(struct store *s, size_t args_bytes)
{
	(void)args_bytes;
	memory_of(s)->recovers = true;
	wake(memory_of(s));
}

static int
memory_next_found(struct store *s, struct store_found *out, char *why, size_t size)
{
	struct memory	*m = memory_of(s);

	(void)why;
	(void)size;
	if (!m->recovers)
		return 0;
	m->recovers = false;
	settle(m);
	out->is = STORE_RECOVERED;
	return 1;
}

static void
memory_close(struct store *s)
{
	ids_close(s->ids);
	fd_close(&s->event);
	free(memory_of(s));
}

static const struct store_engine memory_engine = {
	.durable = false, .close = memory_close, .put = memory_put, .publish = memory_publish,
	.done = memory_done, .load = memory_load, .stats = memory_stats, .ask = memory_ask, .answered = memory_answered,
	.recover = memory_recover, .next_found = memory_next_found,
};

int
store_open_memory(const char *state_dir, struct store **out, char *why, size_t size)
{
	struct memory	*m;
	struct ids	*ids;
	int		 rc, event;

	if ((event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
		rc = -errno;
		snprintf(why, size, "eventfd: %s", strerror(-rc));
		return rc;
	}
	if ((rc = ids_open(state_dir, 0, 0, &ids, why, size)) != 0) {
		close(event);
		return rc;
	}
	m = mem_zalloc(1, sizeof(*m));
	m->store = (struct store){ .engine = &memory_engine, .ids = ids, .event = event };
	list_init(&m->put);
	list_init(&m->done);
	list_init(&m->answered);
	*out = &m->store;
	return 0;
}
