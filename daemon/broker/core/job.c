/* job.c - a job's states, transitions and records.  Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define TIMEOUT_DIGITS	((1 << 13) - 1)

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
#define FAILURE(symbol, retried, text) #symbol,
#include "proto/failures.def"
#undef FAILURE
};

const bool failure_retried[FAILURES] = {
#define FAILURE(symbol, retried, text) retried,
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

/* ---- what not every job has ---- */

struct job_body *
job_body_get(struct job *j)
{
	if (j->body == NULL)
		j->body = mem_zalloc(1, sizeof(*j->body));
	return j->body;
}

struct job_extra *
job_extra_get(struct job *j)
{
	struct job_body	*b = job_body_get(j);

	if (b->extra == NULL) {
		b->extra = mem_zalloc(1, sizeof(*b->extra));
		b->extra->job = j;
	}
	return b->extra;
}

struct job_life *
job_life_get(struct job *j)
{
	struct job_extra	*x = job_extra_get(j);

	if (x->life == NULL) {
		x->life = mem_zalloc(1, sizeof(*x->life));
		list_init(&x->life->children);
	}
	return x->life;
}

static void
extra_free(struct core *c, struct job_extra *x)
{
	if (x == NULL)
		return;
	order_unref(c, x->order);
	if (x->life != NULL)
		free(x->life->after);
	free(x->life);
	free(x->traceparent);
	free(x);
}

struct job_run *
job_run_get(struct job *j)
{
	struct job_body	*b = job_body_get(j);
	struct job_run	*r = b->run;

	if (r == NULL) {
		r = b->run = mem_zalloc(1, sizeof(*r));
		r->job = j;
		list_init(&r->record);
		r->moves = r->first_moves;
		r->tries = &r->first_try;
		r->moves[r->moves_len++] = job_first_move(j);
	}
	return r;
}

static void
try_free(struct core *c, struct attempt_record *try)
{
	names_unref(&c->worker_names, try->worker);
	free(try->message);
	free(try->spent);
}

static void
run_free(struct core *c, struct job_run *r)
{
	if (r == NULL)
		return;
	if (r->moves != r->first_moves)
		free(r->moves);
	for (unsigned i = 0; i < r->tries_len; i++)
		try_free(c, &r->tries[i]);
	if (r->tries != &r->first_try)
		free(r->tries);
	free(r->outcome.text);
	free(r->outcome.data);
	free(r);
}

/* ---- life ---- */

struct type *
job_type(const struct job *j)
{
	return list_entry(j->flow->of.gates[GATE_TYPE], struct type, gate);
}

static int64_t
due_of(struct core_time now, const struct jobspec *spec)
{
	int64_t	delay_ms = spec->delay_ms;

	if (spec->run_at_ms > 0)
		delay_ms = spec->run_at_ms - now.real_ms;
	return delay_ms <= 0 ? 0 : ns_after(now.mono_ns, delay_ms);
}

/* People write timeouts of few digits, and zeros behind them. */
void
job_set_timeout(struct job *j, int64_t timeout_ms)
{
	int64_t		digits = timeout_ms;
	unsigned	exponent = 0;

	for (; digits > TIMEOUT_DIGITS && digits % 10 == 0; digits /= 10)
		exponent++;
	if (digits > TIMEOUT_DIGITS || exponent >= JOB_TIMEOUT_LONG) {
		job_extra_get(j)->timeout_ms = timeout_ms;
		exponent = JOB_TIMEOUT_LONG;
	}
	j->timeout = digits & TIMEOUT_DIGITS;
	j->timeout_exponent = exponent & 7;
}

int64_t
job_timeout_ms(const struct job *j)
{
	int64_t	timeout_ms = j->timeout;

	if (j->timeout_exponent == JOB_TIMEOUT_LONG)
		return job_extra(j)->timeout_ms;
	for (unsigned i = 0; i < j->timeout_exponent; i++)
		timeout_ms *= 10;
	return timeout_ms;
}

static void
set_times(struct job *j, struct core_time now, const struct jobspec *spec)
{
	int64_t	due_ns = due_of(now, spec);

	if (due_ns != 0)
		job_extra_get(j)->due_ns = due_ns;
	if (spec->ttl_ms > 0)
		job_extra_get(j)->ttl_ns = ns_after(now.mono_ns, spec->ttl_ms);
	job_set_timeout(j, spec->timeout_ms);
}

static void
body_fill(struct job_body *b, struct span args, struct span labels)
{
	memset(b, 0, sizeof(*b));
	b->labels_len = (uint32_t)labels.len;
	if (labels.len > 0)
		memcpy(b->text, labels.p, labels.len);
	if (args.len > 0)
		memcpy(b->text + labels.len, args.p, args.len);
}

/* In one piece with its text. */
static struct job *
make_joined(const struct jobspec *spec)
{
	size_t		 len = spec->args.len + spec->labels.len;
	struct job	*j = mem_alloc(JOB_BYTES + sizeof(*j->body) + len);

	memset(j, 0, JOB_BYTES);
	j->body_joined = true;
	j->body = (struct job_body *)(void *)(j + 1);
	body_fill(j->body, spec->args, spec->labels);
	return j;
}

/* With text that may go before it does, or without any: one of many that cost nothing but
 * themselves. */
static struct job *
make_apart(struct core *c, const struct jobspec *spec)
{
	struct span	 args = spec->args.p == NULL ? (struct span){ NULL, 0 } : spec->args;
	struct job	*j = slab_take(&c->slab);

	memset(j, 0, JOB_BYTES);
	j->in_slab = true;
	j->away = spec->args.p == NULL && spec->args.len > 0;
	if (args.len + spec->labels.len == 0)
		return j;
	j->body = mem_alloc(sizeof(*j->body) + args.len + spec->labels.len);
	body_fill(j->body, args, spec->labels);
	return j;
}

struct job *
job_new(struct core *c, struct core_time now, uint64_t id, const struct jobspec *spec)
{
	size_t		 len = spec->args.len + spec->labels.len;
	bool		 durable = spec->durability == DURABILITY_COMMIT;
	struct job	*j = durable || len == 0 ? make_apart(c, spec) : make_joined(spec);

	list_init(&j->link);
	j->id = id;
	j->spec_len = (uint32_t)len;
	j->priority = (int8_t)spec->priority;
	j->lane_asked = (int16_t)spec->lane & 15;
	j->on_lost = spec->on_lost & 1;
	j->durable = durable;
	set_times(j, now, spec);
	if (spec->retry.said != 0)
		job_life_get(j)->retry = spec->retry;
	if (spec->keep_ms != 0)
		job_life_get(j)->keep_ms = spec->keep_ms;
	if (spec->hold)
		job_extra_get(j)->held = true;
	if (spec->traceparent.len > 0)
		job_extra_get(j)->traceparent = mem_strndup(spec->traceparent.p,
		    spec->traceparent.len);
	return j;
}

void
job_free(struct core *c, struct job *j)
{
	if (job_run(j) != NULL)
		list_remove(&job_run(j)->record);
	run_free(c, job_run(j));
	if (job_member(j) != NULL)
		group_forget_job(c, j);
	unique_leave(c, j);
	extra_free(c, job_extra(j));
	submitter_unref(j->by);
	flow_unref(c, j->flow);
	if (!j->body_joined)
		free(j->body);
	if (j->in_slab)
		slab_give(&c->slab, j);
	else
		free(j);
}

int64_t
job_bytes(const struct job *j)
{
	int64_t	after = job_life(j) == NULL ? 0 : job_life(j)->after_len;

	return (int64_t)JOB_BYTES + j->spec_len + after * (int64_t)sizeof(struct job_edge);
}

/* ---- states ---- */

static void
record_move(struct job_run *r, struct transition t)
{
	if (r->moves_len == CORE_MOVES_KEPT) {
		memmove(&r->moves[1], &r->moves[2], (CORE_MOVES_KEPT - 2) * sizeof(t));
		r->moves_len--;
	} else if (r->moves_len == JOB_MOVES_FIRST) {
		r->moves = mem_alloc(2 * sizeof(r->first_moves));
		memcpy(r->moves, r->first_moves, sizeof(r->first_moves));
	} else if (r->moves_len > JOB_MOVES_FIRST && (r->moves_len & (r->moves_len - 1)) == 0) {
		r->moves = mem_resize(r->moves, r->moves_len * 2, sizeof(t));
	}
	r->moves[r->moves_len++] = t;
}

static void
count_account(const struct job *j, int by)
{
	struct account	*a = j->by->account;

	a->unfinished += job_state_finished(j->state) ? 0 : by;
	a->waiting_bytes += job_waiting(j) ? by * job_bytes(j) : 0;
}

static void
count_state(struct core *c, const struct job *j, int by)
{
	struct queue	*q = job_queue(j);

	c->stats.states[j->state] += (uint64_t)by;
	q->states[j->state] += (uint64_t)by;
	if (job_member(j) != NULL)
		group_count(j, j->state, by);
	if (job_waiting(j)) {
		c->waiting += (uint64_t)by;
		c->stats.waiting_bytes += (uint64_t)(by * job_bytes(j));
		if (j->durable)
			c->text_bytes += by * load_bytes(j);
		q->waiting_bytes += (uint64_t)(by * job_bytes(j));
	}
	if (j->by->account != NULL)
		count_account(j, by);
	if (by < 0 && (q->watches > 0 || c->room_wanted))
		queue_less(c, q);
}

void
job_uncount(struct core *c, const struct job *j)
{
	count_state(c, j, -1);
}

static void make_room(struct core *c, struct job_run *r);

void
job_relive(struct core *c, struct job *j, enum job_state state, const struct job_saved *s)
{
	struct job_run	*r;

	j->state = state & 15;
	count_state(c, j, 1);
	if (job_run(j) == NULL && s->moves_len == 1 && s->tries_len == 0)
		return;
	r = job_run_get(j);
	r->moves[0] = s->moves[0];	/* the run may be older than what is known of it */
	for (size_t i = 1; i < s->moves_len; i++)
		record_move(r, s->moves[i]);
	for (size_t i = 0; i < s->tries_len; i++) {
		struct span	name = s->try_workers == NULL ? (struct span){ "", 0 } :
		    s->try_workers[i];

		make_room(c, r);
		r->tries[r->tries_len] = s->tries[i];
		r->tries[r->tries_len++].worker = names_take(&c->worker_names, name.p, name.len);
		s->tries[i].message = NULL;
		s->tries[i].spent = NULL;
	}
}

void
job_enter(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason)
{
	j->created_ms = now.real_ms;
	j->first_state = state & 15;
	j->first_reason = reason & 127;
	j->state = state & 15;
	count_state(c, j, 1);
	if (c->changes.ring != NULL)
		change_note(&c->changes, j->id, job_first_move(j));
}

void
job_move(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason)
{
	struct transition	t = { .at_ms = now.real_ms, .state = state, .reason = reason };

	count_state(c, j, -1);
	j->state = state & 15;
	count_state(c, j, 1);
	record_move(job_run_get(j), t);
	if (c->changes.ring != NULL)
		change_note(&c->changes, j->id, t);
}

bool
job_waiting(const struct job *j)
{
	return j->state == JOB_scheduled || j->state == JOB_ready;
}

void
job_withdraw(struct core *c, struct job *j)
{
	job_timer_stop(c, j);
	if (j->in_line)
		ready_remove(c, j);
	else if (j->alone_asked)
		alone_withdraw(c, j);
	else if (j->loading)
		load_leave(c, j);
}

/* ---- tries ---- */

/* Room for one more. */
static void
make_room(struct core *c, struct job_run *r)
{
	if (r->tries_len == CORE_TRIES_KEPT) {
		try_free(c, &r->tries[0]);
		memmove(&r->tries[0], &r->tries[1], (CORE_TRIES_KEPT - 1) * sizeof(*r->tries));
		r->tries_len--;
	} else if (r->tries_len == 1 && r->tries == &r->first_try) {
		r->tries = mem_alloc(2 * sizeof(*r->tries));
		r->tries[0] = r->first_try;
	} else if (r->tries_len > 1 && (r->tries_len & (r->tries_len - 1)) == 0) {
		r->tries = mem_resize(r->tries, r->tries_len * 2u, sizeof(*r->tries));
	}
}

void
job_try_begin(struct core *c, struct job *j, const struct attempt *at, int64_t now_ms)
{
	const struct worker	*w = worker_find(c, at->worker);
	struct job_run		*r = job_run_get(j);

	make_room(c, r);
	r->tries[r->tries_len++] = (struct attempt_record){
		.fence = at->fence, .started_ms = now_ms, .number = at->number,
		.worker = names_ref(&c->worker_names, w->name), .lane = at->lane,
	};
}

void
job_try_begins(struct job *j, int64_t now_ms)
{
	job_run(j)->tries[job_run(j)->tries_len - 1].started_ms = now_ms;
}

void
job_try_end(struct job *j, int64_t now_ms, enum job_reason end)
{
	struct attempt_record	*try = &job_run(j)->tries[job_run(j)->tries_len - 1];

	try->ended_ms = now_ms;
	try->end = (uint8_t)end;
}

void
job_try_relaned(struct job *j, enum lane lane)
{
	job_run(j)->tries[job_run(j)->tries_len - 1].lane = (uint8_t)lane;
}

void
job_try_spent(struct job *j, const struct spent *spent)
{
	struct attempt_record	*try = &job_run(j)->tries[job_run(j)->tries_len - 1];

	if (try->spent == NULL)
		try->spent = mem_alloc(sizeof(*spent));
	*try->spent = *spent;
}

/* It never reached a worker: it was no try. */
void
job_try_withdraw(struct core *c, struct job *j)
{
	try_free(c, &job_run(j)->tries[job_run(j)->tries_len - 1]);
	job_run(j)->tries_len--;
	job_run(j)->attempts--;
}

/* ---- ends ---- */

static void
count_end(struct core *c, const struct job *j)
{
	c->stats.finished[j->state]++;
	tally_job_ended(j);
	if (j->state == JOB_succeeded)
		job_type(j)->succeeded++;
	else if (j->state == JOB_failed)
		job_type(j)->failed++;
	else if (j->state == JOB_cancelled)
		job_type(j)->cancelled++;
}

/* It is known how it ends, and nothing follows from that until it is on disk. */
static void
end_durable(struct core *c, struct job *j, enum job_state state, enum job_reason reason)
{
	j->ending = true;
	c->recording += !j->unstored;
	job_run(j)->end_state = (uint8_t)state;
	job_run(j)->end_reason = (uint8_t)reason;
	record_ask(c, j, RECORD_END);
}

void
job_end(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason)
{
	if (job_order(j) != NULL && !job_run(j)->end_blocks)
		order_leave(c, now, j);
	/* as it was written down, however long that took */
	job_move(c, (struct core_time){ .mono_ns = now.mono_ns, .real_ms = job_run(j)->end_ms }, j,
	    state, reason);
	unique_ended(c, j);
	count_end(c, j);
	if (job_member(j) != NULL)
		group_job_ended(c, j);
	list_push_back(&c->finished, &j->link);
}

void
job_finish(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason, struct outcome *o)
{
	if (job_waiting(j))
		job_withdraw(c, j);
	depend_leave(j);
	job_run_get(j)->attempt = NULL;
	job_run(j)->end_ms = now.real_ms;
	if (o != NULL)
		job_run(j)->outcome = *o;
	job_run(j)->end_blocks = state == JOB_failed && order_blocks(j);
	if (j->durable)
		end_durable(c, j, state, reason);
	else
		job_end(c, now, j, state, reason);
}

void
outcome_free(struct outcome *o)
{
	free(o->text);
	free(o->data);
	*o = (struct outcome){ 0 };
}

struct outcome
outcome_failed(enum failure_kind kind, char *message)
{
	return (struct outcome){ .text = message, .len = (uint32_t)strlen(message), .kind = kind };
}

void
job_fail(struct core *c, struct core_time now, struct job *j, enum job_reason reason,
    enum failure_kind kind, char *message)
{
	struct outcome	o = outcome_failed(kind, message);

	c->stats.failures[kind]++;
	job_finish(c, now, j, JOB_failed, reason, &o);
}

void
job_failed(struct core *c, struct core_time now, struct job *j, enum job_reason reason,
    struct outcome *o)
{
	job_try_end(j, now.real_ms, reason);
	c->stats.failures[o->kind]++;
	if (retry_follows(c, now, j, o))
		c->stats.retries++;
	else
		job_finish(c, now, j, JOB_failed, reason, o);
	*o = (struct outcome){ 0 };
}

void
job_expire(struct core *c, struct core_time now, struct job *j)
{
	job_finish(c, now, j, JOB_expired, REASON_ttl_over, NULL);
}
