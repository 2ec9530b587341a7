/* jobopts.c - a job from the command line.  Runs in: jobctl. */
#include "client/jobopts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/traceparent.h"

#define READ_BYTES	((size_t)64 << 10)
#define LINE_OVERHEAD	2048	/* what a request has besides args, when its fields are not long */

void
jobopts_put_text(const struct options *o, enum option opt, const char *name, struct buf *out)
{
	if (!option_given(o, opt))
		return;
	buf_printf(out, ",\"%s\":", name);
	json_put_text(out, o->text[opt]);
}

void
jobopts_put_number(const struct options *o, enum option opt, const char *name, struct buf *out)
{
	if (option_given(o, opt))
		buf_printf(out, ",\"%s\":%lld", name, (long long)o->number[opt]);
}

/* `41,42`; what is no list of ids is for the daemon to refuse. */
static void
put_after(const struct options *o, struct buf *out)
{
	const char	*text = o->text[OPT_after];
	size_t		 len;

	if (text == NULL)
		return;
	buf_puts(out, ",\"after\":");
	len = strlen(text);
	if (len == 0 || strspn(text, "0123456789,") != len || strstr(text, ",,") != NULL ||
	    text[0] == ',' || text[len - 1] == ',' || text[0] == '0' || strstr(text, ",0") != NULL)
		json_put_text(out, text);
	else
		buf_printf(out, "[%s]", text);
}

/* A number as it was typed; what is none is for the daemon to refuse, with the range. */
static void
put_real(const struct options *o, enum option opt, const char *name, struct buf *out)
{
	const char	*text = o->text[opt];

	if (text == NULL)
		return;
	buf_printf(out, ",\"%s\":", name);
	if (text[0] >= '1' && text[0] <= '9' && strspn(text, "0123456789.") == strlen(text) &&
	    text[strlen(text) - 1] != '.' && strchr(text, '.') == strrchr(text, '.'))
		buf_puts(out, text);
	else
		json_put_text(out, text);
}

void
jobopts_put_retry(const struct options *o, struct buf *out)
{
	struct buf	members = { 0 };

	jobopts_put_number(o, OPT_max_attempts, "max_attempts", &members);
	jobopts_put_number(o, OPT_backoff, "backoff_ms", &members);
	put_real(o, OPT_factor, "factor", &members);
	jobopts_put_number(o, OPT_max_backoff, "max_backoff_ms", &members);
	if (buf_len(&members) > 0) {
		buf_consume(&members, 1);	/* the first comma */
		buf_puts(out, ",\"retry\":{");
		buf_append(out, buf_data(&members), buf_len(&members));
		buf_putc(out, '}');
	}
	buf_free(&members);
}

void
jobopts_put_labels(const struct options *o, const char *name, const char *value, struct buf *out)
{
	const char	*comma = "";

	buf_putc(out, '{');
	for (size_t i = 0; i < o->pairs_len; i++) {
		const char	*equals = strchr(o->pairs[i], '=');

		buf_puts(out, comma);
		buf_put_json(out, o->pairs[i], (size_t)(equals - o->pairs[i]));
		buf_putc(out, ':');
		json_put_text(out, equals + 1);
		comma = ",";
	}
	if (name != NULL) {
		buf_puts(out, comma);
		json_put_text(out, name);
		buf_putc(out, ':');
		json_put_text(out, value);
	}
	buf_putc(out, '}');
}

/* What the environment has is somebody else's to write: a wrong one is as good as none. */
static void
put_traceparent(const struct options *o, struct buf *out)
{
	const char	*text = o->text[OPT_traceparent];

	if (text == NULL && ((text = getenv("TRACEPARENT")) == NULL ||
	    !traceparent_is(text, strlen(text))))
		return;
	buf_puts(out, ",\"traceparent\":");
	json_put_text(out, text);
}

void
jobopts_put_with_label(const struct options *o, const char *name, const char *value,
    struct buf *out)
{
	jobopts_put_text(o, OPT_queue, "queue", out);
	jobopts_put_number(o, OPT_priority, "priority", out);
	jobopts_put_number(o, OPT_delay, "delay_ms", out);
	jobopts_put_number(o, OPT_run_at, "run_at_ms", out);
	jobopts_put_number(o, OPT_timeout, "timeout_ms", out);
	jobopts_put_number(o, OPT_ttl, "ttl_ms", out);
	jobopts_put_text(o, OPT_order_key, "order_key", out);
	jobopts_put_text(o, OPT_unique_key, "unique_key", out);
	jobopts_put_number(o, OPT_unique_for, "unique_ms", out);
	jobopts_put_number(o, OPT_keep, "keep_ms", out);
	jobopts_put_text(o, OPT_limit_key, "limit_key", out);
	jobopts_put_text(o, OPT_tenant, "tenant", out);
	jobopts_put_number(o, OPT_room_wait, "room_wait_ms", out);
	jobopts_put_text(o, OPT_on_order_failure, "on_order_failure", out);
	put_after(o, out);
	jobopts_put_text(o, OPT_on_parent_failure, "on_parent_failure", out);
	if (option_given(o, OPT_hold))
		buf_puts(out, ",\"hold\":true");
	jobopts_put_text(o, OPT_on_lost, "on_lost", out);
	jobopts_put_retry(o, out);
	jobopts_put_text(o, OPT_lane, "lane", out);
	jobopts_put_text(o, OPT_durability, "durability", out);
	jobopts_put_text(o, OPT_group, "group", out);
	put_traceparent(o, out);
	if (o->pairs_len > 0 || name != NULL) {
		buf_puts(out, ",\"labels\":");
		jobopts_put_labels(o, name, value, out);
	}
}

void
jobopts_put(const struct options *o, struct buf *out)
{
	jobopts_put_with_label(o, NULL, NULL, out);
}

void
jobopts_put_job(const struct options *o, struct span args, struct buf *out)
{
	buf_puts(out, "{\"type\":");
	json_put_text(out, o->operands[0]);
	if (args.len > 0) {
		buf_puts(out, ",\"args\":");
		buf_append(out, args.p, args.len);
	}
	jobopts_put(o, out);
}

/* ---- the argument ---- */

static int
read_stdin(struct ctl *ctl, size_t max, struct buf *out)
{
	ssize_t	n;

	while ((n = read(STDIN_FILENO, buf_room(out, READ_BYTES), READ_BYTES)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ctl_fail(ctl, EXIT_USAGE, "cannot read stdin: %s", strerror(errno));
		buf_added(out, (size_t)n);
		if (buf_len(out) > max)
			break;
	}
	return 0;
}

/* Newlines are white space in JSON and the end of a line on the wire. */
static void
to_one_line(struct buf *b)
{
	for (size_t i = b->head; i < b->tail; i++)
		if (b->bytes[i] == '\n' || b->bytes[i] == '\r')
			b->bytes[i] = ' ';
}

static int
not_json(struct ctl *ctl, const struct buf *args, const struct scan *scan)
{
	struct buf	hint = { 0 };
	const char	*text = ctl->opt.operands[1];
	int		code;

	if (buf_len(args) < 64 && strpbrk(text, "{}[]\"'\\") == NULL && strcmp(text, "-") != 0)
		buf_printf(&hint, "; a string wants its quotes: '\"%s\"'", text);
	buf_putc(&hint, '\0');
	code = ctl_usage(ctl, "the argument is not JSON: %s at byte %zu%s", scan->error,
	    scan->error_at + 1, buf_data(&hint));
	buf_free(&hint);
	return code;
}

static int
check(struct ctl *ctl, struct buf *args, size_t max)
{
	struct scan	scan;
	struct span	value;
	enum scan_type	type;

	if (buf_len(args) > max)
		return ctl_fail(ctl, EXIT_REFUSED,
		    "the argument is longer than the daemon takes (%zu bytes)",
		    max);
	scan_init(&scan, buf_data(args), buf_len(args), JSON_DEPTH, UINT32_MAX);
	if (!scan_value(&scan, &type, &value) || !scan_end(&scan))
		return not_json(ctl, args, &scan);
	to_one_line(args);
	return 0;
}

int
jobopts_read_args(struct ctl *ctl, struct buf *out)
{
	size_t	max = SIZE_MAX;
	int	rc;

	if (ctl->opt.operands_len < 2)
		return 0;
	if (ctl->daemon_line > LINE_OVERHEAD)
		max = (size_t)ctl->daemon_line - LINE_OVERHEAD;
	if (strcmp(ctl->opt.operands[1], "-") != 0)
		buf_puts(out, ctl->opt.operands[1]);
	else if ((rc = read_stdin(ctl, max, out)) != 0)
		return rc;
	buf_room(out, 1);	/* no memory at all is no text to look at */
	return check(ctl, out, max);
}
