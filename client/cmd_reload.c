/* cmd_reload.c - jobctl reload: the daemon reads its configuration again.  Runs in: jobctl. */
#include <stdio.h>
#include <stdlib.h>

#include "client/ctl.h"
#include "client/print.h"

static void
put_changes(struct ctl *ctl, struct span changed)
{
	static const char *const	members[] = { "name", "from", "to", "takes_effect" };
	struct table			t = { 0 };
	struct json_walk		w;

	table_add(&t, "SETTING", false);
	table_add(&t, "FROM", false);
	table_add(&t, "TO", false);
	table_add(&t, "EFFECT", false);
	json_array(&w, changed);
	while (json_element(&w)) {
		for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
			char	*text = json_text(w.value, members[i]);

			table_puts(&t, text == NULL || text[0] == '\0' ? "-" : text);
			free(text);
		}
	}
	if (t.len > 0)
		table_print(&t, &ctl->out, 0, print_terminal_width(), false);
	else
		ctl_say(ctl, "no setting has changed; types and tokens are read again");
	table_free(&t);
}

/* Types of files that are wrong wait; all else is in force. */
static void
say_left_out(struct ctl *ctl, struct span answer)
{
	struct json_walk	w;
	struct span		left_out;

	if (!json_member(answer, "left_out", &left_out))
		return;
	json_array(&w, left_out);
	while (json_element(&w)) {
		char	*file = json_text(w.value, "file"), *message = json_text(w.value, "message");
		char	*key = json_text(w.value, "key");
		int64_t	 line = 0;
		char	 at[24];

		json_int(w.value, "line", &line);
		at[0] = '\0';
		if (line > 0)
			snprintf(at, sizeof(at), ":%lld", (long long)line);
		ctl_say(ctl, "left out: %s%s: %s%s%s", file == NULL ? "?" : file, at,
		    key == NULL ? "" : key, key == NULL || key[0] == '\0' ? "" : " ",
		    message == NULL ? "" : message);
		free(file);
		free(key);
		free(message);
	}
}

static int
run(struct ctl *ctl)
{
	struct span	answer, changed;
	int		rc;

	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0 ||
	    (rc = ctl_ask(ctl, "server.reload", NULL, CTL_ANSWER_MS, &answer)) != 0)
		return rc;
	if (ctl_wants_json(ctl)) {
		ctl_line(ctl, answer);
	} else if (json_member(answer, "changed", &changed)) {
		put_changes(ctl, changed);
		say_left_out(ctl, answer);
	} else {
		return ctl_odd(ctl, "server.reload");
	}
	return ctl_flush(ctl);
}

const struct verb verb_reload = {
	.name = "reload",
	.operands = "",
	.summary = "the daemon reads its configuration again",
	.about = "Tells the daemon to read its configuration, its types and its tokens again, as\n"
	    "SIGHUP does, and prints the settings that have changed: now, or after a restart.\n"
	    "When something is wrong, nothing changes, and the file, the line and what is\n"
	    "allowed are said; the exit status is 5 then.",
	.examples = "  jobctl config check /etc/jobd/jobd.conf && jobctl reload\n",
	.formats = FORMATS_DATA,
	.run = run,
};
