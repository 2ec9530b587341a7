/* cmd_show.c - jobctl show: all about jobs.  Runs in: jobctl. */
#include "client/each.h"

#include <stdio.h>

#include "client/job_page.h"

struct showing {
	size_t	jobs, shown;
	int	code;
};

static void
print_json(struct ctl *ctl, struct showing *s, struct span job)
{
	bool	array = s->jobs > 1 && ctl->opt.format == FORMAT_JSON;

	if (array)
		buf_puts(&ctl->out, s->shown == 0 ? "[" : ",\n ");
	buf_append(&ctl->out, job.p, job.len);
	if (!array)
		buf_putc(&ctl->out, '\n');
}

static int
got(struct ctl *ctl, uint64_t id, const struct reply *reply, int *exit_code, void *ctx)
{
	struct showing	*s = ctx;
	char		 about[40];
	int		 code;

	if (reply->error.len > 0) {
		snprintf(about, sizeof(about), "job %llu", (unsigned long long)id);
		code = ctl_error(ctl, reply->error, about);
		if (s->code == 0)
			s->code = code;
		return 0;
	}
	if (ctl_wants_json(ctl)) {
		print_json(ctl, s, reply->result);
	} else {
		if (s->shown > 0)
			buf_puts(&ctl->out, "\n\n");
		job_page_print(reply->result, &ctl->out);
	}
	s->shown++;
	*exit_code = ctl_flush(ctl);
	return *exit_code != 0 ? -1 : 0;
}

static int
run(struct ctl *ctl)
{
	struct showing		s = { 0 };
	struct each		each = { "job.get", 1, each_put_id, got, &s };
	struct selection	jobs;
	int			rc;

	if ((rc = select_jobs(ctl, CTL_LINE_BYTES, &jobs)) != 0)
		return rc;
	s.jobs = jobs.len;
	rc = each_job(ctl, &jobs, &each, CTL_ANSWER_MS);
	if (rc == 0 && s.jobs > 1 && ctl->opt.format == FORMAT_JSON)
		buf_puts(&ctl->out, s.shown > 0 ? "]\n" : "[]\n");
	if (rc == 0)
		rc = ctl_flush(ctl);
	selection_free(&jobs);
	return rc != 0 ? rc : s.code;
}

const struct verb verb_show = {
	.name = "show",
	.operands = "IDS",
	.summary = "all about a job: argument, attempts, transitions",
	.about = "Prints a page for each job: what it is, who submitted it, its argument, its\n"
	    "result or failure, its attempts, and when and why it changed its state.",
	.examples = "  jobctl show 42\n"
	    "  jobctl show @last -o json | jq .attempts\n",
	.options = FOR_SELECT,
	.formats = FORMATS_DATA,
	.least = 0, .most = INT32_MAX,
	.run = run,
};
