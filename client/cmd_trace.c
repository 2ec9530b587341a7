/*
 * cmd_trace.c - jobctl trace: what ran where and when, as a file for a viewer.  Runs in: jobctl.
 *
 * The daemon's list is read a page at a time and written as it comes: what is kept of a slice is when
 * its track was busy (tracks.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/chrome.h"
#include "client/list.h"
#include "client/select.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"

#define SINCE_MS	(INT64_C(600) * 1000)
#define FLUSH_BYTES	((size_t)256 << 10)

struct drawing {
	struct chrome	 chrome;
	struct buf	 out;
	int		 fd;
	const char	*path;		/* NULL: stdout */
	int64_t		 since_ms, now_ms;
};

/* ---- one attempt ---- */

/* What of a job its attempts share. */
enum { ID, STATE, TYPE, QUEUE, TRACEPARENT, ATTEMPTS, TRANSITIONS, JOB_MEMBERS };
static const char *const	job_members[JOB_MEMBERS] = {
	"id", "state", "type", "queue", "traceparent", "attempts", "transitions",
};

enum { NUMBER, LANE, WORKER, STARTED, ENDED, END, ATTEMPT_MEMBERS };
static const char *const	attempt_members[ATTEMPT_MEMBERS] = {
	"number", "lane", "worker", "started_ms", "ended_ms", "end",
};

/* Since when it was ready, last before it started; that itself when nobody knows. */
static int64_t
ready_before(struct span transitions, int64_t started_ms)
{
	int64_t		 ready_ms = started_ms, at_ms;
	struct json_walk w;

	if (transitions.len == 0)
		return started_ms;
	json_array(&w, transitions);
	while (json_element(&w)) {
		char	*state = json_text(w.value, "state");

		if (state != NULL && strcmp(state, "ready") == 0 && json_int(w.value, "at_ms", &at_ms) &&
		    at_ms <= started_ms)
			ready_ms = at_ms;
		free(state);
	}
	return ready_ms;
}

static void
put_member(struct buf *out, const char *name, struct span value)
{
	if (value.len == 0)
		return;
	buf_printf(out, "%s\"%s\":", buf_len(out) > 0 ? "," : "", name);
	buf_append(out, value.p, value.len);
}

static void
put_args(struct buf *out, const struct span *job, const struct span *attempt, int64_t started_ms)
{
	put_member(out, "job", job[ID]);
	put_member(out, "attempt", attempt[NUMBER]);
	put_member(out, "type", job[TYPE]);
	put_member(out, "queue", job[QUEUE]);
	put_member(out, "lane", attempt[LANE]);
	put_member(out, "state", job[STATE]);
	put_member(out, "end", attempt[ENDED].len > 0 ? attempt[END] : (struct span){ "\"running\"", 9 });
	buf_puts(out, ",\"wait_ms\":");
	buf_put_i64(out, started_ms - ready_before(job[TRANSITIONS], started_ms));
	put_member(out, "traceparent", job[TRACEPARENT]);
}

/* One that runs ends now, for all we know. */
static void
draw(struct drawing *d, const struct span *job, struct span attempt)
{
	struct span		a[ATTEMPT_MEMBERS];
	struct chrome_slice	s = { .to_ms = d->now_ms };
	struct buf		args = { 0 };
	char			*worker, *lane, *type = json_value_text(job[TYPE]);

	json_members(attempt, attempt_members, a, ATTEMPT_MEMBERS);
	worker = json_value_text(a[WORKER]);
	lane = json_value_text(a[LANE]);
	json_value_int(a[ENDED], &s.to_ms);
	if (worker != NULL && lane != NULL && type != NULL && json_value_int(a[STARTED], &s.from_ms) &&
	    s.to_ms >= d->since_ms) {
		if (s.to_ms < s.from_ms)	/* somebody has set a clock */
			s.to_ms = s.from_ms;
		put_args(&args, job, a, s.from_ms);
		s.worker = worker;
		s.name = type;
		s.category = lane;
		s.args = &args;
		chrome_slice(&d->chrome, &s);
	}
	buf_free(&args);
	free(type);
	free(worker);
	free(lane);
}

/* ---- the file ---- */

static int
flush(struct ctl *ctl, struct drawing *d)
{
	int	rc = fd_write_all(d->fd, buf_data(&d->out), buf_len(&d->out));

	buf_consume(&d->out, buf_len(&d->out));
	if (rc == 0)
		return 0;
	return ctl_fail(ctl, EXIT_REFUSED, "cannot write to %s: %s", d->path == NULL ? "stdout" : d->path,
	    strerror(-rc));
}

static int
each_job(struct ctl *ctl, struct span item, void *ctx)
{
	struct drawing	*d = ctx;
	struct span	 job[JOB_MEMBERS];
	struct json_walk w;

	json_members(item, job_members, job, JOB_MEMBERS);
	if (job[ATTEMPTS].len > 0) {
		json_array(&w, job[ATTEMPTS]);
		while (json_element(&w))
			draw(d, job, w.value);
	}
	return buf_len(&d->out) >= FLUSH_BYTES ? flush(ctl, d) : 0;
}

static int
open_file(struct ctl *ctl, struct drawing *d)
{
	d->fd = STDOUT_FILENO;
	if (ctl->opt.operands_len == 0 || strcmp(ctl->opt.operands[0], "-") == 0)
		return 0;
	d->path = ctl->opt.operands[0];
	if ((d->fd = open(d->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) >= 0)
		return 0;
	return ctl_fail(ctl, EXIT_REFUSED, "cannot open %s: %s", d->path, strerror(errno));
}

static int
close_file(struct ctl *ctl, struct drawing *d)
{
	if (d->path == NULL)
		return 0;
	if (close(d->fd) != 0)
		return ctl_fail(ctl, EXIT_REFUSED, "cannot write to %s: %s", d->path, strerror(errno));
	return 0;
}

/* ---- the verb ---- */

static int
draw_all(struct ctl *ctl, struct drawing *d)
{
	struct buf	filter = { 0 };
	uint32_t	workers;
	int		rc;

	select_put_filter(&ctl->opt, ctl->principal, NULL, &filter);
	filter.tail--;		/* its brace */
	buf_printf(&filter, "%s\"active_ms\":%lld}", buf_len(&filter) > 1 ? "," : "", (long long)d->since_ms);
	chrome_begin(&d->chrome, &d->out);
	rc = list_each_with(ctl, "job.list", "\"attempts\":true", &filter, UINT64_MAX, NULL, each_job, d);
	workers = d->chrome.tracks.len;
	chrome_end(&d->chrome);
	buf_free(&filter);
	if (rc == 0 && (rc = flush(ctl, d)) == 0 && d->path != NULL)
		ctl_say(ctl, "%s: %llu attempts of %u workers; https://ui.perfetto.dev opens it", d->path,
		    (unsigned long long)d->chrome.slices, workers);
	return rc;
}

static int
run(struct ctl *ctl)
{
	struct drawing	d = { .now_ms = clock_real_ms() };
	int		rc, closed;

	d.since_ms = option_given(&ctl->opt, OPT_drawn_since) ? ctl->opt.number[OPT_drawn_since] :
	    d.now_ms - SINCE_MS;
	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0 || (rc = open_file(ctl, &d)) != 0)
		return rc;
	rc = draw_all(ctl, &d);
	closed = close_file(ctl, &d);
	buf_free(&d.out);
	return rc != 0 ? rc : closed;
}

const struct verb verb_trace = {
	.name = "trace",
	.operands = "[FILE]",
	.summary = "what ran where and when, as a file for a trace viewer",
	.about = "Writes attempts as Chrome's JSON, which https://ui.perfetto.dev and chrome://tracing\n"
	    "open: a track for each worker, more of them where it ran several at once, and a\n"
	    "slice for each attempt, with its job, queue, state, and how long it waited.\n"
	    "Without FILE it goes to stdout.",
	.examples = "  jobctl trace --since 10m -o chrome trace.json\n"
	    "  jobctl trace --since 14:30 --queue mail | gzip > mail.json.gz\n",
	.options = FOR_TRACE,
	.formats = FORMAT_BIT(FORMAT_TEXT) | FORMAT_BIT(FORMAT_CHROME),
	.least = 0, .most = 1,
	.run = run,
};
