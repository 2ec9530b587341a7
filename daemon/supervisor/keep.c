/* keep.c - what an operator does to a store that nobody serves.  Runs in: supervisor. */
#include "daemon/supervisor/keep.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/supervisor/paths.h"
#include "daemon/supervisor/plan.h"
#include "lib/alloc.h"

static int
run(const char *program, const char *verb, const char *store, const char *file, char *why,
    size_t size)
{
	char	*argv[] = { mem_strdup("jobd-store"), mem_strdup(verb), mem_strdup(store),
	    file == NULL ? NULL : mem_strdup(file), NULL };
	pid_t	 pid;
	int	 status = 0, rc = posix_spawn(&pid, program, NULL, NULL, argv, environ);

	if (rc != 0) {
		snprintf(why, size, "%s: %s", program, strerror(rc));
		rc = EXIT_CONFIG;
	} else {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		rc = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_INTERNAL;
		if (!WIFEXITED(status))
			snprintf(why, size, "jobd-store was killed by signal %d", WTERMSIG(status));
	}
	for (size_t i = 0; argv[i] != NULL; i++)
		free(argv[i]);
	return rc;
}

/* Into a state directory that is ours alone for as long as it lasts, and is made when it is not there. */
static int
import(const struct options *o, const char *program, char *why, size_t size)
{
	struct plan	p;
	int		rc;

	if ((rc = plan_take_state(&p, o, why, size)) == 0)
		rc = run(program, "import", p.state_dir, o->import_file, why, size);
	plan_free(&p);
	return rc;
}

/* A directory, or a file: a backup. */
static int
look(const struct options *o, const char *program, char *why, size_t size)
{
	struct paths_env	 env;
	char			*store;
	int			 rc;

	paths_env_read(&env);
	store = o->state_dir != NULL ? mem_strdup(o->state_dir) : paths_state_dir(&env);
	if (store == NULL) {
		snprintf(why, size,
		    "--state-dir is needed: neither XDG_STATE_HOME nor HOME is set");
		return EXIT_CONFIG;
	}
	rc = run(program, o->check_store ? "check" : "export", store, o->export_file, why, size);
	free(store);
	return rc;
}

int
keep_store(const struct options *o, char *why, size_t size)
{
	char	*program = paths_program("jobd-store", why, size);
	int	 rc;

	if (program == NULL)
		return EXIT_CONFIG;
	rc = o->import_file != NULL ? import(o, program, why, size) : look(o, program, why, size);
	free(program);
	return rc;
}
