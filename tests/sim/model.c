/* model.c - the scheduler's rules, as simply as possible.  Runs in: the simulation. */
#include "tests/sim/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bounds.h"

#define NS_IN_MS	INT64_C(1000000)

void
model_violation(const struct model *m, const char *fmt, ...)
{
	va_list	ap;

	fflush(stdout);
	fprintf(stderr, "violation at %lld ns: ", (long long)m->now.mono_ns);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

/* ---- questions ---- */

/* They stand in order of their ids. */
struct model_job *
model_job(struct model *m, uint64_t id)
{
	int	from = m->jobs_first, to = m->jobs_len;

	while (from < to) {
		int	middle = from + (to - from) / 2;

		if (m->jobs[middle].id < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from < m->jobs_len && m->jobs[from].id == id && !m->jobs[from].forgotten ?
	    &m->jobs[from] : NULL;
}

bool
model_finished(const struct model_job *j)
{
	return j->state != JOB_scheduled && j->state != JOB_ready && j->state != JOB_running;
}

bool
model_waiting(const struct model_job *j)
{
	return j->state == JOB_scheduled || j->state == JOB_ready;
}

bool
model_open(const struct model *m, const struct model_job *j)
{
	bool	all = m->cfg.sequential;

	if (j->key < 0 && !all)
		return true;
	for_attempts((struct model *)(size_t)m, at)
		if (at->stuck && (all || at->job->key == j->key))
			return false;
	for_jobs((struct model *)(size_t)m, other)
		if ((all || other->key == j->key) && other->line_place < j->line_place &&
		    (!model_finished(other) || other->blocking))
			return false;
	return true;
}

uint32_t
model_type_running(const struct model *m, int type)
{
	uint32_t	n = 0;

	for_attempts((struct model *)(size_t)m, at)
		n += at->job->type == type;
	for_jobs((struct model *)(size_t)m, j)
		n += j->alone_asked && j->type == type;
	return n;
}

uint32_t
model_queue_running(const struct model *m, int queue)
{
	uint32_t	n = 0;

	for_attempts((struct model *)(size_t)m, at)
		n += at->job->queue == queue;
	for_jobs((struct model *)(size_t)m, j)
		n += j->alone_asked && j->queue == queue;
	return n;
}

/* Attempts of jobs like this, and those that wait for a worker of their own. */
static uint32_t
count_like(const struct model *m, const struct model_job *j,
    bool (*like)(const struct model_job *, const struct model_job *))
{
	uint32_t	n = 0;

	for_attempts((struct model *)(size_t)m, at)
		n += like(at->job, j);
	for_jobs((struct model *)(size_t)m, other)
		n += other->alone_asked && like(other, j);
	return n;
}

static bool
same_tenant(const struct model_job *a, const struct model_job *b)
{
	return a->queue == b->queue && a->tenant == b->tenant;
}

static bool
same_limit(const struct model_job *a, const struct model_job *b)
{
	return a->queue == b->queue && a->limit == b->limit;
}

uint32_t
model_tenant_running(const struct model *m, const struct model_job *j)
{
	return count_like(m, j, same_tenant);
}

uint32_t
model_limit_running(const struct model *m, const struct model_job *j)
{
	return count_like(m, j, same_limit);
}

bool
model_type_full(const struct model *m, int type)
{
	return m->type_limit[type] > 0 && model_type_running(m, type) >= m->type_limit[type];
}

bool
model_queue_full(const struct model *m, int queue)
{
	uint32_t	limit = m->queues[queue].limit;

	return limit > 0 && model_queue_running(m, queue) >= limit;
}

bool
model_tenant_full(const struct model *m, const struct model_job *j)
{
	uint32_t	limit = m->queues[j->queue].tenant_limit;

	return limit > 0 && model_tenant_running(m, j) >= limit;
}

bool
model_limit_full(const struct model *m, const struct model_job *j)
{
	uint32_t	limit = m->queues[j->queue].key_limit;

	return limit > 0 && j->limit >= 0 && model_limit_running(m, j) >= limit;
}

bool
model_dry(const struct model *m, const struct model_rate *r)
{
	return r->milli > 0 && r->next_ns > m->now.mono_ns;
}

int64_t
model_queue_jobs(const struct model *m, int queue)
{
	int64_t	n = 0;

	for_jobs((struct model *)(size_t)m, j)
		n += j->queue == queue && model_waiting(j);
	return n;
}

int64_t
model_queue_bytes(const struct model *m, int queue)
{
	int64_t	n = 0;

	for_jobs((struct model *)(size_t)m, j)
		if (j->queue == queue && model_waiting(j))
			n += model_job_bytes(j);
	return n;
}

bool
model_eligible(const struct model *m, const struct model_job *j)
{
	const struct model_queue	*q = &m->queues[j->queue];

	return j->state == JOB_ready && model_record_open(j) && !j->alone_asked &&
	    !j->forgotten && !q->paused &&
	    !model_dry(m, &q->rate) && !model_dry(m, &m->type_rate[j->type]) &&
	    model_open(m, j) && !model_type_full(m, j->type) && !model_queue_full(m, j->queue) &&
	    !model_tenant_full(m, j) && !model_limit_full(m, j) &&
	    !model_group_full(m, j) && !model_group_stopped(m, j);
}

uint32_t
model_used(const struct model *m, int worker, int lane)
{
	uint32_t	n = 0;

	for_attempts((struct model *)(size_t)m, at)
		n += at->worker == worker && (lane < 0 || at->lane == (enum lane)lane);
	return n;
}

struct model_attempt *
model_head(struct model *m, int worker)
{
	struct model_attempt	*head = NULL;

	for_attempts(m, at)
		if (at->worker == worker && (head == NULL || at->number < head->number))
			head = at;
	return head;
}

static bool
is_short(const struct model *m, int type)
{
	return m->types[type]->samples >= 20 && m->types[type]->mean_ns < 50000;
}

static int64_t
bytes_in(struct model *m, int worker)
{
	int64_t	sum = 0;

	for_attempts(m, at)
		if (at->worker == worker)
			sum += at->job->bytes;
	return sum;
}

/* The inline lane is one for all, and so is the process lane of what is built in and of plugins. */
static int
place_in(int pool, enum lane lane)
{
	if (lane == LANE_INLINE || (pool == MODEL_PLUGINS && lane == LANE_PROCESS))
		pool = 0;
	return pool * LANES + (int)lane;
}

int
model_place(const struct model *m, const struct model_job *j)
{
	return place_in(m->type_pool[j->type], j->lane);
}

enum model_slots
model_slots_of(int place)
{
	if (place % LANES == LANE_PROCESS)
		return MODEL_CPU_SLOT;
	return place == MODEL_EXEC * LANES + LANE_ASYNC ? MODEL_WAITING_SLOT : MODEL_NO_SLOT;
}

int
model_line(const struct model *m, const struct model_job *j)
{
	if (j->suspicions == 0)
		return model_place(m, j);
	return MODEL_PLACES + (int)model_slots_of(model_place(m, j));
}

static bool
is_first(struct model *m, const struct model_attempt *at)
{
	return at->worker < 0 || !m->workers[at->worker].fifo || model_head(m, at->worker) == at;
}

uint32_t
model_slots_used(const struct model *m, enum model_slots which)
{
	uint32_t	n = 0;

	for_attempts((struct model *)(size_t)m, at)
		n += at->takes == (int)which && is_first((struct model *)(size_t)m, at);
	for (int i = 0; i < MODEL_ALONE; i++)
		n += m->alone[i].waiting && m->alone[i].takes == which;
	return n;
}

bool
model_slots_full(const struct model *m, enum model_slots which)
{
	return m->slots[which] > 0 && model_slots_used(m, which) >= m->slots[which];
}

bool
model_serves(const struct model_worker *w, int place)
{
	return w->slots[place % LANES] > 0 &&
	    place_in(w->pool, (enum lane)(place % LANES)) == place;
}

bool
model_has_room(const struct model *m, int worker, int place)
{
	const struct model_worker	*w = &m->workers[worker];

	return w->up && !w->retired && !w->killed && !w->refused && w->alone_for == 0 && w->credit > 0 &&
	    model_serves(w, place) && model_used(m, worker, place % LANES) < w->slots[place % LANES];
}

/* Could this job start at once, if there was a CPU slot for it? */
static bool
wants_cpu(struct model *m, const struct model_job *j, int but)
{
	int	place = model_place(m, j);

	if (model_slots_of(place) != MODEL_CPU_SLOT || !model_eligible(m, j))
		return false;
	if (j->suspicions > 0)
		return model_alone_free(m) >= 0;
	for (int w = 0; w < MODEL_WORKERS && place != but; w++)
		if (model_has_room(m, w, place) &&
		    (!m->workers[w].fifo || model_used(m, w, -1) == 0))
			return true;
	return false;
}

bool
model_yields(struct model *m, int worker)
{
	const struct model_worker	*w = &m->workers[worker];

	if (!w->fifo || model_used(m, worker, -1) == 0 || !model_slots_full(m, MODEL_CPU_SLOT) ||
	    m->now.mono_ns - w->slot_ns < MODEL_SLOT_NS)
		return false;
	for_jobs(m, j)
		if (wants_cpu(m, j, place_in(w->pool, LANE_PROCESS)))
			return true;
	return false;
}

bool
model_may_yield(const struct model *m, int worker)
{
	const struct model_worker	*w = &m->workers[worker];

	return w->fifo && model_used(m, worker, -1) > 0 && m->slots[MODEL_CPU_SLOT] > 0 &&
	    m->now.mono_ns - w->slot_ns >= MODEL_SLOT_NS;
}

bool
model_takes(struct model *m, int worker, const struct model_job *j)
{
	const struct model_worker	*w = &m->workers[worker];
	int				 place = model_place(m, j);

	if (!model_has_room(m, worker, place))
		return false;
	if (!w->fifo || model_used(m, worker, -1) == 0)
		return !model_slots_full(m, model_slots_of(place));
	return is_short(m, j->type) && is_short(m, model_head(m, worker)->job->type) &&
	    bytes_in(m, worker) + j->bytes <= BOUND_WINDOW_BYTES;
}

int
model_alone_free(const struct model *m)
{
	for (int i = 0; i < MODEL_ALONE; i++)
		if (m->alone[i].state == MODEL_FREE)
			return i;
	return -1;
}

/* ---- moves ---- */

/* Who can be in line now and has no place yet gets one: at most one job after any single change. */
void
model_line_up(struct model *m)
{
	for_jobs(m, j)
		if (j->state == JOB_ready && j->place == 0 && !j->alone_asked &&
		    model_record_open(j) && model_open(m, j))
			j->place = ++m->places;
}

struct model_alone *
model_alone_of(struct model *m, const struct model_job *j)
{
	for (int i = 0; i < MODEL_ALONE; i++)
		if (m->alone[i].waiting && m->alone[i].job_id == j->id)
			return &m->alone[i];
	model_violation(m, "job %llu asked for a worker that nobody starts",
	    (unsigned long long)j->id);
}

static void
maybe_idle(struct model *m, int worker)
{
	struct model_worker	*w = &m->workers[worker];

	if (!w->up || !w->retired || w->killed || w->idle_said || w->idle_due)
		return;
	for_attempts(m, at)
		if (at->worker == worker && !at->stuck)
			return;
	w->idle_due = true;
}

void
model_withdraw_alone(struct model *m, struct model_job *j)
{
	struct model_alone	*a = j->alone_asked ? model_alone_of(m, j) : NULL;

	j->alone_asked = false;
	if (a == NULL)
		return;
	a->waiting = false;
	if (a->state == MODEL_UP)
		model_worker_retire(m, a->worker);
}

void
model_finish(struct model *m, struct model_job *j, enum job_state state, enum job_reason reason,
    enum failure_kind kind)
{
	if (model_over(j))
		model_violation(m, "job %llu would have two outcomes", (unsigned long long)j->id);
	model_withdraw_alone(m, j);
	j->attempt = NULL;
	for (int i = 0; i < j->after_len; i++)
		j->after[i] = 0;
	if (j->durable) {
		j->ending = true;
		j->end_blocks = state == JOB_failed && model_failure_blocks(m, j);
		j->end_state = state;
		j->end_reason = reason;
		j->end_kind = kind;
		model_want(j, RECORD_END);
	} else {
		model_end_now(m, j, state, reason, kind);
	}
}

void
model_end_now(struct model *m, struct model_job *j, enum job_state state, enum job_reason reason,
    enum failure_kind kind)
{
	j->blocking = j->durable ? j->end_blocks : state == JOB_failed && model_failure_blocks(m, j);
	j->state = state;
	j->reason = reason;
	j->kind = kind;
	m->finished[state]++;
	model_group_finished(m, j);
	model_line_up(m);
}

struct model_job *
model_submit(struct model *m, const struct model_job *as)
{
	struct model_job	*j = &m->jobs[m->jobs_len];

	if (m->jobs_len == MODEL_JOBS)
		model_violation(m, "the model has no room for so many jobs");
	*j = *as;
	j->line_place = ++m->line_places;
	j->unstored = j->durable;
	memcpy(j->after_all, j->after, sizeof(j->after));
	m->jobs_len++;
	m->submitted++;
	model_check_parents(m, j);
	model_line_up(m);
	return j;
}

/* ---- the clock ---- */

/* The workers of commands escalate themselves, and get 5 s more for that. */
static int64_t
grace_ms(const struct model *m, const struct model_attempt *at)
{
	int64_t	ms = m->type_grace_ms[at->job->type];

	if (ms == 0)
		ms = m->cfg.grace_ms;
	return at->worker >= 0 && m->workers[at->worker].pool == MODEL_EXEC ? ms + 5000 : ms;
}

static void
tell(struct model *m, struct model_attempt *at, bool by_timeout)
{
	const struct model_worker	*w = at->worker < 0 ? NULL : &m->workers[at->worker];

	if (at->told)
		return;
	at->told = at->tell_due = true;
	at->by_timeout = by_timeout;
	at->deadline_ns = NEVER;
	if (w == NULL || !w->fifo || model_head(m, at->worker) == at)
		at->grace_ns = m->now.mono_ns + grace_ms(m, at) * NS_IN_MS;
}

static void
failed(struct model *m, struct model_job *j, enum job_reason reason, const struct model_end *end)
{
	if (!model_retried(m, j, end))
		model_finish(m, j, JOB_failed, reason, end->kind);
}

/* It ends as it was told to. */
static void
end_told(struct model *m, struct model_attempt *at)
{
	static const struct model_end	timed_out = { .kind = FAILURE_timeout };

	if (at->job->cancel_asked)
		model_finish(m, at->job, JOB_cancelled, at->by_timeout ? REASON_cancel_asked : at->why,
		    0);
	else
		failed(m, at->job, REASON_timed_out, &timed_out);
}

static void
grace_over(struct model *m, struct model_attempt *at)
{
	struct model_worker	*w = &m->workers[at->worker];

	at->grace_ns = NEVER;
	if (w->killable && at->lane == LANE_PROCESS) {
		w->kill_due |= !w->killed;
		w->killed = true;
		w->idle_due = false;
	} else {
		at->stuck = true;
		end_told(m, at);
		maybe_idle(m, at->worker);
	}
}

/* The waiting job with the earliest thing to happen, no later than now. */
static struct model_job *
next_due(struct model *m)
{
	struct model_job	*first = NULL;
	int64_t			 first_ns = m->now.mono_ns;

	for_jobs(m, j) {
		int64_t	at_ns = j->state == JOB_scheduled && j->due_ns > 0 ? j->due_ns : NEVER;

		if (!model_waiting(j) || !model_record_open(j))
			continue;
		if (!j->begun && j->ttl_ns < at_ns)
			at_ns = j->ttl_ns;
		if (at_ns <= first_ns) {
			first = j;
			first_ns = at_ns;
		}
	}
	return first;
}

void
model_tick(struct model *m)
{
	int64_t			 now_ns = m->now.mono_ns;
	struct model_job	*j;

	for_attempts(m, at) {
		if (!at->told && at->deadline_ns <= now_ns)
			tell(m, at, true);
		if (at->told && at->grace_ns <= now_ns)
			grace_over(m, at);
	}
	while ((j = next_due(m)) != NULL) {
		if (!j->begun && j->ttl_ns <= now_ns) {
			model_finish(m, j, JOB_expired, REASON_ttl_over, 0);
			continue;
		}
		j->tied_ns = j->due_ns;
		j->due_ns = 0;
		if (model_must_wait(j))
			continue;
		j->state = JOB_ready;
		j->reason = REASON_due;
		model_line_up(m);
	}
	for (int w = 0; w < MODEL_WORKERS; w++)
		if (m->workers[w].refused && m->workers[w].refused_until_ns <= now_ns)
			m->workers[w].refused = false;
	for (int i = 0; i < MODEL_ALONE; i++)
		if (m->alone[i].state == MODEL_COOLING && m->alone[i].retry_ns <= now_ns)
			m->alone[i].state = MODEL_FREE;
}

/* ---- rates ---- */

void
model_rate_set(struct model_rate *r, struct rate rate)
{
	uint32_t	burst = rate.burst == 0 ? 1 : rate.burst;

	if (r->milli == rate.rate_milli && r->burst == burst)
		return;
	*r = (struct model_rate){ .milli = rate.rate_milli, .burst = burst, .next_ns = INT64_MIN };
}

/*
 * The rule itself: in any time from a start on there are no more starts than burst and what the
 * rate gives in that time; so the next one has to wait for the strictest of them.
 */
static void
take(struct model *m, struct model_rate *r)
{
	int64_t	each_ns;

	if (r->milli == 0)
		return;
	if (r->len == MODEL_STARTS)
		model_violation(m, "the model has no room for so many starts");
	each_ns = (INT64_C(1000000000000) + r->milli - 1) / r->milli;
	r->starts[r->len++] = m->now.mono_ns;
	for (int i = 0; i < r->len; i++) {
		int64_t	next = r->starts[i] + (r->len - i - (int64_t)r->burst + 1) * each_ns;

		if (next > r->next_ns)
			r->next_ns = next;
	}
}

void
model_take(struct model *m, const struct model_job *j)
{
	take(m, &m->queues[j->queue].rate);
	take(m, &m->type_rate[j->type]);
}

/* ---- attempts ---- */

void
model_becomes_head(struct model *m, struct model_attempt *at)
{
	if (at->told)
		at->grace_ns = m->now.mono_ns + grace_ms(m, at) * NS_IN_MS;
	else if (at->job->timeout_ms > 0)
		at->deadline_ns = m->now.mono_ns + at->job->timeout_ms * NS_IN_MS;
}

/* It holds nothing any more. */
static void
leave(struct model *m, struct model_attempt *at, bool worker_lives)
{
	int			 worker = at->worker;
	struct model_worker	*w = worker < 0 ? NULL : &m->workers[worker];
	bool			 was_head = worker >= 0 && model_head(m, worker) == at;
	struct model_attempt	*head;

	at->job = NULL;
	while (m->attempts_end > 0 && m->attempts[m->attempts_end - 1].job == NULL)
		m->attempts_end--;
	model_line_up(m);
	if (w == NULL || !worker_lives)
		return;
	w->refused = false;
	if (w->fifo && was_head && (head = model_head(m, worker)) != NULL)
		model_becomes_head(m, head);
	if (w->alone_for != 0)
		w->retired = true;
	maybe_idle(m, worker);
}

void
model_done(struct model *m, struct model_attempt *at, const struct model_end *end)
{
	static const struct model_end	early = { .kind = FAILURE_error };

	if (at->stuck)
		;
	else if (end->end == ATTEMPT_OK)
		model_finish(m, at->job, JOB_succeeded, REASON_finished, 0);
	else if (end->end == ATTEMPT_FAILED)
		failed(m, at->job, end->kind == FAILURE_bad_result ? REASON_bad_result :
		    REASON_handler_error, end);
	else if (at->told)
		end_told(m, at);
	else
		failed(m, at->job, REASON_handler_error, &early);
	leave(m, at, true);
}

void
model_inline(struct model *m, struct model_job *j)
{
	if (j->lane != LANE_INLINE || !model_eligible(m, j))
		model_violation(m, "job %llu may not run inline now", (unsigned long long)j->id);
	j->attempts++;
	model_take(m, j);
	model_finish(m, j, JOB_succeeded, REASON_finished, 0);
}

static void
back(struct model_attempt *at, enum job_reason reason)
{
	at->job->state = JOB_ready;
	at->job->reason = reason;
	at->job->attempt = NULL;
	if (reason == REASON_channel_full)
		return;
	at->job->marked = false;
	model_want(at->job, RECORD_CHANGE);
}

void
model_relane(struct model *m, struct model_attempt *at, enum lane lane)
{
	at->lane = lane;
	at->takes = (int)model_slots_of(place_in(m->workers[at->worker].pool, lane));
	maybe_idle(m, at->worker);
}

void
model_refused(struct model *m, struct model_attempt *at)
{
	int	worker = at->worker;

	back(at, REASON_channel_full);
	at->job->attempts--;
	leave(m, at, true);
	m->workers[worker].credit += m->workers[worker].credit != CORE_CREDIT_ANY;
	m->workers[worker].refused = true;
	m->workers[worker].refused_until_ns = NEVER;
	if (model_used(m, worker, -1) == 0)
		m->workers[worker].refused_until_ns = m->now.mono_ns + 10 * NS_IN_MS;
}

void
model_cancel_because(struct model *m, struct model_job *j, enum job_reason why)
{
	if (j->ending)
		return;
	j->cancel_asked = true;
	if (model_waiting(j)) {
		model_finish(m, j, JOB_cancelled, why, 0);
		return;
	}
	if (!j->attempt->told)
		j->attempt->why = why;
	tell(m, j->attempt, false);
}

void
model_cancel(struct model *m, struct model_job *j)
{
	model_cancel_because(m, j, REASON_cancel_asked);
}

void
model_purge(struct model *m, int queue)
{
	for_jobs(m, j)
		if (j->queue == queue && model_waiting(j) && !model_over(j))
			model_finish(m, j, JOB_cancelled, REASON_purged, 0);
}

/* ---- workers ---- */

static struct model_alone *
asked_for(struct model *m, uint64_t job_id)
{
	struct model_alone	*found = NULL;

	for (int i = 0; i < MODEL_ALONE; i++)
		if (m->alone[i].state == MODEL_ASKED && m->alone[i].job_id == job_id &&
		    (found == NULL || !found->waiting))
			found = &m->alone[i];
	return found;
}

void
model_worker_up(struct model *m, int worker, const struct worker_offer *o)
{
	struct model_worker	*w = &m->workers[worker];
	uint64_t		 alone_for = o->alone_for;
	struct model_alone	*a;

	*w = (struct model_worker){ .up = true, .fifo = o->fifo, .killable = o->killable,
	    .pool = (int)o->pool, .alone_for = alone_for, .credit = CORE_CREDIT_ANY };
	for (int lane = 0; lane < LANES; lane++)
		w->slots[lane] = o->slots[lane];
	if (alone_for == 0)
		return;
	if ((a = asked_for(m, alone_for)) == NULL)
		model_violation(m, "nobody asked for this worker");
	a->state = MODEL_UP;
	a->worker = worker;
	if (!a->waiting)
		model_worker_retire(m, worker);
}

void
model_worker_retire(struct model *m, int worker)
{
	m->workers[worker].retired = true;
	maybe_idle(m, worker);
}

/* Its job waits for another one. */
static void
alone_let_go(struct model *m, struct model_alone *a)
{
	if (a->waiting)
		model_job(m, a->job_id)->alone_asked = false;
	a->waiting = false;
	model_line_up(m);
}

/* A place for a worker that runs a job alone is free again. */
void
model_alone_gone(struct model *m, int worker)
{
	for (int i = 0; i < MODEL_ALONE; i++) {
		struct model_alone	*a = &m->alone[i];

		if (a->state != MODEL_UP || a->worker != worker)
			continue;
		alone_let_go(m, a);
		a->state = MODEL_FREE;
	}
}

void
model_alone_failed(struct model *m, uint64_t job_id)
{
	struct model_alone	*a = asked_for(m, job_id);

	if (a == NULL)
		return;
	alone_let_go(m, a);
	a->state = MODEL_COOLING;
	a->retry_ns = m->now.mono_ns + 1000 * NS_IN_MS;
}

/* One attempt of a dead worker, by the rules of SHM section 0, item 3. */
static void
lose(struct model *m, struct model_attempt *at, bool begun, bool suspected, bool among)
{
	struct model_job	*j = at->job;

	j->begun |= begun;
	if (at->told) {
		end_told(m, at);
		return;
	}
	j->suspicions += suspected;
	if (j->suspicions >= 3)
		model_finish(m, j, JOB_failed, REASON_crashed_often, FAILURE_crash);
	else if (begun && j->on_lost == ON_LOST_FAIL)
		model_finish(m, j, JOB_failed, REASON_lost, FAILURE_lost);
	else if (among && j->beside >= 20)
		model_finish(m, j, JOB_failed, REASON_crashed_often, FAILURE_crash);
	else
		back(at, begun ? REASON_worker_died : REASON_worker_died_waiting);
}

void
model_attempt_lost(struct model *m, struct model_attempt *at)
{
	if (!at->stuck) {
		at->job->beside++;
		lose(m, at, true, false, true);
	}
	leave(m, at, true);
}

/* Of those that were beside the most deaths, now that all were beside one more, the last eight. */
static bool
stands_out(const struct model_attempt *at, const struct model_attempt *crowd, int n)
{
	int	later = 0;

	for (int i = 0; i < n; i++) {
		if (crowd[i].job->beside > at->job->beside)
			return false;
		later += crowd[i].job->beside == at->job->beside && crowd[i].number > at->number;
	}
	return at->job->beside >= 5 && later < 8;
}

void
model_worker_lost(struct model *m, int worker,
    enum suspicion (*suspect)(void *ctx, const struct job *j), void *ctx)
{
	struct model_worker	*w = &m->workers[worker];
	struct model_attempt	*at;
	struct model_attempt	 crowd[MODEL_ATTEMPTS];
	int			 n = 0;
	bool			 head = true, judged = !w->killed && !w->fifo && w->alone_for == 0;

	for_attempts(m, beside)
		if (judged && beside->worker == worker && !beside->stuck &&
		    suspect(ctx, beside->real->job) == SUSPECT_AMONG) {
			beside->job->beside++;
			crowd[n++] = *beside;
		}
	while ((at = model_head(m, worker)) != NULL) {
		bool	suspected = !w->killed && !at->stuck, among = false;

		if (w->fifo)
			suspected &= head;
		else if (w->alone_for == 0 && suspected) {
			among = suspect(ctx, at->real->job) == SUSPECT_AMONG;
			suspected = among ? stands_out(at, crowd, n) :
			    suspect(ctx, at->real->job) == SUSPECT_YES;
		}
		m->crashes += suspected;
		if (!at->stuck)
			lose(m, at, head || !w->fifo, suspected, among);
		leave(m, at, false);
		head = false;
	}
	model_alone_gone(m, worker);
	w->up = false;
}
