/* methods_log.c - job.log: what an attempt of a job has said.  Runs in: broker, loop thread. */
#include <stdlib.h>

#include "daemon/broker/logs/logs.h"
#include "daemon/broker/logs/reader.h"
#include "daemon/broker/net/follow.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/print_output.h"
#include "daemon/broker/net/watch.h"
#include "lib/alloc.h"

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

static bool
goes_onwards(const struct call *call)
{
	return call_int(call, PARAM_onwards, 0) != 0;
}

/* The last one, when none is asked for; 0: there was none yet, or all that there will be. */
static int
read_attempt(const struct call *call, const struct job *j, uint32_t *out, struct rpc_error *err)
{
	int64_t	wanted = call_int(call, PARAM_attempt, job_attempts(j));

	if (goes_onwards(call) && call_int(call, PARAM_follow, 0) == 0)
		return rpc_fail_member(err, RPC_invalid_params, "onwards", 7,
		    "onwards is for who follows: it goes with follow");
	if (wanted == 0 && call_param(call, PARAM_attempt)->given && !goes_onwards(call))
		return rpc_fail_member(err, RPC_invalid_params, "attempt", 7,
		    "attempts count from 1; 0 goes with onwards");
	if (wanted > (int64_t)job_attempts(j))
		return rpc_fail_member(err, RPC_not_found, "attempt", 7,
		    "the job has had %u attempts", job_attempts(j));
	*out = (uint32_t)wanted;
	return 0;
}

/* ---- what is read ---- */

/* A call on its way: what it asked for is gathered first, for a part of it may be on disk. */
struct log_request {
	struct log_reader reader;
	struct net	*net;
	struct watch	*watch;		/* the call waits for the disk */
	size_t		 limit;
	uint64_t	 from;		/* where the first piece begins */
	bool		 all;		/* nothing more is kept */
	struct log_piece *pieces;	/* each p is an offset in bytes */
	size_t		 len;
	struct buf	 bytes;
};

static void
request_free(void *arg)
{
	struct log_request	*r = arg;

	reader_fini(&r->reader);
	buf_free(&r->bytes);
	free(r->pieces);
	free(r);
}

static void
add_piece(struct log_request *r, struct log_piece piece)
{
	size_t	left = r->limit - buf_len(&r->bytes);

	if (piece.len > left)
		piece.len = left;
	if ((r->len & (r->len - 1)) == 0)
		r->pieces = mem_resize(r->pieces, r->len == 0 ? 1 : r->len * 2, sizeof(piece));
	reader_took(&r->reader, &piece, piece.len);
	r->pieces[r->len] = piece;
	r->pieces[r->len++].p = (const char *)(uintptr_t)buf_len(&r->bytes);
	buf_append(&r->bytes, piece.p, piece.len);
}

/* Up to the first gap; one at the beginning is passed over.  False: it waits for the disk. */
static bool
gather(struct log_request *r)
{
	struct log_piece	piece;
	enum log_read		rc;
	uint64_t		at;

	while (buf_len(&r->bytes) < r->limit) {
		if ((rc = reader_next(r->net->broker, &r->reader, &piece)) == LOG_READ_WAIT)
			return false;
		r->all = rc == LOG_READ_NONE;
		if (r->all)
			return true;
		at = log_place_of(&r->reader.place, &piece);
		if (r->len == 0)
			r->from = r->reader.place.next = at;
		else if (at != r->reader.place.next)
			return true;
		add_piece(r, piece);
	}
	return true;
}

/* ---- the reply ---- */

/* Will this attempt say nothing more? */
static bool
is_over(const struct job *j, const struct log_attempt *a, uint32_t number)
{
	return job_state_finished(j->state) || number < job_attempts(j) || (a != NULL && a->ended);
}

/* One after the other, as one text: it is text only when all of it is.  Returns how much was printed. */
static size_t
print_stream(const struct log_request *r, struct buf *out, size_t room)
{
	print_next(out, "at_ms");
	if (r->len == 0)
		print_literal(out, "null");
	else
		buf_put_i64(out, r->pieces[0].at_ms);
	buf_putc(out, ',');
	return print_data(out, buf_data(&r->bytes), buf_len(&r->bytes), room);
}

static size_t
print_pieces(const struct log_request *r, struct buf *out, size_t room)
{
	size_t	start = buf_len(out), used, n, done = 0;

	print_next(out, "pieces");
	buf_putc(out, '[');
	for (size_t i = 0; i < r->len; i++) {
		struct log_piece	piece = r->pieces[i];

		used = buf_len(out) - start + OUTPUT_FRAME_BYTES;
		if (i > 0 && used >= room)
			break;
		if (i > 0)
			buf_putc(out, ',');
		piece.p = buf_data(&r->bytes) + (uintptr_t)piece.p;
		buf_putc(out, '{');
		n = print_log_piece(out, &piece, used < room ? room - used : 0);
		buf_putc(out, '}');
		done += n;
		if (n < piece.len)
			break;
	}
	buf_putc(out, ']');
	return done;
}

static bool
is_truncated(const struct log *log, const struct log_attempt *a, const struct log_reader *r)
{
	if (a == NULL)
		return log != NULL && r->attempt > 0 && r->attempt <= log->dropped;
	return log_truncated(a, r->place.stream);
}

/* Returns how many bytes of what was said it has. */
static size_t
print_log(const struct log_request *r, const struct job *j, struct reply *reply)
{
	const struct log_reader	 *rd = &r->reader;
	const struct log	 *log = logs_find(r->net->broker, j->id);
	const struct log_attempt *a = log == NULL ? NULL : log_find(log, rd->attempt);
	uint64_t		  end = a == NULL ? 0 : log_place_end(&rd->place, a), next;
	struct buf		 *out = reply_begin(reply);
	size_t			  room = reply_room(reply), printed;

	room = room > LOG_FRAME_BYTES ? room - LOG_FRAME_BYTES : 0;
	print_literal(out, "{\"attempt\":");
	buf_put_u64(out, rd->attempt);
	print_next(out, "state");
	print_string(out, job_state_names[j->state]);
	print_next(out, "offset");
	buf_put_u64(out, r->from);
	printed = rd->place.stream == LOG_ALL ? print_pieces(r, out, room) : print_stream(r, out, room);
	next = r->from + printed;
	if (r->all && printed == buf_len(&r->bytes) && next < end)
		next = end;		/* what is not kept is not asked for again */
	print_next(out, "next");
	buf_put_u64(out, next);
	print_next(out, "bytes");
	buf_put_u64(out, end);
	print_next(out, "eof");
	print_bool(out, next >= end && is_over(j, a, rd->attempt));
	print_next(out, "truncated");
	print_bool(out, is_truncated(log, a, rd));
	buf_putc(out, '}');
	return printed;
}

/* ---- the disk ---- */

static void
answer(struct log_request *r)
{
	struct watch		*w = r->watch;
	struct job		*j = core_find(r->net->broker->core, r->reader.id);
	struct rpc_error	 err;
	struct reply		 reply;

	if (j == NULL) {
		no_such_job(r->reader.id, &err);
		watch_refuse(w, &err);
		return;
	}
	reply = watch_take(w);
	print_log(r, j, &reply);
	reply_end(&reply);
	watch_free(w);			/* and r with it */
}

static void
on_ready(struct log_reader *reader)
{
	struct log_request	*r = list_entry(reader, struct log_request, reader);

	if (gather(r))
		answer(r);
}

static int
wait_for_disk(struct call *call, struct log_request *r, struct rpc_error *err)
{
	if (watch_allowed(call, 1, err) != 0) {
		request_free(r);
		return -1;
	}
	r->watch = watch_new(call, WATCH_LOG, 1);
	r->watch->what = r;
	r->watch->forget = request_free;
	return METHOD_LATER;
}

static int
read_log(struct call *call, const struct job *j, const struct log_reader *from, size_t limit,
    struct rpc_error *err)
{
	struct log_request	*r = mem_zalloc(1, sizeof(*r));
	struct log		*log = logs_find(call->net->broker, j->id);
	size_t			 room = reply_room(&call->reply);

	if (log != NULL)
		logs_settle(call->net->broker, log);
	r->net = call->net;
	r->reader = *from;
	r->reader.ready = on_ready;
	r->from = from->place.next;
	r->limit = limit < room ? limit : room;	/* no byte takes less than one */
	if (!gather(r))
		return wait_for_disk(call, r, err);
	call->net->work += (unsigned)(print_log(r, j, &call->reply) / 1024);
	request_free(r);
	return METHOD_ANSWERED;
}

/* ---- job.log ---- */

/* Not by connection: whoever runs a job comes back to it when the daemon was killed. */
static int
check_hold(const struct call *call, const struct job *j, struct rpc_error *err)
{
	if (strcmp(connection_submitter(call->conn)->principal, j->by->principal) == 0)
		return 0;
	return rpc_fail_member(err, RPC_forbidden, "hold", 4,
	    "only %s, who handed the job in, can hold it back", j->by->principal);
}

static int
follow(struct call *call, const struct job *j, const struct log_reader *r, struct rpc_error *err)
{
	bool	hold = call_int(call, PARAM_hold, 0) != 0;
	bool	every_attempt = !call_param(call, PARAM_attempt)->given || goes_onwards(call);

	if (hold && check_hold(call, j, err) != 0)
		return -1;
	return follow_begin(call, j, r, every_attempt, hold, err);
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
	if (call_int(call, PARAM_follow, 0) != 0) {
		limit = 0;		/* the reply says where it stands, and the rest is told */
		if (follow(call, j, &r, err) != 0)
			return -1;
	} else if (call_param(call, PARAM_follow)->given) {
		follow_end(call->conn, j->id);
	}
	return read_log(call, j, &r, limit < LOG_BYTES ? (size_t)limit : LOG_BYTES, err);
}
