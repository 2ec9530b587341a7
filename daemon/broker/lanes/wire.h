/*
 * wire.h - the socket to one language or remote worker: lines in, checked; lines out, gathered.
 *
 * Knows lines and limits, and nothing of seats and attempts: those are its owner's.  Bounded on both
 * sides: a line that is too long or is no message ends the wire, a flood of notifications is not
 * read, and what a worker does not read is told to whoever would write more (wire_full).
 */
#ifndef LANES_WIRE_H
#define LANES_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/lanes/said.h"
#include "lib/buf.h"
#include "lib/list.h"

#define WIRE_NOTES_MAX	5000		/* progress and log lines taken in a second */
#define WIRE_GARBAGE	200		/* bytes of garbage that are logged */

struct event_base;
struct tls;
struct wire;

/* All wires of the loop. */
struct wires {
	struct event_base *base;
	const int64_t	*now_ns;	/* of the turn */
	struct list	 dirty;		/* have something to send */
	struct list	 more;		/* have whole lines left for the next turn */
	struct list	 ending;	/* closed, and not all is sent */
	struct list	 dead;		/* freed at the end of the turn */
};

void wires_init(struct wires *ws, struct event_base *base, const int64_t *now_ns);
/* The end of a turn: sends, wakes those with lines left, frees the dead. */
void wires_flush(struct wires *ws);
void wires_fini(struct wires *ws);

struct wire_owner {
	/*
	 * Something came, in a new turn: the time is to be looked at, and what the worker said elsewhere
	 * before is to be taken first.
	 */
	void	(*before)(void *arg);
	/* One message.  NULL in its place: the end, *why says what the worker did wrong, or is NULL
	 * at end-of-file; nothing more comes, wire_close is due. */
	void	(*said)(void *arg, const struct said *s, const char *why);
};

/*
 * fd is the wire's from here on.  name: for the log, lent.  max_line: of the worker's lines.  left: bytes that were
 * received already.
 */
struct wire *wire_new(struct wires *ws, int fd, const char *name, size_t max_line,
    const struct wire_owner *owner, void *arg, struct span left);
/* The same with a TLS stream of that socket, the wire's from here on too; NULL: none. */
struct wire *wire_new_tls(struct wires *ws, int fd, struct tls *tls, const char *name, size_t max_line,
    const struct wire_owner *owner, void *arg, struct span left);
/* No callback comes any more; it is freed at the end of the turn.  What was not sent is lost. */
void wire_close(struct wire *w);
/* The same, once what was written is sent, or a few seconds are over. */
void wire_close_sent(struct wire *w);

/* Where whole lines are appended; follow with wire_wrote. */
struct buf *wire_out(struct wire *w);
void wire_wrote(struct wire *w);
/* So much is unsent that no attempt should follow. */
bool wire_full(const struct wire *w);
/* The worker is dead: takes all that it has left in the socket. */
void wire_drain(struct wire *w);

#endif
