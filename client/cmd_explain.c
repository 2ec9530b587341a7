/* cmd_explain.c - jobctl explain: why a job waits, runs there, or ended so.  Runs in: jobctl. */
#include "client/select.h"
#include "client/tree.h"

#include <stdlib.h>
#include <string.h>

#include "client/print.h"

static void
print_explanation(struct ctl *ctl, struct span e)
{
	char		*text = json_text(e, "text"), *state = json_text(e, "state");
	struct span	 route;
	int64_t		 id = 0;

	json_int(e, "id", &id);
	buf_printf(&ctl->out, "job %lld", (long long)id);
	/* of a finished job the text begins with its state */
	if (state != NULL && (text == NULL || strncmp(text, state, strlen(state)) != 0))
		buf_printf(&ctl->out, " is %s:", state);
	if (text != NULL) {
		buf_putc(&ctl->out, ' ');
		print_safe(&ctl->out, text, strlen(text));
	}
	buf_putc(&ctl->out, '\n');
	if (json_member(e, "route", &route))
		tree_print(route, &ctl->out);
	free(text);
	free(state);
}

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
		print_explanation(ctl, explanation);
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
