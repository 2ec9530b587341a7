/* job.c - a job's states, transitions and records.  Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

const char *const job_state_names[JOB_STATES] = {
#define STATE(symbol, finished, help) #symbol,
#include "proto/states.def"
#undef STATE
};

const char *const job_reason_names[REASONS] = {
#define STATE(symbol, finished, help)
#define REASON(symbol, text) #symbol,
#include "proto/states.def"
#undef REASON
};

const char *const job_reason_texts[REASONS] = {
#define REASON(symbol, text) text,
#include "proto/states.def"
#undef REASON
#undef STATE
};

const char *const failure_names[FAILURES] = {
#define FAILURE(symbol, text) #symbol,
#include "proto/failures.def"
#undef FAILURE
};

/* ---- who submitted ---- */

struct submitter *
submitter_new(const char *principal, const char *client, const char *addr)
{
	struct submitter	*s = mem_zalloc(1, sizeof(*s));

	s->refs = 1;
	s->principal = mem_strdup(principal);
	s->client = mem_strdup(client);
	s->addr = mem_strdup(addr);
	return s;
}

struct submitter *
submitter_ref(struct submitter *s)
{
	s->refs++;
	return s;
}

void
submitter_unref(struct submitter *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	free(s->principal);
	free(s->client);
	free(s->addr);
	free(s);
}

/* ---- life ---- */

static int64_t
due_of(struct core_time now, const struct jobspec *spec)
{
	int64_t	delay_ms = spec->delay_ms;

	if (spec->run_at_ms > 0)
		delay_ms = spec->run_at_ms - now.real_ms;
	return delay_ms <= 0 ? 0 : ns_after(now.mono_ns, delay_ms);
}

struct job *
job_new(struct core_time now, uint64_t id, const struct jobspec *spec)
{
	struct job	*j = mem_alloc(sizeof(*j) + spec->args.len + spec->labels.len);

	memset(j, 0, sizeof(*j));
	list_init(&j->link);
	j->id = id;
	j->created_ms = now.real_ms;
	j->created_ns = now.mono_ns;
	j->due_ns = due_of(now, spec);
	j->ttl_ns = spec->ttl_ms > 0 ? ns_after(now.mono_ns, spec->ttl_ms) : 0;
	j->timeout_ms = spec->timeout_ms;
	j->priority = (int8_t)spec->priority;
	j->lane_asked = (int8_t)spec->lane;
	j->on_lost = (uint8_t)spec->on_lost;
	j->args_len = (uint32_t)spec->args.len;
	j->labels_len = (uint32_t)spec->labels.len;
	if (spec->args.len > 0)
		memcpy(j->spec, spec->args.p, spec->args.len);
	if (spec->labels.len > 0)
		memcpy(j->spec + spec->args.len, spec->labels.p, spec->labels.len);
	return j;
}

void
job_free(struct core *c, struct job *j)
{
	if (j->moves_len > 1)
		free(j->past.moves);
	free(j->tries);
	if (job_state_finished(j->state)) {
		free(j->outcome.text);
		free(j->outcome.data);
	}
	submitter_unref(j->by);
	order_unref(c, j->order);
	queue_unref(c, j->queue);
	free(j);
}

int64_t
job_bytes(const struct job *j)
{
	return (int64_t)sizeof(*j) + j->args_len + j->labels_len;
}

/* ---- states ---- */

static void
record_move(struct job *j, struct transition t)
{
	struct transition	*moves = j->past.moves, first = j->past.move;

	if (j->moves_len == 0) {
		j->past.move = t;
		j->moves_len = 1;
		return;
	}
	if (j->moves_len == 1) {
		moves = mem_alloc(4 * sizeof(*moves));
		moves[0] = first;
	} else if (j->moves_len == CORE_MOVES_KEPT) {
		memmove(&moves[1], &moves[2], (CORE_MOVES_KEPT - 2) * sizeof(*moves));
		j->moves_len--;
	} else if (j->moves_len >= 4 && (j->moves_len & (j->moves_len - 1)) == 0) {
		moves = mem_resize(moves, j->moves_len * 2, sizeof(*moves));
	}
	moves[j->moves_len++] = t;
	j->past.moves = moves;
}

static void
count_state(struct core *c, const struct job *j, int by)
{
	c->stats.states[j->state] += (uint64_t)by;
	j->queue->states[j->state] += (uint64_t)by;
	if (!job_waiting(j))
		return;
	c->waiting += (uint64_t)by;
	c->stats.waiting_bytes += (uint64_t)(by * job_bytes(j));
}

void
job_move(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason)
{
	struct transition	t = { .at_ms = now.real_ms, .state = state, .reason = reason };

	if (j->moves_len > 0)
		count_state(c, j, -1);
	j->state = (uint8_t)state;
	count_state(c, j, 1);
	record_move(j, t);
}

bool
job_waiting(const struct job *j)
{
	return j->state == JOB_scheduled || j->state == JOB_ready;
}

void
job_withdraw(struct core *c, struct job *j)
{
	heap_remove(&c->job_timers, &j->timer);
	if (j->wait.flow != NULL)
		ready_remove(c, j);
	else if (j->alone_asked)
		alone_withdraw(c, j);
}

/* ---- tries ---- */

void
job_try_begin(struct job *j, const struct attempt *at, int64_t now_ms)
{
	if (j->tries_len == CORE_TRIES_KEPT) {
		memmove(&j->tries[0], &j->tries[1], (CORE_TRIES_KEPT - 1) * sizeof(*j->tries));
		j->tries_len--;
	} else if ((j->tries_len & (j->tries_len - 1)) == 0) {
		j->tries = mem_resize(j->tries, j->tries_len == 0 ? 1 : j->tries_len * 2u,
		    sizeof(*j->tries));
	}
	j->tries[j->tries_len++] = (struct attempt_record){
		.fence = at->fence, .started_ms = now_ms, .number = at->number,
		.worker = (uint16_t)at->worker, .lane = at->lane,
	};
}

void
job_try_end(struct job *j, int64_t now_ms, enum job_reason end)
{
	struct attempt_record	*try = &j->tries[j->tries_len - 1];

	try->ended_ms = now_ms;
	try->end = (uint8_t)end;
}

/* It never reached a worker: it was no try. */
void
job_try_withdraw(struct job *j)
{
	j->tries_len--;
	j->attempts--;
}

/* ---- ends ---- */

static void
count_end(struct core *c, const struct job *j)
{
	c->stats.finished[j->state]++;
	if (j->state == JOB_succeeded)
		j->type->succeeded++;
	else if (j->state == JOB_failed)
		j->type->failed++;
	else if (j->state == JOB_cancelled)
		j->type->cancelled++;
}

void
job_finish(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason, struct outcome *o, bool stuck)
{
	if (job_waiting(j))
		job_withdraw(c, j);
	if (j->order != NULL && stuck)
		j->order->holder = NULL;	/* and holder_id stays: the attempt passes the
						 * key on */
	else if (j->order != NULL)
		order_leave(c, j);
	memset(&j->outcome, 0, sizeof(j->outcome));
	if (o != NULL)
		j->outcome = *o;
	j->attempt = NULL;
	job_move(c, now, j, state, reason);
	count_end(c, j);
	list_push_back(&c->finished, &j->link);
}

void
job_fail(struct core *c, struct core_time now, struct job *j, enum job_reason reason,
    enum failure_kind kind, char *message, bool stuck)
{
	struct outcome	o = { .text = message, .len = (uint32_t)strlen(message), .kind = kind };

	job_finish(c, now, j, JOB_failed, reason, &o, stuck);
}

void
job_expire(struct core *c, struct core_time now, struct job *j)
{
	job_finish(c, now, j, JOB_expired, REASON_ttl_over, NULL, false);
}
