/* move.c - a type changes its lane, and its jobs that wait follow.
 * Runs in: broker, loop thread.
 *
 * A job looks at where its type has moved when it gets in line.  Those that are in line already
 * are taken out and put back, a bounded number in each tick: they keep their places (seq).
 */
#include "daemon/broker/core/core_internal.h"

/* Where jobs go that were routed to this lane. */
static int
lane_now(const struct type *t, int lane)
{
	for (int i = 0; i < LANES && t->moved_to[lane] != 0; i++)
		lane = t->moved_to[lane] - 1;
	return lane;
}

/* A job that must run alone stays in the lane where it is suspected. */
void
move_job(struct core *c, struct job *j)
{
	struct type	*t = job_type(j);
	struct place	*place;

	if (j->lane_asked < 0 && !j->alone && t->moved_to[j->lane] != 0)
		j->lane = lane_now(t, j->lane) & 7;
	place = place_of(c, t, j->lane, j->alone);
	if (j->flow->of.bench->of.place != place)
		flow_change(c, j, place);
}

static bool
is_there(struct core *c, const struct flow *f, const struct job *j)
{
	return f->of.bench->of.place == place_of(c, job_type(j), j->lane, j->alone);
}

/*
 * Takes jobs of a flow out of line and puts them back, which moves them.  The flow may be gone
 * afterwards.  Jobs that asked for this lane stay, in its pool: they are passed over.
 */
static void
empty_flow(struct core *c, struct flow *f, unsigned *budget, bool all)
{
	uint64_t	left = f->count;

	for (uint32_t level = 0; left > 0 && *budget > 0;) {
		struct level	*l = f->levels[level];
		bool		 gone = false;

		list_for_safe(node, after, &l->jobs) {
			struct job	*j = list_entry(node, struct job, link);

			if (*budget == 0)
				return;
			left--;
			if (all ? is_there(c, f, j) : j->lane_asked >= 0)
				continue;
			--*budget;
			gone = l->count == 1;	/* the level goes with its last job */
			ready_remove(c, j);
			ready_add(c, j);
			if (gone)
				break;
		}
		level += !gone;
	}
}

/* Is this, perhaps, no place for the type any more: of another pool (for all of its jobs), or a lane
 * that is being emptied?  Where jobs run alone those stay that belong there. */
static bool
is_left(const struct type *t, const struct place *p, bool *all)
{
	*all = p->line < LANES ? p != t->places[p->line] : t->leaving;
	return *all || (t->emptied & 1u << p->line) != 0;
}

/* A flow goes with its last job, and the seat would go with its last flow. */
static void
empty_seat(struct core *c, struct seat *seat, const struct type *t, unsigned *budget)
{
	bool	all;

	if (!is_left(t, seat->of.bench->of.place, &all))
		return;
	seat->refs++;
	list_for_safe(node, after, &seat->flows) {
		struct flow	*f = list_entry(node, struct flow, link);

		if (*budget > 0 && f->of.gates[GATE_TYPE] == &t->gate && f->count > 0)
			empty_flow(c, f, budget, all);
	}
	seat_unref(c, seat);
}

/* A tenant's jobs that move may be the last on their seats, and the first on others. */
static void
empty_tenant(struct core *c, struct tenant *tenant, const struct type *t, unsigned *budget)
{
	tenant->refs++;
	list_for_safe(node, after, &tenant->seats)
		if (*budget > 0)
			empty_seat(c, list_entry(node, struct seat, link), t, budget);
	tenant_unref(c, tenant);
}

static void
empty_type(struct core *c, const struct type *t, unsigned *budget)
{
	size_t		 at = 0;
	struct queue	*q;

	while (*budget > 0 && (q = namemap_next(&c->queues, &at)) != NULL) {
		size_t		 next = 0;
		struct tenant	*tenant;

		while (*budget > 0 && (tenant = namemap_next(&q->tenants, &next)) != NULL)
			empty_tenant(c, tenant, t, budget);
	}
}

void
move_tick(struct core *c)
{
	unsigned	budget = TICK_BUDGET;

	list_for_safe(node, after, &c->moving) {
		struct type	*t = list_entry(node, struct type, moving);

		empty_type(c, t, &budget);
		if (budget == 0)
			return;
		t->emptied = 0;
		t->leaving = false;
		list_remove(&t->moving);
		type_open(c, t);
	}
}

void
core_type_move(struct core *c, struct type *t, enum lane from, enum lane to)
{
	if (from == to)
		return;
	t->moved_to[to] = 0;
	/* what waits for another lane may be too large for the inline one */
	t->moved_to[from] = to == LANE_INLINE ? 0 : (uint8_t)(to + 1);
	if (to == LANE_INLINE)
		return;
	t->emptied |= (uint8_t)(1u << from);
	if (!list_linked(&t->moving))
		list_push_back(&c->moving, &t->moving);
}
