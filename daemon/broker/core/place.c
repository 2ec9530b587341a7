/* place.c - which job runs next, and which worker takes it.
 * Runs in: broker, loop thread.
 *
 * A cpu worker runs one attempt at a time in order of start, and what was given to it cannot be
 * taken back: so it gets one, unless both that one and the next are of types known to be short.
 *
 * The job whose turn it is may have to wait for a worker with nothing in flight while shorter ones
 * could still be put behind others.  They are not let past: it would never see such a worker.
 */
#include "daemon/broker/core/core_internal.h"

/* ---- workers that can take one more ---- */

static bool
has_room(const struct worker *w, int lane)
{
	if (w->retired || w->killed || w->refused || w->alone_for != 0)
		return false;
	if (w->used[lane] >= w->slots[lane] || w->credit == 0)
		return false;
	if (!w->fifo || w->used[lane] == 0)
		return true;
	return w->bytes < BOUND_WINDOW_BYTES && !w->yields && type_is_short(worker_head(w)->type);
}

/* Into the heap where it can be found, or out of the one that it was in. */
static void
put_in(struct worker *w, int lane, struct heap *to)
{
	if (w->in[lane] != NULL && w->in[lane] != to)
		heap_remove(w->in[lane], &w->open[lane]);
	if (to != NULL)
		heap_set(to, &w->open[lane], w->used[lane]);
	w->in[lane] = to;
}

void
place_update(struct core *c, struct worker *w)
{
	for (int lane = 0; lane < LANES; lane++) {
		struct place	*p = w->pool->places[lane];

		if (w->slots[lane] == 0)
			continue;
		if (!has_room(w, lane))
			put_in(w, lane, NULL);
		else
			put_in(w, lane, w->fifo && w->used[lane] > 0 ? &p->behind : &p->fresh);
		place_refresh(c, p);
	}
}

void
place_leave(struct core *c, struct worker *w)
{
	for (int lane = 0; lane < LANES; lane++) {
		put_in(w, lane, NULL);
		place_refresh(c, w->pool->places[lane]);
	}
}

void
place_update_all(struct core *c)
{
	for (uint32_t i = 0; i < c->workers_len; i++)
		if (c->workers[i] != NULL)
			place_update(c, c->workers[i]);
}

static struct worker *
worker_of(struct heap_node *node, int lane)
{
	return list_entry(node - lane, struct worker, open);
}

/* May this job go behind what the worker has? */
static bool
fits(const struct worker *w, const struct job *j)
{
	return w->bytes + job_args_len(j) <= BOUND_WINDOW_BYTES;
}

/* Others could start if there was a CPU slot, and there is none. */
static bool
cpu_is_wanted(const struct core *c, const struct place *p)
{
	const struct list	*wanting = &c->starts[STARTS_CPU];

	if (p->budget != &c->cpu || budget_open(&c->cpu))
		return false;
	if (place_gives(&c->alone_places[STARTS_CPU]) || wanting->prev != wanting->next)
		return true;
	return !list_empty(wanting) && wanting->next != &p->start;
}

/* A window that is filled again and again would keep its slot for ever. */
static bool
must_yield(const struct core *c, const struct place *p, const struct worker *w, int64_t now_ns)
{
	return now_ns - w->held_ns >= SLOT_NS && cpu_is_wanted(c, p);
}

/*
 * The least loaded of the workers that may take this job behind others; NULL: none.  Only a large
 * payload makes it look at more than one.
 */
static struct worker *
find_behind(struct core *c, struct core_time now, struct place *p, const struct job *j)
{
	struct worker	*best = NULL;

	if (!type_is_short(job_type(j)))
		return NULL;
	while (p->behind.len > 0) {
		best = worker_of(heap_min(&p->behind), p->line);
		if (!must_yield(c, p, best, now.mono_ns))
			break;
		best->yields = true;
		place_update(c, best);
	}
	if (p->behind.len == 0 || fits(best, j))
		return p->behind.len == 0 ? NULL : best;
	best = NULL;
	for (uint32_t i = 1; i < p->behind.len; i++) {
		struct worker	*w = worker_of(p->behind.nodes[i], p->line);

		if (fits(w, j) && !must_yield(c, p, w, now.mono_ns) &&
		    (best == NULL || w->used[p->line] < best->used[p->line]))
			best = w;
	}
	return best;
}

/* The worker that may take this job now; NULL: none. */
static struct worker *
place_find(struct core *c, struct core_time now, struct place *p, const struct job *j)
{
	if (p->fresh.len > 0 && budget_open(p->budget))
		return worker_of(heap_min(&p->fresh), p->line);
	return find_behind(c, now, p, j);
}

/* ---- whose turn it is ---- */

/* Parks, expires and wakes what it meets on the way; NULL: nothing at this place may run. */
static struct job *
next_in(struct core *c, struct core_time now, struct place *p)
{
	while (p->benches.len > 0 || gates_wake(c, p)) {
		struct gate	*shut;
		struct flow	*f;
		struct job	*j;

		if (p->benches.len == 0)
			continue;		/* what woke up is of a queue at its limit */
		f = bench_next(c, list_entry(heap_min(&p->benches), struct bench, node));
		if (f == NULL)
			continue;
		j = flow_head(f);
		if ((shut = flow_shut_gate(f)) != NULL)
			turns_park(c, f, shut);
		else if (job_ttl_ns(j) != 0 && job_ttl_ns(j) <= now.mono_ns && !j->begun)
			job_expire(c, now, j);
		else if (!j->away && !record_mark(c, j))
			return j;
		else if (j->away && !load_ask(c, j))
			return NULL;
	}
	return NULL;
}

/* A job leaves the line of its lane: to a worker, or (NULL) to wait for a worker of its own. */
static struct attempt *
take(struct core *c, struct core_time now, struct job *j, struct worker *w)
{
	struct flow	*f = j->flow;
	struct place	*place = f->of.bench->of.place;
	struct attempt	*at = NULL;

	ready_remove(c, j);
	if (w != NULL)
		at = attempt_start(c, now, j, w);
	else
		alone_ask(c, now, j, alone_free_slot(c));
	bench_served(c, f);
	if (f->of.gates[GATE_STORE] != NULL)
		load_ahead(c, f);
	gates_wake(c, place);
	return at;
}

static struct attempt *
start_in(struct core *c, struct core_time now, struct place *p)
{
	struct job	*j = next_in(c, now, p);
	struct worker	*w = j == NULL ? NULL : place_find(c, now, p, j);

	return w == NULL ? NULL : take(c, now, j, w);
}

static struct place *
place_at(struct list *node, enum starts which)
{
	return which == STARTS_BEHIND ? list_entry(node, struct place, start_behind) :
	    list_entry(node, struct place, start);
}

/*
 * Each place that stands there once: those that had a turn, or could not use it, go to the back.
 * When others have come there meanwhile, because of what was parked or expired, it begins anew.
 */
static struct attempt *
start_among(struct core *c, struct core_time now, enum starts which)
{
	struct list	*head = &c->starts[which];
	uint64_t	 look = ++c->look;

	while (!list_empty(head)) {
		struct list	*node = head->next;
		struct place	*p = place_at(node, which);
		struct attempt	*at;

		if (p->looked == look && look == c->look)
			return NULL;
		look = p->looked = c->look;
		list_remove(node);
		list_push_back(head, node);
		if ((at = start_in(c, now, p)) != NULL)
			return at;
	}
	return NULL;
}

static bool
has_slots(const struct core *c, enum starts which)
{
	return which == STARTS_CPU ? budget_open(&c->cpu) :
	    which == STARTS_WAITING ? budget_open(&c->async) : true;
}

struct attempt *
place_start(struct core *c, struct core_time now)
{
	struct attempt	*at;

	for (int i = 0; i < STARTS; i++) {
		enum starts	which = c->turn_starts;

		c->turn_starts = (which + 1) % STARTS;
		if (has_slots(c, which) && (at = start_among(c, now, which)) != NULL)
			return at;
	}
	return NULL;
}

struct job *
place_alone(struct core *c, struct core_time now)
{
	if (alone_free_slot(c) == NULL)
		return NULL;
	for (int i = 0; i < STARTS_BEHIND; i++) {
		enum starts	 which = c->turn_alone;
		struct job	*j;

		c->turn_alone = (which + 1) % STARTS_BEHIND;
		if (!has_slots(c, which) ||
		    (j = next_in(c, now, &c->alone_places[which])) == NULL)
			continue;
		take(c, now, j, NULL);
		return j;
	}
	return NULL;
}
