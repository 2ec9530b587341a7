/* cmd_act.c - jobctl retry, forget, hold, release, and the verbs of the dead letter.
 * Runs in: jobctl. */
#include "client/act.h"

static int
run_retry(struct ctl *ctl)
{
	return act_run(ctl, &(struct act){ .method = "job.retry", .timeout_ms = CTL_ANSWER_MS });
}

static int
run_forget(struct ctl *ctl)
{
	return act_run(ctl, &(struct act){ .method = "job.forget", .timeout_ms = CTL_ANSWER_MS });
}

static int
run_hold(struct ctl *ctl)
{
	return act_run(ctl, &(struct act){ .method = "job.hold", .timeout_ms = CTL_ANSWER_MS });
}

static int
run_release(struct ctl *ctl)
{
	return act_run(ctl, &(struct act){ .method = "job.release", .timeout_ms = CTL_ANSWER_MS });
}

/* The dead letter is the failed jobs: without ids it is those, or those of them that filters name. */
static void
only_failed(struct ctl *ctl)
{
	if (ctl->opt.operands_len == 0)
		ctl->opt.text[OPT_state] = "failed";
}

static int
run_dead_ls(struct ctl *ctl)
{
	only_failed(ctl);
	return verb_ls.run(ctl);
}

static int
run_dead_retry(struct ctl *ctl)
{
	only_failed(ctl);
	return run_retry(ctl);
}

static int
run_dead_purge(struct ctl *ctl)
{
	only_failed(ctl);
	return run_forget(ctl);
}

#define ACT_FORMATS	(FORMATS_DATA | FORMAT_BIT(FORMAT_ID))

const struct verb verb_retry = {
	.name = "retry",
	.operands = "IDS",
	.summary = "run jobs again that ended without success",
	.about = "Runs the jobs again under their ids, and prints the id of each.  Their attempts\n"
	    "go on counting; what they waited for before (a time, other jobs, a ttl) does not\n"
	    "count again.  A job that succeeded or has not ended is a conflict (exit 8).",
	.examples = "  jobctl retry 42\n"
	    "  jobctl retry --state cancelled --label run=7\n",
	.options = FOR_SELECT,
	.formats = ACT_FORMATS,
	.least = 0, .most = INT32_MAX,
	.run = run_retry,
};

const struct verb verb_forget = {
	.name = "forget",
	.operands = "IDS",
	.summary = "forget jobs that have ended",
	.about = "Forgets the jobs and prints the id of each: the daemon knows nothing of them from\n"
	    "then on.  A job that has not ended is a conflict (exit 8).",
	.examples = "  jobctl forget 3-7\n"
	    "  jobctl forget --state succeeded --queue mail\n",
	.options = FOR_SELECT,
	.formats = ACT_FORMATS,
	.least = 0, .most = INT32_MAX,
	.run = run_forget,
};

const struct verb verb_hold = {
	.name = "hold",
	.operands = "IDS",
	.summary = "jobs that wait do not run until they are released",
	.about = "Holds the jobs and prints the id of each.  They keep their order key.  A job that\n"
	    "runs or has ended is a conflict (exit 8).",
	.examples = "  jobctl hold 42\n"
	    "  jobctl hold --queue mail --state ready\n",
	.options = FOR_SELECT,
	.formats = ACT_FORMATS,
	.least = 0, .most = INT32_MAX,
	.run = run_hold,
};

const struct verb verb_release = {
	.name = "release",
	.operands = "IDS",
	.summary = "let jobs run that were held",
	.about = "Releases the jobs and prints the id of each.  One that is not held is a conflict\n"
	    "(exit 8).",
	.examples = "  jobctl release 42\n",
	.options = FOR_SELECT,
	.formats = ACT_FORMATS,
	.least = 0, .most = INT32_MAX,
	.run = run_release,
};

const struct verb verb_dead_ls = {
	.name = "dead ls",
	.operands = "[IDS]",
	.summary = "failed jobs, newest first",
	.about = "Lists the dead letter: jobs that failed for good.",
	.examples = "  jobctl dead ls --type http.request -o wide\n",
	.options = FOR_SELECT | FOR_LIST,
	.formats = ACT_FORMATS | FORMAT_BIT(FORMAT_WIDE),
	.least = 0, .most = INT32_MAX,
	.run = run_dead_ls,
};

const struct verb verb_dead_retry = {
	.name = "dead retry",
	.operands = "[IDS]",
	.summary = "run failed jobs again: all, or those that are named",
	.about = "Runs the jobs of the dead letter again under their ids: all of them, or those that\n"
	    "filters or ids name.",
	.examples = "  jobctl dead retry --type http.request\n",
	.options = FOR_SELECT,
	.formats = ACT_FORMATS,
	.least = 0, .most = INT32_MAX,
	.run = run_dead_retry,
};

const struct verb verb_dead_purge = {
	.name = "dead purge",
	.operands = "[IDS]",
	.summary = "forget failed jobs: all, or those that are named",
	.about = "Empties the dead letter: forgets all failed jobs, or those that filters or ids\n"
	    "name.",
	.examples = "  jobctl dead purge --queue mail\n",
	.options = FOR_SELECT,
	.formats = ACT_FORMATS,
	.least = 0, .most = INT32_MAX,
	.run = run_dead_purge,
};
