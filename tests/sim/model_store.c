/* model_store.c - the rules of jobs that the disk remembers.  Runs in: the simulation. */
#include <string.h>

#include "tests/sim/model.h"

#define NS_IN_MS	INT64_C(1000000)

bool
model_record_open(const struct model_job *j)
{
	return !j->unstored && !j->ending && !j->marking;
}

bool
model_over(const struct model_job *j)
{
	return j->ending || j->again || model_finished(j);
}

/* ---- writing down ---- */

void
model_want(struct model_job *j, enum record what)
{
	if (j->durable && what > j->record_due)
		j->record_due = what;
}

/* By the rules, a job that is on_lost: fail and could start is written down first, once. */
void
model_learn_marks(struct model *m, const struct core *c)
{
	for_jobs(m, j) {
		const struct job	*real = j->forgotten ? NULL : core_find(c, j->id);

		if (real == NULL || !real->marking || j->marking)
			continue;
		if (!j->durable || j->on_lost != ON_LOST_FAIL || j->marked ||
		    !model_eligible(m, j))
			model_violation(m, "job %llu is written down as if it could begin",
			    (unsigned long long)j->id);
		j->marking = true;
		model_want(j, RECORD_BEGIN);
	}
}

struct model_job
model_snapshot(const struct model_job *j, enum record what)
{
	struct model_job	as = *j;

	if (what == RECORD_END) {
		as.state = j->end_state;
		as.reason = j->end_reason;
		as.kind = j->end_kind;
		as.blocking = j->end_blocks;
	}
	if (j->ending && what == RECORD_NONE)	/* it fails because of them, once more */
		memcpy(as.after, as.after_all, sizeof(as.after));
	as.marked |= j->marking;		/* that is written before this, or with it */
	as.unstored = as.ending = as.marking = as.alone_asked = as.again = false;
	as.record_due = RECORD_NONE;
	as.attempt = NULL;
	return as;
}

struct model_job
model_record(struct model *m, const struct job *real, enum record what)
{
	struct model_job	*j = model_job(m, real->id);

	model_lanes(m);
	if (j == NULL || !j->durable || j->record_due != what || what == RECORD_NONE)
		model_violation(m, "%d is written down of job %llu, not %d", (int)what,
		    (unsigned long long)real->id, j == NULL ? -1 : (int)j->record_due);
	j->record_due = RECORD_NONE;
	return model_snapshot(j, what);
}

/* ---- it is on disk ---- */

void
model_stored(struct model *m, struct model_job *j)
{
	j->unstored = j->again = false;
	model_line_up(m);
}

/* It does not run again, and has ended as it had. */
static void
stay_ended(struct model *m, struct model_job *j)
{
	j->unstored = j->again = false;
	j->state = j->end_before;
	j->kind = j->kind_before;
	j->blocking = j->blocked_before;
	j->reason = REASON_retry_refused;
	j->announced = false;
	model_line_up(m);
}

/* Refused: it never was. */
void
model_unstored(struct model *m, struct model_job *j)
{
	if (j->again) {
		stay_ended(m, j);
		return;
	}
	j->forgotten = j->announced = true;
	j->blocking = false;
	for (int i = 0; i < j->after_len; i++)
		j->after[i] = 0;
	j->state = JOB_cancelled;
	j->key = j->group = j->unique = -1;
	model_line_up(m);
}

void
model_recorded(struct model *m, struct model_job *j, enum record what)
{
	if (what == RECORD_END) {
		j->ending = j->marking = false;
		model_end_now(m, j, j->end_state, j->end_reason, j->end_kind);
	} else if (what == RECORD_BEGIN && j->marking && !j->ending) {
		j->marking = false;
		j->marked = true;
		model_line_up(m);
	}
}

/* ---- the end of a process, and the next one ---- */

void
model_crash(struct model *m)
{
	memset(m->jobs, 0, (size_t)m->jobs_len * sizeof(m->jobs[0]));
	memset(m->attempts, 0, sizeof(m->attempts));
	memset(m->workers, 0, sizeof(m->workers));
	memset(m->alone, 0, sizeof(m->alone));
	memset(m->finished, 0, sizeof(m->finished));
	memset(m->moved_to, 0, sizeof(m->moved_to));
	m->jobs_len = m->jobs_first = m->attempts_end = 0;
	m->crashes = m->submitted = m->places = m->line_places = m->announcements = 0;
	m->groups_len = 0;
}

/* The same moment, on the clock of this life, as core has it: to the millisecond, and not before. */
static int64_t
moved_ns(struct model *m, const struct model_found *f, int64_t ns, int64_t real_ns)
{
	int64_t	past = f->written.mono_ns - m->now.mono_ns;
	int64_t	set = (f->written.real_ms - m->now.real_ms) * NS_IN_MS;
	int64_t	expected;

	if (ns == NEVER || ns == 0)
		return ns;
	expected = ns - past + set;
	if (expected <= 0)
		expected = 1;
	if (real_ns < expected - NS_IN_MS || real_ns > expected + 2 * NS_IN_MS)
		model_violation(m, "job %llu is due at %lld ns, not at %lld", 
		    (unsigned long long)f->job.id, (long long)real_ns, (long long)expected);
	return real_ns;
}

static void
restore_times(struct model *m, struct model_job *j, const struct model_found *f)
{
	const struct job	*real = core_find(m->core, j->id);

	if (real == NULL)
		model_violation(m, "job %llu is not there after the crash",
		    (unsigned long long)j->id);
	j->due_ns = moved_ns(m, f, j->due_ns, job_due_ns(real));
	j->ttl_ns = moved_ns(m, f, j->ttl_ns, job_ttl_ns(real));
	j->unknown_due = false;
	j->tied_ns = 0;
}

/* Nothing was written of it but its submission, and that a parent kept it from running: how it
 * began follows from that. */
static bool
is_untouched(const struct model *m, const struct model_job *j)
{
	return model_parents_left(j) > 0 && job_moves_len(core_find(m->core, j->id)) == 1;
}

static void
restore_live(struct model *m, struct model_job *j, const struct model_found *f)
{
	j->cancel_asked = false;
	j->announced = j->forget_asked = j->aside = j->blocking = false;
	j->line_place = ++m->line_places;
	j->place = 0;
	restore_times(m, j, f);
	if (model_parents_left(j) > 0)		/* those that ended before end once more */
		memcpy(j->after, j->after_all, sizeof(j->after));
	j->state = model_must_wait(j) ? JOB_scheduled : JOB_ready;
	if (f->in_process || j->marked)
		j->reason = f->why;
	else if (j->state != f->job.state || is_untouched(m, j))
		j->reason = REASON_parents_wait;
	if (j->on_lost == ON_LOST_FAIL && (j->marked || f->in_process)) {
		model_finish(m, j, JOB_failed, REASON_lost, FAILURE_lost);
		return;
	}
	if (f->in_process)
		model_want(j, RECORD_CHANGE);
	model_line_up(m);
}

void
model_restore(struct model *m, const struct model_found *f)
{
	struct model_job	*j = &m->jobs[m->jobs_len++];

	*j = f->job;
	memset(j->unfair, 0, sizeof(j->unfair));
	memset(j->passed, 0, sizeof(j->passed));
	if (f->live) {
		restore_live(m, j, f);
		return;
	}
	j->announced = true;
	j->announced_ns = m->now.mono_ns;
	j->announced_order = ++m->announcements;
	j->kept_bytes = model_kept_bytes(j, core_find(m->core, j->id));
	j->aside = j->marked = j->begun = false;
	j->failures = 0;
	j->line_place = 0;		/* whoever waits with its key waits behind it */
}

struct model_job *
model_remember(struct model *m, const struct model_job *ended)
{
	struct model_job	*j = &m->jobs[m->jobs_len++];

	*j = *ended;
	j->announced = j->forgotten = true;
	j->blocking = false;
	return j;
}

void
model_parent_was(struct model *m, struct model_job *j, uint64_t parent, enum job_state state)
{
	for (int i = 0; i < j->after_len; i++)
		if (j->after[i] == parent)
			j->after[i] = 0;
	if (state != JOB_succeeded && state != JOB_STATES && !j->despite) {
		model_finish(m, j, JOB_failed, REASON_parent_failed, FAILURE_dependency);
		return;
	}
	if (model_parents_left(j) > 0)
		return;
	model_want(j, RECORD_CHANGE);
	if (model_must_wait(j))
		return;
	j->state = JOB_ready;
	j->reason = REASON_parents_done;
	model_line_up(m);
}

/* ---- a clean stop ---- */

static void
give_up(struct model *m, struct model_attempt *at)
{
	struct model_job	*j = at->job;

	if (at->told && j->cancel_asked) {
		model_finish(m, j, JOB_cancelled, at->by_timeout ? REASON_cancel_asked : at->why, 0);
	} else if (at->told) {
		static const struct model_end	timed_out = { .kind = FAILURE_timeout };

		if (!model_retried(m, j, &timed_out))
			model_finish(m, j, JOB_failed, REASON_timed_out, FAILURE_timeout);
	} else if (j->on_lost == ON_LOST_FAIL) {
		model_finish(m, j, JOB_failed, REASON_lost, FAILURE_lost);
	} else {
		j->state = JOB_ready;
		j->reason = REASON_daemon_stop;
		j->attempt = NULL;
		j->marked = false;
		model_want(j, RECORD_CHANGE);
	}
}

void
model_give_up(struct model *m)
{
	for_attempts(m, at) {
		if (at->stuck || !at->job->durable)
			continue;
		give_up(m, at);
		at->job = NULL;
	}
}

void
model_check_orphans(struct model *m)
{
	for_jobs(m, j)
		for (int i = 0; i < j->after_len; i++) {
			const struct model_job	*parent = j->after[i] == 0 ? NULL :
			    model_job(m, j->after[i]);

			if (j->after[i] != 0 && (parent == NULL || parent->announced))
				model_violation(m, "job %llu waits for %llu, which is not live",
				    (unsigned long long)j->id, (unsigned long long)j->after[i]);
		}
}
