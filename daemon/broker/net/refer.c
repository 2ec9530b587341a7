/* refer.c - what a submission names besides itself.  Runs in: broker, loop thread. */
#include "daemon/broker/net/refer.h"

#include "daemon/broker/access/access.h"
#include "daemon/broker/core/unique.h"
#include "daemon/broker/gather.h"
#include "daemon/broker/net/auth.h"
#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/recall.h"
#include "daemon/broker/net/state.h"
#include "daemon/broker/unique_key.h"

static bool
sees_all(const struct connection *c)
{
	return c->role >= ROLE_operator;
}

static const struct unique *
holder(const struct connection *c, struct span key)
{
	const struct broker	*b = c->net->broker;

	return key.len == 0 ? NULL : core_unique_find(b->core, b->now, key);
}

/* The job that has a key; NULL: history has it, if anybody. */
static const struct job *
job_of(const struct connection *c, const struct unique *u)
{
	return u->job != NULL ? u->job : core_find(c->net->broker->core, u->job_id);
}

/* Whose a job was that has ended long ago, history says. */
int
refer_recall(struct call *call, const struct jobspec *spec, struct rpc_error *err)
{
	const struct unique	*u = sees_all(call->conn) ? NULL :
	    holder(call->conn, spec->unique_key);

	if (u != NULL && job_of(call->conn, u) == NULL && recall_may_know(call, u->job_id))
		return recall_jobs(call, &u->job_id, 1, err);
	return spec->after_len > 0 ? recall_parents(call, spec, err) : 0;
}

int
refer_key_allowed(const struct connection *c, struct span key, struct rpc_error *err)
{
	const struct unique	*u = sees_all(c) ? NULL : holder(c, key);
	const struct job	*j = u == NULL ? NULL : job_of(c, u);

	if (j == NULL || auth_owns(c, j->by->principal))
		return 0;
	return rpc_fail_member(err, RPC_conflict, "unique_key", 10,
	    "a job of another principal has the unique_key");
}

int
refer_key_taken(const struct call *call, const struct job *j, struct rpc_error *err)
{
	const struct unique	*own = job_unique(j);
	struct span		 key = { own->key, own->key_len };

	return refer_key_allowed(call->conn, key, err) != 0 ? -1 :
	    unique_key_taken(call->net->broker, j, err);
}

static int
parents_allowed(const struct call *call, const struct jobspec *spec, struct rpc_error *err)
{
	const struct core	*core = call->net->broker->core;

	for (uint32_t i = 0; i < spec->after_len; i++) {
		const struct job	*parent = core_find(core, spec->after[i]);

		if (parent != NULL && !auth_owns(call->conn, parent->by->principal))
			return broker_no_parent(spec->after[i], err);
	}
	return 0;
}

static int
group_allowed(const struct call *call, struct span name, struct rpc_error *err)
{
	const struct group	*g = name.len == 0 ? NULL :
	    core_group_find(call->net->broker->core, name.p, name.len);

	return g == NULL || auth_owns(call->conn, gathered(g)->by->principal) ? 0 :
	    broker_no_group(name, err);
}

int
refer_allowed(const struct call *call, const struct jobspec *spec, struct rpc_error *err)
{
	if (sees_all(call->conn))
		return 0;
	if (parents_allowed(call, spec, err) != 0 || group_allowed(call, spec->group, err) != 0)
		return -1;
	return refer_key_allowed(call->conn, spec->unique_key, err);
}

int
quota_allows(const struct connection *c, int64_t bytes, struct rpc_error *err)
{
	return principals_check_job(&c->net->broker->access->principals, c->who, bytes, err);
}

int
quota_allows_spec(const struct connection *c, const struct jobspec *spec,
    struct rpc_error *err)
{
	return quota_allows(c, (int64_t)(JOB_BYTES + core_spec_bytes(spec)), err);
}
