/* methods_job.c - jobs come in: submit, submit_many, call.  Runs in: broker, loop thread. */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/broker/defaults.h"
#include "daemon/broker/net/duplicate.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/recall.h"
#include "daemon/broker/net/refer.h"
#include "daemon/broker/net/room.h"
#include "daemon/broker/net/stored.h"
#include "daemon/broker/net/watch.h"
#include "daemon/broker/unique_key.h"
#include "proto/jobspec.h"

int
no_such_job(uint64_t id, struct rpc_error *err)
{
	rpc_fail(err, RPC_not_found, "there is no job %" PRIu64 ", or it was forgotten", id);
	snprintf(err->data, sizeof(err->data), "\"id\":%" PRIu64, id);
	return -1;
}

/* In the log it is told apart whether there is one. */
static int
no_job_of_ours(struct call *call, uint64_t id, const struct job *j, struct rpc_error *err)
{
	call->foreign = j != NULL;
	return no_such_job(id, err);
}

int
find_job(struct call *call, struct job **out, struct rpc_error *err)
{
	uint64_t	id = (uint64_t)call_param(call, PARAM_id)->i;
	struct job	*j = core_find(call->net->broker->core, id);

	if (j == NULL && recall_may_know(call, id))
		return recall_jobs(call, &id, 1, err);
	if (j == NULL || !auth_owns(call->conn, j->by->principal))
		return no_job_of_ours(call, id, j, err);
	*out = j;
	return 0;
}

int
submit_job(struct call *call, const struct rpc_value *params, struct submitted *out,
    struct rpc_error *err)
{
	struct broker		*b = call->net->broker;
	const struct unique	*held;
	struct jobspec		 spec;
	struct job		*j;
	int			 rc;

	if (jobspec_read(params, &spec, err) != 0)
		return -1;
	if (defaults_allow(b, spec.type, &call->conn->who->grant, err) != 0 ||
	    refer_allowed(call, &spec, err) != 0) {
		jobspec_fini(&spec);
		return -1;
	}
	defaults_fill(b, &spec, DURABILITY_COMMIT);
	if ((rc = unique_key_find(b, &spec, &held, err)) > 0)
		*out = (struct submitted){ .id = held->job_id, .deduplicated = true,
		    .unstored = held->job != NULL && held->job->unstored };
	else if (rc == 0 && (rc = quota_allows_spec(call->conn, &spec, err)) == 0 &&
	    (rc = broker_submit(b, &spec, connection_submitter(call->conn), &j, err)) == 0)
		*out = (struct submitted){ .id = j->id, .unstored = j->unstored };
	jobspec_fini(&spec);
	return rc < 0 ? -1 : 0;
}

/*
 * A job of its own, or *out NULL and the call was answered with the job that has its unique key.
 * One that may wait for room stands behind those that wait already: METHOD_LATER when it does.
 */
static int
submit_or_wait(struct call *call, enum durability usual, struct job **out, struct rpc_error *err)
{
	int64_t		wait_ms = call_int(call, PARAM_room_wait_ms, 0);
	struct jobspec	spec;
	int		rc;

	if (jobspec_read(call->rpc.params, &spec, err) != 0)
		return -1;
	*out = NULL;
	if (defaults_allow(call->net->broker, spec.type, &call->conn->who->grant, err) != 0) {
		jobspec_fini(&spec);
		return -1;
	}
	defaults_fill(call->net->broker, &spec, usual);
	if ((rc = refer_recall(call, &spec, err)) != 0 || (rc = refer_allowed(call, &spec, err)) != 0) {
		jobspec_fini(&spec);
		return rc;
	}
	if ((rc = duplicate_answer(call, &spec, err)) != DUPLICATE_NONE) {
		jobspec_fini(&spec);
		return rc;
	}
	if (quota_allows_spec(call->conn, &spec, err) != 0) {
		jobspec_fini(&spec);
		return -1;
	}
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
	if (rc == 0 && *out != NULL)
		call->job = (*out)->id;
	return rc;
}

int
method_job_submit(struct call *call, struct rpc_error *err)
{
	struct job	*j;
	int		 rc = submit_or_wait(call, DURABILITY_COMMIT, &j, err);

	if (rc != 0 || j == NULL)
		return rc;
	if (j->unstored)
		return stored_id_state(call, j);
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
	if ((rc = submit_or_wait(call, DURABILITY_MEMORY, &j, err)) != 0 || j == NULL)
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
