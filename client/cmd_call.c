/* cmd_call.c - jobctl call: run a job, print its result, exit as it did.  Runs in: jobctl. */
#include "client/jobopts.h"

#include "client/outcome.h"

/* -o json: the outcome as the daemon put it, with a long result in its place. */
static int
print_outcome(struct ctl *ctl, struct span value, const struct outcome *o)
{
	int	rc;

	if (o->result_bytes < 0) {
		ctl_line(ctl, value);
		return ctl_flush(ctl);
	}
	buf_printf(&ctl->out, "{\"id\":%lld,\"state\":\"succeeded\",\"result\":", (long long)o->id);
	if ((rc = outcome_print_result(ctl, o->id)) != 0)
		return rc;
	buf_puts(&ctl->out, "}\n");
	return ctl_flush(ctl);
}

static int
print_result(struct ctl *ctl, const struct outcome *o)
{
	int	rc;

	if (o->result_bytes < 0) {
		ctl_line(ctl, o->result);
		return ctl_flush(ctl);
	}
	if ((rc = outcome_print_result(ctl, o->id)) != 0)
		return rc;
	buf_putc(&ctl->out, '\n');
	return ctl_flush(ctl);
}

static int
finish(struct ctl *ctl, struct span value)
{
	struct outcome	o;
	int		rc = 0;

	if (!outcome_read(value, &o)) {
		outcome_free(&o);
		return ctl_odd(ctl, "job.call");
	}
	if (ctl->opt.format == FORMAT_ID) {
		buf_printf(&ctl->out, "%lld\n", (long long)o.id);
		rc = ctl_flush(ctl);
	} else if (ctl_wants_json(ctl)) {
		rc = print_outcome(ctl, value, &o);
	} else if (outcome_good(&o)) {
		rc = print_result(ctl, &o);
	}
	if (rc == 0)
		rc = outcome_exit(ctl, &o);
	outcome_free(&o);
	return rc;
}

static int
run(struct ctl *ctl)
{
	struct buf	args = { 0 }, params = { 0 };
	struct span	outcome;
	int		rc;

	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	if ((rc = jobopts_read_args(ctl, &args)) == 0) {
		jobopts_put_job(&ctl->opt, (struct span){ buf_data(&args), buf_len(&args) },
		    &params);
		if (option_given(&ctl->opt, OPT_wait))
			buf_printf(&params, ",\"wait_ms\":%lld",
			    (long long)ctl->opt.number[OPT_wait]);
		if (option_given(&ctl->opt, OPT_cancel))
			buf_puts(&params, ",\"cancel_on_disconnect\":true");
		buf_putc(&params, '}');
		rc = ctl_ask(ctl, "job.call", &params, CONN_FOREVER, &outcome);
	}
	if (rc == 0)
		rc = finish(ctl, outcome);
	buf_free(&args);
	buf_free(&params);
	return rc;
}

const struct verb verb_call = {
	.name = "call",
	.operands = "TYPE [JSON | -]",
	.summary = "run a job, print its result, exit as it did",
	.about = "Runs a job of TYPE with the argument JSON (- reads it from stdin, none is\n"
	    "null), prints its result as the handler spelt it, and exits as the job did: 0,\n"
	    "1 it failed, 124 its --timeout was over, 126 not permitted, 127 no such type,\n"
	    "125 jobctl could not do it.  When jobctl goes first the job goes on, unless\n"
	    "--cancel-on-disconnect.",
	.examples = "  jobctl call echo '{\"hello\": \"world\"}'\n"
	    "  jobctl call file.digest '{\"path\": \"/data/a.iso\"}' -t 5m | jq -r .digest\n",
	.options = FOR_JOB | FOR_ONE_JOB | FOR_CALL,
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 1, .most = 2,
	.one_job = true,
	.run = run,
};
