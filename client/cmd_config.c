/* cmd_config.c - jobctl config show and config check: what is configured.  Runs in: jobctl. */
#include <stdlib.h>
#include <string.h>

#include "client/ctl.h"
#include "client/print.h"
#include "client/suggest.h"
#include "lib/alloc.h"
#include "proto/config_file.h"

/* ---- show ---- */

struct showing {
	struct ctl	*ctl;
	const char	*wanted;	/* a name, or a section; NULL: all */
	bool		 changed;	/* what nobody has set is left out */
	struct table	 table;
	size_t		 shown;
	struct suggestion near;		/* its word is in `meant` */
	char		 meant[128];
};

/* `jobs` and `queue mail` stand for all that is in them. */
static bool
is_wanted(const struct showing *s, const char *name, const char *origin)
{
	size_t	len = s->wanted == NULL ? 0 : strlen(s->wanted);

	if (s->changed && strcmp(origin, "default") == 0)
		return false;
	return s->wanted == NULL || strcmp(name, s->wanted) == 0 ||
	    (strncmp(name, s->wanted, len) == 0 && (name[len] == '.' || name[len] == ' '));
}

/* An empty value is one, too: what it stands for is in the manual. */
static void
put_row(struct showing *s, const char *name, struct span setting, const char *origin)
{
	static const char *const	members[] = { "value", "default", "takes_effect" };
	char				*next = json_text(setting, "next");
	struct buf			 where = { 0 };

	table_puts(&s->table, name);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		char	*text = json_text(setting, members[i]);

		table_puts(&s->table, text == NULL || text[0] == '\0' ? "-" : text);
		free(text);
	}
	buf_puts(&where, origin);
	if (next != NULL)
		buf_printf(&where, " (%s after the next start)", next);
	table_take(&s->table, &where);
	free(next);
}

static void
put_json(struct showing *s, struct span setting)
{
	struct buf	*out = &s->ctl->out;

	if (s->ctl->opt.format == FORMAT_JSON)
		buf_puts(out, s->shown == 0 ? "[" : ",\n ");
	buf_append(out, setting.p, setting.len);
	if (s->ctl->opt.format == FORMAT_NDJSON)
		buf_putc(out, '\n');
}

/* Somebody may have meant this one, or left out the section that it is in. */
static void
offer(struct showing *s, const char *name)
{
	const char	*key = strrchr(name, '.'), *before = s->near.word;

	if (s->wanted == NULL || strlen(name) >= sizeof(s->meant))
		return;
	if (key != NULL && strcmp(key + 1, s->wanted) == 0)
		s->near = (struct suggestion){ name, 0 };
	else
		suggest_offer(&s->near, s->wanted, name);
	if (s->near.word == before)
		return;
	strcpy(s->meant, name);
	s->near.word = s->meant;
}

static void
show_one(struct showing *s, struct span setting)
{
	char	*name = json_text(setting, "name"), *origin = json_text(setting, "origin");

	if (name != NULL && origin != NULL && is_wanted(s, name, origin)) {
		if (ctl_wants_json(s->ctl))
			put_json(s, setting);
		else
			put_row(s, name, setting, origin);
		s->shown++;
	} else if (name != NULL) {
		offer(s, name);
	}
	free(name);
	free(origin);
}

static int
say_there_is_none(const struct showing *s)
{
	if (s->near.word == NULL)
		return ctl_fail(s->ctl, EXIT_NOT_FOUND, "there is no setting `%s`: jobctl config show "
		    "lists them", s->wanted);
	return ctl_fail(s->ctl, EXIT_NOT_FOUND, "there is no setting `%s`; did you mean %s?", s->wanted,
	    s->near.word);
}

static int
print_shown(struct showing *s)
{
	struct ctl	*ctl = s->ctl;

	if (s->shown == 0 && s->wanted != NULL && !s->changed)
		return say_there_is_none(s);
	if (ctl->opt.format == FORMAT_JSON)
		buf_puts(&ctl->out, s->shown == 0 ? "[]\n" : "]\n");
	else if (!ctl_wants_json(ctl) && s->shown > 0)
		table_print(&s->table, &ctl->out, 0, print_terminal_width(), false);
	return ctl_flush(ctl);
}

static int
run_show(struct ctl *ctl)
{
	static const char *const	titles[] = { "SETTING", "VALUE", "DEFAULT", "CHANGES", "ORIGIN" };
	struct showing			s = {
		.ctl = ctl, .wanted = ctl->opt.operands_len > 0 ? ctl->opt.operands[0] : NULL,
		.changed = option_given(&ctl->opt, OPT_changed),
	};
	struct json_walk		w;
	struct span			answer, settings;
	int				rc;

	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0 ||
	    (rc = ctl_ask(ctl, "server.config", NULL, CTL_ANSWER_MS, &answer)) != 0)
		return rc;
	if (!json_member(answer, "settings", &settings))
		return ctl_odd(ctl, "server.config");
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		table_add(&s.table, titles[i], false);
	json_array(&w, settings);
	while (json_element(&w))
		show_one(&s, w.value);
	rc = print_shown(&s);
	table_free(&s.table);
	return rc;
}

/* ---- check ---- */

/* As the daemon would read it, with its drop-ins; false: told. */
static bool
check_file(struct ctl *ctl, const char *path, bool first)
{
	struct settings		settings;
	struct config		config;
	struct config_fault	fault;
	char			line[1280];
	bool			good;

	config_init(&config);
	settings_init(&settings);
	good = config_files_read(path, CONFIG_FILE_NEEDED, &config, &settings, &fault) == 0;
	if (!good && ctl_wants_json(ctl)) {
		if (ctl->opt.format == FORMAT_JSON)
			buf_puts(&ctl->out, first ? "[" : ",\n ");
		buf_puts(&ctl->out, "{\"file\":");
		json_put_text(&ctl->out, fault.file);
		buf_printf(&ctl->out, ",\"line\":%d,\"key\":", fault.line);
		json_put_text(&ctl->out, fault.key);
		buf_puts(&ctl->out, ",\"message\":");
		json_put_text(&ctl->out, fault.why);
		buf_puts(&ctl->out, ctl->opt.format == FORMAT_JSON ? "}" : "}\n");
	} else if (!good) {
		config_fault_print(&fault, line, sizeof(line));
		print_safe(&ctl->out, line, strlen(line));
		buf_putc(&ctl->out, '\n');
	} else if (!ctl_wants_json(ctl)) {
		buf_printf(&ctl->out, "%s is right\n", path);
	}
	settings_fini(&settings);
	config_fini(&config);
	return good;
}

static int
run_check(struct ctl *ctl)
{
	int	wrong = 0, rc;

	for (int i = 0; i < ctl->opt.operands_len; i++)
		wrong += !check_file(ctl, ctl->opt.operands[i], wrong == 0);
	if (ctl->opt.format == FORMAT_JSON)
		buf_puts(&ctl->out, wrong > 0 ? "]\n" : "[]\n");
	rc = ctl_flush(ctl);
	return rc == 0 && wrong > 0 ? EXIT_REFUSED : rc;
}

/* ---- verbs ---- */

const struct verb verb_config_show = {
	.name = "config show",
	.operands = "[NAME]",
	.summary = "settings in force, and where they come from",
	.about = "Prints every setting: its value, its default, whether a reload or only a\n"
	    "restart changes it, and who has set it: a file and its line, the environment,\n"
	    "or the command line.  NAME is a setting (jobs.grace_ms), or what several begin\n"
	    "with (jobs, `queue mail`).  What will be another value after the next start\n"
	    "says so.",
	.examples = "  jobctl config show --changed\n"
	    "  jobctl config show jobs\n"
	    "  jobctl config show -o json | jq '.[] | select(.origin != \"default\")'\n",
	.options = FOR_CONFIG,
	.formats = FORMATS_DATA,
	.most = 1,
	.run = run_show,
};

const struct verb verb_config_check = {
	.name = "config check",
	.operands = "FILE...",
	.summary = "are these configuration files right?",
	.about = "Reads each file and *.conf of the directory FILE.d as the daemon would,\n"
	    "without one, and prints what is wrong as FILE:LINE: and why.  Exits 0 when all\n"
	    "are right, 5 when one is not.  What only the daemon's machine can tell (users,\n"
	    "addresses) is for jobd --check-config.",
	.examples = "  jobctl config check jobd.conf && sudo cp jobd.conf /etc/jobd/\n"
	    "  jobctl config check /etc/jobd/jobd.conf -o json | jq .\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = INT32_MAX,
	.run = run_check,
};
