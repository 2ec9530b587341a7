/*
 * forward.h - signals of ours to the job that we stand for.
 *
 * SIGINT and SIGTERM end it: the first by job.cancel, which is SIGTERM, the grace period, and
 * SIGKILL for what is left; a second one by SIGKILL at once; a third one leaves it alone and ends
 * us.  SIGTSTP stops the job and then us; what wakes us up wakes it up.  The others are handed on as
 * they are.  A signal that was ignored when we were started (nohup) stays ignored.
 */
#ifndef CLIENT_FORWARD_H
#define CLIENT_FORWARD_H

#include <signal.h>

#include "client/ctl.h"

struct forward {
	struct ctl	*ctl;
	uint64_t	 id;
	int		 fd;		/* signalfd: to be polled for POLLIN */
	sigset_t	 set, before;
	unsigned	 ends;		/* SIGINT and SIGTERM so far */
	int		 ended_by;	/* the first of them */
	bool		 leave;		/* the third */
};

/* From now on signals come to fw->fd. */
void forward_begin(struct forward *fw, struct ctl *ctl);
void forward_end(struct forward *fw);
/* Takes a signal and hands it on, on the connection that ctl has now (none: it is only counted). */
void forward_read(struct forward *fw);
/* A signal of our own for the job's process group. */
void forward_send(struct forward *fw, const char *name);
/* Ends us by the signal, so that who started us sees it. */
void forward_die(struct forward *fw, int number);

#endif
