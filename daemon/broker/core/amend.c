/* amend.c - what people change of a job: held, released, changed, run again, forgotten.
 * Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <errno.h>
#include <stdlib.h>

/* ---- jobs that wait ---- */

int
core_hold(struct core *c, struct core_time now, struct job *j)
{
	if (!job_waiting(j) || job_over(j))
		return -EALREADY;
	if (job_held(j))
		return 0;
	job_withdraw(c, j);
	job_extra_get(j)->held = true;
	j->seq = 0;
	wait_again(c, now, j, REASON_held);
	record_ask(c, j, RECORD_CHANGE);
	return 0;
}

int
core_release(struct core *c, struct core_time now, struct job *j)
{
	if (!job_waiting(j) || job_over(j) || !job_held(j))
		return -EALREADY;
	job_extra(j)->held = false;
	wait_again(c, now, j, REASON_released);
	record_ask(c, j, RECORD_CHANGE);
	return 0;
}

/* Its place in line is behind all others of that priority. */
static void
change_priority(struct core *c, struct job *j, int priority)
{
	bool	in_line = j->in_line;

	if (in_line)
		ready_remove(c, j);
	j->priority = (int8_t)priority;
	j->seq = 0;
	if (in_line)
		ready_add(c, j);
}

static void
change_times(struct core *c, struct core_time now, struct job *j, const struct amendment *am)
{
	if (am->timeout_ms >= 0)
		job_set_timeout(j, am->timeout_ms);
	if (am->ttl_ms > 0)
		job_extra_get(j)->ttl_ns = ns_after(now.mono_ns, am->ttl_ms);
	if (am->due_in_ms >= 0)
		job_extra_get(j)->due_ns = am->due_in_ms == 0 ? 0 :
		    ns_after(now.mono_ns, am->due_in_ms);
	if ((j->state == JOB_scheduled) == wait_left(j)) {
		job_timer_set(c, j);
		return;
	}
	if (j->state == JOB_ready) {
		job_withdraw(c, j);
		j->seq = 0;
	}
	wait_again(c, now, j, REASON_updated);
}

static bool
changes_waiting(const struct amendment *am)
{
	return am->priority_given || am->timeout_ms >= 0 || am->ttl_ms > 0 || am->due_in_ms >= 0;
}

int
core_amend(struct core *c, struct core_time now, struct job *j, const struct amendment *am)
{
	if (job_over(j))
		return -EALREADY;
	if (!job_waiting(j) && changes_waiting(am))
		return -EBUSY;
	if (am->ttl_ms > 0 && j->begun)
		return -EINVAL;
	if (am->retry.said != 0)
		job_life_get(j)->retry = retry_policy_merge(&am->retry, &job_life_get(j)->retry);
	if (am->priority_given)
		change_priority(c, j, am->priority);
	if (job_waiting(j))
		change_times(c, now, j, am);
	record_ask(c, j, RECORD_CHANGE);
	return 0;
}

/* ---- jobs that have ended ---- */

/* Whatever the end of its last life left behind. */
static void
begin_again(struct job *j)
{
	job_run(j)->told = false;
	job_run(j)->beside = 0;
	j->cancel_asked = false;
	j->begun = false;
	j->marked = false;
	j->seq = 0;
	/* one that killed its workers runs alone, and has what is left of its lives */
	j->suspicions = j->suspicions > 0;
	j->alone = alone_needed(j);
	if (job_extra(j) == NULL)
		return;
	job_extra(j)->due_ns = 0;
	job_extra(j)->ttl_ns = 0;
	job_extra(j)->held = false;
	if (job_extra(j)->life != NULL)
		job_extra(j)->life->failures = 0;
}

struct room_view
core_room_again(const struct core *c, const struct job *j)
{
	return core_room(c, core_queue_name(job_queue(j)), (size_t)job_bytes(j) - JOB_BYTES);
}

int
core_retry(struct core *c, struct core_time now, struct job *j)
{
	struct order	*o = job_order(j);

	if (!job_state_finished(j->state) || j->state == JOB_succeeded)
		return -EALREADY;
	if (job_run(j)->forget_asked)
		return -ENOENT;
	if (job_member(j) != NULL)
		return -EBUSY;
	if (core_room_again(c, j).why != ROOM_ENOUGH)
		return -ENOSPC;
	if (unique_again(c, now, j) != 0)
		return -EEXIST;
	depend_told_at_once(c, now, j);	/* they waited for this end, and not for the next one */
	retain_take(c, j);
	begin_again(j);
	if (j->durable)
		record_again(c, j);
	else
		outcome_free(&job_run(j)->outcome);
	job_move(c, now, j, JOB_ready, REASON_retry_asked);
	if (o != NULL && o->holder != j)
		order_enter(j);
	wait_begin(c, j);
	return 0;
}

int
core_forget(struct core *c, struct core_time now, struct job *j)
{
	(void)now;
	if (!job_state_finished(j->state))
		return -EBUSY;
	job_run(j)->forget_asked = true;
	if (job_run(j)->told) {
		list_remove(&job_run(j)->record);
		retain_drop(c, j);
		list_push_back(&c->forgets, &j->link);
	}
	return 0;
}
