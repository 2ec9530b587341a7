/* command.c - a command from the command line, as a job's args.  Runs in: jobctl. */
#include "client/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/jobopts.h"
#include "lib/alloc.h"
#include "lib/utf8.h"

bool
command_given(const struct options *o)
{
	return o->before_dashes == 0 && o->operands_len > 0;
}

int
command_check_options(struct ctl *ctl)
{
	static const enum option	of_commands[] = { OPT_env, OPT_directory, OPT_stdin_open };

	for (size_t i = 0; i < sizeof(of_commands) / sizeof(of_commands[0]); i++)
		if (option_given(&ctl->opt, of_commands[i]))
			return ctl_usage(ctl, "--%s is of commands: jobctl %s ... -- CMD",
			    option_rows[of_commands[i]].name, ctl->verb->name);
	return 0;
}

/* ---- argv ---- */

static void
put_replaced(const char *word, struct span line, struct buf *out)
{
	struct buf	 text = { 0 };
	const char	*hole;

	while ((hole = strstr(word, "{}")) != NULL) {
		buf_append(&text, word, (size_t)(hole - word));
		buf_append(&text, line.p, line.len);
		word = hole + 2;
	}
	buf_puts(&text, word);
	buf_put_json(out, buf_len(&text) == 0 ? "" : buf_data(&text), buf_len(&text));
	buf_free(&text);
}

void
command_put_argv(char *const *argv, int argc, struct span line, struct buf *out)
{
	buf_puts(out, "\"argv\":[");
	for (int i = 0; i < argc; i++) {
		if (i > 0)
			buf_putc(out, ',');
		if (line.p != NULL)
			put_replaced(argv[i], line, out);
		else
			json_put_text(out, argv[i]);
	}
	buf_putc(out, ']');
}

static int
check_text(struct ctl *ctl, const char *text)
{
	size_t	len = strlen(text), at = 0, n;

	while (at < len && (n = utf8_sequence(text + at, len - at)) > 0)
		at += n;
	return at == len ? 0 : ctl_usage(ctl, "'%s' is not UTF-8: JSON cannot say it", text);
}

int
command_check(struct ctl *ctl)
{
	int	rc = 0;

	for (int i = 0; rc == 0 && i < ctl->opt.operands_len; i++)
		rc = check_text(ctl, ctl->opt.operands[i]);
	return rc;
}

/* ---- where it runs ---- */

/* A relative -C goes from here: the daemon has a directory of its own. */
static int
put_directory(struct ctl *ctl, struct buf *out)
{
	const char	*to = ctl->opt.text[OPT_directory];
	char		*here = NULL, *path;
	int		 rc;

	if ((to == NULL || to[0] != '/') && (here = getcwd(NULL, 0)) == NULL)
		return ctl_fail(ctl, EXIT_USAGE, "where are we? %s", strerror(errno));
	if (here == NULL)
		path = mem_strdup(to);
	else if (to == NULL)
		path = mem_strdup(here);
	else
		path = mem_printf("%s/%s", here, to);
	if ((rc = check_text(ctl, path)) == 0) {
		buf_puts(out, ",\"cwd\":");
		json_put_text(out, path);
	}
	free(here);
	free(path);
	return rc;
}

static const char *
value_of(const char *pair)
{
	const char	*equals = strchr(pair, '=');

	return equals != NULL ? equals + 1 : getenv(pair);
}

/* Is it said again later?  The last one counts, as with env(1). */
static bool
is_overridden(const struct options *o, size_t i, size_t len)
{
	for (size_t j = i + 1; j < o->env_len; j++)
		if (strncmp(o->env[j], o->env[i], len) == 0 &&
		    (o->env[j][len] == '=' || o->env[j][len] == '\0'))
			return true;
	return false;
}

/* A variable that is not set here is not set there. */
static int
put_env(struct ctl *ctl, struct buf *out)
{
	const struct options	*o = &ctl->opt;
	const char		*comma = "";
	int			 rc = 0;

	if (o->env_len == 0)
		return 0;
	buf_puts(out, ",\"env\":{");
	for (size_t i = 0; rc == 0 && i < o->env_len; i++) {
		const char	*value = value_of(o->env[i]);
		size_t		 len = strcspn(o->env[i], "=");

		if (value == NULL || is_overridden(o, i, len))
			continue;
		if ((rc = check_text(ctl, value)) != 0)
			break;
		buf_puts(out, comma);
		buf_put_json(out, o->env[i], len);
		buf_putc(out, ':');
		json_put_text(out, value);
		comma = ",";
	}
	buf_putc(out, '}');
	return rc;
}

int
command_put_place(struct ctl *ctl, struct buf *out)
{
	int	rc = put_directory(ctl, out);

	return rc != 0 ? rc : put_env(ctl, out);
}

int
command_put_job(struct ctl *ctl, const char *more, struct buf *out)
{
	const struct options	*o = &ctl->opt;
	int			 rc;

	if ((rc = command_check(ctl)) != 0)
		return rc;
	buf_puts(out, "{\"type\":\"" COMMAND_TYPE "\",\"args\":{");
	command_put_argv(o->operands, o->operands_len, (struct span){ NULL, 0 }, out);
	if ((rc = command_put_place(ctl, out)) != 0)
		return rc;
	buf_puts(out, more);
	buf_putc(out, '}');
	jobopts_put(o, out);
	return 0;
}
