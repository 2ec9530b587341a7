/* cmd_watch.c - jobctl watch: what happens to jobs, as it happens.  Runs in: jobctl. */
#include "client/ctl.h"

#include <stdlib.h>
#include <string.h>

#include "client/print.h"
#include "client/select.h"

struct watching {
	struct ctl	*ctl;
	int		 rc;		/* stdout cannot be written */
};

static void
put_field(struct buf *out, struct span change, const char *member, int width)
{
	char	*text = json_text(change, member);

	buf_printf(out, "%-*s ", width, text != NULL ? text : "-");
	free(text);
}

/* `14:30:05.120  42  running    echo  default  started` */
static void
print_change(struct ctl *ctl, struct span change)
{
	int64_t	at_ms = 0, id = 0;

	json_int(change, "at_ms", &at_ms);
	json_int(change, "id", &id);
	print_time(&ctl->out, at_ms);
	buf_printf(&ctl->out, "  %-8lld ", (long long)id);
	put_field(&ctl->out, change, "state", 10);
	put_field(&ctl->out, change, "type", 16);
	put_field(&ctl->out, change, "queue", 12);
	put_field(&ctl->out, change, "reason", 0);
	ctl->out.tail--;	/* the blank */
	buf_putc(&ctl->out, '\n');
}

static void
say_gap(const struct ctl *ctl, struct span gap)
{
	int64_t	missed;

	if (json_int(gap, "missed", &missed))
		ctl_say(ctl, "%lld changes were missed", (long long)missed);
	else
		ctl_say(ctl, "the daemon was started anew: changes before that are gone");
}

static void
on_notice(struct jobd *conn, const char *method, const char *params, void *data)
{
	struct watching	*w = data;
	struct ctl	*ctl = w->ctl;
	struct span	 text = { params, strlen(params) };
	bool		 gap = strcmp(method, "job.gap") == 0;

	(void)conn;
	if (gap)
		say_gap(ctl, text);
	if (ctl_wants_json(ctl))
		ctl_line(ctl, text);
	else if (!gap)
		print_change(ctl, text);
	if (w->rc == 0)
		w->rc = ctl_flush(ctl);
}

static int
subscribe(struct ctl *ctl)
{
	const char	*cursor = ctl->opt.text[OPT_cursor];
	struct buf	 params = { 0 };
	struct span	 reply;
	int		 rc;

	buf_puts(&params, "{\"filter\":");
	select_put_filter(&ctl->opt, ctl->principal, NULL, &params);
	if (cursor != NULL) {
		buf_puts(&params, ",\"cursor\":");
		json_put_text(&params, cursor);
	}
	buf_putc(&params, '}');
	rc = ctl_ask(ctl, "job.watch", &params, CTL_ANSWER_MS, &reply);
	buf_free(&params);
	return rc;
}

static int
run(struct ctl *ctl)
{
	struct watching	w = { ctl, 0 };
	int		rc;

	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	jobd_on_notice(ctl->conn, on_notice, &w);
	if ((rc = subscribe(ctl)) != 0)
		return rc;
	while (w.rc == 0 && (rc = jobd_poll(ctl->conn, JOBD_FOREVER)) == 0)
		continue;
	return w.rc != 0 ? w.rc : ctl_lost(ctl, rc);
}

const struct verb verb_watch = {
	.name = "watch",
	.operands = "",
	.summary = "what happens to jobs, as it happens",
	.about = "Prints each transition of the jobs that match until it is ended (Ctrl-C).\n"
	    "With -o ndjson each line has a cursor; --cursor goes on behind it, as far as the\n"
	    "daemon remembers.  What was missed is said on stderr.",
	.examples = "  jobctl watch --state failed\n"
	    "  jobctl watch --group thumbs -o ndjson\n",
	.options = FOR_SELECT | FOR_WATCH,
	.formats = FORMAT_BIT(FORMAT_TEXT) | FORMAT_BIT(FORMAT_NDJSON),
	.run = run,
};
