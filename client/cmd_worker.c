/* cmd_worker.c - jobctl worker drain and recycle.  Runs in: jobctl. */
#include "client/named.h"

static int
run_drain(struct ctl *ctl)
{
	return named_do(ctl, "worker.drain", "takes no new jobs, and ends when it has none left");
}

static int
run_recycle(struct ctl *ctl)
{
	return named_do(ctl, "worker.recycle", "ends when it has no job left, and is started anew");
}

const struct verb verb_worker_drain = {
	.name = "worker drain",
	.operands = "WORKER",
	.summary = "give a worker no more jobs",
	.about = "The worker gets no new jobs; what it runs goes on, and it ends when that has\n"
	    "ended.  It is not started anew until `worker recycle`.",
	.examples = "  jobctl worker drain cpu-1\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run_drain,
};

const struct verb verb_worker_recycle = {
	.name = "worker recycle",
	.operands = "WORKER",
	.summary = "start a worker anew when its jobs have ended",
	.about = "The worker gets no new jobs, ends when what it runs has ended, and a new process\n"
	    "takes its place: after its program was changed, or when it has grown.",
	.examples = "  jobctl worker recycle thumbs-2\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run_recycle,
};
