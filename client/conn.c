/* conn.c - a connection to jobd.  Runs in: jobctl, and any program that uses it. */
#include "client/conn.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/json.h"
#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "proto/frame.h"

#define READ_BYTES	((size_t)64 << 10)

struct conn {
	int		 fd;
	struct buf	 out;
	struct buf	 in;
	size_t		 taken;		/* of in: the reply lent out, dropped at the next move */
	size_t		 scanned;	/* of the unfinished line */
	size_t		 max_line;
	uint64_t	 last_id;
	bool		 eof;
	char		 why[160];
};

static int
fail(struct conn *c, int err, const char *text)
{
	snprintf(c->why, sizeof(c->why), "%s", text);
	return -err;
}

static int
fail_errno(struct conn *c, const char *what)
{
	int	err = errno;

	snprintf(c->why, sizeof(c->why), "%s: %s", what, strerror(err));
	return -err;
}

struct conn *
conn_new(int fd)
{
	struct conn	*c = mem_zalloc(1, sizeof(*c));

	c->fd = fd;
	c->max_line = BOUND_REPLY_BYTES;
	fd_set_nonblock(fd);
	return c;
}

void
conn_free(struct conn *c)
{
	if (c == NULL)
		return;
	fd_close(&c->fd);
	buf_free(&c->out);
	buf_free(&c->in);
	free(c);
}

const char *
conn_why(const struct conn *c)
{
	return c->why;
}

void
conn_set_max_line(struct conn *c, size_t bytes)
{
	c->max_line = bytes;
}

/* ---- connecting ---- */

/* A blocking connect with a limit: Linux counts connect as sending. */
static int
connect_within(int fd, const struct sockaddr *sa, socklen_t len, int64_t timeout_ms)
{
	struct timeval	tv = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };
	int		rc;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
		return -errno;
	do
		rc = connect(fd, sa, len);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return errno == EINPROGRESS || errno == EAGAIN ? -ETIMEDOUT : -errno;
	return 0;
}

static int
open_socket(int family, const struct sockaddr *sa, socklen_t len, int64_t timeout_ms, int *out)
{
	int	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	if ((rc = connect_within(fd, sa, len, timeout_ms)) != 0) {
		close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

static int
open_unix(const char *path, int64_t timeout_ms, int *fd)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	return open_socket(AF_UNIX, (struct sockaddr *)&sa, sizeof(sa), timeout_ms, fd);
}

static int
open_tcp(const struct addr *addr, int64_t timeout_ms, int *fd)
{
	struct addrinfo	 hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo	*list;
	char		 port[8];
	int		 rc = -EADDRNOTAVAIL, one = 1;

	snprintf(port, sizeof(port), "%u", addr->port);
	if (getaddrinfo(addr->host, port, &hints, &list) != 0)
		return -EADDRNOTAVAIL;
	for (struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		rc = open_socket(ai->ai_family, ai->ai_addr, ai->ai_addrlen, timeout_ms, fd);
		if (rc == 0)
			break;
	}
	freeaddrinfo(list);
	if (rc == 0)
		setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return rc;
}

int
conn_open(const struct addr *addr, int64_t timeout_ms, struct conn **out)
{
	int	fd, rc;

	switch (addr->kind) {
	case ADDR_UNIX:
		rc = open_unix(addr->host, timeout_ms, &fd);
		break;
	case ADDR_TCP:
		rc = open_tcp(addr, timeout_ms, &fd);
		break;
	default:
		rc = -EPROTONOSUPPORT;
		break;
	}
	if (rc == 0)
		*out = conn_new(fd);
	return rc;
}

/* ---- out ---- */

uint64_t
conn_send(struct conn *c, const char *method, const char *params, size_t len)
{
	c->last_id++;
	buf_puts(&c->out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_u64(&c->out, c->last_id);
	buf_puts(&c->out, ",\"method\":\"");
	buf_puts(&c->out, method);
	buf_puts(&c->out, "\",\"params\":");
	buf_append(&c->out, params, len);
	buf_puts(&c->out, "}\n");
	return c->last_id;
}

size_t
conn_unsent(const struct conn *c)
{
	return buf_len(&c->out);
}

/* A daemon that closed may have said why before: a broken pipe is left for the reader to find. */
static int
move_out(struct conn *c)
{
	ssize_t	n;

	while (buf_len(&c->out) > 0) {
		n = send(c->fd, buf_data(&c->out), buf_len(&c->out), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			buf_consume(&c->out, buf_len(&c->out));
			return 0;
		}
		if (n < 0)
			return fail_errno(c, "cannot write to the daemon");
		buf_consume(&c->out, (size_t)n);
	}
	return 0;
}

/* ---- in ---- */

static void
drop_taken(struct conn *c)
{
	buf_consume(&c->in, c->taken);
	c->taken = 0;
}

static int
move_in(struct conn *c)
{
	ssize_t	n;

	drop_taken(c);
	if (c->eof || buf_len(&c->in) > c->max_line + READ_BYTES)
		return 0;
	do
		n = recv(c->fd, buf_room(&c->in, READ_BYTES), READ_BYTES, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_added(&c->in, (size_t)n);
	else if (n == 0 || errno == ECONNRESET)
		c->eof = true;
	else if (errno != EAGAIN)
		return fail_errno(c, "cannot read from the daemon");
	return 0;
}

int
conn_fd(const struct conn *c)
{
	return c->fd;
}

short
conn_events(const struct conn *c)
{
	return (short)(POLLIN | (buf_len(&c->out) > 0 ? POLLOUT : 0));
}

int
conn_move(struct conn *c)
{
	int	rc = move_out(c);

	return rc != 0 ? rc : move_in(c);
}

static bool
read_id(struct conn *c, struct span raw, struct reply *out)
{
	int64_t	id;

	if (raw.len == 4 && memcmp(raw.p, "null", 4) == 0)
		return out->error.len > 0;
	if (parse_i64(raw.p, raw.len, 1, INT64_MAX, &id) != 0 || (uint64_t)id > c->last_id)
		return false;
	out->id = (uint64_t)id;
	return true;
}

static int
read_reply(struct conn *c, struct span line, struct reply *out)
{
	struct json_walk w;
	struct span	 id = { 0 };

	memset(out, 0, sizeof(*out));
	json_object(&w, line);
	while (json_next_member(&w)) {
		if (w.key.len == 2 && memcmp(w.key.p, "id", 2) == 0)
			id = w.value;
		else if (w.key.len == 6 && memcmp(w.key.p, "result", 6) == 0)
			out->result = w.value;
		else if (w.key.len == 5 && memcmp(w.key.p, "error", 5) == 0)
			out->error = w.value;
	}
	if (w.scan.error != NULL || !scan_end(&w.scan))
		return fail(c, EBADMSG, "what answers there does not speak jobd's protocol");
	if ((out->result.len > 0) == (out->error.len > 0) || !read_id(c, id, out))
		return fail(c, EBADMSG, "the daemon sent a reply to nothing that was asked");
	return 1;
}

static int
ended(struct conn *c)
{
	if (buf_len(&c->in) > 0)
		return fail(c, ECONNRESET,
		    "the daemon closed the connection in the middle of a reply");
	return fail(c, ECONNRESET, "the daemon closed the connection without an answer");
}

int
conn_next(struct conn *c, struct reply *out)
{
	struct span	line;
	size_t		at = 0;
	int		rc;

	drop_taken(c);
	if (buf_len(&c->in) == 0)
		return c->eof ? ended(c) : 0;
	rc = frame_next(buf_data(&c->in), buf_len(&c->in), &at, &c->scanned, c->max_line, &line);
	if (rc < 0)
		return fail(c, EBADMSG, "the daemon sent a line longer than was agreed");
	if (rc == 0) {
		buf_consume(&c->in, at);
		return c->eof ? ended(c) : 0;
	}
	c->taken = at;
	return read_reply(c, line, out);
}

/* ---- blocking ---- */

static int
wait_ready(struct conn *c, int64_t deadline_ns)
{
	struct pollfd	p = { .fd = c->fd, .events = conn_events(c) };
	int64_t		left_ms = -1;
	int		rc;

	if (deadline_ns != INT64_MAX) {
		left_ms = (deadline_ns - clock_mono_ns() - 1) / NS_PER_MS + 1;
		if (left_ms <= 0)
			return fail(c, ETIMEDOUT, "the daemon did not answer in time");
	}
	rc = poll(&p, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
	return rc < 0 && errno != EINTR ? fail_errno(c, "poll") : 0;
}

int
conn_receive(struct conn *c, int64_t timeout_ms, struct reply *out)
{
	int64_t	deadline = INT64_MAX;
	int	rc;

	if (timeout_ms != CONN_FOREVER)
		deadline = clock_after_ms(clock_mono_ns(), timeout_ms);
	while ((rc = conn_next(c, out)) == 0) {
		if ((rc = conn_move(c)) != 0)
			return rc;
		if ((rc = conn_next(c, out)) != 0)
			break;
		if ((rc = wait_ready(c, deadline)) != 0)
			return rc;
	}
	return rc > 0 ? 0 : rc;
}

int
conn_ask(struct conn *c, const char *method, const char *params, size_t len, int64_t timeout_ms,
    struct reply *out)
{
	uint64_t	id = conn_send(c, method, params, len);
	int		rc = conn_receive(c, timeout_ms, out);

	if (rc == 0 && out->id != 0 && out->id != id)
		return fail(c, EBADMSG, "the daemon answered something else than what was asked");
	return rc;
}
