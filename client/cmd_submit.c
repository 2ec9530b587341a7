/* cmd_submit.c - jobctl submit: hand in a job and go.  Runs in: jobctl. */
#include "client/jobopts.h"

#include "client/outcome.h"

static int
print_submitted(struct ctl *ctl, struct span submitted)
{
	struct outcome	o;
	int		rc;

	if (ctl_wants_json(ctl)) {
		ctl_line(ctl, submitted);
		return ctl_flush(ctl);
	}
	if (outcome_read(submitted, &o)) {
		buf_put_i64(&ctl->out, o.id);
		buf_putc(&ctl->out, '\n');
		rc = ctl_flush(ctl);
	} else {
		rc = ctl_odd(ctl, "job.submit");
	}
	outcome_free(&o);
	return rc;
}

static int
run(struct ctl *ctl)
{
	struct buf	args = { 0 }, params = { 0 };
	struct span	submitted;
	int		rc;

	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	if ((rc = jobopts_read_args(ctl, &args)) == 0) {
		jobopts_put_job(&ctl->opt, (struct span){ buf_data(&args), buf_len(&args) },
		    &params);
		buf_putc(&params, '}');
		rc = ctl_ask(ctl, "job.submit", &params,
		    option_given(&ctl->opt, OPT_room_wait) ? CONN_FOREVER : CTL_ANSWER_MS,
		    &submitted);
	}
	if (rc == 0)
		rc = print_submitted(ctl, submitted);
	buf_free(&args);
	buf_free(&params);
	return rc;
}

const struct verb verb_submit = {
	.name = "submit",
	.operands = "TYPE [JSON | -]",
	.summary = "hand in a job, print its id",
	.about = "Hands in a job of TYPE with the argument JSON (- reads it from stdin, none is\n"
	    "null) and prints its id once the daemon has accepted it.",
	.examples = "  jobctl submit sleep '{\"ms\": 500}' --delay 10s\n"
	    "  jobctl submit report --unique-key report-$(date +%F) --unique-for 1d\n"
	    "  id=$(jobctl submit file.digest '{\"path\": \"/data/a.iso\"}') && jobctl wait $id\n",
	.options = FOR_JOB | FOR_ONE_JOB,
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 1, .most = 2,
	.run = run,
};
