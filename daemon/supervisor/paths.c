/* paths.c - where jobd lives.  Runs in: supervisor. */
#include "daemon/supervisor/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"

void
paths_env_read(struct paths_env *env)
{
	env->uid = geteuid();
	env->runtime_dir = getenv("XDG_RUNTIME_DIR");
	env->state_home = getenv("XDG_STATE_HOME");
	env->config_home = getenv("XDG_CONFIG_HOME");
	env->config_dir = getenv("CONFIGURATION_DIRECTORY");
	env->home = getenv("HOME");
	env->tmpdir = getenv("TMPDIR");
}

static bool
is_absolute(const char *path)
{
	return path != NULL && path[0] == '/';
}

char *
paths_socket_dir(const struct paths_env *env)
{
	if (env->uid == 0)
		return mem_strdup("/run/jobd");
	if (is_absolute(env->runtime_dir))
		return mem_printf("%s/jobd", env->runtime_dir);
	return mem_printf("%s/jobd-%u", is_absolute(env->tmpdir) ? env->tmpdir : "/tmp",
	    (unsigned)env->uid);
}

char *
paths_state_dir(const struct paths_env *env)
{
	if (env->uid == 0)
		return mem_strdup("/var/lib/jobd");
	if (is_absolute(env->state_home))
		return mem_printf("%s/jobd", env->state_home);
	if (is_absolute(env->home))
		return mem_printf("%s/.local/state/jobd", env->home);
	return NULL;
}

/* What is configured, by its name; NULL when no variable says where. */
static char *
in_config_dir(const struct paths_env *env, const char *name)
{
	if (env->uid == 0)
		return mem_printf(SYSCONFDIR "/jobd/%s", name);
	if (is_absolute(env->config_home))
		return mem_printf("%s/jobd/%s", env->config_home, name);
	if (is_absolute(env->home))
		return mem_printf("%s/.config/jobd/%s", env->home, name);
	return NULL;
}

char *
paths_jobs_dir(const struct paths_env *env)
{
	return in_config_dir(env, "jobs.d");
}

char *
paths_config_file(const struct paths_env *env)
{
	if (is_absolute(env->config_dir))
		return mem_printf("%.*s/jobd.conf", (int)strcspn(env->config_dir, ":"),
		    env->config_dir);
	return in_config_dir(env, "jobd.conf");
}

/* Each directory on the way that does not exist; others' are left as they are. */
static int
make_parents(const char *path)
{
	char	*copy = mem_strdup(path);
	int	 rc = 0;

	for (char *slash = strchr(copy + 1, '/'); slash != NULL && rc == 0;
	    slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) != 0 && errno != EEXIST)
			rc = -errno;
		*slash = '/';
	}
	free(copy);
	return rc;
}

static int
check_dir(const char *path, uid_t owner, mode_t forbidden, char *why, size_t size)
{
	struct stat	st;

	if (lstat(path, &st) != 0) {
		snprintf(why, size, "%s: %s", path, strerror(errno));
		return -errno;
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(why, size, "%s: is not a directory", path);
		return -ENOTDIR;
	}
	if (st.st_uid != geteuid() && st.st_uid != owner) {
		snprintf(why, size, "%s: belongs to uid %u, not to uid %u who starts jobd", path,
		    (unsigned)st.st_uid, (unsigned)geteuid());
		return -EPERM;
	}
	if ((st.st_mode & forbidden) != 0) {
		snprintf(why, size, "%s: has mode %04o, so others can %s it; chmod 0700 it, or "
		    "take another directory", path, (unsigned)st.st_mode & 07777,
		    (st.st_mode & 0022) != 0 ? "alter" : "read");
		return -EPERM;
	}
	return 0;
}

int
paths_make_dir(const char *path, mode_t forbidden, char *why, size_t size)
{
	return paths_make_dir_of(path, geteuid(), forbidden, why, size);
}

int
paths_make_dir_of(const char *path, uid_t owner, mode_t forbidden, char *why, size_t size)
{
	int	rc = make_parents(path);

	if (rc == 0 && mkdir(path, 0700) != 0 && errno != EEXIST)
		rc = -errno;
	if (rc != 0) {
		snprintf(why, size, "%s: cannot be made: %s", path, strerror(-rc));
		return rc;
	}
	return check_dir(path, owner, forbidden, why, size);
}

/*
 * The directory that holds the program that runs now; the caller frees.  NULL: the kernel does not
 * say.
 */
static char *
own_dir(void)
{
	char	path[PATH_MAX], *slash;
	ssize_t	n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	if ((slash = strrchr(path, '/')) == NULL)
		return NULL;
	*slash = '\0';
	return mem_strdup(path);
}

static char *
executable_in(const char *dir, const char *name)
{
	char	*path;

	if (dir == NULL)
		return NULL;
	path = mem_printf("%s/%s", dir, name);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *
paths_program(const char *name, char *why, size_t size)
{
	const char	*given = secure_getenv("JOBD_LIBEXECDIR");
	char		*beside = own_dir(), *path;

	if (given != NULL) {
		if ((path = executable_in(given, name)) == NULL)
			snprintf(why, size, "%s: not in %s, which JOBD_LIBEXECDIR says", name,
			    given);
	} else if ((path = executable_in(beside, name)) == NULL &&
	    (path = executable_in(PKGLIBEXECDIR, name)) == NULL) {
		snprintf(why, size, "%s: neither in %s nor in %s: is jobd installed whole?", name,
		    PKGLIBEXECDIR, beside == NULL ? "the directory of jobd" : beside);
	}
	free(beside);
	return path;
}
