/* cmd_help.c - jobctl help: the verbs, or one of them.  Runs in: jobctl. */
#include "client/ctl.h"

#include <stdlib.h>

static int
run(struct ctl *ctl)
{
	const struct verb	*v;
	int			 used, rc;
	char			*near;

	if (ctl->opt.operands_len == 0) {
		verb_print_list();
		return EXIT_GOOD;
	}
	v = verb_find(ctl->opt.operands, ctl->opt.operands_len, &used);
	if (v != NULL) {
		verb_print_help(v);
		return EXIT_GOOD;
	}
	near = verb_suggest(ctl->opt.operands, ctl->opt.operands_len);
	if (near != NULL)
		rc = ctl_fail(ctl, EXIT_USAGE, "there is no verb '%s'; did you mean %s?",
		    ctl->opt.operands[0], near);
	else
		rc = ctl_fail(ctl, EXIT_USAGE, "there is no verb '%s'", ctl->opt.operands[0]);
	free(near);
	return rc;
}

const struct verb verb_help = {
	.name = "help",
	.operands = "[VERB]",
	.summary = "this list, or all about a verb",
	.about = "Prints the list of verbs, or usage, options and examples of one.",
	.examples = "  jobctl help map\n"
	    "  jobctl help queue ls\n",
	.formats = FORMAT_BIT(FORMAT_TEXT),
	.least = 0, .most = 2,
	.run = run,
};
