/* each.c - one request for each of many jobs, pipelined.  Runs in: jobctl. */
#include "client/each.h"

void
each_put_id(struct ctl *ctl, uint64_t id, struct buf *params, void *ctx)
{
	(void)ctl;
	(void)ctx;
	buf_puts(params, "{\"id\":");
	buf_put_u64(params, id);
	buf_putc(params, '}');
}

static uint64_t
ask(struct ctl *ctl, const struct each *each, uint64_t id)
{
	struct buf	params = { 0 };
	uint64_t	request;

	each->put(ctl, id, &params, each->ctx);
	request = conn_send(ctl->conn, each->method, buf_data(&params), buf_len(&params));
	buf_free(&params);
	return request;
}

int
each_job(struct ctl *ctl, const struct selection *jobs, const struct each *each, int64_t timeout_ms)
{
	uint64_t	first = 0, request;
	size_t		sent = 0, done = 0;
	int		exit_code = 0, rc;

	while (done < jobs->len) {
		struct reply	reply;

		for (; sent < jobs->len && sent - done < each->window; sent++) {
			request = ask(ctl, each, jobs->ids[sent]);
			if (sent == 0)
				first = request;
		}
		if ((rc = conn_receive(ctl->conn, timeout_ms, &reply)) != 0)
			return ctl_lost(ctl, rc);
		if (reply.id == 0)
			return ctl_error(ctl, reply.error, NULL);
		if (reply.id < first)
			return ctl_odd(ctl, each->method);
		rc = each->got(ctl, jobs->ids[reply.id - first], &reply, &exit_code, each->ctx);
		if (rc != 0)
			return rc > 0 ? 0 : exit_code;
		done++;
	}
	return 0;
}
