/* cmd_drain.c - jobctl drain: the daemon takes no new jobs.  Runs in: jobctl. */
#include "client/ctl.h"

/* How much there is to wait for; what is scheduled for later stays as it is. */
static int
say_what_is_left(struct ctl *ctl)
{
	static const char *const states[] = { "ready", "running", "scheduled" };
	struct span	stats, jobs, now;
	int64_t		n[3] = { 0 };
	int		rc = ctl_ask(ctl, "server.stats", NULL, CTL_ANSWER_MS, &stats);

	if (rc != 0)
		return rc;
	if (json_member(stats, "jobs", &jobs) && json_member(jobs, "now", &now))
		for (int i = 0; i < 3; i++)
			json_int(now, states[i], &n[i]);
	ctl_say(ctl, "%s takes no new jobs from now on; %lld run, %lld wait", jobd_address(ctl->conn),
	    (long long)n[1], (long long)n[0]);
	if (n[2] > 0)
		ctl_say(ctl, "%lld jobs are scheduled for later and stay so", (long long)n[2]);
	return 0;
}

static int
run(struct ctl *ctl)
{
	struct span	drained;
	int64_t		timeout_ms = CONN_FOREVER;
	int		rc;

	if (option_given(&ctl->opt, OPT_wait_for))
		timeout_ms = ctl->opt.number[OPT_wait_for];
	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	if ((rc = say_what_is_left(ctl)) != 0 ||
	    (rc = ctl_ask(ctl, "server.drain", NULL, timeout_ms, &drained)) != 0)
		return rc;
	if (ctl_wants_json(ctl))
		ctl_line(ctl, drained);
	else
		ctl_say(ctl, "nothing is left");
	return ctl_flush(ctl);
}

const struct verb verb_drain = {
	.name = "drain",
	.operands = "",
	.summary = "take no new jobs; answers when none is left",
	.about = "Tells the daemon to take no new jobs, and waits until none is ready or\n"
	    "running; those that are scheduled for later stay so.  It does not take new\n"
	    "ones again before it is started anew.  Exits 4 when --timeout was over first;\n"
	    "the draining goes on then.",
	.examples = "  jobctl drain --timeout 10m\n",
	.options = FOR_DRAIN,
	.formats = FORMATS_DATA,
	.run = run,
};
