/* turns.c - whose turn it is: seats, rows and stalls of a bench.
 * Runs in: broker, loop thread.
 *
 * On a bench the highest priority comes first, whoever asked for it.  Among equal priorities the
 * tenants take turns of as many starts as their weight says, and a tenant's own jobs come in the
 * order of their places in line.  A tenant that gets its first job, or has had its turn, goes
 * behind all others.
 *
 * A turn belongs to the seat.  The rows of a tenant in stalls are sorted by the turn that the seat
 * had when they were sorted last: turns only grow, so an old one is found out when the row comes
 * first, and is sorted in anew then.  A tenant that is alone on its bench keeps its turn, so its
 * stalls never grow old: a start costs the same with one stall as with a million.  Where several
 * tenants have many open stalls each, a start may have to sort in those of one of them.
 */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>

#include "lib/alloc.h"

#define TURN_BITS	55

static struct flow *
flow_of(struct heap_node *node)
{
	return list_entry(node, struct flow, node);
}

static struct row *
row_of(struct heap_node *node)
{
	return list_entry(node, struct row, node);
}

static struct stall *
stall_of(struct heap_node *node)
{
	return list_entry(node, struct stall, node);
}

static struct flow *
row_first(const struct row *r)
{
	return flow_of(heap_min(&r->flows));
}

int64_t
turn_key(const struct seat *s, int priority)
{
	return ((int64_t)(INT8_MAX - priority) << TURN_BITS) | s->turn;
}

int64_t
row_key(const struct row *r)
{
	return turn_key(r->of.seat, flow_head(row_first(r))->priority);
}

/* Of stalls with equal keys, which are of one seat: the one whose first job stands further ahead. */
static bool
stall_before(const struct heap_node *a, const struct heap_node *b)
{
	const struct stall	*s = list_entry(a, struct stall, node);
	const struct stall	*t = list_entry(b, struct stall, node);

	return row_first(row_of(heap_min(&s->rows)))->node.key <
	    row_first(row_of(heap_min(&t->rows)))->node.key;
}

/* ---- stalls ---- */

static struct stall *
stall_get(struct core *c, struct bench *b, struct gate *g)
{
	struct stall_of	 of = { b, g };
	struct stall	*s = namemap_get(&c->stalls, (const char *)&of, sizeof(of));

	if (s != NULL)
		return s;
	s = mem_zalloc(1, sizeof(*s));
	s->of = of;
	namemap_put(&c->stalls, (const char *)&s->of, sizeof(s->of), s);
	list_push_back(&g->stalls, &s->link);
	list_init(&s->wide);
	list_init(&s->sleep);
	if (g->kind == GATE_TYPE)
		list_push_back(&b->wide, &s->wide);
	return s;
}

static void
stall_free(struct core *c, struct stall *s)
{
	namemap_del(&c->stalls, (const char *)&s->of, sizeof(s->of));
	heap_remove(&s->of.bench->open, &s->node);
	list_remove(&s->link);
	list_remove(&s->wide);
	list_remove(&s->sleep);
	if (s->of.gate->kind == GATE_TYPE)
		type_refresh_thirst(c, list_entry(s->of.gate, struct type, gate));
	heap_free(&s->rows);
	free(s);
}

/* Of a type: wait for its gate where that looks for it. */
static void
lie_down(struct core *c, struct stall *s)
{
	struct type	*t = list_entry(s->of.gate, struct type, gate);

	list_push_back(&t->asleep[s->of.bench->of.place->line], &s->sleep);
	type_refresh_thirst(c, t);
}

void
stall_sleep(struct core *c, struct stall *s)
{
	heap_remove(&s->of.bench->open, &s->node);
	if (s->of.gate->kind == GATE_TYPE && !list_linked(&s->sleep))
		lie_down(c, s);
	bench_refresh(c, s->of.bench);
}

void
stall_wake(struct core *c, struct stall *s)
{
	if (list_linked(&s->sleep)) {
		list_remove(&s->sleep);
		type_refresh_thirst(c, list_entry(s->of.gate, struct type, gate));
	}
	heap_set(&s->of.bench->open, &s->node, heap_min(&s->rows)->key);
	bench_refresh(c, s->of.bench);
}

/* After its rows have changed. */
static void
stall_refresh(struct core *c, struct stall *s)
{
	if (s->rows.len == 0) {
		stall_free(c, s);
		return;
	}
	if (s->node.index != 0)
		heap_set(&s->of.bench->open, &s->node, heap_min(&s->rows)->key);
}

/* ---- rows ---- */

static struct row *
row_get(struct core *c, struct stall *s, struct seat *seat)
{
	struct row_of	 of = { s, seat };
	struct row	*r = namemap_get(&c->rows, (const char *)&of, sizeof(of));

	if (r != NULL)
		return r;
	r = mem_zalloc(1, sizeof(*r));
	r->of = of;
	namemap_put(&c->rows, (const char *)&r->of, sizeof(r->of), r);
	return r;
}

static void
row_free(struct core *c, struct row *r)
{
	namemap_del(&c->rows, (const char *)&r->of, sizeof(r->of));
	heap_free(&r->flows);
	free(r);
}

/* After its flows, or its seat's turn, have changed. */
static void
row_refresh(struct core *c, struct row *r)
{
	struct bench	*b = r->of.seat->of.bench;
	struct stall	*s = r->of.stall;
	struct heap	*rows = s == NULL ? &b->rows : &s->rows;

	if (r->flows.len == 0) {
		heap_remove(rows, &r->node);
		if (s != NULL)
			row_free(c, r);
	} else if (s != NULL || r->node.index == 0 || r->node.key != row_key(r)) {
		heap_set(rows, &r->node, row_key(r));
	} else {
		return;
	}
	if (s != NULL)
		stall_refresh(c, s);
	bench_refresh(c, b);
}

/* ---- seats ---- */

struct seat *
seat_get(struct core *c, struct bench *b, struct tenant *t)
{
	struct seat_of	 of = { b, t };
	struct seat	*s = namemap_get(&c->seats, (const char *)&of, sizeof(of));

	if (s != NULL)
		return s;
	s = mem_zalloc(1, sizeof(*s));
	s->own.of.seat = s;
	s->of = of;
	list_init(&s->flows);
	namemap_put(&c->seats, (const char *)&s->of, sizeof(s->of), s);
	list_push_back(&t->seats, &s->link);
	t->refs++;
	return s;
}

void
seat_unref(struct core *c, struct seat *s)
{
	if (--s->refs > 0)
		return;
	namemap_del(&c->seats, (const char *)&s->of, sizeof(s->of));
	list_remove(&s->link);
	tenant_unref(c, s->of.tenant);
	heap_free(&s->own.flows);
	free(s);
}

static void
seat_to_the_back(struct core *c, struct seat *s)
{
	s->turn = ++c->turn;
	s->credit = s->of.tenant->weight;
}

/* ---- flows ---- */

void
turns_changed(struct core *c, struct flow *f, int by)
{
	struct seat	*s = f->seat;
	struct bench	*b = s->of.bench;

	if (by > 0 && s->count == 0)
		seat_to_the_back(c, s);
	if (by > 0 && b->count == 0)
		b->turn = ++c->turn;
	s->count += (uint64_t)by;
	b->count += (uint64_t)by;
	if (f->row == NULL)
		f->row = &s->own;
	if (f->count > 0) {
		heap_set(&f->row->flows, &f->node, flow_key(f));
		row_refresh(c, f->row);
	} else {
		struct row	*from = f->row;

		f->row = NULL;
		heap_remove(&from->flows, &f->node);
		row_refresh(c, from);
	}
}

void
turns_park(struct core *c, struct flow *f, struct gate *g)
{
	struct row	*from = f->row;
	struct stall	*s = stall_get(c, f->of.bench, g);
	struct row	*to = row_get(c, s, f->seat);

	heap_remove(&from->flows, &f->node);
	f->row = to;
	heap_set(&to->flows, &f->node, flow_key(f));
	row_refresh(c, from);
	row_refresh(c, to);
	if (g->kind == GATE_TYPE && s->node.index == 0 && !list_linked(&s->sleep))
		lie_down(c, s);
}

/* ---- benches ---- */

static struct bench *
bench_new(struct core *c, const struct bench_of *of)
{
	struct bench	*b = mem_zalloc(1, sizeof(*b));

	b->of = *of;
	b->open.before = stall_before;
	list_init(&b->wide);
	list_push_back(&of->queue->benches, &b->link);
	namemap_put(&c->benches, (const char *)&b->of, sizeof(b->of), b);
	return b;
}

struct bench *
bench_get(struct core *c, struct queue *q, struct place *place)
{
	struct bench_of	 of = { q, place };
	struct bench	*b = q->recent[place->line];

	if (b != NULL && b->of.place == place)
		return b;
	b = namemap_get(&c->benches, (const char *)&of, sizeof(of));
	if (b == NULL)
		b = bench_new(c, &of);
	q->recent[place->line] = b;
	return b;
}

void
bench_free(struct core *c, struct bench *b)
{
	namemap_del(&c->benches, (const char *)&b->of, sizeof(b->of));
	list_remove(&b->link);
	heap_free(&b->rows);
	heap_free(&b->open);
	free(b);
}

void
bench_refresh(struct core *c, struct bench *b)
{
	struct place	*p = b->of.place;

	if (b->rows.len + b->open.len > 0 && !gate_closed(&b->of.queue->gate))
		heap_set(&p->benches, &b->node, b->turn);
	else
		heap_remove(&p->benches, &b->node);
	place_refresh(c, p);
}

/* Types are few, so few stalls are looked at. */
static void
wake_types(struct core *c, struct bench *b)
{
	list_for(node, &b->wide) {
		struct stall	*s = list_entry(node, struct stall, wide);

		if (s->node.index == 0 && !gate_closed(s->of.gate))
			stall_wake(c, s);
	}
}

/* The first row of the first stall that is open, by the turn that its seat has now. */
static struct row *
first_parked(struct core *c, struct bench *b)
{
	struct stall	*s;
	struct row	*r;

	wake_types(c, b);
	while (b->open.len > 0) {
		s = stall_of(heap_min(&b->open));
		r = row_of(heap_min(&s->rows));
		if (gate_closed(s->of.gate))
			stall_sleep(c, s);
		else if (r->node.key != row_key(r))
			row_refresh(c, r);
		else
			return r;
	}
	return NULL;
}

static bool
comes_before(const struct row *r, const struct row *other)
{
	if (r->node.key != other->node.key)
		return r->node.key < other->node.key;
	return row_first(r)->node.key < row_first(other)->node.key;
}

struct flow *
bench_next(struct core *c, struct bench *b)
{
	struct row	*r = b->rows.len == 0 ? NULL : row_of(heap_min(&b->rows));
	struct row	*parked = NULL;

	if (b->open.len > 0 || !list_empty(&b->wide))
		parked = first_parked(c, b);
	if (r == NULL || (parked != NULL && comes_before(parked, r)))
		r = parked;
	if (r == NULL)
		return NULL;		/* all that was open has gone to sleep */
	return row_first(r);
}

void
bench_served(struct core *c, struct flow *f)
{
	struct seat	*s = f->seat;

	if (s->credit > 1) {
		s->credit--;
	} else if (s->count < s->of.bench->count) {	/* alone it has nobody to give way to */
		seat_to_the_back(c, s);
		if (s->own.node.index != 0)
			heap_set(&s->of.bench->rows, &s->own.node, row_key(&s->own));
	}
	s->of.bench->turn = ++c->turn;
	bench_refresh(c, s->of.bench);
}
