/*
 * paths.h - where jobd lives: the socket's directory, the state's, and the programs it starts.
 */
#ifndef SUPERVISOR_PATHS_H
#define SUPERVISOR_PATHS_H

#include <stddef.h>
#include <sys/types.h>

/* What the defaults depend on; NULL for a variable that is not set. */
struct paths_env {
	uid_t		 uid;
	const char	*runtime_dir;	/* XDG_RUNTIME_DIR */
	const char	*state_home;	/* XDG_STATE_HOME */
	const char	*config_home;	/* XDG_CONFIG_HOME */
	const char	*config_dir;	/* CONFIGURATION_DIRECTORY, as systemd sets it */
	const char	*home, *tmpdir;
};

void paths_env_read(struct paths_env *env);

/*
 * Root: /run/jobd and /var/lib/jobd.  A user: $XDG_RUNTIME_DIR/jobd, else jobd-UID in the temporary
 * directory; $XDG_STATE_HOME/jobd, else ~/.local/state/jobd.  Variables that are no absolute path
 * do not count.  Types: jobd/jobs.d in the configuration directory, which is a user's own
 * $XDG_CONFIG_HOME, else ~/.config.  The caller frees; the state directory and the one for types
 * are NULL when no variable says where.
 */
char *paths_socket_dir(const struct paths_env *env);
char *paths_state_dir(const struct paths_env *env);
char *paths_jobs_dir(const struct paths_env *env);
/*
 * jobd.conf: in the directory that systemd names (the first of several), else root's, else in the
 * user's configuration directory.  The caller frees; NULL when no variable says where.
 */
char *paths_config_file(const struct paths_env *env);

/*
 * Makes the directory, and what lacks above it, with mode 0700.  One that exists must be a
 * directory itself (not a link), ours, and have no mode bit of `forbidden`: 0077 for what nobody
 * else may read, 0022 for what nobody else may alter.  0, or -errno with a sentence in why[size].
 */
int paths_make_dir(const char *path, mode_t forbidden, char *why, size_t size);
/* The same of one that may belong to `owner` too. */
int paths_make_dir_of(const char *path, uid_t owner, mode_t forbidden, char *why, size_t size);

/*
 * The program to start: beneath $JOBD_LIBEXECDIR where that is set (tests use it), else beside jobd
 * as in a build tree, else where `make install` put it.  The caller frees; NULL with a sentence
 * when it is nowhere.
 */
char *paths_program(const char *name, char *why, size_t size);

#endif
