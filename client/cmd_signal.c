/* cmd_signal.c - jobctl signal: a signal for running commands.  Runs in: jobctl. */
#include "client/act.h"

#include "client/signals.h"

static void
put(struct ctl *ctl, uint64_t id, struct buf *params, void *ctx)
{
	(void)ctl;
	buf_printf(params, "{\"id\":%llu,\"signal\":", (unsigned long long)id);
	json_put_text(params, ctx);
	buf_putc(params, '}');
}

static int
run(struct ctl *ctl)
{
	const char	*word = ctl->opt.operands[0], *name = signal_name_of(word);
	struct act	 act = { .method = "job.signal", .put = put, .timeout_ms = CTL_ANSWER_MS };
	int		 rc;

	if (name == NULL)
		return ctl_usage(ctl, "'%s' is no signal: write TERM, HUP, USR1, 9 ...", word);
	act.ctx = (void *)(uintptr_t)name;
	ctl->opt.operands++;
	ctl->opt.operands_len--;
	rc = act_run(ctl, &act);
	ctl->opt.operands--;
	ctl->opt.operands_len++;
	return rc;
}

const struct verb verb_signal = {
	.name = "signal",
	.operands = "SIGNAL IDS",
	.summary = "send a signal to running commands",
	.about = "Sends a signal, by its name (TERM, SIGTERM) or its number, to the process group\n"
	    "of each command, and prints the ids of the jobs that it was sent to.  KILL is\n"
	    "for all of its processes.  A job that does not run is a conflict (exit 8).  A\n"
	    "command that a signal ends has failed; jobctl cancel ends it without that.",
	.examples = "  jobctl signal HUP 42\n"
	    "  jobctl signal STOP --queue batch --state running\n",
	.options = FOR_SELECT,
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 1, .most = INT32_MAX,
	.run = run,
};
