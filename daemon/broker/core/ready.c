/* ready.c - jobs that could run now, in line: levels and flows.
 * Runs in: broker, loop thread.
 *
 * A job gets its place in line (seq) when it is first ready and keeps it: one that comes back
 * from a dead worker stands where it stood.
 */
#include "daemon/broker/core/core_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define SEQ_BITS	48
#define LEVELS_AHEAD	8		/* priorities that are looked at for jobs that are away */
#define CURSOR_STEPS	64		/* jobs looked at for one that is away */

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
	if (j->away && (l->cursor == NULL || j->seq < seq_of(l->cursor)))
		l->cursor = &j->link;
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
	if (l->cursor == &j->link)
		l->cursor = j->link.next == &l->jobs ? NULL : j->link.next;
	list_remove(&j->link);
	l->count--;
}

/* A bounded walk: it goes on from there the next time. */
static struct job *
level_first_away(struct level *l)
{
	for (int i = 0; l->cursor != NULL && i < CURSOR_STEPS; i++) {
		struct job	*j = list_entry(l->cursor, struct job, link);

		if (j->away)
			return j;
		l->cursor = l->cursor->next == &l->jobs ? NULL : l->cursor->next;
	}
	return NULL;
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

struct job *
flow_first_away(struct flow *f)
{
	struct job	*j = NULL;

	for (uint32_t i = 0; j == NULL && i < f->levels_len && i < LEVELS_AHEAD; i++)
		j = level_first_away(f->levels[i]);
	return j;
}

/* Smaller runs first: priority, then place in line. */
int64_t
flow_key(const struct flow *f)
{
	const struct job	*j = flow_head(f);

	return ((int64_t)(INT8_MAX - j->priority) << SEQ_BITS) | (int64_t)j->seq;
}

static struct flow *
flow_new(struct core *c, const struct flow_of *of)
{
	struct flow	*f = mem_zalloc(1, sizeof(*f));

	f->of = *of;
	f->seat = seat_get(c, of->bench, list_entry(of->gates[GATE_TENANT], struct tenant, gate));
	f->seat->refs++;
	f->tally = tally_get(c, of->bench->of.queue,
	    list_entry(of->gates[GATE_TYPE], struct type, gate));
	list_push_back(&f->seat->flows, &f->link);
	if (of->gates[GATE_KEY] != NULL)
		list_entry(of->gates[GATE_KEY], struct limit_key, gate)->refs++;
	if (of->gates[GATE_GROUP] != NULL)
		list_entry(of->gates[GATE_GROUP], struct group, gate)->refs++;
	namemap_put(&c->flows, (const char *)&f->of, sizeof(f->of), f);
	return f;
}

static void
flow_free(struct core *c, struct flow *f)
{
	assert(f->count == 0);
	namemap_del(&c->flows, (const char *)&f->of, sizeof(f->of));
	if (f->of.bench->recent == f)
		f->of.bench->recent = NULL;
	if (f->of.gates[GATE_KEY] != NULL)
		limit_key_unref(c, list_entry(f->of.gates[GATE_KEY], struct limit_key, gate));
	if (f->of.gates[GATE_GROUP] != NULL)
		group_unref(c, list_entry(f->of.gates[GATE_GROUP], struct group, gate));
	list_remove(&f->link);
	seat_unref(c, f->seat);
	free(f->levels);
	free(f->spare);
	free(f);
}

struct flow *
flow_get(struct core *c, const struct flow_of *of)
{
	struct flow	*f = of->bench->recent;

	if (f == NULL || memcmp(&f->of, of, sizeof(*of)) != 0)
		f = namemap_get(&c->flows, (const char *)of, sizeof(*of));
	if (f == NULL)
		f = flow_new(c, of);
	of->bench->recent = f;
	return flow_ref(f);
}

struct flow *
flow_ref(struct flow *f)
{
	f->refs++;
	return f;
}

void
flow_unref(struct core *c, struct flow *f)
{
	if (--f->refs == 0)
		flow_free(c, f);
}

/* ---- jobs ---- */

void
flow_change(struct core *c, struct job *j, struct place *place)
{
	struct flow	*from = j->flow;
	struct flow_of	 of = from->of;

	of.bench = bench_get(c, of.bench->of.queue, place);
	j->flow = flow_get(c, &of);
	flow_unref(c, from);
}

void
ready_add(struct core *c, struct job *j)
{
	struct flow	*f;
	struct level	*l;
	uint32_t	 at;

	move_job(c, j);
	f = j->flow;
	at = level_at(f, j->priority);
	if (j->seq == 0)
		j->seq = ++c->seq;
	if (at < f->levels_len && f->levels[at]->priority == j->priority)
		l = f->levels[at];
	else
		l = level_make(f, at, j->priority);
	level_insert(l, j);
	j->in_line = true;
	c->in_line++;
	c->durable_in_line += j->durable;
	f->count++;
	turns_changed(c, f, 1);
}

void
ready_remove(struct core *c, struct job *j)
{
	struct flow	*f = j->flow;
	uint32_t	 at = level_at(f, j->priority);

	level_remove(f->levels[at], j);
	if (f->levels[at]->count == 0)
		level_drop(f, at);
	j->in_line = false;
	f->ahead -= j->fetched;
	j->fetched = false;
	c->in_line--;
	c->durable_in_line -= j->durable;
	f->count--;
	turns_changed(c, f, -1);
}
