/* cmd_ping.c - jobctl ping: is the daemon there.  Runs in: jobctl. */
#include "client/ctl.h"

#include "lib/clock.h"

static int
run(struct ctl *ctl)
{
	struct span	pong;
	int64_t		began;
	int		rc;

	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	began = clock_mono_ns();
	if ((rc = ctl_ask(ctl, "ping", NULL, CTL_ANSWER_MS, &pong)) != 0)
		return rc;
	if (ctl_wants_json(ctl))
		ctl_line(ctl, pong);
	else
		buf_printf(&ctl->out, "%s at %s answered in %.2f ms\n",
		    ctl->server != NULL ? ctl->server : "jobd", jobd_address(ctl->conn),
		    (double)(clock_mono_ns() - began) / (double)NS_PER_MS);
	return ctl_flush(ctl);
}

const struct verb verb_ping = {
	.name = "ping",
	.operands = "",
	.summary = "is the daemon there",
	.about = "Asks the daemon for a sign of life.  Exits 0, or 6 when there is none.",
	.examples = "  jobctl ping\n"
	    "  jobctl -H tcp:127.0.0.1:7433 ping\n",
	.formats = FORMATS_DATA,
	.run = run,
};
