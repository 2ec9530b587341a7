/* cmd_explain.c - jobctl explain: why a job waits, runs there, or ended so.  Runs in: jobctl. */
#include "client/explain_page.h"
#include "client/select.h"

static int
run(struct ctl *ctl)
{
	struct buf	params = { 0 };
	struct span	explanation;
	uint64_t	id;
	int		rc;

	if ((rc = select_job(ctl, CTL_LINE_BYTES, &id)) != 0)
		return rc;
	buf_printf(&params, "{\"id\":%llu}", (unsigned long long)id);
	rc = ctl_ask(ctl, "job.explain", &params, CTL_ANSWER_MS, &explanation);
	buf_free(&params);
	if (rc != 0)
		return rc;
	if (ctl_wants_json(ctl))
		ctl_line(ctl, explanation);
	else
		explain_page_print(explanation, &ctl->out);
	return ctl_flush(ctl);
}

const struct verb verb_explain = {
	.name = "explain",
	.operands = "ID | @last",
	.summary = "why it waits, runs where it runs, or ended as it did",
	.about = "Says in words what the job waits for or how it ended, and prints every\n"
	    "question that the decision tree asked to find its lane, with the answer and\n"
	    "the evidence.",
	.examples = "  jobctl explain 42\n"
	    "  jobctl explain @last -o json | jq .route\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run,
};
