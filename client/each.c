/* each.c - one request for each of many jobs, pipelined.  Runs in: jobctl. */
#include "client/each.h"

#include <stdlib.h>

void
each_put_id(struct ctl *ctl, uint64_t id, struct buf *params, void *ctx)
{
	(void)ctl;
	(void)ctx;
	buf_puts(params, "{\"id\":");
	buf_put_u64(params, id);
	buf_putc(params, '}');
}

/* A request about jobs->ids[at], on its way; NULL: the reason is in *err. */
static struct jobd_future *
ask(struct ctl *ctl, const struct each *each, const struct selection *jobs, size_t at,
    struct jobd_error *err)
{
	struct jobd_future	*f;
	struct buf		 params = { 0 };
	char			*text;

	each->put(ctl, jobs->ids[at], &params, each->ctx);
	text = buf_take_string(&params);
	f = jobd_start(ctl->conn, each->method, text, err);
	free(text);
	if (f != NULL)
		jobd_set_data(f, &jobs->ids[at]);
	return f;
}

/* 0 to go on, 1 at the end, -1 with *exit_code. */
static int
take(struct ctl *ctl, const struct each *each, const struct jobd_future *f, int *exit_code)
{
	struct reply	 reply;
	const uint64_t	*id = jobd_data(f);

	if (ctl_reply(f, &reply))
		return each->got(ctl, *id, &reply, exit_code, each->ctx);
	*exit_code = ctl_lost(ctl, jobd_code(f));
	return -1;
}

int
each_job(struct ctl *ctl, const struct selection *jobs, const struct each *each, int64_t timeout_ms)
{
	struct jobd_error	 err;
	struct jobd_future	*f;
	size_t			 sent = 0, done = 0;
	int			 exit_code = 0, rc;

	while (done < jobs->len) {
		for (; sent < jobs->len && sent - done < each->window; sent++)
			if (ask(ctl, each, jobs, sent, &err) == NULL)
				return ctl_unsent(ctl, &err);
		if ((rc = jobd_next(ctl->conn, timeout_ms, &f)) != 0)
			return ctl_lost(ctl, rc);
		rc = take(ctl, each, f, &exit_code);
		jobd_forget(f);
		if (rc != 0)
			return rc > 0 ? 0 : exit_code;
		done++;
	}
	return 0;
}
