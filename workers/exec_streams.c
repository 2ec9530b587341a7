/*
 * exec_streams.c - stdin, stdout and stderr of commands.  Runs in: exec workers, loop thread.
 *
 * What a command says is read straight into the room of an OUTPUT entry, in shared memory.  Where
 * the broker has none to give, nothing is read, the pipe fills, and the command waits.
 */
#include "workers/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"

#define READ_MAX	(256 << 10)	/* of one stream before the other has its turn */
#define PIPE_USUAL	(64 << 10)
#define PIPE_BUSY	(256 << 10)	/* for who has said more than the usual one holds */
#define ROOM_MIN	(sizeof(struct channel_said) + 1)

/* ---- pipes ---- */

/* Edge-triggered: told once, when something has changed. */
static void
watch(struct stream *s, uint32_t events)
{
	struct epoll_event	ev = { .events = events | EPOLLET, .data.ptr = s };

	epoll_ctl(exec.epoll, EPOLL_CTL_ADD, s->fd, &ev);
}

/* ours: 0 the end for reading, 1 for writing. */
static int
open_pipe(struct run *r, struct stream *s, int ours, int *given)
{
	int	fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	s->run = r;
	s->fd = fds[ours];
	*given = fds[!ours];
	fcntl(s->fd, F_SETFL, O_NONBLOCK | (ours == 0 ? O_RDONLY : O_WRONLY));
	watch(s, ours == 0 ? EPOLLIN : EPOLLOUT);
	return 0;
}

int
streams_open(struct run *r, int given[3])
{
	size_t	head_max = r->command.result == COMMAND_RESULT_JSON ? exec.max_result + 1 : 0;
	int	rc = 0;

	for (int i = 0; i < 3; i++)
		given[i] = -1;
	if (r->command.stdin_mode != COMMAND_STDIN_NONE)
		rc = open_pipe(r, &r->in, 1, &given[0]);
	r->in.ready = true;
	r->in_ends = r->command.stdin_mode != COMMAND_STDIN_STREAM;
	for (int i = 0; i < 2 && rc == 0; i++) {
		rc = open_pipe(r, &r->out[i], 0, &given[1 + i]);
		r->out[i].head_max = COMMAND_HEAD_BYTES;
	}
	if (head_max > COMMAND_HEAD_BYTES)
		r->out[0].head_max = head_max;
	return rc;
}

void
streams_close(struct run *r)
{
	fd_close(&r->in.fd);
	for (int i = 0; i < 2; i++) {
		fd_close(&r->out[i].fd);
		buf_free(&r->out[i].head);
	}
}

/* ---- what it says ---- */

static void
keep_head(struct stream *s, const char *p, size_t len)
{
	size_t	room = s->head_max - buf_len(&s->head);

	buf_append(&s->head, p, len < room ? len : room);
}

/* Up to room bytes; 0: there is nothing now, or no more at all. */
static size_t
take(struct stream *s, char *to, size_t room)
{
	ssize_t	n;

	if (s->fd < 0 || !s->ready)
		return 0;
	while ((n = read(s->fd, to, room)) < 0 && errno == EINTR)
		continue;
	if (n <= 0) {
		s->ready = false;
		if (n == 0)
			fd_close(&s->fd);
		return 0;
	}
	if ((size_t)n < room)
		s->ready = false;	/* empty: the next byte is an event */
	s->bytes += (size_t)n;
	if (s->bytes >= PIPE_USUAL && s->bytes - (size_t)n < PIPE_USUAL)
		fcntl(s->fd, F_SETPIPE_SZ, PIPE_BUSY);	/* refused is as well */
	keep_head(s, to, (size_t)n);
	return (size_t)n;
}

/* A record of what is in one stream now; the bytes that it takes. */
static size_t
put_said(struct run *r, int which, char *to, size_t room)
{
	struct channel_said	said = { .stream = which == 0 ? CHANNEL_STDOUT : CHANNEL_STDERR };
	size_t			n;

	if (room < ROOM_MIN)
		return 0;
	room -= sizeof(said);
	if ((n = take(&r->out[which], to + sizeof(said), room < READ_MAX ? room : READ_MAX)) == 0)
		return 0;
	said.at_ms = clock_real_ms();
	said.len = (uint32_t)n;
	memcpy(to, &said, sizeof(said));
	return sizeof(said) + n;
}

static size_t
put_spent(const struct run *r, char *to, size_t room)
{
	struct channel_said	said = { .stream = CHANNEL_SPENT, .len = sizeof(r->spent) };

	if (room < sizeof(said) + sizeof(r->spent))
		return 0;
	said.at_ms = clock_real_ms();
	memcpy(to, &said, sizeof(said));
	memcpy(to + sizeof(said), &r->spent, sizeof(r->spent));
	return sizeof(said) + sizeof(r->spent);
}

static size_t
put_streams(struct run *r, char *to, size_t room)
{
	size_t	len = 0, n;

	do {
		n = put_said(r, 0, to + len, room - len);
		n += put_said(r, 1, to + len + n, room - len - n);
		len += n;
	} while (n > 0);
	return len;
}

/* Is there nothing more to come?  Who still holds the other end is not of the tree. */
static bool
is_drained(const struct run *r)
{
	return r->state == RUN_ENDED && !r->out[0].ready && !r->out[1].ready;
}

void
streams_tell(struct run *r)
{
	size_t	len, n;
	bool	last;

	if (!r->output_asked)
		return;
	len = put_streams(r, r->output.out, r->output.out_cap);
	last = is_drained(r);
	if (last)
		r->tell_spent = true;
	if (r->tell_spent && (n = put_spent(r, r->output.out + len, r->output.out_cap - len)) > 0) {
		r->tell_spent = false;
		len += n;
	} else if (last && len > 0) {
		last = false;			/* no room: it goes with the next */
	}
	if (len == 0 && !last)
		return;
	r->output_asked = false;
	r->output_last = last;
	exec_complete(&r->output, CHANNEL_OK, (uint32_t)len, last);
}

void
streams_output(struct run *r, const struct channel_entry *e)
{
	if (r->output_asked) {
		exec_complete_failed(e, "this command's output is asked for already");
		return;
	}
	r->output = *e;
	r->output_asked = true;
	exec_touch(r);
}

/* ---- what it is told ---- */

static void
drop_inputs(struct run *r)
{
	list_for_safe(node, after, &r->inputs) {
		struct input	*in = list_entry(node, struct input, link);

		exec_complete_failed(&in->entry, "nobody reads the stdin of this command any more");
		list_remove(node);
		free(in);
	}
}

/* As much as fits; false: the pipe is full, or broken and closed. */
static bool
put_in(struct stream *s, const char *p, size_t len, size_t *done)
{
	ssize_t	n;

	while (*done < len) {
		if ((n = write(s->fd, p + *done, len - *done)) > 0) {
			*done += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		s->ready = false;
		if (errno != EAGAIN)
			fd_close(&s->fd);
		return false;
	}
	return true;
}

static bool
write_text(struct run *r)
{
	struct buf	*text = &r->command.input;
	size_t		 done = 0;
	bool		 all = put_in(&r->in, buf_data(text), buf_len(text), &done);

	buf_consume(text, done);
	if (all)
		buf_free(text);
	return all;
}

void
streams_write(struct run *r)
{
	if (r->in.fd < 0) {
		drop_inputs(r);
		return;
	}
	if (!r->in.ready || !write_text(r))
		goto out;
	while (!list_empty(&r->inputs)) {
		struct input	*in = list_entry(r->inputs.next, struct input, link);

		if (!put_in(&r->in, in->entry.in, in->entry.in_len, &in->done))
			goto out;
		if (in->entry.deadline_ns == 1)
			r->in_ends = true;
		exec_complete(&in->entry, CHANNEL_OK, 0, 0);
		list_remove(&in->link);
		free(in);
	}
	if (r->in_ends)
		fd_close(&r->in.fd);
out:
	if (r->in.fd < 0)
		drop_inputs(r);
}

void
streams_input(struct run *r, const struct channel_entry *e)
{
	struct input	*in;

	if (r->in.fd < 0 || r->main_ended) {
		exec_complete_failed(e, r->command.stdin_mode == COMMAND_STDIN_STREAM ?
		    "nobody reads the stdin of this command any more" :
		    "the stdin of this command is not a stream");
		return;
	}
	in = mem_zalloc(1, sizeof(*in));
	in->entry = *e;
	list_push_back(&r->inputs, &in->link);
	exec_touch(r);
}

void
streams_refuse(struct run *r)
{
	drop_inputs(r);
	if (!r->output_asked)
		return;
	r->output_asked = false;
	exec_complete_failed(&r->output, "the command has ended");
}
