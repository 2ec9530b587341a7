/* sweep.c - files of jobs that nobody remembers any more.  Runs in: broker, loop thread. */
#include "daemon/broker/logs/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/ledger.h"
#include "lib/alloc.h"
#include "lib/clock.h"

#define EVERY_NS	(600 * NS_PER_S)

struct sweep {
	struct files	*files;
	int64_t		 next_ns;	/* INT64_MAX: one is under way, or none may begin yet */
};

/* What the store is asked about. */
struct question {
	struct ledger_query	 ask;
	struct files		*files;
	struct files_name	*names;
	size_t			 len;
	uint64_t		*ids;
};

static void
question_free(struct question *q)
{
	store_query_fini(&q->ask.q);
	free(q->names);
	free(q->ids);
	free(q);
}

static void
on_drop(struct ledger_query *lq)
{
	question_free((struct question *)(void *)lq);
}

static bool
is_known(const struct broker *b, const struct store_query *q, uint64_t id)
{
	if (core_find(b->core, id) != NULL)
		return true;
	for (uint32_t i = 0; i < q->rows_len; i++)
		if (q->rows[i].id == id)
			return true;
	return false;
}

/* An answer that is none removes nothing. */
static void
on_answer(struct broker *b, struct ledger_query *lq)
{
	struct question	*q = (struct question *)(void *)lq;

	for (size_t i = 0; lq->q.result == STORE_OK && i < q->len; i++)
		if (!is_known(b, &lq->q, q->names[i].id))
			files_remove(q->files, q->names[i].id, q->names[i].attempt);
	question_free(q);
}

void
sweep_listed(struct sweep *s, struct broker *b, const struct files_name *names, size_t len)
{
	struct question	*q;

	if (len == 0) {
		s->next_ns = b->now.mono_ns + EVERY_NS;
		return;
	}
	q = mem_zalloc(1, sizeof(*q));
	q->files = s->files;
	q->names = mem_alloc(len * sizeof(names[0]));
	q->ids = mem_alloc(len * sizeof(q->ids[0]));
	for (size_t i = 0; i < len; i++) {
		if (core_find(b->core, names[i].id) != NULL)
			continue;
		q->ids[q->len] = names[i].id;
		q->names[q->len++] = names[i];
	}
	if (q->len == 0) {
		question_free(q);
		return;
	}
	q->ask.q.what = STORE_STATES;
	q->ask.q.ids = q->ids;
	q->ask.q.ids_len = (uint32_t)q->len;
	q->ask.done = on_answer;
	q->ask.drop = on_drop;
	ledger_ask(b, &q->ask);
}

void
sweep_begin(struct sweep *s)
{
	s->next_ns = 0;
}

void
sweep_run(struct sweep *s, struct broker *b)
{
	if (b->now.mono_ns < s->next_ns)
		return;
	s->next_ns = INT64_MAX;
	files_list(s->files);
}

int64_t
sweep_next_ns(const struct sweep *s)
{
	return s->next_ns;
}

struct sweep *
sweep_new(struct files *f)
{
	struct sweep	*s = mem_zalloc(1, sizeof(*s));

	s->files = f;
	s->next_ns = INT64_MAX;
	return s;
}

void
sweep_free(struct sweep *s)
{
	free(s);
}
