/* cmd_group_wait.c - jobctl group wait: until a group has finished.  Runs in: jobctl. */
#include "client/group.h"

#include <stdio.h>

#define SLACK_MS	5000	/* for a daemon that is late with its wait_timeout */

static int
run(struct ctl *ctl)
{
	char	more[64];

	if (!option_given(&ctl->opt, OPT_wait_for))
		return group_ask_end(ctl, "group.wait", NULL, CONN_FOREVER);
	snprintf(more, sizeof(more), ",\"timeout_ms\":%lld",
	    (long long)ctl->opt.number[OPT_wait_for]);
	return group_ask_end(ctl, "group.wait", more, ctl->opt.number[OPT_wait_for] + SLACK_MS);
}

const struct verb verb_group_wait = {
	.name = "group wait",
	.operands = "GROUP",
	.summary = "wait until a group has finished",
	.about = "Waits until a group has finished and shows it.  Exits 0 when it succeeded, 1\n"
	    "when it failed or was cancelled, 4 when the time to wait was over first.",
	.examples = "  jobctl group wait thumbs --timeout 10m\n",
	.options = FOR_GROUP_WAIT,
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 1, .most = 1,
	.run = run,
};
