/*
 * spawn.h - starts a program in a process of its own.
 *
 * The child shares the worker's memory until it execs (CLONE_VM, CLONE_VFORK), so a start costs the
 * same however large the worker is.  It sets itself up in the order of SECURITY item 7; what goes
 * wrong comes back through a close-on-exec pipe.  Only for processes without threads.
 */
#ifndef WORKERS_SPAWN_H
#define WORKERS_SPAWN_H

#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/types.h>

#define SPAWN_LIMITS	8

struct spawn_limit {
	int		resource;
	struct rlimit	value;		/* what is above the hard limit in force is cut to it */
};

struct spawn {
	char *const	*paths;		/* where the program may be, in order; NULL at the end */
	char *const	*argv, *const *env;
	const char	*cwd;
	int		 in, out, err;	/* stdin, stdout, stderr: close-on-exec, above 2 */
	int		 cgroup;	/* the directory of the one it gets; -1: none */
	mode_t		 umask;
	int		 nice;		/* 0: as the worker */
	int		 ruleset;	/* of Landlock; -1: none */
	const struct sock_fprog *filter;	/* of seccomp; NULL: none */
	struct spawn_limit limits[SPAWN_LIMITS];
	int		 limits_count;
};

/* Where a start failed: what the message says. */
struct spawn_failure {
	const char	*stage;		/* "exec", "chdir", "limits", ... */
	int		 error;		/* errno; 0: text says it */
	char		 text[300];
};

/* Once, at start: the pipe.  0 or -errno. */
int spawn_init(void);
void spawn_fini(void);
/* The pid, a leader of its session and process group; or -1 and *why. */
pid_t spawn(const struct spawn *s, struct spawn_failure *why);

#endif
