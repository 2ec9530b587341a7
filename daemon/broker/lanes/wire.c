/* wire.c - the socket to one language or remote worker.  Runs in: broker, loop thread. */
#include "daemon/broker/lanes/wire.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/broker/tls/tls.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "proto/bounds.h"
#include "proto/frame.h"

#define READ_BYTES	(64 << 10)	/* one recv */
#define TURN_BYTES	(256 << 10)	/* in one turn, so that no other waits long for its own */
#define TURN_LINES	1000
#define KEPT_BYTES	(256 << 10)	/* of a buffer that holds nothing */
#define LINGER_S	5

struct wire {
	struct list	 dirty, more, dead;
	struct wires	*all;
	struct event	 ev, timer;	/* ev: with TLS it only wakes, and the stream watches */
	struct tls	*tls;		/* NULL: none */
	const char	*name;
	const struct wire_owner *owner;	/* NULL: closed */
	void		*arg;
	struct buf	 in, out;
	size_t		 scanned;	/* of the unfinished line, for frame_next */
	size_t		 max_line;
	int64_t		 second_ns;	/* the second in which... */
	unsigned	 notes;		/* ...so many notifications came */
	short		 want;		/* what libevent watches */
	bool		 eof;
	bool		 blocked;	/* the socket takes no more for now */
	bool		 flooded;	/* not read until the second is over */
	bool		 lingering;	/* closed; only what was written is still sent */
};

static void on_event(int fd, short what, void *arg);
static void on_timer(int fd, short what, void *arg);

static void
mark(struct list *head, struct list *node)
{
	if (!list_linked(node))
		list_push_back(head, node);
}

static int
fd_of(const struct wire *w)
{
	return event_get_fd(&w->ev);
}

/* ---- what libevent watches ---- */

static void
watch(struct wire *w)
{
	short	want = 0;

	if (!w->eof && !w->flooded && !w->lingering)
		want |= EV_READ;
	if (w->blocked)
		want |= EV_WRITE;
	if (want == w->want)
		return;
	if (w->tls != NULL) {
		w->want = want;
		tls_watch(w->tls, want);
		return;
	}
	event_del(&w->ev);
	w->want = want;
	if (want == 0)
		return;
	event_assign(&w->ev, w->all->base, fd_of(w), want | EV_PERSIST, on_event, w);
	event_add(&w->ev, NULL);
}

static void
wake_after(struct wire *w, int64_t ns)
{
	struct timeval	tv = { ns / NS_PER_S, ns % NS_PER_S / 1000 + 1 };

	event_add(&w->timer, &tv);
}

/* ---- beginning and end ---- */

void
wires_init(struct wires *ws, struct event_base *base, const int64_t *now_ns)
{
	ws->base = base;
	ws->now_ns = now_ns;
	list_init(&ws->dirty);
	list_init(&ws->more);
	list_init(&ws->ending);
	list_init(&ws->dead);
}

struct wire *
wire_new(struct wires *ws, int fd, const char *name, size_t max_line,
    const struct wire_owner *owner, void *arg, struct span left)
{
	return wire_new_tls(ws, fd, NULL, name, max_line, owner, arg, left);
}

static void
begin_watching(struct wire *w, int fd)
{
	w->want = EV_READ;
	event_assign(&w->ev, w->all->base, fd, EV_READ | EV_PERSIST, on_event, w);
	if (w->tls == NULL) {
		event_add(&w->ev, NULL);
		return;
	}
	tls_give(w->tls, on_event, w);
	tls_watch(w->tls, EV_READ);
}

struct wire *
wire_new_tls(struct wires *ws, int fd, struct tls *tls, const char *name, size_t max_line,
    const struct wire_owner *owner, void *arg, struct span left)
{
	struct wire	*w = mem_zalloc(1, sizeof(*w));

	w->all = ws;
	w->name = name;
	w->max_line = max_line;
	w->owner = owner;
	w->arg = arg;
	list_init(&w->dirty);
	list_init(&w->more);
	list_init(&w->dead);
	fd_set_nonblock(fd);
	event_assign(&w->timer, ws->base, -1, 0, on_timer, w);
	w->tls = tls;
	begin_watching(w, fd);
	buf_append(&w->in, left.p, left.len);
	if (left.len > 0 || (tls != NULL && tls_readable(tls)))
		mark(&ws->more, &w->more);
	return w;
}

static void
end(struct wire *w)
{
	w->owner = NULL;
	event_del(&w->ev);
	event_del(&w->timer);
	if (w->tls != NULL)
		tls_close(w->tls);
	else
		close(fd_of(w));
	w->tls = NULL;
	list_remove(&w->dirty);
	list_remove(&w->more);
	mark(&w->all->dead, &w->dead);
}

void
wire_close(struct wire *w)
{
	if (w->owner != NULL)
		end(w);
}

void
wire_close_sent(struct wire *w)
{
	if (w->owner == NULL)
		return;
	w->owner = NULL;
	w->lingering = true;
	list_remove(&w->more);
	list_push_back(&w->all->ending, &w->more);
	mark(&w->all->dirty, &w->dirty);
	wake_after(w, LINGER_S * NS_PER_S);
}

static void
wire_free(struct wire *w)
{
	buf_free(&w->in);
	buf_free(&w->out);
	free(w);
}

/* ---- lines in ---- */

/* A NUL would end the text that is logged. */
static void
log_garbage(const struct wire *w, struct span line, const char *why)
{
	char	text[3 * WIRE_GARBAGE + 1];
	size_t	len = line.len < WIRE_GARBAGE ? line.len : WIRE_GARBAGE, at = 0;

	for (size_t i = 0; i < len; i++) {
		if (line.p[i] == '\0')
			at += (size_t)snprintf(text + at, sizeof(text) - at, "\xe2\x90\x80");
		else
			text[at++] = line.p[i];
	}
	text[at] = '\0';
	log_warn("worker breaks the protocol worker=%s why=\"%s\" bytes=%zu line=%s", w->name, why,
	    line.len, text);
}

static void
broken(struct wire *w, struct span line, const char *why)
{
	log_garbage(w, line, why);
	w->owner->said(w->arg, NULL, why);
}

/* So many in a second: the rest of it is the worker's to wait. */
static void
count_note(struct wire *w)
{
	int64_t	now_ns = *w->all->now_ns;

	if (now_ns - w->second_ns >= NS_PER_S) {
		w->second_ns = now_ns;
		w->notes = 0;
	}
	if (++w->notes < WIRE_NOTES_MAX)
		return;
	log_info("worker is not read for a moment: it says too much worker=%s notes=%u", w->name,
	    w->notes);
	w->flooded = true;
	wake_after(w, w->second_ns + NS_PER_S - now_ns);
}

static void
take_line(struct wire *w, struct span line)
{
	struct said	s;
	char		why[160];

	if (said_read(line, &s, why, sizeof(why)) != 0) {
		broken(w, line, why);
		return;
	}
	if (s.kind == SAID_PROGRESS || s.kind == SAID_LOG)
		count_note(w);
	w->owner->said(w->arg, &s, NULL);
}

static void
too_long(struct wire *w)
{
	struct span	line = { buf_data(&w->in), buf_len(&w->in) };
	char		why[80];

	snprintf(why, sizeof(why), "a line has more than %zu bytes", w->max_line);
	broken(w, line, why);
}

/* Whole lines that came; those for which this turn has no time come in the next. */
static void
take_lines(struct wire *w, unsigned lines)
{
	struct span	line;
	size_t		at = 0;
	int		rc = 0;

	while (w->owner != NULL && !w->flooded && lines > 0 &&
	    (rc = frame_next(buf_data(&w->in), buf_len(&w->in), &at, &w->scanned, w->max_line, &line)) > 0) {
		take_line(w, line);
		lines--;
	}
	if (w->owner == NULL)
		return;
	buf_consume(&w->in, at);
	if (rc < 0)
		too_long(w);
	else if (rc > 0 && !w->flooded)
		mark(&w->all->more, &w->more);
	else if (buf_len(&w->in) == 0 && w->in.cap > KEPT_BYTES)
		buf_free(&w->in);
}

/* One recv; 0: nothing came. */
static size_t
receive(struct wire *w)
{
	char	*at = buf_room(&w->in, READ_BYTES);
	ssize_t	 got = w->tls != NULL ? tls_recv(w->tls, at, READ_BYTES) :
	    recv(fd_of(w), at, READ_BYTES, MSG_DONTWAIT);

	if (got > 0) {
		buf_added(&w->in, (size_t)got);
		return (size_t)got;
	}
	if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		w->eof = true;
	return 0;
}

static void
say_end(struct wire *w)
{
	struct span	rest = { buf_data(&w->in), buf_len(&w->in) };

	if (rest.len > 0)
		broken(w, rest, "its last line has no end");
	else
		w->owner->said(w->arg, NULL, NULL);
}

static bool
may_read(const struct wire *w)
{
	return w->owner != NULL && !w->eof && !w->flooded && !list_linked(&w->more);
}

static void
read_turn(struct wire *w)
{
	size_t	bytes = 0, got = READ_BYTES;

	if (list_linked(&w->more)) {
		list_remove(&w->more);
		w->owner->before(w->arg);
		take_lines(w, TURN_LINES);
	}
	while (may_read(w) && bytes < TURN_BYTES && got == READ_BYTES) {
		got = receive(w);
		bytes += got;
		w->owner->before(w->arg);	/* what it said elsewhere before is there by now */
		take_lines(w, TURN_LINES);
	}
	if (w->owner != NULL && w->eof && !w->flooded && !list_linked(&w->more))
		say_end(w);
}

void
wire_drain(struct wire *w)
{
	if (w->owner == NULL)
		return;
	while (!w->eof)
		(void)receive(w);
	w->flooded = false;
	take_lines(w, UINT32_MAX);
}

/* ---- lines out ---- */

struct buf *
wire_out(struct wire *w)
{
	return &w->out;
}

void
wire_wrote(struct wire *w)
{
	mark(&w->all->dirty, &w->dirty);
}

bool
wire_full(const struct wire *w)
{
	return buf_len(&w->out) > BOUND_OUTPUT_PAUSE;
}

static ssize_t
give_bytes(struct wire *w)
{
	return w->tls != NULL ? tls_send(w->tls, buf_data(&w->out), buf_len(&w->out)) :
	    send(fd_of(w), buf_data(&w->out), buf_len(&w->out), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
flush(struct wire *w)
{
	ssize_t	n = 0;

	if (buf_len(&w->out) > 0 && !w->eof)
		n = give_bytes(w);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		buf_consume(&w->out, buf_len(&w->out));		/* nobody reads it; its end is seen when reading */
	else if (n > 0)
		buf_consume(&w->out, (size_t)n);
	w->blocked = buf_len(&w->out) > 0 || (w->tls != NULL && tls_unsent(w->tls) > 0);
	if (!w->blocked && w->out.cap > KEPT_BYTES)
		buf_free(&w->out);
	if (w->lingering && !w->blocked)
		end(w);
	else
		watch(w);
}

/* ---- events ---- */

/* What a TLS stream has ready is told once; a socket's is told again and again. */
static void
look_again(struct wire *w)
{
	if (w->tls != NULL && may_read(w) && tls_readable(w->tls))
		mark(&w->all->more, &w->more);
}

static void
on_event(int fd, short what, void *arg)
{
	struct wire	*w = arg;

	(void)fd;
	if ((what & EV_WRITE) != 0)
		wire_wrote(w);
	if ((what & EV_READ) != 0 && w->owner != NULL)
		read_turn(w);
	if (w->owner != NULL) {
		look_again(w);
		watch(w);
	}
}

static void
on_timer(int fd, short what, void *arg)
{
	struct wire	*w = arg;

	(void)fd;
	(void)what;
	if (w->lingering) {
		end(w);
		return;
	}
	w->flooded = false;
	mark(&w->all->more, &w->more);
	watch(w);
}

void
wires_flush(struct wires *ws)
{
	struct list	*node;

	while ((node = list_pop(&ws->dirty)) != NULL)
		flush(list_entry(node, struct wire, dirty));
	list_for(it, &ws->more)
		event_active(&list_entry(it, struct wire, more)->ev, EV_READ, 0);
	while ((node = list_pop(&ws->dead)) != NULL)
		wire_free(list_entry(node, struct wire, dead));
}

void
wires_fini(struct wires *ws)
{
	while (!list_empty(&ws->ending))
		end(list_entry(ws->ending.next, struct wire, more));
	wires_flush(ws);
}
