/* judge.c - core against the model.  Runs in: the simulation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model.h"


/* ---- after each event ---- */

static void
same_job(struct model *m, const struct core *c, const struct model_job *j)
{
	const struct job	*real = core_find(c, j->id);
	unsigned long long	 id = (unsigned long long)j->id;
	struct transition	 last;

	if (real == NULL)
		model_violation(m, "job %llu was lost", id);
	last = job_last_move(real);
	if (real->state != j->state)
		model_violation(m, "job %llu is %s and should be %s", id,
		    job_state_names[real->state], job_state_names[j->state]);
	if (last.state != j->state || last.reason != j->reason)
		model_violation(m, "job %llu has reason %s and should have %s", id,
		    job_reason_names[last.reason], job_reason_names[j->reason]);
	if (!model_over(j) && real->lane != j->lane)
		model_violation(m, "job %llu is in lane %s and should be in %s", id,
		    lane_names[real->lane], lane_names[j->lane]);
	if ((int)job_failures(real) != j->failures)
		model_violation(m, "job %llu has failed %u times, not %d", id,
		    job_failures(real), j->failures);
	if (job_run(real) != NULL && job_run(real)->beside != j->beside)
		model_violation(m, "job %llu was beside %d deaths, not %d", id, job_run(real)->beside,
		    j->beside);
	if ((int)job_attempts(real) != j->attempts || real->suspicions != j->suspicions)
		model_violation(m, "job %llu has %d attempts, %d suspicions, not %d, %d", id,
		    (int)job_attempts(real), real->suspicions, j->attempts, j->suspicions);
	if (j->state == JOB_failed && job_outcome(real)->kind != j->kind)
		model_violation(m, "job %llu failed as %s, not %s", id,
		    failure_names[job_outcome(real)->kind], failure_names[j->kind]);
	if (j->state == JOB_running && !j->ending && job_attempt(real) != j->attempt->real)
		model_violation(m, "job %llu runs in another attempt", id);
	if (real->durable != j->durable || real->unstored != j->unstored ||
	    real->ending != j->ending || real->marking != j->marking || real->marked != j->marked)
		model_violation(m, "job %llu: %d%d%d%d%d are its ways to the disk, not %d%d%d%d%d", id,
		    real->durable, real->unstored, real->ending, real->marking, real->marked,
		    j->durable, j->unstored, j->ending, j->marking, j->marked);
	if (j->ending && (job_run(real)->end_state != j->end_state ||
	    job_run(real)->end_reason != j->end_reason))
		model_violation(m, "job %llu will be %s (%s) and should be %s (%s)", id,
		    job_state_names[job_run(real)->end_state], job_reason_names[job_run(real)->end_reason],
		    job_state_names[j->end_state], job_reason_names[j->end_reason]);
}

static void
same_counts(struct model *m, const struct core *c)
{
	struct core_stats	s;
	uint64_t		states[JOB_STATES] = { 0 }, bytes = 0, stuck = 0;

	core_stats(c, &s);
	for_jobs(m, j) {
		if (j->forgotten)
			continue;
		states[j->state]++;
		if (model_waiting(j))
			bytes += JOB_BYTES + (uint64_t)j->bytes +
			    (uint64_t)j->after_len * sizeof(struct job_edge);
	}
	for (int i = 0; i < MODEL_ATTEMPTS; i++)
		stuck += m->attempts[i].job != NULL && m->attempts[i].stuck;
	for (int i = 0; i < JOB_STATES; i++)
		if (s.states[i] != states[i] || s.finished[i] != m->finished[i])
			model_violation(m, "stats count %llu jobs %s, not %llu",
			    (unsigned long long)s.states[i], job_state_names[i],
			    (unsigned long long)states[i]);
	if (s.waiting_bytes != bytes || s.stuck != stuck || s.crashes != m->crashes ||
	    s.submitted != m->submitted)
		model_violation(m, "stats disagree: bytes, stuck attempts, crashes or submits");
	for (int t = 0; t < MODEL_TYPES; t++)
		if (m->types[t]->gate.running != model_type_running(m, t))
			model_violation(m, "type %d is said to run %u", t, m->types[t]->gate.running);
}

static void
forget_turn(struct model_job *j)
{
	memset(j->unfair, 0, sizeof(j->unfair));
	memset(j->passed, 0, sizeof(j->passed));
}

/* Turns are remembered while a job is in line; a limit that holds it up does not cost it its
 * turn. */
static void
forget_turns(struct model *m)
{
	for_jobs(m, j)
		if (j->state != JOB_ready || !model_record_open(j) || !model_open(m, j))
			forget_turn(j);
}

void
judge_same(struct model *m, const struct core *c)
{
	core_check(c);
	model_learn(m, c);
	model_lanes(m);
	model_learn_marks(m, c);
	for_jobs(m, j)
		if (!j->forgotten)
			same_job(m, c, j);
	same_counts(m, c);
	judge_groups(m, c);
	judge_uniques(m, c);
	forget_turns(m);
}

/* ---- when nothing is left to do ---- */

/*
 * A pool wants a worker when somebody could run there, and nobody of it can take one more: surely if
 * there is no worker at all, never if there is nobody to run or a worker with a free slot.
 */
static void
quiet_wants(struct model *m, struct core *c, int pool)
{
	bool	wanted = core_pool_wants(c, (uint32_t)pool), may = false, must = false;

	for_jobs(m, j) {
		int	place = model_place(m, j);
		bool	worker = false, room = false;

		if (place / LANES != pool || j->suspicions > 0 || !model_eligible(m, j))
			continue;
		for (int w = 0; w < MODEL_WORKERS; w++) {
			worker |= m->workers[w].up && !m->workers[w].retired &&
			    m->workers[w].alone_for == 0 && model_serves(&m->workers[w], place);
			room |= model_has_room(m, w, place) &&
			    (!m->workers[w].fifo || model_used(m, w, -1) == 0);
		}
		may |= !room && (!worker || !model_slots_full(m, model_slots_of(place)));
		must |= !worker;
	}
	if (wanted ? !may : must)
		model_violation(m, "pool %d %s a worker", pool, wanted ? "wants" : "does not want");
}

/* Everything that could be next in the lane can be taken by one worker: then it should have
 * been. */
static void
quiet_lane(struct model *m, int place)
{
	bool	all[MODEL_WORKERS], any = false;

	memset(all, true, sizeof(all));
	for_jobs(m, j) {
		if (model_place(m, j) != place || j->suspicions > 0 || !model_eligible(m, j))
			continue;
		any = true;
		for (int w = 0; w < MODEL_WORKERS; w++)
			all[w] &= model_takes(m, w, j) && !model_may_yield(m, w);
		if (place == LANE_INLINE)
			model_violation(m, "inline job %llu could run and does not",
			    (unsigned long long)j->id);
	}
	for (int w = 0; any && w < MODEL_WORKERS; w++)
		if (all[w])
			model_violation(m, "worker %d could run a job in lane %s of pool %d and gets none",
			    w, lane_names[place % LANES], place / LANES);
}

static void
quiet_job(struct model *m, const struct model_job *j)
{
	unsigned long long	id = (unsigned long long)j->id;

	if (model_finished(j) && !j->announced)
		model_violation(m, "nobody was told of the outcome of job %llu", id);
	if (j->record_due != RECORD_NONE)
		model_violation(m, "job %llu was not written down: %d", id, (int)j->record_due);
	if (j->suspicions > 0 && model_eligible(m, j) && model_alone_free(m) >= 0 &&
	    !model_slots_full(m, model_slots_of(model_place(m, j))))
		model_violation(m, "job %llu could have a worker of its own", id);
}

static void
quiet_effects(struct model *m)
{
	for (int i = 0; i < MODEL_ATTEMPTS; i++)
		if (m->attempts[i].job != NULL && m->attempts[i].tell_due)
			model_violation(m, "job %llu was not told to end",
			    (unsigned long long)m->attempts[i].job->id);
	for (int w = 0; w < MODEL_WORKERS; w++)
		if (m->workers[w].up && (m->workers[w].kill_due || m->workers[w].idle_due))
			model_violation(m, "worker %d should be %s", w,
			    m->workers[w].kill_due ? "killed" : "told to stop");
	for (int i = 0; i < MODEL_ALONE; i++)
		if (m->alone[i].state == MODEL_UP && m->alone[i].waiting)
			model_violation(m, "job %llu has its worker and does not start",
			    (unsigned long long)m->alone[i].job_id);
}

/* Retention: nothing more may be kept than allowed. */
static void
quiet_kept(struct model *m)
{
	for (int failed = 0; failed < 2; failed++) {
		int64_t	keep_ms = failed ? m->cfg.keep_failed_ms : m->cfg.keep_finished_ms;
		int64_t	count = 0, bytes = 0;

		for_jobs(m, j) {
			if (!j->announced || j->forgotten || j->aside ||
			    (j->state == JOB_failed) != failed)
				continue;
			if (j->announced_ns + keep_ms * 1000000 <= m->now.mono_ns)
				model_violation(m, "job %llu is kept too long",
				    (unsigned long long)j->id);
			count++;
			bytes += j->kept_bytes;
		}
		if (count > m->cfg.keep_finished || bytes > m->cfg.keep_finished_bytes)
			model_violation(m, "%lld finished jobs of %lld bytes are kept",
			    (long long)count, (long long)bytes);
	}
}

/* A group tells its members to end after the tick: without any grace the next one is wanted now. */
static bool
grace_is_over(struct model *m)
{
	for_attempts(m, at)
		if (!at->stuck && at->told && at->grace_ns <= m->now.mono_ns)
			return true;
	return false;
}

/* What was written down meanwhile may be due already. */
static bool
became_late(struct model *m)
{
	for_jobs(m, j)
		if (model_waiting(j) && model_record_open(j) && (j->ttl_ns <= m->now.mono_ns ||
		    (j->due_ns > 0 && j->due_ns <= m->now.mono_ns)))
			return true;
	return false;
}

/* What is to happen next by the clock alone, as far as the model knows. */
static void
quiet_clock(struct model *m, const struct core *c)
{
	int64_t	next = core_next_ns(c);

	if (next <= m->now.mono_ns && !grace_is_over(m) && !became_late(m))
		model_violation(m, "core wants a tick that it just had");
	for_jobs(m, j) {
		if (!model_record_open(j))
			continue;
		if (j->state == JOB_scheduled && j->due_ns > 0 && j->due_ns < next)
			model_violation(m, "job %llu will be late", (unsigned long long)j->id);
		if (model_waiting(j) && !j->begun && j->ttl_ns < next)
			model_violation(m, "job %llu will expire late", (unsigned long long)j->id);
	}
	for (int q = 0; q < MODEL_QUEUES; q++)
		if (model_dry(m, &m->queues[q].rate) && m->queues[q].rate.next_ns < next)
			model_violation(m, "the rate of queue %d allows a start, late", q);
	for (int t = 0; t < MODEL_TYPES; t++)
		if (model_dry(m, &m->type_rate[t]) && m->type_rate[t].next_ns < next)
			model_violation(m, "the rate of type %d allows a start, late", t);
	for (int i = 0; i < MODEL_ATTEMPTS; i++) {
		const struct model_attempt	*at = &m->attempts[i];

		if (at->job != NULL && !at->stuck &&
		    (at->grace_ns < next || (!at->told && at->deadline_ns < next)))
			model_violation(m, "the time of job %llu will be over late",
			    (unsigned long long)at->job->id);
	}
}

void
judge_quiet(struct model *m, const struct core *c)
{
	model_learn(m, c);
	for (int place = 0; place < MODEL_PLACES; place++)
		quiet_lane(m, place);
	for (int pool = 0; pool < MODEL_POOLS; pool++)
		quiet_wants(m, (struct core *)(size_t)c, pool);
	for_jobs(m, j)
		if (!j->forgotten)
			quiet_job(m, j);
	for (struct model_job *j = m->jobs; j < m->jobs + m->jobs_len; j++)
		if (j->forgotten && core_find(c, j->id) != NULL)
			model_violation(m, "job %llu is still there", (unsigned long long)j->id);
	quiet_effects(m);
	judge_groups_quiet(m);
	quiet_kept(m);
	quiet_clock(m, c);
}

/* ---- reasons ---- */

static bool
says(const char *text, const char *kind)
{
	char	member[64];

	snprintf(member, sizeof(member), "{\"kind\":\"%s\"", kind);
	return strstr(text, member) != NULL;
}

static void
expect(struct model *m, const struct model_job *j, const char *text, const char *kind,
    bool expected)
{
	if (says(text, kind) != expected)
		model_violation(m, "job %llu %s wait for %s: %s", (unsigned long long)j->id,
		    expected ? "does" : "does not", kind, text);
}

/* The number that a reason names. */
static uint64_t
number_of(struct model *m, const char *text, const char *kind, const char *name)
{
	char		 member[64];
	const char	*at;

	snprintf(member, sizeof(member), "{\"kind\":\"%s\"", kind);
	at = strstr(text, member);
	snprintf(member, sizeof(member), "\"%s\":", name);
	at = at == NULL ? NULL : strstr(at, member);
	if (at == NULL)
		model_violation(m, "%s of %s is not in: %s", name, kind, text);
	return strtoull(at + strlen(member), NULL, 10);
}

static void
expect_number(struct model *m, const char *text, const char *kind, const char *name, uint64_t value)
{
	if (number_of(m, text, kind, name) != value)
		model_violation(m, "%s of %s is %llu, not as in: %s", name, kind,
		    (unsigned long long)value, text);
}

/* Of its tenant, in its queue and lane. */
static uint64_t
count_ahead(struct model *m, const struct model_job *j)
{
	uint64_t	n = 0;

	for_jobs(m, o) {
		if (o->queue != j->queue || o->tenant != j->tenant || o->state != JOB_ready ||
		    o->alone_asked || !model_record_open(o) || !model_open(m, o))
			continue;
		if (model_line(m, o) != model_line(m, j))
			continue;
		n += o->priority > j->priority ||
		    (o->priority == j->priority && o->place < j->place);
	}
	return n;
}

/* Others with a job in line beside it, of no lower priority. */
static uint64_t
count_tenants(struct model *m, const struct model_job *j)
{
	bool		seen[MODEL_TENANTS] = { false };
	uint64_t	n = 0;

	for_jobs(m, o)
		if (o->queue == j->queue && model_place(m, o) == model_place(m, j) && o->state == JOB_ready &&
		    model_record_open(o) && o->suspicions == 0 && model_open(m, o) &&
		    o->priority >= j->priority)
			seen[o->tenant] |= o->tenant != j->tenant;
	for (int t = 0; t < MODEL_TENANTS; t++)
		n += seen[t];
	return n;
}

/* The gates that are closed for a job in line; false: none. */
static bool
explain_gates(struct model *m, const struct model_job *j, const char *text, bool held)
{
	const struct model_queue	*q = &m->queues[j->queue];
	const struct model_rate		*rate = &q->rate;
	bool	queue = held && model_queue_full(m, j->queue);
	bool	type = held && model_type_full(m, j->type);
	bool	tenant = held && model_tenant_full(m, j), limit = held && model_limit_full(m, j);
	bool	dry = held && (model_dry(m, rate) || model_dry(m, &m->type_rate[j->type]));
	bool	paused = held && q->paused;
	bool	full = held && model_group_full(m, j), stopped = held && model_group_stopped(m, j);

	expect(m, j, text, "queue_limit", queue);
	expect(m, j, text, "type_limit", type);
	expect(m, j, text, "tenant_limit", tenant);
	expect(m, j, text, "key_limit", limit);
	expect(m, j, text, "rate", dry);
	expect(m, j, text, "paused", paused);
	expect(m, j, text, "group_limit", full);
	expect(m, j, text, "group_stopped", stopped);
	if (full)
		expect_number(m, text, "group_limit", "running",
		    model_group_running(m, j->group));
	if (queue)
		expect_number(m, text, "queue_limit", "running", model_queue_running(m, j->queue));
	if (type)
		expect_number(m, text, "type_limit", "running", model_type_running(m, j->type));
	if (tenant)
		expect_number(m, text, "tenant_limit", "running", model_tenant_running(m, j));
	if (limit)
		expect_number(m, text, "key_limit", "running", model_limit_running(m, j));
	if (dry && !model_dry(m, rate))
		rate = &m->type_rate[j->type];
	if (dry)
		expect_number(m, text, "rate", "next_in_ms",
		    (uint64_t)((rate->next_ns - m->now.mono_ns + 999999) / 1000000));
	return queue || type || tenant || limit || dry || paused || full || stopped;
}

/* What it lacks to start: workers, a slot of those that all pools share, or a worker's slot. */
static void
explain_place(struct model *m, const struct model_job *j, const char *text, bool lane)
{
	int			 place = model_place(m, j);
	enum model_slots	 takes = model_slots_of(place);
	bool			 worker = false, fresh = false, full = model_slots_full(m, takes);
	bool			 busy, slots;

	for (int w = 0; w < MODEL_WORKERS; w++) {
		worker |= m->workers[w].up && !m->workers[w].retired &&
		    m->workers[w].alone_for == 0 && model_serves(&m->workers[w], place);
		fresh |= model_has_room(m, w, place) &&
		    (!m->workers[w].fifo || model_used(m, w, -1) == 0);
	}
	busy = worker && (!fresh || !full);
	slots = full && (fresh || !worker || place / LANES != 0);
	expect(m, j, text, "no_worker", lane && !worker);
	expect(m, j, text, "lane_busy", lane && busy);
	if (lane || j->suspicions == 0) {
		expect(m, j, text, "cpu_slots", lane && slots && takes == MODEL_CPU_SLOT);
		expect(m, j, text, "waiting_slots", lane && slots && takes == MODEL_WAITING_SLOT);
	}
	if (lane && slots)
		expect_number(m, text, takes == MODEL_CPU_SLOT ? "cpu_slots" : "waiting_slots",
		    "running", model_slots_used(m, takes));
	if (!lane || !busy)
		return;
	expect_number(m, text, "lane_busy", "ahead", count_ahead(m, j));
	if (number_of(m, text, "lane_busy", "tenants_before") > count_tenants(m, j))
		model_violation(m, "not so many tenants come before job %llu: %s",
		    (unsigned long long)j->id, text);
}

static void
explain_waiting(struct model *m, const struct model_job *j, const char *text)
{
	bool	open = model_open(m, j), held = open && j->state == JOB_ready && !j->alone_asked;
	bool	shut = explain_gates(m, j, text, held);
	bool	alone = open && (j->alone_asked || (held && j->suspicions > 0 && !shut));
	bool	lane = held && !shut && !alone;
	bool	timed = j->state == JOB_scheduled && j->due_ns > 0;
	bool	retry = timed && says(text, "retry"), time = timed && !retry;
	bool	blocked = !open && model_key_blocked(m, j);

	expect(m, j, text, "scheduled", time);
	expect(m, j, text, "retry", retry);
	if (j->reason == REASON_retry_wait && time)
		model_violation(m, "job %llu does not say that it is tried again: %s",
		    (unsigned long long)j->id, text);
	expect(m, j, text, "held", j->held);
	expect(m, j, text, "parents", model_parents_left(j) > 0);
	if (model_parents_left(j) > 0)
		expect_number(m, text, "parents", "left", (uint64_t)model_parents_left(j));
	expect(m, j, text, "order_blocked", blocked);
	expect(m, j, text, "order_key", !open && !blocked && !m->cfg.sequential);
	expect(m, j, text, "sequential", !open && !blocked && m->cfg.sequential);
	expect(m, j, text, "alone", alone);
	explain_place(m, j, text, lane);
	if (time || retry)
		expect_number(m, text, time ? "scheduled" : "retry", "due_in_ms",
		    (uint64_t)((j->due_ns - m->now.mono_ns) / 1000000));
	if (retry)
		expect_number(m, text, "retry", "failures", (uint64_t)j->failures);
}

static void
explain_running(struct model *m, const struct model_job *j, const char *text)
{
	int	worker = j->attempt->worker;
	bool	follows = m->workers[worker].fifo && model_head(m, worker) != j->attempt;

	expect(m, j, text, "window", follows);
	expect(m, j, text, "running", !follows);
	expect_number(m, text, follows ? "window" : "running", "worker", (uint64_t)worker);
	expect_number(m, text, follows ? "window" : "running", "attempt", (uint64_t)j->attempts);
}

/* On its way to the disk: it waits for that alone. */
static void
explain_storing(struct model *m, const struct model_job *j, const char *text)
{
	static const char *const	others[] = { "scheduled", "retry", "held", "parents",
	    "order_key", "order_blocked", "lane_busy", "no_worker", "alone", "running", "paused" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		expect(m, j, text, others[i], false);
}

void
judge_explain(struct model *m, const struct core *c, const struct model_job *j)
{
	const struct job	*real = core_find(c, j->id);
	struct buf		 out = { 0 };
	char			*text;

	core_explain(c, m->now, real, NULL, &out);
	text = buf_take_string(&out);
	expect(m, j, text, "store", !model_finished(j) && !model_record_open(j));
	if (!model_finished(j) && !model_record_open(j))
		explain_storing(m, j, text);
	else if (model_waiting(j))
		explain_waiting(m, j, text);
	else if (j->state == JOB_running)
		explain_running(m, j, text);
	else if (strstr(text, job_state_names[j->state]) == NULL ||
	    strstr(text, "\"waits\":[]") == NULL)
		model_violation(m, "job %llu %s explains itself as %s", (unsigned long long)j->id,
		    job_state_names[j->state], text);
	if (strncmp(text, "\"text\":\"", 8) != 0 || text[8] == '"')
		model_violation(m, "job %llu has no words: %s", (unsigned long long)j->id, text);
	free(text);
}
