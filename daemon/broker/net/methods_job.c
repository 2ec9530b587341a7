/* methods_job.c - jobs come in: submit, submit_many, call.  Runs in: broker, loop thread. */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/room.h"
#include "daemon/broker/net/watch.h"
#include "proto/jobspec.h"

#define ID_BYTES		17	/* of a job id and its comma */
#define SUBMIT_MANY_FRAME	256	/* of that reply: all but ids and errors */
#define SUBMIT_MANY_ERRORS	100	/* listed; the rest is counted */

int
no_such_job(uint64_t id, struct rpc_error *err)
{
	rpc_fail(err, RPC_not_found, "there is no job %" PRIu64 ", or it was forgotten", id);
	snprintf(err->data, sizeof(err->data), "\"id\":%" PRIu64, id);
	return -1;
}

int
find_job(const struct call *call, struct job **out, struct rpc_error *err)
{
	uint64_t	id = (uint64_t)call_param(call, PARAM_id)->i;
	struct job	*j = core_find(call->net->broker->core, id);

	if (j == NULL)
		return no_such_job(id, err);
	*out = j;
	return 0;
}

static int
submit(struct call *call, const struct rpc_value *params, struct job **out, struct rpc_error *err)
{
	struct jobspec	spec;
	int		rc;

	if (jobspec_read(params, &spec, err) != 0)
		return -1;
	rc = broker_submit(call->net->broker, &spec, connection_submitter(call->conn), out, err);
	jobspec_fini(&spec);
	return rc;
}

/*
 * As submit, for a call that may wait for room: it stands behind those that wait already.  Returns
 * METHOD_LATER when it waits.
 */
static int
submit_or_wait(struct call *call, struct job **out, struct rpc_error *err)
{
	int64_t		wait_ms = call_int(call, PARAM_room_wait_ms, 0);
	struct jobspec	spec;
	int		rc;

	if (jobspec_read(call->rpc.params, &spec, err) != 0)
		return -1;
	if (wait_ms > 0 && room_has_line(call->net, spec.queue)) {
		rpc_fail(err, RPC_queue_full, "others wait for room in queue %.*s already",
		    (int)spec.queue.len, spec.queue.p);
		rc = -1;
	} else {
		rc = broker_submit(call->net->broker, &spec, connection_submitter(call->conn), out,
		    err);
	}
	if (rc != 0 && wait_ms > 0 && err->kind == RPC_queue_full)
		rc = room_wait(call, &spec, wait_ms, err);
	jobspec_fini(&spec);
	return rc;
}

int
method_job_submit(struct call *call, struct rpc_error *err)
{
	struct job	*j;
	int		 rc = submit_or_wait(call, &j, err);

	if (rc != 0)
		return rc;
	print_id_state(reply_begin(&call->reply), j);
	return METHOD_ANSWERED;
}

int
method_job_call(struct call *call, struct rpc_error *err)
{
	int64_t		 wait_ms = call_int(call, PARAM_wait_ms, -1);
	struct watch	*w;
	struct job	*j;
	struct buf	*out;
	int		 rc;

	/* Before the job is accepted: a call that cannot wait for it must not start it. */
	if (watch_allowed(call, 1, err) != 0)
		return -1;
	if ((rc = submit_or_wait(call, &j, err)) != 0)
		return rc;
	if (job_state_finished(j->state)) {
		out = reply_begin(&call->reply);
		print_outcome(out, j, reply_room(&call->reply));
		return METHOD_ANSWERED;
	}
	w = watch_new(call, WATCH_CALL, 1);
	watch_job(w, j);
	w->cancel_on_disconnect = call_int(call, PARAM_cancel_on_disconnect, 0) != 0;
	if (wait_ms >= 0)
		watch_timeout(w, wait_ms);
	return METHOD_LATER;
}

/* ---- submit_many ---- */

struct many {
	struct call	*call;
	struct buf	*out;		/* ids */
	struct buf	 errors;
	size_t		 errors_room;
	struct buf	 scratch;	/* of one job's strings */
	uint32_t	 index, listed, refused;
};

static void
list_error(struct many *m, const struct rpc_error *err)
{
	size_t	mark = buf_len(&m->errors);

	m->refused++;
	if (m->listed == SUBMIT_MANY_ERRORS)
		return;
	if (m->listed++ > 0)
		buf_putc(&m->errors, ',');
	print_literal(&m->errors, "{\"index\":");
	buf_put_u64(&m->errors, m->index);
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
submit_one(struct many *m, struct span text)
{
	static const struct rpc_limits	limits = { .depth = BOUND_DEPTH, .values = BOUND_VALUES };
	struct rpc_value		params[RPC_PARAMS];
	struct rpc_error		err;
	struct job			*j;

	m->scratch.head = m->scratch.tail = 0;
	if (m->index > 0)
		buf_putc(m->out, ',');
	if (rpc_parse_members(text.p, text.len, jobspec_params, jobspec_required, &limits, params,
	    &m->scratch, &err) == 0 && submit(m->call, params, &j, &err) == 0) {
		buf_put_u64(m->out, j->id);
	} else {
		print_literal(m->out, "null");
		list_error(m, &err);
	}
	m->index++;
}

/* Room for the ids of all, before any is accepted: what is accepted is told. */
static int
ids_fit(struct many *m, uint32_t count, struct rpc_error *err)
{
	size_t	bytes = SUBMIT_MANY_FRAME + (size_t)count * ID_BYTES;
	size_t	room = reply_room(&m->call->reply);

	m->errors_room = room - bytes;
	if (bytes <= room)
		return 0;
	rpc_fail(err, RPC_reply_too_long,
	    "the ids of %u jobs need %zu bytes; the reply has room for %zu", count, bytes, room);
	snprintf(err->data, sizeof(err->data), "\"bytes\":%zu", bytes);
	return -1;
}

static void
print_errors(struct many *m)
{
	buf_putc(m->out, ']');
	print_next(m->out, "errors");
	buf_putc(m->out, '[');
	buf_append(m->out, buf_data(&m->errors), buf_len(&m->errors));
	buf_putc(m->out, ']');
	print_next(m->out, "errors_total");
	buf_put_u64(m->out, m->refused);
	buf_putc(m->out, '}');
}

int
method_job_submit_many(struct call *call, struct rpc_error *err)
{
	static const struct rpc_limits	limits = { .depth = BOUND_DEPTH, .values = UINT32_MAX };
	const struct rpc_value		*jobs = call_param(call, PARAM_jobs);
	struct many			 m = { .call = call };
	struct span			 text;
	size_t				 at = 0;

	if (ids_fit(&m, (uint32_t)jobs->i, err) != 0)
		return -1;
	call->net->work += (unsigned)jobs->i;
	m.out = reply_begin(&call->reply);
	print_literal(m.out, "{\"ids\":[");
	while (rpc_array_next(jobs->p, jobs->len, &at, &limits, &text, err) > 0)
		submit_one(&m, text);
	print_errors(&m);
	buf_free(&m.errors);
	buf_free(&m.scratch);
	return METHOD_ANSWERED;
}
