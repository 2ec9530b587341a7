/* act.c - one method for each of the jobs that a verb is about.  Runs in: jobctl. */
#include "client/act.h"

#include <stdio.h>

#define WINDOW	256

struct acting {
	const struct act	*act;
	size_t			 done;
	int			 code;		/* of the first that was refused */
};

static void
put(struct ctl *ctl, uint64_t id, struct buf *params, void *ctx)
{
	const struct act	*act = ((struct acting *)ctx)->act;

	if (act->put != NULL)
		act->put(ctl, id, params, act->ctx);
	else
		each_put_id(ctl, id, params, NULL);
}

static void
print_done(struct ctl *ctl, struct acting *a, struct span value, uint64_t id)
{
	switch (ctl->opt.format) {
	case FORMAT_JSON:
		buf_puts(&ctl->out, a->done == 0 ? "[" : ",\n ");
		buf_append(&ctl->out, value.p, value.len);
		break;
	case FORMAT_NDJSON:
		ctl_line(ctl, value);
		break;
	default:
		if (a->act->look != NULL)
			a->act->look(ctl, id, value);
		buf_printf(&ctl->out, "%llu\n", (unsigned long long)id);
		break;
	}
	a->done++;
}

static int
got(struct ctl *ctl, uint64_t id, const struct reply *reply, int *exit_code, void *ctx)
{
	struct acting	*a = ctx;
	char		 about[40];
	int		 code;

	if (reply->error.len == 0) {
		print_done(ctl, a, reply->result, id);
		*exit_code = ctl->opt.format == FORMAT_JSON ? 0 : ctl_flush(ctl);
		return *exit_code != 0 ? -1 : 0;
	}
	snprintf(about, sizeof(about), "job %llu", (unsigned long long)id);
	code = ctl_error(ctl, reply->error, about);
	if (a->code == 0)
		a->code = code;
	return 0;
}

int
act_run(struct ctl *ctl, const struct act *act)
{
	struct acting		a = { .act = act };
	struct each		each = { act->method, WINDOW, put, got, &a };
	struct selection	jobs;
	int			rc;

	if ((rc = select_jobs(ctl, CTL_LINE_BYTES, &jobs)) != 0)
		return rc;
	rc = each_job(ctl, &jobs, &each, act->timeout_ms);
	if (rc == 0 && ctl->opt.format == FORMAT_JSON)
		buf_puts(&ctl->out, a.done > 0 ? "]\n" : "[]\n");
	if (rc == 0)
		rc = ctl_flush(ctl);
	selection_free(&jobs);
	return rc != 0 ? rc : a.code;
}
