/* allowed.c - was core allowed to do what it did?  Runs in: the simulation. */
#include <string.h>

#include "tests/sim/model.h"

#define NS_IN_MS	INT64_C(1000000)

static struct model_attempt *
attempt_of(struct model *m, const struct attempt *real)
{
	for_attempts(m, at)
		if (at->real == real)
			return at;
	model_violation(m, "an attempt that the model does not know");
}

/* Of its queue and lane, is it first: by priority, then, of its tenant, by place in line? */
static void
check_first(struct model *m, const struct model_job *j)
{
	for_jobs(m, other) {
		if (other == j || other->queue != j->queue || !model_eligible(m, other))
			continue;
		if (model_line(m, other) != model_line(m, j))
			continue;
		if (other->priority > j->priority ||
		    (other->priority == j->priority && other->tenant == j->tenant &&
		    other->place < j->place))
			model_violation(m, "job %llu passed job %llu", (unsigned long long)j->id,
			    (unsigned long long)other->id);
	}
}

/* Turns: a queue that could run something all the time is not passed twice by one other. */
static void
check_turns(struct model *m, const struct model_job *j)
{
	for_jobs(m, other) {
		if (other->queue == j->queue || model_place(m, other) != model_place(m, j) ||
		    other->suspicions > 0)
			continue;
		if (!model_eligible(m, other) || m->type_limit[other->type] > 0 ||
		    m->type_rate[other->type].milli > 0 ||
		    (other->group >= 0 && !other->reduces))
			continue;
		if (other->unfair[j->queue])
			model_violation(m, "queue %d had two turns while job %llu of %d could run",
			    j->queue, (unsigned long long)other->id, other->queue);
		other->unfair[j->queue] = true;
	}
	for_jobs(m, other)
		if (other->queue == j->queue && model_place(m, other) == model_place(m, j))
			for (int q = 0; q < MODEL_QUEUES; q++)
				other->unfair[q] = false;
}

/*
 * Turns of tenants: one that could run something all the time is not passed, among jobs of its
 * priority, by more starts of another than that one has in a turn.
 */
static void
check_tenants(struct model *m, const struct model_job *j)
{
	uint32_t	most = m->queues[j->queue].weights[j->tenant];

	for_jobs(m, other) {
		if (other->queue != j->queue || model_place(m, other) != model_place(m, j) ||
		    other->suspicions > 0 || other->tenant == j->tenant ||
		    other->priority != j->priority || !model_eligible(m, other))
			continue;
		if (++other->passed[j->tenant] > most)
			model_violation(m, "tenant %d had more than its turn while job %llu of %d could run",
			    j->tenant, (unsigned long long)other->id, other->tenant);
	}
	for_jobs(m, other)
		if (other->queue == j->queue && model_place(m, other) == model_place(m, j) &&
		    other->tenant == j->tenant)
			memset(other->passed, 0, sizeof(other->passed));
}

static bool
goes_behind(struct model *m, int worker)
{
	return m->workers[worker].fifo && model_used(m, worker, -1) > 0;
}

/* No worker that could take it has less to do; but one that runs it at once is better than one where
 * it waits behind another. */
static void
check_spread(struct model *m, const struct model_job *j, int worker)
{
	for (int w = 0; w < MODEL_WORKERS; w++)
		if ((goes_behind(m, worker) || !goes_behind(m, w)) && model_takes(m, w, j) && !model_may_yield(m, w) &&
		    model_used(m, w, (int)j->lane) < model_used(m, worker, (int)j->lane))
			model_violation(m, "job %llu went to worker %d, and %d has less to do",
			    (unsigned long long)j->id, worker, w);
}

static void
check_alone_start(struct model *m, struct model_job *j, int worker)
{
	struct model_alone	*a = model_alone_of(m, j);

	if (a->state != MODEL_UP || a->worker != worker || model_used(m, worker, -1) != 0)
		model_violation(m, "job %llu does not run alone", (unsigned long long)j->id);
	j->alone_asked = false;
	a->waiting = false;
}

static void
check_start(struct model *m, struct model_job *j, int worker)
{
	if (j->suspicions > 0 && !j->alone_asked)
		model_violation(m, "job %llu is a suspect and must run alone",
		    (unsigned long long)j->id);
	if (j->alone_asked) {
		check_alone_start(m, j, worker);
		return;
	}
	if (!model_eligible(m, j))
		model_violation(m, "job %llu may not run now", (unsigned long long)j->id);
	if (worker >= 0 && model_yields(m, worker))
		model_violation(m, "worker %d keeps its CPU slot for job %llu", worker,
		    (unsigned long long)j->id);
	if (worker >= 0 && !model_takes(m, worker, j))
		model_violation(m, "worker %d cannot take job %llu now", worker,
		    (unsigned long long)j->id);
	check_first(m, j);
	check_turns(m, j);
	check_tenants(m, j);
	model_take(m, j);
	if (worker >= 0)
		check_spread(m, j, worker);
}

static void
take_slot(struct model *m, struct model_attempt *at)
{
	struct model_worker	*w = at->worker < 0 ? NULL : &m->workers[at->worker];

	if (w == NULL)
		return;
	w->credit -= w->credit != CORE_CREDIT_ANY;
	at->takes = (int)model_slots_of(w->pool * LANES + (int)at->lane);
	if (model_used(m, at->worker, -1) == 1)
		w->slot_ns = m->now.mono_ns;
}

struct model_attempt *
model_start(struct model *m, struct attempt *real)
{
	struct model_job	*j = model_job(m, real->job_id);
	struct model_attempt	*at = m->attempts;
	bool			 here = real->worker == CORE_WORKER_INLINE;
	int			 worker = here ? -1 : (int)real->worker;

	model_lanes(m);
	model_learn_marks(m, m->core);
	if (j == NULL || j->state != JOB_ready || real->job == NULL || real->job->id != j->id)
		model_violation(m, "job %llu cannot start", (unsigned long long)real->job_id);
	if (real->lane != j->lane || here != (j->lane == LANE_INLINE))
		model_violation(m, "job %llu starts in another lane", (unsigned long long)j->id);
	check_start(m, j, worker);
	if (j->durable && j->on_lost == ON_LOST_FAIL && !j->marked)
		model_violation(m, "job %llu may begin, and nobody could know after a crash",
		    (unsigned long long)j->id);
	if (j->held || model_parents_left(j) > 0)
		model_violation(m, "job %llu runs, and is held or waits for others",
		    (unsigned long long)j->id);
	while (at->job != NULL)
		if (++at == m->attempts + MODEL_ATTEMPTS)
			model_violation(m, "the model has no room for so many attempts");
	*at = (struct model_attempt){ .job = j, .real = real, .number = ++m->starts,
	    .worker = worker, .lane = j->lane, .deadline_ns = NEVER, .grace_ns = NEVER };
	if (at - m->attempts >= m->attempts_end)
		m->attempts_end = (int)(at - m->attempts) + 1;
	take_slot(m, at);
	j->state = JOB_running;
	j->reason = REASON_started;
	j->attempts++;
	j->attempt = at;
	if (worker < 0 || !m->workers[worker].fifo || model_head(m, worker) == at)
		model_becomes_head(m, at);
	return at;
}

void
model_tell(struct model *m, const struct attempt *real)
{
	struct model_attempt	*at = attempt_of(m, real);

	if (!at->tell_due)
		model_violation(m, "job %llu is told to end without reason",
		    (unsigned long long)real->job_id);
	at->tell_due = false;
}

void
model_kill(struct model *m, int worker)
{
	if (!m->workers[worker].kill_due)
		model_violation(m, "worker %d is killed without reason", worker);
	m->workers[worker].kill_due = false;
}

int64_t
model_kept_bytes(const struct model_job *j, const struct job *real)
{
	const struct outcome	*o = job_outcome(real);

	return j->bytes + o->len + (o->data == NULL ? 0 : (int64_t)strlen(o->data));
}

void
model_announce(struct model *m, const struct job *real)
{
	struct model_job	*j = model_job(m, real->id);

	if (j == NULL || !model_finished(j) || j->announced)
		model_violation(m, "job %llu is announced, and should not be",
		    (unsigned long long)real->id);
	model_tell_children(m, j);
	j->announced = true;
	j->announced_ns = m->now.mono_ns;
	j->announced_order = ++m->announcements;
	j->kept_bytes = model_kept_bytes(j, real);
	model_group_announced(m, j);
	if (j->forget_asked)
		model_forget_asked(m, j);
}

/* Was it asked for? */
static bool
forget_was_asked(struct model *m, uint64_t id)
{
	for (struct model_job *j = m->jobs; j < m->jobs + m->jobs_len; j++) {
		if (j->id != id || !j->forget_due)
			continue;
		j->forget_due = false;
		return true;
	}
	return false;
}

/* Is it the one to forget: the oldest of its kind, and too many, too large or too old? */
void
model_forget(struct model *m, const struct job *real)
{
	struct model_job	*j = model_job(m, real->id);
	int64_t			 count = 0, bytes = 0, keep_ms;

	model_learn(m, m->core);
	if (forget_was_asked(m, real->id))
		return;
	if (j == NULL || !j->announced)
		model_violation(m, "job %llu is forgotten too early", (unsigned long long)real->id);
	if (model_blocks_others(m, j))
		model_violation(m, "job %llu is forgotten, and others wait behind it",
		    (unsigned long long)j->id);
	keep_ms = j->state == JOB_failed ? m->cfg.keep_failed_ms : m->cfg.keep_finished_ms;
	for_jobs(m, other) {
		if (!other->announced || other->forgotten || other->aside)
			continue;
		if ((other->state == JOB_failed) != (j->state == JOB_failed))
			continue;
		if (other->announced_order < j->announced_order)
			model_violation(m, "job %llu is forgotten before older %llu",
			    (unsigned long long)j->id, (unsigned long long)other->id);
		count++;
		bytes += other->kept_bytes;
	}
	if (count <= m->cfg.keep_finished && bytes <= m->cfg.keep_finished_bytes &&
	    j->announced_ns + keep_ms * NS_IN_MS > m->now.mono_ns)
		model_violation(m, "job %llu is forgotten without reason",
		    (unsigned long long)j->id);
	j->forgotten = true;
	model_unblock(m, j);
	while (m->jobs_first < m->jobs_len && m->jobs[m->jobs_first].forgotten)
		m->jobs_first++;
}

void
model_start_alone(struct model *m, const struct job *real)
{
	struct model_job	*j = model_job(m, real->id);
	int			 slot = model_alone_free(m);

	if (j == NULL || j->suspicions == 0 || !model_eligible(m, j) || slot < 0 ||
	    model_slots_full(m, model_slots_of(model_place(m, j))))
		model_violation(m, "job %llu may not ask for a worker",
		    (unsigned long long)real->id);
	check_first(m, j);
	model_take(m, j);
	j->alone_asked = true;
	m->alone[slot] = (struct model_alone){ .state = MODEL_ASKED, .job_id = j->id,
	    .waiting = true, .takes = model_slots_of(model_place(m, j)) };
}

void
model_idle(struct model *m, int worker)
{
	struct model_worker	*w = &m->workers[worker];

	if (!w->idle_due)
		model_violation(m, "worker %d is not idle", worker);
	w->idle_due = false;
	w->idle_said = true;
	if (model_used(m, worker, -1) > 0)
		return;			/* stuck attempts: until it is dead */
	model_alone_gone(m, worker);
	w->up = false;
}
