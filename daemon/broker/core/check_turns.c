/* check_turns.c - do flows, rows, stalls, seats, benches and gates agree with each other?
 * Runs in: the simulation, debug builds. */
#include "daemon/broker/core/check.h"

/* ---- flows ---- */

static void
check_level(const struct flow *f, const struct level *l)
{
	uint64_t	before = 0, count = 0;
	bool		past_cursor = false;

	must(!list_empty(&l->jobs), NULL);
	list_for(node, &l->jobs) {
		const struct job	*j = list_entry(node, struct job, link);

		must(j->seq > before && j->priority == l->priority && j->flow == f, j);
		past_cursor |= node == l->cursor;
		must(past_cursor || !j->away, j);
		before = j->seq;
		count++;
	}
	must(count == l->count && past_cursor == (l->cursor != NULL), NULL);
}

static void
check_flow(const struct flow *f)
{
	uint64_t	count = 0;

	for (uint32_t i = 0; i < f->levels_len; i++) {
		must(i == 0 || f->levels[i - 1]->priority > f->levels[i]->priority, NULL);
		check_level(f, f->levels[i]);
		count += f->levels[i]->count;
	}
	must(count == f->count && f->refs > 0, NULL);
	must((f->row != NULL) == (count > 0) && (f->node.index != 0) == (count > 0), NULL);
	must(count == 0 || f->node.key == flow_key(f), NULL);
	must(count == 0 || f->row->of.seat == f->seat, NULL);
}

/* ---- rows and stalls ---- */

/* A turn in a stall may be an old one; the priority is always the present one. */
static void
check_row(const struct row *r)
{
	const struct stall	*s = r->of.stall;

	must((r->node.index != 0) == (r->flows.len > 0), NULL);
	if (r->flows.len == 0) {
		must(s == NULL, NULL);
		return;
	}
	must(s != NULL || r->node.key == row_key(r), NULL);
	must(r->node.key <= row_key(r) && row_key(r) - r->node.key <= r->of.seat->turn, NULL);
	must(s == NULL || s->of.bench == r->of.seat->of.bench, NULL);
}

static void
check_stall(const struct stall *s)
{
	bool	open = s->node.index != 0, wide = s->of.gate->kind == GATE_TYPE;

	must(s->rows.len > 0 && list_linked(&s->link), NULL);
	must(!open || s->node.key == heap_min(&s->rows)->key, NULL);
	must(wide == list_linked(&s->wide), NULL);
	must(list_linked(&s->sleep) == (wide && !open), NULL);
	must(wide || open == !gate_closed(s->of.gate), NULL);
}

/* ---- gates ---- */

static bool
holds(const struct flow *f, const struct gate *g)
{
	for (int i = 0; i < FLOW_GATES; i++)
		if (f->of.gates[i] == g)
			return true;
	return g == &f->of.bench->of.queue->gate;
}

static uint32_t
held_by(const struct worker *w, const struct gate *g)
{
	uint32_t	count = 0;

	list_for(node, &w->attempts)
		count += holds(list_entry(node, struct attempt, link)->flow, g);
	return count;
}

static void
check_gate(const struct core *c, const struct gate *g)
{
	uint32_t	running = held_by(c->inliner, g);

	for (uint32_t i = 0; i < c->workers_len; i++)
		if (c->workers[i] != NULL)
			running += held_by(c->workers[i], g);
	for (int i = 0; i < CORE_ALONE_MAX; i++)
		running += c->alone[i].job != NULL && holds(c->alone[i].job->flow, g);
	must(g->running == running, NULL);
	must(g->closed == gate_closed(g), NULL);
	must((g->timer.index != 0) == g->dry, NULL);
	must(!g->dry || g->timer.key == gate_next_ns(g), NULL);
}

static void
check_type(const struct core *c, const struct type *t)
{
	check_gate(c, &t->gate);
	for (int line = 0; line < JOB_LINES; line++)
		must(list_linked(&t->thirsty[line]) ==
		    (!gate_closed(&t->gate) && !list_empty(&t->asleep[line])), NULL);
}

/* ---- queues ---- */

static uint64_t
check_seat(const struct seat *s)
{
	uint64_t	count = 0;
	uint32_t	flows = 0;

	check_row(&s->own);
	list_for(node, &s->flows) {
		count += list_entry(node, struct flow, link)->count;
		flows++;
	}
	must(flows == s->refs && flows > 0 && count == s->count, NULL);
	must(s->credit <= s->of.tenant->weight || s->credit <= 1, NULL);
	return count;
}

static void
check_bench(const struct bench *b)
{
	uint64_t		 count = 0;
	const struct tenant	*t;

	for (size_t at = 0; (t = namemap_next(&b->of.queue->tenants, &at)) != NULL; )
		list_for(node, &t->seats)
			if (list_entry(node, struct seat, link)->of.bench == b)
				count += list_entry(node, struct seat, link)->count;
	must(count == b->count, NULL);
	must((b->node.index != 0) ==
	    (b->rows.len + b->open.len > 0 && !gate_closed(&b->of.queue->gate)), NULL);
	must(b->node.index == 0 || b->node.key == b->turn, NULL);
}

static uint64_t
check_queue(const struct core *c, const struct queue *q)
{
	uint64_t		 sum = 0, on_benches = 0;
	const struct tenant	*t;
	const struct limit_key	*k;

	check_gate(c, &q->gate);
	must(q->refs == q->tenants.len, NULL);
	must(q->refs > 0 || q->configured || q->watches > 0, NULL);
	for (size_t at = 0; (t = namemap_next(&q->tenants, &at)) != NULL; ) {
		check_gate(c, &t->gate);
		must(t->gate.max_running == q->tenant_running, NULL);
		list_for(node, &t->seats)
			sum += check_seat(list_entry(node, struct seat, link));
	}
	for (size_t at = 0; (k = namemap_next(&q->keys, &at)) != NULL; ) {
		check_gate(c, &k->gate);
		must(k->gate.max_running == q->key_running && k->refs > 0, NULL);
	}
	list_for(node, &q->benches) {
		check_bench(list_entry(node, struct bench, link));
		on_benches += list_entry(node, struct bench, link)->count;
	}
	must(sum == on_benches, NULL);
	return sum;
}

uint64_t
check_turns(const struct core *c)
{
	const void	*p;
	uint64_t	 in_line = 0;

	for (size_t at = 0; (p = namemap_next(&c->flows, &at)) != NULL; )
		check_flow(p);
	for (size_t at = 0; (p = namemap_next(&c->rows, &at)) != NULL; )
		check_row(p);
	for (size_t at = 0; (p = namemap_next(&c->stalls, &at)) != NULL; )
		check_stall(p);
	for (size_t at = 0; (p = namemap_next(&c->types, &at)) != NULL; )
		check_type(c, p);
	for (size_t at = 0; (p = namemap_next(&c->queues, &at)) != NULL; )
		in_line += check_queue(c, p);
	return in_line;
}
