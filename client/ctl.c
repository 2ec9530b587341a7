/* ctl.c - one run of jobctl: words on stderr, questions to the daemon.  Runs in: jobctl. */
#include "client/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/print.h"
#include "client/suggest.h"
#include "lib/alloc.h"
#include "lib/fd.h"

#define WORDS_BYTES	2048

/* ---- words ---- */

static void __attribute__((format(printf, 2, 0)))
say(const struct ctl *ctl, const char *fmt, va_list ap)
{
	char		text[WORDS_BYTES];
	struct buf	line = { 0 };

	vsnprintf(text, sizeof(text), fmt, ap);
	buf_puts(&line, "jobctl");
	if (ctl->verb != NULL)
		buf_printf(&line, " %s", ctl->verb->name);
	buf_puts(&line, ": ");
	print_safe(&line, text, strlen(text));
	buf_putc(&line, '\n');
	fd_write_all(STDERR_FILENO, buf_data(&line), buf_len(&line));
	buf_free(&line);
}

void
ctl_say(const struct ctl *ctl, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	say(ctl, fmt, ap);
	va_end(ap);
}

int
ctl_fail(const struct ctl *ctl, int code, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	say(ctl, fmt, ap);
	va_end(ap);
	return exit_of_code(code, ctl->verb != NULL && ctl->verb->one_job);
}

int
ctl_usage(const struct ctl *ctl, const char *fmt, ...)
{
	char	text[WORDS_BYTES];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (ctl->verb == NULL)
		return ctl_fail(ctl, EXIT_USAGE, "%s (jobctl help)", text);
	return ctl_fail(ctl, EXIT_USAGE, "%s (jobctl help %s)", text, ctl->verb->name);
}

/* ---- questions ---- */

int
ctl_lost(struct ctl *ctl, int rc)
{
	const struct jobd_error	*why = jobd_broken(ctl->conn);

	if (rc == JOBD_TIMED_OUT && ctl->verb->options & (FOR_DRAIN | FOR_WAIT))
		return ctl_fail(ctl, EXIT_WAIT_TIMEOUT, "the time to wait is over");
	if (rc == JOBD_TIMED_OUT)
		return ctl_fail(ctl, EXIT_UNREACHABLE, "%s: the daemon did not answer in time",
		    jobd_address(ctl->conn));
	if (why->code < 0) {		/* the daemon said why, about the whole connection */
		ctl_say(ctl, "%s (%s)", why->message, why->kind);
		return exit_of_error(why->kind, ctl->verb->one_job);
	}
	return ctl_fail(ctl, EXIT_UNREACHABLE, "%s: %s", jobd_address(ctl->conn), why->message);
}

int
ctl_unsent(struct ctl *ctl, const struct jobd_error *err)
{
	if (jobd_broken(ctl->conn)->code != 0)
		return ctl_lost(ctl, err->code);
	ctl_say(ctl, "%s (%s)", err->message, err->kind);
	return exit_of_error(err->kind, ctl->verb->one_job);
}

bool
ctl_reply(const struct jobd_future *f, struct reply *out)
{
	const char	*error = jobd_error_text(f);

	memset(out, 0, sizeof(*out));
	if (error != NULL)
		out->error = (struct span){ error, strlen(error) };
	else if (jobd_error(f) == NULL)
		out->result.p = jobd_result(f, &out->result.len);
	return jobd_error(f) == NULL || error != NULL;
}

int
ctl_odd(const struct ctl *ctl, const char *method)
{
	return ctl_fail(ctl, EXIT_UNREACHABLE, "%s: the reply to %s lacks what it should say",
	    jobd_address(ctl->conn), method);
}

/* The type that was probably meant, from the daemon's own list; the caller frees. */
static char *
nearest_type(struct ctl *ctl)
{
	struct suggestion	near = { 0 };
	struct json_walk	w;
	struct span		items;
	char			*names[64], *best = NULL, *types;
	size_t			 n = 0;
	int			 at = ctl->verb == &verb_cron_set ? 2 : 0;

	if (ctl->opt.operands_len <= at || ctl->opt.before_dashes == at ||
	    jobd_ask(ctl->conn, "type.list", NULL, CTL_ANSWER_MS, &types, NULL) != 0)
		return NULL;
	if (!json_member((struct span){ types, strlen(types) }, "items", &items))
		items.len = 0;
	json_array(&w, items);
	while (n < 64 && json_element(&w)) {
		const char	*name = names[n] = json_text(w.value, "name");

		if (name == NULL)
			continue;
		n++;
		if (strcmp(name, ctl->opt.operands[at]) != 0)	/* else it is known, and not served */
			suggest_offer(&near, ctl->opt.operands[at], name);
	}
	if (near.word != NULL)
		best = mem_strdup(near.word);
	while (n > 0)
		free(names[--n]);
	free(types);
	return best;
}

static void
say_error(struct ctl *ctl, const char *kind, const char *message, const char *about)
{
	bool	 of_type = ctl->asks_for_type || ctl->verb == &verb_type_show ||
	    ctl->verb == &verb_type_pin;
	bool	 no_type = (of_type && strcmp(kind, "not_found") == 0) ||
	    ((ctl->verb->options & FOR_JOB) != 0 && strcmp(kind, "unknown_type") == 0);
	char	*near = no_type ? nearest_type(ctl) : NULL;

	if (near != NULL)
		ctl_say(ctl, "%s (%s); did you mean %s?", message, kind, near);
	else if (no_type)
		ctl_say(ctl, "%s (%s); jobctl type ls lists them", message, kind);
	else
		ctl_say(ctl, "%s%s%s (%s)", about != NULL ? about : "", about != NULL ? ": " : "",
		    message, kind);
	free(near);
}

int
ctl_error(struct ctl *ctl, struct span error, const char *about)
{
	char		*message = json_text(error, "message"), *kind = NULL;
	struct span	 data;
	char		 job[40];
	int64_t		 id;
	int		 code;

	if (json_member(error, "data", &data))
		kind = json_text(data, "kind");
	if (kind == NULL)
		kind = mem_strdup("error");
	code = exit_of_error(kind, ctl->verb->one_job);
	if (about == NULL && strcmp(kind, "wait_timeout") == 0 && json_int(data, "id", &id)) {
		snprintf(job, sizeof(job), "job %lld", (long long)id);
		about = job;
	}
	say_error(ctl, kind, message != NULL ? message : "the daemon refused", about);
	free(message);
	free(kind);
	return code;
}

int
ctl_ask(struct ctl *ctl, const char *method, const struct buf *params, int64_t timeout_ms,
    struct span *result)
{
	struct jobd_error	 err;
	struct reply		 reply;
	char			*text = NULL;
	int			 rc;

	if (params != NULL && buf_len(params) > 0)
		text = mem_strndup(buf_data(params), buf_len(params));
	jobd_forget(ctl->last);
	ctl->last = jobd_start(ctl->conn, method, text, &err);
	free(text);
	if (ctl->last == NULL)
		return ctl_unsent(ctl, &err);
	if ((rc = jobd_wait(ctl->last, timeout_ms)) != 0)
		return ctl_lost(ctl, rc);
	if (!ctl_reply(ctl->last, &reply))
		return ctl_lost(ctl, jobd_code(ctl->last));
	if (reply.error.len > 0)
		return ctl_error(ctl, reply.error, NULL);
	*result = reply.result;
	return 0;
}

/* ---- stdout ---- */

int
ctl_flush(struct ctl *ctl)
{
	int	rc;

	if (buf_len(&ctl->out) == 0)
		return 0;
	rc = fd_write_all(STDOUT_FILENO, buf_data(&ctl->out), buf_len(&ctl->out));
	buf_consume(&ctl->out, buf_len(&ctl->out));
	if (rc != 0)
		return ctl_fail(ctl, EXIT_REFUSED, "cannot write to stdout: %s", strerror(-rc));
	return 0;
}

void
ctl_line(struct ctl *ctl, struct span text)
{
	buf_append(&ctl->out, text.p, text.len);
	buf_putc(&ctl->out, '\n');
}

bool
ctl_is_terminal(int fd)
{
	return isatty(fd) == 1;
}

bool
ctl_colour(int fd)
{
	const char	*no = getenv("NO_COLOR"), *term = getenv("TERM");

	return ctl_is_terminal(fd) && (no == NULL || no[0] == '\0') &&
	    term != NULL && strcmp(term, "dumb") != 0;
}
