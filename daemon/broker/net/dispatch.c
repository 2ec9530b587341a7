/* dispatch.c - lines to calls, calls to methods.  Runs in: broker, loop thread. */
#include "daemon/broker/net/dispatch.h"

#include "daemon/broker/net/auth.h"
#include "daemon/broker/net/batch.h"
#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/state.h"

#define METHOD(symbol, name, role, params, result, help) [METHOD_##symbol] = method_##symbol,
static method_fn *const methods[RPC_METHODS] = {
#include "proto/methods.def"
};
#undef METHOD

static const struct rpc_limits request_limits = { .depth = BOUND_DEPTH, .values = BOUND_VALUES };
/* The members of a batch are counted one by one. */
static const struct rpc_limits batch_limits = { .depth = BOUND_DEPTH + 1, .values = UINT32_MAX };

static int
serve(struct call *call, const char *text, size_t len, struct rpc_error *err)
{
	int	rc = rpc_parse(text, len, &request_limits, &call->rpc, err);

	call->reply.id = call->rpc.id;
	call->reply.silent = call->rpc.notification;
	if (rc == 0)
		rc = auth_check(call->conn, call->rpc.method, err);
	if (rc == 0)
		rc = methods[call->rpc.method](call, err);
	return rc;
}

/* Before it has said who it is, a client that speaks anything but our protocol is not spoken with. */
static void
judge_stranger(struct connection *c, const struct rpc_error *err)
{
	if (c->role == ROLE_anybody && (err->kind == RPC_parse_error || err->kind == RPC_invalid_request))
		connection_end(c);
}

static void
dispatch_call(struct connection *c, struct batch *batch, const char *text, size_t len)
{
	struct call		*call = &c->net->call;
	struct rpc_error	 err;
	int			 rc;

	call->net = c->net;
	call->conn = c;
	call->reply = (struct reply){ .conn = c, .batch = batch };
	c->net->stats.requests++;
	rc = serve(call, text, len, &err);
	if (rc == METHOD_ANSWERED)
		reply_end(&call->reply);
	else if (rc < 0)
		reply_error(&call->reply, &err);
	if (rc < 0 && !c->dead)
		judge_stranger(c, &err);
	/* A silent member is none that the batch waits for. */
	if (batch != NULL && call->reply.silent)
		batch_skipped(batch);
	rpc_call_fini(&call->rpc);
}

/* ---- batches ---- */

static int
batch_count(const char *text, size_t len, uint32_t *out, struct rpc_error *err)
{
	struct span	element;
	size_t		at = 0;
	int		rc;

	*out = 0;
	while ((rc = rpc_array_next(text, len, &at, &batch_limits, &element, err)) > 0) {
		if (++*out > BOUND_BATCH_CALLS)
			return rpc_fail(err, RPC_invalid_request, "a batch may have %d calls", BOUND_BATCH_CALLS);
	}
	if (rc == 0 && *out == 0)
		return rpc_fail(err, RPC_invalid_request, "the batch is empty");
	return rc;
}

/* Refused before anything is done, rather than done without an answer. */
static int
batch_fits(const struct connection *c, uint32_t calls, struct rpc_error *err)
{
	size_t	bytes = (size_t)calls * BATCH_MEMBER_BYTES;

	if (bytes <= c->max_reply)
		return 0;
	rpc_fail(err, RPC_reply_too_long,
	    "a batch of %u calls needs max_line_bytes of %zu or more; this client's is %u", calls, bytes,
	    c->max_reply);
	snprintf(err->data, sizeof(err->data), "\"bytes\":%zu", bytes);
	return -1;
}

static void
refuse_batch(struct connection *c, const struct rpc_error *err)
{
	struct reply	r = { .conn = c, .id = { "null", 4 } };

	reply_error(&r, err);
	if (!c->dead)
		judge_stranger(c, err);
}

static void
dispatch_batch(struct connection *c, const char *text, size_t len)
{
	struct rpc_error	 err;
	struct batch		*batch;
	struct span		 element;
	size_t			 at = 0;
	uint32_t		 calls;

	if (batch_count(text, len, &calls, &err) != 0 || batch_fits(c, calls, &err) != 0) {
		refuse_batch(c, &err);
		return;
	}
	batch = batch_new(c, calls);
	c->net->work += calls;
	while (rpc_array_next(text, len, &at, &batch_limits, &element, &err) > 0) {
		if (c->dead)
			batch_skipped(batch);
		else
			dispatch_call(c, batch, element.p, element.len);
	}
	batch_built(batch);
}

void
dispatch_line(struct connection *c, struct span line)
{
	size_t	at = 0;

	while (at < line.len && (line.p[at] == ' ' || line.p[at] == '\t'))
		at++;
	if (at < line.len && line.p[at] == '[')
		dispatch_batch(c, line.p + at, line.len - at);
	else
		dispatch_call(c, NULL, line.p, line.len);
}
