/* cmd_group_close.c - jobctl group close: no more members.  Runs in: jobctl. */
#include "client/group.h"

static int
run(struct ctl *ctl)
{
	return group_ask(ctl, "group.close", NULL, CTL_ANSWER_MS);
}

const struct verb verb_group_close = {
	.name = "group close",
	.operands = "GROUP",
	.summary = "a group takes no more members",
	.about = "Closes a group: it finishes when all its members have ended, and its reduce\n"
	    "job, if it has one.",
	.examples = "  jobctl group close thumbs\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 1, .most = 1,
	.run = run,
};
