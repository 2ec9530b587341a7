/* methods_wait.c - waiting for the end of jobs, and cancelling.  Runs in: broker, loop thread. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/watch.h"
#include "daemon/broker/net/watch_group.h"
#include "lib/alloc.h"

static int
wait_one(struct call *call, int64_t wait_ms, struct rpc_error *err)
{
	struct watch	*w;
	struct job	*j;
	struct buf	*out;
	int		 rc;

	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	if (job_state_finished(j->state)) {
		out = reply_begin(&call->reply);
		print_outcome(out, j, reply_room(&call->reply));
		return METHOD_ANSWERED;
	}
	if (watch_allowed(call, 1, err) != 0)
		return -1;
	w = watch_new(call, WATCH_WAIT, 1);
	watch_job(w, j);
	if (wait_ms >= 0)
		watch_timeout(w, wait_ms);
	return METHOD_LATER;
}

static int
wait_many(struct call *call, int64_t wait_ms, struct rpc_error *err)
{
	const struct rpc_value	*value = call_param(call, PARAM_ids);
	bool			 any = call_int(call, PARAM_any, 0) != 0;
	uint32_t		 count = (uint32_t)value->i;
	uint64_t		*ids;
	int			 rc;

	if (watch_allowed(call, count, err) != 0)
		return -1;
	call->net->work += count / 8;
	ids = mem_zalloc(count, sizeof(ids[0]));
	rpc_ids(value, ids);
	rc = watch_group_wait(call, ids, count, any, wait_ms, err);
	free(ids);
	return rc;
}

int
method_job_wait(struct call *call, struct rpc_error *err)
{
	int64_t	wait_ms = call_int(call, PARAM_timeout_ms, -1);
	bool	one = call_param(call, PARAM_id)->given, many = call_param(call, PARAM_ids)->given;

	if (one == many)
		return rpc_fail_member(err, RPC_invalid_params, "id", 2,
		    "job.wait takes either id or ids");
	if (one && call_param(call, PARAM_any)->given)
		return rpc_fail_member(err, RPC_invalid_params, "any", 3, "any goes with ids");
	return one ? wait_one(call, wait_ms, err) : wait_many(call, wait_ms, err);
}

static int
cancel_finished(const struct job *j, struct rpc_error *err)
{
	rpc_fail(err, RPC_conflict, "the job has ended already: %s", job_state_names[j->state]);
	snprintf(err->data, sizeof(err->data), "\"state\":\"%s\"", job_state_names[j->state]);
	return -1;
}

int
method_job_cancel(struct call *call, struct rpc_error *err)
{
	struct broker	*b = call->net->broker;
	struct job	*j;
	int		 rc;

	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	if (core_cancel(b->core, b->now, j) != 0)
		return cancel_finished(j, err);
	if (job_state_finished(j->state)) {
		print_id_state(reply_begin(&call->reply), j);
		return METHOD_ANSWERED;
	}
	/* Cancelling always works; only waiting for the end of so many does not. */
	if (call->conn->open_cancels >= BOUND_OPEN_CALLS)
		return rpc_fail(err, RPC_too_many_calls,
		    "the job was asked to end; too many job.cancel wait already");
	watch_job(watch_new(call, WATCH_CANCEL, 1), j);
	return METHOD_LATER;
}
