/*
 * exec_outcome.c - what is told of a command's end.  Runs in: exec workers, loop thread.
 *
 * A result that does not fit into its entry waits to be fetched.  A failure must fit: of what the
 * command said less and less is told with it, until it does; all of it is in the job's log.
 */
#include "workers/exec.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/alloc.h"
#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/utf8.h"
#include "proto/bounds.h"
#include "proto/json_scan.h"

#define KEPT_RESULTS	4		/* so many of full length may wait to be fetched */

/* ---- bytes as JSON ---- */

/* Text that JSON carries everywhere: UTF-8 without a NUL. */
static bool
is_text(const char *p, size_t len)
{
	for (size_t i = 0, n; i < len; i += n)
		if (p[i] == '\0' || (n = utf8_sequence(p + i, len - i)) == 0)
			return false;
	return true;
}

/* Bytes of a character that has begun at the end of a text and may go on behind it. */
static size_t
cut_character(const char *p, size_t len)
{
	for (size_t back = 1; back <= 3 && back <= len; back++) {
		unsigned char	c = (unsigned char)p[len - back];

		if ((c & 0xc0) == 0xc0)
			return utf8_sequence(p + len - back, back) == 0 ? back : 0;
		if ((c & 0x80) == 0)
			break;
	}
	return 0;
}

/* `"stdout":"..."` or `"stdout_base64":"..."`, at most max bytes of it; and its length if that is more. */
static void
print_stream(struct buf *out, const char *name, const struct stream *s, size_t max)
{
	const char	*p = buf_len(&s->head) == 0 ? "" : buf_data(&s->head);
	size_t		 len = buf_len(&s->head) < max ? buf_len(&s->head) : max, text = len;

	if (len < s->bytes)
		text -= cut_character(p, len);
	if (is_text(p, text)) {
		buf_printf(out, ",\"%s\":", name);
		buf_put_json(out, p, text);
	} else {
		buf_printf(out, ",\"%s_base64\":\"", name);
		base64_put(out, p, len);
		buf_putc(out, '"');
	}
	if (len < s->bytes)
		buf_printf(out, ",\"%s_bytes\":%llu", name, (unsigned long long)s->bytes);
}

static void
print_streams(struct buf *out, const struct run *r, size_t max)
{
	print_stream(out, "stdout", &r->out[0], max);
	print_stream(out, "stderr", &r->out[1], max);
}

/* ---- failures ---- */

struct failure {
	const char	*kind;
	const char	*message;
	int		 retryable;	/* 1, 0; -1: as the job says */
	int		 exit_code;	/* a shell's for a command that did not start; 0: none */
};

static void
print_failure(struct buf *out, const struct failure *f, const struct run *r, size_t max)
{
	size_t	len = strnlen(f->message, BOUND_FAILURE_MESSAGE);

	len -= cut_character(f->message, len);
	buf_printf(out, "{\"kind\":\"%s\"", f->kind);
	if (f->retryable >= 0)
		buf_printf(out, ",\"retryable\":%s", f->retryable ? "true" : "false");
	buf_puts(out, ",\"message\":");
	if (is_text(f->message, len))
		buf_put_json(out, f->message, len);
	else
		buf_puts(out, "\"the command failed\"");
	if (r != NULL && r->main_ended) {
		if (WIFSIGNALED(r->status))
			buf_printf(out, ",\"data\":{\"signal\":%d", WTERMSIG(r->status));
		else
			buf_printf(out, ",\"data\":{\"exit_code\":%d", WEXITSTATUS(r->status));
		print_streams(out, r, max);
		buf_putc(out, '}');
	}
	if (f->exit_code != 0)
		buf_printf(out, ",\"data\":{\"exit_code\":%d}", f->exit_code);
	buf_putc(out, '}');
}

static void
complete_failure(const struct channel_entry *e, const struct failure *f, const struct run *r,
    uint64_t took_ns)
{
	size_t		room = e->out_cap < BOUND_FAILURE_DATA ? e->out_cap : BOUND_FAILURE_DATA;
	struct buf	b = { 0 };

	for (size_t max = COMMAND_HEAD_BYTES;; max /= 2) {
		buf_consume(&b, buf_len(&b));
		print_failure(&b, f, r, max);
		if (buf_len(&b) <= room)
			break;
		if (max == 0) {			/* not even that much */
			buf_consume(&b, buf_len(&b));
			break;
		}
	}
	if (buf_len(&b) > 0)
		memcpy(e->out, buf_data(&b), buf_len(&b));
	exec_complete(e, CHANNEL_FAILED, (uint32_t)buf_len(&b), took_ns);
	buf_free(&b);
}

void
outcome_fail(const struct channel_entry *e, const char *kind, bool final, const char *why)
{
	struct failure	f = { kind, why, final ? 0 : -1, 0 };

	complete_failure(e, &f, NULL, 0);
}

void
outcome_not_started(const struct channel_entry *e, bool found, const char *why)
{
	struct failure	f = { "spawn", why, -1, found ? 126 : 127 };

	complete_failure(e, &f, NULL, 0);
}

static uint64_t
took_ns(const struct run *r)
{
	return (uint64_t)(clock_mono_ns() - r->started_ns);
}

static void
tell_failure(const struct run *r, const char *kind, int retryable, const char *message)
{
	struct failure	f = { kind, message, retryable, 0 };

	complete_failure(&r->entry, &f, r, took_ns(r));
}

/* ---- results ---- */

static void
keep(const struct run *r, struct buf *b)
{
	struct kept	*k;
	size_t		 len = buf_len(b);

	if (exec.kept_bytes + len > KEPT_RESULTS * exec.max_result) {
		tell_failure(r, "out_of_memory", -1,
		    "too many large results of this worker wait to be fetched");
		return;
	}
	k = mem_alloc(sizeof(*k));
	*k = (struct kept){ buf_take_string(b), len };
	idmap_put(&exec.kept, r->entry.token, k);
	exec.kept_bytes += len;
	exec_complete(&r->entry, CHANNEL_NEED_SPACE, 0, len);
}

static void
tell_result(const struct run *r, struct buf *b)
{
	size_t	len = buf_len(b);
	char	text[96];

	if (len > exec.max_result) {
		snprintf(text, sizeof(text), "the result has %zu bytes, more than the %zu allowed", len,
		    exec.max_result);
		tell_failure(r, "bad_result", -1, text);
	} else if (len > r->entry.out_cap) {
		keep(r, b);
	} else {
		memcpy(r->entry.out, buf_data(b), len);
		exec_complete(&r->entry, CHANNEL_OK, (uint32_t)len, took_ns(r));
	}
}

/* One JSON value and nothing else; the white space around it is left out. */
static void
tell_json(const struct run *r, const char *where, const char *p, size_t len, struct buf *b)
{
	static const char	space[] = " \t\r\n";
	const char		*wrong;
	char			 text[256];

	while (len > 0 && memchr(space, p[len - 1], 4) != NULL)
		len--;
	while (len > 0 && memchr(space, *p, 4) != NULL) {
		p++;
		len--;
	}
	if ((wrong = len == 0 ? "nothing is there" : scan_check(p, len, SCAN_DEPTH_MAX)) != NULL) {
		snprintf(text, sizeof(text), "%s is not one JSON value: %s", where, wrong);
		tell_failure(r, "bad_result", -1, text);
		return;
	}
	buf_append(b, p, len);
	tell_result(r, b);
}

static void
tell_stdout(const struct run *r, struct buf *b)
{
	const struct stream	*s = &r->out[0];
	char			 text[96];

	if (s->bytes > exec.max_result) {
		snprintf(text, sizeof(text), "stdout has %llu bytes, more than the %zu allowed",
		    (unsigned long long)s->bytes, exec.max_result);
		tell_failure(r, "bad_result", -1, text);
	} else {
		tell_json(r, "stdout", buf_data(&s->head), buf_len(&s->head), b);
	}
}

static void
tell_file(const struct run *r, struct buf *b)
{
	char	text[128];

	if (r->file_error == 0) {
		tell_json(r, "the file named by JOBD_RESULT", buf_data(&r->file), buf_len(&r->file), b);
		return;
	}
	snprintf(text, sizeof(text), "the file named by JOBD_RESULT: %s", strerror(-r->file_error));
	tell_failure(r, "bad_result", -1, text);
}

static void
tell_output(const struct run *r, struct buf *b)
{
	buf_printf(b, "{\"exit_code\":%d", WEXITSTATUS(r->status));
	print_streams(b, r, COMMAND_HEAD_BYTES);
	buf_putc(b, '}');
	tell_result(r, b);
}

static void
tell_success(const struct run *r)
{
	struct buf	b = { 0 };

	if (r->command.result == COMMAND_RESULT_JSON)
		tell_stdout(r, &b);
	else if (r->command.result == COMMAND_RESULT_FILE)
		tell_file(r, &b);
	else
		tell_output(r, &b);
	buf_free(&b);
}

/* ---- how it ended ---- */

static void
tell_exit(const struct run *r, int code)
{
	char	text[32];
	int	retryable = -1;

	if (codes_have(&r->command.retry, code))
		retryable = 1;
	else if (codes_have(&r->command.final, code))
		retryable = 0;
	snprintf(text, sizeof(text), "exit %d", code);
	tell_failure(r, "exit", retryable, text);
}

static void
print_size(char *out, size_t size, int64_t bytes)
{
	if (bytes % (1 << 30) == 0)
		snprintf(out, size, "%lld GiB", (long long)(bytes >> 30));
	else if (bytes % (1 << 20) == 0)
		snprintf(out, size, "%lld MiB", (long long)(bytes >> 20));
	else
		snprintf(out, size, "%lld bytes", (long long)bytes);
}

static void
tell_signal(const struct run *r, int sig)
{
	const struct command_limits	*l = &r->command.limits;
	const char			*name = sigabbrev_np(sig);
	char				 text[128], more[64] = "";

	if (sig == SIGXCPU && l->cpu_ms > 0)
		snprintf(more, sizeof(more), ": it used more than %lld s of CPU time",
		    (long long)(l->cpu_ms + 999) / 1000);
	else if (sig == SIGXFSZ && l->file_bytes > 0)
		snprintf(more, sizeof(more), ": a file of more than %lld bytes",
		    (long long)l->file_bytes);
	if (name != NULL)
		snprintf(text, sizeof(text), "killed by SIG%s%s", name, more);
	else
		snprintf(text, sizeof(text), "killed by signal %d%s", sig, more);
	tell_failure(r, "signal", -1, text);
}

/* The kernel killed the largest of the group; its parent may have made an exit code of that. */
static void
tell_out_of_memory(const struct run *r)
{
	char	limit[32], text[64] = "out of memory";

	if (r->command.limits.memory > 0) {
		print_size(limit, sizeof(limit), r->command.limits.memory);
		snprintf(text, sizeof(text), "out of memory at %s", limit);
	}
	tell_failure(r, "out_of_memory", -1, text);
}

void
outcome_tell(struct run *r)
{
	bool	success = WIFEXITED(r->status) &&
	    codes_have(&r->command.success, WEXITSTATUS(r->status));

	if (r->cancelled)
		exec_complete(&r->entry, CHANNEL_CANCELLED, 0, took_ns(r));
	else if (success)
		tell_success(r);
	else if (group_ran_out(&r->group))
		tell_out_of_memory(r);
	else if (WIFSIGNALED(r->status))
		tell_signal(r, WTERMSIG(r->status));
	else
		tell_exit(r, WEXITSTATUS(r->status));
}
