/* follow.c - job.output: what a job says, told as it is said.  Runs in: broker, loop thread. */
#include "daemon/broker/net/follow.h"

#include <inttypes.h>
#include <stdlib.h>

#include "daemon/broker/logs/logs.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/output.h"
#include "daemon/broker/net/print_output.h"
#include "lib/alloc.h"

#define UNSENT_BYTES	((size_t)256 << 10)	/* then a follower falls behind... */
#define HELD_BYTES	((size_t)512 << 10)	/* ...or its job is held back; */
#define HELD_AT_MOST	((size_t)BOUND_OUTPUT_CLOSE / 2)	/* what says more than that anyway */

struct follower {
	struct list		 link;		/* net->follows */
	struct list		 of_log;	/* log->followers */
	struct list		 behind;	/* net->behind */
	struct connection	*conn;
	struct log_reader	 reader;	/* attempt 0: there was none yet */
	uint64_t		 gap;		/* bytes that were passed over, and not told yet */
	bool			 every_attempt, hold;
};

static void
follower_free(struct follower *f)
{
	list_remove(&f->link);
	list_remove(&f->of_log);
	list_remove(&f->behind);
	reader_fini(&f->reader);
	f->conn->follows--;
	connection_dirty(f->conn);
	free(f);
}

static struct follower *
find(const struct connection *c, uint64_t job)
{
	list_for(node, &c->net->follows) {
		struct follower	*f = list_entry(node, struct follower, link);

		if (f->conn == c && f->reader.id == job)
			return f;
	}
	return NULL;
}

void
follow_end(struct connection *c, uint64_t job)
{
	struct follower	*f = c->follows == 0 ? NULL : find(c, job);

	if (f != NULL)
		follower_free(f);
}

void
follow_drop_all(struct connection *c)
{
	if (c->follows == 0)
		return;
	list_for_safe(node, after, &c->net->follows) {
		struct follower	*f = list_entry(node, struct follower, link);

		if (f->conn == c)
			follower_free(f);
	}
}

static void
look(struct follower *f)
{
	if (!list_linked(&f->behind))
		list_push_back(&f->conn->net->behind, &f->behind);
}

/* ---- notifications ---- */

static bool
has_room(const struct follower *f)
{
	const struct connection	*c = f->conn;

	return !c->dead && !c->eof && (c->pause & PAUSE_END) == 0 &&
	    buf_len(&c->out) < (f->hold ? HELD_AT_MOST : UNSENT_BYTES);
}

static struct buf *
begin(struct follower *f)
{
	struct buf	*out = output_begin(f->conn);

	print_literal(out, "{\"jsonrpc\":\"2.0\",\"method\":\"job.output\",\"params\":{\"id\":");
	buf_put_u64(out, f->reader.id);
	print_next(out, "attempt");
	buf_put_u64(out, f->reader.attempt);
	if (f->gap > 0) {
		print_next(out, "gap");
		buf_put_u64(out, f->gap);
		f->gap = 0;
	}
	return out;
}

static void
end(struct follower *f, struct buf *out)
{
	print_next(out, "next");
	buf_put_u64(out, f->reader.place.next);
	print_literal(out, "}}\n");
	output_wrote(f->conn);
}

/* In as many lines as the client's longest one asks for, while there is room. */
static void
tell(struct follower *f, struct log_piece piece)
{
	size_t		 room = f->conn->max_reply, n;
	struct buf	*out;

	room = room > OUTPUT_FRAME_BYTES ? room - OUTPUT_FRAME_BYTES : 0;
	while (piece.len > 0 && has_room(f)) {
		out = begin(f);
		buf_putc(out, ',');
		n = print_log_piece(out, &piece, room);
		reader_took(&f->reader, &piece, n);
		end(f, out);		/* which may close the connection, and free f */
		piece.p += n;
		piece.at += n;
		piece.offset += n;
		piece.len -= n;
		if (piece.len == 0)
			return;
	}
}

static void
tell_gap(struct follower *f)
{
	end(f, begin(f));
}

/* j NULL: it was forgotten, and how it ended with it. */
static void
tell_end(struct follower *f, const struct job *j, const struct log_attempt *a)
{
	struct buf	*out = begin(f);

	print_next(out, "eof");
	print_bool(out, true);
	print_next(out, "truncated");
	print_bool(out, a != NULL && log_truncated(a, f->reader.place.stream));
	print_next(out, "state");
	print_string_or_null(out, j == NULL ? NULL : job_state_names[j->state]);
	end(f, out);
}

/* ---- catching up ---- */

/* The attempt that comes after the follower's in this log; NULL: none yet. */
static const struct log_attempt *
next_attempt(const struct follower *f, const struct log *log)
{
	list_for(node, &log->attempts) {
		const struct log_attempt	*a = list_entry(node, struct log_attempt, link);

		if (a->number > f->reader.attempt)
			return a;
	}
	return NULL;
}

/* All that is kept was told.  True: it goes on, elsewhere or behind a gap. */
static bool
move_on(struct follower *f, const struct log *log, const struct log_attempt *a)
{
	uint64_t			 end_at = a == NULL ? 0 : log_place_end(&f->reader.place, a);
	const struct log_attempt	*after = next_attempt(f, log);

	if (f->reader.place.next < end_at) {
		f->gap += end_at - f->reader.place.next;
		f->reader.place.next = end_at;
		tell_gap(f);
		return true;
	}
	if (!f->every_attempt || after == NULL)
		return false;
	reader_set(&f->reader, after->number, f->reader.attempt == 0 ? f->reader.place.next : 0);
	return true;
}

static bool
is_over(const struct follower *f, const struct job *j, const struct log_attempt *a)
{
	if (j == NULL || job_state_finished(j->state))
		return true;
	return !f->every_attempt && (f->reader.attempt < job_attempts(j) || (a != NULL && a->ended));
}

/* Tells what there is and what there is room for. */
static void
run(struct follower *f, const struct log *log)
{
	struct connection	*c = f->conn;
	struct broker		*b = c->net->broker;
	const struct job	*j = core_find(b->core, f->reader.id);

	while (has_room(f)) {
		const struct log_attempt	*a = log_find(log, f->reader.attempt);
		struct log_piece		 piece;
		enum log_read			 rc = reader_next(b, &f->reader, &piece);
		uint64_t			 at;

		if (rc == LOG_READ_WAIT)
			return;
		if (rc == LOG_READ_PIECE) {
			at = log_place_of(&f->reader.place, &piece);
			f->gap += at - f->reader.place.next;
			f->reader.place.next = at;
			tell(f, piece);
		} else if (!move_on(f, log, a)) {
			list_remove(&f->behind);
			if (!is_over(f, j, a))
				return;
			tell_end(f, j, a);
			if (!c->dead)
				follower_free(f);
			return;
		}
		if (c->dead)
			return;			/* and f is gone */
	}
}

void
follow_run(struct net *n)
{
	/* output_wrote may close a connection: all of its followers are gone then */
	for (struct list *node = n->behind.next, *after; node != &n->behind; node = after) {
		struct follower		*f = list_entry(node, struct follower, behind);
		struct connection	*c = f->conn;

		after = node->next;
		run(f, logs_find(n->broker, f->reader.id));
		if (c->dead) {
			n->again = true;
			return;
		}
	}
}

bool
follow_sent(struct net *n)
{
	bool	more = logs_resume(n->broker);

	list_for(node, &n->behind) {
		const struct follower	*f = list_entry(node, struct follower, behind);

		more |= has_room(f) && f->reader.wait == NULL;
	}
	return more;
}

/* ---- what logs/ says ---- */

/* Is it at the end of what was said before this piece? */
static bool
is_live(const struct follower *f, const struct log_attempt *a, const struct log_piece *piece)
{
	return !list_linked(&f->behind) && f->reader.attempt == a->number &&
	    log_place_of(&f->reader.place, piece) == f->reader.place.next;
}

void
follow_said(struct net *n, struct log *log, const struct log_attempt *a,
    const struct log_piece *piece)
{
	(void)n;
	list_for_safe(node, after, &log->followers) {
		struct follower	*f = list_entry(node, struct follower, of_log);
		int		 wanted = f->reader.place.stream;

		if (f->reader.attempt == a->number && wanted != LOG_ALL &&
		    wanted != (int)piece->stream)
			continue;
		if (is_live(f, a, piece) && piece->notice && f->hold) {
			reader_took(&f->reader, piece, piece->len);
		} else if (is_live(f, a, piece) && has_room(f)) {
			struct connection	*c = f->conn;
			uint64_t		 end_at = f->reader.place.next + piece->len;

			tell(f, *piece);
			if (!c->dead && f->reader.place.next != end_at)
				look(f);
		} else {
			look(f);
		}
	}
}

void
follow_look(struct net *n, struct log *log)
{
	(void)n;
	list_for(node, &log->followers)
		look(list_entry(node, struct follower, of_log));
}

/* At once: a client that waits for the job's outcome, too, has the output before that. */
void
follow_finished(struct net *n, struct log *log)
{
	follow_look(n, log);
	list_for_safe(node, after, &log->followers)
		run(list_entry(node, struct follower, of_log), log);
}

void
follow_forgotten(struct net *n, struct log *log)
{
	(void)n;
	while (!list_empty(&log->followers)) {
		struct follower			*f = list_entry(log->followers.next, struct follower,
						    of_log);
		const struct log_attempt	*a = log_find(log, f->reader.attempt);
		struct connection		*c = f->conn;

		if (a != NULL && f->reader.place.next < log_place_end(&f->reader.place, a))
			f->gap += log_place_end(&f->reader.place, a) - f->reader.place.next;
		tell_end(f, NULL, a);
		if (!c->dead)
			follower_free(f);
	}
}

bool
follow_holds(const struct log *log)
{
	list_for(node, &log->followers) {
		const struct follower	*f = list_entry(node, struct follower, of_log);

		if (f->hold && (list_linked(&f->behind) || buf_len(&f->conn->out) >= HELD_BYTES))
			return true;
	}
	return false;
}

/* ---- beginning ---- */

/* The turn goes on with it: it is behind, and in that list. */
static void
on_ready(struct log_reader *r)
{
	look(list_entry(r, struct follower, reader));
}

int
follow_begin(struct call *call, const struct job *j, const struct log_reader *from,
    bool every_attempt, bool hold, struct rpc_error *err)
{
	struct connection	*c = call->conn;
	struct follower		*f;

	if (find(c, j->id) != NULL)
		return rpc_fail(err, RPC_conflict, "this connection follows job %" PRIu64 " already",
		    j->id);
	if (c->follows == BOUND_FOLLOWS)
		return rpc_fail(err, RPC_too_many_calls,
		    "this connection follows as many jobs as it may: %d", BOUND_FOLLOWS);
	f = mem_zalloc(1, sizeof(*f));
	f->conn = c;
	f->reader = *from;
	f->reader.ready = on_ready;
	f->every_attempt = every_attempt;
	f->hold = hold;
	list_init(&f->behind);
	c->follows++;
	list_push_back(&c->net->follows, &f->link);
	list_push_back(&logs_get(c->net->broker, j->id)->followers, &f->of_log);
	look(f);
	return 0;
}
