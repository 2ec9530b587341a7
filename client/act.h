/* act.h - one method for each of the jobs that a verb is about: cancel, retry, forget, hold ... */
#ifndef CLIENT_ACT_H
#define CLIENT_ACT_H

#include "client/each.h"

struct act {
	const char	*method;
	/* Appends the params of a job; NULL: `{"id":42}`. */
	void		(*put)(struct ctl *ctl, uint64_t id, struct buf *params, void *ctx);
	/* Says on stderr what is odd about an answer; may be NULL. */
	void		(*look)(struct ctl *ctl, uint64_t id, struct span result);
	void		*ctx;
	int64_t		 timeout_ms;	/* for each answer */
};

/* Finds the jobs, does it to each, and prints the ids (or what -o says) of those where it could
 * be done.  0, or the exit status of the first where it could not. */
int act_run(struct ctl *ctl, const struct act *act);

#endif
