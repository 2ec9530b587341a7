/* auth.c - who is a connection, and what may it do.  Runs in: broker, loop thread. */
#include "daemon/broker/net/auth.h"

#include <stdint.h>
#include <string.h>

#include "daemon/broker/access/access.h"
#include "daemon/broker/lanes/remote.h"
#include "daemon/broker/net/audit_call.h"
#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/deadline.h"
#include "daemon/broker/net/state.h"
#include "daemon/broker/net/watch.h"
#include "lib/log.h"

/* ---- roles ---- */

const char *
auth_principal(const struct connection *c)
{
	return c->who == NULL ? "nobody" : c->who->name;
}

bool
auth_owns(const struct connection *c, const char *principal)
{
	return c->role >= ROLE_operator || strcmp(auth_principal(c), principal) == 0;
}

int
auth_check(const struct connection *c, enum rpc_method method, struct rpc_error *err)
{
	enum rpc_role	wanted = rpc_methods[method].role;

	if (c->role >= wanted)
		return 0;
	if (c->role == ROLE_anybody)
		return rpc_fail(err, RPC_unauthenticated,
		    "%s needs a hello with a token first, such as that of " AUTH_TOKEN_FILE,
		    rpc_methods[method].name);
	return rpc_fail(err, RPC_forbidden, "%s needs the role %s, and %.100s is %s",
	    rpc_methods[method].name, rpc_role_names[wanted], auth_principal(c), rpc_role_names[c->role]);
}

/* ---- hello ---- */

static int
refuse_login(struct call *call, const char *why)
{
	struct connection	*c = call->conn;
	char			 addr[80];

	c->logins_failed++;
	audit_login(c, why);
	connection_addr(c, addr, sizeof(addr));
	if (net_may_log(c->net))
		log_warn("login refused addr=%s token=%s failures=%d", addr, why, c->logins_failed);
	c->pause |= PAUSE_LOGIN;
	watch_timeout(watch_new(call, WATCH_LOGIN, 0), AUTH_DELAY_MS);
	return METHOD_LATER;
}

/* It is somebody else from now on; a worker's next lines are lanes', once hello is answered. */
static int
log_in(struct connection *c, struct identity *who, struct rpc_error *err)
{
	if (who->of != (c->who == NULL ? NULL : c->who->of) &&
	    principals_check_connection(&c->net->broker->access->principals, who, err) != 0) {
		identity_unref(who);
		audit_login(c, rpc_errors[err->kind].kind);
		return -1;
	}
	connection_become(c, who);
	audit_login(c, "ok");
	deadline_stop(c);
	if (c->role == ROLE_worker)
		c->pause |= PAUSE_WORKER;
	return METHOD_ANSWERED;
}

int
auth_hello(struct call *call, struct rpc_error *err)
{
	struct net		*n = call->net;
	const struct rpc_value	*token = call_param(call, PARAM_token);
	const char		*why;
	struct identity		*who;

	if (!token->given)
		return METHOD_ANSWERED;
	who = access_of_token(n->broker->access, token->p, token->len, n->broker->now.real_ms,
	    &why);
	/* it lies in the line, or beside it, which is ours and not looked at again */
	explicit_bzero((char *)(uintptr_t)token->p, token->len);
	if (who != NULL)
		return log_in(call->conn, who, err);
	if (call->conn->who == NULL)
		return refuse_login(call, why);
	audit_login(call->conn, why);
	return rpc_fail(err, RPC_unauthenticated, "the token is wrong, revoked or expired; this "
	    "connection stays %.100s", auth_principal(call->conn));
}

void
auth_delay_over(struct connection *c)
{
	if (c->logins_failed >= AUTH_FAILURES)
		connection_end(c);
	connection_resume(c, PAUSE_LOGIN);
}

/* ---- changes ---- */

static void
look_again(struct connection *c)
{
	struct broker	*b = c->net->broker;
	struct identity	*who = access_again(b->access, c->who, connection_fd(c), b->now.real_ms);

	if (who != NULL && grant_equal(&who->grant, &c->who->grant)) {
		connection_become(c, who);
		return;
	}
	log_info("connection ended: its principal is granted something else principal=%s now=%s",
	    auth_principal(c), who == NULL ? "nothing" : rpc_role_names[who->grant.role]);
	identity_unref(who);
	connection_end(c);
}

void
auth_look_again(struct net *n)
{
	list_for(node, &n->connections) {
		struct connection	*c = list_entry(node, struct connection, link);

		if (c->who != NULL && c->saving == 0 && (c->pause & PAUSE_END) == 0)
			look_again(c);
	}
	lanes_look_again(n->broker->lanes);
}
