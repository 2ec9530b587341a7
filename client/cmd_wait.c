/* cmd_wait.c - jobctl wait: until jobs have finished.  Runs in: jobctl. */
#include "client/each.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/outcome.h"
#include "client/print.h"
#include "lib/clock.h"

/*
 * Waits in flight.  While stdout is not read we do not read either, and the daemon closes a
 * connection that leaves BOUND_OUTPUT_CLOSE unread: so window and line are chosen to stay below
 * that.
 */
#define WINDOW		64
#define LINE_BYTES	(BOUND_OUTPUT_CLOSE / WINDOW)
#define SLACK_MS	5000	/* for a daemon that is late with its wait_timeout */

struct waiting {
	int64_t		 deadline_ns;	/* INT64_MAX: none */
	size_t		 finished, bad, late;
	int		 code;		/* the first that is not about an outcome */
	bool		 any;
};

static int64_t
left_ms(const struct waiting *w)
{
	int64_t	left = (w->deadline_ns - clock_mono_ns()) / NS_PER_MS;

	return left < 0 ? 0 : left;
}

static void
put_params(struct ctl *ctl, uint64_t id, struct buf *params, void *ctx)
{
	struct waiting	*w = ctx;

	(void)ctl;
	buf_printf(params, "{\"id\":%llu", (unsigned long long)id);
	if (w->deadline_ns != INT64_MAX)
		buf_printf(params, ",\"timeout_ms\":%lld", (long long)left_ms(w));
	buf_putc(params, '}');
}

static void
print_text(struct ctl *ctl, const struct outcome *o)
{
	buf_printf(&ctl->out, "%lld  ", (long long)o->id);
	buf_puts(&ctl->out, o->state);
	if (o->failure != NULL) {
		buf_puts(&ctl->out, "  ");
		buf_puts(&ctl->out, o->failure);
	}
	if (o->message != NULL) {
		buf_puts(&ctl->out, o->failure != NULL ? ": " : "  ");
		print_safe(&ctl->out, o->message, strlen(o->message));
	}
	buf_putc(&ctl->out, '\n');
}

static int
print_outcome(struct ctl *ctl, struct waiting *w, struct span value, const struct outcome *o)
{
	switch (ctl->opt.format) {
	case FORMAT_JSON:
		buf_puts(&ctl->out, w->finished == 1 ? "[" : ",\n ");
		buf_append(&ctl->out, value.p, value.len);
		return 0;
	case FORMAT_NDJSON:
		ctl_line(ctl, value);
		break;
	case FORMAT_ID:
		buf_printf(&ctl->out, "%lld\n", (long long)o->id);
		break;
	default:
		print_text(ctl, o);
		break;
	}
	return ctl_flush(ctl);
}

static void
refused(struct ctl *ctl, struct waiting *w, uint64_t id, struct span error)
{
	struct span	 data;
	char		*kind = json_member(error, "data", &data) ? json_text(data, "kind") : NULL;
	char		 about[40];
	int		 code;

	if (kind != NULL && strcmp(kind, "wait_timeout") == 0) {
		w->late++;
	} else {
		snprintf(about, sizeof(about), "job %llu", (unsigned long long)id);
		code = ctl_error(ctl, error, about);
		if (w->code == 0)
			w->code = code;
	}
	free(kind);
}

static int
got(struct ctl *ctl, uint64_t id, const struct reply *reply, int *exit_code, void *ctx)
{
	struct waiting	*w = ctx;
	struct outcome	 o;

	if (reply->error.len > 0) {
		refused(ctl, w, id, reply->error);
		return w->any ? 1 : 0;
	}
	if (outcome_read(reply->result, &o)) {
		w->finished++;
		w->bad += !outcome_good(&o);
		*exit_code = print_outcome(ctl, w, reply->result, &o);
	} else {
		*exit_code = ctl_odd(ctl, "job.wait");
	}
	outcome_free(&o);
	return *exit_code != 0 ? -1 : w->any ? 1 : 0;
}

static int
conclude(struct ctl *ctl, const struct waiting *w, size_t jobs)
{
	int	rc;

	if (ctl->opt.format == FORMAT_JSON)
		buf_puts(&ctl->out, w->finished > 0 ? "]\n" : "[]\n");
	if ((rc = ctl_flush(ctl)) != 0)
		return rc;
	if (w->late > 0)
		rc = ctl_fail(ctl, EXIT_WAIT_TIMEOUT,
		    "the time to wait is over: %zu of %zu jobs not finished",
		    w->any ? jobs : w->late, jobs);
	else if (w->bad > 0)
		rc = ctl_fail(ctl, EXIT_NOT_ALL, "%zu of %zu jobs did not succeed", w->bad,
		    w->finished);
	return w->code != 0 ? w->code : rc;
}

static int
run(struct ctl *ctl)
{
	struct waiting		w = { .deadline_ns = INT64_MAX };
	struct each		each = { "job.wait", WINDOW, put_params, got, &w };
	struct selection	jobs;
	int64_t			timeout_ms = CONN_FOREVER;
	int			rc;

	if ((rc = select_jobs(ctl, LINE_BYTES, &jobs)) != 0)
		return rc;
	if (option_given(&ctl->opt, OPT_wait_for)) {
		timeout_ms = ctl->opt.number[OPT_wait_for] + SLACK_MS;
		w.deadline_ns = clock_after_ms(clock_mono_ns(), ctl->opt.number[OPT_wait_for]);
	}
	w.any = option_given(&ctl->opt, OPT_any);
	if (w.any)
		each.window = BOUND_OPEN_CALLS;		/* one reply is read, and none after it */
	if (w.any && jobs.len > each.window)
		rc = ctl_usage(ctl, "--any of more than %d jobs", BOUND_OPEN_CALLS);
	else
		rc = each_job(ctl, &jobs, &each, timeout_ms);
	if (rc == 0)
		rc = conclude(ctl, &w, jobs.len);
	selection_free(&jobs);
	return rc;
}

const struct verb verb_wait = {
	.name = "wait",
	.operands = "IDS",
	.summary = "wait until jobs have finished",
	.about = "Waits until all of the jobs (with --any, one) have finished, and prints each\n"
	    "as it does.  Exits 0 when they succeeded, 1 when one did not, 3 when one is not\n"
	    "known or forgotten, 4 when the time to wait was over first; the jobs go on\n"
	    "then.",
	.examples = "  jobctl wait 42\n"
	    "  jobctl wait 3-7 @last:2 --timeout 10m\n"
	    "  jobctl wait --queue mail --state running --any\n",
	.options = FOR_WAIT | FOR_SELECT,
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 0, .most = INT32_MAX,
	.run = run,
};
