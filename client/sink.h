/*
 * sink.h - bytes to a descriptor of ours that others may share, without ever waiting.
 *
 * Its flags are not touched, since they would be everybody's: a pipe or a terminal is opened anew
 * for us, a socket is told with each write, and where neither can be done no more is written at a
 * time than poll(2) says there is room for.
 */
#ifndef CLIENT_SINK_H
#define CLIENT_SINK_H

#include <stdbool.h>

#include "lib/buf.h"

struct sink {
	int		 fd;
	int		 own;		/* opened anew; -1: not */
	enum { SINK_FREELY, SINK_SOCKET, SINK_PIECES } how;
	bool		 wide;		/* it was asked for a wider pipe */
	struct buf	 waiting;
	int		 error;		/* -errno: nobody can be told anything any more */
};

void sink_init(struct sink *s, int fd);
void sink_fini(struct sink *s);
/* Writes what can be, keeps the rest; after an error drops it. */
void sink_put(struct sink *s, const char *p, size_t len);
/* Writes what waits, as far as it can. */
void sink_turn(struct sink *s);
/* Writes all that waits, and waits for that.  0 or -errno. */
int sink_finish(struct sink *s);
/* More should not be read that would go here. */
bool sink_full(const struct sink *s);

/* To be polled for POLLOUT; -1: nothing waits. */
static inline int
sink_poll_fd(const struct sink *s)
{
	return buf_len(&s->waiting) == 0 ? -1 : s->own >= 0 ? s->own : s->fd;
}

#endif
