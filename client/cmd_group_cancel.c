/* cmd_group_cancel.c - jobctl group cancel: end a group and its members.  Runs in: jobctl. */
#include "client/group.h"

static int
run(struct ctl *ctl)
{
	return group_ask(ctl, "group.cancel", NULL, CONN_FOREVER);
}

const struct verb verb_group_cancel = {
	.name = "group cancel",
	.operands = "GROUP",
	.summary = "end a group and its members",
	.about = "Cancels what waits or runs of a group; answers when all of it has ended.  A\n"
	    "group that has finished already is a conflict (exit 8).",
	.examples = "  jobctl group cancel thumbs\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 1, .most = 1,
	.run = run,
};
