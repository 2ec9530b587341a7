/* job_page.c - all about a job, for people.  Runs in: jobctl. */
#include "client/job_page.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl.h"
#include "client/print.h"
#include "client/reasons.h"
#include "lib/clock.h"

/* ---- pieces of the page ---- */

static void
row(struct table *t, const char *title, struct buf *value)
{
	if (buf_len(value) == 0)
		return;
	table_puts(t, title);
	table_take(t, value);
}

static void
put_text(struct buf *out, struct span object, const char *member)
{
	char	*text = json_text(object, member);

	if (text != NULL)
		buf_puts(out, text);
	free(text);
}

static void
put_raw(struct buf *out, struct span object, const char *member)
{
	struct span	v;

	if (json_member(object, member, &v))
		buf_append(out, v.p, v.len);
}

static void
row_time(struct table *t, const char *title, struct span job, const char *member, int64_t now_ms)
{
	struct buf	cell = { 0 };
	int64_t		at;

	if (!json_int(job, member, &at))
		return;
	print_time(&cell, at);
	buf_puts(&cell, at <= now_ms ? "  (" : "  (in ");
	print_duration(&cell, at <= now_ms ? now_ms - at : at - now_ms);
	buf_puts(&cell, at <= now_ms ? " ago)" : ")");
	row(t, title, &cell);
}

static void
row_state(struct table *t, struct span job)
{
	struct buf	 cell = { 0 };
	char		*reason = json_text(job, "reason");

	put_text(&cell, job, "state");
	if (reason != NULL)
		buf_printf(&cell, ": %s", reason_words(reason));
	free(reason);
	row(t, "state", &cell);
}

static void
row_queue(struct table *t, struct span job)
{
	struct buf	cell = { 0 };
	int64_t		priority;

	put_text(&cell, job, "queue");
	if (json_int(job, "priority", &priority) && priority != 0)
		buf_printf(&cell, ", priority %lld", (long long)priority);
	row(t, "queue", &cell);
	put_text(&cell, job, "order_key");
	row(t, "order key", &cell);
	put_text(&cell, job, "unique_key");
	row(t, "unique key", &cell);
}

static void
row_lane(struct table *t, struct span job)
{
	struct buf	cell = { 0 };
	struct span	asked;

	put_text(&cell, job, "lane");
	if (json_member(job, "lane_asked", &asked))
		buf_puts(&cell, ", as asked for");
	row(t, "lane", &cell);
}

static void
row_submitter(struct table *t, struct span job)
{
	struct buf	cell = { 0 };
	struct span	by;

	if (!json_member(job, "submitted_by", &by))
		return;
	put_text(&cell, by, "principal");
	buf_puts(&cell, " with ");
	put_text(&cell, by, "client");
	buf_puts(&cell, " over ");
	put_text(&cell, by, "addr");
	row(t, "by", &cell);
}

static void
row_limits(struct table *t, struct span job)
{
	struct buf	 cell = { 0 };
	int64_t		 timeout_ms;
	char		*on_lost = json_text(job, "on_lost");

	if (json_int(job, "timeout_ms", &timeout_ms) && timeout_ms > 0)
		print_duration(&cell, timeout_ms);
	row(t, "timeout", &cell);
	if (on_lost != NULL && strcmp(on_lost, "fail") == 0)
		buf_puts(&cell, on_lost);
	row(t, "on lost", &cell);
	free(on_lost);
	put_raw(&cell, job, "labels");
	row(t, "labels", &cell);
}

static void
row_progress(struct table *t, struct span job)
{
	struct buf	cell = { 0 };
	struct span	progress;
	int64_t		done = 0, total = 0;

	if (!json_member(job, "progress", &progress))
		return;
	json_int(progress, "done", &done);
	json_int(progress, "total", &total);
	buf_printf(&cell, "%lld", (long long)done);
	if (total > 0)
		buf_printf(&cell, " of %lld (%d%%)", (long long)total,
		    (int)((double)done * 100 / (double)total));
	buf_putc(&cell, ' ');
	put_text(&cell, progress, "text");
	row(t, "progress", &cell);
}

/* args and result: as they are, or how long they are. */
static void
row_json(struct table *t, const char *title, struct span job, const char *member,
    const char *length)
{
	struct buf	cell = { 0 };
	int64_t		bytes;

	if (json_int(job, length, &bytes))
		print_bytes(&cell, bytes);
	else
		put_raw(&cell, job, member);
	row(t, title, &cell);
}

static void
row_failure(struct table *t, struct span job)
{
	struct buf	cell = { 0 };
	struct span	failure;

	if (!json_member(job, "failure", &failure))
		return;
	put_text(&cell, failure, "kind");
	buf_puts(&cell, ": ");
	put_text(&cell, failure, "message");
	row(t, "failure", &cell);
	put_raw(&cell, failure, "data");
	row(t, "data", &cell);
}

/* ---- attempts and transitions ---- */

static void
cell_text(struct table *t, struct span object, const char *member)
{
	char	*text = json_text(object, member);

	table_puts(t, text);
	free(text);
}

static void
attempt_row(struct table *t, struct span a, int64_t now_ms)
{
	struct buf	 cell = { 0 };
	int64_t		 began = 0, ended = now_ms;
	char		*end = json_text(a, "end");

	put_raw(&cell, a, "number");
	table_take(t, &cell);
	cell_text(t, a, "lane");
	cell_text(t, a, "worker");
	if (json_int(a, "started_ms", &began))
		print_time(&cell, began);
	table_take(t, &cell);
	json_int(a, "ended_ms", &ended);
	print_duration(&cell, ended - began);
	table_take(t, &cell);
	table_puts(t, end != NULL ? reason_words(end) : "running");
	free(end);
}

static void
print_attempts(struct buf *out, struct span job, int64_t now_ms)
{
	struct table	 t = { 0 };
	struct json_walk w;
	struct span	 attempts;

	if (!json_member(job, "attempts", &attempts))
		return;
	table_add(&t, "ATTEMPT", true);
	table_add(&t, "LANE", false);
	table_add(&t, "WORKER", false);
	table_add(&t, "STARTED", false);
	table_add(&t, "TOOK", true);
	table_add(&t, "END", false);
	json_array(&w, attempts);
	while (json_element(&w))
		attempt_row(&t, w.value, now_ms);
	if (t.len > 0) {
		buf_putc(out, '\n');
		table_print(&t, out, 0, 0, false);
	}
	table_free(&t);
}

static void
print_transitions(struct buf *out, struct span job)
{
	struct table	 t = { 0 };
	struct json_walk w;
	struct span	 moves;
	struct buf	 cell = { 0 };
	int64_t		 at;
	char		*reason;

	if (!json_member(job, "transitions", &moves))
		return;
	table_add(&t, "AT", false);
	table_add(&t, "STATE", false);
	table_add(&t, "WHY", false);
	json_array(&w, moves);
	while (json_element(&w)) {
		if (json_int(w.value, "at_ms", &at))
			print_time(&cell, at);
		table_take(&t, &cell);
		cell_text(&t, w.value, "state");
		reason = json_text(w.value, "reason");
		table_puts(&t, reason != NULL ? reason_words(reason) : NULL);
		free(reason);
	}
	buf_putc(out, '\n');
	table_print(&t, out, 0, 0, ctl_colour(STDOUT_FILENO));
	table_free(&t);
}

void
job_page_print(struct span job, struct buf *out)
{
	struct table	t = { 0 };
	struct buf	cell = { 0 };
	int64_t		now_ms = clock_real_ms();

	table_add(&t, NULL, false);
	table_add(&t, NULL, false);
	put_raw(&cell, job, "id");
	row(&t, "job", &cell);
	put_text(&cell, job, "type");
	row(&t, "type", &cell);
	row_state(&t, job);
	row_queue(&t, job);
	row_lane(&t, job);
	row_time(&t, "created", job, "created_ms", now_ms);
	row_time(&t, "due", job, "due_ms", now_ms);
	row_time(&t, "expires", job, "expires_ms", now_ms);
	row_submitter(&t, job);
	put_text(&cell, job, "traceparent");
	row(&t, "trace", &cell);
	row_limits(&t, job);
	row_progress(&t, job);
	row_json(&t, "args", job, "args", "args_bytes");
	row_json(&t, "result", job, "result", "result_bytes");
	row_failure(&t, job);
	table_print(&t, out, 0, 0, false);
	table_free(&t);
	print_attempts(out, job, now_ms);
	print_transitions(out, job);
}
