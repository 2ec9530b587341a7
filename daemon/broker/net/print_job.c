/* print_job.c - jobs as JSON.  Runs in: broker, loop thread. */
#include "daemon/broker/net/print_job.h"

#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/net/print_attempts.h"
#include "lib/clock.h"
#include "proto/channel.h"

/* ---- pieces ---- */

void
print_string(struct buf *out, const char *text)
{
	buf_put_json(out, text, strlen(text));
}

void
print_string_or_null(struct buf *out, const char *text)
{
	if (text == NULL)
		print_literal(out, "null");
	else
		print_string(out, text);
}

void
print_i64_or_null(struct buf *out, int64_t value, int64_t none)
{
	if (value == none)
		print_literal(out, "null");
	else
		buf_put_i64(out, value);
}

void
print_bool(struct buf *out, bool value)
{
	if (value)
		print_literal(out, "true");
	else
		print_literal(out, "false");
}

/* A name of our own tables or checked by NAME: nothing in it needs an escape. */
static void
print_name(struct buf *out, const char *name)
{
	size_t	len = strlen(name);
	char	*at = buf_room(out, len + 2);

	at[0] = '"';
	memcpy(at + 1, name, len);
	at[len + 1] = '"';
	buf_added(out, len + 2);
}

/* JSON text of a handler's: a line feed between its values would end our line. */
static void
print_json(struct buf *out, const char *text, size_t len)
{
	char	*at = buf_room(out, len), *lf = at;

	memcpy(at, text, len);
	while ((lf = memchr(lf, '\n', len - (size_t)(lf - at))) != NULL)
		*lf = ' ';
	buf_added(out, len);
}

void
print_lanes(struct buf *out, uint32_t lanes)
{
	bool	first = true;

	buf_putc(out, '[');
	for (int lane = 0; lane < LANES; lane++) {
		if ((lanes & (1u << lane)) == 0)
			continue;
		if (!first)
			buf_putc(out, ',');
		first = false;
		print_name(out, lane_names[lane]);
	}
	buf_putc(out, ']');
}

/* The wall-clock time of something that is due on the monotonic clock. */
static int64_t
due_ms(const struct broker *b, int64_t due_ns)
{
	return b->now.real_ms + (due_ns - b->now.mono_ns) / NS_PER_MS;
}

static void
print_head_of(struct buf *out, uint64_t id, enum job_state state)
{
	print_literal(out, "{\"id\":");
	buf_put_u64(out, id);
	print_next(out, "state");
	print_name(out, job_state_names[state]);
}

static void
print_head(struct buf *out, const struct job *j)
{
	print_head_of(out, j->id, j->state);
}

void
print_id_and_state(struct buf *out, uint64_t id, enum job_state state)
{
	print_head_of(out, id, state);
	buf_putc(out, '}');
}

void
print_deduplicated(struct buf *out)
{
	out->tail--;		/* the brace */
	print_literal(out, ",\"deduplicated\":true}");
}

void
print_id_state(struct buf *out, const struct job *j)
{
	print_head(out, j);
	buf_putc(out, '}');
}

/* ---- outcomes ---- */

static void
print_result(struct buf *out, const struct job *j, size_t room)
{
	if (job_outcome(j)->len <= room) {
		print_next(out, "result");
		print_json(out, job_outcome(j)->text, job_outcome(j)->len);
	} else {
		print_next(out, "result_bytes");
		buf_put_u64(out, job_outcome(j)->len);
	}
}

static void
print_failure(struct buf *out, const struct job *j, size_t room)
{
	size_t	before = buf_len(out);
	size_t	data_len = job_outcome(j)->data == NULL ? 0 : strlen(job_outcome(j)->data);

	print_next(out, "failure");
	print_literal(out, "{\"kind\":");
	print_name(out, failure_names[job_outcome(j)->kind]);
	print_next(out, "message");
	buf_put_json(out, job_outcome(j)->text == NULL ? "" : job_outcome(j)->text, job_outcome(j)->len);
	print_next(out, "attempt");
	buf_put_u64(out, job_attempts(j));
	if (job_outcome(j)->final) {
		print_next(out, "retryable");
		print_bool(out, false);
	}
	if (data_len > 0 && buf_len(out) - before + data_len <= room) {
		print_next(out, "data");
		print_json(out, job_outcome(j)->data, data_len);
	} else if (data_len > 0) {
		print_next(out, "data_bytes");
		buf_put_u64(out, data_len);
	}
	buf_putc(out, '}');
}

/* The members behind id and state that make an outcome. */
static void
print_end(struct buf *out, const struct job *j, size_t room)
{
	switch (j->state) {
	case JOB_succeeded:
		print_result(out, j, room);
		break;
	case JOB_failed:
		print_failure(out, j, room);
		break;
	default:
		print_next(out, "reason");
		print_string(out, job_reason_texts[job_last_move(j).reason]);
		break;
	}
}

#define OUTCOME_FRAME_BYTES	96	/* all of an outcome but its result or its failure's data */

void
print_outcome(struct buf *out, const struct job *j, size_t room)
{
	print_head(out, j);
	print_end(out, j, room > OUTCOME_FRAME_BYTES ? room - OUTCOME_FRAME_BYTES : 0);
	buf_putc(out, '}');
}

/* ---- a whole job ---- */

static void
print_retry(struct buf *out, const struct broker *b, const struct job *j)
{
	struct retry_policy	p = core_retry_policy(b->core, j);

	print_next(out, "retry");
	print_literal(out, "{\"max_attempts\":");
	buf_put_u64(out, p.max_attempts);
	print_next(out, "backoff_ms");
	buf_put_i64(out, p.backoff_ms);
	print_next(out, "factor");
	buf_printf(out, "%g", (double)p.factor / RETRY_FACTOR_UNIT);
	print_next(out, "max_backoff_ms");
	buf_put_i64(out, p.max_backoff_ms);
	buf_putc(out, '}');
}

/* What it has to do with other jobs, and whether somebody holds it. */
static void
print_bonds(struct buf *out, const struct job *j)
{
	const struct job_life	*life = job_life(j);

	size_t			 key_len;

	core_order_key(j, &key_len);
	if (key_len > 0) {
		print_next(out, "on_order_failure");
		print_name(out, job_extra(j)->blocks ? "block" : "skip");
	}
	if (job_held(j)) {
		print_next(out, "held");
		print_bool(out, true);
	}
	if (life == NULL || life->after_len == 0)
		return;
	print_next(out, "after");
	for (uint32_t i = 0; i < life->after_len; i++) {
		buf_putc(out, i == 0 ? '[' : ',');
		buf_put_u64(out, life->after[i].parent_id);
	}
	buf_putc(out, ']');
	print_next(out, "on_parent_failure");
	print_name(out, life->despite ? "run" : "cancel");
}

static void
print_submitter(struct buf *out, const struct submitter *by)
{
	print_next(out, "submitted_by");
	print_literal(out, "{\"principal\":");
	print_string(out, by->principal);
	print_next(out, "client");
	print_string(out, by->client);
	print_next(out, "addr");
	print_string(out, by->addr);
	buf_putc(out, '}');
}

static void
print_progress(struct buf *out, const struct broker *b, const struct job *j)
{
	struct channel_progress	p;

	if (j->state != JOB_running || !lanes_progress(b->lanes, j, &p))
		return;
	print_next(out, "progress");
	print_literal(out, "{\"done\":");
	buf_put_u64(out, p.done);
	print_next(out, "total");
	buf_put_u64(out, p.total);
	print_next(out, "text");
	print_string(out, p.text);
	buf_putc(out, '}');
}

static void
print_membership(struct buf *out, const struct job *j)
{
	const struct membership	*m = core_membership(j);

	if (m == NULL)
		return;
	if (m->reduces) {
		print_next(out, "reduces");
		print_name(out, m->group->name);
		return;
	}
	print_next(out, "group");
	print_name(out, m->group->name);
	print_next(out, "index");
	buf_put_u64(out, m->index);
}

static void
print_given(struct buf *out, const struct job *j)
{
	size_t		 len;
	const char	*key = core_order_key(j, &len);

	if (len > 0) {
		print_next(out, "order_key");
		buf_put_json(out, key, len);
	}
	if (job_labels_len(j) > 0) {
		print_next(out, "labels");
		buf_append(out, job_labels(j), job_labels_len(j));
	}
	if (job_traceparent(j) != NULL) {
		print_next(out, "traceparent");
		print_name(out, job_traceparent(j));
	}
}

static void
print_sharing(struct buf *out, const struct job *j)
{
	const char	*key = core_job_limit_key(j), *tenant = core_job_tenant(j);

	print_next(out, "tenant");
	buf_put_json(out, tenant, strlen(tenant));
	if (key[0] != '\0') {
		print_next(out, "limit_key");
		buf_put_json(out, key, strlen(key));
	}
}

static void
print_unique(struct buf *out, const struct broker *b, const struct job *j)
{
	const struct unique	*u = job_unique(j);

	if (u == NULL)
		return;
	print_next(out, "unique_key");
	buf_put_json(out, u->key, u->key_len);
	if (u->until_ns != 0) {
		print_next(out, "unique_until_ms");
		buf_put_i64(out, due_ms(b, u->until_ns));
	}
}

static void
print_times(struct buf *out, const struct broker *b, const struct job *j)
{
	print_next(out, "created_ms");
	buf_put_i64(out, job_created_ms(j));
	if (j->state == JOB_scheduled && job_due_ns(j) != 0) {
		print_next(out, "due_ms");
		buf_put_i64(out, due_ms(b, job_due_ns(j)));
	}
	if (job_ttl_ns(j) != 0) {
		print_next(out, "expires_ms");
		buf_put_i64(out, due_ms(b, job_ttl_ns(j)));
	}
	print_next(out, "timeout_ms");
	buf_put_i64(out, job_timeout_ms(j));
	if (job_keep_ms(j) != 0) {
		print_next(out, "keep_ms");
		buf_put_i64(out, job_keep_ms(j));
	}
}

/* What an item of a list says too. */
static void
print_summary(struct buf *out, const struct job *j)
{
	print_head(out, j);
	print_next(out, "reason");
	print_name(out, job_reason_names[job_last_move(j).reason]);
	print_next(out, "type");
	print_name(out, job_type(j)->name);
	print_next(out, "queue");
	print_name(out, core_job_queue(j));
	print_next(out, "priority");
	buf_put_i64(out, j->priority);
	print_next(out, "lane");
	print_name(out, lane_names[j->lane]);
	print_membership(out, j);
	print_given(out, j);
}

static void
print_args(struct buf *out, const struct job *j, size_t room)
{
	if (!j->away && job_args_len(j) <= room) {
		print_next(out, "args");
		buf_append(out, job_args(j), job_args_len(j));
	} else {
		print_next(out, "args_bytes");
		buf_put_u64(out, job_args_len(j));
	}
}

static size_t
left(const struct buf *out, size_t begun, size_t room)
{
	size_t	used = buf_len(out) - begun + OUTCOME_FRAME_BYTES;

	return used < room ? room - used : 0;
}

void
print_job(struct buf *out, const struct broker *b, const struct job *j, size_t room)
{
	size_t	begun = buf_len(out);

	print_summary(out, j);
	if (j->lane_asked >= 0) {
		print_next(out, "lane_asked");
		print_name(out, lane_names[j->lane_asked]);
	}
	print_sharing(out, j);
	print_unique(out, b, j);
	print_times(out, b, j);
	print_next(out, "on_lost");
	print_name(out, j->on_lost == ON_LOST_FAIL ? "fail" : "requeue");
	print_retry(out, b, j);
	print_bonds(out, j);
	print_submitter(out, j->by);
	print_next(out, "attempts_total");
	buf_put_u64(out, job_attempts(j));
	print_attempts(out, b->core, j);
	print_transitions(out, j);
	print_progress(out, b, j);
	print_args(out, j, left(out, begun, room));
	if (j->state == JOB_succeeded)
		print_result(out, j, left(out, begun, room));
	else if (j->state == JOB_failed)
		print_failure(out, j, left(out, begun, room));
	buf_putc(out, '}');
}

void
print_job_row(struct buf *out, const struct core *c, const struct job *j, bool attempts)
{
	print_summary(out, j);
	print_next(out, "created_ms");
	buf_put_i64(out, job_created_ms(j));
	print_next(out, "changed_ms");
	buf_put_i64(out, job_last_move(j).at_ms);
	print_next(out, "attempts_total");
	buf_put_u64(out, job_attempts(j));
	print_next(out, "args_bytes");
	buf_put_u64(out, job_args_len(j));
	print_next(out, "by");
	print_string(out, j->by->principal);
	if (attempts) {
		print_attempts(out, c, j);
		print_transitions(out, j);
	}
	buf_putc(out, '}');
}
