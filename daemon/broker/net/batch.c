/* batch.c - answers of a batch, gathered.  Runs in: broker, loop thread. */
#include "daemon/broker/net/batch.h"

#include <stdlib.h>

#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/output.h"
#include "daemon/broker/net/state.h"
#include "lib/alloc.h"

#define BRACKETS_BYTES	3	/* and a line feed */

struct batch *
batch_new(struct connection *c, uint32_t members, uint32_t each_bytes)
{
	struct batch	*b = mem_zalloc(1, sizeof(*b));

	b->conn = c;
	b->members = b->left = members;
	b->each_bytes = each_bytes;
	b->building = true;
	return b;
}

static void
batch_free(struct batch *b)
{
	b->conn->held -= buf_len(&b->out);
	b->conn->open_calls -= b->weight;
	buf_free(&b->out);
	free(b);
}

/* Members behind the one being printed have their room, and a connection bounds what it holds. */
size_t
batch_room(const struct batch *b)
{
	size_t	used = BRACKETS_BYTES + buf_len(&b->out) + (size_t)(b->left - 1) * b->each_bytes;
	size_t	max = b->conn->max_reply;

	if (max > BOUND_OUTPUT_CLOSE)
		max = BOUND_OUTPUT_CLOSE;
	if (b->conn->held > BOUND_OUTPUT_CLOSE / 2 && max > used + b->each_bytes)
		return b->each_bytes;
	return used < max ? max - used : 0;
}

/* Even members that are all errors may not fit a short line. */
static void
refuse_length(struct batch *b)
{
	struct rpc_error	err;
	size_t			bytes = buf_len(&b->out);

	rpc_fail(&err, RPC_reply_too_long,
	    "the batch's answers have %zu bytes; max_line_bytes of this client is %u", bytes,
	    b->conn->max_reply);
	snprintf(err.data, sizeof(err.data), "\"bytes\":%zu", bytes);
	rpc_print_error(output_begin(b->conn), (struct span){ "null", 4 }, &err);
	b->conn->net->stats.errors++;
}

/* One line of all answers.  A batch of notifications only is not answered. */
static void
print_line(struct batch *b)
{
	struct buf	*out = output_begin(b->conn);

	buf_putc(out, '[');
	buf_append(out, buf_data(&b->out), buf_len(&b->out) - 1);
	buf_append(out, "]\n", 2);
}

static void
finish_if_complete(struct batch *b)
{
	struct connection	*c = b->conn;
	bool			 said = buf_len(&b->out) > 0;

	if (b->building || b->left > 0)
		return;
	if (said && !c->dead) {
		if (buf_len(&b->out) + 2 > c->max_reply)
			refuse_length(b);
		else
			print_line(b);
	}
	batch_free(b);
	if (said && !c->dead)
		output_wrote(c);
}

void
batch_built(struct batch *b)
{
	b->building = false;
	finish_if_complete(b);
}

void
batch_answered(struct batch *b, size_t mark)
{
	buf_putc(&b->out, ',');
	b->conn->held += buf_len(&b->out) - mark;
	b->left--;
	finish_if_complete(b);
}

void
batch_skipped(struct batch *b)
{
	b->left--;
	finish_if_complete(b);
}
