/*
 * request.c - from a job, or a method and its params, to a line.
 * Runs in: programs that use libjobd.
 */
#include "client/libjobd/internal.h"

#include <string.h>

#include "lib/utf8.h"

/* ---- lines ---- */

int
request_room(const struct jobd *j, struct jobd_error *err)
{
	if (j->broken.code != 0)
		return error_copy(err, &j->broken);
	if (j->pending.len >= j->max_requests)
		return error_set(err, JOBD_FULL, "%zu requests are on their way", j->pending.len);
	if (buf_len(&j->out) >= j->max_unsent)
		return error_set(err, JOBD_FULL, "%zu bytes are not sent yet", buf_len(&j->out));
	return 0;
}

size_t
request_begin(struct jobd *j, const char *method)
{
	size_t	begin = buf_len(&j->out);

	buf_puts(&j->out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_u64(&j->out, j->last_id + 1);
	buf_puts(&j->out, ",\"method\":");
	buf_put_json(&j->out, method, strlen(method));
	buf_puts(&j->out, ",\"params\":");
	return begin;
}

/* A secret that was taken back does not stay in memory. */
void
request_drop(struct jobd *j, size_t begin)
{
	size_t	len = buf_len(&j->out) - begin;

	explicit_bzero(buf_data(&j->out) + begin, len);
	j->out.tail -= len;
}

int
request_end(struct jobd *j, size_t begin, struct jobd_error *err)
{
	size_t	len;

	buf_puts(&j->out, "}\n");
	len = buf_len(&j->out) - begin;
	if (j->daemon_line == 0 || len <= j->daemon_line)
		return 0;
	request_drop(j, begin);
	return error_set(err, JOBD_LINE_TOO_LONG,
	    "the request has %zu bytes, and the daemon takes lines of at most %zu", len,
	    j->daemon_line);
}

void
request_send(struct jobd *j, struct jobd_future *f)
{
	buf_puts(&j->out, "}\n");
	request_of(j, f);
}

void
request_of(struct jobd *j, struct jobd_future *f)
{
	idmap_put(&j->pending, ++j->last_id, f);
}

/* ---- JSON of the caller ---- */

bool
request_put_json(struct buf *out, const char *text, bool object)
{
	size_t	len = strlen(text), from = buf_len(out);

	if (scan_check(text, len, JSON_DEPTH) != NULL)
		return false;
	if (object && json_type((struct span){ text, len }) != SCAN_OBJECT)
		return false;
	buf_append(out, text, len);
	for (char *p = buf_data(out) + from; p < buf_data(out) + buf_len(out); p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';	/* a line feed would end the request */
	return true;
}

static bool
is_utf8(const char *text, size_t len)
{
	size_t	n;

	for (size_t i = 0; i < len; i += n)
		if ((n = utf8_sequence(text + i, len - i)) == 0)
			return false;
	return true;
}

/* `"name":"text"` with a comma before it. */
static bool
put_text(struct buf *out, const char *name, const char *text)
{
	size_t	len;

	if (text == NULL)
		return true;
	len = strlen(text);
	if (!is_utf8(text, len))
		return false;
	buf_puts(out, name);
	buf_put_json(out, text, len);
	return true;
}

static void
put_number(struct buf *out, const char *name, int64_t n)
{
	if (n == 0)
		return;
	buf_puts(out, name);
	buf_put_i64(out, n);
}

/* The members of an object of the caller's, each with a comma before it. */
static bool
put_fields(struct buf *out, const char *fields)
{
	struct buf	 text = { 0 };
	struct json_walk w;
	bool		 ok = request_put_json(&text, fields, true);

	if (ok)
		json_object(&w, (struct span){ buf_data(&text), buf_len(&text) });
	while (ok && json_next_member(&w)) {
		buf_puts(out, ",\"");
		buf_append(out, w.key.p, w.key.len);
		buf_puts(out, "\":");
		buf_append(out, w.value.p, w.value.len);
	}
	buf_free(&text);
	return ok;
}

int
request_put_job(struct buf *out, const struct jobd_job *job, struct jobd_error *err)
{
	if (job->type == NULL)
		return error_set(err, JOBD_USAGE, "a job needs a type");
	if (!put_text(out, "{\"type\":", job->type) ||
	    !put_text(out, ",\"queue\":", job->queue) ||
	    !put_text(out, ",\"order_key\":", job->order_key) ||
	    !put_text(out, ",\"lane\":", job->lane) ||
	    !put_text(out, ",\"traceparent\":", job->traceparent))
		return error_set(err, JOBD_USAGE,
		    "the type, queue, order key, lane or traceparent of a job is not UTF-8");
	put_number(out, ",\"priority\":", job->priority);
	put_number(out, ",\"delay_ms\":", job->delay_ms);
	put_number(out, ",\"timeout_ms\":", job->timeout_ms);
	put_number(out, ",\"ttl_ms\":", job->ttl_ms);
	if (job->fields != NULL && !put_fields(out, job->fields))
		return error_set(err, JOBD_USAGE, "the fields of a job are not a JSON object");
	if (job->args == NULL)
		return 0;
	buf_puts(out, ",\"args\":");
	if (!request_put_json(out, job->args, false))
		return error_set(err, JOBD_USAGE, "the args of a job are not JSON: %s",
		    scan_check(job->args, strlen(job->args), JSON_DEPTH));
	return 0;
}

/* ---- helpers ---- */

char *
jobd_quote(const char *text)
{
	struct buf	out = { 0 };

	if (!put_text(&out, "", text))
		return NULL;
	return buf_take_string(&out);
}
