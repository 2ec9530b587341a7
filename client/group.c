/* group.c - what the verbs `jobctl group ...` share.  Runs in: jobctl. */
#include "client/group.h"

#include <stdlib.h>
#include <string.h>

#include "client/print.h"
#include "lib/alloc.h"

void
group_put_name(const struct ctl *ctl, struct buf *out)
{
	buf_puts(out, "{\"group\":");
	json_put_text(out, ctl->opt.operands[0]);
}

/* ---- pages for people ---- */

static void
put_line(struct buf *out, struct span group, const char *title, const char *member)
{
	char	*text = json_text(group, member);

	if (text != NULL) {
		buf_printf(out, "%-12s", title);
		print_safe(out, text, strlen(text));
		buf_putc(out, '\n');
	}
	free(text);
}

static void
put_members(struct buf *out, struct span group)
{
	static const char *const	states[] = { "scheduled", "ready", "running", "succeeded",
					    "failed", "cancelled", "expired" };
	int64_t				n;

	if (!json_int(group, "count", &n))
		return;
	buf_printf(out, "%-12s%lld", "members", (long long)n);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (json_int(group, states[i], &n) && n > 0)
			buf_printf(out, ", %lld %s", (long long)n, states[i]);
	buf_putc(out, '\n');
}

static void
put_reduce(struct buf *out, struct span group)
{
	struct span	reduce;
	int64_t		id;
	char		*state;

	if (!json_member(group, "reduce", &reduce) || !json_int(reduce, "id", &id))
		return;
	state = json_text(reduce, "state");
	buf_printf(out, "%-12sjob %lld, ", "reduce", (long long)id);
	buf_puts(out, state != NULL ? state : "?");
	buf_putc(out, '\n');
	free(state);
}

static void
print_page(struct buf *out, struct span group)
{
	put_line(out, group, "group", "group");
	put_line(out, group, "state", "state");
	put_line(out, group, "", "text");
	put_members(out, group);
	put_reduce(out, group);
	put_line(out, group, "outcomes", "path");
}

static void
print_group(struct ctl *ctl, struct span group)
{
	char	*name;

	if (ctl_wants_json(ctl)) {
		ctl_line(ctl, group);
	} else if (ctl->opt.format == FORMAT_ID) {
		if ((name = json_text(group, "group")) != NULL)
			buf_printf(&ctl->out, "%s\n", name);
		free(name);
	} else {
		print_page(&ctl->out, group);
	}
}

/* ---- asking ---- */

static int
ask(struct ctl *ctl, const char *method, const char *more, int64_t timeout_ms, struct span *group)
{
	struct buf	params = { 0 };
	int		rc;

	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	group_put_name(ctl, &params);
	if (more != NULL)
		buf_puts(&params, more);
	buf_putc(&params, '}');
	rc = ctl_ask(ctl, method, &params, timeout_ms, group);
	buf_free(&params);
	if (rc != 0)
		return rc;
	print_group(ctl, *group);
	return ctl_flush(ctl);
}

int
group_ask(struct ctl *ctl, const char *method, const char *more, int64_t timeout_ms)
{
	struct span	group;

	return ask(ctl, method, more, timeout_ms, &group);
}

int
group_end(const struct ctl *ctl, struct span group)
{
	char	*state = json_text(group, "state"), *text = json_text(group, "text");
	int	 rc = 0;

	if (state == NULL || strcmp(state, "succeeded") != 0)
		rc = ctl_fail(ctl, EXIT_NOT_ALL, "group %s: %s: %s", ctl->opt.operands[0],
		    state != NULL ? state : "?", text != NULL ? text : "");
	free(state);
	free(text);
	return rc;
}

int
group_ask_end(struct ctl *ctl, const char *method, const char *more, int64_t timeout_ms)
{
	struct span	group;
	int		rc = ask(ctl, method, more, timeout_ms, &group);

	return rc != 0 ? rc : group_end(ctl, group);
}

int
group_put_reduce(const struct ctl *ctl, const char *text, char **type, struct buf *out)
{
	const char	*equals = strchr(text, '='), *wrong;
	size_t		 len = equals != NULL ? (size_t)(equals - text) : strlen(text);

	*type = mem_strndup(text, len);
	buf_puts(out, "\"reduce\":{\"type\":");
	json_put_text(out, *type);
	if (equals == NULL)
		return 0;
	if ((wrong = scan_check(equals + 1, strlen(equals + 1), JSON_DEPTH)) != NULL)
		return ctl_usage(ctl, "--reduce: what follows the = is not JSON: %s", wrong);
	buf_puts(out, ",\"args\":");
	buf_puts(out, equals + 1);
	return 0;
}
