/* depend.c - jobs that wait for others: `after`.
 * Runs in: broker, loop thread.
 *
 * A job that waits has an edge for each parent that has not finished.  What a parent's end means
 * for its children is not carried out where it ends but before its outcome is told, so a chain of
 * any length is a walk along the list of the finished, and no recursion.
 */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>

#include "lib/alloc.h"

uint64_t
core_missing_parent(const struct core *c, const struct jobspec *spec)
{
	for (uint32_t i = 0; i < spec->after_len; i++) {
		const struct job	*parent = core_find(c, spec->after[i]);

		if (parent == NULL || parent->unstored)
			return spec->after[i];
	}
	return 0;
}

/*
 * JOB_STATES: the parent was forgotten.  What its failure means is written down before anybody can
 * forget it, so it was none.
 */
static bool
lets_run(const struct job *child, enum job_state parent)
{
	return parent == JOB_succeeded || parent == JOB_STATES || job_life(child)->despite;
}

static void
wait_for(struct job_edge *e, struct list *among)
{
	list_push_back(among, &e->link);
	job_life_get(e->child)->parents_left++;
}

static bool
was_told(const struct job *parent)
{
	return job_state_finished(parent->state) && job_run(parent)->told;
}

static void
make_edges(struct job *j, const struct jobspec *spec)
{
	struct job_life	*life;

	if (spec->after_len == 0)
		return;
	life = job_life_get(j);
	life->after = mem_zalloc(spec->after_len, sizeof(*life->after));
	life->after_len = spec->after_len;
	life->despite = spec->on_parent_failure == ON_PARENT_FAILURE_RUN;
	for (uint32_t i = 0; i < spec->after_len; i++) {
		life->after[i].parent_id = spec->after[i];
		life->after[i].child = j;
		list_init(&life->after[i].link);
	}
}

void
depend_enter(struct core *c, struct job *j, const struct jobspec *spec)
{
	make_edges(j, spec);
	for (uint32_t i = 0; i < spec->after_len; i++) {
		struct job	*parent = core_find(c, spec->after[i]);

		if (!was_told(parent))
			wait_for(&job_life_get(j)->after[i], &job_life_get(parent)->children);
	}
}

/* How those ended that are not live, the caller finds out. */
void
depend_again(struct core *c, struct job *j, const struct job_saved *s)
{
	bool	over = s->parents_done || job_state_finished(s->state);

	make_edges(j, &s->spec);
	for (uint32_t i = 0; i < s->spec.after_len && !over; i++) {
		struct job	*parent = core_find(c, s->spec.after[i]);
		bool		 live = parent != NULL && !was_told(parent);

		wait_for(&job_life_get(j)->after[i],
		    live ? &job_life_get(parent)->children : &c->orphans);
	}
}

bool
core_parents_done(const struct job *j)
{
	return !j->ending && (job_life(j) == NULL || job_life(j)->parents_left == 0);
}

bool
core_next_orphan(const struct core *c, uint64_t *child, uint64_t *parent)
{
	const struct job_edge	*e;

	if (list_empty(&c->orphans))
		return false;
	e = list_entry(c->orphans.next, struct job_edge, link);
	*child = e->child->id;
	*parent = e->parent_id;
	return true;
}

size_t
core_orphan_parents(const struct core *c, uint64_t *parents, size_t max)
{
	size_t	count = 0;

	list_for(node, &c->orphans) {
		if (count == max)
			break;
		parents[count++] = list_entry(node, struct job_edge, link)->parent_id;
	}
	return count;
}

static void
fail(struct core *c, struct core_time now, struct job *child, uint64_t parent,
    enum job_state state)
{
	const char	*name = job_state_names[state];
	struct outcome	 o = outcome_failed(FAILURE_dependency, mem_printf(
	    "job %llu, which it waited for, %s%s", (unsigned long long)parent,
	    state == JOB_cancelled ? "was " : "", name));

	o.data = mem_printf("{\"parent\":%llu,\"state\":\"%s\"}", (unsigned long long)parent, name);
	job_finish(c, now, child, JOB_failed, REASON_parent_failed, &o);
}

/* One of those for which it waits has ended so. */
static void
parent_ended(struct core *c, struct core_time now, struct job *child, uint64_t parent,
    enum job_state state)
{
	job_life_get(child)->parents_left--;
	if (!lets_run(child, state)) {
		fail(c, now, child, parent, state);
	} else if (job_life(child)->parents_left == 0) {
		wait_over(c, now, child, REASON_parents_done);
		record_ask(c, child, RECORD_CHANGE);	/* the parents may run again, or be forgotten */
	}
}

void
core_parent_was(struct core *c, struct core_time now, struct job *child, uint64_t parent,
    enum job_state state)
{
	const struct job_life	*life = job_life(child);

	for (uint32_t i = 0; i < life->after_len; i++) {
		if (life->after[i].parent_id != parent || !list_linked(&life->after[i].link))
			continue;
		list_remove(&life->after[i].link);
		parent_ended(c, now, child, parent, state);
		return;
	}
}

void
depend_check(struct core *c, struct core_time now, struct job *j)
{
	const struct job_life	*life = job_life(j);

	for (uint32_t i = 0; life != NULL && i < life->after_len; i++) {
		const struct job	*parent = core_find(c, life->after[i].parent_id);

		if (list_linked(&life->after[i].link) || lets_run(j, parent->state))
			continue;
		fail(c, now, j, parent->id, parent->state);
		return;
	}
}

void
depend_leave(struct job *j)
{
	struct job_life	*life = job_extra(j) == NULL ? NULL : job_extra(j)->life;

	for (uint32_t i = 0; life != NULL && i < life->after_len; i++)
		list_remove(&life->after[i].link);
	if (life != NULL)
		life->parents_left = 0;
}

bool
depend_told(struct core *c, struct core_time now, struct job *parent)
{
	struct list	*node;

	if (job_life(parent) == NULL)
		return true;
	while (!list_empty(&job_extra(parent)->life->children)) {
		struct job_edge	*e;

		if (c->fan_left == 0)
			return false;
		c->fan_left--;
		node = list_pop(&job_extra(parent)->life->children);
		e = list_entry(node, struct job_edge, link);
		parent_ended(c, now, e->child, parent->id, parent->state);
	}
	return true;
}

void
depend_told_at_once(struct core *c, struct core_time now, struct job *parent)
{
	uint32_t	left = c->fan_left;

	c->fan_left = UINT32_MAX;
	depend_told(c, now, parent);
	c->fan_left = left;
}
