/* cmd_cancel.c - jobctl cancel: end jobs; answers when they have ended.  Runs in: jobctl. */
#include "client/act.h"

#include <stdlib.h>
#include <string.h>

static void
look(struct ctl *ctl, uint64_t id, struct span result)
{
	char	*state = json_text(result, "state");

	if (state != NULL && strcmp(state, "cancelled") != 0)
		ctl_say(ctl, "job %llu ended before: %s", (unsigned long long)id, state);
	free(state);
}

static int
run(struct ctl *ctl)
{
	return act_run(ctl, &(struct act){ .method = "job.cancel", .look = look,
	    .timeout_ms = CONN_FOREVER });
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
