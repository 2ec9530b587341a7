/*
 * follow.h - what a job says, to our stdout and stderr: job.log, and the job.output that follows.
 *
 * Both streams come over one connection in the order in which they were said.  As long as a sink is
 * full nothing is read, and with `hold` the job waits then.
 */
#ifndef CLIENT_FOLLOW_H
#define CLIENT_FOLLOW_H

#include <poll.h>

#include "client/ctl.h"
#include "client/sink.h"

struct follow {
	struct ctl	*ctl;
	uint64_t	 id;
	const char	*stream;	/* one alone, or NULL */
	uint64_t	 only;		/* this attempt; 0: the last, and those after it */
	uint64_t	 attempt;	/* whose bytes came last; 0: none have */
	uint64_t	 next;		/* the offset to go on at */
	bool		 follow, hold;
	bool		 resumes;	/* asks for `attempt` from `next` on, and for those after it */
	bool		 raw;		/* lines of JSON instead of bytes */
	bool		 eof;
	bool		 answered;	/* job.log has been */
	bool		 heard;		/* it was once, on this connection or an earlier one */
	uint64_t	 missed;	/* bytes, in gaps */
	uint64_t	 bytes;		/* that the log has so far, as far as is told */
	int		 code;		/* the exit status of an answer that ends it; 0 */
	struct sink	 out, err;
};

void follow_init(struct follow *f, struct ctl *ctl, uint64_t id);
void follow_fini(struct follow *f);
/* Asks for what comes from f->next on, on the connection that ctl has now.  0 or the exit status. */
int follow_start(struct follow *f);
/*
 * The same on another connection, behind what has come: the rest of the attempt that was heard last,
 * then what the job goes on with.  With `hold`, which stands for the job, also at first: all that it
 * says from its beginning.
 */
int follow_resume(struct follow *f);
/*
 * Waits, at most timeout_ms (-1: for ever), for the connection, the sinks and the caller's
 * descriptors p[FOLLOW_POLLS .. n), and turns the first two.  p[0 .. FOLLOW_POLLS) is its own.
 * 0, or the code why the connection is lost.
 */
#define FOLLOW_POLLS	3
int follow_poll(struct follow *f, struct pollfd *p, size_t n, int timeout_ms);
/* Writes all there is, waiting for it.  0, or the exit status. */
int follow_finish(struct follow *f);

#endif
