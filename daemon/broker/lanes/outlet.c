/* outlet.c - standard output and error of a language worker.  Runs in: broker, loop thread.
 *
 * A pipe says nothing of attempts: what comes belongs to the one that runs.  So it is read before the
 * answer that ends that attempt is looked at (wire.h, `before`).
 */
#include "daemon/broker/lanes/outlet.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/broker/lanes/lanes_internal.h"
#include "daemon/broker/lanes/talk.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"

#define READ_BYTES	(64 << 10)
#define READS_MAX	16		/* at once: one that prints without end holds up nobody */

struct outlet {
	struct seat	*seat;
	struct event	*ev;
	int		 fd;
	enum log_stream	 stream;
	size_t		 len;			/* of an unfinished line in text */
	char		 text[OUTLET_LINE_BYTES + 1];
	char		 last[OUTLET_LINE_BYTES + 1];
	int64_t		 second_ns;		/* the second in which... */
	unsigned	 lines;			/* ...so many went to the daemon's log */
};

static void
on_output(evutil_socket_t fd, short what, void *arg)
{
	struct outlet	*o = arg;

	(void)fd;
	(void)what;
	broker_clocks(o->seat->lanes->broker);
	outlet_read(o);
}

struct outlet *
outlet_new(struct seat *seat, int fd, enum log_stream stream)
{
	struct outlet	*o = mem_zalloc(1, sizeof(*o));

	o->seat = seat;
	o->fd = fd;
	o->stream = stream;
	fd_set_nonblock(fd);
	o->ev = event_new(seat->lanes->broker->base, fd, EV_READ | EV_PERSIST, on_output, o);
	event_add(o->ev, NULL);
	return o;
}

static void
close_fd(struct outlet *o)
{
	if (o->ev != NULL)
		event_free(o->ev);
	o->ev = NULL;
	fd_close(&o->fd);
}

void
outlet_free(struct outlet *o)
{
	if (o == NULL)
		return;
	close_fd(o);
	free(o);
}

const char *
outlet_last_line(const struct outlet *o)
{
	return o->last;
}

/* ---- the daemon's log ---- */

static bool
may_log(struct outlet *o)
{
	int64_t	now_ns = o->seat->lanes->broker->now.mono_ns;

	if (now_ns - o->second_ns >= NS_PER_S) {
		if (o->lines > OUTLET_LINES_MAX)
			log_info("worker said more worker=%s stream=%s lines=%u", o->seat->name,
			    log_stream_names[o->stream], o->lines - OUTLET_LINES_MAX);
		o->second_ns = now_ns;
		o->lines = 0;
	}
	return ++o->lines <= OUTLET_LINES_MAX;
}

static void
end_line(struct outlet *o)
{
	if (o->len == 0)
		return;
	o->text[o->len] = '\0';
	memcpy(o->last, o->text, o->len + 1);
	o->len = 0;
	if (may_log(o))
		log_info("worker says worker=%s stream=%s text=%s", o->seat->name,
		    log_stream_names[o->stream], o->last);
}

static void
log_lines(struct outlet *o, const char *p, size_t len)
{
	while (len > 0) {
		const char	*lf = memchr(p, '\n', len);
		size_t		 n = lf == NULL ? len : (size_t)(lf - p);
		size_t		 room = OUTLET_LINE_BYTES - o->len;

		memcpy(o->text + o->len, p, n < room ? n : room);
		o->len += n < room ? n : room;		/* the rest of a long line is left out */
		if (lf == NULL)
			return;
		end_line(o);
		p += n + 1;
		len -= n + 1;
	}
}

/* ---- reading ---- */

static void
deliver(struct outlet *o, const char *p, size_t len)
{
	struct broker	*b = o->seat->lanes->broker;
	struct attempt	*at = talk_speaker(o->seat->talk);

	if (at != NULL && at->job != NULL)
		logs_add(b, at, o->stream, b->now.real_ms, p, len);
	else
		log_lines(o, p, len);
}

void
outlet_read(struct outlet *o)
{
	char	bytes[READ_BYTES];
	ssize_t	got;

	for (int i = 0; i < READS_MAX && o->fd >= 0; i++) {
		got = read(o->fd, bytes, sizeof(bytes));
		if (got > 0)
			deliver(o, bytes, (size_t)got);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
			end_line(o);
			close_fd(o);
		}
		if (got < (ssize_t)sizeof(bytes))
			return;
	}
}
