/* cmd_group_create.c - jobctl group create: a group that jobs can be submitted into.
 * Runs in: jobctl. */
#include "client/group.h"

#include <stdlib.h>

static int
put_wish(const struct ctl *ctl, struct buf *out)
{
	const struct options	*o = &ctl->opt;
	char			*type = NULL;
	int			 rc = 0;

	buf_puts(out, "{\"name\":");
	if (o->operands_len > 0)
		json_put_text(out, o->operands[0]);
	else
		buf_puts(out, "null");
	if (option_given(o, OPT_at_most))
		buf_printf(out, ",\"max_running\":%lld", (long long)o->number[OPT_at_most]);
	if (option_given(o, OPT_max_fails))
		buf_printf(out, ",\"max_fails\":%lld", (long long)o->number[OPT_max_fails]);
	if (option_given(o, OPT_durability)) {
		buf_puts(out, ",\"durability\":");
		json_put_text(out, o->text[OPT_durability]);
	}
	if (option_given(o, OPT_reduce)) {
		buf_putc(out, ',');
		rc = group_put_reduce(ctl, o->text[OPT_reduce], &type, out);
		buf_putc(out, '}');
	}
	buf_putc(out, '}');
	free(type);
	return rc;
}

static int
run(struct ctl *ctl)
{
	struct buf	params = { 0 };
	struct span	reply;
	char		*name;
	int		 rc;

	if ((rc = put_wish(ctl, &params)) == 0 && (rc = ctl_connect(ctl, CTL_LINE_BYTES)) == 0)
		rc = ctl_ask(ctl, "group.create", &params, CTL_ANSWER_MS, &reply);
	buf_free(&params);
	if (rc != 0)
		return rc;
	if ((name = json_text(reply, "group")) == NULL)
		return ctl_odd(ctl, "group.create");
	if (ctl_wants_json(ctl))
		ctl_line(ctl, reply);
	else
		buf_printf(&ctl->out, "%s\n", name);
	free(name);
	return ctl_flush(ctl);
}

const struct verb verb_group_create = {
	.name = "group create",
	.operands = "[NAME]",
	.summary = "a group that jobs can be submitted into",
	.about = "Makes a group and prints its name: the one given, or a number.  Jobs become its\n"
	    "members by --group, until `group close`; it finishes when all have ended.\n"
	    "--reduce is as in `map`.",
	.examples = "  g=$(jobctl group create --max-running 4)\n"
	    "  jobctl submit echo 1 --group $g; jobctl group close $g; jobctl group wait $g\n",
	.options = FOR_GROUP,
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 0, .most = 1,
	.run = run,
};
