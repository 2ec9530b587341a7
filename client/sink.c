/* sink.c - bytes to a descriptor that others may share.  Runs in: jobctl. */
#include "client/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"

#define FULL_BYTES	((size_t)1 << 20)
#define PIPE_BYTES	(256 << 10)	/* of a pipe that was too small */

void
sink_init(struct sink *s, int fd)
{
	struct stat	st;
	char		path[64];

	*s = (struct sink){ .fd = fd, .own = -1, .how = SINK_FREELY };
	if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		return;
	s->how = S_ISSOCK(st.st_mode) ? SINK_SOCKET : SINK_PIECES;
	if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	s->own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (s->own >= 0)
		s->how = SINK_FREELY;
}

void
sink_fini(struct sink *s)
{
	buf_free(&s->waiting);
	fd_close(&s->own);
}

/* A descriptor that poll calls writable takes PIPE_BUF bytes without waiting, and maybe no more. */
static ssize_t
write_pieces(int fd, const char *p, size_t len)
{
	struct pollfd	poll_fd = { fd, POLLOUT, 0 };

	if (poll(&poll_fd, 1, 0) != 1) {
		errno = EAGAIN;
		return -1;
	}
	return write(fd, p, len < PIPE_BUF ? len : PIPE_BUF);
}

static ssize_t
write_some(const struct sink *s, const char *p, size_t len)
{
	switch (s->how) {
	case SINK_SOCKET:
		return send(s->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	case SINK_PIECES:
		return write_pieces(s->fd, p, len);
	default:
		return write(s->own >= 0 ? s->own : s->fd, p, len);
	}
}

/* Who writes more than a pipe holds shall not have to be woken for each such bit of it. */
static void
widen(struct sink *s)
{
	if (!s->wide && s->own >= 0)
		fcntl(s->own, F_SETPIPE_SZ, PIPE_BYTES);	/* refused is as well */
	s->wide = true;
}

/* How many of len bytes could be written now. */
static size_t
write_now(struct sink *s, const char *p, size_t len)
{
	size_t	done = 0;
	ssize_t	n;

	while (done < len && s->error == 0) {
		if ((n = write_some(s, p + done, len - done)) >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			s->error = -errno;
	}
	return done;
}

void
sink_put(struct sink *s, const char *p, size_t len)
{
	size_t	done = buf_len(&s->waiting) == 0 ? write_now(s, p, len) : 0;

	if (done > 0 && done < len)
		widen(s);
	if (s->error == 0 && done < len)
		buf_append(&s->waiting, p + done, len - done);
}

void
sink_turn(struct sink *s)
{
	buf_consume(&s->waiting, write_now(s, buf_data(&s->waiting), buf_len(&s->waiting)));
	if (s->error != 0)
		buf_free(&s->waiting);
}

int
sink_finish(struct sink *s)
{
	struct pollfd	p = { .events = POLLOUT };

	while (s->error == 0 && buf_len(&s->waiting) > 0) {
		sink_turn(s);
		p.fd = sink_poll_fd(s);
		if (p.fd >= 0)
			poll(&p, 1, -1);
	}
	return s->error;
}

bool
sink_full(const struct sink *s)
{
	return buf_len(&s->waiting) >= FULL_BYTES;
}
