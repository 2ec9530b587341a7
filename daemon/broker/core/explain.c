/* explain.c - why a job waits, runs where it runs, or ended as it did.
 * Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <string.h>

#define PARENTS_LISTED	10
#define COUNT_AT_MOST	10000	/* jobs walked over to say how many are ahead */

/* What is said in words and in members at once. */
struct saying {
	struct buf	 text, waits;
	const char	*pool_why;
};

/* The buffer for a new sentence. */
static struct buf *
words(struct saying *s)
{
	if (buf_len(&s->text) > 0)
		buf_puts(&s->text, "; ");
	return &s->text;
}

static void
begin(struct saying *s, const char *kind)
{
	if (buf_len(&s->waits) > 0)
		buf_putc(&s->waits, ',');
	buf_printf(&s->waits, "{\"kind\":\"%s\"", kind);
}

static void
member(struct saying *s, const char *name, int64_t value)
{
	buf_printf(&s->waits, ",\"%s\":%lld", name, (long long)value);
}

static void
member_text(struct saying *s, const char *name, const char *value)
{
	buf_printf(&s->waits, ",\"%s\":", name);
	buf_put_json(&s->waits, value, strlen(value));
}

static void
end(struct saying *s)
{
	buf_putc(&s->waits, '}');
}

/* ---- how many are ahead, in its queue and lane ---- */

struct ahead {
	uint64_t	 jobs;
	int64_t		 steps;		/* that may still be walked */
};

static void
count_level(const struct level *l, const struct job *j, struct ahead *a)
{
	list_for(node, &l->jobs) {
		if (a->steps-- <= 0 || list_entry(node, struct job, link)->seq >= j->seq)
			return;
		a->jobs++;
	}
}

static void
count_flow(const struct flow *f, const struct job *j, struct ahead *a)
{
	for (uint32_t i = 0; i < f->levels_len; i++) {
		const struct level	*l = f->levels[i];

		if (l->priority < j->priority)
			return;
		if (l->priority > j->priority)
			a->jobs += l->count;
		else
			count_level(l, j, a);
	}
}

/* Of its tenant: other tenants take turns with it. */
static void
put_ahead(struct saying *s, const struct job *j)
{
	struct ahead	a = { .steps = COUNT_AT_MOST };

	list_for(node, &j->flow->seat->flows) {
		if (a.steps-- <= 0)
			break;
		count_flow(list_entry(node, struct flow, link), j, &a);
	}
	member(s, "ahead", (int64_t)a.jobs);
	if (a.steps < 0)
		buf_puts(&s->waits, ",\"ahead_at_least\":true");
}

/* Other tenants on this bench whose turn comes before: their first jobs have a higher priority, or
 * they have waited longer. */
static int64_t
tenants_before(const struct job *j)
{
	const struct seat	*s = j->flow->seat;
	const struct bench	*b = s->of.bench;
	int64_t			 count = 0;

	for (uint32_t i = 0; i < b->rows.len && i < COUNT_AT_MOST; i++)
		count += b->rows.nodes[i]->key < turn_key(s, j->priority) &&
		    b->rows.nodes[i] != &s->own.node;
	return count;
}

/* ---- waiting ---- */

static void
explain_time(struct saying *s, struct core_time now, const struct job *j)
{
	int64_t	left_ms = (job_due_ns(j) - now.mono_ns) / NS_IN_MS;

	begin(s, "scheduled");
	member(s, "due_in_ms", left_ms < 0 ? 0 : left_ms);
	end(s);
	buf_printf(words(s), "waits for its time, in %lld ms",
	    (long long)(left_ms < 0 ? 0 : left_ms));
}

static const struct attempt_record *
last_try(const struct job *j)
{
	size_t				 len;
	const struct attempt_record	*tries = job_tries(j, &len);

	return &tries[len - 1];
}

/* Between two attempts. */
static void
explain_retry(struct saying *s, const struct core *c, struct core_time now, const struct job *j)
{
	const struct attempt_record	*last = last_try(j);
	struct retry_policy		 p = core_retry_policy(c, j);
	int64_t				 left_ms = (job_due_ns(j) - now.mono_ns) / NS_IN_MS;

	begin(s, "retry");
	member(s, "due_in_ms", left_ms < 0 ? 0 : left_ms);
	member(s, "failures", job_failures(j));
	member(s, "max_attempts", p.max_attempts);
	member_text(s, "failure", failure_names[last->kind]);
	end(s);
	buf_printf(words(s), "attempt %u failed (%s): %s; the next one follows in %lld ms, after "
	    "%u of at most %u failures", last->number, failure_names[last->kind], last->message,
	    (long long)(left_ms < 0 ? 0 : left_ms), job_failures(j), p.max_attempts);
}

static void
explain_order(struct saying *s, const struct core *c, const struct job *j)
{
	const struct order	*o = job_order(j);
	const struct list	*before = j->link.prev;
	uint64_t		 holder = o->stuck_id != 0 ? o->stuck_id : o->holder->id;
	uint64_t		 behind = holder;
	bool			 blocked = o->stuck_id == 0 && job_state_finished(o->holder->state);

	if (o->holder != j && before != &o->behind)
		behind = list_entry(before, struct job, link)->id;
	begin(s, blocked ? "order_blocked" : o == c->sequence ? "sequential" : "order_key");
	if (o != c->sequence)
		member_text(s, "key", o->key);
	member(s, "behind", (int64_t)behind);
	member(s, "held_by", (int64_t)holder);
	end(s);
	if (behind != j->id)
		buf_printf(words(s), "waits behind job %llu, %s", (unsigned long long)behind,
		    o == c->sequence ? "for all run one after the other (core.sequential)" :
		    "which has the same order key");
	if (blocked)
		buf_printf(words(s), "job %llu failed and blocks its order key until it is run "
		    "again, forgotten or cancelled", (unsigned long long)holder);
	if (o->stuck_id != 0)
		buf_printf(words(s), "an attempt of job %llu was given up, and has not ended yet",
		    (unsigned long long)o->stuck_id);
}

/* Whose gate it is: what it is called in words and in members, and its name. */
struct owner {
	const char	*kind, *word, *name;
};

static struct owner
owner_of(const struct gate *g, const struct job *j)
{
	switch ((enum gate_kind)g->kind) {
	case GATE_TYPE:
		return (struct owner){ "type_limit", "type", job_type(j)->name };
	case GATE_TENANT:
		return (struct owner){ "tenant_limit", "tenant", core_job_tenant(j) };
	case GATE_KEY:
		return (struct owner){ "key_limit", "limit_key",
		    list_entry(g, struct limit_key, gate)->key };
	case GATE_GROUP:
		return (struct owner){ "group_limit", "group",
		    list_entry(g, struct group, gate)->name };
	case GATE_STORE:	/* has no limit */
	case GATE_QUEUE:
		break;
	}
	return (struct owner){ "queue_limit", "queue", core_job_queue(j) };
}

static void
explain_full(struct saying *s, const struct gate *g, struct owner of)
{
	begin(s, of.kind);
	member_text(s, of.word, of.name);
	member(s, "running", g->running);
	member(s, "limit", g->max_running);
	end(s);
	buf_printf(words(s), "%s %s runs %u of at most %u", of.word, of.name, g->running,
	    g->max_running);
}

static void
explain_rate(struct saying *s, const struct gate *g, struct owner of, struct core_time now)
{
	int64_t	left_ms = (gate_next_ns(g) - now.mono_ns + NS_IN_MS - 1) / NS_IN_MS;

	begin(s, "rate");
	member_text(s, of.word, of.name);
	buf_printf(&s->waits, ",\"rate\":%u.%03u", g->rate.rate_milli / 1000,
	    g->rate.rate_milli % 1000);
	member(s, "burst", g->rate.burst);
	member(s, "next_in_ms", left_ms < 0 ? 0 : left_ms);
	end(s);
	buf_printf(words(s), "%s %s starts %u.%03u a second: the next in %lld ms", of.word,
	    of.name, g->rate.rate_milli / 1000, g->rate.rate_milli % 1000,
	    (long long)(left_ms < 0 ? 0 : left_ms));
}

static void
explain_paused(struct saying *s, struct owner of)
{
	begin(s, "paused");
	member_text(s, of.word, of.name);
	end(s);
	buf_printf(words(s), "%s %s is paused", of.word, of.name);
}

/* A group is paused by itself only. */
static void
explain_group_paused(struct saying *s, const struct group *g)
{
	begin(s, g->stopped != GROUP_OPEN ? "group_stopped" : "group_disk");
	member_text(s, "group", g->name);
	end(s);
	if (g->stopped != GROUP_OPEN)
		buf_printf(words(s), "group %s is stopped: %s", g->name, g->why);
	else
		buf_printf(words(s), "group %s: outcomes wait for the disk, so its members do",
		    g->name);
}

/* A type is paused by nobody. */
static void
explain_unserved(struct saying *s, const struct type *t)
{
	begin(s, "unknown_type");
	member_text(s, "type", t->name);
	end(s);
	buf_printf(words(s), t->unserved ? "no worker has a handler for the type %s any more" :
	    "the type %s moves to another pool of workers", t->name);
}

static void
explain_store(struct saying *s, const char *why)
{
	begin(s, "store");
	end(s);
	buf_puts(words(s), why);
}

static void
explain_gate(struct saying *s, struct core_time now, const struct job *j, const struct gate *g)
{
	struct owner	of = owner_of(g, j);

	if (g->paused && g->kind == GATE_TYPE)
		explain_unserved(s, job_type(j));
	else if (g->paused && g->kind == GATE_GROUP)
		explain_group_paused(s, list_entry(g, struct group, gate));
	else if (g->paused && g->kind == GATE_STORE)
		explain_store(s, list_entry(g, struct core, store_gate)->store_why);
	else if (g->paused)
		explain_paused(s, of);
	if (gate_full(g))
		explain_full(s, g, of);
	if (g->dry)
		explain_rate(s, g, of, now);
}

/* All gates that are closed; false: none is. */
static bool
explain_gates(struct saying *s, struct core_time now, const struct job *j)
{
	const struct gate	*queue = &job_queue(j)->gate;

	if (gate_closed(queue))
		explain_gate(s, now, j, queue);
	for (int i = 0; i < FLOW_GATES; i++)
		if (j->flow->of.gates[i] != NULL && gate_closed(j->flow->of.gates[i]))
			explain_gate(s, now, j, j->flow->of.gates[i]);
	return gate_closed(queue) || flow_shut_gate(j->flow) != NULL;
}

/* All slots that pools share are taken: by whom does not matter. */
static void
explain_budget(struct saying *s, const struct core *c, const struct budget *b)
{
	bool	cpu = b == &c->cpu;

	begin(s, cpu ? "cpu_slots" : "waiting_slots");
	member(s, "running", (int64_t)b->used);
	member(s, "slots", b->limit);
	end(s);
	buf_printf(words(s), "waits for a %s slot: %llu of %u are taken", cpu ? "CPU" : "waiting",
	    (unsigned long long)b->used, b->limit);
}

static void
explain_alone(struct saying *s, const struct core *c, const struct job *j)
{
	const struct budget	*b = job_type(j)->places[j->lane]->budget;
	int			 busy = 0;

	for (int i = 0; i < CORE_ALONE_MAX; i++)
		busy += c->alone[i].state != ALONE_FREE;
	begin(s, "alone");
	member(s, "suspicions", j->suspicions);
	member(s, "running", busy);
	member(s, "slots", CORE_ALONE_MAX);
	if (j->in_line)
		put_ahead(s, j);
	else
		buf_puts(&s->waits, ",\"starting\":true");
	end(s);
	buf_printf(words(s), "%u of its workers died, so it waits for a worker of its own",
	    j->suspicions);
	if (j->in_line && !budget_open(b))
		explain_budget(s, c, b);
}

/* " of plugins", " of pool exec:media", " of pool images"; of the built-in one nothing is said. */
static void
put_pool(struct buf *out, const struct pool *p)
{
	if (p->name_len == 0)
		return;
	if (strcmp(p->name, "plugin") == 0)
		buf_puts(out, " of plugins");
	else
		buf_printf(out, " of pool %s", p->name + (strncmp(p->name, "pool:", 5) == 0 ? 5 : 0));
}

static void
explain_no_worker(struct saying *s, const struct place *p)
{
	begin(s, "no_worker");
	member_text(s, "lane", lane_names[p->line]);
	if (p->pool->name_len > 0)
		member_text(s, "pool", p->pool->name);
	if (s->pool_why != NULL)
		member_text(s, "why", s->pool_why);
	end(s);
	buf_printf(words(s), "no worker serves the %s lane", lane_names[p->line]);
	put_pool(&s->text, p->pool);
	buf_puts(&s->text, " at this moment");
	if (s->pool_why != NULL)
		buf_printf(&s->text, " (they end before they are ready: %s)", s->pool_why);
}

/* Workers of this place that have slots, and take nothing before they give credit. */
static uint32_t
without_credit(const struct core *c, const struct place *p)
{
	uint32_t	count = 0;

	for (uint32_t i = 0; i < c->workers_len; i++) {
		const struct worker	*w = c->workers[i];

		count += w != NULL && w->credit == 0 && !w->retired && w->alone_for == 0 &&
		    w->pool->places[p->line] == p && w->used[p->line] < w->slots[p->line];
	}
	return count;
}

static void
explain_busy(struct saying *s, const struct core *c, const struct place *p, const struct job *j)
{
	uint32_t	dry = without_credit(c, p);
	bool		one_each = p->line == LANE_PROCESS && !type_is_short(job_type(j));
	uint64_t	slots = p->slots;
	int64_t		before = tenants_before(j);

	if (one_each && p->pool->number == 0)
		slots = p->workers;
	begin(s, "lane_busy");
	member_text(s, "lane", lane_names[p->line]);
	if (p->pool->name_len > 0)
		member_text(s, "pool", p->pool->name);
	member(s, "running", (int64_t)p->used);
	member(s, "slots", (int64_t)slots);
	put_ahead(s, j);
	member_text(s, "tenant", core_job_tenant(j));
	member(s, "tenants_before", before);
	end(s);
	buf_printf(words(s), "the %s lane", lane_names[p->line]);
	put_pool(&s->text, p->pool);
	buf_printf(&s->text, " is busy: %llu attempts, %llu slots for this type",
	    (unsigned long long)p->used, (unsigned long long)slots);
	if (dry > 0)
		buf_printf(words(s), "%u of its %u workers ask%s for no more (credit)", dry, p->workers,
		    dry == 1 ? "s" : "");
	if (before > 0)
		buf_printf(words(s), "%lld tenant%s a turn before %s", (long long)before,
		    before == 1 ? " has" : "s have", core_job_tenant(j));
}

/*
 * What it needs to start.  Built-in cpu workers are as many as CPU slots: when all are busy, that is
 * what is said of both.
 */
static void
explain_place(struct saying *s, const struct core *c, const struct job *j)
{
	const struct place	*p = job_type(j)->places[j->lane];
	bool			 busy = p->workers > 0 && p->fresh.len == 0;

	if (p->workers == 0)
		explain_no_worker(s, p);
	if (!budget_open(p->budget) && !(busy && p->pool->number == 0))
		explain_budget(s, c, p->budget);
	if (p->workers > 0 && (busy || budget_open(p->budget)))
		explain_busy(s, c, p, j);
}

static void
explain_ready(struct saying *s, const struct core *c, struct core_time now, const struct job *j)
{
	if (!order_open(j))
		explain_order(s, c, j);
	else if (j->alone_asked)
		explain_alone(s, c, j);
	else if (explain_gates(s, now, j))
		return;
	else if (j->alone)
		explain_alone(s, c, j);
	else
		explain_place(s, c, j);
}

static void
explain_held(struct saying *s)
{
	begin(s, "held");
	end(s);
	buf_puts(words(s), "held until it is released");
}

/* The first of those that have not finished, by id. */
static void
explain_parents(struct saying *s, const struct job_life *life)
{
	unsigned	listed = 0;

	begin(s, "parents");
	member(s, "left", life->parents_left);
	member(s, "of", life->after_len);
	buf_printf(words(s), "waits for %u of %u jobs to finish:", life->parents_left,
	    life->after_len);
	buf_puts(&s->waits, ",\"first\":[");
	for (uint32_t i = 0; i < life->after_len && listed < PARENTS_LISTED; i++) {
		unsigned long long	id = life->after[i].parent_id;

		if (!list_linked(&life->after[i].link))
			continue;
		buf_printf(&s->waits, "%s%llu", listed == 0 ? "" : ",", id);
		buf_printf(&s->text, "%s %llu", listed == 0 ? "" : ",", id);
		listed++;
	}
	if (listed < life->parents_left)
		buf_puts(&s->text, ", ...");
	buf_putc(&s->waits, ']');
	end(s);
}

static void
explain_scheduled(struct saying *s, const struct core *c, struct core_time now, const struct job *j)
{
	bool	retry = job_failures(j) > 0 && last_try(j)->message != NULL;

	if (job_held(j))
		explain_held(s);
	if (job_life(j) != NULL && job_life(j)->parents_left > 0)
		explain_parents(s, job_life(j));
	if (job_due_ns(j) != 0 && retry)
		explain_retry(s, c, now, j);
	else if (job_due_ns(j) != 0)
		explain_time(s, now, j);
	if (!order_open(j))
		explain_order(s, c, j);
}

/* ---- running and ended ---- */

static uint32_t
attempts_before(const struct attempt *at, const struct worker *w)
{
	uint32_t	count = 0;

	for (const struct list *node = at->link.prev; node != &w->attempts; node = node->prev)
		count++;
	return count;
}

static void
explain_running(struct saying *s, const struct core *c, struct core_time now, const struct job *j)
{
	const struct attempt	*at = job_attempt(j);
	const struct worker	*w = worker_find(c, at->worker);
	uint32_t		 before = w->fifo ? attempts_before(at, w) : 0;
	int64_t			 for_ms = (now.mono_ns - at->started_ns) / NS_IN_MS;

	begin(s, before > 0 ? "window" : "running");
	member(s, "worker", at->worker);
	member(s, "attempt", at->number);
	if (before > 0) {
		member(s, "ahead", before);
		buf_printf(words(s), "attempt %u is in worker %u, behind %u known to be short",
		    at->number, at->worker, before);
	} else {
		member(s, "for_ms", for_ms);
		buf_printf(words(s), "attempt %u has run in worker %u for %lld ms", at->number,
		    at->worker, (long long)for_ms);
	}
	end(s);
	if (at->told != 0)
		buf_printf(words(s), "it was asked to end: %s", job_reason_texts[at->told]);
}

static void
explain_finished(struct saying *s, const struct job *j)
{
	if (j->state == JOB_failed)
		buf_printf(words(s), "failed (%s) in attempt %u: %.*s",
		    failure_names[job_outcome(j)->kind],
		    job_attempts(j), (int)job_outcome(j)->len, job_outcome(j)->text);
	else
		buf_printf(words(s), "%s: %s", job_state_names[j->state],
		    job_reason_texts[job_last_move(j).reason]);
}

void
core_explain(const struct core *c, struct core_time now, const struct job *j, const char *pool_why,
    struct buf *out)
{
	struct saying	s = { .pool_why = pool_why };

	if (j->ending) {
		explain_store(&s, "it has ended, and how is being written to the disk");
	} else if (j->unstored) {
		explain_store(&s, "its submission is being written to the disk");
	} else if (j->marking && j->on_lost != ON_LOST_FAIL) {
		explain_store(&s, "the outcomes of its group are being written to a file");
	} else if (j->loading) {
		explain_store(&s, "its arguments are being read from the disk");
	} else if (j->marking) {
		explain_store(&s, "that it may begin is being written to the disk (on_lost: fail)");
	} else if (j->state == JOB_scheduled) {
		explain_scheduled(&s, c, now, j);
	} else if (j->state == JOB_ready) {
		explain_ready(&s, c, now, j);
	} else if (j->state == JOB_running) {
		explain_running(&s, c, now, j);
	} else {
		explain_finished(&s, j);
	}
	buf_puts(out, "\"text\":");
	buf_put_json(out, buf_data(&s.text), buf_len(&s.text));
	buf_puts(out, ",\"waits\":[");
	if (buf_len(&s.waits) > 0)
		buf_append(out, buf_data(&s.waits), buf_len(&s.waits));
	buf_putc(out, ']');
	buf_free(&s.text);
	buf_free(&s.waits);
}
