/*
 * command_env.c - which variables a job may set, and the type's own.  Runs in: exec workers, loop
 * thread.
 *
 * Some variables change what a program runs rather than what it works on.  An administrator's file
 * may set any; a caller none of these, whatever the type allows.  Source: SECURITY item 6.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "workers/command_parts.h"

/* A name that ends with `*` stands for all that begin so. */
static const char *const	refused[] = {
	"LD_*", "BASH_ENV", "ENV", "IFS", "PYTHON*", "PERL5*", "NODE_OPTIONS", "GCONV_PATH",
	"JOBD_*",
	/* of the same kind */
	"BASHOPTS", "SHELLOPTS", "PS4", "PERLLIB", "RUBYLIB", "RUBYOPT", "JAVA_TOOL_OPTIONS",
};

static bool
matches(const char *pattern, const char *name)
{
	size_t	len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return strncmp(pattern, name, len - 1) == 0;
	return strcmp(pattern, name) == 0;
}

static bool
is_refused(const char *name)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (matches(refused[i], name))
			return true;
	return false;
}

static bool
is_name(const char *name)
{
	if (*name == '\0' || (*name >= '0' && *name <= '9'))
		return false;
	for (; *name != '\0'; name++)
		if (!((*name >= 'A' && *name <= 'Z') || (*name >= 'a' && *name <= 'z') ||
		    (*name >= '0' && *name <= '9') || *name == '_'))
			return false;
	return true;
}

struct wanted {
	const struct reading	*r;
	const char		*name;
};

/* 1: this is the name; -EINVAL: it is no text. */
static int
is_wanted(void *arg, const struct member *element)
{
	const struct wanted	*w = arg;
	char			*text;
	int			 same;

	if ((text = command_text(w->r, "env_allow", element)) == NULL)
		return -EINVAL;
	same = strcmp(text, w->name) == 0;
	free(text);
	return same;
}

/* May this job say it?  Of a type with an allow list, what is on it; of a free command, all but some. */
static int
check_callers(const struct reading *r, const char *name)
{
	struct wanted	w = { r, name };
	int		rc;

	if (is_refused(name))
		return command_refuse(r, "env", "%s is not for callers to set", name);
	if (r->env_allow == NULL)
		return 0;
	if ((rc = member_each(r->env_allow, is_wanted, &w)) < 0)
		return rc;
	return rc == 1 ? 0 : command_refuse(r, "env", "%s is not allowed by this type", name);
}

static void
set_variable(struct strings *env, const char *name, const char *value)
{
	size_t	len = strlen(name);
	char	*text = mem_printf("%s=%s", name, value);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], text, len + 1) == 0) {
			free(env->v[i]);
			env->v[i] = text;
			return;
		}
	strings_add(env, text);
}

static int
read_variable(struct reading *r, const struct member *m, size_t *bytes)
{
	char	*value;
	size_t	 len;
	int	 rc = 0;

	if (!is_name(m->name))
		return command_refuse(r, "env", "%.64s is not a name of a variable", m->name);
	if (r->callers && (rc = check_callers(r, m->name)) != 0)
		return rc;
	if ((value = command_text(r, "env", m)) == NULL)
		return -EINVAL;
	len = strlen(m->name) + 1 + strlen(value);
	*bytes += len;
	if (r->callers && len > COMMAND_ENV_BYTES)
		rc = command_refuse(r, "env", "%.64s has more than %d bytes", m->name,
		    COMMAND_ENV_BYTES);
	else if (r->callers && *bytes > COMMAND_ENV_ALL)
		rc = command_refuse(r, "env", "more than %d bytes in all", COMMAND_ENV_ALL);
	else
		set_variable(&r->command->env, m->name, value);
	free(value);
	return rc;
}

int
command_read_env(struct reading *r, const struct member *m)
{
	struct members	env = { 0 };
	const char	*wrong = members_read(m->raw, &env);
	size_t		 bytes = 0;
	int		 rc = 0;

	if (wrong != NULL)
		rc = command_refuse(r, "env", "%s", wrong);
	else if (r->callers && env.n > COMMAND_ENV_MAX)
		rc = command_refuse(r, "env", "more than %d variables", COMMAND_ENV_MAX);
	for (size_t i = 0; rc == 0 && i < env.n; i++)
		rc = read_variable(r, &env.v[i], &bytes);
	members_free(&env);
	return rc;
}
