/*
 * cgroup.h - a cgroup (v2) of its own for each worker that runs what is not ours: its tree can be
 * killed as one, and its memory and processes bounded.
 *
 * Beneath the directory that is ours to divide there are
 *
 *   daemon/		jobd's own processes, where controllers are shared out: a group that has
 *			processes can bound none beneath it
 *   workers/NAME/	one for each exec and language worker, removed after its end
 *
 * That of an exec worker belongs to its user, who makes `worker` and `job-*` in it
 * (workers/group.h).
 */
#ifndef SUPERVISOR_CGROUP_H
#define SUPERVISOR_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct account;

struct cgroup {
	int	 dir;		/* `workers`, locked; -1: there is none */
	char	*path;		/* of it */
	bool	 memory, pids;	/* the controllers that bound what is beneath it */
};

/* Of one worker. */
struct cgroup_bounds {
	int64_t	memory, processes;	/* 0: none */
};

/*
 * The directory of the caller's own cgroup, from the texts of /proc/self/cgroup and
 * /proc/self/mountinfo; to be freed.  NULL: there is no cgroup v2, or it is not mounted here.
 * *root: it is the root of its namespace.
 */
char *cgroup_locate(const char *own, const char *mounts, bool *root);

/*
 * given "auto": jobd's own cgroup, if it was delegated: it belongs to us, and systemd has marked it
 * so, or we are process 1 of a container that has a cgroup namespace.  "none": none.  Else that
 * directory, whatever is said of it.  Moves this process into `daemon` where that is needed, takes
 * `workers` for itself, and ends what a dead supervisor left in it.  Says in one line of the log
 * what there is, or why there is none.
 *
 * 0, also when there is none; -errno with a sentence in why[size] when a given one is of no use.
 */
int cgroup_open(struct cgroup *g, const char *given, char *why, size_t size);
/* The second half: path is ours.  own: the caller's processes are in it. */
int cgroup_use(struct cgroup *g, const char *path, bool own, char *why, size_t size);
void cgroup_close(struct cgroup *g);

/*
 * Makes a worker's; `to` may divide it further (NULL: nobody).  0, its cgroup.procs in *procs for the
 * caller to close; -errno.
 */
int cgroup_make(const struct cgroup *g, const char *name, const struct account *to,
    const struct cgroup_bounds *b, int *procs);
/* SIGKILL to all in it. */
void cgroup_kill(const struct cgroup *g, const char *name);
/* After its processes' end.  true: it is gone; false: it is not empty yet. */
bool cgroup_remove(const struct cgroup *g, const char *name);

#endif
