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

int
place_of(bool plugin, int lane)
{
	if (plugin && lane == LANE_ASYNC)
		return LANE_PLUGIN_ASYNC;
	return plugin && lane == LANE_THREAD ? LANE_PLUGIN_THREAD : lane;
}

/* ---- workers that can take one more ---- */

static bool
has_room(const struct worker *w, int lane)
{
	if (w->retired || w->killed || w->refused || w->alone_for != 0)
		return false;
	if (w->used[lane] >= w->slots[lane])
		return false;
	if (!w->fifo || w->used[lane] == 0)
		return true;
	return w->bytes < BOUND_WINDOW_BYTES && type_is_short(worker_head(w)->type);
}

void
place_update(struct core *c, struct worker *w)
{
	for (int lane = 0; lane < LANES; lane++) {
		struct heap	*open = &c->open[place_of(w->plugin, lane)];

		if (w->slots[lane] == 0)
			continue;
		if (has_room(w, lane))
			heap_set(open, &w->open[lane], w->used[lane]);
		else
			heap_remove(open, &w->open[lane]);
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

/* It is open; may it take this job behind what it has? */
static bool
fits(const struct worker *w, const struct job *j)
{
	return !w->fifo || w->used[j->lane] == 0 ||
	    (type_is_short(job_type(j)) && w->bytes + job_args_len(j) <= BOUND_WINDOW_BYTES);
}

/*
 * The least loaded of the workers that may take this job now; NULL: none.  Only a large payload
 * makes it look at more than one.
 */
static struct worker *
place_find(const struct core *c, const struct job *j)
{
	const struct heap	*open = &c->open[place_of(job_type(j)->plugin != NULL, j->lane)];
	struct worker		*best;

	if (open->len == 0)
		return NULL;
	best = worker_of(heap_min(open), j->lane);
	if (fits(best, j))
		return best;
	if (!type_is_short(job_type(j)))
		return NULL;
	best = NULL;
	for (uint32_t i = 1; i < open->len; i++) {
		struct worker	*w = worker_of(open->nodes[i], j->lane);

		if (fits(w, j) && (best == NULL || w->used[j->lane] < best->used[j->lane]))
			best = w;
	}
	return best;
}

/* ---- whose turn it is ---- */

/* Parks, expires and wakes what it meets on the way; NULL: nothing in this lane may run. */
static struct job *
next_in(struct core *c, struct core_time now, int lane)
{
	struct turns	*turns = &c->turns[lane];

	while (turns->benches.len > 0 || gates_wake(c, lane)) {
		struct gate	*shut;
		struct flow	*f;
		struct job	*j;

		if (turns->benches.len == 0)
			continue;		/* what woke up is of a queue at its limit */
		f = bench_next(c, list_entry(heap_min(&turns->benches), struct bench, node));
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

static bool
lane_is_open(struct core *c, int lane)
{
	return lane == LANE_ALONE ? alone_free_slot(c) != NULL : c->open[lane].len > 0;
}

/* A job leaves the line of its lane: to a worker, or (NULL) to wait for a worker of its own. */
static struct attempt *
take(struct core *c, struct core_time now, struct job *j, struct worker *w)
{
	struct flow	*f = j->flow;
	int		 place = f->of.bench->place;
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
start_in(struct core *c, struct core_time now, int lane)
{
	struct job	*j;
	struct worker	*w;

	if (!lane_is_open(c, lane) || (j = next_in(c, now, lane)) == NULL)
		return NULL;
	return (w = place_find(c, j)) == NULL ? NULL : take(c, now, j, w);
}

struct attempt *
place_start(struct core *c, struct core_time now)
{
	struct attempt	*at;

	for (int i = 0; i < PLACES; i++) {
		int	lane = c->turn_lane;

		c->turn_lane = (lane + 1) % PLACES;
		if (lane != LANE_ALONE && (at = start_in(c, now, lane)) != NULL)
			return at;
	}
	return NULL;
}

struct job *
place_alone(struct core *c, struct core_time now)
{
	struct job	*j;

	if (!lane_is_open(c, LANE_ALONE) || (j = next_in(c, now, LANE_ALONE)) == NULL)
		return NULL;
	take(c, now, j, NULL);
	return j;
}
