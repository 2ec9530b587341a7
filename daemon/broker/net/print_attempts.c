/* print_attempts.c - attempts and transitions as JSON.  Runs in: broker, loop thread. */
#include "daemon/broker/net/print_attempts.h"

#include "daemon/broker/net/print_job.h"
#include "daemon/broker/store/record.h"

/* ---- one ---- */

/* outcome: of the last one it is the job's own; there it comes with its data. */
static void
print_failure(struct buf *out, const struct attempt_record *t, const struct outcome *outcome)
{
	print_next(out, "failure");
	print_literal(out, "{\"kind\":");
	print_string(out, failure_names[outcome != NULL ? outcome->kind : t->kind]);
	print_next(out, "message");
	if (outcome != NULL)
		buf_put_json(out, outcome->text, outcome->len);
	else
		print_string(out, t->message);
	buf_putc(out, '}');
}

static void
print_usage(struct buf *out, const struct spent *s)
{
	print_next(out, "usage");
	print_literal(out, "{\"user_ms\":");
	buf_put_i64(out, s->user_us / 1000);
	print_next(out, "system_ms");
	buf_put_i64(out, s->system_us / 1000);
	print_next(out, "max_rss_bytes");
	buf_put_i64(out, s->max_rss_bytes);
	print_next(out, "read_bytes");
	buf_put_i64(out, s->read_bytes);
	print_next(out, "write_bytes");
	buf_put_i64(out, s->write_bytes);
	buf_putc(out, '}');
}

static void
print_worker(struct buf *out, const struct attempt_record *t, struct span name)
{
	print_next(out, "worker");
	if (t->lane == LANE_INLINE)
		print_literal(out, "\"broker\"");
	else if (name.len == 0)
		print_literal(out, "\"gone\"");		/* and nobody knows any more which */
	else
		buf_put_json(out, name.p, name.len);
}

static void
print_attempt(struct buf *out, const struct attempt_record *t, struct span worker,
    const struct outcome *outcome)
{
	print_literal(out, "{\"number\":");
	buf_put_u64(out, t->number);
	print_next(out, "lane");
	print_string(out, lane_names[t->lane]);
	print_worker(out, t, worker);
	print_next(out, "fence");
	buf_put_u64(out, t->fence);
	print_next(out, "started_ms");
	buf_put_i64(out, t->started_ms);
	if (t->ended_ms != 0) {
		print_next(out, "ended_ms");
		buf_put_i64(out, t->ended_ms);
		print_next(out, "end");
		print_string(out, job_reason_names[t->end]);
	}
	if (outcome != NULL)
		print_failure(out, t, outcome);
	else if (t->message != NULL)
		print_failure(out, t, NULL);
	if (t->spent != NULL)
		print_usage(out, t->spent);
	buf_putc(out, '}');
}

static void
print_move(struct buf *out, struct transition m)
{
	print_literal(out, "{\"at_ms\":");
	buf_put_i64(out, m.at_ms);
	print_next(out, "state");
	print_string(out, job_state_names[m.state]);
	print_next(out, "reason");
	print_string(out, job_reason_names[m.reason]);
	buf_putc(out, '}');
}

/* ---- of a job ---- */

void
print_attempts(struct buf *out, const struct core *c, const struct job *j)
{
	size_t				 len;
	const struct attempt_record	*tries = job_tries(j, &len);

	print_next(out, "attempts");
	buf_putc(out, '[');
	for (size_t i = 0; i < len; i++) {
		const char	*name = core_worker_name(c, &tries[i]);

		if (i > 0)
			buf_putc(out, ',');
		print_attempt(out, &tries[i], (struct span){ name, strlen(name) },
		    j->state == JOB_failed && i == len - 1 ? job_outcome(j) : NULL);
	}
	buf_putc(out, ']');
}

void
print_transitions(struct buf *out, const struct job *j)
{
	size_t	len = job_moves_len(j);

	print_next(out, "transitions");
	buf_putc(out, '[');
	for (size_t i = 0; i < len; i++) {
		if (i > 0)
			buf_putc(out, ',');
		print_move(out, job_move_at(j, i));
	}
	buf_putc(out, ']');
}

void
print_stored_attempts(struct buf *out, const struct job_record *r)
{
	const struct job_saved	*s = &r->saved;
	bool			 failed = s->state == JOB_failed && s->outcome.text != NULL;

	print_next(out, "attempts");
	buf_putc(out, '[');
	for (size_t i = 0; i < s->tries_len; i++) {
		if (i > 0)
			buf_putc(out, ',');
		print_attempt(out, &r->tries[i], r->try_workers[i],
		    failed && i == s->tries_len - 1 ? &s->outcome : NULL);
	}
	buf_putc(out, ']');
	print_next(out, "transitions");
	buf_putc(out, '[');
	for (size_t i = 0; i < s->moves_len; i++) {
		if (i > 0)
			buf_putc(out, ',');
		print_move(out, s->moves[i]);
	}
	buf_putc(out, ']');
}
