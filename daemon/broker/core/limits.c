/* limits.c - max_running of types and queues.
 * Runs in: broker, loop thread.
 *
 * A queue at its limit takes its benches out of the turns.  A type at its limit parks the flows
 * that come up (place.c finds out when it is their turn).  Once it has room again, a queue whose
 * turn it is gets back its own, so that priorities hold inside it; and the type is thirsty in each
 * lane where flows are parked, which brings them back one by one: after each start there, and
 * whenever that lane has nothing else to give.  So a type that goes up and down by one costs the
 * same with one queue as with a million.
 */
#include "daemon/broker/core/core_internal.h"

#include <string.h>

bool
type_full(const struct type *t)
{
	return t->max_running > 0 && t->running >= t->max_running;
}

bool
queue_full(const struct queue *q)
{
	return q->max_running > 0 && q->running >= q->max_running;
}

static void
refresh_thirst(struct core *c, struct type *t)
{
	for (int lane = 0; lane < PLACES; lane++) {
		bool	thirsty = !type_full(t) && !list_empty(&t->parked[lane]);

		if (thirsty == list_linked(&t->thirsty[lane]))
			continue;
		if (thirsty)
			list_push_back(&c->turns[lane].thirsty, &t->thirsty[lane]);
		else
			list_remove(&t->thirsty[lane]);
	}
}

static void
refresh_queue(struct core *c, struct queue *q)
{
	for (int lane = 0; lane < PLACES; lane++)
		if (q->benches[lane] != NULL)
			bench_refresh(c, q->benches[lane]);
}

void
limits_hold(struct core *c, struct type *t, struct queue *q)
{
	t->running++;
	q->running++;
	if (t->max_running > 0)
		refresh_thirst(c, t);
	if (q->max_running > 0)
		refresh_queue(c, q);
}

void
limits_release(struct core *c, struct type *t, struct queue *q)
{
	t->running--;
	q->running--;
	if (t->max_running > 0)
		refresh_thirst(c, t);
	if (q->max_running > 0)
		refresh_queue(c, q);
}

void
limits_park(struct core *c, struct flow *f)
{
	list_push_back(&f->type->parked[f->bench->lane], &f->link);
	f->parked = true;
	f->bench->parked++;
	refresh_thirst(c, f->type);
	flow_refresh(c, f);
}

void
limits_unpark(struct core *c, struct flow *f)
{
	list_remove(&f->link);
	f->parked = false;
	f->bench->parked--;
	refresh_thirst(c, f->type);
}

static void
wake_first(struct core *c, struct type *t, int lane)
{
	struct flow	*f = list_entry(t->parked[lane].next, struct flow, link);

	limits_unpark(c, f);
	flow_refresh(c, f);
}

bool
limits_wake(struct core *c, int lane)
{
	struct list	*thirsty = &c->turns[lane].thirsty;
	struct type	*t;

	if (list_empty(thirsty))
		return false;
	t = list_entry(thirsty->next - lane, struct type, thirsty);
	list_remove(&t->thirsty[lane]);		/* others come first next time */
	wake_first(c, t, lane);
	return true;
}

void
limits_wake_bench(struct core *c, struct bench *b)
{
	for (struct flow *f = b->first; f != NULL && b->parked > 0; f = f->next) {
		if (!f->parked || type_full(f->type))
			continue;
		limits_unpark(c, f);
		flow_refresh(c, f);
	}
}

void
core_queue_limit(struct core *c, const char *name, uint32_t max_running)
{
	struct queue	*q = queue_get(c, name, strlen(name));

	q->configured = true;
	q->max_running = max_running;
	refresh_queue(c, q);
	queue_unref(c, q);
}

void
limits_set_type(struct core *c, struct type *t, uint32_t max_running)
{
	t->max_running = max_running;
	refresh_thirst(c, t);
	for (int lane = 0; lane < PLACES && max_running == 0; lane++)
		while (!list_empty(&t->parked[lane]))
			wake_first(c, t, lane);
}
