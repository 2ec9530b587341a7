/* cmd_result.c - jobctl result: the result of a finished job.  Runs in: jobctl. */
#include "client/outcome.h"
#include "client/select.h"

#include <string.h>

/* There is no result: the job failed, or has not finished. */
static int
say_why(struct ctl *ctl, const struct outcome *o)
{
	if (o->failure != NULL || strcmp(o->state, "cancelled") == 0 ||
	    strcmp(o->state, "expired") == 0)
		return outcome_exit(ctl, o);
	return ctl_fail(ctl, EXIT_CANNOT, "job %lld is %s: it has no result yet (jobctl wait %lld)",
	    (long long)o->id, o->state, (long long)o->id);
}

static int
run(struct ctl *ctl)
{
	struct buf	params = { 0 };
	struct span	job;
	struct outcome	o;
	uint64_t	id;
	int		rc;

	if ((rc = select_job(ctl, CTL_LINE_BYTES, &id)) != 0)
		return rc;
	buf_printf(&params, "{\"id\":%llu}", (unsigned long long)id);
	rc = ctl_ask(ctl, "job.get", &params, CTL_ANSWER_MS, &job);
	buf_free(&params);
	if (rc != 0)
		return rc;
	if (!outcome_read(job, &o))
		rc = ctl_odd(ctl, "job.get");
	else if (!outcome_good(&o))
		rc = say_why(ctl, &o);
	else if ((rc = outcome_print_result(ctl, (int64_t)id)) == 0)
		buf_putc(&ctl->out, '\n');
	outcome_free(&o);
	return rc != 0 ? rc : ctl_flush(ctl);
}

const struct verb verb_result = {
	.name = "result",
	.operands = "ID | @last",
	.summary = "print the result of a finished job, exit as it did",
	.about = "Prints the result of one job as its handler spelt it, and exits as the job\n"
	    "did: 0, 1 it failed, 124 it timed out, 125 it has not finished, was forgotten,\n"
	    "or jobctl could not ask.",
	.examples = "  jobctl result 42\n"
	    "  jobctl result @last | jq .\n",
	.options = 0,
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.one_job = true,
	.run = run,
};
