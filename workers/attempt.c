/* attempt.c - what a handler may ask and say.  Runs in: workers, any thread that runs a handler. */
#include "workers/attempt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/utf8.h"
#include "proto/bounds.h"
#include "proto/json_scan.h"

uint64_t
jobd_job_id(const struct jobd_attempt *at)
{
	return at->job;
}

uint32_t
jobd_attempt_number(const struct jobd_attempt *at)
{
	return at->number;
}

uint64_t
jobd_fence(const struct jobd_attempt *at)
{
	return at->fence;
}

const char *
jobd_args(const struct jobd_attempt *at, size_t *len)
{
	*len = at->args_len;
	return at->args;
}

const char *
jobd_traceparent(const struct jobd_attempt *at)
{
	return at->traceparent[0] == '\0' ? NULL : at->traceparent;
}

int64_t
jobd_deadline_ns(const struct jobd_attempt *at)
{
	return at->deadline_ns;
}

bool
jobd_should_stop(const struct jobd_attempt *at)
{
	return at->host->should_stop(at);
}

struct uv_loop_s *
jobd_loop(struct jobd_attempt *at)
{
	return at->host->loop == NULL ? NULL : at->host->loop();
}

void
jobd_enter(const struct jobd_attempt *at)
{
	if (at->host->entered != NULL)
		at->host->entered(at);
}

void
jobd_set_data(struct jobd_attempt *at, void *data)
{
	at->data = data;
}

void *
jobd_data(const struct jobd_attempt *at)
{
	return at->data;
}

/* Copies text as UTF-8: at most size - 1 bytes, bad bytes as '?'.  The length. */
static size_t
copy_text(char *out, size_t size, const char *text)
{
	size_t	len = strlen(text), n = 0;

	for (size_t i = 0; i < len;) {
		size_t	seq = utf8_sequence(text + i, len - i);
		size_t	take = seq == 0 ? 1 : seq;

		if (n + take > size - 1)
			break;
		if (seq == 0)
			out[n] = '?';
		else
			memcpy(out + n, text + i, seq);
		n += take;
		i += take;
	}
	out[n] = '\0';
	return n;
}

void
jobd_progress(struct jobd_attempt *at, uint64_t done, uint64_t total, const char *text)
{
	struct channel_progress	p = { .done = done, .total = total };

	copy_text(p.text, sizeof(p.text), text == NULL ? "" : text);
	at->host->progress(at, &p);
}

void
jobd_log(struct jobd_attempt *at, const char *fmt, ...)
{
	char	text[CHANNEL_LINE_BYTES + 1], line[sizeof(text)];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	at->host->say(at, line, copy_text(line, sizeof(line), text));
}

/* The one exit of an attempt.  False: it has ended already, and the outcome must not be touched. */
static bool
begin_end(struct jobd_attempt *at, enum channel_status status)
{
	if (at->status != 0) {
		at->ended_twice = true;
		return false;
	}
	at->status = status;
	return true;
}

static void
finish_end(struct jobd_attempt *at)
{
	if (at->host->ended != NULL)
		at->host->ended(at);
}

static void
write_result(struct jobd_attempt *at, const char *json, size_t len)
{
	char	text[128];

	if (len > at->max_result) {
		snprintf(text, sizeof(text),
		    "the result has %zu bytes; jobs.max_result_bytes allows %zu", len,
		    at->max_result);
		attempt_write_failure(at, "bad_result", text, NULL);
		return;
	}
	at->out_len = len;
	if (len > at->out_cap)
		at->large = mem_dup(json, len);
	else if (len > 0)
		memcpy(at->out, json, len);
}

void
jobd_succeed(struct jobd_attempt *at, const char *json, size_t len)
{
	if (!begin_end(at, CHANNEL_OK))
		return;
	write_result(at, json, len);
	finish_end(at);
}

/* How an attempt failed, on its way into the channel. */
struct told_failure {
	const char	*kind, *message, *data;	/* data: NULL: none */
	size_t		 len;			/* of message */
	bool		 final;
	int64_t		 retry_after_ms;	/* 0: not said */
};

static void
print_failure(struct buf *b, const struct told_failure *f)
{
	buf_consume(b, buf_len(b));
	buf_puts(b, "{\"kind\":");
	buf_put_json(b, f->kind, strlen(f->kind));
	if (f->final)
		buf_puts(b, ",\"retryable\":false");
	if (f->retry_after_ms > 0)
		buf_printf(b, ",\"retry_after_ms\":%lld", (long long)f->retry_after_ms);
	buf_puts(b, ",\"message\":");
	buf_put_json(b, f->message, f->len);
	if (f->data != NULL) {
		buf_puts(b, ",\"data\":");
		buf_puts(b, f->data);
	}
	buf_putc(b, '}');
}

static bool
data_is_good(const char *data_json)
{
	return data_json != NULL && strlen(data_json) <= BOUND_FAILURE_DATA &&
	    scan_check(data_json, strlen(data_json), BOUND_DEPTH) == NULL;
}

/* Half of a text, cut between characters. */
static size_t
halve(const char *text, size_t len)
{
	for (len /= 2; len > 0 && (text[len] & 0xc0) == 0x80; len--)
		continue;
	return len;
}

static void
write_failure(struct jobd_attempt *at, struct told_failure f)
{
	struct buf	b = { 0 };
	char		text[BOUND_FAILURE_MESSAGE + 1];

	f.len = copy_text(text, sizeof(text), f.message);
	f.message = text;
	f.data = data_is_good(f.data) ? f.data : NULL;
	at->status = CHANNEL_FAILED;
	print_failure(&b, &f);
	/* the data goes first, then half of the message again and again: escapes lengthen it */
	while (buf_len(&b) > at->out_cap && (f.data != NULL || f.len > 0)) {
		if (f.data == NULL)
			f.len = halve(text, f.len);
		f.data = NULL;
		print_failure(&b, &f);
	}
	at->out_len = buf_len(&b) <= at->out_cap ? buf_len(&b) : 0;
	if (at->out_len > 0)
		memcpy(at->out, buf_data(&b), at->out_len);
	buf_free(&b);
}

void
attempt_write_failure(struct jobd_attempt *at, const char *kind, const char *message,
    const char *data_json)
{
	write_failure(at, (struct told_failure){ .kind = kind, .message = message,
	    .data = data_json });
}

void
jobd_fail(struct jobd_attempt *at, const char *message, const char *data_json)
{
	if (!begin_end(at, CHANNEL_FAILED))
		return;
	attempt_write_failure(at, "error", message, data_json);
	finish_end(at);
}

/* Of a caller that was compiled against a shorter struct only what it has is read. */
void
jobd_fail_as(struct jobd_attempt *at, const struct jobd_failure *f)
{
	struct jobd_failure	whole = { 0 };

	memcpy(&whole, f, f->size < sizeof(whole) ? f->size : sizeof(whole));
	if (!begin_end(at, CHANNEL_FAILED))
		return;
	write_failure(at, (struct told_failure){ .kind = "error",
	    .message = whole.message == NULL ? "" : whole.message, .data = whole.data_json,
	    .final = whole.final, .retry_after_ms = whole.retry_after_ms });
	finish_end(at);
}

void
jobd_failf(struct jobd_attempt *at, const char *fmt, ...)
{
	char	text[BOUND_FAILURE_MESSAGE + 1];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	jobd_fail(at, text, NULL);
}

void
jobd_cancelled(struct jobd_attempt *at)
{
	if (!begin_end(at, CHANNEL_CANCELLED))
		return;
	at->out_len = 0;
	finish_end(at);
}

/* Is the argument what the type takes?  False: the attempt has failed. */
static bool
check_args(struct jobd_attempt *at)
{
	char	why[BOUND_FAILURE_MESSAGE + 1];

	if (at->schema == NULL)
		return true;
	at->tree = schema_read(at->schema, at->args, at->args_len, why, sizeof(why));
	if (at->tree == NULL)
		jobd_fail_as(at, &(struct jobd_failure){ .size = sizeof(struct jobd_failure),
		    .message = why, .final = true });
	return at->tree != NULL;
}

void
attempt_run(struct jobd_attempt *at)
{
	if (check_args(at))
		at->handler->run(at);
	attempt_settle(at);
}

void
attempt_start(struct jobd_attempt *at)
{
	if (check_args(at))
		at->handler->start(at);
}

void
attempt_settle(struct jobd_attempt *at)
{
	char	text[128 + BOUND_NAME_BYTES];

	if (at->status != 0 && !at->ended_twice)
		return;
	snprintf(text, sizeof(text), at->ended_twice ? "handler %.*s ended its attempt twice" :
	    "handler %.*s returned without a result", BOUND_NAME_BYTES, at->handler->name);
	log_error("%s job=%llu", text, (unsigned long long)at->job);
	free(at->large);
	at->large = NULL;
	attempt_write_failure(at, "error", text, NULL);
}

void
attempt_fini(struct jobd_attempt *at)
{
	free(at->large);
	at->large = NULL;
	json_decref(at->tree);
	at->tree = NULL;
}
