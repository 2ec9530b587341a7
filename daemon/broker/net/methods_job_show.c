/* methods_job_show.c - looking at one job: get, result, explain.  Runs in: broker, loop thread. */
#include <stdio.h>

#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/router_command.h"
#include "lib/utf8.h"

int
method_job_get(struct call *call, struct rpc_error *err)
{
	struct job	*j;
	struct buf	*out;
	int		 rc;

	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	out = reply_begin(&call->reply);
	print_job(out, call->net->broker, j, reply_room(&call->reply));
	return METHOD_ANSWERED;
}

/* ---- job.result ---- */

#define PIECE_FRAME_BYTES	128		/* of the reply: all but the text */
#define PIECE_BYTES		(1 << 20)	/* of text: others are served between pieces */

/* What a byte takes in a JSON string; as buf_put_json prints it. */
static size_t
printed_bytes(unsigned char c)
{
	if (c == '"' || c == '\\' || c == '\n' || c == '\t' || c == '\r')
		return 2;
	return c < 0x20 || c == 0x7f ? 6 : 1;
}

/*
 * Bytes of text that make at most room bytes of JSON string, at most limit, and whole characters
 * only; but one character at least, or the reader would never get on.
 */
static size_t
piece_length(const char *text, size_t len, size_t limit, size_t room)
{
	size_t	at = 0, used = 0, step, cost;

	while (at < len) {
		step = utf8_sequence(text + at, len - at);
		cost = step > 1 ? step : printed_bytes((unsigned char)text[at]);
		step = step == 0 ? 1 : step;
		if (at > 0 && (at + step > limit || used + cost > room))
			break;
		used += cost;
		at += step;
	}
	return at;
}

static bool
inside_character(const struct job *j, size_t offset)
{
	return offset < job_outcome(j)->len && ((unsigned char)job_outcome(j)->text[offset] & 0xc0) == 0x80;
}

static void
print_piece(struct call *call, const struct job *j, size_t offset, size_t limit)
{
	struct buf	*out = reply_begin(&call->reply);
	size_t		 total = job_outcome(j)->len, room = reply_room(&call->reply);
	size_t		 from = offset < total ? offset : total, len;

	room = room > PIECE_FRAME_BYTES ? room - PIECE_FRAME_BYTES : 0;
	len = piece_length(job_outcome(j)->text + from, total - from, limit, room);
	call->net->work += (unsigned)(len / 1024);
	print_literal(out, "{\"data\":");
	buf_put_json(out, job_outcome(j)->text + from, len);
	print_next(out, "offset");
	buf_put_u64(out, offset);
	print_next(out, "total");
	buf_put_u64(out, total);
	print_next(out, "eof");
	print_bool(out, from + len == total);
	buf_putc(out, '}');
}

int
method_job_result(struct call *call, struct rpc_error *err)
{
	int64_t		 offset = call_int(call, PARAM_offset, 0);
	int64_t		 limit = call_int(call, PARAM_limit, PIECE_BYTES);
	struct job	*j;
	int		 rc;

	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	if (j->state != JOB_succeeded) {
		const char	*state = job_state_names[j->state];

		rpc_fail(err, RPC_no_result, "job is %s: it has no result", state);
		snprintf(err->data, sizeof(err->data), "\"state\":\"%s\"", state);
		return -1;
	}
	if (inside_character(j, (size_t)offset))
		return rpc_fail_member(err, RPC_invalid_params, "offset", 6,
		    "offset is inside a character");
	print_piece(call, j, (size_t)offset, limit < PIECE_BYTES ? (size_t)limit : PIECE_BYTES);
	return METHOD_ANSWERED;
}

/* ---- job.explain ---- */

int
method_job_explain(struct call *call, struct rpc_error *err)
{
	const struct broker	*b = call->net->broker;
	struct route		 route;
	struct job		*j;
	struct buf		*out;
	int		 rc;

	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	out = reply_begin(&call->reply);
	print_id_state(out, j);
	out->tail--;		/* its brace: more members follow */
	buf_putc(out, ',');
	core_explain(b->core, b->now, j, lanes_pool_why(b->lanes, job_type(j)), out);
	/*
	 * The answers are given anew: the tree is a function of what the type declares and the job
	 * asked.
	 */
	router_choose(b, j, &route);
	print_next(out, "route");
	route_print(&route, out);
	buf_putc(out, '}');
	return METHOD_ANSWERED;
}
