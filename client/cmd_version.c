/* cmd_version.c - jobctl version: of jobctl, and of a daemon if there is one.  Runs in: jobctl. */
#include "client/ctl.h"

static void
print_json(struct ctl *ctl)
{
	buf_puts(&ctl->out, "{\"jobctl\":\"" PACKAGE_VERSION "\",\"server\":");
	if (ctl->server != NULL)
		json_put_text(&ctl->out, ctl->server);
	else
		buf_puts(&ctl->out, "null");
	buf_puts(&ctl->out, "}\n");
}

static int
run(struct ctl *ctl)
{
	char	why[2048];
	int	code = ctl_try_connect(ctl, CTL_LINE_BYTES, why, sizeof(why));

	if (code == EXIT_USAGE)
		return ctl_usage(ctl, "%s", why);
	if (ctl_wants_json(ctl)) {
		print_json(ctl);
	} else {
		buf_puts(&ctl->out, "jobctl " PACKAGE_VERSION "\n");
		if (code == 0)
			buf_printf(&ctl->out, "%s at %s\n",
			    ctl->server != NULL ? ctl->server : "jobd", jobd_address(ctl->conn));
	}
	if (code != 0)
		ctl_say(ctl, "%s", why);
	return ctl_flush(ctl);
}

const struct verb verb_version = {
	.name = "version",
	.operands = "",
	.summary = "of jobctl, and of the daemon if there is one",
	.about = "Prints the version of jobctl, and that of the daemon when one answers.  Exits\n"
	    "0 either way.",
	.examples = "  jobctl version\n",
	.formats = FORMATS_DATA,
	.run = run,
};
