/* cmd_drain.c - jobctl drain: the daemon takes no new jobs.  Runs in: jobctl. */
#include "client/ctl.h"

/* How much there is to wait for; what is scheduled for later stays as it is. */
static void
say_what_is_left(struct ctl *ctl, struct span stats)
{
	static const char *const states[] = { "ready", "running", "scheduled" };
	struct span	jobs, now;
	int64_t		n[3] = { 0 };

	if (json_member(stats, "jobs", &jobs) && json_member(jobs, "now", &now))
		for (int i = 0; i < 3; i++)
			json_int(now, states[i], &n[i]);
	ctl_say(ctl, "%s takes no new jobs from now on; %lld run, %lld wait", jobd_address(ctl->conn),
	    (long long)n[1], (long long)n[0]);
	if (n[2] > 0)
		ctl_say(ctl, "%lld jobs are scheduled for later and stay so", (long long)n[2]);
}

/* drain: on its way, and answered when nothing is left, or when it is refused. */
static int
wait_for_end(struct ctl *ctl, struct jobd_future *drain, int64_t timeout_ms)
{
	struct span	stats;
	struct reply	reply;
	int		rc = ctl_ask(ctl, "server.stats", NULL, CTL_ANSWER_MS, &stats);

	if (rc != 0)
		return rc;
	if (json_true(stats, "draining"))
		say_what_is_left(ctl, stats);
	if ((rc = jobd_wait(drain, timeout_ms)) != 0)
		return ctl_lost(ctl, rc);
	if (!ctl_reply(drain, &reply))
		return ctl_lost(ctl, jobd_code(drain));
	if (reply.error.len > 0)
		return ctl_error(ctl, reply.error, NULL);
	if (ctl_wants_json(ctl))
		ctl_line(ctl, reply.result);
	else
		ctl_say(ctl, "nothing is left");
	return ctl_flush(ctl);
}

static int
run(struct ctl *ctl)
{
	struct jobd_error	 err;
	struct jobd_future	*drain;
	int64_t			 timeout_ms = CONN_FOREVER;
	int			 rc;

	if (option_given(&ctl->opt, OPT_wait_for))
		timeout_ms = ctl->opt.number[OPT_wait_for];
	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	if ((drain = jobd_start(ctl->conn, "server.drain", NULL, &err)) == NULL)
		return ctl_unsent(ctl, &err);
	rc = wait_for_end(ctl, drain, timeout_ms);
	jobd_forget(drain);
	return rc;
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
