/* methods_submit_many.c - many jobs in one call, each accepted or refused alone.
 * Runs in: broker, loop thread.
 *
 * What is accepted of it is written down in order, so it is answered when the last of it is: those
 * that the disk refused are gone by then, or never were stored.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/recall.h"
#include "daemon/broker/net/stored.h"
#include "lib/alloc.h"
#include "proto/jobspec.h"

#define ID_BYTES		17	/* of a job id and its comma */
#define INDEX_BYTES		4	/* of a place in ids and its comma */
#define SUBMIT_MANY_FRAME	256	/* of that reply: all but ids and errors */
#define SUBMIT_MANY_ERRORS	100	/* listed; the rest is counted */

/* The answer that is being made. */
struct many {
	struct buf	 errors;	/* JSON, with commas between them */
	size_t		 errors_room;
	uint64_t	 wait_for;	/* a job that is to be written down; 0: all are */
	uint32_t	 count, listed, refused, deduplicated;
	struct submitted jobs[];	/* id 0: refused */
};

static void
many_free(void *arg)
{
	struct many	*m = arg;

	buf_free(&m->errors);
	free(m);
}

static void
list_error(struct many *m, uint32_t index, const struct rpc_error *err)
{
	size_t	mark = buf_len(&m->errors);

	m->refused++;
	if (m->listed == SUBMIT_MANY_ERRORS)
		return;
	if (m->listed++ > 0)
		buf_putc(&m->errors, ',');
	print_literal(&m->errors, "{\"index\":");
	buf_put_u64(&m->errors, index);
	print_next(&m->errors, "kind");
	print_string(&m->errors, rpc_errors[err->kind].kind);
	print_next(&m->errors, "message");
	print_string(&m->errors, err->message);
	buf_putc(&m->errors, '}');
	if (buf_len(&m->errors) > m->errors_room) {
		m->errors.tail = m->errors.head + mark;
		m->listed = SUBMIT_MANY_ERRORS;
	}
}

static void
submit_one(struct many *m, struct call *call, struct span text, struct buf *scratch)
{
	static const struct rpc_limits	limits = { .depth = BOUND_DEPTH, .values = BOUND_VALUES };
	struct rpc_value		params[RPC_PARAMS];
	struct rpc_error		err;
	uint32_t			 index = m->count++;

	scratch->head = scratch->tail = 0;
	if (rpc_parse_members(text.p, text.len, jobspec_params, jobspec_required, &limits, params,
	    scratch, &err) != 0 || submit_job(call, params, &m->jobs[index], &err) != 0) {
		list_error(m, index, &err);
		return;
	}
	m->deduplicated += m->jobs[index].deduplicated;
	if (m->jobs[index].unstored)
		m->wait_for = m->jobs[index].id;
}

/* Room for the ids of all, before any is accepted: what is accepted is told. */
static int
ids_fit(const struct call *call, uint32_t count, size_t *errors_room, struct rpc_error *err)
{
	size_t	bytes = SUBMIT_MANY_FRAME + (size_t)count * (ID_BYTES + INDEX_BYTES);
	size_t	room = reply_room(&call->reply);

	*errors_room = room - bytes;
	if (bytes <= room)
		return 0;
	rpc_fail(err, RPC_reply_too_long,
	    "the ids of %u jobs need %zu bytes; the reply has room for %zu", count, bytes, room);
	snprintf(err->data, sizeof(err->data), "\"bytes\":%zu", bytes);
	return -1;
}

static void
print_deduplicated_ids(struct buf *out, const struct many *m)
{
	char	before = '[';

	if (m->deduplicated == 0)
		return;
	print_next(out, "deduplicated");
	for (uint32_t i = 0; i < m->count; i++) {
		if (!m->jobs[i].deduplicated)
			continue;
		buf_putc(out, before);
		buf_put_u64(out, i);
		before = ',';
	}
	buf_putc(out, ']');
}

static void
print_many(struct buf *out, const struct many *m)
{
	print_literal(out, "{\"ids\":[");
	for (uint32_t i = 0; i < m->count; i++) {
		if (i > 0)
			buf_putc(out, ',');
		print_i64_or_null(out, (int64_t)m->jobs[i].id, 0);
	}
	buf_putc(out, ']');
	print_next(out, "errors");
	buf_putc(out, '[');
	buf_append(out, buf_data(&m->errors), buf_len(&m->errors));
	buf_putc(out, ']');
	print_next(out, "errors_total");
	buf_put_u64(out, m->refused);
	print_deduplicated_ids(out, m);
	buf_putc(out, '}');
}

/* All are written down but those that are not there any more, or still wait for that. */
static void
drop_refused(struct many *m, const struct core *c, enum store_result r)
{
	struct rpc_error	err;

	ledger_error(r == STORE_OK ? STORE_FULL : r, &err);
	for (uint32_t i = 0; i < m->count; i++) {
		const struct job	*j = core_find(c, m->jobs[i].id);

		if (!m->jobs[i].unstored || (j != NULL && !j->unstored))
			continue;
		m->deduplicated -= m->jobs[i].deduplicated;
		m->jobs[i] = (struct submitted){ 0 };
		list_error(m, i, &err);
	}
}

static void
answer_many(struct watch *w, enum store_result r)
{
	struct many	*m = w->what;
	struct reply	 reply;

	drop_refused(m, w->conn->net->broker->core, r);
	reply = watch_take(w);
	print_many(reply_begin(&reply), m);
	reply_end(&reply);
	watch_free(w);
}

static struct many *
submit_all(struct call *call, const struct rpc_value *jobs, size_t errors_room,
    struct rpc_error *err)
{
	static const struct rpc_limits	limits = { .depth = BOUND_DEPTH, .values = UINT32_MAX };
	struct many			*m = mem_zalloc(1, sizeof(*m) +
	    (size_t)jobs->i * sizeof(m->jobs[0]));
	struct buf			 scratch = { 0 };
	struct span			 text;
	size_t				 at = 0;

	m->errors_room = errors_room;
	while (rpc_array_next(jobs->p, jobs->len, &at, &limits, &text, err) > 0)
		submit_one(m, call, text, &scratch);
	buf_free(&scratch);
	return m;
}

int
method_job_submit_many(struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*jobs = call_param(call, PARAM_jobs);
	struct many		*m;
	size_t			 errors_room;
	int			 rc;

	if (ids_fit(call, (uint32_t)jobs->i, &errors_room, err) != 0)
		return -1;
	if ((rc = recall_parents_of_many(call, jobs, err)) != 0)
		return rc;
	call->net->work += (unsigned)jobs->i;
	m = submit_all(call, jobs, errors_room, err);
	if (m->wait_for != 0)
		return stored_later(call, m->wait_for, answer_many, m, many_free);
	print_many(reply_begin(&call->reply), m);
	many_free(m);
	return METHOD_ANSWERED;
}
