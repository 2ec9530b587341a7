/*
 * group.h - a cgroup for each attempt, beneath the directory that JOBD_CGROUP names (cgroup v2,
 * delegated to the worker's user).  Without one nothing here does anything, and says so.
 */
#ifndef WORKERS_GROUP_H
#define WORKERS_GROUP_H

#include <stdbool.h>
#include <stdint.h>

struct group {
	int	dir;		/* -1: none */
	char	name[48];
};

/* Once, at start.  A directory that cannot be used is logged and left alone. */
void group_init(const char *path);
void group_fini(void);
bool group_usable(void);	/* each attempt gets one */
/* Makes one; memory and processes: limits, 0: none.  Without cgroups: g->dir is -1. */
void group_make(struct group *g, uint64_t job, uint32_t attempt, int64_t memory,
    int64_t processes);
void group_kill(const struct group *g);
bool group_is_empty(const struct group *g);	/* true without one */
bool group_ran_out(const struct group *g);	/* of memory: the kernel killed one of it */
int64_t group_peak_bytes(const struct group *g);	/* 0: not known */
/* Once it is empty. */
void group_remove(struct group *g);

#endif
