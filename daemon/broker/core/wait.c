/* wait.c - what a job waits for before it can be in line: its time, its release, other jobs.
 * Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

bool
wait_left(const struct job *j)
{
	return job_due_ns(j) != 0 || job_held(j) ||
	    (job_life(j) != NULL && job_life(j)->parents_left > 0);
}

void
wait_begin(struct core *c, struct job *j)
{
	if (!record_open(j))
		return;
	job_timer_set(c, j);
	if (j->state == JOB_ready && order_open(j))
		ready_add(c, j);
}

void
wait_again(struct core *c, struct core_time now, struct job *j, enum job_reason reason)
{
	job_move(c, now, j, wait_left(j) ? JOB_scheduled : JOB_ready, reason);
	wait_begin(c, j);
}

void
wait_over(struct core *c, struct core_time now, struct job *j, enum job_reason reason)
{
	if (wait_left(j))
		job_timer_set(c, j);
	else
		wait_again(c, now, j, reason);
}
