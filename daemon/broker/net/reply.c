/* reply.c - an answer's way out.  Runs in: broker, loop thread. */
#include "daemon/broker/net/reply.h"

#include "daemon/broker/net/audit_call.h"
#include "daemon/broker/net/batch.h"
#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/output.h"
#include "daemon/broker/net/state.h"

#define OPENING_BYTES	40	/* at most, what reply_begin prints around the id */
#define CLOSING_BYTES	2	/* what reply_end adds */

/* From here on everything up to the mark can be taken back. */
static void
open_output(struct reply *r)
{
	if (r->silent)
		r->out = &r->conn->net->nowhere;
	else
		r->out = r->batch != NULL ? &r->batch->out : output_begin(r->conn);
	r->mark = buf_len(r->out);
}

static void
take_back(struct reply *r)
{
	r->out->tail = r->out->head + r->mark;
}

struct buf *
reply_begin(struct reply *r)
{
	open_output(r);
	rpc_reply_begin(r->out, r->id);
	return r->out;
}

size_t
reply_room(const struct reply *r)
{
	size_t	used = CLOSING_BYTES, max = r->conn->max_reply;

	if (r->silent)
		return max;
	used += r->out == NULL ? OPENING_BYTES + r->id.len : 0;
	if (r->batch != NULL)
		max = batch_room(r->batch);
	else if (r->out != NULL)
		used += buf_len(r->out) - r->mark;
	return used < max ? max - used : 0;
}

static void
finished(struct reply *r)
{
	if (r->silent) {
		take_back(r);
	} else if (r->batch != NULL) {
		r->out->tail--;		/* the line feed */
		batch_answered(r->batch, r->mark);
	} else {
		output_wrote(r->conn);
	}
}

static bool
too_long(const struct reply *r)
{
	if (r->silent)
		return false;
	if (r->batch != NULL)
		return batch_room(r->batch) == 0;
	return buf_len(r->out) - r->mark > r->conn->max_reply;
}

void
reply_end(struct reply *r)
{
	struct rpc_error	err;
	size_t			bytes;

	rpc_reply_end(r->out);
	if (!too_long(r)) {
		finished(r);
		return;
	}
	bytes = buf_len(r->out) - r->mark;
	rpc_fail(&err, RPC_reply_too_long,
	    "the reply has %zu bytes; max_line_bytes of this client is %u", bytes,
	    r->conn->max_reply);
	snprintf(err.data, sizeof(err.data), "\"bytes\":%zu", bytes);
	reply_error(r, &err);
}

void
reply_error(struct reply *r, const struct rpc_error *err)
{
	if (r->out != NULL)
		take_back(r);
	else
		open_output(r);
	rpc_print_error(r->out, r->id, err);
	r->conn->net->stats.errors++;
	audit_refused(r, err);
	finished(r);
}
