/* audit_call.c - calls and logins as lines of the audit log.  Runs in: broker, loop thread. */
#include "daemon/broker/net/audit_call.h"

#include <stdio.h>
#include <string.h>

#include "daemon/broker/access/access.h"
#include "daemon/broker/net/auth.h"
#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/state.h"
#include "lib/clock.h"

/* What of params says whom a call concerns: names and numbers, never what a job is given. */
static const enum rpc_param told[] = {
	PARAM_id, PARAM_ids, PARAM_type, PARAM_queue, PARAM_name, PARAM_group, PARAM_jobs,
	PARAM_signal, PARAM_role, PARAM_types, PARAM_path,
};

static struct audit *
audit_of(const struct net *n)
{
	return &n->broker->access->audit;
}

/* ---- lines ---- */

static void
begin(const struct connection *c, const char *method)
{
	struct net		*n = c->net;
	struct audit_who	 who = { .principal = auth_principal(c), .client = c->client };
	char			 addr[80];

	connection_addr(c, addr, sizeof(addr));
	who.addr = addr;
	audit_begin(audit_of(n), n->broker->now.real_ms, &who, method);
}

static void
end(struct net *n, const char *outcome)
{
	audit_end(audit_of(n), n->broker->now.mono_ns, outcome);
}

static void
tell_param(struct audit *a, const struct call *call, enum rpc_param p)
{
	const struct rpc_value	*v = call_param(call, p);

	switch (rpc_params[p].type) {
	case TYPE_NAME:
	case TYPE_STRING:
		audit_text(a, rpc_params[p].name, v->p, v->len);
		break;
	default:		/* INT; ARRAY, IDS: how many */
		audit_number(a, rpc_params[p].name, v->i);
	}
}

static void
tell_call(struct audit *a, const struct call *call)
{
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (call_param(call, told[i])->given)
			tell_param(a, call, told[i]);
	if (call->job != 0)
		audit_number(a, "job", (int64_t)call->job);
}

/* ---- calls ---- */

static bool
is_refusal(const struct call *call, const struct rpc_error *err)
{
	return err->kind == RPC_forbidden || err->kind == RPC_unauthenticated ||
	    err->kind == RPC_quota_exceeded || call->foreign;
}

static bool
is_audited(const struct call *call, int rc, const struct rpc_error *err)
{
	if (call->rpc.method == RPC_METHODS || call->rpc.method == METHOD_hello)
		return false;
	if (rc == METHOD_LATER && call->parked)
		return false;		/* it is served again */
	return rpc_methods[call->rpc.method].role >= ROLE_submitter ||
	    (rc < 0 && is_refusal(call, err));
}

/* ---- submissions by the thousand ---- */

static bool
is_submission(const struct call *call, int rc)
{
	enum rpc_method	m = call->rpc.method;

	return rc >= 0 && (m == METHOD_job_call || m == METHOD_job_submit);
}

static void
tell_sum(struct net *n, struct principal *p)
{
	const struct audit_who	who = { .principal = p->name, .addr = "" };
	struct audit		*a = audit_of(n);

	audit_begin(a, n->broker->now.real_ms, &who, "job.*");
	audit_number(a, "calls", p->summed);
	end(n, "ok");
	p->summed = 0;
	list_remove(&p->link);
}

/* Has it a line of its own?  Else it is one more of the sum. */
static bool
has_line(struct net *n, struct principal *p)
{
	struct audit	*a = audit_of(n);
	int64_t		 now_ns = n->broker->now.mono_ns;

	if (a->rate == 0)
		return true;
	if (now_ns - p->said_since_ns >= NS_PER_S) {
		if (p->summed > 0)
			tell_sum(n, p);
		p->said_since_ns = now_ns;
		p->said = 0;
	}
	if (p->said < a->rate) {
		p->said++;
		return true;
	}
	if (p->summed++ == 0)
		list_push_back(&a->sums, &p->link);
	return false;
}

int64_t
audit_sums_run(struct net *n, bool all)
{
	int64_t	now_ns = n->broker->now.mono_ns, next_ns = INT64_MAX;

	list_for_safe(node, after, &audit_of(n)->sums) {
		struct principal	*p = list_entry(node, struct principal, link);
		int64_t			 due_ns = p->said_since_ns + NS_PER_S;

		if (all || due_ns <= now_ns)
			tell_sum(n, p);
		else if (due_ns < next_ns)
			next_ns = due_ns;
	}
	return next_ns;
}

void
audit_call(struct call *call, int rc, const struct rpc_error *err)
{
	struct net	*n = call->net;
	struct audit	*a = audit_of(n);

	if (!a->on || !is_audited(call, rc, err) ||
	    (call->conn->who == NULL && !audit_stranger(a, n->broker->now.mono_ns)) ||
	    (is_submission(call, rc) && !has_line(n, call->conn->who->of)))
		return;
	begin(call->conn, rpc_methods[call->rpc.method].name);
	if (call->parsed)
		tell_call(a, call);
	if (rc == METHOD_LATER)
		audit_number(a, "call", call->number);
	if (rc < 0 && call->foreign)
		end(n, "not_own");
	else
		end(n, rc == METHOD_ANSWERED ? "ok" : rc == METHOD_LATER ? "taken" :
		    rpc_errors[err->kind].kind);
}

void
audit_refused(const struct reply *r, const struct rpc_error *err)
{
	struct net	*n = r->conn->net;

	if (r->number == 0 || !audit_of(n)->on || err->kind == RPC_wait_timeout ||
	    r->conn->who == NULL)
		return;
	begin(r->conn, rpc_methods[r->method].name);
	audit_number(audit_of(n), "call", r->number);
	end(n, rpc_errors[err->kind].kind);
}

/* ---- logins ---- */

void
audit_login(const struct connection *c, const char *outcome)
{
	struct audit	*a = audit_of(c->net);

	if (!a->on || (c->who == NULL && !audit_stranger(a, c->net->broker->now.mono_ns)))
		return;
	begin(c, "login");
	end(c->net, outcome);
}

void
audit_stranger_peer(struct net *n, const char *principal, const char *addr,
    const char *outcome)
{
	const struct audit_who	who = { .principal = principal, .addr = addr };
	struct audit		*a = audit_of(n);

	if (!a->on || !audit_stranger(a, n->broker->now.mono_ns))
		return;
	audit_begin(a, n->broker->now.real_ms, &who, "login");
	end(n, outcome);
}
