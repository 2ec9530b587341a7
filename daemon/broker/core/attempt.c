/* attempt.c - a try at running a job, from its start to its one end.
 * Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>

#include "lib/alloc.h"

/* ---- start ---- */

static bool
is_fifo_follower(const struct attempt *at, const struct worker *w)
{
	return w->fifo && worker_head(w) != at;
}

/* The worker's extra is in it. */
static int64_t
grace_end_ns(int64_t told_ns, int64_t grace_ms, const struct worker *w)
{
	return ns_after(told_ns, w->pool->exec ? grace_ms + EXEC_EXTRA_MS : grace_ms);
}

/* The next thing that time does to it.  What waits behind another in its worker has no deadline
 * yet. */
static void
attempt_timer_set(struct core *c, struct attempt *at, const struct worker *w, int64_t told_ns)
{
	int64_t	key = INT64_MAX, ms = at->type->grace_ms > 0 ? at->type->grace_ms : c->cfg.grace_ms;

	if (is_fifo_follower(at, w))
		return;
	if (at->told != 0)
		key = grace_end_ns(told_ns, ms, w);
	else if (at->timeout_ms > 0)
		key = at->deadline_ns;
	if (key != INT64_MAX)
		heap_set(&c->attempt_timers, &at->timer, key);
}

static void
set_start(struct attempt *at, int64_t now_ns)
{
	at->started_ns = now_ns;
	at->deadline_ns = at->timeout_ms > 0 ? ns_after(now_ns, at->timeout_ms) : 0;
}

static struct attempt *
attempt_new(struct core *c, struct job *j, struct worker *w)
{
	struct attempt	*at = mem_zalloc(1, sizeof(*at));

	list_init(&at->tell);
	list_push_back(&w->attempts, &at->link);
	at->job = j;
	at->job_id = j->id;
	at->fence = c->cfg.fence_base + ++c->fences;
	at->type = job_type(j);
	at->flow = flow_ref(j->flow);
	at->order = job_order(j);
	at->timeout_ms = job_timeout_ms(j);
	at->worker = w->number;
	at->number = ++job_run_get(j)->attempts;
	at->lane = j->lane;
	at->bytes = job_args_len(j);
	return at;
}

static struct place *
place_at_work(const struct attempt *at, const struct worker *w)
{
	return w->pool->places[at->lane];
}

/* A fifo worker has one for all that it was given. */
static void
take_slot(struct core_time now, struct attempt *at, struct worker *w)
{
	const struct place	*p = place_at_work(at, w);

	if (!w->fifo) {
		budget_take(p->budget);
		at->held = p->starts;
	} else if (w->used[at->lane] == 0) {
		w->held = budget_take(p->budget);
		w->held_ns = now.mono_ns;
	}
}

static void
give_slot(struct core *c, struct attempt *at, struct worker *w)
{
	budget_give(budget_for(c, at->held));
	if (w->fifo && w->used[at->lane] == 0) {
		budget_give(w->held);
		w->held = NULL;
		w->yields = false;
	}
}

struct attempt *
attempt_start(struct core *c, struct core_time now, struct job *j, struct worker *w)
{
	struct attempt	*at = attempt_new(c, j, w);

	if (!j->alone_asked)
		gates_hold(c, now, j->flow);
	j->alone_asked = false;
	take_slot(now, at, w);
	w->used[at->lane]++;
	w->bytes += at->bytes;
	w->credit -= w->credit != CORE_CREDIT_ANY;
	place_at_work(at, w)->used++;
	c->stats.attempts++;
	c->stats.lane_started[at->lane]++;
	job_timer_stop(c, j);
	tally_attempt(at, j);
	job_move(c, now, j, JOB_running, REASON_started);
	job_run(j)->attempt = at;
	job_try_begin(c, j, at, now.real_ms);
	set_start(at, now.mono_ns);
	if (!is_fifo_follower(at, w))
		tally_attempt_began(at, now);
	attempt_timer_set(c, at, w, 0);
	place_update(c, w);
	return at;
}

/* What was before it in its worker has ended: now it runs. */
static void
becomes_head(struct core *c, struct core_time now, struct attempt *at, const struct worker *w)
{
	set_start(at, now.mono_ns);
	tally_attempt_began(at, now);
	if (at->job != NULL)
		job_try_begins(at->job, now.real_ms);
	attempt_timer_set(c, at, w, now.mono_ns);
}

/* ---- end ---- */

void
attempt_free(struct core *c, struct core_time now, struct attempt *at)
{
	struct worker	*w = worker_find(c, at->worker);
	bool		 was_head = worker_head(w) == at;

	list_remove(&at->link);
	list_remove(&at->tell);
	heap_remove(&c->attempt_timers, &at->timer);
	w->used[at->lane]--;
	w->bytes -= at->bytes;
	place_at_work(at, w)->used--;
	give_slot(c, at, w);
	gates_release(c, at->flow);
	if (at->stuck) {
		w->stuck--;
		w->stuck_threads -= at->lane == LANE_THREAD;
		c->stats.stuck--;
		if (at->order != NULL)
			order_unstuck(c, at->order);
	}
	flow_unref(c, at->flow);
	free(at);
	if (w->lost)
		return;
	w->refused = false;
	heap_remove(&c->retries, &w->retry);
	if (w->fifo && was_head && !list_empty(&w->attempts))
		becomes_head(c, now, worker_head(w), w);
	if (w->alone_for != 0)
		worker_retire(c, w);
	place_update(c, w);
	worker_settle(c, w);
}

static char *
timeout_message(int64_t timeout_ms, bool stuck)
{
	bool	whole = timeout_ms % 1000 == 0;

	return mem_printf("timed out after %lld %s%s",
	    (long long)(whole ? timeout_ms / 1000 : timeout_ms),
	    whole ? "s" : "ms", stuck ? "; it was told to end and has not" : "");
}

void
attempt_end_told(struct core *c, struct core_time now, struct attempt *at, bool stuck)
{
	struct job	*j = at->job;
	enum job_reason	 why = at->told;
	struct outcome	 o;

	tally_attempt_ended(at, now, j->cancel_asked ? TALLY_CANCELLED : TALLY_TIMED_OUT);
	if (j->cancel_asked) {
		if (why == REASON_timed_out)	/* that came first */
			why = REASON_cancel_asked;
		job_try_end(j, now.real_ms, why);
		job_finish(c, now, j, JOB_cancelled, why, NULL);
	} else {
		o = outcome_failed(FAILURE_timeout, timeout_message(at->timeout_ms, stuck));
		job_failed(c, now, j, REASON_timed_out, &o);
	}
}

void
attempt_requeue(struct core *c, struct core_time now, struct attempt *at, enum job_reason reason)
{
	struct job	*j = at->job;

	job_run(j)->attempt = NULL;
	j->alone = alone_needed(j);
	if (reason == REASON_channel_full) {
		job_try_withdraw(c, j);
	} else {
		job_try_end(j, now.real_ms, reason);
		tally_attempt_ended(at, now, TALLY_LOST);
		j->marked = false;
	}
	job_move(c, now, j, JOB_ready, reason);
	job_timer_set(c, j);
	ready_add(c, j);
	if (reason != REASON_channel_full)
		record_ask(c, j, RECORD_CHANGE);
}

static void
conclude(struct core *c, struct core_time now, struct attempt *at, enum attempt_end end,
    struct outcome *o)
{
	struct job	*j = at->job;

	if (end == ATTEMPT_CANCELLED && at->told != 0) {
		attempt_end_told(c, now, at, false);
		return;
	}
	tally_attempt_ended(at, now, end == ATTEMPT_OK ? TALLY_SUCCEEDED : TALLY_FAILED);
	if (end == ATTEMPT_OK) {
		job_try_end(j, now.real_ms, REASON_finished);
		job_finish(c, now, j, JOB_succeeded, REASON_finished, o);
		*o = (struct outcome){ 0 };
		return;
	}
	if (end == ATTEMPT_CANCELLED)
		*o = outcome_failed(FAILURE_error,
		    mem_strdup("the handler ended early, and nobody had asked it to"));
	job_failed(c, now, j,
	    o->kind == FAILURE_bad_result ? REASON_bad_result : REASON_handler_error, o);
}

void
core_attempt_done(struct core *c, struct core_time now, struct attempt *at, enum attempt_end end,
    struct outcome *o)
{
	if (at->job != NULL) {
		if (end != ATTEMPT_CANCELLED)
			type_measure(c, at->type, attempt_ran_ns(at, now));
		conclude(c, now, at, end, o);
	}
	free(o->text);				/* NULL when the job took it */
	free(o->data);
	*o = (struct outcome){ 0 };
	attempt_free(c, now, at);
}

void
core_attempt_refused(struct core *c, struct core_time now, struct attempt *at)
{
	struct worker	*w = worker_find(c, at->worker);

	c->stats.attempts--;
	c->stats.lane_started[at->lane]--;
	tally_attempt_withdrawn(at);
	attempt_requeue(c, now, at, REASON_channel_full);
	attempt_free(c, now, at);
	w->credit += w->credit != CORE_CREDIT_ANY;
	w->refused = true;
	if (list_empty(&w->attempts))
		heap_set(&c->retries, &w->retry, now.mono_ns + REFUSED_NS);
	place_update(c, w);
}

/* ---- while it runs ---- */

void
core_attempt_relane(struct core *c, struct core_time now, struct attempt *at, enum lane lane)
{
	struct worker	*w = worker_find(c, at->worker);

	if (w->fifo || lane == at->lane)
		return;
	w->used[at->lane]--;
	place_at_work(at, w)->used--;
	give_slot(c, at, w);
	at->lane = (uint8_t)lane;
	take_slot(now, at, w);
	place_at_work(at, w)->used++;
	w->used[lane]++;
	if (at->job != NULL)
		job_try_relaned(at->job, lane);
	place_update(c, w);
}

void
core_attempt_spent(struct core *c, struct attempt *at, const struct spent *spent)
{
	(void)c;
	if (at->job != NULL)
		job_try_spent(at->job, spent);
}

/* ---- asked to end ---- */

void
attempt_tell(struct core *c, struct core_time now, struct attempt *at, enum job_reason why)
{
	if (at->told != 0)
		return;
	at->told = (uint8_t)why;
	list_push_back(&c->tells, &at->tell);
	attempt_timer_set(c, at, worker_find(c, at->worker), now.mono_ns);
}

void
core_attempt_grace(struct core *c, struct core_time now, struct attempt *at, int64_t grace_ms)
{
	const struct worker	*w = worker_find(c, at->worker);

	if (at->told != 0 && !is_fifo_follower(at, w))
		heap_set(&c->attempt_timers, &at->timer, grace_end_ns(now.mono_ns, grace_ms, w));
}

/* A thread or a callback that does not come back: its job ends now, and it keeps what it holds. */
static void
abandon(struct core *c, struct core_time now, struct attempt *at, struct worker *w)
{
	if (at->order != NULL)
		order_stuck(at->order, at->job_id);
	attempt_end_told(c, now, at, true);
	at->job = NULL;
	at->stuck = true;
	w->stuck++;
	w->stuck_threads += at->lane == LANE_THREAD;
	c->stats.stuck++;
	worker_settle(c, w);
}

void
attempt_due(struct core *c, struct core_time now, struct attempt *at)
{
	struct worker	*w = worker_find(c, at->worker);

	heap_remove(&c->attempt_timers, &at->timer);
	if (at->told == 0)
		attempt_tell(c, now, at, REASON_timed_out);
	else if (w->killable && at->lane == LANE_PROCESS)
		worker_kill(c, w);
	else
		abandon(c, now, at, w);
}
