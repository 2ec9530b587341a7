/* cmd_group_show.c - jobctl group show: what a group holds.  Runs in: jobctl. */
#include "client/group.h"

static int
run(struct ctl *ctl)
{
	return group_ask(ctl, "group.get", NULL, CTL_ANSWER_MS);
}

const struct verb verb_group_show = {
	.name = "group show",
	.operands = "GROUP",
	.summary = "what a group holds, and what it waits for",
	.about = "Shows how many members a group has in which state, what it waits for, its\n"
	    "reduce job and the file of outcomes.",
	.examples = "  jobctl group show thumbs\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 1, .most = 1,
	.run = run,
};
