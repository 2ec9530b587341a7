/* sources.c - what is configured, from everywhere it can be.  Runs in: supervisor. */
#include "daemon/supervisor/sources.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/buf.h"

#define ENV_PREFIX	"JOBD_"

struct target {
	struct config		*config;
	struct settings		*settings;
	struct config_fault	*fault;
};

static int
set(const struct target *t, const char *setting, const char *origin)
{
	char	why[sizeof(t->fault->why)];

	if (config_set(t->config, setting, why, sizeof(why)) == 0) {
		settings_add(t->settings, setting, origin);
		return 0;
	}
	snprintf(t->fault->key, sizeof(t->fault->key), "%.*s", (int)strcspn(setting, "="), setting);
	snprintf(t->fault->why, sizeof(t->fault->why), "%.120s: %.380s", origin, why);
	return EXIT_CONFIG;
}

static int
read_files(const struct options *o, const struct paths_env *paths, const struct target *t)
{
	char	*path = o->config_file != NULL ? mem_strdup(o->config_file) :
		    paths_config_file(paths);
	unsigned flags = CONFIG_FILE_TRUSTED | (o->config_file != NULL ? CONFIG_FILE_NEEDED : 0);
	int	 rc = 0;

	if (path != NULL)
		rc = config_files_read(path, flags, t->config, t->settings, t->fault);
	free(path);
	return rc == 0 ? 0 : EXIT_CONFIG;
}

/* ---- environment ---- */

static void
put_lower(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_putc(out, (char)tolower((unsigned char)text[i]));
}

/* JOBD_JOBS__GRACE_MS=10s: other variables have no two underscores in a row. */
static int
set_variable(const char *variable, const struct target *t)
{
	const char	*section = variable + strlen(ENV_PREFIX), *value = strchr(variable, '=');
	const char	*between = strstr(variable, "__");
	struct buf	 setting = { 0 };
	char		*text, *origin;
	int		 rc;

	if (strncmp(variable, ENV_PREFIX, strlen(ENV_PREFIX)) != 0 || value == NULL ||
	    between == NULL || between > value || between < section)
		return 0;
	put_lower(&setting, section, (size_t)(between - section));
	buf_putc(&setting, '.');
	put_lower(&setting, between + 2, (size_t)(value - between - 2));
	buf_puts(&setting, value);
	text = buf_take_string(&setting);
	origin = mem_printf("environment %.*s", (int)(value - variable), variable);
	rc = set(t, text, origin);
	free(text);
	free(origin);
	return rc;
}

static int
read_environment(char *const *env, const struct target *t)
{
	int	rc = 0;

	for (; *env != NULL && rc == 0; env++)
		rc = set_variable(*env, t);
	return rc;
}

/* ---- command line ---- */

/* Several --listen are one list. */
static int
set_listen(const struct args *listen, const struct target *t)
{
	struct buf	 setting = { 0 };
	char		*text;
	int		 rc;

	if (listen->n == 0)
		return 0;
	buf_puts(&setting, "net.listen=");
	for (size_t i = 0; i < listen->n; i++)
		buf_printf(&setting, "%s%s", i == 0 ? "" : " ", listen->v[i]);
	text = buf_take_string(&setting);
	rc = set(t, text, "command line");
	free(text);
	return rc;
}

static int
read_command_line(const struct options *o, const struct target *t)
{
	int	rc = 0;

	for (size_t i = 0; i < o->settings.n && rc == 0; i++)
		rc = set(t, o->settings.v[i], "command line");
	return rc == 0 ? set_listen(&o->listen, t) : rc;
}

int
sources_read(const struct options *o, const struct paths_env *paths, char *const *env,
    struct config *c, struct settings *s, struct config_fault *fault)
{
	struct target	t = { .config = c, .settings = s, .fault = fault };
	int		rc;

	memset(fault, 0, sizeof(*fault));
	if ((rc = read_files(o, paths, &t)) == 0 && (rc = read_environment(env, &t)) == 0)
		rc = read_command_line(o, &t);
	return rc;
}
