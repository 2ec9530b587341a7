/* methods_log.c - job.log: what an attempt of a job has said.  Runs in: broker, loop thread. */
#include <stdio.h>

#include "daemon/broker/logs/logs.h"
#include "daemon/broker/logs/reader.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/print_output.h"

#define LOG_FRAME_BYTES	256		/* of a reply: all but what was said */
#define LOG_BYTES	(1 << 20)	/* of what was said: others are served between replies */

/* ---- what is asked for ---- */

static int
read_stream(const struct call *call, int *out, struct rpc_error *err)
{
	const struct rpc_value	*v = call_param(call, PARAM_stream);

	*out = LOG_ALL;
	if (!v->given)
		return 0;
	for (int s = 0; s < LOG_STREAMS; s++)
		if (strlen(log_stream_names[s]) == v->len &&
		    memcmp(log_stream_names[s], v->p, v->len) == 0)
			*out = s;
	if (*out != LOG_ALL)
		return 0;
	return rpc_fail_member(err, RPC_invalid_params, "stream", 6,
	    "stream is \"stdout\", \"stderr\" or \"note\"; without it, all of them");
}

/* The last one, when none is asked for; 0: there was none yet. */
static int
read_attempt(const struct call *call, const struct job *j, uint32_t *out, struct rpc_error *err)
{
	int64_t	wanted = call_int(call, PARAM_attempt, job_attempts(j));

	if (wanted > (int64_t)job_attempts(j))
		return rpc_fail_member(err, RPC_not_found, "attempt", 7,
		    "the job has had %u attempts", job_attempts(j));
	*out = (uint32_t)wanted;
	return 0;
}

/* ---- the reply ---- */

/* Will this attempt say nothing more? */
static bool
is_over(const struct job *j, const struct log_attempt *a, uint32_t number)
{
	return job_state_finished(j->state) || number < job_attempts(j) || (a != NULL && a->ended);
}

/* One after the other, as one text: it is text only when all of it is. */
static void
print_stream(struct call *call, struct log_reader *r, struct buf *out, size_t limit, size_t room)
{
	struct buf	 data = { 0 };
	struct log_piece piece, first = { 0 };
	uint64_t	 from = r->place.next;

	if (limit > room)
		limit = room > 0 ? room : 1;	/* no byte takes less than one */
	while (buf_len(&data) < limit &&
	    reader_next(call->net->broker, r, &piece) == LOG_READ_PIECE &&
	    piece.offset == r->place.next) {
		size_t	n = piece.len < limit - buf_len(&data) ? piece.len : limit - buf_len(&data);

		if (first.p == NULL)
			first = piece;
		buf_append(&data, piece.p, n);
		reader_took(r, &piece, n);
	}
	print_next(out, "at_ms");
	if (first.p == NULL)
		print_literal(out, "null");
	else
		buf_put_i64(out, first.at_ms);
	buf_putc(out, ',');
	reader_set(r, r->attempt, from + print_data(out, buf_data(&data), buf_len(&data), room));
	buf_free(&data);
}

static void
print_pieces(struct call *call, struct log_reader *r, struct buf *out, size_t limit, size_t room)
{
	size_t			start = buf_len(out), used, n;
	struct log_piece	piece;

	print_next(out, "pieces");
	buf_putc(out, '[');
	for (size_t done = 0; done < limit; done += n) {
		used = buf_len(out) - start + OUTPUT_FRAME_BYTES;
		if ((done > 0 && used >= room) ||
		    reader_next(call->net->broker, r, &piece) != LOG_READ_PIECE ||
		    piece.at != r->place.next)
			break;
		if (piece.len > limit - done)
			piece.len = limit - done;
		if (done > 0)
			buf_putc(out, ',');
		buf_putc(out, '{');
		n = print_log_piece(out, &piece, used < room ? room - used : 0);
		buf_putc(out, '}');
		reader_took(r, &piece, n);
	}
	buf_putc(out, ']');
}

static void
print_log(struct call *call, const struct job *j, struct log_reader *r, size_t limit)
{
	struct buf		*out = reply_begin(&call->reply);
	size_t			 room = reply_room(&call->reply), before = buf_len(out);
	const struct log	*log = logs_find(call->net->broker, j->id);
	const struct log_attempt *a = log == NULL ? NULL : log_find(log, r->attempt);
	uint64_t		 end = a == NULL ? 0 : log_place_end(&r->place, a);
	struct log_piece	 piece;

	room = room > LOG_FRAME_BYTES ? room - LOG_FRAME_BYTES : 0;
	print_literal(out, "{\"attempt\":");
	buf_put_u64(out, r->attempt);
	print_next(out, "state");
	print_string(out, job_state_names[j->state]);
	print_next(out, "offset");
	buf_put_u64(out, r->place.next);
	if (r->place.stream == LOG_ALL)
		print_pieces(call, r, out, limit, room);
	else
		print_stream(call, r, out, limit, room);
	call->net->work += (unsigned)((buf_len(out) - before) / 1024);
	/* what was not kept is passed over */
	if (reader_next(call->net->broker, r, &piece) == LOG_READ_PIECE)
		r->place.next = log_place_of(&r->place, &piece);
	else if (r->place.next < end)
		r->place.next = end;
	print_next(out, "next");
	buf_put_u64(out, r->place.next);
	print_next(out, "bytes");
	buf_put_u64(out, end);
	print_next(out, "eof");
	print_bool(out, r->place.next >= end && is_over(j, a, r->attempt));
	print_next(out, "truncated");
	print_bool(out, a == NULL ? log != NULL && r->attempt <= log->dropped && r->attempt > 0 :
	    log_truncated(a, r->place.stream));
	buf_putc(out, '}');
}

int
method_job_log(struct call *call, struct rpc_error *err)
{
	struct log_reader	 r = { .id = (uint64_t)call_param(call, PARAM_id)->i };
	int64_t			 limit = call_int(call, PARAM_limit, LOG_BYTES);
	struct job		*j;
	int			 rc;

	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	if (read_stream(call, &r.place.stream, err) != 0 || read_attempt(call, j, &r.attempt, err) != 0)
		return -1;
	r.place.next = (uint64_t)call_int(call, PARAM_offset, 0);
	print_log(call, j, &r, limit < LOG_BYTES ? (size_t)limit : LOG_BYTES);
	return METHOD_ANSWERED;
}
