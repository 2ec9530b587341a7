/* launch.h - start a program, with nothing of ours but what it needs. */
#ifndef SUPERVISOR_LAUNCH_H
#define SUPERVISOR_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct account;

#define LAUNCH_FD	3		/* the first descriptor that the program is given */

struct launch {
	const char	*program;	/* path; of a foreign one also a name, for the PATH of env */
	char *const	*argv;
	const int	*fds;		/* they become LAUNCH_FD and following */
	size_t		 nfds;
	int		 cgroup;	/* a cgroup.procs, open for writing; -1: stays in ours */
	const struct account *as;	/* NULL: who we are */
	char *const	*env;		/* NULL: ours */
	/* Of a program that is not jobd's own. */
	bool		 foreign;
	const char	*cwd;		/* NULL: / */
	int		 out, err;
};

struct child {
	pid_t		 pid;
	int		 pidfd;
	uint64_t	 start;		/* with pid it names the process for ever: children.h */
};

/*
 * Forks and execs.  The program has 0 = ours, 1 and 2 = our stderr (a foreign one: out and err),
 * the given descriptors, and no other; it is `as` for good, and a foreign one gains no privileges
 * by exec; its signals are at their defaults, it leads a session of its own (Ctrl-C is ours to
 * answer), and it gets SIGKILL when we die.  The caller must have no thread and must own SIGCHLD.
 *
 * 0 and *out, its pidfd for the caller to close; -errno, also when exec failed.
 */
int launch(const struct launch *l, struct child *out);

#endif
