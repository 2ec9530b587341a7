/* gate.c - gates that open and close.
 * Runs in: broker, loop thread.
 *
 * A queue's gate takes its benches out of the turns.  The gates of tenants, keys and groups concern
 * few benches: each of their stalls is told at once.  A type's gate may concern a million queues:
 * a stall there goes to sleep when it comes up and the gate is closed, and the type is thirsty in
 * each lane where stalls sleep and the gate is open.  That wakes them one by one: after each start
 * in that lane, and whenever the lane has nothing else to give; and a queue whose turn it is wakes
 * its own, so that priorities hold inside it.  So a gate that goes up and down by one costs the
 * same with one queue as with a million.
 */
#include "daemon/broker/core/core_internal.h"

#include <string.h>

#define NS_IN_1000_S	INT64_C(1000000000000)

/* ---- types: who sleeps there ---- */

void
type_refresh_thirst(struct core *c, struct type *t)
{
	for (int line = 0; line < JOB_LINES; line++) {
		struct place	*p = place_of_line(c, t, line);
		bool		 thirsty = !gate_closed(&t->gate) && !list_empty(&t->asleep[line]);

		if (thirsty == list_linked(&t->thirsty[line]))
			continue;
		if (thirsty)
			list_push_back(&p->thirsty, &t->thirsty[line]);
		else
			list_remove(&t->thirsty[line]);
		place_refresh(c, p);
	}
}

bool
gates_wake(struct core *c, struct place *place)
{
	int		 line = place->line;
	struct type	*t;

	if (list_empty(&place->thirsty))
		return false;
	t = list_entry(place->thirsty.next - line, struct type, thirsty);
	list_remove(&t->thirsty[line]);		/* others come first next time */
	stall_wake(c, list_entry(t->asleep[line].next, struct stall, sleep));
	place_refresh(c, place);
	return true;
}

/* It has no limit any more: nothing would wake them in their turn. */
void
type_wake(struct core *c, struct type *t)
{
	for (int line = 0; line < JOB_LINES; line++)
		while (!list_empty(&t->asleep[line]))
			stall_wake(c, list_entry(t->asleep[line].next, struct stall, sleep));
}

/* ---- open and closed ---- */

static void
tell_queue(struct core *c, struct queue *q)
{
	list_for(node, &q->benches)
		bench_refresh(c, list_entry(node, struct bench, link));
}

static void
tell_stalls(struct core *c, struct gate *g)
{
	list_for(node, &g->stalls) {
		struct stall	*s = list_entry(node, struct stall, link);

		if (g->closed)
			stall_sleep(c, s);
		else
			stall_wake(c, s);
	}
}

/* After anything that may have opened or closed it. */
static void
gate_refresh(struct core *c, struct gate *g)
{
	bool	closed = gate_closed(g);

	if (closed == g->closed)
		return;
	g->closed = closed;
	if (g->kind == GATE_TYPE)
		type_refresh_thirst(c, list_entry(g, struct type, gate));
	else if (g->kind == GATE_QUEUE)
		tell_queue(c, list_entry(g, struct queue, gate));
	else
		tell_stalls(c, g);
}

void
gate_init(struct gate *g, enum gate_kind kind)
{
	*g = (struct gate){ .kind = (uint8_t)kind, .spent_until_ns = INT64_MIN };
	list_init(&g->stalls);
}

void
gate_fini(struct core *c, struct gate *g)
{
	heap_remove(&c->gate_timers, &g->timer);
}

/* After its settings have changed. */
static void
gate_settle(struct core *c, struct gate *g)
{
	gate_refresh(c, g);
	if (g->kind == GATE_TYPE && g->max_running == 0 && g->rate.rate_milli == 0)
		type_wake(c, list_entry(g, struct type, gate));
}

void
gate_limit(struct core *c, struct gate *g, uint32_t max_running)
{
	g->max_running = max_running;
	gate_settle(c, g);
}

void
gate_pause(struct core *c, struct gate *g, bool paused)
{
	g->paused = paused;
	gate_refresh(c, g);
}

/* ---- rates ---- */

static int64_t
interval_ns(const struct gate *g)
{
	return (NS_IN_1000_S + g->rate.rate_milli - 1) / g->rate.rate_milli;
}

int64_t
gate_next_ns(const struct gate *g)
{
	if (g->rate.rate_milli == 0 || g->spent_until_ns == INT64_MIN)
		return INT64_MIN;
	return g->spent_until_ns - ((int64_t)g->rate.burst - 1) * interval_ns(g);
}

static void
refresh_dry(struct core *c, struct gate *g, int64_t now_ns)
{
	int64_t	next_ns = gate_next_ns(g);

	g->dry = next_ns > now_ns;
	if (g->dry)
		heap_set(&c->gate_timers, &g->timer, next_ns);
	else
		heap_remove(&c->gate_timers, &g->timer);
}

static void
take_token(struct core *c, struct gate *g, int64_t now_ns)
{
	if (g->spent_until_ns < now_ns)
		g->spent_until_ns = now_ns;
	g->spent_until_ns += interval_ns(g);
	refresh_dry(c, g, now_ns);
}

/* What was started under the rate before does not count any more. */
void
gate_rate(struct core *c, int64_t now_ns, struct gate *g, struct rate rate)
{
	if (rate.burst == 0)
		rate.burst = 1;
	if (g->rate.rate_milli == rate.rate_milli && g->rate.burst == rate.burst)
		return;
	g->rate = rate;
	g->spent_until_ns = INT64_MIN;
	refresh_dry(c, g, now_ns);
	gate_settle(c, g);
}

void
gates_tick(struct core *c, struct heap_node *due, int64_t now_ns)
{
	struct gate	*g = list_entry(due, struct gate, timer);

	refresh_dry(c, g, now_ns);
	gate_refresh(c, g);
}

/* ---- what a job holds while it runs ---- */

static inline void
hold(struct core *c, struct gate *g, int64_t now_ns)
{
	g->running++;
	if (g->rate.rate_milli > 0)
		take_token(c, g, now_ns);
	if (g->max_running > 0 || g->dry)
		gate_refresh(c, g);
}

static inline void
release(struct core *c, struct gate *g)
{
	g->running--;
	if (g->closed)
		gate_refresh(c, g);
}

void
gates_hold(struct core *c, struct core_time now, struct flow *f)
{
	for (int i = 0; i < FLOW_GATES; i++)
		if (f->of.gates[i] != NULL)
			hold(c, f->of.gates[i], now.mono_ns);
	hold(c, &f->of.bench->of.queue->gate, now.mono_ns);
}

void
gates_release(struct core *c, struct flow *f)
{
	for (int i = 0; i < FLOW_GATES; i++)
		if (f->of.gates[i] != NULL)
			release(c, f->of.gates[i]);
	release(c, &f->of.bench->of.queue->gate);
}

struct gate *
flow_shut_gate(const struct flow *f)
{
	for (int i = 0; i < FLOW_GATES; i++)
		if (f->of.gates[i] != NULL && gate_closed(f->of.gates[i]))
			return f->of.gates[i];
	return NULL;
}
