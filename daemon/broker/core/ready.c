/* ready.c - jobs that could run now, in line: levels, flows, benches, turns.
 * Runs in: broker, loop thread.
 *
 * A job gets its place in line (seq) when it is first ready and keeps it: one that comes back
 * from a dead worker stands where it stood.
 */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define SEQ_BITS	48

/* ---- levels: one priority of one flow ---- */

static uint64_t
seq_of(const struct list *link)
{
	return list_entry(link, struct job, link)->seq;
}

/*
 * New jobs go to the back.  One that comes back goes before all that got ready later: it is looked
 * for from the front, or from where the last one went back in, so that thousands that come back in
 * order of their places cost one walk, not one each.
 */
static void
level_insert(struct level *l, struct job *j)
{
	struct list	*at;

	l->count++;
	if (list_empty(&l->jobs) || seq_of(l->jobs.prev) < j->seq) {
		list_push_back(&l->jobs, &j->link);
		return;
	}
	at = l->finger != NULL && seq_of(l->finger) < j->seq ? l->finger->next : l->jobs.next;
	while (seq_of(at) < j->seq)
		at = at->next;
	list_insert_before(at, &j->link);
	l->finger = &j->link;
}

static void
level_remove(struct level *l, struct job *j)
{
	if (l->finger == &j->link)
		l->finger = NULL;
	list_remove(&j->link);
	l->count--;
}

/* ---- flows ---- */

/* Where the level of this priority is, or would be. */
static uint32_t
level_at(const struct flow *f, int priority)
{
	uint32_t	low = 0, high = f->levels_len;

	while (low < high) {
		uint32_t	middle = (low + high) / 2;

		if (f->levels[middle]->priority > priority)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct level *
level_make(struct flow *f, uint32_t at, int priority)
{
	struct level	*l = f->spare != NULL ? f->spare : mem_alloc(sizeof(*l));

	f->spare = NULL;
	*l = (struct level){ .priority = priority };
	list_init(&l->jobs);
	if (f->levels_len == f->levels_cap) {
		f->levels_cap = f->levels_cap == 0 ? 1 : f->levels_cap * 2;
		f->levels = mem_resize(f->levels, f->levels_cap, sizeof(*f->levels));
	}
	memmove(&f->levels[at + 1], &f->levels[at], (f->levels_len - at) * sizeof(*f->levels));
	f->levels[at] = l;
	f->levels_len++;
	return l;
}

static void
level_drop(struct flow *f, uint32_t at)
{
	free(f->spare);
	f->spare = f->levels[at];
	f->levels_len--;
	memmove(&f->levels[at], &f->levels[at + 1], (f->levels_len - at) * sizeof(*f->levels));
}

struct job *
flow_head(const struct flow *f)
{
	return list_entry(f->levels[0]->jobs.next, struct job, link);
}

/* Smaller runs first: priority, then place in line. */
int64_t
flow_key(const struct flow *f)
{
	const struct job	*j = flow_head(f);

	return ((int64_t)(INT8_MAX - j->priority) << SEQ_BITS) | (int64_t)j->seq;
}

void
flow_refresh(struct core *c, struct flow *f)
{
	if (f->parked && f->count == 0)
		limits_unpark(c, f);
	if (f->parked || f->count == 0)
		heap_remove(&f->bench->flows, &f->node);
	else
		heap_set(&f->bench->flows, &f->node, flow_key(f));
	bench_refresh(c, f->bench);
}

static struct bench *
bench_get(struct queue *q, int lane)
{
	struct bench	*b = q->benches[lane];

	if (b != NULL)
		return b;
	b = q->benches[lane] = mem_zalloc(1, sizeof(*b));
	b->queue = q;
	b->lane = lane;
	return b;
}

static struct flow *
flow_get(struct queue *q, int lane, struct type *t)
{
	struct bench	*b = bench_get(q, lane);
	struct flow	*f = b->first;

	while (f != NULL && f->type != t)
		f = f->next;
	if (f != NULL)
		return f;
	f = mem_zalloc(1, sizeof(*f));
	f->bench = b;
	f->type = t;
	f->next = b->first;
	b->first = f;
	list_init(&f->link);
	return f;
}

static void
flow_free(struct flow *f)
{
	for (uint32_t i = 0; i < f->levels_len; i++)
		free(f->levels[i]);
	free(f->levels);
	free(f->spare);
	free(f);
}

/* ---- benches ---- */

void
bench_refresh(struct core *c, struct bench *b)
{
	struct heap	*turns = &c->turns[b->lane].benches;

	if (b->flows.len > 0 && !queue_full(b->queue))
		heap_set(turns, &b->node, b->turn);
	else
		heap_remove(turns, &b->node);
}

void
bench_served(struct core *c, struct bench *b)
{
	b->turn = ++c->turn;
	bench_refresh(c, b);
}

void
bench_free(struct bench *b)
{
	struct flow	*next;

	if (b == NULL)
		return;
	for (struct flow *f = b->first; f != NULL; f = next) {
		next = f->next;
		flow_free(f);
	}
	heap_free(&b->flows);
	free(b);
}

/* ---- jobs ---- */

void
ready_add(struct core *c, struct job *j)
{
	struct flow	*f = flow_get(j->queue, j->alone ? LANE_ALONE : j->lane, j->type);
	uint32_t	 at = level_at(f, j->priority);
	struct level	*l;

	if (j->seq == 0)
		j->seq = ++c->seq;
	if (at < f->levels_len && f->levels[at]->priority == j->priority)
		l = f->levels[at];
	else
		l = level_make(f, at, j->priority);
	level_insert(l, j);
	j->flow = f;
	f->count++;
	if (f->bench->count++ == 0)
		f->bench->turn = ++c->turn;
	flow_refresh(c, f);
}

void
ready_remove(struct core *c, struct job *j)
{
	struct flow	*f = j->flow;
	uint32_t	 at = level_at(f, j->priority);

	level_remove(f->levels[at], j);
	if (f->levels[at]->count == 0)
		level_drop(f, at);
	j->flow = NULL;
	f->count--;
	f->bench->count--;
	flow_refresh(c, f);
}
