/* record_print.c - a job as the store keeps it: to JSON.  Runs in: broker, loop thread. */
#include "daemon/broker/store/record.h"

#include <string.h>

#define NS_IN_MS	INT64_C(1000000)

/* ---- members ---- */

/* An object being printed: commas go between members. */
static void
key(struct buf *out, size_t mark, const char *name)
{
	if (buf_len(out) > mark + 1)
		buf_putc(out, ',');
	buf_putc(out, '"');
	buf_puts(out, name);
	buf_append(out, "\":", 2);
}

static size_t
begin(struct buf *out)
{
	size_t	mark = buf_len(out);

	buf_putc(out, '{');
	return mark;
}

static void
put_any_number(struct buf *out, size_t mark, const char *name, int64_t value)
{
	key(out, mark, name);
	buf_put_i64(out, value);
}

static void
put_number(struct buf *out, size_t mark, const char *name, int64_t value)
{
	if (value != 0)
		put_any_number(out, mark, name, value);
}

static void
put_flag(struct buf *out, size_t mark, const char *name, bool value)
{
	put_number(out, mark, name, value);
}

static void
put_text(struct buf *out, size_t mark, const char *name, struct span text)
{
	if (text.len == 0)
		return;
	key(out, mark, name);
	buf_put_json(out, text.p, text.len);
}

static void
put_word(struct buf *out, size_t mark, const char *name, const char *word)
{
	put_text(out, mark, name, (struct span){ word, strlen(word) });
}

static void
put_retry(struct buf *out, size_t mark, const struct retry_policy *p)
{
	size_t	inner;

	if (p->said == 0)
		return;
	key(out, mark, "retry");
	inner = begin(out);
	if ((p->said & 1u << RETRY_max_attempts) != 0)
		put_any_number(out, inner, "max_attempts", p->max_attempts);
	if ((p->said & 1u << RETRY_backoff_ms) != 0)
		put_any_number(out, inner, "backoff_ms", p->backoff_ms);
	if ((p->said & 1u << RETRY_factor) != 0)
		put_any_number(out, inner, "factor_milli", p->factor);
	if ((p->said & 1u << RETRY_max_backoff_ms) != 0)
		put_any_number(out, inner, "max_backoff_ms", p->max_backoff_ms);
	buf_putc(out, '}');
}

/* ---- spec ---- */

static int64_t
real_of(struct core_time now, int64_t at_ns)
{
	return at_ns == 0 ? 0 : now.real_ms + (at_ns - now.mono_ns) / NS_IN_MS;
}

static void
put_after(struct buf *out, size_t mark, const struct jobspec *spec)
{
	if (spec->after_len == 0)
		return;
	key(out, mark, "after");
	for (uint32_t i = 0; i < spec->after_len; i++) {
		buf_putc(out, i == 0 ? '[' : ',');
		buf_put_u64(out, spec->after[i]);
	}
	buf_putc(out, ']');
	if (spec->on_parent_failure == ON_PARENT_FAILURE_RUN)
		put_word(out, mark, "on_parent_failure", "run");
}

static void
put_group(struct buf *out, size_t mark, const struct job *j)
{
	const struct membership	*m = core_membership(j);

	if (m == NULL)
		return;
	put_number(out, mark, "group", (int64_t)m->group->number);
	put_number(out, mark, "index", (int64_t)m->index);
	put_flag(out, mark, "reduces", m->reduces);
}

/* Where it waits and what it asks for; the type is all that every job says. */
static void
put_wishes(struct buf *out, size_t mark, const struct jobspec *spec)
{
	put_text(out, mark, "type", spec->type);
	put_text(out, mark, "queue", spec->queue);
	put_text(out, mark, "tenant", spec->tenant);
	put_text(out, mark, "order_key", spec->order_key);
	put_text(out, mark, "limit_key", spec->limit_key);
	put_text(out, mark, "traceparent", spec->traceparent);
	put_number(out, mark, "priority", spec->priority);
	put_number(out, mark, "timeout_ms", spec->timeout_ms);
	put_number(out, mark, "keep_ms", spec->keep_ms);
	if (spec->on_lost == ON_LOST_FAIL)
		put_word(out, mark, "on_lost", "fail");
	if (spec->on_order_failure == ON_ORDER_FAILURE_BLOCK)
		put_word(out, mark, "on_order_failure", "block");
	if (spec->lane >= 0)
		put_word(out, mark, "lane", lane_names[spec->lane]);
	put_retry(out, mark, &spec->retry);
	put_after(out, mark, spec);
}

static void
put_unique(struct buf *out, size_t mark, struct core_time now, const struct job *j)
{
	const struct unique	*u = job_unique(j);

	if (u == NULL)
		return;
	put_text(out, mark, "unique_key", (struct span){ u->key, u->key_len });
	put_number(out, mark, "unique_until_ms", real_of(now, u->until_ns));
	key(out, mark, "unique_print");
	buf_putc(out, '"');
	record_print_unique(out, &u->print);
	buf_putc(out, '"');
}

void
record_print_spec(struct buf *out, struct core_time now, const struct job *j,
    const struct jobspec *spec)
{
	size_t	mark = begin(out);

	put_wishes(out, mark, spec);
	put_number(out, mark, "due_ms", real_of(now, job_due_ns(j)));
	put_number(out, mark, "ttl_at_ms", real_of(now, job_ttl_ns(j)));
	put_flag(out, mark, "held", job_held(j));
	put_unique(out, mark, now, j);
	put_flag(out, mark, "parents_done", spec->after_len > 0 && core_parents_done(j));
	put_group(out, mark, j);
	put_word(out, mark, "routed", lane_names[j->lane]);
	put_text(out, mark, "pool", core_type_pool(job_type(j)));
	put_number(out, mark, "created_ms", job_created_ms(j));
	put_word(out, mark, "principal", j->by->principal);
	put_word(out, mark, "client", j->by->client);
	put_word(out, mark, "addr", j->by->addr);
	buf_putc(out, '}');
}

/* ---- past ---- */

static void
put_moves(struct buf *out, size_t mark, const struct job *j)
{
	size_t	len = job_moves_len(j);

	key(out, mark, "moves");
	buf_putc(out, '[');
	for (size_t i = 0; i < len; i++) {
		struct transition	t = job_move_at(j, i);

		buf_puts(out, i == 0 ? "[" : ",[");
		buf_put_i64(out, t.at_ms);
		buf_append(out, ",\"", 2);
		buf_puts(out, job_state_names[t.state]);
		buf_append(out, "\",\"", 3);
		buf_puts(out, job_reason_names[t.reason]);
		buf_append(out, "\"]", 2);
	}
	buf_putc(out, ']');
}

/* In the order of struct spent. */
static void
put_spent(struct buf *out, size_t mark, const struct spent *s)
{
	const int64_t	values[] = { s->user_us, s->system_us, s->max_rss_bytes, s->read_bytes,
	    s->write_bytes };

	key(out, mark, "spent");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		buf_putc(out, i == 0 ? '[' : ',');
		buf_put_i64(out, values[i]);
	}
	buf_putc(out, ']');
}

static void
put_try(struct buf *out, const struct core *c, const struct attempt_record *t)
{
	size_t	mark = begin(out);

	put_number(out, mark, "number", t->number);
	put_number(out, mark, "fence", (int64_t)t->fence);
	put_number(out, mark, "started_ms", t->started_ms);
	put_number(out, mark, "ended_ms", t->ended_ms);
	put_word(out, mark, "worker", core_worker_name(c, t));
	put_word(out, mark, "lane", lane_names[t->lane]);
	if (t->ended_ms != 0)
		put_word(out, mark, "end", job_reason_names[t->end]);
	if (t->message != NULL) {
		put_word(out, mark, "kind", failure_names[t->kind]);
		put_word(out, mark, "message", t->message);
	}
	if (t->spent != NULL)
		put_spent(out, mark, t->spent);
	buf_putc(out, '}');
}

static void
put_tries(struct buf *out, size_t mark, const struct core *c, const struct job *j)
{
	size_t				 len;
	const struct attempt_record	*tries = job_tries(j, &len);

	if (len == 0)
		return;
	key(out, mark, "tries");
	for (size_t i = 0; i < len; i++) {
		buf_putc(out, i == 0 ? '[' : ',');
		put_try(out, c, &tries[i]);
	}
	buf_putc(out, ']');
}

/* What of a job may be different from what its spec says. */
static void
put_changes(struct buf *out, size_t mark, struct core_time now, const struct job *j)
{
	put_number(out, mark, "priority", j->priority);
	put_number(out, mark, "timeout_ms", job_timeout_ms(j));
	put_number(out, mark, "due_ms", real_of(now, job_due_ns(j)));
	put_number(out, mark, "ttl_at_ms", real_of(now, job_ttl_ns(j)));
	put_flag(out, mark, "held", job_held(j));
	if (job_life(j) != NULL)
		put_retry(out, mark, &job_life(j)->retry);
	put_word(out, mark, "routed", lane_names[j->lane]);
}

/* How far a live job is: another life of it begins anew. */
static void
put_progress(struct buf *out, size_t mark, const struct job *j)
{
	put_flag(out, mark, "parents_done", job_life(j) != NULL && job_life(j)->after_len > 0 &&
	    core_parents_done(j));
	put_flag(out, mark, "begun", j->begun);
	put_flag(out, mark, "marked", j->marked || j->marking);
	put_number(out, mark, "failures", job_failures(j));
}

/* The move that is being written down, though it has not been made. */
static void
put_end(struct buf *out, size_t mark, const struct job *j)
{
	key(out, mark, "end");
	buf_putc(out, '[');
	buf_put_i64(out, job_run(j)->end_ms);
	buf_append(out, ",\"", 2);
	buf_puts(out, job_state_names[job_run(j)->end_state]);
	buf_append(out, "\",\"", 3);
	buf_puts(out, job_reason_names[job_run(j)->end_reason]);
	buf_append(out, "\"]", 2);
}

void
record_print_past(struct buf *out, const struct core *c, struct core_time now,
    const struct job *j)
{
	size_t	mark = begin(out);

	put_number(out, mark, "attempts", job_attempts(j));
	put_number(out, mark, "suspicions", j->suspicions);
	put_number(out, mark, "beside", job_run(j) == NULL ? 0 : job_run(j)->beside);
	put_changes(out, mark, now, j);
	if (j->ending)
		put_end(out, mark, j);
	else
		put_progress(out, mark, j);
	put_moves(out, mark, j);
	put_tries(out, mark, c, j);
	buf_putc(out, '}');
}

void
record_print_failure(struct buf *out, const struct job *j)
{
	const struct outcome	*o = &job_run(j)->outcome;
	size_t			 mark = begin(out);

	put_word(out, mark, "kind", failure_names[o->kind]);
	put_number(out, mark, "attempt", job_attempts(j));
	if (o->final) {
		key(out, mark, "retryable");
		buf_puts(out, "false");
	}
	if (o->data != NULL) {
		key(out, mark, "data");
		buf_puts(out, o->data);
	}
	buf_putc(out, '}');
}
