/* explain.c - why a job waits, runs where it runs, or ended as it did.
 * Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <string.h>

#define COUNT_AT_MOST	10000	/* jobs walked over to say how many are ahead */

/* What is said in words and in members at once. */
struct saying {
	struct buf	text, waits;
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

static void
put_ahead(struct saying *s, const struct job *j)
{
	struct ahead	a = { .steps = COUNT_AT_MOST };

	for (const struct flow *f = j->flow->bench->first; f != NULL; f = f->next)
		count_flow(f, j, &a);
	member(s, "ahead", (int64_t)a.jobs);
	if (a.steps < 0)
		buf_puts(&s->waits, ",\"ahead_at_least\":true");
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

static void
explain_order(struct saying *s, const struct job *j)
{
	const struct order	*o = job_order(j);
	const struct list	*before = j->link.prev;
	uint64_t		 behind = o->holder_id;

	if (before != &o->behind)
		behind = list_entry(before, struct job, link)->id;
	begin(s, "order_key");
	member_text(s, "key", o->key);
	member(s, "behind", (int64_t)behind);
	member(s, "held_by", (int64_t)o->holder_id);
	end(s);
	buf_printf(words(s), "waits behind job %llu, which has the same order key",
	    (unsigned long long)behind);
	if (o->holder == NULL)
		buf_printf(words(s), "job %llu has its outcome, but its attempt has not ended yet",
		    (unsigned long long)o->holder_id);
}

static void
explain_limit(struct saying *s, const char *kind, const char *of, const char *name,
    uint32_t running, uint32_t limit)
{
	begin(s, kind);
	member_text(s, of, name);
	member(s, "running", running);
	member(s, "limit", limit);
	end(s);
	buf_printf(words(s), "%s %s runs %u of at most %u", of, name, running, limit);
}

static void
explain_alone(struct saying *s, const struct core *c, const struct job *j)
{
	int	busy = 0;

	for (int i = 0; i < CORE_ALONE_MAX; i++)
		busy += c->alone[i].state != ALONE_FREE;
	begin(s, "alone");
	member(s, "suspicions", j->suspicions);
	member(s, "running", busy);
	member(s, "slots", CORE_ALONE_MAX);
	if (j->flow != NULL)
		put_ahead(s, j);
	else
		buf_puts(&s->waits, ",\"starting\":true");
	end(s);
	buf_printf(words(s), "%u of its workers died, so it waits for a worker of its own",
	    j->suspicions);
}

static void
explain_lane(struct saying *s, const struct core *c, const struct job *j)
{
	bool		one_each = j->lane == LANE_PROCESS && !type_is_short(j->type);
	uint64_t	slots = one_each ? c->lane_workers[j->lane] : c->lane_slots[j->lane];

	begin(s, c->lane_workers[j->lane] == 0 ? "no_worker" : "lane_busy");
	member_text(s, "lane", lane_names[j->lane]);
	if (c->lane_workers[j->lane] == 0) {
		buf_printf(words(s), "no worker serves the %s lane at this moment",
		    lane_names[j->lane]);
	} else {
		member(s, "running", (int64_t)c->lane_used[j->lane]);
		member(s, "slots", (int64_t)slots);
		put_ahead(s, j);
		buf_printf(words(s), "the %s lane is busy: %llu attempts, %llu slots for this type",
		    lane_names[j->lane], (unsigned long long)c->lane_used[j->lane],
		    (unsigned long long)slots);
	}
	end(s);
}

static void
explain_ready(struct saying *s, const struct core *c, const struct job *j)
{
	const struct queue	*q = j->queue;
	const struct type	*t = j->type;
	bool			 limited = queue_full(q) || type_full(t);

	if (!order_open(j)) {
		explain_order(s, j);
		return;
	}
	if (queue_full(q) && !j->alone_asked)
		explain_limit(s, "queue_limit", "queue", q->name, q->running, q->max_running);
	if (type_full(t) && !j->alone_asked)
		explain_limit(s, "type_limit", "type", t->name, t->running, t->max_running);
	if (j->alone_asked || (j->alone && !limited))
		explain_alone(s, c, j);
	else if (!limited)
		explain_lane(s, c, j);
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
	size_t			 len;
	const struct transition	*moves = job_moves(j, &len);

	if (j->state == JOB_failed)
		buf_printf(words(s), "failed (%s) in attempt %u: %.*s",
		    failure_names[job_outcome(j)->kind],
		    j->attempts, (int)job_outcome(j)->len, job_outcome(j)->text);
	else
		buf_printf(words(s), "%s: %s", job_state_names[j->state],
		    job_reason_texts[moves[len - 1].reason]);
}

void
core_explain(const struct core *c, struct core_time now, const struct job *j, struct buf *out)
{
	struct saying	s = { 0 };

	if (j->state == JOB_scheduled) {
		explain_time(&s, now, j);
		if (!order_open(j))
			explain_order(&s, j);
	} else if (j->state == JOB_ready) {
		explain_ready(&s, c, j);
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
