/* timer.c - what time does: jobs become due or expire, attempts run out of it.
 * Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

/* Saturates: a duration may be longer than the clock. */
int64_t
ns_after(int64_t now_ns, int64_t ms)
{
	return ms > (INT64_MAX - now_ns) / NS_IN_MS ? INT64_MAX : now_ns + ms * NS_IN_MS;
}

void
job_timer_set(struct core *c, struct job *j)
{
	struct job_extra	*x = job_extra(j);
	int64_t			 key = INT64_MAX;

	if (x == NULL)
		return;
	if (record_open(j) && j->state == JOB_scheduled && x->due_ns != 0)
		key = x->due_ns;
	if (record_open(j) && x->ttl_ns != 0 && !j->begun && x->ttl_ns < key)
		key = x->ttl_ns;
	if (key != INT64_MAX)
		heap_set(&c->job_timers, &x->timer, key);
	else
		heap_remove(&c->job_timers, &x->timer);
}

void
job_timer_stop(struct core *c, struct job *j)
{
	if (job_extra(j) != NULL)
		heap_remove(&c->job_timers, &job_extra(j)->timer);
}

static void
job_due(struct core *c, struct core_time now, struct job *j)
{
	if (job_state_finished(j->state)) {
		retain_over(c, now, j);
		return;
	}
	if (job_ttl_ns(j) != 0 && !j->begun && job_ttl_ns(j) <= now.mono_ns) {
		job_expire(c, now, j);
		return;
	}
	job_extra(j)->due_ns = 0;
	wait_over(c, now, j, REASON_due);
}

static void
reopen(struct core *c, struct worker *w)
{
	heap_remove(&c->retries, &w->retry);
	w->refused = false;
	place_update(c, w);
}

static struct heap_node *
due(const struct heap *h, int64_t now_ns)
{
	struct heap_node	*node = heap_min(h);

	return node == NULL || node->key > now_ns ? NULL : node;
}

void
core_tick(struct core *c, struct core_time now)
{
	struct heap_node	*node;
	unsigned		 budget = TICK_BUDGET;

	c->fan_left = FAN_BUDGET;
	for (; budget > 0 && (node = due(&c->attempt_timers, now.mono_ns)) != NULL; budget--)
		attempt_due(c, now, list_entry(node, struct attempt, timer));
	for (; budget > 0 && (node = due(&c->job_timers, now.mono_ns)) != NULL; budget--)
		job_due(c, now, list_entry(node, struct job_extra, timer)->job);
	for (; budget > 0 && (node = due(&c->gate_timers, now.mono_ns)) != NULL; budget--)
		gates_tick(c, node, now.mono_ns);
	for (; budget > 0 && (node = due(&c->unique_timers, now.mono_ns)) != NULL; budget--)
		unique_due(c, node);
	while ((node = due(&c->retries, now.mono_ns)) != NULL)
		reopen(c, list_entry(node, struct worker, retry));
	alone_tick(c, now.mono_ns);
	move_tick(c);
}

static int64_t
earlier(int64_t at_ns, const struct heap *h)
{
	const struct heap_node	*node = heap_min(h);

	return node == NULL || node->key > at_ns ? at_ns : node->key;
}

int64_t
core_next_ns(const struct core *c)
{
	int64_t	next = c->fan_left > 0 ? retain_next_ns(c) : 0, alone = alone_next_ns(c);

	if (groups_next_ns(c) < next)
		next = groups_next_ns(c);
	if (!list_empty(&c->moving))
		return 0;			/* at once */
	if (alone < next)
		next = alone;
	next = earlier(next, &c->attempt_timers);
	next = earlier(next, &c->job_timers);
	next = earlier(next, &c->gate_timers);
	next = earlier(next, &c->unique_timers);
	return earlier(next, &c->retries);
}
