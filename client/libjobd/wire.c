/*
 * wire.c - bytes of a connection, in and out.  Runs in: programs that use libjobd.
 *
 * Reading and writing go together, so a daemon that stops reading until its replies are read never
 * locks with us.
 */
#include "client/libjobd/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client/libjobd/tls.h"
#include "client/output_line.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "proto/frame.h"

#define READ_BYTES	((size_t)64 << 10)
#define IN_KEPT		(8 * READ_BYTES)	/* what is said comes in lines of half of it */
#define READS		16	/* of one turn: then the caller's other work goes on */
#define POLL_FEW	8

struct jobd *
wire_new(int fd)
{
	struct jobd	*j = mem_zalloc(1, sizeof(*j));

	j->fd = fd;
	list_init(&j->all);
	list_init(&j->done);
	list_init(&j->due);
	return j;
}

void
wire_free(struct jobd *j)
{
	list_for_safe(node, after, &j->all)
		future_free(list_entry(node, struct jobd_future, all));
	idmap_free(&j->pending);
	tls_free(j->tls);
	fd_close(&j->fd);
	buf_free(&j->out);
	buf_free(&j->in);
	free(j->hello);
	free(j);
}

int
wire_break(struct jobd *j, const struct jobd_error *why)
{
	if (j->broken.code != 0)
		return j->broken.code;
	j->broken = *why;
	idmap_free(&j->pending);
	buf_free(&j->out);
	buf_free(&j->in);
	list_for_safe(node, after, &j->all) {
		struct jobd_future	*f = list_entry(node, struct jobd_future, all);

		if (!f->done)
			future_fail(f, why);
	}
	return why->code;
}

static int
lose(struct jobd *j, int code, const char *text)
{
	struct jobd_error	why;

	error_set(&why, code, "%s", text);
	return wire_break(j, &why);
}

static int
lose_errno(struct jobd *j, const char *what)
{
	struct jobd_error	why;

	error_set(&why, JOBD_LOST, "%s: %s", what,
	    errno == EPROTO && j->tls != NULL ? tls_problem(j->tls) : strerror(errno));
	return wire_break(j, &why);
}

/* ---- out ---- */

static ssize_t
give_bytes(struct jobd *j)
{
	return j->tls != NULL ? tls_send(j->tls, buf_data(&j->out), buf_len(&j->out)) :
	    send(j->fd, buf_data(&j->out), buf_len(&j->out), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A daemon that closed may have said why before: a broken pipe is left for the reader to find. */
static int
move_out(struct jobd *j)
{
	ssize_t	n;

	while (buf_len(&j->out) > 0) {
		n = give_bytes(j);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			buf_consume(&j->out, buf_len(&j->out));
			return 0;
		}
		if (n < 0)
			return lose_errno(j, "cannot write to the daemon");
		buf_consume(&j->out, (size_t)n);
	}
	return 0;
}

/* ---- in ---- */

static void
deliver_notice(struct jobd *j, const struct wire_reply *reply)
{
	struct buf	 name = { 0 };
	char		*params;

	if (j->notice == NULL || !scan_decode(reply->method, &name)) {
		buf_free(&name);
		return;
	}
	buf_putc(&name, '\0');
	params = mem_strndup(reply->value.p, reply->value.len);
	future_callbacks(j);
	j->in_callback = true;
	j->notice(j, buf_data(&name), params, j->notice_data);
	j->in_callback = false;
	free(params);
	buf_free(&name);
}

/* Its bytes are decoded where they lie, in j->in.  What was answered before it is told before it. */
static int
deliver_output(struct jobd *j, char *line, size_t len)
{
	struct output_line	o;
	struct jobd_output	said;

	if (output_line_read(line, len, &o) != 0)
		return lose(j, JOBD_BAD_REPLY, "the daemon tells output in a way that is none");
	said = (struct jobd_output){
		.job = o.job, .attempt = o.attempt, .stream = (int)o.stream, .offset = o.offset,
		.next = o.next, .gap = o.gap, .at_ms = o.at_ms, .bytes = o.bytes, .len = o.len,
		.eof = o.eof, .truncated = o.truncated,
	};
	if (o.state_len > 0 && o.state_len < sizeof(said.state))
		memcpy(said.state, o.state, o.state_len);
	future_callbacks(j);
	j->in_callback = true;
	j->output(j, &said, j->output_data);
	j->in_callback = false;
	return 0;
}

static int
deliver(struct jobd *j, struct span line)
{
	struct wire_reply	 reply;
	struct jobd_error	 why;
	struct jobd_future	*f;
	const char		*wrong;

	if (j->output != NULL && output_line_is(line.p, line.len))
		return deliver_output(j, buf_data(&j->in) + (line.p - buf_data(&j->in)), line.len);
	if ((wrong = reply_read(line, j->last_id, &reply)) != NULL)
		return lose(j, JOBD_BAD_REPLY, wrong);
	if (reply.kind == REPLY_NOTICE) {
		deliver_notice(j, &reply);
		return 0;
	}
	if (reply.id == 0) {	/* about the whole connection, which the daemon closes then */
		error_read(&why, reply.value);
		return wire_break(j, &why);
	}
	if ((f = idmap_del(&j->pending, reply.id)) == NULL)
		return lose(j, JOBD_BAD_REPLY, "the daemon sent a second reply to one request");
	future_reply(f, &reply);
	return j->broken.code;
}

void
wire_deliver(struct jobd *j)
{
	struct span	line;
	size_t		at = 0;
	int		rc;

	while ((rc = frame_next(buf_data(&j->in), buf_len(&j->in), &at, &j->scanned, j->max_line,
	    &line)) > 0)
		if (deliver(j, line) != 0)
			return;
	if (rc < 0)
		lose(j, JOBD_BAD_REPLY, "the daemon sent a line longer than was agreed");
	else
		buf_consume(&j->in, at);
}

static int
ended(struct jobd *j)
{
	if (buf_len(&j->in) > 0)
		return lose(j, JOBD_LOST,
		    "the daemon closed the connection in the middle of a reply");
	return lose(j, JOBD_LOST, j->pending.len > 0 ?
	    "the daemon closed the connection without an answer" :
	    "the daemon closed the connection");
}

static ssize_t
take_bytes(struct jobd *j)
{
	char	*at = buf_room(&j->in, READ_BYTES);

	return j->tls != NULL ? tls_recv(j->tls, at, READ_BYTES) :
	    recv(j->fd, at, READ_BYTES, MSG_DONTWAIT);
}

static int
move_in(struct jobd *j)
{
	ssize_t	n = (ssize_t)READ_BYTES;

	for (int i = 0; i < READS && n == (ssize_t)READ_BYTES && j->broken.code == 0; i++) {
		do
			n = take_bytes(j);
		while (n < 0 && errno == EINTR);
		if (n > 0) {
			buf_added(&j->in, (size_t)n);
			wire_deliver(j);
		} else if (n == 0 || errno == ECONNRESET) {
			return ended(j);
		} else if (errno != EAGAIN) {
			return lose_errno(j, "cannot read from the daemon");
		}
	}
	if (buf_len(&j->in) == 0 && j->in.cap > IN_KEPT)
		buf_free(&j->in);	/* a long line is gone: so is its room */
	return j->broken.code;
}

int
wire_turn(struct jobd *j)
{
	if (j->broken.code != 0)
		return j->broken.code;
	if (move_out(j) == 0)
		move_in(j);
	return j->broken.code;
}

void
wire_flush(struct jobd *j)
{
	if (j->broken.code == 0)
		move_out(j);
}

/* ---- waiting ---- */

int64_t
wire_deadline(int64_t timeout_ms)
{
	return timeout_ms < 0 ? INT64_MAX : clock_after_ms(clock_mono_ns(), timeout_ms);
}

static int
poll_time(int64_t deadline_ns)
{
	int64_t	left_ms;

	if (deadline_ns == INT64_MAX)
		return -1;
	left_ms = (deadline_ns - clock_mono_ns() + NS_PER_MS - 1) / NS_PER_MS;
	return left_ms <= 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

int
wire_poll(struct jobd *const *list, size_t n, int64_t deadline_ns)
{
	struct pollfd	 few[POLL_FEW], *p = few;
	int		 timeout_ms = poll_time(deadline_ns), rc;

	if (timeout_ms == 0)
		return JOBD_TIMED_OUT;
	if (n > POLL_FEW)
		p = mem_zalloc(n, sizeof(*p));
	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ list[i]->fd,
		    (short)(POLLIN | (buf_len(&list[i]->out) > 0 ? POLLOUT : 0)), 0 };
	rc = poll(p, n, timeout_ms);	/* an error is found by who reads */
	if (p != few)
		free(p);
	return rc == 0 ? JOBD_TIMED_OUT : 0;
}
