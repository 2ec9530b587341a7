/* methods_amend.c - changing what becomes of a job: retry, forget, hold, release, update.
 * Runs in: broker, loop thread. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/broker/defaults.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/recall.h"
#include "daemon/broker/net/refer.h"
#include "daemon/broker/net/stored.h"
#include "daemon/broker/unique_key.h"
#include "proto/retry_policy.h"

/* Always -1: the job's state does not allow it. */
static int
conflict(const struct job *j, struct rpc_error *err, const char *why)
{
	rpc_fail(err, RPC_conflict, "the job is %s: %s", job_state_names[j->state], why);
	snprintf(err->data, sizeof(err->data), "\"state\":\"%s\"", job_state_names[j->state]);
	return -1;
}

static int
answer(struct call *call, const struct job *j)
{
	if (j->durable)
		return stored_id_state(call, j);
	print_id_state(reply_begin(&call->reply), j);
	return METHOD_ANSWERED;
}

static int
no_room(const struct broker *b, const struct job *j, struct rpc_error *err)
{
	struct room_view	room = core_room_again(b->core, j);
	const char		*queue = core_job_queue(j);
	struct jobspec		spec = { .queue = { queue, strlen(queue) } };

	return broker_refuse_room(&spec, &room, err);
}

static int
retry_refused(const struct call *call, const struct job *j, int rc, struct rpc_error *err)
{
	const struct broker	*b = call->net->broker;

	switch (rc) {
	case -ENOSPC:
		return no_room(b, j, err);
	case -ENOENT:
		return no_such_job(j->id, err);
	case -EBUSY:
		return conflict(j, err, "its group has counted that");
	case -EEXIST:
		return refer_key_taken(call, j, err);
	default:
		return conflict(j, err, "only one that failed, was cancelled or has expired runs "
		    "again");
	}
}

int
method_job_retry(struct call *call, struct rpc_error *err)
{
	struct broker	*b = call->net->broker;
	struct job	*j;
	int		 rc;

	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	if (b->draining)
		return rpc_fail(err, RPC_draining, "jobd drains and takes no new jobs");
	if (defaults_allow(b, (struct span){ job_type(j)->name, strlen(job_type(j)->name) },
	    &call->conn->who->grant, err) != 0 || quota_allows(call->conn, core_job_bytes(j), err) != 0)
		return -1;
	if ((rc = core_retry(b->core, b->now, j)) != 0)
		return retry_refused(call, j, rc, err);
	return answer(call, j);
}

static void
print_forgotten(struct reply *r, uint64_t id)
{
	struct buf	*out = reply_begin(r);

	print_literal(out, "{\"id\":");
	buf_put_u64(out, id);
	print_next(out, "forgotten");
	print_bool(out, true);
	buf_putc(out, '}');
}

/* Gone by itself meanwhile is forgotten, too. */
static void
answer_forgotten(struct watch *w, enum store_result r)
{
	struct rpc_error	err;
	struct reply		reply;

	if (r != STORE_OK && r != STORE_NOTFOUND) {
		ledger_error(r, &err);
		watch_refuse(w, &err);
		return;
	}
	reply = watch_take(w);
	print_forgotten(&reply, w->job_id);
	reply_end(&reply);
	watch_free(w);
}

/* Core has it no more; what the store says of it does not count from now on. */
static int
forget_stored(struct call *call, uint64_t id)
{
	recall_forget(call->net, id);
	return stored_later(call, id, answer_forgotten, NULL, NULL);
}

int
method_job_forget(struct call *call, struct rpc_error *err)
{
	struct broker	*b = call->net->broker;
	uint64_t	 id;
	bool		 durable;
	struct job	*j;
	int		 rc;

	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	id = j->id;
	durable = j->durable;
	if (core_forget(b->core, b->now, j) != 0)
		return conflict(j, err, "only one that has ended is forgotten; cancel it first");
	if (durable)
		return forget_stored(call, id);
	print_forgotten(&call->reply, id);
	return METHOD_ANSWERED;
}

int
method_job_hold(struct call *call, struct rpc_error *err)
{
	struct broker	*b = call->net->broker;
	struct job	*j;
	int		 rc;

	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	if (core_hold(b->core, b->now, j) != 0)
		return conflict(j, err, "only one that waits is held");
	return answer(call, j);
}

int
method_job_release(struct call *call, struct rpc_error *err)
{
	struct broker	*b = call->net->broker;
	struct job	*j;
	int		 rc;

	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	if (core_release(b->core, b->now, j) != 0)
		return conflict(j, err, "it is not held");
	return answer(call, j);
}

/* ---- update ---- */

static int
read_amendment(const struct call *call, struct amendment *out, struct rpc_error *err)
{
	const struct rpc_value	*priority = call_param(call, PARAM_priority);
	const struct rpc_value	*at = call_param(call, PARAM_run_at_ms);

	*out = (struct amendment){
		.priority_given = priority->given, .priority = (int)priority->i,
		.due_in_ms = call_int(call, PARAM_delay_ms, -1),
		.timeout_ms = call_int(call, PARAM_timeout_ms, -1),
		.ttl_ms = call_int(call, PARAM_ttl_ms, 0),
	};
	if (at->given && out->due_in_ms >= 0)
		return rpc_fail_member(err, RPC_invalid_params, "run_at_ms", 9,
		    "give either delay_ms or run_at_ms, not both");
	if (at->given)
		out->due_in_ms = at->i - call->net->broker->now.real_ms;
	if (at->given && out->due_in_ms < 0)
		out->due_in_ms = 0;
	return retry_policy_read(call_param(call, PARAM_retry), &out->retry, err);
}

int
method_job_update(struct call *call, struct rpc_error *err)
{
	struct broker		*b = call->net->broker;
	struct amendment	 am;
	struct job		*j;
	int			 rc;

	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	if (read_amendment(call, &am, err) != 0)
		return -1;
	if ((rc = core_amend(b->core, b->now, j, &am)) == 0)
		return answer(call, j);
	if (rc == -EINVAL)
		return conflict(j, err, "it has started before, so its ttl_ms is over");
	return conflict(j, err, rc == -EBUSY ? "of one that runs only retry can be changed" :
	    "only one that has not ended can be changed");
}
