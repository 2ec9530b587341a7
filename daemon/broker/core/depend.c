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
	for (uint32_t i = 0; i < spec->after_len; i++)
		if (core_find(c, spec->after[i]) == NULL)
			return spec->after[i];
	return 0;
}

static bool
lets_run(const struct job *child, const struct job *parent)
{
	return parent->state == JOB_succeeded || job_life(child)->despite;
}

void
depend_enter(struct core *c, struct job *j, const struct jobspec *spec)
{
	struct job_life	*life;

	if (spec->after_len == 0)
		return;
	life = job_life_get(j);
	life->after = mem_zalloc(spec->after_len, sizeof(*life->after));
	life->after_len = spec->after_len;
	life->despite = spec->on_parent_failure == ON_PARENT_FAILURE_RUN;
	for (uint32_t i = 0; i < spec->after_len; i++) {
		struct job_edge	*e = &life->after[i];
		struct job	*parent = core_find(c, spec->after[i]);

		e->parent_id = spec->after[i];
		e->child = j;
		list_init(&e->link);
		if (job_state_finished(parent->state) && job_run(parent)->told)
			continue;
		list_push_back(&job_life_get(parent)->children, &e->link);
		life->parents_left++;
	}
}

static void
fail(struct core *c, struct core_time now, struct job *child, const struct job *parent)
{
	struct outcome	o = outcome_failed(FAILURE_dependency, mem_printf(
	    "job %llu, which it waited for, %s", (unsigned long long)parent->id,
	    parent->state == JOB_cancelled ? "was cancelled" : job_state_names[parent->state]));

	o.data = mem_printf("{\"parent\":%llu,\"state\":\"%s\"}", (unsigned long long)parent->id,
	    job_state_names[parent->state]);
	job_finish(c, now, child, JOB_failed, REASON_parent_failed, &o);
}

void
depend_check(struct core *c, struct core_time now, struct job *j)
{
	const struct job_life	*life = job_life(j);

	for (uint32_t i = 0; life != NULL && i < life->after_len; i++) {
		const struct job	*parent = core_find(c, life->after[i].parent_id);

		if (list_linked(&life->after[i].link) || lets_run(j, parent))
			continue;
		fail(c, now, j, parent);
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
		job_extra(e->child)->life->parents_left--;
		if (!lets_run(e->child, parent))
			fail(c, now, e->child, parent);
		else if (job_life(e->child)->parents_left == 0)
			wait_over(c, now, e->child, REASON_parents_done);
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
