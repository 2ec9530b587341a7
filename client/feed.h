/*
 * feed.h - bytes of ours to the stdin of a job: job.write.
 *
 * A write is answered when the command has taken all of it, so what is on its way is bounded and a
 * command that reads slowly slows us down.  A job that does not run yet takes nothing: who is
 * patient tries the first write again until it does, and nothing follows it before.
 */
#ifndef CLIENT_FEED_H
#define CLIENT_FEED_H

#include "client/ctl.h"

struct feed {
	struct ctl	*ctl;
	uint64_t	 id;
	int		 fd;
	bool		 terminal;
	bool		 open;		/* there may be more to send */
	bool		 close_at_end;	/* eof of ours is eof of the job's */
	bool		 patient;	/* a job that does not run yet is waited for */
	bool		 sent_eof;
	bool		 taken;		/* the job has taken something: it runs, and reads */
	bool		 refused;	/* it takes nothing more; kind and message say why */
	bool		 unsure;	/* a connection was lost with writes on their way */
	bool		 retry;		/* the first write is due again at retry_ns */
	unsigned	 on_way;	/* writes without an answer */
	int64_t		 retry_ns, delay_ms;
	struct buf	 first;		/* the params of the first write, while it may have to go again */
	struct buf	 chunk;
	char		*kind, *message;
	int		 error;		/* -errno of reading */
};

void feed_init(struct feed *f, struct ctl *ctl, uint64_t id, int fd, bool close_at_end,
    bool patient);
void feed_fini(struct feed *f);
/* To be polled for POLLIN; -1: nothing should be read now. */
int feed_poll_fd(const struct feed *f);
/* There is something to read: reads and sends it. */
void feed_read(struct feed *f);
/* What is due; *timeout_ms is lowered to when there is more. */
void feed_turn(struct feed *f, int *timeout_ms);
/* All is told that will be, or cannot be. */
bool feed_done(const struct feed *f);

#endif
