/* print_stored.c - jobs of history as JSON.  Runs in: broker, loop thread. */
#include "daemon/broker/net/print_stored.h"

#include "daemon/broker/net/print_attempts.h"
#include "daemon/broker/net/print_job.h"
#include "daemon/broker/store/record.h"

static void
print_span(struct buf *out, struct span text)
{
	buf_put_json(out, text.p, text.len);
}

/* The name of a group that is known, else its number. */
static void
print_group(struct buf *out, const struct broker *b, uint64_t number)
{
	const struct group	*g = core_group_numbered(b->core, number);

	if (g != NULL) {
		print_string(out, g->name);
		return;
	}
	buf_putc(out, '"');
	buf_put_u64(out, number);
	buf_putc(out, '"');
}

static void
print_membership(struct buf *out, const struct broker *b, const struct job_record *r)
{
	if (r->group == 0)
		return;
	if (r->saved.reduces) {
		print_next(out, "reduces");
		print_group(out, b, r->group);
		return;
	}
	print_next(out, "group");
	print_group(out, b, r->group);
	print_next(out, "index");
	buf_put_u64(out, r->saved.index);
}

/* How it came to its end. */
static struct transition
last_move(const struct job_record *r)
{
	if (r->ended)
		return r->end;
	return r->saved.moves_len == 0 ? (struct transition){ 0 } :
	    r->saved.moves[r->saved.moves_len - 1];
}

static void
print_summary(struct buf *out, const struct broker *b, const struct store_row *row,
    const struct job_record *r)
{
	const struct jobspec	*spec = &r->saved.spec;

	print_next(out, "reason");
	print_string(out, job_reason_names[last_move(r).reason]);
	print_next(out, "type");
	print_span(out, row->end.type);
	print_next(out, "queue");
	print_span(out, row->end.queue);
	print_next(out, "priority");
	buf_put_i64(out, spec->priority);
	print_next(out, "lane");
	print_string(out, lane_names[r->saved.lane]);
	print_membership(out, b, r);
	if (spec->order_key.len > 0) {
		print_next(out, "order_key");
		print_span(out, spec->order_key);
	}
	if (row->labels.len > 0) {
		print_next(out, "labels");
		buf_append(out, row->labels.p, row->labels.len);
	}
	if (spec->traceparent.len > 0) {
		print_next(out, "traceparent");
		print_span(out, spec->traceparent);
	}
}

int
print_stored_row(struct buf *out, const struct broker *b, const struct store_row *row, bool attempts,
    char *why, size_t size)
{
	struct job_record	r;
	int		rc = record_read(row, &r, why, size);

	print_literal(out, "{\"id\":");
	buf_put_u64(out, row->id);
	print_next(out, "state");
	print_string(out, job_state_names[row->end.state]);
	print_summary(out, b, row, &r);
	print_next(out, "created_ms");
	buf_put_i64(out, row->end.created_ms);
	print_next(out, "changed_ms");
	buf_put_i64(out, row->end.ended_ms);
	print_next(out, "attempts_total");
	buf_put_u64(out, r.saved.attempts);
	print_next(out, "args_bytes");
	buf_put_u64(out, row->args.len);
	print_next(out, "by");
	print_span(out, row->end.principal);
	if (attempts)
		print_stored_attempts(out, &r);
	buf_putc(out, '}');
	record_fini(&r);
	return rc;
}
