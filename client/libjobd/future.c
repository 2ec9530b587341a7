/*
 * future.c - a request from its start to its answer.  Runs in: programs that use libjobd.
 *
 * What a user calls a request can take several: a job that can be cancelled is submitted and then
 * waited for, and a result too long for a line is fetched in pieces.
 */
#include "client/libjobd/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define LEAST_LINE	1024	/* a daemon that takes less is not believed */

struct jobd_future *
future_new(struct jobd *j, enum future_kind kind)
{
	struct jobd_future	*f = mem_zalloc(1, sizeof(*f));

	f->j = j;
	f->kind = kind;
	list_push_back(&j->all, &f->all);
	list_init(&f->link);
	return f;
}

void
future_free(struct jobd_future *f)
{
	list_remove(&f->all);
	list_remove(&f->link);
	free(f->result);
	free(f->error);
	free(f->error_text);
	buf_free(&f->pieces);
	free(f);
}

static void
finish(struct jobd_future *f)
{
	f->done = true;
	buf_free(&f->pieces);
	if (f->abandoned)
		future_free(f);
	else
		list_push_back(f->callback != NULL ? &f->j->due : &f->j->done, &f->link);
}

void
future_fail(struct jobd_future *f, const struct jobd_error *why)
{
	f->error = mem_dup(why, sizeof(*why));
	if (f->error->job == 0)
		f->error->job = f->job;
	finish(f);
}

static void
succeed(struct jobd_future *f, struct span result)
{
	f->result = mem_strndup(result.p, result.len);
	f->result_len = result.len;
	finish(f);
}

/* The daemon's answer makes no sense: nothing that it says afterwards is believed. */
static void
odd(struct jobd_future *f, const char *method)
{
	struct jobd		*j = f->j;
	struct jobd_error	 why;

	error_set(&why, JOBD_BAD_REPLY, "the reply to %s lacks what it should say", method);
	if (f->kind == FUTURE_HELLO)
		error_set(&why, JOBD_UNREACHABLE, "what answers there does not speak our protocol");
	if (j->broken.code == 0)
		wire_break(j, &why);	/* ends f as well: it is not done */
}

/* ---- long results ---- */

static void
ask_piece(struct jobd_future *f)
{
	struct jobd	*j = f->j;
	int64_t		 limit = ((int64_t)j->max_line - 256) / 2;	/* all of it may be escaped */

	request_begin(j, "job.result");
	buf_printf(&j->out, "{\"id\":%llu,\"offset\":%zu,\"limit\":%lld}",
	    (unsigned long long)f->job, buf_len(&f->pieces), (long long)limit);
	f->step = STEP_PIECES;
	request_send(j, f);
}

static void
start_pieces(struct jobd_future *f, int64_t total)
{
	struct jobd_error	why;

	if (total <= (int64_t)f->j->max_result) {
		f->total = total;
		ask_piece(f);
		return;
	}
	error_set(&why, JOBD_REPLY_TOO_LONG, "the result has %lld bytes, above max_result_bytes",
	    (long long)total);
	strcpy(why.kind, "reply_too_long");
	future_fail(f, &why);
}

static void
piece_reply(struct jobd_future *f, struct span value)
{
	enum { DATA, OFFSET, TOTAL, MEMBERS };
	static const char *const names[MEMBERS] = { "data", "offset", "total" };
	struct span	m[MEMBERS], text;
	int64_t		offset, total, before = (int64_t)buf_len(&f->pieces), after;

	json_members(value, names, m, MEMBERS);
	if (json_type(m[DATA]) != SCAN_STRING || !json_value_int(m[OFFSET], &offset) ||
	    !json_value_int(m[TOTAL], &total) || offset != before || total != f->total ||
	    !scan_decode((struct span){ m[DATA].p + 1, m[DATA].len - 2 }, &f->pieces)) {
		odd(f, "job.result");
		return;
	}
	after = (int64_t)buf_len(&f->pieces);
	if (after < total && after > before) {
		ask_piece(f);
		return;
	}
	text = (struct span){ buf_data(&f->pieces), buf_len(&f->pieces) };
	if (after != total || scan_check(text.p, text.len, JSON_DEPTH) != NULL) {
		odd(f, "job.result");
		return;
	}
	f->result_len = text.len;
	f->result = buf_take_string(&f->pieces);
	finish(f);
}

/* ---- outcomes ---- */

static void
fail_job(struct jobd_future *f, const struct wire_outcome *o)
{
	struct jobd_error	 why;
	char			*reason = json_value_text(o->reason);

	error_set(&why, o->code, "%s", reason != NULL ? reason : "the daemon does not say why");
	free(reason);
	if (o->failure.len > 0) {
		error_read(&why, o->failure);
		why.code = o->code;
		snprintf(why.kind, sizeof(why.kind), "error");
		reason = json_text(o->failure, "kind");
		if (reason != NULL)
			snprintf(why.kind, sizeof(why.kind), "%s", reason);
		free(reason);
		f->error_text = mem_strndup(o->failure.p, o->failure.len);
	}
	why.retryable = false;
	why.job = o->id;
	future_fail(f, &why);
}

static void
outcome_reply(struct jobd_future *f, struct span value)
{
	struct wire_outcome	o;

	if (!outcome_parse(value, &o) || (f->job != 0 && f->job != o.id)) {
		odd(f, "job.call");
		return;
	}
	f->job = o.id;
	if (o.code != 0)
		fail_job(f, &o);
	else if (o.result.len > 0)
		succeed(f, o.result);
	else
		start_pieces(f, o.result_bytes);
}

/* ---- submits ---- */

static void
ask_job(struct jobd_future *f, const char *method)
{
	struct jobd	*j = f->j;

	request_begin(j, method);
	buf_puts(&j->out, "{\"id\":");
	buf_put_u64(&j->out, f->job);
	buf_putc(&j->out, '}');
	request_send(j, f);
}

/* Nobody looks at the answer: the job's own says how it ended. */
static void
send_cancel(struct jobd *j, uint64_t job)
{
	struct jobd_future	*f = future_new(j, FUTURE_REQUEST);

	f->abandoned = true;
	f->job = job;
	ask_job(f, "job.cancel");
}

static void
submit_reply(struct jobd_future *f, struct span value)
{
	int64_t	id;

	if (!json_int(value, "id", &id) || id <= 0) {
		odd(f, "job.submit");
		return;
	}
	f->job = (uint64_t)id;
	if (f->cancel_asked)
		send_cancel(f->j, f->job);
	if (f->kind == FUTURE_SUBMIT || f->abandoned) {
		succeed(f, value);
		return;
	}
	f->step = STEP_ANSWER;
	ask_job(f, "job.wait");
}

/* ---- hello ---- */

static void
hello_reply(struct jobd_future *f, struct span value)
{
	struct jobd	*j = f->j;
	struct span	 limits;
	int64_t		 n;

	if (!json_int(value, "protocol", &n) || n != 1) {
		odd(f, "hello");
		return;
	}
	if (json_member(value, "limits", &limits) && json_int(limits, "line_bytes", &n) &&
	    n >= LEAST_LINE)
		j->daemon_line = (size_t)n;
	j->hello = mem_strndup(value.p, value.len);
	succeed(f, value);
}

/* ---- replies ---- */

static void
refused(struct jobd_future *f, struct span error)
{
	struct jobd_error	why;

	error_read(&why, error);
	if (f->kind == FUTURE_HELLO) {
		wire_break(f->j, &why);
		return;
	}
	f->error_text = mem_strndup(error.p, error.len);
	future_fail(f, &why);
}

void
future_reply(struct jobd_future *f, const struct wire_reply *reply)
{
	if (reply->kind == REPLY_ERROR) {
		refused(f, reply->value);
		return;
	}
	switch (f->kind) {
	case FUTURE_HELLO:
		hello_reply(f, reply->value);
		break;
	case FUTURE_REQUEST:
		succeed(f, reply->value);
		break;
	case FUTURE_SUBMIT:
		submit_reply(f, reply->value);
		break;
	case FUTURE_OUTCOME:
		if (f->step == STEP_SUBMITTED)
			submit_reply(f, reply->value);
		else if (f->step == STEP_PIECES)
			piece_reply(f, reply->value);
		else
			outcome_reply(f, reply->value);
		break;
	}
}

void
future_callbacks(struct jobd *j)
{
	struct list	*node;

	if (j->in_callback)
		return;
	j->in_callback = true;
	while ((node = list_pop(&j->due)) != NULL) {
		struct jobd_future	*f = list_entry(node, struct jobd_future, link);

		f->callback(f, f->callback_data);	/* it may have freed f */
	}
	j->in_callback = false;
}

/* ---- the user's end ---- */

bool
jobd_done(const struct jobd_future *f)
{
	return f->done;
}

int
jobd_code(const struct jobd_future *f)
{
	return f->error != NULL ? f->error->code : 0;
}

const struct jobd_error *
jobd_error(const struct jobd_future *f)
{
	return f->error;
}

const char *
jobd_error_text(const struct jobd_future *f)
{
	return f->error_text;
}

const char *
jobd_result(const struct jobd_future *f, size_t *len)
{
	if (len != NULL)
		*len = f->result_len;
	return f->result;
}

char *
jobd_take_result(struct jobd_future *f, size_t *len)
{
	char	*result = f->result;

	if (len != NULL)
		*len = f->result_len;
	f->result = NULL;
	f->result_len = 0;
	return result;
}

uint64_t
jobd_id(const struct jobd_future *f)
{
	return f->job;
}

struct jobd *
jobd_of(const struct jobd_future *f)
{
	return f->j;
}

void
jobd_set_data(struct jobd_future *f, void *data)
{
	f->data = data;
}

void *
jobd_data(const struct jobd_future *f)
{
	return f->data;
}

void
jobd_on_done(struct jobd_future *f, void (*done)(struct jobd_future *f, void *data), void *data)
{
	f->callback = done;
	f->callback_data = data;
	if (!f->done)
		return;
	list_remove(&f->link);
	list_push_back(&f->j->due, &f->link);
	future_callbacks(f->j);
}

int
jobd_cancel(struct jobd_future *f, struct jobd_error *err)
{
	int	rc;

	if (!f->cancellable || (f->done && f->kind != FUTURE_SUBMIT))
		return error_set(err, JOBD_USAGE, f->done ? "the job has ended" :
		    "the future has no job that can be cancelled");
	if (f->cancel_asked)
		return 0;
	if (f->job != 0) {
		if ((rc = request_room(f->j, err)) != 0)
			return rc;
		send_cancel(f->j, f->job);
	}
	f->cancel_asked = true;
	return 0;
}

void
jobd_forget(struct jobd_future *f)
{
	if (f == NULL)
		return;
	if (f->done)
		future_free(f);
	else
		f->abandoned = true;
}
