/* restore.c - jobs that were written down are there again.  Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <string.h>

#include "lib/alloc.h"

/* The same moment on the clock of this life; never 0, which means none. */
static int64_t
mono_of(struct core_time now, int64_t real_ms)
{
	int64_t	left_ms = real_ms - now.real_ms;

	if (left_ms >= 0)
		return ns_after(now.mono_ns, left_ms);
	return -left_ms < (now.mono_ns - 1) / NS_IN_MS ? now.mono_ns + left_ms * NS_IN_MS : 1;
}

static void
set_marks(struct core_time now, struct job *j, const struct job_saved *s)
{
	/* before job_run_get, which begins with it */
	j->created_ms = s->moves[0].at_ms;
	j->first_state = s->moves[0].state & 15;
	j->first_reason = s->moves[0].reason & 127;
	j->suspicions = s->suspicions & 7;
	j->alone = alone_needed(j);
	if (s->attempts > 0)
		job_run_get(j)->attempts = (uint16_t)s->attempts;
	if (s->beside > 0)
		job_run_get(j)->beside = s->beside;
	j->begun = s->begun;
	j->marked = s->marked;
	if (s->failures > 0)
		job_life_get(j)->failures = s->failures;
	if (s->due_ms != 0)
		job_extra_get(j)->due_ns = mono_of(now, s->due_ms);
	if (s->ttl_at_ms != 0)
		job_extra_get(j)->ttl_ns = mono_of(now, s->ttl_at_ms);
}

static void
remember(struct core *c, struct job *j)
{
	idset_put(&c->jobs, j);
	if (c->oldest_id == 0 || j->id < c->oldest_id)
		c->oldest_id = j->id;
	if (j->id > c->newest_id)
		c->newest_id = j->id;
}

static void
restore_ended(struct core *c, struct core_time now, struct job *j, struct job_saved *s)
{
	depend_again(c, j, s);
	job_relive(c, j, s->state, s);
	job_run_get(j)->outcome = s->outcome;
	job_run_get(j)->log_bytes = s->log_bytes;
	s->outcome = (struct outcome){ 0 };
	if (s->blocks_others && job_order(j) != NULL)
		order_block_again(c, j);
	retain_add(c, now, j);
}

/* It ran, or may have, when the daemon ended. */
static void
interrupted(struct core *c, struct core_time now, struct job *j, enum job_reason why)
{
	job_move(c, now, j, j->state, why);
	if (j->on_lost == ON_LOST_FAIL) {
		job_fail(c, now, j, REASON_lost, FAILURE_lost, mem_printf("%s, and the job asked not "
		    "to run again (on_lost: fail)", job_reason_texts[why]));
		return;
	}
	record_ask(c, j, RECORD_CHANGE);
}

static void
restore_live(struct core *c, struct core_time now, struct job *j, struct job_saved *s)
{
	depend_again(c, j, s);
	job_relive(c, j, wait_left(j) ? JOB_scheduled : JOB_ready, s);
	if (job_order(j) != NULL)
		order_enter(j);
	j->marking = s->group != NULL && s->reduces;	/* core_group_reduce_ready */
	load_send_away(c, j);
	wait_begin(c, j);
	if (s->in_process || s->marked)
		interrupted(c, now, j, s->why);
	else if (job_last_move(j).state != j->state)	/* what its parents did is not known yet */
		job_move(c, now, j, j->state, REASON_parents_wait);
}

struct job *
core_restore(struct core *c, struct core_time now, struct job_saved *s)
{
	struct job	*j = job_build(c, now, queue_get(c, s->spec.queue), &(struct job_wish){
	    .id = s->id, .spec = &s->spec, .type = s->type, .lane = s->lane, .by = s->by,
	    .group = s->group });
	bool		 live = !job_state_finished(s->state);

	set_marks(now, j, s);
	if (s->group != NULL && s->reduces)
		group_rejoin_reduce(c, s->group, j, live);
	else if (s->group != NULL)
		group_rejoin(s->group, j, s->index, live);
	remember(c, j);
	if (!live)
		restore_ended(c, now, j, s);
	else
		restore_live(c, now, j, s);
	return j;
}
