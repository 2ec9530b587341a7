/* duplicate.c - submissions under a unique key that is held.  Runs in: broker, loop thread. */
#include "daemon/broker/net/duplicate.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/print_job.h"
#include "daemon/broker/net/state.h"
#include "daemon/broker/net/stored.h"
#include "daemon/broker/net/watch.h"
#include "daemon/broker/unique_key.h"

static enum job_state
state_of(const struct unique *u)
{
	return u->job != NULL ? u->job->state : u->state;
}

/* The key's time goes on, and the outcome is not there any more. */
static int
forgotten(const struct unique *u, struct rpc_error *err)
{
	rpc_fail(err, RPC_not_found, "job %" PRIu64 ", which has the unique_key, has ended (%s) and was "
	    "forgotten", u->job_id, job_state_names[u->state]);
	snprintf(err->data, sizeof(err->data), "\"id\":%" PRIu64, u->job_id);
	return -1;
}

static int
answer_call(struct call *call, const struct unique *u, struct rpc_error *err)
{
	int64_t		 wait_ms = call_int(call, PARAM_wait_ms, -1);
	struct watch	*w;
	struct buf	*out;

	if (u->job == NULL)
		return forgotten(u, err);
	if (job_state_finished(u->job->state)) {
		out = reply_begin(&call->reply);
		print_outcome(out, u->job, reply_room(&call->reply));
		print_deduplicated(out);
		return METHOD_ANSWERED;
	}
	w = watch_new(call, WATCH_CALL, 1);
	w->deduplicated = true;
	watch_job(w, u->job);
	if (wait_ms >= 0)
		watch_timeout(w, wait_ms);
	return METHOD_LATER;
}

/* The first one's submission is on disk, or was refused there: then so is this one. */
static void
answer_stored(struct watch *w, enum store_result r)
{
	const struct job	*j = core_find(w->conn->net->broker->core, w->job_id);

	w->deduplicated = true;
	stored_answer_id_state(w, j != NULL && !j->unstored ? STORE_OK : r);
}

int
duplicate_answer(struct call *call, const struct jobspec *spec, struct rpc_error *err)
{
	const struct unique	*u;
	struct buf		*out;
	int			 rc = unique_key_find(call->net->broker, spec, &u, err);

	if (rc <= 0)
		return rc == 0 ? DUPLICATE_NONE : -1;
	if (call->rpc.method == METHOD_job_call)
		return answer_call(call, u, err);
	if (u->job != NULL && u->job->unstored)
		return stored_later(call, u->job_id, answer_stored, NULL, NULL);
	out = reply_begin(&call->reply);
	print_id_and_state(out, u->job_id, state_of(u));
	print_deduplicated(out);
	return METHOD_ANSWERED;
}

void
duplicate_let_in(struct watch *w, const struct unique *u, bool call)
{
	struct rpc_error	 err;
	struct reply		 r;
	struct buf		*out;

	if (call && u->job == NULL) {
		forgotten(u, &err);
		watch_refuse(w, &err);
		return;
	}
	r = watch_take(w);
	out = reply_begin(&r);
	if (call)
		print_outcome(out, u->job, reply_room(&r));
	else
		print_id_and_state(out, u->job_id, state_of(u));
	print_deduplicated(out);
	reply_end(&r);
	watch_free(w);
}
