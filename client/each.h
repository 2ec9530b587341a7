/* each.h - one request for each of many jobs, pipelined. */
#ifndef CLIENT_EACH_H
#define CLIENT_EACH_H

#include "client/select.h"

struct each {
	const char	*method;
	size_t		 window;	/* requests in flight at once */
	/* Appends the params of a job. */
	void		(*put)(struct ctl *ctl, uint64_t id, struct buf *params, void *ctx);
	/* A reply, in whatever order: 0 to go on, 1 to end here, or -1 with *exit_code. */
	int		(*got)(struct ctl *ctl, uint64_t id, const struct reply *reply,
			    int *exit_code, void *ctx);
	void		*ctx;
};

/* timeout_ms: for each reply, CONN_FOREVER.  0 or the exit status. */
int each_job(struct ctl *ctl, const struct selection *jobs, const struct each *each,
    int64_t timeout_ms);

/* `{"id":42}` */
void each_put_id(struct ctl *ctl, uint64_t id, struct buf *params, void *ctx);

#endif
