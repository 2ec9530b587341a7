/* alone.c - jobs that get a worker of their own, because one died while it ran them.
 * Runs in: broker, loop thread.
 *
 * A job that asks for its worker holds its limits, and its slot, from then on: when the worker is
 * up, nothing else can be in its way.  Only CORE_ALONE_MAX of them exist at a time; the others wait in line, in
 * places by what they need: a CPU slot, a waiting slot, or neither.
 */
#include "daemon/broker/core/core_internal.h"

/* On another machine nobody starts a worker for it. */
bool
alone_needed(const struct job *j)
{
	return j->suspicions > 0 && !job_type(j)->places[j->lane]->pool->remote;
}

struct alone *
alone_free_slot(struct core *c)
{
	for (int i = 0; i < CORE_ALONE_MAX; i++)
		if (c->alone[i].state == ALONE_FREE)
			return &c->alone[i];
	return NULL;
}

void
alone_ask(struct core *c, struct core_time now, struct job *j, struct alone *a)
{
	gates_hold(c, now, j->flow);
	j->alone_asked = true;
	*a = (struct alone){ .state = ALONE_ASKED, .job = j, .job_id = j->id,
	    .held = budget_take(job_type(j)->places[j->lane]->budget) };
}

struct alone *
alone_of(struct core *c, const struct job *j)
{
	for (int i = 0; i < CORE_ALONE_MAX; i++)
		if (c->alone[i].job == j)
			return &c->alone[i];
	return NULL;
}

/* A job that was held meanwhile may have been asked for twice: the one for which it waits. */
static struct alone *
asked_for(struct core *c, uint64_t job_id)
{
	struct alone	*found = NULL;

	for (int i = 0; i < CORE_ALONE_MAX; i++) {
		struct alone	*a = &c->alone[i];

		if (a->state == ALONE_ASKED && a->job_id == job_id &&
		    (found == NULL || found->job == NULL))
			found = a;
	}
	return found;
}

void
alone_up(struct core *c, struct worker *w)
{
	struct alone	*a = asked_for(c, w->alone_for);

	if (a != NULL) {
		a->state = ALONE_UP;
		a->worker = w;
	}
	if (a == NULL || a->job == NULL)
		worker_retire(c, w);		/* the job ended meanwhile */
}

static void
give_slot(struct alone *a)
{
	budget_give(a->held);
	a->held = NULL;
}

/* The job does not wait for its worker any more. */
static struct job *
let_go(struct core *c, struct alone *a)
{
	struct job	*j = a->job;

	a->job = NULL;
	give_slot(a);
	j->alone_asked = false;
	gates_release(c, j->flow);
	return j;
}

void
alone_withdraw(struct core *c, struct job *j)
{
	struct alone	*a = alone_of(c, j);

	let_go(c, a);
	if (a->state == ALONE_UP)
		worker_retire(c, a->worker);
}

void
alone_worker_gone(struct core *c, struct worker *w)
{
	for (int i = 0; i < CORE_ALONE_MAX; i++) {
		struct alone	*a = &c->alone[i];

		if (a->state != ALONE_UP || a->worker != w)
			continue;
		if (a->job != NULL)
			ready_add(c, let_go(c, a));
		*a = (struct alone){ .state = ALONE_FREE };
	}
}

void
core_alone_failed(struct core *c, struct core_time now, uint64_t job)
{
	struct alone	*a = asked_for(c, job);

	if (a == NULL)
		return;
	if (a->job != NULL)
		ready_add(c, let_go(c, a));
	*a = (struct alone){ .state = ALONE_COOLING, .retry_ns = now.mono_ns + RETRY_NS };
}

/* Starts a job whose worker is up. */
struct attempt *
alone_start(struct core *c, struct core_time now)
{
	for (int i = 0; i < CORE_ALONE_MAX; i++) {
		struct alone	*a = &c->alone[i];
		struct job	*j = a->job;

		if (a->state != ALONE_UP || j == NULL)
			continue;
		a->job = NULL;
		give_slot(a);		/* the attempt takes it */
		return attempt_start(c, now, j, a->worker);
	}
	return NULL;
}

void
alone_tick(struct core *c, int64_t now_ns)
{
	for (int i = 0; i < CORE_ALONE_MAX; i++)
		if (c->alone[i].state == ALONE_COOLING && c->alone[i].retry_ns <= now_ns)
			c->alone[i].state = ALONE_FREE;
}

int64_t
alone_next_ns(const struct core *c)
{
	int64_t	next = INT64_MAX;

	for (int i = 0; i < CORE_ALONE_MAX; i++)
		if (c->alone[i].state == ALONE_COOLING && c->alone[i].retry_ns < next)
			next = c->alone[i].retry_ns;
	return next;
}
