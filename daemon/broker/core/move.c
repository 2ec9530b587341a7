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

/* A job that must run alone stays where it is suspected. */
void
move_job(struct core *c, struct job *j)
{
	int	lane = j->lane_asked >= 0 || j->alone ? j->lane : lane_now(job_type(j), j->lane);

	if (lane == j->lane)
		return;
	j->lane = lane & 7;
	flow_change(c, j, place_of(job_type(j)->plugin != NULL, lane));
}

/*
 * Takes jobs of a flow out of line and puts them back, which moves them.  The flow may be gone
 * afterwards.  Jobs that asked for this lane stay: they are passed over.
 */
static void
empty_flow(struct core *c, struct flow *f, unsigned *budget)
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
			if (j->lane_asked >= 0)
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

/* A flow goes with its last job, and the seat would go with its last flow. */
static void
empty_seat(struct core *c, struct seat *seat, const struct type *t, unsigned *budget)
{
	seat->refs++;
	list_for_safe(node, after, &seat->flows) {
		struct flow	*f = list_entry(node, struct flow, link);

		if (*budget > 0 && f->of.gates[GATE_TYPE] == &t->gate && f->count > 0)
			empty_flow(c, f, budget);
	}
	seat_unref(c, seat);
}

static void
empty_lane(struct core *c, const struct type *t, int lane, unsigned *budget)
{
	int		 place = place_of(t->plugin != NULL, lane);
	size_t		 at = 0;
	struct queue	*q;

	while (*budget > 0 && (q = namemap_next(&c->queues, &at)) != NULL) {
		size_t		 next = 0;
		struct tenant	*tenant;

		while (*budget > 0 && (tenant = namemap_next(&q->tenants, &next)) != NULL)
			if (tenant->seats[place] != NULL)
				empty_seat(c, tenant->seats[place], t, budget);
	}
}

void
move_tick(struct core *c)
{
	unsigned	budget = TICK_BUDGET;

	list_for_safe(node, after, &c->moving) {
		struct type	*t = list_entry(node, struct type, moving);

		for (int lane = 0; lane < LANES && budget > 0; lane++)
			if ((t->emptied & 1u << lane) != 0)
				empty_lane(c, t, lane, &budget);
		if (budget == 0)
			return;
		t->emptied = 0;
		list_remove(&t->moving);
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
