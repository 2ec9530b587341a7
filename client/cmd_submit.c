/* cmd_submit.c - jobctl submit: a job for the daemon, not waited for.  Runs in: jobctl. */
#include "client/jobopts.h"

#include "client/command.h"
#include "client/outcome.h"
#include "client/submit.h"

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

/* `TYPE [JSON | -]` */
static int
put_typed(struct ctl *ctl, struct buf *params)
{
	struct buf	args = { 0 };
	int		rc;

	if (ctl->opt.operands_len == 0 || ctl->opt.operands_len > 2)
		return ctl_usage(ctl, "usage: jobctl submit %s", ctl->verb->operands);
	if ((rc = command_check_options(ctl)) == 0 && (rc = jobopts_read_args(ctl, &args)) == 0)
		jobopts_put_job(&ctl->opt, (struct span){ buf_data(&args), buf_len(&args) },
		    params);
	buf_free(&args);
	return rc;
}

static int
put_command(struct ctl *ctl, struct buf *params)
{
	bool	open = option_given(&ctl->opt, OPT_stdin_open);

	return command_put_job(ctl, open ? ",\"stdin_stream\":true" : "", params);
}

int
submit_job(struct ctl *ctl, bool command)
{
	struct buf	params = { 0 };
	struct span	submitted;
	int		rc;

	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	if ((rc = command ? put_command(ctl, &params) : put_typed(ctl, &params)) == 0) {
		buf_putc(&params, '}');
		rc = ctl_ask(ctl, "job.submit", &params,
		    option_given(&ctl->opt, OPT_room_wait) ? CONN_FOREVER : CTL_ANSWER_MS,
		    &submitted);
	}
	if (rc == 0)
		rc = print_submitted(ctl, submitted);
	buf_free(&params);
	return rc;
}

static int
run(struct ctl *ctl)
{
	return submit_job(ctl, command_given(&ctl->opt));
}

const struct verb verb_submit = {
	.name = "submit",
	.operands = "TYPE [JSON | -] | -- CMD...",
	.summary = "submit a job or a command, print its id",
	.about = "Submits a job of TYPE with the argument JSON (- reads it from stdin, none is\n"
	    "null), or behind -- a command and its arguments, and prints its id once the\n"
	    "daemon has accepted it.  A command runs in your directory, without a shell, and\n"
	    "with no more of your environment than -e names; `jobctl logs` has what it says.",
	.examples = "  jobctl submit sleep '{\"ms\": 500}' --delay 10s\n"
	    "  jobctl submit report --unique-key report-$(date +%F) --unique-for 1d\n"
	    "  id=$(jobctl submit file.digest '{\"path\": \"/data/a.iso\"}') && jobctl wait $id\n"
	    "  jobctl submit --timeout 2h -e LANG -- make -C /srv/site all\n",
	.options = FOR_JOB | FOR_ONE_JOB | FOR_COMMAND | FOR_STDIN,
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 0, .most = INT32_MAX,
	.run = run,
};
