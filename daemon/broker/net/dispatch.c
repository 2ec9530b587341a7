/* dispatch.c - lines to calls, calls to methods.  Runs in: broker, loop thread. */
#include "daemon/broker/net/dispatch.h"

#include <stdio.h>
#include <string.h>

#include "daemon/broker/net/audit_call.h"
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
	call->parsed = rc == 0;
	/* Whoever may not call is told that, not what is wrong with the call. */
	if (call->rpc.method != RPC_METHODS && auth_check(call->conn, call->rpc.method, err) != 0)
		return -1;
	if (rc == 0)
		rc = methods[call->rpc.method](call, err);
	return rc;
}

/* With strangers that speak anything but our protocol we do not speak on. */
static void
judge_stranger(struct connection *c, const struct rpc_error *err)
{
	if (c->role != ROLE_anybody)
		return;
	if (err->kind == RPC_parse_error || err->kind == RPC_invalid_request)
		connection_end(c);
}

static void
run_call(struct connection *c, struct batch *batch, struct span text, struct recall *r)
{
	struct call		*call = &c->net->call;
	struct rpc_error	 err;
	int			 rc;

	call->net = c->net;
	call->conn = c;
	call->reply = (struct reply){ .conn = c, .batch = batch };
	call->line = text;
	call->recall = r;
	call->parked = call->foreign = call->parsed = false;
	call->job = 0;
	call->number = ++c->net->last_call;
	rc = serve(call, text.p, text.len, &err);
	audit_call(call, rc, &err);
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

static void
dispatch_call(struct connection *c, struct batch *batch, const char *text, size_t len)
{
	c->net->stats.requests++;
	run_call(c, batch, (struct span){ text, len }, NULL);
}

void
dispatch_again(struct connection *c, struct batch *batch, const char *text, size_t len,
    struct recall *r)
{
	run_call(c, batch, (struct span){ text, len }, r);
}

/* ---- batches ---- */

/*
 * Room for the shortest answers, found beforehand: a call that may change something is refused with
 * its batch rather than carried out without being answered.
 */
#define ANSWER_BYTES		56	/* of ping */
#define ANSWER_BYTES_JOB	128	/* of job.submit, job.cancel ... */

static uint32_t
answer_bytes(struct span call)
{
	return memmem(call.p, call.len, "\"job.", 5) != NULL ? ANSWER_BYTES_JOB : ANSWER_BYTES;
}

struct batch_size {
	uint32_t	calls;
	size_t		bytes;		/* of their answers, at least */
};

static int
batch_measure(const char *text, size_t len, struct batch_size *out, struct rpc_error *err)
{
	struct span	element;
	size_t		at = 0;
	int		rc;

	*out = (struct batch_size){ 0 };
	while ((rc = rpc_array_next(text, len, &at, &batch_limits, &element, err)) > 0) {
		if (++out->calls > BOUND_BATCH_CALLS)
			return rpc_fail(err, RPC_invalid_request, "a batch may have 1,000 calls");
		out->bytes += answer_bytes(element);
	}
	if (rc == 0 && out->calls == 0)
		return rpc_fail(err, RPC_invalid_request, "the batch is empty");
	return rc;
}

static int
batch_fits(const struct connection *c, const struct batch_size *size, struct rpc_error *err)
{
	if (size->bytes <= c->max_reply)
		return 0;
	rpc_fail(err, RPC_reply_too_long,
	    "a batch of these %u calls needs max_line_bytes of %zu or more; this client's is %u",
	    size->calls, size->bytes, c->max_reply);
	snprintf(err->data, sizeof(err->data), "\"bytes\":%zu", size->bytes);
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
	struct batch_size	 size;

	if (batch_measure(text, len, &size, &err) != 0 || batch_fits(c, &size, &err) != 0) {
		refuse_batch(c, &err);
		return;
	}
	batch = batch_new(c, size.calls, (uint32_t)(size.bytes / size.calls));
	c->net->work += size.calls;
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
