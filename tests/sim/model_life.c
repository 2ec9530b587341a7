/* model_life.c - the rules of a job's life between its attempts.  Runs in: the simulation. */
#include <errno.h>
#include <string.h>

#include "tests/sim/model.h"

#define NS_IN_MS	INT64_C(1000000)

int64_t
model_job_bytes(const struct model_job *j)
{
	return (int64_t)JOB_BYTES + j->bytes + j->after_len * (int64_t)sizeof(struct job_edge);
}

/* ---- what it waits for ---- */

int
model_parents_left(const struct model_job *j)
{
	int	n = 0;

	for (int i = 0; i < j->after_len; i++)
		n += j->after[i] != 0;
	return n;
}

bool
model_must_wait(const struct model_job *j)
{
	return j->held || j->due_ns > 0 || model_parents_left(j) > 0;
}

/* To where it waits. */
static void
place(struct model *m, struct model_job *j, enum job_reason reason)
{
	j->state = model_must_wait(j) ? JOB_scheduled : JOB_ready;
	j->reason = reason;
	model_line_up(m);
}

static bool
parent_lets_run(const struct model_job *j, const struct model_job *parent)
{
	return parent->state == JOB_succeeded || j->despite;
}

void
model_check_parents(struct model *m, struct model_job *j)
{
	bool	fails = false;

	for (int i = 0; i < j->after_len; i++) {
		const struct model_job	*parent = model_job(m, j->after[i]);

		if (!parent->announced)
			continue;
		fails |= !parent_lets_run(j, parent);
		j->after[i] = 0;
	}
	j->state = model_must_wait(j) ? JOB_scheduled : JOB_ready;
	j->reason = model_parents_left(j) > 0 ? REASON_parents_wait : j->held ? REASON_held :
	    j->due_ns > 0 ? REASON_delayed : REASON_submitted;
	if (fails)
		model_line_up(m);
	if (fails)
		model_finish(m, j, JOB_failed, REASON_parent_failed, FAILURE_dependency);
}

static bool
waits_for(const struct model_job *j, uint64_t parent)
{
	for (int i = 0; i < j->after_len; i++)
		if (j->after[i] == parent)
			return true;
	return false;
}

void
model_tell_children(struct model *m, const struct model_job *parent)
{
	for_jobs(m, j) {
		if (!waits_for(j, parent->id))
			continue;
		if (!parent_lets_run(j, parent)) {
			model_finish(m, j, JOB_failed, REASON_parent_failed, FAILURE_dependency);
			continue;
		}
		for (int i = 0; i < j->after_len; i++)
			if (j->after[i] == parent->id)
				j->after[i] = 0;
		if (model_parents_left(j) > 0)
			continue;
		if (!model_must_wait(j))
			place(m, j, REASON_parents_done);
		model_want(j, RECORD_CHANGE);
	}
}

/* ---- order keys that a failure blocks ---- */

static bool
is_first(const struct model *m, const struct model_job *j)
{
	for_jobs((struct model *)(size_t)m, other)
		if (other->key == j->key && other->line_place < j->line_place &&
		    (!model_finished(other) || other->blocking))
			return false;
	for_attempts((struct model *)(size_t)m, at)
		if (at->stuck && at->job->key == j->key && at->job != j)
			return false;
	return true;
}

bool
model_failure_blocks(const struct model *m, const struct model_job *j)
{
	return j->key >= 0 && j->blocks && !m->cfg.sequential && is_first(m, j);
}

bool
model_blocks_others(const struct model *m, const struct model_job *j)
{
	if (!j->blocking || j->durable)
		return j->blocking;
	for_jobs((struct model *)(size_t)m, other)
		if (other->key == j->key && !model_finished(other) &&
		    other->line_place > j->line_place)
			return true;
	return false;
}

bool
model_key_blocked(const struct model *m, const struct model_job *j)
{
	for_attempts((struct model *)(size_t)m, at)
		if (at->stuck && at->job->key == j->key)
			return false;
	for_jobs((struct model *)(size_t)m, other)
		if (j->key >= 0 && other->key == j->key && other->blocking)
			return true;
	return false;
}

void
model_unblock(struct model *m, struct model_job *j)
{
	j->blocking = false;
	model_line_up(m);
}

/* ---- what people ask for ---- */

int
model_hold(struct model *m, struct model_job *j)
{
	if (!model_waiting(j) || model_over(j))
		return -EALREADY;
	if (j->held)
		return 0;
	model_withdraw_alone(m, j);
	j->held = true;
	j->place = 0;
	place(m, j, REASON_held);
	model_want(j, RECORD_CHANGE);
	return 0;
}

int
model_release(struct model *m, struct model_job *j)
{
	if (!model_waiting(j) || model_over(j) || !j->held)
		return -EALREADY;
	j->held = false;
	place(m, j, REASON_released);
	model_want(j, RECORD_CHANGE);
	return 0;
}

static void
amend_waiting(struct model *m, struct model_job *j, const struct amendment *am)
{
	if (am->priority_given) {
		j->priority = am->priority;
		j->place = 0;
		memset(j->unfair, 0, sizeof(j->unfair));
	}
	if (am->timeout_ms >= 0)
		j->timeout_ms = am->timeout_ms;
	if (am->ttl_ms > 0)
		j->ttl_ns = m->now.mono_ns + am->ttl_ms * NS_IN_MS;
	if (am->due_in_ms >= 0)
		j->due_ns = am->due_in_ms == 0 ? 0 : m->now.mono_ns + am->due_in_ms * NS_IN_MS;
	if ((j->state == JOB_scheduled) != model_must_wait(j)) {
		model_withdraw_alone(m, j);
		if (j->state == JOB_ready)
			j->place = 0;
		place(m, j, REASON_updated);
	}
	model_line_up(m);
}

int
model_amend(struct model *m, struct model_job *j, const struct amendment *am)
{
	bool	waiting = am->priority_given || am->timeout_ms >= 0 || am->ttl_ms > 0 ||
	    am->due_in_ms >= 0;

	if (model_over(j))
		return -EALREADY;
	if (waiting && !model_waiting(j))
		return -EBUSY;
	if (am->ttl_ms > 0 && j->begun)
		return -EINVAL;
	if (am->retry.said != 0)
		j->retry.value[RETRY_max_attempts] = am->retry.max_attempts;
	if (model_waiting(j))
		amend_waiting(m, j, am);
	model_want(j, RECORD_CHANGE);
	return 0;
}

int
model_retry(struct model *m, struct model_job *j, bool room)
{
	if (!model_finished(j) || j->state == JOB_succeeded)
		return -EALREADY;
	if (j->forget_asked)
		return -ENOENT;
	if (j->group >= 0 || j->reduces)
		return -EBUSY;
	if (!room)
		return -ENOSPC;
	if (j->unique >= 0 && j->unique_until_ns == 0 && model_unique_holder(m, j->unique) != NULL)
		return -EEXIST;
	if (!j->announced)
		model_tell_children(m, j);
	if (!j->blocking)
		j->line_place = ++m->line_places;
	j->again = j->durable;
	j->end_before = j->state;
	j->kind_before = j->kind;
	j->blocked_before = j->blocking;
	j->blocking = j->announced = j->begun = j->cancel_asked = j->held = j->aside = false;
	j->marked = false;
	j->unstored = j->durable;
	j->failures = 0;
	j->kind = 0;
	j->suspicions = j->suspicions > 0;
	j->beside = 0;
	j->due_ns = 0;
	j->ttl_ns = NEVER;
	j->place = 0;
	place(m, j, REASON_retry_asked);
	model_want(j, RECORD_AGAIN);
	return 0;
}

int
model_forget_asked(struct model *m, struct model_job *j)
{
	if (!model_finished(j))
		return -EBUSY;
	j->forget_asked = true;
	if (!j->announced)
		return 0;
	j->forgotten = j->forget_due = true;
	j->record_due = RECORD_NONE;
	model_unblock(m, j);
	return 0;
}

/* ---- another attempt ---- */

/* What the first of job, type, queue and configuration says that says anything. */
static int64_t
said(const struct model *m, const struct model_job *j, enum retry_member member)
{
	const struct model_retry	*from[] = { &j->retry, &m->type_retry[j->type],
	    &m->queue_retry[j->queue], &m->retry };

	for (int i = 0; i < 4; i++)
		if (from[i]->value[member] >= 0)
			return from[i]->value[member];
	model_violation(m, "nobody says anything of %s", retry_member_names[member]);
}

static bool
is_retried(enum failure_kind kind)
{
	return kind == FAILURE_error || kind == FAILURE_timeout;
}

bool
model_retried(struct model *m, struct model_job *j, const struct model_end *end)
{
	if (!is_retried(end->kind) || end->final || j->cancel_asked)
		return false;
	if (j->failures + 1 >= said(m, j, RETRY_max_attempts))
		return false;
	j->failures++;
	j->state = JOB_scheduled;
	j->reason = REASON_retry_wait;
	j->attempt = NULL;
	j->begun = true;
	j->place = 0;
	j->due_ns = NEVER;
	j->unknown_due = true;
	j->retry_after_ms = end->retry_after_ms;
	j->marked = false;
	model_want(j, RECORD_CHANGE);
	return true;
}

static int64_t
longest_ms(const struct model *m, const struct model_job *j)
{
	double	ms = (double)said(m, j, RETRY_backoff_ms);
	double	most = (double)said(m, j, RETRY_max_backoff_ms);

	for (int i = 1; i < j->failures && ms < most; i++)
		ms *= (double)said(m, j, RETRY_factor) / 1000;
	return (int64_t)(ms < most ? ms : most);
}

/* What holds up others is not forgotten by itself: whether it was set aside, core says. */
static void
learn_aside(struct model *m, struct model_job *j, const struct job *real)
{
	bool	aside = model_finished(j) && job_run(real)->aside;

	if (aside && !model_blocks_others(m, j))
		model_violation(m, "job %llu is kept for nobody", (unsigned long long)j->id);
	if (j->aside && !aside && j->announced) {
		j->announced_ns = m->now.mono_ns;
		j->announced_order = ++m->announcements;
	}
	j->aside = aside;
}

/* Jobs that became due at the very same time stand in either order. */
static void
learn_ties(struct model *m, const struct model_job *j, const struct job *real)
{
	for_jobs(m, other) {
		const struct job	*its;
		struct model_job	*me = model_job(m, j->id);
		uint64_t		 place = other->place;

		if (other == j || other->tied_ns != j->tied_ns || other->forgotten ||
		    other->state != JOB_ready || place == 0)
			continue;
		its = core_find(m->core, other->id);
		if (its->seq == 0 || (its->seq < real->seq) == (place < j->place))
			continue;
		other->place = j->place;
		me->place = place;
	}
}

/* A delay is chance: any is right that is within its bounds. */
void
model_learn(struct model *m, const struct core *c)
{
	for_jobs(m, j) {
		const struct job	*real = core_find(c, j->id);
		int64_t			 delay_ms, most = j->retry_after_ms, least = most;

		if (real != NULL && !j->forgotten)
			learn_aside(m, j, real);
		if (real != NULL && j->tied_ns != 0 && j->state == JOB_ready && j->place != 0 &&
		    real->seq != 0 && !j->forgotten)
			learn_ties(m, j, real);
		if (!j->unknown_due || real == NULL)
			continue;
		if (model_over(j)) {
			j->unknown_due = false;
			continue;
		}
		if (most == 0) {
			most = longest_ms(m, j);
			least = 0;
		}
		delay_ms = (job_due_ns(real) - m->now.mono_ns) / NS_IN_MS;
		if (delay_ms < 1 || delay_ms < least || (delay_ms > most && delay_ms > 1))
			model_violation(m, "job %llu is tried again after %lld ms, not within "
			    "%lld to %lld", (unsigned long long)j->id, (long long)delay_ms,
			    (long long)least, (long long)most);
		j->due_ns = job_due_ns(real);
		j->unknown_due = false;
	}
}
