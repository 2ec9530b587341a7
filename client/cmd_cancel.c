/* cmd_cancel.c - jobctl cancel: end jobs; answers when they have ended.  Runs in: jobctl. */
#include "client/each.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/outcome.h"

#define WINDOW	256

struct cancelling {
	size_t	done;
	int	code;		/* of the first that could not be cancelled */
};

static void
print_cancelled(struct ctl *ctl, struct cancelling *c, struct span value, uint64_t id)
{
	char	*state;

	switch (ctl->opt.format) {
	case FORMAT_JSON:
		buf_puts(&ctl->out, c->done == 0 ? "[" : ",\n ");
		buf_append(&ctl->out, value.p, value.len);
		break;
	case FORMAT_NDJSON:
		ctl_line(ctl, value);
		break;
	default:
		if ((state = json_text(value, "state")) != NULL && strcmp(state, "cancelled") != 0)
			ctl_say(ctl, "job %llu ended before: %s", (unsigned long long)id, state);
		free(state);
		buf_printf(&ctl->out, "%llu\n", (unsigned long long)id);
		break;
	}
	c->done++;
}

static int
got(struct ctl *ctl, uint64_t id, const struct reply *reply, int *exit_code, void *ctx)
{
	struct cancelling	*c = ctx;
	char			 about[40];
	int			 code;

	if (reply->error.len == 0) {
		print_cancelled(ctl, c, reply->result, id);
		*exit_code = ctl->opt.format == FORMAT_JSON ? 0 : ctl_flush(ctl);
		return *exit_code != 0 ? -1 : 0;
	}
	snprintf(about, sizeof(about), "job %llu", (unsigned long long)id);
	code = ctl_error(ctl, reply->error, about);
	if (c->code == 0)
		c->code = code;
	return 0;
}

static int
run(struct ctl *ctl)
{
	struct cancelling	c = { 0 };
	struct each		each = { "job.cancel", WINDOW, each_put_id, got, &c };
	struct selection	jobs;
	int			rc;

	if ((rc = select_jobs(ctl, CTL_LINE_BYTES, &jobs)) != 0)
		return rc;
	rc = each_job(ctl, &jobs, &each, CONN_FOREVER);
	if (rc == 0 && ctl->opt.format == FORMAT_JSON)
		buf_puts(&ctl->out, c.done > 0 ? "]\n" : "[]\n");
	if (rc == 0)
		rc = ctl_flush(ctl);
	selection_free(&jobs);
	return rc != 0 ? rc : c.code;
}

const struct verb verb_cancel = {
	.name = "cancel",
	.operands = "IDS",
	.summary = "end jobs; answers when they have ended",
	.about = "Cancels the jobs and prints the id of each once it has ended.  A waiting job\n"
	    "ends at once; a running one is told, and its worker is ended when it does not\n"
	    "listen.  A job that has finished already is a conflict (exit 8).",
	.examples = "  jobctl cancel 42\n"
	    "  jobctl cancel --queue mail --state ready\n",
	.options = FOR_SELECT,
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 0, .most = INT32_MAX,
	.run = run,
};
