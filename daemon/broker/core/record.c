/* record.c - what of durable jobs is written down, and what waits until it is.
 * Runs in: broker, loop thread.
 *
 * Three things wait for the disk: a submission before it is answered and runs, an end before anything
 * follows from it, and, for jobs that must not run again once they may have begun, the mark that they
 * may.  Everything else is written down behind the back of what happens.
 */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>

#include "lib/alloc.h"

void
record_ask(struct core *c, struct job *j, enum record what)
{
	struct job_run	*r;

	if (!j->durable)
		return;
	r = job_run_get(j);
	if (!list_linked(&r->record))
		list_push_back(&c->records, &r->record);
	if (what > r->record_what)
		r->record_what = (uint8_t)what;
}

bool
record_take(struct core *c, struct effect *out)
{
	struct list	*node = list_pop(&c->records);
	struct job_run	*r;

	if (node == NULL)
		return false;
	r = list_entry(node, struct job_run, record);
	*out = (struct effect){ .kind = EFFECT_RECORD, .job = r->job, .record = r->record_what };
	r->record_what = RECORD_NONE;
	return true;
}

bool
core_next_record(struct core *c, struct effect *out)
{
	return record_take(c, out);
}

bool
record_mark(struct core *c, struct job *j)
{
	if (!j->durable || j->on_lost != ON_LOST_FAIL || j->marked)
		return false;
	job_withdraw(c, j);
	j->marking = true;
	record_ask(c, j, RECORD_BEGIN);
	return true;
}

void
record_again(struct core *c, struct job *j)
{
	job_run(j)->again = true;
	job_run(j)->end_state = (uint8_t)j->state;
	job_run(j)->end_blocks = order_blocked(j);
	j->unstored = true;
	c->recording++;
	record_ask(c, j, RECORD_AGAIN);
}

void
core_stored(struct core *c, struct core_time now, struct job *j)
{
	(void)now;
	if (job_again(j)) {
		outcome_free(&job_run(j)->outcome);
		job_run(j)->again = false;
	}
	j->unstored = false;
	if (j->ending)
		return;
	c->recording--;
	load_send_away(c, j);
	wait_begin(c, j);
}

/* It does not run again: it has ended as it had. */
static void
stay_ended(struct core *c, struct core_time now, struct job *j)
{
	job_run(j)->again = false;
	j->unstored = false;
	c->recording--;
	if (job_order(j) != NULL && !job_run(j)->end_blocks)
		order_leave(c, now, j);
	job_move(c, now, j, job_run(j)->end_state, REASON_retry_refused);
	unique_ended(c, j);
	list_push_back(&c->finished, &j->link);	/* somebody may wait for it again */
}

/* It leaves everything that knows it. */
void
core_unstored(struct core *c, struct core_time now, struct job *j)
{
	if (job_again(j)) {
		stay_ended(c, now, j);
		return;
	}
	depend_leave(j);
	if (job_order(j) != NULL)
		order_leave(c, now, j);
	if (job_member(j) != NULL)
		group_unjoin(c, now, j);
	c->recording--;
	job_uncount(c, j);
	idset_del(&c->jobs, j->id);
	job_free(c, j);
}

static void
end_recorded(struct core *c, struct core_time now, struct job *j)
{
	c->recording--;
	j->ending = false;
	j->marking = false;
	job_end(c, now, j, job_run(j)->end_state, job_run(j)->end_reason);
}

bool
core_will_block(const struct job *j)
{
	return job_run(j)->end_blocks;
}

void
core_recorded(struct core *c, struct core_time now, struct job *j, enum record what)
{
	if (what == RECORD_END) {
		end_recorded(c, now, j);
	} else if (what == RECORD_BEGIN && j->marking && !j->ending) {
		j->marking = false;
		j->marked = true;
		wait_begin(c, j);
	}
}

void
core_durable_hold(struct core *c, const char *why)
{
	free(c->store_why);
	c->store_why = why == NULL ? NULL : mem_strdup(why);
	gate_pause(c, &c->store_gate, why != NULL);
}
